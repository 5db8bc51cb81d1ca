/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_headers.c - request headers: what they ask of us, and what
 * of them must not go upstream.
 *
 * The proxy module walks headers_in.headers and knows no deleted elements, and
 * much of nginx keeps pointers into that list.  So elements are never moved:
 * stripping re-cuts the list into parts around what is left out.
 * Left out: Sprout-*, Proxy-Authorization, Proxy-Connection, and what Connection names (H1) but
 * for what the proxy module itself decides on (Upgrade, TE, Keep-Alive). */
#include "ngx_http_sprout_module.h"

#include <openssl/sha.h>


typedef void (*ngx_http_sprout_note_pt)(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
typedef ngx_uint_t (*ngx_http_sprout_drop_pt)(ngx_http_request_t *r,
    ngx_table_elt_t *h);

typedef struct {
    ngx_str_t                name;      /* lower case */
    ngx_http_sprout_note_pt  note;
} ngx_http_sprout_header_t;


static void ngx_http_sprout_note_level(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_key(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_floor(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_receipt(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_accept(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_encoding(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_connection(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_strip(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_digest(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_signed(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_authorization(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);
static void ngx_http_sprout_note_sample(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h);

static ngx_int_t ngx_http_sprout_headers_cut(ngx_http_request_t *r,
    ngx_http_sprout_drop_pt drop);
static ngx_uint_t ngx_http_sprout_drop_private(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_uint_t ngx_http_sprout_drop_digest(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_uint_t ngx_http_sprout_drop_encoding(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_uint_t ngx_http_sprout_connection_names(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_uint_t ngx_http_sprout_is(const ngx_str_t *s, const ngx_str_t *name);


static ngx_http_sprout_header_t  ngx_http_sprout_headers[] = {
    { ngx_string("sprout-level"), ngx_http_sprout_note_level },
    { ngx_string("sprout-key"), ngx_http_sprout_note_key },
    { ngx_string("sprout-floor"), ngx_http_sprout_note_floor },
    { ngx_string("sprout-receipt"), ngx_http_sprout_note_receipt },
    { ngx_string("sprout-sample"), ngx_http_sprout_note_sample },
    { ngx_string("accept-encoding"), ngx_http_sprout_note_accept },
    { ngx_string("content-encoding"), ngx_http_sprout_note_encoding },
    { ngx_string("connection"), ngx_http_sprout_note_connection },
    { ngx_string("proxy-authorization"), ngx_http_sprout_note_strip },
    { ngx_string("proxy-connection"), ngx_http_sprout_note_strip },
    { ngx_string("content-md5"), ngx_http_sprout_note_digest },
    { ngx_string("digest"), ngx_http_sprout_note_digest },
    { ngx_string("content-digest"), ngx_http_sprout_note_digest },
    { ngx_string("repr-digest"), ngx_http_sprout_note_digest },
    { ngx_string("signature"), ngx_http_sprout_note_signed },
    { ngx_string("signature-input"), ngx_http_sprout_note_signed },
    { ngx_string("x-amz-content-sha256"), ngx_http_sprout_note_signed },
    { ngx_string("authorization"), ngx_http_sprout_note_authorization },
    { ngx_null_string, NULL }
};

/* Digests of the body: wrong after a splice. */
static ngx_str_t  ngx_http_sprout_digests[] = {
    ngx_string("content-md5"),
    ngx_string("digest"),
    ngx_string("content-digest"),
    ngx_string("repr-digest"),
    ngx_string("transfer-encoding"),
    ngx_null_string
};

/* Named in Connection as a matter of course; the proxy module deals with them,
 * and an operator may pass Upgrade on. */
static ngx_str_t  ngx_http_sprout_connection_usual[] = {
    ngx_string("keep-alive"),
    ngx_string("close"),
    ngx_string("upgrade"),
    ngx_string("te"),
    ngx_null_string
};


static ngx_uint_t
ngx_http_sprout_is(const ngx_str_t *s, const ngx_str_t *name)
{
    return s->len == name->len
           && ngx_strncasecmp(s->data, name->data, name->len) == 0;
}


static ngx_uint_t
ngx_http_sprout_listed(const ngx_str_t *s, const ngx_str_t *list)
{
    for ( /* void */ ; list->len != 0; list++) {
        if (ngx_http_sprout_is(s, list)) {
            return 1;
        }
    }

    return 0;
}


/* Next comma-separated token of *rest, blanks trimmed; 0 at the end. */
static ngx_uint_t
ngx_http_sprout_token(ngx_str_t *rest, ngx_str_t *token)
{
    u_char  *p, *last, *from;

    p = rest->data;
    last = rest->data + rest->len;

    while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
        p++;
    }

    if (p == last) {
        return 0;
    }

    from = p;

    while (p < last && *p != ',') {
        p++;
    }

    rest->data = p;
    rest->len = (size_t) (last - p);

    while (p > from && (p[-1] == ' ' || p[-1] == '\t')) {
        p--;
    }

    token->data = from;
    token->len = (size_t) (p - from);

    return 1;
}


void
ngx_http_sprout_headers_read(ngx_http_request_t *r,
    ngx_http_sprout_asked_t *asked)
{
    ngx_uint_t                 i;
    ngx_list_part_t           *part;
    ngx_table_elt_t           *h;
    ngx_http_sprout_header_t  *known;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len > 7
            && ngx_strncmp(h[i].lowcase_key, "sprout-", 7) == 0)
        {
            asked->strip = 1;
        }

        for (known = ngx_http_sprout_headers; known->name.len != 0; known++) {
            if (h[i].key.len == known->name.len
                && ngx_memcmp(h[i].lowcase_key, known->name.data,
                              known->name.len) == 0)
            {
                known->note(asked, &h[i]);
                break;
            }
        }
    }
}


static void
ngx_http_sprout_note_level(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->level = h->value;
}


/* Whatever it says but yes: who sends it does not want to be read. */
static void
ngx_http_sprout_note_sample(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->no_sample |= !(h->value.len == 3
                          && ngx_strncasecmp(h->value.data, (u_char *) "yes", 3)
                             == 0);
}


static void
ngx_http_sprout_note_key(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->key = h->value;
}


static void
ngx_http_sprout_note_floor(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->floor = h->value;
}


static void
ngx_http_sprout_note_receipt(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h)
{
    asked->receipt = (h->value.len == 1 && h->value.data[0] == '1');
}


static void
ngx_http_sprout_note_accept(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->accept_encoding = h;
}


static void
ngx_http_sprout_note_encoding(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h)
{
    static ngx_str_t  identity = ngx_string("identity");
    static ngx_str_t  gzip = ngx_string("gzip");
    static ngx_str_t  x_gzip = ngx_string("x-gzip");
    static ngx_str_t  zstd = ngx_string("zstd");

    if (h->value.len == 0 || ngx_http_sprout_is(&h->value, &identity)) {
        return;
    }

    if (asked->encoding != NGX_HTTP_SPROUT_PLAIN) {
        asked->encoding = NGX_HTTP_SPROUT_ENCODED;

    } else if (ngx_http_sprout_is(&h->value, &gzip)
               || ngx_http_sprout_is(&h->value, &x_gzip))
    {
        asked->encoding = NGX_HTTP_SPROUT_GZIP;

    } else if (ngx_http_sprout_is(&h->value, &zstd)) {
        asked->encoding = NGX_HTTP_SPROUT_ZSTD;

    } else {
        asked->encoding = NGX_HTTP_SPROUT_ENCODED;
    }
}


static void
ngx_http_sprout_note_connection(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h)
{
    ngx_str_t  rest, token;

    rest = h->value;

    while (ngx_http_sprout_token(&rest, &token)) {
        if (!ngx_http_sprout_listed(&token, ngx_http_sprout_connection_usual)) {
            asked->strip = 1;
        }
    }
}


static void
ngx_http_sprout_note_strip(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->strip = 1;
}


static void
ngx_http_sprout_note_digest(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->digest = 1;
}


static void
ngx_http_sprout_note_signed(ngx_http_sprout_asked_t *asked, ngx_table_elt_t *h)
{
    asked->is_signed = 1;
}


/* Schemes that sign the body; Bearer and Basic do not. */
static void
ngx_http_sprout_note_authorization(ngx_http_sprout_asked_t *asked,
    ngx_table_elt_t *h)
{
    if ((h->value.len > 5
         && ngx_strncasecmp(h->value.data, (u_char *) "AWS4-", 5) == 0)
        || (h->value.len > 10
            && ngx_strncasecmp(h->value.data, (u_char *) "Signature ", 10)
               == 0))
    {
        asked->is_signed = 1;
    }
}


/* A request header by its lower-case name, for core's rules. */
bool
ngx_http_sprout_headers_find(void *data, struct sprout_str name,
    struct sprout_str *out)
{
    ngx_uint_t           i;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r = data;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return false;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == name.len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name.ptr, name.len)
               == 0)
        {
            *out = ngx_http_sprout_str(&h[i].value);
            return true;
        }
    }
}


/* SHA-256 of the API key the client presented, 64 hex digits; empty if there
 * is none.  The key itself goes nowhere. */
ngx_str_t
ngx_http_sprout_headers_key(ngx_http_request_t *r)
{
    u_char             digest[SHA256_DIGEST_LENGTH];
    ngx_str_t          hex;
    struct sprout_str  key;

    ngx_str_null(&hex);

    if (ngx_http_sprout_headers_find(r, SPROUT_STR("authorization"), &key)
        && key.len > 7
        && ngx_strncasecmp((u_char *) key.ptr, (u_char *) "Bearer ", 7) == 0)
    {
        key.ptr += 7;
        key.len -= 7;
        key = sprout_str_trim(key);

    } else if (!ngx_http_sprout_headers_find(r, SPROUT_STR("x-api-key"), &key))
    {
        return hex;
    }

    hex.data = ngx_pnalloc(r->pool, 2 * SHA256_DIGEST_LENGTH);
    if (hex.data == NULL) {
        return hex;
    }

    SHA256((const u_char *) key.ptr, key.len, digest);
    ngx_hex_dump(hex.data, digest, SHA256_DIGEST_LENGTH);
    hex.len = 2 * SHA256_DIGEST_LENGTH;

    return hex;
}


ngx_int_t
ngx_http_sprout_headers_strip(ngx_http_request_t *r)
{
    return ngx_http_sprout_headers_cut(r, ngx_http_sprout_drop_private);
}


static ngx_uint_t
ngx_http_sprout_drop_private(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    static ngx_str_t  for_proxies[] = {
        ngx_string("proxy-authorization"),
        ngx_string("proxy-connection"),
        ngx_null_string
    };

    if (h->key.len > 7
        && ngx_strncasecmp(h->key.data, (u_char *) "sprout-", 7) == 0)
    {
        return 1;
    }

    return ngx_http_sprout_listed(&h->key, for_proxies)
           || ngx_http_sprout_connection_names(r, h);
}


/* There may be several Connection headers, and headers_in.connection is not
 * filled in by every nginx. */
static ngx_uint_t
ngx_http_sprout_connection_names(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_str_t         rest, token;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *other;
    static ngx_str_t  connection = ngx_string("connection");

    if (ngx_http_sprout_listed(&h->key, ngx_http_sprout_connection_usual)) {
        return 0;
    }

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        other = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!ngx_http_sprout_is(&other[i].key, &connection)) {
                continue;
            }

            rest = other[i].value;

            while (ngx_http_sprout_token(&rest, &token)) {
                if (ngx_http_sprout_is(&h->key, &token)) {
                    return 1;
                }
            }
        }
    }

    return 0;
}


/* Of the reply: what upstream's Connection names is between it and us (H1).
 * A header of no hash is not sent. */
void
ngx_http_sprout_headers_reply(ngx_http_request_t *r)
{
    ngx_str_t             rest, token;
    ngx_uint_t            i;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL || u->headers_in.connection == NULL) {
        return;
    }

    rest = u->headers_in.connection->value;

    while (ngx_http_sprout_token(&rest, &token)) {

        if (ngx_http_sprout_listed(&token, ngx_http_sprout_connection_usual)) {
            continue;
        }

        for (part = &r->headers_out.headers.part; part; part = part->next) {
            h = part->elts;

            for (i = 0; i < part->nelts; i++) {
                if (ngx_http_sprout_is(&h[i].key, &token)) {
                    h[i].hash = 0;
                }
            }
        }
    }
}


/* The reply must be read, so it must come uncompressed (H2).  gzip towards the
 * client looks at headers_in.accept_encoding, which keeps the client's say. */
ngx_int_t
ngx_http_sprout_headers_identity(ngx_http_request_t *r,
    ngx_http_sprout_asked_t *asked)
{
    ngx_table_elt_t  *h, *was;

    h = asked->accept_encoding;

    if (h != NULL) {
        was = ngx_palloc(r->pool, sizeof(ngx_table_elt_t));
        if (was == NULL) {
            return NGX_ERROR;
        }

        *was = *h;

        if (r->headers_in.accept_encoding == h) {
            r->headers_in.accept_encoding = was;
        }

    } else {
        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_str_set(&h->key, "Accept-Encoding");
        h->lowcase_key = (u_char *) "accept-encoding";
        h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    }

    ngx_str_set(&h->value, "identity");

    return NGX_OK;
}


/* After a splice: the length in both places, no framing and no digest of the
 * body that was (B6). */
ngx_int_t
ngx_http_sprout_headers_spliced(ngx_http_request_t *r,
    ngx_http_sprout_asked_t *asked, off_t length, ngx_uint_t decoded)
{
    u_char           *value;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_length;

    if (h != NULL) {
        value = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
        if (value == NULL) {
            return NGX_ERROR;
        }

        h->value.len = (size_t) (ngx_sprintf(value, "%O", length) - value);
        h->value.data = value;
    }

    r->headers_in.content_length_n = length;

    if (decoded) {
        return ngx_http_sprout_headers_cut(r, ngx_http_sprout_drop_encoding);
    }

    if (asked->digest || r->headers_in.transfer_encoding != NULL) {
        return ngx_http_sprout_headers_cut(r, ngx_http_sprout_drop_digest);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_sprout_drop_digest(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    return ngx_http_sprout_listed(&h->key, ngx_http_sprout_digests);
}


/* H3: a body that is decoded says nothing of its encoding. */
static ngx_uint_t
ngx_http_sprout_drop_encoding(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    static ngx_str_t  encoding = ngx_string("content-encoding");

    return ngx_http_sprout_is(&h->key, &encoding)
           || ngx_http_sprout_drop_digest(r, h);
}


/* Re-cuts the list of headers into runs of what stays.  An empty part would
 * break nginx's way of walking a list, so none is made; nalloc becomes the
 * length of the last run, so that the next push starts a part of its own.
 * The list is left as it was when there is no memory. */
static ngx_int_t
ngx_http_sprout_headers_cut(ngx_http_request_t *r, ngx_http_sprout_drop_pt drop)
{
    ngx_list_t        list;
    ngx_uint_t        i, from;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part, *run;

    ngx_memzero(&list, sizeof(ngx_list_t));

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (drop(r, &h[i])) {
                continue;
            }

            from = i;

            while (i + 1 < part->nelts && !drop(r, &h[i + 1])) {
                i++;
            }

            if (list.last == NULL) {
                run = &list.part;

            } else {
                run = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
                if (run == NULL) {
                    return NGX_ERROR;
                }

                list.last->next = run;
            }

            run->elts = &h[from];
            run->nelts = i - from + 1;
            run->next = NULL;
            list.last = run;
        }
    }

    if (list.last == NULL) {
        return ngx_list_init(&r->headers_in.headers, r->pool, 4,
                             sizeof(ngx_table_elt_t));
    }

    run = list.last;
    r->headers_in.headers.part = list.part;
    r->headers_in.headers.last = (run == &list.part)
                                 ? &r->headers_in.headers.part : run;
    r->headers_in.headers.nalloc = run->nelts;

    return NGX_OK;
}
