/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - why the policy in force is what it is, as numbers and reasons.
 *
 * Everything but the floor's story is worked out again from the policy itself, so it is true
 * of what nginx uses and not of what the daemon remembers; which rule gave the floor, from
 * what range of grid values or over what window, the planner left in plan.json beside it.
 * Not here: the words on a terminal (cli). */
#ifndef SPROUT_CONTROL_EXPLAIN_H
#define SPROUT_CONTROL_EXPLAIN_H

#include "adapt/grid.h"
#include "control/planner.h"
#include "core/policy.h"

struct sprout_explanation {
    bool in_force;                         /* not expired */
    sprout_grams grams[SPROUT_LEVELS_MAX]; /* expected per request; NaN: unknown */
    double quality[SPROUT_LEVELS_MAX];     /* relative to L0 */
    const char *why[SPROUT_LEVELS_MAX];    /* static text: why this share */
    sprout_grams grams_mix;
    sprout_grams explore; /* exploring costs so much a request of all; NaN: unknown */
    double quality_mix;
    double saved;        /* 1 - grams_mix / grams[0], expected; NaN: unknown */
    int64_t rests;       /* requests behind the estimates, all levels together */
    char floor_why[200]; /* empty: not known (no plan.json of this policy) */
    bool behind;         /* plan.json is there, and of another policy */
    struct sprout_plan_predicted
        predicted;                      /* of plan.json; price.mix and what it promises */
    struct sprout_plan_windowed window; /* of plan.json; used: there is one */
    struct sprout_plan_evidence evidence; /* of plan.json; questions 0: none */
    struct sprout_plan_accuracy accuracy; /* of plan.json; floor 0: none */
    struct sprout_grid_range range; /* what the floor's rule used; points 0: configured,
                                       or lo NaN: none */
};

/* `dir` is where plan.json may lie; NULL: nowhere. */
void sprout_explain(const struct sprout_policy *p, size_t stratum, sprout_instant now,
                    const char *dir, struct sprout_explanation *out);

/* Appends it as one JSON object, one line. */
void sprout_explain_put(struct sprout_buf *b, const struct sprout_policy *p,
                        size_t stratum, const struct sprout_explanation *e);

#endif
