/* SPDX-License-Identifier: Apache-2.0 */
/* The tap: what replies of every shape say, and what is forwarded of them.
 *
 * Every reply here runs whole, cut in two at each byte and in single bytes; the result and
 * the forwarded bytes must be the same each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tap_run.h"

#define CHAT "/v1/chat/completions"

#define FIRST                                                                            \
    "data: "                                                                             \
    "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"      \
    "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],"      \
    "\"usage\":null}\n\n"
#define RAY                                                                              \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Ray \xe5\x85\x89\"},"     \
    "\"finish_reason\":null}],\"usage\":null}\n\n"
#define STOP                                                                             \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"        \
    "\"usage\":null}\n\n"
#define USAGE                                                                            \
    "{\"prompt_tokens\":120,\"completion_tokens\":45,\"total_tokens\":165,"              \
    "\"prompt_tokens_details\":{\"cached_tokens\":96},"                                  \
    "\"completion_tokens_details\":{\"reasoning_tokens\":12}}"
#define USAGE_CHUNK "data: {\"id\":\"1\",\"choices\":[],\"usage\":" USAGE "}\n\n"
#define DONE        "data: [DONE]\n\n"

static struct reply sse(const char *bytes, bool strip)
{
    return (struct reply){CHAT, SPROUT_FRAMING_SSE, strip, sprout_str_of(bytes)};
}

static struct reply json(const char *bytes)
{
    return (struct reply){CHAT, SPROUT_FRAMING_JSON, false, sprout_str_of(bytes)};
}

static void a_whole_reply_says_its_usage(void **state)
{
    (void)state;
    const struct reply r =
        json("{\"choices\":[{\"message\":{\"content\":\"{\\\"usage\\\":1}\"},"
             "\"finish_reason\":\"stop\"}],\"usage\":" USAGE "}\n");
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 120, 96, 45, 12);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
    forwarded(r.bytes);
    assert_int_equal(first.comment_at, SIZE_MAX);
}

static void the_usage_chunk_we_asked_for_is_taken_out_again(void **state)
{
    (void)state;
    const struct reply r = sse(FIRST RAY STOP USAGE_CHUNK DONE, true);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 120, 96, 45, 12);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
    assert_true(t.terminal && !t.error && !t.blind);
    forwarded(SPROUT_STR(FIRST RAY STOP DONE));
    assert_int_equal(first.comment_at, sizeof(FIRST RAY STOP) - 1);
    assert_int_equal(first.completion_then, 45);
}

static void the_usage_chunk_the_client_asked_for_is_its_own(void **state)
{
    (void)state;
    const struct reply r = sse(FIRST RAY STOP USAGE_CHUNK DONE, false);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 120, 96, 45, 12);
    forwarded(r.bytes);
}

static void only_empty_choices_with_usage_are_stripped(void **state)
{
    (void)state;
    /* Azure's first chunk; usage on a content chunk; choices missing. */
    const struct reply r = sse(
        "data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n"
        "data: {\"choices\":[],\"usage\":null}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3,"
        "\"completion_tokens\":1}}\n\n"
        "data: {\"usage\":{\"completion_tokens\":2}}\n\n" DONE,
        true);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 3, -1, 2, -1);
    forwarded(r.bytes);
}

static void framing_is_what_the_wild_has(void **state)
{
    (void)state;
    /* CRLF, no space, a comment, several data lines, unknown fields, blank lines. */
    const struct reply r =
        sse(": ping\n\nid: 7\r\nevent: x\r\ndata:{\"choices\":[{\"delta\":\r\n"
            "data: {\"content\":\"a\"}}]}\r\n\r\n\n\ndata\n\nretry: 1\n\n"
            "dat: {\"usage\":1}\n\ndata: {\"choices\":[],\ndata:\"usage\":" USAGE
            "}\r\n\r\ndata:[DONE]\r\n\r\n",
            true);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 120, 96, 45, 12);
    assert_true(t.terminal && !t.blind);
    forwarded(
        SPROUT_STR(": ping\n\nid: 7\r\nevent: x\r\ndata:{\"choices\":[{\"delta\":\r\n"
                   "data: {\"content\":\"a\"}}]}\r\n\r\n\n\ndata\n\nretry: 1\n\n"
                   "dat: {\"usage\":1}\n\ndata:[DONE]\r\n\r\n"));
}

static void an_unfinished_last_event_counts(void **state)
{
    (void)state;
    const struct reply r =
        sse(RAY STOP "data: {\"choices\":[],\"usage\":" USAGE "}", true);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 120, 96, 45, 12);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
    assert_false(t.terminal);
    forwarded(SPROUT_STR(RAY STOP));
    assert_int_equal(first.comment_at, sizeof(RAY STOP) - 1);
}

static void a_cut_stream_counts_its_deltas_and_says_so(void **state)
{
    (void)state;
    const struct reply r = sse(FIRST RAY RAY RAY "data: {\"choi", true);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, -1, -1, 3, -1);
    assert_int_equal(t.source, SPROUT_USAGE_ESTIMATED);
    assert_false(t.terminal);
    forwarded(r.bytes);
    assert_int_equal(first.comment_at, sizeof(FIRST RAY RAY RAY) - 1);
}

static void a_silent_server_is_estimated_not_zero(void **state)
{
    (void)state;
    const struct reply r = sse(FIRST RAY RAY STOP DONE, false);
    struct sprout_tap_result t = run_all(&r);
    counts(&t, -1, -1, 2, -1);
    assert_int_equal(t.source, SPROUT_USAGE_ESTIMATED);

    const struct reply whole = json("{\"choices\":[]}");
    t = run_all(&whole);
    counts(&t, -1, -1, -1, -1);
    assert_int_equal(t.source, SPROUT_USAGE_NONE);
}

static void the_last_value_wins_field_by_field(void **state)
{
    (void)state;
    /* vLLM's continuous usage, then a last value that is smaller. */
    const struct reply r = sse(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":"
        "{\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":"
        "{\"prompt_tokens\":9,\"completion_tokens\":7,\"total_tokens\":16}}\n\n"
        "data: {\"choices\":[],\"usage\":{\"completion_tokens\":5,\"total_tokens\":14}}"
        "\n\n" DONE,
        false);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 9, -1, 5, -1);
}

static void absurd_counts_were_never_reported(void **state)
{
    (void)state;
    const struct reply r =
        json("{\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1.5,"
             "\"prompt_tokens_details\":{\"cached_tokens\":99999999999999999999},"
             "\"completion_tokens_details\":{\"reasoning_tokens\":\"7\"}}}");
    struct sprout_tap_result t = run_all(&r);
    counts(&t, -1, -1, -1, -1);

    const struct reply parts =
        json("{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":4.0,"
             "\"prompt_tokens_details\":{\"cached_tokens\":6},"
             "\"completion_tokens_details\":{\"reasoning_tokens\":9}}}");
    t = run_all(&parts);
    counts(&t, 5, -1, 4, -1);
}

static void reasoning_outside_completion_is_found_by_the_total(void **state)
{
    (void)state;
    const struct reply r = json(
        "{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
        "\"total_tokens\":35,\"completion_tokens_details\":{\"reasoning_tokens\":20}}}");
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, 10, -1, 25, 20);
}

static void deepseek_and_llama_cpp_have_names_of_their_own(void **state)
{
    (void)state;
    const struct reply deepseek =
        json("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
             "\"prompt_cache_hit_tokens\":8,\"prompt_cache_miss_tokens\":2}}");
    struct sprout_tap_result t = run_all(&deepseek);
    counts(&t, 10, 8, 5, -1);

    const struct reply timings = json(
        "{\"choices\":[],\"timings\":{\"cache_n\":4,\"prompt_n\":6,\"predicted_n\":3}}");
    t = run_all(&timings);
    counts(&t, 10, 4, 3, -1);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
}

static void an_error_in_the_stream_is_seen(void **state)
{
    (void)state;
    const struct reply r = sse(RAY "data: {\"error\":{\"message\":\"boom\"}}\n\n", true);
    const struct sprout_tap_result t = run_all(&r);
    assert_true(t.error);
    assert_int_equal(t.source, SPROUT_USAGE_ESTIMATED);
    forwarded(r.bytes);
}

static void bytes_that_cannot_be_read_are_forwarded_all_the_same(void **state)
{
    (void)state;
    const struct reply r =
        sse("data: {\"a\":\xff}\n\ndata: hello\n\n" USAGE_CHUNK DONE, true);
    const struct sprout_tap_result t = run_all(&r);
    assert_true(t.blind);
    counts(&t, 120, 96, 45, 12);
    forwarded(SPROUT_STR("data: {\"a\":\xff}\n\ndata: hello\n\n" DONE));
}

static void a_choice_counts_once_however_it_repeats_itself(void **state)
{
    (void)state;
    /* Some servers send a thought under two names. */
    const struct reply r = sse(
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"x\",\"reasoning_content\":"
        "\"x\"}},{\"delta\":{\"content\":\"y\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":"
        "\"{\"}}]}}]}\n\n",
        false);
    const struct sprout_tap_result t = run_all(&r);
    counts(&t, -1, -1, 3, -1);
}

static void an_event_too_large_to_hold_goes_as_it_comes(void **state)
{
    (void)state;
    static char stream[SPROUT_TAP_HOLD_MAX + 4096];
    struct sprout_buf b = sprout_buf_of(stream, sizeof stream);
    sprout_buf_put(&b, SPROUT_STR("data: {\"choices\":[],\"x\":\""));
    while (b.len < SPROUT_TAP_HOLD_MAX + 1000) {
        sprout_buf_byte(&b, 'x');
    }
    sprout_buf_put(&b, SPROUT_STR("\",\"usage\":" USAGE "}\n\n" DONE));
    assert_false(b.full);
    const struct reply r = {CHAT, SPROUT_FRAMING_SSE, true, sprout_buf_str(&b)};
    const struct sprout_tap_result t = run(&r, SIZE_MAX, &first);
    counts(&t, 120, 96, 45, 12);
    forwarded(r.bytes);
    assert_int_equal(first.comment_at, r.bytes.len - (sizeof(DONE) - 1));
}

static void the_framing_comes_from_the_content_type(void **state)
{
    (void)state;
    assert_int_equal(sprout_framing_of(SPROUT_STR("text/event-stream; charset=utf-8")),
                     SPROUT_FRAMING_SSE);
    assert_int_equal(sprout_framing_of(SPROUT_STR("Application/JSON")),
                     SPROUT_FRAMING_JSON);
    assert_int_equal(sprout_framing_of(SPROUT_STR("application/x-ndjson")),
                     SPROUT_FRAMING_NDJSON);
    assert_int_equal(sprout_framing_of(SPROUT_STR("text/html")), SPROUT_FRAMING_NONE);
    assert_int_equal(sprout_framing_of((struct sprout_str){0}), SPROUT_FRAMING_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_reply_says_its_usage),
        cmocka_unit_test(the_usage_chunk_we_asked_for_is_taken_out_again),
        cmocka_unit_test(the_usage_chunk_the_client_asked_for_is_its_own),
        cmocka_unit_test(only_empty_choices_with_usage_are_stripped),
        cmocka_unit_test(framing_is_what_the_wild_has),
        cmocka_unit_test(an_unfinished_last_event_counts),
        cmocka_unit_test(a_cut_stream_counts_its_deltas_and_says_so),
        cmocka_unit_test(a_silent_server_is_estimated_not_zero),
        cmocka_unit_test(the_last_value_wins_field_by_field),
        cmocka_unit_test(absurd_counts_were_never_reported),
        cmocka_unit_test(reasoning_outside_completion_is_found_by_the_total),
        cmocka_unit_test(deepseek_and_llama_cpp_have_names_of_their_own),
        cmocka_unit_test(an_error_in_the_stream_is_seen),
        cmocka_unit_test(bytes_that_cannot_be_read_are_forwarded_all_the_same),
        cmocka_unit_test(a_choice_counts_once_however_it_repeats_itself),
        cmocka_unit_test(an_event_too_large_to_hold_goes_as_it_comes),
        cmocka_unit_test(the_framing_comes_from_the_content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
