/* SPDX-License-Identifier: Apache-2.0 */
#include "text/jsonl.h"

int fc_jsonl_each(const char *path,
    int (*take)(void *ctx, json_t *o, const char *where, struct fc_err *e), void *ctx,
    struct fc_err *e)
{
	struct fc_records *r;
	char *p;
	size_t n;
	int got;
	if (fc_records_open(&r, path, e) < 0)
		return -1;
	while ((got = fc_records_next(r, &p, &n, e)) > 0) {
		json_t *o = fc_json_text(p, n, fc_records_where(r), e);
		got = o ? take(ctx, o, fc_records_where(r), e) : -1;
		if (got < 0)
			break;
	}
	fc_records_close(r);
	return got;
}
