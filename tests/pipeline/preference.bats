#!/usr/bin/env bats
# From prompts without answers to a model that was trained on pairs of them, on the embedded models.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

setup_file() {
	talk="$FC_ROOT/pipelines/demo/talk.py"
	cd "$BATS_FILE_TMPDIR" || return
	python3 "$talk" --set fusion -n 30 --seed 3 |
		jq -c '.messages |= map(select(.role != "assistant")) | select(.messages | length == 1)' >prompts.jsonl
	python3 "$talk" --set heldout -n 30 --seed 9 >dev.jsonl
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp "$BATS_FILE_TMPDIR"/*.jsonl .
	generate="-q --dtype f32 --max-new 30" train="-q --epochs 1 --lr 1e-3 --batch-tokens 512 --dtype f32"
	prefer="-q --epochs 1 --lr 1e-4 --batch-tokens 400 --dtype f32"
	args=(PIVOT="$(kit pivot)" SOURCES="$(kit strings) $(kit facts)" PROMPTS=prompts.jsonl OUT=run SAMPLES=2
		FC="$FC_ROOT/$B/" INFER="-q --dtype f32" GENERATE="$generate" TRAIN="$train" PREFER="$prefer" REWARD=right
		MATCH=last-word)
	all=(run/answers/{facts,strings}.jsonl)
}

go() { make -s -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" "$@"; }
steps() { make -n -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" "$@" | sed -n "s/.*echo 'step [0-9]* of [0-9]*: \\(.*\\)'$/\\1/p"; }
select_by() { fc-eval select -q --reward right --match last-word "$@"; }
scores() { fc-infer -q -k 1 --dtype f32 "$@"; }
# hand KIND START STREAM [option ...]: the training by itself
hand() {
	# shellcheck disable=SC2086 # a list of options
	fc-train -m "$2" --preference "$1" --save-dtype f32 $prefer -o hand-"$1" "${@:4}" "$3"
}
same_model() { cmp "$1/model.safetensors" "$2/model.safetensors"; }
started() { grep -o ": step [0-9]* of\|^step [0-9]* of [0-9]*: .*" <<<"$output"; }

@test "dpo: answers, the best to SFT, pairs to a training that SFT's result is the reference of" {
	run -0 go PREFERENCE=dpo
	[[ $output == *"step 5 of 7: fine-tune the pivot on them"*"step 6 of 7: what the model finds of the answers"*"step 7 of 7: train on pairs by dpo"* ]]
	select_by --pairs pairs.jsonl -o best.jsonl "${all[@]}"
	cmp best.jsonl run/best.jsonl && cmp pairs.jsonl run/pairs.jsonl && [ -s pairs.jsonl ]
	[ "$(fc-view --jsonl run/fusion/pivot.fcs | jq -r .id)" = "$(jq -r .id best.jsonl)" ]
	scores -m run/fusion/fusellm -o own.fcs pairs.jsonl
	hand dpo run/fusion/fusellm own.fcs --log log
	same_model hand-dpo run/dpo && cmp log run/dpo.log.jsonl
	jq -es '.[0]."rewards/margins" | fabs < 1e-5' log # its own reference, at the start
	same_model run/dpo run/fusion/fusellm && return 1
	[ ! -e run/dpo.state ]
	# a second call makes nothing
	made() { find run -type f -newer mark; }
	touch mark
	run -0 go PREFERENCE=dpo
	[[ $output != *"train on pairs"* && $output != *"the model finds"* && $output != *"fusellm: step"* ]]
	[ "$(made)" = "" ]
	# another training makes itself only, another objective what it needs besides
	run -0 go PREFERENCE=dpo PREFER="$prefer --beta 0.2"
	[ "$(started | grep -v 'fine-tune the pivot')" = $'step 1 of 7: check models and options\nstep 7 of 7: train on pairs by dpo' ]
	[ "$(made | sort)" = $'run/checked\nrun/dpo.log.jsonl\n'"$(find run/dpo -type f | sort)"$'\nrun/settings/preference/train' ]
	touch mark
	run -0 go PREFERENCE=infifpo
	[ "$(started | grep -v 'fine-tune the pivot' | sed 1d | cut -d: -f2-)" = " what facts finds of the answers
 what strings finds of the answers
 train on pairs by infifpo" ]
	scores -m "$(kit facts)" -p "$(kit pivot)" -o facts.fcs pairs.jsonl
	scores -m "$(kit strings)" -p "$(kit pivot)" -o strings.fcs pairs.jsonl
	hand infifpo run/fusion/fusellm own.fcs --reference facts.fcs --reference strings.fcs
	same_model hand-infifpo run/infifpo
	# answers of one source make other pairs, and the same texts, so that SFT stays
	touch mark
	run -0 go PREFERENCE=ln-dpo
	[[ $output == *"the best answers"*"train on pairs by ln-dpo"* && $output != *"fusellm: step"* ]]
	select_by --within source --pairs pairs.jsonl -o best.jsonl "${all[@]}"
	cmp pairs.jsonl run/pairs.jsonl && [ -s pairs.jsonl ]
	jq -es 'all(.chosen_source == .rejected_source)' pairs.jsonl
	[ "$(made | grep -c 'fusion\|best.jsonl')" -eq 0 ]
	scores -m run/fusion/fusellm -o own.fcs pairs.jsonl
	hand ln-dpo run/fusion/fusellm own.fcs
	same_model hand-ln-dpo run/ln-dpo
	# a longer training of the pivot is one of the pairs, too
	run -0 go PREFERENCE=ln-dpo TRAIN="$train --seed 2"
	[[ $output == *"fusellm: step"*"the model finds"*"train on pairs"* && $output != *"best answers"* ]]
}

@test "wrpo: the model after SFT answers, too, and the best of the sources stands beside its pairs" {
	run -0 go PREFERENCE=wrpo TYPE=bf16
	M=run/fusion/fusellm
	# shellcheck disable=SC2086 # a list of options
	fc-infer --generate -m $M --temperature 1 --choices 2 --seed 0 $generate -o itself.jsonl prompts.jsonl
	cmp itself.jsonl run/preference/itself.jsonl
	select_by --own itself --pairs threes.jsonl -o none "${all[@]}" itself.jsonl
	cmp threes.jsonl run/preference/threes.jsonl && [ -s threes.jsonl ]
	jq -es 'all(.chosen_source == "itself" and .rejected_source == "itself" and .source_chosen_source != "itself")' threes.jsonl
	scores -m $M -o threes.fcs threes.jsonl
	hand wrpo $M threes.fcs
	same_model hand-wrpo run/wrpo
	fc-convert -q --type bf16 --rounding stochastic -o narrow hand-wrpo
	same_model narrow run/wrpo-bf16
	touch mark
	run -0 go PREFERENCE=wrpo TYPE=bf16
	[ "$(find run -type f -newer mark)" = "" ]
	run -0 go PREFERENCE=wrpo TYPE=bf16 SELECT="--margin 0.5"
	[[ $output != *"of the model itself"* && $output != *"fusellm: step"* && $output == *"beside its best and worst"* ]]
}

@test "wrpo: a judge and a mixture say of the model's answers what they say of the sources'" {
	echo '{"name": "single-v1", "system_prompt": "", "prompt_template": "{question}{answer}", "output_format": "[[rating]]"}' >judge.jsonl
	echo "tee -a asked | jq -c '.messages += [{role: \"assistant\", content: \"Rating: [[\\(.messages[0].content | length % 10 + 1)]]\"}]'" >judge
	run -0 go PREFERENCE=wrpo FUSION= REWARD=judge JUDGE="-q --prompts judge.jsonl --name lengths --command \"\$\$(cat judge)\""
	# each answer is asked for once
	[ "$(wc -l <asked)" -eq $(($(wc -l <run/all.jsonl) + $(wc -l <run/preference/own.jsonl))) ]
	fc-eval select -q --reward judgments --judgments <(cat run/judge/judgments.jsonl run/preference/judge/judgments.jsonl) \
		--own itself --pairs threes.jsonl -o none "${all[@]}" run/preference/itself.jsonl
	cmp threes.jsonl run/preference/threes.jsonl && [ -s threes.jsonl ]
	scores -m "$(kit pivot)" -o threes.fcs threes.jsonl
	hand wrpo "$(kit pivot)" threes.fcs
	same_model hand-wrpo run/wrpo

	run -0 go PREFERENCE=wrpo FUSION= REWARD=mixture DEV=dev.jsonl BY=skill OUT=mixed
	cat mixed/answers/*.jsonl >/dev/null
	fc-eval select -q --list -o every.jsonl mixed/answers/{facts,strings}.jsonl mixed/preference/itself.jsonl
	fc-infer -q --dtype f32 -m "$(kit pivot)" -o p.fcs every.jsonl
	for n in facts strings; do
		fc-infer -q --dtype f32 -m "$(kit $n)" -p "$(kit pivot)" every.jsonl |
			fc-align apply -q -p "$(kit pivot)" -s "$(kit $n)" -o $n.fcs
	done
	fc-align fuse -q --rule mixture --by skill --weights mixed/scoring/dev/weights.tsv -k 10 -o m.fcs p.fcs facts.fcs strings.fcs
	fc-eval select -q --reward stream --stream m.fcs --own itself --pairs threes.jsonl -o none every.jsonl
	cmp threes.jsonl mixed/preference/threes.jsonl && [ -s threes.jsonl ]
	touch mark
	run -0 go PREFERENCE=wrpo FUSION= REWARD=mixture DEV=dev.jsonl BY=skill OUT=mixed
	[ "$(find mixed -type f -newer mark)" = "" ]
}

@test "without an objective there is no training on pairs; with one and no FUSION it begins at the pivot" {
	local with=("${args[@]}")
	args=("${args[@]/PREFER=*/NONE=}")
	[ "$(steps FUSION= | tail -n 1)" = "the best answers" ]
	args=("${with[@]}")
	run -0 go FUSION= PREFERENCE=dpo
	scores -m "$(kit pivot)" -o own.fcs run/pairs.jsonl
	hand dpo "$(kit pivot)" own.fcs
	same_model hand-dpo run/dpo
	[ ! -e run/fusion ]
}

@test "the published learning rates are what PREFER is without being told" {
	args=("${args[@]/PREFER=*/NONE=}")
	for p in "dpo --lr 1e-6 --epochs 1" "ln-dpo --lr 1e-6 --epochs 1" "wrpo --lr 3e-7 --epochs 1 --warmup 0.1" \
		"infifpo --lr 1e-7 --epochs 1 --warmup 0.1"; do
		make -n -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" PREFERENCE="${p%% *}" >out
		grep -e "--preference ${p%% *} --save-dtype f32 ${p#* } .*--checkpoint" out
	done
}

@test "what would fail late fails before the first model answers" {
	bad() { # bad WORDS VARIABLE=VALUE...
		run go OUT=none "${@:2}"
		[ "$status" -eq 2 ] && [[ $output == *"$1"* ]] && [ -z "$(compgen -G 'none/answers/*')" ]
	}
	bad "PREFERENCE is one of" PREFERENCE=kto
	bad "set PREFERENCE" PREFERENCE= PREFER="--lr 1e-6"
	bad "--nonsense" PREFERENCE=infifpo PREFER=--nonsense
	bad "--nonsense" PREFERENCE=dpo INFER=--nonsense FUSION=
	bad "alpha is for" PREFERENCE=dpo PREFER="--alpha 0.2"
	ln -s "$(kit facts)" itself
	bad "two have the same name" PREFERENCE=wrpo SOURCES=itself
}

@test "where no pair can be made, that is said" {
	run go PREFERENCE=dpo FUSION= REWARD=program CHECKER="sed s/.*/1/" GENERATE="-q --dtype f32 --max-new 10" SAMPLES=1
	[ "$status" -eq 2 ] && [[ $output == *"run/pairs.jsonl: no pair; of each prompt all answers are worth the same"* ]]
	[ ! -e run/dpo ]
}

@test "every step is told once and in its order" {
	for more in PREFERENCE=dpo "PREFERENCE=infifpo DATA=dev.jsonl" "PREFERENCE=wrpo REWARD=mixture DEV=dev.jsonl" \
		"PREFERENCE=wrpo REWARD=judge JUDGE=-q TYPE=bf16" "PREFERENCE=ln-dpo FUSION="; do
		# shellcheck disable=SC2086 # a list of settings
		make -n -f "$FC_ROOT/pipelines/answers.mk" "${args[@]}" OUT=new $more |
			sed -n "s/.*echo 'step \\([0-9]*\\) of \\([0-9]*\\): .*/\\1 \\2/p" >told
		n=$(head -n 1 told | cut -d' ' -f2)
		diff told <(seq -f "%.0f $n" "$n")
	done
}
