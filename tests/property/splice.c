/* SPDX-License-Identifier: Apache-2.0 */
/* The splice oracle: what Sprout does to a request, against a second opinion.
 *
 *     SPROUT_REQUESTS=N build/tests/property/splice [FIRST]
 *
 * Random requests of all APIs, some of them damaged.  A reference that works on jansson's tree, and
 * shares no line with src/wire, says what must come out: the same tree, or the tree with one
 * text extended (or one part added), stream_options and the level's parameters set.  Checked of each request:
 *   - what leaves parses, and equals what the reference says;
 *   - nothing is left out but a `null` of stream_options, include_usage or a parameter;
 *   - however the body is cut, the facts are the same. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "request_gen.h"
#include "request_model.h"
#include "wire/rewrite.h"
#include "wire/shape.h"

enum { BODY_MAX = 256 * 1024, REQUESTS = 20000 };

static const struct sprout_level levels[] = {
    {SPROUT_KEY("L0"), {"", 0}},
    {SPROUT_KEY("L1"), SPROUT_KEY(REQUEST_DIRECTIVE)},
    {SPROUT_KEY("L2"), SPROUT_KEY("\"twice\"\n\xe2\x80\xa6\\")},
};

/* Of L1 and L2; every other request has none. */
static const struct sprout_patch patches[] = {REQUEST_PATCHES(1), REQUEST_PATCHES(2)};

static char body[BODY_MAX];
static char spliced[BODY_MAX];

struct tally {
    unsigned long requests, touched, untouched, refused, patched;
};

static void die(unsigned long number, const char *what)
{
    printf("request %lu: %s\n%s\n", number, what, body);
    exit(1);
}

static struct sprout_facts inspect(const struct sprout_dialect *d, struct sprout_str s,
                                   struct gen *cuts, size_t longest)
{
    static char memory[SPROUT_INSPECT_MEMORY];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_inspect_opts opts = {
        .salt = {1, 2},
        .levels = levels,
        .level_count = sizeof levels / sizeof levels[0],
    };
    struct sprout_inspect *i = sprout_inspect_new(&arena, d, &opts);
    if (i == NULL) {
        printf("SPROUT_INSPECT_MEMORY does not suffice\n");
        exit(1);
    }
    for (size_t at = 0; at < s.len;) {
        size_t n = longest == 0 ? s.len : 1 + (size_t)(gen_u64(cuts) % longest);
        n = n > s.len - at ? s.len - at : n;
        sprout_inspect_feed(i, s.ptr + at, n);
        at += n;
    }
    return sprout_inspect_finish(i);
}

static bool same_param(const struct sprout_param_fact *a,
                       const struct sprout_param_fact *b)
{
    return a->home == b->home && a->value == b->value && a->home_at == b->home_at &&
           a->home_end == b->home_end && a->value_at == b->value_at &&
           a->value_end == b->value_end && a->home_empty == b->home_empty;
}

static bool same_facts(const struct sprout_facts *a, const struct sprout_facts *b)
{
    return a->eligible == b->eligible && a->blocked == b->blocked &&
           a->stream == b->stream && a->tools == b->tools &&
           a->conversation == b->conversation && a->bytes == b->bytes &&
           a->turns == b->turns && a->place.form == b->place.form &&
           a->place.at == b->place.at && a->place.empty == b->place.empty &&
           a->stream_options == b->stream_options &&
           a->include_usage == b->include_usage && a->object_end == b->object_end &&
           a->object_empty == b->object_empty &&
           a->stream_options_at == b->stream_options_at &&
           a->stream_options_end == b->stream_options_end &&
           a->include_usage_at == b->include_usage_at &&
           a->include_usage_end == b->include_usage_end &&
           a->stream_options_empty == b->stream_options_empty &&
           same_param(&a->param[0], &b->param[0]) &&
           same_param(&a->param[1], &b->param[1]) &&
           same_param(&a->param[2], &b->param[2]);
}

static struct sprout_str apply(unsigned long number, const struct sprout_edits *edits,
                               struct sprout_str s)
{
    struct sprout_buf b = sprout_buf_of(spliced, sizeof spliced - 1);
    uint64_t at = 0;
    for (size_t i = 0; i < edits->n; i++) {
        const struct sprout_edit *e = &edits->v[i];
        if (e->at < at || e->at + e->drop > s.len) {
            die(number, "an edit is out of order or bounds");
        }
        if (e->drop > 0 && (e->drop != 4 || memcmp(s.ptr + e->at, "null", 4) != 0)) {
            die(number, "something but a null is left out");
        }
        sprout_buf_put(&b, (struct sprout_str){s.ptr + at, (size_t)(e->at - at)});
        sprout_buf_put(&b, e->put);
        at = e->at + e->drop;
    }
    sprout_buf_put(&b, (struct sprout_str){s.ptr + at, (size_t)(s.len - at)});
    if (b.full || b.len != sprout_rewrite_length(edits, s.len)) {
        die(number, "the length is not what was said");
    }
    spliced[b.len] = '\0';
    return sprout_buf_str(&b);
}

/* *out_limit: jansson's own limits (doubles, no NUL in a name), not the grammar's. */
static json_t *parse(struct sprout_str s, size_t flags, bool *out_limit)
{
    json_error_t error;
    json_t *tree = json_loadb(
        s.ptr, s.len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | flags,
        &error);
    const enum json_error_code code =
        tree == NULL ? json_error_code(&error) : json_error_unknown;
    *out_limit =
        code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
    return tree;
}

/* Malformed, or a name twice: the scanner minds only the names it knows. */
static void check_unreadable(unsigned long number, const struct sprout_edits *edits,
                             struct sprout_str s, struct sprout_str out)
{
    bool limit, limit_after;
    json_t *before = parse(s, 0, &limit);
    json_t *after = parse(out, 0, &limit_after);
    if (!limit &&
        ((before == NULL && edits->n > 0) || (before == NULL) != (after == NULL))) {
        die(number, "a body that is no JSON was touched, or became none");
    }
    json_decref(before);
    json_decref(after);
}

static void check_request(unsigned long number, struct gen *g,
                          const struct request_api *api, struct tally *tally)
{
    static char memory[64 * 1024];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    const struct sprout_str s = sprout_buf_str(&g->b);
    const struct sprout_dialect *d =
        sprout_dialect_find(SPROUT_STR("POST"), sprout_str_of(api->path));
    const struct sprout_level *level = &levels[number % 3];
    const bool want_usage = number % 2 == 0;

    body[s.len] = '\0';
    const struct sprout_facts facts = inspect(d, s, g, 0);
    const size_t longest[] = {1, 7, 1 + s.len};
    for (size_t i = 0; i < sizeof longest / sizeof longest[0]; i++) {
        const struct sprout_facts cut = inspect(d, s, g, longest[i]);
        if (!same_facts(&facts, &cut)) {
            die(number, "other facts when cut");
        }
    }

    const bool want_patches = number / 6 % 2 == 0 && number % 3 > 0;
    struct sprout_policy policy = {
        .level_count = 3,
        .patches = patches,
        .patch_count = want_patches ? sizeof patches / sizeof patches[0] : 0,
    };
    memcpy(policy.levels, levels, sizeof levels);
    struct sprout_rewrite_text text;
    if (sprout_rewrite_level_make(&arena, d, &policy, number % 3, &text) != SPROUT_OK) {
        die(number, "no memory for a directive");
    }
    struct sprout_edits edits = sprout_rewrite_plan(d, &facts, &text, want_usage);
    sprout_rewrite_patch(&edits, d, &facts, &text, SPROUT_STR("/v1/x"));
    tally->patched += edits.patched;
    const struct sprout_str out = apply(number, &edits, s);
    bool limit;
    json_t *tree = parse(s, JSON_REJECT_DUPLICATES, &limit);
    if (tree == NULL) {
        check_unreadable(number, &edits, s, out);
        tally->refused++;
    } else {
        json_t *expected = request_model(api, tree, level->directive, levels, 3,
                                         want_usage, want_patches);
        json_t *found = parse(out, JSON_REJECT_DUPLICATES, &limit);
        if (found == NULL || !json_equal(expected, found)) {
            printf("expected %s\n", json_dumps(expected, JSON_ENCODE_ANY));
            printf("left     %s\n", spliced);
            die(number, "not what the reference says");
        }
        if (edits.n == 0) {
            tally->untouched++;
        } else {
            tally->touched++;
        }
        json_decref(expected);
        json_decref(found);
    }
    json_decref(tree);
    tally->requests++;
}

int main(int argc, char **argv)
{
    const char *asked = getenv("SPROUT_REQUESTS");
    const unsigned long requests = asked == NULL ? REQUESTS : strtoul(asked, NULL, 10);
    const unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    struct tally tally = {0};

    for (unsigned long i = first; i < first + requests; i++) {
        struct gen g = {.state = i * 31, .b = sprout_buf_of(body, sizeof body - 1)};
        const struct request_api *api = request_api_of(i);
        request_gen(&g, api);
        if (gen_percent(&g, 8)) {
            gen_damage(&g);
        }
        check_request(i, &g, api, &tally);
    }
    printf(
        "%lu requests: %lu touched (%lu patched), %lu untouched, %lu no JSON or a name "
        "twice\n",
        tally.requests, tally.touched, tally.patched, tally.untouched, tally.refused);
    return tally.touched > requests / 5 && tally.patched > requests / 40 &&
                   tally.untouched > requests / 10
               ? 0
               : 1;
}
