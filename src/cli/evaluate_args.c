/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_args.c - see evaluate_args.h. */
#include "cli/evaluate_args.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/file.h"
#include "adapt/http_get.h"
#include "cli/run_opts.h"
#include "control/daemon.h"

enum {
    PATH_TEXT = 4096,
    ADDRESS_MAX = 512,
    STATUS_MAX = 1 << 20,
    ASK_SECONDS = 5,
    SECONDS_PER_HOUR = 3600,
};

const char sprout_evaluate_help[] =
    "usage: sprout evaluate [--prompts FILE] [--judge URL --judge-model M] "
    "[OPTION...]\n\n"
    "Answers prompts at every level, has a judge say which answer is best, and shows "
    "what\n"
    "came out.  Without --prompts it goes on with the evaluation that is open.\n\n"
    "  --prompts FILE        one JSON object a line: {\"prompt\": \"...\"} or\n"
    "                        {\"messages\": [...]}, optional \"reference\" and \"kind\"\n"
    "  --n N                 at most N of them, those kinds first whose quality is "
    "least\n"
    "                        known and matters most (all)\n"
    "  --judge URL           OpenAI-compatible judge; without it references alone count\n"
    "  --judge-model M       its model\n"
    "  --judge-key-file F    its key is F's first line; or in the environment variable\n"
    "  --judge-key-env NAME  of that name (SPROUT_JUDGE_KEY)\n"
    "  --form FORM           best-of (all answers at once) or pairwise (L0 against "
    "each)\n"
    "  --rubric FILE         your own criteria for the judge\n"
    "  --judge-max-tokens N  longest reply of the judge (512)\n"
    "  --model M             model that answers, where a prompt names none (the\n"
    "                        upstream's first)\n"
    "  --upstream URL        the inference server (the running control's)\n"
    "  --concurrency N       questions under way at the same time (1)\n"
    "  --patience S          give up for now after S seconds without any reply (600)\n"
    "  --config FILE         sprout.yaml, for what is not given here\n"
    "  --dir DIR             folder of policy and ledger (sprout-data)\n"
    "  --now                 begin at once, however dirty the grid; else a new "
    "evaluation\n"
    "                        waits for the clean hour that the folder's control sees\n"
    "                        ahead; where none runs, or its grid foretells nothing, "
    "there\n"
    "                        is nothing to wait for\n"
    "  --dry-run             say what it would cost, ask nobody\n"
    "  --json                the result as one JSON object\n"
    "  --help                this text\n\n"
    "Exit status 0 when it is done, 75 when it was stopped or nobody answers: then it\n"
    "stays open, and `sprout evaluate` goes on with it.\n";

struct flag {
    const char *name;
    size_t at;
    int64_t lo, hi; /* hi 0: a text */
};

#define AT(member) offsetof(struct sprout_evaluate_args, member)

static const struct flag flags[] = {
    {"--prompts", AT(prompts), 0, 0},
    {"--n", AT(n), 1, SPROUT_EVALUATOR_ITEMS_MAX},
    {"--judge", AT(judge), 0, 0},
    {"--judge-model", AT(judge_model), 0, 0},
    {"--judge-key-file", AT(judge_key_file), 0, 0},
    {"--judge-key-env", AT(judge_key_env), 0, 0},
    {"--form", AT(form), 0, 0},
    {"--rubric", AT(rubric), 0, 0},
    {"--judge-max-tokens", AT(judge_max_tokens), 1, 100000},
    {"--model", AT(model), 0, 0},
    {"--upstream", AT(upstream), 0, 0},
    {"--concurrency", AT(concurrency), 1, SPROUT_EVALUATOR_CONCURRENCY_MAX},
    {"--patience", AT(patience_s), 1, 1000000},
    {"--config", AT(config), 0, 0},
    {"--dir", AT(dir), 0, 0},
};

static enum sprout_status take_value(struct sprout_evaluate_args *a, const struct flag *f,
                                     const char *value, struct sprout_error *err)
{
    char *const member = (char *)a + f->at;
    int64_t n;

    if (f->hi == 0) {
        memcpy(member, &value, sizeof value);
        return SPROUT_OK;
    }
    if (sprout_str_to_i64(sprout_str_of(value), &n) != SPROUT_OK || n < f->lo ||
        n > f->hi) {
        return sprout_fail(err, SPROUT_USAGE,
                           "%s is '%.40s', expected a whole number from %lld to %lld",
                           f->name, value, (long long)f->lo, (long long)f->hi);
    }
    memcpy(member, &n, sizeof n);
    return SPROUT_OK;
}

static bool take_switch(struct sprout_evaluate_args *a, const char *arg)
{
    bool *const at = strcmp(arg, "--now") == 0       ? &a->now
                     : strcmp(arg, "--dry-run") == 0 ? &a->dry_run
                     : strcmp(arg, "--json") == 0    ? &a->json
                     : strcmp(arg, "--help") == 0    ? &a->help
                                                     : NULL;
    if (at != NULL) {
        *at = true;
    }
    return at != NULL;
}

static const struct flag *find_flag(const char *arg)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(arg, flags[i].name) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

enum sprout_status sprout_evaluate_parse(int argc, char **argv,
                                         struct sprout_evaluate_args *out,
                                         struct sprout_error *err)
{
    *out = (struct sprout_evaluate_args){.judge_max_tokens = -1};
    for (int i = 1; i < argc; i++) {
        const struct flag *const f = find_flag(argv[i]);
        if (f == NULL && !take_switch(out, argv[i])) {
            return sprout_fail(err, SPROUT_USAGE,
                               "unknown argument '%.60s'; --help lists them", argv[i]);
        }
        if (f == NULL) {
            continue;
        }
        if (i + 1 == argc) {
            return sprout_fail(err, SPROUT_USAGE, "%s needs a value", argv[i]);
        }
        const enum sprout_status status = take_value(out, f, argv[++i], err);
        if (status != SPROUT_OK) {
            return status;
        }
    }
    return SPROUT_OK;
}

/* ---- what the flags leave open --------------------------------------------------------- */

static void prefer(const char **flag, const char *otherwise)
{
    if (*flag == NULL) {
        *flag = otherwise;
    }
}

static enum sprout_status take_config(struct sprout_evaluate_args *a,
                                      struct sprout_error *err)
{
    struct sprout_run_opts opts = {.config = a->config};
    enum sprout_status status = SPROUT_OK;

    if (a->config != NULL) {
        status = sprout_run_opts_load(&opts, &a->loaded, err);
    } else {
        status = sprout_config_default(&a->loaded);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    const struct sprout_config_evaluation *const e = &a->loaded->evaluation;
    prefer(&a->dir, a->loaded->dir);
    prefer(&a->upstream, a->loaded->upstream);
    prefer(&a->judge, e->judge.url);
    prefer(&a->judge_model, e->judge.model);
    prefer(&a->judge_key_file, e->judge.key_file);
    prefer(&a->judge_key_env, e->judge.key_env);
    prefer(&a->rubric, e->judge.rubric_file);
    prefer(&a->form, sprout_judge_form_text(e->judge.form));
    if (a->config != NULL && e->prompts[0] != '\0') {
        prefer(&a->prompts, e->prompts);
    }
    a->concurrency = a->concurrency > 0 ? a->concurrency : e->concurrency;
    a->judge_max_tokens =
        a->judge_max_tokens > 0 ? a->judge_max_tokens : e->judge.max_tokens;
    a->patience_s = a->patience_s > 0 ? a->patience_s : 600;
    a->keep_s = e->sample.keep_hours * SECONDS_PER_HOUR;
    return SPROUT_OK;
}

struct json_t *sprout_evaluate_status(const char *dir)
{
    char path[PATH_TEXT], address[ADDRESS_MAX];
    struct sprout_file file = {0};
    json_t *root = NULL;
    int code = 0;

    snprintf(path, sizeof path, "%.4000s/%s", dir, SPROUT_PATH_ADMIN);
    if (sprout_file_read(path, ADDRESS_MAX - 1, &file, NULL) != SPROUT_OK) {
        return NULL;
    }
    snprintf(address, sizeof address, "%.*s", (int)strcspn(file.bytes, "\n"), file.bytes);
    sprout_file_free(&file);
    char *const memory = malloc(STATUS_MAX);
    struct sprout_buf b = sprout_buf_of(memory, memory == NULL ? 0 : STATUS_MAX);
    if (memory != NULL &&
        sprout_http_get(address, "/v1/status", sprout_span_seconds(ASK_SECONDS), &b,
                        &code, NULL) == SPROUT_OK) {
        root = json_loadb(b.ptr, b.len, 0, NULL);
    }
    free(memory);
    return root;
}

/* The upstream that the folder's control works for; "" if none says. */
static void ask_control(struct sprout_evaluate_args *a)
{
    json_t *const root = sprout_evaluate_status(a->dir);
    const char *const url = json_string_value(json_object_get(root, "upstream"));
    a->found_upstream = url == NULL ? NULL : strdup(url);
    json_decref(root);
}

/* Another process, in another folder, may go on with it. */
static enum sprout_status make_absolute(const char **path, char **keep,
                                        struct sprout_error *err)
{
    if ((*path)[0] == '\0') {
        return SPROUT_OK;
    }
    *keep = realpath(*path, NULL);
    if (*keep == NULL) {
        return sprout_fail(err, SPROUT_NOT_FOUND, "%.200s is not there", *path);
    }
    *path = *keep;
    return SPROUT_OK;
}

enum sprout_status sprout_evaluate_settle(struct sprout_evaluate_args *a,
                                          struct sprout_error *err)
{
    enum sprout_status status = take_config(a, err);

    if (status == SPROUT_OK &&
        sprout_judge_form_of(sprout_str_of(a->form)) == SPROUT_JUDGE_FORMS) {
        status = sprout_fail(err, SPROUT_USAGE,
                             "--form is '%.40s', expected best-of or pairwise", a->form);
    }
    if (status == SPROUT_OK && a->judge[0] != '\0' && a->judge_model[0] == '\0') {
        status = sprout_fail(err, SPROUT_USAGE,
                             "--judge needs --judge-model: the name of its model");
    }
    if (status == SPROUT_OK) {
        status = make_absolute(&a->judge_key_file, &a->found_files[0], err);
    }
    if (status == SPROUT_OK) {
        status = make_absolute(&a->rubric, &a->found_files[1], err);
    }
    if (status == SPROUT_OK && a->upstream[0] == '\0') {
        ask_control(a);
        a->upstream = a->found_upstream == NULL ? "" : a->found_upstream;
        if (a->upstream[0] == '\0' && a->prompts != NULL && !a->dry_run) {
            status = sprout_fail(err, SPROUT_USAGE,
                                 "no control runs in %.200s, so --upstream must say whom "
                                 "to ask",
                                 a->dir);
        }
    }
    return status;
}

void sprout_evaluate_args_free(struct sprout_evaluate_args *a)
{
    free(a->found_upstream);
    free(a->found_files[0]);
    free(a->found_files[1]);
    sprout_config_free(a->loaded);
}

struct sprout_evaluator_plan sprout_evaluate_plan(const struct sprout_evaluate_args *a)
{
    return (struct sprout_evaluator_plan){
        .source = "prompts",
        .upstream = a->upstream,
        .model = a->model,
        .judge_url = a->judge,
        .judge_model = a->judge_model,
        .judge_key_file = a->judge_key_file,
        .judge_key_env = a->judge_key_env,
        .rubric_file = a->rubric,
        .form = a->judge[0] == '\0' ? SPROUT_JUDGE_NONE
                                    : sprout_judge_form_of(sprout_str_of(a->form)),
        .judge_max_tokens = a->judge_max_tokens,
        .concurrency = (int)a->concurrency,
        .n = a->n,
    };
}
