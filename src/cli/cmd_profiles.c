/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_profiles.c - `sprout profiles`: the published energy figures that come with sprout. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "adapt/profile_file.h"
#include "cli/cli.h"
#include "core/profile.h"

static const char help_text[] =
    "usage: sprout profiles [--batch N] [--json] [FILE...]\n\n"
    "Lists the published figures of what tokens cost that come with sprout: name, kind,\n"
    "coefficients, version and source.  For a batch profile J per output token are\n"
    "a + b/B, B being how many requests run together on average.\n\n"
    "  FILE        a profile of your own (JSON), checked and listed after those\n"
    "  --batch N   what a token costs at that B (for joules: in sprout.yaml)\n"
    "  --json      for programs\n"
    "  --help      this text\n";

static json_t *triple(const double v[3])
{
    return json_pack("[f,f,f]", v[0], v[1], v[2]);
}

static json_t *per_token(const struct sprout_profile *p, double batch)
{
    const struct sprout_profile_use use = {.batch = batch};
    return p->kind == SPROUT_PROFILE_BATCH && batch > 0
               ? json_real(sprout_profile_figures(p, &use).joules[2])
               : json_null();
}

static json_t *object_of(const struct sprout_profile *p, double batch)
{
    const bool linear = p->kind == SPROUT_PROFILE_LINEAR;
    const bool by_batch = p->kind == SPROUT_PROFILE_BATCH;
    json_t *const o =
        json_pack("{s:s,s:s,s:s,s:s,s:i,s:i}", "name", p->name, "kind",
                  sprout_profile_kind_text(p->kind), "version", p->version, "source",
                  p->source, "batch_from", p->batch_from, "batch_to", p->batch_to);
    json_object_set_new(o, "gpus", p->gpus > 0 ? json_integer(p->gpus) : json_null());
    json_object_set_new(o, "joules", linear ? triple(p->joules) : json_null());
    json_object_set_new(o, "seconds", linear ? triple(p->seconds) : json_null());
    json_object_set_new(o, "a_j", by_batch ? json_real(p->a) : json_null());
    json_object_set_new(o, "b_j", by_batch ? json_real(p->b) : json_null());
    json_object_set_new(o, "joules_per_output_token", per_token(p, batch));
    return o;
}

static void print_json(const struct sprout_profile_file *own, size_t n, double batch)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < sprout_profile_count; i++) {
        json_array_append_new(list, object_of(&sprout_profiles[i], batch));
    }
    for (size_t i = 0; i < n; i++) {
        json_t *const o = object_of(&own[i].profile, batch);
        if (own[i].seconds_known) {
            json_object_set_new(o, "seconds", triple(own[i].profile.seconds));
        }
        json_array_append_new(list, o);
    }
    json_t *const o = json_pack("{s:o}", "profiles", list);
    char *const text = json_dumps(o, JSON_REAL_PRECISION(9));
    printf("%s\n", text == NULL ? "{}" : text);
    free(text);
    json_decref(o);
}

static void print_one(const struct sprout_profile *p, double batch)
{
    printf("%-30s version %s; %s\n", p->name, p->version, p->source);
    switch (p->kind) {
    case SPROUT_PROFILE_LINEAR:
        printf("    joules: [%g, %g, %g]  seconds: [%g, %g, %g]\n", p->joules[0],
               p->joules[1], p->joules[2], p->seconds[0], p->seconds[1], p->seconds[2]);
        break;
    case SPROUT_PROFILE_BATCH:
        printf("    %g + %g/B J per output token, B from %d to %d, on %d GPU%s\n", p->a,
               p->b, p->batch_from, p->batch_to, p->gpus, p->gpus == 1 ? "" : "s");
        if (batch > 0) {
            const struct sprout_profile_use use = {.batch = batch};
            printf("    at B = %g: joules: [0, 0, %.4g]%s\n", batch,
                   sprout_profile_figures(p, &use).joules[2],
                   batch < p->batch_from || batch > p->batch_to ? "  (extrapolated)"
                                                                : "");
        }
        break;
    case SPROUT_PROFILE_ECOLOGITS:
        printf("    from the model's parameters in billions: 'active', 'total' and their "
               "'..._high' in sprout.yaml\n");
        break;
    }
}

enum { OWN_MAX = 64 };

struct args {
    bool json;
    double batch;
    const char *file[OWN_MAX];
    size_t files;
};

static bool parse(int argc, char **argv, struct args *a)
{
    for (int i = 1; i < argc; i++) {
        const bool by_batch = strcmp(argv[i], "--batch") == 0;
        if (strcmp(argv[i], "--json") == 0) {
            a->json = true;
        } else if (by_batch && i + 1 < argc &&
                   sprout_str_to_f64(sprout_str_of(argv[i + 1]), &a->batch) ==
                       SPROUT_OK &&
                   a->batch >= 1) {
            i++;
        } else if (argv[i][0] != '-' && a->files < OWN_MAX) {
            a->file[a->files++] = argv[i];
        } else {
            fprintf(stderr,
                    "sprout profiles: unexpected '%s'%s; 'sprout profiles --help' says "
                    "how\n",
                    argv[i], by_batch ? " (a number from 1 up follows it)" : "");
            return false;
        }
    }
    return true;
}

int sprout_cmd_profiles(int argc, char **argv)
{
    static struct sprout_profile_file own[OWN_MAX];
    struct args a = {.json = false};
    struct sprout_error err = {.message = ""};

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help_text, stdout);
        return 0;
    }
    if (!parse(argc, argv, &a)) {
        return sprout_status_exit(SPROUT_USAGE);
    }
    for (size_t i = 0; i < a.files; i++) {
        const enum sprout_status status =
            sprout_profile_file_read(a.file[i], &own[i], &err);
        if (status != SPROUT_OK) {
            fprintf(stderr, "sprout profiles: %s\n", err.message);
            return sprout_status_exit(status);
        }
    }
    if (a.json) {
        print_json(own, a.files, a.batch);
        return 0;
    }
    for (size_t i = 0; i < sprout_profile_count + a.files; i++) {
        print_one(i < sprout_profile_count ? &sprout_profiles[i]
                                           : &own[i - sprout_profile_count].profile,
                  a.batch);
    }
    return 0;
}
