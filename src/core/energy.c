/* SPDX-License-Identifier: Apache-2.0 */
/* energy.c - see energy.h. */
#include "core/energy.h"

const struct sprout_energy_profile sprout_energy_llama2_13b = {
    .name = {"llama-2-13b-chat/a100/batch-1@1",
             sizeof "llama-2-13b-chat/a100/batch-1@1" - 1},
    .joules = {-3.52, 0.043, 5.87},
    .seconds = {-0.015, 1.93e-4, 0.02377},
};

const struct sprout_energy_profile sprout_energy_llama2_7b = {
    .name = {"llama-2-7b-chat/a100/batch-1@1",
             sizeof "llama-2-7b-chat/a100/batch-1@1" - 1},
    .joules = {-3.97, 0.032, 3.21},
    .seconds = {-0.026, 1.93e-4, 0.01355},
};

static double linear(const double c[3], sprout_tokens prompt, sprout_tokens output)
{
    if (!sprout_tokens_known(prompt) || !sprout_tokens_known(output)) {
        return NAN;
    }
    const double v = c[0] + c[1] * (double)prompt.n + c[2] * (double)output.n;
    return v > 0 ? v : 0;
}

sprout_joules sprout_energy_joules(const struct sprout_energy_profile *p,
                                   sprout_tokens prompt, sprout_tokens output)
{
    return (sprout_joules){linear(p->joules, prompt, output)};
}

sprout_seconds sprout_energy_seconds(const struct sprout_energy_profile *p,
                                     sprout_tokens prompt, sprout_tokens output)
{
    return (sprout_seconds){linear(p->seconds, prompt, output)};
}
