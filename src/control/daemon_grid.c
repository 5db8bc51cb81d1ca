/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_grid.c - the grid's part of a turn, in each place where there are machines.
 *
 * Home is where `upstream` stands; a zone is where others do (config_zones.c).  Each place
 * has providers of its own, is asked in its own time, and fails alone: one that knows nothing
 * is served at L0, the others as ever.  What is planned with, kept and told of a place bears
 * its configured name, whatever its providers call it; only the history of values has their
 * spelling, since it is theirs.
 * Not here: what a provider's failure means (adapt/grid_live.h), the plan (daemon_plan.c). */
#include "control/daemon_work.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "adapt/grid_list.h"
#include "adapt/grid_recall.h"
#include "adapt/log.h"
#include "adapt/store_history.h"

enum { GRID_AT_MOST_SECONDS = 60 /* a provider is asked at least this often */ };

/* ---- opening --------------------------------------------------------------------------- */

static enum sprout_status open_place(const struct sprout_grid_opts *opts,
                                     const char *name, struct sprout_place *out,
                                     struct sprout_error *err)
{
    const enum sprout_status status = sprout_grid_new(opts, &out->grid, err);
    snprintf(out->name, sizeof out->name, "%s", name);
    out->value = SPROUT_GRID_VALUE_NONE;
    out->seeded = status == SPROUT_OK && sprout_grid_as_list(out->grid) == NULL;
    return status;
}

enum sprout_status sprout_daemon_grid_open(const struct sprout_config *c,
                                           sprout_instant epoch,
                                           struct sprout_places *out,
                                           struct sprout_error *err)
{
    struct sprout_config_zone zone[SPROUT_ZONES_MAX];
    const struct sprout_grid_opts home = sprout_config_grid_opts(c, epoch);
    const size_t n = sprout_config_zones(c, zone);

    memset(out, 0, sizeof *out);
    enum sprout_status status = open_place(&home, c->grid.zone, &out->home, err);
    for (size_t i = 0; status == SPROUT_OK && i < n; i++) {
        struct sprout_error why = {.message = ""};
        const struct sprout_grid_opts opts = sprout_config_zone_opts(&zone[i], epoch);
        status = open_place(&opts, zone[i].name, &out->zone[i], &why);
        out->zones = i + 1;
        if (status != SPROUT_OK) {
            sprout_fail(err, status, "zone %s: %.350s", zone[i].name, why.message);
        }
    }
    if (status != SPROUT_OK) {
        sprout_daemon_grid_close(out);
    }
    return status;
}

void sprout_daemon_grid_close(struct sprout_places *p)
{
    sprout_grid_free(p->home.grid);
    p->home.grid = NULL;
    for (size_t i = 0; i < p->zones; i++) {
        sprout_grid_free(p->zone[i].grid);
        p->zone[i].grid = NULL;
    }
    p->zones = 0;
}

void sprout_daemon_grid_use(struct sprout_daemon *d, const struct sprout_places *places,
                            sprout_instant wall)
{
    sprout_daemon_grid_close(&d->places);
    d->places = *places;
    d->places.home.next = wall;
    for (size_t i = 0; i < d->places.zones; i++) {
        d->places.zone[i].next = wall;
    }
}

/* ---- asking ---------------------------------------------------------------------------- */

static bool same_value(const struct sprout_grid_value *a,
                       const struct sprout_grid_value *b)
{
    const bool both_unknown = isnan(a->intensity.v) && isnan(b->intensity.v);
    return a->quality == b->quality && a->slot_start.ns == b->slot_start.ns &&
           sprout_str_eq(a->source, b->source) && sprout_str_eq(a->zone, b->zone) &&
           (both_unknown || a->intensity.v == b->intensity.v);
}

static void tell_unknown(const struct sprout_place *p, const char *why)
{
    sprout_log_warn("grid-unknown", "%s%sno value for now, everything goes at L0: %s",
                    p->name, p->name[0] == '\0' ? "" : ": ", why);
}

static void poll_place(struct sprout_daemon *d, struct sprout_place *p,
                       sprout_instant wall)
{
    struct sprout_error err = {.message = ""};
    struct sprout_grid_value value = SPROUT_GRID_VALUE_NONE;

    /* A wall clock that was set back must not leave the grid alone for an hour. */
    if (wall.ns < p->next.ns &&
        p->next.ns - wall.ns <= GRID_AT_MOST_SECONDS * SPROUT_NS_PER_SECOND) {
        return;
    }
    if (sprout_grid_poll(p->grid, wall, &value, &err) != SPROUT_OK) {
        p->errors++;
        if (p->value.quality != SPROUT_GRID_NONE) {
            tell_unknown(p, err.message);
        }
    }
    if (value.quality == SPROUT_GRID_LIVE && p->value.quality != SPROUT_GRID_LIVE) {
        p->backfill.next = wall; /* somebody is back, and may know what was missed */
    }
    if (!same_value(&value, &p->value)) {
        d->plan_now = true;
        p->kept = false;
        /* A replay says itself when its slot began; all else holds from here on. */
        p->since = value.quality == SPROUT_GRID_REPLAYED ? value.received_at : wall;
    }
    p->value = value;
    if (value.quality == SPROUT_GRID_ASSUMED) {
        p->value.received_at = p->since; /* nobody is asked for a constant */
    }
    const int64_t latest = wall.ns + GRID_AT_MOST_SECONDS * SPROUT_NS_PER_SECOND;
    const sprout_instant next = sprout_grid_next(p->grid, wall);
    p->next.ns = next.ns < latest ? next.ns : latest;
}

void sprout_daemon_grid(struct sprout_daemon *d, sprout_instant wall)
{
    poll_place(d, &d->places.home, wall);
    for (size_t i = 0; i < d->places.zones; i++) {
        poll_place(d, &d->places.zone[i], wall);
    }
}

struct sprout_grid_value sprout_daemon_grid_value(const struct sprout_place *p)
{
    struct sprout_grid_value v = p->value;
    if (p->name[0] != '\0') {
        v.zone = sprout_str_of(p->name);
    }
    return v;
}

struct sprout_plan_zone sprout_daemon_grid_zone(struct sprout_daemon *d,
                                                struct sprout_place *p,
                                                sprout_instant wall)
{
    const int64_t window_s = d->config->quality.window_hours * 3600;
    return (struct sprout_plan_zone){
        .name = sprout_str_of(p->name),
        .grid = sprout_daemon_grid_value(p),
        .range = sprout_grid_range(p->grid, wall, sprout_span_seconds(window_s)),
    };
}

/* ---- what the ledger must know --------------------------------------------------------- */

/* What was live before this process began: the range survives a restart. */
static enum sprout_status seed_place(struct sprout_daemon *d, struct sprout_place *p,
                                     struct sprout_error *err)
{
    const int64_t window_ns =
        d->config->quality.window_hours * 3600 * SPROUT_NS_PER_SECOND;

    if (p->seeded) {
        return SPROUT_OK;
    }
    const enum sprout_status status =
        sprout_grid_recall(sprout_grid_as_list(p->grid), d->store,
                           (sprout_instant){p->next.ns - window_ns}, err);
    p->seeded = status == SPROUT_OK;
    d->plan_now = true;
    return status;
}

enum sprout_status sprout_daemon_grid_seed(struct sprout_daemon *d,
                                           struct sprout_error *err)
{
    enum sprout_status status = seed_place(d, &d->places.home, err);
    for (size_t i = 0; status == SPROUT_OK && i < d->places.zones; i++) {
        status = seed_place(d, &d->places.zone[i], err);
    }
    return status;
}

/* The value by time stands in where a request's policy is not known: home's alone. */
static enum sprout_status keep_at(struct sprout_daemon *d, const struct sprout_place *p,
                                  struct sprout_error *err)
{
    const struct sprout_grid_value v = sprout_daemon_grid_value(p);
    const struct sprout_store_grid g = {
        .since = p->since,
        .source = v.source,
        .slot = {.zone = v.zone,
                 .quality = sprout_str_of(sprout_grid_quality_text(v.quality)),
                 .intensity = v.intensity,
                 .at = v.slot_start},
    };
    return p == &d->places.home ? sprout_store_put_grid(d->store, &g, err) : SPROUT_OK;
}

static enum sprout_status keep_place(struct sprout_daemon *d, struct sprout_place *p,
                                     struct sprout_error *err)
{
    const struct sprout_grid_value *const v = &p->value;

    if (p->kept || v->quality == SPROUT_GRID_NONE) {
        return SPROUT_OK;
    }
    enum sprout_status status = keep_at(d, p, err);
    if (status == SPROUT_OK && sprout_grid_as_list(p->grid) != NULL &&
        (v->quality == SPROUT_GRID_LIVE || v->quality == SPROUT_GRID_REPLAYED)) {
        status = sprout_store_put_history(d->store, v, err);
    }
    p->kept = status == SPROUT_OK;
    return status;
}

enum sprout_status sprout_daemon_grid_keep(struct sprout_daemon *d,
                                           struct sprout_error *err)
{
    enum sprout_status status = keep_place(d, &d->places.home, err);
    for (size_t i = 0; status == SPROUT_OK && i < d->places.zones; i++) {
        status = keep_place(d, &d->places.zone[i], err);
    }
    return status;
}

/* ---- the snapshot ---------------------------------------------------------------------- */

static void put_providers(struct sprout_grid_list *l, sprout_instant wall,
                          struct sprout_snapshot_place *out)
{
    out->providers = l == NULL ? 0 : sprout_grid_list_count(l);
    for (size_t i = 0; i < out->providers; i++) {
        struct sprout_snapshot_provider *const p = &out->provider[i];
        p->state = sprout_grid_list_state(l, i);
        p->value = SPROUT_GRID_VALUE_NONE;
        if (sprout_grid_list_one(l, i, wall, &p->value, NULL) != SPROUT_OK) {
            p->value = SPROUT_GRID_VALUE_NONE; /* its state says why */
        }
    }
}

static void put_place(const struct sprout_daemon *d, const struct sprout_place *p,
                      sprout_instant wall, struct sprout_snapshot_place *out)
{
    out->grid = sprout_daemon_grid_value(p);
    out->clock = sprout_grid_clock(p->grid, wall);
    out->about = sprout_grid_about(p->grid);
    out->errors = p->errors;
    out->backfilled = p->backfill.receipts;
    out->policy = p == &d->places.home || d->policy == NULL
                      ? NULL
                      : sprout_policy_zone_find(d->policy, sprout_str_of(p->name));
    out->why = p->why;
    put_providers(sprout_grid_as_list(p->grid), wall, out);
}

void sprout_daemon_grid_snapshot(struct sprout_daemon *d, sprout_instant wall,
                                 struct sprout_snapshot *out)
{
    put_place(d, &d->places.home, wall, &out->place[0]);
    out->places = d->places.zones + 1;
    for (size_t i = 0; i < d->places.zones; i++) {
        put_place(d, &d->places.zone[i], wall, &out->place[i + 1]);
    }
}
