/* SPDX-License-Identifier: Apache-2.0 */
/* recent.c - see recent.h. */
#include "control/recent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/inflight.h"
#include "core/profile.h"

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

static size_t count_of(const struct sprout_recent *r)
{
    return r->noted < SPROUT_RECENT_MAX ? (size_t)r->noted : SPROUT_RECENT_MAX;
}

static sprout_instant end_of(const struct sprout_recent_one *one)
{
    return sprout_instant_add(one->began, one->took);
}

static sprout_instant newest_end(const struct sprout_recent *r)
{
    sprout_instant last = {INT64_MIN};
    for (size_t i = 0; i < count_of(r); i++) {
        const sprout_instant end = end_of(&r->one[i]);
        last = end.ns > last.ns ? end : last;
    }
    return last;
}

/* The first profile whose pattern the model matches; profiles_count: none. */
static uint32_t profile_of(const struct sprout_config *c, const char *model)
{
    uint32_t i = 0;
    while (i < c->profiles_count &&
           !sprout_str_glob(sprout_str_of(c->profiles[i].model), sprout_str_of(model))) {
        i++;
    }
    return i;
}

static int by_time(const void *a, const void *b)
{
    const int64_t x = ((const struct sprout_inflight_edge *)a)->at.ns;
    const int64_t y = ((const struct sprout_inflight_edge *)b)->at.ns;
    return (x > y) - (x < y);
}

/* `of`: each request's profile. */
static double mean_of(const struct sprout_recent *r, const uint32_t *of, uint32_t profile,
                      struct sprout_inflight_edge *edges)
{
    size_t n = 0;
    for (size_t i = 0; i < count_of(r); i++) {
        if (of[i] == profile) {
            sprout_inflight_edges(&edges[n], r->one[i].began, r->one[i].took);
            n += 2;
        }
    }
    qsort(edges, n, sizeof *edges, by_time);
    const double mean = sprout_inflight_mean(edges, n);
    return isnan(mean) ? 0 : mean;
}

static bool is_wanted(const struct sprout_config_profile *p)
{
    const struct sprout_profile *const base = sprout_config_profile_base(p);
    return p->batch == 0 && base != NULL && base->kind == SPROUT_PROFILE_BATCH;
}

void sprout_recent_batches(const struct sprout_recent *r, const struct sprout_config *c,
                           double out[SPROUT_PROFILES_MAX])
{
    const sprout_instant last = newest_end(r);
    uint32_t *const of = calloc(SPROUT_RECENT_MAX, sizeof *of);
    struct sprout_inflight_edge *const edges =
        calloc(2 * (size_t)SPROUT_RECENT_MAX, sizeof *edges);
    const bool room = of != NULL && edges != NULL;

    for (size_t i = 0; room && i < count_of(r); i++) {
        const bool counts =
            sprout_instant_since(last, end_of(&r->one[i])).ns <= SPROUT_RECENT_SPAN.ns;
        of[i] = counts ? profile_of(c, r->one[i].model) : c->profiles_count;
    }
    for (uint32_t i = 0; i < c->profiles_count; i++) {
        out[i] = room && is_wanted(&c->profiles[i]) ? mean_of(r, of, i, edges) : 0;
    }
    free(of);
    free(edges);
}
