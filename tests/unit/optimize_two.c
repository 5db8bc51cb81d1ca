/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/optimize_two: what it answers where floors cannot be kept or do not
 * bind, and refusals.  Random instances against another solver are in
 * tests/property/optimize_two.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "core/optimize_two.h"

static double mixes[2][3];
static double *const mix[2] = {mixes[0], mixes[1]};

static const double cost[] = {4, 2, 1};
static const double quality[] = {3, 2, 1};
static const double accuracy[] = {1, 0.5, 0.4};
static const double *const accuracies[] = {accuracy, accuracy};

static enum sprout_status solve(const struct sprout_item *items, size_t n,
                                const double *const *a, double q_floor, double a_floor,
                                struct sprout_optimum_two *out, struct sprout_error *err)
{
    static char block[4096];
    struct sprout_arena scratch =
        sprout_arena_of(block, sprout_optimize_two_scratch(n, 3 * n));
    return sprout_optimize_two(items, a, n, q_floor, a_floor, &scratch, mix, out, err);
}

static struct sprout_optimum_two of_one(double q_floor, double a_floor)
{
    const struct sprout_item item = {1, cost, quality, 3};
    struct sprout_optimum_two best = {0};
    struct sprout_error err = {0};
    if (solve(&item, 1, accuracies, q_floor, a_floor, &best, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    return best;
}

static void mix_is(double a, double b, double c)
{
    const double expected[] = {a, b, c};
    for (int l = 0; l < 3; l++) {
        if (fabs(mixes[0][l] - expected[l]) > 1e-12) {
            fail_msg("share %d: found %.17g, expected %g", l, mixes[0][l], expected[l]);
        }
    }
}

static void either_floor_may_bind(void **state)
{
    (void)state;
    struct sprout_optimum_two best = of_one(1.5, 0.4);
    mix_is(0, 0.5, 0.5);
    assert_true(best.feasible && best.price == 1 && best.accuracy_price == 0);
    assert_int_equal(best.steps, 1);
    best = of_one(1.5, 0.75);
    mix_is(7.0 / 12, 0, 5.0 / 12);
    assert_true(best.feasible && best.price == 0);
    assert_true(fabs(best.accuracy_price - 5) < 1e-12 && fabs(best.cost - 2.75) < 1e-12);
    best = of_one(0, 0);
    mix_is(0, 0, 1);
    assert_true(best.price == 0 && best.accuracy_price == 0);
}

/* Quality pulls to the second option, accuracy to the first: three in use. */
static void both_floors_may_bind(void **state)
{
    (void)state;
    static const double liked[] = {1, 3, 0}, right[] = {1, 0, 0}, dear[] = {2, 2, 0};
    static const double *const a[] = {right};
    const struct sprout_item item = {2, dear, liked, 3};
    struct sprout_optimum_two best;
    assert_int_equal(solve(&item, 1, a, 2 * 1.0, 2 * 0.25, &best, NULL), SPROUT_OK);
    mix_is(0.25, 0.25, 0.5);
    assert_true(best.feasible);
    assert_true(fabs(best.price - 2.0 / 3) < 1e-12);
    assert_true(fabs(best.accuracy_price - 4.0 / 3) < 1e-12);
}

static void what_cannot_be_kept_has_one_answer(void **state)
{
    (void)state;
    struct sprout_optimum_two best = of_one(4, 2);
    mix_is(1, 0, 0); /* most quality */
    assert_false(best.feasible);
    best = of_one(1.5, 2);
    mix_is(1, 0, 0); /* most accuracy */
    assert_false(best.feasible);

    /* Two of greatest accuracy that keep quality: the cheaper one. */
    static const double right[] = {0.5, 0.5, 0.1};
    static const double *const a[] = {right};
    const struct sprout_item item = {1, cost, quality, 3};
    assert_int_equal(solve(&item, 1, a, 1.5, 2, &best, NULL), SPROUT_OK);
    mix_is(0, 1, 0);
    assert_false(best.feasible);
}

static void no_items_and_no_weight(void **state)
{
    (void)state;
    struct sprout_optimum_two best;
    assert_int_equal(solve(NULL, 0, NULL, 0, 0, &best, NULL), SPROUT_OK);
    assert_true(best.feasible && best.cost == 0);
    assert_int_equal(solve(NULL, 0, NULL, 0, 1, &best, NULL), SPROUT_OK);
    assert_false(best.feasible);

    /* Weighs nothing, and is given what is best at the prices that the other one sets. */
    const struct sprout_item items[] = {{0, cost, quality, 3}, {1, cost, quality, 3}};
    assert_int_equal(solve(items, 2, accuracies, 1.5, 0.75, &best, NULL), SPROUT_OK);
    assert_true(mixes[0][0] + mixes[0][2] == 1);
    assert_true(mixes[0][0] == 0 || mixes[0][0] == 1);
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    const struct sprout_item item = {1, cost, quality, 3};
    static const double nan_at_2[] = {1, 1, NAN};
    static const double *const a[] = {nan_at_2};
    struct sprout_optimum_two best = {.cost = 42};
    struct sprout_error err = {0};
    assert_int_equal(solve(&item, 1, a, 1, 1, &best, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "items[0].accuracy[2]"));
    assert_int_equal(solve(&item, 1, accuracies, 1, NAN, &best, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "accuracy bound"));
    assert_int_equal(solve(&item, 1, accuracies, INFINITY, 1, &best, &err),
                     SPROUT_INVALID);
    assert_true(best.cost == 42);
    struct sprout_arena none = sprout_arena_of(NULL, 0);
    assert_int_equal(
        sprout_optimize_two(&item, accuracies, 1, 1, 1, &none, mix, &best, &err),
        SPROUT_NO_MEMORY);
}

/* The greatest numbers there may be overflow nothing. */
static void large_numbers_stay_finite(void **state)
{
    (void)state;
    static const double dear[] = {1e100, 1e99, -1e100}, right[] = {1e-100, 5e-101, 0};
    static const double *const a[] = {right};
    const struct sprout_item item = {1, dear, quality, 3};
    struct sprout_optimum_two best;
    assert_int_equal(solve(&item, 1, a, 1, 8e-101, &best, NULL), SPROUT_OK);
    assert_true(isfinite(best.cost) && isfinite(best.price) &&
                isfinite(best.accuracy_price));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_floor_may_bind),
        cmocka_unit_test(both_floors_may_bind),
        cmocka_unit_test(what_cannot_be_kept_has_one_answer),
        cmocka_unit_test(no_items_and_no_weight),
        cmocka_unit_test(bad_numbers_are_refused),
        cmocka_unit_test(large_numbers_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
