/* SPDX-License-Identifier: Apache-2.0 */
/* policy_prompt.c - ours: it reads the prompt, and spends quality where the grid is dirty.
 *
 * Each prompt gets the level of least carbon - price * quality, as predicted from its text;
 * the price comes from core/budget: one floor over the window, planned anew each hour with a
 * forecast of the grid (core/forecast) from its past, and a hard floor for each hour.
 *
 * What the planner knows in hour h: the grid until now; predictions for the prompts served
 * in hours before h (in hour 0 the training set stands for them); verdicts of evaluations
 * drawn from served prompts.  A verdict says how far prediction and truth are apart at every
 * level of that prompt, so at every ratio.  These differences are kept by form of prompt,
 * shrunk towards what training saw on held-out prompts, and correct the account of what was
 * delivered as well as what is planned.  They train nothing.
 * Not known: tasks, the mix, truths, the grid ahead. */
#include "sim/policy.h"

#include <stdlib.h>

#include "base/hash.h"
#include "core/budget.h"
#include "core/forecast.h"
#include "core/instant.h"
#include "sim/prompts.h"

enum {
    RATIOS = SPROUT_PROMPT_RATIOS,
    FORMS = SPROUT_PROMPT_FORMS,
    EVALUATE_EVERY = 18, /* hours */
    EVALUATE_FIRST = 5,
    TRUST = 400,          /* verdicts per form that weigh as much as the training set */
    CAUTION_BASE = 1500,  /* verdicts' worth of trust in the predictor alone */
    HISTORY = 24 * 7 * 8, /* hours of the grid's past that forecasts may use */
};

#define VERDICT_SD    0.62            /* of a verdict's difference from its prediction */
#define CAUTION       1.5             /* standard deviations kept in hand */
#define HOURLY_MARGIN 0.04            /* kept above the hard floor */
#define MEMORY        (1 - 1 / 168.0) /* of the traffic's composition, per hour */

/* Differences between found and predicted quality, and what of it serving has to bear. */
struct account {
    double sum[FORMS][RATIOS]; /* of verdicts */
    double sum_l0[FORMS];
    double verdicts[FORMS];
    double off[FORMS][RATIOS]; /* the estimate in force */
    double off_l0[FORMS];
    double all_verdicts;
    double served[FORMS][RATIOS]; /* requests at each ratio, in hours' worth */
    double served_l0[FORMS];
    double predicted; /* sum over hours of predicted quality */
    double predicted_l0;
};

struct planner {
    const struct sprout_world *w;
    const struct sprout_sim_settings *s;
    const struct sprout_prompts *p;
    struct account account;
    struct sprout_prompt_view seen; /* composition of traffic: a fading mean */
    struct sprout_prompt_view now;  /* of the last hour */
    double curve[RATIOS];
    double *grams_per_token; /* owned: of the hours ahead */
    sprout_g_per_kwh *ahead; /* owned */
    sprout_g_per_kwh past[HISTORY];
    double floor;
    double hourly_floor;
};

/* ---- views --------------------------------------------------------------------------- */

enum { VIEW_NUMBERS = sizeof(struct sprout_prompt_view) / sizeof(double) };

/* to = keep * to + weight * from, number by number. */
static void blend_view(struct sprout_prompt_view *to, double keep,
                       const struct sprout_prompt_view *from, double weight)
{
    double *const t = (double *)to;
    const double *const f = (const double *)from;
    for (size_t i = 0; i < VIEW_NUMBERS; i++) {
        t[i] = keep * t[i] + weight * f[i];
    }
}

/* What the gateway saw of the requests of hour h. */
static void view_hour(const struct planner *pl, size_t h, struct sprout_prompt_view *out)
{
    *out = (struct sprout_prompt_view){.share = {0}};
    for (size_t t = 0; t < pl->p->requests->tasks; t++) {
        const int k = pl->w->task_of_request[t];
        if (k >= 0) {
            blend_view(out, 1, &pl->p->view[t], pl->w->hour[h].mix[k]);
        }
    }
}

static double quality_at(const struct account *a, const struct sprout_prompt_view *v,
                         size_t ratio)
{
    double sum = 0;
    for (size_t f = 0; f < FORMS; f++) {
        sum += v->predicted[ratio][f] + v->share[f] * a->off[f][ratio];
    }
    return sum;
}

static double quality_l0(const struct account *a, const struct sprout_prompt_view *v)
{
    double sum = 0;
    for (size_t f = 0; f < FORMS; f++) {
        sum += v->predicted_l0[f] + v->share[f] * a->off_l0[f];
    }
    return sum;
}

/* Standard deviation of what verdicts say of quality. */
static double doubt(const struct planner *pl)
{
    return VERDICT_SD / sqrt(pl->account.all_verdicts + CAUTION_BASE);
}

/* The curve of a composition; more ratio never means less quality.  Everything at L0 is a
 * point of it only where verdicts leave no doubt that it is better than what is predicted to
 * be best: a floor must be kept also by a predictor that is wrong. */
static struct sprout_budget_curve make_curve(struct planner *pl,
                                             const struct sprout_prompt_view *v)
{
    for (size_t k = 0; k < RATIOS; k++) {
        const double q = quality_at(&pl->account, v, k);
        pl->curve[k] = k > 0 ? fmax(q, pl->curve[k - 1]) : q;
    }
    const double l0 = quality_l0(&pl->account, v);
    const bool l0_best = l0 > pl->curve[SPROUT_PROMPT_ALL_L0 - 1] + CAUTION * doubt(pl);
    return (struct sprout_budget_curve){.ratio = pl->p->ratio,
                                        .quality = pl->curve,
                                        .quality_l0 = l0,
                                        .count = l0_best ? RATIOS : RATIOS - 1};
}

/* ---- the account --------------------------------------------------------------------- */

static void estimate(struct planner *pl)
{
    struct account *const a = &pl->account;
    for (size_t f = 0; f < FORMS; f++) {
        const double n = a->verdicts[f] + TRUST;
        a->off_l0[f] = (a->sum_l0[f] + TRUST * pl->p->flattery_l0) / n;
        for (size_t k = 0; k < RATIOS; k++) {
            a->off[f][k] = (a->sum[f][k] + TRUST * pl->p->flattery[k]) / n;
        }
    }
}

/* Quality delivered so far over the floor, in hours' worth. */
static double balance(const struct planner *pl)
{
    const struct account *const a = &pl->account;
    double sum = a->predicted - pl->floor * a->predicted_l0;
    for (size_t f = 0; f < FORMS; f++) {
        sum -= pl->floor * a->served_l0[f] * a->off_l0[f];
        for (size_t k = 0; k < RATIOS; k++) {
            sum += a->served[f][k] * a->off[f][k];
        }
    }
    return sum;
}

static void book(struct planner *pl, size_t ratio)
{
    struct account *const a = &pl->account;
    for (size_t f = 0; f < FORMS; f++) {
        a->predicted += pl->now.predicted[ratio][f];
        a->predicted_l0 += pl->now.predicted_l0[f];
        a->served[f][ratio] += pl->now.share[f];
        a->served_l0[f] += pl->now.share[f];
    }
}

static void close_account(struct account *a)
{
    memset(a->served, 0, sizeof a->served);
    memset(a->served_l0, 0, sizeof a->served_l0);
    a->predicted = a->predicted_l0 = 0;
}

/* ---- evaluation ---------------------------------------------------------------------- */

static double draw(const struct planner *pl, size_t h, int64_t i, uint64_t what)
{
    struct sprout_hash hash =
        sprout_hash_begin((struct sprout_hash_key){pl->s->seed, 0x70726f6d70740000u + h});
    sprout_hash_u64(&hash, (uint64_t)i);
    sprout_hash_u64(&hash, what);
    return sprout_hash_unit(sprout_hash_end(hash));
}

/* A judged prompt among those served since the evaluation before, up to hour h: a sample of
 * one hour would carry that hour's mix into the account of all. */
static const struct sprout_prompt_verdict *draw_prompt(const struct planner *pl, size_t h,
                                                       int64_t i)
{
    const size_t since = h < EVALUATE_EVERY ? h + 1 : EVALUATE_EVERY;
    const size_t served = h - (size_t)(draw(pl, h, i, 2) * (double)since);
    const size_t tasks = pl->p->requests->tasks;
    double u = draw(pl, h, i, 0);
    size_t t = tasks, last = tasks;
    for (size_t k = 0; k < tasks && t == tasks; k++) {
        const int m = pl->w->task_of_request[k];
        const double share = m >= 0 ? pl->w->hour[served].mix[m] : 0;
        if (share > 0 && pl->p->verdict_from[k + 1] > pl->p->verdict_from[k]) {
            last = k;
            t = u < share ? k : tasks;
            u -= share;
        }
    }
    t = t == tasks ? last : t;
    const size_t from = pl->p->verdict_from[t], n = pl->p->verdict_from[t + 1] - from;
    return &pl->p->verdict[from + (size_t)(draw(pl, h, i, 1) * (double)n)];
}

static void evaluate(struct planner *pl, size_t h)
{
    struct account *const a = &pl->account;
    for (int64_t i = 0; i < pl->s->draws; i++) {
        const struct sprout_prompt_verdict *const v = draw_prompt(pl, h, i);
        for (size_t k = 0; k < RATIOS; k++) {
            const int l = sprout_prompts_level(pl->p, k, v->request);
            a->sum[v->form][k] += v->found[l] - v->predicted[l];
        }
        a->sum_l0[v->form] += v->found[0] - v->predicted[0];
        a->verdicts[v->form]++;
        a->all_verdicts++;
    }
    estimate(pl);
}

/* ---- the plan ------------------------------------------------------------------------ */

static double token_grams(const struct planner *pl, sprout_g_per_kwh ci)
{
    return (double)sprout_predict_ng_per_token(&pl->w->in.carbon,
                                               &sprout_energy_llama2_13b, ci);
}

/* Hours of the budget's window that lie ahead, this one included. */
static size_t hours_ahead(const struct planner *pl, size_t h)
{
    const size_t window = pl->s->budget == SPROUT_BUDGET_HOUR  ? 1
                          : pl->s->budget == SPROUT_BUDGET_DAY ? 24
                                                               : pl->w->hours;
    const size_t end = (h / window + 1) * window;
    return (end < pl->w->hours ? end : pl->w->hours) - h;
}

/* Grams (here: nanograms) per token in the hours ahead, the first one known. */
static void forecast(struct planner *pl, size_t h, size_t ahead)
{
    const sprout_instant at = sprout_world_begins(pl->w, h);
    const size_t n = sprout_world_past(pl->w, h, pl->past, HISTORY);

    pl->ahead[0] = pl->w->hour[h].ci;
    sprout_forecast_make(&sprout_forecast_default, pl->past, n, sprout_instant_hour(at),
                         pl->ahead + 1, ahead - 1);
    for (size_t i = 0; i < ahead; i++) {
        pl->grams_per_token[i] = fmax(token_grams(pl, pl->ahead[i]), 1);
    }
}

static size_t decide(struct planner *pl, size_t h)
{
    const size_t ahead = hours_ahead(pl, h);
    const size_t window = pl->s->budget == SPROUT_BUDGET_WINDOW ? pl->w->hours : ahead;

    const double caution = pl->s->without & SPROUT_WITHOUT_CAUTION ? 0 : CAUTION;

    forecast(pl, h, ahead);
    struct sprout_budget_curve c = make_curve(pl, &pl->seen);
    const struct sprout_budget b = {.floor = pl->floor,
                                    .account = balance(pl),
                                    .caution = caution * doubt(pl) * (double)window,
                                    .grams_per_token = pl->grams_per_token,
                                    .hours = ahead};
    const double price = sprout_budget_price(&b, &c);
    const size_t at = sprout_budget_at(&c, price / pl->grams_per_token[0]);

    c = make_curve(pl, &pl->now);
    return sprout_budget_raise(&c, at, pl->hourly_floor + HOURLY_MARGIN);
}

static void serve(const struct planner *pl, size_t h, size_t ratio,
                  struct sprout_sim_hour *out, double right[SPROUT_TASKS_MAX])
{
    const struct sprout_world_hour *const hour = &pl->w->hour[h];
    for (size_t t = 0; t < pl->p->requests->tasks; t++) {
        const struct sprout_prompt_truth *const truth = &pl->p->truth[t];
        const int k = pl->w->task_of_request[t];
        if (k < 0 || hour->mix[k] <= 0) {
            continue;
        }
        out->grams +=
            hour->mix[k] * sprout_world_grams(pl->w, hour,
                                              (sprout_joules){truth->joules[ratio]},
                                              (sprout_seconds){truth->seconds[ratio]});
        out->quality += hour->mix[k] * truth->quality[ratio];
        right[k] += hour->mix[k] * truth->right[ratio];
        for (int l = 0; l < SPROUT_SIM_LEVELS; l++) {
            out->mix[l] += hour->mix[k] * truth->level[ratio][l];
        }
    }
    out->floor = pl->hourly_floor;
}

/* ---- the run ------------------------------------------------------------------------- */

static void finish_accuracy(const struct planner *pl, struct sprout_sim_run *run)
{
    run->own_accuracy = true;
    for (size_t k = 0; k < pl->w->tasks; k++) {
        double weight = 0;
        for (size_t h = 0; h < run->hours; h++) {
            weight += pl->w->hour[h].mix[k];
        }
        run->accuracy[k] /= weight;
    }
}

static void run_hours(struct planner *pl, struct sprout_sim_run *run)
{
    estimate(pl);
    pl->seen = pl->now = pl->p->start;
    for (size_t h = 0; h < pl->w->hours; h++) {
        const size_t ratio = decide(pl, h);
        serve(pl, h, ratio, &run->hour[h], run->accuracy);
        view_hour(pl, h, &pl->now);
        blend_view(&pl->seen, h > 0 ? MEMORY : 0, &pl->now, h > 0 ? 1 - MEMORY : 1);
        book(pl, ratio);
        run->hour[h].evaluated = h % EVALUATE_EVERY == EVALUATE_FIRST;
        if (run->hour[h].evaluated && (pl->s->without & SPROUT_WITHOUT_VERDICTS) == 0) {
            evaluate(pl, h);
        }
        if (hours_ahead(pl, h) == 1) {
            close_account(&pl->account);
        }
    }
    finish_accuracy(pl, run);
}

enum sprout_status sprout_sim_prompt(const struct sprout_world *w,
                                     const struct sprout_sim_settings *s,
                                     struct sprout_sim_run *run, struct sprout_error *err)
{
    if (s->prompts == NULL || !s->prompts->trained) {
        return sprout_fail(err, SPROUT_USAGE,
                           "policy 'prompt' needs a folder to learn from: --train DIR");
    }
    struct planner *const pl = calloc(1, sizeof *pl);
    double *const grams = calloc(w->hours, sizeof *grams);
    sprout_g_per_kwh *const ahead = calloc(w->hours, sizeof *ahead);
    if (pl == NULL || grams == NULL || ahead == NULL) {
        free(pl);
        free(grams);
        free(ahead);
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    pl->w = w;
    pl->s = s;
    pl->p = s->prompts;
    pl->grams_per_token = grams;
    pl->ahead = ahead;
    pl->floor = isnan(s->floor) ? 1 - s->xi / 2 : s->floor;
    pl->hourly_floor = isnan(s->hourly_floor) ? pl->floor - 0.10 : s->hourly_floor;
    run->pooled = true;
    run->floor = pl->floor;
    run_hours(pl, run);
    free(grams);
    free(ahead);
    free(pl);
    return SPROUT_OK;
}
