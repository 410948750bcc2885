/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_BARLINE_H
#define FC_BASE_BARLINE_H

#include <stddef.h>

#include "base/buf.h"

/* The line on the terminal that progress is drawn in. */

/* Columns that the line may have so that it stays one line, which alone can be cleared, even if the
 * terminal writes ^C behind it; SIZE_MAX where the terminal does not say how wide it is. */
size_t fc_barline_columns(void);
/* Shortens text to so many columns at most, at a ", " if it has one.  More than ASCII counts as
 * two, the widest there is. */
void fc_barline_fit(struct fc_buf *text, size_t n_column);
/* How many bytes of p[n] fc_barline_fit() would leave. */
size_t fc_barline_cut(const char *p, size_t n, size_t n_column);
size_t fc_barline_width(const struct fc_buf *text);

#endif
