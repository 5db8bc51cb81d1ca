/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of how many requests ran together, and of the newest requests kept for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "control/recent.h"
#include "core/inflight.h"
#include "draw.h"

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-9);
}

static int by_time(const void *a, const void *b)
{
    const int64_t x = ((const struct sprout_inflight_edge *)a)->at.ns;
    const int64_t y = ((const struct sprout_inflight_edge *)b)->at.ns;
    return (x > y) - (x < y);
}

static double mean_of(int64_t (*spans)[2], size_t n)
{
    struct sprout_inflight_edge edges[64];
    for (size_t i = 0; i < n; i++) {
        sprout_inflight_edges(&edges[2 * i], (sprout_instant){spans[i][0]},
                              (sprout_span){spans[i][1] - spans[i][0]});
    }
    qsort(edges, 2 * n, sizeof *edges, by_time);
    return sprout_inflight_mean(edges, 2 * n);
}

static void together_is_counted_as_a_request_sees_it(void **state)
{
    (void)state;
    int64_t alone[][2] = {{0, 10}, {10, 30}, {1000, 1001}};
    assert_near(mean_of(alone, 3), 1); /* the pause between them says nothing */
    int64_t four[][2] = {{0, 10}, {0, 10}, {0, 10}, {0, 10}};
    assert_near(mean_of(four, 4), 4);
    /* Ten with one, ten with two: two of three request-seconds were in a pair. */
    int64_t half[][2] = {{0, 20}, {10, 20}};
    assert_near(mean_of(half, 2), (10 * 1 + 10 * 4) / (10. + 20));
    int64_t late[][2] = {{10, 20}, {0, 20}}; /* in the order they ended */
    assert_near(mean_of(late, 2), mean_of(half, 2));
    int64_t instant[][2] = {{5, 5}};
    assert_true(isnan(mean_of(instant, 1)));
    assert_true(isnan(mean_of(instant, 0)));
}

/* The definition, pair by pair: sum of overlaps over the sum of durations. */
static void it_is_what_pairs_add_up_to(void **state)
{
    (void)state;
    int64_t spans[20][2];
    double overlaps = 0, all = 0;
    uint64_t rng = 1;
    for (size_t i = 0; i < 20; i++) {
        spans[i][0] = (int64_t)draw_below(&rng, 1000);
        spans[i][1] = spans[i][0] + 1 + (int64_t)draw_below(&rng, 300);
    }
    for (size_t i = 0; i < 20; i++) {
        all += (double)(spans[i][1] - spans[i][0]);
        for (size_t j = 0; j < 20; j++) {
            const int64_t from = spans[i][0] > spans[j][0] ? spans[i][0] : spans[j][0];
            const int64_t to = spans[i][1] < spans[j][1] ? spans[i][1] : spans[j][1];
            overlaps += to > from ? (double)(to - from) : 0;
        }
    }
    assert_near(mean_of(spans, 20), overlaps / all);
}

static void it_is_rounded_to_a_fourth_of_a_doubling(void **state)
{
    (void)state;
    assert_near(sprout_inflight_round(8.1, 512), 8);
    assert_near(sprout_inflight_round(9.4, 512), 8 * exp2(.25));
    assert_near(sprout_inflight_round(0.2, 512), 1);
    assert_near(sprout_inflight_round(700, 512), 512);
}

static void note(struct sprout_recent *r, const char *model, int64_t began_s,
                 int64_t took_s, int64_t tokens)
{
    const struct sprout_record record = {
        .time = {began_s * SPROUT_NS_PER_SECOND},
        .duration_us = took_s * 1000000,
        .model = sprout_str_of(model),
        .usage = {.completion = {tokens}},
    };
    sprout_recent_note(r, &record);
}

static struct sprout_config *config_of(const char *yaml)
{
    static struct sprout_problems problems;
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_config_parse(sprout_str_of(yaml), "", &c, &problems),
                     SPROUT_OK);
    return c;
}

#define BY_BATCH "name: llama-3.1-8b/h100, seconds: [0, 0, 1]"

/* Eight at once of one model, one after the other of another: each has its own. */
static void each_profile_has_its_own(void **state)
{
    (void)state;
    static struct sprout_recent r;
    double out[SPROUT_PROFILES_MAX];
    struct sprout_config *const c =
        config_of("profiles:\n"
                  "  - {model: many*, " BY_BATCH "}\n"
                  "  - {model: few, " BY_BATCH "}\n"
                  "  - {model: given, batch: 3, " BY_BATCH "}\n"
                  "  - {model: linear, name: llama-2-7b-chat/a100/batch-1}\n"
                  "  - {model: '*', " BY_BATCH "}\n");
    sprout_recent_batches(&r, c, out);
    for (int i = 0; i < 5; i++) {
        assert_near(out[i], 0);
    }
    for (int64_t i = 0; i < 16; i++) {
        note(&r, "many-2", i / 8, 1, 9);
        note(&r, "few", i, 1, 9);
        note(&r, "given", i, 1, 9);
        note(&r, "linear", i, 1, 9);
    }
    sprout_recent_batches(&r, c, out);
    assert_near(out[0], 8);
    assert_near(out[1], 1);
    assert_near(out[2] + out[3] + out[4], 0);
    sprout_config_free(c);
}

static void the_newest_requests_of_an_hour_count(void **state)
{
    (void)state;
    static struct sprout_recent r;
    double out[SPROUT_PROFILES_MAX];
    struct sprout_config *const c = config_of("profiles: [{model: '*', " BY_BATCH "}]");
    note(&r, "m", 100, 10, 9);
    note(&r, "m", 100, 10, 9);
    note(&r, "m", 100, 0, 9);   /* took no time that we know */
    note(&r, "m", 100, 10, -1); /* no answer that anybody counted */
    sprout_recent_batches(&r, c, out);
    assert_near(out[0], 2);
    note(&r, "m", 5000, 10, 9); /* more than an hour later */
    sprout_recent_batches(&r, c, out);
    assert_near(out[0], 1);
    for (int64_t i = 0; i < SPROUT_RECENT_MAX; i++) { /* the ring comes round */
        note(&r, "m", 5000 + i / 4, 1, 9);
    }
    sprout_recent_batches(&r, c, out);
    assert_near(out[0], 4);
    sprout_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together_is_counted_as_a_request_sees_it),
        cmocka_unit_test(it_is_what_pairs_add_up_to),
        cmocka_unit_test(it_is_rounded_to_a_fourth_of_a_doubling),
        cmocka_unit_test(each_profile_has_its_own),
        cmocka_unit_test(the_newest_requests_of_an_hour_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
