/* SPDX-License-Identifier: Apache-2.0 */
/* condition.c - see condition.h. */
#include "wire/condition.h"

static bool is_value(const struct sprout_json_event *e)
{
    return e->kind != SPROUT_JSON_NULL && e->kind != SPROUT_JSON_KEY_AGAIN;
}

static bool number_of(const struct sprout_json_event *e, double *out)
{
    return e->kind == SPROUT_JSON_NUMBER && !e->cut &&
           sprout_str_to_f64(e->text, out) == SPROUT_OK;
}

bool sprout_condition_holds(enum sprout_request_id condition,
                            const struct sprout_json_event *e)
{
    double v = 0;
    const bool number = number_of(e, &v);

    switch (condition) {
    case SPROUT_IF_SET: /* of a text only its end tells whether it is empty */
        return e->kind == SPROUT_JSON_STRING_END
                   ? e->end - e->at > 2
                   : e->kind != SPROUT_JSON_STRING && is_value(e);
    case SPROUT_IF_ON:
        return number ? v != 0 : is_value(e) && e->kind != SPROUT_JSON_FALSE;
    case SPROUT_IF_MANY:
        return number && v > 1;
    case SPROUT_IF_SMALL:
        return number && v >= 0 && v <= SPROUT_SMALL_CAP;
    default:
        return false;
    }
}
