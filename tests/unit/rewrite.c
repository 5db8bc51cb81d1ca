/* SPDX-License-Identifier: Apache-2.0 */
/* The golden cases of tests/golden/splice.txt: claim, request, what leaves.
 *
 * A request line begins with @level=N and options: usage, tools, completions, a placement,
 * patch (the level's parameters too), bare (without its directive), api=PATH (chat where none
 * is given).
 * The expected line is the whole body, byte for byte, or `untouched [REASON]`.  Each case
 * runs whole and in single bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "wire/rewrite.h"
#include "wire/shape.h"

enum { LINE_MAX_BYTES = 4096, MEMORY = 128 * 1024 };

static const struct sprout_level levels[] = {
    {SPROUT_KEY("L0"), {0}},
    {SPROUT_KEY("L1"), SPROUT_KEY("<directive-1>")},
    {SPROUT_KEY("L2"), SPROUT_KEY("say \"less\"\tthan that\\")},
    {SPROUT_KEY("L3"), SPROUT_KEY("<directive-3>")},
};

/* Patches of the cases, by the option `patch=N`; of one number all are the level's. */
static const struct sprout_patch patches[] = {
    {3,
     SPROUT_KEY("openai-chat"),
     SPROUT_KEY("chat_template_kwargs.enable_thinking"),
     SPROUT_KEY("false"),
     SPROUT_KEY("*"),
     {0}},
    {3,
     SPROUT_KEY("anthropic-messages"),
     SPROUT_KEY("output_config.effort"),
     SPROUT_KEY("low"),
     SPROUT_KEY("*"),
     {0}},
    {1,
     SPROUT_KEY("openai-chat"),
     SPROUT_KEY("verbosity"),
     SPROUT_KEY("low"),
     SPROUT_KEY("*"),
     {0}},
    {1,
     SPROUT_KEY("openai-chat"),
     SPROUT_KEY("reasoning_effort"),
     SPROUT_KEY("minimal"),
     SPROUT_KEY("m*"),
     {0}},
    {1,
     SPROUT_KEY("openai-responses"),
     SPROUT_KEY("text.verbosity"),
     SPROUT_KEY("low"),
     SPROUT_KEY("*"),
     {0}},
    {1, SPROUT_KEY("openai-responses"), SPROUT_KEY("reasoning.effort"), SPROUT_KEY("low"),
     SPROUT_KEY("m"), SPROUT_KEY("/v1/*")},
    {1,
     SPROUT_KEY("ollama-chat"),
     SPROUT_KEY("think"),
     SPROUT_KEY("false"),
     SPROUT_KEY("*"),
     {0}},
    {1,
     SPROUT_KEY("ollama-generate"),
     SPROUT_KEY("think"),
     SPROUT_KEY("low"),
     SPROUT_KEY("*"),
     {0}},
    {2,
     SPROUT_KEY("openai-chat"),
     SPROUT_KEY("verbosity"),
     SPROUT_KEY("high"),
     SPROUT_KEY("other"),
     {0}},
};

struct run {
    bool patch; /* also the patches of the level */
    bool bare;  /* without its directive */
    size_t level;
    bool usage;
    struct sprout_inspect_opts opts;
    const struct sprout_dialect *dialect;
};

static void run_option(struct run *run, struct sprout_str word)
{
    static const struct {
        struct sprout_str name;
        enum sprout_placement placement;
    } placements[] = {
        {SPROUT_KEY("first-user"), SPROUT_PLACEMENT_FIRST_USER},
        {SPROUT_KEY("last-user"), SPROUT_PLACEMENT_LAST_USER},
        {SPROUT_KEY("system"), SPROUT_PLACEMENT_SYSTEM},
    };
    for (size_t i = 0; i < sizeof placements / sizeof placements[0]; i++) {
        if (sprout_str_eq(word, placements[i].name)) {
            run->opts.switches.placement = placements[i].placement;
            return;
        }
    }
    if (sprout_str_starts(word, SPROUT_STR("level="))) {
        run->level = (size_t)(word.ptr[6] - '0');
    } else if (sprout_str_starts(word, SPROUT_STR("api="))) {
        const struct sprout_str path = {word.ptr + 4, word.len - 4};
        run->dialect = sprout_dialect_find(SPROUT_STR("POST"), path);
    } else if (sprout_str_eq(word, SPROUT_STR("usage"))) {
        run->usage = true;
    } else if (sprout_str_eq(word, SPROUT_STR("patch"))) {
        run->patch = true;
    } else if (sprout_str_eq(word, SPROUT_STR("bare"))) {
        run->bare = true;
    } else if (sprout_str_eq(word, SPROUT_STR("tools"))) {
        run->opts.switches.with_tools = true;
    } else if (sprout_str_eq(word, SPROUT_STR("completions"))) {
        run->opts.switches.with_completions = true;
    } else {
        fail_msg("unknown option %.*s", (int)word.len, word.ptr);
    }
}

/* "@a,b,c BODY" */
static struct sprout_str run_parse(struct run *run, struct sprout_str line)
{
    *run = (struct run){
        .opts = {.levels = levels, .level_count = sizeof levels / sizeof levels[0]},
        .dialect =
            sprout_dialect_find(SPROUT_STR("POST"), SPROUT_STR("/v1/chat/completions")),
    };
    size_t from = 1;
    for (size_t i = 1; i < line.len; i++) {
        if (line.ptr[i] == ',' || line.ptr[i] == ' ') {
            run_option(run, (struct sprout_str){line.ptr + from, i - from});
            from = i + 1;
        }
        if (line.ptr[i] == ' ') {
            return (struct sprout_str){line.ptr + i + 1, line.len - i - 1};
        }
    }
    fail_msg("no body in %.*s", (int)line.len, line.ptr);
    return line;
}

static void apply(const struct sprout_edits *edits, struct sprout_str body,
                  struct sprout_buf *out)
{
    uint64_t at = 0;
    for (size_t i = 0; i < edits->n; i++) {
        const struct sprout_edit *e = &edits->v[i];
        sprout_buf_put(out, (struct sprout_str){body.ptr + at, e->at - at});
        sprout_buf_put(out, e->put);
        at = e->at + e->drop;
    }
    sprout_buf_put(out, (struct sprout_str){body.ptr + at, body.len - at});
}

static void check_case(struct sprout_str claim, struct sprout_str request,
                       struct sprout_str expected, size_t piece)
{
    static char memory[MEMORY], out[2 * LINE_MAX_BYTES];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct run run;
    const struct sprout_str body = run_parse(&run, request);

    struct sprout_inspect *inspect = sprout_inspect_new(&arena, run.dialect, &run.opts);
    assert_non_null(inspect);
    for (size_t at = 0; at < body.len; at += piece) {
        const size_t left = body.len - at;
        sprout_inspect_feed(inspect, body.ptr + at, left < piece ? left : piece);
    }
    const struct sprout_facts facts = sprout_inspect_finish(inspect);
    struct sprout_policy policy = {
        .level_count = sizeof levels / sizeof levels[0],
        .patches = patches,
        .patch_count = run.patch ? sizeof patches / sizeof patches[0] : 0,
    };
    memcpy(policy.levels, levels, sizeof levels);
    if (run.bare) {
        policy.levels[run.level].directive = SPROUT_STR("");
    }
    struct sprout_rewrite_text text;
    assert_int_equal(
        sprout_rewrite_level_make(&arena, run.dialect, &policy, run.level, &text),
        SPROUT_OK);
    struct sprout_edits edits =
        sprout_rewrite_plan(run.dialect, &facts, &text, run.usage);
    sprout_rewrite_patch(&edits, run.dialect, &facts, &text, SPROUT_STR("/v1/x"));

    struct sprout_buf b = sprout_buf_of(out, sizeof out);
    apply(&edits, body, &b);
    assert_false(b.full);
    assert_int_equal(b.len, sprout_rewrite_length(&edits, body.len));
    struct sprout_str want = expected;
    struct sprout_str why = {0};
    if (sprout_str_starts(expected, SPROUT_STR("untouched"))) {
        want = body;
        why = sprout_str_trim((struct sprout_str){expected.ptr + 9, expected.len - 9});
    }
    if (!sprout_str_eq(sprout_buf_str(&b), want)) {
        fail_msg("%.*s\nexpected %.*s\nfound    %.*s", (int)claim.len, claim.ptr,
                 (int)want.len, want.ptr, (int)b.len, b.ptr);
    }
    if (why.len > 0 || !facts.eligible) {
        const struct sprout_str found =
            facts.eligible ? SPROUT_STR("eligible")
                           : sprout_str_of(sprout_reason_text(facts.blocked));
        if (!sprout_str_eq(found, why)) {
            fail_msg("%.*s\nexpected reason %.*s\nfound    reason %.*s", (int)claim.len,
                     claim.ptr, (int)why.len, why.ptr, (int)found.len, found.ptr);
        }
    }
}

static bool next_line(FILE *f, char line[LINE_MAX_BYTES], struct sprout_str *out)
{
    while (fgets(line, LINE_MAX_BYTES, f) != NULL) {
        size_t len = strlen(line);
        assert_true(len > 0 && line[len - 1] == '\n');
        len--;
        if (len > 0) {
            *out = (struct sprout_str){line, len};
            return true;
        }
    }
    return false;
}

static void every_golden_splice_leaves_as_written(void **state)
{
    (void)state;
    static char line[3][LINE_MAX_BYTES];
    struct sprout_str claim, request, expected;
    int cases = 0;

    FILE *f = fopen("tests/golden/splice.txt", "r");
    assert_non_null(f);
    while (next_line(f, line[0], &claim)) {
        assert_int_equal(claim.ptr[0], '#');
        assert_true(next_line(f, line[1], &request) && request.ptr[0] == '@');
        assert_true(next_line(f, line[2], &expected));
        check_case(claim, request, expected, request.len);
        check_case(claim, request, expected, 1);
        cases++;
    }
    fclose(f);
    assert_true(cases > 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_splice_leaves_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
