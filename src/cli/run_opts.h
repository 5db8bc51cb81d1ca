/* SPDX-License-Identifier: Apache-2.0 */
/* run_opts.h - the flags that `sprout up` and `sprout control` share.
 *
 * The command line is kept as it was given, so that a reload applies it to the new file
 * again and `up` can hand it on to its control process.
 * Memory: the texts are argv's. */
#ifndef SPROUT_CLI_RUN_OPTS_H
#define SPROUT_CLI_RUN_OPTS_H

#include "control/config.h"

struct sprout_run_opts {
    const char *config; /* NULL where a flag was not given */
    const char *dir;
    const char *listen;
    const char *upstream;
    const char *admin;
    const char *floor;
    const char *holdout;
    const char *grid;
    const char *epoch; /* nanoseconds since 1970 */
    bool help;
};

/* SPROUT_USAGE with the flag and what was expected. */
SPROUT_MUST_USE enum sprout_status sprout_run_opts_parse(int argc, char **argv,
                                                         struct sprout_run_opts *out,
                                                         struct sprout_error *err);

/* The file, or the defaults without one, with the flags over it.  Every problem of a file is
 * printed to standard error with its line; *err has the first.  A sprout_daemon_load_fn:
 * `opts` is a struct sprout_run_opts. */
enum sprout_status sprout_run_opts_load(void *opts, struct sprout_config **out,
                                        struct sprout_error *err);

/* The flags as text for --help. */
extern const char sprout_run_opts_help[];

/* Prints "sprout COMMAND: message" and returns the status's exit code. */
int sprout_cli_fail(const char *command, const struct sprout_error *err,
                    enum sprout_status status);

#endif
