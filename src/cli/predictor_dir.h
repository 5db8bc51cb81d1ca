/* SPDX-License-Identifier: Apache-2.0 */
/* predictor_dir.h - the predictor in force in the folder of a control, and every attempt to
 * replace it, newest first. */
#ifndef SPROUT_CLI_PREDICTOR_DIR_H
#define SPROUT_CLI_PREDICTOR_DIR_H

#include <stdbool.h>

#include "base/status.h"

/* For a person a table; as JSON one object a line, the attempts alone. */
SPROUT_MUST_USE enum sprout_status sprout_predictor_print_dir(const char *dir, bool json,
                                                              struct sprout_error *err);

#endif
