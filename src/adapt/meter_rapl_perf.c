/* SPDX-License-Identifier: Apache-2.0 */
/* meter_rapl_perf.c - CPU packages and DRAM by the kernel's `power` performance unit.
 *
 * For where powercap is closed: it asks for CAP_PERFMON, not for root's files.  64 bits wide,
 * in units that `scale` names (2^-32 J); nothing is sampled. */
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapt/meter_driver.h"

struct event {
    uint32_t type;
    uint64_t config;
    double joules; /* a unit */
};

struct rapl_perf {
    double joules[SPROUT_METER_CHANNELS_MAX]; /* a unit of each channel */
};

/* "0x02", as far as it is one. */
static uint64_t hex(const char *s)
{
    static const char digits[] = "0123456789abcdef";
    const char *at;
    uint64_t v = 0;
    s += s[0] == '0' && s[1] == 'x' ? 2 : 0;
    for (; *s != '\0' && (at = strchr(digits, *s)) != NULL; s++) {
        v = v << 4 | (uint64_t)(at - digits);
    }
    return v;
}

/* A CPU's number; *at moves past it. */
static int cpu_number(const char **at)
{
    int v = 0;
    while (**at >= '0' && **at <= '9' && v < 100000) {
        v = 10 * v + (*(*at)++ - '0');
    }
    return v;
}

static enum sprout_status read_event(const struct meter *m, const char *name,
                                     struct event *out, struct sprout_error *err)
{
    static const char dir[] = "bus/event_source/devices/power";
    char path[METER_PATH_MAX], text[64];
    uint64_t type = 0;

    snprintf(path, sizeof path, "%.300s/%s/type", m->opts.sysfs_root, dir);
    enum sprout_status status = sprout_meter_read_u64(path, &type, err);
    out->type = (uint32_t)type;
    snprintf(path, sizeof path, "%.300s/%s/events/%s", m->opts.sysfs_root, dir, name);
    if (status == SPROUT_OK) {
        status = sprout_meter_read_line(path, text, sizeof text, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    if (strncmp(text, "event=", 6) != 0) {
        return sprout_fail(err, SPROUT_INVALID, "%s holds '%.40s': expected event=0x..",
                           path, text);
    }
    out->config = hex(text + 6);
    snprintf(path, sizeof path, "%.300s/%s/events/%s.scale", m->opts.sysfs_root, dir,
             name);
    status = sprout_meter_read_line(path, text, sizeof text, err);
    if (status == SPROUT_OK &&
        (sprout_str_to_f64(sprout_str_of(text), &out->joules) != SPROUT_OK ||
         !(out->joules > 0))) {
        status = sprout_fail(err, SPROUT_INVALID, "%s holds '%.40s': expected a scale",
                             path, text);
    }
    return status;
}

static enum sprout_status open_on(struct meter *m, const struct event *e,
                                  const char *name, int cpu, struct sprout_error *err)
{
    struct rapl_perf *const r = m->own;
    struct perf_event_attr attr = {
        .size = sizeof attr, .type = e->type, .config = e->config};
    char label[64];
    const int fd =
        (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) {
        const bool closed = errno == EACCES || errno == EPERM;
        return sprout_fail(err, closed ? SPROUT_UNAVAILABLE : SPROUT_IO,
                           "rapl-perf: %s: %s%s", name, strerror(errno),
                           closed ? "; give the process CAP_PERFMON, or set "
                                    "kernel.perf_event_paranoid to 0; a container also "
                                    "needs a seccomp profile that lets perf_event_open by"
                                  : "");
    }
    snprintf(label, sizeof label, "%s/cpu%d", name, cpu);
    const size_t at = m->channels;
    struct meter_channel *const c = sprout_meter_add(m, label, SPROUT_COUNTER_ENERGY);
    if (c == NULL) {
        close(fd);
        return sprout_fail(err, SPROUT_LIMIT, "rapl-perf: more than %d zones",
                           SPROUT_METER_CHANNELS_MAX);
    }
    c->fd = fd;
    r->joules[at] = e->joules;
    return SPROUT_OK;
}

/* One CPU of each package, as `cpumask` lists them: "0,28" or "0-1". */
static enum sprout_status open_event(struct meter *m, const char *name,
                                     struct sprout_error *err)
{
    char path[METER_PATH_MAX], mask[256];
    struct event e = {0};
    enum sprout_status status = read_event(m, name, &e, err);

    snprintf(path, sizeof path, "%.300s/bus/event_source/devices/power/cpumask",
             m->opts.sysfs_root);
    if (status == SPROUT_OK) {
        status = sprout_meter_read_line(path, mask, sizeof mask, err);
    }
    const char *at = mask;
    while (status == SPROUT_OK && *at >= '0' && *at <= '9') {
        const int from = cpu_number(&at);
        int to = from;
        if (*at == '-') {
            at++;
            to = cpu_number(&at);
        }
        for (int cpu = from; cpu <= to && status == SPROUT_OK; cpu++) {
            status = open_on(m, &e, name, cpu, err);
        }
        at += *at == ',';
    }
    return status;
}

static enum sprout_status open_perf(struct meter *m, struct sprout_error *err)
{
    struct sprout_error dram;
    m->own = calloc(1, sizeof(struct rapl_perf));
    if (m->own == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for rapl-perf");
    }
    enum sprout_status status = SPROUT_OK;
    if (m->covers & SPROUT_METER_CPU) {
        status = open_event(m, "energy-pkg", err);
    }
    if (status == SPROUT_NOT_FOUND) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "rapl-perf: this kernel has no energy-pkg event (virtual "
                           "machines have none): leave this meter out");
    }
    if (status == SPROUT_OK && (m->covers & SPROUT_METER_DRAM)) {
        status = open_event(m, "energy-ram", &dram);
        if (status == SPROUT_NOT_FOUND) { /* not every CPU has it */
            m->covers &= ~(unsigned)SPROUT_METER_DRAM;
            status = SPROUT_OK;
        } else if (status != SPROUT_OK && err != NULL) {
            *err = dram;
        }
    }
    return status;
}

static enum sprout_status read_perf(struct meter *m, struct sprout_error *err)
{
    const struct rapl_perf *const r = m->own;
    for (size_t i = 0; i < m->channels; i++) {
        uint64_t units = 0;
        if (read(m->channel[i].fd, &units, sizeof units) != (ssize_t)sizeof units) {
            return sprout_fail(err, SPROUT_IO, "rapl-perf: %s: %s", m->channel[i].name,
                               strerror(errno));
        }
        m->channel[i].value = (uint64_t)((long double)units * r->joules[i] * 1e6L);
    }
    return SPROUT_OK;
}

static void close_perf(struct meter *m)
{
    for (size_t i = 0; i < m->channels; i++) {
        close(m->channel[i].fd);
    }
    free(m->own);
}

const struct meter_driver sprout_meter_rapl_perf = {"rapl-perf", false, open_perf,
                                                    read_perf, close_perf};
