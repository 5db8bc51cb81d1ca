/* SPDX-License-Identifier: Apache-2.0 */
/* policy_file.h - the policy in force in a folder, as nginx reads it.
 *
 * Memory: owned by the struct, freed by sprout_policy_file_close(); the policy lives as
 * long. */
#ifndef SPROUT_CONTROL_POLICY_FILE_H
#define SPROUT_CONTROL_POLICY_FILE_H

#include "adapt/file.h"
#include "core/policy.h"

struct sprout_policy_file {
    struct sprout_file text; /* policy.json as it lies there */
    char *block;
    char *view; /* memory of what is seen from a zone; NULL: nothing is */
    const struct sprout_policy *policy;
};

/* SPROUT_NOT_FOUND, SPROUT_IO, or what the reader of policy.json says (with line). */
SPROUT_MUST_USE enum sprout_status sprout_policy_file_open(const char *dir,
                                                           struct sprout_policy_file *out,
                                                           struct sprout_error *err);

/* `policy` becomes what holds in one of its zones.  SPROUT_NOT_FOUND names those there are;
 * SPROUT_NO_MEMORY.  The file stays open after either. */
SPROUT_MUST_USE enum sprout_status sprout_policy_file_see(struct sprout_policy_file *f,
                                                          struct sprout_str zone,
                                                          struct sprout_error *err);
void sprout_policy_file_close(struct sprout_policy_file *f); /* a zeroed one is fine */

#endif
