/* SPDX-License-Identifier: Apache-2.0 */
/* predict_model.h - the layout of predictor weights, and the two halves of a prediction.
 *
 * The file is this struct and then SPROUT_PREDICT_ROWS rows of SPROUT_PREDICT_COLUMNS
 * int16, little endian, as it lies in memory: it is mapped and used where it is.  The
 * checksum is SipHash-2-4 with the key {format, bytes} of all bytes after it; what stands
 * before it is compared for equality, so no flipped bit passes.
 *
 * A prediction has two halves, which training uses one by one (sim/train.c learns the nets
 * from scores held out, and judges them by the same integers that decide a request):
 *
 *     text --features--> rows, marks --scores--> one number an output --answer--> prediction
 *
 * Fixed point: Q16 is 1.0 = 65536, Q10 is 1.0 = 1024.  Bounds that keep every sum inside
 * its type are checked by sprout_predictor_view(), so there is no check when deciding.
 * Private to core/predict*.c and to training; layout changes with SPROUT_PREDICT_FORMAT. */
#ifndef SPROUT_CORE_PREDICT_MODEL_H
#define SPROUT_CORE_PREDICT_MODEL_H

#include <assert.h>

#include "core/predict.h"

#define SPROUT_PREDICT_MAGIC  UINT64_C(0x777074756f727073) /* "sproutpw" */
#define SPROUT_PREDICT_FORMAT 1

enum {
    SPROUT_PREDICT_ROWS = 60000,
    SPROUT_PREDICT_COLUMNS = 16,
    SPROUT_PREDICT_MARKS = 41,
    SPROUT_PREDICT_HIDDEN = 16,
    SPROUT_PREDICT_INPUTS = 48, /* of a net, at most */
    SPROUT_PREDICT_LANES = 4,   /* outputs of a net: one a level, and one unused */
    SPROUT_PREDICT_REPEATS = 2, /* nets trained from different seeds and averaged */
    SPROUT_PREDICT_TAGS = 32,
    SPROUT_PREDICT_BINS = 10,
    SPROUT_PREDICT_CLIP = 4 << 10,       /* standardised inputs lie in +-4 (Q10) */
    SPROUT_PREDICT_WEIGHT_MAX = 8191,    /* of a net: 48 products stay inside int32 */
    SPROUT_PREDICT_HIDDEN_MAX = 1 << 28, /* of a bias */
    SPROUT_PREDICT_SOURCE_MAX = 512,
};

/* Columns of a row: the outputs of the linear model, then two of another kind. */
enum {
    SPROUT_OUT_LOG = 0,    /* ln of the tokens of an answer, per level */
    SPROUT_OUT_ROOT = 3,   /* their square root: an input of the nets, never shown */
    SPROUT_OUT_PREFER = 6, /* 1 where the judge preferred the level */
    SPROUT_OUT_RIGHT = 9,  /* 1 where the answer was right */
    SPROUT_OUT_MATHS = 12,
    SPROUT_PREDICT_OUTPUTS = 13,
    SPROUT_COLUMN_SEEN = 13,       /* two: bit b: a feature with tag b was trained on */
    SPROUT_COLUMN_IDF2 = 15,       /* idf squared times 256, as uint16, >= 256 */
    SPROUT_PREDICT_SCORES_IN = 12, /* scores that are inputs: all but maths */
    SPROUT_PREDICT_LENGTH_IN = 6,  /* inputs of the length net: these, and the marks */
};

/* inputs -> 16 rectified units -> 3 outputs, and straight from inputs to outputs.  Weights
 * are int16 of at most SPROUT_PREDICT_WEIGHT_MAX, scaled by 2^shift. */
struct sprout_predict_net {
    int16_t in[SPROUT_PREDICT_INPUTS][SPROUT_PREDICT_HIDDEN];
    int16_t skip[SPROUT_PREDICT_INPUTS][SPROUT_PREDICT_LANES];
    int16_t out[SPROUT_PREDICT_HIDDEN][SPROUT_PREDICT_LANES];
    int32_t hidden_bias[SPROUT_PREDICT_HIDDEN]; /* Q(10 + in_shift) */
    int32_t out_bias[SPROUT_PREDICT_LANES];     /* Q16 */
    int32_t in_shift, skip_shift, out_shift;    /* 0 to 20 */
    int32_t spare;
};

/* How often a prediction in this tenth came true; of predictions held out. */
struct sprout_predict_bin {
    double predicted; /* mean */
    double came_true; /* share */
    int64_t count;
};

/* What training measured on prompts held out; shown, never used to decide. */
struct sprout_predict_figures {
    int64_t trained_at; /* ns since 1970 */
    uint64_t seed;
    int64_t prompts, judged, referenced, maths; /* examples of each sort */
    double prefer_loss, prefer_base;            /* log loss, and of the base rate */
    double prefer_gain_error;                   /* standard error of their difference */
    double right_loss[SPROUT_PREDICT_LEVELS], right_base[SPROUT_PREDICT_LEVELS];
    double r2_log[SPROUT_PREDICT_LEVELS], r2_tokens[SPROUT_PREDICT_LEVELS];
    double maths_recall, maths_false; /* NaN: no maths among the examples */
    double unlike;                    /* share of prompts held out that are `unlike` */
    struct sprout_predict_bin prefer[SPROUT_PREDICT_LEVELS][SPROUT_PREDICT_BINS];
    struct sprout_predict_bin right[SPROUT_PREDICT_LEVELS][SPROUT_PREDICT_BINS];
    char trained_on[SPROUT_PREDICT_SOURCE_MAX]; /* NUL-terminated */
};

struct sprout_predict_model {
    uint64_t magic;
    uint32_t format;
    uint32_t levels;
    uint64_t bytes; /* of the file */
    uint64_t checksum;

    /* Linear model: score = bias + rows * row_scale + marks. */
    int32_t bias[SPROUT_PREDICT_COLUMNS];      /* Q16 */
    int32_t row_scale[SPROUT_PREDICT_COLUMNS]; /* 256 / (weights a unit), Q24 */
    int32_t mark_mean[48];                     /* Q16 */
    int32_t mark_inverse[48];                  /* 1 / standard deviation, Q16 */
    int16_t mark_weight[SPROUT_PREDICT_MARKS][SPROUT_PREDICT_COLUMNS];
    int32_t mark_shift[SPROUT_PREDICT_COLUMNS];

    /* Scores as inputs: (score - mean) / standard deviation. */
    int32_t score_mean[SPROUT_PREDICT_COLUMNS];    /* Q16 */
    int32_t score_inverse[SPROUT_PREDICT_COLUMNS]; /* Q16 */

    struct sprout_predict_net length[SPROUT_PREDICT_REPEATS];
    struct sprout_predict_net prefer[SPROUT_PREDICT_REPEATS];
    struct sprout_predict_net right[SPROUT_PREDICT_REPEATS];

    int32_t log_gap[4];  /* ln of the expected length minus the expected ln, Q16 */
    int32_t maths_from;  /* a score of at least this is maths, Q16 */
    int32_t unlike_from; /* a share unseen of at least this is unlike, Q16 */
    int32_t knows_right; /* 0: no example had a reference, right is unknown */
    int32_t spare;

    struct sprout_predict_figures figures;
};

static_assert(sizeof(struct sprout_predict_model) % 8 == 0, "rows follow at once");
static_assert(sizeof(struct sprout_predict_model) +
                      sizeof(int16_t) * SPROUT_PREDICT_ROWS * SPROUT_PREDICT_COLUMNS <=
                  SPROUT_PREDICT_BYTES_MAX,
              "the weights fit into their budget");

#define SPROUT_PREDICT_FILE_BYTES                                                        \
    (sizeof(struct sprout_predict_model) +                                               \
     sizeof(int16_t) * SPROUT_PREDICT_ROWS * SPROUT_PREDICT_COLUMNS)

/* What is read off a text. */
enum {
    SPROUT_PREDICT_READ = 2 * SPROUT_PREDICT_PART + 1, /* bytes of text read */
    /* A word and a pair for each byte, and the words at both ends. */
    SPROUT_PREDICT_FEATURES = 2 * SPROUT_PREDICT_READ + 5,
};

struct sprout_predict_features {
    uint32_t count;                        /* rows that the text has, each once */
    uint16_t row[SPROUT_PREDICT_FEATURES]; /* in the order of the text */
    uint8_t tag[SPROUT_PREDICT_FEATURES];  /* 0 to 31: more of the feature's hash */
    int32_t mark[SPROUT_PREDICT_MARKS];    /* Q16 */
    bool code;
};

/* `ahead`: the weights' rows, to be fetched from memory while the text is being read; they
 * are not looked at, and NULL does as well. */
void sprout_predict_read(const struct sprout_predict_text *text, const int16_t *ahead,
                         struct sprout_predict_features *out);

/* The prediction for a text of which only this is known. */
struct sprout_prediction sprout_predict_of(const struct sprout_predictor *p,
                                           const struct sprout_predict_features *f);

/* Without the text: what was read off it, in a form to be kept, of at most so many bytes (in
 * practice about two for each word and each pair).  The same features give the same bytes. */
enum { SPROUT_PREDICT_PACKED_MAX = 24 * 1024 };
size_t sprout_predict_pack(const struct sprout_predict_features *f,
                           unsigned char out[SPROUT_PREDICT_PACKED_MAX]);
/* And back, rows in ascending order.  False, with *out of no use, for other bytes. */
bool sprout_predict_unpack(struct sprout_str bytes, struct sprout_predict_features *out);

/* Scores of the linear model, Q16. */
void sprout_predict_scores(const struct sprout_predict_model *m, const int16_t *rows,
                           const struct sprout_predict_features *f,
                           int32_t out[SPROUT_PREDICT_OUTPUTS]);

/* Marks as inputs of the linear model and of the length net, Q10. */
void sprout_predict_marks(const struct sprout_predict_model *m,
                          const struct sprout_predict_features *f,
                          int16_t out[SPROUT_PREDICT_MARKS]);

/* Scores as inputs of the nets, Q10. */
void sprout_predict_inputs(const struct sprout_predict_model *m,
                           const int32_t scores[SPROUT_PREDICT_OUTPUTS],
                           int16_t out[SPROUT_PREDICT_SCORES_IN]);

/* From scores and marks to everything but kind, unseen and unlike. */
void sprout_predict_answer(const struct sprout_predict_model *m,
                           const int32_t scores[SPROUT_PREDICT_OUTPUTS],
                           const int16_t marks[SPROUT_PREDICT_MARKS],
                           struct sprout_prediction *out);

/* Share of the text's features that no text trained on had, Q16; ONE for no features. */
int32_t sprout_predict_unseen(const int16_t *rows,
                              const struct sprout_predict_features *f);

/* SipHash of what follows the checksum. */
uint64_t sprout_predict_checksum(const void *bytes, size_t len);

#endif
