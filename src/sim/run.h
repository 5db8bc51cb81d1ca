/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - a policy let loose on a world: what it decided each hour and what came of it.
 *
 * A policy is a row of a table and a file policy_<name>.c of its own; all stand on the same
 * core as the service.  It fills in every hour of a run; the sums are made here.
 * saved = 1 - sum c / sum c_base.  quality is relative to always-L0 on the same requests:
 * the mean of the hourly ratios for the paper's policies, as the authors did, and
 * sum q / sum q_0 for those that keep one floor over a window.
 * Threads: one run, one thread.  Deterministic: draws are hashes of the seed. */
#ifndef SPROUT_SIM_RUN_H
#define SPROUT_SIM_RUN_H

#include "core/invocation.h"
#include "sim/world.h"

enum sprout_budget_window { SPROUT_BUDGET_WINDOW, SPROUT_BUDGET_DAY, SPROUT_BUDGET_HOUR };

/* Parts of `prompt` that can be left out, to see what each brings. */
enum sprout_without {
    SPROUT_WITHOUT_PREFERENCE =
        1,                     /* every prompt is as likely to be preferred as the mean */
    SPROUT_WITHOUT_LENGTH = 2, /* every answer is as long as the level's mean */
    SPROUT_WITHOUT_VERDICTS = 4, /* nothing is learnt while serving */
    SPROUT_WITHOUT_CAUTION = 8,  /* nothing is kept in hand */
};

struct sprout_prompts;

struct sprout_sim_settings {
    double floor;        /* relative to always-L0; NaN: the paper's rule with xi */
    double hourly_floor; /* of every hour, for `prompt`; NaN: the floor less 0.10 */
    enum sprout_budget_window budget;     /* over what `prompt` keeps the floor */
    uint32_t without;                     /* of sprout_without */
    const struct sprout_prompts *prompts; /* what `prompt` reads; NULL: it cannot run */
    double xi;
    int64_t draws; /* prompts judged per evaluation, at most that many with `traffic` */
    uint64_t seed;
    enum sprout_invocation_kind invocation;
    /* Requests an hour; 0: evaluations cost nothing and all have `draws` prompts.  Else the
     * evaluator is in the loop (judging.h) and pays with `share` of the energy served. */
    double traffic;
    double share;
    sprout_g_per_kwh worth; /* of an hour without an answer, where there is no traffic */
};

struct sprout_sim_hour {
    double mix[SPROUT_SIM_OPTIONS]; /* as the policy's `options` say */
    double grams;                   /* per request */
    double grams_base;
    double quality; /* absolute, as base */
    double quality_base;
    double floor; /* the floor it was decided for, relative to always-L0; NaN: none */
    bool evaluated;
    int64_t judged; /* prompts */
};

struct sprout_sim_run {
    const char *policy;
    const char *zone;
    struct sprout_sim_hour *hour; /* owned */
    size_t hours;
    size_t options; /* how many of hour[].mix count */
    bool pooled;    /* quality is sum q / sum q_0 */
    double floor;   /* one for all hours; NaN: the paper's rule, or none */
    /* The policy filled in `accuracy` itself, because who gets which level depends on the
     * request; otherwise it follows from the mixes. */
    bool own_accuracy;
    double saved; /* fractions */
    double quality;
    size_t evaluations;    /* hour 0, which is judged before it begins, apart */
    double evaluation_ci;  /* mean of their hours over the window's */
    size_t longest_idle;   /* hours without one */
    double judging_joules; /* answers and judge; NaN: not counted (no traffic) */
    double served_joules;
    size_t missed; /* hours with a floor that delivered more than 2 points less */
    size_t floored;
    /* Share of answers that are right, per task of the mix, over the window; NaN: not
     * known (no requests, or none with a reference that a string can be matched with). */
    double accuracy[SPROUT_TASKS_MAX];
    double accuracy_base[SPROUT_TASKS_MAX];
};

typedef enum sprout_status sprout_sim_policy_fn(const struct sprout_world *w,
                                                const struct sprout_sim_settings *s,
                                                struct sprout_sim_run *run,
                                                struct sprout_error *err);

struct sprout_sim_policy {
    const char *name;
    const char *summary;
    sprout_sim_policy_fn *decide;
    size_t options;
    int option[SPROUT_SIM_OPTIONS]; /* what its mix's entries mean */
    bool needs_requests;
    bool needs_training;
};

extern const struct sprout_sim_policy sprout_sim_policies[];
extern const size_t sprout_sim_policy_count;

const struct sprout_sim_policy *sprout_sim_policy_find(struct sprout_str name);

SPROUT_MUST_USE enum sprout_status sprout_sim_run(const struct sprout_world *w,
                                                  const struct sprout_sim_policy *policy,
                                                  const struct sprout_sim_settings *s,
                                                  struct sprout_sim_run *out,
                                                  struct sprout_error *err);
void sprout_sim_run_free(struct sprout_sim_run *r);

#endif
