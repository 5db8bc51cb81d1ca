/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the tap.  The first byte picks API, framing and stripping, the second the
 * pieces.  Counts and forwarded bytes must not depend on the cut; nothing is added, and
 * without stripping nothing is left out. */
#include "fuzz.h"
#include "wire/tap.h"

struct sink {
    uint64_t digest;
    size_t len;
    size_t end_at;
};

static void take(void *ctx, const char *bytes, size_t len)
{
    struct sink *s = ctx;
    s->digest = fuzz_mix(s->digest, (struct sprout_str){bytes, len});
    s->len += len;
}

static void note_end(void *ctx)
{
    struct sink *s = ctx;
    fuzz_check(s->end_at == SIZE_MAX);
    s->end_at = s->len;
}

static struct sprout_tap_result run(uint8_t how, const char *bytes, size_t len,
                                    size_t piece, struct sink *s)
{
    static char memory[SPROUT_TAP_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sprout_tap *t =
        sprout_tap_new(&arena, fuzz_dialect(how), (enum sprout_framing)((how >> 3) % 4),
                       (how & 32) != 0);
    fuzz_check(t != NULL);
    *s = (struct sink){.end_at = SIZE_MAX};
    sprout_tap_before_end(t, note_end, s);
    for (size_t at = 0; at < len; at += piece) {
        sprout_tap_strip(t, bytes + at, len - at < piece ? len - at : piece, take, s);
    }
    return sprout_tap_finish(t, take, s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sink whole, cut;
    if (size < 3) {
        return 0;
    }
    const char *bytes = (const char *)data + 2;
    const size_t len = size - 2;
    const struct sprout_tap_result a = run(data[0], bytes, len, len, &whole);
    const struct sprout_tap_result b = run(data[0], bytes, len, 1u + data[1], &cut);

    fuzz_check(a.usage.prompt.n == b.usage.prompt.n);
    fuzz_check(a.usage.cached.n == b.usage.cached.n);
    fuzz_check(a.usage.completion.n == b.usage.completion.n);
    fuzz_check(a.usage.reasoning.n == b.usage.reasoning.n);
    fuzz_check(a.source == b.source && a.terminal == b.terminal);
    fuzz_check(a.error == b.error && a.blind == b.blind);
    fuzz_check(a.usage.prompt.n < 4 * SPROUT_TOKENS_MAX);
    if (len <= SPROUT_TAP_HOLD_MAX) { /* what is too large to hold depends on the cut */
        fuzz_check(whole.digest == cut.digest && whole.end_at == cut.end_at);
    }
    if ((data[0] & 32) == 0) {
        fuzz_check(whole.digest == fuzz_mix(0, (struct sprout_str){bytes, len}));
    }
    fuzz_check(whole.len <= len && cut.len <= len);
    return 0;
}
