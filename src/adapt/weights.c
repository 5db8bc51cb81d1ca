/* SPDX-License-Identifier: Apache-2.0 */
/* weights.c - see weights.h. */
#include "adapt/weights.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* ---- named by id ----------------------------------------------------------------------- */

static const char name_begin[] = "predictor-", name_end[] = ".weights";

enum { ID_DIGITS = 16, BEGIN_LEN = sizeof name_begin - 1, END_LEN = sizeof name_end - 1 };

void sprout_weights_name(uint64_t id, char out[SPROUT_WEIGHTS_ID_NAME_MAX])
{
    snprintf(out, SPROUT_WEIGHTS_ID_NAME_MAX, "%s%016llx%s", name_begin,
             (unsigned long long)id, name_end);
}

static enum sprout_status path_of(const char *dir, uint64_t id,
                                  char out[SPROUT_WEIGHTS_PATH_MAX],
                                  struct sprout_error *err)
{
    char name[SPROUT_WEIGHTS_ID_NAME_MAX];
    sprout_weights_name(id, name);
    const int n = snprintf(out, SPROUT_WEIGHTS_PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < SPROUT_WEIGHTS_PATH_MAX
               ? SPROUT_OK
               : sprout_fail(err, SPROUT_LIMIT, "the path of the folder is too long");
}

enum sprout_status sprout_weights_open_id(const char *dir, uint64_t id,
                                          struct sprout_weights *out,
                                          struct sprout_error *err)
{
    char path[SPROUT_WEIGHTS_PATH_MAX];
    struct sprout_weights w;
    enum sprout_status st = path_of(dir, id, path, err);
    if (st == SPROUT_OK) {
        st = sprout_weights_open(path, &w, err);
    }
    if (st == SPROUT_OK && w.predictor.id != id) {
        sprout_weights_close(&w);
        st = sprout_fail(err, SPROUT_INVALID, "%s: other weights than its name says",
                         path);
    }
    if (st == SPROUT_OK) {
        *out = w;
    }
    return st;
}

enum sprout_status sprout_weights_write_id(const char *dir, uint64_t id,
                                           const void *bytes, size_t len,
                                           struct sprout_error *err)
{
    char path[SPROUT_WEIGHTS_PATH_MAX];
    const enum sprout_status st = path_of(dir, id, path, err);
    return st == SPROUT_OK ? sprout_weights_write(path, bytes, len, err) : st;
}

/* The id in such a name, or in that of its temporary file; false for other names. */
static bool read_name(const char *name, uint64_t *out_id, bool *out_whole)
{
    uint64_t id = 0;
    if (strncmp(name, name_begin, BEGIN_LEN) != 0) {
        return false;
    }
    name += BEGIN_LEN;
    for (int i = 0; i < ID_DIGITS; i++, name++) {
        const bool digit = *name >= '0' && *name <= '9';
        if (!digit && !(*name >= 'a' && *name <= 'f')) {
            return false;
        }
        id = id << 4 | (uint64_t)(digit ? *name - '0' : *name - 'a' + 10);
    }
    if (strncmp(name, name_end, END_LEN) != 0) {
        return false;
    }
    *out_id = id;
    *out_whole = name[END_LEN] == '\0';
    return *out_whole || strncmp(name + END_LEN, ".tmp", 4) == 0;
}

void sprout_weights_sweep(const char *dir, const uint64_t *keep, size_t count)
{
    DIR *const d = opendir(dir);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        uint64_t id;
        bool kept = false, whole;
        if (!read_name(e->d_name, &id, &whole)) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            kept = kept || (whole && id == keep[i]);
        }
        if (!kept) {
            unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}
