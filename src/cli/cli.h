/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what the commands share: the table's row and the entry of each command.
 *
 * A command gets its own arguments (argv[0] is its name), prints for a person or, with
 * --json, for a program, and returns an exit code of base/status.h's table. */
#ifndef SPROUT_CLI_CLI_H
#define SPROUT_CLI_CLI_H

typedef int sprout_command_fn(int argc, char **argv);

struct sprout_command {
    const char *name;
    sprout_command_fn *run;
    const char *summary;
};

sprout_command_fn sprout_cmd_calibrate;
sprout_command_fn sprout_cmd_control;
sprout_command_fn sprout_cmd_evaluate;
sprout_command_fn sprout_cmd_evaluations;
sprout_command_fn sprout_cmd_grid;
sprout_command_fn sprout_cmd_ledger;
sprout_command_fn sprout_cmd_optimize;
sprout_command_fn sprout_cmd_predictor;
sprout_command_fn sprout_cmd_profiles;
sprout_command_fn sprout_cmd_report;
sprout_command_fn sprout_cmd_status;
sprout_command_fn sprout_cmd_train;
sprout_command_fn sprout_cmd_up;
sprout_command_fn sprout_cmd_simulate;
sprout_command_fn sprout_cmd_check;
sprout_command_fn sprout_cmd_policy;
sprout_command_fn sprout_cmd_version;

#endif
