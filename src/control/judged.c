/* SPDX-License-Identifier: Apache-2.0 */
/* judged.c - see judged.h.
 *
 * Two passes: one for the newest verdict, which says what counts, one for those like it. */
#include "control/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/prior.h"

enum { HALF_LIVES = 10, FIRST_ROOM = 1024, SECONDS_PER_DAY = 86400 };

struct reading {
    struct sprout_judged *j;
    struct sprout_quality_verdict *v;
    size_t count;
    size_t room;
    bool no_memory;
    bool any;
    bool by_kind;
};

static void copy(char *out, size_t cap, struct sprout_str s)
{
    snprintf(out, cap, "%.*s", (int)s.len, s.ptr);
}

static void take_newest(void *ctx, const struct sprout_store_verdict *v)
{
    struct reading *const r = ctx;
    r->any = true;
    copy(r->j->model, sizeof r->j->model, v->model);
    copy(r->j->judge, sizeof r->j->judge, v->judge);
    copy(r->j->directives, sizeof r->j->directives, v->directives);
}

static bool counts(const struct sprout_judged *j, const struct sprout_store_verdict *v)
{
    return sprout_str_eq(v->model, sprout_str_of(j->model)) &&
           sprout_str_eq(v->judge, sprout_str_of(j->judge)) &&
           sprout_str_eq(v->directives, sprout_str_of(j->directives));
}

/* -1: beyond the maximum. */
static int stratum_of(struct sprout_judged *j, struct sprout_str name)
{
    for (int i = 0; i < j->strata; i++) {
        if (sprout_str_eq(name, sprout_str_of(j->name[i]))) {
            return i;
        }
    }
    if (j->strata == SPROUT_STRATA_MAX) {
        return -1;
    }
    copy(j->name[j->strata], sizeof j->name[0], name);
    return j->strata++;
}

static bool make_room(struct reading *r)
{
    if (r->count < r->room) {
        return true;
    }
    if (r->room >= SPROUT_JUDGED_VERDICTS_MAX) { /* the oldest half makes room */
        const size_t gone = r->count / 2;
        memmove(r->v, r->v + gone, (r->count - gone) * sizeof *r->v);
        r->count -= gone;
        return true;
    }
    const size_t room = r->room == 0 ? FIRST_ROOM : r->room * 2;
    struct sprout_quality_verdict *const more = realloc(r->v, room * sizeof *more);
    r->no_memory = more == NULL;
    if (more != NULL) {
        r->v = more;
        r->room = room;
    }
    return more != NULL;
}

static void take(void *ctx, const struct sprout_store_verdict *v)
{
    struct reading *const r = ctx;
    if (r->no_memory || !counts(r->j, v) || !make_room(r)) {
        return;
    }
    char cell[SPROUT_NAME_MAX + 1];
    sprout_judged_cell(v->stratum, v->kind, cell);
    struct sprout_quality_verdict *const to = &r->v[r->count++];
    *to = (struct sprout_quality_verdict){
        .run = v->run,
        .item = v->item,
        .question = v->question,
        .stratum = stratum_of(r->j, r->by_kind ? sprout_str_of(cell) : v->stratum),
        .slots = v->slots,
        .best = v->best,
        .right = v->right,
        .wrong = v->wrong,
        .at = v->cost.at,
        .weight = v->weight,
    };
    memcpy(to->shown, v->shown, sizeof to->shown);
    memcpy(to->tokens, v->tokens, sizeof to->tokens);
}

static int by_item(const void *left, const void *right)
{
    const struct sprout_quality_verdict *const a = left, *const b = right;
    return a->item != b->item ? (a->item > b->item) - (a->item < b->item)
                              : a->question - b->question;
}

/* All strata as one, in the proportion in which they were sampled. */
static void pool(struct reading *r, struct sprout_quality_opts o)
{
    struct sprout_quality_fit *const all = malloc(sizeof *all);

    r->no_memory = all == NULL;
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        r->v[i].stratum = 0;
    }
    o.strata = 1;
    sprout_quality_fit(r->v, r->count, &o, all);
    r->j->pooled = all->whole;
    free(all);
}

/* Sorted, without the runs in which the judge failed; if he failed in all, those stay, so that
 * his card says why. */
static void sieve(struct reading *r)
{
    struct sprout_judged *const j = r->j;

    if (r->count > 0) {
        qsort(r->v, r->count, sizeof *r->v, by_item);
    }
    const size_t left = sprout_judge_sieve(r->v, r->count, j->failed, &j->failed_count);
    if (left == 0) { /* then nothing was moved */
        j->failed_count = 0;
    } else {
        r->count = left;
    }
}

static void conclude(struct reading *r, const struct sprout_quality_opts *opts)
{
    struct sprout_quality_opts o = *opts;

    sieve(r);
    r->j->card = sprout_judge_card(r->v, r->count);
    o.strata = r->j->strata;
    sprout_quality_fit(r->v, r->count, &o, &r->j->fit);
    pool(r, o);
}

struct sprout_quality_opts sprout_judged_opts(const struct sprout_config *config,
                                              int levels, sprout_instant now)
{
    const bool own = config != NULL && config->quality.shares_count == (size_t)levels;
    struct sprout_belief prior[SPROUT_LEVELS_MAX];
    struct sprout_quality_opts opts = {
        .levels = levels,
        .half_life = sprout_span_seconds(
            config == NULL ? SPROUT_QUALITY_HALF_LIFE_S
                           : (int64_t)(config->quality.half_life_days * SECONDS_PER_DAY)),
        .now = now,
    };

    sprout_prior_beliefs(&sprout_energy_llama2_13b, (size_t)levels, prior);
    for (int l = 0; l < levels; l++) {
        opts.prior[l] = own ? config->quality.shares[l] : prior[l].quality;
    }
    return opts;
}

enum sprout_status sprout_judged_read(struct sprout_store *s,
                                      const struct sprout_quality_opts *opts,
                                      struct sprout_judged **out,
                                      struct sprout_error *err)
{
    struct reading r = {.j = calloc(1, sizeof *r.j)};
    const sprout_instant since = {opts->now.ns - HALF_LIVES * opts->half_life.ns};

    if (r.j == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for verdicts");
    }
    enum sprout_status status = sprout_store_verdicts(s, 0, since, take_newest, &r, err);
    if (status == SPROUT_OK && !r.any) {
        status = sprout_fail(err, SPROUT_NOT_FOUND, "no verdicts yet");
    }
    if (status == SPROUT_OK) {
        status = sprout_store_verdicts(s, 0, since, take, &r, err);
    }
    if (status == SPROUT_OK && !r.no_memory) {
        conclude(&r, opts);
    }
    if (status == SPROUT_OK && r.no_memory) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for verdicts");
    }
    free(r.v);
    if (status != SPROUT_OK) {
        free(r.j);
        return status;
    }
    *out = r.j;
    return SPROUT_OK;
}

void sprout_judged_cell(struct sprout_str stratum, struct sprout_str kind,
                        char out[SPROUT_NAME_MAX + 1])
{
    const char *const between = kind.len == 0 ? "" : "/";
    snprintf(out, SPROUT_NAME_MAX + 1, "%.*s%s%.*s", (int)stratum.len, stratum.ptr,
             between, (int)kind.len, kind.ptr);
}

enum sprout_status sprout_judged_kinds(struct sprout_store *s,
                                       const struct sprout_quality_opts *opts,
                                       const char *directives, struct sprout_judged *j,
                                       struct sprout_error *err)
{
    struct reading r = {.j = j, .by_kind = true};
    struct sprout_quality_opts o = *opts;
    const sprout_instant since = {opts->now.ns - HALF_LIVES * opts->half_life.ns};
    enum sprout_status status = sprout_store_verdicts(s, 0, since, take_newest, &r, err);

    if (status == SPROUT_OK && r.any && strcmp(j->directives, directives) == 0) {
        status = sprout_store_verdicts(s, 0, since, take, &r, err);
    }
    if (status == SPROUT_OK && r.no_memory) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for verdicts");
    }
    if (status == SPROUT_OK) {
        sieve(&r);
        o.strata = j->strata;
        sprout_quality_fit(r.v, r.count, &o, &j->fit);
    }
    free(r.v);
    return status;
}

enum sprout_judge_fault sprout_judged_fault(const struct sprout_judged *j, int64_t run)
{
    for (size_t i = 0; i < j->failed_count; i++) {
        if (j->failed[i].run == run) {
            return j->failed[i].fault;
        }
    }
    return j->card.fault;
}

void sprout_judged_free(struct sprout_judged *j)
{
    free(j);
}
