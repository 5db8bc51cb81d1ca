/* SPDX-License-Identifier: Apache-2.0 */
/* shape.c - the walker: a stack of rows beside the scanner's stack of brackets.
 *
 * Invariant: the outermost `known` open containers all have rows (frame[0..known-1]); every
 * container inside an unknown one is unknown.  So a value is on the shape exactly when its
 * depth equals `known` and its name has a row. */
#include "wire/shape.h"

#include <assert.h>

/* Names are told apart by length and first byte, nearly always. */
static bool same_key(struct sprout_str a, struct sprout_str b)
{
    return a.len == b.len && (a.len == 0 || a.ptr[0] == b.ptr[0]) && sprout_str_eq(a, b);
}

/* Row of the child `key` of `parent`, or -1; *out_ordinal is its place among the children. */
static int child_of(const struct sprout_shape *s, int parent, struct sprout_str key,
                    unsigned *out_ordinal)
{
    const struct sprout_shape_row *row = s->row;
    const unsigned depth = row[parent].depth + 1u;
    unsigned ordinal = 0;

    for (size_t i = (size_t)parent + 1; i < s->count && row[i].depth >= depth; i++) {
        if (row[i].depth != depth) {
            continue;
        }
        if (same_key(row[i].key, key)) {
            *out_ordinal = ordinal;
            return (int)i;
        }
        ordinal++;
    }
    return -1;
}

static void on_key(struct sprout_walk *w, const struct sprout_json_event *e)
{
    w->next = -1;
    if (e->depth != w->known) {
        return;
    }
    w->frame[w->known - 1].index++;
    if (e->cut) {
        return;
    }

    unsigned ordinal = 0;
    const int parent = w->frame[w->known - 1].row;
    w->next = child_of(w->shape, parent, e->text, &ordinal);
    if (w->next < 0) {
        return;
    }

    const uint64_t bit = UINT64_C(1) << (ordinal % 64);
    if ((w->frame[w->known - 1].seen & bit) != 0) {
        struct sprout_json_event again = *e;
        again.kind = SPROUT_JSON_KEY_AGAIN;
        w->fn(w->ctx, &w->shape->row[w->next], &again);
    }
    w->frame[w->known - 1].seen |= bit;
}

/* The row of a value that begins now, or -1. */
static int row_of_value(struct sprout_walk *w, const struct sprout_json_event *e)
{
    if (e->depth != w->known) {
        return -1;
    }
    if (w->known == 0) {
        return 0;
    }
    if (!w->frame[w->known - 1].array) {
        return w->next;
    }
    unsigned ordinal = 0;
    w->frame[w->known - 1].index++; /* starts at UINT32_MAX: the first item is 0 */
    return child_of(w->shape, w->frame[w->known - 1].row, SPROUT_STR("[]"), &ordinal);
}

static void on_open(struct sprout_walk *w, const struct sprout_json_event *e)
{
    const int row = row_of_value(w, e);
    if (row < 0) {
        return;
    }
    assert(w->known < SPROUT_SHAPE_DEPTH_MAX); /* the shape's own depth bounds it */
    w->next = row;
    w->fn(w->ctx, &w->shape->row[row], e);
    w->frame[w->known].row = (uint8_t)row;
    w->frame[w->known].array = e->kind == SPROUT_JSON_ARRAY;
    w->frame[w->known].index = UINT32_MAX;
    w->frame[w->known].seen = 0;
    w->known++;
}

static void on_close(struct sprout_walk *w, const struct sprout_json_event *e)
{
    if (e->depth + 1 == w->known) {
        w->next = -1;
        w->fn(w->ctx, &w->shape->row[w->frame[w->known - 1].row], e);
        w->known--;
    }
}

/* Strings: the row is found at the opening quote and kept in `next` until the closing one
 * (an array's items find theirs once, too). */
static void on_scalar(struct sprout_walk *w, const struct sprout_json_event *e)
{
    if (e->kind != SPROUT_JSON_TEXT && e->kind != SPROUT_JSON_STRING_END) {
        w->next = row_of_value(w, e);
    }
    if (e->depth == w->known && w->next >= 0) {
        w->fn(w->ctx, &w->shape->row[w->next], e);
    }
    if (e->kind != SPROUT_JSON_TEXT && e->kind != SPROUT_JSON_STRING) {
        w->next = -1;
    }
}

static void on_event(void *ctx, const struct sprout_json_event *e)
{
    struct sprout_walk *w = ctx;

    switch (e->kind) {
    case SPROUT_JSON_KEY:
        on_key(w, e);
        break;
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_ARRAY:
        on_open(w, e);
        break;
    case SPROUT_JSON_OBJECT_END:
    case SPROUT_JSON_ARRAY_END:
        on_close(w, e);
        break;
    case SPROUT_JSON_STRING:
    case SPROUT_JSON_TEXT:
    case SPROUT_JSON_STRING_END:
    case SPROUT_JSON_NUMBER:
    case SPROUT_JSON_TRUE:
    case SPROUT_JSON_FALSE:
    case SPROUT_JSON_NULL:
        on_scalar(w, e);
        break;
    case SPROUT_JSON_KEY_AGAIN: /* made here, never by the scanner */
        break;
    }
}

void sprout_walk_start(struct sprout_walk *w, const struct sprout_shape *shape,
                       sprout_walk_fn *fn, void *ctx)
{
    w->shape = shape;
    w->fn = fn;
    w->ctx = ctx;
    w->known = 0;
    w->next = -1;
    sprout_json_start(&w->json, on_event, w);
}

enum sprout_status sprout_walk_feed(struct sprout_walk *w, const char *bytes, size_t len)
{
    return sprout_json_feed(&w->json, bytes, len);
}

enum sprout_status sprout_walk_finish(struct sprout_walk *w)
{
    return sprout_json_finish(&w->json);
}

void sprout_walk_path(const struct sprout_walk *w, struct sprout_buf *b)
{
    bool first = true;

    for (uint32_t d = 0; d < w->known; d++) {
        const int row = d + 1 < w->known ? w->frame[d + 1].row : w->next;
        if (row < 0) {
            break;
        }
        if (w->frame[d].array) {
            sprout_buf_byte(b, '[');
            sprout_buf_u64(b, w->frame[d].index);
            sprout_buf_byte(b, ']');
            continue;
        }
        if (!first) {
            sprout_buf_byte(b, '.');
        }
        sprout_buf_put(b, w->shape->row[row].key);
        first = false;
    }
}
