/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of what an evaluation costs and how big it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/evaluation.h"

static const struct sprout_belief levels[] = {
    {.energy = {1000}, .time = {5}, .output_tokens = 200},
    {.energy = {300}, .time = {2}, .output_tokens = 60},
    {.energy = {100}, .time = {1}, .output_tokens = 20},
};

static struct sprout_evaluation_price price(enum sprout_judge_form form)
{
    return sprout_evaluation_price(levels, 3, form, &sprout_energy_llama2_13b, 50);
}

static void answers_and_judge_are_both_counted(void **state)
{
    (void)state;
    const struct sprout_evaluation_price none = price(SPROUT_JUDGE_NONE);
    const struct sprout_evaluation_price best = price(SPROUT_JUDGE_BEST_OF);
    const struct sprout_evaluation_price pair = price(SPROUT_JUDGE_PAIRWISE);
    /* It reads prompt, criteria and three answers, 490 tokens, and writes 12. */
    const double once = -3.5 + 0.043 * 490 + 5.87 * 12;

    assert_true(none.answers.v == 1400 && none.judge.v == 0 && none.questions == 0);
    assert_true(none.tokens == 3 * 50 + 280);
    assert_true(best.answers.v == 1400 && best.questions == 2);
    assert_true(fabs(best.judge.v - 2 * once) < 0.5);
    assert_int_equal(pair.questions, 4);
    assert_true(pair.judge.v < 2 * best.judge.v); /* two answers a question, not three */
    assert_true(best.time.v > 8);
}

static int64_t size(double share, double served, double spent, double one)
{
    return sprout_evaluation_size(share, (sprout_joules){served}, (sprout_joules){spent},
                                  (sprout_joules){one}, 1000);
}

static void the_size_follows_the_traffic_and_what_was_spent(void **state)
{
    (void)state;
    assert_int_equal(size(0.01, 1e6, 0, 1500), 6);
    assert_int_equal(size(0.01, 1e6, 9000, 1500), 0); /* two thirds of a prompt */
    assert_int_equal(size(0.01, 1e9, 0, 1500), 1000);
    assert_int_equal(size(0.01, 0, 0, 1500), 0);
    assert_int_equal(size(0, 1e9, 0, 1500), 0);
    assert_int_equal(size(0.01, 1e6, 20000, 1500), 0); /* more than its share: none */
}

static void what_is_not_known_is_not_spent(void **state)
{
    (void)state;
    assert_int_equal(size(0.01, NAN, 0, 1500), 0);
    assert_int_equal(size(0.01, 1e6, NAN, 1500), 0);
    assert_int_equal(size(0.01, 1e6, 0, NAN), 0);
    assert_int_equal(size(0.01, 1e6, 0, 0), 0);
    assert_int_equal(size(0.01, INFINITY, 0, 1500), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_judge_are_both_counted),
        cmocka_unit_test(the_size_follows_the_traffic_and_what_was_spent),
        cmocka_unit_test(what_is_not_known_is_not_spent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
