/* SPDX-License-Identifier: Apache-2.0 */
/* train_ledger.h - evaluated prompts of a ledger as examples to train on.
 *
 * Of the model, judge and directives that the newest example names; others say nothing of
 * what is served now.  Where verdicts on a prompt do not agree, or tie, the preferred level is
 * drawn in their proportion, by the hash of what is kept of the prompt: so shares over many
 * prompts are the judge's, and the draw is the same every time.  Verdicts of pairs (form
 * `pairwise`) name no best of all and teach lengths only, and so do evaluations in which the
 * judge failed by himself.
 * Memory: owned; one block of bytes for all features. */
#ifndef SPROUT_CLI_TRAIN_LEDGER_H
#define SPROUT_CLI_TRAIN_LEDGER_H

#include "adapt/store_examples.h"
#include "sim/train.h"

struct sprout_train_ledger {
    struct sprout_train_example *example; /* ascending by `at`; features are in `bytes` */
    sprout_instant *at;
    size_t count;
    char *bytes;
    size_t judged;  /* of which a verdict names the best */
    char model[96]; /* cut off where they are longer */
    char judge[96];
};

/* No transaction may be open.  SPROUT_INVALID where there is none; else the store's errors. */
SPROUT_MUST_USE enum sprout_status sprout_train_ledger_read(
    struct sprout_store *s, struct sprout_train_ledger *out, struct sprout_error *err);
void sprout_train_ledger_free(struct sprout_train_ledger *l);

#endif
