/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the posterior of quality and the judge's report card: scripted judges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/judge.h"
#include "core/quality.h"
#include "draw.h"

enum { LEVELS = 3, ITEMS = 3000, QUESTIONS = 2 * ITEMS };

static uint64_t state;

static void assert_near(double got, double expected, double by)
{
    if (!(fabs(got - expected) <= by)) {
        fail_msg("%.15g is not %.15g", got, expected);
    }
}

static double uniform(void)
{
    return draw_unit(&state);
}

/* Marsaglia and Tsang; for shapes below 1 by Gamma(a + 1) U^(1/a). */
static double gamma_draw(double a)
{
    if (a < 1) {
        return gamma_draw(a + 1) * pow(uniform() + 1e-300, 1 / a);
    }
    const double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x =
            sqrt(-2 * log(uniform() + 1e-300)) * cos(6.283185307179586 * uniform());
        const double v = pow(1 + c * x, 3);
        if (v > 0 && log(uniform() + 1e-300) < 0.5 * x * x + d - d * v + d * log(v)) {
            return d * v;
        }
    }
}

static void dirichlet(const double *share, double weight, double *out)
{
    double sum = 0;
    for (int l = 0; l < LEVELS; l++) {
        sum += out[l] = gamma_draw(weight * share[l]);
    }
    for (int l = 0; l < LEVELS; l++) {
        out[l] /= sum;
    }
}

static int draw(const double *share, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += share[i];
    }
    double u = uniform() * sum;
    int i = 0;
    while (i < n - 1 && u >= share[i]) {
        u -= share[i++];
    }
    return i;
}

static struct sprout_quality_verdict verdicts[QUESTIONS];
static struct sprout_quality_fit fitted;

static const double published[LEVELS] = {.44, .32, .24};
static const double slot_bias[LEVELS] = {.49, .32, .19};

static struct sprout_quality_opts options(int strata)
{
    struct sprout_quality_opts o = {.levels = LEVELS, .strata = strata};
    for (int l = 0; l < LEVELS; l++) {
        o.prior[l] = published[l];
    }
    return o;
}

/* A judge that names level l in slot j with odds want[stratum][l] * bias[j]. */
static void judge(int strata, const double want[][LEVELS], const double *bias,
                  bool balanced)
{
    for (int i = 0; i < QUESTIONS; i++) {
        struct sprout_quality_verdict *const v = &verdicts[i];
        double odds[LEVELS];
        *v = (struct sprout_quality_verdict){
            .item = i / 2, .question = i % 2, .stratum = i / 2 % strata, .slots = LEVELS};
        if (balanced) {
            sprout_judge_order(SPROUT_JUDGE_BEST_OF, LEVELS, i / 2 / strata, i % 2,
                               v->shown);
        }
        for (int j = 0; j < LEVELS; j++) {
            v->shown[j] = balanced ? v->shown[j] : (uint8_t)j;
            v->tokens[j].n = 300 - 100 * j;
            odds[j] = want[v->stratum][v->shown[j]] * bias[j];
        }
        v->best = UINT32_C(1) << v->shown[draw(odds, LEVELS)];
    }
}

static bool within(const struct sprout_quality *q, const double *truth, double level)
{
    bool in = true;
    for (int l = 0; l < LEVELS; l++) {
        const struct sprout_quality_interval x = sprout_quality_share(q, l, level);
        in = in && x.low <= truth[l] && truth[l] <= x.high;
    }
    return in;
}

static void quantiles_of_the_beta_are_those_of_closed_forms(void **s)
{
    (void)s;
    assert_near(sprout_beta_cdf(2, 3, 0.4), 0.5248, 1e-12);
    assert_near(sprout_beta_quantile(1, 1, 0.3), 0.3, 1e-12);
    assert_near(sprout_beta_quantile(5, 1, 0.9), pow(0.9, 0.2), 1e-12);
    assert_near(sprout_beta_quantile(1, 4, 0.05), 1 - pow(0.95, 0.25), 1e-12);
    for (double a = 0.02; a < 1e5; a *= 7) {
        for (double b = 0.5; b < 1e5; b *= 9) {
            const double x = sprout_beta_quantile(a, b, 0.05);
            if (x > 1e-50) {
                assert_near(sprout_beta_cdf(a, b, x), 0.05, 1e-6);
            }
        }
    }
}

static const double prefer[2][LEVELS] = {{.54, .26, .20}, {.24, .35, .41}};

static void balanced_orders_reach_the_truth_and_others_do_not(void **s)
{
    (void)s;
    const struct sprout_quality_opts o = options(2);
    state = 1;
    judge(2, prefer, slot_bias, true);
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    assert_true(fitted.biased[LEVELS]);
    for (int k = 0; k < 2; k++) {
        assert_true(within(&fitted.stratum[k], prefer[k], 0.99));
    }
    for (int j = 0; j < LEVELS; j++) {
        assert_near(fitted.bias[LEVELS][j], slot_bias[j], 0.03);
    }

    struct sprout_quality_opts plain = o;
    plain.uncorrected = true;
    judge(2, prefer, slot_bias, false);
    sprout_quality_fit(verdicts, QUESTIONS, &plain, &fitted);
    assert_false(within(&fitted.stratum[0], prefer[0], 0.999));
    assert_false(within(&fitted.stratum[1], prefer[1], 0.999));
}

static enum sprout_judge_fault fault(void)
{
    return sprout_judge_card(verdicts, QUESTIONS).fault;
}

static void a_judge_with_preferences_is_usable_and_bad_ones_are_found_out(void **s)
{
    (void)s;
    static const double even[LEVELS] = {1, 1, 1}, first[LEVELS] = {1, 0, 0};
    static const double nothing[1][LEVELS] = {{1, 1, 1}}, length[1][LEVELS] = {{1, 0, 0}};
    state = 2;
    judge(2, prefer, slot_bias, true);
    assert_int_equal(fault(), SPROUT_JUDGE_USABLE);
    for (int i = 0; i < QUESTIONS; i += 4) {
        verdicts[i].best = 0;
    }
    assert_int_equal(fault(), SPROUT_JUDGE_UNREADABLE);
    judge(1, nothing, even, true);
    assert_int_equal(fault(), SPROUT_JUDGE_RANDOM);
    judge(1, nothing, slot_bias, true);
    assert_int_equal(fault(), SPROUT_JUDGE_RANDOM);
    judge(1, nothing, first, true);
    assert_int_equal(fault(), SPROUT_JUDGE_POSITION);
    judge(1, length, even, true);
    assert_int_equal(fault(), SPROUT_JUDGE_LONGEST);
    assert_int_equal(sprout_judge_card(verdicts, 20).fault, SPROUT_JUDGE_FEW);
}

static void random_judges_are_found_out_almost_always(void **s)
{
    (void)s;
    static const double even[LEVELS] = {1, 1, 1}, nothing[1][LEVELS] = {{1, 1, 1}};
    int missed = 0;
    state = 3;
    for (int i = 0; i < 200; i++) {
        judge(1, nothing, even, true);
        /* The fewest comparisons that are looked at, and many. */
        missed += sprout_judge_card(verdicts, 60).fault == SPROUT_JUDGE_USABLE;
        missed += fault() == SPROUT_JUDGE_USABLE;
    }
    assert_in_range(missed, 0, 10);
}

static void a_judge_that_names_wrong_answers_is_found_out(void **s)
{
    (void)s;
    static const double even[LEVELS] = {1, 1, 1}, last[1][LEVELS] = {{.1, .2, .7}};
    judge(1, last, even, true);
    for (int i = 0; i < QUESTIONS; i++) {
        verdicts[i].right = 3;
        verdicts[i].wrong = 4;
    }
    assert_int_equal(fault(), SPROUT_JUDGE_WRONG);
}

/* A judge of a mind: it names the same level in both orders, as often as `want` says. */
/* The first `of` comparisons are run 1, by a judge who stays with what he said; the rest are
 * run 2 of `odds` and `bias`. */
static void then_judges(int of, const double odds[][LEVELS], const double *bias)
{
    static struct sprout_quality_verdict before[QUESTIONS];
    static const double even[LEVELS] = {1, 1, 1};
    judge(1, prefer, even, true);
    for (int i = 1; i < QUESTIONS; i += 2) {
        verdicts[i].best = verdicts[i - 1].best;
    }
    memcpy(before, verdicts, sizeof before);
    judge(1, odds, bias, true);
    memcpy(verdicts, before, (size_t)of * 2 * sizeof *before);
    for (int i = 0; i < QUESTIONS; i++) {
        verdicts[i].run = i < of * 2 ? 1 : 2;
    }
}

static void a_judge_that_went_bad_is_left_out_from_there_on(void **s)
{
    (void)s;
    static const double even[LEVELS] = {1, 1, 1}, first[LEVELS] = {1, 0, 0};
    static const double nothing[1][LEVELS] = {{1, 1, 1}};
    struct sprout_judge_failed failed[SPROUT_JUDGE_FAILED_MAX];
    size_t n;
    state = 12;
    then_judges(ITEMS, prefer, even); /* he stays as he was */
    for (int i = 0; i < QUESTIONS; i++) {
        verdicts[i].run = i / 200;
    }
    assert_int_equal(sprout_judge_sieve(verdicts, QUESTIONS, failed, &n), QUESTIONS);
    assert_int_equal(n, 0);
    then_judges(200, nothing, first);
    assert_int_equal(sprout_judge_card(verdicts, 600).fault, SPROUT_JUDGE_USABLE);
    assert_int_equal(sprout_judge_sieve(verdicts, 600, failed, &n), 400);
    assert_int_equal(n, 1);
    assert_int_equal(failed[0].run, 2);
    assert_int_equal(failed[0].fault, SPROUT_JUDGE_POSITION);
    then_judges(200, nothing, even);
    assert_int_equal(sprout_judge_sieve(verdicts, 600, failed, &n), 400);
    assert_int_equal(failed[0].fault, SPROUT_JUDGE_RANDOM);
    /* Too few to fail; all of them fail. */
    assert_int_equal(sprout_judge_sieve(verdicts, 458, failed, &n), 458);
    judge(1, nothing, first, true);
    assert_int_equal(sprout_judge_sieve(verdicts, QUESTIONS, failed, &n), 0);
}

static void decided(int strata, double want[][LEVELS], int questions)
{
    int level = 0;
    for (int j = 0; j < questions; j++) {
        struct sprout_quality_verdict *const v = &verdicts[j];
        *v = (struct sprout_quality_verdict){
            .item = j / 2, .question = j % 2, .stratum = j / 2 % strata, .slots = LEVELS};
        sprout_judge_order(SPROUT_JUDGE_BEST_OF, LEVELS, j / 2, j % 2, v->shown);
        level = j % 2 == 0 ? draw(want[v->stratum], LEVELS) : level;
        v->best = UINT32_C(1) << level;
    }
}

/* Does a 90 % interval of the first stratum's share of level 0 hold the truth, and does the
 * one of its level 2 relative to level 0?  Truth is drawn as the prior says. */
static void one_truth(int strata, int *share_held, int *ratio_held)
{
    enum { QUESTIONS_ASKED = 120 };
    const struct sprout_quality_opts o = options(strata);
    double whole[LEVELS], want[4][LEVELS];

    dirichlet(published, 30, whole);
    for (int k = 0; k < strata; k++) {
        dirichlet(whole, 50, want[k]);
    }
    if (strata == 1) { /* one stratum is the whole */
        memcpy(want[0], whole, sizeof whole);
    }
    decided(strata, want, QUESTIONS_ASKED);
    sprout_quality_fit(verdicts, QUESTIONS_ASKED, &o, &fitted);
    const struct sprout_quality *const q = &fitted.stratum[0];
    const struct sprout_quality_interval x = sprout_quality_share(q, 0, 0.9);
    const struct sprout_quality_interval r = sprout_quality_relative(q, 2, 0.9);
    const double ratio = want[0][2] / want[0][0];
    *share_held += x.low <= want[0][0] && want[0][0] <= x.high;
    *ratio_held += r.low <= ratio && ratio <= r.high;
}

/* SPROUT_RUNS says how often: 2 000 or more, as fewer scatter out of the band. */
static void ninety_percent_intervals_hold_the_truth_in_ninety_percent(void **s)
{
    (void)s;
    const char *const asked = getenv("SPROUT_RUNS");
    const int runs = asked == NULL ? 10000 : (int)strtoul(asked, NULL, 10);
    state = 4;
    for (int strata = 1; strata <= 4; strata *= 2) {
        int share = 0, ratio = 0;
        for (int i = 0; i < runs; i++) {
            one_truth(strata, &share, &ratio);
        }
        print_message("%d runs, strata %d: 90 %% intervals held %.2f %% (share), %.2f %% "
                      "(ratio)\n",
                      runs, strata, 100.0 * share / runs, 100.0 * ratio / runs);
        assert_in_range(share * 1000L / runs, 880, 920);
        assert_in_range(ratio * 1000L / runs, 880, 920);
    }
}

static void what_is_old_is_forgotten_by_half(void **s)
{
    (void)s;
    static const double even[LEVELS] = {1, 1, 1};
    struct sprout_quality_opts o = options(1);
    state = 5;
    judge(1, prefer, even, true);
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    const double fresh = fitted.whole.n;
    o.half_life.ns = 3600 * SPROUT_NS_PER_SECOND;
    o.now.ns = o.half_life.ns;
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    assert_near(fitted.whole.n, fresh / 2, 1);
}

static void a_jump_in_verdicts_makes_the_old_ones_count_little(void **s)
{
    (void)s;
    static const double even[LEVELS] = {1, 1, 1};
    const struct sprout_quality_opts o = options(1);
    state = 6;
    judge(1, prefer, even, true);
    for (int i = QUESTIONS / 2; i < QUESTIONS; i++) {
        verdicts[i].run = 1;
    }
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    assert_false(fitted.jumped);
    const double calm = fitted.whole.n;
    for (int i = QUESTIONS / 2; i < QUESTIONS; i++) {
        verdicts[i].best = UINT32_C(1) << 2;
    }
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    assert_true(fitted.jumped);
    assert_true(fitted.whole.n < 0.6 * calm);
}

static void pairs_give_the_same_ratio_as_all_at_once(void **s)
{
    (void)s;
    const struct sprout_quality_opts o = options(1);
    static const double bias[2] = {.6, .4};
    static struct sprout_quality_verdict v[4 * ITEMS];
    state = 7;
    for (int i = 0; i < 4 * ITEMS; i++) {
        double odds[2];
        v[i] = (struct sprout_quality_verdict){.item = i / 4, .question = i % 4};
        v[i].slots =
            sprout_judge_order(SPROUT_JUDGE_PAIRWISE, LEVELS, i / 4, i % 4, v[i].shown);
        for (int j = 0; j < 2; j++) {
            odds[j] = prefer[0][v[i].shown[j]] * bias[j];
        }
        v[i].best = UINT32_C(1) << v[i].shown[draw(odds, 2)];
    }
    sprout_quality_fit(v, 4 * ITEMS, &o, &fitted);
    for (int l = 1; l < LEVELS; l++) {
        const struct sprout_quality_interval r =
            sprout_quality_relative(&fitted.whole, l, 0.99);
        const double truth = prefer[0][l] / prefer[0][0];
        assert_true(r.low <= truth && truth <= r.high);
        assert_true(sprout_quality_cautious(&fitted.whole, l, 0.9) < r.value);
    }
}

/* Two kinds of prompts, nine to one; half of those judged are of the rare kind. */
static void prompts_sampled_out_of_proportion_count_in_theirs(void **s)
{
    (void)s;
    static const double want[2][LEVELS] = {{.2, .4, .4}, {.7, .2, .1}};
    static const double none[LEVELS] = {1, 1, 1};
    const double truth[LEVELS] = {.9 * .2 + .1 * .7, .9 * .4 + .1 * .2,
                                  .9 * .4 + .1 * .1};
    const struct sprout_quality_opts o = options(1);

    judge(2, want, none, true);
    for (int i = 0; i < QUESTIONS; i++) {
        verdicts[i].weight = verdicts[i].stratum == 0 ? 1.8 : 0.2;
        verdicts[i].stratum = 0;
    }
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    assert_true(within(&fitted.whole, truth, 0.99));
    /* (1.8 + 0.2)^2 / (2 (1.8^2 + 0.2^2)) of what as many in proportion would say. */
    const double weighted = fitted.whole.n;
    for (int i = 0; i < QUESTIONS; i++) {
        verdicts[i].weight = 0;
    }
    sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
    assert_false(within(&fitted.whole, truth, 0.999));
    assert_near(weighted / fitted.whole.n, 4 / (2 * (1.8 * 1.8 + 0.2 * 0.2)), 0.02);
}

/* The newest run has other kinds than those before, and is no jump. */
static void another_sample_of_the_same_prompts_is_no_jump(void **s)
{
    (void)s;
    static const double want[2][LEVELS] = {{.2, .4, .4}, {.7, .2, .1}};
    static const double none[LEVELS] = {1, 1, 1};
    const struct sprout_quality_opts o = options(1);

    judge(2, want, none, true);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < QUESTIONS; i++) {
            /* The older half: three in four of the first kind are not there. */
            const bool older = i < QUESTIONS / 2, rare = i / 2 % 2 == 1;
            verdicts[i].run = older ? 1 : 2;
            verdicts[i].stratum = older && !rare && i / 4 % 4 != 0 ? -1 : 0;
            verdicts[i].weight = pass == 1 || !older ? 0 : rare ? 0.625 : 2.5;
        }
        sprout_quality_fit(verdicts, QUESTIONS, &o, &fitted);
        assert_int_equal(fitted.jumped, pass == 1);
    }
}

static void nothing_said_leaves_the_prior(void **s)
{
    (void)s;
    const struct sprout_quality_opts o = options(3);
    sprout_quality_fit(NULL, 0, &o, &fitted);
    for (int l = 0; l < LEVELS; l++) {
        assert_near(sprout_quality_share(&fitted.stratum[2], l, 0.9).value, published[l],
                    1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_the_beta_are_those_of_closed_forms),
        cmocka_unit_test(balanced_orders_reach_the_truth_and_others_do_not),
        cmocka_unit_test(a_judge_with_preferences_is_usable_and_bad_ones_are_found_out),
        cmocka_unit_test(random_judges_are_found_out_almost_always),
        cmocka_unit_test(a_judge_that_names_wrong_answers_is_found_out),
        cmocka_unit_test(a_judge_that_went_bad_is_left_out_from_there_on),
        cmocka_unit_test(ninety_percent_intervals_hold_the_truth_in_ninety_percent),
        cmocka_unit_test(what_is_old_is_forgotten_by_half),
        cmocka_unit_test(a_jump_in_verdicts_makes_the_old_ones_count_little),
        cmocka_unit_test(pairs_give_the_same_ratio_as_all_at_once),
        cmocka_unit_test(prompts_sampled_out_of_proportion_count_in_theirs),
        cmocka_unit_test(another_sample_of_the_same_prompts_is_no_jump),
        cmocka_unit_test(nothing_said_leaves_the_prior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
