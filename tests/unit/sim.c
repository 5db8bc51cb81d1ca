/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the simulator: small worlds made here, and the published month. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/floor.h"
#include "sim/experiment.h"

enum { ZONES = 5, SEEDS = 200 };

#define SHARED "../shared/data"
/* The authors' first February hour: hour 800 of 2023. */
#define FEBRUARY ((sprout_instant){INT64_C(1675411200) * SPROUT_NS_PER_SECOND})

/* What the authors published: carbon saved and preference, percent (sums over the hours of
 * data/paper/<zone>_feb.json). */
static const struct published {
    const char *zone;
    double model[2], fixed[2], sprout[2], oracle[2];
} published[ZONES] = {
    {"US-TEX-ERCO", {5.69, 96.32}, {49.43, 95.35}, {52.02, 94.37}, {64.50, 96.43}},
    {"US-CAL-CISO", {8.69, 94.19}, {47.69, 95.51}, {58.28, 93.44}, {72.56, 94.36}},
    {"AU-SA", {5.74, 97.75}, {24.16, 97.73}, {43.78, 96.84}, {65.28, 97.67}},
    {"NL", {8.64, 94.33}, {42.86, 95.95}, {56.31, 92.62}, {73.41, 94.10}},
    {"GB", {8.99, 94.24}, {41.08, 96.12}, {57.13, 91.96}, {72.36, 94.57}},
};

static void need_shared(void)
{
    if (access(SHARED "/paper", R_OK) != 0) {
        print_message("skipped: " SHARED " is not here\n");
        skip();
    }
}

static struct sprout_experiment_opts february(const char *grid)
{
    return (struct sprout_experiment_opts){
        .grid = grid,
        .mix = SHARED "/paper/task_mix_hourly.csv",
        .means = SHARED "/paper/task_means.csv",
        .scope = SPROUT_GRID_DIRECT,
        .start = FEBRUARY,
        .carbon = sprout_carbon_paper,
        .settings = {.floor = NAN,
                     .xi = SPROUT_FLOOR_XI_DEFAULT,
                     .draws = 1000,
                     .seed = 1},
    };
}

static void want_policy(struct sprout_experiment_opts *o, const char *name)
{
    o->policy[o->policies] = sprout_sim_policy_find(sprout_str_of(name));
    assert_non_null(o->policy[o->policies++]);
}

static struct sprout_experiment *run_it(const struct sprout_experiment_opts *o)
{
    struct sprout_experiment *e = NULL;
    struct sprout_error err = {.message = ""};
    enum sprout_status st = sprout_experiment_new(o, &e, &err);
    if (st == SPROUT_OK) {
        st = sprout_experiment_run(e, NULL, NULL, &err);
    }
    if (st != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    return e;
}

static void assert_within(const struct sprout_sim_run *r, double saved, double quality,
                          double tolerance)
{
    if (fabs(100 * r->saved - saved) > tolerance ||
        fabs(100 * r->quality - quality) > tolerance) {
        fail_msg("%s, %s: %.2f / %.2f, expected %.2f / %.2f within %.2f", r->zone,
                 r->policy, 100 * r->saved, 100 * r->quality, saved, quality, tolerance);
    }
}

static char *grid_path(const char *zone, char *out, size_t size)
{
    snprintf(out, size, SHARED "/grid/%s_2023_hourly.csv", zone);
    return out;
}

static void the_simple_policies_come_out_as_published(void **state)
{
    (void)state;
    need_shared();
    for (size_t z = 0; z < ZONES; z++) {
        char path[128];
        struct sprout_experiment_opts o =
            february(grid_path(published[z].zone, path, sizeof path));
        want_policy(&o, "base");
        want_policy(&o, "co2");
        want_policy(&o, "l1");
        want_policy(&o, "model");
        want_policy(&o, "static");
        struct sprout_experiment *const e = run_it(&o);
        assert_within(sprout_experiment_run_at(e, 0), 0, 100, 1);
        assert_within(sprout_experiment_run_at(e, 1), 85.9, 71.1, 1);
        assert_within(sprout_experiment_run_at(e, 2), 79, 92.05, 1);
        assert_within(sprout_experiment_run_at(e, 3), published[z].model[0],
                      published[z].model[1], 2);
        assert_within(sprout_experiment_run_at(e, 4), published[z].fixed[0],
                      published[z].fixed[1], 2);
        sprout_experiment_free(e);
    }
}

static void sprout_with_the_published_evaluations_comes_out_as_published(void **state)
{
    (void)state;
    need_shared();
    for (size_t z = 0; z < ZONES; z++) {
        char path[128];
        struct sprout_experiment_opts o =
            february(grid_path(published[z].zone, path, sizeof path));
        o.evaluations = SHARED "/paper";
        want_policy(&o, "sprout");
        struct sprout_experiment *const e = run_it(&o);
        assert_within(sprout_experiment_run_at(e, 0), published[z].sprout[0],
                      published[z].sprout[1], 0.6);
        sprout_experiment_free(e);
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void the_published_run_of_sprout_is_a_likely_one_among_200_seeds(void **state)
{
    (void)state;
    need_shared();
    for (size_t z = 0; z < ZONES; z++) {
        char path[128];
        double saved[SEEDS];
        struct sprout_experiment_opts o =
            february(grid_path(published[z].zone, path, sizeof path));
        want_policy(&o, "base");
        struct sprout_experiment *const e = run_it(&o);
        for (size_t s = 0; s < SEEDS; s++) {
            struct sprout_sim_run run;
            struct sprout_error err;
            o.settings.seed = s + 1;
            assert_int_equal(sprout_sim_run(sprout_experiment_world(e, 0),
                                            sprout_sim_policy_find(SPROUT_STR("sprout")),
                                            &o.settings, &run, &err),
                             SPROUT_OK);
            saved[s] = 100 * run.saved;
            sprout_sim_run_free(&run);
        }
        qsort(saved, SEEDS, sizeof saved[0], by_value);
        assert_true(saved[SEEDS / 40] <= published[z].sprout[0]);
        assert_true(saved[SEEDS - 1 - SEEDS / 40] >= published[z].sprout[0]);
        sprout_experiment_free(e);
    }
}

/* Energies of single requests, preferences over all published prompts: the folder is half
 * of them, and its own shares move the optimum by more than the tolerance. */
static void oracle_with_single_requests_comes_out_as_published(void **state)
{
    (void)state;
    need_shared();
    for (size_t z = 0; z < ZONES; z++) {
        char path[128];
        struct sprout_experiment_opts o =
            february(grid_path(published[z].zone, path, sizeof path));
        o.requests = SHARED "/llama2";
        o.hours = 720;
        want_policy(&o, "oracle");
        struct sprout_experiment *const e = run_it(&o);
        assert_within(sprout_experiment_run_at(e, 0), published[z].oracle[0],
                      published[z].oracle[1], 2);
        sprout_experiment_free(e);
    }
}

static void the_same_seed_gives_the_same_run_and_another_seed_another(void **state)
{
    (void)state;
    need_shared();
    char path[128];
    struct sprout_experiment_opts o = february(grid_path("GB", path, sizeof path));
    want_policy(&o, "sprout");
    double saved[3];
    for (size_t i = 0; i < 3; i++) {
        o.settings.seed = i < 2 ? 7 : 8;
        struct sprout_experiment *const e = run_it(&o);
        saved[i] = sprout_experiment_run_at(e, 0)->saved;
        sprout_experiment_free(e);
    }
    assert_true(saved[0] == saved[1]);
    assert_true(saved[0] != saved[2]);
}

static void assert_refused(const struct sprout_experiment_opts *o,
                           enum sprout_status want)
{
    struct sprout_experiment *e = NULL;
    struct sprout_error err = {.message = ""};
    const enum sprout_status st = sprout_experiment_new(o, &e, &err);
    assert_int_equal(st, want);
    assert_null(e);
    assert_true(err.message[0] != '\0');
}

static void a_window_that_the_data_do_not_cover_is_refused(void **state)
{
    (void)state;
    need_shared();
    char path[128];
    struct sprout_experiment_opts o = february(grid_path("GB", path, sizeof path));
    want_policy(&o, "base");
    o.hours = 721; /* the mix has 720 */
    assert_refused(&o, SPROUT_INVALID);
    o.hours = 720;
    o.start =
        (sprout_instant){INT64_C(1703980800) * SPROUT_NS_PER_SECOND}; /* 31 December */
    assert_refused(&o, SPROUT_INVALID);
    o.start = FEBRUARY;
    o.evaluations = SHARED "/paper/NL_feb.json"; /* another zone's */
    assert_refused(&o, SPROUT_INVALID);
    o.evaluations = NULL;
    o.mix = SHARED "/paper/absent.csv";
    assert_refused(&o, SPROUT_NOT_FOUND);
}

/* ---- the evaluator in the loop --------------------------------------------------------- */

static void check_cap(const struct sprout_sim_run *r, double share)
{
    const double cost = r->judging_joules / r->served_joules;
    if (!(cost > 0 && cost <= share)) {
        fail_msg("%s: evaluation took %.4f of the energy served, at most %.4f may be",
                 r->zone, cost, share);
    }
    if (r->evaluations < 9 || r->longest_idle > 72) {
        fail_msg("%s: %zu evaluations, %zu hours without one", r->zone, r->evaluations,
                 r->longest_idle);
    }
}

static void a_month_of_evaluations_costs_no_more_than_its_share(void **state)
{
    (void)state;
    static const double traffics[] = {100, 1000, 10000, 100000};
    need_shared();
    for (size_t i = 0; i < ZONES * sizeof traffics / sizeof traffics[0]; i++) {
        char path[128];
        struct sprout_experiment_opts o =
            february(grid_path(published[i % ZONES].zone, path, sizeof path));
        want_policy(&o, "sprout");
        o.trailing_days = 30;
        o.settings.share = 0.01;
        o.settings.traffic = traffics[i / ZONES];
        /* One zone by the paper's rule, the others by ours. */
        o.settings.invocation =
            i % ZONES == 0 ? SPROUT_INVOCATION_PAPER : SPROUT_INVOCATION_FORECAST;
        struct sprout_experiment *const e = run_it(&o);
        check_cap(sprout_experiment_run_at(e, 0), o.settings.share);
        sprout_experiment_free(e);
    }
}

/* Mean over the zones of how clean the hours of evaluation are, and how many. */
static void measure_hours(enum sprout_invocation_kind rule, double worth, double *out_ci,
                          double *out_count)
{
    *out_ci = *out_count = 0;
    for (size_t z = 0; z < ZONES; z++) {
        char path[128];
        struct sprout_experiment_opts o =
            february(grid_path(published[z].zone, path, sizeof path));
        want_policy(&o, "sprout");
        o.trailing_days = 30;
        o.settings.invocation = rule;
        o.settings.worth.v = worth;
        struct sprout_experiment *const e = run_it(&o);
        const struct sprout_sim_run *const r = sprout_experiment_run_at(e, 0);
        assert_true(r->longest_idle <= 72);
        *out_ci += r->evaluation_ci / ZONES;
        *out_count += (double)r->evaluations / ZONES;
        sprout_experiment_free(e);
    }
}

static void with_a_forecast_more_is_evaluated_on_cleaner_hours(void **state)
{
    (void)state;
    double paper_ci, paper_count, ci, count, cleanest, fewest;
    need_shared();
    measure_hours(SPROUT_INVOCATION_PAPER, 0, &paper_ci, &paper_count);
    measure_hours(SPROUT_INVOCATION_FORECAST, 4, &ci, &count);
    measure_hours(SPROUT_INVOCATION_FORECAST, 0, &cleanest, &fewest);
    assert_true(count > paper_count && ci < paper_ci);
    assert_true(fewest < paper_count && cleanest < ci);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_simple_policies_come_out_as_published),
        cmocka_unit_test(a_month_of_evaluations_costs_no_more_than_its_share),
        cmocka_unit_test(with_a_forecast_more_is_evaluated_on_cleaner_hours),
        cmocka_unit_test(sprout_with_the_published_evaluations_comes_out_as_published),
        cmocka_unit_test(the_published_run_of_sprout_is_a_likely_one_among_200_seeds),
        cmocka_unit_test(oracle_with_single_requests_comes_out_as_published),
        cmocka_unit_test(the_same_seed_gives_the_same_run_and_another_seed_another),
        cmocka_unit_test(a_window_that_the_data_do_not_cover_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
