/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_history.c - see store_history.h. */
#include "adapt/store_history.h"

#include "adapt/store_sqlite.h"

const char sprout_store_schema_history[] =
    "CREATE TABLE grid_history(zone TEXT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT "
    "NULL,"
    " start INTEGER NOT NULL, until INTEGER NOT NULL, source TEXT NOT NULL,"
    " g REAL NOT NULL, estimated INTEGER NOT NULL, forecast INTEGER NOT NULL,"
    " received INTEGER NOT NULL, PRIMARY KEY(zone, kind, scope, start)) WITHOUT ROWID;";

static const char put_sql[] =
    "INSERT INTO grid_history VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
    "ON CONFLICT(zone, kind, scope, start) DO UPDATE SET until = excluded.until, "
    "source = excluded.source, g = excluded.g, estimated = excluded.estimated, "
    "forecast = excluded.forecast, received = excluded.received "
    "WHERE excluded.forecast <= grid_history.forecast";
static const char get_sql[] =
    "SELECT zone, start, until, source, g, estimated, forecast, received FROM "
    "grid_history "
    "WHERE kind = ?1 AND scope = ?2 AND start >= ?3 AND start < ?4 ORDER BY zone, start";

enum sprout_status sprout_store_put_history(struct sprout_store *s,
                                            const struct sprout_grid_value *v,
                                            struct sprout_error *err)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(s->db, put_sql, -1, &stmt, NULL) != SQLITE_OK) {
        return sprout_store_failed(s, "keeping a grid value", err);
    }
    sprout_store_bind_str(stmt, 1, v->zone);
    sprout_store_bind_str(stmt, 2, sprout_str_of(sprout_grid_kind_text(v->kind)));
    sprout_store_bind_str(stmt, 3, sprout_str_of(sprout_grid_scope_text(v->scope)));
    sqlite3_bind_int64(stmt, 4, sprout_store_us(v->slot_start));
    sqlite3_bind_int64(stmt, 5, sprout_store_us(v->slot_end));
    sprout_store_bind_str(stmt, 6, v->source);
    sqlite3_bind_double(stmt, 7, v->intensity.v);
    sqlite3_bind_int64(stmt, 8, v->estimated);
    sqlite3_bind_int64(stmt, 9, v->forecast);
    sqlite3_bind_int64(stmt, 10, sprout_store_us(v->received_at));
    const enum sprout_status status = sprout_store_run(s, stmt, err);
    sqlite3_finalize(stmt);
    return status;
}

static sprout_instant instant_at(sqlite3_stmt *stmt, int at)
{
    return sprout_store_instant(sqlite3_column_int64(stmt, at));
}

enum sprout_status sprout_store_history(struct sprout_store *s,
                                        struct sprout_store_range range,
                                        enum sprout_grid_kind kind,
                                        enum sprout_grid_scope scope,
                                        sprout_store_history_fn *each, void *ctx,
                                        struct sprout_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = SQLITE_ERROR;

    if (sqlite3_prepare_v2(s->db, get_sql, -1, &stmt, NULL) == SQLITE_OK) {
        sprout_store_bind_str(stmt, 1, sprout_str_of(sprout_grid_kind_text(kind)));
        sprout_store_bind_str(stmt, 2, sprout_str_of(sprout_grid_scope_text(scope)));
        sqlite3_bind_int64(stmt, 3, sprout_store_us(range.since));
        sqlite3_bind_int64(stmt, 4, sprout_store_us(range.until));
        while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
            const struct sprout_grid_value v = {
                .zone = sprout_store_column_str(stmt, 0),
                .slot_start = instant_at(stmt, 1),
                .slot_end = instant_at(stmt, 2),
                .source = sprout_store_column_str(stmt, 3),
                .intensity = {sqlite3_column_double(stmt, 4)},
                .estimated = sqlite3_column_int64(stmt, 5) != 0,
                .forecast = sqlite3_column_int64(stmt, 6) != 0,
                .received_at = instant_at(stmt, 7),
                .kind = kind,
                .scope = scope,
                .quality = SPROUT_GRID_LIVE,
            };
            each(ctx, &v);
        }
    }
    const enum sprout_status status =
        code == SQLITE_DONE ? SPROUT_OK
                            : sprout_store_failed(s, "reading the grid's history", err);
    sqlite3_finalize(stmt);
    return status;
}
