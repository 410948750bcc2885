/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of options: what they store, what they name, and what they say no to. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/opt.h"
#include "base/prog.h"
#include "t.h"

enum colour { RED, GREEN, BLUE, COLOUR_N };
static const char *const colour_words[] = {[RED] = "red", [GREEN] = "green", [BLUE] = "blue", NULL};
_Static_assert(sizeof colour_words / sizeof *colour_words == COLOUR_N + 1, "a word each");

static struct {
	bool flag, loud;
	int n;
	uint64_t big;
	double x;
	const char *text, *in, *out;
	struct fc_strs texts;
	enum colour colour;
	enum colour form;
} o;

static const struct fc_opt own[] = {
    FC_OPT_HEAD("Own"),
    FC_OPT_FLAG('f', "flag", FC_OPT_DECIDES, &o.flag, "a flag"),
    FC_OPT_INT('n', "number-one", FC_OPT_DECIDES, &o.n, "N", 1, 9, "a number"),
    FC_OPT_U64(0, "big", FC_OPT_DECIDES, &o.big, "N", "a large one"),
    FC_OPT_REAL('x', "real", FC_OPT_DECIDES, &o.x, "X", 0, 1, "a real one"),
    FC_OPT_TEXT(0, "text", FC_OPT_DECIDES, &o.text, "TEXT", "a text"),
    FC_OPT_TEXTS(0, "texts", FC_OPT_DECIDES, &o.texts, "TEXT", "several"),
    FC_OPT_WORD(0, "colour", FC_OPT_DECIDES, &o.colour, colour_words, "a word"),
    FC_OPT_END,
};
static const struct fc_opt more[] = {
    FC_OPT_WORD(0, "form", FC_OPT_FORM, &o.form, colour_words, "how it is written"),
    FC_OPT_FLAG('l', "loud", FC_OPT_PASSES, &o.loud, "what is said"),
    FC_OPT_TEXT('i', "in", FC_OPT_IN, &o.in, "FILE", "a file"),
    FC_OPT_TEXT('o', "out", FC_OPT_OUT_TEXT, &o.out, "FILE", "a file"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, more, fc_opt_common, NULL};
static const struct fc_usage usage = {.synopsis = "[OPTION]...", .summary = "Does nothing."};

/* Runs the parser on the words of a line in a process of its own; what it says, at most 4095 bytes,
 * and its status.  shown: print the history that follows from the options. */
static int run(const char *line, bool shown, char said[4096])
{
	int p[2], status = -1;
	size_t n = 0;
	ssize_t got;
	if (pipe(p) < 0)
		return -1;
	fflush(stdout);
	const pid_t child = fork();
	if (child == 0) {
		char *copy = strdup(line), *argv[32] = {"prog"}, *save = NULL;
		int argc = 1;
		for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
			argv[argc++] = w;
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		const int first = fc_opt_parse(tables, &usage, argc, argv);
		if (shown)
			printf("%s", fc_opt_given());
		for (int i = first; i < argc; i++)
			printf("|%s", argv[i]);
		exit(0);
	}
	close(p[1]);
	while (n < 4095 && (got = read(p[0], said + n, 4095 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	close(p[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_store(void)
{
	char *argv[] = {"prog", "a", "-fn5", "--big=18446744073709551615", "-x", "0.25", "--text",
	    "--f", "--texts", "one", "--texts=two", "--col", "blue", "--number_one", "7", "--in",
	    "f", "--", "-b", NULL};
	const int argc = sizeof argv / sizeof *argv - 1,
		  first = fc_opt_parse(tables, &usage, argc, argv);
	T_OK(o.flag && o.n == 7, "letters together, a value behind one, '_' for '-'");
	T_OK(o.big == UINT64_MAX && o.x == 0.25, "numbers");
	T_STR(o.text, "--f", "a value may begin like an option");
	T_OK(o.texts.n == 2 && !strcmp(o.texts.v[1], "two"), "texts are kept in order");
	T_OK(o.colour == BLUE && o.form == RED, "a word is the enum's value");
	T_OK(fc_opt_is_given("colour") && !fc_opt_is_given("loud") && !fc_opt_is_given("form"),
	    "what was given is known");
	T_OK(argc - first == 2 && !strcmp(argv[first], "a") && !strcmp(argv[first + 1], "-b"),
	    "operands come last, in their order; what follows -- is one");
	T_STR(fc_opt_given(),
	    "--flag --number-one 5 --big 18446744073709551615 --real 0.25 --text --f --texts one "
	    "--texts two --colour blue --number-one 7",
	    "the history has full names and no path");
}

static void test_roles(void)
{
	char said[4096];
	T_OK(run("-lq -j 3 --form green --flag -i in", true, said) == 0, "all roles");
	T_STR(said, "--form green --flag", "the history leaves out what passes through, and paths");
	T_OK(run("--settings -lq -j3 --fla --threads=2 -i in --form green -n 3 -o out", false,
		 said) == 0,
	    "--settings");
	T_STR(said, "--fla -i in --form green -n 3 -o out\n",
	    "what a stage depends on, as it is given, paths too");
	T_OK(run("--loud --settings", false, said) == 0 && !strcmp(said, "\n"), "or nothing");
}

static void test_refusals(void)
{
	static const struct {
		const char *line, *want;
	} t[] = {
	    {"--clour red", "no option --clour; did you mean --colour?"},
	    {"--flg", "no option --flg; did you mean --flag?"},
	    {"--frobnicate", "no option --frobnicate\n"},
	    {"--t x", "--t: is it --text, --texts or --threads?"},
	    {"--number_two 1", "no option --number-two; did you mean --number-one?"},
	    {"-z", "no option -z"},
	    {"-fz", "no option -z"},
	    {"--flag=1", "--flag takes no value"},
	    {"--colour", "--colour needs a value"},
	    {"-n", "-n needs a value"},
	    {"--colour gren", "'gren' is none of red|green|blue; did you mean green?"},
	    {"-n 10", "--number-one: 10 is outside [1, 9]"},
	    {"-n 1x", "--number-one: '1x' is not an integer"},
	    {"--big -1", "--big: '-1' is not a non-negative integer"},
	    {"-x nan", "--real: 'nan' is not a number"},
	    {"- -", "standard input (-) can be read only once"},
	    {"--completion tcsh", "'tcsh' is none of bash, zsh, fish"},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char said[4096];
		const int status = run(t[i].line, false, said);
		T_OK(status == 2 && strstr(said, t[i].want), "%s", t[i].line);
		if (!strstr(said, t[i].want))
			printf("# it says: %s", said);
	}
}

int main(void)
{
	fc_prog = "prog";
	test_roles(); /* the processes of these begin with nothing given */
	test_refusals();
	test_store();
	return t_done();
}
