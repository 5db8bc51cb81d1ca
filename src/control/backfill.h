/* SPDX-License-Identifier: Apache-2.0 */
/* backfill.h - grams for hours that were served while nobody knew the grid.
 *
 * What an hour was worth comes from a file (`sprout ledger backfill`) or from the values the
 * ledger kept of a provider (the daemon, once one is back); what a receipt is worth at that
 * value comes from the policy it was served under.  An hour counts only if it is known
 * whole; what has grams is never touched (adapt/store_backfill.h).
 * Memory: a few megabytes for the time of a call.  Threads: the store's. */
#ifndef SPROUT_CONTROL_BACKFILL_H
#define SPROUT_CONTROL_BACKFILL_H

#include "adapt/grid_csv.h"
#include "adapt/grid_list.h"
#include "adapt/store_backfill.h"

/* Hours since 1970; `until` is no longer part of it. */
struct sprout_backfill_hours {
    int64_t since;
    int64_t until;
};

#define SPROUT_BACKFILL_ALL ((struct sprout_backfill_hours){INT64_MIN, INT64_MAX})

/* From a file. */
SPROUT_MUST_USE enum sprout_status sprout_backfill_trace(
    struct sprout_store *store, const struct sprout_grid_trace *trace,
    enum sprout_grid_scope scope, struct sprout_store_backfilled *out,
    struct sprout_error *err);

/* From what the ledger kept of the providers of `list`, at most SPROUT_BACKFILL_HOURS_MAX
 * hours.  `zone`: the place's name; `nameless`: hours of no zone are its, too. */
enum { SPROUT_BACKFILL_HOURS_MAX = 24 * 31 };
SPROUT_MUST_USE enum sprout_status sprout_backfill_history(
    struct sprout_store *store, const struct sprout_grid_list *list,
    struct sprout_str zone, bool nameless, struct sprout_backfill_hours hours,
    struct sprout_store_backfilled *out, struct sprout_error *err);

#endif
