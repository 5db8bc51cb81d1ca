/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - the table of status.h turned into lookups. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
    int http;
    int exit_code;
} rows[] = {
#define X(name, code, text, http, exit_code) [code] = {#name, text, http, exit_code},
    SPROUT_STATUS_TABLE(X)
#undef X
};

static size_t row_of(enum sprout_status status)
{
    const size_t i = (size_t)status;
    return i < sizeof rows / sizeof rows[0] ? i : (size_t)SPROUT_FAILED;
}

const char *sprout_status_name(enum sprout_status status)
{
    return rows[row_of(status)].name;
}

const char *sprout_status_text(enum sprout_status status)
{
    return rows[row_of(status)].text;
}

int sprout_status_http(enum sprout_status status)
{
    return rows[row_of(status)].http;
}

int sprout_status_exit(enum sprout_status status)
{
    return rows[row_of(status)].exit_code;
}

/* A cut in the middle of a character would make the JSON that carries the message
 * invalid. */
static void trim_broken_utf8(char *text)
{
    size_t n = strlen(text);

    while (n > 0 && ((unsigned char)text[n - 1] & 0xC0) == 0x80) {
        n--;
    }
    if (n > 0 && (unsigned char)text[n - 1] >= 0xC0) {
        text[n - 1] = '\0';
    }
}

#undef sprout_fail
enum sprout_status sprout_fail(struct sprout_error *err, enum sprout_status status,
                               const char *format, ...)
{
    if (err == NULL) {
        return status;
    }

    va_list args;
    va_start(args, format);
    const int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);

    if (n >= (int)sizeof err->message) {
        trim_broken_utf8(err->message);
    }
    err->status = status;
    return status;
}
