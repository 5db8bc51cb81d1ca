/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h - name the members of a JSON document that matter, and hear only of those.
 *
 * A shape is a constant table, the tree of known members in reading order with its depth in
 * the first column; row 0 is the document, "[]" stands for the items of an array:
 *
 *     {0, ROOT,    0, SPROUT_KEY("")},
 *     {1, MODEL,   0, SPROUT_KEY("model")},
 *     {1, LIST,    0, SPROUT_KEY("messages")},
 *     {2, MESSAGE, 0, SPROUT_KEY("[]")},
 *     {3, ROLE,    0, SPROUT_KEY("role")},
 *
 * The walker drives the scanner and calls back for the values of known rows, at exactly
 * their place: a member called "messages" inside a tool's schema is nobody's.  A member
 * that comes twice in one object is reported as KEY_AGAIN, for parsers disagree on which one
 * counts.  Whatever is unknown costs a look at its name.
 * A row has at most 64 children; a shape at most 255 rows.
 * Memory: the struct, embedded by its owner.  Threads: one walker, one thread. */
#ifndef SPROUT_WIRE_SHAPE_H
#define SPROUT_WIRE_SHAPE_H

#include "wire/json.h"

enum { SPROUT_SHAPE_DEPTH_MAX = 10 };

struct sprout_shape_row {
    uint8_t depth;
    uint8_t id;  /* the owner's name for it */
    uint8_t arg; /* the owner's too */
    struct sprout_str key;
};

#define SPROUT_KEY(literal)                                                              \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }

struct sprout_shape {
    const struct sprout_shape_row *row;
    size_t count;
};

#define SPROUT_SHAPE_OF(rows)                                                            \
    {                                                                                    \
        rows, sizeof(rows) / sizeof((rows)[0])                                           \
    }

typedef void sprout_walk_fn(void *ctx, const struct sprout_shape_row *row,
                            const struct sprout_json_event *event);

struct sprout_walk {
    struct sprout_json json;
    const struct sprout_shape *shape;
    sprout_walk_fn *fn;
    void *ctx;
    uint32_t known; /* how many of the open containers are on the shape: the outer ones */
    int next;       /* row of the value that follows, -1: unknown */
    struct {
        uint64_t seen;  /* bit n: the n-th child was there */
        uint32_t index; /* of the item or member under way; UINT32_MAX before the first */
        uint8_t row;
        bool array;
    } frame[SPROUT_SHAPE_DEPTH_MAX];
};

void sprout_walk_start(struct sprout_walk *w, const struct sprout_shape *shape,
                       sprout_walk_fn *fn, void *ctx);

/* As sprout_json_feed() and sprout_json_finish(). */
enum sprout_status sprout_walk_feed(struct sprout_walk *w, const char *bytes, size_t len);
enum sprout_status sprout_walk_finish(struct sprout_walk *w);

/* From the callback, on STRING. */
static inline void sprout_walk_want_text(struct sprout_walk *w)
{
    sprout_json_want_text(&w->json);
}

/* From the callback: index, from 0, of the item under way in the array at `depth` (the
 * depth of the array's own row). */
static inline uint32_t sprout_walk_index(const struct sprout_walk *w, uint32_t depth)
{
    return w->frame[depth].index;
}

/* From the callback, on OBJECT_END or ARRAY_END: how many members or items it had, unknown
 * ones included. */
static inline uint32_t sprout_walk_items(const struct sprout_walk *w)
{
    return w->frame[w->known - 1].index + 1;
}

/* From the callback, on OBJECT_END: which of its known members it had, by their place among
 * the children of its row. */
static inline uint64_t sprout_walk_seen(const struct sprout_walk *w)
{
    return w->frame[w->known - 1].seen;
}

/* Appends where the walker is, for an error message: "strata[0].mix[2]". */
void sprout_walk_path(const struct sprout_walk *w, struct sprout_buf *b);

#endif
