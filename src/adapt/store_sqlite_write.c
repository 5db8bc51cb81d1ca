/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_write.c - rows into the ledger.
 *
 * One receipt is four small writes: the row, its hour's sums, its conversation, its
 * worker.  Ids of slots, series and workers come from small caches, which a
 * rollback empties, because ids made in that transaction are gone with it. */
#include "adapt/store_sqlite.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "core/instant.h"

enum { HOURS_PER_DAY = 24 };

static const struct sprout_str other_name = {"(other)", sizeof "(other)" - 1};

void sprout_store_forget_caches(struct sprout_store *s)
{
    for (size_t i = 0; i < SPROUT_STORE_CACHE; i++) {
        s->series[i].id = 0;
        s->workers[i].id = 0;
    }
    s->slot.id = 0;
}

/* ---- interned names -------------------------------------------------------------------- */

/* Names joined by a byte that no name holds; false if they are too long to be cached. */
static bool join_key(char *key, size_t *out_len, const struct sprout_str *parts,
                     size_t count)
{
    struct sprout_buf b = sprout_buf_of(key, SPROUT_STORE_KEY_MAX);
    for (size_t i = 0; i < count; i++) {
        sprout_buf_put(&b, parts[i]);
        sprout_buf_byte(&b, '\0');
    }
    *out_len = b.len;
    return !b.full;
}

static bool known(const struct sprout_store_known *k, const char *key, size_t len)
{
    return k->id != 0 && k->len == len && memcmp(k->key, key, len) == 0;
}

/* The statement's one integer; 0 when there is no row, -1 after an error. */
static int64_t one_id(struct sprout_store *s, sqlite3_stmt *stmt,
                      struct sprout_error *err)
{
    const int code = sqlite3_step(stmt);
    int64_t id = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        (void)sprout_store_failed(s, "looking up a name", err);
        id = -1;
    }
    sqlite3_reset(stmt);
    return id;
}

static void bind_slot(sqlite3_stmt *stmt, const struct sprout_store_slot *slot)
{
    sprout_store_bind_str(stmt, 1, slot->zone);
    sprout_store_bind_str(stmt, 2, slot->quality);
    if (isnan(slot->intensity.v)) {
        sqlite3_bind_null(stmt, 3);
    } else {
        sqlite3_bind_double(stmt, 3, slot->intensity.v);
    }
    sqlite3_bind_int64(stmt, 4, sprout_store_us(slot->at));
}

int64_t sprout_store_slot_id(struct sprout_store *s, const struct sprout_store_slot *slot,
                             struct sprout_error *err)
{
    char key[SPROUT_STORE_KEY_MAX];
    size_t len;
    const struct sprout_str parts[] = {
        slot->zone,
        slot->quality,
        {(const char *)&slot->intensity.v, sizeof slot->intensity.v},
        {(const char *)&slot->at.ns, sizeof slot->at.ns}};
    const bool short_enough = join_key(key, &len, parts, sizeof parts / sizeof parts[0]);

    if (short_enough && known(&s->slot, key, len)) {
        return s->slot.id;
    }
    sqlite3_stmt *const get = sprout_store_stmt(s, SPROUT_SQL_SLOT_GET, err);
    sqlite3_stmt *const put = sprout_store_stmt(s, SPROUT_SQL_SLOT_PUT, err);
    if (get == NULL || put == NULL) {
        return 0;
    }
    bind_slot(get, slot);
    int64_t id = one_id(s, get, err);
    if (id == 0) {
        bind_slot(put, slot);
        id = sprout_store_run(s, put, err) == SPROUT_OK ? sqlite3_last_insert_rowid(s->db)
                                                        : -1;
    }
    if (id > 0 && short_enough) {
        s->slot.id = id;
        s->slot.len = len;
        memcpy(s->slot.key, key, len);
    }
    return id > 0 ? id : 0;
}

enum { SERIES_PARTS = 7, SERIES_MODEL = 1, SERIES_ROUTE = 6 };

static int64_t look_up_series(struct sprout_store *s, enum sprout_store_sql which,
                              const struct sprout_str *parts, struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, which, err);
    if (stmt == NULL) {
        return -1;
    }
    for (int i = 0; i < SERIES_PARTS; i++) {
        sprout_store_bind_str(stmt, i + 1, parts[i]);
    }
    if (which == SPROUT_SQL_SERIES_GET) {
        return one_id(s, stmt, err);
    }
    return sprout_store_run(s, stmt, err) == SPROUT_OK ? sqlite3_last_insert_rowid(s->db)
                                                       : -1;
}

/* Models are named by clients: past the maximum a new name is counted as another. */
static bool series_full(struct sprout_store *s)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_SERIES_COUNT, NULL);
    return stmt != NULL && one_id(s, stmt, NULL) >= SPROUT_STORE_SERIES_MAX;
}

/* Routes are paths that clients ask for: past their own, smaller maximum a new one is counted
 * as another, before it could crowd out models. */
static bool route_is_one_too_many(struct sprout_store *s, struct sprout_str route)
{
    sqlite3_stmt *const get = sprout_store_stmt(s, SPROUT_SQL_ROUTE_GET, NULL);
    sqlite3_stmt *const count = sprout_store_stmt(s, SPROUT_SQL_ROUTE_COUNT, NULL);
    if (route.len == 0 || get == NULL || count == NULL) {
        return false;
    }
    sprout_store_bind_str(get, 1, route);
    return one_id(s, get, NULL) == 0 && one_id(s, count, NULL) > SPROUT_STORE_ROUTES_MAX;
}

/* Id of (level, model, arm, rule, stratum, method, route); 0 after filling *err. */
static int64_t series_id(struct sprout_store *s, struct sprout_str *parts,
                         struct sprout_error *err)
{
    char key[SPROUT_STORE_KEY_MAX];
    size_t len;
    const bool short_enough = join_key(key, &len, parts, SERIES_PARTS);
    const struct sprout_hash_key no_key = {0, 0};
    const uint64_t hash = sprout_hash_str(no_key, (struct sprout_str){key, len});
    struct sprout_store_known *const k = &s->series[hash % SPROUT_STORE_CACHE];

    if (short_enough && known(k, key, len)) {
        return k->id;
    }
    int64_t id = look_up_series(s, SPROUT_SQL_SERIES_GET, parts, err);
    if (id == 0 && route_is_one_too_many(s, parts[SERIES_ROUTE])) {
        parts[SERIES_ROUTE] = other_name;
        id = look_up_series(s, SPROUT_SQL_SERIES_GET, parts, err);
    }
    if (id == 0 && series_full(s)) {
        parts[SERIES_MODEL] = other_name;
        id = look_up_series(s, SPROUT_SQL_SERIES_GET, parts, err);
    }
    if (id == 0) {
        id = look_up_series(s, SPROUT_SQL_SERIES_PUT, parts, err);
    }
    if (id > 0 && short_enough) {
        k->id = id;
        k->len = len;
        memcpy(k->key, key, len);
    }
    return id > 0 ? id : 0;
}

/* ---- workers --------------------------------------------------------------------------- */

/* The worker of that name, made if it is new; NULL after filling *err. */
static struct sprout_store_worker *worker_of(struct sprout_store *s,
                                             struct sprout_str name, sprout_instant seen,
                                             struct sprout_error *err)
{
    const struct sprout_hash_key no_key = {0, 0};
    struct sprout_store_worker *const w =
        &s->workers[sprout_hash_str(no_key, name) % SPROUT_STORE_CACHE];

    if (name.len > sizeof w->name) {
        name.len = sizeof w->name;
    }
    if (w->id != 0 && w->len == name.len && memcmp(w->name, name.ptr, name.len) == 0) {
        return w;
    }
    sqlite3_stmt *const get = sprout_store_stmt(s, SPROUT_SQL_WORKER_GET, err);
    sqlite3_stmt *const put = sprout_store_stmt(s, SPROUT_SQL_WORKER_PUT, err);
    if (get == NULL || put == NULL) {
        return NULL;
    }
    w->id = 0;
    sprout_store_bind_str(get, 1, name);
    const int code = sqlite3_step(get);
    if (code == SQLITE_ROW) {
        w->id = sqlite3_column_int64(get, 0);
        w->last_seq = sqlite3_column_int64(get, 1);
        w->missing = sqlite3_column_int64(get, 2);
    }
    sqlite3_reset(get);
    if (code == SQLITE_DONE) {
        sprout_store_bind_str(put, 1, name);
        sqlite3_bind_int64(put, 2, sprout_store_us(seen));
        if (sprout_store_run(s, put, err) != SPROUT_OK) {
            return NULL;
        }
        *w = (struct sprout_store_worker){.id = sqlite3_last_insert_rowid(s->db)};
    } else if (code != SQLITE_ROW) {
        (void)sprout_store_failed(s, "looking up a worker", err);
        return NULL;
    }
    memcpy(w->name, name.ptr, name.len);
    w->len = name.len;
    return w;
}

/* Lines of one worker count from 1 without gaps: what is skipped was lost (until it turns
 * up, as it may around a rotation). */
static enum sprout_status note_seq(struct sprout_store *s, struct sprout_store_worker *w,
                                   int64_t seq, sprout_instant seen,
                                   struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_WORKER_SET, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    if (seq > w->last_seq) {
        w->missing += seq - w->last_seq - 1;
        w->last_seq = seq;
    } else if (w->missing > 0) {
        w->missing--;
    }
    sqlite3_bind_int64(stmt, 1, w->id);
    sqlite3_bind_int64(stmt, 2, w->last_seq);
    sqlite3_bind_int64(stmt, 3, w->missing);
    sqlite3_bind_int64(stmt, 4, sprout_store_us(seen));
    return sprout_store_run(s, stmt, err);
}

/* ---- receipts -------------------------------------------------------------------------- */

/* The ids a receipt's rows have in common. */
struct row_keys {
    int64_t worker;
    int64_t series;
    int64_t slot;
    int64_t hour;
};

static void bind_micro(sqlite3_stmt *stmt, int at, int64_t v)
{
    if (v == SPROUT_MICRO_UNKNOWN) {
        sqlite3_bind_null(stmt, at);
    } else {
        sqlite3_bind_int64(stmt, at, v);
    }
}

static void bind_text_or_null(sqlite3_stmt *stmt, int at, struct sprout_str text)
{
    if (text.len == 0) {
        sqlite3_bind_null(stmt, at);
    } else {
        sprout_store_bind_str(stmt, at, text);
    }
}

static enum sprout_status insert_receipt(struct sprout_store *s,
                                         const struct sprout_store_receipt *r,
                                         const struct row_keys *k, bool *out_new,
                                         struct sprout_error *err)
{
    const struct sprout_record *const e = r->record;
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_RECEIPT_PUT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    const char *const outcome = sprout_outcome_text(e->outcome);
    const char *const usage = sprout_usage_source_text(e->usage_source);

    sqlite3_bind_int64(stmt, 1, k->worker);
    sqlite3_bind_int64(stmt, 2, e->seq);
    sqlite3_bind_int64(stmt, 3, sprout_store_us(e->time));
    sqlite3_bind_int64(stmt, 4, k->series);
    sqlite3_bind_int64(stmt, 5, k->slot);
    bind_text_or_null(stmt, 6, e->id);
    bind_text_or_null(stmt, 7, e->api);
    bind_text_or_null(stmt, 8, e->model);
    bind_text_or_null(stmt, 9, e->policy);
    bind_text_or_null(stmt, 10, e->reason);
    if (e->has_key) {
        sqlite3_bind_int64(stmt, 11, (int64_t)e->key);
    }
    sqlite3_bind_int(stmt, 12, e->stream);
    sprout_store_bind_count(stmt, 13, e->usage.prompt.n);
    sprout_store_bind_count(stmt, 14, e->usage.cached.n);
    sprout_store_bind_count(stmt, 15, e->usage.completion.n);
    sprout_store_bind_count(stmt, 16, e->usage.reasoning.n);
    sprout_store_bind_str(stmt, 17, sprout_str_of(usage));
    sprout_store_bind_count(stmt, 18, e->ttfb_us);
    sprout_store_bind_count(stmt, 19, e->duration_us);
    sprout_store_bind_count(stmt, 20, e->overhead_us);
    sprout_store_bind_count(stmt, 21, e->status);
    sprout_store_bind_str(stmt, 22, sprout_str_of(outcome));
    sprout_store_bind_count(stmt, 23, e->bytes_in);
    sprout_store_bind_count(stmt, 24, e->bytes_out);
    bind_micro(stmt, 25, r->energy.v);
    bind_micro(stmt, 26, r->time.v);
    bind_micro(stmt, 27, r->operational.v);
    bind_micro(stmt, 28, r->embodied.v);
    bind_micro(stmt, 29, r->energy_l0.v);
    bind_micro(stmt, 30, r->grams_l0.v);
    const enum sprout_status status = sprout_store_run(s, stmt, err);
    if (status == SPROUT_OK) {
        *out_new = sqlite3_changes(s->db) == 1;
    }
    return status;
}

static int64_t known_or_0(int64_t v)
{
    return v < 0 ? 0 : v; /* SPROUT_MICRO_UNKNOWN and -1 alike */
}

static bool is_metered(const struct sprout_store_receipt *r)
{
    return r->energy.v != SPROUT_MICRO_UNKNOWN;
}

static bool is_graded(const struct sprout_store_receipt *r)
{
    return is_metered(r) && r->operational.v != SPROUT_MICRO_UNKNOWN;
}

/* A prediction says something of what was served where there was an answer at a level it
 * speaks of. */
static bool is_predicted(const struct sprout_store_receipt *r)
{
    const enum sprout_outcome o = r->record->outcome;
    return r->record->predicted.known && r->level >= 0 &&
           r->level < SPROUT_PREDICT_LEVELS &&
           (o == SPROUT_OUTCOME_OK || o == SPROUT_OUTCOME_CLIENT_CLOSED);
}

static enum sprout_status add_hourly(struct sprout_store *s,
                                     const struct sprout_store_receipt *r,
                                     const struct row_keys *k, struct sprout_error *err)
{
    const struct sprout_record *const e = r->record;
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_HOURLY_ADD, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    const bool metered = is_metered(r), graded = is_graded(r);
    const bool predicted = is_predicted(r);
    const int64_t completion = metered ? known_or_0(e->usage.completion.n) : 0;
    const int64_t v[] = {
        k->hour,
        k->slot,
        k->series,
        e->outcome == SPROUT_OUTCOME_OK,
        e->outcome == SPROUT_OUTCOME_CLIENT_CLOSED,
        e->outcome == SPROUT_OUTCOME_UPSTREAM_ERROR,
        e->outcome == SPROUT_OUTCOME_REFUSED,
        e->usage_source == SPROUT_USAGE_REPORTED,
        metered,
        metered ? known_or_0(e->usage.prompt.n) : 0,
        known_or_0(e->usage.cached.n),
        completion,
        0, /* completion_sq, a REAL: below */
        known_or_0(e->usage.reasoning.n),
        known_or_0(e->duration_us),
        known_or_0(e->overhead_us),
        metered ? known_or_0(r->time.v) : 0,
        metered ? r->energy.v : 0,
        graded,
        graded ? r->operational.v : 0,
        metered ? known_or_0(r->embodied.v) : 0,
        metered ? known_or_0(r->energy_l0.v) : 0,
        graded ? known_or_0(r->grams_l0.v) : 0,
        predicted,
        predicted ? e->predicted.quality[r->level] : 0,
        predicted ? e->predicted.quality[0] : 0,
    };
    for (int i = 0; i < (int)(sizeof v / sizeof v[0]); i++) {
        sqlite3_bind_int64(stmt, i + 1, v[i]);
    }
    sqlite3_bind_double(stmt, 13, (double)completion * (double)completion);
    return sprout_store_run(s, stmt, err);
}

/* Only what was drawn by chance may be compared with the holdout. */
static bool is_drawn(struct sprout_str arm)
{
    return sprout_str_eq(arm, SPROUT_STR("mix")) ||
           sprout_str_eq(arm, SPROUT_STR("explore")) ||
           sprout_str_eq(arm, SPROUT_STR("holdout"));
}

static enum sprout_status add_conversation(struct sprout_store *s,
                                           const struct sprout_store_receipt *r,
                                           const struct row_keys *k,
                                           struct sprout_error *err)
{
    const struct sprout_record *const e = r->record;
    /* Without level, method and route, which may change within a conversation. */
    struct sprout_str parts[SERIES_PARTS] = {SPROUT_STR(""), e->model,   e->arm,
                                             e->rule,        e->stratum, SPROUT_STR(""),
                                             SPROUT_STR("")};
    if (!is_drawn(e->arm)) {
        return SPROUT_OK;
    }
    const int64_t series = series_id(s, parts, err);
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_CONVERSATION_ADD, err);
    if (series == 0 || stmt == NULL) {
        return SPROUT_IO;
    }

    const bool metered = is_metered(r), graded = is_graded(r);
    if (e->has_key) { /* NULL never meets another NULL: a conversation of its own */
        sqlite3_bind_int64(stmt, 1, (int64_t)e->key);
    }
    sqlite3_bind_int64(stmt, 2, series);
    sqlite3_bind_int64(stmt, 3, k->hour);
    sqlite3_bind_int64(stmt, 4, metered);
    sqlite3_bind_int64(stmt, 5, graded);
    sqlite3_bind_int64(stmt, 6, r->level == 1);
    sqlite3_bind_int64(stmt, 7, metered ? known_or_0(e->usage.completion.n) : 0);
    sqlite3_bind_int64(stmt, 8, metered ? r->energy.v : 0);
    sqlite3_bind_int64(stmt, 9, metered ? known_or_0(r->time.v) : 0);
    sqlite3_bind_int64(stmt, 10,
                       graded ? r->operational.v + known_or_0(r->embodied.v) : 0);
    sqlite3_bind_int64(stmt, 11, metered ? known_or_0(e->usage.prompt.n) : 0);
    /* Of the first request alone: later ones do not change it. */
    sprout_store_bind_count(stmt, 12, e->predicted.known ? e->predicted.tokens[0] : -1);
    return sprout_store_run(s, stmt, err);
}

static enum sprout_status count_event(struct sprout_store *s, const char *name, int64_t n,
                                      struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_COUNT_ADD, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sprout_store_bind_str(stmt, 1, sprout_str_of(name));
    sqlite3_bind_int64(stmt, 2, n);
    return sprout_store_run(s, stmt, err);
}

enum sprout_status sprout_store_put_receipt(struct sprout_store *s,
                                            const struct sprout_store_receipt *r,
                                            bool *out_new, struct sprout_error *err)
{
    const struct sprout_record *const e = r->record;
    struct sprout_str parts[SERIES_PARTS] = {e->level,   e->model,  e->arm,  e->rule,
                                             e->stratum, r->method, e->route};
    struct sprout_store_worker *const w = worker_of(s, e->worker, e->time, err);
    if (w == NULL) {
        return SPROUT_IO;
    }
    const struct row_keys k = {.worker = w->id,
                               .series = series_id(s, parts, err),
                               .slot = sprout_store_slot_id(s, &r->slot, err),
                               .hour = sprout_instant_hour(e->time)};
    if (k.series == 0 || k.slot == 0) {
        return SPROUT_IO;
    }

    bool is_new = false;
    enum sprout_status status = insert_receipt(s, r, &k, &is_new, err);
    if (status == SPROUT_OK && !is_new) {
        status = count_event(s, "duplicates", 1, err);
    } else if (status == SPROUT_OK) {
        status = add_hourly(s, r, &k, err);
        if (status == SPROUT_OK) {
            status = add_conversation(s, r, &k, err);
        }
        if (status == SPROUT_OK) {
            status = note_seq(s, w, e->seq, e->time, err);
        }
    }
    if (status == SPROUT_OK) {
        *out_new = is_new;
    }
    return status;
}

enum sprout_status sprout_store_put_damaged(struct sprout_store *s, sprout_instant now,
                                            const struct sprout_journal_position *file,
                                            int64_t offset, struct sprout_str bytes,
                                            const char *why, struct sprout_error *err)
{
    sqlite3_stmt *const put = sprout_store_stmt(s, SPROUT_SQL_DAMAGED_PUT, err);
    sqlite3_stmt *const trim = sprout_store_stmt(s, SPROUT_SQL_DAMAGED_TRIM, err);
    if (put == NULL || trim == NULL) {
        return SPROUT_IO;
    }
    const size_t kept =
        bytes.len < SPROUT_STORE_DAMAGED_BYTES ? bytes.len : SPROUT_STORE_DAMAGED_BYTES;
    sqlite3_bind_int64(put, 1, sprout_store_us(now));
    sqlite3_bind_int64(put, 2, (int64_t)file->inode);
    sqlite3_bind_int64(put, 3, offset);
    sqlite3_bind_blob64(put, 4, kept == 0 ? "" : bytes.ptr, kept, SQLITE_TRANSIENT);
    sprout_store_bind_str(put, 5, sprout_str_of(why));
    enum sprout_status status = sprout_store_run(s, put, err);
    if (status == SPROUT_OK) {
        sqlite3_bind_int64(trim, 1,
                           sqlite3_last_insert_rowid(s->db) - SPROUT_STORE_DAMAGED_MAX);
        status = sprout_store_run(s, trim, err);
    }
    return status == SPROUT_OK ? count_event(s, "damaged", 1, err) : status;
}

/* ---- the rest -------------------------------------------------------------------------- */

enum sprout_status sprout_store_put_position(struct sprout_store *s,
                                             const struct sprout_journal_position *p,
                                             struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_POSITION_PUT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sqlite3_bind_int64(stmt, 1, (int64_t)p->device);
    sqlite3_bind_int64(stmt, 2, (int64_t)p->inode);
    sqlite3_bind_int64(stmt, 3, p->offset);
    sqlite3_bind_int64(stmt, 4, (int64_t)p->print);
    sqlite3_bind_int64(stmt, 5, p->print_size);
    return sprout_store_run(s, stmt, err);
}

enum sprout_status sprout_store_put_meta(struct sprout_store *s, const char *name,
                                         struct sprout_str value,
                                         struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_META_PUT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sprout_store_bind_str(stmt, 1, sprout_str_of(name));
    sprout_store_bind_str(stmt, 2, value);
    return sprout_store_run(s, stmt, err);
}

enum sprout_status sprout_store_put_policy(struct sprout_store *s, struct sprout_str id,
                                           sprout_instant created, struct sprout_str json,
                                           struct sprout_error *err)
{
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_POLICY_PUT, err);
    if (stmt == NULL) {
        return SPROUT_IO;
    }
    sprout_store_bind_str(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, sprout_store_us(created));
    sprout_store_bind_str(stmt, 3, json);
    return sprout_store_run(s, stmt, err);
}

enum sprout_status sprout_store_put_grid(struct sprout_store *s,
                                         const struct sprout_store_grid *g,
                                         struct sprout_error *err)
{
    const int64_t slot = sprout_store_slot_id(s, &g->slot, err);
    sqlite3_stmt *const stmt = sprout_store_stmt(s, SPROUT_SQL_GRID_PUT, err);
    if (slot == 0 || stmt == NULL) {
        return SPROUT_IO;
    }
    sqlite3_bind_int64(stmt, 1, sprout_store_us(g->since));
    sprout_store_bind_str(stmt, 2, g->source);
    sqlite3_bind_int64(stmt, 3, slot);
    return sprout_store_run(s, stmt, err);
}

enum sprout_status sprout_store_prune(struct sprout_store *s, sprout_instant now,
                                      sprout_instant before, int64_t limit,
                                      bool *out_more, struct sprout_error *err)
{
    const struct {
        enum sprout_store_sql sql;
        int64_t before;
    } steps[] = {
        {SPROUT_SQL_PRUNE_RECEIPTS, sprout_store_us(before)},
        {SPROUT_SQL_PRUNE_POLICIES, sprout_store_us(before)},
        {SPROUT_SQL_PRUNE_GRID, sprout_store_us(before)},
        {SPROUT_SQL_PRUNE_CONVERSATIONS,
         sprout_instant_hour(now) -
             (int64_t)SPROUT_STORE_CONVERSATION_DAYS * HOURS_PER_DAY},
    };
    bool more = false;
    enum sprout_status status = sprout_store_begin(s, err);

    for (size_t i = 0; status == SPROUT_OK && i < sizeof steps / sizeof steps[0]; i++) {
        sqlite3_stmt *const stmt = sprout_store_stmt(s, steps[i].sql, err);
        if (stmt == NULL) {
            status = SPROUT_IO;
            break;
        }
        sqlite3_bind_int64(stmt, 1, steps[i].before);
        sqlite3_bind_int64(stmt, 2, limit);
        status = sprout_store_run(s, stmt, err);
        more = more || sqlite3_changes(s->db) >= limit;
    }
    if (status == SPROUT_OK) {
        status = sprout_store_commit(s, err);
    }
    if (status != SPROUT_OK) {
        sprout_store_rollback(s);
        return status;
    }
    *out_more = more;
    return SPROUT_OK;
}
