/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluations in the ledger: what is written once stays, and comes back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapt/store_evaluate.h"

static struct sprout_store *open_new(char *dir, char *path, size_t cap)
{
    struct sprout_store *s = NULL;
    assert_non_null(mkdtemp(dir));
    snprintf(path, cap, "%s/ledger.db", dir);
    assert_int_equal(sprout_store_open(path, SPROUT_STORE_WRITE, &s, NULL), SPROUT_OK);
    return s;
}

static void drop(struct sprout_store *s, const char *dir, const char *path)
{
    char more[300];
    sprout_store_close(s);
    unlink(path);
    snprintf(more, sizeof more, "%s-wal", path);
    unlink(more);
    snprintf(more, sizeof more, "%s-shm", path);
    unlink(more);
    rmdir(dir);
}

static int64_t new_run(struct sprout_store *s)
{
    int64_t run = 0;
    const struct sprout_store_evaluation e = {
        .created = {5000},
        .state = SPROUT_STR("open"),
        .source = SPROUT_STR("prompts"),
        .form = SPROUT_STR("best-of"),
        .model = SPROUT_STR("m"),
        .judge_model = SPROUT_STR("j"),
        .levels = SPROUT_STR("L0,L1,L2"),
    };
    assert_int_equal(sprout_store_put_evaluation(s, &e, &run, NULL), SPROUT_OK);
    return run;
}

static int64_t new_item(struct sprout_store *s, int64_t run, int64_t no)
{
    int64_t id = 0;
    const struct sprout_store_item item = {.run = run,
                                           .no = no,
                                           .prompt = SPROUT_STR("ab12"),
                                           .stratum = SPROUT_STR("all"),
                                           .reference = true,
                                           .weight = 2.5};
    assert_int_equal(sprout_store_put_item(s, &item, &id, NULL), SPROUT_OK);
    return id;
}

static struct sprout_store_cost cost_at(int64_t ns, int64_t tokens, int64_t uj)
{
    return (struct sprout_store_cost){.at = {ns},
                                      .prompt = {10},
                                      .completion = {tokens},
                                      .time = {1000},
                                      .energy = {uj},
                                      .grams = {uj < 0 ? -1 : uj / 2},
                                      .method = SPROUT_STR("model")};
}

static void put_answer(struct sprout_store *s, int64_t item, int level, int64_t tokens,
                       int right)
{
    const struct sprout_store_answer a = {item, level, right, cost_at(6000, tokens, 40)};
    assert_int_equal(sprout_store_put_answer(s, &a, NULL), SPROUT_OK);
}

static void put_verdict(struct sprout_store *s, int64_t run, int64_t item, int question,
                        uint32_t best)
{
    const struct sprout_store_verdict v = {.item = item,
                                           .run = run,
                                           .question = question,
                                           .form = SPROUT_STR("best-of"),
                                           .judge = SPROUT_STR("j"),
                                           .shown = {2, 0, 1},
                                           .slots = 3,
                                           .best = best,
                                           .tries = 1,
                                           .cost = cost_at(7000, 3, -1)};
    assert_int_equal(sprout_store_put_verdict(s, &v, NULL), SPROUT_OK);
}

static void keep_evaluation(void *ctx, const struct sprout_store_evaluation *e)
{
    *(struct sprout_store_evaluation *)ctx = *e;
}

static void keep_item(void *ctx, const struct sprout_store_item *item)
{
    *(struct sprout_store_item *)ctx = *item;
}

struct verdicts {
    int n;
    struct sprout_store_verdict last;
};

static void keep_verdict(void *ctx, const struct sprout_store_verdict *v)
{
    struct verdicts *const seen = ctx;
    seen->n++;
    seen->last = *v;
}

static void a_second_answer_or_verdict_for_the_same_question_changes_nothing(void **state)
{
    char dir[] = "/tmp/sprout-eval-XXXXXX", path[200];
    struct sprout_store *const s = open_new(dir, path, sizeof path);
    const int64_t run = new_run(s), item = new_item(s, run, 0);
    struct sprout_store_item got = {0};
    struct sprout_store_evaluation e = {0};
    struct verdicts v = {0};

    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        put_answer(s, item, 0, 100 - twice, 1);
        put_answer(s, item, 2, 7, 0);
        put_verdict(s, run, item, 1, twice == 0 ? 4 : 1);
    }
    assert_int_equal(sprout_store_items(s, run, keep_item, &got, NULL), SPROUT_OK);
    assert_int_equal(got.answered, 5);
    assert_int_equal(got.questions, 2);
    assert_int_equal(
        sprout_store_verdicts(s, 0, (sprout_instant){0}, keep_verdict, &v, NULL),
        SPROUT_OK);
    assert_int_equal(v.n, 1);
    assert_int_equal(v.last.best, 4);
    assert_int_equal(v.last.shown[0], 2);
    assert_int_equal(v.last.slots, 3);
    assert_int_equal(v.last.right, 1);
    assert_int_equal(v.last.wrong, 4);
    assert_int_equal(v.last.tokens[0].n, 100);
    assert_true(v.last.weight == 2.5 && got.weight == 2.5);
    assert_int_equal(sprout_store_evaluation(s, run, keep_evaluation, &e, NULL),
                     SPROUT_OK);
    assert_int_equal(e.items, 1);
    assert_int_equal(e.answers, 2);
    assert_int_equal(e.verdicts, 1);
    assert_int_equal(e.energy_uj, 80);
    assert_int_equal(e.tokens, 110 + 17 + 13);
    drop(s, dir, path);
}

static void an_open_run_is_found_until_it_is_done(void **state)
{
    char dir[] = "/tmp/sprout-eval-XXXXXX", path[200];
    struct sprout_store *const s = open_new(dir, path, sizeof path);
    int64_t id = 0;

    (void)state;
    assert_int_equal(sprout_store_open_evaluation(s, &id, NULL), SPROUT_NOT_FOUND);
    const int64_t first = new_run(s), second = new_run(s);
    assert_int_equal(sprout_store_open_evaluation(s, &id, NULL), SPROUT_OK);
    assert_int_equal(id, first);
    assert_int_equal(
        sprout_store_set_evaluation(s, first, "done", "", (sprout_instant){9000}, NULL),
        SPROUT_OK);
    assert_int_equal(sprout_store_open_evaluation(s, &id, NULL), SPROUT_OK);
    assert_int_equal(id, second);
    drop(s, dir, path);
}

static void what_it_cost_is_summed_and_the_unknown_is_counted(void **state)
{
    char dir[] = "/tmp/sprout-eval-XXXXXX", path[200];
    struct sprout_store *const s = open_new(dir, path, sizeof path);
    const int64_t run = new_run(s), item = new_item(s, run, 0);
    struct sprout_store_evaluation_cost c = {0};

    (void)state;
    put_answer(s, item, 0, 100, -1);
    put_verdict(s, run, item, 0, 1);
    assert_int_equal(sprout_store_evaluation_cost(s, SPROUT_STORE_ALL_TIME, &c, NULL),
                     SPROUT_OK);
    assert_int_equal(c.answers, 1);
    assert_int_equal(c.answer_tokens, 110);
    assert_int_equal(c.answer_energy_uj, 40);
    assert_int_equal(c.verdicts, 1);
    assert_int_equal(c.judge_tokens, 13);
    assert_int_equal(c.judge_energy_uj, 0);
    assert_int_equal(c.unknown, 1);
    drop(s, dir, path);
}

struct settled {
    int n;
    struct sprout_store_settled last;
};

static void keep_settled(void *ctx, const struct sprout_store_settled *s)
{
    struct settled *const to = ctx;
    to->n++;
    to->last = *s;
}

static void what_references_settled_is_told_by_prompt(void **state)
{
    char dir[] = "/tmp/sprout-eval-XXXXXX", path[200];
    struct sprout_store *const s = open_new(dir, path, sizeof path);
    const int64_t run = new_run(s), item = new_item(s, run, 0),
                  other = new_item(s, run, 1);
    struct settled found = {0};

    (void)state;
    put_answer(s, other, 0, 100, -1);
    put_answer(s, item, 0, 100, 1);
    put_answer(s, item, 1, 40, -1); /* it cannot be said */
    put_answer(s, item, 2, 10, 0);
    assert_int_equal(
        sprout_store_settled(s, (sprout_instant){0}, keep_settled, &found, NULL),
        SPROUT_OK);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.last.right, 1 << 0);
    assert_int_equal(found.last.wrong, 1 << 2);
    assert_int_equal(found.last.at.ns, 6000);
    assert_true(found.last.weight == 2.5);
    found.n = 0;
    assert_int_equal(
        sprout_store_settled(s, (sprout_instant){7000}, keep_settled, &found, NULL),
        SPROUT_OK);
    assert_int_equal(found.n, 0);
    drop(s, dir, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_second_answer_or_verdict_for_the_same_question_changes_nothing),
        cmocka_unit_test(an_open_run_is_found_until_it_is_done),
        cmocka_unit_test(what_it_cost_is_summed_and_the_unknown_is_counted),
        cmocka_unit_test(what_references_settled_is_told_by_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
