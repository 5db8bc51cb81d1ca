/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_receipt.c - what one request cost, told to a client that
 * asked for it, or to all of a location (sprout_receipts).
 *
 * Three forms: Sprout-Receipt; Carbon-Emissions-Scope-2; a "carbon" in the usage
 * object of the reply.  A header goes before the body, and the cost is known only after it: so a
 * whole reply is held, up to 1 MB, and its header with it.  A longer one is
 * let go, with "unavailable" where the receipt would be; so is one that its
 * upstream cut short.  Where nothing is to be told, nothing comes here.
 * Streams get theirs as a comment before their end (tap.c). */
#include "ngx_http_sprout_module.h"

#include "wire/usage_spot.h"


static ngx_int_t ngx_http_sprout_hold_copy(ngx_http_sprout_ctx_t *ctx,
    ngx_buf_t *b);
static ngx_buf_t *ngx_http_sprout_hold_room(ngx_http_sprout_ctx_t *ctx);
static ngx_int_t ngx_http_sprout_hold_end(ngx_http_sprout_ctx_t *ctx,
    ngx_buf_t *last);
static ngx_int_t ngx_http_sprout_hold_release(ngx_http_sprout_ctx_t *ctx,
    ngx_chain_t *rest);
static ngx_int_t ngx_http_sprout_receipt_header(ngx_http_sprout_ctx_t *ctx);
static ngx_int_t ngx_http_sprout_scope2_header(ngx_http_sprout_ctx_t *ctx);
static ngx_int_t ngx_http_sprout_carbon_add(ngx_http_sprout_ctx_t *ctx);
static ngx_int_t ngx_http_sprout_carbon_splice(ngx_http_sprout_ctx_t *ctx,
    off_t at, const struct sprout_buf *text);


enum { HOLD_PIECE = 32 * 1024 };


ngx_uint_t
ngx_http_sprout_receipt_due(ngx_http_sprout_ctx_t *ctx)
{
    return ctx->receipt || ctx->carbon || ctx->scope2;
}


static struct sprout_receipt
ngx_http_sprout_receipt_of(ngx_http_sprout_ctx_t *ctx,
    struct sprout_tap_result seen)
{
    const struct sprout_policy  *policy;

    policy = (ctx->policy != NULL) ? ctx->view->policy : NULL;

    return sprout_receipt_make(policy, ctx->model, ctx->choice.stratum,
                                  seen.usage,
                                  seen.source == SPROUT_USAGE_ESTIMATED);
}


/* Single line feeds: a blank line would end an event, and some clients then
 * parse an empty one (K1). */
void
ngx_http_sprout_receipt_comments(ngx_http_sprout_ctx_t *ctx,
    struct sprout_buf *b)
{
    struct sprout_receipt  receipt;

    receipt = ngx_http_sprout_receipt_of(ctx, sprout_tap_result(ctx->tap));

    if (ctx->receipt) {
        sprout_buf_put(b, SPROUT_STR(": sprout-receipt "));
        sprout_receipt_put(b, &receipt);
        sprout_buf_byte(b, '\n');
    }

    if (ctx->carbon) {
        sprout_buf_put(b, SPROUT_STR(": sprout-usage {\"carbon\":"));
        sprout_receipt_put_carbon(b, &receipt);
        sprout_buf_put(b, SPROUT_STR("}\n"));
    }

    if (ctx->scope2 && isfinite(receipt.operational.v)) {
        sprout_buf_put(b, SPROUT_STR(": carbon-emissions-scope-2 "));
        sprout_buf_f64(b, receipt.operational.v);
        sprout_buf_byte(b, '\n');
    }

    ctx->receipt = 0;
    ctx->carbon = 0;
    ctx->scope2 = 0;
}


ngx_int_t
ngx_http_sprout_receipt_unavailable(ngx_http_request_t *r)
{
    ngx_str_t  value = ngx_string("unavailable");

    return ngx_http_sprout_reply_header(r, "Sprout-Receipt", &value);
}


ngx_int_t
ngx_http_sprout_receipt_hold(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    for (cl = in; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (ctx->held_size + (size_t) ngx_buf_size(b)
            > NGX_HTTP_SPROUT_HOLD_MAX)
        {
            return ngx_http_sprout_hold_release(ctx, cl);
        }

        if (ngx_http_sprout_hold_copy(ctx, b) != NGX_OK) {
            return NGX_ERROR;
        }

        if (b->last_buf) {
            return ngx_http_sprout_hold_end(ctx, b);
        }

        /* Cut short by upstream; see tap.c. */
        if (b->flush && u != NULL && u->cleanup == NULL) {
            return ngx_http_sprout_hold_release(ctx, NULL);
        }
    }

    return NGX_OK;
}


/* Watches a buffer, copies it and lets upstream have it back. */
static ngx_int_t
ngx_http_sprout_hold_copy(ngx_http_sprout_ctx_t *ctx, ngx_buf_t *b)
{
    size_t      n;
    ngx_buf_t  *to;

    if (!ngx_buf_in_memory(b)) {
        return NGX_OK;
    }

    if (b->last > b->pos) {
        sprout_tap_feed(ctx->tap, (const char *) b->pos,
                        (size_t) (b->last - b->pos));
    }

    while (b->pos < b->last) {
        to = ngx_http_sprout_hold_room(ctx);
        if (to == NULL) {
            return NGX_ERROR;
        }

        n = (size_t) ngx_min(b->last - b->pos, to->end - to->last);
        to->last = ngx_cpymem(to->last, b->pos, n);
        b->pos += n;
        ctx->held_size += n;
    }

    return NGX_OK;
}


/* A held buffer with room in it: as large as the reply said it will be. */
static ngx_buf_t *
ngx_http_sprout_hold_room(ngx_http_sprout_ctx_t *ctx)
{
    off_t                length;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ctx->held != NULL) {
        cl = (ngx_chain_t *) ((u_char *) ctx->held_last
                              - offsetof(ngx_chain_t, next));

        if (cl->buf->last < cl->buf->end) {
            return cl->buf;
        }
    }

    length = r->headers_out.content_length_n - (off_t) ctx->held_size;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NULL;
    }

    cl->buf = ngx_create_temp_buf(r->pool,
                                  (length > 0) ? (size_t) length : HOLD_PIECE);
    if (cl->buf == NULL) {
        return NULL;
    }

    cl->next = NULL;
    *ctx->held_last = cl;
    ctx->held_last = &cl->next;

    return cl->buf;
}


/* The whole reply is here: header with receipt, then the body. */
static ngx_int_t
ngx_http_sprout_hold_end(ngx_http_sprout_ctx_t *ctx, ngx_buf_t *last)
{
    ngx_int_t      rc;
    ngx_buf_t     *b;
    ngx_chain_t   *cl;

    ctx->seen = sprout_tap_finish(ctx->tap, NULL, NULL);
    ctx->finished = 1;

    if ((ctx->receipt && ngx_http_sprout_receipt_header(ctx) != NGX_OK)
        || (ctx->scope2 && ngx_http_sprout_scope2_header(ctx) != NGX_OK)
        || (ctx->carbon && ngx_http_sprout_carbon_add(ctx) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ctx->reply = NGX_HTTP_SPROUT_PASS;

    rc = ngx_http_sprout_next_header(ctx->request);
    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    b = ngx_calloc_buf(ctx->request->pool);
    cl = ngx_alloc_chain_link(ctx->request->pool);
    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->last_buf = last->last_buf;
    b->last_in_chain = last->last_in_chain;
    cl->buf = b;
    cl->next = NULL;
    *ctx->held_last = cl;

    return ngx_http_sprout_next_body(ctx->request, ctx->held);
}


static ngx_int_t
ngx_http_sprout_receipt_header(ngx_http_sprout_ctx_t *ctx)
{
    ngx_str_t              value;
    struct sprout_buf      b;
    struct sprout_receipt  receipt;
    enum { SIZE = 1024 };

    ctx->receipt = 0;
    b = sprout_buf_of(ngx_pnalloc(ctx->request->pool, SIZE), SIZE);

    if (b.ptr == NULL) {
        return NGX_ERROR;
    }

    receipt = ngx_http_sprout_receipt_of(ctx, ctx->seen);
    sprout_receipt_put(&b, &receipt);

    if (b.full) {
        return ngx_http_sprout_receipt_unavailable(ctx->request);
    }

    value.data = (u_char *) b.ptr;
    value.len = b.len;

    return ngx_http_sprout_reply_header(ctx->request, "Sprout-Receipt",
                                        &value);
}


/* Grams of the electricity alone, as the draft has it; unknown: no header. */
static ngx_int_t
ngx_http_sprout_scope2_header(ngx_http_sprout_ctx_t *ctx)
{
    ngx_str_t              value;
    struct sprout_buf      b;
    struct sprout_receipt  receipt;
    enum { SIZE = 64 };

    ctx->scope2 = 0;
    receipt = ngx_http_sprout_receipt_of(ctx, ctx->seen);

    if (!isfinite(receipt.operational.v)) {
        return NGX_OK;
    }

    b = sprout_buf_of(ngx_pnalloc(ctx->request->pool, SIZE), SIZE);
    if (b.ptr == NULL) {
        return NGX_ERROR;
    }

    sprout_buf_f64(&b, receipt.operational.v);
    value.data = (u_char *) b.ptr;
    value.len = b.len;

    return ngx_http_sprout_reply_header(ctx->request,
                                        "Carbon-Emissions-Scope-2", &value);
}


/* usage.carbon into the held reply, and its length with it.  A reply without
 * a usage object goes on as it came. */
static ngx_int_t
ngx_http_sprout_carbon_add(ngx_http_sprout_ctx_t *ctx)
{
    off_t                     length;
    ngx_chain_t              *cl;
    ngx_http_request_t       *r;
    struct sprout_buf         b;
    struct sprout_receipt     receipt;
    struct sprout_usage_spot  spot;
    enum { SIZE = 512 };

    r = ctx->request;
    ctx->carbon = 0;
    sprout_usage_spot_start(&spot);

    for (cl = ctx->held; cl != NULL; cl = cl->next) {
        sprout_usage_spot_feed(&spot, (const char *) cl->buf->pos,
                               (size_t) (cl->buf->last - cl->buf->pos));
    }

    if (!sprout_usage_spot_finish(&spot)) {
        return NGX_OK;
    }

    b = sprout_buf_of(ngx_pnalloc(r->pool, SIZE), SIZE);
    if (b.ptr == NULL) {
        return NGX_ERROR;
    }

    receipt = ngx_http_sprout_receipt_of(ctx, ctx->seen);
    sprout_buf_put(&b, spot.empty ? SPROUT_STR("\"carbon\":")
                                  : SPROUT_STR(",\"carbon\":"));
    sprout_receipt_put_carbon(&b, &receipt);

    if (b.full) {
        return NGX_OK;
    }

    if (ngx_http_sprout_carbon_splice(ctx, (off_t) spot.at, &b) != NGX_OK) {
        return NGX_ERROR;
    }

    length = r->headers_out.content_length_n;
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_weak_etag(r);

    if (length >= 0) {
        r->headers_out.content_length_n = length + (off_t) b.len;
    }

    return NGX_OK;
}


/* The held buffer that has byte `at` becomes two, with the text between. */
static ngx_int_t
ngx_http_sprout_carbon_splice(ngx_http_sprout_ctx_t *ctx, off_t at,
    const struct sprout_buf *text)
{
    ngx_buf_t    *b, *rest;
    ngx_pool_t   *pool;
    ngx_chain_t  *cl, *added, *tail;

    pool = ctx->request->pool;

    for (cl = ctx->held; cl != NULL; cl = cl->next) {
        if (at < cl->buf->last - cl->buf->pos) {
            break;
        }

        at -= cl->buf->last - cl->buf->pos;
    }

    added = ngx_alloc_chain_link(pool);
    tail = ngx_alloc_chain_link(pool);
    b = ngx_calloc_buf(pool);
    rest = ngx_calloc_buf(pool);

    if (cl == NULL || added == NULL || tail == NULL || b == NULL
        || rest == NULL)
    {
        return NGX_ERROR;
    }

    b->pos = (u_char *) text->ptr;
    b->last = b->pos + text->len;
    b->memory = 1;

    tail->next = cl->next;

    if (ctx->held_last == &cl->next) {
        ctx->held_last = &tail->next;
    }

    /* Before the first byte of a buffer: none may be empty in the chain. */
    if (at == 0) {
        tail->buf = cl->buf;
        cl->buf = b;
        cl->next = tail;
        return NGX_OK;
    }

    *rest = *cl->buf;
    rest->pos += at;
    cl->buf->last = cl->buf->pos + at;

    added->buf = b;
    added->next = tail;
    tail->buf = rest;
    cl->next = added;

    return NGX_OK;
}


/* Too long, or cut short: no receipt.  What was held goes out, and the rest is
 * watched from here. */
static ngx_int_t
ngx_http_sprout_hold_release(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *rest)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl, **last;

    if (ctx->receipt
        && ngx_http_sprout_receipt_unavailable(ctx->request) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->receipt = 0;
    ctx->carbon = 0;
    ctx->scope2 = 0;
    ctx->reply = NGX_HTTP_SPROUT_WATCH;

    rc = ngx_http_sprout_next_header(ctx->request);
    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    ngx_http_sprout_tap_watch(ctx, rest);

    last = ctx->held_last;

    for ( /* void */ ; rest != NULL; rest = rest->next) {
        cl = ngx_alloc_chain_link(ctx->request->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = rest->buf;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;
    }

    if (ctx->held == NULL) {
        return NGX_OK;
    }

    return ngx_http_sprout_next_body(ctx->request, ctx->held);
}
