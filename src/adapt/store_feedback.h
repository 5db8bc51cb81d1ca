/* SPDX-License-Identifier: Apache-2.0 */
/* store_feedback.h - the ledger's part of feedback: what was said of which request.
 *
 * One row a request; said again, the last word holds and the row keeps its place in time.
 * No text of anyone is here.  Errors and threads: as store.h. */
#ifndef SPROUT_ADAPT_STORE_FEEDBACK_H
#define SPROUT_ADAPT_STORE_FEEDBACK_H

#include "adapt/store.h"

struct sprout_store_feedback {
    struct sprout_str stratum;
    struct sprout_str level;
    struct sprout_str arm;
    double value; /* -1 down to 1 up */
};

/* *out_known: a receipt of that request is there already. */
SPROUT_MUST_USE enum sprout_status sprout_store_put_feedback(
    struct sprout_store *s, struct sprout_str request, double value, sprout_instant at,
    bool *out_known, struct sprout_error *err);

/* Those whose receipt is there, in order of their time; *out_waiting: the others. */
typedef void sprout_store_feedback_fn(void *ctx, const struct sprout_store_feedback *f);
SPROUT_MUST_USE enum sprout_status sprout_store_feedbacks(struct sprout_store *s,
                                                          sprout_store_feedback_fn *each,
                                                          void *ctx, int64_t *out_waiting,
                                                          struct sprout_error *err);

#endif
