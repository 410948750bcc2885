/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CHAT_TEMPLATE_H
#define FC_VARM_CHAT_TEMPLATE_H

#include "fc-varm/request/recipe_plan.h"

/* Writes the chat template that the recipe asks for into the result's folder: the one most of the
 * models have (auto), a known one by its name, or the text given.  Without a request nothing is
 * done. */
int varm_chat_template_write(const char *dir, const struct recipe_plan *rp, struct fc_err *e);

#endif
