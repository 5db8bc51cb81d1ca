/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_evaluations.c - `sprout evaluations`: what was evaluated, newest first. */
#include <stdio.h>
#include <stdlib.h>

#include "adapt/store_evaluate.h"
#include "cli/cli.h"
#include "cli/evaluate_print.h"
#include "cli/run_opts.h"
#include "control/daemon.h"
#include "core/instant.h"

enum { PATH_TEXT = 4096, ROW_MAX = 4096, LIMIT = 50, LIMIT_MAX = 100000 };

static const char help[] =
    "usage: sprout evaluations [ID] [--dir DIR] [--n N] [--config FILE] [--json]\n\n"
    "Lists the evaluations in the ledger, newest first; with an ID shows that one.\n\n"
    "  --dir DIR  folder of the ledger (sprout-data)\n"
    "  --n N      at most N (50)\n"
    "  --config F sprout.yaml, for its prior on quality and half-life\n"
    "  --json     one JSON object a line\n"
    "  --help     this text\n";

struct args {
    const char *dir;
    const char *config; /* NULL: the defaults */
    int64_t n;
    int64_t id; /* 0: all */
    bool json;
    bool help;
};

static enum sprout_status number(const char *name, const char *value, int64_t *out,
                                 struct sprout_error *err)
{
    if (value == NULL || sprout_str_to_i64(sprout_str_of(value), out) != SPROUT_OK ||
        *out < 1 || *out > LIMIT_MAX) {
        return sprout_fail(err, SPROUT_USAGE, "%s needs a whole number from 1 to %d",
                           name, LIMIT_MAX);
    }
    return SPROUT_OK;
}

static enum sprout_status parse(int argc, char **argv, struct args *out,
                                struct sprout_error *err)
{
    struct args a = {.dir = "sprout-data", .n = LIMIT};
    enum sprout_status status = SPROUT_OK;

    for (int i = 1; i < argc && argv[i] != NULL && status == SPROUT_OK; i++) {
        const char *const next = argv[i + 1]; /* NULL behind the last one */
        if (strcmp(argv[i], "--json") == 0) {
            a.json = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            a.help = true;
        } else if (strcmp(argv[i], "--dir") == 0 && next != NULL) {
            a.dir = argv[++i];
        } else if (strcmp(argv[i], "--config") == 0 && next != NULL) {
            a.config = argv[++i];
        } else if (strcmp(argv[i], "--n") == 0) {
            status = number("--n", next, &a.n, err);
            i++;
        } else if (argv[i][0] != '-') {
            status = number("ID", argv[i], &a.id, err);
        } else {
            status = sprout_fail(err, SPROUT_USAGE,
                                 "unknown argument '%.60s'; --help lists them", argv[i]);
        }
    }
    *out = a;
    return status;
}

static void print_json(void *ctx, const struct sprout_store_evaluation *e)
{
    char text[ROW_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);

    (void)ctx;
    sprout_buf_byte(&b, '{');
    sprout_evaluation_put_head(&b, e);
    sprout_buf_byte(&b, '}');
    printf("%.*s\n", (int)b.len, b.ptr);
}

static void print_row(void *ctx, const struct sprout_store_evaluation *e)
{
    char when[40];
    struct sprout_buf b = sprout_buf_of(when, sizeof when - 1);
    int *const rows = ctx;

    if ((*rows)++ == 0) {
        printf("%6s %-22s %-8s %-9s %8s %8s %9s %8s  %s\n", "id", "begun", "state",
               "form", "prompts", "judged", "verdicts", "J", "judge");
    }
    sprout_instant_put(&b, e->created);
    when[b.len] = '\0';
    printf("%6lld %-22s %-8.*s %-9.*s %8lld %8lld %9lld %8.1f  %.*s%s%.*s\n",
           (long long)e->id, when, (int)e->state.len, e->state.ptr, (int)e->form.len,
           e->form.ptr, (long long)e->items, (long long)e->judged, (long long)e->verdicts,
           (double)e->energy_uj / 1e6, (int)e->judge_model.len, e->judge_model.ptr,
           e->note.len > 0 ? "  " : "", (int)e->note.len, e->note.ptr);
}

static enum sprout_status show(struct sprout_store *store, const struct args *a,
                               struct sprout_error *err)
{
    struct sprout_run_opts opts = {.config = a->config};
    struct sprout_config *config = NULL;
    enum sprout_status status = a->config != NULL
                                    ? sprout_run_opts_load(&opts, &config, err)
                                    : sprout_config_default(&config);

    if (status == SPROUT_OK) {
        status = sprout_evaluate_print(store, a->id, config, a->json, err);
    }
    sprout_config_free(config);
    return status;
}

int sprout_cmd_evaluations(int argc, char **argv)
{
    struct sprout_error err = {.message = ""};
    struct sprout_store *store = NULL;
    char path[PATH_TEXT];
    struct args a;
    int rows = 0;

    enum sprout_status status = parse(argc, argv, &a, &err);
    if (status == SPROUT_OK && a.help) {
        fputs(help, stdout);
        return 0;
    }
    if (status == SPROUT_OK) {
        snprintf(path, sizeof path, "%.4000s/%s", a.dir, SPROUT_PATH_LEDGER);
        status = sprout_store_open(path, SPROUT_STORE_READ, &store, &err);
    }
    if (status == SPROUT_OK && a.id > 0) {
        status = show(store, &a, &err);
    } else if (status == SPROUT_OK) {
        status = sprout_store_evaluations(store, a.n, a.json ? print_json : print_row,
                                          &rows, &err);
        if (status == SPROUT_OK && rows == 0 && !a.json) {
            puts("nothing was evaluated yet; 'sprout evaluate --prompts FILE' begins");
        }
    }
    sprout_store_close(store);
    return status == SPROUT_OK ? 0 : sprout_cli_fail("evaluations", &err, status);
}
