/* SPDX-License-Identifier: Apache-2.0 */
#include "base/completion.h"

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt_rows.h"

/* A shell's form of completions. */
struct shell {
	const char *name;
	void (*begin)(const struct fc_command *const *commands);
	/* of a command; of the program itself where it is NULL */
	void (*options)(const struct fc_opt_rows *rows, const struct fc_command *c);
	void (*end)(const struct fc_command *const *commands);
};

/* The program's name in a shell function's: fc_infer. */
static void print_function(void)
{
	for (const char *p = fc_prog; *p; p++)
		putchar(*p == '-' ? '_' : *p);
}

/* text for single quotes, with a backslash before what of it is in special. */
static void print_escaped(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else
			printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
	}
}

static bool is_shown(const struct fc_opt *o)
{
	return !fc_opt_is_hidden(o);
}

/* ---- bash ---- */

/* A pattern for "command:-k|command:--top-k", as the case below has it. */
static void bash_pattern(const struct fc_opt *o, const struct fc_command *c)
{
	const char *command = c ? c->name : "";
	printf("\t%s:--%s", command, o->name);
	if (o->letter)
		printf("|%s:-%c", command, o->letter);
	printf(") ");
}

static void bash_begin(const struct fc_command *const *commands)
{
	printf("# bash completion of %s, printed by %s --completion bash\n_", fc_prog, fc_prog);
	print_function();
	printf("() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tlocal command= files= words= IFS=$' \\t\\n'\n"
	       "\t# --name=word comes as three words, as = is in COMP_WORDBREAKS\n"
	       "\tif [ \"$cur\" = = ]; then cur=\n"
	       "\telif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi\n");
	if (commands) {
		printf("\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '"
		       "--help --version");
		for (; *commands; commands++)
			printf(" %s", (*commands)->name);
		printf("' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcommand=${COMP_WORDS[1]}\n");
	}
	printf("\tcase $command:$prev in\n");
}

static void bash_options(const struct fc_opt_rows *rows, const struct fc_command *c)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct fc_opt *o = rows->v[i];
		if (!is_shown(o) || !fc_opt_takes_value(o))
			continue;
		bash_pattern(o, c);
		if (fc_opt_is_path(o))
			printf("files=1");
		for (size_t k = 0; o->words && o->words[k]; k++)
			printf("%s%s", k ? " " : "words='", o->words[k]);
		printf("%s ;;\n", o->words ? "'" : fc_opt_is_path(o) ? "" : ":");
	}
	printf("\t%s:*) case $cur in -*) words='", c ? c->name : "");
	const char *sep = "";
	for (size_t i = 0; i < rows->n; i++)
		if (is_shown(rows->v[i])) {
			printf("%s--%s", sep, rows->v[i]->name);
			sep = " ";
		}
	printf("' ;; *) files=1 ;; esac ;;\n");
}

static void bash_end(const struct fc_command *const *commands)
{
	(void)commands;
	printf("\tesac\n"
	       "\tif [ -n \"$files\" ]; then\n"
	       "\t\tcompopt -o filenames 2>/dev/null\n"
	       "\t\tIFS=$'\\n'\n"
	       "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\telse\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "\tfi\n"
	       "}\n"
	       "complete -F _");
	print_function();
	printf(" %s\n", fc_prog);
}

/* ---- zsh ---- */

static void zsh_begin(const struct fc_command *const *commands)
{
	printf(
	    "#compdef %s\n# zsh completion, printed by %s --completion zsh\n_", fc_prog, fc_prog);
	print_function();
	printf("() {\n");
	if (!commands)
		return;
	printf("\tif ((CURRENT == 2)); then\n\t\tlocal -a commands=(\n");
	for (; *commands; commands++) {
		printf("\t\t\t'%s:", (*commands)->name);
		print_escaped((*commands)->usage->summary, ":\\");
		printf("'\n");
	}
	printf("\t\t)\n\t\t_describe -t commands command commands\n"
	       "\t\t_arguments '--help[print this help]' '--version[print the version]'\n"
	       "\t\treturn\n\tfi\n"
	       "\tshift words\n\t((CURRENT--))\n"
	       "\tcase $words[1] in\n");
}

/* What may follow the option, behind its help: ":N: ", ":FILE:_files", ":word:(a b)". */
static void zsh_value(const struct fc_opt *o)
{
	if (!fc_opt_takes_value(o))
		return;
	printf(":");
	print_escaped(o->words ? "word" : o->arg, ":\\");
	printf(":%s", o->words ? "(" : fc_opt_is_path(o) ? "_files" : " ");
	for (size_t i = 0; o->words && o->words[i]; i++)
		printf("%s%s", i ? " " : "", o->words[i]);
	printf("%s", o->words ? ")" : "");
}

static void zsh_option(const struct fc_opt *o)
{
	for (int letter = o->letter ? 1 : 0; letter >= 0; letter--) {
		printf(" \\\n\t\t'");
		if (o->kind == FC_OPT_IS_TEXTS)
			printf("*");
		else if (o->letter)
			printf("(-%c --%s)", o->letter, o->name);
		if (letter)
			printf("-%c%s[", o->letter, fc_opt_takes_value(o) ? "+" : "");
		else
			printf("--%s%s[", o->name, fc_opt_takes_value(o) ? "=" : "");
		print_escaped(o->help, "[]\\");
		printf("]");
		zsh_value(o);
		printf("'");
	}
}

static void zsh_options(const struct fc_opt_rows *rows, const struct fc_command *c)
{
	if (c)
		printf("\t%s)\n", c->name);
	printf("\t_arguments -s");
	for (size_t i = 0; i < rows->n; i++)
		if (is_shown(rows->v[i]))
			zsh_option(rows->v[i]);
	printf(" \\\n\t\t'*:file:_files'%s\n", c ? " ;;" : "");
}

/* Autoloaded from a file _fc-x the text is that function's body; elsewhere it is sourced. */
static void zsh_end(const struct fc_command *const *commands)
{
	printf("%s}\nif [[ $funcstack[1] = _%s ]]; then _", commands ? "\tesac\n" : "", fc_prog);
	print_function();
	printf(" \"$@\"; else compdef _");
	print_function();
	printf(" %s; fi\n", fc_prog);
}

/* ---- fish ---- */

static void fish_begin(const struct fc_command *const *commands)
{
	printf("# fish completion of %s, printed by %s --completion fish\n", fc_prog, fc_prog);
	for (; commands && *commands; commands++) {
		printf("complete -c %s -n __fish_use_subcommand -f -a %s -d '", fc_prog,
		    (*commands)->name);
		print_escaped((*commands)->usage->summary, "\\");
		printf("'\n");
	}
	if (commands)
		printf(
		    "complete -c %s -n __fish_use_subcommand -l help -d 'print this help'\n"
		    "complete -c %s -n __fish_use_subcommand -l version -d 'print the version'\n",
		    fc_prog, fc_prog);
}

static void fish_options(const struct fc_opt_rows *rows, const struct fc_command *c)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct fc_opt *o = rows->v[i];
		if (!is_shown(o))
			continue;
		printf("complete -c %s", fc_prog);
		if (c)
			printf(" -n '__fish_seen_subcommand_from %s'", c->name);
		if (o->letter)
			printf(" -s %c", o->letter);
		printf(" -l %s", o->name);
		if (fc_opt_takes_value(o))
			printf(" %s", fc_opt_is_path(o) ? "-r -F" : "-x");
		for (size_t k = 0; o->words && o->words[k]; k++)
			printf("%s%s", k ? " " : " -a '", o->words[k]);
		printf("%s -d '", o->words ? "'" : "");
		print_escaped(o->help, "\\");
		printf("'\n");
	}
}

static void fish_end(const struct fc_command *const *commands)
{
	(void)commands;
}

_Noreturn void fc_completion_print(
    const char *shell, const struct fc_opt *const *tables, const struct fc_command *const *commands)
{
	static const struct shell shells[] = {
	    {"bash", bash_begin, bash_options, bash_end},
	    {"zsh", zsh_begin, zsh_options, zsh_end},
	    {"fish", fish_begin, fish_options, fish_end},
	};
	const struct shell *s = shells;
	while (s < shells + FC_LEN(shells) && strcmp(s->name, shell) != 0)
		s++;
	if (s == shells + FC_LEN(shells))
		fc_die_usage("--completion: '%s' is none of bash, zsh, fish", shell);
	if (strchr(fc_prog, ' '))
		fc_die_usage("--completion is of the whole program: say no command before it");
	s->begin(commands);
	for (const struct fc_command *const *c = commands; c && *c; c++) {
		struct fc_opt_rows rows = fc_opt_rows_of((*c)->tables);
		s->options(&rows, *c);
		fc_opt_rows_release(&rows);
	}
	if (!commands) {
		struct fc_opt_rows rows = fc_opt_rows_of(tables);
		s->options(&rows, NULL);
		fc_opt_rows_release(&rows);
	}
	s->end(commands);
	fc_finish();
}
