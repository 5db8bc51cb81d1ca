/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/floor: the paper's rule and what it leaves open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/floor.h"

static void check(struct sprout_floor f, double v, enum sprout_floor_case why)
{
    if (!(fabs(f.v - v) <= 1e-15)) {
        fail_msg("found %.17g, expected %.17g", f.v, v);
    }
    assert_int_equal(f.why, why);
}

static struct sprout_floor paper(double now, double lo, double hi)
{
    return sprout_floor_paper(0.1, (sprout_g_per_kwh){now}, (sprout_g_per_kwh){lo},
                              (sprout_g_per_kwh){hi});
}

static void the_cleanest_hour_gives_nothing_up_and_the_dirtiest_xi(void **state)
{
    (void)state;
    check(paper(100, 100, 300), 1, SPROUT_FLOOR_CASE_RANGE);
    check(paper(200, 100, 300), 0.95, SPROUT_FLOOR_CASE_RANGE);
    check(paper(300, 100, 300), 0.9, SPROUT_FLOOR_CASE_RANGE);
}

static void a_value_outside_the_history_counts_as_its_extreme(void **state)
{
    (void)state;
    check(paper(50, 100, 300), 1, SPROUT_FLOOR_CASE_RANGE);
    check(paper(900, 100, 300), 0.9, SPROUT_FLOOR_CASE_RANGE);
}

static void without_a_range_half_of_xi_may_be_given_up(void **state)
{
    (void)state;
    check(paper(473, 473, 473), 0.95, SPROUT_FLOOR_CASE_NO_RANGE);
    check(paper(473, NAN, NAN), 0.95, SPROUT_FLOOR_CASE_NO_RANGE);
    check(paper(0, 0, 0), 0.95, SPROUT_FLOOR_CASE_NO_RANGE);
    check(paper(473, 500, 400), 0.95, SPROUT_FLOOR_CASE_NO_RANGE);
}

static void an_unknown_grid_gives_nothing_up(void **state)
{
    (void)state;
    check(paper(NAN, 100, 300), 1, SPROUT_FLOOR_CASE_GRID_UNKNOWN);
    check(paper(NAN, NAN, NAN), 1, SPROUT_FLOOR_CASE_GRID_UNKNOWN);
}

static void a_fixed_floor_is_what_it_says(void **state)
{
    (void)state;
    check(sprout_floor_fixed(0.9), 0.9, SPROUT_FLOOR_CASE_FIXED);
}

static void every_case_says_itself(void **state)
{
    (void)state;
    assert_string_equal(sprout_floor_case_text(SPROUT_FLOOR_CASE_FIXED), "fixed");
    assert_non_null(strstr(sprout_floor_case_text(SPROUT_FLOOR_CASE_RANGE), "k0_max"));
    assert_non_null(
        strstr(sprout_floor_case_text(SPROUT_FLOOR_CASE_NO_RANGE), "1 - xi / 2"));
    assert_non_null(
        strstr(sprout_floor_case_text(SPROUT_FLOOR_CASE_GRID_UNKNOWN), "no grid value"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cleanest_hour_gives_nothing_up_and_the_dirtiest_xi),
        cmocka_unit_test(a_value_outside_the_history_counts_as_its_extreme),
        cmocka_unit_test(without_a_range_half_of_xi_may_be_given_up),
        cmocka_unit_test(an_unknown_grid_gives_nothing_up),
        cmocka_unit_test(a_fixed_floor_is_what_it_says),
        cmocka_unit_test(every_case_says_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
