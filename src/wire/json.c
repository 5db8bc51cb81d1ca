/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - the scanner as a state machine.
 *
 *            ,-----------------------------------------------.
 *            v                                               |
 *   VALUE ---+--> STRING <-> ESCAPE <-> HEX --.              |
 *     ^      +--> NUMBER ---------------------+--> AFTER ----+--> DONE (depth 0)
 *     |      +--> WORD (true, false, null) ---'      |
 *     |      '--> { FIRST_KEY --> KEY .. COLON       | ,
 *     '---------- [ FIRST_ITEM                  <----'
 *
 * One function per state takes bytes and returns the first it did not take.  A container's
 * kind is a bit in `objects`, so the stack costs a bit (and the offset of its opening). */
#include "wire/json.h"

enum state {
    VALUE,
    FIRST_ITEM, /* after '[': a value or ']' */
    FIRST_KEY,  /* after '{': a name or '}' */
    KEY,        /* after ',' in an object */
    COLON,
    AFTER, /* after a value: ',' or the end of the container */
    STRING,
    ESCAPE,
    HEX,
    NUMBER,
    WORD,
    DONE,
};

/* Where a number stands; the order matters to number_complete(). */
enum number_state {
    N_MINUS,
    N_ZERO,
    N_INT,
    N_DOT,
    N_FRACTION,
    N_E,
    N_E_SIGN,
    N_EXPONENT,
    N_BAD,
    N_END
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static uint64_t offset_of(const struct sprout_json *j, const char *p)
{
    return j->base + (uint64_t)(p - j->chunk);
}

static const char *fail(struct sprout_json *j, const char *p, enum sprout_status status,
                        const char *problem)
{
    j->status = status;
    j->problem = problem;
    j->problem_at = offset_of(j, p);
    return p;
}

static void emit(struct sprout_json *j, enum sprout_json_kind kind, uint64_t at,
                 uint64_t end)
{
    const struct sprout_json_event e = {
        .kind = kind, .depth = j->depth, .at = at, .end = end};
    j->fn(j->ctx, &e);
}

static void emit_held(struct sprout_json *j, enum sprout_json_kind kind, uint64_t end)
{
    const struct sprout_json_event e = {
        .kind = kind,
        .depth = j->depth,
        .at = j->value_at,
        .end = end,
        .text = {j->hold, j->cut ? 0 : j->hold_len},
        .cut = j->cut,
    };
    j->fn(j->ctx, &e);
}

static void hold(struct sprout_json *j, const char *bytes, size_t len)
{
    if (len > sizeof j->hold - j->hold_len) {
        j->cut = true;
        return;
    }
    memcpy(j->hold + j->hold_len, bytes, len);
    j->hold_len += (uint32_t)len;
}

static bool in_object(const struct sprout_json *j)
{
    const uint32_t d = j->depth - 1;
    return (j->objects[d / 64] >> (d % 64) & 1) != 0;
}

static void value_over(struct sprout_json *j)
{
    j->state = j->depth == 0 ? DONE : AFTER;
    if (j->depth == 0) {
        j->status = SPROUT_OK;
    }
}

static const char *open_container(struct sprout_json *j, const char *p, bool object)
{
    if (j->depth == SPROUT_JSON_DEPTH_MAX) {
        return fail(j, p, SPROUT_LIMIT, "nesting is too deep");
    }
    const uint64_t at = offset_of(j, p);
    emit(j, object ? SPROUT_JSON_OBJECT : SPROUT_JSON_ARRAY, at, at + 1);

    const uint32_t d = j->depth++;
    const uint64_t bit = UINT64_C(1) << (d % 64);
    j->objects[d / 64] = object ? j->objects[d / 64] | bit : j->objects[d / 64] & ~bit;
    j->begin_at[d] = at;
    j->state = object ? FIRST_KEY : FIRST_ITEM;
    return p + 1;
}

static const char *close_container(struct sprout_json *j, const char *p)
{
    const bool object = in_object(j);
    j->depth--;
    emit(j, object ? SPROUT_JSON_OBJECT_END : SPROUT_JSON_ARRAY_END,
         j->begin_at[j->depth], offset_of(j, p) + 1);
    value_over(j);
    return p + 1;
}

static const char *open_string(struct sprout_json *j, const char *p, bool key)
{
    j->value_at = offset_of(j, p);
    j->is_key = key;
    j->want = false;
    j->cut = false;
    j->hold_len = 0;
    j->piece_len = 0;
    j->state = STRING;
    if (!key) {
        emit(j, SPROUT_JSON_STRING, j->value_at, j->value_at + 1);
    }
    return p + 1;
}

static const char *open_word(struct sprout_json *j, const char *p, const char *word)
{
    j->value_at = offset_of(j, p);
    j->word = word;
    j->word_at = 1;
    j->state = WORD;
    return p + 1;
}

static const char *open_number(struct sprout_json *j, const char *p)
{
    j->value_at = offset_of(j, p);
    j->cut = false;
    j->hold_len = 0;
    hold(j, p, 1);
    j->number = *p == '-' ? N_MINUS : *p == '0' ? N_ZERO : N_INT;
    j->state = NUMBER;
    return p + 1;
}

static const char *on_value(struct sprout_json *j, const char *p)
{
    switch (*p) {
    case ' ':
    case '\n':
    case '\r':
    case '\t':
        return p + 1;
    case '"':
        return open_string(j, p, false);
    case '{':
        return open_container(j, p, true);
    case '[':
        return open_container(j, p, false);
    case 't':
        return open_word(j, p, "true");
    case 'f':
        return open_word(j, p, "false");
    case 'n':
        return open_word(j, p, "null");
    case ']':
        if (j->state == FIRST_ITEM) {
            return close_container(j, p);
        }
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return open_number(j, p);
    default:
        break;
    }
    return fail(j, p, SPROUT_SYNTAX, "expected a value");
}

static const char *on_key(struct sprout_json *j, const char *p)
{
    if (is_blank(*p)) {
        return p + 1;
    }
    if (*p == '"') {
        return open_string(j, p, true);
    }
    if (*p == '}' && j->state == FIRST_KEY) {
        return close_container(j, p);
    }
    return fail(j, p, SPROUT_SYNTAX, "expected a member name in double quotes");
}

static const char *on_colon(struct sprout_json *j, const char *p)
{
    if (*p == ':') {
        j->state = VALUE;
    } else if (!is_blank(*p)) {
        return fail(j, p, SPROUT_SYNTAX, "expected ':' after a member name");
    }
    return p + 1;
}

static const char *on_after(struct sprout_json *j, const char *p)
{
    if (is_blank(*p)) {
        return p + 1;
    }
    const bool object = in_object(j);
    if (*p == ',') {
        j->state = object ? KEY : VALUE;
        return p + 1;
    }
    if (*p == (object ? '}' : ']')) {
        return close_container(j, p);
    }
    return fail(j, p, SPROUT_SYNTAX,
                object ? "expected ',' or '}' after a member"
                       : "expected ',' or ']' after an item");
}

/* ---- strings -------------------------------------------------------------------------- */

static void emit_text(struct sprout_json *j, const char *bytes, size_t len)
{
    const struct sprout_json_event e = {
        .kind = SPROUT_JSON_TEXT,
        .depth = j->depth,
        .at = j->value_at,
        .end = j->value_at + 1,
        .text = {bytes, len},
    };
    j->fn(j->ctx, &e);
}

static void flush_piece(struct sprout_json *j)
{
    if (j->piece_len > 0) {
        emit_text(j, j->piece, j->piece_len);
        j->piece_len = 0;
    }
}

/* Source code is an escape every few bytes: such pieces are gathered, long ones go as they
 * lie. */
static void take_text(struct sprout_json *j, const char *bytes, size_t len)
{
    if (j->is_key) {
        hold(j, bytes, len);
        return;
    }
    if (!j->want) {
        return;
    }
    if (len > sizeof j->piece - j->piece_len) {
        flush_piece(j);
    }
    if (len > sizeof j->piece / 2) {
        flush_piece(j);
        emit_text(j, bytes, len);
        return;
    }
    memcpy(j->piece + j->piece_len, bytes, len);
    j->piece_len += (uint32_t)len;
}

#define BYTES(x) (UINT64_C(0x0101010101010101) * (x))

/* Not zero when one of the eight bytes ends a plain ASCII run: a quote, a backslash, a
 * control byte or a byte above 0x7F.  Borrows only spread upwards from a byte that is such a
 * one, so zero is exact, and so is the lowest byte marked. */
static uint64_t special_in(uint64_t w)
{
    const uint64_t quote = w ^ BYTES('"');
    const uint64_t slash = w ^ BYTES('\\');
    return ((w - BYTES(0x20)) | (quote - BYTES(1)) | (slash - BYTES(1)) | w) &
           BYTES(0x80);
}

static uint64_t load8(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static const char *skip_ascii(const char *p, const char *end)
{
    while (end - p >= 16 && (special_in(load8(p)) | special_in(load8(p + 8))) == 0) {
        p += 16;
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (end - p >= 8) { /* most names and short values end here */
        const uint64_t special = special_in(load8(p));
        if (special != 0) {
            return p + __builtin_ctzll(special) / 8;
        }
        p += 8;
    }
#endif
    while (p < end) {
        const unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
            break;
        }
        p++;
    }
    return p;
}

/* First byte of a longer character: how many follow and what the second may be (table 3-7
 * of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF). */
static bool utf8_begin(struct sprout_json *j, unsigned char c)
{
    if (c < 0xC2 || c > 0xF4) {
        return false;
    }
    j->utf8_left = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    j->utf8_low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    j->utf8_high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
}

/* Takes bytes above 0x7F; stops at the first ASCII byte outside a character. */
static const char *skip_utf8(struct sprout_json *j, const char *p, const char *end)
{
    for (; p < end; p++) {
        const unsigned char c = (unsigned char)*p;
        if (j->utf8_left == 0) {
            if (c < 0x80) {
                break;
            }
            if (!utf8_begin(j, c)) {
                return fail(j, p, SPROUT_SYNTAX, "the text is not UTF-8");
            }
            continue;
        }
        if (c < j->utf8_low || c > j->utf8_high) {
            return fail(j, p, SPROUT_SYNTAX, "the text is not UTF-8");
        }
        j->utf8_left--;
        j->utf8_low = 0x80;
        j->utf8_high = 0xBF;
    }
    return p;
}

static bool failed(const struct sprout_json *j)
{
    return j->problem != NULL;
}

static const char *close_string(struct sprout_json *j, const char *p)
{
    const uint64_t end = offset_of(j, p) + 1;
    if (j->is_key) {
        j->state = COLON;
        emit_held(j, SPROUT_JSON_KEY, end);
    } else {
        flush_piece(j);
        emit(j, SPROUT_JSON_STRING_END, j->value_at, end);
        value_over(j);
    }
    return p + 1;
}

/* What a short escape stands for, or 0. */
static char plain_escape(char c)
{
    static const char plain[] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    const unsigned char i = (unsigned char)c;
    return i < sizeof plain ? plain[i] : 0;
}

static const char *on_escape(struct sprout_json *j, const char *p)
{
    if (*p == 'u') {
        j->state = HEX;
        j->hex_left = 4;
        j->code = 0;
        return p + 1;
    }
    if (j->high != 0) {
        return fail(j, p, SPROUT_SYNTAX, "half of a surrogate pair");
    }
    const char c = plain_escape(*p);
    if (c == 0) {
        return fail(j, p, SPROUT_SYNTAX, "an unknown escape in a string");
    }
    take_text(j, &c, 1);
    j->state = STRING;
    return p + 1;
}

/* A name that lies whole in one chunk and has no escape needs no copy. */
static const char *take_whole_key(struct sprout_json *j, const char *from, const char *p)
{
    const struct sprout_json_event e = {
        .kind = SPROUT_JSON_KEY,
        .depth = j->depth,
        .at = j->value_at,
        .end = offset_of(j, p) + 1,
        .text = {from, (size_t)(p - from)},
    };
    j->state = COLON;
    j->fn(j->ctx, &e);
    return p + 1;
}

static const char *on_string(struct sprout_json *j, const char *p, const char *end)
{
    if (j->high != 0 && *p != '\\') {
        return fail(j, p, SPROUT_SYNTAX, "half of a surrogate pair");
    }

    const char *from = p;
    do {
        p = skip_utf8(j, p, end);
        p = failed(j) ? p : skip_ascii(p, end);
    } while (p < end && (unsigned char)*p >= 0x80 && !failed(j));
    if (j->is_key && p < end && *p == '"' && !failed(j) &&
        offset_of(j, from) == j->value_at + 1 && (size_t)(p - from) <= sizeof j->hold) {
        return take_whole_key(j, from, p);
    }
    if (p > from) {
        take_text(j, from, (size_t)(p - from));
    }
    if (p == end || failed(j)) {
        return p;
    }

    if (*p == '"') {
        return close_string(j, p);
    }
    if (*p == '\\') {
        j->state = ESCAPE;
        return p + 1 < end ? on_escape(j, p + 1) : p + 1;
    }
    return fail(j, p, SPROUT_SYNTAX, "a control byte inside a string");
}

static void take_character(struct sprout_json *j, uint32_t c)
{
    char out[4];
    size_t n;

    if (c < 0x80) {
        out[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        n = 3;
    } else {
        out[0] = (char)(0xF0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++) {
        out[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
    }
    take_text(j, out, n);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static const char *on_hex(struct sprout_json *j, const char *p)
{
    const int v = hex_value(*p);
    if (v < 0) {
        return fail(j, p, SPROUT_SYNTAX, "expected four hexadecimal digits after \\u");
    }
    j->code = (uint16_t)(j->code << 4 | v);
    if (--j->hex_left > 0) {
        return p + 1;
    }

    const bool low_half = j->code >= 0xDC00 && j->code <= 0xDFFF;
    if (low_half != (j->high != 0)) {
        return fail(j, p, SPROUT_SYNTAX, "half of a surrogate pair");
    }
    j->state = STRING;
    if (low_half) {
        const uint32_t top = (uint32_t)(j->high - 0xD800) << 10;
        j->high = 0;
        take_character(j, 0x10000 + top + (uint32_t)(j->code - 0xDC00));
    } else if (j->code >= 0xD800 && j->code <= 0xDBFF) {
        j->high = j->code;
    } else {
        take_character(j, j->code);
    }
    return p + 1;
}

/* ---- numbers and words ---------------------------------------------------------------- */

enum number_class { C_DIGIT, C_ZERO, C_DOT, C_EXP, C_SIGN, C_OTHER };

static enum number_class number_class(char c)
{
    return c == '0'               ? C_ZERO
           : c > '0' && c <= '9'  ? C_DIGIT
           : c == '.'             ? C_DOT
           : c == 'e' || c == 'E' ? C_EXP
           : c == '+' || c == '-' ? C_SIGN
                                  : C_OTHER;
}

/* clang-format off */
static const uint8_t number_next[][6] = {
    /*               1-9         0           .      e E    + -       other */
    [N_MINUS]    = { N_INT,      N_ZERO,     N_BAD, N_BAD, N_BAD,    N_BAD },
    [N_ZERO]     = { N_BAD,      N_BAD,      N_DOT, N_E,   N_BAD,    N_END },
    [N_INT]      = { N_INT,      N_INT,      N_DOT, N_E,   N_BAD,    N_END },
    [N_DOT]      = { N_FRACTION, N_FRACTION, N_BAD, N_BAD, N_BAD,    N_BAD },
    [N_FRACTION] = { N_FRACTION, N_FRACTION, N_BAD, N_E,   N_BAD,    N_END },
    [N_E]        = { N_EXPONENT, N_EXPONENT, N_BAD, N_BAD, N_E_SIGN, N_BAD },
    [N_E_SIGN]   = { N_EXPONENT, N_EXPONENT, N_BAD, N_BAD, N_BAD,    N_BAD },
    [N_EXPONENT] = { N_EXPONENT, N_EXPONENT, N_BAD, N_BAD, N_BAD,    N_END },
};
/* clang-format on */

static void close_number(struct sprout_json *j, const char *p)
{
    emit_held(j, SPROUT_JSON_NUMBER, offset_of(j, p));
    value_over(j);
}

static const char *on_number(struct sprout_json *j, const char *p, const char *end)
{
    const char *from = p;
    while (p < end) {
        const uint8_t next = number_next[j->number][number_class(*p)];
        if (next == N_BAD) {
            return fail(j, p, SPROUT_SYNTAX, "a malformed number");
        }
        if (next == N_END) {
            hold(j, from, (size_t)(p - from));
            close_number(j, p); /* the byte after a number is looked at again */
            return p;
        }
        j->number = next;
        p++;
    }
    hold(j, from, (size_t)(p - from));
    return p;
}

static const char *on_word(struct sprout_json *j, const char *p)
{
    if (*p != j->word[j->word_at]) {
        return fail(j, p, SPROUT_SYNTAX, "expected a value");
    }
    if (j->word[++j->word_at] == '\0') {
        const enum sprout_json_kind kind = j->word[0] == 't'   ? SPROUT_JSON_TRUE
                                           : j->word[0] == 'f' ? SPROUT_JSON_FALSE
                                                               : SPROUT_JSON_NULL;
        emit(j, kind, j->value_at, offset_of(j, p) + 1);
        value_over(j);
    }
    return p + 1;
}

/* ---- the machine ---------------------------------------------------------------------- */

void sprout_json_start(struct sprout_json *j, sprout_json_fn *fn, void *ctx)
{
    /* Not all of it: the stack and the hold are written before they are read. */
    j->fn = fn;
    j->ctx = ctx;
    j->problem = NULL;
    j->problem_at = 0;
    j->status = SPROUT_MORE;
    j->state = VALUE;
    j->utf8_left = 0;
    j->utf8_low = j->utf8_high = 0;
    j->high = 0;
    j->piece_len = 0;
    j->depth = 0;
    j->base = 0;
    j->objects[0] = j->objects[1] = 0;
}

static const char *step(struct sprout_json *j, const char *p, const char *end)
{
    switch ((enum state)j->state) {
    case VALUE:
    case FIRST_ITEM:
        return on_value(j, p);
    case FIRST_KEY:
    case KEY:
        return on_key(j, p);
    case COLON:
        return on_colon(j, p);
    case AFTER:
        return on_after(j, p);
    case STRING:
        return on_string(j, p, end);
    case ESCAPE:
        return on_escape(j, p);
    case HEX:
        return on_hex(j, p);
    case NUMBER:
        return on_number(j, p, end);
    case WORD:
        return on_word(j, p);
    case DONE:
        return is_blank(*p)
                   ? p + 1
                   : fail(j, p, SPROUT_SYNTAX, "bytes after the end of the document");
    }
    return end; /* not reached: every state is above */
}

enum sprout_status sprout_json_feed(struct sprout_json *j, const char *bytes, size_t len)
{
    const char *p = bytes;
    const char *end = bytes + len;

    j->chunk = bytes;
    while (p < end && !failed(j)) {
        p = step(j, p, end);
    }
    if (failed(j)) {
        flush_piece(j); /* a broken text gives the same pieces however it is cut */
    }
    j->base += len;
    j->chunk = NULL;
    return j->status;
}

enum sprout_status sprout_json_finish(struct sprout_json *j)
{
    if (failed(j)) {
        return j->status;
    }
    j->chunk = ""; /* so that offset_of() gives the end */
    if (j->state == NUMBER && number_next[j->number][C_OTHER] == N_END) {
        close_number(j, j->chunk);
    }
    if (j->state != DONE) {
        flush_piece(j);
        fail(j, j->chunk, SPROUT_SYNTAX, "the document ends too early");
    }
    return j->status;
}
