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
    struct sprout_forecast_error ahead[AHEAD];
    double mean;
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
    double sum = 0;

    *out = (struct errors){.mean = 0};
    for (size_t i = past; i + 1 < n; i++) {
        sum += isnan(v[i].v) ? 0 : v[i].v;
        out->hours += !isnan(v[i].v);
    }
    out->mean = out->hours > 0 ? sum / (double)out->hours : (double)NAN;
    sprout_forecast_measure(&sprout_forecast_default, v, n, first, past, out->ahead,
                            AHEAD);
}

static void print_json(const struct errors *e, const char *zone)
{
    printf("{\"zone\":\"%s\",\"hours\":%lld,\"mean_g_per_kwh\":%.4f,\"ahead\":[", zone,
           (long long)e->hours, e->mean);
    for (int k = 0; k < AHEAD; k++) {
        printf("%s{\"hours\":%d,\"error\":%.4f,\"error_as_now\":%.4f}", k > 0 ? "," : "",
               k + 1, e->ahead[k].ours, e->ahead[k].as_now);
    }
    printf("]}\n");
}

static void print_full(const struct errors *e, const char *zone)
{
    printf("%s: %lld forecasts, mean %.1f g/kWh; mean absolute error in g/kWh\n"
           "hours ahead  forecast  as now\n",
           zone, (long long)e->hours, e->mean);
    for (int k = 0; k < AHEAD; k++) {
        if (k < 3 || k % 6 == 5) {
            printf("%11d  %8.2f  %6.2f\n", k + 1, e->ahead[k].ours, e->ahead[k].as_now);
        }
    }
}

/* A row of the table in docs/grid.md. */
static void print_row(const struct errors *e, const char *zone)
{
    static const int hours[] = {1, 6, 24};
    printf("%-14s %6.0f", zone, e->mean);
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++) {
        const struct sprout_forecast_error *const at = &e->ahead[hours[i] - 1];
        printf("  %6.1f (%.1f)", at->ours, at->as_now);
    }
    putchar('\n');
}

static enum sprout_status one_file(const char *path, struct sprout_str zone,
                                   enum sprout_grid_scope scope, bool json, bool row,
                                   struct sprout_error *err)
{
    struct sprout_grid_trace t = {.slots = NULL};
    struct errors e;
    size_t n = 0;
    enum sprout_status status = sprout_grid_trace_read(path, zone, &t, err);
    sprout_g_per_kwh *const v = status == SPROUT_OK ? hourly(&t, scope, &n) : NULL;

    if (status == SPROUT_OK && v == NULL) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the file's hours");
    }
    if (status == SPROUT_OK) {
        measure(v, n, sprout_instant_hour(t.slots[0].start), &e);
        if (e.hours == 0) {
            status =
                sprout_fail(err, SPROUT_STALE,
                            "%.200s is too short: expected six weeks of hours", path);
        } else if (json) {
            print_json(&e, t.zone);
        } else {
            (row ? print_row : print_full)(&e, t.zone);
        }
    }
    free(v);
    sprout_grid_trace_free(&t);
    return status;
}

enum sprout_status sprout_grid_error(const struct sprout_grid_args *a,
                                     const struct sprout_config *c)
{
    struct sprout_error err = {.message = ""};
    enum sprout_status status = SPROUT_OK;

    if (a->files == 0 && c->grid.source != SPROUT_GRID_CSV) {
        status = sprout_fail(&err, SPROUT_USAGE,
                             "error: expected FILE..., or --grid csv:FILE");
    } else if (a->files == 0) {
        status = one_file(c->grid.csv.file, sprout_str_of(c->grid.zone),
                          c->grid.csv.column, a->json, false, &err);
    }
    if (a->files > 1 && !a->json) {
        printf("mean absolute error in g/kWh of our forecast (of the guess that nothing "
               "changes)\n%-14s %6s  %s  %s  %s\n",
               "zone", "mean", "   1 h ahead", "     6 h", "      24 h");
    }
    for (size_t i = 0; status == SPROUT_OK && i < a->files; i++) {
        status = one_file(a->file[i], SPROUT_STR(""), SPROUT_GRID_DIRECT, a->json,
                          a->files > 1, &err);
    }
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout grid: %s\n", err.message);
    }
    return status;
}
