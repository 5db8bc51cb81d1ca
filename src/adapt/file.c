/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - read whole, write whole.
 *
 * The temporary name is the target's with ".tmp" and the process id, so that two writers do
 * not share one; a crash leaves at most that file behind, and the next write of the same
 * process id replaces it. */
#include "adapt/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ = 65536 };

static enum sprout_status fail_errno(struct sprout_error *err, const char *step,
                                     const char *path)
{
    const int e = errno;
    return sprout_fail(err, e == ENOENT ? SPROUT_NOT_FOUND : SPROUT_IO,
                       "%s: cannot %s: %s", path, step, strerror(e));
}

/* Reads until the end; one byte more than `max` is asked for, so that growth between stat
 * and read is noticed too.  Pipes and /proc have no size to ask for in advance. */
static enum sprout_status read_all(int fd, const char *path, size_t max,
                                   struct sprout_file *out, struct sprout_error *err)
{
    size_t cap = max < FIRST_READ ? max : FIRST_READ;
    size_t len = 0;
    char *bytes = malloc(cap + 1);
    while (bytes != NULL) {
        const ssize_t got = read(fd, bytes + len, cap + 1 - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            free(bytes);
            return fail_errno(err, "read", path);
        }
        len += (size_t)got;
        if (len > max) {
            free(bytes);
            return sprout_fail(err, SPROUT_LIMIT, "%s: larger than %zu bytes", path, max);
        }
        if (got == 0) {
            bytes[len] = '\0';
            *out = (struct sprout_file){bytes, len};
            return SPROUT_OK;
        }
        if (len > cap / 2 && cap < max) {
            cap = cap > max / 2 ? max : cap * 2;
            char *const more = realloc(bytes, cap + 1);
            if (more == NULL) {
                free(bytes);
            }
            bytes = more;
        }
    }
    return sprout_fail(err, SPROUT_NO_MEMORY, "%s: no memory for %zu bytes", path, cap);
}

enum sprout_status sprout_file_read(const char *path, size_t max, struct sprout_file *out,
                                    struct sprout_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(err, "open", path);
    }
    const enum sprout_status status = read_all(fd, path, max, out, err);
    close(fd);
    return status;
}

void sprout_file_free(struct sprout_file *f)
{
    free(f->bytes);
    *f = (struct sprout_file){0};
}

static bool write_all(int fd, struct sprout_str text)
{
    while (text.len > 0) {
        const ssize_t put = write(fd, text.ptr, text.len);
        if (put < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        text.ptr += put;
        text.len -= (size_t)put;
    }
    return true;
}

/* A rename is durable once the folder is. */
static enum sprout_status sync_folder(const char *path, struct sprout_error *err)
{
    char folder[PATH_MAX];
    const char *const slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (slash == NULL) {
        snprintf(folder, sizeof folder, ".");
    } else {
        snprintf(folder, sizeof folder, "%.*s", len == 0 ? 1 : (int)len, path);
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(err, "open", folder);
    }
    const int rc = fsync(fd);
    close(fd);
    return rc == 0 ? SPROUT_OK : fail_errno(err, "fsync", folder);
}

static enum sprout_status write_temporary(const char *path, struct sprout_str text,
                                          mode_t mode, struct sprout_error *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) {
        return fail_errno(err, "create", path);
    }
    const bool written = write_all(fd, text) && fsync(fd) == 0;
    const int saved = errno;
    const bool closed = close(fd) == 0;
    if (written && closed) {
        return SPROUT_OK;
    }
    errno = written ? errno : saved;
    return fail_errno(err, "write", path);
}

enum sprout_status sprout_file_write(const char *path, struct sprout_str text,
                                     mode_t mode, struct sprout_error *err)
{
    char temporary[PATH_MAX];
    const int n =
        snprintf(temporary, sizeof temporary, "%s.tmp%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return sprout_fail(err, SPROUT_LIMIT, "%s: the path is too long", path);
    }
    struct stat was;
    if (stat(path, &was) == 0 &&
        !S_ISREG(was.st_mode)) { /* root would replace /dev/null */
        return sprout_fail(err, SPROUT_IO, "%s: not a regular file; it stays as it is",
                           path);
    }
    enum sprout_status status = write_temporary(temporary, text, mode, err);
    if (status == SPROUT_OK && rename(temporary, path) != 0) {
        status = fail_errno(err, "rename to", path);
    }
    if (status != SPROUT_OK) {
        unlink(temporary);
        return status;
    }
    return sync_folder(path, err);
}
