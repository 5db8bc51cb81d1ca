/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - SipHash-2-4, fed in pieces; checked against the vectors of its paper. */
#include "base/hash.h"

static uint64_t rotl(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void mix_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
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
    for (int i = 0; i < 4; i++) {
        sip_round(h.v);
    }
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
