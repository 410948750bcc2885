/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/select/candidates.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/category.h"

/* A member of a line that is text, else what is given; new. */
static char *text_member(const struct fc_conversation *c, const char *key, const char *otherwise)
{
	const char *v = json_string_value(json_object_get(c->extra, key));
	return fc_strdup(v ? v : otherwise);
}

static int add_candidate(struct eval_candidates *s, struct fc_conversation *c, const char *file,
    const char *where, bool keep_truncated, struct fc_err *e)
{
	const struct fc_message *last = c->n_message ? &c->message[c->n_message - 1] : NULL;
	if (!last || last->role != FC_ROLE_ASSISTANT)
		return fc_fail(e,
		    "%s: conversation '%s' does not end with an answer; run fc-infer --generate on "
		    "it",
		    where, c->id);
	if (fc_message_is_truncated(last) && !keep_truncated) {
		s->n_truncated++;
		return 0;
	}
	const json_t *choice = json_object_get(c->extra, "choice");
	FC_GROW(s->v, s->cap, s->n + 1);
	struct eval_candidate *a = &s->v[s->n];
	*a = (struct eval_candidate){.c = *c,
	    .where = fc_strdup(where),
	    .choice = json_integer_value(choice),
	    .reward = NAN,
	    .order = s->n++};
	*c = (struct fc_conversation){0};
	a->prompt_id = text_member(&a->c, "answer_of", a->c.id);
	a->source = text_member(&a->c, "source", file);
	return 0;
}

static int read_file(
    struct eval_candidates *s, const char *path, bool keep_truncated, struct fc_err *e)
{
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	char *file = fc_path_stem(path, ".jsonl");
	int got = fc_conversations_open(&r, &path, 1, e);
	while (got >= 0 && (got = fc_conversations_next(r, &c, e)) > 0)
		got = add_candidate(s, &c, file, fc_conversations_where(r), keep_truncated, e);
	fc_conversation_release(&c);
	fc_conversations_close(r);
	free(file);
	return got;
}

static int by_prompt(const void *a, const void *b)
{
	const struct eval_candidate *x = a, *y = b;
	if (x->prompt != y->prompt)
		return x->prompt < y->prompt ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Numbers prompts and sources, and sorts by prompt. */
static void group_by_prompt(struct eval_candidates *s)
{
	struct fc_categories prompts = {0}, sources = {0};
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].prompt = fc_categories_number(&prompts, s->v[i].prompt_id);
		s->v[i].n_source = fc_categories_number(&sources, s->v[i].source);
	}
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, by_prompt);
	s->n_prompt = prompts.n;
	s->first = FC_ARRAY(size_t, s->n_prompt + 1);
	for (size_t i = s->n; i-- > 0;)
		s->first[s->v[i].prompt] = i;
	s->first[s->n_prompt] = s->n;
	s->n_source = sources.n;
	s->source = FC_ARRAY(char *, s->n_source + 1);
	for (size_t i = 0; i < s->n_source; i++)
		s->source[i] = fc_strdup(sources.name[i]);
	fc_categories_release(&prompts);
	fc_categories_release(&sources);
}

static bool same_message(const struct fc_message *a, const struct fc_message *b)
{
	return a->role == b->role && a->n == b->n && !memcmp(a->content, b->content, a->n);
}

static bool same_prompt(const struct fc_conversation *a, const struct fc_conversation *b)
{
	bool same = a->n_message == b->n_message;
	for (size_t i = 0; same && i + 1 < a->n_message; i++)
		same = same_message(&a->message[i], &b->message[i]);
	return same;
}

static int check_candidates(const struct eval_candidates *s, struct fc_err *e)
{
	for (size_t i = 1; i < s->n; i++) {
		const struct eval_candidate *b = &s->v[i];
		for (size_t k = s->first[b->prompt]; k < i; k++) {
			const struct eval_candidate *a = &s->v[k];
			if (k == s->first[b->prompt] && !same_prompt(&a->c, &b->c))
				return fc_fail(e,
				    "%s: conversation '%s' has other messages before its last "
				    "answer "
				    "than at %s; a prompt is to ask for one answer, at its end",
				    b->where, b->prompt_id, a->where);
			if (a->n_source == b->n_source && a->choice == b->choice)
				return fc_fail(e,
				    "%s: '%s' answered conversation '%s' already at %s; files are "
				    "told apart by their names, answers of one by the member "
				    "\"choice\"",
				    b->where, b->source, b->prompt_id, a->where);
		}
	}
	return 0;
}

/* Names with colons may give two answers one id of their own. */
static int check_ids(struct eval_candidates *s, struct fc_err *e)
{
	struct eval_named *named = eval_candidates_index(s);
	int ret = 0;
	for (size_t i = 1; ret == 0 && i < s->n; i++)
		if (!strcmp(named[i - 1].id, named[i].id))
			ret = fc_fail(e,
			    "%s and %s: both answers would be called '%s'; rename a prompt or a "
			    "source",
			    named[i - 1].a->where, named[i].a->where, named[i].id);
	eval_candidates_unindex(named, s->n);
	return ret;
}

int eval_candidates_read(struct eval_candidates *s, const char *const *paths, int n_paths,
    bool keep_truncated, struct fc_err *e)
{
	for (int i = 0; i < n_paths; i++)
		if (read_file(s, paths[i], keep_truncated, e) < 0)
			return -1;
	group_by_prompt(s);
	return check_candidates(s, e) < 0 ? -1 : check_ids(s, e);
}

void eval_candidates_release(struct eval_candidates *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct eval_candidate *a = &s->v[i];
		fc_conversation_release(&a->c);
		free(a->prompt_id);
		free(a->source);
		free(a->where);
	}
	for (size_t i = 0; i < s->n_source; i++)
		free(s->source[i]);
	free(s->source);
	free(s->first);
	free(s->v);
	*s = (struct eval_candidates){0};
}

const char *eval_candidate_answer(const struct eval_candidate *a)
{
	return a->c.message[a->c.n_message - 1].content;
}

char *eval_candidate_id(const struct eval_candidate *a)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s:%s:%" PRId64, a->prompt_id, a->source, a->choice);
	return fc_buf_detach(&b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct eval_named *)a)->id, ((const struct eval_named *)b)->id);
}

struct eval_named *eval_candidates_index(struct eval_candidates *s)
{
	struct eval_named *named = FC_ARRAY(struct eval_named, s->n + 1);
	for (size_t i = 0; i < s->n; i++)
		named[i] = (struct eval_named){eval_candidate_id(&s->v[i]), &s->v[i]};
	if (s->n)
		qsort(named, s->n, sizeof *named, by_name);
	return named;
}

void eval_candidates_unindex(struct eval_named *by_id, size_t n)
{
	for (size_t i = 0; by_id && i < n; i++)
		free(by_id[i].id);
	free(by_id);
}

struct eval_candidate *eval_candidates_find(
    const struct eval_named *by_id, size_t n, const char *id)
{
	const struct eval_named key = {(char *)id, NULL}; /* only compared */
	const struct eval_named *found = n ? bsearch(&key, by_id, n, sizeof *by_id, by_name) : NULL;
	return found ? found->a : NULL;
}
