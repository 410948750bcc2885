/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/eval.h"

#include <math.h>

#include "base/die.h"
#include "base/file.h"

void eval_command_measure_columns(
    struct fc_table *t, enum fc_table_format format, const char *const name[3], int decimals)
{
	fc_table_column(t, name[0], decimals);
	if (format == FC_TABLE_TEXT) {
		fc_table_column(t, "95% interval", 0);
		return;
	}
	fc_table_column(t, name[1], decimals);
	fc_table_column(t, name[2], decimals);
}

void eval_command_measure(
    struct fc_table *t, enum fc_table_format format, double v, struct fc_interval i, int decimals)
{
	fc_table_real(t, v);
	if (format != FC_TABLE_TEXT) {
		fc_table_real(t, i.low);
		fc_table_real(t, i.high);
	} else if (isnan(i.low)) {
		fc_table_none(t);
	} else {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "[%.*f, %.*f]", decimals, i.low, decimals, i.high);
		fc_table_text(t, b.p);
		fc_buf_release(&b);
	}
}

void eval_command_write(const struct fc_buf *text, const char *path)
{
	struct fc_err e;
	struct fc_out *out;
	if (fc_out_open(&out, path, FC_OUT_TEXT, &e) < 0 ||
	    fc_out_write(out, text->p, text->n, &e) < 0 || fc_out_commit(out, &e) < 0)
		fc_die("%s", e.msg);
}

void eval_command_print(struct fc_table *t, enum fc_table_format format, const char *path)
{
	struct fc_buf text = FC_BUF_INIT;
	fc_table_print(t, format, &text);
	fc_table_free(t);
	eval_command_write(&text, path);
	fc_buf_release(&text);
}
