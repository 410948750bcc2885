/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/winrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/utf8.h"

static double code_points(const json_t *v)
{
	return (double)fc_utf8_count(json_string_value(v), json_string_length(v));
}

static int find_instruction(const struct fc_categories *known, const json_t *o, const char *where,
    size_t *number, struct fc_err *e)
{
	const char *s = json_string_value(json_object_get(o, "instruction"));
	for (*number = 0; s && *number < known->n; ++*number)
		if (!strcmp(known->name[*number], s))
			return 0;
	return fc_fail(e, "%s: its instruction is not among the outputs'", where);
}

static int read_one(struct eval_preferences *p, const json_t *o, const char *where,
    const struct fc_categories *instructions, struct fc_err *e)
{
	const char *model;
	double preference;
	const json_t *a = json_object_get(o, "output_1"), *b = json_object_get(o, "output_2");
	if (fc_json_str(o, "generator_2", NULL, &model, where, e) < 0 ||
	    fc_json_real(o, "preference", NAN, &preference, where, e) < 0)
		return -1;
	if (!model || !json_is_string(a) || !json_is_string(b))
		return fc_fail(
		    e, "%s: expected an annotation: texts generator_2, output_1, output_2", where);
	if (!isnan(preference) && preference != 0 && !(preference >= 1 && preference <= 2))
		return fc_fail(
		    e, "%s: preference: %g is neither from 1 to 2 nor 0", where, preference);
	struct eval_preference x = {.model = fc_categories_number(&p->model, model),
	    .p = preference == 0 ? 0.5 : preference - 1, /* 0 stands for a tie */
	    .longer = code_points(a) - code_points(b)};
	if (instructions && find_instruction(instructions, o, where, &x.instruction, e) < 0)
		return -1;
	while (p->n_counted < p->model.n) {
		FC_GROW(p->count, p->cap_count, p->n_counted + 1);
		p->count[p->n_counted++] = 0;
	}
	if (!instructions)
		x.instruction = p->count[x.model]++;
	FC_GROW(p->v, p->cap, p->n + 1);
	p->v[p->n++] = x;
	return 0;
}

/* Python writes NaN for a number that is none, which no JSON has. */
static void add_nan_as_null(struct fc_buf *to, const char *p, size_t n)
{
	bool quoted = false;
	for (size_t i = 0; i < n; i++) {
		if (!quoted && n - i >= 3 && !memcmp(p + i, "NaN", 3)) {
			fc_buf_adds(to, "null");
			i += 2;
			continue;
		}
		if (p[i] == '"')
			quoted = !quoted;
		else if (quoted && p[i] == '\\' && i + 1 < n)
			fc_buf_addc(to, p[i++]);
		fc_buf_addc(to, p[i]);
	}
}

static json_t *read_file(const char *path, struct fc_err *e)
{
	struct fc_buf text = FC_BUF_INIT, json = FC_BUF_INIT;
	json_t *file = NULL;
	if (fc_file_read_any(path, FC_JSON_FILE_MAX, &text, e) == 0) {
		add_nan_as_null(&json, text.p, text.n);
		file = fc_json_text(json.p, json.n, path, e);
	}
	fc_buf_release(&text);
	fc_buf_release(&json);
	return file;
}

int eval_preferences_read(struct eval_preferences *p, const char *path,
    const struct fc_categories *instructions, struct fc_err *e)
{
	json_t *file = read_file(path, e), *o;
	size_t i;
	int ret = 0;
	if (!file)
		return -1;
	if (!json_is_array(file))
		ret = fc_fail(e, "%s: expected an array of annotations", path);
	json_array_foreach(file, i, o)
	{
		char where[600];
		snprintf(where, sizeof where, "%.500s: annotation %zu", path, i + 1);
		ret = read_one(p, o, where, instructions, e);
		if (ret < 0)
			break;
	}
	json_decref(file);
	return ret;
}

void eval_preferences_release(struct eval_preferences *p)
{
	fc_categories_release(&p->model);
	free(p->v);
	free(p->count);
	*p = (struct eval_preferences){0};
}

static void count_preferences(
    const struct eval_preferences *p, size_t model, struct eval_winrate *out)
{
	double sum = 0, squares = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct eval_preference *x = &p->v[i];
		if (x->model != model)
			continue;
		if (isnan(x->p)) {
			out->n_dropped++;
			continue;
		}
		out->n++;
		out->n_win += x->p > 0.5;
		out->n_tie += x->p == 0.5;
		sum += x->p;
	}
	double n = (double)out->n;
	out->rate = sum / n;
	out->discrete = ((double)out->n_win + 0.5 * (double)out->n_tie) / n;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].model == model && !isnan(p->v[i].p))
			squares += (p->v[i].p - out->rate) * (p->v[i].p - out->rate);
	out->standard_error = sqrt(squares / (n - 1) / n);
}

/* Sample standard deviation of the length differences. */
static double deviation(const struct eval_preferences *p, size_t model)
{
	double n = 0, mean = 0, squares = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct eval_preference *x = &p->v[i];
		if (x->model != model || isnan(x->p))
			continue;
		n++;
		double d = x->longer - mean;
		mean += d / n;
		squares += d * (x->longer - mean);
	}
	return sqrt(squares / (n - 1));
}

static int control_length(const struct eval_preferences *p, size_t model,
    const struct eval_length_control *l, uint64_t seed, struct eval_winrate *out, struct fc_err *e)
{
	struct eval_logistic_row *row = FC_ARRAY(struct eval_logistic_row, p->n + l->n_gamed);
	double sd = deviation(p, model), sum = 0;
	size_t n = 0, n_own;
	for (size_t i = 0; i < p->n; i++) {
		const struct eval_preference *x = &p->v[i];
		if (x->model != model || isnan(x->p))
			continue;
		if (x->instruction >= l->n_instruction) {
			free(row);
			return fc_fail(e, "%s: instruction %zu has no difficulty, there are %zu",
			    p->model.name[model], x->instruction, l->n_instruction);
		}
		row[n++] = (struct eval_logistic_row){
		    {sd > 0 ? tanh(x->longer / sd) : 0, l->difficulty[x->instruction], 1}, x->p, 1};
	}
	n_own = n;
	for (size_t i = 0; i < l->n_gamed; i++)
		row[n++] = l->gamed[i];
	out->c = eval_logistic_fit_cv(row, n, seed, out->weight);
	for (size_t i = 0; i < n_own; i++)
		sum += eval_logistic_sigmoid(out->weight[1] * row[i].x[1] + out->weight[2]);
	out->controlled = sum / (double)n_own;
	free(row);
	return 0;
}

int eval_winrate_of(const struct eval_preferences *p, size_t model,
    const struct eval_length_control *l, uint64_t seed, struct eval_winrate *out, struct fc_err *e)
{
	*out = (struct eval_winrate){.controlled = NAN, .c = NAN, .weight = {NAN, NAN, NAN}};
	count_preferences(p, model, out);
	return l && out->n ? control_length(p, model, l, seed, out, e) : 0;
}
