/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - a push scanner for JSON: bytes in, events with byte offsets out.
 *
 * One pass, no tree, no allocation.  It checks everything RFC 8259 asks for (and that the
 * text is UTF-8, that surrogate escapes come in pairs, that nothing follows the document),
 * because what it accepts is spliced: a body that two parsers could read differently must
 * not be touched.  The bytes inside strings are skipped in bulk unless someone asks for the
 * text, so long prompts cost little more than a memchr().
 *
 * Promise worth testing: every way of cutting the input gives the same events; only the
 * pieces in which the text of a string arrives differ, never their concatenation.
 * Limits: SPROUT_JSON_DEPTH_MAX open containers; names and numbers longer than
 * SPROUT_JSON_HOLD_MAX are marked `cut` (a name no one is looking for, a number no one can
 * use).
 * Memory: the struct itself; it is public so that its owner may embed it, its fields are
 * not.  Threads: one scanner, one thread.
 * Not here: which members matter (shape.h). */
#ifndef SPROUT_WIRE_JSON_H
#define SPROUT_WIRE_JSON_H

#include "base/str.h"

enum {
    SPROUT_JSON_DEPTH_MAX = 128,
    SPROUT_JSON_HOLD_MAX = 64,
    SPROUT_JSON_PIECE_MAX = 256, /* short pieces of a text are gathered up to this */
};

enum sprout_json_kind {
    SPROUT_JSON_OBJECT,
    SPROUT_JSON_OBJECT_END,
    SPROUT_JSON_ARRAY,
    SPROUT_JSON_ARRAY_END,
    SPROUT_JSON_KEY,
    SPROUT_JSON_STRING,     /* its opening quote: ask for the text now or never */
    SPROUT_JSON_TEXT,       /* a decoded piece of it, only if asked for */
    SPROUT_JSON_STRING_END, /* its closing quote */
    SPROUT_JSON_NUMBER,
    SPROUT_JSON_TRUE,
    SPROUT_JSON_FALSE,
    SPROUT_JSON_NULL,
    SPROUT_JSON_KEY_AGAIN, /* only from shape.h: a known member that was already there */
};

struct sprout_json_event {
    enum sprout_json_kind kind;
    uint32_t depth; /* containers open around the value or name */
    uint64_t at;    /* offset of its first byte (the same in begin and end events) */
    uint64_t end;   /* one past its last byte; in begin events one past the first */
    /* KEY: the decoded name.  NUMBER: its digits.  TEXT: the piece.  Borrowed until the
     * callback returns. */
    struct sprout_str text;
    bool cut; /* KEY, NUMBER: too long to be held; text is empty */
};

typedef void sprout_json_fn(void *ctx, const struct sprout_json_event *event);

struct sprout_json {
    sprout_json_fn *fn;
    void *ctx;
    const char *problem; /* after a failure: what was wrong, a constant */
    uint64_t problem_at;
    /* The rest is the scanner's own. */
    enum sprout_status status;
    uint8_t state;
    uint8_t number;
    uint8_t utf8_left, utf8_low, utf8_high;
    uint8_t hex_left;
    uint8_t word_at;
    bool is_key;
    bool want;
    bool cut;
    uint16_t high; /* first half of a surrogate pair, 0: none */
    uint16_t code;
    uint32_t depth;
    uint32_t hold_len;
    uint32_t piece_len;
    uint64_t objects[SPROUT_JSON_DEPTH_MAX / 64]; /* bit d: container d is an object */
    uint64_t base;                                /* offset of chunk[0] */
    uint64_t value_at;
    uint64_t begin_at[SPROUT_JSON_DEPTH_MAX];
    const char *chunk;
    const char *word;
    char hold[SPROUT_JSON_HOLD_MAX];
    char piece[SPROUT_JSON_PIECE_MAX];
};

/* Ready for a new document whose first byte has offset 0. */
void sprout_json_start(struct sprout_json *j, sprout_json_fn *fn, void *ctx);

/* SPROUT_OK: the document is complete so far (only white space may follow); SPROUT_MORE: it
 * is not; SPROUT_SYNTAX or SPROUT_LIMIT (depth): it never will be, and no more events come. */
enum sprout_status sprout_json_feed(struct sprout_json *j, const char *bytes, size_t len);

/* End of input.  SPROUT_OK when a whole document was there. */
enum sprout_status sprout_json_finish(struct sprout_json *j);

/* From the callback, on STRING: deliver the text of this string. */
static inline void sprout_json_want_text(struct sprout_json *j)
{
    j->want = true;
}

#endif
