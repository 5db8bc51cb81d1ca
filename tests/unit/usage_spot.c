/* SPDX-License-Identifier: Apache-2.0 */
/* The spot in a reply where usage.carbon goes: found wherever the bytes are cut, or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/usage_spot.h"

static bool find(const char *text, size_t piece, struct sprout_usage_spot *s)
{
    const size_t len = strlen(text);
    sprout_usage_spot_start(s);
    for (size_t i = 0; i < len; i += piece) {
        sprout_usage_spot_feed(s, text + i, len - i < piece ? len - i : piece);
    }
    return sprout_usage_spot_finish(s);
}

static void it_is_the_brace_that_ends_the_reply_s_own_usage(void **state)
{
    (void)state;
    static const char text[] = "{\"choices\":[{\"usage\":{\"carbon\":1}}],\"usage\" : "
                               "{\"a\":{\"b\":1} } ,\"z\":1}";
    const char *const brace = strstr(text, " } ,\"z\"") + 1;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct sprout_usage_spot s;
        assert_true(find(text, piece, &s));
        assert_int_equal(s.at, brace - text);
        assert_false(s.empty);
    }
    struct sprout_usage_spot s;
    assert_true(find("{\"usage\":{ }}", 4, &s));
    assert_true(s.empty);
}

static void there_is_none_where_nothing_may_be_added(void **state)
{
    (void)state;
    static const char *const none[] = {
        "{}",
        "[]",
        "{\"usage\":null}",
        "{\"usage\":7}",
        "{\"usage\":{\"carbon\":null}}",
        "{\"usage\":{\"a\":1},\"usage\":{\"a\":1}}",
        "{\"usage\":{\"a\":1}",
        "{\"usage\":{\"a\":1}} x",
        "",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct sprout_usage_spot s;
        assert_false(find(none[i], 3, &s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_brace_that_ends_the_reply_s_own_usage),
        cmocka_unit_test(there_is_none_where_nothing_may_be_added),
    };
    return cmocka_run_group_tests_name("usage_spot", tests, NULL, NULL);
}
