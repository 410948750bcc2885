#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whole programs on another device than the processor, DEVICE (far if that is not set), and what is
# said where there is none.
load train

DEVICE=${DEVICE:-far}

setup_file() {
	train_setup 24 4
	cd "$F" || return
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 30 --seed 5 >heldout.jsonl
	jq -c '{id, messages: [.messages[0]]}' heldout.jsonl | head -n 8 >ask.jsonl
}

# The far device computes by the processor's operations: the same bytes.
same_numbers() { # same_numbers CPU OTHER
	if [ "$DEVICE" = far ]; then cmp "$1" "$2"; else [ "$(python3 "$FC_ROOT/tests/cli/near.py" "$1" "$2" 1e-3)" = near ]; fi
}

@test "capture: rows and draws" {
	for k in '-k 5' '--sample 16'; do
		for d in cpu "$DEVICE"; do
			# shellcheck disable=SC2086 # options
			fc-infer -q -m "$F/pivot" --dtype f32 --batch-tokens 300 --device "$d" $k -o "$d.fcs" "$F/heldout.jsonl"
			fc-view --jsonl "$d.fcs" >"$d.jsonl"
		done
		[ -s cpu.jsonl ]
		same_numbers cpu.jsonl "$DEVICE.jsonl"
	done
}

@test "a conversation in windows, and rows of everything" {
	for d in cpu "$DEVICE"; do
		fc-infer -q -m "$F/pivot" --dtype f32 --device "$d" --all-rows --max-length 12 --long strided --stride 5 \
			-o "$d.fcs" "$F/heldout.jsonl"
		fc-view --jsonl "$d.fcs" >"$d.jsonl"
	done
	same_numbers cpu.jsonl "$DEVICE.jsonl"
}

@test "answers, greedy and sampled, several at a time" {
	for t in 0 0.8; do
		for d in cpu "$DEVICE"; do
			fc-infer -q --generate -m "$F/pivot" --dtype f32 --device "$d" --temperature "$t" --seed 3 \
				--max-new 20 --slots 3 -o "$d.jsonl" "$F/ask.jsonl"
		done
		[ "$(wc -l <cpu.jsonl)" -eq 8 ]
		cmp cpu.jsonl "$DEVICE.jsonl"
	done
}

@test "three steps of a training, its checkpoint, update and held-out loss" {
	for d in cpu "$DEVICE"; do
		fc-train -q -m "$F/pivot" --dtype f32 --device "$d" --steps 3 --batch-tokens 400 --micro-tokens 150 \
			--lambda 0.5 --eval "$F/dists.fcs" --log "$d.log" --checkpoint "$d.state" --checkpoint-every 2 \
			--update "$d.update" -o "$d.out" "$F/dists.fcs"
		fc-view --stats "$d.update" | grep -v '^file' >"$d.update.txt"
	done
	if [ "$DEVICE" = far ]; then
		cmp cpu.out/model.safetensors far.out/model.safetensors
		cmp cpu.state/model.safetensors far.state/model.safetensors
		cmp <(jq -c 'del(.time, .seconds, .tokens_per_second)' cpu.log) <(jq -c 'del(.time, .seconds, .tokens_per_second)' far.log)
	fi
}

@test "a training goes on from its checkpoint" {
	train() { # train STEPS-STOP OUT [OPTION...]
		fc-train -q -m "$F/pivot" --dtype f32 --device "$DEVICE" --steps 3 --batch-tokens 400 -o "$@" "$F/dists.fcs"
	}
	train whole
	train part --checkpoint state --checkpoint-every 1
	train again --checkpoint state --resume
	cmp whole/model.safetensors again/model.safetensors
	# and not on another device
	run -1 fc-train -q -m "$F/pivot" --dtype f32 --steps 3 --batch-tokens 400 --checkpoint state --resume -o no "$F/dists.fcs"
	[[ $output == *"device $DEVICE, this run has cpu"* ]]
}

@test "too little memory is told with what helps" {
	[ "$DEVICE" = far ] || skip "of the far device"
	run -1 env FC_FAR_MIB=1 fc-infer -q -m "$F/pivot" --device far -o x.fcs "$F/heldout.jsonl"
	[[ $output == *"too little memory of far: the work needs "*" MiB where 1.00 MiB are free: "*"; less is needed with --offload layers and a smaller --batch-tokens"* ]]
	[ ! -e x.fcs ]
	run -1 env FC_FAR_MIB=1 fc-train -q -m "$F/pivot" --device far --steps 1 -o out "$F/dists.fcs"
	[[ $output == *"too little memory of far: the work needs "*" where 1.00 MiB are free: "*"; less is needed with --offload optimizer and a smaller --micro-tokens"* ]]
	[ ! -e out ]
}

@test "no module, another version, no module at all; auto falls back and says so" {
	mkdir bin lib
	cp "$FC_ROOT/$B/fc-infer" bin
	run -1 bin/fc-infer -q -m "$F/pivot" --device far -o x.fcs "$F/heldout.jsonl"
	[[ $output == *"device far: no libfc-far.so in $PWD/bin or ../lib/fc from there; it is built by make" ]]
	mkdir lib/fc
	cp "$FC_ROOT/$B/libfc-far.so" lib/fc
	bin/fc-infer -q -m "$F/pivot" --device far -o x.fcs "$F/heldout.jsonl"
	version=$(fc-infer --version | awk '{ print $2 }')
	sed "s/${version//./\\.}/${version//?/9}/" lib/fc/libfc-far.so >bin/libfc-far.so
	run -1 bin/fc-infer -q -m "$F/pivot" --device far -o y.fcs "$F/heldout.jsonl"
	[[ $output == *"libfc-far.so: is of version ${version//?/9}, this program of $version"*"both must be of one build"* ]]
	echo text >bin/libfc-far.so
	run -1 bin/fc-infer -q -m "$F/pivot" --device far -o y.fcs "$F/heldout.jsonl"
	[[ $output == *"device far: "*libfc-far.so* ]]
	run -1 fc-infer -q -m "$F/pivot" --device far:1 -o y.fcs "$F/heldout.jsonl"
	[[ $output == *"device far:1: the last one that this machine has is far:0"* ]]
	run -0 --separate-stderr bin/fc-infer -m "$F/pivot" --device auto -o y.fcs "$F/heldout.jsonl"
	# shellcheck disable=SC2154 # bats sets it
	[[ $stderr == *"products by "*"(device cuda: no libfc-cuda.so in "* ]]
}

@test "what came before a fault of the input is kept, and gone on from" {
	capture() { fc-infer -q -m "$F/pivot" --dtype f32 --batch-tokens 100 --device "$DEVICE" "$@"; }
	capture -o whole.fcs "$F/heldout.jsonl"
	cp "$F/heldout.jsonl" bad.jsonl
	echo '{"id": "x", "text": 5}' >>bad.jsonl
	run -1 capture --resume -o out.fcs bad.jsonl
	[[ $output == *"bad.jsonl:31: "* ]]
	[ ! -e out.fcs ] && [ -s .out.fcs.partial ]
	run -0 fc-infer -m "$F/pivot" --dtype f32 --batch-tokens 100 --device "$DEVICE" --resume -o out.fcs "$F/heldout.jsonl"
	[[ $output =~ "going on behind "([0-9]+)" conversations" ]] && [ "${BASH_REMATCH[1]}" -gt 20 ]
	cmp whole.fcs out.fcs
	run bash -c 'fc-infer -q -m "$1" --dtype f32 --batch-tokens 100 --device "$2" "$3" | head -c 10 >bytes; echo "${PIPESTATUS[0]}"' \
		sh "$F/pivot" "$DEVICE" "$F/heldout.jsonl"
	[ "$output" = 141 ] # a closed pipe ends it quietly
}

@test "the demo, small: every step, and nearly the same table" {
	light='--lr 1e-3 --epochs 1'
	mkdir fc-cpu fc-dev
	for p in "$FC_ROOT/$B"/fc-*; do ln -s "$p" fc-cpu; done
	cp -P fc-cpu/* fc-dev
	for p in fc-infer fc-train; do
		rm fc-dev/$p
		printf '#!/bin/sh\ncase $* in *--settings*) exec "%s" "$@" ;; esac\nexec "%s" --device "%s" "$@"\n' \
			"$FC_ROOT/$B/$p" "$FC_ROOT/$B/$p" "$DEVICE" >fc-dev/$p
		chmod +x fc-dev/$p
	done
	for d in cpu dev; do
		make -j2 -f "$FC_ROOT/pipelines/demo/demo.mk" FC="$PWD/fc-$d/" WORK=$d FIRST=1 LABELS=9 PROMPTS=12 DEV=12 HELDOUT=24 \
			SFT='--lr 1e-4 --epochs 1' TRAIN="$light" ANSWERED="$light" PART="$light" >$d.log 2>$d.notes
	done
	[ -s cpu/table.txt ]
	if [ "$DEVICE" = far ]; then
		cmp cpu/table.txt dev/table.txt
		cmp cpu/seed-1/fused/fusellm/model.safetensors dev/seed-1/fused/fusellm/model.safetensors
	else
		[ "$(wc -l <cpu/seed-1/bits.tsv)" -gt 8 ]
		far=$(paste <(cut -f1,8 cpu/seed-1/bits.tsv) <(cut -f1,8 dev/seed-1/bits.tsv) |
			awk 'NR > 1 && ($1 != $3 || ($2 - $4) ^ 2 > 1e-6)')
		[ -z "$far" ]
	fi
}
