#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Adapters in training: their folder, what fc-varm makes of it, and PEFT where that is installed.
load train

setup_file() {
	train_setup 40 60
	python3 "$D/talk.py" --set heldout -n 12 --seed 1 >"$F/heldout.jsonl"
	fc-infer -q --tokens -m "$F/tok" -o "$F/heldout.fcs" "$F/heldout.jsonl"
}

light=(--dtype f32 --epochs 2 --batch-tokens 400 --lr 1e-2)
lora() { # lora SPEC [OPTION...]
	local spec=$1
	shift
	fc-train -q -m "$F/pivot" "${light[@]}" --lora "$spec" "$@"
}
merge() { fc-varm -q -b "$F/pivot" --method linear --dtype f32 -o "$2" "$F/pivot+$1"; }
same_adapter() { cmp "$1/adapter_model.safetensors" "$2/adapter_model.safetensors"; }
header() { python3 -c 'import json,struct,sys; f=open(sys.argv[1],"rb"); n=struct.unpack("<Q",f.read(8))[0]; print(f.read(n).decode())' "$1"; }

@test "the result is a folder as PEFT writes it" {
	lora r=4,alpha=8,targets=q_proj,down_proj -o out "$F/tokens.fcs"
	[ "$(cd out && echo *)" = "adapter_config.json adapter_model.safetensors" ]
	jq -e --arg base "$F/pivot" '.peft_type == "LORA" and .task_type == "CAUSAL_LM" and .r == 4 and .lora_alpha == 8 and
		.target_modules == ["q_proj", "down_proj"] and .lora_dropout == 0 and .bias == "none" and
		.base_model_name_or_path == $base and .use_dora == false and .use_rslora == false and
		.fan_in_fan_out == false and .init_lora_weights == true' out/adapter_config.json
	header out/adapter_model.safetensors >names
	jq -e '.__metadata__ == {"format": "pt"} and (del(.__metadata__) | length) == 8 and
		(.["base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"] | .shape == [4, 32] and .dtype == "F32") and
		.["base_model.model.model.layers.0.mlp.down_proj.lora_A.weight"].shape == [4, 64] and
		.["base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"].shape == [32, 4]' names
	lora dora,rslora,r=2 -o all --save-dtype bf16 "$F/tokens.fcs"
	jq -e '.r == 2 and .lora_alpha == 32 and .use_dora and .use_rslora and .target_modules ==
		["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]' all/adapter_config.json
	header all/adapter_model.safetensors >names
	jq -e '(del(.__metadata__) | length) == 42 and
		(.["base_model.model.model.layers.1.mlp.up_proj.lora_magnitude_vector"] | .shape == [64] and .dtype == "BF16")' names
	# and may take the place of one
	lora r=4 -f -o out "$F/tokens.fcs"
}

@test "what is not trained is the base" {
	for spec in r=4 r=4,dora; do
		lora $spec --lr 0 -o out -f "$F/tokens.fcs"
		merge out merged
		fc-infer -q -m merged --dtype f32 -k 4 -o a.fcs "$F/heldout.jsonl"
		fc-infer -q -m "$F/pivot" --dtype f32 -k 4 -o b.fcs "$F/heldout.jsonl"
		fc-view --jsonl a.fcs | jq -c 'del(.source)' >a.jsonl
		fc-view --jsonl b.fcs | jq -c 'del(.source)' >b.jsonl
		[ "$(python3 "$FC_ROOT/tests/cli/near.py" a.jsonl b.jsonl 1e-3)" = near ]
		rm -r merged
	done
}

# The last held-out loss of a log.
last_eval() { jq -s 'map(select(.eval)) | .[-1].eval.nll' "$1"; }

@test "training lowers the loss, and the merged model has the adapter's" {
	for spec in r=8 r=8,alpha=4,rslora r=8,dora r=4,dora,targets=q_proj,v_proj; do
		lora $spec --epochs 6 --eval "$F/heldout.fcs" --log log -f -o out "$F/tokens.fcs"
		jq -es 'map(select(.eval).eval.nll) | .[-1] < .[0] - 0.01' log
		merge out merged
		fc-train -q -m merged --dtype f32 --steps 1 --lr 0 --eval "$F/heldout.fcs" --log merged.log -o none "$F/tokens.fcs"
		awk -v a="$(last_eval log)" -v b="$(last_eval merged.log)" 'BEGIN { print a, b; exit !(a > 0 && (a - b) ^ 2 < (1e-5 * a) ^ 2) }'
		rm -r merged none
	done
}

@test "merging: the model says how its matrices lie, where fan_in_fan_out does not" {
	echo '{"model_type": "gpt2", "vocab_size": 304, "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 256}' >gpt2.json
	fc-train -q --init gpt2.json --tokenizer "$F/tok" --steps 1 --dtype f32 -o gpt2 "$F/tokens.fcs"
	for base in "$F/pivot:q_proj" gpt2:c_proj; do
		fc-train -q -m "${base%:*}" "${light[@]}" --lora "r=4,targets=${base#*:}" -o out "$F/tokens.fcs"
		for i in 1 2; do
			run -0 fc-varm -b "${base%:*}" --method linear --dtype f32 -o merged$i "${base%:*}+out"
			sed -i '/fan_in_fan_out/{s/true/0/;s/false/true/;s/0/false/}' out/adapter_config.json
		done
		[[ $output == *"warning: out/adapter_config.json: fan_in_fan_out is "*", but the model's matrices are ["*"]; it is taken for "* ]]
		cmp merged1/model.safetensors merged2/model.safetensors
		rm -r out merged1 merged2
	done
}

@test "merging: an embedding that is the head, too, can't be changed for the inputs alone" {
	python3 - <<-'END'
		import json, os, struct
		os.mkdir("a")
		head = json.dumps({"base_model.model.model.embed_tokens.weight": {"dtype": "F32", "shape": [304, 32],
		                   "data_offsets": [0, 304 * 32 * 4]}}).encode()
		with open("a/adapter_model.safetensors", "wb") as f:
		    f.write(struct.pack("<Q", len(head)) + head + bytes(304 * 32 * 4))
		json.dump({"peft_type": "LORA", "r": 2, "lora_alpha": 2, "modules_to_save": ["embed_tokens"]},
		          open("a/adapter_config.json", "w"))
	END
	run -1 merge a merged
	[[ $output == *"a/adapter_config.json: the adapter changes model.embed_tokens.weight for the inputs alone, but"* ]]
	sed 's/"tie_word_embeddings": true/"tie_word_embeddings": false/' "$F/config.json" >untied.json
	fc-train -q --init untied.json --tokenizer "$F/tok" --steps 1 --dtype f32 -o untied "$F/tokens.fcs"
	fc-varm -q -b untied --method linear -o merged untied+a
}

@test "the same command gives the same bytes, and lanes hardly others" {
	lora r=4,dora --log a.log -o a "$F/dists.fcs"
	lora r=4,dora --log b.log -o b "$F/dists.fcs"
	lora r=4,dora -j 1 -o c "$F/dists.fcs"
	same_adapter a b
	cmp a.log b.log
	same_adapter a c
	lora r=4,dora --seed 2 -o d "$F/dists.fcs"
	run ! same_adapter a d
	lora r=4,dora --micro-tokens 100 --lanes 2 -o e "$F/dists.fcs"
}

@test "a resumed run gives the bytes of an uninterrupted one, another adapter is refused" {
	lora r=4,dora --epochs 4 -o whole "$F/dists.fcs"
	lora r=4,dora --epochs 4 --checkpoint state --checkpoint-every 7 -o part "$F/dists.fcs"
	[ "$(jq .step state/state.json)" -gt 0 ]
	lora r=4,dora --epochs 4 --checkpoint state --resume -o again "$F/dists.fcs"
	same_adapter whole part
	same_adapter whole again
	run lora r=4 --epochs 4 --checkpoint state --resume -o no "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"lora r=4,dora, this run has r=4; it cannot be resumed"* ]]
	run fc-train -q -m "$F/pivot" "${light[@]}" --epochs 4 --checkpoint state --resume -o no "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"was made with lora r=4,dora, this run has none"* ]]
}

@test "an adapter is gone on with" {
	for spec in r=4 r=3,alpha=6,dora,rslora,targets=o_proj,up_proj; do
		lora $spec -f -o first "$F/tokens.fcs"
		fc-train -q -m "$F/pivot" "${light[@]}" --lora-from first --lr 0 --eval "$F/heldout.fcs" --log log -f -o same "$F/tokens.fcs"
		same_adapter first same
		diff <(jq -S 'del(.target_modules)' first/adapter_config.json) <(jq -S 'del(.target_modules)' same/adapter_config.json)
		merge first merged
		fc-train -q -m merged --dtype f32 --steps 1 --lr 0 --eval "$F/heldout.fcs" --log merged.log -o none "$F/tokens.fcs"
		awk -v a="$(last_eval log)" -v b="$(last_eval merged.log)" 'BEGIN { print a, b; exit !(a > 0 && (a - b) ^ 2 < (1e-5 * a) ^ 2) }'
		rm -r merged none
	done
	cp -r first drops
	jq '.lora_dropout = 0.05' first/adapter_config.json >drops/adapter_config.json
	run -0 fc-train -q -m "$F/pivot" "${light[@]}" --lora-from drops --lr 0 -f -o same "$F/tokens.fcs"
	[[ $output == *"drops/adapter_config.json: lora_dropout 0.05: the adapters are gone on with without dropout"* ]]
	run lora r=4 --lora-from first -o no "$F/tokens.fcs"
	[ "$status" -eq 2 ]
	[[ $output == *"--lora-from says all that --lora can"* ]]
	refused() { # refused MESSAGE JQ-EDIT
		cp -r first bad
		jq "$2" first/adapter_config.json >bad/adapter_config.json
		run fc-train -q -m "$F/pivot" --lora-from bad --steps 1 -o no "$F/tokens.fcs"
		[ "$status" -eq 1 ]
		[[ $output == *"$1"* ]]
		[ ! -e no ]
		rm -r bad
	}
	refused "rank_pattern: adapters of one rank and scale are trained here" '.rank_pattern = {"o_proj": 3}'
	refused "alpha_pattern: adapters of one rank" '.alpha_pattern = {"o_proj": 3}'
	refused "target_modules is no list of names" '.target_modules = "o_.*"'
	refused "up_proj.lora_A.weight is not of the adapters that are trained here" '.target_modules = ["o_proj"]'
	refused "lora_A.weight [3, 32] is missing" '.target_modules = ["o_proj", "up_proj", "q_proj"]'
	refused "is F32 [3, 32], expected numbers of shape [4, 32]" '.r = 4'
	refused "lora_magnitude_vector is not of the adapters" '.use_dora = false'
	refused '"use_qalora": true is not done here' '.use_qalora = true'
	refused '"olora": the adapter is on what is left' '.init_lora_weights = "olora"'
	refused 'an adapter of type IA3' '.peft_type = "IA3"'
}

@test "preferences: a step over pairs" {
	python3 "$FC_ROOT/tests/cli/pairs.py" <"$F/talk.jsonl" >pairs.jsonl
	fc-infer -q -m "$F/pivot" --dtype f32 -o pairs.fcs pairs.jsonl
	lora r=4 --preference dpo --epochs 4 --log log -o out pairs.fcs
	# at first the model is the reference: ln 2
	jq -es '.[0].loss > 0.6930 and .[0].loss < 0.6933 and (map(.loss) | min < 0.6)' log
}

refuse() { # refuse MESSAGE OPTION...
	local message=$1
	shift
	run fc-train -q -m "$F/pivot" --steps 1 -o no "$@" "$F/tokens.fcs"
	[ "$status" -ne 0 ]
	[[ $output == *"$message"* ]]
	[ ! -e no ]
}

@test "what is asked wrongly is refused" {
	refuse "--lora: dropout=0.1: adapters are trained without dropout here" --lora r=4,dropout=0.1
	refuse "--lora: r=0: expected a number from 1" --lora r=0
	refuse "--lora: r=2.5: a rank is a whole number" --lora r=2.5
	refuse "--lora: alpha=x: expected a number" --lora alpha=x
	refuse "'q_proj' is neither r=" --lora q_proj
	refuse "'rank=' is neither r=" --lora rank=4
	refuse "all-linear stands alone" --lora targets=all-linear,q_proj
	refuse "dora is there twice" --lora dora,dora
	refuse "a module without a name" --lora targets=
	refuse "target lm_head: the embedding, the output layer" --lora targets=q_proj,lm_head
	refuse "target c_attn: the model has no module of that name; linears that get adapters are q_proj, k_proj" --lora targets=c_attn
	refuse "--update is the change of a model's weights" --lora r=4 --update x.fcs
	run fc-train --init "$F/config.json" --tokenizer "$F/tok" --lora r=4 -o no "$F/tokens.fcs"
	[ "$status" -eq 2 ]
	[[ $output == *"--lora adapts a model (-m)"* ]]
	fc-train -q -m "$F/pivot" --lora r=4,dropout=0 --dry-run -o no
	run fc-train -q -m "$F/pivot" --lora targets=lm_head --dry-run -o no
	[ "$status" -eq 1 ]
	command -v mpirun >/dev/null && [ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "needs mpirun for the rest"
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
	run timeout -k 5 100 mpirun -n 2 fc-train -q -m "$F/pivot" --lora r=4 -o no "$F/tokens.fcs"
	[ "$status" -ne 0 ]
	[[ $output == *"adapters are trained by one process, not by 2"* ]]
}

@test "a GGUF base: the adapter fits the model's own order of rows" {
	fc-convert -q --type bf16 --pre gpt-2 -o base.gguf "$F/pivot"
	fc-convert -q --type bf16 -o folder base.gguf # with the tokenizer that a GGUF file can name
	fc-infer -q --tokens -m base.gguf -o tokens.fcs "$F/talk.jsonl"
	for base in folder base.gguf; do
		fc-train -q -m $base "${light[@]}" --lora r=4,dora -o "$base.lora" tokens.fcs
	done
	same_adapter folder.lora base.gguf.lora
	fc-varm -q -b base.gguf --method linear --dtype f32 -o - base.gguf+base.gguf.lora >merged.fcs
}

@test "products in bfloat16, a base of blocks" {
	fc-convert -q --type q8_0 --pre gpt-2 -o base.gguf "$F/pivot"
	fc-infer -q --tokens -m base.gguf -o tokens.fcs "$F/talk.jsonl"
	for spec in r=8 r=8,dora; do
		fc-train -q -m base.gguf "${light[@]}" --dtype bf16 --epochs 6 --lora $spec --eval tokens.fcs --log log -f -o out tokens.fcs
		jq -es 'map(select(.eval).eval.nll) | .[-1] < .[0] - 0.01' log
	done
}

# The most bytes that a training has of its device.
far_bytes() {
	FC_FAR_TELL=tell fc-train -q -m "$F/pivot" "${light[@]}" --steps 1 --micro-tokens 256 --device far -f -o far "$@" "$F/tokens.fcs"
	cut -d' ' -f1 tell
}

@test "another device: the same bytes, and memory by the formula" {
	lora r=4,dora -o cpu "$F/dists.fcs"
	lora r=4,dora --device far -o far "$F/dists.fcs"
	same_adapter cpu far
	# parameters of the model, and of its vectors, which are kept in float32
	local n v=$((2 * 2 * 32 + 32)) linear=$((2 * (32 + 32 + 32 + 16 + 32 + 16 + 32 + 32 + 3 * (32 + 64))))
	n=$((304 * 32 + 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64) + v))
	whole=$(far_bytes --layers-kept 1)
	small=$(far_bytes --lora r=1)
	large=$(far_bytes --lora r=5)
	# 16 bytes of each parameter of adapters, and two rows of the rank for each token, rounded up to 16
	awk -v d=$((large - small)) -v p=$((4 * linear)) 'BEGIN { print d, 16 * p; exit !(d >= 16 * p && d <= 16 * p + 4 * 4 * (2 * 256 + 1)) }'
	# the base has 2 bytes a parameter in place of 16
	awk -v d=$((whole - small)) -v n=$n -v v=$v -v p=$linear 'BEGIN { want = 14 * n - 2 * v - 16 * p; print d, want; exit !(d <= want && d >= want - 4 * (2 * 256 + 1)) }'
}

# The python that FC_PEFT_PYTHON names, or the first one, with these from PyPI.
@test "PEFT trains the same, and merges to the same model" {
	py=${FC_PEFT_PYTHON:-python3}
	"$py" -c 'import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ["peft", "transformers", "torch"])))' ||
		skip "needs peft, transformers and torch (PyPI)"
	fc-view --jsonl "$F/tokens.fcs" >tokens.jsonl
	local n=0 common=(-q -m "$F/pivot" --dtype f32 --batch-tokens 100000 --schedule constant --warmup 0 --clip 0
		--eps 1e-3 --weight-decay 0.01)
	for spec in r=4 r=4,alpha=4,rslora r=4,dora r=2,dora,targets=o_proj,up_proj; do
		mkdir $((++n))
		fc-train "${common[@]}" --lora "$spec" --steps 1 --lr 0 -o $n/start "$F/tokens.fcs"
		fc-train "${common[@]}" --lora "$spec" --steps 4 --lr 1e-2 --log $n/log -o $n/ours "$F/tokens.fcs"
		merge $n/ours $n/merged
	done
	"$py" "$FC_ROOT/tests/cli/peft_train.py" "$F/pivot" tokens.jsonl 4 1e-2 1e-3 0.01 1 2 3 4
	# PEFT's own folder is read, and what is written of it has the same numbers again
	for n in 1 2 3 4; do
		fc-train "${common[@]}" --steps 1 --lr 0 --lora-from $n/theirs -o $n/again "$F/tokens.fcs"
	done
	"$py" "$FC_ROOT/tests/cli/peft_train.py" --same 1 2 3 4
}
