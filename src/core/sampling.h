/* SPDX-License-Identifier: Apache-2.0 */
/* sampling.h - of which strata the next prompts to judge should be.
 *
 * Strata err independently, so what is uncertain of the optimum is
 *     sum over s of (traffic_s * stake_s)^2 * known_s / (known_s + take_s)
 * with stake_s the posterior's width times its effect on the optimum, now: over the levels
 * but L0, the root of the sum of the squares of
 *     sd(q_l - q_0) * max(share the optimum gives level l, 0.1)
 * (a level it gives nothing may only look worse than it is; the difference of the shares is
 * what a floor of quality is about, and no wider than 1 where L0 hardly ever wins).  Each prompt goes where it takes
 * most of that sum away; in the end known + take is proportional to traffic * stake *
 * sqrt(known), that is, to traffic and spread times effect: Neyman's allocation, or as near
 * to it as one evaluation comes.
 * First a quarter is dealt out evenly, so that no stratum is ever left alone: what changes
 * unseen changes there.
 * A prompt then stands for (traffic / share of the sample) prompts: judged so, the whole is
 * what it would have been with every stratum in its own proportion, only surer.
 * Pure, no allocation; O(prompts x strata). */
#ifndef SPROUT_CORE_SAMPLING_H
#define SPROUT_CORE_SAMPLING_H

#include "core/quality.h"

#define SPROUT_SAMPLING_EVEN   0.25
#define SPROUT_SAMPLING_EFFECT 0.1 /* of a level, at least */

struct sprout_sampling {
    int64_t have;   /* prompts at hand */
    double traffic; /* share of what is served; of any sum */
    double stake;
    double known; /* comparisons, the prior's with them; > 0 */
    int64_t take; /* out */
};

/* Shares `n` prompts out; all there are where that is no more than n. */
void sprout_sampling_share(struct sprout_sampling *s, size_t count, int64_t n);

/* `mix`: shares of the q->levels levels in the optimum. */
double sprout_sampling_stake(const struct sprout_quality *q, const double *mix);

#endif
