/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* getopt_long */
#include "base/opt.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/door.h"
#include "base/ending.h"
#include "base/isa.h"
#include "base/launcher.h"
#include "base/mem.h"
#include "base/opt_help.h"
#include "base/par.h"
#include "base/suggest.h"

int fc_opt_threads;
bool fc_opt_no_history;

enum { OPT_HELP = 1000, OPT_VERSION, OPT_LONG }; /* values getopt_long returns; rows follow */

static struct fc_buf given;

const char *fc_opt_given(void)
{
	return given.p ? given.p : "";
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

static int parse_choice(const struct fc_opt *o, const char *text)
{
	size_t n = strlen(text);
	int i = 0;
	for (const char *word = o->arg; *word; i++) {
		size_t len = strcspn(word, "|");
		if (len == n && !strncmp(word, text, n))
			return i;
		word += len + (word[len] == '|');
	}
	fc_die_usage("--%s: '%s' is none of %s", o->name, text, o->arg);
}

static void check_range(const struct fc_opt *o, double v)
{
	int digits = o->kind == FC_OPT_INT ? 10 : 6;
	if (v < o->min || v > o->max)
		fc_die_usage("--%s: %.*g is outside [%.*g, %.*g]", o->name, digits, v, digits,
		    o->min, digits, o->max);
}

static void store(const struct fc_opt *o, const char *text)
{
	switch (o->kind) {
	case FC_OPT_FLAG:
		*(bool *)o->dest = true;
		break;
	case FC_OPT_INT: {
		long long v = parse_int(o->name, text);
		check_range(o, (double)v);
		*(int *)o->dest = (int)v;
		break;
	}
	case FC_OPT_U64:
		*(uint64_t *)o->dest = parse_u64(o->name, text);
		break;
	case FC_OPT_REAL: {
		double v = parse_real(o->name, text);
		check_range(o, v);
		*(double *)o->dest = v;
		break;
	}
	case FC_OPT_CHOICE:
		*(int *)o->dest = parse_choice(o, text);
		break;
	case FC_OPT_STRS:
	case FC_OPT_INS: {
		struct fc_strs *s = o->dest;
		s->v = fc_realloc(s->v, (size_t)s->n + 1, sizeof *s->v);
		s->v[s->n++] = text;
		break;
	}
	default:
		*(const char **)o->dest = text;
	}
	/* what is resumed, or tells more, has the bytes of what does not */
	const bool decides = o->letter != 'q' && o->letter != 'j' &&
	    strcmp(o->name, "resume") != 0 && strcmp(o->name, "verbose") != 0;
	if (o->kind < FC_OPT_IN && o->kind != FC_OPT_STRS && decides) {
		fc_buf_addf(&given, "%s--%s", given.n ? " " : "", o->name);
		if (fc_opt_takes_value(o))
			fc_buf_addf(&given, " %s", text);
	}
}

/* Operands are files in every tool; a second reader would find standard input empty. */
static void check_operands(int argc, char **argv)
{
	int n = 0;
	for (int i = optind; i < argc; i++)
		n += !strcmp(argv[i], "-");
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
	const char *path = o->kind >= FC_OPT_OUT ? *(const char **)o->dest : NULL;
	if (o->kind == FC_OPT_OUT_TEXT && path)
		fc_opt_check_output(o->name, path, FC_OUT_TEXT);
	if (o->kind == FC_OPT_OUT_STREAM && (path || !strcmp(o->name, "output")))
		fc_opt_check_output(o->name, path, FC_OUT_STREAM);
}

static void tell_output(const struct fc_opt *o)
{
	if (o->kind >= FC_OPT_OUT)
		fc_door_output(*(const char **)o->dest, o->name, o->kind == FC_OPT_OUT_DIR);
}

static void tell_input(const struct fc_opt *o)
{
	const struct fc_strs *s = o->dest;
	if (o->kind == FC_OPT_IN)
		fc_door_input(*(const char **)o->dest, o->name);
	for (int i = 0; o->kind == FC_OPT_INS && i < s->n; i++)
		fc_door_input(s->v[i], o->name);
}

/* What is read, what is written, and whether it may be. */
static void check_paths(const struct fc_opt *opts, int n_operand, char **operands)
{
	for (const struct fc_opt *o = opts; o->kind != FC_OPT_END; o++)
		tell_output(o);
	fc_door_standard_output();
	for (const struct fc_opt *o = opts; o->kind != FC_OPT_END; o++)
		tell_input(o);
	for (int i = 0; i < n_operand; i++)
		fc_door_input(operands[i], NULL);
	for (const struct fc_opt *o = opts; o->kind != FC_OPT_END; o++)
		check_kind(o);
}

/* Ends the program: the word, "--name" or "--name=value", is no option, or could be several. */
static _Noreturn void no_such(const struct fc_opt *opts, const char *word)
{
	struct fc_buf meant = FC_BUF_INIT;
	const size_t n = strcspn(word + 2, "=");
	char *name = fc_memdup0(word + 2, n);
	const char **names = NULL;
	size_t n_name = 0, cap = 0;
	bool several = false;
	for (const struct fc_opt *o = opts; o->kind != FC_OPT_END; o++) {
		if (o->kind == FC_OPT_HEAD)
			continue;
		FC_GROW(names, cap, n_name + 3);
		names[n_name++] = o->name;
		several = several || !strncmp(o->name, name, n);
	}
	FC_GROW(names, cap, n_name + 2);
	names[n_name++] = "help";
	names[n_name++] = "version";
	fc_suggest(&meant, name, names, n_name);
	if (several)
		fc_die_usage("--%s: is it %s?", name, meant.p);
	fc_die_usage("there is no option --%s%s%s%s", name, meant.n ? "; did you mean " : "",
	    meant.n ? meant.p : "", meant.n ? "?" : "");
}

int fc_opt_parse(const struct fc_opt *opts, const struct fc_usage *usage, int argc, char **argv)
{
	size_t n = 0;
	while (opts[n].kind != FC_OPT_END)
		n++;
	struct option *table = FC_ARRAY(struct option, n + 3);
	struct fc_buf letters = FC_BUF_INIT;
	struct fc_err e;
	size_t m = 0;
	fc_buf_adds(&letters, ":h");
	for (size_t i = 0; i < n; i++) {
		if (opts[i].kind == FC_OPT_HEAD)
			continue;
		bool value = fc_opt_takes_value(&opts[i]);
		table[m++] = (struct option){
		    opts[i].name, value ? required_argument : no_argument, NULL, OPT_LONG + (int)i};
		if (opts[i].letter)
			fc_buf_addf(&letters, "%c%s", opts[i].letter, value ? ":" : "");
	}
	table[m++] = (struct option){"help", no_argument, NULL, OPT_HELP};
	table[m++] = (struct option){"version", no_argument, NULL, OPT_VERSION};

	int c;
	while ((c = getopt_long(argc, argv, letters.p, table, NULL)) != -1) {
		const struct fc_opt *o = NULL;
		if (c == OPT_HELP || c == 'h')
			fc_opt_help(opts, usage);
		if (c == OPT_VERSION) {
			printf("%s %s\n", fc_prog, fc_version);
			fc_finish();
		}
		if (c == ':')
			fc_die_usage("%s needs a value", argv[optind - 1]);
		if (c == '?' && optopt > 0 && optopt < 256)
			fc_die_usage("there is no option -%c", optopt);
		if (c == '?' && optopt)
			fc_die_usage("--%s takes no value",
			    optopt == OPT_HELP          ? "help"
				: optopt == OPT_VERSION ? "version"
							: opts[optopt - OPT_LONG].name);
		if (c == '?')
			no_such(opts, argv[optind - 1]);
		if (c >= OPT_LONG)
			o = &opts[c - OPT_LONG];
		for (size_t i = 0; !o && i < n; i++)
			if (opts[i].letter == c)
				o = &opts[i];
		store(o, optarg);
	}
	free(table);
	fc_buf_release(&letters);
	check_operands(argc, argv);
	fc_launcher_refuse();
	if (fc_isa_read(&e) < 0)
		fc_die_usage("%s", e.msg);
	fc_par_start(fc_opt_threads);
	check_paths(opts, argc - optind, argv + optind);
	fc_ending_arm();
	return optind;
}
