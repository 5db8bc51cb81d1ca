/* SPDX-License-Identifier: Apache-2.0 */
/* invocation.c - see invocation.h. */
#include "core/invocation.h"

const struct sprout_invocation_rule sprout_invocation_paper = {
    .decay_per_step = 0.029,
    .min_wait = 6,
    .max_wait = 72,
};

bool sprout_invocation_due(const struct sprout_invocation_rule *rule, int64_t since,
                           const sprout_g_per_kwh recent[3], sprout_g_per_kwh mean)
{
    if (since >= rule->max_wait) {
        return true;
    }
    if (since <= rule->min_wait || !(recent[2].v <= mean.v)) { /* NaN is not <= */
        return false;
    }
    const double growth = exp(rule->decay_per_step);
    const bool was_falling = recent[1].v * growth <= recent[0].v;
    const bool now_rising = recent[2].v * growth >= recent[1].v;
    return was_falling && now_rising;
}
