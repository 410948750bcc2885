/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/card.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-varm/recipe/yamlwrite.h"
#include "fc-varm/result/weight_table.h"

/* What a card says, beside the weights. */
struct card {
	const struct recipe_plan *rp;
	size_t n;     /* models */
	size_t first; /* the model that stands first: of a command line the pivot */
	char **name;  /* [n], with its adapter */
	char **hub;   /* [n], without */
	struct fc_buf recipe;
};

/* The model in row i. */
static size_t model_at(const struct card *c, size_t i)
{
	return (i + c->first) % c->n;
}

/* What a model's fingerprint stands beside. */
static const char *part_of(const struct card *c, size_t model)
{
	const struct recipe *r = c->rp->recipe;
	bool has_base = c->rp->method->base != BASE_NONE || r->said_by;
	return has_base && (int)model == r->base ? "base" : "merged";
}

/* Models of a command line whose paths end alike are told apart by their number. */
static void name_models(struct card *c)
{
	const struct recipe *r = c->rp->recipe;
	c->name = FC_ARRAY(char *, c->n + 1);
	c->hub = FC_ARRAY(char *, c->n + 1);
	for (size_t i = 0; i < c->n; i++) {
		size_t model = model_at(c, i);
		bool taken = false;
		c->name[i] = fc_strdup(c->rp->model[model].name);
		c->hub[i] = varm_source_model_name(r->model[model].path);
		for (size_t j = 0; j < i && r->said_by; j++)
			taken = taken || !strcmp(c->name[j], c->name[i]);
		if (!taken)
			continue;
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%s#%zu", c->name[i], i);
		free(c->name[i]);
		c->name[i] = fc_buf_detach(&b);
	}
}

struct public_names {
	const struct recipe *recipe;
	char *last; /* returned last */
};

static const char *public_text(const struct yaml *node, void *ctx)
{
	struct public_names *names = ctx;
	for (size_t i = 0; i < names->recipe->n_reference; i++) {
		if (names->recipe->reference[i] == node) {
			free(names->last);
			return names->last = varm_source_model_name(node->text);
		}
	}
	return NULL;
}

/* The one type of all merged tensors, or NULL. */
static const char *type_of_result(const struct plan *p)
{
	const struct plan_item *first = NULL;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->item[i];
		if (!it->method)
			continue;
		if (first && first->out.dtype != it->out.dtype)
			return NULL;
		first = it;
	}
	return first ? varm_recipe_dtype_name(first->out.dtype) : NULL;
}

static void add_recipe(struct card *c, const struct yaml *doc, const struct asked *asked)
{
	struct public_names names = {c->rp->recipe, NULL};
	if (asked)
		varm_asked_publish(&c->recipe, asked, c->name, type_of_result(&c->rp->plan));
	else
		varm_yaml_write(&c->recipe, doc, public_text, &names);
	free(names.last);
}

static void add_models(struct fc_buf *b, const struct card *c)
{
	fc_buf_adds(b, "| model | fingerprint | part |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < c->n; i++)
		fc_buf_addf(b, "| %s | `%016" PRIx64 "` | %s |\n", c->name[i],
		    c->rp->model[model_at(c, i)].fingerprint, part_of(c, model_at(c, i)));
}

static char *card_text(const struct card *c, const struct all_measured *r)
{
	struct fc_buf b = FC_BUF_INIT;
	const struct plan *p = &c->rp->plan;
	fc_buf_adds(&b, "---\nbase_model:\n");
	for (size_t i = 0; i < c->n; i++) {
		fc_buf_adds(&b, "- ");
		varm_yaml_write_quoted(&b, c->hub[i]);
		fc_buf_addc(&b, '\n');
	}
	fc_buf_addf(&b,
	    "library_name: transformers\ntags:\n- merge\n- fc-varm\n---\n# A merge by %s\n\n"
	    "Made by fc-varm without training.  Configuration and tokenizer come from the %s\n"
	    "model.  `fc-varm.json` has the weight of every model in every tensor.\n\n",
	    c->rp->method->name, c->rp->recipe->base >= 0 ? "base" : "first");
	if (p->rounding.stochastic)
		fc_buf_addf(&b,
		    "Results in float16 or bfloat16 are rounded stochastically, with seed %" PRIu64
		    ",\nwhich the recipe cannot say.\n\n",
		    p->rounding.seed);
	add_models(&b, c);
	fc_buf_adds(&b, "\nMean weights by kind of tensor:\n\n");
	varm_weight_table_markdown(&b, p, r);
	fc_buf_addf(&b, "\nRecipe:\n\n```yaml\n%s```\n", c->recipe.p);
	return fc_buf_detach(&b);
}

static int write_text(const char *dir, const char *name, const char *text, struct fc_err *e)
{
	char *path = fc_path_join(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int ret =
	    fd < 0 ? fc_fail(e, "create %s:", path) : fc_write_all(fd, text, strlen(text), path, e);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", path);
	free(path);
	return ret;
}

int varm_card_write(const char *dir, const struct recipe_plan *rp, const struct yaml *doc,
    const struct asked *asked, const struct all_measured *r, struct fc_err *e)
{
	size_t n = rp->recipe->n_model;
	struct card c = {.rp = rp, .n = n, .first = asked ? n - 1 : 0};
	name_models(&c);
	add_recipe(&c, doc, asked);
	char *text = card_text(&c, r);
	int ret = write_text(dir, "mergekit_config.yml", c.recipe.p, e);
	if (ret == 0)
		ret = write_text(dir, "README.md", text, e);
	for (size_t i = 0; i < n; i++) {
		free(c.name[i]);
		free(c.hub[i]);
	}
	free(c.name);
	free(c.hub);
	free(text);
	fc_buf_release(&c.recipe);
	return ret;
}
