/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_read.c - sums and single values out of the ledger.
 *
 * Sums read the hourly tables, never the receipts.  Their SQL is put together from constant
 * pieces only, by the dimensions asked for; every value is bound. */
#include "adapt/store_sqlite.h"

#include <math.h>

#include "base/arena.h"
#include "core/instant.h"

struct sprout_store_slot sprout_store_column_slot(sqlite3_stmt *stmt, int at)
{
    const bool unknown = sqlite3_column_type(stmt, at + 2) == SQLITE_NULL;
    return (struct sprout_store_slot){
        .zone = sprout_store_column_str(stmt, at),
        .quality = sprout_store_column_str(stmt, at + 1),
        .intensity = {unknown ? NAN : sqlite3_column_double(stmt, at + 2)},
        .at = sprout_store_instant(sqlite3_column_int64(stmt, at + 3)),
    };
}

/* ---- single values --------------------------------------------------------------------- */

/* Steps a statement that has at most one row; SPROUT_NOT_FOUND when there is none.  The
 * caller resets it. */
static enum sprout_status one_row(struct sprout_store *s, sqlite3_stmt *stmt,
                                  struct sprout_error *err)
{
    const int code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        return SPROUT_OK;
    }
    return code == SQLITE_DONE ? SPROUT_NOT_FOUND
                               : sprout_store_failed(s, "reading", err);
}

static enum sprout_status text_by_name(struct sprout_store *s,
                                       enum sprout_store_sql which,
                                       struct sprout_str name, struct sprout_buf *out,
                                       struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, which, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sprout_store_bind_str(stmt, 1, name);
    enum sprout_status status = one_row(s, stmt, err);
    if (status == SPROUT_OK) {
        const struct sprout_str text = sprout_store_column_str(stmt, 0);
        if (text.len > out->cap - out->len) {
            status = sprout_fail(err, SPROUT_LIMIT,
                                 "a text of %zu bytes in the ledger is "
                                 "larger than the %zu expected",
                                 text.len, out->cap);
        } else {
            sprout_buf_put(out, text);
        }
    }
    sqlite3_reset(stmt);
    return status;
}

enum sprout_status sprout_store_meta(struct sprout_store *s, const char *name,
                                     struct sprout_buf *out, struct sprout_error *err)
{
    return text_by_name(s, SPROUT_SQL_META_GET, sprout_str_of(name), out, err);
}

enum sprout_status sprout_store_policy(struct sprout_store *s, struct sprout_str id,
                                       struct sprout_buf *out, struct sprout_error *err)
{
    return text_by_name(s, SPROUT_SQL_POLICY_GET, id, out, err);
}

enum sprout_status sprout_store_position(struct sprout_store *s,
                                         struct sprout_journal_position *out,
                                         struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_POSITION_GET, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    const enum sprout_status status = one_row(s, stmt, err);
    if (status == SPROUT_OK) {
        *out = (struct sprout_journal_position){
            .device = (uint64_t)sqlite3_column_int64(stmt, 0),
            .inode = (uint64_t)sqlite3_column_int64(stmt, 1),
            .offset = sqlite3_column_int64(stmt, 2),
            .print = (uint64_t)sqlite3_column_int64(stmt, 3),
            .print_size = sqlite3_column_int64(stmt, 4),
        };
    }
    sqlite3_reset(stmt);
    return status;
}

enum sprout_status sprout_store_grid_at(struct sprout_store *s, sprout_instant at,
                                        struct sprout_arena *arena,
                                        struct sprout_store_grid *out,
                                        struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_GRID_AT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sqlite3_bind_int64(stmt, 1, sprout_store_us(at));
    enum sprout_status status = one_row(s, stmt, err);
    if (status == SPROUT_OK) {
        struct sprout_store_grid g = {
            .since = sprout_store_instant(sqlite3_column_int64(stmt, 0)),
            .source = sprout_arena_str(arena, sprout_store_column_str(stmt, 1)),
            .slot = sprout_store_column_slot(stmt, 2),
        };
        g.slot.zone = sprout_arena_str(arena, g.slot.zone);
        g.slot.quality = sprout_arena_str(arena, g.slot.quality);
        if (arena->spent) {
            status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a grid value");
        } else {
            *out = g;
        }
    }
    sqlite3_reset(stmt);
    return status;
}

enum sprout_status sprout_store_health(struct sprout_store *s,
                                       struct sprout_store_health *out,
                                       struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_HEALTH, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    const enum sprout_status status = one_row(s, stmt, err);
    if (status == SPROUT_OK) {
        *out = (struct sprout_store_health){
            .receipts = sqlite3_column_int64(stmt, 0),
            .missing = sqlite3_column_int64(stmt, 1),
            .damaged = sqlite3_column_int64(stmt, 2),
            .duplicates = sqlite3_column_int64(stmt, 3),
            .bytes = sqlite3_column_int64(stmt, 4),
        };
    }
    sqlite3_reset(stmt);
    return status;
}

/* ---- sums ------------------------------------------------------------------------------ */

/* A dimension: its column when grouped by, and what stands there when not. */
struct dimension {
    unsigned bit;
    const char *column;
    const char *empty;
};

/* In the order of struct sprout_store_sum; a slot is four columns. */
static const struct dimension dimensions[] = {
    {SPROUT_BY_HOUR, "hour", "-1"},
    {SPROUT_BY_SLOT | SPROUT_BY_ZONE, "zone", "''"},
    {SPROUT_BY_SLOT, "slots.quality", "''"},
    {SPROUT_BY_SLOT, "g", "NULL"},
    {SPROUT_BY_SLOT, "slots.at", "0"},
    {SPROUT_BY_LEVEL, "level", "''"},
    {SPROUT_BY_MODEL, "model", "''"},
    {SPROUT_BY_ARM, "arm", "''"},
    {SPROUT_BY_RULE, "rule", "''"},
    {SPROUT_BY_STRATUM, "stratum", "''"},
    {SPROUT_BY_METHOD, "method", "''"},
    {SPROUT_BY_ROUTE, "route", "''"},
};

enum { DIMENSIONS = sizeof dimensions / sizeof dimensions[0], SUM_SQL_MAX = 2048 };

static void put_text(struct sprout_buf *b, const char *text)
{
    sprout_buf_put(b, sprout_str_of(text));
}

static void put_sums_sql(struct sprout_buf *b, unsigned by)
{
    put_text(b, "SELECT ");
    for (int i = 0; i < DIMENSIONS; i++) {
        const bool grouped = (by & dimensions[i].bit) != 0;
        put_text(b, grouped ? dimensions[i].column : dimensions[i].empty);
        put_text(b, ", ");
    }
    put_text(b,
             "sum(requests), sum(ok), sum(client_closed), sum(upstream_error), "
             "sum(refused), sum(reported), sum(metered), sum(prompt), sum(cached), "
             "sum(completion), total(completion_sq), sum(reasoning), "
             "sum(duration_us), sum(overhead_us), sum(time_us), sum(energy_uj), "
             "sum(graded), sum(operational_ug), sum(embodied_ug), "
             "sum(energy_l0_uj), sum(grams_l0_ug), sum(predicted), sum(hourly.quality), "
             "sum(quality_l0) FROM hourly "
             "JOIN slots ON slots.id = slot JOIN series ON series.id = series "
             "WHERE hour >= ?1 AND hour < ?2");
    const char *separator = " GROUP BY ";
    for (int i = 0; i < DIMENSIONS; i++) {
        if ((by & dimensions[i].bit) != 0) {
            put_text(b, separator);
            put_text(b, dimensions[i].column);
            separator = ", ";
        }
    }
    if (by == 0) {
        put_text(b, " HAVING count(*) > 0");
    }
    put_text(b,
             *separator == ',' ? " ORDER BY 1, 5, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12" : "");
}

static struct sprout_store_sum column_sum(sqlite3_stmt *stmt)
{
    int at = DIMENSIONS;
    struct sprout_store_sum sum = {
        .hour = sqlite3_column_int64(stmt, 0),
        .slot = sprout_store_column_slot(stmt, 1),
        .level = sprout_store_column_str(stmt, 5),
        .model = sprout_store_column_str(stmt, 6),
        .arm = sprout_store_column_str(stmt, 7),
        .rule = sprout_store_column_str(stmt, 8),
        .stratum = sprout_store_column_str(stmt, 9),
        .method = sprout_store_column_str(stmt, 10),
        .route = sprout_store_column_str(stmt, 11),
    };
    sum.requests = sqlite3_column_int64(stmt, at++);
    sum.outcome[SPROUT_OUTCOME_OK] = sqlite3_column_int64(stmt, at++);
    sum.outcome[SPROUT_OUTCOME_CLIENT_CLOSED] = sqlite3_column_int64(stmt, at++);
    sum.outcome[SPROUT_OUTCOME_UPSTREAM_ERROR] = sqlite3_column_int64(stmt, at++);
    sum.outcome[SPROUT_OUTCOME_REFUSED] = sqlite3_column_int64(stmt, at++);
    sum.reported = sqlite3_column_int64(stmt, at++);
    sum.metered = sqlite3_column_int64(stmt, at++);
    sum.prompt = sqlite3_column_int64(stmt, at++);
    sum.cached = sqlite3_column_int64(stmt, at++);
    sum.completion = sqlite3_column_int64(stmt, at++);
    sum.completion_sq = sqlite3_column_double(stmt, at++);
    sum.reasoning = sqlite3_column_int64(stmt, at++);
    sum.duration_us = sqlite3_column_int64(stmt, at++);
    sum.overhead_us = sqlite3_column_int64(stmt, at++);
    sum.time_us = sqlite3_column_int64(stmt, at++);
    sum.energy_uj = sqlite3_column_int64(stmt, at++);
    sum.graded = sqlite3_column_int64(stmt, at++);
    sum.operational_ug = sqlite3_column_int64(stmt, at++);
    sum.embodied_ug = sqlite3_column_int64(stmt, at++);
    sum.energy_l0_uj = sqlite3_column_int64(stmt, at++);
    sum.grams_l0_ug = sqlite3_column_int64(stmt, at++);
    sum.predicted = sqlite3_column_int64(stmt, at++);
    sum.quality = sqlite3_column_int64(stmt, at++);
    sum.quality_l0 = sqlite3_column_int64(stmt, at);
    return sum;
}

static void bind_range(sqlite3_stmt *stmt, struct sprout_store_range range)
{
    const bool to_end = range.until.ns == INT64_MAX;
    sqlite3_bind_int64(stmt, 1, sprout_instant_hour(range.since));
    sqlite3_bind_int64(stmt, 2, to_end ? INT64_MAX : sprout_instant_hour(range.until));
}

typedef void row_fn(sqlite3_stmt *stmt, void *each, void *ctx);

static enum sprout_status each_row(struct sprout_store *s, const char *sql,
                                   struct sprout_store_range range, row_fn *row,
                                   void *each, void *ctx, struct sprout_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum sprout_status status = SPROUT_OK;
    int code;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        return sprout_store_failed(s, "preparing a sum", err);
    }
    bind_range(stmt, range);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        row(stmt, each, ctx);
    }
    if (code != SQLITE_DONE) {
        status = sprout_store_failed(s, "summing up", err);
    }
    sqlite3_finalize(stmt);
    return status;
}

struct sum_fn {
    sprout_store_sum_fn *fn;
};

static void row_of_sum(sqlite3_stmt *stmt, void *each, void *ctx)
{
    const struct sprout_store_sum sum = column_sum(stmt);
    ((const struct sum_fn *)each)->fn(ctx, &sum);
}

enum sprout_status sprout_store_sums(struct sprout_store *s,
                                     struct sprout_store_range range, unsigned by,
                                     sprout_store_sum_fn *each, void *ctx,
                                     struct sprout_error *err)
{
    char sql[SUM_SQL_MAX];
    struct sprout_buf b = sprout_buf_of(sql, sizeof sql - 1);
    struct sum_fn fn = {each};

    put_sums_sql(&b, by);
    sql[b.len] = '\0';
    return each_row(s, sql, range, row_of_sum, &fn, ctx, err);
}

struct conversation_fn {
    sprout_store_conversation_fn *fn;
};

static void row_of_conversation(sqlite3_stmt *stmt, void *each, void *ctx)
{
    const struct sprout_store_conversation c = {
        .hour = sqlite3_column_int64(stmt, 0),
        .arm = sprout_store_column_str(stmt, 1),
        .model = sprout_store_column_str(stmt, 2),
        .rule = sprout_store_column_str(stmt, 3),
        .stratum = sprout_store_column_str(stmt, 4),
        .requests = sqlite3_column_int64(stmt, 5),
        .metered = sqlite3_column_int64(stmt, 6),
        .graded = sqlite3_column_int64(stmt, 7),
        .at_l1 = sqlite3_column_int64(stmt, 8),
        .tokens = sqlite3_column_int64(stmt, 9),
        .energy = {sqlite3_column_int64(stmt, 10)},
        .time = {sqlite3_column_int64(stmt, 11)},
        .grams = {sqlite3_column_int64(stmt, 12)},
        .prompt = sqlite3_column_int64(stmt, 13),
        .predicted = sqlite3_column_int64(stmt, 14),
    };
    ((const struct conversation_fn *)each)->fn(ctx, &c);
}

enum sprout_status sprout_store_conversations(struct sprout_store *s,
                                              struct sprout_store_range range,
                                              sprout_store_conversation_fn *each,
                                              void *ctx, struct sprout_error *err)
{
    static const char sql[] =
        "SELECT hour, arm, model, rule, stratum, requests, metered, graded, at_l1, "
        "tokens, energy_uj, time_us, grams_ug, prompt, ifnull(predicted, -1) "
        "FROM conversations "
        "JOIN series ON series.id = series WHERE hour >= ?1 AND hour < ?2 "
        "ORDER BY rule, stratum, model, arm, conversations.id";
    struct conversation_fn fn = {each};

    return each_row(s, sql, range, row_of_conversation, &fn, ctx, err);
}

/* ---- latencies ------------------------------------------------------------------------- */

static int64_t clamp_us(sprout_instant t)
{
    return t.ns == INT64_MIN || t.ns == INT64_MAX ? t.ns : sprout_store_us(t);
}

enum sprout_status sprout_store_latencies(struct sprout_store *s,
                                          struct sprout_store_range range, int64_t limit,
                                          sprout_store_latency_fn *each, void *ctx,
                                          struct sprout_error *err)
{
    static const char sql[] =
        "SELECT arm = 'holdout', ifnull(conversation, receipts.id), duration_us "
        "FROM receipts JOIN series ON series.id = series WHERE at >= ?1 AND at < ?2 "
        "AND outcome = 'ok' AND duration_us IS NOT NULL AND arm IN ('holdout', 'mix') "
        "ORDER BY at DESC LIMIT ?3";
    sqlite3_stmt *stmt = NULL;
    int code;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        return sprout_store_failed(s, "preparing latencies", err);
    }
    sqlite3_bind_int64(stmt, 1, clamp_us(range.since));
    sqlite3_bind_int64(stmt, 2, clamp_us(range.until));
    sqlite3_bind_int64(stmt, 3, limit);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct sprout_store_latency l = {
            .holdout = sqlite3_column_int(stmt, 0) != 0,
            .conversation = (uint64_t)sqlite3_column_int64(stmt, 1),
            .duration_us = sqlite3_column_int64(stmt, 2),
        };
        each(ctx, &l);
    }
    const enum sprout_status status =
        code == SQLITE_DONE ? SPROUT_OK
                            : sprout_store_failed(s, "reading latencies", err);
    sqlite3_finalize(stmt);
    return status;
}
