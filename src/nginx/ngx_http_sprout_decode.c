/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_decode.c - compressed request bodies, where the operator wants
 * them read (sprout_decode on).
 *
 * What cannot be read passes as it came: that is the default for every encoded
 * body, and with the switch it is what becomes of a damaged one, of an encoding
 * not known here and of one that grows above sprout_decode_max.  Nothing is
 * refused for being compressed (B5).
 * Push: the body is fed as it lies there, at most a slice of output a turn of
 * the event loop, into the scanner and into a chain of its own; that chain is
 * what goes upstream if the request is one that may be touched, whatever its
 * level, so that the arms of a comparison differ in nothing else.
 * Memory: blocks from the request's pool, given back when decoding fails; what
 * the libraries have, a cleanup handler frees. */
#include "ngx_http_sprout_module.h"

#include <zlib.h>
#include <zstd.h>


enum {
    DECODE_BLOCK = 64 * 1024,
    DECODE_GZIP = 15 + 16,      /* zlib's way to say gzip, any window */
    DECODE_ZSTD_WINDOW = 23     /* 8 MB, as much as RFC 9659 allows */
};


struct ngx_http_sprout_decode_s {
    ngx_http_request_t  *request;
    z_stream             gzip;
    ZSTD_DCtx           *zstd;          /* NULL: gzip */
    off_t                size;
    off_t                max;
    ngx_chain_t         *out;
    ngx_chain_t        **last;
    ngx_buf_t           *room;          /* the last block, while not full */
    unsigned             complete:1;    /* a member or frame has ended */
};


static void ngx_http_sprout_decode_cleanup(void *data);
static ngx_int_t ngx_http_sprout_decode_room(ngx_http_sprout_decode_t *d);
static ngx_int_t ngx_http_sprout_decode_gzip(ngx_http_sprout_decode_t *d,
    u_char **pos, u_char *last);
static ngx_int_t ngx_http_sprout_decode_zstd(ngx_http_sprout_decode_t *d,
    u_char **pos, u_char *last);


/* NULL: an encoding not known here, or no memory. */
ngx_http_sprout_decode_t *
ngx_http_sprout_decode_open(ngx_http_request_t *r,
    enum ngx_http_sprout_encoding_e encoding, off_t max)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_sprout_decode_t  *d;

    if (encoding != NGX_HTTP_SPROUT_GZIP && encoding != NGX_HTTP_SPROUT_ZSTD) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_sprout_decode_t));
    if (cln == NULL) {
        return NULL;
    }

    d = cln->data;
    ngx_memzero(d, sizeof(ngx_http_sprout_decode_t));
    d->request = r;
    d->max = max;
    d->last = &d->out;

    if (encoding == NGX_HTTP_SPROUT_ZSTD) {
        d->zstd = ZSTD_createDCtx();

        if (d->zstd == NULL
            || ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax,
                                                   DECODE_ZSTD_WINDOW)))
        {
            ZSTD_freeDCtx(d->zstd);
            return NULL;
        }

    } else if (inflateInit2(&d->gzip, DECODE_GZIP) != Z_OK) {
        return NULL;
    }

    cln->handler = ngx_http_sprout_decode_cleanup;

    return d;
}


static void
ngx_http_sprout_decode_cleanup(void *data)
{
    ngx_http_sprout_decode_t  *d = data;

    if (d->zstd != NULL) {
        ZSTD_freeDCtx(d->zstd);
        d->zstd = NULL;

    } else {
        (void) inflateEnd(&d->gzip);
    }
}


/* Decodes from *pos on, at most one block of output, which the scanner gets.
 * *made is its length.  NGX_ERROR: damaged, too large, or no memory; what was
 * made is given back, and nothing more may be asked. */
ngx_int_t
ngx_http_sprout_decode_step(ngx_http_sprout_decode_t *d,
    struct sprout_inspect *inspect, u_char **pos, u_char *last, size_t *made)
{
    u_char     *from;
    ngx_int_t   rc;

    *made = 0;

    if (ngx_http_sprout_decode_room(d) != NGX_OK) {
        ngx_http_sprout_decode_drop(d);
        return NGX_ERROR;
    }

    from = d->room->last;

    rc = (d->zstd != NULL) ? ngx_http_sprout_decode_zstd(d, pos, last)
                           : ngx_http_sprout_decode_gzip(d, pos, last);

    *made = (size_t) (d->room->last - from);
    d->size += (off_t) *made;

    if (rc != NGX_OK || d->size > d->max) {
        ngx_http_sprout_decode_drop(d);
        return NGX_ERROR;
    }

    sprout_inspect_feed(inspect, (const char *) from, *made);

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_decode_room(ngx_http_sprout_decode_t *d)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (d->room != NULL && d->room->last < d->room->end) {
        return NGX_OK;
    }

    b = ngx_create_temp_buf(d->request->pool, DECODE_BLOCK);
    cl = ngx_alloc_chain_link(d->request->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;
    *d->last = cl;
    d->last = &cl->next;
    d->room = b;

    return NGX_OK;
}


/* Several members one after the other are one body (RFC 1952, 2.2). */
static ngx_int_t
ngx_http_sprout_decode_gzip(ngx_http_sprout_decode_t *d, u_char **pos,
    u_char *last)
{
    int  rc;

    if (d->complete && *pos < last) {
        if (inflateReset(&d->gzip) != Z_OK) {
            return NGX_ERROR;
        }

        d->complete = 0;
    }

    d->gzip.next_in = *pos;
    d->gzip.avail_in = (uInt) (last - *pos);
    d->gzip.next_out = d->room->last;
    d->gzip.avail_out = (uInt) (d->room->end - d->room->last);

    rc = inflate(&d->gzip, Z_NO_FLUSH);

    *pos = last - d->gzip.avail_in;
    d->room->last = d->room->end - d->gzip.avail_out;
    d->complete = (rc == Z_STREAM_END);

    return (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) ? NGX_OK
                                                                   : NGX_ERROR;
}


static ngx_int_t
ngx_http_sprout_decode_zstd(ngx_http_sprout_decode_t *d, u_char **pos,
    u_char *last)
{
    size_t          left;
    ZSTD_inBuffer   in;
    ZSTD_outBuffer  out;

    in.src = *pos;
    in.size = (size_t) (last - *pos);
    in.pos = 0;
    out.dst = d->room->last;
    out.size = (size_t) (d->room->end - d->room->last);
    out.pos = 0;

    left = ZSTD_decompressStream(d->zstd, &out, &in);

    if (ZSTD_isError(left)) {
        return NGX_ERROR;
    }

    *pos += in.pos;
    d->room->last += out.pos;

    /* Asked with nothing left, it would speak of a frame not begun. */
    if (in.pos > 0 || out.pos > 0) {
        d->complete = (left == 0);
    }

    return NGX_OK;
}


/* The whole body, or NULL if it stops in the middle. */
ngx_chain_t *
ngx_http_sprout_decode_end(ngx_http_sprout_decode_t *d)
{
    if (!d->complete) {
        ngx_http_sprout_decode_drop(d);
        return NULL;
    }

    return d->out;
}


/* Blocks are large enough to have come from malloc, so the pool can return
 * them. */
void
ngx_http_sprout_decode_drop(ngx_http_sprout_decode_t *d)
{
    ngx_chain_t  *cl;

    for (cl = d->out; cl != NULL; cl = cl->next) {
        (void) ngx_pfree(d->request->pool, cl->buf->start);
    }

    d->out = NULL;
    d->last = &d->out;
    d->room = NULL;
    d->complete = 0;
}
