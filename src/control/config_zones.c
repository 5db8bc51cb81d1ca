/* SPDX-License-Identifier: Apache-2.0 */
/* config_zones.c - where the upstreams stand, and who knows the grid there.
 *
 * `upstream` stands in the configuration's own zone, `grid`.  An entry of `upstreams` that
 * says a zone or a grid stands elsewhere; entries of one zone share it, and what one of them
 * says of its grid holds for all.  Whether they contradict each other was checked with the
 * file (config_check.c). */
#include "control/config.h"

#include <string.h>

#include "core/preset.h"

const char *sprout_config_upstream_zone(const struct sprout_config *c,
                                        const struct sprout_config_upstream *u)
{
    const char *const zone =
        u->zone[0] != '\0' ? u->zone : (u->own_grid ? u->grid.zone : "");
    return strcmp(zone, c->grid.zone) == 0 ? "" : zone;
}

static struct sprout_config_zone *find(struct sprout_config_zone *zones, size_t n,
                                       const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(zones[i].name, name) == 0) {
            return &zones[i];
        }
    }
    return NULL;
}

size_t sprout_config_zones(const struct sprout_config *c,
                           struct sprout_config_zone out[SPROUT_ZONES_MAX])
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->upstreams_count; i++) {
        const struct sprout_config_upstream *const u = &c->upstreams[i];
        const char *const name = sprout_config_upstream_zone(c, u);
        struct sprout_config_zone *z = find(out, n, name);
        if (name[0] == '\0' || (z == NULL && n == SPROUT_ZONES_MAX)) {
            continue;
        }
        if (z == NULL) {
            z = &out[n++];
            *z = (struct sprout_config_zone){name, &c->grid};
        }
        if (u->own_grid) {
            z->grid = &u->grid;
        }
    }
    return n;
}

/* Of `source: static`: a country's mix where one is named. */
static double constant_of(const struct sprout_config_grid *g)
{
    const struct sprout_preset *const mix =
        sprout_preset_find(SPROUT_PRESET_MIX, sprout_str_of(g->static_mix));
    return mix != NULL ? mix->value : g->static_g_per_kwh;
}

static struct sprout_grid_opts opts_of(const struct sprout_config_grid *g,
                                       const char *zone, sprout_instant epoch)
{
    return (struct sprout_grid_opts){
        .source = g->source,
        .zone = sprout_str_of(zone),
        .intensity = {constant_of(g)},
        .csv_file = g->csv.file,
        .csv_scope = g->csv.column,
        .csv_start = sprout_str_of(g->csv.start),
        .csv_speed = g->csv.speed,
        .csv_sha256 = sprout_str_of(g->csv.sha256),
        .epoch = epoch,
        .entries = g->providers,
        .entries_count = g->providers_count,
        .list_kind = g->signal,
        .list_scope = g->factors,
        .list_mix = g->mix_signals,
    };
}

struct sprout_grid_opts sprout_config_grid_opts(const struct sprout_config *c,
                                                sprout_instant epoch)
{
    return opts_of(&c->grid, c->grid.zone, epoch);
}

struct sprout_grid_opts sprout_config_zone_opts(const struct sprout_config_zone *z,
                                                sprout_instant epoch)
{
    return opts_of(z->grid, z->name, epoch);
}
