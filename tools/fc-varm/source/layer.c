/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/layer.h"

#include <string.h>

#include "base/mem.h"

size_t varm_layer_prefix(const char *name)
{
	for (const char *p = name; *p; p++) {
		size_t digits = p == name || p[-1] == '.' ? strspn(p, "0123456789") : 0;
		if (digits && p[digits] == '.')
			return (size_t)(p - name) + digits;
	}
	return 0;
}

char *varm_layer_kind(const char *name)
{
	size_t prefix = varm_layer_prefix(name);
	const char *from = prefix        ? name + prefix + 1
	    : strncmp(name, "model.", 6) ? name
					 : name + 6;
	size_t n = strlen(from);
	if (n > 7 && !strcmp(from + n - 7, ".weight"))
		n -= 7;
	return fc_memdup0(from, n);
}
