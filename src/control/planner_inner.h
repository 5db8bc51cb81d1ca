/* SPDX-License-Identifier: Apache-2.0 */
/* planner_inner.h - what the files of the planner share; for planner*.c only. */
#ifndef SPROUT_CONTROL_PLANNER_INNER_H
#define SPROUT_CONTROL_PLANNER_INNER_H

#include "control/planner.h"

/* What one plan works with. */
struct plan {
    const struct sprout_plan_in *in;
    struct sprout_arena *arena;
    struct sprout_error *err;
    struct sprout_policy *policy;
    struct sprout_stratum *stratum;
    struct sprout_plan_why *why;
    size_t levels;
};

/* planner_profiles.c: energy and time by model. */
void sprout_plan_profiles(struct plan *p);

/* planner_judged.c: quality from verdicts where there are some that can be used, in place of
 * what the stratum holds.  After levels and patches of the policy. */
void sprout_plan_judge(struct plan *p);
/* Quality of level l relative to L0 in the middle of what is believed; NaN: not judged. */
double sprout_plan_judged_mean(const struct plan *p, size_t l);

/* Names the weights, and finds the price where there is enough to find it from.  After
 * floor, grid and profiles of the policy. */
SPROUT_MUST_USE enum sprout_status sprout_plan_predict(struct plan *p);

/* The price under a rule's own levels and floor. */
SPROUT_MUST_USE enum sprout_status sprout_plan_predict_rule(struct plan *p,
                                                            struct sprout_rule *rule);

#endif
