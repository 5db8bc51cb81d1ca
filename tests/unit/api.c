/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the admin API, asked over real sockets in one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/address.h"
#include "control/api.h"
#include "policy_fixture.h"

enum { ANSWER = 1 << 16, TURNS = 2000 };

static struct policy_fixture fixture;
static bool with_policy, with_ledger;
static char answer[ANSWER];

static void fill(void *ctx, struct sprout_snapshot *out)
{
    (void)ctx;
    *out = (struct sprout_snapshot){
        .now = {INT64_C(1500) * SPROUT_NS_PER_SECOND},
        .started = {INT64_C(1000) * SPROUT_NS_PER_SECOND},
        .pid = 42,
        .dir = "/dir",
        .upstream = "http://u",
        .listen = "127.0.0.1:1",
        .admin = "127.0.0.1:2",
        .place = {{.grid = SPROUT_GRID_VALUE_NONE}},
        .places = 1,
        .policy = with_policy ? policy_fixture_init(&fixture) : NULL,
        .plan_error = "",
        .ledger_open = with_ledger,
        .ledger_error = with_ledger ? "" : "the disk is full",
        .journal_trouble = "",
        .lag_bytes = -1,
        .groups = 1,
    };
    out->why.grams_mix.v = NAN;
    out->why.range = SPROUT_GRID_RANGE_NONE;
    snprintf(out->group[0].level, sizeof out->group[0].level, "L\"1");
    snprintf(out->group[0].arm, sizeof out->group[0].arm, "mix");
    out->group[0].sum.requests = 3;
    out->group[0].sum.outcome[SPROUT_OUTCOME_OK] = 2;
    out->group[0].sum.energy_uj = 1500000;
}

static struct sprout_api *start(const char *address)
{
    struct sprout_api *api = NULL;
    struct sprout_error err = {.message = ""};
    if (sprout_api_new(address, fill, NULL, &api, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    return api;
}

static int connect_tcp(const char *address)
{
    struct sprout_address a;
    assert_int_equal(sprout_address_find(address, &a, NULL), SPROUT_OK);
    const int fd = socket(a.at.ss_family, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a.at, a.len), 0);
    return fd;
}

/* Sends the request and turns the API's loop until the peer closes; the status code. */
static int ask_on(struct sprout_api *api, int fd, const char *request)
{
    size_t n = 0;
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    for (int turn = 0; turn < TURNS; turn++) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                               {.fd = sprout_api_fd(api), .events = POLLIN}};
        poll(fds, 2, sprout_api_timeout_ms(api, 10));
        sprout_api_run(api);
        const ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, MSG_DONTWAIT);
        if (got == 0) {
            break;
        }
        n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    answer[n] = '\0';
    int code = 0;
    assert_int_equal(sscanf(answer, "HTTP/1.1 %d", &code), 1);
    return code;
}

static int ask(struct sprout_api *api, const char *method, const char *path,
               const char *host)
{
    char request[256];
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, path,
             host);
    return ask_on(api, connect_tcp(sprout_api_address(api)), request);
}

static const char *body(void)
{
    const char *const end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void health_needs_nothing_and_ready_needs_policy_and_ledger(void **state)
{
    (void)state;
    struct sprout_api *const api = start("127.0.0.1:0");
    with_policy = with_ledger = false;
    assert_int_equal(ask(api, "GET", "/healthz", "localhost"), 200);
    assert_int_equal(ask(api, "GET", "/readyz", "localhost"), 503);
    assert_non_null(strstr(body(), "the disk is full"));
    assert_non_null(strstr(body(), "a first policy"));
    with_policy = true;
    assert_int_equal(ask(api, "GET", "/readyz", "localhost"), 503);
    with_ledger = true;
    assert_int_equal(ask(api, "GET", "/readyz", "127.0.0.1:99"), 200);
    assert_string_equal(body(), "{\"ready\":true,\"waiting_for\":[]}\n");
    sprout_api_free(api);
}

static void status_is_json_in_which_unknown_is_null(void **state)
{
    (void)state;
    struct sprout_api *const api = start("127.0.0.1:0");
    with_policy = with_ledger = true;
    assert_int_equal(ask(api, "GET", "/v1/status", "localhost"), 200);
    json_t *const s = json_loads(body(), 0, NULL);
    const json_t *const grid = json_object_get(s, "grid");
    assert_true(json_is_null(json_object_get(grid, "g_per_kwh")));
    const json_t *const policy = json_object_get(s, "policy");
    assert_true(json_is_null(json_object_get(policy, "grams_expected")));
    assert_int_equal(json_array_size(json_object_get(policy, "levels")), 3);
    const json_t *const group = json_array_get(json_object_get(s, "requests"), 0);
    assert_string_equal(json_string_value(json_object_get(group, "level")), "L\"1");
    assert_int_equal(json_integer_value(json_object_get(group, "ok")), 2);
    json_decref(s);
    sprout_api_free(api);
}

static void metrics_escape_labels_and_carry_units(void **state)
{
    (void)state;
    struct sprout_api *const api = start("127.0.0.1:0");
    with_policy = with_ledger = true;
    assert_int_equal(ask(api, "GET", "/metrics", "localhost"), 200);
    assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
    assert_non_null(strstr(
        body(),
        "\nsprout_requests_total{level=\"L\\\"1\",arm=\"mix\",outcome=\"ok\"} 2\n"));
    assert_non_null(strstr(
        body(), "\nsprout_energy_joules_total{level=\"L\\\"1\",arm=\"mix\"} 1.5\n"));
    assert_non_null(strstr(body(), "\nsprout_grid_age_seconds NaN\n"));
    assert_non_null(strstr(body(), "\nsprout_journal_lag_bytes NaN\n"));
    sprout_api_free(api);
}

static void what_is_not_there_and_what_is_not_allowed_is_said(void **state)
{
    (void)state;
    struct sprout_api *const api = start("127.0.0.1:0");
    assert_int_equal(ask(api, "GET", "/", "localhost"), 404);
    assert_int_equal(ask(api, "POST", "/healthz", "localhost"), 405);
    sprout_api_free(api);
}

static void a_host_that_is_not_this_machine_is_refused(void **state)
{
    (void)state;
    static const char *const local[] = {"localhost",    "LOCALHOST:1", "127.0.0.1",
                                        "127.9.9.9:80", "[::1]",       "[::1]:80"};
    static const char *const foreign[] = {"evil.example", "127.0.0.1.evil.example",
                                          "localhost.evil.example", "10.0.0.1", "[::2]"};
    struct sprout_api *const api = start("127.0.0.1:0");
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        assert_int_equal(ask(api, "GET", "/healthz", local[i]), 200);
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_int_equal(ask(api, "GET", "/healthz", foreign[i]), 403);
    }
    sprout_api_free(api);
}

static void only_loopback_addresses_are_listened_on(void **state)
{
    (void)state;
    static const char *const bad[] = {"0.0.0.0:0", "*:0", "[::]:0", "nonsense",
                                      "127.0.0.1:port"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sprout_api *api = NULL;
        struct sprout_error err = {.message = ""};
        assert_int_equal(sprout_api_new(bad[i], fill, NULL, &api, &err), SPROUT_INVALID);
        assert_null(api);
        assert_true(err.message[0] != '\0');
    }
}

static void a_taken_address_is_busy(void **state)
{
    (void)state;
    struct sprout_api *const api = start("127.0.0.1:0");
    struct sprout_api *second = NULL;
    assert_int_equal(sprout_api_new(sprout_api_address(api), fill, NULL, &second, NULL),
                     SPROUT_BUSY);
    sprout_api_free(api);
}

static void a_unix_socket_is_private_and_a_stale_one_is_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/sprout-api-XXXXXX", address[64];
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct stat st;
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/admin.sock", folder);
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/admin.sock", folder);

    const int dead = socket(AF_UNIX, SOCK_STREAM, 0); /* bound and left, as by kill -9 */
    assert_int_equal(bind(dead, (struct sockaddr *)&sun, sizeof sun), 0);
    close(dead);

    struct sprout_api *const api = start(address);
    assert_int_equal(stat(sun.sun_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct sprout_api *second = NULL; /* one that lives is not pushed away */
    assert_int_equal(sprout_api_new(address, fill, NULL, &second, NULL), SPROUT_BUSY);

    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
    assert_int_equal(ask_on(api, fd,
                            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                            "Connection: close\r\n\r\n"),
                     200);
    sprout_api_free(api);
    assert_int_not_equal(stat(sun.sun_path, &st), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_needs_nothing_and_ready_needs_policy_and_ledger),
        cmocka_unit_test(status_is_json_in_which_unknown_is_null),
        cmocka_unit_test(metrics_escape_labels_and_carry_units),
        cmocka_unit_test(what_is_not_there_and_what_is_not_allowed_is_said),
        cmocka_unit_test(a_host_that_is_not_this_machine_is_refused),
        cmocka_unit_test(only_loopback_addresses_are_listened_on),
        cmocka_unit_test(a_taken_address_is_busy),
        cmocka_unit_test(a_unix_socket_is_private_and_a_stale_one_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
