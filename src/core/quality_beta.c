/* SPDX-License-Identifier: Apache-2.0 */
/* quality_beta.c - the beta distribution and what a posterior says by it; see quality.h.
 *
 * I_x(a, b) by its continued fraction (modified Lentz), on the side of the mean where it
 * converges in a few dozen steps; the inverse by bisection on x, or on 1 - x where that is
 * the small one, so both tails keep their digits.  lgamma is exact enough for a up to 1e6. */
#include "core/quality.h"

#define TINY 1e-300

enum { FRACTION_STEPS = 500, BISECTIONS = 200 };

static double away_from_zero(double x)
{
    return fabs(x) < TINY ? TINY : x;
}

static double fraction(double a, double b, double x)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), f = d;

    for (int m = 1; m <= FRACTION_STEPS; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        f *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        f *= d * c;
        if (fabs(d * c - 1) < 1e-14) {
            break;
        }
    }
    return f;
}

/* x and y = 1 - x, each given, for neither may lose its digits to the other. */
static double cdf(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0) {
        return x <= 0 ? 0 : 1;
    }
    const double front =
        exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    return x < (a + 1) / (a + b + 2) ? front * fraction(a, b, x) / a
                                     : 1 - front * fraction(b, a, y) / b;
}

double sprout_beta_cdf(double a, double b, double x)
{
    return cdf(a, b, x, 1 - x);
}

/* Smallest x <= 1/2 with cdf p, on a scale that halves: found down to 1e-60. */
static double lower_half(double a, double b, double p)
{
    double lo = log(1e-60), hi = log(0.5);

    for (int i = 0; i < BISECTIONS && hi - lo > 1e-13; i++) {
        const double mid = (lo + hi) / 2, x = exp(mid);
        *(cdf(a, b, x, 1 - x) < p ? &lo : &hi) = mid;
    }
    return exp((lo + hi) / 2);
}

/* 1 - x of the quantile, for those above 1/2. */
static double upper_half(double a, double b, double p)
{
    double lo = log(1e-60), hi = log(0.5);

    for (int i = 0; i < BISECTIONS && hi - lo > 1e-13; i++) {
        const double mid = (lo + hi) / 2, y = exp(mid);
        *(cdf(a, b, 1 - y, y) < p ? &hi : &lo) = mid;
    }
    return exp((lo + hi) / 2);
}

double sprout_beta_quantile(double a, double b, double p)
{
    if (p <= 0 || p >= 1) {
        return p <= 0 ? 0 : 1;
    }
    return p <= cdf(a, b, 0.5, 0.5) ? lower_half(a, b, p) : 1 - upper_half(a, b, p);
}

/* ---- what a posterior says ------------------------------------------------------------- */

struct sprout_quality_interval sprout_quality_share(const struct sprout_quality *q, int l,
                                                    double level)
{
    double sum = 0;
    for (int i = 0; i < q->levels; i++) {
        sum += q->alpha[i];
    }
    const double a = q->alpha[l], b = sum - a, tail = (1 - level) / 2;
    return (struct sprout_quality_interval){
        .value = a / sum,
        .low = sprout_beta_quantile(a, b, tail),
        .high = sprout_beta_quantile(a, b, 1 - tail),
    };
}

static double odds(double a, double b, double p)
{
    const double x = sprout_beta_quantile(a, b, p);
    return x / fmax(1 - x, TINY);
}

struct sprout_quality_interval sprout_quality_relative(const struct sprout_quality *q,
                                                       int l, double level)
{
    const double a = q->alpha[l], b = q->alpha[0], tail = (1 - level) / 2;
    if (l == 0) {
        return (struct sprout_quality_interval){1, 1, 1};
    }
    return (struct sprout_quality_interval){a / b, odds(a, b, tail),
                                            odds(a, b, 1 - tail)};
}

double sprout_quality_cautious(const struct sprout_quality *q, int l, double certainty)
{
    return l == 0 ? 1 : odds(q->alpha[l], q->alpha[0], 1 - certainty);
}
