/* SPDX-License-Identifier: Apache-2.0 */
/* core_files.c - see core_files.h. */
#include "adapt/core_files.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void sprout_core_files_off(void)
{
    const struct rlimit none = {0, 0};

    /* Neither can fail for a process that only gives something up. */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
