/* SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/barline.h"
#include "base/board.h"
#include "base/ending.h"
#include "base/file.h"
#include "base/prog.h"

static struct {
	struct fc_progress_state at;
	double start_s, shown_s;
	bool active, on_terminal, has_first;
} bar;

static char *name_of_run;

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
	bar.at.unit = unit;
	bar.at.total = total;
	bar.on_terminal = fc_board_on_terminal();
	if (bar.on_terminal)
		fc_ending_arm();
	bar.start_s = bar.shown_s = fc_now();
}

void fc_progress_share(uint64_t part, uint64_t whole)
{
	if (!bar.has_first)
		bar.at.first = part;
	bar.has_first = true;
	bar.at.part = part;
	bar.at.whole = whole;
}

/* 950, 49.7k, 1.25M: three digits at least, as large numbers are read. */
static void add_number(struct fc_buf *b, double n)
{
	static const char prefix[] = "kMGTP";
	size_t i = 0;
	if (n < 999.5) {
		fc_buf_addf(b, "%.3g", n);
		return;
	}
	for (n /= 1000; n >= 999.5 && prefix[i + 1]; i++)
		n /= 1000;
	fc_buf_addf(b, "%.*f%c", n < 9.995 ? 2 : n < 99.95 ? 1 : 0, n, prefix[i]);
}

static void add_time_left(struct fc_buf *b, double seconds)
{
	if (seconds >= 3600)
		fc_buf_addf(b, ", %.0f h %02.0f min left", (double)(long)(seconds / 3600),
		    (double)((long)seconds % 3600 / 60));
	else if (seconds >= 60)
		fc_buf_addf(b, ", %ld min %02ld s left", (long)seconds / 60, (long)seconds % 60);
	else
		fc_buf_addf(b, ", %.0f s left", seconds);
}

void fc_progress_text(
    struct fc_buf *b, const struct fc_progress_state *p, double elapsed, size_t cells)
{
	const bool bytes = !strcmp(p->unit, "B");
	const uint64_t whole = p->total ? p->total : p->whole, part = p->total ? p->done : p->part,
		       first = p->total ? 0 : p->first;
	const double share = part < whole ? (double)part / (double)whole : 1;
	if (whole && cells) {
		fc_buf_addc(b, '[');
		for (size_t i = 0; i < cells; i++)
			fc_buf_addc(b, i < (size_t)(share * (double)cells) ? '#' : '.');
		fc_buf_adds(b, "] ");
	}
	if (whole)
		fc_buf_addf(b, "%3.0f %%, ", share * 100);
	if (bytes)
		add_number(b, (double)p->done);
	else
		fc_buf_addf(b, "%" PRIu64, p->done);
	fc_buf_addf(b, "%s%s", bytes ? "" : " ", p->unit);
	if (!p->no_rate) {
		fc_buf_adds(b, ", ");
		add_number(b, elapsed > 0 ? (double)p->done / elapsed : 0);
		fc_buf_addf(b, "%s%s/s", bytes ? "" : " ", p->unit);
	}
	if (part < whole && part > first)
		add_time_left(b, elapsed * (double)(whole - part) / (double)(part - first));
}

void fc_progress_name(const char *const *paths, size_t n)
{
	enum { LONGEST = 40 };
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		const char *path = paths[i];
		if (!path || !strcmp(path, "-") || !strncmp(path, "/dev/", 5))
			continue;
		char *name = fc_path_name(path);
		fc_buf_addf(&b, "%s%s", b.n ? " " : "", name);
		free(name);
	}
	for (size_t i = 0; i < b.n; i++)
		if ((unsigned char)b.p[i] < ' ' || b.p[i] == 127)
			b.p[i] = '?';
	if (b.n > LONGEST) {
		b.n = LONGEST - 3;
		while (b.n && ((unsigned char)b.p[b.n] & 0xc0) == 0x80)
			b.n--;
		fc_buf_adds(&b, "...");
	}
	free(name_of_run);
	name_of_run = b.n ? fc_buf_detach(&b) : NULL;
	fc_buf_release(&b);
}

/* What tells this run from others: what it says of itself, or the names of its files. */
static const char *run_label(void)
{
	return fc_prog_label ? fc_prog_label : name_of_run;
}

/* The whole line.  label: may be NULL. */
static void line_text(
    struct fc_buf *b, const char *label, double elapsed, size_t cells, const char *note)
{
	b->n = 0;
	fc_buf_addf(b, "%s%s%s: ", fc_prog, label ? " " : "", label ? label : "");
	fc_progress_text(b, &bar.at, elapsed, cells);
	if (note)
		fc_buf_addf(b, ", %s", note);
}

/* On a terminal, first the bar gives way, then the rate, the label, and what is at the end. */
static void fit_text(struct fc_buf *b, double elapsed, const char *note)
{
	const size_t room = fc_barline_columns();
	bar.at.no_rate = false;
	for (size_t cells = 24; cells >= 8; cells -= 4) {
		line_text(b, run_label(), elapsed, cells, note);
		if (fc_barline_width(b) <= room)
			return;
	}
	line_text(b, run_label(), elapsed, 0, note);
	bar.at.no_rate = fc_barline_width(b) > room;
	line_text(b, run_label(), elapsed, 0, note);
	if (fc_barline_width(b) > room)
		line_text(b, NULL, elapsed, 0, note);
	fc_barline_fit(b, room);
}

static void draw_bar(uint64_t done, const char *note, double now)
{
	struct fc_buf b = FC_BUF_INIT;
	bar.at.done = done;
	if (bar.on_terminal) {
		fit_text(&b, now - bar.start_s, note);
		fc_board_show(b.p);
	} else {
		line_text(&b, run_label(), now - bar.start_s, 0, note);
		fprintf(stderr, "%s\n", b.p);
		fflush(stderr);
	}
	fc_buf_release(&b);
}

void fc_progress_set(uint64_t done, const char *note)
{
	if (!bar.active)
		return;
	double now = fc_now();
	if (now - bar.shown_s < (bar.on_terminal ? 0.1 : 30))
		return;
	bar.shown_s = now;
	draw_bar(done, note, now);
}

void fc_progress_end(void)
{
	fc_board_leave();
	bar.active = false;
}
