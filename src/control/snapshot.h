/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h - what the control plane knows of itself, as one value.
 *
 * The daemon fills a snapshot once per question; /v1/status, /readyz and /metrics are
 * three ways of writing it down, so they cannot disagree.
 * Unknown is NaN, negative or an empty text, and is written as null or left out.
 * Memory: views are borrowed from the daemon for the answer's making.  Pure but for
 * jansson's own allocations. */
#ifndef SPROUT_CONTROL_SNAPSHOT_H
#define SPROUT_CONTROL_SNAPSHOT_H

#include "adapt/grid_list.h"
#include "adapt/store.h"
#include "control/feedback.h"
#include "control/signs.h"
#include "control/ingest.h"
#include "control/metering.h"
#include "control/planner.h"
#include "core/policy.h"

enum { SPROUT_SNAPSHOT_GROUPS_MAX = SPROUT_LEVELS_MAX * 8 };

/* Requests of one (level, arm), summed over the whole ledger. */
struct sprout_snapshot_group {
    char level[SPROUT_NAME_MAX + 1];
    char arm[16];
    struct sprout_store_sum sum; /* its texts are not set */
};

/* One of the providers of a place. */
struct sprout_snapshot_provider {
    struct sprout_grid_live_state state;
    struct sprout_grid_value value; /* what it alone says; SPROUT_GRID_VALUE_NONE */
};

/* Where machines stand, and the grid there. */
struct sprout_snapshot_place {
    struct sprout_grid_value grid; /* the one that holds; SPROUT_GRID_VALUE_NONE */
    sprout_instant clock;          /* the grid's own time */
    struct sprout_str about;
    int64_t errors;     /* times it had no value */
    int64_t backfilled; /* requests whose grams came later, since the start */
    const struct sprout_policy_zone *policy; /* NULL: home, or not planned yet */
    struct sprout_plan_why why;              /* not of home */
    struct sprout_snapshot_provider provider[SPROUT_GRID_LIST_MAX];
    size_t providers;
};

/* The newest evaluation; id 0: there was none. */
struct sprout_snapshot_evaluation {
    int64_t id;
    char state[16];
    char note[300];                   /* why it waits or ended */
    sprout_instant created, finished; /* finished.ns < 0: not yet */
    int64_t prompts, done, verdicts;
    bool by_itself; /* control evaluates when the grid is clean */
    enum sprout_invocation_kind when;
    struct sprout_invocation_wait
        wait; /* hours of the grid's clock, at its last new one */
    bool wait_known;
};

struct sprout_snapshot {
    sprout_instant now;
    sprout_instant started;
    int pid;
    const char *dir;
    const char *upstream;
    const char *listen;
    const char *admin;

    struct sprout_snapshot_place place[SPROUT_ZONES_MAX + 1]; /* home first */
    size_t places;

    const struct sprout_policy *policy; /* NULL: none made yet */
    struct sprout_plan_why why;
    int64_t plans;
    int64_t plan_errors;
    const char *plan_error; /* the last one, "" once a plan succeeded */

    struct sprout_snapshot_evaluation evaluation;
    const struct sprout_feedback *feedback; /* NULL: none is taken */
    const struct sprout_signs *signs;       /* NULL: none are read */
    struct sprout_withdrawn withdrawn;      /* levels, by the policy in force */

    bool ledger_open;
    const char *ledger_error; /* "" when all is well */
    int64_t ledger_errors;
    struct sprout_store_health health;

    bool following; /* the journal is followed */
    struct sprout_journal_position position;
    struct sprout_journal_counts journal;
    const char *journal_trouble; /* the last one, "" when there was none */
    int64_t lag_bytes;
    struct sprout_ingest_counts ingest;
    const struct sprout_telemetry *telemetry; /* NULL: no ledger */

    bool metered; /* meters are configured and at work */
    struct sprout_metering_state metering;

    struct sprout_snapshot_group group[SPROUT_SNAPSHOT_GROUPS_MAX];
    size_t groups;
};

/* True when serving is planned and accounted: a policy in force, the ledger open. */
bool sprout_snapshot_ready(const struct sprout_snapshot *s);

/* Appends {"ready":..,"waiting_for":[..]}. */
void sprout_snapshot_put_ready(struct sprout_buf *b, const struct sprout_snapshot *s);

/* Appends the object of /v1/status (docs/api.md). */
void sprout_snapshot_put(struct sprout_buf *b, const struct sprout_snapshot *s);

/* Appends the Prometheus text of /metrics. */
void sprout_snapshot_put_metrics(struct sprout_buf *b, const struct sprout_snapshot *s);

#endif
