/* SPDX-License-Identifier: Apache-2.0 */
/* learn.h - energy, time and length per level, learned from what was served.
 *
 * Running sums per level (of one stratum), in any order, of any size, mergeable: the journal
 * gives them one request at a time, the ledger as sums of an hour.  While there is little,
 * the estimate is shrunk towards the prior; what is learned at one level says something of
 * the others, because a model that writes half of what was expected at L0 will not write
 * all of it at L1.  With n_l requests of mean m_l at level l, prior p_l, and strength k:
 *
 *     ratio     r_l = m_l / p_l
 *     scale     s   = (k + sum n_l r_l) / (k + sum n_l)
 *     estimate  e_l = p_l * (k s + n_l r_l) / (k + n_l)
 *
 * So nothing learned gives the prior, much learned gives the mean, and a level never served
 * gives the prior scaled by what the served ones showed.  The same formula holds for energy,
 * for time and for output tokens, each with its own s.
 * A level's mean may come from prompts other than those it would be given (a client asks for
 * a level because of what it asks): feed only requests whose level was drawn by chance.
 * Pure; constant memory.  Not here: quality (from the prior or a judge). */
#ifndef SPROUT_CORE_LEARN_H
#define SPROUT_CORE_LEARN_H

#include <stddef.h>

#include "core/policy.h"

/* k: requests that the prior counts for. */
#define SPROUT_LEARN_STRENGTH 20.0

/* Sums over `requests` of known energy, time and length.  Zero is "nothing yet". */
struct sprout_learn_sum {
    int64_t requests;
    double joules;
    double seconds;
    double output_tokens;
};

/* Adds one request; one whose counts are unknown changes nothing. */
void sprout_learn_add(struct sprout_learn_sum *s, sprout_joules energy,
                      sprout_seconds time, sprout_tokens output);

void sprout_learn_merge(struct sprout_learn_sum *s, const struct sprout_learn_sum *other);

/* Energy, time, tokens and requests of out[l] from prior[l] and sum[l]; quality is the
 * prior's.  `strength` is k >= 0; with 0 a level without requests keeps the scaled prior.
 * A prior that is unknown or 0 gives the plain mean, unknown where nothing was served. */
void sprout_learn_beliefs(const struct sprout_belief *prior,
                          const struct sprout_learn_sum *sum, size_t level_count,
                          double strength, struct sprout_belief *out);

#endif
