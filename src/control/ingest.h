/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.h - journal lines in, receipts in the ledger out, each exactly once.
 *
 * A batch of lines is one transaction: receipts and sums, damaged lines, and the journal
 * position after the last of them.  Either all of it is in the ledger or nothing; after a
 * failure the follower goes back to the committed place and the same lines come again.
 *
 * A request is settled with the policy that its line names: the energy profile of its model,
 * the grid value that policy was made for, and what L0 is believed to take.  Where that
 * policy is unknown (none in force, or forgotten) the newest policy's coefficients stand in,
 * with the grid value of that moment from the ledger's history; without either the receipt
 * says unknown.
 *
 * Damage is never fatal.  A line that cannot be read is kept aside and counted; if a good
 * record begins inside it (nginx wrote half a line, then the next one, after a full disk),
 * that record is taken.
 * Memory: the follower's buffer, one arena, a few decoded policies.  Threads: one.
 * Not here: when to run, what to do about a ledger that cannot be written (daemon). */
#ifndef SPROUT_CONTROL_INGEST_H
#define SPROUT_CONTROL_INGEST_H

#include "adapt/journal.h"
#include "adapt/store.h"
#include "control/recent.h"
#include "control/telemetry.h"
#include "core/policy.h"

enum {
    SPROUT_INGEST_BATCH = 2000,  /* lines in a transaction, at most */
    SPROUT_INGEST_POLICIES = 16, /* decoded policies remembered */
};

struct sprout_ingest;
struct sprout_metering;

struct sprout_ingest_counts {
    int64_t receipts;   /* new ones, since the start */
    int64_t damaged;    /* lines, since the start */
    int64_t duplicates; /* lines, since the start */
    int64_t unsettled;  /* receipts whose policy was unknown */
};

/* Opens the follower at the ledger's position.  `store` is borrowed for the ingest's life.
 * SPROUT_NO_MEMORY, SPROUT_IO. */
SPROUT_MUST_USE enum sprout_status sprout_ingest_new(const char *journal_path,
                                                     struct sprout_store *store,
                                                     struct sprout_ingest **out,
                                                     struct sprout_error *err);
void sprout_ingest_free(struct sprout_ingest *in);

/* The policy that stands in where a line's own is unknown; borrowed until the next call of
 * this function.  May be NULL. */
void sprout_ingest_set_policy(struct sprout_ingest *in,
                              const struct sprout_policy *newest);

/* Whoever measures: lines then wait until they are ripe, and what was measured stands in
 * their receipts.  NULL: nobody, everything is modelled.  Borrowed. */
void sprout_ingest_set_metering(struct sprout_ingest *in, struct sprout_metering *m);

/* What was ingested since the start; borrowed, good until the next run. */
const struct sprout_telemetry *sprout_ingest_telemetry(const struct sprout_ingest *in);

/* The newest requests since the start; borrowed, good until the next run. */
const struct sprout_recent *sprout_ingest_recent(const struct sprout_ingest *in);

/* At most one batch.  *out_lines is how many lines it took: 0 means there are no more now.
 * After an error nothing of the batch is in the ledger, and it may be run again. */
SPROUT_MUST_USE enum sprout_status sprout_ingest_run(struct sprout_ingest *in,
                                                     sprout_mono mono,
                                                     sprout_instant wall,
                                                     int64_t *out_lines,
                                                     struct sprout_error *err);

struct sprout_ingest_counts sprout_ingest_counts(const struct sprout_ingest *in);

/* The follower, to be asked where it is and what it met. */
const struct sprout_journal *sprout_ingest_journal(const struct sprout_ingest *in);

#endif
