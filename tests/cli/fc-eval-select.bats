#!/usr/bin/env bats
# fc-eval select: the best of several answers, and pairs.

load ../helper

# line ID CHOICE ANSWER [MEMBERS]
line() {
	jq -cn --arg id "$1" --argjson n "$2" --arg a "$3" --argjson more "${4:-{\}}" \
		'{id: $id, messages: [{role: "user", content: ("What is " + $id + "?")}, {role: "assistant", content: $a}], choice: $n} + $more'
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	{ # of each prompt two answers; "answer" is what is right
		line q1 0 "It is 12." '{"answer": "12"}'
		line q1 1 "It is 13." '{"answer": "12", "answered_by": {"model": "00000000000000aa", "round": 0}}'
		line q2 0 "Five: 5" '{"answer": "6"}'
		line q2 1 "Six: 7" '{"answer": "6"}'
	} >A.jsonl
	{
		line q2 0 "I say 7.0" '{"answer": "6"}'
		line q2 1 "6" '{"answer": "6"}'
		line q1 0 "12" '{"answer": "12"}'
		line q1 1 "It may be twelve" '{"answer": "12"}'
	} >B.jsonl
}

best() { jq -c '[.id, .messages[-1].content, .selected.source, .selected.reward * 1, .selected.of]'; }

@test "right: what the line's answer says; a prompt without a right answer has none" {
	fc-eval select --reward right --match last-number --pairs pairs.jsonl A.jsonl B.jsonl 2>notes >out
	[ "$(best <out)" = '["q1","It is 12.","A",1,4]
["q2","6","B",1,4]' ]
	grep "8 answers to 2 prompts; 0 that were truncated" notes
	grep "2 prompts (A 1, B 1); 0 prompts have none" notes
	grep "pairs: 2;" notes
	# the pair as TRL reads it; the worst is the first that is wrong
	[ "$(jq -c '[.prompt, .chosen, .rejected]' pairs.jsonl | head -n 1)" = '[[{"role":"user","content":"What is q1?"}],[{"role":"assistant","content":"It is 12."}],[{"role":"assistant","content":"It is 13."}]]' ]
	[ "$(jq -c '[.chosen_source, .rejected_source, .chosen_reward * 1, .rejected_reward * 1, .answer]' pairs.jsonl)" = '["A","A",1,0,"12"]
["B","A",1,0,"6"]' ]
	# alone A has q1 only
	fc-eval select -q --reward right --match last-number A.jsonl >out
	[ "$(jq -r .id out)" = q1 ]
	run -1 fc-eval select --reward right <(line q1 0 a)
	[[ $output == *'no member "answer"'* ]]
}

@test "agreement: the share of the answers that end in the same; alone is none" {
	fc-eval select --reward agreement --match last-number --pairs pairs.jsonl A.jsonl B.jsonl 2>notes >out
	[ "$(best <out)" = '["q1","It is 12.","A",0.5,4]
["q2","Six: 7","A",0.5,4]' ]
	[ "$(jq -c '.rejected_reward * 1' pairs.jsonl | sort -u)" = 0 ]
	# of one source's answers nobody agrees with another
	fc-eval select --reward agreement --match last-number --pairs pairs.jsonl A.jsonl 2>notes >out
	[ ! -s out ] && [ ! -s pairs.jsonl ]
	grep "2 prompts have none that is good enough" notes && grep "none of 2 prompts with nothing taken" notes
	# all agree: one is taken, and there is no pair
	for n in 0 1 2; do line q 0 "yes" '{"source": "s'$n'"}'; done >C.jsonl
	fc-eval select --reward agreement --pairs pairs.jsonl C.jsonl 2>notes >out
	[ "$(best <out)" = '["q","yes","s0",1,3]' ] && [ ! -s pairs.jsonl ]
	grep "1 whose answers are all worth the same" notes
}

@test "a program's numbers, a member, the least, the margin, pairs within a source" {
	count='jq -r ".messages[-1].content | length"' # 9 9 7 6; 9 1 2 16
	fc-eval select -q --reward program --program "$count" --pairs pairs.jsonl A.jsonl B.jsonl >out
	[ "$(best <out)" = '["q1","It may be twelve","B",16,4]
["q2","I say 7.0","B",9,4]' ]
	[ "$(jq -c '[.rejected[0].content, .rejected_reward * 1]' pairs.jsonl)" = '["12",2]
["6",1]' ]
	fc-eval select --reward program --program "$count" --margin 9 --pairs pairs.jsonl A.jsonl B.jsonl 2>notes >out
	[ "$(jq -r .id pairs.jsonl)" = q1 ] && grep "1 within the margin" notes
	fc-eval select -q --reward program --program "$count" --least 10 A.jsonl B.jsonl >out
	[ "$(jq -r .id out)" = q1 ]
	fc-eval select -q --reward program --program "$count" --within source --pairs pairs.jsonl A.jsonl B.jsonl >out
	[ "$(jq -c '[.chosen_source, .rejected_source]' pairs.jsonl | sort -u)" = '["B","B"]' ]
	fc-eval select -q --list --reward program --program "$count" A.jsonl B.jsonl >all.jsonl
	fc-eval select -q --reward member all.jsonl >again
	fc-eval select -q --reward program --program "$count" A.jsonl B.jsonl | cmp - again
	for bad in 'exit 3' 'head -n 2 | sed s/.*/1/' 'sed s/.*/nan/' 'sed s/.*/x/' 'yes 1' 'sed "s/.*/1 2/"'; do
		run -1 fc-eval select --reward program --program "$bad" -o none A.jsonl
		[[ $output == *"the reward's program"* ]] && [ ! -e none ]
	done
	run -1 fc-eval select --reward member A.jsonl
	[[ $output == *'no number "reward"'* ]]
}

@test "answers that were truncated are not taken, unless asked" {
	mkdir cut
	jq -c '.messages[-1].finish_reason = "length"' A.jsonl >cut/A.jsonl
	fc-eval select --reward right --match last-number cut/A.jsonl B.jsonl 2>notes >out
	[ "$(jq -r .selected.source out | sort -u)" = B ]
	grep "4 answers to 2 prompts; 4 that were truncated" notes
	fc-eval select -q --reward right --match last-number --keep-truncated cut/A.jsonl B.jsonl >out
	[ "$(jq -r .selected.source out | paste -sd' ')" = "A B" ]
}

@test "what is selected is nobody's own answer, but tells whose it was" {
	fc-eval select -q --reward program --program 'jq ".messages[-1].content == \"It is 13.\" | if . then 1 else 0 end"' A.jsonl >out
	[ "$(jq -c '[.answered_by, .choice, .selected.answered_by, .answer]' out | head -n 1)" = '[null,null,{"model":"00000000000000aa","round":0},"12"]' ]
}

@test "--list: every answer with an id of its own, which a stream's rewards find" {
	kit=$FC_ROOT/pipelines/demo/kit
	fc-eval select -q --list -o all.jsonl --questions q.jsonl --answers a.jsonl A.jsonl B.jsonl
	[ "$(jq -r .id all.jsonl | paste -sd' ')" = "q1:A:0 q1:A:1 q1:B:0 q1:B:1 q2:A:0 q2:A:1 q2:B:0 q2:B:1" ]
	[ "$(jq -c '[.question_id, .turns]' q.jsonl | head -n 1)" = '["q1:A:0",["What is q1?"]]' ]
	[ "$(jq -c '[.question_id, .choices[0].turns]' a.jsonl | head -n 1)" = '["q1:A:0",["It is 12."]]' ]
	fc-infer -q --dtype f32 -m "$kit/pivot" -o own.fcs all.jsonl
	fc-eval select -q --reward stream --stream own.fcs all.jsonl >out
	# the cross-entropy of fc-view over the bytes of the labels, which are the answer's
	fc-view --jsonl own.fcs | jq -r '[.id[0:2], .id, -.nll / .label_bytes] | @tsv' |
		sort -k1,1 -k3,3gr | awk '$1 != last { print $2, $3 } { last = $1 }' >want
	jq -r '[.id + ":" + .selected.source, .selected.reward] | @tsv' out >got
	[ "$(cut -d: -f1,2 want | cut -d' ' -f1)" = "$(cut -f1 got)" ]
	paste <(cut -d' ' -f2 want) <(cut -f2 got) | awk '{ d = $1 - $2; if (d < -1e-3 || d > 1e-3) exit 1 }'
	# files of answers find them by the same ids; one that is missing is named
	fc-eval select -q --reward stream --stream own.fcs A.jsonl B.jsonl | cmp - out
	head -n 3 all.jsonl | fc-infer -q -m "$kit/pivot" -o few.fcs
	run -1 fc-eval select -q --reward stream --stream few.fcs all.jsonl
	[[ $output == *"q1:B:1"*"--list"* ]]
	# a judge's ratings
	jq -c '{question_id: .question_id, model: "answers", judge: ["j", "single-v1"], user_prompt: "", judgment: "", score: (if .question_id == "q1:B:1" or .question_id == "q2:A:0" then 9 else 3 end), turn: 1, tstamp: 0}' a.jsonl >rated.jsonl
	fc-eval select -q --reward judgments --judgments rated.jsonl A.jsonl B.jsonl >out
	[ "$(best <out)" = '["q1","It may be twelve","B",9,4]
["q2","Five: 5","A",9,4]' ]
}

@test "--own: pairs of one source's answers with the best of the others beside, as WRPO has them" {
	line q1 0 "It is 12, no: 11" '{"answer": "12"}' >me.jsonl
	line q1 1 "12" '{"answer": "12"}' >>me.jsonl
	line q2 0 "6" '{"answer": "6"}' >>me.jsonl # alone, no pair
	count='jq -r ".messages[-1].content | length"' # A 9 9 7 6, B 9 1 2 16, me 16 2 1
	fc-eval select --reward program --program "$count" --own me --pairs pairs.jsonl -o all.best A.jsonl B.jsonl me.jsonl 2>notes
	# by hand: the longest and the shortest of me, the longest of the others; equal lengths: the first
	[ "$(jq -c '[.id, .chosen[0].content, .rejected[0].content, .source_chosen[0].content]' pairs.jsonl)" = \
		'["q1","It is 12, no: 11","12","It may be twelve"]' ]
	[ "$(jq -c '[.chosen_source, .rejected_source, .source_chosen_source, .source_chosen_reward * 1, .chosen_reward * 1]' pairs.jsonl)" = \
		'["me","me","B",16,16]' ]
	grep "pairs: 1; none of 0 prompts with nothing taken, 1 with one answer" notes
	# what is taken is the best of all, as ever
	fc-eval select -q --reward program --program "$count" A.jsonl B.jsonl me.jsonl | cmp - all.best
	# votes and --least are of all answers to the prompt
	fc-eval select -q --reward right --match last-number --own me --pairs pairs.jsonl -o best A.jsonl B.jsonl me.jsonl
	[ "$(jq -c '[.id, .chosen[0].content, .rejected[0].content, .source_chosen[0].content]' pairs.jsonl)" = \
		'["q1","12","It is 12, no: 11","It is 12."]' ]
	# nothing of the others is good enough: no pair
	fc-eval select --reward right --match last-number --own me --pairs pairs.jsonl -o best me.jsonl <(grep -v 'is 12' A.jsonl) 2>notes
	[ ! -s pairs.jsonl ] && grep "none of 2 prompts with nothing taken" notes
	# as fc-infer and fc-train --preference wrpo take them
	fc-eval select -q --reward right --match last-number --own me --pairs pairs.jsonl -o best A.jsonl B.jsonl me.jsonl
	fc-infer -q --tokens -m "$FC_ROOT/pipelines/demo/kit/pivot" -o three.fcs pairs.jsonl
	[ "$(fc-view --jsonl three.fcs | jq -r .id | paste -sd' ')" = "q1/chosen q1/rejected q1/source_chosen" ]
	run -1 fc-eval select --reward right --match last-number --own nobody --pairs none -o best A.jsonl
	[[ $output == *"no answer is from 'nobody'"* ]]
	run -2 fc-eval select --reward right --own A A.jsonl
	[[ $output == *"--own needs --pairs"* ]]
}

@test "what does not go together is an error" {
	run -1 fc-eval select --reward agreement A.jsonl A.jsonl
	[[ $output == *"'A' answered conversation 'q1' already"* ]]
	jq -c '.messages[0].content += " Really?"' B.jsonl >C.jsonl
	run -1 fc-eval select --reward agreement A.jsonl C.jsonl
	[[ $output == *"other messages before its last answer"* ]]
	run -1 fc-eval select --reward agreement <(jq -c 'del(.messages[-1])' A.jsonl)
	[[ $output == *"does not end with an answer"* ]]
	run -1 fc-eval select --reward agreement <(line a:b 0 x '{"source": "c"}'; line a 0 x '{"source": "b:c"}')
	[[ $output == *"both answers would be called 'a:b:c:0'"* ]]
	for bad in "" "--reward stream" "--reward right --stream x" "--list --pairs p" "--reward right --questions q" "--reward member --match last-word" "--list --least 1"; do
		# shellcheck disable=SC2086 # a list of options
		run -2 fc-eval select $bad A.jsonl
	done
}
