/* SPDX-License-Identifier: Apache-2.0 */
/* grid_electricitymaps.c - Electricity Maps v3: average intensity, lifecycle or direct.
 *
 * Facts that shape it: the default scope is lifecycle, so the scope is always sent and the
 * reply's compared; without a zone it understands, the service may answer for the caller's
 * IP address, so that is switched off and the zone compared as well; freshness is
 * `datetime`, since `updatedAt` often lies before it.  The key goes in `auth-token`.
 * Shapes: a flat object (latest, past), or `history`, `data` or `forecast` arrays. */
#include <stdio.h>

#include "adapt/grid_json.h"

enum { PAST_S = 9 * 86400, HISTORY_S = 23 * 3600 };

/* The last day is in every plan, a range is not. */
static bool request_past(const struct sprout_grid_ask *ask,
                         struct sprout_grid_request *out)
{
    char from[32], until[32], range[80] = "";
    const bool recent = ask->now.ns - ask->from.ns <= HISTORY_S * SPROUT_NS_PER_SECOND;

    sprout_grid_put_moment(from, ask->from, 20);
    sprout_grid_put_moment(until, ask->until, 20);
    if (!recent) {
        snprintf(range, sizeof range, "&start=%s&end=%s", from, until);
    }
    return sprout_grid_put_url(out,
                               "%s/carbon-intensity/%s?zone=%s&emissionFactorType=%s&"
                               "shouldUseFallbackCallerLookup=false%s",
                               ask->base, recent ? "history" : "past-range", ask->zone,
                               sprout_grid_scope_text(ask->scope), range);
}

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    const bool ahead = ask->call == SPROUT_GRID_CALL_AHEAD;

    snprintf(out->header, sizeof out->header, "auth-token: %.4000s", ask->secret);
    if (ask->call == SPROUT_GRID_CALL_PAST) {
        return request_past(ask, out);
    }
    return sprout_grid_put_url(out,
                               "%s/carbon-intensity/%s?zone=%s&emissionFactorType=%s&"
                               "shouldUseFallbackCallerLookup=false%s",
                               ask->base, ahead ? "forecast" : "latest", ask->zone,
                               sprout_grid_scope_text(ask->scope),
                               ahead ? "&horizonHours=24" : "");
}

/* Seconds of a slot, which the reply may name. */
static int64_t step_of(const json_t *root)
{
    static const struct {
        const char *word;
        int64_t seconds;
    } steps[] = {{"5_minutes", 300}, {"15_minutes", 900}, {"hourly", 3600}};
    const struct sprout_str word = sprout_grid_json_text(root, "temporalGranularity");

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (sprout_str_eq(word, sprout_str_of(steps[i].word))) {
            return steps[i].seconds;
        }
    }
    return word.len == 0 ? 3600 : 0; /* days and months are no intensity of now */
}

static enum sprout_status take(const struct sprout_grid_ask *ask, const json_t *o,
                               int64_t seconds, bool forecast,
                               struct sprout_grid_points *out, struct sprout_error *err)
{
    struct sprout_grid_slot_at slot = {
        .seconds = seconds,
        .scale = 1,
        .estimated = json_is_true(json_object_get(o, "isEstimated")),
        .forecast = forecast,
    };
    const struct sprout_str scope = sprout_grid_json_text(o, "emissionFactorType");
    const struct sprout_str zone = sprout_grid_json_text(o, "zone");
    enum sprout_status status = SPROUT_OK;

    if (zone.len > 0) {
        status = sprout_grid_same("zone", zone, sprout_str_of(ask->reply_zone), err);
    }
    if (status == SPROUT_OK && scope.len > 0) {
        status = sprout_grid_same("emissionFactorType", scope,
                                  sprout_str_of(sprout_grid_scope_text(ask->scope)), err);
    }
    if (status == SPROUT_OK) {
        status = sprout_grid_json_moment(o, "datetime", &slot.start, err);
    }
    return status == SPROUT_OK
               ? sprout_grid_points_add(out, &slot, json_object_get(o, "carbonIntensity"),
                                        err)
               : status;
}

static enum sprout_status take_all(const struct sprout_grid_ask *ask, const json_t *root,
                                   struct sprout_grid_points *out,
                                   struct sprout_error *err)
{
    static const char *const lists[] = {"history", "data", "forecast"};
    const int64_t seconds = step_of(root);
    const json_t *item;
    size_t k;
    enum sprout_status status = sprout_grid_same(
        "zone", sprout_grid_json_text(root, "zone"), sprout_str_of(ask->reply_zone), err);

    if (status != SPROUT_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const json_t *const list = json_object_get(root, lists[i]);
        if (!json_is_array(list)) {
            continue;
        }
        json_array_foreach(list, k, item)
        {
            status = take(ask, item, seconds, i == 2, out, err);
            if (status != SPROUT_OK) {
                return status;
            }
        }
        return SPROUT_OK;
    }
    return take(ask, root, seconds, false, out, err);
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
    status = take_all(ask, root, out, err);
    json_decref(root);
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

/* DE, SE-SE3, US-CAL-CISO: a country's two letters, then parts of it. */
static bool zone_ok(struct sprout_str zone)
{
    bool good = zone.len >= 2 && (zone.len == 2 || zone.ptr[2] == '-');
    for (size_t i = 0; i < zone.len; i++) {
        const char c = zone.ptr[i];
        const bool letter = c >= 'A' && c <= 'Z';
        good = good && (i < 2 ? letter : letter || (c >= '0' && c <= '9') || c == '-');
    }
    /* The United States are a country of zones, none itself. */
    return good && !sprout_str_eq(zone, SPROUT_STR("US"));
}

const struct sprout_grid_live_provider sprout_grid_electricitymaps = {
    .name = "electricitymaps",
    .base = "https://api.electricitymaps.com/v3",
    .key = SPROUT_GRID_KEY_SECRET,
    .average = true,
    .direct = true,
    .lifecycle = true,
    .step_s = 3600,
    .ahead = true,
    .past_s = PAST_S,
    .zones = "DE, SE-SE3 or US-CAL-CISO",
    .zone_ok = zone_ok,
    .request = request,
    .parse = parse,
};
