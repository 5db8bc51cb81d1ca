/* SPDX-License-Identifier: Apache-2.0 */
/* supervise.h - nginx and control together, private to a folder: what `sprout up` runs.
 *
 *        sprout up (this process: starts, watches, stops; touches no request)
 *         |-- nginx: master and workers      own process group
 *         '-- sprout control                 own process group
 *
 * Each child may die at any moment without the other noticing.  Control is started again at
 * once, then ever more slowly, for serving does not need it; nginx is started again too, but
 * if it keeps dying everything stops with its last words.  When nginx's master is killed its
 * workers would hold the port: they are told to finish, then a new master takes over.
 * When this process is killed, the kernel tells both children to stop.
 * The admin address and the replay's beginning are fixed here, so that a control that was
 * started again is found where it was and the grid's clock does not jump.
 * Writes nginx.conf (at the start and at SIGHUP) into the folder; nginx writes nginx.pid,
 * control writes control.pid. */
#ifndef SPROUT_CONTROL_SUPERVISE_H
#define SPROUT_CONTROL_SUPERVISE_H

#include "control/daemon.h"

enum { SPROUT_SUPERVISE_ARGS_MAX = 32 };

/* What is told once, when nginx accepts and control is ready. */
struct sprout_supervise_ready {
    const char *listen; /* ADDR:PORT */
    const char *admin;  /* ADDR:PORT or unix:PATH */
    const char *dir;    /* absolute */
    int pid;            /* of this process */
};

typedef void sprout_supervise_ready_fn(void *ctx,
                                       const struct sprout_supervise_ready *ready);

struct sprout_supervise_opts {
    sprout_daemon_load_fn *load;
    void *load_ctx;
    /* Arguments for `sprout control`, ended by NULL: those that load the same
     * configuration.  --dir, --admin and --epoch are added. */
    const char *const *control_args;
    sprout_supervise_ready_fn *ready;
    void *ready_ctx;
};

/* Until SIGINT or SIGTERM (SPROUT_OK), or until it cannot go on: SPROUT_CONFIG, SPROUT_BUSY
 * (folder or port taken), SPROUT_NOT_FOUND (nginx or the module), SPROUT_UNAVAILABLE (a
 * child that keeps dying). */
SPROUT_MUST_USE enum sprout_status sprout_supervise_run(
    const struct sprout_supervise_opts *opts, struct sprout_error *err);

#endif
