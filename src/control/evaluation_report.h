/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation_report.h - what came out of an evaluation, counted from the ledger.
 *
 * Per stratum and level: questions won alone, won together, the share of all (a tie of k
 * counts 1/k each), right and wrong by reference, tokens, energy, grams.  Of the judge: how
 * often it agrees with itself when the order is turned round, how often it named each slot,
 * how often it named a right answer where the reference settles it, how often it could not
 * be read.
 * Not here: what all that is worth (core/quality), printing (the command). */
#ifndef SPROUT_CONTROL_EVALUATION_REPORT_H
#define SPROUT_CONTROL_EVALUATION_REPORT_H

#include "adapt/store_evaluate.h"
#include "control/judged.h"

struct sprout_evaluation_level {
    int64_t wins;     /* named alone */
    int64_t ties;     /* named with others */
    double points;    /* wins and parts of ties */
    int64_t compared; /* readable questions that showed it */
    int64_t answers;
    int64_t right;
    int64_t settled;
    int64_t tokens;
    int64_t counted;
    int64_t energy_uj;
    int64_t metered;
    int64_t grams_ug;
};

struct sprout_evaluation_stratum {
    char name[SPROUT_NAME_MAX + 1];
    struct sprout_evaluation_level level[SPROUT_LEVELS_MAX];
};

struct sprout_evaluation_card {
    int64_t questions;
    int64_t unreadable;
    int64_t pairs;                  /* the same answers, both orders readable */
    int64_t agreed;                 /* ... and the same named */
    double slot[SPROUT_LEVELS_MAX]; /* points of each slot */
    int64_t slots;                  /* shown at once; 0: nothing was */
    int64_t readable;
    int64_t settled;  /* readable questions with a right and a wrong answer among them */
    double right;     /* points given to right answers there */
    double longest;   /* points given to the longest answer */
    int64_t measured; /* readable questions whose answers' lengths are all known */
};

struct sprout_evaluation_report {
    int64_t run;
    char level_name[SPROUT_LEVELS_MAX][SPROUT_NAME_MAX + 1];
    int levels;
    struct sprout_evaluation_stratum stratum[SPROUT_STRATA_MAX];
    size_t strata;
    struct sprout_evaluation_card card;
    /* The pair that waits for its other order. */
    int64_t last_item;
    int last_question;
    uint32_t last_best;
};

/* Fills *out, which is large: keep it off the stack. */
SPROUT_MUST_USE enum sprout_status sprout_evaluation_report_make(
    struct sprout_store *s, int64_t run, struct sprout_str levels,
    struct sprout_evaluation_report *out, struct sprout_error *err);

/* What the ledger's verdicts say of a level now, this run among them: its share with a 90 %
 * interval.  NaN where `judged` is NULL or knows no such stratum or level. */
struct sprout_quality_interval sprout_evaluation_posterior(
    const struct sprout_judged *judged, const struct sprout_evaluation_report *r,
    size_t stratum, int level);

/* Appends "strata":[...],"judge":{...}; `judged` may be NULL. */
void sprout_evaluation_report_put(struct sprout_buf *b,
                                  const struct sprout_evaluation_report *r,
                                  const struct sprout_judged *judged);

#endif
