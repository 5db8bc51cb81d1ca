/* SPDX-License-Identifier: Apache-2.0 */
/* accuracy.h - which kept answers are right, by core/match, request by request.
 *
 * A folder's task is matched by the one rule that most of its references ask for; requests
 * whose reference has another form, and tasks whose references are mostly free text, are
 * not known.  Computed once and shared by all zones.  Threads: immutable once made. */
#ifndef SPROUT_SIM_ACCURACY_H
#define SPROUT_SIM_ACCURACY_H

#include "adapt/requests.h"
#include "core/match.h"

struct sprout_accuracy {
    /* Per request: bit o is set if the answer of option o is right. */
    uint8_t *right;                      /* owned */
    bool *known;                         /* owned; per request */
    size_t task_known[SPROUT_TASKS_MAX]; /* of the folder's tasks */
    enum sprout_match_rule rule[SPROUT_TASKS_MAX];
};

SPROUT_MUST_USE enum sprout_status sprout_accuracy_make(const struct sprout_requests *r,
                                                        struct sprout_accuracy *out,
                                                        struct sprout_error *err);
void sprout_accuracy_free(struct sprout_accuracy *a);

#endif
