/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_control.c - `sprout control`: the control plane alone, in the foreground. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/run_opts.h"
#include "control/daemon.h"

static const char help_head[] =
    "usage: sprout control [OPTION...]\n\n"
    "Runs the control plane for an nginx that runs elsewhere: follows the journal into\n"
    "the ledger, watches the grid, plans, writes policy.json, answers the admin API.\n"
    "Stops on SIGINT and SIGTERM; SIGHUP loads the configuration anew.\n\n";

int sprout_cmd_control(int argc, char **argv)
{
    struct sprout_error err = {.message = ""};
    struct sprout_run_opts opts;
    int64_t epoch = 0;
    enum sprout_status status = sprout_run_opts_parse(argc, argv, &opts, &err);

    if (status == SPROUT_OK && opts.help) {
        printf("%s%s", help_head, sprout_run_opts_help);
        return 0;
    }
    if (status == SPROUT_OK && opts.epoch != NULL &&
        sprout_str_to_i64(sprout_str_of(opts.epoch), &epoch) != SPROUT_OK) {
        status =
            sprout_fail(&err, SPROUT_USAGE,
                        "--epoch '%.40s': expected nanoseconds since 1970", opts.epoch);
    }
    if (status == SPROUT_OK) {
        const struct sprout_daemon_opts daemon = {
            .load = sprout_run_opts_load, .load_ctx = &opts, .epoch = {epoch}};
        status = sprout_daemon_run(&daemon, &err);
    }
    return status == SPROUT_OK ? 0 : sprout_cli_fail("control", &err, status);
}
