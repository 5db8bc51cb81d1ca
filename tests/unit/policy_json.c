/* SPDX-License-Identifier: Apache-2.0 */
/* policy.json: written and read back, and every way of being wrong refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "doc_example.h"
#include "policy_fixture.h"
#include "wire/policy_json.h"
#include "wire/shape.h"

static char memory[SPROUT_POLICY_MEMORY];
static char file[SPROUT_POLICY_BYTES_MAX];
static char again[SPROUT_POLICY_BYTES_MAX];

static enum sprout_status read_policy(struct sprout_str json,
                                      const struct sprout_policy **out,
                                      struct sprout_error *err)
{
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    return sprout_policy_read(json, &arena, out, err);
}

static struct sprout_str write_policy(const struct sprout_policy *p, char *into)
{
    struct sprout_buf b = sprout_buf_of(into, SPROUT_POLICY_BYTES_MAX);
    assert_int_equal(sprout_policy_write(p, &b), SPROUT_OK);
    return sprout_buf_str(&b);
}

/* One with rules of its own, one whose grid nobody knows. */
static void add_zones(struct sprout_policy *p,
                      const double (*rule_mix)[SPROUT_LEVELS_MAX])
{
    static const double mixes[2][1][SPROUT_LEVELS_MAX] = {{{0.5, 0.25, 0.25}}, {{1}}};
    static struct sprout_zone_rule rules[2];
    static struct sprout_policy_zone zones[2];

    rules[0] = (struct sprout_zone_rule){
        .ng_per_quality = 77, .ng_per_accuracy = 78, .mix = rule_mix};
    zones[0] = (struct sprout_policy_zone){
        .grid = {SPROUT_STR("FR"), SPROUT_STR("eco2mix"), SPROUT_STR("live"), {21}, {0}},
        .explore = 0.02,
        .floor = 0.99,
        .price = 0.004,
        .mix = mixes[0],
        .predictor = {.decides = true, .ng_per_token = 14000, .split = 3},
        .rules = rules,
        .rule_count = 2,
    };
    zones[1] = (struct sprout_policy_zone){
        .grid = {SPROUT_STR("DE"), SPROUT_STR("none"), SPROUT_STR("none"), {NAN}, {0}},
        .floor = 1,
        .mix = mixes[1],
    };
    p->zones = zones;
    p->zone_count = 2;
}

/* A policy in which every member says something. */
static struct sprout_policy *full_policy(struct policy_fixture *f)
{
    static const double mixes[1][SPROUT_LEVELS_MAX] = {{0.25, 0.75}};
    struct sprout_policy *p = policy_fixture_init(f);
    struct sprout_rule *r = policy_fixture_rule(f);

    r->match = (struct sprout_match){
        .route = SPROUT_STR("/v1/*"),
        .model = SPROUT_STR("m\"*"),
        .api = SPROUT_STR("openai-chat"),
        .api_key_sha256 = SPROUT_STR("0123456789abcdef0123456789abcdef"
                                     "0123456789abcdef0123456789abcdef"),
        .header = SPROUT_STR("x-team"),
        .header_value = SPROUT_STR("caf\xc3\xa9*"),
        .stream = SPROUT_YES,
        .tools = SPROUT_NO,
        .kind = SPROUT_STR("maths"),
        .min_bytes = 1,
        .max_bytes = 1000,
    };
    r->ng_per_quality = 1234;
    r->ng_per_accuracy = 4321;
    p->predictor = (struct sprout_policy_predictor){
        .file = SPROUT_STR("predictor-00ff12345678abcd.weights"),
        .id = 0x00ff12345678abcd,
        .decides = true,
        .ng_per_token = 310000,
        .ng_per_quality = 91000000,
        .tie_ng = 2,
        .split = 32768,
        .correction = {0.01, -0.02, 0},
        .kind_correction =
            {[SPROUT_KIND_MATHS] = {0, 0.25, -0.125}, [SPROUT_KIND_CODE] = {0.5}},
        .ng_per_accuracy = 17,
        .accuracy = {1, 0.97, 0.9},
    };
    r->off = true;
    r->levels = 3;
    r->floor = 0.95;
    r->force = SPROUT_NO;
    r->receipts = SPROUT_YES;
    r->placement = SPROUT_PLACEMENT_LAST_USER;
    r->with_tools = SPROUT_YES;
    r->with_completions = SPROUT_NO;
    r->mix = mixes;
    policy_fixture_rule(f)->name = SPROUT_STR("second");
    f->stratum.level[2].energy.v = NAN;
    f->profile =
        (struct sprout_policy_profile){SPROUT_STR("*"), sprout_energy_llama2_13b};
    f->profile.profile.range[0] = 0.25;
    f->profile.profile.range[1] = 1.5;
    p->profiles = &f->profile;
    p->profile_count = 1;
    p->salt = (struct sprout_hash_key){0x0123456789abcdef, 0xfedcba9876543210};
    static const struct sprout_patch patches[] = {
        {1, SPROUT_KEY("openai-chat"), SPROUT_KEY("verbosity"), SPROUT_KEY("low"),
         SPROUT_KEY("gpt*"), SPROUT_KEY("/v1/*")},
        {1,
         SPROUT_KEY("ollama-chat"),
         SPROUT_KEY("think"),
         SPROUT_KEY("true"),
         SPROUT_KEY("*"),
         {0}},
        {2,
         SPROUT_KEY("openai-responses"),
         SPROUT_KEY("text.verbosity"),
         SPROUT_KEY("low"),
         SPROUT_KEY("*"),
         {0}},
    };
    p->patches = patches;
    p->patch_count = sizeof patches / sizeof patches[0];
    p->levels[2].directive = SPROUT_STR("say \"less\"\n\xe2\x80\xa6");
    add_zones(p, mixes);
    return p;
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_policy *p = NULL;
    struct sprout_error err;
    const struct sprout_str first = write_policy(full_policy(&f), file);
    const enum sprout_status s = read_policy(first, &p, &err);
    if (s != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    const struct sprout_str second = write_policy(p, again);
    assert_true(sprout_str_eq(first, second));

    assert_int_equal(p->salt.k1, 0xfedcba9876543210);
    assert_int_equal(p->rule_count, 2);
    assert_int_equal(p->rules[0].levels, 3);
    assert_true(p->rules[0].mix[0][1] == 0.75);
    assert_int_equal(p->patch_count, 3);
    assert_int_equal(p->patches[2].level, 2);
    assert_true(sprout_str_eq(p->patches[0].route, SPROUT_STR("/v1/*")));
    assert_int_equal(p->rules[0].placement, SPROUT_PLACEMENT_LAST_USER);
    assert_int_equal(p->rules[0].with_tools, SPROUT_YES);
    assert_int_equal(p->rules[0].with_completions, SPROUT_NO);
    assert_int_equal(p->rules[1].placement, SPROUT_PLACEMENT_UNSAID);
    assert_int_equal(p->rules[0].match.stream, SPROUT_YES);
    assert_true(isnan(p->rules[1].floor));
    assert_null(p->rules[1].mix);
    assert_true(isnan(p->strata[0].level[2].energy.v));
    assert_true(
        sprout_str_eq(p->levels[2].directive, SPROUT_STR("say \"less\"\n\xe2\x80\xa6")));
}

static void a_policy_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_str whole = write_policy(full_policy(&f), file);
    for (size_t n = 0; n < whole.len; n++) {
        const struct sprout_policy *p = NULL;
        struct sprout_error err;
        assert_int_equal(read_policy((struct sprout_str){file, n}, &p, &err),
                         SPROUT_SYNTAX);
        assert_null(p);
        assert_true(err.line >= 1 && err.column >= 1);
    }
}

/* Writes the full policy, replaces the first `from` by `to`, and expects a refusal. */
static void refused(const char *from, const char *to, enum sprout_status status,
                    const char *message)
{
    struct policy_fixture f;
    const struct sprout_str whole = write_policy(full_policy(&f), file);
    file[whole.len] = '\0';
    char *at = strstr(file, from);
    assert_non_null(at);
    struct sprout_buf b = sprout_buf_of(again, sizeof again);
    sprout_buf_put(&b, (struct sprout_str){file, (size_t)(at - file)});
    sprout_buf_put(&b, sprout_str_of(to));
    sprout_buf_put(&b, sprout_str_of(at + strlen(from)));

    const struct sprout_policy *p = NULL;
    struct sprout_error err = {.message = "none"};
    const enum sprout_status s = read_policy(sprout_buf_str(&b), &p, &err);
    if (s != status || strstr(err.message, message) == NULL) {
        fail_msg("%s: found \"%s\", expected \"%s\"", sprout_status_name(s), err.message,
                 message);
    }
    assert_null(p);
}

static void a_wrong_value_is_named_by_its_path(void **state)
{
    (void)state;
    refused("\"format\": 1", "\"format\": 2", SPROUT_UNSUPPORTED,
            "format: found 2, expected 1");
    refused("\"format\": 1,", "", SPROUT_INVALID, "format: missing");
    refused("\"verbosity\"", "\"max_tokens\"", SPROUT_INVALID,
            "levels[1].patches: parameter: found 'max_tokens', expected verbosity, "
            "reasoning_effort");
    refused("\"model\": \"gpt*\"", "\"modell\": \"gpt*\"", SPROUT_INVALID,
            "levels[1].patches[0].model: missing");
    refused("\"zone\": ", "\"zonk\": ", SPROUT_INVALID, "grid.zone: missing");
    refused("\"zone\": ", "\"zone\": 4, \"zonk\": ", SPROUT_INVALID,
            "grid.zone: found a number, expected a text");
    refused("\"holdout\": ", "\"holdout\": 0, \"holdout\": ", SPROUT_INVALID,
            "holdout: there twice");
    refused("\"holdout\": ", "\"holdout\": [], \"x\": ", SPROUT_INVALID,
            "holdout: found a list, expected a number");
    refused("\"mix\": [", "\"mix\": [0.9, ", SPROUT_INVALID,
            "strata[0].mix: found 4 shares (one per level), expected 3");
    refused("\"mix\": [", "\"mix\": [true, ", SPROUT_INVALID,
            "strata[0].mix[0]: found true");
    refused("\"strata\": [", "\"strata\": {}, \"x\": [", SPROUT_INVALID,
            "strata: found an object, expected a list");
    refused("\"energy_j\"", "\"energy\"", SPROUT_INVALID,
            "strata[0].levels[0].energy_j: missing");
    refused("\"salt\": \"0", "\"salt\": \"g", SPROUT_INVALID,
            "salt: found a text, expected a text of 32 hexadecimal digits");
    refused("\"created\": \"", "\"created\": \"x", SPROUT_INVALID,
            "created: found a text, expected a time");
    refused("[\"L0\", \"L1\"]", "[\"L0\", \"L9\"]", SPROUT_INVALID,
            "rules[0].levels[1]: expected the name of a level");
    refused("[0.25, 0.75, 0]", "[0.25, 0.75]", SPROUT_INVALID,
            "rules[0].mix[0]: found 2 shares");
    refused("[0.25, 0.75, 0]", "[0.25, 0.25, 0]", SPROUT_INVALID,
            "rules[0].mix[0]: shares sum to 0.5, expected 1");
    refused("[0.25, 0.75, 0]", "[1,0,0], [1,0,0]", SPROUT_INVALID,
            "rules[0].mix: found 2 mixes");
    refused("\"joules\": [", "\"joules\": [1, ", SPROUT_LIMIT,
            "profiles[0].joules[3]: expected at most 3 items");
    refused("\"requests\": ", "\"requests\": 1.5, \"x\": ", SPROUT_INVALID,
            "strata[0].levels[0].requests: found a number, expected a whole number");
    refused("\"pue\": ", "\"pue\": tru, \"x\": ", SPROUT_SYNTAX, "expected a value");
}

static void a_list_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char nine[1024];
    struct sprout_buf b = sprout_buf_of(nine, sizeof nine);
    sprout_buf_put(&b, SPROUT_STR("\"levels\": ["));
    for (int i = 0; i < 8; i++) {
        sprout_buf_printf(&b, "{\"name\":\"X%d\",\"directive\":\"x\"},", i);
    }
    sprout_buf_byte(&b, '\0');
    refused("\"levels\": [", nine, SPROUT_LIMIT, "levels[8]: expected at most 8 items");
}

static void a_directive_of_a_megabyte_is_refused(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    static char huge[1000 * 1000];
    memset(huge, 'x', sizeof huge);
    p->levels[1].directive = (struct sprout_str){huge, sizeof huge};
    const struct sprout_policy *out = NULL;
    struct sprout_error err;
    const struct sprout_str json = write_policy(p, file);
    assert_int_equal(read_policy(json, &out, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "levels[1].directive: found 1000000 bytes"));
    assert_null(out);

    static char larger[SPROUT_POLICY_BYTES_MAX + 1];
    const struct sprout_str s = {larger, sizeof larger};
    assert_int_equal(read_policy(s, &out, &err), SPROUT_LIMIT);
}

static void members_of_a_newer_writer_are_ignored(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_str whole = write_policy(full_policy(&f), file);
    struct sprout_buf b = sprout_buf_of(again, sizeof again);
    sprout_buf_put(&b, SPROUT_STR("{\"new\": {\"id\": [1, {\"floor\": {}}]}, "));
    sprout_buf_put(&b, (struct sprout_str){whole.ptr + 1, whole.len - 1});
    const struct sprout_policy *p = NULL;
    struct sprout_error err;
    assert_int_equal(read_policy(sprout_buf_str(&b), &p, &err), SPROUT_OK);
}

static void a_reader_without_memory_says_so(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_str whole = write_policy(full_policy(&f), file);
    struct sprout_arena needed = sprout_arena_of(memory, sizeof memory);
    const struct sprout_policy *p = NULL;
    struct sprout_error err;
    assert_int_equal(sprout_policy_read(whole, &needed, &p, &err), SPROUT_OK);
    p = NULL;
    for (size_t size = 0; size < needed.used; size += 997) {
        struct sprout_arena arena = sprout_arena_of(memory, size);
        assert_int_equal(sprout_policy_read(whole, &arena, &p, &err), SPROUT_NO_MEMORY);
        assert_null(p);
    }
}

static void the_example_of_the_manual_is_a_policy_as_it_is_written(void **state)
{
    (void)state;
    const struct sprout_str json = doc_example("docs/policy.md", file, sizeof file);
    const struct sprout_policy *p = NULL;
    struct sprout_error err = {0};
    if (read_policy(json, &p, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    assert_true(sprout_str_eq(write_policy(p, again), json));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(a_policy_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_wrong_value_is_named_by_its_path),
        cmocka_unit_test(a_list_that_is_too_long_is_refused),
        cmocka_unit_test(a_directive_of_a_megabyte_is_refused),
        cmocka_unit_test(members_of_a_newer_writer_are_ignored),
        cmocka_unit_test(a_reader_without_memory_says_so),
        cmocka_unit_test(the_example_of_the_manual_is_a_policy_as_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
