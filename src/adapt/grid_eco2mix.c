/* SPDX-License-Identifier: Apache-2.0 */
/* grid_eco2mix.c - RTE's eco2mix: France, average, direct, a quarter of an hour.
 *
 * The table has rows for the rest of the day with nulls in them, so the query asks for rows
 * that have a value; a field may also hold the text "ND" (not available), which is no value
 * either. */
#include <stdio.h>

#include "adapt/grid_json.h"

enum { STEP_S = 900, PAST_S = 86400, MINUTES = (int)sizeof "2018-01-20T12:00" - 1 };

static bool zone_ok(struct sprout_str zone)
{
    return sprout_str_eq(zone, SPROUT_STR("FR"));
}

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    char from[32], until[32], where[160] = "";
    const bool past = ask->call == SPROUT_GRID_CALL_PAST;
    if (past) {
        sprout_grid_put_moment(from, ask->from, MINUTES);
        sprout_grid_put_moment(until, ask->until, MINUTES);
        snprintf(where, sizeof where,
                 "%%20and%%20date_heure%%20%%3E%%3D%%20date'%s'"
                 "%%20and%%20date_heure%%20%%3C%%20date'%s'",
                 from, until);
    }
    return sprout_grid_put_url(
        out,
        "%s/catalog/datasets/eco2mix-national-tr/records?order_by=date_heure%%20desc&"
        "limit=%d&where=taux_co2%%20is%%20not%%20null%s",
        ask->base, past ? 100 : 4, where);
}

static enum sprout_status take(const json_t *row, struct sprout_grid_points *out,
                               struct sprout_error *err)
{
    struct sprout_grid_slot_at slot = {.seconds = STEP_S, .scale = 1};
    const struct sprout_str place = sprout_grid_json_text(row, "perimetre");
    const json_t *const value = json_object_get(row, "taux_co2");
    enum sprout_status status =
        sprout_grid_json_moment(row, "date_heure", &slot.start, err);

    if (status == SPROUT_OK && place.len > 0) {
        status = sprout_grid_same("perimetre", place, SPROUT_STR("France"), err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    const bool none =
        sprout_str_eq(sprout_grid_json_text(row, "taux_co2"), SPROUT_STR("ND"));
    return sprout_grid_points_add(out, &slot, none ? NULL : value, err);
}

static enum sprout_status parse(const struct sprout_grid_ask *ask, struct sprout_str body,
                                struct sprout_grid_points *out, struct sprout_error *err)
{
    (void)ask;
    json_t *root = NULL;
    const json_t *row;
    size_t i;
    *out = (struct sprout_grid_points){.n = 0};
    enum sprout_status status = sprout_grid_json_load(body, &root, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const json_t *const rows = json_object_get(root, "results");
    if (!json_is_array(rows)) {
        status = sprout_fail(err, SPROUT_INVALID, "the reply has no list of results");
    }
    json_array_foreach(rows, i, row)
    {
        status = status == SPROUT_OK ? take(row, out, err) : status;
    }
    json_decref(root);
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

const struct sprout_grid_live_provider sprout_grid_eco2mix = {
    .name = "eco2mix",
    .base = "https://odre.opendatasoft.com/api/explore/v2.1",
    .average = true,
    .direct = true,
    .step_s = STEP_S,
    .lag_s = 3600,
    .past_s = PAST_S,
    .zones = "FR",
    .zone_ok = zone_ok,
    .request = request,
    .parse = parse,
};
