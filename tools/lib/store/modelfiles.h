/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_MODELFILES_H
#define FC_STORE_MODELFILES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * The files of a model's folder beside its weights, by their names: what Transformers, vLLM and
 * llama.cpp's converter look for, and the papers that go with a model.  Anything else in a folder
 * (an adapter of an earlier training, an optimizer's state, somebody's notes) is no part of the
 * model and goes into no result.
 */
enum fc_modelfiles {
	FC_MODELFILES_CONFIG = 1,    /* config.json */
	FC_MODELFILES_TOKENIZER = 2, /* vocabulary, special tokens, chat templates */
	FC_MODELFILES_OTHER = 4,     /* generation, preprocessors, code, model card, licence */
	FC_MODELFILES_LINEAGE = 8,   /* store/lineage.h: of these weights alone, never copied */
};

/* A folder with more chat templates, which chat/model_copy.h brings along. */
#define FC_MODELFILES_TEMPLATES "additional_chat_templates"

/* Copies the files of these kinds (links are followed); subfolders stay behind.  A link that leads
 * nowhere, and what is no regular file, is an error: call it before long work.  left: NULL, or gets
 * the visible names, separated by ", ", of what is neither of a model nor weights. */
int fc_modelfiles_copy(
    const char *from, const char *to, unsigned kinds, struct fc_buf *left, struct fc_err *e);
int fc_modelfiles_remove(const char *dir, unsigned kinds, struct fc_err *e);

/* Whether a folder holds an adapter beside a model's weights.  Transformers would apply it; here
 * MODEL+ADAPTER asks for that. */
bool fc_modelfiles_has_adapter(const char *path);
#define FC_MODELFILES_ADAPTER                                                                      \
	"%s: adapter_config.json beside the weights is ignored; fc-varm merges MODEL+ADAPTER"

#endif
