/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_samples.c - the ring of predicted prompts, from which prices are made. */
#include "adapt/store_sqlite.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS };

static enum sprout_status count_sample(struct sprout_store *s, struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_COUNT_ADD, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sprout_store_bind_str(stmt, 1, SPROUT_STR("samples"));
    sqlite3_bind_int64(stmt, 2, 1);
    return sprout_store_run(s, stmt, err);
}

enum sprout_status sprout_store_put_sample(struct sprout_store *s, uint64_t predictor,
                                           const struct sprout_predict_sample *sample,
                                           struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_SAMPLE_PUT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sqlite3_bind_int(stmt, 1, SPROUT_PREDICT_SAMPLES_MAX);
    sqlite3_bind_int64(stmt, 2, (int64_t)predictor);
    sqlite3_bind_int(stmt, 3, (int)sample->kind);
    for (int l = 0; l < LEVELS; l++) {
        sqlite3_bind_int(stmt, 4 + l, sample->quality[l]);
        sqlite3_bind_int(stmt, 4 + LEVELS + l, sample->tokens[l]);
    }
    const enum sprout_status status = sprout_store_run(s, stmt, err);
    return status == SPROUT_OK ? count_sample(s, err) : status;
}

static void take_row(sqlite3_stmt *stmt, struct sprout_predict_sample *out)
{
    const int kind = sqlite3_column_int(stmt, 0);
    out->kind = kind >= 0 && kind < SPROUT_KIND_COUNT ? (enum sprout_kind)kind
                                                      : SPROUT_KIND_OTHER;
    for (int l = 0; l < LEVELS; l++) {
        out->quality[l] = sqlite3_column_int(stmt, 1 + l);
        out->tokens[l] = sqlite3_column_int(stmt, 1 + LEVELS + l);
    }
}

enum sprout_status sprout_store_samples(struct sprout_store *s, uint64_t predictor,
                                        struct sprout_predict_sample *out, size_t cap,
                                        size_t *out_count, struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_SAMPLES_GET, err);
    size_t n = 0;
    int code;
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sqlite3_bind_int64(stmt, 1, (int64_t)predictor);
    sqlite3_bind_int64(stmt, 2, (int64_t)cap);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW && n < cap) {
        take_row(stmt, &out[n++]);
    }
    const enum sprout_status status =
        code == SQLITE_DONE ? SPROUT_OK
                            : sprout_store_failed(s, "reading predictions", err);
    sqlite3_reset(stmt);
    if (status == SPROUT_OK) {
        *out_count = n;
    }
    return status;
}
