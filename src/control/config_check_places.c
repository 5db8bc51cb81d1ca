/* SPDX-License-Identifier: Apache-2.0 */
/* config_check_places.c - where upstreams stand and who knows the grid there: what several
 * keys say together. */
#include "control/config_check_inner.h"

#include <stdio.h>

static void check_grid(struct sprout_config_walk *w, yaml_node_t *grid, const char *path)
{
    yaml_node_t *const source = sprout_config_child(w->doc, grid, "source");
    yaml_node_t *const csv = sprout_config_child(w->doc, grid, "csv");
    if (sprout_config_says(source, "csv") &&
        sprout_config_child(w->doc, csv, "file") == NULL) {
        sprout_fail(sprout_config_problem(w, source), SPROUT_CONFIG,
                    "%s.source: found 'csv', expected 'csv: {file: ...}' beside it",
                    path);
    }
    if (csv != NULL && !sprout_config_says(source, "csv")) {
        sprout_fail(sprout_config_problem(w, csv), SPROUT_CONFIG,
                    "%s.csv: has no effect: expected 'source: csv' beside it", path);
    }
}

static bool has_text(struct sprout_config_walk *w, yaml_node_t *mapping, const char *key)
{
    const yaml_node_t *const node = sprout_config_child(w->doc, mapping, key);
    return node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0;
}

/* Does another upstream of that zone say its grid? */
static bool elsewhere(struct sprout_config_walk *w, yaml_node_t *list,
                      struct sprout_str zone)
{
    for (size_t i = 0; i < sprout_config_count(list); i++) {
        yaml_node_t *node = NULL;
        if (sprout_str_eq(zone, sprout_config_entry_text(w, list, i, "zone", &node)) &&
            sprout_config_child(w->doc, sprout_config_entry(w, list, i), "grid") !=
                NULL) {
            return true;
        }
    }
    return false;
}

/* An entry that says a zone and no grid is told of by the configuration's own: which must
 * then be able to tell of any zone. */
static void check_inherited(struct sprout_config_walk *w, yaml_node_t *zone,
                            yaml_node_t *grid, size_t i)
{
    yaml_node_t *const providers = sprout_config_child(w->doc, grid, "providers");
    bool fixed = sprout_config_says(sprout_config_child(w->doc, grid, "source"), "csv");
    for (size_t k = 0; k < sprout_config_count(providers); k++) {
        yaml_node_t *node = NULL;
        (void)sprout_config_entry_text(w, providers, k, "zone", &node);
        fixed = fixed || node != NULL;
        (void)sprout_config_entry_text(w, providers, k, "file", &node);
        fixed = fixed || node != NULL;
    }
    if (fixed && !sprout_config_says(sprout_config_child(w->doc, grid, "zone"),
                                     (const char *)zone->data.scalar.value)) {
        sprout_fail(
            sprout_config_problem(w, zone), SPROUT_CONFIG,
            "upstreams[%zu].zone: '%.31s' has no grid of its own, and 'grid' has a "
            "file or a provider of another zone: expected 'grid:' beside it",
            i, (const char *)zone->data.scalar.value);
    }
}

/* With several places each has a name, or nobody could tell their hours apart. */
static void check_home(struct sprout_config_walk *w, yaml_node_t *list, yaml_node_t *grid)
{
    for (size_t i = 0; i < sprout_config_count(list); i++) {
        yaml_node_t *zone = NULL;
        (void)sprout_config_entry_text(w, list, i, "zone", &zone);
        if (zone != NULL && !has_text(w, grid, "zone")) {
            sprout_fail(sprout_config_problem(w, zone), SPROUT_CONFIG,
                        "upstreams[%zu].zone: expected 'grid.zone', too: where "
                        "'upstream' stands",
                        i);
            return;
        }
    }
}

/* The entry's own grid, or that it has one to be told of by. */
static void check_own_grid(struct sprout_config_walk *w, yaml_node_t *list, size_t i,
                           yaml_node_t *grid)
{
    char path[SPROUT_CONFIG_PATH];
    yaml_node_t *zone = NULL;
    yaml_node_t *const own =
        sprout_config_child(w->doc, sprout_config_entry(w, list, i), "grid");
    const struct sprout_str name = sprout_config_entry_text(w, list, i, "zone", &zone);

    snprintf(path, sizeof path, "upstreams[%zu].grid", i);
    check_grid(w, own, path);
    if (own != NULL && zone == NULL && !has_text(w, own, "zone")) {
        sprout_fail(sprout_config_problem(w, own), SPROUT_CONFIG,
                    "%s: expected 'zone:' beside it: its requests are told apart by "
                    "its name",
                    path);
    }
    if (own == NULL && zone != NULL && zone->type == YAML_SCALAR_NODE &&
        !elsewhere(w, list, name)) {
        check_inherited(w, zone, grid, i);
    }
}

/* Entry i must have another path than entry k, and not say the grid of k's zone again. */
static void check_pair(struct sprout_config_walk *w, yaml_node_t *list, size_t i,
                       size_t k)
{
    yaml_node_t *where = NULL, *zone = NULL, *other = NULL;
    const struct sprout_str at = sprout_config_entry_text(w, list, i, "path", &where);
    const struct sprout_str name = sprout_config_entry_text(w, list, i, "zone", &zone);
    yaml_node_t *const own =
        sprout_config_child(w->doc, sprout_config_entry(w, list, i), "grid");

    if (at.len > 0 &&
        sprout_str_eq(at, sprout_config_entry_text(w, list, k, "path", &other))) {
        sprout_fail(sprout_config_problem(w, where), SPROUT_CONFIG,
                    "upstreams[%zu].path: found '%.*s' again, expected another "
                    "than upstreams[%zu]'s",
                    i, (int)at.len, at.ptr, k);
    }
    if (own != NULL && name.len > 0 &&
        sprout_str_eq(name, sprout_config_entry_text(w, list, k, "zone", &other)) &&
        sprout_config_child(w->doc, sprout_config_entry(w, list, k), "grid") != NULL) {
        sprout_fail(sprout_config_problem(w, own), SPROUT_CONFIG,
                    "upstreams[%zu].grid: upstreams[%zu] says the grid of '%.*s' "
                    "already: expected it once",
                    i, k, (int)name.len, name.ptr);
    }
}

void sprout_config_check_places(struct sprout_config_walk *w, yaml_node_t *upstreams,
                                yaml_node_t *grid)
{
    check_grid(w, grid, "grid");
    check_home(w, upstreams, grid);
    for (size_t i = 0; i < sprout_config_count(upstreams); i++) {
        check_own_grid(w, upstreams, i, grid);
        for (size_t k = 0; k < i; k++) {
            check_pair(w, upstreams, i, k);
        }
    }
}
