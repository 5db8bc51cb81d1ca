/* SPDX-License-Identifier: Apache-2.0 */
/* attribute.h - the energy that a meter saw, divided among the requests of that time.
 *
 * One window, of half a second to a second: E is what the meter counted, E_idle what the
 * machine takes anyway (capped at E), E_active the rest.
 *     E_active  by  w = a * new uncached prompt tokens + b * output tokens
 *     E_idle    by  the time each request was there, for the part of the window in which
 *                   anyone was; the rest of it is nobody's
 * A request whose tokens nobody knows is load that cannot be weighed: the part that its time
 * is of everybody's goes to `unattributed`, as does the share of tokens that the server
 * counted and no request of ours explains, and a window in which nobody was known.
 *
 * Invariant: parts + unattributed == E, in whole microjoules, always.  Halves go to the
 * largest remainders, ties to the earlier part.
 *
 * The engine keeps windows until `hold` has passed since their end, because a request is
 * known only when it ends; then a window is divided for good.  A request is settled once,
 * when its last window is: measured if windows that were good covered all of it; else its
 * energy is unknown, and what it had got goes to `unattributed`.  A line later than `hold`
 * meets windows that are closed, and is not measured.
 * Memory: handed in once, bounded by `requests` and `windows`.
 * Pure.  Not here: meters (adapt/meter.h), where a and b and idle power come from. */
#ifndef SPROUT_CORE_ATTRIBUTE_H
#define SPROUT_CORE_ATTRIBUTE_H

#include <stddef.h>

#include "core/units.h"

/* How much longer than `hold` a request waits for windows, where a meter is slow. */
enum { SPROUT_ATTRIBUTE_PATIENCE_S = 60 };

struct sprout_attribute_part {
    double weight;           /* of its tokens in the window; negative or NaN: unknown */
    double residence;        /* any unit, the same for all; > 0 */
    sprout_microjoules part; /* out */
};

struct sprout_attribute_window {
    sprout_instant start;
    sprout_instant end;
    sprout_microjoules energy; /* < 0: a gap, no reading */
    sprout_microjoules
        idle; /* of it; < 0: idle power is not known, nothing is set apart */
    /* What the server's own counters grew by; unknown where there are none. */
    sprout_tokens prompt;
    sprout_tokens output;
};

/* Beside the parts themselves. */
struct sprout_attribute_rest {
    double foreign; /* weight of tokens that are nobody's, >= 0 */
    double empty;   /* share of the window in which nobody was there, 0 to 1 */
};

/* Fills each part; returns what is unattributed.  energy >= 0. */
sprout_microjoules sprout_attribute_split(sprout_microjoules energy,
                                          sprout_microjoules idle,
                                          struct sprout_attribute_rest rest,
                                          struct sprout_attribute_part *parts, size_t n);

/* ---- the engine ------------------------------------------------------------------------ */

struct sprout_attribute_opts {
    size_t requests; /* remembered at once */
    size_t windows;
    double prompt_weight; /* a */
    double output_weight; /* b */
    sprout_span hold;     /* a window waits this long for the requests that were in it */
};

struct sprout_attribute_request {
    int64_t id; /* the caller's, given back when it is settled */
    sprout_instant start;
    sprout_instant first; /* first output token; = start where that is not known */
    sprout_instant end;
    sprout_tokens prompt; /* new and uncached; unknown: it cannot be weighed */
    sprout_tokens output;
};

struct sprout_attribute_totals {
    sprout_microjoules whole; /* = parts + unattributed */
    sprout_microjoules parts; /* of requests settled, or on their way */
    sprout_microjoules
        unattributed;         /* no request, unknown load, or a request with a gap */
    sprout_microjoules idle;  /* of `whole`, where idle power is known */
    sprout_microjoules alone; /* of `idle` and `unattributed`: while nobody was there */
    int64_t windows;
    int64_t gaps;
    int64_t measured;   /* requests */
    int64_t unmeasured; /* late, or with a gap */
    int64_t refused;    /* no room: neither is anything known of them */
};

struct sprout_attribute;

/* `energy` is negative where it was not measured. */
typedef void sprout_attribute_settled_fn(void *ctx, int64_t id,
                                         sprout_microjoules energy);

size_t sprout_attribute_size(const struct sprout_attribute_opts *opts);

/* `memory` of sprout_attribute_size bytes, aligned for any type; it must outlive the engine. */
struct sprout_attribute *sprout_attribute_init(void *memory,
                                               const struct sprout_attribute_opts *opts);

/* Windows come in the order of time and do not overlap; one that does is not taken, and
 * false comes back. With no room the oldest is divided first, with what is known. */
bool sprout_attribute_add_window(struct sprout_attribute *a,
                                 const struct sprout_attribute_window *w);

/* False: no room. */
bool sprout_attribute_add_request(struct sprout_attribute *a,
                                  const struct sprout_attribute_request *r);

/* Divides every window that has waited long enough at `now`, then settles. */
void sprout_attribute_run(struct sprout_attribute *a, sprout_instant now,
                          sprout_attribute_settled_fn *settled, void *ctx);

struct sprout_attribute_totals sprout_attribute_totals(const struct sprout_attribute *a);

#endif
