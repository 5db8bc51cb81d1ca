/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_up.c - `sprout up`: nginx and control together, private to a folder. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/run_opts.h"
#include "control/supervise.h"

static const char help_head[] =
    "usage: sprout up --upstream URL [OPTION...]\n\n"
    "Runs nginx with the Sprout module and the control plane in front of an inference\n"
    "server, in the foreground, private to a folder.  When both are ready it prints one\n"
    "line of JSON: listen, admin, pid, dir.  Stops both on SIGINT and SIGTERM; SIGHUP\n"
    "loads the configuration anew.\n\n";

static void tell(void *ctx, const struct sprout_supervise_ready *ready)
{
    char line[8192];
    struct sprout_buf b = sprout_buf_of(line, sizeof line);

    (void)ctx;
    sprout_buf_put(&b, SPROUT_STR("{\"listen\":"));
    sprout_buf_json(&b, sprout_str_of(ready->listen));
    sprout_buf_put(&b, SPROUT_STR(",\"admin\":"));
    sprout_buf_json(&b, sprout_str_of(ready->admin));
    sprout_buf_printf(&b, ",\"pid\":%d,\"dir\":", ready->pid);
    sprout_buf_json(&b, sprout_str_of(ready->dir));
    sprout_buf_put(&b, SPROUT_STR("}\n"));
    fwrite(line, 1, b.len, stdout);
    fflush(stdout);
}

/* The flags that control needs to load the same configuration. */
static void collect(const struct sprout_run_opts *o, const char **out)
{
    const struct {
        const char *flag;
        const char *value;
    } given[] = {{"--config", o->config},
                 {"--upstream", o->upstream},
                 {"--floor", o->floor},
                 {"--holdout", o->holdout},
                 {"--grid", o->grid}};
    size_t n = 0;

    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        if (given[i].value != NULL) {
            out[n++] = given[i].flag;
            out[n++] = given[i].value;
        }
    }
    out[n] = NULL;
}

int sprout_cmd_up(int argc, char **argv)
{
    struct sprout_error err = {.message = ""};
    struct sprout_run_opts opts;
    const char *args[SPROUT_SUPERVISE_ARGS_MAX];
    enum sprout_status status = sprout_run_opts_parse(argc, argv, &opts, &err);

    if (status == SPROUT_OK && opts.help) {
        printf("%s%s", help_head, sprout_run_opts_help);
        return 0;
    }
    if (status == SPROUT_OK) {
        collect(&opts, args);
        const struct sprout_supervise_opts supervise = {.load = sprout_run_opts_load,
                                                        .load_ctx = &opts,
                                                        .control_args = args,
                                                        .ready = tell};
        status = sprout_supervise_run(&supervise, &err);
    }
    return status == SPROUT_OK ? 0 : sprout_cli_fail("up", &err, status);
}
