/* SPDX-License-Identifier: Apache-2.0 */
/* exposition.h - samples of a Prometheus text page, one after the other.
 *
 *     name{label="value",...} 12.5 [timestamp]
 *
 * Comments, types, exemplars and lines that are no samples are passed over.  Views point into
 * the page; a label's value is as written, with its escapes.  Pure.
 * Not here: which samples mean energy (adapt/meter_prometheus.c). */
#ifndef SPROUT_WIRE_EXPOSITION_H
#define SPROUT_WIRE_EXPOSITION_H

#include <stdbool.h>

#include "base/str.h"

struct sprout_sample {
    struct sprout_str name;
    struct sprout_str labels; /* between the braces; empty: none */
    double value;             /* may be NaN or infinite, as the page may say */
};

/* The next sample from *rest, which moves on.  False at the end. */
bool sprout_exposition_next(struct sprout_str *rest, struct sprout_sample *out);

/* The value of a label; false if it is not there. */
bool sprout_exposition_label(struct sprout_str labels, struct sprout_str name,
                             struct sprout_str *out);

#endif
