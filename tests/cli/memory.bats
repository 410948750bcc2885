#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is said of the memory that work takes, before it begins, against what the far device counts.
load train

setup_file() {
	export F=$BATS_FILE_TMPDIR D=$FC_ROOT/pipelines/demo
	cd "$F" || return
	python3 "$D/talk.py" --set train -n 60 --seed 1 >talk.jsonl
	python3 "$D/vocab.py" --kind gpt2 --size 300 --eos '<|end|>' -o tok <talk.jsonl
	config llama '"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
		"num_key_value_heads": 2, "tie_word_embeddings": true' >llama.json
	config qwen3 '"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 5, "num_attention_heads": 2,
		"num_key_value_heads": 1, "head_dim": 32' >qwen3.json
	config gemma2 '"hidden_size": 64, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
		"num_key_value_heads": 4, "head_dim": 16, "sliding_window": 32' >gemma2.json
	# texts of 120 tokens each, all of which are trained on but the first
	jq -c '{id, text: ([.messages[].content] | join(" ") | . + . + . + . + . + . + . + .)}' talk.jsonl >text.jsonl
	fc-infer -q --tokens -m tok --long truncate --max-length 120 -o tokens.fcs text.jsonl 2>/dev/null
	config llama '"hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 6, "num_attention_heads": 4,
		"num_key_value_heads": 2' >deep.json
	for m in llama qwen3 gemma2 deep; do
		fc-train -q --init $m.json --tokenizer tok --steps 1 --batch-tokens 120 --micro-tokens 120 -o $m tokens.fcs 2>/dev/null
	done
}

# config TYPE MEMBERS
config() {
	echo "{\"model_type\": \"$1\", \"vocab_size\": 304, \"max_position_embeddings\": 256, \"torch_dtype\": \"bfloat16\", $2}"
}

# What a dry run says of a place, in bytes: said PLACE <NOTES
said() {
	sed -n "s/.*memory of $1: \([0-9.]*\) \([KMG]\)iB of .*/\1 \2/p" |
		awk '{ printf "%.0f\n", $1 * 1024 ^ index("KMG", $2) }'
}

# part PLACE NAME: bytes of one use
part() {
	sed -n "s/.*memory of $1: [0-9.]* \([KMG]\)iB of .*[:,] $2 \([0-9.]*\).*/\2 \1/p" |
		awk '{ printf "%.0f\n", $1 * 1024 ^ index("KMG", $2) }'
}

# near SAID COUNTED: within 5 %
near() {
	echo "said $1, counted $2"
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > 0 && b > 0 && a < 1.05 * b && a > 0.95 * b) }'
}

@test "training: what a dry run says is what the device gives, within 5 %" {
	for m in llama qwen3 gemma2; do
		for o in '--dtype f32 --micro-tokens 120' '--dtype bf16 --micro-tokens 600' \
			'--dtype bf16 --micro-tokens 120 --offload optimizer' \
			'--dtype f32 --micro-tokens 360 --offload optimizer' \
			'--dtype f32 --micro-tokens 120 --lanes 4 --layers-kept 9'; do
			# shellcheck disable=SC2086 # options
			fc-train --dry-run -m "$F/$m" --device far $o --max-length 120 -o out 2>said.txt
			# shellcheck disable=SC2086
			FC_FAR_TELL=counted fc-train -q -m "$F/$m" --device far $o --max-length 120 --steps 2 --batch-tokens 1200 \
				-f -o out "$F/tokens.fcs" 2>/dev/null
			near "$(said far <said.txt)" "$(cut -d' ' -f1 counted)"
			[[ $o == *offload* ]] || [ "$(wc -l <said.txt)" -eq 2 ]
			rm -r out
		done
	done
}

@test "layers are kept in a quarter of the memory that is free and that the rest leaves" {
	local one two all auto
	takes() { fc-train --dry-run -m "$F/deep" --device far --dtype f32 --micro-tokens 600 --max-length 120 -o out "$@" 2>&1 | said far; }
	one=$(takes --layers-kept 1) two=$(takes --layers-kept 2) all=$(takes --layers-kept 6)
	for kept in 1 2 4 6; do # as many and half of another
		auto=$(FC_FAR_MIB=$(((one + 4 * (two - one) * (2 * kept - 1) / 2) / 1048576 + 1)) takes)
		near "$auto" $((one + (kept - 1) * (two - one)))
	done
	near "$auto" "$all"
	near "$(FC_FAR_MIB=$((one / 1048576 + 1)) takes)" "$one" # the rest takes all that there is
}

@test "what is offloaded is the master weights and the moments, 12 bytes a parameter" {
	n=$(python3 -c '
import json, struct, sys
f = open(sys.argv[1], "rb")
h = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
h.pop("__metadata__", None)
print(sum((v["data_offsets"][1] - v["data_offsets"][0]) // 2 for v in h.values()))' "$F/qwen3/model.safetensors")
	for d in f32 bf16; do
		fc-train --dry-run -m "$F/qwen3" --device far --offload optimizer --dtype $d -o out 2>said.txt
		near "$(said 'the host' <said.txt)" $((12 * n))
	done
}

@test "with --offload optimizer a training makes the same bytes, and goes on from either's checkpoint" {
	for d in f32 bf16; do
		for o in none optimizer; do
			fc-train -q -m "$F/qwen3" --dtype $d --device far --offload $o --steps 3 --batch-tokens 480 --micro-tokens 240 \
				--lr 1e-3 --save-dtype f32 --checkpoint $o.state --checkpoint-every 2 --update $o.update \
				--eval "$F/tokens.fcs" --log $o.log -o $o "$F/tokens.fcs" 2>/dev/null
		done
		cmp none/model.safetensors optimizer/model.safetensors
		cmp none.state/model.safetensors optimizer.state/model.safetensors
		cmp none.log optimizer.log
		cmp <(fc-view --stats none.update | grep -v ^file) <(fc-view --stats optimizer.update | grep -v ^file)
		fc-train -q -m "$F/qwen3" --dtype $d --device far --offload optimizer --steps 3 --batch-tokens 480 --micro-tokens 240 \
			--lr 1e-3 --save-dtype f32 --checkpoint none.state --resume -o again "$F/tokens.fcs" 2>/dev/null
		cmp none/model.safetensors again/model.safetensors
		# what was trained is what is compared
		! cmp -s none/model.safetensors "$F/qwen3/model.safetensors" || false
		rm -r none optimizer again none.state optimizer.state
	done
}

@test "too little memory is told before a model is loaded, with what helps" {
	run -1 env FC_FAR_MIB=1 fc-train -q -m "$F/qwen3" --device far --dtype f32 --steps 1 -o out "$F/tokens.fcs"
	[[ $output == "fc-train: too little memory of far: the work needs "*" MiB where 1.00 MiB are free: weights "*", gradients "*", moments "*"; less is needed with --offload optimizer and a smaller --micro-tokens" ]]
	fc-train --dry-run -m "$F/qwen3" --device far --dtype f32 --micro-tokens 120 --max-length 120 -o out 2>said.txt
	fc-train --dry-run -m "$F/qwen3" --device far --dtype f32 --micro-tokens 120 --max-length 120 --offload optimizer -o out 2>less.txt
	whole=$(said far <said.txt) less=$(said far <less.txt)
	[ "$less" -lt 2097152 ] && [ "$whole" -gt 2097152 ] # what follows is between the two
	run -1 env FC_FAR_MIB=2 fc-train -q -m "$F/qwen3" --device far --dtype f32 --micro-tokens 120 --max-length 120 \
		--steps 1 -o out "$F/tokens.fcs"
	[[ $output == *"; --offload optimizer needs little enough" ]]
	FC_FAR_MIB=2 fc-train -q -m "$F/qwen3" --device far --dtype f32 --micro-tokens 120 --max-length 120 --offload optimizer \
		--steps 1 -o out "$F/tokens.fcs" 2>/dev/null
	[ -e out ]
}

@test "on the processor there is nothing to offload to" {
	run -0 fc-train -m "$F/llama" --dry-run --offload optimizer -o out
	[[ $output == *"--offload optimizer does nothing on the processor, whose memory is the host's"* ]]
	[[ $output != *"memory of the host"* ]]
}

@test "capture and generation: what a dry run says is what the device gives, within 5 %" {
	# prompts of many lengths, of which some are nearly as long as they may be
	jq -c -n '[inputs] | to_entries[] | {id: .value.id, messages: [{role: "user", content: .value.text[0:(120 + 3 * .key)]}]}' \
		"$F/text.jsonl" >ask.jsonl
	for m in llama qwen3 gemma2; do
		for o in '--dtype f32 --batch-tokens 120' '--dtype bf16 --batch-tokens 720 --all-rows -k 3' '--dtype f32 --batch-tokens 300 --sample 8'; do
			# shellcheck disable=SC2086 # options
			fc-infer --dry-run -m "$F/$m" --device far $o --long truncate --max-length 120 2>said.txt
			# shellcheck disable=SC2086
			FC_FAR_TELL=counted fc-infer -q -m "$F/$m" --device far $o --long truncate --max-length 120 -o out.fcs \
				"$F/text.jsonl" 2>/dev/null
			[[ $o == *300* ]] && continue # two texts in a pass of 300
			near "$(said far <said.txt)" "$(cut -d' ' -f1 counted)"
		done
		fc-infer --generate --dry-run -m "$F/$m" --device far --dtype f32 --slots 4 --max-length 110 2>said.txt
		FC_FAR_TELL=counted fc-infer --generate -q -m "$F/$m" --device far --dtype f32 --slots 4 --max-length 110 --max-new 110 \
			--long skip -o out.jsonl ask.jsonl 2>/dev/null
		near "$(said far <said.txt)" "$(cut -d' ' -f1 counted)"
	done
}

@test "memory that is given out by places, as a GPU's: gaps are counted, and small passes first leave no more" {
	[ -e "$FC_ROOT/$B/libfc-emu.so" ] || skip "the emulation is not built"
	# each longer than the one before
	jq -c -n '[inputs] | to_entries[] | .value + {text: .value.text[0:(20 + 8 * .key)]}' "$F/text.jsonl" >grow.jsonl
	fc-infer -q --tokens -m "$F/tok" --long truncate --max-length 120 -o grow.fcs grow.jsonl 2>/dev/null
	said=$(fc-infer --dry-run -m "$F/deep" --device emu --dtype f32 --max-length 120 --batch-tokens 400 --all-rows 2>&1 | said emu)
	FC_CUDA_TELL=counted fc-infer -q -m "$F/deep" --device emu --dtype f32 --long truncate --max-length 120 --batch-tokens 400 --all-rows \
		-o out.fcs grow.jsonl 2>/dev/null
	near "$said" "$(cut -d' ' -f1 counted)"
	for o in none optimizer; do
		said=$(fc-train --dry-run -m "$F/llama" --device emu --dtype bf16 --micro-tokens 300 --max-length 120 --offload $o -f -o out 2>&1 |
			said emu)
		FC_CUDA_TELL=counted fc-train -q -m "$F/llama" --device emu --dtype bf16 --micro-tokens 300 --max-length 120 --offload $o \
			--steps 3 --batch-tokens 300 -f -o out grow.fcs 2>/dev/null
		near "$said" "$(cut -d' ' -f1 counted)"
	done
}

@test "every rank makes room for its largest micro-batch first" {
	[ -e "$FC_ROOT/$B/libfc-emu.so" ] || skip "the emulation is not built"
	command -v mpirun >/dev/null && [ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "needs mpirun (openmpi-bin)"
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
	run=(-m "$F/llama" --device emu --dtype bf16 --micro-tokens 300 --max-length 120 --batch-tokens 40 --lanes 2)
	# of the shortest alone: nearly all that is taken is for what is to come
	jq -c '.text |= .[:40]' "$F/text.jsonl" | head -n 8 | fc-infer -q --tokens -m "$F/tok" -o short.fcs - 2>/dev/null
	said=$(timeout -k 5 150 mpirun -n 2 fc-train --dry-run "${run[@]}" -f -o out 2>&1 | said emu)
	# shellcheck disable=SC2016
	timeout -k 5 150 mpirun -n 2 bash -c 'FC_CUDA_TELL=counted.$OMPI_COMM_WORLD_RANK exec fc-train "$@"' - -q "${run[@]}" --steps 1 \
		-o out short.fcs 2>/dev/null
	near "$said" "$(cut -d' ' -f1 counted.0)"
	# which has no weights to write
	awk -v a="$said" '{ print; exit !($1 > 0.9 * a && $1 < 1.05 * a) }' counted.1
}

@test "a pass has no more tokens than --batch-tokens, unless one conversation has" {
	fc-infer --dry-run -m "$F/llama" --device far --dtype f32 --batch-tokens 300 --max-length 120 2>said.txt
	FC_FAR_TELL=counted fc-infer -q -m "$F/llama" --device far --dtype f32 --batch-tokens 300 --max-length 120 --long truncate \
		-o out.fcs "$F/text.jsonl" 2>/dev/null
	[ "$(said far <said.txt)" -ge "$(cut -d' ' -f1 counted)" ]
	# conversations of other lengths: nothing is lost at the ends of passes
	for n in 1 50 130 8192; do
		fc-infer -q -m "$F/llama" --dtype f32 --batch-tokens $n -o $n.fcs "$F/talk.jsonl"
		cmp 1.fcs $n.fcs
	done
	[ "$(fc-view --jsonl 1.fcs | wc -l)" -eq 60 ]
}

@test "a conversation that takes more than was said ends a capture with what helps" {
	run -1 env FC_FAR_MIB=3 fc-infer -q -m "$F/deep" --device far --dtype bf16 --batch-tokens 20 --long truncate -o x.fcs "$F/text.jsonl"
	[[ $output == *"out of memory: "*" MiB more are needed, "*" of the device's 3 are free; less is needed with a smaller --batch-tokens or --max-length" ]]
	[ ! -e x.fcs ]
	FC_FAR_MIB=3 fc-infer -q -m "$F/deep" --device far --dtype bf16 --batch-tokens 20 --max-length 20 --long truncate -o x.fcs \
		"$F/text.jsonl" 2>/dev/null
	[ -e x.fcs ]
}

@test "layers that do not fit come in every pass: the same bytes, and no more memory than was said" {
	fc-infer -q -m "$F/deep" --dtype bf16 --batch-tokens 60 --max-length 60 --long truncate \
		--no-history -o whole.fcs "$F/text.jsonl" 2>/dev/null
	run -1 env FC_FAR_MIB=2 fc-infer -q -m "$F/deep" --device far --dtype bf16 --batch-tokens 60 --max-length 60 \
		--long truncate -o x.fcs "$F/text.jsonl"
	[[ $output == *"too little memory of far: the work needs "*" MiB where 2.00 MiB are free: weights "*"; --offload layers needs little enough" ]]
	[ ! -e x.fcs ]
	run -0 env FC_FAR_MIB=2 fc-infer --dry-run -m "$F/deep" --device far --dtype bf16 --batch-tokens 60 --max-length 60 --offload layers
	[[ $output == *"2 of 6 layers stay on the device, the others come there in every pass"* ]]
	said=$(said far <<<"$output")
	FC_FAR_TELL=counted FC_FAR_MIB=2 fc-infer -q -m "$F/deep" --device far --dtype bf16 --batch-tokens 60 --max-length 60 \
		--long truncate --no-history --offload layers -o part.fcs "$F/text.jsonl" 2>/dev/null
	near "$said" "$(cut -d' ' -f1 counted)"
	cmp whole.fcs part.fcs
	# and answers
	jq -c '{id, messages: [.messages[0]]}' "$F/talk.jsonl" | head -n 4 >ask.jsonl
	for o in '--device cpu' '--device far --offload layers'; do
		# shellcheck disable=SC2086 # options
		FC_FAR_MIB=2 fc-infer --generate -q -m "$F/deep" --dtype bf16 $o --slots 2 --max-length 100 --max-new 8 --cache-mib 1 \
			--no-history -o "${o##* }.jsonl" ask.jsonl 2>/dev/null
	done
	cmp cpu.jsonl layers.jsonl
	run -0 fc-infer --dry-run -m "$F/deep" --offload layers
	[[ $output == *"--offload layers does nothing on the processor, which reads the weights where they are"* ]]
}

@test "7B: training fits 80 GB with its optimizer offloaded, capture fits 24 GB, with layers 12 GB" {
	local n gb80=76294 gb24=22888 gb12=11445 # MiB of 80, 24 and 12 times 10^9 bytes
	for m in mistral-7b llama-3-8b qwen2.5-7b; do
		mkdir $m && cp "$F"/tok/* $m
		n=$(python3 "$FC_ROOT/tests/cli/blank_model.py" $m $m)
		[ "$n" -gt 7000000000 ]
		run -1 env FC_FAR_MIB=$gb80 fc-train --dry-run -m $m --device far --dtype bf16 --layers-kept 1 -o out
		[[ $output == *"too little memory of far: the work needs 1"*"--offload optimizer needs little enough"* ]]
		near "$(said far <<<"$output")" $((18 * n + 4000000000)) # and activations
		near "$(part far weights <<<"$output")" $((2 * n))
		near "$(part far 'master weights' <<<"$output")" $((4 * n))
		near "$(part far gradients <<<"$output")" $((4 * n))
		near "$(part far moments <<<"$output")" $((8 * n))
		run env FC_FAR_MIB=$gb80 fc-train --dry-run -m $m --device far --dtype bf16 --offload optimizer --layers-kept 1 -o out
		[[ $output != *"too little memory of far"* ]] # of this host, there may be
		[ "$(said far <<<"$output")" -lt 80000000000 ]
		run env FC_FAR_MIB=$gb80 fc-train --dry-run -m $m --device far --dtype bf16 --offload optimizer -o out # more layers
		[[ $output != *"too little memory of far"* ]]
		[ "$(said far <<<"$output")" -lt 80000000000 ]
		run env FC_FAR_MIB=$gb80 fc-train --dry-run -m $m --device far --dtype bf16 --offload optimizer --layers-kept 1 -o out
		near "$(said far <<<"$output")" $((6 * n + 4000000000))
		near "$(said 'the host' <<<"$output")" $((12 * n))
		run -0 env FC_FAR_MIB=$gb24 fc-infer --dry-run -m $m --device far --dtype bf16
		near "$(said far <<<"$output")" $((2 * n + 2500000000))
		run -1 env FC_FAR_MIB=$gb12 fc-infer --dry-run -m $m --device far --dtype bf16
		[[ $output == *"--offload layers needs little enough" ]]
		run -0 env FC_FAR_MIB=$gb12 fc-infer --dry-run -m $m --device far --dtype bf16 --offload layers
		[[ $output =~ ([0-9]+)" of "(28|32)" layers stay on the device" ]]
		rm -r $m
	done
}

@test "pairs: what a dry run says is what the device gives, within 5 %" {
	# answers of many lengths, with few tokens before them
	jq -c 'def say: [{role: "assistant", content: .}]; input_line_number as $i |
		{id, prompt: [{role: "user", content: "go"}], chosen: (.text[0:150 + $i] | say), rejected: (.text[50:200 + $i] | say)}' \
		"$F/text.jsonl" >pairs.jsonl
	fc-infer -q -k 1 -m "$F/deep" --dtype f32 -o pairs.fcs pairs.jsonl
	for o in none optimizer; do
		fc-train --dry-run -m "$F/deep" --preference dpo --device far --dtype f32 --offload $o --micro-tokens 400 \
			--max-length 200 -o out 2>said.txt
		FC_FAR_TELL=counted fc-train -q -m "$F/deep" --preference dpo --device far --dtype f32 --offload $o --micro-tokens 400 \
			--max-length 200 --steps 2 --batch-tokens 1600 -f -o out pairs.fcs 2>/dev/null
		near "$(said far <said.txt)" "$(cut -d' ' -f1 counted)"
		rm -r out
	done
}

# What several ranks need besides.
need_ranks() {
	command -v mpirun >/dev/null || skip "needs mpirun (openmpi-bin)"
	[ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "built without Open MPI (libopenmpi-dev)"
	if sanitized; then export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0; fi # Open MPI does not free all that it has
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
}

@test "two ranks: what a dry run says is what the device of each gives, within 5 %" {
	need_ranks
	for o in '--shard optimizer --lanes 2' '--shard optimizer --lanes 8' '--shard gradients --lanes 2' '--shard gradients --lanes 8'; do
		# shellcheck disable=SC2206 # options
		local light=(-m "$F/qwen3" --dtype bf16 -j 1 $o --device far --batch-tokens 1920 --micro-tokens 120 --max-length 120)
		timeout -k 5 100 mpirun -n 2 fc-train --dry-run "${light[@]}" -f -o out 2>said.txt
		# shellcheck disable=SC2016 # of the rank's shell
		timeout -k 5 150 mpirun -n 2 sh -c 'FC_FAR_TELL=counted.$OMPI_COMM_WORLD_RANK exec fc-train "$@"' sh \
			-q "${light[@]}" --steps 2 -f -o out "$F/tokens.fcs" 2>/dev/null
		near "$(said far <said.txt)" "$(cut -d' ' -f1 counted.0)"
		near "$(said far <said.txt)" "$(cut -d' ' -f1 counted.1)"
	done
}

@test "two ranks that leave the optimizer to the host make the bytes of one that does not" {
	need_ranks
	for d in f32 bf16; do
		local light=(-m "$F/qwen3" --dtype "$d" -j 1 --lanes 2 --steps 3 --batch-tokens 480 --micro-tokens 120 --lr 1e-3 --save-dtype f32)
		fc-train -q "${light[@]}" -f -o one "$F/tokens.fcs" 2>/dev/null
		timeout -k 5 150 mpirun -n 2 fc-train -q "${light[@]}" --device far --offload optimizer -f -o two "$F/tokens.fcs" 2>/dev/null
		cmp one/model.safetensors two/model.safetensors
	done
}
