/* SPDX-License-Identifier: Apache-2.0 */
/* config_check_inner.h - what the checks of a sprout.yaml share; for config_check*.c only. */
#ifndef SPROUT_CONTROL_CONFIG_CHECK_INNER_H
#define SPROUT_CONTROL_CONFIG_CHECK_INNER_H

#include "control/config_schema.h"

enum { SPROUT_CONFIG_PATH = 128 /* bytes of "rules[3].match.header_value" */ };

struct sprout_config_walk {
    yaml_document_t *doc;
    struct sprout_problems *problems;
};

/* Where the next problem goes, which lies at `node`; NULL when there is no room. */
struct sprout_error *sprout_config_problem(struct sprout_config_walk *w,
                                           const yaml_node_t *node);

struct sprout_str sprout_config_scalar(const yaml_node_t *node);

/* The node is there, and its text is `word`. */
bool sprout_config_says(const yaml_node_t *node, const char *word);

/* False: not there, or no number (which was reported already). */
bool sprout_config_number(const yaml_node_t *node, double *out);

/* Of a list; 0 for anything else, or NULL. */
size_t sprout_config_count(const yaml_node_t *list);
yaml_node_t *sprout_config_entry(struct sprout_config_walk *w, yaml_node_t *list,
                                 size_t i);

/* The text of `key` in entry i; empty if there is none. */
struct sprout_str sprout_config_entry_text(struct sprout_config_walk *w,
                                           yaml_node_t *list, size_t i, const char *key,
                                           yaml_node_t **out_node);

/* config_check_profiles.c, config_check_places.c: what several keys say together of
 * `profiles`, and of `upstreams` and the grids. */
void sprout_config_check_profiles(struct sprout_config_walk *w, yaml_node_t *profiles);
void sprout_config_check_places(struct sprout_config_walk *w, yaml_node_t *upstreams,
                                yaml_node_t *grid);

#endif
