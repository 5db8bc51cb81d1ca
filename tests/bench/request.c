/* SPDX-License-Identifier: Apache-2.0 */
/* What Sprout itself computes for one small request, without nginx and the kernel around it:
 * the body read and judged, a level chosen, the edits planned, the whole reply tapped.
 *
 *     build/tests/bench/request [ROUNDS]
 *
 * Prints nanoseconds a request for each step, median over the rounds; a step's figure is a
 * mean over many requests inside a round, so it says nothing of the tail. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy_fixture.h"

#include "core/choice.h"
#include "wire/dialect.h"
#include "wire/inspect.h"
#include "wire/rewrite.h"
#include "wire/tap.h"

enum { ROUNDS_DEFAULT = 11, ROUNDS_MAX = 1001, REQUESTS = 20000 };

static const char body[] =
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
    "\"What is two and two?\"}]}";
static const char reply[] =
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
    "\"choices\":"
    "[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","
    "\"content\":\"Four.\"}}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,"
    "\"total_tokens\":15}}";

enum step { INSPECT, CHOOSE, PLAN, TAP, STEPS };
static const char *const names[STEPS] = {"inspect", "choose", "plan", "tap"};

static struct policy_fixture fixture;
static struct sprout_rewrite_text text;
static char memory[SPROUT_TAP_MEMORY];
static volatile uint64_t sink;

static struct sprout_facts inspect(const struct sprout_dialect *d)
{
    struct sprout_arena arena = sprout_arena_of(memory, SPROUT_INSPECT_MEMORY);
    const struct sprout_inspect_opts opts = {.salt = fixture.policy.salt,
                                             .levels = fixture.policy.levels,
                                             .level_count = fixture.policy.level_count};
    struct sprout_inspect *i = sprout_inspect_new(&arena, d, &opts);
    sprout_inspect_feed(i, body, sizeof body - 1);
    return sprout_inspect_finish(i);
}

static uint64_t once(enum step step, const struct sprout_dialect *d,
                     const struct sprout_facts *facts, uint64_t n)
{
    const struct sprout_traits traits = {.route = SPROUT_STR("/v1/chat/completions"),
                                         .model = facts->model,
                                         .api = SPROUT_STR("openai-chat"),
                                         .eligible = true,
                                         .conversation = facts->conversation + n,
                                         .ask_floor = NAN};

    switch (step) {
    case INSPECT:
        return inspect(d).conversation;
    case CHOOSE:
        return (uint64_t)sprout_choose(&fixture.policy, &traits, fixture.policy.created)
            .level;
    case PLAN:
        return sprout_rewrite_plan(d, facts, &text, true).n;
    case TAP: {
        struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
        struct sprout_tap *t = sprout_tap_new(&arena, d, SPROUT_FRAMING_JSON, false);
        sprout_tap_feed(t, reply, sizeof reply - 1);
        return (uint64_t)sprout_tap_finish(t, NULL, NULL).usage.completion.n;
    }
    case STEPS:
        break;
    }
    return 0;
}

static double round_ns(enum step step, const struct sprout_dialect *d,
                       const struct sprout_facts *facts)
{
    struct timespec a;
    struct timespec b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (uint64_t n = 0; n < REQUESTS; n++) {
        sink += once(step, d, facts, n);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
           REQUESTS;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double ns[STEPS][ROUNDS_MAX];
    static char texts[4096];
    const long asked = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS_DEFAULT;
    const size_t rounds =
        asked > 0 && asked <= ROUNDS_MAX ? (size_t)asked : ROUNDS_DEFAULT;
    const struct sprout_dialect *d =
        sprout_dialect_find(SPROUT_STR("POST"), SPROUT_STR("/v1/chat/completions"));
    struct sprout_arena arena = sprout_arena_of(texts, sizeof texts);

    policy_fixture_init(&fixture);
    if (sprout_rewrite_text_make(&arena, d, SPROUT_STR("Answer briefly."), &text) !=
        SPROUT_OK) {
        return 1;
    }
    const struct sprout_facts facts = inspect(d);
    for (size_t r = 0; r < rounds; r++) {
        for (int s = 0; s < STEPS; s++) {
            ns[s][r] = round_ns((enum step)s, d, &facts);
        }
    }
    printf(
        "one request of %zu bytes, a reply of %zu: ns, median (min..max) of %zu rounds\n",
        sizeof body - 1, sizeof reply - 1, rounds);
    for (int s = 0; s < STEPS; s++) {
        qsort(ns[s], rounds, sizeof ns[s][0], by_value);
        printf("%-10s %8.0f  (%.0f..%.0f)\n", names[s], ns[s][rounds / 2], ns[s][0],
               ns[s][rounds - 1]);
    }
    return 0;
}
