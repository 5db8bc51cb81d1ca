/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_thread.c - see evaluator_thread.h. */
#include "control/evaluator_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapt/clock.h"
#include "adapt/log.h"
#include "adapt/sample.h"
#include "control/daemon.h"
#include "control/evaluator.h"

enum { PATH_TEXT = 4096, NAP_MS = 100, NAPS_A_LOOK = 10, NS_PER_MS = 1000000 };

struct sprout_evaluator_thread {
    pthread_t thread;
    atomic_bool stop;
    atomic_llong ended;
    atomic_llong sample_cap, sample_keep_s;
    char dir[PATH_TEXT];
};

/* A second, or until it is told to stop. */
static void rest(struct sprout_evaluator_thread *t)
{
    const struct timespec nap = {0, (long)NAP_MS * NS_PER_MS};
    for (int i = 0; i < NAPS_A_LOOK && !atomic_load(&t->stop); i++) {
        nanosleep(&nap, NULL);
    }
}

/* Sampled prompts age, whether anyone judges them or not. */
static void collect(const struct sprout_evaluator_thread *t)
{
    struct sprout_error err = {.message = ""};
    const sprout_span keep = sprout_span_seconds(atomic_load(&t->sample_keep_s));

    if (sprout_sample_collect(t->dir, sprout_clock_wall(), atomic_load(&t->sample_cap),
                              keep, &err) != SPROUT_OK) {
        sprout_log_warn("sample-trouble", "%s", err.message);
    }
}

/* Works on the oldest open run, if there is one. */
static void look(struct sprout_evaluator_thread *t, struct sprout_store *store)
{
    struct sprout_error err = {.message = ""};
    const struct sprout_evaluator_opts opts = {.dir = t->dir, .stop = &t->stop};
    int64_t run = 0;

    if (sprout_store_open_evaluation(store, &run, NULL) != SPROUT_OK) {
        return;
    }
    const enum sprout_status status = sprout_evaluator_run(store, run, &opts, &err);
    if (status == SPROUT_OK) {
        sprout_log_info("evaluation-done", "evaluation %lld", (long long)run);
        atomic_fetch_add(&t->ended, 1);
    } else if (status != SPROUT_BUSY && !atomic_load(&t->stop)) {
        sprout_log_error("evaluation-stuck", "evaluation %lld: %s", (long long)run,
                         err.message);
    }
}

static void *work(void *ctx)
{
    struct sprout_evaluator_thread *const t = ctx;
    char path[PATH_TEXT];
    struct sprout_store *store = NULL;
    sigset_t all;

    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    snprintf(path, sizeof path, "%.4000s/%s", t->dir, SPROUT_PATH_LEDGER);
    while (!atomic_load(&t->stop)) {
        /* The loop makes the ledger; until it is there, there is nothing to do. */
        if (store == NULL &&
            sprout_store_open(path, SPROUT_STORE_SHARE, &store, NULL) != SPROUT_OK) {
            store = NULL;
        }
        collect(t);
        if (store != NULL) {
            look(t, store);
        }
        rest(t);
    }
    sprout_store_close(store);
    return NULL;
}

enum sprout_status sprout_evaluator_thread_start(const char *dir, int64_t cap,
                                                 int64_t keep_s,
                                                 struct sprout_evaluator_thread **out,
                                                 struct sprout_error *err)
{
    struct sprout_evaluator_thread *const t = calloc(1, sizeof *t);

    if (t == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the evaluator");
    }
    snprintf(t->dir, sizeof t->dir, "%s", dir);
    sprout_evaluator_thread_sample(t, cap, keep_s);
    if (pthread_create(&t->thread, NULL, work, t) != 0) {
        free(t);
        return sprout_fail(err, SPROUT_NO_MEMORY, "no thread for the evaluator");
    }
    *out = t;
    return SPROUT_OK;
}

void sprout_evaluator_thread_stop(struct sprout_evaluator_thread *t)
{
    if (t == NULL) {
        return;
    }
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
    free(t);
}

void sprout_evaluator_thread_sample(struct sprout_evaluator_thread *t, int64_t cap,
                                    int64_t keep_s)
{
    atomic_store(&t->sample_cap, cap);
    atomic_store(&t->sample_keep_s, keep_s);
}

int64_t sprout_evaluator_thread_ended(const struct sprout_evaluator_thread *t)
{
    return t == NULL ? 0 : (int64_t)atomic_load(&t->ended);
}
