/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_NUMBER_H
#define FC_EVAL_NUMBER_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * The last number of a text in one spelling, "-1234.5": digits with an optional decimal fraction
 * (".5" is 0.5); commas between digits left out, or full stops where two or more part groups of
 * three ("1.000.000"); a minus before it or its currency (not after a letter or digit: "3-4" ends
 * in 4); zeros at both ends dropped.  A full stop that no digit follows ends the sentence.  False:
 * none.
 */
bool eval_number_last(struct fc_buf *out, const char *text);
/* Do both texts have a last number, and is it the same? */
bool eval_number_same_last(const char *a, const char *b);

#endif
