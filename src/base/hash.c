/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - SipHash-2-4, fed in pieces; checked against the vectors of its paper. */
#include "base/hash.h"

static uint64_t rotl(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* `n` rounds; the state is in registers meanwhile. */
static inline void sip_rounds(uint64_t v[4], int n)
{
    uint64_t a = v[0];
    uint64_t b = v[1];
    uint64_t c = v[2];
    uint64_t d = v[3];

    while (n-- > 0) {
        a += b;
        b = rotl(b, 13) ^ a;
        a = rotl(a, 32);
        c += d;
        d = rotl(d, 16) ^ c;
        a += d;
        d = rotl(d, 21) ^ a;
        c += b;
        b = rotl(b, 17) ^ c;
        c = rotl(c, 32);
    }
    v[0] = a;
    v[1] = b;
    v[2] = c;
    v[3] = d;
}

static void mix_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

struct sprout_hash sprout_hash_begin(struct sprout_hash_key key)
{
    return (struct sprout_hash){
        .v = {key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du,
              key.k0 ^ 0x6c7967656e657261u, key.k1 ^ 0x7465646279746573u}};
}

static uint64_t load_word(const unsigned char *p)
{
    uint64_t w = 0;
    for (int i = 7; i >= 0; i--) {
        w = w << 8 | p[i];
    }
    return w;
}

static void feed_byte(struct sprout_hash *h, unsigned char byte)
{
    h->tail |= (uint64_t)byte << (8 * (h->count & 7));
    if ((++h->count & 7) == 0) {
        mix_word(h->v, h->tail);
        h->tail = 0;
    }
}

void sprout_hash_feed(struct sprout_hash *h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    while (len > 0 && (h->count & 7) != 0) {
        feed_byte(h, *p++);
        len--;
    }
    for (; len >= 8; len -= 8, p += 8, h->count += 8) {
        mix_word(h->v, load_word(p));
    }
    while (len-- > 0) {
        feed_byte(h, *p++);
    }
}

void sprout_hash_u64(struct sprout_hash *h, uint64_t v)
{
    if ((h->count & 7) == 0) {
        mix_word(h->v, v);
        h->count += 8;
        return;
    }
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(v >> (8 * i));
    }
    sprout_hash_feed(h, bytes, sizeof bytes);
}

uint64_t sprout_hash_end(struct sprout_hash h)
{
    mix_word(h.v, h.tail | h.count << 56);
    h.v[2] ^= 0xff;
    sip_rounds(h.v, 4);
    return h.v[0] ^ h.v[1] ^ h.v[2] ^ h.v[3];
}

uint64_t sprout_hash_str(struct sprout_hash_key key, struct sprout_str s)
{
    struct sprout_hash h = sprout_hash_begin(key);
    sprout_hash_feed(&h, s.ptr, s.len);
    return sprout_hash_end(h);
}

double sprout_hash_unit(uint64_t hash)
{
    return (double)(hash >> 11) * 0x1p-53;
}
