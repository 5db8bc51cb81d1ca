/* SPDX-License-Identifier: Apache-2.0 */
/* sampling.c - see sampling.h. */
#include "core/sampling.h"

static bool has_more(const struct sprout_sampling *s)
{
    return s->take < s->have;
}

/* Where fewest were taken; NULL: there are no more. */
static struct sprout_sampling *fewest(struct sprout_sampling *s, size_t count)
{
    struct sprout_sampling *best = NULL;
    for (size_t i = 0; i < count; i++) {
        best = has_more(&s[i]) && (best == NULL || s[i].take < best->take) ? &s[i] : best;
    }
    return best;
}

/* What one more prompt takes away. */
static double gain(const struct sprout_sampling *s)
{
    const double v = s->traffic * s->stake, n = s->known + (double)s->take;
    return v > 0 ? v * v * s->known / (n * (n + 1)) : 0;
}

/* Where it is most; of equals, where the smallest part was taken. */
static struct sprout_sampling *dearest(struct sprout_sampling *s, size_t count)
{
    struct sprout_sampling *best = NULL;
    double most = -1, part = 2;
    for (size_t i = 0; i < count; i++) {
        const double g = gain(&s[i]), p = (double)s[i].take / fmax((double)s[i].have, 1);
        if (has_more(&s[i]) && (g > most || (g >= most && p < part))) {
            best = &s[i];
            most = g;
            part = p;
        }
    }
    return best;
}

void sprout_sampling_share(struct sprout_sampling *s, size_t count, int64_t n)
{
    const int64_t even = (int64_t)(SPROUT_SAMPLING_EVEN * (double)n);

    for (size_t i = 0; i < count; i++) {
        s[i].take = 0;
    }
    for (int64_t k = 0; k < n; k++) {
        struct sprout_sampling *const to =
            k < even ? fewest(s, count) : dearest(s, count);
        if (to == NULL) {
            return;
        }
        to->take++;
    }
}

/* The variance of a difference of two shares of a Dirichlet distribution. */
static double variance(const struct sprout_quality *q, int l, double sum)
{
    const double a = q->alpha[l] / sum, b = q->alpha[0] / sum;
    return (a + b - (a - b) * (a - b)) / (sum + 1);
}

double sprout_sampling_stake(const struct sprout_quality *q, const double *mix)
{
    double alpha = 0, sum = 0;
    for (int l = 0; l < q->levels; l++) {
        alpha += q->alpha[l];
    }
    for (int l = 1; l < q->levels; l++) {
        const double effect = fmax(mix[l], SPROUT_SAMPLING_EFFECT);
        sum += variance(q, l, alpha) * effect * effect;
    }
    return sqrt(sum);
}
