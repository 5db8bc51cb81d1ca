/* SPDX-License-Identifier: Apache-2.0 */
/* planner_kinds.c - a mix for each kind of prompts, where no prediction decides; see planner.h.
 *
 * The last prompts say how much of the traffic is of a kind and how long its answers are,
 * verdicts what its levels are worth: kinds are the items of one optimum under one floor.
 * They have the mix of all while too few prompts were seen, under a floor of accuracy, and
 * where a window says what the hour must give.
 * Not here: prompts that are told apart one by one (planner_predict.c). */
#include "control/planner_inner.h"

#include "core/optimize.h"

enum { KINDS = SPROUT_KIND_COUNT };

/* The kinds of one optimum. */
struct kinds {
    struct sprout_item item[KINDS];
    double cost[KINDS][SPROUT_LEVELS_MAX];
    double quality[KINDS][SPROUT_LEVELS_MAX];
    double share[KINDS][SPROUT_LEVELS_MAX];
    double *mix[KINDS];
    size_t level[KINDS][SPROUT_LEVELS_MAX]; /* of an option */
    size_t stratum[KINDS];
    size_t count;
    double quality_l0;
};

static void believe(struct plan *p, enum sprout_kind kind, struct sprout_stratum *to)
{
    for (size_t l = 0; l < SPROUT_PREDICT_LEVELS && l < p->levels; l++) {
        struct sprout_belief *const b = &to->level[l];
        const double apart = sprout_plan_judged_kind(p, kind, l);
        const double longer = sprout_plan_sampled_tokens(p, l, (int)kind) /
                              sprout_plan_sampled_tokens(p, l, -1);
        if (isfinite(apart)) {
            b->quality = fmax(0, b->quality + apart);
        }
        if (isfinite(longer)) {
            b->energy.v *= longer;
            b->time.v *= longer;
            b->output_tokens *= longer;
        }
    }
}

void sprout_plan_kinds_begin(struct plan *p)
{
    for (size_t i = 1; i < p->strata; i++) {
        const enum sprout_kind kind = (enum sprout_kind)(i - 1);
        p->stratum[i] = *p->stratum;
        p->stratum[i].name = sprout_str_of(sprout_kind_text(kind));
        believe(p, kind, &p->stratum[i]);
    }
}

/* A kind of no traffic, or that cannot be weighed, is none of the optimum. */
static void add_kind(const struct plan *p, size_t stratum, uint32_t allowed,
                     struct kinds *out)
{
    const double weight = (double)sprout_plan_sampled(p, (int)stratum - 1);
    const struct sprout_belief *const b = p->stratum[stratum].level;
    sprout_grams grams[SPROUT_LEVELS_MAX];
    double relative[SPROUT_LEVELS_MAX];
    const size_t at = out->count;
    size_t n = 0;
    sprout_plan_weigh(p->policy, stratum, grams, relative);
    for (size_t l = 0; l < p->levels; l++) {
        if ((allowed >> l & 1) != 0 && isfinite(grams[l].v) && isfinite(relative[l])) {
            out->cost[at][n] = grams[l].v;
            out->quality[at][n] = b[l].quality;
            out->level[at][n++] = l;
        }
    }
    if (n > 0 && weight > 0 && isfinite(grams[0].v)) {
        out->item[at] = (struct sprout_item){weight, out->cost[at], out->quality[at], n};
        out->mix[at] = out->share[at];
        out->stratum[at] = stratum;
        out->quality_l0 += weight * b[0].quality;
        out->count++;
    }
}

static bool are_told_apart(const struct plan *p)
{
    return p->strata > 1 && p->policy->predictor.decides && !p->why->window.acts &&
           !sprout_plan_asks_accuracy(p);
}

enum sprout_status sprout_plan_kinds(struct plan *p, uint32_t allowed, double floor,
                                     int only, double (*mix)[SPROUT_LEVELS_MAX])
{
    struct sprout_arena scratch = *p->arena; /* given back when this returns */
    struct kinds k = {.count = 0};
    struct sprout_optimum best;
    for (size_t i = 1; i < p->strata; i++) {
        memcpy(mix[i], mix[0], sizeof mix[0]);
        if (are_told_apart(p) && (only < 0 || (int)i - 1 == only)) {
            add_kind(p, i, allowed, &k);
        }
    }
    if (k.count == 0) {
        return SPROUT_OK;
    }
    const enum sprout_status status =
        sprout_optimize(k.item, k.count, SPROUT_GOAL_FLOOR, floor * k.quality_l0,
                        &scratch, k.mix, &best, p->err);
    for (size_t i = 0; status == SPROUT_OK && i < k.count; i++) {
        memset(mix[k.stratum[i]], 0, sizeof mix[0]);
        for (size_t n = 0; n < k.item[i].options; n++) {
            mix[k.stratum[i]][k.level[i][n]] = k.share[i][n];
        }
    }
    return status;
}
