/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/choice: boundaries, shares, precedence, rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/choice.h"
#include "policy_fixture.h"

enum { CONVERSATIONS = 20000 };

static const sprout_instant now = {INT64_C(1500) * SPROUT_NS_PER_SECOND};

static bool team_header(void *ctx, struct sprout_str name, struct sprout_str *out)
{
    (void)ctx;
    if (!sprout_str_eq(name, SPROUT_STR("x-team"))) {
        return false;
    }
    *out = SPROUT_STR("search-eu");
    return true;
}

static struct sprout_traits traits_of(uint64_t conversation)
{
    return (struct sprout_traits){
        .route = SPROUT_STR("/v1/chat/completions"),
        .model = SPROUT_STR("llama-2-13b"),
        .api = SPROUT_STR("openai-chat"),
        .api_key_sha256 = SPROUT_STR(
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
        .header = team_header,
        .body_bytes = 500,
        .eligible = true,
        .conversation = conversation,
        .ask_floor = NAN,
    };
}

static struct sprout_choice choose(const struct sprout_policy *p, uint64_t conversation)
{
    const struct sprout_traits t = traits_of(conversation);
    return sprout_choose(p, &t, now);
}

static void u_falls_into_the_boundaries_of_the_mix(void **state)
{
    (void)state;
    const double mix[] = {0.25, 0.5, 0.25};
    assert_int_equal(sprout_mix_draw(mix, 3, 0), 0);
    assert_int_equal(sprout_mix_draw(mix, 3, 0.2499), 0);
    assert_int_equal(sprout_mix_draw(mix, 3, 0.25), 1);
    assert_int_equal(sprout_mix_draw(mix, 3, 0.75), 2);
    assert_int_equal(sprout_mix_draw(mix, 3, 0.9999999), 2);
}

static void a_level_without_share_is_never_drawn(void **state)
{
    (void)state;
    /* The sum is short of 1 by what the policy tolerates. */
    const double mix[] = {0, 1 - 1e-9, 0};
    assert_int_equal(sprout_mix_draw(mix, 3, 0), 1);
    assert_int_equal(sprout_mix_draw(mix, 3, 1 - 1e-12), 1);
}

static void the_shares_of_the_mix_are_what_is_served(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_policy *p = policy_fixture_init(&f);
    int count[3] = {0};
    for (uint64_t k = 0; k < CONVERSATIONS; k++) {
        const struct sprout_choice c = choose(p, k);
        assert_int_equal(c.arm, SPROUT_ARM_MIX);
        assert_int_equal(c.reason, SPROUT_REASON_MIX);
        count[c.level]++;
    }
    for (int l = 0; l < 3; l++) { /* 5 standard deviations of a share are under 0.018 */
        assert_float_equal((float)count[l] / CONVERSATIONS, (float)f.stratum.mix[l],
                           0.018F);
    }
}

/* Where a conversation's u lies, found with two-level mixes: the choice is L1 exactly when
 * u >= the share of L0. */
static double u_of(struct policy_fixture *f, uint64_t conversation)
{
    const struct sprout_stratum kept = f->stratum;
    double low = 0, high = 1;
    for (int step = 0; step < 50; step++) {
        const double mid = (low + high) / 2;
        memcpy(f->stratum.mix, (double[]){mid, 1 - mid, 0}, 3 * sizeof(double));
        if (choose(&f->policy, conversation).level == 0) {
            high = mid;
        } else {
            low = mid;
        }
    }
    f->stratum = kept;
    return low;
}

static int level_between(double a, double b, double u)
{
    return u < a ? 0 : u < b ? 1 : 2;
}

static void a_new_mix_moves_exactly_those_between_an_old_and_a_new_boundary(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_policy *p = policy_fixture_init(&f);
    int moved = 0;
    for (uint64_t k = 0; k < 2000; k++) {
        const double u = u_of(&f, k);
        memcpy(f.stratum.mix, (double[]){0.2, 0.5, 0.3}, 3 * sizeof(double));
        const int before = choose(p, k).level;
        memcpy(f.stratum.mix, (double[]){0.3, 0.35, 0.35}, 3 * sizeof(double));
        const int after = choose(p, k).level;

        assert_int_equal(before, level_between(0.2, 0.7, u));
        assert_int_equal(after, level_between(0.3, 0.65, u));
        const bool between = (u >= 0.2 && u < 0.3) || (u >= 0.65 && u < 0.7);
        assert_int_equal(before != after, between);
        moved += between;
    }
    assert_in_range(moved, 240, 360); /* 0.15 of 2000, 5 standard deviations */
}

static void a_conversation_keeps_its_level_and_another_salt_draws_anew(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    int same = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        const int level = choose(p, k).level;
        assert_int_equal(choose(p, k).level, level);
        p->salt.k0++;
        same += choose(p, k).level == level;
        p->salt.k0--;
    }
    assert_in_range(same, 280, 480); /* 0.38 by chance */
}

static void the_holdout_has_its_share_and_is_at_l0(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    p->holdout = 0.1;
    int held = 0;
    for (uint64_t k = 0; k < CONVERSATIONS; k++) {
        const struct sprout_choice c = choose(p, k);
        if (c.arm == SPROUT_ARM_HOLDOUT) {
            assert_int_equal(c.level, 0);
            assert_int_equal(c.reason, SPROUT_REASON_HOLDOUT);
            held++;
        }
    }
    assert_in_range(held, 1788, 2212); /* 2000, 5 standard deviations */
}

static void the_holdout_stays_when_the_mix_moves_and_is_not_of_one_mix_level(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    int held[3] = {0}, all[3] = {0};
    for (uint64_t k = 0; k < CONVERSATIONS; k++) {
        p->holdout = 0;
        memcpy(f.stratum.mix, (double[]){0.2, 0.5, 0.3}, 3 * sizeof(double));
        const int would = choose(p, k).level;
        p->holdout = 0.1;
        const enum sprout_arm before = choose(p, k).arm;
        memcpy(f.stratum.mix, (double[]){0, 0, 1}, 3 * sizeof(double));
        assert_int_equal(choose(p, k).arm, before);
        all[would]++;
        held[would] += before == SPROUT_ARM_HOLDOUT;
    }
    for (int l = 0; l < 3; l++) { /* independent of what the mix would have given */
        assert_float_equal((float)held[l] / (float)all[l], 0.1F, 0.025F);
    }
}

static void a_larger_holdout_keeps_those_it_had(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    for (uint64_t k = 0; k < 2000; k++) {
        p->holdout = 0.1;
        const bool held = choose(p, k).arm == SPROUT_ARM_HOLDOUT;
        p->holdout = 0.2;
        assert_true(!held || choose(p, k).arm == SPROUT_ARM_HOLDOUT);
    }
}

static void exploration_gives_every_allowed_level_the_same_chance(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){1, 0, 0}, 3 * sizeof(double));
    p->explore = 0.3;
    int count[3] = {0};
    for (uint64_t k = 0; k < CONVERSATIONS; k++) {
        const struct sprout_choice c = choose(p, k);
        if (c.arm == SPROUT_ARM_EXPLORE) {
            assert_int_equal(c.reason, SPROUT_REASON_EXPLORE);
            count[c.level]++;
        }
    }
    for (int l = 0; l < 3; l++) {
        assert_in_range(count[l], 1785, 2215); /* 2000, 5 standard deviations */
    }
}

static void check(const struct sprout_policy *p, const struct sprout_traits *t, int level,
                  enum sprout_arm arm, enum sprout_reason reason)
{
    const struct sprout_choice c = sprout_choose(p, t, now);
    assert_string_equal(sprout_reason_text(c.reason), sprout_reason_text(reason));
    assert_int_equal(c.arm, arm);
    assert_int_equal(c.level, level);
}

/* Everything is on at once; taking away the strongest lets the next one speak. */
static void each_step_of_the_precedence_outranks_the_next(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){0, 0, 1}, 3 * sizeof(double));
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->off = true;
    r->force = SPROUT_YES;
    p->holdout = 1;
    p->explore = 1;
    struct sprout_traits t = traits_of(1);
    t.eligible = false;
    t.blocked = SPROUT_REASON_TOOLS;
    t.ask_level = SPROUT_STR(" l1 ");

    check(NULL, &t, 0, SPROUT_ARM_NONE, SPROUT_REASON_POLICY_MISSING);
    const struct sprout_choice expired = sprout_choose(p, &t, p->valid_until);
    assert_int_equal(expired.reason, SPROUT_REASON_POLICY_EXPIRED);
    assert_int_equal(expired.level, 0);
    assert_int_equal(expired.arm, SPROUT_ARM_NONE);
    assert_int_equal(expired.rule, -1);

    check(p, &t, 0, SPROUT_ARM_NONE, SPROUT_REASON_TOOLS);
    t.eligible = true;
    check(p, &t, 0, SPROUT_ARM_NONE, SPROUT_REASON_RULE_OFF);
    r->off = false;
    check(p, &t, 1, SPROUT_ARM_FORCED, SPROUT_REASON_FORCED);
    r->force = SPROUT_NO;
    check(p, &t, 0, SPROUT_ARM_HOLDOUT, SPROUT_REASON_HOLDOUT);
    p->holdout = 0;
    r->levels = 1U << 1;
    check(p, &t, 1, SPROUT_ARM_EXPLORE, SPROUT_REASON_EXPLORE);
    p->explore = 0;
    r->levels = 0;
    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
}

static void the_last_nanosecond_of_validity_counts(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_policy *p = policy_fixture_init(&f);
    const struct sprout_traits t = traits_of(1);
    const sprout_instant last = {p->valid_until.ns - 1};
    assert_int_equal(sprout_choose(p, &t, last).arm, SPROUT_ARM_MIX);
}

static void a_client_may_force_where_rule_or_policy_allows(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){0, 0, 1}, 3 * sizeof(double));
    struct sprout_traits t = traits_of(1);
    t.ask_level = SPROUT_STR("L1");

    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
    p->force = true;
    check(p, &t, 1, SPROUT_ARM_FORCED, SPROUT_REASON_FORCED);
    t.ask_level = SPROUT_STR("auto");
    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
    t.ask_level = SPROUT_STR("L7");
    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);

    t.ask_level = SPROUT_STR("L1");
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->force = SPROUT_NO;
    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
    r->force = SPROUT_YES;
    r->levels = 1U << 0 | 1U << 2;
    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
}

static void a_client_floor_takes_levels_away_and_never_adds_any(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){0, 0, 1}, 3 * sizeof(double));
    struct sprout_traits t = traits_of(1);

    t.ask_floor = 0.5; /* L2 keeps 0.55 of L0's quality */
    check(p, &t, 2, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
    t.ask_floor = 0.9; /* L1 keeps 0.95 */
    check(p, &t, 1, SPROUT_ARM_MIX, SPROUT_REASON_FLOOR);
    t.ask_floor = 0.98;
    check(p, &t, 0, SPROUT_ARM_MIX, SPROUT_REASON_FLOOR);
    t.ask_floor = 5;
    check(p, &t, 0, SPROUT_ARM_MIX, SPROUT_REASON_FLOOR);

    memcpy(f.stratum.mix, (double[]){1, 0, 0}, 3 * sizeof(double));
    t.ask_floor = -1;
    check(p, &t, 0, SPROUT_ARM_MIX, SPROUT_REASON_MIX);

    p->force = true;
    t.ask_level = SPROUT_STR("L2");
    t.ask_floor = 0.98;
    check(p, &t, 0, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
}

static void exploration_respects_floors_and_the_rules_levels(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    p->explore = 1;
    struct sprout_rule *r = policy_fixture_rule(&f);
    int seen = 0;
    r->floor = 0.9;
    for (uint64_t k = 0; k < 200; k++) {
        seen |= 1 << choose(p, k).level;
    }
    assert_int_equal(seen, 1 << 0 | 1 << 1);

    seen = 0;
    r->floor = NAN;
    r->levels = 1U << 1 | 1U << 2;
    for (uint64_t k = 0; k < 200; k++) {
        seen |= 1 << choose(p, k).level;
    }
    assert_int_equal(seen, 1 << 1 | 1 << 2);
}

static void a_rule_that_forbids_l0_has_no_holdout(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){1, 0, 0}, 3 * sizeof(double));
    p->holdout = 1;
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->levels = 1U << 1 | 1U << 2;
    struct sprout_traits t = traits_of(1);
    check(p, &t, 1, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
    t.ask_floor = 0.99; /* nothing is left: the operator's list stands */
    check(p, &t, 1, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
}

static void a_rules_own_mix_is_used_and_not_floored_twice(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){0, 0, 1}, 3 * sizeof(double));
    static const double own[1][SPROUT_LEVELS_MAX] = {{0, 1, 0}};
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->floor = 0.98; /* above L1's 0.95, which the average may still hold */
    r->mix = own;
    struct sprout_traits t = traits_of(1);
    check(p, &t, 1, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
    r->mix = NULL;
    check(p, &t, 0, SPROUT_ARM_MIX, SPROUT_REASON_FLOOR);
}

static void a_drawn_level_the_rule_forbids_gives_way_to_a_lower_one(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    memcpy(f.stratum.mix, (double[]){0, 0, 1}, 3 * sizeof(double));
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->levels = 1U << 0 | 1U << 1;
    const struct sprout_traits t = traits_of(1);
    check(p, &t, 1, SPROUT_ARM_MIX, SPROUT_REASON_MIX);
}

static void every_field_of_a_match_must_hold(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    struct sprout_rule *r = policy_fixture_rule(&f);
    assert_int_equal(choose(p, 1).rule, 0);

#define MATCHES(field, yes, no)                                                          \
    do {                                                                                 \
        r->match = (struct sprout_match){.field = yes};                                  \
        assert_int_equal(choose(p, 1).rule, 0);                                          \
        r->match = (struct sprout_match){.field = no};                                   \
        assert_int_equal(choose(p, 1).rule, -1);                                         \
    } while (0)
    MATCHES(route, SPROUT_STR("/v1/*"), SPROUT_STR("/v2/*"));
    MATCHES(model, SPROUT_STR("llama-?-13b"), SPROUT_STR("llama"));
    MATCHES(api, SPROUT_STR("openai-chat"), SPROUT_STR("openai-*"));
    MATCHES(
        api_key_sha256,
        SPROUT_STR("00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"),
        SPROUT_STR("10112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"));
    MATCHES(header, SPROUT_STR("X-Team"), SPROUT_STR("x-other"));
    MATCHES(stream, SPROUT_NO, SPROUT_YES);
    MATCHES(tools, SPROUT_NO, SPROUT_YES);
    MATCHES(min_bytes, 500, 501);
    MATCHES(max_bytes, 500, 499);
#undef MATCHES

    r->match = (struct sprout_match){.header = SPROUT_STR("x-team"),
                                     .header_value = SPROUT_STR("search-*")};
    assert_int_equal(choose(p, 1).rule, 0);
    r->match.header_value = SPROUT_STR("ads-*");
    assert_int_equal(choose(p, 1).rule, -1);
    r->match =
        (struct sprout_match){.route = SPROUT_STR("/v1/*"), .model = SPROUT_STR("gpt*")};
    assert_int_equal(choose(p, 1).rule, -1);
}

static void the_first_rule_that_matches_wins(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    policy_fixture_rule(&f)->match.model = SPROUT_STR("gpt*");
    policy_fixture_rule(&f)->match.route = SPROUT_STR("/v1/*");
    policy_fixture_rule(&f)->off = true;
    const struct sprout_choice c = choose(p, 1);
    assert_int_equal(c.rule, 1);
    assert_int_equal(c.arm, SPROUT_ARM_MIX);
}

static void receipts_are_the_rules_say_and_else_the_policys(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    assert_false(choose(p, 1).receipts);
    p->receipts = true;
    assert_true(choose(p, 1).receipts);
    struct sprout_rule *r = policy_fixture_rule(&f);
    assert_true(choose(p, 1).receipts);
    r->receipts = SPROUT_NO;
    assert_false(choose(p, 1).receipts);
    p->receipts = false;
    r->receipts = SPROUT_YES;
    r->off = true;
    assert_true(choose(p, 1).receipts);
}

static void every_reason_and_arm_has_a_text(void **state)
{
    (void)state;
    for (int i = 0; i < SPROUT_REASON_COUNT; i++) {
        assert_true(strlen(sprout_reason_text((enum sprout_reason)i)) > 0);
    }
    assert_string_equal(sprout_reason_text(SPROUT_REASON_POLICY_EXPIRED),
                        "policy-expired");
    assert_string_equal(sprout_arm_text(SPROUT_ARM_NONE), "none");
    assert_string_equal(sprout_arm_text(SPROUT_ARM_MIX), "mix");
    assert_string_equal(sprout_arm_text(SPROUT_ARM_HOLDOUT), "holdout");
    assert_string_equal(sprout_arm_text(SPROUT_ARM_EXPLORE), "explore");
    assert_string_equal(sprout_arm_text(SPROUT_ARM_FORCED), "forced");
}

/* ---- prompts one by one --------------------------------------------------------------- */

/* Lengths of 200, 50 and 10 tokens; preferred with 0.5, 0.3 and 0.2. */
static struct sprout_prediction said_of(enum sprout_kind kind)
{
    return (struct sprout_prediction){
        .quality = {32768, 19661, 13107}, .tokens = {51200, 12800, 2560}, .kind = kind};
}

static struct sprout_policy *predicting(struct policy_fixture *f, int64_t price)
{
    struct sprout_policy *p = policy_fixture_init(f);
    p->predictor = (struct sprout_policy_predictor){.file = SPROUT_STR("w"),
                                                    .decides = true,
                                                    .ng_per_token = 1000,
                                                    .ng_per_quality = price};
    return p;
}

static struct sprout_choice choose_said(const struct sprout_policy *p,
                                        const struct sprout_prediction *said,
                                        double floor)
{
    struct sprout_traits t = traits_of(7);
    t.prediction = said;
    t.ask_floor = floor;
    return sprout_choose(p, &t, now);
}

static void a_prompt_is_decided_by_its_prediction_and_the_price(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_prediction said = said_of(SPROUT_KIND_OTHER);
    /* L0 costs 190 tokens more than L2 and is worth 0.3 more: 633 tokens a unit. */
    assert_int_equal(choose_said(predicting(&f, 100000), &said, NAN).level, 2);
    struct sprout_choice c = choose_said(predicting(&f, 800000), &said, NAN);
    assert_int_equal(c.level, 0);
    assert_int_equal(c.arm, SPROUT_ARM_MIX);
    assert_int_equal(c.reason, SPROUT_REASON_PREDICTED);
}

static void without_a_prediction_or_unlike_the_mix_decides(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = predicting(&f, 800000);
    struct sprout_prediction said = said_of(SPROUT_KIND_OTHER);
    assert_int_equal(choose_said(p, NULL, NAN).reason, SPROUT_REASON_MIX);
    said.unlike = true;
    assert_int_equal(choose_said(p, &said, NAN).reason, SPROUT_REASON_MIX);
    said.unlike = false;
    p->predictor.decides = false;
    assert_int_equal(choose_said(p, &said, NAN).reason, SPROUT_REASON_MIX);
}

static void a_clients_floor_is_held_against_the_prediction(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_prediction said = said_of(SPROUT_KIND_OTHER);
    const struct sprout_policy *p = predicting(&f, 1);
    assert_int_equal(choose_said(p, &said, NAN).level, 2);
    const struct sprout_choice c =
        choose_said(p, &said, 0.55); /* 0.3 / 0.5 may, L2 not */
    assert_int_equal(c.level, 1);
    assert_int_equal(c.reason, SPROUT_REASON_FLOOR);
    assert_int_equal(choose_said(p, &said, 0.98).level, 0);
}

static void a_rule_may_ask_for_the_predicted_kind(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = predicting(&f, 1);
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->match.kind = SPROUT_STR("maths");
    r->levels = 1;
    const struct sprout_prediction maths = said_of(SPROUT_KIND_MATHS);
    const struct sprout_prediction other = said_of(SPROUT_KIND_OTHER);
    const struct sprout_choice c = choose_said(p, &maths, NAN);
    assert_int_equal(c.level, 0);
    assert_int_equal(c.rule, 0);
    assert_int_equal(choose_said(p, &other, NAN).rule, -1);
    assert_int_equal(choose_said(p, NULL, NAN).rule, -1); /* nobody said that it is */
}

/* At 500 tokens a unit L1 is the best; with less for it and L2, L0 is. */
static void what_is_added_to_predictions_may_be_of_a_kind(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = predicting(&f, 500000);
    const struct sprout_prediction maths = said_of(SPROUT_KIND_MATHS);
    const struct sprout_prediction other = said_of(SPROUT_KIND_OTHER);
    assert_int_equal(choose_said(p, &maths, NAN).level, 1);
    p->predictor.kind_correction[SPROUT_KIND_MATHS][2] = -0.2;
    p->predictor.kind_correction[SPROUT_KIND_MATHS][1] = -0.3;
    assert_int_equal(choose_said(p, &maths, NAN).level, 0);
    assert_int_equal(choose_said(p, &other, NAN).level, 1);
    p->predictor.correction[1] = p->predictor.correction[2] = -0.3; /* they add up */
    assert_int_equal(choose_said(p, &other, NAN).level, 0);
    p->predictor.kind_correction[SPROUT_KIND_OTHER][1] = 0.3;
    assert_int_equal(choose_said(p, &other, NAN).level, 1);
}

static void the_stratum_is_that_of_the_kind_or_the_first(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = predicting(&f, 1);
    struct sprout_prediction said = said_of(SPROUT_KIND_MATHS);
    assert_int_equal(choose_said(p, &said, NAN).stratum, 0); /* none of that name */
    struct sprout_stratum strata[3] = {f.stratum, f.stratum, f.stratum};
    strata[1].name = SPROUT_STR("code");
    strata[2].name = SPROUT_STR("maths");
    memcpy(strata[2].mix, (double[]){0, 0, 1}, 3 * sizeof(double));
    p->strata = strata;
    p->stratum_count = 3;
    assert_int_equal(choose_said(p, &said, NAN).stratum, 2);
    assert_int_equal(choose_said(p, NULL, NAN).stratum, 0);
    said.unlike = true; /* its mix decides then */
    const struct sprout_choice c = choose_said(p, &said, NAN);
    assert_int_equal(c.stratum, 2);
    assert_int_equal(c.reason, SPROUT_REASON_MIX);
    assert_int_equal(c.level, 2);
}

static void a_rule_may_have_a_price_of_its_own(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = predicting(&f, 1);
    policy_fixture_rule(&f)->ng_per_quality = 800000;
    const struct sprout_prediction said = said_of(SPROUT_KIND_OTHER);
    assert_int_equal(choose_said(p, &said, NAN).level, 0);
}

/* L2 saves 190 tokens of 1 000 ng, and keeps nine tenths of accuracy: 1.9e6 ng a unit. */
static void accuracy_has_a_price_beside_that_of_quality(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_prediction said = said_of(SPROUT_KIND_OTHER);
    struct sprout_policy *p = predicting(&f, 0);
    p->predictor.accuracy[0] = 1;
    p->predictor.accuracy[2] = 0.9; /* of L1 nothing is known */
    p->predictor.ng_per_accuracy = 1890000;
    assert_int_equal(choose_said(p, &said, NAN).level, 2);
    p->predictor.ng_per_accuracy = 1910000;
    assert_int_equal(choose_said(p, &said, NAN).level, 0);

    struct sprout_rule *const r = policy_fixture_rule(&f);
    r->ng_per_quality = 1; /* its own prices, both of them */
    assert_int_equal(choose_said(p, &said, NAN).level, 2);
    r->ng_per_accuracy = 1910000;
    assert_int_equal(choose_said(p, &said, NAN).level, 0);
}

static void holdout_comes_before_the_prediction(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = predicting(&f, 1);
    p->holdout = 1;
    const struct sprout_prediction said = said_of(SPROUT_KIND_OTHER);
    assert_int_equal(choose_said(p, &said, NAN).arm, SPROUT_ARM_HOLDOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u_falls_into_the_boundaries_of_the_mix),
        cmocka_unit_test(a_level_without_share_is_never_drawn),
        cmocka_unit_test(the_shares_of_the_mix_are_what_is_served),
        cmocka_unit_test(a_new_mix_moves_exactly_those_between_an_old_and_a_new_boundary),
        cmocka_unit_test(a_conversation_keeps_its_level_and_another_salt_draws_anew),
        cmocka_unit_test(the_holdout_has_its_share_and_is_at_l0),
        cmocka_unit_test(
            the_holdout_stays_when_the_mix_moves_and_is_not_of_one_mix_level),
        cmocka_unit_test(a_larger_holdout_keeps_those_it_had),
        cmocka_unit_test(exploration_gives_every_allowed_level_the_same_chance),
        cmocka_unit_test(each_step_of_the_precedence_outranks_the_next),
        cmocka_unit_test(the_last_nanosecond_of_validity_counts),
        cmocka_unit_test(a_client_may_force_where_rule_or_policy_allows),
        cmocka_unit_test(a_client_floor_takes_levels_away_and_never_adds_any),
        cmocka_unit_test(exploration_respects_floors_and_the_rules_levels),
        cmocka_unit_test(a_rule_that_forbids_l0_has_no_holdout),
        cmocka_unit_test(a_rules_own_mix_is_used_and_not_floored_twice),
        cmocka_unit_test(a_drawn_level_the_rule_forbids_gives_way_to_a_lower_one),
        cmocka_unit_test(every_field_of_a_match_must_hold),
        cmocka_unit_test(the_first_rule_that_matches_wins),
        cmocka_unit_test(receipts_are_the_rules_say_and_else_the_policys),
        cmocka_unit_test(every_reason_and_arm_has_a_text),
        cmocka_unit_test(a_prompt_is_decided_by_its_prediction_and_the_price),
        cmocka_unit_test(without_a_prediction_or_unlike_the_mix_decides),
        cmocka_unit_test(a_clients_floor_is_held_against_the_prediction),
        cmocka_unit_test(a_rule_may_ask_for_the_predicted_kind),
        cmocka_unit_test(a_rule_may_have_a_price_of_its_own),
        cmocka_unit_test(accuracy_has_a_price_beside_that_of_quality),
        cmocka_unit_test(what_is_added_to_predictions_may_be_of_a_kind),
        cmocka_unit_test(the_stratum_is_that_of_the_kind_or_the_first),
        cmocka_unit_test(holdout_comes_before_the_prediction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
