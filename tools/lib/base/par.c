/* SPDX-License-Identifier: Apache-2.0 */
#include "base/par.h"

#include <omp.h>

void fc_par_init(int n_threads)
{
	omp_set_dynamic(0);
	omp_set_num_threads(n_threads > 0 ? n_threads : omp_get_num_procs());
}

int fc_par_threads(void)
{
	return omp_get_max_threads();
}
