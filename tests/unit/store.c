/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the ledger: what is written together is there together, sums are exact,
 * unknown is not zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapt/store_metered.h"
#include "adapt/store.h"

enum { PATH = 512, HOUR_S = 3600 };

static char folder[] = "/tmp/sprout-store-XXXXXX";
static char path[PATH];
static struct sprout_store *store;

static int open_store(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/ledger.db", folder);
    return sprout_store_open(path, SPROUT_STORE_WRITE, &store, NULL) == SPROUT_OK ? 0
                                                                                  : -1;
}

static int close_store(void **state)
{
    (void)state;
    char name[PATH + 8];
    sprout_store_close(store);
    store = NULL;
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static sprout_instant at_hour(int64_t hour)
{
    return (sprout_instant){hour * HOUR_S * SPROUT_NS_PER_SECOND};
}

/* A request of worker w1 in hour 1000; tests change what they are about. */
static struct sprout_record a_record(int64_t seq)
{
    return (struct sprout_record){
        .version = 1,
        .worker = SPROUT_STR("w1"),
        .seq = seq,
        .time = at_hour(1000),
        .id = SPROUT_STR("r"),
        .api = SPROUT_STR("openai-chat"),
        .model = SPROUT_STR("m"),
        .level = SPROUT_STR("L1"),
        .arm = SPROUT_STR("mix"),
        .reason = SPROUT_STR("mix"),
        .stratum = SPROUT_STR("all"),
        .policy = SPROUT_STR("p"),
        .has_key = true,
        .key = 0xfedcba9876543210,
        .usage = {{10}, {-1}, {20}, {-1}},
        .usage_source = SPROUT_USAGE_REPORTED,
        .ttfb_us = 5,
        .duration_us = 1000,
        .overhead_us = 7,
        .status = 200,
        .outcome = SPROUT_OUTCOME_OK,
    };
}

static struct sprout_store_receipt a_receipt(const struct sprout_record *record)
{
    return (struct sprout_store_receipt){
        .record = record,
        .level = 1,
        .slot = {SPROUT_STR("GB"), SPROUT_STR("replayed"), {200}, at_hour(1000)},
        .energy = {3000000},
        .time = {500000},
        .operational = {170},
        .embodied = {80},
        .energy_l0 = {9000000},
        .grams_l0 = {900},
        .method = SPROUT_STR("profile"),
    };
}

static void put(const struct sprout_store_receipt *r, bool expect_new)
{
    bool is_new = !expect_new;
    assert_int_equal(sprout_store_begin(store, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_put_receipt(store, r, &is_new, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_commit(store, NULL), SPROUT_OK);
    assert_int_equal(is_new, expect_new);
}

static void put_seq(int64_t seq, bool expect_new)
{
    const struct sprout_record record = a_record(seq);
    const struct sprout_store_receipt receipt = a_receipt(&record);
    put(&receipt, expect_new);
}

/* ---- reading back ---------------------------------------------------------------------- */

enum { KEPT = 16 };

static struct sprout_store_sum sums[KEPT];
static char levels[KEPT][32];
static size_t sum_count;

static void keep_sum(void *ctx, const struct sprout_store_sum *sum)
{
    (void)ctx;
    assert_true(sum_count < KEPT);
    snprintf(levels[sum_count], sizeof levels[0], "%.*s", (int)sum->level.len,
             sum->level.ptr);
    sums[sum_count++] = *sum;
}

static void sum_up(struct sprout_store_range range, unsigned by)
{
    sum_count = 0;
    assert_int_equal(sprout_store_sums(store, range, by, keep_sum, NULL, NULL),
                     SPROUT_OK);
}

static struct sprout_store_conversation conversations[KEPT];
static size_t conversation_count;

static void keep_conversation(void *ctx, const struct sprout_store_conversation *c)
{
    (void)ctx;
    assert_true(conversation_count < KEPT);
    conversations[conversation_count++] = *c;
}

static void read_conversations(void)
{
    conversation_count = 0;
    assert_int_equal(sprout_store_conversations(store, SPROUT_STORE_ALL_TIME,
                                                keep_conversation, NULL, NULL),
                     SPROUT_OK);
}

static struct sprout_store_health health_now(void)
{
    struct sprout_store_health health;
    assert_int_equal(sprout_store_health(store, &health, NULL), SPROUT_OK);
    return health;
}

/* ---- tests ----------------------------------------------------------------------------- */

static void a_receipt_is_in_the_sums_with_every_amount(void **state)
{
    (void)state;
    put_seq(1, true);
    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sum_count, 1);
    assert_int_equal(sums[0].requests, 1);
    assert_int_equal(sums[0].outcome[SPROUT_OUTCOME_OK], 1);
    assert_int_equal(sums[0].reported, 1);
    assert_int_equal(sums[0].metered, 1);
    assert_int_equal(sums[0].graded, 1);
    assert_int_equal(sums[0].prompt, 10);
    assert_int_equal(sums[0].completion, 20);
    assert_true(sums[0].completion_sq == 400);
    assert_int_equal(sums[0].duration_us, 1000);
    assert_int_equal(sums[0].overhead_us, 7);
    assert_int_equal(sums[0].energy_uj, 3000000);
    assert_int_equal(sums[0].time_us, 500000);
    assert_int_equal(sums[0].operational_ug, 170);
    assert_int_equal(sums[0].embodied_ug, 80);
    assert_int_equal(sums[0].energy_l0_uj, 9000000);
    assert_int_equal(sums[0].grams_l0_ug, 900);
}

static void an_empty_ledger_has_no_sums(void **state)
{
    (void)state;
    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sum_count, 0);
    sum_up(SPROUT_STORE_ALL_TIME, SPROUT_BY_HOUR | SPROUT_BY_LEVEL);
    assert_int_equal(sum_count, 0);
}

static void a_line_that_comes_twice_is_counted_and_changes_nothing(void **state)
{
    (void)state;
    put_seq(1, true);
    put_seq(1, false);
    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sums[0].requests, 1);
    read_conversations();
    assert_int_equal(conversations[0].requests, 1);
    assert_int_equal(health_now().duplicates, 1);
    assert_int_equal(health_now().receipts, 1);
}

static void unknown_energy_is_counted_and_not_summed_as_zero(void **state)
{
    (void)state;
    struct sprout_record record = a_record(1);
    record.usage = SPROUT_USAGE_UNKNOWN;
    record.usage_source = SPROUT_USAGE_NONE;
    struct sprout_store_receipt receipt = a_receipt(&record);
    receipt.energy.v = receipt.time.v = SPROUT_MICRO_UNKNOWN;
    receipt.operational.v = receipt.embodied.v = SPROUT_MICRO_UNKNOWN;
    put(&receipt, true);
    put_seq(2, true);

    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sums[0].requests, 2);
    assert_int_equal(sums[0].metered, 1);
    assert_int_equal(sums[0].energy_uj, 3000000);
    assert_int_equal(sums[0].energy_l0_uj, 9000000);
    read_conversations();
    assert_int_equal(conversations[0].requests, 2);
    assert_int_equal(conversations[0].metered, 1);
}

static void unknown_grid_gives_energy_and_no_grams(void **state)
{
    (void)state;
    const struct sprout_record record = a_record(1);
    struct sprout_store_receipt receipt = a_receipt(&record);
    receipt.slot.intensity.v = NAN;
    receipt.operational.v = SPROUT_MICRO_UNKNOWN;
    put(&receipt, true);
    sum_up(SPROUT_STORE_ALL_TIME, SPROUT_BY_SLOT);
    assert_true(isnan(sums[0].slot.intensity.v));
    assert_int_equal(sums[0].metered, 1);
    assert_int_equal(sums[0].graded, 0);
    assert_int_equal(sums[0].operational_ug, 0);
    assert_int_equal(sums[0].grams_l0_ug, 0);
}

static void sums_are_grouped_by_what_is_asked_for_and_by_hours(void **state)
{
    (void)state;
    for (int64_t seq = 1; seq <= 6; seq++) {
        struct sprout_record record = a_record(seq);
        record.time = at_hour(1000 + seq % 3);
        record.level = seq % 2 == 0 ? SPROUT_STR("L0") : SPROUT_STR("L1");
        const struct sprout_store_receipt receipt = a_receipt(&record);
        put(&receipt, true);
    }
    sum_up(SPROUT_STORE_ALL_TIME, SPROUT_BY_LEVEL);
    assert_int_equal(sum_count, 2);
    assert_string_equal(levels[0], "L0");
    assert_int_equal(sums[0].requests, 3);
    sum_up(SPROUT_STORE_ALL_TIME, SPROUT_BY_METHOD | SPROUT_BY_SLOT);
    assert_int_equal(sum_count, 1);
    sum_up(SPROUT_STORE_ALL_TIME, SPROUT_BY_HOUR);
    assert_int_equal(sum_count, 3);
    assert_int_equal(sums[0].hour, 1000);
    assert_int_equal(sums[2].hour, 1002);
    const struct sprout_store_range one_hour = {at_hour(1001), at_hour(1002)};
    sum_up(one_hour, 0);
    assert_int_equal(sums[0].requests, 2);
}

static void a_conversation_sums_its_requests_in_the_hour_it_began(void **state)
{
    (void)state;
    struct sprout_record record = a_record(1);
    struct sprout_store_receipt receipt = a_receipt(&record);
    put(&receipt, true);
    record.seq = 2;
    record.time = at_hour(1005);
    receipt.level = 2;
    put(&receipt, true);
    record.seq = 3;
    record.key++; /* another conversation */
    put(&receipt, true);
    record.seq = 4;
    record.arm = SPROUT_STR("forced"); /* chance did not decide: not in the experiment */
    put(&receipt, true);

    read_conversations();
    assert_int_equal(conversation_count, 2);
    assert_int_equal(conversations[0].hour, 1000);
    assert_int_equal(conversations[0].requests, 2);
    assert_int_equal(conversations[0].at_l1, 1);
    assert_int_equal(conversations[0].energy.v, 6000000);
    assert_int_equal(conversations[0].grams.v, 2 * (170 + 80));
    assert_int_equal(conversations[1].requests, 1);
}

/* What a later request was predicted to need may depend on how the first was answered. */
static void a_conversation_keeps_what_its_first_request_was_predicted_to_need(
    void **state)
{
    (void)state;
    struct sprout_record record = a_record(1);
    const struct sprout_store_receipt receipt = a_receipt(&record);
    record.predicted = (struct sprout_record_prediction){.known = true, .tokens = {4096}};
    put(&receipt, true);
    record.seq = 2;
    record.predicted.tokens[0] = 8192;
    put(&receipt, true);
    record.seq = 3;
    record.key++;
    record.predicted.known = false; /* as it was begun before there was a predictor */
    put(&receipt, true);
    record.seq = 4;
    record.predicted.known = true;
    put(&receipt, true);

    read_conversations();
    assert_int_equal(conversation_count, 2);
    assert_int_equal(conversations[0].requests, 2);
    assert_int_equal(conversations[0].predicted, 4096);
    assert_int_equal(conversations[1].requests, 2);
    assert_int_equal(conversations[1].predicted, -1);
}

static void requests_without_a_key_are_conversations_of_their_own(void **state)
{
    (void)state;
    struct sprout_record record = a_record(1);
    record.has_key = false;
    const struct sprout_store_receipt receipt = a_receipt(&record);
    put(&receipt, true);
    record.seq = 2;
    put(&receipt, true);
    read_conversations();
    assert_int_equal(conversation_count, 2);
}

static void gaps_are_counted_per_worker_and_filled_by_late_lines(void **state)
{
    (void)state;
    put_seq(1, true);
    put_seq(5, true);
    assert_int_equal(health_now().missing, 3);
    put_seq(3, true);
    assert_int_equal(health_now().missing, 2);
    struct sprout_record record = a_record(2);
    record.worker = SPROUT_STR("w2");
    const struct sprout_store_receipt receipt = a_receipt(&record);
    put(&receipt, true);
    assert_int_equal(health_now().missing, 3);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    (void)state;
    const struct sprout_record record = a_record(1);
    const struct sprout_store_receipt receipt = a_receipt(&record);
    const struct sprout_journal_position position = {1, 2, 3, 4, 5};
    struct sprout_journal_position read = {0};
    bool is_new;

    assert_int_equal(sprout_store_begin(store, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_put_receipt(store, &receipt, &is_new, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_put_position(store, &position, NULL), SPROUT_OK);
    sprout_store_rollback(store);

    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sum_count, 0);
    assert_int_equal(sprout_store_position(store, &read, NULL), SPROUT_NOT_FOUND);
    put(&receipt, true); /* ids made in that transaction were forgotten */
    assert_int_equal(health_now().missing, 0);
}

static void position_meta_policy_and_grid_are_read_back(void **state)
{
    (void)state;
    const struct sprout_journal_position position = {1, UINT64_MAX, 3, UINT64_MAX - 1, 5};
    struct sprout_journal_position read = {0};
    char memory[256];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);

    assert_int_equal(sprout_store_put_position(store, &position, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_position(store, &read, NULL), SPROUT_OK);
    assert_memory_equal(&read, &position, sizeof read);

    assert_int_equal(sprout_store_meta(store, "salt", &b, NULL), SPROUT_NOT_FOUND);
    assert_int_equal(sprout_store_put_meta(store, "salt", SPROUT_STR("abc"), NULL),
                     SPROUT_OK);
    assert_int_equal(sprout_store_meta(store, "salt", &b, NULL), SPROUT_OK);
    assert_true(sprout_str_eq(sprout_buf_str(&b), SPROUT_STR("abc")));

    b.len = 0;
    assert_int_equal(sprout_store_put_policy(store, SPROUT_STR("p"), at_hour(1),
                                             SPROUT_STR("{}"), NULL),
                     SPROUT_OK);
    assert_int_equal(sprout_store_policy(store, SPROUT_STR("p"), &b, NULL), SPROUT_OK);
    assert_true(sprout_str_eq(sprout_buf_str(&b), SPROUT_STR("{}")));
    assert_int_equal(sprout_store_policy(store, SPROUT_STR("q"), &b, NULL),
                     SPROUT_NOT_FOUND);
}

static void the_grid_value_of_a_moment_is_the_last_one_before_it(void **state)
{
    (void)state;
    char memory[512];
    struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
    struct sprout_store_grid g = {
        .since = at_hour(10),
        .source = SPROUT_STR("csv"),
        .slot = {SPROUT_STR("GB"), SPROUT_STR("replayed"), {100}, at_hour(500)}};
    assert_int_equal(sprout_store_put_grid(store, &g, NULL), SPROUT_OK);
    g.since = at_hour(11);
    g.slot.intensity.v = 0; /* a real value */
    assert_int_equal(sprout_store_put_grid(store, &g, NULL), SPROUT_OK);

    struct sprout_store_grid read;
    assert_int_equal(sprout_store_grid_at(store, at_hour(9), &arena, &read, NULL),
                     SPROUT_NOT_FOUND);
    const sprout_instant between = {at_hour(11).ns - 1000000};
    assert_int_equal(sprout_store_grid_at(store, between, &arena, &read, NULL),
                     SPROUT_OK);
    assert_true(read.slot.intensity.v == 100);
    assert_int_equal(sprout_store_grid_at(store, at_hour(99), &arena, &read, NULL),
                     SPROUT_OK);
    assert_true(read.slot.intensity.v == 0);
    assert_true(sprout_str_eq(read.slot.zone, SPROUT_STR("GB")));
}

static void retention_forgets_receipts_and_keeps_their_sums(void **state)
{
    (void)state;
    bool more = true;
    for (int64_t seq = 1; seq <= 5; seq++) {
        put_seq(seq, true);
    }
    assert_int_equal(
        sprout_store_prune(store, at_hour(1001), at_hour(1001), 3, &more, NULL),
        SPROUT_OK);
    assert_true(more);
    assert_int_equal(health_now().receipts, 2);
    assert_int_equal(
        sprout_store_prune(store, at_hour(1001), at_hour(1001), 3, &more, NULL),
        SPROUT_OK);
    assert_false(more);
    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sums[0].requests, 5);
    read_conversations();
    assert_int_equal(conversation_count, 1);
}

static void damaged_lines_are_kept_up_to_a_maximum_and_all_are_counted(void **state)
{
    (void)state;
    const struct sprout_journal_position file = {1, 2, 0, 0, 0};
    const int many = SPROUT_STORE_DAMAGED_MAX + 10;
    assert_int_equal(sprout_store_begin(store, NULL), SPROUT_OK);
    for (int i = 0; i < many; i++) {
        assert_int_equal(sprout_store_put_damaged(store, at_hour(1), &file, i,
                                                  SPROUT_STR("\x01\xff half"), "odd",
                                                  NULL),
                         SPROUT_OK);
    }
    assert_int_equal(sprout_store_commit(store, NULL), SPROUT_OK);
    assert_int_equal(health_now().damaged, many);

    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM damaged", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), SPROUT_STORE_DAMAGED_MAX);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void count_route(void *ctx, const struct sprout_store_sum *sum)
{
    int *const n = ctx;
    n[0]++;
    n[1] += sprout_str_eq(sum->route, SPROUT_STR("(other)")) ? (int)sum->requests : 0;
}

/* Whoever asks for paths at random cannot fill the ledger with them. */
static void routes_past_the_maximum_are_counted_together(void **state)
{
    (void)state;
    int seen[2] = {0, 0};
    char route[40];
    assert_int_equal(sprout_store_begin(store, NULL), SPROUT_OK);
    for (int i = 0; i < SPROUT_STORE_ROUTES_MAX + 20; i++) {
        struct sprout_record r = a_record(i + 1);
        struct sprout_store_receipt receipt = a_receipt(&r);
        bool is_new;
        snprintf(route, sizeof route, "/%d/v1/chat/completions", i);
        r.route = sprout_str_of(route);
        assert_int_equal(sprout_store_put_receipt(store, &receipt, &is_new, NULL),
                         SPROUT_OK);
    }
    assert_int_equal(sprout_store_commit(store, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_sums(store, SPROUT_STORE_ALL_TIME, SPROUT_BY_ROUTE,
                                       count_route, seen, NULL),
                     SPROUT_OK);
    assert_int_equal(seen[0], SPROUT_STORE_ROUTES_MAX + 1);
    assert_int_equal(seen[1], 20);
}

/* Series of a ledger of before keep their ids, and have no route. */
static void a_ledger_of_before_there_were_routes_is_migrated(void **state)
{
    (void)state;
    sqlite3 *db;
    struct sprout_store *again = NULL;
    static const char undo[] =
        "DROP VIEW requests; DROP INDEX series_by_route;"
        "CREATE TABLE old(id INTEGER PRIMARY KEY, level TEXT NOT NULL, model TEXT NOT "
        "NULL, arm TEXT NOT NULL, rule TEXT NOT NULL, stratum TEXT NOT NULL, method TEXT "
        "NOT NULL, UNIQUE(level, model, arm, rule, stratum, method));"
        "INSERT INTO old SELECT id, level, model, arm, rule, stratum, method FROM series;"
        "DROP TABLE series; ALTER TABLE old RENAME TO series;"
        "DROP TABLE metered; DROP TABLE examples; DROP TABLE retrainings; ALTER TABLE "
        "conversations DROP COLUMN prompt;"
        "ALTER TABLE hourly DROP COLUMN predicted;"
        "ALTER TABLE hourly DROP COLUMN quality;"
        "ALTER TABLE hourly DROP COLUMN quality_l0;"
        "ALTER TABLE conversations DROP COLUMN predicted;"
        "ALTER TABLE evaluation_items DROP COLUMN weight;"
        "CREATE VIEW requests AS SELECT 1; PRAGMA user_version = 5";
    int seen[2] = {0, 0};
    struct sprout_record r = a_record(1);
    r.predicted = (struct sprout_record_prediction){.known = true, .tokens = {4096}};
    struct sprout_store_receipt receipt = a_receipt(&r);
    bool is_new;
    assert_int_equal(sprout_store_begin(store, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_put_receipt(store, &receipt, &is_new, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_commit(store, NULL), SPROUT_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, undo, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sprout_store_open(path, SPROUT_STORE_WRITE, &again, NULL),
                     SPROUT_OK);
    assert_int_equal(sprout_store_sums(again, SPROUT_STORE_ALL_TIME, SPROUT_BY_ROUTE,
                                       count_route, seen, NULL),
                     SPROUT_OK);
    assert_int_equal(seen[0], 1);
    read_conversations(); /* and no prediction, where none was kept */
    assert_int_equal(conversation_count, 1);
    assert_int_equal(conversations[0].predicted, -1);
    sprout_store_close(again);
}

/* What predictions said of what was served, where there was an answer at a known level. */
static void predicted_quality_is_summed(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct sprout_record record = a_record(i + 1);
        record.predicted = (struct sprout_record_prediction){
            .known = i != 3, .quality = {30000, 20000 + i, 10000}};
        record.outcome = i == 4 ? SPROUT_OUTCOME_UPSTREAM_ERROR : SPROUT_OUTCOME_OK;
        struct sprout_store_receipt receipt = a_receipt(&record);
        receipt.level = i == 5 ? -1 : 1;
        put(&receipt, true);
    }
    sum_up(SPROUT_STORE_ALL_TIME, SPROUT_BY_HOUR | SPROUT_BY_SLOT);
    assert_int_equal(sum_count, 1);
    assert_int_equal(sums[0].predicted, 3);
    assert_int_equal(sums[0].quality, 60003);
    assert_int_equal(sums[0].quality_l0, 90000);
}

/* What was measured, and the receipt that claims a part of it. */
static void metered_energy_adds_up_in_every_hour(void **state)
{
    (void)state;
    struct sprout_store_metered m = {
        .measured = {1000}, .idle = {300}, .unattributed = {700}, .windows = 2};
    const struct sprout_store_metered claim = {.attributed = {650},
                                               .unattributed = {-650}};
    const struct sprout_store_metered wrong = {.measured = {1}};
    struct sprout_error err;
    const sprout_instant at = {INT64_C(3600) * 500000 * SPROUT_NS_PER_SECOND};
    const sprout_instant later = {at.ns + 7200 * SPROUT_NS_PER_SECOND};
    assert_int_equal(sprout_store_add_metered(store, at, &m, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_add_metered(store, later, &m, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_add_metered(store, at, &claim, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_add_metered(store, at, &wrong, &err), SPROUT_INVALID);
    assert_int_equal(sprout_store_metered(store, SPROUT_STORE_ALL_TIME, &m, NULL),
                     SPROUT_OK);
    assert_int_equal(m.measured.v, 2000);
    assert_int_equal(m.attributed.v, 650);
    assert_int_equal(m.idle.v, 600);
    assert_int_equal(m.unattributed.v, 750);
    const struct sprout_store_range one = {at, later};
    assert_int_equal(sprout_store_metered(store, one, &m, NULL), SPROUT_OK);
    assert_int_equal(m.measured.v, 1000);
    assert_int_equal(m.windows, 2);
    const struct sprout_store_range none = {{0}, at};
    assert_int_equal(sprout_store_metered(store, none, &m, NULL), SPROUT_OK);
    assert_int_equal(m.windows, 0);
}

static void a_newer_ledger_is_refused_and_not_touched(void **state)
{
    (void)state;
    struct sprout_error err = {.message = ""};
    struct sprout_store *other = NULL;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sprout_store_open(path, SPROUT_STORE_WRITE, &other, &err),
                     SPROUT_UNSUPPORTED);
    assert_null(other);
    assert_non_null(strstr(err.message, "99"));
}

static void a_database_of_something_else_is_refused_and_not_touched(void **state)
{
    (void)state;
    char foreign[PATH + 8];
    struct sprout_store *other = NULL;
    sqlite3 *db;
    snprintf(foreign, sizeof foreign, "%s.other", path);
    assert_int_equal(sqlite3_open(foreign, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE songs(name)", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sprout_store_open(foreign, SPROUT_STORE_WRITE, &other, NULL),
                     SPROUT_UNSUPPORTED);
    assert_null(other);
    assert_int_equal(unlink(foreign), 0);
}

static void a_ledger_that_is_not_there_is_not_made_by_a_reader(void **state)
{
    (void)state;
    char missing[PATH + 8];
    struct stat st;
    struct sprout_store *other = NULL;
    snprintf(missing, sizeof missing, "%s.no", path);
    assert_int_equal(sprout_store_open(missing, SPROUT_STORE_READ, &other, NULL),
                     SPROUT_NOT_FOUND);
    assert_int_not_equal(stat(missing, &st), 0);
}

static void the_ledger_is_readable_by_its_owner_alone(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void models_beyond_the_maximum_are_counted_as_others(void **state)
{
    (void)state;
    char name[32];
    bool is_new;
    assert_int_equal(sprout_store_begin(store, NULL), SPROUT_OK);
    for (int i = 1; i <= SPROUT_STORE_SERIES_MAX + 100; i++) {
        struct sprout_record record = a_record(i);
        snprintf(name, sizeof name, "model-%d", i);
        record.model = sprout_str_of(name);
        record.arm = SPROUT_STR("none");
        const struct sprout_store_receipt receipt = a_receipt(&record);
        assert_int_equal(sprout_store_put_receipt(store, &receipt, &is_new, NULL),
                         SPROUT_OK);
    }
    assert_int_equal(sprout_store_commit(store, NULL), SPROUT_OK);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM series", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), SPROUT_STORE_SERIES_MAX + 1);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    sum_up(SPROUT_STORE_ALL_TIME, 0);
    assert_int_equal(sums[0].requests, SPROUT_STORE_SERIES_MAX + 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_receipt_is_in_the_sums_with_every_amount),
        TEST(an_empty_ledger_has_no_sums),
        TEST(a_line_that_comes_twice_is_counted_and_changes_nothing),
        TEST(unknown_energy_is_counted_and_not_summed_as_zero),
        TEST(unknown_grid_gives_energy_and_no_grams),
        TEST(sums_are_grouped_by_what_is_asked_for_and_by_hours),
        TEST(a_conversation_sums_its_requests_in_the_hour_it_began),
        TEST(a_conversation_keeps_what_its_first_request_was_predicted_to_need),
        TEST(requests_without_a_key_are_conversations_of_their_own),
        TEST(gaps_are_counted_per_worker_and_filled_by_late_lines),
        TEST(what_is_rolled_back_was_never_there),
        TEST(position_meta_policy_and_grid_are_read_back),
        TEST(the_grid_value_of_a_moment_is_the_last_one_before_it),
        TEST(retention_forgets_receipts_and_keeps_their_sums),
        TEST(damaged_lines_are_kept_up_to_a_maximum_and_all_are_counted),
        TEST(routes_past_the_maximum_are_counted_together),
        TEST(a_ledger_of_before_there_were_routes_is_migrated),
        TEST(predicted_quality_is_summed),
        TEST(metered_energy_adds_up_in_every_hour),
        TEST(a_newer_ledger_is_refused_and_not_touched),
        TEST(a_database_of_something_else_is_refused_and_not_touched),
        TEST(a_ledger_that_is_not_there_is_not_made_by_a_reader),
        TEST(the_ledger_is_readable_by_its_owner_alone),
        TEST(models_beyond_the_maximum_are_counted_as_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
