/* SPDX-License-Identifier: Apache-2.0 */
/* planner.h - from what is known now to the policy in force next.
 *
 *     grid value, range, learned energy, quality  ->  floor  ->  optimum  ->  policy
 *
 * With a window (budget_window: day, month) the floor is the window's, and what was served
 * in it and what the grid will be in the hours ahead say what this hour has to give
 * (planner_window.c).
 * A pure function of its inputs (sprout_plan) and one that publishes (sprout_plan_publish).
 * The cost of a level is k0 * PUE * e + k1 * t, the floor is the paper's rule or a fixed
 * one, and each rule that restricts levels or raises the floor gets the same optimum under
 * its own.  No grid value: everything at L0, floor 1, nothing invented; where the learned
 * estimates or the grid cannot support a mix, the explanation says so.
 * Memory: the policy and all it points at are in the arena; the configuration and the grid
 * must outlive it (texts are copied, so after sprout_plan returns they need not).
 * Not here: when to plan (the daemon), the salt's keeping, HTTP. */
#ifndef SPROUT_CONTROL_PLANNER_H
#define SPROUT_CONTROL_PLANNER_H

#include "adapt/grid_ahead.h"
#include "base/arena.h"
#include "control/config.h"
#include "control/judged.h"
#include "control/settled.h"
#include "core/floor.h"
#include "core/learn.h"
#include "core/policy.h"
#include "core/predict_price.h"

enum { SPROUT_PLAN_MEMORY = 16 << 20 }; /* suffices for any configuration */

/* Prompts with a reference, answered at L0 and at a level, before accuracy there is known. */
enum { SPROUT_PLAN_REFERENCES_MIN = 30 };

#define SPROUT_PLAN_STRATUM                                                              \
    "all" /* of what no predictor looked at; the others are kinds */
#define SPROUT_PLAN_WITHDRAWN                                                            \
    "withdrawn-by-users" /* the rule, where users dislike a level */
#define SPROUT_PLAN_UNKNOWN                                                              \
    "accuracy-unknown" /* and where too few references tell of one */

/* What was served in a window so far at one level, of what the planner decided. */
struct sprout_plan_served {
    int64_t requests;
    int64_t predicted;                  /* of them, those the predictor knew; of these: */
    int64_t of_kind[SPROUT_KIND_COUNT]; /* those in the stratum of a kind */
    double quality;                     /* sum of what it said of the level, 1 is 1 */
    double quality_l0;                  /* sum of what it said of L0 */
};

/* The window over which the floor is kept, as it stands now. */
struct sprout_plan_window {
    enum sprout_window_kind kind;
    sprout_instant start, end;           /* of the grid's clock */
    const struct sprout_grid_hour *hour; /* those ahead; the first is the one that runs */
    const double *weight;                /* requests expected in each */
    size_t hours;                        /* >= 1 */
    int64_t traffic_hours; /* that these expectations rest on; under a day they say too
                              little to borrow from an hour ahead */
    struct sprout_plan_served served[SPROUT_LEVELS_MAX];
};

/* Bit l: users dislike level l, and it is not to be given. */
struct sprout_withdrawn {
    uint32_t of_all;                     /* to anybody */
    uint32_t of_kind[SPROUT_KIND_COUNT]; /* to prompts of that kind */
};

struct sprout_plan_in {
    const struct sprout_config *config;
    struct sprout_grid_value grid;  /* SPROUT_GRID_VALUE_NONE where poll gave none */
    struct sprout_grid_range range; /* over config->quality.window_hours */
    /* What the journal taught, one sum per configured level; NULL: nothing yet. */
    const struct sprout_learn_sum *learned;
    /* The predictor whose weights lie beside the policy under that name; NULL: none. */
    const struct sprout_predictor *predictor;
    struct sprout_str weights_file;
    const struct sprout_predict_sample *samples; /* prompts as it predicted them */
    size_t sample_count;
    /* How many requests run together, by profile of the configuration (0: not known);
     * NULL: nobody knows. */
    const double *batches;
    const struct sprout_plan_window *window; /* NULL: the floor is kept in each hour */
    const struct sprout_judged *judged;   /* what the ledger's verdicts say; NULL: none */
    const struct sprout_settled *settled; /* what its references say; NULL: none */
    struct sprout_withdrawn withdrawn;
    struct sprout_hash_key salt;
    sprout_instant now; /* wall */
};

/* What the predictor's part of a plan rests on, and promises. */
struct sprout_plan_predicted {
    bool decides;
    int64_t samples;
    struct sprout_predict_price price; /* where it decides */
    sprout_grams caution; /* a request, for what is kept in hand; where it decides */
};

/* What verdicts say of one kind of prompts. */
struct sprout_plan_kind {
    int64_t verdicts; /* 0: none, the rest is unset and the whole holds */
    struct sprout_quality_interval relative[SPROUT_LEVELS_MAX]; /* 90 % */
};

/* What verdicts say of quality relative to L0, and what the plan made of it. */
struct sprout_plan_evidence {
    int64_t questions; /* put to the judge; 0: none, all else is then unset */
    int64_t verdicts;  /* readable replies */
    double n;          /* comparisons they are worth, the old ones counted less */
    bool used;
    bool jumped; /* the newest run disagreed, so the older ones count little */
    enum sprout_judge_fault fault; /* of the judge */
    char why[100]; /* the judge's fault, or that the directives are others */
    double certainty;
    struct sprout_quality_interval relative[SPROUT_LEVELS_MAX]; /* 90 % */
    double cautious[SPROUT_LEVELS_MAX]; /* what the optimum takes, at `certainty` */
    sprout_grams caution; /* a request more than with the means; NaN: not used */
    struct sprout_plan_kind kind[SPROUT_KIND_COUNT];
};

/* How the floor stands over its window, and what the plan made of that. */
struct sprout_plan_windowed {
    bool used; /* false: there is no window, all else is unset */
    bool
        acts; /* false: the floor is kept in this hour, too little traffic was seen yet */
    int64_t traffic_hours;
    enum sprout_window_kind kind;
    sprout_instant start, end;
    int64_t hours;          /* ahead, this one included */
    int64_t foretold, ours; /* of them by the provider, by core/forecast; the rest is
                                taken to be as now */
    double expected;        /* requests in them */
    double floor;           /* over the window */
    double hourly_floor;    /* of this hour */
    int64_t requests;       /* served so far */
    double quality;         /* of them, relative to L0; NaN: none */
    double account;         /* requests' worth of L0's quality over the floor */
    bool in_reach;          /* the floor can be kept over the window */
    bool raised;            /* this hour is as good as it is for the hourly floor alone */
};

/* What references say of accuracy relative to L0, and what the plan made of it. */
struct sprout_plan_accuracy {
    double floor; /* 0: none is asked for, all else says nothing then */
    double certainty;
    char why[80];                      /* no level is known at all because ... */
    double prompts[SPROUT_LEVELS_MAX]; /* behind a level; the old ones count less */
    struct sprout_quality_interval relative[SPROUT_LEVELS_MAX]; /* 90 % */
    double
        cautious[SPROUT_LEVELS_MAX]; /* what the optimum takes; NaN: too little known */
    uint32_t withheld;               /* bit l: so nobody is given level l */
    double mix;                      /* relative accuracy of the mix */
    double price;                    /* g per unit of it */
};

/* Why this policy: what `sprout policy explain` and /v1/status say in words. */
struct sprout_plan_why {
    struct sprout_floor floor;      /* and which case of which rule gave it */
    struct sprout_grid_range range; /* extremes the rule used; points 0: none */
    bool feasible; /* false: the best quality that can be had is served */
    double price;  /* g per unit of relative quality */
    sprout_grams grams[SPROUT_LEVELS_MAX]; /* expected per request, per level */
    double quality[SPROUT_LEVELS_MAX];     /* relative to L0 */
    sprout_grams grams_mix;                /* expected per request of the mix */
    double quality_mix;
    struct sprout_plan_windowed window;
    struct sprout_plan_predicted predicted;
    struct sprout_plan_evidence evidence;
    struct sprout_plan_accuracy accuracy;
};

/* SPROUT_INVALID (inputs that make no policy: *err), SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_plan(const struct sprout_plan_in *in,
                                               struct sprout_arena *arena,
                                               const struct sprout_policy **out_policy,
                                               struct sprout_plan_why *out_why,
                                               struct sprout_error *err);

/* A place beside that of `in`. */
struct sprout_plan_zone {
    struct sprout_str name;
    struct sprout_grid_value grid;
    struct sprout_grid_range range;
    const struct sprout_plan_window *window; /* NULL: none */
};

/* The same, and a zone of the policy for each of `zones`, at most SPROUT_ZONES_MAX: all that
 * `in` says holds there but grid and range.  `out_zone_why` has one a zone. */
SPROUT_MUST_USE enum sprout_status sprout_plan_zones(
    const struct sprout_plan_in *in, const struct sprout_plan_zone *zones, size_t n,
    struct sprout_arena *arena, const struct sprout_policy **out_policy,
    struct sprout_plan_why *out_why, struct sprout_plan_why *out_zone_why,
    struct sprout_error *err);

/* Grams per request (operational and embodied, NaN if unknown) and quality relative to L0,
 * of every level of a stratum, at the policy's own grid value.  Arrays of SPROUT_LEVELS_MAX. */
void sprout_plan_weigh(const struct sprout_policy *p, size_t stratum,
                       sprout_grams *out_grams, double *out_quality);

/* Appends the explanation as one JSON object (plan.json). */
void sprout_plan_why_put(struct sprout_buf *b, const struct sprout_policy *p,
                         const struct sprout_plan_why *why);

/* Appends the window as one JSON object, null where there is none. */
void sprout_plan_windowed_put(struct sprout_buf *b, const struct sprout_plan_windowed *w);

/* Appends "corrections":{"other":[..],..}: what is added to predictions, by kind and level. */
void sprout_plan_corrections_put(struct sprout_buf *b,
                                 const struct sprout_policy_predictor *p);

/* Appends the evidence as one JSON object, null where there are no verdicts. */
void sprout_plan_evidence_put(struct sprout_buf *b, const struct sprout_policy *p,
                              const struct sprout_plan_evidence *e);

/* Appends what is known of accuracy as one JSON object, null where it has no floor. */
void sprout_plan_accuracy_put(struct sprout_buf *b, const struct sprout_policy *p,
                              const struct sprout_plan_accuracy *a);

/* Writes DIR/policy.json (and plan.json beside it): encoded, decoded once more and checked,
 * then written whole and renamed.  SPROUT_INVALID if it does not survive its own reader: a
 * fault of ours, nothing is written. */
SPROUT_MUST_USE enum sprout_status sprout_plan_publish(const char *dir,
                                                       const struct sprout_policy *p,
                                                       const struct sprout_plan_why *why,
                                                       struct sprout_error *err);

#endif
