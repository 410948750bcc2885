/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/answer.h"
#include "fc-eval/bootstrap.h"
#include "fc-eval/commands.h"
#include "fc-eval/groups.h"

struct options {
	const char *by, *out;
	int format, match;
	bool ignore_case;
};

/* One conversation of either file. */
struct item {
	char *id, *where;
	char *answer;    /* the last assistant's message, or NULL */
	char *reference; /* member "answer", or NULL */
	char *category;  /* NULL without --by */
	bool right;
	size_t order; /* place in the file */
};

struct items {
	struct item *v;
	size_t n, cap;
};

static int by_id(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcmp(x->id, y->id);
	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

/* Reads a file, sorts by id. */
static int read_items(
    const char *path, const struct options *o, struct items *out, struct fc_err *e)
{
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	int got;
	if (fc_conversations_open(&r, &path, 1, e) < 0)
		return -1;
	while ((got = fc_conversations_next(r, &c, e)) > 0) {
		const char *answer = fc_answer_given(&c);
		FC_GROW(out->v, out->cap, out->n + 1);
		out->v[out->n] = (struct item){.id = fc_strdup(c.id),
		    .where = fc_strdup(fc_conversations_where(r)),
		    .answer = answer ? fc_strdup(answer) : NULL,
		    .reference = fc_answer_member(&c),
		    .category = o->by ? fc_category_name(c.extra, o->by) : NULL,
		    .order = out->n};
		out->n++;
	}
	fc_conversation_release(&c);
	fc_conversations_close(r);
	if (got < 0)
		return -1;
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, by_id);
	for (size_t i = 1; i < out->n; i++)
		if (!strcmp(out->v[i - 1].id, out->v[i].id))
			return fc_fail(e, "%s: conversation '%s' was already at %s",
			    out->v[i].where, out->v[i].id, out->v[i - 1].where);
	return 0;
}

static void release_items(struct items *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].id);
		free(s->v[i].where);
		free(s->v[i].answer);
		free(s->v[i].reference);
		free(s->v[i].category);
	}
	free(s->v);
}

static int judge(struct item *a, const struct item *ref, const struct options *o, struct fc_err *e)
{
	const char *expected = ref->reference;
	if (!expected && ref != a)
		expected = ref->answer;
	if (!a->answer)
		return fc_fail(e,
		    "%s: conversation '%s' does not end with an answer; run fc-infer --generate on "
		    "it",
		    a->where, a->id);
	if (!expected)
		return fc_fail(e, "%s: conversation '%s' has no reference: no member \"answer\"%s",
		    ref->where, ref->id, ref == a ? "" : " and no assistant's message at its end");
	a->right =
	    fc_answer_right(a->answer, expected, (enum fc_answer_match)o->match, o->ignore_case);
	return 0;
}

/* Both sorted by id: every answer meets its reference, and none is left over on either side. */
static int judge_all(struct items *a, const char *refs_path, const struct options *o,
    struct items *refs, struct fc_err *e)
{
	for (size_t i = 0; !refs_path && i < a->n; i++)
		if (judge(&a->v[i], &a->v[i], o, e) < 0)
			return -1;
	if (!refs_path)
		return 0;
	if (read_items(refs_path, o, refs, e) < 0)
		return -1;
	for (size_t i = 0; i < a->n || i < refs->n; i++) {
		int c = i == a->n ? 1 : i == refs->n ? -1 : strcmp(a->v[i].id, refs->v[i].id);
		if (c < 0)
			return fc_fail(e, "%s: conversation '%s' is not in %s", a->v[i].where,
			    a->v[i].id, strcmp(refs_path, "-") ? refs_path : "standard input");
		if (c > 0)
			return fc_fail(e, "%s: conversation '%s' has no answer", refs->v[i].where,
			    refs->v[i].id);
		if (judge(&a->v[i], &refs->v[i], o, e) < 0)
			return -1;
		if (o->by && !strcmp(a->v[i].category, FC_CATEGORY_NONE)) {
			free(a->v[i].category);
			a->v[i].category = fc_strdup(refs->v[i].category);
		}
	}
	return 0;
}

static struct fc_table *tabulate(const struct items *a)
{
	struct fc_groups groups = {0};
	struct fc_table *t = fc_table_new();
	for (size_t i = 0; i < a->n; i++)
		fc_groups_add(&groups, i, a->v[i].category);
	fc_table_column(t, "group", 0);
	fc_table_column(t, "conversations", 0);
	fc_table_column(t, "right", 0);
	fc_table_column(t, "accuracy", 3);
	fc_table_column(t, "accuracy_low", 3);
	fc_table_column(t, "accuracy_high", 3);
	for (size_t i = 0; i < fc_groups_count(&groups); i++) {
		const char *name;
		const struct fc_group *g = fc_groups_at(&groups, i, &name);
		uint64_t right = 0, n = g->n;
		for (size_t k = 0; k < n; k++)
			right += a->v[g->item[k]].right;
		struct fc_interval w = fc_bootstrap_wilson(right, n);
		fc_table_text(t, name);
		fc_table_int(t, n);
		fc_table_int(t, right);
		fc_table_real(t, (double)right / (double)n);
		fc_table_real(t, w.low);
		fc_table_real(t, w.high);
	}
	fc_groups_release(&groups);
	return t;
}

void fc_command_accuracy(int argc, char **argv)
{
	struct options o = {0};
	const struct fc_opt opts[] = {
	    {FC_OPT_STR, 0, "by", &o.by, "FIELD", "also by this member of the conversations' lines",
		0, 0},
	    {FC_OPT_CHOICE, 0, "match", &o.match, FC_ANSWER_MATCHES, "what counts as right", 0, 0},
	    {FC_OPT_FLAG, 0, "ignore-case", &o.ignore_case, NULL, "of ASCII letters", 0, 0},
	    {FC_OPT_CHOICE, 0, "format", &o.format, FC_TABLE_FORMATS, "of the output", 0, 0},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [ANSWERS [REFERENCES]]",
	    .summary = "Reads answered conversations, writes how many answers are right.",
	};
	fc_prog = "fc-eval accuracy";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	if (argc - first > 2)
		fc_die_usage("at most two files: answers and references");
	struct items answers = {0}, refs = {0};
	struct fc_err e;
	if (read_items(first < argc ? argv[first] : "-", &o, &answers, &e) < 0 ||
	    judge_all(&answers, first + 1 < argc ? argv[first + 1] : NULL, &o, &refs, &e) < 0)
		fc_die("%s", e.msg);
	fc_command_print(tabulate(&answers), (enum fc_table_format)o.format, o.out);
	release_items(&answers);
	release_items(&refs);
	fc_finish();
}
