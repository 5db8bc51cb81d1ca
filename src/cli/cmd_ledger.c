/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ledger.c - `sprout ledger backfill`: grams for hours whose grid nobody knew. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "control/backfill.h"

enum { PATH_CAP = 4096 };

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
    struct sprout_store_backfilled done = {.hours = 0};
    struct sprout_grid_trace trace = {.slots = NULL};
    struct sprout_store *store = NULL;
    const enum sprout_grid_scope scope =
        strcmp(a->column, "direct") == 0 ? SPROUT_GRID_DIRECT : SPROUT_GRID_LIFECYCLE;
    enum sprout_status status =
        sprout_grid_trace_read(a->csv, sprout_str_of(a->zone), &trace, err);

    if (status == SPROUT_OK) {
        status = open_ledger(a->dir, &store, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_backfill_trace(store, &trace, scope, &done, err);
    }
    if (status == SPROUT_OK) {
        tell(a, &done);
    }
    sprout_store_close(store);
    sprout_grid_trace_free(&trace);
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
