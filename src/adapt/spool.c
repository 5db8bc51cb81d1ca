/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - see spool.h. */
#include "adapt/spool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum sprout_status sprout_spool_put(const char *dir, int64_t run, int64_t no, int level,
                                    struct sprout_str text, struct sprout_error *err)
{
    char path[PATH_TEXT];
    path_of(path, dir, run, no, level);
    return sprout_file_write(path, text, FILE_MODE, err);
}

enum sprout_status sprout_spool_get(const char *dir, int64_t run, int64_t no, int level,
                                    struct sprout_file *out, struct sprout_error *err)
{
    char path[PATH_TEXT];
    path_of(path, dir, run, no, level);
    return sprout_file_read(path, SPROUT_SPOOL_TEXT_MAX, out, err);
}

void sprout_spool_drop(const char *dir, int64_t run, int64_t no, int levels)
{
    char path[PATH_TEXT];
    for (int level = SPROUT_SPOOL_PROMPT; level < levels; level++) {
        path_of(path, dir, run, no, level);
        unlink(path);
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
