/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_window.c - the windows over which floors are kept: one for each place.
 *
 * Made anew for each plan from the ledger's hourly sums and the grids, so nothing of them
 * has to survive a restart.  Sums carry the wall's hour; a replay has hours of its own, which
 * are told by when its slots began.
 * Where the ledger cannot be read the account is not known, and the floor is kept in the
 * hour alone. */
#include "control/daemon_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/instant.h"

enum { SECONDS_PER_HOUR = 3600 };

struct gathering {
    struct sprout_daemon *d;
    double speed[SPROUT_ZONES_MAX + 1]; /* grid seconds a second */
};

static struct sprout_place *place_at(struct sprout_daemon *d, size_t i)
{
    return i == 0 ? &d->places.home : &d->places.zone[i - 1];
}

static double speed_of(struct sprout_grid *g, sprout_instant wall)
{
    const sprout_instant second = {wall.ns + SPROUT_NS_PER_SECOND};
    const double passed =
        (double)(sprout_grid_clock(g, second).ns - sprout_grid_clock(g, wall).ns);
    return passed > 0 ? passed / SPROUT_NS_PER_SECOND : 1;
}

/* When requests of a sum were served, by the grid's clock.  The ledger's moments are rounded
 * down, which must not put a slot into the hour before. */
static sprout_instant moment_of(struct sprout_grid *g, const struct sprout_store_sum *sum)
{
    const int64_t hour_ns = SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
    const struct sprout_str replayed =
        sprout_str_of(sprout_grid_quality_text(SPROUT_GRID_REPLAYED));
    if (sprout_str_eq(sum->slot.quality, replayed)) {
        return (sprout_instant){sprout_grid_clock(g, sum->slot.at).ns +
                                SPROUT_NS_PER_SECOND};
    }
    return sprout_grid_clock(g, (sprout_instant){sum->hour * hour_ns});
}

static void take_sum(void *ctx, const struct sprout_store_sum *sum)
{
    const struct gathering *const g = ctx;
    struct sprout_daemon *const d = g->d;
    size_t i = d->places.zones; /* what is of no zone is of home */
    while (i > 0 &&
           !sprout_str_eq(sum->slot.zone, sprout_str_of(d->places.zone[i - 1].name))) {
        i--;
    }
    sprout_window_note(&d->window[i], d->config, moment_of(place_at(d, i)->grid, sum),
                       sum);
}

static void begin(struct sprout_daemon *d, size_t i, enum sprout_window_kind kind,
                  sprout_instant wall)
{
    struct sprout_grid *const grid = place_at(d, i)->grid;
    struct sprout_window *const w = &d->window[i];
    sprout_window_begin(w, kind, sprout_grid_clock(grid, wall));
    (void)sprout_grid_foretell(grid, wall, w->hour + 1, w->plan.hours - 1);
}

/* The earliest wall time that any window asks for. */
static sprout_instant since(const struct gathering *g, sprout_instant wall)
{
    int64_t first = wall.ns;
    for (size_t i = 0; i <= g->d->places.zones; i++) {
        const struct sprout_window *const w = &g->d->window[i];
        const double back = (double)(w->clock.ns - sprout_window_since(w).ns);
        const int64_t at = wall.ns - (int64_t)(back / g->speed[i]);
        first = at < first ? at : first;
    }
    return (sprout_instant){first};
}

bool sprout_daemon_windows(struct sprout_daemon *d, sprout_instant wall)
{
    const enum sprout_window_kind kind = sprout_config_window(&d->config->quality);
    struct gathering g = {.d = d};

    if (kind == SPROUT_WINDOW_HOUR || d->store == NULL) {
        return false;
    }
    if (d->window == NULL) {
        d->window = calloc(SPROUT_ZONES_MAX + 1, sizeof *d->window);
    }
    for (size_t i = 0; d->window != NULL && i <= d->places.zones; i++) {
        g.speed[i] = speed_of(place_at(d, i)->grid, wall);
        begin(d, i, kind, wall);
    }
    if (d->window == NULL ||
        sprout_store_sums(d->store,
                          (struct sprout_store_range){since(&g, wall), {INT64_MAX}},
                          SPROUT_BY_HOUR | SPROUT_BY_SLOT | SPROUT_BY_LEVEL |
                              SPROUT_BY_ARM | SPROUT_BY_RULE | SPROUT_BY_STRATUM,
                          take_sum, &g, NULL) != SPROUT_OK) {
        return false;
    }
    for (size_t i = 0; i <= d->places.zones; i++) {
        sprout_window_finish(&d->window[i]);
    }
    return true;
}

bool sprout_daemon_window_turned(struct sprout_daemon *d, sprout_instant wall)
{
    const int64_t hour =
        sprout_instant_hour(sprout_grid_clock(d->places.home.grid, wall));
    const bool turned = hour != d->window_hour &&
                        sprout_config_window(&d->config->quality) != SPROUT_WINDOW_HOUR;
    d->window_hour = hour;
    return turned;
}
