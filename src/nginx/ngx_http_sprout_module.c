/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_module.c - directives, their defaults, and where the module
 * hooks in.
 *
 *   sprout_policy PATH;        http: the planner's file; none: always L0
 *   sprout on | observe | off; http, server, location; observe accounts and
 *                              never touches
 *   sprout_usage on | off;     may ask a stream for its usage chunk (on)
 *   sprout_placement auto | first-user | last-user | system;
 *                              where a directive goes (auto)
 *   sprout_with_tools on | off;        requests that offer tools too (off)
 *   sprout_with_completions on | off;  raw completions too (off)
 *   sprout_receipts off | on | always | usage | scope2;
 *                              what replies say of their carbon: nothing, a
 *                              receipt where a client asks and the policy
 *                              lets it (on), a receipt always, usage.carbon,
 *                              Carbon-Emissions-Scope-2
 *   sprout_ping TIME | off;    pings after so long a silence of a stream (off)
 *   sprout_decode on | off;    compressed bodies too: gzip, zstd (off)
 *   sprout_decode_max SIZE;    decoded; a larger one passes as it came (32m)
 *   sprout_max_body SIZE;      larger LLM requests get a 413 (32m)
 *   sprout_core_files on | off;  http: a worker that dies may leave a core file,
 *                              with the prompts in its memory (off)
 *   sprout_status;             location: this worker's state as JSON
 *
 * Not here: anything that happens to a request. */
#include "ngx_http_sprout_module.h"

#include <sys/prctl.h>


static ngx_int_t ngx_http_sprout_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_sprout_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_sprout_init_process(ngx_cycle_t *cycle);
static void *ngx_http_sprout_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_sprout_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_sprout_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_sprout_set_ping(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_sprout_policy_path(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_sprout_check_zone(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_sprout_check_max_body(ngx_conf_t *cf, void *post,
    void *data);


static ngx_conf_enum_t  ngx_http_sprout_modes[] = {
    { ngx_string("off"), NGX_HTTP_SPROUT_OFF },
    { ngx_string("observe"), NGX_HTTP_SPROUT_OBSERVE },
    { ngx_string("on"), NGX_HTTP_SPROUT_ON },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_sprout_receipts[] = {
    { ngx_string("off"), NGX_HTTP_SPROUT_RECEIPTS_OFF },
    { ngx_string("on"), NGX_HTTP_SPROUT_RECEIPTS_ON },
    { ngx_string("always"), NGX_HTTP_SPROUT_RECEIPTS_ALWAYS },
    { ngx_string("usage"), NGX_HTTP_SPROUT_RECEIPTS_USAGE },
    { ngx_string("scope2"), NGX_HTTP_SPROUT_RECEIPTS_SCOPE2 },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_sprout_placements[] = {
    { ngx_string("auto"), SPROUT_PLACEMENT_AUTO },
    { ngx_string("first-user"), SPROUT_PLACEMENT_FIRST_USER },
    { ngx_string("last-user"), SPROUT_PLACEMENT_LAST_USER },
    { ngx_string("system"), SPROUT_PLACEMENT_SYSTEM },
    { ngx_null_string, 0 }
};

static ngx_conf_post_t  ngx_http_sprout_path_post = {
    ngx_http_sprout_policy_path
};

static ngx_conf_post_t  ngx_http_sprout_zone_post = {
    ngx_http_sprout_check_zone
};

static ngx_conf_post_t  ngx_http_sprout_max_body_post = {
    ngx_http_sprout_check_max_body
};


static ngx_command_t  ngx_http_sprout_commands[] = {

    { ngx_string("sprout_policy"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_sprout_main_conf_t, path),
      &ngx_http_sprout_path_post },

    { ngx_string("sprout_core_files"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_sprout_main_conf_t, core_files),
      NULL },

    { ngx_string("sprout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, mode),
      &ngx_http_sprout_modes },

    { ngx_string("sprout_usage"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, usage),
      NULL },

    { ngx_string("sprout_placement"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, placement),
      &ngx_http_sprout_placements },

    { ngx_string("sprout_with_tools"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, with_tools),
      NULL },

    { ngx_string("sprout_with_completions"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, with_completions),
      NULL },

    { ngx_string("sprout_receipts"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, receipts),
      &ngx_http_sprout_receipts },

    { ngx_string("sprout_sample"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sprout_set_sample,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, sample),
      NULL },

    { ngx_string("sprout_ping"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sprout_set_ping,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, ping),
      NULL },

    { ngx_string("sprout_zone"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, zone),
      &ngx_http_sprout_zone_post },

    { ngx_string("sprout_decode"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, decode),
      NULL },

    { ngx_string("sprout_decode_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, decode_max),
      &ngx_http_sprout_max_body_post },

    { ngx_string("sprout_max_body"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sprout_loc_conf_t, max_body),
      &ngx_http_sprout_max_body_post },

    { ngx_string("sprout_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sprout_status,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_sprout_module_ctx = {
    ngx_http_sprout_add_variables,         /* preconfiguration */
    ngx_http_sprout_init,                  /* postconfiguration */

    ngx_http_sprout_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_sprout_create_loc_conf,       /* create location configuration */
    ngx_http_sprout_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_sprout_module = {
    NGX_MODULE_V1,
    &ngx_http_sprout_module_ctx,           /* module context */
    ngx_http_sprout_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_sprout_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_sprout_add_variables(ngx_conf_t *cf)
{
    return ngx_http_sprout_vars_add(cf);
}


/* The handler runs before try_files and mirror, which were registered earlier:
 * what they see is the request as it goes upstream. */
static ngx_int_t
ngx_http_sprout_init(ngx_conf_t *cf)
{
    ngx_array_t                *log;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_sprout_handler;

    /* First of the log phase: when access_log asks for $sprout_record, the
     * request is known to be over. */
    log = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;

    if (ngx_array_push(log) == NULL) {
        return NGX_ERROR;
    }

    h = log->elts;
    ngx_memmove(h + 1, h, (log->nelts - 1) * sizeof(ngx_http_handler_pt));
    *h = ngx_http_sprout_log_handler;

    ngx_http_sprout_reply_init();

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_init_process(ngx_cycle_t *cycle)
{
    ngx_http_sprout_main_conf_t  *smcf;

    /* Cache manager and loader come here too; they serve nobody. */
    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sprout_module);
    if (smcf == NULL) {
        return NGX_OK;
    }

    if (ngx_http_sprout_worker_init(smcf->worker, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nginx has just asked for the contrary, which a worker_rlimit_core 0 does
     * not take back where core_pattern is a pipe. */
    if (smcf->core_files != 1 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "sprout: prctl(PR_SET_DUMPABLE, 0) failed");
    }

    ngx_http_sprout_policy_start(smcf, cycle->log);

    return NGX_OK;
}


static void *
ngx_http_sprout_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_sprout_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_sprout_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    smcf->core_files = NGX_CONF_UNSET;

    smcf->worker = ngx_pcalloc(cf->pool, sizeof(ngx_http_sprout_worker_t));
    if (smcf->worker == NULL) {
        return NULL;
    }

    smcf->worker->scratch = ngx_palloc(cf->pool, SPROUT_INSPECT_MEMORY);
    if (smcf->worker->scratch == NULL) {
        return NULL;
    }

    return smcf;
}


static void *
ngx_http_sprout_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_sprout_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_sprout_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    slcf->mode = NGX_CONF_UNSET_UINT;
    slcf->usage = NGX_CONF_UNSET;
    slcf->placement = NGX_CONF_UNSET_UINT;
    slcf->with_tools = NGX_CONF_UNSET;
    slcf->with_completions = NGX_CONF_UNSET;
    slcf->receipts = NGX_CONF_UNSET_UINT;
    slcf->max_body = NGX_CONF_UNSET;
    slcf->ping = NGX_CONF_UNSET_MSEC;
    slcf->decode = NGX_CONF_UNSET;
    slcf->decode_max = NGX_CONF_UNSET;
    slcf->sample = NGX_CONF_UNSET_UINT;

    return slcf;
}


static char *
ngx_http_sprout_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_sprout_loc_conf_t  *prev = parent;
    ngx_http_sprout_loc_conf_t  *conf = child;

    ngx_conf_merge_uint_value(conf->mode, prev->mode, NGX_HTTP_SPROUT_OFF);
    ngx_conf_merge_value(conf->usage, prev->usage, 1);
    ngx_conf_merge_uint_value(conf->placement, prev->placement,
                              SPROUT_PLACEMENT_AUTO);
    ngx_conf_merge_value(conf->with_tools, prev->with_tools, 0);
    ngx_conf_merge_value(conf->with_completions, prev->with_completions, 0);
    ngx_conf_merge_uint_value(conf->receipts, prev->receipts,
                              NGX_HTTP_SPROUT_RECEIPTS_ON);
    ngx_conf_merge_msec_value(conf->ping, prev->ping, 0);
    ngx_conf_merge_value(conf->decode, prev->decode, 0);
    ngx_conf_merge_off_value(conf->decode_max, prev->decode_max,
                             32 * 1024 * 1024);
    ngx_conf_merge_off_value(conf->max_body, prev->max_body, 32 * 1024 * 1024);
    ngx_conf_merge_uint_value(conf->sample, prev->sample, 0);
    ngx_conf_merge_str_value(conf->zone, prev->zone, "");

    return NGX_CONF_OK;
}


/* Below a tenth of a second a "silence" is a pause between two tokens. */
static char *
ngx_http_sprout_set_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char        *rc;
    ngx_str_t   *value;
    ngx_msec_t  *ping;

    value = cf->args->elts;
    ping = (ngx_msec_t *) ((u_char *) conf + cmd->offset);

    if (ngx_strcmp(value[1].data, "off") == 0) {
        if (*ping != NGX_CONF_UNSET_MSEC) {
            return "is duplicate";
        }

        *ping = 0;
        return NGX_CONF_OK;
    }

    rc = ngx_conf_set_msec_slot(cf, cmd, conf);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    if (*ping < 100) {
        return "must be at least 100ms, or off";
    }

    return NGX_CONF_OK;
}


/* A relative path is under the configuration's folder, as for nginx's own. */
static char *
ngx_http_sprout_policy_path(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t  *path = data;

    if (path->len == 0) {
        return "is empty: expected the path of policy.json";
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* It stands in the journal and in a header. */
static char *
ngx_http_sprout_check_zone(ngx_conf_t *cf, void *post, void *data)
{
    size_t      i;
    u_char      c;
    ngx_str_t  *zone = data;

    for (i = 0; i < zone->len; i++) {
        c = zone->data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ';') {
            return "must be letters, digits and signs such as - _ . /";
        }
    }

    if (zone->len == 0 || zone->len > SPROUT_NAME_MAX) {
        return "must be a name of 1 to 64 bytes";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_sprout_check_max_body(ngx_conf_t *cf, void *post, void *data)
{
    off_t  *size = data;

    if (*size < 1) {
        return "must be at least 1 byte";
    }

    return NGX_CONF_OK;
}
