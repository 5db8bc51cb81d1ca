/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the weights file: what may decide requests, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapt/file.h"
#include "adapt/weights.h"

static struct sprout_file file;

static int read_file(void **state)
{
    (void)state;
    return (int)sprout_file_read("data/predictor/default.weights",
                                 SPROUT_PREDICT_BYTES_MAX, &file, NULL);
}

static int free_file(void **state)
{
    (void)state;
    sprout_file_free(&file);
    return 0;
}

static enum sprout_status view(size_t len)
{
    struct sprout_predictor p;
    return sprout_predictor_view(file.bytes, len, &p, NULL);
}

static void whole_weights_are_taken(void **state)
{
    (void)state;
    assert_int_equal(view(file.len), SPROUT_OK);
    assert_true(file.len <= SPROUT_PREDICT_BYTES_MAX);
}

static void a_flipped_bit_is_refused_wherever_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        const size_t at = i < 40 ? i : (i - 39) * (file.len / 26);
        file.bytes[at] = (char)(file.bytes[at] ^ 1 << i % 8);
        assert_int_not_equal(view(file.len), SPROUT_OK);
        file.bytes[at] = (char)(file.bytes[at] ^ 1 << i % 8);
    }
    assert_int_equal(view(file.len), SPROUT_OK);
}

static void weights_cut_short_are_refused(void **state)
{
    (void)state;
    assert_int_equal(view(0), SPROUT_INVALID);
    assert_int_equal(view(100), SPROUT_INVALID);
    assert_int_equal(view(file.len - 1), SPROUT_INVALID);
}

static void a_missing_file_is_not_found_and_another_is_no_weights(void **state)
{
    (void)state;
    struct sprout_weights w;
    struct sprout_error err;
    assert_int_equal(sprout_weights_open("data/predictor/none", &w, &err),
                     SPROUT_NOT_FOUND);
    assert_int_equal(sprout_weights_open("README.md", &w, &err), SPROUT_INVALID);
    assert_non_null(strstr(err.message, "README.md"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_weights_are_taken),
        cmocka_unit_test(a_flipped_bit_is_refused_wherever_it_is),
        cmocka_unit_test(weights_cut_short_are_refused),
        cmocka_unit_test(a_missing_file_is_not_found_and_another_is_no_weights),
    };
    return cmocka_run_group_tests_name("weights", tests, read_file, free_file);
}
