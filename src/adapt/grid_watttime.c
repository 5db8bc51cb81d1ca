/* SPDX-License-Identifier: Apache-2.0 */
/* grid_watttime.c - WattTime v3: marginal (co2_moer) or average (co2_aoer), direct.
 *
 * Name and password buy a token of half an hour at /login, which is not under /v3.  The
 * unit decides: lbs_co2_per_mwh is converted, a percentile is no intensity and is refused
 * whatever its number.  The forecast from now on is the one call: its first point is now. */
#include <stdio.h>

#include "adapt/grid_json.h"

#define G_PER_KWH_OF_LB_PER_MWH 0.45359237

enum { STEP_S = 300, PAST_S = 3 * 86400 };

static bool zone_ok(struct sprout_str zone)
{
    bool good = zone.len >= 2;
    for (size_t i = 0; i < zone.len; i++) {
        const char c = zone.ptr[i];
        good = good &&
               ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
    }
    return good;
}

static const char *signal_of(const struct sprout_grid_ask *ask)
{
    return ask->kind == SPROUT_GRID_MARGINAL ? "co2_moer" : "co2_aoer";
}

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    if (ask->call == SPROUT_GRID_CALL_LOGIN) {
        out->basic = true;
        return sprout_grid_put_url(out, "%s/login", ask->base);
    }
    snprintf(out->header, sizeof out->header, "Authorization: Bearer %.4000s",
             ask->secret);
    if (ask->call == SPROUT_GRID_CALL_PAST) {
        char from[32], until[32];
        sprout_grid_put_moment(from, ask->from, 20);
        sprout_grid_put_moment(until, ask->until, 20);
        return sprout_grid_put_url(
            out, "%s/v3/historical?region=%s&signal_type=%s&start=%s&end=%s", ask->base,
            ask->zone, signal_of(ask), from, until);
    }
    return sprout_grid_put_url(
        out, "%s/v3/forecast?region=%s&signal_type=%s&horizon_hours=%d", ask->base,
        ask->zone, signal_of(ask), SPROUT_GRID_AHEAD_HOURS);
}

static enum sprout_status check_meta(const struct sprout_grid_ask *ask,
                                     const json_t *meta, struct sprout_error *err)
{
    enum sprout_status status =
        sprout_grid_same("region", sprout_grid_json_text(meta, "region"),
                         sprout_str_of(ask->reply_zone), err);
    if (status == SPROUT_OK) {
        status = sprout_grid_same("signal", sprout_grid_json_text(meta, "signal_type"),
                                  sprout_str_of(signal_of(ask)), err);
    }
    if (status == SPROUT_OK) {
        status = sprout_grid_same("unit", sprout_grid_json_text(meta, "units"),
                                  SPROUT_STR("lbs_co2_per_mwh"), err);
    }
    return status;
}

static enum sprout_status take(const json_t *list, struct sprout_grid_slot_at slot,
                               struct sprout_grid_points *out, struct sprout_error *err)
{
    const json_t *item;
    size_t i;
    enum sprout_status status = SPROUT_OK;

    json_array_foreach(list, i, item)
    {
        const json_t *const inner = json_object_get(item, "forecast");
        if (json_is_array(inner)) { /* the historical shape: forecasts of forecasts */
            status = take(inner, slot, out, err);
        } else {
            status = sprout_grid_json_moment(item, "point_time", &slot.start, err);
            if (status == SPROUT_OK) {
                status = sprout_grid_points_add(out, &slot,
                                                json_object_get(item, "value"), err);
            }
        }
        if (status != SPROUT_OK) {
            return status;
        }
    }
    return SPROUT_OK;
}

static enum sprout_status parse(const struct sprout_grid_ask *ask, struct sprout_str body,
                                struct sprout_grid_points *out, struct sprout_error *err)
{
    json_t *root = NULL;
    *out = (struct sprout_grid_points){.n = 0};
    enum sprout_status status = sprout_grid_json_load(body, &root, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const json_t *const meta = json_object_get(root, "meta");
    const json_t *const period = json_object_get(meta, "data_point_period_seconds");
    const struct sprout_grid_slot_at slot = {
        .seconds = json_is_integer(period) ? json_integer_value(period) : STEP_S,
        .scale = G_PER_KWH_OF_LB_PER_MWH,
        .forecast = ask->call != SPROUT_GRID_CALL_PAST,
    };
    status = check_meta(ask, meta, err);
    if (status == SPROUT_OK) {
        status = take(json_object_get(root, "data"), slot, out, err);
    }
    json_decref(root);
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

const struct sprout_grid_live_provider sprout_grid_watttime = {
    .name = "watttime",
    .base = "https://api.watttime.org",
    .key = SPROUT_GRID_KEY_LOGIN,
    .average = true,
    .marginal = true,
    .direct = true,
    .step_s = STEP_S,
    .past_s = PAST_S,
    .zones = "CAISO_NORTH",
    .zone_ok = zone_ok,
    .request = request,
    .parse = parse,
};
