/* SPDX-License-Identifier: Apache-2.0 */
/* config_check_profiles.c - what the keys of a profile say together: figures may be left out
 * where a published profile of that name has them, and nothing may be said in vain.
 * Not here: profiles from files, which are known once the configuration is loaded. */
#include "control/config_check_inner.h"

#include <math.h>

#include "core/profile.h"

static yaml_node_t *key_of(struct sprout_config_walk *w, yaml_node_t *entry,
                           const char *key)
{
    return sprout_config_child(w->doc, entry, key);
}

static double parameters(struct sprout_config_walk *w, yaml_node_t *entry,
                         const char *key, double otherwise)
{
    double v = 0;
    return sprout_config_number(key_of(w, entry, key), &v) && v > 0 ? v : otherwise;
}

/* The formula needs to know how large the model is; ranges must not be turned round. */
static void check_formula(struct sprout_config_walk *w, yaml_node_t *entry, size_t i)
{
    const double active = parameters(w, entry, "active", 0);
    const double active_high = parameters(w, entry, "active_high", active);
    const double total = parameters(w, entry, "total", active);
    const double most = fmax(total, active_high);
    if (active == 0) {
        sprout_fail(sprout_config_problem(w, entry), SPROUT_CONFIG,
                    "profiles[%zu]: 'active' is missing: billions of parameters, and "
                    "'total' where experts rest; '..._high' where a range is believed",
                    i);
    } else if (active_high < active || total < active ||
               parameters(w, entry, "total_high", most) < most) {
        sprout_fail(sprout_config_problem(w, entry), SPROUT_CONFIG,
                    "profiles[%zu]: expected active <= active_high <= total_high and "
                    "active <= total <= total_high",
                    i);
    }
}

/* A size says nothing where figures were given or measured. */
static void check_no_size(struct sprout_config_walk *w, yaml_node_t *entry, size_t i)
{
    static const char *const keys[] = {"active", "active_high", "total", "total_high"};
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const yaml_node_t *const node = key_of(w, entry, keys[k]);
        if (node != NULL) {
            sprout_fail(sprout_config_problem(w, node), SPROUT_CONFIG,
                        "profiles[%zu].%s: has no effect: it is for 'name: "
                        "ecologits/hosted', with 'joules' or 'seconds' left out",
                        i, keys[k]);
        }
    }
}

static void check_figures(struct sprout_config_walk *w, yaml_node_t *entry, size_t i,
                          const struct sprout_profile *published)
{
    if (key_of(w, entry, "joules") == NULL && published == NULL) {
        sprout_fail(sprout_config_problem(w, entry), SPROUT_CONFIG,
                    "profiles[%zu]: 'joules' is missing, and 'sprout profiles' has "
                    "none under that name",
                    i);
    }
    if (key_of(w, entry, "seconds") == NULL &&
        (published == NULL || published->kind == SPROUT_PROFILE_BATCH)) {
        sprout_fail(sprout_config_problem(w, entry), SPROUT_CONFIG,
                    "profiles[%zu]: 'seconds' is missing, and nobody published any "
                    "for that name",
                    i);
    }
}

void sprout_config_check_profiles(struct sprout_config_walk *w, yaml_node_t *profiles)
{
    for (size_t i = 0; i < sprout_config_count(profiles); i++) {
        yaml_node_t *const entry = sprout_config_entry(w, profiles, i);
        yaml_node_t *node = NULL;
        const struct sprout_profile *const published =
            sprout_profile_find(sprout_config_entry_text(w, profiles, i, "name", &node));
        const bool file = key_of(w, entry, "file") != NULL;
        const bool given =
            key_of(w, entry, "joules") != NULL && key_of(w, entry, "seconds") != NULL;
        if (node == NULL || entry->type != YAML_MAPPING_NODE) {
            continue; /* said already */
        }
        if (!file && !given && published != NULL &&
            published->kind == SPROUT_PROFILE_ECOLOGITS) {
            check_formula(w, entry, i);
        } else {
            check_no_size(w, entry, i);
        }
        if (!file) {
            check_figures(w, entry, i, published);
        }
    }
}
