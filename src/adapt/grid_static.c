/* SPDX-License-Identifier: Apache-2.0 */
/* grid_static.c - one number for every moment, marked "assumed" wherever it is shown.
 *
 * It has no history: the paper's floor rule then has no range (see core/floor.h).  A slot is
 * the hour of `now`, so that ledger rollups have something to stand on. */
#include <stdio.h>
#include <stdlib.h>

#include "adapt/grid_provider.h"
#include "core/instant.h"

struct fixed {
    sprout_g_per_kwh intensity;
    char zone[32];
    char about[64];
};

static const sprout_span one_hour = {3600 * SPROUT_NS_PER_SECOND};

enum sprout_status sprout_grid_static_make(const struct sprout_grid_opts *opts,
                                           void **out_self, struct sprout_error *err)
{
    const double g = opts->intensity.v;
    if (!isfinite(g) || g < 0) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "grid: static intensity is %g: expected 0 or more g/kWh", g);
    }
    struct fixed *const f = calloc(1, sizeof *f);
    if (f == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the grid");
    }
    f->intensity = opts->intensity;
    snprintf(f->zone, sizeof f->zone, "%.*s",
             opts->zone.len > 0 ? (int)opts->zone.len : 1,
             opts->zone.len > 0 ? opts->zone.ptr : "-");
    snprintf(f->about, sizeof f->about, "static %g g/kWh, assumed", g);
    *out_self = f;
    return SPROUT_OK;
}

static enum sprout_status fixed_poll(void *self, sprout_instant now,
                                     struct sprout_grid_value *out,
                                     struct sprout_error *err)
{
    (void)err;
    const struct fixed *const f = self;
    const sprout_instant start = {sprout_instant_hour(now) * one_hour.ns};
    *out = (struct sprout_grid_value){
        .intensity = f->intensity,
        .zone = sprout_str_of(f->zone),
        .source = SPROUT_STR("static"),
        .slot_start = start,
        .slot_end = sprout_instant_add(start, one_hour),
        .received_at = now,
        .kind = SPROUT_GRID_AVERAGE,
        .scope = SPROUT_GRID_DIRECT,
        .quality = SPROUT_GRID_ASSUMED,
    };
    return SPROUT_OK;
}

static struct sprout_grid_range fixed_range(void *self, sprout_instant now,
                                            sprout_span window)
{
    (void)self;
    (void)now;
    (void)window;
    return SPROUT_GRID_RANGE_NONE;
}

static sprout_instant fixed_next(void *self, sprout_instant now)
{
    (void)self;
    (void)now;
    return (sprout_instant){INT64_MAX};
}

static sprout_instant fixed_clock(void *self, sprout_instant now)
{
    (void)self;
    return now;
}

static struct sprout_str fixed_about(const void *self)
{
    const struct fixed *const f = self;
    return sprout_str_of(f->about);
}

const struct sprout_grid_ops sprout_grid_static_ops = {
    .poll = fixed_poll,
    .range = fixed_range,
    .next = fixed_next,
    .clock = fixed_clock,
    .about = fixed_about,
    .free = free,
};
