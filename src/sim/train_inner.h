/* SPDX-License-Identifier: Apache-2.0 */
/* train_inner.h - what the files of training share; not for others.
 *
 * Order of work: train_data (texts to rows), sprout_train_ridge (scores, of folds and of all),
 * train_net (from scores held out), train_pack (to integers), train_figures (how good).
 * Memory: arrays of `count` examples, owned by the struct that names them. */
#ifndef SPROUT_SIM_TRAIN_INNER_H
#define SPROUT_SIM_TRAIN_INNER_H

#include "core/predict_model.h"
#include "sim/train.h"

enum {
    TRAIN_LANES = SPROUT_PREDICT_COLUMNS, /* outputs, padded */
    TRAIN_ALL = SPROUT_TRAIN_FOLDS,       /* the "fold" that leaves nothing out */
    TRAIN_PARTS = SPROUT_TRAIN_FOLDS + 1,
    TRAIN_WIDTH = SPROUT_PREDICT_ROWS + SPROUT_PREDICT_MARKS,
};

/* Marks enter the linear model at a tenth of their standardised size: they are few and
 * strong, and would take over from the words. */
#define TRAIN_MARK_SIZE 0.1f

struct train_data {
    const struct sprout_train_example *example; /* borrowed */
    size_t count;
    size_t *from; /* rows of example i: row[from[i]] to row[from[i + 1]] */
    uint16_t *row;
    uint8_t *tag;
    float *idf2;                           /* per row: idf squared */
    float *norm;                           /* per example: 1 / sqrt(sum of idf2) */
    int16_t (*mark)[SPROUT_PREDICT_MARKS]; /* standardised, Q10 */
    float (*target)[TRAIN_LANES];          /* per output */
    uint16_t *known;                       /* bit o: target o is known */
    uint8_t *fold;
    bool *code;                           /* by the rule */
    uint8_t (*seen)[SPROUT_PREDICT_TAGS]; /* per row and tag: bit f: in fold f */
    struct sprout_predict_model *model;   /* of mark_mean and mark_inverse only */
};

/* Fills everything; `model` is the one that will be packed.  SPROUT_INVALID for features
 * that are damaged. */
SPROUT_MUST_USE enum sprout_status sprout_train_data_make(
    const struct sprout_train_example *examples, size_t count, uint64_t seed,
    struct sprout_predict_model *model, struct train_data *out);
void sprout_train_data_free(struct train_data *d);

/* Linear weights.  Rows are folded: idf^2 times the sum over examples, so a score is
 * norm_i * (sum of rows) + marks + bias. */
struct train_linear {
    float (*weight)[TRAIN_LANES]; /* owned; TRAIN_WIDTH of them */
    double bias[TRAIN_LANES];
};

/* Of all examples but those of fold `without`. */
SPROUT_MUST_USE enum sprout_status sprout_train_ridge(const struct train_data *d,
                                                      int without,
                                                      struct train_linear *out);
void sprout_train_linear_free(struct train_linear *l);

/* The scores of one example. */
void sprout_train_linear_score(const struct train_data *d, const struct train_linear *l,
                               size_t i, float out[TRAIN_LANES]);

/* A net in floats, as it is trained. */
struct train_net {
    int inputs;
    float in[SPROUT_PREDICT_INPUTS][SPROUT_PREDICT_HIDDEN];
    float hidden_bias[SPROUT_PREDICT_HIDDEN];
    float out[SPROUT_PREDICT_HIDDEN][SPROUT_PREDICT_LANES];
    float skip[SPROUT_PREDICT_INPUTS][SPROUT_PREDICT_LANES];
    float out_bias[SPROUT_PREDICT_LANES];
};

enum train_loss { TRAIN_LENGTH, TRAIN_PREFER, TRAIN_RIGHT, TRAIN_LOSSES };

/* What a net learns from: `count` examples, `inputs` floats each. */
struct train_task {
    enum train_loss loss;
    size_t count;
    int inputs;
    const float *input;
    const float (*base)[SPROUT_PREDICT_LANES];   /* added to the output: ln scores */
    const float (*target)[SPROUT_PREDICT_LANES]; /* tokens, one-hot, or 0/1 ... */
    const uint8_t *known;                        /* ... bit l: of level l */
};

SPROUT_MUST_USE enum sprout_status sprout_train_net_fit(const struct train_task *t,
                                                        uint64_t seed,
                                                        struct train_net *out);

/* To integers. */
void sprout_train_pack_net(const struct train_net *from, struct sprout_predict_net *to);
void sprout_train_pack_linear(const struct train_data *d, const struct train_linear *l,
                              struct sprout_predict_model *m, int16_t *rows);

/* From the held-out predictions to the figures; whether they beat the base rate. */
SPROUT_MUST_USE enum sprout_status sprout_train_figures(
    const struct train_data *d, const struct sprout_prediction *held_out,
    struct sprout_predict_model *m, struct sprout_error *err);

/* Calls `run` for 0 to count - 1, on so many threads; each call owns what it writes.  The
 * first status that is not OK, by number.  `progress` is called on this thread. */
typedef enum sprout_status train_job_fn(void *ctx, int job);
struct train_jobs {
    train_job_fn *run;
    void *ctx;
    int count;
    int threads;
    void (*progress)(void *ctx, int done);
    void *progress_ctx;
};
SPROUT_MUST_USE enum sprout_status sprout_train_jobs_run(const struct train_jobs *j);

/* Reproducible draws. */
struct train_rng {
    uint64_t state;
};
uint64_t sprout_train_rng_next(struct train_rng *r);
double sprout_train_rng_normal(struct train_rng *r); /* nearly: 12 uniform ones */
void sprout_train_rng_shuffle(struct train_rng *r, uint32_t *v, size_t count);

#endif
