#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Conversations as people have them: forms, packing, arrays, and lines that are none.
load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
tokens() { fc-infer --tokens --no-history -m "$(kit pivot)" "$@"; }
texts() { tokens -q "$@" | fc-view --jsonl | jq -c '[.id, .text]'; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cat >chats.jsonl <<'END'
{"id":"a","messages":[{"role":"user","content":"Hé"},{"role":"assistant","content":"Yes?"}]}
{"id":"b","messages":[{"role":"user","content":"8?"},{"role":"assistant","content":"9 ]},"}],"n":[1,{"m":2}]}
END
}

@test "packed or not, lines or an array, file or pipe: the same stream" {
	tokens -q chats.jsonl >want
	jq -s . chats.jsonl >array.json
	jq -sc . chats.jsonl >line.json
	for file in chats.jsonl array.json line.json; do
		tokens -q "$file" | cmp - want
		gzip -c "$file" | tee "$file.gz" | tokens -q | cmp - want
		zstd -qc "$file" | tee "$file.zst" | tokens -q | cmp - want
		tokens -q "$file.gz" | cmp - want
		tokens -q "$file.zst" | cmp - want
	done
	# members and frames behind each other, by lines that go on over the border
	{ head -c 100 chats.jsonl | gzip -c; tail -c +101 chats.jsonl | gzip -c; } >two.gz
	{ head -c 100 chats.jsonl | zstd -qc; tail -c +101 chats.jsonl | zstd -qc; } >two.zst
	for file in two.gz two.zst; do
		tokens -q "$file" | cmp - want
		head -c $(($(stat -c %s "$file") - 5)) "$file" >short
		run -1 tokens -q -o x.fcs short
		[[ $output == "fc-infer: short: cut off after "*" bytes: the "*" data that begin at byte "*" are not whole" ]]
		[ ! -e x.fcs ]
	done
	cat chats.jsonl.gz line.json.zst >mixed
	run -1 tokens -q -o x.fcs mixed
	[[ $output == *"what follows the gzip data, from byte $(stat -c %s chats.jsonl.gz) on, is none" ]]
	# several files, each packed in its own way
	[ "$(texts chats.jsonl.gz array.json | wc -l)" -eq 4 ]
}

@test "of a large array, packed or not, one element is in memory" {
	python3 - >big.json <<'END'
import json
print(json.dumps([{"id": i, "messages": [{"role": "user", "content": "word %d " % i * 200},
                                         {"role": "assistant", "content": "b"}]} for i in range(20000)]))
END
	gzip -1 -c big.json >big.gz
	rss() { python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"; }
	one() { rss fc-infer -q --tokens --long truncate --shard "$1" -m "$(kit pivot)" -o one.fcs "$2"; }
	small=$(one 1/20000 chats.jsonl)
	for file in big.json big.gz; do
		large=$(one 20000/20000 "$file")
		[ "$(fc-view --jsonl one.fcs | jq -r .id)" = 19999 ]
		# the file has 40 MB; a line has some KiB
		sanitized || [ $((large - small)) -lt 8000 ] || { echo "$small $large KiB"; return 1; }
	done
}

@test "what a line is follows from its members, and is said once a file, on a terminal" {
	cat >sharegpt.jsonl <<'END'
{"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yes?"}],"system":"Be brief."}
{"conversations":[{"from":"human","value":"8?"},{"from":"gpt","value":"9"}]}
END
	gzip -c sharegpt.jsonl >s.gz
	echo '[{"instruction":"Add","input":"1","output":"2","system":"S","history":[["a","b"]]}]' >alpaca.json
	echo '{"prompt":"The sky is","completion":" blue."}' >completion.jsonl
	echo '{"prompt":[{"role":"user","content":"Q"}],"completion":[{"role":"assistant","content":"A"}]}' >chat.jsonl
	said() { # said FILE...: on a terminal
		script -qec "fc-infer --tokens -m $(kit pivot) -o x.fcs -j 1 $*" typescript >/dev/null </dev/null
		grep -a ': ' typescript | grep -av '^Script' | tr -d '\r' | sed 's/.*fc-infer: //' | grep -av tokens || true
	}
	[ "$(said s.gz)" = "s.gz: ShareGPT conversations, gzip" ]
	[ "$(said alpaca.json)" = "alpaca.json: Alpaca instructions, an array" ]
	[ "$(said -q alpaca.json)" = "" ]
	[ "$(said sharegpt.jsonl sharegpt.jsonl chats.jsonl | paste -sd '|')" = \
		"sharegpt.jsonl: ShareGPT conversations|chats.jsonl: chat messages" ]
	run -0 tokens -o x.fcs alpaca.json completion.jsonl
	[ "$output" = "" ]
	cat sharegpt.jsonl chats.jsonl >several.jsonl
	run -0 tokens -o x.fcs several.jsonl
	[[ $output == *"several.jsonl:3: here chat messages begin; each line is read by its own members" ]]
	[ "$(texts sharegpt.jsonl | head -n 1)" = \
		"$(echo '{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}]}' | texts)" ]
	[ "$(texts alpaca.json)" = \
		"$(echo '{"messages":[{"role":"system","content":"S"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"Add\n1"},{"role":"assistant","content":"2"}]}' | texts)" ]
	[ "$(texts completion.jsonl)" = '["line-1","The sky is blue."]' ]
	# lists under another's name, told by their messages; as LMSYS-Chat-1M, Unsloth and others have them
	for list in '"conversation":[{"content":"Q","role":"user"},{"content":"A","role":"assistant"}],"turn":1' \
		'"conversations":[{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]' \
		'"messages":[{"from":"human","value":"Q"},{"from":"gpt","value":"A"}]' \
		'"conversations":null,"conversation":[{"from":"human","value":"Q"},{"from":"gpt","value":"A"}]'; do
		echo "{$list}" >list.jsonl
		[ "$(texts list.jsonl)" = "$(texts chat.jsonl)" ]
	done
	[ "$(said list.jsonl)" = "list.jsonl: ShareGPT conversations" ]
	echo '{"conversations":[{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}' >list.jsonl
	[ "$(said list.jsonl)" = "list.jsonl: chat messages" ]
	# of a completion nothing before it is learned, and text ends with the end of the sequence
	[ "$(tokens -q completion.jsonl | fc-view --jsonl | jq '.trained | add')" -gt 0 ]
	[ "$(texts chat.jsonl)" = \
		"$(echo '{"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}' | texts)" ]
	jq -c '.prompt = [{role: "user", content: "x"}, {role: "assistant", content: "y"}] + .prompt' chat.jsonl >longer
	[ "$(tokens -q longer | fc-view --jsonl | jq '.trained | add')" -eq \
		"$(tokens -q chat.jsonl | fc-view --jsonl | jq '.trained | add')" ]
}

@test "calls of LLaMA-Factory's ShareGPT reach the template as transformers has them" {
	cat >t.jinja <<'END'
{% if tools %}{{ tools | tojson }}
{% endif %}{% for m in messages %}{{ m.role }}:{% if m.role == "tool" %} got{% endif %} {{ m.content }}{% for c in m.tool_calls or [] %}<{{ c.function.name }} {{ c.function.arguments | tojson }}>{% endfor %}<|eot|>
{% endfor %}
END
	cat >in.jsonl <<'END'
{"conversations":[{"from":"human","value":"8?"},{"from":"function_call","value":"{\"name\": \"f\", \"arguments\": {\"x\": 8}}"},{"from":"observation","value":"9"},{"from":"gpt","value":"Nine"}],"tools":"[{\"name\": \"f\", \"parameters\": {}}]"}
END
	tokens -q --template t.jinja in.jsonl | fc-view --jsonl | jq -r .text >got
	cat >want <<'END'
[{"type": "function", "function": {"name": "f", "parameters": {}}}]
user: 8?<|eot|>
assistant: <f {"x": 8}><|eot|>
tool: got 9<|eot|>
assistant: Nine<|eot|>

END
	diff got want
	# a template that asks for observations gets them
	sed 's/"tool"/"observation"/' t.jinja >o.jinja
	[[ $(tokens -q --template o.jinja in.jsonl | fc-view --jsonl | jq -r .text) == *'observation: got 9'* ]]
	echo '{"messages":[{"role":"user","content":"8?"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"x\": 8}"}}]}]}' >text.jsonl
	run -0 tokens --template t.jinja -o x.fcs text.jsonl
	[[ $output == *"warning: 1 tool calls have arguments as text, where chat templates expect objects"* ]]
}

bad_lines() { # chats.jsonl with a line of each kind that is none
	sed -n 1p chats.jsonl
	printf '%s\n' '{"question":1}' 'no JSON' '{"messages":[{"role":"user","content":3}]}' \
		'{"messages":[{"role":"martian","content":"x"},{"role":"assistant","content":"y"}]}'
	sed -n 2p chats.jsonl
}

@test "--invalid skip leaves out what is no conversation, and counts it; stop is the default" {
	bad_lines >in.jsonl
	run -1 tokens -o x.fcs in.jsonl
	[[ $output == *'in.jsonl:2: the members are "question"; expected "messages" or "conversations"'* ]]
	[ ! -e x.fcs ]
	run -0 tokens --invalid skip -o x.fcs in.jsonl
	[[ $output == *"warning: 4 lines were left out: 1 not JSON, 1 of no form that is read, 1 with members that are not as they should be, 1 that the chat template or the tokenizer refuses; the first: in.jsonl:2: "* ]]
	cmp x.fcs <(tokens -q chats.jsonl)
	run -0 tokens --invalid skip --invalid-file bad.jsonl -o x.fcs in.jsonl
	[[ $output == *"; they are in bad.jsonl" ]]
	[ "$(jq -c '[.file, .line, .reason]' bad.jsonl | paste -sd ' ')" = \
		'["in.jsonl",2,"form"] ["in.jsonl",3,"json"] ["in.jsonl",4,"member"] ["in.jsonl",5,"rendered"]' ]
	jq -r .text bad.jsonl | cmp - <(sed -n 2,5p in.jsonl)
	[[ $(sed -n 3p bad.jsonl | jq -r .message) == 'in.jsonl:4: message 1: "content" is not a string' ]]
	# nothing was left out: the file is there, and empty
	tokens -q --invalid skip --invalid-file none.jsonl -o x.fcs chats.jsonl
	[ -e none.jsonl ] && [ ! -s none.jsonl ]
	sed -n 2,5p in.jsonl >all.jsonl
	run -1 tokens -q --invalid skip -o y.fcs all.jsonl
	[[ $output == *"no line is a conversation; the first: all.jsonl:2: "* || $output == *"the first: all.jsonl:1: "* ]]
	[ ! -e y.fcs ]
	run -2 tokens --invalid-file bad.jsonl in.jsonl
	[[ $output == *"--invalid-file is for what --invalid skip leaves out"* ]]
	run -2 tokens --logprobs --invalid skip in.jsonl
	# elements of an array; one that does not end is no line to leave out
	jq -sc . chats.jsonl | sed 's/^\[/[3,/' >array.json
	run -0 tokens --invalid skip --invalid-file bad.jsonl -o x.fcs array.json
	[ "$(jq -c '[.element, .reason, .text]' bad.jsonl)" = '[1,"form","3"]' ]
	head -c -3 array.json >cut.json
	run -1 tokens -q --invalid skip -o y.fcs cut.json
	[[ $output == *"cut.json: element 3: the file ends inside it"* ]]
}

@test "--invalid skip with --shard: the parts make the whole" {
	bad_lines >in.jsonl
	tokens -q --invalid skip in.jsonl in.jsonl chats.jsonl >whole.fcs
	for i in 1 2 3; do tokens -q --invalid skip --shard "$i/3" -o "$i.fcs" in.jsonl in.jsonl chats.jsonl; done
	fc-view --stream --no-history --in-turn -o joined.fcs 1.fcs 2.fcs 3.fcs
	cmp joined.fcs whole.fcs
}

@test "a preference of which one side is refused is left out whole" {
	pair() { echo "{\"id\":\"$1\",\"prompt\":[{\"role\":\"user\",\"content\":\"Q\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":\"$1\"}],\"rejected\":[{\"role\":\"$2\",\"content\":\"B\"},{\"role\":\"assistant\",\"content\":\"C\"}]}"; }
	{ pair a assistant; pair b martian; pair c assistant; } >in.jsonl
	[ "$(texts --invalid skip in.jsonl | jq -r '.[0]' | paste -sd ' ')" = "a/chosen a/rejected c/chosen c/rejected" ]
	cat >lf.jsonl <<'END'
{"instruction":"Q","input":"","chosen":"A","rejected":"B"}
{"conversations":[{"from":"human","value":"Q"}],"chosen":{"from":"gpt","value":"A"},"rejected":{"from":"gpt","value":"B"}}
END
	[ "$(texts lf.jsonl 2>/dev/null | jq -c '.[1]' | sort | uniq -c | awk '{print $1}' | paste -sd ' ')" = "2 2" ]
}

@test "--resume, and --generate, read packed files like others" {
	jq -c 'del(.messages[1])' chats.jsonl >open.jsonl
	answer() { fc-infer -q --generate --max-new 4 --dtype f32 -m "$(kit pivot)" "$@"; }
	answer open.jsonl >want
	zstd -qc open.jsonl >open.zst
	answer open.zst | cmp - want
	head -n 1 want >got
	head -c 20 want >>got
	answer --resume -o got open.zst
	cmp got want
	# a template that refuses a line
	{ echo '{"messages":[{"role":"martian","content":"x"},{"role":"user","content":"y"}]}'; cat open.jsonl; } |
		answer --invalid skip 2>err | cmp - want
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 60 --seed 5 >talk.jsonl
	gzip -c talk.jsonl >talk.gz
	capture() { fc-infer -q -m "$(kit pivot)" --dtype f32 -k 5 --batch-tokens 200 -o out.fcs "$@"; }
	capture talk.jsonl
	mv out.fcs whole.fcs
	head -c 3000 whole.fcs >.out.fcs.partial
	capture --resume talk.gz
	cmp out.fcs whole.fcs
}

@test "other readers of JSON lines read packed files and arrays too" {
	echo '{"id":"x","choices":["a","b"],"answer":0,"question":"q"}' >tasks.jsonl
	jq -s . tasks.jsonl | gzip -c >tasks.gz
	fc-eval mc-questions tasks.gz 2>/dev/null | cmp - <(fc-eval mc-questions tasks.jsonl 2>/dev/null)
	{ jq -c '.answer = "Yes?"' chats.jsonl; echo '{}'; } | gzip -c >answers.gz
	run -1 fc-eval accuracy answers.gz
	[[ $output == *"answers.gz:3: the members are none; expected"* ]]
	fc-eval accuracy --invalid skip answers.gz 2>err >table
	grep -q '2 *1 *0.500' table
	grep -q '1 lines were left out' err
	run -1 fc-align map -p "$(kit pivot)" -s "$(kit facts)" -o x.fcs answers.gz
	fc-align map -q --invalid skip -p "$(kit pivot)" -s "$(kit facts)" -o x.fcs answers.gz
	fc-view --verify x.fcs
	# a log that requests are appended to is not packed
	gzip -c tasks.jsonl >log.jsonl
	run -1 fc-infer --endpoint http://127.0.0.1:9 --allow-http --served-model m -m "$(kit pivot)" --log log.jsonl -o x.fcs chats.jsonl
	[[ $output == *"log.jsonl: exists and is no file of JSON lines"* ]]
	gzip -t log.jsonl
}

@test "Parquet and Arrow: the manual's lines make JSON of them" {
	python3 -c 'import pyarrow' 2>/dev/null || skip "no pyarrow"
	mandoc -Tascii -O width=200 "$FC_ROOT/man/fc-infer.1" | sed 's/.\x08//g' | sed -n "/^OTHER FORMS/,/^ENVIRONMENT/p" >page
	python3 - <<'END'
import json, pyarrow, pyarrow.ipc, pyarrow.parquet
rows = [{"id": f"r{i}", "messages": [{"role": "user", "content": f"H\u00e9 {i}"}, {"role": "assistant", "content": "Yes"}],
         "n": None if i else 1.5} for i in range(3)]
table = pyarrow.Table.from_pylist(rows)
pyarrow.parquet.write_table(table, "x.parquet")
with pyarrow.ipc.new_stream("x.arrow", table.schema) as w: w.write_table(table)
open("x.jsonl", "w").writelines(json.dumps(r) + "\n" for r in rows)
END
	run -1 fc-infer -q --tokens -m "$(kit pivot)" -o x.fcs x.parquet
	[[ $output == *"x.parquet: JSON in UTF-8 is expected, this is Parquet; duckdb -c "* ]]
	run -1 fc-infer -q --tokens -m "$(kit pivot)" -o x.fcs x.arrow
	[[ $output == *"x.arrow: JSON in UTF-8 is expected, this is Arrow; "* ]]
	fc-infer -q --tokens --no-history -m "$(kit pivot)" x.jsonl >want
	for kind in parquet:parquet ipc:arrow; do
		# the program between the quotes, without the page's indentation
		sed -n "/pyarrow.${kind%:*} as/,/print/{p;/print/q}" page | sed "s/^ *python3 -c '//; s/^           //; s/' FILE.*//" >read.py
		python3 read.py "x.${kind#*:}" | fc-infer -q --tokens --no-history -m "$(kit pivot)" | cmp - want
	done
}
