/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the forecast from the grid's own past, and its error on ten real grids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "adapt/grid_csv.h"
#include "core/forecast.h"

enum { WEEK = SPROUT_FORECAST_WEEK, WEEKS = 6, STEP = 61 };

static void a_grid_that_repeats_itself_every_week_is_forecast_exactly(void **state)
{
    (void)state;
    sprout_g_per_kwh past[WEEKS * WEEK], out[WEEK];
    const struct sprout_forecast_rule rule = {
        .weeks = 4, .persistence = 0.9, .shrink = 0};
    for (size_t i = 0; i < WEEKS * WEEK; i++) {
        past[i].v = 100 + (double)(i % WEEK);
    }
    sprout_forecast_make(&rule, past, WEEKS * WEEK, WEEKS * WEEK - 1, out, WEEK);
    for (size_t k = 0; k < WEEK; k++) {
        assert_true(fabs(out[k].v - (100 + (double)k)) < 1e-9);
    }
}

static void a_deviation_fades_with_the_hours_ahead(void **state)
{
    (void)state;
    sprout_g_per_kwh past[WEEKS * WEEK], out[48];
    const struct sprout_forecast_rule rule = {
        .weeks = 4, .persistence = 0.5, .shrink = 1e9};
    for (size_t i = 0; i < WEEKS * WEEK; i++) {
        past[i].v = 100;
    }
    past[WEEKS * WEEK - 1].v = 200;
    sprout_forecast_make(&rule, past, WEEKS * WEEK, 0, out, 48);
    assert_true(out[0].v > 140 && out[0].v < 160);
    assert_true(out[1].v < out[0].v && out[2].v < out[1].v);
    assert_true(fabs(out[40].v - 100) < 1);
}

static void unknown_hours_are_left_out_and_an_unknown_past_gives_no_forecast(void **state)
{
    (void)state;
    sprout_g_per_kwh past[WEEK], out[3];
    for (size_t i = 0; i < WEEK; i++) {
        past[i].v = i % 2 == 0 ? 50 : NAN;
    }
    sprout_forecast_make(&sprout_forecast_default, past, WEEK, 77, out, 3);
    assert_true(fabs(out[0].v - 50) < 1e-9 && fabs(out[2].v - 50) < 1e-9);
    sprout_forecast_make(&sprout_forecast_default, past, 0, 77, out, 3);
    assert_true(isnan(out[0].v));
    past[0].v = NAN;
    sprout_forecast_make(&sprout_forecast_default, past, 1, 77, out, 3);
    assert_true(isnan(out[2].v));
}

static void one_known_hour_is_forecast_to_stay(void **state)
{
    (void)state;
    const sprout_g_per_kwh past[1] = {{80}};
    sprout_g_per_kwh out[2];
    sprout_forecast_make(&sprout_forecast_default, past, 1, -5, out, 2);
    assert_true(fabs(out[1].v - 80) < 1e-9);
}

/* Mean absolute errors over a week ahead, relative to the zone's mean. */
static void measure(const struct sprout_grid_trace *t, double *forecast,
                    double *persistence)
{
    sprout_g_per_kwh past[WEEKS * WEEK], out[WEEK];
    double mean = 0, n = 0, off = 0, still = 0;
    for (size_t i = 0; i < t->count; i++) {
        mean += t->slots[i].direct.v / (double)t->count;
    }
    for (size_t now = WEEKS * WEEK; now + WEEK < t->count; now += STEP) {
        for (size_t i = 0; i < WEEKS * WEEK; i++) {
            past[i] = t->slots[now + 1 - WEEKS * WEEK + i].direct;
        }
        sprout_forecast_make(&sprout_forecast_default, past, WEEKS * WEEK, (int64_t)now,
                             out, WEEK);
        for (size_t k = 0; k < WEEK; k++) {
            const double truth = t->slots[now + 1 + k].direct.v;
            off += fabs(out[k].v - truth);
            still += fabs(past[WEEKS * WEEK - 1].v - truth);
            n++;
        }
    }
    *forecast = off / n / mean;
    *persistence = still / n / mean;
}

static void on_ten_grids_it_is_better_than_the_last_value(void **state)
{
    (void)state;
    static const char *const zones[] = {"AU-SA",       "DE",         "ES", "FR",
                                        "GB",          "NL",         "NO", "US-CAL-CISO",
                                        "US-MIDA-PJM", "US-TEX-ERCO"};
    double all = 0, all_still = 0;
    if (access("../shared/data/grid", R_OK) != 0) {
        print_message("skipped: ../shared/data/grid is not here\n");
        skip();
    }
    for (size_t z = 0; z < 10; z++) {
        char path[128];
        struct sprout_grid_trace t;
        struct sprout_error err;
        const struct sprout_str any = {"", 0};
        double forecast, still;
        snprintf(path, sizeof path, "../shared/data/grid/%s_2023_hourly.csv", zones[z]);
        if (sprout_grid_trace_read(path, any, &t, &err) != SPROUT_OK) {
            fail_msg("%s", err.message);
        }
        measure(&t, &forecast, &still);
        print_message("%-12s error a week ahead %.1f %%, last value %.1f %%\n", zones[z],
                      100 * forecast, 100 * still);
        assert_true(forecast < still);
        all += forecast / 10;
        all_still += still / 10;
        sprout_grid_trace_free(&t);
    }
    assert_true(all < 0.75 * all_still);
}

static void the_error_is_of_what_was_foretold_from_the_past_alone(void **state)
{
    (void)state;
    sprout_g_per_kwh v[3 * WEEK];
    struct sprout_forecast_error e[24];
    for (size_t i = 0; i < 3 * WEEK; i++) {
        v[i].v = i < 2 * WEEK ? 100 : 150; /* a step that nothing announced */
    }
    sprout_forecast_measure(&sprout_forecast_default, v, 2 * WEEK + 1, 0, 2 * WEEK - 1, e,
                            24);
    assert_int_equal(e[0].n, 1);
    assert_true(fabs(e[0].ours - 50) < 1e-9 && fabs(e[0].as_now - 50) < 1e-9);
    assert_true(e[1].n == 0 && isnan(e[1].ours)); /* nothing to compare with */
    sprout_forecast_measure(&sprout_forecast_default, v, 2 * WEEK, 0, WEEK, e, 24);
    assert_true(e[23].ours < 1e-9 && e[23].n == WEEK - 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_that_repeats_itself_every_week_is_forecast_exactly),
        cmocka_unit_test(a_deviation_fades_with_the_hours_ahead),
        cmocka_unit_test(the_error_is_of_what_was_foretold_from_the_past_alone),
        cmocka_unit_test(
            unknown_hours_are_left_out_and_an_unknown_past_gives_no_forecast),
        cmocka_unit_test(one_known_hour_is_forecast_to_stay),
        cmocka_unit_test(on_ten_grids_it_is_better_than_the_last_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
