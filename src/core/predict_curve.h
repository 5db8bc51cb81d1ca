/* SPDX-License-Identifier: Apache-2.0 */
/* predict_curve.h - what predicted prompts give at every exchange of tokens for quality.
 *
 * At a ratio (tokens that one spends on a unit of quality, core/budget.h) each prompt of a
 * sample has the level of least tokens - ratio * quality, of equals the one of greater
 * quality.  The curve has that level's means for ratios from 0 (least tokens) to one at
 * which every prompt is at its best, in equal steps of the logarithm between the least and
 * the greatest exchange that any prompt offers.
 * Quality never falls along a curve.  Pure, no allocation; O(samples * ratios). */
#ifndef SPROUT_CORE_PREDICT_CURVE_H
#define SPROUT_CORE_PREDICT_CURVE_H

#include "core/predict_price.h"

enum { SPROUT_PREDICT_RATIOS = 256 };

struct sprout_predict_curve {
    double ratio[SPROUT_PREDICT_RATIOS]; /* tokens a unit of quality; the first is 0 */
    double quality[SPROUT_PREDICT_RATIOS];
    double tokens[SPROUT_PREDICT_RATIOS];
    double mix[SPROUT_PREDICT_RATIOS][SPROUT_PREDICT_LEVELS];
    double quality_l0;
    double tokens_l0;
    size_t count; /* 1 to SPROUT_PREDICT_RATIOS */
};

/* Of `count` >= 1 samples, with the levels and the correction of `goal`; the rest of it is
 * not looked at. */
void sprout_predict_curve_make(const struct sprout_predict_sample *samples, size_t count,
                               const struct sprout_predict_goal *goal,
                               struct sprout_predict_curve *out);

#endif
