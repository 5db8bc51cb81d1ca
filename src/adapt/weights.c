/* SPDX-License-Identifier: Apache-2.0 */
/* weights.c - see weights.h. */
#include "adapt/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapt/file.h"
#include "adapt/reader.h"

static enum sprout_status fail_errno(struct sprout_error *err, const char *path,
                                     const char *step)
{
    const int e = errno;
    return sprout_fail(err, e == ENOENT ? SPROUT_NOT_FOUND : SPROUT_IO,
                       "%s: cannot %s: %s", path, step, strerror(e));
}

static enum sprout_status map_file(int fd, const char *path, struct sprout_weights *w,
                                   struct sprout_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fail_errno(err, path, "look at it");
    }
    /* Not even mapped: a map of nothing fails, one of a huge file is not for us. */
    if (st.st_size <= 0 || st.st_size > SPROUT_PREDICT_BYTES_MAX) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s: %lld bytes, expected predictor weights of at most %d; "
                           "'sprout train' makes some",
                           path, (long long)st.st_size, SPROUT_PREDICT_BYTES_MAX);
    }
    w->len = (size_t)st.st_size;
    w->map = mmap(NULL, w->len, PROT_READ, MAP_SHARED, fd, 0);
    if (w->map == MAP_FAILED) {
        w->map = NULL;
        return fail_errno(err, path, "map it");
    }
    return SPROUT_OK;
}

enum sprout_status sprout_weights_open(const char *path, struct sprout_weights *out,
                                       struct sprout_error *err)
{
    struct sprout_weights w = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(err, path, "open it");
    }
    enum sprout_status st = map_file(fd, path, &w, err);
    close(fd);
    if (st == SPROUT_OK) {
        st = sprout_predictor_view(w.map, w.len, &w.predictor, err);
        if (st != SPROUT_OK) {
            st = sprout_reader_in(err, st, path);
        }
    }
    if (st != SPROUT_OK) {
        sprout_weights_close(&w);
        return st;
    }
    *out = w;
    return SPROUT_OK;
}

void sprout_weights_close(struct sprout_weights *w)
{
    if (w->map != NULL) {
        munmap(w->map, w->len);
    }
    *w = (struct sprout_weights){0};
}

enum sprout_status sprout_weights_write(const char *path, const void *bytes, size_t len,
                                        struct sprout_error *err)
{
    struct sprout_predictor unused;
    const enum sprout_status st = sprout_predictor_view(bytes, len, &unused, err);
    if (st != SPROUT_OK) {
        return st;
    }
    return sprout_file_write(path, (struct sprout_str){bytes, len}, 0644, err);
}
