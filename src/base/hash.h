/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - a keyed hash that arrives in pieces: SipHash-2-4 (Aumasson, Bernstein 2012).
 *
 * Every random-looking choice of the request path is this hash of something, so that all
 * nodes agree and nothing is stored.  Keyed, because the hash of a conversation stands in
 * the journal: without the salt nobody can try prompts against it.
 * Any way of cutting the input into sprout_hash_feed() calls gives the same value.
 * Not here: hashes of API keys (SHA-256, from the outside world). */
#ifndef SPROUT_BASE_HASH_H
#define SPROUT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct sprout_hash_key {
    uint64_t k0;
    uint64_t k1;
};

struct sprout_hash {
    uint64_t v[4];
    uint64_t tail; /* bytes not yet mixed, little endian */
    uint64_t count;
};

struct sprout_hash sprout_hash_begin(struct sprout_hash_key key);
void sprout_hash_feed(struct sprout_hash *h, const void *bytes, size_t len);
void sprout_hash_u64(struct sprout_hash *h, uint64_t v); /* as 8 bytes, LE */
uint64_t sprout_hash_end(struct sprout_hash h);

/* All in one. */
uint64_t sprout_hash_str(struct sprout_hash_key key, struct sprout_str s);

/* The top 53 bits as a fraction in [0, 1). */
double sprout_hash_unit(uint64_t hash);

#endif
