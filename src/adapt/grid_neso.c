/* SPDX-License-Identifier: Apache-2.0 */
/* grid_neso.c - Great Britain's Carbon Intensity API: national, by region, by postcode.
 *
 * Zones: `GB`, `region/13`, `postcode/SW7`.  One call from the last half hour on brings now
 * and a day ahead.  `actual` is null for half hours that are not over: then the forecast
 * counts and is marked as one; regions have forecasts only.
 * Regional replies come in three shapes (regions inside each half hour; an array of regions
 * with data inside; a bare object where the documentation shows an array), and all are
 * taken.  A region is found by the id that was asked for; a postcode reply is known by the
 * postcode, since its region id can be off by one. */
#include <stdio.h>

#include "adapt/grid_json.h"

enum { PAST_S = 13 * 86400, MINUTES = (int)sizeof "2018-01-20T12:00" - 1 };

static struct sprout_str after(struct sprout_str s, struct sprout_str prefix)
{
    return sprout_str_starts(s, prefix)
               ? (struct sprout_str){s.ptr + prefix.len, s.len - prefix.len}
               : (struct sprout_str){"", 0};
}

/* 1 to 17; 0: the zone names no region. */
static int64_t region_of(struct sprout_str zone)
{
    int64_t id = 0;
    const struct sprout_str digits = after(zone, SPROUT_STR("region/"));
    return sprout_str_to_i64(digits, &id) == SPROUT_OK && id >= 1 && id <= 17 ? id : 0;
}

static struct sprout_str postcode_of(struct sprout_str zone)
{
    return after(zone, SPROUT_STR("postcode/"));
}

static bool zone_ok(struct sprout_str zone)
{
    const struct sprout_str code = postcode_of(zone);
    return sprout_str_eq(zone, SPROUT_STR("GB")) || region_of(zone) != 0 ||
           (code.len >= 2 && code.len <= 4);
}

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    char from[32], span[40] = "fw24h";
    const bool past = ask->call == SPROUT_GRID_CALL_PAST;
    const struct sprout_str zone = sprout_str_of(ask->zone);
    const struct sprout_str code = postcode_of(zone);
    const sprout_instant since =
        past ? ask->from : sprout_instant_add(ask->now, sprout_span_seconds(-1800));

    sprout_grid_put_moment(from, since, MINUTES);
    if (past) {
        sprout_grid_put_moment(span, ask->until, MINUTES);
        snprintf(span + strlen(span), sizeof span - strlen(span), "Z");
    }
    snprintf(out->header, sizeof out->header, "Accept: application/json");
    if (code.len > 0) {
        return sprout_grid_put_url(out, "%s/regional/intensity/%sZ/%s/postcode/%.*s",
                                   ask->base, from, span, (int)code.len, code.ptr);
    }
    if (region_of(zone) != 0) {
        return sprout_grid_put_url(out, "%s/regional/intensity/%sZ/%s/regionid/%lld",
                                   ask->base, from, span, (long long)region_of(zone));
    }
    return sprout_grid_put_url(out, "%s/intensity/%sZ/%s", ask->base, from, span);
}

/* One half hour; `holder` is what has `intensity`. */
static enum sprout_status take(const json_t *slot_object, const json_t *holder,
                               struct sprout_grid_points *out, struct sprout_error *err)
{
    sprout_instant end = {0};
    struct sprout_grid_slot_at slot = {.scale = 1};
    const json_t *const intensity = json_object_get(holder, "intensity");
    const json_t *const actual = json_object_get(intensity, "actual");
    enum sprout_status status =
        sprout_grid_json_moment(slot_object, "from", &slot.start, err);

    if (status == SPROUT_OK) {
        status = sprout_grid_json_moment(slot_object, "to", &end, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    slot.seconds = sprout_instant_since(end, slot.start).ns / SPROUT_NS_PER_SECOND;
    slot.forecast = !json_is_number(actual);
    if (actual != NULL && !json_is_null(actual)) {
        return sprout_grid_points_add(out, &slot, actual, err);
    }
    return sprout_grid_points_add(out, &slot, json_object_get(intensity, "forecast"),
                                  err);
}

/* Is this the region or postcode that was asked for? */
static bool is_ours(const struct sprout_grid_ask *ask, const json_t *region)
{
    const struct sprout_str zone = sprout_str_of(ask->zone);
    if (region_of(zone) != 0) {
        return json_integer_value(json_object_get(region, "regionid")) == region_of(zone);
    }
    return sprout_str_ieq(sprout_grid_json_text(region, "postcode"), postcode_of(zone));
}

static enum sprout_status not_ours(const struct sprout_grid_ask *ask,
                                   struct sprout_error *err)
{
    return sprout_fail(
        err, SPROUT_INVALID,
        "the reply is for another region or postcode: expected '%s', which "
        "was asked for",
        ask->zone);
}

/* A half hour with all regions in it. */
static enum sprout_status take_nested(const struct sprout_grid_ask *ask,
                                      const json_t *slot, struct sprout_grid_points *out,
                                      struct sprout_error *err)
{
    const json_t *region;
    size_t i;

    json_array_foreach(json_object_get(slot, "regions"), i, region)
    {
        if (region_of(sprout_str_of(ask->zone)) != 0 && is_ours(ask, region)) {
            return take(slot, region, out, err);
        }
    }
    return not_ours(ask, err);
}

static enum sprout_status take_one(const struct sprout_grid_ask *ask, const json_t *o,
                                   struct sprout_grid_points *out,
                                   struct sprout_error *err)
{
    if (json_is_array(json_object_get(o, "regions"))) {
        return take_nested(ask, o, out, err);
    }
    if (json_is_array(json_object_get(o, "data"))) { /* a region with its half hours */
        const json_t *slot;
        size_t i;
        enum sprout_status status = is_ours(ask, o) ? SPROUT_OK : not_ours(ask, err);
        json_array_foreach(json_object_get(o, "data"), i, slot)
        {
            status = status == SPROUT_OK ? take(slot, slot, out, err) : status;
        }
        return status;
    }
    if (!sprout_str_eq(sprout_str_of(ask->zone), SPROUT_STR("GB"))) {
        return not_ours(ask, err); /* a national half hour */
    }
    return take(o, o, out, err);
}

static enum sprout_status take_list(const struct sprout_grid_ask *ask, const json_t *list,
                                    struct sprout_grid_points *out,
                                    struct sprout_error *err)
{
    const json_t *item;
    size_t i;
    enum sprout_status status = SPROUT_OK;

    json_array_foreach(list, i, item)
    {
        status = status == SPROUT_OK ? take_one(ask, item, out, err) : status;
    }
    return status;
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
    const json_t *const data = json_object_get(root, "data");
    if (json_is_array(data)) {
        status = take_list(ask, data, out, err);
    } else if (json_is_object(data)) {
        status = take_one(ask, data, out, err);
    } else {
        status = sprout_fail(err, SPROUT_INVALID,
                             "the reply has no data (the service answers so when it is "
                             "out of order)");
    }
    json_decref(root);
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

const struct sprout_grid_live_provider sprout_grid_neso = {
    .name = "neso",
    .base = "https://api.carbonintensity.org.uk",
    .average = true,
    .direct = true,
    .step_s = 1800,
    .past_s = PAST_S,
    .zones = "GB, region/13 or postcode/SW7",
    .zone_ok = zone_ok,
    .request = request,
    .parse = parse,
};
