#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Streams that fc-infer --resume goes on with (its answers: fc-infer.bats), and answers that it does not.
load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
talk() { python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n "$1" --seed "$2"; }

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	talk 600 5 >in.jsonl
	# small batches, so that an interruption finds the work in many states
	capture -o whole.fcs in.jsonl
	tokens -o tokens.fcs in.jsonl
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return
	rm -f out.fcs .out.fcs.partial
}

capture() { fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 5 --batch-tokens 200 "$@"; }
tokens() { fc-infer -q --tokens -m "$(kit facts)" -p "$(kit pivot)" "$@"; }

@test "a capture killed twenty times has the bytes of one run" {
	for n in $(seq 20); do
		fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 5 --batch-tokens 200 --resume -o out.fcs in.jsonl 3>&- &
		sleep "0.$(printf %03d $((RANDOM % (40 * n))))"
		kill -9 $! 2>/dev/null || true
		wait $! || true
		[ ! -e out.fcs ] || { cmp out.fcs whole.fcs && rm out.fcs; }
	done
	capture --resume -o out.fcs in.jsonl
	cmp out.fcs whole.fcs
	[ ! -e .out.fcs.partial ]
}

@test "what is cut off anywhere is made again, and nothing else" {
	size=$(stat -c %s whole.fcs)
	for at in 0 1 19 20 21 60 $((size - 1)) "$size" $(for _ in $(seq 14); do echo $((RANDOM * RANDOM % size)); done); do
		head -c "$at" whole.fcs >.out.fcs.partial
		capture --resume -o out.fcs in.jsonl
		cmp out.fcs whole.fcs || { echo "cut at $at"; return 1; }
	done
	size=$(stat -c %s tokens.fcs)
	for at in 0 20 "$size" $(for _ in $(seq 8); do echo $((RANDOM * RANDOM % size)); done); do
		head -c "$at" tokens.fcs >.out.fcs.partial
		tokens --resume -o out.fcs in.jsonl
		cmp out.fcs tokens.fcs || { echo "tokens cut at $at"; return 1; }
	done
	# bytes that were damaged, as a machine that lost its power may leave them
	{ head -c 3000 whole.fcs; head -c 2000 /dev/zero; } >.out.fcs.partial
	capture --resume -o out.fcs in.jsonl
	cmp out.fcs whole.fcs
}

@test "what is kept is not computed again" {
	head -c $(($(stat -c %s whole.fcs) * 9 / 10)) whole.fcs >.out.fcs.partial
	run fc-infer -m "$(kit facts)" -p "$(kit pivot)" -k 5 --batch-tokens 200 --resume -o out.fcs in.jsonl
	[[ $output =~ ".out.fcs.partial: going on behind "([0-9]+)" conversations" ]]
	[ "${BASH_REMATCH[1]}" -gt 400 ]
	cmp out.fcs whole.fcs
}

@test "other options, models, templates and kinds of stream are refused by name" {
	head -c 9000 whole.fcs >.out.fcs.partial
	cp .out.fcs.partial before
	run -1 capture -k 6 --resume -o out.fcs in.jsonl
	[[ $output == *".out.fcs.partial: an interrupted run had the options \"--top-k 5\", this one has \"--top-k 5 --top-k 6\"; remove it to begin anew" ]]
	run -1 capture --all-rows --resume -o out.fcs in.jsonl
	[[ $output == *"--all-rows\"; remove it to begin anew" ]]
	run -1 fc-infer -q -m "$(kit strings)" -p "$(kit pivot)" -k 5 --batch-tokens 200 --resume -o out.fcs in.jsonl
	[[ $output == *".out.fcs.partial: an interrupted run had another "*" ("*", not "*"); remove it to begin anew" ]]
	run -1 capture --template chatml --resume -o out.fcs in.jsonl
	[[ $output == *"an interrupted run had another chat template ("* ]]
	run -1 tokens --resume -o out.fcs in.jsonl
	[[ $output == *"an interrupted run made a distribution stream, this one makes a token stream; remove it"* ]]
	cmp before .out.fcs.partial
	[ ! -e out.fcs ]
	# the control: as it was
	capture --resume -o out.fcs in.jsonl
	cmp out.fcs whole.fcs
}

@test "another input is refused by name" {
	head -c 9000 whole.fcs >.out.fcs.partial
	sed '4s/"content": "/&X/' in.jsonl >changed.jsonl
	run -1 capture --resume -o out.fcs changed.jsonl
	[[ $output == *".out.fcs.partial: record 4 is of conversation heldout-3, the input now has another text there; remove the file to begin anew" ]]
	sed '2d' in.jsonl >fewer.jsonl
	run -1 capture --resume -o out.fcs fewer.jsonl
	[[ $output == *"record 2 is of conversation heldout-1, the input now has another text there, of heldout-2;"* ]]
	head -n 3 in.jsonl >short.jsonl
	run -1 capture --resume -o out.fcs short.jsonl
	[[ $output =~ ".out.fcs.partial: has "[0-9]+" conversations, the input now has 3; remove the file" ]]
	[ ! -e out.fcs ]
	# behind what is there it may go on in any way
	cat in.jsonl in.jsonl | sed 's/heldout-5[0-9][0-9]/&x/' >longer.jsonl
	capture -o expect.fcs longer.jsonl
	capture --resume -o out.fcs longer.jsonl
	cmp out.fcs expect.fcs
}

@test "a run that fails leaves what it has, and goes on where the fault is mended" {
	{ head -n 300 in.jsonl; echo '{"id": "x", "messages": 7}'; } >bad.jsonl
	run -1 capture --resume -o out.fcs bad.jsonl
	[[ $output == *"bad.jsonl:301: "* ]]
	[ -e .out.fcs.partial ]
	head -n 300 in.jsonl >good.jsonl
	capture -o expect.fcs good.jsonl
	capture --resume -o out.fcs good.jsonl
	cmp out.fcs expect.fcs
}

@test "--resume does not enter the history, and the output is not what is resumed" {
	run fc-view --header whole.fcs
	[[ $output == *"--top-k 5" ]]
	cp tokens.fcs out.fcs
	capture --resume -o out.fcs in.jsonl
	cmp out.fcs whole.fcs
}

@test "what is not there to be resumed is refused" {
	echo 'notes of mine' >.out.fcs.partial
	run -1 capture --resume -o out.fcs in.jsonl
	[[ $output == *".out.fcs.partial: not what an interrupted run leaves; remove it to begin anew" ]]
	run -2 capture --resume in.jsonl
	[[ $output == *"--resume needs an output file (-o)"* ]]
	run -2 capture --resume --no-history -o out.fcs in.jsonl
	[[ $output == *"--resume compares the options in the history; without --no-history"* ]]
	mkfifo pipe
	run -1 capture --resume -o pipe in.jsonl
	[[ $output == *"pipe: no file; only what is written to a file can be resumed" ]]
	rm pipe
}

@test "two runs of one output exclude each other" {
	mkfifo slow
	capture --resume -o out.fcs slow 3>&- &
	exec 4>slow
	for _ in $(seq 100); do [ -e .out.fcs.partial ] && break; sleep 0.05; done
	run -1 capture --resume -o out.fcs in.jsonl
	[[ $output == *".out.fcs.partial: another process is writing it" ]]
	cat in.jsonl >&4
	exec 4>&-
	wait $!
	cmp out.fcs whole.fcs
	rm slow
}

@test "answers of another model, or of another number of choices, are not gone on with" {
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 8 --questions --seed 1 >c.jsonl
	ask() { fc-infer -q --generate --dtype f32 -m "$(kit pivot)" --max-new 8 --choices 2 "$@"; }
	ask -o whole.c c.jsonl
	refused() { # MESSAGE [option ...]
		local message=$1
		shift
		head -n 6 whole.c >part
		run -1 ask --resume "$@" -o part c.jsonl
		[[ $output == *"$message"* ]]
		head -n 6 whole.c | cmp - part
	}
	refused "part: conversation 'heldout-0' was answered by another model, or by nobody known" -m "$(kit facts)"
	refused "part:2: conversation 'heldout-0' was answered with another number of --choices" --choices 1
	refused "part:3: conversation 'heldout-1' was answered with another number of --choices" --choices 3
	ask --choices 1 -o single c.jsonl
	head -n 3 single >part
	run -1 ask --resume -o part c.jsonl
	[[ $output == *"part:1: conversation 'heldout-0' was answered with another number of --choices"* ]]
	head -n 3 single | cmp - part
	ask --choices 1 --resume -o part c.jsonl
	cmp single part
	# what had no question stays as it came
	jq -c '.messages += [{role: "assistant", content: "x"}] | .answered_by = {model: "0123456789abcdef", round: 0}' c.jsonl >said.jsonl
	ask --choices 1 -o had said.jsonl
	head -n 3 had >part
	ask --choices 1 --resume -o part said.jsonl
	cmp had part
}
