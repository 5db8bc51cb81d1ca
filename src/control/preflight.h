/* SPDX-License-Identifier: Apache-2.0 */
/* preflight.h - would this configuration run?  What `sprout check` tries.
 *
 * Grid, upstream, folder, address, module and the nginx.conf itself (by nginx -t in a
 * folder of its own, which is removed again).  Nothing is started, nothing of the
 * configured folder is changed; each try takes a few seconds at most.
 * Not here: what is wrong with the file (config.h). */
#ifndef SPROUT_CONTROL_PREFLIGHT_H
#define SPROUT_CONTROL_PREFLIGHT_H

#include "control/config.h"

/* Of each of 16 places a grid and 12 providers, 16 upstreams, and the rest. */
enum { SPROUT_PREFLIGHT_MAX = 16 * 13 + 16 + 8 };

struct sprout_finding {
    const char *what; /* "grid", "upstream", ... */
    /* Its status is SPROUT_OK where it works; the message is what was found, or what is
     * wrong and how to mend it. */
    struct sprout_error found;
};

/* Fills at most SPROUT_PREFLIGHT_MAX findings and returns how many. */
size_t sprout_preflight(const struct sprout_config *c, sprout_instant now,
                        struct sprout_finding *out);

/* The nginx.conf that `sprout up` would run; a free port is found where none is named. */
SPROUT_MUST_USE enum sprout_status sprout_preflight_nginx_conf(
    const struct sprout_config *c, struct sprout_buf *b, struct sprout_error *err);

#endif
