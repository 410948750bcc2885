/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/asked.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-varm/recipe/yamlwrite.h"
#include "fc-varm/request/parameter_option.h"
#include "text/utf8.h"

/* Ends the line that stands in w->text. */
static void end_line(struct asked_recipe *w, const char *said_by)
{
	fc_buf_addc(&w->text, '\n');
	FC_GROW(w->said_by, w->cap, (size_t)w->n_line + 2);
	w->said_by[++w->n_line] = said_by; /* lines are counted from 1 */
	w->said_by[0] = NULL;
}

static void add_line(struct asked_recipe *w, const char *line)
{
	fc_buf_adds(&w->text, line);
	end_line(w, NULL);
}

/* "key: text", bare where YAML reads that as itself. */
static void add_text(struct asked_recipe *w, const char *key, const char *text, const char *said_by)
{
	struct yaml v = {.kind = YAML_TEXT, .plain = true, .text = (char *)(uintptr_t)text};
	fc_buf_addf(&w->text, "%s: ", key);
	varm_yaml_write(&w->text, &v, NULL, NULL);
	w->text.n--; /* its newline */
	end_line(w, said_by);
}

/* Before two hexadecimal digits of a byte of a path that is none of UTF-8, as YAML's text must be,
 * or of this very character. */
#define CARRIER "\xee\x80\x80" /* U+E000, of private use */

static void add_path(struct fc_buf *b, const char *path)
{
	struct fc_buf carried = FC_BUF_INIT;
	const size_t n = strlen(path);
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c;
		len = fc_utf8_get(path + i, n - i, &c);
		if (len && c != 0xe000) {
			fc_buf_add(&carried, path + i, len);
			continue;
		}
		len = 1;
		fc_buf_addf(&carried, CARRIER "%02x", (unsigned char)path[i]);
	}
	varm_yaml_write_quoted(b, carried.p ? carried.p : "");
	fc_buf_release(&carried);
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void restore_node(struct yaml *v)
{
	char *to = v->text;
	for (const char *at = v->text; at && (*to = *at); to++, at++)
		if (!strncmp(at, CARRIER, 3)) {
			*to = (char)(hex_value(at[3]) << 4 | hex_value(at[4]));
			at += 4;
		}
	for (size_t i = 0; i < v->n; i++)
		restore_node(v->item[i]);
}

void varm_asked_restore(struct yaml_file *f)
{
	for (size_t i = 0; i < f->n_doc; i++)
		restore_node(f->doc[i]);
}

/* "PATH" or "PATH+ADAPTER", in quotes; as a map where a recipe would see more in it: a revision
 * after '@', a second adapter. */
static void add_model(
    struct asked_recipe *w, const char *key, const char *model, const char *said_by)
{
	const char *plus = strchr(model, '+');
	fc_buf_addf(&w->text, "%s: ", key);
	if (!strchr(model, '@') && !(plus && strchr(plus + 1, '+'))) {
		add_path(&w->text, model);
	} else if (!plus || fc_file_exists(model)) {
		fc_buf_adds(&w->text, "{path: ");
		add_path(&w->text, model);
		fc_buf_addc(&w->text, '}');
	} else {
		char *path = fc_memdup0(model, (size_t)(plus - model));
		fc_buf_adds(&w->text, "{model: {path: ");
		add_path(&w->text, path);
		fc_buf_adds(&w->text, "}, lora: {path: ");
		add_path(&w->text, plus + 1);
		fc_buf_adds(&w->text, "}}");
		free(path);
	}
	end_line(w, said_by);
}

/* "parameters:" and a line for each that the method takes; nothing where it takes none. */
static void add_parameters(struct asked_recipe *w, const struct method *m,
    enum parameter_scope scope, const void *from, int indent)
{
	bool any = false;
	for (const struct take *t = m->takes; t->parameter; t++) {
		const struct parameter *p = t->parameter;
		const double x = p->scope == scope ? varm_parameter_get(p, from) : NAN;
		if (isnan(x))
			continue; /* of the other scope; or it must be given, and is not */
		if (!any) {
			fc_buf_addf(&w->text, "%*sparameters:", indent, "");
			end_line(w, NULL);
			any = true;
		}
		fc_buf_addf(&w->text, "%*s%s: ", indent + 2, "", varm_parameter_recipe_name(p));
		varm_parameter_write(&w->text, p, x);
		end_line(w, varm_parameter_option_name(p));
	}
}

static void add_rest(struct asked_recipe *w, const struct asked *a, const char *dtype)
{
	add_parameters(w, a->method, PARAMETER_SHARED, &a->settings, 0);
	if (dtype)
		add_text(w, "dtype", dtype, "--dtype");
	if (a->method->draws) {
		fc_buf_addf(&w->text, "random_seed: %" PRIu64, a->settings.seed);
		end_line(w, "--seed");
	}
}

void varm_asked_write(struct asked_recipe *w, const struct asked *a)
{
	add_line(w, "models:");
	for (int k = 0; k < a->n_target; k++) {
		add_model(w, "  - model", a->target[k], NULL);
		add_parameters(w, a->method, PARAMETER_OF_TARGET, &a->target_params[k], 4);
	}
	add_text(w, "merge_method", a->method->name, "--method");
	add_model(w, "base_model", a->base, "--base");
	add_rest(w, a, a->dtype);
}

void varm_asked_publish(
    struct fc_buf *b, const struct asked *a, char *const *name, const char *dtype)
{
	const struct method *m = a->method;
	bool listed = m->base == BASE_NONE && varm_method_take(m, "weight");
	struct asked_recipe w = {.n_line = 0};
	add_line(&w, "models:");
	if (listed) {
		add_text(&w, "  - model", name[0], NULL);
		add_line(&w, "    parameters:\n      weight: 0");
	}
	for (int k = 0; k < a->n_target; k++) {
		add_text(&w, "  - model", name[k + 1], NULL);
		add_parameters(&w, m, PARAMETER_OF_TARGET, &a->target_params[k], 4);
	}
	add_text(&w, "merge_method", m->mergekit ? m->mergekit : m->name, NULL);
	if (m->base != BASE_NONE || listed)
		add_text(&w, "base_model", name[0], NULL);
	add_rest(&w, a, dtype);
	fc_buf_add(b, w.text.p, w.text.n);
	varm_asked_recipe_release(&w);
}

void varm_asked_recipe_release(struct asked_recipe *w)
{
	fc_buf_release(&w->text);
	free(w->said_by);
}
