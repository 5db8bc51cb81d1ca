/* SPDX-License-Identifier: Apache-2.0 */
/* planner_inner.h - what the files of the planner share; for planner*.c only. */
#ifndef SPROUT_CONTROL_PLANNER_INNER_H
#define SPROUT_CONTROL_PLANNER_INNER_H

#include "control/planner.h"
#include "core/optimize_two.h"

/* What one plan works with. */
struct plan {
    const struct sprout_plan_in *in;
    struct sprout_arena *arena;
    struct sprout_error *err;
    struct sprout_policy *policy;
    struct sprout_stratum
        *stratum; /* of all, then of each kind if there is a predictor */
    size_t strata;
    struct sprout_plan_why *why;
    size_t levels;
    uint32_t withheld; /* bit l: nobody is given level l; see planner_accuracy.c */
    uint32_t withheld_of[SPROUT_KIND_COUNT]; /* beyond that, no prompt of the kind */
};

/* planner_profiles.c: energy and time by model. */
void sprout_plan_profiles(struct plan *p);

/* planner_judged.c: quality from verdicts where there are some that can be used, in place of
 * what the stratum holds.  After levels and patches of the policy. */
void sprout_plan_judge(struct plan *p);
/* Quality of level l relative to L0 in the middle of what is believed; NaN: not judged. */
double sprout_plan_judged_mean(const struct plan *p, size_t l);
/* How much greater the share of level l is in a kind than in all, in the middle of what is
 * believed; NaN: no verdict that can be used is about that kind. */
double sprout_plan_judged_kind(const struct plan *p, enum sprout_kind kind, size_t l);

/* All levels but those withheld, bit by bit; L0 is always there. */
uint32_t sprout_plan_levels(const struct plan *p);

/* The rule asks for nothing but what holds for all; with a window it then is part of it. */
static inline bool sprout_plan_as_all(const struct plan *p, const struct sprout_rule *r)
{
    return p->why->window.acts && isnan(r->floor) &&
           (r->levels == 0 || r->levels == sprout_plan_levels(p));
}

/* planner_window.c: one floor over the hours of a window.  Whether there is one to keep, and
 * the account of what was served; after floor and weighing. */
void sprout_plan_window_begin(struct plan *p);
/* In place of the optimum of one hour, where p->why->window.acts. */
SPROUT_MUST_USE enum sprout_status sprout_plan_window_mix(struct plan *p, double *out_mix,
                                                          struct sprout_optimum *out);
/* In place of the price of one hour, likewise, with `caution` added to both floors. */
SPROUT_MUST_USE enum sprout_status sprout_plan_window_price(
    struct plan *p, double caution, struct sprout_predict_price *out);

/* What is added to predictions, of every kind. */
void sprout_plan_corrections(const struct plan *p, struct sprout_predict_goal *goal);

/* Predictions are to decide, if there is a cost to weigh them with; corrections are found. */
bool sprout_plan_predict_begin(struct plan *p);

/* planner_accuracy.c: what is known of accuracy where it has a floor, and which levels are
 * withheld.  After the policy's levels. */
void sprout_plan_accuracy(struct plan *p);
bool sprout_plan_asks_accuracy(const struct plan *p);
/* One item under both floors. */
SPROUT_MUST_USE enum sprout_status sprout_plan_solve_two(struct plan *p,
                                                         const struct sprout_item *item,
                                                         const double *accuracy,
                                                         double floor, double *mix,
                                                         struct sprout_optimum_two *out);
/* The floor of accuracy for the predictor's price, and no levels that are withheld. */
void sprout_plan_accuracy_goal(const struct plan *p, struct sprout_predict_goal *goal);

/* Prompts of a kind (-1: of all) among the last, and the mean length predicted of their answers
 * at level l; NaN: too few to say. */
int64_t sprout_plan_sampled(const struct plan *p, int kind);
double sprout_plan_sampled_tokens(const struct plan *p, size_t l, int kind);

/* planner_kinds.c: the strata of kinds and what is believed of them; after that of all. */
void sprout_plan_kinds_begin(struct plan *p);
/* Fills mix[1] on, one a kind, under levels and floor; where they are not told apart with mix[0].
 * `only`: a kind, all requests are of it; -1: of any. */
SPROUT_MUST_USE enum sprout_status sprout_plan_kinds(struct plan *p, uint32_t allowed,
                                                     double floor, int only,
                                                     double (*mix)[SPROUT_LEVELS_MAX]);

/* Names the weights, and finds the price where there is enough to find it from.  After
 * floor, grid and profiles of the policy. */
SPROUT_MUST_USE enum sprout_status sprout_plan_predict(struct plan *p);

/* The price under a rule's own levels and floor. */
SPROUT_MUST_USE enum sprout_status sprout_plan_predict_rule(struct plan *p,
                                                            struct sprout_rule *rule);

#endif
