#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rows of draws: fc-infer --sample, and what the other tools do with such a stream.
load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
talk() { python3 "$FC_ROOT/pipelines/demo/talk.py" --set "$1" -n "$2" --seed 5; }
draws() { jq -c '{id, rows: [.rows[] | {token, ids, logprobs}]}'; } # without what rounding may touch

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	talk heldout 60 >in.jsonl
	fc-infer -q -m "$(kit pivot)" --sample 64 -o pivot.fcs in.jsonl
	fc-infer -q -m "$(kit pivot)" -o likeliest.fcs in.jsonl
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" --sample 64 -o facts.fcs in.jsonl
}

F() { echo "$BATS_FILE_TMPDIR/$1"; }

@test "a row's entries are counts of the draws; the true tokens are those of other rows" {
	fc-view --verify "$(F pivot.fcs)"
	[[ $(fc-view "$(F pivot.fcs)") == *$'\nrows          of 64 draws at temperature 1\n'* ]]
	[[ $(fc-view --stats "$(F pivot.fcs)") == *$'\nthey are            rows of 64 draws at temperature 1\n'* ]]
	fc-view --jsonl "$(F pivot.fcs)" >a.jsonl
	fc-view --jsonl "$(F likeliest.fcs)" >b.jsonl
	jq -e -s 'all(.[]; .n_sample == 64 and .sample_temperature == 1 and
		all(.rows[]; (.logprobs | map(exp * 64 | . - round | fabs) | max < 0.05) and
			(.logprobs | map(exp * 64 | round) | add == 64)))' a.jsonl >/dev/null
	cmp <(jq -c '.rows[] | [.token, .true_logprob]' a.jsonl) <(jq -c '.rows[] | [.token, .true_logprob]' b.jsonl)
	! jq -e -s 'any(.[]; has("n_sample"))' b.jsonl >/dev/null || false
}

@test "draws are near what the likeliest rows say" {
	# sum over rows of the first entry's probability, and of the draws it got; 4 standard errors
	join -j 1 <(fc-view --jsonl "$(F likeliest.fcs)" | jq -r '.id as $i | .rows[] | "\($i):\(.token) \(.ids[0]) \(.logprobs[0] | exp)"' | sort) \
		<(fc-view --jsonl "$(F pivot.fcs)" | jq -r '.id as $i | .rows[] | "\($i):\(.token) " + ([.ids, .logprobs] | transpose | map("\(.[0])=\(.[1] | exp)") | join(" "))' | sort) |
		awk '{ p = $3; got = 0
			for (i = 4; i <= NF; i++) { split($i, e, "="); if (e[1] == $2) got = e[2] }
			sum += got - p; var += p * (1 - p) / 64; n++ }
			END { if (n < 500 || sum * sum > 16 * var + 1e-4 * n) { print n, sum, sqrt(var); exit 1 } }'
}

@test "draws depend on the seed and the conversation, not on what is beside it" {
	fc-view --jsonl "$(F pivot.fcs)" | draws >want
	fc-infer -q -j 1 --batch-tokens 150 -m "$(kit pivot)" --sample 64 "$(F in.jsonl)" | fc-view --jsonl | draws | cmp - want
	tac "$(F in.jsonl)" | fc-infer -q -m "$(kit pivot)" --sample 64 | fc-view --jsonl | draws | tac | cmp - want
	tail -n 1 "$(F in.jsonl)" | fc-infer -q -m "$(kit pivot)" --sample 64 | fc-view --jsonl | draws | cmp - <(tail -n 1 want)
	fc-infer -q -m "$(kit pivot)" --sample 64 --all-rows "$(F in.jsonl)" | fc-view --jsonl |
		jq -c '.trained as $t | {id, rows: [.rows[] | select($t[.token] == 1) | {token, ids, logprobs}]}' | cmp - want
	fc-infer -q -m "$(kit pivot)" --sample 64 --seed 1 "$(F in.jsonl)" | fc-view --jsonl | draws >other
	run -1 cmp -s other want
	jq -c '.id = "x" + .id' "$(F in.jsonl)" | fc-infer -q -m "$(kit pivot)" --sample 64 | fc-view --jsonl | draws >other
	run -1 cmp -s <(jq -c .rows other) <(jq -c .rows want)
}

@test "one draw, the most there can be, and temperatures" {
	fc-infer -q -m "$(kit pivot)" --sample 1 "$(F in.jsonl)" | fc-view --jsonl |
		jq -e -s 'all(.[].rows[]; .logprobs == [0])' >/dev/null
	fc-infer -q -m "$(kit pivot)" --sample 2048 -o most.fcs "$(F in.jsonl)"
	fc-view --verify most.fcs
	[[ $(fc-view most.fcs) == *$'\ntop-k         640\nrows          of 2048 draws at temperature 1\n'* ]]
	n() { fc-infer -q -m "$(kit pivot)" --sample 64 --sample-temperature "$1" "$(F in.jsonl)" |
		fc-view --jsonl | jq -s '[.[].rows[].ids | length] | add'; }
	local cold warm hot
	cold=$(n 0.1) warm=$(n 1) hot=$(n 3)
	((cold < warm && warm < hot))
}

@test "options that don't go with draws are refused" {
	refused() { run -2 fc-infer -m "$(kit pivot)" "${@:2}" "$(F in.jsonl)"; [[ $output == *"$1"* ]]; }
	refused '--sample and -k exclude each other' --sample 9 -k 3
	refused '--sample is for distributions' --sample 9 --generate
	refused '--sample is for distributions' --sample 9 --tokens
	refused '--sample-temperature needs --sample' --sample-temperature 1
	refused '2049 is outside [1, 2048]' --sample 2049
	refused '0 is outside [1, 2048]' --sample 0
}

@test "an interrupted capture of draws goes on, and not with others" {
	capture() { fc-infer -q -m "$(kit pivot)" --batch-tokens 200 "$@" "$(F in.jsonl)"; }
	capture --sample 20 --seed 4 -o whole.fcs
	for part in 3 5 8; do
		head -c $(($(stat -c %s whole.fcs) * part / 10)) whole.fcs >.out.fcs.partial
		capture --sample 20 --seed 4 --resume -o out.fcs
		cmp out.fcs whole.fcs
	done
	head -c $(($(stat -c %s whole.fcs) / 2)) whole.fcs >.out.fcs.partial
	cp .out.fcs.partial .out2.fcs.partial
	run -1 capture --sample 21 --seed 4 --resume -o out2.fcs
	run -1 capture --sample 20 --seed 5 --resume -o out2.fcs
	run -1 capture --resume -o out2.fcs
}

@test "both kinds don't stand in one stream" {
	run -1 fc-view --stream -o both.fcs "$(F pivot.fcs)" "$(F likeliest.fcs)"
	[[ $output == *'likeliest.fcs has the likeliest entries of rows, the one before has rows of 64 draws at temperature 1: make them alike with fc-infer --sample' ]]
	cat "$(F pivot.fcs)" "$(F likeliest.fcs)" >both.fcs
	run -1 fc-view --verify both.fcs
	[[ $output == *'the one before has rows of 64 draws at temperature 1'* ]]
	cat "$(F pivot.fcs)" "$(F pivot.fcs)" >twice.fcs
	fc-view --verify twice.fcs
}

@test "shifted rows of draws are told, others are not" {
	# rows of 4 draws: 3 of id 1 and 1 of id 2; the true token is 1, or 3, which was never drawn
	for true in 1 3; do
		{
			echo '{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 4, "n_sample": 4, "sample_temperature": 1, "sources": ["a"]}'
			for i in $(seq 60); do
				echo '{"id": "'"$i"'", "text": "ab", "nll": 1, "n_label": 1, "label_bytes": 1, "tokens": [[0,1,0],['$true',2,1]], "rows": [[1, -1, [[1, -0.28768], [2, -1.38629]]]]}'
			done
		} | "$FC_ROOT/$B/fixture/mkstream" >rows$true.fcs
	done
	run -0 fc-view --verify rows1.fcs
	[[ $output != *shifted* ]]
	run fc-view --verify rows3.fcs
	[[ $output == *'rows3.fcs: the true token is in no row, of 60: are the rows shifted?'* ]]
}
