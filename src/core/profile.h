/* SPDX-License-Identifier: Apache-2.0 */
/* profile.h - published figures of what tokens cost, with source and version.
 *
 *     linear     E = j0 + j_in * in + j_out * out          one request at a time
 *     batch      E = (a + b / B) * out                     B: requests that run together
 *     ecologits  the formula of EcoLogits for hosted models, from parameters and tokens
 *
 * A figure holds for its machine and its range of batches; outside it extrapolates, and the
 * factor between batch 1 and 512 is 50.  Pure.
 * Not here: what a configuration uses (core/energy.h); measured energy (core/attribute.h). */
#ifndef SPROUT_CORE_PROFILE_H
#define SPROUT_CORE_PROFILE_H

#include <stddef.h>

#include "base/str.h"
#include "core/units.h"

enum sprout_profile_kind {
    SPROUT_PROFILE_LINEAR,
    SPROUT_PROFILE_BATCH,
    SPROUT_PROFILE_ECOLOGITS,
};

struct sprout_profile {
    const char *name;
    const char *version;
    const char *source;
    enum sprout_profile_kind kind;
    int gpus;
    double joules[3];  /* linear */
    double seconds[3]; /* linear */
    double a, b;       /* batch: J per output token */
    int batch_from, batch_to;
};

extern const struct sprout_profile sprout_profiles[];
extern const size_t sprout_profile_count;

/* NULL: there is none of that name. */
const struct sprout_profile *sprout_profile_find(struct sprout_str name);

/* What a configuration takes of it: joules as a triple, at `batch`; seconds too where it has
 * them (linear), else *out_seconds is left alone.  False, and nothing is written, for the
 * formula, which is no triple. */
bool sprout_profile_triples(const struct sprout_profile *p, double batch,
                            double out_joules[3], double out_seconds[3]);

const char *sprout_profile_kind_text(enum sprout_profile_kind kind);

/* Of a linear or batch profile; `batch` is the mean number of requests that ran together,
 * at least 1.  NaN where a count is unknown, or the kind is another. */
sprout_joules sprout_profile_joules(const struct sprout_profile *p, sprout_tokens prompt,
                                    sprout_tokens output, double batch);

/* EcoLogits (MPL-2.0 project; the formula, not its code): parameters in billions. */
struct sprout_ecologits {
    double latency_s;
    double gpu_wh;     /* of one GPU */
    double server_wh;  /* without GPUs */
    double request_wh; /* with PUE */
    double embodied_mg;
};

struct sprout_ecologits sprout_ecologits_of(double active, double total,
                                            sprout_tokens output, double pue);

#endif
