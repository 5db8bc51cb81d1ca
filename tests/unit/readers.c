/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the whole-file readers: what is damaged is named by file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "adapt/csv.h"
#include "adapt/evaluations.h"
#include "adapt/file.h"
#include "adapt/requests.h"

#define NUMBERS "{\"L0\":1,\"L1\":0.5,\"L2\":0.25,\"L0_7b\":0.6}"
#define LINE(id, rest)                                                                   \
    "{\"id\":\"" id "\",\"prompt\":\"secret text\",\"energy_wh\":" NUMBERS               \
    ",\"time_s\":" NUMBERS rest "}\n"

static char folder[] = "/tmp/sprout-readers-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/task.jsonl", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *const f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_named(const struct sprout_error *err, const char *part)
{
    if (strstr(err->message, part) == NULL || strstr(err->message, folder) == NULL ||
        strstr(err->message, "secret") != NULL) {
        fail_msg("'%s' should name the file and hold '%s'", err->message, part);
    }
}

static void quotes_line_ends_and_marks_of_csv_are_understood(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBFName,Value\r\n\r\n\"a, \"\"b\"\"\n\",1.5\nc,";
    struct sprout_csv csv = sprout_csv_begin(sprout_str_of(text));
    struct sprout_csv_row row;
    double v = 0;
    assert_int_equal(sprout_csv_next(&csv, &row, NULL), SPROUT_OK);
    assert_int_equal(sprout_csv_column(&row, SPROUT_STR("value")), 1);
    assert_int_equal(sprout_csv_column(&row, SPROUT_STR("none")), -1);
    assert_int_equal(sprout_csv_next(&csv, &row, NULL), SPROUT_OK);
    assert_int_equal(row.line, 3);
    assert_true(sprout_str_eq(row.field[0], SPROUT_STR("a, \"b\"\n")));
    assert_int_equal(sprout_csv_f64(&row, 1, &v, NULL), SPROUT_OK);
    assert_true(v == 1.5);
    assert_int_equal(sprout_csv_next(&csv, &row, NULL), SPROUT_OK);
    assert_int_equal(row.line, 5);
    assert_int_equal(row.count, 2);
    assert_int_equal(sprout_csv_f64(&row, 1, &v, NULL), SPROUT_INVALID);
    assert_int_equal(sprout_csv_next(&csv, &row, NULL), SPROUT_NOT_FOUND);
}

static void a_quote_that_is_not_closed_is_named_where_it_opens(void **state)
{
    (void)state;
    struct sprout_csv csv = sprout_csv_begin(SPROUT_STR("a,b\nc,\"d\ne"));
    struct sprout_csv_row row;
    struct sprout_error err = {0};
    assert_int_equal(sprout_csv_next(&csv, &row, &err), SPROUT_OK);
    assert_int_equal(sprout_csv_next(&csv, &row, &err), SPROUT_SYNTAX);
    assert_int_equal(err.line, 2);
}

static void assert_mix_refused(const char *text, const char *part)
{
    struct sprout_mix_table t;
    struct sprout_error err = {0};
    write_file(text);
    assert_int_not_equal(sprout_mix_read(path, &t, &err), SPROUT_OK);
    assert_named(&err, part);
}

static void a_mix_is_read_and_a_bad_one_refused(void **state)
{
    (void)state;
    struct sprout_mix_table t;
    write_file("hour,a,b\n0,0.25,0.75\n1,1,0\n");
    assert_int_equal(sprout_mix_read(path, &t, NULL), SPROUT_OK);
    assert_int_equal(t.hours, 2);
    assert_true(sprout_mix_row(&t, 0)[1] == 0.75);
    sprout_mix_free(&t);

    assert_mix_refused("", "empty");
    assert_mix_refused("a,b\n0,1\n", "'hour'");
    assert_mix_refused("hour,a,b\n", "no hour");
    assert_mix_refused("hour,a,b\n0,0.25,0.75\n1,0.5,0.4\n",
                       "line 3: the shares sum to 0.9");
    assert_mix_refused("hour,a,b\n0,0.25,0.75\n2,1,0\n", "line 3: hour is 2");
    assert_mix_refused("hour,a,b\n0,1.5,-0.5\n", "line 2");
    assert_mix_refused("hour,a,b\n0,0.25\n", "line 2");
    assert_mix_refused("hour,a,b\n0,0.25,many\n", "line 2");
    assert_mix_refused("hour,a,a\n0,0.25,0.75\n", "line 1: column 3: task 'a'");
}

static void means_without_an_option_are_refused(void **state)
{
    (void)state;
    struct sprout_means *const m = calloc(1, sizeof *m);
    struct sprout_error err = {0};
    static const char good[] =
        "task,option,prompts,energy_wh,time_s,judged,preferred_share\n"
        "a,L0,9,1,2,9,0.5\na,L1,9,1,2,9,0.3\na,L2,9,1,2,9,0.2\n";
    char text[512];
    snprintf(text, sizeof text, "%sa,L0_7b,9,3,4,,\n", good);
    write_file(text);
    assert_int_equal(sprout_means_read(path, m, &err), SPROUT_OK);
    assert_true(m->task[0].energy[3].v == 3 * 3600.0);
    assert_true(m->task[0].preferred[1] == 0.3);

    write_file(good);
    assert_int_equal(sprout_means_read(path, m, &err), SPROUT_INVALID);
    assert_named(&err, "task 'a'");
    snprintf(text, sizeof text, "%sa,L1,9,3,4,,\n", good);
    write_file(text);
    assert_int_equal(sprout_means_read(path, m, &err), SPROUT_INVALID);
    assert_named(&err, "line 5");
    free(m);
}

static void assert_requests_refused(const char *text, const char *part)
{
    struct sprout_requests r;
    struct sprout_error err = {0};
    write_file(text);
    assert_int_not_equal(sprout_requests_read(folder, &r, &err), SPROUT_OK);
    assert_named(&err, part);
}

static void requests_are_read_and_damaged_lines_named_without_their_text(void **state)
{
    (void)state;
    struct sprout_requests r;
    struct sprout_error err = {0};
    write_file(LINE("x", "") LINE("y", ",\"preferred\":\"L1\",\"reference\":\"R\"") "\n");
    if (sprout_requests_read(folder, &r, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(r.count, 2);
    assert_int_equal(r.task_judged[0], 1);
    assert_string_equal(r.task[0], "task");
    assert_true(sprout_str_eq(r.request[0].prompt, SPROUT_STR("secret text")));
    assert_int_equal(r.request[0].preferred, -1);
    assert_int_equal(r.request[1].preferred, 1);
    assert_true(r.request[0].energy[1].v == 1800);
    assert_true(r.request[0].reference.ptr == NULL);
    assert_true(sprout_str_eq(r.request[1].reference, SPROUT_STR("R")));
    sprout_requests_free(&r);

    assert_requests_refused(LINE("x", "") "{\"id\":\"secret", "line 2");
    assert_requests_refused(LINE("x", "") "[]\n", "line 2");
    assert_requests_refused(LINE("x", ",\"preferred\":\"L9\""), "line 1: 'preferred'");
    assert_requests_refused("{\"id\":\"x\",\"prompt\":\"secret\"}\n",
                            "line 1: 'energy_wh'");
    assert_requests_refused(
        LINE("x", "") "{\"id\":\"y\",\"prompt\":\"\",\"energy_wh\":{\"L0\":1e300}}",
        "line 2: 'energy_wh'");
    assert_requests_refused(LINE("x", ""), "no judged prompt");
    unlink(path);
    assert_int_equal(sprout_requests_read(folder, &r, &err), SPROUT_NOT_FOUND);
    assert_int_equal(sprout_requests_read("/nowhere", &r, &err), SPROUT_NOT_FOUND);
}

static void requests_as_other_systems_write_them_are_read(void **state)
{
    (void)state;
    struct sprout_requests r;
    struct sprout_error err = {0};
    write_file("\xEF\xBB\xBF" LINE("x", ",\"preferred\":\"L1\"") "\r\n \t\n" LINE(
        "y", "") "\r\n");
    if (sprout_requests_read(folder, &r, &err) != SPROUT_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(r.count, 2);
    sprout_requests_free(&r);
    assert_requests_refused(LINE("x", "") "\r\n\xEF\xBB\xBF" LINE("y", ""), "line 3");
}

static void what_is_no_file_is_not_replaced(void **state)
{
    (void)state;
    struct sprout_error err = {0};
    struct stat st;
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(sprout_file_write(path, SPROUT_STR("x"), 0644, &err), SPROUT_IO);
    assert_named(&err, "not a regular file");
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    unlink(path);
}

static void evaluations_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct sprout_evaluations e;
    struct sprout_error err = {0};
    write_file(
        "{\"zone\":\"Z\",\"ci_g_per_kwh\":[1,2],\"evaluation_hours\":[1],\"schemes\":{"
        "\"base\":{\"preference\":[0.4,0.5]},\"co2_opt\":{\"preference\":[0.2,0.1]}}}");
    assert_int_equal(sprout_evaluations_read(path, &e, &err), SPROUT_OK);
    assert_int_equal(e.hours, 2);
    assert_true(e.hour[1].evaluated && !e.hour[0].evaluated);
    assert_true(fabs(e.hour[0].quality[1] - 0.4) < 1e-12);
    sprout_evaluations_free(&e);

    write_file("{\"zone\":\"Z\",\n\"ci_g_per_kwh\":[1,2");
    assert_int_equal(sprout_evaluations_read(path, &e, &err), SPROUT_SYNTAX);
    assert_named(&err, "line 2");
    write_file(
        "{\"zone\":\"Z\",\"ci_g_per_kwh\":[1,2],\"evaluation_hours\":[2],\"schemes\":{"
        "\"base\":{\"preference\":[0.4,0.5]},\"co2_opt\":{\"preference\":[0.2,0.1]}}}");
    assert_int_equal(sprout_evaluations_read(path, &e, &err), SPROUT_INVALID);
    assert_named(&err, "evaluation_hours[0]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_line_ends_and_marks_of_csv_are_understood),
        cmocka_unit_test(a_quote_that_is_not_closed_is_named_where_it_opens),
        cmocka_unit_test(a_mix_is_read_and_a_bad_one_refused),
        cmocka_unit_test(means_without_an_option_are_refused),
        cmocka_unit_test(requests_are_read_and_damaged_lines_named_without_their_text),
        cmocka_unit_test(requests_as_other_systems_write_them_are_read),
        cmocka_unit_test(evaluations_that_do_not_fit_are_refused),
        cmocka_unit_test(what_is_no_file_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
