/* SPDX-License-Identifier: Apache-2.0 */
#include "store/modeldtype.h"

#include "base/mem.h"

/* Returns how many there are. */
static size_t set_all(json_t *o, const char *name)
{
	static const char *const keys[] = {"dtype", "torch_dtype"};
	size_t n = 0;
	for (size_t i = 0; i < FC_LEN(keys); i++)
		if (json_object_get(o, keys[i])) {
			json_object_set_new(o, keys[i], json_string(name));
			n++;
		}
	return n;
}

void fc_modeldtype_set(json_t *config, const char *name)
{
	set_all(json_object_get(config, "text_config"), name);
	if (!set_all(config, name))
		json_object_set_new(config, "torch_dtype", json_string(name));
}
