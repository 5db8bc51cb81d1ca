/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - find the command in the table and run it.
 *
 * A command is a row of commands[] and a file of its own; usage, `sprout help` and the list
 * of man pages come from the table. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "adapt/core_files.h"
#include "cli/cli.h"

static const struct sprout_command commands[] = {
    {"up", sprout_cmd_up, "run nginx and control together in front of a server"},
    {"control", sprout_cmd_control, "run the control plane alone"},
    {"status", sprout_cmd_status, "what the running control plane says of itself"},
    {"grid", sprout_cmd_grid, "carbon intensity: now, the coming hours, each provider"},
    {"ledger", sprout_cmd_ledger, "backfill: grams for hours whose grid was unknown"},
    {"report", sprout_cmd_report, "what was served, and what was saved"},
    {"evaluate", sprout_cmd_evaluate,
     "answer prompts at every level and have a judge compare"},
    {"evaluations", sprout_cmd_evaluations, "what was evaluated, and what came out"},
    {"optimize", sprout_cmd_optimize, "solve optimization problems, one a line of JSON"},
    {"simulate", sprout_cmd_simulate, "run policies against a recorded grid"},
    {"train", sprout_cmd_train, "measured and judged requests to predictor weights"},
    {"predictor", sprout_cmd_predictor,
     "what a predictor says of itself, or of a prompt"},
    {"policy", sprout_cmd_policy, "the policy in force: show, explain, test"},
    {"calibrate", sprout_cmd_calibrate, "measure what tokens cost on this machine"},
    {"profiles", sprout_cmd_profiles, "published figures of what tokens cost"},
    {"check", sprout_cmd_check, "say all that is wrong with a configuration, and try it"},
    {"version", sprout_cmd_version, "print the version"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *to)
{
    fputs("usage: sprout COMMAND [OPTION...]\n\ncommands:\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n'sprout COMMAND --help' says more about one.\n", to);
}

/* What a command printed is lost where the standard output is full or gone: not a success. */
static int finish(const char *name, int code)
{
    const bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (!lost || code != 0) {
        return code;
    }
    fprintf(stderr, "sprout %s: cannot write to the standard output\n", name);
    return sprout_status_exit(SPROUT_IO);
}

int main(int argc, char **argv)
{
    sprout_core_files_off(); /* prompts pass through several commands */
    if (argc < 2) {
        print_usage(stderr);
        return sprout_status_exit(SPROUT_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return finish("help", 0);
    }
    const char *const name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return finish(name, commands[i].run(argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "sprout: no command '%s'; 'sprout --help' lists them\n", argv[1]);
    return sprout_status_exit(SPROUT_USAGE);
}
