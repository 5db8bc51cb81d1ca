/* SPDX-License-Identifier: Apache-2.0 */
/* carbon.c - see carbon.h. */
#include "core/carbon.h"

const struct sprout_carbon_params sprout_carbon_paper = {
    .pue = 1.0,
    .embodied = {26356.568},
    .lifetime = {5.0 * 365 * 86400},
};

sprout_grams sprout_carbon_operational(const struct sprout_carbon_params *p,
                                       sprout_g_per_kwh ci, sprout_joules energy)
{
    return (sprout_grams){ci.v * energy.v * p->pue / SPROUT_JOULES_PER_KWH};
}

sprout_grams sprout_carbon_embodied(const struct sprout_carbon_params *p,
                                    sprout_seconds time)
{
    return (sprout_grams){p->embodied.v / p->lifetime.v * time.v};
}

sprout_grams sprout_carbon_of(const struct sprout_carbon_params *p, sprout_g_per_kwh ci,
                              sprout_joules energy, sprout_seconds time)
{
    return (sprout_grams){sprout_carbon_operational(p, ci, energy).v +
                          sprout_carbon_embodied(p, time).v};
}

/* 9.2e18 is the last power-of-ten-ish bound a double can be asked about safely. */
static int64_t micro(double v)
{
    const double scaled = v * 1e6;
    if (isnan(scaled)) {
        return SPROUT_MICRO_UNKNOWN;
    }
    if (scaled >= 9.2e18) {
        return INT64_MAX;
    }
    if (scaled <= -9.2e18) {
        return -INT64_MAX;
    }
    return (int64_t)round(scaled);
}

sprout_micrograms sprout_micrograms_of(sprout_grams g)
{
    return (sprout_micrograms){micro(g.v)};
}

sprout_microjoules sprout_microjoules_of(sprout_joules j)
{
    return (sprout_microjoules){micro(j.v)};
}
