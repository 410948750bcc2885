/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/resume.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-infer/generate.h"

struct resume {
	struct resume_line *line; /* [n] sorted by id */
	size_t n, cap;
};

static int ascending(const void *a, const void *b)
{
	return strcmp(((const struct resume_line *)a)->id, ((const struct resume_line *)b)->id);
}

/* Was an answer made as this run makes them?  The temperature may be its question's own. */
static bool same_settings(const json_t *made, const struct session *s)
{
	const double own = json_number_value(json_object_get(made, "temperature")),
		     given = s->opt->sampling.temperature;
	struct fc_buf text = FC_BUF_INIT;
	struct fc_err e;
	infer_answers_settings(&text, s, isnan(given) ? own : given);
	json_t *now = fc_json_text(text.p, text.n, "generation", &e);
	const bool same = now && json_equal(made, now);
	json_decref(now);
	fc_buf_release(&text);
	return same;
}

static int check_answer(
    const json_t *line, const struct session *s, const char *where, struct fc_err *e)
{
	const char *model = json_string_value(json_object_get(line, "model_id"));
	const size_t n_choice = json_array_size(json_object_get(line, "choices"));
	char *name = infer_session_name(s);
	int ret = 0;
	if (!model || strcmp(model, name))
		ret = fc_fail(e, "%s: an answer of model \"%.80s\", not of \"%s\"", where,
		    model ? model : "", name);
	else if (!same_settings(json_object_get(line, "generation"), s))
		ret = fc_fail(e, "%s: the answer was made with other options", where);
	else if (n_choice != (size_t)s->opt->n_choice)
		ret = fc_fail(
		    e, "%s: the answer has %zu choices, not %d", where, n_choice, s->opt->n_choice);
	free(name);
	return ret;
}

/* A line of the file, and its "choice" or -1. */
static int read_line(struct resume_line *l, json_int_t *choice, const struct session *s,
    const char *p, size_t n, const char *where, struct fc_err *e)
{
	json_t *line = fc_json_text(p, n, where, e);
	int ret = -1;
	*l = (struct resume_line){.id = NULL};
	if (!line)
		return -1;
	const json_t *answered = json_object_get(line, "question_id");
	l->is_answer = answered && json_object_get(line, "choices");
	const json_t *v = l->is_answer ? answered : json_object_get(line, "id");
	const json_t *number = l->is_answer ? NULL : json_object_get(line, "choice");
	*choice = json_is_integer(number) ? json_integer_value(number) : -1;
	if (l->is_answer && check_answer(line, s, where, e) < 0)
		goto out;
	if (!l->is_answer && (l->said = fc_policy_read(line, &l->by, e)) < 0)
		goto out;
	if (json_is_string(v)) {
		l->id = fc_strdup(json_string_value(v));
	} else if (json_is_integer(v)) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		l->id = fc_buf_detach(&b);
	} else {
		fc_fail(e, "%s: neither an answer nor a conversation with an id", where);
	}
	ret = l->id ? 0 : -1;
out:
	json_decref(line);
	return ret;
}

/* The lines of one conversation, which follow each other. */
struct group {
	size_t n;          /* so far; 0: it is complete, or there is none */
	json_int_t choice; /* of the line before, or -1 */
};

/* Is the line, which follows g, as a run with so many choices writes it? */
static int check_choices(const struct group *g, bool same_id, const struct resume_line *l,
    json_int_t choice, int n_choice, const char *where, struct fc_err *e)
{
	const bool in_group = !g->n || same_id;
	const bool good = n_choice > 1 ? in_group && choice == (json_int_t)g->n
				       : !same_id || choice < 1 || choice != g->choice + 1;
	if (l->is_answer || good)
		return 0;
	return fc_fail(
	    e, "%s: conversation '%s' was answered with another number of --choices", where, l->id);
}

/* Reads the whole lines of text. */
static int read_lines(struct resume *r, const struct session *s, const char *text, size_t n,
    size_t *keep, struct fc_err *e)
{
	struct group g = {0, -1};
	size_t number = 0;
	const char *end;
	*keep = 0;
	for (size_t at = 0; (end = memchr(text + at, '\n', n - at));
	     at = (size_t)(end - text) + 1) {
		struct resume_line l;
		json_int_t choice;
		char where[256];
		snprintf(where, sizeof where, "%s:%zu", s->opt->output, ++number);
		int ret = read_line(&l, &choice, s, text + at, (size_t)(end - text) - at, where, e);
		const bool same_id = ret == 0 && r->n && !strcmp(r->line[r->n - 1].id, l.id);
		if (ret == 0)
			ret = check_choices(&g, same_id, &l, choice, s->opt->n_choice, where, e);
		if (ret == 0 && !(g.n && same_id)) {
			FC_GROW(r->line, r->cap, r->n + 1);
			r->line[r->n++] = l;
			g.n = 0;
		} else {
			free(l.id);
		}
		if (ret < 0)
			return -1;
		g.choice = choice;
		if (++g.n == (l.is_answer ? 1 : (size_t)s->opt->n_choice)) {
			*keep = (size_t)(end - text) + 1;
			g.n = 0;
		}
	}
	if (g.n) /* choices of the last line are missing */
		free(r->line[--r->n].id);
	return 0;
}

int infer_resume_open(struct resume **out, const struct session *s, size_t *keep, struct fc_err *e)
{
	struct resume *r = FC_NEW(struct resume);
	struct fc_mapped m = {0};
	*out = r;
	*keep = 0;
	if (!fc_file_exists(s->opt->output))
		return 0;
	if (fc_mapped_open(&m, s->opt->output, e) < 0)
		return -1;
	int ret = m.n_bytes ? read_lines(r, s, m.p, m.n_bytes, keep, e) : 0;
	fc_mapped_close(&m);
	if (r->n)
		qsort(r->line, r->n, sizeof *r->line, ascending);
	return ret;
}

void infer_resume_close(struct resume *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->line[i].id);
	free(r->line);
	free(r);
}

const struct resume_line *infer_resume_find(const struct resume *r, const char *id)
{
	const struct resume_line key = {.id = (char *)(uintptr_t)id};
	return r->n ? bsearch(&key, r->line, r->n, sizeof *r->line, ascending) : NULL;
}
