/* SPDX-License-Identifier: Apache-2.0 */
/* store_backfill.h - grams for requests that were served while nobody knew the grid.
 *
 * An hour of the ledger whose grid value is unknown gets one, once it is known: its receipts
 * get their grams, its sums move to the new value, its conversations count as graded.  One
 * transaction for all, so that it happened or did not; what has a value is never touched, so
 * that doing it twice is doing it once.
 * An hour whose receipts were forgotten already stays unknown, and is counted. */
#ifndef SPROUT_ADAPT_STORE_BACKFILL_H
#define SPROUT_ADAPT_STORE_BACKFILL_H

#include "adapt/store.h"

/* A receipt that waits; views hold until the call returns. */
struct sprout_store_waiting {
    struct sprout_str policy, model, stratum;
    struct sprout_usage usage;
    bool estimated;
    sprout_microjoules energy;
};

struct sprout_store_backfill_opts {
    struct sprout_str zone;   /* hours of this zone */
    bool nameless;            /* and those of "-" */
    int64_t since_hour;       /* since 1970 */
    int64_t until_hour;       /* no longer part of it */
    struct sprout_str source; /* stands as quality beside the value: "backfilled" */
    /* NaN: unknown still. */
    sprout_g_per_kwh (*value)(void *ctx, int64_t hour);
    /* Amounts, SPROUT_MICRO_UNKNOWN where they cannot be told. */
    void (*grams)(void *ctx, const struct sprout_store_waiting *w,
                  sprout_g_per_kwh intensity, sprout_micrograms *out_operational,
                  sprout_micrograms *out_grams_l0);
    void *ctx;
};

struct sprout_store_backfilled {
    int64_t hours;    /* that have a value now */
    int64_t receipts; /* that have grams now */
    int64_t unknown;  /* hours that the history does not cover either */
    int64_t forgotten;
    sprout_micrograms operational; /* of those receipts */
};

/* From the first to after the last hour in [since, until) of the zone that has energy and no
 * grid value, with its receipts still there; 0 and 0: none waits. */
SPROUT_MUST_USE enum sprout_status sprout_store_waiting_hours(
    struct sprout_store *s, struct sprout_str zone, bool nameless, int64_t since,
    int64_t until, int64_t *out_first, int64_t *out_after, struct sprout_error *err);

SPROUT_MUST_USE enum sprout_status sprout_store_backfill(
    struct sprout_store *s, const struct sprout_store_backfill_opts *opts,
    struct sprout_store_backfilled *out, struct sprout_error *err);

#endif
