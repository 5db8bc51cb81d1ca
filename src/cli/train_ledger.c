/* SPDX-License-Identifier: Apache-2.0 */
/* train_ledger.c - see train_ledger.h. */
#include "cli/train_ledger.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "control/judged.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS };

struct reading {
    struct sprout_train_ledger l;
    uint64_t *about; /* model, judge and directives of each */
    int64_t *run;    /* of each */
    size_t cap, bytes_cap, used;
};

static void count(void *ctx, const struct sprout_store_example *e)
{
    struct reading *const r = ctx;
    r->cap++;
    r->bytes_cap += e->features.len;
}

static uint64_t about(const struct sprout_store_example *e)
{
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){0, 0});
    const struct sprout_str text[] = {e->model, e->judge, e->directives};
    for (int i = 0; i < 3; i++) {
        sprout_hash_feed(&h, text[i].ptr, text[i].len);
        sprout_hash_feed(&h, "", 1);
    }
    return sprout_hash_end(h);
}

/* The level preferred; -1 where nobody said. */
static int draw(const struct sprout_store_example *e)
{
    const uint64_t h = sprout_hash_str((struct sprout_hash_key){1, 0}, e->features);
    double sum = 0, at;
    for (int l = 0; l < LEVELS; l++) {
        sum += e->won[l];
    }
    at = sprout_hash_unit(h) * sum;
    for (int l = 0; l < LEVELS; l++) {
        at -= e->won[l];
        if (e->won[l] > 0 && at < 0) {
            return l;
        }
    }
    return -1;
}

static struct sprout_train_example example_of(const struct sprout_store_example *e)
{
    struct sprout_train_example x = {
        .preferred = draw(e),
        .maths = e->kind.len == 0 ? -1 : sprout_str_eq(e->kind, SPROUT_STR("maths")),
    };
    for (int l = 0; l < LEVELS; l++) {
        x.tokens[l] = e->tokens[l] < 0 ? NAN : (double)e->tokens[l];
        x.right[l] = (e->right >> l & 1) != 0 ? 1 : (e->wrong >> l & 1) != 0 ? 0 : -1;
    }
    return x;
}

static void take(void *ctx, const struct sprout_store_example *e)
{
    struct reading *const r = ctx;
    if (r->l.count == r->cap || e->features.len > r->bytes_cap - r->used) {
        return; /* cannot be: both readings are of one moment */
    }
    struct sprout_train_example *const x = &r->l.example[r->l.count];
    *x = example_of(e);
    x->features = (struct sprout_str){r->l.bytes + r->used, e->features.len};
    memcpy(r->l.bytes + r->used, e->features.ptr, e->features.len);
    r->used += e->features.len;
    r->l.at[r->l.count] = e->at;
    r->run[r->l.count] = e->run;
    r->about[r->l.count++] = about(e);
    snprintf(r->l.model, sizeof r->l.model, "%.*s", (int)e->model.len, e->model.ptr);
    snprintf(r->l.judge, sizeof r->l.judge, "%.*s", (int)e->judge.len, e->judge.ptr);
}

static bool has_failed(const struct sprout_judged *j, int64_t run)
{
    bool found = false;
    for (size_t i = 0; i < j->failed_count; i++) {
        found = found || j->failed[i].run == run;
    }
    return found;
}

/* Answers of a run in which the judge failed have their lengths, and nothing to prefer. */
static enum sprout_status doubt(struct sprout_store *s, struct reading *r,
                                struct sprout_error *err)
{
    const struct sprout_quality_opts opts =
        sprout_judged_opts(NULL, LEVELS, r->l.at[r->l.count - 1]);
    struct sprout_judged *j = NULL;
    const enum sprout_status st = sprout_judged_read(s, &opts, &j, err);
    for (size_t i = 0; st == SPROUT_OK && i < r->l.count; i++) {
        if (has_failed(j, r->run[i])) {
            r->l.example[i].preferred = -1;
        }
    }
    sprout_judged_free(j);
    return st == SPROUT_NOT_FOUND ? SPROUT_OK : st;
}

/* Leaves those about what the newest is about. */
static void settle(struct reading *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->l.count; i++) {
        if (r->about[i] == r->about[r->l.count - 1]) {
            r->l.judged += r->l.example[i].preferred >= 0;
            r->l.at[kept] = r->l.at[i];
            r->l.example[kept++] = r->l.example[i];
        }
    }
    r->l.count = kept;
}

static enum sprout_status read_rows(struct sprout_store *s, struct reading *r,
                                    struct sprout_error *err)
{
    enum sprout_status st = sprout_store_examples(s, count, r, err);
    if (st != SPROUT_OK) {
        return st;
    }
    r->l.example = calloc(r->cap + 1, sizeof *r->l.example);
    r->l.at = calloc(r->cap + 1, sizeof *r->l.at);
    r->about = calloc(r->cap + 1, sizeof *r->about);
    r->run = calloc(r->cap + 1, sizeof *r->run);
    r->l.bytes = malloc(r->bytes_cap + 1);
    if (r->l.example == NULL || r->l.at == NULL || r->about == NULL || r->run == NULL ||
        r->l.bytes == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory for %zu examples",
                           r->cap);
    }
    st = sprout_store_examples(s, take, r, err);
    if (st == SPROUT_OK && r->l.count == 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the ledger has no judged prompts to learn from: 'sprout "
                           "evaluate' leaves some where predictor.learn is on");
    }
    return st == SPROUT_OK ? doubt(s, r, err) : st;
}

enum sprout_status sprout_train_ledger_read(struct sprout_store *s,
                                            struct sprout_train_ledger *out,
                                            struct sprout_error *err)
{
    struct reading r = {.used = 0};
    enum sprout_status st = sprout_store_freeze(s, err);
    if (st == SPROUT_OK) {
        st = read_rows(s, &r, err);
        sprout_store_rollback(s);
    }
    if (st == SPROUT_OK) {
        settle(&r);
        *out = r.l;
    } else {
        sprout_train_ledger_free(&r.l);
    }
    free(r.about);
    free(r.run);
    return st;
}

void sprout_train_ledger_free(struct sprout_train_ledger *l)
{
    free(l->example);
    free(l->at);
    free(l->bytes);
    *l = (struct sprout_train_ledger){0};
}
