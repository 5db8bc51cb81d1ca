/* SPDX-License-Identifier: Apache-2.0 */
/* predict_pack.c - what was read off a text as a few hundred bytes, and back.
 *
 *     version, code, marks (41 signed varints), count (varint), then of each row, ascending:
 *     (row * 32 + tag) less the one before, as a varint
 *
 * Ascending, so that the order of the words is not kept.  Reading trusts nothing: it is
 * bytes from a file. */
#include "core/predict_model.h"

enum {
    VERSION = 1,
    TAG_BITS = 5,
    NO_TAG = 0xff,
    VARINT_MAX = 5, /* bytes of a uint32 */
    ROWS = SPROUT_PREDICT_ROWS,
    MARKS = SPROUT_PREDICT_MARKS,
};

static_assert(SPROUT_PREDICT_PACKED_MAX >=
                  2 + VARINT_MAX * (MARKS + 1 + SPROUT_PREDICT_FEATURES),
              "whatever is read off a text fits");
static_assert(1 << TAG_BITS == SPROUT_PREDICT_TAGS, "a tag has its bits");

static size_t put_varint(unsigned char *to, uint32_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        to[n++] = (unsigned char)(v | 0x80);
    }
    to[n++] = (unsigned char)v;
    return n;
}

/* 1, -1, 2, -2 ... as 2, 1, 4, 3 ... */
static uint32_t fold_sign(int32_t v)
{
    return v < 0 ? ~((uint32_t)v << 1) : (uint32_t)v << 1;
}

size_t sprout_predict_pack(const struct sprout_predict_features *f,
                           unsigned char out[SPROUT_PREDICT_PACKED_MAX])
{
    unsigned char tag_of[ROWS];
    size_t n = 0;
    uint32_t last = 0;

    memset(tag_of, NO_TAG, sizeof tag_of);
    for (uint32_t i = 0; i < f->count; i++) {
        tag_of[f->row[i]] = f->tag[i];
    }
    out[n++] = VERSION;
    out[n++] = f->code;
    for (int m = 0; m < MARKS; m++) {
        n += put_varint(out + n, fold_sign(f->mark[m]));
    }
    n += put_varint(out + n, f->count);
    for (uint32_t row = 0; row < ROWS; row++) {
        if (tag_of[row] != NO_TAG) {
            const uint32_t key = row << TAG_BITS | tag_of[row];
            n += put_varint(out + n, key - last);
            last = key;
        }
    }
    return n;
}

struct unpacking {
    struct sprout_str s; /* what is left */
    bool bad;
};

static uint32_t take_varint(struct unpacking *u)
{
    uint64_t v = 0;
    for (size_t n = 0; n < VARINT_MAX && n < u->s.len; n++) {
        const unsigned char c = (unsigned char)u->s.ptr[n];
        v |= (uint64_t)(c & 0x7f) << 7 * n;
        if (c < 0x80 && v <= UINT32_MAX) {
            u->s = (struct sprout_str){u->s.ptr + n + 1, u->s.len - n - 1};
            return (uint32_t)v;
        }
    }
    u->bad = true;
    return 0;
}

static void take_rows(struct unpacking *u, struct sprout_predict_features *f)
{
    uint64_t key = 0;
    int64_t last_row = -1;

    for (uint32_t i = 0; i < f->count && !u->bad; i++) {
        key += take_varint(u);
        const uint64_t row = key >> TAG_BITS;
        if (row >= ROWS || (int64_t)row <= last_row) {
            u->bad = true;
            return;
        }
        last_row = (int64_t)row;
        f->row[i] = (uint16_t)row;
        f->tag[i] = (uint8_t)(key & (SPROUT_PREDICT_TAGS - 1));
    }
}

bool sprout_predict_unpack(struct sprout_str bytes, struct sprout_predict_features *out)
{
    struct unpacking u = {.s = bytes};

    if (take_varint(&u) != VERSION) {
        return false;
    }
    const uint32_t code = take_varint(&u);
    out->code = code != 0;
    for (int m = 0; m < MARKS; m++) {
        const uint32_t v = take_varint(&u);
        out->mark[m] = (int32_t)(v >> 1 ^ (0 - (v & 1)));
    }
    out->count = take_varint(&u);
    if (u.bad || code > 1 || out->count > SPROUT_PREDICT_FEATURES) {
        return false;
    }
    take_rows(&u, out);
    return !u.bad && u.s.len == 0;
}
