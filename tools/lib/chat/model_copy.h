/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_MODEL_COPY_H
#define FC_CHAT_MODEL_COPY_H

#include "base/buf.h"
#include "base/err.h"

/*
 * fc_modelfiles_copy(), and with the files of the tokenizer the chat templates of the folder
 * additional_chat_templates/.  Folders of results are flat, so all templates of such a model stand
 * in the result's tokenizer_config.json, as a list of {"name", "template"}, and there is no
 * chat_template.jinja, which would hide them.
 */
int fc_model_copy(
    const char *from, const char *to, unsigned kinds, struct fc_buf *left, struct fc_err *e);

#endif
