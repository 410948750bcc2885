/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/renamed.h"

#include <string.h>

#include "base/die.h"
#include "base/mem.h"

static const struct {
	const char *name, *now;
} methods[] = {{"sce-fusechat", "fusechat-sce"}, {"sce-mergekit", "mergekit-sce"}};

const struct method *varm_renamed_method(const char *name)
{
	const struct method *m = varm_method_find_recipe(name);
	for (size_t i = 0; i < FC_LEN(methods) && !m; i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		m = varm_method_find(methods[i].now);
		fc_note("merge_method: %s is now called %s", name, methods[i].now);
	}
	return m;
}

/* The default of fusechat-sce is FuseChat's, on the command line as in recipes. */
void varm_renamed_settings(const char *name, struct settings *s)
{
	if (!strcmp(name, "sce-fusechat"))
		s->select_topk = 1;
}
