/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ledger.c - `sprout ledger backfill`: grams for hours whose grid nobody knew. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapt/grid_csv.h"
#include "adapt/store_backfill.h"
#include "cli/cli.h"
#include "control/planner.h"
#include "core/carbon.h"
#include "core/instant.h"
#include "core/receipt.h"
#include "wire/policy_json.h"

enum { PATH_CAP = 4096, SECONDS_PER_HOUR = 3600, ID_CAP = 128 };

static const char help[] =
    "usage: sprout ledger backfill --csv FILE [--column C] [--zone Z] [--dir DIR] "
    "[--json]\n\n"
    "Requests that were served while the carbon intensity was unknown have joules and "
    "no\n"
    "grams.  This gives them grams from a file of the past, each hour at its mean, "
    "exactly\n"
    "once; what has grams is left alone.\n\n"
    "  --csv FILE   Electricity Maps CSV file that covers those hours\n"
    "  --column C   direct (default) or lifecycle\n"
    "  --zone Z     the zone that the file must be of\n"
    "  --dir DIR    folder of ledger.db (sprout-data); control may be running\n"
    "  --json       for programs\n"
    "  --help       this text\n\n"
    "Exit status 0 when done (even if nothing waited), 66 without ledger or file, 65 for "
    "a\n"
    "bad file, 75 when the ledger is busy, 2 for a wrong command line.\n";

struct args {
    const char *csv, *column, *zone, *dir;
    bool json;
};

struct work {
    struct sprout_grid_trace trace;
    enum sprout_grid_scope scope;
    struct sprout_store *store;
    char *text;   /* SPROUT_POLICY_BYTES_MAX, of the policy in `policy` */
    char *memory; /* SPROUT_PLAN_MEMORY */
    char id[ID_CAP];
    const struct sprout_policy *policy; /* NULL: `id` has none */
};

/* ---- what an hour and a receipt are worth ---------------------------------------------- */

/* The mean of the hour's slots; NaN if one of them is missing. */
static sprout_g_per_kwh hour_value(void *ctx, int64_t hour)
{
    const struct work *const w = ctx;
    const int64_t begin = hour * SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
    const int64_t end = begin + SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
    double sum = 0;
    int64_t n = 0;

    for (int64_t at = begin; at < end; at += w->trace.step.ns) {
        const struct sprout_grid_slot *const s =
            sprout_grid_trace_at(&w->trace, (sprout_instant){at});
        sum += s == NULL ? (double)NAN : sprout_grid_slot_value(s, w->scope).v;
        n++;
    }
    return (sprout_g_per_kwh){sum / (double)n};
}

static void look_up(struct work *w, struct sprout_str id)
{
    const struct sprout_policy *policy = NULL;
    struct sprout_buf b = sprout_buf_of(w->text, SPROUT_POLICY_BYTES_MAX);
    struct sprout_arena arena = sprout_arena_of(w->memory, SPROUT_PLAN_MEMORY);

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

/* ---- the command ----------------------------------------------------------------------- */

static enum sprout_status open_ledger(const char *dir, struct sprout_store **out,
                                      struct sprout_error *err)
{
    char path[PATH_CAP];
    struct stat st;
    const int n = snprintf(path, sizeof path, "%s/ledger.db", dir);

    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st) != 0) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "no ledger at %.300s/ledger.db: expected --dir DIR", dir);
    }
    return sprout_store_open(path, SPROUT_STORE_WRITE, out, err);
}

static void tell(const struct args *a, const struct sprout_store_backfilled *d)
{
    if (a->json) {
        printf("{\"hours\":%lld,\"receipts\":%lld,\"operational_ug\":%lld,"
               "\"hours_unknown\":%lld,\"hours_forgotten\":%lld}\n",
               (long long)d->hours, (long long)d->receipts, (long long)d->operational.v,
               (long long)d->unknown, (long long)d->forgotten);
        return;
    }
    printf("%lld hours have a value now, %lld requests have grams: %.6g g in all\n",
           (long long)d->hours, (long long)d->receipts, (double)d->operational.v / 1e6);
    if (d->unknown > 0) {
        printf("%lld hours stay unknown: the file does not cover them\n",
               (long long)d->unknown);
    }
    if (d->forgotten > 0) {
        printf("%lld hours stay unknown: their receipts are older than the retention\n",
               (long long)d->forgotten);
    }
}

static enum sprout_status backfill(const struct args *a, struct sprout_error *err)
{
    struct sprout_store_backfilled done;
    struct work w = {.scope = strcmp(a->column, "direct") == 0 ? SPROUT_GRID_DIRECT
                                                               : SPROUT_GRID_LIFECYCLE,
                     .text = malloc(SPROUT_POLICY_BYTES_MAX),
                     .memory = malloc(SPROUT_PLAN_MEMORY)};
    enum sprout_status status =
        w.text == NULL || w.memory == NULL
            ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory to backfill")
            : sprout_grid_trace_read(a->csv, sprout_str_of(a->zone), &w.trace, err);
    if (status == SPROUT_OK) {
        status = open_ledger(a->dir, &w.store, err);
    }
    if (status == SPROUT_OK) {
        const struct sprout_store_backfill_opts opts = {
            .zone = sprout_str_of(w.trace.zone),
            .source = SPROUT_STR("backfilled"),
            .value = hour_value,
            .grams = grams,
            .ctx = &w,
        };
        status = sprout_store_backfill(w.store, &opts, &done, err);
    }
    if (status == SPROUT_OK) {
        tell(a, &done);
    }
    sprout_store_close(w.store);
    sprout_grid_trace_free(&w.trace);
    free(w.text);
    free(w.memory);
    return status;
}

static enum sprout_status parse(int argc, char **argv, struct args *a,
                                struct sprout_error *err)
{
    const struct {
        const char *option;
        const char **value;
    } values[] = {{"--csv", &a->csv},
                  {"--column", &a->column},
                  {"--zone", &a->zone},
                  {"--dir", &a->dir}};
    enum { VALUES = sizeof values / sizeof values[0] };

    if (argc < 2 || strcmp(argv[1], "backfill") != 0) {
        return sprout_fail(err, SPROUT_USAGE, "expected 'sprout ledger backfill'");
    }
    for (int i = 2; i < argc; i++) {
        size_t k = 0;
        while (k < VALUES && strcmp(argv[i], values[k].option) != 0) {
            k++;
        }
        if (strcmp(argv[i], "--json") == 0) {
            a->json = true;
        } else if (k < VALUES && i + 1 < argc) {
            *values[k].value = argv[++i];
        } else {
            return sprout_fail(err, SPROUT_USAGE, "'%.60s': %s", argv[i],
                               k < VALUES ? "needs a value" : "unknown; see --help");
        }
    }
    if (a->csv == NULL) {
        return sprout_fail(err, SPROUT_USAGE, "--csv FILE is missing");
    }
    if (strcmp(a->column, "direct") != 0 && strcmp(a->column, "lifecycle") != 0) {
        return sprout_fail(err, SPROUT_USAGE,
                           "--column %.40s: expected direct or lifecycle", a->column);
    }
    return SPROUT_OK;
}

int sprout_cmd_ledger(int argc, char **argv)
{
    struct args a = {.column = "direct", .zone = "", .dir = "sprout-data"};
    struct sprout_error err = {.message = ""};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        }
    }
    enum sprout_status status = parse(argc, argv, &a, &err);
    if (status == SPROUT_OK) {
        status = backfill(&a, &err);
    }
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout ledger: %s\n", err.message);
    }
    return sprout_status_exit(status);
}
