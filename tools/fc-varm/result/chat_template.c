/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/chat_template.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/template.h"
#include "text/json_write.h"
#include "token/sidefiles.h"

/* The formats as their models' makers describe them. */
static const struct {
	const char *name, *text;
} known[] = {
    {"chatml",
	"{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + "
	"'<|im_end|>\\n' }}{% endfor %}"
	"{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"},
    {"llama3",
	"{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
	"{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + "
	"'<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
	"{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
    {"mistral",
	"{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
	"{% if m['role'] == 'system' %}{% set ns.system = m['content'] + '\\n\\n' %}"
	"{% elif m['role'] == 'user' %}{{ ' [INST] ' + ns.system + m['content'] + ' [/INST]' }}"
	"{% set ns.system = '' %}{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}"
	"{% endfor %}"},
    {"alpaca",
	"{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] | trim + '\\n\\n' }}"
	"{% elif m['role'] == 'user' %}{{ '### Instruction:\\n' + m['content'] | trim + '\\n\\n' }}"
	"{% else %}{{ '### Response:\\n' + m['content'] | trim + '\\n\\n' }}{% endif %}"
	"{% endfor %}{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}"},
    {"exaone",
	"{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
	"{{ '[|system|][|endofturn|]\\n' }}{% endif %}{{ '[|' + m['role'] + '|]' + m['content'] }}"
	"{{ '\\n' if m['role'] == 'user' else '[|endofturn|]\\n' }}{% endfor %}"
	"{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}"},
};

static char *trimmed(const char *s)
{
	static const char space[] = " \t\r\n";
	size_t n;
	s += strspn(s, space);
	for (n = strlen(s); n && strchr(space, s[n - 1]);)
		n--;
	return fc_memdup0(s, n);
}

/* A model's own template, without white space around it; *text is NULL where it has none. */
static int read_template(const struct source_model *g, char **text, struct fc_err *e)
{
	struct fc_sidefiles side;
	struct fc_buf b = FC_BUF_INIT;
	char *stem = fc_path_join(g->path, ""), *where = NULL;
	*text = NULL;
	int found = fc_sidefiles_read(&side, stem, e);
	free(stem);
	if (found < 0)
		return -1;
	found = fc_template_find(g->path, side.config, FC_TEMPLATE_DEFAULT, &b, &where, e);
	if (found == 1 && b.n)
		*text = trimmed(b.p);
	fc_sidefiles_release(&side);
	fc_buf_release(&b);
	free(where);
	return found < 0 ? -1 : 0;
}

/* The template that most models have, the first one of several; *chosen is NULL without any. */
static int vote(const struct recipe_plan *rp, char **chosen, struct fc_err *e)
{
	size_t n = rp->recipe->n_model, best = 0;
	char **text = FC_ARRAY(char *, n);
	int ret = 0;
	*chosen = NULL;
	for (size_t i = 0; i < n && ret == 0; i++)
		ret = read_template(&rp->model[i], &text[i], e);
	for (size_t i = 0; i < n && ret == 0; i++) {
		size_t votes = 0;
		for (size_t k = 0; text[i] && k < n; k++)
			votes += text[k] && !strcmp(text[i], text[k]);
		if (votes > best) {
			best = votes;
			free(*chosen);
			*chosen = fc_strdup(text[i]);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(text[i]);
	free(text);
	return ret;
}

static int choose(const struct recipe_plan *rp, char **text, struct fc_err *e)
{
	const struct yaml *v = rp->recipe->chat_template;
	*text = NULL;
	if (!strcmp(v->text, "auto"))
		return vote(rp, text, e);
	for (size_t i = 0; i < FC_LEN(known); i++)
		if (!strcmp(v->text, known[i].name))
			*text = fc_strdup(known[i].text);
	if (!*text && !strchr(v->text, '{'))
		return varm_recipe_fail(rp->recipe, v->line, e,
		    "chat_template: expected auto, chatml, llama3, mistral, alpaca, exaone "
		    "or "
		    "a template");
	if (!*text)
		*text = fc_strdup(v->text);
	return 0;
}

/* Replaces the default in a list of {"name", "template"}. */
static void set_in_list(json_t *list, const char *text)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		if (name && !strcmp(name, FC_TEMPLATE_DEFAULT)) {
			json_object_set_new(item, "template", json_string(text));
			return;
		}
	}
	json_array_append_new(
	    list, json_pack("{s:s, s:s}", "name", FC_TEMPLATE_DEFAULT, "template", text));
}

/* Replaces the default among the templates, of whichever form they are. */
static void set_default(json_t *config, const char *text)
{
	json_t *v = json_object_get(config, "chat_template");
	if (json_is_array(v))
		set_in_list(v, text);
	else if (json_is_object(v))
		json_object_set_new(v, FC_TEMPLATE_DEFAULT, json_string(text));
	else
		json_object_set_new(config, "chat_template", json_string(text));
}

/* In tokenizer_config.json, if that has one.  *is_all: it has others too and no file that goes
 * before it: such a file would hide them. */
static int set_in_config(const char *dir, const char *text, bool *is_all, struct fc_err *e)
{
	char *path = fc_path_join(dir, "tokenizer_config.json");
	char *file = fc_path_join(dir, "chat_template.jinja");
	json_t *config = NULL, *v;
	int ret = 0;
	if (fc_file_exists(path)) {
		config = fc_json_file(path, e);
		ret = config ? 0 : -1;
	}
	v = json_object_get(config, "chat_template");
	*is_all = (json_is_array(v) || json_is_object(v)) && !fc_file_exists(file);
	if (v) {
		set_default(config, text);
		ret = fc_json_write(path, config, e);
	}
	json_decref(config);
	free(path);
	free(file);
	return ret;
}

static int write_file(const char *dir, const char *text, struct fc_err *e)
{
	char *path = fc_path_join(dir, "chat_template.jinja");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int ret =
	    fd < 0 ? fc_fail(e, "create %s:", path) : fc_write_all(fd, text, strlen(text), path, e);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", path);
	free(path);
	return ret;
}

int varm_chat_template_write(const char *dir, const struct recipe_plan *rp, struct fc_err *e)
{
	char *text = NULL;
	bool is_all;
	if (!rp->recipe->chat_template)
		return 0;
	if (choose(rp, &text, e) < 0)
		return -1;
	if (!text) {
		varm_recipe_warn(
		    rp->recipe, rp->recipe->chat_template->line, "no model has a chat template");
		return 0;
	}
	int ret = set_in_config(dir, text, &is_all, e);
	if (ret == 0 && !is_all)
		ret = write_file(dir, text, e);
	free(text);
	return ret;
}
