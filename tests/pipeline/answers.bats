#!/usr/bin/env bats
# Answers of the embedded sources, the best of them, and a training on those.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	talk="$FC_ROOT/pipelines/demo/talk.py"
	python3 "$talk" --set fusion -n 30 --seed 3 |
		jq -c '.messages |= map(select(.role != "assistant")) | select(.messages | length == 1)' >prompts.jsonl
	python3 "$talk" --set heldout -n 30 --seed 9 >dev.jsonl
	generate="-q --dtype f32 --max-new 30" train="-q --epochs 1 --lr 1e-3 --batch-tokens 512 --dtype f32"
	args=(PIVOT="$(kit pivot)" SOURCES="$(kit facts) $(kit strings)" PROMPTS=prompts.jsonl OUT=run SAMPLES=2
		FC="$FC_ROOT/$B/" INFER="-q --dtype f32" GENERATE="$generate" TRAIN="$train" FUSION=)
}

go() { make -s -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" "$@"; }
steps() { make -n -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" "$@" | sed -n "s/.*echo '\\([a-z]*: \\)\\?step [0-9]* of [0-9]*: \\(.*\\)'$/\\1\\2/p"; }

@test "agreement: the files that the tools make by hand, a training with rows, nothing twice" {
	run -0 go FUSION=fusellm MATCH=last-word
	[[ $output == *"step 5 of 5: fine-tune the pivot on them"*"fusellm: step 7 of 7"* ]]
	for n in facts strings; do
		# shellcheck disable=SC2086 # a list of options
		fc-infer --generate -m "$(kit $n)" --temperature 1 --choices 2 --seed 0 $generate -o $n.jsonl prompts.jsonl
		cmp $n.jsonl run/answers/$n.jsonl
	done
	fc-eval select -q --reward agreement --match last-word --pairs pairs.jsonl -o best.jsonl facts.jsonl strings.jsonl
	cmp best.jsonl run/best.jsonl && cmp pairs.jsonl run/pairs.jsonl
	[ -s pairs.jsonl ]
	# the rows are over the best answers, and the result is no round of a policy
	[ "$(fc-view --jsonl run/fusion/facts.aligned.fcs | jq -r .id)" = "$(jq -r .id best.jsonl)" ]
	[ -s run/fusion/fusellm/model.safetensors ] && [ ! -e run/fusion/fusellm/lineage.json ]
	before=$(stat -c %y run/best.jsonl run/fusion/fusellm)
	run -0 go FUSION=fusellm MATCH=last-word
	[[ $output != *"best answers"* && $output != *"fusellm: step"* ]]
	[ "$before" = "$(stat -c %y run/best.jsonl run/fusion/fusellm)" ]
	# another setting makes anew what depends on it
	[ "$(steps MATCH=exact)" = "check models and options"$'\n'"the best answers" ]
	[ "$(steps MATCH=last-word SAMPLES=3 | wc -l)" -eq 4 ]
	[ "$(steps MATCH=last-word SOURCES="$(kit facts)")" = "check models and options"$'\n'"the best answers" ]
}

@test "right, a checker and a mixture as rewards; labelled conversations beside the answers" {
	run -0 go REWARD=right MATCH=last-word OUT=right
	# what is taken is right, all of it
	[ "$(fc-eval accuracy --match last-word --format tsv right/best.jsonl | sed -n 2p | cut -f4)" = 1 ]
	[ "$(jq -s 'map(.rejected_reward) | max' right/pairs.jsonl | cut -c1)" = 0 ]
	checker='jq -r "if (.answer as \$a | .messages[-1].content | contains(\$a)) then 1 else 0 end"'
	# labelled conversations may be packed, or an array, in several files
	head -n 20 dev.jsonl | gzip -c >dev-1.gz
	tail -n +21 dev.jsonl | jq -s . >dev-2.json
	run -0 go REWARD=program CHECKER="${checker//\$/\$\$}" OUT=checked SELECT="--least 1" \
		DATA="dev-1.gz dev-2.json" FUSION=fusellm
	jq -s -e 'all(.answer as $a | .messages[-1].content | contains($a))' checked/best.jsonl
	fc-view --jsonl checked/fusion/pivot.fcs | jq -r .id | cmp - <(jq -r .id dev.jsonl checked/best.jsonl)
	run -0 go REWARD=mixture DEV=dev.jsonl BY=skill OUT=mixed
	[[ $output == *"step 5 of 6: the answers under a mixture of all"*"scoring: step 12 of 13: whether fusion can help"*"step 6 of 6"* ]]
	fc-align fuse -q --rule mixture --by skill --weights mixed/scoring/dev/weights.tsv -k 10 -o mixed.fcs \
		mixed/scoring/{pivot,facts.aligned,strings.aligned}.fcs
	fc-eval select -q --reward stream --stream mixed.fcs -o best.jsonl mixed/all.jsonl
	cmp best.jsonl mixed/best.jsonl
	run -0 go REWARD=mixture DEV=dev.jsonl BY=skill OUT=mixed SAMPLE=8 # draws are for training
	[[ $output != *"best answers"* && $output != *"scoring: step"* ]]
}

@test "a judge rates every answer, and one that fails half-way is asked the rest" {
	echo '{"name": "single-v1", "system_prompt": "", "prompt_template": "{question}{answer}", "output_format": "[[rating]]"}' >judge.jsonl
	judge="jq -c '.messages += [{role: \"assistant\", content: \"Rating: [[\\(.messages[0].content | length % 10 + 1)]]\"}]'"
	by=(REWARD=judge JUDGE="-q --prompts judge.jsonl --name lengths --command \"\$\$(cat judge)\"")
	echo "$judge | sed 7q; exit 1" >judge
	run go "${by[@]}"
	[ "$status" -ne 0 ] && [ ! -e run/judged ] && [ ! -e run/best.jsonl ]
	[ "$(wc -l <run/judge/judgments.jsonl)" -eq 7 ]
	echo "tee asked | $judge" >judge
	run -0 go "${by[@]}"
	[ "$(wc -l <asked)" -eq $(($(wc -l <run/all.jsonl) - 7)) ]
	fc-eval select -q --reward judgments --judgments run/judge/judgments.jsonl run/all.jsonl | cmp - run/best.jsonl
	jq -s -e 'all(.selected.reward >= 1 and .selected.reward <= 10)' run/best.jsonl
	# other answers begin a new file
	run -0 go "${by[@]}" SEED=5
	[[ $output == *"stay as run/judge/judgments.jsonl.1"* ]]
	cmp run/all.jsonl <(fc-eval select -q --list run/answers/*.jsonl)
}

@test "what would fail late fails before the first model answers" {
	bad() { # bad WORDS VARIABLE=VALUE...
		run go OUT=none "${@:2}"
		[ "$status" -eq 2 ] && [[ $output == *"$1"* ]] && [ -z "$(compgen -G 'none/answers/*')" ]
	}
	bad "set PIVOT, SOURCES and PROMPTS" PROMPTS=
	bad "REWARD is one of" REWARD=best
	bad "MATCH is one of" MATCH=some
	bad "FUSION is one of" FUSION=some
	bad "REWARD=program needs CHECKER" REWARD=program
	bad "REWARD=judge needs JUDGE" REWARD=judge
	bad "CHECKER is for REWARD=program, not for agreement" REWARD=agreement CHECKER=true
	bad "REWARD=mixture needs DEV" REWARD=mixture
	bad "BY is for REWARD=mixture, not for agreement, or for RULE=mixture" BY=skill
	bad "DEV is for REWARD=mixture, not for agreement, or for RULE=mixture" DEV=dev.jsonl RULE=mixture
	bad "--nonsense" GENERATE=--nonsense
	bad "--nonsense" SELECT=--nonsense
	bad "RULE is one of" FUSION=fusellm RULE=best
	bad "--loss" FUSION=fusellm LOSS=nonsense
	bad "prompts" REWARD=judge JUDGE="--command cat"
}

@test "the training on answers may be towards a mixture, whatever the reward" {
	run -0 go RULE=mixture DEV=dev.jsonl BY=skill FUSION=fusellm
	[[ $output == *"fusellm: step "*": whether fusion can help"* ]]
	[ -e run/fusion/fusellm/model.safetensors ] && [ ! -e run/scoring ]
}

@test "every step is told once and in its order" {
	for more in '' "REWARD=mixture DEV=dev.jsonl" "REWARD=judge JUDGE=-q" "DATA=dev.jsonl" "FUSION=fusellm DATA=dev.jsonl"; do
		# shellcheck disable=SC2086 # a list of settings
		make -n -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" OUT=new $more |
			sed -n "s/.*echo 'step \\([0-9]*\\) of \\([0-9]*\\): .*/\\1 \\2/p" >told
		n=$(head -n 1 told | cut -d' ' -f2)
		diff told <(seq -f "%.0f $n" "$n")
	done
}
