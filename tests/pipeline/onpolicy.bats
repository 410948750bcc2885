#!/usr/bin/env bats
# Rounds of on-policy training on the embedded models.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	talk="$FC_ROOT/pipelines/demo/talk.py"
	python3 "$talk" --set fusion -n 40 --seed 3 |
		jq -c '.messages |= map(select(.role != "assistant"))' >prompts.jsonl
	python3 "$talk" --set heldout -n 40 --seed 9 >dev.jsonl
	train="-q --epochs 1 --lr 1e-3 --batch-tokens 512 --dtype f32"
	args=(PIVOT="$(kit pivot)" SOURCES="$(kit facts) $(kit strings)" PROMPTS=prompts.jsonl OUT=run ROUNDS=2
		FC="$FC_ROOT/$B/" INFER="-q --dtype f32" GENERATE="-q --dtype f32 --max-new 30" TRAIN="$train")
}

go() { make -s -f "$FC_ROOT/pipelines/onpolicy.mk" "${args[@]}" "$@"; }
steps() { make -n -f "$FC_ROOT/pipelines/onpolicy.mk" "${args[@]}" "$@" | sed -n "s/.*echo '.*step [0-9]* of [0-9]*: \\(.*\\)'$/\\1/p"; }
of() { fc-view --fingerprint "$1" | sed -n 's/^model=//p'; }

@test "two rounds: what each one does by hand, and who answered" {
	run -0 go
	P=$(kit pivot)
	for r in 1 2; do
		fc-infer -q --dtype f32 --generate -m "$P" --temperature 1 --seed $r --max-new 30 -o answers.jsonl prompts.jsonl
		cmp answers.jsonl run/round-$r/answers.jsonl
		[ "$(jq -c .answered_by answers.jsonl | sort -u)" = "{\"model\":\"$(of "$P")\",\"round\":$((r - 1))}" ]
		for n in facts strings; do
			fc-infer -q --dtype f32 -k 10 -m "$(kit $n)" -p "$(kit pivot)" answers.jsonl |
				fc-align apply -q -p "$(kit pivot)" -s "$(kit $n)" -o $n.fcs
		done
		fc-align fuse -q facts.fcs strings.fcs |
			fc-train -m "$P" --lambda 0 --loss kl --untaught share --save-dtype f32 $train -o hand-$r
		cmp hand-$r/model.safetensors run/onpolicy-$r/model.safetensors
		P=hand-$r
	done
	[ "$(jq .round run/onpolicy-2/lineage.json)" -eq 2 ]
	# the second model is not taught on what the first was
	run -1 bash -c "fc-train -q -m run/onpolicy-2 --lambda 0 -o none run/round-1/facts.aligned.fcs"
	[[ $output == *"2 rounds old"* ]]
	run -0 make -f "$FC_ROOT/pipelines/onpolicy.mk" "${args[@]}"
	[[ $output == *"Nothing to be done"* ]]
	# one round more goes on from there
	[ "$(steps ROUNDS=3 | head -n 1)" = "round 3: answers" ] && [ "$(steps ROUNDS=3 | wc -l)" -eq 6 ]
	[ "$(steps ROUNDS=1)" = "" ]
	[ "$(steps LOSS=reverse-kl | sed -n 1,2p)" = "check models and options"$'\n'"round 1: fine-tune on its own answers" ]
	[ "$(steps SEED=7 | sed -n 2p)" = "round 1: answers" ]
	# rows of draws, over the same answers
	[ "$(steps SAMPLE=8 ROUNDS=1 | sed -n 2p)" = "round 1: distributions of facts" ]
	run -0 go SAMPLE=8 ROUNDS=1
	fc-view run/round-1/facts.aligned.fcs | grep -q 'of 8 draws at temperature 1'
}

@test "the best source of a category and a mixture with the model itself are taken from DEV" {
	more=(ROUNDS=1 DEV=dev.jsonl BY=skill)
	run -0 go "${more[@]}" RULE=category
	[[ $output == *"step 6 of 12: the best source of each category"*"step 7 of 12: round 1: answers"* ]]
	best() { awk -F'\t' -v g="$1" '$1 == g && (!who || $5 < ce) { ce = $5; who = $2 } END { print who }' run/dev/best.tsv; }
	[ "$(best facts) $(best strings)" = "facts strings" ]
	run -0 go "${more[@]}" RULE=mixture OUT=mixed
	[[ $output == *"step 9 of 14: round 1: distributions of the model itself"* ]]
	[ "$(cut -f2 mixed/dev/weights.tsv | sed -n 2,4p | paste -sd' ')" = "pivot facts strings" ]
	fc-align fuse -q --rule mixture --by skill --weights mixed/dev/weights.tsv -k 10 mixed/round-1/{itself,facts.aligned,strings.aligned}.fcs |
		fc-train -m "$(kit pivot)" --lambda 0 --untaught share --save-dtype f32 $train -o hand
	cmp hand/model.safetensors mixed/onpolicy-1/model.safetensors
	cmp -s run/onpolicy-1/model.safetensors hand/model.safetensors && return 1
	# in a second round the member is the first one's model, under the pivot's name
	run -0 go "${more[@]}" RULE=mixture OUT=mixed ROUNDS=2
	fc-view mixed/round-2/itself.fcs | grep "pivot.*$(of mixed/onpolicy-1)"
}

@test "one source teaches without a fusion; every step is told once and in its order" {
	one=(SOURCES="$(kit facts)" ROUNDS=1)
	run -0 make -f "$FC_ROOT/pipelines/onpolicy.mk" "${args[@]}" "${one[@]}"
	[[ $output != *"fc-align fuse --rule mince -k 10 run"* ]]
	fc-train -m "$(kit pivot)" --lambda 0 --untaught share --save-dtype f32 $train -o hand run/round-1/facts.aligned.fcs
	cmp hand/model.safetensors run/onpolicy-1/model.safetensors
	for more in '' ALIGN=stats TYPE=bf16 ROUNDS=3 "RULE=mixture DEV=dev.jsonl" "RULE=category DEV=dev.jsonl BY=skill ALIGN=exact"; do
		make -n -f "$FC_ROOT/pipelines/onpolicy.mk" "${args[@]}" OUT=new $more |
			sed -n "s/.*echo 'step \\([0-9]*\\) of \\([0-9]*\\): .*/\\1 \\2/p" >told
		n=$(head -n 1 told | cut -d' ' -f2)
		diff told <(seq -f "%.0f $n" "$n")
	done
}

@test "what would fail late fails before the first model runs" {
	bad() { # bad WORDS VARIABLE=VALUE...
		run go OUT=none "${@:2}"
		[ "$status" -eq 2 ] && [[ $output == *"$1"* ]] && [ -z "$(compgen -G 'none/*/*.jsonl')" ]
	}
	bad "set PIVOT, SOURCES and PROMPTS" PROMPTS=
	bad "ROUNDS is a number from 1 on" ROUNDS=0
	bad "SEED is a number" SEED=x
	bad "give SOURCES that are adapted" ADAPT=1
	bad "set BY" RULE=category DEV=dev.jsonl
	bad "set DEV" RULE=category BY=skill
	bad "set DEV" RULE=mixture
	bad "--nonsense" GENERATE="--nonsense"
	bad "RULE is one of mince average avgce mixture category, not 'best'" RULE=best
	bad "DEV is for RULE=mixture or category, not for mince" DEV=dev.jsonl
	bad "BY is for RULE=mixture or category, not for mince" BY=skill
	bad "PROMPTS: there is no 'none.jsonl'" PROMPTS=none.jsonl
	bad "loss" LOSS=nonsense
	bad "ALIGN is one of bytes stats exact mined, not 'published'" ALIGN=published
}

@test "a prompt that has its answer already is none" {
	{ cat prompts.jsonl; head -n 1 dev.jsonl; } >mixed.jsonl
	run go PROMPTS=mixed.jsonl OUT=none
	[ "$status" -eq 2 ] && [[ $output == *"PROMPTS: 1 of the conversations end with an answer already"* ]]
	[ ! -e none/round-1/answers.jsonl ] && [ ! -e none/onpolicy-1 ]
}

@test "answers that were interrupted go on, to the same bytes" {
	run -0 go OUT=whole whole/round-1/answers.jsonl
	mkdir -p run/round-1 && run -0 go run/checked
	head -c 3000 whole/round-1/answers.jsonl >run/round-1/answers.jsonl.part
	run -0 go GENERATE="--dtype f32 --max-new 30" run/round-1/answers.jsonl
	[[ $output == *"kept "[1-9]* ]]
	cmp whole/round-1/answers.jsonl run/round-1/answers.jsonl
}
