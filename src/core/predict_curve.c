/* SPDX-License-Identifier: Apache-2.0 */
/* predict_curve.c - see predict_curve.h. */
#include "core/predict_curve.h"

#include <math.h>
#include <string.h>

enum { LEVELS = SPROUT_PREDICT_LEVELS, RATIOS = SPROUT_PREDICT_RATIOS };

static double quality_of(const struct sprout_predict_sample *s,
                         const struct sprout_predict_goal *g, int level)
{
    return (double)s->quality[level] / SPROUT_PREDICT_ONE + g->correction[s->kind][level];
}

static double tokens_of(const struct sprout_predict_sample *s, int level)
{
    return (double)s->tokens[level] / SPROUT_PREDICT_TOKEN;
}

static bool allowed(const struct sprout_predict_goal *g, int level)
{
    return g->levels == 0 || (g->levels >> level & 1) != 0;
}

static int choose(const struct sprout_predict_sample *s,
                  const struct sprout_predict_goal *g, double ratio)
{
    int best = -1;
    double least = 0;
    for (int l = 0; l < LEVELS; l++) {
        const double cost = tokens_of(s, l) - ratio * quality_of(s, g, l);
        const bool better =
            best < 0 || cost < least ||
            (cost <= least && quality_of(s, g, l) > quality_of(s, g, best));
        if (allowed(g, l) && better) {
            best = l;
            least = cost;
        }
    }
    return best < 0 ? 0 : best;
}

/* The exchanges at which a choice may change: from `low` to `high`.  0, 0: none does. */
static void find_range(const struct sprout_predict_sample *samples, size_t count,
                       const struct sprout_predict_goal *g, double *low, double *high)
{
    *low = *high = 0;
    for (size_t i = 0; i < count; i++) {
        for (int pair = 0; pair < LEVELS * LEVELS; pair++) {
            const int a = pair / LEVELS, b = pair % LEVELS;
            const double more =
                quality_of(&samples[i], g, a) - quality_of(&samples[i], g, b);
            const double ratio =
                (tokens_of(&samples[i], a) - tokens_of(&samples[i], b)) / more;
            if (allowed(g, a) && allowed(g, b) && more > 0 && ratio > 0) {
                *low = *low <= 0 || ratio < *low ? ratio : *low;
                *high = ratio > *high ? ratio : *high;
            }
        }
    }
}

static void add_point(const struct sprout_predict_sample *samples, size_t count,
                      const struct sprout_predict_goal *g, double ratio,
                      struct sprout_predict_curve *out)
{
    const size_t at = out->count++;
    const double n = (double)count;
    out->ratio[at] = ratio;
    for (size_t i = 0; i < count; i++) {
        const int l = choose(&samples[i], g, ratio);
        out->quality[at] += quality_of(&samples[i], g, l) / n;
        out->tokens[at] += tokens_of(&samples[i], l) / n;
        out->mix[at][l] += 1 / n;
    }
    if (at > 0 && out->quality[at] < out->quality[at - 1]) {
        out->quality[at] = out->quality[at - 1]; /* no more than rounding */
    }
}

void sprout_predict_curve_make(const struct sprout_predict_sample *samples, size_t count,
                               const struct sprout_predict_goal *goal,
                               struct sprout_predict_curve *out)
{
    double low, high;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        out->quality_l0 += quality_of(&samples[i], goal, 0) / (double)count;
        out->tokens_l0 += tokens_of(&samples[i], 0) / (double)count;
    }
    find_range(samples, count, goal, &low, &high);
    add_point(samples, count, goal, 0, out);
    for (int k = 0; high > 0 && k < RATIOS - 1; k++) {
        const double share = (double)k / (RATIOS - 2);
        /* Rounding must not leave the last prompt short of its best. */
        add_point(samples, count, goal, low * pow(high / low, share) * (1 + 1e-9), out);
    }
}
