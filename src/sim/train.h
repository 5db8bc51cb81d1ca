/* SPDX-License-Identifier: Apache-2.0 */
/* train.h - from prompts whose answers were measured and judged to predictor weights.
 *
 * Two stages.  First ridge regression of every output on all rows and marks at once (block
 * conjugate gradient in the dual).  Then small nets over the scores, by Adam; they learn
 * from scores of folds that the regression had not seen, because scores of its own prompts
 * are too good to be true.
 * The figures in the weights are of predictions held out twice: neither the regression nor
 * the nets had the prompt.  Equal texts lie in one fold, so none is its own teacher.
 * Deterministic: the same examples in the same order, options and build give the same bytes,
 * with any number of threads.
 * Refused: too few examples, and a predictor that does not beat the base rate (log loss of
 * preference by more than two standard errors, R2 of log length above 0 at every level).
 * Memory: about 1.5 KB an example.  Pure but for allocation and its own threads; `now` is a
 * parameter.
 * Not here: reading folders (train_examples.h), the file (adapt/weights.h). */
#ifndef SPROUT_SIM_TRAIN_H
#define SPROUT_SIM_TRAIN_H

#include "core/predict.h"
#include "core/units.h"

enum {
    SPROUT_TRAIN_EXAMPLES_MAX = 1000 * 1000,
    SPROUT_TRAIN_JUDGED_MIN = 300, /* less cannot say whether it beats the base rate */
    SPROUT_TRAIN_FOLDS = 4,
};

/* One prompt.  What is not known is left out of the training of that output alone. */
struct sprout_train_example {
    struct sprout_str text;
    struct sprout_str features; /* in its place, as sprout_predict_pack() has it */
    double tokens[SPROUT_PREDICT_LEVELS]; /* of the answer; NaN: not known */
    int preferred;                        /* level, or -1: not judged */
    int right[SPROUT_PREDICT_LEVELS];     /* 1, 0, or -1: not known */
    int maths;                            /* 1, 0, or -1: not known */
};

/* What an example is read as; false for damaged features. */
struct sprout_predict_features;
SPROUT_MUST_USE bool sprout_train_read(const struct sprout_train_example *e,
                                       struct sprout_predict_features *out);

/* Stages done, of all; called from the calling thread. */
typedef void sprout_train_progress_fn(void *ctx, int done, int of);

struct sprout_train_opts {
    uint64_t seed;
    sprout_instant now;           /* written into the figures */
    struct sprout_str trained_on; /* said in the figures: sets, licences, counts */
    int threads;                  /* 0: as many as there are processors, at most 8 */
    bool keep_poor;               /* do not refuse: for experiments */
    sprout_train_progress_fn *progress; /* NULL: none */
    void *progress_ctx;
};

struct sprout_trained {
    void *bytes; /* owned: the weights file, aligned for sprout_predictor_view() */
    size_t len;
    /* Owned: of each example the prediction by models that had not seen it.  What an argmin
     * over estimates will really get is measured on these. */
    struct sprout_prediction *held_out;
};

/* SPROUT_INVALID for too few examples or damaged features, SPROUT_FAILED for a predictor that does not beat the
 * base rate (*err says by how much), SPROUT_LIMIT, SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_train(
    const struct sprout_train_example *examples, size_t count,
    const struct sprout_train_opts *opts, struct sprout_trained *out,
    struct sprout_error *err);

void sprout_trained_free(struct sprout_trained *t);

#endif
