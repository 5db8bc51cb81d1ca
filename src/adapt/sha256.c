/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.c - see sha256.h; the digest itself is libcrypto's. */
#include "adapt/sha256.h"

#include <openssl/evp.h>

enum sprout_status sprout_sha256_hex(struct sprout_str bytes,
                                     char out_hex[SPROUT_SHA256_HEX],
                                     struct sprout_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (EVP_Digest(bytes.len > 0 ? bytes.ptr : "", bytes.len, md, &n, EVP_sha256(),
                   NULL) != 1 ||
        n != (SPROUT_SHA256_HEX - 1) / 2) {
        return sprout_fail(err, SPROUT_FAILED, "libcrypto has no SHA-256");
    }
    for (unsigned int i = 0; i < n; i++) {
        out_hex[2 * i] = digits[md[i] >> 4];
        out_hex[2 * i + 1] = digits[md[i] & 15];
    }
    out_hex[SPROUT_SHA256_HEX - 1] = '\0';
    return SPROUT_OK;
}
