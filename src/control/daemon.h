/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.h - the control plane: one loop in one thread.
 *
 *     signals ---+
 *     admin API -+-> poll, at most a tick -> journal -> ledger
 *                                         -> grid -> plan -> policy.json
 *                                         -> retention
 *
 * In `dir`: reads journal.ndjson, writes policy.json and ledger.db, holds a lock on
 * control.pid so that two of them never share a folder.
 * May be killed at any moment: serving does not need it, and everything it must remember
 * is in the ledger (receipts and the journal's position in one transaction, salt, policies,
 * grid values).
 * Degrades, and says so, before it gives up: a ledger that cannot be written (a full disk)
 * is tried again while policies go on being made; a grid without a value gives L0; a plan
 * that fails leaves the last policy until that expires.
 * SIGINT, SIGTERM: takes what is in the journal and stops.  SIGHUP: loads the configuration
 * anew, or keeps the old one and logs why. */
#ifndef SPROUT_CONTROL_DAEMON_H
#define SPROUT_CONTROL_DAEMON_H

#include "control/config.h"

#define SPROUT_PATH_POLICY  "policy.json"
#define SPROUT_PATH_JOURNAL "journal.ndjson"
#define SPROUT_PATH_LEDGER  "ledger.db"
#define SPROUT_PATH_PID     "control.pid"
#define SPROUT_PATH_TRAIN   "train.lock" /* held by whoever trains, or deletes weights */
#define SPROUT_PATH_ADMIN   "control.addr" /* where the admin API listens, one line */

/* Loads the configuration as it was at the start, command line included. */
typedef enum sprout_status sprout_daemon_load_fn(void *ctx, struct sprout_config **out,
                                                 struct sprout_error *err);

struct sprout_daemon_opts {
    sprout_daemon_load_fn *load;
    void *load_ctx;
    sprout_instant epoch; /* when the replay of a grid file began; 0: now */
};

/* Runs until it is told to stop.  SPROUT_BUSY if another control holds `dir`. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_run(
    const struct sprout_daemon_opts *opts, struct sprout_error *err);

#endif
