/* SPDX-License-Identifier: Apache-2.0 */
/* invocation.h - when to evaluate: on clean hours, but never too late.
 *
 * The paper's rule (method.md 5).  Let t0 be the last evaluation and
 *     k'(s) = k0(s) * exp(decay * (s - t0)),
 * the intensity made dearer the longer one waits.  Evaluate at t
 *   - when t - t0 >= max_wait, whatever the grid;
 *   - else when t - t0 > min_wait, k0(t) <= mean, and k' has just passed a local minimum:
 *     it did not rise in the step before the last and did not fall in the last one.
 * The common factor of the k' cancels, so only three neighbouring values are needed and the
 * function keeps no state.  `mean` is the caller's: the authors took the mean of the whole
 * month, which looks ahead; a deployment takes a trailing one.
 * An unknown intensity or mean (NaN) leaves the deadline alone in force.
 * Pure.  Not here: what is then sampled and judged. */
#ifndef SPROUT_CORE_INVOCATION_H
#define SPROUT_CORE_INVOCATION_H

#include "core/units.h"

struct sprout_invocation_rule {
    double decay_per_step; /* beta; one step is the distance of the values */
    int64_t min_wait;      /* steps */
    int64_t max_wait;      /* steps */
};

/* The authors', on hourly values: beta 0.029 / h (24 h half-life), 6 h, 72 h. */
extern const struct sprout_invocation_rule sprout_invocation_paper;

/* `since`: steps since the last evaluation.  `recent`: the intensity two steps ago, one
 * step ago and now. */
bool sprout_invocation_due(const struct sprout_invocation_rule *rule, int64_t since,
                           const sprout_g_per_kwh recent[3], sprout_g_per_kwh mean);

#endif
