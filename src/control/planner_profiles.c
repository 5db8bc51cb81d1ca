/* SPDX-License-Identifier: Apache-2.0 */
/* planner_profiles.c - joules and seconds per token, by model; see planner.h.
 *
 * Figures of the configuration stand as they are.  Published ones that depend on how many
 * requests run together take the configured batch or, without one, what was measured of the
 * newest requests of the models that the profile is for; with no requests yet, 1. */
#include "control/planner_inner.h"

#include "core/inflight.h"
#include "core/profile.h"

struct batch {
    double of;
    bool measured;
};

/* Edges of the newest requests whose model finds profile `i` first. */
static size_t edges_of(const struct plan *p, size_t i, struct sprout_inflight_edge *out)
{
    const struct sprout_recent *const r = p->in->recent;
    const sprout_instant last = sprout_recent_last(r);
    size_t n = 0;
    for (size_t k = 0; k < sprout_recent_count(r); k++) {
        const struct sprout_recent_one *const one = &r->one[k];
        if (sprout_recent_counts(one, last) &&
            sprout_policy_profile(p->policy, sprout_str_of(one->model)) ==
                &p->policy->profiles[i].profile) {
            sprout_inflight_edges(&out[n], one->began, one->took);
            n += 2;
        }
    }
    sprout_recent_sort(out, n);
    return n;
}

static struct batch batch_of(const struct plan *p, size_t i,
                             const struct sprout_profile *from)
{
    const double given = p->in->config->profiles[i].batch;
    struct sprout_arena scratch = *p->arena; /* given back when this returns */
    if (given > 0 || from->kind != SPROUT_PROFILE_BATCH || p->in->recent == NULL) {
        return (struct batch){fmax(given, 1), false}; /* less than one is one */
    }
    struct sprout_inflight_edge *const edges =
        sprout_arena_array(&scratch, 2 * SPROUT_RECENT_MAX, sizeof *edges);
    const double mean =
        edges == NULL ? NAN : sprout_inflight_mean(edges, edges_of(p, i, edges));
    if (isnan(mean)) {
        return (struct batch){1, false};
    }
    return (struct batch){sprout_inflight_round(mean, from->batch_to), true};
}

/* The name says whose figures they are, of which version, and at which batch. */
static struct sprout_str published_name(struct plan *p, const struct sprout_profile *from,
                                        struct batch batch)
{
    char text[2 * SPROUT_NAME_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_printf(&b, "%s@%s", from->name, from->version);
    if (from->kind == SPROUT_PROFILE_BATCH) {
        /* Not 1.23e+03 for a large one that was given. */
        sprout_buf_printf(&b, batch.measured ? "/batch-%.3g-measured" : "/batch-%g",
                          batch.of);
    }
    return sprout_arena_str(p->arena, sprout_buf_str(&b));
}

/* Of one output token, without the facility's overhead, which is the configuration's. */
static struct sprout_ecologits a_token(double active, double total)
{
    return sprout_ecologits_of(active, total, (sprout_tokens){1}, 1);
}

/* The middle of what is believed counts; the name says both ends. */
static void take_formula(struct plan *p, const struct sprout_config_profile *from,
                         const struct sprout_profile *published,
                         struct sprout_energy_profile *to)
{
    const double total = from->total > 0 ? from->total : from->active;
    const struct sprout_ecologits low = a_token(from->active, total);
    const double active_high = fmax(from->active, from->active_high);
    const struct sprout_ecologits high = a_token(
        active_high, from->total_high > 0 ? from->total_high : fmax(total, active_high));
    const double low_j = 3600 * low.request_wh, high_j = 3600 * high.request_wh;
    char text[2 * SPROUT_NAME_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_printf(&b, "%s@%s/%.3g-to-%.3g-J-per-token", published->name,
                      published->version, low_j, high_j);
    *to = (struct sprout_energy_profile){
        .name = sprout_arena_str(p->arena, sprout_buf_str(&b)),
        .joules = {0, 0, (low_j + high_j) / 2},
        .seconds = {0, 0, (low.latency_s + high.latency_s) / 2},
    };
}

static struct sprout_energy_profile profile_of(struct plan *p, size_t i)
{
    const struct sprout_config_profile *const from = &p->in->config->profiles[i];
    const double *const j = from->joules;
    const struct sprout_profile *const published =
        j[0] == 0 && j[1] == 0 && j[2] == 0
            ? sprout_profile_find(sprout_str_of(from->name))
            : NULL;
    struct sprout_energy_profile to = {
        .name = sprout_arena_str(p->arena, sprout_str_of(from->name))};

    memcpy(to.joules, from->joules, sizeof from->joules);
    memcpy(to.seconds, from->seconds, sizeof from->seconds);
    if (published != NULL && published->kind == SPROUT_PROFILE_ECOLOGITS) {
        take_formula(p, from, published, &to);
    } else if (published != NULL) {
        const struct batch batch = batch_of(p, i, published);
        double seconds[3];
        memcpy(seconds, from->seconds, sizeof seconds);
        if (sprout_profile_triples(published, batch.of, to.joules, to.seconds)) {
            to.name = published_name(p, published, batch);
        }
        if (seconds[0] != 0 || seconds[1] != 0 || seconds[2] != 0) {
            memcpy(to.seconds, seconds, sizeof seconds); /* those given */
        }
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
    }
    to[c->profiles_count] = (struct sprout_policy_profile){
        .model = SPROUT_STR("*"), .profile = sprout_energy_llama2_13b};
    p->policy->profiles = to; /* before the figures: they ask which model finds which */
    p->policy->profile_count = (size_t)c->profiles_count + 1;
    for (uint32_t i = 0; i < c->profiles_count; i++) {
        to[i].profile = profile_of(p, i);
    }
}
