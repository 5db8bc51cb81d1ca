/* SPDX-License-Identifier: Apache-2.0 */
/* predict_features.c - from the bytes of a text to rows, marks and the rule for code.
 *
 * A token is a run of ASCII letters, a run of digits (of which only the length counts, up
 * to 5), a line feed, or any other code point that is no blank.  A feature is a token, a
 * pair of tokens, the first one, two or three of a text, or its last one or two; its hash
 * names a row of the weights.  A row counts once however often its features occur.
 * Bytes that are no UTF-8 are tokens like any others: nothing here can fail.
 * The hash of a token is made of eight bytes at a time, because at one at a time hashing
 * would be half the cost of a prediction. */
#include "core/predict_model.h"

#include "core/predict_fixed.h"

/* ---- collecting ------------------------------------------------------------------------ */

void sprout_predict_feed(struct sprout_predict_text *t, const void *bytes, size_t len)
{
    const char *from = bytes;
    if (t->bytes < SPROUT_PREDICT_PART && len > 0) {
        const size_t room = SPROUT_PREDICT_PART - (size_t)t->bytes;
        const size_t n = len < room ? len : room;
        memcpy(t->part + t->bytes, from, n);
        t->bytes += n;
        from += n;
        len -= n;
    }
    if (len > SPROUT_PREDICT_PART) { /* what the ring would lose again */
        const size_t skip = len - SPROUT_PREDICT_PART;
        t->bytes += skip;
        from += skip;
        len = SPROUT_PREDICT_PART;
    }
    while (len > 0) {
        const size_t at = (size_t)(t->bytes % SPROUT_PREDICT_PART);
        const size_t room = SPROUT_PREDICT_PART - at;
        const size_t n = len < room ? len : room;
        memcpy(t->part + SPROUT_PREDICT_PART + at, from, n);
        t->bytes += n;
        from += n;
        len -= n;
    }
}

/* The bytes that are read, in order; the length of them. */
static size_t assemble(const struct sprout_predict_text *t, unsigned char *out)
{
    const size_t part = SPROUT_PREDICT_PART;
    if (t->bytes <= 2 * part) {
        memcpy(out, t->part, (size_t)t->bytes);
        return (size_t)t->bytes;
    }
    const size_t at = (size_t)(t->bytes % part); /* where the ring begins */
    memcpy(out, t->part, part);
    out[part] = ' ';
    memcpy(out + part + 1, t->part + part + at, part - at);
    memcpy(out + part + 1 + part - at, t->part + part, at);
    return SPROUT_PREDICT_READ;
}

/* ---- bytes ----------------------------------------------------------------------------- */

enum byte_class { OTHER = 0, BLANK, LETTER, DIGIT, LINE, HIGH };

/* Of each byte its class; a row is 32 bytes. */
static const unsigned char class_of[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
};

#define EACH_BYTE(v) ((v)*UINT64_C(0x0101010101010101))

static uint64_t load_8(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
           (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
           (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* The top bit of each byte that is an ASCII letter.  Small and large ones differ in 0x20;
 * what is added carries a byte over 0x7f from 'a' on, and from past 'z' on. */
static uint64_t letters_of(uint64_t eight)
{
    const uint64_t small = (eight & EACH_BYTE(0x7f)) | EACH_BYTE(0x20);
    const uint64_t from_a = small + EACH_BYTE(0x80 - 'a');
    const uint64_t past_z = small + EACH_BYTE(0x7f - 'z');
    return from_a & ~past_z & ~eight & EACH_BYTE(0x80);
}

/* How many bytes from the first on have their top bit set; 0 to 8. */
static size_t run_of(uint64_t tops)
{
    const uint64_t gap = ~tops & EACH_BYTE(0x80);
    return gap == 0 ? 8 : (size_t)__builtin_ctzll(gap) / 8;
}

/* Bytes with their top bit set. */
static size_t count_tops(uint64_t tops)
{
    return (size_t)(((tops >> 7) * EACH_BYTE(1)) >> 56);
}

/* ---- hashes ---------------------------------------------------------------------------- */

#define MULTIPLY_1 UINT64_C(0x9e3779b97f4a7c15)
#define MULTIPLY_2 UINT64_C(0xd6e8feb86659fd93)

/* What a hash is a feature of; each keeps the same words apart. */
enum feature { WORD = 1, PAIR, FIRST_1, FIRST_2, FIRST_3, LAST_1, LAST_2 };

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * MULTIPLY_1;
    return h ^ h >> 29;
}

/* ---- code: a rule ------------------------------------------------------------------------ */

/* Words that are rare outside of programs, or of requests for one: the first eight letters,
 * the length, and how far each counts.  CODE_FROM points make a text code. */
enum { CODE_FROM = 4, CODE_FENCE = 4, CODE_LINE_END = 1, CODE_MARK = 1 };

/* Of "name(": shorter ones are as likely f(x), log(x) in a question of maths. */
enum { CODE_CALL_LETTERS = 4 };

/* clang-format off */
#define CODE_WORDS(X) \
    X('a', 'p', 'i', 0, 0, 0, 0, 0, 3, 1) \
    X('a', 'r', 'g', 's', 0, 0, 0, 0, 4, 2) \
    X('a', 's', 'y', 'n', 'c', 0, 0, 0, 5, 3) \
    X('a', 'w', 'a', 'i', 't', 0, 0, 0, 5, 2) \
    X('b', 'a', 's', 'h', 0, 0, 0, 0, 4, 2) \
    X('b', 'o', 'o', 'l', 0, 0, 0, 0, 4, 1) \
    X('c', 'h', 'a', 'r', 0, 0, 0, 0, 4, 1) \
    X('c', 'o', 'd', 'e', 0, 0, 0, 0, 4, 1) \
    X('c', 'o', 'd', 'e', 'b', 'a', 's', 'e', 8, 3) \
    X('c', 'o', 'd', 'i', 'n', 'g', 0, 0, 6, 1) \
    X('c', 'o', 'm', 'p', 'i', 'l', 'e', 0, 7, 2) \
    X('c', 'o', 'n', 's', 't', 0, 0, 0, 5, 2) \
    X('c', 'p', 'p', 0, 0, 0, 0, 0, 3, 2) \
    X('c', 's', 's', 0, 0, 0, 0, 0, 3, 2) \
    X('d', 'e', 'b', 'u', 'g', 0, 0, 0, 5, 2) \
    X('d', 'e', 'f', 0, 0, 0, 0, 0, 3, 2) \
    X('d', 'o', 'c', 'k', 'e', 'r', 0, 0, 6, 2) \
    X('e', 'l', 'i', 'f', 0, 0, 0, 0, 4, 3) \
    X('e', 'n', 'd', 'i', 'f', 0, 0, 0, 5, 3) \
    X('e', 'n', 'u', 'm', 0, 0, 0, 0, 4, 2) \
    X('f', 'o', 'r', 'e', 'a', 'c', 'h', 0, 7, 2) \
    X('f', 'u', 'n', 'c', 0, 0, 0, 0, 4, 2) \
    X('g', 'i', 't', 'h', 'u', 'b', 0, 0, 6, 2) \
    X('g', 'o', 'l', 'a', 'n', 'g', 0, 0, 6, 3) \
    X('h', 't', 'm', 'l', 0, 0, 0, 0, 4, 2) \
    X('i', 'f', 'd', 'e', 'f', 0, 0, 0, 5, 3) \
    X('i', 'm', 'p', 'l', 0, 0, 0, 0, 4, 2) \
    X('i', 'm', 'p', 'o', 'r', 't', 0, 0, 6, 1) \
    X('i', 'n', 'c', 'l', 'u', 'd', 'e', 0, 7, 1) \
    X('i', 'n', 't', 0, 0, 0, 0, 0, 3, 1) \
    X('j', 'a', 'v', 'a', 0, 0, 0, 0, 4, 2) \
    X('j', 'a', 'v', 'a', 's', 'c', 'r', 'i', 10, 3) \
    X('j', 's', 'o', 'n', 0, 0, 0, 0, 4, 2) \
    X('l', 'a', 'm', 'b', 'd', 'a', 0, 0, 6, 1) \
    X('n', 'a', 'm', 'e', 's', 'p', 'a', 'c', 9, 2) \
    X('n', 'u', 'l', 'l', 0, 0, 0, 0, 4, 1) \
    X('n', 'u', 'l', 'l', 'p', 't', 'r', 0, 7, 3) \
    X('p', 'r', 'i', 'n', 't', 0, 0, 0, 5, 1) \
    X('p', 'r', 'i', 'n', 't', 'f', 0, 0, 6, 3) \
    X('p', 'r', 'i', 'n', 't', 'l', 'n', 0, 7, 3) \
    X('p', 'y', 't', 'h', 'o', 'n', 0, 0, 6, 3) \
    X('r', 'e', 'f', 'a', 'c', 't', 'o', 'r', 8, 3) \
    X('r', 'e', 'g', 'e', 'x', 0, 0, 0, 5, 3) \
    X('r', 'e', 't', 'u', 'r', 'n', 0, 0, 6, 1) \
    X('r', 'u', 's', 't', 0, 0, 0, 0, 4, 1) \
    X('s', 'e', 'l', 'e', 'c', 't', 0, 0, 6, 1) \
    X('s', 'q', 'l', 0, 0, 0, 0, 0, 3, 3) \
    X('s', 't', 'd', 0, 0, 0, 0, 0, 3, 2) \
    X('s', 't', 'd', 'i', 'n', 0, 0, 0, 5, 3) \
    X('s', 't', 'd', 'o', 'u', 't', 0, 0, 6, 3) \
    X('s', 't', 'r', 'u', 'c', 't', 0, 0, 6, 2) \
    X('t', 'r', 'a', 'c', 'e', 'b', 'a', 'c', 9, 3) \
    X('t', 'y', 'p', 'e', 'd', 'e', 'f', 0, 7, 3) \
    X('t', 'y', 'p', 'e', 's', 'c', 'r', 'i', 10, 3) \
    X('u', 'n', 'd', 'e', 'f', 'i', 'n', 'e', 9, 1) \
    X('v', 'a', 'r', 0, 0, 0, 0, 0, 3, 2) \
    X('v', 'o', 'i', 'd', 0, 0, 0, 0, 4, 2) \
    X('x', 'm', 'l', 0, 0, 0, 0, 0, 3, 2) \
    X('y', 'a', 'm', 'l', 0, 0, 0, 0, 4, 2)
/* clang-format on */

#define EIGHT(a, b, c, d, e, f, g, h)                                                    \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |    \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 |                   \
     (uint64_t)(h) << 56)

/* A hash table that the compiler fills; the multiplier is one of those with which no two
 * words share a slot.  (Were there two, the compiler would refuse the second.) */
#define SLOTS_MULTIPLY UINT64_C(0x1486118e7829005)
#define SLOT(letters)  ((letters)*SLOTS_MULTIPLY >> 56) /* 0 to 255 */

#define IN_SLOT(a, b, c, d, e, f, g, h, len, points)                                     \
    [SLOT(EIGHT(a, b, c, d, e, f, g, h))] = {EIGHT(a, b, c, d, e, f, g, h), len, points},

static const struct {
    uint64_t letters;
    uint32_t len;
    int32_t points;
} code_words[256] = {CODE_WORDS(IN_SLOT)};

static int code_points(uint64_t letters, size_t len)
{
    const uint64_t slot = SLOT(letters);
    return code_words[slot].letters == letters && code_words[slot].len == len
               ? code_words[slot].points
               : 0;
}

/* ---- tokens ---------------------------------------------------------------------------- */

struct scan {
    const unsigned char *text; /* with eight zero bytes after its end */
    size_t len;
    uint64_t *token; /* hashes, SPROUT_PREDICT_READ of them at most */
    size_t tokens;
    uint64_t words, letters, uppers, digits, lines, sentences, commas, questions;
    uint64_t seen;       /* bit c: the mark c under 0x40 was met */
    uint32_t options;    /* bit i: "(A)" and on was met */
    bool choices;        /* the word */
    bool underscores;    /* three or more in a row */
    size_t first_option; /* where "(A)" begins a line for the last time; 0: nowhere */
    int code;            /* points of the rule for code */
};

static void add_token(struct scan *s, uint64_t hash)
{
    s->token[s->tokens++] = hash;
}

static size_t scan_word(struct scan *s, size_t at)
{
    uint64_t hash = 0, first = 0;
    size_t len = 0, run;
    do {
        const uint64_t eight = load_8(s->text + at + len);
        const uint64_t letters = letters_of(eight);
        run = run_of(letters);
        const uint64_t mask = run == 0 ? 0 : ~UINT64_C(0) >> (64 - 8 * run);
        const uint64_t small = (eight | EACH_BYTE(0x20)) & mask;
        s->uppers += count_tops(letters & mask & ~(eight << 2));
        first = len == 0 ? small : first;
        hash = run == 0 ? hash : mix(hash, small);
        len += run;
    } while (run == 8);
    add_token(s, hash);
    s->words++;
    s->letters += len;
    s->code += code_points(first, len);
    s->code += len >= CODE_CALL_LETTERS && s->text[at + len] == '(' ? CODE_MARK : 0;
    s->choices = s->choices || (len == 7 && memcmp(s->text + at, "Choices", 7) == 0);
    return at + len;
}

static size_t scan_number(struct scan *s, size_t at)
{
    size_t end = at + 1;
    while (class_of[s->text[end]] == DIGIT) {
        end++;
    }
    const uint64_t digits = end - at < 5 ? end - at : 5;
    add_token(s, mix(0, '#' | ('0' + digits) << 8));
    s->digits += end - at;
    return end;
}

/* A code point above ASCII; a damaged one ends where its bytes do. */
static size_t scan_high(struct scan *s, size_t at)
{
    uint64_t bytes = s->text[at];
    size_t end = at + 1;
    while (end < at + 4 && (s->text[end] & 0xc0) == 0x80) {
        bytes |= (uint64_t)s->text[end] << 8 * (end - at);
        end++;
    }
    add_token(s, mix(0, bytes));
    return end;
}

static bool ends_line(const unsigned char *p)
{
    return p[1] == 0 || p[1] == '\n';
}

/* A mark that tells something by itself, or with the bytes after it. */
static void note_mark(struct scan *s, const unsigned char *p)
{
    s->seen |= *p < 0x40 ? UINT64_C(1) << *p : 0;
    switch (*p) {
    case ',':
        s->commas++;
        break;
    case '.':
        s->sentences += p[1] == ' ';
        break;
    case '?':
        s->questions++;
        s->sentences += p[1] == ' ';
        break;
    case '(':
        if (p[1] >= 'A' && p[1] <= 'E' && p[2] == ')') {
            s->options |= 1u << (p[1] - 'A');
            const bool begins = p[1] == 'A' && p > s->text && p[-1] == '\n';
            s->first_option = begins ? (size_t)(p - s->text) : s->first_option;
        }
        s->code += p[1] == ')' ? CODE_MARK : 0;
        break;
    case '_':
        s->underscores = s->underscores || (p[1] == '_' && p[2] == '_');
        break;
    case '`':
        s->code += p[1] == '`' && p[2] == '`' ? CODE_FENCE : 0;
        break;
    case ';':
    case '{':
    case '}':
        s->code += ends_line(p) ? CODE_LINE_END : 0;
        break;
    case '=':
        s->code += p[1] == '=' ? CODE_MARK : 0;
        break;
    case '-':
        s->code += p[1] == '>' ? CODE_MARK : 0;
        break;
    case '<':
        s->code += p[1] == '/' ? CODE_MARK : 0;
        break;
    default:
        break;
    }
}

static void scan_text(struct scan *s)
{
    size_t at = 0;
    while (at < s->len) {
        const unsigned char c = s->text[at];
        if (class_of[c] == LETTER) { /* most are, and a blank follows nearly always */
            at = scan_word(s, at);
            at += s->text[at] == ' ';
            continue;
        }
        switch ((enum byte_class)class_of[c]) {
        case LETTER:
        case BLANK:
            at++;
            break;
        case DIGIT:
            at = scan_number(s, at);
            break;
        case HIGH:
            at = scan_high(s, at);
            break;
        case LINE:
            s->lines++;
            s->code += memcmp(s->text + at + 1, "    ", 4) == 0 ? CODE_MARK : 0;
            add_token(s, mix(0, c));
            at++;
            break;
        case OTHER:
            note_mark(s, s->text + at);
            add_token(s, mix(0, c));
            at++;
            break;
        }
    }
}

/* ---- rows ------------------------------------------------------------------------------ */

struct row_set {
    const int16_t *ahead; /* rows to ask the memory for, as soon as they are known */
    uint64_t bit[(SPROUT_PREDICT_ROWS + 63) / 64];
};

/* Whether a row is new is not branched on: it could not be foretold. */
static uint32_t add_feature(struct sprout_predict_features *out, struct row_set *set,
                            uint32_t count, enum feature kind, uint64_t h)
{
    h = (h ^ (uint64_t)kind) * MULTIPLY_2;
    h ^= h >> 32;
    const uint32_t row = (uint32_t)(((h & 0xffffffff) * SPROUT_PREDICT_ROWS) >> 32);
    if (set->ahead != NULL) {
        __builtin_prefetch(set->ahead + (size_t)row * SPROUT_PREDICT_COLUMNS);
    }
    uint64_t *const word = &set->bit[row >> 6];
    const uint64_t had = *word >> (row & 63) & 1;
    *word |= UINT64_C(1) << (row & 63);
    out->row[count] = (uint16_t)row;
    out->tag[count] = (uint8_t)(h >> 59);
    return count + (uint32_t)(had ^ 1);
}

static void add_features(const uint64_t *token, size_t tokens, const int16_t *ahead,
                         struct sprout_predict_features *out)
{
    struct row_set set = {.ahead = ahead};
    uint32_t n = 0;
    for (size_t i = 0; i < tokens; i++) {
        n = add_feature(out, &set, n, WORD, token[i]);
        if (i > 0) {
            n = add_feature(out, &set, n, PAIR, mix(token[i - 1], token[i]));
        }
    }
    if (tokens > 0) {
        n = add_feature(out, &set, n, FIRST_1, token[0]);
        n = add_feature(out, &set, n, LAST_1, token[tokens - 1]);
    }
    if (tokens > 1) {
        n = add_feature(out, &set, n, FIRST_2, mix(token[0], token[1]));
        n = add_feature(out, &set, n, LAST_2, mix(token[tokens - 2], token[tokens - 1]));
    }
    if (tokens > 2) {
        n = add_feature(out, &set, n, FIRST_3, mix(mix(token[0], token[1]), token[2]));
    }
    out->count = n;
}

/* ---- marks of form --------------------------------------------------------------------- */

static int32_t flag(bool set)
{
    return set ? SPROUT_PREDICT_ONE : 0;
}

static int32_t ln1p(uint64_t x)
{
    return sprout_fixed_ln(x + 1);
}

static int32_t ratio(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : (int32_t)(a * SPROUT_PREDICT_ONE / b);
}

static bool met(const struct scan *s, char c)
{
    return (s->seen >> c & 1) != 0;
}

/* Last byte that is no blank; 0 if there is none. */
static unsigned char last_byte(const struct scan *s)
{
    size_t n = s->len;
    while (n > 0 && (class_of[s->text[n - 1]] == BLANK || s->text[n - 1] == '\n')) {
        n--;
    }
    return n > 0 ? s->text[n - 1] : 0;
}

static int32_t *put_lengths(const struct scan *s, uint64_t bytes, int32_t *m)
{
    static const uint16_t steps[] = {32, 48, 64, 100, 150, 250, 400, 800, 1600};
    const int32_t ln = ln1p(bytes);
    *m++ = ln;
    *m++ = (int32_t)(((int64_t)ln * ln) >> 16);
    *m++ = ln1p(s->tokens);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        *m++ = flag(bytes > steps[i]);
    }
    const uint64_t options = s->first_option > 0 ? s->len - s->first_option : 0;
    *m++ = ln1p(options);
    *m++ = ln1p(bytes - options);
    *m++ = ratio(s->letters, s->words);
    return m;
}

static int32_t *put_counts(const struct scan *s, int32_t *m)
{
    *m++ = ln1p(s->digits);
    *m++ = flag(s->digits > 0);
    *m++ = flag(s->digits > 2);
    *m++ = flag(s->digits > 5);
    *m++ = ratio(s->digits, s->len);
    *m++ = ratio(s->uppers, s->len);
    *m++ = flag(s->uppers == 0);
    *m++ = ln1p(s->lines);
    *m++ = flag(s->lines > 0);
    *m++ = flag(s->questions > 0);
    *m++ = flag(s->questions > 1);
    *m++ = ln1p(s->commas);
    *m++ = ln1p(s->sentences);
    return m;
}

static int32_t *put_signs(const struct scan *s, int32_t *m)
{
    const unsigned char last = last_byte(s);
    *m++ = flag(s->len > 0 && s->text[0] >= 'A' && s->text[0] <= 'Z');
    *m++ = flag(last == '?');
    *m++ = flag(last == '.');
    *m++ = flag((s->options & 1) != 0);
    *m++ = flag((s->options & 4) != 0);
    *m++ = flag((s->options & 8) != 0);
    *m++ = flag((s->options & 16) != 0);
    *m++ = flag(s->choices);
    *m++ = flag(s->underscores);
    *m++ = flag(met(s, '$'));
    *m++ = flag(met(s, '"'));
    *m++ = flag(met(s, '%'));
    *m++ = flag(met(s, '='));
    return m;
}

void sprout_predict_read(const struct sprout_predict_text *text, const int16_t *ahead,
                         struct sprout_predict_features *out)
{
    unsigned char bytes[SPROUT_PREDICT_READ + 8];
    const size_t len = assemble(text, bytes);
    memset(bytes + len, 0, 8);

    uint64_t token[SPROUT_PREDICT_READ];
    struct scan s = {.text = bytes, .len = len, .token = token};
    scan_text(&s);
    add_features(token, s.tokens, ahead, out);
    int32_t *m = put_lengths(&s, text->bytes, out->mark);
    m = put_counts(&s, m);
    m = put_signs(&s, m);
    assert(m == out->mark + SPROUT_PREDICT_MARKS);
    out->code = s.code >= CODE_FROM;
}
