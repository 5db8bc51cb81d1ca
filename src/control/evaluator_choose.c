/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_choose.c - which of the prompts at hand are judged; see evaluator.h.
 *
 * Prompts are told apart by the stratum of the policy and, within it, by the operator's word
 * for their kind.  Of each as many are taken as core/sampling says, at even distances, and
 * each stands for as many as its kind was passed over for; the prompts at hand are taken for
 * a fair picture of the traffic.  Where all are of one kind nothing is weighed. */
#include "control/evaluator_inner.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/judged.h"
#include "core/sampling.h"

struct choosing {
    const struct sprout_policy *policy;
    struct sprout_judged *judged; /* names of the cells, and what is known of them */
    size_t stratum[SPROUT_STRATA_MAX];
    struct sprout_sampling cell[SPROUT_STRATA_MAX];
};

/* The last cell takes in what there is no room for. */
static int cell_of(struct choosing *c, const struct evaluator_candidate *from)
{
    struct sprout_judged *const j = c->judged;
    char name[SPROUT_NAME_MAX + 1];

    sprout_judged_cell(from->stratum, sprout_str_of(from->kind), name);
    for (int i = 0; i < j->strata; i++) {
        if (strcmp(j->name[i], name) == 0) {
            return i;
        }
    }
    if (j->strata == SPROUT_STRATA_MAX) {
        return SPROUT_STRATA_MAX - 1;
    }
    for (size_t s = 0; s < c->policy->stratum_count; s++) {
        if (sprout_str_eq(c->policy->strata[s].name, from->stratum)) {
            c->stratum[j->strata] = s;
        }
    }
    snprintf(j->name[j->strata], sizeof j->name[0], "%s", name);
    return j->strata++;
}

static int64_t sort_into_cells(struct choosing *c, struct evaluator_candidate *from,
                               size_t count)
{
    int64_t have = 0;
    for (size_t i = 0; i < count; i++) {
        if (!from[i].left_out) {
            from[i].cell = cell_of(c, &from[i]);
            c->cell[from[i].cell].have++;
            have++;
        }
    }
    return have;
}

static enum sprout_status weigh(struct choosing *c, struct sprout_store *store,
                                int64_t have, sprout_instant now,
                                struct sprout_error *err)
{
    const size_t levels = c->policy->level_count;
    const int cells = c->judged->strata;
    const struct sprout_quality_opts opts = sprout_judged_opts(NULL, (int)levels, now);
    char directives[17];

    sprout_evaluator_directives(c->policy, directives);
    const enum sprout_status status =
        sprout_judged_kinds(store, &opts, directives, c->judged, err);
    for (int i = 0; i < cells && status == SPROUT_OK; i++) {
        const struct sprout_quality *const q = &c->judged->fit.stratum[i];
        struct sprout_sampling *const s = &c->cell[i];
        s->traffic = (double)s->have / (double)have;
        s->stake = sprout_sampling_stake(q, c->policy->strata[c->stratum[i]].mix);
        for (size_t l = 0; l < levels; l++) {
            s->known += q->alpha[l];
        }
    }
    return status;
}

/* Of each cell its part, at even distances. */
static void take(const struct choosing *c, struct evaluator_candidate *from, size_t count,
                 int64_t have, int64_t n)
{
    int64_t seen[SPROUT_STRATA_MAX] = {0};

    for (size_t i = 0; i < count; i++) {
        if (from[i].left_out) {
            continue;
        }
        const struct sprout_sampling *const s = &c->cell[from[i].cell];
        const int64_t k = seen[from[i].cell]++;
        const bool chosen =
            k == 0 ? s->take > 0 : k * s->take / s->have > (k - 1) * s->take / s->have;
        const double part = (double)s->have / (double)have;
        from[i].weight = chosen ? part * (double)n / (double)s->take : 0;
    }
}

enum sprout_status sprout_evaluator_choose(struct sprout_store *store,
                                           const struct sprout_policy *policy,
                                           struct evaluator_candidate *from, size_t count,
                                           int64_t n, sprout_instant now,
                                           struct sprout_error *err)
{
    struct choosing c = {.policy = policy, .judged = calloc(1, sizeof *c.judged)};
    enum sprout_status status = SPROUT_OK;

    if (c.judged == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a choice");
    }
    const int64_t have = sort_into_cells(&c, from, count);
    n = n <= 0 || n > have ? have : n;
    if (c.judged->strata > 1 && n < have) {
        status = weigh(&c, store, have, now, err);
    }
    sprout_sampling_share(c.cell, (size_t)c.judged->strata, n);
    if (status == SPROUT_OK) {
        take(&c, from, count, have, n);
    }
    free(c.judged);
    return status;
}
