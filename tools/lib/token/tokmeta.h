/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_TOKMETA_H
#define FC_TOKEN_TOKMETA_H

#include "base/err.h"
#include "store/gguf.h"
#include "text/json.h"

/* What a model's tokenizer_config.json would say, from files that take its place: bos_token and
 * other roles, added_tokens_decoder, chat_template.  *config is NULL where model has no such file;
 * else the caller's. */
int fc_tokmeta_gguf(const char *model, json_t **config, struct fc_err *e);
/* The chat templates of a GGUF file: the text of tokenizer.chat_template, or a list of {"name",
 * "template"} if there is a tokenizer.chat_template.NAME too; NULL: there are none. */
int fc_tokmeta_templates(const struct fc_gguf *g, json_t **out, struct fc_err *e);
/* A folder's tokenizer.json, with model.vocab and model.merges null. */
int fc_tokmeta_json(const char *model, json_t **file, struct fc_err *e);
/* From a folder's tokenizer.model, if there is no tokenizer.json. */
int fc_tokmeta_sentencepiece(const char *model, json_t **config, struct fc_err *e);

#endif
