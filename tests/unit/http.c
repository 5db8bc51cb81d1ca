/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client's edges; its traffic is tested by flows against real servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapt/http.h"

static void a_refused_connection_says_where_but_no_key_and_no_query(void **state)
{
    char reply[100];
    struct sprout_http_call call = {.url = "http://me:secret@127.0.0.1:1/v1/x?key=hush",
                                    .bearer = "sk-12345",
                                    .reply = sprout_buf_of(reply, sizeof reply)};
    const struct sprout_http_opts opts = {.timeout = sprout_span_seconds(5)};
    (void)state;
    sprout_http_run(&call, 1, &opts);
    assert_int_equal(call.status, SPROUT_UNAVAILABLE);
    assert_int_equal(call.code, 0);
    assert_non_null(strstr(call.why, "127.0.0.1:1/v1/x"));
    assert_null(strstr(call.why, "hush"));
    assert_null(strstr(call.why, "secret"));
    assert_null(strstr(call.why, "sk-"));
}

static void a_stopped_run_ends_every_call(void **state)
{
    atomic_bool stop = true;
    struct sprout_http_call calls[3] = {
        {.url = "http://127.0.0.1:1/"}, {.url = "file:///etc/passwd"}, {.url = "x"}};
    const struct sprout_http_opts opts = {.stop = &stop};
    (void)state;
    sprout_http_run(calls, 3, &opts);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(calls[i].status, SPROUT_UNAVAILABLE);
    }
    atomic_store(&stop, false);
    sprout_http_run(calls, 3, &opts);
    for (int i = 0; i < 3; i++) { /* other schemes than http are no way out */
        assert_int_not_equal(calls[i].status, SPROUT_OK);
    }
}

static void a_key_comes_from_a_file_or_the_environment(void **state)
{
    char path[] = "/tmp/sprout-key-XXXXXX", *key = NULL;
    struct sprout_error err = {.message = ""};
    (void)state;
    const int fd = mkstemp(path);
    assert_int_equal(write(fd, " sk-abc \nrest\n", 14), 14);
    close(fd);
    assert_int_equal(sprout_http_key(path, "", &key, &err), SPROUT_OK);
    assert_string_equal(key, "sk-abc");
    free(key);
    setenv("SPROUT_TEST_KEY", "sk-env", 1);
    assert_int_equal(sprout_http_key("", "SPROUT_TEST_KEY", &key, &err), SPROUT_OK);
    assert_string_equal(key, "sk-env");
    free(key);
    setenv("SPROUT_TEST_KEY", "sk e\nnv", 1);
    assert_int_equal(sprout_http_key("", "SPROUT_TEST_KEY", &key, &err), SPROUT_INVALID);
    assert_null(strstr(err.message, "sk e"));
    assert_int_equal(sprout_http_key("", "", &key, &err), SPROUT_OK);
    assert_string_equal(key, "");
    free(key);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_says_where_but_no_key_and_no_query),
        cmocka_unit_test(a_stopped_run_ends_every_call),
        cmocka_unit_test(a_key_comes_from_a_file_or_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
