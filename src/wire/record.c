/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - the journal line, from one table of its members.
 *
 * The table gives the order, the name, the form and the place in the struct of each member;
 * the writer walks it, and the shape of the reader is made of the same rows, so the two
 * cannot disagree. */
#include "wire/record.h"

#include <stddef.h>

#include "core/instant.h"
#include "wire/shape.h"

enum form {
    FORM_DOCUMENT,
    FORM_OBJECT,
    FORM_COUNT,     /* int64_t; null when negative, if null is allowed */
    FORM_FLAG,      /* bool */
    FORM_TEXT,      /* struct sprout_str; null when empty, if null is allowed */
    FORM_TIME,      /* sprout_instant */
    FORM_KEY,       /* key and has_key: 16 hex digits or null */
    FORM_TOKENS,    /* sprout_tokens; null when unknown */
    FORM_SOURCE,    /* enum sprout_usage_source */
    FORM_OUTCOME,   /* enum sprout_outcome */
    FORM_PREDICTED, /* "KIND Q0 Q1 Q2 T0 T1 T2" or null */
};

/* MAY_MISS: lines of earlier writers do not have it. */
enum null_rule { NOT_NULL, OR_NULL, MAY_MISS };

/* X(depth, name, form, null rule, member of struct sprout_record) */
#define MEMBERS(X)                                                                       \
    X(1, "v", FORM_COUNT, NOT_NULL, version)                                             \
    X(1, "worker", FORM_TEXT, NOT_NULL, worker)                                          \
    X(1, "seq", FORM_COUNT, NOT_NULL, seq)                                               \
    X(1, "time", FORM_TIME, NOT_NULL, time)                                              \
    X(1, "id", FORM_TEXT, NOT_NULL, id)                                                  \
    X(1, "api", FORM_TEXT, NOT_NULL, api)                                                \
    X(1, "model", FORM_TEXT, OR_NULL, model)                                             \
    X(1, "stream", FORM_FLAG, NOT_NULL, stream)                                          \
    X(1, "level", FORM_TEXT, NOT_NULL, level)                                            \
    X(1, "arm", FORM_TEXT, NOT_NULL, arm)                                                \
    X(1, "reason", FORM_TEXT, NOT_NULL, reason)                                          \
    X(1, "rule", FORM_TEXT, OR_NULL, rule)                                               \
    X(1, "stratum", FORM_TEXT, OR_NULL, stratum)                                         \
    X(1, "policy", FORM_TEXT, OR_NULL, policy)                                           \
    X(1, "zone", FORM_TEXT, MAY_MISS, zone)                                              \
    X(1, "route", FORM_TEXT, MAY_MISS, route)                                            \
    X(1, "key", FORM_KEY, OR_NULL, key)                                                  \
    X(1, "tokens", FORM_OBJECT, NOT_NULL, usage)                                         \
    X(2, "prompt", FORM_TOKENS, OR_NULL, usage.prompt)                                   \
    X(2, "cached", FORM_TOKENS, OR_NULL, usage.cached)                                   \
    X(2, "completion", FORM_TOKENS, OR_NULL, usage.completion)                           \
    X(2, "reasoning", FORM_TOKENS, OR_NULL, usage.reasoning)                             \
    X(1, "usage", FORM_SOURCE, NOT_NULL, usage_source)                                   \
    X(1, "ttfb_us", FORM_COUNT, OR_NULL, ttfb_us)                                        \
    X(1, "duration_us", FORM_COUNT, OR_NULL, duration_us)                                \
    X(1, "overhead_us", FORM_COUNT, OR_NULL, overhead_us)                                \
    X(1, "status", FORM_COUNT, NOT_NULL, status)                                         \
    X(1, "outcome", FORM_OUTCOME, NOT_NULL, outcome)                                     \
    X(1, "bytes_in", FORM_COUNT, NOT_NULL, bytes_in)                                     \
    X(1, "bytes_out", FORM_COUNT, NOT_NULL, bytes_out)                                   \
    X(1, "predicted", FORM_PREDICTED, MAY_MISS, predicted)

static const struct sprout_shape_row rows[] = {
    {0, FORM_DOCUMENT, NOT_NULL, SPROUT_KEY("")},
#define X(depth, name, form, null, member) {depth, form, null, SPROUT_KEY(name)},
    MEMBERS(X)
#undef X
};

static const size_t offsets[] = {0,
#define X(depth, name, form, null, member) offsetof(struct sprout_record, member),
                                 MEMBERS(X)
#undef X
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct sprout_shape shape = SPROUT_SHAPE_OF(rows);

const char *sprout_outcome_text(enum sprout_outcome o)
{
    switch (o) {
    case SPROUT_OUTCOME_OK:
        return "ok";
    case SPROUT_OUTCOME_CLIENT_CLOSED:
        return "client_closed";
    case SPROUT_OUTCOME_UPSTREAM_ERROR:
        return "upstream_error";
    case SPROUT_OUTCOME_REFUSED:
        return "refused";
    }
    return "refused";
}

/* ---- writing -------------------------------------------------------------------------- */

static void put_null(struct sprout_buf *b)
{
    sprout_buf_put(b, SPROUT_STR("null"));
}

static void put_text(struct sprout_buf *b, const char *text)
{
    sprout_buf_json(b, sprout_str_of(text));
}

static void put_time(struct sprout_buf *b, sprout_instant t)
{
    sprout_buf_byte(b, '"');
    sprout_instant_put_ms(b, t);
    sprout_buf_byte(b, '"');
}

static void put_key(struct sprout_buf *b, const struct sprout_record *r)
{
    if (!r->has_key) {
        put_null(b);
        return;
    }
    sprout_buf_byte(b, '"');
    sprout_buf_hex64(b, r->key);
    sprout_buf_byte(b, '"');
}

static void put_predicted(struct sprout_buf *b, const struct sprout_record_prediction *p)
{
    if (!p->known) {
        put_null(b);
        return;
    }
    sprout_buf_byte(b, '"');
    sprout_buf_put(b, sprout_str_of(sprout_kind_text(p->kind)));
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        sprout_buf_byte(b, ' ');
        sprout_buf_i64(b, p->quality[l]);
    }
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        sprout_buf_byte(b, ' ');
        sprout_buf_i64(b, p->tokens[l]);
    }
    sprout_buf_byte(b, '"');
}

static void put_value(struct sprout_buf *b, const struct sprout_record *r, size_t row)
{
    const void *p = (const char *)r + offsets[row];
    const bool or_null = rows[row].arg != NOT_NULL;

    switch ((enum form)rows[row].id) {
    case FORM_DOCUMENT:
    case FORM_OBJECT:
        sprout_buf_byte(b, '{');
        break;
    case FORM_COUNT: {
        const int64_t v = *(const int64_t *)p;
        if (or_null && v < 0) {
            put_null(b);
        } else {
            sprout_buf_i64(b, v);
        }
        break;
    }
    case FORM_FLAG:
        sprout_buf_put(b, *(const bool *)p ? SPROUT_STR("true") : SPROUT_STR("false"));
        break;
    case FORM_TEXT: {
        const struct sprout_str s = *(const struct sprout_str *)p;
        if (or_null && s.len == 0) {
            put_null(b);
        } else {
            sprout_buf_json(b, s);
        }
        break;
    }
    case FORM_TIME:
        put_time(b, *(const sprout_instant *)p);
        break;
    case FORM_KEY:
        put_key(b, r);
        break;
    case FORM_TOKENS: {
        const sprout_tokens t = *(const sprout_tokens *)p;
        if (sprout_tokens_known(t)) {
            sprout_buf_i64(b, t.n);
        } else {
            put_null(b);
        }
        break;
    }
    case FORM_SOURCE:
        put_text(b, sprout_usage_source_text(*(const enum sprout_usage_source *)p));
        break;
    case FORM_OUTCOME:
        put_text(b, sprout_outcome_text(*(const enum sprout_outcome *)p));
        break;
    case FORM_PREDICTED:
        put_predicted(b, p);
        break;
    }
}

void sprout_record_put(struct sprout_buf *b, const struct sprout_record *r)
{
    unsigned depth = 0;

    put_value(b, r, 0);
    for (size_t i = 1; i < ROWS; i++) {
        if (rows[i].depth < rows[i - 1].depth) {
            sprout_buf_byte(b, '}');
        }
        if (rows[i].depth <= rows[i - 1].depth) {
            sprout_buf_byte(b, ',');
        }
        depth = rows[i].depth;
        sprout_buf_json(b, rows[i].key);
        sprout_buf_byte(b, ':');
        put_value(b, r, i);
    }
    for (; depth > 0; depth--) {
        sprout_buf_byte(b, '}');
    }
}

/* ---- reading -------------------------------------------------------------------------- */

struct reader {
    struct sprout_walk walk;
    struct sprout_record record;
    struct sprout_arena *arena;
    enum sprout_status status; /* the first failure */
    struct sprout_error err;
    uint32_t seen; /* bit i: row i had a value */
    size_t text_len;
    char text[SPROUT_RECORD_MAX];
};

_Static_assert(ROWS <= 32, "reader.seen has a bit for each row");

static void refuse(struct reader *r, enum sprout_status status,
                   const struct sprout_shape_row *row, const char *what)
{
    if (r->status == SPROUT_OK) {
        r->status = sprout_fail(&r->err, status, "%.*s: %s", (int)row->key.len,
                                row->key.ptr, what);
    }
}

static bool key_of(struct sprout_str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.len != 16) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (c >= '0' && c <= '9') {
            v = v << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            v = v << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = v;
    return true;
}

static bool source_of(struct sprout_str s, enum sprout_usage_source *out)
{
    for (int v = SPROUT_USAGE_NONE; v <= SPROUT_USAGE_ESTIMATED; v++) {
        const enum sprout_usage_source source = (enum sprout_usage_source)v;
        if (sprout_str_eq(s, sprout_str_of(sprout_usage_source_text(source)))) {
            *out = source;
            return true;
        }
    }
    return false;
}

static bool outcome_of(struct sprout_str s, enum sprout_outcome *out)
{
    for (int v = SPROUT_OUTCOME_OK; v <= SPROUT_OUTCOME_REFUSED; v++) {
        const enum sprout_outcome outcome = (enum sprout_outcome)v;
        if (sprout_str_eq(s, sprout_str_of(sprout_outcome_text(outcome)))) {
            *out = outcome;
            return true;
        }
    }
    return false;
}

/* The next word of `s`, which is cut off. */
static struct sprout_str next_word(struct sprout_str *s)
{
    size_t n = 0;
    while (n < s->len && s->ptr[n] != ' ') {
        n++;
    }
    const struct sprout_str word = {s->ptr, n};
    const size_t cut = n < s->len ? n + 1 : n;
    *s = (struct sprout_str){s->ptr + cut, s->len - cut};
    return word;
}

static bool predicted_of(struct sprout_str s, struct sprout_record_prediction *out)
{
    int32_t numbers[2 * SPROUT_PREDICT_LEVELS];
    const int kind = sprout_kind_of(next_word(&s));
    for (size_t i = 0; i < 2 * SPROUT_PREDICT_LEVELS; i++) {
        int64_t v = 0;
        if (sprout_str_to_i64(next_word(&s), &v) != SPROUT_OK || v < INT32_MIN ||
            v > INT32_MAX) {
            return false;
        }
        numbers[i] = (int32_t)v;
    }
    if (kind < 0 || s.len > 0) {
        return false;
    }
    out->known = true;
    out->kind = (enum sprout_kind)kind;
    memcpy(out->quality, numbers, sizeof out->quality);
    memcpy(out->tokens, numbers + SPROUT_PREDICT_LEVELS, sizeof out->tokens);
    return true;
}

static void take_string(struct reader *r, const struct sprout_shape_row *row, void *p)
{
    const struct sprout_str s = {r->text, r->text_len};
    bool ok = true;

    switch ((enum form)row->id) {
    case FORM_TEXT:
        *(struct sprout_str *)p = sprout_arena_str(r->arena, s);
        if (r->arena->spent) {
            refuse(r, SPROUT_NO_MEMORY, row, "no memory left for the text");
        }
        break;
    case FORM_TIME:
        ok = sprout_instant_parse(s, p) == SPROUT_OK;
        break;
    case FORM_KEY:
        ok = key_of(s, p);
        r->record.has_key = ok;
        break;
    case FORM_SOURCE:
        ok = source_of(s, p);
        break;
    case FORM_OUTCOME:
        ok = outcome_of(s, p);
        break;
    case FORM_PREDICTED:
        ok = predicted_of(s, p);
        break;
    case FORM_DOCUMENT:
    case FORM_OBJECT:
    case FORM_COUNT:
    case FORM_FLAG:
    case FORM_TOKENS:
        ok = false;
        break;
    }
    if (!ok) {
        refuse(r, SPROUT_INVALID, row, "a text that does not belong here");
    }
}

static void take_number(struct reader *r, const struct sprout_shape_row *row, void *p,
                        const struct sprout_json_event *e)
{
    int64_t v = 0;
    if (e->cut || sprout_str_to_i64(e->text, &v) != SPROUT_OK) {
        refuse(r, SPROUT_INVALID, row, "expected a whole number");
    } else if (row->id == FORM_COUNT && v >= 0) {
        *(int64_t *)p = v;
    } else if (row->id == FORM_TOKENS && v >= 0) {
        *(sprout_tokens *)p = (sprout_tokens){v};
    } else {
        refuse(r, SPROUT_INVALID, row, "a number that does not belong here");
    }
}

static void on_text(struct reader *r, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_STRING) {
        r->text_len = 0;
        sprout_walk_want_text(&r->walk);
    } else {
        /* Decoded text is never longer than the line, and that has a limit. */
        memcpy(r->text + r->text_len, e->text.ptr, e->text.len);
        r->text_len += e->text.len;
    }
}

static void on_row(void *ctx, const struct sprout_shape_row *row,
                   const struct sprout_json_event *e)
{
    struct reader *r = ctx;
    const size_t i = (size_t)(row - rows);
    void *p = (char *)&r->record + offsets[i];
    const bool object = row->id == FORM_DOCUMENT || row->id == FORM_OBJECT;

    switch (e->kind) {
    case SPROUT_JSON_STRING:
    case SPROUT_JSON_TEXT:
        on_text(r, e);
        return;
    case SPROUT_JSON_KEY_AGAIN:
        refuse(r, SPROUT_INVALID, row, "there twice");
        return;
    case SPROUT_JSON_STRING_END:
        take_string(r, row, p);
        break;
    case SPROUT_JSON_NUMBER:
        take_number(r, row, p, e);
        break;
    case SPROUT_JSON_TRUE:
    case SPROUT_JSON_FALSE:
        if (row->id == FORM_FLAG) {
            *(bool *)p = e->kind == SPROUT_JSON_TRUE;
        } else {
            refuse(r, SPROUT_INVALID, row, "a flag that does not belong here");
        }
        break;
    case SPROUT_JSON_NULL:
        if (row->arg == NOT_NULL) {
            refuse(r, SPROUT_INVALID, row, "may not be null");
        }
        break; /* the record began with everything unknown */
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_ARRAY:
        if (!object || e->kind == SPROUT_JSON_ARRAY) {
            refuse(r, SPROUT_INVALID, row, "a container that does not belong here");
        }
        break;
    case SPROUT_JSON_OBJECT_END:
    case SPROUT_JSON_ARRAY_END:
    case SPROUT_JSON_KEY:
        break;
    }
    r->seen |= UINT32_C(1) << i;
}

static enum sprout_status judge(struct reader *r)
{
    if ((r->seen & 2) != 0 && r->record.version != SPROUT_RECORD_VERSION) {
        return sprout_fail(&r->err, SPROUT_UNSUPPORTED,
                           "v: found version %lld, expected %d",
                           (long long)r->record.version, SPROUT_RECORD_VERSION);
    }
    for (size_t i = 0; i < ROWS && r->status == SPROUT_OK; i++) {
        if ((r->seen >> i & 1) == 0 && rows[i].arg != MAY_MISS) {
            refuse(r, SPROUT_INVALID, &rows[i], "missing");
        }
    }
    return r->status;
}

enum sprout_status sprout_record_read(struct sprout_str line, struct sprout_arena *arena,
                                      struct sprout_record *out, struct sprout_error *err)
{
    struct reader r;

    if (line.len > SPROUT_RECORD_MAX) {
        return sprout_fail(err, SPROUT_SYNTAX,
                           "found a line of %zu bytes, expected at most %d", line.len,
                           SPROUT_RECORD_MAX);
    }
    r.record = (struct sprout_record){.usage = SPROUT_USAGE_UNKNOWN,
                                      .ttfb_us = -1,
                                      .duration_us = -1,
                                      .overhead_us = -1};
    r.arena = arena;
    r.status = SPROUT_OK;
    r.err = (struct sprout_error){0};
    r.seen = 0;
    sprout_walk_start(&r.walk, &shape, on_row, &r);
    (void)sprout_walk_feed(&r.walk, line.ptr, line.len);
    if (sprout_walk_finish(&r.walk) != SPROUT_OK) {
        const enum sprout_status s =
            sprout_fail(err, SPROUT_SYNTAX, "%s", r.walk.json.problem);
        if (err != NULL) {
            err->offset = (size_t)r.walk.json.problem_at;
            err->column = err->offset + 1;
        }
        return s;
    }

    const enum sprout_status s = judge(&r);
    if (s != SPROUT_OK) {
        return sprout_fail(err, s, "%s", r.err.message);
    }
    *out = r.record;
    return SPROUT_OK;
}
