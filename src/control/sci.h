/* SPDX-License-Identifier: Apache-2.0 */
/* sci.h - a report's sums as a Software Carbon Intensity (SCI 1.1, ISO/IEC 21031:2024).
 *
 *     SCI = (O + M) per R,  O = E * I        E in kWh with the facility's overhead (PUE)
 *
 * R is a request, and a thousand output tokens.  Location-based: the grid's own intensity, no
 * certificates.  Inside the boundary: inference as accounted, what judging it cost, and the
 * gateway's own time at SPROUT_SCI_CORE_WATTS, for no meter attributes it; the share of the
 * hardware's making that inference takes.  Outside: training, the network, the client, and
 * what nginx does without us.
 * Only requests with known energy and grid value count, and how many these are is said; a
 * figure that would mix known and unknown is NaN.  Pure. */
#ifndef SPROUT_CONTROL_SCI_H
#define SPROUT_CONTROL_SCI_H

#include "control/savings.h"

/* Of a busy core with its share of memory: assumed, and on the high side (a server of 64 cores
 * and 500 W has 8). */
#define SPROUT_SCI_CORE_WATTS 10.0

struct sprout_sci {
    int64_t requests;      /* with known energy and grid value */
    int64_t unknown;       /* the others */
    int64_t output_tokens; /* of `requests`; -1: unknown */
    double energy_kwh;     /* of inference, without PUE; NaN: unknown */
    double gateway_kwh;    /* of our own code, for all requests */
    double intensity;      /* O / E: g/kWh, PUE inside; NaN: unknown */
    double operational_g;  /* O of inference */
    double embodied_g;     /* M */
    double evaluation_g;   /* O of answers and judge */
    double gateway_g;      /* O of our own code, at `intensity` */
    double total_g;        /* O + M, all of them */
    double per_request_g;  /* NaN where there is no request */
    double per_1000_tokens_g;
};

struct sprout_sci sprout_sci_of(const struct sprout_savings *r);

/* Appends it as one JSON object, {"sci":{...}}. */
void sprout_sci_put(struct sprout_buf *b, const struct sprout_savings *r);

#endif
