/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/html.h"

#include "t.h"

static void same(const char *text, size_t n, const char *expected)
{
	struct fc_buf b = FC_BUF_INIT;
	eval_html_text(&b, text, n);
	T_STR(b.p ? b.p : "", expected, expected);
	fc_buf_release(&b);
}
#define SAME(text, expected) same(text, sizeof(text) - 1, expected)

int main(void)
{
	SAME("", "");
	SAME("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	SAME("\" onload=\"x&amp;", "&quot; onload=&quot;x&amp;amp;");
	SAME("a\0b\x1b[0m\x7f", "a[U+0000]b[U+001B][0m[U+007F]");
	SAME("one\r\ntwo\n\tthree\r", "one\ntwo\n\tthree[U+000D]");
	SAME("\xe2\x80\xae"
	     "abc\xe2\x81\xa6",
	    "[U+202E]abc[U+2066]");
	SAME("\xc2\x85\xef\xbb\xbf\xe2\x80\xa8", "[U+0085][U+FEFF][U+2028]");
	SAME("\xef\xbf\xbe\xf0\x9f\xbf\xbf", "[U+FFFE][U+1FFFF]");
	SAME("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xd7\x90",
	    "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xd7\x90");
	SAME("\xc3(\xed\xa0\x80", "\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	return t_done();
}
