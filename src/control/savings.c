/* SPDX-License-Identifier: Apache-2.0 */
/* savings.c - see savings.h. */
#include "control/savings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "core/instant.h"
#include "core/predict.h"

enum { ROWS_FIRST = 64, SECONDS_PER_HOUR = 3600, SIGNS_RECEIPTS_MAX = 500000 };

#define MICRO 1e6

static void copy_text(char *out, size_t cap, struct sprout_str s)
{
    const size_t n = s.len < cap ? s.len : cap - 1;
    if (n > 0) {
        memcpy(out, s.ptr, n);
    }
    out[n] = '\0';
}

/* ---- sums ------------------------------------------------------------------------------ */

struct rows {
    struct sprout_savings *report;
    size_t room;
    bool no_memory;
};

static bool make_room(struct rows *r)
{
    if (r->report->rows < r->room) {
        return true;
    }
    const size_t room = r->room == 0 ? ROWS_FIRST : r->room * 2;
    struct sprout_savings_row *const more =
        realloc(r->report->row, room * sizeof *r->report->row);
    if (more == NULL) {
        r->no_memory = true;
        return false;
    }
    r->report->row = more;
    r->room = room;
    return true;
}

static struct sprout_str name_of(enum sprout_store_by by,
                                 const struct sprout_store_sum *sum)
{
    return by == SPROUT_BY_LEVEL   ? sum->level
           : by == SPROUT_BY_MODEL ? sum->model
           : by == SPROUT_BY_ZONE  ? sum->slot.zone
           : by == SPROUT_BY_ARM   ? sum->arm
           : by == SPROUT_BY_ROUTE ? sum->route
                                   : SPROUT_STR("");
}

static void add_row(void *ctx, const struct sprout_store_sum *sum)
{
    struct rows *const r = ctx;

    if (r->report->rows == SPROUT_SAVINGS_ROWS_MAX) {
        r->report->rows_dropped++;
        return;
    }
    if (!make_room(r)) {
        return;
    }
    struct sprout_savings_row *const row = &r->report->row[r->report->rows++];
    copy_text(row->name, sizeof row->name, name_of(r->report->by, sum));
    row->sum = *sum;
}

static void set_total(void *ctx, const struct sprout_store_sum *sum)
{
    ((struct sprout_savings *)ctx)->total = *sum;
}

static void add_arm(void *ctx, const struct sprout_store_sum *sum)
{
    struct sprout_savings *const r = ctx;

    if (sprout_str_eq(sum->arm, SPROUT_STR("holdout"))) {
        r->holdout_requests += sum->requests;
    } else if (sprout_str_eq(sum->arm, SPROUT_STR("mix"))) {
        r->mix = *sum;
    } else if (sprout_str_eq(sum->arm, SPROUT_STR("explore"))) {
        r->explore = *sum;
    }
}

double sprout_savings_explore_joules(const struct sprout_savings *r)
{
    if (r->explore.metered == 0 || r->mix.metered == 0) {
        return NAN;
    }
    const double share = (double)r->explore.metered / (double)r->mix.metered;
    return sprout_savings_joules(&r->explore) - share * sprout_savings_joules(&r->mix);
}

static void add_method(void *ctx, const struct sprout_store_sum *sum)
{
    struct sprout_savings *const r = ctx;

    if (sprout_str_starts(sum->method, SPROUT_STR("measured"))) {
        r->energy_from.measured += sum->metered;
    } else {
        const int64_t reported =
            sum->reported < sum->metered ? sum->reported : sum->metered;
        r->energy_from.modelled += reported;
        r->energy_from.estimated += sum->metered - reported;
    }
    if (sum->method.len > 0 && r->methods < SPROUT_SAVINGS_NAMES_MAX) {
        copy_text(r->method[r->methods++], sizeof r->method[0], sum->method);
    }
}

/* Slots come one by one; a reader wants zones and how they are known. */
static void add_grid(void *ctx, const struct sprout_store_sum *sum)
{
    struct sprout_savings *const r = ctx;
    size_t i = 0;

    while (i < r->grids &&
           (!sprout_str_eq(sprout_str_of(r->grid[i].zone), sum->slot.zone) ||
            !sprout_str_eq(sprout_str_of(r->grid[i].quality), sum->slot.quality))) {
        i++;
    }
    if (i == SPROUT_SAVINGS_NAMES_MAX) {
        return;
    }
    if (i == r->grids) {
        r->grids++;
        copy_text(r->grid[i].zone, sizeof r->grid[i].zone, sum->slot.zone);
        copy_text(r->grid[i].quality, sizeof r->grid[i].quality, sum->slot.quality);
    }
    r->grid[i].requests += sum->requests;
}

/* What users say and show.  Signs are read from the newest receipts, a bounded number. */
static enum sprout_status read_users(struct sprout_savings *r, struct sprout_store *store,
                                     struct sprout_error *err)
{
    int64_t newest = 0;
    bool more = false;
    enum sprout_status status = sprout_feedback_read(store, &r->said, err);

    if (status == SPROUT_OK) {
        status = sprout_store_newest_receipt(store, &newest, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_signs_new(&r->shown, err);
    }
    if (status == SPROUT_OK) {
        r->shown->last = newest > SIGNS_RECEIPTS_MAX ? newest - SIGNS_RECEIPTS_MAX : 0;
        r->shown->feedback.judged_at = r->said.judged_at;
        status = sprout_signs_read(r->shown, store, SIGNS_RECEIPTS_MAX, &more, err);
    }
    return status;
}

static enum sprout_status sum_up(struct sprout_savings *r, struct sprout_store *store,
                                 struct sprout_error *err)
{
    struct rows rows = {.report = r};
    enum sprout_status status =
        sprout_store_sums(store, r->range, r->by, add_row, &rows, err);

    if (status == SPROUT_OK && rows.no_memory) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the report");
    }
    if (status == SPROUT_OK) {
        status = sprout_store_sums(store, r->range, 0, set_total, r, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_sums(store, r->range, SPROUT_BY_ARM, add_arm, r, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_sums(store, r->range, SPROUT_BY_METHOD, add_method, r, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_sums(store, r->range, SPROUT_BY_SLOT, add_grid, r, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_evaluation_cost(store, r->range, &r->evaluation, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_health(store, &r->health, err);
    }
    return status == SPROUT_OK ? read_users(r, store, err) : status;
}

/* ---- the saving ------------------------------------------------------------------------ */

static uint64_t cell_of(const struct sprout_store_conversation *c)
{
    const struct sprout_hash_key key = {0, 0};
    const struct sprout_str parts[] = {c->rule, c->stratum, c->model};
    struct sprout_hash h = sprout_hash_begin(key);

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        sprout_hash_u64(&h, parts[i].len); /* so that a|bc is not ab|c */
        sprout_hash_feed(&h, parts[i].ptr, parts[i].len);
    }
    return sprout_hash_end(h);
}

static enum sprout_estimate_arm arm_of(struct sprout_str arm)
{
    return sprout_str_eq(arm, SPROUT_STR("holdout"))   ? SPROUT_ESTIMATE_HOLDOUT
           : sprout_str_eq(arm, SPROUT_STR("explore")) ? SPROUT_ESTIMATE_EXPLORE
                                                       : SPROUT_ESTIMATE_MIX;
}

struct sprout_estimate_unit sprout_savings_unit(const struct sprout_store_conversation *c)
{
    const bool all_graded = c->metered > 0 && c->graded == c->metered;
    return (struct sprout_estimate_unit){
        .cell = cell_of(c),
        .arm = arm_of(c->arm),
        .at_l1 = c->at_l1 == c->requests,
        .energy = {c->metered > 0 ? (double)c->energy.v / MICRO : NAN},
        .grams = {all_graded ? (double)c->grams.v / MICRO : NAN},
        .predicted = c->predicted < 0 ? NAN : (double)c->predicted / SPROUT_PREDICT_TOKEN,
    };
}

static void add_unit(void *ctx, const struct sprout_store_conversation *c)
{
    const struct sprout_estimate_unit unit = sprout_savings_unit(c);
    sprout_estimate_add(ctx, &unit);
}

static enum sprout_status estimate(struct sprout_savings *r, struct sprout_store *store,
                                   struct sprout_error *err)
{
    const size_t size = sprout_estimate_memory(SPROUT_SAVINGS_CELLS_MAX);
    void *const block = malloc(size);
    struct sprout_arena arena = sprout_arena_of(block, size);
    struct sprout_estimate *const e =
        block == NULL ? NULL : sprout_estimate_new(&arena, SPROUT_SAVINGS_CELLS_MAX);
    enum sprout_status status =
        e == NULL ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the estimate")
                  : sprout_store_conversations(store, r->range, add_unit, e, err);

    if (status == SPROUT_OK) {
        r->saved = sprout_estimate_result(e);
    }
    free(block);
    return status;
}

/* ---- life ------------------------------------------------------------------------------ */

/* Sums are by the hour: an end inside an hour takes the whole hour in. */
static struct sprout_store_range whole_hours(struct sprout_store_range range)
{
    const int64_t hour_ns = SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;

    if (range.since.ns != INT64_MIN) {
        range.since.ns = sprout_instant_hour(range.since) * hour_ns;
    }
    if (range.until.ns != INT64_MAX && range.until.ns % hour_ns != 0) {
        range.until.ns = (sprout_instant_hour(range.until) + 1) * hour_ns;
    }
    return range;
}

enum sprout_status sprout_savings_make(struct sprout_store *store,
                                       struct sprout_store_range range,
                                       enum sprout_store_by by,
                                       struct sprout_savings **out,
                                       struct sprout_error *err)
{
    struct sprout_savings *const r = calloc(1, sizeof *r);
    if (r == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the report");
    }
    r->range = whole_hours(range);
    r->by = by;
    enum sprout_status status = sprout_store_freeze(store, err);
    if (status == SPROUT_OK) {
        status = sum_up(r, store, err);
    }
    if (status == SPROUT_OK) {
        status = estimate(r, store, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_latency_of(store, r->range, &r->latency, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_metered(store, r->range, &r->metered, err);
    }
    sprout_store_rollback(store);
    if (status != SPROUT_OK) {
        sprout_savings_free(r);
        return status;
    }
    *out = r;
    return SPROUT_OK;
}

enum sprout_status sprout_savings_group(struct sprout_store *store,
                                        struct sprout_store_range range,
                                        enum sprout_store_by by,
                                        struct sprout_savings_row **out, size_t *out_rows,
                                        struct sprout_error *err)
{
    struct sprout_savings r = {.range = range, .by = by};
    struct rows rows = {.report = &r};
    enum sprout_status status = sprout_store_sums(store, range, by, add_row, &rows, err);

    if (status == SPROUT_OK && rows.no_memory) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the report");
    }
    *out = r.row;
    *out_rows = r.rows;
    return status;
}

void sprout_savings_free(struct sprout_savings *r)
{
    if (r != NULL) {
        free(r->row);
        sprout_signs_free(r->shown);
        free(r);
    }
}

/* ---- net of what judging cost ------------------------------------------------------------ */

static struct sprout_interval less(struct sprout_interval gross, double cost)
{
    return (struct sprout_interval){gross.value - cost, gross.low - cost,
                                    gross.high - cost};
}

double sprout_savings_evaluation_joules(const struct sprout_savings *r)
{
    return (double)(r->evaluation.answer_energy_uj + r->evaluation.judge_energy_uj) /
           MICRO;
}

double sprout_savings_evaluation_grams(const struct sprout_savings *r)
{
    return (double)(r->evaluation.answer_grams_ug + r->evaluation.judge_grams_ug) / MICRO;
}

struct sprout_interval sprout_savings_net_joules(const struct sprout_savings *r)
{
    return less(r->saved.joules, sprout_savings_evaluation_joules(r));
}

struct sprout_interval sprout_savings_net_grams(const struct sprout_savings *r)
{
    return less(r->saved.grams, sprout_savings_evaluation_grams(r));
}

/* ---- what a sum means ------------------------------------------------------------------ */

double sprout_savings_grams(const struct sprout_store_sum *sum)
{
    return sum->graded == 0 ? NAN
                            : (double)(sum->operational_ug + sum->embodied_ug) / MICRO;
}

double sprout_savings_joules(const struct sprout_store_sum *sum)
{
    return sum->metered == 0 ? NAN : (double)sum->energy_uj / MICRO;
}

double sprout_savings_mean_tokens(const struct sprout_store_sum *sum)
{
    return sum->metered == 0 ? NAN : (double)sum->completion / (double)sum->metered;
}

double sprout_savings_mean_seconds(const struct sprout_store_sum *sum)
{
    return sum->requests == 0 ? NAN
                              : (double)sum->duration_us / MICRO / (double)sum->requests;
}

const char *sprout_savings_by_text(enum sprout_store_by by)
{
    return by == SPROUT_BY_HOUR    ? "hour"
           : by == SPROUT_BY_MODEL ? "model"
           : by == SPROUT_BY_ZONE  ? "zone"
           : by == SPROUT_BY_ARM   ? "arm"
           : by == SPROUT_BY_ROUTE ? "route"
                                   : "level";
}

void sprout_savings_row_name(const struct sprout_savings *r,
                             const struct sprout_savings_row *row, struct sprout_buf *out)
{
    if (r->by == SPROUT_BY_HOUR) {
        const int64_t seconds = row->sum.hour * SECONDS_PER_HOUR;
        sprout_instant_put(out, (sprout_instant){seconds * SPROUT_NS_PER_SECOND});
        return;
    }
    const struct sprout_str name = sprout_str_of(row->name);
    sprout_buf_put(out, name.len == 0 ? SPROUT_STR("(unknown)") : name);
}
