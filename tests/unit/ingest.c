/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of ingest: lines become receipts exactly once, settled with the policy they
 * name; damage is kept aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/ingest.h"
#include "policy_fixture.h"
#include "wire/policy_json.h"
#include "wire/record.h"

enum { PATH = 512 };

static char folder[] = "/tmp/sprout-ingest-XXXXXX";
static char journal[PATH], ledger[PATH];
static struct sprout_store *store;
static struct sprout_ingest *ingest;
static const sprout_mono mono = {SPROUT_NS_PER_SECOND};
static const sprout_instant wall = {INT64_C(1500) * SPROUT_NS_PER_SECOND};

static int start(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(journal, sizeof journal, "%s/journal.ndjson", folder);
    snprintf(ledger, sizeof ledger, "%s/ledger.db", folder);
    return sprout_store_open(ledger, SPROUT_STORE_WRITE, &store, NULL) == SPROUT_OK &&
                   sprout_ingest_new(journal, store, &ingest, NULL) == SPROUT_OK
               ? 0
               : -1;
}

static void let_go(void)
{
    sprout_ingest_free(ingest);
    ingest = NULL;
    sprout_store_close(store);
    store = NULL;
}

static int stop(void **state)
{
    (void)state;
    let_go();
    DIR *const dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    return rmdir(folder);
}

/* As after kill -9: everything in memory is gone, only the files are there. */
static void start_again(void)
{
    let_go();
    assert_int_equal(sprout_store_open(ledger, SPROUT_STORE_WRITE, &store, NULL),
                     SPROUT_OK);
    assert_int_equal(sprout_ingest_new(journal, store, &ingest, NULL), SPROUT_OK);
}

static void append(struct sprout_str text)
{
    const int fd = open(journal, O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    close(fd);
}

static struct sprout_str line_of(int64_t seq, const char *policy, char *memory)
{
    const struct sprout_record r = {
        .version = 1,
        .worker = SPROUT_STR("w1"),
        .seq = seq,
        .time = {INT64_C(1100) * SPROUT_NS_PER_SECOND},
        .id = SPROUT_STR("r"),
        .api = SPROUT_STR("openai-chat"),
        .model = SPROUT_STR("m"),
        .level = SPROUT_STR("L1"),
        .arm = SPROUT_STR("mix"),
        .reason = SPROUT_STR("mix"),
        .stratum = SPROUT_STR("all"),
        .policy = sprout_str_of(policy),
        .has_key = true,
        .key = (uint64_t)seq,
        .usage = {{100}, {-1}, {200}, {-1}},
        .usage_source = SPROUT_USAGE_REPORTED,
        .ttfb_us = -1,
        .duration_us = 1000,
        .overhead_us = 7,
        .status = 200,
        .outcome = SPROUT_OUTCOME_OK,
        .bytes_in = 1,
        .bytes_out = 2,
    };
    struct sprout_buf b = sprout_buf_of(memory, SPROUT_RECORD_MAX);
    sprout_record_put(&b, &r);
    sprout_buf_byte(&b, '\n');
    assert_false(b.full);
    return sprout_buf_str(&b);
}

static void append_request(int64_t seq, const char *policy)
{
    char memory[SPROUT_RECORD_MAX];
    append(line_of(seq, policy, memory));
}

static int64_t run_all(void)
{
    int64_t all = 0, lines;
    do {
        assert_int_equal(sprout_ingest_run(ingest, mono, wall, &lines, NULL), SPROUT_OK);
        all += lines;
    } while (lines > 0);
    return all;
}

static void keep_sum(void *ctx, const struct sprout_store_sum *sum)
{
    *(struct sprout_store_sum *)ctx = *sum;
}

static struct sprout_store_sum all_sums(void)
{
    struct sprout_store_sum sum = {.requests = 0};
    assert_int_equal(
        sprout_store_sums(store, SPROUT_STORE_ALL_TIME, 0, keep_sum, &sum, NULL),
        SPROUT_OK);
    return sum;
}

static void store_policy(const char *id, double g_per_kwh)
{
    static char text[64 * 1024];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    struct policy_fixture f;
    struct sprout_policy *const p = policy_fixture_init(&f);
    p->id = sprout_str_of(id);
    p->grid.intensity.v = g_per_kwh;
    assert_int_equal(sprout_policy_write(p, &b), SPROUT_OK);
    assert_int_equal(
        sprout_store_put_policy(store, p->id, p->created, sprout_buf_str(&b), NULL),
        SPROUT_OK);
}

/* 100 prompt and 200 completion tokens by the authors' 13B, PUE 1. */
#define JOULES_UJ (INT64_C(1174780000))

static int64_t operational_ug(double g_per_kwh)
{
    return llround((double)JOULES_UJ / 1e6 / 3.6e6 * g_per_kwh * 1e6);
}

static void a_request_is_settled_with_the_policy_that_its_line_names(void **state)
{
    (void)state;
    struct policy_fixture newest;
    policy_fixture_init(&newest)->id = SPROUT_STR("p-9");
    sprout_ingest_set_policy(ingest, &newest.policy);
    store_policy("p-old", 100);
    append_request(1, "p-old");
    assert_int_equal(run_all(), 1);

    const struct sprout_store_sum sum = all_sums();
    assert_int_equal(sum.requests, 1);
    assert_int_equal(sum.energy_uj, JOULES_UJ);
    assert_int_equal(sum.operational_ug, operational_ug(100));
    assert_int_equal(sum.energy_l0_uj,
                     1000 * INT64_C(1000000)); /* the fixture's belief */
    assert_int_equal(sprout_ingest_counts(ingest).unsettled, 0);
}

static void an_unknown_policy_gives_way_to_the_newest_at_the_grid_of_that_moment(
    void **state)
{
    (void)state;
    struct policy_fixture newest;
    const struct sprout_store_grid then = {
        .since = {INT64_C(1000) * SPROUT_NS_PER_SECOND},
        .source = SPROUT_STR("csv"),
        .slot = {SPROUT_STR("GB"), SPROUT_STR("replayed"), {50}, {0}}};
    assert_int_equal(sprout_store_put_grid(store, &then, NULL), SPROUT_OK);
    sprout_ingest_set_policy(ingest, policy_fixture_init(&newest));
    append_request(1, "p-nobody-knows");
    assert_int_equal(run_all(), 1);
    assert_int_equal(all_sums().energy_uj, JOULES_UJ);
    assert_int_equal(all_sums().operational_ug, operational_ug(50));
    assert_int_equal(sprout_ingest_counts(ingest).unsettled, 1);
}

static void without_any_policy_tokens_are_kept_and_energy_is_unknown(void **state)
{
    (void)state;
    append_request(1, "");
    assert_int_equal(run_all(), 1);
    assert_int_equal(all_sums().requests, 1);
    assert_int_equal(all_sums().metered, 0);
}

static void a_restarted_ingest_takes_each_line_once(void **state)
{
    (void)state;
    for (int64_t seq = 1; seq <= 3; seq++) {
        append_request(seq, "p");
    }
    assert_int_equal(run_all(), 3);
    start_again();
    assert_int_equal(run_all(), 0);
    append_request(4, "p");
    start_again();
    assert_int_equal(run_all(), 1);
    assert_int_equal(all_sums().requests, 4);
}

static void more_lines_than_a_batch_are_taken_in_several(void **state)
{
    (void)state;
    const int64_t many = SPROUT_INGEST_BATCH + 10;
    int64_t lines;
    for (int64_t seq = 1; seq <= many; seq++) {
        append_request(seq, "p");
    }
    assert_int_equal(sprout_ingest_run(ingest, mono, wall, &lines, NULL), SPROUT_OK);
    assert_int_equal(lines, SPROUT_INGEST_BATCH);
    start_again(); /* between two batches */
    assert_int_equal(run_all(), 10);
    assert_int_equal(all_sums().requests, many);
}

static void a_damaged_line_is_kept_aside_and_the_next_one_is_taken(void **state)
{
    (void)state;
    struct sprout_store_health health;
    append_request(1, "p");
    append(SPROUT_STR("not json at all\n\n\x00\x01\n"));
    append_request(2, "p");
    assert_int_equal(run_all(), 5);
    assert_int_equal(all_sums().requests, 2);
    assert_int_equal(sprout_ingest_counts(ingest).damaged, 2); /* an empty line is none */
    assert_int_equal(sprout_store_health(store, &health, NULL), SPROUT_OK);
    assert_int_equal(health.damaged, 2);
    assert_int_equal(health.missing, 0);
}

static void a_record_behind_half_a_line_is_saved(void **state)
{
    (void)state;
    struct sprout_store_health health;
    char memory[SPROUT_RECORD_MAX];
    struct sprout_str half = line_of(2, "p", memory);
    append_request(1, "p");
    half.len /= 2;
    append(half);           /* the disk was full ... */
    append_request(3, "p"); /* ... and then it was not */
    append_request(4, "p");
    assert_int_equal(run_all(), 3);
    assert_int_equal(all_sums().requests, 3);
    assert_int_equal(sprout_store_health(store, &health, NULL), SPROUT_OK);
    assert_int_equal(health.damaged, 1);
    assert_int_equal(health.missing, 1);
}

static void a_line_of_another_version_is_kept_aside(void **state)
{
    (void)state;
    append(SPROUT_STR("{\"v\":99,\"worker\":\"w1\",\"seq\":1}\n"));
    assert_int_equal(run_all(), 1);
    assert_int_equal(sprout_ingest_counts(ingest).damaged, 1);
}

static void a_copied_journal_changes_nothing(void **state)
{
    (void)state;
    append_request(1, "p");
    append_request(2, "p");
    append_request(1, "p");
    append_request(2, "p");
    assert_int_equal(run_all(), 4);
    assert_int_equal(all_sums().requests, 2);
    assert_int_equal(sprout_ingest_counts(ingest).duplicates, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_settled_with_the_policy_that_its_line_names),
        TEST(an_unknown_policy_gives_way_to_the_newest_at_the_grid_of_that_moment),
        TEST(without_any_policy_tokens_are_kept_and_energy_is_unknown),
        TEST(a_restarted_ingest_takes_each_line_once),
        TEST(more_lines_than_a_batch_are_taken_in_several),
        TEST(a_damaged_line_is_kept_aside_and_the_next_one_is_taken),
        TEST(a_record_behind_half_a_line_is_saved),
        TEST(a_line_of_another_version_is_kept_aside),
        TEST(a_copied_journal_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
