/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid.c - `sprout grid`: arguments and configuration; the work is in cmd_grid_*.c. */
#include "cli/cmd_grid.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char help[] =
    "usage: sprout grid [--config FILE] [--grid SPEC] [--watch] [--json]\n"
    "       sprout grid test [--config FILE] [--grid SPEC] [--json]\n"
    "       sprout grid export [--config FILE] [--from T] [--to T]\n"
    "       sprout grid error FILE... | --grid csv:FILE [--json]\n"
    "\n"
    "Asks the configured providers for the carbon intensity: now, its source, age and "
    "kind,\n"
    "and the coming hours.\n\n"
    "  test           tries each provider in turn and says what is wrong with it: key,\n"
    "                 quota, zone, plan, network\n"
    "  export         the live values that the ledger kept, as an Electricity Maps CSV "
    "file,\n"
    "                 which `grid.source: csv` reads\n"
    "  error          how wrong our forecast of the coming day would have been on files\n"
    "                 (Electricity Maps CSV): of one in full, of several as a table\n"
    "  --from T, --to T  moments such as 2026-11-27T00:00Z; --to itself is left out\n"
    "  --config FILE  sprout.yaml; without it every key has its default\n"
    "  --grid SPEC    instead of the file's grid: static:G, static:usa, csv:FILE[,...],\n"
    "                 PROVIDER:ZONE\n"
    "  --watch        again whenever the value changes, until interrupted\n"
    "  --json         for programs\n"
    "  --help         this text\n\n"
    "Exit status 0 with a value (test: every provider has one); 75 when nobody has one "
    "for\n"
    "now, 69 when a provider cannot be reached, 78 when key, plan or zone are refused, "
    "65\n"
    "when a reply cannot be right, 2 for a wrong command line.\n";

typedef enum sprout_status part_fn(const struct sprout_grid_args *a,
                                   const struct sprout_config *c);

static int fail(enum sprout_status status, const char *message)
{
    fprintf(stderr, "sprout grid: %s\n", message);
    return sprout_status_exit(status);
}

static enum sprout_status parse(int argc, char **argv, struct sprout_grid_args *a,
                                part_fn **out_part, struct sprout_error *err)
{
    const struct {
        const char *option;
        const char **value;
    } values[] = {{"--config", &a->config},
                  {"--grid", &a->grid},
                  {"--from", &a->from},
                  {"--to", &a->to}};
    enum { VALUES = sizeof values / sizeof values[0] };

    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        while (k < VALUES && strcmp(argv[i], values[k].option) != 0) {
            k++;
        }
        if (k < VALUES && i + 1 < argc) {
            *values[k].value = argv[++i];
        } else if (k < VALUES) {
            return sprout_fail(err, SPROUT_USAGE, "%s needs a value", argv[i]);
        } else if (strcmp(argv[i], "--json") == 0) {
            a->json = true;
        } else if (strcmp(argv[i], "--watch") == 0) {
            a->watch = true;
        } else if (i == 1 && strcmp(argv[i], "test") == 0) {
            *out_part = sprout_grid_test;
        } else if (i == 1 && strcmp(argv[i], "export") == 0) {
            *out_part = sprout_grid_export;
        } else if (i == 1 && strcmp(argv[i], "error") == 0) {
            *out_part = sprout_grid_error;
        } else if (*out_part == sprout_grid_error && argv[i][0] != '-' &&
                   a->files < SPROUT_GRID_FILES_MAX) {
            a->file[a->files++] = argv[i];
        } else {
            return sprout_fail(err, SPROUT_USAGE,
                               "unknown argument '%.60s'; --help lists them", argv[i]);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status load(const struct sprout_grid_args *a,
                               struct sprout_config **out, struct sprout_error *err)
{
    static struct sprout_problems problems; /* too large for a stack */
    enum sprout_status status = a->config == NULL
                                    ? sprout_config_default(out)
                                    : sprout_config_load(a->config, out, &problems);

    for (size_t i = 0; status != SPROUT_OK && i < problems.n; i++) {
        const struct sprout_error *const e = &problems.v[i];
        fprintf(stderr, "%s:%zu:%zu: %s\n", a->config, e->line, e->column, e->message);
    }
    if (status != SPROUT_OK) {
        return sprout_fail(err, status, "the configuration is wrong");
    }
    return a->grid == NULL ? SPROUT_OK : sprout_config_set_grid(*out, a->grid, err);
}

int sprout_cmd_grid(int argc, char **argv)
{
    struct sprout_grid_args a = {.config = NULL};
    struct sprout_config *c = NULL;
    struct sprout_error err = {.message = ""};
    part_fn *part = sprout_grid_show;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        }
    }
    enum sprout_status status = parse(argc, argv, &a, &part, &err);
    if (status == SPROUT_OK) {
        status = load(&a, &c, &err);
    }
    if (status != SPROUT_OK) {
        sprout_config_free(c);
        return fail(status, err.message);
    }
    status = part(&a, c);
    sprout_config_free(c);
    return sprout_status_exit(status);
}
