/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_feedback.c - see store_feedback.h. */
#include "adapt/store_feedback.h"
#include "adapt/store_sqlite.h"

const char sprout_store_schema_feedback[] =
    "CREATE TABLE feedback(id INTEGER PRIMARY KEY, request TEXT NOT NULL UNIQUE,"
    " at INTEGER NOT NULL, value REAL NOT NULL);"
    "CREATE INDEX receipts_by_request ON receipts(request);";

/* Steps once: a number (of its first column, 0 without a row) and lets go. */
static enum sprout_status finish(struct sprout_store *s, sqlite3_stmt *q, int64_t *out,
                                 struct sprout_error *err)
{
    const int code = sqlite3_step(q);
    const int64_t n = code == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    const enum sprout_status status = code == SQLITE_ROW || code == SQLITE_DONE
                                          ? SPROUT_OK
                                          : sprout_store_failed(s, "feedback", err);
    sqlite3_finalize(q);
    if (status == SPROUT_OK) {
        *out = n;
    }
    return status;
}

enum sprout_status sprout_store_put_feedback(struct sprout_store *s,
                                             struct sprout_str request, double value,
                                             sprout_instant at, bool *out_known,
                                             struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int64_t n = 0;
    enum sprout_status status = sprout_store_prepare(
        s,
        "INSERT INTO feedback(request, at, value) VALUES(?1, ?2, ?3) "
        "ON CONFLICT(request) DO UPDATE SET value = excluded.value",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sprout_store_bind_str(q, 1, request);
    sqlite3_bind_int64(q, 2, sprout_store_us(at));
    sqlite3_bind_double(q, 3, value);
    status = finish(s, q, &n, err);
    if (status == SPROUT_OK) {
        status = sprout_store_prepare(
            s, "SELECT EXISTS(SELECT 1 FROM receipts WHERE request = ?1)", &q, err);
    }
    if (status == SPROUT_OK) {
        sprout_store_bind_str(q, 1, request);
        status = finish(s, q, &n, err);
    }
    if (status == SPROUT_OK) {
        *out_known = n != 0;
    }
    return status;
}

static enum sprout_status count_waiting(struct sprout_store *s, int64_t *out,
                                        struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT count(*) FROM feedback f WHERE NOT EXISTS(SELECT 1 FROM "
        "receipts r WHERE r.request = f.request)",
        &q, err);
    return status == SPROUT_OK ? finish(s, q, out, err) : status;
}

enum sprout_status sprout_store_feedbacks(struct sprout_store *s,
                                          sprout_store_feedback_fn *each, void *ctx,
                                          int64_t *out_waiting, struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT s.stratum, s.level, s.arm, f.value, f.at FROM feedback f "
        "JOIN receipts r ON r.request = f.request "
        "JOIN series s ON s.id = r.series GROUP BY f.id ORDER BY f.at, f.id",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const struct sprout_store_feedback f = {
            .stratum = sprout_store_column_str(q, 0),
            .level = sprout_store_column_str(q, 1),
            .arm = sprout_store_column_str(q, 2),
            .value = sqlite3_column_double(q, 3),
            .at = sprout_store_instant(sqlite3_column_int64(q, 4)),
        };
        each(ctx, &f);
    }
    status = code == SQLITE_DONE ? SPROUT_OK : sprout_store_failed(s, "feedback", err);
    sqlite3_finalize(q);
    return status == SPROUT_OK ? count_waiting(s, out_waiting, err) : status;
}

static struct sprout_store_turn turn_of(sqlite3_stmt *q)
{
    const int64_t at = sqlite3_column_int64(q, 2), took = sqlite3_column_int64(q, 3);
    return (struct sprout_store_turn){
        .id = sqlite3_column_int64(q, 0),
        .conversation = sqlite3_column_int64(q, 1),
        .began = sprout_store_instant(at),
        .ended = sprout_store_instant(at + took),
        .bytes = sqlite3_column_int64(q, 4),
        .ok = sprout_str_eq(sprout_store_column_str(q, 5), SPROUT_STR("ok")),
        .stratum = sprout_store_column_str(q, 6),
        .level = sprout_store_column_str(q, 7),
        .arm = sprout_store_column_str(q, 8),
    };
}

enum sprout_status sprout_store_turns(struct sprout_store *s, int64_t after,
                                      int64_t limit, sprout_store_turn_fn *each,
                                      void *ctx, int64_t *out_last,
                                      struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int64_t last = after;
    int code;
    enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT r.id, r.conversation, r.at, r.duration_us, r.bytes_in, r.outcome, "
        "s.stratum, s.level, s.arm FROM receipts r JOIN series s ON s.id = "
        "r.series WHERE r.id > ?1 ORDER BY r.id LIMIT ?2",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, after);
    sqlite3_bind_int64(q, 2, limit);
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const struct sprout_store_turn t = turn_of(q);
        last = t.id;
        if (sqlite3_column_type(q, 1) != SQLITE_NULL) {
            each(ctx, &t);
        }
    }
    status = code == SQLITE_DONE ? SPROUT_OK : sprout_store_failed(s, "receipts", err);
    sqlite3_finalize(q);
    if (status == SPROUT_OK) {
        *out_last = last;
    }
    return status;
}

enum sprout_status sprout_store_newest_receipt(struct sprout_store *s, int64_t *out,
                                               struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status =
        sprout_store_prepare(s, "SELECT max(id) FROM receipts", &q, err);
    return status == SPROUT_OK ? finish(s, q, out, err) : status;
}
