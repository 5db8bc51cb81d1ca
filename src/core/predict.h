/* SPDX-License-Identifier: Apache-2.0 */
/* predict.h - what a prompt's text says about its answer, before there is one.
 *
 * From the text of a prompt to, per level: the probability that a judge prefers the answer
 * at that level, the expected length of the answer, the probability that it is still right;
 * and the kind of prompt (maths, code, other).  A linear model over hashed words, word pairs
 * and marks of form gives scores; small networks over the scores give the answers.
 *
 * Everything from the bytes of the text to the chosen level is integer arithmetic, so that
 * every machine decides alike: nginx, the simulator and a replay agree to the last bit.
 * A text is fed in pieces, as it is decoded.  Any way of cutting it gives the same result.
 * Only the first and the last SPROUT_PREDICT_PART bytes of it are read, and how long it was;
 * a shorter text is read whole.  What a text says in between is as if it were one blank.
 * What to feed: the first user text of a conversation, so that every turn is given the same
 * level.  Not the system text: it is the application's and the same on all its requests,
 * and folders of measured prompts have none to learn from.
 * Cost: under 5 us for 1 KB, under 20 us for any length (`make bench`).
 *
 * Memory: none of its own.  A sprout_predictor is a borrowed view of weights, usually of a
 * file mapped read-only (adapt/weights.h), valid as long as they are.
 * Threads: a view may be used by any number at once; one text, one thread.
 * Failure: only sprout_predictor_view() can fail.
 * Not here: training (sim/train.h), the price (planner), strata to fall back to where
 * a prompt is unlike anything trained on (choice.h). */
#ifndef SPROUT_CORE_PREDICT_H
#define SPROUT_CORE_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "core/carbon.h"
#include "core/energy.h"

enum {
    SPROUT_PREDICT_LEVELS = 3,     /* L0, L1, L2 */
    SPROUT_PREDICT_PART = 1024,    /* bytes read at each end of a text */
    SPROUT_PREDICT_ONE = 1 << 16,  /* fixed point: 1.0 of probabilities and logarithms */
    SPROUT_PREDICT_TOKEN = 1 << 8, /* fixed point: one token */
    SPROUT_PREDICT_BYTES_MAX = 2000000, /* of weights */
};

enum sprout_kind {
    SPROUT_KIND_OTHER,
    SPROUT_KIND_MATHS, /* learned */
    SPROUT_KIND_CODE,  /* a rule on fences, braces and keywords, not learned */
    SPROUT_KIND_COUNT,
};

const char *sprout_kind_text(enum sprout_kind kind); /* "other", "maths", "code" */
int sprout_kind_of(struct sprout_str text);          /* and back; -1: none of them */

/* A text being collected.  {0} is the empty text. */
struct sprout_predict_text {
    uint64_t bytes;                     /* fed so far */
    char part[2 * SPROUT_PREDICT_PART]; /* the first, and a ring of the last */
};

void sprout_predict_feed(struct sprout_predict_text *t, const void *bytes, size_t len);

/* Weights.  Opaque to users of this header; laid out in predict_model.h. */
struct sprout_predict_model;

struct sprout_predictor {
    const struct sprout_predict_model *model; /* NULL: no predictor */
    const int16_t *rows;
    uint64_t
        id; /* checksum of the weights: names them in policy.json, as 16 hex digits */
};

/* Checks weights (format, version, size, checksum, bounds) and looks at them.  `bytes` is
 * borrowed for the life of *out and is aligned to 8.  SPROUT_UNSUPPORTED for another version
 * or byte order, SPROUT_INVALID for anything else, one flipped bit included. */
SPROUT_MUST_USE enum sprout_status sprout_predictor_view(const void *bytes, size_t len,
                                                         struct sprout_predictor *out,
                                                         struct sprout_error *err);

struct sprout_prediction {
    int32_t quality[SPROUT_PREDICT_LEVELS];    /* P(preferred); 1 is SPROUT_PREDICT_ONE */
    int32_t right[SPROUT_PREDICT_LEVELS];      /* P(still right); -1: unknown */
    int32_t tokens[SPROUT_PREDICT_LEVELS];     /* expected answer; SPROUT_PREDICT_TOKEN */
    int32_t log_tokens[SPROUT_PREDICT_LEVELS]; /* expected ln; SPROUT_PREDICT_ONE */
    enum sprout_kind kind;
    int32_t maths; /* score of the learned kind, near 0 or near 1; SPROUT_PREDICT_ONE */
    int32_t
        unseen;  /* share of words and pairs never met in training; SPROUT_PREDICT_ONE */
    bool unlike; /* unlike anything trained on: use the stratum, not this */
};

/* The prediction for a text as fed so far; the text may be fed on.  An empty text is
 * `unlike`, with the means of the training set. */
struct sprout_prediction sprout_predict(const struct sprout_predictor *p,
                                        const struct sprout_predict_text *text);

/* The same for a text that lies in one piece. */
struct sprout_prediction sprout_predict_str(const struct sprout_predictor *p,
                                            struct sprout_str text);

/* ---- choosing -------------------------------------------------------------------------- */

enum sprout_predict_by { SPROUT_BY_PREFERENCE, SPROUT_BY_ACCURACY };

/* What a level is worth and costs now.  Carbon is in nanograms. */
struct sprout_predict_terms {
    int64_t ng_per_token;   /* of answer; 0 to 1e12 */
    int64_t ng_per_quality; /* the optimum's price; 0 to 1e15 */
    /* Levels whose objectives differ by no more than this are tied at the margin, and the
     * share `split` of conversations (SPROUT_PREDICT_ONE) is given the better one. */
    int64_t tie_ng;
    int32_t split;
    uint32_t levels; /* bit l: level l is allowed; 0: all */
    enum sprout_predict_by by;
    /* Added to the quality of each level, by the kind of the prompt: what verdicts on served
     * prompts say the predictions are off by. */
    int32_t correction[SPROUT_KIND_COUNT][SPROUT_PREDICT_LEVELS];
    /* What else a level costs, whatever the prompt: accuracy at its price; within +-1e15 */
    int64_t ng[SPROUT_PREDICT_LEVELS];
};

/* level = argmin(carbon_l + ng_l - price * quality_l) over the allowed levels.  Of levels tied with
 * the least, the one of greatest quality if `u` < split, else the one of least carbon; where
 * that does not decide, the lower level.  `u` is the conversation's draw in [0, ONE). */
int sprout_predict_choose(const struct sprout_prediction *p,
                          const struct sprout_predict_terms *terms, uint32_t u);

/* The objective of level l, in nanograms, as sprout_predict_choose() sees it. */
int64_t sprout_predict_objective(const struct sprout_prediction *p,
                                 const struct sprout_predict_terms *terms, int level);

/* Carbon of one more token of answer: operational and embodied, rounded once.  0 if the
 * intensity is unknown. */
int64_t sprout_predict_ng_per_token(const struct sprout_carbon_params *carbon,
                                    const struct sprout_energy_profile *profile,
                                    sprout_g_per_kwh intensity);

/* Grams to nanograms: nearest, kept within +-1e15 (a million grams); 0 for NaN. */
int64_t sprout_predict_ng(double grams);

#endif
