/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version.c - `sprout version`. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int sprout_cmd_version(int argc, char **argv)
{
    const int json = argc > 1 && strcmp(argv[1], "--json") == 0;
    printf(json ? "{\"version\":\"%s\"}\n" : "sprout %s\n", SPROUT_VERSION);
    return 0;
}
