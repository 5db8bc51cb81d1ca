/* SPDX-License-Identifier: Apache-2.0 */
/* supervise_child.h - one process that is started, watched and stopped; for supervise.c.
 *
 * A child leads a process group of its own, so that Ctrl-C on the terminal reaches it only
 * through its supervisor, and what it leaves behind can be addressed.  It gets SIGTERM from
 * the kernel when its parent dies, standard input from /dev/null, and its standard output
 * goes where standard error goes: the supervisor's own output is for programs. */
#ifndef SPROUT_CONTROL_SUPERVISE_CHILD_H
#define SPROUT_CONTROL_SUPERVISE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"
#include "core/units.h"

struct sprout_child {
    const char *name; /* for the log */
    pid_t pid;        /* 0: not running */
    pid_t group;      /* of the last one that ran */
    sprout_mono started;
    sprout_mono start_at; /* when it is not running: not before */
    int deaths;           /* in quick succession */
    int exit_status;      /* of the last one: as wait() gave it */
};

/* `path` as execv wants it, looked up in PATH if it has no slash; /usr/sbin is looked in
 * too.  SPROUT_IO if no process could be made; a program that cannot be run ends with 127. */
SPROUT_MUST_USE enum sprout_status sprout_child_start(struct sprout_child *c,
                                                      const char *path, char *const *argv,
                                                      sprout_mono now,
                                                      struct sprout_error *err);

/* True if `pid` was this child; it is then noted as not running, to be started again
 * later the oftener it died. */
bool sprout_child_died(struct sprout_child *c, pid_t pid, int exit_status,
                       sprout_mono now);

/* "exit status 78", "killed by signal 9". */
void sprout_child_last_words(const struct sprout_child *c, char *out, size_t cap);

/* Not running: nothing happens. */
void sprout_child_signal(const struct sprout_child *c, int signal);
/* To the whole group, also what is left of it. */
void sprout_child_signal_group(const struct sprout_child *c, int signal);

#endif
