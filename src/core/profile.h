/* SPDX-License-Identifier: Apache-2.0 */
/* profile.h - published figures of what tokens cost, with source and version.
 *
 *     linear     E = j0 + j_in * in + j_out * out          one request at a time
 *     batch      E = (a + b / B) * out                     B: requests that run together
 *     ecologits  the formula of EcoLogits for hosted models, from parameters and tokens
 *
 * A figure holds for its machine and its range of batches; outside it extrapolates, and the
 * factor between batch 1 and 512 is 50.  Pure.
 * Not here: how a request is counted with them (core/energy.h); measured energy (core/attribute.h). */
#ifndef SPROUT_CORE_PROFILE_H
#define SPROUT_CORE_PROFILE_H

#include <stddef.h>

#include "core/energy.h"

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

/* What a configuration says beside the name. */
struct sprout_profile_use {
    double batch;  /* how many requests run together; below 1 is 1 */
    double active; /* the formula's billions of parameters; 0: not given */
    double active_high;
    double total;
    double total_high;
};

/* Joules and seconds of a request as core/energy.h takes them.  Seconds are all 0 where
 * nobody published any.  `range` are the factors by which the joules may be too many and too
 * few; {0, 0} where one figure is all there is.  The formula counts without the facility's
 * overhead, takes the middle of its range, and leaves out high ends as the low ones. */
struct sprout_energy_profile sprout_profile_figures(const struct sprout_profile *p,
                                                    const struct sprout_profile_use *use);

const char *sprout_profile_kind_text(enum sprout_profile_kind kind);

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
