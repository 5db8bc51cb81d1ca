/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the reader of the journal.  What it accepts is written back as a line that it
 * accepts again. */
#include "fuzz.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[2][4 * SPROUT_RECORD_MAX], line[2][8 * SPROUT_RECORD_MAX];
    struct sprout_str s = {(const char *)data, size};

    for (int i = 0; i < 2; i++) {
        struct sprout_arena arena = sprout_arena_of(memory[i], sizeof memory[i]);
        struct sprout_record r;
        struct sprout_error err;
        const enum sprout_status status = sprout_record_read(s, &arena, &r, &err);
        if (status != SPROUT_OK) {
            fuzz_check(i == 0 || s.len > SPROUT_RECORD_MAX);
            return 0;
        }
        struct sprout_buf b = sprout_buf_of(line[i], sizeof line[i]);
        sprout_record_put(&b, &r);
        fuzz_check(!b.full);
        s = sprout_buf_str(&b);
    }
    fuzz_check(sprout_str_eq(s, (struct sprout_str){line[0], s.len}));
    return 0;
}
