/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the ledger: every receipt, durable, in SQLite.
 *
 * The one promise: what is written between begin and commit is there whole or not at all,
 * and the journal position is written with the rows it led to, so that every journal line
 * is counted exactly once however control ends.  (worker, seq) is unique besides: a line
 * that comes twice (a copied journal) is a duplicate and changes nothing.
 *
 * Three kinds of tables (docs/ledger.md): receipts, one row a request, kept for the
 * retention; hourly, sums over (hour, grid value, level, model, arm, rule, stratum, method,
 * route), kept for good, so that sums over a year read no receipt; and what else must survive:
 * conversations (sums of each, the unit of the saving's estimate, kept for
 * SPROUT_STORE_CONVERSATION_DAYS), policies, grid values, workers, the journal position,
 * damaged lines, meta.
 *
 * Amounts are int64 microjoules, micrograms, microseconds and tokens, rounded once, before
 * they come here; unknown is NULL there and SPROUT_MICRO_UNKNOWN (or a negative count) here.
 * Sums are of what is known and come with the number of requests they rest on.
 *
 * Errors: SPROUT_IO (a full disk among others: *err says so), SPROUT_BUSY (another writer),
 * SPROUT_UNSUPPORTED (a ledger of a newer sprout).  After any error inside a transaction:
 * sprout_store_rollback(), and the store may be used again.
 * Threads: one store, one thread; other processes may read meanwhile (WAL). */
#ifndef SPROUT_ADAPT_STORE_H
#define SPROUT_ADAPT_STORE_H

#include "adapt/journal.h"
#include "base/status.h"
#include "base/str.h"
#include "core/carbon.h"
#include "core/predict_price.h"
#include "core/units.h"
#include "wire/record.h"

enum {
    SPROUT_STORE_SCHEMA = 12, /* the version this code writes */
    /* Groups (level, model, arm, rule, stratum, method, route) told apart in sums; models are named
     * by clients, so beyond this they are counted as "(other)". */
    SPROUT_STORE_SERIES_MAX = 4096,
    SPROUT_STORE_ROUTES_MAX = 100,    /* routes told apart; further ones are "(other)" */
    SPROUT_STORE_DAMAGED_MAX = 1000,  /* damaged lines kept; older ones go */
    SPROUT_STORE_DAMAGED_BYTES = 512, /* of each */
    SPROUT_STORE_CONVERSATION_DAYS = 400, /* so that a year can be reported */
};

struct sprout_store;

enum sprout_store_mode {
    SPROUT_STORE_WRITE, /* created when missing, migrated when old */
    SPROUT_STORE_READ,  /* SPROUT_NOT_FOUND when missing */
    SPROUT_STORE_SHARE, /* written beside its owner: SPROUT_NOT_FOUND when missing, never
                           migrated */
};

SPROUT_MUST_USE enum sprout_status sprout_store_open(const char *path,
                                                     enum sprout_store_mode mode,
                                                     struct sprout_store **out_store,
                                                     struct sprout_error *err);
void sprout_store_close(struct sprout_store *s);

SPROUT_MUST_USE enum sprout_status sprout_store_begin(struct sprout_store *s,
                                                      struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_store_commit(struct sprout_store *s,
                                                       struct sprout_error *err);
void sprout_store_rollback(struct sprout_store *s); /* nothing open: nothing happens */

/* What is read from here to the rollback is of one moment, whoever writes meanwhile. */
SPROUT_MUST_USE enum sprout_status sprout_store_freeze(struct sprout_store *s,
                                                       struct sprout_error *err);

/* ---- what ingest writes ---------------------------------------------------------------- */

/* The grid value a request was settled at. */
struct sprout_store_slot {
    struct sprout_str zone;     /* "GB"; "-" when none is known */
    struct sprout_str quality;  /* "live", "replayed", "assumed", ... */
    sprout_g_per_kwh intensity; /* NaN: unknown */
    sprout_instant at;          /* start of the slot, in grid time */
};

struct sprout_store_receipt {
    const struct sprout_record *record;
    int level; /* index of record->level in its policy; -1: unknown */
    struct sprout_store_slot slot;
    sprout_microjoules energy;
    sprout_microseconds time; /* modelled, what embodied rests on */
    sprout_micrograms operational;
    sprout_micrograms embodied;
    sprout_microjoules energy_l0; /* expected at L0 */
    sprout_micrograms grams_l0;   /* operational and embodied, expected at L0 */
    struct sprout_str method;     /* of the energy; empty: none */
};

/* Receipt, hourly sums, conversation and worker, in the open transaction.  *out_new is
 * false for a duplicate, of which nothing was written. */
SPROUT_MUST_USE enum sprout_status sprout_store_put_receipt(
    struct sprout_store *s, const struct sprout_store_receipt *r, bool *out_new,
    struct sprout_error *err);

SPROUT_MUST_USE enum sprout_status sprout_store_put_damaged(
    struct sprout_store *s, sprout_instant now,
    const struct sprout_journal_position *file, int64_t offset, struct sprout_str bytes,
    const char *why, struct sprout_error *err);

SPROUT_MUST_USE enum sprout_status sprout_store_put_position(
    struct sprout_store *s, const struct sprout_journal_position *p,
    struct sprout_error *err);
/* SPROUT_NOT_FOUND before the first put. */
SPROUT_MUST_USE enum sprout_status sprout_store_position(
    struct sprout_store *s, struct sprout_journal_position *out,
    struct sprout_error *err);

/* A prompt as the predictor `predictor` (its checksum) saw it, in the open transaction.  The
 * last SPROUT_PREDICT_SAMPLES_MAX of them are kept. */
SPROUT_MUST_USE enum sprout_status sprout_store_put_sample(
    struct sprout_store *s, uint64_t predictor,
    const struct sprout_predict_sample *sample, struct sprout_error *err);
/* Those of one predictor, at most `cap` of them; *out_count is how many. */
SPROUT_MUST_USE enum sprout_status sprout_store_samples(struct sprout_store *s,
                                                        uint64_t predictor,
                                                        struct sprout_predict_sample *out,
                                                        size_t cap, size_t *out_count,
                                                        struct sprout_error *err);

/* ---- what the daemon writes ------------------------------------------------------------ */

/* Small named texts: the salt, among others.  SPROUT_NOT_FOUND; SPROUT_LIMIT if `out` is
 * too small. */
SPROUT_MUST_USE enum sprout_status sprout_store_put_meta(struct sprout_store *s,
                                                         const char *name,
                                                         struct sprout_str value,
                                                         struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_store_meta(struct sprout_store *s,
                                                     const char *name,
                                                     struct sprout_buf *out,
                                                     struct sprout_error *err);

/* A policy as it was written to the file, by id.  Stored before the file is renamed into
 * place, so that the id in a journal line can be looked up. */
SPROUT_MUST_USE enum sprout_status sprout_store_put_policy(struct sprout_store *s,
                                                           struct sprout_str id,
                                                           sprout_instant created,
                                                           struct sprout_str json,
                                                           struct sprout_error *err);
/* Appends the JSON.  SPROUT_NOT_FOUND, SPROUT_LIMIT. */
SPROUT_MUST_USE enum sprout_status sprout_store_policy(struct sprout_store *s,
                                                       struct sprout_str id,
                                                       struct sprout_buf *out,
                                                       struct sprout_error *err);

/* A grid value in force from `since` (wall time) on. */
struct sprout_store_grid {
    sprout_instant since; /* wall time */
    struct sprout_str source;
    struct sprout_store_slot slot;
};
SPROUT_MUST_USE enum sprout_status sprout_store_put_grid(
    struct sprout_store *s, const struct sprout_store_grid *g, struct sprout_error *err);
/* The value in force at `at`; its texts go to the arena.  SPROUT_NOT_FOUND. */
SPROUT_MUST_USE enum sprout_status sprout_store_grid_at(struct sprout_store *s,
                                                        sprout_instant at,
                                                        struct sprout_arena *arena,
                                                        struct sprout_store_grid *out,
                                                        struct sprout_error *err);

/* Forget receipts, policies and grid values older than `before`, and conversations that
 * began SPROUT_STORE_CONVERSATION_DAYS before `now`: at most `limit` rows of each, in a
 * transaction of its own; *out_more says that some are left.  Hourly sums stay. */
SPROUT_MUST_USE enum sprout_status sprout_store_prune(struct sprout_store *s,
                                                      sprout_instant now,
                                                      sprout_instant before,
                                                      int64_t limit, bool *out_more,
                                                      struct sprout_error *err);

/* ---- what reports and learning read ---------------------------------------------------- */

/* Wall time, both ends rounded down to hours when sums are asked for; since <= t < until. */
struct sprout_store_range {
    sprout_instant since; /* ns INT64_MIN: from the beginning */
    sprout_instant until; /* ns INT64_MAX: to the end */
};

#define SPROUT_STORE_ALL_TIME ((struct sprout_store_range){{INT64_MIN}, {INT64_MAX}})

/* What to group by; any set of them. */
enum sprout_store_by {
    SPROUT_BY_HOUR = 1,
    SPROUT_BY_SLOT = 2, /* the grid value: zone, quality, intensity, at */
    SPROUT_BY_LEVEL = 4,
    SPROUT_BY_MODEL = 8,
    SPROUT_BY_ARM = 16,
    SPROUT_BY_RULE = 32,
    SPROUT_BY_STRATUM = 64,
    SPROUT_BY_METHOD = 128, /* of the energy; empty where it is unknown */
    SPROUT_BY_ROUTE = 512,  /* path; empty where it is none of an API's */
    SPROUT_BY_ZONE = 256,   /* of the slot its zone alone */
};

/* Sums of one group.  Dimensions not grouped by are empty (hour -1). */
struct sprout_store_sum {
    int64_t hour; /* since 1970 */
    struct sprout_store_slot slot;
    struct sprout_str level;
    struct sprout_str model;
    struct sprout_str arm;
    struct sprout_str rule;
    struct sprout_str stratum;
    struct sprout_str method;
    struct sprout_str route;

    int64_t requests;
    int64_t outcome[4];   /* by enum sprout_outcome */
    int64_t reported;     /* requests whose usage the upstream reported */
    int64_t metered;      /* requests with known energy (all sums of energy are these) */
    int64_t prompt;       /* tokens, of metered requests */
    int64_t cached;       /* tokens, where known */
    int64_t completion;   /* tokens, of metered requests */
    double completion_sq; /* sum of squares */
    int64_t reasoning;    /* tokens, where known */
    int64_t duration_us;  /* all requests */
    int64_t overhead_us;  /* all requests */
    int64_t time_us;      /* modelled, of metered requests */
    int64_t energy_uj;    /* of metered requests */
    int64_t graded;       /* metered requests with known grid value */
    int64_t operational_ug; /* of graded requests */
    int64_t embodied_ug;    /* of metered requests */
    int64_t energy_l0_uj;   /* expected at L0, of metered requests */
    int64_t grams_l0_ug;    /* expected at L0, of graded requests */
    int64_t predicted;      /* answered requests that a predictor knew; of these: */
    int64_t quality;        /* what it said of the level served, in SPROUT_PREDICT_ONE */
    int64_t quality_l0;     /* and of L0 */
};

/* Called once a group, ordered by the dimensions; views are borrowed until it returns. */
typedef void sprout_store_sum_fn(void *ctx, const struct sprout_store_sum *sum);

SPROUT_MUST_USE enum sprout_status sprout_store_sums(
    struct sprout_store *s, struct sprout_store_range range,
    unsigned by, /* of enum sprout_store_by */
    sprout_store_sum_fn *each, void *ctx, struct sprout_error *err);

/* One conversation in one arm of the experiment, all its requests summed: what the estimate
 * of the saving is made from.  Only arms drawn by chance (mix, explore, holdout); a request
 * without a conversation key is a conversation of its own. */
struct sprout_store_conversation {
    int64_t hour; /* in which it began; the range asked for is about this */
    struct sprout_str arm;
    struct sprout_str model;
    struct sprout_str rule;
    struct sprout_str stratum;
    int64_t requests;
    int64_t metered;   /* with known energy */
    int64_t graded;    /* metered, and with known grid value */
    int64_t at_l1;     /* served at the first level that has a directive */
    int64_t tokens;    /* completion, of metered requests */
    int64_t prompt;    /* tokens, likewise */
    int64_t predicted; /* answer expected at L0 by what the first request said, of which
                          SPROUT_PREDICT_TOKEN are one; -1: unknown */
    sprout_microjoules energy;
    sprout_microseconds time;
    sprout_micrograms grams; /* operational and embodied, of graded requests */
};

typedef void sprout_store_conversation_fn(void *ctx,
                                          const struct sprout_store_conversation *c);

/* Ordered by rule, stratum, model and arm. */
SPROUT_MUST_USE enum sprout_status sprout_store_conversations(
    struct sprout_store *s, struct sprout_store_range range,
    sprout_store_conversation_fn *each, void *ctx, struct sprout_error *err);

/* How long one whole answer of the experiment took, from the receipts still kept. */
struct sprout_store_latency {
    bool holdout;          /* else under the mix */
    uint64_t conversation; /* its key, or a number of its own */
    int64_t duration_us;
};

typedef void sprout_store_latency_fn(void *ctx, const struct sprout_store_latency *l);

/* The newest first, at most `limit`; the range is of the requests' own time. */
SPROUT_MUST_USE enum sprout_status sprout_store_latencies(
    struct sprout_store *s, struct sprout_store_range range, int64_t limit,
    sprout_store_latency_fn *each, void *ctx, struct sprout_error *err);

/* What the whole ledger counts of lines that are no receipts. */
struct sprout_store_health {
    int64_t receipts;   /* rows still kept */
    int64_t missing;    /* lines never seen, by sequence number */
    int64_t damaged;    /* damaged lines seen, kept or not */
    int64_t duplicates; /* lines that came twice */
    int64_t bytes;      /* size of the database */
};
SPROUT_MUST_USE enum sprout_status sprout_store_health(struct sprout_store *s,
                                                       struct sprout_store_health *out,
                                                       struct sprout_error *err);

#endif
