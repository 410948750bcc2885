#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pivots that are not Llama's relatives: what is written has the names and the order of the family's files.
load train

setup_file() {
	export F=$BATS_FILE_TMPDIR D=$FC_ROOT/pipelines/demo
	python3 "$D/talk.py" --set train -n 40 --seed 1 >"$F/talk.jsonl"
	python3 "$D/vocab.py" --kind gpt2 --size 300 --eos '<|end|>' -o "$F/tok" <"$F/talk.jsonl"
	fc-infer -q --tokens -m "$F/tok" -o "$F/tokens.fcs" "$F/talk.jsonl"
}

# pivot CONFIG: a model from scratch, with so much of config.json beside the vocabulary
pivot() {
	echo "{\"vocab_size\": 304, \"torch_dtype\": \"float32\", $1}" >config.json
	fc-train -q --init config.json --tokenizer "$F/tok" --steps 2 --batch-tokens 400 --lr 5e-3 --dtype f32 \
		-o pivot "$F/tokens.fcs"
}

train() {
	fc-train -q -m pivot --dtype f32 --steps 4 --batch-tokens 400 --lr 5e-3 --save-dtype f32 "$@" "$F/tokens.fcs"
}

# shape FOLDER TENSOR
shape() {
	python3 - "$@" <<-'EOF'
		import json, struct, sys
		raw = open(sys.argv[1] + "/model.safetensors", "rb").read()
		n = struct.unpack("<Q", raw[:8])[0]
		print(json.loads(raw[8:8 + n])[sys.argv[2]]["shape"])
	EOF
}

@test "GPT-2: matrices in the order of its files, also in an update" {
	pivot '"model_type": "gpt2", "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 512'
	[ "$(shape pivot transformer.h.1.attn.c_attn.weight)" = "[32, 96]" ]
	[ "$(shape pivot transformer.h.0.mlp.c_proj.weight)" = "[128, 32]" ]
	train --log log.jsonl --update u.fcs -o target
	python3 - <<-'EOF'
		import json
		loss = [r["loss"] for r in map(json.loads, open("log.jsonl")) if "loss" in r]
		assert len(loss) == 4 and loss[-1] < loss[0], loss
	EOF
	fc-varm -q --dtype f32 --method linear -b pivot -o merged u.fcs
	python3 - <<-'EOF'
		import struct
		a, b = (open(d + "/model.safetensors", "rb").read() for d in ("target", "merged"))
		n = struct.unpack("<Q", a[:8])[0]
		assert a[:8 + n] == b[:8 + n]
		x, y = (struct.unpack("<%df" % ((len(v) - 8 - n) // 4), v[8 + n:]) for v in (a, b))
		assert max(abs(p - q) for p, q in zip(x, y)) < 1e-6
	EOF
	# what was saved is what was trained: it goes on from there
	fc-infer -q -m target -k 4 --dtype f32 -o dists.fcs "$F/talk.jsonl"
	fc-view --verify dists.fcs
}

@test "experts: all of their tensors are trained and saved" {
	pivot '"model_type": "qwen3_moe", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
		"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2,
		"moe_intermediate_size": 24, "norm_topk_prob": true'
	[ "$(shape pivot model.layers.1.mlp.experts.3.down_proj.weight)" = "[32, 24]" ]
	train -o target
	python3 - <<-'EOF'
		import json, struct
		def load(folder):
		    raw = open(folder + "/model.safetensors", "rb").read()
		    n = struct.unpack("<Q", raw[:8])[0]
		    return {k: raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]]
		            for k, v in json.loads(raw[8:8 + n]).items() if k != "__metadata__"}
		a, b = load("pivot"), load("target")
		assert a.keys() == b.keys() and len(a) == 3 + 2 * (8 + 1 + 3 * 4), len(a)
		assert not [k for k in a if a[k] == b[k]]
	EOF
}

@test "a quantized model is no pivot, nor converted" {
	pivot '"model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4'
	for method in 'hqq not_supported' 'gptq neither_trained_nor_converted'; do
		# shellcheck disable=SC2086 # two words
		set -- $method
		python3 - "$1" <<-'EOF'
			import json, sys
			c = json.load(open("pivot/config.json"))
			c["quantization_config"] = {"quant_method": sys.argv[1]}
			json.dump(c, open("pivot/config.json", "w"))
		EOF
		run -1 fc-train -q -m pivot -o out "$F/tokens.fcs"
		[[ $output == *"$1"*"${2//_/ }"* ]]
		run -1 fc-convert -q -o out.gguf pivot
		[[ $output == *"$1"*"${2//_/ }"* ]]
	done
}
