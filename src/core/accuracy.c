/* SPDX-License-Identifier: Apache-2.0 */
/* accuracy.c - see accuracy.h. */
#include "core/accuracy.h"

#include <math.h>

double sprout_accuracy_prompts(const struct sprout_accuracy_pairs *p)
{
    return p->both + p->l0 + p->level + p->neither;
}

/* z with P(Z <= z) = p, for p from 0.5 up; halving what is left 60 times is exact enough. */
static double normal_quantile(double p)
{
    double low = 0, high = 9;
    for (int i = 0; i < 60; i++) {
        const double z = (low + high) / 2;
        if (1 - 0.5 * erfc(z * M_SQRT1_2) < p) {
            low = z;
        } else {
            high = z;
        }
    }
    return p <= 0.5 ? 0 : (low + high) / 2;
}

void sprout_wilson(double x, double n, double z, double *out_low, double *out_high)
{
    if (!(n > 0)) {
        *out_low = *out_high = NAN;
        return;
    }
    const double middle = x + z * z / 2;
    const double half = z * sqrt(x * (n - x) / n + z * z / 4);
    *out_low = fmax(0, (middle - half) / (n + z * z));
    *out_high = fmin(1, (middle + half) / (n + z * z));
}

static struct sprout_quality_interval ratio(const struct sprout_accuracy_pairs *p,
                                            double z)
{
    const double n = p->both + p->l0 + p->level;
    const double level = p->both + p->level, l0 = p->both + p->l0;
    if (!(l0 > 0)) {
        return (struct sprout_quality_interval){NAN, NAN, NAN};
    }
    const double wide = sqrt((p->l0 + p->level + 2) / ((level + 1) * (l0 + 1)));
    const double of_level = sqrt((1 - (level + 1) / (n + 2)) / (level + 1));
    const double of_l0 = sqrt((1 - (l0 + 1) / (n + 2)) / (l0 + 1));
    const double k = wide / (of_level + of_l0);
    double level_low, level_high, l0_low, l0_high;
    sprout_wilson(level, n, k * z, &level_low, &level_high);
    sprout_wilson(l0, n, k * z, &l0_low, &l0_high);
    return (struct sprout_quality_interval){
        .value = level / l0, .low = level_low / l0_high, .high = level_high / l0_low};
}

struct sprout_quality_interval sprout_accuracy_relative(
    const struct sprout_accuracy_pairs *p, double level)
{
    return ratio(p, normal_quantile((1 + level) / 2));
}

double sprout_accuracy_cautious(const struct sprout_accuracy_pairs *p, double certainty)
{
    return ratio(p, normal_quantile(certainty)).low;
}
