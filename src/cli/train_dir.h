/* SPDX-License-Identifier: Apache-2.0 */
/* train_dir.h - `sprout train` on what a ledger keeps, and against the predictor in force. */
#ifndef SPROUT_CLI_TRAIN_DIR_H
#define SPROUT_CLI_TRAIN_DIR_H

#include "sim/train.h"

/* Trains on the ledger and writes the weights to `out`. */
SPROUT_MUST_USE enum sprout_status sprout_train_ledger(const char *ledger,
                                                       const char *out, const char *note,
                                                       struct sprout_train_opts *opts,
                                                       bool json,
                                                       struct sprout_error *err);

/* Trains on the ledger in the folder of a control, compares with the predictor that the
 * policy there names, leaves weights beside it if they are better, and the attempt in the
 * ledger in any case.  SPROUT_FAILED: refused, *err says why.  SPROUT_BUSY: another one
 * trains there.  `background`: as a process that nobody waits for. */
SPROUT_MUST_USE enum sprout_status sprout_train_dir(const char *dir,
                                                    struct sprout_train_opts *opts,
                                                    bool background, bool json,
                                                    struct sprout_error *err);

/* A folder's examples against weights in a file; `seen` (NULL: none) is a folder of prompts
 * that these had.  Writes `out` if the candidate is better; SPROUT_FAILED: it is not. */
struct sprout_train_against {
    const char *weights, *seen, *out;
    bool json;
};
SPROUT_MUST_USE enum sprout_status sprout_train_against(
    const struct sprout_train_against *how, const struct sprout_train_example *example,
    size_t count, struct sprout_train_opts *opts, struct sprout_error *err);

#endif
