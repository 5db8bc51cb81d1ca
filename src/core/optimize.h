/* SPDX-License-Identifier: Apache-2.0 */
/* optimize.h - the exact optimum of the one problem Sprout is about.
 *
 *     minimise  sum_i w_i c_i.x_i   subject to  sum_i w_i q_i.x_i >= Q,  x_i in the simplex
 *
 * Items i are strata (or strata x future hours, or prompts), options l levels.  There is
 * one coupling constraint, so this is the LP relaxation of a multiple-choice knapsack, and
 * the exact optimum is found by walking the items' lower convex hulls in order of cost per
 * quality: O(n log n) in the number of options, at most one item split between two options.
 * With one item it is the paper's LP.  The price is the slope dC/dQ where the walk stops
 * (the dual of the floor); 0 when the constraint does not bind.
 * The same walk answers the dual question: most quality within a budget B of cost.
 *
 * Degenerate cases have one defined answer: of equally cheap options the one of higher
 * quality, then the one that comes first; of equal slopes the item that comes first; items
 * of weight 0 are solved at the same price and their mix sums to 1 too.  Where the walk ends
 * at a corner, the price of a floor is the last slope walked, that of a budget the next one
 * it could not pay for.
 * A bound counts as met when it is missed by no more than SPROUT_OPTIMIZE_TOLERANCE, of 1 or
 * of S (the sum of w_i max_l |q_il|, of costs for a budget), whichever is less, or by what
 * rounding does to S (1e-12 S).
 * Memory: scratch from the arena (sprout_optimize_scratch bytes).  Pure.
 * Not here: costs (carbon.h), the floor's rule (floor.h). */
#ifndef SPROUT_CORE_OPTIMIZE_H
#define SPROUT_CORE_OPTIMIZE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SPROUT_OPTIMIZE_TOLERANCE 1e-9
/* Larger numbers are refused: products and sums of allowed ones stay finite. */
#define SPROUT_OPTIMIZE_NUMBER_MAX 1e100

struct sprout_item {
    double weight;         /* >= 0, finite */
    const double *cost;    /* `options` finite numbers */
    const double *quality; /* `options` finite numbers */
    size_t options;        /* >= 1 */
};

enum sprout_goal {
    SPROUT_GOAL_FLOOR,  /* least cost with quality >= bound */
    SPROUT_GOAL_BUDGET, /* most quality with cost <= bound */
};

struct sprout_optimum {
    bool feasible; /* false: the mixes are the best that can be had (greatest quality for
                        a floor, least cost for a budget) */
    double cost;   /* weighted sums of the mixes returned */
    double quality;
    double price; /* dC/dQ >= 0, finite */
};

/* Writes `items[i].options` shares to out_mix[i] each (memory of the caller's).
 * SPROUT_INVALID for a negative weight, a number that is not finite or too large, or an item
 * without options (*err says which), SPROUT_LIMIT beyond 2^32 - 1 options in all,
 * SPROUT_NO_MEMORY if the arena is too small; *out_best and the mixes are then untouched. */
SPROUT_MUST_USE enum sprout_status sprout_optimize(
    const struct sprout_item *items, size_t item_count, enum sprout_goal goal,
    double bound, struct sprout_arena *scratch, double *const *out_mix,
    struct sprout_optimum *out_best, struct sprout_error *err);

/* Bytes of scratch that suffice for items with `option_count` options in all. */
size_t sprout_optimize_scratch(size_t item_count, size_t option_count);

/* Why an option has the share it has; the text says it to a person. */
#define SPROUT_OPTION_WHY_TABLE(X)                                                       \
    X(ACTIVE, "in the mix")                                                              \
    X(DOMINATED, "another option costs no more and is no worse")                         \
    X(MIXED_OUT, "a mix of two other options is no worse at the same cost")              \
    X(TOO_LITTLE, "loses more quality than its saving is worth at this price")           \
    X(TOO_DEAR, "costs more than its quality is worth at this price")

enum sprout_option_why {
#define X(name, text) SPROUT_OPTION_##name,
    SPROUT_OPTION_WHY_TABLE(X)
#undef X
};

const char *sprout_option_why_text(enum sprout_option_why why);

/* The reason for option `l` of an item whose mix is an optimum's. */
enum sprout_option_why sprout_optimize_why(const struct sprout_item *item,
                                           const double *mix, size_t l);

#endif
