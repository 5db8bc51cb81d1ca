/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy.h - what the forms of `sprout policy` share; for cmd_policy*.c only. */
#ifndef SPROUT_CLI_CMD_POLICY_H
#define SPROUT_CLI_CMD_POLICY_H

#include <stdbool.h>

#include "control/policy_file.h"

/* What every form takes. */
struct policy_opts {
    const char *dir; /* NULL: not given */
    const char *config;
    const char *zone; /* NULL: the policy's own */
    bool json;
};

/* Opens the policy that the options name and prints what is wrong; the exit code, 0 when
 * it is open.  `out_dir` (of PATH_MAX bytes) is the folder. */
int sprout_policy_cli_open(const struct policy_opts *opts, struct sprout_policy_file *out,
                           char *out_dir);

/* Prints "sprout policy: ..." and says where help is; the exit code. */
int sprout_policy_cli_usage(const char *what, const char *found);

/* The policy's moment of the day, "08:15:00 UTC on 2026-11-23" being too long: RFC 3339. */
void sprout_policy_cli_moment(char *out, sprout_instant t); /* 40 bytes */

int sprout_policy_cli_show(const struct policy_opts *opts);
int sprout_policy_cli_explain(const struct policy_opts *opts);
int sprout_policy_cli_test(int argc, char **argv);

/* Takes argv[*i] (and its value) if it is one of the shared options; false: it is not.
 * A value that is missing leaves *bad set. */
bool sprout_policy_cli_option(int argc, char **argv, int *i, struct policy_opts *opts,
                              bool *bad);

#endif
