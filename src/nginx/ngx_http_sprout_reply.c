/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_reply.c - the reply: what is added to its header, and how
 * its body is treated.
 *
 * The filters stand right after nginx's copy filter: they see what upstream
 * sent, before gzip and chunked.  Four treatments, chosen once in the header
 * filter: passed unseen, watched (nothing changes), filtered (a usage chunk
 * that we asked for taken out, a receipt put in), held (a whole reply whose
 * client wants its receipt in the header).  A reply we do not understand is
 * passed unseen, and the journal says that usage is unknown. */
#include "ngx_http_sprout_module.h"


static ngx_int_t ngx_http_sprout_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_sprout_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_sprout_reply_fields(ngx_http_sprout_ctx_t *ctx);
static ngx_int_t ngx_http_sprout_reply_reason(ngx_http_sprout_ctx_t *ctx,
    ngx_str_t *out);
static ngx_int_t ngx_http_sprout_reply_overhead(ngx_http_sprout_ctx_t *ctx,
    ngx_str_t *out);
static ngx_int_t ngx_http_sprout_reply_grid(ngx_http_sprout_ctx_t *ctx,
    ngx_str_t *out);
static void ngx_http_sprout_reply_open(ngx_http_sprout_ctx_t *ctx);
static enum sprout_framing ngx_http_sprout_reply_framing(
    ngx_http_request_t *r);
static void ngx_http_sprout_reply_streams(ngx_http_request_t *r);
static void ngx_http_sprout_reply_note(ngx_http_sprout_ctx_t *ctx,
    ngx_chain_t *in, uint64_t now);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_sprout_reply_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_sprout_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_sprout_body_filter;
}


ngx_int_t
ngx_http_sprout_next_header(ngx_http_request_t *r)
{
    return ngx_http_next_header_filter(r);
}


ngx_int_t
ngx_http_sprout_next_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    return ngx_http_next_body_filter(r, in);
}


static ngx_int_t
ngx_http_sprout_header_filter(ngx_http_request_t *r)
{
    uint64_t                     from;
    ngx_http_sprout_ctx_t       *ctx;
    ngx_http_sprout_loc_conf_t  *slcf;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_sprout_ctx_find(r);

    if (ctx == NULL) {

        /* Answered before our phase: not admitted, or too large. */
        slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

        if (slcf->mode != NGX_HTTP_SPROUT_OFF) {
            ctx = ngx_http_sprout_ctx_create(r);
        }

        if (ctx == NULL) {
            return ngx_http_next_header_filter(r);
        }

        ctx->dialect = sprout_dialect_find(ngx_http_sprout_str(&r->method_name),
                                           ngx_http_sprout_str(&r->uri));
    }

    if (ctx->headed) {
        return ngx_http_next_header_filter(r);
    }

    from = ngx_http_sprout_clock();
    ctx->headed = 1;

    ngx_http_sprout_headers_reply(r);
    ngx_http_sprout_reply_fields(ctx);

    if (ctx->dialect != NULL) {
        ngx_http_sprout_reply_open(ctx);
    }

    ctx->spent += ngx_http_sprout_clock() - from;

    /* The header waits for the receipt; receipt.c sends it. */
    if (ctx->reply == NGX_HTTP_SPROUT_HOLD) {
        return NGX_OK;
    }

    return ngx_http_next_header_filter(r);
}


/* Adds one header; the value is borrowed until the header was sent. */
ngx_int_t
ngx_http_sprout_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;
    h->lowcase_key = NULL;

    return NGX_OK;
}


/* A header that finds no memory is left out; the reply matters more. */
static void
ngx_http_sprout_reply_fields(ngx_http_sprout_ctx_t *ctx)
{
    ngx_str_t                    value;
    ngx_http_request_t          *r;
    const struct sprout_policy  *policy;

    r = ctx->request;
    policy = (ctx->policy != NULL) ? ctx->view->policy : NULL;

    ngx_str_set(&value, "L0");
    if (policy != NULL) {
        value.data = (u_char *) policy->levels[ctx->choice.level].name.ptr;
        value.len = policy->levels[ctx->choice.level].name.len;
    }
    (void) ngx_http_sprout_reply_header(r, "Sprout-Level", &value);

    if (ngx_http_sprout_reply_reason(ctx, &value) == NGX_OK) {
        (void) ngx_http_sprout_reply_header(r, "Sprout-Reason", &value);
    }

    ngx_str_set(&value, "none");
    if (policy != NULL) {
        value.data = (u_char *) policy->id.ptr;
        value.len = policy->id.len;
    }
    (void) ngx_http_sprout_reply_header(r, "Sprout-Policy", &value);

    if (ngx_http_sprout_reply_grid(ctx, &value) == NGX_OK) {
        (void) ngx_http_sprout_reply_header(r, "Sprout-Grid", &value);
    }

    if (ctx->receipt
        && ngx_http_sprout_reply_overhead(ctx, &value) == NGX_OK)
    {
        (void) ngx_http_sprout_reply_header(r, "Sprout-Overhead-Us", &value);
    }

    value.data = ctx->id;
    value.len = NGX_HTTP_SPROUT_ID_LEN;
    (void) ngx_http_sprout_reply_header(r, "Sprout-Request-Id", &value);
}


/* "mix", or "mix; rule=NAME". */
static ngx_int_t
ngx_http_sprout_reply_reason(ngx_http_sprout_ctx_t *ctx, ngx_str_t *out)
{
    const char               *reason;
    struct sprout_buf         b;
    const struct sprout_rule *rule;

    reason = sprout_reason_text(ctx->choice.reason);

    if (ctx->choice.rule < 0 || ctx->policy == NULL) {
        out->data = (u_char *) reason;
        out->len = ngx_strlen(reason);
        return NGX_OK;
    }

    rule = &ctx->view->policy->rules[ctx->choice.rule];
    b.cap = ngx_strlen(reason) + sizeof("; rule=") - 1 + rule->name.len;
    b = sprout_buf_of(ngx_pnalloc(ctx->request->pool, b.cap), b.cap);

    if (b.ptr == NULL) {
        return NGX_ERROR;
    }

    sprout_buf_put(&b, sprout_str_of(reason));
    sprout_buf_put(&b, SPROUT_STR("; rule="));
    sprout_buf_put(&b, rule->name);

    out->data = (u_char *) b.ptr;
    out->len = b.len;

    return NGX_OK;
}


/* Microseconds in our own code until now (H9): reading, choosing, splicing. */
static ngx_int_t
ngx_http_sprout_reply_overhead(ngx_http_sprout_ctx_t *ctx, ngx_str_t *out)
{
    out->data = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = (size_t) (ngx_sprintf(out->data, "%uL", ctx->spent / 1000)
                         - out->data);

    return NGX_OK;
}


/* "473; zone=GB; age=12".  Made once a second and policy: printing a double so
 * that it reads back takes longer than all else in this file. */
static ngx_int_t
ngx_http_sprout_reply_grid(ngx_http_sprout_ctx_t *ctx, ngx_str_t *out)
{
    struct sprout_buf                 b;
    ngx_http_sprout_view_t           *p;
    const struct sprout_policy_grid  *grid;

    p = ctx->view;

    if (p == NULL) {
        ngx_str_set(out, "unknown; zone=-; age=unknown");
        return NGX_OK;
    }

    if (p->grid_second != ngx_time()) {
        grid = &p->policy->grid;
        b = sprout_buf_of((char *) p->grid_text, sizeof(p->grid_text));

        if (isfinite(grid->intensity.v)) {
            sprout_buf_f64(&b, grid->intensity.v);

        } else {
            sprout_buf_put(&b, SPROUT_STR("unknown"));
        }

        sprout_buf_put(&b, SPROUT_STR("; zone="));
        sprout_buf_put(&b, grid->zone);
        sprout_buf_put(&b, SPROUT_STR("; age="));

        if (isfinite(grid->intensity.v)) {
            sprout_buf_i64(&b, ngx_max(0, (int64_t) ngx_time()
                                       - grid->at.ns / SPROUT_NS_PER_SECOND));

        } else {
            sprout_buf_put(&b, SPROUT_STR("unknown"));
        }

        p->grid_len = b.full ? 0 : b.len;
        p->grid_second = ngx_time();
    }

    out->len = p->grid_len;
    out->data = ngx_pnalloc(ctx->request->pool, out->len);

    if (out->data == NULL || out->len == 0) {
        return NGX_ERROR;
    }

    ngx_memcpy(out->data, p->grid_text, out->len);

    return NGX_OK;
}


/* Chooses the treatment. */
static void
ngx_http_sprout_reply_open(ngx_http_sprout_ctx_t *ctx)
{
    ngx_http_request_t   *r;
    enum sprout_framing   framing;

    r = ctx->request;

    if (ngx_http_sprout_error_replace(ctx) == NGX_OK) {
        return;
    }

    framing = ngx_http_sprout_reply_framing(r);

    if (framing == SPROUT_FRAMING_SSE || framing == SPROUT_FRAMING_NDJSON) {
        ngx_http_sprout_reply_streams(r);
    }

    if (framing != SPROUT_FRAMING_NONE
        && ngx_http_sprout_tap_open(ctx, framing) == NGX_OK)
    {
        r->filter_need_in_memory = 1;

        if (framing == SPROUT_FRAMING_SSE) {
            ngx_http_sprout_ping_open(ctx);
        }

    } else {
        ctx->reply = NGX_HTTP_SPROUT_PASS;
    }

    if (ctx->receipt && ctx->reply != NGX_HTTP_SPROUT_HOLD
        && ctx->reply != NGX_HTTP_SPROUT_FILTER)
    {
        (void) ngx_http_sprout_receipt_unavailable(r);
        ctx->receipt = 0;
    }
}


/* From the reply's own header; NONE for what is not an answer, or compressed
 * in spite of what we asked for (H2). */
static enum sprout_framing
ngx_http_sprout_reply_framing(ngx_http_request_t *r)
{
    ngx_table_elt_t  *encoding;

    encoding = r->headers_out.content_encoding;

    if (r->headers_out.status < NGX_HTTP_OK
        || r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE
        || r->header_only
        || (encoding != NULL && encoding->hash != 0
            && encoding->value.len != 0))
    {
        return SPROUT_FRAMING_NONE;
    }

    return sprout_framing_of(ngx_http_sprout_str(&r->headers_out.content_type));
}


/* A stream flows event by event, here (whatever proxy_buffering says) and in
 * proxies further out. */
static void
ngx_http_sprout_reply_streams(ngx_http_request_t *r)
{
    ngx_str_t             value;
    ngx_table_elt_t      *h, **cc;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u != NULL && !u->store
#if (NGX_HTTP_CACHE)
        && !u->cacheable
#endif
        )
    {
        u->buffering = 0;
    }

    ngx_str_set(&value, "no");
    (void) ngx_http_sprout_reply_header(r, "X-Accel-Buffering", &value);

    if (r->headers_out.cache_control.nelts != 0) {
        return;
    }

    /* Where expires and add_header look for it. */
    ngx_str_set(&value, "no-cache");

    if (r->headers_out.cache_control.elts == NULL
        && ngx_array_init(&r->headers_out.cache_control, r->pool, 1,
                          sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return;
    }

    cc = ngx_array_push(&r->headers_out.cache_control);
    h = ngx_list_push(&r->headers_out.headers);

    if (cc == NULL || h == NULL) {
        r->headers_out.cache_control.nelts = 0;
        return;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    h->value = value;
    h->lowcase_key = NULL;
    *cc = h;
}


static ngx_int_t
ngx_http_sprout_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    uint64_t                from;
    ngx_http_sprout_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_sprout_module);

    if (ctx == NULL || r != r->main || !ctx->headed) {
        return ngx_http_next_body_filter(r, in);
    }

    from = ngx_http_sprout_clock();

    ngx_http_sprout_reply_note(ctx, in, from);

    switch (ctx->reply) {

    case NGX_HTTP_SPROUT_PASS:
        break;

    case NGX_HTTP_SPROUT_WATCH:
        ngx_http_sprout_tap_watch(ctx, in);
        ctx->spent += ngx_http_sprout_clock() - from;
        break;

    case NGX_HTTP_SPROUT_FILTER:
        return ngx_http_sprout_tap_filter(ctx, in);

    case NGX_HTTP_SPROUT_HOLD:
        return ngx_http_sprout_receipt_hold(ctx, in);

    case NGX_HTTP_SPROUT_REPLACE:
        return ngx_http_sprout_error_body(ctx, in);
    }

    return ngx_http_next_body_filter(r, in);
}


/* First byte and end, for every treatment; before the buffers are consumed. */
static void
ngx_http_sprout_reply_note(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *in,
    uint64_t now)
{
    ngx_chain_t  *cl;

    for (cl = in; cl != NULL; cl = cl->next) {

        if (ctx->ttfb_us < 0 && ngx_buf_size(cl->buf) > 0) {
            ctx->ttfb_us = ctx->waited_us + (int64_t) (now - ctx->began) / 1000;
        }

        if (ctx->pinging && ngx_buf_size(cl->buf) > 0) {
            ctx->ping_last = ngx_current_msec;
        }

        if (cl->buf->last_buf) {
            ctx->ended = 1;
        }

        /* Not when the client's leaving was what ended it. */
        if (ngx_http_sprout_tap_cut_short(ctx, cl->buf)
            && !ctx->request->connection->error)
        {
            ctx->cut = 1;
        }
    }
}
