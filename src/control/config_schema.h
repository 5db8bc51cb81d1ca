/* SPDX-License-Identifier: Apache-2.0 */
/* config_schema.h - the one table of sprout.yaml, for config*.c only.
 *
 * Each key is written once, in config_schema.c.  From its row come libcyaml's schema (type
 * and place in the struct) and a note beside it (default, bounds, meaning), at the same
 * index: fields[i] belongs to notes[i].
 * Not here: walking the two (config_check.c, config.c). */
#ifndef SPROUT_CONTROL_CONFIG_SCHEMA_H
#define SPROUT_CONTROL_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <yaml.h>

#include "control/config.h"

/* What is expected instead, for a person ("ADDRESS:PORT"); NULL: the text is good. */
typedef const char *config_expect_fn(struct sprout_str text);

struct config_note {
    const char *fallback; /* the default as text; "" is NaN for a number */
    double lo;            /* bounds of a number; of a text hi is its length, 0: none */
    double hi;
    config_expect_fn *expect;        /* NULL: any text */
    const struct config_note *child; /* of a mapping, or of a list's entries */
    const char *doc;
};

extern const cyaml_schema_value_t sprout_config_schema;
extern const struct config_note sprout_config_notes[];

/* config_check.c: adds every problem of the document, in the order of the lines. */
void sprout_config_check(yaml_document_t *doc, struct sprout_problems *problems);

/* Checks one scalar's text.  False: *out says what was expected (`cap` bytes). */
bool sprout_config_check_text(const cyaml_schema_value_t *value,
                              const struct config_note *note, struct sprout_str text,
                              char *out, size_t cap);

/* The value of `key` in a mapping node, or NULL (also for a NULL or other node). */
yaml_node_t *sprout_config_child(yaml_document_t *doc, yaml_node_t *mapping,
                                 const char *key);

#endif
