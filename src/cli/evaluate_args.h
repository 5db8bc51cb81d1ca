/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_args.h - the flags of `sprout evaluate`, over the configuration where one is
 * given, over the running control where none is. */
#ifndef SPROUT_CLI_EVALUATE_ARGS_H
#define SPROUT_CLI_EVALUATE_ARGS_H

#include "control/config.h"
#include "control/evaluator.h"

struct sprout_evaluate_args {
    const char *dir;
    const char *config;
    const char *prompts;
    const char *upstream;
    const char *model;
    const char *judge;
    const char *judge_model;
    const char *judge_key_file;
    const char *judge_key_env;
    const char *rubric;
    const char *form;
    int64_t n; /* 0: all */
    int64_t concurrency;
    int64_t judge_max_tokens;
    int64_t patience_s;
    int64_t keep_s; /* sampled prompts; the running control's business where one runs */
    bool now;
    bool dry_run;
    bool json;
    bool help;
    char *found_upstream;             /* owned */
    char *found_dir, *found_files[2]; /* owned, absolute */
    struct sprout_config *loaded;     /* owned */
};

extern const char sprout_evaluate_help[];

SPROUT_MUST_USE enum sprout_status sprout_evaluate_parse(int argc, char **argv,
                                                         struct sprout_evaluate_args *out,
                                                         struct sprout_error *err);
/* What the flags leave open, from the configuration and the control. */
SPROUT_MUST_USE enum sprout_status sprout_evaluate_settle(struct sprout_evaluate_args *a,
                                                          struct sprout_error *err);
void sprout_evaluate_args_free(struct sprout_evaluate_args *a);

struct sprout_evaluator_plan sprout_evaluate_plan(const struct sprout_evaluate_args *a);

/* What the folder's control says at /v1/status, owned (json_decref); NULL: nobody says. */
struct json_t *sprout_evaluate_status(const char *dir);

/* --dry-run: what it would cost, printed; nothing is asked. */
SPROUT_MUST_USE enum sprout_status sprout_evaluate_dry_run(
    const struct sprout_evaluate_args *a, struct sprout_error *err);

#endif
