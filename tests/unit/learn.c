/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/learn and of the prior it starts from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/learn.h"
#include "core/prior.h"

static void near(double found, double expected, double relative)
{
    if (!(fabs(found - expected) <= relative * fabs(expected))) {
        fail_msg("found %.9g, expected %.9g", found, expected);
    }
}

static const struct sprout_belief prior[3] = {
    {.quality = 0.4, .energy = {1000}, .time = {4}, .output_tokens = 200},
    {.quality = 0.35, .energy = {200}, .time = {1}, .output_tokens = 40},
    {.quality = 0.25, .energy = {100}, .time = {0.5}, .output_tokens = 20},
};

static struct sprout_learn_sum served(int64_t n, double joules, double seconds,
                                      double tokens)
{
    const double k = (double)n;
    return (struct sprout_learn_sum){n, k * joules, k * seconds, k * tokens};
}

static void the_prior_repeats_the_published_means(void **state)
{
    (void)state;
    struct sprout_belief b[4];
    sprout_prior_beliefs(&sprout_energy_llama2_13b, 4, b);
    /* sum of weight * share and of weight * Wh over the six tasks */
    near(b[0].quality, 0.380238, 1e-5);
    near(b[1].quality, 0.349716, 1e-5);
    near(b[2].quality, 0.270046, 1e-5);
    near(b[0].energy.v, 1213.467, 1e-5);
    near(b[1].energy.v, 255.880, 1e-5);
    near(b[2].energy.v, 171.578, 1e-5);
    /* The mean times were published too; the profile comes to within 2 % of them. */
    near(b[0].time.v, 4.8797, 0.02);
    near(b[1].time.v, 1.0305, 0.02);
    near(b[2].time.v, 0.6912, 0.02);
    for (int l = 0; l < 4; l++) {
        assert_int_equal(b[l].requests, 0);
    }
    /* A fourth level was not published: no quality is claimed for it. */
    assert_true(b[3].quality == 0);
    near(b[3].energy.v, b[2].energy.v, 0);
}

static void another_profile_prices_the_same_lengths(void **state)
{
    (void)state;
    struct sprout_belief a[3], b[3];
    sprout_prior_beliefs(&sprout_energy_llama2_13b, 3, a);
    sprout_prior_beliefs(&sprout_energy_llama2_7b, 3, b);
    near(b[0].output_tokens, a[0].output_tokens, 0);
    assert_true(b[0].energy.v < a[0].energy.v);
    assert_string_equal(sprout_prior_source, "published prior, not measured here");
}

static void nothing_learned_is_the_prior(void **state)
{
    (void)state;
    const struct sprout_learn_sum none[3] = {0};
    struct sprout_belief out[3];
    for (int k = 0; k <= 20; k += 20) {
        sprout_learn_beliefs(prior, none, 3, k, out);
        for (int l = 0; l < 3; l++) {
            near(out[l].energy.v, prior[l].energy.v, 1e-15);
            near(out[l].time.v, prior[l].time.v, 1e-15);
            near(out[l].output_tokens, prior[l].output_tokens, 1e-15);
            near(out[l].quality, prior[l].quality, 0);
            assert_int_equal(out[l].requests, 0);
        }
    }
}

static void much_learned_is_the_mean_of_what_was_served(void **state)
{
    (void)state;
    const struct sprout_learn_sum sum[3] = {served(1000000, 500, 3, 90),
                                            served(1000000, 300, 2, 60),
                                            served(1000000, 50, 0.1, 10)};
    struct sprout_belief out[3];
    sprout_learn_beliefs(prior, sum, 3, SPROUT_LEARN_STRENGTH, out);
    near(out[0].energy.v, 500, 1e-4);
    near(out[1].time.v, 2, 1e-4);
    near(out[2].output_tokens, 10, 1e-4);
    assert_int_equal(out[1].requests, 1000000);
}

static void little_learned_lies_between_as_the_formula_says(void **state)
{
    (void)state;
    const struct sprout_learn_sum sum[3] = {served(20, 500, 2, 100)}; /* half of all */
    struct sprout_belief out[3];
    sprout_learn_beliefs(prior, sum, 3, 20, out);
    const double scale = (20 + 20 * 0.5) / (20 + 20.0); /* 0.75 */
    near(out[0].energy.v, (20 * scale * 1000 + 20 * 500) / 40, 1e-12);
    near(out[0].output_tokens, (20 * scale * 200 + 20 * 100) / 40, 1e-12);
    /* L1 was never served: the prior, scaled by what L0 showed. */
    near(out[1].energy.v, 200 * scale, 1e-12);
    near(out[2].time.v, 0.5 * scale, 1e-12);
    assert_int_equal(out[0].requests, 20);
    assert_int_equal(out[1].requests, 0);
}

static void a_level_never_served_follows_the_model_that_serves(void **state)
{
    (void)state;
    const struct sprout_learn_sum sum[3] = {served(100000, 2000, 8, 400)};
    struct sprout_belief out[3];
    sprout_learn_beliefs(prior, sum, 3, SPROUT_LEARN_STRENGTH, out);
    near(out[1].energy.v, 400, 1e-3);
    near(out[2].energy.v, 200, 1e-3);
    sprout_learn_beliefs(prior, sum, 3, 0, out); /* without any pull to the prior */
    near(out[0].energy.v, 2000, 1e-12);
    near(out[1].energy.v, 400, 1e-12);
}

static void without_a_prior_the_plain_mean_is_given_or_nothing(void **state)
{
    (void)state;
    const struct sprout_belief none[2] = {
        {.energy = {NAN}, .time = {0}, .output_tokens = NAN},
        {.energy = {NAN}, .time = {0}, .output_tokens = NAN}};
    const struct sprout_learn_sum sum[2] = {served(4, 10, 1, 5)};
    struct sprout_belief out[2];
    sprout_learn_beliefs(none, sum, 2, 20, out);
    near(out[0].energy.v, 10, 0);
    near(out[0].time.v, 1, 0);
    assert_true(isnan(out[1].energy.v));
    assert_true(out[1].time.v == 0);
}

static void unknown_counts_teach_nothing_and_sums_merge(void **state)
{
    (void)state;
    struct sprout_learn_sum a = {0}, b = {0};
    sprout_learn_add(&a, (sprout_joules){NAN}, (sprout_seconds){1}, (sprout_tokens){5});
    sprout_learn_add(&a, (sprout_joules){1}, (sprout_seconds){NAN}, (sprout_tokens){5});
    sprout_learn_add(&a, (sprout_joules){1}, (sprout_seconds){1}, SPROUT_TOKENS_UNKNOWN);
    assert_int_equal(a.requests, 0);
    sprout_learn_add(&a, (sprout_joules){10}, (sprout_seconds){1}, (sprout_tokens){0});
    sprout_learn_add(&b, (sprout_joules){20}, (sprout_seconds){2}, (sprout_tokens){6});
    sprout_learn_merge(&a, &b);
    assert_int_equal(a.requests, 2);
    near(a.joules, 30, 0);
    near(a.seconds, 3, 0);
    near(a.output_tokens, 6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prior_repeats_the_published_means),
        cmocka_unit_test(another_profile_prices_the_same_lengths),
        cmocka_unit_test(nothing_learned_is_the_prior),
        cmocka_unit_test(much_learned_is_the_mean_of_what_was_served),
        cmocka_unit_test(little_learned_lies_between_as_the_formula_says),
        cmocka_unit_test(a_level_never_served_follows_the_model_that_serves),
        cmocka_unit_test(without_a_prior_the_plain_mean_is_given_or_nothing),
        cmocka_unit_test(unknown_counts_teach_nothing_and_sums_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
