/* SPDX-License-Identifier: Apache-2.0 */
/* Live providers over time with a scripted clock and made answers: the fail-safe policy line
 * by line, and a week in which everybody is dead. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapt/grid_list.h"
#include "core/instant.h"

#define HOUR    (3600 * SPROUT_NS_PER_SECOND)
#define MINUTE  (60 * SPROUT_NS_PER_SECOND)
#define T0_TEXT "2025-03-01T14:00:00.000Z"

static const sprout_instant t0 = {1740837600 * SPROUT_NS_PER_SECOND}; /* T0_TEXT */

static sprout_instant after(int64_t ns)
{
    return (sprout_instant){t0.ns + ns};
}

static struct sprout_grid_live *electricitymaps(void)
{
    struct sprout_grid_live *l = NULL;
    struct sprout_error err = {.message = ""};
    const struct sprout_grid_live_opts opts = {
        .provider = &sprout_grid_electricitymaps, .zone = "DE", .secret = "k-123456"};
    assert_int_equal(sprout_grid_live_new(&opts, &l, &err), SPROUT_OK);
    return l;
}

static void put_reply(char *out, size_t cap, double g, sprout_instant start)
{
    const int64_t hour = start.ns / HOUR % 24;
    const int64_t day = 1 + (start.ns - t0.ns + 14 * HOUR) / (24 * HOUR);
    snprintf(out, cap,
             "{\"zone\":\"DE\",\"carbonIntensity\":%g,\"datetime\":"
             "\"2025-03-%02dT%02d:00:00.000Z\",\"emissionFactorType\":\"direct\"}",
             g, (int)day, (int)hour);
}

static void answer(struct sprout_grid_live *l, sprout_instant now, int code,
                   const char *body)
{
    struct sprout_grid_request request;
    const struct sprout_grid_answer a = {.code = code,
                                         .body = sprout_str_of(body),
                                         .retry_after = {-1},
                                         .why = "connection refused"};
    assert_true(sprout_grid_live_due(l, now, &request));
    assert_false(sprout_grid_live_due(l, now, &request)); /* one at a time */
    sprout_grid_live_take(l, now, 0.5, &a);
}

static void answer_with(struct sprout_grid_live *l, sprout_instant now, double g)
{
    char body[256];
    put_reply(body, sizeof body, g, (sprout_instant){now.ns / HOUR * HOUR});
    answer(l, now, 200, body);
    assert_int_equal(sprout_grid_live_state(l).trouble, SPROUT_GRID_TROUBLE_FINE);
}

static enum sprout_grid_quality quality_at(struct sprout_grid_live *l, sprout_instant t,
                                           double *out_g)
{
    struct sprout_grid_value v;
    if (sprout_grid_live_value(l, t, &v, NULL) != SPROUT_OK) {
        return SPROUT_GRID_NONE;
    }
    *out_g = v.intensity.v;
    return v.quality;
}

static void nothing_is_known_before_the_first_answer(void **state)
{
    double g = -1;
    struct sprout_grid_live *const l = electricitymaps();
    (void)state;
    assert_int_equal(quality_at(l, t0, &g), SPROUT_GRID_NONE);
    answer_with(l, t0, 0); /* zero is a value */
    assert_int_equal(quality_at(l, t0, &g), SPROUT_GRID_LIVE);
    assert_true(g == 0);
    sprout_grid_live_free(l);
}

static void a_value_goes_from_live_to_last_good_to_none(void **state)
{
    double g = -1;
    struct sprout_grid_live *const l = electricitymaps();
    (void)state;
    answer_with(l, t0, 412);
    answer(l, after(70 * MINUTE), 503, "");
    assert_int_equal(quality_at(l, after(71 * MINUTE), &g), SPROUT_GRID_LAST_GOOD);
    assert_true(g == 412);
    assert_int_equal(quality_at(l, after(2 * HOUR), &g), SPROUT_GRID_LAST_GOOD);
    assert_int_equal(quality_at(l, after(2 * HOUR + 1), &g), SPROUT_GRID_NONE);
    answer_with(l, after(3 * HOUR), 90);
    assert_int_equal(quality_at(l, after(3 * HOUR), &g), SPROUT_GRID_LIVE);
    assert_true(g == 90);
    sprout_grid_live_free(l);
}

/* Each answer and the pause that must follow it, from the second failure's view. */
static void each_trouble_has_its_pause(void **state)
{
    static const struct {
        int code;
        const char *body;
        enum sprout_grid_trouble trouble;
        int64_t least_s, most_s;
    } rows[] = {
        {200, "{}", SPROUT_GRID_TROUBLE_INVALID, 15, 30},
        {200, "<html>", SPROUT_GRID_TROUBLE_INVALID, 15, 30},
        {204, "", SPROUT_GRID_TROUBLE_NO_DATA, 15, 30},
        {200, "{\"zone\":\"DE\",\"history\":[]}", SPROUT_GRID_TROUBLE_NO_DATA, 15, 30},
        {400, "", SPROUT_GRID_TROUBLE_CONFIGURATION, 3600, 3600},
        {404, "", SPROUT_GRID_TROUBLE_CONFIGURATION, 3600, 3600},
        {501, "", SPROUT_GRID_TROUBLE_CONFIGURATION, 3600, 3600},
        {401, "", SPROUT_GRID_TROUBLE_AUTHORISATION, 30, 60},
        {403, "", SPROUT_GRID_TROUBLE_AUTHORISATION, 30, 60},
        {410, "", SPROUT_GRID_TROUBLE_GOING_AWAY, 86400, 86400},
        {429, "", SPROUT_GRID_TROUBLE_QUOTA, 15, 30},
        {500, "", SPROUT_GRID_TROUBLE_UNREACHABLE, 15, 30},
        {0, "", SPROUT_GRID_TROUBLE_UNREACHABLE, 15, 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sprout_grid_live *const l = electricitymaps();
        answer(l, t0, rows[i].code, rows[i].body);
        const struct sprout_grid_live_state s = sprout_grid_live_state(l);
        const int64_t pause = (s.next.ns - t0.ns) / SPROUT_NS_PER_SECOND;
        assert_int_equal(s.trouble, rows[i].trouble);
        assert_true(pause >= rows[i].least_s && pause <= rows[i].most_s);
        assert_int_equal(s.invalid, rows[i].trouble == SPROUT_GRID_TROUBLE_INVALID);
        assert_true(s.why[0] != '\0');
        sprout_grid_live_free(l);
    }
}

static void pauses_double_up_to_their_bound_and_a_good_answer_resets_them(void **state)
{
    struct sprout_grid_live *const l = electricitymaps();
    sprout_instant now = t0;
    int64_t pause = 0;
    (void)state;
    for (int i = 0; i < 12; i++) {
        answer(l, now, 500, "");
        const int64_t next = sprout_grid_live_next(l).ns - now.ns;
        assert_true(next >= pause);
        pause = next;
        now.ns += pause;
    }
    assert_true(pause == (int64_t)(900 * 0.75) * SPROUT_NS_PER_SECOND);
    answer_with(l, now, 5);
    assert_true(sprout_grid_live_next(l).ns - now.ns >= HOUR); /* no faster than a step */
    answer(l, sprout_grid_live_next(l), 500, "");
    assert_int_equal(sprout_grid_live_state(l).failures, 1);
    sprout_grid_live_free(l);
}

/* Wherever in the hour the first question came, and no two nearer than an hour. */
static void questions_come_soon_after_a_slot_has_begun(void **state)
{
    (void)state;
    for (int64_t minute = 0; minute < 60; minute++) {
        struct sprout_grid_live *const l = electricitymaps();
        sprout_instant now = after(minute * MINUTE);
        for (int i = 0; i < 8; i++) {
            answer_with(l, now, 5);
            const int64_t wait = sprout_grid_live_next(l).ns - now.ns;
            assert_true(wait >= HOUR && wait <= HOUR + 12 * MINUTE);
            assert_true(i < 5 || now.ns % HOUR <= 6 * MINUTE);
            now.ns += wait;
        }
        sprout_grid_live_free(l);
    }
}

static void retry_after_is_honoured(void **state)
{
    struct sprout_grid_live *const l = electricitymaps();
    struct sprout_grid_request request;
    const struct sprout_grid_answer a = {.code = 429,
                                         .retry_after = sprout_span_seconds(777)};
    (void)state;
    assert_true(sprout_grid_live_due(l, t0, &request));
    sprout_grid_live_take(l, t0, 0.9, &a);
    assert_int_equal(sprout_grid_live_next(l).ns - t0.ns, 777 * SPROUT_NS_PER_SECOND);
    assert_false(sprout_grid_live_due(l, after(776 * SPROUT_NS_PER_SECOND), &request));
    assert_true(sprout_grid_live_due(l, after(777 * SPROUT_NS_PER_SECOND), &request));
    sprout_grid_live_free(l);
}

static void a_forecast_received_earlier_serves_its_slot(void **state)
{
    struct sprout_grid_live *l = NULL;
    struct sprout_error err = {.message = ""};
    double g = -1;
    const struct sprout_grid_live_opts opts = {.provider = &sprout_grid_neso,
                                               .zone = "GB"};
    (void)state;
    assert_int_equal(sprout_grid_live_new(&opts, &l, &err), SPROUT_OK);
    answer(l, t0, 200,
           "{\"data\":[{\"from\":\"2025-03-01T14:00Z\",\"to\":\"2025-03-01T14:30Z\","
           "\"intensity\":{\"forecast\":100,\"actual\":null}},"
           "{\"from\":\"2025-03-01T14:30Z\",\"to\":\"2025-03-01T15:00Z\","
           "\"intensity\":{\"forecast\":110,\"actual\":null}},"
           "{\"from\":\"2025-03-01T16:00Z\",\"to\":\"2025-03-01T16:30Z\","
           "\"intensity\":{\"forecast\":160,\"actual\":null}}]}");
    assert_int_equal(quality_at(l, after(29 * MINUTE), &g), SPROUT_GRID_LIVE);
    assert_true(g == 100); /* the half hour of now, not the last one of the list */
    /* Not told yet as the value of now: it was foretold. */
    assert_int_equal(quality_at(l, after(31 * MINUTE), &g), SPROUT_GRID_FORECAST);
    assert_true(g == 110);
    answer(l, after(35 * MINUTE), 0, "");
    assert_int_equal(quality_at(l, after(50 * MINUTE), &g), SPROUT_GRID_LAST_GOOD);
    assert_int_equal(quality_at(l, after(125 * MINUTE), &g), SPROUT_GRID_FORECAST);
    assert_true(g == 160);
    assert_int_equal(quality_at(l, after(95 * MINUTE), &g),
                     SPROUT_GRID_NONE); /* a hole */
    assert_int_equal(quality_at(l, after(151 * MINUTE), &g), SPROUT_GRID_NONE);
    sprout_grid_live_free(l);
}

/* ---- the list -------------------------------------------------------------------------- */

static struct sprout_grid_list *list_of(struct sprout_grid_entry *entries, size_t n)
{
    struct sprout_grid_list *l = NULL;
    struct sprout_error err = {.message = ""};
    const struct sprout_grid_opts opts = {
        .zone = SPROUT_STR("GB"), .entries = entries, .entries_count = n};
    if (sprout_grid_list_new(&opts, &l, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    return l;
}

static void put_neso(char *out, size_t cap, sprout_instant now, double g)
{
    char from[32], to[32];
    const sprout_instant start = {now.ns / (30 * MINUTE) * (30 * MINUTE)};
    struct sprout_buf b = sprout_buf_of(from, sizeof from);
    sprout_instant_put(&b, start);
    from[b.len] = '\0';
    b = sprout_buf_of(to, sizeof to);
    sprout_instant_put(&b, (sprout_instant){start.ns + 30 * MINUTE});
    to[b.len] = '\0';
    snprintf(out, cap,
             "{\"data\":[{\"from\":\"%s\",\"to\":\"%s\",\"intensity\":"
             "{\"forecast\":%g,\"actual\":%g}}]}",
             from, to, g, g);
}

/* What the i-th gets whenever it asks; NULL: dead. */
static int serve(struct sprout_grid_list *l, size_t i, sprout_instant now,
                 const char *body)
{
    struct sprout_grid_request request;
    if (!sprout_grid_list_due(l, i, now, false, &request)) {
        return 0;
    }
    const struct sprout_grid_answer a = {.code = body == NULL ? 0 : 200,
                                         .body = sprout_str_of(body),
                                         .retry_after = {-1},
                                         .why = "no route"};
    sprout_grid_list_take(l, i, now, 0.5, &a);
    return 1;
}

static void a_spare_is_asked_only_while_the_first_is_not_live(void **state)
{
    char body[256];
    struct sprout_grid_entry e[2] = {{.provider = "neso"}, {.provider = "neso"}};
    struct sprout_grid_list *const l = list_of(e, 2);
    struct sprout_grid_value v;
    (void)state;
    assert_int_equal(serve(l, 1, t0, NULL), 0); /* the first has not answered */
    put_neso(body, sizeof body, t0, 50);
    assert_int_equal(serve(l, 0, t0, body), 1);
    assert_int_equal(serve(l, 1, t0, NULL), 0); /* nor needed */
    assert_int_equal(serve(l, 0, after(35 * MINUTE), NULL), 1);
    put_neso(body, sizeof body, after(35 * MINUTE), 60);
    assert_int_equal(serve(l, 1, after(35 * MINUTE), body), 1);
    /* The first one's last good value still comes before the spare. */
    assert_int_equal(sprout_grid_list_value(l, after(36 * MINUTE), &v, NULL), SPROUT_OK);
    assert_true(v.intensity.v == 50 && v.quality == SPROUT_GRID_LAST_GOOD);
    assert_int_equal(sprout_grid_list_value(l, after(61 * MINUTE), &v, NULL), SPROUT_OK);
    assert_true(v.intensity.v == 60 && v.quality == SPROUT_GRID_LIVE);
    sprout_grid_list_free(l);
}

static void a_dead_week_invents_nothing_and_ends_when_they_come_back(void **state)
{
    char body[256];
    struct sprout_grid_entry e[2] = {{.provider = "neso"}, {.provider = "neso"}};
    struct sprout_grid_list *const l = list_of(e, 2);
    struct sprout_grid_value v;
    struct sprout_error err;
    int calls = 0;
    (void)state;
    put_neso(body, sizeof body, t0, 50);
    (void)serve(l, 0, t0, body);
    for (int64_t m = 1; m < 7 * 24 * 60; m++) {
        const sprout_instant now = after(m * MINUTE);
        calls += serve(l, 0, now, NULL) + serve(l, 1, now, NULL);
        if (sprout_grid_list_value(l, now, &v, &err) == SPROUT_OK) {
            assert_true(v.intensity.v == 50 && m <= 60);
            assert_int_equal(v.quality,
                             m < 32 ? SPROUT_GRID_LIVE : SPROUT_GRID_LAST_GOOD);
        } else {
            assert_true(m > 60);
            assert_non_null(strstr(err.message, "no route"));
        }
    }
    /* At most one call in 11 minutes each once the pauses are long, and never none. */
    assert_true(calls > 7 * 24 * 2 && calls < 7 * 24 * 60 / 10 * 2 + 20);
    const sprout_instant back = after(7 * 24 * HOUR + 20 * MINUTE);
    put_neso(body, sizeof body, back, 70);
    assert_int_equal(serve(l, 0, back, body), 1);
    assert_int_equal(sprout_grid_list_value(l, back, &v, NULL), SPROUT_OK);
    assert_true(v.intensity.v == 70 && v.quality == SPROUT_GRID_LIVE);
    sprout_grid_list_free(l);
}

static void a_constant_is_last_and_one_that_goes_away_comes_after_the_others(void **state)
{
    struct sprout_grid_entry e[3] = {{.provider = "static", .g_per_kwh = 473},
                                     {.provider = "energy-charts", .zone = "de"},
                                     {.provider = "neso"}};
    char body[256], charts[256];
    struct sprout_grid_list *const l = list_of(e, 3);
    struct sprout_grid_value v;
    (void)state;
    assert_int_equal(sprout_grid_list_value(l, t0, &v, NULL), SPROUT_OK);
    assert_int_equal(v.quality, SPROUT_GRID_ASSUMED);
    snprintf(charts, sizeof charts,
             "{\"unix_seconds\":[%lld,%lld],\"co2eq\":[400,410],"
             "\"co2eq_forecast\":[null,null],\"deprecated\":true}",
             (long long)(t0.ns / SPROUT_NS_PER_SECOND - 900),
             (long long)(t0.ns / SPROUT_NS_PER_SECOND));
    assert_int_equal(serve(l, 1, t0, charts), 1);
    assert_int_equal(sprout_grid_list_state(l, 1).trouble,
                     SPROUT_GRID_TROUBLE_GOING_AWAY);
    assert_int_equal(sprout_grid_list_value(l, t0, &v, NULL), SPROUT_OK);
    assert_true(v.intensity.v == 410); /* better than a constant */
    put_neso(body, sizeof body, t0, 50);
    assert_int_equal(serve(l, 2, t0, body), 1);
    assert_int_equal(sprout_grid_list_value(l, t0, &v, NULL), SPROUT_OK);
    assert_true(v.intensity.v == 50);
    sprout_grid_list_free(l);
}

static void signals_are_not_mixed_without_permission(void **state)
{
    struct sprout_grid_entry e[2] = {
        {.provider = "neso"},
        {.provider = "static", .g_per_kwh = 1, .factors = SPROUT_GRID_WISH_SECOND}};
    struct sprout_grid_list *l = NULL;
    struct sprout_error err = {.message = ""};
    const struct sprout_grid_opts opts = {
        .zone = SPROUT_STR("GB"), .entries = e, .entries_count = 2};
    (void)state;
    assert_int_equal(sprout_grid_list_new(&opts, &l, &err), SPROUT_CONFIG);
    assert_non_null(strstr(err.message, "mix_signals"));
}

static void the_range_needs_a_day_and_begins_anew_with_another_signal(void **state)
{
    struct sprout_grid_entry e[1] = {{.provider = "neso"}};
    const struct sprout_grid_opts opts = {.source = SPROUT_GRID_LIST,
                                          .zone = SPROUT_STR("GB"),
                                          .entries = e,
                                          .entries_count = 1};
    struct sprout_grid *g = NULL;
    struct sprout_error err;
    (void)state;
    assert_int_equal(sprout_grid_new(&opts, &g, &err), SPROUT_OK);
    struct sprout_grid_list *const l = sprout_grid_as_list(g);
    const sprout_span month = {720 * HOUR};
    for (int h = -22; h <= 0; h++) {
        sprout_grid_list_remember(l, SPROUT_GRID_AVERAGE, SPROUT_GRID_DIRECT,
                                  after(h * HOUR), (sprout_g_per_kwh){100 - h});
    }
    assert_int_equal(sprout_grid_range(g, t0, month).points, 0);
    sprout_grid_list_remember(l, SPROUT_GRID_AVERAGE, SPROUT_GRID_DIRECT,
                              after(-23 * HOUR), (sprout_g_per_kwh){0});
    const struct sprout_grid_range r = sprout_grid_range(g, t0, month);
    assert_int_equal(r.points, 24);
    assert_true(r.lo.v == 0 && r.hi.v == 122);
    sprout_grid_list_remember(l, SPROUT_GRID_AVERAGE, SPROUT_GRID_LIFECYCLE, t0,
                              (sprout_g_per_kwh){500});
    assert_int_equal(sprout_grid_range(g, t0, month).points, 0);
    sprout_grid_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_answer),
        cmocka_unit_test(a_value_goes_from_live_to_last_good_to_none),
        cmocka_unit_test(each_trouble_has_its_pause),
        cmocka_unit_test(pauses_double_up_to_their_bound_and_a_good_answer_resets_them),
        cmocka_unit_test(questions_come_soon_after_a_slot_has_begun),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(a_forecast_received_earlier_serves_its_slot),
        cmocka_unit_test(a_spare_is_asked_only_while_the_first_is_not_live),
        cmocka_unit_test(a_dead_week_invents_nothing_and_ends_when_they_come_back),
        cmocka_unit_test(
            a_constant_is_last_and_one_that_goes_away_comes_after_the_others),
        cmocka_unit_test(signals_are_not_mixed_without_permission),
        cmocka_unit_test(the_range_needs_a_day_and_begins_anew_with_another_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
