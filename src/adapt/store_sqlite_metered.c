/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_metered.c - see store_metered.h. */
#include "adapt/store_metered.h"
#include "adapt/store_sqlite.h"
#include "core/instant.h"

const char sprout_store_schema_metered[] =
    "CREATE TABLE metered(hour INTEGER PRIMARY KEY, measured_uj INTEGER NOT NULL,"
    " attributed_uj INTEGER NOT NULL, idle_uj INTEGER NOT NULL,"
    " unattributed_uj INTEGER NOT NULL, windows INTEGER NOT NULL, gaps INTEGER NOT NULL,"
    " CHECK(measured_uj = attributed_uj + idle_uj + unattributed_uj));";

static const char add_sql[] =
    "INSERT INTO metered VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(hour) DO UPDATE "
    "SET measured_uj = measured_uj + excluded.measured_uj, "
    "attributed_uj = attributed_uj + excluded.attributed_uj, "
    "idle_uj = idle_uj + excluded.idle_uj, "
    "unattributed_uj = unattributed_uj + excluded.unattributed_uj, "
    "windows = windows + excluded.windows, gaps = gaps + excluded.gaps";
static const char sum_sql[] =
    "SELECT coalesce(sum(measured_uj), 0), coalesce(sum(attributed_uj), 0), "
    "coalesce(sum(idle_uj), 0), coalesce(sum(unattributed_uj), 0), "
    "coalesce(sum(windows), 0), coalesce(sum(gaps), 0) FROM metered "
    "WHERE hour >= ?1 AND hour < ?2";

enum sprout_status sprout_store_add_metered(struct sprout_store *s, sprout_instant at,
                                            const struct sprout_store_metered *more,
                                            struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    if (more->measured.v != more->attributed.v + more->idle.v + more->unattributed.v) {
        return sprout_fail(err, SPROUT_INVALID, "metered parts that are not the whole");
    }
    if (sqlite3_prepare_v2(s->db, add_sql, -1, &q, NULL) != SQLITE_OK) {
        return sprout_store_failed(s, "keeping what was metered", err);
    }
    const int64_t values[] = {
        sprout_instant_hour(at), more->measured.v, more->attributed.v, more->idle.v,
        more->unattributed.v,    more->windows,    more->gaps};
    for (int i = 0; i < (int)(sizeof values / sizeof values[0]); i++) {
        sqlite3_bind_int64(q, i + 1, values[i]);
    }
    const enum sprout_status status = sprout_store_run(s, q, err);
    sqlite3_finalize(q);
    return status;
}

enum sprout_status sprout_store_metered(struct sprout_store *s,
                                        struct sprout_store_range range,
                                        struct sprout_store_metered *out,
                                        struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code = SQLITE_ERROR;
    if (sqlite3_prepare_v2(s->db, sum_sql, -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, sprout_instant_hour(range.since));
        sqlite3_bind_int64(q, 2, sprout_instant_hour(range.until));
        code = sqlite3_step(q);
    }
    enum sprout_status status = SPROUT_OK;
    if (code == SQLITE_ROW) {
        *out = (struct sprout_store_metered){
            {sqlite3_column_int64(q, 0)}, {sqlite3_column_int64(q, 1)},
            {sqlite3_column_int64(q, 2)}, {sqlite3_column_int64(q, 3)},
            sqlite3_column_int64(q, 4),   sqlite3_column_int64(q, 5)};
    } else {
        status = sprout_store_failed(s, "reading what was metered", err);
    }
    sqlite3_finalize(q);
    return status;
}
