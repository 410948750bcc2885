/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command.h"

#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/suggest.h"

/* Ends the program: word is no command; NULL: none was said. */
static _Noreturn void no_such(const struct fc_command *const *commands, const char *word)
{
	struct fc_buf all = FC_BUF_INIT, meant = FC_BUF_INIT;
	const char **names = NULL;
	size_t n = 0, cap = 0;
	for (; commands[n]; n++) {
		FC_GROW(names, cap, n + 1);
		names[n] = commands[n]->name;
		fc_buf_addf(&all, "%s%s", n ? ", " : "", names[n]);
	}
	if (!word)
		fc_die_usage("say what to do: %s", all.p);
	fc_suggest(&meant, "", word, names, n);
	if (meant.n)
		fc_die_usage("no command %s; did you mean %s?", word, meant.p);
	fc_die_usage("no command %s; there are %s", word, all.p);
}

const struct fc_command *fc_command_parse(const struct fc_usage *usage, int *argc, char ***argv)
{
	static const struct fc_opt *const no_tables[] = {NULL};
	struct fc_buf prog = FC_BUF_INIT;
	const char *word = *argc > 1 ? (*argv)[1] : NULL;
	if (word && *word == '-') {
		fc_opt_parse(no_tables, usage, *argc, *argv);
		word = NULL;
	}
	const struct fc_command *const *c = usage->commands;
	while (word && *c && strcmp((*c)->name, word) != 0)
		c++;
	if (!word || !*c)
		no_such(usage->commands, word);
	fc_buf_addf(&prog, "%s %s", fc_prog, word);
	fc_prog = fc_buf_detach(&prog);
	const int first = 1 + fc_opt_parse((*c)->tables, (*c)->usage, *argc - 1, *argv + 1);
	*argc -= first;
	*argv += first;
	return *c;
}
