#!/usr/bin/env bats
# MT-Bench's pipeline on the embedded models and a judge of one line.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for i in 1 2 3 4 5 6; do
		echo '{"question_id": '$i', "category": "'"$(sed -n "$((i % 3 + 1))p" <<<$'sums\nfacts\nmanners')"'", "turns": ["What is '$i' plus 2?", "And plus 3?"]}'
	done >q.jsonl
	for name in single-v1 single-v1-multi-turn; do
		echo '{"name": "'$name'", "system_prompt": "", "prompt_template": "'"$([ $name = single-v1 ] && echo '{question}{answer}' || echo '{question_2}{answer_2}')"'", "output_format": "[[rating]]"}'
	done >prompts.jsonl
	judge="jq -c '.messages += [{role: \"assistant\", content: \"Rating: [[\\(.messages[0].content | length % 10 + 1)]]\"}]'"
	args=(MODELS="$(kit pivot) $(kit facts)" QUESTIONS=q.jsonl PROMPTS=prompts.jsonl OUT=bench FC="$FC_ROOT/$B/"
		INFER="-q --max-new 8" JUDGE="-q --name lengths --command \"\$\$(cat judge)\"")
	echo "$judge" >judge
}

@test "mtbench.mk: questions to tables, chart and report; a second call makes nothing" {
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}"
	[[ "$output" == *"lengths"*"pivot"* ]]
	[[ "$output" == *"Between "*" and "*" no difference shows"*" points;"*"this set shows differences from "* ]]
	[ "$(wc -l <bench/judgments.jsonl)" -eq 24 ]
	for f in scores.txt categories.txt compare.txt chart.svg chart.png radar.svg radar.png report.html; do [ -s bench/$f ]; done
	[ -z "$(find bench/model_answer -type f ! -name '*.jsonl')" ]
	run -0 make -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}"
	[[ "$output" != *"fc-infer"* && "$output" != *"fc-eval judge"* ]]
}

@test "mtbench.mk: of one category there is no radar chart" {
	sed -i 's/"category": "[a-z]*"/"category": "all"/' q.jsonl
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}"
	[ ! -e bench/radar.svg ] && [ -s bench/chart.svg ] && [ -s bench/categories.txt ]
	grep -q '<h2>Categories' bench/report.html
	[ "$(grep -o '<figure>' bench/report.html | wc -l)" -eq 1 ]
}

@test "mtbench.mk: a judge that fails half-way is asked the rest only" {
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	echo "$judge | sed 7q; exit 1" >judge
	run make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}"
	[ "$status" -ne 0 ]
	[ "$(wc -l <bench/judgments.jsonl)" -eq 7 ]
	[ ! -e bench/judged ] && [ ! -e bench/scores.txt ]
	echo "tee asked | $judge" >judge
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}"
	[ "$(wc -l <asked)" -eq 17 ]
	[ "$(wc -l <bench/judgments.jsonl)" -eq 24 ]
}

@test "mtbench.mk: a judge that cannot work fails before any model answers, one without a name has its program's" {
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	for bad in "--command" "--endpoint https://localhost/v1" "--command ./nobody --nonsense" "-q --command \"(cat)\""; do
		run make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}" JUDGE="$bad"
		[ "$status" -ne 0 ] && [ ! -e bench/model_answer ]
	done
	run make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}" PROMPTS=q.jsonl
	[ "$status" -ne 0 ] && [ ! -e bench/model_answer ]
	printf '#!/bin/sh\n%s\n' "$judge" >lengths.sh && chmod +x lengths.sh
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}" JUDGE="-q --command ./lengths.sh"
	[ "$(jq -rs 'map(.judge[0]) | unique[]' bench/judgments.jsonl)" = lengths.sh ]
}

@test "mtbench.mk: another option asks the models again, and keeps the judgments of the old answers" {
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}"
	cp bench/judgments.jsonl old
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}" INFER="-q --max-new 3"
	[[ $output == *"step 2 of "*": answers of pivot"*"step 4 of "*": judgments"* ]]
	cmp old bench/judgments.jsonl.1
	[ "$(wc -l <bench/judgments.jsonl)" -eq 24 ]
	# a table shows the models that are asked for
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}" INFER="-q --max-new 3" MODELS="$(kit facts)/"
	[[ $output != *"answers of"* && $output != *"pivot  "* ]]
	run -0 make -s -f "$FC_ROOT/pipelines/mtbench.mk" "${args[@]}" INFER="-q --max-new 3" MODELS="$(kit facts)/" TITLE=T
	[[ $output != *"judgments"* && $output == *"report"* ]]
}
