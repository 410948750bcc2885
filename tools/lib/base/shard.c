/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shard.h"

#include <stdlib.h>
#include <string.h>

/* Takes a number of at most nine digits off *p; 0: there is none. */
static uint64_t take_number(const char **p)
{
	const size_t n = strspn(*p, "0123456789");
	const uint64_t value = n && n < 10 ? strtoull(*p, NULL, 10) : 0;
	*p += n;
	return value;
}

int fc_shard_parse(struct fc_shard *s, const char *text, struct fc_err *e)
{
	const char *p = text;
	*s = (struct fc_shard){0, 0};
	if (!text)
		return 0;
	s->i = take_number(&p);
	if (*p == '/') {
		p++;
		s->n = take_number(&p);
	}
	return !*p && s->i >= 1 && s->i <= s->n
	    ? 0
	    : fc_fail(e, "'%s' is not I/N with 1 <= I <= N", text);
}

bool fc_shard_has(const struct fc_shard *s, uint64_t record)
{
	return !s->n || record % s->n == s->i - 1;
}
