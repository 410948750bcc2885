/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/bootstrap.h"
#include "fc-eval/commands.h"
#include "fc-eval/forced.h"
#include "fc-eval/groups.h"
#include "stream/reader.h"

struct options {
	const char *by, *out;
	int format, match;
};

/* One stream's conversations. */
struct verdicts {
	struct fc_groups groups;
	enum fc_forced *verdict; /* [n] */
	size_t n, cap;
};

static int read_stream(
    const char *path, const struct options *o, struct verdicts *v, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read got;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	fc_example_init(&x);
	while ((got = fc_reader_example(r, &x, e)) == FC_READ_RECORD) {
		const char *name = fc_reader_name(r);
		char *category = NULL;
		FC_GROW(v->verdict, v->cap, v->n + 1);
		if (fc_forced_of(&v->verdict[v->n], &x, (enum fc_answer_match)o->match, name, e) <
			0 ||
		    (o->by && fc_category_parse(x.meta.p, x.meta.n, o->by, name, &category, e) < 0))
			break;
		fc_groups_add(&v->groups, v->n++, category);
		free(category);
	}
	fc_example_release(&x);
	fc_reader_close(r);
	return got == FC_READ_END ? 0 : -1;
}

static void put_group(struct fc_table *t, const char *path, const struct verdicts *v, size_t number)
{
	const char *name;
	const struct fc_group *g = fc_groups_at(&v->groups, number, &name);
	uint64_t count[3] = {0}, n = g->n;
	for (size_t i = 0; i < g->n; i++)
		count[v->verdict[g->item[i]]]++;
	const uint64_t right = count[FC_FORCED_RIGHT], unknown = count[FC_FORCED_UNKNOWN];
	const struct fc_interval w = fc_bootstrap_wilson(right, n);
	fc_table_text(t, path);
	fc_table_text(t, name);
	fc_table_int(t, n);
	fc_table_int(t, right);
	fc_table_int(t, count[FC_FORCED_WRONG]);
	fc_table_int(t, unknown);
	fc_table_real(t, (double)right / (double)n);
	fc_table_real(t, w.low);
	fc_table_real(t, w.high);
	fc_table_real(t, (double)(right + unknown) / (double)n);
}

static void put_stream(struct fc_table *t, const struct options *o, const char *path)
{
	struct fc_err e;
	struct verdicts v = {0};
	if (read_stream(path, o, &v, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t i = 0; i < fc_groups_count(&v.groups); i++)
		put_group(t, path, &v, i);
	fc_groups_release(&v.groups);
	free(v.verdict);
}

void fc_command_exact(int argc, char **argv)
{
	struct options o = {0};
	const struct fc_opt opts[] = {
	    {FC_OPT_STR, 0, "by", &o.by, "FIELD", "also by this member of the conversations' lines",
		0, 0},
	    {FC_OPT_CHOICE, 0, "match", &o.match, "exact|last-word", "what has to be right", 0, 0},
	    {FC_OPT_CHOICE, 0, "format", &o.format, FC_TABLE_FORMATS, "of the output", 0, 0},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [STREAM]...",
	    .summary = "Reads distribution streams, writes how often the likeliest tokens are the "
		       "answer.",
	};
	fc_prog = "fc-eval exact";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "stream", 0);
	fc_table_column(t, "group", 0);
	fc_table_column(t, "conversations", 0);
	fc_table_column(t, "right", 0);
	fc_table_column(t, "wrong", 0);
	fc_table_column(t, "unknown", 0);
	fc_table_column(t, "accuracy", 3);
	fc_table_column(t, "accuracy_low", 3);
	fc_table_column(t, "accuracy_high", 3);
	fc_table_column(t, "at_most", 3);
	if (first == argc)
		put_stream(t, &o, "-");
	for (int i = first; i < argc; i++)
		put_stream(t, &o, argv[i]);
	fc_command_print(t, (enum fc_table_format)o.format, o.out);
	fc_finish();
}
