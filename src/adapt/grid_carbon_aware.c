/* SPDX-License-Identifier: Apache-2.0 */
/* grid_carbon_aware.c - the Carbon Aware SDK's WebAPI, self-hosted, always in g/kWh.
 *
 * What signal it passes on is its source's affair and not in the reply: kind and scope are
 * what our configuration says.  `location` in a reply is the source's name of the place;
 * where that differs from the one asked for, `reply_zone` says what is expected.
 * `duration` is a time span in emissions and minutes in forecasts; results may come newest
 * first; optimalDataPoints is not read. */
#include <stdio.h>

#include "adapt/grid_json.h"

enum { BACK_S = 2 * 3600, STEP_S = 300, PAST_S = 3 * 86400 };

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    char from[32], until[32];

    if (ask->call == SPROUT_GRID_CALL_AHEAD) {
        return sprout_grid_put_url(out, "%s/emissions/forecasts/current?location=%s",
                                   ask->base, ask->zone);
    }
    const bool past = ask->call == SPROUT_GRID_CALL_PAST;
    const sprout_instant since =
        past ? ask->from : sprout_instant_add(ask->now, sprout_span_seconds(-BACK_S));
    sprout_grid_put_moment(from, since, 20);
    sprout_grid_put_moment(until, past ? ask->until : ask->now, 20);
    return sprout_grid_put_url(out,
                               "%s/emissions/bylocation?location=%s&time=%s&toTime=%s",
                               ask->base, ask->zone, from, until);
}

/* "00:05:00", or "1.00:00:00" with days; 0: something else. */
static int64_t span_seconds(struct sprout_str text)
{
    int64_t part[3] = {0, 0, 0};
    size_t from = 0;
    int parts = 0;

    for (size_t i = 0; i <= text.len && parts < 3; i++) {
        if (i < text.len && text.ptr[i] != ':') {
            continue;
        }
        if (sprout_str_to_i64((struct sprout_str){text.ptr + from, i - from},
                              &part[parts]) != SPROUT_OK ||
            part[parts] < 0 || part[parts] > 3600) {
            return 0;
        }
        parts++;
        from = i + 1;
    }
    return parts == 3 && from > text.len ? (part[0] * 60 + part[1]) * 60 + part[2] : 0;
}

static int64_t duration_of(const json_t *o)
{
    const json_t *const d = json_object_get(o, "duration");
    if (json_is_integer(d)) {
        const json_int_t minutes = json_integer_value(d);
        return minutes > 0 && minutes <= 1440 ? minutes * 60 : 0;
    }
    return json_is_string(d) ? span_seconds(sprout_grid_json_text(o, "duration"))
                             : STEP_S;
}

static enum sprout_status take(const struct sprout_grid_ask *ask, const json_t *list,
                               bool forecast, struct sprout_grid_points *out,
                               struct sprout_error *err)
{
    const json_t *item;
    size_t i;
    enum sprout_status status = SPROUT_OK;

    json_array_foreach(list, i, item)
    {
        struct sprout_grid_slot_at slot = {
            .seconds = duration_of(item), .scale = 1, .forecast = forecast};
        status = sprout_grid_same("location", sprout_grid_json_text(item, "location"),
                                  sprout_str_of(ask->reply_zone), err);
        if (status == SPROUT_OK) {
            status = sprout_grid_json_moment(item, forecast ? "timestamp" : "time",
                                             &slot.start, err);
        }
        if (status == SPROUT_OK) {
            status = sprout_grid_points_add(
                out, &slot, json_object_get(item, forecast ? "value" : "rating"), err);
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
    const json_t *item;
    size_t i;
    *out = (struct sprout_grid_points){.n = 0};
    enum sprout_status status = sprout_grid_json_load(body, &root, err);
    if (status != SPROUT_OK) {
        return status;
    }
    if (!json_is_array(root)) {
        status = sprout_fail(err, SPROUT_INVALID, "the reply is no list of values");
    } else if (ask->call == SPROUT_GRID_CALL_AHEAD) {
        json_array_foreach(root, i, item)
        {
            status =
                status == SPROUT_OK
                    ? take(ask, json_object_get(item, "forecastData"), true, out, err)
                    : status;
        }
    } else {
        status = take(ask, root, false, out, err);
    }
    json_decref(root);
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

const struct sprout_grid_live_provider sprout_grid_carbon_aware = {
    .name = "carbon-aware-sdk",
    .base = "",
    .average = true,
    .marginal = true,
    .direct = true,
    .lifecycle = true,
    .step_s = 3600, /* its sources' steps vary: the longest of them */
    .ahead = true,
    .past_s = PAST_S,
    .zones = "eastus",
    .request = request,
    .parse = parse,
};
