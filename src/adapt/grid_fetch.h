/* SPDX-License-Identifier: Apache-2.0 */
/* grid_fetch.h - the calls to live providers, in a thread of their own.
 *
 * A place each provider: start() puts a question there, take() looks whether its answer has
 * come; neither waits.  Limits of a call: connect 5 s, 10 s in all, a body of 1 MiB, one
 * redirect, and that one never takes a key to another host.
 * Keys stand in no message: see http.h.
 * Threads: the caller's owns everything but what lies between start and take; a mutex guards
 * the places' states.  free() ends what is under way at once. */
#ifndef SPROUT_ADAPT_GRID_FETCH_H
#define SPROUT_ADAPT_GRID_FETCH_H

#include "adapt/grid_live.h"

enum { SPROUT_GRID_FETCH_MAX = 16, SPROUT_GRID_BODY_MAX = 1024 * 1024 };

struct sprout_grid_fetch;

SPROUT_MUST_USE enum sprout_status sprout_grid_fetch_new(struct sprout_grid_fetch **out,
                                                         struct sprout_error *err);
void sprout_grid_fetch_free(struct sprout_grid_fetch *f);

/* `place` below SPROUT_GRID_FETCH_MAX; it must be free.  `keyed`: the URL or header has a
 * secret.  `ca_file` must outlive the call. */
void sprout_grid_fetch_start(struct sprout_grid_fetch *f, size_t place,
                             const struct sprout_grid_request *request, bool keyed,
                             const char *ca_file);
/* True: *out is the answer, its views good until the next start there; the place is free. */
bool sprout_grid_fetch_take(struct sprout_grid_fetch *f, size_t place,
                            struct sprout_grid_answer *out);

#endif
