/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - text as pointer and length, and a bounded writer.
 *
 * struct sprout_str is a borrowed view, passed by value; no NUL is assumed and none is
 * added.  struct sprout_buf writes text into memory it was given and never past it: what
 * does not fit sets `full` and is dropped, so a writer builds freely and checks once.
 * Numbers are written and read in the C locale; the process must not set LC_NUMERIC. */
#ifndef SPROUT_BASE_STR_H
#define SPROUT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

struct sprout_str {
    const char *ptr;
    size_t len;
};

#define SPROUT_STR(literal) ((struct sprout_str){"" literal, sizeof(literal) - 1})

/* View of a NUL-terminated text; NULL gives the empty view. */
static inline struct sprout_str sprout_str_of(const char *text)
{
    return (struct sprout_str){text, text == NULL ? 0 : strlen(text)};
}

/* Here to be inlined: most comparisons of a scan end at the length. */
static inline bool sprout_str_eq(struct sprout_str a, struct sprout_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool sprout_str_ieq(struct sprout_str a, struct sprout_str b); /* ASCII case folded */
bool sprout_str_starts(struct sprout_str s, struct sprout_str prefix);
bool sprout_str_ends(struct sprout_str s, struct sprout_str suffix);
struct sprout_str sprout_str_trim(struct sprout_str s); /* blanks and tabs at both ends */

/* Whole text or nothing: SPROUT_SYNTAX when it is no number, SPROUT_LIMIT when it does not
 * fit.  A double is finite; at most 64 characters are read. */
SPROUT_MUST_USE enum sprout_status sprout_str_to_i64(struct sprout_str s, int64_t *out);
SPROUT_MUST_USE enum sprout_status sprout_str_to_f64(struct sprout_str s, double *out);

/* '*' matches any run of bytes, '?' one byte, all else itself.  Linear in practice,
 * O(len * pattern) at worst. */
bool sprout_str_glob(struct sprout_str pattern, struct sprout_str s);

/* True if the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool sprout_str_utf8(struct sprout_str s);

struct sprout_buf {
    char *ptr;
    size_t len;
    size_t cap;
    bool full; /* sticky: something did not fit and was dropped */
};

static inline struct sprout_buf sprout_buf_of(char *memory, size_t cap)
{
    return (struct sprout_buf){.ptr = memory, .cap = cap};
}

static inline struct sprout_str sprout_buf_str(const struct sprout_buf *b)
{
    return (struct sprout_str){b->ptr, b->len};
}

void sprout_buf_put(struct sprout_buf *b, struct sprout_str s);
void sprout_buf_byte(struct sprout_buf *b, char c);
void sprout_buf_i64(struct sprout_buf *b, int64_t v);
void sprout_buf_u64(struct sprout_buf *b, uint64_t v);
void sprout_buf_hex64(struct sprout_buf *b, uint64_t v); /* 16 digits */
/* Shortest text that reads back as the same double; `null` if not finite. */
void sprout_buf_f64(struct sprout_buf *b, double v);
/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void sprout_buf_json(struct sprout_buf *b, struct sprout_str s);
void sprout_buf_printf(struct sprout_buf *b, const char *format, ...) SPROUT_PRINTF(2, 3);

#endif
