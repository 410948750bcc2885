/* SPDX-License-Identifier: Apache-2.0 */
#include "model/family.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static const struct fc_family *const families[] = {&fc_family_llama, &fc_family_mistral,
    &fc_family_mixtral, &fc_family_qwen2, &fc_family_qwen3, &fc_family_gemma, &fc_family_gemma2,
    &fc_family_gemma3, &fc_family_phi3, &fc_family_internlm2, &fc_family_gpt2, &fc_family_gpt_neox,
    &fc_family_mpt};

const struct fc_family *fc_family_find(const char *type, const char *where, struct fc_err *e)
{
	struct fc_buf known = FC_BUF_INIT;
	for (size_t i = 0; i < FC_LEN(families); i++) {
		if (!strcmp(type, families[i]->type)) {
			fc_buf_release(&known);
			return families[i];
		}
		fc_buf_addf(&known, "%s%s", i ? ", " : "", families[i]->type);
	}
	char *list = fc_buf_detach(&known);
	fc_fail(e, "%s: model_type \"%s\" is not supported (%s are)", where, type, list);
	free(list);
	return NULL;
}

const char *const *fc_family_prefixes(const struct fc_family *f)
{
	static const char *const defaults[][3] = {
	    {"model.", "", NULL}, {"transformer.", "", NULL}, {"gpt_neox.", "", NULL}};
	static const char *const none[] = {NULL};
	if (f->prefixes)
		return f->prefixes;
	/* the first tensor of a declaration is the embedding */
	for (size_t i = 0; i < FC_LEN(defaults); i++)
		if (!strncmp(f->tensor[0].name, defaults[i][0], strlen(defaults[i][0])))
			return defaults[i];
	return none;
}
