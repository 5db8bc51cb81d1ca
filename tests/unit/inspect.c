/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of a request beside the place of a directive: dialect, model, stream, conversation,
 * limits.  Places and reasons are in tests/golden/splice.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "wire/inspect.h"
#include "wire/json.h"

static struct sprout_str model_of; /* the last one, copied */
static char model_memory[SPROUT_MODEL_MAX];

static struct sprout_facts facts_with(const char *path, struct sprout_str body,
                                      const struct sprout_inspect_opts *opts)
{
    static char memory[SPROUT_INSPECT_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sprout_inspect *i = sprout_inspect_new(
        &arena, sprout_dialect_find(SPROUT_STR("POST"), sprout_str_of(path)), opts);
    assert_non_null(i);
    sprout_inspect_feed(i, body.ptr, body.len);
    const struct sprout_facts f = sprout_inspect_finish(i);
    memcpy(model_memory, f.model.ptr == NULL ? "" : f.model.ptr, f.model.len);
    model_of = (struct sprout_str){model_memory, f.model.len};
    return f;
}

static struct sprout_facts facts(const char *path, const char *body)
{
    const struct sprout_inspect_opts opts = {.salt = {3, 4}};
    return facts_with(path, sprout_str_of(body), &opts);
}

#define CHAT "/v1/chat/completions"

/* The text a predictor is given, or "(none)". */
static const char *first_text(const char *path, const char *body)
{
    static char text[64];
    const struct sprout_inspect_opts opts = {.with_text = true};
    const struct sprout_facts f = facts_with(path, sprout_str_of(body), &opts);
    if (f.first_text == NULL) {
        return "(none)";
    }
    assert_true(f.first_text->bytes < sizeof text);
    memcpy(text, f.first_text->part, (size_t)f.first_text->bytes);
    text[f.first_text->bytes] = '\0';
    return text;
}

static void the_first_question_is_what_a_predictor_reads(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body, *text;
    } cases[] = {
        {CHAT,
         "{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":"
         "\"user\",\"content\":\"Q\\u00e9\"},{\"role\":\"assistant\",\"content\":"
         "\"A\"},{\"content\":\"R\",\"role\":\"user\"}]}",
         "Q\xc3\xa9"},
        {CHAT,
         "{\"messages\":[{\"content\":\"S\",\"role\":\"system\"},{\"content\":"
         "\"Q\",\"role\":\"user\"}]}",
         "Q"},
        {CHAT,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}]}",
         "a\nb"},
        {"/v1/messages",
         "{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}],"
         "\"system\":\"S\"}",
         "Q"},
        {"/v1/messages",
         "{\"system\":\"S\",\"messages\":[{\"role\":\"user\","
         "\"content\":\"Q\"}]}",
         "Q"},
        {"/v1/responses", "{\"instructions\":\"S\",\"input\":\"Q\"}", "Q"},
        {"/api/generate", "{\"system\":\"S\",\"prompt\":\"Q\"}", "Q"},
        {CHAT, "{\"messages\":[]}", "(none)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(first_text(cases[i].path, cases[i].body), cases[i].text);
    }
}

static void a_dialect_is_found_by_method_and_path_under_any_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *name;
    } cases[] = {
        {"POST", "/v1/chat/completions", "openai-chat"},
        {"POST", "/team-a/v1/chat/completions", "openai-chat"},
        {"POST", "/openai/deployments/d/chat/completions", "openai-chat"},
        {"GET", "/v1/chat/completions", "none"},
        {"POST", "/v1/chat/completions/x", "none"},
        {"POST", "/v1/completions", "openai-completions"},
        {"POST", "/v1/responses", "openai-responses"},
        {"POST", "/v1/messages", "anthropic-messages"},
        {"POST", "/v1/messages/count_tokens", "none"},
        {"POST", "/v1/messages/batches", "none"},
        {"POST", "/api/chat", "ollama-chat"},
        {"POST", "/api/generate", "ollama-generate"},
        {"POST", "/v1/embeddings", "none"},
        {"POST", "", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sprout_dialect *d = sprout_dialect_find(
            sprout_str_of(cases[i].method), sprout_str_of(cases[i].path));
        if (!sprout_str_eq(sprout_dialect_name(d), sprout_str_of(cases[i].name))) {
            fail_msg("%s %s: expected %s", cases[i].method, cases[i].path, cases[i].name);
        }
    }
}

static void own_errors_have_the_shape_of_the_api(void **state)
{
    (void)state;
    static const struct {
        const char *path, *error;
    } cases[] = {
        {CHAT, "{\"error\":{\"message\":\"too \\\"big\\\"\",\"type\":\"sprout_error\","
               "\"param\":null,\"code\":\"too-large\"}}"},
        {"/v1/messages", "{\"type\":\"error\",\"error\":{\"type\":\"too-large\","
                         "\"message\":\"too \\\"big\\\"\"}}"},
        {"/api/chat", "{\"error\":\"too \\\"big\\\"\"}"},
        {"/nowhere", "{\"error\":{\"message\":\"too \\\"big\\\"\",\"type\":"
                     "\"sprout_error\",\"param\":null,\"code\":\"too-large\"}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[256];
        struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
        sprout_dialect_put_error(
            &b, sprout_dialect_find(SPROUT_STR("POST"), sprout_str_of(cases[i].path)),
            SPROUT_STR("too-large"), SPROUT_STR("too \"big\""));
        assert_true(sprout_str_eq(sprout_buf_str(&b), sprout_str_of(cases[i].error)));
    }
}

static void the_model_is_decoded_and_cut_at_a_whole_character(void **state)
{
    (void)state;
    facts(CHAT, "{\"model\":\"llam\\u0061/\xc3\xa9\"}");
    assert_true(sprout_str_eq(model_of, SPROUT_STR("llama/\xc3\xa9")));
    facts(CHAT, "{\"model\":7}");
    assert_int_equal(model_of.len, 0);

    char body[1024] = "{\"model\":\"";
    struct sprout_buf b = {body, strlen(body), sizeof body, false};
    sprout_buf_byte(&b, 'x');
    while (b.len < 500) {
        sprout_buf_put(&b, SPROUT_STR("\xe4\xbd\xa0"));
    }
    sprout_buf_put(&b, SPROUT_STR("\"}"));
    const struct sprout_inspect_opts opts = {.salt = {3, 4}};
    facts_with(CHAT, sprout_buf_str(&b), &opts);
    assert_int_equal(model_of.len, 256);
    assert_true(sprout_str_utf8(model_of));
}

static void ollama_streams_unless_told_otherwise(void **state)
{
    (void)state;
    assert_true(facts("/api/chat", "{}").stream);
    assert_true(facts("/api/chat", "{\"stream\":null}").stream);
    assert_false(facts("/api/chat", "{\"stream\":false}").stream);
    assert_false(facts(CHAT, "{}").stream);
    assert_false(facts(CHAT, "{\"stream\":\"true\"}").stream);
    assert_true(facts(CHAT, "{\"stream\":true}").stream);
}

static uint64_t key(const char *path, const char *body)
{
    return facts(path, body).conversation;
}

static void a_conversation_keeps_its_key_on_every_turn(void **state)
{
    (void)state;
    const uint64_t k =
        key(CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\","
                  "\"content\":\"S\"},{\"role\":\"user\",\"content\":\"Q\"}]}");
    assert_int_equal(
        k, key(CHAT, "{\"messages\":[{\"content\":\"\\u0053\",\"role\":\"system\"},"
                     "{\"role\":\"user\",\"content\":\"Q\"},{\"role\":\"assistant\","
                     "\"content\":\"A\"},{\"role\":\"user\",\"content\":\"R\"}],"
                     "\"temperature\":1,\"model\":\"\\u006d\"}"));
    const uint64_t m =
        key("/v1/messages", "{\"system\":\"S\",\"messages\":[{\"role\":\"user\","
                            "\"content\":\"Q\"}]}");
    assert_int_equal(
        m, key("/v1/messages",
               "{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"},{\"role\":"
               "\"assistant\",\"content\":\"A\"},{\"role\":\"user\",\"content\":"
               "\"R\"}],\"system\":\"S\"}"));
}

static void different_conversations_have_different_keys(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}",
        "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"R\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Q\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},"
        "{\"role\":\"user\",\"content\":\"Q\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"\"},"
        "{\"role\":\"user\",\"content\":\"SQ\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},"
        "{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"Q\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
        "[{\"text\":\"Q\"},{\"text\":\"\"}]}]}",
    };
    const size_t n = sizeof bodies / sizeof bodies[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (key(CHAT, bodies[i]) == key(CHAT, bodies[k])) {
                fail_msg("the same key: %s\n%s", bodies[i], bodies[k]);
            }
        }
    }
    const struct sprout_inspect_opts salted = {.salt = {5, 6}};
    assert_int_not_equal(facts_with(CHAT, sprout_str_of(bodies[0]), &salted).conversation,
                         key(CHAT, bodies[0]));
}

static void a_named_conversation_is_its_name(void **state)
{
    (void)state;
    const uint64_t k = key("/v1/responses", "{\"conversation\":\"c1\",\"input\":\"Q\"}");
    assert_int_equal(
        k, key("/v1/responses", "{\"input\":\"R\",\"conversation\":{\"id\":\"c1\"}}"));
    assert_int_not_equal(
        k, key("/v1/responses", "{\"conversation\":\"c2\",\"input\":\"Q\"}"));
}

static void a_body_above_the_limit_is_left_alone_however_it_is_cut(void **state)
{
    (void)state;
    static const char body[] =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}";
    const struct sprout_str s = {body, sizeof body - 1};
    struct sprout_inspect_opts opts = {.max_bytes = s.len};
    assert_true(facts_with(CHAT, s, &opts).eligible);
    opts.max_bytes = s.len - 1;
    const struct sprout_facts f = facts_with(CHAT, s, &opts);
    assert_false(f.eligible);
    assert_int_equal(f.blocked, SPROUT_REASON_TOO_LARGE);
    assert_int_equal(f.bytes, s.len);
    assert_true(sprout_str_eq(model_of, SPROUT_STR("m")));
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    char body[1024];
    for (size_t depth = SPROUT_JSON_DEPTH_MAX - 1; depth <= SPROUT_JSON_DEPTH_MAX;
         depth++) {
        struct sprout_buf b = sprout_buf_of(body, sizeof body);
        sprout_buf_put(&b,
                       SPROUT_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}],"
                                  "\"x\":"));
        for (size_t i = 0; i < 2 * depth; i++) {
            sprout_buf_byte(&b, i < depth ? '[' : ']');
        }
        sprout_buf_byte(&b, '}');
        const struct sprout_inspect_opts opts = {.salt = {3, 4}};
        const struct sprout_facts f = facts_with(CHAT, sprout_buf_str(&b), &opts);
        assert_int_equal(f.eligible, depth < SPROUT_JSON_DEPTH_MAX);
        if (!f.eligible) {
            assert_int_equal(f.blocked, SPROUT_REASON_TOO_DEEP);
        }
    }
}

static void an_unsafe_body_is_reported_as_such_whatever_else_it_is(void **state)
{
    (void)state;
    assert_int_equal(facts(CHAT, "{\"tools\":[{}],\"messages\":[").blocked,
                     SPROUT_REASON_NOT_JSON);
    assert_int_equal(facts(CHAT, "").blocked, SPROUT_REASON_NOT_JSON);
    assert_int_equal(facts(CHAT, "{\"tools\":[{}],\"tools\":[{}]}").blocked,
                     SPROUT_REASON_DUPLICATE_KEY);
}

static void a_request_without_a_dialect_has_no_facts(void **state)
{
    (void)state;
    char memory[SPROUT_INSPECT_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_inspect_opts opts = {.salt = {3, 4}};
    assert_null(sprout_inspect_new(&arena, NULL, &opts));
    arena = sprout_arena_of(memory, 100);
    assert_null(sprout_inspect_new(
        &arena, sprout_dialect_find(SPROUT_STR("POST"), SPROUT_STR(CHAT)), &opts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_question_is_what_a_predictor_reads),
        cmocka_unit_test(a_dialect_is_found_by_method_and_path_under_any_prefix),
        cmocka_unit_test(own_errors_have_the_shape_of_the_api),
        cmocka_unit_test(the_model_is_decoded_and_cut_at_a_whole_character),
        cmocka_unit_test(ollama_streams_unless_told_otherwise),
        cmocka_unit_test(a_conversation_keeps_its_key_on_every_turn),
        cmocka_unit_test(different_conversations_have_different_keys),
        cmocka_unit_test(a_named_conversation_is_its_name),
        cmocka_unit_test(a_body_above_the_limit_is_left_alone_however_it_is_cut),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(an_unsafe_body_is_reported_as_such_whatever_else_it_is),
        cmocka_unit_test(a_request_without_a_dialect_has_no_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
