/* SPDX-License-Identifier: Apache-2.0 */
/* grid_recall.h - a list of providers learns what the ledger kept of its past.
 *
 * Range and forecast rest on what was live; without this they would begin anew with each
 * process.  Values of other zones, signals or factors are left out. */
#ifndef SPROUT_ADAPT_GRID_RECALL_H
#define SPROUT_ADAPT_GRID_RECALL_H

#include "adapt/grid_list.h"
#include "adapt/store.h"

/* Slots that begin at `since` or later. */
SPROUT_MUST_USE enum sprout_status sprout_grid_recall(struct sprout_grid_list *l,
                                                      struct sprout_store *store,
                                                      sprout_instant since,
                                                      struct sprout_error *err);

#endif
