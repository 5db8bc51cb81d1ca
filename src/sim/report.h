/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - an experiment written down: JSON for programs, CSV for tables, text for people.
 *
 * The JSON holds what is needed to repeat it: version, arguments, seed, and the path and
 * SHA-256 of every input.  Numbers are the shortest text that reads back as the same
 * double; what is unknown is null.  The result of fprintf is not checked here: the caller
 * asks ferror() once at the end. */
#ifndef SPROUT_SIM_REPORT_H
#define SPROUT_SIM_REPORT_H

#include <stdio.h>

#include "sim/experiment.h"

struct sprout_report_context {
    const char *version;
    int argc; /* the command line, repeated in the report */
    char *const *argv;
    const struct sprout_experiment_opts *opts;
};

void sprout_report_json(FILE *to, const struct sprout_experiment *e,
                        const struct sprout_report_context *c);

/* One row per zone, policy and hour. */
void sprout_report_csv(FILE *to, const struct sprout_experiment *e);

void sprout_report_table(FILE *to, const struct sprout_experiment *e);

#endif
