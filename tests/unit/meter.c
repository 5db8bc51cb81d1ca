/* SPDX-License-Identifier: Apache-2.0 */
/* Meters against scripted sources: a library that the test builds, a tree of files, pages of
 * exporters.  Energy must equal the script's truth to a microjoule; gaps stay gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "adapt/meter.h"
#include "core/counter.h"
#include "wire/exposition.h"

enum { PATH = 256, REPLY = 64 * 1024 };

static char dir[] = "/tmp/sprout-meter-XXXXXX";
static struct sprout_error err;
static int64_t clock_s;

static int shell(const char *command)
{
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void put(const char *name, const char *text)
{
    char path[PATH], command[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
    assert_int_equal(shell(command), 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static enum sprout_status open_one(const struct sprout_meter_opts *o,
                                   struct sprout_meters **out)
{
    clock_s = 1000;
    err.message[0] = '\0';
    return sprout_meters_open(o, 1, out, &err);
}

/* A reading a second after the last. */
static enum sprout_status read_next(struct sprout_meters *m, int64_t *out)
{
    sprout_microjoules uj = {-1};
    clock_s++;
    const sprout_mono now = {clock_s * SPROUT_NS_PER_SECOND};
    const enum sprout_status status = sprout_meters_read(m, now, &uj, &err);
    *out = uj.v;
    return status;
}

#define assert_reads(m, joules)                                                          \
    do {                                                                                 \
        int64_t got_ = 0;                                                                \
        assert_int_equal(read_next(m, &got_), SPROUT_OK);                                \
        assert_int_equal(got_, (int64_t)(joules));                                       \
    } while (0)
#define assert_void(m, code)                                                             \
    do {                                                                                 \
        int64_t got_ = 0;                                                                \
        assert_int_equal(read_next(m, &got_), code);                                     \
        assert_int_equal(got_, -1);                                                      \
    } while (0)
#define assert_says(text) assert_non_null(strstr(err.message, text))

/* ---- counters -------------------------------------------------------------------------- */

static sprout_mono at(int64_t s)
{
    return (sprout_mono){s * SPROUT_NS_PER_SECOND};
}

static void a_counter_wraps_resets_and_never_invents(void **state)
{
    (void)state;
    sprout_microjoules uj = {-7};
    struct sprout_counter c = {.range_uj = 1000000, .max_watts = 2};
    assert_int_equal(sprout_counter_take(&c, 900000, at(1), &uj), SPROUT_COUNTER_BASE);
    assert_int_equal(uj.v, -7);
    assert_int_equal(sprout_counter_take(&c, 100000, at(2), &uj), SPROUT_COUNTER_GOOD);
    assert_int_equal(uj.v, 200000);
    assert_int_equal(sprout_counter_take(&c, 100000, at(3), &uj), SPROUT_COUNTER_GOOD);
    assert_int_equal(uj.v, 0); /* measured to be nothing: that is a value */
    sprout_counter_void(&c);
    assert_int_equal(sprout_counter_take(&c, 500000, at(4), &uj), SPROUT_COUNTER_BASE);
    c.range_uj = 0;
    assert_int_equal(sprout_counter_take(&c, 100, at(5), &uj), SPROUT_COUNTER_RESET);
    assert_int_equal(sprout_counter_take(&c, 3000100, at(6), &uj), SPROUT_COUNTER_WILD);
    assert_int_equal(sprout_counter_take(&c, 3000101, at(7), &uj), SPROUT_COUNTER_GOOD);
    assert_int_equal(uj.v, 1);
}

static void power_is_integrated_by_trapezoids(void **state)
{
    (void)state;
    sprout_microjoules uj;
    struct sprout_counter c = {.kind = SPROUT_COUNTER_POWER};
    assert_int_equal(sprout_counter_take(&c, 100000000, at(1), &uj), SPROUT_COUNTER_BASE);
    assert_int_equal(sprout_counter_take(&c, 300000000, at(3), &uj), SPROUT_COUNTER_GOOD);
    assert_int_equal(uj.v, 400000000);
}

/* ---- nvml ------------------------------------------------------------------------------ */

/* Reads what to say from a file at each call: energy and power of two GPUs, with codes. */
static const char fake_nvml[] =
    "#include <stdio.h>\n#include <string.h>\n"
    "struct s { unsigned n, mig; int ec; unsigned long long e[2]; int pc; unsigned p[2]; "
    "};\n"
    "static struct s get(void) { struct s s; memset(&s, 0, sizeof s);\n"
    "  FILE *f = fopen(SCRIPT, \"r\"); if (f) { if (fscanf(f, \"%u %u %d %llu %llu %d %u "
    "%u\",\n"
    "  &s.n, &s.mig, &s.ec, &s.e[0], &s.e[1], &s.pc, &s.p[0], &s.p[1]) != 8) s.ec = "
    "999;\n"
    "  fclose(f); } return s; }\n"
    "int nvmlInit_v2(void) { return 0; }\nint nvmlShutdown(void) { return 0; }\n"
    "int nvmlDeviceGetCount_v2(unsigned *n) { *n = get().n; return 0; }\n"
    "int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d)"
    " { *d = (void *)(unsigned long)(i + 1); return 0; }\n"
    "int nvmlDeviceGetUUID(void *d, char *b, unsigned n)"
    " { snprintf(b, n, \"GPU-%lu\", (unsigned long)d); return 0; }\n"
    "int nvmlDeviceGetTotalEnergyConsumption(void *d, unsigned long long *v)"
    " { struct s s = get(); *v = s.e[(unsigned long)d - 1]; return s.ec; }\n"
    "int nvmlDeviceGetPowerUsage(void *d, unsigned *v)"
    " { struct s s = get(); *v = s.p[(unsigned long)d - 1]; return s.pc; }\n"
    "int nvmlDeviceGetMigMode(void *d, unsigned *c, unsigned *p)"
    " { (void)d; *p = *c = get().mig; return 0; }\n"
    "const char *nvmlErrorString(int c) { return c == 15 ? \"GPU is lost\" : \"error\"; "
    "}\n";

static char library[PATH];

static void build_library(void)
{
    char command[4 * PATH];
    put("nvml.c", fake_nvml);
    snprintf(library, sizeof library, "%s/libnvidia-ml.so.1", dir);
    snprintf(command, sizeof command,
             "cc -shared -fPIC -DSCRIPT='\"%s/gpus\"' -o %s %s/nvml.c", dir, library,
             dir);
    assert_int_equal(shell(command), 0);
}

static void nvml_counts_and_voids(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {.kind = "nvml", .library = library};
    put("gpus", "2 0 0 5000000123 77000 0 0 0");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_string_equal(sprout_meters_method(m), "measured:nvml");
    assert_void(m, SPROUT_MORE);
    put("gpus", "2 0 0 5000250124 77499 0 0 0");
    assert_reads(m, 250001000 + 499000);
    put("gpus", "2 0 15 0 0 0 0 0"); /* lost */
    assert_void(m, SPROUT_UNAVAILABLE);
    assert_says("GPU is lost");
    put("gpus", "2 0 0 5000300000 77500 0 0 0");
    assert_void(m, SPROUT_MORE); /* the base anew: the gap is not handed to the next */
    put("gpus", "2 0 0 5000300001 77502 0 0 0");
    assert_reads(m, 3000);
    put("gpus", "2 0 0 12 77503 0 0 0"); /* the driver was loaded again */
    assert_void(m, SPROUT_MORE);
    assert_says("went back");
    put("gpus", "2 0 0 13 77503 0 0 0");
    assert_reads(m, 1000);
    put("gpus", "2 0 0 900000013 77503 0 0 0"); /* 900 kW */
    assert_void(m, SPROUT_MORE);
    assert_says("implausible");
    sprout_meters_close(m);
}

static void nvml_integrates_power_where_there_is_no_counter(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {.kind = "nvml", .library = library};
    put("gpus", "2 0 3 0 0 0 100000 50000");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_int_equal(sprout_meters_interval(m).ns, 100000000);
    assert_void(m, SPROUT_MORE);
    put("gpus", "2 0 3 0 0 0 200000 50001");
    assert_reads(m, 150000000 + 50000500);
    sprout_meters_close(m);
}

static void nvml_refuses_mig_and_says_what_is_missing(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    struct sprout_meter_opts o = {.kind = "nvml", .library = library};
    put("gpus", "2 1 0 0 0 0 0 0");
    assert_int_equal(open_one(&o, &m), SPROUT_UNSUPPORTED);
    assert_says("MIG");
    put("gpus", "0 0 0 0 0 0 0 0");
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
    put("gpus", "2 0 3 0 0 3 0 0"); /* neither energy nor power */
    assert_int_equal(open_one(&o, &m), SPROUT_UNAVAILABLE);
    o.library = "/nowhere/libnvidia-ml.so.1";
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
    assert_says("NVIDIA driver");
    assert_null(m);
}

static void one_gpu_by_uuid(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {
        .kind = "nvml", .library = library, .device = "GPU-2"};
    put("gpus", "2 0 0 1 1 0 0 0");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_void(m, SPROUT_MORE);
    put("gpus", "2 0 0 100 5 0 0 0");
    assert_reads(m, 4000);
    sprout_meters_close(m);
}

/* ---- amdsmi ---------------------------------------------------------------------------- */

/* Two GPUs of one socket: code of the start, of a reading, resolution, accumulators. */
static const char fake_amdsmi[] =
    "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n"
    "struct s { unsigned n; int init, code; float res; unsigned long long acc[2]; };\n"
    "static struct s get(void) { struct s s; memset(&s, 0, sizeof s);\n"
    "  FILE *f = fopen(SCRIPT, \"r\"); if (f) { if (fscanf(f, \"%u %d %d %f %llu "
    "%llu\",\n"
    "  &s.n, &s.init, &s.code, &s.res, &s.acc[0], &s.acc[1]) != 6) s.code = 99;\n"
    "  fclose(f); } return s; }\n"
    "int amdsmi_init(uint64_t what) { return what == 2 ? get().init : 98; }\n"
    "int amdsmi_shut_down(void) { return 0; }\n"
    "int amdsmi_get_socket_handles(uint32_t *n, void **h)"
    " { *n = 1; if (h) h[0] = (void *)9; return 0; }\n"
    "int amdsmi_get_processor_handles(void *s, uint32_t *n, void **h) { (void)s;"
    " *n = get().n; for (unsigned i = 0; h && i < *n; i++) h[i] = (void *)(i + 1ul);"
    " return 0; }\n"
    "int amdsmi_get_energy_count(void *h, uint64_t *v, float *r, uint64_t *t)"
    " { struct s s = get(); *v = s.acc[(unsigned long)h - 1]; *r = s.res; *t = 1;"
    " return s.code; }\n";

static char amd_library[PATH];

static void build_amd_library(void)
{
    char command[4 * PATH];
    put("amdsmi.c", fake_amdsmi);
    snprintf(amd_library, sizeof amd_library, "%s/libamd_smi.so", dir);
    snprintf(command, sizeof command,
             "cc -shared -fPIC -DSCRIPT='\"%s/amd\"' -o %s %s/amdsmi.c", dir, amd_library,
             dir);
    assert_int_equal(shell(command), 0);
}

static void amdsmi_counts_and_voids(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {.kind = "amdsmi", .library = amd_library};
    /* More microjoules than a double has bits for. */
    put("amd", "2 0 0 15.25 1000000000000001 40");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_string_equal(sprout_meters_method(m), "measured:amdsmi");
    assert_int_equal(sprout_meters_covers(m), SPROUT_METER_GPU);
    assert_void(m, SPROUT_MORE);
    put("amd", "2 0 0 15.25 1000000000000005 44");
    assert_reads(m, 61 + 61);
    put("amd", "2 0 2 15.25 0 0"); /* refused: a guest has no counter */
    assert_void(m, SPROUT_UNAVAILABLE);
    assert_says("use hwmon");
    put("amd", "2 0 0 15.25 1000000000000400 400");
    assert_void(m, SPROUT_MORE); /* the gap is nobody's */
    put("amd", "2 0 0 15.25 1000000000000404 400");
    assert_reads(m, 61);
    put("amd", "2 0 0 15.25 8 400"); /* the driver was loaded again */
    assert_void(m, SPROUT_MORE);
    assert_says("went back");
    put("amd", "2 0 0 15.25 12 404");
    assert_reads(m, 61 + 61);
    put("amd", "2 0 0 0 12 404"); /* no resolution: no energy */
    assert_void(m, SPROUT_UNAVAILABLE);
    sprout_meters_close(m);
}

static void amdsmi_says_what_is_missing(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    struct sprout_meter_opts o = {.kind = "amdsmi", .library = amd_library};
    put("amd", "0 0 0 15.25 0 0");
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
    assert_says("no GPU");
    put("amd", "2 34 0 15.25 0 0"); /* no driver */
    assert_int_equal(open_one(&o, &m), SPROUT_UNAVAILABLE);
    assert_says("code 34");
    put("amd", "2 0 2 15.25 0 0");
    assert_int_equal(open_one(&o, &m), SPROUT_UNAVAILABLE);
    o.library = "/nowhere/libamd_smi.so";
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
    assert_says("ROCm");
    o.library = library; /* a library of something else */
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
    assert_says("lacks");
    assert_null(m);
}

/* ---- rapl and hwmon -------------------------------------------------------------------- */

static void put_zone(const char *zone, const char *name, const char *uj)
{
    char file[PATH];
    snprintf(file, sizeof file, "class/powercap/%s/name", zone);
    put(file, name);
    snprintf(file, sizeof file, "class/powercap/%s/max_energy_range_uj", zone);
    put(file, "262143328850\n");
    snprintf(file, sizeof file, "class/powercap/%s/energy_uj", zone);
    put(file, uj);
}

static void rapl_sums_packages_and_dram_and_nothing_twice(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {.kind = "rapl", .sysfs_root = dir};
    put_zone("intel-rapl:0", "package-0\n", "262143328000\n");
    put_zone("intel-rapl:0:0", "core\n", "5\n");
    put_zone("intel-rapl:0:1", "dram\n", "10\n");
    put_zone("intel-rapl:1", "package-1\n", "1000\n");
    put_zone("intel-rapl:1:0", "dram\n", "20\n");
    put_zone("intel-rapl:2", "psys\n", "7\n");
    put_zone("intel-rapl-mmio:0", "package-0\n", "262143328000\n");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_int_equal(sprout_meters_covers(m), SPROUT_METER_CPU | SPROUT_METER_DRAM);
    assert_void(m, SPROUT_MORE);
    put_zone("intel-rapl:0", "package-0\n", "150\n"); /* wrapped */
    put_zone("intel-rapl:0:0", "core\n", "500000\n");
    put_zone("intel-rapl:0:1", "dram\n", "13\n");
    put_zone("intel-rapl:1", "package-1\n", "1100\n");
    put_zone("intel-rapl:1:0", "dram\n", "27\n");
    put_zone("intel-rapl:2", "psys\n", "900000\n");
    assert_reads(m, 1000 + 3 + 100 + 7);
    put_zone("intel-rapl:1", "package-1\n", "\n"); /* unreadable: no 0 */
    assert_void(m, SPROUT_INVALID);
    put_zone("intel-rapl:1", "package-1\n", "2000\n");
    assert_void(m, SPROUT_MORE);
    put_zone("intel-rapl:1", "package-1\n", "2001\n");
    assert_reads(m, 1);
    char file[PATH];
    snprintf(file, sizeof file, "%s/class/powercap/intel-rapl:0/energy_uj", dir);
    assert_int_equal(unlink(file), 0); /* vanished */
    assert_void(m, SPROUT_NOT_FOUND);
    sprout_meters_close(m);
}

static void without_a_package_rapl_says_why(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {.kind = "rapl", .sysfs_root = "/nowhere"};
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
    assert_says("virtual machines");
}

static void hwmon_prefers_energy_and_wants_one_chip(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    struct sprout_meter_opts o = {.kind = "hwmon", .sysfs_root = dir};
    put("class/hwmon/hwmon0/name", "acpitz\n");
    put("class/hwmon/hwmon1/name", "psu\n");
    put("class/hwmon/hwmon1/energy1_input", "1000\n");
    put("class/hwmon/hwmon1/power1_input", "5000000\n");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_void(m, SPROUT_MORE);
    put("class/hwmon/hwmon1/energy1_input", "1017\n");
    assert_reads(m, 17);
    sprout_meters_close(m);
    m = NULL;
    put("class/hwmon/hwmon2/name", "amdgpu\n");
    put("class/hwmon/hwmon2/power1_average", "30000000\n");
    assert_int_equal(open_one(&o, &m), SPROUT_CONFIG);
    assert_says("2 chips");
    o.device = "amdgpu";
    o.covers = SPROUT_METER_GPU;
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_void(m, SPROUT_MORE);
    put("class/hwmon/hwmon2/power1_average", "30000002\n");
    assert_reads(m, 30000001);
    sprout_meters_close(m);
}

/* ---- pages ----------------------------------------------------------------------------- */

static struct {
    int fd;
    int port;
    pthread_t thread;
    pthread_mutex_t lock;
    int code;
    char page[REPLY];
} server;

static void *serve(void *unused)
{
    (void)unused;
    int fd;
    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        char request[4096], head[200];
        (void)!read(fd, request, sizeof request);
        pthread_mutex_lock(&server.lock);
        const size_t n = strlen(server.page);
        const int h = snprintf(head, sizeof head,
                               "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
                               "Connection: close\r\n\r\n",
                               server.code, n);
        (void)!write(fd, head, (size_t)h);
        (void)!write(fd, server.page, n);
        pthread_mutex_unlock(&server.lock);
        shutdown(fd, SHUT_WR);
        (void)!read(fd, request, sizeof request);
        close(fd);
    }
    return NULL;
}

static void start_server(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000001)};
    socklen_t len = sizeof a;
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    server.code = 200;
    pthread_mutex_init(&server.lock, NULL);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server.fd, 8), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&a, &len), 0);
    server.port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void page(int code, const char *text)
{
    pthread_mutex_lock(&server.lock);
    server.code = code;
    snprintf(server.page, sizeof server.page, "%s", text);
    pthread_mutex_unlock(&server.lock);
}

static const char *url(const char *path)
{
    static char text[PATH];
    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", server.port, path);
    return text;
}

#define DCGM_HEAD                                                                        \
    "# HELP DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION Total energy since boot (in mJ).\n"     \
    "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\n"
#define DCGM(uuid, mj)                                                                   \
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu=\"0\",UUID=\"" uuid                        \
    "\",device=\"nvidia0\",modelName=\"NVIDIA H100, 80GB\",Hostname=\"n\"} " mj "\n"

static void a_dcgm_page(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {
        .kind = "prometheus", .url = url("/metrics"), .preset = "dcgm"};
    page(200, DCGM_HEAD DCGM("GPU-a", "1000")
                  DCGM("GPU-b", "5e3") "DCGM_FI_DEV_POWER_USAGE{UUID=\"GPU-a\"} 71.2\n");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_int_equal(sprout_meters_covers(m), SPROUT_METER_GPU);
    assert_void(m, SPROUT_MORE);
    page(200, DCGM_HEAD DCGM("GPU-b", "5003") DCGM("GPU-a", "1007")); /* another order */
    assert_reads(m, 10000);
    page(200, DCGM_HEAD DCGM("GPU-a", "1010")); /* one is gone */
    assert_void(m, SPROUT_UNAVAILABLE);
    assert_says("1 of 2");
    page(500, "");
    assert_void(m, SPROUT_UNAVAILABLE);
    page(200, DCGM_HEAD DCGM("GPU-a", "1011") DCGM("GPU-b", "NaN"));
    assert_void(m, SPROUT_INVALID);
    page(200, DCGM_HEAD DCGM("GPU-a", "1011") DCGM("GPU-b", "5004"));
    assert_void(m, SPROUT_MORE);
    page(200, DCGM_HEAD DCGM("GPU-a", "1012") DCGM("GPU-b", "5004"));
    assert_reads(m, 1000);
    sprout_meters_close(m);
}

static void a_node_exporter_page_and_its_units(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    struct sprout_meter_opts o = {
        .kind = "prometheus", .url = url("/metrics"), .preset = "node"};
    page(200,
         "node_load1 0.5\n# TYPE node_rapl_package_joules_total counter\n"
         "node_rapl_package_joules_total{index=\"0\",path=\"/sys/x\"} 137062.350261\n"
         "node_rapl_dram_joules_total{index=\"0\"} 3.5\n");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_void(m, SPROUT_MORE);
    page(200,
         "node_rapl_package_joules_total{index=\"0\",path=\"/sys/x\"} 137062.350262\n");
    assert_reads(m, 1);
    sprout_meters_close(m);
    m = NULL;
    o = (struct sprout_meter_opts){.kind = "prometheus",
                                   .url = url("/metrics"),
                                   .metric = "x_microwatts",
                                   .covers = SPROUT_METER_NODE};
    page(200, "x_microwatts 7\n");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    sprout_meters_close(m);
    m = NULL;
    o.metric = "x_volts";
    assert_int_equal(open_one(&o, &m), SPROUT_CONFIG);
    assert_says("which unit");
    o.metric = "y_watts";
    assert_int_equal(open_one(&o, &m), SPROUT_NOT_FOUND);
}

static void a_query_to_a_server(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    const struct sprout_meter_opts o = {.kind = "prometheus",
                                        .url = url("/api/v1/query?query=x"),
                                        .covers = SPROUT_METER_GPU};
#define ANSWER(v)                                                                        \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{"          \
    "\"metric\":{\"__name__\":\"x_joules_total\",\"gpu\":\"0\"},\"value\":[1700000000."  \
    "1,\"" v "\"]}]}}"
    page(200, ANSWER("12.5"));
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_void(m, SPROUT_MORE);
    page(200, ANSWER("13.000001"));
    assert_reads(m, 500001);
    page(200, "{\"status\":\"success\",\"data\":{\"result\":[]}}");
    assert_void(m, SPROUT_UNAVAILABLE);
    page(200, "<html>");
    assert_void(m, SPROUT_INVALID);
    sprout_meters_close(m);
}

static void labels_choose_and_mig_is_refused(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    struct sprout_meter_opts o = {
        .kind = "prometheus", .url = url("/metrics"), .preset = "kepler"};
    page(200, "kepler_node_cpu_joules_total{zone=\"package\",path=\"a\"} 5\n"
              "kepler_node_cpu_joules_total{zone=\"core\",path=\"b\"} 3\n");
    assert_int_equal(open_one(&o, &m), SPROUT_OK);
    assert_void(m, SPROUT_MORE);
    page(200, "kepler_node_cpu_joules_total{zone=\"package\",path=\"a\"} 6\n"
              "kepler_node_cpu_joules_total{zone=\"core\",path=\"b\"} 4\n");
    assert_reads(m, 1000000);
    sprout_meters_close(m);
    m = NULL;
    o.preset = "dcgm";
    page(200, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{UUID=\"a\",GPU_I_ID=\"3\"} 1\n");
    assert_int_equal(open_one(&o, &m), SPROUT_UNSUPPORTED);
    o.preset = "mystery";
    assert_int_equal(open_one(&o, &m), SPROUT_CONFIG);
}

/* ---- sets ------------------------------------------------------------------------------ */

static void overlap_is_refused_and_parts_are_summed(void **state)
{
    (void)state;
    struct sprout_meters *m = NULL;
    put_zone("intel-rapl:0", "package-0\n", "100\n");
    put("gpus", "2 0 0 1 1 0 0 0");
    struct sprout_meter_opts o[2] = {{.kind = "nvml", .library = library},
                                     {.kind = "rapl", .sysfs_root = dir}};
    assert_int_equal(sprout_meters_open(o, 2, &m, &err), SPROUT_OK);
    assert_string_equal(sprout_meters_method(m), "measured:nvml+rapl");
    assert_void(m, SPROUT_MORE);
    put("gpus", "2 0 0 2 1 0 0 0");
    put_zone("intel-rapl:0", "package-0\n", "105\n");
    assert_reads(m, 1005);
    sprout_meters_close(m);
    m = NULL;
    o[0] = (struct sprout_meter_opts){
        .kind = "hwmon", .sysfs_root = dir, .device = "psu"}; /* the node holds the CPU */
    assert_int_equal(sprout_meters_open(o, 2, &m, &err), SPROUT_CONFIG);
    assert_says("counted twice");
    o[0].kind = "sundial";
    assert_int_equal(sprout_meters_open(o, 1, &m, &err), SPROUT_CONFIG);
    assert_says("no meter 'sundial'");
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    build_library();
    build_amd_library();
    start_server();
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH];
    (void)state;
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return shell(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_wraps_resets_and_never_invents),
        cmocka_unit_test(power_is_integrated_by_trapezoids),
        cmocka_unit_test(nvml_counts_and_voids),
        cmocka_unit_test(nvml_integrates_power_where_there_is_no_counter),
        cmocka_unit_test(nvml_refuses_mig_and_says_what_is_missing),
        cmocka_unit_test(one_gpu_by_uuid),
        cmocka_unit_test(amdsmi_counts_and_voids),
        cmocka_unit_test(amdsmi_says_what_is_missing),
        cmocka_unit_test(rapl_sums_packages_and_dram_and_nothing_twice),
        cmocka_unit_test(without_a_package_rapl_says_why),
        cmocka_unit_test(hwmon_prefers_energy_and_wants_one_chip),
        cmocka_unit_test(a_dcgm_page),
        cmocka_unit_test(a_node_exporter_page_and_its_units),
        cmocka_unit_test(a_query_to_a_server),
        cmocka_unit_test(labels_choose_and_mig_is_refused),
        cmocka_unit_test(overlap_is_refused_and_parts_are_summed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
