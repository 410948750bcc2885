/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PROGRESS_H
#define FC_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * One progress display a process, on standard error: a bar with rate and time left on a terminal,
 * a line every 30 s elsewhere, nothing with -q.  total is 0 when unknown.  Call it from one thread.
 * Programs that share a terminal have a line each (base/board.h).
 */
void fc_progress_start(const char *unit, uint64_t total);
void fc_progress_set(uint64_t done, const char *note); /* note: NULL or a few words, borrowed */
/* Where the total is not known in the display's unit, how much of the input is done: part of whole,
 * in any unit.  whole 0: not known either.  Tell it before fc_progress_set(). */
void fc_progress_share(uint64_t part, uint64_t whole);
void fc_progress_end(void);
/* Whose line it is, behind the program's name unless fc_prog_label says it: the last parts of these
 * paths, of which NULL, "-" and devices have none. */
void fc_progress_name(const char *const *paths, size_t n);

/* What is shown after elapsed seconds: the bar of so many cells, share, number, rate, time left. */
struct fc_progress_state {
	const char *unit;
	uint64_t done, total;
	uint64_t first, part, whole; /* of fc_progress_share(); first: when the display began */
	bool no_rate;                /* where there is no room for it */
};
void fc_progress_text(
    struct fc_buf *b, const struct fc_progress_state *p, double elapsed, size_t cells);

double fc_now(void); /* seconds on the monotonic clock */

#endif
