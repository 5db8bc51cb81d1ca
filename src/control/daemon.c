/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - the loop, its clockwork and its signals.  See daemon.h.
 *
 * A turn samples the clocks once.  Everything in it is bounded: a few batches of journal
 * lines, one grid value, one plan, one step of retention; so the admin API answers within
 * a fraction of a second whatever the journal holds.
 * Not here: the ledger's and planner's part of a turn (daemon_work.c). */
#include "control/daemon_work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/file.h"
#include "adapt/log.h"
#include "control/address.h"
#include "control/api.h"

enum {
    TICK_MS = 100, /* a journal that grows is looked at this often */
    BATCHES_PER_TURN = 4,
    DIR_MODE = 0700,
    PID_MODE = 0644,
    PID_TEXT = 32,
};

struct loop {
    struct sprout_daemon work;
    const struct sprout_daemon_opts *opts;
    struct sprout_api *api;
    int signal_fd;
    int lock_fd;
    bool stop;
};

/* ---- the folder ------------------------------------------------------------------------ */

static enum sprout_status make_dir(const char *dir, struct sprout_error *err)
{
    struct stat st;

    if (mkdir(dir, DIR_MODE) == 0 || (errno == EEXIST && stat(dir, &st) == 0)) {
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_IO, "cannot make the folder %s: %s", dir,
                       strerror(errno));
}

/* The lock is the kernel's, on the pid file: whoever is killed lets go of it. */
static enum sprout_status lock_dir(struct loop *l, const char *dir,
                                   struct sprout_error *err)
{
    char path[SPROUT_DAEMON_PATH_MAX], pid[PID_TEXT];

    enum sprout_status status = sprout_daemon_path(dir, SPROUT_PATH_PID, path, err);
    if (status != SPROUT_OK) {
        return status;
    }
    l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, PID_MODE);
    if (l->lock_fd < 0) {
        return sprout_fail(err, SPROUT_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        const ssize_t n = read(l->lock_fd, pid, sizeof pid - 1);
        pid[n > 0 ? n : 0] = '\0';
        return sprout_fail(err, SPROUT_BUSY,
                           "another control (pid %.*s) works in %s: stop it, or choose "
                           "another --dir",
                           (int)strcspn(pid, "\n"), pid, dir);
    }
    const int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(l->lock_fd, 0) != 0 || write(l->lock_fd, pid, (size_t)n) != n) {
        /* A full disk: the lock holds all the same, only nobody can read the pid. */
        sprout_log_warn("pid-file", "cannot write %s: %s", path, strerror(errno));
    }
    return SPROUT_OK;
}

/* ---- signals --------------------------------------------------------------------------- */

static enum sprout_status open_signals(struct loop *l, struct sprout_error *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        return sprout_fail(err, SPROUT_IO, "no signals: %s", strerror(errno));
    }
    return SPROUT_OK;
}

/* A new configuration in place of the old one, or nothing changes.  The folder and the
 * admin address belong to the process and stay. */
static void reload(struct loop *l, sprout_instant wall)
{
    struct sprout_error err = {.message = ""};
    struct sprout_config *next = NULL;
    enum sprout_status status = l->opts->load(l->opts->load_ctx, &next, &err);

    if (status == SPROUT_OK && strcmp(next->dir, l->work.config->dir) != 0) {
        status = sprout_fail(&err, SPROUT_CONFIG,
                             "dir cannot change from %s to %s while control runs",
                             l->work.config->dir, next->dir);
    }
    if (status == SPROUT_OK) {
        status = sprout_daemon_use(&l->work, next, wall, &err);
    }
    if (status != SPROUT_OK) {
        sprout_config_free(next);
        sprout_log_error("reload-refused", "the configuration stays as it was: %s",
                         err.message);
        return;
    }
    sprout_log_info("reloaded", "the new configuration is in force");
}

static void take_signals(struct loop *l, sprout_instant wall)
{
    struct signalfd_siginfo info;

    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload(l, wall);
        } else {
            l->stop = true;
        }
    }
}

/* ---- the admin API --------------------------------------------------------------------- */

static void snapshot(void *ctx, struct sprout_snapshot *out)
{
    struct loop *const l = ctx;
    sprout_daemon_snapshot(&l->work, sprout_clock_wall(), out);
    out->admin = sprout_api_address(l->api);
}

static enum sprout_status take_feedback(void *ctx, struct sprout_str body,
                                        struct sprout_buf *answer,
                                        struct sprout_error *err)
{
    struct loop *const l = ctx;
    return sprout_daemon_feedback(&l->work, body, sprout_clock_wall(), answer, err);
}

static enum sprout_status open_api(struct loop *l, struct sprout_error *err)
{
    char path[SPROUT_DAEMON_PATH_MAX], line[SPROUT_ADDRESS_TEXT + 1];
    const struct sprout_config *const c = l->work.config;
    enum sprout_status status = sprout_api_new(c->admin, snapshot, l, &l->api, err);

    if (status == SPROUT_OK) {
        sprout_api_on_feedback(l->api, take_feedback);
        status = sprout_daemon_path(c->dir, SPROUT_PATH_ADMIN, path, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    const int n = snprintf(line, sizeof line, "%s\n", sprout_api_address(l->api));
    struct sprout_error why;
    if (sprout_file_write(path, (struct sprout_str){line, (size_t)n}, PID_MODE, &why) !=
        SPROUT_OK) {
        sprout_log_warn("address-file", "%s", why.message);
    }
    return SPROUT_OK;
}

/* ---- the loop -------------------------------------------------------------------------- */

static void turn(struct loop *l)
{
    struct pollfd fds[] = {{.fd = l->signal_fd, .events = POLLIN},
                           {.fd = sprout_api_fd(l->api), .events = POLLIN}};
    const int wait_ms = l->work.busy ? 0 : sprout_api_timeout_ms(l->api, TICK_MS);

    (void)poll(fds, sizeof fds / sizeof fds[0], wait_ms);
    const sprout_mono mono = sprout_clock_mono();
    const sprout_instant wall = sprout_clock_wall();
    take_signals(l, wall);
    sprout_api_run(l->api);
    sprout_daemon_ledger(&l->work, mono, wall, BATCHES_PER_TURN);
    sprout_daemon_grid(&l->work, wall);
    sprout_daemon_evaluate(&l->work, wall);
    sprout_daemon_feedback_turn(&l->work, mono, wall);
    sprout_daemon_plan(&l->work, mono, wall);
    sprout_daemon_learn_turn(&l->work, mono);
    sprout_daemon_backfill(&l->work, mono, wall);
    sprout_daemon_retain(&l->work, mono, wall);
}

/* What nginx wrote until now, so that a clean stop leaves nothing for the next start. */
static void drain(struct loop *l)
{
    l->work.stopping = true;
    sprout_daemon_meter_stop(&l->work);
    do {
        sprout_daemon_ledger(&l->work, sprout_clock_mono(), sprout_clock_wall(),
                             BATCHES_PER_TURN);
    } while (l->work.busy);
}

static enum sprout_status start(struct loop *l, struct sprout_error *err)
{
    struct sprout_config *config = NULL;
    const sprout_instant wall = sprout_clock_wall();
    enum sprout_status status = l->opts->load(l->opts->load_ctx, &config, err);

    if (status != SPROUT_OK) {
        return status;
    }
    l->work.started = wall;
    l->work.epoch = l->opts->epoch.ns == 0 ? wall : l->opts->epoch;
    status = make_dir(config->dir, err);
    if (status == SPROUT_OK) {
        status = lock_dir(l, config->dir, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_daemon_use(&l->work, config, wall, err);
    }
    if (status != SPROUT_OK) {
        sprout_config_free(config);
        return status;
    }
    status = open_signals(l, err);
    if (status == SPROUT_OK) { /* after the signals are blocked: its thread has none */
        status = sprout_daemon_evaluator_start(&l->work, err);
    }
    return status == SPROUT_OK ? open_api(l, err) : status;
}

enum sprout_status sprout_daemon_run(const struct sprout_daemon_opts *opts,
                                     struct sprout_error *err)
{
    struct loop *const l = calloc(1, sizeof *l);
    if (l == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the daemon");
    }
    l->opts = opts;
    l->signal_fd = l->lock_fd = -1;
    l->work.feedback_new = true; /* the ledger may hold some */
    const enum sprout_status status = start(l, err);
    if (status == SPROUT_OK) {
        sprout_log_info("control-started", "dir %s, admin %s", l->work.config->dir,
                        sprout_api_address(l->api));
        while (!l->stop) {
            turn(l);
        }
        sprout_evaluator_thread_stop(l->work.evaluator);
        l->work.evaluator = NULL;
        drain(l);
        sprout_log_info("control-stopped", "asked to stop");
    }
    sprout_api_free(l->api);
    sprout_evaluator_thread_stop(l->work.evaluator);
    sprout_daemon_close(&l->work);
    if (l->signal_fd >= 0) {
        close(l->signal_fd);
    }
    if (l->lock_fd >= 0) {
        close(l->lock_fd);
    }
    free(l);
    return status;
}
