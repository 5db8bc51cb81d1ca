/* SPDX-License-Identifier: Apache-2.0 */
/* grid_ahead.h - the coming day: what the provider foretells, else what the past suggests.
 *
 * An hour that the provider foretells is the provider's.  The others are ours
 * (core/forecast), made of what was live or replayed up to now and of nothing later, with
 * the error that the same rule had on that past.  A constant and a profile foretell nothing.
 * Memory: none kept.  Threads: the grid's. */
#ifndef SPROUT_ADAPT_GRID_AHEAD_H
#define SPROUT_ADAPT_GRID_AHEAD_H

#include "adapt/grid.h"
#include "core/forecast.h"

enum { SPROUT_GRID_DAY = 24 };

struct sprout_grid_hour {
    sprout_instant start;       /* grid time */
    sprout_g_per_kwh intensity; /* NaN: nobody can tell */
    bool ours;                  /* not the provider's */
};

struct sprout_grid_ahead {
    struct sprout_grid_hour hour[SPROUT_GRID_DAY]; /* the first begins after now */
    bool any;
    bool ours; /* one of them at least */
    struct sprout_forecast_error
        error[SPROUT_GRID_DAY]; /* of ours; n 0: too little past */
};

/* The next `hours` alone, without an error: as many as a month has.  True: one is known. */
bool sprout_grid_foretell(struct sprout_grid *g, sprout_instant now,
                          struct sprout_grid_hour *out, size_t hours);

void sprout_grid_look_ahead(struct sprout_grid *g, sprout_instant now,
                            struct sprout_grid_ahead *out);

#endif
