/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of control/settled: what counts of the references' say, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <math.h>

#include "control/settled.h"

#define DAY ((int64_t)86400 * SPROUT_NS_PER_SECOND)

static const sprout_instant now = {1000 * DAY};
static const sprout_span half_life = {10 * DAY};

static int64_t new_run(struct sprout_store *s, const char *directives)
{
    int64_t run = 0;
    const struct sprout_store_evaluation e = {.state = SPROUT_STR("open"),
                                              .source = SPROUT_STR("prompts"),
                                              .form = SPROUT_STR("none"),
                                              .model = SPROUT_STR("m"),
                                              .levels = SPROUT_STR("L0,L1,L2"),
                                              .directives = sprout_str_of(directives)};
    assert_int_equal(sprout_store_put_evaluation(s, &e, &run, NULL), SPROUT_OK);
    return run;
}

/* One prompt; of each level: 1 right, 0 wrong, -1 it cannot be said. */
static void answered(struct sprout_store *s, int64_t run, int64_t no, double weight,
                     int64_t days_ago, const int right[3])
{
    const struct sprout_store_item item = {.run = run,
                                           .no = no,
                                           .prompt = SPROUT_STR("ab12"),
                                           .stratum = SPROUT_STR("all"),
                                           .reference = true,
                                           .weight = weight};
    int64_t id = 0;
    assert_int_equal(sprout_store_put_item(s, &item, &id, NULL), SPROUT_OK);
    for (int l = 0; l < 3; l++) {
        const struct sprout_store_answer a = {
            id,
            l,
            right[l],
            {.at = {now.ns - days_ago * DAY}, .method = SPROUT_STR("model")}};
        assert_int_equal(sprout_store_put_answer(s, &a, NULL), SPROUT_OK);
    }
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void the_newest_directives_count_the_old_less_and_each_for_what_it_stands(
    void **state)
{
    char dir[] = "/tmp/sprout-settled-XXXXXX", path[200], more[210];
    struct sprout_store *s = NULL;
    struct sprout_settled found;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ledger.db", dir);
    assert_int_equal(sprout_store_open(path, SPROUT_STORE_WRITE, &s, NULL), SPROUT_OK);
    assert_int_equal(sprout_settled_read(s, now, half_life, &found, NULL),
                     SPROUT_NOT_FOUND);

    const int64_t before = new_run(s, "old"), run = new_run(s, "new");
    answered(s, before, 0, 1, 2, (int[]){1, 0, 0});
    answered(s, run, 0, 1, 0, (int[]){1, 1, 0});
    answered(s, run, 1, 1, 10, (int[]){1, 1, -1}); /* half, and nothing of L2 */
    answered(s, run, 2, 1, 200, (int[]){1, 0, 0}); /* beyond ten half-lives */
    answered(s, run, 3, 3, 0, (int[]){0, 1, 0});   /* stands for three */
    answered(s, run, 4, 1, 0, (int[]){-1, 1, 1});  /* nothing to compare with */
    assert_int_equal(sprout_settled_read(s, now, half_life, &found, NULL), SPROUT_OK);
    assert_string_equal(found.directives, "new");
    assert_int_equal(found.prompts, 4);
    /* L1: 1 + 1/2 + 3, of squares 1 + 1/2 + 9. */
    const double by = 4.5 / 10.5;
    assert_true(near(found.level[1].both, 1.5 * by));
    assert_true(near(found.level[1].level, 3 * by) && found.level[1].l0 == 0);
    assert_true(near(found.level[2].l0, 1 * (4.0 / 10)));
    assert_true(near(found.level[2].neither, 3 * (4.0 / 10)));
    assert_true(near(sprout_accuracy_prompts(&found.level[2]), 16.0 / 10));

    sprout_store_close(s);
    unlink(path);
    snprintf(more, sizeof more, "%s-wal", path);
    unlink(more);
    snprintf(more, sizeof more, "%s-shm", path);
    unlink(more);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_newest_directives_count_the_old_less_and_each_for_what_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
