#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The script for machines with a GPU (tests/device/run) where there is none: its ways to fail, and a
# run on the processor.
load ../helper

setup() {
	cd "$FC_ROOT" || return
	T=$BATS_TEST_TMPDIR
	# a folder of programs with tests of our own; make does what $T/make says
	mkdir -p "$T/b/unit" "$T/bin" "$T/none"
	for p in fc-infer fc-train fc-view; do ln -s "$(realpath "$B/$p")" "$T/b/$p"; done
	export DEVICE=cpu OUT=$T/out WORK=$T SHAPES='' UNITS=good FC_CEILINGS=$T/none/ceilings FC_SANITIZER=$T/none/s
	program bin/make 'echo made'
	program b/unit/good 'printf "ok 1 - a\nok 2 - b\n1..2\n"'
	PATH=$T/bin:$PATH
}

program() { # program NAME BODY
	printf '#!/bin/sh\n%s\n' "$2" >"$T/$1"
	chmod +x "$T/$1"
}

device() { B=$T/b tests/device/run; }

# has STATUS PART WHAT [NOTE]: a line of the table
has() {
	awk -F '\t' -v s="$1" -v p="$2" -v w="$3" -v n="${4:-}" \
		'$1 == p && $2 == w && $3 == s && index($9, n) { found = 1 } END { exit !found }' "$OUT/device.tsv"
}

@test "no nvcc and no module: nothing to run on" {
	DEVICE=cuda FC_NVCC=$T/none/nvcc run -2 device
	has failed build module 'no nvcc'
	[[ $output == *"nothing to run on; see $OUT/log" ]]
}

@test "no GPU: what the program says of it" {
	touch "$T/b/libfc-cuda.so"
	DEVICE=cuda CUDA_VISIBLE_DEVICES='' FC_NVCC=$T/none/nvcc run -2 device
	has 'left out' build module 'no nvcc'
	has failed device open 'device cuda'
}

@test "a program that the script needs is missing" {
	mkdir "$T/few"
	for p in bash awk cmp setsid tail timeout; do ln -s "$(command -v $p)" "$T/few/$p"; done
	PATH=$T/few run -2 tests/device/run
	[ "$output" = 'tests/device/run needs python3, which is not here' ]
}

@test "machine code for all GPUs that are here, or for all that there are" {
	program nvcc 'echo sm_80; echo sm_89; echo sm_90'
	program bin/make 'for x; do echo "[$x]"; done'
	program bin/nvidia-smi 'case $* in *=compute_cap*) echo 9.0; echo 8.9; echo 9.0 ;; esac'
	touch "$T/b/libfc-cuda.so"
	DEVICE=cuda FC_NVCC=$T/nvcc run -2 device
	grep -qxF '[CUARCH=-gencode arch=compute_89,code=sm_89 -gencode arch=compute_90,code=sm_90]' "$OUT/log"
	program bin/nvidia-smi 'case $* in *=compute_cap*) echo 12.0 ;; esac'
	DEVICE=cuda FC_NVCC=$T/nvcc run -2 device
	[ -z "$(grep CUARCH "$OUT/log")" ]
}

@test "what cannot be built" {
	program bin/make 'echo "x.c:1: error: no such thing"; exit 2'
	run -2 device
	has failed build for-device 'x.c:1: error: no such thing'
	# without libraries to compile with, and without programs
	program bin/make 'echo "$@"'
	program bin/pkg-config 'exit 1'
	rm "$T/b/fc-infer"
	run -2 device
	has failed build programs 'no libraries to compile with (make deps), and no programs'
	ln -s "$(realpath "$B/fc-infer")" "$T/b/fc-infer"
	run -0 device
	has 'left out' build programs 'those in'
	grep -q 'COMMIT=.* for-device-modules' "$OUT/log"
	# a module that was brought along is used, and the failure stays one
	program bin/make 'echo "nvcc fatal: error: no host compiler"; exit 2'
	program nvcc ''
	touch "$T/b/libfc-cuda.so"
	DEVICE=cuda FC_NVCC=$T/nvcc run -2 device
	has failed build for-device-modules "libfc-cuda.so in $T/b is used"
	has failed device open 'device cuda'
}

@test "tests that fail, die, say too little or take too long; no sanitizer, no ceilings" {
	program b/unit/bad 'printf "ok 1 - a\nnot ok 2 - this\n1..2\n"'
	program b/unit/dies 'echo "ok 1 - a"; kill -SEGV $$'
	program b/unit/ends 'printf "ok 1 - a\n1..2\n"'
	program b/unit/slow 'echo "ok 1 - a"; sleep 20'
	UNITS='good bad dies ends slow' UNIT_SECONDS=2 run -1 device
	has ok units good
	has failed units bad 'not ok 2 - this'
	has failed units ends 'exit status 0, plan 2, ran 1'
	has 'left out' units slow 'not finished in time, 1 were right'
	has failed units dies 'exit status 139, plan none, ran 1'
	has 'left out' sanitizer all 'no compute-sanitizer'
	has 'left out' ceilings all
	has 'left out' few_rows all 'no '
	[[ $output == *" failed, "*" left out, in "* ]]
}

@test "what a sanitizer says" {
	# shellcheck disable=SC2016 # of the program
	program s 'tool=$2 all=$*
		while [ "${1#-}" != "$1" ]; do shift 2; done
		case $all in *memcheck*"--report-api-errors no"* | *racecheck*) ;; *) exit 5 ;; esac
		[ "$FC_CUDA_ALLOC" = plain ] || exit 5
		"$@" && case $tool$1 in
		memcheck*bad) echo "========= Invalid __global__ write of size 4"; echo "========= ERROR SUMMARY: 1 error"; exit 86 ;;
		racecheck*bad) echo "========= Device not supported"; exit 1 ;;
		racecheck*theirs) echo "========= Error: Race reported between Write access at nvjet_hsh+0x10"; echo "========= RACECHECK SUMMARY: 1 hazard displayed"; exit 86 ;;
		racecheck*ours) echo "========= Error: Race reported between Write access at void attn_fwd_k<float>(attn_list)+0x10"; echo "========= RACECHECK SUMMARY: 1 hazard displayed"; exit 86 ;;
		*) echo "========= ERROR SUMMARY: 0 errors" ;; esac'
	for t in bad theirs ours; do cp "$T/b/unit/good" "$T/b/unit/$t"; done
	UNITS='good bad theirs ours' FC_SANITIZER=$T/s run -1 device
	has ok sanitizer 'memcheck good'
	has ok sanitizer 'racecheck good'
	has failed sanitizer 'memcheck bad' 'Invalid __global__ write'
	has 'left out' sanitizer 'racecheck bad' 'Device not supported'
	has ok sanitizer 'memcheck theirs'
	has 'left out' sanitizer 'racecheck theirs' 'in the library'
	has failed sanitizer 'racecheck ours' 'attn_fwd_k'
}

@test "when the time is over, what was not done is told" {
	# shellcheck disable=SC2016 # of the program
	program b/unit/slow "echo \$\$ >'$T/slow.pid'; exec sleep 60"
	rm "$T/b/fc-infer" "$T/b/fc-view"
	# shellcheck disable=SC2016 # of the program
	program b/fc-infer 'for x; do [ "$last" != -o ] || : >"$x"; last=$x; done'
	program b/fc-view 'echo no JSON'
	UNITS='slow good' UNITS_AT_ONCE=1 TOTAL=20 run -1 device
	has failed device 'capture near the processor'
	has 'left out' units slow 'the part was stopped'
	has 'left out' units good 'the part was stopped'
	has 'left out' sanitizer all 'no time is left'
	[ -s "$T/slow.pid" ]
	[[ $(ps -o stat= -p "$(cat "$T/slow.pid")") =~ ^(Z.*)?$ ]] # else it would keep the device's memory
	[ -z "$(find "$T" -name 'fc-device.*')" ]
}

@test "a model, twice, against ceilings; other bytes and too little memory are told" {
	program ceilings 'printf "copy\t2e9\tB/s\nproduct\t1e9\tFLOP/s\n"'
	program few_rows 'printf "BF16 [4096 x 64], 8 rows\t1e9\nQ4_K [9 x 256], 8 rows\t5e8\n"; [ "$*" = "cpu small" ]'
	export SHAPES=tiny FC_CEILINGS=$T/ceilings FC_FEW_ROWS=$T/few_rows
	run -0 device
	has ok ceilings product
	awk -F '\t' '$2 == "BF16 [4096 x 64], 8 rows" { exit !($4 == 1e9 && $6 == 2e9 && $7 == 0.5 && $8 == 0.7) }' "$OUT/device.tsv"
	awk -F '\t' '$2 == "Q4_K [9 x 256], 8 rows" { exit !($7 == 0.25 && $8 == "-") }' "$OUT/device.tsv"
	for w in capture generate 'train 100'; do has ok 'model tiny' "$w twice" 'the same bytes'; done
	awk -F '\t' '$2 == "capture" && $3 == "ok" { exit !($4 > 0 && $6 > 4000 && $6 < 5000 && $7 > 0 && $8 == 0.6) }' "$OUT/device.tsv"
	# shellcheck disable=SC2016 # of the program
	rm "$T/b/fc-infer" "$T/b/fc-train"
	program b/fc-infer "'$(realpath "$B/fc-infer")' \"\$@\" || exit; 
		case \$* in *answers.jsonl*) for f in $T/*/tiny.made/answers.jsonl; do date +%N >>\"\$f\"; done ;; esac"
	program b/fc-train 'echo "fc-train: device cuda: out of memory: 9 MiB" >&2; exit 1'
	run -1 device
	has failed 'model tiny' 'generate twice' 'other bytes'
	has 'left out' 'model tiny' 'train 100' 'out of memory: 9 MiB'
	program b/fc-train 'echo "fc-train: too little memory of cuda: the work needs 9 GiB" >&2; exit 1'
	run -1 device
	has 'left out' 'model tiny' 'train 100' 'too little memory of cuda'
	program b/fc-train 'echo "fc-train: out of memory: 9.0 MiB more are needed, 8 MiB of the device" >&2; exit 1'
	run -1 device
	has failed 'model tiny' 'train 100' 'out of memory: 9.0 MiB'
	# shellcheck disable=SC2016 # of the program
	program b/fc-train 'kill -KILL $$'
	run -1 device
	has 'left out' 'model tiny' 'train 100' 'killed'
	# what is said of a plan is done
	program b/fc-train "case \$* in *'--offload optimizer'*) exec '$(realpath "$B/fc-train")' \"\$@\" ;; esac
		echo 'fc-train: too little memory of cuda: the work needs 9 GiB; --offload optimizer needs little enough' >&2; exit 1"
	run -1 device
	has ok 'model tiny' 'train 100 twice' 'the same bytes'
}
