/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_calibrate.c - `sprout calibrate`: what tokens cost on this machine, as a profile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/chat.h"
#include "adapt/file.h"
#include "adapt/http_get.h"
#include "cli/cli.h"
#include "control/calibrate.h"
#include "control/config.h"

enum {
    TEXT_MAX = 64 * 1024,
    BAR = 40,
    PROFILE_MODE = 0644,
    MODELS_MAX = 256 * 1024,
    MODELS_SECONDS = 5
};

#define ANY_MODEL "default" /* of servers that have one and do not list it */

static const char help_text[] =
    "usage: sprout calibrate --upstream URL [OPTION...]\n\n"
    "Sends requests of several prompt lengths, answer lengths and concurrencies to the\n"
    "server, reads the meters of the configuration, and fits idle power, joules per "
    "input\n"
    "and output token (a + b/B, B requests together) and seconds.  Without a meter it "
    "fits\n"
    "seconds only.  Nothing else should use the machine meanwhile.\n\n"
    "  --config FILE       sprout.yaml, for its meters and upstream\n"
    "  --upstream URL      the server\n"
    "  --model NAME        asked for, and the profile's (the server's first)\n"
    "  --prompts N,N       words of the prompts (64,512)\n"
    "  --outputs N,N       tokens of the answers (32,128)\n"
    "  --concurrency N,N   requests at a time (1,4)\n"
    "  --rounds N          requests of each client in a run (2)\n"
    "  --idle-seconds S    how long idle power is measured (5)\n"
    "  --name NAME         of the profile (calibrated)\n"
    "  --out FILE          write the profile there, as a piece of sprout.yaml\n"
    "  --json              for programs\n"
    "  --help              this text\n";

struct args {
    const char *config, *upstream, *model, *prompts, *outputs, *concurrency, *rounds,
        *idle, *name, *out;
    bool json;
};

static int usage(const char *what, const char *found)
{
    fprintf(stderr, "sprout calibrate: %s '%s'; 'sprout calibrate --help' says how\n",
            what, found);
    return sprout_status_exit(SPROUT_USAGE);
}

static int parse(int argc, char **argv, struct args *a)
{
    const struct {
        const char *option;
        const char **slot;
    } options[] = {
        {"--config", &a->config},   {"--upstream", &a->upstream},
        {"--model", &a->model},     {"--prompts", &a->prompts},
        {"--outputs", &a->outputs}, {"--concurrency", &a->concurrency},
        {"--rounds", &a->rounds},   {"--idle-seconds", &a->idle},
        {"--name", &a->name},       {"--out", &a->out},
    };
    for (int i = 1; i < argc; i++) {
        const char **slot = NULL;
        for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
            slot = strcmp(argv[i], options[k].option) == 0 ? options[k].slot : slot;
        }
        if (strcmp(argv[i], "--json") == 0) {
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

/* "1,4" of whole numbers from 1 to `most`. */
static bool list_of(const char *text, int most, struct sprout_calibrate_list *out)
{
    struct sprout_str rest = sprout_str_of(text);
    out->n = 0;
    while (rest.len > 0 && out->n < SPROUT_CALIBRATE_LIST) {
        size_t n = 0;
        int64_t v = 0;
        while (n < rest.len && rest.ptr[n] != ',') {
            n++;
        }
        if (sprout_str_to_i64((struct sprout_str){rest.ptr, n}, &v) != SPROUT_OK ||
            v < 1 || v > most) {
            return false;
        }
        out->v[out->n++] = (int)v;
        n += n < rest.len;
        rest = (struct sprout_str){rest.ptr + n, rest.len - n};
    }
    return out->n > 0 && rest.len == 0;
}

static void progress(void *ctx, int done, int of)
{
    (void)ctx;
    if (isatty(STDERR_FILENO)) {
        const int full = done * BAR / of;
        fprintf(stderr, "\r[%.*s%*s] %d of %d runs%s", full,
                "########################################", BAR - full, "", done, of,
                done == of ? "\n" : "");
    }
}

static void put_profile(struct sprout_buf *b, const struct sprout_calibration *c,
                        const char *name, const char *model)
{
    const bool metered = !isnan(c->idle_w);
    /* A profile's J per output token is at the batch of one; receipts name it. */
    if (metered) {
        sprout_buf_printf(b,
                          "metering:\n  idle_watts: %.6g\n  prompt_weight: %.6g\n"
                          "  output_weight: %.6g\n",
                          c->idle_w, fmax(c->j_in, 0), fmax(c->a + c->b, 0));
        sprout_buf_printf(b, "profiles:\n  - model: \"%s\"\n    name: %s\n", model, name);
        sprout_buf_printf(b, "    joules: [0, %.6g, %.6g]", c->j_in, c->a + c->b);
        sprout_buf_printf(b, "  # %.6g + %.6g/B for B together; idle not in it\n", c->a,
                          c->b);
        sprout_buf_printf(b, "    seconds: [%.6g, %.6g, %.6g]\n", c->seconds[0],
                          c->seconds[1], c->seconds[2]);
    } else {
        sprout_buf_printf(b, "# No meter: times only.  seconds: [%.6g, %.6g, %.6g]\n",
                          c->seconds[0], c->seconds[1], c->seconds[2]);
    }
}

static void put_number(struct sprout_buf *b, const char *name, double v)
{
    sprout_buf_printf(b, "\"%s\":", name);
    sprout_buf_f64(b, v);
    sprout_buf_byte(b, ',');
}

static void put_json(struct sprout_buf *b, const struct sprout_calibration *c)
{
    sprout_buf_byte(b, '{');
    put_number(b, "idle_w", c->idle_w);
    put_number(b, "j_per_input_token", c->j_in);
    put_number(b, "a_j", c->a);
    put_number(b, "b_j", c->b);
    put_number(b, "mean_residual", c->mean);
    put_number(b, "worst_residual", c->worst);
    sprout_buf_printf(b, "\"seconds\":[%.9g,%.9g,%.9g],\"runs\":[", c->seconds[0],
                      c->seconds[1], c->seconds[2]);
    for (int i = 0; i < c->runs; i++) {
        const struct sprout_calibrate_run *const r = &c->run[i];
        sprout_buf_printf(b, "%s{", i > 0 ? "," : "");
        put_number(b, "concurrency", r->concurrency);
        put_number(b, "input_tokens", r->in);
        put_number(b, "output_tokens", r->out);
        put_number(b, "together", r->batch);
        put_number(b, "seconds", r->seconds);
        put_number(b, "joules", r->joules);
        put_number(b, "fitted_joules", r->fitted_j);
        sprout_buf_printf(b, "\"requests\":%d}", (int)r->requests);
    }
    sprout_buf_put(b, SPROUT_STR("]}\n"));
}

/* Measured as a bar, the fit as a mark on it. */
static void put_plot(struct sprout_buf *b, const struct sprout_calibration *c)
{
    double most = 0;
    for (int i = 0; i < c->runs; i++) {
        most = fmax(most, fmax(c->run[i].joules, c->run[i].fitted_j));
    }
    sprout_buf_printf(
        b, "\n  at once   in/out     B        J measured (=) and fitted (|)\n");
    for (int i = 0; i < c->runs; i++) {
        const struct sprout_calibrate_run *const r = &c->run[i];
        const int bar = (int)(r->joules / most * BAR),
                  at = (int)(r->fitted_j / most * BAR);
        sprout_buf_printf(b, "  %3d  %6.0f/%-6.0f %5.2f %9.1f ", r->concurrency,
                          r->in / r->requests, r->out / r->requests, r->batch, r->joules);
        for (int k = 0; k <= BAR; k++) {
            sprout_buf_byte(b, k == at ? '|' : k < bar ? '=' : ' ');
        }
        sprout_buf_printf(b, " %+.1f %%\n", 100 * (r->fitted_j - r->joules) / r->joules);
    }
}

static void put_text(struct sprout_buf *b, const struct sprout_calibration *c)
{
    if (isnan(c->idle_w)) {
        sprout_buf_printf(b, "No meter is configured: times only, energy is unknown.\n");
    } else {
        sprout_buf_printf(b, "idle          %10.4g W\n", c->idle_w);
        sprout_buf_printf(b, "input token   %10.4g J\n", c->j_in);
        sprout_buf_printf(b, "output token  %10.4g J + %.4g J / B\n", c->a, c->b);
        sprout_buf_printf(b, "residuals     mean %.2f %%, worst %.2f %%\n", 100 * c->mean,
                          100 * c->worst);
        put_plot(b, c);
    }
    sprout_buf_printf(b, "seconds       %.4g + %.4g * input + %.4g * output\n\n",
                      c->seconds[0], c->seconds[1], c->seconds[2]);
}

static enum sprout_status load(const struct args *a, struct sprout_config **out)
{
    static struct sprout_problems problems;
    const enum sprout_status status = a->config == NULL
                                          ? sprout_config_default(out)
                                          : sprout_config_load(a->config, out, &problems);
    for (size_t i = 0; status != SPROUT_OK && i < problems.n; i++) {
        fprintf(stderr, "%s:%zu: %s\n", a->config, problems.v[i].line,
                problems.v[i].message);
    }
    return status;
}

static enum sprout_status open_meters(const struct sprout_config *c,
                                      struct sprout_meters **out,
                                      struct sprout_error *err)
{
    struct sprout_meter_opts opts[SPROUT_METERS_MAX];
    for (size_t i = 0; i < c->meters_count; i++) {
        opts[i] = sprout_config_meter_opts(c, i);
    }
    return c->meters_count == 0 ? SPROUT_OK
                                : sprout_meters_open(opts, c->meters_count, out, err);
}

static enum sprout_status show(const struct args *a, const struct sprout_calibration *c,
                               struct sprout_error *err)
{
    char *const text = malloc(TEXT_MAX);
    enum sprout_status status = SPROUT_OK;
    if (text == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the result");
    }
    struct sprout_buf b = sprout_buf_of(text, TEXT_MAX);
    if (a->json) {
        put_json(&b, c);
    } else {
        put_text(&b, c);
        put_profile(&b, c, a->name, a->model);
    }
    printf("%.*s", (int)b.len, b.ptr);
    if (a->out != NULL) {
        b = sprout_buf_of(text, TEXT_MAX);
        put_profile(&b, c, a->name, a->model);
        status = sprout_file_write(a->out, sprout_buf_str(&b), PROFILE_MODE, err);
    }
    free(text);
    return status;
}

/* A profile of a model that nobody asks for would never be used: the first that the server
 * lists.  Owned; NULL: it lists none. */
static char *first_model(const char *upstream)
{
    char *const text = malloc(MODELS_MAX), *model = NULL;
    struct sprout_error err;
    int code = 0;

    if (text != NULL) {
        struct sprout_buf reply = sprout_buf_of(text, MODELS_MAX);
        if (sprout_http_get(upstream, "/v1/models", sprout_span_seconds(MODELS_SECONDS),
                            &reply, &code, &err) != SPROUT_OK ||
            code != 200 ||
            sprout_chat_first_model(sprout_buf_str(&reply), &model, &err) != SPROUT_OK) {
            model = NULL;
        }
    }
    free(text);
    return model;
}

static enum sprout_status run(struct args *a, struct sprout_calibrate_opts *o,
                              struct sprout_error *err)
{
    static struct sprout_calibration result; /* too large for a stack */
    const bool asked = a->model != NULL;
    char *const found = asked ? NULL : first_model(o->upstream);

    if (!asked) {
        a->model = found != NULL ? found : ANY_MODEL;
    }
    o->model = a->model;
    enum sprout_status status = sprout_calibrate(o, &result, err);
    if (status == SPROUT_OK) {
        status = show(a, &result, err);
    }
    if (status == SPROUT_OK && !asked && found == NULL) {
        fputs(
            "sprout calibrate: the server lists no models: the profile is for '" ANY_MODEL
            "'; name yours with --model\n",
            stderr);
    }
    a->model = NULL;
    free(found);
    return status;
}

static enum sprout_status calibrate(struct args *a, struct sprout_calibrate_opts *o,
                                    struct sprout_error *err)
{
    struct sprout_config *c = NULL;
    enum sprout_status status = load(a, &c);
    if (status != SPROUT_OK) {
        return sprout_fail(err, status, "the configuration cannot be used");
    }
    o->upstream = a->upstream != NULL ? a->upstream : c->upstream;
    if (o->upstream[0] == '\0') {
        status = sprout_fail(err, SPROUT_USAGE, "no server: say --upstream URL");
    } else {
        status = open_meters(c, &o->meters, err);
    }
    o->progress = progress;
    if (status == SPROUT_OK) {
        status = run(a, o, err);
    }
    sprout_meters_close(o->meters);
    sprout_config_free(c);
    return status;
}

int sprout_cmd_calibrate(int argc, char **argv)
{
    struct args a = {.prompts = "64,512",
                     .outputs = "32,128",
                     .concurrency = "1,4",
                     .rounds = "2",
                     .idle = "5",
                     .name = "calibrated"};
    struct sprout_calibrate_opts o = {.meters = NULL};
    struct sprout_calibrate_list rounds;
    struct sprout_error err = {.message = ""};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help_text, stdout);
            return 0;
        }
    }
    const int rc = parse(argc, argv, &a);
    if (rc != 0) {
        return rc;
    }
    if (!list_of(a.prompts, 100000, &o.prompts) ||
        !list_of(a.outputs, 100000, &o.outputs) ||
        !list_of(a.concurrency, 64, &o.concurrency) || !list_of(a.rounds, 100, &rounds) ||
        rounds.n != 1 ||
        o.prompts.n * o.outputs.n * o.concurrency.n > SPROUT_CALIBRATE_RUNS) {
        return usage("lists are whole numbers such as 1,4 (at most 8, concurrency to 64)",
                     "--prompts, --outputs, --concurrency, --rounds");
    }
    o.rounds = rounds.v[0];
    if (sprout_str_to_f64(sprout_str_of(a.idle), &o.idle_seconds) != SPROUT_OK ||
        !(o.idle_seconds >= 1 && o.idle_seconds <= 600)) {
        return usage("expected 1 to 600 seconds, not", a.idle);
    }
    const enum sprout_status status = calibrate(&a, &o, &err);
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout calibrate: %s\n", err.message);
    }
    return sprout_status_exit(status);
}
