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
    sprout_instant at;
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

/* A receipt as signs without words are read from it (control/signs.h). */
struct sprout_store_turn {
    int64_t id;
    int64_t conversation; /* keyed hash */
    sprout_instant began, ended;
    int64_t bytes; /* of the request */
    bool ok;
    struct sprout_str stratum;
    struct sprout_str level;
    struct sprout_str arm;
};
typedef void sprout_store_turn_fn(void *ctx, const struct sprout_store_turn *t);

/* At most `limit` of those with a conversation after receipt `after`, in the order in which
 * they came; *out_last: the last receipt looked at. */
SPROUT_MUST_USE enum sprout_status sprout_store_turns(struct sprout_store *s,
                                                      int64_t after, int64_t limit,
                                                      sprout_store_turn_fn *each,
                                                      void *ctx, int64_t *out_last,
                                                      struct sprout_error *err);

/* Id of the newest receipt; 0: none. */
SPROUT_MUST_USE enum sprout_status sprout_store_newest_receipt(struct sprout_store *s,
                                                               int64_t *out,
                                                               struct sprout_error *err);

#endif
