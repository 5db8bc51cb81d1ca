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
#include "adapt/prompts_file.h"
#include "adapt/sample.h"
#include "control/daemon.h"
#include "control/evaluator.h"

enum {
    PATH_TEXT = 4096,
    NAP_MS = 100,
    NAPS_A_LOOK = 10,
    LOOKS_A_SWEEP = 20,
    NS_PER_MS = 1000000
};

struct sprout_evaluator_thread {
    pthread_t thread;
    atomic_bool stop;
    atomic_llong ended;
    atomic_llong sample_cap, sample_keep_s;
    atomic_bool wished; /* true: `wish` is the thread's, false: the loop's */
    struct sprout_evaluator_wish wish;
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

static enum sprout_status make_run(struct sprout_evaluator_thread *t,
                                   struct sprout_store *store, struct sprout_error *err)
{
    const struct sprout_evaluator_wish *const w = &t->wish;
    const bool from_file = w->prompts[0] != '\0';
    const struct sprout_evaluator_plan plan = {
        .source = from_file ? "prompts" : "sample",
        .upstream = w->upstream,
        .judge_url = w->judge_url,
        .judge_model = w->judge_model,
        .judge_key_file = w->judge_key_file,
        .judge_key_env = w->judge_key_env,
        .rubric_file = w->rubric_file,
        .form = (enum sprout_judge_form)w->form,
        .judge_max_tokens = w->judge_max_tokens,
        .concurrency = (int)w->concurrency,
        .n = w->n,
    };
    struct sprout_evaluator_made made;
    struct sprout_chat *chats = NULL;
    size_t count = 0;
    enum sprout_status status =
        from_file
            ? sprout_prompts_file_load(w->prompts, NULL, SPROUT_EVALUATOR_ITEMS_MAX,
                                       &chats, &count, err)
            : sprout_sample_take(t->dir, SPROUT_EVALUATOR_ITEMS_MAX, &chats, &count, err);

    if (status == SPROUT_OK && count > 0) {
        status = sprout_evaluator_prepare(store, t->dir, &plan, chats, count,
                                          sprout_clock_wall(), &made, err);
    }
    sprout_prompts_file_free(chats, count);
    return status;
}

/* What the loop wished for, where nothing is under way. */
static void grant(struct sprout_evaluator_thread *t, struct sprout_store *store)
{
    struct sprout_error err = {.message = ""};
    int64_t open = 0;

    if (!atomic_load(&t->wished)) {
        return;
    }
    if (sprout_store_open_evaluation(store, &open, NULL) == SPROUT_NOT_FOUND &&
        make_run(t, store, &err) != SPROUT_OK) {
        sprout_log_warn("evaluation-not-begun", "%s", err.message);
    }
    atomic_store(&t->wished, false);
}

void sprout_evaluator_thread_wish(struct sprout_evaluator_thread *t,
                                  const struct sprout_evaluator_wish *wish)
{
    if (t != NULL && !atomic_load(&t->wished)) {
        t->wish = *wish;
        atomic_store(&t->wished, true);
    }
}

/* Works on the oldest open run, if there is one. */
static void look(struct sprout_evaluator_thread *t, struct sprout_store *store)
{
    struct sprout_error err = {.message = ""};
    const struct sprout_evaluator_opts opts = {
        .dir = t->dir, .stop = &t->stop, .keep_s = atomic_load(&t->sample_keep_s)};
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
    int64_t looks = 0;

    sprout_sample_clean(t->dir);
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
            if (looks++ % LOOKS_A_SWEEP == 0) {
                sprout_evaluator_sweep(store, t->dir, atomic_load(&t->sample_keep_s),
                                       sprout_clock_wall());
            }
            grant(t, store);
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
