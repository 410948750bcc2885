#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What several programs show on one terminal.
load ../helper

setup_file() {
	export F=$BATS_FILE_TMPDIR
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set train -n 8 --seed 1 >"$F/talk.jsonl"
	fc-infer -q --tokens -m "$FC_ROOT/pipelines/demo/kit/pivot" -o "$F/some.fcs" "$F/talk.jsonl"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export TERM=xterm
	# a stream that takes its time: N parts of 8 records, one in 0.15 s
	feed() { for ((i = 0; i < $1; i++)); do cat "$F/some.fcs" && sleep 0.15; done 2>/dev/null; }
	export -f feed
}

term() { python3 "$FC_ROOT/tests/cli/term.py" "$@" >shown; }
# Nothing is left of the lines, in memory neither.
is_clean() { jq -es 'last | .status == 0 and (.all | all(test("^fc-view.*records/s$") | not))' shown; }
boards() { find /dev/shm -name 'fc-progress.*' 2>/dev/null | wc -l; }

@test "the programs of a pipe have a line each, in their order" {
	before=$(boards)
	term bash -c 'feed 16 | fc-view --stream - | fc-view --stream -n 900 - | fc-view --stream -o out.fcs -'
	# each line holds one program's and no more; the last one's says what it writes
	jq -es '[.[:-1][] | select(length > 0) | if .[0] == "" then .[1:] else . end] | length > 5 and
		all(.[]; all(.[]; test("^fc-view( out.fcs)?: [0-9]+ records, [0-9.]+ records/s$")) and length <= 3) and
		any(length == 3 and (.[2] | startswith("fc-view out.fcs: ")) and (.[:2] | all(startswith("fc-view: "))))' shown
	is_clean
	[ "$(boards)" -le "$before" ]
}

@test "runs side by side say whose line it is; what others write is not lost" {
	mkdir run
	term bash -c 'feed 16 | fc-view --stream -o run/one.fcs - &
		feed 16 | fc-view --stream -o run/two.fcs - &
		sleep 1; fc-view none.fcs; echo plain; sleep 0.5; printf half; sleep 0.5; echo " and half"; sleep 0.5; fc-view -q none.fcs; wait'
	jq -es '.[:-1] | any((map(select(startswith("fc-view one.fcs: "))) | length == 1) and
		(map(select(startswith("fc-view two.fcs: "))) | length == 1))' shown
	# our own messages stand above, whole; of what knows nothing of the block, the text is there
	jq -es 'last.all | map(select(test("No such file"))) | length == 2 and all(. == "fc-view: open none.fcs: No such file or directory")' shown
	jq -es 'last.all | any(. == "plain") and any(. == "half and half")' shown
	jq -es '[.[:-1][] | select(any(test("No such file")))] | length > 0 and all(.[];
		(map(test("No such file")) | rindex(true)) < (map(test("^fc-view.*records/s$")) | (index(true) // 1e9)))' shown
	is_clean
}

@test "the line of a killed program goes, and the others stay" {
	term bash -c 'feed 20 | { echo $BASHPID >pid; exec fc-view --stream -o killed.fcs -; } 2>&1 &
		feed 20 | fc-view --stream -o lives.fcs - &
		sleep 1.5; kill -9 $(cat pid); wait 2>/dev/null; :'
	jq -es '.[:-1] | any(any(test("killed.fcs: ")) and any(test("lives.fcs: "))) and
		(map(any(test("lives.fcs: "))) | rindex(true)) > (map(any(test("killed.fcs: "))) | rindex(true)) + 1' shown
	is_clean
}

@test "a screen of few lines and columns holds the block" {
	term --rows 3 --columns 30 bash -c 'feed 12 | fc-view --stream - | fc-view --stream - | fc-view --stream - |
		fc-view --stream -o a-name-that-is-rather-long-for-such-a-screen.fcs -'
	jq -es '[.[:-1][] | select(length > 0)] | length > 3 and all(.[]; length <= 3 and all(length < 30))' shown
	is_clean
}

@test "an interrupt clears the block, and another run begins a new one" {
	before=$(boards)
	term bash -c 'set -m; feed 20 | fc-view --stream - | fc-view --stream -o out.fcs - & sleep 1.2; kill -INT -- -$!; wait
		feed 8 | fc-view --stream -o again.fcs -'
	jq -es '.[:-1] | any(any(startswith("fc-view out.fcs: "))) and (map(select(any(startswith("fc-view again.fcs: ")))) |
		length > 0 and all(map(select(test("records/s$"))) | length == 1))' shown
	is_clean
	[ "$(boards)" -le "$((before + 1))" ]
}

@test "where there is no terminal, lines say whose they are, and TERM=dumb is none" {
	TERM=dumb term bash -c 'feed 8 | fc-view --stream -o out.fcs -'
	jq -es 'last.all | all(. == "")' shown
}
