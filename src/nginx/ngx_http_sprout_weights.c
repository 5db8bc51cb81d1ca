/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_weights.c - the predictor's weights, as a worker sees them.
 *
 * A policy names a file beside it and the checksum of its bytes.  The file is
 * mapped read-only, so that all workers share its pages, and checked whole
 * before it decides anything; policies that name the same weights share a map.
 * Looked at with every poll of the policy: a file that was put there later is
 * taken then, and one that was written in place is checked again, and let go of
 * if its bytes are not those named.  Without weights the policy's mixes hold;
 * one error line says why, and a counter shows it.
 * Memory: a map, and a small struct from malloc, freed with the last policy
 * that uses it. */
#include "ngx_http_sprout_module.h"

#include <sys/mman.h>


static ngx_int_t ngx_http_sprout_weights_path(
    ngx_http_sprout_main_conf_t *smcf, const struct sprout_policy *policy,
    u_char *path);
static void ngx_http_sprout_weights_drop(ngx_http_sprout_policy_t *p);
static ngx_http_sprout_weights_t *ngx_http_sprout_weights_load(
    const u_char *path, uint64_t id, struct sprout_error *err);
static ngx_int_t ngx_http_sprout_weights_map(ngx_fd_t fd,
    ngx_http_sprout_weights_t *weights, struct sprout_error *err);
static ngx_int_t ngx_http_sprout_weights_same(ngx_http_sprout_stamp_t *stamp,
    struct stat *st);


/* Brings the weights of a policy in step with the file. */
void
ngx_http_sprout_weights_look(ngx_http_sprout_main_conf_t *smcf,
    ngx_http_sprout_policy_t *p, ngx_log_t *log)
{
    u_char                     path[NGX_MAX_PATH];
    struct stat                st;
    struct sprout_error        err;
    ngx_http_sprout_worker_t  *w;

    w = smcf->worker;

    if (p == NULL || p->policy->predictor.file.len == 0
        || ngx_http_sprout_weights_path(smcf, p->policy, path) != NGX_OK)
    {
        return;
    }

    if (stat((const char *) path, &st) == -1) {
        ngx_memzero(&st, sizeof(st));
    }

    if (ngx_http_sprout_weights_same(&p->weights_stamp, &st)) {
        return;
    }

    ngx_http_sprout_weights_drop(p);
    ngx_memzero(&err, sizeof(err));

    /* The policy before this one may have mapped the very same bytes. */
    if (w->weights != NULL && w->weights->id == p->policy->predictor.id
        && ngx_http_sprout_weights_same(&w->weights->stamp, &st))
    {
        p->weights = w->weights;
        p->weights->refs++;

    } else {
        p->weights = ngx_http_sprout_weights_load(path, p->policy->predictor.id,
                                                  &err);
    }

    p->weights_stamp.known = 1;
    p->weights_stamp.inode = st.st_ino;
    p->weights_stamp.device = st.st_dev;
    p->weights_stamp.size = st.st_size;
    p->weights_stamp.mtime = st.st_mtim;

    if (p->weights == NULL) {
        w->predictor_errors++;
        ngx_log_error(NGX_LOG_ERR, log, 0, "sprout: predictor weights \"%s\" "
                      "refused: %s; the policy's mixes hold", path,
                      err.message);
        return;
    }

    p->weights->stamp = p->weights_stamp;

    if (w->weights != p->weights) {
        ngx_http_sprout_weights_release(w->weights);
        w->weights = p->weights;
        w->weights->refs++;
    }
}


void
ngx_http_sprout_weights_release(ngx_http_sprout_weights_t *weights)
{
    if (weights != NULL && --weights->refs == 0) {
        (void) munmap(weights->map, weights->size);
        free(weights);
    }
}


static void
ngx_http_sprout_weights_drop(ngx_http_sprout_policy_t *p)
{
    ngx_http_sprout_weights_release(p->weights);
    p->weights = NULL;
}


/* In the folder of policy.json. */
static ngx_int_t
ngx_http_sprout_weights_path(ngx_http_sprout_main_conf_t *smcf,
    const struct sprout_policy *policy, u_char *path)
{
    size_t             folder;
    struct sprout_str  file;

    file = policy->predictor.file;
    folder = smcf->path.len;

    while (folder > 0 && smcf->path.data[folder - 1] != '/') {
        folder--;
    }

    if (folder + file.len + 1 > NGX_MAX_PATH) {
        return NGX_ERROR;
    }

    path = ngx_cpymem(path, smcf->path.data, folder);
    path = ngx_cpymem(path, file.ptr, file.len);
    *path = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_weights_same(ngx_http_sprout_stamp_t *stamp, struct stat *st)
{
    return stamp->known
           && stamp->inode == st->st_ino
           && stamp->device == st->st_dev
           && stamp->size == st->st_size
           && stamp->mtime.tv_sec == st->st_mtim.tv_sec
           && stamp->mtime.tv_nsec == st->st_mtim.tv_nsec;
}


static ngx_http_sprout_weights_t *
ngx_http_sprout_weights_load(const u_char *path, uint64_t id,
    struct sprout_error *err)
{
    ngx_fd_t                    fd;
    ngx_http_sprout_weights_t  *weights;

    weights = calloc(1, sizeof(ngx_http_sprout_weights_t));
    if (weights == NULL) {
        (void) sprout_fail(err, SPROUT_NO_MEMORY, "no memory");
        return NULL;
    }

    weights->refs = 1;
    fd = open((const char *) path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        (void) sprout_fail(err, SPROUT_NOT_FOUND, "cannot be opened: %s",
                           strerror(errno));
        free(weights);
        return NULL;
    }

    if (ngx_http_sprout_weights_map(fd, weights, err) == NGX_OK
        && sprout_predictor_view(weights->map, weights->size,
                                 &weights->predictor, err)
           == SPROUT_OK
        && weights->predictor.id != id)
    {
        (void) sprout_fail(err, SPROUT_INVALID, "found weights %016llx, the "
                           "policy names %016llx",
                           (unsigned long long) weights->predictor.id,
                           (unsigned long long) id);
    }

    (void) ngx_close_file(fd);

    if (weights->predictor.model == NULL || weights->predictor.id != id) {
        if (weights->map != NULL) {
            (void) munmap(weights->map, weights->size);
        }

        free(weights);
        return NULL;
    }

    weights->id = id;

    return weights;
}


static ngx_int_t
ngx_http_sprout_weights_map(ngx_fd_t fd, ngx_http_sprout_weights_t *weights,
    struct sprout_error *err)
{
    void         *map;
    struct stat   st;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size <= 0
        || st.st_size > SPROUT_PREDICT_BYTES_MAX)
    {
        (void) sprout_fail(err, SPROUT_INVALID, "expected a regular file of at "
                           "most %d bytes", SPROUT_PREDICT_BYTES_MAX);
        return NGX_ERROR;
    }

    map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        (void) sprout_fail(err, SPROUT_IO, "cannot be mapped: %s",
                           strerror(errno));
        return NGX_ERROR;
    }

    weights->map = map;
    weights->size = (size_t) st.st_size;

    return NGX_OK;
}
