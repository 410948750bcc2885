#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../helper

# Three questions, two models, prompts in our own words under FastChat's names: five judgments a model.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	cat >q.jsonl <<-'END'
		{"question_id": 81, "category": "writing", "turns": ["Write a {poem}.", "Shorter."]}
		{"question_id": 111, "category": "math", "turns": ["1 + 1?", "Twice that?"]}
		{"question_id": "vicuna-1", "category": "generic", "turns": ["Hello?"]}
	END
	cat >ref.jsonl <<-'END'
		{"question_id": 111, "choices": [{"index": 0, "turns": ["It is 2.", "It is 4."]}]}
	END
	for m in a b; do
		cat >$m.jsonl <<-END
			{"question_id": 81, "choices": [{"index": 0, "turns": ["Roses by $m. {question} {{", "Rose."]}]}
			{"question_id": 111, "choices": [{"index": 0, "turns": ["wrong line, an earlier try", "x"]}]}
			{"question_id": 111, "choices": [{"index": 0, "turns": ["2 says $m", "4 says $m"]}]}
			{"question_id": "vicuna-1", "choices": [{"index": 0, "turns": ["Hello from $m!\u0000\ud83d\ude00"]}]}
		END
	done
	python3 - >prompts.jsonl <<-'END'
		import json
		ref1, ref2 = "Truth: {ref_answer_1}\n", "Truth: {ref_answer_1} / {ref_answer_2}\n"
		def put(name, kind, system, template):
		    print(json.dumps({"name": name, "type": "single" if kind == "[[rating]]" else "pairwise",
		                      "system_prompt": system, "prompt_template": template, "output_format": kind}))
		one, two = "Q: {question}\n%sA: {answer}", "Q1: {question_1} A1: {answer_1}\n%sQ2: {question_2} A2: {answer_2}"
		put("single-v1", "[[rating]]", "", "Say {{rating}}.\n" + one % "")
		put("single-math-v1", "[[rating]]", "Be exact.", one % ref1)
		put("single-v1-multi-turn", "[[rating]]", "Be kind.\n\n", two % "")
		put("single-math-v1-multi-turn", "[[rating]]", "Be exact.", two % ref2)
		pair = "Q: {question}\n%sAssistant A: {answer_a}\nAssistant B: {answer_b}"
		pair2 = "%s{question_1} {question_2}\nAssistant A: {answer_a_1} | {answer_a_2}\nAssistant B: {answer_b_1} | {answer_b_2}"
		put("pair-v2", "[[A]]", "Compare.", pair % "")
		put("pair-math-v1", "[[A]]", "Compare.", pair % ref1)
		put("pair-v2-multi-turn", "[[A]]", "Compare.", pair2 % "")
		put("pair-math-v1-multi-turn", "[[A]]", "Compare.", pair2 % ref2)
		put("arena", "[[A>B]]", "ARENA", "ARENA {question_1}\nA: {answer_1}\nB: {answer_2}")
	END
}
F() { echo "$BATS_FILE_TMPDIR/$1"; }

serve() { # serve BEHAVIOUR...: a server that ends with the test
	mkdir -p srv
	rm -f srv/*
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv "$@" >srv.out 2>&1 3>&- &
	for _ in $(seq 200); do
		[ -f srv/port ] && return
		sleep 0.05
	done
	return 1
}
teardown() {
	[ ! -d "$BATS_TEST_TMPDIR/srv" ] || touch "$BATS_TEST_TMPDIR/srv/stop"
}

judge() { # judge OPTION...: of both models, into j.jsonl
	fc-eval judge --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" --reference "$(F ref.jsonl)" \
		-o j.jsonl "$@" "$(F a.jsonl)" "$(F b.jsonl)"
}
ask() { judge --endpoint "http://127.0.0.1:$(cat srv/port)/v1/" --judge-model gpt-j --delay 0.01 "$@"; }
# no judgment twice, none missing
complete() { # complete N
	[ "$(wc -l <j.jsonl)" -eq "$1" ]
	[ "$(jq -c '[.model, .model_1, .model_2, .question_id, .judge, .turn]' j.jsonl | sort -u | wc -l)" -eq "$1" ]
}
# a line for which the jq expression holds
has() { jq -se "any(.[]; $1)" j.jsonl >/dev/null; }
# the judgments as an independent reading of the same prompts gives them
right() { python3 "$FC_ROOT/tests/cli/check_judgments.py" "$(F q.jsonl)" "$(F prompts.jsonl)" "$(F ref.jsonl)" j.jsonl "$(F a.jsonl)" "$(F b.jsonl)"; }

@test "single: prompts, order, lines; a second run asks nothing" {
	serve
	ask --parallel 1
	complete 10
	right
	[ "$(jq -r '.judge[1]' j.jsonl | paste -sd' ')" = "single-v1 single-v1 single-v1 single-v1 single-math-v1 single-math-v1 single-v1-multi-turn single-v1-multi-turn single-math-v1-multi-turn single-math-v1-multi-turn" ]
	has '.model == "a" and .question_id == 81 and .turn == 1 and
		.user_prompt == "Say {rating}.\nQ: Write a {poem}.\nA: Roses by a. {question} {{"'
	has '.model == "b" and .question_id == 111 and .turn == 2 and
		.user_prompt == "Q1: 1 + 1? A1: 2 says b\nTruth: It is 2. / It is 4.\nQ2: Twice that? A2: 4 says b"'
	has '.question_id == "vicuna-1" and .model == "a" and (.user_prompt | endswith("\u0000😀"))'
	[ "$(wc -l <srv/log)" -eq 10 ]
	[ "$(cut -f3 srv/log | sort -u)" = /v1/chat/completions ]
	cp j.jsonl before
	ask
	cmp before j.jsonl
	[ "$(wc -l <srv/log)" -eq 10 ]
}

@test "pairs: both orders, winners mapped back; with a baseline, and the models in the other order" {
	serve
	ask --mode pairwise-all
	complete 5
	right
	[ "$(wc -l <srv/log)" -eq 10 ]
	has '.question_id == 81 and .turn == 1 and (.g1_user_prompt | contains("Assistant A: Roses by a")) and
		(.g2_user_prompt | contains("Assistant A: Roses by b"))'
	fc-eval show j.jsonl | grep -q ' a '
	ask --mode pairwise-baseline --baseline a
	complete 5
	[ "$(wc -l <srv/log)" -eq 10 ]
	[ ! -e j.jsonl.games ]
	run ask --mode pairwise-baseline --baseline c
	[ "$status" -eq 1 ]
	[[ "$output" == *"none of the models"* ]]
}

@test "arena: places, verdicts, and one more question where there is none" {
	serve mute
	ask --mode arena --baseline b
	[ "$(wc -l <j.jsonl)" -eq 3 ]
	[ "$(wc -l <srv/log)" -eq 12 ] # the second question has other messages: mute again, then it stays so
	has '.question_id == 81 and .model == "a" and (.games[0].user_prompt | test("A: Roses by b.*\nB: Roses by a")) and
		(.games[1].user_prompt | test("A: Roses by a"))'
	[ "$(jq -c '.games[] | [.score, .judgment]' j.jsonl | sort -u)" = '[null,"I cannot decide.\nI cannot decide."]' ]
	rm j.jsonl
	serve
	ask --mode arena --baseline b
	[ "$(jq -c '.games[] | .judgment == "My final verdict is: [[\(.score)]]"' j.jsonl | sort -u)" = true ]
	fc-eval show --resamples 0 --format tsv j.jsonl | tail -n 1 | cut -f6,7 | grep -qx "$(printf '6\t0')"
}

@test "endpoint: failures are tried again, nothing is lost or doubled" {
	serve 500 truncated short html disconnect none failed
	run ask --parallel 8
	[ "$status" -eq 0 ]
	complete 10
	right
	[ "$(wc -l <srv/log)" -eq 80 ]
	[ "$(cut -f4 srv/log | sort | uniq -c | awk '{ print $1 }' | sort -u)" = 8 ]
	[[ "$output" == *"80 requests, 70 of them repeated"* ]]
	rm j.jsonl
	serve 503 408 none-such
	ask
	complete 10
	right
	[ "$(awk '{ print $NF }' srv/log | sort -n | tail -n 1)" -le 8 ]
}

@test "endpoint: Retry-After in seconds and as a date holds all requests back" {
	serve 429 date
	start=$(date +%s%N)
	ask --parallel 16
	took=$((($(date +%s%N) - start) / 1000000))
	[ "$took" -ge 1500 ] && [ "$took" -lt 9000 ]
	complete 10
	right
	serve later
	rm j.jsonl
	run ask
	[ "$status" -eq 1 ]
	[[ "$output" == *"asks to wait 86400 s"* ]]
	[ "$(wc -l <srv/log)" -le 4 ]
	touch srv/stop
	serve never
	run ask
	[ "$status" -eq 1 ]
	[[ "$output" == *"asks to wait"* ]]
	[ "$(wc -l <srv/log)" -le 4 ]
}

@test "endpoint: what fails for good stays unjudged, is counted, and is asked by the next run" {
	serve 500 500 500
	run ask --attempts 3
	[ "$status" -eq 1 ]
	[[ "$output" == *"10 requests failed; the first: "*"HTTP status 500"* ]]
	[[ "$output" == *"10 of 10 not judged; run it again to go on"* ]]
	[ ! -s j.jsonl ]
	ask
	complete 10
	right
}

@test "endpoint: slow drip and silence run into the time-out" {
	serve drip silent
	ask --timeout 0.5 --parallel 10
	complete 10
	right
}

@test "endpoint: a reply of 100 MB, announced or not, costs neither memory nor judgments" {
	serve huge endless
	python3 - "$(F q.jsonl)" <<-'END' >rss
		import resource, subprocess, sys, os
		d = os.path.dirname(sys.argv[1])
		f = lambda x: os.path.join(d, x)
		subprocess.run(["fc-eval", "judge", "-q", "--questions", f("q.jsonl"), "--prompts", f("prompts.jsonl"), "--reference",
		    f("ref.jsonl"), "-o", "j.jsonl", "--endpoint", "http://127.0.0.1:%s/v1" % open("srv/port").read(), "--judge-model", "gpt-j",
		    "--delay", "0.01", "--max-reply", "1000000", f("a.jsonl"), f("b.jsonl")], check=True)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	END
	complete 10
	right
	sanitized || [ "$(cat rss)" -lt 90000 ] # KiB
}

@test "endpoint: refusals end the run at once; redirects are not followed" {
	for status in 401 403 404 redirect; do
		serve $status
		rm -f j.jsonl
		run ask --parallel 2
		[ "$status" -eq 1 ]
		[ "$(wc -l <srv/log)" -le 2 ]
		[ ! -s j.jsonl ]
	done
	[[ "$output" == *"redirects are not followed"* ]]
	serve 400
	rm -f j.jsonl
	run ask
	[ "$status" -eq 1 ]
	[ "$(wc -l <srv/log)" -eq 10 ] # each was asked once
	[[ "$output" == *"10 requests failed"* ]]
}

@test "endpoint: no text is a judgment without a verdict, counted" {
	serve null
	run ask
	[ "$status" -eq 0 ]
	[[ "$output" == *"10 answers of the judge hold no verdict"* ]]
	complete 10
	[ "$(jq -c '[.score, .judgment, .reply.finish_reason]' j.jsonl | sort -u)" = '[-1,"","content_filter"]' ]
	fc-eval show --format tsv j.jsonl | tail -n 1 | cut -f8,9 | grep -qx "$(printf '0\t5')"
}

@test "endpoint: thoughts hold no verdict" {
	serve think
	ask
	[ "$(jq -c .score j.jsonl | sort -u)" = 9 ]
}

@test "endpoint: the key is sent, and nowhere else; from a file, too" {
	serve 500 echo
	export OPENAI_API_KEY=secret-0123456789
	ask >out 2>&1
	complete 10
	[ "$(cut -f2 srv/log | sort -u)" = "Bearer secret-0123456789" ]
	! grep -rE 'secret-0123|ret-0123' out j.jsonl || false
	grep -q '\*\*\*\*\*' j.jsonl # it was there to be hidden
	printf 'secret-from-file\n' >key
	rm j.jsonl
	ask --key-file key --parallel 1 >out 2>&1
	tail -n 1 srv/log | grep -q "Bearer secret-from-file"
	printf 'two words\n' >key
	run ask --key-file key
	[ "$status" -eq 1 ]
	[[ "$output" != *"two words"* ]]
	unset OPENAI_API_KEY
	rm j.jsonl
	ask
	tail -n 1 srv/log | grep -q "$(printf '\t-\t')"
}

@test "endpoint: the process list does not show the key" {
	serve silent
	OPENAI_API_KEY=secret-0123456789 ask --parallel 10 >/dev/null 2>&1 3>&- &
	job=$!
	for _ in $(seq 100); do
		[ ! -s srv/log ] || break
		sleep 0.05
	done
	pid=$(pgrep -P $job -x fc-eval)
	tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'fc-eval judge'
	! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q secret || false
	wait $job
	complete 10
}

@test "endpoint: plain HTTP stays on this machine; odd addresses are refused" {
	for url in http://192.0.2.1/v1 http://example.org/v1 http://127.evil.example/v1; do
		run judge --endpoint $url --judge-model x --timeout 1 --attempts 1 --connect-timeout 1
		[ "$status" -ne 0 ]
		[ ! -s j.jsonl ]
	done
	for url in http://127.evil.example/v1 http://127.0.0.1.nip.example/v1; do
		run judge --endpoint $url --judge-model x --attempts 1
		[ "$status" -eq 2 ]
		[[ "$output" == *"plain http goes to this machine only"* ]]
	done
	for url in ftp://127.0.0.1/ https://user:pass@127.0.0.1/v1 'http://127.0.0.1/v1?key=x' file:///etc/passwd nonsense; do
		run judge --endpoint "$url" --judge-model x
		[ "$status" -eq 2 ]
	done
}

@test "endpoint: TLS certificates are verified" {
	command -v openssl >/dev/null || skip "no openssl here"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost 2>/dev/null
	mkdir srv
	cat k.pem c.pem >both.pem
	python3 - "$FC_ROOT/tests/cli/judge_server.py" <<-'END' >srv.out 2>&1 3>&- &
		import ssl, sys, http.server
		path, sys.argv = sys.argv[1], ["judge_server.py", "srv"]
		class Server(http.server.ThreadingHTTPServer):
		    def __init__(self, *a):
		        super().__init__(*a)
		        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		        c.load_cert_chain("both.pem")
		        self.socket = c.wrap_socket(self.socket, server_side=True)
		http.server.ThreadingHTTPServer = Server
		exec(open(path).read())
	END
	for _ in $(seq 100); do [ ! -f srv/port ] || break; sleep 0.05; done
	run judge --endpoint "https://localhost:$(cat srv/port)/v1" --judge-model x --attempts 1
	[ "$status" -eq 1 ]
	[ ! -s srv/log ]
	[ ! -s j.jsonl ]
	judge --endpoint "https://localhost:$(cat srv/port)/v1" --judge-model x --ca-file c.pem
	complete 10
}

@test "budget: of requests and of tokens; the next run goes on" {
	serve
	run ask --max-requests 4 --parallel 3
	[ "$status" -eq 1 ]
	[[ "$output" == *"the budget is spent"* ]]
	complete 4
	[ "$(wc -l <srv/log)" -eq 4 ]
	# a request may cost 10 tokens of answer and a few of prompt, and costs 100 as the server counts
	run ask --max-total-tokens 290 --max-tokens 10 --parallel 1
	[ "$status" -eq 1 ]
	complete 7
	ask
	complete 10
	right
	# so cost replies that are none, and what may have been answered
	for how in none failed short; do
		rm -f j.jsonl
		serve $how $how $how $how
		run ask --max-total-tokens 290 --max-tokens 80 --parallel 1
		[ "$status" -eq 1 ]
		[[ "$output" == *"the budget is spent"* ]]
		n=$(wc -l <srv/log)
		[ "$n" -gt 1 ] && [ "$n" -le 3 ]
	done
}

@test "kill -9 loses only what is in flight; a torn line is mended" {
	serve slow slow
	ask --parallel 1 --mode pairwise-all >/dev/null 2>&1 3>&- &
	job=$!
	for _ in $(seq 100); do
		touch srv/log
		[ "$(wc -l <srv/log)" -lt 4 ] || break
		sleep 0.05
	done
	kill -9 "$(pgrep -P $job -x fc-eval)"
	wait $job || true
	# one, or a few more where the machine was busy before the kill
	[ "$(wc -l <j.jsonl)" -ge 1 ] && [ "$(wc -l <j.jsonl)" -lt 5 ]
	printf '{"question_id": 81, "mod' >>j.jsonl
	run ask --mode pairwise-all
	[ "$status" -eq 0 ]
	[[ "$output" == *"its last line was cut off"* ]]
	complete 5
	right
	# one game at most was in flight
	[ "$(cut -f4 srv/log | sort | uniq -c | awk '$1 > 1' | wc -l)" -le 1 ]
	[ ! -e j.jsonl.games ]
	# a whole line that lacks its newline only
	truncate -s -1 j.jsonl
	ask --mode pairwise-all
	complete 5
}

@test "two runs at once: the second is refused" {
	serve slow
	ask --parallel 1 >/dev/null 2>&1 3>&- &
	job=$!
	for _ in $(seq 100); do
		[ ! -s srv/log ] || break
		sleep 0.05
	done
	run ask
	[ "$status" -eq 1 ]
	[[ "$output" == *"another run is writing to it"* ]]
	wait $job
	complete 10
}

@test "judgments of other answers are not taken for these" {
	serve
	ask
	sed 's/says a/says otherwise/' "$(F a.jsonl)" >a.jsonl
	run fc-eval judge --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" --reference "$(F ref.jsonl)" \
		-o j.jsonl --endpoint "http://127.0.0.1:$(cat srv/port)/v1" --judge-model gpt-j a.jsonl
	[ "$status" -eq 1 ]
	[[ "$output" == *"2 judgments are of other answers"* ]]
}

@test "judgments of another system prompt are not taken for these, nor are games" {
	serve
	with() { # with PROMPTS OPTION...
		fc-eval judge --questions "$(F q.jsonl)" --prompts "$1" --reference "$(F ref.jsonl)" -o j.jsonl \
			--endpoint "http://127.0.0.1:$(cat srv/port)/v1" --judge-model gpt-j "${@:2}" "$(F a.jsonl)" "$(F b.jsonl)"
	}
	jq -c '.system_prompt += "Be brief."' "$(F prompts.jsonl)" >brief.jsonl
	with "$(F prompts.jsonl)"
	[ "$(jq -c .system_prompt j.jsonl | sort -u | tr '\n' ' ')" = '"" "Be exact." "Be kind.\n\n" ' ]
	run -1 with brief.jsonl
	[[ "$output" == *"10 judgments are of other answers, questions, references or prompts than these"* ]]
	# a file that does not tell, as FastChat's, is believed
	jq -c 'del(.system_prompt)' j.jsonl >old.jsonl && mv old.jsonl j.jsonl
	run -0 with brief.jsonl
	# games of which the other was not answered are asked again
	rm j.jsonl srv/log
	run -1 with "$(F prompts.jsonl)" --mode pairwise-all --parallel 1 --max-requests 1
	[ "$(jq -r .system_prompt j.jsonl.games)" = Compare. ]
	with brief.jsonl --mode pairwise-all
	[ "$(wc -l <srv/log)" -eq 11 ]
	[ "$(jq -r .system_prompt j.jsonl | sort -u)" = "Compare.Be brief." ]
}

@test "answers that are missing or errors are left out and told; ERROR can be judged" {
	serve
	cat >c.jsonl <<-'END'
		{"question_id": 81, "choices": [{"index": 0, "turns": ["fine", "$ERROR$"]}]}
		{"question_id": 111, "choices": [{"index": 0, "turns": ["ERROR", "x"]}]}
	END
	one() { fc-eval judge --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" --reference "$(F ref.jsonl)" -o j.jsonl \
		--endpoint "http://127.0.0.1:$(cat srv/port)/v1" --judge-model gpt-j "$@" c.jsonl; }
	run one
	[ "$status" -eq 0 ]
	[[ "$output" == *"3 judgments left out: the answer is \"ERROR\""* ]]
	[[ "$output" == *"1 judgments left out: no answer"* ]]
	complete 1
	one --judge-errors
	complete 4
}

@test "references: needed for their categories, which can be named" {
	run fc-eval judge --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" -o j.jsonl --command cat --name x "$(F a.jsonl)"
	[ "$status" -eq 1 ]
	[[ "$output" == *"question 111 (math) is judged with a reference answer"* ]]
	serve
	judge --reference-categories '' --endpoint "http://127.0.0.1:$(cat srv/port)/v1" --judge-model x
	[ "$(jq -r '.judge[1]' j.jsonl | sort -u | paste -sd' ')" = "single-v1 single-v1-multi-turn" ]
}

@test "command: any program that reads and writes JSONL" {
	judge --name script --command "jq -c '.messages += [{role: \"assistant\", content: \"Rating: [[7]]\"}]' | tac"
	complete 10
	[ "$(jq -c '[.score, .judge[0]]' j.jsonl | sort -u)" = '[7,"script"]' ]
	run judge --name script --command 'exit 3'
	[ "$status" -eq 0 ] # nothing to ask
	cp j.jsonl kept
	printf 'no judgments' >j.jsonl
	run judge --name script --command cat
	[ "$status" -eq 1 ]
	[[ "$output" == *"j.jsonl: exists and is no file of JSON lines"* ]]
	[ "$(cat j.jsonl)" = "no judgments" ]
	rm j.jsonl
	OPENAI_API_KEY=secret-0123456789 KEY=other-0123456789 judge --name script --key-env KEY \
		--command "env >env; jq -c '.messages += [{role: \"assistant\", content: \"[[7]]\"}]'"
	grep -q ^PATH= env
	! grep ^KEY= env || false
	rm j.jsonl
	OPENAI_API_KEY=secret-0123456789 judge --name script \
		--command "env >env; jq -c '.messages += [{role: \"assistant\", content: \"[[7]]\"}]'"
	! grep ^OPENAI_API_KEY= env || false
	mv kept j.jsonl
	rm j.jsonl
	run judge --name script --command "jq -c '.messages += [{role: \"assistant\", content: \"[[7]]\"}]' | sed 4q; exit 3"
	[ "$status" -eq 1 ]
	[[ "$output" == *"ended with status 3"* ]]
	complete 4
	run judge --name script --command "head -n 0"
	[ "$status" -eq 1 ]
	[[ "$output" == *"left it out"* ]]
	complete 4
	for bad in 'echo nonsense' 'echo {}' "sed 's/\"id\": \"/&x/'" cat; do
		run judge --name script --command "$bad"
		[ "$status" -eq 1 ]
		complete 4
	done
}

@test "answers to one question twice: the last counts, and that is told" {
	run judge -n --name x --command true
	[ "$status" -eq 0 ]
	[[ "$output" == *"a.jsonl: 1 answers are to questions that have a later answer (the first is question 111); the last one counts"* ]]
}

@test "command: without --name the judge is called as its program" {
	cat >my-judge.sh <<-'END'
		#!/bin/sh
		jq -c '.messages += [{role: "assistant", content: "Rating: [[7]]"}]'
	END
	chmod +x my-judge.sh
	judge --command "./my-judge.sh --mild"
	complete 10
	[ "$(jq -r '.judge[0]' j.jsonl | sort -u)" = my-judge.sh ]
}

@test "--dry-run before there are answers: options and files" {
	dry() {
		run fc-eval judge -n --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" --reference "$(F ref.jsonl)" \
			-o j.jsonl "$@"
	}
	dry --command cat
	[ "$status" -eq 0 ] && [[ "$output" == *"no answers yet"* ]] && [ ! -e j.jsonl ]
	dry --endpoint https://localhost/v1
	[ "$status" -eq 2 ]
	dry --command cat --prompts "$(F q.jsonl)"
	[ "$status" -eq 1 ]
	for mode in single pairwise-all "pairwise-baseline --baseline a"; do
		dry --command cat --mode $mode
		[ "$status" -eq 0 ]
	done
	dry --command cat --mode arena --baseline a
	[ "$status" -eq 1 ] && [[ $output == *"no prompt with output_format [[A>B]]"* ]]
	head -1 "$(F ref.jsonl)" | sed 's/, "It is 4."//' >turn.jsonl
	dry --command cat --reference turn.jsonl
	[ "$status" -eq 1 ] && [[ $output == *"question 111 (math): no reference answer to turn 2"* ]]
	sed 's/{question}/{riddle}/' "$(F prompts.jsonl)" >riddle.jsonl
	dry --command cat --prompts riddle.jsonl
	[ "$status" -eq 1 ] && [[ $output == *"nothing to put in for {riddle}"* ]]
	run fc-eval judge --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" -o j.jsonl --command cat
	[ "$status" -eq 2 ] && [[ "$output" == *"which models' answers"* ]]
}

@test "--dry-run tries the judge: its program, its model, its key" {
	cp "$(F a.jsonl)" a.jsonl
	for answers in '' a.jsonl; do
		dry() {
			run "-$1" fc-eval judge -n --questions "$(F q.jsonl)" --prompts "$(F prompts.jsonl)" \
				--reference "$(F ref.jsonl)" -o j.jsonl "${@:2}" $answers
		}
		dry 1 --command './no-such-judge --fast'
		[[ $output == *"./no-such-judge"* ]]
		dry 0 --command 'LC_ALL=C ./no-such-judge' --name x # only the shell knows what this runs
		dry 0 --command 'cat -u'
		dry 0 --local "$FC_ROOT/pipelines/demo/kit/facts"
		dry 1 --local ./no/such/model
		[[ $output == *no/such/model* ]]
		key=(--endpoint http://127.0.0.1:1/v1 --judge-model x --key-file key)
		rm -f key
		dry 1 "${key[@]}"
		: >key
		dry 1 "${key[@]}"
		echo a key >key
		dry 1 "${key[@]}"
		echo key >key
		dry 0 "${key[@]}"
	done
	[ ! -e j.jsonl ]
}

@test "command line: one judge, what it needs" {
	run judge
	[ "$status" -eq 2 ]
	run judge --command "(cat)"
	[ "$status" -eq 2 ]
	[[ "$output" == *"--name says what to call the judge"* ]]
	run judge --endpoint http://127.0.0.1:1/v1
	[ "$status" -eq 2 ]
	run judge --endpoint http://127.0.0.1:1/v1 --judge-model x --body '[]'
	[ "$status" -eq 2 ]
	run judge --command cat --name x --mode arena
	[ "$status" -eq 2 ]
	run judge -n --command cat --name x
	[ "$status" -eq 0 ]
	[[ "$output" == *"10 to be judged"* ]]
	[ ! -e j.jsonl ]
}
