/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_OPT_ROWS_H
#define FC_BASE_OPT_ROWS_H

#include "base/opt.h"

/* All rows of a list of tables, and behind them those that every program has. */
struct fc_opt_rows {
	const struct fc_opt **v;
	size_t n;
};
struct fc_opt_rows fc_opt_rows_of(const struct fc_opt *const *tables);
void fc_opt_rows_release(struct fc_opt_rows *r);

bool fc_opt_takes_value(const struct fc_opt *o);
bool fc_opt_is_path(const struct fc_opt *o);
/* Not in --help nor in completions: headings, old names and what only programs ask. */
bool fc_opt_is_hidden(const struct fc_opt *o);
/* Appends what stands for the value: arg, or the words with bars between them. */
void fc_opt_add_arg(struct fc_buf *b, const struct fc_opt *o);

/* Puts the value that text says at the option's destination; ends with status 2 where it is none.
 */
void fc_opt_store(const struct fc_opt *o, const char *text);

#endif
