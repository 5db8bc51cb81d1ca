/* SPDX-License-Identifier: Apache-2.0 */
/* preset.c - see preset.h. */
#include "core/preset.h"

#include "core/units.h"

#define EMBODIED SPROUT_PRESET_EMBODIED
#define PUE      SPROUT_PRESET_PUE
#define HOST     SPROUT_PRESET_HOST
#define MIX      SPROUT_PRESET_MIX

/* Published in kg/kWh, as the table below repeats it. */
#define ECOLOGITS_MIX "EcoLogits 2d0a1c7, electricity mixes"

const struct sprout_preset sprout_presets[] = {
    {EMBODIED, "sprout-paper", 26356.568, 5, "the Sprout paper, one A100 PCIe 40 GB"},
    {EMBODIED, "ecologits-h100", 876500, 3, "EcoLogits: one H100 and 1/8 of its server"},
    {EMBODIED, "chien-2023-a100", 318000, 0, "Chien 2023: one A100 and 1/8 of its host"},
    {PUE, "azure", 1.20, 0, "EcoLogits, for Azure and OpenAI"},
    {PUE, "google", 1.09, 0, "EcoLogits, for Google"},
    {PUE, "aws", 1.14, 0, "EcoLogits, for AWS: 1.09 to 1.14, the upper end"},
    {PUE, "mistral", 1.16, 0, "EcoLogits, for Mistral"},
    {HOST, "gemini-2025", 83.0 / 58, 0,
     "arXiv 2508.15734: accelerators 58 % and host 25 % of a prompt's energy"},
    {MIX, "world", 0.473 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "usa", 0.384 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "fra", 0.0442 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "deu", 0.344 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "gbr", 0.211 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "nld", 0.253 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "aus", 0.552 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "swe", 0.0358 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "pol", 0.615 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
    {MIX, "ind", 0.708 * SPROUT_GRAMS_PER_KG, 0, ECOLOGITS_MIX},
};
const size_t sprout_preset_count = sizeof sprout_presets / sizeof sprout_presets[0];

const struct sprout_preset *sprout_preset_find(enum sprout_preset_kind kind,
                                               struct sprout_str name)
{
    for (size_t i = 0; i < sprout_preset_count; i++) {
        if (sprout_presets[i].kind == kind &&
            sprout_str_eq(name, sprout_str_of(sprout_presets[i].name))) {
            return &sprout_presets[i];
        }
    }
    return NULL;
}
