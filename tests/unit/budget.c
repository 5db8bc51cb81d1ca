/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of one floor over a window and the price that keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/budget.h"

static const double ratio[] = {0, 10, 100, 1000};
static const double quality[] = {0.2, 0.3, 0.4, 0.5};
static const struct sprout_budget_curve curve = {ratio, quality, 0.5, 4};

static double delivered(const struct sprout_budget *b, double price)
{
    double sum = b->account;
    for (size_t h = 0; h < b->hours; h++) {
        const size_t at = sprout_budget_at(&curve, price / b->grams_per_token[h]);
        sum += curve.quality[at] - b->floor * curve.quality_l0;
    }
    return sum;
}

static void the_point_in_force_is_the_last_one_not_above_the_ratio(void **state)
{
    (void)state;
    assert_int_equal(sprout_budget_at(&curve, 0), 0);
    assert_int_equal(sprout_budget_at(&curve, 9.99), 0);
    assert_int_equal(sprout_budget_at(&curve, 10), 1);
    assert_int_equal(sprout_budget_at(&curve, 1e9), 3);
}

static void an_hour_is_raised_to_its_hard_floor_and_never_lowered(void **state)
{
    (void)state;
    assert_int_equal(sprout_budget_raise(&curve, 0, 0.7), 2);
    assert_int_equal(sprout_budget_raise(&curve, 3, 0.7), 3);
    assert_int_equal(sprout_budget_raise(&curve, 1, 0.1), 1);
    assert_int_equal(sprout_budget_raise(&curve, 0, 2), 3); /* cannot be had: the best */
}

static void the_price_is_the_least_that_keeps_the_floor(void **state)
{
    (void)state;
    const double grams[] = {1, 2, 4, 8};
    struct sprout_budget b = {.grams_per_token = grams, .hours = 4};
    for (b.floor = 0.42; b.floor < 1; b.floor += 0.05) {
        const double price = sprout_budget_price(&b, &curve);
        assert_true(delivered(&b, price) >= -1e-12);
        assert_true(price == 0 || delivered(&b, price * (1 - 1e-6)) < 0);
    }
}

static void clean_hours_pay_for_dirty_ones(void **state)
{
    (void)state;
    const double grams[] = {1, 1000};
    const struct sprout_budget b = {.floor = 0.69, .grams_per_token = grams, .hours = 2};
    const double price = sprout_budget_price(&b, &curve);
    assert_int_equal(sprout_budget_at(&curve, price / 1), 3);
    assert_int_equal(sprout_budget_at(&curve, price / 1000), 0);
}

static void what_was_delivered_before_counts(void **state)
{
    (void)state;
    const double grams[] = {1};
    struct sprout_budget b = {.floor = 0.8, .grams_per_token = grams, .hours = 1};
    const double even = sprout_budget_price(&b, &curve);
    b.account = 0.2;
    assert_true(sprout_budget_price(&b, &curve) == 0);
    b.account = -0.05;
    assert_true(sprout_budget_price(&b, &curve) > even);
    b.account = 0;
    b.caution = 0.05;
    assert_true(sprout_budget_price(&b, &curve) > even);
}

/* Hours that may not fall that low give more, so the others need not. */
static void the_price_knows_that_no_hour_falls_under_its_own_floor(void **state)
{
    (void)state;
    const double grams[] = {1, 20, 1000};
    struct sprout_budget b = {.floor = 0.72, .grams_per_token = grams, .hours = 3};
    const double free = sprout_budget_price(&b, &curve);
    b.least = 1;
    const double held = sprout_budget_price(&b, &curve);
    assert_true(held < free && sprout_budget_left(&b, &curve, held) >= -1e-12);
    b.least = 3;
    assert_true(sprout_budget_price(&b, &curve) == 0);
    assert_true(fabs(sprout_budget_left(&b, &curve, 0) - 3 * (0.5 - 0.36)) < 1e-12);
    b.floor = 1.1;
    assert_true(sprout_budget_left(&b, &curve, INFINITY) < 0);
}

static void a_floor_that_cannot_be_kept_gets_the_greatest_quality(void **state)
{
    (void)state;
    const double grams[] = {3, 5};
    const struct sprout_budget b = {.floor = 1.2, .grams_per_token = grams, .hours = 2};
    const double price = sprout_budget_price(&b, &curve);
    assert_int_equal(sprout_budget_at(&curve, price / 3), 3);
    assert_int_equal(sprout_budget_at(&curve, price / 5), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_point_in_force_is_the_last_one_not_above_the_ratio),
        cmocka_unit_test(an_hour_is_raised_to_its_hard_floor_and_never_lowered),
        cmocka_unit_test(the_price_is_the_least_that_keeps_the_floor),
        cmocka_unit_test(clean_hours_pay_for_dirty_ones),
        cmocka_unit_test(what_was_delivered_before_counts),
        cmocka_unit_test(the_price_knows_that_no_hour_falls_under_its_own_floor),
        cmocka_unit_test(a_floor_that_cannot_be_kept_gets_the_greatest_quality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
