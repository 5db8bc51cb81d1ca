/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of matching answers with references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/match.h"

static const char options[] = "Which one?\n(A): a red cow\n(B): cow\n(C): the milk";

static bool right(const char *prompt, const char *reference, const char *answer)
{
    const struct sprout_str p = sprout_str_of(prompt), r = sprout_str_of(reference);
    return sprout_match(sprout_match_rule_of(p, r), p, r, sprout_str_of(answer));
}

static enum sprout_match_rule rule(const char *prompt, const char *reference)
{
    return sprout_match_rule_of(sprout_str_of(prompt), sprout_str_of(reference));
}

static void the_rule_follows_from_the_form_of_the_reference(void **state)
{
    (void)state;
    assert_int_equal(rule("", "48/2 = 24\n#### 72"), SPROUT_MATCH_NUMBER);
    assert_int_equal(rule(options, "B"), SPROUT_MATCH_LETTER);
    assert_int_equal(rule(options, "cow"), SPROUT_MATCH_OPTION);
    assert_int_equal(rule("", "Paris; City of Paris"), SPROUT_MATCH_ALTERNATIVES);
    assert_int_equal(
        rule("", "one two three four five six seven eight nine ten eleven twelve "
                 "thirteen"),
        SPROUT_MATCH_NONE);
    assert_int_equal(rule("", ""), SPROUT_MATCH_NONE);
}

static void the_last_number_of_an_answer_is_compared(void **state)
{
    (void)state;
    assert_true(right("", "#### 72", "48 + 24 = 72."));
    assert_true(right("", "#### 1,200", "It is $1,200.00, of course"));
    assert_true(right("", "#### -3", "so x = -3"));
    assert_false(right("", "#### 72", "72 clips, of which 24 in May"));
    assert_false(right("", "#### 72", "no number at all"));
    assert_false(right("", "#### 7", "77"));
}

static void the_first_letter_set_off_as_an_option_is_compared(void **state)
{
    (void)state;
    assert_true(right(options, "B", "The answer is (B): cow."));
    assert_true(right(options, "B", "B. cow"));
    assert_false(right(options, "B", "A Bear) is not a letter, but C) is; then B)"));
    assert_false(right(options, "B", "B"));
    assert_false(right(options, "B", ""));
}

static void the_first_option_named_in_an_answer_is_compared(void **state)
{
    (void)state;
    assert_true(right(options, "cow", "It is the cow, and not the milk."));
    assert_false(right(options, "milk", "It is the cow, and not the milk."));
    assert_true(right(options, "a red cow", "Red cow!")); /* the longest at one place */
    assert_true(right(options, "the milk", "(C)"));       /* by its letter */
    assert_false(right(options, "cow", "neither"));
}

static void any_alternative_counts_if_all_its_words_stand_together(void **state)
{
    (void)state;
    assert_true(right("", "The Beatles; Fab Four", "It was BEATLES' music"));
    assert_true(right("", "The Beatles; Fab Four", "the fab-four"));
    assert_false(right("", "The Beatles; Fab Four", "four fab men"));
    assert_false(right("", "art", "party"));
    assert_false(right("", "; ;", "anything"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_follows_from_the_form_of_the_reference),
        cmocka_unit_test(the_last_number_of_an_answer_is_compared),
        cmocka_unit_test(the_first_letter_set_off_as_an_option_is_compared),
        cmocka_unit_test(the_first_option_named_in_an_answer_is_compared),
        cmocka_unit_test(any_alternative_counts_if_all_its_words_stand_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
