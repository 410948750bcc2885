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
	for m in llama qwen3 gemma2; do
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
		awk '{ print int($1 * 1024 ^ index("KMG", $2)) }'
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
			'--dtype f32 --micro-tokens 120 --lanes 4'; do
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
