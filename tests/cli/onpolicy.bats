#!/usr/bin/env bats
# Answers that say which model gave them, and trainings that ask for it.

load ../helper

setup_file() {
	export F=$BATS_FILE_TMPDIR K=$FC_ROOT/pipelines/demo/kit
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 24 --seed 3 |
		jq -c '.messages |= map(select(.role != "assistant"))' >"$F/prompts.jsonl"
	export LIGHT="-q --lambda 0 --untaught share --epochs 1 --batch-tokens 512 --lr 1e-3 --dtype f32 --save-dtype f32"
	fc-infer -q --dtype f32 --generate -m "$K/pivot" --temperature 1 --max-new 30 -o "$F/answers.jsonl" "$F/prompts.jsonl"
	fc-infer -q --dtype f32 -m "$K/facts" -p "$K/pivot" "$F/answers.jsonl" |
		fc-align apply -q -p "$K/pivot" -s "$K/facts" -o "$F/rows.fcs"
	fc-train $LIGHT -m "$K/pivot" -o "$F/next" "$F/rows.fcs"
}

of() { fc-view --fingerprint "$1" | sed -n 's/^model=//p'; }

@test "the line of the manual: answer, score, carry over, train, as one pipe" {
	pipe 'fc-infer -q --dtype f32 --generate -m "$K/pivot" --temperature 1 --max-new 30 "$F/prompts.jsonl" |
		fc-infer -q --dtype f32 -m "$K/facts" -p "$K/pivot" | fc-align apply -q -p "$K/pivot" -s "$K/facts" |
		fc-train $LIGHT -m "$K/pivot" -o piped'
	cmp piped/model.safetensors "$F/next/model.safetensors"
	cmp piped/lineage.json "$F/next/lineage.json"
	grep 'fc-infer --generate -m pivot .*|' "$FC_ROOT/man/fc-train.1"
}

@test "an answered line says which model answered, and streams of it say so too" {
	pivot=$(of "$K/pivot")
	[ "$(jq -c .answered_by "$F/answers.jsonl" | sort -u)" = "{\"model\":\"$pivot\",\"round\":0}" ]
	[ "$(fc-view --jsonl "$F/rows.fcs" | jq -c .meta.answered_by | sort -u)" = "{\"model\":\"$pivot\",\"round\":0}" ]
	# what was answered before says nothing
	jq -c 'del(.answered_by)' "$F/answers.jsonl" >told.jsonl
	fc-infer -q --generate -m "$K/pivot" told.jsonl | cmp - told.jsonl
	# of the trained model, one round later
	fc-infer -q --generate -m "$F/next" --max-new 2 "$F/prompts.jsonl" >later.jsonl
	[ "$(jq -c .answered_by later.jsonl | sort -u)" = "{\"model\":\"$(of "$F/next")\",\"round\":1}" ]
	# a turn more by another model
	jq -c '.messages += [{role: "user", content: "More."}]' "$F/answers.jsonl" |
		fc-infer -q --generate -m "$F/next" --max-new 2 >both.jsonl
	[ "$(jq -c .answered_by both.jsonl | sort -u)" = '{"model":"several","round":1}' ]
	fc-infer -q -m "$K/pivot" -o both.fcs both.jsonl
	run -1 fc-train $LIGHT -m "$F/next" -o none both.fcs
	[[ $output == *"has answers of several models"* ]]
	# another use of the name is not overwritten
	jq -c '.answered_by = "me"' "$F/prompts.jsonl" >named.jsonl
	run -1 fc-infer -q --generate -m "$K/pivot" --max-new 2 named.jsonl
	[[ $output == *"conversation fusion-0"*"give the member another name"* ]]
}

@test "a training refuses answers of an older model, and of another, with both fingerprints" {
	run -1 fc-train $LIGHT -m "$F/next" -o none "$F/rows.fcs"
	[[ $output == *"$(of "$K/pivot"), round 0"*"$(of "$F/next"), round 1"*"1 round old, at most 0"*"fc-infer --generate -m"* ]]
	[ ! -e none ]
	fc-train $LIGHT -m "$F/next" --max-age 1 -o second "$F/rows.fcs"
	[ "$(jq -c '[.round, .before]' second/lineage.json)" = "[2,[\"$(of "$F/next")\",\"$(of "$K/pivot")\"]]" ]
	run -1 fc-train $LIGHT -m second --max-age 1 -o none "$F/rows.fcs"
	[[ $output == *"2 rounds old, at most 1"* ]]
	# a stale conversation among fresh ones, from a pipe
	fc-infer -q --dtype f32 --generate -m "$F/next" --max-new 8 "$F/prompts.jsonl" |
		fc-infer -q --dtype f32 -m "$K/facts" -p "$K/pivot" | fc-align apply -q -p "$K/pivot" -s "$K/facts" -o fresh.fcs
	fc-train $LIGHT -m "$F/next" -o fresh fresh.fcs
	run -1 pipe 'cat fresh.fcs "$F/rows.fcs" | fc-train $LIGHT -m "$F/next" -o none'
	[[ $output == *"1 round old"* ]]
	# weights that were not trained from it
	fc-train $LIGHT --lambda 1 -m "$K/pivot" --seed 9 -o aside "$F/rows.fcs"
	rm aside/lineage.json
	run -1 fc-train $LIGHT -m aside -o none "$F/rows.fcs"
	[[ $output == *"not by aside"*"not trained from that"*"--answers any"* ]]
	fc-train $LIGHT -m aside --answers any -o forced "$F/rows.fcs"
	run -2 fc-train $LIGHT -m aside --answers any --max-age 1 -o none "$F/rows.fcs"
}

@test "labels alone, and lines that do not say who answered, are trained on as ever" {
	fc-train $LIGHT --lambda 1 -m "$F/next" -o labels "$F/rows.fcs"
	[ "$(jq .round labels/lineage.json)" -eq 2 ]
	jq -c 'del(.answered_by)' "$F/answers.jsonl" | fc-infer -q --dtype f32 -m "$K/facts" -p "$K/pivot" |
		fc-align apply -q -p "$K/pivot" -s "$K/facts" -o plain.fcs
	fc-train $LIGHT -m "$K/pivot" -o plain plain.fcs
	[ ! -e plain/lineage.json ]
	cmp plain/model.safetensors "$F/next/model.safetensors"
}

@test "the lineage goes with its weights only" {
	fc-convert -q -o strings.gguf "$K/strings"
	fc-infer -q --generate -m strings.gguf --max-new 2 "$F/prompts.jsonl" >answers.jsonl
	[ "$(jq -c .answered_by answers.jsonl | sort -u)" = "{\"model\":\"$(of strings.gguf)\",\"round\":0}" ]
	cp -r "$F/next" other
	cp "$K/pivot/model.safetensors" other/
	run -1 fc-train $LIGHT -m other -o none "$F/rows.fcs"
	[[ $output == *"lineage.json: tells of model"* ]]
	run -1 fc-infer -q --generate -m other "$F/prompts.jsonl"
	[[ $output == *"lineage.json: tells of model"* ]]
	fc-convert -q --type bf16 -o narrow "$F/next"
	fc-varm -q -b "$K/pivot" -o merged "$F/next" "$F/next"
	[ ! -e narrow/lineage.json ] && [ ! -e merged/lineage.json ]
	fc-train $LIGHT -f -m "$K/pivot" -o narrow "$F/rows.fcs" # a result with one is a model's folder
	fc-train $LIGHT -f -m "$K/pivot" -o narrow "$F/rows.fcs"
}

@test "streams of one fusion have the same answers of the same model" {
	jq -c '.answered_by.round = 3' "$F/answers.jsonl" | fc-infer -q --dtype f32 -m "$K/pivot" -o other.fcs
	run -1 fc-align fuse -q -o none.fcs other.fcs "$F/rows.fcs"
	[[ $output == *"conversation 'fusion-0'"*"round 0"*"round 3"*"make all of the same lines"* ]]
	fc-infer -q --dtype f32 -m "$K/pivot" -o own.fcs "$F/answers.jsonl"
	fc-align fuse -q -o fused.fcs own.fcs "$F/rows.fcs"
	[ "$(fc-view --jsonl fused.fcs | jq -c .meta.answered_by | sort -u)" = "{\"model\":\"$(of "$K/pivot")\",\"round\":0}" ]
}
