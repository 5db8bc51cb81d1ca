/* SPDX-License-Identifier: Apache-2.0 */
/* store_examples.h - what a predictor can be trained on, and every time it was.
 *
 * An example is one item of an evaluation: beside the item's row, what was read off its text
 * (sprout_predict_pack), and by a join its answers and verdicts.  The text is not here, but
 * who has the ledger and a dictionary can guess its words: so examples are kept only where the
 * operator lets the predictor learn (`learn` in meta, which control writes), no longer and no
 * more of them than configured, and are gone at once when learning is switched off.
 * A retraining is an attempt to replace the predictor in force, and how it ended.
 * Errors and threads: as store.h. */
#ifndef SPROUT_ADAPT_STORE_EXAMPLES_H
#define SPROUT_ADAPT_STORE_EXAMPLES_H

#include "adapt/store.h"
#include "core/predict.h"

#define SPROUT_STORE_LEARN "learn" /* in meta: "on" where examples are kept */

/* True where the ledger says so; a ledger that cannot be read says no. */
bool sprout_store_learns(struct sprout_store *s);

SPROUT_MUST_USE enum sprout_status sprout_store_put_example(struct sprout_store *s,
                                                            int64_t item,
                                                            struct sprout_str features,
                                                            struct sprout_error *err);

/* One that was judged; texts are borrowed until the callback returns. */
struct sprout_store_example {
    int64_t item, run;
    sprout_instant at; /* of its last verdict, or of its last answer */
    struct sprout_str features;
    struct sprout_str kind; /* the operator's word; empty: none */
    struct sprout_str directives, model, judge;
    int64_t tokens[SPROUT_PREDICT_LEVELS]; /* of the answers; < 0: not known */
    uint32_t right, wrong;                 /* levels whose answer the reference settles */
    /* Of the verdicts that named one of all the answers as the best, how many named each
     * level, a tie counting in parts; 0 everywhere: nobody said. */
    double won[SPROUT_PREDICT_LEVELS];
};
typedef void sprout_store_example_fn(void *ctx, const struct sprout_store_example *e);

/* Ascending by `at`. */
SPROUT_MUST_USE enum sprout_status sprout_store_examples(struct sprout_store *s,
                                                         sprout_store_example_fn *each,
                                                         void *ctx,
                                                         struct sprout_error *err);

/* Prompts judged later than `after`. */
SPROUT_MUST_USE enum sprout_status sprout_store_examples_since(struct sprout_store *s,
                                                               sprout_instant after,
                                                               int64_t *out_count,
                                                               struct sprout_error *err);

/* Deletes those made before `before`, the oldest of more than `most`, and those of items that
 * were given up or whose run ended without them. */
SPROUT_MUST_USE enum sprout_status sprout_store_prune_examples(struct sprout_store *s,
                                                               sprout_instant before,
                                                               int64_t most,
                                                               struct sprout_error *err);

/* ---- retrainings ----------------------------------------------------------------------- */

/* Figures are of prompts that neither predictor had seen; NaN: it did not come to that. */
struct sprout_store_retraining {
    int64_t id;
    sprout_instant at;       /* what it knew: examples up to then */
    struct sprout_str state; /* "replaced", "refused"; "returned": a damaged one was */
    struct sprout_str why;
    uint64_t before; /* id of the predictor that was in force */
    uint64_t after;  /* of the candidate; 0: there was none */
    int64_t fitted, held_out;
    double prefer_before, prefer_after,
        prefer_error; /* log loss; error of the difference */
    double length_before, length_after, length_error; /* squared error of log length */
};

SPROUT_MUST_USE enum sprout_status sprout_store_put_retraining(
    struct sprout_store *s, const struct sprout_store_retraining *r,
    struct sprout_error *err);

typedef void sprout_store_retraining_fn(void *ctx,
                                        const struct sprout_store_retraining *r);
/* Newest first, `limit` at most. */
SPROUT_MUST_USE enum sprout_status sprout_store_retrainings(
    struct sprout_store *s, int64_t limit, sprout_store_retraining_fn *each, void *ctx,
    struct sprout_error *err);

/* Follows the replacements from the predictor *now, the configured one, to the one in force;
 * *before is then the one that it replaced.  Where there were none both stay. */
SPROUT_MUST_USE enum sprout_status sprout_store_learned(struct sprout_store *s,
                                                        uint64_t *now, uint64_t *before,
                                                        struct sprout_error *err);

#endif
