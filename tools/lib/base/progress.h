/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PROGRESS_H
#define FC_BASE_PROGRESS_H

#include <stdint.h>

/*
 * One progress display a process, on standard error: a bar with rate and time left on a terminal,
 * a line every 30 s elsewhere, nothing with -q.  total is 0 when unknown.  Call it from one thread.
 */
void fc_progress_start(const char *unit, uint64_t total);
void fc_progress_set(uint64_t done, const char *note); /* note: NULL or a few words, borrowed */
void fc_progress_end(void);
void fc_progress_clear(void); /* wipes the bar before another message is printed */

double fc_now(void); /* seconds on the monotonic clock */

#endif
