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
	char **id; /* [n] sorted */
	size_t n, cap;
};

static int ascending(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
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

/* The id of a line as text, new, and the number of lines there are of it; NULL: error. */
static char *read_line(const struct session *s, const char *p, size_t n, const char *where,
    size_t *n_lines, struct fc_err *e)
{
	json_t *line = fc_json_text(p, n, where, e);
	char *id = NULL;
	if (!line)
		return NULL;
	const json_t *answered = json_object_get(line, "question_id");
	const bool is_answer = answered && json_object_get(line, "choices");
	const json_t *v = is_answer ? answered : json_object_get(line, "id");
	*n_lines = is_answer ? 1 : (size_t)s->opt->n_choice;
	if (is_answer && check_answer(line, s, where, e) < 0)
		goto out;
	if (json_is_string(v)) {
		id = fc_strdup(json_string_value(v));
	} else if (json_is_integer(v)) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		id = fc_buf_detach(&b);
	} else {
		fc_fail(e, "%s: neither an answer nor a conversation with an id", where);
	}
out:
	json_decref(line);
	return id;
}

/* Reads the whole lines of text; those of one id follow each other. */
static int read_lines(struct resume *r, const struct session *s, const char *text, size_t n,
    size_t *keep, struct fc_err *e)
{
	size_t number = 0, n_same = 0;
	const char *end;
	*keep = 0;
	for (size_t at = 0; (end = memchr(text + at, '\n', n - at));
	     at = (size_t)(end - text) + 1) {
		char where[256];
		size_t n_lines;
		snprintf(where, sizeof where, "%s:%zu", s->opt->output, ++number);
		char *id = read_line(s, text + at, (size_t)(end - text) - at, where, &n_lines, e);
		if (!id)
			return -1;
		n_same = r->n && n_same && !strcmp(r->id[r->n - 1], id) ? n_same + 1 : 1;
		if (n_same == 1) {
			FC_GROW(r->id, r->cap, r->n + 1);
			r->id[r->n++] = id;
		} else {
			free(id);
		}
		if (n_same == n_lines) {
			*keep = (size_t)(end - text) + 1;
			n_same = 0;
		}
	}
	if (n_same) /* choices of the last line are missing */
		free(r->id[--r->n]);
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
		qsort(r->id, r->n, sizeof *r->id, ascending);
	return ret;
}

void infer_resume_close(struct resume *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->id[i]);
	free(r->id);
	free(r);
}

bool infer_resume_has(const struct resume *r, const char *id)
{
	return r->n && bsearch(&id, r->id, r->n, sizeof *r->id, ascending);
}
