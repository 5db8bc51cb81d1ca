/* SPDX-License-Identifier: Apache-2.0 */
/* grid_json.h - reading a provider's JSON; for the parsers of grid_*.c only.
 *
 * Absent, null and of another type are told apart only where a provider's habits ask for
 * it.  Text views live as long as the JSON value. */
#ifndef SPROUT_ADAPT_GRID_JSON_H
#define SPROUT_ADAPT_GRID_JSON_H

#include <jansson.h>

#include "adapt/grid_reply.h"

/* Owned: json_decref().  SPROUT_SYNTAX says what the bytes look like instead; an object
 * with `error`, or an RFC 7807 problem, is SPROUT_INVALID with the provider's words. */
SPROUT_MUST_USE enum sprout_status sprout_grid_json_load(struct sprout_str body,
                                                         json_t **out,
                                                         struct sprout_error *err);

/* The text of a member; empty if it is absent or no text. */
struct sprout_str sprout_grid_json_text(const json_t *object, const char *name);

SPROUT_MUST_USE enum sprout_status sprout_grid_json_moment(const json_t *object,
                                                           const char *name,
                                                           sprout_instant *out,
                                                           struct sprout_error *err);

/* A slot whose value is `value` (json null: counted, no point).  Refuses what is no number
 * and what is out of bounds. */
struct sprout_grid_slot_at {
    sprout_instant start;
    int64_t seconds;
    double scale; /* g/kWh per unit of the value */
    bool estimated;
    bool forecast;
};
SPROUT_MUST_USE enum sprout_status sprout_grid_points_add(
    struct sprout_grid_points *p, const struct sprout_grid_slot_at *slot,
    const json_t *value, struct sprout_error *err);

/* Sorts; of slots with one start a measured one beats a forecast.  SPROUT_STALE: the reply
 * held no slot; SPROUT_INVALID: only slots without a value. */
SPROUT_MUST_USE enum sprout_status sprout_grid_points_finish(struct sprout_grid_points *p,
                                                             struct sprout_error *err);

/* SPROUT_INVALID unless they are the same text. */
SPROUT_MUST_USE enum sprout_status sprout_grid_same(const char *what,
                                                    struct sprout_str got,
                                                    struct sprout_str asked,
                                                    struct sprout_error *err);

/* printf into the URL; false if it does not fit. */
bool sprout_grid_put_url(struct sprout_grid_request *out, const char *format, ...)
    SPROUT_PRINTF(2, 3);

/* "2025-01-01T00", "2018-01-20T12:00Z": the first `chars` of the RFC 3339 form. */
void sprout_grid_put_moment(char out[32], sprout_instant t, int chars);

#endif
