/* SPDX-License-Identifier: Apache-2.0 */
/* run_opts.c - see run_opts.h. */
#include "cli/run_opts.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char sprout_run_opts_help[] =
    "  --config FILE     sprout.yaml; without it every key has its default\n"
    "  --dir DIR         folder of policy, journal and ledger (sprout-data)\n"
    "  --listen ADDR:PORT  where clients connect (a free port of 127.0.0.1)\n"
    "  --upstream URL    the inference server, http://HOST:PORT\n"
    "  --admin ADDR      admin API: loopback ADDR:PORT, or unix:PATH\n"
    "  --floor F         a fixed floor of quality relative to L0, 0 to 1\n"
    "  --holdout H       share of conversations always at L0, 0 to 1\n"
    "  --grid SPEC       static:G (g/kWh) or static:usa, csv:FILE[,start=T][,speed=N]\n"
    "                    [,column=direct|lifecycle][,zone=Z], or PROVIDER:ZONE, such as\n"
    "                    energy-charts:de; its key as ever from PROVIDER_KEY\n"
    "  --json            accepted: what is printed is JSON already\n"
    "  --help            this text\n";

static const struct flag {
    const char *name;
    size_t at; /* of the text in struct sprout_run_opts */
} flags[] = {
    {"--config", offsetof(struct sprout_run_opts, config)},
    {"--dir", offsetof(struct sprout_run_opts, dir)},
    {"--listen", offsetof(struct sprout_run_opts, listen)},
    {"--upstream", offsetof(struct sprout_run_opts, upstream)},
    {"--admin", offsetof(struct sprout_run_opts, admin)},
    {"--floor", offsetof(struct sprout_run_opts, floor)},
    {"--holdout", offsetof(struct sprout_run_opts, holdout)},
    {"--grid", offsetof(struct sprout_run_opts, grid)},
    {"--epoch", offsetof(struct sprout_run_opts, epoch)},
};

/* The flag that `arg` names, as `--flag` or `--flag=value`. */
static const struct flag *find_flag(const char *arg)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        const size_t len = strlen(flags[i].name);
        if (strncmp(arg, flags[i].name, len) == 0 &&
            (arg[len] == '\0' || arg[len] == '=')) {
            return &flags[i];
        }
    }
    return NULL;
}

enum sprout_status sprout_run_opts_parse(int argc, char **argv,
                                         struct sprout_run_opts *out,
                                         struct sprout_error *err)
{
    struct sprout_run_opts opts = {.help = false};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            opts.help = true;
            continue;
        }
        if (strcmp(argv[i], "--json") == 0) {
            continue; /* what these commands print is JSON already */
        }
        const struct flag *const f = find_flag(argv[i]);
        if (f == NULL) {
            return sprout_fail(err, SPROUT_USAGE,
                               "unknown argument '%.100s'; --help lists them", argv[i]);
        }
        const char *value = strchr(argv[i], '=');
        if (value == NULL && i + 1 == argc) {
            return sprout_fail(err, SPROUT_USAGE, "%s needs a value", f->name);
        }
        value = value == NULL ? argv[++i] : value + 1;
        memcpy((char *)&opts + f->at, &value, sizeof value);
    }
    *out = opts;
    return SPROUT_OK;
}

/* Every problem on standard error, the first one in *err. */
static enum sprout_status tell_problems(const char *path,
                                        const struct sprout_problems *problems,
                                        enum sprout_status status,
                                        struct sprout_error *err)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct sprout_error *const p = &problems->v[i];
        fprintf(stderr, "%s:%zu: %s\n", path, p->line, p->message);
    }
    if (problems->n == 0) {
        return sprout_fail(err, status, "%s cannot be used", path);
    }
    return sprout_fail(err, status, "%s, line %zu: %.250s%s", path, problems->v[0].line,
                       problems->v[0].message,
                       problems->n > 1 ? " (and more, above)" : "");
}

static enum sprout_status load_file(const char *path, struct sprout_config **out,
                                    struct sprout_error *err)
{
    static struct sprout_problems problems; /* 30 kB: too much for a stack */

    memset(&problems, 0, sizeof problems);
    const enum sprout_status status = sprout_config_load(path, out, &problems);
    return status == SPROUT_OK ? SPROUT_OK : tell_problems(path, &problems, status, err);
}

static enum sprout_status apply(const struct sprout_run_opts *o, struct sprout_config *c,
                                struct sprout_error *err)
{
    const struct {
        const char *key;
        const char *value;
    } plain[] = {{"dir", o->dir},
                 {"listen", o->listen},
                 {"upstream", o->upstream},
                 {"admin", o->admin},
                 {"holdout", o->holdout}};
    enum sprout_status status = SPROUT_OK;

    for (size_t i = 0; status == SPROUT_OK && i < sizeof plain / sizeof plain[0]; i++) {
        if (plain[i].value != NULL) {
            status = sprout_config_set(c, plain[i].key, plain[i].value, err);
        }
    }
    if (status == SPROUT_OK && o->floor != NULL) {
        status = sprout_config_set_floor(c, o->floor, err);
    }
    if (status == SPROUT_OK && o->grid != NULL) {
        status = sprout_config_set_grid(c, o->grid, err);
    }
    return status;
}

enum sprout_status sprout_run_opts_load(void *opts, struct sprout_config **out,
                                        struct sprout_error *err)
{
    const struct sprout_run_opts *const o = opts;
    struct sprout_config *config = NULL;
    enum sprout_status status;

    if (o->config != NULL) {
        status = load_file(o->config, &config, err);
    } else {
        status = sprout_config_default(&config);
        if (status != SPROUT_OK) {
            status = sprout_fail(err, status, "no memory for the configuration");
        }
    }
    if (status == SPROUT_OK) {
        status = apply(o, config, err);
    }
    if (status != SPROUT_OK) {
        sprout_config_free(config);
        return status;
    }
    *out = config;
    return SPROUT_OK;
}

int sprout_cli_fail(const char *command, const struct sprout_error *err,
                    enum sprout_status status)
{
    fprintf(stderr, "sprout %s: %s\n", command, err->message);
    return sprout_status_exit(status);
}
