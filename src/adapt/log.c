/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - see log.h. */
#include "adapt/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "base/str.h"
#include "core/instant.h"

static void put_line(const char *weight, const char *event, const char *format,
                     va_list args)
{
    char line[SPROUT_LOG_MAX], text[SPROUT_LOG_MAX];
    struct sprout_buf b = sprout_buf_of(line, sizeof line - 1); /* room for the LF */

    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\n' || *c == '\r' ? ' ' : *c;
    }
    sprout_instant_put_ms(&b, sprout_clock_wall());
    sprout_buf_printf(&b, " %s %s: ", weight, event);
    sprout_buf_put(&b, sprout_str_of(text));
    if (b.full) { /* a text that does not fit is dropped whole: cut it instead */
        const int room = (int)(b.cap - b.len);
        b.full = false;
        sprout_buf_printf(&b, "%.*s", room > 0 ? room - 1 : 0, text);
    }
    line[b.len] = '\n';
    const ssize_t n = write(STDERR_FILENO, line, b.len + 1);
    (void)n;
}

void sprout_log_info(const char *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("info", event, format, args);
    va_end(args);
}

void sprout_log_warn(const char *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("warn", event, format, args);
    va_end(args);
}

void sprout_log_error(const char *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("error", event, format, args);
    va_end(args);
}
