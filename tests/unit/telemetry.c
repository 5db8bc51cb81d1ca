/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the metrics by model: what clients name cannot break or fill the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/api.h"
#include "control/telemetry.h"

static char page[SPROUT_API_ANSWER_MAX];

static void note(struct sprout_telemetry *t, const char *api, struct sprout_str model)
{
    const struct sprout_record r = {.api = sprout_str_of(api),
                                    .model = model,
                                    .stream = true,
                                    .ttfb_us = 20000,
                                    .duration_us = 900000,
                                    .outcome = SPROUT_OUTCOME_OK,
                                    .usage = {{10}, {0}, {20}, {0}}};
    sprout_telemetry_note(t, &r);
}

static struct sprout_str page_of(const struct sprout_telemetry *t)
{
    struct sprout_buf b = sprout_buf_of(page, sizeof page);
    sprout_telemetry_put(&b, t);
    assert_false(b.full);
    return sprout_buf_str(&b);
}

static bool has(struct sprout_str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void a_name_that_prometheus_cannot_read_is_another(void **state)
{
    (void)state;
    static struct sprout_telemetry t;
    sprout_telemetry_init(&t);
    note(&t, "openai-chat", SPROUT_STR("a\x01\x1b[31m"));
    note(&t, "openai-chat", SPROUT_STR("say \"hi\""));
    note(&t, "openai-chat", SPROUT_STR(""));
    note(&t, "openai-chat", SPROUT_STR("qwen 3/\xC3\xA9"));
    const struct sprout_str text = page_of(&t);
    assert_true(has(text, "gen_ai_request_model=\"(other)\"} 3\n"));
    assert_true(has(text, "gen_ai_request_model=\"qwen 3/\xC3\xA9\"} 1\n"));
    assert_false(has(text, "31m") || has(text, "\\u") || has(text, "say"));
}

static void two_apis_of_one_name_are_one_series(void **state)
{
    (void)state;
    static struct sprout_telemetry t;
    sprout_telemetry_init(&t);
    note(&t, "openai-chat", SPROUT_STR("m"));
    note(&t, "openai-responses", SPROUT_STR("m"));
    assert_true(has(page_of(&t),
                    "gen_ai_server_request_duration_seconds_count{gen_ai_operation_name="
                    "\"chat\",gen_ai_provider_name=\"openai\",gen_ai_request_model="
                    "\"m\"} 2\n"));
}

/* More models than are told apart, all names as long as they may be, by every API. */
static void the_page_is_bounded(void **state)
{
    (void)state;
    static const char *const apis[] = {"openai-chat",      "openai-completions",
                                       "openai-responses", "anthropic-messages",
                                       "ollama-chat",      "ollama-generate"};
    static struct sprout_telemetry t;
    char model[2 * SPROUT_TELEMETRY_MODEL_TEXT];
    sprout_telemetry_init(&t);
    memset(model, 'm', sizeof model);
    for (int i = 0; i < 200; i++) {
        model[0] = (char)('!' + 1 + i % 90); /* from # on: no quote */
        if (model[0] != '\\') {
            note(&t, apis[i % 6], (struct sprout_str){model, sizeof model});
        }
    }
    assert_int_equal(t.models, SPROUT_TELEMETRY_MODELS_MAX);
    assert_true(page_of(&t).len < sizeof page / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_prometheus_cannot_read_is_another),
        cmocka_unit_test(two_apis_of_one_name_are_one_series),
        cmocka_unit_test(the_page_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
