/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_JSONSCAN_H
#define FC_TEXT_JSONSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * JSON read value by value, without building anything: for lists of a million strings.  The text
 * must be valid UTF-8 (fc_utf8_check() it first).  White space before a value is skipped.
 */
struct fc_jsonscan {
	const char *p;
	size_t n, i; /* i: where the scanner is */
};

void fc_jsonscan_space(struct fc_jsonscan *s); /* skips white space */
/* Consumes c if it comes next. */
bool fc_jsonscan_char(struct fc_jsonscan *s, char c);
/* A string: *p is it without escapes, borrowed from the text or from b until b's next use.  false:
 * the next value is no well-formed string; so below. */
bool fc_jsonscan_string(struct fc_jsonscan *s, struct fc_buf *b, const char **p, size_t *n);
bool fc_jsonscan_integer(struct fc_jsonscan *s, int64_t *v);
bool fc_jsonscan_real(struct fc_jsonscan *s, double *v);
/* Passes over any value.  What is inside is checked for strings that end and brackets that match.
 */
bool fc_jsonscan_skip(struct fc_jsonscan *s);

#endif
