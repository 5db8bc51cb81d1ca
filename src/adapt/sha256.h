/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h - the fingerprint of a file's bytes, as reports and configurations print it.
 *
 * Not here: hashes of the request path (base/hash.h).  Threads: any. */
#ifndef SPROUT_ADAPT_SHA256_H
#define SPROUT_ADAPT_SHA256_H

#include "base/status.h"
#include "base/str.h"

enum { SPROUT_SHA256_HEX = 65 }; /* 64 lower-case digits and a NUL */

/* SPROUT_FAILED when the library has no SHA-256 (a restricted provider). */
SPROUT_MUST_USE enum sprout_status sprout_sha256_hex(struct sprout_str bytes,
                                                     char out_hex[SPROUT_SHA256_HEX],
                                                     struct sprout_error *err);

#endif
