/* SPDX-License-Identifier: Apache-2.0 */
/* receipt.h - what one request cost, and what it would have cost at L0 (expected).
 *
 * Made from the token counts of a reply with the coefficients in force; the method is the
 * name of the energy profile, so a modelled joule never passes for a measured one.
 * Grams at L0 are the stratum's belief for L0 at the same grid value.  What is unknown is
 * NaN and printed as null or left out, never 0. */
#ifndef SPROUT_CORE_RECEIPT_H
#define SPROUT_CORE_RECEIPT_H

#include "core/policy.h"

/* Normalised usage (wire.md section 8): prompt includes cached, completion includes
 * reasoning. */
struct sprout_usage {
    sprout_tokens prompt;
    sprout_tokens cached;
    sprout_tokens completion;
    sprout_tokens reasoning;
};

#define SPROUT_USAGE_UNKNOWN ((struct sprout_usage){{-1}, {-1}, {-1}, {-1}})

struct sprout_receipt {
    struct sprout_usage usage;
    bool estimated; /* tokens counted by us, not reported */
    sprout_joules energy;
    sprout_seconds time; /* modelled */
    sprout_grams operational;
    sprout_grams embodied;
    sprout_grams grams;       /* operational + embodied */
    sprout_grams grams_l0;    /* expected at L0 */
    double range[2];          /* factors on energy and operational: from, to */
    struct sprout_str method; /* borrowed from the policy */
    struct sprout_str grid; /* what the grid value is worth: "live", "assumed", "none" */
};

/* `policy` NULL: tokens only, the rest NaN. */
struct sprout_receipt sprout_receipt_make(const struct sprout_policy *policy,
                                          struct sprout_str model, int stratum,
                                          struct sprout_usage usage, bool estimated);

/* One line of JSON: {"prompt_tokens":..,"completion_tokens":..,"estimated":..,"joules":..,
 * "grams":..,"grams_l0":..,"method":"..","grid":".."}. */
void sprout_receipt_put(struct sprout_buf *b, const struct sprout_receipt *r);

/* The same in OpenGateLLM's shape, {"kWh":{"min":..,"max":..},"kgCO2eq":{"min":..,"max":..}}:
 * energy as in the receipt, carbon operational and embodied.  min and max differ where the
 * profile has a range, and then only by what the energy does; null where unknown. */
void sprout_receipt_put_carbon(struct sprout_buf *b, const struct sprout_receipt *r);

#endif
