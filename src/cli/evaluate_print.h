/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_print.h - what came out of an evaluation, for people and for programs. */
#ifndef SPROUT_CLI_EVALUATE_PRINT_H
#define SPROUT_CLI_EVALUATE_PRINT_H

#include "adapt/store_evaluate.h"
#include "control/config.h"

/* To standard output: a table, or one JSON object; the posterior is the one that a plan by
 * `config` takes. */
SPROUT_MUST_USE enum sprout_status sprout_evaluate_print(
    struct sprout_store *store, int64_t run, const struct sprout_config *config,
    bool json, struct sprout_error *err);

/* The members that `evaluate` and `evaluations` share, without braces. */
void sprout_evaluation_put_head(struct sprout_buf *b,
                                const struct sprout_store_evaluation *e);

#endif
