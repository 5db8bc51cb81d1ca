/* SPDX-License-Identifier: Apache-2.0 */
/* recent.c - see recent.h. */
#include "control/recent.h"

#include <stdlib.h>
#include <string.h>

void sprout_recent_note(struct sprout_recent *r, const struct sprout_record *record)
{
    struct sprout_recent_one *const to = &r->one[r->noted % SPROUT_RECENT_MAX];
    const size_t len =
        record->model.len < SPROUT_RECENT_MODEL ? record->model.len : SPROUT_RECENT_MODEL;
    if (record->duration_us <= 0 || !sprout_tokens_known(record->usage.completion)) {
        return;
    }
    to->began = record->time;
    to->took.ns = record->duration_us * 1000;
    if (len > 0) {
        memcpy(to->model, record->model.ptr, len);
    }
    to->model[len] = '\0';
    r->noted++;
}

size_t sprout_recent_count(const struct sprout_recent *r)
{
    return r->noted < SPROUT_RECENT_MAX ? (size_t)r->noted : SPROUT_RECENT_MAX;
}

sprout_instant sprout_recent_last(const struct sprout_recent *r)
{
    sprout_instant last = {0};
    for (size_t i = 0; i < sprout_recent_count(r); i++) {
        const sprout_instant end = sprout_instant_add(r->one[i].began, r->one[i].took);
        last = end.ns > last.ns ? end : last;
    }
    return last;
}

bool sprout_recent_counts(const struct sprout_recent_one *one, sprout_instant last)
{
    const sprout_instant end = sprout_instant_add(one->began, one->took);
    return sprout_instant_since(last, end).ns <= SPROUT_RECENT_SPAN.ns;
}

static int by_time(const void *a, const void *b)
{
    const int64_t x = ((const struct sprout_inflight_edge *)a)->at.ns;
    const int64_t y = ((const struct sprout_inflight_edge *)b)->at.ns;
    return (x > y) - (x < y);
}

void sprout_recent_sort(struct sprout_inflight_edge *edges, size_t count)
{
    qsort(edges, count, sizeof *edges, by_time);
}
