/* SPDX-License-Identifier: Apache-2.0 */
/* tap_run.h - run a reply through the tap in every way it can be cut.
 *
 * Whole, cut in two at each byte, and in single bytes; the result and the forwarded bytes
 * must be the same each time.  Include after cmocka. */
#ifndef SPROUT_TESTS_TAP_RUN_H
#define SPROUT_TESTS_TAP_RUN_H

#include "wire/tap.h"

enum { OUT_MAX = 512 * 1024 };

struct sink {
    size_t len;
    size_t comment_at; /* where before_end was called; SIZE_MAX: never */
    int64_t completion_then;
    struct sprout_tap *tap;
    char bytes[OUT_MAX];
};

static inline void take(void *ctx, const char *bytes, size_t len)
{
    struct sink *s = ctx;
    assert_true(len <= OUT_MAX - s->len);
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
}

static inline void note_end(void *ctx)
{
    struct sink *s = ctx;
    assert_int_equal(s->comment_at, SIZE_MAX);
    s->comment_at = s->len;
    s->completion_then = sprout_tap_result(s->tap).usage.completion.n;
}

struct reply {
    const char *path;
    enum sprout_framing framing;
    bool strip;
    struct sprout_str bytes;
};

/* Feeds [0, cut) and [cut, len), or single bytes when cut is SIZE_MAX. */
static inline struct sprout_tap_result run(const struct reply *r, size_t cut,
                                           struct sink *s)
{
    static char memory[SPROUT_TAP_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_dialect *d =
        sprout_dialect_find(SPROUT_STR("POST"), sprout_str_of(r->path));
    struct sprout_tap *t = sprout_tap_new(&arena, d, r->framing, r->strip);
    assert_non_null(t);
    *s = (struct sink){.comment_at = SIZE_MAX, .tap = t};
    sprout_tap_before_end(t, note_end, s);
    if (cut == SIZE_MAX) {
        for (size_t i = 0; i < r->bytes.len; i++) {
            sprout_tap_strip(t, r->bytes.ptr + i, 1, take, s);
        }
    } else {
        sprout_tap_strip(t, r->bytes.ptr, cut, take, s);
        sprout_tap_strip(t, r->bytes.ptr + cut, r->bytes.len - cut, take, s);
    }
    return sprout_tap_finish(t, take, s);
}

static inline void same(const struct sprout_tap_result *a,
                        const struct sprout_tap_result *b)
{
    assert_int_equal(a->usage.prompt.n, b->usage.prompt.n);
    assert_int_equal(a->usage.cached.n, b->usage.cached.n);
    assert_int_equal(a->usage.completion.n, b->usage.completion.n);
    assert_int_equal(a->usage.reasoning.n, b->usage.reasoning.n);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->terminal, b->terminal);
    assert_int_equal(a->error, b->error);
    assert_int_equal(a->blind, b->blind);
}

static struct sink first, other;

/* Runs every cut; leaves the forwarded bytes in `first`. */
static inline struct sprout_tap_result run_all(const struct reply *r)
{
    const struct sprout_tap_result whole = run(r, r->bytes.len, &first);
    for (size_t cut = 0; cut <= r->bytes.len; cut++) {
        const struct sprout_tap_result cut_result =
            run(r, cut == r->bytes.len ? SIZE_MAX : cut, &other);
        same(&whole, &cut_result);
        assert_int_equal(first.len, other.len);
        assert_memory_equal(first.bytes, other.bytes, first.len);
        assert_int_equal(first.comment_at, other.comment_at);
    }
    return whole;
}

static inline void forwarded(struct sprout_str expected)
{
    assert_int_equal(first.len, expected.len);
    assert_memory_equal(first.bytes, expected.ptr, expected.len);
}

static inline void counts(const struct sprout_tap_result *r, int64_t prompt,
                          int64_t cached, int64_t completion, int64_t reasoning)
{
    assert_int_equal(r->usage.prompt.n, prompt);
    assert_int_equal(r->usage.cached.n, cached);
    assert_int_equal(r->usage.completion.n, completion);
    assert_int_equal(r->usage.reasoning.n, reasoning);
}

#endif
