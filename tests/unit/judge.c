/* SPDX-License-Identifier: Apache-2.0 */
/* The judge's questions and replies: balanced orders, strict reading, nothing guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/judge.h"
#include "wire/judge_text.h"

static void every_level_stands_in_every_slot_equally_often(void **state)
{
    (void)state;
    for (int n = 2; n <= 5; n++) {
        for (int question = 0; question < 2; question++) {
            int seen[SPROUT_LEVELS_MAX][SPROUT_LEVELS_MAX] = {{0}};
            for (int64_t item = 0; item < n; item++) {
                uint8_t shown[SPROUT_LEVELS_MAX];
                assert_int_equal(
                    sprout_judge_order(SPROUT_JUDGE_BEST_OF, n, item, question, shown),
                    n);
                for (int s = 0; s < n; s++) {
                    seen[shown[s]][s]++;
                }
            }
            for (int l = 0; l < n; l++) {
                for (int s = 0; s < n; s++) {
                    assert_int_equal(seen[l][s], 1);
                }
            }
        }
    }
}

static void six_items_show_three_answers_in_all_six_orders(void **state)
{
    int seen[27] = {0}, kinds = 0;
    (void)state;
    for (int64_t item = 0; item < 6; item++) {
        uint8_t s[SPROUT_LEVELS_MAX];
        (void)sprout_judge_order(SPROUT_JUDGE_BEST_OF, 3, item, 0, s);
        kinds += seen[9 * s[0] + 3 * s[1] + s[2]]++ == 0;
    }
    assert_int_equal(kinds, 6);
}

static void the_second_question_turns_the_order_round(void **state)
{
    uint8_t a[SPROUT_LEVELS_MAX], b[SPROUT_LEVELS_MAX];
    (void)state;
    for (int64_t item = 0; item < 30; item++) {
        (void)sprout_judge_order(SPROUT_JUDGE_BEST_OF, 4, item, 0, a);
        (void)sprout_judge_order(SPROUT_JUDGE_BEST_OF, 4, item, 1, b);
        for (int s = 0; s < 4; s++) {
            assert_int_equal(a[s], b[3 - s]);
        }
        assert_int_equal(sprout_judge_order(SPROUT_JUDGE_PAIRWISE, 4, item, 2, a), 2);
        assert_int_equal(sprout_judge_order(SPROUT_JUDGE_PAIRWISE, 4, item, 3, b), 2);
        assert_int_equal(a[0], b[1]);
        assert_int_equal(a[1], b[0]);
        assert_int_equal(a[0] + a[1], 2); /* L0 and L2 */
    }
    assert_int_equal(sprout_judge_questions(SPROUT_JUDGE_PAIRWISE, 4), 6);
}

static void a_reply_is_read_strictly(void **state)
{
    static const struct {
        const char *reply;
        uint32_t bits;
    } cases[] = {
        {"{\"best\": \"B\"}", 2},
        {" \n{\"reason\": \"short {\", \"best\":\"c\"}\n", 4},
        {"{\"best\": [\"A\", \"C\"]}", 5},
        {"{\"best\": \"tie\"}", 7},
        {"```json\n{\"best\":\"A\"}\n```", 1},
        {"<think>A or B? {\"best\":\"A\"}</think>\n{\"best\":\"B\"}", 2},
        {"B", 2},
        {"b.", 2},
        {"(A)", 1},
        {"\"C\"", 4},
        {"Tie", 7},
        /* Never guessed: */
        {"", 0},
        {"D", 0},
        {"The best answer is B", 0},
        {"A B", 0},
        {"{\"best\": \"D\"}", 0},
        {"{\"best\": []}", 0},
        {"{\"best\": [\"A\", \"A\"]}", 0},
        {"{\"best\": [[\"A\"]]}", 0},
        {"{\"best\": 1}", 0},
        {"{\"best\": null}", 0},
        {"{\"best\": {\"best\": \"A\"}}", 0},
        {"{\"best\": \"A\", \"best\": \"B\"}", 0},
        {"{\"best\": \"A\"", 0},
        {"{\"best\": \"A\"} because", 0},
        {"{\"worst\": \"A\"}", 0},
        {"[{\"best\": \"A\"}]", 0},
        {"<think>B", 0},
        {"Die beste Antwort ist A", 0},
        {"\xff\xfe", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t got = sprout_judge_read(sprout_str_of(cases[i].reply), 3);
        if (got != cases[i].bits) {
            fail_msg("%s: %u, expected %u", cases[i].reply, got, cases[i].bits);
        }
    }
}

static void a_question_is_json_and_names_no_level(void **state)
{
    static char text[8192];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    const struct sprout_str answers[] = {SPROUT_STR("one\n\"1\""), SPROUT_STR("two")};
    const struct sprout_judge_ask ask = {.model = SPROUT_STR("j"),
                                         .prompt = SPROUT_STR("Count \\ {"),
                                         .answers = answers,
                                         .count = 2,
                                         .max_tokens = 16};
    (void)state;
    sprout_judge_put(&b, &ask);
    assert_false(b.full);
    text[b.len] = '\0';
    assert_non_null(strstr(text, "Answer A:\\n\\none\\n\\\"1\\\""));
    assert_non_null(strstr(text, "Answer B:\\n\\ntwo"));
    assert_non_null(strstr(text, "Count \\\\ {"));
    assert_non_null(strstr(text, "\"max_tokens\":16"));
    assert_null(strstr(text, "L0"));
    for (size_t cap = 0; cap < b.len; cap += 97) { /* what does not fit is noticed */
        struct sprout_buf small = sprout_buf_of(text, cap);
        sprout_judge_put(&small, &ask);
        assert_true(small.full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_stands_in_every_slot_equally_often),
        cmocka_unit_test(six_items_show_three_answers_in_all_six_orders),
        cmocka_unit_test(the_second_question_turns_the_order_round),
        cmocka_unit_test(a_reply_is_read_strictly),
        cmocka_unit_test(a_question_is_json_and_names_no_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
