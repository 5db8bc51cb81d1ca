/* SPDX-License-Identifier: Apache-2.0 */
/* policy_json.h - policy.json to struct sprout_policy and back.
 *
 * docs/policy.md describes the file field by field.  Reading is all or nothing: syntax,
 * types, unknown format, bounds and sums are checked before anything is returned; unknown
 * members are ignored (a newer writer), missing required ones are errors.
 * Memory: everything the policy points at is in the arena given.  Pure. */
#ifndef SPROUT_WIRE_POLICY_JSON_H
#define SPROUT_WIRE_POLICY_JSON_H

#include "base/arena.h"
#include "core/policy.h"

enum {
    SPROUT_POLICY_MEMORY =
        16 << 20, /* an arena of this size reads any policy there can be; a usual one
                     touches some hundred kilobytes of it */
};

/* Errors: SPROUT_SYNTAX (with line and column), SPROUT_UNSUPPORTED (format), SPROUT_INVALID
 * (path of the field, found, expected), SPROUT_LIMIT, SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_policy_read(struct sprout_str json,
                                                      struct sprout_arena *arena,
                                                      const struct sprout_policy **out,
                                                      struct sprout_error *err);

/* Appends the file's text (pretty enough to be read by eye), without a newline at its end, so
 * that a file that lost its last byte is no policy either.  SPROUT_LIMIT if the buffer
 * overflowed. */
SPROUT_MUST_USE enum sprout_status sprout_policy_write(const struct sprout_policy *p,
                                                       struct sprout_buf *b);

#endif
