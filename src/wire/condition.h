/* SPDX-License-Identifier: Apache-2.0 */
/* condition.h - does a member of a request, by its value alone, forbid a directive?
 *
 * The conditions are rows of a dialect (SPROUT_IF_*): set, on, many, small.
 * Pure.  Not here: conditions that need more than one value (inspect.c). */
#ifndef SPROUT_WIRE_CONDITION_H
#define SPROUT_WIRE_CONDITION_H

#include "wire/dialect_row.h"

bool sprout_condition_holds(enum sprout_request_id condition,
                            const struct sprout_json_event *e);

#endif
