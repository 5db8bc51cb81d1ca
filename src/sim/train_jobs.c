/* SPDX-License-Identifier: Apache-2.0 */
/* train_jobs.c - independent jobs on a few threads; results do not depend on how many.
 *
 * Threads share one counter: who takes a job runs it.  The mutex guards `next` and `done`;
 * nothing is called while it is held.  A thread that cannot be started is done without. */
#include <pthread.h>
#include <stdlib.h>

#include "sim/train_inner.h"

enum { THREADS_MAX = 8 };

struct pool {
    const struct train_jobs *jobs;
    enum sprout_status *status; /* per job */
    pthread_mutex_t mutex;
    int next;
    int done;
};

/* The next job, or -1; `finished` more are done, of which *out_done says the sum. */
static int take(struct pool *p, int finished, int *out_done)
{
    pthread_mutex_lock(&p->mutex);
    const int job = p->next < p->jobs->count ? p->next++ : -1;
    p->done += finished;
    *out_done = p->done;
    pthread_mutex_unlock(&p->mutex);
    return job;
}

static void work(struct pool *p, bool tell)
{
    int done;
    for (int job = take(p, 0, &done); job >= 0; job = take(p, 1, &done)) {
        if (tell && p->jobs->progress != NULL) {
            p->jobs->progress(p->jobs->progress_ctx, done);
        }
        p->status[job] = p->jobs->run(p->jobs->ctx, job);
    }
}

static void *help(void *ctx)
{
    work(ctx, false);
    return NULL;
}

enum sprout_status sprout_train_jobs_run(const struct train_jobs *j)
{
    struct pool p = {.jobs = j, .mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread[THREADS_MAX];
    int started = 0;
    p.status = calloc((size_t)j->count + 1, sizeof *p.status);
    if (p.status == NULL) {
        return SPROUT_NO_MEMORY;
    }
    while (started + 1 < j->threads && started < THREADS_MAX &&
           pthread_create(&thread[started], NULL, help, &p) == 0) {
        started++;
    }
    work(&p, true);
    for (int t = 0; t < started; t++) {
        pthread_join(thread[t], NULL);
    }
    if (j->progress != NULL) {
        j->progress(j->progress_ctx, j->count);
    }
    enum sprout_status st = SPROUT_OK;
    for (int i = 0; st == SPROUT_OK && i < j->count; i++) {
        st = p.status[i];
    }
    free(p.status);
    return st;
}
