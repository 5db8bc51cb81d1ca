/* SPDX-License-Identifier: Apache-2.0 */
/* carbon.h - what energy and time cost the air: equation 1 of the paper.
 *
 *     C = CI * E * PUE  +  (C_emb / T_life) * t
 *
 * Pure arithmetic.  The operational and the embodied part stay apart, because reporting
 * standards (SCI) want them apart and published embodied values differ by more than 50x.
 * NaN in, NaN out: what is unknown stays unknown.
 * Not here: where the intensity comes from (adapt/grid), how joules are found (energy.h),
 * rounding for storage (sprout_micrograms_of, called once, at the ledger). */
#ifndef SPROUT_CORE_CARBON_H
#define SPROUT_CORE_CARBON_H

#include "core/units.h"

struct sprout_carbon_params {
    double pue;            /* facility energy over IT energy, >= 1 */
    sprout_grams embodied; /* of the serving hardware, whole life */
    sprout_seconds lifetime;
};

/* The authors' experiment: PUE 1, one A100 PCIe 40 GB of 26 356.568 g over 5 x 365 d. */
extern const struct sprout_carbon_params sprout_carbon_paper;

/* CI * E * PUE. */
sprout_grams sprout_carbon_operational(const struct sprout_carbon_params *p,
                                       sprout_g_per_kwh ci, sprout_joules energy);

/* (C_emb / T_life) * t. */
sprout_grams sprout_carbon_embodied(const struct sprout_carbon_params *p,
                                    sprout_seconds time);

/* Both: equation (1) of the paper. */
sprout_grams sprout_carbon_of(const struct sprout_carbon_params *p, sprout_g_per_kwh ci,
                              sprout_joules energy, sprout_seconds time);

/* Nearest integer, halves away from zero; INT64_MIN for NaN (the ledger's null). */
sprout_micrograms sprout_micrograms_of(sprout_grams g);
sprout_microjoules sprout_microjoules_of(sprout_joules j);

#define SPROUT_MICRO_UNKNOWN INT64_MIN

#endif
