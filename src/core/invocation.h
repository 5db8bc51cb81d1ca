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
 *
 * Ours, where the coming hours are foretold.  Waiting j steps saves k(0) - f(j) on every kWh
 * of the evaluation, and for j steps what it would have found is not known.  With `worth`,
 * what a step without the answer costs, in the same unit, the best step is
 *     argmin over j of  f(j) + worth * j,      f(0) = k(0), the earliest of equals,
 * among the steps after min_wait and not after max_wait whose intensity is at most `mean`;
 * evaluate when that is now.  The more an answer is worth, the sooner: at worth 0 in the
 * cleanest hour that is foretold, at INFINITY in the first clean one.  Steps that nobody
 * foretells are left out; where none is left, the deadline alone holds.
 * Pure.  Not here: what is then sampled and judged (evaluation.h), forecasts (forecast.h). */
#ifndef SPROUT_CORE_INVOCATION_H
#define SPROUT_CORE_INVOCATION_H

#include <stddef.h>

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

/* Which of the two rules; the text stands in configuration and status. */
#define SPROUT_INVOCATION_TABLE(X)                                                       \
    X(PAPER, "paper")                                                                    \
    X(FORECAST, "forecast")

enum sprout_invocation_kind {
#define X(name, text) SPROUT_INVOCATION_##name,
    SPROUT_INVOCATION_TABLE(X)
#undef X
        SPROUT_INVOCATION_KINDS
};

const char *sprout_invocation_text(enum sprout_invocation_kind k);

struct sprout_invocation_wait {
    int64_t best;           /* steps until the best hour; 0: evaluate now */
    int64_t most;           /* steps until the longest wait is over */
    sprout_g_per_kwh value; /* of the best hour; NaN: `best` is the deadline */
};

/* `now`: the intensity of this step; ahead[0]: of the next; NaN: not known.  `mean`: as
 * above; NaN: any hour will do.  `worth`: g/kWh per step, INFINITY allowed; below 0 or NaN
 * counts as 0. */
struct sprout_invocation_wait sprout_invocation_wait(
    const struct sprout_invocation_rule *rule, int64_t since, sprout_g_per_kwh now,
    const sprout_g_per_kwh *ahead, size_t count, sprout_g_per_kwh mean,
    sprout_g_per_kwh worth);

/* What the answer is worth.  Caution makes each request dearer by `caution` (a plan says how
 * much), in proportion to the posterior's width, so to 1 / sqrt(comparisons); `more` of them
 * beside `known` take the share 1 - sqrt(known / (known + more)) of it away.  Per step and
 * kWh of the evaluation:
 *     requests * caution * (1 - sqrt(known / (known + more))) / energy
 * It grows with traffic and caution, falls with `known` and, as the first comparisons say
 * most, with what is bought at once.  A quality of which nothing is known (caution NaN) is
 * worth INFINITY; nothing to buy (`more` or energy 0) is worth 0. */
struct sprout_invocation_stake {
    double requests;      /* a step, >= 0 */
    sprout_grams caution; /* a request */
    double known; /* comparisons behind the posterior, the prior's with them; > 0 */
    double more;  /* comparisons of the evaluation */
    sprout_joules energy; /* of the evaluation */
};
sprout_g_per_kwh sprout_invocation_worth(const struct sprout_invocation_stake *s);

#endif
