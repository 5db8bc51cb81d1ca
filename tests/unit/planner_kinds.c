/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the planner where a predictor tells kinds of prompts apart: what verdicts say of
 * a kind moves that kind, in predictions and in mixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "control/evaluator_inner.h"
#include "control/planner.h"
#include "core/choice.h"

#include "../plan_fixture.h"

/* Half of the samples are maths, half other.  400 comparisons of each kind, in both orders; in
 * maths L2 wins `l2` of 100, in the other kind 40, and L0 and L1 share the rest. */
static void judge_kinds(const struct sprout_policy *p, int l2, struct sprout_judged *out)
{
    enum { EACH = 800 };
    static struct sprout_quality_verdict v[2 * EACH];
    struct sprout_quality_opts opts = {.prior = {0.4, 0.3, 0.3}, .levels = 3};
    for (int i = 0; i < 2 * EACH; i++) {
        const int at = i / 2 % 100, wins = i < EACH ? 40 : l2;
        v[i] = (struct sprout_quality_verdict){
            .run = 1,
            .item = i / 2,
            .question = i % 2,
            .stratum = i < EACH ? 0 : 1,
            .slots = 3,
            .shown = {(uint8_t)(i % 2 * 2), 1, (uint8_t)(2 - i % 2 * 2)},
            .best = 1u << (at < wins ? 2 : at % 2),
        };
    }
    *out = (struct sprout_judged){
        .judge = "judge", .card = {.questions = 1600, .fault = SPROUT_JUDGE_USABLE}};
    sprout_evaluator_directives(p, out->directives);
    memcpy(out->name[0], "other", sizeof "other");
    memcpy(out->name[1], "maths", sizeof "maths");
    out->strata = opts.strata = 2;
    sprout_quality_fit(v, sizeof v / sizeof *v, &opts, &out->fit);
    out->pooled = out->fit.whole;
}

static double correction(const struct sprout_policy *p, enum sprout_kind kind, int level)
{
    return p->predictor.correction[level] + p->predictor.kind_correction[kind][level];
}

static void verdicts_on_one_kind_move_that_kind(void **state)
{
    (void)state;
    static struct sprout_judged judged;
    struct sprout_config *c = config_of("quality: {rule: fixed, floor: 0.95}\n"
                                        "predictor: {samples_min: 50, caution: 0}\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    for (int i = 0; i < 100; i++) { /* of both, every second is best brief */
        samples[i].kind = i / 2 % 2 == 0 ? SPROUT_KIND_OTHER : SPROUT_KIND_MATHS;
    }
    struct planned p = plan(&in);
    double other[3], maths[3];
    judge_kinds(p.policy, 40, &judged);
    in.judged = &judged;
    p = plan(&in);
    for (int l = 0; l < 3; l++) {
        other[l] = correction(p.policy, SPROUT_KIND_OTHER, l);
        maths[l] = correction(p.policy, SPROUT_KIND_MATHS, l);
        assert_true(fabs(other[l] - maths[l]) < 1e-6); /* of both they say the same */
    }
    judge_kinds(p.policy, 5, &judged);
    p = plan(&in);
    assert_true(p.policy->predictor.decides && p.why.predicted.price.feasible);
    assert_true(p.why.predicted.price.quality >= 0.95 - 1e-9);
    assert_true(correction(p.policy, SPROUT_KIND_MATHS, 2) < maths[2] - 0.25);
    assert_true(fabs(correction(p.policy, SPROUT_KIND_OTHER, 2) - other[2]) < 0.03);
    assert_int_equal(p.why.evidence.kind[SPROUT_KIND_MATHS].verdicts, 800);
    assert_true(p.why.evidence.kind[SPROUT_KIND_MATHS].relative[2].high < 0.3);
    /* Nobody judged code: the whole's correction. */
    assert_near(p.policy->predictor.kind_correction[SPROUT_KIND_CODE][2], 0);

    judged.card.fault = SPROUT_JUDGE_RANDOM;
    assert_near(correction(plan(&in).policy, SPROUT_KIND_MATHS, 2), 0);
    sprout_config_free(c);
}

/* What all kinds give under their mixes, half of the traffic each: quality over L0's, grams. */
static double given(const struct sprout_policy *p, const double *other,
                    const double *maths, double *out_grams)
{
    double quality = 0, l0 = 0;
    *out_grams = 0;
    for (size_t i = 1; i < 3; i++) {
        const double *const mix = i == 1 ? other : maths;
        sprout_grams grams[SPROUT_LEVELS_MAX];
        double relative[SPROUT_LEVELS_MAX];
        sprout_plan_weigh(p, i, grams, relative);
        l0 += p->strata[i].level[0].quality;
        for (size_t l = 0; l < 3; l++) {
            quality += mix[l] * p->strata[i].level[l].quality;
            *out_grams += mix[l] * grams[l].v / 2;
        }
    }
    return quality / l0;
}

static void where_no_prediction_decides_kinds_have_mixes_of_one_optimum(void **state)
{
    (void)state;
    static struct sprout_judged judged;
    struct sprout_config *c =
        config_of("quality: {rule: fixed, floor: 0.95}\n"
                  "predictor: {samples_min: 50, caution: 0}\n"
                  "rules: [{name: m, match: {kind: maths}, levels: [L0, L2]}]\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    for (int i = 0; i < 100; i++) { /* maths twice as long */
        const bool other = i / 2 % 2 == 0;
        samples[i].kind = other ? SPROUT_KIND_OTHER : SPROUT_KIND_MATHS;
        for (int l = 0; l < 3; l++) {
            samples[i].tokens[l] *= other ? 1 : 2;
        }
    }
    struct planned p = plan(&in);
    const double *other = p.policy->strata[1].mix, *maths = p.policy->strata[2].mix;
    const struct sprout_stratum *const s = p.policy->strata;
    double grams, grams_alike;
    assert_near(s[2].level[0].energy.v / s[1].level[0].energy.v, 2);
    assert_near(s[1].level[0].energy.v + s[2].level[0].energy.v,
                2 * s[0].level[0].energy.v);
    assert_true(given(p.policy, other, maths, &grams) >= 0.95 - 1e-9);
    /* Nobody judged: what is long is made brief first, and that is worth more. */
    (void)given(p.policy, s[0].mix, s[0].mix, &grams_alike);
    assert_true(grams < grams_alike - 1e-6);
    assert_true(maths[0] < other[0]);

    judge_kinds(p.policy, 5, &judged); /* in maths L2 is worth nothing */
    in.judged = &judged;
    p = plan(&in);
    other = p.policy->strata[1].mix;
    maths = p.policy->strata[2].mix;
    assert_true(given(p.policy, other, maths, &grams) >= 0.95 - 1e-9);
    assert_true(maths[2] < 0.01 && other[2] > 0.5);
    /* A rule for maths keeps the floor with maths alone. */
    const double *const rule = p.policy->rules[0].mix[2];
    const struct sprout_belief *const b = p.policy->strata[2].level;
    assert_near(rule[1], 0);
    assert_true(rule[0] + rule[2] * b[2].quality / b[0].quality >= 0.95 - 1e-9);
    assert_memory_equal(p.policy->rules[0].mix[1], p.policy->rules[0].mix[0],
                        3 * sizeof(double));
    sprout_config_free(c);
}

static void kinds_are_strata_where_there_is_a_predictor(void **state)
{
    (void)state;
    struct sprout_config *c =
        config_of("rules: [{name: r, match: {model: x}, levels: [L0, L1]}]");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 0);
    const struct sprout_policy *const p = plan(&in).policy;
    assert_int_equal(p->stratum_count, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(sprout_kind_of(p->strata[i].name), i - 1);
        assert_memory_equal(p->strata[i].mix, p->strata[0].mix, 3 * sizeof(double));
        assert_memory_equal(p->rules[0].mix[i], p->rules[0].mix[0], 3 * sizeof(double));
    }
    in.predictor = NULL;
    assert_int_equal(plan(&in).policy->stratum_count, 1);
    sprout_config_free(c);
}

static void under_a_floor_of_accuracy_kinds_have_the_mix_of_all(void **state)
{
    (void)state;
    struct sprout_config *c = config_of("quality: {rule: fixed, floor: 0.95}\n"
                                        "predictor: {samples_min: 50, caution: 0}\n"
                                        "accuracy: {floor: 0.9}\n");
    const struct sprout_predictor predictor = {.id = 7};
    const struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    const struct sprout_policy *const p = plan(&in).policy;
    for (size_t i = 0; i < p->stratum_count; i++) {
        assert_near(p->strata[i].mix[0], 1); /* there are no references */
    }
    sprout_config_free(c);
}

/* How many of 2 000 conversations with a prompt of this kind, at the rule's header or without
 * it, are given L2: chosen as nginx chooses. */
static int given_l2(const struct sprout_policy *p, enum sprout_kind kind, bool unlike)
{
    int n = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        const struct sprout_prediction said = {.kind = kind,
                                               .unlike = unlike,
                                               .quality = {13107, 13107, 39322},
                                               .tokens = {51200, 12800, 2560}};
        const struct sprout_traits t = {.eligible = true,
                                        .conversation = i * 77 + 1,
                                        .route = SPROUT_STR("/v1/chat/completions"),
                                        .model = SPROUT_STR("m"),
                                        .ask_floor = NAN,
                                        .prediction = &said};
        n += sprout_choose(p, &t, p->created).level == 2;
    }
    return n;
}

static void a_level_is_withdrawn_from_one_kind(void **state)
{
    (void)state;
    struct sprout_config *c =
        config_of("quality: {rule: fixed, floor: 0.9}\nholdout: 0\nexplore: 0.2\n"
                  "predictor: {samples_min: 50, caution: 0}\n"
                  "rules: [{name: mine, match: {model: m}, levels: [L1, L2]}]\n");
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    for (int with_rule = 0; with_rule < 2; with_rule++) {
        c->rules_count = (uint32_t)with_rule;
        in.withdrawn = (struct sprout_withdrawn){.of_kind = {[SPROUT_KIND_MATHS] = 4}};
        const struct sprout_policy *p = plan(&in).policy;
        assert_int_equal(p->rule_count, 1 + 2 * with_rule);
        assert_true(sprout_str_eq(p->rules[p->rule_count - 1].name,
                                  SPROUT_STR(SPROUT_PLAN_WITHDRAWN ":maths")));
        for (int unlike = 0; unlike < 2; unlike++) {
            assert_int_equal(given_l2(p, SPROUT_KIND_MATHS, unlike), 0);
            assert_true(given_l2(p, SPROUT_KIND_OTHER, unlike) > 0);
        }
        in.withdrawn = (struct sprout_withdrawn){.of_all = 4};
        p = plan(&in).policy;
        assert_int_equal(given_l2(p, SPROUT_KIND_OTHER, false), 0);
    }
    c->rules_count = 1;
    sprout_config_free(c);
}

/* The rules of a kind need room; without it nobody is given what one kind dislikes. */
static void without_room_a_level_is_withdrawn_from_all(void **state)
{
    (void)state;
    char yaml[16384] = "holdout: 0\npredictor: {samples_min: 50, caution: 0}\nrules:\n";
    for (int i = 0; i < 150; i++) {
        const size_t at = strlen(yaml);
        snprintf(yaml + at, sizeof yaml - at,
                 " - {name: r%d, match: {model: x%d}, floor: 1}\n", i, i);
    }
    struct sprout_config *c = config_of(yaml);
    const struct sprout_predictor predictor = {.id = 7};
    struct sprout_plan_in in = predicted_input(c, &predictor, 100);
    in.withdrawn = (struct sprout_withdrawn){.of_kind = {[SPROUT_KIND_MATHS] = 4}};
    const struct sprout_policy *const p = plan(&in).policy;
    assert_int_equal(p->rule_count, 151);
    assert_int_equal(given_l2(p, SPROUT_KIND_MATHS, false), 0);
    assert_int_equal(given_l2(p, SPROUT_KIND_OTHER, false), 0);
    sprout_config_free(c);
    /* Nor is there any where a name leaves none for that of the kind. */
    c = config_of(
        "holdout: 0\npredictor: {samples_min: 50, caution: 0}\nrules:\n"
        " - {name: a234567890123456789012345678901234567890123456789012345678901234,"
        " match: {model: x}, floor: 1}\n");
    in.config = c;
    assert_int_equal(given_l2(plan(&in).policy, SPROUT_KIND_OTHER, false), 0);
    sprout_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_on_one_kind_move_that_kind),
        cmocka_unit_test(where_no_prediction_decides_kinds_have_mixes_of_one_optimum),
        cmocka_unit_test(kinds_are_strata_where_there_is_a_predictor),
        cmocka_unit_test(under_a_floor_of_accuracy_kinds_have_the_mix_of_all),
        cmocka_unit_test(a_level_is_withdrawn_from_one_kind),
        cmocka_unit_test(without_room_a_level_is_withdrawn_from_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
