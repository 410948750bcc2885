/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_TEMPLATE_H
#define FC_CHAT_TEMPLATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "text/json.h"

#define FC_TEMPLATE_DEFAULT "default"
#define FC_TEMPLATE_TOOLS "tool_use" /* what Transformers takes where there are tools */

/*
 * The text of the template of that name that the model folder has, as Transformers finds it:
 * chat_template.jinja is the default, additional_chat_templates/NAME.jinja the others; where there
 * are no such files, chat_template of config (the model's tokenizer_config.json) is the default
 * itself, an object by name, or a list of {"name", "template"}.
 * 1: found; *where, new, names the place; 0: there is none; -1: error.
 */
int fc_template_find(const char *model, const json_t *config, const char *name, struct fc_buf *text,
    char **where, struct fc_err *e);
/*
 * All of them as Transformers finds them, {NAME: TEXT}; new.  Empty if there are none, NULL after
 * an error.
 */
json_t *fc_template_all(const char *model, const json_t *config, struct fc_err *e);
/* Are some of them in the folder additional_chat_templates/? */
bool fc_template_has_folder(const char *model);
/* Appends the names of all that there are, ", " between them. */
void fc_template_names(const char *model, const json_t *config, struct fc_buf *names);

#endif
