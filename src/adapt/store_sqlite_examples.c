/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_examples.c - see store_examples.h. */
#include "adapt/store_examples.h"

#include <math.h>

#include "adapt/store_sqlite.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS, ON_TEXT = 8 };

const char sprout_store_schema_examples[] =
    "CREATE TABLE examples(item INTEGER PRIMARY KEY REFERENCES evaluation_items(id),"
    " features BLOB NOT NULL);"
    "CREATE TABLE retrainings(id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " state TEXT NOT NULL, why TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,"
    " fitted INTEGER NOT NULL, held_out INTEGER NOT NULL, prefer_before REAL,"
    " prefer_after REAL, prefer_error REAL, length_before REAL, length_after REAL,"
    " length_error REAL);";

/* When the item had all it needs. */
#define AT_OF(item)                                                                      \
    "coalesce((SELECT max(at) FROM evaluation_verdicts v WHERE v.item = " item "), "     \
    "(SELECT max(at) FROM evaluation_answers a WHERE a.item = " item "), 0)"

static const char get_sql[] = "SELECT x.item, " AT_OF(
    "x.item") " AS at, x.features, i.kind, e.directives, "
              "e.model, e.judge, "
              "(SELECT group_concat(ifnull(completion, -1)) FROM (SELECT completion FROM "
              "evaluation_answers a WHERE a.item = x.item ORDER BY level)), "
              "(SELECT ifnull(sum(1 << level), 0) FROM evaluation_answers a WHERE "
              "a.item = x.item AND a.right = 1), "
              "(SELECT ifnull(sum(1 << level), 0) FROM evaluation_answers a WHERE "
              "a.item = x.item AND a.right = 0), "
              "(SELECT group_concat(best) FROM evaluation_verdicts v WHERE v.item = "
              "x.item AND "
              "v.form = 'best-of'), i.run "
              "FROM examples x JOIN evaluation_items i ON i.id = x.item "
              "JOIN evaluations e ON e.id = i.run WHERE i.state = 'judged' ORDER BY at, "
              "x.item";
static const char count_sql[] =
    "SELECT count(DISTINCT v.item) FROM evaluation_verdicts v "
    "JOIN examples x ON x.item = v.item WHERE v.at > ?1";
static const char prune_sql[] =
    "DELETE FROM examples WHERE item IN (SELECT x.item FROM examples x "
    "JOIN evaluation_items i ON i.id = x.item JOIN evaluations e ON e.id = i.run "
    "WHERE e.created < ?1 OR i.state = 'failed' OR "
    "(i.state <> 'judged' AND e.state NOT IN ('making', 'open'))) "
    "OR item IN (SELECT item FROM examples ORDER BY item DESC LIMIT -1 OFFSET ?2)";

bool sprout_store_learns(struct sprout_store *s)
{
    char text[ON_TEXT];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    return sprout_store_meta(s, SPROUT_STORE_LEARN, &b, NULL) == SPROUT_OK &&
           sprout_str_eq(sprout_buf_str(&b), SPROUT_STR("on"));
}

/* ---- examples -------------------------------------------------------------------------- */

enum sprout_status sprout_store_put_example(struct sprout_store *s, int64_t item,
                                            struct sprout_str features,
                                            struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status =
        sprout_store_prepare(s, "INSERT OR IGNORE INTO examples VALUES(?1, ?2)", &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, item);
    sqlite3_bind_blob64(q, 2, features.ptr, features.len, SQLITE_TRANSIENT);
    return sprout_store_finish(s, q, err);
}

/* Masks of levels named, "1,6,0", as shares: "1,6" is 1 for L0, a half for L1 and for L2. */
static void read_won(struct sprout_str masks, double won[LEVELS])
{
    while (masks.len > 0) {
        const char *const comma = memchr(masks.ptr, ',', masks.len);
        const size_t n = comma == NULL ? masks.len : (size_t)(comma - masks.ptr);
        int64_t mask = 0;
        const uint32_t named =
            sprout_str_to_i64((struct sprout_str){masks.ptr, n}, &mask) == SPROUT_OK
                ? (uint32_t)mask & ((1u << LEVELS) - 1)
                : 0;
        for (int l = 0; l < LEVELS; l++) {
            won[l] += (named >> l & 1) != 0 ? 1.0 / __builtin_popcount(named) : 0;
        }
        const size_t used = n < masks.len ? n + 1 : n;
        masks = (struct sprout_str){masks.ptr + used, masks.len - used};
    }
}

static void take_row(sqlite3_stmt *q, sprout_store_example_fn *each, void *ctx)
{
    sprout_tokens tokens[SPROUT_LEVELS_MAX];
    struct sprout_store_example e = {
        .item = sqlite3_column_int64(q, 0),
        .run = sqlite3_column_int64(q, 11),
        .at = sprout_store_instant(sqlite3_column_int64(q, 1)),
        .kind = sprout_store_column_str(q, 3),
        .directives = sprout_store_column_str(q, 4),
        .model = sprout_store_column_str(q, 5),
        .judge = sprout_store_column_str(q, 6),
        .right = (uint32_t)sqlite3_column_int64(q, 8),
        .wrong = (uint32_t)sqlite3_column_int64(q, 9),
    };
    const void *const features = sqlite3_column_blob(q, 2);
    e.features = (struct sprout_str){features, (size_t)sqlite3_column_bytes(q, 2)};
    sprout_store_read_tokens(sprout_store_column_str(q, 7), tokens);
    for (int l = 0; l < LEVELS; l++) {
        e.tokens[l] = tokens[l].n;
    }
    read_won(sprout_store_column_str(q, 10), e.won);
    each(ctx, &e);
}

enum sprout_status sprout_store_examples(struct sprout_store *s,
                                         sprout_store_example_fn *each, void *ctx,
                                         struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(s, get_sql, &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        take_row(q, each, ctx);
    }
    return sprout_store_end_of(s, q, code, err);
}

enum sprout_status sprout_store_examples_since(struct sprout_store *s,
                                               sprout_instant after, int64_t *out_count,
                                               struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(s, count_sql, &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, sprout_store_us(after));
    const int code = sqlite3_step(q);
    if (code == SQLITE_ROW) {
        *out_count = sqlite3_column_int64(q, 0);
    }
    return sprout_store_end_of(s, q, code == SQLITE_ROW ? SQLITE_DONE : code, err);
}

enum sprout_status sprout_store_prune_examples(struct sprout_store *s,
                                               sprout_instant before, int64_t most,
                                               struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(s, prune_sql, &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, sprout_store_us(before));
    sqlite3_bind_int64(q, 2, most);
    return sprout_store_finish(s, q, err);
}

/* ---- retrainings ----------------------------------------------------------------------- */

static void bind_id(sqlite3_stmt *q, int at, uint64_t id)
{
    char text[16];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_hex64(&b, id);
    sprout_store_bind_str(q, at, sprout_buf_str(&b));
}

static uint64_t id_of(struct sprout_str hex)
{
    uint64_t id = 0;
    for (size_t i = 0; i < hex.len; i++) {
        const char c = hex.ptr[i];
        id = id << 4 | (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return id;
}

enum sprout_status sprout_store_put_retraining(struct sprout_store *s,
                                               const struct sprout_store_retraining *r,
                                               struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "INSERT INTO retrainings(at, state, why, before, after, fitted, held_out, "
        "prefer_before, prefer_after, prefer_error, length_before, length_after, "
        "length_error) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const double figure[] = {r->prefer_before, r->prefer_after, r->prefer_error,
                             r->length_before, r->length_after, r->length_error};
    sqlite3_bind_int64(q, 1, sprout_store_us(r->at));
    sprout_store_bind_str(q, 2, r->state);
    sprout_store_bind_str(q, 3, r->why);
    bind_id(q, 4, r->before);
    bind_id(q, 5, r->after);
    sqlite3_bind_int64(q, 6, r->fitted);
    sqlite3_bind_int64(q, 7, r->held_out);
    for (int i = 0; i < 6; i++) {
        sqlite3_bind_double(q, 8 + i, figure[i]); /* NaN becomes NULL */
    }
    return sprout_store_finish(s, q, err);
}

static double figure_of(sqlite3_stmt *q, int at)
{
    return sqlite3_column_type(q, at) == SQLITE_NULL ? NAN : sqlite3_column_double(q, at);
}

enum sprout_status sprout_store_retrainings(struct sprout_store *s, int64_t limit,
                                            sprout_store_retraining_fn *each, void *ctx,
                                            struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT id, at, state, why, before, after, fitted, held_out, "
        "prefer_before, prefer_after, prefer_error, length_before, length_after, "
        "length_error FROM retrainings ORDER BY id DESC LIMIT ?1",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, limit);
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const struct sprout_store_retraining r = {
            .id = sqlite3_column_int64(q, 0),
            .at = sprout_store_instant(sqlite3_column_int64(q, 1)),
            .state = sprout_store_column_str(q, 2),
            .why = sprout_store_column_str(q, 3),
            .before = id_of(sprout_store_column_str(q, 4)),
            .after = id_of(sprout_store_column_str(q, 5)),
            .fitted = sqlite3_column_int64(q, 6),
            .held_out = sqlite3_column_int64(q, 7),
            .prefer_before = figure_of(q, 8),
            .prefer_after = figure_of(q, 9),
            .prefer_error = figure_of(q, 10),
            .length_before = figure_of(q, 11),
            .length_after = figure_of(q, 12),
            .length_error = figure_of(q, 13),
        };
        each(ctx, &r);
    }
    return sprout_store_end_of(s, q, code, err);
}

enum sprout_status sprout_store_learned(struct sprout_store *s, uint64_t *now,
                                        uint64_t *before, struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT before, after FROM retrainings WHERE state <> 'refused' "
        "ORDER BY id",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    uint64_t id = *now, last = *before;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        if (id_of(sprout_store_column_str(q, 0)) == id) {
            last = id;
            id = id_of(sprout_store_column_str(q, 1));
        }
    }
    if (code == SQLITE_DONE) {
        *now = id;
        *before = last;
    }
    return sprout_store_end_of(s, q, code, err);
}
