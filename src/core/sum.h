/* SPDX-License-Identifier: Apache-2.0 */
/* sum.h - compensated sums, for terms of very different size.
 *
 * {0} is the empty sum.  Not here: sums of integers, which need none of this. */
#ifndef SPROUT_CORE_SUM_H
#define SPROUT_CORE_SUM_H

struct sprout_sum {
    double high;
    double low; /* what rounding took from high */
};

/* Knuth's two-sum: exact, and without a branch. */
static inline void sprout_sum_add(struct sprout_sum *s, double v)
{
    const double t = s->high + v, u = t - s->high;
    s->low += (s->high - (t - u)) + (v - u);
    s->high = t;
}

static inline double sprout_sum_value(struct sprout_sum s)
{
    return s.high + s.low;
}

#endif
