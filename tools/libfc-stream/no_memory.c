/* SPDX-License-Identifier: Apache-2.0 */
#include "libfc-stream/no_memory.h"

#include <setjmp.h>
#include <stdlib.h>

#include "base/die.h"

/* Of the call that this thread is in; NULL outside of one. */
static _Thread_local struct way_back {
	jmp_buf at;
	struct fc_err *e;
} * way_back;

/* Takes the place of the one in base/die.c. */
void fc_die(const char *fmt, ...)
{
	va_list ap;
	if (!way_back)
		abort();
	va_start(ap, fmt);
	fc_vfail(way_back->e, fmt, ap);
	va_end(ap);
	longjmp(way_back->at, 1);
}

int fc_survive(int (*step)(void *arg), void *arg, struct fc_err *e)
{
	struct way_back back = {.e = e};
	way_back = &back;
	if (setjmp(back.at)) {
		way_back = NULL;
		return -1;
	}
	const int rc = step(arg);
	way_back = NULL;
	return rc;
}
