/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite.h - what the files of the SQLite ledger share; nobody else includes it.
 *
 * All SQL that runs often is a row of the table below, prepared once at its first use.
 * Threads: as store.h. */
#ifndef SPROUT_ADAPT_STORE_SQLITE_H
#define SPROUT_ADAPT_STORE_SQLITE_H

#include <sqlite3.h>

#include "adapt/store.h"

#define SPROUT_STORE_SQL(X)                                                              \
    X(BEGIN, "BEGIN IMMEDIATE")                                                          \
    X(FREEZE, "BEGIN")                                                                   \
    X(COMMIT, "COMMIT")                                                                  \
    X(ROLLBACK, "ROLLBACK")                                                              \
    X(META_PUT, "INSERT INTO meta(name, value) VALUES(?1, ?2) "                          \
                "ON CONFLICT(name) DO UPDATE SET value = excluded.value")                \
    X(META_GET, "SELECT value FROM meta WHERE name = ?1")                                \
    X(POLICY_PUT, "INSERT OR IGNORE INTO policies(id, created, json) "                   \
                  "VALUES(?1, ?2, ?3)")                                                  \
    X(POLICY_GET, "SELECT json FROM policies WHERE id = ?1")                             \
    X(SLOT_PUT, "INSERT INTO slots(zone, quality, g, at) VALUES(?1, ?2, ?3, ?4)")        \
    X(SLOT_GET, "SELECT id FROM slots WHERE zone = ?1 AND quality = ?2 AND g IS ?3 "     \
                "AND at = ?4")                                                           \
    X(SERIES_PUT, "INSERT INTO series(level, model, arm, rule, stratum, method, route) " \
                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                  \
    X(SERIES_GET, "SELECT id FROM series WHERE level = ?1 AND model = ?2 AND arm = ?3 "  \
                  "AND rule = ?4 AND stratum = ?5 AND method = ?6 AND route = ?7")       \
    X(SERIES_COUNT, "SELECT count(*) FROM series")                                       \
    X(ROUTE_GET, "SELECT 1 FROM series WHERE route = ?1 LIMIT 1")                        \
    X(ROUTE_COUNT, "SELECT count(DISTINCT route) FROM series")                           \
    X(GRID_PUT, "INSERT INTO grid_values(since, source, slot) VALUES(?1, ?2, ?3) "       \
                "ON CONFLICT(since) DO UPDATE SET source = excluded.source, "            \
                "slot = excluded.slot")                                                  \
    X(GRID_AT, "SELECT since, source, zone, quality, g, at FROM grid_values "            \
               "JOIN slots ON slots.id = slot WHERE since <= ?1 "                        \
               "ORDER BY since DESC LIMIT 1")                                            \
    X(POSITION_PUT, "INSERT INTO position(id, device, inode, offset, print, "            \
                    "print_size) VALUES(1, ?1, ?2, ?3, ?4, ?5) ON CONFLICT(id) DO "      \
                    "UPDATE SET device = excluded.device, inode = excluded.inode, "      \
                    "offset = excluded.offset, print = excluded.print, "                 \
                    "print_size = excluded.print_size")                                  \
    X(POSITION_GET, "SELECT device, inode, offset, print, print_size FROM position")     \
    X(DAMAGED_PUT, "INSERT INTO damaged(at, inode, offset, bytes, why) "                 \
                   "VALUES(?1, ?2, ?3, ?4, ?5)")                                         \
    X(DAMAGED_TRIM, "DELETE FROM damaged WHERE id <= ?1")                                \
    X(COUNT_ADD, "INSERT INTO counts(name, n) VALUES(?1, ?2) "                           \
                 "ON CONFLICT(name) DO UPDATE SET n = n + excluded.n")                   \
    X(WORKER_GET, "SELECT id, last_seq, missing FROM workers WHERE name = ?1")           \
    X(WORKER_PUT, "INSERT INTO workers(name, last_seq, missing, seen) "                  \
                  "VALUES(?1, 0, 0, ?2)")                                                \
    X(WORKER_SET, "UPDATE workers SET last_seq = ?2, missing = ?3, seen = ?4 "           \
                  "WHERE id = ?1")                                                       \
    X(RECEIPT_PUT,                                                                       \
      "INSERT OR IGNORE INTO receipts(worker, seq, at, series, slot, request, api, "     \
      "model, policy, reason, conversation, stream, prompt, cached, completion, "        \
      "reasoning, usage, ttfb_us, duration_us, overhead_us, status, outcome, "           \
      "bytes_in, bytes_out, energy_uj, time_us, operational_ug, embodied_ug, "           \
      "energy_l0_uj, grams_l0_ug) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "           \
      "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, "      \
      "?25, ?26, ?27, ?28, ?29, ?30)")                                                   \
    X(HOURLY_ADD,                                                                        \
      "INSERT INTO hourly VALUES(?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "      \
      "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26) "      \
      "ON CONFLICT(hour, slot, series) DO UPDATE SET requests = requests + 1, "          \
      "ok = ok + excluded.ok, client_closed = client_closed + excluded.client_closed, "  \
      "upstream_error = upstream_error + excluded.upstream_error, "                      \
      "refused = refused + excluded.refused, reported = reported + excluded.reported, "  \
      "metered = metered + excluded.metered, prompt = prompt + excluded.prompt, "        \
      "cached = cached + excluded.cached, "                                              \
      "completion = completion + excluded.completion, "                                  \
      "completion_sq = completion_sq + excluded.completion_sq, "                         \
      "reasoning = reasoning + excluded.reasoning, "                                     \
      "duration_us = duration_us + excluded.duration_us, "                               \
      "overhead_us = overhead_us + excluded.overhead_us, "                               \
      "time_us = time_us + excluded.time_us, "                                           \
      "energy_uj = energy_uj + excluded.energy_uj, graded = graded + excluded.graded, "  \
      "operational_ug = operational_ug + excluded.operational_ug, "                      \
      "embodied_ug = embodied_ug + excluded.embodied_ug, "                               \
      "energy_l0_uj = energy_l0_uj + excluded.energy_l0_uj, "                            \
      "grams_l0_ug = grams_l0_ug + excluded.grams_l0_ug, "                               \
      "predicted = predicted + excluded.predicted, "                                     \
      "quality = quality + excluded.quality, "                                           \
      "quality_l0 = quality_l0 + excluded.quality_l0")                                   \
    X(CONVERSATION_ADD,                                                                  \
      "INSERT INTO conversations(key, series, hour, requests, metered, graded, at_l1, "  \
      "tokens, energy_uj, time_us, grams_ug, prompt, predicted) "                        \
      "VALUES(?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "                    \
      "ON CONFLICT(key, series) DO UPDATE SET requests = requests + 1, "                 \
      "metered = metered + excluded.metered, graded = graded + excluded.graded, "        \
      "at_l1 = at_l1 + excluded.at_l1, tokens = tokens + excluded.tokens, "              \
      "energy_uj = energy_uj + excluded.energy_uj, "                                     \
      "time_us = time_us + excluded.time_us, grams_ug = grams_ug + excluded.grams_ug, "  \
      "prompt = prompt + excluded.prompt")                                               \
    X(SAMPLE_PUT, "INSERT OR REPLACE INTO samples VALUES((SELECT ifnull((SELECT n FROM " \
                  "counts WHERE name = 'samples'), 0)) % ?1, ?2, ?3, ?4, ?5, ?6, ?7, "   \
                  "?8, ?9)")                                                             \
    X(SAMPLES_GET, "SELECT kind, q0, q1, q2, t0, t1, t2 FROM samples "                   \
                   "WHERE predictor = ?1 ORDER BY slot LIMIT ?2")                        \
    X(PRUNE_RECEIPTS, "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts "       \
                      "WHERE at < ?1 ORDER BY at LIMIT ?2)")                             \
    X(PRUNE_CONVERSATIONS, "DELETE FROM conversations WHERE id IN (SELECT id "           \
                           "FROM conversations WHERE hour < ?1 LIMIT ?2)")               \
    X(PRUNE_POLICIES, "DELETE FROM policies WHERE id IN (SELECT id FROM policies "       \
                      "WHERE created < ?1 LIMIT ?2)")                                    \
    X(PRUNE_GRID, "DELETE FROM grid_values WHERE since < min(?1, (SELECT max(since) "    \
                  "FROM grid_values)) AND ?2 > 0")                                       \
    X(HEALTH, "SELECT (SELECT ifnull(max(id) - min(id) + 1, 0) FROM receipts), "         \
              "(SELECT total(missing) FROM workers), "                                   \
              "(SELECT total(n) FROM counts WHERE name = 'damaged'), "                   \
              "(SELECT total(n) FROM counts WHERE name = 'duplicates'), "                \
              "(SELECT page_count * page_size FROM pragma_page_count, "                  \
              "pragma_page_size)")

enum sprout_store_sql {
#define X(name, sql) SPROUT_SQL_##name,
    SPROUT_STORE_SQL(X)
#undef X
        SPROUT_SQL_COUNT
};

enum {
    SPROUT_STORE_KEY_MAX = 1024, /* bytes of a series' names together */
    SPROUT_STORE_CACHE = 64,     /* series and workers remembered */
};

/* Ids of series met lately, by the hash of their names; the names are compared. */
struct sprout_store_known {
    int64_t id; /* 0: empty */
    size_t len;
    char key[SPROUT_STORE_KEY_MAX];
};

/* A worker is nearly always one of the few met last. */
struct sprout_store_worker {
    int64_t id; /* 0: empty */
    int64_t last_seq;
    int64_t missing;
    size_t len;
    char name[SPROUT_NAME_MAX];
};

struct sprout_store {
    sqlite3 *db;
    bool open; /* a transaction is */
    sqlite3_stmt *stmt[SPROUT_SQL_COUNT];
    struct sprout_store_known series[SPROUT_STORE_CACHE];
    struct sprout_store_worker workers[SPROUT_STORE_CACHE];
    struct sprout_store_known slot;
};

/* A step of migrations[], of store_sqlite_evaluate.c. */
extern const char sprout_store_schema_evaluations[];
/* The same, of store_sqlite_history.c. */
extern const char sprout_store_schema_history[];
extern const char sprout_store_schema_feedback[];
extern const char sprout_store_schema_metered[];
extern const char sprout_store_schema_examples[];

/* The statement, ready to be bound; NULL after filling *err. */
sqlite3_stmt *sprout_store_stmt(struct sprout_store *s, enum sprout_store_sql which,
                                struct sprout_error *err);

/* Runs a statement that returns no row, and resets it. */
SPROUT_MUST_USE enum sprout_status sprout_store_run(struct sprout_store *s,
                                                    sqlite3_stmt *stmt,
                                                    struct sprout_error *err);

/* For what runs seldom, and so is not in the table: prepare, bind, then one of the next two,
 * which let go of the statement. */
SPROUT_MUST_USE enum sprout_status sprout_store_prepare(struct sprout_store *s,
                                                        const char *sql,
                                                        sqlite3_stmt **out,
                                                        struct sprout_error *err);
/* Runs what returns no row. */
SPROUT_MUST_USE enum sprout_status sprout_store_finish(struct sprout_store *s,
                                                       sqlite3_stmt *stmt,
                                                       struct sprout_error *err);
/* After a loop over rows: `code` is what the last step said. */
SPROUT_MUST_USE enum sprout_status sprout_store_end_of(struct sprout_store *s,
                                                       sqlite3_stmt *stmt, int code,
                                                       struct sprout_error *err);

/* Moments in the ledger are whole microseconds. */
static inline int64_t sprout_store_us(sprout_instant t)
{
    return t.ns / 1000;
}

static inline sprout_instant sprout_store_instant(int64_t us)
{
    return (sprout_instant){us * 1000};
}

/* Turns SQLite's last error into ours. */
enum sprout_status sprout_store_failed(struct sprout_store *s, const char *doing,
                                       struct sprout_error *err);

void sprout_store_bind_str(sqlite3_stmt *stmt, int at, struct sprout_str text);
void sprout_store_bind_count(sqlite3_stmt *stmt, int at, int64_t v); /* < 0: NULL */
struct sprout_str sprout_store_column_str(sqlite3_stmt *stmt, int at);

/* Id of the grid slot, made if it is new; 0 after filling *err. */
int64_t sprout_store_slot_id(struct sprout_store *s, const struct sprout_store_slot *slot,
                             struct sprout_error *err);

void sprout_store_forget_caches(struct sprout_store *s);

/* "120,-1,14": the lengths of the answers, by level; < 0: not known. */
void sprout_store_read_tokens(struct sprout_str text,
                              sprout_tokens out[SPROUT_LEVELS_MAX]);

/* One grid slot from five columns: zone, quality, g, at. */
struct sprout_store_slot sprout_store_column_slot(sqlite3_stmt *stmt, int at);

#endif
