/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_work.c - the ledger's part of a turn, and the snapshot.
 *
 *             +-- failure: rolled back, said, tried again in a second --+
 *             v                                                         |
 *   closed --open--> keep (salt, policies, grid) --> batches of lines --+--> idle
 *
 * A failure never loses anything: the journal keeps the lines, `pending` the policies. */
#include "control/daemon_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/log.h"

enum {
    RETRY_SECONDS = 1,
    FAILURES_BEFORE_REOPEN = 10,
    RETAIN_SECONDS = 600,
    RETAIN_ROWS = 5000, /* a step of at most some 50 ms */
    HOURS_PER_DAY = 24,
    SECONDS_PER_HOUR = 3600,
};

enum sprout_status sprout_daemon_path(const char *dir, const char *name, char *out,
                                      struct sprout_error *err)
{
    const int n = snprintf(out, SPROUT_DAEMON_PATH_MAX, "%s/%s", dir, name);

    if (n < 0 || n >= SPROUT_DAEMON_PATH_MAX) {
        return sprout_fail(err, SPROUT_LIMIT, "the path of the folder is too long");
    }
    return SPROUT_OK;
}

static sprout_mono mono_after(sprout_mono now, int64_t seconds)
{
    return (sprout_mono){now.ns + seconds * SPROUT_NS_PER_SECOND};
}

/* ---- opening --------------------------------------------------------------------------- */

static void close_ledger(struct sprout_daemon *d)
{
    sprout_daemon_meter_stop(d);
    sprout_ingest_free(d->ingest);
    d->ingest = NULL;
    sprout_store_close(d->store);
    d->store = NULL;
    d->busy = false;
}

static enum sprout_status open_ledger(struct sprout_daemon *d, struct sprout_error *err)
{
    char ledger[SPROUT_DAEMON_PATH_MAX], journal[SPROUT_DAEMON_PATH_MAX];
    enum sprout_status status =
        sprout_daemon_path(d->config->dir, SPROUT_PATH_LEDGER, ledger, err);

    if (status == SPROUT_OK) {
        status = sprout_daemon_path(d->config->dir, SPROUT_PATH_JOURNAL, journal, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_open(ledger, SPROUT_STORE_WRITE, &d->store, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_ingest_new(journal, d->store, &d->ingest, err);
    }
    if (status != SPROUT_OK) {
        close_ledger(d);
        return status;
    }
    sprout_ingest_set_policy(d->ingest, d->policy);
    d->health_stale = true;
    return SPROUT_OK;
}

void sprout_daemon_ledger_failed(struct sprout_daemon *d, sprout_mono mono,
                                 const struct sprout_error *err)
{
    if (strcmp(d->ledger_error, err->message) != 0) {
        sprout_log_error("ledger-unavailable",
                         "%s; serving goes on, the journal keeps "
                         "what is not in the ledger yet",
                         err->message);
    }
    snprintf(d->ledger_error, sizeof d->ledger_error, "%s", err->message);
    d->ledger_errors++;
    d->ledger_failures++;
    d->busy = false;
    d->store_retry = mono_after(mono, RETRY_SECONDS);
    if (d->ledger_failures % FAILURES_BEFORE_REOPEN == 0) {
        close_ledger(d);
    }
}

static void ledger_works(struct sprout_daemon *d)
{
    if (d->ledger_error[0] != '\0') {
        sprout_log_info("ledger-available", "the ledger is written again");
    }
    d->ledger_error[0] = '\0';
    d->ledger_failures = 0;
}

void sprout_daemon_close(struct sprout_daemon *d)
{
    close_ledger(d);
    for (size_t i = 0; i < d->pending_count; i++) {
        free(d->pending[i].json);
    }
    d->pending_count = 0;
    sprout_daemon_learn_close(d);
    sprout_daemon_predictor_close(d);
    free(d->window);
    d->window = NULL;
    sprout_daemon_feedback_close(d);
    sprout_daemon_grid_close(&d->places);
    sprout_config_free(d->config);
    d->config = NULL;
    for (int i = 0; i < 2; i++) {
        free(d->plan_memory[i]);
        d->plan_memory[i] = NULL;
    }
}

/* ---- journal into ledger --------------------------------------------------------------- */

void sprout_daemon_ledger(struct sprout_daemon *d, sprout_mono mono, sprout_instant wall,
                          int batches)
{
    struct sprout_error err = {.message = ""};
    enum sprout_status status = SPROUT_OK;
    int64_t lines = 0;

    d->busy = false;
    if (mono.ns < d->store_retry.ns) {
        return;
    }
    if (d->store == NULL) {
        status = open_ledger(d, &err);
    }
    if (status == SPROUT_OK) {
        status = sprout_daemon_meter_turn(d, mono, wall, &err);
    }
    if (status == SPROUT_OK) {
        status = sprout_daemon_keep(d, &err);
    }
    for (int i = 0; status == SPROUT_OK && i < batches; i++) {
        status = sprout_ingest_run(d->ingest, mono, wall, &lines, &err);
        if (status != SPROUT_OK || lines == 0) {
            break;
        }
        d->health_stale = true;
    }
    if (status != SPROUT_OK) {
        sprout_daemon_ledger_failed(d, mono, &err);
        return;
    }
    ledger_works(d);
    d->busy = lines == SPROUT_INGEST_BATCH;
}

void sprout_daemon_retain(struct sprout_daemon *d, sprout_mono mono, sprout_instant wall)
{
    struct sprout_error err;
    bool more = false;

    if (d->store == NULL || d->busy || d->ledger_error[0] != '\0' ||
        mono.ns < d->retain_next.ns) {
        return;
    }
    (void)sprout_journal_forget(sprout_ingest_journal(d->ingest),
                                d->config->journal_keep);
    const int64_t seconds = d->config->retention_days * HOURS_PER_DAY * SECONDS_PER_HOUR;
    const sprout_instant before = {wall.ns - seconds * SPROUT_NS_PER_SECOND};
    if (sprout_store_prune(d->store, wall, before, RETAIN_ROWS, &more, &err) !=
            SPROUT_OK ||
        sprout_daemon_learn_prune(d, wall, &err) != SPROUT_OK) {
        sprout_daemon_ledger_failed(d, mono, &err);
    }
    d->retain_next = more ? mono : mono_after(mono, RETAIN_SECONDS);
}

/* ---- the snapshot ---------------------------------------------------------------------- */

static void copy_text(char *out, size_t cap, struct sprout_str s)
{
    const size_t n = s.len < cap ? s.len : cap - 1;
    memcpy(out, s.ptr, n);
    out[n] = '\0';
}

static void add_group(void *ctx, const struct sprout_store_sum *sum)
{
    struct sprout_daemon *const d = ctx;

    if (d->groups == SPROUT_SNAPSHOT_GROUPS_MAX) {
        return; /* levels that were renamed often; the report shows all */
    }
    struct sprout_snapshot_group *const g = &d->group[d->groups++];
    copy_text(g->level, sizeof g->level, sum->level);
    copy_text(g->arm, sizeof g->arm, sum->arm);
    g->sum = *sum;
}

/* Sums are asked of the ledger only after something came in. */
static void refresh_health(struct sprout_daemon *d)
{
    struct sprout_error err;

    if (d->store == NULL || !d->health_stale) {
        return;
    }
    d->groups = 0;
    if (sprout_store_health(d->store, &d->health, &err) == SPROUT_OK &&
        sprout_store_sums(d->store, SPROUT_STORE_ALL_TIME,
                          SPROUT_BY_LEVEL | SPROUT_BY_ARM, add_group, d,
                          &err) == SPROUT_OK) {
        d->health_stale = false;
    }
}

static void put_journal(const struct sprout_daemon *d, struct sprout_snapshot *out)
{
    out->journal_trouble = "";
    out->lag_bytes = -1;
    out->following = d->ingest != NULL;
    if (d->ingest == NULL) {
        return;
    }
    const struct sprout_journal *const j = sprout_ingest_journal(d->ingest);
    out->position = sprout_journal_position(j);
    out->journal = sprout_journal_counts(j);
    out->journal_trouble = sprout_journal_trouble(j);
    out->lag_bytes = sprout_journal_lag(j);
    out->ingest = sprout_ingest_counts(d->ingest);
    out->telemetry = sprout_ingest_telemetry(d->ingest);
}

void sprout_daemon_snapshot(struct sprout_daemon *d, sprout_instant wall,
                            struct sprout_snapshot *out)
{
    refresh_health(d);
    sprout_daemon_feedback_refresh(d);
    *out = (struct sprout_snapshot){
        .feedback = &d->feedback,
        .signs = d->signs,
        .withdrawn = d->withdrawn,
        .now = wall,
        .started = d->started,
        .pid = (int)getpid(),
        .dir = d->config->dir,
        .upstream = d->config->upstream,
        .listen = d->config->listen,
        .policy = d->policy,
        .why = d->why,
        .plans = d->plans,
        .plan_errors = d->plan_errors,
        .plan_error = d->plan_error,
        .ledger_open = d->store != NULL,
        .ledger_error = d->ledger_error,
        .ledger_errors = d->ledger_errors,
        .health = d->health,
        .groups = d->groups,
    };
    sprout_daemon_evaluate_snapshot(d, &out->evaluation);
    sprout_daemon_grid_snapshot(d, wall, out);
    memcpy(out->group, d->group, d->groups * sizeof d->group[0]);
    put_journal(d, out);
    sprout_daemon_meter_snapshot(d, out);
}
