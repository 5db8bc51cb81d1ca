/* SPDX-License-Identifier: Apache-2.0 */
/* grid_live.h - one live provider over time: when to ask, what an answer means, what holds now.
 *
 *   idle --due--> asked --took: OK---------------> idle, next in a step
 *                       --took: 401, has a login-> login --took--> asked again, once
 *                       --took: anything else----> idle, next after a pause by the trouble
 *
 * A value is `live` while the last answer was good and is no older than a step; then the
 * last good one until max_age; then what an earlier answer foretold for this slot; then none.
 * Nothing here asks a clock, draws a number or opens a socket: `now`, `jitter` and the
 * answer come in, so a week of failures is tested in a millisecond.
 * Memory: one block; texts are copied.  Threads: one. */
#ifndef SPROUT_ADAPT_GRID_LIVE_H
#define SPROUT_ADAPT_GRID_LIVE_H

#include "adapt/grid_reply.h"

enum {
    SPROUT_GRID_WHY_MAX = 300,
    SPROUT_GRID_SECRET_MAX = 512,
    SPROUT_GRID_FUELS_MAX = 32,
};

/* Text for a person, and whether somebody must do something. */
#define SPROUT_GRID_TROUBLE_TABLE(X)                                                     \
    X(FINE, "ok")                                                                        \
    X(UNREACHABLE, "unreachable") /* DNS, TCP, TLS, timeout, 5xx */                      \
    X(INVALID, "invalid")         /* an answer that cannot be right */                   \
    X(NO_DATA, "no-data")                                                                \
    X(CONFIGURATION, "configuration") /* 400, 404, 501 */                                \
    X(AUTHORISATION, "authorisation-or-quota")                                           \
    X(QUOTA, "quota")                                                                    \
    X(GOING_AWAY, "going-away")

enum sprout_grid_trouble {
#define X(name, text) SPROUT_GRID_TROUBLE_##name,
    SPROUT_GRID_TROUBLE_TABLE(X)
#undef X
};

const char *sprout_grid_trouble_text(enum sprout_grid_trouble t);

/* All views are copied. */
struct sprout_grid_live_opts {
    const struct sprout_grid_live_provider *provider;
    const char *base; /* NULL or "": the provider's own */
    const char *zone;
    const char *reply_zone; /* NULL or "": as `zone` */
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    const char *secret;  /* the key, or USER:PASSWORD; NULL: none */
    sprout_span max_age; /* 0: two steps */
    bool ahead;          /* ask for a forecast where that is a call of its own */
    const struct sprout_grid_fuel *fuels; /* factors before the provider's own */
    size_t fuels_count;                   /* at most SPROUT_GRID_FUELS_MAX */
};

/* What came of a call. */
struct sprout_grid_answer {
    int code; /* HTTP; 0: no answer, `why` says so */
    struct sprout_str body;
    sprout_span retry_after; /* ns < 0: not said */
    const char *why;
};

struct sprout_grid_live;

/* SPROUT_CONFIG: *err says what is missing (key, zone, address, signal). */
SPROUT_MUST_USE enum sprout_status sprout_grid_live_new(
    const struct sprout_grid_live_opts *opts, struct sprout_grid_live **out,
    struct sprout_error *err);
void sprout_grid_live_free(struct sprout_grid_live *l);

/* True: `out` is to be asked now, and take() is called with what comes of it. */
bool sprout_grid_live_due(struct sprout_grid_live *l, sprout_instant now,
                          struct sprout_grid_request *out);
/* `jitter` in [0, 1) spreads the next call. */
void sprout_grid_live_take(struct sprout_grid_live *l, sprout_instant now, double jitter,
                           const struct sprout_grid_answer *answer);
/* When due() may next be true; INT64_MAX while asked. */
sprout_instant sprout_grid_live_next(const struct sprout_grid_live *l);

/* What holds at `now`; views live as long as `l`.  SPROUT_STALE: nothing, *err says why. */
SPROUT_MUST_USE enum sprout_status sprout_grid_live_value(struct sprout_grid_live *l,
                                                          sprout_instant now,
                                                          struct sprout_grid_value *out,
                                                          struct sprout_error *err);

/* Everything known, measured before foretold, ascending. */
const struct sprout_grid_points *sprout_grid_live_points(
    const struct sprout_grid_live *l);

/* Asks for the values from `from` to `until` once the provider answers again; a later wish
 * replaces an earlier one.  False: this provider has no past, or does not answer now. */
bool sprout_grid_live_want_past(struct sprout_grid_live *l, sprout_instant from,
                                sprout_instant until);
/* What came of it: measured slots only, borrowed until the next call; NULL: nothing new. */
const struct sprout_grid_points *sprout_grid_live_take_past(struct sprout_grid_live *l);

struct sprout_grid_live_state {
    const char *provider;
    const char *zone;
    enum sprout_grid_trouble trouble; /* of the last answer */
    bool asked;                       /* since the start, and answered */
    bool going_away;
    const char *why;             /* the trouble in words; "" */
    sprout_instant last_success; /* 0: never */
    sprout_instant last_failure; /* 0: never */
    const char *last_error;      /* what that was, also when all is well again */
    int64_t answers;
    int64_t invalid;
    int64_t failures; /* in a row */
    sprout_instant next;
};
struct sprout_grid_live_state sprout_grid_live_state(const struct sprout_grid_live *l);

#endif
