/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/eval.h"

#include "base/die.h"

void eval_print(struct fc_table *t, enum fc_table_format format, const char *path)
{
	struct fc_err e;
	if (fc_table_write(t, format, NULL, path, &e) < 0)
		fc_die("%s", e.msg);
}
