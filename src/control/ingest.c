/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.c - see ingest.h. */
#include "control/ingest.h"

#include <stdlib.h>
#include <string.h>

#include "adapt/log.h"
#include "adapt/store_metered.h"
#include "control/metering.h"
#include "core/carbon.h"
#include "core/choice.h"
#include "core/receipt.h"
#include "wire/policy_json.h"
#include "wire/record.h"

enum {
    LINE_MEMORY = 32 * 1024, /* views of one decoded line, and a grid value */
    GOOD_LINE_LOGS = 20,     /* damaged lines told one by one before only counting */
};

/* A policy decoded from the ledger, in a block of its own. */
struct old_policy {
    char id[SPROUT_NAME_MAX];
    size_t id_len;
    const struct sprout_policy *policy; /* NULL: known to be unknown */
    void *block;
};

struct sprout_ingest {
    struct sprout_journal *journal;
    struct sprout_store *store; /* borrowed */
    const struct sprout_policy *newest;
    struct sprout_metering *metering; /* borrowed; NULL: none */
    struct sprout_journal_position committed;
    struct sprout_ingest_counts counts;
    struct sprout_ingest_counts batch; /* added to counts at the commit */
    struct sprout_telemetry telemetry;
    struct sprout_telemetry staged; /* becomes telemetry at the commit */
    struct sprout_recent recent;
    struct old_policy old[SPROUT_INGEST_POLICIES];
    size_t next_old; /* to be replaced next */
    char *policy_json;
    char line_memory[LINE_MEMORY];
};

enum sprout_status sprout_ingest_new(const char *journal_path, struct sprout_store *store,
                                     struct sprout_ingest **out, struct sprout_error *err)
{
    struct sprout_ingest *const in = calloc(1, sizeof *in);
    if (in == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for ingest");
    }
    in->store = store;
    sprout_telemetry_init(&in->telemetry);
    in->policy_json = malloc(SPROUT_POLICY_BYTES_MAX);
    enum sprout_status status =
        in->policy_json == NULL
            ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory for ingest")
            : sprout_store_position(store, &in->committed, err);
    if (status == SPROUT_NOT_FOUND) {
        status = SPROUT_OK; /* a new ledger: from the beginning of the journal */
    }
    if (status == SPROUT_OK) {
        status = sprout_journal_open(journal_path, &in->committed, &in->journal, err);
    }
    if (status != SPROUT_OK) {
        sprout_ingest_free(in);
        return status;
    }
    *out = in;
    return SPROUT_OK;
}

void sprout_ingest_free(struct sprout_ingest *in)
{
    if (in == NULL) {
        return;
    }
    for (size_t i = 0; i < SPROUT_INGEST_POLICIES; i++) {
        free(in->old[i].block);
    }
    sprout_journal_close(in->journal);
    free(in->policy_json);
    free(in);
}

void sprout_ingest_set_policy(struct sprout_ingest *in,
                              const struct sprout_policy *newest)
{
    in->newest = newest;
}

void sprout_ingest_set_metering(struct sprout_ingest *in, struct sprout_metering *m)
{
    in->metering = m;
}

/* ---- the policy a request was served under --------------------------------------------- */

/* Decodes the policy from the ledger; NULL if it is not there. */
static const struct sprout_policy *load_policy(struct sprout_ingest *in,
                                               struct sprout_str id, void **out_block)
{
    struct sprout_buf json = sprout_buf_of(in->policy_json, SPROUT_POLICY_BYTES_MAX);
    const struct sprout_policy *policy = NULL;

    if (sprout_store_policy(in->store, id, &json, NULL) != SPROUT_OK) {
        return NULL;
    }
    void *const block = malloc(SPROUT_POLICY_MEMORY); /* pages not used are not there */
    if (block == NULL) {
        return NULL;
    }
    struct sprout_arena arena = sprout_arena_of(block, SPROUT_POLICY_MEMORY);
    if (sprout_policy_read(sprout_buf_str(&json), &arena, &policy, NULL) != SPROUT_OK) {
        free(block);
        return NULL;
    }
    *out_block = block;
    return policy;
}

/* The policy of that id, or NULL.  Borrowed until the next call. */
static const struct sprout_policy *policy_of(struct sprout_ingest *in,
                                             struct sprout_str id)
{
    if (id.len == 0 || id.len > SPROUT_NAME_MAX) {
        return NULL;
    }
    if (in->newest != NULL && sprout_str_eq(id, in->newest->id)) {
        return in->newest;
    }
    for (size_t i = 0; i < SPROUT_INGEST_POLICIES; i++) {
        const struct old_policy *const o = &in->old[i];
        if (o->id_len == id.len && memcmp(o->id, id.ptr, id.len) == 0) {
            return o->policy;
        }
    }
    struct old_policy *const o = &in->old[in->next_old];
    in->next_old = (in->next_old + 1) % SPROUT_INGEST_POLICIES;
    free(o->block);
    o->block = NULL;
    o->policy = load_policy(in, id, &o->block);
    o->id_len = id.len;
    memcpy(o->id, id.ptr, id.len);
    return o->policy;
}

/* ---- settling -------------------------------------------------------------------------- */

static int stratum_of(const struct sprout_policy *p, struct sprout_str name)
{
    for (size_t i = 0; i < p->stratum_count; i++) {
        if (sprout_str_eq(p->strata[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

static struct sprout_store_slot slot_of(const struct sprout_policy_grid *g)
{
    return (struct sprout_store_slot){
        .zone = g->zone, .quality = g->quality, .intensity = g->intensity, .at = g->at};
}

static struct sprout_policy_grid grid_unknown(struct sprout_str zone)
{
    return (struct sprout_policy_grid){.zone = zone,
                                       .source = SPROUT_STR("none"),
                                       .quality = SPROUT_STR("none"),
                                       .intensity = {NAN}};
}

/* A zone that the policy does not have is one whose grid nobody knows; never another's. */
static struct sprout_policy_grid grid_in_zone(const struct sprout_policy *p,
                                              struct sprout_str zone)
{
    const struct sprout_policy_zone *const z = sprout_policy_zone_find(p, zone);
    return z == NULL ? grid_unknown(zone) : z->grid;
}

/* The newest policy's coefficients with the grid of that moment: what stands in where the
 * request's own policy is unknown.  False if there is nothing to stand in. */
static bool stand_in(struct sprout_ingest *in, const struct sprout_record *record,
                     struct sprout_arena *arena, struct sprout_policy *out)
{
    struct sprout_store_grid grid;

    if (in->newest == NULL) {
        return false;
    }
    *out = *in->newest;
    out->grid = grid_unknown(SPROUT_STR("-"));
    if (record->zone.len > 0) {
        out->grid =
            grid_unknown(record->zone); /* what is kept by time is the other zone's */
    } else if (sprout_store_grid_at(in->store, record->time, arena, &grid, NULL) ==
               SPROUT_OK) {
        out->grid = (struct sprout_policy_grid){.zone = grid.slot.zone,
                                                .source = grid.source,
                                                .quality = grid.slot.quality,
                                                .intensity = grid.slot.intensity,
                                                .at = grid.slot.at};
    }
    return true;
}

static sprout_microseconds microseconds_of(sprout_seconds s)
{
    return (sprout_microseconds){isnan(s.v) ? SPROUT_MICRO_UNKNOWN
                                            : (int64_t)llround(s.v * 1e6)};
}

/* What was measured takes the place of what is modelled, in joules and in grams. */
static void use_measured(struct sprout_ingest *in, const struct sprout_record *record,
                         const struct sprout_policy *policy,
                         struct sprout_store_receipt *out)
{
    sprout_microjoules uj = {-1};
    if (in->metering == NULL ||
        !sprout_metering_ripe(in->metering, record, (sprout_instant){INT64_MAX}, &uj) ||
        uj.v < 0) {
        return;
    }
    out->energy = uj;
    out->method = sprout_str_of(sprout_metering_method(in->metering));
    out->operational.v = SPROUT_MICRO_UNKNOWN;
    if (policy != NULL) {
        out->operational = sprout_micrograms_of(
            sprout_carbon_operational(&policy->carbon, policy->grid.intensity,
                                      (sprout_joules){(double)uj.v / 1e6}));
    }
}

static struct sprout_store_receipt settle(struct sprout_ingest *in,
                                          const struct sprout_record *record,
                                          struct sprout_arena *arena)
{
    struct sprout_policy substitute;
    const struct sprout_policy *policy = policy_of(in, record->policy);
    struct sprout_store_receipt out = {
        .record = record,
        .level = -1,
        .slot = {SPROUT_STR("-"), SPROUT_STR("none"), {NAN}, {0}},
    };

    if (policy == NULL) {
        in->batch.unsettled++;
        policy = stand_in(in, record, arena, &substitute) ? &substitute : NULL;
    } else if (record->zone.len > 0) {
        substitute = *policy;
        substitute.grid = grid_in_zone(policy, record->zone);
        policy = &substitute;
    }
    const int stratum = policy == NULL ? -1 : stratum_of(policy, record->stratum);
    const struct sprout_receipt r =
        sprout_receipt_make(policy, record->model, stratum, record->usage,
                            record->usage_source == SPROUT_USAGE_ESTIMATED);
    out.energy = sprout_microjoules_of(r.energy);
    out.time = microseconds_of(r.time);
    out.operational = sprout_micrograms_of(r.operational);
    out.embodied = sprout_micrograms_of(r.embodied);
    out.grams_l0 = sprout_micrograms_of(r.grams_l0);
    out.energy_l0.v = SPROUT_MICRO_UNKNOWN;
    if (policy != NULL) {
        out.level = sprout_policy_level(policy, record->level);
        out.slot = slot_of(&policy->grid);
    }
    if (stratum >= 0) {
        out.energy_l0 = sprout_microjoules_of(policy->strata[stratum].level[0].energy);
    }
    if (!isnan(r.energy.v)) {
        out.method = r.method; /* a method belongs to an amount */
    }
    use_measured(in, record, policy, &out);
    /* The texts of `substitute` live in the arena or in the newest policy. */
    return out;
}

/* ---- lines ----------------------------------------------------------------------------- */

static enum sprout_status keep_damaged(struct sprout_ingest *in,
                                       const struct sprout_journal_line *line,
                                       struct sprout_str bytes, const char *why,
                                       sprout_instant now, struct sprout_error *err)
{
    const struct sprout_journal_position at = sprout_journal_position(in->journal);

    in->batch.damaged++;
    if (in->counts.damaged + in->batch.damaged <= GOOD_LINE_LOGS) {
        sprout_log_warn("journal-line-damaged", "byte %lld of inode %llu: %s",
                        (long long)line->offset, (unsigned long long)at.inode, why);
    }
    return sprout_store_put_damaged(in->store, now, &at, line->offset, bytes, why, err);
}

/* Where a record begins inside a damaged line; 0 if nowhere.  Records are JSON, in which a
 * quote inside a text is escaped, so these bytes begin a record and nothing else. */
static size_t record_inside(struct sprout_str text)
{
    static const struct sprout_str head = {"{\"v\":", sizeof "{\"v\":" - 1};

    for (size_t i = text.len; i > 1; i--) {
        const struct sprout_str rest = {text.ptr + i - 1, text.len - i + 1};
        if (sprout_str_starts(rest, head)) {
            return i - 1;
        }
    }
    return 0;
}

/* A prompt drawn by chance stands for those to come; one whose level was forced, or that a
 * predictor did not know, does not. */
static enum sprout_status keep_sample(struct sprout_ingest *in,
                                      const struct sprout_record *record,
                                      struct sprout_error *err)
{
    const struct sprout_policy *const policy = policy_of(in, record->policy);
    const bool drawn = sprout_str_eq(record->arm, SPROUT_STR("mix")) ||
                       sprout_str_eq(record->arm, SPROUT_STR("explore")) ||
                       sprout_str_eq(record->arm, SPROUT_STR("holdout"));
    if (!record->predicted.known || !drawn || policy == NULL) {
        return SPROUT_OK;
    }
    struct sprout_predict_sample sample = {.kind = record->predicted.kind};
    memcpy(sample.quality, record->predicted.quality, sizeof sample.quality);
    memcpy(sample.tokens, record->predicted.tokens, sizeof sample.tokens);
    return sprout_store_put_sample(in->store, policy->predictor.id, &sample, err);
}

/* What a receipt got of the meters' energy is nobody's no longer. */
static enum sprout_status claim(struct sprout_ingest *in,
                                const struct sprout_store_receipt *r,
                                struct sprout_error *err)
{
    if (!sprout_str_starts(r->method, SPROUT_STR("measured:"))) {
        return SPROUT_OK;
    }
    const struct sprout_store_metered moved = {.attributed = r->energy,
                                               .unattributed = {-r->energy.v}};
    return sprout_store_add_metered(in->store, r->record->time, &moved, err);
}

static enum sprout_status take_record(struct sprout_ingest *in,
                                      const struct sprout_record *record,
                                      struct sprout_arena *arena,
                                      struct sprout_error *err)
{
    const struct sprout_store_receipt receipt = settle(in, record, arena);
    bool is_new = false;
    enum sprout_status status =
        sprout_store_put_receipt(in->store, &receipt, &is_new, err);

    if (status == SPROUT_OK && is_new) {
        status = claim(in, &receipt, err);
    }
    if (status == SPROUT_OK && is_new) {
        status = keep_sample(in, record, err);
    }
    if (status == SPROUT_OK) {
        if (is_new) {
            sprout_telemetry_note(&in->staged, record);
            sprout_recent_note(&in->recent, record);
        }
        *(is_new ? &in->batch.receipts : &in->batch.duplicates) += 1;
    }
    return status;
}

static enum sprout_status take_line(struct sprout_ingest *in,
                                    const struct sprout_journal_line *line,
                                    sprout_instant now, struct sprout_error *err)
{
    struct sprout_arena arena = sprout_arena_of(in->line_memory, sizeof in->line_memory);
    struct sprout_record record;
    struct sprout_error why = {.message = "too long, or not finished"};

    if (line->text.len == 0 && line->whole) {
        return SPROUT_OK; /* an empty line says nothing and hides nothing */
    }
    if (line->whole &&
        sprout_record_read(line->text, &arena, &record, &why) == SPROUT_OK) {
        return take_record(in, &record, &arena, err);
    }

    struct sprout_str damaged = line->text;
    const size_t at = line->whole ? record_inside(line->text) : 0;
    arena = sprout_arena_of(in->line_memory, sizeof in->line_memory);
    const struct sprout_str rest = {line->text.ptr + at, line->text.len - at};
    const bool saved =
        at > 0 && sprout_record_read(rest, &arena, &record, NULL) == SPROUT_OK;
    if (saved) {
        damaged.len = at;
    }
    const enum sprout_status status =
        keep_damaged(in, line, damaged, why.message, now, err);
    return status == SPROUT_OK && saved ? take_record(in, &record, &arena, err) : status;
}

/* ---- batches --------------------------------------------------------------------------- */

/* The line's energy is settled, or nobody measures it, or it cannot be read anyway. */
static bool is_ripe(struct sprout_ingest *in, const struct sprout_journal_line *line,
                    sprout_instant wall)
{
    struct sprout_arena arena = sprout_arena_of(in->line_memory, sizeof in->line_memory);
    struct sprout_record record;
    sprout_microjoules uj;
    return in->metering == NULL || !line->whole ||
           sprout_record_read(line->text, &arena, &record, NULL) != SPROUT_OK ||
           sprout_metering_ripe(in->metering, &record, wall, &uj);
}

/* Lines up to the batch's maximum, in the open transaction. */
static enum sprout_status take_batch(struct sprout_ingest *in,
                                     struct sprout_journal_line *line, sprout_mono mono,
                                     sprout_instant wall, int64_t *lines,
                                     struct sprout_error *err)
{
    enum sprout_status status = SPROUT_OK;
    struct sprout_journal_position before;

    while (status == SPROUT_OK) {
        status = take_line(in, line, wall, err);
        ++*lines;
        if (status != SPROUT_OK || *lines == SPROUT_INGEST_BATCH) {
            return status;
        }
        before = sprout_journal_position(in->journal);
        status = sprout_journal_next(in->journal, mono, line, err);
        if (status == SPROUT_OK && !is_ripe(in, line, wall)) {
            sprout_journal_rewind(in->journal, &before);
            return SPROUT_OK;
        }
    }
    return SPROUT_OK; /* no more lines now; trouble with the file is told by the next run */
}

static void add_counts(struct sprout_ingest_counts *to,
                       const struct sprout_ingest_counts *more)
{
    to->receipts += more->receipts;
    to->damaged += more->damaged;
    to->duplicates += more->duplicates;
    to->unsettled += more->unsettled;
}

enum sprout_status sprout_ingest_run(struct sprout_ingest *in, sprout_mono mono,
                                     sprout_instant wall, int64_t *out_lines,
                                     struct sprout_error *err)
{
    struct sprout_journal_line line;
    int64_t lines = 0;
    enum sprout_status status = sprout_journal_next(in->journal, mono, &line, err);

    if (status != SPROUT_OK) {
        if (status == SPROUT_MORE) {
            *out_lines = 0;
            status = SPROUT_OK;
        }
        return status;
    }
    if (!is_ripe(in, &line, wall)) {
        sprout_journal_rewind(in->journal, &in->committed);
        *out_lines = 0;
        return SPROUT_OK;
    }
    in->batch = (struct sprout_ingest_counts){0};
    in->staged = in->telemetry;
    const uint64_t noted = in->recent.noted;
    status = sprout_store_begin(in->store, err);
    if (status == SPROUT_OK) {
        status = take_batch(in, &line, mono, wall, &lines, err);
    }
    const struct sprout_journal_position position = sprout_journal_position(in->journal);
    if (status == SPROUT_OK) {
        status = sprout_store_put_position(in->store, &position, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_commit(in->store, err);
    }
    if (status != SPROUT_OK) {
        sprout_store_rollback(in->store);
        in->recent.noted = noted; /* the same lines come again to the same places */
        sprout_journal_rewind(in->journal, &in->committed);
        return status;
    }
    in->committed = position;
    in->telemetry = in->staged;
    add_counts(&in->counts, &in->batch);
    *out_lines = lines;
    return SPROUT_OK;
}

struct sprout_ingest_counts sprout_ingest_counts(const struct sprout_ingest *in)
{
    return in->counts;
}

const struct sprout_journal *sprout_ingest_journal(const struct sprout_ingest *in)
{
    return in->journal;
}

const struct sprout_telemetry *sprout_ingest_telemetry(const struct sprout_ingest *in)
{
    return &in->telemetry;
}

const struct sprout_recent *sprout_ingest_recent(const struct sprout_ingest *in)
{
    return &in->recent;
}
