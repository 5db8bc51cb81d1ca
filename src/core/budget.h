/* SPDX-License-Identifier: Apache-2.0 */
/* budget.h - one floor over a window: quality is spent where the grid is dirty.
 *
 * With a predictor every prompt is an item of the optimum, and the price of quality alone
 * decides: level = argmin(carbon - price * quality).  Carbon is proportional to tokens, so
 * at any grid only the ratio
 *     ratio = price / (grams per token now)      [tokens one spends on a unit of quality]
 * matters, and what a ratio yields is a curve of the traffic: the mean quality of the levels
 * it chooses.  One price over all hours of the window is the optimum (the dual of one
 * floor); this finds the least price with which
 *     account so far + sum over the hours ahead of (quality(ratio) - floor * quality of L0)
 * is no less than a margin of caution, and it is asked again every hour, so that the floor
 * holds at the window's end although forecasts and estimates were off.  Beside it a hard
 * floor for each hour raises the ratio where the price alone would sacrifice the hour.
 * Pure, no allocation. */
#ifndef SPROUT_CORE_BUDGET_H
#define SPROUT_CORE_BUDGET_H

#include <stddef.h>

#include "core/units.h"

/* What a ratio yields per request of some traffic.  Borrowed arrays. */
struct sprout_budget_curve {
    const double *ratio;   /* ascending, the first is 0 */
    const double *quality; /* mean of the chosen levels */
    double quality_l0;     /* mean of L0 on the same requests */
    size_t count;          /* >= 1 */
};

/* Index of the point in force at a ratio: the last one not above it. */
size_t sprout_budget_at(const struct sprout_budget_curve *c, double ratio);

/* First point from `from` on whose quality is at least floor * quality_l0; the point of
 * greatest quality if there is none. */
size_t sprout_budget_raise(const struct sprout_budget_curve *c, size_t from,
                           double floor);

struct sprout_budget {
    double floor; /* relative to L0 */
    double
        account; /* sum of (quality - floor * quality of L0) of what was served, weighted
                       by the hours' traffic */
    double caution;                /* >= 0: how much must be left over at the end */
    const double *grams_per_token; /* of each hour ahead, this one first */
    const double *weight;          /* traffic of each hour; NULL: 1 each */
    size_t hours;                  /* >= 1 */
    size_t least; /* point of the curve that no hour falls under: of the hourly floor */
};

/* Grams per unit of quality: the least price that keeps the window's floor.  If none does,
 * the price of greatest quality in every hour. */
double sprout_budget_price(const struct sprout_budget *b,
                           const struct sprout_budget_curve *c);

/* What is left over at the window's end at a price, after caution; negative: the floor is
 * not kept.  INFINITY asks for the most that can be had. */
double sprout_budget_left(const struct sprout_budget *b,
                          const struct sprout_budget_curve *c, double price);

#endif
