/* SPDX-License-Identifier: Apache-2.0 */
/* backfill.c - see backfill.h. */
#include "control/backfill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/store_history.h"
#include "core/carbon.h"
#include "core/instant.h"
#include "core/receipt.h"
#include "wire/policy_json.h"

enum { SECONDS_PER_HOUR = 3600, ID_CAP = 128 };

static const int64_t hour_ns = SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;

/* What an hour may be worth, by provider of the past. */
struct known {
    const struct sprout_grid_list *list;
    struct sprout_backfill_hours hours;
    char zone[SPROUT_NAME_MAX + 1]; /* whose slots come now */
    double *sum;                    /* g/kWh times ns, one an hour */
    int64_t *covered;               /* ns of the hour that slots say something of */
    sprout_instant end;             /* of the last slot */
    double *value;                  /* NaN: not known */
};

struct work {
    struct sprout_store *store;
    char *text;   /* SPROUT_POLICY_BYTES_MAX, of the policy in `policy` */
    char *memory; /* SPROUT_POLICY_MEMORY */
    char id[ID_CAP];
    const struct sprout_policy *policy; /* NULL: `id` has none */
    const struct sprout_grid_trace *trace;
    enum sprout_grid_scope scope;
    struct known known;
};

/* ---- what a receipt is worth ----------------------------------------------------------- */

static void look_up(struct work *w, struct sprout_str id)
{
    const struct sprout_policy *policy = NULL;
    struct sprout_buf b = sprout_buf_of(w->text, SPROUT_POLICY_BYTES_MAX);
    struct sprout_arena arena = sprout_arena_of(w->memory, SPROUT_POLICY_MEMORY);

    if (sprout_str_eq(id, sprout_str_of(w->id)) || id.len >= sizeof w->id) {
        return;
    }
    snprintf(w->id, sizeof w->id, "%.*s", (int)id.len, id.ptr);
    const bool read =
        sprout_store_policy(w->store, id, &b, NULL) == SPROUT_OK &&
        sprout_policy_read(sprout_buf_str(&b), &arena, &policy, NULL) == SPROUT_OK;
    w->policy = read ? policy : NULL;
}

static int stratum_of(const struct sprout_policy *p, struct sprout_str name)
{
    for (size_t i = 0; i < p->stratum_count; i++) {
        if (sprout_str_eq(p->strata[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

static void grams(void *ctx, const struct sprout_store_waiting *r,
                  sprout_g_per_kwh intensity, sprout_micrograms *out_operational,
                  sprout_micrograms *out_l0)
{
    struct work *const w = ctx;

    look_up(w, r->policy);
    if (w->policy == NULL) {
        return; /* how it was to be counted is not known any more */
    }
    struct sprout_policy then = *w->policy;
    then.grid.intensity = intensity;
    const sprout_joules energy = {(double)r->energy.v / 1e6};
    const struct sprout_receipt made = sprout_receipt_make(
        &then, r->model, stratum_of(&then, r->stratum), r->usage, r->estimated);
    *out_operational =
        sprout_micrograms_of(sprout_carbon_operational(&then.carbon, intensity, energy));
    *out_l0 = sprout_micrograms_of(made.grams_l0);
}

static enum sprout_status run(struct work *w, struct sprout_store_backfill_opts *opts,
                              struct sprout_store_backfilled *out,
                              struct sprout_error *err)
{
    w->text = malloc(SPROUT_POLICY_BYTES_MAX);
    w->memory = malloc(SPROUT_POLICY_MEMORY);
    opts->source = SPROUT_STR("backfilled");
    opts->grams = grams;
    opts->ctx = w;
    const enum sprout_status status =
        w->text == NULL || w->memory == NULL
            ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory to backfill")
            : sprout_store_backfill(w->store, opts, out, err);
    free(w->text);
    free(w->memory);
    return status;
}

/* ---- from a file ----------------------------------------------------------------------- */

/* The mean of the hour's slots; NaN if one of them is missing. */
static sprout_g_per_kwh trace_value(void *ctx, int64_t hour)
{
    const struct work *const w = ctx;
    const int64_t begin = hour * hour_ns;
    double sum = 0;
    int64_t n = 0;

    for (int64_t at = begin; at < begin + hour_ns; at += w->trace->step.ns) {
        const struct sprout_grid_slot *const s =
            sprout_grid_trace_at(w->trace, (sprout_instant){at});
        sum += s == NULL ? (double)NAN : sprout_grid_slot_value(s, w->scope).v;
        n++;
    }
    return (sprout_g_per_kwh){sum / (double)n};
}

enum sprout_status sprout_backfill_trace(struct sprout_store *store,
                                         const struct sprout_grid_trace *trace,
                                         enum sprout_grid_scope scope,
                                         struct sprout_store_backfilled *out,
                                         struct sprout_error *err)
{
    struct work w = {.store = store, .trace = trace, .scope = scope};
    struct sprout_store_backfill_opts opts = {
        .zone = sprout_str_of(trace->zone),
        .nameless = true,
        .since_hour = INT64_MIN,
        .until_hour = INT64_MAX,
        .value = trace_value,
    };
    return run(&w, &opts, out, err);
}

/* ---- from the ledger's history --------------------------------------------------------- */

static size_t hours_of(const struct known *k)
{
    return (size_t)(k->hours.until - k->hours.since);
}

/* Hours that one provider knows whole; what an earlier one knew stays. */
static void close_zone(struct known *k)
{
    for (size_t i = 0; i < hours_of(k); i++) {
        if (isnan(k->value[i]) && k->covered[i] == hour_ns) {
            k->value[i] = k->sum[i] / (double)hour_ns;
        }
        k->sum[i] = 0;
        k->covered[i] = 0;
    }
    k->end.ns = INT64_MIN;
}

static void add_slot(void *ctx, const struct sprout_grid_value *v)
{
    struct known *const k = ctx;
    /* A slot of another length may begin inside the one before it. */
    const int64_t from = v->slot_start.ns > k->end.ns ? v->slot_start.ns : k->end.ns;

    if (v->forecast || !sprout_grid_list_has_zone(k->list, v->zone)) {
        return;
    }
    if (!sprout_str_eq(v->zone, sprout_str_of(k->zone))) {
        close_zone(k);
        snprintf(k->zone, sizeof k->zone, "%.*s", (int)v->zone.len, v->zone.ptr);
        add_slot(k, v);
        return;
    }
    for (int64_t at = from; at < v->slot_end.ns;) {
        const int64_t hour = sprout_instant_hour((sprout_instant){at});
        const int64_t next = (hour + 1) * hour_ns;
        const int64_t end = v->slot_end.ns < next ? v->slot_end.ns : next;
        if (hour >= k->hours.since && hour < k->hours.until) {
            k->sum[hour - k->hours.since] += v->intensity.v * (double)(end - at);
            k->covered[hour - k->hours.since] += end - at;
        }
        at = end;
    }
    k->end.ns = v->slot_end.ns > k->end.ns ? v->slot_end.ns : k->end.ns;
}

static sprout_g_per_kwh known_value(void *ctx, int64_t hour)
{
    const struct known *const k = &((const struct work *)ctx)->known;
    const bool inside = hour >= k->hours.since && hour < k->hours.until;
    return (sprout_g_per_kwh){inside ? k->value[hour - k->hours.since] : (double)NAN};
}

static enum sprout_status read_history(struct work *w, struct sprout_error *err)
{
    struct known *const k = &w->known;
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    const struct sprout_store_range range = {{(k->hours.since - 1) * hour_ns},
                                             {k->hours.until * hour_ns}};
    for (size_t i = 0; i < hours_of(k); i++) {
        k->value[i] = NAN;
    }
    sprout_grid_list_signal(k->list, &kind, &scope);
    const enum sprout_status status =
        sprout_store_history(w->store, range, kind, scope, add_slot, k, err);
    close_zone(k);
    return status;
}

enum sprout_status sprout_backfill_history(struct sprout_store *store,
                                           const struct sprout_grid_list *list,
                                           struct sprout_str zone, bool nameless,
                                           struct sprout_backfill_hours hours,
                                           struct sprout_store_backfilled *out,
                                           struct sprout_error *err)
{
    struct work w = {.store = store, .known = {.list = list, .hours = hours}};
    struct sprout_store_backfill_opts opts = {
        .zone = zone,
        .nameless = nameless,
        .since_hour = hours.since,
        .until_hour = hours.until,
        .value = known_value,
    };
    if (hours.until <= hours.since ||
        hours.until - hours.since > SPROUT_BACKFILL_HOURS_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "expected 1 to %d hours to backfill",
                           SPROUT_BACKFILL_HOURS_MAX);
    }
    struct known *const k = &w.known;
    const size_t n = hours_of(k);
    k->end.ns = INT64_MIN;
    k->sum = calloc(n, sizeof k->sum[0]);
    k->covered = calloc(n, sizeof k->covered[0]);
    k->value = calloc(n, sizeof k->value[0]);
    enum sprout_status status =
        k->sum == NULL || k->covered == NULL || k->value == NULL
            ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory to backfill")
            : read_history(&w, err);
    if (status == SPROUT_OK) {
        status = run(&w, &opts, out, err);
    }
    free(k->sum);
    free(k->covered);
    free(k->value);
    return status;
}
