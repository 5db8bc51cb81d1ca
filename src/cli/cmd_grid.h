/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid.h - what the parts of `sprout grid` share. */
#ifndef SPROUT_CLI_CMD_GRID_H
#define SPROUT_CLI_CMD_GRID_H

#include <stdbool.h>

#include "control/config.h"

enum { SPROUT_GRID_FILES_MAX = 64 };

struct sprout_grid_args {
    const char *config;
    const char *grid;
    const char *from; /* export */
    const char *to;
    bool json;
    bool watch;
    const char *file[SPROUT_GRID_FILES_MAX]; /* error */
    size_t files;
};

/* cmd_grid_show.c: what holds now and in the coming hours. */
enum sprout_status sprout_grid_show(const struct sprout_grid_args *a,
                                    const struct sprout_config *c);
/* cmd_grid_show.c: each provider in turn. */
enum sprout_status sprout_grid_test(const struct sprout_grid_args *a,
                                    const struct sprout_config *c);
/* cmd_grid_error.c: how wrong our forecast would have been on a file. */
enum sprout_status sprout_grid_error(const struct sprout_grid_args *a,
                                     const struct sprout_config *c);
/* cmd_grid_export.c: the ledger's history as a CSV file that `csv` reads. */
enum sprout_status sprout_grid_export(const struct sprout_grid_args *a,
                                      const struct sprout_config *c);

#endif
