/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid_error.c - `sprout grid error`: how wrong our forecast would have been on a file.
 *
 * Every hour after the first weeks the coming day is foretold from the past alone and then
 * compared; "as now" is the same for the guess that nothing changes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/grid_csv.h"
#include "cli/cmd_grid.h"
#include "core/forecast.h"
#include "core/instant.h"

enum { AHEAD = 24, PAST_WEEKS = 5 }; /* the rule takes what it needs of them */

struct errors {
    double ours[AHEAD], as_now[AHEAD], mean;
    int64_t n[AHEAD];
    int64_t hours;
};

/* Hourly values, NaN where the file has none. */
static sprout_g_per_kwh *hourly(const struct sprout_grid_trace *t,
                                enum sprout_grid_scope scope, size_t *out_n)
{
    const int64_t first = sprout_instant_hour(t->slots[0].start);
    const size_t n =
        (size_t)(sprout_instant_hour(t->slots[t->count - 1].start) - first + 1);
    sprout_g_per_kwh *const v = calloc(n, sizeof v[0]);

    for (size_t i = 0; v != NULL && i < n; i++) {
        const sprout_instant at = {(first + (int64_t)i) * 3600 * SPROUT_NS_PER_SECOND};
        const struct sprout_grid_slot *const s = sprout_grid_trace_at(t, at);
        v[i].v = s == NULL ? (double)NAN : sprout_grid_slot_value(s, scope).v;
    }
    *out_n = n;
    return v;
}

static void measure(const sprout_g_per_kwh *v, size_t n, int64_t first,
                    struct errors *out)
{
    const size_t past = (size_t)PAST_WEEKS * SPROUT_FORECAST_WEEK;
    sprout_g_per_kwh guess[AHEAD];
    double sum = 0;

    *out = (struct errors){.mean = 0};
    for (size_t i = past; i + AHEAD < n; i++) {
        if (isnan(v[i].v)) {
            continue;
        }
        sprout_forecast_make(&sprout_forecast_default, v + i + 1 - past, past,
                             first + (int64_t)i, guess, AHEAD);
        sum += v[i].v;
        out->hours++;
        for (size_t k = 0; k < AHEAD; k++) {
            if (!isnan(v[i + 1 + k].v) && !isnan(guess[k].v)) {
                out->ours[k] += fabs(guess[k].v - v[i + 1 + k].v);
                out->as_now[k] += fabs(v[i].v - v[i + 1 + k].v);
                out->n[k]++;
            }
        }
    }
    out->mean = out->hours > 0 ? sum / (double)out->hours : (double)NAN;
    for (size_t k = 0; k < AHEAD; k++) {
        out->ours[k] /= (double)out->n[k];
        out->as_now[k] /= (double)out->n[k];
    }
}

static void print(const struct errors *e, const char *zone, bool json)
{
    if (json) {
        printf("{\"zone\":\"%s\",\"hours\":%lld,\"mean_g_per_kwh\":%.4f,\"ahead\":[",
               zone, (long long)e->hours, e->mean);
    } else {
        printf("%s: %lld forecasts, mean %.1f g/kWh; mean absolute error in g/kWh\n"
               "hours ahead  forecast  as now\n",
               zone, (long long)e->hours, e->mean);
    }
    for (int k = 0; k < AHEAD; k++) {
        if (json) {
            printf("%s{\"hours\":%d,\"error\":%.4f,\"error_as_now\":%.4f}",
                   k > 0 ? "," : "", k + 1, e->ours[k], e->as_now[k]);
        } else if (k < 3 || k % 6 == 5) {
            printf("%11d  %8.2f  %6.2f\n", k + 1, e->ours[k], e->as_now[k]);
        }
    }
    if (json) {
        printf("]}\n");
    }
}

enum sprout_status sprout_grid_error(const struct sprout_grid_args *a,
                                     const struct sprout_config *c)
{
    struct sprout_grid_trace t = {.slots = NULL};
    struct sprout_error err = {.message = ""};
    struct errors e;
    size_t n = 0;
    enum sprout_status status =
        c->grid.source != SPROUT_GRID_CSV
            ? sprout_fail(&err, SPROUT_USAGE, "error: expected --grid csv:FILE")
            : sprout_grid_trace_read(c->grid.csv.file, sprout_str_of(c->grid.zone), &t,
                                     &err);
    sprout_g_per_kwh *const v =
        status == SPROUT_OK ? hourly(&t, c->grid.csv.column, &n) : NULL;

    if (status == SPROUT_OK && v == NULL) {
        status = sprout_fail(&err, SPROUT_NO_MEMORY, "no memory for the file's hours");
    }
    if (status == SPROUT_OK) {
        measure(v, n, sprout_instant_hour(t.slots[0].start), &e);
        if (e.hours == 0) {
            status = sprout_fail(&err, SPROUT_STALE,
                                 "the file is too short: expected six weeks of hours");
        } else {
            print(&e, t.zone, a->json);
        }
    }
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout grid: %s\n", err.message);
    }
    free(v);
    sprout_grid_trace_free(&t);
    return status;
}
