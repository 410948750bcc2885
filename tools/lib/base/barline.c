/* SPDX-License-Identifier: Apache-2.0 */
#include "base/barline.h"

#include <stdio.h>

bool fc_barline_drawn;

void fc_barline_clear(void)
{
	if (fc_barline_drawn)
		fputs("\r\033[K", stderr);
	fc_barline_drawn = false;
}
