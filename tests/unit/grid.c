/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the grid interface: a constant, and a file replayed at a speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "adapt/file.h"
#include "adapt/grid.h"
#include "core/instant.h"

static char folder[] = "/tmp/sprout-grid-XXXXXX";
static char path[64];
static struct sprout_error problem;

static const char rows[] = "Datetime (UTC),Zone id,Carbon intensity gCO2eq/kWh (direct),"
                           "Carbon intensity gCO2eq/kWh (LCA),Data estimated\n"
                           "2023-01-01 00:00:00,GB,100,150,false\n"
                           "2023-01-01 01:00:00,GB,0,,true\n"
                           "2023-01-01 02:00:00,GB,200,250,false\n"
                           "2023-01-01 04:00:00,GB,50,80,false\n";

static int make_file(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/gb.csv", folder);
    return sprout_file_write(path, sprout_str_of(rows), 0600, NULL) == SPROUT_OK ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path) + rmdir(folder);
}

static sprout_instant at(const char *text)
{
    sprout_instant t = {0};
    assert_int_equal(sprout_instant_parse(sprout_str_of(text), &t), SPROUT_OK);
    return t;
}

static sprout_instant after(sprout_instant t, double seconds)
{
    return (sprout_instant){t.ns + (int64_t)(seconds * 1e9)};
}

static struct sprout_grid_opts replay(void)
{
    return (struct sprout_grid_opts){
        .source = SPROUT_GRID_CSV,
        .csv_file = path,
        .csv_start = SPROUT_STR("2023-01-01T00:30:00Z"),
        .csv_speed = 3600,
        .epoch = at("2026-11-23T08:00:00Z"),
    };
}

static struct sprout_grid *opened(const struct sprout_grid_opts *o)
{
    struct sprout_grid *g = NULL;
    if (sprout_grid_new(o, &g, &problem) != SPROUT_OK) {
        print_message("%s\n", problem.message);
        fail();
    }
    return g;
}

static void a_constant_is_marked_assumed_and_has_no_range(void **state)
{
    (void)state;
    const struct sprout_grid_opts o = {.source = SPROUT_GRID_STATIC, .intensity = {473}};
    struct sprout_grid *const g = opened(&o);
    struct sprout_grid_value v;
    const sprout_instant now = at("2026-11-23T08:15:00Z");
    assert_int_equal(sprout_grid_poll(g, now, &v, &problem), SPROUT_OK);
    assert_true(v.intensity.v == 473);
    assert_string_equal(sprout_grid_quality_text(v.quality), "assumed");
    assert_true(sprout_str_eq(v.zone, SPROUT_STR("-")));
    assert_int_equal(v.slot_start.ns, at("2026-11-23T08:00:00Z").ns);
    assert_int_equal(sprout_grid_range(g, now, sprout_span_seconds(86400)).points, 0);
    assert_int_equal(sprout_grid_next(g, now).ns, INT64_MAX);
    sprout_grid_free(g);
    sprout_grid_free(NULL);
    const struct sprout_grid_opts negative = {.intensity = {-1}};
    struct sprout_grid *none = NULL;
    assert_int_equal(sprout_grid_new(&negative, &none, &problem), SPROUT_CONFIG);
}

static void an_hour_of_grid_passes_in_a_second(void **state)
{
    (void)state;
    const struct sprout_grid_opts o = replay();
    struct sprout_grid *const g = opened(&o);
    struct sprout_grid_value v;
    assert_int_equal(sprout_grid_poll(g, o.epoch, &v, &problem), SPROUT_OK);
    assert_true(v.intensity.v == 100);
    assert_int_equal(v.quality, SPROUT_GRID_REPLAYED);
    assert_int_equal(v.slot_start.ns, at("2023-01-01T00:00:00Z").ns);
    assert_int_equal(v.slot_end.ns, at("2023-01-01T01:00:00Z").ns);
    assert_int_equal(v.received_at.ns, after(o.epoch, -0.5).ns);
    assert_true(sprout_str_eq(v.zone, SPROUT_STR("GB")));
    assert_true(sprout_str_starts(v.source, SPROUT_STR("csv@")));

    assert_int_equal(sprout_grid_poll(g, after(o.epoch, 0.6), &v, &problem), SPROUT_OK);
    assert_true(v.intensity.v == 0 && v.estimated); /* 0 is a value */
    assert_int_equal(sprout_grid_clock(g, after(o.epoch, 1)).ns,
                     at("2023-01-01T01:30:00Z").ns);
    sprout_grid_free(g);
}

static void who_wakes_at_next_finds_the_next_slot(void **state)
{
    (void)state;
    static const double expected[] = {100, 0, 200, -1, 50, -1};
    const struct sprout_grid_opts o = replay();
    struct sprout_grid *const g = opened(&o);
    sprout_instant now = o.epoch;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct sprout_grid_value v = {.intensity = {-1}};
        const enum sprout_status status = sprout_grid_poll(g, now, &v, &problem);
        assert_int_equal(status, expected[i] < 0 ? SPROUT_STALE : SPROUT_OK);
        assert_true(v.intensity.v == expected[i]); /* untouched in a hole */
        now = sprout_grid_next(g, now);
    }
    assert_int_equal(now.ns, INT64_MAX);
    sprout_grid_free(g);
}

static void the_range_is_of_the_rows_before_the_grids_clock(void **state)
{
    (void)state;
    const struct sprout_grid_opts o = replay();
    struct sprout_grid *const g = opened(&o);
    const sprout_span day = sprout_span_seconds(86400);
    struct sprout_grid_range r = sprout_grid_range(g, o.epoch, day);
    assert_true(r.points == 1 && r.lo.v == 100 && r.hi.v == 100);
    r = sprout_grid_range(g, after(o.epoch, 2), day);
    assert_true(r.points == 3 && r.lo.v == 0 && r.hi.v == 200);
    sprout_grid_free(g);
}

static void without_a_start_the_file_is_taken_as_live_or_from_its_first_row(void **state)
{
    (void)state;
    struct sprout_grid_value v;
    struct sprout_grid_opts o = replay();
    o.csv_start = SPROUT_STR("");
    o.csv_speed = 1;
    struct sprout_grid *g = opened(&o);
    assert_int_equal(sprout_grid_poll(g, o.epoch, &v, &problem), SPROUT_OK);
    assert_true(v.intensity.v == 100);
    sprout_grid_free(g);
    o.epoch = at("2023-01-01T02:10:00Z");
    g = opened(&o);
    assert_int_equal(sprout_grid_poll(g, o.epoch, &v, &problem), SPROUT_OK);
    assert_true(v.intensity.v == 200);
    assert_int_equal(sprout_grid_clock(g, o.epoch).ns, o.epoch.ns);
    sprout_grid_free(g);
}

static void refused(const struct sprout_grid_opts *o, const char *part)
{
    struct sprout_grid *g = NULL;
    assert_int_not_equal(sprout_grid_new(o, &g, &problem), SPROUT_OK);
    assert_null(g);
    if (strstr(problem.message, part) == NULL) {
        print_message("%s\n", problem.message);
    }
    assert_non_null(strstr(problem.message, part));
}

static void a_grid_that_cannot_be_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct sprout_grid_opts o = replay();
    o.zone = SPROUT_STR("DE");
    refused(&o, "the zone id is 'GB': expected DE");
    o = replay();
    o.csv_start = SPROUT_STR("2023-01-01T03:30:00Z");
    refused(&o, "the file has no row for the start");
    o.csv_start = SPROUT_STR("soon");
    refused(&o, "start is 'soon'");
    o = replay();
    o.csv_speed = 0;
    refused(&o, "speed is 0");
    o = replay();
    o.csv_file = "";
    refused(&o, "needs a file");
    o.csv_file = "/nonexistent";
    refused(&o, "cannot open");
    o = replay();
    o.csv_sha256 =
        SPROUT_STR("0000000000000000000000000000000000000000000000000000000000000000");
    refused(&o, "its SHA-256 is");
}

static void the_other_column_is_another_signal(void **state)
{
    (void)state;
    struct sprout_grid_opts o = replay();
    struct sprout_grid_value v;
    o.csv_scope = SPROUT_GRID_LIFECYCLE;
    struct sprout_grid *const g = opened(&o);
    assert_int_equal(sprout_grid_poll(g, o.epoch, &v, &problem), SPROUT_OK);
    assert_true(v.intensity.v == 150 && v.scope == SPROUT_GRID_LIFECYCLE);
    /* An empty field is no value, though the other column has one. */
    assert_int_equal(sprout_grid_poll(g, after(o.epoch, 1), &v, &problem), SPROUT_STALE);
    assert_non_null(strstr(problem.message, "2023-01-01T01:30:00Z"));
    sprout_grid_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_constant_is_marked_assumed_and_has_no_range),
        cmocka_unit_test(an_hour_of_grid_passes_in_a_second),
        cmocka_unit_test(who_wakes_at_next_finds_the_next_slot),
        cmocka_unit_test(the_range_is_of_the_rows_before_the_grids_clock),
        cmocka_unit_test(without_a_start_the_file_is_taken_as_live_or_from_its_first_row),
        cmocka_unit_test(a_grid_that_cannot_be_is_refused_with_the_reason),
        cmocka_unit_test(the_other_column_is_another_signal),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
