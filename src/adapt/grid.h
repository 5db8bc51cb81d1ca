/* SPDX-License-Identifier: Apache-2.0 */
/* grid.h - carbon intensity now, whoever knows it: the one interface of all providers.
 *
 * A source is a row of the table in grid.c and a file of its own (grid_static.c,
 * grid_csv.c, and grid_list.c for live providers in order).  The daemon asks in the background; no request ever waits for a provider.
 * A value carries everything a report must state: which signal it is, for which slot, and
 * how it was come by.  Kinds and scopes are never mixed inside one range.
 * Unknown is not zero: where a provider has no value for a moment (a hole in a file, its
 * end), poll answers SPROUT_STALE and nothing is filled forward; 0 g/kWh is a real value.
 *
 * Replay: a file may be played from `start` at `speed`.  The grid's clock is then
 * start + (now - epoch) * speed, slots are in grid time, and received_at is wall time.
 * Memory: views in a value live as long as the grid.  Threads: one grid, one thread. */
#ifndef SPROUT_ADAPT_GRID_H
#define SPROUT_ADAPT_GRID_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"
#include "core/units.h"

enum sprout_grid_source { SPROUT_GRID_STATIC, SPROUT_GRID_CSV, SPROUT_GRID_LIST };
enum sprout_grid_kind { SPROUT_GRID_AVERAGE, SPROUT_GRID_MARGINAL };
enum sprout_grid_scope { SPROUT_GRID_DIRECT, SPROUT_GRID_LIFECYCLE };

/* From best to worst; the text stands in policy.json, status, metrics and reports. */
#define SPROUT_GRID_QUALITY_TABLE(X)                                                     \
    X(LIVE, "live")           /* asked for and got, for this slot */                     \
    X(REPLAYED, "replayed")   /* a file's row, on the replay's clock */                  \
    X(LAST_GOOD, "last-good") /* an earlier slot, within its maximum age */              \
    X(FORECAST, "forecast")   /* foretold for this slot by an earlier answer */          \
    X(PROFILE, "profile")     /* the hour of the week, from a file of the past */        \
    X(ASSUMED, "assumed")     /* a constant from the configuration or the default */     \
    X(NONE, "none")           /* nobody knows */

enum sprout_grid_quality {
#define X(name, text) SPROUT_GRID_##name,
    SPROUT_GRID_QUALITY_TABLE(X)
#undef X
};

const char *sprout_grid_quality_text(enum sprout_grid_quality q);
const char *sprout_grid_kind_text(enum sprout_grid_kind k);   /* "average" */
const char *sprout_grid_scope_text(enum sprout_grid_scope s); /* "direct" */

struct sprout_grid_value {
    sprout_g_per_kwh intensity; /* NaN in SPROUT_GRID_VALUE_NONE only */
    struct sprout_str zone;     /* "GB"; "-" when the configuration names none */
    struct sprout_str source;  /* "static", "csv@<16 hex digits of the file's SHA-256>" */
    sprout_instant slot_start; /* grid time */
    sprout_instant slot_end;
    sprout_instant received_at; /* wall time; of a replayed slot, when it began there */
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    enum sprout_grid_quality quality;
    bool estimated; /* the source says that it modelled this slot */
    bool forecast;
};

#define SPROUT_GRID_VALUE_NONE                                                           \
    ((struct sprout_grid_value){.intensity = {NAN},                                      \
                                .zone = SPROUT_STR("-"),                                 \
                                .source = SPROUT_STR("none"),                            \
                                .quality = SPROUT_GRID_NONE})

/* Extremes of the same signal over a trailing window. */
struct sprout_grid_range {
    sprout_g_per_kwh lo;
    sprout_g_per_kwh hi;
    int64_t points; /* 0: no history, lo and hi are NaN */
};

#define SPROUT_GRID_RANGE_NONE ((struct sprout_grid_range){{NAN}, {NAN}, 0})

/* One of an ordered list of providers (grid_list.h); texts may be NULL. */
enum sprout_grid_wish {
    SPROUT_GRID_AS_LIST,
    SPROUT_GRID_WISH_FIRST,
    SPROUT_GRID_WISH_SECOND
};
struct sprout_grid_fuel {
    char *fuel; /* as the provider spells it, "NG" */
    double g_per_kwh;
};
struct sprout_grid_entry {
    char *provider;   /* a live one's name, or "csv", "profile", "static" */
    char *zone;       /* as the provider spells it; empty: the list's */
    char *reply_zone; /* as its replies spell it, where that differs */
    char *url;        /* empty: the provider's own */
    char *key_file;
    char *key_env;
    char *ca_file;
    char *file;                     /* csv, profile */
    enum sprout_grid_wish signal;   /* first: average, second: marginal */
    enum sprout_grid_wish factors;  /* first: direct, second: lifecycle */
    int64_t max_age_s;              /* 0: two steps */
    bool forecast;                  /* ask for one where that is a call of its own */
    double g_per_kwh;               /* static */
    struct sprout_grid_fuel *fuels; /* of a mix, before the provider's own factors */
    uint32_t fuels_count;
};

/* All views are copied. */
struct sprout_grid_opts {
    enum sprout_grid_source source;
    struct sprout_str zone;     /* empty: whatever the file says; else it must agree */
    sprout_g_per_kwh intensity; /* static */
    const char *csv_file;
    enum sprout_grid_scope csv_scope;
    struct sprout_str csv_start;  /* instant; empty: now if the file covers it, else its
                                     first row */
    double csv_speed;             /* > 0; 1 is real time */
    struct sprout_str csv_sha256; /* 64 hex digits the file must have; empty: any */
    sprout_instant epoch;         /* wall time at which the replay begins */
    const struct sprout_grid_entry *entries; /* list; they outlive the grid */
    size_t entries_count;
    enum sprout_grid_kind list_kind;
    enum sprout_grid_scope list_scope;
    bool list_mix; /* entries may tell another signal or other factors */
};

struct sprout_grid;

/* Loads what is needed.  SPROUT_CONFIG, SPROUT_NOT_FOUND, SPROUT_SYNTAX, SPROUT_INVALID:
 * *err names the line of the file. */
SPROUT_MUST_USE enum sprout_status sprout_grid_new(const struct sprout_grid_opts *opts,
                                                   struct sprout_grid **out,
                                                   struct sprout_error *err);
void sprout_grid_free(struct sprout_grid *g);

/* The value that holds at wall time `now`.  SPROUT_STALE: none for this moment (*err says
 * why), *out untouched. */
SPROUT_MUST_USE enum sprout_status sprout_grid_poll(struct sprout_grid *g,
                                                    sprout_instant now,
                                                    struct sprout_grid_value *out,
                                                    struct sprout_error *err);

/* Extremes over the slots that began in (t - window, t], t being the grid's clock at
 * `now`.  No look-ahead.  points is 0 where there is no history (static, always). */
struct sprout_grid_range sprout_grid_range(struct sprout_grid *g, sprout_instant now,
                                           sprout_span window);

/* Wall time after `now` at which the answer of poll may change; INT64_MAX: never. */
sprout_instant sprout_grid_next(struct sprout_grid *g, sprout_instant now);

/* The hours up to that of the grid's clock at `now`, which is the last of `hours`; NaN where
 * the grid had, or has kept, no value. */
void sprout_grid_past(struct sprout_grid *g, sprout_instant now, sprout_g_per_kwh *out,
                      size_t hours);

/* The grid's own clock at wall time `now`. */
sprout_instant sprout_grid_clock(struct sprout_grid *g, sprout_instant now);

/* One line about what was loaded, for status and `sprout check`: file, hash, rows, holes,
 * share estimated.  Lives as long as the grid. */
struct sprout_str sprout_grid_about(const struct sprout_grid *g);

/* The list behind it (grid_list.h), NULL where there is none. */
struct sprout_grid_list;
struct sprout_grid_list *sprout_grid_as_list(struct sprout_grid *g);

#endif
