/* SPDX-License-Identifier: Apache-2.0 */
#include "base/par.h"

#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

void fc_par_init(int n_threads)
{
	omp_set_dynamic(0);
	omp_set_num_threads(n_threads > 0 ? n_threads : omp_get_num_procs());
}

int fc_par_threads(void)
{
	return omp_get_max_threads();
}

void fc_par_wait_passively(char **argv)
{
	/* the resolved path, so that the process keeps the program's name */
	char self[PATH_MAX];
	if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
		return;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0 || setenv("OMP_WAIT_POLICY", "passive", 0) < 0)
		return;
	self[n] = 0;
	execv(self, argv);
}
