#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fc-view --from-jsonl: streams of lines, those of --jsonl --whole and those of other programs.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

talk() { python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n "$1" --seed 3; }

# The stream $1 is made of its lines again, to the byte, and the lines of the stream.
there_and_back() {
	fc-view --jsonl --whole "$1" >lines.jsonl
	fc-view --from-jsonl --no-history -o again.fcs lines.jsonl
	cmp "$1" again.fcs
	fc-view --from-jsonl --no-history <lines.jsonl | fc-view --jsonl --whole | cmp - lines.jsonl
}

@test "every kind of stream is made of its lines again, to the byte" {
	talk 12 >chats.jsonl
	fc-infer -q -m "$(kit pivot)" -o dists.fcs chats.jsonl
	there_and_back dists.fcs
	[ "$(wc -l <lines.jsonl)" -eq 13 ]
	fc-infer -q -m "$(kit pivot)" --all-rows -k 3 --cut whole -o all.fcs chats.jsonl
	there_and_back all.fcs
	fc-infer -q -m "$(kit facts)" --sample 16 --sample-temperature 0.7 -o draws.fcs chats.jsonl
	there_and_back draws.fcs
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" chats.jsonl |
		fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" -o aligned.fcs
	there_and_back aligned.fcs
	fc-infer -q --tokens -m "$(kit pivot)" -o tokens.fcs chats.jsonl
	there_and_back tokens.fcs
	fc-align map -q -p "$(kit pivot)" -s "$(kit strings)" -o map.fcs chats.jsonl
	there_and_back map.fcs
	fc-train -q -m "$(kit pivot)" --steps 1 --update update.fcs dists.fcs
	there_and_back update.fcs
	[ "$(jq -r .header.kind <lines.jsonl | head -n 1)" = update ]
}

@test "random streams, tensors of several records, plain texts and large maps too" {
	[ -x "$FC_ROOT/$B/unit/stream" ] || skip 'the unit tests are not built'
	for kind in '' tensors map plain; do
		# shellcheck disable=SC2086 # none or one
		"$FC_ROOT/$B/unit/stream" a.fcs $kind
		# their writer packs frames by size alone, fc-view also by what was written before
		fc-view --stream --no-history -o b.fcs a.fcs
		there_and_back b.fcs
	done
}

@test "what cat puts together: the sources of a later part come with a header of their own" {
	for n in a b; do
		jq -cn --arg n $n '{id: $n, messages: [{role: "user", content: "x"}, {role: "assistant", content: $n}]}' |
			fc-infer -q -m "$(kit pivot)" --name $n -o $n.fcs
	done
	cat a.fcs b.fcs >both.fcs
	fc-view --jsonl --whole both.fcs >lines.jsonl
	[ "$(jq -c '.header.sources // empty | map(.name)' lines.jsonl | tr -d '\n')" = '["a"]["a","b"]' ]
	fc-view --from-jsonl --no-history -o again.fcs lines.jsonl
	fc-view --jsonl --whole again.fcs | cmp - lines.jsonl
	# the lines of two files, one after the other
	fc-view --from-jsonl --no-history <(fc-view --jsonl --whole a.fcs) <(fc-view --jsonl --whole b.fcs) |
		fc-view --jsonl | cmp - <(fc-view --jsonl both.fcs)
	run -1 pipe "cat <(fc-view --jsonl --whole a.fcs) <(fc-infer -q --tokens -m '$(kit pivot)' <<<'{\"text\": \"a\"}' |
		fc-view --jsonl --whole) | fc-view --from-jsonl"
	[[ $output == *"standard input:3: a token stream does not go with a distribution stream" ]]
}

@test "a program that knows nothing of the format writes a stream" {
	python3 - "$(kit pivot)" >lines.jsonl <<-'END'
		import json, math, subprocess, sys
		print(json.dumps({"header": {"kind": "dists", "top_k": 3, "sources": [{"name": "teacher"}]}}))
		text = "ab"
		vocab = json.load(open(sys.argv[1] + "/tokenizer.json"))["model"]["vocab"]
		a, b, c = vocab["a"], vocab["b"], vocab["c"]
		print(json.dumps({"id": 7, "text": text, "segments": [{"end": 1, "role": "user"},
		    {"end": 2, "role": "assistant", "trained": True}], "tokens": [a, b], "ends": [1, 2],
		    "rows": [{"token": 1, "ids": [c, a, b], "logprobs": [math.log(p) for p in (.25, .125, .5)]}]}))
	END
	fc-view --from-jsonl -t "$(kit pivot)" -o s.fcs lines.jsonl
	run -0 fc-view --verify -t "$(kit pivot)" s.fcs
	fc-view --jsonl s.fcs >got.jsonl
	# sorted, its flags from the segments, its cross-entropy from the row
	python3 - "$(kit pivot)" <<-'END'
		import json, math, sys
		x = json.load(open("got.jsonl"))
		vocab = json.load(open(sys.argv[1] + "/tokenizer.json"))["model"]["vocab"]
		a, b, c = vocab["a"], vocab["b"], vocab["c"]
		row = x["rows"][0]
		assert row["ids"] == [b, c, a], row
		assert abs(row["true_logprob"] - math.log(.5)) < 4e-4, row
		assert x["trained"] == [0, 1] and x["roles"] == ["user", "assistant"], x
		assert x["id"] == "7" and x["n_label"] == 1 and x["label_bytes"] == 1 and abs(x["nll"] - math.log(2)) < 1e-6, x
		assert x["source"] == "teacher" and x["meta"] is None, x
	END
	[ "$(fc-view --header s.fcs | awk '/^tokenizer/ { print $2 }')" = \
		"$(fc-view --fingerprint "$(kit pivot)" | sed -n 's/^tokenizer=//p')" ]
}

@test "what is wrong stops with the file, the line, the member and what is expected" {
	cat >good.jsonl <<-'END'
		{"header": {"kind": "dists", "n_vocab": 9, "top_k": 2, "sources": [{"name": "a"}, {"name": "b"}]}}
		{"id": "x", "text": "ab", "tokens": [1, 2], "ends": [1, 2], "rows": [{"token": 1, "ids": [2, 3], "logprobs": [-1, -2]}], "source": "b"}
	END
	fc-view --from-jsonl -o s.fcs good.jsonl
	[ "$(fc-view --jsonl s.fcs | jq -r .source)" = b ]
	# line, jq's change, what is said
	while IFS='|' read -r line change said; do
		jq -c "if input_line_number == $line then $change else . end" good.jsonl >bad.jsonl
		run -1 fc-view --from-jsonl -o bad.fcs bad.jsonl
		echo "$change: $output"
		[[ $output == *"bad.jsonl:$line: "*"$said"* ]]
		[ ! -e bad.fcs ]
	done <<-'END'
		1|del(.header.kind)|kind: one of "tokens", "dists", "tensors", "map", "update" is expected, and there is none
		1|.header.kind = "rows"|kind: one of "tokens", "dists", "tensors", "map", "update" is expected, this is "rows"
		1|del(.header.n_vocab)|n_vocab: the vocabulary's highest id + 1
		1|del(.header.top_k)|top_k: the largest number of a row's entries
		1|.header.topk = 2|topk: there is no such member here; known are kind, tokenizer
		1|.header.model = 7|model: a string of 16 hexadecimal digits is expected, this is 7
		1|.header.sources[1] = {}|sources[1].name: a string is expected, and there is none
		1|.header.n_vocab = -1|n_vocab: a whole number from 0 to 16777216 is expected, this is -1
		1|.header = []|header: an object is expected, this is []
		1|{id: "x"}|the header is expected first
		2|[1]|an object is expected in every line
		2|del(.id)|id: a string or a whole number is expected, and there is none
		2|del(.text)|text: a string is expected, and there is none
		2|.meta = 3|meta: an object or null is expected, this is 3
		2|.meta = "{"|meta is no JSON object
		2|.trianed = [0, 0]|trianed: there is no such member here
		2|.tokens[1] = 9|tokens[1]: a whole number from 0 to 8 is expected, this is 9
		2|.ends = [1]|ends: as many as tokens are expected, 2, these are 1
		2|.ends[1] = 3|ends[1]: a whole number from 0 to 2 is expected, this is 3
		2|.ends = [2, 1]|token 1 ends at byte 1, after 2
		2|.trained = [0, 2]|trained[1]: true or false is expected, this is 2
		2|.roles = ["user", "bot"]|roles[1]: one of "none", "system", "user", "assistant" is expected, this is "bot"
		2|.segments = [{"end": 3}]|segments[0].end: a whole number from 0 to 2 is expected, this is 3
		2|.segments = [{"end": 1}]|segments cover 1 of 2 bytes
		2|.rows[0].token = 0|rows[0].token: the place of a token that a row can predict
		2|.rows[0].token = 2|rows[0].token: the place of a token that a row can predict
		2|.rows[0].ids[1] = 9|ids[1]: a whole number from 0 to 8 is expected, this is 9
		2|.rows[0].ids = [2]|rows[0].logprobs: a list, ids and logprobs of one length,
		2|.rows[0].logprobs[0] = 0.5|rows[0].logprobs: a natural logarithm of a probability, 0 or less, is expected, this is 0.5
		2|.rows[0].ids[0] = 4|rows[0].true_logprob: a number, as the token is none of the row's ids
		2|.rows[0].prob = 1|rows[0].prob: there is no such member here; known are token
		2|.rows[0].ids[1] = 2|row 0: id 2 twice
		2|.rows[0].logprobs = [-0.1, -0.1]|row 0: its 2 entries have a probability of 1.8
		2|.rows[0] = {token: 1, ids: [2, 3, 4], logprobs: [-1, -2, -3]}|row 0 has 3 entries, the header announces 2
		2|.nll = "1"|nll: a number is expected, this is "1"
		2|.n_sample = 3|n_sample: what the header says is expected, this is 3
		2|.source = "c"|source: the name of one of the header's sources is expected, this is "c"
		2|del(.source)|source: the name of one of the header's sources is expected, and there is none
		2|.unknown = "?"|unknown: base64 is expected, which character 0 is not
	END
	sed -i 's/"dists"/"tokens"/' good.jsonl
	run -1 fc-view --from-jsonl good.jsonl -o bad.fcs
	[[ $output == *"good.jsonl:2: rows: the header's kind is not \"dists\"" ]]
	: >empty.jsonl
	run -1 fc-view --from-jsonl empty.jsonl -o bad.fcs
	[[ $output == *"empty.jsonl: there is no line in it"* ]]
	run -1 pipe "head -c 90 good.jsonl | fc-view --from-jsonl -o bad.fcs"
	[[ $output == *"standard input:1: column "* ]]
	[ ! -e bad.fcs ]
}

@test "tensors and map entries that are wrong" {
	echo '{"header": {"kind": "tensors"}}' >h.jsonl
	part='"name": "w", "dtype": "F32", "shape": [2]'
	echo "{$part, \"data\": \"AACAPwAAAEA=\"}" | cat h.jsonl - | fc-view --from-jsonl -o t.fcs
	[ "$(fc-view --jsonl --whole t.fcs | jq -r '.data // empty' | base64 -d | od -An -tf4 | tr -s ' ')" = ' 1 2' ]
	# in two parts
	printf '{%s, "offset": %d, "data": "%s"}\n' "$part" 0 AACAPw== "$part" 4 AAAAQA== |
		cat h.jsonl - | fc-view --from-jsonl | cmp - t.fcs
	while IFS='|' read -r text said; do
		run -1 pipe "echo '$text' | tr '~' '\n' | cat h.jsonl - | fc-view --from-jsonl -o bad.fcs"
		echo "$text: $output"
		[[ $output == *"$said"* ]]
		[ ! -e bad.fcs ]
	done <<-END
		{$part}|standard input:2: data: a string of base64
		{$part, "data": "AACAPwAAAEAA"}|2: data: 9 bytes are too many for a tensor of 8
		{$part, "data": "AACAPw=="}|the end of the input: the tensor w before it has 4 of its 8 bytes
		{$part, "offset": 4, "data": "AACAPw=="}|2: offset: 0 is expected of the first part
		{$part, "data": "AACAPw=="}~{$part, "data": "AACAPw=="}|3: offset: the part of w at byte 4 is expected
		{$part, "bytes": 4, "data": "AACAPw=="}|2: bytes: 8 are expected of this type and shape
		{"name": "w", "dtype": "Q4_0", "shape": [2], "data": ""}|2: dtype: a type as safetensors spells it
		{"name": "w", "dtype": "F32", "shape": [4294967296, 4294967296, 4], "data": ""}|2: shape: a tensor that an address can reach
		{"name": "w", "dtype": "F32", "shape": [-1], "data": ""}|2: shape: a list of whole numbers
		{$part, "data": "AACAPwAAAEA="}~{$part, "data": "AACAPwAAAEA="}|3: bad.fcs: tensor w comes twice
	END
	echo '{"header": {"kind": "map", "n_vocab": 5, "source_n_vocab": 3}}' >h.jsonl
	for bad in '{"source": 3, "pivot": 1}|2: source: a whole number from 0 to 2' \
		'{"source": 1, "pivot": 5}|2: pivot: a whole number from 0 to 4' \
		'{"source": 1, "pivot": 1, "rule": "x"}|2: rule: one of "none", "role"'; do
		run -1 pipe "echo '${bad%%|*}' | cat h.jsonl - | fc-view --from-jsonl -o bad.fcs"
		[[ $output == *"${bad#*|}"* ]]
	done
}

@test "--tokenizer: another vocabulary, and tokens that do not spell the text, are refused" {
	talk 2 | fc-infer -q -m "$(kit pivot)" | fc-view --jsonl --whole >lines.jsonl
	fc-view --from-jsonl -t "$(kit pivot)" -o s.fcs lines.jsonl
	run -1 fc-view --from-jsonl -t "$(kit facts)" -o t.fcs lines.jsonl
	[[ $output == *"lines.jsonl:1: header: tokenizer is "*", that of --tokenizer "* ]]
	jq -c 'if .tokens then .tokens[3] = .tokens[4] else . end' lines.jsonl >bad.jsonl
	run -1 fc-view --from-jsonl -t "$(kit pivot)" -o t.fcs bad.jsonl
	[[ $output == *"bad.jsonl:2: "*token* ]]
	[ ! -e t.fcs ]
}

@test "which options go together" {
	run -2 fc-view --whole a.fcs
	run -2 fc-view --from-jsonl --jsonl a.fcs
	run -2 fc-view --from-jsonl -n 3 a.fcs
	run -2 fc-view --from-jsonl --name x a.fcs
}
