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
	[ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "built without Open MPI (libopenmpi-dev)"
	# Open MPI does not free all that it has
	if sanitized; then export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0; fi
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
}

# A light run; steps of about eight micro-batches.
light=(--dtype f32 -j 1 --epochs 2 --batch-tokens 400 --micro-tokens 50 --lr 1e-3)
train() { fc-train -q -m "$F/pivot" "${light[@]}" "$@"; }
ranks() { # N ...: the same by N processes
	local n=$1
	shift
	timeout -k 5 150 mpirun -n "$n" fc-train -q -m "$F/pivot" "${light[@]}" "$@"
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
}

@test "gradients shared out: model and log depend on the lanes alone, too" {
	# steps of about eight micro-batches: one to eight of a lane, which go through the layers together, and lanes without any
	for lanes in 1 3 4 6 12; do
		train --lanes $lanes --log $lanes.log -o $lanes "$F/dists.fcs"
		case $lanes in 1 | 3) ns=$lanes ;; 4) ns='2 4' ;; 6) ns=3 ;; 12) ns='1 4' ;; esac
		for n in $ns; do
			ranks $n --lanes $lanes --shard gradients --eval "$F/heldout.fcs" --log log -o out --force "$F/dists.fcs"
			same_model $lanes out
			cmp $lanes.log <(grep -v '"eval"' log)
		done
	done
}

@test "gradients shared out, with an output layer of its own, and in bfloat16" {
	jq '.tie_word_embeddings = false | .num_hidden_layers = 3' "$F/config.json" >untied.json
	for type in f32 bf16; do
		run=(--init untied.json --tokenizer "$F/tok" --dtype "$type" -j 1 --epochs 1 --batch-tokens 300 --micro-tokens 60 --lr 1e-3 --lanes 4)
		fc-train -q "${run[@]}" -o one --force "$F/dists.fcs"
		timeout -k 5 150 mpirun -n 2 fc-train -q "${run[@]}" --shard gradients -o two --force "$F/dists.fcs"
		same_model one two
	done
}

@test "ranks with a device whose memory the program cannot touch: the same bytes" {
	[ -e "$FC_ROOT/$B/libfc-far.so" ] || skip "built without the far device (make $B/libfc-far.so)"
	train --lanes 4 -o one "$F/dists.fcs"
	for shard in optimizer gradients; do
		ranks 2 --lanes 4 --device far --shard $shard --force -o two "$F/dists.fcs"
		same_model one two
	done
}

@test "what is shared out is said" {
	for shard in optimizer gradients; do
		timeout -k 5 150 mpirun -n 2 fc-train -m "$F/pivot" "${light[@]}" --lanes 6 --shard $shard --steps 1 -o out --force "$F/dists.fcs" 2>$shard
	done
	grep -q 'optimizer shared out among 2 ranks: each sends [0-9.]* MB of gradients and [0-9.]* MB of weights a step' optimizer
	grep -q 'gradients and optimizer shared out among 2 ranks: each sends [0-9.]* MB of gradients, once for each of its lanes, and' gradients
	# one process has nothing to share
	run fc-train -m "$F/pivot" "${light[@]}" --shard gradients --steps 1 -o out --force "$F/dists.fcs"
	[ "$status" -eq 0 ]
	[[ $output != *"shared out"* ]]
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

# Ends one rank of the run of process $1 once the checkpoint of step $2 is there: the first or the last, as $3 says.  The
# run before may have left that checkpoint: this one has no ranks yet, then.
kill_one() {
	local found
	for _ in $(seq 1200); do
		kill -0 "$1" 2>/dev/null || return 0
		if [ "$(jq .step state/state.json 2>/dev/null || echo 0)" -ge "$2" ]; then
			found=$(pgrep -P "$(pgrep -P "$1" -x mpirun)" -x fc-train 2>/dev/null | sort -n | "$3" -n 1)
			[ -z "$found" ] || ! kill -KILL "$found" || return 0
		fi
		sleep 0.05
	done
	return 1
}

@test "a rank is killed, and another number of ranks goes on: as if never stopped" {
	train --lanes 4 --epochs 8 --log whole.log -o whole "$F/dists.fcs"
	steps=$(wc -l <whole.log)
	at=0
	for n in 1 2 4; do
		at=$((at + steps / 5))
		# mpirun itself may hang when a rank is gone
		timeout -k 5 40 mpirun -n $n fc-train -q -m "$F/pivot" "${light[@]}" --lanes 4 --epochs 8 --checkpoint state --resume \
			--checkpoint-every 1 --shard "$([ $n -eq 2 ] && echo gradients || echo optimizer)" \
			--log log -o out "$F/dists.fcs" >/dev/null 2>&1 &
		pid=$!
		kill_one $pid $at "$([ $n -eq 2 ] && echo tail || echo head)"
		status=0
		wait $pid || status=$?
		[ "$status" -ne 0 ]
		[ ! -e out ]
	done
	ranks 2 --lanes 4 --epochs 8 --checkpoint state --resume --shard gradients --log log -o out "$F/dists.fcs"
	same_model whole out
	cmp whole.log log
	run ranks 2 --lanes 2 --epochs 8 --checkpoint state --resume -o out --force "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"was made with lanes 4, this run has 2"* ]]
}

@test "preferences: the same model and log, too" {
	jq -c '{prompt: [.messages[0]], chosen: [.messages[1]], rejected: [{role: "assistant", content: "no"}]}' "$F/heldout.jsonl" >pairs.jsonl
	fc-infer -q -m "$F/pivot" -k 4 --dtype f32 -o pairs.fcs pairs.jsonl
	train --lanes 4 --preference dpo --log one.log -o one pairs.fcs
	ranks 2 --lanes 4 --preference dpo --log two.log -o two pairs.fcs
	same_model one two
	cmp one.log two.log
	run ! same_model one "$F/pivot"
}

# MB a step that rank 0 of 4 has sent, with options, of steps that have more micro-batches than lanes.
sent() {
	jq '.hidden_size = 256 | .intermediate_size = 1024 | .num_hidden_layers = 3' "$F/config.json" >wide.json
	timeout -k 5 150 mpirun -n 4 fc-train --init wide.json --tokenizer "$F/tok" --dtype f32 -j 1 --steps 4 --batch-tokens 800 \
		--micro-tokens 60 -o out --force "$@" "$F/tokens.fcs" 2>said
	sed -n 's/.*4 ranks, [0-9]* lanes: rank 0 has sent \([0-9.]*\) MB a step.*/\1/p' said
}

@test "bytes on the wire are those of the formula" {
	# 3 layers of 3 C^2, keys and values being half as wide, 3 C F and two norms, the last norm, and embeddings of 304 tokens
	P=$((3 * (3 * 256 * 256 + 3 * 256 * 1024 + 2 * 256) + 256 + 304 * 256))
	# float32: gradients 4 P 3/4, once or for each lane of a rank, weights 4 P 3/4; the model at the start is a 4th of
	# twice that, and the micro-batches of a step are 20 KB
	close() { awk -v s="$1" -v p="$P" -v g="$2" 'BEGIN { want = (p * (3 * g + 3 + 1.5) + 20000) / 1e6; print s, want; exit !(s > want * 0.95 && s < want * 1.05) }'; }
	close "$(sent --shard optimizer)" 1
	close "$(sent --lanes 12 --shard optimizer)" 1
	close "$(sent --shard gradients)" 1
	grep -q "gradients and optimizer shared out among 4 ranks: each sends $(awk -v p=$P 'BEGIN { printf "%.3f MB of gradients and %.3f", p * 3e-6, p * 3e-6 }') MB of weights" said
	close "$(sent --lanes 8 --shard gradients)" 2
	close "$(sent --lanes 12 --shard gradients)" 3
}

@test "gradients are shared out by themselves where memory is short" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>why || skip "needs root and namespaces"
	# a machine as it says it is: 200 KB a rank are available, of which a fifth stays free; 26 K parameters are 104 KB of weights and
	# as many of gradients, 16 bytes of them in all and 12 of four ranks with gradients shared out
	ask() { # KB
		printf 'MemTotal: 1000000 kB\nMemAvailable: %s kB\n' "$1" >meminfo
		# shellcheck disable=SC2016 # the inner shell's
		unshare -m sh -c 'mount --bind meminfo /proc/meminfo && exec "$@"' sh timeout -k 5 100 mpirun -n 2 fc-train -m "$F/pivot" "${light[@]}" \
			--steps 1 -o out --force "$F/dists.fcs" 2>said
	}
	ask 900000
	grep -q ' optimizer shared out among 2 ranks' said
	run ! grep -q 'would need' said
	ask 100
	grep -q 'rank [01] would need 0.0 GB with whole gradients and may take 0.0 GB: --shard gradients' said
	grep -q 'gradients and optimizer shared out among 2 ranks' said
}

@test "SIGUSR1 to mpirun, or SIGTERM to fc-train: a checkpoint of the step, and going on gives the same bytes" {
	train --lanes 2 --epochs 60 --log whole.log -o whole "$F/dists.fcs"
	for how in ranks alone; do
		rm -rf state log out
		if [ $how = ranks ]; then
			mpirun -n 2 fc-train -m "$F/pivot" "${light[@]}" --lanes 2 --epochs 60 --checkpoint state \
				--checkpoint-every 100000 --log log -o out "$F/dists.fcs" 2>said &
		else
			fc-train -m "$F/pivot" "${light[@]}" --lanes 2 --epochs 60 --checkpoint state \
				--checkpoint-every 100000 --log log -o out "$F/dists.fcs" 2>said &
		fi
		pid=$!
		for _ in $(seq 600); do [ ! -s log ] || break; sleep 0.05; done
		kill -"$([ $how = ranks ] && echo USR1 || echo TERM)" $pid
		status=0
		wait $pid || status=$?
		[ "$status" -gt 128 ]
		grep -q 'stopped by a signal after step [0-9]*; --resume goes on from there' said
		[ ! -e out ]
		[ -z "$(find . -name '.out*')" ]
		fc-train -q -m "$F/pivot" "${light[@]}" --lanes 2 --epochs 60 --checkpoint state --resume --log log -o out "$F/dists.fcs"
		same_model whole out
		cmp whole.log log
	done
}

# A link whose packets are late, and some of which are lost: by netem; where the kernel has none, by a bucket of 8 Mbit/s that
# lets packets wait for up to 10 ms and drops the rest.
worsen() { # worsen DEVICE [ip netns exec HOST]
	local dev=$1
	shift
	"$@" tc qdisc add dev "$dev" root netem delay 3ms loss 0.5% 2>/dev/null ||
		"$@" tc qdisc add dev "$dev" root tbf rate 8mbit burst 16k latency 10ms
}

# Two hosts as far as the network goes: namespaces on a bridge, with names of their own.
hosts() {
	ip link add fcbr0 type bridge && ip addr add 10.77.0.254/24 dev fcbr0 && ip link set fcbr0 up || return
	for i in 1 2; do
		ip netns add fch$i && ip link add fcv$i type veth peer name eth0 netns fch$i || return
		ip link set fcv$i master fcbr0 up
		ip -n fch$i addr add 10.77.0.$i/24 dev eth0 && ip -n fch$i link set eth0 up && ip -n fch$i link set lo up || return
		worsen fcv$i && worsen eth0 ip netns exec fch$i || return
	done
	cat >agent <<-'END'
		#!/bin/sh
		host=$1; shift
		exec ip netns exec "$host" unshare -u sh -c 'hostname "$0"; exec sh -c "$*"' "$host" "$@"
	END
	chmod +x agent
}

teardown() {
	[ ! -e agent ] || for i in 1 2; do ip netns pids fch$i | xargs -r kill -9; done
	for i in 1 2; do ip netns del fch$i; done 2>/dev/null || true
	ip link del fcbr0 2>/dev/null || true
}

@test "two hosts on links that are late and lose: the same bytes, and a lost rank says where it was" {
	[ "$(id -u)" -eq 0 ] && command -v tc >/dev/null || skip "needs root, and ip and tc (iproute2)"
	hosts 2>why || skip "no network namespaces here: $(tail -n 1 why)"
	train --lanes 4 --steps 4 -o one "$F/dists.fcs"
	# shellcheck disable=SC2054 # mpirun's lists
	far=(mpirun --host fch1:2,fch2:2 -n 4 --mca plm_rsh_agent "$PWD/agent" --mca oob_tcp_if_include 10.77.0.0/24
		--mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 fc-train -q -m "$F/pivot" "${light[@]}" --lanes 4)
	for shard in optimizer gradients; do
		timeout -k 5 150 "${far[@]}" --steps 4 --shard $shard --force -o two "$F/dists.fcs"
		same_model one two
	done
	# a thread of Open MPI's own moves messages
	timeout -k 5 150 "${far[@]:0:1}" --mca btl_tcp_progress_thread 1 "${far[@]:1}" --steps 4 --shard gradients --force -o two "$F/dists.fcs"
	same_model one two
	[ "$({ tc -s qdisc show dev fcv1; tc -s qdisc show dev fcv2; for i in 1 2; do ip netns exec fch$i tc -s qdisc show dev eth0; done; } |
		sed -n 's/.*(dropped \([0-9]*\),.*/\1/p' | awk "{ n += \$1 } END { print n }")" -gt 0 ]
	timeout -k 5 60 "${far[@]}" --steps 100000 --log log -o three "$F/dists.fcs" 2>said &
	pid=$!
	for _ in $(seq 600); do [ ! -s log ] || break; sleep 0.05; done
	ip netns pids fch2 | xargs -n 1 sh -c '[ "$(cat /proc/$0/comm)" != fc-train ] || echo $0' | tail -n 1 | xargs kill -9
	status=0
	wait $pid || status=$?
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	grep -q 'rank [23] .*fch2' said
	[ ! -e three ]
}

# Bytes a parameter of rank $2 of $1: the difference of two models, so that what all of them need does not count.
bytes_a_parameter() { # N RANK OPTION...
	local n=$1 rank=$2 peak=() layers
	shift 2
	for layers in 8 32; do
		jq ".hidden_size = 320 | .intermediate_size = 1280 | .num_hidden_layers = $layers" "$F/config.json" >large.json
		timeout -k 5 150 mpirun -n "$n" python3 -c 'import os, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
with open("peak." + os.environ["OMPI_COMM_WORLD_RANK"], "w") as f:
    f.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)' fc-train -q --init large.json --tokenizer "$F/tok" -j 1 --steps 1 --batch-tokens 100 --micro-tokens 20 --layers-kept 1 \
			-o large --force "$@" "$F/tokens.fcs"
		peak+=("$(cat peak."$rank")")
	done
	# 24 layers of 3 C^2, keys and values being half as wide, 3 C F and two norms
	awk -v a="${peak[0]}" -v b="${peak[1]}" 'BEGIN { print (b - a) * 1024 / (24 * (3 * 320 * 320 + 3 * 320 * 1280 + 2 * 320)) }'
}

# Whether bytes_a_parameter $2... is $1 within 5 %.  What MPI holds for a rank that is late comes and goes with what else
# runs, up to a twentieth of so small a model: one of three tries has to be, and what is always there fails all.
takes() { # BYTES N RANK OPTION...
	local want=$1
	shift
	for _ in 1 2 3; do
		if bytes_a_parameter "$@" | awk -v want="$want" '{ print $1, want; exit !($1 > want * 0.95 && $1 < want * 1.05) }'; then
			return 0
		fi
	done
	return 1
}

@test "memory a parameter is that of the manual: 4 + 4 + 8 / N in float32, 2 + 4 + 12 / N in bfloat16, 4 / N with gradients" {
	sanitized && skip "a sanitizer takes memory of its own"
	takes 16 1 0 --dtype f32
	takes 10 4 3 --dtype f32 --shard optimizer
	takes 9 4 3 --dtype bf16 --shard optimizer
	takes 7 4 3 --dtype f32 --shard gradients
	takes 6 4 3 --dtype bf16 --shard gradients
}
