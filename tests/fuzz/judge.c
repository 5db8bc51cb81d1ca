/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the reader of a judge's reply.  Only answers that were shown are named, and
 * what was shown of fewer answers is never named of more: a reply that reads with two slots
 * reads the same with three, but for a tie of all. */
#include "fuzz.h"
#include "wire/judge_text.h"
#include "wire/json.h"

static void fuzz_ignore(void *ctx, const struct sprout_json_event *e)
{
    (void)ctx;
    (void)e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char body[1 << 20];
    const struct sprout_str s = {(const char *)data, size};
    const uint32_t two = sprout_judge_read(s, 2), three = sprout_judge_read(s, 3);

    fuzz_check(two < 4 && three < 8);
    fuzz_check(two == 0 || three == two || (two == 3 && three == 7));

    /* The same bytes as a prompt and as an answer give a request that is JSON. */
    struct sprout_buf b = sprout_buf_of(body, sizeof body);
    const struct sprout_str answers[] = {s, s};
    sprout_judge_put(&b, &(struct sprout_judge_ask){
                             .model = s, .prompt = s, .answers = answers, .count = 2});
    if (!b.full) {
        struct sprout_json j;
        sprout_json_start(&j, fuzz_ignore, NULL);
        (void)sprout_json_feed(&j, b.ptr, b.len);
        fuzz_check(sprout_json_finish(&j) == SPROUT_OK);
    }
    return 0;
}
