/* SPDX-License-Identifier: Apache-2.0 */
/* optimize_two.c - see optimize_two.h.
 *
 * Costs and accuracies are scaled to magnitudes of 1 and weighed against each other as
 * u c - v a, u + v = 1, so that a price without bound is (0, 1) and no number overflows.
 * The first problem is posed in the caller's own costs: its answer is optimize.h's to the
 * last bit. */
#include "core/optimize_two.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/sum.h"

/* An optimum of the rest at some price of accuracy. */
struct point {
    double **mix;
    double cost; /* in units of two.cost_unit */
    double accuracy;
};

struct two {
    const struct sprout_item *items;
    const double *const *given;
    size_t count;
    double floor; /* of quality */
    double cost_unit;
    double accuracy_unit;
    double cost_size; /* sum of w max |c|, in its unit: what rounding is measured by */
    double accuracy_size;
    struct sprout_item *posed; /* with u c - v a for cost */
    double *cost;
    struct point low;  /* too little accuracy */
    struct point high; /* enough */
    struct point now;
    double u, v;
    double price; /* of quality, at (u, v) */
    int steps;
    struct sprout_arena rest; /* of the scratch, for the inner problem */
};

static double largest(const double *v, size_t n)
{
    double most = 0;
    for (size_t l = 0; l < n; l++) {
        most = fmax(most, fabs(v[l]));
    }
    return most;
}

static double sum_of(const struct two *t, double *const *mix, bool accuracy)
{
    struct sprout_sum sum = {0};
    for (size_t i = 0; i < t->count; i++) {
        const struct sprout_item *const item = &t->items[i];
        const double *const v = accuracy ? t->given[i] : item->cost;
        const double unit = accuracy ? t->accuracy_unit : t->cost_unit;
        for (size_t l = 0; l < item->options; l++) {
            if (mix[i][l] > 0) {
                sprout_sum_add(&sum, item->weight * (v[l] / unit) * mix[i][l]);
            }
        }
    }
    return sprout_sum_value(sum);
}

static double quality_of(const struct two *t, double *const *mix)
{
    struct sprout_sum sum = {0};
    for (size_t i = 0; i < t->count; i++) {
        for (size_t l = 0; l < t->items[i].options; l++) {
            if (mix[i][l] > 0) {
                sprout_sum_add(&sum,
                               t->items[i].weight * t->items[i].quality[l] * mix[i][l]);
            }
        }
    }
    return sprout_sum_value(sum);
}

static void measure(const struct two *t, struct point *p)
{
    p->cost = sum_of(t, p->mix, false);
    p->accuracy = sum_of(t, p->mix, true);
}

/* ---- memory and checks ----------------------------------------------------------------- */

size_t sprout_optimize_two_scratch(size_t item_count, size_t option_count)
{
    return sprout_optimize_scratch(item_count, option_count) +
           4 * option_count * sizeof(double) +
           item_count * (sizeof(struct sprout_item) + 3 * sizeof(double *)) +
           16 * _Alignof(max_align_t);
}

static void lay_out(const struct two *t, struct sprout_arena *scratch, size_t options,
                    struct point *out)
{
    double *at = sprout_arena_array(scratch, options, sizeof *at);
    out->mix = sprout_arena_array(scratch, t->count, sizeof *out->mix);
    for (size_t i = 0; !scratch->spent && i < t->count; i++) {
        out->mix[i] = at;
        at += t->items[i].options;
    }
}

static enum sprout_status check_accuracy(const double *const *accuracy,
                                         const struct sprout_item *items, size_t count,
                                         double floor, struct sprout_error *err)
{
    if (!(fabs(floor) <= SPROUT_OPTIMIZE_NUMBER_MAX)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "accuracy bound: found %g, expected -1e100 to 1e100", floor);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t l = 0; l < items[i].options; l++) {
            if (!(fabs(accuracy[i][l]) <= SPROUT_OPTIMIZE_NUMBER_MAX)) {
                return sprout_fail(
                    err, SPROUT_INVALID,
                    "items[%zu].accuracy[%zu]: found %g, expected -1e100 to 1e100", i, l,
                    accuracy[i][l]);
            }
        }
    }
    return SPROUT_OK;
}

static enum sprout_status prepare(struct two *t, struct sprout_arena *scratch,
                                  struct sprout_error *err)
{
    size_t options = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct sprout_item *const item = &t->items[i];
        options += item->options;
        t->cost_unit = fmax(t->cost_unit, largest(item->cost, item->options));
        t->accuracy_unit = fmax(t->accuracy_unit, largest(t->given[i], item->options));
    }
    t->cost_unit = t->cost_unit > 0 ? t->cost_unit : 1;
    t->accuracy_unit = t->accuracy_unit > 0 ? t->accuracy_unit : 1;
    for (size_t i = 0; i < t->count; i++) {
        const struct sprout_item *const item = &t->items[i];
        t->cost_size += item->weight * largest(item->cost, item->options) / t->cost_unit;
        t->accuracy_size +=
            item->weight * largest(t->given[i], item->options) / t->accuracy_unit;
    }
    t->posed = sprout_arena_array(scratch, t->count, sizeof *t->posed);
    t->cost = sprout_arena_array(scratch, options, sizeof *t->cost);
    lay_out(t, scratch, options, &t->low);
    lay_out(t, scratch, options, &t->high);
    lay_out(t, scratch, options, &t->now);
    t->rest = *scratch;
    return scratch->spent ? sprout_fail(err, SPROUT_NO_MEMORY,
                                        "no scratch memory for %zu options", options)
                          : SPROUT_OK;
}

/* ---- the search ------------------------------------------------------------------------ */

/* The optimum at (u, v), in t->now. */
static enum sprout_status solve_at(struct two *t, double u, double v,
                                   struct sprout_error *err)
{
    struct sprout_arena scratch = t->rest;
    struct sprout_optimum best = {0};
    double *at = t->cost;
    for (size_t i = 0; i < t->count; i++) {
        t->posed[i] = t->items[i];
        t->posed[i].cost = at;
        for (size_t l = 0; l < t->items[i].options; l++) {
            *at++ = u * (t->items[i].cost[l] / t->cost_unit) -
                    v * (t->given[i][l] / t->accuracy_unit);
        }
    }
    const enum sprout_status s =
        sprout_optimize(t->posed, t->count, SPROUT_GOAL_FLOOR, t->floor, &scratch,
                        t->now.mix, &best, err);
    if (s == SPROUT_OK) {
        measure(t, &t->now);
        t->u = u;
        t->v = v;
        t->price = best.price;
        t->steps++;
    }
    return s;
}

static void swap(struct point *a, struct point *b)
{
    const struct point t = *a;
    *a = *b;
    *b = t;
}

/* Takes t->now for one end if it lies under the line between the ends by more than rounding.
 * False: nothing does.  It ends: either the cost at `target` falls or the lower end rises. */
static bool improve(struct two *t, double target)
{
    const double gain =
        t->u * (t->low.cost - t->now.cost) - t->v * (t->low.accuracy - t->now.accuracy);
    if (gain <= 16 * DBL_EPSILON * (t->u * t->cost_size + t->v * t->accuracy_size)) {
        return false;
    }
    if (t->now.accuracy >= target) {
        swap(&t->high, &t->now);
        return true;
    }
    const bool rises = t->now.accuracy > t->low.accuracy;
    if (rises) {
        swap(&t->low, &t->now);
    }
    return rises;
}

/* From both ends towards `target`.  t->now is then an optimum at the last price. */
static enum sprout_status search(struct two *t, double target, struct sprout_error *err)
{
    enum sprout_status s;
    do {
        const double dearer = fmax(0, t->high.cost - t->low.cost);
        const double better = t->high.accuracy - t->low.accuracy;
        s = solve_at(t, better / (better + dearer), dearer / (better + dearer), err);
    } while (s == SPROUT_OK && improve(t, target));
    return s;
}

/* t->now becomes the mix of both ends that has `target`.  What weighs nothing stays as it is
 * at the last price. */
static void mix_ends(struct two *t, double target)
{
    const double part = (target - t->low.accuracy) / (t->high.accuracy - t->low.accuracy);
    const double share = fmax(0, fmin(1, part));
    for (size_t i = 0; i < t->count; i++) {
        for (size_t l = 0; t->items[i].weight > 0 && l < t->items[i].options; l++) {
            const double a = t->low.mix[i][l], b = t->high.mix[i][l];
            t->now.mix[i][l] = a == b ? a : (1 - share) * a + share * b;
        }
    }
}

/* ---- fewer splits ---------------------------------------------------------------------- */

/* Both ends are optimal at the same prices, so within an item all options in use cost the
 * same at them, and shares may be moved along any direction that keeps both sums.  With
 * three to choose from (a second option in use is one, a third another) there is one, and
 * going along it ends where a share is 0. */
enum { ACTIVE_MAX = 4, FREE = 3 };

struct split {
    size_t item;
    size_t option[ACTIVE_MAX]; /* in use */
    int active;
};

/* A direction: option k of split s gains, the split's first option loses. */
struct free_share {
    int split;
    int k;
    double quality;
    double accuracy;
};

static void find_active(const struct two *t, struct split *s)
{
    s->active = 0;
    for (size_t l = 0; l < t->items[s->item].options && s->active < ACTIVE_MAX; l++) {
        if (t->now.mix[s->item][l] > 0) {
            s->option[s->active++] = l;
        }
    }
}

static int find_free(const struct two *t, const struct split *s, int count,
                     struct free_share *out)
{
    int n = 0;
    for (int j = 0; j < count; j++) {
        const struct sprout_item *const item = &t->items[s[j].item];
        const double *const a = t->given[s[j].item];
        const size_t base = s[j].option[0];
        for (int k = 1; k < s[j].active && n < FREE; k++) {
            const size_t l = s[j].option[k];
            out[n++] = (struct free_share){
                .split = j,
                .k = k,
                .quality = item->weight * (item->quality[l] - item->quality[base]),
                .accuracy = item->weight * ((a[l] - a[base]) / t->accuracy_unit),
            };
        }
    }
    return n;
}

static void scale_row(double row[FREE])
{
    const double most = largest(row, FREE);
    for (int j = 0; j < FREE && most > 0; j++) {
        row[j] /= most;
    }
}

/* The largest of row[c[from]] and those after it comes to that place. */
static void pivot(const double *row, int *c, int from)
{
    int best = from;
    for (int j = from + 1; j < FREE; j++) {
        best = fabs(row[c[j]]) > fabs(row[c[best]]) ? j : best;
    }
    const int kept = c[from];
    c[from] = c[best];
    c[best] = kept;
}

/* d with a . d = b . d = 0 and max |d| at least 1: elimination with pivoting, whose residue
 * is rounding however nearly parallel the rows are. */
static void null_direction(double a[FREE], double b[FREE], double d[FREE])
{
    int c[FREE] = {0, 1, 2};
    scale_row(a);
    scale_row(b);
    if (largest(a, FREE) < largest(b, FREE)) { /* 0 and 1 */
        double *const kept = a;
        a = b;
        b = kept;
    }
    pivot(a, c, 0);
    const double by = a[c[0]] == 0 ? 0 : b[c[0]] / a[c[0]];
    for (int j = 0; j < FREE; j++) {
        b[j] -= by * a[j];
    }
    pivot(b, c, 1);
    d[c[2]] = 1;
    d[c[1]] = b[c[1]] == 0 ? 0 : -b[c[2]] / b[c[1]];
    d[c[0]] = a[c[0]] == 0 ? 0 : -(a[c[1]] * d[c[1]] + a[c[2]] * d[c[2]]) / a[c[0]];
}

/* Goes along the direction until a share is 0. */
static void move_shares(struct two *t, const struct split *s, const struct free_share *f,
                        const double d[FREE])
{
    double change[FREE][ACTIVE_MAX] = {{0}};
    double far = INFINITY;
    int at = 0, k_at = 0;
    for (int n = 0; n < FREE; n++) {
        change[f[n].split][f[n].k] += d[n];
        change[f[n].split][0] -= d[n];
    }
    for (int j = 0; j <= f[FREE - 1].split; j++) {
        for (int k = 0; k < s[j].active; k++) {
            const double room = t->now.mix[s[j].item][s[j].option[k]] / -change[j][k];
            if (change[j][k] < 0 && room < far) {
                far = room;
                at = j;
                k_at = k;
            }
        }
    }
    for (int j = 0; j <= f[FREE - 1].split; j++) {
        for (int k = 0; k < s[j].active; k++) {
            double *const x = &t->now.mix[s[j].item][s[j].option[k]];
            *x = fmax(0, *x + far * change[j][k]);
        }
    }
    t->now.mix[s[at].item][s[at].option[k_at]] = 0;
}

/* Drops options of share 0; the largest share takes what rounding left of the sum. */
static void settle(double *mix, struct split *s)
{
    struct sprout_sum others = {0};
    int most = 0, kept = 0;
    for (int k = 0; k < s->active; k++) {
        if (mix[s->option[k]] > 0) {
            s->option[kept++] = s->option[k];
        }
    }
    s->active = kept;
    for (int k = 1; k < kept; k++) {
        most = mix[s->option[k]] > mix[s->option[most]] ? k : most;
    }
    for (int k = 0; k < kept; k++) {
        sprout_sum_add(&others, k == most ? 0 : mix[s->option[k]]);
    }
    mix[s->option[most]] = 1 - sprout_sum_value(others);
}

/* Splits that are still splits. */
static int settle_all(struct two *t, struct split *s, int count)
{
    int kept = 0;
    for (int j = 0; j < count; j++) {
        settle(t->now.mix[s[j].item], &s[j]);
        s[kept] = s[j];
        kept += s[j].active > 1;
    }
    return kept;
}

/* Leaves at most two shares free. */
static void merge_splits(struct two *t)
{
    struct split open[FREE];
    struct free_share f[FREE];
    int count = 0;
    for (size_t i = 0; i < t->count; i++) {
        open[count].item = i;
        find_active(t, &open[count]);
        count += open[count].active > 1;
        while (find_free(t, open, count, f) == FREE) {
            double d[FREE], quality[FREE], accuracy[FREE];
            for (int n = 0; n < FREE; n++) {
                quality[n] = f[n].quality;
                accuracy[n] = f[n].accuracy;
            }
            null_direction(quality, accuracy, d);
            move_shares(t, open, f, d);
            count = settle_all(t, open, count);
        }
    }
}

/* ---- the answer ------------------------------------------------------------------------ */

/* As of optimize.h: missed by no more than this. */
static double tolerance(const struct two *t)
{
    const double size = t->accuracy_size;
    return fmax(SPROUT_OPTIMIZE_TOLERANCE * fmin(1 / t->accuracy_unit, size),
                1e-12 * size);
}

static void hand_out(const struct two *t, double *const *mix, double *const *out_mix)
{
    for (size_t i = 0; i < t->count; i++) {
        memcpy(out_mix[i], mix[i], t->items[i].options * sizeof *out_mix[i]);
    }
}

static void sum_up(const struct two *t, struct sprout_optimum_two *out)
{
    out->cost = sum_of(t, t->now.mix, false) * t->cost_unit;
    out->accuracy = sum_of(t, t->now.mix, true) * t->accuracy_unit;
    out->quality = quality_of(t, t->now.mix);
    out->price = fmin(t->price / t->u * t->cost_unit, DBL_MAX);
    out->accuracy_price = fmin(t->v / t->u * (t->cost_unit / t->accuracy_unit), DBL_MAX);
    out->steps = t->steps;
}

/* The second floor binds: t->low is the optimum under the first. */
static enum sprout_status solve_both(struct two *t, double target, double *const *out_mix,
                                     struct sprout_optimum_two *out,
                                     struct sprout_error *err)
{
    enum sprout_status s = solve_at(t, 0, 1, err);
    if (s != SPROUT_OK) {
        return s;
    }
    out->feasible = t->now.accuracy >= target - tolerance(t);
    target = fmin(target, t->now.accuracy);
    if (target <= t->low.accuracy) { /* none is more accurate */
        out->steps = t->steps;
        hand_out(t, t->low.mix, out_mix);
        return SPROUT_OK;
    }
    swap(&t->high, &t->now);
    s = search(t, target, err);
    if (s == SPROUT_OK) {
        mix_ends(t, target);
        merge_splits(t);
        sum_up(t, out);
        hand_out(t, t->now.mix, out_mix);
    }
    return s;
}

struct sprout_optimum_two sprout_optimize_without(const struct sprout_optimum *one)
{
    return (struct sprout_optimum_two){.feasible = one->feasible,
                                       .cost = one->cost,
                                       .quality = one->quality,
                                       .accuracy = NAN,
                                       .price = one->price,
                                       .steps = 1};
}

enum sprout_status sprout_optimize_two(
    const struct sprout_item *items, const double *const *accuracy, size_t item_count,
    double quality_floor, double accuracy_floor, struct sprout_arena *scratch,
    double *const *out_mix, struct sprout_optimum_two *out_best, struct sprout_error *err)
{
    struct two t = {
        .items = items, .given = accuracy, .count = item_count, .floor = quality_floor};
    struct sprout_optimum first = {0};
    enum sprout_status s =
        check_accuracy(accuracy, items, item_count, accuracy_floor, err);
    if (s == SPROUT_OK) {
        s = prepare(&t, scratch, err);
    }
    if (s != SPROUT_OK) {
        return s;
    }
    struct sprout_arena inner = t.rest;
    s = sprout_optimize(items, item_count, SPROUT_GOAL_FLOOR, quality_floor, &inner,
                        t.low.mix, &first, err);
    if (s != SPROUT_OK) {
        return s;
    }
    t.steps = 1;
    measure(&t, &t.low);
    struct sprout_optimum_two best = {
        .feasible = first.feasible,
        .cost = first.cost,
        .quality = first.quality,
        .accuracy = t.low.accuracy * t.accuracy_unit,
        .price = first.price,
        .steps = 1,
    };
    const double target = accuracy_floor / t.accuracy_unit;
    if (first.feasible && t.low.accuracy < target - tolerance(&t)) {
        s = solve_both(&t, target, out_mix, &best, err);
    } else {
        best.feasible = first.feasible && t.low.accuracy >= target - tolerance(&t);
        hand_out(&t, t.low.mix, out_mix);
    }
    if (s == SPROUT_OK) {
        *out_best = best;
    }
    return s;
}
