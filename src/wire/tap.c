/* SPDX-License-Identifier: Apache-2.0 */
/* tap.c - events of a reply, read as they pass.
 *
 * A reply is a sequence of events: the data of an SSE event, a line of NDJSON, or the whole
 * of a JSON body.  Each is scanned as its bytes arrive, so nothing is kept of it and its
 * size does not matter (S9: one event of Responses can be megabytes).  What an event said is
 * gathered in `event` and only believed once it ended and was well-formed JSON.
 *
 * Forwarding (sprout_tap_strip): an event that began is held until it is known whether it
 * goes on.  Events that are whole in one piece never touch the hold; they leave in one run
 * straight from the caller's buffer. */
#include "wire/tap.h"

#include "wire/dialect_row.h"
#include "wire/sse.h"
#include "wire/usage.h"

enum { WORD_MAX = 24 };

/* What the event under way said. */
struct event {
    struct sprout_counts counts;
    uint64_t deltas;
    uint32_t word_len;
    char word[WORD_MAX]; /* the beginning of its data: enough for [DONE] */
    uint32_t type_len;
    char type[WORD_MAX]; /* its `type` */
    bool data;           /* it has data at all */
    bool delta;          /* content since the last choice ended */
    bool usage;          /* a usage object */
    bool no_choices;     /* an empty list of choices */
    bool finish;
    bool done;
    bool error;
};

struct sprout_tap {
    const struct sprout_dialect *dialect;
    enum sprout_framing framing;
    struct sprout_sse sse;
    struct sprout_walk walk;
    struct event event;

    /* What complete events said. */
    struct sprout_counts counts;
    uint64_t deltas;
    bool complete; /* a finish reason, or the end of the stream */
    bool terminal;
    bool error;
    bool blind;

    bool strip_usage;
    bool letting; /* the event under way was too large to hold: it goes as it comes */
    bool end_told;
    sprout_tap_before_end_fn *before_end;
    void *before_end_ctx;
    char *hold;
    size_t hold_len;
};

enum verdict { KEEP, DROP, LAST };

/* ---- reading -------------------------------------------------------------------------- */

static bool is_value(enum sprout_json_kind kind)
{
    return kind != SPROUT_JSON_NULL && kind != SPROUT_JSON_KEY_AGAIN;
}

static void on_count(struct event *e, const struct sprout_shape_row *row,
                     const struct sprout_json_event *j)
{
    int64_t v = 0;
    if (sprout_count_of(j, &v)) {
        e->counts.v[row->arg] = v;
    }
}

static void on_type(struct sprout_tap *t, const struct sprout_json_event *j)
{
    struct event *e = &t->event;
    if (j->kind == SPROUT_JSON_STRING) {
        e->type_len = 0;
        sprout_walk_want_text(&t->walk);
    } else if (j->kind == SPROUT_JSON_TEXT) {
        const size_t room = WORD_MAX - e->type_len;
        const size_t n = j->text.len < room ? j->text.len : room;
        memcpy(e->type + e->type_len, j->text.ptr, n);
        e->type_len += (uint32_t)n;
    }
}

static void on_choice(struct event *e, const struct sprout_json_event *j)
{
    if (j->kind == SPROUT_JSON_OBJECT_END && e->delta) {
        e->deltas++;
        e->delta = false;
    }
}

static void on_row(void *ctx, const struct sprout_shape_row *row,
                   const struct sprout_json_event *j)
{
    struct sprout_tap *t = ctx;
    struct event *e = &t->event;

    switch ((enum sprout_reply_id)row->id) {
    case SPROUT_OUT_NOTHING:
        break;
    case SPROUT_OUT_USAGE:
        e->usage = e->usage || j->kind == SPROUT_JSON_OBJECT;
        break;
    case SPROUT_OUT_COUNT:
        on_count(e, row, j);
        break;
    case SPROUT_OUT_CHOICES:
        if (j->kind == SPROUT_JSON_ARRAY_END) {
            e->no_choices = sprout_walk_items(&t->walk) == 0;
        }
        break;
    case SPROUT_OUT_CHOICE:
        on_choice(e, j);
        break;
    case SPROUT_OUT_DELTA:
        if (j->kind == SPROUT_JSON_STRING_END && j->end - j->at > 2) {
            e->delta = true;
        }
        break;
    case SPROUT_OUT_FINISH:
        e->finish = e->finish || is_value(j->kind);
        break;
    case SPROUT_OUT_TYPE:
        on_type(t, j);
        break;
    case SPROUT_OUT_DONE:
        e->done = j->kind == SPROUT_JSON_TRUE;
        break;
    case SPROUT_OUT_ERROR:
        e->error = e->error || is_value(j->kind);
        break;
    }
}

static void event_begin(struct sprout_tap *t)
{
    t->event = (struct event){0};
    sprout_counts_clear(&t->event.counts);
    sprout_walk_start(&t->walk, &t->dialect->reply, on_row, t);
}

static void on_data(void *ctx, const char *bytes, size_t len)
{
    struct sprout_tap *t = ctx;
    struct event *e = &t->event;
    const size_t room = WORD_MAX - e->word_len;
    const size_t n = len < room ? len : room;

    memcpy(e->word + e->word_len, bytes, n);
    e->word_len += (uint32_t)n;
    e->data = true;
    (void)sprout_walk_feed(&t->walk, bytes, len);
}

static bool is_blank(struct sprout_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != ' ' && s.ptr[i] != '\r' && s.ptr[i] != '\n' && s.ptr[i] != '\t') {
            return false;
        }
    }
    return true;
}

static bool is_done_mark(const struct event *e)
{
    struct sprout_str s = {e->word, e->word_len};
    const struct sprout_str mark = SPROUT_STR("[DONE]");
    while (s.len > 0 && is_blank((struct sprout_str){s.ptr, 1})) {
        s.ptr++;
        s.len--;
    }
    return sprout_str_starts(s, mark) &&
           is_blank((struct sprout_str){s.ptr + mark.len, s.len - mark.len});
}

/* A whole, well-formed event: what it said now counts, field by field (U5). */
static void believe(struct sprout_tap *t)
{
    struct event *e = &t->event;
    const struct sprout_str type = {e->type, e->type_len};

    for (int i = 0; i < SPROUT_COUNTS; i++) {
        if (e->counts.v[i] >= 0) {
            t->counts.v[i] = e->counts.v[i];
        }
    }
    for (size_t i = 0; i < t->dialect->event_count; i++) {
        const struct sprout_dialect_event *known = &t->dialect->events[i];
        if (sprout_str_eq(type, known->type)) {
            e->done = e->done || known->ends;
            e->error = e->error || known->error;
        }
    }
    if (t->framing != SPROUT_FRAMING_JSON) { /* a whole text is no delta */
        t->deltas += e->deltas + (e->delta ? 1 : 0);
    }
    t->complete =
        t->complete || e->finish || e->done || t->framing == SPROUT_FRAMING_JSON;
    t->terminal = t->terminal || e->done;
    t->error = t->error || e->error;
}

static enum verdict event_over(struct sprout_tap *t)
{
    struct event *e = &t->event;
    enum verdict verdict = KEEP;

    if (!e->data) {
        verdict = KEEP; /* a comment, a blank line */
    } else if (t->framing == SPROUT_FRAMING_SSE && is_done_mark(e)) {
        t->terminal = t->complete = true;
        verdict = LAST;
    } else if (sprout_walk_finish(&t->walk) == SPROUT_OK) {
        believe(t);
        verdict = e->done                                       ? LAST
                  : t->strip_usage && e->no_choices && e->usage ? DROP
                                                                : KEEP;
    } else if (!is_blank((struct sprout_str){e->word, e->word_len})) {
        t->blind = true;
    }
    event_begin(t);
    return verdict;
}

/* ---- framing -------------------------------------------------------------------------- */

static size_t take_line(struct sprout_tap *t, const char *bytes, size_t len,
                        bool *out_ended)
{
    const char *lf = memchr(bytes, '\n', len);
    const size_t n = lf == NULL ? len : (size_t)(lf - bytes) + 1;
    on_data(t, bytes, n);
    *out_ended = lf != NULL;
    return n;
}

/* Takes bytes of one event at most; returns how many. */
static size_t take(struct sprout_tap *t, const char *bytes, size_t len, bool *out_ended)
{
    *out_ended = false;
    switch (t->framing) {
    case SPROUT_FRAMING_NONE:
        return len;
    case SPROUT_FRAMING_JSON:
        on_data(t, bytes, len);
        return len;
    case SPROUT_FRAMING_SSE:
        return sprout_sse_take(&t->sse, bytes, len, on_data, t, out_ended);
    case SPROUT_FRAMING_NDJSON:
        return take_line(t, bytes, len, out_ended);
    }
    return len;
}

enum sprout_framing sprout_framing_of(struct sprout_str content_type)
{
    size_t n = 0;
    while (n < content_type.len && content_type.ptr[n] != ';') {
        n++;
    }
    const struct sprout_str type =
        sprout_str_trim((struct sprout_str){content_type.ptr, n});
    static const struct {
        struct sprout_str type;
        enum sprout_framing framing;
    } known[] = {
        {SPROUT_KEY("text/event-stream"), SPROUT_FRAMING_SSE},
        {SPROUT_KEY("application/json"), SPROUT_FRAMING_JSON},
        {SPROUT_KEY("text/json"), SPROUT_FRAMING_JSON},
        {SPROUT_KEY("application/problem+json"), SPROUT_FRAMING_JSON},
        {SPROUT_KEY("application/x-ndjson"), SPROUT_FRAMING_NDJSON},
        {SPROUT_KEY("application/ndjson"), SPROUT_FRAMING_NDJSON},
        {SPROUT_KEY("application/jsonl"), SPROUT_FRAMING_NDJSON},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (sprout_str_ieq(type, known[i].type)) {
            return known[i].framing;
        }
    }
    return SPROUT_FRAMING_NONE;
}

/* ---- the interface -------------------------------------------------------------------- */

struct sprout_tap *sprout_tap_new(struct sprout_arena *arena,
                                  const struct sprout_dialect *dialect,
                                  enum sprout_framing framing, bool strip_usage)
{
    if (dialect == NULL) {
        return NULL;
    }
    struct sprout_tap *t = sprout_arena_alloc(arena, sizeof *t);
    char *hold = sprout_arena_raw(arena, SPROUT_TAP_HOLD_MAX);
    if (arena->spent) {
        return NULL;
    }
    t->dialect = dialect;
    t->framing = framing;
    t->strip_usage = strip_usage;
    t->hold = hold;
    sprout_counts_clear(&t->counts);
    event_begin(t);
    return t;
}

void sprout_tap_before_end(struct sprout_tap *t, sprout_tap_before_end_fn *fn, void *ctx)
{
    t->before_end = fn;
    t->before_end_ctx = ctx;
}

void sprout_tap_feed(struct sprout_tap *t, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        bool ended;
        at += take(t, bytes + at, len - at, &ended);
        if (ended) {
            (void)event_over(t);
        }
    }
}

/* Where forwarded bytes go. */
struct outlet {
    sprout_tap_emit_fn *emit;
    void *ctx;
};

static void send(const struct outlet *o, const char *from, const char *to)
{
    if (to > from && o->emit != NULL) {
        o->emit(o->ctx, from, (size_t)(to - from));
    }
}

static void send_hold(struct sprout_tap *t, const struct outlet *o)
{
    send(o, t->hold, t->hold + t->hold_len);
    t->hold_len = 0;
}

static void tell_end(struct sprout_tap *t)
{
    if (t->before_end != NULL && !t->end_told && t->framing == SPROUT_FRAMING_SSE) {
        t->end_told = true;
        t->before_end(t->before_end_ctx);
    }
}

/* The piece ends within an event that began at `event`. */
static void hold_rest(struct sprout_tap *t, const struct outlet *o, const char *event,
                      const char *end)
{
    const size_t len = (size_t)(end - event);

    if (!t->letting && len <= SPROUT_TAP_HOLD_MAX - t->hold_len) {
        memcpy(t->hold + t->hold_len, event, len);
        t->hold_len += len;
        return;
    }
    t->letting = true;
    send_hold(t, o);
    send(o, event, end);
}

void sprout_tap_strip(struct sprout_tap *t, const char *bytes, size_t len,
                      sprout_tap_emit_fn *emit, void *ctx)
{
    const struct outlet o = {emit, ctx};
    const char *end = bytes + len;
    const char *kept = bytes; /* complete events from here on are still to be sent */
    const char *p = bytes;

    if (t->framing != SPROUT_FRAMING_SSE) {
        sprout_tap_feed(t, bytes, len);
        send(&o, bytes, end);
        return;
    }
    while (p < end) {
        const char *event = p; /* its first byte in this piece */
        bool ended;
        p += take(t, p, (size_t)(end - p), &ended);
        if (!ended) {
            send(&o, kept, event);
            hold_rest(t, &o, event, end);
            return;
        }
        const enum verdict verdict = event_over(t);
        if (t->letting) {
            t->letting = false;
            continue;
        }
        if (verdict == DROP) {
            send(&o, kept, event);
            t->hold_len = 0;
            kept = p;
        } else {
            if (verdict == LAST) {
                send(&o, kept, event);
                kept = event;
                tell_end(t);
            }
            send_hold(t, &o); /* it is of this event: then kept == event == bytes */
        }
    }
    send(&o, kept, end);
}

struct sprout_tap_result sprout_tap_finish(struct sprout_tap *t, sprout_tap_emit_fn *emit,
                                           void *ctx)
{
    const struct outlet o = {emit, ctx};
    const enum verdict verdict = event_over(t);

    /* What is held begins where an event begins, so a comment may stand before it. */
    if (!t->letting) {
        tell_end(t);
    }
    if (verdict == DROP) {
        t->hold_len = 0;
    }
    send_hold(t, &o);
    return sprout_tap_result(t);
}

struct sprout_tap_result sprout_tap_result(const struct sprout_tap *t)
{
    struct sprout_tap_result r = {
        .usage = sprout_usage_of(&t->counts, t->dialect->cached_beside),
        .source = SPROUT_USAGE_NONE,
        .terminal = t->terminal,
        .error = t->error,
        .partial = t->framing != SPROUT_FRAMING_JSON && t->deltas > 0 && !t->complete &&
                   !t->blind,
        .blind = t->blind,
    };
    const int64_t deltas =
        t->deltas < (uint64_t)SPROUT_TOKENS_MAX ? (int64_t)t->deltas : SPROUT_TOKENS_MAX;

    if (t->complete && sprout_tokens_known(r.usage.completion)) {
        r.source = SPROUT_USAGE_REPORTED;
    } else if (deltas > 0 || sprout_tokens_known(r.usage.completion)) {
        /* A cut stream, or a silent server: one delta is about one token (U9). */
        r.source = SPROUT_USAGE_ESTIMATED;
        if (r.usage.completion.n < deltas) {
            r.usage.completion.n = deltas;
        }
    } else if (sprout_tokens_known(r.usage.prompt)) {
        r.source = SPROUT_USAGE_ESTIMATED;
    }
    return r;
}
