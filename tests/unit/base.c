/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base: text, writer, arena, hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"

static void siphash_gives_the_values_of_its_paper(void **state)
{
    (void)state;
    /* Appendix A: key 00..0f, input 00..0e. */
    const struct sprout_hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    unsigned char in[15];
    for (unsigned char i = 0; i < sizeof in; i++) {
        in[i] = i;
    }
    const struct sprout_str s = {(const char *)in, sizeof in};
    assert_int_equal(sprout_hash_str(key, s), 0xa129ca6149be45e5);
    assert_int_equal(sprout_hash_str(key, (struct sprout_str){0}), 0x726fdb47dd0e0e31);
}

static void a_hash_does_not_depend_on_how_the_input_is_cut(void **state)
{
    (void)state;
    const struct sprout_hash_key key = {1, 2};
    const struct sprout_str s = SPROUT_STR("the quick brown fox jumps over it");
    for (size_t a = 0; a <= s.len; a++) {
        for (size_t b = a; b <= s.len; b++) {
            struct sprout_hash h = sprout_hash_begin(key);
            sprout_hash_feed(&h, s.ptr, a);
            sprout_hash_feed(&h, s.ptr + a, b - a);
            sprout_hash_feed(&h, s.ptr + b, s.len - b);
            assert_int_equal(sprout_hash_end(h), sprout_hash_str(key, s));
        }
    }
}

static void an_arena_that_ran_out_stays_spent(void **state)
{
    (void)state;
    char block[128];
    struct sprout_arena a = sprout_arena_of(block + 1, sizeof block - 1);
    void *p = sprout_arena_alloc(&a, 32);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
    assert_null(sprout_arena_alloc(&a, 128));
    assert_null(sprout_arena_alloc(&a, 1));
    assert_true(a.spent);

    struct sprout_arena b = sprout_arena_of(block, sizeof block);
    assert_null(sprout_arena_array(&b, SIZE_MAX / 2, 3));
}

static void a_full_buffer_drops_and_says_so(void **state)
{
    (void)state;
    char memory[8];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_buf_put(&b, SPROUT_STR("1234567"));
    assert_false(b.full);
    sprout_buf_put(&b, SPROUT_STR("89"));
    sprout_buf_put(&b, SPROUT_STR("x"));
    assert_true(b.full);
    assert_int_equal(b.len, 7);
}

static void check_f64(double v, const char *expected)
{
    char memory[64];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_buf_f64(&b, v);
    assert_true(sprout_str_eq(sprout_buf_str(&b), sprout_str_of(expected)));
}

static void doubles_are_written_short_and_exact(void **state)
{
    (void)state;
    check_f64(0.1, "0.1");
    check_f64(1.0 / 3, "0.3333333333333333");
    check_f64(1e300, "1e+300");
    check_f64(0.1 + 0.2, "0.30000000000000004");
    check_f64(1.0 / 0.0, "null");
}

static void json_strings_are_escaped_and_always_utf8(void **state)
{
    (void)state;
    char memory[128];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_buf_json(&b, SPROUT_STR("a\"\\\n\x01\xff\xc3\xa9"));
    const struct sprout_str want =
        SPROUT_STR("\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xc3\xa9\"");
    assert_true(sprout_str_eq(sprout_buf_str(&b), want));
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    int64_t i = 7;
    double d = 7;
    assert_int_equal(sprout_str_to_i64(SPROUT_STR("-42"), &i), SPROUT_OK);
    assert_int_equal(i, -42);
    assert_int_equal(sprout_str_to_i64(SPROUT_STR("42x"), &i), SPROUT_SYNTAX);
    assert_int_equal(sprout_str_to_i64(SPROUT_STR(" 42"), &i), SPROUT_SYNTAX);
    assert_int_equal(sprout_str_to_i64(SPROUT_STR("9223372036854775808"), &i),
                     SPROUT_LIMIT);
    assert_int_equal(i, -42);
    assert_int_equal(sprout_str_to_f64(SPROUT_STR("1e400"), &d), SPROUT_LIMIT);
    assert_int_equal(sprout_str_to_f64(SPROUT_STR("nan"), &d), SPROUT_SYNTAX);
    assert_int_equal(sprout_str_to_f64(SPROUT_STR("0x10"), &d), SPROUT_SYNTAX);
    assert_int_equal(sprout_str_to_f64(SPROUT_STR("2.5e1"), &d), SPROUT_OK);
    assert_true(d == 25);
}

static void globs_match_as_a_person_expects(void **state)
{
    (void)state;
    assert_true(sprout_str_glob(SPROUT_STR("*"), SPROUT_STR("")));
    assert_true(sprout_str_glob(SPROUT_STR("/a/*/c"), SPROUT_STR("/a/b/b/c")));
    assert_true(sprout_str_glob(SPROUT_STR("gpt-?*"), SPROUT_STR("gpt-4o")));
    assert_false(sprout_str_glob(SPROUT_STR("gpt-?"), SPROUT_STR("gpt-")));
    assert_false(sprout_str_glob(SPROUT_STR(""), SPROUT_STR("x")));
    assert_true(sprout_str_glob(SPROUT_STR("a*b*c"), SPROUT_STR("aXbYbZc")));
}

static void utf8_is_checked_to_the_letter(void **state)
{
    (void)state;
    assert_true(sprout_str_utf8(SPROUT_STR("a\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80")));
    assert_false(sprout_str_utf8(SPROUT_STR("\xc0\x80")));         /* overlong */
    assert_false(sprout_str_utf8(SPROUT_STR("\xed\xa0\x80")));     /* surrogate */
    assert_false(sprout_str_utf8(SPROUT_STR("\xf4\x90\x80\x80"))); /* above U+10FFFF */
    assert_false(sprout_str_utf8(SPROUT_STR("\xe4\xbd")));         /* cut */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_values_of_its_paper),
        cmocka_unit_test(a_hash_does_not_depend_on_how_the_input_is_cut),
        cmocka_unit_test(an_arena_that_ran_out_stays_spent),
        cmocka_unit_test(a_full_buffer_drops_and_says_so),
        cmocka_unit_test(doubles_are_written_short_and_exact),
        cmocka_unit_test(json_strings_are_escaped_and_always_utf8),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(globs_match_as_a_person_expects),
        cmocka_unit_test(utf8_is_checked_to_the_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
