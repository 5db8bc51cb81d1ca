/* SPDX-License-Identifier: Apache-2.0 */
/* grid_recall.c - see grid_recall.h. */
#include "adapt/grid_recall.h"

#include "adapt/store_history.h"

static void remember(void *ctx, const struct sprout_grid_value *v)
{
    struct sprout_grid_list *const l = ctx;
    if (sprout_grid_list_has_zone(l, v->zone)) {
        sprout_grid_list_remember(l, v->kind, v->scope, v->slot_start, v->intensity);
    }
}

enum sprout_status sprout_grid_recall(struct sprout_grid_list *l,
                                      struct sprout_store *store, sprout_instant since,
                                      struct sprout_error *err)
{
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    const struct sprout_store_range range = {since, {INT64_MAX}};

    sprout_grid_list_signal(l, &kind, &scope);
    return sprout_store_history(store, range, kind, scope, remember, l, err);
}
