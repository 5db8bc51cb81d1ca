/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.h - what users say of answers: taken in, and compared with the holdout.
 *
 *     POST /v1/feedback  {"request": ID, "feedback": "up" | "down" | number}
 *
 * ID is the request id of the answer (Sprout-Request-Id of the reply).  A number lies in [-1, 1],
 * below 0 is dislike.  Said again, the last word holds.
 * For each (stratum, level) whose requests chance decided about, ratings are compared with
 * those of the holdout in the same stratum by core/alarm; the k-th test to begin is given
 * the part 1 / (k (k + 1)) of `alpha`, so all together cry wolf with that chance, ever.
 * An evaluation that ended after an alarm answers it: the next rating begins a new test.
 * Signs without words (control/signs.h) are compared in the same way.
 * Memory: the caller's.  Threads: one. */
#ifndef SPROUT_CONTROL_FEEDBACK_H
#define SPROUT_CONTROL_FEEDBACK_H

#include "adapt/store_feedback.h"
#include "base/str.h"
#include "core/alarm.h"

/* Each for what is said and for signs: 5 % together. */
#define SPROUT_FEEDBACK_ALPHA 0.025

enum { SPROUT_FEEDBACK_CELLS_MAX = 64, SPROUT_FEEDBACK_BYTES_MAX = 4096 };

struct sprout_feedback_cell {
    char stratum[SPROUT_NAME_MAX + 1];
    char level[SPROUT_NAME_MAX + 1];
    struct sprout_alarm alarm;
    int64_t test; /* which of all that began, from 1 */
    bool raised;
    sprout_instant raised_at;
};

struct sprout_feedback {
    int64_t ratings; /* whose request is in the ledger */
    int64_t waiting; /* whose request is not */
    struct sprout_feedback_cell cell[SPROUT_FEEDBACK_CELLS_MAX];
    size_t cells;
    size_t raised;
    int64_t tests;            /* begun so far */
    sprout_instant judged_at; /* when the last evaluation with verdicts ended; 0: never */
};

/* Takes one rating into account, in the order of their times. */
void sprout_feedback_add(struct sprout_feedback *f,
                         const struct sprout_store_feedback *r);

/* When the newest evaluation with verdicts ended; ns 0: none did. */
sprout_instant sprout_feedback_judged_at(struct sprout_store *s);

/* Bit l: level l, by these names, is disliked in the stratum and was not judged since. */
uint32_t sprout_feedback_disliked(const struct sprout_feedback *f, const char *stratum,
                                  const char *const *level, size_t levels);

/* Takes a body in and appends the answer, JSON.  SPROUT_INVALID: *err says what was
 * expected. */
SPROUT_MUST_USE enum sprout_status sprout_feedback_take(struct sprout_store *s,
                                                        struct sprout_str body,
                                                        sprout_instant now,
                                                        struct sprout_buf *answer,
                                                        struct sprout_error *err);

/* Everything said so far. */
SPROUT_MUST_USE enum sprout_status sprout_feedback_read(struct sprout_store *s,
                                                        struct sprout_feedback *out,
                                                        struct sprout_error *err);

#endif
