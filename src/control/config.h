/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - sprout.yaml as a struct.
 *
 * One table (config_schema.c) holds each key with its type, bounds, default and meaning; the
 * schema libcyaml loads by, the check that reports every problem with its line, the
 * defaults and docs/configuration.md all come from it.  No file at all is a configuration
 * too: every key has a default, only `upstream` must come from somewhere.
 * A configuration is immutable once the daemon uses it; a reload loads another one.
 * Memory: all owned by the struct, freed by sprout_config_free().  Texts end in NUL and are
 * never NULL: what was not given is "".  Numbers not given are NaN where 0 would be one.
 * Not here: whether the grid, the upstream and the paths work (`sprout check`). */
#ifndef SPROUT_CONTROL_CONFIG_H
#define SPROUT_CONTROL_CONFIG_H

#include "adapt/grid.h"
#include "adapt/profile_file.h"
#include "core/invocation.h"
#include "core/judge.h"
#include "core/policy.h"

enum {
    SPROUT_CONFIG_BYTES_MAX = 1 << 20,
    SPROUT_CONFIG_PROBLEMS_MAX = 64,
};

enum sprout_floor_rule {
    SPROUT_FLOOR_PAPER, /* 1 - xi * (k0 - k0_min) / (k0_max - k0_min) */
    SPROUT_FLOOR_FIXED,
};

struct sprout_config_patch {
    char *api;
    char *parameter;
    char *value;
    char *model;
    char *route;
};

struct sprout_config_level {
    char *name;
    char *directive;
    struct sprout_config_patch *patches;
    uint32_t patches_count;
};

struct sprout_config_csv {
    char *file; /* relative to the configuration's folder until loaded, then not */
    enum sprout_grid_scope column;
    char *start;
    double speed;
    char *sha256;
};

struct sprout_config_grid {
    enum sprout_grid_source source;
    char *zone;
    double static_g_per_kwh;
    char *static_mix; /* a preset in its place; "": none */
    struct sprout_config_csv csv;
    enum sprout_grid_kind signal; /* of the providers */
    enum sprout_grid_scope factors;
    bool mix_signals;
    struct sprout_grid_entry *providers; /* in order; any makes `source` a list */
    uint32_t providers_count;
};

/* A server beside `upstream`, reached by a path of its own. */
struct sprout_config_upstream {
    char *name;
    char *url;
    char *path; /* "/eu/": what is behind it goes to `url` */
    char *zone; /* where it stands; "": where `upstream` does */
    struct sprout_config_grid grid;
    bool own_grid; /* `grid` was given; else the configuration's, with this zone */
};

/* Over what the floor is kept. */
enum sprout_window_kind {
    SPROUT_WINDOW_AUTO, /* DAY where the floor is fixed, else HOUR */
    SPROUT_WINDOW_HOUR,
    SPROUT_WINDOW_DAY,
    SPROUT_WINDOW_MONTH,
};

struct sprout_config_quality {
    enum sprout_floor_rule rule;
    enum sprout_window_kind budget_window;
    double floor;        /* rule fixed */
    double hourly_floor; /* under the budget window's; NaN: floor - 0.1 */
    double xi;           /* rule paper */
    int64_t window_hours;
    double k0_min_g_per_kwh; /* NaN: from the grid's history */
    double k0_max_g_per_kwh;
    double *shares; /* preference per level; none: the published prior */
    uint32_t shares_count;
    double certainty; /* that a judged level is as good as it is taken to be */
    double half_life_days;
};

struct sprout_config_accuracy {
    double floor; /* relative to L0; NaN: none */
};

struct sprout_config_predictor {
    char *weights;         /* a file, "default", or "none" */
    double caution;        /* relative quality kept in hand above the floor */
    int64_t samples_min;   /* predicted prompts before it decides */
    bool learn;            /* from evaluations: examples are kept, and it is retrained */
    int64_t retrain_after; /* examples judged since the last time */
    int64_t examples_days, examples_max;
};

struct sprout_config_judge {
    char *url; /* "": none, references alone */
    char *model;
    char *key_file;
    char *key_env;
    char *rubric_file;
    enum sprout_judge_form form;
    int64_t max_tokens;
};

struct sprout_config_sample {
    double rate;
    int64_t cap;
    int64_t keep_hours;
};

struct sprout_config_evaluation {
    bool enabled;
    struct sprout_config_judge judge;
    char *prompts;
    struct sprout_config_sample sample;
    enum sprout_invocation_kind when;
    int64_t n;
    double share;
    int64_t concurrency;
};

struct sprout_config_clients {
    bool force;
    bool receipts;
};

struct sprout_config_feedback {
    bool withdraw;
};

/* A preset's name stands in place of the figures beside it; core/preset.h. */
struct sprout_config_carbon {
    double pue;
    char *facility;
    double host_factor;
    char *host;
    double embodied_g;
    double lifetime_years;
    char *embodied;
};

/* In `currency`, per million tokens. */
struct sprout_config_price {
    char *model;
    double input_per_million;
    double output_per_million;
};

struct sprout_config_profile {
    char *model;
    char *name;
    double joules[3]; /* all 0: those of the published profile of that name, at `batch` */
    double seconds[3];
    double batch;
    double active; /* parameters in billions, for EcoLogits' formula; 0: not given */
    double active_high;
    double total;
    double total_high;
    char *file;
    struct sprout_profile_file *own; /* what it says; NULL without `file` */
};

/* adapt/meter.h has what each key means to its kind. */
struct sprout_config_meter {
    char *kind;
    char *url;
    char *preset;
    char *metric;
    char *labels;
    char *device;
    char *library;
    char *sysfs_root;
    char *covers; /* "gpu+cpu"; "": as the kind says */
    double max_watts;
};

struct sprout_config_metering {
    double idle_watts; /* NaN: not known, nothing is set apart */
    double prompt_weight;
    double output_weight;
    int64_t settle_s;
    char *server_metrics;
};

struct sprout_config_match {
    char *route;
    char *model;
    char *api;
    char *api_key_sha256;
    char *header;
    char *header_value;
    char *kind;
    enum sprout_tristate stream;
    enum sprout_tristate tools;
    int64_t min_bytes;
    int64_t max_bytes;
};

struct sprout_config_rule {
    char *name;
    struct sprout_config_match match;
    bool off;
    char **levels; /* names; none: all */
    uint32_t levels_count;
    double floor; /* NaN: the policy's */
    enum sprout_tristate force;
    enum sprout_tristate receipts;
    enum sprout_placement placement;
    enum sprout_tristate with_tools;
    enum sprout_tristate with_completions;
    enum sprout_tristate sample;
};

/* What of the wire is switched in nginx.conf; the rest by rules. */
enum sprout_config_receipts {
    SPROUT_RECEIPTS_ON, /* to clients that ask, where they may */
    SPROUT_RECEIPTS_OFF,
    SPROUT_RECEIPTS_ALWAYS,
    SPROUT_RECEIPTS_USAGE,
    SPROUT_RECEIPTS_SCOPE2,
};

struct sprout_config_wire {
    enum sprout_config_receipts receipts;
    bool usage;
    bool decode;
    int64_t ping_s; /* 0: off */
};

struct sprout_config {
    char *listen;   /* ADDR:PORT of the gateway; port 0: a free one */
    char *admin;    /* ADDR:PORT on loopback, or unix:PATH */
    char *upstream; /* http://HOST:PORT or https://..., "" when not given */
    struct sprout_config_upstream *upstreams; /* beside it */
    uint32_t upstreams_count;
    char *dir;       /* nginx.conf, policy.json, journal.ndjson, ledger.db */
    int64_t workers; /* nginx worker processes; 0: one a core */
    int64_t max_body_mib;
    int64_t upstream_timeout_s;
    struct sprout_config_wire wire;
    struct sprout_config_level *levels;
    uint32_t levels_count;
    struct sprout_config_grid grid;
    struct sprout_config_quality quality;
    struct sprout_config_accuracy accuracy;
    struct sprout_config_evaluation evaluation;
    struct sprout_config_predictor predictor;
    char **protect; /* kinds of prompt, or routes, that stay at L0 */
    uint32_t protect_count;
    double holdout;
    double explore;
    struct sprout_config_clients clients;
    struct sprout_config_feedback feedback;
    struct sprout_config_carbon carbon;
    struct sprout_config_price *prices;
    uint32_t prices_count;
    char *currency;
    struct sprout_config_profile *profiles;
    uint32_t profiles_count;
    struct sprout_config_meter *meters;
    uint32_t meters_count;
    struct sprout_config_metering metering;
    struct sprout_config_rule *rules;
    uint32_t rules_count;
    int64_t retention_days;
    int64_t journal_rotate_mib; /* `sprout up` rotates beyond it; 0: never */
    int64_t journal_keep;       /* rotated files kept after they were read */
    int64_t plan_interval_s;
    int64_t valid_s;
};

/* Every problem of a file, in the order of its lines. */
struct sprout_problems {
    struct sprout_error v[SPROUT_CONFIG_PROBLEMS_MAX];
    size_t n;
    size_t dropped; /* beyond the maximum */
};

/* The defaults alone.  SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_config_default(struct sprout_config **out);

/* Loads `path`; relative paths inside it are made relative to its folder.  SPROUT_CONFIG
 * with every problem in *problems; SPROUT_NOT_FOUND, SPROUT_IO, SPROUT_LIMIT with one. */
SPROUT_MUST_USE enum sprout_status sprout_config_load(const char *path,
                                                      struct sprout_config **out,
                                                      struct sprout_problems *problems);

/* The same from text; `folder` is what relative paths are relative to ("." or "" : none). */
SPROUT_MUST_USE enum sprout_status sprout_config_parse(struct sprout_str yaml,
                                                       const char *folder,
                                                       struct sprout_config **out,
                                                       struct sprout_problems *problems);

void sprout_config_free(struct sprout_config *c);

/* The profile whose figures stand in for those not given: from its file, or published under
 * its name; NULL: there is none. */
const struct sprout_profile *sprout_config_profile_base(
    const struct sprout_config_profile *p);

/* Sets one key from a command line, by its path ("quality.floor"), with the same checks as
 * in a file.  SPROUT_USAGE with the key, what was found and what was expected. */
SPROUT_MUST_USE enum sprout_status sprout_config_set(struct sprout_config *c,
                                                     const char *path, const char *value,
                                                     struct sprout_error *err);

/* --grid: "static:G", "static:usa" (a mix of core/preset),
 * "csv:FILE[,start=T][,speed=N][,column=direct|lifecycle][,zone=Z]", or "NAME:ZONE" with the name of a live provider.
 * --floor is sprout_config_set_floor: a fixed floor. */
SPROUT_MUST_USE enum sprout_status sprout_config_set_grid(struct sprout_config *c,
                                                          const char *spec,
                                                          struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_config_set_floor(struct sprout_config *c,
                                                           const char *value,
                                                           struct sprout_error *err);

/* The window in force: never AUTO. */
const char *sprout_window_kind_text(enum sprout_window_kind k); /* "day" */
enum sprout_window_kind sprout_config_window(const struct sprout_config_quality *q);
double sprout_config_hourly_floor(const struct sprout_config_quality *q);

/* What sprout_grid_new() needs; views into `c`. */
struct sprout_grid_opts sprout_config_grid_opts(const struct sprout_config *c,
                                                sprout_instant epoch);

/* Where else than grid.zone the upstreams stand, each zone once. */
struct sprout_config_zone {
    const char *name;
    const struct sprout_config_grid *grid; /* its own, or the configuration's */
};
size_t sprout_config_zones(const struct sprout_config *c,
                           struct sprout_config_zone out[SPROUT_ZONES_MAX]);
/* The zone that requests to `u` are decided by; "": the configuration's own. */
const char *sprout_config_upstream_zone(const struct sprout_config *c,
                                        const struct sprout_config_upstream *u);
/* As sprout_config_grid_opts(). */
struct sprout_grid_opts sprout_config_zone_opts(const struct sprout_config_zone *z,
                                                sprout_instant epoch);

struct sprout_meter_opts;
/* What sprout_meters_open() needs of meter `i`; views into `c`. */
struct sprout_meter_opts sprout_config_meter_opts(const struct sprout_config *c,
                                                  size_t i);

/* Appends the key reference of docs/configuration.md as a Markdown table. */
void sprout_config_put_reference(struct sprout_buf *b);

#endif
