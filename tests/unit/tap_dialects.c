/* SPDX-License-Identifier: Apache-2.0 */
/* The tap on the replies of the other APIs: the shapes of their references, and what goes
 * wrong with them.  Chat is in tap.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tap_run.h"

#define COMPLETIONS "/v1/completions"
#define RESPONSES   "/v1/responses"
#define MESSAGES    "/v1/messages"
#define CHAT        "/api/chat"
#define GENERATE    "/api/generate"

static struct sprout_tap_result tapped(const char *path, enum sprout_framing framing,
                                       const char *bytes)
{
    const struct reply r = {path, framing, false, sprout_str_of(bytes)};
    const struct sprout_tap_result t = run_all(&r);
    forwarded(r.bytes);
    return t;
}

static void completions_say_usage_as_chat_does(void **state)
{
    (void)state;
    struct sprout_tap_result t =
        tapped(COMPLETIONS, SPROUT_FRAMING_JSON,
               "{\"choices\":[{\"text\":\"...\",\"finish_reason\":\"length\"}],\"usage\":"
               "{\"prompt_tokens\":4,\"completion_tokens\":64,\"total_tokens\":68}}");
    counts(&t, 4, -1, 64, -1);

    t = tapped(COMPLETIONS, SPROUT_FRAMING_SSE,
               "data: {\"choices\":[{\"text\":\"a\"}]}\n\n"
               "data: {\"choices\":[{\"text\":\"b\"}]}\n\ndata: [DONE]\n\n");
    counts(&t, -1, -1, 2, -1);
    assert_int_equal(t.source, SPROUT_USAGE_ESTIMATED);

    /* A whole text is not a delta. */
    t = tapped(COMPLETIONS, SPROUT_FRAMING_JSON, "{\"choices\":[{\"text\":\"long\"}]}");
    counts(&t, -1, -1, -1, -1);
    assert_int_equal(t.source, SPROUT_USAGE_NONE);
}

#define RESPONSES_USAGE                                                                  \
    "\"usage\":{\"input_tokens\":120,\"input_tokens_details\":{\"cached_tokens\":96},"   \
    "\"output_tokens\":45,\"output_tokens_details\":{\"reasoning_tokens\":12},"          \
    "\"total_tokens\":165}"

static void responses_say_usage_in_their_last_event(void **state)
{
    (void)state;
    struct sprout_tap_result t =
        tapped(RESPONSES, SPROUT_FRAMING_JSON,
               "{\"status\":\"completed\",\"error\":null,\"output\":[{\"type\":"
               "\"message\"}]," RESPONSES_USAGE "}");
    counts(&t, 120, 96, 45, 12);
    assert_false(t.error);

    static const char stream[] =
        "event: response.created\n"
        "data: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\","
        "\"usage\":null}}\n\n"
        "event: response.output_text.delta\n"
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Ray\"}\n\n"
        "event: response.completed\n"
        "data: "
        "{\"type\":\"response.completed\",\"response\":{\"error\":null," RESPONSES_USAGE
        "}}\n\n";
    t = tapped(RESPONSES, SPROUT_FRAMING_SSE, stream);
    counts(&t, 120, 96, 45, 12);
    assert_true(t.terminal && !t.error);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
    assert_int_equal(first.completion_then, 45);
    assert_memory_equal(first.bytes + first.comment_at, "event: response.completed", 25);
}

static void a_failed_response_is_an_error_and_an_end(void **state)
{
    (void)state;
    struct sprout_tap_result t = tapped(
        RESPONSES, SPROUT_FRAMING_SSE,
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n"
        "data: "
        "{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\"}}}\n\n");
    assert_true(t.terminal && t.error);
    counts(&t, -1, -1, 1, -1);

    t = tapped(RESPONSES, SPROUT_FRAMING_SSE,
               "event: error\ndata: {\"type\":\"error\",\"message\":\"boom\"}\n\n");
    assert_true(t.error && !t.terminal);
    t = tapped(RESPONSES, SPROUT_FRAMING_SSE,
               "data: {\"type\":\"response.incomplete\",\"response\":{" RESPONSES_USAGE
               "}}\n\ndata: [DONE]\n\n");
    assert_true(t.terminal && !t.error);
    counts(&t, 120, 96, 45, 12);
}

#define MESSAGE_START                                                                    \
    "event: message_start\n"                                                             \
    "data: "                                                                             \
    "{\"type\":\"message_start\",\"message\":{\"id\":\"1\",\"content\":[],\"usage\":"    \
    "{\"input_tokens\":24,\"cache_creation_input_tokens\":5,"                            \
    "\"cache_read_input_tokens\":96,\"output_tokens\":1}}}\n\n"
#define MESSAGE_TEXT                                                                     \
    "event: content_block_delta\n"                                                       \
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"                     \
    "{\"type\":\"text_delta\",\"text\":\"Ray\"}}\n\n"
#define MESSAGE_THOUGHT                                                                  \
    "event: content_block_delta\n"                                                       \
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"                     \
    "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n"
#define MESSAGE_DELTA                                                                    \
    "event: message_delta\n"                                                             \
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"        \
    "\"usage\":{\"output_tokens\":45}}\n\n"
#define MESSAGE_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define PING         "event: ping\ndata: {\"type\":\"ping\"}\n\n"

static void a_message_counts_its_cached_tokens_beside_the_others(void **state)
{
    (void)state;
    struct sprout_tap_result t = tapped(
        MESSAGES, SPROUT_FRAMING_JSON,
        "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}],"
        "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":24,"
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":96,"
        "\"output_tokens\":45,\"output_tokens_details\":{\"thinking_tokens\":12}}}");
    counts(&t, 120, 96, 45, 12);

    t = tapped(
        MESSAGES, SPROUT_FRAMING_SSE,
        MESSAGE_START PING MESSAGE_THOUGHT MESSAGE_TEXT MESSAGE_DELTA MESSAGE_STOP);
    counts(&t, 125, 96, 45, -1);
    assert_true(t.terminal);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
    assert_int_equal(
        first.comment_at,
        sizeof(MESSAGE_START PING MESSAGE_THOUGHT MESSAGE_TEXT MESSAGE_DELTA) - 1);
}

static void a_cut_message_has_its_prompt_and_an_estimate(void **state)
{
    (void)state;
    const struct sprout_tap_result t =
        tapped(MESSAGES, SPROUT_FRAMING_SSE, MESSAGE_START MESSAGE_TEXT MESSAGE_TEXT);
    counts(&t, 125, 96, 2, -1);
    assert_int_equal(t.source, SPROUT_USAGE_ESTIMATED);
    assert_false(t.terminal);
}

static void a_message_may_say_its_usage_twice(void **state)
{
    (void)state;
    const struct sprout_tap_result t = tapped(
        MESSAGES, SPROUT_FRAMING_SSE,
        MESSAGE_START MESSAGE_DELTA
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
        "\"usage\":{\"input_tokens\":30,\"output_tokens\":50}}\n\n" MESSAGE_STOP);
    counts(&t, 131, 96, 50, -1);
}

static void an_error_in_a_message_stream_is_seen(void **state)
{
    (void)state;
    const struct sprout_tap_result t = tapped(
        MESSAGES, SPROUT_FRAMING_SSE,
        MESSAGE_START "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                      "\"overloaded_error\",\"message\":\"x\"}}\n\n");
    assert_true(t.error && !t.terminal);
}

#define OLLAMA_LAST                                                                      \
    "\"done\":true,\"done_reason\":\"stop\",\"total_duration\":5,"                       \
    "\"prompt_eval_count\":26,\"prompt_eval_cached_count\":20,\"eval_count\":298}\n"

static void ollama_says_usage_on_its_last_line(void **state)
{
    (void)state;
    struct sprout_tap_result t = tapped(
        CHAT, SPROUT_FRAMING_NDJSON,
        "{\"message\":{\"role\":\"assistant\",\"content\":\"Ray\"},\"done\":false}\n"
        "{\"message\":{\"role\":\"assistant\",\"content\":\"\"}," OLLAMA_LAST);
    counts(&t, 26, 20, 298, -1);
    assert_true(t.terminal);
    assert_int_equal(t.source, SPROUT_USAGE_REPORTED);
    assert_int_equal(first.comment_at, SIZE_MAX); /* NDJSON has no comments */

    t = tapped(GENERATE, SPROUT_FRAMING_NDJSON,
               "{\"response\":\"Ray\",\"done\":false}\r\n"
               "{\"response\":\"\",\"context\":[1,2,3]," OLLAMA_LAST);
    counts(&t, 26, 20, 298, -1);
    t = tapped(GENERATE, SPROUT_FRAMING_JSON, "{\"response\":\"Ray\"," OLLAMA_LAST);
    counts(&t, 26, 20, 298, -1);
}

static void ollama_may_leave_a_count_out(void **state)
{
    (void)state;
    const struct sprout_tap_result t =
        tapped(CHAT, SPROUT_FRAMING_JSON,
               "{\"message\":{\"content\":\"Ray\"},\"done\":true,\"eval_count\":3}");
    counts(&t, -1, -1, 3, -1);
}

static void a_cut_ollama_stream_counts_its_lines(void **state)
{
    (void)state;
    struct sprout_tap_result t =
        tapped(CHAT, SPROUT_FRAMING_NDJSON,
               "{\"message\":{\"thinking\":\"hm\"},\"done\":false}\n"
               "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"message\":{\"con");
    counts(&t, -1, -1, 2, -1);
    assert_int_equal(t.source, SPROUT_USAGE_ESTIMATED);

    t = tapped(CHAT, SPROUT_FRAMING_NDJSON,
               "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"boom\"}");
    assert_true(t.error && !t.terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completions_say_usage_as_chat_does),
        cmocka_unit_test(responses_say_usage_in_their_last_event),
        cmocka_unit_test(a_failed_response_is_an_error_and_an_end),
        cmocka_unit_test(a_message_counts_its_cached_tokens_beside_the_others),
        cmocka_unit_test(a_cut_message_has_its_prompt_and_an_estimate),
        cmocka_unit_test(a_message_may_say_its_usage_twice),
        cmocka_unit_test(an_error_in_a_message_stream_is_seen),
        cmocka_unit_test(ollama_says_usage_on_its_last_line),
        cmocka_unit_test(ollama_may_leave_a_count_out),
        cmocka_unit_test(a_cut_ollama_stream_counts_its_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
