/* SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/prog.h"

static struct {
	const char *unit;
	uint64_t total;
	double start_s, shown_s;
	bool active, on_terminal, drawn;
} bar;

double fc_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void fc_progress_start(const char *unit, uint64_t total)
{
	memset(&bar, 0, sizeof bar);
	if (fc_quiet)
		return;
	bar.active = true;
	bar.unit = unit;
	bar.total = total;
	bar.on_terminal = isatty(STDERR_FILENO);
	bar.start_s = bar.shown_s = fc_now();
}

void fc_progress_clear(void)
{
	if (bar.drawn)
		fputs("\r\033[K", stderr);
	bar.drawn = false;
}

static void print_time_left(double seconds)
{
	if (seconds >= 3600)
		fprintf(stderr, ", %.0f h %02.0f min left", (double)(long)(seconds / 3600),
		    (double)((long)seconds % 3600 / 60));
	else if (seconds >= 60)
		fprintf(stderr, ", %ld min %02ld s left", (long)seconds / 60, (long)seconds % 60);
	else
		fprintf(stderr, ", %.0f s left", seconds);
}

static void draw(uint64_t done, const char *note, double now)
{
	double elapsed = now - bar.start_s, rate = elapsed > 0 ? (double)done / elapsed : 0;
	fc_progress_clear();
	if (bar.total) {
		double share = done < bar.total ? (double)done / (double)bar.total : 1;
		if (bar.on_terminal) {
			char cells[25];
			for (int i = 0; i < 24; i++)
				cells[i] = i < (int)(share * 24) ? '#' : '.';
			cells[24] = 0;
			fprintf(stderr, "%s: [%s] ", fc_prog, cells);
		} else {
			fprintf(stderr, "%s: ", fc_prog);
		}
		fprintf(stderr, "%3.0f %%, ", share * 100);
	} else {
		fprintf(stderr, "%s: ", fc_prog);
	}
	fprintf(stderr, "%" PRIu64 " %s, %.4g/s", done, bar.unit, rate);
	if (bar.total && rate > 0 && done < bar.total)
		print_time_left((double)(bar.total - done) / rate);
	if (note)
		fprintf(stderr, ", %s", note);
	if (bar.on_terminal)
		bar.drawn = true;
	else
		fputc('\n', stderr);
	fflush(stderr);
}

void fc_progress_set(uint64_t done, const char *note)
{
	if (!bar.active)
		return;
	double now = fc_now();
	if (now - bar.shown_s < (bar.on_terminal ? 0.1 : 30))
		return;
	bar.shown_s = now;
	draw(done, note, now);
}

void fc_progress_end(void)
{
	fc_progress_clear();
	bar.active = false;
}
