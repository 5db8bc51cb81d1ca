/* SPDX-License-Identifier: Apache-2.0 */
/* Examples and retrainings in the ledger: what is judged is told, what is old is gone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapt/store_evaluate.h"
#include "adapt/store_examples.h"

static char dir[64], path[128];
static struct sprout_store *store;

static int open_store(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/sprout-examples-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ledger.db", dir);
    return sprout_store_open(path, SPROUT_STORE_WRITE, &store, NULL) == SPROUT_OK ? 0
                                                                                  : -1;
}

static int close_store(void **state)
{
    char more[160];
    (void)state;
    sprout_store_close(store);
    unlink(path);
    snprintf(more, sizeof more, "%s-wal", path);
    unlink(more);
    snprintf(more, sizeof more, "%s-shm", path);
    unlink(more);
    return rmdir(dir);
}

static int64_t new_run(int64_t us)
{
    int64_t run = 0;
    const struct sprout_store_evaluation e = {.created = {us * 1000},
                                              .state = SPROUT_STR("open"),
                                              .source = SPROUT_STR("prompts"),
                                              .form = SPROUT_STR("best-of"),
                                              .model = SPROUT_STR("m"),
                                              .judge_model = SPROUT_STR("j"),
                                              .levels = SPROUT_STR("L0,L1,L2"),
                                              .directives = SPROUT_STR("d")};
    assert_int_equal(sprout_store_put_evaluation(store, &e, &run, NULL), SPROUT_OK);
    return run;
}

static void put_verdict(int64_t run, int64_t item, int question, uint32_t best,
                        int64_t us)
{
    const struct sprout_store_verdict v = {.item = item,
                                           .run = run,
                                           .question = question,
                                           .form = SPROUT_STR("best-of"),
                                           .judge = SPROUT_STR("j"),
                                           .shown = {0, 1, 2},
                                           .slots = 3,
                                           .best = best,
                                           .tries = 1,
                                           .cost = {.at = {us * 1000},
                                                    .prompt = {1},
                                                    .completion = {1},
                                                    .method = SPROUT_STR("x")}};
    assert_int_equal(sprout_store_put_verdict(store, &v, NULL), SPROUT_OK);
}

/* An item with an example, answered with 100, unknown and 20 tokens; L2 is wrong. */
static int64_t new_item(int64_t run, int64_t no, int64_t us)
{
    static const int64_t tokens[] = {100, -1, 20};
    int64_t id = 0;
    const struct sprout_store_item item = {.run = run,
                                           .no = no,
                                           .prompt = SPROUT_STR("ab"),
                                           .stratum = SPROUT_STR("all"),
                                           .kind = SPROUT_STR("maths")};
    assert_int_equal(sprout_store_put_item(store, &item, &id, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_put_example(store, id, SPROUT_STR("\0blob"), NULL),
                     SPROUT_OK);
    for (int l = 0; l < 3; l++) {
        const struct sprout_store_answer a = {id,
                                              l,
                                              l == 2   ? 0
                                              : l == 0 ? 1
                                                       : -1,
                                              {.at = {us * 1000},
                                               .prompt = {1},
                                               .completion = {tokens[l]},
                                               .method = SPROUT_STR("x")}};
        assert_int_equal(sprout_store_put_answer(store, &a, NULL), SPROUT_OK);
    }
    return id;
}

struct seen {
    int n;
    struct sprout_store_example last;
    size_t len;
};

static void see(void *ctx, const struct sprout_store_example *e)
{
    struct seen *const s = ctx;
    s->n++;
    s->last = *e;
    s->len = e->features.len;
    assert_true(sprout_str_eq(e->kind, SPROUT_STR("maths")));
    assert_true(sprout_str_eq(e->directives, SPROUT_STR("d")));
}

static struct seen read_all(void)
{
    struct seen s = {0};
    assert_int_equal(sprout_store_examples(store, see, &s, NULL), SPROUT_OK);
    return s;
}

static int64_t count_since(int64_t us)
{
    int64_t n = -1;
    assert_int_equal(
        sprout_store_examples_since(store, (sprout_instant){us * 1000}, &n, NULL),
        SPROUT_OK);
    return n;
}

static void an_example_is_told_once_it_is_judged(void **state)
{
    (void)state;
    const int64_t run = new_run(5), item = new_item(run, 0, 6);
    assert_int_equal(read_all().n, 0);
    put_verdict(run, item, 0, 1, 7);
    put_verdict(run, item, 1, 6, 9); /* L1 and L2 tie */
    assert_int_equal(sprout_store_set_item(store, item, "judged", "", NULL), SPROUT_OK);
    const struct seen s = read_all();
    assert_int_equal(s.n, 1);
    assert_int_equal(s.len, 5);
    assert_int_equal(s.last.at.ns, 9000);
    assert_int_equal(s.last.tokens[0], 100);
    assert_true(s.last.tokens[1] < 0);
    assert_int_equal(s.last.tokens[2], 20);
    assert_int_equal(s.last.right, 1);
    assert_int_equal(s.last.wrong, 4);
    assert_true(s.last.won[0] == 1 && s.last.won[1] == 0.5 && s.last.won[2] == 0.5);
    assert_int_equal(count_since(8), 1);
    assert_int_equal(count_since(9), 0);
}

static void what_is_old_too_much_or_given_up_is_deleted(void **state)
{
    (void)state;
    const int64_t old = new_run(10), young = new_run(20);
    const struct {
        int64_t run;
        const char *state;
    } items[] = {
        {old, "judged"}, {young, "judged"}, {young, "judged"}, {young, "failed"}};
    for (int i = 0; i < 4; i++) {
        const int64_t item = new_item(items[i].run, i, 30 + i);
        assert_int_equal(sprout_store_set_item(store, item, items[i].state, "", NULL),
                         SPROUT_OK);
    }
    assert_int_equal(read_all().n, 3);
    assert_int_equal(
        sprout_store_prune_examples(store, (sprout_instant){20000}, 100, NULL),
        SPROUT_OK);
    assert_int_equal(read_all().n, 2);
    assert_int_equal(sprout_store_prune_examples(store, (sprout_instant){20000}, 1, NULL),
                     SPROUT_OK);
    assert_int_equal(read_all().n, 1);
    assert_int_equal(read_all().last.at.ns, 32000); /* of the newest, by its answers */
    assert_int_equal(sprout_store_prune_examples(store, (sprout_instant){0}, 0, NULL),
                     SPROUT_OK);
    assert_int_equal(read_all().n, 0);
}

static void examples_are_kept_only_where_the_ledger_says_so(void **state)
{
    (void)state;
    assert_false(sprout_store_learns(store));
    assert_int_equal(
        sprout_store_put_meta(store, SPROUT_STORE_LEARN, SPROUT_STR("on"), NULL),
        SPROUT_OK);
    assert_true(sprout_store_learns(store));
    assert_int_equal(
        sprout_store_put_meta(store, SPROUT_STORE_LEARN, SPROUT_STR("off"), NULL),
        SPROUT_OK);
    assert_false(sprout_store_learns(store));
}

static void see_retraining(void *ctx, const struct sprout_store_retraining *r)
{
    struct sprout_store_retraining *const out = ctx;
    assert_true(sprout_str_eq(r->why, SPROUT_STR("luck")));
    *out = *r;
}

static void a_retraining_comes_back_as_it_was(void **state)
{
    (void)state;
    const struct sprout_store_retraining r = {.at = {7000},
                                              .state = SPROUT_STR("refused"),
                                              .why = SPROUT_STR("luck"),
                                              .before = UINT64_C(0xfedcba9876543210),
                                              .after = 5,
                                              .fitted = 300,
                                              .held_out = 90,
                                              .prefer_before = 1.5,
                                              .prefer_after = NAN};
    struct sprout_store_retraining back;
    assert_int_equal(sprout_store_put_retraining(store, &r, NULL), SPROUT_OK);
    assert_int_equal(sprout_store_retrainings(store, 9, see_retraining, &back, NULL),
                     SPROUT_OK);
    assert_int_equal(back.at.ns, r.at.ns);
    assert_true(back.before == r.before && back.after == r.after);
    assert_int_equal(back.fitted + back.held_out, 390);
    assert_true(back.prefer_before == 1.5 && isnan(back.prefer_after));
}

static void replace(uint64_t before, uint64_t after, const char *how)
{
    const struct sprout_store_retraining r = {.state = sprout_str_of(how),
                                              .why = SPROUT_STR(""),
                                              .before = before,
                                              .after = after};
    assert_int_equal(sprout_store_put_retraining(store, &r, NULL), SPROUT_OK);
}

static uint64_t learned(uint64_t configured, uint64_t *before)
{
    *before = 0;
    assert_int_equal(sprout_store_learned(store, &configured, before, NULL), SPROUT_OK);
    return configured;
}

static void replacements_are_followed_from_the_configured_predictor(void **state)
{
    (void)state;
    uint64_t before;
    replace(1, 2, "replaced");
    replace(2, 3, "refused");
    replace(9, 8, "replaced"); /* of another configuration */
    replace(2, 4, "replaced");
    assert_int_equal(learned(1, &before), 4);
    assert_int_equal(before, 2);
    assert_int_equal(learned(9, &before), 8);
    assert_int_equal(learned(7, &before), 7);
    assert_int_equal(before, 0);
    replace(4, 2, "returned"); /* its file was damaged: back to the one before */
    assert_int_equal(learned(1, &before), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_example_is_told_once_it_is_judged, open_store,
                                        close_store),
        cmocka_unit_test_setup_teardown(what_is_old_too_much_or_given_up_is_deleted,
                                        open_store, close_store),
        cmocka_unit_test_setup_teardown(examples_are_kept_only_where_the_ledger_says_so,
                                        open_store, close_store),
        cmocka_unit_test_setup_teardown(
            replacements_are_followed_from_the_configured_predictor, open_store,
            close_store),
        cmocka_unit_test_setup_teardown(a_retraining_comes_back_as_it_was, open_store,
                                        close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
