/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the planner where accuracy has a floor: both floors are kept, by a mix, by
 * predictions, in a window; and what nobody knows to be right is given to nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "control/evaluator_inner.h"
#include "control/planner.h"

#include "../plan_fixture.h"

/* Of `n` prompts L0 is right on 8 in 10; L1 on nine of ten of those, L2 on three of four. */
static void refer(const struct sprout_policy *p, double n, struct sprout_settled *out)
{
    *out = (struct sprout_settled){
        .prompts = (int64_t)n,
        .level = {[1] = {0.72 * n, 0.08 * n, 0, 0.2 * n},
                  [2] = {0.6 * n, 0.2 * n, 0, 0.2 * n}},
    };
    sprout_evaluator_directives(p, out->directives);
}

static double accuracy_of(const double *mix, const struct sprout_plan_accuracy *a)
{
    double sum = 0;
    for (int l = 0; l < 3; l++) {
        sum += mix[l] > 0 ? mix[l] * a->cautious[l] : 0;
    }
    return sum;
}

static void a_floor_of_accuracy_is_kept_beside_that_of_quality(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.5, certainty: 0.5}\n"
                  "accuracy: {floor: 0.95}\n"
                  "rules: [{name: brief, levels: [L0, L2]}]\n");
    struct sprout_config *const none =
        config_of("quality: {rule: fixed, floor: 0.5, certainty: 0.5}\n");
    struct sprout_plan_in in = input(none, 200);
    struct sprout_settled settled;
    struct planned p = plan(&in);
    const double free_grams = p.why.grams_mix.v;
    assert_true(p.why.accuracy.floor == 0 && p.policy->strata[0].mix[2] > 0);
    refer(p.policy, 1000, &settled);
    in.settled = &settled;
    assert_near(plan(&in).why.grams_mix.v, free_grams); /* nobody asked for it */

    in.config = c;
    p = plan(&in);
    const double *const mix = p.policy->strata[0].mix;
    assert_near(p.why.accuracy.cautious[1], 0.9);
    assert_near(p.why.accuracy.cautious[2], 0.75);
    assert_near(accuracy_of(mix, &p.why.accuracy), 0.95);
    assert_near(p.why.accuracy.mix, 0.95);
    assert_true(p.why.feasible && p.why.accuracy.price > 0 && p.why.price == 0);
    assert_true(p.why.grams_mix.v > free_grams);
    assert_near(accuracy_of(p.policy->rules[0].mix[0], &p.why.accuracy), 0.95);
    assert_near(p.policy->rules[0].mix[0][0], 0.8);
    assert_int_equal(p.policy->rule_count, 1);
    sprout_config_free(none);
    sprout_config_free(c);
}

/* A clean hour now and a dirty one ahead: the window gives up quality in that one, and what
 * accuracy asks of this hour is asked all the same; likewise the other way round. */
static void accuracy_is_kept_in_each_hour_of_a_window(void **state)
{
    (void)state;
    struct sprout_config *const c = config_of(
        "quality: {rule: fixed, floor: 0.9, certainty: 0.5, hourly_floor: 0.5}\n"
        "accuracy: {floor: 0.97}\n"
        "predictor: {samples_min: 50, caution: 0}\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_settled settled;
    for (int predicted = 0; predicted < 2; predicted++) {
        for (int dirty = 0; dirty < 2; dirty++) {
            struct sprout_plan_in in = predicted_input(c, &predictor, 100);
            const struct sprout_grid_hour hours[2] = {{.intensity = {dirty ? 600 : 50}},
                                                      {.intensity = {dirty ? 50 : 600}}};
            const double weight[2] = {100, 100};
            const struct sprout_plan_window w = {.kind = SPROUT_WINDOW_DAY,
                                                 .hour = hours,
                                                 .weight = weight,
                                                 .hours = 2,
                                                 .traffic_hours = 48};
            in.grid.intensity = hours[0].intensity;
            in.window = &w;
            in.predictor = predicted ? &predictor : NULL;
            refer(plan(&in).policy, 1000, &settled);
            in.settled = &settled;
            const struct planned p = plan(&in);
            assert_true(p.why.window.acts);
            const double mix = accuracy_of(p.policy->strata[0].mix, &p.why.accuracy);
            assert_true(mix >= 0.97 - 1e-9 && fabs(mix - p.why.accuracy.mix) < 1e-9);
            if (predicted) {
                const struct sprout_predict_price *const x = &p.why.predicted.price;
                assert_true(p.policy->predictor.decides);
                assert_true(accuracy_of(x->mix, &p.why.accuracy) >= 0.97 - 1e-9);
                assert_near(accuracy_of(x->mix, &p.why.accuracy), x->accuracy);
            }
        }
    }
    sprout_config_free(c);
}

static void a_level_of_unknown_accuracy_is_given_to_nobody(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.5}\n"
                  "accuracy: {floor: 0.6}\n"
                  "rules: [{name: brief, levels: [L1, L2]}]\n");
    struct sprout_plan_in in = input(c, 200);
    struct sprout_settled settled;
    struct planned p = plan(&in);
    assert_near(p.policy->strata[0].mix[0], 1);
    assert_true(p.why.accuracy.withheld == 6 && p.why.accuracy.why[0] != '\0');
    assert_near(p.policy->rules[0].mix[0][0], 1); /* the rule's levels are both unknown */
    assert_int_equal(p.policy->rules[1].levels, 1);
    assert_true(sprout_str_eq(p.policy->rules[1].name, SPROUT_STR("accuracy-unknown")));

    refer(p.policy, 200, &settled);
    settled.level[2] =
        (struct sprout_accuracy_pairs){20, 5, 0, 4}; /* of 30 that it takes */
    in.settled = &settled;
    p = plan(&in);
    assert_int_equal(p.why.accuracy.withheld, 1 << 2);
    assert_true(p.policy->strata[0].mix[1] > 0 && p.policy->strata[0].mix[2] == 0);
    assert_int_equal(p.policy->rules[0].levels, 1 << 1);
    /* At the certainty of 0.9 a level is taken to keep less than it was seen to. */
    assert_true(p.why.accuracy.cautious[1] < p.why.accuracy.relative[1].value);

    settled.directives[0] ^= 1; /* others than those in force */
    p = plan(&in);
    assert_int_equal(p.why.accuracy.withheld, 6);
    sprout_config_free(c);
}

static void predictions_decide_under_a_floor_of_accuracy(void **state)
{
    (void)state;
    struct sprout_config *const c =
        config_of("quality: {rule: fixed, floor: 0.5, certainty: 0.5}\n"
                  "predictor: {samples_min: 50, caution: 0}\n"
                  "accuracy: {floor: 0.95}\n"
                  "rules: [{name: brief, levels: [L0, L2]}]\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    struct sprout_settled settled;
    refer(plan(&in).policy, 1000, &settled);
    in.settled = &settled;
    const struct planned p = plan(&in);
    const struct sprout_predict_price *const price = &p.why.predicted.price;
    assert_true(p.policy->predictor.decides && price->feasible);
    assert_true(p.policy->predictor.ng_per_accuracy > 0);
    assert_near(p.policy->predictor.accuracy[2], 0.75);
    assert_near(accuracy_of(price->mix, &p.why.accuracy), 0.95);
    assert_near(price->accuracy, 0.95);
    assert_true(p.policy->rules[0].ng_per_accuracy > 0);

    in.settled = NULL; /* nothing is known: L0, whatever is predicted */
    const struct planned q = plan(&in);
    assert_near(q.why.predicted.price.mix[0], 1);
    assert_int_equal(q.policy->rules[1].levels, 1);
    sprout_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_of_accuracy_is_kept_beside_that_of_quality),
        cmocka_unit_test(accuracy_is_kept_in_each_hour_of_a_window),
        cmocka_unit_test(a_level_of_unknown_accuracy_is_given_to_nobody),
        cmocka_unit_test(predictions_decide_under_a_floor_of_accuracy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
