/* SPDX-License-Identifier: Apache-2.0 */
/* profile_file.h - an energy profile of one's own, a small JSON file.
 *
 *     {"name": "...", "version": "1", "source": "...", "kind": "linear",
 *      "joules": [j0, j_in, j_out], "seconds": [s0, s_in, s_out]}
 *     {..., "kind": "batch", "a_j": a, "b_j": b, "batch_from": 1, "batch_to": 64,
 *      "gpus": 1}                                 "seconds" where they are known
 *
 * `sprout profiles --json` prints its entries in the same form.  What is missing is said by
 * its name; nothing stands in for it.
 * Not here: what the figures mean (core/profile.h). */
#ifndef SPROUT_ADAPT_PROFILE_FILE_H
#define SPROUT_ADAPT_PROFILE_FILE_H

#include "base/status.h"
#include "core/profile.h"

enum { SPROUT_PROFILE_TEXT_MAX = 200, SPROUT_PROFILE_FILE_MAX = 64 * 1024 };

struct sprout_profile_file {
    struct sprout_profile profile; /* its texts are those below */
    bool seconds_known;
    char name[SPROUT_PROFILE_TEXT_MAX];
    char version[SPROUT_PROFILE_TEXT_MAX];
    char source[SPROUT_PROFILE_TEXT_MAX];
};

/* SPROUT_NOT_FOUND, SPROUT_IO, SPROUT_LIMIT; SPROUT_INVALID with what is wrong in it. */
SPROUT_MUST_USE enum sprout_status sprout_profile_file_read(
    const char *path, struct sprout_profile_file *out, struct sprout_error *err);

#endif
