/* SPDX-License-Identifier: Apache-2.0 */
/* energy.h - joules and seconds of a request from its token counts.
 *
 * The token model: E = j0 + j_in * in + j_out * out, t = s0 + s_in * in + s_out * out, both
 * clamped at 0 (the fitted intercepts are negative).  A profile is the six coefficients of
 * one model on one machine, with a name that every receipt carries as its method.
 * The default is the regression on the authors' published measurements: Llama-2-13B-chat,
 * vLLM, one A100, batch 1 (R2 0.9998).  It says nothing of another model or batch.
 * Not here: measured energy and its attribution (a meter's business). */
#ifndef SPROUT_CORE_ENERGY_H
#define SPROUT_CORE_ENERGY_H

#include "base/str.h"
#include "core/units.h"

struct sprout_energy_profile {
    struct sprout_str name; /* with version: "llama-2-13b-chat/a100/batch-1@1" */
    double joules[3];       /* J, J per prompt token, J per output token */
    double seconds[3];
    double range[2]; /* factors on the joules, low <= 1 <= high; {0, 0}: one figure */
};

extern const struct sprout_energy_profile sprout_energy_llama2_13b;
extern const struct sprout_energy_profile sprout_energy_llama2_7b;

/* NaN if either count is unknown. */
sprout_joules sprout_energy_joules(const struct sprout_energy_profile *p,
                                   sprout_tokens prompt, sprout_tokens output);
sprout_seconds sprout_energy_seconds(const struct sprout_energy_profile *p,
                                     sprout_tokens prompt, sprout_tokens output);

#endif
