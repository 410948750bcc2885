/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/card.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "fc-varm/recipe/yamlwrite.h"
#include "fc-varm/result/weight_table.h"

static void add_models(struct fc_buf *b, const struct card *c)
{
	fc_buf_adds(b, "| model | fingerprint | part |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < c->n_model; i++)
		fc_buf_addf(b, "| %s | `%016" PRIx64 "` | %s |\n", c->model[i].name,
		    c->model[i].fingerprint, c->model[i].part);
}

static char *card_text(const struct card *c, const struct plan *p, const struct verdicts *r)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "---\nbase_model:\n");
	for (size_t i = 0; i < c->n_model; i++) {
		fc_buf_adds(&b, "- ");
		varm_yaml_write_quoted(&b, c->model[i].hub);
		fc_buf_addc(&b, '\n');
	}
	fc_buf_addf(&b,
	    "library_name: transformers\ntags:\n- merge\n- fc-varm\n---\n# A merge by %s\n\n"
	    "Made by fc-varm without training.  Configuration and tokenizer come from the %s\n"
	    "model.  `fc-varm.json` has the weight of every model in every tensor.\n\n",
	    c->method, c->donor);
	if (p->rounding.stochastic)
		fc_buf_addf(&b,
		    "Results in float16 or bfloat16 are rounded stochastically, with seed %" PRIu64
		    ",\nwhich the recipe cannot say.\n\n",
		    p->rounding.seed);
	add_models(&b, c);
	fc_buf_adds(&b, "\nMean weights by kind of tensor:\n\n");
	varm_weight_table_markdown(&b, p, r);
	fc_buf_addf(&b, "\nRecipe:\n\n```yaml\n%s```\n", c->recipe);
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

int varm_card_write(const char *dir, const struct card *c, const struct plan *p,
    const struct verdicts *r, struct fc_err *e)
{
	char *text = card_text(c, p, r);
	int ret = write_text(dir, "mergekit_config.yml", c->recipe, e);
	if (ret == 0)
		ret = write_text(dir, "README.md", text, e);
	free(text);
	return ret;
}
