/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/policy: what is refused, and how the message says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy_fixture.h"

static void refused(const struct sprout_policy *p, const char *path)
{
    struct sprout_error err = {0};
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_INVALID);
    if (strstr(err.message, path) == NULL) {
        fail_msg("'%s' does not name '%s'", err.message, path);
    }
}

static void a_valid_policy_passes(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    struct sprout_error err = {0};
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_OK);
}

static void unknown_numbers_are_not_wrong_numbers(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    p->grid.intensity.v = NAN;
    f.stratum.level[1].energy.v = NAN;
    f.stratum.level[1].time.v = NAN;
    f.stratum.level[1].output_tokens = NAN;
    struct sprout_error err = {0};
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_OK);
    p->grid.intensity.v = INFINITY;
    refused(p, "grid.g_per_kwh");
}

static void the_head_is_checked(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    p->id = SPROUT_STR("");
    refused(p, "id: found 0 bytes");
    p = policy_fixture_init(&f);
    p->id = SPROUT_STR("a\nb");
    refused(p, "id: ");
    p = policy_fixture_init(&f);
    p->valid_until = p->created;
    refused(p, "valid_until: ");
    p = policy_fixture_init(&f);
    p->holdout = 1.5;
    refused(p, "holdout: found 1.5, expected 0 to 1");
    p = policy_fixture_init(&f);
    p->explore = NAN;
    refused(p, "explore: ");
    p = policy_fixture_init(&f);
    p->floor = -0.1;
    refused(p, "floor: ");
    p = policy_fixture_init(&f);
    p->price = -1;
    refused(p, "price: ");
    p = policy_fixture_init(&f);
    p->quality_source = SPROUT_STR("bad \xff");
    refused(p, "quality_source: ");
}

static void levels_are_two_to_eight_with_names_of_their_own(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    p->level_count = 1;
    refused(p, "levels: found 1");
    p->level_count = SPROUT_LEVELS_MAX + 1;
    refused(p, "levels: found 9");
    p = policy_fixture_init(&f);
    p->levels[2].name = SPROUT_STR("l1");
    refused(p, "levels[2].name: ");
    p->levels[2].name = SPROUT_STR("Auto");
    refused(p, "levels[2].name: ");
    p = policy_fixture_init(&f);
    p->levels[0].directive = SPROUT_STR("x");
    refused(p, "levels[0].directive: ");
    p = policy_fixture_init(&f);
    p->levels[1].directive = SPROUT_STR("");
    refused(p, "levels[1].directive: ");
}

static void a_directive_has_a_longest_length(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    static char text[SPROUT_DIRECTIVE_MAX + 1];
    memset(text, 'x', sizeof text);
    struct sprout_error err;
    p->levels[1].directive = (struct sprout_str){text, SPROUT_DIRECTIVE_MAX};
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_OK);
    p->levels[1].directive.len++;
    refused(p, "levels[1].directive: found 4097 bytes");
}

static void shares_must_sum_to_one(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    f.stratum.mix[2] = 0.2;
    refused(p, "strata[0].mix: shares sum to 0.9, expected 1");
    f.stratum.mix[2] = -0.3;
    refused(p, "strata[0].mix[2]: found -0.3");
    f.stratum.mix[2] = NAN;
    refused(p, "strata[0].mix[2]: ");
    f.stratum.mix[2] = 0.3 + 9e-10;
    struct sprout_error err;
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_OK);
    f.stratum.mix[2] = 0.3 + 2e-9;
    refused(p, "strata[0].mix: ");
}

static void beliefs_are_checked_per_level(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    f.stratum.level[1].quality = NAN;
    refused(p, "strata[0].levels[1].quality: ");
    policy_fixture_init(&f);
    f.stratum.level[2].energy.v = -1;
    refused(p, "strata[0].levels[2].energy_j: ");
    policy_fixture_init(&f);
    f.stratum.level[2].requests = -1;
    refused(p, "strata[0].levels[2].requests: ");
    p = policy_fixture_init(&f);
    p->stratum_count = 0;
    refused(p, "strata: found 0");
}

static void every_field_of_a_rule_is_checked(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    static const double bad_mix[1][SPROUT_LEVELS_MAX] = {{0.5, 0.4}};
    static const double forbidden[1][SPROUT_LEVELS_MAX] = {{0.5, 0.5}};
    static char long_glob[SPROUT_PATTERN_MAX + 1];
    memset(long_glob, '*', sizeof long_glob);

#define REFUSED(change, path)                                                            \
    do {                                                                                 \
        p = policy_fixture_init(&f);                                                     \
        struct sprout_rule *r = policy_fixture_rule(&f);                                 \
        change;                                                                          \
        refused(p, path);                                                                \
    } while (0)
    REFUSED(r->name = SPROUT_STR(""), "rules[0].name: ");
    REFUSED(r->floor = 2.5, "rules[0].floor: ");
    REFUSED(r->levels = 8, "rules[0].levels: ");
    REFUSED(r->force = (enum sprout_tristate)7, "rules[0].force");
    REFUSED(r->match.stream = (enum sprout_tristate)3, "rules[0].match: ");
    REFUSED(r->match.route = ((struct sprout_str){long_glob, sizeof long_glob}),
            "rules[0].match.route: ");
    REFUSED(r->match.api_key_sha256 = SPROUT_STR("abc"),
            "rules[0].match.api_key_sha256: ");
    REFUSED(r->match.header_value = SPROUT_STR("x"), "rules[0].match.header_value: ");
    REFUSED((r->match.min_bytes = 2, r->match.max_bytes = 1), "rules[0].match: ");
    REFUSED(r->mix = bad_mix, "rules[0].mix[0]: ");
    REFUSED((r->mix = forbidden, r->levels = 1), "rules[0].mix[0][1]: ");
#undef REFUSED
}

static void two_rules_may_not_share_a_name(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    policy_fixture_rule(&f);
    policy_fixture_rule(&f);
    refused(p, "rules[1].name: found the name of rules[0]");
}

static void carbon_grid_and_profiles_are_checked(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    p->carbon.pue = 0.5;
    refused(p, "carbon.pue: ");
    p = policy_fixture_init(&f);
    p->carbon.lifetime.v = 0;
    refused(p, "carbon.lifetime_s: ");
    p = policy_fixture_init(&f);
    p->grid.zone = SPROUT_STR("");
    refused(p, "grid.zone: ");

    p = policy_fixture_init(&f);
    f.profile =
        (struct sprout_policy_profile){SPROUT_STR("llama*"), sprout_energy_llama2_7b};
    p->profiles = &f.profile;
    p->profile_count = 1;
    f.profile.profile.joules[1] = INFINITY;
    refused(p, "profiles[0].joules: ");
    f.profile.profile.joules[1] = 0;
    f.profile.profile.range[0] = 0.5; /* and no upper end */
    refused(p, "profiles[0].range[1]: ");
    f.profile.profile.range[0] = f.profile.profile.range[1] = 1.5; /* without 1 in it */
    refused(p, "profiles[0].range[0]: ");
}

static void the_first_profile_that_matches_a_model_is_used(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    f.profile =
        (struct sprout_policy_profile){SPROUT_STR("llama*"), sprout_energy_llama2_7b};
    p->profiles = &f.profile;
    p->profile_count = 1;
    assert_ptr_equal(sprout_policy_profile(p, SPROUT_STR("llama-2")), &f.profile.profile);
    assert_ptr_equal(sprout_policy_profile(p, SPROUT_STR("gpt")),
                     &sprout_energy_llama2_13b);
}

static void a_level_is_found_by_name_in_any_case(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    assert_int_equal(sprout_policy_level(p, SPROUT_STR("l2")), 2);
    assert_int_equal(sprout_policy_level(p, SPROUT_STR("L9")), -1);
    assert_int_equal(sprout_policy_level(p, SPROUT_STR("")), -1);
}

/* ---- zones ---------------------------------------------------------------------------- */

static char view_memory[1 << 16];

static const struct sprout_policy *seen_from(const struct sprout_policy *p,
                                             struct sprout_str zone)
{
    struct sprout_arena arena = sprout_arena_of(view_memory, sizeof view_memory);
    return sprout_policy_in_zone(p, zone, &arena);
}

static const double fr_mix[1][SPROUT_LEVELS_MAX] = {{0.9, 0.1, 0}};

static struct sprout_policy_zone france(void)
{
    return (struct sprout_policy_zone){
        .grid = {SPROUT_STR("FR"), SPROUT_STR("eco2mix"), SPROUT_STR("live"), {21}, {0}},
        .explore = 0.01,
        .floor = 0.99,
        .price = 0.5,
        .mix = fr_mix,
        .predictor = {.ng_per_token = 7},
    };
}

static void a_zone_has_its_own_grid_and_mix_and_all_else_in_common(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    struct sprout_policy_zone zone = france();
    struct sprout_error err;
    p->zones = &zone;
    p->zone_count = 1;
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_OK);
    const struct sprout_policy *v = seen_from(p, SPROUT_STR("FR"));
    assert_true(v->grid.intensity.v == 21 && v->floor == 0.99 && v->price == 0.5);
    assert_true(v->strata[0].mix[0] == 0.9 && p->strata[0].mix[0] == 0.2);
    assert_true(v->strata[0].level[1].energy.v == p->strata[0].level[1].energy.v);
    assert_true(sprout_str_eq(v->id, p->id) && v->salt.k0 == p->salt.k0);
    assert_int_equal(v->zone_count, 0);
    assert_int_equal(sprout_policy_check(v, &err), SPROUT_OK);
}

static void an_unknown_zone_is_served_at_l0_and_nothing_is_known_of_its_grid(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    struct sprout_policy_zone zone = france();
    struct sprout_error err;
    static const double only_l1[1][SPROUT_LEVELS_MAX] = {{0, 1, 0}};
    struct sprout_rule *r = policy_fixture_rule(&f);
    r->levels = 6;
    r->mix = only_l1;
    p->explore = 0.5;
    p->zones = &zone;
    p->zone_count = 1;
    const struct sprout_policy *v = seen_from(p, SPROUT_STR("PL"));
    assert_true(isnan(v->grid.intensity.v) && v->explore == 0);
    assert_true(sprout_str_eq(v->grid.zone, SPROUT_STR("PL")));
    assert_true(v->strata[0].mix[0] == 1 && v->strata[0].mix[1] == 0);
    assert_true(v->rules[0].mix[0][1] == 1); /* the lowest that the rule allows */
    assert_int_equal(sprout_policy_check(v, &err), SPROUT_OK);
}

static void what_is_wrong_in_a_zone_is_named_by_its_path(void **state)
{
    (void)state;
    static const double odd[1][SPROUT_LEVELS_MAX] = {{0.5, 0.1, 0}};
    static const struct sprout_zone_rule rules[1] = {{.mix = odd}};
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    struct sprout_policy_zone zones[2] = {france(), france()};
    struct sprout_error err;
    p->zones = zones;
    p->zone_count = 2;
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "zones[1].zone: found the name of another"));
    p->zone_count = 1;
    zones[0].rules = rules;
    zones[0].rule_count = 1;
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_INVALID);
    assert_non_null(
        strstr(err.message, "zones[0].rules: found 1, expected one per rule"));
    policy_fixture_rule(&f);
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "zones[0].rules[0].mix[0]: shares sum to 0.6"));
    zones[0].rule_count = 0;
    zones[0].floor = NAN;
    assert_int_equal(sprout_policy_check(p, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "zones[0].floor"));
}

static void a_view_without_memory_is_none(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    policy_fixture_rule(&f);
    for (size_t size = 0; size < 2000; size += 16) {
        struct sprout_arena arena = sprout_arena_of(view_memory, size);
        assert_true(sprout_policy_in_zone(p, SPROUT_STR("FR"), &arena) == NULL ||
                    !arena.spent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_policy_passes),
        cmocka_unit_test(unknown_numbers_are_not_wrong_numbers),
        cmocka_unit_test(the_head_is_checked),
        cmocka_unit_test(levels_are_two_to_eight_with_names_of_their_own),
        cmocka_unit_test(a_directive_has_a_longest_length),
        cmocka_unit_test(shares_must_sum_to_one),
        cmocka_unit_test(beliefs_are_checked_per_level),
        cmocka_unit_test(every_field_of_a_rule_is_checked),
        cmocka_unit_test(two_rules_may_not_share_a_name),
        cmocka_unit_test(carbon_grid_and_profiles_are_checked),
        cmocka_unit_test(the_first_profile_that_matches_a_model_is_used),
        cmocka_unit_test(a_level_is_found_by_name_in_any_case),
        cmocka_unit_test(a_zone_has_its_own_grid_and_mix_and_all_else_in_common),
        cmocka_unit_test(
            an_unknown_zone_is_served_at_l0_and_nothing_is_known_of_its_grid),
        cmocka_unit_test(what_is_wrong_in_a_zone_is_named_by_its_path),
        cmocka_unit_test(a_view_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
