/* SPDX-License-Identifier: Apache-2.0 */
/* plan_fixture.h - a configuration, a grid and prompts to plan with, for tests of the planner.
 * After cmocka.h. */
#ifndef SPROUT_TESTS_PLAN_FIXTURE_H
#define SPROUT_TESTS_PLAN_FIXTURE_H

#include "control/planner.h"

static char memory[SPROUT_PLAN_MEMORY];
static struct sprout_error problem;

struct planned {
    const struct sprout_policy *policy;
    struct sprout_plan_why why;
};

static inline struct sprout_config *config_of(const char *yaml)
{
    static struct sprout_problems problems;
    struct sprout_config *c = NULL;
    const enum sprout_status status =
        sprout_config_parse(sprout_str_of(yaml), "", &c, &problems);
    if (status != SPROUT_OK) {
        print_message("%s\n", problems.v[0].message);
    }
    assert_int_equal(status, SPROUT_OK);
    return c;
}

static inline struct sprout_grid_value grid_of(double g_per_kwh)
{
    return (struct sprout_grid_value){
        .intensity = {g_per_kwh},
        .zone = SPROUT_STR("GB"),
        .source = SPROUT_STR("csv@0123456789abcdef"),
        .slot_start = {5 * SPROUT_NS_PER_SECOND},
        .received_at = {900 * SPROUT_NS_PER_SECOND},
        .quality = SPROUT_GRID_REPLAYED,
    };
}

static inline struct sprout_plan_in input(const struct sprout_config *c, double g_per_kwh)
{
    return (struct sprout_plan_in){
        .config = c,
        .grid = grid_of(g_per_kwh),
        .range = {{100}, {300}, 720},
        .salt = {1, 2},
        .now = {1000 * SPROUT_NS_PER_SECOND},
    };
}

static inline struct planned plan(const struct sprout_plan_in *in)
{
    struct planned p = {0};
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const enum sprout_status status =
        sprout_plan(in, &arena, &p.policy, &p.why, &problem);
    if (status != SPROUT_OK) {
        print_message("%s\n", problem.message);
    }
    assert_int_equal(status, SPROUT_OK);
    return p;
}

static inline void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9)) {
        print_message("%.12g is not %.12g\n", a, b);
    }
    assert_true(fabs(a - b) <= 1e-9);
}

static struct sprout_predict_sample samples[100];

/* Prompts of which half are best at L0 and half at L2, as predicted. */
static inline struct sprout_plan_in predicted_input(
    const struct sprout_config *c, const struct sprout_predictor *predictor, size_t count)
{
    struct sprout_plan_in in = input(c, 300);
    for (size_t i = 0; i < count; i++) {
        const bool brief = i % 2 == 0;
        samples[i] = (struct sprout_predict_sample){
            .quality = {brief ? 13107 : 45875, 13107, brief ? 39322 : 6554},
            .tokens = {51200, 12800, 2560}};
    }
    in.predictor = predictor;
    in.weights_file = SPROUT_STR("predictor-0000000000000007.weights");
    in.samples = samples;
    in.sample_count = count;
    return in;
}

#endif
