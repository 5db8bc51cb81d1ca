/* SPDX-License-Identifier: Apache-2.0 */
/* usage_spot.h - where a member can be added to a whole reply's usage object.
 *
 * The reply of every API with a top-level "usage" object has one spot: before the brace that
 * ends it.  No spot where there is no such object, where it is there twice, where it already has
 * a "carbon", or where the reply is no JSON: then nothing is added.
 * Memory: the struct, its owner's.  Pure.  Not here: what is added (core/receipt.h). */
#ifndef SPROUT_WIRE_USAGE_SPOT_H
#define SPROUT_WIRE_USAGE_SPOT_H

#include "wire/shape.h"

struct sprout_usage_spot {
    struct sprout_walk walk;
    uint64_t at; /* offset of the closing brace */
    bool found;
    bool empty; /* the object has no member: no comma goes before ours */
    bool spoilt;
};

void sprout_usage_spot_start(struct sprout_usage_spot *s);
void sprout_usage_spot_feed(struct sprout_usage_spot *s, const char *bytes, size_t len);

/* True: `at` and `empty` hold. */
bool sprout_usage_spot_finish(struct sprout_usage_spot *s);

#endif
