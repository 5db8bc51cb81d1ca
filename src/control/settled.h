/* SPDX-License-Identifier: Apache-2.0 */
/* settled.h - what references say of accuracy, for a plan.
 *
 * Counts of the answers in the ledger that a reference settled, level by level against L0
 * (core/accuracy.h), an old one less, each as many as its prompt stands for, scaled down to
 * as many plain draws as say as much (n = (sum w)^2 / sum w^2, the age apart).  As with verdicts (judged.h) the newest names the
 * model and the directives that count.  A judge has no part in it.
 * Not here: what follows for the mix (planner_accuracy.c). */
#ifndef SPROUT_CONTROL_SETTLED_H
#define SPROUT_CONTROL_SETTLED_H

#include "adapt/store_evaluate.h"
#include "core/accuracy.h"

struct sprout_settled {
    char model[SPROUT_PATTERN_MAX + 1];
    char directives[SPROUT_NAME_MAX + 1];
    int64_t prompts; /* with a reference, all of the last ten half-lives */
    struct sprout_accuracy_pairs level[SPROUT_LEVELS_MAX]; /* of level 0: unset */
};

/* SPROUT_NOT_FOUND: there are none. */
SPROUT_MUST_USE enum sprout_status sprout_settled_read(struct sprout_store *s,
                                                       sprout_instant now,
                                                       sprout_span half_life,
                                                       struct sprout_settled *out,
                                                       struct sprout_error *err);

#endif
