/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_status.c - `sprout_status;` in a location: what the worker
 * that answers knows, as one JSON object.
 *
 * Each worker counts for itself: a policy file that one of them refused is
 * refused by all, and the sum over requests is the journal's business. */
#include "ngx_http_sprout_module.h"


static ngx_int_t ngx_http_sprout_status_handler(ngx_http_request_t *r);
static void ngx_http_sprout_status_put(ngx_http_sprout_worker_t *w,
    struct sprout_buf *b);
static void ngx_http_sprout_status_count(struct sprout_buf *b, const char *name,
    uint64_t n);


enum { STATUS_SIZE = 4096 };


char *
ngx_http_sprout_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_sprout_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_sprout_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_str_t                     type = ngx_string("application/json");
    ngx_http_complex_value_t      body;
    struct sprout_buf             b;
    ngx_http_sprout_main_conf_t  *smcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = sprout_buf_of(ngx_pnalloc(r->pool, STATUS_SIZE), STATUS_SIZE);
    if (b.ptr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sprout_module);
    ngx_http_sprout_status_put(smcf->worker, &b);

    if (b.full) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&body, sizeof(body));
    body.value.data = (u_char *) b.ptr;
    body.value.len = b.len;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &body);
}


static void
ngx_http_sprout_status_put(ngx_http_sprout_worker_t *w, struct sprout_buf *b)
{
    const struct sprout_policy  *policy;

    sprout_buf_put(b, SPROUT_STR("{\"worker\":"));
    sprout_buf_json(b, ngx_http_sprout_str(&w->name));
    sprout_buf_put(b, SPROUT_STR(",\"policy\":"));

    if (w->policy != NULL) {
        policy = w->policy->policy;
        sprout_buf_put(b, SPROUT_STR("{\"id\":"));
        sprout_buf_json(b, policy->id);
        sprout_buf_put(b, ngx_http_sprout_wall().ns < policy->valid_until.ns
                          ? SPROUT_STR(",\"valid\":true}")
                          : SPROUT_STR(",\"valid\":false}"));

    } else {
        sprout_buf_put(b, SPROUT_STR("null"));
    }

    ngx_http_sprout_status_count(b, "policy_loads", w->policy_loads);
    ngx_http_sprout_status_count(b, "policy_errors", w->policy_errors);

    sprout_buf_put(b, SPROUT_STR(",\"policy_error\":"));

    if (w->policy_error[0] != '\0') {
        sprout_buf_json(b, sprout_str_of(w->policy_error));

    } else {
        sprout_buf_put(b, SPROUT_STR("null"));
    }

    sprout_buf_put(b, SPROUT_STR(",\"predictor\":"));

    if (w->policy != NULL && w->policy->weights != NULL) {
        sprout_buf_byte(b, '"');
        sprout_buf_hex64(b, w->policy->weights->id);
        sprout_buf_byte(b, '"');

    } else {
        sprout_buf_put(b, SPROUT_STR("null"));
    }

    ngx_http_sprout_status_count(b, "predictor_errors", w->predictor_errors);
    ngx_http_sprout_status_count(b, "requests", w->requests);
    ngx_http_sprout_status_count(b, "directives", w->directives);
    ngx_http_sprout_status_count(b, "internal", w->internal);
    ngx_http_sprout_status_count(b, "journalled", (uint64_t) w->seq);
    sprout_buf_put(b, SPROUT_STR("}\n"));
}


static void
ngx_http_sprout_status_count(struct sprout_buf *b, const char *name, uint64_t n)
{
    sprout_buf_put(b, SPROUT_STR(",\""));
    sprout_buf_put(b, sprout_str_of(name));
    sprout_buf_put(b, SPROUT_STR("\":"));
    sprout_buf_u64(b, n);
}
