/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/method_table.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/request/meaning.h"
#include "fc-varm/request/parameter_option.h"

enum { WIDTH = 79, INDENT = 28 }; /* of --help */

/* Appends words from the column where b's last line ends, new lines beginning at INDENT. */
static void add_wrapped(struct fc_buf *b, const char *text)
{
	size_t line = b->n;
	while (line && b->p[line - 1] != '\n')
		line--;
	for (size_t n; *text; text += n + strspn(text + n, " ")) {
		n = strcspn(text, " ");
		bool first = b->n - line <= INDENT;
		if (!first && b->n - line + 1 + n > WIDTH) {
			fc_buf_addf(b, "\n%*s", INDENT, "");
			line = b->n - INDENT;
			first = true;
		}
		fc_buf_addf(b, "%s%.*s", first ? "" : " ", (int)n, text);
	}
	fc_buf_addc(b, '\n');
}

/* "weight, density": what the method reads. */
static void add_takes(struct fc_buf *b, const struct method *m, const char *between, bool recipe)
{
	bool any = false;
	for (const struct take *t = m->takes; t->parameter; t++) {
		if (t->idle)
			continue;
		fc_buf_addf(b, "%s%s", any ? between : "",
		    recipe ? varm_parameter_recipe_name(t->parameter)
			   : varm_parameter_option_name(t->parameter) + 2);
		any = true;
	}
}

void varm_method_table_help(struct fc_buf *b)
{
	fc_buf_adds(b, "Methods, and the options they take:\n");
	for (size_t i = 0; i < varm_method_count(); i++) {
		const struct method *m = varm_method_at(i);
		struct fc_buf takes = FC_BUF_INIT, text = FC_BUF_INIT;
		add_takes(&takes, m, ", ", false);
		fc_buf_addf(&text, "%s%s%s%s", m->help, takes.n ? " (" : "", takes.n ? takes.p : "",
		    takes.n ? ")" : "");
		fc_buf_addf(b, "  %-*s", INDENT - 2, m->name);
		add_wrapped(b, text.p);
		fc_buf_release(&takes);
		fc_buf_release(&text);
	}
}

/* Of a truth the methods whose default is yes; of others every default, with its methods where
 * there are several. */
static void add_defaults(struct fc_buf *b, const struct parameter *p)
{
	double usual[4], yes = 1;
	struct fc_buf methods = FC_BUF_INIT;
	size_t n = varm_meaning_defaults(p, usual, FC_LEN(usual));
	if (p->must == PARAMETER_MUST) {
		fc_buf_adds(b, "It must be given.\n");
	} else if (p->kind == PARAMETER_TRUTH) {
		if (varm_meaning_methods(&methods, p, &yes, " , "))
			fc_buf_addf(
			    b, ".Cm auto ,\nthe default, is\n.Cm yes\nfor\n.Cm %s .\n", methods.p);
	} else {
		for (size_t i = 0; i < n; i++) {
			fc_buf_adds(b, "The default is\n.Cm ");
			varm_parameter_show(b, p, usual[i]);
			fc_buf_adds(b, n > 1 ? "\nfor\n.Cm " : "");
			if (n > 1)
				varm_meaning_methods(b, p, &usual[i], " , ");
			fc_buf_adds(b, " .\n");
		}
	}
	fc_buf_release(&methods);
}

static void add_range(struct fc_buf *b, const struct parameter *p)
{
	if (p->kind == PARAMETER_TRUTH || p->kind == PARAMETER_WORD || isinf(p->min))
		return;
	if (isinf(p->max))
		fc_buf_addf(b, "At least %g.\n", p->min);
	else
		fc_buf_addf(b, "%g to %g.\n", p->min, p->max);
}

/* One meaning of an option: its methods, its text, range and default. */
static void add_meaning(struct fc_buf *b, const struct parameter *p)
{
	fc_buf_adds(b, ".Cm ");
	varm_meaning_methods(b, p, NULL, " , ");
	fc_buf_addf(b, " :\n%s.\n", p->help);
	add_range(b, p);
	add_defaults(b, p);
}

static void add_item(struct fc_buf *b, const struct parameter *p)
{
	const char *arg = varm_parameter_option_arg(p);
	fc_buf_addf(b, ".It Fl -%s", varm_parameter_option_name(p) + 2);
	if (arg && strchr(arg, ','))
		fc_buf_addf(b, " Ar %s Ns Op , Ns Ar %s ...", p->arg, p->arg);
	else if (arg && strchr(arg, '|'))
		fc_buf_adds(b, " Cm ");
	else if (arg)
		fc_buf_addf(b, " Ar %s", arg);
	for (; arg && strchr(arg, '|'); arg = strchr(arg, '|') + 1)
		fc_buf_addf(b, "%.*s | ", (int)strcspn(arg, "|"), arg);
	if (arg != varm_parameter_option_arg(p))
		fc_buf_adds(b, arg);
	fc_buf_addc(b, '\n');
}

/* Option by option, and in each what it means to which methods. */
static void add_parameters(struct fc_buf *b)
{
	const char *name;
	const struct parameter *p;
	for (size_t i = 0; (name = varm_parameter_option_at(i)); i++) {
		add_item(b, varm_meaning(name, 0));
		for (size_t k = 0; (p = varm_meaning(name, k)); k++)
			add_meaning(b, p);
	}
}

static void add_list(struct fc_buf *b)
{
	fc_buf_adds(b, ".Bl -column \"della_linear-paper\" \"text\"\n");
	for (size_t i = 0; i < varm_method_count(); i++)
		fc_buf_addf(
		    b, ".It Cm %s Ta %s\n", varm_method_at(i)->name, varm_method_at(i)->help);
	fc_buf_adds(b, ".El\n");
}

/* "yes", "maybe" or "-": whether changes are measured against a base. */
static const char *base_word(const struct method *m)
{
	static const char *const words[] = {
	    [BASE_NONE] = "\\-", [BASE_TAKEN] = "maybe", [BASE_NEEDED] = "yes"};
	return words[m->base];
}

static void add_recipes(struct fc_buf *b)
{
	fc_buf_adds(b,
	    ".Bl -column \"sce, mergekit-sce\" \"maybe\" \"Models\" \"parameters\"\n"
	    ".It Sy Method Ta Sy Base Ta Sy Models Ta Sy Parameters\n");
	for (size_t i = 0; i < varm_method_count(); i++) {
		const struct method *m = varm_method_at(i);
		fc_buf_addf(b, ".It %s%s%s Ta %s Ta %d%s Ta ", m->mergekit ? m->mergekit : "",
		    m->mergekit ? ", " : "", m->name, base_word(m), m->least,
		    m->most == m->least ? "" : "+");
		add_takes(b, m, " ", true);
		while (b->p[b->n - 1] == ' ')
			b->n--;
		fc_buf_addc(b, '\n');
	}
	fc_buf_adds(b, ".El\n");
}

int varm_method_table_mdoc(struct fc_buf *b, const char *name)
{
	if (!strcmp(name, "parameters"))
		add_parameters(b);
	else if (!strcmp(name, "methods"))
		add_list(b);
	else if (!strcmp(name, "recipes"))
		add_recipes(b);
	else
		return -1;
	return 0;
}
