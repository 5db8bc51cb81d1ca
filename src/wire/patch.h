/* SPDX-License-Identifier: Apache-2.0 */
/* patch.h - parameters that a level may set in a request (struct sprout_patch).
 *
 * What may be set is in the dialect's row (P2, P4): the name with its place in the body, and
 * the words it takes.  A token cap is in no row (P1), so none can be configured.
 * Not here: the bytes (rewrite.h), which level is chosen (core/choice.h). */
#ifndef SPROUT_WIRE_PATCH_H
#define SPROUT_WIRE_PATCH_H

#include "core/policy.h"
#include "wire/inspect.h"

/* Is the parameter in the row of that API, and does it take the value?  SPROUT_INVALID with
 * what was found and expected ("parameter: found 'max_tokens', expected ..."). */
SPROUT_MUST_USE enum sprout_status sprout_patch_check(const struct sprout_patch *patch,
                                                      struct sprout_error *err);

/* Would it change this request?  Its API, model and route are those named, and the client
 * has not set the parameter.  *out_slot: which of facts->param it is. */
bool sprout_patch_fits(const struct sprout_patch *patch,
                       const struct sprout_dialect *dialect,
                       const struct sprout_facts *facts, struct sprout_str route,
                       unsigned *out_slot);

#endif
