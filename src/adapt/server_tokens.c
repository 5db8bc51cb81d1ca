/* SPDX-License-Identifier: Apache-2.0 */
/* server_tokens.c - see server_tokens.h. */
#include "adapt/server_tokens.h"

#include <stdlib.h>

#include "adapt/http.h"
#include "wire/exposition.h"

enum { PAGE_MAX = 4 << 20, SECONDS = 2 };

static void add(const struct sprout_sample *s, sprout_tokens *to)
{
    if (s->value >= 0 && s->value < (double)SPROUT_TOKENS_MAX) {
        to->n = (to->n < 0 ? 0 : to->n) + (int64_t)llround(s->value);
    }
}

static void sum_page(struct sprout_str page, sprout_tokens *prompt, sprout_tokens *output)
{
    struct sprout_sample s;
    *prompt = *output = SPROUT_TOKENS_UNKNOWN;
    while (sprout_exposition_next(&page, &s)) {
        if (sprout_str_eq(s.name, SPROUT_STR("vllm:prompt_tokens_total")) ||
            sprout_str_eq(s.name, SPROUT_STR("llamacpp:prompt_tokens_total"))) {
            add(&s, prompt);
        } else if (sprout_str_eq(s.name, SPROUT_STR("vllm:generation_tokens_total")) ||
                   sprout_str_eq(s.name, SPROUT_STR("llamacpp:tokens_predicted_total"))) {
            add(&s, output);
        }
    }
}

enum sprout_status sprout_server_tokens(const char *url, sprout_tokens *prompt,
                                        sprout_tokens *output, struct sprout_error *err)
{
    char *const page = malloc(PAGE_MAX);
    if (page == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a page");
    }
    struct sprout_http_call call = {.url = url, .reply = sprout_buf_of(page, PAGE_MAX)};
    const struct sprout_http_opts http = {.connect_timeout = sprout_span_seconds(SECONDS),
                                          .timeout = sprout_span_seconds(SECONDS)};
    sprout_tokens in, out;
    sprout_http_run(&call, 1, &http);
    enum sprout_status status = SPROUT_OK;
    if (call.status != SPROUT_OK || call.code != 200) {
        status = sprout_fail(err, SPROUT_UNAVAILABLE, "the server's counters: %s",
                             call.status != SPROUT_OK ? call.why : "not status 200");
    } else {
        sum_page(sprout_buf_str(&call.reply), &in, &out);
        if (!sprout_tokens_known(in) || !sprout_tokens_known(out)) {
            status =
                sprout_fail(err, SPROUT_NOT_FOUND,
                            "no vllm:... or llamacpp:... token counters at %.200s", url);
        } else {
            *prompt = in;
            *output = out;
        }
    }
    free(page);
    return status;
}
