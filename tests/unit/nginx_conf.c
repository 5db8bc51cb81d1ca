/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the nginx.conf that Sprout writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "control/nginx_conf.h"

static char text[SPROUT_NGINX_CONF_MAX + 1];
static struct sprout_error problem;

static struct sprout_config_wire wire = {.usage = true};

static enum sprout_status render(const char *upstream, const char *dir, const char *user)
{
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_config_default(&c), SPROUT_OK);
    free(c->upstream);
    c->upstream = strdup(upstream);
    c->wire = wire;
    const struct sprout_nginx_opts opts = {
        .config = c,
        .dir = dir,
        .listen = "127.0.0.1:8080",
        .module = "/usr/lib/sprout/ngx_http_sprout_module.so",
        .user = user,
    };
    struct sprout_buf b = sprout_buf_of(text, SPROUT_NGINX_CONF_MAX);
    const enum sprout_status status = sprout_nginx_conf_put(&b, &opts, &problem);
    text[b.len] = '\0';
    sprout_config_free(c);
    return status;
}

static void assert_has(const char *part)
{
    if (strstr(text, part) == NULL) {
        print_message("no '%s' in:\n%s", part, text);
        fail();
    }
}

static void all_files_lie_in_the_folder(void **state)
{
    (void)state;
    assert_int_equal(render("http://127.0.0.1:8000", "/srv/my sprout", NULL), SPROUT_OK);
    assert_has("pid \"/srv/my sprout/nginx.pid\";");
    assert_has("error_log \"/srv/my sprout/error.log\" warn;");
    assert_has("sprout_policy \"/srv/my sprout/policy.json\";");
    assert_has("access_log \"/srv/my sprout/journal.ndjson\" sprout if=$sprout_record;");
    static const char *const temp[] = {"client_body", "proxy", "fastcgi", "uwsgi",
                                       "scgi"};
    for (size_t i = 0; i < 5; i++) {
        char line[100];
        snprintf(line, sizeof line, "%s_temp_path \"/srv/my sprout/", temp[i]);
        assert_has(line);
    }
    assert_null(strstr(text, "user "));
    assert_null(strstr(text, "/etc/nginx"));
    assert_null(strstr(text, "/var/"));
}

static void what_is_switched_on_the_wire_is_said_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(render("http://127.0.0.1:8000", "/srv", NULL), SPROUT_OK);
    assert_null(strstr(text, "sprout_usage"));
    assert_null(strstr(text, "sprout_decode"));
    assert_null(strstr(text, "sprout_ping"));
    wire = (struct sprout_config_wire){.decode = true, .ping_s = 15};
    assert_int_equal(render("http://127.0.0.1:8000", "/srv", NULL), SPROUT_OK);
    assert_has("            sprout_usage off;\n");
    assert_has("            sprout_decode on;\n            sprout_decode_max 64m;\n");
    assert_has("            sprout_ping 15s;\n");
    wire = (struct sprout_config_wire){.usage = true};
}

static void root_runs_its_workers_as_root_only_when_told(void **state)
{
    (void)state;
    assert_int_equal(render("http://127.0.0.1:8000", "/srv", "root"), SPROUT_OK);
    assert_has("user root;");
}

static void a_plain_upstream_keeps_the_uri_as_it_came(void **state)
{
    (void)state;
    assert_int_equal(render("http://127.0.0.1:8000", "/srv", NULL), SPROUT_OK);
    assert_has("server 127.0.0.1:8000;");
    assert_has("proxy_pass http://sprout_upstream;");
    assert_has("proxy_set_header Host 127.0.0.1:8000;");
    assert_null(strstr(text, "proxy_ssl"));
    assert_int_equal(render("http://host/", "/srv", NULL), SPROUT_OK);
    assert_has("server host:80;");
    assert_has("proxy_pass http://sprout_upstream;");
}

static void a_prefix_and_tls_are_carried_over(void **state)
{
    (void)state;
    assert_int_equal(render("https://api.example.com/team/", "/srv", NULL), SPROUT_OK);
    assert_has("server api.example.com:443;");
    assert_has("proxy_pass https://sprout_upstream/team/;");
    assert_has("proxy_set_header Host api.example.com;");
    assert_has("proxy_ssl_name api.example.com;");
    assert_has("proxy_ssl_verify on;");
    assert_int_equal(render("http://[::1]:8000", "/srv", NULL), SPROUT_OK);
    assert_has("server [::1]:8000;");
    assert_int_equal(render("http://[::1]", "/srv", NULL), SPROUT_OK);
    assert_has("server [::1]:80;");
}

static void what_nginx_would_misread_is_refused(void **state)
{
    (void)state;
    static const char *const upstreams[] = {
        "",           "127.0.0.1:8000", "http://",
        "http:///x",  "http://a\";b",   "http://$host",
        "http://a;b", "http://a/{x}",   "http://u:p@a",
    };
    for (size_t i = 0; i < sizeof upstreams / sizeof upstreams[0]; i++) {
        assert_int_equal(render(upstreams[i], "/srv", NULL), SPROUT_INVALID);
    }
    assert_int_equal(render("http://a:1", "/srv/\"x", NULL), SPROUT_INVALID);
    assert_int_equal(render("http://a:1", "/srv/$x", NULL), SPROUT_INVALID);
    assert_int_equal(render("http://a:1", "/srv/a\nb", NULL), SPROUT_INVALID);
    assert_non_null(strstr(problem.message, "the folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_files_lie_in_the_folder),
        cmocka_unit_test(what_is_switched_on_the_wire_is_said_and_nothing_else),
        cmocka_unit_test(root_runs_its_workers_as_root_only_when_told),
        cmocka_unit_test(a_plain_upstream_keeps_the_uri_as_it_came),
        cmocka_unit_test(a_prefix_and_tls_are_carried_over),
        cmocka_unit_test(what_nginx_would_misread_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
