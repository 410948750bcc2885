#!/usr/bin/env bats
# Messages between ranks, and how a run of several ends.
load ../helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	command -v mpirun >/dev/null || skip "needs mpirun (openmpi-bin)"
	[ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "built without Open MPI (libopenmpi-dev)"
	# Open MPI does not free all that it has
	if sanitized; then export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0; fi
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
	# what mpirun itself prints where it has no shell to start others with, and for cores that ranks share
	export OMPI_MCA_plm_rsh_agent=false OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
}

ranks() { # N WHAT...: under mpirun, for two minutes at most
	local n=$1
	shift
	timeout -k 5 100 mpirun -n "$n" "$@"
}

@test "messages of odd sizes arrive whole, from all to all" {
	for n in 1 2 3 4; do
		run ranks $n "$FC_ROOT/$B/fixture/ranks" all
		[ "$status" -eq 0 ]
		[[ $output == *"ranks $n"* ]]
	done
}

@test "only rank 0 speaks, and without a rank's name" {
	run ranks 3 "$FC_ROOT/$B/fixture/ranks" all
	[ "$(grep -c 'ranks: noted' <<<"$output")" -eq 1 ]
	[ "$(grep -c noted <<<"$output")" -eq 1 ]
}

@test "a rank that fails ends all, with its name and host" {
	run ranks 3 "$FC_ROOT/$B/fixture/ranks" die 2
	[ "$status" -eq 1 ]
	[[ $output == *"ranks rank 2 on $(uname -n): the work failed"* ]]
}

@test "a rank that is gone ends all" {
	run ranks 3 "$FC_ROOT/$B/fixture/ranks" leave 1
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
}

@test "without the module a launcher is refused, with what gives it" {
	mkdir alone
	cp "$FC_ROOT/$B/fixture/ranks" alone
	run ranks 2 alone/ranks all
	[ "$status" -eq 1 ]
	[[ $output == *"several processes: no libfc-mpi.so in $PWD/alone or ../lib/fc from there; it is built by make where Open MPI is"* ]]
}

@test "the launcher of another MPI is refused" {
	run env PMI_SIZE=3 PMI_RANK=0 "$FC_ROOT/$B/fixture/ranks" all
	[ "$status" -eq 1 ]
	[[ $output == *"a launcher has started 3 processes, and Open MPI sees 1"* ]]
}
