#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tools on other instruction sets than the machine's best.
load ../helper

setup_file() {
	export F=$BATS_FILE_TMPDIR K=$FC_ROOT/pipelines/demo/kit
	local isa
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 24 --seed 5 >"$F/in.jsonl"
	for isa in baseline avx2 avx512 amx; do
		FC_ISA=$isa fc-infer -q -m "$K/pivot" --dtype f32 -o "$F/$isa.fcs" "$F/in.jsonl"
		fc-view --jsonl "$F/$isa.fcs" >"$F/$isa.jsonl"
	done
}

@test "a stream is the same on every instruction set, up to rounding" {
	for isa in avx2 avx512 amx; do
		run -0 --separate-stderr "$FC_ROOT/tests/cli/caps.py" stream "$F/baseline.jsonl" "$F/$isa.jsonl"
		[ "$output" = near ]
	done
	jq -c '.rows[3].logprobs[2] += 0.05' "$F/avx2.jsonl" >wrong
	run -1 "$FC_ROOT/tests/cli/caps.py" stream "$F/baseline.jsonl" wrong
}

@test "training losses are the same on every instruction set, up to rounding" {
	for isa in baseline avx2 amx; do
		FC_ISA=$isa fc-train -q -m "$K/pivot" --dtype f32 --lambda 0.5 --steps 3 --batch-tokens 300 \
			--lr 1e-4 --log $isa.log -o $isa "$F/baseline.fcs"
	done
	for isa in avx2 amx; do
		run -0 --separate-stderr "$FC_ROOT/tests/cli/caps.py" log baseline.log $isa.log
		[ "$output" = near ]
	done
}

@test "bfloat16 works on every instruction set, and is told" {
	for isa in baseline avx2 avx512 avx512_bf16 amx; do
		FC_ISA=$isa fc-infer -m "$K/pivot" --dtype bf16 -o $isa.fcs "$F/in.jsonl" 2>notes
		grep -q '^fc-infer: bf16 products by .*, instruction set [a-z0-9_]*$' notes
		run -0 fc-view --verify $isa.fcs
		# the operands' rounding, half a step of 2^-8 each, through four products a layer
		paste <(fc-view --jsonl $isa.fcs | jq .nll) <(jq .nll "$F/baseline.jsonl") |
			awk '{ d = $1 - $2; if (d * d > (4 * 4 / 256)^2 * ($2 * $2 + 1)) exit 1 }'
	done
	FC_ISA=baseline fc-train -m "$K/pivot" --dtype bf16 --steps 1 --batch-tokens 300 -o out \
		"$F/baseline.fcs" 2>notes
	grep -q '^fc-train[^:]*: bf16 products by OpenBLAS (.*), instruction set baseline$' notes
}

@test "an instruction set that there is not ends every tool before it reads" {
	for tool in 'fc-infer -m none' 'fc-train -m none' 'fc-varm -b none -o x none' 'fc-view none'; do
		FC_ISA=sse9 run -2 $tool
		[[ $output == *"FC_ISA: there is no instruction set sse9; there are baseline, avx2,"* ]]
	done
}

@test "without FC_ISA fc-infer does not tell what computes" {
	unset FC_ISA
	fc-infer -m "$K/pivot" -o out.fcs "$F/in.jsonl" 2>notes
	run ! grep 'instruction set' notes
}

@test "merged weights have the same bytes on every instruction set" {
	for isa in baseline avx2 amx; do
		FC_ISA=$isa fc-varm -q -b "$K/pivot" -o $isa "$K/pivot"
		cmp baseline/model.safetensors $isa/model.safetensors
	done
}
