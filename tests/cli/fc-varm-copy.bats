#!/usr/bin/env bats
# fc-varm: what goes into the result as it is, and what may not.
load ../helper
load varm

@test "the pivot's files that belong to a model go into the result, no others" {
	three_models
	local keep=(generation_config.json tokenizer_config.json special_tokens_map.json
		added_tokens.json vocab.json vocab.txt merges.txt tokenizer.model tokenizer.model.v3
		spiece.model chat_template.jinja chat_template.json preprocessor_config.json
		tekken.json qwen.tiktoken modeling_x.py LICENSE LICENSE.txt NOTICE USE_POLICY.md)
	local leave=(adapter_config.json adapter_model.safetensors optimizer.pt training_args.bin
		trainer_state.json secret.json params.json model.onnx x.gguf .hidden notes.txt
		old.safetensors.index.json)
	echo secret >elsewhere
	ln -s ../elsewhere pivot/secrets.json
	ln -s ../elsewhere pivot/chat_template.jinja # as in a hub's cache
	mkdir pivot/original pivot/README
	for name in "${keep[@]}" "${leave[@]}"; do
		[ -e "pivot/$name" ] || echo "{}" >"pivot/$name"
	done
	run --separate-stderr fc-varm -b pivot -o out ta tb
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"pivot: adapter_config.json beside the weights is ignored"* ]]
	[[ $stderr == *"pivot: not copied, as no model's files: "* ]]
	for name in adapter_config.json secrets.json notes.txt original trainer_state.json; do
		[[ $stderr == *"files: "*"$name"* ]]
	done
	[[ $stderr != *optimizer.pt* && $stderr != *.hidden* ]]
	diff <(ls -A out) <(printf '%s\n' "${keep[@]}" config.json tokenizer.json model.safetensors \
		fc-varm.json mergekit_config.yml README.md | LC_ALL=C sort | sort)
	[ "$(cat out/chat_template.jinja)" = secret ]
	[ ! -L out/chat_template.jinja ]
}

@test "a value that is not finite ends every merge, also where tensors are copied" {
	models 'good a=1,2,3,4' 'other a=2,2,3,4' 'bad a=1,2,nan,4' 'worse a=1,2,3,-inf'
	refused() { # refused MESSAGE ARGUMENT...
		local message=$1
		shift
		run fc-varm -q -o out "$@"
		[ "$status" -eq 1 ]
		[[ $output == *"$message"* ]]
		[ -z "$(find . -name 'out*' -o -name '.out*')" ]
	}
	refused "bad: tensor a: value 2 is nan" -b good --method linear bad
	refused "worse: tensor a: value 3 is -inf" -b good --method linear worse
	refused "bad: tensor a: value 2 is nan" -b bad --method linear good
	refused "worse: tensor a: value 3 is -inf" -b worse --method linear good other
	refused "bad: tensor a: value 2 is nan" -b good --method linear --weight 1,0 good bad
	refused "bad: tensor a: value 2 is nan" -b good --method linear --dtype f16 bad
	refused "bad: tensor a: value 2 is nan" -b good --method karcher good bad
	refused "bad: tensor a: value 2 is nan" -b bad --method karcher good other
	for method in varm fusechat-sce task_arithmetic ties breadcrumbs model_stock nuslerp multislerp; do
		refused "bad: tensor a: value 2 is nan" -b good --method $method other bad
		refused "bad: tensor a: value 2 is nan" -b bad --method $method other good
	done
	for method in "slerp --t 0" "slerp --t 1" "nearswap --t 0.1" arcee_fusion; do
		# shellcheck disable=SC2086 # a list of words
		refused "bad: tensor a: value 2 is nan" -b good --method $method bad
		# shellcheck disable=SC2086
		refused "bad: tensor a: value 2 is nan" -b bad --method $method good
	done
	for name in bad worse; do
		printf 'models: [{model: %s}]\nmerge_method: passthrough\n' $name >r.yml
		refused "$name: tensor a: value" --recipe r.yml
	done
	fc-varm -q -b good -o out --method linear other
	diff <(values out) <(values other)
}

@test "--rounding stochastic: right on average, the same bytes again, by the seed; the card says it" {
	kit="$FC_ROOT/pipelines/demo/kit/facts"
	fc-convert -q --type f32 -o base "$kit"
	python3 - <<-'END'
		import json, shutil, struct
		def make(folder, value):
		    shutil.copytree("base", folder)
		    raw = open("base/model.safetensors", "rb").read()
		    n = struct.unpack("<Q", raw[:8])[0]
		    count = (len(raw) - 8 - n) // 4
		    open(folder + "/model.safetensors", "wb").write(raw[:8 + n] + struct.pack("<f", value) * count)
		make("one", 1.0)
		make("two", 1 + 0.5 / 128)  # the mean is a quarter of the way to the next bfloat16, 1 + 1/128
	END
	merge() { fc-varm -q -b base --method linear --dtype bf16 "$@" one two; }
	merge -o nearest
	merge --rounding stochastic -o a
	merge -j 1 --rounding stochastic --seed 1 -o b
	merge --rounding stochastic --seed 2 -o c
	cmp a/model.safetensors b/model.safetensors
	run ! cmp -s a/model.safetensors c/model.safetensors
	python3 - <<-'END'
		import struct
		def numbers(folder):
		    raw = open(folder + "/model.safetensors", "rb").read()
		    n = struct.unpack("<Q", raw[:8])[0]
		    return struct.unpack("<%dH" % ((len(raw) - 8 - n) // 2), raw[8 + n:])
		assert set(numbers("nearest")) == {0x3f80}
		a = numbers("a")
		assert set(a) == {0x3f80, 0x3f81}
		share = a.count(0x3f81) / len(a)
		assert abs(share - 0.25) < 4 * (0.25 * 0.75 / len(a)) ** 0.5, share
	END
	# as fc-convert rounds what is merged in float32: equal draws
	fc-varm -q -b base --method linear --dtype f32 -o wide one two
	fc-convert -q --type bf16 --rounding stochastic --seed 2 -o narrow wide
	cmp narrow/model.safetensors c/model.safetensors
	# by a recipe
	recipe='{models: [{model: one, parameters: {weight: 1}}, {model: two, parameters: {weight: 1}}], merge_method: linear, dtype: bfloat16}'
	fc-varm -q --recipe - --rounding stochastic --seed 2 -o d <<<"$recipe"
	cmp c/model.safetensors d/model.safetensors
	for m in c d; do
		grep -q 'rounded stochastically, with seed 2' "$m/README.md"
		[ "$(jq -c .rounding "$m/fc-varm.json")" = '{"kind":"stochastic","seed":"2"}' ]
	done
	[ "$(jq -c .rounding nearest/fc-varm.json)" = null ]
	run ! grep -q stochastically nearest/README.md
	run -1 fc-varm -q -b base --method linear --rounding stochastic -o none one two
	[[ $output == *"--rounding stochastic is of f16 and bf16, but the result has neither; see --dtype" ]]
	run -1 fc-varm -q --recipe - --rounding stochastic -o none <<<"${recipe/bfloat16/float32}"
	[[ $output == *"but the result has neither"* ]]
	run -2 fc-varm -q --recipe - --seed 2 -o none <<<"$recipe"
	[ ! -e none ]
}
