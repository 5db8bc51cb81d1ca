/* SPDX-License-Identifier: Apache-2.0 */
/* usage_spot.c - see usage_spot.h. */
#include "wire/usage_spot.h"

enum { ROW_DOCUMENT, ROW_USAGE, ROW_CARBON };

static const struct sprout_shape_row rows[] = {
    {0, ROW_DOCUMENT, 0, SPROUT_KEY("")},
    {1, ROW_USAGE, 0, SPROUT_KEY("usage")},
    {2, ROW_CARBON, 0, SPROUT_KEY("carbon")},
};

static const struct sprout_shape shape = SPROUT_SHAPE_OF(rows);

static void on_row(void *ctx, const struct sprout_shape_row *row,
                   const struct sprout_json_event *e)
{
    struct sprout_usage_spot *const s = ctx;

    if (row->id == ROW_CARBON || e->kind == SPROUT_JSON_KEY_AGAIN) {
        s->spoilt = true;
    } else if (row->id == ROW_USAGE && e->kind == SPROUT_JSON_OBJECT_END) {
        s->found = true;
        s->at = e->end - 1;
        s->empty = sprout_walk_items(&s->walk) == 0;
    }
}

void sprout_usage_spot_start(struct sprout_usage_spot *s)
{
    *s = (struct sprout_usage_spot){.at = 0};
    sprout_walk_start(&s->walk, &shape, on_row, s);
}

void sprout_usage_spot_feed(struct sprout_usage_spot *s, const char *bytes, size_t len)
{
    (void)sprout_walk_feed(&s->walk, bytes,
                           len); /* a failure sticks, and finish says so */
}

bool sprout_usage_spot_finish(struct sprout_usage_spot *s)
{
    return sprout_walk_finish(&s->walk) == SPROUT_OK && s->found && !s->spoilt;
}
