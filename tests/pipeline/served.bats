#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A teacher behind a server and one from a folder in one fusion: by the lines that README.md has, and by makefiles.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
teardown() { touch srv/stop; }

listen() { # starts the server of srv, which ends with the test
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
	url=http://127.0.0.1:$(cat srv/port)/v1
}

# What a server of facts says of the pivot's texts, and a source from a folder.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 20 --seed 3 >chats.jsonl
	ln -s "$(kit pivot)" pivot
	ln -s "$(kit strings)" source
	mkdir big-tokenizer srv
	cp "$(kit facts)"/tokenizer*.json big-tokenizer
}
record() {
	fc-infer -q -m "$(kit facts)" -p pivot --all-rows chats.jsonl | fc-view --jsonl -t "$(kit facts)" >all.jsonl
	python3 "$FC_ROOT/tests/cli/served.py" "$1" all.jsonl chats.jsonl "$(kit facts)" >srv/replies.jsonl
}
folder_rows() {
	fc-infer -q -k 5 -m "$(kit facts)" -p pivot chats.jsonl |
		fc-align apply -q -p pivot -s "$(kit facts)" | fc-view --jsonl | jq -c 'del(.nll, .source)'
}

@test "README's four lines: a teacher from a server and one from a folder" {
	record vllm-tokens
	listen
	sed -n '/^    fc-infer --endpoint/,/^$/s/^    //p' "$FC_ROOT/README.md" |
		sed "s/127.0.0.1:8000/127.0.0.1:$(cat srv/port)/" >lines
	cat lines
	[ "$(grep -c '^fc-' lines)" -eq 4 ]
	bash -eo pipefail lines
	# the server's rows are the folder's
	fc-infer -q -m "$(kit facts)" -p pivot chats.jsonl |
		fc-align apply -q -p pivot -s "$(kit facts)" | fc-view --jsonl | jq -c 'del(.nll, .source)' >want
	fc-view --jsonl big.fcs | jq -c 'del(.nll, .source)' | cmp - want
	run -0 fc-view fused.fcs
	[[ $output == *"source        big-tokenizer, model 0000000000000000"*"source        strings, model "* ]] ||
		[[ $output == *"source        big-tokenizer, model 0000000000000000"*"source        source, model "* ]]
	[ -s target/model.safetensors ]
}

@test "fusellm.mk: a source behind a server, asked once" {
	record echo-tokens
	listen
	go() {
		make -s -f "$FC_ROOT/pipelines/fusellm.mk" PIVOT=pivot SOURCES="big-tokenizer source" DATA=chats.jsonl OUT=run K=5 \
			FC="$FC_ROOT/$B/" INFER=-q TRAIN="-q --epochs 1 --dtype f32" "$@"
	}
	served=(SERVED_big-tokenizer="--endpoint $url --served-model m" ASK_big-tokenizer="--ask echo --delay 0.01")
	run -0 go "${served[@]}"
	[ -s run/fusellm/model.safetensors ]
	fc-view --jsonl run/big-tokenizer.aligned.fcs | jq -c 'del(.nll, .source)' >got
	folder_rows | cmp - got
	[ "$(wc -l <srv/asked)" -eq 20 ]
	# other parts and other places are nothing new, and what was said is not asked again
	run -0 go "${served[@]/$url/http://localhost:1/v1}" SHARDS=2
	[[ $output != *step* ]]
	rm -r run/big-tokenizer.aligned.fcs run/fusellm
	run -0 go "${served[@]}" SHARDS=2
	[ "$(wc -l <srv/asked)" -eq 20 ]
	fc-view --jsonl run/big-tokenizer.aligned.fcs | jq -c 'del(.nll, .source)' | cmp - got
	# another model there is another source
	[[ $(make -n -f "$FC_ROOT/pipelines/fusellm.mk" PIVOT=pivot SOURCES="big-tokenizer source" DATA=chats.jsonl OUT=run K=5 \
		FC="$FC_ROOT/$B/" INFER=-q TRAIN="-q --epochs 1 --dtype f32" "${served[@]/-model m/-model n}") == *"distributions of big-tokenizer"* ]]
	# what is misspelled, cannot be trained or has no draws is told first
	run -2 go SERVED_big="--endpoint $url --served-model m"
	[[ $output == *"SERVED_big: there is no source of that name among big-tokenizer source"* ]]
	run -2 go "${served[@]}" ADAPT=1
	[[ $output == *"ADAPT: big-tokenizer is behind a server, where it cannot be fine-tuned"* ]]
	run -2 go "${served[@]}" SAMPLE=8 OUT=none
	[[ $output == *"--sample does not go with it"* ]]
}

@test "answers.mk: prompts that a server answers, too" {
	listen
	jq -c '.messages |= map(select(.role != "assistant")) | select(.messages | length == 1)' chats.jsonl >prompts.jsonl
	n=$(wc -l <prompts.jsonl)
	run -0 make -s -f "$FC_ROOT/pipelines/answers.mk" PIVOT=pivot SOURCES="big-tokenizer source" PROMPTS=prompts.jsonl OUT=run \
		SAMPLES=2 FC="$FC_ROOT/$B/" GENERATE="-q --max-new 20" FUSION= REWARD=program \
		CHECKER="jq '.messages[-1].content | length'" SERVED_big-tokenizer="--endpoint $url --served-model m"
	[ "$(jq -r .answered_by.model run/answers/big-tokenizer.jsonl | grep -cx several)" -eq $((2 * n)) ]
	grep -q '"It is an answer. Rating' run/best.jsonl
	[ -s run/pairs.jsonl ]
	[ "$(jq -c '[.model, .temperature, .max_tokens]' srv/asked | sort -u)" = '["m",1,20]' ]
}
