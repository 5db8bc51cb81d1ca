/* SPDX-License-Identifier: Apache-2.0 */
/* grid_reply.h - what live providers are asked, and their replies as slots.
 *
 * A provider is a row of the table in grid_reply.c and a file of its own with two pure
 * functions: `request` writes the URL and header of a call, `parse` turns the bytes of a
 * reply into points.  Neither asks a clock nor opens a socket; grid_fetch.h does that, and
 * grid_live.h decides what a failure means.
 * What every parser promises: the zone that was asked for is the zone that was got, where
 * the reply names one; kind, scope and unit agree with what was asked; a value lies in
 * 0 to SPROUT_GRID_G_PER_KWH_MAX; null is no value and never 0; one bad number refuses the
 * whole reply, since the rest of it is then no better known.
 * Status of a parse: SPROUT_SYNTAX (no JSON: an HTML page, half a reply), SPROUT_INVALID
 * (wrong zone, unit, number, shape), SPROUT_STALE (well formed, no value in it).
 * Memory: fixed; jansson's for the time of a call.  Threads: any. */
#ifndef SPROUT_ADAPT_GRID_REPLY_H
#define SPROUT_ADAPT_GRID_REPLY_H

#include "adapt/grid.h"

enum {
    SPROUT_GRID_POINTS_MAX = 1024,
    SPROUT_GRID_G_PER_KWH_MAX = 2000,
    SPROUT_GRID_URL_MAX = 1024,
    SPROUT_GRID_HEADER_MAX = 4096, /* a JWT is long */
    SPROUT_GRID_TOKEN_MAX = 4000,
    SPROUT_GRID_AHEAD_HOURS = 24,
};

struct sprout_grid_point {
    sprout_instant start;
    sprout_instant end;
    sprout_g_per_kwh intensity;
    bool estimated;
    bool forecast;
};

/* Ascending by start, no two the same, after sprout_grid_points_finish(). */
struct sprout_grid_points {
    struct sprout_grid_point v[SPROUT_GRID_POINTS_MAX];
    size_t n;
    size_t nulls;    /* slots that the provider names without a value */
    bool deprecated; /* the provider says that it is going away */
};

/* The grams of a fuel, for providers that tell the mix only. */
struct sprout_grid_factor {
    char fuel[8];
    sprout_g_per_kwh intensity;
};

enum sprout_grid_call {
    SPROUT_GRID_CALL_LOGIN, /* a token for a name and password */
    SPROUT_GRID_CALL_NOW,
    SPROUT_GRID_CALL_AHEAD, /* the coming hours, where that is a call of its own */
    SPROUT_GRID_CALL_PAST,  /* the hours from `from` to `until` */
};

struct sprout_grid_ask {
    enum sprout_grid_call call;
    const char *base;       /* URL without a trailing slash */
    const char *zone;       /* as the provider spells it */
    const char *reply_zone; /* as the reply spells it */
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    sprout_instant now;
    sprout_instant from; /* CALL_PAST; `until` is no longer part of it */
    sprout_instant until;
    const char *secret; /* the key or, after a login, the token; "" for none */
    const struct sprout_grid_factor *factors; /* before the provider's own */
    size_t factors_count;
};

struct sprout_grid_request {
    char url[SPROUT_GRID_URL_MAX];
    char header[SPROUT_GRID_HEADER_MAX]; /* "Name: value"; "": none */
    bool basic;                          /* name and password go as HTTP Basic */
};

enum sprout_grid_key {
    SPROUT_GRID_KEY_NONE,
    SPROUT_GRID_KEY_SECRET, /* a key is needed */
    SPROUT_GRID_KEY_LOGIN,  /* a user and a password are needed, they buy a token */
};

struct sprout_grid_live_provider {
    const char *name;
    const char *base; /* "": must be configured (self-hosted) */
    enum sprout_grid_key key;
    bool average; /* signals it can tell */
    bool marginal;
    bool direct;
    bool lifecycle;
    int64_t step_s;
    int64_t lag_s;     /* how late its newest slot usually is */
    bool mix;          /* it tells fuels, factors are ours */
    bool ahead;        /* SPROUT_GRID_CALL_AHEAD exists */
    int64_t past_s;    /* longest span of SPROUT_GRID_CALL_PAST; 0: there is none */
    const char *zones; /* an example, for messages */
    bool (*zone_ok)(struct sprout_str zone); /* NULL: any name */
    /* False: the URL does not fit. */
    bool (*request)(const struct sprout_grid_ask *ask, struct sprout_grid_request *out);
    enum sprout_status (*parse)(const struct sprout_grid_ask *ask, struct sprout_str body,
                                struct sprout_grid_points *out, struct sprout_error *err);
};

/* By name, or NULL. */
const struct sprout_grid_live_provider *sprout_grid_live_find(struct sprout_str name);
/* The i-th of the table, NULL behind its end. */
const struct sprout_grid_live_provider *sprout_grid_live_row(size_t i);

/* Does the newest slot fit the clock?  SPROUT_INVALID: it began more than three steps (and
 * the provider's lag) ago, or it begins more than a step from now. */
SPROUT_MUST_USE enum sprout_status sprout_grid_points_check(
    const struct sprout_grid_points *p, sprout_instant now, sprout_span step,
    sprout_span lag, struct sprout_error *err);

/* The slot that contains `at`, or NULL. */
const struct sprout_grid_point *sprout_grid_points_at(const struct sprout_grid_points *p,
                                                      sprout_instant at);

/* The token of a login's reply: the text of its member `token`. */
SPROUT_MUST_USE enum sprout_status sprout_grid_parse_token(struct sprout_str body,
                                                           char *out, size_t cap,
                                                           struct sprout_error *err);

/* What a provider says of its own error, for a person: "" where it says nothing.  At most
 * `cap` bytes, printable only. */
void sprout_grid_reply_words(struct sprout_str body, char *out, size_t cap);

extern const struct sprout_grid_live_provider sprout_grid_electricitymaps;
extern const struct sprout_grid_live_provider sprout_grid_watttime;
extern const struct sprout_grid_live_provider sprout_grid_neso;
extern const struct sprout_grid_live_provider sprout_grid_energy_charts;
extern const struct sprout_grid_live_provider sprout_grid_carbon_aware;
extern const struct sprout_grid_live_provider sprout_grid_eco2mix;
extern const struct sprout_grid_live_provider sprout_grid_eia;

#endif
