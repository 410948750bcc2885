/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/scan.h"

#include "base/die.h"
#include "stream/reader.h"

static int read_stream(struct eval_scan *s, const char *path, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read got;
	int ret = 0;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	const char *name = fc_reader_name(r);
	s->n_vocab = fc_reader_header(r)->n_vocab;
	if (s->likeliest && fc_reader_header(r)->n_sample) {
		char draws[80];
		fc_header_draws_text(fc_reader_header(r), draws, sizeof draws);
		ret = fc_fail(e,
		    "%s has %s, which do not tell the likeliest token; make it again with fc-infer "
		    "-k",
		    name, draws);
	}
	fc_example_init(&x);
	while (ret == 0 && (got = fc_reader_example(r, &x, e)) != FC_READ_END)
		ret = got == FC_READ_ERROR ? -1 : s->take(s, &x, name, e);
	if (ret == 0 && s->end)
		ret = s->end(s, name, e);
	fc_example_release(&x);
	fc_reader_close(r);
	return ret;
}

static void scan(struct eval_scan *s, const char *path)
{
	struct fc_err e;
	if (read_stream(s, path, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t i = 0; i < eval_groups_count(&s->groups); i++) {
		const char *group;
		const struct eval_group *g = eval_groups_at(&s->groups, i, &group);
		s->put(s, path, group, g);
	}
	eval_groups_release(&s->groups);
}

void eval_scan_streams(struct eval_scan *s, char *const *paths, size_t n)
{
	if (n == 0)
		scan(s, "-");
	for (size_t i = 0; i < n; i++)
		scan(s, paths[i]);
}
