#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A server that is asked for log-probabilities: tests/cli/judge_server.py with recorded responses.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

# serve FORM BEHAVIOUR...: a server that says in this form what the model says of chats.jsonl, whose own
# capture is want.jsonl; it ends with the test.
serve() {
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 12 --seed 3 >chats.jsonl
	fc-infer -q -m "$(kit pivot)" -k 5 --all-rows chats.jsonl | fc-view --jsonl -t "$(kit pivot)" >all.jsonl
	fc-infer -q -m "$(kit pivot)" -k 5 chats.jsonl | fc-view --jsonl >want.jsonl
	mkdir -p srv
	rm -f srv/*
	python3 "$FC_ROOT/tests/cli/served.py" "$1" all.jsonl chats.jsonl "$(kit pivot)" >srv/replies.jsonl
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv "${@:2}" >srv.out 2>&1 3>&- &
	for _ in $(seq 200); do
		[ -f srv/port ] && return
		sleep 0.05
	done
	return 1
}
teardown() { touch srv/stop; }

# again REPLIES: instead of that server another, which says what is recorded in this file.
again() {
	touch srv/stop
	sleep 0.2
	rm -f srv/*
	cp "$1" srv/replies.jsonl
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
}

ask() { # ask [OPTION]...
	fc-infer --endpoint "http://127.0.0.1:$(cat srv/port)/v1" --served-model m -m "$(kit pivot)" -k 5 --delay 0.01 "$@"
}

same_rows() { # but for the sum of unrounded values and for what is not known of the server
	diff <(jq -c 'del(.nll)' want.jsonl) <(fc-view --jsonl "$1" | jq -c 'del(.nll)')
}

@test "--endpoint: what the server says of each conversation, in the order of the input" {
	serve vllm-tokens
	run -0 ask -o got.fcs chats.jsonl
	[[ $output == *"12 requests, 0 of them repeated, about 1200 tokens"* ]]
	[[ $output == *"trained tokens have a distribution"* ]]
	same_rows got.fcs
	fc-view --verify -t "$(kit pivot)" got.fcs
	[ "$(jq -c '[.model, .max_tokens, .temperature, .prompt_logprobs]' srv/asked | sort -u)" = '["m",1,0,5]' ]
	[ "$(cut -f 3 srv/log | sort -u)" = /v1/completions ]
	[ "$(cut -f 5 srv/log | sort -n | tail -n 1)" -le 4 ]
	# no host in the history
	[[ $(fc-view got.fcs | grep ^program) != *127.0.0.1* ]]
	[[ $(fc-view got.fcs | grep ^program) == *"--served-model m"* ]]
}

@test "--endpoint: completions that repeat the prompt, as tokens or text" {
	serve echo-tokens
	ask -q --ask echo -o got.fcs chats.jsonl
	same_rows got.fcs
	[ "$(jq -c '[.echo, .logprobs]' srv/asked | sort -u)" = '[true,5]' ]
	touch srv/stop
	serve completion-echo
	ask -q --ask echo-text -o got.fcs chats.jsonl
	diff <(jq -c '[.tokens, .ends, [.rows[].true_logprob]]' want.jsonl) \
		<(fc-view --jsonl got.fcs | jq -c '[.tokens, .ends, [.rows[].true_logprob]]')
}

@test "--endpoint: failures are tried again; a server that gives none is told" {
	serve vllm-tokens 429 500 short
	run -0 ask --parallel 12 --max-wait 2 -o got.fcs chats.jsonl
	[[ $output == *"of them repeated"* ]]
	same_rows got.fcs
	touch srv/stop
	serve vllm-tokens
	jq -c 'del(.response.choices[0].prompt_logprobs)' srv/replies.jsonl >replies
	touch srv/stop
	sleep 0.2
	rm -f srv/*
	cp replies srv/replies.jsonl
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
	run -1 ask -o none.fcs chats.jsonl
	[[ $output == *"conversation fusion-"*": response: it has no log-probabilities: none of prompt_logprobs (vLLM)"* ]]
	[ ! -e none.fcs ]
	[ "$(wc -l <srv/log)" -le 8 ]
}

@test "--endpoint --log: another run asks what is missing, and --logprobs reads the file" {
	serve vllm-tokens
	run -1 ask --log log.jsonl --max-requests 5 -o got.fcs chats.jsonl
	[[ $output == *"the budget is spent after 5 conversations; run it again to go on" ]]
	[ ! -e got.fcs ]
	[ "$(wc -l <log.jsonl)" -eq 5 ]
	# the last line was being written when the run was ended
	truncate -s -20 log.jsonl
	run -0 ask --log log.jsonl -o got.fcs chats.jsonl
	[[ $output == *"log.jsonl: 4 were asked before"*"8 requests"* ]]
	same_rows got.fcs
	[ "$(wc -l <log.jsonl)" -eq 12 ]
	sed 's/$/\r/' log.jsonl | tee crlf.jsonl >want
	run -1 ask --log crlf.jsonl -o crlf.fcs chats.jsonl
	[[ $output == *"crlf.jsonl:1: the line ends in CR LF; the file is another's" ]]
	cmp crlf.jsonl want
	run -0 ask --log log.jsonl -o got.fcs chats.jsonl
	[[ $output == *"log.jsonl: 12 were asked before"* && $output != *requests* ]]
	same_rows got.fcs
	# another number of entries is another question
	run -0 ask --log log.jsonl -k 4 -o four.fcs chats.jsonl
	[[ $output == *"12 requests"* ]]
	head -n 12 log.jsonl | jq -cs 'sort_by(.id | ltrimstr("fusion-") | tonumber)[]' |
		fc-infer -q --logprobs -m "$(kit pivot)" -k 5 --name pivot -o stored.fcs
	same_rows stored.fcs
	# a file of something else is left as it is
	cp chats.jsonl other.jsonl
	run -1 ask --log other.jsonl -o x.fcs chats.jsonl
	[[ $output == *"other.jsonl:1: a line with id, request and response is expected"* ]]
	cmp chats.jsonl other.jsonl
}

@test "--endpoint: texts, pairs and shards" {
	jq -cn '{id: "t", text: "Hello, I am Ana."}, {id: "c", context: "Hello,", text: " I am Ana.", n: 3}' >texts.jsonl
	fc-infer -q -m "$(kit pivot)" -k 5 texts.jsonl | fc-view --jsonl >want-texts.jsonl
	serve vllm-tokens
	fc-infer -q -m "$(kit pivot)" -k 5 --all-rows texts.jsonl | fc-view --jsonl -t "$(kit pivot)" >all.jsonl
	touch srv/stop
	sleep 0.2
	rm -f srv/*
	python3 "$FC_ROOT/tests/cli/served.py" vllm-tokens all.jsonl texts.jsonl "$(kit pivot)" >srv/replies.jsonl
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
	mv want-texts.jsonl want.jsonl
	ask -q -o got.fcs texts.jsonl
	same_rows got.fcs
	ask -q --shard 2/2 texts.jsonl | fc-view --jsonl | jq -r .id | grep -x c
}

@test "--endpoint: what is learned is what a model that lies here would be given, in every form" {
	cat >forms.jsonl <<-'END'
		{"id": "p", "prompt": [{"role": "user", "content": "Hi, I am Ana."}, {"role": "assistant", "content": "Hi, Ana!"}, {"role": "user", "content": "Bye."}], "chosen": [{"role": "assistant", "content": "Bye, Ana!"}], "rejected": [{"role": "assistant", "content": "No."}]}
		{"id": "t", "prompt": "Hello, I am", "chosen": " Ana.", "rejected": " Bob."}
		{"id": "s", "chosen": "Hello, Ana.", "rejected": "Hello, Bob."}
		{"id": "c", "prompt": "Hello, I am", "completion": " Ana."}
		{"id": "m", "prompt": [{"role": "user", "content": "Hi, I am Ana."}, {"role": "assistant", "content": "Hi, Ana!"}, {"role": "user", "content": "Bye."}], "completion": [{"role": "assistant", "content": "Bye, Ana!"}]}
		{"id": "o", "messages": [{"role": "assistant", "content": "Hi!"}, {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hi?"}]}
		{"id": "w", "messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hi!", "weight": 0}, {"role": "user", "content": "Bye."}, {"role": "assistant", "content": "Bye!"}]}
		{"id": "f", "messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hi and", "finish_reason": "length"}]}
	END
	serve vllm-tokens
	capture() { fc-infer -q -m "$(kit pivot)" -k 5 "$@" forms.jsonl; }
	capture | fc-view --jsonl >want.jsonl
	capture --all-rows | fc-view --jsonl -t "$(kit pivot)" >all.jsonl
	jq -c '{}' all.jsonl >none.jsonl
	python3 "$FC_ROOT/tests/cli/served.py" vllm-tokens all.jsonl none.jsonl "$(kit pivot)" >replies.jsonl
	again replies.jsonl
	ask -q --log log.jsonl -o got.fcs forms.jsonl
	same_rows got.fcs
	# what is said of a conversation in another run counts there
	jq -c 'if .id == "w" then .messages[1].weight = 1 | .skill = "manners" else . end' forms.jsonl >x
	mv x forms.jsonl
	capture | fc-view --jsonl >want.jsonl
	run -0 ask --log log.jsonl -o got.fcs forms.jsonl
	same_rows got.fcs
}

@test "--endpoint: a pair of which one side can't be asked about is left out whole" {
	pair() { echo "{\"id\":\"$1\",\"prompt\":[{\"role\":\"user\",\"content\":\"Q\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":\"$1\"}],\"rejected\":[{\"role\":\"$2\",\"content\":\"B\"},{\"role\":\"assistant\",\"content\":\"C\"}]}"; }
	{ pair a assistant; pair b martian; pair c assistant; } >pairs.jsonl
	serve vllm-tokens
	capture() { fc-infer -q -m "$(kit pivot)" -k 5 --invalid skip "$@" pairs.jsonl; }
	capture | fc-view --jsonl >want.jsonl
	[ "$(jq -r .id want.jsonl | paste -sd ' ')" = "a/chosen a/rejected c/chosen c/rejected" ]
	capture --all-rows | fc-view --jsonl -t "$(kit pivot)" >all.jsonl
	jq -c '{}' all.jsonl >none.jsonl
	python3 "$FC_ROOT/tests/cli/served.py" vllm-tokens all.jsonl none.jsonl "$(kit pivot)" >replies.jsonl
	again replies.jsonl
	run -0 ask --invalid skip --invalid-file bad.jsonl -o got.fcs pairs.jsonl
	[[ $output == *"1 lines were left out: 1 that the chat template or the tokenizer refuses"* ]]
	same_rows got.fcs
	[ "$(wc -l <srv/asked)" -eq 4 ]
	[ "$(jq -c '[.line, .reason]' bad.jsonl)" = '[2,"rendered"]' ]
	[[ $(jq -r .message bad.jsonl) == "pairs.jsonl:2: conversation b/rejected: "* ]]
	# a model without a template is no fault of the lines
	mkdir bare
	cp "$(kit pivot)/tokenizer.json" bare
	run -1 ask -m bare --invalid skip -o none.fcs pairs.jsonl
	[[ $output == *"pairs.jsonl:1: conversation a/rejected: bare: no chat template"* ]]
	[ ! -e none.fcs ]
}

@test "--endpoint: a server that scores what it says instead of what it is given is told" {
	serve vllm-tokens
	# recorded: llama.cpp's server of October 2026, asked with echo or prompt_logprobs, which it does not know
	jq -c '.response = {"choices": [{"text": "Hello", "index": 0, "logprobs": {"content": [{"id": 331, "token": "Hello",
		"bytes": [72, 101, 108, 108, 111], "logprob": -1.1755183935165405, "top_logprobs": [{"id": 331, "token": "Hello",
		"bytes": [72, 101, 108, 108, 111], "logprob": -1.1755183935165405}]}]}, "finish_reason": "length"}],
		"object": "text_completion", "model": "pivot.gguf", "usage": {"total_tokens": 6}}' srv/replies.jsonl >replies.jsonl
	again replies.jsonl
	run -1 ask --ask echo -o none.fcs chats.jsonl
	[[ $output == *"response: it has the log-probabilities of what the server answered, and none of the text that it was given: it does not know \"echo\""* ]]
	jq -c '.response.choices[0].logprobs = null' replies.jsonl >silent.jsonl
	again silent.jsonl
	run -1 ask -o none.fcs chats.jsonl
	[[ $output == *"it has no log-probabilities"*"prompt_logprobs is vLLM's, --ask echo and echo-text are other ways"* ]]
	[ ! -e none.fcs ]
}

@test "--endpoint: the key is sent, and in no file" {
	serve vllm-tokens
	OPENAI_API_KEY=secret-1234567890 ask -q --log log.jsonl -o got.fcs chats.jsonl
	[ "$(cut -f 2 srv/log | sort -u)" = 'Bearer secret-1234567890' ]
	run -1 grep -aq 'secret-123' log.jsonl got.fcs
}

@test "--endpoint: which options go together" {
	mkdir -p srv
	run -2 fc-infer --endpoint http://127.0.0.1:1/v1 -m "$(kit pivot)"
	[[ $output == *"--endpoint and --served-model go together"* ]]
	run -2 fc-infer --served-model m -m "$(kit pivot)"
	run -2 fc-infer --log x -m "$(kit pivot)"
	run -2 fc-infer --endpoint http://example.org/v1 --served-model m -m "$(kit pivot)"
	[[ $output == *"plain http goes to this machine only"* ]]
	run -2 fc-infer --endpoint http://127.0.0.1:1/v1 --served-model m -m "$(kit pivot)" --logprobs
	run -2 fc-infer --endpoint http://127.0.0.1:1/v1 --served-model m -m "$(kit pivot)" --tokens
	run -1 fc-infer -q --endpoint http://127.0.0.1:1/v1 --served-model m -m "$(kit pivot)" --attempts 1 -o x.fcs \
		<<<'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}'
	[[ $output == *"conversation line-1: http://127.0.0.1:1/v1: "*"1 of 1 conversations have no answer"* ]]
	run -2 fc-infer --endpoint http://127.0.0.1:1/v1 --served-model m
	[[ $output == *"-m TOKENIZER, a folder with the tokenizer of the served model, is missing"* ]]
}

@test "--endpoint --generate: answers from a server, turn by turn, in the order of the input" {
	serve vllm-tokens
	touch srv/stop
	sleep 0.2
	rm -f srv/*
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv 429 >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
	generate() { fc-infer --endpoint "http://127.0.0.1:$(cat srv/port)/v1" --served-model m --generate --delay 0.01 --max-wait 2 "$@"; }
	jq -c '.messages |= map(select(.role == "user"))' chats.jsonl >open.jsonl
	run -0 generate --temperature 0.5 --top-p 0.9 --stop END --max-new 99 --seed 3 -o out.jsonl open.jsonl
	[[ $output == *"of them repeated"* ]]
	python3 - <<-'END'
		import hashlib, json
		asked = [json.loads(s) for s in open("srv/asked")]
		for given, line in zip(open("open.jsonl"), open("out.jsonl"), strict=True):
		    g, x = json.loads(given), json.loads(line)
		    users = [m["content"] for m in g["messages"]]
		    assert x["id"] == g["id"] and x["skill"] == g["skill"] and x["answered_by"]["model"] == "several", x
		    assert [m["content"] for m in x["messages"][::2]] == users
		    for m, u in zip(x["messages"][1::2], users, strict=True):
		        n = int(hashlib.sha256(u.encode()).hexdigest(), 16)
		        assert m == {"role": "assistant", "content": "It is an answer. Rating: [[%d]]" % (n % 10 + 1),
		                     "finish_reason": "stop"}, m
		    # a later turn sees the earlier answer
		    sent = [dict(m) for m in x["messages"][:-1]]
		    for m in sent: m.pop("finish_reason", None)
		    assert any(a["messages"] == sent for a in asked), x["id"]
		a = asked[0]
		assert (a["temperature"], a["top_p"], a["stop"], a["max_tokens"], a["seed"], a["n"]) == (0.5, 0.9, ["END"], 99, 3, 1), a
	END
	# questions become an answer file
	echo '{"question_id": 81, "category": "writing", "turns": ["One?", "Two?"]}' >questions.jsonl
	generate -q --choices 2 questions.jsonl >answers.jsonl
	[ "$(jq -c '[.model_id, (.choices | length), (.choices[1].turns | length), .generation.served_model]' answers.jsonl)" = '["m",2,2,"m"]' ]
	# what the budget left is asked by another run
	run -1 generate --max-requests 7 --parallel 1 -o some.jsonl open.jsonl
	[[ $output == *"the budget is spent; what was answered is written, and with --resume another run asks for the rest"* ]]
	n=$(wc -l <some.jsonl)
	[ "$n" -gt 1 ] && [ "$n" -lt 12 ]
	generate -q --resume -o some.jsonl open.jsonl
	diff <(jq -c . out.jsonl | sort) <(jq -c . some.jsonl | sort)
	run -0 generate -o none.jsonl chats.jsonl
	[[ $output == *"warning: nothing was generated: no user message is without an answer" ]]
	touch srv/stop
	sleep 0.2
	rm -f srv/*
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv 404 >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
	run -1 generate -o none.jsonl open.jsonl
	[[ $output == *"HTTP status 404: no, not with -; http://127.0.0.1:$(cat srv/port)/v1/chat/completions was asked" ]]
	run -2 generate -m "$(kit pivot)" open.jsonl
	[[ $output == *"the server renders and cuts the text, so --model has no effect"* ]]
	run -2 generate --stop-token 3 open.jsonl
}

@test "--endpoint --generate: why an answer ended is what the server says, and an end that was none is no label" {
	mkdir srv
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv \
		reason:length,content_filter,abort,model_length,MAX_TOKENS,error,insufficient_system_resource,stop,eos_token,,odd >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
	for i in 1 2 3 4 5 6 7 8 9 10 11; do echo "{\"id\":\"$i\",\"messages\":[{\"role\":\"user\",\"content\":\"$i?\"}]}"; done >open.jsonl
	run -0 fc-infer --endpoint "http://127.0.0.1:$(cat srv/port)/v1" --served-model m --generate --parallel 1 --delay 0 -o out.jsonl open.jsonl
	[[ $output == *"7 of 11 answers were truncated, as their finish_reason says"* ]]
	[ "$(jq -rs 'map(.messages[1].finish_reason // "-") | join(" ")' out.jsonl)" = \
		"length content_filter abort model_length MAX_TOKENS error insufficient_system_resource stop eos_token - odd" ]
	run -0 fc-infer --tokens -m "$(kit pivot)" -o out.fcs out.jsonl
	[[ $output == *"7 answers were truncated"* && $output == *'finish_reason is not known to say so: "odd" (1)'* ]]
	[ "$(fc-view --jsonl out.fcs | jq -s 'map(.trained[-1]) | join(" ")')" = '"0 0 0 0 0 0 0 1 1 1 1"' ]
	# a line's own reason is not that of a message
	jq -c '.finish_reason = .messages[1].finish_reason | del(.messages[1].finish_reason)' out.jsonl >line.jsonl
	run -0 fc-infer --tokens -m "$(kit pivot)" -o line.fcs line.jsonl
	[[ $output == *'members of lines that the chat template does not read: "finish_reason" (7)'* ]]
}

@test "--endpoint --generate: a reply without a message is no answer, and calls of tools are one" {
	answers() { # answers BEHAVIOUR...
		mkdir -p srv
		rm -f srv/* out.jsonl
		python3 "$FC_ROOT/tests/cli/judge_server.py" srv "$@" >srv.out 2>&1 3>&- &
		until [ -f srv/port ]; do sleep 0.05; done
		run fc-infer --endpoint "http://127.0.0.1:$(cat srv/port)/v1" --served-model m --generate --delay 0 --attempts 3 \
			-o out.jsonl open.jsonl
		touch srv/stop
		sleep 0.2
	}
	echo '{"id":"1","messages":[{"role":"user","content":"1?"}],"tools":[{"type":"function","function":{"name":"f"}}]}' >open.jsonl
	answers none failed
	[ "$status" -eq 0 ]
	[ "$(wc -l <srv/log)" -eq 3 ]
	[[ $(jq -r '.messages[1].content' out.jsonl) == "It is an answer."* ]]
	answers none failed none
	[ "$status" -eq 1 ]
	[[ $output == *"1: no chat completion: there is no "*" in the reply; is http://127.0.0.1:"* ]]
	[ ! -s out.jsonl ]
	answers calls
	[ "$status" -eq 0 ]
	[ "$(jq -c '.messages[1]' out.jsonl)" = '{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",'`
		`'"function":{"name":"f","arguments":"{\"a\": 1}"}}],"finish_reason":"tool_calls"}' ]
}
