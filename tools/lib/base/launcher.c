/* SPDX-License-Identifier: Apache-2.0 */
#include "base/launcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"

/* The variable that says how many processes there are, or NULL. */
static const char *count_variable(void)
{
	/* Open MPI; MPICH, Intel MPI and srun --mpi=pmi2: each of their own */
	if (getenv("OMPI_COMM_WORLD_SIZE"))
		return "OMPI_COMM_WORLD_SIZE";
	if (getenv("PMI_SIZE"))
		return "PMI_SIZE";
	/* Slurm sets its counts in a batch script, too, which runs once: only a task has a rank */
	if (!getenv("PMI_RANK") && !getenv("PMIX_RANK"))
		return NULL;
	return getenv("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
}

static bool shares;

void fc_launcher_share(void)
{
	shares = true;
}

/* Slurm sets its counts for tasks without MPI, too; those have no rank of PMI or PMIx. */
bool fc_launcher_ranks(void)
{
	return count_variable() != NULL;
}

size_t fc_launcher_count(void)
{
	const char *name = count_variable(), *value = name ? getenv(name) : NULL;
	return value ? strtoul(value, NULL, 10) : 0;
}

/* Slurm's numbers of tasks, "2(x3),1": that of a node. */
static size_t tasks_of(const char *list, size_t node)
{
	for (const char *p = list; *p;) {
		char *end;
		const size_t n = strtoul(p, &end, 10);
		size_t times = 1;
		if (!strncmp(end, "(x", 2))
			times = strtoul(end + 2, &end, 10);
		if (end == p || node < times)
			return end == p ? 0 : n;
		node -= times;
		p = end + strspn(end, "),");
	}
	return 0;
}

size_t fc_launcher_here(void)
{
	const char *n = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
	const char *list = getenv("SLURM_STEP_TASKS_PER_NODE"), *node = getenv("SLURM_NODEID");
	if (n)
		return strtoul(n, NULL, 10);
	return list && node ? tasks_of(list, strtoul(node, NULL, 10)) : 0;
}

size_t fc_launcher_place(void)
{
	/* Open MPI, also in a step of Slurm, whose variable is then of what started it; MPICH's and
	 * Intel's mpiexec; srun */
	static const char *const name[] = {
	    "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"};
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		if (getenv(name[i]))
			return strtoul(getenv(name[i]), NULL, 10);
	return 0;
}

void fc_launcher_refuse(void)
{
	const char *name = count_variable();
	if (!shares && fc_launcher_count() > 1)
		fc_die_usage(
		    "a launcher has started this %s times (%s), and each would do the whole "
		    "work and write the same output; start it once, or, where each has work "
		    "and an output of its own, unset %s",
		    getenv(name), name, name);
}
