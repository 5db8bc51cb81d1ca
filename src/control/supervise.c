/* SPDX-License-Identifier: Apache-2.0 */
/* supervise.c - see supervise.h.
 *
 *   CONTROL --ready--> NGINX --accepts--> RUNNING
 *      |                 |                  |  a child died: start it again
 *      |                 |                  |  SIGHUP: nginx.conf anew, both told
 *      +----- stop asked, or it cannot go on +
 *                        v
 *                  STOP_NGINX (finish, then end, then kill)
 *                        v
 *                  STOP_CONTROL (after nginx, so that the last lines are counted) --> DONE
 *
 * One function per phase looks at the world and returns the next phase. */
#include "control/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/file.h"
#include "adapt/http_get.h"
#include "adapt/log.h"
#include "adapt/sample.h"
#include "control/address.h"
#include "control/daemon_work.h"
#include "control/nginx_conf.h"
#include "control/supervise_child.h"

enum phase {
    PHASE_CONTROL = 0,
    PHASE_NGINX,
    PHASE_RUNNING,
    PHASE_STOP_NGINX,
    PHASE_STOP_CONTROL,
    PHASE_DONE,
};

enum {
    START_SECONDS = 30,   /* for each of control and nginx to be there */
    FINISH_SECONDS = 5,   /* nginx, for the replies in flight */
    END_SECONDS = 2,      /* after that, for a quick end */
    CONTROL_SECONDS = 10, /* for the rest of the journal */
    NGINX_DEATHS_MAX = 5,
    FAST_TICK_MS = 15,
    SLOW_TICK_MS = 500,
    DIR_MODE = 0700,
    CONF_MODE = 0644,
    READY_ANSWER = 1024,
    LOG_TAIL = 400,
};

struct supervisor {
    const struct sprout_supervise_opts *opts;
    struct sprout_config *config; /* owned */
    char dir[PATH_MAX];           /* absolute */
    char module[PATH_MAX];
    char listen[SPROUT_ADDRESS_TEXT];
    char admin[SPROUT_ADDRESS_TEXT];
    char epoch[32];
    char answer[READY_ANSWER]; /* the last one of /readyz */
    struct sprout_child control;
    struct sprout_child nginx;
    int signal_fd;
    int lock_fd;
    bool stop;   /* asked to, or nothing else is possible */
    bool hurry;  /* asked twice */
    bool reload; /* asked to */
    bool told;   /* the phase's own first step is done */
    sprout_mono now;
    sprout_mono deadline; /* of the phase */
    enum sprout_status result;
    struct sprout_error *err;
};

static void path_in_dir(const struct supervisor *s, const char *name, char *out)
{
    snprintf(out, PATH_MAX, "%.3900s/%s", s->dir, name);
}

static enum phase give_up(struct supervisor *s, enum sprout_status status)
{
    s->result = status;
    s->stop = true;
    return PHASE_STOP_NGINX;
}

/* ---- before anything runs -------------------------------------------------------------- */

static enum sprout_status take_dir(struct supervisor *s, struct sprout_error *err)
{
    char path[PATH_MAX];

    if (mkdir(s->config->dir, DIR_MODE) != 0 && errno != EEXIST) {
        return sprout_fail(err, SPROUT_IO, "cannot make the folder %s: %s",
                           s->config->dir, strerror(errno));
    }
    if (realpath(s->config->dir, s->dir) == NULL) {
        return sprout_fail(err, SPROUT_IO, "cannot find the folder %s: %s",
                           s->config->dir, strerror(errno));
    }
    path_in_dir(s, "up.lock", path);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, CONF_MODE);
    if (s->lock_fd < 0) {
        return sprout_fail(err, SPROUT_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return sprout_fail(err, SPROUT_BUSY,
                           "another 'sprout up' works in %s: stop it, or choose another "
                           "--dir",
                           s->dir);
    }
    return SPROUT_OK;
}

/* The address with its port chosen; it is free at this moment, and taken by the child a
 * little later. */
static enum sprout_status claim(const char *text, char *out, struct sprout_error *err)
{
    struct sprout_address where;
    int fd;
    const enum sprout_status status = sprout_address_listen(text, &fd, &where, err);

    if (status != SPROUT_OK) {
        return status;
    }
    if (!sprout_address_text(&where, out)) {
        snprintf(out, SPROUT_ADDRESS_TEXT, "%s", text);
    }
    close(fd);
    return SPROUT_OK;
}

static enum sprout_status claim_addresses(struct supervisor *s, struct sprout_error *err)
{
    const struct sprout_config *const c = s->config;

    if (sprout_str_starts(sprout_str_of(c->admin), SPROUT_STR("unix:"))) {
        snprintf(s->admin, sizeof s->admin, "%s", c->admin);
        return claim(c->listen, s->listen, err);
    }
    const enum sprout_status status = claim(c->admin, s->admin, err);
    return status == SPROUT_OK ? claim(c->listen, s->listen, err) : status;
}

static enum sprout_status write_nginx_conf(const struct supervisor *s,
                                           const struct sprout_config *config,
                                           struct sprout_error *err)
{
    char text[SPROUT_NGINX_CONF_MAX], path[PATH_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    const struct sprout_nginx_opts opts = {
        .config = config,
        .dir = s->dir,
        .listen = s->listen,
        .module = s->module,
        .user = geteuid() == 0 ? "root" : NULL,
    };
    enum sprout_status status = sprout_nginx_conf_put(&b, &opts, err);
    if (status == SPROUT_OK && config->evaluation.sample.rate > 0) {
        status = sprout_sample_prepare(s->dir, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    path_in_dir(s, "nginx.conf", path);
    return sprout_file_write(path, sprout_buf_str(&b), CONF_MODE, err);
}

static enum sprout_status load(struct supervisor *s, struct sprout_config **out,
                               struct sprout_error *err)
{
    struct sprout_config *config = NULL;
    const enum sprout_status status = s->opts->load(s->opts->load_ctx, &config, err);

    if (status == SPROUT_OK && config->upstream[0] == '\0') {
        sprout_config_free(config);
        return sprout_fail(
            err, SPROUT_CONFIG,
            "no upstream: give --upstream http://HOST:PORT, or 'upstream:' "
            "in sprout.yaml");
    }
    if (status == SPROUT_OK) {
        *out = config;
    }
    return status;
}

static enum sprout_status prepare(struct supervisor *s, struct sprout_error *err)
{
    sigset_t set;
    enum sprout_status status = load(s, &s->config, err);

    if (status == SPROUT_OK) {
        status = sprout_nginx_module_find(s->module, sizeof s->module, err);
    }
    if (status == SPROUT_OK) {
        status = take_dir(s, err);
    }
    if (status == SPROUT_OK) {
        status = claim_addresses(s, err);
    }
    if (status == SPROUT_OK) {
        status = write_nginx_conf(s, s->config, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    snprintf(s->epoch, sizeof s->epoch, "%lld", (long long)sprout_clock_wall().ns);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN); /* whoever reads our events may leave */
    /* Workers that outlive their master become ours, so that they can be waited for. */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
        (s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        return sprout_fail(err, SPROUT_IO, "no signals: %s", strerror(errno));
    }
    return SPROUT_OK;
}

/* ---- children -------------------------------------------------------------------------- */

static enum sprout_status start_control(struct supervisor *s)
{
    union { /* execv does not write through them */
        const char *in[SPROUT_SUPERVISE_ARGS_MAX + 10];
        char *out[SPROUT_SUPERVISE_ARGS_MAX + 10];
    } argv;
    size_t n = 0;

    argv.in[n++] = "sprout";
    argv.in[n++] = "control";
    for (const char *const *a = s->opts->control_args;
         *a != NULL && n < SPROUT_SUPERVISE_ARGS_MAX; a++) {
        argv.in[n++] = *a;
    }
    argv.in[n++] = "--dir";
    argv.in[n++] = s->dir;
    argv.in[n++] = "--listen"; /* the port that was chosen, for its status */
    argv.in[n++] = s->listen;
    argv.in[n++] = "--admin";
    argv.in[n++] = s->admin;
    argv.in[n++] = "--epoch";
    argv.in[n++] = s->epoch;
    argv.in[n] = NULL;
    return sprout_child_start(&s->control, "/proc/self/exe", argv.out, s->now, s->err);
}

static enum sprout_status start_nginx(struct supervisor *s)
{
    char conf[PATH_MAX], log[PATH_MAX];
    char name[] = "nginx", p[] = "-p", c[] = "-c", e[] = "-e";

    path_in_dir(s, "nginx.conf", conf);
    path_in_dir(s, "error.log", log);
    char *const argv[] = {name, p, s->dir, c, conf, e, log, NULL};
    return sprout_child_start(&s->nginx, "nginx", argv, s->now, s->err);
}

/* The end of nginx's error log, for whoever must find out why it does not start. */
static void error_log_tail(const struct supervisor *s, char *out, size_t cap)
{
    char path[PATH_MAX];

    out[0] = '\0';
    path_in_dir(s, "error.log", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return;
    }
    const off_t from = st.st_size > (off_t)cap - 1 ? st.st_size - (off_t)cap + 1 : 0;
    const ssize_t n = pread(fd, out, cap - 1, from);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    /* The last whole line. */
    size_t len = strlen(out);
    while (len > 0 && out[len - 1] == '\n') {
        out[--len] = '\0';
    }
    const char *const lf = strrchr(out, '\n');
    if (lf != NULL) {
        memmove(out, lf + 1, strlen(lf + 1) + 1);
    }
}

static enum phase nginx_keeps_dying(struct supervisor *s)
{
    char words[80], tail[LOG_TAIL];

    sprout_child_last_words(&s->nginx, words, sizeof words);
    error_log_tail(s, tail, sizeof tail);
    return give_up(s,
                   sprout_fail(s->err, SPROUT_UNAVAILABLE, "nginx stopped (%s): %.250s",
                               words, tail[0] != '\0' ? tail : "no word in error.log"));
}

static void reap(struct supervisor *s)
{
    char words[80];
    int exit_status;
    pid_t pid;

    while ((pid = waitpid(-1, &exit_status, WNOHANG)) > 0) {
        const bool was_nginx = sprout_child_died(&s->nginx, pid, exit_status, s->now);
        struct sprout_child *const c = was_nginx ? &s->nginx : &s->control;
        if (!was_nginx && !sprout_child_died(&s->control, pid, exit_status, s->now)) {
            continue; /* a worker of an nginx that is gone */
        }
        if (was_nginx) {
            /* Its workers, if any live, hold the port: finish what you have, and go. */
            sprout_child_signal_group(&s->nginx, SIGQUIT);
        }
        if (!s->stop) {
            sprout_child_last_words(c, words, sizeof words);
            sprout_log_warn("child-stopped", "%s: %s", c->name, words);
        }
    }
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            s->reload = true;
        } else if (info.ssi_signo != SIGCHLD) {
            s->hurry = s->stop;
            s->stop = true;
        }
    }
    reap(s); /* one SIGCHLD may stand for several */
}

/* ---- phases ---------------------------------------------------------------------------- */

/* Keeps the answer, for the message when it never becomes a yes. */
static bool control_is_ready(struct supervisor *s)
{
    struct sprout_buf b = sprout_buf_of(s->answer, sizeof s->answer - 1);
    int code = 0;
    const enum sprout_status status =
        sprout_http_get(s->admin, "/readyz", sprout_span_seconds(1), &b, &code, NULL);

    s->answer[b.len] = '\0';
    s->answer[strcspn(s->answer, "\n")] = '\0';
    return status == SPROUT_OK && code == 200;
}

/* A command's exit code back to the first status that has it. */
static enum sprout_status status_of(int exit_code)
{
    for (int i = SPROUT_FAILED; i <= SPROUT_BUSY; i++) {
        if (sprout_status_exit((enum sprout_status)i) == exit_code) {
            return (enum sprout_status)i;
        }
    }
    return SPROUT_FAILED;
}

static enum phase in_control(struct supervisor *s)
{
    char words[80];

    if (s->stop) {
        return PHASE_STOP_NGINX;
    }
    if (s->control.pid == 0 && s->control.deaths > 0 &&
        !WIFSIGNALED(s->control.exit_status)) {
        sprout_child_last_words(&s->control, words, sizeof words);
        return give_up(
            s, sprout_fail(s->err, status_of(WEXITSTATUS(s->control.exit_status)),
                           "control does not start (%s); it said why above", words));
    }
    if (s->control.pid == 0 && start_control(s) != SPROUT_OK) {
        return give_up(s, SPROUT_IO);
    }
    if (control_is_ready(s)) {
        return PHASE_NGINX;
    }
    if (s->now.ns > s->deadline.ns) {
        return give_up(s, sprout_fail(s->err, SPROUT_UNAVAILABLE,
                                      "control was not ready within %d s; it says %.250s",
                                      START_SECONDS,
                                      s->answer[0] != '\0' ? s->answer : "nothing"));
    }
    return PHASE_CONTROL;
}

static enum phase in_nginx(struct supervisor *s)
{
    if (s->stop) {
        return PHASE_STOP_NGINX;
    }
    if (s->nginx.pid == 0 && s->nginx.deaths > 0) {
        return nginx_keeps_dying(s);
    }
    if (s->nginx.pid == 0 && start_nginx(s) != SPROUT_OK) {
        return give_up(s, SPROUT_IO);
    }
    if (sprout_address_accepts(s->listen)) {
        const struct sprout_supervise_ready ready = {s->listen, s->admin, s->dir,
                                                     (int)getpid()};
        s->opts->ready(s->opts->ready_ctx, &ready);
        return PHASE_RUNNING;
    }
    if (s->now.ns > s->deadline.ns) {
        return nginx_keeps_dying(s);
    }
    return PHASE_NGINX;
}

/* A journal that has grown large is renamed, and nginx told to open a new one; the ledger's
 * reader finishes the old one first and removes it later. */
static void rotate(const struct supervisor *s)
{
    char path[PATH_MAX], old[PATH_MAX];
    struct stat st;
    const int64_t limit = s->config->journal_rotate_mib * 1024 * 1024;

    path_in_dir(s, SPROUT_PATH_JOURNAL, path);
    if (limit == 0 || s->nginx.pid == 0 || stat(path, &st) != 0 || st.st_size <= limit) {
        return;
    }
    snprintf(old, sizeof old, "%.4000s.%lld", path,
             (long long)(sprout_clock_wall().ns / 1000000));
    if (rename(path, old) != 0) {
        sprout_log_warn("journal-not-rotated", "cannot rename %s: %s", path,
                        strerror(errno));
        return;
    }
    sprout_child_signal(&s->nginx, SIGUSR1);
}

static void reload(struct supervisor *s)
{
    struct sprout_error err = {.message = ""};
    struct sprout_config *next = NULL;

    s->reload = false;
    if (load(s, &next, &err) != SPROUT_OK ||
        write_nginx_conf(s, next, &err) != SPROUT_OK) {
        sprout_config_free(next);
        sprout_log_error("reload-refused", "everything stays as it was: %s", err.message);
        return;
    }
    sprout_config_free(s->config);
    s->config = next;
    sprout_child_signal(&s->nginx, SIGHUP);
    sprout_child_signal(&s->control, SIGHUP);
}

static enum phase in_running(struct supervisor *s)
{
    if (s->stop) {
        return PHASE_STOP_NGINX;
    }
    if (s->reload) {
        reload(s);
    }
    rotate(s);
    if (s->control.pid == 0 && s->now.ns >= s->control.start_at.ns &&
        start_control(s) != SPROUT_OK) {
        sprout_log_error("child-not-started", "%s", s->err->message);
    }
    if (s->nginx.pid == 0 && s->nginx.deaths > NGINX_DEATHS_MAX) {
        return nginx_keeps_dying(s);
    }
    if (s->nginx.pid == 0 && s->now.ns >= s->nginx.start_at.ns &&
        start_nginx(s) != SPROUT_OK) {
        return give_up(s, SPROUT_IO);
    }
    return PHASE_RUNNING;
}

/* Asked politely once, then less so as the deadline passes. */
static bool stopped(struct supervisor *s, struct sprout_child *c, int polite,
                    int64_t polite_seconds)
{
    if (c->pid == 0) {
        return true;
    }
    if (!s->told) {
        sprout_child_signal(c, polite);
        s->told = true;
        s->deadline.ns = s->now.ns + polite_seconds * SPROUT_NS_PER_SECOND;
    }
    if (s->hurry || s->now.ns > s->deadline.ns) {
        const bool last = s->now.ns > s->deadline.ns + END_SECONDS * SPROUT_NS_PER_SECOND;
        sprout_child_signal_group(c, last ? SIGKILL : SIGTERM);
    }
    return false;
}

static enum phase in_stop_nginx(struct supervisor *s)
{
    if (!stopped(s, &s->nginx, SIGQUIT, FINISH_SECONDS)) {
        return PHASE_STOP_NGINX;
    }
    sprout_child_signal_group(&s->nginx, SIGKILL); /* workers without a master */
    return PHASE_STOP_CONTROL;
}

static enum phase in_stop_control(struct supervisor *s)
{
    return stopped(s, &s->control, SIGTERM, CONTROL_SECONDS) ? PHASE_DONE
                                                             : PHASE_STOP_CONTROL;
}

static enum phase step(struct supervisor *s, enum phase phase)
{
    switch (phase) {
    case PHASE_CONTROL:
        return in_control(s);
    case PHASE_NGINX:
        return in_nginx(s);
    case PHASE_RUNNING:
        return in_running(s);
    case PHASE_STOP_NGINX:
        return in_stop_nginx(s);
    case PHASE_STOP_CONTROL:
        return in_stop_control(s);
    case PHASE_DONE:
        break;
    }
    return PHASE_DONE;
}

static void loop(struct supervisor *s)
{
    enum phase phase = PHASE_CONTROL;

    s->now = sprout_clock_mono();
    s->deadline.ns = s->now.ns + START_SECONDS * SPROUT_NS_PER_SECOND;
    while (phase != PHASE_DONE) {
        const enum phase next = step(s, phase);
        if (next != phase) {
            phase = next;
            s->told = false;
            s->deadline.ns = s->now.ns + START_SECONDS * SPROUT_NS_PER_SECOND;
            continue;
        }
        struct pollfd fd = {.fd = s->signal_fd, .events = POLLIN};
        const bool waiting =
            phase != PHASE_RUNNING || s->control.pid == 0 || s->nginx.pid == 0;
        (void)poll(&fd, 1, waiting ? FAST_TICK_MS : SLOW_TICK_MS);
        s->now = sprout_clock_mono();
        take_signals(s);
    }
}

enum sprout_status sprout_supervise_run(const struct sprout_supervise_opts *opts,
                                        struct sprout_error *err)
{
    struct supervisor *const s = calloc(1, sizeof *s);
    if (s == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory to supervise");
    }
    s->opts = opts;
    s->err = err;
    s->signal_fd = s->lock_fd = -1;
    s->control.name = "control";
    s->nginx.name = "nginx";
    enum sprout_status status = prepare(s, err);
    if (status == SPROUT_OK) {
        loop(s);
        status = s->result;
    }
    sprout_config_free(s->config);
    if (s->signal_fd >= 0) {
        close(s->signal_fd);
    }
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s);
    return status;
}
