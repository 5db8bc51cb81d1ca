/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_predictor.c - `sprout predictor`: what a weights file says of itself, or of a prompt. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "adapt/file.h"
#include "adapt/weights.h"
#include "cli/cli.h"
#include "cli/predictor_dir.h"
#include "cli/predictor_print.h"

enum { PROMPT_MAX = 64 * 1024 * 1024 };

static const char usage[] =
    "usage: sprout predictor [--json] FILE\n"
    "       sprout predictor [--json] --prompt TEXTFILE FILE\n"
    "       sprout predictor [--json] --dir DIR\n"
    "\n"
    "Shows a predictor's own figures: log loss against the base rate, calibration, R2 "
    "of\n"
    "log length, what it was trained on and when.  A damaged file is refused.\n"
    "\n"
    "  --prompt TEXTFILE  predict for the prompt in this file instead; - is standard "
    "input\n"
    "  --dir DIR          instead: which one is in force in the folder of a control, "
    "and\n"
    "                     every attempt to replace it\n"
    "  --json             one line of JSON; with --dir one an attempt\n"
    "  --help             this text\n"
    "\n"
    "Exit status: 0; 2 for a wrong command line; 65 for a damaged file or one of "
    "another\n"
    "version; 66 where there is no file; 74 when reading failed.\n";

static int fail(enum sprout_status st, const char *message)
{
    fprintf(stderr, "sprout predictor: %s\n", message);
    return sprout_status_exit(st);
}

static enum sprout_status predict_file(const struct sprout_predictor *p, const char *path,
                                       bool json, struct sprout_error *err)
{
    struct sprout_file f = {0};
    const enum sprout_status st = sprout_file_read(
        strcmp(path, "-") == 0 ? "/dev/stdin" : path, PROMPT_MAX, &f, err);
    if (st == SPROUT_OK) {
        const struct sprout_prediction said = sprout_predict_str(p, sprout_file_str(&f));
        (json ? sprout_prediction_print_json : sprout_prediction_print)(&said);
        sprout_file_free(&f);
    }
    return st;
}

int sprout_cmd_predictor(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"prompt", required_argument, NULL, 'p'},
        {"dir", required_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *prompt = NULL, *dir = NULL;
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            prompt = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            return sprout_status_exit(SPROUT_USAGE);
        }
    }
    struct sprout_error err = {0};
    if (dir != NULL && prompt == NULL && optind == argc) {
        const enum sprout_status shown = sprout_predictor_print_dir(dir, json, &err);
        return shown == SPROUT_OK ? 0 : fail(shown, err.message);
    }
    if (dir != NULL || optind != argc - 1) {
        return fail(SPROUT_USAGE, "expected one file of weights, or --dir DIR; 'sprout "
                                  "predictor --help' says how");
    }
    struct sprout_weights w;
    enum sprout_status st = sprout_weights_open(argv[optind], &w, &err);
    if (st != SPROUT_OK) {
        return fail(st, err.message);
    }
    if (prompt != NULL) {
        st = predict_file(&w.predictor, prompt, json, &err);
    } else {
        (json ? sprout_predictor_print_json : sprout_predictor_print)(&w.predictor);
    }
    sprout_weights_close(&w);
    if (st != SPROUT_OK) {
        return fail(st, err.message);
    }
    return 0;
}
