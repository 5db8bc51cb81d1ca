/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_sweep.c - texts that nobody will ask for again are deleted; see evaluator.h.
 *
 * Whoever makes a run holds evaluator.making, shared, until its row says "open"; the kernel
 * lets go of it when the maker is killed.  Who can take it alone therefore knows that every
 * run still "making" was abandoned.  Open runs are touched only under evaluator.lock, so
 * never while somebody works on them: who works looks at the clock itself.
 * A folder without a run in the ledger is of a ledger that was deleted.
 * A bounded number of runs a call; the next call goes on. */
#include "control/evaluator_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "adapt/log.h"
#include "adapt/spool.h"

enum { LOCK_MODE = 0600, RUNS_MAX = 64, RECENT_RUNS = 1000 };

int sprout_evaluator_lock(const char *dir, const char *name, int how)
{
    char path[SPROUT_EVALUATOR_PATH_MAX];

    snprintf(path, sizeof path, "%.4000s/%s", dir, name);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (fd >= 0 && flock(fd, how) != 0) {
        const int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

bool sprout_evaluator_kept_too_long(struct sprout_str source, sprout_instant created,
                                    int64_t keep_s, sprout_instant now)
{
    return sprout_str_eq(source, SPROUT_STR("sample")) && keep_s > 0 &&
           (now.ns - created.ns) / SPROUT_NS_PER_SECOND >= keep_s;
}

/* ---- runs of the ledger ---------------------------------------------------------------- */

struct sweeping {
    struct sprout_store *store;
    const char *dir;
    sprout_instant now;
    int64_t keep_s;
    bool makers_gone; /* no run is being made now */
    bool idle;        /* no run is being worked on now */
    int64_t killed[RUNS_MAX], old[RUNS_MAX];
    size_t killed_count, old_count;
};

static void take_run(void *ctx, const struct sprout_store_evaluation *e)
{
    struct sweeping *const s = ctx;

    if (sprout_str_eq(e->state, SPROUT_STR("making")) && s->makers_gone &&
        s->killed_count < RUNS_MAX) {
        s->killed[s->killed_count++] = e->id;
    }
    if (sprout_str_eq(e->state, SPROUT_STR("open")) && s->idle &&
        s->old_count < RUNS_MAX &&
        sprout_evaluator_kept_too_long(e->source, e->created, s->keep_s, s->now)) {
        s->old[s->old_count++] = e->id;
    }
}

static void drop(const struct sweeping *s, int64_t run, const char *why)
{
    struct sprout_error err = {.message = ""};

    if (sprout_evaluator_drop(s->store, s->dir, run, why, &err) != SPROUT_OK) {
        sprout_log_warn("sweep-trouble", "%s", err.message);
    }
}

static void sweep_runs(struct sweeping *s)
{
    struct sprout_error err = {.message = ""};

    if (sprout_store_evaluations(s->store, RECENT_RUNS, take_run, s, &err) != SPROUT_OK) {
        sprout_log_warn("sweep-trouble", "%s", err.message);
        return;
    }
    for (size_t i = 0; i < s->killed_count; i++) {
        drop(s, s->killed[i], "who made it was killed; begin another one");
    }
    for (size_t i = 0; i < s->old_count; i++) {
        drop(s, s->old[i], SPROUT_EVALUATOR_KEPT_TOO_LONG);
    }
}

/* ---- folders --------------------------------------------------------------------------- */

static void take_needed(void *ctx, const struct sprout_store_evaluation *e)
{
    *(bool *)ctx = sprout_str_eq(e->state, SPROUT_STR("open")) ||
                   sprout_str_eq(e->state, SPROUT_STR("making"));
}

/* -1: not the folder of a run. */
static int64_t run_of(const char *name)
{
    const struct sprout_str head = SPROUT_STR("run-"), s = sprout_str_of(name);
    const struct sprout_str digits = {s.ptr + head.len, s.len - head.len};
    int64_t run = -1;

    return sprout_str_starts(s, head) && sprout_str_to_i64(digits, &run) == SPROUT_OK
               ? run
               : -1;
}

static void sweep_folders(const struct sweeping *s)
{
    char path[SPROUT_EVALUATOR_PATH_MAX];
    const struct dirent *entry;

    snprintf(path, sizeof path, "%.4000s/%s", s->dir, SPROUT_PATH_SPOOL);
    DIR *const spool = opendir(path);
    while (spool != NULL && (entry = readdir(spool)) != NULL) {
        const int64_t run = run_of(entry->d_name);
        bool needed = false;
        if (run < 0) {
            continue;
        }
        const enum sprout_status status =
            sprout_store_evaluation(s->store, run, take_needed, &needed, NULL);
        if (status == SPROUT_NOT_FOUND || (status == SPROUT_OK && !needed)) {
            sprout_spool_drop_run(s->dir, run);
        }
    }
    if (spool != NULL) {
        closedir(spool);
    }
}

void sprout_evaluator_sweep(struct sprout_store *store, const char *dir, int64_t keep_s,
                            sprout_instant now)
{
    const int making =
        sprout_evaluator_lock(dir, SPROUT_EVALUATOR_MAKING, LOCK_EX | LOCK_NB);
    const int working =
        sprout_evaluator_lock(dir, SPROUT_EVALUATOR_WORKING, LOCK_EX | LOCK_NB);
    struct sweeping s = {.store = store,
                         .dir = dir,
                         .now = now,
                         .keep_s = keep_s,
                         .makers_gone = making >= 0,
                         .idle = working >= 0};

    sweep_runs(&s);
    sweep_folders(&s);
    if (working >= 0) {
        close(working);
    }
    if (making >= 0) {
        close(making);
    }
}
