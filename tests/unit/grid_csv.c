/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the Electricity Maps file reader: every trap known of these files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "adapt/grid_csv.h"
#include "core/instant.h"

#define OLD_HEADER                                                                       \
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"   \
    "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,"    \
    "Data Source,Data Estimated,Data Estimation Method\n"
#define NEW_HEADER                                                                       \
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO2eq/kWh (direct),"     \
    "Carbon intensity gCO2eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),"     \
    "Renewable energy percentage (RE%),Data source,Data estimated,"                      \
    "Data estimation method\n"

static struct sprout_error problem;

static struct sprout_grid_trace good(const char *text, const char *zone)
{
    struct sprout_grid_trace t = {0};
    problem = (struct sprout_error){0};
    const enum sprout_status status =
        sprout_grid_trace_parse(sprout_str_of(text), sprout_str_of(zone), &t, &problem);
    if (status != SPROUT_OK) {
        print_message("%s\n", problem.message);
    }
    assert_int_equal(status, SPROUT_OK);
    return t;
}

static void bad(const char *text, const char *zone, size_t line, const char *part)
{
    struct sprout_grid_trace t = {.count = 7};
    problem = (struct sprout_error){0};
    assert_int_not_equal(
        sprout_grid_trace_parse(sprout_str_of(text), sprout_str_of(zone), &t, &problem),
        SPROUT_OK);
    assert_int_equal(t.count, 7); /* untouched */
    if (strstr(problem.message, part) == NULL || problem.line != line) {
        print_message("line %zu: %s\n", problem.line, problem.message);
    }
    assert_int_equal(problem.line, line);
    assert_non_null(strstr(problem.message, part));
}

static sprout_instant at(const char *text)
{
    sprout_instant t = {0};
    assert_int_equal(sprout_instant_parse(sprout_str_of(text), &t), SPROUT_OK);
    return t;
}

static void both_vintages_and_their_traps_are_read(void **state)
{
    (void)state;
    struct sprout_grid_trace t = good(
        OLD_HEADER "2023-01-01 00:00:00,USA,\"Electric Reliability Council of Texas, "
                   "Inc.\",US-TEX-ERCO,269.82,318.55,54.74,42.5,eia.gov,false,\n"
                   "2023-01-01 01:00:00,USA,\"Electric Reliability Council of Texas, "
                   "Inc.\",US-TEX-ERCO,0.0,,54.74,42.5, a; b,true,ESTIMATED_X\n",
        "US-TEX-ERCO");
    assert_int_equal(t.count, 2);
    assert_string_equal(t.zone, "US-TEX-ERCO");
    assert_true(t.slots[0].direct.v == 269.82 && t.slots[0].lifecycle.v == 318.55);
    assert_true(t.slots[1].direct.v == 0); /* a real value */
    assert_true(isnan(t.slots[1].lifecycle.v));
    assert_false(t.slots[0].estimated);
    assert_true(t.slots[1].estimated);
    assert_int_equal(t.estimated, 1);
    assert_true(t.step.ns == 3600 * SPROUT_NS_PER_SECOND);
    sprout_grid_trace_free(&t);

    t = good(
        "\xEF\xBB\xBF" NEW_HEADER
        "2021-01-01 00:00:00,Sweden,Sweden,SE,2.54,30.02,99.42,60.13,svk.se,true,X\n",
        "");
    assert_int_equal(t.count, 1);
    assert_string_equal(t.zone, "SE");
    assert_true(t.slots[0].lifecycle.v == 30.02);
    sprout_grid_trace_free(&t);
}

static void order_and_case_of_columns_and_crlf_do_not_matter(void **state)
{
    (void)state;
    struct sprout_grid_trace t =
        good("ZONE ID,\"datetime (utc)\",CARBON INTENSITY GCO2EQ/KWH (LIFE CYCLE)\r\n"
             "GB,2023-01-01 00:00:00,5\r\n"
             "\r\n"
             "GB,2023-01-01 00:30:00,\"6\"\r\n",
             "GB");
    assert_int_equal(t.count, 2);
    assert_true(t.slots[1].lifecycle.v == 6);
    assert_true(isnan(t.slots[1].direct.v));
    assert_true(t.step.ns == 1800 * SPROUT_NS_PER_SECOND);
    assert_int_equal(t.slots[1].line, 4);
    sprout_grid_trace_free(&t);
}

#define HEADER                                                                           \
    "Datetime (UTC),Zone id,Carbon intensity gCO2eq/kWh (direct),Data estimated\n"
#define ROW(hour, value) "2023-01-01 " hour ":00:00,GB," value ",false\n"

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    bad("", "", 0, "the file is empty");
    bad(HEADER, "", 0, "a header and no rows");
    bad("a,b,c\n1,2,3\n", "", 1, "the header is 'a'");
    bad(HEADER ROW("00", "1"), "DE", 2, "the zone id is 'GB': expected DE");
    bad(HEADER ROW("00", "1") "2023-01-01 01:00:00,FR,1,false\n", "", 3,
        "the zone id is 'FR': expected GB");
    bad(HEADER ROW("00", "1") ROW("00", "2"), "", 3, "repeats the one before");
    bad(HEADER ROW("01", "1") ROW("00", "2"), "", 3, "goes back");
    bad(HEADER ROW("00", "-1"), "", 2, "the carbon intensity is '-1'");
    bad(HEADER ROW("00", "2001"), "", 2, "from 0 to 2000");
    bad(HEADER ROW("00", "nan"), "", 2, "the carbon intensity is 'nan'");
    bad(HEADER ROW("00", "12;5"), "", 2, "the carbon intensity is '12;5'");
    bad(HEADER "yesterday,GB,1,false\n", "", 2, "the time is 'yesterday'");
    bad(HEADER "2023-01-01 00:00:00,GB,1,maybe\n", "", 2, "true or false");
    bad(HEADER "2023-01-01 00:00:00,GB,1\n", "", 2, "4 fields as in the header, not 3");
    bad(HEADER "2023-01-01 00:00:00,\"GB,1,false\n", "", 2, "never closed");
    bad(HEADER "2023-01-01 00:00:00,,1,false\n", "", 2, "the zone id is ''");
    bad(HEADER "2023-01-01 00:00:00,../x,1,false\n", "", 2, "the zone id is '../x'");
    bad(HEADER ROW("00", "1") ROW("01", "1") "2023-01-01 02:30:00,GB,1,false\n"
                                             "2023-01-01 03:10:00,GB,1,false\n",
        "", 3, "expected a multiple of the file's step of 2400 s");
}

static void holes_are_counted_and_never_filled(void **state)
{
    (void)state;
    struct sprout_grid_trace t = good(HEADER ROW("00", "10") ROW("01", "20")
                                          ROW("04", "30") ROW("05", "") ROW("07", "5"),
                                      "");
    assert_int_equal(t.holes, 3);
    assert_int_equal(t.first_hole, 3);
    assert_int_equal(sprout_grid_trace_at(&t, at("2023-01-01T01:59:59Z"))->direct.v, 20);
    assert_null(sprout_grid_trace_at(&t, at("2023-01-01T02:00:00Z")));
    assert_null(sprout_grid_trace_at(&t, at("2023-01-01T03:59:59Z")));
    assert_int_equal(sprout_grid_trace_at(&t, at("2023-01-01T04:00:00Z"))->direct.v, 30);
    assert_true(isnan(sprout_grid_trace_at(&t, at("2023-01-01T05:00:00Z"))->direct.v));
    assert_null(sprout_grid_trace_at(&t, at("2022-12-31T23:59:59Z")));
    assert_null(sprout_grid_trace_at(&t, at("2023-01-01T08:00:00Z")));
    sprout_grid_trace_free(&t);
}

static void the_range_looks_back_and_never_ahead(void **state)
{
    (void)state;
    struct sprout_grid_trace t = good(HEADER ROW("00", "10") ROW("01", "20") ROW("02", "")
                                          ROW("03", "5") ROW("04", "900"),
                                      "");
    const sprout_span day = sprout_span_seconds(86400);
    struct sprout_grid_range r =
        sprout_grid_trace_range(&t, SPROUT_GRID_DIRECT, at("2023-01-01T03:30:00Z"), day);
    assert_true(r.lo.v == 5 && r.hi.v == 20 && r.points == 3);
    r = sprout_grid_trace_range(&t, SPROUT_GRID_DIRECT, at("2023-01-01T03:00:00Z"),
                                sprout_span_seconds(3600));
    assert_true(r.lo.v == 5 && r.hi.v == 5 && r.points == 1);
    r = sprout_grid_trace_range(&t, SPROUT_GRID_DIRECT, at("2022-12-31T00:00:00Z"), day);
    assert_true(isnan(r.lo.v) && isnan(r.hi.v) && r.points == 0);
    r = sprout_grid_trace_range(&t, SPROUT_GRID_LIFECYCLE, at("2023-01-01T04:00Z"), day);
    assert_int_equal(r.points, 0);
    sprout_grid_trace_free(&t);
}

static void the_hash_is_the_bytes_sha256(void **state)
{
    (void)state;
    struct sprout_grid_trace t = good(HEADER ROW("00", "10"), "");
    struct sprout_grid_trace u = good(HEADER ROW("00", "11"), "");
    assert_string_equal(
        t.sha256, "af1554754356c709a6ee3beb9905fb7785fad3de57bb7419e790f601ceada39d");
    assert_string_not_equal(t.sha256, u.sha256);
    sprout_grid_trace_free(&t);
    sprout_grid_trace_free(&u);
}

/* Mean of the direct column of the published files, by a reader of another make (Python's csv). */
static const struct {
    const char *zone;
    double mean;
} published[] = {
    {"AU-SA", 140.874894},
    {"DE", 329.262953},
    {"ES", 117.828967},
    {"FR", 30.430703},
    {"GB", 136.013543},
    {"NL", 222.309781},
    {"NO", 9.279639},
    {"US-CAL-CISO", 193.460566},
    {"US-MIDA-PJM", 321.862624},
    {"US-TEX-ERCO", 316.511989},
};

static void the_ten_published_files_are_read_whole(void **state)
{
    (void)state;
    if (access("../shared/data/grid", R_OK) != 0) {
        print_message("skipped: ../shared/data/grid is not here\n");
        skip();
    }
    const clock_t began = clock();
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        char path[100];
        struct sprout_grid_trace t = {0};
        snprintf(path, sizeof path, "../shared/data/grid/%s_2023_hourly.csv",
                 published[i].zone);
        assert_int_equal(
            sprout_grid_trace_read(path, sprout_str_of(published[i].zone), &t, &problem),
            SPROUT_OK);
        assert_int_equal(t.count, 8760);
        assert_int_equal(t.holes, 0);
        double sum = 0;
        for (size_t s = 0; s < t.count; s++) {
            sum += t.slots[s].direct.v;
        }
        assert_true(fabs(sum / 8760 - published[i].mean) < 1e-4);
        sprout_grid_trace_free(&t);
    }
    print_message("%.0f ms for ten files\n",
                  1e3 * (double)(clock() - began) / CLOCKS_PER_SEC);
}

static void a_file_cut_anywhere_is_read_or_refused_whole(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF" HEADER ROW("00", "10")
        ROW("01", "\"2\"") "2023-01-01 02:00:00,\"GB\",3,true\r\n";
    for (size_t n = 0; n < sizeof text; n++) {
        struct sprout_grid_trace t = {0};
        problem = (struct sprout_error){0};
        const enum sprout_status status = sprout_grid_trace_parse(
            (struct sprout_str){text, n}, SPROUT_STR(""), &t, &problem);
        if (status == SPROUT_OK) {
            assert_true(t.count >= 1 && t.count <= 3);
        } else {
            assert_true(problem.message[0] != '\0' && t.slots == NULL);
        }
        sprout_grid_trace_free(&t);
    }
}

static void a_file_that_is_not_there_says_so(void **state)
{
    (void)state;
    struct sprout_grid_trace t = {0};
    assert_int_equal(
        sprout_grid_trace_read("/nonexistent.csv", SPROUT_STR(""), &t, &problem),
        SPROUT_NOT_FOUND);
    assert_non_null(strstr(problem.message, "/nonexistent.csv: cannot open"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_vintages_and_their_traps_are_read),
        cmocka_unit_test(order_and_case_of_columns_and_crlf_do_not_matter),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(holes_are_counted_and_never_filled),
        cmocka_unit_test(the_range_looks_back_and_never_ahead),
        cmocka_unit_test(the_hash_is_the_bytes_sha256),
        cmocka_unit_test(the_ten_published_files_are_read_whole),
        cmocka_unit_test(a_file_cut_anywhere_is_read_or_refused_whole),
        cmocka_unit_test(a_file_that_is_not_there_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
