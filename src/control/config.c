/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - sprout.yaml in, struct sprout_config out.
 *
 * The document is read by libyaml and checked whole (config_check.c); only one without
 * problems is given to libcyaml, which fills the struct.  What the file leaves out is then
 * filled from the table's defaults by walking schema, notes and document in step.  The same
 * fill with no document is the configuration of "no file at all".
 * Memory: everything is malloc'd, by libcyaml or here, and freed by cyaml_free(). */
#include "control/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapt/file.h"
#include "adapt/grid_reply.h"
#include "adapt/meter.h"
#include "control/config_expect.h"
#include "control/config_schema.h"
#include "core/preset.h"

enum {
    EXPECTED_CAP = 200,
    PROVIDER_CAP = 400,
    METHOD_MAX = SPROUT_NAME_MAX - 24 /* "@" and "/batch-1.23e+04-measured" go with it */
};

/* ---- values from text ---------------------------------------------------------------- */

static bool set_text(char **at, const char *text)
{
    char *const copy = strdup(text);
    if (copy == NULL) {
        return false;
    }
    free(*at);
    *at = copy;
    return true;
}

static int64_t word_value(const cyaml_schema_value_t *value, struct sprout_str word)
{
    for (uint32_t i = 0; i < value->enumeration.count; i++) {
        if (sprout_str_eq(word, sprout_str_of(value->enumeration.strings[i].str))) {
            return value->enumeration.strings[i].val;
        }
    }
    return 0; /* the text was checked */
}

/* `text` has passed the check, or is a default of the table.  False: no memory. */
static bool set_value(const cyaml_schema_value_t *value, const char *text, void *at)
{
    const struct sprout_str s = sprout_str_of(text);
    double number = NAN;
    int64_t whole = 0;
    switch (value->type) {
    case CYAML_STRING:
        return set_text(at, text);
    case CYAML_FLOAT:
        *(double *)at = sprout_str_to_f64(s, &number) == SPROUT_OK ? number : NAN;
        return true;
    case CYAML_INT:
        *(int64_t *)at = sprout_str_to_i64(s, &whole) == SPROUT_OK ? whole : 0;
        return true;
    case CYAML_BOOL:
        *(bool *)at = text[0] == 't' || text[0] == 'y';
        return true;
    default: /* CYAML_ENUM */
        *(unsigned *)at = (unsigned)word_value(value, s);
        return true;
    }
}

/* ---- defaults ------------------------------------------------------------------------ */

struct fill {
    yaml_document_t *doc; /* NULL: no file */
    const char *folder;   /* what paths in the file are relative to; NULL: nothing */
};

static bool fill_mapping(const struct fill *f, const cyaml_schema_field_t *fields,
                         const struct config_note *notes, yaml_node_t *node, char *data);

static bool rebase(char **path, const char *folder)
{
    char joined[4096];
    if ((*path)[0] == '/' || folder == NULL || folder[0] == '\0') {
        return true;
    }
    const int n = snprintf(joined, sizeof joined, "%s/%s", folder, *path);
    return n > 0 && (size_t)n < sizeof joined && set_text(path, joined);
}

static bool fill_list(const struct fill *f, const cyaml_schema_value_t *value,
                      const struct config_note *note, yaml_node_t *node, void *at)
{
    if (node == NULL || value->sequence.entry->type != CYAML_MAPPING) {
        return true;
    }
    char *const entries = *(char **)at;
    const size_t n =
        (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *const item =
            yaml_document_get_node(f->doc, node->data.sequence.items.start[i]);
        if (!fill_mapping(f, value->sequence.entry->mapping.fields, note->child, item,
                          entries + i * value->data_size)) {
            return false;
        }
    }
    return true;
}

/* Gives every key that the document leaves out its default. */
static bool fill_mapping(const struct fill *f, const cyaml_schema_field_t *fields,
                         const struct config_note *notes, yaml_node_t *node, char *data)
{
    bool good = true;
    for (size_t i = 0; good && fields[i].key != NULL; i++) {
        const cyaml_schema_value_t *const value = &fields[i].value;
        void *const at = data + fields[i].data_offset;
        yaml_node_t *const child =
            f->doc == NULL ? NULL : sprout_config_child(f->doc, node, fields[i].key);
        if (value->type == CYAML_MAPPING) {
            good = fill_mapping(f, value->mapping.fields, notes[i].child, child, at);
        } else if (value->type == CYAML_SEQUENCE) {
            good = fill_list(f, value, &notes[i], child, at);
        } else if (child == NULL && value->type != CYAML_SEQUENCE_FIXED) {
            good = set_value(value, notes[i].fallback, at);
        } else if (notes[i].expect == sprout_expect_path) {
            good = rebase(at, f->folder);
        }
    }
    return good;
}

/* The levels of "no levels given". */
static bool fill_levels(struct sprout_config *c)
{
    static const char *const text[][2] = {
        {"L0", ""},
        {"L1", "Answer briefly."},
        {"L2", "Answer very briefly, in one short sentence."},
    };
    enum { N = sizeof text / sizeof text[0] };
    if (c->levels_count > 0) {
        return true;
    }
    c->levels = calloc(N, sizeof *c->levels);
    if (c->levels == NULL) {
        return false;
    }
    c->levels_count = N;
    for (size_t i = 0; i < N; i++) {
        if (!set_text(&c->levels[i].name, text[i][0]) ||
            !set_text(&c->levels[i].directive, text[i][1])) {
            return false;
        }
    }
    return true;
}

/* Any provider makes the grid a list. */
static void settle_grid(struct sprout_config_grid *g)
{
    if (g->providers_count > 0) {
        g->source = SPROUT_GRID_LIST;
    }
}

/* Does the document say `grid` of the i-th upstream? */
static bool has_grid(const struct fill *f, yaml_node_t *root, uint32_t i)
{
    yaml_node_t *const list = sprout_config_child(f->doc, root, "upstreams");
    yaml_node_t *const entry =
        yaml_document_get_node(f->doc, list->data.sequence.items.start[i]);
    return sprout_config_child(f->doc, entry, "grid") != NULL;
}

static bool fill_all(struct sprout_config *c, const struct fill *f)
{
    yaml_node_t *const root = f->doc == NULL ? NULL : yaml_document_get_root_node(f->doc);
    const bool good = fill_mapping(f, sprout_config_schema.mapping.fields,
                                   sprout_config_notes, root, (char *)c) &&
                      fill_levels(c);
    if (!good) {
        return false;
    }
    settle_grid(&c->grid);
    for (uint32_t i = 0; i < c->upstreams_count; i++) {
        c->upstreams[i].own_grid = has_grid(f, root, i);
        settle_grid(&c->upstreams[i].grid);
    }
    return true;
}

enum sprout_status sprout_config_default(struct sprout_config **out)
{
    const struct fill nothing = {NULL, NULL};
    struct sprout_config *const c = calloc(1, sizeof *c);
    if (c == NULL || !fill_all(c, &nothing)) {
        sprout_config_free(c);
        return SPROUT_NO_MEMORY;
    }
    *out = c;
    return SPROUT_OK;
}

/* ---- loading ------------------------------------------------------------------------- */

/* libcyaml's last words, kept for the problem that only it found. */
static void keep_log(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct sprout_error *const e = ctx;
    if (level >= CYAML_LOG_ERROR && e->message[0] == '\0') {
        vsnprintf(e->message, sizeof e->message, format, args);
        e->message[strcspn(e->message, "\n")] = '\0';
    }
}

static const cyaml_config_t cyaml_silent = {
    .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS};

void sprout_config_free(struct sprout_config *c)
{
    if (c != NULL) {
        for (uint32_t i = 0; i < c->profiles_count; i++) {
            free(c->profiles[i].own);
        }
        cyaml_free(&cyaml_silent, &sprout_config_schema, c, 0);
    }
}

static enum sprout_status one_problem(struct sprout_problems *problems,
                                      const struct sprout_error *e)
{
    problems->v[0] = *e;
    problems->n = 1;
    return e->status;
}

static bool all_zero(const double v[3])
{
    return v[0] == 0 && v[1] == 0 && v[2] == 0;
}

const struct sprout_profile *sprout_config_profile_base(
    const struct sprout_config_profile *p)
{
    return p->own != NULL ? &p->own->profile
                          : sprout_profile_find(sprout_str_of(p->name));
}

static enum sprout_status take_file(struct sprout_config_profile *to,
                                    struct sprout_error *err)
{
    to->own = malloc(sizeof *to->own);
    if (to->own == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a profile");
    }
    if (sprout_profile_file_read(to->file, to->own, err) != SPROUT_OK) {
        struct sprout_error why = *err;
        free(to->own);
        to->own = NULL;
        return sprout_fail(err, SPROUT_CONFIG, "profiles: %s: %s", to->name, why.message);
    }
    if (all_zero(to->seconds) && !to->own->seconds_known) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "profiles: %s: neither it nor %.300s has 'seconds'", to->name,
                           to->file);
    }
    if (strlen(to->name) + strlen(to->own->version) > METHOD_MAX) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "profiles: %s: with the version of %.300s that is a name of "
                           "more than %d bytes, too long for receipts",
                           to->name, to->file, METHOD_MAX);
    }
    return SPROUT_OK;
}

static enum sprout_status take_files(struct sprout_config *c, struct sprout_error *err)
{
    for (uint32_t i = 0; i < c->profiles_count; i++) {
        if (c->profiles[i].file[0] != '\0' &&
            take_file(&c->profiles[i], err) != SPROUT_OK) {
            return SPROUT_CONFIG;
        }
    }
    return SPROUT_OK;
}

static enum sprout_status load_checked(struct sprout_str yaml, yaml_document_t *doc,
                                       const char *folder, struct sprout_config **out,
                                       struct sprout_problems *problems)
{
    const struct fill fill = {doc, folder};
    struct sprout_error e = {.status = SPROUT_CONFIG};
    cyaml_config_t config = cyaml_silent;
    config.log_fn = keep_log;
    config.log_ctx = &e;
    struct sprout_config *c = NULL;
    const cyaml_err_t rc =
        cyaml_load_data((const uint8_t *)yaml.ptr, yaml.len, &config,
                        &sprout_config_schema, (cyaml_data_t **)&c, NULL);
    if (rc == CYAML_ERR_ALIAS) {
        sprout_fail(&e, SPROUT_CONFIG,
                    "anchors and aliases (& and *): expected the value "
                    "itself");
    }
    if (rc != CYAML_OK) {
        return one_problem(problems, &e);
    }
    if (!fill_all(c, &fill)) {
        sprout_config_free(c);
        sprout_fail(&e, SPROUT_NO_MEMORY, "no memory for the configuration");
        return one_problem(problems, &e);
    }
    if (take_files(c, &e) != SPROUT_OK) {
        sprout_config_free(c);
        return one_problem(problems, &e);
    }
    *out = c;
    return SPROUT_OK;
}

static enum sprout_status check_then_load(struct sprout_str yaml, yaml_document_t *doc,
                                          const char *folder, struct sprout_config **out,
                                          struct sprout_problems *problems)
{
    if (yaml_document_get_root_node(doc) == NULL) { /* nothing but comments */
        return sprout_config_default(out);
    }
    sprout_config_check(doc, problems);
    return problems->n > 0 ? SPROUT_CONFIG
                           : load_checked(yaml, doc, folder, out, problems);
}

enum sprout_status sprout_config_parse(struct sprout_str yaml, const char *folder,
                                       struct sprout_config **out,
                                       struct sprout_problems *problems)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    struct sprout_error e = {.status = SPROUT_NO_MEMORY, .message = "no memory"};
    *problems = (struct sprout_problems){.n = 0};
    if (!yaml_parser_initialize(&parser)) {
        return one_problem(problems, &e);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.ptr, yaml.len);
    enum sprout_status status;
    if (!yaml_parser_load(&parser, &doc)) {
        sprout_fail(&e, SPROUT_CONFIG, "this is no YAML: %s%s%s",
                    parser.problem == NULL ? "?" : parser.problem,
                    parser.context == NULL ? "" : ", ",
                    parser.context == NULL ? "" : parser.context);
        e.line = parser.problem_mark.line + 1;
        e.column = parser.problem_mark.column + 1;
        status = one_problem(problems, &e);
    } else {
        status = check_then_load(yaml, &doc, folder, out, problems);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return status;
}

enum sprout_status sprout_config_load(const char *path, struct sprout_config **out,
                                      struct sprout_problems *problems)
{
    struct sprout_file file = {0};
    struct sprout_error e = {0};
    char folder[4096];
    *problems = (struct sprout_problems){.n = 0};
    if (sprout_file_read(path, SPROUT_CONFIG_BYTES_MAX, &file, &e) != SPROUT_OK) {
        return one_problem(problems, &e);
    }
    const char *const slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int)(slash - path),
             path);
    const enum sprout_status status = sprout_config_parse(
        sprout_file_str(&file), slash == path ? "/" : folder, out, problems);
    sprout_file_free(&file);
    return status;
}

/* ---- single keys from a command line -------------------------------------------------- */

static enum sprout_status no_key(const char *path, struct sprout_error *err)
{
    return sprout_fail(err, SPROUT_USAGE, "'%s' is no single key of sprout.yaml", path);
}

enum sprout_status sprout_config_set(struct sprout_config *c, const char *path,
                                     const char *value, struct sprout_error *err)
{
    const cyaml_schema_field_t *fields = sprout_config_schema.mapping.fields;
    const struct config_note *notes = sprout_config_notes;
    char *data = (char *)c;
    for (const char *at = path;;) {
        const size_t len = strcspn(at, ".");
        size_t i = 0;
        while (fields[i].key != NULL && !sprout_str_eq(sprout_str_of(fields[i].key),
                                                       (struct sprout_str){at, len})) {
            i++;
        }
        if (fields[i].key == NULL || fields[i].value.type == CYAML_SEQUENCE) {
            return no_key(path, err);
        }
        data += fields[i].data_offset;
        if (fields[i].value.type == CYAML_MAPPING) {
            if (at[len] == '\0') {
                return no_key(path, err);
            }
            fields = fields[i].value.mapping.fields;
            notes = notes[i].child;
            at += len + 1;
            continue;
        }
        char expected[EXPECTED_CAP];
        if (!sprout_config_check_text(&fields[i].value, &notes[i], sprout_str_of(value),
                                      expected, sizeof expected)) {
            return sprout_fail(err, SPROUT_USAGE, "%s: found '%.40s', expected %s", path,
                               value, expected);
        }
        return set_value(&fields[i].value, value, data)
                   ? SPROUT_OK
                   : sprout_fail(err, SPROUT_NO_MEMORY, "no memory for %s", path);
    }
}

enum sprout_status sprout_config_set_floor(struct sprout_config *c, const char *value,
                                           struct sprout_error *err)
{
    const enum sprout_status status = sprout_config_set(c, "quality.floor", value, err);
    if (status == SPROUT_OK) {
        c->quality.rule = SPROUT_FLOOR_FIXED;
    }
    return status;
}

const char *sprout_window_kind_text(enum sprout_window_kind k)
{
    switch (k) {
    case SPROUT_WINDOW_AUTO:
        return "auto";
    case SPROUT_WINDOW_HOUR:
        return "hour";
    case SPROUT_WINDOW_DAY:
        return "day";
    case SPROUT_WINDOW_MONTH:
        return "month";
    }
    return "";
}

enum sprout_window_kind sprout_config_window(const struct sprout_config_quality *q)
{
    if (q->rule != SPROUT_FLOOR_FIXED) {
        return SPROUT_WINDOW_HOUR;
    }
    return q->budget_window == SPROUT_WINDOW_AUTO ? SPROUT_WINDOW_DAY : q->budget_window;
}

double sprout_config_hourly_floor(const struct sprout_config_quality *q)
{
    const double below = 0.1;
    const double floor = isnan(q->hourly_floor) ? q->floor - below : q->hourly_floor;
    return fmin(fmax(floor, 0), q->floor);
}

/* One `name=value` after the file's name. */
static enum sprout_status set_grid_option(struct sprout_config *c, char *option,
                                          struct sprout_error *err)
{
    static const char *const names[][2] = {
        {"start", "grid.csv.start"},   {"speed", "grid.csv.speed"},
        {"column", "grid.csv.column"}, {"sha256", "grid.csv.sha256"},
        {"zone", "grid.zone"},
    };
    char *const equals = strchr(option, '=');
    if (equals != NULL) {
        *equals = '\0';
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (strcmp(option, names[i][0]) == 0) {
                return sprout_config_set(c, names[i][1], equals + 1, err);
            }
        }
    }
    return sprout_fail(err, SPROUT_USAGE,
                       "--grid: found '%.40s' after the file, expected start=, speed=, "
                       "column=, zone= or sha256=",
                       option);
}

/* "NAME:ZONE": read as the file would be, so that it is checked and filled alike; the grid
 * that was goes with the helper. */
static enum sprout_status set_provider(struct sprout_config *c, struct sprout_str name,
                                       const char *zone, struct sprout_error *err)
{
    char text[PROVIDER_CAP];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    struct sprout_config *made = NULL;
    struct sprout_problems *const problems = calloc(1, sizeof *problems);
    if (problems == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for --grid");
    }
    sprout_buf_put(&b, SPROUT_STR("grid: {providers: [{provider: "));
    sprout_buf_json(&b, name);
    sprout_buf_put(&b, SPROUT_STR(", zone: "));
    sprout_buf_json(&b, sprout_str_of(zone));
    sprout_buf_put(&b, SPROUT_STR("}]}"));
    enum sprout_status status =
        b.full ? SPROUT_LIMIT
               : sprout_config_parse(sprout_buf_str(&b), NULL, &made, problems);
    if (status != SPROUT_OK || made == NULL) {
        status = sprout_fail(err, SPROUT_USAGE, "--grid: %.300s",
                             problems->n > 0 ? problems->v[0].message : "too long");
    } else {
        const struct sprout_config_grid was = c->grid;
        c->grid = made->grid;
        made->grid = was;
    }
    sprout_config_free(made);
    free(problems);
    return status;
}

/* A number, or the name of a country's mix. */
static enum sprout_status set_constant(struct sprout_config *c, const char *text,
                                       struct sprout_error *err)
{
    const bool named = sprout_preset_find(SPROUT_PRESET_MIX, sprout_str_of(text)) != NULL;
    c->grid.source = SPROUT_GRID_STATIC;
    const enum sprout_status status =
        sprout_config_set(c, "grid.static_mix", named ? text : "", err);
    return status != SPROUT_OK || named
               ? status
               : sprout_config_set(c, "grid.static_g_per_kwh", text, err);
}

enum sprout_status sprout_config_set_grid(struct sprout_config *c, const char *spec,
                                          struct sprout_error *err)
{
    const size_t name = strcspn(spec, ":");
    if (sprout_grid_live_find((struct sprout_str){spec, name}) != NULL &&
        spec[name] == ':') {
        return set_provider(c, (struct sprout_str){spec, name}, spec + name + 1, err);
    }
    if (sprout_str_starts(sprout_str_of(spec), SPROUT_STR("static:"))) {
        return set_constant(c, spec + strlen("static:"), err);
    }
    if (!sprout_str_starts(sprout_str_of(spec), SPROUT_STR("csv:"))) {
        return sprout_fail(err, SPROUT_USAGE,
                           "--grid: found '%.40s', expected static:G, static:usa, "
                           "csv:FILE[,start=T][,speed=N] or PROVIDER:ZONE, such as "
                           "energy-charts:de",
                           spec);
    }
    char *const copy = strdup(spec + 4);
    if (copy == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for --grid");
    }
    char *rest = copy;
    char *const file = strsep(&rest, ",");
    enum sprout_status status = sprout_config_set(c, "grid.csv.file", file, err);
    while (status == SPROUT_OK && rest != NULL) {
        status = set_grid_option(c, strsep(&rest, ","), err);
    }
    if (status == SPROUT_OK) {
        c->grid.source = SPROUT_GRID_CSV;
    }
    free(copy);
    return status;
}

/* ---- uses ---------------------------------------------------------------------------- */

struct sprout_meter_opts sprout_config_meter_opts(const struct sprout_config *c, size_t i)
{
    const struct sprout_config_meter *const m = &c->meters[i];
    return (struct sprout_meter_opts){
        .kind = m->kind,
        .sysfs_root = m->sysfs_root,
        .library = m->library,
        .url = m->url,
        .preset = m->preset,
        .metric = m->metric,
        .labels = m->labels,
        .device = m->device,
        .covers = sprout_meter_parts(sprout_str_of(m->covers)),
        .max_watts = m->max_watts,
    };
}
