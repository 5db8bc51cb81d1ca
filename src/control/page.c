/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - the page's numbers, gathered. */
#include "control/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MICRO 1e6

/* ---- tables ---------------------------------------------------------------------------- */

static const enum sprout_store_by tables[SPROUT_PAGE_TABLES] = {
    SPROUT_BY_LEVEL, SPROUT_BY_MODEL, SPROUT_BY_ROUTE, SPROUT_BY_ZONE};

/* Most grams first, then most requests: what weighs is seen first. */
static int by_weight(const void *a, const void *b)
{
    const struct sprout_store_sum *const x = &((const struct sprout_savings_row *)a)->sum;
    const struct sprout_store_sum *const y = &((const struct sprout_savings_row *)b)->sum;
    const int64_t gx = x->operational_ug + x->embodied_ug;
    const int64_t gy = y->operational_ug + y->embodied_ug;
    if (gx != gy) {
        return gx > gy ? -1 : 1;
    }
    return x->requests > y->requests ? -1 : x->requests < y->requests;
}

static enum sprout_status fill_tables(struct sprout_page *p, struct sprout_store *store,
                                      struct sprout_error *err)
{
    enum sprout_status status = SPROUT_OK;

    for (size_t i = 0; status == SPROUT_OK && i < SPROUT_PAGE_TABLES; i++) {
        status = sprout_savings_group(store, p->report->range, tables[i], &p->table[i],
                                      &p->rows[i], err);
        if (status == SPROUT_OK && tables[i] != SPROUT_BY_LEVEL && p->rows[i] > 1) {
            qsort(p->table[i], p->rows[i], sizeof p->table[i][0], by_weight);
        }
    }
    return status;
}

/* ---- time ------------------------------------------------------------------------------ */

struct span {
    int64_t first, last;
};

static void widen(void *ctx, const struct sprout_store_sum *sum)
{
    struct span *const s = ctx;
    s->first = sum->hour < s->first ? sum->hour : s->first;
    s->last = sum->hour > s->last ? sum->hour : s->last;
}

/* Steps that a reader knows how to count in, and that begin at midnight where they can. */
static int64_t step_for(int64_t hours)
{
    static const int64_t steps[] = {1, 2, 3, 6, 12, 24, 48, 168, 336, 720, 2160, 8760};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof steps[0] &&
           hours / steps[i] + 2 > SPROUT_PAGE_BINS_MAX) {
        i++;
    }
    return steps[i];
}

static size_t level_at(struct sprout_page *p, struct sprout_str name)
{
    size_t i = 0;
    while (i < p->levels && !sprout_str_eq(sprout_str_of(p->level[i]), name)) {
        i++;
    }
    if (i == p->levels && i < SPROUT_LEVELS_MAX) {
        const size_t n = name.len < SPROUT_NAME_MAX ? name.len : SPROUT_NAME_MAX;
        memcpy(p->level[i], name.ptr, n);
        p->level[i][n] = '\0';
        p->levels++;
    }
    return i < SPROUT_LEVELS_MAX ? i : SPROUT_LEVELS_MAX - 1;
}

static void add_level(void *ctx, const struct sprout_store_sum *sum)
{
    (void)level_at(ctx, sum->level); /* in the order of their names */
}

static void add_to_bin(void *ctx, const struct sprout_store_sum *sum)
{
    struct sprout_page *const p = ctx;
    const int64_t at = (sum->hour - p->first_hour) / p->step;
    if (at < 0 || at >= (int64_t)p->bins) {
        return;
    }
    struct sprout_page_bin *const b = &p->bin[at];
    const double grams = (double)(sum->operational_ug + sum->embodied_ug) / MICRO;

    b->requests += sum->requests;
    b->level[level_at(p, sum->level)] += sum->requests;
    if (isfinite(sum->slot.intensity.v)) {
        b->gridded += (double)sum->requests;
        b->intensity += (double)sum->requests * sum->slot.intensity.v;
    }
    if (sum->graded == 0) {
        return;
    }
    b->graded += sum->graded;
    b->grams += grams;
    if (sprout_str_eq(sum->arm, SPROUT_STR("mix"))) {
        b->grams_mix += grams;
        b->grams_l0_mix += (double)sum->grams_l0_ug / MICRO;
    }
}

static enum sprout_status fill_bins(struct sprout_page *p, struct sprout_store *store,
                                    struct sprout_error *err)
{
    struct span span = {INT64_MAX, INT64_MIN};
    const struct sprout_store_range range = p->report->range;
    enum sprout_status status =
        sprout_store_sums(store, range, SPROUT_BY_HOUR, widen, &span, err);

    if (status != SPROUT_OK || span.first > span.last) {
        return status;
    }
    p->step = step_for(span.last - span.first + 1);
    p->first_hour = span.first - span.first % p->step;
    p->bins = (size_t)((span.last - p->first_hour) / p->step + 1);
    if (p->bins > SPROUT_PAGE_BINS_MAX) {
        p->bins = SPROUT_PAGE_BINS_MAX;
    }
    status = sprout_store_sums(store, range, SPROUT_BY_LEVEL, add_level, p, err);
    return status == SPROUT_OK ? sprout_store_sums(store, range,
                                                   SPROUT_BY_HOUR | SPROUT_BY_SLOT |
                                                       SPROUT_BY_LEVEL | SPROUT_BY_ARM,
                                                   add_to_bin, p, err)
                               : status;
}

/* ---- L0 -------------------------------------------------------------------------------- */

double sprout_page_l0(const struct sprout_page_bin *b, double factor)
{
    return b->grams - b->grams_mix + factor * b->grams_l0_mix;
}

/* From what was expected of L0 to what the holdout says of it: saved = 1 - N/D. */
static double factor_of(double actual, double expected, double saved_percent)
{
    return saved_percent < 100 ? actual / (1 - saved_percent / 100) / expected : NAN;
}

static void scale_l0(struct sprout_page *p)
{
    const struct sprout_estimate_result *const e = &p->report->saved;
    double actual = 0, expected = 0;

    for (size_t i = 0; i < p->bins; i++) {
        actual += p->bin[i].grams_mix;
        expected += p->bin[i].grams_l0_mix;
    }
    p->l0 = p->l0_low = p->l0_high = 1;
    if (e->carbon_state != SPROUT_ESTIMATE_OK || !(expected > 0)) {
        return;
    }
    const double mid = factor_of(actual, expected, e->carbon_percent.value);
    const double low = factor_of(actual, expected, e->carbon_percent.low);
    const double high = factor_of(actual, expected, e->carbon_percent.high);
    if (isfinite(mid) && isfinite(low) && isfinite(high)) {
        p->l0 = mid;
        p->l0_low = low;
        p->l0_high = high;
        p->measured = true;
    }
}

/* ---- life ------------------------------------------------------------------------------ */

enum sprout_status sprout_page_make(struct sprout_store *store,
                                    const struct sprout_savings *report,
                                    struct sprout_page **out, struct sprout_error *err)
{
    struct sprout_page *const p = calloc(1, sizeof *p);
    if (p == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the page");
    }
    p->report = report;
    enum sprout_status status = sprout_store_freeze(store, err);
    if (status == SPROUT_OK) {
        status = fill_tables(p, store, err);
    }
    if (status == SPROUT_OK) {
        status = fill_bins(p, store, err);
    }
    sprout_store_rollback(store);
    if (status != SPROUT_OK) {
        sprout_page_free(p);
        return status;
    }
    scale_l0(p);
    *out = p;
    return SPROUT_OK;
}

void sprout_page_free(struct sprout_page *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < SPROUT_PAGE_TABLES; i++) {
        free(p->table[i]);
    }
    free(p);
}
