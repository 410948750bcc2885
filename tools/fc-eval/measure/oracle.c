/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "chat/invalid.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/grade.h"
#include "fc-eval/measure/groups.h"
#include "fc-eval/measure/significance.h"

struct options {
	const char *references, *out;
	enum fc_table_format format;
};

/* The answers of all sources, the same conversations in each. */
struct sources {
	char **path;               /* [n] */
	struct eval_grades *grade; /* [n] */
	size_t n;
};

static int read_source(struct sources *s, size_t i, const struct options *o, struct fc_err *e)
{
	struct eval_grades *g = &s->grade[i];
	if (eval_grades_read(s->path[i], o->references, &eval_grading_asked, g, e) < 0)
		return -1;
	for (size_t k = 0; k < g->n || k < s->grade[0].n; k++)
		if (k >= g->n || k >= s->grade[0].n || strcmp(g->v[k].id, s->grade[0].v[k].id)) {
			const struct eval_grades *more = k < g->n ? g : &s->grade[0];
			return fc_fail(e,
			    "%s and %s do not answer the same conversations: '%s' is at %s",
			    s->path[0], s->path[i], more->v[k].id, more->v[k].where);
		}
	return 0;
}

/* How many sources have conversation k right. */
static size_t n_right(const struct sources *s, size_t k)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += s->grade[i].v[k].right;
	return n;
}

/* Adds the row of source i; of s->n: of the oracle, which is right where any source is. */
static void add_row(struct fc_table *t, const struct sources *s, size_t i, const char *group,
    const struct eval_group *g)
{
	uint64_t right = 0, alone = 0;
	for (size_t k = 0; k < g->n; k++) {
		const size_t n = n_right(s, g->item[k]);
		const bool is_right = i == s->n ? n > 0 : s->grade[i].v[g->item[k]].right;
		right += is_right;
		alone += is_right && n == 1;
	}
	FC_TABLE_ROW(t, fc_cell_text(i == s->n ? "(best source)" : s->path[i]), fc_cell_text(group),
	    fc_cell_count(g->n), fc_cell_count(right), fc_cell_count(alone),
	    eval_significance_share(right, g->n));
}

static void add_rows(struct fc_table *t, const struct sources *s)
{
	struct eval_groups groups = {0};
	for (size_t k = 0; k < s->grade[0].n; k++)
		eval_groups_add(&groups, s->grade[0].v[k].category);
	for (size_t i = 0; i <= s->n; i++)
		for (size_t k = 0; k < eval_groups_count(&groups); k++) {
			const char *name;
			const struct eval_group *g = eval_groups_at(&groups, k, &name);
			add_row(t, s, i, name, g);
		}
	eval_groups_release(&groups);
}

static struct options asked;

static const struct fc_opt own[] = {
    FC_OPT_TEXT(0, "references", FC_OPT_IN, &asked.references, "FILE",
	"conversations with the right answers (default: those in ANSWERS)"),
    EVAL_OPT_FORMAT(&asked.format),
    EVAL_OPT_OUTPUT(&asked.out),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, eval_grading_opts, fc_invalid_options, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... ANSWERS...",
    .summary = "Reads several models' answers, writes how many the best of them for each "
	       "has right.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	fc_invalid_check();
	eval_grading_check();
	if (argc == 0)
		fc_die_usage("say whose answers: a file for every model");
	static const struct fc_column columns[] = {FC_COLUMN("answers"), FC_COLUMN("group"),
	    FC_COLUMN("conversations"), FC_COLUMN("right"), FC_COLUMN("alone"),
	    FC_COLUMN("accuracy", .decimals = 3, .interval = FC_INTERVAL_COLUMNS)};
	struct fc_table t = FC_TABLE(columns);
	struct fc_err e;
	struct sources s = {.path = argv, .n = (size_t)argc};
	s.grade = FC_ARRAY(struct eval_grades, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (read_source(&s, i, &o, &e) < 0)
			fc_die("%s", e.msg);
	if (fc_invalid_finish(&e) < 0)
		fc_die("%s", e.msg);
	add_rows(&t, &s);
	eval_print(&t, o.format, o.out);
	for (size_t i = 0; i < s.n; i++)
		eval_grades_release(&s.grade[i]);
	free(s.grade);
	fc_finish();
}

EVAL_COMMAND(70) = {"oracle", tables, &usage, run};
