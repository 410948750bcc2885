#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which step's weights a training ends with: --keep and --patience.
load train

setup_file() {
	train_setup 60 20
	python3 "$D/talk.py" --set heldout -n 20 --seed 1 >"$F/heldout.jsonl"
	fc-infer -q --tokens -m "$F/tok" -o "$F/heldout.fcs" "$F/heldout.jsonl"
	# so few that they are learnt by heart: what is held out gets better, worse and better again
	fc-view -q --stream -n 8 -o "$F/few.fcs" "$F/tokens.fcs"
}

# The weights after a step are the same whatever the number of steps.
flat=(--dtype f32 -j 1 --schedule constant --warmup 0 --batch-tokens 400 --lr 1e-2)
train() { fc-train -q -m "$F/pivot" "${flat[@]}" "$@"; }
watched=(--eval "$F/heldout.fcs" --eval-every 2)
same_model() { cmp "$1/model.safetensors" "$2/model.safetensors"; }
# The step with the lowest held-out loss of a log, the first of several.
best_of() { jq -rs 'map(select(.eval)) | min_by(.eval.nll) | .step' "$1"; }
rows() { fc-view --jsonl "$1" | tail -n +2; }

@test "--keep best: the bytes of a training that was stopped at that step" {
	train "${watched[@]}" --steps 30 --keep best --log log --update best.fcs -o best "$F/few.fcs" 2>said
	step=$(best_of log)
	[ "$step" -gt 0 ] && [ "$step" -lt 30 ]
	train --steps "$step" --update stopped.fcs -o stopped "$F/few.fcs"
	same_model best stopped
	cmp <(rows best.fcs) <(rows stopped.fcs)
	[ "$(rows best.fcs | wc -l)" -gt 5 ]
	train --steps 30 -o last "$F/few.fcs"
	run ! same_model best last
	jq -es --argjson s "$step" 'last == {"step": 30, "kept": {"step": $s, "loss": (map(select(.eval).eval.nll) | min)}}' log
	[ -z "$(find . -name '*.best*' -o -name '.*.tmp')" ]
	for how in '--save-dtype f16' '--save-dtype bf16 --rounding stochastic'; do
		train "${watched[@]}" --steps 30 --keep best $how -f -o best "$F/few.fcs"
		train --steps "$step" $how -f -o stopped "$F/few.fcs"
		same_model best stopped
	done
	run fc-train -m "$F/pivot" "${flat[@]}" "${watched[@]}" --steps 30 --keep best --update only.fcs "$F/few.fcs"
	[[ $output == *"kept: the weights after step $step, whose held-out loss of "*" is the lowest"* ]]
	cmp <(rows only.fcs) <(rows stopped.fcs) || cmp <(rows only.fcs) <(rows best.fcs)
	[ -z "$(find . -name '*.best*' -o -name '.*.tmp')" ]
}

@test "of equal losses the earliest is the best, and a run that gets no better is warned of" {
	run fc-train -m "$F/pivot" "${flat[@]}" --lr 0 --eval "$F/heldout.fcs" --eval-every 1 --steps 3 --keep best --log log \
		-o out "$F/few.fcs"
	[ "$status" -eq 0 ]
	[[ $output == *"warning: no step has lowered the held-out loss"* ]]
	jq -es 'last.kept.step == 0 and (map(select(.eval).eval.nll) | unique | length) == 1' log
	same_model out "$F/pivot"
	# an equal one is no better one
	train --lr 0 --eval "$F/heldout.fcs" --eval-every 1 --steps 9 --patience 2 --log log -o two "$F/few.fcs"
	jq -es 'last == {"step": 2, "stopped": {"patience": 2}}' log
}

@test "--patience: so many evaluations without a better one end the run" {
	train "${watched[@]}" --steps 30 --log all.log -o all "$F/few.fcs"
	# the reference: after which evaluation two in a row have not been the best so far
	end=$(jq -rs 'map(select(.eval)) | reduce .[] as $x ({best: 1e9, n: 0}; if .end then . elif $x.eval.nll < .best
		then .best = $x.eval.nll | .n = 0 | .at = $x.step else .n += 1 | if .n == 2 then .end = $x.step else . end end)
		| "\(.end) \(.at)"' all.log)
	read -r end at <<<"$end"
	[ "$end" -lt 30 ] && [ "$at" -eq $((end - 4)) ]
	run fc-train -m "$F/pivot" "${flat[@]}" "${watched[@]}" --steps 30 --patience 2 --log log -o last "$F/few.fcs"
	[ "$status" -eq 0 ]
	[[ $output == *"stopped after step $end: 2 evaluations in a row no better than that of step $at"* ]]
	jq -es --argjson e "$end" 'last == {"step": $e, "stopped": {"patience": 2}} and
		(map(select(.eval).step) | max) == $e' log
	train --steps "$end" -o stopped "$F/few.fcs"
	same_model last stopped
	train "${watched[@]}" --steps 30 --patience 2 --keep best --log log -o best "$F/few.fcs"
	train --steps "$at" -o early "$F/few.fcs"
	same_model best early
	jq -es --argjson e "$end" --argjson a "$at" '.[-2:] | .[0].stopped.patience == 2 and .[1].kept.step == $a' log
	run ! same_model best last
	# what was counted outlives the run: resumed at its end, it is at its end
	for _ in 1 2; do
		train "${watched[@]}" --steps 30 --patience 2 --log again.log --checkpoint state --checkpoint-every 1 --resume --force \
			-o again "$F/few.fcs"
		same_model last again
		jq -es --argjson e "$end" 'last == {"step": $e, "stopped": {"patience": 2}}' again.log
	done
}

# Trains out with a checkpoint every 5th step, and the best beside it, in the folder $1.
resumable() {
	mkdir -p "$1"
	train "${watched[@]}" --steps 30 --keep best --log "$1/log" --checkpoint "$1/state" --checkpoint-every 5 --resume \
		-o "$1/out" "$F/few.fcs"
}

@test "the best weights outlive a kill at any time" {
	resumable whole
	step=$(best_of whole/log)
	train --steps "$step" -o stopped "$F/few.fcs"
	same_model whole/out stopped
	mkdir -p killed
	for lines in 4 14 22 31 40; do # of 45, from the checkpoint on
		rm -f killed/log
		mkfifo killed/log
		bash -c "echo \$BASHPID >pid; exec fc-train -q -m $F/pivot ${flat[*]} ${watched[*]} --steps 30 --keep best \
			--log killed/log --checkpoint killed/state --checkpoint-every 5 --resume -o killed/out $F/few.fcs" &
		{
			for ((i = 0; i < lines; i++)); do read -r _ || break; done
			kill -KILL "$(cat pid)" 2>/dev/null || :
		} <killed/log
		wait $! || :
		[ ! -e killed/out ] || break
	done
	rm -f killed/log
	rm -rf killed/out
	resumable killed
	same_model whole/out killed/out
}

@test "a checkpoint from before the best is resumed with the same result" {
	mkdir run
	mkfifo run/log
	{ resumable run; } &
	{ # step 6 is done after the checkpoint of step 5
		while read -r line; do [[ $line != '{"step": 6, "ex'* ]] || break; done
		cp -r run/state early
		cat
	} <run/log >/dev/null
	wait $!
	[ "$(jq .step early/state.json)" -eq 5 ]
	mkdir again
	mv early again/state
	mv run/state.best again/state.best
	step=$(jq .best.step again/state.best/state.json)
	[ "$step" -gt 5 ]
	resumable again
	same_model run/out again/out
	jq -es --argjson s "$step" 'last.kept.step == $s' again/log
	# a run that has ended is resumed to the same
	rm -r again/out
	resumable again
	same_model run/out again/out
}

@test "what the best weights must agree with" {
	resumable run
	rm -r run/out
	run train --eval "$F/heldout.fcs" --eval-every 3 --steps 30 --keep best --checkpoint run/state --resume -o out "$F/few.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"was made with eval-every 2, this run has 3; it cannot be resumed"* ]]
	run train --eval "$F/tokens.fcs" --eval-every 2 --steps 30 --keep best --checkpoint run/state --resume -o out "$F/few.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"was made with eval "*"; it cannot be resumed"* ]]
	mv run/state run/moved
	run train "${watched[@]}" --steps 30 --keep best --checkpoint run/state -o out "$F/few.fcs"
	[ "$status" -eq 1 ]
	mv run/moved run/state
	[[ $output == *"state.best: holds a checkpoint; go on with --resume or start anew with --force"* ]]
	mv run/state.best run/elsewhere
	run resumable run
	[ "$status" -eq 1 ]
	[[ $output == *"run/state.best: the best weights, of step "*", are not there any more; start anew with --force"* ]]
	# a run without a choice goes on from it: its steps are the same
	train --steps 30 --checkpoint run/state --resume -o out "$F/few.fcs"
	train --steps 30 -o plain "$F/few.fcs"
	same_model out plain
	# --force begins anew
	mv run/elsewhere run/state.best
	train "${watched[@]}" --steps 30 --keep best --checkpoint run/state --force -o best "$F/few.fcs"
	[ "$(jq .best.step run/state.best/state.json)" -gt 0 ]
	run train --eval "$F/heldout.fcs" --keep best --steps 4 --update - "$F/few.fcs" >/dev/null
	[ "$status" -eq 2 ]
	# what is read is not written to
	mkdir in.best
	cp "$F/heldout.fcs" in.best
	run train --eval in.best/heldout.fcs --keep best --steps 4 --checkpoint in --force -o out2 "$F/few.fcs"
	[ "$status" -eq 2 ]
	cmp in.best/heldout.fcs "$F/heldout.fcs"
}

@test "--keep and --patience need what they look at" {
	for wrong in '--keep best' '--patience 2' "--patience 2 --eval $F/heldout.fcs" '--patience 2 --eval-every 2' \
		"--keep first" "--keep best --eval -"; do
		run fc-train -m "$F/pivot" -o out $wrong "$F/few.fcs"
		[ "$status" -eq 2 ]
		[ ! -e out ]
	done
}

@test "of pairs, the loss that is watched is theirs" {
	jq -c '{prompt: [.messages[0]], chosen: [.messages[1]], rejected: [{role: "assistant", content: "no"}]}' "$F/talk.jsonl" \
		>pairs.jsonl
	fc-infer -q -m "$F/pivot" --dtype f32 -o pairs.fcs pairs.jsonl
	train --preference dpo --eval pairs.fcs --eval-every 1 --steps 4 --keep best --log log -o best pairs.fcs
	step=$(jq -rs 'map(select(.eval)) | min_by(.eval.loss) | .step' log)
	jq -es --argjson s "$step" 'last.kept.step == $s' log
	train --preference dpo --steps "$step" -o stopped pairs.fcs
	same_model best stopped
}

@test "ranks: rank 0 writes the best weights, the same with any number of processes" {
	command -v mpirun >/dev/null || skip "needs mpirun (openmpi-bin)"
	[ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "built without Open MPI (libopenmpi-dev)"
	if sanitized; then export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0; fi
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
	kept=("${watched[@]}" --micro-tokens 50 --lanes 2 --steps 30 --patience 3 --keep best)
	train "${kept[@]}" --log one.log --checkpoint one.state -o one "$F/few.fcs"
	timeout -k 5 150 mpirun -n 2 fc-train -q -m "$F/pivot" "${flat[@]}" "${kept[@]}" --log two.log --checkpoint two.state \
		-o two "$F/few.fcs"
	same_model one two
	cmp one.log two.log
	same_model one.state.best two.state.best
	[ "$(jq 'select(.kept).kept.step' one.log)" -lt "$(tail -n 1 one.log | jq .step)" ]
}

@test "what --keep best and --patience depend on decides a pipeline's stage" {
	[ "$(fc-train --settings -q --eval held.fcs --eval-every 5 --keep best --log x)" = \
		"--eval held.fcs --eval-every 5 --keep best --log x" ]
}
