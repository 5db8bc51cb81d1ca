/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the journal follower: rotation, halves, truncation, going back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapt/journal.h"

enum { PATH = 512 };

static char folder[] = "/tmp/sprout-journal-XXXXXX";
static char path[PATH];

/* Before the grace is over, and after it. */
static const sprout_mono soon = {SPROUT_NS_PER_SECOND};
static const sprout_mono later = {10 * SPROUT_NS_PER_SECOND};

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/journal.ndjson", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *const dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    return rmdir(folder);
}

static void append_to(const char *file, const char *text)
{
    const int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void append(const char *text)
{
    append_to(path, text);
}

static void rotate_to(const char *suffix)
{
    char to[PATH + 16];
    snprintf(to, sizeof to, "%s%s", path, suffix);
    assert_int_equal(rename(path, to), 0);
    usleep(10000); /* the next file's time of change differs */
}

static struct sprout_journal *follow(const struct sprout_journal_position *from)
{
    struct sprout_journal *j = NULL;
    assert_int_equal(sprout_journal_open(path, from, &j, NULL), SPROUT_OK);
    return j;
}

static void expect_line(struct sprout_journal *j, sprout_mono now, const char *text)
{
    struct sprout_journal_line line;
    assert_int_equal(sprout_journal_next(j, now, &line, NULL), SPROUT_OK);
    assert_true(line.whole);
    assert_int_equal(line.text.len, strlen(text));
    assert_memory_equal(line.text.ptr, text, line.text.len);
}

static void expect_none(struct sprout_journal *j, sprout_mono now)
{
    struct sprout_journal_line line;
    assert_int_equal(sprout_journal_next(j, now, &line, NULL), SPROUT_MORE);
}

static void lines_come_in_order_and_half_a_line_waits(void **state)
{
    (void)state;
    struct sprout_journal *const j = follow(NULL);
    expect_none(j, soon); /* no file yet */
    append("one\ntwo\nthr");
    expect_line(j, soon, "one");
    expect_line(j, soon, "two");
    expect_none(j, soon);
    expect_none(j, later);
    append("ee\n");
    expect_line(j, later, "three");
    assert_int_equal(sprout_journal_lag(j), 0);
    append("four\n");
    assert_int_equal(sprout_journal_lag(j), 5);
    sprout_journal_close(j);
}

static void a_follower_opened_at_a_position_goes_on_at_that_byte(void **state)
{
    (void)state;
    append("one\ntwo\nthree\n");
    struct sprout_journal *j = follow(NULL);
    expect_line(j, soon, "one");
    expect_line(j, soon, "two");
    const struct sprout_journal_position at = sprout_journal_position(j);
    sprout_journal_close(j);
    assert_int_equal(at.offset, 8);

    append("four\n");
    j = follow(&at);
    expect_line(j, soon, "three");
    expect_line(j, soon, "four");
    expect_none(j, soon);
    sprout_journal_close(j);
}

static void going_back_hands_out_the_same_lines_again(void **state)
{
    (void)state;
    append("one\ntwo\nthree\n");
    struct sprout_journal *const j = follow(NULL);
    const struct sprout_journal_position start = sprout_journal_position(j);
    expect_line(j, soon, "one");
    const struct sprout_journal_position at = sprout_journal_position(j);
    expect_line(j, soon, "two");
    sprout_journal_rewind(j, &at);
    expect_line(j, soon, "two");
    expect_line(j, soon, "three");
    sprout_journal_rewind(j, &start); /* from before any file was open */
    expect_line(j, soon, "one");
    sprout_journal_close(j);
}

static void rotation_is_followed_and_the_old_file_is_finished_first(void **state)
{
    (void)state;
    append("one\n");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    rotate_to(".1");
    expect_none(j, soon); /* renamed, not reopened yet */
    append("three\n");
    expect_none(j, soon);
    char old[PATH + 4];
    snprintf(old, sizeof old, "%s.1", path);
    append_to(old, "two\n"); /* a worker that has not reopened yet */
    expect_line(j, soon, "two");
    expect_none(j, soon); /* the grace begins anew */
    expect_line(j, later, "three");
    assert_int_equal(sprout_journal_counts(j).rotations, 1);
    assert_int_equal(sprout_journal_counts(j).lost_files, 0);
    sprout_journal_close(j);
}

/* Files written within one tick of the clock could not be told apart by age. */
static void changed_at(const char *file, int second)
{
    const struct timespec times[2] = {{1000 + second, 0}, {1000 + second, 0}};
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

static void what_was_read_is_forgotten_but_for_the_newest(void **state)
{
    (void)state;
    struct sprout_journal *j = NULL;
    struct sprout_journal_line line;
    struct sprout_error err;
    char other[2 * PATH];
    snprintf(other, sizeof other, "%s.old", path); /* no name that rotation gives */
    append_to(other, "x\n");
    for (int i = 1; i <= 4; i++) {
        char suffix[16];
        snprintf(suffix, sizeof suffix, ".%d", i);
        append("line\n");
        changed_at(path, i);
        rotate_to(suffix);
    }
    changed_at(other, 0);
    append("last\n");
    assert_int_equal(sprout_journal_open(path, NULL, &j, &err), SPROUT_OK);
    assert_int_equal(sprout_journal_next(j, soon, &line, &err), SPROUT_OK);
    const int64_t too_early = sprout_journal_forget(j, 0);
    assert_int_equal(too_early, 0); /* nothing before it, the rest is not read yet */
    sprout_mono now = later;
    for (int i = 0; i < 40; i++) {
        now.ns += SPROUT_JOURNAL_GRACE.ns + 1;
        const enum sprout_status ignored = sprout_journal_next(j, now, &line, &err);
        (void)ignored;
    }
    assert_int_equal(sprout_journal_forget(j, 1), 3);
    assert_int_equal(sprout_journal_forget(j, 1), 0);
    assert_int_equal(access(other, F_OK), 0);
    sprout_journal_close(j);
}

static void going_back_over_a_rotation_finds_the_old_file(void **state)
{
    (void)state;
    append("one\ntwo\n");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    const struct sprout_journal_position at = sprout_journal_position(j);
    expect_line(j, soon, "two");
    rotate_to(".1");
    append("three\n");
    expect_none(j, soon);
    expect_line(j, later, "three");
    sprout_journal_rewind(j, &at);
    expect_line(j, later, "two");
    expect_none(j, later);
    const sprout_mono much_later = {100 * SPROUT_NS_PER_SECOND};
    expect_line(j, much_later, "three");
    sprout_journal_close(j);
}

static void several_rotations_while_nobody_looked_are_read_in_order(void **state)
{
    (void)state;
    append("one\ntwo\n");
    struct sprout_journal *j = follow(NULL);
    expect_line(j, soon, "one");
    const struct sprout_journal_position at = sprout_journal_position(j);
    sprout_journal_close(j);
    rotate_to(".2");
    append("three\n");
    rotate_to(".1");
    append("four\n");

    j = follow(&at);
    int64_t seconds = 1;
    const char *const expected[] = {"two", "three", "four"};
    for (int i = 0; i < 3; i++) {
        struct sprout_journal_line line;
        while (sprout_journal_next(j, (sprout_mono){seconds * SPROUT_NS_PER_SECOND},
                                   &line, NULL) == SPROUT_MORE) {
            assert_true(++seconds < 60);
        }
        assert_int_equal(line.text.len, strlen(expected[i]));
        assert_memory_equal(line.text.ptr, expected[i], line.text.len);
    }
    sprout_journal_close(j);
}

/* Coarse file times, or a copy that kept them: both read once, and then the one in use. */
static void rotated_files_of_the_same_time_are_read_once_each(void **state)
{
    (void)state;
    const struct timespec same[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    static const char *const suffixes[] = {".1", ".2"};
    for (int i = 0; i < 2; i++) {
        char name[PATH + 16];
        append(i == 0 ? "one\n" : "two\n");
        rotate_to(suffixes[i]);
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        assert_int_equal(utimensat(AT_FDCWD, name, same, 0), 0);
    }
    append("three\n");
    struct sprout_journal *const j = follow(NULL);
    static const char *const expected[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        struct sprout_journal_line line;
        int64_t seconds = 10 * (int64_t)i;
        while (sprout_journal_next(j, (sprout_mono){seconds * SPROUT_NS_PER_SECOND},
                                   &line, NULL) == SPROUT_MORE) {
            assert_true(++seconds < 10 * (i + 1));
        }
        assert_int_equal(line.text.len, strlen(expected[i]));
        assert_memory_equal(line.text.ptr, expected[i], line.text.len);
    }
    assert_int_equal(sprout_journal_counts(j).rotations, 2);
    sprout_journal_close(j);
}

static void a_new_follower_begins_with_the_oldest_file_there_is(void **state)
{
    (void)state;
    struct sprout_journal *const j = follow(NULL);
    expect_none(j, soon);
    append("one\n");
    rotate_to(".1"); /* before anybody looked */
    append("two\n");
    expect_line(j, soon, "one");
    expect_none(j, soon);
    expect_line(j, later, "two");
    sprout_journal_close(j);
}

static void half_a_line_at_the_end_of_a_finished_file_is_damage(void **state)
{
    (void)state;
    struct sprout_journal_line line;
    append("one\nha");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    rotate_to(".1");
    append("two\n");
    expect_none(j, soon);
    assert_int_equal(sprout_journal_next(j, later, &line, NULL), SPROUT_OK);
    assert_false(line.whole);
    assert_int_equal(line.text.len, 2);
    expect_line(j, later, "two");
    sprout_journal_close(j);
}

static void a_truncated_file_is_told_and_read_from_its_start(void **state)
{
    (void)state;
    append("one\ntwo\n");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    expect_line(j, soon, "two");
    expect_none(j, soon);
    assert_int_equal(truncate(path, 0), 0);
    append("new\n");
    expect_line(j, soon, "new");
    assert_int_equal(sprout_journal_counts(j).truncations, 1);
    assert_non_null(strstr(sprout_journal_trouble(j), "copytruncate"));
    sprout_journal_close(j);
}

static void a_file_cut_and_grown_again_between_two_looks_is_noticed(void **state)
{
    (void)state;
    append("one\n");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    expect_none(j, soon);
    assert_int_equal(truncate(path, 0), 0);
    append("another one\nand more\n"); /* longer than before */
    expect_line(j, soon, "another one");
    expect_line(j, soon, "and more");
    assert_int_equal(sprout_journal_counts(j).truncations, 1);
    sprout_journal_close(j);
}

static void a_file_that_vanished_is_counted_and_what_is_left_is_read(void **state)
{
    (void)state;
    append("one\ntwo\n");
    struct sprout_journal *j = follow(NULL);
    expect_line(j, soon, "one");
    const struct sprout_journal_position at = sprout_journal_position(j);
    sprout_journal_close(j);
    rotate_to(".1");
    append("three\n"); /* while the old one lives, so its inode cannot come again */
    char old[PATH + 4];
    snprintf(old, sizeof old, "%s.1", path);
    assert_int_equal(unlink(old), 0);

    j = follow(&at);
    expect_line(j, soon, "three");
    assert_int_equal(sprout_journal_counts(j).lost_files, 1);
    sprout_journal_close(j);
}

static void a_file_of_the_same_inode_but_another_beginning_is_another_file(void **state)
{
    (void)state;
    append("one\n");
    struct sprout_journal *j = follow(NULL);
    expect_line(j, soon, "one");
    const struct sprout_journal_position at = sprout_journal_position(j);
    sprout_journal_close(j);
    assert_int_equal(truncate(path, 0), 0); /* stands for an inode used again */
    append("eins\nzwei\n");

    j = follow(&at);
    expect_line(j, soon, "eins");
    expect_line(j, soon, "zwei");
    sprout_journal_close(j);
}

static void a_file_that_was_moved_to_another_disk_is_known_by_its_beginning(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        append("a line of some length\n");
    }
    struct sprout_journal *j = follow(NULL);
    for (int i = 0; i < 50; i++) {
        expect_line(j, soon, "a line of some length");
    }
    struct sprout_journal_position at = sprout_journal_position(j);
    sprout_journal_close(j);
    at.inode += 12345; /* as a copy on another disk has another number */
    at.device += 1;
    append("the last\n");

    j = follow(&at);
    for (int i = 0; i < 50; i++) {
        expect_line(j, soon, "a line of some length");
    }
    expect_line(j, soon, "the last");
    assert_int_equal(sprout_journal_counts(j).lost_files, 0);
    assert_int_equal(sprout_journal_counts(j).truncations, 0);
    sprout_journal_close(j);
}

static void a_line_beyond_the_maximum_is_cut_and_the_next_one_is_found(void **state)
{
    (void)state;
    struct sprout_journal_line line;
    static char long_line[3 * SPROUT_JOURNAL_BUFFER];
    memset(long_line, 'x', sizeof long_line - 1);
    append("one\n");
    append(long_line);
    append("\ntwo\n");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    assert_int_equal(sprout_journal_next(j, soon, &line, NULL), SPROUT_OK);
    assert_false(line.whole);
    assert_int_equal(line.text.len, SPROUT_JOURNAL_LINE_MAX);
    expect_line(j, soon, "two");
    expect_none(j, soon);
    sprout_journal_close(j);
}

static void packed_siblings_are_left_alone(void **state)
{
    (void)state;
    char packed[PATH + 8];
    append("one\n");
    struct sprout_journal *const j = follow(NULL);
    expect_line(j, soon, "one");
    rotate_to(".1");
    snprintf(packed, sizeof packed, "%s.2.gz", path);
    append_to(packed, "garbage\n");
    usleep(10000);
    append("two\n");
    expect_none(j, soon);
    expect_line(j, later, "two");
    sprout_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_come_in_order_and_half_a_line_waits),
        TEST(a_follower_opened_at_a_position_goes_on_at_that_byte),
        TEST(going_back_hands_out_the_same_lines_again),
        TEST(rotation_is_followed_and_the_old_file_is_finished_first),
        TEST(what_was_read_is_forgotten_but_for_the_newest),
        TEST(going_back_over_a_rotation_finds_the_old_file),
        TEST(several_rotations_while_nobody_looked_are_read_in_order),
        TEST(rotated_files_of_the_same_time_are_read_once_each),
        TEST(a_new_follower_begins_with_the_oldest_file_there_is),
        TEST(half_a_line_at_the_end_of_a_finished_file_is_damage),
        TEST(a_truncated_file_is_told_and_read_from_its_start),
        TEST(a_file_cut_and_grown_again_between_two_looks_is_noticed),
        TEST(a_file_that_vanished_is_counted_and_what_is_left_is_read),
        TEST(a_file_of_the_same_inode_but_another_beginning_is_another_file),
        TEST(a_file_that_was_moved_to_another_disk_is_known_by_its_beginning),
        TEST(a_line_beyond_the_maximum_is_cut_and_the_next_one_is_found),
        TEST(packed_siblings_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
