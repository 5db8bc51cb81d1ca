/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/optimize: the defined answers of degenerate cases, and refusals.
 * Random instances against another solver are in tests/property/optimize.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "core/optimize.h"

enum { OPTIONS_MAX = 8, ITEMS_MAX = 4 };

static double mixes[ITEMS_MAX][OPTIONS_MAX];
static double *const mix[ITEMS_MAX] = {mixes[0], mixes[1], mixes[2], mixes[3]};

static enum sprout_status solve(const struct sprout_item *items, size_t n,
                                enum sprout_goal goal, double bound,
                                struct sprout_optimum *out, struct sprout_error *err)
{
    static char block[1 << 16];
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    return sprout_optimize(items, n, goal, bound, &scratch, mix, out, err);
}

static struct sprout_optimum optimum(const struct sprout_item *items, size_t n,
                                     enum sprout_goal goal, double bound)
{
    struct sprout_optimum best = {0};
    struct sprout_error err = {0};
    if (solve(items, n, goal, bound, &best, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    return best;
}

static void is(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)))) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void mix_is(size_t item, size_t n, const double *expected)
{
    for (size_t l = 0; l < n; l++) {
        is(mixes[item][l], expected[l]);
    }
}

#define ITEM(w, c, q) ((struct sprout_item){(w), (c), (q), sizeof(c) / sizeof((c)[0])})
#define MIX_IS(i, ...)                                                                   \
    mix_is((i), sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static const double cost3[] = {4, 2, 1};
static const double quality3[] = {3, 2, 1};

static void a_floor_between_two_options_splits_the_item(void **state)
{
    (void)state;
    const struct sprout_item one = ITEM(2, cost3, quality3);
    const struct sprout_optimum best = optimum(&one, 1, SPROUT_GOAL_FLOOR, 5);
    MIX_IS(0, 0.5, 0.5, 0);
    assert_true(best.feasible);
    is(best.cost, 6);
    is(best.quality, 5);
    is(best.price, 2);
}

static void a_floor_below_the_cheapest_does_not_bind_and_has_no_price(void **state)
{
    (void)state;
    const struct sprout_item one = ITEM(1, cost3, quality3);
    const struct sprout_optimum best = optimum(&one, 1, SPROUT_GOAL_FLOOR, 0.5);
    MIX_IS(0, 0, 0, 1);
    is(best.price, 0);
    is(best.quality, 1);
}

static void a_floor_exactly_attainable_is_attained_without_a_split(void **state)
{
    (void)state;
    const double cost[] = {0.3, 0.1}, quality[] = {0.7, 0.1};
    /* 0.1 * 0.7 three times is not 0.21 in binary. */
    const struct sprout_item items[] = {
        ITEM(0.1, cost, quality), ITEM(0.1, cost, quality), ITEM(0.1, cost, quality)};
    const struct sprout_optimum best = optimum(items, 3, SPROUT_GOAL_FLOOR, 0.21);
    assert_true(best.feasible);
    MIX_IS(0, 1, 0);
    MIX_IS(1, 1, 0);
    MIX_IS(2, 1, 0);

    const struct sprout_optimum corner = optimum(items, 3, SPROUT_GOAL_FLOOR, 0.15);
    assert_true(corner.feasible);
    MIX_IS(0, 1, 0);
    MIX_IS(1, 1, 0);
    MIX_IS(2, 0, 1);
}

static void infeasible_gives_the_greatest_quality_at_its_least_cost(void **state)
{
    (void)state;
    const double cost[] = {5, 9, 4, 1}, quality[] = {3, 3, 3, 0};
    const struct sprout_item one = ITEM(1, cost, quality);
    const struct sprout_optimum best = optimum(&one, 1, SPROUT_GOAL_FLOOR, 3 + 1e-6);
    assert_false(best.feasible);
    MIX_IS(0, 0, 0, 1, 0);
    is(best.quality, 3);
}

static void a_miss_within_the_tolerance_is_no_miss(void **state)
{
    (void)state;
    const struct sprout_item one = ITEM(1, cost3, quality3);
    assert_true(optimum(&one, 1, SPROUT_GOAL_FLOOR, 3 + 0.5e-9).feasible);
    assert_false(optimum(&one, 1, SPROUT_GOAL_FLOOR, 3 + 1e-8).feasible);
    assert_true(optimum(&one, 1, SPROUT_GOAL_BUDGET, 1 - 0.5e-9).feasible);
    assert_false(optimum(&one, 1, SPROUT_GOAL_BUDGET, 1 - 1e-8).feasible);
}

static void small_numbers_are_not_within_the_tolerance_of_each_other(void **state)
{
    (void)state;
    const double cost[] = {4e-12, 1e-12}, quality[] = {3e-12, 1e-12};
    const struct sprout_item one = ITEM(1, cost, quality);
    assert_false(optimum(&one, 1, SPROUT_GOAL_FLOOR, 3.1e-12).feasible);
    optimum(&one, 1, SPROUT_GOAL_FLOOR, 2e-12);
    MIX_IS(0, 0.5, 0.5);
}

static void a_budget_buys_the_quality_it_can(void **state)
{
    (void)state;
    const struct sprout_item one = ITEM(2, cost3, quality3);
    struct sprout_optimum best = optimum(&one, 1, SPROUT_GOAL_BUDGET, 6);
    MIX_IS(0, 0.5, 0.5, 0);
    is(best.price, 2);
    is(best.cost, 6);

    best = optimum(&one, 1, SPROUT_GOAL_BUDGET, 100);
    MIX_IS(0, 1, 0, 0);
    is(best.price, 0);

    best = optimum(&one, 1, SPROUT_GOAL_BUDGET, 2);
    assert_true(best.feasible);
    MIX_IS(0, 0, 0, 1);
    is(best.price, 1); /* what the next unit of quality would cost */

    best = optimum(&one, 1, SPROUT_GOAL_BUDGET, 1);
    assert_false(best.feasible);
    MIX_IS(0, 0, 0, 1);
}

static void of_equal_costs_the_better_wins_and_then_the_first(void **state)
{
    (void)state;
    const double cost[] = {1, 1, 1, 2}, quality[] = {1, 2, 2, 3};
    const struct sprout_item one = ITEM(1, cost, quality);
    optimum(&one, 1, SPROUT_GOAL_FLOOR, 0);
    MIX_IS(0, 0, 1, 0, 0);
    optimum(&one, 1, SPROUT_GOAL_FLOOR, 2.5);
    MIX_IS(0, 0, 0.5, 0, 0.5);
}

static void of_equal_slopes_the_first_item_moves_first(void **state)
{
    (void)state;
    const double cost[] = {2, 1}, quality[] = {2, 1};
    const struct sprout_item items[] = {ITEM(1, cost, quality), ITEM(1, cost, quality)};
    optimum(items, 2, SPROUT_GOAL_FLOOR, 3.25);
    MIX_IS(0, 1, 0);
    MIX_IS(1, 0.25, 0.75);
}

/* More steps than are sorted at once: split at pivots that all tie. */
static void of_many_equal_slopes_the_first_items_move_first(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static const double cost[] = {2, 1}, quality[] = {2, 1};
    static struct sprout_item items[MANY];
    static double shares[MANY][2];
    static double *many[MANY];
    static char block[1 << 16];
    for (size_t i = 0; i < MANY; i++) {
        items[i] = ITEM(i % 7 == 3 ? 0 : 1, cost, quality);
        many[i] = shares[i];
    }
    size_t weighty = 0;
    for (size_t i = 0; i < MANY; i++) {
        weighty += i % 7 != 3;
    }
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    struct sprout_optimum best;
    assert_int_equal(sprout_optimize(items, MANY, SPROUT_GOAL_FLOOR,
                                     (double)weighty + 50.5, &scratch, many, &best, NULL),
                     SPROUT_OK);
    is(best.cost, (double)weighty + 50.5);
    size_t before = 0;
    for (size_t i = 0; i < MANY; i++) {
        if (i % 7 != 3) {
            is(shares[i][0], before < 50 ? 1 : before == 50 ? 0.5 : 0);
            before++;
        }
        is(shares[i][0] + shares[i][1], 1);
    }
}

static void options_on_one_line_are_skipped_for_its_ends(void **state)
{
    (void)state;
    const double cost[] = {3, 2, 1}, quality[] = {3, 2, 1};
    const struct sprout_item one = ITEM(1, cost, quality);
    optimum(&one, 1, SPROUT_GOAL_FLOOR, 2);
    MIX_IS(0, 0.5, 0, 0.5);
}

static void an_item_of_weight_zero_is_solved_at_the_same_price(void **state)
{
    (void)state;
    const double cost[] = {9, 4, 1}, quality[] = {3, 2, 1}; /* slopes 3 and 5 */
    const struct sprout_item items[] = {ITEM(0, cost, quality), ITEM(1, cost, quality)};
    struct sprout_optimum best = optimum(items, 2, SPROUT_GOAL_FLOOR, 2.5);
    is(best.price, 5);
    is(best.cost, 6.5);
    for (size_t l = 0; l < 3; l++) { /* no option is cheaper at that price */
        const double at_price = cost[l] - best.price * quality[l];
        double of_mix = 0;
        for (size_t k = 0; k < 3; k++) {
            of_mix += mixes[0][k] * (cost[k] - best.price * quality[k]);
        }
        assert_true(of_mix <= at_price + 1e-12);
    }
    best = optimum(items, 1, SPROUT_GOAL_FLOOR, 0);
    assert_true(best.feasible);
    MIX_IS(0, 0, 0, 1);
    best = optimum(items, 1, SPROUT_GOAL_FLOOR, 0.1);
    assert_false(best.feasible);
    MIX_IS(0, 1, 0, 0);
}

static void a_single_option_and_no_item_at_all_have_answers(void **state)
{
    (void)state;
    const double cost[] = {-7}, quality[] = {0.5};
    const struct sprout_item one = ITEM(1, cost, quality);
    assert_true(optimum(&one, 1, SPROUT_GOAL_FLOOR, 0.5).feasible);
    MIX_IS(0, 1);
    assert_false(optimum(&one, 1, SPROUT_GOAL_FLOOR, 0.6).feasible);
    assert_true(optimum(NULL, 0, SPROUT_GOAL_FLOOR, 0).feasible);
    assert_false(optimum(NULL, 0, SPROUT_GOAL_FLOOR, 1).feasible);
}

static void weights_of_very_different_size_are_all_heard(void **state)
{
    (void)state;
    const double cost[] = {2, 1}, quality[] = {2, 1};
    const double dear[] = {3, 1};
    const struct sprout_item items[] = {ITEM(1e9, cost, quality), ITEM(1, dear, quality)};
    const struct sprout_optimum best = optimum(items, 2, SPROUT_GOAL_FLOOR, 2e9 + 1.5);
    MIX_IS(0, 1, 0);
    assert_float_equal((float)mixes[1][0], 0.5F, 1e-6F);
    is(best.price, 2);
}

static void extreme_numbers_give_numbers(void **state)
{
    (void)state;
    const double cost[] = {1e100, -1e100}, quality[] = {1e-300, 0};
    const struct sprout_item one = ITEM(1e100, cost, quality);
    const struct sprout_optimum best = optimum(&one, 1, SPROUT_GOAL_FLOOR, 1e-201);
    assert_true(isfinite(best.cost) && isfinite(best.quality) && isfinite(best.price));
    is(mixes[0][0] + mixes[0][1], 1);
}

static void refused(const struct sprout_item *items, size_t n, double bound,
                    const char *path)
{
    struct sprout_optimum best = {.cost = 42};
    struct sprout_error err = {0};
    mixes[0][0] = 42;
    assert_int_equal(solve(items, n, SPROUT_GOAL_FLOOR, bound, &best, &err),
                     SPROUT_INVALID);
    assert_non_null(strstr(err.message, path));
    is(best.cost, 42);
    is(mixes[0][0], 42);
}

static void wrong_numbers_are_refused_by_name_and_nothing_is_written(void **state)
{
    (void)state;
    const double nan_cost[] = {1, NAN}, ok[] = {1, 2}, inf_quality[] = {1, INFINITY};
    struct sprout_item items[] = {ITEM(1, ok, ok), ITEM(1, nan_cost, ok)};
    refused(items, 2, 1, "items[1].cost[1]");
    items[1] = ITEM(1, ok, inf_quality);
    refused(items, 2, 1, "items[1].quality[1]");
    items[1] = ITEM(-1, ok, ok);
    refused(items, 2, 1, "items[1].weight");
    items[1] = (struct sprout_item){.weight = 1};
    refused(items, 2, 1, "items[1]: found no options");
    refused(items, 1, NAN, "bound");
}

static void too_little_scratch_is_a_status(void **state)
{
    (void)state;
    const struct sprout_item one = ITEM(1, cost3, quality3);
    char block[1024];
    const size_t enough = sprout_optimize_scratch(1, 3);
    assert_true(enough <= sizeof block);
    struct sprout_optimum best;
    struct sprout_arena scratch = sprout_arena_of(block + 1, enough);
    assert_int_equal(
        sprout_optimize(&one, 1, SPROUT_GOAL_FLOOR, 2, &scratch, mix, &best, NULL),
        SPROUT_OK);
    scratch = sprout_arena_of(block, 64);
    assert_int_equal(
        sprout_optimize(&one, 1, SPROUT_GOAL_FLOOR, 2, &scratch, mix, &best, NULL),
        SPROUT_NO_MEMORY);
}

static void each_option_has_its_reason(void **state)
{
    (void)state;
    /*                       L0 is dear; 1 and 2 are mixed; 3 is too poor; 4 lies above the
     *                       line from 1 to 2; 5 is worse than 1 in both. */
    const double cost[] = {10, 4, 2, 1, 3.5, 5}, quality[] = {3, 2.5, 2, 1, 2.25, 2.4};
    const struct sprout_item one = ITEM(1, cost, quality);
    optimum(&one, 1, SPROUT_GOAL_FLOOR, 2.25);
    assert_int_equal(sprout_optimize_why(&one, mixes[0], 0), SPROUT_OPTION_TOO_DEAR);
    assert_int_equal(sprout_optimize_why(&one, mixes[0], 1), SPROUT_OPTION_ACTIVE);
    assert_int_equal(sprout_optimize_why(&one, mixes[0], 2), SPROUT_OPTION_ACTIVE);
    assert_int_equal(sprout_optimize_why(&one, mixes[0], 3), SPROUT_OPTION_TOO_LITTLE);
    assert_int_equal(sprout_optimize_why(&one, mixes[0], 4), SPROUT_OPTION_MIXED_OUT);
    assert_int_equal(sprout_optimize_why(&one, mixes[0], 5), SPROUT_OPTION_DOMINATED);
    assert_string_equal(sprout_option_why_text(SPROUT_OPTION_ACTIVE), "in the mix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_between_two_options_splits_the_item),
        cmocka_unit_test(a_floor_below_the_cheapest_does_not_bind_and_has_no_price),
        cmocka_unit_test(a_floor_exactly_attainable_is_attained_without_a_split),
        cmocka_unit_test(infeasible_gives_the_greatest_quality_at_its_least_cost),
        cmocka_unit_test(a_miss_within_the_tolerance_is_no_miss),
        cmocka_unit_test(small_numbers_are_not_within_the_tolerance_of_each_other),
        cmocka_unit_test(a_budget_buys_the_quality_it_can),
        cmocka_unit_test(of_equal_costs_the_better_wins_and_then_the_first),
        cmocka_unit_test(of_equal_slopes_the_first_item_moves_first),
        cmocka_unit_test(of_many_equal_slopes_the_first_items_move_first),
        cmocka_unit_test(options_on_one_line_are_skipped_for_its_ends),
        cmocka_unit_test(an_item_of_weight_zero_is_solved_at_the_same_price),
        cmocka_unit_test(a_single_option_and_no_item_at_all_have_answers),
        cmocka_unit_test(weights_of_very_different_size_are_all_heard),
        cmocka_unit_test(extreme_numbers_give_numbers),
        cmocka_unit_test(wrong_numbers_are_refused_by_name_and_nothing_is_written),
        cmocka_unit_test(too_little_scratch_is_a_status),
        cmocka_unit_test(each_option_has_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
