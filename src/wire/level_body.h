/* SPDX-License-Identifier: Apache-2.0 */
/* level_body.h - a whole request body at a level, byte for byte as nginx would send it.
 *
 * For the evaluator, which must ask the upstream what serving would have asked: the same
 * inspection, rule, placement, directive and patches, from the same code.
 * Pure.  Not here: which level (the evaluator wants every one). */
#ifndef SPROUT_WIRE_LEVEL_BODY_H
#define SPROUT_WIRE_LEVEL_BODY_H

#include "base/arena.h"
#include "core/choice.h"
#include "wire/inspect.h"

enum { SPROUT_LEVEL_BODY_MEMORY = 128 * 1024 };

/* Appends the body at `level` to `out`.  The facts are filled in also on failure.
 * SPROUT_UNSUPPORTED: nginx would not touch it (facts.blocked says why);
 * SPROUT_LIMIT: `out` is too small; SPROUT_NO_MEMORY: the arena is. */
SPROUT_MUST_USE enum sprout_status sprout_level_body(
    const struct sprout_policy *policy, size_t level, struct sprout_str route,
    struct sprout_str body, struct sprout_arena *arena, struct sprout_buf *out,
    struct sprout_facts *out_facts);

/* Name of the stratum that requests like this one belong to.  `predictor` may be NULL: then as
 * where nobody looks at the text. */
struct sprout_str sprout_level_body_stratum(const struct sprout_policy *policy,
                                            const struct sprout_predictor *predictor,
                                            const struct sprout_facts *facts);

#endif
