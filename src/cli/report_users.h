/* SPDX-License-Identifier: Apache-2.0 */
/* report_users.h - the part of `sprout report` about what users say and show. */
#ifndef SPROUT_CLI_REPORT_USERS_H
#define SPROUT_CLI_REPORT_USERS_H

#include "control/savings.h"

/* Nothing where nobody said or showed anything. */
void sprout_report_users(const struct sprout_savings *r);

#endif
