/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "weight_table.h"
#include "yamlwrite.h"

struct names {
	const struct recipe *recipe;
	char *last; /* returned last */
};

static const char *public_text(const struct yaml *node, void *ctx)
{
	struct names *names = ctx;
	for (size_t i = 0; i < names->recipe->n_reference; i++) {
		if (names->recipe->reference[i] == node) {
			free(names->last);
			return names->last = ingredient_name(node->text);
		}
	}
	return NULL;
}

static char *recipe_text(const struct recipe *r, const struct yaml *doc)
{
	struct fc_buf b = FC_BUF_INIT;
	struct names names = {r, NULL};
	yaml_write(&b, doc, public_text, &names);
	free(names.last);
	return fc_buf_detach(&b);
}

static void add_models(struct fc_buf *b, const struct recipe_plan *rp)
{
	fc_buf_adds(b, "| model | fingerprint | part |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < rp->recipe->n_model; i++) {
		fc_buf_addf(b, "| %s | `%016" PRIx64 "` | %s |\n", rp->model[i].name,
		    rp->model[i].fingerprint,
		    rp->method->base != BASE_IS_TARGET && (int)i == rp->recipe->base ? "base"
										     : "merged");
	}
}

static char *card_text(const struct recipe_plan *rp, const char *recipe, const struct verdicts *r)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "---\nbase_model:\n");
	for (size_t i = 0; i < rp->recipe->n_model; i++) {
		char *name = ingredient_name(rp->recipe->model[i].path);
		fc_buf_adds(&b, "- ");
		yaml_write_quoted(&b, name);
		fc_buf_addc(&b, '\n');
		free(name);
	}
	fc_buf_addf(&b,
	    "library_name: transformers\ntags:\n- merge\n- fc-varm\n---\n# A merge by %s\n\n"
	    "Made by fc-varm without training.  Configuration and tokenizer come from the %s\n"
	    "model.  `fc-varm.json` has the weight of every model in every tensor.\n\n",
	    rp->recipe->method, rp->recipe->base >= 0 ? "base" : "first");
	add_models(&b, rp);
	fc_buf_adds(&b, "\nMean weights by kind of tensor:\n\n");
	weight_table_markdown(&b, &rp->plan, r);
	fc_buf_addf(&b, "\nRecipe:\n\n```yaml\n%s```\n", recipe);
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

int card_write(const char *dir, const struct recipe_plan *rp, const struct yaml *doc,
    const struct verdicts *r, struct fc_err *e)
{
	char *recipe = recipe_text(rp->recipe, doc), *card = card_text(rp, recipe, r);
	int ret = write_text(dir, "mergekit_config.yml", recipe, e);
	if (ret == 0)
		ret = write_text(dir, "README.md", card, e);
	free(recipe);
	free(card);
	return ret;
}
