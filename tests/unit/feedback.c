/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of feedback over strata, and of signs: what is noticed, how often wolf is cried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "control/signs.h"
#include "draw.h"

enum { STRATA = 6, SECOND = 1 };

static uint64_t state = 1;

static double uniform(void)
{
    return draw_unit(&state);
}

static sprout_instant second(double s)
{
    return (sprout_instant){(int64_t)(s * 1e9)};
}

static const char *const strata[STRATA] = {"a", "b", "c", "d", "e", "f"};

/* A rating of a random stratum and level; `bad` of the level in question in stratum f, 10 %
 * of all others. */
static void rate(struct sprout_feedback *f, double held, double bad, double at)
{
    const int stratum = (int)(uniform() * STRATA);
    const bool holdout = uniform() < held, l2 = uniform() < 0.5;
    const bool annoying = !holdout && l2 && stratum == STRATA - 1;
    const struct sprout_store_feedback r = {
        .stratum = sprout_str_of(strata[stratum]),
        .level = sprout_str_of(holdout ? "L0"
                               : l2    ? "L2"
                                       : "L1"),
        .arm = sprout_str_of(holdout ? "holdout" : "mix"),
        .value = uniform() < (annoying ? bad : 0.1) ? -1 : 1,
        .at = second(at),
    };
    sprout_feedback_add(f, &r);
}

static const char *const levels[] = {"L0", "L1", "L2"};

static void dislike_in_one_stratum_is_noticed_among_twelve_pairs(void **s)
{
    (void)s;
    const int times = draw_runs(200);
    int heard = 0, others = 0;
    for (int i = 0; i < times; i++) {
        struct sprout_feedback f = {0};
        /* 2000 rated conversations of stratum f at L2 and of its holdout, more or less */
        for (int n = 0; n < 2000 * STRATA * 4 / 3; n++) {
            rate(&f, 0.5, 0.3, n);
        }
        heard += sprout_feedback_disliked(&f, "f", levels, 3) == 4;
        others += f.raised > 1;
    }
    print_message("%d of %d heard, %d with another alarm\n", heard, times, others);
    assert_true(heard >= times * 95 / 100);
    assert_true(others * 20 <= times);
}

/* A hundred ratings a day over six strata and two levels, and one looks after each. */
static void all_pairs_together_cry_wolf_in_less_than_five_years_of_a_hundred(void **s)
{
    (void)s;
    const int times = draw_runs(300);
    int cried = 0;
    for (int i = 0; i < times; i++) {
        struct sprout_feedback f = {0};
        for (int n = 0; n < 36500; n++) {
            rate(&f, 0.2, 0.1, n);
        }
        cried += f.raised > 0;
    }
    print_message("%d false alarms in %d years\n", cried, times);
    assert_true(cried * 20 <= times);
}

static void an_evaluation_answers_an_alarm_and_a_new_test_begins(void **s)
{
    (void)s;
    struct sprout_feedback f = {0};
    for (int n = 0; n < 20000; n++) {
        rate(&f, 0.5, 0.3, n);
    }
    assert_int_equal(sprout_feedback_disliked(&f, "f", levels, 3), 4);
    assert_int_equal(sprout_feedback_disliked(&f, "a", levels, 3), 0);
    f.judged_at = second(20000);
    assert_int_equal(sprout_feedback_disliked(&f, "f", levels, 3), 0);
    const int64_t tests = f.tests;
    for (int n = 20001; n < 21000; n++) {
        rate(&f, 0.5, 0.1, n);
    }
    assert_int_equal(f.raised, 0);
    assert_int_equal(f.tests, tests + 1);
    for (int n = 21001; n < 41000; n++) {
        rate(&f, 0.5, 0.3, n);
    }
    assert_int_equal(sprout_feedback_disliked(&f, "f", levels, 3), 4);
}

/* ---- signs ----------------------------------------------------------------------------- */

static struct sprout_signs *signs;

static int begin(void **s)
{
    (void)s;
    return sprout_signs_new(&signs, NULL) == SPROUT_OK ? 0 : -1;
}

static int end(void **s)
{
    (void)s;
    sprout_signs_free(signs);
    return 0;
}

static void serve(int64_t conversation, double began, int64_t bytes, bool holdout)
{
    const struct sprout_store_turn t = {
        .conversation = conversation,
        .began = second(began),
        .ended = second(began + SECOND),
        .bytes = bytes,
        .ok = true,
        .stratum = SPROUT_STR("all"),
        .level = sprout_str_of(holdout ? "L0" : "L2"),
        .arm = sprout_str_of(holdout ? "holdout" : "mix"),
    };
    sprout_signs_add(signs, &t);
}

static void only_who_comes_back_soon_with_no_less_is_a_sign(void **s)
{
    (void)s;
    serve(1, 0, 100, false);
    serve(2, 0, 100, false);
    serve(3, 0, 100, false);
    serve(4, 0, 100, false);
    serve(1, 10, 300, false); /* longer */
    serve(2, 20, 100, false); /* the same again */
    serve(3, 30, 50, false);  /* something else */
    serve(4, 90, 300, false); /* too late */
    serve(1, 20, 500, false); /* its first answer was all that counts */
    assert_int_equal(signs->returned, 1);
    assert_int_equal(signs->repeated, 1);
    assert_int_equal(signs->feedback.ratings, 4);
    assert_int_equal(signs->feedback.cells, 1);
    assert_true(signs->feedback.cell[0].alarm.bad[1] == 2);
    serve(5, 100, 100, false); /* never comes back */
    sprout_signs_settle(signs, second(200));
    assert_int_equal(signs->feedback.ratings, 4);
    sprout_signs_settle(signs, second(2000));
    assert_int_equal(signs->feedback.ratings, 5);
}

static void more_conversations_than_it_remembers_do_no_harm(void **s)
{
    (void)s;
    for (int64_t i = 0; i < 200000; i++) {
        serve(i * 977, (double)i / 1000, 100, i % 2 == 0);
    }
    sprout_signs_settle(signs, second(1e6));
    assert_int_equal(signs->returned + signs->repeated, 0);
    assert_true(signs->feedback.ratings > 0);
}

static void people_who_come_back_after_short_answers_raise_an_alarm(void **s)
{
    (void)s;
    for (int64_t i = 0; i < 4000; i++) {
        const bool holdout = i % 2 == 0;
        serve(i, (double)i, 100, holdout);
        if (uniform() < (holdout ? 0.1 : 0.3)) {
            serve(i, (double)i + 5, 200, holdout);
        }
    }
    assert_int_equal(signs->feedback.raised, 1);
}

static void people_who_come_back_alike_raise_none(void **s)
{
    (void)s;
    for (int64_t i = 0; i < 20000; i++) {
        const bool holdout = i % 10 == 0;
        serve(i, (double)i, 100, holdout);
        if (uniform() < 0.4) {
            serve(i, (double)i + 5, 200, holdout);
        }
    }
    assert_true(signs->feedback.ratings > 19000);
    assert_int_equal(signs->feedback.raised, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dislike_in_one_stratum_is_noticed_among_twelve_pairs),
        cmocka_unit_test(
            all_pairs_together_cry_wolf_in_less_than_five_years_of_a_hundred),
        cmocka_unit_test(an_evaluation_answers_an_alarm_and_a_new_test_begins),
        cmocka_unit_test_setup_teardown(only_who_comes_back_soon_with_no_less_is_a_sign,
                                        begin, end),
        cmocka_unit_test_setup_teardown(more_conversations_than_it_remembers_do_no_harm,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            people_who_come_back_after_short_answers_raise_an_alarm, begin, end),
        cmocka_unit_test_setup_teardown(people_who_come_back_alike_raise_none, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
