/* SPDX-License-Identifier: Apache-2.0 */
/* doc_example.h - the first JSON example of a page under docs, so that a test can hold the
 * page to it. */
#ifndef SPROUT_TESTS_DOC_EXAMPLE_H
#define SPROUT_TESTS_DOC_EXAMPLE_H

#include <stdio.h>

#include "base/str.h"

/* The bytes between ```json and ```, without the newline at their end; empty on any failure. */
static inline struct sprout_str doc_example(const char *path, char *memory, size_t cap)
{
    FILE *f = fopen(path, "r");
    const size_t n = f == NULL ? 0 : fread(memory, 1, cap - 1, f);
    if (f != NULL) {
        fclose(f);
    }
    memory[n] = '\0';
    const char *from = strstr(memory, "```json\n");
    const char *to = from == NULL ? NULL : strstr(from + 8, "\n```");
    return to == NULL ? (struct sprout_str){"", 0}
                      : (struct sprout_str){from + 8, (size_t)(to - from - 8)};
}

#endif
