/* SPDX-License-Identifier: Apache-2.0 */
/* grid_eia.c - EIA v2: the fuel mix of a US balancing authority, weighed with factors.
 *
 * The intensity of an hour is the factor's mean over what was generated.  Factors are ours:
 * Electricity Maps' published defaults by scope, or the configuration's.  Storage (batteries,
 * pumped water) generates nothing itself and is left out; a small negative value (panels at
 * night) counts as nothing.  An hour with a null, or with fewer fuels than the fullest hour
 * of the reply, is not known yet and is no point.  A fuel without a factor refuses the reply:
 * unknown is not zero.
 * Numbers come as text or number; more rows than the reply holds (`total`) means it was cut,
 * which the service does without an error. */
#include <stdio.h>

#include "adapt/grid_json.h"

enum {
    BACK_S = 36 * 3600,
    HOURS_MAX = 200,
    PAST_S = 7 * 86400,
    ROWS_MAX = 5000,
    STEP_S = 3600
};

static const struct {
    const char *fuel;
    double direct;
    double lifecycle;
} factors[] = {
    {"COL", 760, 820}, {"NG", 370, 490},  {"OIL", 406, 650}, {"NUC", 0, 12},
    {"SUN", 0, 45},    {"WND", 0, 11},    {"WAT", 0, 24},    {"GEO", 0, 38},
    {"BIO", 0, 230},   {"OTH", 575, 700}, {"UNK", 575, 700},
};

static const char *const storage[] = {"BAT", "PS", "UES", "SNB", "WNB"};

struct hour {
    sprout_instant start;
    double mwh;
    double mwh_g;
    int fuels;
    bool unknown;
};

struct mix {
    struct hour hour[HOURS_MAX];
    size_t n;
};

/* A balancing authority: CISO, MISO, PJM. */
static bool zone_ok(struct sprout_str zone)
{
    bool good = zone.len >= 2 && zone.len <= 5;
    for (size_t i = 0; i < zone.len; i++) {
        good = good && ((zone.ptr[i] >= 'A' && zone.ptr[i] <= 'Z') ||
                        (zone.ptr[i] >= '0' && zone.ptr[i] <= '9'));
    }
    return good;
}

static bool request(const struct sprout_grid_ask *ask, struct sprout_grid_request *out)
{
    char from[32], until[32];
    const int hour_only = (int)sizeof "2025-01-01T00" - 1; /* a colon is answered 400 */

    const bool past = ask->call == SPROUT_GRID_CALL_PAST;
    const sprout_instant since =
        past ? ask->from : sprout_instant_add(ask->now, sprout_span_seconds(-BACK_S));
    sprout_grid_put_moment(from, since, hour_only);
    sprout_grid_put_moment(until, past ? ask->until : ask->now, hour_only);
    return sprout_grid_put_url(
        out,
        "%s/electricity/rto/fuel-type-data/data/?api_key=%.200s&frequency=hourly&"
        "data%%5B0%%5D=value&facets%%5Brespondent%%5D%%5B%%5D=%s&start=%s&end=%s&length=%"
        "d",
        ask->base, ask->secret, ask->zone, from, until, ROWS_MAX);
}

static bool is_storage(struct sprout_str fuel)
{
    for (size_t i = 0; i < sizeof storage / sizeof storage[0]; i++) {
        if (sprout_str_eq(fuel, sprout_str_of(storage[i]))) {
            return true;
        }
    }
    return false;
}

static bool factor_of(const struct sprout_grid_ask *ask, struct sprout_str fuel,
                      double *out)
{
    for (size_t i = 0; i < ask->factors_count; i++) {
        if (sprout_str_eq(fuel, sprout_str_of(ask->factors[i].fuel))) {
            *out = ask->factors[i].intensity.v;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (sprout_str_eq(fuel, sprout_str_of(factors[i].fuel))) {
            *out = ask->scope == SPROUT_GRID_DIRECT ? factors[i].direct
                                                    : factors[i].lifecycle;
            return true;
        }
    }
    return false;
}

/* A number or the text of one. */
static bool number_of(const json_t *v, double *out)
{
    if (json_is_number(v)) {
        *out = json_number_value(v);
        return true;
    }
    return json_is_string(v) &&
           sprout_str_to_f64(
               (struct sprout_str){json_string_value(v), json_string_length(v)}, out) ==
               SPROUT_OK;
}

static struct hour *hour_at(struct mix *m, sprout_instant start)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->hour[i].start.ns == start.ns) {
            return &m->hour[i];
        }
    }
    if (m->n == HOURS_MAX) {
        return NULL;
    }
    m->hour[m->n] = (struct hour){.start = start};
    return &m->hour[m->n++];
}

static enum sprout_status take(const struct sprout_grid_ask *ask, const json_t *row,
                               struct mix *m, struct sprout_error *err)
{
    sprout_instant start = {0};
    double mwh = 0, factor = 0;
    const struct sprout_str fuel = sprout_grid_json_text(row, "fueltype");
    const struct sprout_str unit = sprout_grid_json_text(row, "value-units");
    const json_t *const value = json_object_get(row, "value");
    enum sprout_status status =
        sprout_grid_same("respondent", sprout_grid_json_text(row, "respondent"),
                         sprout_str_of(ask->reply_zone), err);

    if (status == SPROUT_OK) {
        status = sprout_grid_same("unit", unit, SPROUT_STR("megawatthours"), err);
    }
    if (status == SPROUT_OK) {
        status = sprout_grid_json_moment(row, "period", &start, err);
    }
    if (status != SPROUT_OK || is_storage(fuel)) {
        return status;
    }
    if (!factor_of(ask, fuel, &factor)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "no factor for the fuel '%.*s': add it to 'fuels'",
                           fuel.len > 8 ? 8 : (int)fuel.len, fuel.ptr);
    }
    struct hour *const h = hour_at(m, start);
    if (h == NULL) {
        return sprout_fail(err, SPROUT_INVALID, "the reply has more than %d hours",
                           HOURS_MAX);
    }
    if (!json_is_null(value) && !number_of(value, &mwh)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply has a value that is no number");
    }
    h->fuels++;
    h->unknown = h->unknown || value == NULL || json_is_null(value);
    h->mwh += mwh > 0 ? mwh : 0;
    h->mwh_g += mwh > 0 ? mwh * factor : 0;
    return SPROUT_OK;
}

static enum sprout_status put_points(const struct mix *m, struct sprout_grid_points *out,
                                     struct sprout_error *err)
{
    int fullest = 0;
    enum sprout_status status = SPROUT_OK;

    for (size_t i = 0; i < m->n; i++) {
        fullest = m->hour[i].fuels > fullest ? m->hour[i].fuels : fullest;
    }
    for (size_t i = 0; status == SPROUT_OK && i < m->n; i++) {
        const struct hour *const h = &m->hour[i];
        const bool known = !h->unknown && h->fuels == fullest && h->mwh > 0;
        json_t *const v = known ? json_real(h->mwh_g / h->mwh) : json_null();
        const struct sprout_grid_slot_at slot = {
            .start = h->start, .seconds = STEP_S, .scale = 1, .estimated = true};
        status = sprout_grid_points_add(out, &slot, v, err);
        json_decref(v);
    }
    return status;
}

static enum sprout_status take_rows(const struct sprout_grid_ask *ask, const json_t *root,
                                    struct mix *m, struct sprout_error *err)
{
    const json_t *const response = json_object_get(root, "response");
    const json_t *const rows = json_object_get(response, "data");
    const json_t *row;
    double total = 0;
    size_t i;
    enum sprout_status status = SPROUT_OK;

    if (!json_is_array(rows)) {
        return sprout_fail(err, SPROUT_INVALID, "the reply has no list response.data");
    }
    if (number_of(json_object_get(response, "total"), &total) &&
        total > (double)json_array_size(rows)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply was cut: %zu of %.0f rows came",
                           json_array_size(rows), total);
    }
    json_array_foreach(rows, i, row)
    {
        status = status == SPROUT_OK ? take(ask, row, m, err) : status;
    }
    return status;
}

static enum sprout_status parse(const struct sprout_grid_ask *ask, struct sprout_str body,
                                struct sprout_grid_points *out, struct sprout_error *err)
{
    json_t *root = NULL;
    struct mix mix = {.n = 0};
    *out = (struct sprout_grid_points){.n = 0};
    enum sprout_status status = sprout_grid_json_load(body, &root, err);
    if (status != SPROUT_OK) {
        return status;
    }
    status = take_rows(ask, root, &mix, err);
    json_decref(root);
    if (status == SPROUT_OK) {
        status = put_points(&mix, out, err);
    }
    return status == SPROUT_OK ? sprout_grid_points_finish(out, err) : status;
}

const struct sprout_grid_live_provider sprout_grid_eia = {
    .name = "eia",
    .base = "https://api.eia.gov/v2",
    .key = SPROUT_GRID_KEY_SECRET,
    .average = true,
    .direct = true,
    .lifecycle = true,
    .step_s = STEP_S,
    .lag_s = 24 * 3600,
    .mix = true,
    .past_s = PAST_S,
    .zones = "CISO",
    .zone_ok = zone_ok,
    .request = request,
    .parse = parse,
};
