#!/usr/bin/env bats
# fc-convert: both ways, on the embedded models; the numbers are tests/unit/fc-convert's affair.
load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

# What a model says about a conversation, as text.
rows() { # rows MODEL
	printf '%s\n' '{"id":"a","messages":[{"role":"user","content":"What is 2+3?"},{"role":"assistant","content":"5"}]}' |
		fc-infer -q --dtype f32 -m "$1" | fc-view --jsonl -
}

@test "there and back: the same weights, byte for byte" {
	fc-convert -q -o m.gguf "$(kit strings)"
	fc-convert -q -o back m.gguf
	run python3 - "$(kit strings)/model.safetensors" back/model.safetensors <<-'EOF'
		import json, struct, sys
		def load(p):
		    b = open(p, "rb").read()
		    n = struct.unpack("<Q", b[:8])[0]
		    h = json.loads(b[8:8 + n])
		    return {k: (t["dtype"], t["shape"], b[8 + n:][slice(*t["data_offsets"])])
		            for k, t in h.items() if k != "__metadata__"}
		a, b = map(load, sys.argv[1:])
		assert a.keys() == b.keys(), a.keys() ^ b.keys()
		wide = [k for k in a if a[k] != b[k]]
		assert all(len(a[k][1]) == 1 and b[k][0] == "F32" for k in wide), wide
		print(len(a) > 10 and "same")
	EOF
	[ "$output" = same ]
}

@test "--type is entered under each name that config.json has for it" {
	cp -r "$(kit strings)" m
	jq '.dtype = "bfloat16" | .torch_dtype = "bfloat16"' "$(kit strings)/config.json" >m/config.json
	fc-convert -q --type f32 -o out m
	[ "$(jq -r '.dtype, .torch_dtype' out/config.json)" = $'float32\nfloat32' ]
	jq 'del(.dtype, .torch_dtype)' "$(kit strings)/config.json" >m/config.json
	fc-convert -q --type f16 -o half m
	[ "$(jq -r '.dtype // .torch_dtype' half/config.json)" = float16 ]
}

@test "every tool reads the GGUF file as it reads the folder" {
	for kit in facts strings arithmetic; do
		mkdir -p "g/$kit"
		fc-convert -q --type f32 -o "g/$kit/m.gguf" "$(kit $kit)"
		fc-convert -q --type f32 -o "$kit" "$(kit $kit)"
		rows "$kit" >a
		rows "g/$kit" >b
		run python3 "$FC_ROOT/tests/cli/near.py" a b 1e-4
		[ "$output" = near ]
	done
}

@test "the result does not depend on threads, nor on where the model lies" {
	fc-convert -q -j1 --type q8_0 -o a.gguf "$(kit facts)"
	cp -r "$(kit facts)" elsewhere
	fc-convert -q -j3 --type q8_0 -o b.gguf elsewhere
	cmp a.gguf b.gguf
}

@test "what can't be done is refused, and nothing is left" {
	run fc-convert -q -o out.gguf none
	[ "$status" -eq 1 ]
	[[ "$output" == *none* ]]
	run fc-convert -q --type q8_0 -o out "$(kit strings)"
	[ "$status" -eq 2 ]
	run fc-convert -q "$(kit strings)"
	[ "$status" -eq 2 ]
	fc-convert -q --type q8_0 -o q.gguf "$(kit strings)"
	run fc-convert -q -o out q.gguf
	[ "$status" -eq 1 ]
	[[ "$output" == *"Q8_0"*"--type"* ]]
	head -c 5000 q.gguf >cut.gguf
	run fc-convert -q --type f32 -o out cut.gguf
	[ "$status" -eq 1 ]
	[[ "$output" == *"cut.gguf"*"cut off"* ]]
	mkdir pickle
	cp "$(kit strings)/config.json" pickle
	echo >pickle/pytorch_model.bin
	run fc-convert -q -o out.gguf pickle
	[ "$status" -eq 1 ]
	[[ "$output" == *"pickle"*"convert"* ]]
	[ ! -e out ]
	[ ! -e out.gguf ]
	[ -z "$(find . -name '.out*')" ]
}

@test "a way to cut text that GGUF has no name for needs one" {
	run fc-convert -q -o m.gguf "$(kit pivot)"
	[ "$status" -eq 1 ]
	[[ "$output" == *"--pre"* ]]
	fc-convert -q --pre gpt-2 --name 'A model' -o m.gguf "$(kit pivot)"
	grep -aq 'general.name' m.gguf
}

@test "a result that exists stays, unless -f says otherwise" {
	echo old >m.gguf
	run fc-convert -q -o m.gguf "$(kit facts)"
	[ "$status" -eq 1 ]
	[ "$(cat m.gguf)" = old ]
	run fc-convert -q -f -o m.gguf "$(kit facts)"
	[ "$status" -eq 1 ]
	[[ $output == *"m.gguf: exists and is no GGUF file"* ]]
	[ "$(cat m.gguf)" = old ]
	printf GGUFold >m.gguf
	fc-convert -q -f -o m.gguf "$(kit facts)"
	[ "$(head -c 8 m.gguf)" != GGUFold ]
	[ "$(head -c 4 m.gguf)" = GGUF ]
}

# Puts bytes into the middle of a tensor's data.
poison() { # poison FILE TENSOR HEX
	python3 - "$@" <<-'EOF'
		import json, struct, sys
		path, tensor, value = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
		b = bytearray(open(path, "rb").read())
		n = struct.unpack("<Q", b[:8])[0]
		t = json.loads(b[8:8 + n])[tensor]
		at = 8 + n + (t["data_offsets"][0] + t["data_offsets"][1]) // 2 // len(value) * len(value)
		b[at:at + len(value)] = value
		open(path, "wb").write(b)
	EOF
}

@test "a value that is not finite ends every conversion" {
	cp -r "$(kit strings)" m
	fc-convert -q --type f32 -o f32 m
	local tensor=model.layers.0.mlp.up_proj.weight type
	for value in 0000c07f 000080ff; do # NaN, -infinity
		rm -rf bad
		cp -r f32 bad
		poison bad/model.safetensors $tensor $value
		for type in same f32 f16 bf16; do
			run fc-convert -q --type $type -o out bad
			[ "$status" -eq 1 ]
			[[ $output == *"$tensor: "* ]]
		done
		for type in same f32 f16 bf16 q8_0 q4_0; do
			run fc-convert -q --type $type -o out.gguf bad
			[ "$status" -eq 1 ]
			[[ $output == *"ffn_up.weight: "* ]]
		done
	done
	# 3.4e38 is finite in float32, an infinity in bfloat16
	rm -rf bad
	cp -r f32 bad
	poison bad/model.safetensors $tensor ffff7f7f
	for type in bf16 f16; do
		run fc-convert -q --type $type -o out bad
		[ "$status" -eq 1 ]
		[[ $output == *"does not fit into"* ]]
	done
	run fc-convert -q --type bf16 -o out.gguf bad
	[ "$status" -eq 1 ]
	fc-convert -q -o out bad
	cmp out/model.safetensors bad/model.safetensors
	[ ! -e out.gguf ]
}

@test "a token or a merge that is not text ends a conversion to a folder" {
	fc-convert -q --pre gpt-2 -o good.gguf "$(kit pivot)"
	fc-convert -q -o good good.gguf
	local list bytes
	for list in tokens merges; do
		for bytes in ff 00; do
			# the first byte of the list's string 300
			python3 - $list $bytes <<-'EOF'
				import struct, sys
				key = b"tokenizer.ggml." + sys.argv[1].encode()
				b = bytearray(open("good.gguf", "rb").read())
				i = b.index(key) + len(key)
				assert struct.unpack_from("<II", b, i) == (9, 8)  # an array of strings
				i += 16
				for _ in range(300):
				    i += 8 + struct.unpack_from("<Q", b, i)[0]
				b[i + 8] = int(sys.argv[2], 16)
				open("bad.gguf", "wb").write(b)
			EOF
			run fc-convert -q -o bad bad.gguf
			[ "$status" -eq 1 ]
			[[ $output == *"bad.gguf: tokenizer.ggml.$list: 300: expected UTF-8 without NUL" ]]
			[ ! -e bad ]
		done
	done
}

@test "a packed block whose scale is not finite is not copied" {
	fc-convert -q --type q8_0 -o good.gguf "$(kit strings)"
	fc-convert -q -o again.gguf good.gguf
	# the last block of the last packed tensor: its scale, two bytes, becomes an infinity
	python3 - <<-'EOF'
		import re, struct
		b = bytearray(open("good.gguf", "rb").read())
		name = b"blk.0.ffn_up.weight"
		i = b.index(name) + len(name)
		dims, = struct.unpack_from("<I", b, i)
		kind, offset = struct.unpack_from("<IQ", b, i + 4 + 8 * dims)
		assert kind == 8, kind
		data = max(m.end() for m in re.finditer(rb"blk\.\d+\.[a-z_]+\.weight|output[a-z_]*\.weight|token_embd\.weight", b))
		d, = struct.unpack_from("<I", b, data)
		data = (data + 4 + 8 * d + 12 + 31) // 32 * 32
		struct.pack_into("<H", b, data + offset, 0x7c00)
		open("bad.gguf", "wb").write(b)
	EOF
	run fc-convert -q -o out.gguf bad.gguf
	[ "$status" -eq 1 ]
	[[ $output == *"ffn_up.weight"*"not finite"* || $output == *"up_proj.weight"*"inf"* ]]
	[ ! -e out.gguf ]
}

@test "a folder takes along what belongs to the model, and no adapter" {
	cp -r "$(kit strings)" m
	touch m/LICENSE m/adapter_model.safetensors m/notes.txt
	echo '{}' >m/adapter_config.json
	echo '{}' >m/generation_config.json
	run fc-convert -o out m
	[ "$status" -eq 0 ]
	[[ $output == *"m: adapter_config.json beside the weights is ignored"* ]]
	[[ $output == *"m: not copied, as no model's files: "*"notes.txt"* ]]
	[ -e out/LICENSE ]
	[ -e out/generation_config.json ]
	cmp out/tokenizer.json m/tokenizer.json
	[ ! -e out/adapter_config.json ]
	[ ! -e out/notes.txt ]
}

@test "what is no model is called by what it is" {
	mkdir folder
	printf '{"id": 1}\n{"id": 2}\n' >chats.jsonl
	printf '{"id": 1}' >one.json
	printf 'PK\003\004 and more bytes' >model.bin
	echo 'some text, which goes on' | gzip >text.gz
	: >empty
	refused() { # refused PATH MESSAGE
		run fc-convert -q -o out.gguf "$1"
		[ "$status" -eq 1 ]
		[[ $output == "fc-convert: $1: $2"* ]]
		run fc-varm -q -b "$1" -o out "$1"
		[ "$status" -eq 1 ]
		[[ $output == "fc-varm: $1: $2"* ]]
	}
	refused folder "not a model folder"
	refused chats.jsonl "lines of JSON, such as conversations; expected a model"
	# one line, or one conversation over several, by every tool that wants a model
	echo '{"id":"a","messages":[{"role":"user","content":"hé"},{"role":"assistant","content":"5"}]}' >one.jsonl
	jq . one.jsonl >several.jsonl
	echo '{"question_id": 1, "category": "é", "turns": ["a"]}' >question.jsonl
	for f in one several question; do
		member=messages
		[ $f != question ] || member=turns
		says="JSON with \"$member\", such as a conversation; expected a model"
		refused $f.jsonl "$says"
		for tool in "fc-infer --tokens -m" "fc-infer -m" "fc-train -o out -m" "fc-varm -o out -b"; do
			# shellcheck disable=SC2086 # words
			run -1 $tool $f.jsonl "$(kit strings)"
			[[ $output == *"$f.jsonl: $says"* ]]
		done
	done
	# what is a tokenizer's or a configuration passes
	fc-infer -q --tokens -m "$(kit strings)/tokenizer.json" /dev/null >/dev/null
	run fc-infer -q --tokens -m "$(kit strings)/config.json" /dev/null
	[[ $output != *conversation* ]]
	refused one.json "JSON; expected a model"
	refused model.bin "is a PyTorch pickle; convert"
	refused text.gz "compressed by gzip"
	refused empty "empty; expected a model"
	refused org/name-7B "there is no such folder, and names of a hub are not fetched"
	for path in ./org/name /org/name org/name/more name; do
		run fc-convert -q -o out "$path"
		[ "$status" -eq 1 ]
		[[ $output == *"No such file"* ]]
	done
	run fc-infer -m folder chats.jsonl
	[ "$status" -eq 1 ]
	[[ $output == *"folder: not a model folder"* ]]
	mkdir adapter
	touch adapter/adapter_config.json adapter/adapter_model.safetensors adapter/README.md
	run -1 fc-infer -m adapter chats.jsonl
	[[ $output == *"adapter: an adapter, no model; fc-varm -b BASE --method linear -o DIR 'BASE+adapter' merges it with its base" ]]
	run fc-infer -m org/name chats.jsonl
	[[ $output == *"names of a hub are not fetched"* ]]
	run fc-train -m org/name -o out chats.jsonl
	[[ $output == *"names of a hub are not fetched"* ]]
}

@test "advice is a command; a folder with a file's name is told" {
	fc-convert -q --type q8_0 -o q.gguf "$(kit strings)"
	run fc-convert -o out q.gguf
	[[ $output == *"as by fc-convert --type bf16 -o DIR q.gguf" ]]
	fc-convert -q --type bf16 -o out q.gguf
	run fc-convert -o model.bin "$(kit strings)"
	[ "$status" -eq 0 ]
	[[ $output == *"making a folder with a Hugging Face model, model.bin; a name that ends in .gguf makes a GGUF file"* ]]
	run fc-convert -o plain "$(kit strings)"
	[[ $output == *"a Hugging Face model, plain" ]]
}

@test "--rounding stochastic: right on average, the same bytes again, by the seed" {
	kit="$FC_ROOT/pipelines/demo/kit/facts"
	python3 - "$kit" <<-'EOF'
		import json, os, shutil, struct, sys
		os.mkdir("wide")
		for name in os.listdir(sys.argv[1]):
		    if name != "model.safetensors":
		        shutil.copy(os.path.join(sys.argv[1], name), "wide")
		raw = open(sys.argv[1] + "/model.safetensors", "rb").read()
		n = struct.unpack("<Q", raw[:8])[0]
		head, at, out = json.loads(raw[8:8 + n]), 0, b""
		for name, t in head.items():
		    if name == "__metadata__":
		        continue
		    count = 1
		    for d in t["shape"]:
		        count *= d
		    # a quarter of the way from 1 to the next bfloat16, 1 + 1/128
		    out += struct.pack("<f", 1 + 0.25 / 128) * count
		    head[name] = {"dtype": "F32", "shape": t["shape"], "data_offsets": [at, len(out)]}
		    at = len(out)
		head = json.dumps(head).encode()
		open("wide/model.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + out)
	EOF
	fc-convert -q --type bf16 -o nearest wide
	fc-convert -q --type bf16 --rounding stochastic -o a wide
	fc-convert -q -j 1 --type bf16 --rounding stochastic -o b wide
	fc-convert -q --type bf16 --rounding stochastic --seed 2 -o c wide
	cmp a/model.safetensors b/model.safetensors
	run ! cmp -s a/model.safetensors c/model.safetensors
	python3 - <<-'EOF'
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
	EOF
	run -2 fc-convert -q --rounding stochastic -o d wide
	run -2 fc-convert -q --type bf16 --rounding stochastic -o d.gguf wide
}

# strings with rows for more tokens, which only files beside tokenizer.json name.
with_side_files() { # with_side_files DIR
	fc-varm -q --recipe - -o "$1" <<-END
		models: [{model: $(kit strings)}]
		merge_method: passthrough
		tokenizer: {source: base, pad_to_multiple_of: 520}
	END
	rm "$1/chat_template.jinja"
	jq 'del(.added_tokens_decoder) | .chat_template = [{name: "default", template: $t}, {name: "tool_use", template: ("T" + $t)}]' \
		--rawfile t "$(kit strings)/chat_template.jinja" "$(kit strings)/tokenizer_config.json" >"$1/tokenizer_config.json"
	echo '{"<|new|>": 512, "<plain>": 513}' >"$1/added_tokens.json"
	echo '{"additional_special_tokens": ["<|new|>"]}' >"$1/special_tokens_map.json"
}

tokens() { # tokens MODEL
	printf '%s\n' '{"id":"a","messages":[{"role":"user","content":"a<|new|>b<plain>c"},{"role":"assistant","content":"5"}]}' \
		'{"id":"b","tools":[{"x":1}],"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"5"}]}' |
		fc-infer -q --tokens -m "$1" | fc-view --jsonl - | jq -c .tokens
}

@test "added tokens and templates of files beside tokenizer.json are kept" {
	with_side_files m
	fc-convert -q -o m.gguf m
	fc-convert -q -o back m.gguf
	fc-convert -q --type f32 -o folder m
	tokens m >want
	# what a user writes is never a special token, but may be another added one; tools have their template
	grep -q '\b513\b' want
	[ "$(sed 1d want)" = "[84,$(tokens "$(kit strings)" | sed -n '2s/^.//p')" ]
	for m in m.gguf back folder; do
		tokens "$m" >have
		diff want have
	done
	# gguf-py: Keys.Tokenizer.CHAT_TEMPLATE_N, CHAT_TEMPLATES
	grep -aq 'tokenizer\.chat_template\.tool_use' m.gguf
	grep -aq 'tokenizer\.chat_templates' m.gguf
	[ "$(jq -c '[.added_tokens[] | select(.id > 511) | [.id, .content, .special]]' back/tokenizer.json)" = '[[512,"<|new|>",true],[513,"<plain>",false]]' ]
	for f in back folder; do
		diff <(jq -S .chat_template m/tokenizer_config.json) <(jq -S .chat_template "$f/tokenizer_config.json")
	done
	# an object, and files
	jq '.chat_template |= (map({key: .name, value: .template}) | from_entries)' m/tokenizer_config.json >x
	mv x m/tokenizer_config.json
	fc-convert -q -o object.gguf m
	cmp m.gguf object.gguf
	mkdir m/additional_chat_templates
	jq -j .chat_template.tool_use m/tokenizer_config.json >m/additional_chat_templates/tool_use.jinja
	jq -j .chat_template.default m/tokenizer_config.json >m/chat_template.jinja
	jq 'del(.chat_template)' m/tokenizer_config.json >x && mv x m/tokenizer_config.json
	fc-convert -q -o files.gguf m
	cmp m.gguf files.gguf
	run fc-convert --type f32 -o files m
	[[ $output != *additional_chat_templates* ]]
	diff <(jq -S .chat_template folder/tokenizer_config.json) <(jq -S .chat_template files/tokenizer_config.json)
	[ ! -e files/chat_template.jinja ]
	tokens files >have
	diff want have
	# a folder of other templates alone has no default
	rm m/chat_template.jinja
	fc-convert -q -o alone.gguf m
	[ "$(grep -ac 'tokenizer\.chat_template\.tool_use' alone.gguf)" -gt 0 ]
	fc-convert -q -o alone alone.gguf
	[ "$(jq -c '[.chat_template[].name]' alone/tokenizer_config.json)" = '["tool_use"]' ]
}
