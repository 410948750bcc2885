#!/usr/bin/env bats
# Merge recipes: fc-varm --recipe.
load ../helper

data() { echo "$FC_ROOT/tests/data/recipe"; }

models() { python3 "$(data)/models.py" .; }

agree() { # agree RECIPE...: with what mergekit made of it
	for r; do
		fc-varm -q --recipe "$(data)/$r.yml" -o "out-$r"
		python3 "$(data)/check.py" "out-$r" "$r"
	done
}

# A message that fc-varm must end with 1 and, for a recipe on standard input; nothing is written.
refused() { # refused MESSAGE <RECIPE
	run fc-varm -q --recipe - -o out
	[ "$status" -eq 1 ] || { echo "status $status, expected: $1"; false; }
	[[ "$output" == *"$1"* ]] || { echo "got: $output; expected: $1"; false; }
	[ ! -e out ]
}

@test "the results of mergekit: gradients, filters, layers stacked, several documents, heads" {
	models
	agree linear-gradient passthrough several untied
	run ls -A
	[[ "$output" != *tmp* ]]
}

@test "the results of mergekit: slerp over a gradient, ties, slices with bases" {
	models
	agree slerp-gradient ties slices
}

@test "the results of mergekit: vocabularies of the base, of a model, united, padded" {
	models
	agree union tokens tokens-base tokens-model
	python3 - <<-EOF2
		import json
		c = json.load(open("out-union/tokenizer_config.json"))
		t = json.load(open("out-union/tokenizer.json"))
		assert c["added_tokens_decoder"]["9"]["content"] == "<tool>", c
		assert [x["id"] for x in t["added_tokens"]] == [5, 6, 7, 8, 9], t
	EOF2
	cmp out-tokens-model/tokenizer.json chat/tokenizer.json
	cmp out-tokens-base/tokenizer.json base/tokenizer.json
	refused "base has no tokenizer.json" < <(rm base/tokenizer.json && cat "$(data)/union.yml")
}

@test "vocabularies: the head of every architecture, and the size in the part for text" {
	models
	fc-varm -q --recipe "$(data)/tokens.yml" -o want
	python3 - <<-'END'
		import json, struct
		NAMES = {"model.embed_tokens.weight": "model.tok_embeddings.weight", "lm_head.weight": "output.weight"}
		for folder in "base", "chat", "other", "want":
		    raw = open(folder + "/model.safetensors", "rb").read()
		    n = struct.unpack("<Q", raw[:8])[0]
		    head = {NAMES.get(k, k): v for k, v in json.loads(raw[8:8 + n]).items()}
		    text = json.dumps(head).encode()
		    with open(folder + "/model.safetensors", "wb") as f:
		        f.write(struct.pack("<Q", len(text)) + text + raw[8 + n:])
		    c = json.load(open(folder + "/config.json"))
		    json.dump({"model_type": "seer", "text_config": c}, open(folder + "/config.json", "w"))
	END
	fc-varm -q --recipe "$(data)/tokens.yml" -o out
	[ "$(jq -c '[.vocab_size, .text_config.vocab_size]' out/config.json)" = '[null,16]' ]
	fc-varm -q -b want --method passthrough -o same want
	fc-varm -q -b out --method passthrough -o mine out
	cmp same/model.safetensors mine/model.safetensors
}

@test "vocabularies that cannot be united, tokens that are not there" {
	models
	sed -i 's/"e": 4/"f": 4/' other/tokenizer.json
	refused "token 'f' of other is not in the vocabulary of the base" <"$(data)/union.yml"
	models
	for bad in "<|im_end|>: {source: a}" "x: {source: {kind: model_token, model: a, token_id: 99}}" \
		"x: {source: {kind: model_token, model: a, token: none}}"; do
		refused "no such token or row" <<-EOF2
			models: [{model: a, parameters: {weight: 1}}, {model: chat, parameters: {weight: 1}}]
			merge_method: linear
			tokenizer: {source: union, tokens: {"y": {source: chat, force: true}, $bad}}
		EOF2
	done
	refused "comes from a model that is not merged into tensor" <<-EOF2
		models: [{model: a}]
		merge_method: passthrough
		tokenizer: {tokens: {x: {source: b}}}
	EOF2
	refused "without source" <<<'{models: [{model: a}], merge_method: passthrough, tokenizer: {tokens: {x: {force: true}}}}'
	refused "kind: expected" <<<'{models: [{model: a}], merge_method: passthrough, tokenizer: {tokens: {x: {source: {kind: y}}}}}'
	echo '{"model": {"vocab": 3}}' >a/tokenizer.json
	refused "a: tokenizer.json: no vocabulary" <<<'{models: [{model: a}], merge_method: passthrough, tokenizer_source: base}'
	echo '{"model": {"vocab": {"a": -1}}}' >a/tokenizer.json
	refused "numbers from 0" <<<'{models: [{model: a}], merge_method: passthrough, tokenizer_source: base}'
}

@test "chat templates: the most common one, a known one, one given" {
	models
	one() { # one TEMPLATE MODEL...
		fc-varm -q --recipe - -o "$1-out" <<<"{models: [$(printf '{model: %s, parameters: {weight: 1}},' "${@:2}")], merge_method: linear, chat_template: $1}"
	}
	one auto a base b
	[ "$(cat auto-out/chat_template.jinja)" = '{{ messages }}' ]
	for name in chatml llama3 mistral alpaca exaone; do one "$name" a; done
	[[ "$(cat chatml-out/chat_template.jinja)" == *"<|im_start|>"* ]]
	python3 -c '
import json
assert "im_start" in json.load(open("chatml-out/tokenizer_config.json"))["chat_template"]'
	one '"{{ 1 }}"' a
	[ "$(cat '"{{ 1 }}"-out/chat_template.jinja')" = '{{ 1 }}' ]
	refused "chat_template: expected auto" <<<'{models: [{model: a}], merge_method: passthrough, chat_template: vicuna}'
}

@test "the results of mergekit and PEFT: adapters applied on the fly" {
	models
	agree lora rslora dora
	refused "the model of line 3 again" <<-EOF2
		merge_method: linear
		models:
		  - {model: {model: {path: base}, lora: lora}, parameters: {weight: 1}}
		  - {model: base+lora, parameters: {weight: 1}}
	EOF2
	refused "no model 'none'" <<<'{models: [{model: base+none}], merge_method: passthrough}'
	mkdir base+lora # a folder of that name is no adapter
	cp a/* base+lora
	fc-varm -q --recipe - -o copy <<<'{models: [{model: base+lora}], merge_method: passthrough}'
	cmp copy/model.safetensors <(fc-varm -q --recipe - -o a2 <<<'{models: [{model: a}], merge_method: passthrough}' && cat a2/model.safetensors)
}

@test "a recipe and a card in the result, without paths" {
	models
	mkdir -p hub/org
	mv a hub/org/a
	mv b hub/b
	cat >r.yml <<-EOF2
		# nobody's business
		models:
		  - {model: org/a, parameters: {weight: 2}}
		  - {model: other/b, parameters: {weight: 1}}
		  - {model: $PWD/c, parameters: {weight: 1}}
		merge_method: linear
	EOF2
	fc-varm -q --recipe r.yml --models hub -o one --report one.tsv
	fc-varm -q -j1 --recipe - --models hub -o two <r.yml
	diff -r one two
	run ! grep -r -e "$PWD" -e nobody one
	grep -q '^  - model: org/a$' one/mergekit_config.yml
	grep -q '^  - model: c$' one/mergekit_config.yml
	grep -q '^| all | 39 | 0.5000 | 0.2500 | 0.2500 |$' one/README.md
	[ "$(head -n 1 one.tsv | cut -f 1-5)" = "$(printf 'tensor\telements\ta\tb\tc')" ]
	# the recipe in the result makes the result again
	mv c hub/c
	fc-varm -q --recipe one/mergekit_config.yml --models hub -o again
	diff -r one again
}

@test "what is wrong is named with its line" {
	models
	refused "-:1: no model 'org/none'" <<<'{models: [{model: org/none, parameters: {weight: 1}}], merge_method: linear}'
	refused "-:2: no merge_method 'magic'" <<-EOF2
		models: [{model: a}]
		merge_method: magic
	EOF2
	refused "; see tokenizer_source" <<-EOF2
		models: [{model: a, parameters: {weight: 1}}, {model: wide, parameters: {weight: 1}}]
		merge_method: linear
	EOF2
	refused "layers up to 5, but a has 4" <<-EOF2
		slices: [{sources: [{model: a, layer_range: [0, 5]}]}]
		merge_method: passthrough
	EOF2
	refused "-:1: linear needs a value of 'weight' for tensor lm_head.weight" \
		<<<'{models: [{model: a}], merge_method: linear}'
	refused "varm needs a base_model" <<<'{models: [{model: a}], merge_method: varm}'
	refused "the base_model of line 1 is not among the sources" \
		<<<'{slices: [{sources: [{model: a, layer_range: [0, 4]}]}], merge_method: varm, base_model: base}'
	refused "passthrough merges 1 models, here are 2" \
		<<<'{models: [{model: a}, {model: b}], merge_method: passthrough}'
	refused "type 'int4'" <<<'{models: [{model: a}], merge_method: passthrough, dtype: int4}'
	refused "tensor lm_head.weight differs from model.embed_tokens.weight" <<-EOF2
		models: [{model: tied, parameters: {weight: 1}}, {model: a, parameters: {weight: 1}}]
		merge_method: linear
	EOF2
	refused "needs its own result" <<-EOF2
		{name: x, models: [{model: "y"}], merge_method: passthrough}
		---
		{name: "y", models: [{model: x}], merge_method: passthrough}
		---
		{models: [{model: x}], merge_method: passthrough}
	EOF2
	refused "no recipe in it" </dev/null
	refused "has no name too" <<-EOF2
		{models: [{model: a}], merge_method: passthrough}
		---
		{models: [{model: b}], merge_method: passthrough}
	EOF2
	run ls -A
	[[ "$output" != *tmp* ]]
}

@test "a parameter of another method is warned about" {
	models
	run --separate-stderr fc-varm -q --recipe - -o out <<<'{models: [{model: a, parameters: {density: 0.5}}], merge_method: passthrough}'
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = "fc-varm: warning: -:1: passthrough has no parameter density: ignored, as in mergekit" ]
	cmp out/model.safetensors <(fc-varm -q --recipe - -o copy <<<'{models: [{model: a}], merge_method: passthrough}' && cat copy/model.safetensors)
}

@test "--force does not replace a model that is read" {
	models
	run fc-varm -q --force --recipe - -o a <<<'{models: [{model: a}, {model: b}], merge_method: model_stock, base_model: base}'
	[ "$status" -eq 2 ]
	[[ $output == *"--output a: is a, which is read"* ]]
	[ -f a/config.json ]
	fc-varm -q --force --recipe - -o c <<<'{models: [{model: a}, {model: b}], merge_method: model_stock, base_model: base}'
}

@test "usage: a recipe stands alone" {
	models
	for args in "--recipe r.yml" "--recipe r.yml -o out -b base" "--recipe r.yml -o out a" \
		"--recipe r.yml -o out --dtype f16" "--recipe r.yml -o out --method linear"; do
		# shellcheck disable=SC2086 # a list of words
		run fc-varm $args
		[ "$status" -eq 2 ] || { echo "$args: $status"; false; }
	done
	run fc-varm --recipe none.yml -o out
	[ "$status" -eq 1 ]
	mkdir there
	run fc-varm --recipe none.yml -o there
	[ "$status" -eq 1 ]
	[[ "$output" == *"exists already"* ]]
}

@test "streams of tensors: as a result and as models, from files and pipes" {
	models
	export TMPDIR=$PWD/tmp
	mkdir tmp
	fc-varm -q -b base -o folder a b
	fc-varm -q -b base -o - a b >s.fcs
	fc-view --verify s.fcs
	fc-view --tsv s.fcs >s.txt
	grep -qP '^lm_head.weight\tF32\t\[7, 4\]\t112$' s.txt
	same() { cmp folder/model.safetensors "$1/model.safetensors"; }
	fc-varm -q -b base -o file s.fcs
	same file
	fc-varm -q -b base -o process <(cat s.fcs)
	same process
	fc-varm -q -b base -o pipe - <s.fcs
	same pipe
	# a pivot without files beside the weights
	fc-varm -q -b s.fcs -o pivot s.fcs
	same pivot
	[ ! -e pivot/config.json ]
	fc-varm -q --recipe <(echo "{models: [{model: '-'}], merge_method: passthrough}") -o recipe <s.fcs
	same recipe
	# of two documents, one made on the way
	fc-varm -q --recipe "$(data)/several.yml" -o - | fc-varm -q -b base -o several -
	fc-varm -q --recipe "$(data)/several.yml" -o several2
	cmp several/model.safetensors several2/model.safetensors
	head -c 4000 s.fcs >cut.fcs
	run fc-varm -q -b base -o cut cut.fcs
	[ "$status" -eq 1 ]
	[ ! -e cut ]
	run fc-varm -q -b base -o - --report - a
	[ "$status" -eq 2 ]
	run pipe 'fc-varm -q -b base -o - a b >/dev/full'
	[ "$status" -eq 1 ]
	# nothing stays, also not after a pipe that is closed
	pipe 'fc-varm -q -b base -o - a b | true' || true
	[ -z "$(ls -A tmp)" ]
}

@test "the example recipes work, and say the same at any number of threads" {
	models
	mkdir hub
	for pair in pivot:base target-a:a target-b:b target-c:c chat-target:chat adapter-a:lora \
		adapter-b:rslora; do
		cp -r "${pair#*:}" "hub/${pair%:*}"
	done
	n=0
	for r in "$FC_ROOT"/pipelines/recipes/*.yml; do
		name=$(basename "$r" .yml)
		fc-varm -q -j1 --recipe "$r" --models hub -o "$name" 2>errors
		[ ! -s errors ] || { cat errors; false; }
		fc-varm -q -j2 --recipe "$r" --models hub -o again
		cmp "$name/model.safetensors" again/model.safetensors
		rm -r again
		n=$((n + 1))
	done
	[ "$n" -ge 8 ]
	run ! cmp adapters/model.safetensors hub/pivot/model.safetensors
	grep -q im_start chat-union/tokenizer.json
	grep -q '"num_hidden_layers": 6' stack/config.json
}

@test "vocabularies that differ are refused where nothing sorts them, unless asked for" {
	models
	for m in base a b c; do
		cat >$m/tokenizer.json <<-EOF2
			{"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
			 "post_processor": null, "decoder": null,
			 "model": {"type": "BPE", "merges": [], "vocab": {"x": 0, "y": 1, "z": 2}}}
		EOF2
	done
	sed -i 's/"y": 1, "z": 2/"y": 2, "z": 1/' b/tokenizer.json
	local message="b: token 1 is 'z', in base it is 'y'"
	refused "$message" <<<'{models: [{model: a}, {model: b}], merge_method: varm, base_model: base}'
	run fc-varm --dry-run --recipe - <<<'{models: [{model: a}, {model: b}], merge_method: varm, base_model: base}'
	[ "$status" -eq 1 ]
	fc-varm -q --any-tokenizer --recipe - -o any <<<'{models: [{model: a}, {model: b}], merge_method: varm, base_model: base}'
	fc-varm -q --recipe - -o same <<<'{models: [{model: a}, {model: c}], merge_method: varm, base_model: base}'
	fc-varm -q --recipe - -o sorted <<<'{models: [{model: a}, {model: b}], merge_method: varm, base_model: base, tokenizer_source: base}'
	# what gives neither embedding nor head may have what it likes
	fc-varm -q --recipe - -o middle <<-EOF2
		slices:
		  - sources: [{model: a, layer_range: [0, 1]}]
		  - sources: [{model: b, layer_range: [0, 1]}]
		  - sources: [{model: a, layer_range: [2, 4]}]
		merge_method: passthrough
	EOF2
	refused "b: token 1 is 'z', in a it is 'y'" <<-EOF2
		slices:
		  - sources: [{model: a, layer_range: [0, 1]}]
		  - sources: [{model: b, layer_range: [0, 1]}]
		merge_method: passthrough
	EOF2
}

@test "a merge by options: its recipe makes the same weights again" {
	models
	made() { # made NAME OPTION...: by options, then by the recipe in the result
		fc-varm -q -b base -o "$@"
		fc-varm -q --recipe "$1/mergekit_config.yml" -o "again-$1"
		cmp "$1/model.safetensors" "again-$1/model.safetensors"
		diff <(python3 -m json.tool --sort-keys "$1/config.json") <(python3 -m json.tool --sort-keys "again-$1/config.json")
	}
	made varm a b c
	made absolute --granularity layer --absolute --temperature 0.3 a b bf16 --dtype bf16
	made parameter --granularity parameter a b
	made sce --method fusechat-sce --select-topk 0.3 a b c
	made sce-mergekit --method mergekit-sce a b c
	made linear --method linear --weight 0.1,2,-3e-9 a b c
	made task_arithmetic --method task_arithmetic --weight 0.25,1 --lambda 1.5 --normalize yes a b
	made ties --method ties --density 0.3,0.7 --weight 1,2 --rescale yes a b
	made dare_linear --method dare_linear --density 0.5 --seed 7 a b
	made dare_ties --method dare_ties --density 0.5 --rescale no --seed 7 a b
	made della --method della --density 0.5 --epsilon 0.3,0.2 --seed 7 a b
	made della_linear --method della_linear --density 0.5 --seed 7 a b c
	made breadcrumbs --method breadcrumbs --density 0.5 --gamma 0.1 a b
	made breadcrumbs_ties --method breadcrumbs_ties --density 0.5 a b
	made slerp --method slerp --t 0.3 a
	made nuslerp --method nuslerp --nuslerp-flatten no --nuslerp-row-wise --weight 1,3 a b
	made multislerp --method multislerp --weight 1,3,2 a b c
	made karcher --method karcher a b c
	made model_stock --method model_stock --filter-wise a b
	made nearswap --method nearswap --t 0.01 a
	made arcee_fusion --method arcee_fusion a
	made ramplus_tl --method ramplus_tl --epsilon 0.01 --r 0.3 --alpha 0.4 a b
	made multislerp-eps --method multislerp --normalize no --eps 0.01 a b
	made karcher-3 --method karcher --max-iter 3 --tol 0.01 a b
	made passthrough --method passthrough --scale 0.25 a
	made seed --method dare_linear --density 0.5 --seed 18446744073709551615 a b
	grep -q '^  - model: a$' ties/mergekit_config.yml
	grep -q '^      density: 0.3$' ties/mergekit_config.yml
	grep -q '^base_model: base$' ties/mergekit_config.yml
	grep -q '^      weight: -3.0e-09$' linear/mergekit_config.yml
	grep -q '^# A merge by fusechat-sce$' sce/README.md
	grep -q '^merge_method: fusechat-sce$' sce/mergekit_config.yml
	grep -q '^merge_method: sce$' sce-mergekit/mergekit_config.yml
	grep -q '^# A merge by mergekit-sce$' sce-mergekit/README.md
	grep -q '^| all | 39 | ' varm/README.md
	# paths are not told, and names that they share are told apart
	mkdir -p deep/a && cp a/* deep/a
	fc-varm -q -b "$PWD/base" -o paths "$PWD/a" "$PWD/deep/a" --dtype f16
	run ! grep -r "$PWD" paths
	grep -q '^  - model: "a#2"$' paths/mergekit_config.yml
	grep -q '^dtype: float16$' paths/mergekit_config.yml
}

@test "adapters beside models, without a recipe" {
	models
	fc-varm -q -b base -o options --method linear base+lora base+rslora
	fc-varm -q --recipe - -o recipe <<-EOF2
		models:
		  - {model: base+lora, parameters: {weight: 1}}
		  - {model: base+rslora, parameters: {weight: 1}}
		merge_method: linear
	EOF2
	cmp options/model.safetensors recipe/model.safetensors
	run ! cmp -s options/model.safetensors base/model.safetensors
	grep -q '^| base+lora | ' options/README.md
	run fc-varm -q -b base -o out base+none
	[ "$status" -eq 1 ]
	[[ $output == *none* ]]
	[ ! -e out ]
}

@test "OLoRA: what PEFT took out of the base for its start is taken out here" {
	[ -d "$FC_SHARED/faults/lora_olora" ] || skip "no shared/faults"
	local base="$FC_SHARED/faults/base"
	fc-varm -q -b "$base" --method linear -o out "$base+$FC_SHARED/faults/lora_olora"
	# the last rows' first values after PEFT 0.21.2's merge_and_unload()
	python3 - "$(data)" <<-'EOF2'
		import sys
		sys.path.insert(0, sys.argv[1])
		import models
		m = models.read_safetensors("out/model.safetensors")
		for name, want in {
		        "layers.0.self_attn.q_proj": [0.23916759, 0.11515972, 0.24785817, -0.36270469],
		        "layers.1.mlp.down_proj": [0.23623089, -0.2894896, 0.66170841, 0.62778008]}.items():
		    (rows, columns), v = m[f"model.{name}.weight"]
		    have = v[(rows - 1) * columns:][:4]
		    assert all(abs(x - y) < 1e-6 for x, y in zip(have, want)), (name, have)
	EOF2
}

@test "adapters whose start can't be made again are refused by name, with the way out" {
	[ -d "$FC_SHARED/faults/lora_pissa" ] || skip "no shared/faults"
	run fc-varm -b "$FC_SHARED/faults/base" --method linear -o out \
		"$FC_SHARED/faults/base+$FC_SHARED/faults/lora_pissa"
	[ "$status" -eq 1 ]
	[[ $output == *"\"init_lora_weights\": \"pissa\" takes a part out"* ]]
	[[ $output == *"save_pretrained(..., path_initial_model_for_weight_conversion=FOLDER)"* ]]
	[ ! -e out ]
}

# Models of five layers, one tensor each, and a configuration.
layered() { # layered NAME CONFIG
	python3 - "$@" <<-'EOF'
		import json, os, struct, sys
		name, config = sys.argv[1:]
		os.makedirs(name, exist_ok=True)
		head = {"model.layers.%d.n.weight" % i: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]}
		        for i in range(5)}
		text = json.dumps(head).encode()
		with open(name + "/model.safetensors", "wb") as f:
		    f.write(struct.pack("<Q", len(text)) + text + struct.pack("<5f", *range(5)))
		c = {"num_hidden_layers": 5} | json.loads(config)
		with open(name + "/config.json", "w") as f:
		    json.dump(c, f)
	EOF
}

slices() { # slices NAME:FROM-TO... >RECIPE
	echo 'merge_method: passthrough'
	echo 'slices:'
	for s in "$@"; do
		printf -- '- sources: [{model: %s, layer_range: [%s, %s]}]\n' "${s%:*}" \
			"$(cut -d- -f1 <<<"${s#*:}")" "$(cut -d- -f2 <<<"${s#*:}")"
	done
}

@test "what is said of single layers moves with them, by a list or by a rule" {
	local S='"sliding_attention"' F='"full_attention"'
	layered list '{"model_type": "gemma3_text", "layer_types": '"[$S, $F, $S, $F, $S]}"
	layered rule '{"model_type": "gemma3_text", "sliding_window_pattern": 2}'
	layered wrapped '{"num_hidden_layers": null, "text_config": {"num_hidden_layers": 5,
		"model_type": "gemma3_text", "sliding_window_pattern": 2}}'
	for m in list rule wrapped; do
		slices $m:1-4 $m:2-4 >r.yml
		fc-varm -q --recipe r.yml -o "out-$m"
		jq -e '(.text_config // .) | .num_hidden_layers == 5 and .sliding_window_pattern == null and
			[.layer_types[] | .[:1]] == ["f", "s", "f", "s", "f"]' "out-$m/config.json"
	done
	layered nope '{"model_type": "smollm3", "no_rope_layers": [1, 1, 1, 0, 1], "eos_token_id": [1, 2, 3, 4, 5]}'
	slices nope:0-5 nope:2-4 >r.yml
	fc-varm -q --recipe r.yml -o out-nope
	jq -e '.no_rope_layers == [1, 1, 1, 0, 1, 1, 0] and .eos_token_id == [1, 2, 3, 4, 5]' out-nope/config.json
	# layers in their places: nothing to say
	slices rule:0-2 rule:2-5 >r.yml
	fc-varm -q --recipe r.yml -o out-same
	jq -e '.layer_types == null and .sliding_window_pattern == 2' out-same/config.json
}

@test "slices of a model whose rule is not known are refused by its name" {
	layered new '{"model_type": "new", "sliding_window_pattern": 2}'
	layered idx '{"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true}'
	layered none '{"num_hidden_layers": null}'
	for m in new:sliding_window_pattern idx:scale_attn_by_inverse_layer_idx none:number; do
		slices "${m%:*}:1-4" >r.yml
		run fc-varm -q --recipe r.yml -o out
		[ "$status" -eq 1 ]
		[[ $output == *"${m#*:}"* ]]
		[ ! -e out ]
	done
	slices new:0-5 >r.yml
	fc-varm -q --recipe r.yml -o out
}

@test "layers of two kinds merged: the first one's, with a warning" {
	layered a '{"model_type": "gemma2"}'
	layered b '{"model_type": "gemma2"}'
	cat >r.yml <<-'EOF'
		merge_method: linear
		slices:
		- sources:
		  - {model: a, layer_range: [0, 2], parameters: {weight: 1}}
		  - {model: b, layer_range: [1, 3], parameters: {weight: 1}}
	EOF
	run fc-varm -q --recipe r.yml -o out
	[ "$status" -eq 0 ]
	[[ $output == *"layer 1 of b is of another kind (config.json: layer_types) than layer 0 of a"* ]]
	jq -e '[.layer_types[] | .[:1]] == ["s", "f"]' out/config.json
}

@test "della: density and epsilon must leave probabilities; ram and its parameters" {
	layered a '{"model_type": "llama"}'
	layered b '{"model_type": "llama"}'
	recipe() { # recipe METHOD PARAMETERS
		printf 'models: [{model: b, parameters: {weight: 1, %s}}]\nmerge_method: %s\nbase_model: a\n' "$2" "$1"
	}
	for values in 'density: 0.9' 'density: 0.1' 'density: 0.5, epsilon: 0.5'; do
		for method in della della_linear della-paper della_linear-paper; do
			recipe $method "$values" >r.yml
			run fc-varm -q --recipe r.yml -o out
			[ "$status" -eq 1 ]
			[[ $output == *"r.yml:2: tensor "*"density"*"with epsilon"* ]]
			[ ! -e out ]
		done
	done
	for values in 'density: 1' 'density: 0' 'density: 0.84'; do
		recipe della "$values" >r.yml
		fc-varm -q --recipe r.yml -f -o out
	done
	printf 'models: [{model: b}]\nmerge_method: ramplus_tl\nbase_model: a\n' >r.yml
	echo 'parameters: {r: 0.3, alpha: 0.4, epsilon: 0.001}' >>r.yml
	fc-varm -q --recipe r.yml -f -o out
	fc-varm -q -b a --method ramplus_tl -o options b
	grep -qx '  epsilon: 1.0e-05' options/mergekit_config.yml
	grep -qx '  r: 0.1' options/mergekit_config.yml
	grep -qx '  alpha: 0.2' options/mergekit_config.yml
	fc-varm -q --recipe options/mergekit_config.yml -o again
	cmp options/model.safetensors again/model.safetensors
}

@test "union: tokens that only files beside tokenizer.json name; templates in every form" {
	kit="$FC_ROOT/pipelines/demo/kit/strings"
	for m in base more; do
		fc-varm -q --recipe - -o $m <<<"{models: [{model: $kit}], merge_method: passthrough, tokenizer: {source: base, pad_to_multiple_of: 520}}"
		jq 'del(.added_tokens_decoder)' "$kit/tokenizer_config.json" >$m/tokenizer_config.json
	done
	# Transformers 5.24: AutoTokenizer of more has both, with these ids
	echo '{"<|new|>": 512, "<plain>": 513}' >more/added_tokens.json
	echo '{"additional_special_tokens": ["<|new|>"]}' >more/special_tokens_map.json
	union() { # union OUT
		fc-varm -q --recipe - -o "$1" <<-END
			base_model: base
			models: [{model: base, parameters: {weight: 1}}, {model: more, parameters: {weight: 1}}]
			merge_method: linear
			tokenizer_source: union
			chat_template: auto
		END
	}
	union out
	[ "$(jq -c '[.added_tokens[] | select(.id > 511) | [.id, .content, .special]]' out/tokenizer.json)" = \
		'[[512,"<|new|>",true],[513,"<plain>",false]]' ]
	# the other way round: what the base has so is the result's
	mv base third && mv more base && mv third more
	union again
	cmp base/added_tokens.json again/added_tokens.json
	fc-infer -q --tokens -m again <<<'{"id":"a","messages":[{"role":"user","content":"<plain>"},{"role":"assistant","content":"5"}]}' |
		fc-view --jsonl - | grep -q '\b513\b'
	# the default of a list or an object votes, the other template stays
	for form in '[{name: "tool_use", template: "T"}, {name: "default", template: "D"}]' '{tool_use: "T", default: "D"}'; do
		rm -rf "list"
		for m in base more; do
			rm -f "$m/chat_template.jinja"
			jq ".chat_template = $form" $m/tokenizer_config.json >x
			mv x $m/tokenizer_config.json
		done
		union list
		[ ! -e list/chat_template.jinja ]
		[ "$(jq -c .chat_template list/tokenizer_config.json)" = "$(jq -c .chat_template base/tokenizer_config.json)" ]
	done
	mkdir base/additional_chat_templates
	echo -n T >base/additional_chat_templates/tool_use.jinja
	echo -n D >base/chat_template.jinja
	union files
	[ "$(jq -c .chat_template files/tokenizer_config.json)" = '[{"name":"default","template":"D"},{"name":"tool_use","template":"T"}]' ]
}
