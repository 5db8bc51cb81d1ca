/* SPDX-License-Identifier: Apache-2.0 */
/* grid.c - the table of providers and the calls through it. */
#include "adapt/grid.h"

#include <stdlib.h>

#include "adapt/grid_provider.h"

static const struct {
    sprout_grid_make_fn *make;
    const struct sprout_grid_ops *ops;
} providers[] = {
    [SPROUT_GRID_STATIC] = {sprout_grid_static_make, &sprout_grid_static_ops},
    [SPROUT_GRID_CSV] = {sprout_grid_csv_make, &sprout_grid_csv_ops},
    [SPROUT_GRID_LIST] = {sprout_grid_list_make, &sprout_grid_list_ops},
};

struct sprout_grid {
    const struct sprout_grid_ops *ops;
    void *self; /* owned, freed by ops->free */
};

const char *sprout_grid_quality_text(enum sprout_grid_quality q)
{
    static const char *const text[] = {
#define X(name, text) text,
        SPROUT_GRID_QUALITY_TABLE(X)
#undef X
    };
    return text[q];
}

const char *sprout_grid_kind_text(enum sprout_grid_kind k)
{
    return k == SPROUT_GRID_AVERAGE ? "average" : "marginal";
}

const char *sprout_grid_scope_text(enum sprout_grid_scope s)
{
    return s == SPROUT_GRID_DIRECT ? "direct" : "lifecycle";
}

enum sprout_status sprout_grid_new(const struct sprout_grid_opts *opts,
                                   struct sprout_grid **out, struct sprout_error *err)
{
    struct sprout_grid *const g = calloc(1, sizeof *g);
    if (g == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the grid");
    }
    g->ops = providers[opts->source].ops;
    const enum sprout_status status = providers[opts->source].make(opts, &g->self, err);
    if (status != SPROUT_OK) {
        free(g);
        return status;
    }
    *out = g;
    return SPROUT_OK;
}

void sprout_grid_free(struct sprout_grid *g)
{
    if (g != NULL) {
        g->ops->free(g->self);
        free(g);
    }
}

enum sprout_status sprout_grid_poll(struct sprout_grid *g, sprout_instant now,
                                    struct sprout_grid_value *out,
                                    struct sprout_error *err)
{
    return g->ops->poll(g->self, now, out, err);
}

struct sprout_grid_range sprout_grid_range(struct sprout_grid *g, sprout_instant now,
                                           sprout_span window)
{
    return g->ops->range(g->self, now, window);
}

sprout_instant sprout_grid_next(struct sprout_grid *g, sprout_instant now)
{
    return g->ops->next(g->self, now);
}

void sprout_grid_past(struct sprout_grid *g, sprout_instant now, sprout_g_per_kwh *out,
                      size_t hours)
{
    for (size_t i = 0; i < hours; i++) {
        out[i].v = NAN;
    }
    if (g->ops->past != NULL) {
        g->ops->past(g->self, now, out, hours);
    }
}

sprout_instant sprout_grid_clock(struct sprout_grid *g, sprout_instant now)
{
    return g->ops->clock(g->self, now);
}

struct sprout_str sprout_grid_about(const struct sprout_grid *g)
{
    return g->ops->about(g->self);
}

struct sprout_grid_list *sprout_grid_as_list(struct sprout_grid *g)
{
    return g->ops == &sprout_grid_list_ops ? g->self : NULL;
}
