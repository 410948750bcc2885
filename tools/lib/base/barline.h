/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_BARLINE_H
#define FC_BASE_BARLINE_H

#include <stdbool.h>

/* The line on the terminal that progress is drawn in and messages stand above. */
extern bool fc_barline_drawn;
void fc_barline_clear(void);

#endif
