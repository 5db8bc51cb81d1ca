/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: inspect and rewrite.  The first byte picks API, placement and pieces.
 *
 * Facts must not depend on the cut; edits are in order and in bounds; a body that was given
 * a directive is one that has had its injection (D9), and is JSON still. */
#include "fuzz.h"
#include "wire/rewrite.h"
#include "wire/shape.h"

static const struct sprout_level levels[] = {
    {SPROUT_KEY("L0"), {"", 0}},
    {SPROUT_KEY("L1"), SPROUT_KEY("Be \"brief\".")},
};

static const enum sprout_placement placements[] = {
    SPROUT_PLACEMENT_AUTO, SPROUT_PLACEMENT_FIRST_USER, SPROUT_PLACEMENT_LAST_USER,
    SPROUT_PLACEMENT_SYSTEM};

/* Every parameter there is. */
#define PATCH(api, parameter, value)                                                     \
    {                                                                                    \
        1, SPROUT_KEY(api), SPROUT_KEY(parameter), SPROUT_KEY(value), SPROUT_KEY("*"),   \
        {                                                                                \
            NULL, 0                                                                      \
        }                                                                                \
    }
static const struct sprout_patch patches[] = {
    PATCH("openai-chat", "verbosity", "low"),
    PATCH("openai-chat", "reasoning_effort", "none"),
    PATCH("openai-chat", "chat_template_kwargs.enable_thinking", "true"),
    PATCH("anthropic-messages", "output_config.effort", "low"),
    PATCH("openai-responses", "text.verbosity", "low"),
    PATCH("openai-responses", "reasoning.effort", "low"),
    PATCH("ollama-chat", "think", "false"),
    PATCH("ollama-generate", "think", "low"),
};

static char *spliced;
static size_t spliced_cap;

static struct sprout_facts inspect(const struct sprout_dialect *d, unsigned placement,
                                   const char *bytes, size_t len, size_t piece)
{
    static char memory[SPROUT_INSPECT_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_inspect_opts opts = {
        .switches = {.placement = placements[placement % 4], .with_completions = true},
        .last_user = placement % 8 >= 4,
        .levels = levels,
        .level_count = sizeof levels / sizeof levels[0],
    };
    struct sprout_inspect *i = sprout_inspect_new(&arena, d, &opts);
    fuzz_check(i != NULL);
    for (size_t at = 0; at < len; at += piece) {
        sprout_inspect_feed(i, bytes + at, len - at < piece ? len - at : piece);
    }
    return sprout_inspect_finish(i);
}

static struct sprout_str apply(const struct sprout_edits *edits, struct sprout_str body)
{
    const size_t cap = body.len + 4096;
    if (cap > spliced_cap) {
        free(spliced);
        spliced = malloc(cap);
        spliced_cap = spliced == NULL ? 0 : cap;
        fuzz_check(spliced != NULL);
    }
    struct sprout_buf b = sprout_buf_of(spliced, spliced_cap);
    uint64_t at = 0;
    for (size_t i = 0; i < edits->n; i++) {
        const struct sprout_edit *e = &edits->v[i];
        fuzz_check(e->at >= at && e->at + e->drop <= body.len);
        sprout_buf_put(&b, (struct sprout_str){body.ptr + at, (size_t)(e->at - at)});
        sprout_buf_put(&b, e->put);
        at = e->at + e->drop;
    }
    sprout_buf_put(&b, (struct sprout_str){body.ptr + at, (size_t)(body.len - at)});
    fuzz_check(!b.full && b.len == sprout_rewrite_length(edits, body.len));
    return sprout_buf_str(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[16 * 1024];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sprout_rewrite_text text;
    if (size < 2) {
        return 0;
    }
    const struct sprout_dialect *d = fuzz_dialect(data[0]);
    const unsigned placement = data[0] >> 3;
    const struct sprout_str body = {(const char *)data + 1, size - 1};

    const struct sprout_facts whole = inspect(d, placement, body.ptr, body.len, size);
    const struct sprout_facts cut =
        inspect(d, placement, body.ptr, body.len, 1u + data[0] % 7);
    fuzz_check(whole.eligible == cut.eligible && whole.blocked == cut.blocked);
    fuzz_check(whole.conversation == cut.conversation && whole.turns == cut.turns);
    fuzz_check(whole.place.at == cut.place.at && whole.place.form == cut.place.form);
    fuzz_check(whole.object_end == cut.object_end);

    struct sprout_policy policy = {
        .level_count = 2,
        .patches = patches,
        .patch_count = data[0] % 2 == 0 ? sizeof patches / sizeof patches[0] : 0,
    };
    memcpy(policy.levels, levels, sizeof levels);
    fuzz_check(sprout_rewrite_level_make(&arena, d, &policy, 1, &text) == SPROUT_OK);
    struct sprout_edits edits = sprout_rewrite_plan(d, &whole, &text, true);
    fuzz_check(whole.eligible == edits.directive);
    sprout_rewrite_patch(&edits, d, &whole, &text, SPROUT_STR("/v1"));
    fuzz_check(whole.eligible || !edits.patched);
    const struct sprout_str out = apply(&edits, body);
    const struct sprout_facts again = inspect(d, placement, out.ptr, out.len, out.len);
    if (edits.directive) {
        fuzz_check(!again.eligible &&
                   (again.blocked == SPROUT_REASON_ALREADY ||
                    (edits.patched && again.blocked == SPROUT_REASON_CLIENT_CHOSE)));
    } else {
        fuzz_check(again.blocked == whole.blocked);
    }
    return 0;
}
