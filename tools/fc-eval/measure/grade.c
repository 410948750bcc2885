/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/grade.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "fc-eval/checker.h"
#include "fc-eval/eval.h"
#include "text/category.h"

static int by_id(const void *a, const void *b)
{
	const struct eval_grade *x = a, *y = b;
	int c = strcmp(x->id, y->id);
	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

static uint64_t hash_of_users(const struct fc_conversation *c)
{
	uint64_t h = 0;
	for (size_t i = 0; i < c->n_message; i++)
		if (c->message[i].role == FC_ROLE_USER)
			h = fc_hash(c->message[i].content, c->message[i].n, h + 1);
	return h;
}

/* The answers are the checker's, too, in the order of the file, unless that is NULL. */
static int read_file(const char *path, const struct eval_grading *o, struct eval_checker *checker,
    struct eval_grades *out, struct fc_err *e)
{
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	int got;
	if (fc_conversations_open(&r, &path, 1, e) < 0)
		return -1;
	while ((got = fc_conversations_next(r, &c, e)) > 0) {
		char *category = NULL;
		const json_t *choice = json_object_get(c.extra, "choice");
		const bool several = json_is_integer(choice);
		const char *answer = eval_answer_given(&c);
		if (several && o->choice >= 0 && json_integer_value(choice) != o->choice)
			continue;
		if (o->by &&
		    (got = fc_category_name(
			 c.extra, o->by, fc_conversations_where(r), &category, e)) < 0)
			break;
		FC_GROW(out->v, out->cap, out->n + 1);
		out->v[out->n] = (struct eval_grade){.id = fc_strdup(c.id),
		    .where = fc_strdup(fc_conversations_where(r)),
		    .answer = answer ? fc_strdup(answer) : NULL,
		    .reference = eval_answer_member(&c),
		    .asked = hash_of_users(&c),
		    .category = category,
		    .one_of_several = several,
		    .order = out->n};
		if (checker)
			eval_checker_add(checker, &c, out->v[out->n].where);
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
			return fc_fail(e, "%s: conversation '%s' was already at %s%s",
			    out->v[i].where, out->v[i].id, out->v[i - 1].where,
			    out->v[i].one_of_several ? "; --choice takes one of several answers"
						     : "");
	return 0;
}

void eval_grades_release(struct eval_grades *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].id);
		free(s->v[i].where);
		free(s->v[i].answer);
		free(s->v[i].reference);
		free(s->v[i].category);
	}
	free(s->v);
	*s = (struct eval_grades){0};
}

static int mark_answer(struct eval_grade *a, const struct eval_grade *ref,
    const struct eval_grading *o, struct fc_err *e)
{
	const char *expected = ref->reference;
	if (!expected && ref != a)
		expected = ref->answer;
	if (!a->answer)
		return fc_fail(e,
		    "%s: conversation '%s' does not end with an answer; run fc-infer --generate on "
		    "it",
		    a->where, a->id);
	if (o->program)
		return 0; /* the program's to mark */
	if (!expected)
		return fc_fail(e, "%s: conversation '%s' has no reference: no member \"answer\"%s",
		    ref->where, ref->id, ref == a ? "" : " and no assistant's message at its end");
	a->right = eval_answer_right(a->answer, expected, o->match, o->ignore_case);
	return 0;
}

/* Every answer meets its reference, and none is left over on either side. */
static int mark_all(struct eval_grades *a, const struct eval_grades *refs, const char *refs_path,
    const struct eval_grading *o, struct fc_err *e)
{
	for (size_t i = 0; i < a->n || i < refs->n; i++) {
		int c = i == a->n ? 1 : i == refs->n ? -1 : strcmp(a->v[i].id, refs->v[i].id);
		if (c < 0)
			return fc_fail(e, "%s: conversation '%s' is not in %s", a->v[i].where,
			    a->v[i].id, strcmp(refs_path, "-") ? refs_path : "standard input");
		if (c > 0)
			return fc_fail(e, "%s: conversation '%s' has no answer", refs->v[i].where,
			    refs->v[i].id);
		if (mark_answer(&a->v[i], &refs->v[i], o, e) < 0)
			return -1;
		if (o->by && !strcmp(a->v[i].category, FC_CATEGORY_NONE)) {
			free(a->v[i].category);
			a->v[i].category = fc_strdup(refs->v[i].category);
		}
	}
	return 0;
}

static int mark_by_program(struct eval_grades *a, const char *path, struct eval_checker *checker,
    const char *command, struct fc_err *e)
{
	struct fc_buf name = FC_BUF_INIT;
	fc_buf_addf(&name, "--program on %s", strcmp(path, "-") ? path : "standard input");
	int ret = eval_checker_run(checker, name.p, command, e);
	for (size_t i = 0; ret == 0 && i < a->n; i++)
		a->v[i].right = checker->number[a->v[i].order] >= 1;
	fc_buf_release(&name);
	return ret;
}

int eval_grades_read(const char *path, const char *refs_path, const struct eval_grading *o,
    struct eval_grades *out, struct fc_err *e)
{
	struct eval_grades refs = {0};
	struct eval_checker checker = {0};
	int ret = read_file(path, o, o->program ? &checker : NULL, out, e);
	for (size_t i = 0; ret == 0 && !refs_path && i < out->n; i++)
		ret = mark_answer(&out->v[i], &out->v[i], o, e);
	if (ret == 0 && refs_path)
		ret = read_file(refs_path, o, NULL, &refs, e);
	if (ret == 0 && refs_path)
		ret = mark_all(out, &refs, refs_path, o, e);
	if (ret == 0 && o->program)
		ret = mark_by_program(out, path, &checker, o->program, e);
	eval_grades_release(&refs);
	eval_checker_release(&checker);
	return ret;
}

struct eval_grading eval_grading_asked = {.choice = -1};

void eval_grading_check(void)
{
	const struct eval_grading *o = &eval_grading_asked;
	if ((o->match == EVAL_ANSWER_N) != (o->program != NULL))
		fc_die_usage("--match program needs --program, and nothing else does");
	if (o->ignore_case && (o->program || o->match == EVAL_ANSWER_LAST_NUMBER))
		fc_die_usage("--ignore-case is for --match exact and last-word");
}

static const char *const match_words[] = {[EVAL_ANSWER_EXACT] = "exact",
    [EVAL_ANSWER_LAST_WORD] = "last-word",
    [EVAL_ANSWER_LAST_NUMBER] = "last-number",
    [EVAL_ANSWER_N] = "program",
    NULL};
_Static_assert(FC_LEN(match_words) == EVAL_ANSWER_N + 2, "a word each");

const struct fc_opt eval_grading_opts[] = {
    EVAL_OPT_BY(&eval_grading_asked.by),
    FC_OPT_WORD(
	0, "match", FC_OPT_DECIDES, &eval_grading_asked.match, match_words, "what counts as right"),
    FC_OPT_TEXT(0, "program", FC_OPT_DECIDES, &eval_grading_asked.program, "CMD",
	"of program: a shell command that reads lines and writes a number for each"),
    FC_OPT_FLAG(
	0, "ignore-case", FC_OPT_DECIDES, &eval_grading_asked.ignore_case, "of ASCII letters"),
    FC_OPT_INT(0, "choice", FC_OPT_DECIDES, &eval_grading_asked.choice, "N", 0, 1023,
	"of several answers to a conversation, the one that counts"),
    FC_OPT_END,
};
