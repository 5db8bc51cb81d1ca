/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_work.h - what the daemon does in a turn; for daemon.c only.
 *
 * Each function is one duty, may fail without consequences for the others, and leaves what
 * it found in the struct, from where the snapshot takes it. */
#ifndef SPROUT_CONTROL_DAEMON_WORK_H
#define SPROUT_CONTROL_DAEMON_WORK_H

#include "adapt/grid.h"
#include "adapt/store.h"
#include "adapt/weights.h"
#include "control/feedback.h"
#include "control/config.h"
#include "control/daemon.h"
#include "control/evaluator_thread.h"
#include "control/ingest.h"
#include "control/metering.h"
#include "control/planner.h"
#include "control/signs.h"
#include "control/snapshot.h"
#include "control/supervise_child.h"
#include "control/window.h"

enum {
    SPROUT_DAEMON_PATH_MAX = 4096,
    SPROUT_DAEMON_ERROR_MAX = 400,
    SPROUT_DAEMON_PENDING_MAX = 256,
};

/* A policy in force that is not in the ledger yet (it could not be written). */
struct sprout_pending {
    char id[SPROUT_NAME_MAX];
    size_t id_len;
    sprout_instant created;
    char *json; /* owned */
    size_t json_len;
};

/* How making up for hours without a grid value goes (daemon_backfill.c).  Hours are since
 * 1970. */
struct sprout_backfill {
    int64_t at, until;       /* what is filled now, if at < until */
    bool filled;             /* from what the ledger kept, since it was looked last */
    sprout_instant next;     /* look again */
    sprout_instant ask_next; /* not before */
    int64_t ask_from;
    int64_t receipts; /* that got grams */
};

/* Where machines stand, and the grid there. */
struct sprout_place {
    char name[SPROUT_NAME_MAX];     /* as configured; "": home without a zone */
    struct sprout_grid *grid;       /* owned */
    struct sprout_grid_value value; /* views into grid */
    sprout_instant next;            /* wall time at which to ask again */
    sprout_instant since;           /* wall time from which on the value holds */
    int64_t errors;
    bool kept;                  /* the value in force is in the ledger */
    bool seeded;                /* the list knows what the ledger does of the past */
    struct sprout_plan_why why; /* of a zone; home's is the daemon's */
    struct sprout_backfill backfill;
};

struct sprout_places {
    struct sprout_place home;
    struct sprout_place zone[SPROUT_ZONES_MAX];
    size_t zones;
};

struct sprout_daemon {
    struct sprout_config *config; /* owned */
    sprout_instant started;
    sprout_instant epoch;

    struct sprout_places places;

    struct sprout_store *store;                 /* NULL: not open now */
    struct sprout_ingest *ingest;               /* NULL exactly when store is */
    struct sprout_metering *metering;           /* NULL: no meters */
    struct sprout_attribute_totals metered;     /* of it, those in the ledger */
    sprout_mono metered_next;                   /* idle time is not kept before */
    bool stopping;                              /* lines wait for nothing any more */
    sprout_mono store_retry;                    /* not before */
    bool busy;                                  /* there are more lines to take at once */
    char ledger_error[SPROUT_DAEMON_ERROR_MAX]; /* "": all is well */
    int64_t ledger_errors;
    int ledger_failures; /* in a row */
    bool health_stale;
    struct sprout_store_health health;
    struct sprout_snapshot_group group[SPROUT_SNAPSHOT_GROUPS_MAX];
    size_t groups;

    struct sprout_weights weights; /* map NULL: no predictor */
    bool weights_there;            /* in the folder, under weights_name */
    char weights_name[SPROUT_WEIGHTS_ID_NAME_MAX];
    uint64_t weights_configured;           /* id; 0: none */
    uint64_t weights_before;               /* id of those that were replaced; 0: none */
    bool weights_sweep;                    /* the folder may hold others than these */
    struct sprout_child trainer;           /* a process that trains; pid 0: none */
    sprout_mono train_next;                /* look whether one is due */
    struct sprout_predict_sample *samples; /* owned; room for those of a plan */

    struct sprout_hash_key salt;
    bool salt_known;  /* from the ledger, the last policy, or drawn */
    bool salt_kept;   /* in the ledger */
    bool learns_kept; /* in the ledger, as the configuration has it */

    struct sprout_window *window; /* owned; of home, then of the zones */
    int64_t window_hour;          /* of home's grid, when it was looked last */

    /* Two plans' memory, used in turn: the policy in force outlives the next attempt. */
    char *plan_memory[2];
    int plan_slot;
    const struct sprout_policy *policy; /* NULL: none yet */
    struct sprout_plan_why why;
    sprout_mono plan_next;
    bool plan_now;
    int64_t plans;
    int64_t plan_errors;
    char plan_error[SPROUT_DAEMON_ERROR_MAX];

    struct sprout_pending pending[SPROUT_DAEMON_PENDING_MAX]; /* oldest first */
    size_t pending_count;

    struct sprout_feedback feedback;
    bool feedback_new;                 /* something was said since it was read */
    int64_t feedback_newest;           /* receipt there was then */
    sprout_mono feedback_next;         /* not read before */
    struct sprout_signs *signs;        /* owned; NULL: no memory */
    struct sprout_withdrawn withdrawn; /* what the policy in force does without */

    sprout_mono retain_next;

    struct sprout_evaluator_thread *evaluator; /* NULL: none */
    int64_t evaluations_seen;                  /* of those that ended, planned with */
    int64_t hour;              /* of the grid's clock, at the last look; 0: none yet */
    bool look_again;           /* before the hour is over */
    int64_t hours_since;       /* the last evaluation; < 0: not known yet */
    int64_t newest_evaluation; /* there was then */
    struct sprout_invocation_wait wait;
    bool wait_known; /* the grid tells enough of an hour to wait for */
};

/* dir/name into `out` of SPROUT_DAEMON_PATH_MAX bytes. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_path(const char *dir, const char *name,
                                                      char *out,
                                                      struct sprout_error *err);

/* Takes the configuration over, opens its grid, asks for a plan at once.  After a failure
 * everything is as it was and the configuration still the caller's. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_use(struct sprout_daemon *d,
                                                     struct sprout_config *config,
                                                     sprout_instant wall,
                                                     struct sprout_error *err);
void sprout_daemon_close(struct sprout_daemon *d);

/* daemon_predict.c: the predictor that a configuration names (an empty struct: none), taken
 * over by the daemon, and what a plan needs of it. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_predictor_open(
    const struct sprout_config *c, struct sprout_weights *out, struct sprout_error *err);
void sprout_daemon_predictor_use(struct sprout_daemon *d, struct sprout_weights *weights);
void sprout_daemon_predictor_plan(struct sprout_daemon *d, struct sprout_plan_in *in);
void sprout_daemon_predictor_close(struct sprout_daemon *d);

/* daemon_learn.c: whether evaluations leave examples behind, told to whoever evaluates by the
 * ledger; where they do not, what there is of them is deleted. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_learn_keep(struct sprout_daemon *d,
                                                            struct sprout_error *err);
/* Takes the predictor that the ledger names in place of the configured one. */
void sprout_daemon_learn_take(struct sprout_daemon *d, sprout_instant wall);
/* Has one trained when enough was judged, and a plan made when that has ended. */
void sprout_daemon_learn_turn(struct sprout_daemon *d, sprout_mono mono);
/* Once a policy names the weights in force: deletes all but these and the ones before. */
void sprout_daemon_learn_sweep(struct sprout_daemon *d);
void sprout_daemon_learn_close(struct sprout_daemon *d);
/* Deletes examples that are too old or too many. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_learn_prune(struct sprout_daemon *d,
                                                             sprout_instant wall,
                                                             struct sprout_error *err);

/* Opens the ledger if it is not open and it is time; then at most `batches` of lines. */
void sprout_daemon_ledger(struct sprout_daemon *d, sprout_mono mono, sprout_instant wall,
                          int batches);
/* Something of the ledger failed: say so, try again in a while. */
void sprout_daemon_ledger_failed(struct sprout_daemon *d, sprout_mono mono,
                                 const struct sprout_error *err);
/* Policies, grid value and salt that the ledger does not have yet.  SPROUT_OK when there
 * are none left. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_keep(struct sprout_daemon *d,
                                                      struct sprout_error *err);
/* daemon_grid.c.  After a failure nothing is open. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_grid_open(const struct sprout_config *c,
                                                           sprout_instant epoch,
                                                           struct sprout_places *out,
                                                           struct sprout_error *err);
void sprout_daemon_grid_close(struct sprout_places *p);
/* In place of those that there are. */
void sprout_daemon_grid_use(struct sprout_daemon *d, const struct sprout_places *places,
                            sprout_instant wall);
void sprout_daemon_grid(struct sprout_daemon *d, sprout_instant wall);
void sprout_daemon_grid_snapshot(struct sprout_daemon *d, sprout_instant wall,
                                 struct sprout_snapshot *out);
/* Makes up for hours whose grid value came late; one step a turn. */
void sprout_daemon_backfill(struct sprout_daemon *d, sprout_mono mono,
                            sprout_instant wall);
/* The value that holds, under the place's own name; views into the place. */
struct sprout_grid_value sprout_daemon_grid_value(const struct sprout_place *p);
/* What a plan needs of a place. */
struct sprout_plan_zone sprout_daemon_grid_zone(struct sprout_daemon *d,
                                                struct sprout_place *p,
                                                sprout_instant wall);
SPROUT_MUST_USE enum sprout_status sprout_daemon_grid_seed(struct sprout_daemon *d,
                                                           struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_daemon_grid_keep(struct sprout_daemon *d,
                                                           struct sprout_error *err);
/* daemon_window.c: d->window as it stands now, for each place.  False: floors are kept in
 * each hour, or the ledger cannot be read. */
bool sprout_daemon_windows(struct sprout_daemon *d, sprout_instant wall);
/* Another hour began, and there are windows. */
bool sprout_daemon_window_turned(struct sprout_daemon *d, sprout_instant wall);
void sprout_daemon_plan(struct sprout_daemon *d, sprout_mono mono, sprout_instant wall);
/* The evaluator's thread; what it finished makes a plan due. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_evaluator_start(
    struct sprout_daemon *d, struct sprout_error *err);
void sprout_daemon_evaluate(struct sprout_daemon *d, sprout_instant wall);
/* How the newest evaluation stands. */
void sprout_daemon_evaluate_snapshot(struct sprout_daemon *d,
                                     struct sprout_snapshot_evaluation *out);
/* daemon_meter.c: the meters that the configuration names, beside the open ledger. */
void sprout_daemon_meter_start(struct sprout_daemon *d);
void sprout_daemon_meter_stop(struct sprout_daemon *d);
SPROUT_MUST_USE enum sprout_status sprout_daemon_meter_turn(struct sprout_daemon *d,
                                                            sprout_mono mono,
                                                            sprout_instant wall,
                                                            struct sprout_error *err);
void sprout_daemon_meter_snapshot(struct sprout_daemon *d, struct sprout_snapshot *out);
/* Takes in what a user says, and reads again what all say where that may have changed. */
SPROUT_MUST_USE enum sprout_status sprout_daemon_feedback(struct sprout_daemon *d,
                                                          struct sprout_str body,
                                                          sprout_instant wall,
                                                          struct sprout_buf *answer,
                                                          struct sprout_error *err);
void sprout_daemon_feedback_refresh(struct sprout_daemon *d);
/* Reads on in what was said and shown; a level that is disliked now makes a plan due. */
void sprout_daemon_feedback_turn(struct sprout_daemon *d, sprout_mono mono,
                                 sprout_instant wall);
void sprout_daemon_feedback_close(struct sprout_daemon *d);
/* The levels that users dislike in any stratum: no prompt is to have them; 0 unless the operator
 * wishes it. */
struct sprout_withdrawn sprout_daemon_feedback_withdrawn(const struct sprout_daemon *d);
void sprout_daemon_retain(struct sprout_daemon *d, sprout_mono mono, sprout_instant wall);

void sprout_daemon_snapshot(struct sprout_daemon *d, sprout_instant wall,
                            struct sprout_snapshot *out);

#endif
