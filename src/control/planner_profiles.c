/* SPDX-License-Identifier: Apache-2.0 */
/* planner_profiles.c - joules and seconds per token, by model; see planner.h.
 *
 * Figures of the configuration stand as they are; those left out are the profile's, of a file
 * or published.  Figures that depend on how many requests run together take the configured
 * batch or, without one, what was measured of the newest requests; with none yet, 1. */
#include "control/planner_inner.h"

#include "core/inflight.h"
#include "core/profile.h"

static bool given(const double v[3])
{
    return v[0] != 0 || v[1] != 0 || v[2] != 0;
}

/* *out_measured: not from the configuration. */
static double batch_of(const struct plan *p, size_t i, const struct sprout_profile *base,
                       bool *out_measured)
{
    const double configured = p->in->config->profiles[i].batch;
    const double seen = p->in->batches == NULL ? 0 : p->in->batches[i];

    *out_measured = configured == 0 && seen > 0;
    return *out_measured ? sprout_inflight_round(seen, base->batch_to)
                         : fmax(configured, 1);
}

/* Whose figures they are, of which version, and at which batch or between which ends. */
static struct sprout_str method_of(struct plan *p,
                                   const struct sprout_config_profile *from,
                                   const struct sprout_profile *base,
                                   const struct sprout_energy_profile *figures,
                                   double batch, bool measured)
{
    char text[4 * SPROUT_NAME_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    const double j = figures->joules[2];

    sprout_buf_printf(&b, "%s@%s", from->name, base->version);
    if (base->kind == SPROUT_PROFILE_BATCH) {
        /* Not 1.23e+03 for a large one that was given. */
        sprout_buf_printf(&b, measured ? "/batch-%.3g-measured" : "/batch-%g", batch);
    } else if (base->kind == SPROUT_PROFILE_ECOLOGITS) {
        sprout_buf_printf(&b, "/%.3g-to-%.3g-J-per-token", j * figures->range[0],
                          j * figures->range[1]);
    }
    return sprout_arena_str(p->arena, sprout_buf_str(&b));
}

static struct sprout_energy_profile profile_of(struct plan *p, size_t i)
{
    const struct sprout_config_profile *const from = &p->in->config->profiles[i];
    const struct sprout_profile *const base = sprout_config_profile_base(from);
    struct sprout_energy_profile to = {.joules = {0}};
    bool measured = false;

    if (base != NULL) {
        const double batch = batch_of(p, i, base, &measured);
        const struct sprout_profile_use use = {batch, from->active, from->active_high,
                                               from->total, from->total_high};
        to = sprout_profile_figures(base, &use);
        to.name = method_of(p, from, base, &to, batch, measured);
    }
    if (given(from->joules)) {
        memcpy(to.joules, from->joules, sizeof to.joules);
        memset(to.range, 0, sizeof to.range);
        to.name = sprout_arena_str(p->arena, sprout_str_of(from->name));
    }
    if (given(from->seconds)) {
        memcpy(to.seconds, from->seconds, sizeof to.seconds);
    }
    return to;
}

void sprout_plan_profiles(struct plan *p)
{
    const struct sprout_config *const c = p->in->config;
    struct sprout_policy_profile *const to =
        sprout_arena_array(p->arena, (size_t)c->profiles_count + 1, sizeof *to);
    if (to == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->profiles_count; i++) {
        to[i].model = sprout_arena_str(p->arena, sprout_str_of(c->profiles[i].model));
        to[i].profile = profile_of(p, i);
    }
    to[c->profiles_count] = (struct sprout_policy_profile){
        .model = SPROUT_STR("*"), .profile = sprout_energy_llama2_13b};
    p->policy->profiles = to;
    p->policy->profile_count = (size_t)c->profiles_count + 1;
}
