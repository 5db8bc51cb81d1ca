/* SPDX-License-Identifier: Apache-2.0 */
/* The cut oracle of the tap: random streams of every API, cut at random.
 *
 *     SPROUT_REQUESTS=N build/tests/property/cut
 *
 * Each stream is made event by event, so the test knows what must be counted and what must
 * be forwarded before the tap sees a byte: framing varies (LF, CRLF, no space, several data
 * lines, comments, unknown fields, no blank line at the end), and some streams break off.
 * Checked whole, in single bytes and in random pieces. */
#include <stdio.h>
#include <stdlib.h>

#include "json_gen.h"
#include "wire/tap.h"

enum { STREAM_MAX = 64 * 1024, STREAMS = 20000 };

enum api { CHAT, COMPLETIONS, RESPONSES, MESSAGES, OLLAMA, APIS };

static const char *const paths[] = {
    [CHAT] = "/v1/chat/completions", [COMPLETIONS] = "/v1/completions",
    [RESPONSES] = "/v1/responses",   [MESSAGES] = "/v1/messages",
    [OLLAMA] = "/api/chat",
};

/* What a stream is, and what must become of it. */
struct stream {
    enum api api;
    bool strip;
    struct gen g;               /* its bytes */
    struct sprout_buf expected; /* the bytes that must be forwarded */
    const char *eol;
    int64_t deltas;
    int64_t prompt, completion;
    bool complete; /* usage is reported, not estimated */
    bool terminal;
    bool error;
    size_t end_at; /* forwarded bytes before the last event; SIZE_MAX: at the finish */
};

static char bytes[STREAM_MAX], expected[STREAM_MAX], found[STREAM_MAX],
    scratch[STREAM_MAX];

/* Writes one event with `data`, in one of the framings of the wild. */
static void put_event(struct stream *s, const char *name, const char *data)
{
    struct gen *g = &s->g;
    if (s->api == OLLAMA) {
        gen_put(g, data);
        gen_put(g, s->eol);
        return;
    }
    if (gen_percent(g, 10)) {
        gen_put(g, ": ping");
        gen_put(g, s->eol);
    }
    if (name != NULL && gen_percent(g, 90)) {
        gen_put(g, "event: ");
        gen_put(g, name);
        gen_put(g, s->eol);
    }
    if (gen_percent(g, 5)) {
        gen_put(g, "id: 7");
        gen_put(g, s->eol);
    }
    gen_put(g, gen_percent(g, 80) ? "data: " : "data:");
    const char *comma = strstr(data, ",\"");
    if (comma != NULL && gen_percent(g, 10)) { /* two data lines */
        sprout_buf_put(&g->b, (struct sprout_str){data, (size_t)(comma - data)});
        gen_put(g, s->eol);
        gen_put(g, "data: ");
        data = comma;
    }
    gen_put(g, data);
    gen_put(g, s->eol);
    gen_put(g, s->eol);
}

/* As put_event, and it is to be forwarded. */
static void event(struct stream *s, const char *name, const char *data)
{
    const size_t from = s->g.b.len;
    put_event(s, name, data);
    sprout_buf_put(&s->expected,
                   (struct sprout_str){s->g.b.ptr + from, s->g.b.len - from});
}

static const char *text_of(const char *format, const char *text, long long a, long long b)
{
    struct sprout_buf out = sprout_buf_of(scratch, sizeof scratch - 1);
    for (const char *p = format; *p != '\0'; p++) {
        if (*p == '$') {
            sprout_buf_put(&out, sprout_str_of(text));
        } else if (*p == '#') {
            sprout_buf_i64(&out, a);
        } else if (*p == '%') {
            sprout_buf_i64(&out, b);
        } else {
            sprout_buf_byte(&out, *p);
        }
    }
    scratch[out.len] = '\0';
    return scratch;
}

static void put_delta(struct stream *s)
{
    static const char *const formats[] = {
        [CHAT] = "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"$\"},"
                 "\"finish_reason\":null}],\"usage\":null}",
        [COMPLETIONS] = "{\"choices\":[{\"text\":\"$\",\"finish_reason\":null}]}",
        [RESPONSES] = "{\"type\":\"response.output_text.delta\",\"delta\":\"$\"}",
        [MESSAGES] = "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                     "{\"type\":\"text_delta\",\"text\":\"$\"}}",
        [OLLAMA] = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":"
                   "\"$\"},\"done\":false}",
    };
    static const char *const names[] = {[RESPONSES] = "response.output_text.delta",
                                        [MESSAGES] = "content_block_delta",
                                        [OLLAMA] = NULL};
    char memory[4096];
    struct gen text = {.state = gen_u64(&s->g),
                       .b = sprout_buf_of(memory, sizeof memory - 1)};
    gen_characters(&text, gen_below(&s->g, 4));
    memory[text.b.len] = '\0';
    s->deltas += text.b.len > 0;
    event(s, names[s->api], text_of(formats[s->api], memory, 0, 0));
}

/* The events that end a stream. */
static void put_end(struct stream *s)
{
    static const char openai[] = "{\"choices\":[],\"usage\":{\"prompt_tokens\":#,"
                                 "\"completion_tokens\":%}}";
    s->prompt = (int64_t)gen_below(&s->g, 5000);
    s->completion = (int64_t)gen_below(&s->g, 5000);
    s->complete = s->terminal = true;
    if (s->api == CHAT || s->api == COMPLETIONS) {
        const char *usage = text_of(openai, "", s->prompt, s->completion);
        if (s->strip) {
            put_event(s, NULL, usage);
        } else {
            event(s, NULL, usage);
        }
        s->end_at = s->expected.len;
        event(s, NULL, "[DONE]");
    } else if (s->api == RESPONSES) {
        s->end_at = s->expected.len;
        event(s, "response.completed",
              text_of("{\"type\":\"response.completed\",\"response\":{\"usage\":"
                      "{\"input_tokens\":#,\"output_tokens\":%}}}",
                      "", s->prompt, s->completion));
    } else if (s->api == MESSAGES) {
        event(s, "message_delta",
              text_of(
                  "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                  "\"usage\":{\"input_tokens\":#,\"output_tokens\":%}}",
                  "", s->prompt, s->completion));
        s->end_at = s->expected.len;
        event(s, "message_stop", "{\"type\":\"message_stop\"}");
    } else {
        event(s, NULL,
              text_of("{\"message\":{\"content\":\"\"},\"done\":true,"
                      "\"prompt_eval_count\":#,\"eval_count\":%}",
                      "", s->prompt, s->completion));
    }
}

static void make_stream(struct stream *s, unsigned long number)
{
    *s = (struct stream){
        .api = (enum api)(number % APIS),
        .strip = number / APIS % 2 == 0,
        .g = {.state = number * 7, .b = sprout_buf_of(bytes, sizeof bytes)},
        .expected = sprout_buf_of(expected, sizeof expected),
        .prompt = -1,
        .completion = -1,
        .end_at = SIZE_MAX,
    };
    s->eol = gen_percent(&s->g, 30) ? "\r\n" : "\n";
    for (unsigned n = gen_below(&s->g, 12); n > 0; n--) {
        put_delta(s);
    }
    if (gen_percent(&s->g, 70)) {
        put_end(s);
    } else if (gen_percent(&s->g, 30)) {
        s->error = true;
        event(s, "error",
              s->api == OLLAMA ? "{\"error\":\"boom\"}"
                               : "{\"type\":\"error\",\"error\":{\"x\":1}}");
    }
}

struct sink {
    size_t len;
    size_t end_at;
};

static void take(void *ctx, const char *from, size_t len)
{
    struct sink *s = ctx;
    memcpy(found + s->len, from, len);
    s->len += len;
}

static void note_end(void *ctx)
{
    struct sink *s = ctx;
    s->end_at = s->len;
}

static void check(const struct stream *s, unsigned long number, struct gen *cuts,
                  size_t longest)
{
    static char memory[SPROUT_TAP_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sink sink = {.end_at = SIZE_MAX};
    struct sprout_tap *t = sprout_tap_new(
        &arena, sprout_dialect_find(SPROUT_STR("POST"), sprout_str_of(paths[s->api])),
        s->api == OLLAMA ? SPROUT_FRAMING_NDJSON : SPROUT_FRAMING_SSE, s->strip);
    const struct sprout_str in = sprout_buf_str(&s->g.b);
    sprout_tap_before_end(t, note_end, &sink);
    for (size_t at = 0; at < in.len;) {
        size_t n = longest == 0 ? in.len : 1 + (size_t)(gen_u64(cuts) % longest);
        n = n > in.len - at ? in.len - at : n;
        sprout_tap_strip(t, in.ptr + at, n, take, &sink);
        at += n;
    }
    const struct sprout_tap_result r = sprout_tap_finish(t, take, &sink);

    const int64_t completion = s->complete     ? s->completion
                               : s->deltas > 0 ? s->deltas
                                               : -1;
    const enum sprout_usage_source source = s->complete     ? SPROUT_USAGE_REPORTED
                                            : s->deltas > 0 ? SPROUT_USAGE_ESTIMATED
                                                            : SPROUT_USAGE_NONE;
    const size_t end_at = s->api == OLLAMA        ? SIZE_MAX
                          : s->end_at == SIZE_MAX ? s->expected.len
                                                  : s->end_at;
    const char *wrong = r.usage.prompt.n != s->prompt        ? "prompt"
                        : r.usage.completion.n != completion ? "completion"
                        : r.source != source                 ? "source"
                        : r.terminal != s->terminal          ? "terminal"
                        : r.error != s->error                ? "error"
                        : r.blind                            ? "blind"
                        : sink.end_at != end_at              ? "place of the receipt"
                        : !sprout_str_eq((struct sprout_str){found, sink.len},
                                         sprout_buf_str(&s->expected))
                            ? "forwarded bytes"
                            : NULL;
    if (wrong != NULL) {
        printf("stream %lu, pieces of %zu: %s\n%.*s\n", number, longest, wrong,
               (int)in.len, in.ptr);
        exit(1);
    }
}

int main(void)
{
    const char *asked = getenv("SPROUT_REQUESTS");
    const unsigned long streams = asked == NULL ? STREAMS : strtoul(asked, NULL, 10);

    for (unsigned long i = 0; i < streams; i++) {
        struct stream s;
        make_stream(&s, i);
        const size_t longest[] = {0, 1, 5, 40, 1 + s.g.b.len};
        for (size_t k = 0; k < sizeof longest / sizeof longest[0]; k++) {
            check(&s, i, &s.g, longest[k]);
        }
    }
    printf("%lu streams, each cut five ways\n", streams);
    return 0;
}
