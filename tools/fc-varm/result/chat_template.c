/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/chat_template.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "text/json_write.h"

#define TEMPLATE_MAX ((size_t)1 << 20) /* bytes */

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

/* The one text, or that of a list's "default". */
static const char *from_config(const json_t *config)
{
	const json_t *v = json_object_get(config, "chat_template");
	json_t *o;
	size_t i;
	json_array_foreach(v, i, o)
	{
		const char *name = json_string_value(json_object_get(o, "name"));
		if (name && !strcmp(name, "default"))
			return json_string_value(json_object_get(o, "template"));
	}
	return json_string_value(v);
}

/* A model's own template, without white space around it; *text is NULL where it has none. */
static int read_template(const struct ingredient *g, char **text, struct fc_err *e)
{
	char *file = fc_path_join(g->path, "chat_template.jinja");
	char *path = fc_path_join(g->path, "tokenizer_config.json");
	json_t *config = NULL;
	struct fc_buf b = FC_BUF_INIT;
	int ret = 0;
	*text = NULL;
	if (fc_file_exists(file)) {
		ret = fc_file_read(file, TEMPLATE_MAX, &b, e);
		*text = ret == 0 && b.n ? trimmed(b.p) : NULL;
	} else if (fc_file_exists(path)) {
		config = fc_json_file(path, e);
		const char *s = from_config(config);
		ret = config ? 0 : -1;
		*text = s && *s ? trimmed(s) : NULL;
	}
	json_decref(config);
	fc_buf_release(&b);
	free(file);
	free(path);
	return ret;
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
		return fc_fail(e,
		    "%s:%d: chat_template: expected auto, chatml, llama3, mistral, alpaca, exaone "
		    "or "
		    "a template",
		    rp->recipe->file, v->line);
	if (!*text)
		*text = fc_strdup(v->text);
	return 0;
}

/* For programs that look into tokenizer_config.json. */
static int set_in_config(const char *dir, const char *text, struct fc_err *e)
{
	char *path = fc_path_join(dir, "tokenizer_config.json");
	json_t *config = NULL;
	int ret = 0;
	if (fc_file_exists(path)) {
		config = fc_json_file(path, e);
		ret = config ? 0 : -1;
	}
	if (json_object_get(config, "chat_template")) {
		json_object_set_new(config, "chat_template", json_string(text));
		ret = fc_json_write(path, config, e);
	}
	json_decref(config);
	free(path);
	return ret;
}

int varm_chat_template_write(const char *dir, const struct recipe_plan *rp, struct fc_err *e)
{
	char *text = NULL, *path;
	if (!rp->recipe->chat_template)
		return 0;
	if (choose(rp, &text, e) < 0)
		return -1;
	if (!text) {
		fc_warn("%s:%d: no model has a chat template", rp->recipe->file,
		    rp->recipe->chat_template->line);
		return 0;
	}
	path = fc_path_join(dir, "chat_template.jinja");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int ret =
	    fd < 0 ? fc_fail(e, "create %s:", path) : fc_write_all(fd, text, strlen(text), path, e);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", path);
	if (ret == 0)
		ret = set_in_config(dir, text, e);
	free(path);
	free(text);
	return ret;
}
