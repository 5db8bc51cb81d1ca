/* SPDX-License-Identifier: Apache-2.0 */
/* config_reference.c - docs/configuration.md's table of keys, printed from the schema.
 *
 * A test compares the page with this, so that a key, a bound or a default cannot change
 * without its documentation. */
#include "control/config_schema.h"

enum { PATH_CAP = 128 };

static const char *type_text(const cyaml_schema_value_t *value)
{
    switch (value->type) {
    case CYAML_INT:
        return "whole number";
    case CYAML_FLOAT:
        return "number";
    case CYAML_BOOL:
        return "true or false";
    case CYAML_SEQUENCE:
        return "list";
    case CYAML_SEQUENCE_FIXED:
        return "three numbers";
    case CYAML_MAPPING:
        return "mapping";
    default:
        return "text";
    }
}

static void put_type(struct sprout_buf *b, const cyaml_schema_value_t *value,
                     const struct config_note *note)
{
    const bool number = value->type == CYAML_INT || value->type == CYAML_FLOAT;
    if (value->type == CYAML_ENUM) {
        for (uint32_t i = 0; i < value->enumeration.count; i++) {
            sprout_buf_printf(b, "%s`%s`", i > 0 ? ", " : "",
                              value->enumeration.strings[i].str);
        }
        return;
    }
    sprout_buf_printf(b, "%s", type_text(value));
    if (number) {
        sprout_buf_printf(b, ", %.10g to %.10g", note->lo, note->hi);
    } else if (note->hi > 0) {
        sprout_buf_printf(b, ", at most %.10g bytes", note->hi);
    }
}

static void put_row(struct sprout_buf *b, const cyaml_schema_field_t *field,
                    const struct config_note *note, const char *path)
{
    const bool needed = (field->value.flags & CYAML_FLAG_OPTIONAL) == 0;
    const char *const fallback = note->fallback == NULL ? "" : note->fallback;
    sprout_buf_printf(b, "| `%s` | ", path);
    put_type(b, &field->value, note);
    if (needed) {
        sprout_buf_printf(b, " | must be given | %s |\n", note->doc);
    } else if (fallback[0] == '\0') {
        sprout_buf_printf(b, " | | %s |\n", note->doc);
    } else {
        sprout_buf_printf(b, " | `%s` | %s |\n", fallback, note->doc);
    }
}

static void put_fields(struct sprout_buf *b, const cyaml_schema_field_t *fields,
                       const struct config_note *notes, const char *above)
{
    for (size_t i = 0; fields[i].key != NULL; i++) {
        const cyaml_schema_value_t *const value = &fields[i].value;
        const bool list = value->type == CYAML_SEQUENCE;
        const cyaml_schema_value_t *const inside = list ? value->sequence.entry : value;
        char path[PATH_CAP];
        struct sprout_buf p = sprout_buf_of(path, sizeof path - 1);
        sprout_buf_printf(&p, "%s%s%s%s", above, above[0] == '\0' ? "" : ".",
                          fields[i].key, list ? "[]" : "");
        path[p.len] = '\0';
        put_row(b, &fields[i], &notes[i], path);
        /* A mapping that defaults to another key has that one's keys. */
        if (inside->type == CYAML_MAPPING && (list || notes[i].fallback == NULL)) {
            put_fields(b, inside->mapping.fields, notes[i].child, path);
        }
    }
}

void sprout_config_put_reference(struct sprout_buf *b)
{
    sprout_buf_put(b, SPROUT_STR("| key | type | default | meaning |\n"
                                 "|---|---|---|---|\n"));
    put_fields(b, sprout_config_schema.mapping.fields, sprout_config_notes, "");
}
