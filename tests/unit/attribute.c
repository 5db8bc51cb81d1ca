/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the division of measured energy among requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "core/attribute.h"

#define S(x)  ((sprout_instant){(int64_t)((x)*1e9)})
#define UJ(x) ((sprout_microjoules){(int64_t)((x)*1e6)})

enum { MANY = 10000, HOLD_SECONDS = 30, IDS = MANY + 1 };

static struct sprout_attribute *engine(size_t requests, size_t windows)
{
    const struct sprout_attribute_opts o = {
        requests, windows, 1, 137, {HOLD_SECONDS * SPROUT_NS_PER_SECOND}};
    void *const memory = malloc(sprout_attribute_size(&o));
    assert_non_null(memory);
    return sprout_attribute_init(memory, &o);
}

static void window(struct sprout_attribute *a, double from, double to, double joules,
                   double idle)
{
    const struct sprout_attribute_window w = {S(from),  S(to), UJ(joules),
                                              UJ(idle), {-1},  {-1}};
    assert_true(sprout_attribute_add_window(a, &w));
}

static void request(struct sprout_attribute *a, int64_t id, double from, double to,
                    int64_t prompt, int64_t output)
{
    const struct sprout_attribute_request r = {id,    S(from),  S(from),
                                               S(to), {prompt}, {output}};
    assert_true(sprout_attribute_add_request(a, &r));
}

static int64_t got[IDS];
static int settled_count;

static void on_settled(void *ctx, int64_t id, sprout_microjoules energy)
{
    (void)ctx;
    got[id] = energy.v;
    settled_count++;
}

static void run(struct sprout_attribute *a, double now)
{
    settled_count = 0;
    sprout_attribute_run(a, S(now), on_settled, NULL);
    const struct sprout_attribute_totals t = sprout_attribute_totals(a);
    assert_int_equal(t.parts.v + t.unattributed.v, t.whole.v);
}

static void the_published_vector(void **state)
{
    (void)state;
    struct sprout_attribute_part p[2] = {{137.0 * 40, 1, {0}},
                                         {100 + 137.0 * 10, .5, {0}}};
    assert_int_equal(sprout_attribute_split(UJ(300), UJ(80),
                                            (struct sprout_attribute_rest){0, 0}, p, 2)
                         .v,
                     0);
    /* 173.47 + 53.33 and 46.53 + 26.67 J */
    assert_int_equal(p[0].part.v, 226800959);
    assert_int_equal(p[1].part.v, 73199041);
}

static void nobody_and_the_unknown_are_unattributed(void **state)
{
    (void)state;
    assert_int_equal(sprout_attribute_split(UJ(5), UJ(1),
                                            (struct sprout_attribute_rest){0, 0}, NULL, 0)
                         .v,
                     5000000);
    struct sprout_attribute_part p[2] = {{137, 1, {0}}, {NAN, 1, {0}}};
    assert_int_equal(
        sprout_attribute_split(UJ(6), UJ(2), (struct sprout_attribute_rest){0, 0}, p, 2)
            .v,
        3000000);
    assert_int_equal(p[0].part.v, 3000000);
    assert_int_equal(p[1].part.v, 0);
    /* There, with no token in this window: idle is shared, the rest is nobody's. */
    struct sprout_attribute_part q = {0, 1, {0}};
    assert_int_equal(
        sprout_attribute_split(UJ(6), UJ(2), (struct sprout_attribute_rest){0, 0}, &q, 1)
            .v,
        4000000);
    assert_int_equal(q.part.v, 2000000);
}

static void a_stranger_has_a_share_of_what_is_active(void **state)
{
    (void)state;
    struct sprout_attribute_part p = {100, 1, {0}};
    assert_int_equal(sprout_attribute_split(UJ(10), UJ(2),
                                            (struct sprout_attribute_rest){300, 0}, &p, 1)
                         .v,
                     6000000);
    assert_int_equal(p.part.v, 4000000);
}

static void idle_while_nobody_was_there_is_nobodys(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(8, 64);
    window(a, 0, 1, 100, 20);
    request(a, 1, 0.25, 0.75, 0, 10);
    run(a, 40);
    assert_int_equal(got[1], 90000000);
    free(a);
}

static void idle_is_capped_at_the_whole(void **state)
{
    (void)state;
    struct sprout_attribute_part p[3] = {{1, 1, {0}}, {1, 1, {0}}, {1, 1, {0}}};
    const sprout_microjoules e = {11}, idle = {50};
    assert_int_equal(
        sprout_attribute_split(e, idle, (struct sprout_attribute_rest){0, 0}, p, 3).v, 0);
    assert_int_equal(p[0].part.v, 4); /* 11/3 each: two of three are rounded up */
    assert_int_equal(p[1].part.v, 4);
    assert_int_equal(p[2].part.v, 3);
}

static void a_request_over_many_windows_is_settled_once(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(8, 64);
    for (int i = 0; i < 6; i++) {
        window(a, i, i + 1, 100, 20);
    }
    request(a, 1, 0.5, 3.5, 10, 100);
    run(a, 20);
    assert_int_equal(settled_count, 0); /* still held */
    run(a, 40);
    assert_int_equal(settled_count, 1);
    /* Alone: the windows are its own, but for idle before it came and after it went. */
    assert_int_equal(got[1], 380000000);
    run(a, 50);
    assert_int_equal(settled_count, 0);
    const struct sprout_attribute_totals t = sprout_attribute_totals(a);
    assert_int_equal(t.whole.v, 600000000);
    assert_int_equal(t.unattributed.v, 220000000);
    assert_int_equal(t.idle.v, 120000000);
    assert_int_equal(t.alone.v, 60000000); /* half of two windows, and two whole ones */
    free(a);
}

static void a_gap_makes_the_request_unknown_and_not_cheaper(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(8, 64);
    window(a, 0, 1, 100, 20);
    const struct sprout_attribute_window gap = {S(1), S(2), {-1}, {-1}, {-1}, {-1}};
    assert_true(sprout_attribute_add_window(a, &gap));
    window(a, 2, 3, 100, 20);
    request(a, 1, 0.5, 2.5, 10, 100);
    run(a, 40);
    assert_int_equal(got[1], -1);
    const struct sprout_attribute_totals t = sprout_attribute_totals(a);
    assert_int_equal(t.gaps, 1);
    assert_int_equal(t.unattributed.v, 200000000);
    free(a);
}

static void a_late_line_is_not_measured_and_takes_nothing(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(8, 64);
    window(a, 0, 1, 100, 20);
    window(a, 1, 2, 100, 20);
    run(a, 40);
    request(a, 1, 0, 2, 10, 100);
    run(a, 41);
    assert_int_equal(settled_count, 1);
    assert_int_equal(got[1], -1);
    assert_int_equal(sprout_attribute_totals(a).unattributed.v, 200000000);
    free(a);
}

static void the_server_counts_a_stranger(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(8, 64);
    const struct sprout_attribute_window w = {S(0), S(1), UJ(120), UJ(20), {0}, {50}};
    assert_true(sprout_attribute_add_window(a, &w));
    request(a, 1, 0, 1, 0, 40);
    run(a, 40);
    assert_int_equal(got[1], 100000000); /* 4/5 of 100, and idle, where it was alone */
    assert_int_equal(sprout_attribute_totals(a).unattributed.v, 20000000);
    free(a);
}

static void windows_do_not_overlap(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(8, 64);
    window(a, 0, 1, 1, 0);
    const struct sprout_attribute_window w = {S(0.5), S(2), UJ(1), UJ(0), {-1}, {-1}};
    assert_false(sprout_attribute_add_window(a, &w));
    free(a);
}

static void ten_thousand_at_once_in_bounded_memory(void **state)
{
    (void)state;
    struct sprout_attribute *const a = engine(MANY, 4);
    for (int i = 0; i < MANY; i++) {
        request(a, i, 0, 2, 100, 1 + i % 7);
    }
    const struct sprout_attribute_request more = {MANY, S(0), S(0), S(2), {1}, {1}};
    assert_false(sprout_attribute_add_request(a, &more));
    for (int i = 0; i < 6; i++) { /* two more than there is room for */
        window(a, i * .5, i * .5 + .5, 200.000001, 40);
    }
    run(a, 40);
    assert_int_equal(settled_count, MANY);
    int64_t sum = 0;
    for (int i = 0; i < MANY; i++) {
        assert_true(got[i] > 0);
        sum += got[i];
    }
    const struct sprout_attribute_totals t = sprout_attribute_totals(a);
    assert_int_equal(sum, t.parts.v);
    assert_int_equal(t.whole.v, 6 * INT64_C(200000001));
    assert_int_equal(t.refused, 1);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector),
        cmocka_unit_test(nobody_and_the_unknown_are_unattributed),
        cmocka_unit_test(a_stranger_has_a_share_of_what_is_active),
        cmocka_unit_test(idle_while_nobody_was_there_is_nobodys),
        cmocka_unit_test(idle_is_capped_at_the_whole),
        cmocka_unit_test(a_request_over_many_windows_is_settled_once),
        cmocka_unit_test(a_gap_makes_the_request_unknown_and_not_cheaper),
        cmocka_unit_test(a_late_line_is_not_measured_and_takes_nothing),
        cmocka_unit_test(the_server_counts_a_stranger),
        cmocka_unit_test(windows_do_not_overlap),
        cmocka_unit_test(ten_thousand_at_once_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
