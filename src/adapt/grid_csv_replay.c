/* SPDX-License-Identifier: Apache-2.0 */
/* grid_csv_replay.c - the csv provider: a trace played from a moment at a speed.
 *
 * grid time = start + (now - epoch) * speed.  Without a start the file is taken as it is if
 * it covers `epoch`, and from its first row otherwise.  History for the range is what the
 * file holds before the grid's clock: no look-ahead, and at the very start none at all. */
#include <stdio.h>
#include <stdlib.h>

#include "adapt/grid_csv.h"
#include "adapt/grid_provider.h"
#include "core/instant.h"

#define SPEED_MAX 1e6

/* A replay left running for years stays inside what an instant can hold. */
#define PASSED_MAX_NS 4e18

/* Rounding of grid time to wall time, which a caller that wakes for a slot must not lose. */
enum { WAKE_SLACK_NS = 1000 };

struct replay {
    struct sprout_grid_trace trace;
    enum sprout_grid_scope scope;
    sprout_instant start; /* grid time at `epoch` */
    sprout_instant epoch;
    double speed;
    char source[32];
    char about[200];
};

static sprout_instant grid_time(const struct replay *r, sprout_instant now)
{
    const double passed = fmin((double)(now.ns - r->epoch.ns) * r->speed, PASSED_MAX_NS);
    return (sprout_instant){r->start.ns + (int64_t)passed};
}

static sprout_instant wall_time(const struct replay *r, sprout_instant grid)
{
    const double passed = (double)(grid.ns - r->start.ns) / r->speed;
    return (sprout_instant){r->epoch.ns + (int64_t)passed};
}

static bool has_column(const struct sprout_grid_trace *t, enum sprout_grid_scope scope)
{
    for (size_t i = 0; i < t->count; i++) {
        if (!isnan(sprout_grid_slot_value(&t->slots[i], scope).v)) {
            return true;
        }
    }
    return false;
}

static enum sprout_status find_start(struct replay *r, struct sprout_str text,
                                     struct sprout_error *err)
{
    if (text.len > 0 && sprout_instant_parse(text, &r->start) != SPROUT_OK) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "grid: start is '%.*s': expected a moment such as "
                           "2023-02-03T00:00Z",
                           (int)text.len, text.ptr);
    }
    if (text.len == 0) {
        const bool covers = sprout_grid_trace_at(&r->trace, r->epoch) != NULL;
        r->start = covers ? r->epoch : r->trace.slots[0].start;
    }
    if (sprout_grid_trace_at(&r->trace, r->start) == NULL) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "grid: the file has no row for the start '%.*s'",
                           (int)text.len, text.ptr);
    }
    return SPROUT_OK;
}

/* What of the options does not need the file's rows. */
static enum sprout_status check_opts(const struct sprout_grid_opts *opts,
                                     struct sprout_error *err)
{
    if (opts->csv_file == NULL || opts->csv_file[0] == '\0') {
        return sprout_fail(err, SPROUT_CONFIG, "grid: source csv needs a file");
    }
    if (!(opts->csv_speed > 0 && opts->csv_speed <= SPEED_MAX)) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "grid: speed is %g: expected more than 0, at most %g",
                           opts->csv_speed, SPEED_MAX);
    }
    return SPROUT_OK;
}

static enum sprout_status check_trace(const struct replay *r,
                                      const struct sprout_grid_opts *opts,
                                      struct sprout_error *err)
{
    if (opts->csv_sha256.len > 0 &&
        !sprout_str_ieq(opts->csv_sha256, sprout_str_of(r->trace.sha256))) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: its SHA-256 is %s: expected %.*s (another vintage of the "
                           "file?)",
                           opts->csv_file, r->trace.sha256, (int)opts->csv_sha256.len,
                           opts->csv_sha256.ptr);
    }
    if (!has_column(&r->trace, r->scope)) {
        return sprout_fail(err, SPROUT_CONFIG, "%s: no value in its %s column",
                           opts->csv_file, sprout_grid_scope_text(r->scope));
    }
    return SPROUT_OK;
}

static void describe(struct replay *r, const char *path)
{
    const char *const slash = strrchr(path, '/');
    const struct sprout_grid_trace *const t = &r->trace;
    snprintf(r->source, sizeof r->source, "csv@%.16s", t->sha256);
    snprintf(r->about, sizeof r->about,
             "%.60s sha256 %.16s, zone %s, %s, %zu rows, %zu holes, %.1f %% estimated",
             slash == NULL ? path : slash + 1, t->sha256, t->zone,
             sprout_grid_scope_text(r->scope), t->count, t->holes,
             100.0 * (double)t->estimated / (double)t->count);
}

static void replay_free(void *self)
{
    struct replay *const r = self;
    sprout_grid_trace_free(&r->trace);
    free(r);
}

enum sprout_status sprout_grid_csv_make(const struct sprout_grid_opts *opts,
                                        void **out_self, struct sprout_error *err)
{
    enum sprout_status status = check_opts(opts, err);
    if (status != SPROUT_OK) {
        return status;
    }
    struct replay *const r = calloc(1, sizeof *r);
    if (r == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the grid");
    }
    r->scope = opts->csv_scope;
    r->speed = opts->csv_speed;
    r->epoch = opts->epoch;
    status = sprout_grid_trace_read(opts->csv_file, opts->zone, &r->trace, err);
    if (status == SPROUT_OK) {
        status = check_trace(r, opts, err);
    }
    if (status == SPROUT_OK) {
        status = find_start(r, opts->csv_start, err);
    }
    if (status != SPROUT_OK) {
        replay_free(r);
        return status;
    }
    describe(r, opts->csv_file);
    *out_self = r;
    return SPROUT_OK;
}

static enum sprout_status replay_poll(void *self, sprout_instant now,
                                      struct sprout_grid_value *out,
                                      struct sprout_error *err)
{
    const struct replay *const r = self;
    const sprout_instant at = grid_time(r, now);
    const struct sprout_grid_slot *const s = sprout_grid_trace_at(&r->trace, at);
    if (s == NULL || isnan(sprout_grid_slot_value(s, r->scope).v)) {
        char text[40];
        struct sprout_buf b = sprout_buf_of(text, sizeof text);
        sprout_instant_put(&b, at);
        return sprout_fail(err, SPROUT_STALE, "the file has no value for %.*s",
                           (int)b.len, b.ptr);
    }
    *out = (struct sprout_grid_value){
        .intensity = sprout_grid_slot_value(s, r->scope),
        .zone = sprout_str_of(r->trace.zone),
        .source = sprout_str_of(r->source),
        .slot_start = s->start,
        .slot_end = sprout_instant_add(s->start, r->trace.step),
        .received_at = wall_time(r, s->start),
        .kind = SPROUT_GRID_AVERAGE,
        .scope = r->scope,
        .quality = SPROUT_GRID_REPLAYED,
        .estimated = s->estimated,
    };
    return SPROUT_OK;
}

static struct sprout_grid_range replay_range(void *self, sprout_instant now,
                                             sprout_span window)
{
    const struct replay *const r = self;
    return sprout_grid_trace_range(&r->trace, r->scope, grid_time(r, now), window);
}

static sprout_instant replay_next(void *self, sprout_instant now)
{
    const struct replay *const r = self;
    const sprout_instant at = grid_time(r, now);
    const struct sprout_grid_slot *const here = sprout_grid_trace_at(&r->trace, at);
    if (here != NULL) {
        const sprout_instant ends = sprout_instant_add(here->start, r->trace.step);
        return (sprout_instant){wall_time(r, ends).ns + WAKE_SLACK_NS};
    }
    for (size_t i = 0; i < r->trace.count; i++) {
        if (r->trace.slots[i].start.ns > at.ns) {
            return (sprout_instant){wall_time(r, r->trace.slots[i].start).ns +
                                    WAKE_SLACK_NS};
        }
    }
    return (sprout_instant){INT64_MAX};
}

static sprout_instant replay_clock(void *self, sprout_instant now)
{
    return grid_time(self, now);
}

/* An hour counts as known when all its slots are. */
static void replay_past(void *self, sprout_instant now, sprout_g_per_kwh *out,
                        size_t hours)
{
    const struct replay *const r = self;
    const int64_t hour_ns = 3600 * SPROUT_NS_PER_SECOND;
    const int64_t last = sprout_instant_hour(grid_time(r, now));
    const int64_t step = r->trace.step.ns < hour_ns ? r->trace.step.ns : hour_ns;

    for (size_t i = 0; i < hours; i++) {
        const int64_t begin = (last - (int64_t)(hours - 1 - i)) * hour_ns;
        double sum = 0;
        int64_t n = 0;
        for (int64_t at = begin; at < begin + hour_ns; at += step, n++) {
            const struct sprout_grid_slot *const s =
                sprout_grid_trace_at(&r->trace, (sprout_instant){at});
            sum += s == NULL ? (double)NAN : sprout_grid_slot_value(s, r->scope).v;
        }
        out[i].v = sum / (double)n;
    }
}

static struct sprout_str replay_about(const void *self)
{
    const struct replay *const r = self;
    return sprout_str_of(r->about);
}

const struct sprout_grid_ops sprout_grid_csv_ops = {
    .poll = replay_poll,
    .range = replay_range,
    .next = replay_next,
    .clock = replay_clock,
    .past = replay_past,
    .about = replay_about,
    .free = replay_free,
};
