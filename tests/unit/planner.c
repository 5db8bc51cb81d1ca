/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the planner: from grid, belief and configuration to a policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "adapt/file.h"
#include "control/evaluator_inner.h"
#include "control/planner.h"
#include "core/prior.h"
#include "core/profile.h"
#include "wire/policy_json.h"

#include "../plan_fixture.h"

/* The least cost of two levels mixed, over all pairs: the paper's LP has no better vertex. */
static double cheapest_pair(const struct sprout_plan_why *why, uint32_t allowed,
                            double floor)
{
    double best = INFINITY;
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            if ((allowed >> a & 1) == 0 || (allowed >> b & 1) == 0) {
                continue;
            }
            for (int end = 0; end < 2; end++) {
                const double qa = why->quality[a];
                const double qb = why->quality[b];
                double x = end; /* share of a: none, or as much as the floor needs */
                if (end == 1 && qa != qb) {
                    x = (floor - qb) / (qa - qb);
                }
                if (x < 0 || x > 1 || x * qa + (1 - x) * qb < floor - 1e-12) {
                    continue;
                }
                const double cost = x * why->grams[a].v + (1 - x) * why->grams[b].v;
                best = cost < best ? cost : best;
            }
        }
    }
    return best;
}

static double cost_of(const double *mix, const struct sprout_plan_why *why)
{
    return mix[0] * why->grams[0].v + mix[1] * why->grams[1].v + mix[2] * why->grams[2].v;
}

static double quality_of(const double *mix, const struct sprout_plan_why *why)
{
    return mix[0] * why->quality[0] + mix[1] * why->quality[1] + mix[2] * why->quality[2];
}

static void the_mix_is_the_optimum_at_every_floor(void **state)
{
    (void)state;
    for (int percent = 0; percent <= 100; percent++) {
        char yaml[60];
        snprintf(yaml, sizeof yaml, "quality: {rule: fixed, floor: %.2f}",
                 percent / 100.0);
        struct sprout_config *const c = config_of(yaml);
        const struct sprout_plan_in in = input(c, 200);
        const struct planned p = plan(&in);
        const double *const mix = p.policy->strata[0].mix;
        assert_near(p.policy->floor, percent / 100.0);
        assert_near(mix[0] + mix[1] + mix[2], 1);
        assert_true(p.why.feasible);
        assert_true(quality_of(mix, &p.why) >= percent / 100.0 - 1e-9);
        assert_near(cost_of(mix, &p.why), cheapest_pair(&p.why, 7, percent / 100.0));
        assert_near(p.why.grams_mix.v, cost_of(mix, &p.why));
        sprout_config_free(c);
    }
}

static void the_papers_floor_follows_the_grid(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("");
    struct sprout_plan_in in = input(c, 100);
    assert_near(plan(&in).policy->floor, 1);
    in = input(c, 300);
    assert_near(plan(&in).policy->floor, 0.9);
    in = input(c, 200);
    const struct planned p = plan(&in);
    assert_near(p.policy->floor, 0.95);
    assert_int_equal(p.why.floor.why, SPROUT_FLOOR_CASE_RANGE);
    assert_int_equal(p.why.range.points, 720);
    in.range.points = 23; /* less than a day of history */
    assert_int_equal(plan(&in).why.floor.why, SPROUT_FLOOR_CASE_NO_RANGE);
    in.range = SPROUT_GRID_RANGE_NONE;
    assert_near(plan(&in).policy->floor, 0.95);
    sprout_config_free(c);
    struct sprout_config *const given =
        config_of("quality: {k0_min_g_per_kwh: 0, k0_max_g_per_kwh: 1000}");
    in = input(given, 500);
    in.range = SPROUT_GRID_RANGE_NONE;
    assert_near(plan(&in).policy->floor, 0.95);
    assert_int_equal(plan(&in).why.floor.why, SPROUT_FLOOR_CASE_RANGE);
    sprout_config_free(given);
}

static void costs_are_equation_one(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("carbon: {pue: 2, embodied_g: 315360000, lifetime_years: 1}");
    const struct sprout_plan_in in = input(c, 360);
    const struct planned p = plan(&in);
    const struct sprout_belief *const b = p.policy->strata[0].level;
    for (int l = 0; l < 3; l++) { /* 360 g/kWh is 1e-4 g/J; 10 g a second embodied */
        assert_near(p.why.grams[l].v, 2e-4 * b[l].energy.v + 10 * b[l].time.v);
    }
    assert_near(p.why.quality[0], 1);
    sprout_config_free(c);
}

static void published_profiles_by_name_with_version_and_batch(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "profiles:\n"
        "  - {model: a, name: llama-3.1-8b/h100, batch: 16, seconds: [0, 0, 0.01]}\n"
        "  - {model: b, name: llama-2-7b-chat/a100/batch-1}\n"
        "  - {model: c, name: ours, joules: [0, 1, 2], seconds: [0, 0, 1]}\n"
        "  - {model: d, name: llama-3.1-8b/h100, batch: 1234, seconds: [0, 0, 0.01]}\n"
        "  - {model: e, name: llama-3.1-8b/h100, batch: 0.5, seconds: [0, 0, 0.01]}\n");
    const struct sprout_plan_in in = input(c, 360);
    const struct planned p = plan(&in);
    const struct sprout_energy_profile *e =
        sprout_policy_profile(p.policy, SPROUT_STR("d"));
    assert_true(sprout_str_eq(e->name, SPROUT_STR("llama-3.1-8b/h100@1/batch-1234")));
    e = sprout_policy_profile(p.policy, SPROUT_STR("e"));
    assert_true(sprout_str_eq(e->name, SPROUT_STR("llama-3.1-8b/h100@1/batch-1")));
    e = sprout_policy_profile(p.policy, SPROUT_STR("a"));
    assert_true(sprout_str_eq(e->name, SPROUT_STR("llama-3.1-8b/h100@1/batch-16")));
    assert_near(e->joules[2], .0665 + 3.16 / 16);
    assert_near(e->joules[0] + e->joules[1], 0);
    assert_near(e->seconds[2], 0.01);
    e = sprout_policy_profile(p.policy, SPROUT_STR("b"));
    assert_true(sprout_str_eq(e->name, SPROUT_STR("llama-2-7b-chat/a100/batch-1@1")));
    assert_near(e->joules[2], 3.21);
    assert_near(e->seconds[2], 0.01355);
    e = sprout_policy_profile(p.policy, SPROUT_STR("c"));
    assert_true(sprout_str_eq(e->name, SPROUT_STR("ours")));
    assert_near(e->joules[1], 1);
    sprout_config_free(c);
}

static void without_a_batch_it_is_measured(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "profiles:\n"
        "  - {model: many, name: llama-3.1-8b/h100, seconds: [0, 0, 0.01]}\n"
        "  - {model: given, name: llama-3.1-8b/h100, batch: 3, seconds: [0, 0, 0.01]}\n");
    struct sprout_plan_in in = input(c, 360);
    const double none[2] = {0, 0}, seen[2] = {8.1, 8.1}, most[2] = {2000, 0};
    in.batches = none;
    struct planned p = plan(&in);
    assert_near(sprout_policy_profile(p.policy, SPROUT_STR("many"))->joules[2],
                .0665 + 3.16); /* nobody served yet */
    in.batches = seen;
    p = plan(&in);
    const struct sprout_energy_profile *e =
        sprout_policy_profile(p.policy, SPROUT_STR("many"));
    assert_near(e->joules[2], .0665 + 3.16 / 8);
    assert_true(
        sprout_str_eq(e->name, SPROUT_STR("llama-3.1-8b/h100@1/batch-8-measured")));
    assert_near(sprout_policy_profile(p.policy, SPROUT_STR("given"))->joules[2],
                .0665 + 3.16 / 3);
    in.batches = most;
    p = plan(&in);
    assert_near(sprout_policy_profile(p.policy, SPROUT_STR("many"))->joules[2],
                .0665 + 3.16 / 512); /* no further than the figures go */
    sprout_config_free(c);
}

static void a_hosted_model_has_a_low_and_a_high(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "profiles:\n"
        "  - {model: one, name: ecologits/hosted, active: 20}\n"
        "  - {model: any, name: ecologits/hosted, active: 20, active_high: 200}\n"
        "  - {model: timed, name: ecologits/hosted, active: 20, seconds: [1, 0, 0]}\n"
        "  - {model: own, name: ecologits/hosted, joules: [0, 0, 1], seconds: [0, 0, "
        "1]}\n");
    const struct sprout_plan_in in = input(c, 360);
    const struct planned p = plan(&in);
    const double low =
        3600 * sprout_ecologits_of(20, 20, (sprout_tokens){1}, 1).request_wh;
    const double high =
        3600 * sprout_ecologits_of(200, 200, (sprout_tokens){1}, 1).request_wh;
    const struct sprout_energy_profile *e =
        sprout_policy_profile(p.policy, SPROUT_STR("one"));
    assert_near(e->joules[2], low);
    assert_near(e->joules[0] + e->joules[1], 0);
    assert_near(e->range[0], 1);
    assert_near(e->seconds[2], 6.785088094353663e-4 * 20 + 3.119310311688259e-4 * 64 +
                                   1.9473717579473387e-2);
    e = sprout_policy_profile(p.policy, SPROUT_STR("any"));
    assert_near(e->joules[2], (low + high) / 2);
    assert_near(e->joules[2] * e->range[0], low);
    assert_near(e->joules[2] * e->range[1], high);
    char name[128];
    snprintf(name, sizeof name, "ecologits/hosted@2d0a1c7/%.3g-to-%.3g-J-per-token", low,
             high);
    assert_true(sprout_str_eq(e->name, sprout_str_of(name)));
    e = sprout_policy_profile(p.policy, SPROUT_STR("timed")); /* what is given stays */
    assert_near(e->joules[2], low);
    assert_near(e->seconds[0], 1);
    assert_near(e->seconds[2], 0);
    e = sprout_policy_profile(p.policy, SPROUT_STR("own"));
    assert_near(e->joules[2], 1);
    assert_near(e->range[0] + e->range[1], 0);
    assert_true(sprout_str_eq(e->name, SPROUT_STR("ecologits/hosted")));
    sprout_config_free(c);
}

/* Joules of one's own, and the published seconds. */
static void figures_given_stand_beside_published_ones(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "profiles: [{model: a, name: llama-2-7b-chat/a100/batch-1, joules: [0, 0, 2]}]");
    const struct sprout_plan_in in = input(c, 360);
    const struct sprout_energy_profile *const e =
        sprout_policy_profile(plan(&in).policy, SPROUT_STR("a"));
    assert_near(e->joules[2], 2);
    assert_near(e->seconds[2], 0.01355);
    assert_true(sprout_str_eq(e->name, SPROUT_STR("llama-2-7b-chat/a100/batch-1")));
    sprout_config_free(c);
}

static void presets_stand_in_for_figures(void **state)
{
    (void)state;
    struct sprout_config *c = config_of("carbon: {embodied: ecologits-h100, facility: "
                                        "google, host: gemini-2025, pue: 3}");
    struct sprout_plan_in in = input(c, 360);
    struct planned p = plan(&in);
    assert_near(p.policy->carbon.pue, 1.09 * 83 / 58);
    assert_near(p.policy->carbon.embodied.v, 876500);
    assert_near(p.policy->carbon.lifetime.v, 94608000);
    sprout_config_free(c);
    c = config_of(
        "carbon: {embodied: chien-2023-a100, lifetime_years: 4, host_factor: 2}");
    in = input(c, 360);
    p = plan(&in);
    assert_near(p.policy->carbon.pue, 2);
    assert_near(p.policy->carbon.embodied.v, 318000);
    assert_near(p.policy->carbon.lifetime.v, 4.0 * 365 * 86400);
    sprout_config_free(c);
}

static void no_grid_value_means_everything_at_l0(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.5}\n"
                  "rules: [{name: short, levels: [L1, L2]}]\n");
    struct sprout_plan_in in = input(c, NAN);
    in.grid = SPROUT_GRID_VALUE_NONE;
    const struct planned p = plan(&in);
    assert_near(p.policy->strata[0].mix[0], 1);
    assert_near(p.policy->floor, 1);
    assert_near(p.policy->price, 0);
    assert_true(isnan(p.policy->grid.intensity.v));
    assert_true(sprout_str_eq(p.policy->grid.quality, SPROUT_STR("none")));
    assert_near(p.policy->rules[0].mix[0][1], 1); /* the lowest that the rule allows */
    assert_near(p.policy->explore, 0); /* or one in fifty would be short for nothing */
    in = input(c, 100);
    assert_near(plan(&in).policy->explore, c->explore);
    sprout_config_free(c);
}

static void a_grid_of_zero_is_a_value(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.9}");
    const struct sprout_plan_in in = input(c, 0);
    const struct planned p = plan(&in);
    /* Only the embodied part is left, and shorter answers take less of it. */
    assert_true(p.why.grams[0].v > p.why.grams[1].v && p.why.grams[1].v > 0);
    assert_true(p.policy->strata[0].mix[0] < 1);
    sprout_config_free(c);
}

static void rules_get_an_optimum_of_their_own(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "quality: {rule: fixed, floor: 0.9}\n"
        "rules:\n"
        "  - {name: careful, floor: 0.98, match: {model: 'gpt*', stream: yes}}\n"
        "  - {name: loose, floor: 0.5}\n"
        "  - {name: two, levels: [L0, L2]}\n"
        "  - {name: short, levels: [L2]}\n"
        "  - {name: forced, force: no, receipts: yes}\n"
        "  - {name: off, off: true, floor: 0.99}\n");
    const struct sprout_plan_in in = input(c, 200);
    const struct planned p = plan(&in);
    const struct sprout_rule *const r = p.policy->rules;
    assert_int_equal(p.policy->rule_count, 6);
    assert_near(cost_of(r[0].mix[0], &p.why), cheapest_pair(&p.why, 7, 0.98));
    assert_true(sprout_str_eq(r[0].match.model, SPROUT_STR("gpt*")));
    assert_int_equal(r[0].match.stream, SPROUT_YES);
    /* A rule may raise the floor and not lower it. */
    assert_near(cost_of(r[1].mix[0], &p.why), cheapest_pair(&p.why, 7, 0.9));
    assert_int_equal(r[2].levels, 5);
    assert_near(r[2].mix[0][1], 0);
    assert_near(cost_of(r[2].mix[0], &p.why), cheapest_pair(&p.why, 5, 0.9));
    assert_near(r[3].mix[0][2], 1); /* the best of what the operator allows */
    assert_null(r[4].mix);
    assert_int_equal(r[4].force, SPROUT_NO);
    assert_int_equal(r[4].receipts, SPROUT_YES);
    assert_true(r[5].off);
    assert_null(r[5].mix);
    sprout_config_free(c);
}

static void what_the_journal_taught_moves_the_estimates(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("");
    struct sprout_plan_in in = input(c, 200);
    const struct sprout_belief before = plan(&in).policy->strata[0].level[0];
    const struct sprout_learn_sum sums[3] = {
        {.requests = 100000, .joules = 5e6, .seconds = 1e5, .output_tokens = 1e6}};
    in.learned = sums;
    const struct sprout_belief *const after = plan(&in).policy->strata[0].level;
    assert_int_equal(after[0].requests, 100000);
    assert_true(fabs(after[0].energy.v - 50) < 1 && before.energy.v > 500);
    assert_true(after[1].energy.v < before.energy.v); /* scaled with it */
    assert_int_equal(after[1].requests, 0);
    sprout_config_free(c);
}

static void the_source_of_quality_is_told(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("");
    struct sprout_plan_in in = input(c, 200);
    assert_true(sprout_str_eq(plan(&in).policy->quality_source,
                              sprout_str_of(sprout_prior_source)));
    sprout_config_free(c);
    struct sprout_config *const own = config_of("quality: {shares: [0.4, 0.3, 0.5]}");
    in = input(own, 300);
    const struct planned p = plan(&in);
    assert_true(sprout_str_eq(p.policy->quality_source,
                              SPROUT_STR("configured, not measured here")));
    assert_near(p.why.quality[1], 0.75);
    assert_near(p.policy->strata[0].mix[2], 1); /* better and shorter */
    sprout_config_free(own);
}

static void the_policy_carries_what_the_configuration_says(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("holdout: 0.25\nexplore: 0.1\nclients: {force: no, receipts: no}\n"
                  "valid_s: 300\nlevels: [{name: full}, {name: brief, directive: Brief., "
                  "patches: [\n"
                  "  {api: ollama-chat, parameter: think, value: false, model: 'q*'}]}]\n"
                  "rules: [{name: late, placement: last-user, with_tools: yes}]\n"
                  "profiles: [{model: 'm*', name: mine, joules: [0, 1, 2],\n"
                  "            seconds: [0, 0, 1]}]\n");
    const struct sprout_plan_in in = input(c, 200);
    const struct sprout_policy *const p = plan(&in).policy;
    assert_near(p->holdout, 0.25);
    assert_near(p->explore, 0.1);
    assert_false(p->force || p->receipts);
    assert_int_equal(p->created.ns, in.now.ns);
    assert_int_equal(p->valid_until.ns, in.now.ns + 300 * SPROUT_NS_PER_SECOND);
    assert_int_equal(p->level_count, 2);
    assert_true(sprout_str_eq(p->levels[1].directive, SPROUT_STR("Brief.")));
    assert_int_equal(p->patch_count, 1);
    assert_int_equal(p->patches[0].level, 1);
    assert_true(sprout_str_eq(p->patches[0].value, SPROUT_STR("false")));
    assert_int_equal(p->rules[0].placement, SPROUT_PLACEMENT_LAST_USER);
    assert_int_equal(p->rules[0].with_tools, SPROUT_YES);
    assert_int_equal(p->rules[0].with_completions, SPROUT_ANY);
    assert_int_equal(p->profile_count, 2);
    assert_near(sprout_policy_profile(p, SPROUT_STR("mistral"))->joules[2], 2);
    assert_near(sprout_policy_profile(p, SPROUT_STR("x"))->joules[2], 5.87);
    assert_true(p->salt.k0 == 1 && p->salt.k1 == 2);
    /* A replayed slot's age counts from when it began on the replay's clock. */
    assert_int_equal(p->grid.at.ns, 900 * SPROUT_NS_PER_SECOND);
    assert_int_equal(sprout_policy_check(p, &problem), SPROUT_OK);
    sprout_config_free(c);
}

static void two_policies_have_two_names(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("");
    struct sprout_plan_in in = input(c, 200);
    char first[SPROUT_NAME_MAX];
    const struct sprout_policy *p = plan(&in).policy;
    assert_true(p->id.len <= sizeof first);
    memcpy(first, p->id.ptr, p->id.len);
    const struct sprout_str kept = {first, p->id.len};
    assert_true(sprout_str_eq(plan(&in).policy->id, kept)); /* pure */
    in.grid.intensity.v = 201;
    assert_false(sprout_str_eq(plan(&in).policy->id, kept));
    sprout_config_free(c);
}

static void what_is_published_is_what_nginx_reads(void **state)
{
    (void)state;
    char folder[] = "/tmp/sprout-planner-XXXXXX";
    char path[64];
    struct sprout_file file = {0};
    const struct sprout_policy *again = NULL;
    static char other[SPROUT_PLAN_MEMORY];
    struct sprout_arena arena = sprout_arena_of(other, sizeof other);
    struct sprout_config *const c =
        config_of("rules: [{name: careful, floor: 0.99, match: {route: '/x*'}}]");
    const struct sprout_plan_in in = input(c, 200);
    const struct planned p = plan(&in);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(sprout_plan_publish(folder, p.policy, &p.why, &problem), SPROUT_OK);

    snprintf(path, sizeof path, "%s/policy.json", folder);
    assert_int_equal(sprout_file_read(path, SPROUT_POLICY_BYTES_MAX, &file, &problem),
                     SPROUT_OK);
    assert_int_equal(sprout_policy_read(sprout_file_str(&file), &arena, &again, &problem),
                     SPROUT_OK);
    assert_true(sprout_str_eq(again->id, p.policy->id));
    assert_memory_equal(again->strata[0].mix, p.policy->strata[0].mix,
                        3 * sizeof(double));
    assert_memory_equal(again->rules[0].mix[0], p.policy->rules[0].mix[0],
                        3 * sizeof(double));
    sprout_file_free(&file);
    assert_int_equal(unlink(path), 0);

    snprintf(path, sizeof path, "%s/plan.json", folder);
    assert_int_equal(sprout_file_read(path, 1 << 16, &file, &problem), SPROUT_OK);
    json_t *const told = json_loadb(file.bytes, file.len, 0, NULL);
    assert_near(
        json_number_value(json_object_get(json_object_get(told, "floor"), "value")),
        0.95);
    json_decref(told);
    sprout_file_free(&file);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* no temporary file was left */

    assert_int_equal(sprout_plan_publish(folder, p.policy, &p.why, &problem),
                     SPROUT_NOT_FOUND);
    sprout_config_free(c);
}

/* ---- the predictor --------------------------------------------------------------------- */

static void a_predictor_decides_once_it_was_shown_enough(void **state)
{
    (void)state;
    struct sprout_config *c = config_of("quality: {rule: fixed, floor: 1}\n"
                                        "predictor: {samples_min: 50, caution: 0}\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 49);
    struct planned p = plan(&in);
    assert_int_equal(p.policy->predictor.id, 7);
    assert_false(p.policy->predictor.decides);
    in = predicted_input(c, &predictor, 100);
    p = plan(&in);
    assert_true(p.policy->predictor.decides && p.why.predicted.price.feasible);
    assert_true(p.policy->predictor.ng_per_token > 0);
    assert_true(p.why.predicted.price.quality >= 1 - 1e-9);
    assert_true(p.why.predicted.price.mix[2] > 0.4); /* what is best brief is brief */
    sprout_config_free(c);
}

static void without_a_grid_value_no_prediction_decides(void **state)
{
    (void)state;
    struct sprout_config *c = config_of("predictor: {samples_min: 1}\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    in.grid = SPROUT_GRID_VALUE_NONE;
    assert_false(plan(&in).policy->predictor.decides);
    sprout_config_free(c);
}

/* 4 000 verdicts that L0, L1, L2 are the best in 40, 20 and 40 of 100 cases. */
static void judge(const struct sprout_policy *p, struct sprout_judged *out)
{
    *out = (struct sprout_judged){
        .judge = "judge",
        .card = {.questions = 4000, .fault = SPROUT_JUDGE_USABLE},
        .pooled = {.alpha = {1600, 800, 1600}, .levels = 3, .n = 4000, .verdicts = 4000},
    };
    sprout_evaluator_directives(p, out->directives);
}

/* As predicted, L0 to L2 win 0.45, 0.2 and 0.35: what the judge says beside it is added. */
static void verdicts_correct_what_the_predictor_promises(void **state)
{
    (void)state;
    static struct sprout_judged judged;
    struct sprout_config *c =
        config_of("quality: {rule: fixed, floor: 1, certainty: 0.9}\n"
                  "predictor: {samples_min: 50, caution: 0.02}\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    struct planned p = plan(&in);
    for (int l = 0; l < 3; l++) {
        assert_near(p.policy->predictor.correction[l], 0); /* nobody judged anything */
    }
    assert_true(p.why.predicted.caution.v > 0); /* the margin on the floor alone */
    const double margin = p.why.predicted.caution.v;
    judge(p.policy, &judged);
    in.judged = &judged;
    p = plan(&in);
    const double *const to = p.policy->predictor.correction;
    assert_true(p.policy->predictor.decides);
    assert_true(fabs(to[0] - (0.4 - 0.45)) < 1e-4);
    assert_true(to[2] < 0.4 - 0.35 && to[2] > 0); /* cautious, so less than they say */
    assert_true(fabs(p.policy->strata[0].level[2].quality - 0.35 - to[2]) < 1e-4);
    assert_true(p.why.predicted.caution.v > margin);

    judged.card.fault = SPROUT_JUDGE_RANDOM;
    assert_near(plan(&in).policy->predictor.correction[2], 0);
    sprout_config_free(c);
}

static void what_is_protected_is_a_rule_before_all_others(void **state)
{
    (void)state;
    struct sprout_config *c = config_of("protect: [maths, /exam/*]\n"
                                        "rules: [{name: mine, levels: [L1]}]\n");
    const struct sprout_plan_in in = input(c, 300);
    const struct sprout_policy *const p = plan(&in).policy;
    assert_int_equal(p->rule_count, 3);
    assert_true(sprout_str_eq(p->rules[0].match.kind, SPROUT_STR("maths")));
    assert_true(sprout_str_eq(p->rules[1].match.route, SPROUT_STR("/exam/*")));
    assert_int_equal(p->rules[0].levels, 1);
    assert_true(sprout_str_eq(p->rules[2].name, SPROUT_STR("mine")));
    sprout_config_free(c);
}

/* A zone is planned as it would be alone. */
static void a_zone_of_a_plan_is_the_plan_of_the_zone(void **state)
{
    (void)state;
    static char alone_memory[SPROUT_PLAN_MEMORY];
    struct sprout_config *const c =
        config_of("rules: [{name: r, match: {model: x}, levels: [L0, L1]}, "
                  "{name: s, match: {model: y}, off: true}]");
    const struct sprout_plan_in in = input(c, 300);
    struct sprout_plan_in there = input(c, 180);
    there.range = (struct sprout_grid_range){{20}, {200}, 720};
    const struct sprout_plan_zone zones[] = {
        {SPROUT_STR("FR"), there.grid, there.range, NULL},
        {SPROUT_STR("XX"), SPROUT_GRID_VALUE_NONE, SPROUT_GRID_RANGE_NONE, NULL},
    };
    struct sprout_plan_why why, zone_why[2], alone_why;
    const struct sprout_policy *p = NULL, *alone = NULL;
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sprout_arena other = sprout_arena_of(alone_memory, sizeof alone_memory);
    assert_int_equal(
        sprout_plan_zones(&in, zones, 2, &arena, &p, &why, zone_why, &problem),
        SPROUT_OK);
    assert_int_equal(sprout_plan(&there, &other, &alone, &alone_why, &problem),
                     SPROUT_OK);
    assert_int_equal(p->zone_count, 2);
    const struct sprout_policy *const seen =
        sprout_policy_in_zone(p, SPROUT_STR("FR"), &other);
    assert_true(seen->grid.intensity.v == 180 && p->grid.intensity.v == 300);
    assert_true(sprout_str_eq(seen->grid.zone, SPROUT_STR("FR")));
    assert_near(seen->floor, alone->floor);
    assert_near(zone_why[0].floor.v, alone_why.floor.v);
    for (size_t l = 0; l < 3; l++) {
        assert_near(seen->strata[0].mix[l], alone->strata[0].mix[l]);
        assert_near(seen->rules[0].mix[0][l], alone->rules[0].mix[0][l]);
    }
    assert_null(seen->rules[1].mix);
    assert_true(isnan(p->zones[1].grid.intensity.v) && p->zones[1].mix[0][0] == 1);
    sprout_config_free(c);
}

static void two_policies_that_differ_in_a_zone_have_two_names(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("");
    const struct sprout_plan_in in = input(c, 300);
    char names[2][SPROUT_NAME_MAX + 1];
    for (int i = 0; i < 2; i++) {
        const struct sprout_plan_zone zone = {SPROUT_STR("FR"), grid_of(20 + i), in.range,
                                              NULL};
        struct sprout_plan_why why, zone_why;
        const struct sprout_policy *p = NULL;
        struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
        assert_int_equal(
            sprout_plan_zones(&in, &zone, 1, &arena, &p, &why, &zone_why, &problem),
            SPROUT_OK);
        snprintf(names[i], sizeof names[i], "%.*s", (int)p->id.len, p->id.ptr);
    }
    assert_string_not_equal(names[0], names[1]);
    sprout_config_free(c);
}

static void the_age_of_a_constant_counts_from_when_it_began_to_hold(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("");
    struct sprout_plan_in in = input(c, 300);
    in.grid.quality = SPROUT_GRID_ASSUMED;
    assert_int_equal(plan(&in).policy->grid.at.ns, in.grid.received_at.ns);
    in.grid.quality = SPROUT_GRID_LIVE;
    assert_int_equal(plan(&in).policy->grid.at.ns, in.grid.slot_start.ns);
    sprout_config_free(c);
}

static void too_little_memory_is_a_status_wherever_it_runs_out(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("rules: [{name: a, floor: 0.99}, {name: b, levels: [L0]}]");
    const struct sprout_plan_in in = input(c, 200);
    enum sprout_status status = SPROUT_NO_MEMORY;
    size_t size = 0;
    for (; status == SPROUT_NO_MEMORY && size < sizeof memory; size += 64) {
        struct planned p = {0};
        struct sprout_arena arena = sprout_arena_of(memory, size);
        status = sprout_plan(&in, &arena, &p.policy, &p.why, &problem);
        assert_true((status == SPROUT_OK) == (p.policy != NULL));
    }
    assert_int_equal(status, SPROUT_OK);
    assert_true(size > 1024 && size < 64 * 1024);
    sprout_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_predictor_decides_once_it_was_shown_enough),
        cmocka_unit_test(without_a_grid_value_no_prediction_decides),
        cmocka_unit_test(verdicts_correct_what_the_predictor_promises),
        cmocka_unit_test(what_is_protected_is_a_rule_before_all_others),
        cmocka_unit_test(the_mix_is_the_optimum_at_every_floor),
        cmocka_unit_test(the_papers_floor_follows_the_grid),
        cmocka_unit_test(costs_are_equation_one),
        cmocka_unit_test(presets_stand_in_for_figures),
        cmocka_unit_test(published_profiles_by_name_with_version_and_batch),
        cmocka_unit_test(without_a_batch_it_is_measured),
        cmocka_unit_test(a_hosted_model_has_a_low_and_a_high),
        cmocka_unit_test(figures_given_stand_beside_published_ones),
        cmocka_unit_test(no_grid_value_means_everything_at_l0),
        cmocka_unit_test(a_grid_of_zero_is_a_value),
        cmocka_unit_test(rules_get_an_optimum_of_their_own),
        cmocka_unit_test(what_the_journal_taught_moves_the_estimates),
        cmocka_unit_test(the_source_of_quality_is_told),
        cmocka_unit_test(the_policy_carries_what_the_configuration_says),
        cmocka_unit_test(two_policies_have_two_names),
        cmocka_unit_test(what_is_published_is_what_nginx_reads),
        cmocka_unit_test(a_zone_of_a_plan_is_the_plan_of_the_zone),
        cmocka_unit_test(two_policies_that_differ_in_a_zone_have_two_names),
        cmocka_unit_test(the_age_of_a_constant_counts_from_when_it_began_to_hold),
        cmocka_unit_test(too_little_memory_is_a_status_wherever_it_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
