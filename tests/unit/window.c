/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of one floor over a day or a month: the plan of an hour, the account, the
 * traffic expected, and what a restart leaves of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/daemon_work.h"
#include "control/evaluator_inner.h"
#include "control/explain.h"
#include "control/planner.h"
#include "control/window.h"
#include "core/instant.h"
#include "draw.h"

enum { HOURS = 24 };

static char memory[SPROUT_PLAN_MEMORY];
static struct sprout_error problem;
static struct sprout_grid_hour hour[SPROUT_WINDOW_HOURS_MAX];
static double weight[SPROUT_WINDOW_HOURS_MAX];

struct planned {
    const struct sprout_policy *policy;
    struct sprout_plan_why why;
};

static struct sprout_config *config_of(const char *yaml)
{
    static struct sprout_problems problems;
    struct sprout_config *c = NULL;
    if (sprout_config_parse(sprout_str_of(yaml), "", &c, &problems) != SPROUT_OK) {
        fail_msg("%s", problems.v[0].message);
    }
    return c;
}

static sprout_instant moment(const char *text)
{
    sprout_instant t = {0};
    assert_int_equal(sprout_instant_parse(sprout_str_of(text), &t), SPROUT_OK);
    return t;
}

/* A day that begins now: grid values of its hours, 100 requests expected in each. */
static struct sprout_plan_window day_of(const double *g_per_kwh, size_t hours)
{
    for (size_t h = 0; h < hours; h++) {
        hour[h] = (struct sprout_grid_hour){.intensity = {g_per_kwh[h]}, .ours = true};
        weight[h] = 100;
    }
    return (struct sprout_plan_window){.kind = SPROUT_WINDOW_DAY,
                                       .end = {HOURS * 3600 * SPROUT_NS_PER_SECOND},
                                       .hour = hour,
                                       .weight = weight,
                                       .hours = hours,
                                       .traffic_hours = 168};
}

static struct sprout_plan_in input(const struct sprout_config *c, double g_per_kwh)
{
    return (struct sprout_plan_in){
        .config = c,
        .grid = {.intensity = {g_per_kwh},
                 .zone = SPROUT_STR("GB"),
                 .source = SPROUT_STR("static"),
                 .quality = SPROUT_GRID_LIVE},
        .range = SPROUT_GRID_RANGE_NONE,
        .salt = {1, 2},
        .now = {1000 * SPROUT_NS_PER_SECOND},
    };
}

static struct planned plan(const struct sprout_plan_in *in)
{
    struct planned p = {0};
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    if (sprout_plan(in, &arena, &p.policy, &p.why, &problem) != SPROUT_OK) {
        fail_msg("%s", problem.message);
    }
    return p;
}

/* Serves as planned, hour by hour; qualities of the hours, and the account at the end. */
static double serve_day(const struct sprout_config *c, const double *grid, size_t hours,
                        double *quality)
{
    struct sprout_plan_served served[SPROUT_LEVELS_MAX] = {{0}};
    double account = 0;
    for (size_t h = 0; h < hours; h++) {
        struct sprout_plan_window w = day_of(grid + h, hours - h);
        struct sprout_plan_in in = input(c, grid[h]);
        memcpy(w.served, served, sizeof served);
        in.window = &w;
        const struct planned p = plan(&in);
        assert_true(p.why.window.acts);
        quality[h] = p.why.quality_mix;
        account += 100 * (p.why.quality_mix - c->quality.floor);
        for (size_t l = 0; l < 3; l++) { /* requests are whole: a million for a hundred */
            served[l].requests += llround(100 * p.policy->strata[0].mix[l]);
        }
    }
    return account;
}

/* ---- the plan -------------------------------------------------------------------------- */

static void a_dirty_hour_gives_less_than_a_clean_one(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.95}");
    const double grid[] = {400, 100, 300, 50, 420, 90};
    double quality[6], sum = 0;
    (void)serve_day(c, grid, 6, quality);
    for (int h = 0; h < 6; h++) {
        sum += quality[h] / 6;
    }
    assert_true(quality[0] < quality[1] && quality[4] < quality[3]);
    assert_true(sum >= 0.95 - 0.005); /* a hundred whole requests an hour */
    sprout_config_free(c);
}

static void a_debt_raises_later_hours_and_a_surplus_lowers_them(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.95}");
    const double grid[] = {200, 200, 200, 200};
    struct sprout_plan_window w = day_of(grid, 4);
    struct sprout_plan_in in = input(c, 200);
    in.window = &w;
    const struct planned even = plan(&in);
    assert_true(fabs(even.why.quality_mix - 0.95) < 1e-9); /* nothing to move about */
    w.served[2].requests = 60;
    const struct planned debt = plan(&in);
    assert_true(debt.why.window.account < 0 && debt.why.window.requests == 60);
    assert_true(debt.why.quality_mix > even.why.quality_mix && debt.why.window.in_reach);
    w.served[2].requests = 0;
    w.served[0].requests = 60;
    const struct planned surplus = plan(&in);
    assert_true(fabs(surplus.why.window.account - 3) < 1e-9);
    assert_true(surplus.why.quality_mix < even.why.quality_mix);
    w.served[2].requests = 100000;
    const struct planned lost = plan(&in);
    assert_false(lost.why.window.in_reach);
    assert_true(fabs(lost.why.quality_mix - 1) < 1e-9); /* the best there is */
    sprout_config_free(c);
}

static void no_hour_falls_under_the_hourly_floor(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.95, hourly_floor: 0.93}");
    bool raised = false;
    for (int day = 0; day < 20; day++) {
        double grid[HOURS], quality[HOURS];
        for (int h = 0; h < HOURS; h++) {
            grid[h] = 20 + 600 * draw_unit(&seed) * draw_unit(&seed);
        }
        assert_true(serve_day(c, grid, HOURS, quality) > -12);
        for (int h = 0; h < HOURS; h++) {
            assert_true(quality[h] >= 0.93 - 1e-9);
            raised = raised || quality[h] < 0.93 + 1e-9;
        }
    }
    assert_true(raised);
    sprout_config_free(c);
}

/* Verdicts that L2 is worth 0.85 of L0, where 0.9 was believed. */
static void judge(const struct sprout_policy *p, struct sprout_judged *out)
{
    *out = (struct sprout_judged){
        .judge = "judge",
        .card = {.questions = 40000, .fault = SPROUT_JUDGE_USABLE},
        .pooled = {
            .alpha = {4000, 3700, 3400}, .levels = 3, .n = 10000, .verdicts = 10000}};
    sprout_evaluator_directives(p, out->directives);
}

/* A day of which the first half is served on a wrong belief; its true quality. */
static double true_quality(const struct sprout_config *c, bool windowed)
{
    static struct sprout_judged judged;
    static const double truth[3] = {1, 0.925, 0.85};
    struct sprout_plan_served served[SPROUT_LEVELS_MAX] = {{0}};
    double grid[HOURS], sum = 0;
    for (int h = 0; h < HOURS; h++) {
        grid[h] = h < 14 ? 300 : 150;
    }
    for (int h = 0; h < HOURS; h++) {
        struct sprout_plan_window w = day_of(grid + h, (size_t)(HOURS - h));
        struct sprout_plan_in in = input(c, grid[h]);
        memcpy(w.served, served, sizeof served);
        in.window = windowed ? &w : NULL;
        in.judged = h >= 12 ? &judged : NULL;
        const struct planned p = plan(&in);
        judge(p.policy, &judged);
        for (size_t l = 0; l < 3; l++) {
            const double share = p.policy->strata[0].mix[l];
            served[l].requests += llround(100 * share);
            sum += truth[l] * share / HOURS;
        }
    }
    return sum;
}

static void a_floor_is_kept_at_the_end_although_estimates_were_off(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.9, hourly_floor: 0.7, certainty: 0.5, "
                  "shares: [0.4, 0.38, 0.36]}");
    assert_true(true_quality(c, false) < 0.88); /* what is past is past */
    const double quality = true_quality(c, true);
    print_message("true quality of the day %.4f, hour by hour %.4f\n", quality,
                  true_quality(c, false));
    assert_true(quality > 0.8995 && quality < 0.905);
    sprout_config_free(c);
}

static void the_plan_says_that_the_hourly_floor_raised_it(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.95, hourly_floor: 0.94}");
    const double grid[] = {900, 20, 20, 20};
    struct sprout_plan_window w = day_of(grid, 4);
    struct sprout_plan_in in = input(c, 900);
    in.window = &w;
    const struct planned p = plan(&in);
    assert_true(p.why.window.raised && fabs(p.why.quality_mix - 0.94) < 1e-9);
    assert_true(p.why.window.hourly_floor == 0.94 && p.why.window.floor == 0.95);
    in = input(c, 20);
    in.window = &w;
    assert_false(plan(&in).why.window.raised);
    sprout_config_free(c);
}

/* Nobody knows yet whether an hour ahead has requests that could pay anything back. */
static void before_a_day_of_traffic_each_hour_keeps_the_floor(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.95}");
    const double grid[] = {400, 50};
    struct sprout_plan_window w = day_of(grid, 2);
    struct sprout_plan_in in = input(c, 400);
    w.traffic_hours = 23;
    w.served[0].requests = 100;
    in.window = &w;
    const struct planned p = plan(&in);
    assert_true(p.why.window.used && !p.why.window.acts);
    assert_true(fabs(p.why.quality_mix - 0.95) < 1e-9);
    assert_true(fabs(p.why.window.account - 5) < 1e-9); /* kept all the same */
    sprout_config_free(c);
}

static void an_unknown_grid_is_l0_as_ever(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.9}");
    const double grid[] = {NAN, 50};
    struct sprout_plan_window w = day_of(grid, 2);
    struct sprout_plan_in in = input(c, NAN);
    in.grid = SPROUT_GRID_VALUE_NONE;
    in.window = &w;
    w.served[0].requests = 1000;
    const struct planned p = plan(&in);
    assert_false(p.why.window.used);
    assert_true(p.policy->strata[0].mix[0] == 1);
    sprout_config_free(c);
}

static void hours_nobody_foretells_are_taken_to_be_as_now(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.95}");
    const double grid[] = {400, NAN, NAN};
    struct sprout_plan_window w = day_of(grid, 3);
    struct sprout_plan_in in = input(c, 400);
    in.window = &w;
    const struct planned p = plan(&in);
    assert_true(fabs(p.why.quality_mix - 0.95) < 1e-9);
    assert_int_equal(p.why.window.foretold + p.why.window.ours, 0);
    sprout_config_free(c);
}

static void rules_keep_their_own_floor_in_each_hour(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.95}\n"
                  "rules: [{name: careful, floor: 0.98}, {name: two, levels: [L0, L1]}]");
    const double grid[] = {900, 20, 20, 20};
    struct sprout_plan_window w = day_of(grid, 4);
    struct sprout_plan_in in = input(c, 900);
    in.window = &w;
    in.withdrawn.of_all =
        2; /* L1: a third rule for all others, which is part of the window */
    const struct planned p = plan(&in);
    const struct sprout_rule *const r = p.policy->rules;
    const double q1 = p.why.quality[1], q2 = p.why.quality[2];
    assert_true(r[0].mix[0][0] + q1 * r[0].mix[0][1] + q2 * r[0].mix[0][2] >=
                0.98 - 1e-9);
    assert_int_equal(p.policy->rule_count, 3);
    assert_memory_equal(r[2].mix[0], p.policy->strata[0].mix, 3 * sizeof(double));
    assert_true(p.why.quality_mix < 0.95 && p.policy->strata[0].mix[1] <= 0);
    sprout_config_free(c);
}

/* A place in debt and one that has served nothing: one policy, two accounts. */
static void each_zone_has_a_window_of_its_own(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.95}");
    const double grid[] = {200, 200, 200};
    struct sprout_plan_window home = day_of(grid, 3), away = home;
    struct sprout_plan_in in = input(c, 200);
    struct sprout_plan_zone zone = {SPROUT_STR("FR"), in.grid, in.range, &away};
    struct sprout_plan_why why, zone_why;
    const struct sprout_policy *p = NULL;
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    in.window = &home;
    away.served[2].requests = 50;
    assert_int_equal(
        sprout_plan_zones(&in, &zone, 1, &arena, &p, &why, &zone_why, &problem),
        SPROUT_OK);
    assert_true(why.window.account == 0 && zone_why.window.account < 0);
    assert_true(p->zones[0].mix[0][0] > p->strata[0].mix[0]);
    zone.window = NULL;
    arena = sprout_arena_of(memory, sizeof memory);
    assert_int_equal(
        sprout_plan_zones(&in, &zone, 1, &arena, &p, &why, &zone_why, &problem),
        SPROUT_OK);
    assert_false(zone_why.window.used);
    sprout_config_free(c);
}

/* ---- with a predictor ------------------------------------------------------------------ */

enum { SAMPLES = 200 };

static struct sprout_predict_sample sample[SAMPLES];

static struct sprout_plan_in predicted_input(const struct sprout_config *c,
                                             double g_per_kwh)
{
    static const struct sprout_predictor predictor = {.id = 7};
    uint64_t seed = 2;
    struct sprout_plan_in in = input(c, g_per_kwh);
    for (int i = 0; i < SAMPLES; i++) {
        const double brief = draw_unit(&seed), length = 50 + 400 * draw_unit(&seed);
        const double q[3] = {0.5 - 0.25 * brief, 0.36, 0.1 + 0.35 * brief};
        for (int l = 0; l < 3; l++) {
            sample[i].quality[l] = (int32_t)(q[l] * SPROUT_PREDICT_ONE);
            sample[i].tokens[l] = (int32_t)(length / (1 + 3 * l) * SPROUT_PREDICT_TOKEN);
        }
    }
    in.predictor = &predictor;
    in.weights_file = SPROUT_STR("predictor-0000000000000007.weights");
    in.samples = sample;
    in.sample_count = SAMPLES;
    return in;
}

static void one_price_holds_over_the_hours_of_a_day(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "quality: {rule: fixed, floor: 0.95}\npredictor: {caution: 0, samples_min: 1}");
    const double grid[] = {500, 100, 100};
    double sum = 0, price[3];
    for (int h = 0; h < 3; h++) {
        /* The same three hours, each in its turn the one that runs. */
        const double turned[] = {grid[h], grid[(h + 1) % 3], grid[(h + 2) % 3]};
        struct sprout_plan_window w = day_of(turned, 3);
        struct sprout_plan_in in = predicted_input(c, turned[0]);
        in.window = &w;
        const struct planned p = plan(&in);
        assert_true(p.policy->predictor.decides && p.why.window.in_reach);
        assert_int_equal(p.policy->predictor.split, SPROUT_PREDICT_ONE);
        sum += p.why.predicted.price.quality / 3;
        price[h] = (double)p.policy->predictor.ng_per_quality;
    }
    assert_true(sum >= 0.95 && sum < 0.96);
    /* Between two points of the curve, no further. */
    assert_true(fabs(price[0] / price[1] - 1) < 0.1 && price[1] == price[2]);
    sprout_config_free(c);
}

static void predictions_of_what_was_served_make_the_account(void **state)
{
    (void)state;
    static struct sprout_judged judged;
    struct sprout_config *const c = config_of(
        "quality: {rule: fixed, floor: 0.95}\npredictor: {caution: 0, samples_min: 1}");
    const double grid[] = {200, 200, 200};
    struct sprout_plan_window w = day_of(grid, 3);
    struct sprout_plan_in in = predicted_input(c, 200);
    /* Prompts at L2 that are better there than the level is in the mean. */
    w.served[2] = (struct sprout_plan_served){
        .requests = 100, .predicted = 100, .quality = 42, .quality_l0 = 38};
    in.window = &w;
    struct planned p = plan(&in);
    assert_true(fabs(p.why.window.quality - 42.0 / 38) < 1e-9);
    assert_true(fabs(p.why.window.account - 100 * (42.0 / 38 - 0.95)) < 1e-9);
    /* Verdicts that think less of L2 than the predictor did: of what was served, too. */
    judged = (struct sprout_judged){
        .judge = "judge",
        .card = {.questions = 4000, .fault = SPROUT_JUDGE_USABLE},
        .pooled = {.alpha = {2000, 1600, 400}, .levels = 3, .n = 4000, .verdicts = 4000}};
    sprout_evaluator_directives(p.policy, judged.directives);
    in.judged = &judged;
    p = plan(&in);
    assert_true(p.why.evidence.used && p.why.window.account < 0);
    sprout_config_free(c);
}

/* Verdicts that think less of L2 in maths: of what was served, maths alone is worth less. */
static void the_account_is_corrected_by_kind(void **state)
{
    (void)state;
    static struct sprout_judged judged;
    struct sprout_config *const c = config_of(
        "quality: {rule: fixed, floor: 0.95}\npredictor: {caution: 0, samples_min: 1}");
    const double grid[] = {200, 200, 200};
    struct sprout_plan_window w = day_of(grid, 3);
    struct sprout_plan_in in = predicted_input(c, 200);
    for (size_t i = 0; i < in.sample_count; i++) {
        sample[i].kind = i / 2 % 2 == 0 ? SPROUT_KIND_OTHER : SPROUT_KIND_MATHS;
    }
    w.served[2] = (struct sprout_plan_served){
        .requests = 100, .predicted = 100, .quality = 40, .quality_l0 = 40};
    w.served[2].of_kind[SPROUT_KIND_OTHER] = 100;
    in.window = &w;
    judged = (struct sprout_judged){
        .judge = "judge",
        .card = {.questions = 4000, .fault = SPROUT_JUDGE_USABLE},
        .pooled = {.alpha = {1600, 800, 1600}, .levels = 3, .n = 4000, .verdicts = 4000},
        .name = {"maths"},
        .strata = 1,
        .fit.stratum[0] = {
            .alpha = {1000, 800, 200}, .levels = 3, .n = 2000, .verdicts = 2000}};
    sprout_evaluator_directives(plan(&in).policy, judged.directives);
    in.judged = &judged;
    const double of_other = plan(&in).why.window.account;
    w.served[2].of_kind[SPROUT_KIND_OTHER] = 0;
    w.served[2].of_kind[SPROUT_KIND_MATHS] = 100;
    assert_true(plan(&in).why.window.account < of_other - 30);
    sprout_config_free(c);
}

static void a_dirty_hour_is_raised_for_a_predictor_too(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.95, hourly_floor: 0.93}\n"
                  "predictor: {caution: 0.01, samples_min: 1}");
    const double grid[] = {2000, 10, 10, 10};
    struct sprout_plan_window w = day_of(grid, 4);
    struct sprout_plan_in in = predicted_input(c, 2000);
    in.window = &w;
    const struct planned p = plan(&in);
    assert_true(p.why.window.raised);
    assert_true(p.why.predicted.price.quality >= 0.94 - 1e-9); /* with what is in hand */
    assert_true(p.why.predicted.caution.v >= 0);
    sprout_config_free(c);
}

/* ---- the window ------------------------------------------------------------------------ */

static void check_bounds(enum sprout_window_kind kind, const char *now, const char *start,
                         const char *end, size_t hours)
{
    static struct sprout_window w;
    sprout_window_begin(&w, kind, moment(now));
    assert_int_equal(w.plan.start.ns, moment(start).ns);
    assert_int_equal(w.plan.end.ns, moment(end).ns);
    assert_int_equal(w.plan.hours, hours);
}

static void days_and_months_begin_and_end_in_utc(void **state)
{
    (void)state;
    check_bounds(SPROUT_WINDOW_DAY, "2024-02-29T00:00Z", "2024-02-29T00:00Z",
                 "2024-03-01T00:00Z", 24);
    check_bounds(SPROUT_WINDOW_DAY, "2023-12-31T23:59Z", "2023-12-31T00:00Z",
                 "2024-01-01T00:00Z", 1);
    check_bounds(SPROUT_WINDOW_MONTH, "2024-02-28T13:10Z", "2024-02-01T00:00Z",
                 "2024-03-01T00:00Z", 35);
    check_bounds(SPROUT_WINDOW_MONTH, "2026-12-01T00:00Z", "2026-12-01T00:00Z",
                 "2027-01-01T00:00Z", 744);
}

static void note(struct sprout_window *w, const struct sprout_config *c, const char *at,
                 const char *arm, const char *rule, int64_t n)
{
    const struct sprout_store_sum sum = {.level = SPROUT_STR("L1"),
                                         .arm = sprout_str_of(arm),
                                         .rule = sprout_str_of(rule),
                                         .outcome = {[SPROUT_OUTCOME_OK] = n}};
    sprout_window_note(w, c, moment(at), &sum);
}

static void what_the_planner_did_not_decide_is_not_in_the_account(void **state)
{
    (void)state;
    static struct sprout_window w;
    struct sprout_config *const c =
        config_of("rules: [{name: own, floor: 0.99}, {name: short, levels: [L2]}, "
                  "{name: off, off: true}, {name: quiet, receipts: no}]");
    sprout_window_begin(&w, SPROUT_WINDOW_DAY, moment("2024-03-05T12:30Z"));
    note(&w, c, "2024-03-05T12:00Z", "mix", "", 1);
    note(&w, c, "2024-03-05T00:00Z", "explore", "quiet", 10);
    note(&w, c, "2024-03-05T03:00Z", "mix", SPROUT_PLAN_WITHDRAWN, 100);
    note(&w, c, "2024-03-04T23:00Z", "mix", "", 1000); /* the day before */
    note(&w, c, "2024-03-05T12:00Z", "holdout", "", 1000);
    note(&w, c, "2024-03-05T12:00Z", "forced", "", 1000);
    note(&w, c, "2024-03-05T12:00Z", "mix", "own", 1000);
    note(&w, c, "2024-03-05T12:00Z", "mix", "short", 1000);
    note(&w, c, "2024-03-05T12:00Z", "mix", "off", 1000);
    assert_int_equal(w.plan.served[1].requests, 111);
    assert_int_equal(w.plan.served[1].of_kind[SPROUT_KIND_MATHS], 0);
    const struct sprout_store_sum maths = {.level = SPROUT_STR("L1"),
                                           .arm = SPROUT_STR("mix"),
                                           .stratum = SPROUT_STR("maths"),
                                           .predicted = 5,
                                           .outcome = {[SPROUT_OUTCOME_OK] = 7}};
    sprout_window_note(&w, c, moment("2024-03-05T12:00Z"), &maths);
    assert_int_equal(w.plan.served[1].requests, 118);
    assert_int_equal(w.plan.served[1].of_kind[SPROUT_KIND_MATHS], 5);
    assert_int_equal(w.plan.served[0].requests + w.plan.served[2].requests, 0);
    sprout_config_free(c);
}

static void traffic_is_expected_as_it_was_at_that_hour(void **state)
{
    (void)state;
    static struct sprout_window w;
    struct sprout_config *const c = config_of("");
    sprout_window_begin(&w, SPROUT_WINDOW_DAY, moment("2024-03-05T22:45Z"));
    assert_int_equal(sprout_window_since(&w).ns, moment("2024-02-27T22:00Z").ns);
    note(&w, c, "2024-03-03T22:00Z", "mix", "", 100);
    note(&w, c, "2024-03-04T22:00Z", "mix", "", 300);
    note(&w, c, "2024-03-04T23:00Z", "mix", "", 80);
    note(&w, c, "2024-03-05T22:00Z", "mix", "", 7777); /* the hour is not over */
    sprout_window_finish(&w);
    assert_int_equal(w.plan.traffic_hours, 48);
    assert_true(fabs(w.weight[0] - 200 * 0.25) < 1e-9); /* a quarter of it is left */
    assert_true(fabs(w.weight[1] - 40) < 1e-9);         /* once nothing, once 80 */
    sprout_config_free(c);
}

/* ---- the ledger ------------------------------------------------------------------------ */

static char folder[] = "/tmp/sprout-window-XXXXXX";
static char ledger[64];

static void put_request(struct sprout_store *s, int64_t seq, sprout_instant at,
                        const char *arm, const char *zone)
{
    const struct sprout_record record = {
        .worker = SPROUT_STR("w"),
        .seq = seq,
        .time = at,
        .model = SPROUT_STR("m"),
        .level = SPROUT_STR("L2"),
        .arm = sprout_str_of(arm),
        .usage = {{10}, {-1}, {20}, {-1}},
        .ttfb_us = -1,
        .predicted = {.known = seq % 2 == 0, .quality = {32768, 0, 16384}},
    };
    const struct sprout_store_receipt receipt = {
        .record = &record,
        .level = 2,
        .slot = {sprout_str_of(zone), SPROUT_STR("assumed"), {473}, {0}},
        .energy = {1000},
        .time = {1000},
        .operational = {1},
        .embodied = {1},
        .energy_l0 = {2000},
        .grams_l0 = {2},
    };
    bool is_new = false;
    assert_int_equal(sprout_store_begin(s, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_put_receipt(s, &receipt, &is_new, &problem), SPROUT_OK);
    assert_int_equal(sprout_store_commit(s, NULL), SPROUT_OK);
    assert_true(is_new);
}

/* A control that has just begun, beside the ledger there is; FR is a zone of its own. */
static struct sprout_plan_served as_read_now(const struct sprout_config *c,
                                             sprout_instant wall)
{
    struct sprout_daemon *const d = calloc(1, sizeof *d);
    const struct sprout_grid_opts opts = sprout_config_grid_opts(c, wall);
    assert_non_null(d);
    d->config = (struct sprout_config *)c;
    assert_int_equal(sprout_grid_new(&opts, &d->places.home.grid, &problem), SPROUT_OK);
    assert_int_equal(sprout_grid_new(&opts, &d->places.zone[0].grid, &problem),
                     SPROUT_OK);
    snprintf(d->places.zone[0].name, sizeof d->places.zone[0].name, "FR");
    d->places.zones = 1;
    assert_int_equal(sprout_store_open(ledger, SPROUT_STORE_WRITE, &d->store, &problem),
                     SPROUT_OK);
    assert_true(sprout_daemon_windows(d, wall));
    assert_true(sprout_daemon_window_turned(d, wall));
    assert_false(sprout_daemon_window_turned(d, wall));
    const struct sprout_plan_served out = d->window[0].plan.served[2];
    assert_int_equal(d->window[1].plan.served[2].requests, 10);
    assert_int_equal(d->window[0].plan.traffic_hours, 11); /* since the day before */
    sprout_store_close(d->store);
    sprout_grid_free(d->places.home.grid);
    sprout_grid_free(d->places.zone[0].grid);
    free(d->window);
    free(d);
    return out;
}

static void a_restart_keeps_the_account(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.9}");
    struct sprout_store *s = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(ledger, sizeof ledger, "%s/ledger.db", folder);
    assert_int_equal(sprout_store_open(ledger, SPROUT_STORE_WRITE, &s, &problem),
                     SPROUT_OK);
    for (int i = 1; i <= 10; i++) {
        put_request(s, i, moment("2024-03-05T08:20Z"), "mix", "-");
        put_request(s, 100 + i, moment("2024-03-05T08:20Z"), "holdout", "-");
        put_request(s, 200 + i, moment("2024-03-04T23:59Z"), "mix", "-");
        put_request(s, 300 + i, moment("2024-03-05T08:20Z"), "mix", "FR");
    }
    sprout_store_close(s);
    for (int start = 0; start < 2; start++) {
        const struct sprout_plan_served read =
            as_read_now(c, moment("2024-03-05T10:00Z"));
        assert_int_equal(read.requests, 10);
        assert_int_equal(read.predicted, 5);
        assert_true(read.quality == 5 * 0.25 && read.quality_l0 == 5 * 0.5);
    }
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s%s", ledger, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
    sprout_config_free(c);
}

/* ---- configuration and telling --------------------------------------------------------- */

static void refused(const char *yaml, const char *why)
{
    static struct sprout_problems problems;
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_config_parse(sprout_str_of(yaml), "", &c, &problems),
                     SPROUT_CONFIG);
    assert_non_null(strstr(problems.v[0].message, why));
}

static void a_window_goes_with_a_fixed_floor(void **state)
{
    (void)state;
    struct sprout_config *c = config_of("");
    assert_int_equal(sprout_config_window(&c->quality), SPROUT_WINDOW_HOUR);
    assert_int_equal(sprout_config_set_floor(c, "0.9", &problem), SPROUT_OK);
    assert_int_equal(sprout_config_window(&c->quality), SPROUT_WINDOW_DAY);
    assert_true(fabs(sprout_config_hourly_floor(&c->quality) - 0.8) < 1e-12);
    sprout_config_free(c);
    c = config_of("quality: {rule: fixed, budget_window: hour, floor: 0.05}");
    assert_int_equal(sprout_config_window(&c->quality), SPROUT_WINDOW_HOUR);
    assert_true(sprout_config_hourly_floor(&c->quality) == 0);
    sprout_config_free(c);
    refused("quality: {budget_window: month}", "rule: fixed");
    refused("quality: {rule: fixed, floor: 0.9, hourly_floor: 0.92}",
            "at most the floor");
}

static void the_account_is_told(void **state)
{
    (void)state;
    char text[4096];
    char dir[] = "/tmp/sprout-window-XXXXXX", path[64];
    struct sprout_explanation e;
    struct sprout_config *const c = config_of("quality: {rule: fixed, floor: 0.95}");
    const double grid[] = {200, 300};
    struct sprout_plan_window w = day_of(grid, 2);
    struct sprout_plan_in in = input(c, 200);
    w.served[0].requests = 10;
    in.window = &w;
    const struct planned p = plan(&in);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(sprout_plan_publish(dir, p.policy, &p.why, &problem), SPROUT_OK);
    sprout_explain(p.policy, 0, in.now, dir, &e);
    assert_true(e.window.used && e.window.acts && e.window.in_reach);
    assert_int_equal(e.window.kind, SPROUT_WINDOW_DAY);
    assert_int_equal(e.window.end.ns, w.end.ns);
    assert_true(fabs(e.window.account - 0.5) < 1e-9 && e.window.ours == 1);
    struct sprout_buf b = sprout_buf_of(text, sizeof text - 1);
    sprout_explain_put(&b, p.policy, 0, &e);
    text[b.len] = '\0';
    assert_non_null(strstr(text, "\"window\":{\"over\":\"day\",\"acts\":true"));
    snprintf(path, sizeof path, "%s/policy.json", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/plan.json", dir);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
    sprout_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dirty_hour_gives_less_than_a_clean_one),
        cmocka_unit_test(a_debt_raises_later_hours_and_a_surplus_lowers_them),
        cmocka_unit_test(no_hour_falls_under_the_hourly_floor),
        cmocka_unit_test(a_floor_is_kept_at_the_end_although_estimates_were_off),
        cmocka_unit_test(the_plan_says_that_the_hourly_floor_raised_it),
        cmocka_unit_test(before_a_day_of_traffic_each_hour_keeps_the_floor),
        cmocka_unit_test(an_unknown_grid_is_l0_as_ever),
        cmocka_unit_test(hours_nobody_foretells_are_taken_to_be_as_now),
        cmocka_unit_test(rules_keep_their_own_floor_in_each_hour),
        cmocka_unit_test(each_zone_has_a_window_of_its_own),
        cmocka_unit_test(one_price_holds_over_the_hours_of_a_day),
        cmocka_unit_test(predictions_of_what_was_served_make_the_account),
        cmocka_unit_test(the_account_is_corrected_by_kind),
        cmocka_unit_test(a_dirty_hour_is_raised_for_a_predictor_too),
        cmocka_unit_test(days_and_months_begin_and_end_in_utc),
        cmocka_unit_test(what_the_planner_did_not_decide_is_not_in_the_account),
        cmocka_unit_test(traffic_is_expected_as_it_was_at_that_hour),
        cmocka_unit_test(a_restart_keeps_the_account),
        cmocka_unit_test(a_window_goes_with_a_fixed_floor),
        cmocka_unit_test(the_account_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
