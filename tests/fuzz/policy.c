/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the policy reader.  What it accepts can be written, and reads back as the
 * same text. */
#include "fuzz.h"
#include "wire/policy_json.h"

static char memory[SPROUT_POLICY_MEMORY];
static char first[4 * SPROUT_POLICY_BYTES_MAX];
static char second[4 * SPROUT_POLICY_BYTES_MAX];

static bool write_again(struct sprout_str json, char *into, size_t cap,
                        struct sprout_str *out)
{
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_policy *p = NULL;
    struct sprout_error err = {0};
    const enum sprout_status s = sprout_policy_read(json, &arena, &p, &err);
    fuzz_check((s == SPROUT_OK) == (p != NULL));
    fuzz_check(s == SPROUT_OK || err.message[0] != '\0');
    fuzz_check(s != SPROUT_NO_MEMORY);
    if (s != SPROUT_OK) {
        return false;
    }
    struct sprout_buf b = sprout_buf_of(into, cap);
    fuzz_check(sprout_policy_write(p, &b) == SPROUT_OK);
    *out = sprout_buf_str(&b);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sprout_str a, b;
    const struct sprout_str json = {(const char *)data, size};
    if (write_again(json, first, sizeof first, &a) && a.len <= SPROUT_POLICY_BYTES_MAX) {
        fuzz_check(write_again(a, second, sizeof second, &b));
        fuzz_check(sprout_str_eq(a, b));
    }
    return 0;
}
