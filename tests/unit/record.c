/* SPDX-License-Identifier: Apache-2.0 */
/* The journal line: written and read back, and damaged lines refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "doc_example.h"
#include "wire/record.h"

static struct sprout_record full_record(void)
{
    return (struct sprout_record){
        .version = SPROUT_RECORD_VERSION,
        .worker = SPROUT_STR("host-12-1a"),
        .seq = 7,
        .time = {INT64_C(1700000000125) * 1000000},
        .id = SPROUT_STR("r-1"),
        .api = SPROUT_STR("openai-chat"),
        .model = SPROUT_STR("m \"x\" \xc3\xa9"),
        .stream = true,
        .level = SPROUT_STR("L1"),
        .arm = SPROUT_STR("mix"),
        .reason = SPROUT_STR("mix"),
        .rule = SPROUT_STR("team-a"),
        .stratum = SPROUT_STR("all"),
        .policy = SPROUT_STR("p-1"),
        .zone = SPROUT_STR("FR"),
        .route = SPROUT_STR("/v1/chat/completions"),
        .has_key = true,
        .key = 0x00ff12345678abcd,
        .usage = {{120}, {96}, {45}, {12}},
        .usage_source = SPROUT_USAGE_REPORTED,
        .ttfb_us = 1000,
        .duration_us = 2000,
        .overhead_us = 30,
        .status = 200,
        .outcome = SPROUT_OUTCOME_CLIENT_CLOSED,
        .bytes_in = 1,
        .bytes_out = 2,
        .predicted = {true,
                      SPROUT_KIND_MATHS,
                      {36700, 17000, 11836},
                      {51200, 20480, -256}},
    };
}

static const char full_line[] =
    "{\"v\":1,\"worker\":\"host-12-1a\",\"seq\":7,\"time\":\"2023-11-14T22:13:20.125Z\","
    "\"id\":\"r-1\",\"api\":\"openai-chat\",\"model\":\"m \\\"x\\\" \xc3\xa9\","
    "\"stream\":true,\"level\":\"L1\",\"arm\":\"mix\",\"reason\":\"mix\","
    "\"rule\":\"team-a\",\"stratum\":\"all\",\"policy\":\"p-1\",\"zone\":\"FR\","
    "\"route\":\"/v1/chat/completions\","
    "\"key\":\"00ff12345678abcd\",\"tokens\":{\"prompt\":120,\"cached\":96,"
    "\"completion\":45,\"reasoning\":12},\"usage\":\"reported\",\"ttfb_us\":1000,"
    "\"duration_us\":2000,\"overhead_us\":30,\"status\":200,"
    "\"outcome\":\"client_closed\",\"bytes_in\":1,\"bytes_out\":2,"
    "\"predicted\":\"maths 36700 17000 11836 51200 20480 -256\"}";

static struct sprout_str put(const struct sprout_record *r,
                             char memory[SPROUT_RECORD_MAX])
{
    struct sprout_buf b = sprout_buf_of(memory, SPROUT_RECORD_MAX);
    sprout_record_put(&b, r);
    assert_false(b.full);
    return sprout_buf_str(&b);
}

static enum sprout_status read_line(struct sprout_str line, struct sprout_record *out,
                                    struct sprout_error *err)
{
    static char memory[2 * SPROUT_RECORD_MAX];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    return sprout_record_read(line, &arena, out, err);
}

static void a_record_is_one_line_with_its_version_first(void **state)
{
    (void)state;
    char memory[SPROUT_RECORD_MAX];
    const struct sprout_record r = full_record();
    assert_true(sprout_str_eq(put(&r, memory), sprout_str_of(full_line)));
}

static void a_record_reads_back_the_same(void **state)
{
    (void)state;
    char first[SPROUT_RECORD_MAX], second[SPROUT_RECORD_MAX];
    struct sprout_record r = full_record(), back = {0};
    struct sprout_error err;
    assert_int_equal(read_line(put(&r, first), &back, &err), SPROUT_OK);
    assert_true(sprout_str_eq(put(&back, second), sprout_str_of(full_line)));
    assert_int_equal(back.time.ns, r.time.ns);
    assert_int_equal(back.key, r.key);
}

static void a_prediction_may_be_missing_but_not_damaged(void **state)
{
    (void)state;
    char memory[SPROUT_RECORD_MAX];
    struct sprout_record r = full_record(), back = {0};
    struct sprout_error err;
    r.predicted.known = false;
    struct sprout_str line = put(&r, memory);
    assert_int_equal(read_line(line, &back, &err), SPROUT_OK);
    assert_false(back.predicted.known);

    static const char *const bad[] = {"maths 1 2 3 4 5", "magic 1 2 3 4 5 6", "",
                                      "maths 1 2 3 4 5 6 7",
                                      "maths 1 2 3 4 5 99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[SPROUT_RECORD_MAX];
        struct sprout_buf b = sprout_buf_of(text, sizeof text);
        sprout_buf_put(&b, (struct sprout_str){line.ptr, line.len - sizeof "null}" + 1});
        sprout_buf_printf(&b, "\"%s\"}", bad[i]);
        assert_int_equal(read_line(sprout_buf_str(&b), &back, &err), SPROUT_INVALID);
    }
    line.len -= sizeof ",\"predicted\":null}" - 1; /* as written before there was one */
    memory[line.len++] = '}';
    assert_int_equal(read_line(line, &back, &err), SPROUT_OK);
}

static void a_line_of_before_there_were_zones_and_routes_has_none(void **state)
{
    (void)state;
    char memory[SPROUT_RECORD_MAX], old[SPROUT_RECORD_MAX];
    static const char zone[] = ",\"zone\":\"FR\",\"route\":\"/v1/chat/completions\"";
    struct sprout_record r = full_record(), back = {0};
    struct sprout_error err;
    const struct sprout_str line = put(&r, memory);
    memory[line.len] = '\0';
    const char *const at = strstr(memory, zone);
    assert_non_null(at);
    const int n = snprintf(old, sizeof old, "%.*s%s", (int)(at - memory), memory,
                           at + strlen(zone));
    assert_int_equal(read_line((struct sprout_str){old, (size_t)n}, &back, &err),
                     SPROUT_OK);
    assert_int_equal(back.zone.len, 0);
    assert_int_equal(back.route.len, 0);
}

static void what_is_unknown_is_null_and_stays_unknown(void **state)
{
    (void)state;
    char memory[SPROUT_RECORD_MAX];
    struct sprout_record r = full_record(), back = {0};
    r.model = r.rule = r.stratum = r.policy = (struct sprout_str){0};
    r.has_key = false;
    r.usage = SPROUT_USAGE_UNKNOWN;
    r.usage.cached.n = 0;
    r.usage_source = SPROUT_USAGE_NONE;
    r.ttfb_us = -1;
    const struct sprout_str line = put(&r, memory);
    struct sprout_error err;
    memory[line.len] = '\0';
    assert_non_null(strstr(memory, "\"model\":null"));
    assert_non_null(strstr(memory, "\"key\":null"));
    assert_non_null(strstr(memory, "{\"prompt\":null,\"cached\":0,\"completion\":null"));
    assert_int_equal(read_line(line, &back, &err), SPROUT_OK);
    assert_false(back.has_key);
    assert_int_equal(back.usage.prompt.n, -1);
    assert_int_equal(back.usage.cached.n, 0);
    assert_int_equal(back.ttfb_us, -1);
    assert_int_equal(back.rule.len, 0);
}

static void a_line_cut_at_any_byte_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof full_line - 1; n++) {
        struct sprout_record back = {.seq = -5};
        struct sprout_error err;
        assert_int_equal(read_line((struct sprout_str){full_line, n}, &back, &err),
                         SPROUT_SYNTAX);
        assert_int_equal(back.seq, -5);
    }
}

/* The full line with the first `from` replaced. */
static void refused(const char *from, const char *to, enum sprout_status status,
                    const char *message)
{
    char memory[SPROUT_RECORD_MAX];
    const char *at = strstr(full_line, from);
    assert_non_null(at);
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_buf_put(&b, (struct sprout_str){full_line, (size_t)(at - full_line)});
    sprout_buf_put(&b, sprout_str_of(to));
    sprout_buf_put(&b, sprout_str_of(at + strlen(from)));
    struct sprout_record back;
    struct sprout_error err = {.message = "none"};
    const enum sprout_status s = read_line(sprout_buf_str(&b), &back, &err);
    if (s != status || strstr(err.message, message) == NULL) {
        fail_msg("%s: found \"%s\", expected \"%s\"", sprout_status_name(s), err.message,
                 message);
    }
}

static void a_damaged_line_is_refused_with_its_member(void **state)
{
    (void)state;
    refused("\"v\":1", "\"v\":2", SPROUT_UNSUPPORTED, "v: found version 2");
    refused("\"v\":1", "\"v\":2,\"seq\":\"x\"", SPROUT_UNSUPPORTED, "v: found");
    refused("\"seq\":7,", "", SPROUT_INVALID, "seq: missing");
    refused("\"seq\":7", "\"seq\":7,\"seq\":7", SPROUT_INVALID, "seq: there twice");
    refused("\"seq\":7", "\"seq\":-7", SPROUT_INVALID, "seq: ");
    refused("\"seq\":7", "\"seq\":null", SPROUT_INVALID, "seq: may not be null");
    refused("\"seq\":7", "\"seq\":[7]", SPROUT_INVALID, "seq: a container");
    refused("\"stream\":true", "\"stream\":1", SPROUT_INVALID, "stream: ");
    refused("reported", "guessed", SPROUT_INVALID, "usage: ");
    refused("client_closed", "lost", SPROUT_INVALID, "outcome: ");
    refused("00ff1", "0Xff1", SPROUT_INVALID, "key: ");
    refused("22:13:20", "25:13:20", SPROUT_INVALID, "time: ");
    refused("\"prompt\":120", "\"prompt\":1.5", SPROUT_INVALID, "prompt: ");
    refused("\"reasoning\":12", "\"x\":12", SPROUT_INVALID, "reasoning: missing");
    refused("{\"v\":1", "[{\"v\":1", SPROUT_SYNTAX, "");
    refused("\"v\":1", "v:1", SPROUT_SYNTAX, "expected a member name");
}

static void members_of_a_newer_writer_are_ignored(void **state)
{
    (void)state;
    char memory[SPROUT_RECORD_MAX];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_buf_put(&b, SPROUT_STR("{\"new\":{\"seq\":[1]},"));
    sprout_buf_put(&b, sprout_str_of(full_line + 1));
    struct sprout_record back;
    struct sprout_error err;
    assert_int_equal(read_line(sprout_buf_str(&b), &back, &err), SPROUT_OK);
    assert_int_equal(back.seq, 7);
}

static void a_line_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    static char line[SPROUT_RECORD_MAX + 1];
    memset(line, ' ', sizeof line);
    struct sprout_record back;
    struct sprout_error err;
    assert_int_equal(read_line((struct sprout_str){line, sizeof line}, &back, &err),
                     SPROUT_SYNTAX);
}

static void the_longest_record_fits_its_limit(void **state)
{
    (void)state;
    static char model[256], name[64];
    char memory[SPROUT_RECORD_MAX];
    memset(model, '\x01', sizeof model); /* six bytes each when escaped */
    memset(name, '"', sizeof name);
    const struct sprout_str n = {name, sizeof name};
    struct sprout_record r = full_record();
    r.model = (struct sprout_str){model, sizeof model};
    r.worker = r.id = r.level = r.rule = r.stratum = r.policy = n;
    r.seq = r.ttfb_us = r.duration_us = r.overhead_us = r.status = r.bytes_in =
        r.bytes_out = INT64_MAX;
    r.usage = (struct sprout_usage){
        {SPROUT_TOKENS_MAX}, {SPROUT_TOKENS_MAX}, {SPROUT_TOKENS_MAX}, {0}};
    const struct sprout_str line = put(&r, memory);
    struct sprout_record back;
    struct sprout_error err;
    assert_int_equal(read_line(line, &back, &err), SPROUT_OK);
}

static void the_example_of_the_manual_is_a_record_as_it_is_written(void **state)
{
    (void)state;
    static char page[64 * 1024];
    char memory[SPROUT_RECORD_MAX];
    const struct sprout_str line = doc_example("docs/journal.md", page, sizeof page);
    struct sprout_record r = {0};
    struct sprout_error err = {0};
    if (read_line(line, &r, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    assert_true(sprout_str_eq(put(&r, memory), line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_line_with_its_version_first),
        cmocka_unit_test(a_record_reads_back_the_same),
        cmocka_unit_test(a_prediction_may_be_missing_but_not_damaged),
        cmocka_unit_test(a_line_of_before_there_were_zones_and_routes_has_none),
        cmocka_unit_test(what_is_unknown_is_null_and_stays_unknown),
        cmocka_unit_test(a_line_cut_at_any_byte_is_refused_and_changes_nothing),
        cmocka_unit_test(a_damaged_line_is_refused_with_its_member),
        cmocka_unit_test(members_of_a_newer_writer_are_ignored),
        cmocka_unit_test(a_line_beyond_the_limit_is_refused),
        cmocka_unit_test(the_longest_record_fits_its_limit),
        cmocka_unit_test(the_example_of_the_manual_is_a_record_as_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
