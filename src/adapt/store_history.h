/* SPDX-License-Identifier: Apache-2.0 */
/* store_history.h - every value that a live grid had, kept for good.
 *
 * One row a zone, signal, factors and slot; a later word on a slot replaces an earlier one,
 * but never a measured one by a foretold one. */
#ifndef SPROUT_ADAPT_STORE_HISTORY_H
#define SPROUT_ADAPT_STORE_HISTORY_H

#include "adapt/grid.h"
#include "adapt/store.h"

SPROUT_MUST_USE enum sprout_status sprout_store_put_history(
    struct sprout_store *s, const struct sprout_grid_value *v, struct sprout_error *err);

/* Ascending by start within a zone; views are borrowed until it returns. */
typedef void sprout_store_history_fn(void *ctx, const struct sprout_grid_value *v);

/* Slots that begin in `range`, of one signal and its factors, all zones. */
SPROUT_MUST_USE enum sprout_status sprout_store_history(
    struct sprout_store *s, struct sprout_store_range range, enum sprout_grid_kind kind,
    enum sprout_grid_scope scope, sprout_store_history_fn *each, void *ctx,
    struct sprout_error *err);

#endif
