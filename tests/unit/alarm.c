/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the alarm: it hears what it should, and cries wolf as rarely as it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "core/alarm.h"
#include "draw.h"

/* A twentieth of 5 %: what is left for one of many strata and levels. */
#define ALPHA 0.0025

static uint64_t state = 1;

static double uniform(void)
{
    return draw_unit(&state);
}

static int raised(int times, int ratings, double held, double treated_bad,
                  double holdout_bad, double alpha)
{
    int count = 0;
    for (int i = 0; i < times; i++) {
        struct sprout_alarm a = {0};
        for (int n = 0; n < ratings; n++) {
            const bool treated = uniform() >= held;
            sprout_alarm_add(&a, treated,
                             uniform() < (treated ? treated_bad : holdout_bad) ? 1 : 0);
        }
        count += sprout_alarm_raised(&a, alpha);
    }
    return count;
}

static void thirty_percent_against_ten_is_noticed_within_2000_ratings(void **s)
{
    (void)s;
    const int times = draw_runs(500);
    const int heard = raised(times, 2000, 0.5, 0.3, 0.1, ALPHA);
    const int early = raised(times, 500, 0.5, 0.3, 0.1, ALPHA);
    print_message("%d of %d heard within 2000 ratings, %d within 500\n", heard, times,
                  early);
    assert_true(heard >= times * 95 / 100);
}

/* A hundred ratings a day, a tenth of them of the holdout, and one looks after each. */
static void false_alarms_over_a_year_stay_under_five_percent(void **s)
{
    (void)s;
    const int times = draw_runs(500);
    const int cried = raised(times, 36500, 0.1, 0.1, 0.1, 0.05);
    const int half = raised(times, 36500, 0.5, 0.3, 0.3, 0.05);
    print_message("%d and %d false alarms in %d years\n", cried, half, times);
    assert_true(cried * 20 <= times);
    assert_true(half * 20 <= times);
}

static void nothing_is_said_of_one_arm_alone(void **s)
{
    (void)s;
    struct sprout_alarm a = {0};
    for (int n = 0; n < 1000; n++) {
        sprout_alarm_add(&a, true, 1);
    }
    assert_false(sprout_alarm_raised(&a, 0.5));
    assert_int_equal(a.n[1], 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thirty_percent_against_ten_is_noticed_within_2000_ratings),
        cmocka_unit_test(false_alarms_over_a_year_stay_under_five_percent),
        cmocka_unit_test(nothing_is_said_of_one_arm_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
