#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where answers begin and end: as tokens (--cut), as bytes, and as labels (finish_reason).
load ../helper

# Conversations whose answers begin and end with blanks, and templates that differ in what stands
# before an answer.
setup_file() {
	export F=$BATS_FILE_TMPDIR D=$FC_ROOT/pipelines/demo
	cd "$F" || return
	python3 - >chats.jsonl <<-'END'
		import json
		answers = ["    return {}\n", "  x = {}\n\n", " \n\tpass # {}", "done {}"]
		asks = ["def f():\n    pass\nBody of {}?", "if x:\n  y\nLine of {}?", "Tab of {}?", "State of {}?"]
		for i in range(40):
		    n = "abcdefghij"[i // 4]
		    print(json.dumps({"id": str(i), "messages": [
		        {"role": "user", "content": asks[i % 4].format(n)},
		        {"role": "assistant", "content": answers[i % 4].format(n)}]}))
	END
	jq -c '.messages |= .[:1]' chats.jsonl >ask.jsonl
	cat >config.json <<-'END'
		{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 400,
		"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
		"num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
		"max_position_embeddings": 256, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
		"tie_word_embeddings": true, "torch_dtype": "float32"}
	END
	local turn='{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}'
	mkdir template
	printf '%s{%% if add_generation_prompt %%}assistant:{%% endif %%}' "$turn" >template/lead
	printf '%s{%% if add_generation_prompt %%}assistant: {%% endif %%}' "$turn" >template/space
	printf '{%% for m in messages %%}{{ m.content }}{{ eos_token }}{%% endfor %%}' >template/bare
	model gpt2 line
	model spm-prefix line
}

# model KIND TEMPLATE: trains one that knows the answers
model() {
	local m=$1-$2 special=(--eos '<|eot|>')
	[ "$1" = gpt2 ] || special=(--unk '<unk>' --bos '<s>' --eos '</s>')
	python3 "$D/vocab.py" --kind "$1" --size 380 "${special[@]}" -o "$F/tok-$m" <"$F/chats.jsonl"
	[ "$2" = line ] || cp "$F/template/$2" "$F/tok-$m/chat_template.jinja"
	fc-infer -q --tokens -m "$F/tok-$m" -o "$F/$m.fcs" "$F/chats.jsonl"
	fc-train -q --init "$F/config.json" --tokenizer "$F/tok-$m" --epochs 60 --batch-tokens 300 --lr 3e-3 \
		--dtype f32 -o "$F/$m" "$F/$m.fcs"
}

# greedy STREAM: for every conversation, was each label as likely as the likeliest token (float16
# makes some equal), as it is when it was generated?
greedy() {
	fc-view --jsonl "$1" | jq -c '[.rows[] | .true_logprob == .logprobs[0]] | length > 0 and all'
}

tokens() { fc-view --jsonl "$1" | jq -c '[.id, .tokens, .trained]'; }

@test "labels of answers that were generated are the tokens that were generated, blanks too" {
	for kind in gpt2 spm-prefix; do
		for template in line lead space bare; do
			m=$F/$kind-$template
			[ -e "$m" ] || model "$kind" "$template"
			fc-infer -q --generate --dtype f32 -m "$m" --max-new 40 -o answers.jsonl "$F/ask.jsonl"
			jq -r '.messages[-1].content | tojson' answers.jsonl >text
			[ "$(grep -c '^"    return [a-j]\\n"$' text)" -eq 10 ]
			[ "$(grep -c '^"  x = [a-j]\\n\\n"$' text)" -eq 10 ]
			[ "$(grep -c '^" \\n\\tpass # [a-j]"$' text)" -eq 10 ]
			[ "$(grep -c '^"done [a-j]"$' text)" -eq 10 ]
			fc-infer -q --dtype f32 -m "$m" -o captured.fcs answers.jsonl
			[ "$(greedy captured.fcs | sort | uniq -c | tr -s ' ')" = ' 40 true' ]
		done
	done
	# as one text, the template's line feed and the blanks are a token that the model never said
	fc-infer -q --dtype f32 -m "$F/gpt2-line" --cut whole -o whole.fcs "$F/chats.jsonl"
	fc-view --jsonl whole.fcs | jq -c '.text as $x | [.tokens, .ends, .trained] | transpose |
		[.[] | select(.[2] == 1)] | first | $x[.[1] - 1:.[1]]' >first
	run ! grep -q '"d"' <(head -n 1 first)
	[ "$(jq -s 'map(select(. == "r" or . == "x" or . == "n")) | length' first)" -ge 10 ]
}

@test "how many conversations have other tokens as one text is told, and the cut is in the header" {
	run -0 fc-infer --tokens -m "$F/tok-gpt2-line" -o prompt.fcs "$F/chats.jsonl"
	[[ $output =~ 'fc-infer: '([0-9]+)' conversations have other tokens than with --cut whole' ]]
	n=${BASH_REMATCH[1]}
	run -0 fc-infer --tokens --cut whole -m "$F/tok-gpt2-line" -o whole.fcs "$F/chats.jsonl"
	[ -z "$output" ]
	fc-view --jsonl prompt.fcs | jq -c .tokens >a
	fc-view --jsonl whole.fcs | jq -c .tokens >b
	[ "$n" -eq "$(paste a b | awk -F'\t' '$1 != $2' | wc -l)" ]
	[ "$n" -ge 10 ]
	[[ $(fc-view prompt.fcs) == *$'\ncut           prompt\n'* ]]
	[[ $(fc-view whole.fcs) == *$'\ncut           whole\n'*' --cut whole'* ]]
	run -1 pipe 'cat prompt.fcs whole.fcs | fc-view --stats'
	[[ $output == *"its text was cut into tokens by --cut whole, the one before by --cut prompt"* ]]
}

@test "fc-align cuts the pivot's tokens as the source's stream was cut" {
	for cut in prompt whole; do
		fc-infer -q --dtype f32 --cut $cut -m "$F/spm-prefix-line" -p "$F/gpt2-line" -o source.fcs "$F/chats.jsonl"
		fc-align apply -q -p "$F/gpt2-line" -s "$F/spm-prefix-line" -o $cut.fcs source.fcs
		fc-infer -q --tokens --cut $cut -m "$F/gpt2-line" -o own.fcs "$F/chats.jsonl"
		diff <(tokens $cut.fcs) <(tokens own.fcs)
	done
	run ! cmp <(tokens prompt.fcs) <(tokens whole.fcs)
	fc-infer -q --dtype f32 -m "$F/gpt2-line" -o pivot.fcs "$F/chats.jsonl"
	fc-align fuse -q -o fused.fcs pivot.fcs prompt.fcs
	run -1 fc-align fuse -q -o fused.fcs pivot.fcs whole.fcs
	[[ $output == *"the text of whole.fcs was cut into tokens by --cut whole, that of pivot.fcs by --cut prompt"* ]]
	run -1 fc-align apply -q -p "$F/gpt2-line" -s "$F/spm-prefix-line" --fallback pivot --own pivot.fcs -o filled.fcs source.fcs
	[[ $output == *"the text of pivot.fcs was cut into tokens by --cut prompt, that of the source by --cut whole; make it again with fc-infer" ]]
	# a map is counted over the same tokens, from lines and from a stream
	for cut in prompt whole; do
		fc-infer -q --tokens --cut $cut -m "$F/gpt2-line" -o tokens.fcs "$F/chats.jsonl"
		fc-align map -q --no-history --cut $cut -p "$F/gpt2-line" -s "$F/spm-prefix-line" -o $cut.map "$F/chats.jsonl"
		fc-align map -q --no-history --tokens -p "$F/gpt2-line" -s "$F/spm-prefix-line" tokens.fcs | cmp - $cut.map
	done
	run ! cmp prompt.map whole.map
	run -2 fc-align map --tokens --cut whole -p "$F/gpt2-line" -s "$F/spm-prefix-line" tokens.fcs
}

# ended STREAM: is the last token of each conversation learned?
ended() { fc-view --jsonl "$1" | jq -c '[.trained[-1], .parts[-1]]' | sort -u; }

@test "an answer that was truncated says so, and that it ends is learned in no stream" {
	fc-infer -q --generate --dtype f32 -m "$F/gpt2-line" --max-new 2 -o cut.jsonl "$F/ask.jsonl"
	[ "$(jq -r '.messages[-1].finish_reason' cut.jsonl | sort -u)" = length ]
	run -0 fc-infer --dtype f32 -m "$F/gpt2-line" -o cut.fcs cut.jsonl
	[[ $output == *"40 answers were truncated, as their finish_reason says: that they end is not learned"* ]]
	[ "$(ended cut.fcs)" = '[0,"turn-end"]' ]
	[ "$(greedy cut.fcs | sort -u)" = true ]
	[ "$(fc-view --jsonl cut.fcs | jq -c .n_label | sort -u)" = 2 ]
	fc-infer -q --tokens -m "$F/gpt2-line" -o tokens.fcs cut.jsonl
	[ "$(ended tokens.fcs)" = '[0,"turn-end"]' ]
	fc-infer -q --dtype f32 -m "$F/spm-prefix-line" -p "$F/gpt2-line" cut.jsonl |
		fc-align apply -q -p "$F/gpt2-line" -s "$F/spm-prefix-line" -o aligned.fcs
	[ "$(ended aligned.fcs)" = '[0,"turn-end"]' ]
	# one that ended of itself
	jq -c '.messages[-1].finish_reason = "stop"' cut.jsonl | fc-infer -q --tokens -m "$F/gpt2-line" -o stop.fcs
	[ "$(ended stop.fcs)" = '[1,"turn-end"]' ]
	jq -c 'del(.messages[-1].finish_reason)' cut.jsonl | fc-infer -q --tokens -m "$F/gpt2-line" -o none.fcs
	cmp <(tokens stop.fcs) <(tokens none.fcs)
	# of several answers each for itself, in ShareGPT's form too
	jq -c '{id, conversations: [.messages + .messages | to_entries[] | .value +
		(if .key == 3 then {finish_reason: "stop"} else {} end) |
		{from: (if .role == "user" then "human" else "gpt" end), value: .content} +
		(if .finish_reason then {finish_reason} else {} end)]}' cut.jsonl >two.jsonl
	fc-infer -q --tokens -m "$F/gpt2-line" two.jsonl | fc-view --jsonl |
		jq -c '[.trained, .parts] | transpose | map(select(.[1] == "turn-end") | .[0])' | sort -u >ends
	[ "$(cat ends)" = '[0,0,0,1]' ]
	fc-infer -q --generate -m "$F/gpt2-line" two.jsonl | jq -c . | cmp - two.jsonl
	run -1 fc-infer -q --tokens -m "$F/gpt2-line" - <<<'{"messages":[{"role":"assistant","content":"a","finish_reason":1}]}'
	[[ $output == *'message 1: "finish_reason" is not a string'* ]]
}

@test "an answer file is without white space at its answers' ends, as FastChat writes it" {
	jq -c '{question_id: .id, category: "coding", turns: [.messages[0].content]}' "$F/ask.jsonl" >questions.jsonl
	fc-infer -q --generate --dtype f32 -m "$F/gpt2-line" --max-new 40 -o answers.jsonl questions.jsonl
	jq -r '.choices[0].turns[0] | tojson' answers.jsonl >text
	[ "$(grep -c '^"return [a-j]"$' text)" -eq 10 ]
	run ! grep -E '^"( |\\n)|( |\\n)"$' text
}

@test "what is learned of a conversation changes none of its tokens" {
	python3 - >in.jsonl <<-'END'
		import json
		for first, second in ("  a\n", "\n b"), ("\n\n", " "), ("x", "    y"):
		    print(json.dumps({"messages": [{"role": "assistant", "content": first}, {"role": "user", "content": "U"},
		        {"role": "assistant", "content": second, "weight": 1}, {"role": "user", "content": "V"},
		        {"role": "assistant", "content": first + second}]}))
	END
	for m in gpt2-line spm-prefix-line; do
		fc-infer -q --tokens -m "$F/$m" in.jsonl | fc-view --jsonl >plain
		fc-infer -q --tokens --train-opening -m "$F/$m" in.jsonl | fc-view --jsonl >opening
		jq -c '.messages[2].weight = 0' in.jsonl | fc-infer -q --tokens -m "$F/$m" | fc-view --jsonl >weight
		jq -c '.messages[4].finish_reason = "length"' in.jsonl | fc-infer -q --tokens -m "$F/$m" | fc-view --jsonl >length
		for other in opening weight length; do
			diff <(jq -c .tokens plain) <(jq -c .tokens $other)
			run ! cmp <(jq -c .trained plain) <(jq -c .trained $other)
		done
		# the turns before an answer have the tokens that they have when it is asked for
		jq -c '.messages |= .[:4]' in.jsonl | fc-infer -q --generate --max-new 1 -m "$F/$m" | jq -c . >asked
		[ "$(wc -l <asked)" -eq 3 ]
	done
}
