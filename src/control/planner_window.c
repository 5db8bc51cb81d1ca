/* SPDX-License-Identifier: Apache-2.0 */
/* planner_window.c - one floor over the hours of a window: quality is spent where the grid
 * is clean.
 *
 * What this hour must give follows from three things: the account, which is the quality
 * delivered in the window so far over the floor; the hours ahead, with the grid they are
 * foretold and the requests expected in them; and the hourly floor, which no hour falls under.
 * Until a day of traffic was seen, nobody knows whether an hour ahead can pay back what this
 * one borrows: the floor is then kept in each hour, and the account only kept.
 * The plan is made anew with every grid value and every hour, and the account with it, so
 * estimates that were off are made up for until the window ends.
 *
 * The account is in requests' worth of L0's quality: sum over what was served of
 * (quality relative to L0 - floor).  The quality of a request is what the predictor said of
 * it, and what is believed of its level where it said nothing, both as verdicts correct them
 * now; so a verdict corrects what was served before it, too.
 * Not here: what was served and what is expected (window.h), rules with levels or a floor of
 * their own (they keep it in each hour). */
#include "control/planner_inner.h"

#include "core/budget.h"
#include "core/predict_curve.h"

enum { OPTIONS = SPROUT_LEVELS_MAX + 1, TRAFFIC_HOURS_MIN = 24 };

/* ---- the account ----------------------------------------------------------------------- */

struct delivered {
    int64_t requests;
    double sum; /* of quality relative to L0 */
};

/* Of level l, summed over what was predicted; of some the kind is not known. */
static double corrections(const struct plan *p, const struct sprout_plan_served *s,
                          size_t l)
{
    const struct sprout_policy_predictor *const off = &p->policy->predictor;
    double sum = (double)s->predicted * off->correction[l];
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        sum += (double)s->of_kind[k] * off->kind_correction[k][l];
    }
    return sum;
}

static struct delivered add_up(const struct plan *p)
{
    const bool known = p->in->predictor != NULL && p->levels == SPROUT_PREDICT_LEVELS;
    struct delivered d = {0};
    double quality = 0, quality_l0 = 0;
    int64_t predicted = 0;
    for (size_t l = 0; l < p->levels; l++) {
        const struct sprout_plan_served *const s = &p->in->window->served[l];
        const int64_t n = known ? s->predicted : 0;
        d.requests += s->requests;
        d.sum += (double)(s->requests - n) *
                 (isfinite(p->why->quality[l]) ? p->why->quality[l] : 0);
        predicted += n;
        if (n > 0) {
            quality += s->quality + corrections(p, s, l);
            quality_l0 += s->quality_l0 + corrections(p, s, 0);
        }
    }
    if (predicted > 0 && quality_l0 > 0) {
        d.sum += (double)predicted * quality / quality_l0;
    }
    return d;
}

static double account(const struct plan *p, double floor)
{
    const struct delivered d = add_up(p);
    return d.sum - floor * (double)d.requests;
}

void sprout_plan_window_begin(struct plan *p)
{
    const struct sprout_plan_window *const w = p->in->window;
    struct sprout_plan_windowed *const why = &p->why->window;
    const bool known = isfinite(p->why->grams[0].v) && isfinite(p->why->quality[0]);
    if (w == NULL || w->hours == 0 || !known) {
        return;
    }
    *why = (struct sprout_plan_windowed){
        .used = true,
        .acts = w->traffic_hours >= TRAFFIC_HOURS_MIN,
        .traffic_hours = w->traffic_hours,
        .in_reach = true,
        .kind = w->kind,
        .start = w->start,
        .end = w->end,
        .hours = (int64_t)w->hours,
        .floor = p->policy->floor,
        .hourly_floor = sprout_config_hourly_floor(&p->in->config->quality),
    };
    for (size_t h = 0; h < w->hours; h++) {
        const bool told = h > 0 && !isnan(w->hour[h].intensity.v);
        why->expected += w->weight[h];
        *(w->hour[h].ours ? &why->ours : &why->foretold) += told;
    }
    /* Only for its corrections, where there is what to make them of. */
    (void)sprout_plan_predict_begin(p);
    const struct delivered d = add_up(p);
    why->requests = d.requests;
    why->quality = d.requests > 0 ? d.sum / (double)d.requests : (double)NAN;
    why->account = d.sum - why->floor * (double)d.requests;
}

/* Of an hour ahead, as foretold; else as now. */
static sprout_g_per_kwh intensity_in(const struct plan *p, size_t hour)
{
    const sprout_g_per_kwh v = p->in->window->hour[hour].intensity;
    return hour == 0 || isnan(v.v) ? p->policy->grid.intensity : v;
}

/* ---- without predictions: hours as items of the optimum -------------------------------- */

/* One hour: what may be done in it without falling under its floor. */
struct hour {
    double cost[OPTIONS]; /* the first is the cheapest mix that keeps the hourly floor */
    double quality[OPTIONS];
    size_t level[OPTIONS];           /* from the second on */
    double least[SPROUT_LEVELS_MAX]; /* the first one's shares */
    size_t options;
    bool raised; /* the first is dearer than the cheapest level */
};

/* The levels that can be weighed, at a grid value. */
static size_t weigh(const struct plan *p, sprout_g_per_kwh at, double *cost,
                    double *quality, size_t *level)
{
    const uint32_t allowed = sprout_plan_levels(p);
    const struct sprout_belief *const b = p->stratum->level;
    size_t n = 0;
    for (size_t l = 0; l < p->levels; l++) {
        const double grams =
            sprout_carbon_of(&p->policy->carbon, at, b[l].energy, b[l].time).v;
        if ((allowed >> l & 1) != 0 && isfinite(grams) && isfinite(p->why->quality[l])) {
            cost[n] = grams;
            quality[n] = p->why->quality[l];
            level[n++] = l;
        }
    }
    return n;
}

/* The hull of an hour begins where its floor is met; what lies above are its levels. */
static enum sprout_status make_hour(struct plan *p, size_t at,
                                    struct sprout_arena scratch, struct hour *out)
{
    double cost[SPROUT_LEVELS_MAX], quality[SPROUT_LEVELS_MAX];
    double share[SPROUT_LEVELS_MAX];
    size_t level[SPROUT_LEVELS_MAX];
    struct sprout_optimum best;
    double *mix = share;
    const size_t n = weigh(p, intensity_in(p, at), cost, quality, level);
    const struct sprout_item item = {1, cost, quality, n};
    const enum sprout_status status =
        sprout_optimize(&item, 1, SPROUT_GOAL_FLOOR, p->why->window.hourly_floor,
                        &scratch, &mix, &best, p->err);
    if (status != SPROUT_OK) {
        return status;
    }
    *out = (struct hour){.cost = {best.cost}, .quality = {best.quality}, .options = 1};
    out->raised = best.price > 0;
    for (size_t i = 0; i < n; i++) {
        out->least[level[i]] = share[i];
        if (quality[i] > best.quality) {
            out->cost[out->options] = cost[i];
            out->quality[out->options] = quality[i];
            out->level[out->options++] = level[i];
        }
    }
    return SPROUT_OK;
}

static void take_mix(struct plan *p, const struct hour *now, const double *share,
                     double *out_mix, struct sprout_optimum *out)
{
    memset(out_mix, 0, SPROUT_LEVELS_MAX * sizeof *out_mix);
    out->cost = out->quality = 0;
    for (size_t l = 0; l < p->levels; l++) {
        out_mix[l] = share[0] * now->least[l];
    }
    for (size_t i = 1; i < now->options; i++) {
        out_mix[now->level[i]] += share[i];
    }
    for (size_t i = 0; i < now->options; i++) {
        out->cost += share[i] * now->cost[i];
        out->quality += share[i] * now->quality[i];
    }
    p->why->window.raised = now->raised && share[0] >= 1 - SPROUT_SHARE_TOLERANCE;
    p->why->window.in_reach = out->feasible;
}

/* The hours ahead as items; those of one grid value are one, and so share one mix. */
struct ahead {
    struct hour *hour;
    struct sprout_item *item;
    double **mix;
    double (*share)[OPTIONS];
    double *grid; /* g/kWh of each item */
    size_t count;
    double weight; /* of all */
};

static bool make_room(struct ahead *a, size_t hours, struct sprout_arena *arena)
{
    *a = (struct ahead){
        .hour = sprout_arena_array(arena, hours, sizeof *a->hour),
        .item = sprout_arena_array(arena, hours, sizeof *a->item),
        .mix = sprout_arena_array(arena, hours, sizeof *a->mix),
        .share = sprout_arena_array(arena, hours, sizeof *a->share),
        .grid = sprout_arena_array(arena, hours, sizeof *a->grid),
    };
    return !arena->spent;
}

static enum sprout_status add_hour(struct plan *p, size_t h, struct sprout_arena scratch,
                                   struct ahead *a)
{
    const double grid = intensity_in(p, h).v, weight = p->in->window->weight[h];
    size_t i = 0;
    while (i < a->count && (a->grid[i] < grid || a->grid[i] > grid)) {
        i++;
    }
    a->weight += weight;
    if (i < a->count) {
        a->item[i].weight += weight;
        return SPROUT_OK;
    }
    const enum sprout_status status = make_hour(p, h, scratch, &a->hour[i]);
    a->item[i] = (struct sprout_item){weight, a->hour[i].cost, a->hour[i].quality,
                                      a->hour[i].options};
    a->mix[i] = a->share[i];
    a->grid[i] = grid;
    a->count++;
    return status;
}

enum sprout_status sprout_plan_window_mix(struct plan *p, double *out_mix,
                                          struct sprout_optimum *out)
{
    const size_t hours = p->in->window->hours;
    const size_t size = sprout_optimize_scratch(hours, hours * OPTIONS);
    const double in_hand = account(p, p->policy->floor);
    struct sprout_arena scratch = *p->arena; /* given back when this returns */
    struct ahead a;
    enum sprout_status status = SPROUT_OK;

    const bool room = make_room(&a, hours, &scratch);
    struct sprout_arena left = sprout_arena_of(sprout_arena_alloc(&scratch, size), size);
    if (!room || scratch.spent) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    for (size_t h = 0; status == SPROUT_OK && h < hours; h++) {
        status = add_hour(p, h, left, &a);
    }
    if (status == SPROUT_OK) {
        status = sprout_optimize(a.item, a.count, SPROUT_GOAL_FLOOR,
                                 a.weight * p->policy->floor - in_hand, &left, a.mix, out,
                                 p->err);
    }
    if (status == SPROUT_OK) {
        take_mix(p, &a.hour[0], a.share[0], out_mix, out);
    }
    return status;
}

/* ---- with predictions: one price for all prompts of all hours --------------------------- */

/* The budget of what is ahead; grams are nanograms, its array lies in `arena`. */
static bool make_budget(const struct plan *p, double caution,
                        const struct sprout_predict_curve *curve,
                        struct sprout_arena *arena, struct sprout_budget *out)
{
    const struct sprout_plan_window *const w = p->in->window;
    const struct sprout_energy_profile *const profile =
        sprout_policy_profile(p->policy, SPROUT_STR(""));
    double *const ng = sprout_arena_array(arena, w->hours, sizeof *ng);
    *out = (struct sprout_budget){
        .floor = p->policy->floor + caution,
        .account = curve->quality_l0 * account(p, p->policy->floor + caution),
        .grams_per_token = ng,
        .weight = w->weight,
        .hours = w->hours,
    };
    for (size_t h = 0; ng != NULL && h < w->hours; h++) {
        ng[h] = fmax(1, (double)sprout_predict_ng_per_token(&p->policy->carbon, profile,
                                                            intensity_in(p, h)));
    }
    return ng != NULL;
}

static void take_point(const struct plan *p, const struct sprout_predict_curve *curve,
                       size_t at, struct sprout_predict_price *out)
{
    const double ng_max = 1e15;
    const double ng = curve->ratio[at] * (double)p->policy->predictor.ng_per_token;
    *out = (struct sprout_predict_price){
        .ng_per_quality = llround(fmin(ng, ng_max)),
        .split = SPROUT_PREDICT_ONE,
        .feasible = p->why->window.in_reach,
        .quality =
            curve->quality_l0 > 0 ? curve->quality[at] / curve->quality_l0 : (double)NAN,
        .tokens = curve->tokens[at],
        .tokens_l0 = curve->tokens_l0,
    };
    memcpy(out->mix, curve->mix[at], sizeof out->mix);
}

enum sprout_status sprout_plan_window_price(struct plan *p, double caution,
                                            struct sprout_predict_price *out)
{
    struct sprout_predict_goal goal = {.levels = sprout_plan_levels(p)};
    struct sprout_arena scratch = *p->arena;
    struct sprout_predict_curve *const curve =
        sprout_arena_alloc(&scratch, sizeof *curve);
    struct sprout_budget b;

    if (curve == NULL) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    sprout_plan_corrections(p, &goal);
    sprout_predict_curve_make(p->in->samples, p->in->sample_count, &goal, curve);
    if (!make_budget(p, caution, curve, &scratch, &b)) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    const struct sprout_budget_curve c = {curve->ratio, curve->quality, curve->quality_l0,
                                          curve->count};
    b.least = sprout_budget_raise(&c, 0, p->why->window.hourly_floor + caution);
    const size_t at =
        sprout_budget_at(&c, sprout_budget_price(&b, &c) / b.grams_per_token[0]);
    p->why->window.in_reach = sprout_budget_left(&b, &c, INFINITY) >= 0;
    p->why->window.raised = at < b.least;
    take_point(p, curve, at < b.least ? b.least : at, out);
    return SPROUT_OK;
}
