/* SPDX-License-Identifier: Apache-2.0 */
/* grid_try.h - ask every provider of a list once, and wait for it: for commands.
 *
 * Blocking, at most `limit`; the daemon never calls it. */
#ifndef SPROUT_ADAPT_GRID_TRY_H
#define SPROUT_ADAPT_GRID_TRY_H

#include "adapt/grid_list.h"

/* Asks all of them; false: some had not answered in time.  `all` false: only those that the
 * daemon would ask. */
bool sprout_grid_try(struct sprout_grid_list *l, bool all, sprout_span limit);

/* Fills `out` with one line on the i-th: the value, or what is wrong and whose it is to
 * mend.  SPROUT_OK, SPROUT_UNAVAILABLE, SPROUT_CONFIG (key, plan, zone), SPROUT_INVALID,
 * SPROUT_STALE. */
enum sprout_status sprout_grid_try_line(struct sprout_grid_list *l, size_t i,
                                        sprout_instant now, char *out, size_t cap);

#endif
