#!/usr/bin/env bats
# fc-infer on the embedded models.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

talk() { # talk SET N [OPTIONS]: conversations
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set "$1" -n "$2" --seed 5 "${@:3}"
}

@test "the stream is whole, in input order, with one row for each label" {
	talk heldout 40 >in.jsonl
	run -0 fc-infer -q -m "$(kit pivot)" -o out.fcs in.jsonl
	run -0 fc-view --verify out.fcs
	fc-view --jsonl out.fcs | jq -r .id >ids
	jq -r .id in.jsonl | cmp - ids
}

@test "--shard: every Nth conversation under its name in the whole, and the shards make the whole" {
	talk heldout 7 | jq -c 'del(.id)' | sed '3s/^/\n \n/' >in.jsonl
	for mode in --tokens "-k 3 --dtype f32"; do
		# shellcheck disable=SC2086 # words
		infer() { fc-infer -q $mode --no-history -m "$(kit pivot)" "$@" in.jsonl; }
		infer -o whole.fcs
		for i in 1 2 3; do infer --shard "$i/3" -o "$i.fcs"; done
		fc-view --jsonl 2.fcs | jq -r .id | paste -sd ' ' | grep -x 'line-2 line-7'
		fc-view --stream --no-history --in-turn -o joined.fcs 1.fcs 2.fcs 3.fcs
		diff <(fc-view --jsonl whole.fcs | jq 'del(.nll, .rows)') <(fc-view --jsonl joined.fcs | jq 'del(.nll, .rows)')
	done
	talk heldout 5 --questions >q.jsonl
	answer() { fc-infer -q --generate -m "$(kit pivot)" --max-new 5 "$@" q.jsonl; }
	answer >whole.jsonl
	answer --shard 2/2 | cmp - <(sed -n '2~2p' whole.jsonl)
	run -2 fc-infer -m "$(kit pivot)" --shard 3/2 in.jsonl
	[[ $output == *"--shard: '3/2' is not I/N with 1 <= I <= N"* ]]
}

@test "-k above the vocabulary gives all of it" {
	talk heldout 2 >in.jsonl
	fc-infer -q -m "$(kit pivot)" -k 65535 -o all.fcs in.jsonl
	[[ $(fc-view all.fcs) == *$'\ntop-k         640\n'* ]]
	fc-infer -q -m "$(kit pivot)" -k 640 --no-history in.jsonl | fc-view --jsonl | cmp - <(fc-view --jsonl all.fcs)
	[[ $(fc-view --stats all.fcs) == *'entries a row       640 (640 to 640)'* ]]
}

@test "a name that is not UTF-8 is refused, since no reader of protobuf would take it" {
	talk heldout 1 >in.jsonl
	run -1 fc-infer -q -m "$(kit pivot)" --name $'caf\xe9' -o a.fcs in.jsonl
	[[ $output == *"a source's name: byte 3 is no UTF-8" ]]
	[ ! -e a.fcs ]
	fc-infer -q -m "$(kit pivot)" --name $'caf\xc3\xa9' -o a.fcs in.jsonl
	[[ $(fc-view a.fcs) == *$'source        caf\xc3\xa9, model'* ]]
}

@test "standard input and output are the same as files" {
	talk heldout 10 >in.jsonl
	fc-infer -q -m "$(kit pivot)" -o a.fcs in.jsonl
	fc-infer -q -m "$(kit pivot)" <in.jsonl >b.fcs
	fc-infer -q -m "$(kit pivot)" - <in.jsonl >c.fcs
	cmp a.fcs b.fcs
	cmp a.fcs c.fcs
}

@test "the bytes are the same in every run, also with one thread" {
	talk heldout 30 >in.jsonl
	for j in 1 2; do
		fc-infer -q -j $j -m "$(kit facts)" -p "$(kit pivot)" -o a$j.fcs in.jsonl
		fc-infer -q -j $j -m "$(kit facts)" -p "$(kit pivot)" -o b$j.fcs in.jsonl
		cmp a$j.fcs b$j.fcs
	done
}

# close A B TOLERANCE: the log-probabilities of two streams differ by at most the tolerance
close() {
	paste <(fc-view --jsonl "$1" | jq -r '.nll') <(fc-view --jsonl "$2" | jq -r '.nll') |
		awk -v t="$3" '{ d = $1 - $2; if (d < 0) d = -d; if (d > t * (1 + $2)) bad = 1; n++ }
			END { exit bad || !n }'
}

@test "a conversation alone gives what it gives in a batch" {
	talk heldout 30 >in.jsonl
	fc-infer -q --dtype f32 -m "$(kit strings)" -p "$(kit pivot)" -o batch.fcs in.jsonl
	fc-infer -q --dtype f32 --batch-tokens 1 -m "$(kit strings)" -p "$(kit pivot)" -o alone.fcs in.jsonl
	close batch.fcs alone.fcs 1e-4
}

@test "float32 and bfloat16 agree to bfloat16's precision" {
	talk heldout 30 >in.jsonl
	fc-infer -q --dtype f32 -m "$(kit pivot)" -o f32.fcs in.jsonl
	fc-infer -q --dtype bf16 -m "$(kit pivot)" -o bf16.fcs in.jsonl
	close bf16.fcs f32.fcs 2e-2
	run ! cmp f32.fcs bf16.fcs
}

@test "--tokens needs no weights and gives the tokens of the distributions" {
	talk heldout 10 >in.jsonl
	mkdir m
	cp "$(kit pivot)"/*token* "$(kit pivot)"/chat_template.jinja m/
	fc-infer -q --tokens -m m -o t.fcs in.jsonl
	fc-infer -q -m "$(kit pivot)" -o d.fcs in.jsonl
	diff <(fc-view --jsonl t.fcs | jq -c '[.id, .tokens]') <(fc-view --jsonl d.fcs | jq -c '[.id, .tokens]')
}

@test "a source reads the pivot's text" {
	talk heldout 10 >in.jsonl
	fc-infer -q -m "$(kit pivot)" -o p.fcs in.jsonl
	fc-infer -q -m "$(kit arithmetic)" -p "$(kit pivot)" -o s.fcs in.jsonl
	diff <(fc-view --jsonl p.fcs | jq -c '[.id, .text]') <(fc-view --jsonl s.fcs | jq -c '[.id, .text]')
	run ! cmp p.fcs s.fcs
}

@test "special tokens in a message are text" {
	echo '{"messages":[{"role":"user","content":"a<|eot|>b"},{"role":"assistant","content":"c"}]}' >in.jsonl
	fc-infer -q --tokens -m "$(kit pivot)" in.jsonl | fc-view --jsonl >out
	eot=$(jq '.added_tokens[] | select(.content == "<|eot|>") | .id' "$(kit pivot)/tokenizer.json")
	[ "$(jq --argjson e "$eot" '[.tokens[] | select(. == $e)] | length' out)" -eq 2 ]
}

@test "greedy answers are the same alone and in a batch, and captures, at any number of threads" {
	talk heldout 40 --questions >in.jsonl
	run -0 fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 20 -o a in.jsonl
	fc-infer -q --generate --dtype f32 --slots 1 -j 1 -m "$(kit pivot)" --max-new 20 -o b in.jsonl
	cmp a b
	[ "$(wc -l <a)" -eq 40 ]
	[ "$(jq -r '.messages[-1].role' a | sort -u)" = assistant ]
	diff <(jq -r .id in.jsonl) <(jq -r .id a)
	for dtype in f32 bf16; do
		cmp <(fc-infer -q --dtype $dtype -j 1 -m "$(kit pivot)" a) <(fc-infer -q --dtype $dtype -j 3 -m "$(kit pivot)" a)
	done
}

@test "sampling is fixed by seed and id, and varies with the seed" {
	talk heldout 20 --questions >in.jsonl
	gen() { fc-infer -q --generate --dtype f32 --temperature 1 --seed "$1" --slots "$2" -m "$(kit pivot)" --max-new 20 in.jsonl; }
	gen 1 3 >a
	gen 1 9 >b
	gen 2 3 >c
	cmp a b
	run ! cmp a c
}

@test "a conversation without an open turn passes through" {
	talk heldout 5 >in.jsonl
	fc-infer -q --generate -m "$(kit pivot)" in.jsonl | jq -c .messages >out
	jq -c .messages in.jsonl | cmp - out
	run -0 fc-infer -q --generate -m "$(kit pivot)" -o out in.jsonl
	[[ $output == *"nothing was generated"* ]]
	talk heldout 5 --questions >open.jsonl
	run -0 fc-infer -q --generate -m "$(kit pivot)" -o out open.jsonl
	[ -z "$output" ]
}

@test "a prompt in pieces, few slots and little cache change no bit of a greedy answer" {
	talk heldout 60 --questions >in.jsonl
	gen() { fc-infer -q --generate --dtype "$1" -m "$(kit strings)" --max-new 20 "${@:2}" in.jsonl; }
	for dtype in f32 bf16; do
		gen $dtype --batch-tokens 7 >a
		gen $dtype --batch-tokens 7 --slots 40 -j 1 >b
		gen $dtype --batch-tokens 7 --slots 40 --cache-mib 1 >c
		cmp a b
		cmp a c
	done
	gen f32 --batch-tokens 7 >a
	gen f32 >b
	cmp a b
	run -1 fc-infer -q --generate -m "$(kit strings)" --max-new 100000 --max-length 100000 --cache-mib 1 in.jsonl
	[[ $output == *"conversation heldout-0 needs a key/value cache of 100000 tokens, --cache-mib 1 has room for "* ]]
}

@test "stop strings cut greedy answers at the earliest of them" {
	talk heldout 40 --questions >in.jsonl
	gen() { fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 20 "$@" in.jsonl; }
	gen >whole
	gen --stop 's' --stop 'nswer' --stop 'zzz' >stopped
	jq -r '.messages[-1].content' whole |
		python3 -c '
import re, sys
for line in sys.stdin:
    line = line.rstrip("\n")
    print(line[:min(line.find(s) if s in line else len(line) for s in ("s", "nswer"))])' >want
	jq -r '.messages[-1].content' stopped | cmp - want
	run ! cmp <(jq -r '.messages[-1].content' whole) want
	gen --stop-token "$(jq -r '.model.vocab["."]' "$(kit pivot)/tokenizer.json")" >number
	gen --stop-token . >name
	cmp number name
	run ! cmp name whole
	run -1 fc-infer --generate -m "$(kit pivot)" --stop-token 'no such' in.jsonl
	[[ $output == *"--stop-token no such: the vocabulary has no such token"* ]]
	run -1 fc-infer --generate -m "$(kit pivot)" --stop '' in.jsonl
	[[ $output == *"empty string"* ]]
}

@test "a penalty for repetition changes answers, 1 does not" {
	talk heldout 20 --questions >in.jsonl
	gen() { fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 20 "$@" in.jsonl; }
	gen >a
	gen --repetition-penalty 1 >b
	gen --repetition-penalty 5 >c
	gen --repetition-penalty 5 --slots 3 >d
	cmp a b
	cmp c d
	run ! cmp a c
}

@test "several choices: choice i is what seed + i draws" {
	talk heldout 10 --questions >in.jsonl
	gen() { fc-infer -q --generate --dtype f32 --temperature 1 -m "$(kit pivot)" --max-new 20 "$@" in.jsonl; }
	gen --choices 3 --seed 4 --slots 2 >all
	[ "$(wc -l <all)" -eq 30 ]
	[ "$(jq -r .choice all | sort | uniq -c | tr -s ' \n' ' ')" = " 10 0 10 1 10 2 " ]
	for i in 0 1 2; do
		gen --seed $((4 + i)) | jq -c .messages >one
		jq -c "select(.choice == $i) | .messages" all | cmp - one
	done
}

@test "a prompt over the context: stop, cut the oldest turns, skip" {
	python3 - >in.jsonl <<-'END'
		import json
		turns = [{"role": r, "content": "What is 1 plus 2? " * 3} for r in ("user", "assistant") * 6]
		print(json.dumps({"id": "long", "messages": [{"role": "user", "content": "What is 3 plus 4?"}] + turns[1:]
			+ [{"role": "user", "content": "What is 5 plus 6?"}]}))
		print(json.dumps({"id": "short", "messages": [{"role": "user", "content": "What is 5 plus 6?"}]}))
	END
	gen() { fc-infer --generate --dtype f32 -m "$(kit pivot)" --max-new 9 "$@" in.jsonl; }
	run -1 gen -q
	[[ $output == *"conversation long: the prompt has "*" tokens, the limit is 256 with the answer; see --long"* ]]
	run -0 --separate-stderr gen -q --long skip
	[ "$(jq -r .id <<<"$output")" = short ]
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *"1 conversations were over the context and were left out"* ]]
	run -0 --separate-stderr gen -q --long truncate
	[[ $stderr == *"1 prompts were over the context and lost their oldest turns, "* ]]
	[ "$(jq -r .id <<<"$output" | paste -sd' ')" = "long short" ]
	[ "$(jq -c '.messages[:-1]' <<<"$output" | head -n 1)" = "$(head -n 1 in.jsonl | jq -c .messages)" ]
	dropped=$(sed -n 's/.* \([0-9]*\) in all/\1/p' <<<"$stderr")
	# what is left, asked by itself, has the same answer
	head -n 1 in.jsonl | jq -c --argjson n "$dropped" '.messages |= .[2 * $n:]' |
		fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 9 |
		jq -c '.messages[-1]' >want
	jq -c '.messages[-1]' <<<"$output" | head -n 1 | cmp - want
	run -1 fc-infer -q --generate --long truncate --max-length 5 -m "$(kit pivot)" in.jsonl
	[[ $output == *"in its last turn, the limit is 5"* ]]
}

@test "questions become an answer file: temperatures, two turns, the same bytes again" {
	cat >q.jsonl <<-'END'
		{"question_id": 81, "category": "writing", "turns": ["What is 5 plus 6?", "Reverse a-b-c."]}
		{"question_id": 111, "category": "math", "turns": ["What is 5 plus 6?", "Reverse a-b-c."], "reference": ["11", ""]}
		{"question_id": 7, "category": "math", "turns": ["What is 5 plus 6?"], "required_temperature": 0.3}
		{"uid": "f0", "category": "arena-hard-v0.1", "cluster": "x", "prompt": "What is 5 plus 6?"}
	END
	ask() { fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 20 "$@" q.jsonl; }
	ask --name me >a
	ask --name me --slots 1 >b
	cmp a b
	[ "$(jq -c '[.question_id, .model_id, .tstamp, .generation.temperature]' a | paste -sd' ')" = \
		'[81,"me",0,0.7] [111,"me",0,0] [7,"me",0,0.3] ["f0","me",0,0]' ]
	[ "$(jq -c '[.choices[] | .index, (.turns | length), .finish]' a | paste -sd' ')" = \
		'[0,2,["stop","stop"]] [0,2,["stop","stop"]] [0,1,["stop"]] [0,1,["stop"]]' ]
	[ "$(jq -r .answer_id a | grep -cE '^[2-9A-HJ-NP-Za-km-z]{22}$')" -eq 4 ]
	[ "$(jq -r .answer_id a | sort -u | wc -l)" -eq 4 ]
	# the second turn reads the model's own first answer
	sed -n 2p q.jsonl | jq -c '{id: .question_id, messages: [.turns[] | {role: "user", content: .}]}' |
		fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 20 |
		jq -c '[.messages[] | select(.role == "assistant") | .content]' >want
	sed -n 2p a | jq -c '.choices[0].turns' | cmp - want
	ask --temperature 0 --choices 2 | jq -c '[.choices[].turns[0]] | unique | length' | sort -u >one
	[ "$(cat one)" = 1 ]
	[ "$(ask --tstamp 1700000000 | jq .tstamp | sort -u)" = 1700000000 ]
	run -1 fc-infer -q -m "$(kit pivot)" -o x.fcs q.jsonl
	[[ $output == *'q.jsonl:1: the members are "question_id", "category", "turns"; expected "messages" or "conversations", '* ]]
}

@test "--resume answers what is missing, after any cut; the bytes are those of one run" {
	talk heldout 8 --questions | jq -c '{question_id: .id, turns: [.messages[].content], category: .skill}' >q.jsonl
	ask() { fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 8 --choices 2 "$@"; }
	ask -o whole q.jsonl
	size=$(stat -c %s whole)
	for keep in 0 1 700 $((size / 2)) $((size - 1)) "$size"; do
		head -c "$keep" whole >part
		ask --resume -o part q.jsonl
		cmp whole part
	done
	rm part
	ask --resume -o part q.jsonl
	cmp whole part
	talk heldout 8 --questions >c.jsonl
	ask -o whole.c c.jsonl
	for lines in 0 1 2 5 16; do
		{ head -n $lines whole.c; head -c 20 whole.c; } >part
		ask --resume -o part c.jsonl
		cmp whole.c part
	done
	cp whole part
	run -1 ask --resume --seed 3 -o part q.jsonl
	[[ $output == *"part:1: the answer was made with other options"* ]]
	run -1 ask --resume --name other -o part q.jsonl
	[[ $output == *'part:1: an answer of model "pivot", not of "other"'* ]]
	run -2 ask --resume q.jsonl
	[[ $output == *"--resume needs an output file"* ]]
	echo 'x' >part
	run -1 ask --resume -o part q.jsonl
	[[ $output == *"part: exists and is no file of JSON lines"* ]]
	[ "$(cat part)" = x ]
	printf '{"x": 1}\n' >part
	run -1 ask --resume -o part q.jsonl
	[[ $output == *"part:1"* ]]
	[ "$(cat part)" = '{"x": 1}' ]
}

@test "a killed run with --resume loses only what was in flight" {
	talk heldout 300 --questions | jq -c '{question_id: .id, turns: [.messages[].content], category: .skill}' >q.jsonl
	args=(-q --generate --dtype f32 --slots 4 -m "$(kit pivot)" --max-new 12 q.jsonl)
	fc-infer "${args[@]}" -o whole
	for delay in 0.05 0.1 0.2; do
		fc-infer "${args[@]}" --resume -o part &
		sleep $delay
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
	done
	fc-infer "${args[@]}" --resume -o part
	cmp whole part
}

@test "every open user turn is answered, first to last" {
	echo '{"id":"x","messages":[{"role":"user","content":"Hi, I am Mia."},{"role":"user","content":"Bye."}]}' >in.jsonl
	fc-infer -q --generate --max-new 12 -m "$(kit pivot)" in.jsonl >out
	[ "$(jq -r '[.messages[].role] | join(" ")' out)" = "user assistant user assistant" ]
}

@test "too long conversations: stop, cut, skip" {
	talk heldout 10 >in.jsonl
	run -1 fc-infer -q -m "$(kit pivot)" --max-length 12 -o out.fcs in.jsonl
	[[ $output == *"in.jsonl:"*"conversation heldout-"*"limit is 12"* ]]
	[ ! -e out.fcs ]
	run -0 fc-infer -q -m "$(kit pivot)" --max-length 12 --long truncate -o cut.fcs in.jsonl
	[[ $output == *"were truncated"* ]]
	[ "$(fc-view --jsonl cut.fcs | jq '.tokens | length' | sort -n | tail -n 1)" -eq 12 ]
	run -0 fc-infer -q -m "$(kit pivot)" --max-length 12 --long skip -o skip.fcs in.jsonl
	[[ $output == *"were skipped"* ]]
	run -0 fc-infer -q -m "$(kit pivot)" --max-length 250 -o whole.fcs in.jsonl
}

@test "--tokens knows the model's context" {
	talk heldout 3 >in.jsonl
	printf '{"id":"long","messages":[{"role":"user","content":"%s"},{"role":"assistant","content":"b"}]}\n' \
		"$(printf 'a b c %.0s' {1..300})" >>in.jsonl
	run -1 fc-infer -q --tokens -m "$(kit pivot)" -o out.fcs in.jsonl
	[[ $output == *"in.jsonl:4: conversation long has "*" tokens, the limit is 256; see --long"* ]]
	run -0 fc-infer -q --tokens --long skip -m "$(kit pivot)" -o out.fcs in.jsonl
	[[ $output == *"1 conversations were longer than the limit and were skipped"* ]]
	[ "$(fc-view --jsonl out.fcs | wc -l)" -eq 3 ]
	# without a config.json nothing is known, and nothing is guessed
	mkdir m
	cp "$(kit pivot)"/*token* "$(kit pivot)"/chat_template.jinja m/
	fc-infer -q --tokens -m m -o out.fcs in.jsonl
	[ "$(fc-view --jsonl out.fcs | wc -l)" -eq 4 ]
	run -1 fc-infer -q --tokens --long skip -m m -o out.fcs in.jsonl
	[[ $output == *"m: the model's context is not known, so --long needs --max-length"* ]]
	run -0 fc-infer -q --tokens --long skip --max-length 256 -m m -o out.fcs in.jsonl
}

@test "a conversation that no record holds is named" {
	need_shared
	{ printf '{"id":"big","messages":[{"role":"user","content":"'
	yes 'ab ' | head -n 10000000 | tr -d '\n'
	echo '"}]}'; } >in.jsonl
	run -1 fc-infer -q --tokens --max-length 16777216 --long truncate -m "$FC_SHARED/faults/base" \
		--template chatml -o out.fcs in.jsonl
	[[ $output == *"record 1 (big) of "*" bytes exceeds the limit of 67108864"* ]]
}

@test "an error of a template names the file that holds it" {
	cp -r "$(kit strings)" model
	chat='{"messages":[{"role":"user","content":"a"}]}'
	echo "{{ raise_exception('no') }}" >model/chat_template.jinja
	fc-convert -q -o model.gguf model
	run -1 fc-infer --tokens -m model -o out.fcs <<<"$chat"
	[[ $output == *" model/chat_template.jinja:1: no" ]]
	run -1 fc-infer --tokens -m model.gguf -o out.fcs <<<"$chat"
	[[ $output == *" model.gguf: tokenizer.chat_template:1: no" ]]
	rm model/chat_template.jinja
	jq '.chat_template = "{{ raise_exception(1) }}"' model/tokenizer_config.json >config
	mv config model/tokenizer_config.json
	run -1 fc-infer --tokens -m model -o out.fcs <<<"$chat"
	[[ $output == *" model/tokenizer_config.json: chat_template:1: 1" ]]
}

@test "members of messages reach the template, and those that it does not read are told" {
	need_shared
	dir=$FC_SHARED/faults/message_members
	infer() { fc-infer --tokens -m "$FC_SHARED/faults/base" "$@"; }
	infer --template "$dir/template.jinja" "$dir/chat.jsonl" 2>err | fc-view --jsonl >out
	jq -rj .text out | cmp - "$dir/expected.txt"
	grep 'fc-infer: 1 answers are not learned, as their lines say' err
	run ! grep warning err
	infer --template chatml "$dir/chat.jsonl" 2>err >out
	grep 'warning: members of messages that the chat template does not read: "name" (1), "reasoning_content" (1)$' err
	echo '{"tools":[{}],"system":"S","messages":[{"role":"user","content":"U"}]}' |
		infer --template chatml 2>err >out
	grep 'warning: members of lines that the chat template does not read: "tools" (1)$' err
	[[ $(fc-view --jsonl out | jq -r .text) == *system*S*user*U* ]]
}

@test "an answer that nobody asked for is not learned" {
	echo '{"conversations":[{"from":"gpt","value":"x"},{"from":"human","value":"Hi"},{"from":"gpt","value":"y"}]}' >in.jsonl
	fc-infer --tokens -m "$(kit pivot)" in.jsonl 2>err | fc-view --jsonl >out
	grep "warning: 1 answers that no user's message precedes are not learned; see --train-opening" err
	fc-infer --tokens --train-opening -m "$(kit pivot)" in.jsonl 2>err | fc-view --jsonl >all
	run ! grep opening err
	[ "$(jq '.trained | add' all)" -eq $((2 * $(jq '.trained | add' out))) ]
	[ "$(jq -c .tokens all)" = "$(jq -c .tokens out)" ]
	run -2 fc-infer --generate --train-opening -m "$(kit pivot)" in.jsonl
}

@test "--generate answers what tools returned, and keeps every member" {
	cat >in.jsonl <<'END'
{"id":"x","messages":[{"role":"user","content":"Hi","name":"mia"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","content":"3"},{"role":"tool","content":{"b":[4]}}],"tools":[]}
END
	cat >t.jinja <<'END'
{% for m in messages %}{{ m.role }}: {{ m.content or (m.tool_calls | tojson) }}<|eot|>{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}
END
	fc-infer -q --generate --max-new 3 --template t.jinja -m "$(kit pivot)" in.jsonl >out
	[ "$(jq -c '.messages[-1].role' out)" = '"assistant"' ]
	[ "$(jq -c 'del(.messages[-1], .answered_by)' out)" = "$(cat in.jsonl)" ]
}

@test "what the manual shows of other forms makes conversations" {
	mandoc -Tascii -O width=200 "$FC_ROOT/man/fc-infer.1" | sed 's/.\x08//g' | sed -n "/^OTHER FORMS/,/^ENVIRONMENT/p" >page
	tr -s ' \n' ' ' <page | grep -o "jq -c '[^']*'" | sed "s/jq -c '\(.*\)'/\1/" >filters
	[ "$(wc -l <filters)" -eq 7 ]
	answer='[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]'
	made() { jq -c "$(sed -n "$1p" filters)" <<<"$2"; } # made LINE_OF_JQ INPUT
	read_as() { fc-infer -q --tokens -m "$(kit pivot)" | fc-view --jsonl | jq -r .text; }
	[ "$(made 1 '{"prompt":"a","completion":"b"}')" = "{\"messages\":$answer}" ]
	[ "$(made 2 "{\"chosen\":$answer}")" = "{\"messages\":$answer}" ]
	want=$(read_as <<<"{\"messages\":$answer}")
	[ "$(made 3 '{"instruction":"a","context":"","response":"b","category":"c"}' | read_as)" = "$want" ]
	[ "$(made 4 '{"id":"x","system_prompt":"","question":"a","response":"b"}' | read_as)" = "$want" ]
	[ "$(made 5 '{"messages":[{"content":"x"},{"tool_calls":[{"function":{"arguments":"{\"x\": 1}"}},{"function":{"arguments":{"y":2}}}]}]}' |
		jq -c '.messages[1].tool_calls')" = '[{"function":{"arguments":{"x":1}}},{"function":{"arguments":{"y":2}}}]' ]
	made 6 '{"request":{"prompt":["a","b"],"n":2},"response":{"choices":[{"index":0},{"index":1},{"index":2},{"index":3}]}}' >prompts.jsonl
	[ "$(sed -n 2p prompts.jsonl)" = '{"request":{"prompt":"b","n":2},"response":{"choices":[{"index":2}]}}' ]
	made 7 '{"request":{"sequences":[[1],[2]],"prompt_lengths":[3,4],"top_logprobs":5},"response":{"logprobs":[6,7],"logprob_token_ids":[8,9]}}' >batches.jsonl
	[ "$(sed -n 2p batches.jsonl)" = '{"request":{"sequences":[[2]],"prompt_lengths":[4],"top_logprobs":5},"response":{"logprobs":[7],"logprob_token_ids":[9]}}' ]
	[ "$(wc -l <batches.jsonl)" -eq 2 ]
	# each form that is shown is read
	mandoc -Tascii -O width=400 "$FC_ROOT/man/fc-infer.1" | sed 's/.\x08//g' |
		sed -n '/^ *Forms of conversations/,/^ *Questions of benchmarks/p' | grep -o '^ *{".*}$' |
		sed 's/"tools": \[\.\.\.\]/"tools": []/; s/"prompt": \[\.\.\.\], "chosen": \[\.\.\.\], "rejected": \[\.\.\.\]/"prompt": "The sky is", "chosen": " blue.", "rejected": " red."/; s/"conversations": \[\.\.\.\]/"conversations": [{"from": "human", "value": "Hi"}]/; s/"rejected": {\.\.\.}/"rejected": {"from": "gpt", "value": "No."}/' >forms.jsonl
	[ "$(wc -l <forms.jsonl)" -eq 11 ]
	fc-infer -q --tokens -m "$(kit pivot)" -o x.fcs forms.jsonl
	[ "$(fc-view --jsonl x.fcs | wc -l)" -eq 14 ] # three are pairs
}

@test "the date of strftime_now is told" {
	echo '{"messages":[{"role":"user","content":"a"}]}' >in.jsonl
	echo '{{ strftime_now("%Y-%m-%d") }} {{ messages[0].content }}' >t.jinja
	fc-infer --tokens --template t.jinja -m "$(kit pivot)" in.jsonl 2>err | fc-view --jsonl >out
	[ "$(jq -r .text out)" = "2024-07-26 a" ]
	grep "the chat template asks for the date; it is always given 2024-07-26" err
}

@test "wrong command lines end with 2, bad input with 1 and its place" {
	run -2 fc-infer in.jsonl
	run -2 fc-infer -m "$(kit pivot)" --no-such-option
	run -2 fc-infer -m "$(kit pivot)" --top-k many
	run -2 fc-infer -m "$(kit pivot)" --generate --tokens
	run -2 fc-infer -m "$(kit pivot)" --temperature 0.5
	run -1 fc-infer -q -m no/such/model -o x.fcs /dev/null
	run -1 fc-infer -q -m "$(kit pivot)" -o x.fcs no-such-file.jsonl
	printf '%s\n' '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}' '{"messages":' >bad.jsonl
	run -1 fc-infer -q -m "$(kit pivot)" -o x.fcs bad.jsonl
	[[ $output == *"bad.jsonl:2: column "* ]]
	fc-infer -q -m "$(kit pivot)" -o a.fcs <<<'{"messages":[{"role":"user","content":"a"}]}'
	run -1 fc-infer -q -m "$(kit pivot)" -o x.fcs a.fcs
	[[ $output == *"a.fcs:1: JSON expected, this is a stream"* ]]
	run -1 fc-infer -q -m "$(kit pivot)" -p no/such/model -o x.fcs /dev/null
	[[ $output == *"open no/such/model: no such model"* ]]
	run -2 fc-infer -m "$(kit pivot)" --top-k 65536 /dev/null
	[[ $output == *"65536 is outside [0, 65535]"* ]]
	run -2 fc-infer -m "$(kit pivot)" --batch-tokens 0 /dev/null
	[[ $output == *"0 is outside [1, 16777216]"* ]]
	run -2 fc-infer -m "$(kit pivot)" --quiet=yes /dev/null
	[[ $output == *"--quiet takes no value"* ]]
	run -2 fc-infer -m "$(kit pivot)" - -
	[[ $output == *"only once"* ]]
	[ ! -e x.fcs ]
}

@test "empty input gives an empty, whole stream, and a warning" {
	run -0 fc-infer -q -m "$(kit pivot)" -o out.fcs /dev/null
	[[ $output == *"warning: there is no conversation in the input"* ]]
	run -0 fc-view --verify out.fcs
}

@test "--dry-run checks model, template, stops and output; it reads and writes nothing" {
	mkdir bare && cp "$(kit pivot)"/*.json bare
	for mode in '' --tokens --generate; do
		run -0 fc-infer --dry-run $mode -m "$(kit facts)" -p "$(kit pivot)" -o out <<<'no conversation'
		# with FC_ISA what computes is said, too
		said=$(grep -v ', instruction set ' <<<"$output" || true)
		[ "$mode" = --tokens ] && [ -z "$said" ] || [[ $said == "fc-infer: memory of cpu: "*"iB: weights "* && $(wc -l <<<"$said") -eq 1 ]]
		[ ! -e out ] && [ ! -e .out.partial ]
		run -1 fc-infer --dry-run $mode -m "$(kit facts)" -p no/such/model
		[[ $output == *no/such/model* ]]
		run -1 fc-infer --dry-run $mode -m "$(kit facts)" no/such/chats.jsonl
		[[ $output == *no/such/chats.jsonl* ]]
		run fc-infer --dry-run $mode -m bare -p "$(kit pivot)" # tokens need no weights
		[ "$status" -eq "$([ "$mode" = --tokens ] && echo 0 || echo 1)" ]
	done
	run -1 fc-infer --dry-run --generate -m "$(kit pivot)" --stop-token '<nonsense>'
	[[ $output == *"--stop-token <nonsense>"* ]]
	run -2 fc-infer --dry-run -m "$(kit pivot)" -k 70000
}

@test "weights that are not numbers are an error" {
	cp -r "$(kit pivot)" m
	chmod -R u+w m
	size=$(stat -c %s m/model.safetensors)
	# bfloat16 NaN over the last tensor
	head -c 1024 /dev/zero | tr '\0' '\377' |
		dd of=m/model.safetensors bs=1 seek=$((size - 1024)) conv=notrunc status=none
	talk heldout 5 >in.jsonl
	run -1 fc-infer -q -m m -o out.fcs in.jsonl
	[[ $output == *"NaN"* ]]
	[ ! -e out.fcs ]
}

@test "a full disk, a closed pipe and a kill leave nothing wrong" {
	talk heldout 200 >in.jsonl
	run -1 pipe 'fc-infer -q -m "'"$(kit pivot)"'" in.jsonl >/dev/full'
	[[ $output == *"No space"* ]]
	fc-infer -q -m "$(kit pivot)" in.jsonl 2>err | head -c 100 >/dev/null
	[ ! -s err ]
	for delay in 0.02 0.05 0.1 0.2; do
		fc-infer -q -m "$(kit pivot)" -o killed.fcs in.jsonl &
		sleep $delay
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		[ ! -e killed.fcs ] || fc-view --verify killed.fcs
		rm -f killed.fcs
	done
}

# on_terminal COMMAND...: what it shows on a terminal
on_terminal() { python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@" </dev/null | tr '\r' '\n'; }

@test "progress shows a share and the time left where the input is files" {
	talk train 1500 >a.jsonl
	talk heldout 1500 >b.jsonl
	for mode in '' --tokens '--generate --max-new 4'; do
		head -n 1500 a.jsonl b.jsonl | grep '^{' | jq -c '.messages |= .[:1]' >ask.jsonl
		in=()
		times=1
		[ "$mode" != --tokens ] || times=30 # long enough for a fast machine
		for _ in $(seq $times); do in+=(a.jsonl b.jsonl); done
		[[ $mode != --generate* ]] || in=(ask.jsonl)
		rm -f out
		on_terminal fc-infer $mode -m "$(kit pivot)" --batch-tokens 500 -o out "${in[@]}" >shown
		grep -Eq 'fc-infer out: \[[#.]{24}\] +[0-9]+ %, [0-9]+ (tokens|conversations), [0-9.]+[kM]? (tokens|conversations)/s, [0-9]+ (s|min [0-9]+ s) left' shown
	done
	rm -f out
	on_terminal sh -c "cat a.jsonl b.jsonl | fc-infer -m '$(kit pivot)' --batch-tokens 500 -o out -" >shown
	grep -Eq 'fc-infer out: [0-9]+ tokens, ' shown
	run ! grep % shown
}

@test "the cache is spoken of only where it was too small for the slots" {
	printf '{"id":"%s","messages":[{"role":"user","content":"Hello."}]}\n' a b c d >in.jsonl
	run -0 --separate-stderr fc-infer --generate -m "$(kit pivot)" --max-new 20 in.jsonl
	[[ $stderr != *cache* ]]
	token=$(fc-infer --generate -m "$(kit pivot)" --max-new 100000 --max-length 200000 --cache-mib 1 in.jsonl 2>&1 |
		sed -n 's/.*has room for //p')
	run -0 --separate-stderr fc-infer --generate -m "$(kit pivot)" --max-new $((token / 3)) --max-length 200000 \
		--cache-mib 1 in.jsonl
	[[ $stderr == *"key/value cache: "*" bytes a token; slots waited for room in 1 MiB (--cache-mib)"* ]]
}

@test "--generate: lines with the id of another are told, with a count and the first" {
	kit="$FC_ROOT/pipelines/demo/kit/facts"
	questions() { for id in "$@"; do echo "{\"question_id\":$id,\"category\":\"math\",\"turns\":[\"a\"]}"; done; }
	questions 1 2 7 2 1 '"2"' >in.jsonl
	run fc-infer -q --generate --max-new 2 -m "$kit" -o out.jsonl in.jsonl
	[ "$status" -eq 0 ]
	[[ $output == *'3 lines have the id of an earlier line, first "2"; of their answers a judge takes the last'* ]]
	[ "$(wc -l <out.jsonl)" -eq 6 ]
	questions $(seq 300) >in.jsonl
	run fc-infer -q --generate --max-new 1 -m "$kit" -o out.jsonl in.jsonl
	[[ $output != *"id of an earlier"* ]]
	questions $(seq 300) 300 >in.jsonl
	run fc-infer -q --generate --max-new 1 -m "$kit" -o out.jsonl in.jsonl
	[[ $output == *'1 lines have the id of an earlier line, first "300"'* ]]
	# those that are answered already count too
	head -n 10 out.jsonl >part.jsonl
	run fc-infer -q --generate --max-new 1 -m "$kit" --resume -o part.jsonl in.jsonl
	[[ $output == *'1 lines have the id of an earlier line, first "300"'* ]]
}
