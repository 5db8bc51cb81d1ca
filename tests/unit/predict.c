/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of prediction and choice, on the default weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapt/weights.h"
#include "core/predict_model.h"

static struct sprout_weights weights;

static int open_weights(void **state)
{
    (void)state;
    return sprout_weights_open("data/predictor/default.weights", &weights, NULL) ==
                   SPROUT_OK
               ? 0
               : -1;
}

static int close_weights(void **state)
{
    (void)state;
    sprout_weights_close(&weights);
    return 0;
}

static struct sprout_prediction of(const char *text)
{
    return sprout_predict_str(&weights.predictor, sprout_str_of(text));
}

static void any_cutting_of_a_text_gives_the_same_prediction(void **state)
{
    (void)state;
    char text[5000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "how many cows, 42 of them (A) \n and \xc3\xa9?"[(i * 7 + i / 40) % 40];
    }
    static const size_t lengths[] = {0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 5000};
    for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
        const struct sprout_prediction whole =
            sprout_predict_str(&weights.predictor, (struct sprout_str){text, lengths[n]});
        for (size_t step = 1; step < 1500; step = step * 3 + 1) {
            struct sprout_predict_text t = {.bytes = 0};
            for (size_t at = 0; at < lengths[n]; at += step) {
                const size_t left = lengths[n] - at;
                sprout_predict_feed(&t, text + at, left < step ? left : step);
            }
            const struct sprout_prediction cut = sprout_predict(&weights.predictor, &t);
            assert_memory_equal(cut.quality, whole.quality, sizeof whole.quality);
            assert_memory_equal(cut.tokens, whole.tokens, sizeof whole.tokens);
            assert_memory_equal(cut.right, whole.right, sizeof whole.right);
            assert_int_equal(cut.unseen, whole.unseen);
        }
    }
}

static size_t pack(const char *text, struct sprout_predict_features *f,
                   unsigned char out[SPROUT_PREDICT_PACKED_MAX])
{
    struct sprout_predict_text t = {.bytes = 0};
    sprout_predict_feed(&t, text, strlen(text));
    sprout_predict_read(&t, NULL, f);
    return sprout_predict_pack(f, out);
}

static void what_is_kept_of_a_text_predicts_as_the_text_does(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "a", "Tom has 3 apples and buys 12345 more. How many has he now?",
        "def f(x):\n    return x\n```", "\xc3\xa9t\xc3\xa9 \xff (A) one (B) two?"};
    unsigned char packed[SPROUT_PREDICT_PACKED_MAX], again[SPROUT_PREDICT_PACKED_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sprout_predict_features f, back;
        const size_t n = pack(texts[i], &f, packed);
        assert_true(sprout_predict_unpack((struct sprout_str){(char *)packed, n}, &back));
        const struct sprout_prediction said = of(texts[i]);
        const struct sprout_prediction kept =
            sprout_predict_of(&weights.predictor, &back);
        assert_memory_equal(&kept, &said, sizeof said);
        assert_int_equal(sprout_predict_pack(&back, again), n);
        assert_memory_equal(again, packed, n);
    }
}

static void damaged_features_are_refused_or_harmless(void **state)
{
    (void)state;
    struct sprout_predict_features f, back;
    unsigned char packed[SPROUT_PREDICT_PACKED_MAX], more[SPROUT_PREDICT_PACKED_MAX];
    const size_t n = pack("Who was the first king of England, and when?", &f, packed);
    for (size_t cut = 0; cut < n; cut++) {
        assert_false(
            sprout_predict_unpack((struct sprout_str){(char *)packed, cut}, &back));
    }
    memcpy(more, packed, n);
    more[n] = 0;
    assert_false(sprout_predict_unpack((struct sprout_str){(char *)more, n + 1}, &back));
    for (size_t bit = 0; bit < 8 * n; bit++) {
        memcpy(more, packed, n);
        more[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (sprout_predict_unpack((struct sprout_str){(char *)more, n}, &back)) {
            const struct sprout_prediction p =
                sprout_predict_of(&weights.predictor, &back);
            assert_in_range(p.quality[0], 0, SPROUT_PREDICT_ONE);
        }
    }
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(of("Tom has 3 apples and buys 5 more. He gives 2 to Ann. How many "
                        "apples does Tom have left?")
                         .kind,
                     SPROUT_KIND_MATHS);
    assert_int_equal(of("Write a python function that returns a JSON string.").kind,
                     SPROUT_KIND_CODE);
    assert_int_equal(of("Who was the first king of England?").kind, SPROUT_KIND_OTHER);
}

static void an_empty_or_foreign_text_is_unlike_anything_trained_on(void **state)
{
    (void)state;
    assert_true(of("").unlike);
    assert_true(of("Wie viele Einwohner hat die Stadt Berlin heute?").unlike);
    assert_false(of("Which country won the World Cup in 1966?").unlike);
}

static void the_level_of_least_carbon_less_worth_is_chosen(void **state)
{
    (void)state;
    const struct sprout_prediction p = {.quality = {40000, 30000, 20000},
                                        .tokens = {100 * 256, 50 * 256, 10 * 256}};
    struct sprout_predict_terms t = {.ng_per_token = 1000};
    assert_int_equal(sprout_predict_choose(&p, &t, 0), 2);
    t.ng_per_quality = INT64_C(1000000000);
    assert_int_equal(sprout_predict_choose(&p, &t, 0), 0);
    t.levels = 1u << 1;
    assert_int_equal(sprout_predict_choose(&p, &t, 0), 1);
}

static void a_tie_is_split_by_the_draw(void **state)
{
    (void)state;
    const struct sprout_prediction p = {.quality = {65536, 32768, 0},
                                        .tokens = {200 * 256, 100 * 256, 900 * 256}};
    const struct sprout_predict_terms t = {
        .ng_per_token = 10, .ng_per_quality = 2000, .split = SPROUT_PREDICT_ONE / 2};
    assert_int_equal(sprout_predict_choose(&p, &t, 0), 0);
    assert_int_equal(sprout_predict_choose(&p, &t, SPROUT_PREDICT_ONE / 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cutting_of_a_text_gives_the_same_prediction),
        cmocka_unit_test(what_is_kept_of_a_text_predicts_as_the_text_does),
        cmocka_unit_test(damaged_features_are_refused_or_harmless),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(an_empty_or_foreign_text_is_unlike_anything_trained_on),
        cmocka_unit_test(the_level_of_least_carbon_less_worth_is_chosen),
        cmocka_unit_test(a_tie_is_split_by_the_draw),
    };
    return cmocka_run_group_tests_name("predict", tests, open_weights, close_weights);
}
