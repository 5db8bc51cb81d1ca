/* SPDX-License-Identifier: Apache-2.0 */
/* lp_instance.h - random instances of the optimizer's problem, and glpk beside it.
 *
 * Shared by the property test and the benchmark.  Instances are drawn from kinds that each
 * provoke one degenerate case; small whole numbers make bounds exactly attainable. */
#ifndef SPROUT_TESTS_LP_INSTANCE_H
#define SPROUT_TESTS_LP_INSTANCE_H

#include <glpk.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/optimize.h"
#include "draw.h"

enum { LP_ITEMS_MAX = 64, LP_OPTIONS_MAX = 8 };

struct lp_instance {
    struct sprout_item items[LP_ITEMS_MAX];
    double cost[LP_ITEMS_MAX][LP_OPTIONS_MAX];
    double quality[LP_ITEMS_MAX][LP_OPTIONS_MAX];
    size_t item_count;
    enum sprout_goal goal;
    double bound;
};

/* How numbers are drawn: each kind is a way for ties and corners to happen. */
enum lp_kind {
    LP_SMOOTH,    /* uniform reals: nothing ties */
    LP_WHOLE,     /* small whole numbers: equal costs, equal slopes, exact floors */
    LP_LINE,      /* quality proportional to cost: every slope is the same */
    LP_DOMINATED, /* better options are cheaper */
    LP_WIDE,      /* magnitudes from 1e-3 to 1e3 */
    LP_PAPER,     /* three levels, falling cost and quality */
    LP_KINDS
};

static inline double lp_number(enum lp_kind kind, uint64_t *rng)
{
    switch (kind) {
    case LP_WHOLE:
    case LP_LINE:
        return (double)draw_below(rng, 6);
    case LP_WIDE:
        return pow(10, 6 * draw_unit(rng) - 3);
    default:
        return draw_unit(rng);
    }
}

static inline void lp_option(struct lp_instance *p, size_t i, size_t l, enum lp_kind kind,
                             uint64_t *rng)
{
    double c = lp_number(kind, rng), q = lp_number(kind, rng);
    if (kind == LP_LINE) {
        q = 2 * c;
    } else if (kind == LP_DOMINATED) {
        q = 1 - c + 0.05 * q;
    } else if (kind == LP_PAPER) {
        c *= pow(0.25, (double)l);
        q = 0.3 + 0.1 * q - 0.05 * (double)l;
    }
    p->cost[i][l] = c;
    p->quality[i][l] = q;
}

/* A bound between far too little and a little too much, or exactly at a sum of options. */
static inline double lp_bound(const struct lp_instance *p, uint64_t *rng)
{
    double low = 0, high = 0, corner = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        const double *v = p->goal == SPROUT_GOAL_FLOOR ? p->quality[i] : p->cost[i];
        double least = v[0], most = v[0];
        for (size_t l = 1; l < p->items[i].options; l++) {
            least = fmin(least, v[l]);
            most = fmax(most, v[l]);
        }
        low += p->items[i].weight * least;
        high += p->items[i].weight * most;
        corner += p->items[i].weight * v[draw_below(rng, p->items[i].options)];
    }
    switch (draw_below(rng, 8)) {
    case 0:
        return corner;
    case 1:
        return high;
    case 2:
        return low;
    default:
        return low - 0.1 * (high - low) + 1.2 * (high - low) * draw_unit(rng);
    }
}

static inline void lp_draw(struct lp_instance *p, size_t max_items, size_t max_options,
                           uint64_t *rng)
{
    const enum lp_kind kind = (enum lp_kind)draw_below(rng, LP_KINDS);
    p->item_count = 1 + draw_below(rng, max_items);
    p->goal = draw_below(rng, 3) == 0 ? SPROUT_GOAL_BUDGET : SPROUT_GOAL_FLOOR;
    for (size_t i = 0; i < p->item_count; i++) {
        const size_t n = kind == LP_PAPER ? 3 : 1 + draw_below(rng, max_options);
        const bool zero = draw_below(rng, 8) == 0;
        const double weight = zero               ? 0
                              : kind == LP_WHOLE ? (double)(1 + draw_below(rng, 4))
                                                 : lp_number(LP_WIDE, rng);
        p->items[i] = (struct sprout_item){weight, p->cost[i], p->quality[i], n};
        for (size_t l = 0; l < n; l++) {
            lp_option(p, i, l, kind, rng);
        }
    }
    p->bound = lp_bound(p, rng);
}

/* The same problem for glpk: one column an option, one row an item, one row the bound. */
static inline glp_prob *lp_glpk(const struct lp_instance *p)
{
    int index[LP_ITEMS_MAX * LP_OPTIONS_MAX + 1];
    double value[LP_ITEMS_MAX * LP_OPTIONS_MAX + 1];
    const bool floor = p->goal == SPROUT_GOAL_FLOOR;

    glp_prob *lp = glp_create_prob();
    glp_set_obj_dir(lp, floor ? GLP_MIN : GLP_MAX);
    glp_add_rows(lp, (int)p->item_count + 1);
    int n = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        const struct sprout_item *item = &p->items[i];
        const int first = n + 1;
        glp_add_cols(lp, (int)item->options);
        for (size_t l = 0; l < item->options; l++) {
            n++;
            glp_set_col_bnds(lp, n, GLP_LO, 0, 0);
            glp_set_obj_coef(lp, n,
                             item->weight * (floor ? item->cost[l] : item->quality[l]));
        }
        for (int k = 1; k <= (int)item->options; k++) {
            index[k] = first + k - 1;
            value[k] = 1;
        }
        glp_set_mat_row(lp, (int)i + 1, (int)item->options, index, value);
        glp_set_row_bnds(lp, (int)i + 1, GLP_FX, 1, 1);
    }
    n = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        for (size_t l = 0; l < p->items[i].options; l++) {
            n++;
            index[n] = n;
            value[n] = p->items[i].weight *
                       (floor ? p->items[i].quality[l] : p->items[i].cost[l]);
        }
    }
    glp_set_mat_row(lp, (int)p->item_count + 1, n, index, value);
    glp_set_row_bnds(lp, (int)p->item_count + 1, floor ? GLP_LO : GLP_UP, p->bound,
                     p->bound);
    return lp;
}

#endif
