#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Training on pairs of answers, on the demo's models.  Losses and gradients are tested against TRL in
# tests/unit/fc-train/preference.c.
load ../helper

setup_file() {
	export F=$BATS_FILE_TMPDIR D=$FC_ROOT/pipelines/demo K=$FC_ROOT/pipelines/demo/kit
	local s m
	for s in train heldout; do
		python3 "$D/talk.py" --set $s -n 120 --seed 1 >"$F/$s.talk"
		python3 "$FC_ROOT/tests/cli/pairs.py" --source <"$F/$s.talk" >"$F/$s.three"
		jq -c 'del(.source_chosen)' "$F/$s.three" >"$F/$s.jsonl"
		fc-infer -q -m "$K/pivot" --dtype f32 -o "$F/$s.fcs" "$F/$s.jsonl"
		for m in facts arithmetic; do
			fc-infer -q -m "$K/$m" -p "$K/pivot" --dtype f32 -o "$F/$s.$m.fcs" "$F/$s.jsonl"
		done
	done
	cat "$F"/{train,heldout}.facts.fcs >"$F/facts.fcs"
	cat "$F"/{train,heldout}.arithmetic.fcs >"$F/arithmetic.fcs"
	fc-infer -q -m "$K/pivot" --dtype f32 -o "$F/three.fcs" "$F/train.three"
	fc-infer -q -m "$K/pivot" --dtype f32 -o "$F/heldout3.fcs" "$F/heldout.three"
	head -n 12 "$F/train.jsonl" >"$F/few.jsonl"
	fc-infer -q -m "$K/pivot" --dtype f32 -o "$F/few.fcs" "$F/few.jsonl"
}

prefer() { # KIND [options] STREAM: a light run
	local kind=$1
	shift
	fc-train -m "$K/pivot" --dtype f32 --save-dtype f32 --preference "$kind" --epochs 1 --lr 1e-4 \
		--batch-tokens 400 "$@"
}

same_model() { cmp "$1/model.safetensors" "$2/model.safetensors"; }

refused() { # MESSAGE options...: training ends with it
	local message=$1
	shift
	run prefer dpo -q -o none "$@"
	[ "$status" -eq 1 ] || { echo "status $status: $output" && return 1; }
	[[ $output == *"$message"* ]] || { echo "$output" && return 1; }
	[ ! -e none ]
}

@test "a stream of pairs: ids, sides, one prompt, labels on the answers only" {
	fc-view --jsonl "$F/few.fcs" >rows
	jq -es 'length == 24 and all(.[]; .id == .meta.pair.id + "/" + .meta.pair.side) and
		([.[].meta.pair.side] == ([range(12)] | map("chosen", "rejected")))' rows
	jq -es '[.[].meta.pair.id] | [_nwise(2)] | all(.[0] == .[1])' rows
	# what is trained is what the assistant says at the end, with its turn's end
	jq -r '[.text, ([.segments[] | select(.trained) | .end] | last),
		([.segments[] | select(.trained | not) | .end] | last)] | @json' rows |
		jq -es 'all(.[]; (.[0] | utf8bytelength) >= .[1])'
	[ "$(jq -r '.id' "$F/few.jsonl" | head -1)/chosen" = "$(head -1 rows | jq -r .id)" ]
}

@test "text, and whole conversations, make the same pairs as a prompt with answers" {
	jq -c '{id, chosen: (.prompt + .chosen), rejected: (.prompt + .rejected)}' "$F/few.jsonl" >whole
	fc-infer -q --no-history -m "$K/pivot" --dtype f32 -o whole.fcs whole
	fc-infer -q --no-history -m "$K/pivot" --dtype f32 -o apart.fcs "$F/few.jsonl"
	cmp whole.fcs apart.fcs
	echo '{"id": "t", "prompt": "The sky is", "chosen": " blue.", "rejected": " green."}' >text
	echo '{"id": "t", "chosen": "The sky is blue.", "rejected": "The sky is green."}' >implicit
	for f in text implicit; do
		fc-infer -q --no-history -m "$K/pivot" --dtype f32 -o $f.fcs $f
	done
	cmp text.fcs implicit.fcs
	fc-view --jsonl text.fcs | jq -es '[.[].text] == ["The sky is blue.", "The sky is green."]'
}

@test "at the start the pivot's own stream gives margins of 0, and a loss of log 2" {
	prefer dpo -q --log log -o out "$F/few.fcs"
	head -1 log | jq -e '(.loss - 0.6931471805599453 | fabs) < 1e-5 and (."rewards/margins" | fabs) < 1e-5'
	head -1 log | jq -e '.examples > 0 and .rows == 0 and .fusion == null and ."logps/chosen" < 0'
}

@test "training raises the margin on held-out pairs" {
	for kind in dpo ln-dpo; do
		prefer $kind -q --eval "$F/heldout.fcs" --log $kind.log -o $kind "$F/train.fcs"
		jq -es 'map(select(.eval)) | length == 2 and .[0].eval.pairs == .[1].eval.pairs and
			(.[0].eval."rewards/margins" | fabs) < 1e-5 and .[1].eval."rewards/margins" > 0.05 and
			.[1].eval."rewards/accuracies" > 0.7 and .[1].eval.loss < .[0].eval.loss' $kind.log
	done
	# the rewards that are logged are the gains that another program sees
	fc-infer -q -m dpo --dtype f32 -o after.fcs "$F/heldout.jsonl"
	sum() { fc-view --jsonl "$1" | jq -s --arg s "$2" '[.[] | select(.meta.pair.side == $s) | .nll] | add / length'; }
	for s in chosen rejected; do
		jq -es --argjson was "$(sum "$F/heldout.fcs" $s)" --argjson is "$(sum after.fcs $s)" --arg s $s \
			'map(select(.eval))[-1].eval["rewards/" + $s] - 0.1 * ($was - $is) | fabs < 1e-4' dpo.log
	done
}

@test "a reference stream takes the place of the stream's own" {
	prefer dpo -q --log a.log -o a --reference "$F/few.fcs" "$F/few.fcs"
	prefer dpo -q --log b.log -o b "$F/few.fcs"
	cmp a.log b.log
	same_model a b
	fc-infer -q --tokens -m "$K/pivot" -o tokens.fcs "$F/few.jsonl"
	prefer dpo -q --log c.log -o c --reference "$F/few.fcs" tokens.fcs
	cmp b.log c.log
	prefer dpo -q --log d.log -o d --reference "$F/train.facts.fcs" "$F/few.fcs"
	run ! cmp a.log d.log
}

@test "wrpo: a source's answer, whose share rises from 0" {
	prefer wrpo -q --eval "$F/heldout3.fcs" --log log -o out "$F/three.fcs"
	jq -es 'map(select(.lr)) | .[0].alpha == 0 and .[-1].alpha < 0.1 and .[-1].alpha > 0.08 and
		(map(.alpha) == (map(.alpha) | sort))' log
	jq -es 'map(select(.lr)) | all(.[]; (."rewards/chosen" - .alpha * ."rewards/source_chosen" -
		(1 - .alpha) * ."rewards/target_chosen" | fabs) < 1e-8)' log
	jq -es 'map(select(.eval)) | .[-1].eval."rewards/margins" > .[0].eval."rewards/margins" + 0.005' log
	run prefer wrpo -q -o none "$F/few.fcs"
	[[ $output == *"has no source_chosen answer, which --preference wrpo needs"* ]]
	run prefer dpo -o two "$F/three.fcs"
	[[ $output == *"answers of sources are not used"* ]]
}

@test "infifpo: sources of other tokenizers, without alignment" {
	prefer infifpo -q --eval "$F/heldout.fcs" --log log -o out --reference "$F/facts.fcs" \
		--reference "$F/arithmetic.fcs" "$F/train.fcs"
	jq -es 'map(select(.eval)) | .[1].eval.loss < .[0].eval.loss and
		.[1].eval."rewards/margins" > .[0].eval."rewards/margins"' log
	prefer infifpo -q --log mean.log -o mean --reference-fusion mean --reference "$F/facts.fcs" \
		--reference "$F/arithmetic.fcs" "$F/few.fcs"
	prefer infifpo -q --log margin.log -o margin --reference "$F/facts.fcs" \
		--reference "$F/arithmetic.fcs" "$F/few.fcs"
	run ! cmp mean.log margin.log
	# the pivot as its only source is LN-DPO against the pivot
	prefer infifpo -q --log a.log --beta 3 -o a --reference "$F/few.fcs" "$F/few.fcs"
	prefer ln-dpo -q --log b.log --beta 3 -o b "$F/few.fcs"
	cmp a.log b.log
	same_model a b
}

@test "file and pipe train the same, in passes of another order, and a stopped run goes on" {
	prefer dpo -q --epochs 3 --log a.log -o a "$F/few.fcs"
	cat "$F/few.fcs" | prefer dpo -q --epochs 3 --log b.log -o b
	cat "$F/few.fcs" | prefer dpo -q --epochs 3 --examples 12 --log c.log -o c
	cmp a.log b.log
	cmp a.log c.log
	same_model a b
	prefer dpo -q --epochs 3 --log d.log --checkpoint state --checkpoint-every 4 -o d "$F/few.fcs"
	rm -r d
	prefer dpo -q --epochs 3 --log d.log --checkpoint state --resume -o d "$F/few.fcs"
	cmp a.log d.log
	same_model a d
	run prefer dpo -q --epochs 3 --beta 0.2 --checkpoint state --resume -o e "$F/few.fcs"
	[[ $output == *"was made with beta 0.1"* ]]
	run prefer dpo -q --epochs 3 --checkpoint state --resume --reference "$F/train.facts.fcs" -o e "$F/few.fcs"
	[[ $output == *"not the stream that the checkpoint's training read"* ]]
}

@test "references that changed are refused where the checkpoint lies between passes, too" {
	again() { prefer dpo -q --checkpoint state --checkpoint-every 1 --resume "$@" "$F/few.fcs"; }
	again -o whole
	[ "$(jq .taken state/state.json)" -eq 0 ]
	run -1 again --reference "$F/train.facts.fcs" -o none
	[[ $output == *"not the stream that the checkpoint's training read, or --reference gives other log-probabilities"* ]]
	again --reference "$F/few.fcs" -o same # what they were
	same_model whole same
	rm -r state
	again --reference "$F/train.facts.fcs" -o facts
	run -1 again --reference "$F/train.arithmetic.fcs" -o none
	[[ $output == *"not the stream"* ]] && [ ! -e none ]
}

@test "micro-batches part pairs and change nothing but roundings" {
	prefer dpo -q --log a.log -o a "$F/few.fcs"
	prefer dpo -q --log b.log --micro-tokens 1 -o b "$F/few.fcs"
	jq -es --slurpfile b b.log '[., $b] | transpose | all((.[0].loss - .[1].loss | fabs) < 1e-4)' a.log
}

@test "lambda is the share of the chosen answers' labels" {
	prefer dpo -q --lambda 0.25 --log log -o out "$F/few.fcs"
	head -1 log | jq -e '.loss - (0.25 * .sft + 0.75 * 0.6931471805599453) | fabs < 1e-5'
	prefer dpo -q --lambda 1 --log a.log -o a "$F/few.fcs"
	jq -es 'all(.[]; .loss == .sft)' a.log
}

@test "half a pair, a doubled one, no pair, another prompt and a cut-off stream are named" {
	jq -c '.id as $i | .prompt as $p | {id: ($i + "/chosen"), pair: {id: $i, side: "chosen"},
		messages: ($p + .chosen)}, {id: ($i + "/rejected"), pair: {id: $i, side: "rejected"},
		messages: ($p + .rejected)}' "$F/few.jsonl" >lines
	capture() { fc-infer -q -m "$K/pivot" --dtype f32 -o bad.fcs -; }
	capture <lines # as conversations with that member they are pairs as well
	prefer dpo -q -o good bad.fcs
	first=$(head -1 lines | jq -r .pair.id)
	sed 2d lines | capture
	refused "pair '$first' has no rejected answer behind the chosen one" bad.fcs
	sed 1d lines | capture
	refused "pair '$first': '$first/rejected' stands without the chosen answer before it" bad.fcs
	sed '$d' lines | capture
	refused "has no rejected answer behind the chosen one" bad.fcs
	(cat lines && head -2 lines) | capture
	refused "pair '$first' comes twice" bad.fcs
	sed '1s/"content":"/"content":"Oh. /' lines | capture
	refused "pair '$first': '$first/chosen' and '$first/rejected' are answers to different prompts" bad.fcs
	jq -c 'del(.pair)' lines | capture
	refused "conversation '$first/chosen' is no answer of a pair" bad.fcs
	head -c 3000 "$F/few.fcs" >cut.fcs
	refused "cut.fcs" cut.fcs
	refused "the limit is 20" --max-length 20 "$F/few.fcs"
}

@test "references that lack an answer, or are of another text, are named" {
	sed 2d "$F/few.jsonl" | fc-infer -q -m "$K/pivot" --dtype f32 -o less.fcs
	refused "less.fcs: has no conversation '$(sed -n 2p "$F/few.jsonl" | jq -r .id)/" --shuffle 1 --reference less.fcs "$F/few.fcs"
	fc-infer -q -m "$K/facts" --dtype f32 -o own.fcs "$F/few.jsonl" # in its own template
	refused "has another text there" --reference own.fcs "$F/few.fcs"
	(cat "$F/few.jsonl" && head -1 "$F/few.jsonl") | fc-infer -q -m "$K/pivot" --dtype f32 -o twice.fcs
	refused "comes twice" --reference twice.fcs "$F/few.fcs"
	fc-infer -q --tokens -m "$K/pivot" -o tokens.fcs "$F/few.jsonl"
	refused "has no log-probabilities of a reference" tokens.fcs
	refused "tokens.fcs" --reference tokens.fcs "$F/few.fcs"
	head -c 3000 "$F/few.fcs" >cut.fcs
	refused "cut.fcs" --reference cut.fcs "$F/few.fcs"
	longest=$(fc-view --jsonl "$F/few.fcs" | jq -s 'map(.tokens | length) | max')
	fc-infer -q -m "$K/pivot" --dtype f32 --long truncate --max-length $((longest - 1)) -o short.fcs "$F/few.jsonl"
	refused "ends after byte" --reference short.fcs "$F/few.fcs"
}

@test "a log-probability of a part of the labels is no reference, wherever it stands" {
	fc-infer -q -m "$K/pivot" --dtype f32 --long chunks --max-length 50 -o windows.fcs "$F/few.jsonl"
	fc-view --jsonl windows.fcs | jq -es 'any(.[]; .n_label < (.trained | add)) and all(.[]; .n_label > 0)'
	fc-infer -q -m "$K/pivot" --tokens -o tokens.fcs "$F/few.jsonl"
	refused "its log-probability is of" windows.fcs
	refused "its log-probability is of" --reference windows.fcs tokens.fcs
	prefer dpo -q -o out --reference "$F/few.fcs" tokens.fcs
}

@test "a pair is skipped as a whole where one of its answers is too long" {
	long='[{"role": "assistant", "content": "a b c d e f g h i j k l m n o p q r s t u v w x y z"}]'
	short='[{"role": "assistant", "content": "a"}]' prompt='[{"role": "user", "content": "Hi"}]'
	echo "{\"id\": 1, \"prompt\": $prompt, \"chosen\": $short, \"rejected\": $long}
		{\"id\": 2, \"prompt\": $prompt, \"chosen\": $long, \"rejected\": $short}
		{\"id\": 3, \"prompt\": $prompt, \"chosen\": $short, \"rejected\": [{\"role\": \"assistant\", \"content\": \"b\"}]}" |
		sed 's/^[[:space:]]*//' >in.jsonl
	fc-infer -m "$K/pivot" --long skip --max-length 20 -o out.fcs in.jsonl 2>err
	grep "4 conversations were longer than the limit and were skipped" err
	fc-view --jsonl out.fcs | jq -es 'map(.id) == ["3/chosen", "3/rejected"]'
	run -1 fc-infer -m "$K/pivot" --max-length 20 in.jsonl
	[[ $output == *"conversation 1/rejected has "*"the limit is 20; see --long"* ]]
}

@test "pairs that fc-infer refuses" {
	run pipe "jq -c '.rejected = .chosen' '$F/few.jsonl' | fc-infer -m '$K/pivot'"
	[ "$status" -eq 1 ]
	[[ $output == *'"chosen" and "rejected" are the same'* ]]
	run fc-infer --generate -m "$K/pivot" "$F/few.jsonl"
	[ "$status" -eq 1 ]
	[[ $output == *"a preference (chosen, rejected)"* ]]
}

@test "options that do not go together" {
	usage() { # MESSAGE options
		local message=$1
		shift
		run fc-train -m "$K/pivot" -o none "$@" "$F/few.fcs"
		[ "$status" -eq 2 ]
		[[ $output == *"$message"* ]] || { echo "$output" && return 1; }
	}
	usage "need --preference" --beta 1
	usage "need --preference" --reference "$F/few.fcs"
	usage "for a teacher's rows" --preference dpo --loss jsd
	usage "needs a source's stream" --preference infifpo
	usage "several --reference are for" --preference dpo --reference "$F/few.fcs" --reference "$F/few.fcs"
	usage "--alpha is for" --preference dpo --alpha 0.2
	usage "--reference-fusion is for" --preference dpo --reference-fusion mean
	[ ! -e none ]
}
