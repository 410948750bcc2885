/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* struct winsize */
#include "base/barline.h"

#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

size_t fc_barline_cut(const char *p, size_t n, size_t n_column)
{
	size_t kept = n, part;
	if (columns_of(p, n) <= n_column)
		return n;
	while (kept && (columns_of(p, kept) > n_column || ((unsigned char)p[kept] & 0xc0) == 0x80))
		kept--;
	for (part = kept; part && !(p[part] == ',' && p[part + 1] == ' ');)
		part--;
	return part ? part : kept;
}

void fc_barline_fit(struct fc_buf *text, size_t n_column)
{
	text->n = fc_barline_cut(text->p, text->n, n_column);
	text->p[text->n] = 0;
}
