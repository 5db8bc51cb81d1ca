/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite.c - opening the ledger, its schema and migrations, transactions.
 *
 * WAL with synchronous=NORMAL: a power cut may take the last transactions back, but each
 * whole, position included, so the journal is simply read again from there.
 * The schema's version is PRAGMA user_version; migrations[] brings any older ledger up, one
 * transaction a step.  A newer ledger than this code is refused, never touched.
 * Not here: rows in (store_sqlite_write.c), sums out (store_sqlite_read.c). */
#include "adapt/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* docs/ledger.md describes each table.  Times are microseconds since 1970 in UTC, hours are
 * hours since 1970, amounts are integers in the unit of their name. */
static const char schema_1[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE counts(name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE position(id INTEGER PRIMARY KEY CHECK(id = 1), device INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, offset INTEGER NOT NULL, print INTEGER NOT NULL,"
    " print_size INTEGER NOT NULL);"
    "CREATE TABLE workers(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " last_seq INTEGER NOT NULL, missing INTEGER NOT NULL, seen INTEGER NOT NULL);"
    "CREATE TABLE damaged(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, offset INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " why TEXT NOT NULL);"
    "CREATE TABLE policies(id TEXT PRIMARY KEY, created INTEGER NOT NULL,"
    " json TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE slots(id INTEGER PRIMARY KEY, zone TEXT NOT NULL,"
    " quality TEXT NOT NULL, g REAL, at INTEGER NOT NULL);"
    "CREATE INDEX slots_by_value ON slots(at, zone, quality, g);"
    "CREATE TABLE grid_values(since INTEGER PRIMARY KEY, source TEXT NOT NULL,"
    " slot INTEGER NOT NULL REFERENCES slots(id));"
    "CREATE TABLE series(id INTEGER PRIMARY KEY, level TEXT NOT NULL, model TEXT NOT "
    "NULL,"
    " arm TEXT NOT NULL, rule TEXT NOT NULL, stratum TEXT NOT NULL, method TEXT NOT NULL,"
    " UNIQUE(level, model, arm, rule, stratum, method));"
    "CREATE TABLE receipts(id INTEGER PRIMARY KEY,"
    " worker INTEGER NOT NULL REFERENCES workers(id), seq INTEGER NOT NULL,"
    " at INTEGER NOT NULL, series INTEGER NOT NULL REFERENCES series(id),"
    " slot INTEGER NOT NULL REFERENCES slots(id), request TEXT, api TEXT, model TEXT,"
    " policy TEXT, reason TEXT, conversation INTEGER, stream INTEGER NOT NULL,"
    " prompt INTEGER, cached INTEGER, completion INTEGER, reasoning INTEGER,"
    " usage TEXT NOT NULL, ttfb_us INTEGER, duration_us INTEGER, overhead_us INTEGER,"
    " status INTEGER, outcome TEXT NOT NULL, bytes_in INTEGER, bytes_out INTEGER,"
    " energy_uj INTEGER, time_us INTEGER, operational_ug INTEGER, embodied_ug INTEGER,"
    " energy_l0_uj INTEGER, grams_l0_ug INTEGER, UNIQUE(worker, seq));"
    "CREATE INDEX receipts_by_time ON receipts(at);"
    "CREATE TABLE hourly(hour INTEGER NOT NULL, slot INTEGER NOT NULL REFERENCES"
    " slots(id), series INTEGER NOT NULL REFERENCES series(id),"
    " requests INTEGER NOT NULL, ok INTEGER NOT NULL, client_closed INTEGER NOT NULL,"
    " upstream_error INTEGER NOT NULL, refused INTEGER NOT NULL,"
    " reported INTEGER NOT NULL, metered INTEGER NOT NULL, prompt INTEGER NOT NULL,"
    " cached INTEGER NOT NULL, completion INTEGER NOT NULL, completion_sq REAL NOT NULL,"
    " reasoning INTEGER NOT NULL, duration_us INTEGER NOT NULL,"
    " overhead_us INTEGER NOT NULL, time_us INTEGER NOT NULL, energy_uj INTEGER NOT NULL,"
    " graded INTEGER NOT NULL, operational_ug INTEGER NOT NULL,"
    " embodied_ug INTEGER NOT NULL, energy_l0_uj INTEGER NOT NULL,"
    " grams_l0_ug INTEGER NOT NULL, PRIMARY KEY(hour, slot, series)) WITHOUT ROWID;"
    "CREATE TABLE conversations(id INTEGER PRIMARY KEY, key INTEGER,"
    " series INTEGER NOT NULL REFERENCES series(id), hour INTEGER NOT NULL,"
    " requests INTEGER NOT NULL, metered INTEGER NOT NULL, graded INTEGER NOT NULL,"
    " at_l1 INTEGER NOT NULL, tokens INTEGER NOT NULL, energy_uj INTEGER NOT NULL,"
    " time_us INTEGER NOT NULL, grams_ug INTEGER NOT NULL, UNIQUE(key, series));"
    "CREATE INDEX conversations_by_hour ON conversations(hour);"
    /* For people with sqlite3 at hand. */
    "CREATE VIEW requests AS SELECT datetime(r.at / 1000000, 'unixepoch') AS time,"
    " w.name AS worker, r.seq, r.request, r.api, r.model, s.level, s.arm, r.reason,"
    " s.rule, s.stratum, r.policy, r.prompt, r.completion, r.usage, r.duration_us,"
    " r.status, r.outcome, r.energy_uj, r.operational_ug, r.embodied_ug, s.method,"
    " g.zone, g.g AS g_per_kwh, g.quality AS grid FROM receipts r"
    " JOIN workers w ON w.id = r.worker JOIN series s ON s.id = r.series"
    " JOIN slots g ON g.id = r.slot;";

/* The last prompts as they were predicted: a ring, written in turn. */
static const char schema_2[] =
    "CREATE TABLE samples(slot INTEGER PRIMARY KEY, predictor INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, q0 INTEGER NOT NULL, q1 INTEGER NOT NULL,"
    " q2 INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL,"
    " t2 INTEGER NOT NULL);";

/* Routes.  Uniqueness is part of a table and cannot be altered: it is made anew, with the
 * same ids.  What was counted before has no route. */
static const char schema_routes[] =
    "DROP VIEW requests;"
    "CREATE TABLE series_new(id INTEGER PRIMARY KEY, level TEXT NOT NULL, model TEXT NOT "
    "NULL, arm TEXT NOT NULL, rule TEXT NOT NULL, stratum TEXT NOT NULL,"
    " method TEXT NOT NULL, route TEXT NOT NULL DEFAULT '',"
    " UNIQUE(level, model, arm, rule, stratum, method, route));"
    "INSERT INTO series_new(id, level, model, arm, rule, stratum, method)"
    " SELECT id, level, model, arm, rule, stratum, method FROM series;"
    "DROP TABLE series;"
    "ALTER TABLE series_new RENAME TO series;"
    "CREATE INDEX series_by_route ON series(route);"
    "CREATE VIEW requests AS SELECT datetime(r.at / 1000000, 'unixepoch') AS time,"
    " w.name AS worker, r.seq, r.request, r.api, s.route, r.model, s.level, s.arm,"
    " r.reason, s.rule, s.stratum, r.policy, r.prompt, r.completion, r.usage,"
    " r.duration_us, r.status, r.outcome, r.energy_uj, r.operational_ug, r.embodied_ug,"
    " s.method, g.zone, g.g AS g_per_kwh, g.quality AS grid FROM receipts r"
    " JOIN workers w ON w.id = r.worker JOIN series s ON s.id = r.series"
    " JOIN slots g ON g.id = r.slot;";

/* Prompt tokens cost money.  Conversations of before have none on either side of a comparison. */
static const char schema_prompts[] =
    "ALTER TABLE conversations ADD COLUMN prompt INTEGER NOT NULL DEFAULT 0;";

/* What predictions say of the quality served: the account of a window is made of it. */
static const char schema_quality[] =
    "ALTER TABLE hourly ADD COLUMN predicted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE hourly ADD COLUMN quality INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE hourly ADD COLUMN quality_l0 INTEGER NOT NULL DEFAULT 0;";

/* What was known of a conversation before its level was chosen. */
static const char schema_predicted[] =
    "ALTER TABLE conversations ADD COLUMN predicted INTEGER;";

/* All of before were sampled in proportion. */
static const char schema_weights[] =
    "ALTER TABLE evaluation_items ADD COLUMN weight REAL NOT NULL DEFAULT 1;";

static const char *const migrations[SPROUT_STORE_SCHEMA] = {
    schema_1,
    schema_2,
    sprout_store_schema_evaluations,
    sprout_store_schema_history,
    sprout_store_schema_feedback,
    schema_routes,
    sprout_store_schema_metered,
    schema_prompts,
    sprout_store_schema_examples,
    schema_quality,
    schema_predicted,
    schema_weights,
};

enum {
    APPLICATION_ID = 0x53707274, /* "Sprt", in the file's header */
    BUSY_MS = 2000,
    PRIVATE_MASK = 0077,
};

static const char *const sql_text[] = {
#define X(name, sql) [SPROUT_SQL_##name] = (sql),
    SPROUT_STORE_SQL(X)
#undef X
};

enum sprout_status sprout_store_failed(struct sprout_store *s, const char *doing,
                                       struct sprout_error *err)
{
    const int code = sqlite3_errcode(s->db) & 0xff;

    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return sprout_fail(err, SPROUT_BUSY,
                           "ledger, %s: another process holds it; only one control may "
                           "write a ledger",
                           doing);
    }
    if (code == SQLITE_FULL) {
        return sprout_fail(err, SPROUT_IO,
                           "ledger, %s: the disk is full; make room, it "
                           "goes on by itself",
                           doing);
    }
    if (code == SQLITE_NOMEM) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "ledger, %s: out of memory", doing);
    }
    return sprout_fail(err, SPROUT_IO, "ledger, %s: %s", doing, sqlite3_errmsg(s->db));
}

sqlite3_stmt *sprout_store_stmt(struct sprout_store *s, enum sprout_store_sql which,
                                struct sprout_error *err)
{
    if (s->stmt[which] == NULL &&
        sqlite3_prepare_v3(s->db, sql_text[which], -1, SQLITE_PREPARE_PERSISTENT,
                           &s->stmt[which], NULL) != SQLITE_OK) {
        (void)sprout_store_failed(s, "preparing a statement", err);
        return NULL;
    }
    return s->stmt[which];
}

enum sprout_status sprout_store_run(struct sprout_store *s, sqlite3_stmt *stmt,
                                    struct sprout_error *err)
{
    enum sprout_status status = SPROUT_OK;

    if (sqlite3_step(stmt) != SQLITE_DONE) {
        status = sprout_store_failed(s, "writing", err);
    }
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return status;
}

enum sprout_status sprout_store_prepare(struct sprout_store *s, const char *sql,
                                        sqlite3_stmt **out, struct sprout_error *err)
{
    return sqlite3_prepare_v2(s->db, sql, -1, out, NULL) == SQLITE_OK
               ? SPROUT_OK
               : sprout_store_failed(s, "preparing a statement", err);
}

enum sprout_status sprout_store_finish(struct sprout_store *s, sqlite3_stmt *stmt,
                                       struct sprout_error *err)
{
    const enum sprout_status status = sprout_store_run(s, stmt, err);
    sqlite3_finalize(stmt);
    return status;
}

enum sprout_status sprout_store_end_of(struct sprout_store *s, sqlite3_stmt *stmt,
                                       int code, struct sprout_error *err)
{
    const enum sprout_status status =
        code == SQLITE_DONE ? SPROUT_OK : sprout_store_failed(s, "reading", err);
    sqlite3_finalize(stmt);
    return status;
}

void sprout_store_bind_str(sqlite3_stmt *stmt, int at, struct sprout_str text)
{
    sqlite3_bind_text64(stmt, at, text.len == 0 ? "" : text.ptr, text.len,
                        SQLITE_TRANSIENT, SQLITE_UTF8);
}

void sprout_store_bind_count(sqlite3_stmt *stmt, int at, int64_t v)
{
    if (v < 0) {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_int64(stmt, at, v);
    }
}

struct sprout_str sprout_store_column_str(sqlite3_stmt *stmt, int at)
{
    const void *const text = sqlite3_column_text(stmt, at);
    return (struct sprout_str){text, (size_t)sqlite3_column_bytes(stmt, at)};
}

/* ---- schema ---------------------------------------------------------------------------- */

static enum sprout_status execute(struct sprout_store *s, const char *sql,
                                  const char *doing, struct sprout_error *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? SPROUT_OK
               : sprout_store_failed(s, doing, err);
}

static enum sprout_status read_pragma(struct sprout_store *s, const char *sql,
                                      int64_t *out, struct sprout_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum sprout_status status = SPROUT_OK;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        *out = sqlite3_column_int64(stmt, 0);
    } else {
        status = sprout_store_failed(s, "opening it", err);
    }
    sqlite3_finalize(stmt);
    return status;
}

static enum sprout_status check_version(struct sprout_store *s, int64_t *version,
                                        struct sprout_error *err)
{
    int64_t application = 0, tables = 0;
    enum sprout_status status =
        read_pragma(s, "PRAGMA application_id", &application, err);

    if (status == SPROUT_OK) {
        status = read_pragma(s, "PRAGMA user_version", version, err);
    }
    if (status == SPROUT_OK) {
        status = read_pragma(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
    }
    if (status == SPROUT_OK && tables > 0 && application != APPLICATION_ID) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "the file is an SQLite database, but no Sprout ledger");
    }
    if (status == SPROUT_OK && *version > SPROUT_STORE_SCHEMA) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "the ledger has schema %lld, this sprout knows %d: use the "
                           "newer sprout that wrote it",
                           (long long)*version, SPROUT_STORE_SCHEMA);
    }
    return status;
}

/* One step of migrations[], whole or not at all. */
static enum sprout_status migrate_step(struct sprout_store *s, int64_t version,
                                       struct sprout_error *err)
{
    char stamp[96];
    snprintf(stamp, sizeof stamp,
             "PRAGMA application_id = %d; PRAGMA user_version = %lld", APPLICATION_ID,
             (long long)version + 1);

    enum sprout_status status = sprout_store_begin(s, err);
    if (status != SPROUT_OK) {
        return status;
    }
    status = execute(s, migrations[version], "creating tables", err);
    if (status == SPROUT_OK) {
        status = execute(s, stamp, "stamping the schema", err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_commit(s, err);
    }
    if (status != SPROUT_OK) {
        sprout_store_rollback(s);
    }
    return status;
}

static enum sprout_status migrate(struct sprout_store *s, struct sprout_error *err)
{
    int64_t version = 0;
    enum sprout_status status = check_version(s, &version, err);

    while (status == SPROUT_OK && version < SPROUT_STORE_SCHEMA) {
        status = migrate_step(s, version, err);
        version++;
    }
    return status;
}

static enum sprout_status prepare_to_write(struct sprout_store *s,
                                           struct sprout_error *err)
{
    int64_t version = 0;
    enum sprout_status status = check_version(s, &version, err); /* before WAL marks it */

    if (status == SPROUT_OK) {
        status =
            execute(s,
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                    "PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY",
                    "opening it", err);
    }
    return status == SPROUT_OK ? migrate(s, err) : status;
}

static enum sprout_status prepare_to_read(struct sprout_store *s,
                                          enum sprout_store_mode mode,
                                          struct sprout_error *err)
{
    int64_t version = 0;
    const enum sprout_status status = check_version(s, &version, err);

    if (status == SPROUT_OK && version < SPROUT_STORE_SCHEMA) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "the ledger has schema %lld, this sprout reads %d: start "
                           "'sprout control' once, it migrates the ledger",
                           (long long)version, SPROUT_STORE_SCHEMA);
    }
    const char *const how = mode == SPROUT_STORE_READ ? "PRAGMA query_only = 1"
                                                      : "PRAGMA synchronous = NORMAL";
    return status == SPROUT_OK ? execute(s, how, "opening it", err) : status;
}

/* SQLite creates the file with the process's mask; receipts are nobody else's business. */
static int open_private(const char *path, int flags, sqlite3 **db)
{
    const mode_t before = umask(PRIVATE_MASK);
    const int code = sqlite3_open_v2(path, db, flags, NULL);
    umask(before);
    return code;
}

enum sprout_status sprout_store_open(const char *path, enum sprout_store_mode mode,
                                     struct sprout_store **out_store,
                                     struct sprout_error *err)
{
    struct stat st;
    struct sprout_store *const s = calloc(1, sizeof *s);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                      (mode == SPROUT_STORE_WRITE ? SQLITE_OPEN_CREATE : 0);
    enum sprout_status status;

    if (s == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory to open the ledger");
    }
    if (mode != SPROUT_STORE_WRITE && stat(path, &st) != 0) {
        free(s);
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "no ledger at %s: start 'sprout up' or name the folder with "
                           "--dir",
                           path);
    }
    if (open_private(path, flags, &s->db) != SQLITE_OK) {
        status = sprout_fail(err, SPROUT_IO, "cannot open the ledger %s: %s", path,
                             s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db));
    } else {
        sqlite3_busy_timeout(s->db, BUSY_MS);
        status = mode == SPROUT_STORE_WRITE ? prepare_to_write(s, err)
                                            : prepare_to_read(s, mode, err);
    }
    if (status != SPROUT_OK) {
        sprout_store_close(s);
        return status;
    }
    *out_store = s;
    return SPROUT_OK;
}

void sprout_store_close(struct sprout_store *s)
{
    if (s == NULL) {
        return;
    }
    sprout_store_rollback(s);
    for (size_t i = 0; i < SPROUT_SQL_COUNT; i++) {
        sqlite3_finalize(s->stmt[i]);
    }
    sqlite3_close(s->db);
    free(s);
}

/* ---- transactions ---------------------------------------------------------------------- */

static enum sprout_status open_transaction(struct sprout_store *s,
                                           enum sprout_store_sql how,
                                           struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, how, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    const enum sprout_status status = sprout_store_run(s, stmt, err);
    s->open = status == SPROUT_OK;
    return status;
}

enum sprout_status sprout_store_begin(struct sprout_store *s, struct sprout_error *err)
{
    return open_transaction(s, SPROUT_SQL_BEGIN, err);
}

enum sprout_status sprout_store_freeze(struct sprout_store *s, struct sprout_error *err)
{
    return open_transaction(s, SPROUT_SQL_FREEZE, err);
}

enum sprout_status sprout_store_commit(struct sprout_store *s, struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_COMMIT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    const enum sprout_status status = sprout_store_run(s, stmt, err);
    if (status == SPROUT_OK) {
        s->open = false;
    }
    return status;
}

void sprout_store_rollback(struct sprout_store *s)
{
    if (!s->open) {
        return;
    }
    /* SQLite may have rolled back by itself (a full disk); then this one fails, and may. */
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_ROLLBACK, NULL);
    if (stmt != NULL) {
        sqlite3_step(stmt);
        sqlite3_reset(stmt);
    }
    s->open = false;
    sprout_store_forget_caches(s);
}
