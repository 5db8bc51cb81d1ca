/* SPDX-License-Identifier: Apache-2.0 */
/* planner_accuracy.c - a floor of accuracy beside that of quality; see planner.h.
 *
 * Where the operator sets one, the optimum takes of each level the accuracy relative to L0
 * that it reaches with the certainty that verdicts are taken with.  A level of which too few
 * references say anything is withheld from everybody, as one that users dislike is: what is
 * protected is not tried out on those it protects. */
#include "control/planner_inner.h"

#include <stdio.h>

#include "control/evaluator_inner.h"

#define SHOWN_LEVEL 0.9

static const char *unusable(const struct plan *p, const struct sprout_settled *s)
{
    char now[17];
    if (s == NULL) {
        return "no answer was compared with a reference yet";
    }
    sprout_evaluator_directives(p->policy, now);
    return strcmp(now, s->directives) == 0
               ? NULL
               : "the references were for other directives than those in force";
}

static void take_level(struct plan *p, const struct sprout_settled *s, size_t l)
{
    struct sprout_plan_accuracy *const a = &p->why->accuracy;
    a->prompts[l] = sprout_accuracy_prompts(&s->level[l]);
    a->relative[l] = sprout_accuracy_relative(&s->level[l], SHOWN_LEVEL);
    if (a->prompts[l] >= SPROUT_PLAN_REFERENCES_MIN) {
        a->cautious[l] = fmin(SPROUT_ACCURACY_MAX,
                              sprout_accuracy_cautious(&s->level[l], a->certainty));
    }
}

/* NaN: not known.  L0 keeps its own accuracy. */
static void forget(struct sprout_plan_accuracy *a)
{
    for (size_t l = 0; l < SPROUT_LEVELS_MAX; l++) {
        a->relative[l] = (struct sprout_quality_interval){NAN, NAN, NAN};
        a->cautious[l] = l == 0 ? 1 : NAN;
    }
    a->relative[0] = (struct sprout_quality_interval){1, 1, 1};
    a->mix = NAN;
}

void sprout_plan_accuracy(struct plan *p)
{
    struct sprout_plan_accuracy *const a = &p->why->accuracy;
    const struct sprout_settled *const s = p->in->settled;
    *a = (struct sprout_plan_accuracy){
        .floor = fmax(0, p->in->config->accuracy.floor), /* NaN, too */
        .certainty = p->in->config->quality.certainty,
    };
    forget(a);
    p->withheld = p->in->withdrawn.of_all;
    if (!sprout_plan_asks_accuracy(p)) {
        return;
    }
    const char *const why = unusable(p, s);
    snprintf(a->why, sizeof a->why, "%s", why == NULL ? "" : why);
    for (size_t l = 1; l < p->levels; l++) {
        if (why == NULL) {
            take_level(p, s, l);
        }
        if (isnan(a->cautious[l])) {
            a->withheld |= UINT32_C(1) << l;
        }
    }
    p->withheld |= a->withheld;
}

bool sprout_plan_asks_accuracy(const struct plan *p)
{
    return p->why->accuracy.floor > 0;
}

enum sprout_status sprout_plan_solve_two(struct plan *p, const struct sprout_item *item,
                                         const double *accuracy, double floor,
                                         double *mix, struct sprout_optimum_two *out)
{
    const size_t size = sprout_optimize_two_scratch(1, item->options);
    struct sprout_arena rest = *p->arena; /* given back when this returns */
    struct sprout_arena scratch = sprout_arena_of(sprout_arena_alloc(&rest, size), size);
    if (scratch.block == NULL) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    return sprout_optimize_two(item, &accuracy, 1, floor, p->why->accuracy.floor,
                               &scratch, &mix, out, p->err);
}

void sprout_plan_accuracy_goal(const struct plan *p, struct sprout_predict_goal *goal)
{
    const struct sprout_plan_accuracy *const a = &p->why->accuracy;
    if (!sprout_plan_asks_accuracy(p)) {
        return;
    }
    const uint32_t every = (UINT32_C(1) << SPROUT_PREDICT_LEVELS) - 1;
    const uint32_t asked = goal->levels == 0 ? every : goal->levels;
    goal->levels = (asked & ~a->withheld) == 0 ? 1 : asked & ~a->withheld;
    goal->accuracy_floor = a->floor;
    for (size_t l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        goal->accuracy[l] = isnan(a->cautious[l]) ? 0 : a->cautious[l];
    }
}
