/* SPDX-License-Identifier: Apache-2.0 */
/* accuracy.h - how much of L0's accuracy a level keeps, from answers that references settle.
 *
 * The same prompts are answered at every level, so counts are of pairs: right at both, at L0
 * alone, at the level alone.  The ratio of the two accuracies is
 *
 *     (both + level) / (both + l0)
 *
 * with the interval for a ratio of paired proportions of Bonett and Price (Statistics in
 * Medicine 25, 2006): Wilson limits of either share of the n prompts that one of the two had
 * right, taken at k z, where k makes the product of the two as wide as the pairs allow.
 * Prompts that both had wrong say nothing of a ratio.  Counts may be fractions (old answers
 * count less).  Pure.
 * Wilson's interval of one share is here as well, for reports.
 * Not here: whether an answer is right (match.h), which answers count (control). */
#ifndef SPROUT_CORE_ACCURACY_H
#define SPROUT_CORE_ACCURACY_H

#include "core/quality.h"

/* Wilson's limits of a share of x in n, at z; NaN where n is not positive. */
void sprout_wilson(double x, double n, double z, double *out_low, double *out_high);

struct sprout_accuracy_pairs {
    double both; /* prompts right at L0 and at the level */
    double l0;   /* at L0 alone */
    double level;
    double neither;
};

/* Prompts behind it. */
double sprout_accuracy_prompts(const struct sprout_accuracy_pairs *p);

/* Interval that holds the ratio with probability `level`; NaN where L0 was never right. */
struct sprout_quality_interval sprout_accuracy_relative(
    const struct sprout_accuracy_pairs *p, double level);

/* The ratio that is reached with probability `certainty`, 0.5 to less than 1; at 0.5 the
 * value itself. */
double sprout_accuracy_cautious(const struct sprout_accuracy_pairs *p, double certainty);

#endif
