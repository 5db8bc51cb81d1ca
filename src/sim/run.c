/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - see run.h. */
#include "sim/run.h"

#include <stdlib.h>

#include "sim/policy.h"

/* A floor counts as missed when an hour delivers this much less, relative to L0. */
#define MISS_MARGIN 0.02

const struct sprout_sim_policy sprout_sim_policies[] = {
    {"base", "everything at L0", sprout_sim_base, 3, {0, 1, 2}, false, false},
    {"co2",
     "always the level of least carbon",
     sprout_sim_co2,
     3,
     {0, 1, 2},
     false,
     false},
    {"l1", "everything at L1", sprout_sim_l1, 3, {0, 1, 2}, false, false},
    {"model",
     "two models, no directives (MODEL_OPT)",
     sprout_sim_model,
     2,
     {0, SPROUT_BENCH_7B},
     false,
     false},
    {"static",
     "one mix for the whole window (SPROUT_STA)",
     sprout_sim_static,
     3,
     {0, 1, 2},
     false,
     false},
    {"sprout",
     "the paper's scheme, stale quality and all",
     sprout_sim_sprout,
     3,
     {0, 1, 2},
     false,
     false},
    {"oracle",
     "true values of hour and request (ORACLE)",
     sprout_sim_oracle,
     3,
     {0, 1, 2},
     true,
     false},
    {"prompt",
     "reads the prompt; one floor over the window",
     sprout_sim_prompt,
     3,
     {0, 1, 2},
     true,
     true},
};
const size_t sprout_sim_policy_count =
    sizeof sprout_sim_policies / sizeof sprout_sim_policies[0];

const struct sprout_sim_policy *sprout_sim_policy_find(struct sprout_str name)
{
    for (size_t i = 0; i < sprout_sim_policy_count; i++) {
        if (sprout_str_eq(sprout_str_of(sprout_sim_policies[i].name), name)) {
            return &sprout_sim_policies[i];
        }
    }
    return NULL;
}

static void add_up(struct sprout_sim_run *run)
{
    double grams = 0, grams_base = 0, quality = 0, quality_base = 0, ratios = 0;

    for (size_t h = 0; h < run->hours; h++) {
        const struct sprout_sim_hour *const hour = &run->hour[h];
        grams += hour->grams;
        grams_base += hour->grams_base;
        quality += hour->quality;
        quality_base += hour->quality_base;
        ratios += hour->quality / hour->quality_base;
        if (!isnan(hour->floor)) {
            run->floored++;
            run->missed +=
                hour->quality < (hour->floor - MISS_MARGIN) * hour->quality_base;
        }
    }
    run->saved = 1 - grams / grams_base;
    run->quality = run->pooled ? quality / quality_base : ratios / (double)run->hours;
}

/* How clean the hours of evaluation were, and how far apart.  Hour 0 is judged before the
 * window begins and does not count, as with the authors. */
static void add_up_evaluations(const struct sprout_world *w, struct sprout_sim_run *run)
{
    double all = 0, theirs = 0;
    size_t last = 0, n = 0;

    for (size_t h = 0; h < run->hours; h++) {
        all += w->hour[h].ci.v;
        if (h == 0 || !run->hour[h].evaluated) {
            continue;
        }
        theirs += w->hour[h].ci.v;
        n++;
        run->longest_idle = h - last > run->longest_idle ? h - last : run->longest_idle;
        last = h;
    }
    run->evaluations = n;
    const size_t rest = run->hours - last;
    run->longest_idle = rest > run->longest_idle ? rest : run->longest_idle;
    run->evaluation_ci = (theirs / (double)n) / (all / (double)run->hours);
}

/* Each task's accuracy over the window, weighted by how much of it each hour has. */
static void add_up_accuracy(const struct sprout_world *w,
                            const struct sprout_sim_policy *p, struct sprout_sim_run *run)
{
    for (size_t k = 0; k < w->tasks; k++) {
        double right = 0, weight = 0;
        for (size_t h = 0; h < run->hours; h++) {
            double share = 0;
            for (size_t o = 0; o < p->options; o++) {
                share += run->hour[h].mix[o] * w->right[k][p->option[o]];
            }
            right += w->hour[h].mix[k] * share;
            weight += w->hour[h].mix[k];
        }
        run->accuracy_base[k] = w->right[k][0];
        if (!run->own_accuracy) {
            run->accuracy[k] = weight > 0 ? right / weight : NAN;
        }
    }
}

enum sprout_status sprout_sim_run(const struct sprout_world *w,
                                  const struct sprout_sim_policy *policy,
                                  const struct sprout_sim_settings *s,
                                  struct sprout_sim_run *out, struct sprout_error *err)
{
    if (policy->needs_requests && w->in.requests == NULL) {
        return sprout_fail(err, SPROUT_USAGE,
                           "policy '%s' needs the requests themselves: --requests DIR",
                           policy->name);
    }
    struct sprout_sim_run run = {.policy = policy->name,
                                 .zone = w->zone,
                                 .hours = w->hours,
                                 .options = policy->options,
                                 .floor = s->floor,
                                 .judging_joules = NAN,
                                 .served_joules = NAN,
                                 .hour = calloc(w->hours, sizeof *run.hour)};
    if (run.hour == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t h = 0; h < w->hours; h++) {
        run.hour[h].grams_base = w->hour[h].grams[0];
        run.hour[h].quality_base = w->hour[h].quality[0];
        run.hour[h].floor = NAN;
    }
    const enum sprout_status st = policy->decide(w, s, &run, err);
    if (st != SPROUT_OK) {
        sprout_sim_run_free(&run);
        return st;
    }
    add_up(&run);
    add_up_evaluations(w, &run);
    add_up_accuracy(w, policy, &run);
    *out = run;
    return SPROUT_OK;
}

void sprout_sim_run_free(struct sprout_sim_run *r)
{
    free(r->hour);
    r->hour = NULL;
    r->hours = 0;
}
