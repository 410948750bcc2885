#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Parts of a capture by other processes, and passes cut elsewhere: the bytes are those of one run.
load ../helper

setup_file() {
	export K=$FC_ROOT/pipelines/demo/kit
	cd "$BATS_FILE_TMPDIR" || return
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 41 --seed 5 >in.jsonl
	# from a few tokens up to more than a pass of the smallest size
	jq -cn '{id: "short", messages: [{role: "user", content: ""}, {role: "assistant", content: "7"}]}' >>in.jsonl
	sed -n 5,10p in.jsonl | jq -cs '{id: "long", messages: map(.messages[])}' >>in.jsonl
}

setup() { cd "$BATS_FILE_TMPDIR" || return; }

capture() { fc-infer -q -m "$K/pivot" -k 5 "$@"; }
parts() { seq -f "part.%.0f.fcs" "$1"; }

# cut N OPTION...: a capture in N parts and the whole that is made of them
cut() {
	local n=$1 i
	shift
	for i in $(seq "$n"); do capture --shard "$i/$n" "$@" -o "part.$i.fcs" in.jsonl; done
	# shellcheck disable=SC2046 # words
	fc-view --stream --in-turn -o joined.fcs $(parts "$n")
}

@test "a capture's bytes depend neither on the passes nor on the parts it is made in" {
	for isa in '' avx2 baseline; do
		for dtype in f32 bf16; do
			export FC_ISA=$isa
			capture --dtype $dtype -o whole.fcs in.jsonl
			for tokens in 90 700; do
				capture --dtype $dtype --batch-tokens $tokens -o other.fcs in.jsonl
				cmp whole.fcs other.fcs
			done
			for n in 1 2 3 7; do
				[ -z "$isa" ] || [ $n -eq 3 ] || continue
				cut $n --dtype $dtype --batch-tokens $((100 * n))
				cmp whole.fcs joined.fcs
			done
			# alone
			tail -n 1 in.jsonl | capture --dtype $dtype -o alone.fcs
			cmp <(fc-view --jsonl alone.fcs) <(fc-view --jsonl --id long whole.fcs)
		done
	done
}

@test "a part says that it is one, and what is made of it does" {
	capture -o whole.fcs in.jsonl
	cut 3
	[[ $(fc-view part.2.fcs) == *$'\npart          2 of 3\n'*$'\nprogram       fc-infer '*' --top-k 5' ]]
	[[ $(fc-view whole.fcs) != *$'\npart '* ]]
	fc-view --stream --shard 2/3 whole.fcs | cmp - part.2.fcs
	# records 2, 5, 8 ... of which every second one from the second on: 5, 11 ...
	fc-view --stream --shard 2/2 -o part.2.2.fcs part.2.fcs
	fc-view --stream --shard 1/2 -o part.2.1.fcs part.2.fcs
	fc-view --stream --shard 5/6 whole.fcs | cmp - part.2.2.fcs
	fc-view --stream --in-turn part.2.1.fcs part.2.2.fcs | cmp - part.2.fcs
	# records that are chosen otherwise, or several parts behind one another, are no part
	[[ $(fc-view --stream -n 2 part.2.fcs | fc-view) != *$'\npart '* ]]
	[[ $(fc-view --stream part.1.fcs part.2.fcs | fc-view) != *$'\npart '* ]]
	cat part.1.fcs part.2.fcs | fc-view --stream -o both.fcs
	[ "$(fc-view --jsonl both.fcs | wc -l)" -eq "$(cat part.1.fcs part.2.fcs | fc-view --jsonl | wc -l)" ]
	for wrong in "part.1.fcs part.3.fcs part.2.fcs" "part.1.fcs part.2.fcs" "part.2.fcs part.3.fcs part.1.fcs" \
		"part.1.fcs part.1.fcs part.2.fcs" "whole.fcs part.2.fcs part.3.fcs" "part.1.fcs part.2.fcs whole.fcs"; do
		# shellcheck disable=SC2086 # words
		run -1 fc-view --stream --in-turn -o out.fcs $wrong
		[[ $output == *"is no part of a whole in "?" parts, or not in its place: give all of them, in their order" ]]
	done
}

@test "a part's lines say that it is one, and chosen lines do not" {
	capture -o whole.fcs in.jsonl
	cut 2
	for i in 1 2; do
		fc-view --jsonl --whole part.$i.fcs >$i.jsonl
		[ "$(jq -c '.header // empty | [.part, .parts]' $i.jsonl)" = "[$i,2]" ]
		fc-view --from-jsonl --no-history -o again.$i.fcs $i.jsonl
		cmp part.$i.fcs again.$i.fcs
	done
	fc-view --stream --in-turn again.1.fcs again.2.fcs | cmp - whole.fcs
	run -1 fc-view --stream --in-turn -o out.fcs again.2.fcs again.1.fcs
	[[ $output == *"is no part of a whole in 2 parts, or not in its place: give all of them, in their order" ]]
	no_part() { [ "$(jq -c '.header // empty | has("part")' | sort -u)" = false ]; }
	for chosen in "-n 2" "--skip 1" "--shard 1/2" part.2.fcs; do
		# shellcheck disable=SC2086 # words
		fc-view --jsonl --whole part.1.fcs $chosen | no_part
	done
	# several behind one another: the section of the first, and what goes on as none
	cat part.1.fcs part.2.fcs | fc-view --jsonl --whole | fc-view --from-jsonl -o both.fcs
	fc-view --stream both.fcs | fc-view --jsonl --whole | jq -c '.header // empty | .part' | tail -n 1 | grep -qx null
	run -1 pipe "sed '1s/\"part\":1/\"part\":3/' 1.jsonl | fc-view --from-jsonl"
	[[ $output == *"standard input:1: part: "*" is expected, this is 3" ]]
}

@test "conversations that --long skip leaves out are left out before they are shared out" {
	capture --max-length 60 --long skip -o whole.fcs in.jsonl
	n=$(fc-view --jsonl whole.fcs | wc -l)
	[ "$n" -gt 9 ] && [ "$n" -lt 43 ]
	cut 3 --max-length 60 --long skip
	cmp whole.fcs joined.fcs
	for i in 1 2 3 4 5 6; do
		jq -cn --arg i "$i" '{id: "p\($i)", prompt: "Is it \($i)?", chosen: " Yes, it is so.", rejected: " No."}
			| if $i == "3" then .rejected = (" no" * 60) else . end'
	done >pairs.jsonl
	skip() { fc-infer -q --tokens --max-length 60 --long skip -m "$K/pivot" "$@" pairs.jsonl; }
	skip -o whole.fcs
	[ "$(fc-view --jsonl whole.fcs | wc -l)" -eq 10 ]
	for i in 1 2; do skip --shard $i/2 -o "part.$i.fcs"; done
	fc-view --stream --in-turn part.1.fcs part.2.fcs | cmp - whole.fcs
}

@test "parts are carried over and fused by themselves, and joined are what the whole becomes" {
	source_rows() { fc-infer -q -m "$K/facts" -p "$K/pivot" -k 5 "$@" in.jsonl; }
	carry() { fc-align apply -q -p "$K/pivot" -s "$K/facts" "$@"; }
	capture -o whole.fcs in.jsonl
	source_rows | carry -o aligned.fcs
	fc-align fuse -q -o fused.fcs whole.fcs aligned.fcs
	for i in 1 2; do
		capture --shard $i/2 -o "part.$i.fcs" in.jsonl
		source_rows --shard $i/2 | carry -o "aligned.$i.fcs"
		fc-align fuse -q -o "fused.$i.fcs" "part.$i.fcs" "aligned.$i.fcs"
	done
	fc-view --stream --in-turn aligned.1.fcs aligned.2.fcs | cmp - aligned.fcs
	fc-view --stream --in-turn fused.1.fcs fused.2.fcs | cmp - fused.fcs
	# several parts behind one another are the whole in another order
	cat part.1.fcs part.2.fcs >both.fcs
	cat aligned.1.fcs aligned.2.fcs >aligned.both.fcs
	run -1 fc-align fuse -q -o out.fcs both.fcs aligned.both.fcs
	[[ $output == *"both.fcs: a later part of it is another part of the whole than its beginning; fuse the parts one by one" ]]
	source_rows --shard 2/2 -o 2.fcs
	source_rows --shard 1/2 | cat - 2.fcs | carry -o out.fcs
	cmp <(fc-view --jsonl out.fcs) <(fc-view --jsonl aligned.both.fcs)
}

@test "a part that was interrupted is not gone on with as another" {
	capture --shard 1/2 -o part.1.fcs in.jsonl
	head -c $(($(stat -c %s part.1.fcs) * 2 / 3)) part.1.fcs >.out.fcs.partial
	run -1 capture --shard 2/2 --resume -o out.fcs in.jsonl
	[[ $output == *".out.fcs.partial: an interrupted run made part 1 of 2, this one makes part 2 of 2; remove it to begin anew" ]]
	capture --shard 1/2 --batch-tokens 77 --resume -o out.fcs in.jsonl
	cmp out.fcs part.1.fcs
}
