/* SPDX-License-Identifier: Apache-2.0 */
/* preset.h - published figures for what surrounds a model: the making of its hardware, the
 * facility, the host beside the accelerator, a country's electricity.  By name, with the
 * source.
 *
 * Those for hardware differ by more than fifty times between publications, so a report that
 * does not say which it used says nothing.  Pure.
 * Not here: what tokens cost (core/profile.h). */
#ifndef SPROUT_CORE_PRESET_H
#define SPROUT_CORE_PRESET_H

#include <stddef.h>

#include "base/str.h"

enum sprout_preset_kind {
    SPROUT_PRESET_EMBODIED, /* value: g, years: over how long; 0 where none is published */
    SPROUT_PRESET_PUE,      /* value: facility over computers */
    SPROUT_PRESET_HOST,     /* value: whole server over its accelerators */
    SPROUT_PRESET_MIX,      /* value: a country's electricity over a year, g/kWh */
};

struct sprout_preset {
    enum sprout_preset_kind kind;
    const char *name;
    double value;
    double years;
    const char *source;
};

extern const struct sprout_preset sprout_presets[];
extern const size_t sprout_preset_count;

/* NULL: none of that kind has that name. */
const struct sprout_preset *sprout_preset_find(enum sprout_preset_kind kind,
                                               struct sprout_str name);

#endif
