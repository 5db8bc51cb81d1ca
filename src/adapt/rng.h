/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h - unpredictable bytes from the kernel, for salts and ids.
 *
 * Not here: reproducible draws, which are hashes (base/hash.h). */
#ifndef SPROUT_ADAPT_RNG_H
#define SPROUT_ADAPT_RNG_H

#include <stddef.h>

#include "base/hash.h"
#include "base/status.h"

/* SPROUT_IO when the kernel has none to give. */
SPROUT_MUST_USE enum sprout_status sprout_rng_fill(void *bytes, size_t len);
SPROUT_MUST_USE enum sprout_status sprout_rng_key(struct sprout_hash_key *out);

#endif
