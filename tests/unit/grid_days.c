/* SPDX-License-Identifier: Apache-2.0 */
/* Days that are unlike others, through the list of providers as the daemon holds it: the
 * October clock change, a leap day, half hours, quarters of an hour, and a grid at 0. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapt/grid_ahead.h"
#include "adapt/grid_list.h"
#include "control/planner.h"
#include "core/instant.h"
#include "core/receipt.h"

#define MINUTE (60 * SPROUT_NS_PER_SECOND)
#define HOUR   (60 * MINUTE)

static char body[20000];
static struct sprout_grid_entry entry;

static sprout_instant moment(const char *text)
{
    sprout_instant t = {0};
    assert_int_equal(sprout_instant_parse(sprout_str_of(text), &t), SPROUT_OK);
    return t;
}

static sprout_instant after(sprout_instant t, int64_t ns)
{
    return (sprout_instant){t.ns + ns};
}

/* One provider, as configured. */
static struct sprout_grid *grid_of(const char *provider, const char *zone)
{
    static char name[32], where[32], key[] = "GRID_DAYS_KEY";
    struct sprout_grid *g = NULL;
    struct sprout_error err = {.message = ""};
    snprintf(name, sizeof name, "%s", provider);
    snprintf(where, sizeof where, "%s", zone);
    entry = (struct sprout_grid_entry){.provider = name, .zone = where, .key_env = key};
    const struct sprout_grid_opts opts = {
        .source = SPROUT_GRID_LIST, .entries = &entry, .entries_count = 1};
    if (sprout_grid_new(&opts, &g, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    return g;
}

/* Asks if it is due, answers with `body`. */
static void answer(struct sprout_grid *g, sprout_instant now)
{
    struct sprout_grid_request request;
    struct sprout_grid_list *const l = sprout_grid_as_list(g);
    if (sprout_grid_list_due(l, 0, now, false, &request)) {
        const struct sprout_grid_answer a = {
            .code = 200, .body = sprout_str_of(body), .retry_after = {-1}};
        sprout_grid_list_take(l, 0, now, 0, &a);
        const struct sprout_grid_live_state s = sprout_grid_list_state(l, 0);
        if (s.trouble != SPROUT_GRID_TROUBLE_FINE) {
            fail_msg("%s", s.why);
        }
    }
}

static struct sprout_grid_value value(struct sprout_grid *g, sprout_instant now,
                                      enum sprout_grid_quality quality)
{
    struct sprout_grid_value v = SPROUT_GRID_VALUE_NONE;
    struct sprout_error err = {.message = ""};
    if (sprout_grid_list_value(sprout_grid_as_list(g), now, &v, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(v.quality, quality);
    assert_true(v.slot_start.ns <= now.ns);
    return v;
}

static struct sprout_grid_value live(struct sprout_grid *g, sprout_instant now)
{
    return value(g, now, SPROUT_GRID_LIVE);
}

/* ---- October --------------------------------------------------------------------------- */

/* A row of eco2mix, whose times are local with their offset. */
static void eco2mix_row(const char *local, double g)
{
    snprintf(body, sizeof body,
             "{\"results\":[{\"perimetre\":\"France\",\"date_heure\":\"%s\",\"taux_co2\":"
             "%g}]}",
             local, g);
}

/* 2025-10-26: 02:00 to 03:00 comes twice in France, the second time an hour later. */
static void the_hour_that_comes_twice_is_two_hours(void **state)
{
    (void)state;
    struct sprout_grid *const g = grid_of("eco2mix", "FR");
    const sprout_instant first = moment("2025-10-26T00:00Z");
    static const char *const offset[] = {"+02:00", "+01:00"};
    sprout_g_per_kwh past[3];

    for (int quarter = 0; quarter < 12; quarter++) {
        char local[40];
        const sprout_instant now = after(first, quarter * 15 * MINUTE);
        const int hour = 2 + (quarter >= 8); /* 02 summer, 02 winter, 03 winter */
        snprintf(local, sizeof local, "2025-10-26T%02d:%02d:00%s", hour, quarter % 4 * 15,
                 offset[quarter >= 4]);
        eco2mix_row(local, 10 + quarter);
        answer(g, after(now, 60 * SPROUT_NS_PER_SECOND));
        const struct sprout_grid_value v = live(g, after(now, 2 * MINUTE));
        assert_true(v.intensity.v == 10 + quarter);
        assert_int_equal(v.slot_start.ns, now.ns);
        assert_int_equal(v.slot_end.ns - v.slot_start.ns, 15 * MINUTE);
    }
    sprout_grid_past(g, moment("2025-10-26T02:55Z"), past, 3);
    assert_true(past[0].v == 11.5 && past[1].v == 15.5 && past[2].v == 19.5);
    sprout_grid_free(g);
}

/* The whole day, as it stands at `now`: measured until then, foretold from there. */
static void put_quarters(sprout_instant from, int n, sprout_instant now)
{
    struct sprout_buf b = sprout_buf_of(body, sizeof body - 1);
    static const char *const parts[] = {"{\"unix_seconds\":[", "],\"co2eq\":[",
                                        "],\"co2eq_forecast\":["};
    for (int part = 0; part < 3; part++) {
        sprout_buf_put(&b, sprout_str_of(parts[part]));
        for (int i = 0; i < n; i++) {
            const int64_t at = from.ns / SPROUT_NS_PER_SECOND + i * INT64_C(900);
            const bool over = at * SPROUT_NS_PER_SECOND <= now.ns;
            sprout_buf_put(&b, i > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
            if (part == 0) {
                sprout_buf_i64(&b, at);
            } else if (over == (part == 1)) {
                sprout_buf_i64(&b, at / 900 % 1000);
            } else {
                sprout_buf_put(&b, SPROUT_STR("null"));
            }
        }
    }
    sprout_buf_put(&b, SPROUT_STR("]}"));
    body[b.len] = '\0';
}

/* The German day of the change has 100 quarters, and each is where it belongs. */
static void the_day_of_the_change_has_a_hundred_quarters(void **state)
{
    (void)state;
    struct sprout_grid *const g = grid_of("energy-charts", "de");
    const sprout_instant midnight = moment("2025-10-25T22:00Z"); /* 00:00 +02:00 */

    for (int i = 0; i < 100; i++) {
        const sprout_instant now = after(midnight, i * 15 * MINUTE + MINUTE);
        put_quarters(midnight, 100, now);
        answer(g, now);
        const struct sprout_grid_value v = live(g, now);
        assert_int_equal(v.slot_start.ns, midnight.ns + i * 15 * MINUTE);
        assert_true(v.intensity.v == (double)(v.slot_start.ns / (15 * MINUTE) % 1000));
    }
    /* 23:00 +01:00 that evening is the 25th hour. */
    assert_int_equal(live(g, moment("2025-10-26T22:58Z")).slot_start.ns,
                     moment("2025-10-26T22:45Z").ns);
    sprout_grid_free(g);
}

/* ---- steps ----------------------------------------------------------------------------- */

static void put_neso(sprout_instant start, double first, double second)
{
    char t[3][40];
    for (int i = 0; i < 3; i++) {
        struct sprout_buf b = sprout_buf_of(t[i], sizeof t[i] - 1);
        sprout_instant_put(&b, after(start, i * 30 * MINUTE));
        t[i][b.len] = '\0';
    }
    snprintf(
        body, sizeof body,
        "{\"data\":[{\"from\":\"%s\",\"to\":\"%s\",\"intensity\":{\"forecast\":1,"
        "\"actual\":%g}},{\"from\":\"%s\",\"to\":\"%s\",\"intensity\":{\"forecast\":%g,"
        "\"actual\":null}}]}",
        t[0], t[1], first, t[1], t[2], second);
}

static void half_hours_change_at_the_half_hour_and_an_hour_is_their_mean(void **state)
{
    (void)state;
    struct sprout_grid *const g = grid_of("neso", "GB");
    const sprout_instant hour = moment("2026-03-01T10:00Z");
    sprout_g_per_kwh past[2];

    put_neso(hour, 100, 140);
    answer(g, after(hour, MINUTE));
    assert_true(live(g, after(hour, 29 * MINUTE)).intensity.v == 100);
    const struct sprout_grid_value told =
        value(g, after(hour, 30 * MINUTE), SPROUT_GRID_FORECAST);
    assert_true(told.intensity.v == 140 && told.forecast);
    put_neso(after(hour, 30 * MINUTE), 160, 90); /* what it was in the end */
    answer(g, after(hour, 32 * MINUTE));
    const struct sprout_grid_value v = live(g, after(hour, 59 * MINUTE));
    assert_true(v.intensity.v == 160 && !v.forecast);
    assert_int_equal(v.slot_end.ns, hour.ns + HOUR);
    sprout_grid_past(g, after(hour, 59 * MINUTE), past, 2);
    assert_true(isnan(past[0].v) && past[1].v == 130);
    sprout_grid_free(g);
}

/* ---- a leap day, and nothing at all ---------------------------------------------------- */

static void put_hour(sprout_instant start, double g)
{
    char text[40];
    struct sprout_buf b = sprout_buf_of(text, sizeof text - 1);
    sprout_instant_put(&b, start);
    text[b.len] = '\0';
    snprintf(body, sizeof body,
             "{\"zone\":\"CA-ON\",\"carbonIntensity\":%g,\"datetime\":\"%s\","
             "\"emissionFactorType\":\"direct\",\"isEstimated\":false}",
             g, text);
}

static void the_leap_day_has_24_hours_between_its_neighbours(void **state)
{
    (void)state;
    struct sprout_grid *const g = grid_of("electricitymaps", "CA-ON");
    const sprout_instant first = moment("2028-02-28T22:00Z");
    sprout_g_per_kwh past[28];

    for (int h = 0; h < 28; h++) {
        const sprout_instant now = after(first, h * HOUR);
        put_hour(now, h);
        answer(g, after(now, MINUTE));
        assert_true(live(g, after(now, 2 * MINUTE)).intensity.v == h);
    }
    assert_int_equal(live(g, after(first, 27 * HOUR + 5 * MINUTE)).slot_start.ns,
                     moment("2028-03-01T01:00Z").ns);
    sprout_grid_past(g, after(first, 27 * HOUR), past, 28);
    for (int h = 0; h < 28; h++) {
        assert_true(past[h].v == h);
    }
    const struct sprout_grid_range r =
        sprout_grid_range(g, after(first, 27 * HOUR), sprout_span_seconds(720 * 3600));
    assert_true(r.points == 28 && r.lo.v == 0 && r.hi.v == 27);
    sprout_grid_free(g);
}

/* 0 g/kWh is a live value: it is planned with, accounted as 0 g and foretold. */
static void a_grid_at_zero_is_known(void **state)
{
    (void)state;
    static char memory[SPROUT_PLAN_MEMORY];
    struct sprout_grid *const g = grid_of("electricitymaps", "CA-ON");
    struct sprout_config *c = NULL;
    const sprout_instant first = moment("2026-04-05T00:00Z");
    const struct sprout_policy *p = NULL;
    struct sprout_plan_why why;
    struct sprout_error err = {.message = ""};
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sprout_grid_ahead ahead;

    assert_int_equal(sprout_config_default(&c), SPROUT_OK);
    for (int h = 0; h < 30; h++) {
        put_hour(after(first, h * HOUR), h < 20 ? 40 : 0);
        answer(g, after(first, h * HOUR + MINUTE));
        (void)live(g, after(first, h * HOUR + 2 * MINUTE));
    }
    const sprout_instant now = after(first, 29 * HOUR + 3 * MINUTE);
    const struct sprout_plan_in in = {
        .config = c,
        .grid = live(g, now),
        .range = sprout_grid_range(g, now, sprout_span_seconds(720 * 3600)),
        .now = now};
    assert_true(in.grid.intensity.v == 0 && in.range.lo.v == 0 && in.range.hi.v == 40);
    assert_int_equal(sprout_plan(&in, &arena, &p, &why, &err), SPROUT_OK);
    assert_true(p->grid.intensity.v == 0 && p->floor == 1);
    assert_true(p->explore == c->explore); /* as on any other grid that is known */
    const struct sprout_receipt r = sprout_receipt_make(
        p, SPROUT_STR("m"), 0, (struct sprout_usage){{10}, {-1}, {20}, {-1}}, false);
    assert_true(r.operational.v == 0 && r.energy.v > 0);
    sprout_grid_look_ahead(g, now, &ahead);
    assert_true(ahead.any && ahead.hour[0].ours && ahead.hour[0].intensity.v >= 0);
    sprout_grid_free(g);
    sprout_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hour_that_comes_twice_is_two_hours),
        cmocka_unit_test(the_day_of_the_change_has_a_hundred_quarters),
        cmocka_unit_test(half_hours_change_at_the_half_hour_and_an_hour_is_their_mean),
        cmocka_unit_test(the_leap_day_has_24_hours_between_its_neighbours),
        cmocka_unit_test(a_grid_at_zero_is_known),
    };
    setenv("GRID_DAYS_KEY", "k-123456", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
