/* SPDX-License-Identifier: Apache-2.0 */
/* alarm.h - do short answers annoy people?  A test that may be read after every rating.
 *
 * Two arms, treated and holdout; the claim tried is "treated ones are not disliked more
 * often".  Each time both arms have something new, the means of the new ratings are paired:
 * x = treated - holdout in [-1, 1], whose expectation is at most 0 under the claim.
 * Wealth that bets a fraction b of itself on x > 0, W *= 1 + b x, is then a supermartingale,
 * and it passes 1 / alpha, ever, with a probability of at most alpha (Ville).  The e-value is
 * the mean over several b, so no effect size need be guessed.  Exact at any sample size.
 * Pure; constant memory.  Not here: who rates what (control/feedback). */
#ifndef SPROUT_CORE_ALARM_H
#define SPROUT_CORE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

enum { SPROUT_ALARM_BETS = 5 };

/* Zero is a fresh one. */
struct sprout_alarm {
    double log_wealth[SPROUT_ALARM_BETS];
    double most; /* the largest e-value so far, as a logarithm */
    int64_t n[2];
    double bad[2];     /* [1] treated, [0] holdout */
    double waiting[2]; /* of ratings not paired yet */
    int64_t waiting_n[2];
};

/* `bad` in [0, 1]: 1 disliked, 0 liked. */
void sprout_alarm_add(struct sprout_alarm *a, bool treated, double bad);

/* Has the evidence ever passed 1 / alpha? */
bool sprout_alarm_raised(const struct sprout_alarm *a, double alpha);

#endif
