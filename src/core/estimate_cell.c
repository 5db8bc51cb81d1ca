/* SPDX-License-Identifier: Apache-2.0 */
/* estimate_cell.c - see estimate_cell.h. */
#include "core/estimate_cell.h"

#include <math.h>

/* ---- adding ---------------------------------------------------------------------------- */

void sprout_sums_add(struct sprout_sums *s, double v)
{
    s->n++;
    s->e += v;
    s->e2 += v * v;
    s->e3 += v * v * v;
    s->e4 += v * v * v * v;
}

/* Where the sum of e^(degree - j) x^j stands. */
static int joint_at(int degree, int j)
{
    return degree * (degree + 1) / 2 + j;
}

void sprout_joint_add(struct sprout_joint *s, double e, double x)
{
    const double es[] = {1, e, e * e, e * e * e, e * e * e * e};
    const double xs[] = {1, x, x * x, x * x * x, x * x * x * x};
    for (int degree = 0; degree <= SPROUT_JOINT_DEGREE; degree++) {
        for (int j = 0; j <= degree; j++) {
            s->s[joint_at(degree, j)] += es[degree - j] * xs[j];
        }
    }
}

static void merge_graded(struct sprout_graded *to, const struct sprout_graded *from)
{
    to->n += from->n;
    to->g += from->g;
    to->c += from->c;
    to->z += from->z;
    to->g2 += from->g2;
    to->gz += from->gz;
    to->z2 += from->z2;
    to->gc += from->gc;
    to->zc += from->zc;
    to->c2 += from->c2;
    to->gc2 += from->gc2;
    to->zc2 += from->zc2;
    to->c3 += from->c3;
    to->c4 += from->c4;
}

void sprout_graded_add(struct sprout_graded *s, double joules, double grams, double x)
{
    const double g = grams, c = grams / joules, z = c * x;
    const struct sprout_graded one = {
        .n = 1,
        .g = g,
        .c = c,
        .z = z,
        .g2 = g * g,
        .gz = g * z,
        .z2 = z * z,
        .gc = g * c,
        .zc = z * c,
        .c2 = c * c,
        .gc2 = g * c * c,
        .zc2 = z * c * c,
        .c3 = c * c * c,
        .c4 = c * c * c * c,
    };
    merge_graded(s, &one);
}

static void merge_joint(struct sprout_joint *to, const struct sprout_joint *from)
{
    for (int i = 0; i < SPROUT_JOINT_SUMS; i++) {
        to->s[i] += from->s[i];
    }
}

void sprout_estimate_cell_merge(struct sprout_estimate_cell *to,
                                const struct sprout_estimate_cell *from)
{
    merge_joint(&to->holdout, &from->holdout);
    merge_joint(&to->mix, &from->mix);
    to->l1.n += from->l1.n;
    to->l1.e += from->l1.e;
    to->l1.e2 += from->l1.e2;
    to->l1.e3 += from->l1.e3;
    to->l1.e4 += from->l1.e4;
    merge_graded(&to->graded, &from->graded);
    to->holdout_predicted += from->holdout_predicted;
}

/* ---- along a slope --------------------------------------------------------------------- */

/* The sum of (e - k x)^degree. */
static double power_along(const struct sprout_joint *s, int degree, double k)
{
    static const double binomial[SPROUT_JOINT_DEGREE + 1][SPROUT_JOINT_DEGREE + 1] = {
        {1}, {1, 1}, {1, 2, 1}, {1, 3, 3, 1}, {1, 4, 6, 4, 1}};
    double sum = 0, power = 1;
    for (int j = 0; j <= degree; j++) {
        sum += binomial[degree][j] * power * s->s[joint_at(degree, j)];
        power *= -k;
    }
    return sum;
}

struct sprout_sums sprout_joint_along(const struct sprout_joint *s, double k)
{
    return (struct sprout_sums){
        .n = (int64_t)sprout_joint_n(s),
        .e = power_along(s, 1, k),
        .e2 = power_along(s, 2, k),
        .e3 = power_along(s, 3, k),
        .e4 = power_along(s, 4, k),
    };
}

struct sprout_graded sprout_graded_along(const struct sprout_graded *s, double k)
{
    struct sprout_graded out = *s;
    out.g = s->g - k * s->z;
    out.g2 = s->g2 - 2 * k * s->gz + k * k * s->z2;
    out.gc = s->gc - k * s->zc;
    out.gc2 = s->gc2 - k * s->zc2;
    return out;
}

#define ONE_VALUE 1e-9 /* spread, relative, below which all values are one */

struct sprout_joint_spread sprout_joint_spread_of(const struct sprout_joint *s)
{
    const double n = sprout_joint_n(s), e = sprout_joint_e(s), x = sprout_joint_x(s);
    const double x2 = s->s[joint_at(2, 2)], xx = n > 0 ? x2 - x * x / n : 0;
    if (xx <= ONE_VALUE * x2) {
        return (struct sprout_joint_spread){0, 0};
    }
    return (struct sprout_joint_spread){.xx = xx, .xe = s->s[joint_at(2, 1)] - x * e / n};
}

/* ---- spread ---------------------------------------------------------------------------- */

double sprout_sums_variance(const struct sprout_sums *s)
{
    const double n = (double)s->n;
    return s->n < 2 ? 0 : fmax(s->e2 - s->e * s->e / n, 0) / (n - 1);
}

double sprout_sums_kurtosis(const struct sprout_sums *s)
{
    const double n = (double)s->n, m = s->e / n, mm = m * m;
    const double second = s->e2 / n - mm;
    const double fourth =
        s->e4 / n - 4 * m * s->e3 / n + 6 * mm * s->e2 / n - 3 * mm * mm;
    return second > 1e-12 * mm ? fourth / (second * second) : 3;
}

enum { LINE = 2, LINE_LEAST = 2 * LINE };

/* What is left of a sum of squares when `both` / `other` of the other is taken out. */
static double about(double squares, double both, double other)
{
    return fmax(squares - both * both / other, 0);
}

double sprout_energy_variance(const struct sprout_sums *mix,
                              const struct sprout_graded *g)
{
    const double n = (double)mix->n;
    if (g->n != mix->n || g->n < LINE_LEAST) { /* the grid of some hours is not known */
        return n * sprout_sums_variance(mix);
    }
    const double spread = about(g->c2, g->c, n);
    if (spread <= ONE_VALUE * g->c2) {
        return n * sprout_sums_variance(mix);
    }
    const double both = g->g - g->c * mix->e / n;
    return n / (n - LINE) * about(about(mix->e2, mix->e, n), both, spread);
}

double sprout_grams_variance(const struct sprout_sums *mix, const struct sprout_graded *g)
{
    if (g->n < LINE_LEAST) {
        return g->c2 * sprout_sums_variance(mix);
    }
    const double n = (double)g->n, about_c = about(g->g2, g->gc, g->c2);
    const double spread = about(g->c4, g->c3, g->c2);
    if (spread <= ONE_VALUE * g->c4) {
        return n / (n - 1) * about_c;
    }
    return n / (n - LINE) * about(about_c, g->gc2 - g->gc * g->c3 / g->c2, spread);
}
