/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_busy.c - has the upstream better things to do?
 *
 * Asked at most once a second, in this order; the first that answers counts:
 *   GET /slots      llama.cpp: as many idle slots as we would take, or it is busy
 *   GET /metrics    requests waiting (vLLM, SGLang, TGI, llama.cpp): any, or it is busy
 *   neither         our own answers: at more than PACE_FACTOR times the quickest seconds a
 *                   token, it rests for a while
 * What cannot be asked is not asked again in this run. */
#include "control/evaluator_inner.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/clock.h"

enum { ASK_MAX = 1 << 20, ASK_SECONDS = 5, PACE_REST_SECONDS = 10 };

#define PACE_FACTOR 3.0

static bool get(const struct evaluator *e, const char *path, char *memory,
                struct sprout_buf *out)
{
    char url[SPROUT_EVALUATOR_URL_MAX];
    struct sprout_http_call call = {.url = url, .reply = sprout_buf_of(memory, ASK_MAX)};
    const struct sprout_http_opts opts = {.timeout = sprout_span_seconds(ASK_SECONDS),
                                          .stop = e->opts->stop};

    sprout_evaluator_url(e->base, path, url, sizeof url);
    sprout_http_run(&call, 1, &opts);
    *out = call.reply;
    return call.status == SPROUT_OK && call.code == 200;
}

/* -1: no such list. */
static int idle_slots(struct sprout_str reply)
{
    json_t *const root = json_loadb(reply.ptr, reply.len, 0, NULL);
    int idle = json_array_size(root) > 0 ? 0 : -1;
    size_t i;
    const json_t *slot;

    json_array_foreach(root, i, slot)
    {
        const json_t *const at_work = json_object_get(slot, "is_processing");
        if (!json_is_boolean(at_work)) {
            idle = -1;
            break;
        }
        idle += json_is_false(at_work);
    }
    json_decref(root);
    return idle;
}

/* Sum of the samples of queues; -1: there is none. */
static double waiting(struct sprout_str text)
{
    static const char *const names[] = {"vllm:num_requests_waiting",
                                        "sglang:num_queue_reqs", "tgi_queue_size",
                                        "llamacpp:requests_deferred"};
    double sum = -1;

    for (size_t at = 0; at < text.len;) {
        const char *const line = text.ptr + at;
        const char *const end = memchr(line, '\n', text.len - at);
        const size_t n = end == NULL ? text.len - at : (size_t)(end - line);
        const struct sprout_str s = {line, n};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            const size_t name = strlen(names[i]);
            size_t blank = n;
            while (blank > 0 && line[blank - 1] != ' ') {
                blank--;
            }
            double v;
            if (sprout_str_starts(s, sprout_str_of(names[i])) && n > name &&
                (line[name] == ' ' || line[name] == '{') &&
                sprout_str_to_f64((struct sprout_str){line + blank, n - blank}, &v) ==
                    SPROUT_OK) {
                sum = (sum < 0 ? 0 : sum) + v;
            }
        }
        at += n + 1;
    }
    return sum;
}

static bool slots_busy(struct evaluator *e, char *memory, bool *out_busy)
{
    struct sprout_buf reply;
    const int idle =
        get(e, "/slots", memory, &reply) ? idle_slots(sprout_buf_str(&reply)) : -1;
    e->no_slots = idle < 0;
    *out_busy = idle >= 0 && idle < 1;
    return idle >= 0;
}

static bool queue_busy(struct evaluator *e, char *memory, bool *out_busy)
{
    struct sprout_buf reply;
    const double n =
        get(e, "/metrics", memory, &reply) ? waiting(sprout_buf_str(&reply)) : -1;
    e->no_metrics = n < 0;
    *out_busy = n > 0;
    return n >= 0;
}

static bool ask(struct evaluator *e)
{
    char *const memory = malloc(ASK_MAX);
    bool busy = false;

    if (memory != NULL && !(!e->no_slots && slots_busy(e, memory, &busy)) &&
        !(!e->no_metrics && queue_busy(e, memory, &busy)) && e->best_s_per_token > 0) {
        busy = e->pace > PACE_FACTOR * e->best_s_per_token;
        e->pace = 0; /* once it has rested, it is tried again */
    }
    free(memory);
    return busy;
}

bool sprout_evaluator_busy(struct evaluator *e)
{
    const sprout_mono now = sprout_clock_mono();
    const bool by_pace = e->no_slots && e->no_metrics;

    if (!ask(e)) {
        return false;
    }
    const int64_t seconds = by_pace ? PACE_REST_SECONDS : 1;
    e->upstream.rest_until.ns = now.ns + seconds * SPROUT_NS_PER_SECOND;
    e->last_came = now; /* it lives */
    snprintf(e->upstream.why, sizeof e->upstream.why, "%s",
             by_pace ? "the upstream is slower than it can be: others use it"
                     : "the upstream has no idle slot or a queue: others use it");
    return true;
}
