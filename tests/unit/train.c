/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of training, on prompts made up: what can be learned is, noise is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/predict_model.h"
#include "sim/train.h"

enum { PROMPTS = 900 };

static char text[PROMPTS][64];
static struct sprout_train_example example[PROMPTS];

/* Asking for a story takes long answers that are preferred long; asking for a colour does
 * not.  With `noise` the verdicts and lengths have nothing to do with the text. */
static void make_examples(bool noise)
{
    uint64_t rng = 1;
    for (int i = 0; i < PROMPTS; i++) {
        rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t draw = (uint32_t)(rng >> 33);
        const bool story = i % 2 == 0;
        const bool acts_as_story = noise ? (draw >> 4 & 1) != 0 : story;
        const int n = snprintf(text[i], sizeof text[i], "%s number %d, please",
                               story ? "tell me story" : "name a colour", i);
        struct sprout_train_example e = {.text = {text[i], (size_t)n},
                                         .preferred = acts_as_story ? 0 : 2,
                                         .right = {-1, -1, -1},
                                         .maths = -1};
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            e.tokens[l] = (acts_as_story ? 200.0 : 10.0) / (l + 1) + draw % 5;
        }
        example[i] = e;
    }
}

static enum sprout_status train(int threads, size_t count, struct sprout_trained *out,
                                struct sprout_error *err)
{
    const struct sprout_train_opts opts = {
        .seed = 3, .threads = threads, .trained_on = SPROUT_STR("made up")};
    return sprout_train(example, count, &opts, out, err);
}

static void what_the_text_tells_is_learned(void **state)
{
    (void)state;
    struct sprout_trained t;
    struct sprout_predictor p;
    make_examples(false);
    assert_int_equal(train(1, PROMPTS, &t, NULL), SPROUT_OK);
    assert_int_equal(sprout_predictor_view(t.bytes, t.len, &p, NULL), SPROUT_OK);
    const struct sprout_prediction story =
        sprout_predict_str(&p, SPROUT_STR("tell me story number 950, please"));
    const struct sprout_prediction colour =
        sprout_predict_str(&p, SPROUT_STR("name a colour number 951, please"));
    /* 202 tokens and 12.  A number of four digits, of which there was none to learn from,
     * would be a mark four standard deviations out, and pull both towards each other. */
    assert_true(story.tokens[0] > 10 * colour.tokens[0]);
    assert_true(story.quality[0] > story.quality[2]);
    assert_true(colour.quality[2] > colour.quality[0]);
    assert_int_equal(story.right[0], -1); /* no example had a reference */
    assert_true(p.model->figures.prefer_loss < p.model->figures.prefer_base);
    assert_string_equal(p.model->figures.trained_on, "made up");
    sprout_trained_free(&t);
}

static void the_same_examples_give_the_same_bytes_on_any_threads(void **state)
{
    (void)state;
    struct sprout_trained a, b;
    make_examples(false);
    assert_int_equal(train(1, PROMPTS, &a, NULL), SPROUT_OK);
    assert_int_equal(train(3, PROMPTS, &b, NULL), SPROUT_OK);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.bytes, b.bytes, a.len);
    sprout_trained_free(&a);
    sprout_trained_free(&b);
}

static void noise_is_refused_and_says_so(void **state)
{
    (void)state;
    struct sprout_trained t;
    struct sprout_error err;
    make_examples(true);
    assert_int_equal(train(2, PROMPTS, &t, &err), SPROUT_FAILED);
    assert_non_null(strstr(err.message, "does not beat the base rate"));
}

static void too_few_judged_prompts_are_refused(void **state)
{
    (void)state;
    struct sprout_trained t;
    struct sprout_error err;
    make_examples(false);
    assert_int_equal(train(1, SPROUT_TRAIN_JUDGED_MIN - 1, &t, &err), SPROUT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_text_tells_is_learned),
        cmocka_unit_test(the_same_examples_give_the_same_bytes_on_any_threads),
        cmocka_unit_test(noise_is_refused_and_says_so),
        cmocka_unit_test(too_few_judged_prompts_are_refused),
    };
    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}
