#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# submit.sh [-n SHARDS] [-s WORDS] HOW COMMAND: runs a stage's command, or one for each shard, where HOW says.
#
#   local     here, one after the other
#   slurm     as jobs of srun, all at once; $SRUN holds further options of it (-p, --mem, -c, -t)
#   parallel  shards by GNU parallel, on $HOSTS (of its --sshlogin; empty: here), others here
#
# {} in COMMAND is the shard's number.  COMMAND is run by bash in this folder with this environment, so a cluster must
# share both.  srun and not sbatch: a job that outlives the make that wants it would go on writing what the next make
# begins again.  What was killed, or lost its machine, is run again here, twice at most; what failed by itself would
# fail again.  Ends with the status of the first shard that failed, when all have ended.
set -euo pipefail

n=1 words=
while getopts n:s: option; do
	case $option in
	n) n=$OPTARG ;;
	s) words=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
how=$1 command=$2
AGAIN=2

say() { if [ "$n" -gt 1 ] && [ -n "$words" ]; then echo "$words, part $1 of $n$2"; fi; }

# By srun: a killed job is 128 + the signal's number, one whose machine is lost 1 with words of slurmstepd or srun.
once() { # once SHARD
	local line=${command//'{}'/$1}
	if [ "$how" = slurm ]; then
		# shellcheck disable=SC2086 # options
		srun --input=none --kill-on-bad-exit -n 1 -N 1 -J "fc-$1" ${SRUN:-} bash -euo pipefail -c "$line"
	else
		bash -euo pipefail -c "$line"
	fi
}

shard() { # shard I: with what is repeated
	local rc=0 again
	say "$1" ''
	for again in $(seq 0 $AGAIN); do
		if [ "$again" -gt 0 ]; then say "$1" ' once more'; fi
		rc=0
		once "$1" || rc=$?
		if [ $rc -lt 128 ]; then break; fi
		echo "submit.sh: $words part $1: ended by signal $((rc - 128))" >&2
	done
	return $rc
}

need() { command -v "$1" >/dev/null || { echo "submit.sh: SUBMIT=$how needs $1, which is not here" >&2; exit 2; }; }

case $how in
local)
	for i in $(seq "$n"); do shard "$i"; done
	;;
slurm)
	need srun
	pids=()
	# the jobs end with this script
	trap 'kill $(jobs -p) 2>/dev/null; wait' INT TERM
	for i in $(seq "$n"); do
		shard "$i" &
		pids+=($!)
	done
	status=0
	for pid in "${pids[@]}"; do wait "$pid" || { rc=$?; [ $status -ne 0 ] || status=$rc; }; done
	exit $status
	;;
parallel)
	if [ "$n" -eq 1 ]; then
		shard 1
		exit
	fi
	need parallel
	export -f shard once say
	export command how n words AGAIN
	parallel --will-cite --line-buffer --halt soon,fail=1 --workdir . ${HOSTS:+--sshlogin "$HOSTS" --env shard --env once \
		--env say --env command --env how --env n --env words --env AGAIN --env PATH --env FC_ISA} shard ::: $(seq "$n")
	;;
*)
	echo "submit.sh: SUBMIT is local, slurm or parallel, not '$how'" >&2
	exit 2
	;;
esac
