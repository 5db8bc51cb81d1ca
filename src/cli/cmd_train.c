/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_train.c - `sprout train`: measured and judged requests to predictor weights.
 *
 * Arguments, progress and printing; the work is sim/train's. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/requests.h"
#include "adapt/weights.h"
#include "cli/cli.h"
#include "cli/predictor_print.h"
#include "cli/train_dir.h"
#include "core/instant.h"
#include "core/predict_model.h"
#include "sim/train_examples.h"

static const char usage[] =
    "usage: sprout train --requests DIR --out FILE [OPTION...]\n"
    "       sprout train --ledger FILE --out FILE [OPTION...]\n"
    "       sprout train --dir DIR [OPTION...]\n"
    "\n"
    "Trains a predictor and writes its weights.  One that does not beat the base rate "
    "on\n"
    "prompts held out is refused, and FILE stays as it was.\n"
    "\n"
    "  --requests DIR   learn from measured requests (one <task>.jsonl per task, as\n"
    "                   'sprout simulate' reads them)\n"
    "  --ledger FILE    learn from what evaluations left in this ledger\n"
    "  --dir DIR        learn from the ledger in the folder of a control, hold a part\n"
    "                   out, and replace the predictor in force there if the new one is\n"
    "                   better on it: what control does by itself\n"
    "  --against FILE   with --requests: write --out only if the new one is better than\n"
    "                   these weights, on prompts held out that neither has seen\n"
    "  --seen DIR       what those weights were trained on: not compared on\n"
    "  --out FILE       where the weights go\n"
    "  --only TASKS     of the folder only these tasks, by commas\n"
    "  --maths TASKS    tasks whose prompts are maths (default: those whose references "
    "are\n"
    "                   numbers); names are used for nothing else\n"
    "  --note TEXT      said in the weights beside what they were trained on: licences, "
    "why\n"
    "  --seed S         of the folds and of the nets (default: 1)\n"
    "  --at TIME        the moment written into the weights (default: now); with it the "
    "same\n"
    "                   folder and seed give the same bytes\n"
    "  --threads N      1 to 8 (default: one a processor); the result is the same\n"
    "  --background     with --dir: at low priority, in one thread, silently\n"
    "  --json           the figures as JSON\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0; 1 for a predictor that does not beat the base rate, or the one in\n"
    "force; 2 for a wrong command line; 65 for damaged or too few requests; 66 where "
    "there\n"
    "is no folder; 74 when writing failed.\n";

enum option_id {
    OPT_REQUESTS = 256,
    OPT_LEDGER,
    OPT_DIR,
    OPT_BACKGROUND,
    OPT_AGAINST,
    OPT_SEEN,
    OPT_OUT,
    OPT_ONLY,
    OPT_MATHS,
    OPT_NOTE,
    OPT_SEED,
    OPT_AT,
    OPT_THREADS,
    OPT_JSON,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"ledger", required_argument, NULL, OPT_LEDGER},
    {"dir", required_argument, NULL, OPT_DIR},
    {"background", no_argument, NULL, OPT_BACKGROUND},
    {"against", required_argument, NULL, OPT_AGAINST},
    {"seen", required_argument, NULL, OPT_SEEN},
    {"out", required_argument, NULL, OPT_OUT},
    {"only", required_argument, NULL, OPT_ONLY},
    {"maths", required_argument, NULL, OPT_MATHS},
    {"note", required_argument, NULL, OPT_NOTE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"at", required_argument, NULL, OPT_AT},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct command {
    const char *requests, *ledger, *dir; /* one of them; NULL: not given */
    const char *out;
    const char *against, *seen;
    const char *only;  /* NULL: all tasks */
    const char *maths; /* NULL: by their references */
    const char *note;
    struct sprout_train_opts opts;
    bool background;
    bool json;
    bool help;
    struct sprout_error err;
};

/* ---- the command line ------------------------------------------------------------------ */

static enum sprout_status take_number(struct command *c, const char *name, int64_t least,
                                      int64_t most, int64_t *out)
{
    int64_t v = 0;
    if (sprout_str_to_i64(sprout_str_of(optarg), &v) != SPROUT_OK || v < least ||
        v > most) {
        return sprout_fail(&c->err, SPROUT_USAGE,
                           "--%s '%s': expected a whole number from %lld to %lld", name,
                           optarg, (long long)least, (long long)most);
    }
    *out = v;
    return SPROUT_OK;
}

static enum sprout_status take_at(struct command *c)
{
    if (sprout_instant_parse(sprout_str_of(optarg), &c->opts.now) != SPROUT_OK) {
        return sprout_fail(&c->err, SPROUT_USAGE,
                           "--at '%s': expected a time, as in 2023-02-03T08:00", optarg);
    }
    return SPROUT_OK;
}

static enum sprout_status take(struct command *c, enum option_id id)
{
    int64_t n = 0;
    enum sprout_status st = SPROUT_OK;
    switch (id) {
    case OPT_REQUESTS:
        c->requests = optarg;
        break;
    case OPT_LEDGER:
        c->ledger = optarg;
        break;
    case OPT_DIR:
        c->dir = optarg;
        break;
    case OPT_AGAINST:
        c->against = optarg;
        break;
    case OPT_SEEN:
        c->seen = optarg;
        break;
    case OPT_BACKGROUND:
        c->background = true;
        break;
    case OPT_OUT:
        c->out = optarg;
        break;
    case OPT_ONLY:
        c->only = optarg;
        break;
    case OPT_MATHS:
        c->maths = optarg;
        break;
    case OPT_NOTE:
        c->note = optarg;
        break;
    case OPT_SEED:
        st = take_number(c, "seed", 0, INT64_MAX, &n);
        c->opts.seed = (uint64_t)n;
        break;
    case OPT_AT:
        st = take_at(c);
        break;
    case OPT_THREADS:
        st = take_number(c, "threads", 1, 8, &n);
        c->opts.threads = (int)n;
        break;
    case OPT_JSON:
        c->json = true;
        break;
    case OPT_HELP:
        c->help = true;
        break;
    }
    return st;
}

/* An option that would be read by nobody is a mistake. */
static enum sprout_status check_pairs(struct command *c)
{
    const struct {
        const char *option, *with;
        bool lost;
    } pair[] = {
        {"against", "--requests", c->against != NULL && c->requests == NULL},
        {"seen", "--against", c->seen != NULL && c->against == NULL},
        {"only", "--requests", c->only != NULL && c->requests == NULL},
        {"maths", "--requests", c->maths != NULL && c->requests == NULL},
        {"background", "--dir", c->background && c->dir == NULL},
    };
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        if (pair[i].lost) {
            return sprout_fail(&c->err, SPROUT_USAGE, "--%s goes with %s", pair[i].option,
                               pair[i].with);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status parse(struct command *c, int argc, char **argv)
{
    for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (id == '?') { /* getopt has said it */
            return sprout_fail(&c->err, SPROUT_USAGE, "'sprout train --help' says how");
        }
        const enum sprout_status st = take(c, (enum option_id)id);
        if (st != SPROUT_OK) {
            return st;
        }
    }
    const int sources = (c->requests != NULL) + (c->ledger != NULL) + (c->dir != NULL);
    const bool needs_file = c->dir == NULL;
    if (!c->help && (sources != 1 || needs_file != (c->out != NULL) || optind != argc)) {
        return sprout_fail(&c->err, SPROUT_USAGE,
                           "expected --requests DIR or --ledger FILE, and --out FILE; or "
                           "--dir DIR alone; 'sprout train --help' says how");
    }
    return c->help ? SPROUT_OK : check_pairs(c);
}

/* ---- the work -------------------------------------------------------------------------- */

static enum sprout_status fail_unknown(struct command *c, const char *option,
                                       struct sprout_str task)
{
    return sprout_fail(&c->err, SPROUT_USAGE, "--%s: no task '%.*s' in %s", option,
                       (int)(task.len < 40 ? task.len : 40), task.ptr, c->requests);
}

static enum sprout_status find_maths(struct command *c, const struct sprout_requests *r,
                                     const struct sprout_accuracy *a,
                                     bool out[SPROUT_TASKS_MAX])
{
    struct sprout_str unknown;
    if (c->maths == NULL) {
        sprout_train_maths(r, a, out);
        return SPROUT_OK;
    }
    return sprout_train_tasks(r, sprout_str_of(c->maths), out, &unknown)
               ? SPROUT_OK
               : fail_unknown(c, "maths", unknown);
}

/* Leaves the examples of the tasks named, in order; each name must be a task. */
static enum sprout_status leave_only(struct command *c, const struct sprout_requests *r,
                                     struct sprout_train_example *e, size_t *count)
{
    bool kept[SPROUT_TASKS_MAX];
    struct sprout_str unknown;
    if (!sprout_train_tasks(r, sprout_str_of(c->only), kept, &unknown)) {
        return fail_unknown(c, "only", unknown);
    }
    *count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (kept[r->request[i].task]) {
            e[(*count)++] = e[i];
        }
    }
    return SPROUT_OK;
}

/* "gsm8k 3652, mmlu 2454 (sha256 of the folder 0123456789ab); note" */
static void say_source(const struct command *c, const struct sprout_requests *r,
                       struct sprout_buf *b)
{
    bool kept[SPROUT_TASKS_MAX];
    struct sprout_str unused;
    const bool some =
        c->only != NULL && sprout_train_tasks(r, sprout_str_of(c->only), kept, &unused);
    for (size_t k = 0; k < r->tasks; k++) {
        if (!some || kept[k]) {
            sprout_buf_printf(b, "%s%s %zu", b->len > 0 ? ", " : "", r->task[k],
                              r->task_count[k]);
        }
    }
    sprout_buf_printf(b, " (folder sha256 %.16s)", r->sha256);
    if (c->note != NULL) {
        sprout_buf_printf(b, "; %s", c->note);
    }
}

static void show_progress(void *ctx, int done, int of)
{
    (void)ctx;
    fprintf(stderr, "\rtraining: %3d %%%s", 100 * done / of, done == of ? "\n" : "");
    fflush(stderr);
}

static enum sprout_status train(struct command *c, const struct sprout_requests *r,
                                struct sprout_train_example *e, size_t count)
{
    char source[SPROUT_PREDICT_SOURCE_MAX];
    struct sprout_buf b = sprout_buf_of(source, sizeof source - 1);
    say_source(c, r, &b);
    c->opts.trained_on = sprout_buf_str(&b);
    c->opts.progress = isatty(STDERR_FILENO) ? show_progress : NULL;

    if (c->against != NULL) {
        const struct sprout_train_against how = {c->against, c->seen, c->out, c->json};
        return sprout_train_against(&how, e, count, &c->opts, &c->err);
    }
    struct sprout_trained trained;
    struct sprout_predictor p;
    enum sprout_status st = sprout_train(e, count, &c->opts, &trained, &c->err);
    if (st != SPROUT_OK) {
        return st;
    }
    st = sprout_predictor_view(trained.bytes, trained.len, &p, &c->err);
    if (st == SPROUT_OK) {
        st = sprout_weights_write(c->out, trained.bytes, trained.len, &c->err);
    }
    if (st == SPROUT_OK) {
        (c->json ? sprout_predictor_print_json : sprout_predictor_print)(&p);
    }
    sprout_trained_free(&trained);
    return st;
}

static enum sprout_status read_and_train(struct command *c)
{
    struct sprout_requests r = {0};
    struct sprout_accuracy a = {0};
    struct sprout_train_example *e = NULL;
    enum sprout_status st = sprout_requests_read(c->requests, &r, &c->err);
    if (st != SPROUT_OK) {
        return st;
    }
    st = sprout_accuracy_make(&r, &a, &c->err);
    bool maths[SPROUT_TASKS_MAX];
    if (st == SPROUT_OK) {
        st = find_maths(c, &r, &a, maths);
    }
    if (st == SPROUT_OK) {
        e = sprout_train_examples(&r, &a, maths);
        st = e != NULL ? SPROUT_OK
                       : sprout_fail(&c->err, SPROUT_NO_MEMORY, "out of memory");
    }
    size_t count = r.count;
    if (st == SPROUT_OK && c->only != NULL) {
        st = leave_only(c, &r, e, &count);
    }
    if (st == SPROUT_OK) {
        st = train(c, &r, e, count);
    }
    free(e);
    sprout_accuracy_free(&a);
    sprout_requests_free(&r);
    return st;
}

static enum sprout_status work(struct command *c)
{
    if (c->requests != NULL) {
        return read_and_train(c);
    }
    c->opts.progress = isatty(STDERR_FILENO) && !c->background ? show_progress : NULL;
    return c->dir != NULL
               ? sprout_train_dir(c->dir, &c->opts, c->background, c->json, &c->err)
               : sprout_train_ledger(c->ledger, c->out, c->note, &c->opts, c->json,
                                     &c->err);
}

int sprout_cmd_train(int argc, char **argv)
{
    struct command c = {.opts = {.seed = 1}};
    c.opts.now = sprout_clock_wall();
    enum sprout_status st = parse(&c, argc, argv);
    if (st == SPROUT_OK && c.help) {
        fputs(usage, stdout);
        return 0;
    }
    if (st == SPROUT_OK) {
        st = work(&c);
    }
    if (st != SPROUT_OK) {
        fprintf(stderr, "sprout train: %s\n", c.err.message);
    }
    return sprout_status_exit(st);
}
