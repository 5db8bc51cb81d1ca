/* SPDX-License-Identifier: Apache-2.0 */
/* A week in which every provider is dead, in simulated time, from the last good value to the
 * grams that come when they are back: list, planner, ledger and backfill as the daemon joins
 * them.  Nothing is invented at any step, and nothing that was known is lost. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapt/store_history.h"
#include "control/backfill.h"
#include "control/planner.h"
#include "core/receipt.h"
#include "wire/policy_json.h"
#include "wire/shape.h"

#define MINUTE (60 * SPROUT_NS_PER_SECOND)
#define HOUR   (60 * MINUTE)

enum {
    FIRST_HOUR = 485000, /* of the simulation, since 1970 */
    DEAD_HOURS = 7 * 24,
    HOLE = 60,    /* an hour of the outage that the provider does not know either */
    PARTLY = 100, /* one of which it knows three quarters */
    JSON_CAP = 200000,
};

static char folder[] = "/tmp/sprout-week-XXXXXX";
static char ledger[64];
static char plan_memory[SPROUT_PLAN_MEMORY];
static char json[SPROUT_POLICY_BYTES_MAX];
static char body[JSON_CAP];
static struct sprout_store *store;
static struct sprout_grid_list *list;
static struct sprout_config *config;
static int64_t seq;

static sprout_instant at_hour(int64_t hours)
{
    return (sprout_instant){(FIRST_HOUR + hours) * HOUR};
}

/* What the grid truly was, known to the test alone: 0 in one hour of the day. */
static double truth(int64_t hour)
{
    return (double)(hour % 24 == 3 ? 0 : 200 + hour % 24);
}

static int begin(void **state)
{
    (void)state;
    static struct sprout_problems problems;
    static struct sprout_grid_entry entry;
    struct sprout_error err = {.message = ""};
    static char name[] = "energy-charts", zone[] = "de";
    entry = (struct sprout_grid_entry){.provider = name, .zone = zone, .forecast = true};
    const struct sprout_grid_opts opts = {
        .source = SPROUT_GRID_LIST, .entries = &entry, .entries_count = 1};
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(ledger, sizeof ledger, "%s/ledger.db", folder);
    seq = 0;
    return sprout_store_open(ledger, SPROUT_STORE_WRITE, &store, &err) == SPROUT_OK &&
                   sprout_grid_list_new(&opts, &list, &err) == SPROUT_OK &&
                   sprout_config_parse(SPROUT_STR("explore: 0.02\n"), "", &config,
                                       &problems) == SPROUT_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    char name[96];
    sprout_grid_list_free(list);
    sprout_config_free(config);
    sprout_store_close(store);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", ledger, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

/* Quarters of an hour in [from, until) as energy-charts tells them. */
static struct sprout_str day(sprout_instant from, sprout_instant until)
{
    struct sprout_buf b = sprout_buf_of(body, sizeof body);
    static const char *const parts[] = {"{\"unix_seconds\":[", "],\"co2eq\":["};
    for (int part = 0; part < 2; part++) {
        sprout_buf_put(&b, sprout_str_of(parts[part]));
        for (int64_t t = from.ns; t < until.ns; t += 15 * MINUTE) {
            const int64_t hour = t / HOUR - FIRST_HOUR;
            const bool gone = hour == HOLE || (hour == PARTLY && t % HOUR == 0);
            sprout_buf_put(&b, t > from.ns ? SPROUT_STR(",") : SPROUT_STR(""));
            if (part == 0) {
                sprout_buf_i64(&b, t / SPROUT_NS_PER_SECOND);
            } else if (gone) {
                sprout_buf_put(&b, SPROUT_STR("null"));
            } else {
                sprout_buf_f64(&b, truth(hour));
            }
        }
    }
    sprout_buf_put(&b, SPROUT_STR("]}"));
    assert_false(b.full);
    return sprout_buf_str(&b);
}

/* Everything that can go wrong, in turn. */
static const struct sprout_grid_answer failures[] = {
    {.code = 0, .why = "connection refused", .retry_after = {-1}},
    {.code = 503, .retry_after = {-1}},
    {.code = 200, .body = SPROUT_KEY("<html>all is well</html>"), .retry_after = {-1}},
    {.code = 200, .body = SPROUT_KEY("{}"), .retry_after = {-1}},
    {.code = 429, .retry_after = {120 * SPROUT_NS_PER_SECOND}},
    {.code = 401, .body = SPROUT_KEY("{\"error\":\"quota\"}"), .retry_after = {-1}},
    {.code = 204, .retry_after = {-1}},
    {.code = 200,
     .body = SPROUT_KEY("{\"unix_seconds\":[1],\"co2eq\":[1e9]}"),
     .retry_after = {-1}},
};

static void fail_if_asked(sprout_instant now)
{
    static size_t turn;
    struct sprout_grid_request request;
    if (sprout_grid_list_due(list, 0, now, false, &request)) {
        const struct sprout_grid_answer *const a =
            &failures[turn++ % (sizeof failures / sizeof failures[0])];
        sprout_grid_list_take(list, 0, now, 0.5, a);
    }
}

static void answer_now(sprout_instant now)
{
    struct sprout_grid_request request;
    assert_true(sprout_grid_list_due(list, 0, now, false, &request));
    const struct sprout_grid_answer a = {.code = 200,
                                         .body =
                                             day((sprout_instant){now.ns - 30 * MINUTE},
                                                 (sprout_instant){now.ns + 15 * MINUTE}),
                                         .retry_after = {-1}};
    sprout_grid_list_take(list, 0, now, 0.5, &a);
}

static struct sprout_grid_value value_at(sprout_instant now)
{
    struct sprout_grid_value v = SPROUT_GRID_VALUE_NONE;
    struct sprout_error err;
    if (sprout_grid_list_value(list, now, &v, &err) != SPROUT_OK) {
        assert_true(err.message[0] != '\0'); /* somebody is told why */
    }
    v.zone = SPROUT_STR("DE");
    return v;
}

/* Plans, keeps the policy, serves one request under it and settles it. */
static const struct sprout_policy *serve(sprout_instant now, sprout_microjoules *out_uj)
{
    const struct sprout_policy *p = NULL;
    struct sprout_plan_why why;
    struct sprout_error err = {.message = ""};
    struct sprout_arena arena = sprout_arena_of(plan_memory, sizeof plan_memory);
    const struct sprout_plan_in in = {.config = config,
                                      .grid = value_at(now),
                                      .range = SPROUT_GRID_RANGE_NONE,
                                      .now = now};
    struct sprout_buf b = sprout_buf_of(json, sizeof json);
    bool is_new = false;

    assert_int_equal(sprout_plan(&in, &arena, &p, &why, &err), SPROUT_OK);
    assert_int_equal(sprout_policy_write(p, &b), SPROUT_OK);
    assert_int_equal(sprout_store_put_policy(store, p->id, now, sprout_buf_str(&b), &err),
                     SPROUT_OK);
    const struct sprout_record record = {.version = 1,
                                         .worker = SPROUT_STR("w"),
                                         .seq = ++seq,
                                         .time = now,
                                         .id = SPROUT_STR("r"),
                                         .api = SPROUT_STR("openai-chat"),
                                         .model = SPROUT_STR("m"),
                                         .level = SPROUT_STR("L0"),
                                         .arm = SPROUT_STR("mix"),
                                         .reason = SPROUT_STR("mix"),
                                         .stratum = SPROUT_STR("all"),
                                         .policy = p->id,
                                         .usage = {{10}, {-1}, {20 + seq}, {-1}},
                                         .usage_source = SPROUT_USAGE_REPORTED,
                                         .status = 200};
    const struct sprout_receipt r =
        sprout_receipt_make(p, record.model, 0, record.usage, false);
    const struct sprout_store_receipt receipt = {
        .record = &record,
        .slot = {p->grid.zone, p->grid.quality, p->grid.intensity, p->grid.at},
        .energy = sprout_microjoules_of(r.energy),
        .time = {1000},
        .operational = sprout_micrograms_of(r.operational),
        .embodied = {0},
        .energy_l0 = sprout_microjoules_of(r.energy),
        .grams_l0 = sprout_micrograms_of(r.grams_l0),
        .method = SPROUT_STR("model"),
    };
    assert_int_equal(sprout_store_begin(store, &err), SPROUT_OK);
    assert_int_equal(sprout_store_put_receipt(store, &receipt, &is_new, &err), SPROUT_OK);
    assert_int_equal(sprout_store_commit(store, &err), SPROUT_OK);
    *out_uj = receipt.energy;
    return p;
}

static void keep(void *ctx, const struct sprout_grid_value *v)
{
    int64_t *const n = ctx;
    struct sprout_error err;
    assert_false(v->forecast);
    assert_int_equal(sprout_store_put_history(store, v, &err), SPROUT_OK);
    ++*n;
}

/* Asks for the past of [from, until) hours and keeps it; how far one question reached. */
static int64_t ask_past(int64_t from, int64_t until, sprout_instant now)
{
    struct sprout_grid_request request;
    sprout_instant reached = {0};
    int64_t n = 0;
    assert_true(
        sprout_grid_list_want_past(list, at_hour(from), at_hour(until), now, &reached));
    assert_true(sprout_grid_list_due(list, 0, now, false, &request));
    assert_non_null(strstr(request.url, "&start="));
    const struct sprout_grid_answer a = {
        .code = 200, .body = day(at_hour(from), reached), .retry_after = {-1}};
    sprout_grid_list_take(list, 0, now, 0.5, &a);
    assert_true(sprout_grid_list_take_past(list, now, keep, &n) > 0);
    assert_true(n > 0);
    assert_int_equal(sprout_grid_list_take_past(list, now, keep, &n), 0); /* once */
    return reached.ns / HOUR - FIRST_HOUR;
}

struct seen {
    int64_t unknown, backfilled, requests;
    int64_t grams_ug, energy_uj;
    double expected_ug;
};

static void see(void *ctx, const struct sprout_store_sum *sum)
{
    struct seen *const s = ctx;
    const int64_t hour = sum->hour - FIRST_HOUR;
    s->requests += sum->requests;
    s->energy_uj += sum->energy_uj;
    if (isnan(sum->slot.intensity.v)) {
        assert_int_equal(sum->graded, 0);
        assert_int_equal(sum->operational_ug, 0);
        s->unknown++;
        return;
    }
    if (sprout_str_eq(sum->slot.quality, SPROUT_STR("backfilled"))) {
        s->backfilled++;
        assert_true(sum->slot.intensity.v == truth(hour));
        assert_true(fabs((double)sum->operational_ug -
                         (double)sum->energy_uj * truth(hour) / 3.6e6) <= 1);
    }
    assert_int_equal(sum->graded, sum->requests); /* 0 g is known, too */
    s->grams_ug += sum->operational_ug;
}

static struct seen sums(void)
{
    struct seen s = {0};
    struct sprout_error err;
    assert_int_equal(sprout_store_sums(store, SPROUT_STORE_ALL_TIME,
                                       SPROUT_BY_HOUR | SPROUT_BY_SLOT, see, &s, &err),
                     SPROUT_OK);
    return s;
}

static void before(sprout_microjoules *uj)
{
    answer_now(at_hour(0));
    const struct sprout_policy *p = serve(at_hour(0), uj);
    assert_true(p->grid.intensity.v == truth(0));
    assert_true(sprout_str_eq(p->grid.quality, SPROUT_STR("live")));
    /* Dead from now on: the last good value serves for two steps and no longer. */
    fail_if_asked((sprout_instant){at_hour(0).ns + 20 * MINUTE});
    assert_int_equal(value_at((sprout_instant){at_hour(0).ns + 25 * MINUTE}).quality,
                     SPROUT_GRID_LAST_GOOD);
    fail_if_asked((sprout_instant){at_hour(0).ns + 50 * MINUTE});
    assert_int_equal(value_at((sprout_instant){at_hour(0).ns + 50 * MINUTE}).quality,
                     SPROUT_GRID_NONE);
}

static void a_dead_week_is_served_at_l0_and_gets_its_grams_when_it_is_known(void **state)
{
    (void)state;
    struct sprout_error err = {.message = ""};
    struct sprout_store_backfilled done = {.hours = 0};
    sprout_microjoules uj = {0};
    int64_t total_uj = 0, first = 0, after = 0;

    before(&uj);
    total_uj += uj.v;
    for (int64_t h = 1; h <= DEAD_HOURS; h++) {
        fail_if_asked(at_hour(h));
        const struct sprout_policy *p = serve(at_hour(h), &uj);
        assert_true(isnan(p->grid.intensity.v));
        assert_true(sprout_str_eq(p->grid.quality, SPROUT_STR("none")));
        assert_true(p->strata[0].mix[0] == 1 && p->explore == 0 && p->floor == 1);
        assert_true(uj.v > 0); /* joules are kept */
        total_uj += uj.v;
    }
    struct seen s = sums();
    assert_int_equal(s.unknown, DEAD_HOURS);
    assert_int_equal(s.energy_uj, total_uj);

    /* Back. */
    const sprout_instant now = at_hour(DEAD_HOURS + 1);
    answer_now((sprout_instant){now.ns + 20 * MINUTE});
    assert_int_equal(value_at((sprout_instant){now.ns + 20 * MINUTE}).quality,
                     SPROUT_GRID_LIVE);
    assert_true(
        !isnan(serve((sprout_instant){now.ns + 20 * MINUTE}, &uj)->grid.intensity.v));
    total_uj += uj.v;
    assert_int_equal(sprout_store_waiting_hours(store, SPROUT_STR("DE"), true, 0,
                                                now.ns / HOUR, &first, &after, &err),
                     SPROUT_OK);
    assert_int_equal(first - FIRST_HOUR, 1);
    assert_int_equal(after - FIRST_HOUR, DEAD_HOURS + 1);
    /* What the ledger kept so far knows none of them. */
    const struct sprout_backfill_hours hours = {first, after};
    assert_int_equal(
        sprout_backfill_history(store, list, SPROUT_STR("DE"), true, hours, &done, &err),
        SPROUT_OK);
    assert_int_equal(done.receipts, 0);
    for (int64_t from = 1; from < DEAD_HOURS + 1;) {
        from = ask_past(from, DEAD_HOURS + 1, (sprout_instant){now.ns + 21 * MINUTE});
    }
    assert_int_equal(
        sprout_backfill_history(store, list, SPROUT_STR("DE"), true, hours, &done, &err),
        SPROUT_OK);
    assert_int_equal(done.receipts, DEAD_HOURS - 2);
    s = sums();
    assert_int_equal(s.unknown, 2); /* the hole, and the hour known in part */
    assert_int_equal(s.backfilled, DEAD_HOURS - 2);
    assert_int_equal(s.requests, DEAD_HOURS + 2);
    assert_int_equal(s.energy_uj, total_uj);
    /* Again: nothing changes. */
    const int64_t grams = s.grams_ug;
    assert_int_equal(
        sprout_backfill_history(store, list, SPROUT_STR("DE"), true, hours, &done, &err),
        SPROUT_OK);
    assert_int_equal(done.receipts, 0);
    assert_int_equal(sums().grams_ug, grams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_dead_week_is_served_at_l0_and_gets_its_grams_when_it_is_known, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
