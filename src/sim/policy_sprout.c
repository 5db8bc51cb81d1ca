/* SPDX-License-Identifier: Apache-2.0 */
/* policy_sprout.c - the paper's own scheme: the hourly linear program on stale quality.
 *
 * Costs are the hour's true means.  Without traffic quality is what the last evaluation saw,
 * and evaluations happen at hour 0 and when the invocation's rule says so.  An evaluation is
 * `draws` prompts drawn by the hour's mix: its noise, and the mix that has moved since, are
 * why the floor is missed in so many hours (method.md 7.4).  With published evaluations their
 * numbers stand in place of the draw.
 * With traffic the evaluator is in the loop (judging.h): it pays for what it asks, and
 * quality is its posterior, taken with the certainty of control. */
#include "sim/policy.h"

#include "sim/judging.h"

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
        double u = sprout_judging_draw(s, h, i, 0);
        int l = 0;
        while (by_judge && l < SPROUT_SIM_LEVELS - 1 && u >= q[l]) {
            u -= q[l++];
        }
        won[l] += by_judge;
        for (l = 0; !by_judge && l < SPROUT_SIM_LEVELS; l++) {
            won[l] += sprout_judging_draw(s, h, i, 1 + (uint64_t)l) < q[l];
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

static enum sprout_status decide(const struct sprout_world *w,
                                 const struct sprout_sim_settings *s, size_t h,
                                 const double quality[SPROUT_SIM_LEVELS],
                                 struct sprout_sim_hour *out, struct sprout_error *err)
{
    const struct sprout_world_hour *const hour = &w->hour[h];
    double mix[SPROUT_SIM_LEVELS];

    out->floor = sprout_sim_floor(s, hour->ci, hour->lo, hour->hi);
    const enum sprout_status st =
        sprout_sim_solve(hour->grams, quality, SPROUT_SIM_LEVELS, out->floor, mix, err);
    if (st == SPROUT_OK) {
        sprout_sim_serve(w, h, mix, out);
    }
    return st;
}

/* ---- with the evaluator in the loop ---------------------------------------------------- */

static enum sprout_status live_hour(struct sprout_judging *j,
                                    const struct sprout_world *w,
                                    const struct sprout_sim_settings *s, size_t h,
                                    struct sprout_sim_hour *out, struct sprout_error *err)
{
    double taken[SPROUT_SIM_LEVELS], mean[SPROUT_SIM_LEVELS], mix[SPROUT_SIM_LEVELS];
    double least = 0;

    out->judged = sprout_judging_turn(j, h);
    out->evaluated = out->judged > 0;
    sprout_judging_quality(j, taken, mean);
    enum sprout_status st = decide(w, s, h, taken, out, err);
    if (st == SPROUT_OK) {
        st = sprout_sim_solve(w->hour[h].grams, mean, SPROUT_SIM_LEVELS, out->floor, mix,
                              err);
    }
    for (int l = 0; l < SPROUT_SIM_LEVELS && st == SPROUT_OK; l++) {
        least += mix[l] * w->hour[h].grams[l];
    }
    if (st == SPROUT_OK) {
        sprout_judging_served(j, h, out->mix, out->grams - least);
    }
    return st;
}

static enum sprout_status live(const struct sprout_world *w,
                               const struct sprout_sim_settings *s,
                               struct sprout_sim_run *run, struct sprout_error *err)
{
    struct sprout_judging *const j = sprout_judging_new(w, s);
    enum sprout_status st = SPROUT_OK;

    if (j == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t h = 0; h < w->hours && st == SPROUT_OK; h++) {
        st = live_hour(j, w, s, h, &run->hour[h], err);
    }
    run->judging_joules = sprout_judging_spent(j);
    run->served_joules = sprout_judging_served_joules(j);
    sprout_judging_free(j);
    return st;
}

/* ---- the paper's ----------------------------------------------------------------------- */

enum sprout_status sprout_sim_sprout(const struct sprout_world *w,
                                     const struct sprout_sim_settings *s,
                                     struct sprout_sim_run *run, struct sprout_error *err)
{
    double quality[SPROUT_SIM_LEVELS];
    size_t last = 0;
    enum sprout_status st = SPROUT_OK;

    if (s->traffic > 0) {
        return live(w, s, run, err);
    }
    for (size_t h = 0; h < w->hours && st == SPROUT_OK; h++) {
        struct sprout_sim_hour *const out = &run->hour[h];
        /* Hour 0 is judged before it begins. */
        out->evaluated =
            h == 0 ||
            (h > 1 && sprout_judging_due(w, s, h, (int64_t)(h - last), s->worth));
        if (out->evaluated) {
            evaluate(w, s, h, quality);
            out->judged = s->draws;
            last = h;
        }
        st = decide(w, s, h, quality, out, err);
    }
    return st;
}
