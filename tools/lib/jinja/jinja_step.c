/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "jinja/jinja_impl.h"

/* What a run of a template may take, and how it fails. */

int fc_jx_fail(struct fc_jx *x, const char *fmt, ...)
{
	char what[900];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return fc_fail(x->e, "%s:%" PRIu32 ": %s", x->name, x->line, what);
}

int fc_jx_step(struct fc_jx *x, size_t n_bytes)
{
	x->steps += 1 + (n_bytes >> 8);
	if (x->pool.n_bytes > x->pool_max || n_bytes > x->pool_max)
		return fc_jx_fail(
		    x, "the template needs more than %zu bytes of memory", x->pool_max);
	if (x->too_long)
		return fc_jx_fail(x, "a text of more than %zu bytes", FC_JINJA_TEXT_MAX);
	if (x->steps > x->step_max)
		return fc_jx_fail(x, "the template needs more than %" PRIu64 " steps", x->step_max);
	return 0;
}

int fc_jx_enter(struct fc_jx *x)
{
	if (x->depth >= FC_JINJA_DEPTH_MAX)
		return fc_jx_fail(x, "nested more than %d levels deep", FC_JINJA_DEPTH_MAX);
	if (fc_jx_step(x, 0) < 0)
		return -1;
	x->depth++;
	return 0;
}
