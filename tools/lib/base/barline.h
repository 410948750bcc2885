/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_BARLINE_H
#define FC_BASE_BARLINE_H

#include <signal.h>

/* The line on the terminal that progress is drawn in and messages stand above. */
extern volatile sig_atomic_t fc_barline_drawn;
/* Async-signal-safe. */
void fc_barline_clear(void);

#endif
