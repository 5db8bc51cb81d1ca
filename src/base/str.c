/* SPDX-License-Identifier: Apache-2.0 */
/* str.c - views of text, numbers in text, and the bounded writer. */
#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_MAX = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool sprout_str_ieq(struct sprout_str a, struct sprout_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool sprout_str_starts(struct sprout_str s, struct sprout_str prefix)
{
    return s.len >= prefix.len &&
           sprout_str_eq((struct sprout_str){s.ptr, prefix.len}, prefix);
}

bool sprout_str_ends(struct sprout_str s, struct sprout_str suffix)
{
    return s.len >= suffix.len &&
           sprout_str_eq((struct sprout_str){s.ptr + (s.len - suffix.len), suffix.len},
                         suffix);
}

struct sprout_str sprout_str_trim(struct sprout_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* strtoll and strtod want a NUL and skip leading blanks; neither is wanted here. */
static bool copy_number(struct sprout_str s, char out[NUMBER_MAX + 1])
{
    if (s.len == 0 || s.len > NUMBER_MAX || memchr(s.ptr, '\0', s.len) != NULL) {
        return false;
    }
    const char first = s.ptr[0];
    if (first != '-' && first != '+' && first != '.' && (first < '0' || first > '9')) {
        return false;
    }
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

enum sprout_status sprout_str_to_i64(struct sprout_str s, int64_t *out)
{
    char text[NUMBER_MAX + 1];
    if (!copy_number(s, text)) {
        return SPROUT_SYNTAX;
    }

    char *end;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (end == text || *end != '\0') {
        return SPROUT_SYNTAX;
    }
    if (errno == ERANGE) {
        return SPROUT_LIMIT;
    }
    *out = (int64_t)v;
    return SPROUT_OK;
}

enum sprout_status sprout_str_to_f64(struct sprout_str s, double *out)
{
    char text[NUMBER_MAX + 1];
    if (!copy_number(s, text) || strpbrk(text, "xXnN") != NULL) { /* no hex, inf, nan */
        return SPROUT_SYNTAX;
    }

    char *end;
    const double v = strtod(text, &end);
    if (end == text || *end != '\0') {
        return SPROUT_SYNTAX;
    }
    if (!isfinite(v)) {
        return SPROUT_LIMIT;
    }
    *out = v;
    return SPROUT_OK;
}

bool sprout_str_glob(struct sprout_str pattern, struct sprout_str s)
{
    size_t p = 0, i = 0;
    size_t star = SIZE_MAX,
           resume = 0; /* where the last '*' was, and what it ate so far */

    while (i < s.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = i;
        } else if (p < pattern.len &&
                   (pattern.ptr[p] == '?' || pattern.ptr[p] == s.ptr[i])) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* Length of the well-formed UTF-8 character at s[0], or 0.  Table 3-7 of the Unicode
 * standard: the second byte's range excludes overlong forms, surrogates and > U+10FFFF. */
static size_t utf8_char(const unsigned char *s, size_t len)
{
    const unsigned char c = s[0];
    if (c < 0x80) {
        return 1;
    }
    const size_t n = c >= 0xC2 && c <= 0xDF   ? 2
                     : c >= 0xE0 && c <= 0xEF ? 3
                     : c >= 0xF0 && c <= 0xF4 ? 4
                                              : 0;
    if (n == 0 || n > len) {
        return 0;
    }
    const unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return n;
}

bool sprout_str_utf8(struct sprout_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len;) {
        const size_t n = utf8_char(p + i, s.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

void sprout_buf_put(struct sprout_buf *b, struct sprout_str s)
{
    if (b->full || s.len > b->cap - b->len) {
        b->full = true;
        return;
    }
    if (s.len > 0) {
        memcpy(b->ptr + b->len, s.ptr, s.len);
    }
    b->len += s.len;
}

void sprout_buf_byte(struct sprout_buf *b, char c)
{
    sprout_buf_put(b, (struct sprout_str){&c, 1});
}

void sprout_buf_i64(struct sprout_buf *b, int64_t v)
{
    if (v < 0) {
        sprout_buf_byte(b, '-');
    }
    sprout_buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void sprout_buf_u64(struct sprout_buf *b, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    sprout_buf_put(b, (struct sprout_str){digits + n, sizeof digits - n});
}

static const char hex_digits[] = "0123456789abcdef";

void sprout_buf_hex64(struct sprout_buf *b, uint64_t v)
{
    char digits[16];
    for (int i = 15; i >= 0; i--) {
        digits[i] = hex_digits[v & 15];
        v >>= 4;
    }
    sprout_buf_put(b, (struct sprout_str){digits, sizeof digits});
}

void sprout_buf_f64(struct sprout_buf *b, double v)
{
    if (!isfinite(v)) {
        sprout_buf_put(b, SPROUT_STR("null"));
        return;
    }

    char text[32];
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) { /* 17 always reads back the same */
        n = snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    sprout_buf_put(b, (struct sprout_str){text, (size_t)n});
}

static void put_json_byte(struct sprout_buf *b, unsigned char c)
{
    static const char short_form[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (c == '"' || c == '\\') {
        sprout_buf_byte(b, '\\');
        sprout_buf_byte(b, (char)c);
    } else if (c >= 0x20) {
        sprout_buf_byte(b, (char)c);
    } else if (c < sizeof short_form && short_form[c] != 0) {
        sprout_buf_byte(b, '\\');
        sprout_buf_byte(b, short_form[c]);
    } else {
        sprout_buf_put(b, SPROUT_STR("\\u00"));
        sprout_buf_byte(b, hex_digits[c >> 4]);
        sprout_buf_byte(b, hex_digits[c & 15]);
    }
}

void sprout_buf_json(struct sprout_buf *b, struct sprout_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;

    sprout_buf_byte(b, '"');
    for (size_t i = 0; i < s.len;) {
        const size_t n = utf8_char(p + i, s.len - i);
        if (n == 0) {
            sprout_buf_put(b, SPROUT_STR("\xEF\xBF\xBD"));
        } else if (n == 1) {
            put_json_byte(b, p[i]);
        } else {
            sprout_buf_put(b, (struct sprout_str){s.ptr + i, n});
        }
        i += n == 0 ? 1 : n;
    }
    sprout_buf_byte(b, '"');
}

void sprout_buf_printf(struct sprout_buf *b, const char *format, ...)
{
    if (b->full) {
        return;
    }

    va_list args;
    va_start(args, format);
    const int n = vsnprintf(b->ptr + b->len, b->cap - b->len, format, args);
    va_end(args);

    if (n < 0 ||
        (size_t)n >= b->cap - b->len) { /* vsnprintf spends one byte on its NUL */
        b->full = true;
        return;
    }
    b->len += (size_t)n;
}
