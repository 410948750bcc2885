#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One training by several processes: the same bytes as by one.
load train

setup_file() {
	train_setup 60 20
	python3 "$D/talk.py" --set heldout -n 12 --seed 1 >"$F/heldout.jsonl"
	fc-infer -q --tokens -m "$F/tok" -o "$F/heldout.fcs" "$F/heldout.jsonl"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	command -v mpirun >/dev/null || skip "needs mpirun (openmpi-bin)"
	[ -e "$B/libfc-mpi.so" ] || [ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "built without Open MPI (libopenmpi-dev)"
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
}

# A light run; steps of about eight micro-batches.
light=(--dtype f32 -j 1 --epochs 2 --batch-tokens 400 --micro-tokens 50 --lr 1e-3)
train() { fc-train -q -m "$F/pivot" "${light[@]}" "$@"; }
ranks() { # N ...: the same by N processes
	local n=$1
	shift
	timeout 120 mpirun -n "$n" fc-train -q -m "$F/pivot" "${light[@]}" "$@"
}
same_model() { cmp "$1/model.safetensors" "$2/model.safetensors"; }

@test "ranks and lanes: model and log depend on the lanes alone" {
	train --log none.log -o none "$F/dists.fcs"
	for lanes in 1 4 6; do
		train --lanes $lanes --eval "$F/heldout.fcs" --log $lanes.log -o $lanes "$F/dists.fcs"
		for n in 2 3 4; do
			[ $((lanes % n)) -eq 0 ] || continue
			ranks $n --lanes $lanes --eval "$F/heldout.fcs" --log log -o out --force "$F/dists.fcs"
			same_model $lanes out
			cmp $lanes.log log
		done
	done
	same_model none 1
	# another order of the sum: other bits, and hardly another model
	run ! same_model 1 4
	run fc-eval ppl --compare a=none b=4 2>/dev/null || true
}

@test "without --lanes there is one for each rank" {
	train --lanes 3 -o one "$F/dists.fcs"
	ranks 3 -o three "$F/dists.fcs"
	same_model one three
	run ranks 2 --lanes 3 -o two "$F/dists.fcs"
	[ "$status" -eq 2 ]
	[[ $output == *"--lanes 3: 2 ranks do not share 3 lanes evenly"* ]]
	[ ! -e two ]
}

@test "a pipe feeds rank 0" {
	train --lanes 2 -o one "$F/dists.fcs"
	cat "$F/dists.fcs" | ranks 2 -o two
	same_model one two
}

@test "in bfloat16 too" {
	light+=(--dtype bf16)
	train --lanes 4 -o one "$F/dists.fcs"
	ranks 2 --lanes 4 -o two "$F/dists.fcs"
	same_model one two
}

@test "a checkpoint has no rank in it" {
	train --lanes 4 --log whole.log -o whole "$F/dists.fcs"
	for n in 2 4; do
		rm -rf state log
		run ranks $n --lanes 4 --checkpoint state --checkpoint-every 3 --log log -o out --force --steps 5 "$F/dists.fcs"
	done
	rm -rf state
	# one process, stopped; then two; then four
	FC_TEST_STEPS=
	ranks 1 --lanes 4 --checkpoint state --checkpoint-every 1 --log log -o out --force "$F/dists.fcs" &
	pid=$!
	for _ in $(seq 600); do [ -e state/state.json ] && break; sleep 0.1; done
	pkill -9 -P $pid
	wait $pid || true
	[ -e state/state.json ]
	ranks 2 --lanes 4 --checkpoint state --resume --checkpoint-every 1 --log log -o out --force "$F/dists.fcs" &
	pid=$!
	sleep 3
	pkill -9 -n -P $pid || true
	wait $pid || true
	ranks 4 --lanes 4 --checkpoint state --resume --log log -o out --force "$F/dists.fcs"
	same_model whole out
	cmp whole.log log
	run ranks 2 --lanes 2 --checkpoint state --resume -o out --force "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"was made with lanes 4, this run has 2"* ]]
}
