/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/method_table.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "fc-varm/method/method.h"
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

/* The methods for which fits() holds, ".Cm a , b" and what follows; nothing where there are none.
 */
static void add_methods(struct fc_buf *b, const char *before, const struct parameter *p,
    bool (*fits)(const struct take *t, const struct parameter *p, double x), double x,
    const char *after)
{
	size_t n = 0;
	for (size_t i = 0; i < varm_method_count(); i++) {
		const struct method *m = varm_method_at(i);
		const struct take *t = varm_method_take(m, p->name);
		if (t && !t->idle && fits(t, p, x))
			fc_buf_addf(b, "%s%s", n++ ? " , " : before, m->name);
	}
	fc_buf_adds(b, n ? after : "");
}

static bool has_text(const struct take *t, const struct parameter *p, double x)
{
	(void)x;
	return !strcmp(t->parameter->help, p->help);
}

static bool has_usual(const struct take *t, const struct parameter *p, double x)
{
	return has_text(t, p, x) && varm_take_usual(t) == x;
}

/* "The default is 1."; where methods differ, each default with its methods. */
static void add_usual(struct fc_buf *b, const struct parameter *p, double usual, bool differ)
{
	struct fc_buf value = FC_BUF_INIT, before = FC_BUF_INIT;
	varm_parameter_show(&value, p, usual);
	fc_buf_addf(&before, "The default is\n.Cm %s\nfor\n.Cm ", value.p);
	if (p->must == PARAMETER_MUST)
		fc_buf_adds(b, "It must be given.\n");
	else if (differ)
		add_methods(b, before.p, p, has_usual, usual, " .\n");
	else if (p->kind == PARAMETER_WORD)
		fc_buf_addf(b, "The default is\n.Cm %s .\n", value.p);
	else
		fc_buf_addf(b, "The default is %s.\n", value.p);
	fc_buf_release(&before);
	fc_buf_release(&value);
}

/* A truth that its method decides: who decides on yes. */
static void add_auto(struct fc_buf *b, const struct parameter *p)
{
	struct fc_buf yes = FC_BUF_INIT;
	add_methods(
	    &yes, ".Cm auto ,\nthe default, is\n.Cm yes\nfor\n.Cm ", p, has_usual, 1, " .\n");
	if (varm_parameter_option_arg(p) && yes.n)
		fc_buf_adds(b, yes.p);
	fc_buf_release(&yes);
}

/* All defaults of the parameter's text, each once. */
static void add_defaults(struct fc_buf *b, const struct parameter *p)
{
	double seen[16];
	size_t n = 0;
	if (p->kind == PARAMETER_TRUTH) {
		add_auto(b, p);
		return;
	}
	for (size_t i = 0; i < varm_method_count(); i++) {
		const struct take *t = varm_method_take(varm_method_at(i), p->name);
		size_t k = 0;
		if (!t || t->idle || !has_text(t, p, 0))
			continue;
		while (k < n && seen[k] != varm_take_usual(t))
			k++;
		if (k == n && n < sizeof seen / sizeof *seen)
			seen[n++] = varm_take_usual(t);
	}
	for (size_t k = 0; k < n; k++)
		add_usual(b, p, seen[k], n > 1);
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
	add_methods(b, ".Cm ", p, has_text, 0, " :\n");
	fc_buf_addf(b, "%s.\n", p->help);
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
	const struct parameter *p;
	for (size_t i = 0; (p = varm_parameter_option_meaning(i, 0)); i++) {
		add_item(b, p);
		for (size_t k = 0; (p = varm_parameter_option_meaning(i, k)); k++)
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
