/* SPDX-License-Identifier: Apache-2.0 */
/* learn.c - see learn.h. */
#include "core/learn.h"

#include <assert.h>

void sprout_learn_add(struct sprout_learn_sum *s, sprout_joules energy,
                      sprout_seconds time, sprout_tokens output)
{
    if (isnan(energy.v) || isnan(time.v) || !sprout_tokens_known(output)) {
        return;
    }
    s->requests++;
    s->joules += energy.v;
    s->seconds += time.v;
    s->output_tokens += (double)output.n;
}

void sprout_learn_merge(struct sprout_learn_sum *s, const struct sprout_learn_sum *other)
{
    s->requests += other->requests;
    s->joules += other->joules;
    s->seconds += other->seconds;
    s->output_tokens += other->output_tokens;
}

/* One quantity over all levels: prior and total in, estimate out. */
struct quantity {
    double prior[SPROUT_LEVELS_MAX];
    double total[SPROUT_LEVELS_MAX];
    double estimate[SPROUT_LEVELS_MAX];
};

static bool usable(double prior)
{
    return prior > 0 && isfinite(prior);
}

static void shrink(struct quantity *q, const struct sprout_learn_sum *sum, size_t count,
                   double k)
{
    double requests = 0, ratios = 0; /* sum n_l, sum n_l r_l */
    for (size_t l = 0; l < count; l++) {
        if (usable(q->prior[l])) {
            requests += (double)sum[l].requests;
            ratios += q->total[l] / q->prior[l];
        }
    }
    const double scale = k + requests > 0 ? (k + ratios) / (k + requests) : 1;

    for (size_t l = 0; l < count; l++) {
        const double n = (double)sum[l].requests;
        if (!usable(q->prior[l])) {
            q->estimate[l] = n > 0 ? q->total[l] / n : q->prior[l];
        } else if (k + n > 0) {
            q->estimate[l] = (k * scale * q->prior[l] + q->total[l]) / (k + n);
        } else {
            q->estimate[l] = scale * q->prior[l];
        }
    }
}

void sprout_learn_beliefs(const struct sprout_belief *prior,
                          const struct sprout_learn_sum *sum, size_t level_count,
                          double strength, struct sprout_belief *out)
{
    assert(level_count <= SPROUT_LEVELS_MAX && strength >= 0);
    struct quantity energy = {0}, time = {0}, tokens = {0};
    for (size_t l = 0; l < level_count; l++) {
        energy.prior[l] = prior[l].energy.v;
        energy.total[l] = sum[l].joules;
        time.prior[l] = prior[l].time.v;
        time.total[l] = sum[l].seconds;
        tokens.prior[l] = prior[l].output_tokens;
        tokens.total[l] = sum[l].output_tokens;
    }
    shrink(&energy, sum, level_count, strength);
    shrink(&time, sum, level_count, strength);
    shrink(&tokens, sum, level_count, strength);

    for (size_t l = 0; l < level_count; l++) {
        out[l] = (struct sprout_belief){
            .quality = prior[l].quality,
            .energy = {energy.estimate[l]},
            .time = {time.estimate[l]},
            .output_tokens = tokens.estimate[l],
            .requests = sum[l].requests,
        };
    }
}
