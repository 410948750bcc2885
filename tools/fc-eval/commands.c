/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/commands.h"

#include "base/die.h"
#include "base/file.h"

void fc_command_print(struct fc_table *t, enum fc_table_format format, const char *path)
{
	struct fc_err e;
	struct fc_buf text = FC_BUF_INIT;
	struct fc_out *out;
	fc_table_print(t, format, &text);
	fc_table_free(t);
	if (fc_out_open(&out, path, false, &e) < 0 || fc_out_write(out, text.p, text.n, &e) < 0 ||
	    fc_out_commit(out, &e) < 0)
		fc_die("%s", e.msg);
	fc_buf_release(&text);
}
