/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_backfill.c - see store_backfill.h. */
#include "adapt/store_backfill.h"

#include <math.h>
#include <stdlib.h>

#include "adapt/store_sqlite.h"

#define US_PER_HOUR INT64_C(3600000000)

enum { GROUPS_MAX = 100000 };

static const char groups_sql[] =
    "SELECT h.hour, h.slot, sum(h.requests), (SELECT count(*) FROM receipts r WHERE "
    "r.slot = h.slot AND r.at >= h.hour * 3600000000 AND r.at < (h.hour + 1) * "
    "3600000000)"
    " FROM hourly h JOIN slots s ON s.id = h.slot WHERE s.g IS NULL AND "
    "(s.zone = ?1 OR (?3 AND s.zone = '-')) AND h.hour >= ?4 AND h.hour < ?5 "
    "GROUP BY h.hour, h.slot ORDER BY h.hour LIMIT ?2";
static const char waiting_hours_sql[] =
    "SELECT min(h.hour), max(h.hour) + 1 FROM hourly h JOIN slots s ON s.id = h.slot "
    "WHERE s.g IS NULL AND h.metered > 0 AND (s.zone = ?1 OR (?2 AND s.zone = '-')) AND "
    "h.hour >= ?3 AND h.hour < ?4";
static const char waiting_sql[] =
    "SELECT r.id, r.series, r.policy, s.model, s.stratum, r.prompt, r.completion, "
    "r.usage, "
    "r.energy_uj, r.embodied_ug, r.conversation, r.model FROM receipts r JOIN series s "
    "ON "
    "s.id = r.series WHERE r.slot = ?1 AND r.at >= ?2 AND r.at < ?2 + 3600000000 "
    "AND r.energy_uj IS NOT NULL AND r.operational_ug IS NULL";
static const char receipt_sql[] =
    "UPDATE receipts SET operational_ug = ?2, grams_l0_ug = ?3 WHERE id = ?1";
static const char sums_sql[] =
    "UPDATE hourly SET graded = graded + 1, operational_ug = operational_ug + ?4, "
    "grams_l0_ug = grams_l0_ug + ?5 WHERE hour = ?1 AND slot = ?2 AND series = ?3";
/* Rows without a key that look the same are the same: any of them may be the one. */
static const char conversation_sql[] =
    "UPDATE conversations SET graded = graded + 1, grams_ug = grams_ug + ?1 WHERE id = "
    "(SELECT c.id FROM conversations c JOIN series s ON s.id = c.series JOIN series o ON "
    "o.id = ?2 WHERE s.level = '' AND s.method = '' AND s.model = o.model AND s.arm = "
    "o.arm AND s.rule = o.rule AND s.stratum = o.stratum AND c.graded < c.metered AND "
    "((c.key IS NOT NULL AND c.key = ?3) OR (?3 IS NULL AND c.key IS NULL AND c.hour = "
    "?4 "
    "AND c.energy_uj = ?5)) LIMIT 1)";
static const char move_receipts_sql[] =
    "UPDATE receipts SET slot = ?1 WHERE slot = ?2 AND at >= ?3 AND at < ?3 + 3600000000";
static const char move_sums_sql[] =
    "INSERT INTO hourly SELECT hour, ?1, series, requests, ok, client_closed, "
    "upstream_error, refused, reported, metered, prompt, cached, completion, "
    "completion_sq, reasoning, duration_us, overhead_us, time_us, energy_uj, graded, "
    "operational_ug, embodied_ug, energy_l0_uj, grams_l0_ug, predicted, quality, "
    "quality_l0 FROM hourly "
    "WHERE slot = ?2 AND hour = ?3 ON CONFLICT(hour, slot, series) DO UPDATE SET "
    "requests = requests + excluded.requests, ok = ok + excluded.ok, "
    "client_closed = client_closed + excluded.client_closed, "
    "upstream_error = upstream_error + excluded.upstream_error, "
    "refused = refused + excluded.refused, reported = reported + excluded.reported, "
    "metered = metered + excluded.metered, prompt = prompt + excluded.prompt, "
    "cached = cached + excluded.cached, completion = completion + excluded.completion, "
    "completion_sq = completion_sq + excluded.completion_sq, "
    "reasoning = reasoning + excluded.reasoning, "
    "duration_us = duration_us + excluded.duration_us, "
    "overhead_us = overhead_us + excluded.overhead_us, "
    "time_us = time_us + excluded.time_us, energy_uj = energy_uj + excluded.energy_uj, "
    "graded = graded + excluded.graded, "
    "operational_ug = operational_ug + excluded.operational_ug, "
    "embodied_ug = embodied_ug + excluded.embodied_ug, "
    "energy_l0_uj = energy_l0_uj + excluded.energy_l0_uj, "
    "grams_l0_ug = grams_l0_ug + excluded.grams_l0_ug, "
    "predicted = predicted + excluded.predicted, "
    "quality = quality + excluded.quality, "
    "quality_l0 = quality_l0 + excluded.quality_l0";
static const char drop_sums_sql[] = "DELETE FROM hourly WHERE slot = ?1 AND hour = ?2";

enum which {
    WAITING,
    RECEIPT,
    SUMS,
    CONVERSATION,
    MOVE_RECEIPTS,
    MOVE_SUMS,
    DROP_SUMS,
    ALL
};

struct group {
    int64_t hour, slot, requests, receipts;
};

struct job {
    struct sprout_store *s;
    const struct sprout_store_backfill_opts *opts;
    struct sprout_store_backfilled done;
    sqlite3_stmt *stmt[ALL];
};

static enum sprout_status prepare(struct job *j, struct sprout_error *err)
{
    static const char *const sql[ALL] = {
        [WAITING] = waiting_sql,
        [RECEIPT] = receipt_sql,
        [SUMS] = sums_sql,
        [CONVERSATION] = conversation_sql,
        [MOVE_RECEIPTS] = move_receipts_sql,
        [MOVE_SUMS] = move_sums_sql,
        [DROP_SUMS] = drop_sums_sql,
    };
    for (int i = 0; i < ALL; i++) {
        if (sqlite3_prepare_v2(j->s->db, sql[i], -1, &j->stmt[i], NULL) != SQLITE_OK) {
            return sprout_store_failed(j->s, "preparing to backfill", err);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status run(struct job *j, enum which which, const int64_t *v, int n,
                              struct sprout_error *err)
{
    for (int i = 0; i < n; i++) {
        sqlite3_bind_int64(j->stmt[which], i + 1, v[i]);
    }
    return sprout_store_run(j->s, j->stmt[which], err);
}

/* ---- one receipt ----------------------------------------------------------------------- */

static int64_t count_at(sqlite3_stmt *stmt, int at)
{
    return sqlite3_column_type(stmt, at) == SQLITE_NULL ? -1
                                                        : sqlite3_column_int64(stmt, at);
}

static enum sprout_status grade_conversation(struct job *j, const struct group *g,
                                             sqlite3_stmt *row, int64_t grams,
                                             struct sprout_error *err)
{
    sqlite3_stmt *const stmt = j->stmt[CONVERSATION];
    sqlite3_bind_int64(stmt, 1, grams);
    sqlite3_bind_int64(stmt, 2, sqlite3_column_int64(row, 1));
    sqlite3_bind_value(stmt, 3, sqlite3_column_value(row, 10));
    sqlite3_bind_int64(stmt, 4, g->hour);
    sqlite3_bind_int64(stmt, 5, sqlite3_column_int64(row, 8));
    return sprout_store_run(j->s, stmt, err);
}

static enum sprout_status grade(struct job *j, const struct group *g, sqlite3_stmt *row,
                                sprout_g_per_kwh intensity, struct sprout_error *err)
{
    sprout_micrograms operational = {SPROUT_MICRO_UNKNOWN}, l0 = {SPROUT_MICRO_UNKNOWN};
    const struct sprout_store_waiting w = {
        .policy = sprout_store_column_str(row, 2),
        .model = sprout_store_column_str(row, 11),
        .stratum = sprout_store_column_str(row, 4),
        .usage = {{count_at(row, 5)}, {-1}, {count_at(row, 6)}, {-1}},
        .estimated =
            sprout_str_eq(sprout_store_column_str(row, 7), SPROUT_STR("estimated")),
        .energy = {sqlite3_column_int64(row, 8)},
    };
    const int64_t embodied = count_at(row, 9) > 0 ? count_at(row, 9) : 0;

    j->opts->grams(j->opts->ctx, &w, intensity, &operational, &l0);
    if (operational.v == SPROUT_MICRO_UNKNOWN) {
        return SPROUT_OK;
    }
    const bool has_l0 = l0.v != SPROUT_MICRO_UNKNOWN;
    const int64_t id = sqlite3_column_int64(row, 0);
    sqlite3_bind_null(j->stmt[RECEIPT], 3);
    enum sprout_status status =
        run(j, RECEIPT, (int64_t[]){id, operational.v, l0.v}, has_l0 ? 3 : 2, err);
    if (status == SPROUT_OK) {
        const int64_t sums[] = {g->hour, g->slot, sqlite3_column_int64(row, 1),
                                operational.v, has_l0 ? l0.v : 0};
        status = run(j, SUMS, sums, 5, err);
    }
    j->done.receipts++;
    j->done.operational.v += operational.v;
    return status == SPROUT_OK
               ? grade_conversation(j, g, row, operational.v + embodied, err)
               : status;
}

/* ---- one hour -------------------------------------------------------------------------- */

static enum sprout_status grade_hour(struct job *j, const struct group *g,
                                     sprout_g_per_kwh intensity, struct sprout_error *err)
{
    sqlite3_stmt *const rows = j->stmt[WAITING];
    enum sprout_status status = SPROUT_OK;
    int code = SQLITE_DONE;

    sqlite3_bind_int64(rows, 1, g->slot);
    sqlite3_bind_int64(rows, 2, g->hour * US_PER_HOUR);
    while (status == SPROUT_OK && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        status = grade(j, g, rows, intensity, err);
    }
    if (status == SPROUT_OK && code != SQLITE_DONE) {
        status = sprout_store_failed(j->s, "reading receipts", err);
    }
    sqlite3_reset(rows);
    return status;
}

static enum sprout_status move_hour(struct job *j, const struct group *g,
                                    sprout_g_per_kwh intensity, struct sprout_error *err)
{
    const struct sprout_store_slot slot = {
        .zone = j->opts->zone,
        .quality = j->opts->source,
        .intensity = intensity,
        .at = {g->hour * US_PER_HOUR * 1000},
    };
    const int64_t id = sprout_store_slot_id(j->s, &slot, err);
    if (id == 0) {
        return SPROUT_IO;
    }
    enum sprout_status status =
        run(j, MOVE_RECEIPTS, (int64_t[]){id, g->slot, g->hour * US_PER_HOUR}, 3, err);
    if (status == SPROUT_OK) {
        status = run(j, MOVE_SUMS, (int64_t[]){id, g->slot, g->hour}, 3, err);
    }
    return status == SPROUT_OK ? run(j, DROP_SUMS, (int64_t[]){g->slot, g->hour}, 2, err)
                               : status;
}

static enum sprout_status one_group(struct job *j, const struct group *g,
                                    struct sprout_error *err)
{
    const sprout_g_per_kwh intensity = j->opts->value(j->opts->ctx, g->hour);

    if (isnan(intensity.v)) {
        j->done.unknown++;
        return SPROUT_OK;
    }
    if (g->receipts != g->requests) {
        j->done.forgotten++;
        return SPROUT_OK;
    }
    j->done.hours++;
    const enum sprout_status status = grade_hour(j, g, intensity, err);
    return status == SPROUT_OK ? move_hour(j, g, intensity, err) : status;
}

/* ---- all ------------------------------------------------------------------------------- */

static enum sprout_status list_groups(struct job *j, struct group *out, size_t *out_n,
                                      struct sprout_error *err)
{
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;
    int code = SQLITE_ERROR;

    if (sqlite3_prepare_v2(j->s->db, groups_sql, -1, &stmt, NULL) == SQLITE_OK) {
        sprout_store_bind_str(stmt, 1, j->opts->zone);
        sqlite3_bind_int64(stmt, 2, GROUPS_MAX);
        sqlite3_bind_int64(stmt, 3, j->opts->nameless);
        sqlite3_bind_int64(stmt, 4, j->opts->since_hour);
        sqlite3_bind_int64(stmt, 5, j->opts->until_hour);
        while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
            out[n++] = (struct group){
                sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3)};
        }
    }
    const enum sprout_status status =
        code == SQLITE_DONE ? SPROUT_OK
                            : sprout_store_failed(j->s, "looking for hours", err);
    sqlite3_finalize(stmt);
    *out_n = n;
    return status;
}

static enum sprout_status fill(struct job *j, struct sprout_error *err)
{
    size_t n = 0;
    struct group *const groups = calloc(GROUPS_MAX, sizeof groups[0]);
    if (groups == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory to backfill");
    }
    enum sprout_status status = prepare(j, err);
    if (status == SPROUT_OK) {
        status = list_groups(j, groups, &n, err);
    }
    for (size_t i = 0; status == SPROUT_OK && i < n; i++) {
        status = one_group(j, &groups[i], err);
    }
    free(groups);
    for (int i = 0; i < ALL; i++) {
        sqlite3_finalize(j->stmt[i]);
    }
    return status;
}

enum sprout_status sprout_store_backfill(struct sprout_store *s,
                                         const struct sprout_store_backfill_opts *opts,
                                         struct sprout_store_backfilled *out,
                                         struct sprout_error *err)
{
    struct job j = {.s = s, .opts = opts};
    enum sprout_status status = sprout_store_begin(s, err);

    if (status == SPROUT_OK) {
        status = fill(&j, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_commit(s, err);
    }
    if (status != SPROUT_OK) {
        sprout_store_rollback(s);
        return status;
    }
    *out = j.done;
    return SPROUT_OK;
}

enum sprout_status sprout_store_waiting_hours(struct sprout_store *s,
                                              struct sprout_str zone, bool nameless,
                                              int64_t since, int64_t until,
                                              int64_t *out_first, int64_t *out_after,
                                              struct sprout_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = SQLITE_ERROR;

    if (sqlite3_prepare_v2(s->db, waiting_hours_sql, -1, &stmt, NULL) == SQLITE_OK) {
        sprout_store_bind_str(stmt, 1, zone);
        sqlite3_bind_int64(stmt, 2, nameless);
        sqlite3_bind_int64(stmt, 3, since);
        sqlite3_bind_int64(stmt, 4, until);
        code = sqlite3_step(stmt);
    }
    if (code == SQLITE_ROW) { /* of no hours both are NULL, which reads as 0 */
        *out_first = sqlite3_column_int64(stmt, 0);
        *out_after = sqlite3_column_int64(stmt, 1);
    }
    const enum sprout_status status =
        code == SQLITE_ROW ? SPROUT_OK : sprout_store_failed(s, "looking for hours", err);
    sqlite3_finalize(stmt);
    return status;
}
