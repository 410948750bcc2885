/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/completion.h"
#include "base/die.h"
#include "base/door.h"
#include "base/ending.h"
#include "base/isa.h"
#include "base/launcher.h"
#include "base/mem.h"
#include "base/opt_help.h"
#include "base/opt_rows.h"
#include "base/progress.h"
#include "base/suggest.h"

int fc_opt_threads;
bool fc_opt_no_history;

const struct fc_opt fc_opt_common[] = {
    FC_OPT_HEAD("Common"),
    FC_OPT_INT('j', "threads", FC_OPT_PASSES, &fc_opt_threads, "N", 0, 4096,
	"threads (0: all processors)"),
    FC_OPT_FLAG('q', "quiet", FC_OPT_PASSES, &fc_quiet, "no progress and no notes"),
    FC_OPT_END,
};

const struct fc_opt fc_opt_stream[] = {
    FC_OPT_FLAG(0, "no-history", FC_OPT_DECIDES, &fc_opt_no_history,
	"leave the chain of programs out of the stream's header"),
    FC_OPT_END,
};

struct parse {
	struct fc_opt_rows rows;
	const struct fc_opt *const *tables;
	const struct fc_usage *usage;
	char **next;    /* the arguments that are not looked at yet; NULL behind the last */
	bool settings;  /* --settings was given */
	bool decides;   /* so does an option of the argument that is looked at */
	char **operand; /* [n_operand] */
	int n_operand;
};

static struct fc_buf given;
static const struct fc_opt **taken; /* what was given */
static size_t n_taken, cap_taken;

const char *fc_opt_given(void)
{
	return given.p ? given.p : "";
}

bool fc_opt_is_given(const char *name)
{
	for (size_t i = 0; i < n_taken; i++)
		if (!strcmp(taken[i]->name, name))
			return true;
	return false;
}

static void take(struct parse *p, const struct fc_opt *o, const char *text)
{
	switch (o->kind) {
	case FC_OPT_IS_HELP:
		fc_opt_help(&p->rows, p->usage);
	case FC_OPT_IS_VERSION:
		printf("%s %s\n", fc_prog, fc_version);
		fc_finish();
	case FC_OPT_IS_COMPLETION:
		fc_completion_print(text, p->tables, p->usage->commands);
	case FC_OPT_IS_SETTINGS:
		p->settings = true;
		return;
	default:
		fc_opt_store(o, text);
	}
	FC_GROW(taken, cap_taken, n_taken + 1);
	taken[n_taken++] = o;
	p->decides = p->decides || o->role != FC_OPT_PASSES;
	if (o->role != FC_OPT_DECIDES && o->role != FC_OPT_FORM)
		return;
	fc_buf_addf(&given, "%s--%s", given.n ? " " : "", o->name);
	if (fc_opt_takes_value(o))
		fc_buf_addf(&given, " %s", text);
}

static const struct fc_opt *row_of(const struct parse *p, const char *name)
{
	for (size_t i = 0; i < p->rows.n; i++)
		if (p->rows.v[i]->name && !strcmp(p->rows.v[i]->name, name))
			return p->rows.v[i];
	return NULL;
}

/* Ends the program: there is no option of this name, or there are several that begin so. */
static _Noreturn void no_such(const struct parse *p, const char *name, bool several)
{
	struct fc_buf meant = FC_BUF_INIT;
	const char **names = FC_ARRAY(const char *, p->rows.n);
	size_t n = 0;
	for (size_t i = 0; i < p->rows.n; i++)
		if (!fc_opt_is_hidden(p->rows.v[i]))
			names[n++] = p->rows.v[i]->name;
	fc_suggest(&meant, "--", name, names, n);
	free(names);
	if (several)
		fc_die_usage("--%s: is it %s?", name, meant.p);
	fc_die_usage("no option --%s%s%s%s", name, meant.n ? "; did you mean " : "",
	    meant.n ? meant.p : "", meant.n ? "?" : "");
}

/* The row that is called name, or the only one whose name begins so. */
static const struct fc_opt *find(const struct parse *p, const char *name)
{
	const struct fc_opt *o = row_of(p, name);
	size_t n = o != NULL;
	for (size_t i = 0; !row_of(p, name) && i < p->rows.n; i++) {
		const struct fc_opt *row = p->rows.v[i];
		if (!fc_opt_is_hidden(row) && !strncmp(row->name, name, strlen(name))) {
			o = row;
			n++;
		}
	}
	if (n != 1)
		no_such(p, name, n > 1);
	return o;
}

static const char *next_value(struct parse *p, const char *option)
{
	if (!*p->next)
		fc_die_usage("%s needs a value", option);
	return *p->next++;
}

/* An argument "--name" or "--name=value". */
static void take_name(struct parse *p, const char *word)
{
	const size_t n = strcspn(word + 2, "=");
	char *name = fc_memdup0(word + 2, n);
	for (char *at = name; (at = strchr(at, '_'));)
		*at = '-';
	const char *value = word[2 + n] ? word + 2 + n + 1 : NULL;
	const struct fc_opt *o = find(p, name);
	free(name);
	if (value && !fc_opt_takes_value(o))
		fc_die_usage("--%s takes no value", o->name);
	if (!value && fc_opt_takes_value(o))
		value = next_value(p, word);
	take(p, o, value);
}

/* An argument "-qk10" or "-qk" "10". */
static void take_letters(struct parse *p, const char *word)
{
	for (const char *at = word + 1; *at; at++) {
		const struct fc_opt *o = NULL;
		const char option[] = {'-', *at, 0};
		for (size_t i = 0; !o && i < p->rows.n; i++)
			if (p->rows.v[i]->letter == *at)
				o = p->rows.v[i];
		if (!o)
			fc_die_usage("no option %s", option);
		if (fc_opt_takes_value(o)) {
			take(p, o, at[1] ? at + 1 : next_value(p, option));
			return;
		}
		take(p, o, NULL);
	}
}

/* Returns the first operand's index in argv, where the operands are last then. */
static int parse(struct parse *p, int argc, char **argv, struct fc_buf *settings)
{
	bool options = true;
	p->operand = FC_ARRAY(char *, (size_t)argc + 1);
	for (p->next = argv + (argc > 0); *p->next;) {
		char **const first = p->next, *word = *p->next++;
		const bool is_option = options && word[0] == '-' && word[1];
		p->decides = !is_option;
		if (!is_option)
			p->operand[p->n_operand++] = word;
		else if (!strcmp(word, "--"))
			options = false;
		else if (word[1] == '-')
			take_name(p, word);
		else
			take_letters(p, word);
		for (char **a = first; p->decides && a < p->next; a++)
			fc_buf_addf(settings, "%s%s", settings->n ? " " : "", *a);
	}
	for (int i = 0; i < p->n_operand; i++)
		argv[argc - p->n_operand + i] = p->operand[i];
	free(p->operand);
	return argc - p->n_operand;
}

/* Operands are files in every tool; a second reader would find standard input empty. */
static void check_operands(char **operands)
{
	int n = 0;
	for (; *operands; operands++)
		n += !strcmp(*operands, "-");
	if (n > 1)
		fc_die_usage("standard input (-) can be read only once");
}

void fc_opt_check_output(const char *name, const char *path, enum fc_out_kind kind)
{
	struct fc_err e;
	if (fc_replace_file(path, kind, &e) == 0)
		return;
	if (!path || !strcmp(path, "-"))
		fc_die_usage("--%s: %s", name, e.msg);
	fc_die("%s", e.msg);
}

/* A stream goes to standard output where --output is not given. */
static void check_kind(const struct fc_opt *o)
{
	if (o->role < FC_OPT_OUT)
		return;
	const char *path = *o->to.text;
	if (o->role == FC_OPT_OUT_TEXT && path)
		fc_opt_check_output(o->name, path, FC_OUT_TEXT);
	if (o->role == FC_OPT_OUT_STREAM && (path || !strcmp(o->name, "output")))
		fc_opt_check_output(o->name, path, FC_OUT_STREAM);
}

static void tell_input(const struct fc_opt *o)
{
	if (o->role != FC_OPT_IN)
		return;
	if (o->kind == FC_OPT_IS_TEXT)
		fc_door_input(*o->to.text, o->name);
	for (int i = 0; o->kind == FC_OPT_IS_TEXTS && i < o->to.texts->n; i++)
		fc_door_input(o->to.texts->v[i], o->name);
}

/* --output stands for standard output if it is not given, and is no folder. */
static bool is_standard_output(const struct fc_opt *o)
{
	const char *path = *o->to.text;
	return path ? !strcmp(path, "-") : o->role != FC_OPT_OUT_DIR && !strcmp(o->name, "output");
}

/* One output at most is standard output: two would be mixed there. */
static void check_standard_output(const struct fc_opt_rows *rows)
{
	const struct fc_opt *first = NULL, *o;
	for (size_t i = 0; i < rows->n; i++) {
		o = rows->v[i];
		if (o->role < FC_OPT_OUT || !is_standard_output(o))
			continue;
		if (first) {
			const bool implied = !*o->to.text;
			fc_die_usage("--%s -: standard output is where --%s goes",
			    implied ? first->name : o->name, implied ? o->name : first->name);
		}
		first = o;
	}
}

/* What is read, what is written, and whether it may be. */
static void check_paths(const struct fc_opt_rows *rows, char **operands)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows->v[i]->role >= FC_OPT_OUT)
			fc_door_output(*rows->v[i]->to.text, rows->v[i]->name,
			    rows->v[i]->role == FC_OPT_OUT_DIR);
	check_standard_output(rows);
	fc_door_standard_output();
	for (size_t i = 0; i < rows->n; i++)
		tell_input(rows->v[i]);
	for (; *operands; operands++)
		fc_door_input(*operands, NULL);
	for (size_t i = 0; i < rows->n; i++)
		check_kind(rows->v[i]);
}

/* Progress says whose it is: what is written or, where that is standard output, which model reads
 * and what is read. */
static void name_run(const struct fc_opt_rows *rows, char **operands)
{
	const char *output = NULL, *in[2] = {NULL, operands[0]};
	for (size_t i = 0; i < rows->n; i++) {
		const struct fc_opt *o = rows->v[i];
		if (o->role >= FC_OPT_OUT && !strcmp(o->name, "output"))
			output = *o->to.text;
		if (o->role == FC_OPT_IN && o->kind == FC_OPT_IS_TEXT && !strcmp(o->name, "model"))
			in[0] = *o->to.text;
	}
	if (output && strcmp(output, "-") != 0)
		fc_progress_name(&output, 1);
	else
		fc_progress_name(in, FC_LEN(in));
}

int fc_opt_parse(
    const struct fc_opt *const *tables, const struct fc_usage *usage, int argc, char **argv)
{
	struct parse p = {.rows = fc_opt_rows_of(tables), .tables = tables, .usage = usage};
	struct fc_buf settings = FC_BUF_INIT;
	struct fc_err e;
	const int first = parse(&p, argc, argv, &settings);
	if (p.settings) {
		puts(settings.p ? settings.p : "");
		fc_finish();
	}
	check_operands(argv + first);
	fc_launcher_refuse();
	if (fc_isa_read(&e) < 0)
		fc_die_usage("%s", e.msg);
	check_paths(&p.rows, argv + first);
	name_run(&p.rows, argv + first);
	fc_ending_arm();
	fc_opt_rows_release(&p.rows);
	fc_buf_release(&settings);
	return first;
}
