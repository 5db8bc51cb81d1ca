/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - what the switches make of a body that was read: may it be touched, and where.
 *
 * Apart from reading, because a rule may switch, and which rule holds is known only when the
 * model, the size and the tools of the request are. */
#include "wire/inspect.h"

static bool is_there(const struct sprout_spot *s)
{
    return s->place.form != SPROUT_PLACE_NONE || s->odd;
}

static const struct sprout_spot *spot_of(const struct sprout_facts *f,
                                         enum sprout_placement placement)
{
    switch (placement) {
    case SPROUT_PLACEMENT_UNSAID:
    case SPROUT_PLACEMENT_AUTO:
        break;
    case SPROUT_PLACEMENT_FIRST_USER:
        return &f->first_user;
    case SPROUT_PLACEMENT_LAST_USER:
        return &f->last_user;
    case SPROUT_PLACEMENT_SYSTEM:
        return &f->system;
    }
    return is_there(&f->system) ? &f->system : &f->first_user;
}

static uint64_t bit(unsigned reason)
{
    return UINT64_C(1) << reason;
}

/* N4, R7.  Where tools are left alone a loop's first turn had no directive either; where
 * they are not, it had one, and keeps it. */
static bool tool_result_blocks(const struct sprout_facts *f, bool with_tools)
{
    return f->tool_turn && !f->tool_turn_later && !(with_tools && f->tool_turn_in_loop);
}

static uint64_t reasons_of(const struct sprout_facts *f, const struct sprout_switches *s,
                           const struct sprout_spot *spot)
{
    uint64_t reasons = f->reasons;
    if (f->tools && !s->with_tools) {
        reasons |= bit(SPROUT_REASON_TOOLS);
    }
    if (f->off != 0 && !s->with_completions) {
        reasons |= bit(f->off);
    }
    if (tool_result_blocks(f, s->with_tools)) {
        reasons |= bit(SPROUT_REASON_TOOL_RESULT);
    }
    if (spot->odd || spot->place.form == SPROUT_PLACE_NONE) {
        reasons |= bit(SPROUT_REASON_NO_TEXT);
    } else if (spot->ends_known) {
        reasons |= bit(SPROUT_REASON_ALREADY);
    }
    return reasons;
}

static enum sprout_reason first_reason(uint64_t reasons)
{
    /* A body that cannot be read says nothing else about itself. */
    static const enum sprout_reason unsafe[] = {
        SPROUT_REASON_TOO_LARGE, SPROUT_REASON_TOO_DEEP, SPROUT_REASON_NOT_JSON,
        SPROUT_REASON_DUPLICATE_KEY};

    for (size_t k = 0; k < sizeof unsafe / sizeof unsafe[0]; k++) {
        if ((reasons & bit(unsafe[k])) != 0) {
            return unsafe[k];
        }
    }
    unsigned r = 0;
    while ((reasons >> r & 1) == 0) {
        r++;
    }
    return (enum sprout_reason)r;
}

void sprout_facts_settle(struct sprout_facts *f, const struct sprout_switches *switches)
{
    const struct sprout_spot *spot = spot_of(f, switches->placement);
    const uint64_t reasons = reasons_of(f, switches, spot);

    f->eligible = reasons == 0;
    f->place = f->eligible ? spot->place : (struct sprout_place){0};
    f->blocked = f->eligible ? (enum sprout_reason)0 : first_reason(reasons);
}
