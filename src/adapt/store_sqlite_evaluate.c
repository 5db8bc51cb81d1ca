/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_evaluate.c - evaluations in the ledger; see store_evaluate.h.
 *
 * These rows are few (an answer takes seconds to make), so a statement is prepared when it
 * is needed and no table of them is kept. */
#include "adapt/store_evaluate.h"
#include "adapt/store_sqlite.h"

#include <stdio.h>

enum { SHOWN_TEXT = 4 * SPROUT_LEVELS_MAX };

const char sprout_store_schema_evaluations[] =
    "CREATE TABLE evaluations(id INTEGER PRIMARY KEY, created INTEGER NOT NULL,"
    " finished INTEGER, state TEXT NOT NULL, source TEXT NOT NULL, form TEXT NOT NULL,"
    " model TEXT NOT NULL, judge TEXT NOT NULL, levels TEXT NOT NULL,"
    " directives TEXT NOT NULL, policy TEXT NOT NULL, options TEXT NOT NULL,"
    " note TEXT NOT NULL);"
    "CREATE TABLE evaluation_items(id INTEGER PRIMARY KEY,"
    " run INTEGER NOT NULL REFERENCES evaluations(id), no INTEGER NOT NULL,"
    " prompt TEXT NOT NULL, stratum TEXT NOT NULL, kind TEXT NOT NULL,"
    " reference INTEGER NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL,"
    " UNIQUE(run, no));"
    "CREATE TABLE evaluation_answers(id INTEGER PRIMARY KEY,"
    " item INTEGER NOT NULL REFERENCES evaluation_items(id), level INTEGER NOT NULL,"
    " right INTEGER, at INTEGER NOT NULL, prompt INTEGER, completion INTEGER,"
    " time_us INTEGER, energy_uj INTEGER, grams_ug INTEGER, method TEXT NOT NULL,"
    " UNIQUE(item, level));"
    "CREATE INDEX evaluation_answers_by_time ON evaluation_answers(at);"
    "CREATE TABLE evaluation_verdicts(id INTEGER PRIMARY KEY,"
    " item INTEGER NOT NULL REFERENCES evaluation_items(id),"
    " run INTEGER NOT NULL REFERENCES evaluations(id), question INTEGER NOT NULL,"
    " form TEXT NOT NULL, shown TEXT NOT NULL, best INTEGER NOT NULL,"
    " tries INTEGER NOT NULL, judge TEXT NOT NULL, at INTEGER NOT NULL, prompt INTEGER,"
    " completion INTEGER, time_us INTEGER, energy_uj INTEGER, grams_ug INTEGER,"
    " method TEXT NOT NULL, UNIQUE(item, question));"
    "CREATE INDEX evaluation_verdicts_by_time ON evaluation_verdicts(at);";

/* ---- runs ------------------------------------------------------------------------------ */

enum sprout_status sprout_store_put_evaluation(struct sprout_store *s,
                                               const struct sprout_store_evaluation *e,
                                               int64_t *out_id, struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    enum sprout_status status = sprout_store_prepare(
        s,
        "INSERT INTO evaluations(created, state, source, form, model, judge, "
        "levels, directives, policy, options, note) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const struct sprout_str text[] = {e->state,       e->source, e->form,       e->model,
                                      e->judge_model, e->levels, e->directives, e->policy,
                                      e->options,     e->note};
    sqlite3_bind_int64(q, 1, sprout_store_us(e->created));
    for (int i = 0; i < (int)(sizeof text / sizeof text[0]); i++) {
        sprout_store_bind_str(q, i + 2, text[i]);
    }
    status = sprout_store_finish(s, q, err);
    if (status == SPROUT_OK) {
        *out_id = sqlite3_last_insert_rowid(s->db);
    }
    return status;
}

enum sprout_status sprout_store_set_evaluation(struct sprout_store *s, int64_t id,
                                               const char *state, const char *note,
                                               sprout_instant finished,
                                               struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s, "UPDATE evaluations SET state = ?2, note = ?3, finished = ?4 WHERE id = ?1",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, id);
    sprout_store_bind_str(q, 2, sprout_str_of(state));
    sprout_store_bind_str(q, 3, sprout_str_of(note));
    sprout_store_bind_count(q, 4, finished.ns < 0 ? -1 : sprout_store_us(finished));
    return sprout_store_finish(s, q, err);
}

/* Sums stand beside each run, so that a list needs one question. */
#define EVALUATION_ROW                                                                   \
    "SELECT id, created, finished, state, source, form, model, judge, levels, "          \
    "directives, policy, options, note, "                                                \
    "(SELECT count(*) FROM evaluation_items i WHERE i.run = e.id), "                     \
    "(SELECT count(*) FROM evaluation_items i WHERE i.run = e.id AND "                   \
    "i.state = 'judged'), "                                                              \
    "(SELECT count(*) FROM evaluation_items i WHERE i.run = e.id AND "                   \
    "i.state = 'failed'), "                                                              \
    "(SELECT count(*) FROM evaluation_answers a JOIN evaluation_items i "                \
    "ON i.id = a.item WHERE i.run = e.id), "                                             \
    "(SELECT count(*) FROM evaluation_verdicts v WHERE v.run = e.id), "                  \
    "(SELECT count(*) FROM evaluation_verdicts v WHERE v.run = e.id AND v.best = 0), "   \
    "ifnull(c.energy, 0), ifnull(c.tokens, 0), ifnull(c.grams, 0) "                      \
    "FROM evaluations e LEFT JOIN (SELECT run, sum(energy_uj) AS energy, "               \
    "sum(ifnull(prompt, 0) + ifnull(completion, 0)) AS tokens, sum(grams_ug) AS grams "  \
    "FROM (SELECT i.run AS run, a.energy_uj, a.prompt, a.completion, a.grams_ug "        \
    "FROM evaluation_answers a JOIN evaluation_items i ON i.id = a.item UNION ALL "      \
    "SELECT run, energy_uj, prompt, completion, grams_ug FROM evaluation_verdicts) "     \
    "GROUP BY run) c ON c.run = e.id "

static struct sprout_store_evaluation evaluation_of(sqlite3_stmt *q)
{
    const bool open = sqlite3_column_type(q, 2) == SQLITE_NULL;
    return (struct sprout_store_evaluation){
        .id = sqlite3_column_int64(q, 0),
        .created = sprout_store_instant(sqlite3_column_int64(q, 1)),
        .finished = open ? (sprout_instant){-1}
                         : sprout_store_instant(sqlite3_column_int64(q, 2)),
        .state = sprout_store_column_str(q, 3),
        .source = sprout_store_column_str(q, 4),
        .form = sprout_store_column_str(q, 5),
        .model = sprout_store_column_str(q, 6),
        .judge_model = sprout_store_column_str(q, 7),
        .levels = sprout_store_column_str(q, 8),
        .directives = sprout_store_column_str(q, 9),
        .policy = sprout_store_column_str(q, 10),
        .options = sprout_store_column_str(q, 11),
        .note = sprout_store_column_str(q, 12),
        .items = sqlite3_column_int64(q, 13),
        .judged = sqlite3_column_int64(q, 14),
        .failed = sqlite3_column_int64(q, 15),
        .answers = sqlite3_column_int64(q, 16),
        .verdicts = sqlite3_column_int64(q, 17),
        .unreadable = sqlite3_column_int64(q, 18),
        .energy_uj = sqlite3_column_int64(q, 19),
        .tokens = sqlite3_column_int64(q, 20),
        .grams_ug = sqlite3_column_int64(q, 21),
    };
}

static enum sprout_status each_evaluation(struct sprout_store *s, const char *sql,
                                          int64_t parameter,
                                          sprout_store_evaluation_fn *each, void *ctx,
                                          int *out_n, struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(s, sql, &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, parameter);
    for (*out_n = 0; (code = sqlite3_step(q)) == SQLITE_ROW; ++*out_n) {
        const struct sprout_store_evaluation e = evaluation_of(q);
        each(ctx, &e);
    }
    return sprout_store_end_of(s, q, code, err);
}

enum sprout_status sprout_store_evaluations(struct sprout_store *s, int64_t limit,
                                            sprout_store_evaluation_fn *each, void *ctx,
                                            struct sprout_error *err)
{
    int n;
    return each_evaluation(s, EVALUATION_ROW "ORDER BY e.id DESC LIMIT ?1", limit, each,
                           ctx, &n, err);
}

enum sprout_status sprout_store_evaluation(struct sprout_store *s, int64_t id,
                                           sprout_store_evaluation_fn *each, void *ctx,
                                           struct sprout_error *err)
{
    int n = 0;
    const enum sprout_status status =
        each_evaluation(s, EVALUATION_ROW "WHERE e.id = ?1", id, each, ctx, &n, err);
    return status == SPROUT_OK && n == 0
               ? sprout_fail(err, SPROUT_NOT_FOUND, "the ledger has no evaluation %lld",
                             (long long)id)
               : status;
}

enum sprout_status sprout_store_open_evaluation(struct sprout_store *s, int64_t *out_id,
                                                struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s, "SELECT min(id) FROM evaluations WHERE state = 'open'", &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const int code = sqlite3_step(q);
    const bool found = code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
    const int64_t id = found ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    if (!found) {
        return code == SQLITE_ROW ? SPROUT_NOT_FOUND
                                  : sprout_store_failed(s, "reading", err);
    }
    *out_id = id;
    return SPROUT_OK;
}

/* ---- items ----------------------------------------------------------------------------- */

enum sprout_status sprout_store_put_item(struct sprout_store *s,
                                         const struct sprout_store_item *item,
                                         int64_t *out_id, struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    enum sprout_status status = sprout_store_prepare(
        s,
        "INSERT INTO evaluation_items(run, no, prompt, stratum, kind, reference, "
        "weight, state, why) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', '')",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, item->run);
    sqlite3_bind_int64(q, 2, item->no);
    sprout_store_bind_str(q, 3, item->prompt);
    sprout_store_bind_str(q, 4, item->stratum);
    sprout_store_bind_str(q, 5, item->kind);
    sqlite3_bind_int(q, 6, item->reference);
    sqlite3_bind_double(q, 7, item->weight);
    status = sprout_store_finish(s, q, err);
    if (status == SPROUT_OK) {
        *out_id = sqlite3_last_insert_rowid(s->db);
    }
    return status;
}

enum sprout_status sprout_store_set_item(struct sprout_store *s, int64_t id,
                                         const char *state, const char *why,
                                         struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s, "UPDATE evaluation_items SET state = ?2, why = ?3 WHERE id = ?1", &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, id);
    sprout_store_bind_str(q, 2, sprout_str_of(state));
    sprout_store_bind_str(q, 3, sprout_str_of(why));
    return sprout_store_finish(s, q, err);
}

enum sprout_status sprout_store_items(struct sprout_store *s, int64_t run,
                                      sprout_store_item_fn *each, void *ctx,
                                      struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT id, no, prompt, stratum, kind, reference, state, "
        "(SELECT ifnull(sum(1 << level), 0) FROM evaluation_answers WHERE item = i.id), "
        "(SELECT ifnull(sum(1 << question), 0) FROM evaluation_verdicts "
        "WHERE item = i.id), weight FROM evaluation_items i WHERE run = ?1 ORDER BY no",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, run);
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const struct sprout_store_item item = {
            .id = sqlite3_column_int64(q, 0),
            .run = run,
            .no = sqlite3_column_int64(q, 1),
            .prompt = sprout_store_column_str(q, 2),
            .stratum = sprout_store_column_str(q, 3),
            .kind = sprout_store_column_str(q, 4),
            .reference = sqlite3_column_int(q, 5) != 0,
            .state = sprout_store_column_str(q, 6),
            .answered = (uint32_t)sqlite3_column_int64(q, 7),
            .questions = (uint32_t)sqlite3_column_int64(q, 8),
            .weight = sqlite3_column_double(q, 9),
        };
        each(ctx, &item);
    }
    return sprout_store_end_of(s, q, code, err);
}

/* ---- answers and verdicts -------------------------------------------------------------- */

/* Seven columns: at, prompt, completion, time_us, energy_uj, grams_ug, method. */
static void bind_cost(sqlite3_stmt *q, int at, const struct sprout_store_cost *c)
{
    sqlite3_bind_int64(q, at, sprout_store_us(c->at));
    sprout_store_bind_count(q, at + 1, c->prompt.n);
    sprout_store_bind_count(q, at + 2, c->completion.n);
    sprout_store_bind_count(q, at + 3, c->time.v);
    sprout_store_bind_count(q, at + 4, c->energy.v);
    sprout_store_bind_count(q, at + 5, c->grams.v);
    sprout_store_bind_str(q, at + 6, c->method);
}

enum sprout_status sprout_store_put_answer(struct sprout_store *s,
                                           const struct sprout_store_answer *a,
                                           struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "INSERT OR IGNORE INTO evaluation_answers(item, level, right, at, prompt, "
        "completion, time_us, energy_uj, grams_ug, method) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, a->item);
    sqlite3_bind_int(q, 2, a->level);
    sprout_store_bind_count(q, 3, a->right);
    bind_cost(q, 4, &a->cost);
    return sprout_store_finish(s, q, err);
}

enum sprout_status sprout_store_put_verdict(struct sprout_store *s,
                                            const struct sprout_store_verdict *v,
                                            struct sprout_error *err)
{
    char shown[SHOWN_TEXT];
    struct sprout_buf b = sprout_buf_of(shown, sizeof shown);
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "INSERT OR IGNORE INTO evaluation_verdicts(item, run, question, form, shown, "
        "best, tries, judge, at, prompt, completion, time_us, energy_uj, grams_ug, "
        "method) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
        "?15)",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    for (int i = 0; i < v->slots; i++) {
        sprout_buf_printf(&b, i == 0 ? "%d" : ",%d", v->shown[i]);
    }
    sqlite3_bind_int64(q, 1, v->item);
    sqlite3_bind_int64(q, 2, v->run);
    sqlite3_bind_int(q, 3, v->question);
    sprout_store_bind_str(q, 4, v->form);
    sprout_store_bind_str(q, 5, sprout_buf_str(&b));
    sqlite3_bind_int64(q, 6, v->best);
    sqlite3_bind_int(q, 7, v->tries);
    sprout_store_bind_str(q, 8, v->judge);
    bind_cost(q, 9, &v->cost);
    return sprout_store_finish(s, q, err);
}

/* "2,0,1" into the slots; what is no such list ends it. */
static void read_shown(struct sprout_str text, struct sprout_store_verdict *v)
{
    for (size_t i = 0; i < text.len && v->slots < SPROUT_LEVELS_MAX; i += 2) {
        v->shown[v->slots++] = (uint8_t)(text.ptr[i] - '0');
    }
}

#define VERDICT_ROW                                                                      \
    "SELECT v.item, v.run, v.question, v.form, v.shown, v.best, v.tries, v.judge, "      \
    "v.at, i.no, i.stratum, i.kind, "                                                    \
    "(SELECT ifnull(sum(1 << level), 0) FROM evaluation_answers a WHERE "                \
    "a.item = v.item AND a.right = 1), "                                                 \
    "(SELECT ifnull(sum(1 << level), 0) FROM evaluation_answers a WHERE "                \
    "a.item = v.item AND a.right = 0), e.levels, e.directives, e.model, "                \
    "(SELECT group_concat(ifnull(completion, -1)) FROM (SELECT completion FROM "         \
    "evaluation_answers a WHERE a.item = v.item ORDER BY level)), i.weight "             \
    "FROM evaluation_verdicts v JOIN evaluation_items i ON i.id = v.item "               \
    "JOIN evaluations e ON e.id = v.run WHERE (?1 = 0 OR v.run = ?1) AND v.at >= ?2 "    \
    "ORDER BY v.at, v.id"

void sprout_store_read_tokens(struct sprout_str text,
                              sprout_tokens out[SPROUT_LEVELS_MAX])
{
    for (int l = 0; l < SPROUT_LEVELS_MAX; l++) {
        const char *const comma = memchr(text.ptr, ',', text.len);
        const size_t n = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        int64_t count = -1;
        if (sprout_str_to_i64((struct sprout_str){text.ptr, n}, &count) != SPROUT_OK) {
            count = -1;
        }
        out[l].n = count;
        const size_t used = n < text.len ? n + 1 : n;
        text = (struct sprout_str){text.ptr + used, text.len - used};
    }
}

enum sprout_status sprout_store_verdicts(struct sprout_store *s, int64_t run,
                                         sprout_instant since,
                                         sprout_store_verdict_fn *each, void *ctx,
                                         struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(s, VERDICT_ROW, &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int64(q, 2, sprout_store_us(since));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct sprout_store_verdict v = {
            .item = sqlite3_column_int64(q, 0),
            .run = sqlite3_column_int64(q, 1),
            .question = sqlite3_column_int(q, 2),
            .form = sprout_store_column_str(q, 3),
            .best = (uint32_t)sqlite3_column_int64(q, 5),
            .tries = sqlite3_column_int(q, 6),
            .judge = sprout_store_column_str(q, 7),
            .cost.at = sprout_store_instant(sqlite3_column_int64(q, 8)),
            .no = sqlite3_column_int64(q, 9),
            .stratum = sprout_store_column_str(q, 10),
            .kind = sprout_store_column_str(q, 11),
            .right = (uint32_t)sqlite3_column_int64(q, 12),
            .wrong = (uint32_t)sqlite3_column_int64(q, 13),
            .levels = sprout_store_column_str(q, 14),
            .directives = sprout_store_column_str(q, 15),
            .model = sprout_store_column_str(q, 16),
            .weight = sqlite3_column_double(q, 18),
        };
        read_shown(sprout_store_column_str(q, 4), &v);
        sprout_store_read_tokens(sprout_store_column_str(q, 17), v.tokens);
        each(ctx, &v);
    }
    return sprout_store_end_of(s, q, code, err);
}

enum sprout_status sprout_store_settled(struct sprout_store *s, sprout_instant since,
                                        sprout_store_settled_fn *each, void *ctx,
                                        struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT max(a.at) AS newest, sum((a.right = 1) << a.level), "
        "sum((a.right = 0) << a.level), e.directives, e.model, i.weight "
        "FROM evaluation_answers a JOIN evaluation_items i ON i.id = a.item "
        "JOIN evaluations e ON e.id = i.run WHERE a.right IS NOT NULL AND "
        "a.at >= ?1 GROUP BY i.id ORDER BY newest, i.id",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, sprout_store_us(since));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const struct sprout_store_settled one = {
            .at = sprout_store_instant(sqlite3_column_int64(q, 0)),
            .right = (uint32_t)sqlite3_column_int64(q, 1),
            .wrong = (uint32_t)sqlite3_column_int64(q, 2),
            .directives = sprout_store_column_str(q, 3),
            .model = sprout_store_column_str(q, 4),
            .weight = sqlite3_column_double(q, 5),
        };
        each(ctx, &one);
    }
    return sprout_store_end_of(s, q, code, err);
}

/* ---- sums ------------------------------------------------------------------------------ */

enum sprout_status sprout_store_answer_sums(struct sprout_store *s, int64_t run,
                                            sprout_store_answer_sum_fn *each, void *ctx,
                                            struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    int code;
    const enum sprout_status status = sprout_store_prepare(
        s,
        "SELECT i.stratum, a.level, count(*), ifnull(sum(a.right), 0), "
        "count(a.right), ifnull(sum(a.completion), 0), count(a.completion), "
        "ifnull(sum(a.energy_uj), 0), count(a.energy_uj), "
        "ifnull(sum(a.grams_ug), 0), ifnull(sum(a.time_us), 0) "
        "FROM evaluation_answers a JOIN evaluation_items i ON i.id = a.item "
        "WHERE i.run = ?1 GROUP BY i.stratum, a.level ORDER BY i.stratum, a.level",
        &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, run);
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const struct sprout_store_answer_sum sum = {
            .stratum = sprout_store_column_str(q, 0),
            .level = sqlite3_column_int(q, 1),
            .answers = sqlite3_column_int64(q, 2),
            .right = sqlite3_column_int64(q, 3),
            .settled = sqlite3_column_int64(q, 4),
            .tokens = sqlite3_column_int64(q, 5),
            .counted = sqlite3_column_int64(q, 6),
            .energy_uj = sqlite3_column_int64(q, 7),
            .metered = sqlite3_column_int64(q, 8),
            .grams_ug = sqlite3_column_int64(q, 9),
            .time_us = sqlite3_column_int64(q, 10),
        };
        each(ctx, &sum);
    }
    return sprout_store_end_of(s, q, code, err);
}

#define COST_OF(table)                                                                   \
    "SELECT count(*), ifnull(sum(ifnull(prompt, 0) + ifnull(completion, 0)), 0), "       \
    "ifnull(sum(energy_uj), 0), ifnull(sum(grams_ug), 0), "                              \
    "count(*) - count(energy_uj) FROM " table " WHERE at >= ?1 AND at < ?2"

static enum sprout_status cost_of(struct sprout_store *s, const char *sql,
                                  struct sprout_store_range range, int64_t out[5],
                                  struct sprout_error *err)
{
    sqlite3_stmt *q = NULL;
    const enum sprout_status status = sprout_store_prepare(s, sql, &q, err);
    if (status != SPROUT_OK) {
        return status;
    }
    sqlite3_bind_int64(q, 1, sprout_store_us(range.since));
    sqlite3_bind_int64(q, 2, sprout_store_us(range.until));
    const int code = sqlite3_step(q);
    for (int i = 0; code == SQLITE_ROW && i < 5; i++) {
        out[i] = sqlite3_column_int64(q, i);
    }
    return sprout_store_end_of(s, q, code == SQLITE_ROW ? SQLITE_DONE : code, err);
}

enum sprout_status sprout_store_evaluation_cost(struct sprout_store *s,
                                                struct sprout_store_range range,
                                                struct sprout_store_evaluation_cost *out,
                                                struct sprout_error *err)
{
    int64_t a[5] = {0}, v[5] = {0};
    enum sprout_status status = cost_of(s, COST_OF("evaluation_answers"), range, a, err);
    if (status == SPROUT_OK) {
        status = cost_of(s, COST_OF("evaluation_verdicts"), range, v, err);
    }
    if (status == SPROUT_OK) {
        *out = (struct sprout_store_evaluation_cost){
            .answers = a[0],
            .answer_tokens = a[1],
            .answer_energy_uj = a[2],
            .answer_grams_ug = a[3],
            .verdicts = v[0],
            .judge_tokens = v[1],
            .judge_energy_uj = v[2],
            .judge_grams_ug = v[3],
            .unknown = a[4] + v[4],
        };
    }
    return status;
}
