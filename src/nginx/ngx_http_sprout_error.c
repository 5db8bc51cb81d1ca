/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_error.c - nginx's own error pages, in the shape of the API.
 *
 * A client library that gets HTML where it expects {"error":{...}} shows its
 * user a parser's complaint.  So where nginx itself answers an LLM request (too
 * large, not admitted, no upstream), its built-in page is replaced by the error
 * of the request's API (H5), of a type and with a header, Sprout-Error, that say
 * whose error it is (H6).
 * Not here: errors an upstream sent, which pass as they came, and pages an
 * operator configured by error_page. */
#include "ngx_http_sprout_module.h"


typedef struct {
    ngx_uint_t   status;
    const char  *code;
    const char  *message;
} ngx_http_sprout_error_t;


static ngx_uint_t ngx_http_sprout_error_is_ours(ngx_http_request_t *r);
static const ngx_http_sprout_error_t *ngx_http_sprout_error_of(
    ngx_uint_t status);
static void ngx_http_sprout_error_too_large(ngx_http_sprout_ctx_t *ctx,
    struct sprout_buf *b);


static const ngx_http_sprout_error_t  ngx_http_sprout_errors[] = {
    { 400, "bad_request", "The gateway could not read this request." },
    { 401, "unauthorized", "The gateway did not accept the credentials." },
    { 403, "forbidden", "The gateway does not allow this request." },
    { 408, "request_timeout", "The request did not arrive in time." },
    { 411, "length_required", "The request needs a Content-Length." },
    { 429, "rate_limited", "The gateway's request limit was reached; try again "
      "later." },
    { 500, "gateway_error", "The gateway failed; the model was not at fault." },
    { 502, "upstream_unreachable", "The inference server did not answer the "
      "gateway." },
    { 503, "unavailable", "The gateway has no capacity for this request; try "
      "again later." },
    { 504, "upstream_timeout", "The inference server did not answer in time." },
    { 0, "gateway_error", "The gateway refused this request." }
};


/* Called from the header filter.  NGX_OK: the body is to be replaced;
 * NGX_DECLINED: it is not. */
ngx_int_t
ngx_http_sprout_error_replace(ngx_http_sprout_ctx_t *ctx)
{
    char                           *text;
    ngx_str_t                       code = ngx_string("request_too_large");
    struct sprout_buf               b;
    ngx_http_request_t             *r;
    const ngx_http_sprout_error_t  *error;
    enum { SIZE = 512 };

    r = ctx->request;

    if (!ngx_http_sprout_error_is_ours(r)) {
        return NGX_DECLINED;
    }

    text = ngx_pnalloc(r->pool, SIZE);
    if (text == NULL) {
        return NGX_DECLINED;
    }

    b = sprout_buf_of(text, SIZE);

    if (r->headers_out.status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        ngx_http_sprout_error_too_large(ctx, &b);

    } else {
        error = ngx_http_sprout_error_of(r->headers_out.status);
        code.data = (u_char *) error->code;
        code.len = ngx_strlen(error->code);
        sprout_dialect_put_error(&b, ctx->dialect, sprout_str_of(error->code),
                                 sprout_str_of(error->message));
    }

    if (b.full) {
        return NGX_DECLINED;
    }

    /* Whose error it is (H6): some APIs have no place for it in the body. */
    (void) ngx_http_sprout_reply_header(r, "Sprout-Error", &code);

    ctx->error_body.data = (u_char *) b.ptr;
    ctx->error_body.len = b.len;
    ctx->reply = NGX_HTTP_SPROUT_REPLACE;

    r->headers_out.content_length_n = (off_t) b.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return NGX_OK;
}


/* A built-in page: an error status that no upstream sent and no error_page
 * redirected, with the type that only those pages set by themselves. */
static ngx_uint_t
ngx_http_sprout_error_is_ours(ngx_http_request_t *r)
{
    static ngx_str_t  html = ngx_string("text/html");

    return r->err_status >= NGX_HTTP_BAD_REQUEST
           && r->headers_out.status >= NGX_HTTP_BAD_REQUEST
           && !r->internal
           && (r->upstream == NULL || r->upstream->headers_in.status_n == 0)
           && r->headers_out.last_modified_time == -1
           && r->headers_out.content_type.len == html.len
           && ngx_strncmp(r->headers_out.content_type.data, html.data,
                          html.len) == 0;
}


static const ngx_http_sprout_error_t *
ngx_http_sprout_error_of(ngx_uint_t status)
{
    const ngx_http_sprout_error_t  *e;

    for (e = ngx_http_sprout_errors; e->status != 0; e++) {
        if (e->status == status) {
            break;
        }
    }

    return e;
}


/* Ours (sprout_max_body) or nginx's (client_max_body_size): the lower holds. */
static void
ngx_http_sprout_error_too_large(ngx_http_sprout_ctx_t *ctx,
    struct sprout_buf *b)
{
    off_t                        limit;
    u_char                       text[128], *last;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_sprout_loc_conf_t  *slcf;

    clcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_core_module);
    slcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_sprout_module);

    limit = slcf->max_body;
    if (clcf->client_max_body_size != 0 && clcf->client_max_body_size < limit) {
        limit = clcf->client_max_body_size;
    }

    last = ngx_snprintf(text, sizeof(text), "The request body is larger than "
                        "the %O bytes this gateway accepts.", limit);

    sprout_dialect_put_error(b, ctx->dialect, SPROUT_STR("request_too_large"),
                             (struct sprout_str) { (char *) text,
                                                   (size_t) (last - text) });
}


/* nginx's page is swallowed, ours goes out once in its place. */
ngx_int_t
ngx_http_sprout_error_body(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, out;

    for (cl = in; cl != NULL; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->error_sent) {
        return ngx_http_sprout_next_body(ctx->request, NULL);
    }

    b = ngx_calloc_buf(ctx->request->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->start = ctx->error_body.data;
    b->pos = b->start;
    b->last = b->start + ctx->error_body.len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;
    ctx->error_sent = 1;
    ctx->ended = 1;

    return ngx_http_sprout_next_body(ctx->request, &out);
}
