/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of drawing a folder's requests again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sim/bootstrap.h"

enum { REQUESTS = 60, TASKS = 2, PER_TASK = 30, JUDGED = 10 };

/* Two tasks; of each the first ten are judged, and of those every other one matched. */
static void make_folder(struct sprout_requests *r, struct sprout_accuracy *a)
{
    *r = (struct sprout_requests){.tasks = TASKS, .count = REQUESTS};
    *a = (struct sprout_accuracy){.task_known = {JUDGED / 2, JUDGED / 2}};
    r->request = calloc(REQUESTS, sizeof *r->request);
    a->right = calloc(REQUESTS, sizeof *a->right);
    a->known = calloc(REQUESTS, sizeof *a->known);
    for (size_t i = 0; i < REQUESTS; i++) {
        const size_t at = i % PER_TASK;
        r->request[i].task = (int)(i / PER_TASK);
        r->request[i].preferred = at < JUDGED ? 0 : -1;
        r->request[i].energy[0].v = (double)i;
        a->known[i] = at < JUDGED && at % 2 == 0;
        a->right[i] = (uint8_t)(i & 7);
        r->task_count[i / PER_TASK]++;
        r->task_judged[i / PER_TASK] += at < JUDGED;
    }
}

static void counts_stay_and_each_request_keeps_what_belongs_to_it(void **state)
{
    (void)state;
    struct sprout_requests r, drawn;
    struct sprout_accuracy a, drawn_a;
    make_folder(&r, &a);
    assert_int_equal(sprout_bootstrap_new(&r, &a, 5, &drawn, &drawn_a, NULL), SPROUT_OK);
    assert_int_equal(drawn.count, REQUESTS);
    size_t known[TASKS] = {0}, moved = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        const struct sprout_request *const q = &drawn.request[i];
        const size_t from = (size_t)q->energy[0].v;
        assert_int_equal(q->task, i / PER_TASK);
        assert_int_equal(q->preferred >= 0, i % PER_TASK < JUDGED);
        assert_int_equal(drawn_a.known[i], a.known[from]);
        assert_int_equal(drawn_a.right[i], a.right[from]);
        known[q->task] += drawn_a.known[i];
        moved += from != i;
    }
    assert_true(moved > REQUESTS / 2);
    assert_int_equal(drawn_a.task_known[0], known[0]);
    assert_int_equal(drawn_a.task_known[1], known[1]);
    sprout_bootstrap_free(&drawn, &drawn_a);
    sprout_bootstrap_free(&r, &a);
}

static void another_seed_draws_another_folder_and_the_same_seed_the_same(void **state)
{
    (void)state;
    struct sprout_requests r, drawn[3];
    struct sprout_accuracy a, drawn_a[3];
    make_folder(&r, &a);
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(
            sprout_bootstrap_new(&r, &a, k < 2 ? 1 : 2, &drawn[k], &drawn_a[k], NULL),
            SPROUT_OK);
    }
    size_t same = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        const double first = drawn[0].request[i].energy[0].v;
        assert_true(first == drawn[1].request[i].energy[0].v);
        same += first == drawn[2].request[i].energy[0].v;
    }
    assert_true(same < REQUESTS / 2);
    for (size_t k = 0; k < 3; k++) {
        sprout_bootstrap_free(&drawn[k], &drawn_a[k]);
    }
    sprout_bootstrap_free(&r, &a);
}

static void an_interval_leaves_out_both_tails(void **state)
{
    (void)state;
    double values[101], low, high;
    for (size_t i = 0; i < 101; i++) {
        values[i] = (double)((i * 37) % 101);
    }
    sprout_bootstrap_interval(values, 101, 0.05, 0.95, &low, &high);
    assert_true(low == 5 && high == 95);
    sprout_bootstrap_interval(values, 1, 0.05, 0.95, &low, &high);
    assert_true(low == high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_stay_and_each_request_keeps_what_belongs_to_it),
        cmocka_unit_test(another_seed_draws_another_folder_and_the_same_seed_the_same),
        cmocka_unit_test(an_interval_leaves_out_both_tails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
