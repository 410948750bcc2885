/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "fc-convert/convert.h"
#include "model/family.h"

/* Architectures that are read, not written. */
static bool only_read(const char *arch)
{
	static const char *const read[] = {
	    "internlm2", "qwen3moe", "granite", "smollm3", "olmo2", "cohere2", "glm4"};
	for (size_t i = 0; i < FC_LEN(read); i++)
		if (!strcmp(arch, read[i]))
			return true;
	return false;
}

/* GGUF's architecture by model_type. */
static const struct fc_gguf_family *find_family(const struct convert *c, struct fc_err *e)
{
	static const struct {
		const char *type, *arch;
	} others[] = {{"mistral", "llama"}, {"mixtral", "llama"}, {"gemma3_text", "gemma3"},
	    {"gpt_neox", "gptneox"}};
	const char *arch = c->config.model_type;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (!strcmp(arch, others[i].type))
			arch = others[i].arch;
	const struct fc_gguf_family *f = only_read(arch) ? NULL : fc_gguf_family(arch);
	if (!f)
		fc_fail(e, "%s: a %s model can't be written as GGUF", c->from, arch);
	return f;
}

int convert_to_gguf(const struct convert *c, int fd, const char *name, struct fc_err *e)
{
	const struct fc_gguf_family *f = find_family(c, e);
	struct fc_gguf_meta meta = {.n = 0};
	struct items items = {.n = 0};
	struct fc_gguf_writer *w = NULL;
	struct fc_tensor *plan = NULL;
	int ret = f ? convert_plan(c, f, &items, e) : -1;
	if (ret == 0)
		ret = convert_metadata(c, f, &meta, &items, e);
	if (ret == 0)
		ret = convert_vocabulary(c, &meta, e);
	if (ret == 0) {
		plan = FC_ARRAY(struct fc_tensor, items.n + 1);
		for (size_t i = 0; i < items.n; i++)
			plan[i] = items.v[i].out;
		ret = fc_gguf_writer_open(&w, fd, name, &meta, plan, items.n, e);
	}
	if (ret == 0) {
		struct fc_err closing;
		ret = convert_weights(c, &items, w, e);
		if (fc_gguf_writer_close(w, ret == 0 ? e : &closing) < 0)
			ret = -1;
	}
	free(plan);
	convert_items_release(&items);
	fc_gguf_meta_release(&meta);
	return ret;
}
