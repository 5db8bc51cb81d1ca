/* SPDX-License-Identifier: Apache-2.0 */
/* config_check.c - every problem of a sprout.yaml at once, each with its line.
 *
 * libcyaml stops at the first thing it does not like and names it by its own words, so the
 * document is walked beside the same schema first: types, bounds, unknown and doubled keys,
 * what is missing, and then what only several keys together can be wrong about.  A document
 * without problems here loads.
 * Bounds: the schema's depth ends the walk (aliases can repeat nodes, not nest them
 * further); problems beyond the maximum are counted only. */
#include <stdio.h>
#include <stdlib.h>

#include "control/config_check_inner.h"
#include "wire/patch.h"

enum {
    PATH_CAP = SPROUT_CONFIG_PATH,
    SHOWN_MAX = 40, /* bytes of a wrong text that a message repeats */
    KEY_MAX = 40,   /* a longer key is none of ours */
};

/* ---- reporting ----------------------------------------------------------------------- */

/* Where the next problem goes, which lies at `node`; NULL when there is no room. */
struct sprout_error *sprout_config_problem(struct sprout_config_walk *w,
                                           const yaml_node_t *node)
{
    if (w->problems->n == SPROUT_CONFIG_PROBLEMS_MAX) {
        w->problems->dropped++;
        return NULL;
    }
    struct sprout_error *const e = &w->problems->v[w->problems->n++];
    *e = (struct sprout_error){.line = node->start_mark.line + 1,
                               .column = node->start_mark.column + 1};
    return e;
}

struct sprout_str sprout_config_scalar(const yaml_node_t *node)
{
    return (struct sprout_str){(const char *)node->data.scalar.value,
                               node->data.scalar.length};
}

static const char *kind_text(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? "a mapping"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a single value";
}

static int by_line(const void *a, const void *b)
{
    const struct sprout_error *const x = a;
    const struct sprout_error *const y = b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return (x->column > y->column) - (x->column < y->column);
}

/* ---- one text ------------------------------------------------------------------------ */

static bool words_text(const cyaml_schema_value_t *value, struct sprout_str text,
                       char *out, size_t cap)
{
    struct sprout_buf b = sprout_buf_of(out, cap - 1);
    for (uint32_t i = 0; i < value->enumeration.count; i++) {
        const char *const word = value->enumeration.strings[i].str;
        if (sprout_str_eq(text, sprout_str_of(word))) {
            return true;
        }
        sprout_buf_printf(&b, "%s%s", i > 0 ? ", " : "one of: ", word);
    }
    out[b.len] = '\0';
    return false;
}

static bool number_text(const cyaml_schema_value_t *value, const struct config_note *note,
                        struct sprout_str text, char *out, size_t cap)
{
    const bool whole = value->type == CYAML_INT;
    double v = 0;
    int64_t i = 0;
    bool good = false;
    if (whole) {
        /* libcyaml reads 010 as eight. */
        const bool octal = text.len > 1 && text.ptr[0] == '0';
        good = !octal && sprout_str_to_i64(text, &i) == SPROUT_OK;
        v = (double)i;
    } else {
        good = sprout_str_to_f64(text, &v) == SPROUT_OK;
    }
    if (good && v >= note->lo && v <= note->hi) {
        return true;
    }
    snprintf(out, cap, "a %snumber from %.10g to %.10g", whole ? "whole " : "", note->lo,
             note->hi);
    return false;
}

static bool plain_text(const struct config_note *note, struct sprout_str text, char *out,
                       size_t cap)
{
    if (note->hi > 0 && (double)text.len > note->hi) {
        snprintf(out, cap, "at most %.0f bytes (these are %zu)", note->hi, text.len);
        return false;
    }
    const char *const expected = note->expect == NULL ? NULL : note->expect(text);
    if (expected != NULL) {
        snprintf(out, cap, "%s", expected);
    }
    return expected == NULL;
}

static bool bool_text(struct sprout_str text, char *out, size_t cap)
{
    static const char *const words[] = {"true", "false", "yes", "no"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (sprout_str_eq(text, sprout_str_of(words[i]))) {
            return true;
        }
    }
    snprintf(out, cap, "true or false");
    return false;
}

bool sprout_config_check_text(const cyaml_schema_value_t *value,
                              const struct config_note *note, struct sprout_str text,
                              char *out, size_t cap)
{
    switch (value->type) {
    case CYAML_INT:
    case CYAML_FLOAT:
        return number_text(value, note, text, out, cap);
    case CYAML_BOOL:
        return bool_text(text, out, cap);
    case CYAML_ENUM:
        return words_text(value, text, out, cap);
    default:
        return plain_text(note, text, out, cap);
    }
}

/* ---- the walk ------------------------------------------------------------------------ */

static void check_value(struct sprout_config_walk *w, const cyaml_schema_value_t *value,
                        const struct config_note *note, yaml_node_t *node,
                        const char *path);

static void check_scalar(struct sprout_config_walk *w, const cyaml_schema_value_t *value,
                         const struct config_note *note, const yaml_node_t *node,
                         const char *path)
{
    char expected[200];
    if (node->type != YAML_SCALAR_NODE) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s: found %s, expected a single value", path, kind_text(node));
        return;
    }
    const struct sprout_str text = sprout_config_scalar(node);
    const bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (text.len == 0 || sprout_str_eq(text, SPROUT_STR("null")) ||
                  sprout_str_eq(text, SPROUT_STR("~")))) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s: found nothing, expected a value (or leave the line out)", path);
    } else if (memchr(text.ptr, '\0', text.len) != NULL) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s: found a NUL byte, expected text", path);
    } else if (!sprout_config_check_text(value, note, text, expected, sizeof expected)) {
        const int shown = text.len > SHOWN_MAX ? SHOWN_MAX : (int)text.len;
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s: found '%.*s%s', expected %s", path, shown, text.ptr,
                    text.len > SHOWN_MAX ? "..." : "", expected);
    }
}

/* Edit distance, by whole rows; keys are short. */
static size_t distance(struct sprout_str a, struct sprout_str b)
{
    size_t row[KEY_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            const size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            const size_t skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < skip ? change : skip;
        }
    }
    return row[b.len];
}

/* The key that was probably meant; of equally near ones that with the same first letter. */
static const char *nearest(const cyaml_schema_field_t *fields, struct sprout_str key)
{
    const char *best = NULL;
    size_t least = 7; /* a guess further off than three letters is none */
    for (; key.len > 0 && key.len <= KEY_MAX && fields->key != NULL; fields++) {
        const struct sprout_str name = sprout_str_of(fields->key);
        const bool part = key.len >= 3 &&
                          (sprout_str_starts(name, key) || sprout_str_starts(key, name));
        const size_t d = part ? 1 : distance(key, name);
        const size_t score = 2 * d - (key.ptr[0] == name.ptr[0]);
        if (score < least && d < name.len) {
            least = score;
            best = fields->key;
        }
    }
    return best;
}

static void add_unknown(struct sprout_config_walk *w, const cyaml_schema_field_t *fields,
                        const yaml_node_t *node, const char *path)
{
    const struct sprout_str key = sprout_config_scalar(node);
    const int shown = key.len > SHOWN_MAX ? SHOWN_MAX : (int)key.len;
    const char *const guess = nearest(fields, key);
    if (guess != NULL) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s%sunknown key '%.*s': did you mean '%s'?", path,
                    path[0] ? ": " : "", shown, key.ptr, guess);
        return;
    }
    char known[256];
    struct sprout_buf b = sprout_buf_of(known, sizeof known - 1);
    for (size_t i = 0; fields[i].key != NULL; i++) {
        sprout_buf_printf(&b, "%s%s", i > 0 ? ", " : "", fields[i].key);
    }
    known[b.len] = '\0';
    sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                "%s%sunknown key '%.*s', expected one of: %s", path, path[0] ? ": " : "",
                shown, key.ptr, known);
}

static int field_index(const cyaml_schema_field_t *fields, struct sprout_str key)
{
    for (int i = 0; fields[i].key != NULL; i++) {
        if (sprout_str_eq(key, sprout_str_of(fields[i].key))) {
            return i;
        }
    }
    return -1;
}

static void check_mapping(struct sprout_config_walk *w,
                          const cyaml_schema_field_t *fields,
                          const struct config_note *notes, yaml_node_t *node,
                          const char *path)
{
    uint64_t seen = 0; /* no mapping of ours has 64 keys */
    if (node->type != YAML_MAPPING_NODE) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s%sfound %s, expected a mapping of keys", path, path[0] ? ": " : "",
                    kind_text(node));
        return;
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *const key = yaml_document_get_node(w->doc, pair->key);
        if (key->type != YAML_SCALAR_NODE) {
            sprout_fail(sprout_config_problem(w, key), SPROUT_CONFIG,
                        "%s: found %s as a key, expected a word", path, kind_text(key));
            continue;
        }
        const int i = field_index(fields, sprout_config_scalar(key));
        if (i < 0) {
            add_unknown(w, fields, key, path);
            continue;
        }
        char inner[PATH_CAP];
        snprintf(inner, sizeof inner, "%s%s%s", path, path[0] ? "." : "", fields[i].key);
        if (seen & (UINT64_C(1) << i)) {
            sprout_fail(sprout_config_problem(w, key), SPROUT_CONFIG, "%s: given twice",
                        inner);
        }
        seen |= UINT64_C(1) << i;
        check_value(w, &fields[i].value, &notes[i],
                    yaml_document_get_node(w->doc, pair->value), inner);
    }
    for (int i = 0; fields[i].key != NULL; i++) {
        const bool needed = (fields[i].value.flags & CYAML_FLAG_OPTIONAL) == 0;
        if (needed && (seen & (UINT64_C(1) << i)) == 0) {
            sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                        "%s: '%s' is missing", path, fields[i].key);
        }
    }
}

static void check_list(struct sprout_config_walk *w, const cyaml_schema_value_t *value,
                       const struct config_note *note, yaml_node_t *node,
                       const char *path)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s: found %s, expected a list", path, kind_text(node));
        return;
    }
    const size_t n =
        (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n < value->sequence.min || n > value->sequence.max) {
        sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                    "%s: found %zu entries, expected %u to %u", path, n,
                    value->sequence.min, value->sequence.max);
    }
    for (size_t i = 0; i < n && i < value->sequence.max; i++) {
        char inner[PATH_CAP];
        struct sprout_buf b = sprout_buf_of(inner, sizeof inner - 1);
        sprout_buf_printf(&b, "%s[%zu]", path, i);
        inner[b.len] = '\0';
        const cyaml_schema_value_t *const entry = value->sequence.entry;
        yaml_node_t *const item =
            yaml_document_get_node(w->doc, node->data.sequence.items.start[i]);
        if (entry->type == CYAML_MAPPING) {
            check_mapping(w, entry->mapping.fields, note->child, item, inner);
        } else {
            check_scalar(w, entry, note->child, item, inner);
        }
    }
}

static void check_value(struct sprout_config_walk *w, const cyaml_schema_value_t *value,
                        const struct config_note *note, yaml_node_t *node,
                        const char *path)
{
    switch (value->type) {
    case CYAML_MAPPING:
        check_mapping(w, value->mapping.fields, note->child, node, path);
        break;
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
        check_list(w, value, note, node, path);
        break;
    default:
        check_scalar(w, value, note, node, path);
    }
}

/* ---- what several keys say together --------------------------------------------------- */

yaml_node_t *sprout_config_child(yaml_document_t *doc, yaml_node_t *mapping,
                                 const char *key)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        yaml_node_t *const name = yaml_document_get_node(doc, pair->key);
        if (name->type == YAML_SCALAR_NODE &&
            sprout_str_eq(sprout_config_scalar(name), sprout_str_of(key))) {
            return yaml_document_get_node(doc, pair->value);
        }
    }
    return NULL;
}

size_t sprout_config_count(const yaml_node_t *list)
{
    return list == NULL || list->type != YAML_SEQUENCE_NODE
               ? 0
               : (size_t)(list->data.sequence.items.top -
                          list->data.sequence.items.start);
}

yaml_node_t *sprout_config_entry(struct sprout_config_walk *w, yaml_node_t *list,
                                 size_t i)
{
    return yaml_document_get_node(w->doc, list->data.sequence.items.start[i]);
}

/* The text of `key` in entry i; empty if there is none. */
struct sprout_str sprout_config_entry_text(struct sprout_config_walk *w,
                                           yaml_node_t *list, size_t i, const char *key,
                                           yaml_node_t **out_node)
{
    yaml_node_t *const node =
        sprout_config_child(w->doc, sprout_config_entry(w, list, i), key);
    *out_node = node;
    return node == NULL || node->type != YAML_SCALAR_NODE ? (struct sprout_str){"", 0}
                                                          : sprout_config_scalar(node);
}

static void check_names_differ(struct sprout_config_walk *w, yaml_node_t *list,
                               const char *path)
{
    for (size_t i = 0; i < sprout_config_count(list); i++) {
        yaml_node_t *node = NULL;
        const struct sprout_str name =
            sprout_config_entry_text(w, list, i, "name", &node);
        for (size_t j = 0; name.len > 0 && j < i; j++) {
            yaml_node_t *other = NULL;
            if (sprout_str_eq(name,
                              sprout_config_entry_text(w, list, j, "name", &other))) {
                sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                            "%s[%zu].name: found '%.*s' again, expected another name "
                            "than %s[%zu]'s",
                            path, i, (int)name.len, name.ptr, path, j);
                break;
            }
        }
    }
}

/* Parameters are checked against the API's row: P1, P2. */
static void check_patches(struct sprout_config_walk *w, yaml_node_t *patches,
                          size_t level)
{
    if (level == 0 && sprout_config_count(patches) > 0) {
        sprout_fail(sprout_config_problem(w, patches), SPROUT_CONFIG,
                    "levels[0].patches: expected none: the first level adds nothing");
    }
    for (size_t i = 0; i < sprout_config_count(patches); i++) {
        yaml_node_t *node[3] = {NULL, NULL, NULL};
        struct sprout_error why = {0};
        const struct sprout_patch patch = {
            .api = sprout_config_entry_text(w, patches, i, "api", &node[0]),
            .parameter = sprout_config_entry_text(w, patches, i, "parameter", &node[1]),
            .value = sprout_config_entry_text(w, patches, i, "value", &node[2]),
        };
        if (node[0] != NULL && node[1] != NULL && node[2] != NULL &&
            sprout_patch_check(&patch, &why) != SPROUT_OK) {
            sprout_fail(sprout_config_problem(w, sprout_config_entry(w, patches, i)),
                        SPROUT_CONFIG, "levels[%zu].patches[%zu].%s", level, i,
                        why.message);
        }
    }
}

static void check_levels(struct sprout_config_walk *w, yaml_node_t *levels)
{
    const size_t n = sprout_config_count(levels);
    if (levels != NULL && levels->type == YAML_SEQUENCE_NODE && n < 2) {
        sprout_fail(sprout_config_problem(w, levels), SPROUT_CONFIG,
                    "levels: found %zu, expected at least 2, the first without a "
                    "directive",
                    n);
    }
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *node = NULL;
        const struct sprout_str text =
            sprout_config_entry_text(w, levels, i, "directive", &node);
        yaml_node_t *const patches =
            sprout_config_child(w->doc, sprout_config_entry(w, levels, i), "patches");
        check_patches(w, patches, i);
        if (sprout_config_count(patches) > 0) {
            continue; /* the directive may be left out */
        }
        if (i == 0 && text.len > 0) {
            sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                        "levels[0].directive: expected none: the first level adds "
                        "nothing");
        } else if (i > 0 && node == NULL) {
            sprout_fail(sprout_config_problem(w, sprout_config_entry(w, levels, i)),
                        SPROUT_CONFIG,
                        "levels[%zu]: 'directive' is missing (or 'patches')", i);
        } else if (i > 0 && node->type == YAML_SCALAR_NODE && text.len == 0) {
            sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                        "levels[%zu].directive: found nothing, expected a text", i);
        }
    }
}

static bool level_known(struct sprout_config_walk *w, yaml_node_t *levels,
                        struct sprout_str name)
{
    if (levels == NULL) {
        return sprout_str_eq(name, SPROUT_STR("L0")) ||
               sprout_str_eq(name, SPROUT_STR("L1")) ||
               sprout_str_eq(name, SPROUT_STR("L2"));
    }
    for (size_t i = 0; i < sprout_config_count(levels); i++) {
        yaml_node_t *node = NULL;
        if (sprout_str_eq(name, sprout_config_entry_text(w, levels, i, "name", &node))) {
            return true;
        }
    }
    return false;
}

/* False: not there, or no number (which was reported already). */
bool sprout_config_says(const yaml_node_t *node, const char *word)
{
    return node != NULL && node->type == YAML_SCALAR_NODE &&
           sprout_str_eq(sprout_config_scalar(node), sprout_str_of(word));
}

bool sprout_config_number(const yaml_node_t *node, double *out)
{
    return node != NULL && node->type == YAML_SCALAR_NODE &&
           sprout_str_to_f64(sprout_config_scalar(node), out) == SPROUT_OK;
}

static void check_rules(struct sprout_config_walk *w, yaml_node_t *rules,
                        yaml_node_t *levels)
{
    for (size_t i = 0; i < sprout_config_count(rules); i++) {
        yaml_node_t *const rule = sprout_config_entry(w, rules, i);
        yaml_node_t *const names = sprout_config_child(w->doc, rule, "levels");
        for (size_t j = 0; j < sprout_config_count(names); j++) {
            const yaml_node_t *const name = sprout_config_entry(w, names, j);
            if (name->type == YAML_SCALAR_NODE &&
                !level_known(w, levels, sprout_config_scalar(name))) {
                sprout_fail(sprout_config_problem(w, name), SPROUT_CONFIG,
                            "rules[%zu].levels[%zu]: found '%.*s', expected the name of "
                            "a level",
                            i, j, (int)name->data.scalar.length, name->data.scalar.value);
            }
        }
        yaml_node_t *const match = sprout_config_child(w->doc, rule, "match");
        const yaml_node_t *const value =
            sprout_config_child(w->doc, match, "header_value");
        if (value != NULL && sprout_config_child(w->doc, match, "header") == NULL) {
            sprout_fail(sprout_config_problem(w, value), SPROUT_CONFIG,
                        "rules[%zu].match.header_value: needs 'header' beside it", i);
        }
    }
}

static void check_extremes(struct sprout_config_walk *w, yaml_node_t *quality)
{
    const yaml_node_t *const lo =
        sprout_config_child(w->doc, quality, "k0_min_g_per_kwh");
    const yaml_node_t *const hi =
        sprout_config_child(w->doc, quality, "k0_max_g_per_kwh");
    double a = 0;
    double b = 0;
    if ((lo == NULL) != (hi == NULL)) {
        sprout_fail(
            sprout_config_problem(w, lo != NULL ? lo : hi), SPROUT_CONFIG,
            "quality: expected both k0_min_g_per_kwh and k0_max_g_per_kwh, or neither");
    } else if (sprout_config_number(lo, &a) && sprout_config_number(hi, &b) && a >= b) {
        sprout_fail(
            sprout_config_problem(w, hi), SPROUT_CONFIG,
            "quality.k0_max_g_per_kwh: found %g, expected more than the least value, %g",
            b, a);
    }
}

/* What the paper's rule asks of one hour, no other can make up for. */
static void check_window(struct sprout_config_walk *w, yaml_node_t *quality)
{
    const yaml_node_t *const window =
        sprout_config_child(w->doc, quality, "budget_window");
    const yaml_node_t *const least = sprout_config_child(w->doc, quality, "hourly_floor");
    const bool fixed =
        sprout_config_says(sprout_config_child(w->doc, quality, "rule"), "fixed");
    const bool longer =
        sprout_config_says(window, "day") || sprout_config_says(window, "month");
    double floor = 0.95, hourly = 0;
    (void)sprout_config_number(sprout_config_child(w->doc, quality, "floor"), &floor);
    if (longer && !fixed) {
        sprout_fail(sprout_config_problem(w, window), SPROUT_CONFIG,
                    "quality.budget_window: found '%.10s', expected 'rule: fixed' beside "
                    "it: the paper's rule has a floor for each hour",
                    (const char *)window->data.scalar.value);
    }
    if (sprout_config_number(least, &hourly) && hourly > floor) {
        sprout_fail(sprout_config_problem(w, least), SPROUT_CONFIG,
                    "quality.hourly_floor: found %g, expected at most the floor, %g",
                    hourly, floor);
    }
}

static void check_preferences(struct sprout_config_walk *w, yaml_node_t *shares,
                              yaml_node_t *levels)
{
    const size_t n = sprout_config_count(shares);
    const size_t expected = levels == NULL ? 3 : sprout_config_count(levels);
    double first = 0;
    if (n > 0 && n != expected) {
        sprout_fail(sprout_config_problem(w, shares), SPROUT_CONFIG,
                    "quality.shares: found %zu numbers, expected one a level, %zu", n,
                    expected);
    }
    if (n > 0 && sprout_config_number(sprout_config_entry(w, shares, 0), &first) &&
        first <= 0) {
        sprout_fail(sprout_config_problem(w, shares), SPROUT_CONFIG,
                    "quality.shares[0]: found %g, expected more than 0: the others count "
                    "relative "
                    "to it",
                    first);
    }
}

/* Evaluating by itself with nothing to judge, or nobody to say what is right, does nothing and
 * would say nothing. */
static void check_evaluation(struct sprout_config_walk *w, yaml_node_t *evaluation)
{
    yaml_node_t *const judge = sprout_config_child(w->doc, evaluation, "judge");
    const yaml_node_t *const url = sprout_config_child(w->doc, judge, "url");
    const yaml_node_t *const on = sprout_config_child(w->doc, evaluation, "enabled");
    double rate = 0;
    (void)sprout_config_number(
        sprout_config_child(w->doc, sprout_config_child(w->doc, evaluation, "sample"),
                            "rate"),
        &rate);
    const bool by_itself =
        sprout_config_says(on, "true") || sprout_config_says(on, "yes");
    const bool prompts = sprout_config_child(w->doc, evaluation, "prompts") != NULL;
    if (by_itself && !prompts && !(rate > 0)) {
        sprout_fail(sprout_config_problem(w, on), SPROUT_CONFIG,
                    "evaluation.enabled: there is nothing to judge, expected 'prompts' "
                    "or 'sample: {rate: ...}' beside it");
    } else if (by_itself && !prompts && url == NULL) {
        sprout_fail(sprout_config_problem(w, on), SPROUT_CONFIG,
                    "evaluation.enabled: live prompts have no references, expected "
                    "'judge' beside it");
    }
    if (url != NULL && sprout_config_child(w->doc, judge, "model") == NULL) {
        sprout_fail(sprout_config_problem(w, url), SPROUT_CONFIG,
                    "evaluation.judge.url: expected 'model' beside it, the name of the "
                    "judge's model");
    }
}

static void check_admin(struct sprout_config_walk *w, const yaml_node_t *admin)
{
    if (admin == NULL || admin->type != YAML_SCALAR_NODE) {
        return;
    }
    const struct sprout_str s = sprout_config_scalar(admin);
    static const char *const local[] = {"127.", "localhost:", "[::1]:", "unix:"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if (sprout_str_starts(s, sprout_str_of(local[i]))) {
            return;
        }
    }
    sprout_fail(sprout_config_problem(w, admin), SPROUT_CONFIG,
                "admin: found '%.*s', expected a loopback address (127.0.0.1:PORT) or "
                "unix:PATH: the admin API has no authentication",
                (int)(s.len > SHOWN_MAX ? SHOWN_MAX : s.len), s.ptr);
}

static void check_arms(struct sprout_config_walk *w, yaml_node_t *root)
{
    const yaml_node_t *const holdout = sprout_config_child(w->doc, root, "holdout");
    const yaml_node_t *const explore = sprout_config_child(w->doc, root, "explore");
    double a = 0;
    double b = 0;
    if (sprout_config_number(holdout, &a) && sprout_config_number(explore, &b) &&
        a + b > 1) {
        sprout_fail(sprout_config_problem(w, holdout), SPROUT_CONFIG,
                    "holdout: %g and explore %g are more than all requests", a, b);
    }
}

static void check_times(struct sprout_config_walk *w, yaml_node_t *root)
{
    const yaml_node_t *const every = sprout_config_child(w->doc, root, "plan_interval_s");
    const yaml_node_t *const valid = sprout_config_child(w->doc, root, "valid_s");
    double interval = 60; /* the defaults of config_schema.c */
    double validity = 900;
    const bool one = sprout_config_number(every, &interval);
    const bool other = sprout_config_number(valid, &validity);
    if ((one || other) && validity < 2 * interval) {
        sprout_fail(
            sprout_config_problem(w, valid != NULL ? valid : every), SPROUT_CONFIG,
            "valid_s: %g is less than twice plan_interval_s, %g: a policy would end "
            "before "
            "the next one comes",
            validity, interval);
    }
}

void sprout_config_check(yaml_document_t *doc, struct sprout_problems *problems)
{
    struct sprout_config_walk w = {doc, problems};
    yaml_node_t *const root = yaml_document_get_root_node(doc);
    check_mapping(&w, sprout_config_schema.mapping.fields, sprout_config_notes, root, "");
    yaml_node_t *const levels = sprout_config_child(doc, root, "levels");
    yaml_node_t *const rules = sprout_config_child(doc, root, "rules");
    check_levels(&w, levels);
    check_names_differ(&w, levels, "levels");
    check_names_differ(&w, rules, "rules");
    check_rules(&w, rules, levels);
    sprout_config_check_profiles(&w, sprout_config_child(doc, root, "profiles"));
    yaml_node_t *const upstreams = sprout_config_child(doc, root, "upstreams");
    check_names_differ(&w, upstreams, "upstreams");
    sprout_config_check_places(&w, upstreams, sprout_config_child(doc, root, "grid"));
    yaml_node_t *const quality = sprout_config_child(doc, root, "quality");
    check_extremes(&w, quality);
    check_window(&w, quality);
    check_preferences(&w, sprout_config_child(doc, quality, "shares"), levels);
    check_evaluation(&w, sprout_config_child(doc, root, "evaluation"));
    check_admin(&w, sprout_config_child(doc, root, "admin"));
    check_arms(&w, root);
    check_times(&w, root);
    qsort(problems->v, problems->n, sizeof problems->v[0], by_line);
}
