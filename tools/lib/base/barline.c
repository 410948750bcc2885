/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* struct winsize */
#include "base/barline.h"

#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

volatile sig_atomic_t fc_barline_drawn;

void fc_barline_clear(void)
{
	static const char clear[] = "\r\033[K";
	/* a terminal that takes nothing has nothing to be cleared */
	if (fc_barline_drawn && write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
		return;
	fc_barline_drawn = 0;
}

size_t fc_barline_columns(void)
{
	struct winsize w;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_col)
		return SIZE_MAX;
	return w.ws_col > 3 ? w.ws_col - 3u : 0;
}

/* The columns of the first n bytes. */
static size_t columns_of(const char *s, size_t n)
{
	size_t columns = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		columns += c < 0x80 ? 1 : c >= 0xc0 ? 2 : 0;
	}
	return columns;
}

size_t fc_barline_width(const struct fc_buf *text)
{
	return columns_of(text->p, text->n);
}

void fc_barline_fit(struct fc_buf *text, size_t n_column)
{
	size_t n = text->n, part;
	if (columns_of(text->p, n) <= n_column)
		return;
	while (
	    n && (columns_of(text->p, n) > n_column || ((unsigned char)text->p[n] & 0xc0) == 0x80))
		n--;
	for (part = n; part && !(text->p[part] == ',' && text->p[part + 1] == ' ');)
		part--;
	text->n = part ? part : n;
	text->p[text->n] = 0;
}
