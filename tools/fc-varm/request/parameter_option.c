/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/parameter_option.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-varm/request/meaning.h"

/* An option, of one parameter or of several that share a name. */
struct option {
	char *name; /* with the dashes */
	const struct parameter *p;
	enum fc_opt_kind kind;
	char *arg, *help;
	/* what was given, by kind */
	const char *text;
	double real;
	int number;
	unsigned word;
	bool flag;
};

/* of a truth whose default depends on the method */
enum truth { AUTO, YES, NO, TRUTH_N };
static const char *const truth_words[] = {[AUTO] = "auto", [YES] = "yes", [NO] = "no", NULL};
_Static_assert(FC_LEN(truth_words) == TRUTH_N + 1, "a word each");

static struct option *options;
static size_t n_option;

static struct option *find_option(const char *parameter)
{
	for (size_t i = 0; i < n_option; i++)
		if (!strcmp(options[i].p->name, parameter))
			return &options[i];
	return NULL;
}

/* Whether a truth is no by default in every method: it needs no value. */
static bool is_flag(const char *name)
{
	VARM_EACH_TAKE(m, t)
	if (!strcmp(t->parameter->name, name) && varm_take_usual(t) != 0)
		return false;
	return true;
}

static bool is_list(const char *name)
{
	VARM_EACH_TAKE(m, t)
	if (!strcmp(t->parameter->name, name) && t->parameter->scope == PARAMETER_OF_TARGET)
		return true;
	return false;
}

static enum fc_opt_kind kind_of(const struct parameter *p)
{
	if (p->kind == PARAMETER_TRUTH)
		return is_flag(p->name) ? FC_OPT_IS_FLAG : FC_OPT_IS_WORD;
	if (p->kind == PARAMETER_WORD)
		return FC_OPT_IS_WORD;
	if (is_list(p->name))
		return FC_OPT_IS_TEXT;
	return p->kind == PARAMETER_WHOLE ? FC_OPT_IS_INT : FC_OPT_IS_REAL;
}

static const char *const *words_of(const struct option *o)
{
	return o->kind != FC_OPT_IS_WORD    ? NULL
	    : o->p->kind == PARAMETER_TRUTH ? truth_words
					    : o->p->words;
}

static char *make_arg(const struct option *o)
{
	struct fc_buf b = FC_BUF_INIT;
	const struct parameter *p = o->p;
	const char *const *words = words_of(o);
	if (o->kind == FC_OPT_IS_TEXT)
		fc_buf_addf(&b, "%s,%s...", p->arg, p->arg);
	for (int i = 0; words && words[i]; i++)
		fc_buf_addf(&b, "%s%s", i ? "|" : "", words[i]);
	if (o->kind == FC_OPT_IS_INT || o->kind == FC_OPT_IS_REAL)
		fc_buf_adds(&b, p->arg);
	return b.n ? fc_buf_detach(&b) : NULL;
}

/* " [0.5]", " [0.1: fusechat-sce, 1: mergekit-sce]" */
static void add_default(struct fc_buf *b, const struct parameter *p)
{
	double usual[4];
	size_t n = varm_meaning_defaults(p, usual, FC_LEN(usual));
	for (size_t i = 0; i < n && p->must != PARAMETER_MUST; i++) {
		fc_buf_addf(b, "%s%g", i ? ", " : " [", usual[i]);
		if (n > 1) {
			fc_buf_adds(b, ": ");
			varm_meaning_methods(b, p, &usual[i], ", ");
		}
		fc_buf_adds(b, i + 1 == n ? "]" : "");
	}
}

/* The texts of all meanings of a name, with their defaults; where a meaning has few methods, with
 * these. */
static void add_help(struct fc_buf *b, const char *name)
{
	const struct parameter *p;
	for (size_t k = 0; (p = varm_meaning(name, k)); k++) {
		struct fc_buf methods = FC_BUF_INIT;
		bool few = varm_meaning_methods(&methods, p, NULL, ", ") <= 4;
		fc_buf_addf(
		    b, "%s%s%s%s", k ? "; " : "", few ? methods.p : "", few ? ": " : "", p->help);
		if (p->kind == PARAMETER_REAL || p->kind == PARAMETER_WHOLE)
			add_default(b, p);
		else if (p->kind == PARAMETER_TRUTH && !is_flag(name))
			fc_buf_adds(b, " (auto: as the method does)");
		fc_buf_release(&methods);
	}
}

static void add_option(const struct parameter *p)
{
	struct fc_buf name = FC_BUF_INIT, help = FC_BUF_INIT;
	fc_buf_addf(&name, "--%s", p->name);
	for (size_t i = 0; i < name.n; i++)
		name.p[i] = name.p[i] == '_' ? '-' : name.p[i];
	options = fc_realloc(options, n_option + 1, sizeof *options);
	struct option *o = &options[n_option++];
	*o = (struct option){.name = fc_buf_detach(&name), .p = p, .kind = kind_of(p)};
	o->arg = make_arg(o);
	o->real = NAN;
	if (p->kind == PARAMETER_WHOLE) /* not given */
		o->number = (int)p->min - 1;
	add_help(&help, p->name);
	o->help = fc_buf_detach(&help);
}

static void make_options(void)
{
	VARM_EACH_TAKE(m, t)
	{
		const struct option *o = find_option(t->parameter->name);
		if (!o)
			add_option(t->parameter);
		else
			assert(o->p->kind == t->parameter->kind); /* a name is one option */
	}
}

static struct fc_opt make_row(struct option *o)
{
	struct fc_opt row = {.kind = o->kind,
	    .role = FC_OPT_DECIDES,
	    .name = o->name + 2,
	    .arg = o->arg,
	    .help = o->help,
	    .min = o->p->min,
	    .max = o->p->max,
	    .words = words_of(o)};
	if (o->kind == FC_OPT_IS_TEXT)
		row.to.text = &o->text;
	else if (o->kind == FC_OPT_IS_REAL)
		row.to.real = &o->real;
	else if (o->kind == FC_OPT_IS_FLAG)
		row.to.flag = &o->flag;
	else if (o->kind == FC_OPT_IS_WORD)
		row.to.word = &o->word;
	else
		row.to.i = &o->number;
	return row;
}

const struct fc_opt *varm_parameter_option_table(void)
{
	make_options();
	struct fc_opt *row = FC_ARRAY(struct fc_opt, n_option + 1);
	for (size_t i = 0; i < n_option; i++)
		row[i] = make_row(&options[i]);
	row[n_option] = (struct fc_opt){.kind = FC_OPT_IS_END};
	return row;
}

const char *varm_parameter_option_name(const struct parameter *p)
{
	const struct option *o = find_option(p->name);
	return o ? o->name : NULL;
}

const char *varm_parameter_option_arg(const struct parameter *p)
{
	return find_option(p->name)->arg;
}

const char *varm_parameter_option_at(size_t i)
{
	return i < n_option ? options[i].p->name : NULL;
}

static bool is_given(const struct option *o)
{
	return fc_opt_is_given(o->name + 2);
}

bool varm_parameter_options_given(void)
{
	for (size_t i = 0; i < n_option; i++)
		if (is_given(&options[i]))
			return true;
	return false;
}

/* "1,2.5,0" or "0.5" -> value[n] */
static void parse_numbers(const struct option *o, double *value, int n)
{
	const char *at = o->text;
	bool one = !strchr(at, ',');
	for (int k = 0; k < (one ? 1 : n); k++) {
		char *end;
		errno = 0;
		value[k] = strtod(at, &end);
		if (end == at || errno == ERANGE || !isfinite(value[k]) ||
		    *end != (one || k + 1 == n ? '\0' : ','))
			fc_die_usage(n > 1 ? "%s: '%s' is not a number, or %d separated by commas"
					   : "%s: '%s' is not a number",
			    o->name, o->text, n);
		at = end + 1;
	}
	for (int k = 1; k < n && one; k++)
		value[k] = value[0];
}

/* What was given, for n targets or for all of them together. */
static void get_values(const struct option *o, double *value, int n)
{
	if (o->kind == FC_OPT_IS_TEXT)
		parse_numbers(o, value, n);
	else if (o->kind == FC_OPT_IS_REAL)
		value[0] = o->real;
	else if (o->kind == FC_OPT_IS_FLAG)
		value[0] = o->flag;
	else if (o->kind == FC_OPT_IS_WORD)
		value[0] = o->p->kind == PARAMETER_TRUTH ? o->word == YES : o->word;
	else
		value[0] = o->number;
}

static void get_value(struct asked *a, const struct take *t, double *value)
{
	const struct parameter *p = t->parameter;
	const struct option *o = find_option(p->name);
	bool given = is_given(o), shared = p->scope == PARAMETER_SHARED;
	if (given && t->idle)
		fc_die_usage("%s does not belong to --method %s", o->name, a->method->name);
	if (given)
		get_values(o, value, shared ? 1 : a->n_target);
	else if (p->must == PARAMETER_MUST)
		value[0] = NAN; /* which is no value: the recipe lacks it */
	else
		return;
	for (int k = 0; k < (shared ? 1 : a->n_target); k++)
		varm_parameter_put(
		    p, shared ? (void *)&a->settings : (void *)&a->target_params[k], value[k]);
}

void varm_parameter_options_get(struct asked *a)
{
	double *value = FC_ARRAY(double, (size_t)a->n_target + 1);
	for (size_t i = 0; i < n_option; i++)
		if (is_given(&options[i]) && !varm_method_take(a->method, options[i].p->name))
			fc_die_usage(
			    "%s does not belong to --method %s", options[i].name, a->method->name);
	for (const struct take *t = a->method->takes; t->parameter; t++)
		get_value(a, t, value);
	free(value);
}
