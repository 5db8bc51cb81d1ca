/* SPDX-License-Identifier: Apache-2.0 */
/* The price found over predicted prompts: at it, choosing one by one is the optimum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hash.h"
#include "core/predict_curve.h"
#include "core/predict_price.h"

enum { SAMPLES = 1000, DRAWS = 64 };

static struct sprout_predict_sample samples[SAMPLES];
static char memory[1 << 20];

static double unit(uint64_t i, uint64_t what)
{
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){9, what});
    sprout_hash_u64(&h, i);
    return sprout_hash_unit(sprout_hash_end(h));
}

static int make_samples(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SAMPLES; i++) {
        const double q0 = 0.1 + 0.8 * unit(i, 1);
        const double q1 = (1 - q0) * unit(i, 2);
        const double t0 = 50 + 400 * unit(i, 3);
        const double t1 = t0 * (0.2 + 0.6 * unit(i, 4));
        const double part[] = {q0, q1, 1 - q0 - q1};
        const double tokens[] = {t0, t1, t1 * (0.2 + 0.7 * unit(i, 5))};
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            samples[i].quality[l] = (int32_t)(part[l] * SPROUT_PREDICT_ONE);
            samples[i].tokens[l] = (int32_t)(tokens[l] * SPROUT_PREDICT_TOKEN);
        }
    }
    return 0;
}

static struct sprout_predict_price find(const struct sprout_predict_goal *g)
{
    struct sprout_predict_price price;
    struct sprout_error err = {0};
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    assert_true(sprout_predict_price_memory(SAMPLES) <= sizeof memory);
    assert_int_equal(sprout_predict_price_find(samples, SAMPLES, g, &arena, &price, &err),
                     SPROUT_OK);
    return price;
}

/* What choosing each prompt by itself delivers, relative to L0, and its mean tokens. */
static double delivered(const struct sprout_predict_price *p,
                        const struct sprout_predict_goal *g, double *out_tokens)
{
    const struct sprout_predict_terms terms = {.ng_per_token = g->ng_per_token,
                                               .ng_per_quality = p->ng_per_quality,
                                               .tie_ng = p->tie_ng,
                                               .split = p->split,
                                               .levels = g->levels};
    double quality = 0, l0 = 0, tokens = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct sprout_prediction said = {0};
        memcpy(said.quality, samples[i].quality, sizeof said.quality);
        memcpy(said.tokens, samples[i].tokens, sizeof said.tokens);
        for (uint32_t d = 0; d < DRAWS; d++) {
            const int l =
                sprout_predict_choose(&said, &terms, d * SPROUT_PREDICT_ONE / DRAWS);
            quality += samples[i].quality[l];
            tokens += (double)samples[i].tokens[l] / SPROUT_PREDICT_TOKEN;
            l0 += samples[i].quality[0];
        }
    }
    *out_tokens = tokens / SAMPLES / DRAWS;
    return quality / l0;
}

static void one_by_one_is_the_optimum(void **state)
{
    (void)state;
    static const double floors[] = {0.6, 0.9, 1.0, 1.05, 1.1};
    double before = 0;
    for (size_t f = 0; f < sizeof floors / sizeof floors[0]; f++) {
        const struct sprout_predict_goal g = {.floor = floors[f], .ng_per_token = 700000};
        const struct sprout_predict_price price = find(&g);
        double tokens = 0;
        const double quality = delivered(&price, &g, &tokens);
        assert_true(price.feasible);
        assert_true(fabs(quality - price.quality) < 1e-4);
        assert_true(fabs(tokens - price.tokens) < 1e-3 * price.tokens);
        assert_true(quality > floors[f] - 1e-4);
        assert_true(tokens >= before); /* more quality costs more */
        before = tokens;
    }
}

static void a_floor_beyond_reach_gives_the_best_there_is(void **state)
{
    (void)state;
    const struct sprout_predict_goal g = {.floor = 5, .ng_per_token = 700000};
    const struct sprout_predict_price price = find(&g);
    double tokens = 0;
    assert_false(price.feasible);
    assert_true(fabs(delivered(&price, &g, &tokens) - price.quality) < 1e-3);
}

static void a_floor_that_binds_nothing_costs_nothing(void **state)
{
    (void)state;
    const struct sprout_predict_goal g = {.floor = 0.01, .ng_per_token = 700000};
    const struct sprout_predict_price price = find(&g);
    assert_int_equal(price.ng_per_quality, 0);
    assert_true(price.mix[2] > 0.999);
}

static void caution_and_levels_are_kept(void **state)
{
    (void)state;
    const struct sprout_predict_goal plain = {.floor = 0.9, .ng_per_token = 700000};
    struct sprout_predict_goal g = plain;
    g.caution = 0.05;
    assert_true(find(&g).quality > 0.95 - 1e-9);
    assert_true(find(&g).tokens > find(&plain).tokens);
    g.levels = 1 << 0 | 1 << 1;
    assert_true(find(&g).mix[2] == 0);
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        g.correction[k][1] = -0.5; /* verdicts say that L1 is worth nothing */
    }
    assert_true(find(&g).mix[1] < find(&plain).mix[1]);
}

/* At each point of the curve, choosing one by one delivers what the curve says, and it is no
 * dearer than the optimum of that quality. */
static void a_curve_is_what_its_ratios_choose(void **state)
{
    (void)state;
    static struct sprout_predict_curve c;
    struct sprout_predict_goal g = {.ng_per_token = 700000};
    sprout_predict_curve_make(samples, SAMPLES, &g, &c);
    assert_int_equal(c.count, SPROUT_PREDICT_RATIOS);
    assert_true(c.ratio[0] == 0 && c.ratio[1] > 0);
    for (size_t k = 1; k < c.count; k++) {
        assert_true(c.ratio[k] > c.ratio[k - 1] && c.quality[k] >= c.quality[k - 1]);
    }
    for (size_t k = 0; k < c.count; k += 51) {
        const struct sprout_predict_price at = {
            .ng_per_quality = llround(c.ratio[k] * 700000), .split = SPROUT_PREDICT_ONE};
        double tokens = 0;
        const double quality = delivered(&at, &g, &tokens);
        assert_true(fabs(quality - c.quality[k] / c.quality_l0) < 2e-3);
        assert_true(fabs(tokens - c.tokens[k]) < 2e-3 * c.tokens[k]);
        g.floor = c.quality[k] / c.quality_l0 - 1e-9;
        assert_true(c.tokens[k] <= find(&g).tokens * (1 + 1e-3));
    }
    g.levels = 5;
    sprout_predict_curve_make(samples, SAMPLES, &g, &c);
    assert_true(c.mix[0][1] <= 0 && c.mix[c.count - 1][1] <= 0);
    g.levels = 1;
    sprout_predict_curve_make(samples, SAMPLES, &g, &c);
    assert_true(c.count == 1 && fabs(c.quality[0] - c.quality_l0) < 1e-12);
}

/* What choosing each prompt by itself keeps of accuracy, which is a level's. */
static double accuracy_of(const struct sprout_predict_price *p,
                          const struct sprout_predict_goal *g, double *out_quality)
{
    struct sprout_predict_terms terms = {.ng_per_token = g->ng_per_token,
                                         .ng_per_quality = p->ng_per_quality,
                                         .tie_ng = p->tie_ng,
                                         .split = p->split};
    double sum = 0, quality = 0, l0 = 0;
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        terms.ng[l] = llround((double)p->ng_per_accuracy * (1 - g->accuracy[l]));
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        struct sprout_prediction said = {0};
        memcpy(said.quality, samples[i].quality, sizeof said.quality);
        memcpy(said.tokens, samples[i].tokens, sizeof said.tokens);
        for (uint32_t d = 0; d < DRAWS; d++) {
            const int l =
                sprout_predict_choose(&said, &terms, d * SPROUT_PREDICT_ONE / DRAWS);
            sum += g->accuracy[l];
            quality += samples[i].quality[l];
            l0 += samples[i].quality[0];
        }
    }
    *out_quality = quality / l0;
    return sum / SAMPLES / DRAWS;
}

static void a_floor_of_accuracy_has_a_price_of_its_own(void **state)
{
    (void)state;
    static const double floors[] = {0.96, 0.98, 0.99, 1};
    double before = 0;
    for (size_t f = 0; f < sizeof floors / sizeof floors[0]; f++) {
        const struct sprout_predict_goal g = {.floor = 0.8,
                                              .ng_per_token = 700000,
                                              .accuracy_floor = floors[f],
                                              .accuracy = {1, 0.98, 0.9}};
        const struct sprout_predict_price price = find(&g);
        double quality;
        assert_true(price.feasible && price.ng_per_accuracy > 0);
        const double accuracy = accuracy_of(&price, &g, &quality);
        /* Of two prompts at the margin, which share one split, each moves a thousandth. */
        assert_true(fabs(accuracy - price.accuracy) < 2e-4);
        assert_true(fabs(quality - price.quality) < 1e-3);
        assert_true(price.accuracy > floors[f] - 1e-9 && price.quality > 0.8 - 1e-9);
        assert_true(price.tokens > before);
        before = price.tokens;
    }
}

static void accuracy_is_kept_where_quality_is_out_of_reach(void **state)
{
    (void)state;
    const struct sprout_predict_goal g = {.floor = 5,
                                          .ng_per_token = 700000,
                                          .accuracy_floor = 0.99,
                                          .accuracy = {1, 0.98, 0.9}};
    const struct sprout_predict_price price = find(&g);
    const struct sprout_predict_goal none = {.floor = 5, .ng_per_token = 700000};
    double quality;
    assert_false(price.feasible);
    assert_true(accuracy_of(&price, &g, &quality) > 0.99 - 1e-3);
    assert_true(fabs(quality - price.quality) < 1e-3);
    assert_true(price.quality < find(&none).quality);
}

static void no_samples_are_refused(void **state)
{
    (void)state;
    struct sprout_predict_price price;
    struct sprout_error err = {0};
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_predict_goal g = {.floor = 0.9, .ng_per_token = 1};
    assert_int_equal(sprout_predict_price_find(samples, 0, &g, &arena, &price, &err),
                     SPROUT_INVALID);
    arena = sprout_arena_of(memory, 100);
    assert_int_equal(
        sprout_predict_price_find(samples, SAMPLES, &g, &arena, &price, &err),
        SPROUT_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_by_one_is_the_optimum),
        cmocka_unit_test(a_floor_beyond_reach_gives_the_best_there_is),
        cmocka_unit_test(a_floor_that_binds_nothing_costs_nothing),
        cmocka_unit_test(caution_and_levels_are_kept),
        cmocka_unit_test(a_curve_is_what_its_ratios_choose),
        cmocka_unit_test(a_floor_of_accuracy_has_a_price_of_its_own),
        cmocka_unit_test(accuracy_is_kept_where_quality_is_out_of_reach),
        cmocka_unit_test(no_samples_are_refused),
    };
    return cmocka_run_group_tests_name("predict_price", tests, make_samples, NULL);
}
