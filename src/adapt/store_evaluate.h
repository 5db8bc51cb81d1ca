/* SPDX-License-Identifier: Apache-2.0 */
/* store_evaluate.h - the ledger's part of evaluations: runs, items, answers, verdicts.
 *
 *     run 1 -- n item 1 -- one answer per level
 *                      '-- one verdict per question put to the judge
 *
 * A row is written as soon as what it tells of exists, each in a transaction of its own, and
 * (item, level) and (item, question) are unique: whoever is killed goes on from the rows and
 * pays nothing twice.  No text of a prompt or an answer is here, only the prompt's SHA-256;
 * texts lie in files of the spool folder until the item is judged.
 * What a judge said is kept as it was said: the order shown, the levels it named, or that it
 * could not be read.  Whether it is believed is core/quality's business.
 * Errors and threads: as store.h. */
#ifndef SPROUT_ADAPT_STORE_EVALUATE_H
#define SPROUT_ADAPT_STORE_EVALUATE_H

#include "adapt/store.h"
#include "core/policy.h"

/* What a run is; texts are borrowed until the call or callback returns. */
struct sprout_store_evaluation {
    int64_t id;
    sprout_instant created;
    sprout_instant finished;       /* ns < 0: not yet */
    struct sprout_str state;       /* "open", "done", "stopped", "failed" */
    struct sprout_str source;      /* "prompts" or "sample" */
    struct sprout_str form;        /* "best-of", "pairwise", "none" (references alone) */
    struct sprout_str model;       /* that answers */
    struct sprout_str judge_model; /* empty: none */
    struct sprout_str levels;      /* "L0,L1,L2" */
    struct sprout_str directives;  /* hash of the levels' texts: other texts, other run */
    struct sprout_str policy;      /* id, whose levels these are */
    struct sprout_str options;     /* JSON: what going on needs to know */
    struct sprout_str note;        /* why it waits or ended; empty: nothing to say */
    int64_t items;
    int64_t judged; /* items that have all their verdicts */
    int64_t failed; /* items given up */
    int64_t answers;
    int64_t verdicts;
    int64_t unreadable;
    int64_t energy_uj; /* of answers and judge, where known */
    int64_t tokens;    /* prompt and completion of both, where known */
    int64_t grams_ug;
};

SPROUT_MUST_USE enum sprout_status sprout_store_put_evaluation(
    struct sprout_store *s, const struct sprout_store_evaluation *e, int64_t *out_id,
    struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_store_set_evaluation(
    struct sprout_store *s, int64_t id, const char *state, const char *note,
    sprout_instant finished, struct sprout_error *err);

/* Called once a run, newest first. */
typedef void sprout_store_evaluation_fn(void *ctx,
                                        const struct sprout_store_evaluation *e);
SPROUT_MUST_USE enum sprout_status sprout_store_evaluations(
    struct sprout_store *s, int64_t limit, sprout_store_evaluation_fn *each, void *ctx,
    struct sprout_error *err);
/* One run.  SPROUT_NOT_FOUND. */
SPROUT_MUST_USE enum sprout_status sprout_store_evaluation(
    struct sprout_store *s, int64_t id, sprout_store_evaluation_fn *each, void *ctx,
    struct sprout_error *err);
/* Id of the oldest run that is open; SPROUT_NOT_FOUND. */
SPROUT_MUST_USE enum sprout_status sprout_store_open_evaluation(struct sprout_store *s,
                                                                int64_t *out_id,
                                                                struct sprout_error *err);

struct sprout_store_item {
    int64_t id;
    int64_t run;
    int64_t no;               /* from 0 */
    struct sprout_str prompt; /* SHA-256 of the request, hex */
    struct sprout_str stratum;
    struct sprout_str kind;  /* the operator's word; empty: none */
    bool reference;          /* one is known */
    double weight;           /* prompts it stands for; core/sampling */
    struct sprout_str state; /* "open", "judged", "failed" */
    uint32_t answered;       /* bit l: level l has its answer */
    uint32_t questions;      /* bit q: question q has its verdict */
};

SPROUT_MUST_USE enum sprout_status sprout_store_put_item(
    struct sprout_store *s, const struct sprout_store_item *item, int64_t *out_id,
    struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_store_set_item(struct sprout_store *s,
                                                         int64_t id, const char *state,
                                                         const char *why,
                                                         struct sprout_error *err);
typedef void sprout_store_item_fn(void *ctx, const struct sprout_store_item *item);
/* All items of a run, in order. */
SPROUT_MUST_USE enum sprout_status sprout_store_items(struct sprout_store *s, int64_t run,
                                                      sprout_store_item_fn *each,
                                                      void *ctx,
                                                      struct sprout_error *err);

/* What a call of a model cost: the receipt of an answer or a verdict. */
struct sprout_store_cost {
    sprout_instant at;
    sprout_tokens prompt;
    sprout_tokens completion;
    sprout_microseconds time; /* of the call, as measured; < 0 unknown */
    sprout_microjoules energy;
    sprout_micrograms grams;  /* operational and embodied */
    struct sprout_str method; /* of the energy; "estimated:" before a remote judge's */
};

struct sprout_store_answer {
    int64_t item;
    int level;
    int right; /* 1 or 0 by the reference; -1: it cannot be said */
    struct sprout_store_cost cost;
};

/* A row that is there already stays as it is. */
SPROUT_MUST_USE enum sprout_status sprout_store_put_answer(
    struct sprout_store *s, const struct sprout_store_answer *a,
    struct sprout_error *err);

struct sprout_store_verdict {
    int64_t item;
    int64_t run;
    int question;                     /* from 0 */
    struct sprout_str form;           /* "best-of", "pairwise" */
    struct sprout_str judge;          /* model */
    uint8_t shown[SPROUT_LEVELS_MAX]; /* the level in each slot, first slot first */
    int slots;
    uint32_t best; /* bit l: level l was named; several: a tie; 0: unreadable */
    int tries;     /* replies it took */
    struct sprout_store_cost cost;
    /* Only when read: */
    int64_t no; /* of the item */
    struct sprout_str stratum;
    struct sprout_str kind;
    double weight;            /* of the item */
    uint32_t right, wrong;    /* levels whose answer the reference settles */
    struct sprout_str levels; /* of the run */
    struct sprout_str directives;
    struct sprout_str model;                 /* that answered */
    sprout_tokens tokens[SPROUT_LEVELS_MAX]; /* of the answer of each level */
};

SPROUT_MUST_USE enum sprout_status sprout_store_put_verdict(
    struct sprout_store *s, const struct sprout_store_verdict *v,
    struct sprout_error *err);

/* Verdicts given at or after `since`, of one run (or of all: 0), in order of their time. */
typedef void sprout_store_verdict_fn(void *ctx, const struct sprout_store_verdict *v);
SPROUT_MUST_USE enum sprout_status sprout_store_verdicts(
    struct sprout_store *s, int64_t run, sprout_instant since,
    sprout_store_verdict_fn *each, void *ctx, struct sprout_error *err);

/* What references say of the answers to one prompt. */
struct sprout_store_settled {
    sprout_instant at;     /* of the newest answer */
    uint32_t right, wrong; /* bit l: of level l */
    double weight;         /* of the item */
    struct sprout_str directives;
    struct sprout_str model; /* that answered */
};
typedef void sprout_store_settled_fn(void *ctx, const struct sprout_store_settled *s);
/* Of all runs, answers given at or after `since`, in order of their time. */
SPROUT_MUST_USE enum sprout_status sprout_store_settled(struct sprout_store *s,
                                                        sprout_instant since,
                                                        sprout_store_settled_fn *each,
                                                        void *ctx,
                                                        struct sprout_error *err);

/* Answers of a run per stratum and level. */
struct sprout_store_answer_sum {
    struct sprout_str stratum;
    int level;
    int64_t answers;
    int64_t right;
    int64_t settled; /* answers that a reference settles */
    int64_t tokens;  /* completion, where known */
    int64_t counted; /* answers behind `tokens` */
    int64_t energy_uj;
    int64_t metered; /* answers behind `energy_uj` */
    int64_t grams_ug;
    int64_t time_us;
};
typedef void sprout_store_answer_sum_fn(void *ctx,
                                        const struct sprout_store_answer_sum *sum);
SPROUT_MUST_USE enum sprout_status sprout_store_answer_sums(
    struct sprout_store *s, int64_t run, sprout_store_answer_sum_fn *each, void *ctx,
    struct sprout_error *err);

/* What evaluations cost in a range, answers and judge apart: their receipts, summed. */
struct sprout_store_evaluation_cost {
    int64_t answers;
    int64_t answer_tokens; /* prompt and completion */
    int64_t answer_energy_uj;
    int64_t answer_grams_ug;
    int64_t verdicts;
    int64_t judge_tokens;
    int64_t judge_energy_uj;
    int64_t judge_grams_ug;
    int64_t unknown; /* calls whose energy nobody knows */
};
SPROUT_MUST_USE enum sprout_status sprout_store_evaluation_cost(
    struct sprout_store *s, struct sprout_store_range range,
    struct sprout_store_evaluation_cost *out, struct sprout_error *err);

#endif
