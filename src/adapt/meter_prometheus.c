/* SPDX-License-Identifier: Apache-2.0 */
/* meter_prometheus.c - energy from an exporter's page, or from a query to a server.
 *
 * The unit comes from the metric's name: its end (_joules_total, _microwatts, ...) or, for
 * exporters that name otherwise, the table of presets.  Each series is a channel.  A series
 * that vanishes voids the interval; a new one begins with a base.
 * Exporters renew their values at their own step, so a set with this meter is paced. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/http.h"
#include "adapt/meter_driver.h"
#include "base/hash.h"
#include "wire/exposition.h"

enum { PAGE_MAX = 8 << 20, PRESET_WAYS = 2 };

struct unit {
    enum sprout_counter_kind kind;
    double micro; /* uJ or uW a unit */
};

/* The first way whose metric is on the page is taken. */
struct way {
    const char *metric;
    const char *labels;
};

static const struct preset {
    const char *name;
    unsigned covers;
    struct way way[PRESET_WAYS];
} presets[] = {
    {"dcgm",
     SPROUT_METER_GPU,
     {{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", ""}, {"DCGM_FI_DEV_POWER_USAGE", ""}}},
    {"kepler",
     SPROUT_METER_CPU,
     {{"kepler_node_cpu_joules_total", "zone=\"package\""},
      {"kepler_node_package_joules_total", ""}}},
    {"kepler-gpu", SPROUT_METER_GPU, {{"kepler_node_gpu_joules_total", ""}}},
    {"scaphandre",
     SPROUT_METER_CPU | SPROUT_METER_DRAM,
     {{"scaph_host_energy_microjoules", ""}, {"scaph_host_power_microwatts", ""}}},
    {"ipmi", SPROUT_METER_NODE, {{"ipmi_dcmi_power_consumption_watts", ""}}},
    {"node", SPROUT_METER_CPU, {{"node_rapl_package_joules_total", ""}}},
    {"node-dram", SPROUT_METER_DRAM, {{"node_rapl_dram_joules_total", ""}}},
};

struct prometheus {
    char *page; /* PAGE_MAX */
    struct way way;
    struct unit unit;
    uint64_t key[SPROUT_METER_CHANNELS_MAX]; /* hash of each channel's labels */
    bool seen[SPROUT_METER_CHANNELS_MAX];
    size_t found; /* series of this reading */
};

/* ---- units ----------------------------------------------------------------------------- */

static bool unit_of(struct sprout_str name, struct unit *out)
{
    static const struct {
        const char *end;
        struct unit unit;
    } units[] = {
        {"_microjoules", {SPROUT_COUNTER_ENERGY, 1}},
        {"_millijoules", {SPROUT_COUNTER_ENERGY, 1e3}},
        {"_joules", {SPROUT_COUNTER_ENERGY, 1e6}},
        {"_microwatts", {SPROUT_COUNTER_POWER, 1}},
        {"_milliwatts", {SPROUT_COUNTER_POWER, 1e3}},
        {"_watts", {SPROUT_COUNTER_POWER, 1e6}},
        {"_TOTAL_ENERGY_CONSUMPTION", {SPROUT_COUNTER_ENERGY, 1e3}}, /* DCGM: mJ */
        {"_DEV_POWER_USAGE", {SPROUT_COUNTER_POWER, 1e6}},           /* DCGM: W */
    };
    const struct sprout_str total = SPROUT_STR("_total");
    if (sprout_str_ends(name, total)) {
        name.len -= total.len;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (sprout_str_ends(name, sprout_str_of(units[i].end))) {
            *out = units[i].unit;
            return true;
        }
    }
    return false;
}

/* ---- one series ------------------------------------------------------------------------ */

/* Every name="value" of `wanted` stands in `labels`. */
static bool labels_match(struct sprout_str labels, const char *wanted)
{
    const char *at = wanted;
    while (*at != '\0') {
        struct sprout_str value;
        const char *const equals = strstr(at, "=\"");
        const char *const end = equals == NULL ? NULL : strchr(equals + 2, '"');
        if (end == NULL) {
            return false;
        }
        const struct sprout_str name = {at, (size_t)(equals - at)};
        const struct sprout_str want = {equals + 2, (size_t)(end - equals - 2)};
        if (!sprout_exposition_label(labels, name, &value) ||
            !sprout_str_eq(value, want)) {
            return false;
        }
        at = end + 1;
        at += strspn(at, ", ");
    }
    return true;
}

static enum sprout_status take_series(struct meter *m, struct sprout_str labels,
                                      double value, struct sprout_error *err)
{
    struct prometheus *const p = m->own;
    const struct sprout_hash_key no_key = {0, 0};
    const uint64_t key = sprout_hash_str(no_key, labels);
    struct sprout_str mig;
    size_t i = 0;

    if (sprout_exposition_label(labels, SPROUT_STR("GPU_I_ID"), &mig) && mig.len > 0) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "prometheus: %s has MIG slices, which report the whole board: "
                           "what one took cannot be known",
                           p->way.metric);
    }
    if (!(value >= 0) || value * p->unit.micro > 9e18) {
        return sprout_fail(err, SPROUT_INVALID, "prometheus: %s is %g: expected a number",
                           p->way.metric, value);
    }
    while (i < m->channels && p->key[i] != key) {
        i++;
    }
    if (i == m->channels) {
        char name[METER_NAME_MAX];
        snprintf(name, sizeof name, "%.*s", labels.len > 90 ? 90 : (int)labels.len,
                 labels.ptr);
        if (sprout_meter_add(m, labels.len > 0 ? name : p->way.metric, p->unit.kind) ==
            NULL) {
            return sprout_fail(
                err, SPROUT_LIMIT,
                "prometheus: more than %d series of %s: say which (labels)",
                SPROUT_METER_CHANNELS_MAX, p->way.metric);
        }
        p->key[i] = key;
        p->seen[i] = false;
    }
    if (p->seen[i]) {
        return sprout_fail(err, SPROUT_INVALID, "prometheus: %s comes twice with {%.80s}",
                           p->way.metric, m->channel[i].name);
    }
    p->seen[i] = true;
    p->found++;
    m->channel[i].value = (uint64_t)llround(value * p->unit.micro);
    return SPROUT_OK;
}

/* ---- pages and queries ----------------------------------------------------------------- */

static enum sprout_status read_page(struct meter *m, struct sprout_str page,
                                    struct sprout_error *err)
{
    const struct prometheus *const p = m->own;
    struct sprout_sample s;
    enum sprout_status status = SPROUT_OK;

    while (status == SPROUT_OK && sprout_exposition_next(&page, &s)) {
        if (sprout_str_eq(s.name, sprout_str_of(p->way.metric)) &&
            labels_match(s.labels, p->way.labels)) {
            status = take_series(m, s.labels, s.value, err);
        }
    }
    return status;
}

/* name="value",... of a JSON object, sorted, without __name__. */
static void put_labels(json_t *metric, struct sprout_buf *b)
{
    json_t *copy = json_copy(metric);
    json_object_del(copy, "__name__");
    char *const text = json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT);
    sprout_buf_put(b, sprout_str_of(text == NULL ? "" : text));
    free(text);
    json_decref(copy);
}

static enum sprout_status take_result(struct meter *m, json_t *row,
                                      struct sprout_error *err)
{
    struct prometheus *const p = m->own;
    json_t *const metric = json_object_get(row, "metric");
    const char *const name = json_string_value(json_object_get(metric, "__name__"));
    const char *const text =
        json_string_value(json_array_get(json_object_get(row, "value"), 1));
    char labels[1024];
    struct sprout_buf b = sprout_buf_of(labels, sizeof labels);
    double value = NAN;

    if (text == NULL || sprout_str_to_f64(sprout_str_of(text), &value) != SPROUT_OK) {
        return sprout_fail(err, SPROUT_INVALID,
                           "prometheus: the query's answer holds no number");
    }
    if (name != NULL && !unit_of(sprout_str_of(name), &p->unit)) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "prometheus: which unit is %.80s in?  Its name should end in "
                           "_joules_total, _watts or the like",
                           name);
    }
    put_labels(metric, &b);
    return take_series(m, sprout_buf_str(&b), value, err);
}

static enum sprout_status read_answer(struct meter *m, struct sprout_str text,
                                      struct sprout_error *err)
{
    json_t *const root = json_loadb(text.ptr, text.len, 0, NULL);
    json_t *const rows = json_object_get(json_object_get(root, "data"), "result");
    enum sprout_status status = SPROUT_OK;

    if (!json_is_array(rows)) {
        status = sprout_fail(err, SPROUT_INVALID,
                             "prometheus: the query's answer has no data.result");
    }
    for (size_t i = 0; status == SPROUT_OK && i < json_array_size(rows); i++) {
        status = take_result(m, json_array_get(rows, i), err);
    }
    json_decref(root);
    return status;
}

static enum sprout_status fetch(struct meter *m, struct sprout_str *out,
                                struct sprout_error *err)
{
    struct prometheus *const p = m->own;
    struct sprout_http_call call = {.url = m->opts.url,
                                    .reply = sprout_buf_of(p->page, PAGE_MAX)};
    const struct sprout_http_opts http = {
        .connect_timeout = sprout_span_seconds(SPROUT_METER_HTTP_SECONDS),
        .timeout = sprout_span_seconds(SPROUT_METER_HTTP_SECONDS)};

    sprout_http_run(&call, 1, &http);
    if (call.status != SPROUT_OK) {
        return sprout_fail(err, SPROUT_UNAVAILABLE, "prometheus: %.200s", call.why);
    }
    if (call.code != 200) {
        return sprout_fail(err, SPROUT_UNAVAILABLE,
                           "prometheus: %.150s answers with status %d: expected 200",
                           m->opts.url, call.code);
    }
    *out = sprout_buf_str(&call.reply);
    return SPROUT_OK;
}

static bool is_query(const struct meter *m)
{
    return strstr(m->opts.url, "/api/v1/query?") != NULL;
}

static enum sprout_status read_text(struct meter *m, struct sprout_str text,
                                    struct sprout_error *err)
{
    struct prometheus *const p = m->own;
    p->found = 0;
    memset(p->seen, 0, sizeof p->seen);
    return is_query(m) ? read_answer(m, text, err) : read_page(m, text, err);
}

static enum sprout_status read_prometheus(struct meter *m, struct sprout_error *err)
{
    struct prometheus *const p = m->own;
    struct sprout_str text;
    enum sprout_status status = fetch(m, &text, err);

    if (status == SPROUT_OK) {
        status = read_text(m, text, err);
    }
    if (status == SPROUT_OK && p->found < m->channels) {
        status = sprout_fail(err, SPROUT_UNAVAILABLE,
                             "prometheus: %zu of %zu series of %s are gone",
                             m->channels - p->found, m->channels,
                             is_query(m) ? "the query" : p->way.metric);
    }
    return status;
}

/* ---- opening --------------------------------------------------------------------------- */

static enum sprout_status find_preset(const struct meter *m, const struct preset **out,
                                      struct sprout_error *err)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(m->opts.preset, presets[i].name) == 0) {
            *out = &presets[i];
            return SPROUT_OK;
        }
    }
    return sprout_fail(
        err, SPROUT_CONFIG,
        "prometheus: no preset '%.40s': expected dcgm, kepler, kepler-gpu, "
        "scaphandre, ipmi, node or node-dram; or say metric",
        m->opts.preset);
}

/* The first of the ways that finds something on the page. */
static enum sprout_status choose(struct meter *m, const struct way *ways, size_t n,
                                 struct sprout_str page, struct sprout_error *err)
{
    struct prometheus *const p = m->own;
    for (size_t i = 0; i < n && ways[i].metric != NULL; i++) {
        p->way = ways[i];
        if (!unit_of(sprout_str_of(p->way.metric), &p->unit)) {
            return sprout_fail(err, SPROUT_CONFIG,
                               "prometheus: which unit is %.80s in?  Its name should end "
                               "in _joules_total, _microjoules, _watts or the like",
                               p->way.metric);
        }
        const enum sprout_status status = read_text(m, page, err);
        if (status != SPROUT_OK || m->channels > 0) {
            return status;
        }
    }
    return sprout_fail(err, SPROUT_NOT_FOUND, "prometheus: %.120s has no %s%s%s%s",
                       m->opts.url, ways[0].metric, ways[0].labels[0] != '\0' ? "{" : "",
                       ways[0].labels, ways[0].labels[0] != '\0' ? "}" : "");
}

static enum sprout_status open_page(struct meter *m, struct sprout_str page,
                                    struct sprout_error *err)
{
    const struct preset *preset = NULL;
    if (m->opts.preset[0] == '\0') {
        const struct way way = {m->opts.metric, m->opts.labels};
        return choose(m, &way, 1, page, err);
    }
    const enum sprout_status status = find_preset(m, &preset, err);
    if (status != SPROUT_OK) {
        return status;
    }
    m->covers = m->opts.covers != 0 ? m->opts.covers : preset->covers;
    struct way ways[PRESET_WAYS];
    for (size_t i = 0; i < PRESET_WAYS; i++) {
        ways[i] = preset->way[i];
        if (m->opts.labels[0] != '\0') {
            ways[i].labels = m->opts.labels;
        }
    }
    return choose(m, ways, PRESET_WAYS, page, err);
}

static enum sprout_status open_prometheus(struct meter *m, struct sprout_error *err)
{
    struct prometheus *const p = calloc(1, sizeof *p);
    struct sprout_str text = {NULL, 0};

    m->own = p;
    if (p == NULL || (p->page = malloc(PAGE_MAX)) == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for prometheus");
    }
    if (m->opts.url[0] == '\0') {
        return sprout_fail(err, SPROUT_CONFIG,
                           "prometheus: say url, such as http://127.0.0.1:9400/metrics");
    }
    if (m->opts.preset[0] == '\0' && m->opts.metric[0] == '\0' && !is_query(m)) {
        return sprout_fail(
            err, SPROUT_CONFIG,
            "prometheus: say preset (dcgm, kepler, kepler-gpu, scaphandre, "
            "ipmi, node, node-dram) or metric");
    }
    if (is_query(m) && m->opts.metric[0] != '\0' &&
        !unit_of(sprout_str_of(m->opts.metric), &p->unit)) {
        return sprout_fail(err, SPROUT_CONFIG, "prometheus: which unit is %.80s in?",
                           m->opts.metric);
    }
    p->way = (struct way){m->opts.metric, ""};
    enum sprout_status status = fetch(m, &text, err);
    if (status != SPROUT_OK || !is_query(m)) {
        return status == SPROUT_OK ? open_page(m, text, err) : status;
    }
    status = read_text(m, text, err);
    if (status == SPROUT_OK && m->channels == 0) {
        status =
            sprout_fail(err, SPROUT_NOT_FOUND, "prometheus: the query finds nothing");
    }
    if (status == SPROUT_OK && p->unit.micro == 0) {
        status =
            sprout_fail(err, SPROUT_CONFIG,
                        "prometheus: the query's answer has no name, so no unit: say "
                        "metric, such as gpu_joules_total");
    }
    return status;
}

static void close_prometheus(struct meter *m)
{
    struct prometheus *const p = m->own;
    if (p != NULL) {
        free(p->page);
    }
    free(p);
}

const struct meter_driver sprout_meter_prometheus = {"prometheus", true, open_prometheus,
                                                     read_prometheus, close_prometheus};
