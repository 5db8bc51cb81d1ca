/* SPDX-License-Identifier: Apache-2.0 */
/* optimize.c - see optimize.h.
 *
 * 1. Each item starts at its cheapest option.  Its efficient options are the lower convex
 *    hull of (quality, cost) to the right of that one; the hull is a list of steps from an
 *    option to the next, with rising slope = cost per quality.
 * 2. Steps are taken in order of slope until the bound is met; the last one in part.  Equal
 *    slopes keep the order of items and of the hull: steps are laid down item by item, and
 *    every split and sort below is stable.
 * 3. Of many steps only those near the bound need to be in order: like quickselect, the walk
 *    splits them at a pivot and takes the lower part whole if the bound lies beyond it.
 *
 * The hull compares the very quotients that the sort compares, so that rounding can never
 * put a later step of an item before an earlier one.  Sums that decide are compensated:
 * weights may differ by many orders of magnitude. */
#include "core/optimize.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/sum.h"

/* A step of a hull, to option `to` from the one its item stands at (key: slope), or an
 * option while its item is sorted (key: quality). */
struct node {
    double key;
    double amount; /* what the step adds to what is bounded; never negative */
    uint32_t item;
    uint32_t to;
};

/* ---- checks ---------------------------------------------------------------------------- */

static bool usable(double v)
{
    return fabs(v) <= SPROUT_OPTIMIZE_NUMBER_MAX; /* false for NaN */
}

static enum sprout_status refuse_option(const struct sprout_item *item, size_t i,
                                        struct sprout_error *err)
{
    size_t l = 0;
    while (usable(item->cost[l]) && usable(item->quality[l])) {
        l++;
    }
    const bool cost = !usable(item->cost[l]);
    return sprout_fail(
        err, SPROUT_INVALID, "items[%zu].%s[%zu]: found %g, expected -1e100 to 1e100", i,
        cost ? "cost" : "quality", l, cost ? item->cost[l] : item->quality[l]);
}

static enum sprout_status check_item(const struct sprout_item *item, size_t i,
                                     struct sprout_error *err)
{
    if (!(item->weight >= 0 && usable(item->weight))) {
        return sprout_fail(err, SPROUT_INVALID,
                           "items[%zu].weight: found %g, expected 0 to 1e100", i,
                           item->weight);
    }
    if (item->options == 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "items[%zu]: found no options, expected one at least", i);
    }
    bool good = true;
    for (size_t l = 0; l < item->options; l++) {
        good = good && usable(item->cost[l]) && usable(item->quality[l]);
    }
    return good ? SPROUT_OK : refuse_option(item, i, err);
}

static enum sprout_status check_all(const struct sprout_item *items, size_t item_count,
                                    double bound, size_t *out_options,
                                    struct sprout_error *err)
{
    if (!usable(bound)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "bound: found %g, expected -1e100 to 1e100", bound);
    }
    size_t options = 0;
    for (size_t i = 0; i < item_count; i++) {
        const enum sprout_status s = check_item(&items[i], i, err);
        if (s != SPROUT_OK) {
            return s;
        }
        if (items[i].options > UINT32_MAX - options) {
            return sprout_fail(err, SPROUT_LIMIT,
                               "items: expected at most 2^32 - 1 options in all");
        }
        options += items[i].options;
    }
    *out_options = options;
    return SPROUT_OK;
}

/* ---- sorting --------------------------------------------------------------------------- */

enum { BLOCK = 6 }; /* sorted by insertion; most items have fewer options */

static void sort_block(struct node *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct node x = v[i];
        size_t k = i;
        for (; k > 0 && v[k - 1].key > x.key; k--) {
            v[k] = v[k - 1];
        }
        v[k] = x;
    }
}

/* Which side is smaller is a coin toss that no branch predictor wins: so no branch. */
static void merge(const struct node *a, size_t a_count, const struct node *b,
                  size_t b_count, struct node *out)
{
    const struct node *const a_end = a + a_count, *const b_end = b + b_count;
    while (a < a_end && b < b_end) {
        const bool second = b->key < a->key;
        *out++ = *(second ? b : a);
        a += !second;
        b += second;
    }
    memcpy(out, a, (size_t)(a_end - a) * sizeof *out);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *out);
}

/* Stable, by key, without allocation: `spare` has room for n too. */
static void sort_nodes(struct node *v, struct node *spare, size_t n)
{
    for (size_t at = 0; at < n; at += BLOCK) {
        sort_block(v + at, n - at < BLOCK ? n - at : BLOCK);
    }
    struct node *from = v, *to = spare;
    for (size_t width = BLOCK; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            const size_t a = n - at < width ? n - at : width;
            const size_t b = n - at - a < width ? n - at - a : width;
            merge(from + at, a, from + at + a, b, to + at);
        }
        struct node *const t = from;
        from = to;
        to = t;
    }
    if (from != v) {
        memcpy(v, from, n * sizeof *v);
    }
}

/* ---- hulls ----------------------------------------------------------------------------- */

static uint32_t cheapest(const struct sprout_item *item)
{
    size_t best = 0;
    for (size_t l = 1; l < item->options; l++) {
        if (item->cost[l] < item->cost[best] ||
            (item->cost[l] == item->cost[best] &&
             item->quality[l] > item->quality[best])) {
            best = l;
        }
    }
    return (uint32_t)best;
}

static double slope(const struct sprout_item *item, uint32_t from, uint32_t to)
{
    return (item->cost[to] - item->cost[from]) /
           (item->quality[to] - item->quality[from]);
}

/* Puts option l on the hull that ends in steps[*count - 1] (or is `base` alone). */
static void hull_push(const struct sprout_item *item, const struct node *l, uint32_t base,
                      const double *bounded, struct node *steps, size_t *count)
{
    for (;;) {
        const uint32_t top = *count > 0 ? steps[*count - 1].to : base;
        if (item->quality[l->to] == item->quality[top]) {
            if (top == base || item->cost[l->to] >= item->cost[top]) {
                return;
            }
            (*count)--; /* as good and cheaper */
            continue;
        }
        const double key = slope(item, top, l->to);
        if (*count == 0 || key > steps[*count - 1].key) {
            const double amount = item->weight * (bounded[l->to] - bounded[top]);
            steps[(*count)++] = (struct node){key, amount, l->item, l->to};
            return;
        }
        (*count)--; /* top lies above the line from its predecessor to l */
    }
}

/* Steps of item i, to `steps`; `sorted` and `spare` have room for its options. */
static size_t hull(const struct sprout_item *item, uint32_t i, uint32_t base,
                   const double *bounded, struct node *sorted, struct node *spare,
                   struct node *steps)
{
    size_t n = 0;
    for (size_t l = 0; l < item->options; l++) {
        if (item->quality[l] > item->quality[base]) {
            sorted[n++] = (struct node){item->quality[l], 0, i, (uint32_t)l};
        }
    }
    sort_nodes(sorted, spare, n);

    size_t count = 0;
    for (size_t k = 0; k < n; k++) {
        hull_push(item, &sorted[k], base, bounded, steps, &count);
    }
    return count;
}

/* ---- the walk -------------------------------------------------------------------------- */

struct walk {
    const struct sprout_item *items;
    size_t item_count;
    enum sprout_goal goal;
    double bound;
    double *const *mix;
    uint32_t *at; /* the option each item stands at */
    struct node *steps;
    size_t step_count;
    struct node *spare; /* room for as many */
    double price;
    struct node last; /* the step taken in part ... */
    double share;     /* ... and the part */
    struct sprout_sum
        total;    /* of what is bounded: quality for a floor, cost for a budget */
    double scale; /* S of the header */
};

/* All items at their cheapest option; lays down the steps. */
static void begin(struct walk *w, struct node *sorted)
{
    for (size_t i = 0; i < w->item_count; i++) {
        const struct sprout_item *item = &w->items[i];
        const double *v = w->goal == SPROUT_GOAL_FLOOR ? item->quality : item->cost;
        double largest = 0;
        for (size_t l = 0; l < item->options; l++) {
            const double size = fabs(v[l]);
            largest = size > largest ? size : largest;
        }
        const uint32_t base = cheapest(item);
        w->at[i] = base;
        w->scale += item->weight * largest;
        sprout_sum_add(&w->total, item->weight * v[base]);
        w->step_count +=
            hull(item, (uint32_t)i, base, v, sorted, w->spare, w->steps + w->step_count);
    }
}

static void take(struct walk *w, const struct node *step)
{
    sprout_sum_add(&w->total, step->amount);
    w->at[step->item] = step->to;
}

/* The last step of a walk: only a part of it, which adds `needed`. */
static void take_part(struct walk *w, const struct node *step, double needed)
{
    sprout_sum_add(&w->total, needed);
    w->last = *step;
    w->share = needed / step->amount;
}

static double to_bound(const struct walk *w)
{
    return (w->bound - w->total.high) - w->total.low;
}

/* Of the bound's last digits, in units of S: not worth a split of an item. */
static double dust_of(const struct walk *w)
{
    return 8 * DBL_EPSILON * w->scale;
}

static double tolerance(const struct walk *w)
{
    return fmax(SPROUT_OPTIMIZE_TOLERANCE * fmin(1, w->scale), 1e-12 * w->scale);
}

/* Takes steps, which are in order, while they are needed for the floor.  True: done. */
static bool climb_to_floor(struct walk *w, const struct node *steps, size_t n)
{
    const double dust = dust_of(w);
    for (size_t k = 0; k < n; k++) {
        const double need = to_bound(w);
        if (need <= dust) {
            return true;
        }
        w->price = steps[k].key;
        if (steps[k].amount - need > dust) {
            take_part(w, &steps[k], need);
            return true;
        }
        take(w, &steps[k]);
    }
    return false;
}

/* Takes steps, which are in order, while the budget lasts.  True: done. */
static bool climb_in_budget(struct walk *w, const struct node *steps, size_t n)
{
    const double dust = dust_of(w);
    for (size_t k = 0; k < n; k++) {
        const double room = to_bound(w);
        if (steps[k].amount - room > dust) {
            if (room > dust) {
                take_part(w, &steps[k], room);
            }
            w->price = steps[k].key;
            return true;
        }
        take(w, &steps[k]);
    }
    return false;
}

static bool climb(struct walk *w, struct node *steps, size_t n)
{
    sort_nodes(steps, w->spare, n);
    return w->goal == SPROUT_GOAL_FLOOR ? climb_to_floor(w, steps, n)
                                        : climb_in_budget(w, steps, n);
}

/* Puts the steps with keys up to the pivot (below it, if `strict`) first, keeping the order
 * of either part.  Returns how many, and what they add. */
static size_t split(struct node *v, struct node *spare, size_t n, double pivot,
                    bool strict, double *out_amount)
{
    size_t low = 0, high = 0;
    struct sprout_sum sum = {0};
    for (size_t k = 0; k < n; k++) {
        const struct node x = v[k];
        const bool is_low = strict ? x.key < pivot : x.key <= pivot;
        v[low] = x; /* low <= k: overwrites nothing that is still to be seen */
        spare[high] = x;
        low += is_low;
        high += !is_low;
        sprout_sum_add(&sum, is_low ? x.amount : 0);
    }
    memcpy(v + low, spare, high * sizeof *v);
    *out_amount = sprout_sum_value(sum);
    return low;
}

static double middle(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

enum {
    FEW = 24,       /* steps that are sorted without further splitting */
    SPLITS_MAX = 64 /* pivots may be bad: then the rest is sorted, so O(n log n) holds */
};

static void walk(struct walk *w)
{
    struct node *v = w->steps;
    size_t n = w->step_count;
    const struct node *const end = v + n;
    for (int splits = 0; n > FEW && splits < SPLITS_MAX; splits++) {
        const double pivot = middle(v[0].key, v[n / 2].key, v[n - 1].key);
        double amount = 0;
        size_t low = split(v, w->spare, n, pivot, true, &amount);
        if (low == 0) { /* nothing is below the pivot */
            low = split(v, w->spare, n, pivot, false, &amount);
        }
        if (amount >= to_bound(w) - dust_of(w)) {
            if (low == n) {
                break;
            }
            n = low;
            continue;
        }
        for (size_t k = 0; k < low; k++) {
            take(w, &v[k]);
            w->price = w->goal == SPROUT_GOAL_FLOOR ? fmax(w->price, v[k].key) : 0;
        }
        v += low;
        n -= low;
    }
    /* The bound lies within v[0..n), but for what rounding may shift. */
    if (!climb(w, v, n)) {
        climb(w, v + n, (size_t)(end - (v + n)));
    }
}

/* The mixes of where the walk ended, and what they come to. */
static void finish(const struct walk *w, struct sprout_optimum *out)
{
    struct sprout_sum cost = {0}, quality = {0};
    for (size_t i = 0; i < w->item_count; i++) {
        const struct sprout_item *item = &w->items[i];
        for (size_t l = 0; l < item->options; l++) {
            w->mix[i][l] = 0;
        }
        w->mix[i][w->at[i]] = 1;
        sprout_sum_add(&cost, item->weight * item->cost[w->at[i]]);
        sprout_sum_add(&quality, item->weight * item->quality[w->at[i]]);
    }
    if (w->share > 0) {
        const struct sprout_item *item = &w->items[w->last.item];
        const uint32_t from = w->at[w->last.item], to = w->last.to;
        const double part = item->weight * w->share;
        w->mix[w->last.item][from] = 1 - w->share;
        w->mix[w->last.item][to] = w->share;
        sprout_sum_add(&cost, part * (item->cost[to] - item->cost[from]));
        sprout_sum_add(&quality, part * (item->quality[to] - item->quality[from]));
    }
    out->cost = sprout_sum_value(cost);
    out->quality = sprout_sum_value(quality);
}

enum sprout_status sprout_optimize(const struct sprout_item *items, size_t item_count,
                                   enum sprout_goal goal, double bound,
                                   struct sprout_arena *scratch, double *const *out_mix,
                                   struct sprout_optimum *out_best,
                                   struct sprout_error *err)
{
    size_t options = 0;
    const enum sprout_status s = check_all(items, item_count, bound, &options, err);
    if (s != SPROUT_OK) {
        return s;
    }
    struct node *steps = sprout_arena_array(scratch, 3 * options, sizeof *steps);
    uint32_t *at = sprout_arena_array(scratch, item_count, sizeof *at);
    if (scratch->spent) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no scratch memory for %zu options",
                           options);
    }

    struct walk w = {.items = items,
                     .item_count = item_count,
                     .goal = goal,
                     .bound = bound,
                     .mix = out_mix,
                     .at = at,
                     .steps = steps,
                     .spare = steps + options};
    begin(&w, steps + 2 * options);
    const bool in_budget = to_bound(&w) >= -tolerance(&w);
    walk(&w);

    struct sprout_optimum best = {
        .feasible =
            goal == SPROUT_GOAL_BUDGET ? in_budget : to_bound(&w) <= tolerance(&w),
        .price = fmin(w.price, DBL_MAX),
    };
    finish(&w, &best);
    *out_best = best;
    return SPROUT_OK;
}

size_t sprout_optimize_scratch(size_t item_count, size_t option_count)
{
    return 3 * option_count * sizeof(struct node) + item_count * sizeof(uint32_t) +
           2 * _Alignof(max_align_t);
}

/* ---- reasons --------------------------------------------------------------------------- */

const char *sprout_option_why_text(enum sprout_option_why why)
{
    static const char *const texts[] = {
#define X(name, text) [SPROUT_OPTION_##name] = text,
        SPROUT_OPTION_WHY_TABLE(X)
#undef X
    };
    return texts[why];
}

static bool dominated(const struct sprout_item *item, size_t l)
{
    for (size_t k = 0; k < item->options; k++) {
        const bool no_worse =
            item->cost[k] <= item->cost[l] && item->quality[k] >= item->quality[l];
        const bool same =
            item->cost[k] == item->cost[l] && item->quality[k] == item->quality[l];
        if (k != l && no_worse && (!same || k < l)) {
            return true;
        }
    }
    return false;
}

/* Whether the point l lies on or above a line between a worse and a better option: the
 * steepest line down to the left against the flattest up to the right. */
static bool mixed_out(const struct sprout_item *item, size_t l)
{
    double left = -INFINITY, right = INFINITY;
    for (size_t k = 0; k < item->options; k++) {
        if (item->quality[k] == item->quality[l]) {
            continue;
        }
        const double s = slope(item, (uint32_t)k, (uint32_t)l);
        if (item->quality[k] < item->quality[l]) {
            left = fmax(left, s);
        } else {
            right = fmin(right, s);
        }
    }
    return left >= right;
}

enum sprout_option_why sprout_optimize_why(const struct sprout_item *item,
                                           const double *mix, size_t l)
{
    if (mix[l] > 0) {
        return SPROUT_OPTION_ACTIVE;
    }
    if (dominated(item, l)) {
        return SPROUT_OPTION_DOMINATED;
    }
    if (mixed_out(item, l)) {
        return SPROUT_OPTION_MIXED_OUT;
    }
    for (size_t k = 0; k < item->options; k++) {
        if (mix[k] > 0 && item->quality[k] > item->quality[l]) {
            return SPROUT_OPTION_TOO_LITTLE;
        }
    }
    return SPROUT_OPTION_TOO_DEAR;
}
