/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/html.h"

#include <stdbool.h>
#include <string.h>

#include "text/utf8.h"

/* Is the character invisible, or does it change the direction of text?  Marks, embeddings,
 * overrides, isolates, zero width spaces, line and paragraph separators, the byte order mark,
 * deprecated tags; not joiners, which scripts and emoji need. */
static bool is_hidden(uint32_t c)
{
	return c == 0x61c || c == 0x200b || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xe0000 && c <= 0xe007f);
}

static void put_character(struct fc_buf *b, uint32_t c, const char *p, size_t n)
{
	if (c == '&')
		fc_buf_adds(b, "&amp;");
	else if (c == '<')
		fc_buf_adds(b, "&lt;");
	else if (c == '>')
		fc_buf_adds(b, "&gt;");
	else if (c == '"')
		fc_buf_adds(b, "&quot;");
	else if (c == '\'')
		fc_buf_adds(b, "&#39;");
	else if (c == '\n' || c == '\t')
		fc_buf_addc(b, (char)c);
	else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || is_hidden(c) || (c & 0xfffe) == 0xfffe)
		fc_buf_addf(b, "[U+%04X]", (unsigned)c);
	else
		fc_buf_add(b, p, n);
}

void eval_html_text(struct fc_buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = fc_utf8_get(p + i, n - i, &c);
		if (len && c == '\r' && i + 1 < n && p[i + 1] == '\n')
			; /* a line's end is one character */
		else if (len)
			put_character(b, c, p + i, len);
		else
			fc_buf_adds(b, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
}

void eval_html_texts(struct fc_buf *b, const char *s)
{
	eval_html_text(b, s, strlen(s));
}
