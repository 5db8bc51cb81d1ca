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

/* ---- ours ------------------------------------------------------------------------------ */

static struct sprout_invocation_wait wait_of(int64_t since, double now,
                                             const double *ahead, size_t count,
                                             double worth)
{
    sprout_g_per_kwh values[80];
    for (size_t i = 0; i < count; i++) {
        values[i].v = ahead[i];
    }
    return sprout_invocation_wait(&sprout_invocation_paper, since,
                                  (sprout_g_per_kwh){now}, values, count,
                                  (sprout_g_per_kwh){NAN}, (sprout_g_per_kwh){worth});
}

static void the_cleanest_foretold_hour_is_waited_for(void **state)
{
    (void)state;
    const double ahead[] = {290, 120, 100, 100, 250};
    const struct sprout_invocation_wait w = wait_of(10, 300, ahead, 5, 0);
    assert_int_equal(w.best, 3); /* the earliest of equals */
    assert_true(w.value.v == 100);
    assert_int_equal(w.most, 62);
    assert_int_equal(wait_of(10, 99, ahead, 5, 0).best, 0);
}

static void what_is_worth_more_is_asked_sooner(void **state)
{
    (void)state;
    const double ahead[] = {280, 260, 200, 190, 185, 150};
    int64_t last = 80;
    for (double worth = 0; worth < 100; worth += 0.5) {
        const int64_t best = wait_of(10, 300, ahead, 6, worth).best;
        assert_true(best <= last);
        last = best;
    }
    assert_int_equal(wait_of(10, 300, ahead, 6, 0).best, 6);
    assert_int_equal(last, 0);
    assert_int_equal(wait_of(10, 300, ahead, 6, INFINITY).best, 0);
    assert_int_equal(wait_of(10, 300, ahead, 6, NAN).best, 6);
}

static void neither_too_soon_nor_too_late_whatever_it_is_worth(void **state)
{
    (void)state;
    double ahead[80];
    for (int i = 0; i < 80; i++) {
        ahead[i] = 300 - i; /* ever cleaner */
    }
    assert_int_equal(wait_of(2, 301, ahead, 80, INFINITY).best, 5); /* the 7th hour */
    assert_int_equal(wait_of(2, 301, ahead, 80, 0).best, 70);
    assert_int_equal(wait_of(71, 301, ahead, 80, 0).best, 1);
    for (int64_t since = 72; since < 75; since++) {
        assert_int_equal(wait_of(since, 301, ahead, 80, 0).best, 0);
    }
    assert_int_equal(wait_of(0, 301, ahead, 80, NAN).most, 72);
}

static void hours_nobody_foretells_are_left_out(void **state)
{
    (void)state;
    const double gap[] = {NAN, 120, NAN}, none[] = {NAN, NAN};
    assert_int_equal(wait_of(10, 300, gap, 3, 0).best, 2);
    assert_int_equal(wait_of(10, NAN, gap, 3, 0).best, 2);
    assert_int_equal(wait_of(10, 300, none, 2, INFINITY).best, 62);
    assert_true(isnan(wait_of(10, 300, none, 2, 0).value.v));
    assert_int_equal(wait_of(10, NAN, none, 0, 0).best, 62);
}

static void a_dirty_hour_is_not_taken_whatever_it_is_worth(void **state)
{
    (void)state;
    const sprout_g_per_kwh ahead[] = {{220}, {200}, {150}};
    const sprout_g_per_kwh now = {300}, all = {INFINITY};
    const struct sprout_invocation_rule *const rule = &sprout_invocation_paper;
    assert_int_equal(
        sprout_invocation_wait(rule, 10, now, ahead, 3, (sprout_g_per_kwh){200}, all)
            .best,
        2);
    assert_int_equal(
        sprout_invocation_wait(rule, 10, now, ahead, 3, (sprout_g_per_kwh){100}, all)
            .best,
        62);
    assert_int_equal(
        sprout_invocation_wait(rule, 72, now, ahead, 3, (sprout_g_per_kwh){100}, all)
            .best,
        0);
}

static double worth(double requests, double caution, double known, double more)
{
    const struct sprout_invocation_stake s = {
        requests, {caution}, known, more, {more * 3600}};
    return sprout_invocation_worth(&s).v;
}

static void the_worth_follows_traffic_width_and_what_is_known(void **state)
{
    (void)state;
    /* 100 requests, 0.01 g each, half of the width away: 0.5 g an hour; 0.3 kWh. */
    assert_true(fabs(worth(100, 0.01, 100, 300) - 0.5 / 0.3) < 1e-12);
    assert_true(worth(200, 0.01, 100, 300) > worth(100, 0.01, 100, 300));
    assert_true(worth(100, 0.02, 100, 300) > worth(100, 0.01, 100, 300));
    assert_true(worth(100, 0.01, 200, 300) < worth(100, 0.01, 100, 300));
    assert_true(worth(100, 0, 100, 300) == 0 && worth(0, 0.01, 100, 300) == 0);
    assert_true(isinf(worth(100, NAN, 30, 300)));
    assert_true(worth(100, NAN, 30, 0) == 0);
}

/* ---- the authors' hours ---------------------------------------------------------------- */

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
        cmocka_unit_test(the_cleanest_foretold_hour_is_waited_for),
        cmocka_unit_test(what_is_worth_more_is_asked_sooner),
        cmocka_unit_test(neither_too_soon_nor_too_late_whatever_it_is_worth),
        cmocka_unit_test(hours_nobody_foretells_are_left_out),
        cmocka_unit_test(a_dirty_hour_is_not_taken_whatever_it_is_worth),
        cmocka_unit_test(the_worth_follows_traffic_width_and_what_is_known),
        cmocka_unit_test(the_published_evaluation_hours_come_out_hour_for_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
