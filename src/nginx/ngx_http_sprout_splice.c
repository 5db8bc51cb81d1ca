/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_splice.c - a body with a few bytes changed, without copying
 * it.
 *
 * The result is a chain of slices over the original memory with our texts in
 * between.  A retry (proxy_next_upstream) rewinds every buffer to `start`, so
 * each slice sets it; file slices it rewinds by a rule that holds only for one
 * uncut file, so a body in a temporary file is mapped and becomes memory.
 * Memory: links and buffers from the pool; texts are borrowed from the policy,
 * whose reference the request holds until its pool dies; so does the map. */
#include "ngx_http_sprout_module.h"

#include <sys/mman.h>


typedef struct {
    void    *address;
    size_t   size;
} ngx_http_sprout_map_t;


/* Where the splice stands in the original chain, and what it has made. */
typedef struct {
    ngx_pool_t    *pool;
    ngx_chain_t   *cl;
    size_t         used;        /* of cl's buffer */
    ngx_chain_t   *out;
    ngx_chain_t  **last;
} ngx_http_sprout_cut_t;


static ngx_int_t ngx_http_sprout_map(ngx_pool_t *pool, ngx_buf_t *b);
static void ngx_http_sprout_unmap(void *data);
static ngx_int_t ngx_http_sprout_cut_skip(ngx_http_sprout_cut_t *cut,
    uint64_t n, ngx_uint_t keep);
static ngx_int_t ngx_http_sprout_cut_put(ngx_http_sprout_cut_t *cut,
    u_char *from, u_char *to);


/* Every buffer of the request body that lies in a file becomes memory.  The
 * file was written a moment ago: its pages are in the page cache. */
ngx_int_t
ngx_http_sprout_splice_map(ngx_http_request_t *r)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (b->in_file && !ngx_buf_in_memory(b) && b->file_last > b->file_pos) {
            if (ngx_http_sprout_map(r->pool, b) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_map(ngx_pool_t *pool, ngx_buf_t *b)
{
    void                   *address;
    ngx_pool_cleanup_t     *cln;
    ngx_http_sprout_map_t  *map;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_sprout_map_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    address = mmap(NULL, (size_t) b->file_last, PROT_READ, MAP_PRIVATE,
                   b->file->fd, 0);
    if (address == MAP_FAILED) {
        return NGX_ERROR;
    }

    map = cln->data;
    map->address = address;
    map->size = (size_t) b->file_last;
    cln->handler = ngx_http_sprout_unmap;

    b->start = (u_char *) address + b->file_pos;
    b->pos = b->start;
    b->last = (u_char *) address + b->file_last;
    b->end = b->last;
    b->mmap = 1;
    b->in_file = 0;

    return NGX_OK;
}


static void
ngx_http_sprout_unmap(void *data)
{
    ngx_http_sprout_map_t  *map = data;

    (void) munmap(map->address, map->size);
}


/* The edited body as a new chain; NULL when memory runs out or an edit lies
 * outside the body.  `in` is not changed. */
ngx_chain_t *
ngx_http_sprout_splice(ngx_pool_t *pool, ngx_chain_t *in,
    const struct sprout_edits *edits)
{
    size_t                     i;
    uint64_t                   at;
    ngx_chain_t               *cl;
    ngx_http_sprout_cut_t      cut;
    const struct sprout_edit  *e;

    ngx_memzero(&cut, sizeof(cut));
    cut.pool = pool;
    cut.cl = in;
    cut.last = &cut.out;
    at = 0;

    for (i = 0; i < edits->n; i++) {
        e = &edits->v[i];

        if (e->at < at
            || ngx_http_sprout_cut_skip(&cut, e->at - at, 1) != NGX_OK
            || ngx_http_sprout_cut_put(&cut, (u_char *) e->put.ptr,
                                       (u_char *) e->put.ptr + e->put.len)
               != NGX_OK
            || ngx_http_sprout_cut_skip(&cut, e->drop, 0) != NGX_OK)
        {
            return NULL;
        }

        at = e->at + e->drop;
    }

    /* The rest, whatever its length. */
    for ( /* void */ ; cut.cl != NULL; cut.cl = cut.cl->next, cut.used = 0) {
        if (ngx_http_sprout_cut_put(&cut, cut.cl->buf->pos + cut.used,
                                    cut.cl->buf->last)
            != NGX_OK)
        {
            return NULL;
        }
    }

    *cut.last = NULL;

    for (cl = cut.out; cl != NULL; cl = cl->next) {
        cl->buf->last_buf = (cl->next == NULL);
    }

    return cut.out;
}


/* Goes `n` bytes on in the original, which are kept or left out. */
static ngx_int_t
ngx_http_sprout_cut_skip(ngx_http_sprout_cut_t *cut, uint64_t n,
    ngx_uint_t keep)
{
    size_t   step;
    u_char  *from;

    while (n > 0) {

        if (cut->cl == NULL) {
            return NGX_ERROR;
        }

        from = cut->cl->buf->pos + cut->used;
        step = (size_t) ngx_min((uint64_t) (cut->cl->buf->last - from), n);

        if (keep && ngx_http_sprout_cut_put(cut, from, from + step) != NGX_OK) {
            return NGX_ERROR;
        }

        cut->used += step;
        n -= step;

        if (from + step == cut->cl->buf->last) {
            cut->cl = cut->cl->next;
            cut->used = 0;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_cut_put(ngx_http_sprout_cut_t *cut, u_char *from, u_char *to)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (from == to) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(cut->pool);
    cl = ngx_alloc_chain_link(cut->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->start = from;
    b->pos = from;
    b->last = to;
    b->end = to;
    b->memory = 1;

    cl->buf = b;
    *cut->last = cl;
    cut->last = &cl->next;

    return NGX_OK;
}
