#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../helper

oracle() { python3 "$FC_ROOT/tests/cli/fastchat_scores.py" "$@"; }

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	python3 "$FC_ROOT/tests/cli/fastchat_scores.py" make 1 >j.jsonl
}
J() { echo "$BATS_FILE_TMPDIR/j.jsonl"; }
questions() { echo "$FC_SHARED/data/eval/mt_bench_question.jsonl"; }

show() { fc-eval show -q --resamples 0 --format tsv "$@" 2>/dev/null; }
# same A B: equal tables, numbers within 1e-7
same() {
	paste -d'\n' "$1" "$2" | awk -F'\t' '
		NR % 2 { n = split($0, a, "\t"); next }
		{ m = split($0, b, "\t"); if (m != n) exit 1
		  for (i = 1; i <= n; i++) {
			d = a[i] - b[i]
			if (a[i] != b[i] && !(a[i] ~ /^[0-9.]+$/ && d < 1e-7 && d > -1e-7)) exit 1 }
		  seen++ }
		END { if (!seen) exit 1 }'
	[ "$(wc -l <"$1")" = "$(wc -l <"$2")" ]
}

@test "scores: FastChat's means, over rows and not over turns" {
	show -t scores "$(J)" | tail -n +2 | cut -f2-5,8,9 | sort >got
	oracle single "$(J)" | sort >want
	same got want
	# not vacuous: the average is not the mean of the turns
	awk -F'\t' '($2 + $3) / 2 - $4 > 1e-4 || ($2 + $3) / 2 - $4 < -1e-4 { n++ } END { exit !n }' want
	fc-eval show --resamples 0 "$(J)" 2>&1 >/dev/null | grep -q 'come again'
}

@test "scores: the worked rows; a turn nobody could read is empty" {
	need_shared
	jq -c '.cases[] | select(.kind == "aggregate") | .rows | to_entries[] | {question_id: (81 + .key),
		model: .value[0], judge: ["j", "p"], turn: .value[1], score: .value[2]}' \
		"$FC_SHARED/cases/14_mtbench.json" >rows.jsonl
	show rows.jsonl | tail -n +2 | cut -f2-5 | sort >got
	printf 'a\t7\t4.5\t5.75\nb\t9\t\t9\n' >want
	cmp got want
	fc-eval show rows.jsonl | grep -q 'b .* 9.000 .* -  *9.000'
}

@test "scores: sorted by average, best first" {
	show -t scores "$(J)" | tail -n +2 | cut -f5 >got
	sort -rn got | cmp - got
}

@test "categories: means by category in the questions' order" {
	need_shared
	show -t categories --questions "$(questions)" "$(J)" | tail -n +2 | cut -f2-4,7,8 | sort >got
	oracle category "$(J)" "$(questions)" | sort >want
	same got want
	[ "$(wc -l <got)" = 32 ]
	[ "$(show -t categories --questions "$(questions)" "$(J)" | sed -n 2,9p | cut -f3 | paste -sd' ')" = \
		"writing roleplay reasoning math coding extraction stem humanities" ]
	run fc-eval show -t categories "$(J)"
	[ "$status" -eq 1 ]
	[[ "$output" == *"--questions is needed"* ]]
	echo '{"question_id": 1, "turns": ["?"]}' >other.jsonl
	run fc-eval show -t categories --questions other.jsonl "$(J)"
	[ "$status" -eq 1 ]
	[[ "$output" == *"was judged, but is not among the questions"* ]]
}

@test "wins: FastChat's rates, all pairs and against a baseline" {
	show -t wins "$(J)" | tail -n +2 | cut -f2-5,7-9 | sort >got
	oracle pair "$(J)" | sort >want
	same got want
	show -t wins --baseline vicuna "$(J)" | tail -n +2 | cut -f2-5,7-9 | sort >got
	oracle pair "$(J)" vicuna | sort >want
	same got want
	! grep -q vicuna got || false
	show -t wins "$(J)" | tail -n +2 | cut -f6 | grep -q '[1-9]' # rows were dropped
}

@test "arena: the share of points is the Bradley-Terry score" {
	show -t arena "$(J)" | tail -n +2 | cut -f2,3 | sort >got
	oracle arena "$(J)" | sort | awk -F'\t' '{ printf "%s\t%.4f\n", $1, $2 }' >want
	awk -F'\t' '{ printf "%s\t%.4f\n", $1, $2 }' got | cmp - want
}

@test "places: what a judge does with the order" {
	cat >p.jsonl <<-'END'
		{"question_id": 1, "model_1": "a", "model_2": "b", "g1_winner": "model_1", "g2_winner": "model_1", "judge": ["j", "p"], "turn": 1}
		{"question_id": 2, "model_1": "a", "model_2": "b", "g1_winner": "model_1", "g2_winner": "model_2", "judge": ["j", "p"], "turn": 1}
		{"question_id": 3, "model_1": "a", "model_2": "b", "g1_winner": "model_1", "g2_winner": "model_2", "judge": ["j", "p"], "turn": 1}
		{"question_id": 4, "model_1": "a", "model_2": "b", "g1_winner": "model_2", "g2_winner": "model_1", "judge": ["j", "p"], "turn": 1}
		{"question_id": 5, "model_1": "a", "model_2": "b", "g1_winner": "tie", "g2_winner": "model_1", "judge": ["j", "p"], "turn": 1}
		{"question_id": 6, "model_1": "a", "model_2": "b", "g1_winner": "error", "g2_winner": "model_1", "judge": ["j", "p"], "turn": 1}
	END
	[ "$(show -t places p.jsonl | tail -n 1)" = "$(printf 'j\t5\t1\t1\t2\t1\t1\t0.2\t0.666666667')" ]
}

@test "compare: a paired difference, its interval and tests" {
	for q in $(seq 1 12); do
		for t in 1 2; do
			echo '{"question_id": '"$q"', "model": "a", "judge": ["j", "p"], "turn": '$t', "score": '$((q % 5 + 4))'}'
			echo '{"question_id": '"$q"', "model": "b", "judge": ["j", "p"], "turn": '$t', "score": '$((q % 5 + 3))'}'
		done
	done >c.jsonl
	echo '{"question_id": 13, "model": "a", "judge": ["j", "p"], "turn": 1, "score": 9}' >>c.jsonl
	fc-eval show -t compare --format tsv c.jsonl >t
	# always one point better: no spread; 2 of 2^12 sign patterns reach it
	[ "$(tail -n 1 t | cut -f2-10)" = "$(printf 'a\tb\t12\t1\t1\t1\t12\t0\t0')" ]
	[ "$(tail -n 1 t | cut -f11,12)" = "$(printf '0.00048828125\t0.00048828125')" ]
	[ "$(head -n 1 t | cut -f13,14)" = "$(printf 'p_holm\tdetectable')" ]
	[ "$(tail -n 1 t | cut -f13,14)" = "$(printf '0.00048828125\t')" ] # without spread nothing tells what shows
	fc-eval show -t compare c.jsonl | tail -n 1 | grep -qx 'a is better than b by 1.000 \[1.000, 1.000\] points.'
	fc-eval show -t compare --resamples 0 c.jsonl | tail -n 1 | grep -q '^a is better than b by 1.000 points; how much of'
	# the other way round against a baseline
	[ "$(fc-eval show -t compare --baseline a --format tsv c.jsonl | tail -n 1 | cut -f2-5)" = "$(printf 'b\ta\t12\t-1')" ]
}

@test "compare: turns of a question stay together, three pairs are adjusted by Holm, categories are strata" {
	# two turns a question, rated alike: the second tells nothing new, and the interval is that of
	# one turn: t(0.975, 11) sqrt(var / 12) on either side within the percentiles' skew
	for q in $(seq 1 12); do
		for t in 1 2; do
			echo '{"question_id": '"$q"', "model": "a", "judge": ["j", "p"], "turn": '$t', "score": '$((q % 4 + 4))'}'
			echo '{"question_id": '"$q"', "model": "b", "judge": ["j", "p"], "turn": '$t', "score": 5}'
			echo '{"question_id": '"$q"', "model": "c", "judge": ["j", "p"], "turn": '$t', "score": '$((q % 3 + 6))'}'
		done
		echo '{"question_id": '"$q"', "category": "'$((q % 4))'", "turns": ["x"]}' >>questions.jsonl
	done >c.jsonl
	fc-eval show -t compare --format tsv c.jsonl >t
	grep '"turn": 1' c.jsonl | fc-eval show -t compare --format tsv >one
	[ "$(wc -l <t)" -eq 4 ]
	for line in 2 3 4; do # the same but for the number of rows: model by model
		[ "$(sed -n ${line}p t)" = "$(sed -n ${line}p one)" ]
	done
	# Holm of three, by hand from the column before
	python3 - t <<-'END'
		import csv, sys
		rows = list(csv.DictReader(open(sys.argv[1]), delimiter="\t"))
		most = 0
		for i, r in enumerate(sorted(rows, key=lambda r: float(r["p_permutation"]))):
		    most = max(most, min(1, (3 - i) * float(r["p_permutation"])))
		    assert abs(float(r["p_holm"]) - most) < 1e-8, r
	END
	# within a category a never differs from b by another amount: no spread is left
	grep -v '"c"' c.jsonl | fc-eval show -t compare --format tsv --questions questions.jsonl >s
	[ "$(tail -n 1 s | cut -f5-7)" = "$(printf '0.5\t0.5\t0.5')" ]
	awk -F'\t' '$3 == "b" && $2 == "a" || $3 == "a" && $2 == "b" { exit !($7 - $6 > 1) }' t
}

@test "judges: agreement of ratings and pairs" {
	cat >v.jsonl <<-'END'
		{"question_id": 1, "model": "a", "judge": ["x", "p"], "turn": 1, "score": 9}
		{"question_id": 1, "model": "b", "judge": ["x", "p"], "turn": 1, "score": 5}
		{"question_id": 2, "model": "a", "judge": ["x", "p"], "turn": 1, "score": 4}
		{"question_id": 2, "model": "b", "judge": ["x", "p"], "turn": 1, "score": 4}
		{"question_id": 1, "model": "a", "judge": ["y", "p"], "turn": 1, "score": 8}
		{"question_id": 1, "model": "b", "judge": ["y", "p"], "turn": 1, "score": 7}
		{"question_id": 2, "model": "a", "judge": ["y", "p"], "turn": 1, "score": 2}
		{"question_id": 2, "model": "b", "judge": ["y", "p"], "turn": 1, "score": 6}
		{"question_id": 1, "model_1": "b", "model_2": "a", "g1_winner": "model_2", "g2_winner": "model_2", "judge": ["x", "q"], "turn": 1}
	END
	show -t judges v.jsonl >t
	# votes of x: a, tie; of y: a, b; by chance 1/4, so kappa is (1/2 - 1/4) / (3/4)
	[ "$(awk -F'\t' '$1 == "x (single)" && $2 == "y (single)"' t | cut -f3,4,7-10,12)" = \
		"$(printf '2\t0.5\t1\t1\t0.333333333\t4\t-0.25')" ]
	# ranks 4 3 1.5 1.5 and 4 3 1 2
	awk -F'\t' '$1 == "x (single)" && $2 == "y (single)" { d = $11 - 4.5 / sqrt(4.5 * 5); exit !(d < 1e-8 && d > -1e-8) }' t
	[ "$(awk -F'\t' '$1 == "x (single)" && $2 == "x (pair)"' t | cut -f3,4)" = "$(printf '1\t1')" ]
}

@test "show: verdicts taken anew from the judges' texts" {
	cat >r.jsonl <<-'END'
		{"question_id": 1, "model": "a", "judge": ["x", "p"], "turn": 1, "score": -1, "judgment": "[[8/10]]"}
		{"question_id": 2, "model": "a", "judge": ["x", "p"], "turn": 1, "score": 5, "judgment": "as in [[5]]: [[9]]"}
	END
	[ "$(show r.jsonl | tail -n 1 | cut -f5,8,9)" = "$(printf '5\t1\t1')" ]
	[ "$(show --verdict fastchat r.jsonl | tail -n 1 | cut -f5,8,9)" = "$(printf '5\t1\t1')" ]
	[ "$(show --verdict strict r.jsonl | tail -n 1 | cut -f5,8,9)" = "$(printf '8.5\t2\t0')" ]
}

@test "show: strict finds blanks in verdicts of every kind" {
	cat >p.jsonl <<-'END'
		{"question_id":1,"model_1":"x","model_2":"base","g1_winner":"error","g2_winner":"error","judge":["g","pair-v2"],"g1_judgment":"[[ A ]]","g2_judgment":"[[ B ]]","turn":1}
	END
	cat >a.jsonl <<-'END'
		{"question_id":1,"model":"am","judge":["g","arena-hard"],"games":[{"judgment":"My verdict: [[ A>>B ]]","score":null},{"judgment":"[[B > A]]","score":null}]}
	END
	[ "$(show -t wins --verdict strict p.jsonl | sed -n 2p | cut -f2-6)" = "$(printf 'x\t1\t0\t0\t0')" ]
	[ "$(show -t wins --verdict fastchat p.jsonl | sed -n 2p | cut -f6)" = 1 ]
	[ "$(show -t arena --verdict strict a.jsonl | sed -n 2p | cut -f2,6,7)" = "$(printf 'am\t2\t0')" ]
	[ "$(show -t arena --verdict fastchat a.jsonl | sed -n 2p | cut -f7)" = 2 ]
}

@test "show: models and judges by name; intervals repeat; the same from standard input" {
	[ "$(show --model zephyr --model 'open chat' "$(J)" | tail -n +2 | cut -f2 | sort | paste -sd,)" = "open chat,zephyr" ]
	run fc-eval show --model nobody "$(J)"
	[ "$status" -eq 1 ]
	fc-eval show -q --format tsv "$(J)" >a 2>/dev/null
	fc-eval show -q -j 2 --format tsv <"$(J)" >b 2>/dev/null
	cmp a b
	awk -F'\t' 'NR > 1 && !($6 < $5 && $5 < $7) { exit 1 }' a
}

@test "show: bad files are refused by line; a torn end is told" {
	head -n 3 "$(J)" >bad.jsonl
	echo '{"question_id": 1, "judge": "x"}' >>bad.jsonl
	run fc-eval show bad.jsonl
	[ "$status" -eq 1 ]
	[[ "$output" == *"bad.jsonl:4: expected a judgment"* ]]
	grep '"score"' "$(J)" | head -n 3 >torn.jsonl
	show torn.jsonl >want
	printf '{"question_id": 4, "mod' >>torn.jsonl
	run fc-eval show torn.jsonl
	[ "$status" -eq 0 ]
	[[ "$output" == *"cut off"* ]]
	show torn.jsonl | cmp - want
	printf '\n{"question_id": 1, "model": "a", "judge": "x", "score": 1}\n' >>torn.jsonl
	run fc-eval show torn.jsonl
	[ "$status" -eq 1 ]
	: >empty
	run fc-eval show empty
	[ "$status" -eq 1 ]
	[[ "$output" == *"no judgment"* ]]
}

@test "wins: verdicts of pairs by two ratings are found anew, too" {
	for i in 1 2 3; do
		jq -cn --argjson q $i '{question_id: $q, model_1: "a", model_2: "b", g1_winner: "model_1", g2_winner: "model_1",
			judge: ["j", "pair-v2"], turn: 1, g1_judgment: "A is better. [[8,5]]", g2_judgment: "B is better. [[5, 8]]"}'
	done >pairs.jsonl
	for rule in stored fastchat strict; do
		fc-eval show -t wins --verdict $rule --resamples 0 --format tsv pairs.jsonl | cut -f2-6 | sed -n 2p | grep -qx "$(printf 'a\t3\t0\t0\t0')"
	done
}
