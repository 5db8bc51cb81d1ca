/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c - see usage.h. */
#include "wire/usage.h"

#include "wire/tap.h"

const char *sprout_usage_source_text(enum sprout_usage_source s)
{
    switch (s) {
    case SPROUT_USAGE_NONE:
        return "none";
    case SPROUT_USAGE_REPORTED:
        return "reported";
    case SPROUT_USAGE_ESTIMATED:
        return "estimated";
    }
    return "none";
}

void sprout_counts_clear(struct sprout_counts *c)
{
    for (int i = 0; i < SPROUT_COUNTS; i++) {
        c->v[i] = -1;
    }
}

bool sprout_count_of(const struct sprout_json_event *e, int64_t *out)
{
    int64_t v = -1;
    double real = -1;

    if (e->kind != SPROUT_JSON_NUMBER || e->cut) {
        return false;
    }
    if (sprout_str_to_i64(e->text, &v) != SPROUT_OK) {
        /* Some languages write every number with a fraction: 12.0. */
        if (sprout_str_to_f64(e->text, &real) != SPROUT_OK || real < 0 ||
            real > (double)SPROUT_TOKENS_MAX || real != floor(real)) {
            return false;
        }
        v = (int64_t)real;
    }
    if (v < 0 || v > SPROUT_TOKENS_MAX) {
        return false;
    }
    *out = v;
    return true;
}

static int64_t known_or_0(int64_t v)
{
    return v < 0 ? 0 : v;
}

static void add_timings(struct sprout_usage *u, const int64_t *v)
{
    if (u->prompt.n < 0 && v[SPROUT_COUNT_TIMED_PROMPT] >= 0) {
        u->cached.n = v[SPROUT_COUNT_TIMED_CACHED];
        u->prompt.n = v[SPROUT_COUNT_TIMED_PROMPT] + known_or_0(u->cached.n);
    }
    if (u->completion.n < 0) {
        u->completion.n = v[SPROUT_COUNT_TIMED_COMPLETION];
    }
}

struct sprout_usage sprout_usage_of(const struct sprout_counts *c, bool cached_beside)
{
    const int64_t *v = c->v;
    struct sprout_usage u = {
        .prompt = {v[SPROUT_COUNT_PROMPT]},
        .cached = {v[SPROUT_COUNT_CACHED]},
        .completion = {v[SPROUT_COUNT_COMPLETION]},
        .reasoning = {v[SPROUT_COUNT_REASONING]},
    };

    if (cached_beside && u.prompt.n >= 0) {
        u.prompt.n += known_or_0(u.cached.n) + known_or_0(v[SPROUT_COUNT_CACHE_WRITTEN]);
    }
    add_timings(&u, v);

    /* A total above the sum is reasoning that the server counted outside (xAI). */
    const int64_t total = v[SPROUT_COUNT_TOTAL];
    if (u.prompt.n >= 0 && u.completion.n >= 0 && total > u.prompt.n + u.completion.n) {
        const int64_t outside = total - u.prompt.n - u.completion.n;
        u.completion.n += outside;
        u.reasoning.n = u.reasoning.n < 0 ? outside : u.reasoning.n;
    }

    /* Parts that exceed their whole are no counts. */
    if (u.prompt.n >= 0 && u.cached.n > u.prompt.n) {
        u.cached.n = -1;
    }
    if (u.completion.n >= 0 && u.reasoning.n > u.completion.n) {
        u.reasoning.n = -1;
    }
    return u;
}
