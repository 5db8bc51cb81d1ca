/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - see reader.h. */
#include "adapt/reader.h"

#include <stdarg.h>
#include <stdio.h>

enum sprout_status sprout_reader_in(struct sprout_error *err, enum sprout_status status,
                                    const char *path)
{
    if (err != NULL) {
        const struct sprout_error inner = *err;
        sprout_fail(err, status, "%s: %s", path, inner.message);
    }
    return status;
}

enum sprout_status sprout_reader_fail(struct sprout_error *err, enum sprout_status status,
                                      const char *path, size_t line, const char *format,
                                      ...)
{
    char message[sizeof err->message];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    if (line == 0) {
        sprout_fail(err, status, "%s: %s", path, message);
    } else {
        sprout_fail(err, status, "%s: line %zu: %s", path, line, message);
    }
    if (err != NULL) {
        err->line = line;
    }
    return status;
}

size_t sprout_reader_lines(struct sprout_str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == '\n';
    }
    return n;
}

bool sprout_reader_name(struct sprout_str name, char *out, size_t size)
{
    if (name.len == 0 || name.len >= size || memchr(name.ptr, '\0', name.len) != NULL) {
        return false;
    }
    memcpy(out, name.ptr, name.len);
    out[name.len] = '\0';
    return true;
}
