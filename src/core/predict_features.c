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

/* Five counts in one word, so that a pass over the bytes is one addition for each. */
enum { COUNT_BITS = 12, COUNT_MASK = (1 << COUNT_BITS) - 1 };
enum { DIGITS, UPPERS, LINES, COMMAS, QUESTIONS };
#define ONE_OF(what) (UINT64_C(1) << (COUNT_BITS * (what)))

static_assert((int)SPROUT_PREDICT_READ <= (int)COUNT_MASK, "a count fits into its bits");

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

#define D(c) [c] = ONE_OF(DIGITS)
#define U(c) [c] = ONE_OF(UPPERS)
static const uint64_t counts_of[256] = {
    D('0'),
    D('1'),
    D('2'),
    D('3'),
    D('4'),
    D('5'),
    D('6'),
    D('7'),
    D('8'),
    D('9'),
    U('A'),
    U('B'),
    U('C'),
    U('D'),
    U('E'),
    U('F'),
    U('G'),
    U('H'),
    U('I'),
    U('J'),
    U('K'),
    U('L'),
    U('M'),
    U('N'),
    U('O'),
    U('P'),
    U('Q'),
    U('R'),
    U('S'),
    U('T'),
    U('U'),
    U('V'),
    U('W'),
    U('X'),
    U('Y'),
    U('Z'),
    ['\n'] = ONE_OF(LINES),
    [','] = ONE_OF(COMMAS),
    ['?'] = ONE_OF(QUESTIONS),
};
#undef D
#undef U

static int64_t count_in(uint64_t counts, int what)
{
    return (int64_t)(counts >> (COUNT_BITS * what) & COUNT_MASK);
}

/* ---- hashes ---------------------------------------------------------------------------- */

#define MULTIPLY_1 UINT64_C(0x9e3779b97f4a7c15)
#define MULTIPLY_2 UINT64_C(0xd6e8feb86659fd93)

/* What a hash is a feature of; each keeps the same words apart. */
enum feature { WORD = 1, PAIR, FIRST_1, FIRST_2, FIRST_3, LAST_1, LAST_2 };

static uint64_t load_8(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
           (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
           (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * MULTIPLY_1;
    return h ^ h >> 29;
}

/* A token's bytes with the bits of `fold` set in each: 0x20 makes letters small.  Eight
 * bytes past the end of the text may be looked at and are masked away. */
static uint64_t hash_token(const unsigned char *p, size_t len, unsigned char fold)
{
    const uint64_t folds = fold * UINT64_C(0x0101010101010101);
    uint64_t h = 0;
    for (; len > 8; p += 8, len -= 8) {
        h = mix(h, load_8(p) | folds);
    }
    const uint64_t mask = ~UINT64_C(0) >> (64 - 8 * len);
    return mix(h, (load_8(p) | folds) & mask);
}

/* ---- the pass over the tokens ----------------------------------------------------------- */

struct scan {
    struct sprout_predict_features *out;
    const unsigned char *text;
    size_t len;
    uint64_t tokens;
    uint64_t last[2]; /* hashes of the last token and the one before it */
    uint64_t words, letters, sentences;
    uint64_t seen; /* bit c & 63 of each other byte c met, kept for 0x20 to 0x3f ... */
    uint64_t seen_top;   /* ... and for 0x40 to 0x7f */
    uint32_t options;    /* bit i: "(A)" and on was met */
    bool choices;        /* the word */
    bool underscores;    /* three or more in a row */
    size_t first_option; /* where "(A)" begins a line for the last time; 0: nowhere */
    int code;            /* points of the rule for code */
    uint64_t rows[(SPROUT_PREDICT_ROWS + 63) / 64]; /* met so far */
};

static void add_feature(struct scan *s, enum feature kind, uint64_t h)
{
    h = (h ^ (uint64_t)kind) * MULTIPLY_2;
    h ^= h >> 32;
    const uint32_t row = (uint32_t)(((h & 0xffffffff) * SPROUT_PREDICT_ROWS) >> 32);
    const uint64_t bit = UINT64_C(1) << (row & 63);
    if ((s->rows[row >> 6] & bit) == 0) {
        s->rows[row >> 6] |= bit;
        s->out->row[s->out->count] = (uint16_t)row;
        s->out->tag[s->out->count] = (uint8_t)(h >> 60);
        s->out->count++;
    }
}

static void add_token(struct scan *s, uint64_t h)
{
    add_feature(s, WORD, h);
    if (s->tokens > 0) {
        add_feature(s, PAIR, mix(s->last[0], h));
    }
    if (s->tokens == 0) {
        add_feature(s, FIRST_1, h);
    } else if (s->tokens == 1) {
        add_feature(s, FIRST_2, mix(s->last[0], h));
    } else if (s->tokens == 2) {
        add_feature(s, FIRST_3, mix(mix(s->last[1], s->last[0]), h));
    }
    s->last[1] = s->last[0];
    s->last[0] = h;
    s->tokens++;
}

static void add_ends(struct scan *s)
{
    if (s->tokens > 0) {
        add_feature(s, LAST_1, s->last[0]);
    }
    if (s->tokens > 1) {
        add_feature(s, LAST_2, mix(s->last[1], s->last[0]));
    }
}

/* ---- code: a rule ------------------------------------------------------------------------ */

/* Words that are rare outside of programs, or of requests for one, and how far each of them
 * counts.  CODE_FROM points make a text code. */
enum { CODE_FROM = 4, CODE_FENCE = 4, CODE_LINE_END = 1, CODE_MARK = 1 };

static const struct {
    const char *word;
    int points;
} code_words[] = {
    {"bash", 2},       {"bool", 1},    {"char", 1},       {"compile", 2},
    {"const", 2},      {"cpp", 2},     {"css", 2},        {"def", 2},
    {"elif", 3},       {"endif", 3},   {"enum", 2},       {"foreach", 2},
    {"func", 2},       {"golang", 3},  {"html", 2},       {"ifdef", 3},
    {"impl", 2},       {"include", 1}, {"int", 1},        {"java", 2},
    {"javascript", 3}, {"json", 2},    {"lambda", 1},     {"namespace", 2},
    {"nullptr", 3},    {"printf", 3},  {"println", 3},    {"python", 3},
    {"regex", 3},      {"rust", 1},    {"sql", 3},        {"std", 2},
    {"struct", 2},     {"typedef", 3}, {"typescript", 3}, {"var", 2},
    {"void", 2},       {"xml", 2},     {"yaml", 2},
};

/* Bit l of row n: some word of n letters begins with letter l. */
static bool may_be_code(unsigned char first, size_t len)
{
    enum {
        B = 1 << 1,
        C = 1 << 2,
        D = 1 << 3,
        E = 1 << 4,
        F = 1 << 5,
        G = 1 << 6,
        H = 1 << 7,
        I = 1 << 8,
        J = 1 << 9,
        L = 1 << 11,
        N = 1 << 13,
        P = 1 << 15,
        R = 1 << 17,
        S = 1 << 18,
        T = 1 << 19,
        V = 1 << 21,
        X = 1 << 23,
        Y = 1 << 24
    };
    static const uint32_t first_letters[11] = {
        [3] = C | D | I | S | V | X,
        [4] = B | C | E | F | H | I | J | R | V | Y,
        [5] = C | E | I | R,
        [6] = G | L | P | S,
        [7] = C | F | I | N | P | T,
        [9] = N,
        [10] = J | T,
    };
    return len < 11 && (first_letters[len] >> ((first | 0x20) - 'a') & 1) != 0;
}

static int code_points(const unsigned char *word, size_t len)
{
    if (!may_be_code(word[0], len)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof code_words / sizeof *code_words; i++) {
        if (sprout_str_ieq((struct sprout_str){(const char *)word, len},
                           sprout_str_of(code_words[i].word))) {
            return code_words[i].points;
        }
    }
    return 0;
}

/* ---- tokens ---------------------------------------------------------------------------- */

static size_t scan_word(struct scan *s, size_t at)
{
    size_t end = at + 1;
    while (end < s->len && class_of[s->text[end]] == LETTER) {
        end++;
    }
    const size_t len = end - at;
    add_token(s, hash_token(s->text + at, len, 0x20));
    s->words++;
    s->letters += len;
    s->code += code_points(s->text + at, len);
    s->choices = s->choices || (len == 7 && memcmp(s->text + at, "Choices", 7) == 0);
    return end;
}

static size_t scan_number(struct scan *s, size_t at)
{
    size_t end = at + 1;
    while (end < s->len && class_of[s->text[end]] == DIGIT) {
        end++;
    }
    const size_t digits = end - at < 5 ? end - at : 5;
    const unsigned char token[8] = {'#', (unsigned char)('0' + digits)};
    add_token(s, hash_token(token, 2, 0));
    return end;
}

/* A code point above ASCII; a damaged one ends where its bytes do. */
static size_t scan_high(struct scan *s, size_t at)
{
    size_t end = at + 1;
    while (end < s->len && end < at + 4 && (s->text[end] & 0xc0) == 0x80) {
        end++;
    }
    add_token(s, hash_token(s->text + at, end - at, 0));
    return end;
}

static bool ends_line(const struct scan *s, size_t at)
{
    return at + 1 >= s->len || s->text[at + 1] == '\n';
}

/* The byte after `at` is looked at beyond the end too: what lies there is zero. */
static void note_mark(struct scan *s, size_t at)
{
    const unsigned char *const p = s->text + at;
    s->seen |= *p < 0x40 ? UINT64_C(1) << *p : 0;
    s->seen_top |= *p >= 0x40 ? UINT64_C(1) << (*p & 63) : 0;
    if ((*p == '.' || *p == '?') && p[1] == ' ') {
        s->sentences++;
    } else if (*p == '(' && p[1] >= 'A' && p[1] <= 'E' && p[2] == ')') {
        s->options |= 1u << (p[1] - 'A');
        if (p[1] == 'A' && at > 0 && p[-1] == '\n') {
            s->first_option = at;
        }
    } else if (*p == '_' && p[1] == '_' && p[2] == '_') {
        s->underscores = true;
    } else if (*p == '`' && p[1] == '`' && p[2] == '`') {
        s->code += CODE_FENCE;
    } else if ((*p == ';' || *p == '{' || *p == '}') && ends_line(s, at)) {
        s->code += CODE_LINE_END;
    } else if ((*p == '(' && p[1] == ')') || (*p == '=' && p[1] == '=') ||
               (*p == '-' && p[1] == '>') || (*p == '<' && p[1] == '/')) {
        s->code += CODE_MARK;
    }
}

static void scan_text(struct scan *s)
{
    for (size_t at = 0; at < s->len;) {
        switch ((enum byte_class)class_of[s->text[at]]) {
        case BLANK:
            at++;
            break;
        case LETTER:
            at = scan_word(s, at);
            break;
        case DIGIT:
            at = scan_number(s, at);
            break;
        case HIGH:
            at = scan_high(s, at);
            break;
        case OTHER:
            note_mark(s, at);
            add_token(s, hash_token(s->text + at, 1, 0));
            at++;
            break;
        case LINE:
            add_token(s, hash_token(s->text + at, 1, 0));
            at++;
            break;
        }
    }
    add_ends(s);
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
    return c < 0x40 ? (s->seen >> c & 1) != 0 : (s->seen_top >> (c & 63) & 1) != 0;
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

static int32_t *put_counts(const struct scan *s, uint64_t counts, int32_t *m)
{
    const uint64_t digits = (uint64_t)count_in(counts, DIGITS);
    const uint64_t uppers = (uint64_t)count_in(counts, UPPERS);
    const uint64_t lines = (uint64_t)count_in(counts, LINES);
    const uint64_t questions = (uint64_t)count_in(counts, QUESTIONS);
    *m++ = ln1p(digits);
    *m++ = flag(digits > 0);
    *m++ = flag(digits > 2);
    *m++ = flag(digits > 5);
    *m++ = ratio(digits, s->len);
    *m++ = ratio(uppers, s->len);
    *m++ = flag(uppers == 0);
    *m++ = ln1p(lines);
    *m++ = flag(lines > 0);
    *m++ = flag(questions > 0);
    *m++ = flag(questions > 1);
    *m++ = ln1p((uint64_t)count_in(counts, COMMAS));
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

void sprout_predict_read(const struct sprout_predict_text *text,
                         struct sprout_predict_features *out)
{
    unsigned char bytes[SPROUT_PREDICT_READ + 8];
    const size_t len = assemble(text, bytes);
    memset(bytes + len, 0, 8);

    struct scan s = {.out = out, .text = bytes, .len = len};
    out->count = 0;
    scan_text(&s);

    uint64_t counts = 0;
    for (size_t i = 0; i < len; i++) {
        counts += counts_of[bytes[i]];
    }
    int32_t *m = put_lengths(&s, text->bytes, out->mark);
    m = put_counts(&s, counts, m);
    m = put_signs(&s, m);
    assert(m == out->mark + SPROUT_PREDICT_MARKS);
    out->code = s.code >= CODE_FROM;
}
