/* SPDX-License-Identifier: Apache-2.0 */
/* judging.c - see judging.h. */
#include "sim/judging.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "core/evaluation.h"
#include "core/forecast.h"
#include "core/instant.h"
#include "core/prior.h"
#include "core/quality.h"

enum {
    L = SPROUT_SIM_LEVELS,
    AHEAD = 24,
    PAST = 2 * SPROUT_FORECAST_WEEK,
    PAST_MIN = 24,
    VERDICTS_MAX = 100000, /* as control: the oldest half makes room */
    QUESTIONS = 2,         /* of best-of */
};

#define CERTAINTY 0.9 /* quality.certainty of the configuration, by default */

struct sprout_judging {
    const struct sprout_world *w;
    const struct sprout_sim_settings *s;
    struct sprout_quality_verdict *v; /* owned, VERDICTS_MAX */
    size_t count;
    int64_t runs, items;
    int64_t since;  /* hours */
    double caution; /* g a request, of the last hour; NaN: not known */
    sprout_joules served, spent;
    struct sprout_belief belief[L]; /* of energy, as the last hour showed it */
    struct sprout_quality_opts opts;
    struct sprout_quality_fit fit;
    bool usable; /* the judge's card lets its verdicts be used */
};

double sprout_judging_draw(const struct sprout_sim_settings *s, size_t h, int64_t i,
                           uint64_t what)
{
    struct sprout_hash hash =
        sprout_hash_begin((struct sprout_hash_key){s->seed, (uint64_t)h});
    sprout_hash_u64(&hash, (uint64_t)i);
    sprout_hash_u64(&hash, what);
    return sprout_hash_unit(sprout_hash_end(hash));
}

struct sprout_judging *sprout_judging_new(const struct sprout_world *w,
                                          const struct sprout_sim_settings *s)
{
    struct sprout_judging *const j = calloc(1, sizeof *j);
    if (j == NULL) {
        return NULL;
    }
    j->v = calloc(VERDICTS_MAX, sizeof *j->v);
    if (j->v == NULL) {
        free(j);
        return NULL;
    }
    j->w = w;
    j->s = s;
    j->since = sprout_invocation_paper.max_wait; /* there was none, as far as one knows */
    j->caution = NAN;
    sprout_prior_beliefs(&sprout_energy_llama2_13b, L, j->belief);
    j->opts = (struct sprout_quality_opts){.levels = L, .strata = 1};
    for (int l = 0; l < L; l++) {
        j->opts.prior[l] = j->belief[l].quality;
    }
    return j;
}

void sprout_judging_free(struct sprout_judging *j)
{
    if (j != NULL) {
        free(j->v);
        free(j);
    }
}

/* ---- when ------------------------------------------------------------------------------ */

/* The coming hours from those up to this one; how many, 0 with less than a day of them. */
static size_t look_ahead(const struct sprout_world *w, size_t h,
                         sprout_g_per_kwh out[AHEAD])
{
    sprout_g_per_kwh past[PAST];
    const size_t n = sprout_world_past(w, h, past, PAST);

    if (n < PAST_MIN) {
        return 0;
    }
    sprout_forecast_make(&sprout_forecast_default, past, n,
                         sprout_instant_hour(sprout_world_begins(w, h)), out, AHEAD);
    return AHEAD;
}

bool sprout_judging_due(const struct sprout_world *w, const struct sprout_sim_settings *s,
                        size_t h, int64_t since, sprout_g_per_kwh worth)
{
    const struct sprout_invocation_rule *const rule = &sprout_invocation_paper;
    sprout_g_per_kwh ahead[AHEAD];

    if (s->invocation == SPROUT_INVOCATION_FORECAST) {
        const size_t n = look_ahead(w, h, ahead);
        return sprout_invocation_wait(rule, since, w->hour[h].ci, ahead, n,
                                      w->hour[h].mean, worth)
                   .best == 0;
    }
    const sprout_g_per_kwh recent[3] = {
        h > 1 ? w->hour[h - 2].ci : (sprout_g_per_kwh){NAN},
        h > 0 ? w->hour[h - 1].ci : (sprout_g_per_kwh){NAN}, w->hour[h].ci};
    return sprout_invocation_due(rule, since, recent, w->hour[h].mean);
}

static int64_t affordable(const struct sprout_judging *j, sprout_joules *out_one)
{
    const struct sprout_evaluation_price p =
        sprout_evaluation_price(j->belief, L, SPROUT_JUDGE_BEST_OF,
                                &sprout_energy_llama2_13b, SPROUT_PRIOR_PROMPT_TOKENS);
    out_one->v = p.answers.v + p.judge.v;
    return sprout_evaluation_size(j->s->share, j->served, j->spent, *out_one,
                                  j->s->draws);
}

static sprout_g_per_kwh worth_of(const struct sprout_judging *j, int64_t n,
                                 sprout_joules one)
{
    const struct sprout_invocation_stake stake = {
        .requests = j->s->traffic,
        .caution = {j->usable ? j->caution : (double)NAN},
        .known = SPROUT_QUALITY_PRIOR_WEIGHT + j->fit.whole.n,
        .more = (double)n,
        .energy = {(double)n * one.v},
    };
    return sprout_invocation_worth(&stake);
}

/* ---- verdicts -------------------------------------------------------------------------- */

static size_t draw_task(const struct sprout_judging *j, size_t h, int64_t i)
{
    const double *const mix = j->w->hour[h].mix;
    double u = sprout_judging_draw(j->s, h, i, 0);
    size_t k = 0;
    while (k + 1 < j->w->tasks && u >= mix[k]) {
        u -= mix[k++];
    }
    return k;
}

static int draw_winner(const struct sprout_judging *j, size_t h, int64_t i, size_t task)
{
    const double *const q = j->w->task[task].preferred;
    double u = sprout_judging_draw(j->s, h, i, 1) * (q[0] + q[1] + q[2]);
    int l = 0;
    while (l < L - 1 && u >= q[l]) {
        u -= q[l++];
    }
    return l;
}

static void keep_verdict(struct sprout_judging *j, size_t h, int question, int best)
{
    if (j->count == VERDICTS_MAX) {
        j->count -= VERDICTS_MAX / 2;
        memmove(j->v, j->v + VERDICTS_MAX / 2, j->count * sizeof *j->v);
    }
    struct sprout_quality_verdict *const v = &j->v[j->count++];
    *v = (struct sprout_quality_verdict){
        .run = j->runs,
        .item = j->items,
        .question = question,
        .best = UINT32_C(1) << best,
        .at = sprout_world_begins(j->w, h),
    };
    v->slots = sprout_judge_order(SPROUT_JUDGE_BEST_OF, L, j->items, question, v->shown);
}

/* What one prompt of the task costs, answers and judge. */
static double pay(const struct sprout_judging *j, size_t task)
{
    const struct sprout_task_means *const t = &j->w->task[task];
    const double *const c = sprout_energy_llama2_13b.joules;
    struct sprout_belief level[L];

    for (int l = 0; l < L; l++) {
        level[l] = (struct sprout_belief){
            .energy = t->energy[l],
            .time = t->time[l],
            .output_tokens = fmax((t->energy[l].v - c[0]) / c[2], 0),
        };
    }
    const struct sprout_evaluation_price p =
        sprout_evaluation_price(level, L, SPROUT_JUDGE_BEST_OF, &sprout_energy_llama2_13b,
                                SPROUT_PRIOR_PROMPT_TOKENS);
    return p.answers.v + p.judge.v;
}

static void judge(struct sprout_judging *j, size_t h, int64_t n)
{
    j->runs++;
    for (int64_t i = 0; i < n; i++) {
        const size_t task = draw_task(j, h, i);
        const int best = draw_winner(j, h, i, task);
        for (int q = 0; q < QUESTIONS; q++) {
            keep_verdict(j, h, q, best);
        }
        j->items++;
        j->spent.v += pay(j, task);
    }
    j->opts.now = sprout_world_begins(j->w, h);
    sprout_quality_fit(j->v, j->count, &j->opts, &j->fit);
    j->usable = sprout_judge_card(j->v, j->count).fault == SPROUT_JUDGE_USABLE;
}

int64_t sprout_judging_turn(struct sprout_judging *j, size_t h)
{
    sprout_joules one;
    const int64_t n = affordable(j, &one);

    if (n == 0 || !sprout_judging_due(j->w, j->s, h, j->since, worth_of(j, n, one))) {
        return 0;
    }
    judge(j, h, n);
    j->since = 0;
    return n;
}

/* ---- the hour -------------------------------------------------------------------------- */

void sprout_judging_quality(const struct sprout_judging *j, double out_taken[L],
                            double out_mean[L])
{
    for (int l = 0; l < L; l++) {
        const struct sprout_quality *const q = &j->fit.whole;
        out_mean[l] =
            j->usable ? q->alpha[l] / q->alpha[0] : j->opts.prior[l] / j->opts.prior[0];
        out_taken[l] = j->usable ? sprout_quality_cautious(q, l, CERTAINTY) : out_mean[l];
    }
}

void sprout_judging_served(struct sprout_judging *j, size_t h, const double mix[L],
                           double caution)
{
    const struct sprout_world_hour *const hour = &j->w->hour[h];
    const double *const c = sprout_energy_llama2_13b.joules;

    for (int l = 0; l < L; l++) {
        j->served.v += j->s->traffic * mix[l] * hour->energy[l].v;
        j->belief[l].energy = hour->energy[l];
        j->belief[l].output_tokens = fmax((hour->energy[l].v - c[0]) / c[2], 0);
    }
    j->caution = caution;
    j->since++;
}

double sprout_judging_spent(const struct sprout_judging *j)
{
    return j->spent.v;
}

double sprout_judging_served_joules(const struct sprout_judging *j)
{
    return j->served.v;
}
