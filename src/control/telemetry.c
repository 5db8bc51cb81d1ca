/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry.c - see telemetry.h. */
#include "control/telemetry.h"

#include <string.h>

#define MICRO 1e6

static const struct {
    const char *api;
    const char *provider;
    const char *operation;
} apis[SPROUT_TELEMETRY_APIS] = {
    {"openai-chat", "openai", "chat"},
    {"openai-completions", "openai", "text_completion"},
    {"openai-responses", "openai", "chat"},
    {"anthropic-messages", "anthropic", "chat"},
    {"ollama-chat", "ollama", "chat"},
    {"ollama-generate", "ollama", "text_completion"},
};

/* Two APIs that the conventions call the same must not give the same labels twice: the first
 * row with those names stands for both. */
static int first_alike(int row)
{
    int i = 0;
    while (strcmp(apis[i].provider, apis[row].provider) != 0 ||
           strcmp(apis[i].operation, apis[row].operation) != 0) {
        i++;
    }
    return i;
}

static int api_of(struct sprout_str name)
{
    for (int i = 0; i < SPROUT_TELEMETRY_APIS; i++) {
        if (sprout_str_eq(name, sprout_str_of(apis[i].api))) {
            return first_alike(i);
        }
    }
    return -1;
}

/* The bounds that the conventions advise. */
static const double token_bounds[] = {1,       4,       16,       64,      256,
                                      1024,    4096,    16384,    65536,   262144,
                                      1048576, 4194304, 16777216, 67108864};
static const double duration_bounds[] = {0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                         1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
static const double first_bounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                      0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10};
static const double per_bounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
                                    0.3,  0.4,   0.5,  0.75,  1,   2.5};

#define BOUNDS(array) array, sizeof(array) / sizeof((array)[0])

static const struct {
    const double *bound;
    size_t bounds;
    const char *name;
    const char *type; /* gen_ai_token_type, or NULL */
    const char *help; /* of the first of a name */
} whats[SPROUT_TELEMETRY_WHATS] = {
    {BOUNDS(token_bounds), "gen_ai_client_token_usage", "input",
     "Tokens of a request that was answered, by type."},
    {BOUNDS(token_bounds), "gen_ai_client_token_usage", "output", NULL},
    {BOUNDS(duration_bounds), "gen_ai_server_request_duration_seconds", NULL,
     "Time from request to last byte of an answer."},
    {BOUNDS(first_bounds), "gen_ai_server_time_to_first_token_seconds", NULL,
     "Time to the first byte of a stream."},
    {BOUNDS(per_bounds), "gen_ai_server_time_per_output_token_seconds", NULL,
     "Time for each token of a stream after the first."},
};

/* ---- counting -------------------------------------------------------------------------- */

void sprout_telemetry_init(struct sprout_telemetry *t)
{
    *t = (struct sprout_telemetry){.models = 0};
    for (size_t i = 0; i < SPROUT_TELEMETRY_SERIES; i++) {
        t->series[i].api = -1;
    }
}

/* No more than the room, and not in the middle of a character. */
static size_t fitting(struct sprout_str s)
{
    size_t n = s.len < SPROUT_TELEMETRY_MODEL_TEXT ? s.len : SPROUT_TELEMETRY_MODEL_TEXT;
    while (n < s.len && n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) {
        n--;
    }
    return n;
}

/* Prometheus knows no escapes but of quote, backslash and line feed, and a page must have an
 * end: a name of other bytes than plain text is not told apart. */
static bool is_plain(struct sprout_str s)
{
    bool plain = s.len > 0;
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        plain = plain && c >= ' ' && c != 0x7f && c != '"' && c != '\\';
    }
    return plain;
}

static struct sprout_telemetry_series *series_of(struct sprout_telemetry *t, int api,
                                                 struct sprout_str model)
{
    const struct sprout_str name = {model.ptr, fitting(model)};

    for (size_t i = 0; i < t->models; i++) {
        if (t->series[i].api == api &&
            sprout_str_eq(sprout_str_of(t->series[i].model), name)) {
            return &t->series[i];
        }
    }
    const bool room = t->models < SPROUT_TELEMETRY_MODELS_MAX && is_plain(name);
    struct sprout_telemetry_series *const s =
        &t->series[room ? t->models++ : (size_t)(SPROUT_TELEMETRY_MODELS_MAX + api)];
    s->api = api;
    const struct sprout_str shown = room ? name : SPROUT_STR("(other)");
    if (shown.len > 0) {
        memcpy(s->model, shown.ptr, shown.len);
    }
    s->model[shown.len] = '\0';
    return s;
}

static void add(struct sprout_telemetry_series *s, enum sprout_telemetry_what what,
                double v)
{
    struct sprout_telemetry_histogram *const h = &s->of[what];
    size_t i = 0;
    while (i < whats[what].bounds && v > whats[what].bound[i]) {
        i++;
    }
    h->count[i]++;
    h->all++;
    h->sum += v;
}

void sprout_telemetry_note(struct sprout_telemetry *t, const struct sprout_record *r)
{
    const int api = api_of(r->api);
    const int64_t out = r->usage.completion.n;

    if (api < 0 || r->outcome != SPROUT_OUTCOME_OK) {
        return;
    }
    struct sprout_telemetry_series *const s = series_of(t, api, r->model);
    if (r->usage.prompt.n >= 0) {
        add(s, SPROUT_TELEMETRY_INPUT, (double)r->usage.prompt.n);
    }
    if (out >= 0) {
        add(s, SPROUT_TELEMETRY_OUTPUT, (double)out);
    }
    if (r->duration_us >= 0) {
        add(s, SPROUT_TELEMETRY_DURATION, (double)r->duration_us / MICRO);
    }
    if (!r->stream || r->ttfb_us < 0) {
        return;
    }
    add(s, SPROUT_TELEMETRY_FIRST_TOKEN, (double)r->ttfb_us / MICRO);
    if (out > 1 && r->duration_us >= r->ttfb_us) {
        add(s, SPROUT_TELEMETRY_PER_TOKEN,
            (double)(r->duration_us - r->ttfb_us) / MICRO / (double)(out - 1));
    }
}

/* ---- writing --------------------------------------------------------------------------- */

static void put(struct sprout_buf *b, const char *text)
{
    sprout_buf_put(b, sprout_str_of(text));
}

static void put_labels(struct sprout_buf *b, const struct sprout_telemetry_series *s,
                       size_t what, const char *end)
{
    sprout_buf_printf(b, "%s%s{gen_ai_operation_name=\"%s\",gen_ai_provider_name=\"%s\"",
                      whats[what].name, end, apis[s->api].operation,
                      apis[s->api].provider);
    put(b, ",gen_ai_request_model=");
    sprout_buf_json(b, sprout_str_of(s->model));
    if (whats[what].type != NULL) {
        sprout_buf_printf(b, ",gen_ai_token_type=\"%s\"", whats[what].type);
    }
}

static void put_histogram(struct sprout_buf *b, const struct sprout_telemetry_series *s,
                          size_t what)
{
    const struct sprout_telemetry_histogram *const h = &s->of[what];
    int64_t below = 0;

    for (size_t i = 0; i <= whats[what].bounds; i++) {
        below += h->count[i];
        put_labels(b, s, what, "_bucket");
        put(b, ",le=\"");
        if (i < whats[what].bounds) {
            sprout_buf_f64(b, whats[what].bound[i]);
        } else {
            put(b, "+Inf");
        }
        sprout_buf_printf(b, "\"} %lld\n", (long long)below);
    }
    put_labels(b, s, what, "_sum");
    put(b, "} ");
    sprout_buf_f64(b, h->sum);
    sprout_buf_byte(b, '\n');
    put_labels(b, s, what, "_count");
    sprout_buf_printf(b, "} %lld\n", (long long)h->all);
}

void sprout_telemetry_put(struct sprout_buf *b, const struct sprout_telemetry *t)
{
    for (size_t what = 0; what < SPROUT_TELEMETRY_WHATS; what++) {
        if (whats[what].help != NULL) {
            sprout_buf_printf(b, "# HELP %s %s\n# TYPE %s histogram\n", whats[what].name,
                              whats[what].help, whats[what].name);
        }
        for (size_t i = 0; i < SPROUT_TELEMETRY_SERIES; i++) {
            if (t->series[i].api >= 0 && t->series[i].of[what].all > 0) {
                put_histogram(b, &t->series[i], what);
            }
        }
    }
}
