/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the fuzz targets share: an assertion that never compiles away, and a
 * digest. */
#ifndef SPROUT_TESTS_FUZZ_H
#define SPROUT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "wire/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(claim)                                                                \
    do {                                                                                 \
        if (!(claim)) {                                                                  \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim);          \
            abort();                                                                     \
        }                                                                                \
    } while (0)

/* FNV-1a, by bytes: the same however they are cut. */
static inline uint64_t fuzz_mix(uint64_t h, struct sprout_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static inline uint64_t fuzz_mix_u64(uint64_t h, uint64_t v)
{
    return fuzz_mix(h ^ UINT64_C(0xcbf29ce484222325),
                    (struct sprout_str){(const char *)&v, sizeof v});
}

/* One of the APIs. */
static inline const struct sprout_dialect *fuzz_dialect(unsigned which)
{
    static const char *const paths[] = {
        "/v1/chat/completions", "/v1/completions", "/v1/responses",
        "/v1/messages",         "/api/chat",       "/api/generate"};
    return sprout_dialect_find(
        SPROUT_STR("POST"),
        sprout_str_of(paths[which % (sizeof paths / sizeof paths[0])]));
}

#endif
