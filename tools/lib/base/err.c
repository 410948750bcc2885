/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fc_vfail(struct fc_err *e, const char *fmt, va_list ap)
{
	int saved = errno;
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	if (*fmt && fmt[strlen(fmt) - 1] == ':') {
		size_t n = strlen(e->msg);
		snprintf(e->msg + n, sizeof e->msg - n, " %s", strerror(saved));
	}
	return -1;
}

int fc_fail(struct fc_err *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fc_vfail(e, fmt, ap);
	va_end(ap);
	return -1;
}
