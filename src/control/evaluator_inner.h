/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_inner.h - what the files of the evaluator share; nobody else includes it. */
#ifndef SPROUT_CONTROL_EVALUATOR_INNER_H
#define SPROUT_CONTROL_EVALUATOR_INNER_H

#include "adapt/http.h"
#include "control/evaluator.h"

enum {
    SPROUT_EVALUATOR_PATH_MAX = 4096,
    SPROUT_EVALUATOR_URL_MAX = 1024,
    SPROUT_EVALUATOR_TEXT_MAX = 256,
    SPROUT_EVALUATOR_REPLY_MAX = 4 << 20,
};

/* Locks in the folder: makers of a run share the one, its worker has the other alone. */
#define SPROUT_EVALUATOR_MAKING  "evaluator.making"
#define SPROUT_EVALUATOR_WORKING "evaluator.lock"

#define SPROUT_EVALUATOR_KEPT_TOO_LONG                                                   \
    "its sampled prompts were deleted: they were kept as long as "                       \
    "evaluation.sample.keep_hours allows"

#define SPROUT_EVALUATOR_ROUTE SPROUT_STR("/v1/chat/completions")

struct evaluator_item {
    int64_t id;
    int64_t no;
    uint32_t answered;
    uint32_t questions;
    int stratum; /* in the policy; -1: no longer there */
    bool open;
    uint8_t tries; /* of answers that made no sense */
};

/* Who is asked, and until when it is left alone. */
struct evaluator_peer {
    char url[SPROUT_EVALUATOR_URL_MAX];
    sprout_mono rest_until;
    int failures; /* in a row */
    bool enough;  /* it failed in this batch: ask no more now */
    char why[SPROUT_EVALUATOR_NOTE_MAX];
};

struct evaluator {
    struct sprout_store *store;
    const struct sprout_evaluator_opts *opts;
    int64_t run;
    char source[16];
    sprout_instant created;
    char *memory; /* of the policy */
    const struct sprout_policy *policy;
    int levels;
    enum sprout_judge_form form;
    int questions;
    char model[SPROUT_EVALUATOR_TEXT_MAX];
    char judge_model[SPROUT_EVALUATOR_TEXT_MAX];
    char base[SPROUT_EVALUATOR_URL_MAX]; /* of the upstream */
    char *key;                           /* of the judge, owned */
    char *rubric;                        /* owned; NULL: ours */
    int64_t judge_max_tokens;
    int concurrency;
    struct evaluator_peer upstream, judge;
    struct evaluator_item *item; /* owned */
    size_t items;
    int64_t done_before, done, failed;
    sprout_mono began, last_came;
    double best_s_per_token;   /* the quickest answer so far; 0: none */
    double pace;               /* of the last answer */
    bool no_slots, no_metrics; /* the upstream does not tell */
    char note[SPROUT_EVALUATOR_NOTE_MAX];
    /* A failure of the ledger or the disk: the run cannot go on now. */
    enum sprout_status broken;
    struct sprout_error *err;
};

/* Takes a lock file with flock(); its descriptor, or -1 and errno. */
int sprout_evaluator_lock(const char *dir, const char *name, int how);
/* True when texts of such a run may lie no longer. */
bool sprout_evaluator_kept_too_long(struct sprout_str source, sprout_instant created,
                                    int64_t keep_s, sprout_instant now);

/* The plan as JSON, owned; NULL without memory.  And back, into the evaluator. */
char *sprout_evaluator_options(const struct sprout_evaluator_plan *plan);
SPROUT_MUST_USE enum sprout_status sprout_evaluator_take_options(
    struct evaluator *e, struct sprout_str options, struct sprout_error *err);

/* PATH of the upstream, e.g. ".../v1/models", of base URL `base`. */
void sprout_evaluator_url(const char *base, const char *path, char *out, size_t cap);
/* The judge's endpoint from what the operator gave: a base, .../v1 or the whole. */
void sprout_evaluator_judge_url(const char *given, char *out, size_t cap);

/* Reads DIR/policy.json into *out_memory (owned). */
SPROUT_MUST_USE enum sprout_status sprout_evaluator_policy(
    const char *dir, char **out_memory, const struct sprout_policy **out,
    struct sprout_error *err);
/* 16 digits that differ where a level's text or patches do. */
void sprout_evaluator_directives(const struct sprout_policy *p, char out[17]);

/* A prompt at hand. */
struct evaluator_candidate {
    bool left_out; /* nginx would not touch it */
    struct sprout_str stratum;
    const char *kind;
    int cell;      /* out */
    double weight; /* out: prompts it stands for; 0: it is not judged */
};
/* Chooses `n` of them (0: all), those whose quality is least known and matters most first. */
SPROUT_MUST_USE enum sprout_status sprout_evaluator_choose(
    struct sprout_store *store, const struct sprout_policy *policy,
    struct evaluator_candidate *from, size_t count, int64_t n, sprout_instant now,
    struct sprout_error *err);

/* Asks for the answers that these items lack. */
void sprout_evaluator_answer(struct evaluator *e, struct evaluator_item **batch,
                             size_t n);
/* Asks the judge what these items lack. */
void sprout_evaluator_judge(struct evaluator *e, struct evaluator_item **batch, size_t n);
/* True when the upstream has better things to do; the reason is noted. */
bool sprout_evaluator_busy(struct evaluator *e);

/* True when the reply says that nothing is paid for any more, whatever its code: some say it
 * with 402, others with 429, 403 or 400 and a word in the body. */
bool sprout_evaluator_out_of_quota(const struct sprout_http_call *call);
/* The peer failed: it rests for a while, or as long as it asked. */
void sprout_evaluator_rest(struct evaluator_peer *p, const struct sprout_http_call *call,
                           const char *who);
void sprout_evaluator_came(struct evaluator *e, struct evaluator_peer *p);
/* The item is over: texts go, the row says so. */
void sprout_evaluator_close(struct evaluator *e, struct evaluator_item *item,
                            const char *state, const char *why);
/* Remembers the first failure of the ledger or the disk. */
void sprout_evaluator_broke(struct evaluator *e, enum sprout_status status,
                            const struct sprout_error *why);

#endif
