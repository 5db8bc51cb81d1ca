/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy_test.c - `sprout policy test`: what would happen to a request, and why. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "adapt/clock.h"
#include "adapt/weights.h"
#include "cli/cmd_policy.h"
#include "control/whatif.h"

enum { BODY_MAX = 64 * 1024 * 1024, JSON_MAX = 8 * 1024 };

struct args {
    const char *bodies;
    struct policy_opts opts;
    struct sprout_whatif_request request;
    const char *body;
};

/* "K: V". */
static bool take_header(struct sprout_whatif_request *r, const char *text)
{
    const char *const colon = strchr(text, ':');
    if (colon == NULL || colon == text || r->headers == SPROUT_WHATIF_HEADERS_MAX) {
        return false;
    }
    r->header[r->headers++] = (struct sprout_whatif_header){
        .name = {text, (size_t)(colon - text)},
        .value = sprout_str_trim(sprout_str_of(colon + 1)),
    };
    return true;
}

/* An option with a value; false: no such option. */
static bool take_value(struct args *a, const char *option, const char *value, bool *bad)
{
    if (strcmp(option, "--path") == 0) {
        a->request.path = (struct sprout_str){value, strcspn(value, "?")};
    } else if (strcmp(option, "--model") == 0) {
        a->request.model = sprout_str_of(value);
    } else if (strcmp(option, "--api-key-sha256") == 0) {
        a->request.api_key_sha256 = sprout_str_of(value);
    } else if (strcmp(option, "--body") == 0) {
        a->body = value;
    } else if (strcmp(option, "--bodies") == 0) {
        a->bodies = value;
    } else if (strcmp(option, "--header") == 0) {
        *bad = !take_header(&a->request, value);
    } else {
        return false;
    }
    return true;
}

/* 0, or the exit code after a message. */
static int parse(int argc, char **argv, struct args *a)
{
    a->request.path = SPROUT_STR("/v1/chat/completions");
    for (int i = 1; i < argc; i++) {
        bool bad = false;
        if (strcmp(argv[i], "--stream") == 0) {
            a->request.stream = true;
        } else if (strcmp(argv[i], "--tools") == 0) {
            a->request.tools = true;
        } else if (!sprout_policy_cli_option(argc, argv, &i, &a->opts, &bad)) {
            const char *const value = i + 1 < argc ? argv[i + 1] : "";
            if (!take_value(a, argv[i], value, &bad)) {
                return sprout_policy_cli_usage("unexpected", argv[i]);
            }
            if (i + 1 == argc) {
                return sprout_policy_cli_usage("a value is missing after", argv[i]);
            }
            i++;
        }
        if (bad) {
            return sprout_policy_cli_usage("cannot use", argv[i]);
        }
    }
    return 0;
}

static int load_body(struct args *a, struct sprout_file *file)
{
    struct sprout_error err = {0};
    const char *const named = a->bodies != NULL ? a->bodies : a->body;
    if (named == NULL) {
        return 0;
    }
    const char *const path = strcmp(named, "-") == 0 ? "/dev/stdin" : named;
    const enum sprout_status status = sprout_file_read(path, BODY_MAX, file, &err);
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout policy: %s\n", err.message);
        return sprout_status_exit(status);
    }
    a->request.has_body = true;
    a->request.body = sprout_file_str(file);
    return 0;
}

static struct sprout_str rule_name(const struct sprout_policy *p,
                                   const struct sprout_whatif *w)
{
    return w->choice.rule < 0 ? (struct sprout_str){"", 0}
                              : p->rules[w->choice.rule].name;
}

/* Not drawn by chance: the same for every conversation. */
static bool certain(const struct sprout_whatif *w)
{
    return w->choice.arm == SPROUT_ARM_NONE || w->choice.arm == SPROUT_ARM_FORCED;
}

static void print_shares(const struct sprout_policy *p, const struct sprout_whatif *w)
{
    printf("%-13s", "in general");
    for (size_t l = 0; l < p->level_count; l++) {
        printf("%s%.*s %.1f %%", l > 0 ? ", " : "", (int)p->levels[l].name.len,
               p->levels[l].name.ptr, 100 * w->share[l]);
    }
    printf(" of such conversations (%.1f %% held out, %.1f %% exploring)\n",
           100 * w->holdout, 100 * w->explore);
}

static void print_switches(const struct sprout_whatif *w)
{
    const struct sprout_str at = sprout_placement_text(w->switches.placement);
    printf("%-13s%.*s%s%s\n", "placement", (int)at.len, at.ptr,
           w->switches.with_tools ? ", also with tools" : "",
           w->switches.with_completions ? ", also raw completions" : "");
}

static void print_parameters(const struct sprout_policy *p, const struct args *a,
                             const struct sprout_whatif *w)
{
    for (size_t l = 0; l < p->level_count; l++) {
        const struct sprout_patch *set[SPROUT_LEVEL_PATCHES_MAX];
        const size_t n = sprout_whatif_patches(p, &a->request, w, l, set);
        for (size_t i = 0; i < n; i++) {
            printf("%-13s%.*s sets %.*s to %.*s\n", i == 0 ? "parameters" : "",
                   (int)p->levels[l].name.len, p->levels[l].name.ptr,
                   (int)set[i]->parameter.len, set[i]->parameter.ptr,
                   (int)set[i]->value.len, set[i]->value.ptr);
        }
    }
}

static void print_prediction(const struct sprout_prediction *said)
{
    printf("%-13s%s%s", "predicted", sprout_kind_text(said->kind),
           said->unlike ? ", unlike anything trained on, so the mix decides" : "");
    for (int l = 0; l < SPROUT_PREDICT_LEVELS && !said->unlike; l++) {
        printf("; L%d preferred %.0f %%, %.0f tokens", l,
               100.0 * said->quality[l] / SPROUT_PREDICT_ONE,
               (double)said->tokens[l] / SPROUT_PREDICT_TOKEN);
    }
    printf("\n");
}

static void print_words(const struct sprout_policy *p, const struct args *a,
                        const struct sprout_whatif *w)
{
    const struct sprout_str api = sprout_dialect_name(w->dialect);
    const struct sprout_str rule = rule_name(p, w);
    const struct sprout_str model =
        a->request.model.len > 0 ? a->request.model : w->facts.model;
    const struct sprout_level *const level = &p->levels[w->choice.level];
    printf("%-13sPOST %.*s (%.*s)%s%.*s%s\n", "request", (int)a->request.path.len,
           a->request.path.ptr, (int)api.len, api.ptr, model.len > 0 ? ", model " : "",
           (int)model.len, model.ptr, w->facts.stream ? ", streamed" : "");
    printf("%-13s%.*s\n", "rule", (int)(rule.len > 0 ? rule.len : 4),
           rule.len > 0 ? rule.ptr : "none");
    if (!w->facts.eligible) {
        printf("%-13sno: %s\n", "touched", sprout_reason_text(w->choice.reason));
    } else if (certain(w)) {
        printf("%-13s%.*s, always: %s\n", "level", (int)level->name.len, level->name.ptr,
               sprout_reason_text(w->choice.reason));
    } else {
        print_shares(p, w);
        if (w->known) {
            printf("%-13s%.*s: %s%s%.*s%s\n", "this one", (int)level->name.len,
                   level->name.ptr, sprout_reason_text(w->choice.reason),
                   level->directive.len > 0 ? ", adds \"" : "", (int)level->directive.len,
                   level->directive.ptr, level->directive.len > 0 ? "\"" : "");
        }
    }
    print_parameters(p, a, w);
    print_switches(w);
    if (w->predicted) {
        print_prediction(&w->said);
    }
    printf("%-13s%s be asked for\n", "a receipt", w->choice.receipts ? "may" : "may not");
}

/* ,"parameters":{"L1":{"verbosity":"low"}}: what each level would set in this request. */
static void put_parameters(struct sprout_buf *b, const struct sprout_policy *p,
                           const struct args *a, const struct sprout_whatif *w)
{
    sprout_buf_put(b, SPROUT_STR(",\"parameters\":{"));
    for (size_t l = 0; l < p->level_count; l++) {
        const struct sprout_patch *set[SPROUT_LEVEL_PATCHES_MAX];
        const size_t n = sprout_whatif_patches(p, &a->request, w, l, set);
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
        sprout_buf_json(b, p->levels[l].name);
        sprout_buf_put(b, SPROUT_STR(":{"));
        for (size_t i = 0; i < n; i++) {
            sprout_buf_put(b, i > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
            sprout_buf_json(b, set[i]->parameter);
            sprout_buf_byte(b, ':');
            sprout_buf_json(b, set[i]->value);
        }
        sprout_buf_byte(b, '}');
    }
    sprout_buf_byte(b, '}');
}

static void put_numbers(struct sprout_buf *b, const char *name, const int32_t *v,
                        double one)
{
    sprout_buf_printf(b, ",\"%s\":[", name);
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
        sprout_buf_f64(b, v[l] / one);
    }
    sprout_buf_byte(b, ']');
}

static void put_prediction(struct sprout_buf *b, const struct sprout_whatif *w)
{
    if (!w->predicted) {
        sprout_buf_put(b, SPROUT_STR(",\"predicted\":null"));
        return;
    }
    sprout_buf_printf(b, ",\"predicted\":{\"kind\":\"%s\",\"unlike\":%s",
                      sprout_kind_text(w->said.kind), w->said.unlike ? "true" : "false");
    put_numbers(b, "quality", w->said.quality, SPROUT_PREDICT_ONE);
    put_numbers(b, "tokens", w->said.tokens, SPROUT_PREDICT_TOKEN);
    sprout_buf_byte(b, '}');
}

static void put_shares(struct sprout_buf *b, const struct sprout_policy *p,
                       const struct sprout_whatif *w)
{
    sprout_buf_put(b, SPROUT_STR(",\"shares\":{"));
    for (size_t l = 0; l < p->level_count; l++) {
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
        sprout_buf_json(b, p->levels[l].name);
        sprout_buf_byte(b, ':');
        sprout_buf_f64(b, w->share[l]);
    }
    sprout_buf_put(b, SPROUT_STR("},\"holdout\":"));
    sprout_buf_f64(b, w->holdout);
    sprout_buf_put(b, SPROUT_STR(",\"explore\":"));
    sprout_buf_f64(b, w->explore);
}

static void print_json(const struct sprout_policy *p, const struct args *a,
                       const struct sprout_whatif *w, bool shares)
{
    char text[JSON_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    const struct sprout_str rule = rule_name(p, w);
    sprout_buf_put(&b, SPROUT_STR("{\"policy\":"));
    sprout_buf_json(&b, p->id);
    sprout_buf_put(&b, SPROUT_STR(",\"api\":"));
    sprout_buf_json(&b, sprout_dialect_name(w->dialect));
    sprout_buf_put(&b, SPROUT_STR(",\"rule\":"));
    if (rule.len > 0) {
        sprout_buf_json(&b, rule);
    } else {
        sprout_buf_put(&b, SPROUT_STR("null"));
    }
    sprout_buf_printf(
        &b, ",\"eligible\":%s,\"level\":", w->facts.eligible ? "true" : "false");
    if (w->known || certain(w)) {
        sprout_buf_json(&b, p->levels[w->choice.level].name);
        sprout_buf_printf(&b, ",\"arm\":\"%s\",\"reason\":\"%s\"",
                          sprout_arm_text(w->choice.arm),
                          sprout_reason_text(w->choice.reason));
    } else {
        sprout_buf_put(&b, SPROUT_STR("null,\"arm\":null,\"reason\":null"));
    }
    if (shares) {
        put_shares(&b, p, w);
    }
    put_prediction(&b, w);
    put_parameters(&b, p, a, w);
    sprout_buf_printf(
        &b, ",\"receipts\":%s,\"placement\":", w->choice.receipts ? "true" : "false");
    sprout_buf_json(&b, sprout_placement_text(w->switches.placement));
    sprout_buf_printf(&b, ",\"with_tools\":%s,\"with_completions\":%s}",
                      w->switches.with_tools ? "true" : "false",
                      w->switches.with_completions ? "true" : "false");
    printf("%.*s\n", (int)b.len, b.ptr);
}

/* One body a line, one answer a line: what each of them would be given. */
static void test_bodies(struct args *a, const struct sprout_policy *p, void *memory)
{
    struct sprout_whatif w;
    struct sprout_str rest = a->request.body;
    a->request.alone = true;
    while (rest.len > 0) {
        const char *const lf = memchr(rest.ptr, '\n', rest.len);
        const size_t n = lf == NULL ? rest.len : (size_t)(lf - rest.ptr);
        a->request.body = (struct sprout_str){rest.ptr, n};
        const size_t cut = lf == NULL ? n : n + 1;
        rest = (struct sprout_str){rest.ptr + cut, rest.len - cut};
        sprout_whatif(p, &a->request, sprout_clock_wall(), memory, &w);
        print_json(p, a, &w, false);
    }
}

/* Weights that cannot be had are told, and the mixes then hold as they would in nginx. */
static void open_predictor(struct args *a, const struct sprout_policy *p, const char *dir,
                           struct sprout_weights *weights)
{
    char path[PATH_MAX];
    struct sprout_error err = {0};
    const struct sprout_str file = p->predictor.file;
    if (file.len == 0) {
        return;
    }
    const int n = snprintf(path, sizeof path, "%s/%.*s", dir, (int)file.len, file.ptr);
    if (n < 0 || (size_t)n >= sizeof path) {
        return;
    }
    if (sprout_weights_open(path, weights, &err) != SPROUT_OK) {
        fprintf(stderr, "sprout policy: no predictions: %s\n", err.message);
    } else if (weights->predictor.id != p->predictor.id) {
        fprintf(stderr,
                "sprout policy: no predictions: %s holds other weights than the "
                "policy names\n",
                path);
    } else {
        a->request.predictor = &weights->predictor;
    }
}

int sprout_policy_cli_test(int argc, char **argv)
{
    char dir[PATH_MAX];
    static _Alignas(16) char memory[SPROUT_WHATIF_MEMORY];
    struct args a = {.body = NULL};
    struct sprout_weights weights = {0};
    struct sprout_file body = {0};
    struct sprout_policy_file file = {0};
    struct sprout_whatif w;
    int rc = parse(argc, argv, &a);
    if (rc == 0) {
        rc = sprout_policy_cli_open(&a.opts, &file, dir);
    }
    if (rc == 0) {
        rc = load_body(&a, &body);
    }
    if (rc == 0) {
        open_predictor(&a, file.policy, dir, &weights);
    }
    if (rc == 0 && a.bodies != NULL) {
        test_bodies(&a, file.policy, memory);
    } else if (rc == 0) {
        sprout_whatif(file.policy, &a.request, sprout_clock_wall(), memory, &w);
        if (a.opts.json) {
            print_json(file.policy, &a, &w, true);
        } else {
            print_words(file.policy, &a, &w);
        }
    }
    sprout_weights_close(&weights);
    sprout_file_free(&body);
    sprout_policy_file_close(&file);
    return rc;
}
