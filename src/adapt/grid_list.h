/* SPDX-License-Identifier: Apache-2.0 */
/* grid_list.h - providers in order, and what holds when some of them fail.
 *
 * For each live provider in turn: live, last good, foretold earlier; then the next one of the
 * same signal and factors; then the hour of the week from a file; then a constant; then
 * nothing, and nothing is invented.  One that says it is going away comes after the others.
 * A provider is asked only while none before it is live, so that a spare costs no quota.
 * Another signal or other factors than the first entry's are used only with `list_mix`, and
 * then the history that the range rests on begins anew.
 * Only live values and a file's rows make history; profile and constant never do.
 * due/take/value ask no clock and open no socket; as a struct sprout_grid the list is
 * driven by poll() with a thread that fetches (grid_fetch.h). */
#ifndef SPROUT_ADAPT_GRID_LIST_H
#define SPROUT_ADAPT_GRID_LIST_H

#include "adapt/grid_live.h"

enum { SPROUT_GRID_LIST_MAX = 12 };

/* Reads keys and files.  SPROUT_CONFIG and what files say; *err names the entry. */
SPROUT_MUST_USE enum sprout_status sprout_grid_list_new(
    const struct sprout_grid_opts *opts, struct sprout_grid_list **out,
    struct sprout_error *err);
void sprout_grid_list_free(struct sprout_grid_list *l);

size_t sprout_grid_list_count(const struct sprout_grid_list *l);

/* The i-th has a question for `out`; `force`: even if one before it is live. */
bool sprout_grid_list_due(struct sprout_grid_list *l, size_t i, sprout_instant now,
                          bool force, struct sprout_grid_request *out);
void sprout_grid_list_take(struct sprout_grid_list *l, size_t i, sprout_instant now,
                           double jitter, const struct sprout_grid_answer *answer);
SPROUT_MUST_USE enum sprout_status sprout_grid_list_value(struct sprout_grid_list *l,
                                                          sprout_instant now,
                                                          struct sprout_grid_value *out,
                                                          struct sprout_error *err);

/* What the i-th alone has to say; SPROUT_STALE as of a list. */
SPROUT_MUST_USE enum sprout_status sprout_grid_list_one(struct sprout_grid_list *l,
                                                        size_t i, sprout_instant now,
                                                        struct sprout_grid_value *out,
                                                        struct sprout_error *err);
struct sprout_grid_live_state sprout_grid_list_state(const struct sprout_grid_list *l,
                                                     size_t i);

/* Signal and factors of the first entry, which the range is of at the start. */
void sprout_grid_list_signal(const struct sprout_grid_list *l,
                             enum sprout_grid_kind *kind, enum sprout_grid_scope *scope);
/* Is it the zone of one of the entries? */
bool sprout_grid_list_has_zone(const struct sprout_grid_list *l, struct sprout_str zone);

/* Puts a value of the past into the history that the range rests on. */
void sprout_grid_list_remember(struct sprout_grid_list *l, enum sprout_grid_kind kind,
                               enum sprout_grid_scope scope, sprout_instant start,
                               sprout_g_per_kwh intensity);

/* Of the provider that holds now, its slots after `now`, at most `cap`. */
size_t sprout_grid_list_ahead(struct sprout_grid_list *l, sprout_instant now,
                              struct sprout_grid_point *out, size_t cap);

/* Asks the provider that serves now for the past from `from` to `until`; *out_until is how far
 * one question reaches.  False: it has none, or nobody answers. */
bool sprout_grid_list_want_past(struct sprout_grid_list *l, sprout_instant from,
                                sprout_instant until, sprout_instant now,
                                sprout_instant *out_until);
/* Hands out what came of it, each slot once, and how many they were. */
typedef void sprout_grid_past_fn(void *ctx, const struct sprout_grid_value *v);
size_t sprout_grid_list_take_past(struct sprout_grid_list *l, sprout_instant now,
                                  sprout_grid_past_fn *each, void *ctx);

/* Asks what is due and takes what has come, without waiting.  True: something is under way.
 * `force` asks all of them. */
bool sprout_grid_list_drive(struct sprout_grid_list *l, sprout_instant now, bool force);

#endif
