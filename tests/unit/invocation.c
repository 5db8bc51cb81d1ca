/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the invocation's rule, and the authors' own evaluation hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "adapt/evaluations.h"
#include "core/invocation.h"

static bool due(int64_t since, double two_ago, double one_ago, double now, double mean)
{
    const sprout_g_per_kwh recent[3] = {{two_ago}, {one_ago}, {now}};
    return sprout_invocation_due(&sprout_invocation_paper, since, recent,
                                 (sprout_g_per_kwh){mean});
}

static void a_clean_hour_just_past_the_minimum_is_taken(void **state)
{
    (void)state;
    assert_true(due(10, 200, 100, 110, 300));
    assert_false(due(10, 200, 100, 80, 300));  /* still falling */
    assert_false(due(10, 100, 100, 110, 300)); /* k' rises where the grid is level */
}

static void an_hour_dirtier_than_the_mean_is_not(void **state)
{
    (void)state;
    assert_true(due(10, 200, 100, 110, 110));
    assert_false(due(10, 200, 100, 110, 109.9));
}

static void nothing_is_judged_again_within_the_shortest_wait(void **state)
{
    (void)state;
    assert_false(due(6, 200, 100, 110, 300));
    assert_true(due(7, 200, 100, 110, 300));
}

static void the_deadline_holds_whatever_the_grid_does(void **state)
{
    (void)state;
    assert_false(due(71, 100, 200, 900, 100));
    assert_true(due(72, 100, 200, 900, 100));
    assert_true(due(72, NAN, NAN, NAN, NAN));
    assert_false(due(71, NAN, NAN, NAN, NAN));
}

static size_t count_wrong_hours(const struct sprout_evaluations *e)
{
    sprout_g_per_kwh mean = {0};
    size_t wrong = 0, last = 0;

    for (size_t h = 0; h < e->hours; h++) {
        mean.v += e->hour[h].ci.v / (double)e->hours;
    }
    for (size_t h = 2; h < e->hours; h++) {
        const sprout_g_per_kwh recent[3] = {e->hour[h - 2].ci, e->hour[h - 1].ci,
                                            e->hour[h].ci};
        const bool taken = sprout_invocation_due(&sprout_invocation_paper,
                                                 (int64_t)(h - last), recent, mean);
        wrong += taken != e->hour[h].evaluated;
        last = taken ? h : last;
    }
    return wrong;
}

static void the_published_evaluation_hours_come_out_hour_for_hour(void **state)
{
    (void)state;
    static const char *const zones[] = {"US-TEX-ERCO", "US-CAL-CISO", "AU-SA", "NL",
                                        "GB"};
    if (access("../shared/data/paper", R_OK) != 0) {
        print_message("skipped: ../shared/data/paper is not here\n");
        skip();
    }
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        char path[128];
        struct sprout_evaluations e;
        struct sprout_error err;
        snprintf(path, sizeof path, "../shared/data/paper/%s_feb.json", zones[z]);
        if (sprout_evaluations_read(path, &e, &err) != SPROUT_OK) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(e.hours, 720);
        assert_int_equal(count_wrong_hours(&e), 0);
        sprout_evaluations_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_hour_just_past_the_minimum_is_taken),
        cmocka_unit_test(an_hour_dirtier_than_the_mean_is_not),
        cmocka_unit_test(nothing_is_judged_again_within_the_shortest_wait),
        cmocka_unit_test(the_deadline_holds_whatever_the_grid_does),
        cmocka_unit_test(the_published_evaluation_hours_come_out_hour_for_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
