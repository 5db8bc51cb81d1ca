/* SPDX-License-Identifier: Apache-2.0 */
/* grid_energy_charts.c - energy-charts.info: average intensity of a European country.
 *
 * One reply holds the whole day as parallel arrays: measured values, forecasts, and slots
 * with neither.  The reply does not name its country, so there is no zone to compare.  The
 * step is the distance of two entries (15 minutes in most countries).  The source does not
 * state the scope of its factors; it is what the configuration says. */
#include "adapt/grid_json.h"

enum { PAST_S = 7 * 86400, MINUTES = (int)sizeof "2018-01-20T12:00" - 1 };

static bool zone_ok(struct sprout_str zone)
{
    return zone.len == 2 && zone.ptr[0] >= 'a' && zone.ptr[0] <= 'z' &&
           zone.ptr[1] >= 'a' && zone.ptr[1] <= 'z';
}

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    char from[32], until[32];
    if (ask->call == SPROUT_GRID_CALL_PAST) {
        sprout_grid_put_moment(from, ask->from, MINUTES);
        sprout_grid_put_moment(until, ask->until, MINUTES);
        return sprout_grid_put_url(out, "%s/co2eq?country=%s&start=%sZ&end=%sZ",
                                   ask->base, ask->zone, from, until);
    }
    return sprout_grid_put_url(out, "%s/co2eq?country=%s", ask->base, ask->zone);
}

struct arrays {
    const json_t *at;
    const json_t *measured;
    const json_t *forecast;
    size_t n;
};

static enum sprout_status find(const json_t *root, struct arrays *out,
                               struct sprout_error *err)
{
    const struct arrays a = {
        .at = json_object_get(root, "unix_seconds"),
        .measured = json_object_get(root, "co2eq"),
        .forecast = json_object_get(root, "co2eq_forecast"),
        .n = json_array_size(json_object_get(root, "unix_seconds")),
    };
    if (!json_is_array(a.at) || !json_is_array(a.measured)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply has no arrays unix_seconds and co2eq");
    }
    if (json_array_size(a.measured) != a.n ||
        (json_is_array(a.forecast) && json_array_size(a.forecast) != a.n)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply's arrays differ in length: which value belongs to "
                           "which time is not known");
    }
    *out = a;
    return SPROUT_OK;
}

static int64_t second_at(const struct arrays *a, size_t i)
{
    return json_integer_value(json_array_get(a->at, i));
}

static enum sprout_status take(const struct arrays *a, struct sprout_grid_points *out,
                               struct sprout_error *err)
{
    struct sprout_grid_slot_at slot = {.scale = 1};
    enum sprout_status status = SPROUT_OK;

    for (size_t i = 0; status == SPROUT_OK && i < a->n; i++) {
        const json_t *value = json_array_get(a->measured, i);
        const int64_t at = second_at(a, i);
        if (at <= 0 || at > INT32_MAX * INT64_C(4)) {
            return sprout_fail(err, SPROUT_INVALID, "the reply has a time of %lld s",
                               (long long)at);
        }
        slot.seconds = i + 1 < a->n ? second_at(a, i + 1) - at
                       : i > 0      ? at - second_at(a, i - 1)
                                    : 900;
        slot.start.ns = at * SPROUT_NS_PER_SECOND;
        slot.forecast = json_is_null(value);
        value = slot.forecast ? json_array_get(a->forecast, i) : value;
        status = sprout_grid_points_add(out, &slot, value, err);
    }
    return status;
}

static enum sprout_status parse(const struct sprout_grid_ask *ask, struct sprout_str body,
                                struct sprout_grid_points *out, struct sprout_error *err)
{
    (void)ask;
    json_t *root = NULL;
    struct arrays a = {.n = 0};
    *out = (struct sprout_grid_points){.n = 0};
    enum sprout_status status = sprout_grid_json_load(body, &root, err);
    if (status != SPROUT_OK) {
        return status;
    }
    out->deprecated = json_is_true(json_object_get(root, "deprecated"));
    status = find(root, &a, err);
    if (status == SPROUT_OK) {
        status = take(&a, out, err);
    }
    json_decref(root);
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

const struct sprout_grid_live_provider sprout_grid_energy_charts = {
    .name = "energy-charts",
    .base = "https://api.energy-charts.info",
    .average = true,
    .direct = true,
    .lifecycle = true,
    .step_s = 900,
    .past_s = PAST_S,
    .zones = "de",
    .zone_ok = zone_ok,
    .request = request,
    .parse = parse,
};
