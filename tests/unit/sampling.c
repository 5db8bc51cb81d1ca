/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of how the prompts to judge are shared out among strata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/sampling.h"

static void the_share_follows_width_times_effect_times_traffic(void **state)
{
    (void)state;
    struct sprout_sampling s[] = {
        {.have = 100000, .traffic = 0.5, .stake = 0.1, .known = 40},
        {.have = 100000, .traffic = 0.5, .stake = 0.3, .known = 40},
        {.have = 100000, .traffic = 0.25, .stake = 0.3, .known = 40},
    };
    sprout_sampling_share(s, 3, 10000);
    assert_int_equal(s[0].take + s[1].take + s[2].take, 10000);
    /* known + take as 0.05 : 0.15 : 0.075, beyond what was dealt evenly. */
    const double all = 10120;
    assert_true(fabs((40 + (double)s[0].take) / all - 0.05 / 0.275) < 0.001);
    assert_true(fabs((40 + (double)s[1].take) / all - 0.15 / 0.275) < 0.001);
    assert_true(fabs((40 + (double)s[2].take) / all - 0.075 / 0.275) < 0.001);
}

static void what_is_known_well_gets_less_until_the_others_are(void **state)
{
    (void)state;
    /* Stake is the width now: of the same spread, 400 comparisons make it half of 100. */
    struct sprout_sampling s[] = {
        {.have = 1000, .traffic = 1, .stake = 0.10, .known = 100},
        {.have = 1000, .traffic = 1, .stake = 0.05, .known = 400},
    };
    sprout_sampling_share(s, 2, 300);
    assert_true(s[0].take > 250);
    sprout_sampling_share(s, 2, 1500);
    const int64_t off = (s[0].take + 100) - (s[1].take + 400);
    assert_true(off >= -1 && off <= 1);
}

static void every_stratum_keeps_a_minimum(void **state)
{
    (void)state;
    struct sprout_sampling s[] = {
        {.have = 1000, .traffic = 1, .stake = 1, .known = 30},
        {.have = 1000, .traffic = 0, .stake = 0, .known = 1e6},
        {.have = 1000, .traffic = 1e-3, .stake = 1e-3, .known = 1e6},
        {.have = 3, .traffic = 1, .stake = 0.1, .known = 30},
    };
    sprout_sampling_share(s, 4, 400);
    assert_int_equal(s[3].take, 3); /* all there are */
    assert_int_equal(s[1].take, 32);
    assert_int_equal(s[2].take, 32);
    assert_int_equal(s[0].take, 400 - 3 - 2 * 32);
}

static void there_are_no_more_than_there_are(void **state)
{
    (void)state;
    struct sprout_sampling s[] = {
        {.have = 5, .traffic = 1, .stake = 1, .known = 30},
        {.have = 7, .traffic = 1, .stake = 0, .known = 30},
        {.have = 0, .traffic = 1, .stake = 9, .known = 30},
    };
    sprout_sampling_share(s, 3, 100);
    assert_true(s[0].take == 5 && s[1].take == 7 && s[2].take == 0);
    sprout_sampling_share(s, 3, 0);
    assert_true(s[0].take == 0 && s[1].take == 0);
}

static void without_anything_at_stake_each_gets_its_proportion(void **state)
{
    (void)state;
    struct sprout_sampling s[] = {
        {.have = 300, .traffic = 0.75, .stake = 0, .known = 30},
        {.have = 100, .traffic = 0.25, .stake = 0, .known = 30},
    };
    sprout_sampling_share(s, 2, 200);
    assert_true(s[0].take == 150 && s[1].take == 50);
}

static void the_stake_grows_with_width_and_effect(void **state)
{
    (void)state;
    const struct sprout_quality few = {.alpha = {12, 9, 9}, .levels = 3};
    const struct sprout_quality many = {.alpha = {120, 90, 90}, .levels = 3};
    const double none[] = {1, 0, 0}, half[] = {0.5, 0.5, 0}, all[] = {0, 1, 0};

    assert_true(sprout_sampling_stake(&few, half) > sprout_sampling_stake(&many, half));
    assert_true(sprout_sampling_stake(&few, all) > sprout_sampling_stake(&few, half));
    assert_true(sprout_sampling_stake(&few, half) > sprout_sampling_stake(&few, none));
    assert_true(sprout_sampling_stake(&few, none) > 0); /* it may only look worse */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_follows_width_times_effect_times_traffic),
        cmocka_unit_test(what_is_known_well_gets_less_until_the_others_are),
        cmocka_unit_test(every_stratum_keeps_a_minimum),
        cmocka_unit_test(there_are_no_more_than_there_are),
        cmocka_unit_test(without_anything_at_stake_each_gets_its_proportion),
        cmocka_unit_test(the_stake_grows_with_width_and_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
