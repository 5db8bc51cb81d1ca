/* SPDX-License-Identifier: Apache-2.0 */
/* feedback_json.h - what users say and show, as /v1/status and `sprout report` tell it. */
#ifndef SPROUT_CONTROL_FEEDBACK_JSON_H
#define SPROUT_CONTROL_FEEDBACK_JSON_H

#include <jansson.h>

#include "control/signs.h"

/* A new reference; `signs` may be NULL. */
json_t *sprout_feedback_json(const struct sprout_feedback *said,
                             const struct sprout_signs *signs);

#endif
