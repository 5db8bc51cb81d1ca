/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the scanner.  Events must not depend on the cut; what is accepted must be
 * balanced.  The first byte is the length of the pieces. */
#include "fuzz.h"
#include "wire/json.h"

struct trace {
    struct sprout_json json;
    uint64_t digest;
    uint64_t text;
    uint32_t open;
};

static void on_event(void *ctx, const struct sprout_json_event *e)
{
    struct trace *t = ctx;
    fuzz_check(e->depth <= SPROUT_JSON_DEPTH_MAX && e->at < e->end);
    if (e->kind == SPROUT_JSON_TEXT) {
        t->text = fuzz_mix(t->text, e->text);
        return;
    }
    t->digest = fuzz_mix_u64(t->digest, (uint64_t)e->kind);
    t->digest = fuzz_mix_u64(t->digest, e->at);
    t->digest = fuzz_mix_u64(t->digest, e->end);
    t->digest = fuzz_mix_u64(t->digest, t->text);
    t->digest = fuzz_mix(t->digest, e->text);
    if (e->kind == SPROUT_JSON_OBJECT || e->kind == SPROUT_JSON_ARRAY) {
        t->open++;
    } else if (e->kind == SPROUT_JSON_OBJECT_END || e->kind == SPROUT_JSON_ARRAY_END) {
        fuzz_check(t->open-- > 0);
    } else if (e->kind == SPROUT_JSON_STRING) {
        sprout_json_want_text(&t->json);
    }
}

static enum sprout_status scan(struct trace *t, const char *bytes, size_t len,
                               size_t piece)
{
    t->digest = t->text = t->open = 0;
    sprout_json_start(&t->json, on_event, t);
    for (size_t at = 0; at < len; at += piece) {
        (void)sprout_json_feed(&t->json, bytes + at, len - at < piece ? len - at : piece);
    }
    const enum sprout_status s = sprout_json_finish(&t->json);
    fuzz_check(s == SPROUT_OK || s == SPROUT_SYNTAX || s == SPROUT_LIMIT);
    fuzz_check(s != SPROUT_OK || t->open == 0);
    t->digest = fuzz_mix_u64(t->digest, t->text);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace whole, cut;
    if (size < 2) {
        return 0;
    }
    const char *bytes = (const char *)data + 1;
    const enum sprout_status a = scan(&whole, bytes, size - 1, size);
    const enum sprout_status b = scan(&cut, bytes, size - 1, 1u + data[0] % 32);
    fuzz_check(a == b && whole.digest == cut.digest);
    fuzz_check(whole.json.problem_at == cut.json.problem_at);
    return 0;
}
