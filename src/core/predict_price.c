/* SPDX-License-Identifier: Apache-2.0 */
/* predict_price.c - see predict_price.h. */
#include "core/predict_price.h"

#include "core/optimize_two.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS };

/* Decisions are in whole nanograms: the margin is wide enough for two roundings, and for two
 * more where accuracy has a price. */
enum { TIE_NG = 3 };

#define NG_QUALITY_MAX 1e15

/* The samples as items: arrays of `count` times `options`. */
struct problem {
    struct sprout_item *item;
    double **mix;
    double *cost;
    double *quality;
    double *share;
    const double **accuracy; /* of each item: of_level */
    double of_level[LEVELS]; /* accuracy of each option */
    size_t count;
    size_t options;
    int level[LEVELS]; /* of each option */
};

size_t sprout_predict_price_memory(size_t count)
{
    return count * (sizeof(struct sprout_item) + sizeof(double *)) +
           3 * count * LEVELS * sizeof(double) + count * sizeof(double *) +
           sprout_optimize_two_scratch(count, count * LEVELS) + 1024;
}

static bool allocate(struct problem *p, struct sprout_arena *arena)
{
    const size_t all = p->count * LEVELS;
    p->item = sprout_arena_array(arena, p->count, sizeof *p->item);
    p->mix = sprout_arena_array(arena, p->count, sizeof *p->mix);
    p->cost = sprout_arena_array(arena, all, sizeof *p->cost);
    p->quality = sprout_arena_array(arena, all, sizeof *p->quality);
    p->share = sprout_arena_array(arena, all, sizeof *p->share);
    p->accuracy = sprout_arena_array(arena, p->count, sizeof *p->accuracy);
    return !arena->spent;
}

static void pose(struct problem *p, const struct sprout_predict_sample *samples,
                 const struct sprout_predict_goal *g)
{
    for (int l = 0; l < LEVELS; l++) {
        if (sprout_predict_goal_allows(g, l)) {
            p->of_level[p->options] = g->accuracy[l];
            p->level[p->options++] = l;
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        const size_t at = i * p->options;
        for (size_t k = 0; k < p->options; k++) {
            p->cost[at + k] = sprout_predict_sample_tokens(&samples[i], p->level[k]);
            p->quality[at + k] =
                sprout_predict_sample_quality(&samples[i], g, p->level[k]);
        }
        p->item[i] = (struct sprout_item){1, p->cost + at, p->quality + at, p->options};
        p->mix[i] = p->share + at;
        p->accuracy[i] = p->of_level;
    }
}

/* Share that the one prompt at the margin gives to its better level. */
static int32_t split_of(const struct problem *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const double *const x = p->mix[i];
        int best = -1;
        bool split = false;
        for (size_t k = 0; k < p->options; k++) {
            if (x[k] > 0 && x[k] < 1) {
                split = true;
                best = best < 0 || p->item[i].quality[k] > p->item[i].quality[best]
                           ? (int)k
                           : best;
            }
        }
        if (split) {
            return (int32_t)llround(x[best] * SPROUT_PREDICT_ONE);
        }
    }
    return SPROUT_PREDICT_ONE;
}

static void sum_up(const struct problem *p, double quality_l0, double tokens_l0,
                   const struct sprout_optimum_two *best,
                   struct sprout_predict_price *out)
{
    const double n = (double)p->count;
    out->feasible = best->feasible;
    out->quality = quality_l0 > 0 ? best->quality / quality_l0 : NAN;
    out->accuracy = best->accuracy / n;
    out->tokens = best->cost / n;
    out->tokens_l0 = tokens_l0 / n;
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->options; k++) {
            out->mix[p->level[k]] += p->mix[i][k] / n;
        }
    }
}

static enum sprout_status solve_one(const struct problem *p, double floor,
                                    struct sprout_arena *arena,
                                    struct sprout_optimum_two *out,
                                    struct sprout_error *err)
{
    struct sprout_optimum best = {0};
    const enum sprout_status s = sprout_optimize(p->item, p->count, SPROUT_GOAL_FLOOR,
                                                 floor, arena, p->mix, &best, err);
    *out = sprout_optimize_without(&best);
    return s;
}

/* The best quality that accuracy leaves: its price is in quality.  Cost is not looked at. */
static enum sprout_status solve_accuracy(struct problem *p, double floor,
                                         struct sprout_arena *arena,
                                         struct sprout_optimum_two *out,
                                         struct sprout_error *err)
{
    struct sprout_optimum best = {0};
    double *const minus = sprout_arena_array(arena, p->count * p->options, sizeof *minus);
    struct sprout_item *const item = sprout_arena_array(arena, p->count, sizeof *item);
    if (arena->spent) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a price");
    }
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->options; k++) {
            minus[i * p->options + k] = -p->item[i].quality[k];
        }
        item[i] =
            (struct sprout_item){1, minus + i * p->options, p->of_level, p->options};
    }
    const enum sprout_status s = sprout_optimize(item, p->count, SPROUT_GOAL_FLOOR, floor,
                                                 arena, p->mix, &best, err);
    *out = (struct sprout_optimum_two){
        .quality = -best.cost, .accuracy = best.quality, .accuracy_price = best.price};
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->options; k++) {
            out->cost += p->mix[i][k] * p->item[i].cost[k];
        }
    }
    return s;
}

static int64_t ng_of(double price, double ng_per_unit)
{
    const double ng = price * ng_per_unit;
    return ng < NG_QUALITY_MAX ? (int64_t)llround(ng) : (int64_t)NG_QUALITY_MAX;
}

static enum sprout_status solve(struct problem *p, double quality_l0,
                                const struct sprout_predict_goal *g,
                                struct sprout_arena *arena,
                                struct sprout_optimum_two *best,
                                struct sprout_predict_price *out,
                                struct sprout_error *err)
{
    const double floor = (g->floor + g->caution) * quality_l0;
    const double accuracy = g->accuracy_floor * (double)p->count;
    const struct sprout_arena all = *arena;
    const double ng = (double)g->ng_per_token;
    enum sprout_status s =
        g->accuracy_floor > 0 ? sprout_optimize_two(p->item, p->accuracy, p->count, floor,
                                                    accuracy, arena, p->mix, best, err)
                              : solve_one(p, floor, arena, best, err);
    out->ng_per_quality =
        best->feasible ? ng_of(best->price, ng) : (int64_t)NG_QUALITY_MAX;
    out->ng_per_accuracy = ng_of(best->accuracy_price, ng);
    if (s == SPROUT_OK && !best->feasible && g->accuracy_floor > 0) {
        *arena = all;
        s = solve_accuracy(p, accuracy, arena, best, err);
        /* Prices far above that of carbon, and in their proportion. */
        const double most = fmax(1, best->accuracy_price);
        out->ng_per_quality = ng_of(1 / most, NG_QUALITY_MAX);
        out->ng_per_accuracy = ng_of(best->accuracy_price / most, NG_QUALITY_MAX);
    }
    return s;
}

enum sprout_status sprout_predict_price_find(const struct sprout_predict_sample *samples,
                                             size_t count,
                                             const struct sprout_predict_goal *goal,
                                             struct sprout_arena *arena,
                                             struct sprout_predict_price *out,
                                             struct sprout_error *err)
{
    struct problem p = {.count = count};
    struct sprout_optimum_two best = {0};
    double quality_l0 = 0;
    double tokens_l0 = 0;

    if (count == 0 || count > SPROUT_PREDICT_SAMPLES_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "found %zu samples, expected 1 to %d",
                           count, SPROUT_PREDICT_SAMPLES_MAX);
    }
    if (!allocate(&p, arena)) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a price");
    }
    pose(&p, samples, goal);
    for (size_t i = 0; i < count; i++) {
        quality_l0 += sprout_predict_sample_quality(&samples[i], goal, 0);
        tokens_l0 += sprout_predict_sample_tokens(&samples[i], 0);
    }
    struct sprout_predict_price price = {.tie_ng = TIE_NG};
    const enum sprout_status s = solve(&p, quality_l0, goal, arena, &best, &price, err);
    if (s == SPROUT_OK) {
        price.tie_ng += price.ng_per_accuracy > 0 ? 2 : 0;
        price.split = split_of(&p);
        sum_up(&p, quality_l0, tokens_l0, &best, &price);
        *out = price;
    }
    return s;
}
