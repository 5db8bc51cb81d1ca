/* SPDX-License-Identifier: Apache-2.0 */
/* planner_judged.c - quality as a judge sees it, in place of the prior; see planner.h.
 *
 * The optimum takes of each level what it reaches with the certainty the operator asked
 * for: the less is known, the less is given up.  Verdicts of a judge that its card does not
 * let pass, or about other directives, are shown and not used. */
#include "control/planner_inner.h"

#include <stdio.h>

#include "control/evaluator_inner.h"

#define SHOWN_LEVEL 0.9

static const char *unusable(const struct plan *p, const struct sprout_judged *j)
{
    char now[17];
    sprout_evaluator_directives(p->policy, now);
    if (strcmp(now, j->directives) != 0 || j->pooled.levels != (int)p->levels) {
        return "the verdicts are about other directives than those in force";
    }
    return j->card.fault == SPROUT_JUDGE_USABLE ? NULL
                                                : sprout_judge_fault_text(j->card.fault);
}

static void name_source(struct plan *p, const struct sprout_judged *j, const char *why)
{
    char text[SPROUT_PATTERN_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text - 1);
    if (why == NULL) {
        sprout_buf_printf(&b, "judged here, %lld verdicts by %.80s",
                          (long long)p->why->evidence.verdicts, j->judge);
        if (j->failed_count > 0) {
            const struct sprout_judge_failed *const f = &j->failed[j->failed_count - 1];
            sprout_buf_printf(&b, "; evaluation %lld is left out: %s", (long long)f->run,
                              sprout_judge_fault_text(f->fault));
        }
    } else {
        sprout_buf_put(&b, p->policy->quality_source);
        sprout_buf_printf(&b, "; the judge %.60s is not used: %s", j->judge, why);
    }
    p->policy->quality_source = sprout_arena_str(p->arena, sprout_buf_str(&b));
}

static void take(struct plan *p, const struct sprout_judged *j)
{
    struct sprout_plan_evidence *const e = &p->why->evidence;
    const double q0 = sprout_quality_share(&j->pooled, 0, SHOWN_LEVEL).value;
    for (size_t l = 0; l < p->levels; l++) {
        p->stratum->level[l].quality = q0 * e->cautious[l];
    }
}

/* The stratum of verdicts that is named as the kind is; -1: there is none. */
static int stratum_of(const struct sprout_judged *j, enum sprout_kind kind)
{
    for (int i = 0; i < j->strata; i++) {
        if (strcmp(j->name[i], sprout_kind_text(kind)) == 0 &&
            j->fit.stratum[i].verdicts > 0) {
            return i;
        }
    }
    return -1;
}

/* For people: what verdicts say of each kind. */
static void note_kinds(struct plan *p, const struct sprout_judged *j)
{
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        struct sprout_plan_kind *const to = &p->why->evidence.kind[k];
        const int i = stratum_of(j, (enum sprout_kind)k);
        for (size_t l = 0; i >= 0 && l < p->levels; l++) {
            to->verdicts = j->fit.stratum[i].verdicts;
            to->relative[l] =
                sprout_quality_relative(&j->fit.stratum[i], (int)l, SHOWN_LEVEL);
        }
    }
}

void sprout_plan_judge(struct plan *p)
{
    const struct sprout_judged *const j = p->in->judged;
    struct sprout_plan_evidence *const e = &p->why->evidence;
    e->caution.v = NAN;
    if (j == NULL) {
        return;
    }
    const char *const why = unusable(p, j);
    e->questions = j->card.questions;
    e->verdicts = j->pooled.verdicts;
    e->n = j->pooled.n;
    e->used = why == NULL && e->verdicts > 0;
    e->fault = j->card.fault;
    e->jumped = j->fit.jumped;
    e->certainty = p->in->config->quality.certainty;
    snprintf(e->why, sizeof e->why, "%s", why == NULL ? "" : why);
    for (size_t l = 0; l < p->levels && j->pooled.levels == (int)p->levels; l++) {
        e->relative[l] = sprout_quality_relative(&j->pooled, (int)l, SHOWN_LEVEL);
        e->cautious[l] = sprout_quality_cautious(&j->pooled, (int)l, e->certainty);
    }
    if (j->pooled.levels == (int)p->levels) {
        note_kinds(p, j);
    }
    if (e->used) {
        take(p, j);
    }
    name_source(p, j, why);
}

double sprout_plan_judged_mean(const struct plan *p, size_t l)
{
    return p->why->evidence.used ? p->why->evidence.relative[l].value : NAN;
}

double sprout_plan_judged_kind(const struct plan *p, enum sprout_kind kind, size_t l)
{
    const struct sprout_judged *const j = p->in->judged;
    const int i = j == NULL || !p->why->evidence.used ? -1 : stratum_of(j, kind);
    return i < 0 ? (double)NAN
                 : sprout_quality_share(&j->fit.stratum[i], (int)l, SHOWN_LEVEL).value -
                       sprout_quality_share(&j->pooled, (int)l, SHOWN_LEVEL).value;
}
