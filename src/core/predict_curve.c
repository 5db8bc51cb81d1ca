/* SPDX-License-Identifier: Apache-2.0 */
/* predict_curve.c - see predict_curve.h. */
#include "core/predict_curve.h"

#include <math.h>
#include <string.h>

enum { LEVELS = SPROUT_PREDICT_LEVELS, RATIOS = SPROUT_PREDICT_RATIOS };

static int choose(const struct sprout_predict_sample *s,
                  const struct sprout_predict_goal *g, double ratio)
{
    int best = -1;
    double least = 0;
    for (int l = 0; l < LEVELS; l++) {
        const double cost = sprout_predict_sample_tokens(s, l) -
                            ratio * sprout_predict_sample_quality(s, g, l);
        const bool better =
            best < 0 || cost < least ||
            (cost <= least && sprout_predict_sample_quality(s, g, l) >
                                  sprout_predict_sample_quality(s, g, best));
        if (sprout_predict_goal_allows(g, l) && better) {
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
            const double more = sprout_predict_sample_quality(&samples[i], g, a) -
                                sprout_predict_sample_quality(&samples[i], g, b);
            const double ratio = (sprout_predict_sample_tokens(&samples[i], a) -
                                  sprout_predict_sample_tokens(&samples[i], b)) /
                                 more;
            if (sprout_predict_goal_allows(g, a) && sprout_predict_goal_allows(g, b) &&
                more > 0 && ratio > 0) {
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
        out->quality[at] += sprout_predict_sample_quality(&samples[i], g, l) / n;
        out->tokens[at] += sprout_predict_sample_tokens(&samples[i], l) / n;
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
        out->quality_l0 +=
            sprout_predict_sample_quality(&samples[i], goal, 0) / (double)count;
        out->tokens_l0 += sprout_predict_sample_tokens(&samples[i], 0) / (double)count;
    }
    find_range(samples, count, goal, &low, &high);
    add_point(samples, count, goal, 0, out);
    for (int k = 0; high > 0 && k < RATIOS - 1; k++) {
        const double share = (double)k / (RATIOS - 2);
        /* Rounding must not leave the last prompt short of its best. */
        add_point(samples, count, goal, low * pow(high / low, share) * (1 + 1e-9), out);
    }
}
