/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/suggest.h"

static const struct fc_opt of_every_program[] = {
    {.kind = FC_OPT_IS_HELP, .letter = 'h', .name = "help", .help = "print this help"},
    {.kind = FC_OPT_IS_VERSION, .name = "version", .help = "print the version"},
    {.kind = FC_OPT_IS_COMPLETION, .name = "completion", .arg = "SHELL"},
    {.kind = FC_OPT_IS_SETTINGS, .name = "settings"},
    FC_OPT_END,
};

static void add_table(struct fc_opt_rows *r, size_t *cap, const struct fc_opt *table)
{
	for (const struct fc_opt *o = table; o->kind != FC_OPT_IS_END; o++) {
		FC_GROW(r->v, *cap, r->n + 1);
		r->v[r->n++] = o;
	}
}

struct fc_opt_rows fc_opt_rows_of(const struct fc_opt *const *tables)
{
	struct fc_opt_rows r = {0};
	size_t cap = 0;
	for (; *tables; tables++)
		add_table(&r, &cap, *tables);
	add_table(&r, &cap, of_every_program);
	return r;
}

void fc_opt_rows_release(struct fc_opt_rows *r)
{
	free(r->v);
	*r = (struct fc_opt_rows){0};
}

bool fc_opt_takes_value(const struct fc_opt *o)
{
	return (o->kind >= FC_OPT_IS_INT && o->kind <= FC_OPT_IS_WORD) ||
	    o->kind == FC_OPT_IS_COMPLETION;
}

bool fc_opt_is_path(const struct fc_opt *o)
{
	return o->role >= FC_OPT_IN;
}

bool fc_opt_is_hidden(const struct fc_opt *o)
{
	return o->kind <= FC_OPT_IS_HEAD || !o->help;
}

static void add_words(struct fc_buf *b, const struct fc_opt *o)
{
	for (size_t i = 0; o->words[i]; i++)
		fc_buf_addf(b, "%s%s", i ? "|" : "", o->words[i]);
}

void fc_opt_add_arg(struct fc_buf *b, const struct fc_opt *o)
{
	if (o->arg)
		fc_buf_adds(b, o->arg);
	else
		add_words(b, o);
}

void fc_opt_add_value(struct fc_buf *b, const struct fc_opt *o)
{
	switch (o->kind) {
	case FC_OPT_IS_FLAG:
		fc_buf_adds(b, *o->to.flag ? "true" : "false");
		break;
	case FC_OPT_IS_INT:
		fc_buf_addf(b, "%d", *o->to.i);
		break;
	case FC_OPT_IS_U64:
		fc_buf_addf(b, "%" PRIu64, *o->to.u64);
		break;
	case FC_OPT_IS_REAL:
		fc_buf_addf(b, "%.17g", *o->to.real);
		break;
	case FC_OPT_IS_WORD:
		fc_buf_adds(b, o->words[*(const unsigned *)o->to.word]);
		break;
	case FC_OPT_IS_TEXT:
		fc_buf_adds(b, *o->to.text ? *o->to.text : "");
		break;
	case FC_OPT_IS_TEXTS:
		for (int i = 0; i < o->to.texts->n; i++)
			fc_buf_addf(b, "%s%s", i ? " " : "", o->to.texts->v[i]);
		break;
	default:
		break;
	}
}

static double parse_real(const char *name, const char *text)
{
	char *end;
	errno = 0;
	double v = strtod(text, &end);
	if (end == text || *end || errno == ERANGE || v != v)
		fc_die_usage("--%s: '%s' is not a number", name, text);
	return v;
}

static long long parse_int(const char *name, const char *text)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || *end || errno == ERANGE)
		fc_die_usage("--%s: '%s' is not an integer", name, text);
	return v;
}

static uint64_t parse_u64(const char *name, const char *text)
{
	char *end;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (end == text || *end || *text == '-' || errno == ERANGE)
		fc_die_usage("--%s: '%s' is not a non-negative integer", name, text);
	return v;
}

static unsigned parse_word(const struct fc_opt *o, const char *text)
{
	struct fc_buf all = FC_BUF_INIT, meant = FC_BUF_INIT;
	unsigned n = 0;
	for (; o->words[n]; n++)
		if (!strcmp(o->words[n], text))
			return n;
	add_words(&all, o);
	fc_suggest(&meant, "", text, o->words, n);
	fc_die_usage("--%s: '%s' is none of %s%s%s%s", o->name, text, all.p,
	    meant.n ? "; did you mean " : "", meant.n ? meant.p : "", meant.n ? "?" : "");
}

static double check_range(const struct fc_opt *o, double v)
{
	int digits = o->kind == FC_OPT_IS_INT ? 10 : 6;
	if (v < o->min || v > o->max)
		fc_die_usage("--%s: %.*g is outside [%.*g, %.*g]", o->name, digits, v, digits,
		    o->min, digits, o->max);
	return v;
}

static void add_text(struct fc_strs *s, const char *text)
{
	s->v = fc_realloc(s->v, (size_t)s->n + 1, sizeof *s->v);
	s->v[s->n++] = text;
}

void fc_opt_store(const struct fc_opt *o, const char *text)
{
	switch (o->kind) {
	case FC_OPT_IS_FLAG:
		*o->to.flag = true;
		break;
	case FC_OPT_IS_INT:
		*o->to.i = (int)check_range(o, (double)parse_int(o->name, text));
		break;
	case FC_OPT_IS_U64:
		*o->to.u64 = parse_u64(o->name, text);
		break;
	case FC_OPT_IS_REAL:
		*o->to.real = check_range(o, parse_real(o->name, text));
		break;
	case FC_OPT_IS_WORD:
		*(unsigned *)o->to.word = parse_word(o, text);
		break;
	case FC_OPT_IS_TEXTS:
		add_text(o->to.texts, text);
		break;
	default:
		*o->to.text = text;
	}
}
