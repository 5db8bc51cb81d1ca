/* SPDX-License-Identifier: Apache-2.0 */
/* exposition.c - see exposition.h. */
#include "wire/exposition.h"

#include <math.h>

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == ':';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip(struct sprout_str *s, size_t n)
{
    s->ptr += n;
    s->len -= n;
}

static void skip_blanks(struct sprout_str *s)
{
    while (s->len > 0 && is_blank(s->ptr[0])) {
        skip(s, 1);
    }
}

static struct sprout_str take_name(struct sprout_str *s)
{
    size_t n = 0;
    while (n < s->len && is_name(s->ptr[n])) {
        n++;
    }
    const struct sprout_str name = {s->ptr, n};
    skip(s, n);
    return name;
}

/* Up to the quote that is not escaped; the quote itself is passed. */
static bool take_quoted(struct sprout_str *s, struct sprout_str *out)
{
    for (size_t i = 0; i < s->len; i++) {
        if (s->ptr[i] == '\\') {
            i++;
        } else if (s->ptr[i] == '"') {
            *out = (struct sprout_str){s->ptr, i};
            skip(s, i + 1);
            return true;
        }
    }
    return false;
}

/* One name="value" and the comma after it. */
static bool take_label(struct sprout_str *s, struct sprout_str *name,
                       struct sprout_str *value)
{
    skip_blanks(s);
    *name = take_name(s);
    skip_blanks(s);
    if (name->len == 0 || s->len == 0 || s->ptr[0] != '=') {
        return false;
    }
    skip(s, 1);
    skip_blanks(s);
    if (s->len == 0 || s->ptr[0] != '"') {
        return false;
    }
    skip(s, 1);
    if (!take_quoted(s, value)) {
        return false;
    }
    skip_blanks(s);
    if (s->len > 0 && s->ptr[0] == ',') {
        skip(s, 1);
    }
    return true;
}

bool sprout_exposition_label(struct sprout_str labels, struct sprout_str name,
                             struct sprout_str *out)
{
    struct sprout_str key, value;
    while (take_label(&labels, &key, &value)) {
        if (sprout_str_eq(key, name)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* The labels, and s past the closing brace. */
static bool take_labels(struct sprout_str *s, struct sprout_str *out)
{
    struct sprout_str key, value;
    const char *const from = s->ptr + 1;

    skip(s, 1);
    while (take_label(s, &key, &value)) {
    }
    skip_blanks(s);
    if (s->len == 0 || s->ptr[0] != '}') {
        return false;
    }
    *out = (struct sprout_str){from, (size_t)(s->ptr - from)};
    skip(s, 1);
    return true;
}

static bool take_value(struct sprout_str s, double *out)
{
    size_t n = 0;
    while (n < s.len && !is_blank(s.ptr[n])) {
        n++;
    }
    const struct sprout_str text = {s.ptr, n};
    if (sprout_str_eq(text, SPROUT_STR("NaN"))) {
        *out = NAN;
        return true;
    }
    if (sprout_str_eq(text, SPROUT_STR("+Inf")) ||
        sprout_str_eq(text, SPROUT_STR("-Inf"))) {
        *out = text.ptr[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return sprout_str_to_f64(text, out) == SPROUT_OK;
}

static bool read_line(struct sprout_str line, struct sprout_sample *out)
{
    skip_blanks(&line);
    out->name = take_name(&line);
    out->labels = (struct sprout_str){line.ptr, 0};
    if (out->name.len == 0) {
        return false;
    }
    if (line.len > 0 && line.ptr[0] == '{' && !take_labels(&line, &out->labels)) {
        return false;
    }
    skip_blanks(&line);
    return take_value(line, &out->value);
}

bool sprout_exposition_next(struct sprout_str *rest, struct sprout_sample *out)
{
    while (rest->len > 0) {
        size_t n = 0;
        while (n < rest->len && rest->ptr[n] != '\n') {
            n++;
        }
        const struct sprout_str line = {rest->ptr, n};
        skip(rest, n < rest->len ? n + 1 : n);
        if (read_line(line, out)) {
            return true;
        }
    }
    return false;
}
