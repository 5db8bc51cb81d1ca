/* SPDX-License-Identifier: Apache-2.0 */
/* store_metered.h - what meters measured, by hour, beside the receipts that got parts of it.
 *
 * measured = attributed + idle + unattributed, in microjoules, in every row: what receipts
 * got, what the machine took while no request was there, and what is nobody's otherwise.
 * A receipt moves its energy from `unattributed` to `attributed` in the transaction that
 * writes it, so `attributed` is the sum of measured receipts however control ends; until
 * then it is nobody's.  It moves in the hour of the request, its windows may be of the next:
 * one hour's `unattributed` can be negative, sums are right. */
#ifndef SPROUT_ADAPT_STORE_METERED_H
#define SPROUT_ADAPT_STORE_METERED_H

#include "adapt/store.h"

struct sprout_store_metered {
    sprout_microjoules measured;
    sprout_microjoules attributed;
    sprout_microjoules idle;
    sprout_microjoules unattributed;
    int64_t windows;
    int64_t gaps; /* of them; nothing is known of their energy */
};

/* Adds to the hour of `at`.  SPROUT_INVALID if the parts are not the whole. */
SPROUT_MUST_USE enum sprout_status sprout_store_add_metered(
    struct sprout_store *s, sprout_instant at, const struct sprout_store_metered *more,
    struct sprout_error *err);

/* Sums of the hours in `range`; zeros where nothing was metered. */
SPROUT_MUST_USE enum sprout_status sprout_store_metered(struct sprout_store *s,
                                                        struct sprout_store_range range,
                                                        struct sprout_store_metered *out,
                                                        struct sprout_error *err);

#endif
