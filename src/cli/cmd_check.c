/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c - `sprout check`: all that is wrong at once, before anything runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/clock.h"
#include "cli/cli.h"
#include "control/nginx_conf.h"
#include "control/preflight.h"

enum { JSON_MAX = 256 * 1024, REFERENCE_MAX = 64 * 1024 };

static const char help_text[] =
    "usage: sprout check [--config FILE] [--upstream URL] [--dir DIR] [--listen ADDR]\n"
    "                    [--grid SPEC] [--floor F] [--holdout H] [--json]\n"
    "       sprout check [--config FILE] [...] --print-nginx\n"
    "       sprout check --keys\n"
    "\n"
    "Says everything that is wrong with a configuration, each problem with its line, "
    "then\n"
    "tries grid, upstream, folder, address, module and the nginx.conf it would run.\n"
    "Nothing is started or changed.\n"
    "\n"
    "  --config FILE  sprout.yaml (default: none, every key has its default)\n"
    "  --print-nginx  print that nginx.conf and nothing else\n"
    "  --keys         print every key of sprout.yaml with type, default and meaning\n"
    "  --json         for programs\n"
    "  --help         this text\n"
    "The other options are those of 'sprout up' and win over the file.\n";

/* Options that stand for a key of the file. */
static const struct {
    const char *option;
    const char *key; /* NULL: a setter of its own */
} keys[] = {
    {"--upstream", "upstream"}, {"--dir", "dir"}, {"--listen", "listen"},
    {"--holdout", "holdout"},   {"--grid", NULL}, {"--floor", NULL},
};

struct args {
    const char *config;
    const char *value[sizeof keys / sizeof keys[0]];
    bool print_nginx;
    bool json;
};

static int usage(const char *what, const char *found)
{
    fprintf(stderr, "sprout check: %s '%s'; 'sprout check --help' says how\n", what,
            found);
    return sprout_status_exit(SPROUT_USAGE);
}

static const char **value_slot(struct args *a, const char *option)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(option, keys[i].option) == 0) {
            return &a->value[i];
        }
    }
    return strcmp(option, "--config") == 0 ? &a->config : NULL;
}

static int parse(int argc, char **argv, struct args *a)
{
    for (int i = 1; i < argc; i++) {
        const char **const slot = value_slot(a, argv[i]);
        if (strcmp(argv[i], "--print-nginx") == 0) {
            a->print_nginx = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            a->json = true;
        } else if (slot == NULL) {
            return usage("unexpected", argv[i]);
        } else if (i + 1 == argc) {
            return usage("a value is missing after", argv[i]);
        } else {
            *slot = argv[++i];
        }
    }
    return 0;
}

/* The command line over the file, with the file's checks. */
static enum sprout_status apply(const struct args *a, struct sprout_config *c,
                                struct sprout_error *err)
{
    enum sprout_status status = SPROUT_OK;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && status == SPROUT_OK; i++) {
        const char *const value = a->value[i];
        if (value == NULL) {
            continue;
        }
        if (keys[i].key != NULL) {
            status = sprout_config_set(c, keys[i].key, value, err);
        } else if (strcmp(keys[i].option, "--grid") == 0) {
            status = sprout_config_set_grid(c, value, err);
        } else {
            status = sprout_config_set_floor(c, value, err);
        }
    }
    return status;
}

static enum sprout_status load(const struct args *a, struct sprout_config **out,
                               struct sprout_problems *problems)
{
    struct sprout_config *c = NULL;
    problems->n = 0;
    enum sprout_status status = a->config == NULL
                                    ? sprout_config_default(&c)
                                    : sprout_config_load(a->config, &c, problems);
    if (status == SPROUT_OK) {
        status = apply(a, c, &problems->v[0]);
        problems->n = status != SPROUT_OK;
    }
    if (status != SPROUT_OK) {
        sprout_config_free(c);
        return status;
    }
    *out = c;
    return SPROUT_OK;
}

static void tell_problems(const struct args *a, const struct sprout_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct sprout_error *const e = &problems->v[i];
        if (e->line > 0) {
            fprintf(stderr, "%s:%zu:%zu: %s\n", a->config, e->line, e->column,
                    e->message);
        } else {
            fprintf(stderr, "sprout check: %s\n", e->message);
        }
    }
    if (problems->dropped > 0) {
        fprintf(stderr, "and %zu more\n", problems->dropped);
    }
}

static void tell_findings(const struct sprout_finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        printf("%-5s %-9s %s\n", f[i].found.status == SPROUT_OK ? "ok" : "WRONG",
               f[i].what, f[i].found.message);
    }
}

static void put_problems(struct sprout_buf *b, const struct sprout_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        sprout_buf_printf(b,
                          "%s{\"line\":%zu,\"column\":%zu,\"message\":", i > 0 ? "," : "",
                          problems->v[i].line, problems->v[i].column);
        sprout_buf_json(b, sprout_str_of(problems->v[i].message));
        sprout_buf_byte(b, '}');
    }
}

static void put_findings(struct sprout_buf *b, const struct sprout_finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sprout_buf_printf(b, "%s{\"what\":\"%s\",\"ok\":%s,\"text\":", i > 0 ? "," : "",
                          f[i].what, f[i].found.status == SPROUT_OK ? "true" : "false");
        sprout_buf_json(b, sprout_str_of(f[i].found.message));
        sprout_buf_byte(b, '}');
    }
}

static void print_json(enum sprout_status status, const struct sprout_problems *problems,
                       const struct sprout_finding *f, size_t n)
{
    char *const text = malloc(JSON_MAX);
    if (text == NULL) {
        return;
    }
    struct sprout_buf b = sprout_buf_of(text, JSON_MAX);
    sprout_buf_printf(&b, "{\"ok\":%s,\"problems\":[",
                      status == SPROUT_OK ? "true" : "false");
    put_problems(&b, problems);
    sprout_buf_printf(&b, "],\"problems_not_shown\":%zu,\"findings\":[",
                      problems->dropped);
    put_findings(&b, f, n);
    sprout_buf_put(&b, SPROUT_STR("]}"));
    printf("%.*s\n", (int)b.len, b.ptr);
    free(text);
}

static enum sprout_status print_nginx(const struct sprout_config *c)
{
    char text[SPROUT_NGINX_CONF_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    struct sprout_error err = {0};
    const enum sprout_status status = sprout_preflight_nginx_conf(c, &b, &err);
    if (status == SPROUT_OK) {
        printf("%.*s", (int)b.len, b.ptr);
    } else {
        fprintf(stderr, "sprout check: %s\n", err.message);
    }
    return status;
}

static int print_keys(void)
{
    char *const text = malloc(REFERENCE_MAX);
    if (text == NULL) {
        return sprout_status_exit(SPROUT_NO_MEMORY);
    }
    struct sprout_buf b = sprout_buf_of(text, REFERENCE_MAX);
    sprout_config_put_reference(&b);
    printf("%.*s", (int)b.len, b.ptr);
    free(text);
    return 0;
}

static enum sprout_status first_wrong(const struct sprout_finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (f[i].found.status != SPROUT_OK) {
            return f[i].found.status;
        }
    }
    return SPROUT_OK;
}

/* The configuration is good: try what it names. */
static enum sprout_status try_all(const struct args *a, const struct sprout_config *c,
                                  const struct sprout_problems *none)
{
    struct sprout_finding findings[SPROUT_PREFLIGHT_MAX];
    if (a->print_nginx) {
        return print_nginx(c);
    }
    const size_t n = sprout_preflight(c, sprout_clock_wall(), findings);
    const enum sprout_status status = first_wrong(findings, n);
    if (a->json) {
        print_json(status, none, findings, n);
    } else {
        printf("ok    %-9s %s\n", "file",
               a->config == NULL ? "none: every key has its default" : a->config);
        tell_findings(findings, n);
    }
    return status;
}

int sprout_cmd_check(int argc, char **argv)
{
    static struct sprout_problems problems; /* too large for a stack */
    struct args a = {.config = NULL};
    struct sprout_config *c = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help_text, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--keys") == 0) {
            return print_keys();
        }
    }
    const int rc = parse(argc, argv, &a);
    if (rc != 0) {
        return rc;
    }
    enum sprout_status status = load(&a, &c, &problems);
    if (status == SPROUT_OK) {
        status = try_all(&a, c, &problems);
    } else if (a.json) {
        print_json(status, &problems, NULL, 0);
    } else {
        tell_problems(&a, &problems);
    }
    sprout_config_free(c);
    return sprout_status_exit(status);
}
