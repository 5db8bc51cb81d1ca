/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - see match.h. */
#include "core/match.h"

#include <math.h>

enum {
    OPTIONS_MAX = 26,
    OPTION_MARK = 5,        /* "\n(A):" */
    ALTERNATIVE_WORDS = 12, /* a longer one is a free text, which no string can match */
};

#define NUMBER_TOLERANCE 1e-6

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_byte(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct sprout_str tail_of(struct sprout_str s, size_t from)
{
    return (struct sprout_str){s.ptr + from, s.len - from};
}

/* ---- words --------------------------------------------------------------------------- */

static bool is_article(struct sprout_str w)
{
    return sprout_str_ieq(w, SPROUT_STR("a")) || sprout_str_ieq(w, SPROUT_STR("an")) ||
           sprout_str_ieq(w, SPROUT_STR("the"));
}

/* Takes the next word off *rest; false when there is none. */
static bool next_word(struct sprout_str *rest, struct sprout_str *out)
{
    do {
        size_t from = 0;
        while (from < rest->len && !is_word_byte(rest->ptr[from])) {
            from++;
        }
        size_t to = from;
        while (to < rest->len && is_word_byte(rest->ptr[to])) {
            to++;
        }
        *out = (struct sprout_str){rest->ptr + from, to - from};
        *rest = tail_of(*rest, to);
    } while (is_article(*out));
    return out->len > 0;
}

static size_t count_words(struct sprout_str s)
{
    struct sprout_str word;
    size_t n = 0;
    while (next_word(&s, &word)) {
        n++;
    }
    return n;
}

static bool starts_with_words(struct sprout_str text, struct sprout_str words)
{
    struct sprout_str a, b;
    while (next_word(&words, &b)) {
        if (!next_word(&text, &a) || !sprout_str_ieq(a, b)) {
            return false;
        }
    }
    return true;
}

static bool same_words(struct sprout_str a, struct sprout_str b)
{
    return count_words(a) == count_words(b) && starts_with_words(a, b);
}

/* Index of the word at which `words` begin in `text`, or -1; a text without words occurs
 * nowhere. */
static long find_words(struct sprout_str text, struct sprout_str words)
{
    struct sprout_str skipped;
    if (count_words(words) == 0) {
        return -1;
    }
    for (long at = 0;; at++) {
        if (starts_with_words(text, words)) {
            return at;
        }
        if (!next_word(&text, &skipped)) {
            return -1;
        }
    }
}

/* ---- options ------------------------------------------------------------------------- */

/* Where the mark "\n(X):" of option `index` next begins at or after `from`; prompt.len: it
 * does not. */
static size_t find_mark(struct sprout_str prompt, size_t from, size_t index)
{
    for (size_t i = from; i + OPTION_MARK <= prompt.len; i++) {
        const char *const p = prompt.ptr + i;
        if (p[0] == '\n' && p[1] == '(' && p[2] == (char)('A' + index) && p[3] == ')' &&
            p[4] == ':') {
            return i;
        }
    }
    return prompt.len;
}

/* The options of a prompt, "\n(A): text" to the line's end; index 0 is A. */
static size_t find_options(struct sprout_str prompt, struct sprout_str out[OPTIONS_MAX])
{
    size_t count = 0;
    size_t at = find_mark(prompt, 0, 0);
    while (at < prompt.len && count < OPTIONS_MAX) {
        struct sprout_str text = tail_of(prompt, at + OPTION_MARK);
        const char *const end = memchr(text.ptr, '\n', text.len);
        text.len = end == NULL ? text.len : (size_t)(end - text.ptr);
        out[count++] = text;
        at = find_mark(prompt, at + OPTION_MARK, count);
    }
    return count;
}

/* The first capital A to `last` that stands alone before ')', ':' or '.'; -1: none. */
static int first_letter(struct sprout_str answer, char last)
{
    for (size_t i = 0; i + 1 < answer.len; i++) {
        const char c = answer.ptr[i], after = answer.ptr[i + 1];
        const bool alone =
            i == 0 || !(is_word_byte(answer.ptr[i - 1]) || answer.ptr[i - 1] == '_');
        if (alone && c >= 'A' && c <= last &&
            (after == ')' || after == ':' || after == '.')) {
            return c - 'A';
        }
    }
    return -1;
}

/* Prompts with few options still get letters up to E: that is how models answer. */
static char last_letter(size_t options)
{
    return options > 5 ? (char)('A' + options - 1) : 'E';
}

static bool match_letter(struct sprout_str prompt, struct sprout_str reference,
                         struct sprout_str answer)
{
    struct sprout_str option[OPTIONS_MAX];
    const char last = last_letter(find_options(prompt, option));
    return first_letter(answer, last) == reference.ptr[0] - 'A';
}

static bool match_option(struct sprout_str prompt, struct sprout_str reference,
                         struct sprout_str answer)
{
    struct sprout_str option[OPTIONS_MAX];
    const size_t count = find_options(prompt, option);
    long first = -1;
    size_t named = count;

    for (size_t i = 0; i < count; i++) {
        const long at = find_words(answer, option[i]);
        if (at >= 0 && (named == count || at < first ||
                        (at == first && option[i].len > option[named].len))) {
            first = at;
            named = i;
        }
    }
    if (named < count) {
        return same_words(option[named], reference);
    }
    const int letter = first_letter(answer, last_letter(count));
    return letter >= 0 && (size_t)letter < count && same_words(option[letter], reference);
}

/* ---- numbers ------------------------------------------------------------------------- */

/* The number at the start of `s` without its thousands' commas; *out_len is what it spans. */
static bool take_number(struct sprout_str s, double *out, size_t *out_len)
{
    char text[64];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    size_t i = 0;
    bool point = false;

    if (s.len > 1 && s.ptr[0] == '-' && is_digit(s.ptr[1])) {
        sprout_buf_byte(&b, '-');
        i++;
    }
    if (i >= s.len || !is_digit(s.ptr[i])) {
        return false;
    }
    for (; i < s.len; i++) {
        const char c = s.ptr[i];
        if (c == '.' && !point && i + 1 < s.len && is_digit(s.ptr[i + 1])) {
            point = true;
        } else if (c == ',' && !point) {
            continue;
        } else if (!is_digit(c)) {
            break;
        }
        sprout_buf_byte(&b, c);
    }
    *out_len = i;
    return !b.full && sprout_str_to_f64(sprout_buf_str(&b), out) == SPROUT_OK;
}

/* Where "####" ends in a reference; 0: there is none. */
static size_t after_mark(struct sprout_str reference)
{
    for (size_t i = 0; i + 4 <= reference.len; i++) {
        if (memcmp(reference.ptr + i, "####", 4) == 0) {
            return i + 4;
        }
    }
    return 0;
}

static bool match_number(struct sprout_str reference, struct sprout_str answer)
{
    double want, last = NAN;
    size_t len;
    if (!take_number(sprout_str_trim(tail_of(reference, after_mark(reference))), &want,
                     &len)) {
        return false;
    }
    for (size_t i = 0; i < answer.len;) {
        double v;
        if (take_number(tail_of(answer, i), &v, &len)) {
            last = v;
            i += len;
        } else {
            i++;
        }
    }
    return fabs(last - want) < NUMBER_TOLERANCE;
}

/* ---- alternatives -------------------------------------------------------------------- */

static struct sprout_str next_alternative(struct sprout_str *rest)
{
    const char *const semicolon = memchr(rest->ptr, ';', rest->len);
    const size_t n = semicolon == NULL ? rest->len : (size_t)(semicolon - rest->ptr);
    const struct sprout_str alternative = {rest->ptr, n};
    *rest = tail_of(*rest, semicolon == NULL ? n : n + 1);
    return alternative;
}

static bool match_alternatives(struct sprout_str reference, struct sprout_str answer)
{
    while (reference.len > 0) {
        if (find_words(answer, next_alternative(&reference)) >= 0) {
            return true;
        }
    }
    return false;
}

static bool is_short(struct sprout_str reference)
{
    while (reference.len > 0) {
        if (count_words(next_alternative(&reference)) > ALTERNATIVE_WORDS) {
            return false;
        }
    }
    return true;
}

/* ---- the rules ----------------------------------------------------------------------- */

enum sprout_match_rule sprout_match_rule_of(struct sprout_str prompt,
                                            struct sprout_str reference)
{
    struct sprout_str option[OPTIONS_MAX];
    if (after_mark(reference) > 0) {
        return SPROUT_MATCH_NUMBER;
    }
    if (reference.len == 1 && reference.ptr[0] >= 'A' && reference.ptr[0] <= 'Z') {
        return SPROUT_MATCH_LETTER;
    }
    if (find_options(prompt, option) > 1) {
        return SPROUT_MATCH_OPTION;
    }
    return reference.len > 0 && is_short(reference) ? SPROUT_MATCH_ALTERNATIVES
                                                    : SPROUT_MATCH_NONE;
}

bool sprout_match(enum sprout_match_rule rule, struct sprout_str prompt,
                  struct sprout_str reference, struct sprout_str answer)
{
    switch (rule) {
    case SPROUT_MATCH_NUMBER:
        return match_number(reference, answer);
    case SPROUT_MATCH_LETTER:
        return match_letter(prompt, reference, answer);
    case SPROUT_MATCH_OPTION:
        return match_option(prompt, reference, answer);
    case SPROUT_MATCH_ALTERNATIVES:
        return match_alternatives(reference, answer);
    case SPROUT_MATCH_NONE:
    case SPROUT_MATCH_RULES:
        break;
    }
    return false;
}
