/* SPDX-License-Identifier: Apache-2.0 */
#include "base/barline.h"

#include <unistd.h>

volatile sig_atomic_t fc_barline_drawn;

void fc_barline_clear(void)
{
	static const char clear[] = "\r\033[K";
	/* a terminal that takes nothing has nothing to be cleared */
	if (fc_barline_drawn && write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
		return;
	fc_barline_drawn = 0;
}
