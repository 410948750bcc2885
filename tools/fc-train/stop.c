/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/stop.h"

#include <signal.h>
#include <stddef.h>

#include "base/ending.h"
#include "base/mem.h"

static const int signals[] = {SIGTERM, SIGUSR1};

static volatile sig_atomic_t came;

static void note_signal(int sig)
{
	if (came)
		fc_ending_end(sig);
	came = sig;
}

void train_stop_arm(bool leads)
{
	struct sigaction act = {
	    .sa_handler = leads ? note_signal : SIG_IGN, .sa_flags = SA_RESTART};
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < FC_LEN(signals); i++)
		sigaction(signals[i], &act, NULL);
}

int train_stop_signal(void)
{
	return came;
}
