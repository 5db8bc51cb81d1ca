/* SPDX-License-Identifier: Apache-2.0 */
/* grid_provider.h - what a provider of carbon intensity implements; for grid_*.c only.
 *
 * A new provider is a file with a `make` function and a row of the table in grid.c.  The
 * functions get the caller's `now` and ask no clock of their own. */
#ifndef SPROUT_ADAPT_GRID_PROVIDER_H
#define SPROUT_ADAPT_GRID_PROVIDER_H

#include "adapt/grid.h"

/* See grid.h for what each promises. */
struct sprout_grid_ops {
    enum sprout_status (*poll)(void *self, sprout_instant now,
                               struct sprout_grid_value *out, struct sprout_error *err);
    struct sprout_grid_range (*range)(void *self, sprout_instant now, sprout_span window);
    sprout_instant (*next)(void *self, sprout_instant now);
    sprout_instant (*clock)(void *self, sprout_instant now);
    /* Hourly values, the last one of the hour of the grid's clock at `now`; NULL: none. */
    void (*past)(void *self, sprout_instant now, sprout_g_per_kwh *out, size_t hours);
    struct sprout_str (*about)(const void *self);
    void (*free)(void *self);
};

typedef enum sprout_status sprout_grid_make_fn(const struct sprout_grid_opts *opts,
                                               void **out_self, struct sprout_error *err);

extern const struct sprout_grid_ops sprout_grid_static_ops;
extern const struct sprout_grid_ops sprout_grid_csv_ops;
extern const struct sprout_grid_ops sprout_grid_list_ops;

sprout_grid_make_fn sprout_grid_static_make;
sprout_grid_make_fn sprout_grid_csv_make;
sprout_grid_make_fn sprout_grid_list_make;

#endif
