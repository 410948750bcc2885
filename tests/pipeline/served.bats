#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A teacher behind a server and one from a folder in one fusion, by the lines that README.md has.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
teardown() { touch srv/stop; }

@test "README's four lines: a teacher from a server and one from a folder" {
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 20 --seed 3 >chats.jsonl
	ln -s "$(kit pivot)" pivot
	ln -s "$(kit strings)" source
	mkdir big-tokenizer srv
	cp "$(kit facts)"/tokenizer*.json big-tokenizer
	# what a server of facts says of the pivot's texts
	fc-infer -q -m "$(kit facts)" -p pivot --all-rows chats.jsonl | fc-view --jsonl -t "$(kit facts)" >all.jsonl
	python3 "$FC_ROOT/tests/cli/served.py" vllm-tokens all.jsonl chats.jsonl "$(kit facts)" >srv/replies.jsonl
	python3 "$FC_ROOT/tests/cli/judge_server.py" srv >srv.out 2>&1 3>&- &
	until [ -f srv/port ]; do sleep 0.05; done
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
