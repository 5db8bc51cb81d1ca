/* SPDX-License-Identifier: Apache-2.0 */
/* optimize_two.h - the optimum under two floors: of quality and of accuracy.
 *
 *     minimise  sum_i w_i c_i.x_i   subject to  sum_i w_i q_i.x_i >= Q,
 *                                               sum_i w_i a_i.x_i >= A,  x_i in the simplex
 *
 * The second floor is priced into the cost (Lagrange): for a price p of accuracy the rest,
 * least c - p a under the floor of quality, is optimize.h's problem and solved by it.  As p
 * rises its optima gain accuracy and cost; they are vertices, finitely many.  Where the line
 * through one on either side of A has no optimum under it, both are optimal at its slope,
 * and so is the mix of the two that meets A: the exact optimum, with at most two items split
 * or one in three.
 *
 * Degenerate cases have one defined answer.  Where the optimum under the first floor alone
 * keeps the second, it is that one (optimize.h), and the price of accuracy 0.  Else, of
 * mixes equally cheap, the one the search comes to; it draws nothing.  Items of weight 0
 * are solved at the same prices.
 * Infeasible: where the floor of quality alone cannot be kept, the mix of greatest quality,
 * as optimize.h has it.  Where it can, but not with that of accuracy, the cheapest mix of the
 * greatest accuracy that keeps quality.  A floor counts as met as there.
 * Pure; scratch from the arena (sprout_optimize_two_scratch bytes). */
#ifndef SPROUT_CORE_OPTIMIZE_TWO_H
#define SPROUT_CORE_OPTIMIZE_TWO_H

#include "core/optimize.h"

struct sprout_optimum_two {
    bool feasible; /* both floors are kept */
    double cost;   /* weighted sums of the mixes returned */
    double quality;
    double accuracy;
    double price;          /* dC/dQ >= 0, finite */
    double accuracy_price; /* dC/dA >= 0, finite */
    int steps;             /* problems of one floor that were solved */
};

/* accuracy[i] are `items[i].options` finite numbers.  Writes shares as sprout_optimize()
 * does, with its errors. */
SPROUT_MUST_USE enum sprout_status sprout_optimize_two(
    const struct sprout_item *items, const double *const *accuracy, size_t item_count,
    double quality_floor, double accuracy_floor, struct sprout_arena *scratch,
    double *const *out_mix, struct sprout_optimum_two *out_best,
    struct sprout_error *err);

/* The optimum under a floor of quality alone, as one of both: its accuracy is not known. */
struct sprout_optimum_two sprout_optimize_without(const struct sprout_optimum *one);

/* Bytes of scratch that suffice for items with `option_count` options in all. */
size_t sprout_optimize_two_scratch(size_t item_count, size_t option_count);

#endif
