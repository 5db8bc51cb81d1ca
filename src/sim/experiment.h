/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.h - a whole comparison: several zones, several policies, one set of data.
 *
 * Reads everything first, so that a bad file is an error before the first hour is run;
 * then runs zone by zone, policy by policy, in the order they were named.  Everything that
 * decides the outcome is in the options and in the fingerprints of the inputs, so a report
 * can be repeated from itself.
 * Threads: one.  Memory: an experiment owns its inputs and its runs. */
#ifndef SPROUT_SIM_EXPERIMENT_H
#define SPROUT_SIM_EXPERIMENT_H

#include "sim/prompts.h"
#include "sim/run.h"

enum {
    SPROUT_EXPERIMENT_ZONES_MAX = 256,
    SPROUT_EXPERIMENT_POLICIES_MAX = 16,
    SPROUT_EXPERIMENT_PATH_MAX = 4096,
    SPROUT_EXPERIMENT_BOOTSTRAP_MAX = 10000,
    SPROUT_EXPERIMENT_INPUTS_MAX = 2 * SPROUT_EXPERIMENT_ZONES_MAX + 8,
};

/* Paths are borrowed; NULL: not given. */
struct sprout_experiment_opts {
    const char *grid;        /* a file, or a folder of *.csv */
    const char *bounds_from; /* a file */
    const char *mix;
    const char *means;
    const char *requests;
    const char *train;       /* folder that `prompt` learns from */
    const char *evaluations; /* a file, or a folder of <zone>_*.json */
    enum sprout_grid_scope scope;
    sprout_instant start;
    size_t hours; /* 0: as many as the mix has */
    int64_t trailing_days;
    struct sprout_carbon_params carbon;
    const struct sprout_sim_policy *policy[SPROUT_EXPERIMENT_POLICIES_MAX];
    size_t policies;
    struct sprout_sim_settings settings; /* .prompts is the experiment's affair */
    uint32_t protect;                    /* bit per sprout_kind, for `prompt` */
    enum sprout_predict_by by;           /* what quality is */
    size_t bootstrap; /* times the requests are drawn again; 0: never */
};

struct sprout_experiment_input {
    const char *role; /* "grid", "mix", ... */
    char path[SPROUT_EXPERIMENT_PATH_MAX];
    char sha256[SPROUT_SHA256_HEX];
};

/* Where 95 % of the values lie when the requests are drawn again; NaN: not asked for. */
struct sprout_experiment_spread {
    double saved_low, saved_high;
    double quality_low, quality_high;
};

struct sprout_experiment;

/* Called before each run and once after the last. */
typedef void sprout_experiment_progress_fn(void *ctx, size_t done, size_t all,
                                           const char *zone, const char *policy);

/* Reads the inputs. */
SPROUT_MUST_USE enum sprout_status sprout_experiment_new(
    const struct sprout_experiment_opts *opts, struct sprout_experiment **out,
    struct sprout_error *err);

/* Runs every policy in every zone; `progress` may be NULL. */
SPROUT_MUST_USE enum sprout_status sprout_experiment_run(
    struct sprout_experiment *e, sprout_experiment_progress_fn *progress, void *ctx,
    struct sprout_error *err);

void sprout_experiment_free(struct sprout_experiment *e); /* NULL is fine */

/* What came out; owned by the experiment.  Runs are zone by zone, in the policies' order. */
size_t sprout_experiment_run_count(const struct sprout_experiment *e);
const struct sprout_sim_run *sprout_experiment_run_at(const struct sprout_experiment *e,
                                                      size_t i);
/* The requests under test, and those of them whose very prompt was trained on: what is
 * predicted of these says nothing of others. */
struct sprout_experiment_test {
    size_t requests;
    size_t trained_on;
};
struct sprout_experiment_test sprout_experiment_tested(const struct sprout_experiment *e);

size_t sprout_experiment_input_count(const struct sprout_experiment *e);
const struct sprout_experiment_input *sprout_experiment_input_at(
    const struct sprout_experiment *e, size_t i);
const struct sprout_world *sprout_experiment_world(const struct sprout_experiment *e,
                                                   size_t run);

struct sprout_experiment_spread sprout_experiment_spread_at(
    const struct sprout_experiment *e, size_t run);

/* A policy's mean over the zones, and how it spreads. */
struct sprout_experiment_mean {
    const char *policy;
    double saved;
    double quality;
    struct sprout_experiment_spread spread;
};
size_t sprout_experiment_mean_count(const struct sprout_experiment *e);
struct sprout_experiment_mean sprout_experiment_mean_at(const struct sprout_experiment *e,
                                                        size_t policy);

#endif
