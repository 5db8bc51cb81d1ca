/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - getrandom(2), until all bytes are there. */
#include "adapt/rng.h"

#include <errno.h>
#include <sys/random.h>

enum sprout_status sprout_rng_fill(void *bytes, size_t len)
{
    char *to = bytes;
    while (len > 0) {
        const ssize_t got = getrandom(to, len, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return SPROUT_IO;
        }
        to += got;
        len -= (size_t)got;
    }
    return SPROUT_OK;
}

enum sprout_status sprout_rng_key(struct sprout_hash_key *out)
{
    struct sprout_hash_key key;
    const enum sprout_status status = sprout_rng_fill(&key, sizeof key);
    if (status == SPROUT_OK) {
        *out = key;
    }
    return status;
}
