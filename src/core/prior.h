/* SPDX-License-Identifier: Apache-2.0 */
/* prior.h - what is believed before anything was measured or judged here.
 *
 * The authors' published figures (EMNLP 2024): of every task the share of prompts at which
 * their judge preferred each level, and the mean energy of Llama-2-13B-chat at it, weighted
 * with the mean task mix of their February window.  Three levels: nothing added, brief, very
 * brief.  Wherever the numbers are shown, sprout_prior_source is shown beside them.
 * Output lengths are the published energies read through the 13B profile, for a prompt of
 * SPROUT_PRIOR_PROMPT_TOKENS; another profile then says what such lengths cost it.
 * Pure.  Not here: how the prior gives way to what is learned (learn.h). */
#ifndef SPROUT_CORE_PRIOR_H
#define SPROUT_CORE_PRIOR_H

#include <stddef.h>

#include "core/policy.h"

/* "published prior, not measured here" */
extern const char sprout_prior_source[];

enum {
    SPROUT_PRIOR_LEVELS = 3,        /* levels that the publication covers */
    SPROUT_PRIOR_PROMPT_TOKENS = 80 /* assumed: the publication has no prompt lengths */
};

/* Beliefs about `level_count` levels (at most SPROUT_LEVELS_MAX) served at the costs of
 * `profile`, with requests 0.  A level beyond the published ones costs what the last of
 * them costs and has quality 0: the optimizer leaves it alone until the configuration or an
 * evaluation says what it is worth. */
void sprout_prior_beliefs(const struct sprout_energy_profile *profile, size_t level_count,
                          struct sprout_belief *out);

#endif
