/* SPDX-License-Identifier: Apache-2.0 */
/* json_gen.h - random JSON text for property tests, as odd as the grammar allows.
 *
 * White space anywhere, members in any order, escapes in names and texts, raw UTF-8 of every
 * length, numbers of every form that fit a double.  Seeded, so that a failure can be run
 * again by its number. */
#ifndef SPROUT_TESTS_JSON_GEN_H
#define SPROUT_TESTS_JSON_GEN_H

#include <stdarg.h>

#include "base/str.h"
#include "draw.h"

struct gen {
    uint64_t state;
    struct sprout_buf b;
};

static inline uint64_t gen_u64(struct gen *g) /* splitmix64 (Steele et al. 2014) */
{
    return draw_next(&g->state);
}

static inline unsigned gen_below(struct gen *g, unsigned n)
{
    return (unsigned)(gen_u64(g) % n);
}

static inline bool gen_percent(struct gen *g, unsigned percent)
{
    return gen_below(g, 100) < percent;
}

static inline void gen_put(struct gen *g, const char *text)
{
    sprout_buf_put(&g->b, sprout_str_of(text));
}

static inline void gen_blank(struct gen *g)
{
    static const char blanks[] = " \n\t\r";
    while (gen_percent(g, 12)) {
        sprout_buf_byte(&g->b, blanks[gen_below(g, 4)]);
    }
}

/* A token with white space around it. */
static inline void gen_token(struct gen *g, const char *token)
{
    gen_blank(g);
    gen_put(g, token);
    gen_blank(g);
}

/* The characters of a text, some of them written as \u escapes. */
static inline void gen_escaped(struct gen *g, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (gen_percent(g, 3)) {
            sprout_buf_printf(&g->b, gen_percent(g, 50) ? "\\u%04x" : "\\u%04X",
                              (unsigned)*p);
        } else {
            sprout_buf_byte(&g->b, *p);
        }
    }
}

static inline void gen_name(struct gen *g, const char *name)
{
    gen_blank(g);
    gen_put(g, "\"");
    gen_escaped(g, name);
    gen_put(g, "\"");
    gen_token(g, ":");
}

/* The inside of a text; `rich` texts have several pieces. */
static inline void gen_characters(struct gen *g, unsigned pieces)
{
    static const char *const odd[] = {
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\t",
        "\\u00e9",
        "\\uD83D\\uDE00",
        "\\u0000",
        "\xc3\xa9",
        "\xe4\xbd\xa0\xe5\xa5\xbd",
        "\xf0\x9f\x98\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "\x7f",
        "\\u2028",
        "{\\\"messages\\\":[",
        "]}",
        "\\b\\f\\r",
        "'",
    };
    for (unsigned i = 0; i < pieces; i++) {
        if (gen_percent(g, 40)) {
            gen_put(g, odd[gen_below(g, sizeof odd / sizeof odd[0])]);
        } else {
            const unsigned n = gen_percent(g, 3) ? 400 : gen_below(g, 12);
            for (unsigned k = 0; k < n; k++) {
                sprout_buf_byte(&g->b, (char)('a' + gen_below(g, 26)));
            }
        }
    }
}

static inline void gen_text(struct gen *g)
{
    gen_put(g, "\"");
    gen_characters(g, gen_below(g, 6));
    gen_put(g, "\"");
}

static inline void gen_number(struct gen *g)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "7",
        "-12",
        "1e0",
        "1E+5",
        "2.5e-3",
        "0.0",
        "123456789012345678901234",
        "-1.7976931348623157e308",
        "5e-324",
        "0.1234567890123456789012345678901234567890",
        "1000000000000000000000000000000000000000000000000000000000000000000000000000",
    };
    gen_put(g, numbers[gen_below(g, sizeof numbers / sizeof numbers[0])]);
}

static inline void gen_value(struct gen *g, unsigned depth);

static inline void gen_object(struct gen *g, unsigned depth)
{
    static const char *const names[] = {"messages", "content", "role", "usage", "x", ""};
    const unsigned n = gen_below(g, 3);
    gen_put(g, "{");
    gen_blank(g);
    for (unsigned i = 0; i < n; i++) {
        gen_put(g, i > 0 ? "," : "");
        gen_blank(g);
        gen_put(g, "\"");
        gen_escaped(g, names[gen_below(g, sizeof names / sizeof names[0])]);
        sprout_buf_printf(&g->b, "%u\"", i); /* no two alike */
        gen_token(g, ":");
        gen_value(g, depth + 1);
        gen_blank(g);
    }
    gen_put(g, "}");
}

static inline void gen_array(struct gen *g, unsigned depth)
{
    const unsigned n = gen_below(g, 4);
    gen_put(g, "[");
    gen_blank(g);
    for (unsigned i = 0; i < n; i++) {
        gen_put(g, i > 0 ? "," : "");
        gen_blank(g);
        gen_value(g, depth + 1);
        gen_blank(g);
    }
    gen_put(g, "]");
}

static inline void gen_value(struct gen *g, unsigned depth)
{
    switch (gen_below(g, depth < 6 ? 8 : 6)) {
    case 0:
        gen_put(g, "null");
        break;
    case 1:
        gen_put(g, gen_percent(g, 50) ? "true" : "false");
        break;
    case 2:
    case 3:
        gen_number(g);
        break;
    case 4:
    case 5:
        gen_text(g);
        break;
    case 6:
        gen_object(g, depth);
        break;
    default:
        gen_array(g, depth);
        break;
    }
}

/* Damages the text in one of the ways that happen: a byte changed, lost, doubled, or the end
 * missing. */
static inline void gen_damage(struct gen *g)
{
    static const char bytes[] = "{}[],:\"\\u0eE-.+ntf \x80\xc0\xed\xff\x01";
    struct sprout_buf *b = &g->b;
    if (b->len == 0) {
        return;
    }
    const size_t at = (size_t)(gen_u64(g) % b->len);
    switch (gen_below(g, 4)) {
    case 0:
        b->ptr[at] = bytes[gen_below(g, sizeof bytes - 1)];
        break;
    case 1:
        memmove(b->ptr + at, b->ptr + at + 1, b->len - at - 1);
        b->len--;
        break;
    case 2:
        if (b->len < b->cap) {
            memmove(b->ptr + at + 1, b->ptr + at, b->len - at);
            b->len++;
        }
        break;
    default:
        b->len = at;
        break;
    }
}

#endif
