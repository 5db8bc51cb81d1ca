/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - the one table of everything that can go wrong.
 *
 * Each row is X(NAME, code, text, HTTP status, exit code).  The enum, sprout_status_text(),
 * the HTTP answers of the admin API and the exit codes of every command (and the section
 * EXIT STATUS of the man pages) come from it.  Success is 0; functions that fail leave
 * their out-parameters as they were.
 *
 * SPROUT_MORE ("feed me more bytes") is an answer of a push parser, not an error.
 * Not here: programmer mistakes, which are asserts. */
#ifndef SPROUT_BASE_STATUS_H
#define SPROUT_BASE_STATUS_H

#include <stddef.h>

#define SPROUT_STATUS_TABLE(X)                                                           \
    X(OK, 0, "success", 200, 0)                                                          \
    X(FAILED, 1, "the command failed", 500, 1)                                           \
    X(USAGE, 2, "the command line is wrong", 400, 2)                                     \
    X(MORE, 3, "more bytes are needed", 500, 1)                                          \
    X(STALE, 4, "data is older than its validity", 503, 75)                              \
    X(SYNTAX, 5, "the input is not well formed", 400, 65)                                \
    X(INVALID, 6, "a value is out of its bounds", 400, 65)                               \
    X(CONFIG, 7, "the configuration is wrong", 500, 78)                                  \
    X(LIMIT, 8, "a fixed limit was exceeded", 413, 65)                                   \
    X(INFEASIBLE, 9, "no mix satisfies the constraint", 422, 65)                         \
    X(NOT_FOUND, 10, "not there", 404, 66)                                               \
    X(IO, 11, "reading or writing failed", 500, 74)                                      \
    X(UNAVAILABLE, 12, "a service that is needed does not answer", 503, 69)              \
    X(NO_MEMORY, 13, "out of memory", 500, 71)                                           \
    X(UNSUPPORTED, 14, "not supported", 501, 65)                                         \
    X(BUSY, 15, "in use by another process", 409, 75)

enum sprout_status {
#define X(name, code, text, http, exit_code) SPROUT_##name = (code),
    SPROUT_STATUS_TABLE(X)
#undef X
};

#define SPROUT_MUST_USE          __attribute__((warn_unused_result))
#define SPROUT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* What went wrong, for a person: filled beside a status, never instead of one.  `offset`
 * is a byte offset into the input, `line` and `column` count from 1 and are 0 when they
 * mean nothing.  `message` names what was found, what was expected and how to mend it; it
 * never holds prompt text or keys. */
struct sprout_error {
    enum sprout_status status;
    size_t offset;
    size_t line;
    size_t column;
    char message[400];
};

const char *sprout_status_name(enum sprout_status status); /* "STALE" */
const char *sprout_status_text(enum sprout_status status);
int sprout_status_http(enum sprout_status status);
int sprout_status_exit(enum sprout_status status);

/* Fills *err (which may be NULL) and returns `status`, so that a failure is one line:
 *     return sprout_fail(err, SPROUT_INVALID, "holdout is %g: expected 0 to 1", h);
 * A longer message is cut at a whole UTF-8 character. */
enum sprout_status sprout_fail(struct sprout_error *err, enum sprout_status status,
                               const char *format, ...) SPROUT_PRINTF(3, 4);

#ifdef __clang_analyzer__ /* it does not look into another file to see what is returned */
#define sprout_fail(err, status, ...)                                                    \
    ((void)sprout_fail(err, status, __VA_ARGS__), (status))
#endif

#endif
