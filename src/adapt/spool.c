/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - see spool.h. */
#include "adapt/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define END_MARK "\nend\n" /* a file without it lost its tail in a power cut */

enum { PATH_TEXT = 4096, DIR_MODE = 0700, FILE_MODE = 0600 };

static enum sprout_status make(const char *path, struct sprout_error *err)
{
    return mkdir(path, DIR_MODE) == 0 || errno == EEXIST
               ? SPROUT_OK
               : sprout_fail(err, SPROUT_IO, "cannot make the folder %.300s: %s", path,
                             strerror(errno));
}

enum sprout_status sprout_spool_make(const char *dir, int64_t run,
                                     struct sprout_error *err)
{
    char path[PATH_TEXT];

    snprintf(path, sizeof path, "%.4000s/%s", dir, SPROUT_PATH_SPOOL);
    enum sprout_status status = make(path, err);
    if (status == SPROUT_OK) {
        snprintf(path, sizeof path, "%.4000s/%s/run-%lld", dir, SPROUT_PATH_SPOOL,
                 (long long)run);
        status = make(path, err);
    }
    return status;
}

static void path_of(char out[PATH_TEXT], const char *dir, int64_t run, int64_t no,
                    int level)
{
    const int n = snprintf(out, PATH_TEXT, "%.4000s/%s/run-%lld/%lld", dir,
                           SPROUT_PATH_SPOOL, (long long)run, (long long)no);
    if (level >= 0 && n > 0) {
        snprintf(out + n, (size_t)(PATH_TEXT - n), ".%d", level);
    }
}

static bool put_all(int fd, struct sprout_str s)
{
    while (s.len > 0) {
        const ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        s = (struct sprout_str){s.ptr + n, s.len - (size_t)n};
    }
    return true;
}

enum sprout_status sprout_spool_put(const char *dir, int64_t run, int64_t no, int level,
                                    struct sprout_str text, struct sprout_error *err)
{
    char path[PATH_TEXT], fresh[PATH_TEXT + 8];

    path_of(path, dir, run, no, level);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    const bool good = fd >= 0 && put_all(fd, text) && put_all(fd, SPROUT_STR(END_MARK)) &&
                      rename(fresh, path) == 0;
    const int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    return good ? SPROUT_OK
                : sprout_fail(err, SPROUT_IO, "cannot write %.300s: %s", path,
                              strerror(why));
}

enum sprout_status sprout_spool_get(const char *dir, int64_t run, int64_t no, int level,
                                    struct sprout_file *out, struct sprout_error *err)
{
    char path[PATH_TEXT];
    path_of(path, dir, run, no, level);
    const enum sprout_status status =
        sprout_file_read(path, SPROUT_SPOOL_TEXT_MAX, out, err);
    if (status != SPROUT_OK) {
        return status;
    }
    if (!sprout_str_ends(sprout_file_str(out), SPROUT_STR(END_MARK))) {
        sprout_file_free(out);
        return sprout_fail(err, SPROUT_IO, "%.300s is not whole", path);
    }
    out->len -= sizeof END_MARK - 1;
    out->bytes[out->len] = '\0';
    return SPROUT_OK;
}

void sprout_spool_drop(const char *dir, int64_t run, int64_t no, int levels)
{
    char path[PATH_TEXT], fresh[PATH_TEXT + 8];
    for (int level = SPROUT_SPOOL_PROMPT; level < levels; level++) {
        path_of(path, dir, run, no, level);
        snprintf(fresh, sizeof fresh, "%s.new", path); /* a writer was killed */
        unlink(path);
        unlink(fresh);
    }
}

void sprout_spool_drop_run(const char *dir, int64_t run)
{
    char path[PATH_TEXT], file[PATH_TEXT];
    const struct dirent *entry;

    snprintf(path, sizeof path, "%.3000s/%s/run-%lld", dir, SPROUT_PATH_SPOOL,
             (long long)run);
    DIR *const folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(file, sizeof file, "%.3500s/%.300s", path, entry->d_name);
        unlink(file); /* "." and ".." stay, being folders */
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(path);
}
