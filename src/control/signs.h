/* SPDX-License-Identifier: Apache-2.0 */
/* signs.h - what users show without saying it, read from receipts and never from content.
 *
 * Of each conversation the first answer counts.  The sign of dislike: within a minute of
 * its end the conversation comes back, with a longer prompt (something was missing) or with
 * one of the same length (the same again).  Many good conversations do so too; what matters
 * is whether those at a short level do it more often than those of the holdout, which
 * control/feedback's tests say.  One observation a conversation, for its turns depend on
 * each other and the tests' bets must not.
 * Conversations are told apart by the keyed hash in the journal, prompts by their bytes.
 * Memory: a fixed table of the newest conversations; one that comes back after it was
 * forgotten counts as new.  Threads: one. */
#ifndef SPROUT_CONTROL_SIGNS_H
#define SPROUT_CONTROL_SIGNS_H

#include "control/feedback.h"

struct sprout_signs {
    struct sprout_feedback feedback; /* its ratings are conversations */
    int64_t returned;                /* with a longer prompt */
    int64_t repeated;                /* with one of the same length */
    int64_t last;                    /* receipt read */
    int64_t oldest, next;            /* of the ring of those remembered; inner */
};

SPROUT_MUST_USE enum sprout_status sprout_signs_new(struct sprout_signs **out,
                                                    struct sprout_error *err);
void sprout_signs_free(struct sprout_signs *s);

/* One answered request, in the order in which they ended. */
void sprout_signs_add(struct sprout_signs *s, const struct sprout_store_turn *t);
/* Conversations that can no longer come back within their minute. */
void sprout_signs_settle(struct sprout_signs *s, sprout_instant now);

/* Reads on in the ledger, at most `limit` receipts; *out_more: there may be others. */
SPROUT_MUST_USE enum sprout_status sprout_signs_read(struct sprout_signs *s,
                                                     struct sprout_store *store,
                                                     int64_t limit, bool *out_more,
                                                     struct sprout_error *err);

#endif
