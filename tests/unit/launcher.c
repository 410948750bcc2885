/* SPDX-License-Identifier: Apache-2.0 */
/* How many processes a launcher has started here, and which this is, as its environment says it. */
#include "base/launcher.h"

#include <stdlib.h>

#include "t.h"

/* NULL: not set */
static void say(const char *ompi, const char *tasks, const char *node)
{
	const char *name[] = {
	    "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE", "SLURM_NODEID"};
	const char *value[] = {ompi, tasks, node};
	for (int i = 0; i < 3; i++)
		if (value[i])
			setenv(name[i], value[i], 1);
		else
			unsetenv(name[i]);
}

static void check(const char *ompi, const char *tasks, const char *node, size_t want)
{
	say(ompi, tasks, node);
	T_OK(fc_launcher_here() == want, "mpirun %s, srun %s at node %s: %zu", ompi ? ompi : "-",
	    tasks ? tasks : "-", node ? node : "-", want);
}

static void check_place(const char *ompi, const char *mpich, const char *slurm, size_t want)
{
	const char *name[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"};
	const char *value[] = {ompi, mpich, slurm};
	for (int i = 0; i < 3; i++)
		if (value[i])
			setenv(name[i], value[i], 1);
		else
			unsetenv(name[i]);
	T_OK(fc_launcher_place() == want, "the process with number %zu here", want);
}

int main(void)
{
	check_place(NULL, NULL, NULL, 0);
	check_place("3", NULL, "0", 3); /* mpirun in a step of Slurm */
	check_place(NULL, "2", NULL, 2);
	check_place(NULL, NULL, "5", 5);
	check(NULL, NULL, NULL, 0);
	check("3", NULL, NULL, 3);
	check("2", "7", "0", 2); /* mpirun in a step of Slurm */
	check(NULL, "1", "0", 1);
	check(NULL, "4", NULL, 0);
	check(NULL, "2(x3),1", "0", 2);
	check(NULL, "2(x3),1", "2", 2);
	check(NULL, "2(x3),1", "3", 1);
	check(NULL, "2(x3),1", "4", 0);
	check(NULL, "1,3,2(x2)", "1", 3);
	check(NULL, "1,3,2(x2)", "3", 2);
	check(NULL, "none", "0", 0);
	return t_done();
}
