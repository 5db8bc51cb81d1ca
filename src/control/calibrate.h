/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.h - what tokens cost on this machine: drive the server, read the meter, fit.
 *
 *     energy of a run - idle = j_in * IN + (a + b / B) * OUT     B: requests that ran together
 *     seconds of a request   = s0 + s_in * in + s_out * out      one at a time
 *
 * Least squares over runs of every prompt length, answer length and concurrency.  Without a
 * meter the energy is unknown (NaN) and only times are fitted.
 * Threads: blocks its caller for minutes; one more reads the meter. */
#ifndef SPROUT_CONTROL_CALIBRATE_H
#define SPROUT_CONTROL_CALIBRATE_H

#include "adapt/meter.h"

enum { SPROUT_CALIBRATE_LIST = 8, SPROUT_CALIBRATE_RUNS = 128 };

struct sprout_calibrate_list {
    int v[SPROUT_CALIBRATE_LIST];
    int n;
};

struct sprout_calibrate_run {
    int prompt, output, concurrency; /* asked for */
    double requests, seconds;        /* of the run */
    double in, out;                  /* tokens, as the server reported */
    double batch;                    /* mean number that ran together */
    double joules;                   /* NaN: not measured */
    double request_s;                /* mean of its requests */
    double fitted_j;                 /* idle included; NaN */
};

struct sprout_calibration {
    struct sprout_calibrate_run run[SPROUT_CALIBRATE_RUNS];
    int runs;
    double idle_w;     /* NaN: no meter */
    double j_in, a, b; /* NaN: no meter; b 0: one concurrency only */
    double seconds[3];
    double worst, mean; /* relative residuals of energy; NaN */
};

struct sprout_calibrate_opts {
    const char *upstream; /* http://HOST:PORT */
    const char *model;
    struct sprout_calibrate_list prompts, outputs, concurrency;
    int rounds; /* requests of each client in a run */
    double idle_seconds;
    struct sprout_meters *meters; /* NULL: none */
    void (*progress)(void *ctx, int done, int of);
    void *ctx;
};

/* SPROUT_UNAVAILABLE (the server; or the meter had a gap), SPROUT_INFEASIBLE (the runs do
 * not tell the coefficients apart). */
SPROUT_MUST_USE enum sprout_status sprout_calibrate(const struct sprout_calibrate_opts *o,
                                                    struct sprout_calibration *out,
                                                    struct sprout_error *err);

#endif
