/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the live providers' replies: every shape and every trap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "adapt/grid_reply.h"
#include "core/instant.h"

static struct sprout_grid_points points;
static struct sprout_error problem;

static sprout_instant at(const char *text)
{
    sprout_instant t = {0};
    assert_int_equal(sprout_instant_parse(sprout_str_of(text), &t), SPROUT_OK);
    return t;
}

static struct sprout_grid_ask ask_for(const char *zone)
{
    return (struct sprout_grid_ask){.call = SPROUT_GRID_CALL_NOW,
                                    .base = "http://host",
                                    .zone = zone,
                                    .reply_zone = zone,
                                    .now = at("2025-03-01T14:20:00Z"),
                                    .secret = "k"};
}

static enum sprout_status read_with(const char *provider,
                                    const struct sprout_grid_ask *ask, const char *body)
{
    memset(&problem, 0, sizeof problem);
    return sprout_grid_live_find(sprout_str_of(provider))
        ->parse(ask, sprout_str_of(body), &points, &problem);
}

static enum sprout_status read_of(const char *provider, const char *zone,
                                  const char *body)
{
    const struct sprout_grid_ask ask = ask_for(zone);
    return read_with(provider, &ask, body);
}

static void reads(const char *provider, const char *zone, const char *body)
{
    const enum sprout_status status = read_of(provider, zone, body);
    if (status != SPROUT_OK) {
        print_message("%s: %s\n", provider, problem.message);
    }
    assert_int_equal(status, SPROUT_OK);
}

static void refuses(const char *provider, const char *zone, const char *body,
                    enum sprout_status expected, const char *words)
{
    const enum sprout_status status = read_of(provider, zone, body);
    if (status != expected || strstr(problem.message, words) == NULL) {
        print_message("%s: status %d, '%s', expected '%s'\n", provider, (int)status,
                      problem.message, words);
    }
    assert_int_equal(status, expected);
    assert_non_null(strstr(problem.message, words));
}

static void url_is(const char *provider, const struct sprout_grid_ask *ask,
                   const char *url)
{
    static struct sprout_grid_request r;
    memset(&r, 0, sizeof r);
    assert_true(sprout_grid_live_find(sprout_str_of(provider))->request(ask, &r));
    assert_string_equal(r.url, url);
}

/* ---- what no provider may do ----------------------------------------------------------- */

static void every_provider_refuses_what_is_no_reply(void **state)
{
    (void)state;
    static const char *const zones[] = {"DE",     "CAISO_NORTH", "GB",  "de",
                                        "eastus", "FR",          "CISO"};
    for (size_t i = 0; sprout_grid_live_row(i) != NULL; i++) {
        const char *const name = sprout_grid_live_row(i)->name;
        refuses(name, zones[i], "<!DOCTYPE html><html>login</html>", SPROUT_SYNTAX,
                "HTML");
        refuses(name, zones[i], "", SPROUT_SYNTAX, "empty");
        refuses(name, zones[i], "{\"a\":", SPROUT_SYNTAX, "no JSON");
        refuses(name, zones[i], "{\"a\":1,\"a\":2}", SPROUT_SYNTAX, "no JSON");
        refuses(name, zones[i], "{\"error\":\"Endpoint \\u0001not available\"}",
                SPROUT_INVALID, "Endpoint ?not available");
        assert_true(read_of(name, zones[i], "{}") == SPROUT_INVALID);
        assert_true(read_of(name, zones[i], "[[[1]]]") == SPROUT_INVALID);
        assert_true(read_of(name, zones[i], "7") != SPROUT_OK);
    }
    assert_null(sprout_grid_live_find(SPROUT_STR("no-such")));
}

static void any_truncation_of_a_reply_is_refused(void **state)
{
    (void)state;
    static const char body[] =
        "{\"zone\":\"DE\",\"carbonIntensity\":412,\"datetime\":\"2025-03-01T14:00:00Z\"}";
    char part[sizeof body];
    for (size_t n = 0; n + 1 < sizeof body; n++) {
        memcpy(part, body, n);
        part[n] = '\0';
        assert_int_equal(read_of("electricitymaps", "DE", part), SPROUT_SYNTAX);
    }
    reads("electricitymaps", "DE", body);
}

/* ---- electricitymaps ------------------------------------------------------------------- */

#define EM(value)                                                                        \
    "{\"zone\":\"DE\",\"carbonIntensity\":" value                                        \
    ",\"datetime\":\"2025-03-01T14:00:00.000Z\",\"updatedAt\":"                          \
    "\"2025-03-01T13:46:10.233Z\",\"emissionFactorType\":\"direct\","                    \
    "\"isEstimated\":true,\"estimationMethod\":\"TIME_SLICER_AVERAGE\"}"

static void electricitymaps_reads_the_latest_hour(void **state)
{
    (void)state;
    reads("electricitymaps", "DE", EM("412.5"));
    assert_int_equal(points.n, 1);
    assert_true(points.v[0].intensity.v == 412.5);
    assert_true(points.v[0].estimated && !points.v[0].forecast);
    assert_int_equal(points.v[0].start.ns, at("2025-03-01T14:00Z").ns);
    assert_int_equal(points.v[0].end.ns, at("2025-03-01T15:00Z").ns);
    reads("electricitymaps", "DE", EM("0"));
    assert_true(points.v[0].intensity.v == 0); /* a value, not "unknown" */
}

static void electricitymaps_reads_lists_under_each_of_their_names(void **state)
{
    (void)state;
    reads("electricitymaps", "NL",
          "{\"zone\":\"NL\",\"history\":[{\"zone\":\"NL\",\"carbonIntensity\":null,"
          "\"datetime\":\"2025-03-01T00:00:00.000Z\",\"emissionFactorType\":\"direct\"},"
          "{\"zone\":\"NL\",\"carbonIntensity\":5,"
          "\"datetime\":\"2025-03-01T01:00:00.000Z\"}]}");
    assert_int_equal(points.n, 1);
    assert_int_equal(points.nulls, 1);
    reads("electricitymaps", "NL",
          "{\"zone\":\"NL\",\"data\":[{\"zone\":\"NL\",\"carbonIntensity\":231,"
          "\"datetime\":\"2025-02-01T00:00:00.000Z\"}]}");
    assert_false(points.v[0].forecast);
    reads("electricitymaps", "NL",
          "{\"zone\":\"NL\",\"forecast\":[{\"carbonIntensity\":298,"
          "\"datetime\":\"2025-03-01T15:00:00.000Z\"}],\"updatedAt\":\"x\"}");
    assert_true(points.v[0].forecast);
}

static void electricitymaps_refuses_another_zone_scope_or_kind_of_number(void **state)
{
    (void)state;
    refuses("electricitymaps", "FR", EM("412"), SPROUT_INVALID, "zone 'DE'");
    refuses("electricitymaps", "DE",
            "{\"carbonIntensity\":4,\"datetime\":\"2025-03-01T14:00:00Z\"}",
            SPROUT_INVALID, "zone ''");
    struct sprout_grid_ask ask = ask_for("DE");
    ask.scope = SPROUT_GRID_LIFECYCLE;
    assert_int_equal(read_with("electricitymaps", &ask, EM("412")), SPROUT_INVALID);
    assert_non_null(strstr(problem.message, "'lifecycle'"));
    refuses("electricitymaps", "DE", EM("null"), SPROUT_INVALID, "null");
    refuses("electricitymaps", "DE", EM("NaN"), SPROUT_SYNTAX, "no JSON");
    refuses("electricitymaps", "DE", EM("\"NaN\""), SPROUT_INVALID, "no number");
    refuses("electricitymaps", "DE", EM("1e9"), SPROUT_INVALID, "out of bounds");
    refuses("electricitymaps", "DE", EM("1e999"), SPROUT_SYNTAX, "no JSON");
    refuses("electricitymaps", "DE", EM("-1"), SPROUT_INVALID, "out of bounds");
    refuses("electricitymaps", "DE", EM("2000.5"), SPROUT_INVALID, "out of bounds");
    refuses("electricitymaps", "DE", EM("true"), SPROUT_INVALID, "no number");
    refuses("electricitymaps", "DE",
            "{\"zone\":\"DE\",\"temporalGranularity\":\"daily\",\"carbonIntensity\":1,"
            "\"datetime\":\"2025-03-01T00:00:00Z\"}",
            SPROUT_INVALID, "slot of 0 s");
    refuses("electricitymaps", "DE", "{\"zone\":\"DE\",\"history\":[]}", SPROUT_STALE,
            "no data");
}

static void electricitymaps_asks_for_one_zone_and_scope_and_no_guess(void **state)
{
    (void)state;
    struct sprout_grid_ask ask = ask_for("SE-SE3");
    url_is("electricitymaps", &ask,
           "http://host/carbon-intensity/latest?zone=SE-SE3&emissionFactorType=direct&"
           "shouldUseFallbackCallerLookup=false");
    ask.call = SPROUT_GRID_CALL_AHEAD;
    ask.scope = SPROUT_GRID_LIFECYCLE;
    url_is("electricitymaps", &ask,
           "http://host/carbon-intensity/forecast?zone=SE-SE3&emissionFactorType="
           "lifecycle&shouldUseFallbackCallerLookup=false&horizonHours=24");
    assert_false(sprout_grid_electricitymaps.zone_ok(SPROUT_STR("US")));
}

/* ---- watttime -------------------------------------------------------------------------- */

#define WT(value, region, signal, units)                                                 \
    "{\"data\":[{\"point_time\":\"2025-03-01T14:20:00+00:00\",\"value\":" value          \
    "}],\"meta\":{\"region\":\"" region "\",\"signal_type\":\"" signal                   \
    "\",\"units\":\"" units                                                              \
    "\",\"data_point_period_seconds\":300,\"warnings\":[{\"type\":\"W\"}]}}"

static void watttime_converts_pounds_and_refuses_percentiles(void **state)
{
    (void)state;
    struct sprout_grid_ask ask = ask_for("CAISO_NORTH");
    ask.kind = SPROUT_GRID_MARGINAL;
    assert_int_equal(read_with("watttime", &ask,
                               WT("387.2", "CAISO_NORTH", "co2_moer", "lbs_co2_per_mwh")),
                     SPROUT_OK);
    assert_float_equal(points.v[0].intensity.v, 175.63, 0.005);
    assert_int_equal(points.v[0].end.ns - points.v[0].start.ns,
                     300 * SPROUT_NS_PER_SECOND);
    assert_int_equal(
        read_with("watttime", &ask, WT("31.0", "CAISO_NORTH", "co2_moer", "percentile")),
        SPROUT_INVALID);
    assert_non_null(strstr(problem.message, "'percentile'"));
    assert_int_equal(
        read_with("watttime", &ask, WT("31.0", "DE", "co2_moer", "lbs_co2_per_mwh")),
        SPROUT_INVALID);
    assert_int_equal(read_with("watttime", &ask,
                               WT("31", "CAISO_NORTH", "co2_aoer", "lbs_co2_per_mwh")),
                     SPROUT_INVALID);
    ask.kind = SPROUT_GRID_AVERAGE;
    assert_int_equal(read_with("watttime", &ask,
                               WT("31", "CAISO_NORTH", "co2_aoer", "lbs_co2_per_mwh")),
                     SPROUT_OK);
}

static void watttime_reads_forecasts_inside_forecasts_and_logs_in_elsewhere(void **state)
{
    (void)state;
    struct sprout_grid_ask ask = ask_for("CAISO_NORTH");
    ask.kind = SPROUT_GRID_MARGINAL;
    assert_int_equal(
        read_with("watttime", &ask,
                  "{\"data\":[{\"generated_at\":\"2026-05-03T10:00:00+00:00\","
                  "\"forecast\":[{\"point_time\":\"2026-05-03T10:00:00+00:00\","
                  "\"value\":402.0}]}],\"meta\":{\"region\":\"CAISO_NORTH\","
                  "\"signal_type\":\"co2_moer\",\"units\":\"lbs_co2_per_mwh\","
                  "\"warnings\":null}}"),
        SPROUT_OK);
    assert_int_equal(points.n, 1);
    assert_true(points.v[0].forecast);
    url_is("watttime", &ask,
           "http://host/v3/forecast?region=CAISO_NORTH&signal_type=co2_moer&"
           "horizon_hours=24");
    ask.call = SPROUT_GRID_CALL_LOGIN;
    url_is("watttime", &ask, "http://host/login");
}

static void a_login_gives_a_token_that_fits_a_header(void **state)
{
    (void)state;
    char token[16] = "old";
    assert_int_equal(sprout_grid_parse_token(SPROUT_STR("{\"token\":\"a.b-c\"}"), token,
                                             sizeof token, &problem),
                     SPROUT_OK);
    assert_string_equal(token, "a.b-c");
    static const char *const bad[] = {"{}", "{\"token\":7}", "{\"token\":\"\"}",
                                      "{\"token\":\"a\\r\\nX: y\"}",
                                      "{\"token\":\"0123456789abcdef\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            sprout_grid_parse_token(sprout_str_of(bad[i]), token, sizeof token, &problem),
            SPROUT_INVALID);
        assert_string_equal(token, "a.b-c");
    }
}

/* ---- neso ------------------------------------------------------------------------------ */

#define HALF_HOUR "\"from\":\"2018-01-20T12:00Z\",\"to\":\"2018-01-20T12:30Z\""
#define REGION13  "\"regionid\":13,\"dnoregion\":\"UKPN London\",\"shortname\":\"London\""

static void neso_prefers_the_actual_and_marks_the_forecast(void **state)
{
    (void)state;
    reads("neso", "GB",
          "{\"data\":[{" HALF_HOUR
          ",\"intensity\":{\"forecast\":266,\"actual\":263,\"index\":\"moderate\"}},"
          "{\"from\":\"2018-01-20T12:30Z\",\"to\":\"2018-01-20T13:00Z\","
          "\"intensity\":{\"forecast\":250,\"actual\":null,\"index\":\"moderate\"}}]}");
    assert_int_equal(points.n, 2);
    assert_true(points.v[0].intensity.v == 263 && !points.v[0].forecast);
    assert_true(points.v[1].intensity.v == 250 && points.v[1].forecast);
    assert_int_equal(points.v[0].end.ns, at("2018-01-20T12:30:00Z").ns);
}

static void neso_reads_all_three_regional_shapes(void **state)
{
    (void)state;
    static const char *const same[] = {
        "{\"data\":[{" HALF_HOUR ",\"regions\":[{\"regionid\":1,\"intensity\":"
        "{\"forecast\":1}},{" REGION13 ",\"intensity\":{\"forecast\":150}}]}]}",
        "{\"data\":[{" REGION13 ",\"data\":[{" HALF_HOUR
        ",\"intensity\":{\"forecast\":150,\"index\":\"moderate\"},"
        "\"generationmix\":[]}]}]}",
        "{\"data\":{" REGION13 ",\"data\":[{" HALF_HOUR
        ",\"intensity\":{\"forecast\":150}}]}}",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        reads("neso", "region/13", same[i]);
        assert_int_equal(points.n, 1);
        assert_true(points.v[0].intensity.v == 150 && points.v[0].forecast);
        refuses("neso", "region/12", same[i], SPROUT_INVALID, "another region");
        refuses("neso", "postcode/EH1", same[i], SPROUT_INVALID, "another region");
    }
}

static void neso_knows_a_postcode_by_its_postcode_not_by_the_region(void **state)
{
    (void)state;
    static const char body[] =
        "{\"data\":{" REGION13 ",\"postcode\":\"SW7\",\"data\":[{" HALF_HOUR
        ",\"intensity\":{\"forecast\":90}}]}}";
    reads("neso", "postcode/SW7", body);
    assert_true(points.v[0].intensity.v == 90);
    refuses("neso", "postcode/SW8", body, SPROUT_INVALID, "another region");
}

static void neso_refuses_outages_and_national_values_for_a_region(void **state)
{
    (void)state;
    refuses("neso", "GB", "{}", SPROUT_INVALID, "no data");
    refuses("neso", "GB", "{\"data\":[]}", SPROUT_STALE, "no data");
    refuses("neso", "postcode/ZZ1",
            "{\"error\":{\"code\":\"400 Bad Request\",\"message\":\"No postcode match "
            "can be found.\"}}",
            SPROUT_INVALID, "No postcode match");
    refuses("neso", "region/13",
            "{\"data\":[{" HALF_HOUR ",\"intensity\":{\"forecast\":266}}]}",
            SPROUT_INVALID, "another region");
    refuses("neso", "GB",
            "{\"data\":[{" HALF_HOUR
            ",\"intensity\":{\"forecast\":null,\"actual\":null}}]}",
            SPROUT_INVALID, "all are null");
}

static void neso_asks_by_nation_region_and_postcode(void **state)
{
    (void)state;
    const struct sprout_grid_ask gb = ask_for("GB");
    const struct sprout_grid_ask region = ask_for("region/13");
    const struct sprout_grid_ask code = ask_for("postcode/SW7");
    url_is("neso", &gb, "http://host/intensity/2025-03-01T13:50Z/fw24h");
    url_is("neso", &region,
           "http://host/regional/intensity/2025-03-01T13:50Z/fw24h/regionid/13");
    url_is("neso", &code,
           "http://host/regional/intensity/2025-03-01T13:50Z/fw24h/postcode/SW7");
    assert_true(sprout_grid_neso.zone_ok(SPROUT_STR("region/17")));
    assert_false(sprout_grid_neso.zone_ok(SPROUT_STR("region/18")));
    assert_false(sprout_grid_neso.zone_ok(SPROUT_STR("London")));
}

/* ---- energy-charts --------------------------------------------------------------------- */

static void energy_charts_takes_the_slot_of_now_and_skips_the_unknown(void **state)
{
    (void)state;
    reads("energy-charts", "de",
          "{\"unix_seconds\":[1783893600,1783894500,1783895400,1783896300],"
          "\"co2eq\":[491.5,497.4,null,null],\"co2eq_forecast\":[null,null,null,505.0],"
          "\"deprecated\":false}");
    assert_int_equal(points.n, 3);
    assert_int_equal(points.nulls, 1);
    assert_false(points.deprecated);
    const sprout_instant in_second = {1783894600 * SPROUT_NS_PER_SECOND};
    const sprout_instant in_hole = {1783895500 * SPROUT_NS_PER_SECOND};
    const sprout_instant in_last = {1783896400 * SPROUT_NS_PER_SECOND};
    assert_true(sprout_grid_points_at(&points, in_second)->intensity.v == 497.4);
    assert_null(sprout_grid_points_at(&points, in_hole));
    assert_true(sprout_grid_points_at(&points, in_last)->forecast);
}

static void energy_charts_refuses_arrays_of_different_lengths(void **state)
{
    (void)state;
    refuses("energy-charts", "de",
            "{\"unix_seconds\":[1783893600,1783894500],\"co2eq\":[491.5],"
            "\"co2eq_forecast\":[null,null]}",
            SPROUT_INVALID, "differ in length");
    refuses("energy-charts", "de",
            "{\"unix_seconds\":[1783894500,1783893600],\"co2eq\":[491.5,1],"
            "\"co2eq_forecast\":[null,null]}",
            SPROUT_INVALID, "slot of -900 s");
    reads("energy-charts", "de",
          "{\"unix_seconds\":[1783893600,1783894500],\"co2eq\":[491.5,1],"
          "\"co2eq_forecast\":[null,null],\"deprecated\":true}");
    assert_true(points.deprecated);
}

/* ---- carbon-aware-sdk ------------------------------------------------------------------ */

static void carbon_aware_reads_spans_and_minutes(void **state)
{
    (void)state;
    struct sprout_grid_ask ask = ask_for("eastus");
    ask.reply_zone = "CAISO_NORTH";
    assert_int_equal(
        read_with("carbon-aware-sdk", &ask,
                  "[{\"location\":\"CAISO_NORTH\",\"time\":\"2022-08-23T14:35:00+00:00\","
                  "\"rating\":1.5,\"duration\":\"00:05:00\"},{\"location\":\"CAISO_NORTH"
                  "\",\"time\":\"2022-08-23T14:30:00+00:00\",\"rating\":439.07741416,"
                  "\"duration\":\"00:05:00\"}]"),
        SPROUT_OK);
    assert_int_equal(points.n, 2); /* newest came first, and is sorted */
    assert_int_equal(points.v[0].start.ns, at("2022-08-23T14:30Z").ns);
    assert_int_equal(points.v[0].end.ns, at("2022-08-23T14:35Z").ns);
    ask.call = SPROUT_GRID_CALL_AHEAD;
    assert_int_equal(
        read_with("carbon-aware-sdk", &ask,
                  "[{\"location\":\"northeurope\",\"windowSize\":10,"
                  "\"optimalDataPoints\":[],\"forecastData\":[{\"location\":\"CAISO_NORTH"
                  "\",\"timestamp\":\"2022-07-19T14:00:00+00:00\",\"duration\":10,"
                  "\"value\":532.0}]}]"),
        SPROUT_OK);
    assert_true(points.v[0].forecast);
    assert_int_equal(points.v[0].end.ns, at("2022-07-19T14:10Z").ns);
}

static void carbon_aware_refuses_other_places_and_passes_problems_on(void **state)
{
    (void)state;
    refuses("carbon-aware-sdk", "eastus",
            "[{\"location\":\"IE\",\"time\":\"2022-08-23T14:30:00+00:00\",\"rating\":1}]",
            SPROUT_INVALID, "location 'IE'");
    refuses("carbon-aware-sdk", "eastus", "[]", SPROUT_STALE, "no data");
    refuses(
        "carbon-aware-sdk", "eastus",
        "{\"title\":\"ArgumentException\",\"status\":400,\"detail\":\"no such place\"}",
        SPROUT_INVALID, "no such place");
    refuses("carbon-aware-sdk", "eastus",
            "[{\"location\":\"eastus\",\"time\":\"2022-08-23T14:30:00Z\",\"rating\":1,"
            "\"duration\":\"5 min\"}]",
            SPROUT_INVALID, "slot of 0 s");
}

/* ---- eco2mix --------------------------------------------------------------------------- */

static void eco2mix_reads_rows_and_takes_nd_for_nothing(void **state)
{
    (void)state;
    reads("eco2mix", "FR",
          "{\"total_count\":8640,\"results\":[{\"date_heure\":"
          "\"2025-01-06T00:15:00+00:00\",\"taux_co2\":\"ND\"},{\"date_heure\":"
          "\"2025-01-06T00:00:00+00:00\",\"nucleaire\":38000,\"taux_co2\":18}]}");
    assert_int_equal(points.n, 1);
    assert_true(points.v[0].intensity.v == 18);
    assert_int_equal(points.v[0].end.ns, at("2025-01-06T00:15Z").ns);
    refuses("eco2mix", "FR", "{\"total_count\":0,\"results\":[]}", SPROUT_STALE,
            "no data");
    refuses("eco2mix", "FR",
            "{\"results\":[{\"date_heure\":\"2025-01-06T00:00Z\",\"taux_co2\":\"18\"}]}",
            SPROUT_INVALID, "no number");
    refuses("eco2mix", "FR",
            "{\"results\":[{\"date_heure\":\"2025-01-06T00:00Z\",\"taux_co2\":18,"
            "\"perimetre\":\"Bretagne\"}]}",
            SPROUT_INVALID, "Bretagne");
    assert_false(sprout_grid_eco2mix.zone_ok(SPROUT_STR("DE")));
}

/* ---- eia ------------------------------------------------------------------------------- */

#define ROW(hour, fuel, value)                                                           \
    "{\"period\":\"2025-01-01T" hour "\",\"respondent\":\"CISO\",\"fueltype\":\"" fuel   \
    "\",\"value\":" value ",\"value-units\":\"megawatthours\"}"
#define EIA(total, rows) "{\"response\":{\"total\":" total ",\"data\":[" rows "]}}"

static void eia_weighs_the_mix_with_the_factors_of_the_scope(void **state)
{
    (void)state;
    static const char body[] =
        EIA("\"5\"",
            ROW("00", "NG", "\"3000\"") "," ROW("00", "NUC", "1000") "," ROW(
                "00", "BAT", "-500") "," ROW("01", "NG", "\"2000\"") "," ROW("01", "NUC",
                                                                             "null"));
    reads("eia", "CISO", body);
    assert_int_equal(points.n, 1); /* the second hour's nuclear is not known */
    assert_float_equal(points.v[0].intensity.v, 3000 * 370 / 4000.0, 1e-9);
    assert_true(points.v[0].estimated);
    struct sprout_grid_ask ask = ask_for("CISO");
    ask.scope = SPROUT_GRID_LIFECYCLE;
    assert_int_equal(read_with("eia", &ask, body), SPROUT_OK);
    assert_float_equal(points.v[0].intensity.v, (3000 * 490 + 1000 * 12) / 4000.0, 1e-9);
    const struct sprout_grid_factor own[] = {{"NG", {400}}};
    ask.factors = own;
    ask.factors_count = 1;
    assert_int_equal(read_with("eia", &ask, body), SPROUT_OK);
    assert_float_equal(points.v[0].intensity.v, (3000 * 400 + 1000 * 12) / 4000.0, 1e-9);
}

static void eia_takes_no_hour_that_lacks_a_fuel(void **state)
{
    (void)state;
    reads("eia", "CISO",
          EIA("3", ROW("00", "NG", "3000") "," ROW("00", "SUN", "-2") "," ROW("01", "SUN",
                                                                              "3000")));
    assert_int_equal(points.n, 1);
    assert_true(points.v[0].intensity.v == 370); /* -2 MWh of sun is none */
}

static void eia_refuses_what_was_cut_misspelt_or_has_no_factor(void **state)
{
    (void)state;
    refuses("eia", "CISO", EIA("\"5001\"", ROW("00", "NG", "1")), SPROUT_INVALID, "cut");
    refuses("eia", "CISO", EIA("1", ROW("00", "XYZ", "1")), SPROUT_INVALID, "'XYZ'");
    refuses("eia", "PJM", EIA("1", ROW("00", "NG", "1")), SPROUT_INVALID,
            "respondent 'CISO'");
    refuses("eia", "CISO", EIA("1", ROW("00", "NG", "\"x\"")), SPROUT_INVALID,
            "no number");
    refuses("eia", "CISO", EIA("0", ""), SPROUT_STALE, "no data");
    refuses("eia", "CISO", EIA("1", ROW("00", "NG", "0")), SPROUT_INVALID, "null");
    const struct sprout_grid_ask ask = ask_for("CISO");
    url_is("eia", &ask,
           "http://host/electricity/rto/fuel-type-data/data/?api_key=k&frequency=hourly&"
           "data%5B0%5D=value&facets%5Brespondent%5D%5B%5D=CISO&start=2025-02-28T02&"
           "end=2025-03-01T14&length=5000");
}

/* ---- the clock ------------------------------------------------------------------------- */

static enum sprout_status check_at(const char *now)
{
    const sprout_span step = sprout_span_seconds(3600);
    memset(&problem, 0, sizeof problem);
    return sprout_grid_points_check(&points, at(now), step, (sprout_span){0}, &problem);
}

static void a_slot_too_old_or_too_far_ahead_is_refused(void **state)
{
    (void)state;
    reads("electricitymaps", "DE", EM("412")); /* 14:00 on 1 March */
    assert_int_equal(check_at("2025-03-01T14:30Z"), SPROUT_OK);
    assert_int_equal(check_at("2025-03-01T17:00Z"), SPROUT_OK);
    assert_int_equal(check_at("2025-03-01T17:01Z"), SPROUT_INVALID);
    assert_int_equal(check_at("2025-03-03T14:00Z"), SPROUT_INVALID);
    assert_non_null(strstr(problem.message, "172800 s ago"));
    assert_int_equal(check_at("2025-03-01T13:00Z"), SPROUT_OK); /* 13:46 for 14:00 */
    assert_int_equal(check_at("2025-03-01T12:59Z"), SPROUT_INVALID);
    assert_non_null(strstr(problem.message, "clock"));
}

static void a_measured_slot_of_the_future_is_refused_but_a_forecast_is_not(void **state)
{
    (void)state;
    reads("neso", "GB",
          "{\"data\":[{" HALF_HOUR ",\"intensity\":{\"forecast\":1,\"actual\":1}},"
          "{\"from\":\"2018-01-20T18:00Z\",\"to\":\"2018-01-20T18:30Z\","
          "\"intensity\":{\"forecast\":2,\"actual\":null}}]}");
    assert_int_equal(check_at("2018-01-20T12:10Z"), SPROUT_OK);
    reads("neso", "GB",
          "{\"data\":[{" HALF_HOUR ",\"intensity\":{\"forecast\":1,\"actual\":1}},"
          "{\"from\":\"2018-01-20T18:00Z\",\"to\":\"2018-01-20T18:30Z\","
          "\"intensity\":{\"forecast\":2,\"actual\":2}}]}");
    assert_int_equal(check_at("2018-01-20T12:10Z"), SPROUT_INVALID);
}

static void the_october_clock_change_and_a_leap_day_are_ordinary_hours(void **state)
{
    (void)state;
    reads("electricitymaps", "DE",
          "{\"zone\":\"DE\",\"history\":["
          "{\"carbonIntensity\":3,\"datetime\":\"2024-10-27T02:00:00+01:00\"},"
          "{\"carbonIntensity\":2,\"datetime\":\"2024-10-27T02:00:00+02:00\"},"
          "{\"carbonIntensity\":1,\"datetime\":\"2024-02-29T23:00:00.000Z\"}]}");
    assert_int_equal(points.n, 3); /* two o'clock comes twice */
    assert_true(points.v[1].intensity.v == 2 && points.v[2].intensity.v == 3);
    assert_int_equal(points.v[2].start.ns - points.v[1].start.ns,
                     3600 * SPROUT_NS_PER_SECOND);
    assert_int_equal(points.v[0].end.ns, at("2024-03-01T00:00Z").ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_provider_refuses_what_is_no_reply),
        cmocka_unit_test(any_truncation_of_a_reply_is_refused),
        cmocka_unit_test(electricitymaps_reads_the_latest_hour),
        cmocka_unit_test(electricitymaps_reads_lists_under_each_of_their_names),
        cmocka_unit_test(electricitymaps_refuses_another_zone_scope_or_kind_of_number),
        cmocka_unit_test(electricitymaps_asks_for_one_zone_and_scope_and_no_guess),
        cmocka_unit_test(watttime_converts_pounds_and_refuses_percentiles),
        cmocka_unit_test(watttime_reads_forecasts_inside_forecasts_and_logs_in_elsewhere),
        cmocka_unit_test(a_login_gives_a_token_that_fits_a_header),
        cmocka_unit_test(neso_prefers_the_actual_and_marks_the_forecast),
        cmocka_unit_test(neso_reads_all_three_regional_shapes),
        cmocka_unit_test(neso_knows_a_postcode_by_its_postcode_not_by_the_region),
        cmocka_unit_test(neso_refuses_outages_and_national_values_for_a_region),
        cmocka_unit_test(neso_asks_by_nation_region_and_postcode),
        cmocka_unit_test(energy_charts_takes_the_slot_of_now_and_skips_the_unknown),
        cmocka_unit_test(energy_charts_refuses_arrays_of_different_lengths),
        cmocka_unit_test(carbon_aware_reads_spans_and_minutes),
        cmocka_unit_test(carbon_aware_refuses_other_places_and_passes_problems_on),
        cmocka_unit_test(eco2mix_reads_rows_and_takes_nd_for_nothing),
        cmocka_unit_test(eia_weighs_the_mix_with_the_factors_of_the_scope),
        cmocka_unit_test(eia_takes_no_hour_that_lacks_a_fuel),
        cmocka_unit_test(eia_refuses_what_was_cut_misspelt_or_has_no_factor),
        cmocka_unit_test(a_slot_too_old_or_too_far_ahead_is_refused),
        cmocka_unit_test(a_measured_slot_of_the_future_is_refused_but_a_forecast_is_not),
        cmocka_unit_test(the_october_clock_change_and_a_leap_day_are_ordinary_hours),
    };
    return cmocka_run_group_tests_name("grid_reply", tests, NULL, NULL);
}
