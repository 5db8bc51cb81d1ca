/* SPDX-License-Identifier: Apache-2.0 */
/* rapl-perf against a tree of files and a kernel that the test plays: perf_event_open is
 * answered here with pipes, into which the test puts what each counter says.  What stays
 * untried is the real call: its permissions, and that `cpumask` names CPUs it accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapt/meter.h"

enum { PATH = 300, COUNTERS = 8, TYPE = 23, ARGUMENTS = 6 };

#define SCALE "2.3283064365386963e-10\n"
#define J     (UINT64_C(1) << 32) /* a joule, in units */

static char dir[] = "/tmp/sprout-perf-XXXXXX";
static struct sprout_error err;
static int64_t clock_s;

/* ---- the kernel ------------------------------------------------------------------------ */

static struct {
    struct {
        uint64_t config;
        int cpu;
        int write;
    } counter[COUNTERS];
    int count;
    int refuse; /* errno, or 0 */
} kernel;

static long open_counter(const struct perf_event_attr *attr, int pid, int cpu)
{
    int fds[2];
    if (kernel.refuse != 0 || kernel.count == COUNTERS) {
        errno = kernel.refuse;
        return -1;
    }
    assert_int_equal(attr->type, TYPE);
    assert_int_equal(attr->size, sizeof *attr);
    assert_int_equal(pid, -1);
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    kernel.counter[kernel.count].config = attr->config;
    kernel.counter[kernel.count].cpu = cpu;
    kernel.counter[kernel.count++].write = fds[1];
    return fds[0];
}

/* Stands before the C library's; everything else is handed on to it. */
long syscall(long number, ...)
{
    long (*real)(long, ...) = NULL;
    long a[ARGUMENTS];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < ARGUMENTS; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    if (number == SYS_perf_event_open) {
        return open_counter((const struct perf_event_attr *)a[0], (int)a[1], (int)a[2]);
    }
    *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What the next reading finds. */
static void say(int counter, uint64_t units)
{
    assert_int_equal(write(kernel.counter[counter].write, &units, sizeof units),
                     sizeof units);
}

/* ---- files and readings ---------------------------------------------------------------- */

static void put(const char *name, const char *text)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/bus/event_source/devices/power/%s", dir, name);
    FILE *const f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_folders(void)
{
    static const char *const parts[] = {"/bus", "/event_source", "/devices", "/power",
                                        "/events"};
    char path[PATH];
    size_t n = (size_t)snprintf(path, sizeof path, "%s", dir);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        n += (size_t)snprintf(path + n, sizeof path - n, "%s", parts[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

static enum sprout_status open_perf(struct sprout_meters **out)
{
    const struct sprout_meter_opts o = {.kind = "rapl-perf", .sysfs_root = dir};
    clock_s = 1000;
    err.message[0] = '\0';
    for (int i = 0; i < kernel.count; i++) {
        close(kernel.counter[i].write);
    }
    kernel.count = 0;
    return sprout_meters_open(&o, 1, out, &err);
}

static enum sprout_status read_next(struct sprout_meters *m, int64_t *out)
{
    sprout_microjoules uj = {-1};
    const sprout_mono now = {++clock_s * SPROUT_NS_PER_SECOND};
    const enum sprout_status status = sprout_meters_read(m, now, &uj, &err);
    *out = uj.v;
    return status;
}

static void assert_gap(struct sprout_meters *m, enum sprout_status status)
{
    int64_t uj;
    assert_int_equal(read_next(m, &uj), status);
    assert_int_equal(uj, -1);
}

/* To a microjoule a counter: units are no whole ones. */
static void assert_reads(struct sprout_meters *m, double joules, int counters)
{
    int64_t uj;
    assert_int_equal(read_next(m, &uj), SPROUT_OK);
    const double off = (double)uj - joules * 1e6;
    assert_true(off >= -counters && off <= counters);
}

static void say_all(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t units[] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        say(i, units[i]);
    }
}

/* ---- tests ----------------------------------------------------------------------------- */

static void a_package_and_its_dram_on_each_cpu_of_the_mask(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    put("cpumask", "0,28\n");
    assert_int_equal(open_perf(&m), SPROUT_OK);
    assert_int_equal(kernel.count, 4);
    assert_int_equal(kernel.counter[0].config, 2);
    assert_int_equal(kernel.counter[0].cpu, 0);
    assert_int_equal(kernel.counter[1].cpu, 28);
    assert_int_equal(kernel.counter[2].config, 3);
    assert_int_equal(kernel.counter[3].cpu, 28);
    assert_string_equal(sprout_meters_method(m), "measured:rapl-perf");
    say_all(7 * J, 0, J / 3, 90000 * J); /* the last beyond 32 bits of joules in uJ */
    assert_gap(m, SPROUT_MORE);
    say_all(8 * J, J / 2, J / 3 + J, 90000 * J + J / 4);
    assert_reads(m, 1 + 0.5 + 1 + 0.25, 4);
    sprout_meters_close(m);
}

static void a_range_of_cpus_and_a_cpu_without_dram(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    char path[2 * PATH];
    put("cpumask", "0-1\n");
    snprintf(path, sizeof path, "%s/bus/event_source/devices/power/events/energy-ram",
             dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_perf(&m), SPROUT_OK);
    assert_int_equal(kernel.count, 2);
    assert_int_equal(kernel.counter[1].cpu, 1);
    assert_int_equal(sprout_meters_covers(m), SPROUT_METER_CPU);
    sprout_meters_close(m);
    put("events/energy-ram", "event=0x03\n");
}

static void a_counter_that_vanishes_or_restarts_is_a_gap(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    put("cpumask", "0,28\n");
    assert_int_equal(open_perf(&m), SPROUT_OK);
    say_all(J, J, J, J);
    assert_gap(m, SPROUT_MORE);
    say(0, 2 * J); /* the others say nothing */
    assert_gap(m, SPROUT_IO);
    say(0, 9 * J); /* as much again is lost: a new base, nothing made up */
    say(1, 9 * J);
    say(2, 9 * J);
    say(3, 9 * J);
    assert_gap(m, SPROUT_MORE);
    say_all(10 * J, 9 * J, 9 * J, 9 * J);
    assert_reads(m, 1, 4);
    say_all(1, 9 * J, 9 * J, 9 * J);
    assert_gap(m, SPROUT_MORE);
    assert_non_null(strstr(err.message, "went back"));
    say_all(1, 9 * J, 9 * J, 9000 * J); /* 9 kW */
    assert_gap(m, SPROUT_MORE);
    assert_non_null(strstr(err.message, "implausible"));
    sprout_meters_close(m);
}

static void a_refusal_says_what_mends_it(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    kernel.refuse = EACCES;
    assert_int_equal(open_perf(&m), SPROUT_UNAVAILABLE);
    assert_non_null(strstr(err.message, "CAP_PERFMON"));
    kernel.refuse = ENODEV;
    assert_int_equal(open_perf(&m), SPROUT_IO);
    kernel.refuse = 0;
    put("events/energy-pkg", "umask=2\n");
    assert_int_equal(open_perf(&m), SPROUT_INVALID);
    put("events/energy-pkg", "event=0x02\n");
    put("events/energy-pkg.scale", "much\n");
    assert_int_equal(open_perf(&m), SPROUT_INVALID);
    put("events/energy-pkg.scale", SCALE);
    assert_null(m);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    make_folders();
    put("type", "23\n");
    put("events/energy-pkg", "event=0x02\n");
    put("events/energy-pkg.scale", SCALE);
    put("events/energy-ram", "event=0x03\n");
    put("events/energy-ram.scale", SCALE);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {
        "/bus/event_source/devices/power/events/energy-pkg",
        "/bus/event_source/devices/power/events/energy-pkg.scale",
        "/bus/event_source/devices/power/events/energy-ram",
        "/bus/event_source/devices/power/events/energy-ram.scale",
        "/bus/event_source/devices/power/events",
        "/bus/event_source/devices/power/type",
        "/bus/event_source/devices/power/cpumask",
        "/bus/event_source/devices/power",
        "/bus/event_source/devices",
        "/bus/event_source",
        "/bus",
        ""};
    char path[2 * PATH];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s%s", dir, names[i]);
        assert_int_equal(remove(path), 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_and_its_dram_on_each_cpu_of_the_mask),
        cmocka_unit_test(a_range_of_cpus_and_a_cpu_without_dram),
        cmocka_unit_test(a_counter_that_vanishes_or_restarts_is_a_gap),
        cmocka_unit_test(a_refusal_says_what_mends_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
