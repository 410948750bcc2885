/* SPDX-License-Identifier: Apache-2.0 */
#include "text/jsonl.h"

int fc_jsonl_each(const char *path,
    int (*take)(void *ctx, json_t *o, const char *where, struct fc_err *e), void *ctx,
    struct fc_err *e)
{
	struct fc_lines *lines;
	char *p;
	size_t n;
	int got;
	if (fc_lines_open(&lines, path, e) < 0)
		return -1;
	while ((got = fc_lines_next(lines, &p, &n, e)) > 0) {
		if (fc_line_is_blank(p, n))
			continue;
		json_t *o = fc_json_text(p, n, fc_lines_where(lines), e);
		got = o ? take(ctx, o, fc_lines_where(lines), e) : -1;
		if (got < 0)
			break;
	}
	fc_lines_close(lines);
	return got;
}
