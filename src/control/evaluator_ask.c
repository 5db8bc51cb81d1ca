/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_ask.c - the questions to the upstream and to the judge; see evaluator.h.
 *
 * A batch is asked at the same time, as far as the run's concurrency allows, and each reply
 * is written down as it comes: text to the spool, then the row. */
#include "control/evaluator_inner.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapt/clock.h"
#include "adapt/spool.h"
#include "core/match.h"
#include "wire/judge_text.h"
#include "wire/level_body.h"

enum {
    REPLY_MAX = 1 << 20,
    BODY_SLACK = 64 * 1024,
    ANSWER_SECONDS = 600,
    JUDGE_SECONDS = 300,
    ANSWER_TRIES = 2,
    JUDGE_TRIES = 2,
    NS_PER_US = 1000,
    PACE_MIN_SECONDS = 1, /* a shorter answer says little of a server's load */
};

/* ---- receipts -------------------------------------------------------------------------- */

static int64_t micro(double v)
{
    return isfinite(v) ? (int64_t)llround(v * 1e6) : SPROUT_MICRO_UNKNOWN;
}

static struct sprout_store_cost cost_of(const struct evaluator *e,
                                        struct sprout_str model, int stratum,
                                        struct sprout_usage usage, sprout_span took)
{
    const struct sprout_receipt r =
        sprout_receipt_make(e->policy, model, stratum < 0 ? 0 : stratum, usage, false);
    return (struct sprout_store_cost){
        .at = sprout_clock_wall(),
        .prompt = usage.prompt,
        .completion = usage.completion,
        .time = {took.ns / NS_PER_US},
        .energy = {micro(r.energy.v)},
        .grams = {micro(r.grams.v)},
        .method = r.method,
    };
}

static bool is_refusal(const struct sprout_http_call *call) /* of this request alone */
{
    const int code = call->code;
    return (code == 400 && !sprout_evaluator_out_of_quota(call)) || code == 413 ||
           code == 422;
}

static bool was_stopped(const struct evaluator *e)
{
    return e->opts->stop != NULL && atomic_load(e->opts->stop);
}

/* ---- answers --------------------------------------------------------------------------- */

struct answer_ask {
    struct evaluator *e;
    struct evaluator_item *item;
    const struct sprout_chat *chat;
    int level;
    char *body;  /* owned */
    char *reply; /* owned */
};

/* 1: right, 0: wrong, -1: no reference that can tell. */
static int rate(const struct sprout_chat *c, const char *answer)
{
    const struct sprout_str q = sprout_str_of(c->question);
    const struct sprout_str r = sprout_str_of(c->reference);
    const enum sprout_match_rule rule =
        r.len == 0 ? SPROUT_MATCH_NONE : sprout_match_rule_of(q, r);
    return rule == SPROUT_MATCH_NONE ? -1
                                     : sprout_match(rule, q, r, sprout_str_of(answer));
}

static void keep_answer(struct answer_ask *a, const struct sprout_http_call *call,
                        const char *text, struct sprout_usage usage)
{
    struct evaluator *const e = a->e;
    struct sprout_error err;
    const struct sprout_store_answer row = {
        .item = a->item->id,
        .level = a->level,
        .right = rate(a->chat, text),
        .cost = cost_of(e, sprout_str_of(e->model), a->item->stratum, usage, call->took),
    };
    enum sprout_status status = sprout_spool_put(e->opts->dir, e->run, a->item->no,
                                                 a->level, sprout_str_of(text), &err);
    if (status == SPROUT_OK) {
        status = sprout_store_put_answer(e->store, &row, &err);
    }
    sprout_evaluator_broke(e, status, &err);
    if (status == SPROUT_OK) {
        a->item->answered |= UINT32_C(1) << a->level;
    }
    if (usage.completion.n > 0 &&
        call->took.ns >= PACE_MIN_SECONDS * SPROUT_NS_PER_SECOND) {
        const double pace = (double)call->took.ns / 1e9 / (double)usage.completion.n;
        e->pace = pace;
        e->best_s_per_token =
            e->best_s_per_token == 0 ? pace : fmin(pace, e->best_s_per_token);
    }
}

static void on_answer(void *ctx, struct sprout_http_call *call)
{
    struct answer_ask *const a = call->ctx;
    struct evaluator *const e = a->e;
    struct sprout_usage usage;
    char *text = NULL;

    (void)ctx;
    if (!a->item->open || e->broken != SPROUT_OK || was_stopped(e)) {
        return;
    }
    if (is_refusal(call)) {
        char why[64];
        snprintf(why, sizeof why, "the upstream answers %d", call->code);
        sprout_evaluator_close(e, a->item, "failed", why);
        return;
    }
    if (call->status != SPROUT_OK || call->code != 200) {
        sprout_evaluator_rest(&e->upstream, call, "upstream");
        return;
    }
    sprout_evaluator_came(e, &e->upstream);
    if (sprout_chat_answer(sprout_buf_str(&call->reply), &text, &usage, NULL) !=
        SPROUT_OK) {
        if (++a->item->tries >= ANSWER_TRIES) {
            sprout_evaluator_close(e, a->item, "failed",
                                   "the upstream's reply is no chat completion");
        }
        return;
    }
    keep_answer(a, call, text, usage);
    free(text);
}

/* The request at the level; false if there is none. */
static bool build_body(struct answer_ask *a, struct sprout_http_call *call)
{
    const size_t cap = strlen(a->chat->body) + BODY_SLACK;
    char *const memory = malloc(SPROUT_LEVEL_BODY_MEMORY);
    struct sprout_arena arena = sprout_arena_of(memory, SPROUT_LEVEL_BODY_MEMORY);
    struct sprout_facts facts;

    a->body = malloc(cap);
    a->reply = malloc(REPLY_MAX);
    bool good = memory != NULL && a->body != NULL && a->reply != NULL;
    if (good) {
        struct sprout_buf out = sprout_buf_of(a->body, cap);
        good = sprout_level_body(a->e->policy, (size_t)a->level, SPROUT_EVALUATOR_ROUTE,
                                 sprout_str_of(a->chat->body), &arena, &out,
                                 &facts) == SPROUT_OK;
        call->body = sprout_buf_str(&out);
        call->reply = sprout_buf_of(a->reply, REPLY_MAX);
    }
    free(memory);
    return good;
}

/* The item's text, or the item is over. */
static bool open_chat(struct evaluator *e, struct evaluator_item *item,
                      struct sprout_chat *out)
{
    struct sprout_file f = {0};
    const bool good = sprout_spool_get(e->opts->dir, e->run, item->no,
                                       SPROUT_SPOOL_PROMPT, &f, NULL) == SPROUT_OK &&
                      sprout_chat_unpack(sprout_file_str(&f), out, NULL) == SPROUT_OK;
    sprout_file_free(&f);
    if (!good) {
        sprout_evaluator_close(e, item, "failed", "its text is gone from the spool");
    }
    return good;
}

void sprout_evaluator_answer(struct evaluator *e, struct evaluator_item **batch, size_t n)
{
    static struct sprout_chat none;
    struct sprout_chat chat[SPROUT_EVALUATOR_CONCURRENCY_MAX];
    struct answer_ask ask[SPROUT_HTTP_CALLS_MAX];
    struct sprout_http_call call[SPROUT_HTTP_CALLS_MAX];
    const struct sprout_http_opts opts = {.timeout = sprout_span_seconds(ANSWER_SECONDS),
                                          .at_most = e->concurrency,
                                          .stop = e->opts->stop,
                                          .enough = &e->upstream.enough,
                                          .done = on_answer};
    size_t calls = 0;

    e->upstream.enough = false;

    for (size_t i = 0; i < n; i++) {
        chat[i] = none;
        const bool there = open_chat(e, batch[i], &chat[i]);
        for (int l = 0; l < e->levels && there; l++) {
            if ((batch[i]->answered >> l & 1) != 0) {
                continue;
            }
            ask[calls] = (struct answer_ask){e, batch[i], &chat[i], l, NULL, NULL};
            call[calls] =
                (struct sprout_http_call){.url = e->upstream.url, .ctx = &ask[calls]};
            if (!build_body(&ask[calls], &call[calls])) {
                sprout_evaluator_close(e, batch[i], "failed",
                                       "no directive can be added to it any more");
                free(ask[calls].body);
                free(ask[calls].reply);
                break;
            }
            calls++;
        }
    }
    sprout_http_run(call, calls, &opts);
    for (size_t i = 0; i < calls; i++) {
        free(ask[i].body);
        free(ask[i].reply);
    }
    for (size_t i = 0; i < n; i++) {
        sprout_chat_free(&chat[i]);
    }
}

/* ---- verdicts -------------------------------------------------------------------------- */

/* What an item's questions are made of. */
struct texts {
    struct sprout_chat chat;
    struct sprout_file answer[SPROUT_LEVELS_MAX];
};

struct judge_ask {
    struct evaluator *e;
    struct evaluator_item *item;
    const struct texts *texts;
    int question;
    uint8_t shown[SPROUT_LEVELS_MAX];
    int slots;
    int tries;
    bool again; /* could not be read, and may be asked once more */
    struct sprout_usage usage;
    sprout_span took;
    char *body;  /* owned */
    char *reply; /* owned */
};

static sprout_tokens sum_tokens(sprout_tokens a, sprout_tokens b)
{
    return a.n < 0 || b.n < 0 ? SPROUT_TOKENS_UNKNOWN : (sprout_tokens){a.n + b.n};
}

static void keep_verdict(struct judge_ask *a, uint32_t slots)
{
    struct evaluator *const e = a->e;
    char method[SPROUT_NAME_MAX + 16];
    struct sprout_error err;
    uint32_t best = 0;

    for (int s = 0; s < a->slots; s++) {
        best |= (slots >> s & 1) << a->shown[s];
    }
    struct sprout_store_verdict row = {
        .item = a->item->id,
        .run = e->run,
        .question = a->question,
        .form = sprout_str_of(sprout_judge_form_text(e->form)),
        .judge = sprout_str_of(e->judge_model),
        .slots = a->slots,
        .best = best,
        .tries = a->tries,
        .cost = cost_of(e, sprout_str_of(e->judge_model), a->item->stratum, a->usage,
                        a->took),
    };
    memcpy(row.shown, a->shown, sizeof row.shown);
    snprintf(method, sizeof method, "estimated:%.*s", (int)row.cost.method.len,
             row.cost.method.ptr);
    row.cost.method = sprout_str_of(method);
    const enum sprout_status status = sprout_store_put_verdict(e->store, &row, &err);
    sprout_evaluator_broke(e, status, &err);
    if (status == SPROUT_OK) {
        a->item->questions |= UINT32_C(1) << a->question;
    }
}

/* What the judge said, as slots; 0 when it cannot be read.  Its tokens are added up. */
static uint32_t read_reply(struct judge_ask *a, const struct sprout_http_call *call)
{
    struct sprout_usage usage = SPROUT_USAGE_UNKNOWN;
    char *text = NULL;
    uint32_t slots = 0;

    if (call->code == 200 && sprout_chat_answer(sprout_buf_str(&call->reply), &text,
                                                &usage, NULL) == SPROUT_OK) {
        slots = sprout_judge_read(sprout_str_of(text), a->slots);
        free(text);
    }
    if (a->tries == 0) {
        a->usage = usage;
    } else {
        a->usage.prompt = sum_tokens(a->usage.prompt, usage.prompt);
        a->usage.completion = sum_tokens(a->usage.completion, usage.completion);
    }
    a->took.ns += call->took.ns;
    a->tries++;
    return slots;
}

static void on_verdict(void *ctx, struct sprout_http_call *call)
{
    struct judge_ask *const a = call->ctx;
    struct evaluator *const e = a->e;

    (void)ctx;
    a->again = false;
    if (e->broken != SPROUT_OK || was_stopped(e)) {
        return;
    }
    if (call->status == SPROUT_LIMIT) {
        call->code = 200; /* it spoke, and more than anyone reads */
    } else if (call->status != SPROUT_OK || (call->code != 200 && !is_refusal(call))) {
        sprout_evaluator_rest(&e->judge, call, "judge");
        return;
    }
    sprout_evaluator_came(e, &e->judge);
    const uint32_t slots = read_reply(a, call);
    if (slots == 0 && a->tries < JUDGE_TRIES && !is_refusal(call)) {
        a->again = true;
        return;
    }
    keep_verdict(a, slots);
}

static bool build_question(struct judge_ask *a, struct sprout_http_call *call)
{
    const struct evaluator *const e = a->e;
    struct sprout_str answers[SPROUT_LEVELS_MAX];
    size_t cap = BODY_SLACK + 6 * strlen(a->texts->chat.prompt);

    for (int s = 0; s < a->slots; s++) {
        answers[s] = sprout_file_str(&a->texts->answer[a->shown[s]]);
        cap += 6 * answers[s].len;
    }
    if (e->rubric != NULL) {
        cap += 6 * strlen(e->rubric);
    }
    free(a->body);
    a->body = malloc(cap);
    a->reply = a->reply == NULL ? malloc(REPLY_MAX) : a->reply;
    if (a->body == NULL || a->reply == NULL) {
        return false;
    }
    struct sprout_buf b = sprout_buf_of(a->body, cap);
    sprout_judge_put(&b, &(struct sprout_judge_ask){
                             .model = sprout_str_of(e->judge_model),
                             .rubric = sprout_str_of(e->rubric),
                             .prompt = sprout_str_of(a->texts->chat.prompt),
                             .answers = answers,
                             .count = a->slots,
                             .max_tokens = e->judge_max_tokens,
                             .again = a->tries > 0,
                         });
    *call = (struct sprout_http_call){
        .url = e->judge.url,
        .bearer = e->key,
        .body = sprout_buf_str(&b),
        .reply = sprout_buf_of(a->reply, REPLY_MAX),
        .ctx = a,
    };
    return !b.full;
}

static bool open_texts(struct evaluator *e, struct evaluator_item *item,
                       struct texts *out)
{
    if (!open_chat(e, item, &out->chat)) {
        return false;
    }
    for (int l = 0; l < e->levels; l++) {
        if (sprout_spool_get(e->opts->dir, e->run, item->no, l, &out->answer[l], NULL) !=
            SPROUT_OK) {
            sprout_evaluator_close(e, item, "failed",
                                   "its answers are gone from the spool");
            return false;
        }
    }
    return true;
}

static void free_texts(struct texts *t)
{
    sprout_chat_free(&t->chat);
    for (int l = 0; l < SPROUT_LEVELS_MAX; l++) {
        sprout_file_free(&t->answer[l]);
    }
}

/* Asks all of them; those that could not be read, once more. */
static void ask_all(struct evaluator *e, struct judge_ask *ask, size_t asks)
{
    struct sprout_http_call call[SPROUT_HTTP_CALLS_MAX];
    const struct sprout_http_opts opts = {.timeout = sprout_span_seconds(JUDGE_SECONDS),
                                          .at_most = e->concurrency,
                                          .stop = e->opts->stop,
                                          .enough = &e->judge.enough,
                                          .done = on_verdict};
    size_t calls;

    e->judge.enough = false;

    do {
        calls = 0;
        for (size_t i = 0; i < asks; i++) {
            if (ask[i].again && build_question(&ask[i], &call[calls])) {
                calls++;
            }
        }
        sprout_http_run(call, calls, &opts);
    } while (calls > 0 && !was_stopped(e) && e->broken == SPROUT_OK && !e->judge.enough);
}

void sprout_evaluator_judge(struct evaluator *e, struct evaluator_item **batch, size_t n)
{
    struct texts texts[SPROUT_EVALUATOR_CONCURRENCY_MAX] = {0};
    struct judge_ask ask[SPROUT_HTTP_CALLS_MAX];
    size_t asks = 0;

    for (size_t i = 0; i < n; i++) {
        const bool there = open_texts(e, batch[i], &texts[i]);
        for (int q = 0; q < e->questions && there; q++) {
            if ((batch[i]->questions >> q & 1) != 0) {
                continue;
            }
            struct judge_ask *const a = &ask[asks++];
            *a = (struct judge_ask){.e = e,
                                    .item = batch[i],
                                    .texts = &texts[i],
                                    .question = q,
                                    .usage = SPROUT_USAGE_UNKNOWN,
                                    .again = true};
            a->slots = sprout_judge_order(e->form, e->levels, batch[i]->no, q, a->shown);
        }
    }
    ask_all(e, ask, asks);
    for (size_t i = 0; i < asks; i++) {
        free(ask[i].body);
        free(ask[i].reply);
    }
    for (size_t i = 0; i < n; i++) {
        free_texts(&texts[i]);
    }
}
