/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.h - what users say of answers: taken in, and compared with the holdout.
 *
 *     POST /v1/feedback  {"request": ID, "feedback": "up" | "down" | number}
 *
 * ID is the request id of the answer (Sprout-Request-Id of the reply).  A number lies in [-1, 1],
 * below 0 is dislike.  Said again, the last word holds.
 * For each (stratum, level) whose requests chance decided about, ratings are compared with
 * those of the holdout in the same stratum by core/alarm; the k-th pair to appear is given
 * the part 1 / (k (k + 1)) of 5 %, so all together cry wolf once in twenty, ever.
 * Memory: the caller's.  Threads: one. */
#ifndef SPROUT_CONTROL_FEEDBACK_H
#define SPROUT_CONTROL_FEEDBACK_H

#include "adapt/store_feedback.h"
#include "base/str.h"
#include "core/alarm.h"

enum { SPROUT_FEEDBACK_CELLS_MAX = 64, SPROUT_FEEDBACK_BYTES_MAX = 4096 };

struct sprout_feedback_cell {
    char stratum[SPROUT_NAME_MAX + 1];
    char level[SPROUT_NAME_MAX + 1];
    struct sprout_alarm alarm;
    bool raised;
};

struct sprout_feedback {
    int64_t ratings; /* whose request is in the ledger */
    int64_t waiting; /* whose request is not */
    struct sprout_feedback_cell cell[SPROUT_FEEDBACK_CELLS_MAX];
    size_t cells;
    size_t raised;
};

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
