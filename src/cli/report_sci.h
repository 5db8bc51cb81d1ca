/* SPDX-License-Identifier: Apache-2.0 */
/* report_sci.h - two more forms of `sprout report`; for cmd_report.c only. */
#ifndef SPROUT_CLI_REPORT_SCI_H
#define SPROUT_CLI_REPORT_SCI_H

#include "control/savings.h"

/* The report as a Software Carbon Intensity; the exit code. */
int sprout_report_sci(const struct sprout_savings *r, bool json);

/* The rows of the report as CSV (RFC 4180), a header first.  What is unknown is empty. */
void sprout_report_rows_csv(const struct sprout_savings *r);

#endif
