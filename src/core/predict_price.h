/* SPDX-License-Identifier: Apache-2.0 */
/* predict_price.h - the price of quality at which a predictor's choices keep a floor.
 *
 * The prompts of the recent past, as they were predicted, stand for those to come: each is
 * an item of the optimum (core/optimize.h), with tokens as cost and predicted preference as
 * quality, and the price the walk stops at is the one that nginx decides every prompt with.
 * At that price argmin(carbon - price * quality) is the optimum over those prompts; the one
 * prompt at the margin is split by the conversation's hash.
 * A floor of accuracy beside that of quality has a price of its own; accuracy is a level's,
 * so what it costs is the same for every prompt.  Then two prompts may lie at the margin, and
 * both are split as the first is: floors are kept to within one prompt of those given.  Where both cannot be kept (quality with
 * its caution may be out of reach), accuracy is, at the best quality it leaves.
 * An argmin over estimates flatters itself: what it promises is an upper bound, so the floor
 * is asked for with something in hand (`caution`), and `correction` brings in what verdicts
 * say the predictions are off by.
 * Pure; memory from the arena. */
#ifndef SPROUT_CORE_PREDICT_PRICE_H
#define SPROUT_CORE_PREDICT_PRICE_H

#include "base/arena.h"
#include "core/predict.h"

enum { SPROUT_PREDICT_SAMPLES_MAX = 4096 };

/* One prompt, as it was predicted. */
struct sprout_predict_sample {
    int32_t quality[SPROUT_PREDICT_LEVELS]; /* SPROUT_PREDICT_ONE is 1 */
    int32_t tokens[SPROUT_PREDICT_LEVELS];  /* SPROUT_PREDICT_TOKEN is one */
    enum sprout_kind kind;
};

struct sprout_predict_goal {
    double floor;         /* relative to L0 */
    double caution;       /* added to it, as relative quality */
    uint32_t levels;      /* bit l: level l is allowed; 0: all */
    int64_t ng_per_token; /* > 0 */
    double correction[SPROUT_KIND_COUNT][SPROUT_PREDICT_LEVELS]; /* of a sample's kind */
    double accuracy_floor;                  /* relative to L0; 0: none */
    double accuracy[SPROUT_PREDICT_LEVELS]; /* of a level, whatever the prompt */
};

/* What the goal takes of a sample's level: corrected quality, tokens, whether it may be had. */
static inline double sprout_predict_sample_quality(const struct sprout_predict_sample *s,
                                                   const struct sprout_predict_goal *g,
                                                   int level)
{
    return (double)s->quality[level] / SPROUT_PREDICT_ONE + g->correction[s->kind][level];
}

static inline double sprout_predict_sample_tokens(const struct sprout_predict_sample *s,
                                                  int level)
{
    return (double)s->tokens[level] / SPROUT_PREDICT_TOKEN;
}

static inline bool sprout_predict_goal_allows(const struct sprout_predict_goal *g,
                                              int level)
{
    return g->levels == 0 || (g->levels >> level & 1) != 0;
}

struct sprout_predict_price {
    int64_t ng_per_quality;
    int64_t ng_per_accuracy;
    int64_t tie_ng;
    int32_t split;
    bool feasible;   /* false: no mix keeps the floor, the price asks for the best */
    double quality;  /* expected, relative to L0, corrected */
    double accuracy; /* the same; NaN without a floor */
    double tokens;   /* expected per answer */
    double tokens_l0;
    double mix[SPROUT_PREDICT_LEVELS];
};

/* Bytes of arena that suffice for `count` samples. */
size_t sprout_predict_price_memory(size_t count);

/* SPROUT_INVALID for no samples or more than SPROUT_PREDICT_SAMPLES_MAX, SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_predict_price_find(
    const struct sprout_predict_sample *samples, size_t count,
    const struct sprout_predict_goal *goal, struct sprout_arena *arena,
    struct sprout_predict_price *out, struct sprout_error *err);

#endif
