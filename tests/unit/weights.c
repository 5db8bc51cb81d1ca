/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the weights file: what may decide requests, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
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

static bool is_there(const char *dir, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void in_a_folder_they_are_named_by_their_id_and_swept(void **state)
{
    (void)state;
    char dir[] = "/tmp/sprout-weights-XXXXXX", name[SPROUT_WEIGHTS_ID_NAME_MAX];
    static const char *const others[] = {
        "predictor-00000000000000aa.weights", "predictor-00000000000000ab.weights",
        "predictor-00000000000000ab.weights.tmp77", "predictor-mine.weights",
        "predictor-00000000000000ab.weights.bak"};
    struct sprout_weights w;
    struct sprout_predictor p;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(sprout_predictor_view(file.bytes, file.len, &p, NULL), SPROUT_OK);
    assert_int_equal(sprout_weights_write_id(dir, p.id, file.bytes, file.len, NULL),
                     SPROUT_OK);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, others[i]);
        assert_int_equal(sprout_weights_write(path, file.bytes, file.len, NULL),
                         SPROUT_OK);
    }
    assert_int_equal(sprout_weights_open_id(dir, p.id, &w, NULL), SPROUT_OK);
    sprout_weights_close(&w);
    assert_int_equal(sprout_weights_open_id(dir, 0xaa, &w, NULL), SPROUT_INVALID);
    assert_int_equal(sprout_weights_open_id(dir, 0xac, &w, NULL), SPROUT_NOT_FOUND);

    const uint64_t keep[] = {p.id, 0xaa};
    sprout_weights_sweep(dir, keep, 2);
    sprout_weights_name(p.id, name);
    assert_true(is_there(dir, name) && is_there(dir, others[0]));
    assert_false(is_there(dir, others[1]) || is_there(dir, others[2]));
    assert_true(is_there(dir, others[3]) && is_there(dir, others[4])); /* not ours */

    const char *const left[] = {name, others[0], others[3], others[4]};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, left[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_weights_are_taken),
        cmocka_unit_test(a_flipped_bit_is_refused_wherever_it_is),
        cmocka_unit_test(weights_cut_short_are_refused),
        cmocka_unit_test(in_a_folder_they_are_named_by_their_id_and_swept),
        cmocka_unit_test(a_missing_file_is_not_found_and_another_is_no_weights),
    };
    return cmocka_run_group_tests_name("weights", tests, read_file, free_file);
}
