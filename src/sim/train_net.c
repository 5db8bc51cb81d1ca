/* SPDX-License-Identifier: Apache-2.0 */
/* train_net.c - a small net over scores, by Adam (Kingma, Ba 2015).
 *
 * Sixteen rectified units between inputs and three outputs, and a straight path beside
 * them that starts at nothing: an untrained net is the mean.  The step falls in a line to
 * nearly nothing, so the last batches do not decide what is learned.
 * Losses: of lengths the Poisson deviance of e^output over the mean (it aims at the mean
 * length, where a squared error of logarithms would aim at the median); of preference the
 * cross entropy over the levels; of right one for each level. */
#include <math.h>
#include <stdlib.h>

#include "sim/train_inner.h"

enum {
    INPUTS = SPROUT_PREDICT_INPUTS,
    HIDDEN = SPROUT_PREDICT_HIDDEN,
    LANES = SPROUT_PREDICT_LANES,
    LEVELS = SPROUT_PREDICT_LEVELS,
    BATCH = 64,
    PARAMETERS = INPUTS * HIDDEN + HIDDEN + HIDDEN * LANES + INPUTS * LANES + LANES,
};

static const struct {
    int epochs;
    float decay; /* of weights, not of biases */
} how[TRAIN_LOSSES] = {
    [TRAIN_LENGTH] = {10, 1e-4f},
    [TRAIN_PREFER] = {8, 3e-3f},
    [TRAIN_RIGHT] = {8, 3e-3f},
};

#define STEP_FIRST  0.01
#define STEP_LAST   1e-5
#define MOMENTUM    0.9f
#define MOMENTUM_2  0.999f
#define TINY        1e-8f
#define LENGTH_MAX  14.0f /* ln of tokens, as predictions are kept */
#define SHARE_LEAST 0.005 /* a level never seen preferred still starts above nothing */

/* One block of floats seen as a net: `inputs` of it is left alone. */
struct parameters {
    float in[INPUTS][HIDDEN];
    float hidden_bias[HIDDEN];
    float out[HIDDEN][LANES];
    float skip[INPUTS][LANES];
    float out_bias[LANES];
};

static_assert(sizeof(struct parameters) == PARAMETERS * sizeof(float), "no gaps");

struct learner {
    const struct train_task *t;
    struct parameters now, slope, first, second;
    float mean[LANES]; /* of the targets that are known */
};

/* ---- forward and back ------------------------------------------------------------------ */

static void forward(const struct parameters *p, const float *x, int inputs,
                    float hidden[HIDDEN], float out[LANES])
{
    memcpy(hidden, p->hidden_bias, sizeof p->hidden_bias);
    memcpy(out, p->out_bias, sizeof p->out_bias);
    for (int i = 0; i < inputs; i++) {
        for (int h = 0; h < HIDDEN; h++) {
            hidden[h] += x[i] * p->in[i][h];
        }
        for (int l = 0; l < LANES; l++) {
            out[l] += x[i] * p->skip[i][l];
        }
    }
    for (int h = 0; h < HIDDEN; h++) {
        hidden[h] = hidden[h] > 0 ? hidden[h] : 0;
        for (int l = 0; l < LANES; l++) {
            out[l] += hidden[h] * p->out[h][l];
        }
    }
}

static void backward(struct learner *s, const float *x, const float hidden[HIDDEN],
                     const float wrong[LANES])
{
    struct parameters *const g = &s->slope;
    float back[HIDDEN];
    for (int h = 0; h < HIDDEN; h++) {
        float sum = 0;
        for (int l = 0; l < LANES; l++) {
            sum += s->now.out[h][l] * wrong[l];
            g->out[h][l] += hidden[h] * wrong[l];
        }
        back[h] = hidden[h] > 0 ? sum : 0;
        g->hidden_bias[h] += back[h];
    }
    for (int i = 0; i < s->t->inputs; i++) {
        for (int h = 0; h < HIDDEN; h++) {
            g->in[i][h] += x[i] * back[h];
        }
        for (int l = 0; l < LANES; l++) {
            g->skip[i][l] += x[i] * wrong[l];
        }
    }
    for (int l = 0; l < LANES; l++) {
        g->out_bias[l] += wrong[l];
    }
}

/* ---- losses ---------------------------------------------------------------------------- */

static void softmax(const float out[LANES], float share[LANES])
{
    float top = out[0], sum = 0;
    for (int l = 1; l < LEVELS; l++) {
        top = out[l] > top ? out[l] : top;
    }
    for (int l = 0; l < LEVELS; l++) {
        share[l] = expf(out[l] - top);
        sum += share[l];
    }
    for (int l = 0; l < LEVELS; l++) {
        share[l] /= sum;
    }
}

/* d loss / d output of example i. */
static void slope_of(const struct learner *s, size_t i, const float out[LANES],
                     float wrong[LANES])
{
    const struct train_task *const t = s->t;
    float said[LANES] = {0};
    if (t->loss == TRAIN_PREFER) {
        softmax(out, said);
    }
    for (int l = 0; l < LEVELS; l++) {
        float scale = 1;
        if (t->loss == TRAIN_LENGTH) {
            const float ln = out[l] + t->base[i][l];
            said[l] = expf(ln < LENGTH_MAX ? ln : LENGTH_MAX);
            scale = 1 / s->mean[l];
        } else if (t->loss == TRAIN_RIGHT) {
            said[l] = 1 / (1 + expf(-out[l]));
        }
        const bool known = (t->known[i] >> l & 1) != 0;
        wrong[l] = known ? (said[l] - t->target[i][l]) * scale : 0;
    }
    wrong[LANES - 1] = 0;
}

/* The biases at which the untrained net is right on average. */
static void begin_at_mean(struct learner *s)
{
    const struct train_task *const t = s->t;
    for (int l = 0; l < LEVELS; l++) {
        double sum = 0, ratio = 0, known = 0;
        for (size_t i = 0; i < t->count; i++) {
            if ((t->known[i] >> l & 1) != 0) {
                known++;
                sum += (double)t->target[i][l];
                ratio += t->loss == TRAIN_LENGTH
                             ? (double)t->target[i][l] * exp(-(double)t->base[i][l])
                             : 0;
            }
        }
        const double mean = known > 0 ? sum / known : 1;
        const double share = fmin(fmax(mean, SHARE_LEAST), 1 - SHARE_LEAST);
        s->mean[l] = (float)fmax(mean, SHARE_LEAST);
        s->now.out_bias[l] = t->loss == TRAIN_LENGTH
                                 ? (float)log(known > 0 ? ratio / known : 1)
                             : t->loss == TRAIN_PREFER ? (float)log(share)
                                                       : (float)log(share / (1 - share));
    }
}

/* ---- Adam ------------------------------------------------------------------------------ */

static void decay(float *restrict slope, const float *restrict now, size_t count,
                  float by)
{
    for (size_t k = 0; k < count; k++) {
        slope[k] += by * now[k];
    }
}

static void step(struct learner *s, int64_t at, int64_t of)
{
    const float by = how[s->t->loss].decay;
    decay(&s->slope.in[0][0], &s->now.in[0][0], (size_t)INPUTS * HIDDEN, by);
    decay(&s->slope.out[0][0], &s->now.out[0][0], (size_t)HIDDEN * LANES, by);
    decay(&s->slope.skip[0][0], &s->now.skip[0][0], (size_t)INPUTS * LANES, by);

    const double rate = STEP_FIRST * (1 - (double)at / (double)of) + STEP_LAST;
    const float rate_1 = (float)(rate / (1 - pow((double)MOMENTUM, (double)at)));
    const float rate_2 = (float)(1 / (1 - pow((double)MOMENTUM_2, (double)at)));
    float *const now = &s->now.in[0][0];
    const float *const g = &s->slope.in[0][0];
    float *const first = &s->first.in[0][0], *const second = &s->second.in[0][0];
    for (size_t k = 0; k < PARAMETERS; k++) {
        first[k] = MOMENTUM * first[k] + (1 - MOMENTUM) * g[k];
        second[k] = MOMENTUM_2 * second[k] + (1 - MOMENTUM_2) * g[k] * g[k];
        now[k] -= rate_1 * first[k] / (sqrtf(second[k] * rate_2) + TINY);
    }
}

static void batch(struct learner *s, const uint32_t *which, size_t count)
{
    memset(&s->slope, 0, sizeof s->slope);
    for (size_t b = 0; b < count; b++) {
        const size_t i = which[b];
        const float *const x = s->t->input + i * (size_t)s->t->inputs;
        float hidden[HIDDEN], out[LANES], wrong[LANES];
        forward(&s->now, x, s->t->inputs, hidden, out);
        slope_of(s, i, out, wrong);
        for (int l = 0; l < LANES; l++) {
            wrong[l] /= (float)count;
        }
        backward(s, x, hidden, wrong);
    }
}

static void begin(struct learner *s, struct train_rng *rng)
{
    const double scale = 1 / sqrt((double)s->t->inputs);
    for (int i = 0; i < s->t->inputs; i++) {
        for (int h = 0; h < HIDDEN; h++) {
            s->now.in[i][h] = (float)(sprout_train_rng_normal(rng) * scale);
        }
    }
    for (int h = 0; h < HIDDEN; h++) {
        s->now.hidden_bias[h] = 0.1f;
    }
    begin_at_mean(s);
}

static void keep(const struct learner *s, struct train_net *out)
{
    *out = (struct train_net){.inputs = s->t->inputs};
    memcpy(out->in, s->now.in, sizeof out->in);
    memcpy(out->hidden_bias, s->now.hidden_bias, sizeof out->hidden_bias);
    memcpy(out->out, s->now.out, sizeof out->out);
    memcpy(out->skip, s->now.skip, sizeof out->skip);
    memcpy(out->out_bias, s->now.out_bias, sizeof out->out_bias);
}

enum sprout_status sprout_train_net_fit(const struct train_task *t, uint64_t seed,
                                        struct train_net *out)
{
    struct learner *const s = calloc(1, sizeof *s);
    uint32_t *const order = calloc(t->count + 1, sizeof *order);
    if (s == NULL || order == NULL) {
        free(s);
        free(order);
        return SPROUT_NO_MEMORY;
    }
    struct train_rng rng = {seed};
    s->t = t;
    begin(s, &rng);
    for (size_t i = 0; i < t->count; i++) {
        order[i] = (uint32_t)i;
    }
    const int64_t batches = (int64_t)((t->count + BATCH - 1) / BATCH);
    const int64_t steps = batches * how[t->loss].epochs;
    int64_t at = 0;
    while (at < steps) {
        sprout_train_rng_shuffle(&rng, order, t->count);
        for (size_t i = 0; i < t->count; i += BATCH) {
            batch(s, order + i, t->count - i < BATCH ? t->count - i : BATCH);
            step(s, ++at, steps);
        }
    }
    keep(s, out);
    free(s);
    free(order);
    return SPROUT_OK;
}
