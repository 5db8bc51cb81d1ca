/* SPDX-License-Identifier: Apache-2.0 */
/* grid_try.c - see grid_try.h. */
#include "adapt/grid_try.h"

#include <stdio.h>
#include <time.h>

#include "adapt/clock.h"

enum { LOOK_NS = 20 * 1000 * 1000 };

bool sprout_grid_try(struct sprout_grid_list *l, bool all, sprout_span limit)
{
    const sprout_mono begun = sprout_clock_mono();

    while (sprout_grid_list_drive(l, sprout_clock_wall(), all)) {
        const struct timespec look = {.tv_nsec = LOOK_NS};
        if (sprout_clock_mono().ns - begun.ns > limit.ns) {
            return false;
        }
        nanosleep(&look, NULL);
    }
    return true;
}

static enum sprout_status status_of(enum sprout_grid_trouble t)
{
    switch (t) {
    case SPROUT_GRID_TROUBLE_CONFIGURATION:
    case SPROUT_GRID_TROUBLE_AUTHORISATION:
        return SPROUT_CONFIG;
    case SPROUT_GRID_TROUBLE_INVALID:
        return SPROUT_INVALID;
    case SPROUT_GRID_TROUBLE_NO_DATA:
        return SPROUT_STALE;
    case SPROUT_GRID_TROUBLE_FINE:
    case SPROUT_GRID_TROUBLE_UNREACHABLE:
    case SPROUT_GRID_TROUBLE_QUOTA:
    case SPROUT_GRID_TROUBLE_GOING_AWAY:
        break;
    }
    return SPROUT_UNAVAILABLE;
}

enum sprout_status sprout_grid_try_line(struct sprout_grid_list *l, size_t i,
                                        sprout_instant now, char *out, size_t cap)
{
    const struct sprout_grid_live_state s = sprout_grid_list_state(l, i);
    struct sprout_grid_value v;
    struct sprout_error err = {.message = ""};

    if (!s.asked) {
        snprintf(out, cap, "no answer in time");
        return SPROUT_UNAVAILABLE;
    }
    if (s.trouble != SPROUT_GRID_TROUBLE_FINE) {
        snprintf(out, cap, "%s: %s", sprout_grid_trouble_text(s.trouble), s.why);
        return status_of(s.trouble);
    }
    if (sprout_grid_list_one(l, i, now, &v, &err) != SPROUT_OK) {
        snprintf(out, cap, "%.300s", err.message);
        return SPROUT_STALE;
    }
    snprintf(out, cap, "%.4g g/kWh now (%s, %s, %s%s%s)", v.intensity.v,
             sprout_grid_quality_text(v.quality), sprout_grid_kind_text(v.kind),
             sprout_grid_scope_text(v.scope), v.estimated ? ", estimated" : "",
             v.forecast ? ", forecast" : "");
    return SPROUT_OK;
}
