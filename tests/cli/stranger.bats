# SPDX-License-Identifier: Apache-2.0
# Streams of a writer that was made from fc-stream(5) alone: what is right is taken by every tool on
# the way to a trained model, what is wrong is refused.
# shellcheck disable=SC2154 # stderr is set by run
load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
stranger() { "$FC_ROOT/tests/cli/stranger.py" "$@"; }

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	stranger invent "$(kit facts)" 24 >answers.jsonl
	stranger invent "$(kit pivot)" 24 >own-answers.jsonl
}

# write MODEL [FAULT]
write() {
	local answers=$BATS_FILE_TMPDIR/answers.jsonl
	[ "$1" = facts ] || answers=$BATS_FILE_TMPDIR/own-answers.jsonl
	stranger import "$(kit "$1")" "$(fc-view --fingerprint "$(kit "$1")")" "${@:2}" <"$answers"
}

@test "a stranger's stream is good, and its tokens are the text's" {
	for model in facts pivot; do
		write "$model" >s.fcs
		run -0 --separate-stderr fc-view --verify -t "$(kit "$model")" s.fcs
		[[ $output == 's.fcs: good: a distribution stream of 24 records '* ]]
		[ "$stderr" = '' ]
	done
}

@test "its header says what fc-infer's says" {
	write facts | fc-view --header | grep -E '^(kind|tokenizer|vocab|model|template)' >theirs
	fc-infer -q -m "$(kit facts)" </dev/null | fc-view --header |
		grep -E '^(kind|tokenizer|vocab|model|template)' | diff theirs -
}

@test "its text and segments are those that fc-infer makes of the same messages" {
	write facts >s.fcs
	fc-infer -q --tokens -m "$(kit facts)" "$BATS_FILE_TMPDIR/answers.jsonl" |
		fc-view --jsonl | jq -c '[.id, .text, [.segments[] | [.end, .trained, .part]]]' >ours
	fc-view --jsonl s.fcs | jq -c '[.id, .text, [.segments[] | [.end, .trained, .part]]]' | diff ours -
}

@test "it is carried over, fused and trained on" {
	write facts >facts.fcs
	run -0 --separate-stderr fc-align apply -p "$(kit pivot)" -s "$(kit facts)" -o aligned.fcs facts.fcs
	[[ $stderr == *'trained tokens have a row'* ]]
	[[ $stderr != *warning* && $stderr != *'-0.00'* ]]
	fc-view --verify -t "$(kit pivot)" aligned.fcs
	fc-align map -q -p "$(kit pivot)" -s "$(kit facts)" -o map.fcs "$BATS_FILE_TMPDIR/answers.jsonl"
	fc-align apply -q -p "$(kit pivot)" -m map.fcs facts.fcs | fc-view --verify -t "$(kit pivot)"
	fc-align fuse -q -o fused.fcs aligned.fcs aligned.fcs
	fc-train -q -m "$(kit pivot)" -o trained --steps 2 fused.fcs
	[ -s trained/model.safetensors ]
}

@test "what no model can have said is refused, by fc-view --verify and by those who would use it" {
	refused() { # refused FAULT MESSAGE
		write facts "$1" >bad.fcs
		run -1 fc-view --verify bad.fcs
		[[ $output == *"$2"* ]] || { echo "$1: $output"; return 1; }
		run -1 fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" -o out.fcs bad.fcs
		[[ $output == *"$2"* ]]
		[ ! -e out.fcs ]
		run -1 fc-eval ppl bad.fcs
		[[ $output == *"$2"* ]]
	}
	refused nll 'its cross-entropy is negative'
	refused labels '1048576 labels in a text of '
	refused twice ' twice'
	refused mass 'entries have a probability of '
	refused rank 'which true_rank names'
	refused flags 'which no segment there has'
	refused meta 'meta is no JSON object'
	refused name "a source's name: byte 3 is no UTF-8"
	refused sources "two sources are called 'server'"
}

@test "wrong tokens and spans are found with the tokenizer" {
	for fault in id span; do
		write facts "$fault" >bad.fcs
		run -0 fc-view --verify bad.fcs
		run -1 fc-view --verify -t "$(kit facts)" bad.fcs
		[[ $output == *"bad.fcs: conversation 'chat-0': token "*', but bytes '*' of the text are "'* ]]
	done
	write facts >s.fcs
	run -1 fc-view --verify -t "$(kit strings)" s.fcs
	[[ $output == *'its tokens are of another tokenizer than'* ]]
}

@test "rows that are shifted by one are noticed" {
	write facts shift >bad.fcs
	note() { [[ $1 == *'bad.fcs: the true token is in '*' rows, which by their probabilities it should be in '*' times: are the rows shifted?' ]]; }
	run -0 --separate-stderr fc-view --verify bad.fcs
	note "$stderr"
	run -1 --separate-stderr fc-view --verify -t "$(kit facts)" bad.fcs
	note "$output"
	run -0 --separate-stderr fc-view --stats bad.fcs
	note "$stderr"
	run -0 --separate-stderr fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" -o aligned.fcs bad.fcs
	note "$stderr"
	write pivot shift >bad.fcs
	run -0 fc-train -q -m "$(kit pivot)" -o trained --epochs 1 bad.fcs
	[[ $output == *'are the rows shifted?'* ]]
	# control: of the right ones nothing is said
	write facts >s.fcs
	run -0 --separate-stderr fc-view --stats s.fcs
	[ "$stderr" = '' ]
}
