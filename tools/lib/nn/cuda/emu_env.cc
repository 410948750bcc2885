/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/emu_env.h"

#include <map>
#include <stdio.h>
#include <stdlib.h>
#include <string>

struct fc_emu_order fc_emu_order_read(void)
{
	const char *s = getenv("FC_EMU_ORDER");
	struct fc_emu_order o = {FC_EMU_FORWARD, 1};
	if (!s || !*s || !strcmp(s, "forward"))
		return o;
	if (!strcmp(s, "reverse"))
		o.kind = FC_EMU_REVERSE;
	else if (!strcmp(s, "shuffle") || !strncmp(s, "shuffle:", 8)) {
		o.kind = FC_EMU_SHUFFLE;
		o.seed = s[7] ? strtoull(s + 8, NULL, 10) : 1;
	} else
		abort(); /* a test that asks for what there is not tests nothing */
	return o;
}

/* Is s, "(kernel<T>)" of a template as launched, the kernel of this name? */
static bool is_named(const char *s, const char *name, size_t n)
{
	s += *s == '(';
	return !strncmp(s, name, n) && strchr("<)", s[n]);
}

int fc_emu_dropped(const char *kernel)
{
	const char *s = getenv("FC_EMU_DROP"), *colon = s ? strchr(s, ':') : NULL;
	if (!colon || !is_named(kernel, s, (size_t)(colon - s)))
		return -1;
	return atoi(colon + 1);
}

void fc_emu_trace(const char *kernel, uint64_t seen)
{
	static std::map<std::string, uint64_t> told;
	const char *path = getenv("FC_EMU_TRACE");
	if (!path || !seen)
		return;
	kernel += *kernel == '(';
	const std::string name(kernel, strcspn(kernel, "<)"));
	const uint64_t news = seen & ~told[name];
	if (!news)
		return;
	told[name] |= news;
	FILE *f = fopen(path, "a");
	for (int i = 0; f && i < 64; i++)
		if (news >> i & 1)
			fprintf(f, "%s %d\n", name.c_str(), i);
	if (!f || fclose(f))
		abort();
}
