/* SPDX-License-Identifier: Apache-2.0 */
/* policy_sprout.c - the paper's own scheme: the hourly linear program on stale quality.
 *
 * Costs are the hour's true means; quality is what the last evaluation saw, and evaluations
 * happen at hour 0 and when the invocation's rule says so.  An evaluation is `draws`
 * prompts drawn by the hour's mix: its noise, and the mix that has moved since, are why the
 * floor is missed in so many hours (method.md 7.4).  With published evaluations their
 * numbers stand in place of the draw. */
#include "sim/policy.h"

#include "base/hash.h"
#include "core/invocation.h"

static double draw(const struct sprout_sim_settings *s, size_t h, int64_t i,
                   uint64_t what)
{
    struct sprout_hash hash =
        sprout_hash_begin((struct sprout_hash_key){s->seed, (uint64_t)h});
    sprout_hash_u64(&hash, (uint64_t)i);
    sprout_hash_u64(&hash, what);
    return sprout_hash_unit(sprout_hash_end(hash));
}

/* Shares of `draws` prompts won by each level, each prompt a hash of seed, hour and index;
 * with accuracy, every level is right or wrong by itself. */
static void draw_quality(const struct sprout_world *w,
                         const struct sprout_sim_settings *s, size_t h,
                         double out[SPROUT_SIM_LEVELS])
{
    const double *const q = w->hour[h].quality;
    const bool by_judge = w->in.quality == SPROUT_SIM_PREFERENCE;
    int64_t won[SPROUT_SIM_LEVELS] = {0};

    for (int64_t i = 0; i < s->draws; i++) {
        double u = draw(s, h, i, 0);
        int l = 0;
        while (by_judge && l < SPROUT_SIM_LEVELS - 1 && u >= q[l]) {
            u -= q[l++];
        }
        won[l] += by_judge;
        for (l = 0; !by_judge && l < SPROUT_SIM_LEVELS; l++) {
            won[l] += draw(s, h, i, 1 + (uint64_t)l) < q[l];
        }
    }
    for (int l = 0; l < SPROUT_SIM_LEVELS; l++) {
        out[l] = (double)won[l] / (double)s->draws;
    }
}

static void evaluate(const struct sprout_world *w, const struct sprout_sim_settings *s,
                     size_t h, double out[SPROUT_SIM_LEVELS])
{
    if (w->in.evaluations != NULL) {
        memcpy(out, w->in.evaluations->hour[h].quality, SPROUT_SIM_LEVELS * sizeof *out);
    } else {
        draw_quality(w, s, h, out);
    }
}

static bool is_due(const struct sprout_world *w, size_t h, size_t last)
{
    if (h < 2) {
        return h == 0; /* hour 0 is judged before it begins */
    }
    const sprout_g_per_kwh recent[3] = {w->hour[h - 2].ci, w->hour[h - 1].ci,
                                        w->hour[h].ci};
    return sprout_invocation_due(&sprout_invocation_paper, (int64_t)(h - last), recent,
                                 w->hour[h].mean);
}

enum sprout_status sprout_sim_sprout(const struct sprout_world *w,
                                     const struct sprout_sim_settings *s,
                                     struct sprout_sim_run *run, struct sprout_error *err)
{
    double quality[SPROUT_SIM_LEVELS];
    size_t last = 0;

    for (size_t h = 0; h < w->hours; h++) {
        const struct sprout_world_hour *const hour = &w->hour[h];
        struct sprout_sim_hour *const out = &run->hour[h];
        double mix[SPROUT_SIM_LEVELS];

        out->evaluated = is_due(w, h, last);
        if (out->evaluated) {
            evaluate(w, s, h, quality);
            last = h;
        }
        out->floor = sprout_sim_floor(s, hour->ci, hour->lo, hour->hi);
        const enum sprout_status st = sprout_sim_solve(
            hour->grams, quality, SPROUT_SIM_LEVELS, out->floor, mix, err);
        if (st != SPROUT_OK) {
            return st;
        }
        sprout_sim_serve(w, h, mix, out);
    }
    return SPROUT_OK;
}
