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

@test "greedy answers are the same alone and in a batch, at any number of threads" {
	talk heldout 40 --questions >in.jsonl
	run -0 fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 20 -o a in.jsonl
	fc-infer -q --generate --dtype f32 --slots 1 -j 1 -m "$(kit pivot)" --max-new 20 -o b in.jsonl
	cmp a b
	[ "$(wc -l <a)" -eq 40 ]
	[ "$(jq -r '.messages[-1].role' a | sort -u)" = assistant ]
	diff <(jq -r .id in.jsonl) <(jq -r .id a)
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
	run -0 fc-infer -q -m "$(kit pivot)" --max-length 12 --long cut -o cut.fcs in.jsonl
	[[ $output == *"were cut"* ]]
	[ "$(fc-view --jsonl cut.fcs | jq '.tokens | length' | sort -n | tail -n 1)" -eq 12 ]
	run -0 fc-infer -q -m "$(kit pivot)" --max-length 12 --long skip -o skip.fcs in.jsonl
	[[ $output == *"were skipped"* ]]
	run -0 fc-infer -q -m "$(kit pivot)" --max-length 250 -o whole.fcs in.jsonl
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
	[[ $output == *"open no/such/model: no such folder"* ]]
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

@test "empty input gives an empty, whole stream" {
	run -0 fc-infer -q -m "$(kit pivot)" -o out.fcs /dev/null
	run -0 fc-view --verify out.fcs
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
