/* SPDX-License-Identifier: Apache-2.0 */
/* prior.c - see prior.h.  The table is all there is to it. */
#include "core/prior.h"

#include <assert.h>

const char sprout_prior_source[] = "published prior, not measured here";

/* Task, its mean weight over the authors' 720 hours of February (the shares sum to 1), the
 * judged preference shares of L0, L1, L2 (2 000 prompts each), and the mean energy of
 * Llama-2-13B-chat in Wh (5 000 to 7 473 prompts each). */
static const struct {
    const char *task;
    double weight;
    double preferred[SPROUT_PRIOR_LEVELS];
    double energy_wh[SPROUT_PRIOR_LEVELS];
} published[] = {
    {"alpaca", 0.144118, {0.5440, 0.2565, 0.1995}, {0.551865, 0.158881, 0.110485}},
    {"gsm8k", 0.159014, {0.5645, 0.2590, 0.1765}, {0.304012, 0.100653, 0.066454}},
    {"mmlu", 0.119882, {0.26182, 0.37531, 0.36287}, {0.372810, 0.075724, 0.046213}},
    {"naturalqa", 0.229228, {0.3625, 0.3985, 0.2390}, {0.424819, 0.044867, 0.031383}},
    {"triviaqa", 0.195495, {0.3115, 0.4230, 0.2655}, {0.225475, 0.031257, 0.020344}},
    {"scienceqa", 0.152263, {0.2410, 0.3450, 0.4140}, {0.151354, 0.044013, 0.029287}},
};

#define JOULES_PER_WH 3600.0

/* The profile is linear, so the mean length is the length of the mean energy. */
static double tokens_of(double joules)
{
    const double *c = sprout_energy_llama2_13b.joules;
    return (joules - c[0] - c[1] * SPROUT_PRIOR_PROMPT_TOKENS) / c[2];
}

static double linear(const double c[3], double output_tokens)
{
    return fmax(c[0] + c[1] * SPROUT_PRIOR_PROMPT_TOKENS + c[2] * output_tokens, 0);
}

void sprout_prior_beliefs(const struct sprout_energy_profile *profile, size_t level_count,
                          struct sprout_belief *out)
{
    assert(level_count <= SPROUT_LEVELS_MAX);
    for (size_t l = 0; l < level_count; l++) {
        const bool known = l < SPROUT_PRIOR_LEVELS;
        const size_t at = known ? l : SPROUT_PRIOR_LEVELS - 1;
        double quality = 0, joules = 0;
        for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
            quality += published[i].weight * published[i].preferred[at];
            joules += published[i].weight * published[i].energy_wh[at] * JOULES_PER_WH;
        }
        const double tokens = tokens_of(joules);
        out[l] = (struct sprout_belief){
            .quality = known ? quality : 0,
            .energy = {linear(profile->joules, tokens)},
            .time = {linear(profile->seconds, tokens)},
            .output_tokens = tokens,
        };
    }
}
