/* SPDX-License-Identifier: Apache-2.0 */
/* instant.h - moments as text: every form that grids, files and people use.
 *
 * Read: `2024-10-23T14:00:00.000Z`, `2018-01-20T12:00Z` (no seconds), `+02:00` offsets,
 * `2025-01-01T00` (hour only), `2023-01-01 00:00:00` (no suffix means UTC), a bare date.
 * Written: RFC 3339 in UTC with whole seconds, or milliseconds where asked for.
 * Proleptic Gregorian calendar, years 1970 to 2261 (what int64 nanoseconds hold); leap
 * seconds do not exist, as in POSIX.  Pure; no time zone database. */
#ifndef SPROUT_CORE_INSTANT_H
#define SPROUT_CORE_INSTANT_H

#include "base/status.h"
#include "base/str.h"
#include "core/units.h"

SPROUT_MUST_USE enum sprout_status sprout_instant_parse(struct sprout_str text,
                                                        sprout_instant *out);

/* Appends `2023-02-03T08:00:00Z`. */
void sprout_instant_put(struct sprout_buf *b, sprout_instant t);
/* Appends `2023-02-03T08:00:00.125Z`. */
void sprout_instant_put_ms(struct sprout_buf *b, sprout_instant t);

/* Whole seconds or hours since 1970, rounded down. */
int64_t sprout_instant_seconds(sprout_instant t);
int64_t sprout_instant_hour(sprout_instant t);

#endif
