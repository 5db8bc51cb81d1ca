/* SPDX-License-Identifier: Apache-2.0 */
/* supervise_child.c - see supervise_child.h. */
#include "control/supervise_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CANNOT_RUN = 127,  /* as the shell says it */
    CALM_SECONDS = 10, /* whoever lived this long has not died in quick succession */
    DELAY_MAX_MS = 1000,
    DELAY_FIRST_MS = 50,
    NS_PER_MS = 1000000,
};

/* In the new process, until exec: only calls that are safe after fork. */
static _Noreturn void become(const char *path, char *const *argv, pid_t parent)
{
    sigset_t none;
    const int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(CANNOT_RUN); /* it died before the line above */
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(path, argv);
    if (errno == ENOENT && strchr(path, '/') == NULL) {
        char full[256];
        snprintf(full, sizeof full, "/usr/sbin/%.200s", path);
        execv(full, argv);
    }
    _exit(CANNOT_RUN);
}

enum sprout_status sprout_child_start(struct sprout_child *c, const char *path,
                                      char *const *argv, sprout_mono now,
                                      struct sprout_error *err)
{
    const pid_t self = getpid();
    const pid_t pid = fork();

    if (pid < 0) {
        return sprout_fail(err, SPROUT_IO, "cannot start %s: %s", c->name,
                           strerror(errno));
    }
    if (pid == 0) {
        become(path, argv, self);
    }
    setpgid(pid, pid); /* whoever comes first */
    c->pid = c->group = pid;
    c->started = now;
    return SPROUT_OK;
}

bool sprout_child_died(struct sprout_child *c, pid_t pid, int exit_status,
                       sprout_mono now)
{
    if (c->pid == 0 || pid != c->pid) {
        return false;
    }
    const bool was_calm = now.ns - c->started.ns > CALM_SECONDS * SPROUT_NS_PER_SECOND;
    c->pid = 0;
    c->exit_status = exit_status;
    c->deaths = was_calm ? 1 : c->deaths + 1;

    int64_t delay_ms = c->deaths == 1 ? 0 : DELAY_FIRST_MS;
    for (int i = 2; i < c->deaths && delay_ms < DELAY_MAX_MS; i++) {
        delay_ms *= 2;
    }
    delay_ms = delay_ms > DELAY_MAX_MS ? DELAY_MAX_MS : delay_ms;
    c->start_at.ns = now.ns + delay_ms * NS_PER_MS;
    return true;
}

void sprout_child_last_words(const struct sprout_child *c, char *out, size_t cap)
{
    if (WIFSIGNALED(c->exit_status)) {
        snprintf(out, cap, "killed by signal %d", WTERMSIG(c->exit_status));
    } else if (WEXITSTATUS(c->exit_status) == CANNOT_RUN) {
        snprintf(out, cap, "could not be run: is it installed?");
    } else {
        snprintf(out, cap, "exit status %d", WEXITSTATUS(c->exit_status));
    }
}

void sprout_child_signal(const struct sprout_child *c, int signal)
{
    if (c->pid > 0) {
        kill(c->pid, signal);
    }
}

void sprout_child_signal_group(const struct sprout_child *c, int signal)
{
    if (c->group > 0) {
        kill(-c->group, signal);
    }
}
