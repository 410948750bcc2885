/* SPDX-License-Identifier: Apache-2.0 */
#include "base/par.h"

#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/isa.h"
#include "base/launcher.h"
#include "base/mem.h"

/* Ranks of one machine that may all run anywhere share its processors evenly. */
static int processors(void)
{
	const int here = omp_get_num_procs();
	const int n = (int)fc_launcher_here();
	if (n < 2 || here < sysconf(_SC_NPROCESSORS_ONLN))
		return here;
	return here / n > 0 ? here / n : 1;
}

void fc_par_init(int n_threads)
{
	omp_set_dynamic(0);
	omp_set_num_threads(n_threads > 0 ? n_threads : processors());
}

int fc_par_threads(void)
{
	return omp_get_max_threads();
}

size_t fc_par_share(size_t n, size_t most)
{
	const size_t n_thread = (size_t)fc_par_threads(), share = (n + n_thread - 1) / n_thread;
	return share < most ? share : most;
}

/* The arguments as the system holds them: a subcommand's parser sees only the later ones. */
static char **own_arguments(struct fc_buf *b)
{
	struct fc_err ignored;
	if (fc_file_read("/proc/self/cmdline", (size_t)64 << 20, b, &ignored) < 0)
		return NULL;
	size_t n = 0;
	char **argv = FC_ARRAY(char *, b->n + 1);
	for (size_t i = 0; i < b->n; i += strlen(b->p + i) + 1)
		argv[n++] = b->p + i;
	return argv;
}

/*
 * Threads wait for the next loop as long as a short one takes, some microseconds, then sleep:
 * waking them takes longer than the loops of a token do, while others that need the processor lose
 * little. GNU's libgomp counts; another that does not know it sleeps at once.
 */
static bool wait_shortly(void)
{
	return !getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT") &&
	    setenv("OMP_WAIT_POLICY", "passive", 0) == 0 && setenv("GOMP_SPINCOUNT", "300", 0) == 0;
}

/* Returns where it fails: the program then runs as it was started. */
static void start_again(void)
{
	/* the resolved path, so that the process keeps the program's name */
	char self[PATH_MAX], **argv;
	struct fc_buf arguments = FC_BUF_INIT;
	const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0 || !(argv = own_arguments(&arguments)))
		return;
	self[n] = 0;
	execv(self, argv);
	free(argv);
	fc_buf_release(&arguments);
}

void fc_par_start(int n_threads)
{
	const bool waits = n_threads != 1 && wait_shortly(), capped = fc_isa_tell_library();
	if (waits || capped)
		start_again();
	fc_par_init(n_threads);
}
