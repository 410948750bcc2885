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

@test "fc-infer tells what computes with --verbose and with FC_ISA, else not" {
	unset FC_ISA
	fc-infer -m "$K/pivot" -o out.fcs "$F/in.jsonl" 2>notes
	run ! grep 'instruction set' notes
	for dtype in auto f32 bf16; do
		fc-infer -m "$K/pivot" --dtype $dtype -o plain.fcs "$F/in.jsonl"
		fc-infer -m "$K/pivot" --dtype $dtype --verbose -o told.fcs "$F/in.jsonl" 2>notes
		run -0 grep -c '^fc-infer: \(f32\|bf16\) products by .*, instruction set [a-z0-9_]*$' notes
		[ "$output" = 1 ]
		[ $dtype = auto ] || grep "^fc-infer: $dtype products" notes
		cmp plain.fcs told.fcs # what is told does not decide the result
	done
	head -n 1 "$F/in.jsonl" | jq -c '.messages |= .[:1]' |
		fc-infer --generate -m "$K/pivot" --max-new 2 --verbose 2>notes >answers
	grep '^fc-infer: .* products by .*, instruction set ' notes
}

@test "what auto takes is what fc-train says and what gives the same bytes" {
	unset FC_ISA
	fc-infer -m "$K/pivot" --verbose -o auto.fcs --no-history "$F/in.jsonl" 2>notes
	took=$(sed -n 's/^fc-infer: \(f32\|bf16\) products .*/\1/p' notes)
	fc-infer -q -m "$K/pivot" --dtype "$took" -o named.fcs --no-history "$F/in.jsonl"
	cmp auto.fcs named.fcs
	fc-train -m "$K/pivot" --steps 1 --batch-tokens 300 -o out "$F/baseline.fcs" 2>trained
	grep "^fc-train[^:]*: $took products by .*, instruction set " trained
}

@test "--verbose where nothing is told or nothing computes is refused" {
	run -2 fc-infer -m "$K/pivot" --verbose -q "$F/in.jsonl"
	[[ $output == *"--verbose and --quiet exclude each other"* ]]
	run -2 fc-infer -m "$K/pivot" --verbose --tokens "$F/in.jsonl"
	[[ $output == *"--verbose tells what computes; with --tokens nothing does"* ]]
}

@test "merged weights have the same bytes on every instruction set" {
	for isa in baseline avx2 amx; do
		FC_ISA=$isa fc-varm -q -b "$K/pivot" -o $isa "$K/pivot"
		cmp baseline/model.safetensors $isa/model.safetensors
	done
}

# With "$@" in its environment, a tool that waits for its input has the words $1 in the end.
waits_with() {
	local pid expect=$1 got i
	shift
	rm -f in && mkfifo in
	env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT "$@" fc-infer -q -j2 --tokens -m "$K/pivot" -o x.fcs <in 3>&- &
	pid=$!
	exec 9>in
	for ((i = 0; i < 100; i++)); do
		got=$(tr '\0' '\n' <"/proc/$pid/environ" | grep -E '^(OMP_WAIT_POLICY|GOMP_SPINCOUNT)=' | sort | tr '\n' ' ')
		[ "$got" != "$expect " ] || break
		sleep 0.1
	done
	head -n 1 "$F/in.jsonl" >&9
	exec 9>&-
	wait "$pid" && [ "$got" = "$expect " ]
}

@test "threads wait for a moment, then sleep, unless the environment says something else" {
	waits_with "GOMP_SPINCOUNT=300 OMP_WAIT_POLICY=passive"
	waits_with GOMP_SPINCOUNT=7 GOMP_SPINCOUNT=7
	waits_with OMP_WAIT_POLICY=active OMP_WAIT_POLICY=active
}
