/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy.c - `sprout policy`: which one is in force; its other forms are in files of
 * their own (cmd_policy_explain.c, cmd_policy_test.c). */
#include "cli/cmd_policy.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "adapt/clock.h"
#include "cli/cli.h"
#include "control/config.h"
#include "core/instant.h"

static const char help_text[] =
    "usage: sprout policy [show] [--dir DIR | --config FILE] [--zone Z] [--json]\n"
    "       sprout policy explain [--dir DIR | --config FILE] [--zone Z] [--json]\n"
    "       sprout policy test [--dir DIR | --config FILE] [--zone Z] [--json] "
    "[REQUEST...]\n"
    "\n"
    "Shows the policy in force, says why it is what it is, or what would happen to a\n"
    "request under it.\n"
    "\n"
    "  --dir DIR      folder of policy.json (default: that of the configuration, else\n"
    "                 sprout-data)\n"
    "  --config FILE  sprout.yaml that names the folder\n"
    "  --zone Z       as it holds for upstreams in that zone\n"
    "  --json         for programs; of `show` it is policy.json itself\n"
    "  --help         this text\n"
    "\n"
    "the request of `test`:\n"
    "  --path P            path of the URL (default /v1/chat/completions)\n"
    "  --model M           model name\n"
    "  --header 'K: V'     a request header, may be repeated; Sprout-Level,\n"
    "                      Sprout-Floor and Sprout-Key count as they would\n"
    "  --api-key-sha256 H  hash of the API key it presents\n"
    "  --stream, --tools   it streams, it carries tools\n"
    "  --body FILE         its JSON body ('-': standard input); model, stream and tools\n"
    "                      are then the body's\n"
    "  --bodies FILE       many of them, one a line; a line of JSON for each\n";

int sprout_policy_cli_usage(const char *what, const char *found)
{
    fprintf(stderr, "sprout policy: %s '%s'; 'sprout policy --help' says how\n", what,
            found);
    return sprout_status_exit(SPROUT_USAGE);
}

static const char *value_of(int argc, char **argv, int *i, bool *bad)
{
    if (*i + 1 >= argc) {
        *bad = true;
        return NULL;
    }
    return argv[++*i];
}

bool sprout_policy_cli_option(int argc, char **argv, int *i, struct policy_opts *opts,
                              bool *bad)
{
    if (strcmp(argv[*i], "--dir") == 0) {
        opts->dir = value_of(argc, argv, i, bad);
    } else if (strcmp(argv[*i], "--config") == 0) {
        opts->config = value_of(argc, argv, i, bad);
    } else if (strcmp(argv[*i], "--zone") == 0) {
        opts->zone = value_of(argc, argv, i, bad);
    } else if (strcmp(argv[*i], "--json") == 0) {
        opts->json = true;
    } else {
        return false;
    }
    return true;
}

/* --dir, else the configuration's, else the default's. */
static enum sprout_status find_dir(const struct policy_opts *opts, char *out,
                                   struct sprout_error *err)
{
    static struct sprout_problems problems; /* too large for a stack */
    struct sprout_config *config = NULL;
    if (opts->dir != NULL) {
        snprintf(out, PATH_MAX, "%s", opts->dir);
        return SPROUT_OK;
    }
    const enum sprout_status status =
        opts->config == NULL ? sprout_config_default(&config)
                             : sprout_config_load(opts->config, &config, &problems);
    if (status != SPROUT_OK) {
        return sprout_fail(err, status, "%.100s: %.250s; 'sprout check' says all of it",
                           opts->config == NULL ? "" : opts->config,
                           problems.v[0].message);
    }
    snprintf(out, PATH_MAX, "%s", config->dir);
    sprout_config_free(config);
    return SPROUT_OK;
}

int sprout_policy_cli_open(const struct policy_opts *opts, struct sprout_policy_file *out,
                           char *out_dir)
{
    struct sprout_error err = {0};
    enum sprout_status status = find_dir(opts, out_dir, &err);
    if (status == SPROUT_OK) {
        status = sprout_policy_file_open(out_dir, out, &err);
    }
    if (status == SPROUT_OK && opts->zone != NULL) {
        status = sprout_policy_file_see(out, sprout_str_of(opts->zone), &err);
        if (status != SPROUT_OK) {
            fprintf(stderr, "sprout policy: %s\n", err.message);
            sprout_policy_file_close(out);
            return sprout_status_exit(status);
        }
    }
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout policy: %s%s\n", err.message,
                status == SPROUT_NOT_FOUND
                    ? "; is `sprout up` running, and is --dir its folder?"
                    : "");
    }
    return status == SPROUT_OK ? 0 : sprout_status_exit(status);
}

void sprout_policy_cli_moment(char *out, sprout_instant t)
{
    struct sprout_buf b = sprout_buf_of(out, 39);
    sprout_instant_put(&b, t);
    out[b.len] = '\0';
}

static void print_switches(const struct sprout_rule *r)
{
    static const char *const says[] = {[SPROUT_NO] = "not ", [SPROUT_YES] = "also "};
    const struct sprout_str at = sprout_placement_text(r->placement);
    if (at.len > 0) {
        printf("; placement %.*s", (int)at.len, at.ptr);
    }
    if (r->with_tools != SPROUT_ANY) {
        printf("; %swith tools", says[r->with_tools]);
    }
    if (r->with_completions != SPROUT_ANY) {
        printf("; %sraw completions", says[r->with_completions]);
    }
}

static void print_rules(const struct sprout_policy *p)
{
    for (size_t i = 0; i < p->rule_count; i++) {
        const struct sprout_rule *const r = &p->rules[i];
        printf("rule     %-12.*s %s", (int)r->name.len, r->name.ptr, r->off ? "off" : "");
        if (!r->off && r->mix == NULL) {
            printf("the same mix");
        }
        for (size_t l = 0; !r->off && r->mix != NULL && l < p->level_count; l++) {
            printf("%s%.*s %.1f %%", l > 0 ? ", " : "", (int)p->levels[l].name.len,
                   p->levels[l].name.ptr, 100 * r->mix[0][l]);
        }
        print_switches(r);
        putchar('\n');
    }
}

static void print_patches(const struct sprout_policy *p, size_t level)
{
    for (size_t i = 0; i < p->patch_count; i++) {
        const struct sprout_patch *const q = &p->patches[i];
        if (q->level == level) {
            printf("                      sets %.*s to %.*s (%.*s, model %.*s%s%.*s)\n",
                   (int)q->parameter.len, q->parameter.ptr, (int)q->value.len,
                   q->value.ptr, (int)q->api.len, q->api.ptr, (int)q->model.len,
                   q->model.ptr, q->route.len > 0 ? ", route " : "", (int)q->route.len,
                   q->route.ptr);
        }
    }
}

static void print_policy(const struct sprout_policy *p, sprout_instant now)
{
    char created[40];
    char until[40];
    sprout_policy_cli_moment(created, p->created);
    sprout_policy_cli_moment(until, p->valid_until);
    printf("policy   %.*s\n", (int)p->id.len, p->id.ptr);
    printf("made     %s, valid until %s%s\n", created, until,
           now.ns < p->valid_until.ns ? "" : " - EXPIRED: everything is served at L0");
    if (isnan(p->grid.intensity.v)) {
        printf("grid     unknown\n");
    } else {
        printf("grid     %.4g g/kWh, zone %.*s, %.*s\n", p->grid.intensity.v,
               (int)p->grid.zone.len, p->grid.zone.ptr, (int)p->grid.quality.len,
               p->grid.quality.ptr);
    }
    printf("floor    %.4g of L0's quality (%.*s)\n", p->floor, (int)p->quality_source.len,
           p->quality_source.ptr);
    for (size_t l = 0; l < p->level_count; l++) {
        printf("%s %-4.*s %5.1f %%  %.*s\n", l == 0 ? "mix     " : "        ",
               (int)p->levels[l].name.len, p->levels[l].name.ptr,
               100 * p->strata[0].mix[l], (int)p->levels[l].directive.len,
               p->levels[l].directive.ptr);
        print_patches(p, l);
    }
    printf("beside   %.3g %% held out at L0, %.3g %% exploring\n", 100 * p->holdout,
           100 * p->explore);
    print_rules(p);
}

int sprout_policy_cli_show(const struct policy_opts *opts)
{
    char dir[PATH_MAX];
    struct sprout_policy_file file = {0};
    const int rc = sprout_policy_cli_open(opts, &file, dir);
    if (rc != 0 || file.policy == NULL) {
        return rc;
    }
    if (opts->json) {
        printf("%.*s\n", (int)file.text.len, file.text.bytes);
    } else {
        print_policy(file.policy, sprout_clock_wall());
    }
    sprout_policy_file_close(&file);
    return 0;
}

int sprout_cmd_policy(int argc, char **argv)
{
    struct policy_opts opts = {0};
    bool bad = false;
    const char *const form = argc > 1 && argv[1][0] != '-' ? argv[1] : "show";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help_text, stdout);
            return 0;
        }
    }
    if (strcmp(form, "test") == 0) {
        return sprout_policy_cli_test(argc - 1, argv + 1);
    }
    for (int i = form == argv[1] ? 2 : 1; i < argc; i++) {
        if (!sprout_policy_cli_option(argc, argv, &i, &opts, &bad)) {
            return sprout_policy_cli_usage("unexpected", argv[i]);
        }
        if (bad) {
            return sprout_policy_cli_usage("a value is missing after", argv[i]);
        }
    }
    if (strcmp(form, "show") == 0) {
        return sprout_policy_cli_show(&opts);
    }
    return strcmp(form, "explain") == 0 ? sprout_policy_cli_explain(&opts)
                                        : sprout_policy_cli_usage("no form", form);
}
