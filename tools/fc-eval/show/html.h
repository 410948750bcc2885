/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_HTML_H
#define FC_EVAL_HTML_H

#include "base/buf.h"

/*
 * Appends text from outside (n bytes) so that it stays text in HTML and SVG, between tags and in
 * quoted attributes.  What is not UTF-8 becomes U+FFFD; control characters, and those that are
 * invisible or change the direction of what follows, become their number, as "[U+202E]": nothing
 * can look like something it is not.  Newlines and tabs stay.
 */
void eval_html_text(struct fc_buf *b, const char *p, size_t n);
void eval_html_texts(struct fc_buf *b, const char *s);

#endif
