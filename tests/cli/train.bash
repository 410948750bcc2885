# SPDX-License-Identifier: Apache-2.0
# What tests of trainings share: `load train`.
load ../helper

# train_setup N STEPS: in $F a tokenizer tok, a pivot that was trained so long on N conversations, and their streams of
# tokens and of the pivot's distributions.
train_setup() {
	export F=$BATS_FILE_TMPDIR D=$FC_ROOT/pipelines/demo
	python3 "$D/talk.py" --set train -n "$1" --seed 1 >"$F/talk.jsonl"
	python3 "$D/vocab.py" --kind gpt2 --size 300 --eos '<|end|>' -o "$F/tok" <"$F/talk.jsonl"
	cat >"$F/config.json" <<-'END'
		{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 304,
		"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
		"num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
		"max_position_embeddings": 256, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
		"tie_word_embeddings": true, "torch_dtype": "bfloat16"}
	END
	fc-infer -q --tokens -m "$F/tok" -o "$F/tokens.fcs" "$F/talk.jsonl"
	fc-train -q --init "$F/config.json" --tokenizer "$F/tok" --steps "$2" --batch-tokens 500 --lr 5e-3 \
		--dtype f32 -o "$F/pivot" "$F/tokens.fcs"
	fc-infer -q -m "$F/pivot" -k 4 --dtype f32 -o "$F/dists.fcs" "$F/talk.jsonl"
}
