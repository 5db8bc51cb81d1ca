/* SPDX-License-Identifier: Apache-2.0 */
/* settled.c - see settled.h.
 *
 * Two passes: one for the newest, which says what counts, one for those like it. */
#include "control/settled.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HALF_LIVES = 10 };

struct reading {
    struct sprout_settled *to;
    sprout_instant now;
    sprout_span half_life;
    double squares
        [SPROUT_LEVELS_MAX]; /* sum of age times the square of what each stands for */
    bool any;
};

static void take_newest(void *ctx, const struct sprout_store_settled *s)
{
    struct reading *const r = ctx;
    r->any = true;
    snprintf(r->to->model, sizeof r->to->model, "%.*s", (int)s->model.len, s->model.ptr);
    snprintf(r->to->directives, sizeof r->to->directives, "%.*s", (int)s->directives.len,
             s->directives.ptr);
}

static double freshness(const struct reading *r, sprout_instant at)
{
    const double age = (double)(r->now.ns - at.ns);
    return exp2(-fmax(0, age) / (double)r->half_life.ns);
}

static void take(void *ctx, const struct sprout_store_settled *s)
{
    struct reading *const r = ctx;
    if (!sprout_str_eq(s->model, sprout_str_of(r->to->model)) ||
        !sprout_str_eq(s->directives, sprout_str_of(r->to->directives))) {
        return;
    }
    const double stands_for = s->weight > 0 ? s->weight : 1;
    const double w = freshness(r, s->at) * stands_for;
    const uint32_t known = s->right | s->wrong;
    r->to->prompts++;
    for (int l = 1; (known & 1) != 0 && l < SPROUT_LEVELS_MAX; l++) {
        struct sprout_accuracy_pairs *const p = &r->to->level[l];
        const bool l0 = (s->right & 1) != 0, level = (s->right >> l & 1) != 0;
        if ((known >> l & 1) != 0) {
            r->squares[l] += w * stands_for;
            *(l0 ? level ? &p->both : &p->l0 : level ? &p->level : &p->neither) += w;
        }
    }
}

static void scale_down(struct reading *r)
{
    for (int l = 1; l < SPROUT_LEVELS_MAX; l++) {
        struct sprout_accuracy_pairs *const p = &r->to->level[l];
        const double by =
            r->squares[l] > 0 ? sprout_accuracy_prompts(p) / r->squares[l] : 0;
        p->both *= by;
        p->l0 *= by;
        p->level *= by;
        p->neither *= by;
    }
}

enum sprout_status sprout_settled_read(struct sprout_store *s, sprout_instant now,
                                       sprout_span half_life, struct sprout_settled *out,
                                       struct sprout_error *err)
{
    struct reading r = {.to = out, .now = now, .half_life = half_life};
    const sprout_instant since = {now.ns - HALF_LIVES * half_life.ns};
    *out = (struct sprout_settled){.prompts = 0};
    enum sprout_status status = sprout_store_settled(s, since, take_newest, &r, err);
    if (status == SPROUT_OK && !r.any) {
        return sprout_fail(err, SPROUT_NOT_FOUND, "no answer settled by a reference yet");
    }
    if (status == SPROUT_OK) {
        status = sprout_store_settled(s, since, take, &r, err);
        scale_down(&r);
    }
    return status;
}
