/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of retraining, on prompts made up: a better predictor replaces, others do not,
 * and what is compared on was seen by neither. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/predict_model.h"
#include "sim/retrain.h"

enum { PROMPTS = 600, TRAINED_AT = 1000, SECOND = 2000 };

static char text[PROMPTS][64];
static struct sprout_train_example example[PROMPTS];
static sprout_instant at[PROMPTS];

/* Prompt i: a story, answered at length and preferred so, or a colour, and the opposite.
 * `turned`: the other way round. */
static void make(int i, int number, bool turned, int64_t when)
{
    const bool story = number % 2 == 0;
    const int n = snprintf(text[i], sizeof text[i], "%s number %d, please",
                           story ? "tell me story" : "name a colour", number);
    const int draw = number * 7 % 10;
    struct sprout_train_example e = {.text = {text[i], (size_t)n},
                                     .preferred = (story != turned) == (draw > 0) ? 0 : 2,
                                     .right = {-1, -1, -1},
                                     .maths = -1};
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        e.tokens[l] = (story != turned ? 200.0 : 10.0) / (l + 1) + draw;
    }
    example[i] = e;
    at[i].ns = when;
}

static struct sprout_train_opts opts_at(int64_t ns)
{
    return (struct sprout_train_opts){
        .seed = 1, .now = {ns}, .threads = 2, .trained_on = SPROUT_STR("made up")};
}

/* Two predictors of before: of the world as it is, and of the opposite. */
static struct sprout_trained trained[2];
static struct sprout_predictor right, wrong;

static int train_both(void **state)
{
    (void)state;
    const struct sprout_train_opts opts = opts_at(TRAINED_AT);
    for (int turned = 0; turned < 2; turned++) {
        for (int i = 0; i < PROMPTS; i++) {
            make(i, i + 1000, turned != 0, 1);
        }
        if (sprout_train(example, PROMPTS, &opts, &trained[turned], NULL) != SPROUT_OK ||
            sprout_predictor_view(trained[turned].bytes, trained[turned].len,
                                  turned != 0 ? &wrong : &right, NULL) != SPROUT_OK) {
            return -1;
        }
    }
    return 0;
}

static int free_both(void **state)
{
    (void)state;
    sprout_trained_free(&trained[0]);
    sprout_trained_free(&trained[1]);
    return 0;
}

/* Prompts judged after that, as the world is. */
static int make_new(void **state)
{
    (void)state;
    for (int i = 0; i < PROMPTS; i++) {
        make(i, i + 2000, false, TRAINED_AT + 1 + i);
    }
    return 0;
}

static struct sprout_retrain_out retrain(const struct sprout_predictor *p, size_t count,
                                         bool needs_maths)
{
    struct sprout_retrain_out out;
    const struct sprout_retrain_in in = {.example = example,
                                         .at = at,
                                         .count = count,
                                         .in_force = p,
                                         .needs_maths = needs_maths,
                                         .train = opts_at(SECOND)};
    assert_int_equal(sprout_retrain(&in, &out, NULL), SPROUT_OK);
    return out;
}

static void a_better_one_replaces_and_always_the_same_one(void **state)
{
    (void)state;
    struct sprout_retrain_out a = retrain(&wrong, PROMPTS, false);
    struct sprout_retrain_out b = retrain(&wrong, PROMPTS, false);
    assert_true(a.replace);
    assert_true(a.prefer.before > a.prefer.after && a.length.before > a.length.after);
    assert_int_equal(a.fitted + a.held_out, PROMPTS);
    assert_in_range(a.held_out, PROMPTS / 5, PROMPTS * 3 / 10);
    assert_true(a.id != 0 && a.id == b.id && a.id != wrong.id);
    assert_memory_equal(a.trained.bytes, b.trained.bytes, a.trained.len);
    assert_string_equal(a.why, b.why);
    sprout_trained_free(&a.trained);
    sprout_trained_free(&b.trained);
}

static void one_that_only_equals_it_does_not_replace(void **state)
{
    (void)state;
    struct sprout_retrain_out o = retrain(&right, PROMPTS, false);
    assert_false(o.replace);
    assert_non_null(strstr(o.why, "not better"));
    assert_true(o.id != 0);
    sprout_trained_free(&o.trained);
}

/* It learned from old examples that what was true then is not true any more. */
static void a_worse_one_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < PROMPTS; i++) {
        const bool is_new = i >= PROMPTS * 2 / 3;
        make(i, i + 2000, !is_new, is_new ? TRAINED_AT + 1 + i : 1);
    }
    struct sprout_retrain_out o = retrain(&right, PROMPTS, false);
    assert_false(o.replace);
    assert_true(o.prefer.after > o.prefer.before + 2 * o.prefer.error);
    assert_true(o.length.after > o.length.before);
    assert_in_range(o.held_out, SPROUT_RETRAIN_HELD_OUT_MIN, PROMPTS / 3);
    sprout_trained_free(&o.trained);
}

static void a_prompt_of_before_is_not_compared_on(void **state)
{
    (void)state;
    for (int i = 0; i < PROMPTS; i++) { /* each twice, first before the weights */
        make(i, i % (PROMPTS / 2) + 2000, false, i < PROMPTS / 2 ? 1 : TRAINED_AT + i);
    }
    struct sprout_retrain_out o = retrain(&wrong, PROMPTS, false);
    assert_int_equal(o.held_out, 0);
    assert_int_equal(o.fitted, PROMPTS / 2); /* and counts once */
    assert_false(o.replace);
    sprout_trained_free(&o.trained);
}

static void too_few_and_what_cannot_be_learned_are_refused(void **state)
{
    (void)state;
    struct sprout_retrain_out o = retrain(&wrong, 300, false);
    assert_false(o.replace);
    assert_int_equal(o.id, 0);
    assert_non_null(strstr(o.why, "expected at least 300"));
    for (int i = 0; i < PROMPTS; i++) {
        example[i].preferred = (int)((unsigned)i * 2654435761u >> 30) % 3;
    }
    o = retrain(&wrong, PROMPTS, false);
    assert_false(o.replace);
    assert_non_null(strstr(o.why, "does not beat the base rate"));
}

static void where_maths_is_protected_it_must_know_maths(void **state)
{
    (void)state;
    struct sprout_retrain_out o = retrain(&wrong, PROMPTS, true);
    assert_false(o.replace);
    assert_non_null(strstr(o.why, "protects maths"));
    sprout_trained_free(&o.trained);
    for (int i = 0; i < PROMPTS; i++) {
        example[i].maths = i % 2;
    }
    o = retrain(&wrong, PROMPTS, true);
    assert_true(o.replace);
    sprout_trained_free(&o.trained);
}

static void damaged_features_are_an_error(void **state)
{
    (void)state;
    struct sprout_retrain_out o;
    struct sprout_error err;
    example[7].features = SPROUT_STR("nonsense");
    const struct sprout_retrain_in in = {.example = example,
                                         .at = at,
                                         .count = PROMPTS,
                                         .in_force = &wrong,
                                         .train = opts_at(SECOND)};
    assert_int_equal(sprout_retrain(&in, &o, &err), SPROUT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_better_one_replaces_and_always_the_same_one, make_new),
        cmocka_unit_test_setup(one_that_only_equals_it_does_not_replace, make_new),
        cmocka_unit_test_setup(a_worse_one_is_refused, make_new),
        cmocka_unit_test_setup(a_prompt_of_before_is_not_compared_on, make_new),
        cmocka_unit_test_setup(too_few_and_what_cannot_be_learned_are_refused, make_new),
        cmocka_unit_test_setup(where_maths_is_protected_it_must_know_maths, make_new),
        cmocka_unit_test_setup(damaged_features_are_an_error, make_new),
    };
    return cmocka_run_group_tests(tests, train_both, free_both);
}
