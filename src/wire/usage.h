/* SPDX-License-Identifier: Apache-2.0 */
/* usage.h - what servers say of tokens, turned into what Sprout means by them.
 *
 * Providers differ on what "input" and "output" include (wire.md section 8).  Raw counts are
 * kept as they were reported, field by field, the last one winning; only the result is
 * normalised: prompt includes cached, completion includes reasoning.  A count that was never
 * reported is unknown and stays so; one that is negative or absurd was never reported.
 * Pure.  Not here: finding the counts in bytes (tap.h). */
#ifndef SPROUT_WIRE_USAGE_H
#define SPROUT_WIRE_USAGE_H

#include "core/receipt.h"
#include "wire/json.h"

enum sprout_count {
    SPROUT_COUNT_PROMPT,
    SPROUT_COUNT_CACHED,
    SPROUT_COUNT_CACHE_WRITTEN,
    SPROUT_COUNT_COMPLETION,
    SPROUT_COUNT_REASONING,
    SPROUT_COUNT_TOTAL,
    SPROUT_COUNT_TIMED_CACHED, /* llama.cpp's timings, used only where usage says nothing */
    SPROUT_COUNT_TIMED_PROMPT, /* not cached */
    SPROUT_COUNT_TIMED_COMPLETION,
    SPROUT_COUNTS
};

struct sprout_counts {
    int64_t v[SPROUT_COUNTS]; /* -1: not reported */
};

void sprout_counts_clear(struct sprout_counts *c);

/* The count that a number event states; false for anything that is none: negative, with a
 * fraction, above SPROUT_TOKENS_MAX. */
bool sprout_count_of(const struct sprout_json_event *e, int64_t *out);

/* `cached_beside`: the server's prompt count leaves out the cached tokens (Messages). */
struct sprout_usage sprout_usage_of(const struct sprout_counts *c, bool cached_beside);

#endif
