/* SPDX-License-Identifier: Apache-2.0 */
/* meter.c - see meter.h: the table, sets of meters, and the rules common to all. */
#include "adapt/meter_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WATTS_DEFAULT 2000.0

enum { POWER_MS = 100, COUNTER_MS = 500, PACED_MS = 1000, NS_PER_MS = 1000000 };

const struct sprout_meter_kind sprout_meter_kinds[] = {
    {"nvml", SPROUT_METER_GPU,
     "the NVIDIA driver's libnvidia-ml.so.1; no privilege; no MIG",
     "some microseconds a GPU; energy counter from Volta on, power before"},
    {"amdsmi", SPROUT_METER_GPU, "ROCm's libamd_smi.so and access to /dev/kfd",
     "some microseconds a GPU"},
    {"rapl", SPROUT_METER_CPU | SPROUT_METER_DRAM,
     "/sys/class/powercap readable (root only since Linux 5.10: "
     "packaging/60-sprout.rules)",
     "one small file a zone; wraps every 10 to 20 minutes under load"},
    {"rapl-perf", SPROUT_METER_CPU | SPROUT_METER_DRAM,
     "perf_event_paranoid <= 0 or CAP_PERFMON", "one read a zone; never wraps"},
    {"hwmon", SPROUT_METER_NODE,
     "a chip in /sys/class/hwmon with energy*_input or power*_input|average",
     "one small file; power is integrated"},
    {"prometheus", 0, "the page of an exporter, or a query to a Prometheus server",
     "an HTTP request a second; as fine as the exporter's own step"},
    {"model", 0, "nothing: tokens times the coefficients of a profile",
     "nothing; it is no measurement, and receipts say so"},
};
const size_t sprout_meter_kind_count =
    sizeof sprout_meter_kinds / sizeof sprout_meter_kinds[0];

static const struct meter_driver *const drivers[] = {
    &sprout_meter_nvml,      &sprout_meter_amdsmi, &sprout_meter_rapl,
    &sprout_meter_rapl_perf, &sprout_meter_hwmon,  &sprout_meter_prometheus,
};

struct sprout_meters {
    struct meter *meter[SPROUT_METERS_MAX];
    size_t count;
    unsigned covers;
    char method[SPROUT_METER_METHOD_MAX];
};

static const char *const part_names[] = {"gpu", "cpu", "dram", "node"};

enum { PARTS = sizeof part_names / sizeof part_names[0] };

static unsigned part_of(struct sprout_str word)
{
    for (unsigned i = 0; i < PARTS; i++) {
        if (sprout_str_eq(word, sprout_str_of(part_names[i]))) {
            return 1U << i;
        }
    }
    return 0;
}

unsigned sprout_meter_parts(struct sprout_str text)
{
    unsigned parts = 0;
    for (size_t from = 0, i = 0; i <= text.len; i++) {
        if (i == text.len || text.ptr[i] == '+') {
            const unsigned part = part_of((struct sprout_str){text.ptr + from, i - from});
            if (part == 0) {
                return 0;
            }
            parts |= part;
            from = i + 1;
        }
    }
    return parts;
}

const char *sprout_meter_parts_text(unsigned parts, char *out, size_t cap)
{
    struct sprout_buf b = sprout_buf_of(out, cap - 1);
    for (unsigned i = 0; i < PARTS; i++) {
        if (parts & (1U << i)) {
            sprout_buf_printf(&b, "%s%s", b.len > 0 ? "+" : "", part_names[i]);
        }
    }
    out[b.len] = '\0';
    return out;
}

/* ---- small files ----------------------------------------------------------------------- */

static enum sprout_status cannot(const char *what, const char *path,
                                 struct sprout_error *err)
{
    if (errno == EACCES || errno == EPERM) {
        return sprout_fail(err, SPROUT_UNAVAILABLE,
                           "no permission to read %s: install packaging/60-sprout.rules "
                           "into /etc/udev/rules.d and add the user to the group sprout, "
                           "or give the process CAP_DAC_READ_SEARCH",
                           path);
    }
    return sprout_fail(err, errno == ENOENT ? SPROUT_NOT_FOUND : SPROUT_IO,
                       "cannot %s %s: %s", what, path, strerror(errno));
}

enum sprout_status sprout_meter_read_line(const char *path, char *out, size_t cap,
                                          struct sprout_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cannot("open", path, err);
    }
    const ssize_t n = read(fd, out, cap - 1);
    const enum sprout_status status = n < 0 ? cannot("read", path, err) : SPROUT_OK;
    close(fd);
    if (status == SPROUT_OK) {
        out[n] = '\0';
        out[strcspn(out, "\r\n")] = '\0';
    }
    return status;
}

enum sprout_status sprout_meter_read_u64(const char *path, uint64_t *out,
                                         struct sprout_error *err)
{
    char text[64] = "";
    const enum sprout_status status =
        sprout_meter_read_line(path, text, sizeof text, err);
    uint64_t v = 0;
    size_t digits = 0;

    if (status != SPROUT_OK) {
        return status;
    }
    while (digits < 20 && text[digits] >= '0' && text[digits] <= '9') {
        const uint64_t digit = (uint64_t)(text[digits++] - '0');
        if (v > (UINT64_MAX - digit) / 10) {
            digits = 0; /* more than 64 bits hold */
            break;
        }
        v = 10 * v + digit;
    }
    if (digits == 0 || text[digits] != '\0') {
        return sprout_fail(err, SPROUT_INVALID, "%s holds '%.40s': expected a number",
                           path, text);
    }
    *out = v;
    return SPROUT_OK;
}

struct meter_channel *sprout_meter_add(struct meter *m, const char *name,
                                       enum sprout_counter_kind kind)
{
    if (m->channels == SPROUT_METER_CHANNELS_MAX) {
        return NULL;
    }
    struct meter_channel *const c = &m->channel[m->channels++];
    *c = (struct meter_channel){.fd = -1};
    snprintf(c->name, sizeof c->name, "%s", name);
    c->counter.kind = kind;
    c->counter.max_watts = m->opts.max_watts;
    return c;
}

/* ---- opening --------------------------------------------------------------------------- */

static const char *own_text(const char *s)
{
    char *const copy = strdup(s == NULL ? "" : s);
    return copy;
}

static void free_opts(struct sprout_meter_opts *o)
{
    const char *const all[] = {o->kind,   o->sysfs_root, o->library, o->url,
                               o->preset, o->metric,     o->labels,  o->device};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free((void *)all[i]);
    }
}

/* False: no memory. */
static bool copy_opts(struct sprout_meter_opts *to, const struct sprout_meter_opts *from)
{
    const bool root = from->sysfs_root != NULL && from->sysfs_root[0] != '\0';
    *to = *from;
    to->kind = own_text(from->kind);
    to->sysfs_root = own_text(root ? from->sysfs_root : "/sys");
    to->library = own_text(from->library);
    to->url = own_text(from->url);
    to->preset = own_text(from->preset);
    to->metric = own_text(from->metric);
    to->labels = own_text(from->labels);
    to->device = own_text(from->device);
    if (!(to->max_watts > 0)) {
        to->max_watts = MAX_WATTS_DEFAULT;
    }
    return to->kind != NULL && to->sysfs_root != NULL && to->library != NULL &&
           to->url != NULL && to->preset != NULL && to->metric != NULL &&
           to->labels != NULL && to->device != NULL;
}

static void close_meter(struct meter *m)
{
    if (m == NULL) {
        return;
    }
    if (m->driver != NULL) {
        m->driver->close(m);
    }
    free_opts(&m->opts);
    free(m);
}

static unsigned usual_parts(const char *kind)
{
    for (size_t i = 0; i < sprout_meter_kind_count; i++) {
        if (strcmp(kind, sprout_meter_kinds[i].name) == 0) {
            return sprout_meter_kinds[i].covers;
        }
    }
    return 0;
}

static enum sprout_status open_meter(const struct sprout_meter_opts *o,
                                     struct meter **out, struct sprout_error *err)
{
    struct meter *const m = calloc(1, sizeof *m);
    if (m == NULL || !copy_opts(&m->opts, o)) {
        close_meter(m);
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a meter");
    }
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        if (strcmp(drivers[i]->name, m->opts.kind) == 0) {
            m->driver = drivers[i];
        }
    }
    if (m->driver == NULL) {
        const enum sprout_status status = sprout_fail(
            err, SPROUT_CONFIG,
            "no meter '%.40s': expected nvml, amdsmi, rapl, rapl-perf, hwmon or "
            "prometheus (without any, the model)",
            m->opts.kind);
        close_meter(m);
        return status;
    }
    m->covers = m->opts.covers != 0 ? m->opts.covers : usual_parts(m->opts.kind);
    const enum sprout_status status = m->driver->open(m, err);
    if (status != SPROUT_OK) {
        close_meter(m);
        return status;
    }
    *out = m;
    return SPROUT_OK;
}

/* The node holds every other part. */
static bool overlap(unsigned a, unsigned b)
{
    return (a & b) != 0 || ((a | b) & SPROUT_METER_NODE && a != 0 && b != 0);
}

static enum sprout_status add(struct sprout_meters *s, struct meter *m,
                              struct sprout_error *err)
{
    char a[32], b[32];
    if (overlap(s->covers, m->covers)) {
        return sprout_fail(
            err, SPROUT_CONFIG,
            "meter %s covers %s, which %s covers already (%s): it would be "
            "counted twice; keep one of them, or say what it covers",
            m->opts.kind, sprout_meter_parts_text(m->covers, a, sizeof a),
            s->count > 0 ? s->meter[s->count - 1]->opts.kind : "-",
            sprout_meter_parts_text(s->covers, b, sizeof b));
    }
    if (m->covers == 0) {
        return sprout_fail(
            err, SPROUT_CONFIG,
            "what does meter %s cover?  Say covers: gpu, cpu, dram or node",
            m->opts.kind);
    }
    s->covers |= m->covers;
    const size_t n = strlen(s->method);
    if (s->count == 0 || strstr(s->method, m->opts.kind) == NULL) {
        snprintf(s->method + n, sizeof s->method - n, "%s%s",
                 s->count == 0 ? "measured:" : "+", m->opts.kind);
    }
    s->meter[s->count++] = m;
    return SPROUT_OK;
}

enum sprout_status sprout_meters_open(const struct sprout_meter_opts *opts, size_t count,
                                      struct sprout_meters **out,
                                      struct sprout_error *err)
{
    struct sprout_meters *const s = calloc(1, sizeof *s);
    enum sprout_status status =
        s == NULL ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory for meters")
        : count > SPROUT_METERS_MAX
            ? sprout_fail(err, SPROUT_LIMIT, "%zu meters: expected at most %d", count,
                          SPROUT_METERS_MAX)
            : SPROUT_OK;

    for (size_t i = 0; i < count && status == SPROUT_OK; i++) {
        struct meter *m = NULL;
        status = open_meter(&opts[i], &m, err);
        if (status == SPROUT_OK) {
            status = add(s, m, err);
            if (status != SPROUT_OK) {
                close_meter(m);
            }
        }
    }
    if (status != SPROUT_OK) {
        sprout_meters_close(s);
        return status;
    }
    *out = s;
    return SPROUT_OK;
}

void sprout_meters_close(struct sprout_meters *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        close_meter(s->meter[i]);
    }
    free(s);
}

/* ---- reading --------------------------------------------------------------------------- */

static const char *why_void(enum sprout_counter_answer a)
{
    return a == SPROUT_COUNTER_RESET  ? "the counter went back (reset, or driver reload)"
           : a == SPROUT_COUNTER_WILD ? "implausible power"
                                      : "a first reading";
}

/* All channels are read whatever one of them says: each needs its new base. */
static enum sprout_status take(struct meter *m, sprout_mono now, int64_t *sum,
                               struct sprout_error *err)
{
    enum sprout_status status = SPROUT_OK;
    for (size_t i = 0; i < m->channels; i++) {
        struct meter_channel *const c = &m->channel[i];
        sprout_microjoules uj = {0};
        const enum sprout_counter_answer a =
            sprout_counter_take(&c->counter, c->value, now, &uj);
        if (a == SPROUT_COUNTER_GOOD) {
            *sum += uj.v;
        } else {
            status = sprout_fail(err, SPROUT_MORE, "%s %s: %s", m->opts.kind, c->name,
                                 why_void(a));
        }
    }
    return status;
}

enum sprout_status sprout_meters_read(struct sprout_meters *s, sprout_mono now,
                                      sprout_microjoules *out, struct sprout_error *err)
{
    enum sprout_status status = SPROUT_OK;
    int64_t sum = 0;

    for (size_t i = 0; i < s->count; i++) {
        struct meter *const m = s->meter[i];
        enum sprout_status one = m->driver->read(m, err);
        if (one == SPROUT_OK) {
            one = take(m, now, &sum, err);
        } else {
            for (size_t k = 0; k < m->channels; k++) {
                sprout_counter_void(&m->channel[k].counter);
            }
        }
        if (one != SPROUT_OK && (status == SPROUT_OK || status == SPROUT_MORE)) {
            status = one;
        }
    }
    if (status == SPROUT_OK) {
        out->v = sum;
    }
    return status;
}

unsigned sprout_meters_covers(const struct sprout_meters *s)
{
    return s->covers;
}

const char *sprout_meters_method(const struct sprout_meters *s)
{
    return s->method;
}

bool sprout_meters_paced(const struct sprout_meters *s)
{
    bool paced = false;
    for (size_t i = 0; i < s->count; i++) {
        paced = paced || s->meter[i]->driver->paced;
    }
    return paced;
}

static bool any_power(const struct sprout_meters *s)
{
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->meter[i]->channels; k++) {
            if (s->meter[i]->channel[k].counter.kind == SPROUT_COUNTER_POWER) {
                return true;
            }
        }
    }
    return false;
}

sprout_span sprout_meters_interval(const struct sprout_meters *s)
{
    const int64_t ms = sprout_meters_paced(s) ? PACED_MS
                       : any_power(s)         ? POWER_MS
                                              : COUNTER_MS;
    return (sprout_span){ms * NS_PER_MS};
}

void sprout_meters_describe(const struct sprout_meters *s, struct sprout_buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct meter *const m = s->meter[i];
        char parts[32];
        sprout_buf_printf(out, "%s%s: %zu %s (%s", i > 0 ? "; " : "", m->opts.kind,
                          m->channels, m->channels == 1 ? "channel" : "channels",
                          sprout_meter_parts_text(m->covers, parts, sizeof parts));
        sprout_buf_printf(out, ", %s)",
                          m->channels > 0 &&
                                  m->channel[0].counter.kind == SPROUT_COUNTER_POWER
                              ? "power, integrated"
                              : "energy counter");
    }
}
