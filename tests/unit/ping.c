/* SPDX-License-Identifier: Apache-2.0 */
/* Where a ping may stand in a stream: never inside a frame, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/ping.h"

/* '|' marks every place where a ping may stand. */
static void check(const char *marked)
{
    struct sprout_ping p = {0};
    for (size_t i = 0; marked[i] != '\0'; i++) {
        const bool expected = marked[i] == '|';
        if (sprout_ping_may(&p) != expected) {
            fail_msg("%s: at %zu", marked, i);
        }
        i += expected;
        if (marked[i] == '\0') {
            return;
        }
        sprout_ping_see(&p, &marked[i], 1);
    }
    assert_false(sprout_ping_may(&p));
}

static void a_ping_stands_between_events_only(void **state)
{
    (void)state;
    check("|data: x\n\n|data: y\n\n|");
    check("|event: a\ndata: x\n\n|data");
    check("|data: x\r\n\r\n|id: 1\r\ndata: y\r\n\r\n|");
    check("|: comment\n|: another\n|\n|data: x\n: inside\n");
    check("|data: x\n\n|\n|\r\n|");
}

static void a_stream_of_lone_returns_gets_none(void **state)
{
    (void)state;
    check("|data: x\r\rdata: y\r\r");
    check("|\rdata: x\n");
}

static void a_ping_has_the_form_of_its_api(void **state)
{
    (void)state;
    const struct sprout_dialect *chat = sprout_dialect_named(SPROUT_STR("openai-chat"));
    const struct sprout_dialect *messages =
        sprout_dialect_named(SPROUT_STR("anthropic-messages"));
    assert_true(sprout_str_eq(sprout_ping_text(chat), SPROUT_STR(": ping\n")));
    assert_true(sprout_str_eq(sprout_ping_text(messages),
                              SPROUT_STR("event: ping\ndata: {\"type\":\"ping\"}\n\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ping_stands_between_events_only),
        cmocka_unit_test(a_stream_of_lone_returns_gets_none),
        cmocka_unit_test(a_ping_has_the_form_of_its_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
