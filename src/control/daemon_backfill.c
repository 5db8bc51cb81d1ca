/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_backfill.c - grams that come by themselves once the grid's past is known.
 *
 *   rest --hours wait--> fill from what the ledger kept --some still wait--> ask a provider
 *    ^                        |                                                   |
 *    |                        '--all have grams                                   v
 *    '----------------- (an hour) <-- fill again <-- what it says is kept <-- its answer
 *
 * One step a turn and place, and a step fills a few hours at most, so that a week without a
 * grid is made up for without anybody waiting.  The hour under way is left until it is over.
 * A provider is asked for its past once an hour at most, further on each time where it does
 * not know what lies first.  Where nobody knows, `sprout ledger backfill` takes a file. */
#include "control/daemon_work.h"

#include <stdio.h>

#include "adapt/grid_list.h"
#include "adapt/log.h"
#include "adapt/store_history.h"
#include "control/backfill.h"
#include "core/instant.h"

enum {
    STEP_HOURS = 6,
    LOOK_SECONDS = 600,
    ASK_SECONDS = 3600,
    SECONDS_PER_HOUR = 3600,
    HOURS_PER_DAY = 24,
};

static const int64_t hour_ns = SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;

struct keeping {
    struct sprout_store *store;
    enum sprout_status status;
    struct sprout_error *err;
};

static void keep_one(void *ctx, const struct sprout_grid_value *v)
{
    struct keeping *const k = ctx;
    if (k->status == SPROUT_OK) {
        k->status = sprout_store_put_history(k->store, v, k->err);
    }
}

/* What a provider said of the past; true: something came. */
static enum sprout_status take_past(struct sprout_daemon *d, struct sprout_place *p,
                                    sprout_instant wall, bool *out_any,
                                    struct sprout_error *err)
{
    struct sprout_grid_list *const l = sprout_grid_as_list(p->grid);
    struct keeping k = {.store = d->store, .err = err};
    k.status = sprout_store_begin(d->store, err);
    if (k.status != SPROUT_OK) {
        return k.status;
    }
    *out_any = sprout_grid_list_take_past(l, wall, keep_one, &k) > 0;
    if (k.status == SPROUT_OK) {
        k.status = sprout_store_commit(d->store, err);
    }
    if (k.status != SPROUT_OK) {
        sprout_store_rollback(d->store);
    }
    return k.status;
}

/* The hours of the place that wait; none: from == until. */
static enum sprout_status waiting(struct sprout_daemon *d, const struct sprout_place *p,
                                  sprout_instant wall, struct sprout_backfill_hours *out,
                                  struct sprout_error *err)
{
    const int64_t now = sprout_instant_hour(wall);
    const int64_t kept = d->config->retention_days * HOURS_PER_DAY;
    const int64_t reach =
        kept < SPROUT_BACKFILL_HOURS_MAX ? kept : SPROUT_BACKFILL_HOURS_MAX;
    return sprout_store_waiting_hours(d->store, sprout_str_of(p->name),
                                      p == &d->places.home, now - reach, now, &out->since,
                                      &out->until, err);
}

static enum sprout_status fill_step(struct sprout_daemon *d, struct sprout_place *p,
                                    struct sprout_error *err)
{
    struct sprout_backfill *const b = &p->backfill;
    struct sprout_store_backfilled done = {.hours = 0};
    const struct sprout_backfill_hours hours = {
        b->at, b->until < b->at + STEP_HOURS ? b->until : b->at + STEP_HOURS};
    const enum sprout_status status = sprout_backfill_history(
        d->store, sprout_grid_as_list(p->grid), sprout_str_of(p->name),
        p == &d->places.home, hours, &done, err);
    if (status == SPROUT_OK) {
        b->at = hours.until;
        b->receipts += done.receipts;
        d->health_stale = d->health_stale || done.receipts > 0;
        if (done.hours > 0) {
            sprout_log_info("backfilled",
                            "%s: %lld hours have a value now, %lld "
                            "requests have grams",
                            p->name[0] == '\0' ? "grid" : p->name, (long long)done.hours,
                            (long long)done.receipts);
        }
    }
    return status;
}

static enum sprout_status look(struct sprout_daemon *d, struct sprout_place *p,
                               sprout_instant wall, struct sprout_error *err)
{
    struct sprout_backfill *const b = &p->backfill;
    struct sprout_backfill_hours hours = {0, 0};
    const enum sprout_status status = waiting(d, p, wall, &hours, err);

    b->next = sprout_instant_add(wall, sprout_span_seconds(LOOK_SECONDS));
    if (status != SPROUT_OK || hours.since == hours.until) {
        b->filled = false;
        b->ask_from = 0;
        return status;
    }
    if (!b->filled) {
        b->filled = true;
        b->at = hours.since;
        b->until = hours.until;
        b->next = wall;
        return SPROUT_OK;
    }
    const int64_t from = b->ask_from > hours.since && b->ask_from < hours.until
                             ? b->ask_from
                             : hours.since;
    sprout_instant reached = {0};
    if (wall.ns >= b->ask_next.ns &&
        sprout_grid_list_want_past(
            sprout_grid_as_list(p->grid), (sprout_instant){from * hour_ns},
            (sprout_instant){hours.until * hour_ns}, wall, &reached)) {
        b->ask_next = sprout_instant_add(wall, sprout_span_seconds(ASK_SECONDS));
        b->ask_from = reached.ns / hour_ns;
    }
    b->filled = false;
    return SPROUT_OK;
}

static enum sprout_status step(struct sprout_daemon *d, struct sprout_place *p,
                               sprout_instant wall, struct sprout_error *err)
{
    struct sprout_backfill *const b = &p->backfill;
    bool came = false;

    if (sprout_grid_as_list(p->grid) == NULL) {
        return SPROUT_OK; /* a file's holes stay holes, a constant has none */
    }
    if (b->at < b->until) {
        return fill_step(d, p, err);
    }
    const enum sprout_status status = take_past(d, p, wall, &came, err);
    if (came) {
        b->filled = false;
        b->next = wall;
    }
    return status == SPROUT_OK && wall.ns >= b->next.ns ? look(d, p, wall, err) : status;
}

void sprout_daemon_backfill(struct sprout_daemon *d, sprout_mono mono,
                            sprout_instant wall)
{
    struct sprout_error err = {.message = ""};

    if (d->store == NULL || d->busy || d->ledger_error[0] != '\0' || d->stopping) {
        return;
    }
    enum sprout_status status = step(d, &d->places.home, wall, &err);
    for (size_t i = 0; status == SPROUT_OK && i < d->places.zones; i++) {
        status = step(d, &d->places.zone[i], wall, &err);
    }
    if (status != SPROUT_OK) {
        sprout_daemon_ledger_failed(d, mono, &err);
    }
}
