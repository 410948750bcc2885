#!/usr/bin/env bats
# The published pipelines on the embedded models, a few conversations each.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	talk="$FC_ROOT/pipelines/demo/talk.py"
	python3 "$talk" --set fusion -n 60 --seed 3 >chats.jsonl
	python3 "$talk" --set heldout -n 40 --seed 3 >heldout.jsonl
	args=(PIVOT="$(kit pivot)" SOURCES="$(kit facts) $(kit strings)" DATA=chats.jsonl OUT=run
		FC="$FC_ROOT/$B/" INFER=-q TRAIN="-q --epochs 1 --lr 1e-3 --batch-tokens 1024 --dtype f32")
}

@test "fusechat.mk makes a model that can be run, and a second call makes nothing" {
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	for f in config.json model.safetensors tokenizer.json chat_template.jinja; do
		[ -s "run/fusechat/$f" ]
	done
	run -0 fc-infer -q -m run/fusechat -o out.fcs heldout.jsonl
	run -0 make -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	[[ $output == *"Nothing to be done"* ]]
	before=$(sha256sum <run/fusechat/model.safetensors)
	rm -rf run/fusechat
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	[ "$before" = "$(sha256sum <run/fusechat/model.safetensors)" ]
}

@test "fusellm.mk goes on from what is there, and the whole is the same bytes again" {
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}"
	first=$(sha256sum <run/fusellm/model.safetensors)
	rm -rf run/fusellm run/strings.aligned.fcs
	touch -d '2020-01-01' chats.jsonl
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}"
	[ "$first" = "$(sha256sum <run/fusellm/model.safetensors)" ]
}

@test "ADAPT=1: a source says what it gives the conversations that it was not trained on" {
	fc-convert -q -o strings.gguf "$(kit strings)"
	train="-q --epochs 1 --lr 1e-3 --batch-tokens 1024 --dtype f32"
	adapted=("${args[@]/#SOURCES=*/SOURCES=$(kit facts) strings.gguf}" ADAPT=1 FOLDS=3 ADAPTING="$train")
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${adapted[@]}" RULE=mixture DEV=heldout.jsonl
	[[ $output == *"step 1 of "*"fine-tune facts on the other folds than 3"*"strings as a folder"* ]]
	[ -z "$(ls -A run/adapt)" ]
	# by hand, for the second fold
	for i in 1 3; do fc-infer -q --tokens -m "$(kit facts)" -p "$(kit pivot)" --shard $i/3 chats.jsonl; done |
		fc-train -m "$(kit facts)" --lambda 1 --save-dtype f32 $train -o own
	fc-infer -q -m own -p "$(kit pivot)" --shard 2/3 chats.jsonl |
		fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" | fc-view --jsonl | jq -c 'del(.source)' >want
	fc-view --jsonl --shard 2/3 run/facts.aligned.fcs | jq -c 'del(.source)' | cmp - want
	run -0 make -f "$FC_ROOT/pipelines/fusellm.mk" "${adapted[@]}" RULE=mixture DEV=heldout.jsonl
	[[ $output == *"Nothing to be done"* ]]
	[ "$(steps fusellm "${adapted[@]}" FOLDS=2 | grep -c 'other folds')" -eq 4 ]
	run -2 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${adapted[@]}" FOLDS=1
	[[ $output == *"FOLDS is a number from 2 on"* ]]
}

@test "SAMPLE: rows of draws, fused by weights that are fitted to likeliest entries" {
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" SAMPLE=16 RULE=mixture DEV=heldout.jsonl
	for s in pivot facts.aligned strings.aligned; do
		[[ $(fc-view run/$s.fcs) == *"16 draws"* ]]
	done
	run ! grep -q draws <<<"$(fc-view run/dev/pivot.fcs)"
	run -0 make -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" SAMPLE=16 RULE=mixture DEV=heldout.jsonl
	[[ $output == *"Nothing to be done"* ]]
}

@test "ALIGN=published and LOSS=published: what the tools make by hand" {
	run -0 make -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" LOSS=published ALIGN=published
	[[ $output == *"fuse --rule mince --ce token "*"--lambda 0.9 --loss ce --unlisted renormalise --untaught share "* ]]
	fc-align map -q --kind mined --spelling raw -p "$(kit pivot)" -s "$(kit facts)" -o map.fcs
	fc-infer -q -k 10 --cut whole -m "$(kit facts)" -p "$(kit pivot)" chats.jsonl |
		fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" -m map.fcs --align dtw-fusellm --match soft --collide first \
			--fallback onehot-current -o facts.fcs
	cmp <(fc-view --jsonl facts.fcs) <(fc-view --jsonl run/facts.aligned.fcs)
	fc-infer -q -k 10 --cut whole -m "$(kit pivot)" -o pivot.fcs chats.jsonl
	cmp <(fc-view --jsonl pivot.fcs) <(fc-view --jsonl run/pivot.fcs)
	run -0 make -n -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" OUT=chat ALIGN=published
	[[ $output == *"map --align dtw-fusechat2 --choose published "*" chats.jsonl"* ]]
	[[ $output == *"--align dtw-fusechat2 --collide first --fallback onehot-next "*"fuse --rule mince --ce token "* ]]
	# another way to align makes the pivot's stream anew, too, for its cut
	run -0 make -n -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}"
	[[ $output == *": distributions of the pivot"* ]]
}

@test "a killed run leaves nothing under a final name and is taken up again" {
	for delay in 0.3 1 2; do
		setsid make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" >log 2>&1 &
		sleep "$delay"
		kill -KILL -- -$! 2>/dev/null || true
		wait $! 2>/dev/null || true
		for s in run/*.fcs; do
			[ ! -e "$s" ] || fc-view --verify "$s"
		done
	done
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	run -0 fc-infer -q -m run/fusechat -o out.fcs heldout.jsonl
}

# What a pipeline would do, a step a line.
steps() { make -n -f "$FC_ROOT/pipelines/$1.mk" "${@:2}" | sed -n "s/.*echo '.*step [0-9]* of [0-9]*: \\(.*\\)'$/\\1/p" | sort; }

@test "every step is told once, in its order, and the count is right" {
	touch gsm.jsonl
	told() { # told MAKEFILE VARIABLE=VALUE...: "who: number of all" a line
		make -n -f "$FC_ROOT/pipelines/$1" "${@:2}" |
			sed -n "s/.*echo '\\(.*\\)step \\([0-9]*\\) of \\([0-9]*\\): .*/\\1\\2 of \\3/p" >told
		sed 's/[0-9]* of //' told | sort | uniq -c | while read -r n last; do
			who=${last%"${last##*[!0-9]}"}
			diff <(grep "^${who}[0-9]* of $n\$" told) <(seq -f "$who%.0f of $n" "$n")
		done
		[ -s told ]
	}
	for more in '' ALIGN=stats TYPE=f16; do
		told fusechat.mk "${args[@]}" $more
		told fusellm.mk "${args[@]}" $more
		told fusechat.mk "${args[@]}" RULE=mixture DEV=heldout.jsonl $more
		told fusellm.mk "${args[@]}" RULE=mixture DEV=heldout.jsonl $more
		told real/real.mk "${args[@]:0:2}" CHATS=gsm.jsonl WORK=real $more
	done
	told demo/demo.mk WORK=demo SEEDS=2
	told demo/methods.mk WORK=methods
	told demo/kit.mk WORK=w KIT=k
	echo '{"category": "a"}' >q.jsonl
	told mtbench.mk MODELS="$(kit pivot) $(kit facts)" QUESTIONS=q.jsonl PROMPTS=q.jsonl JUDGE="--local judge" OUT=bench
}

@test "what is shown are steps, the method's commands and what they say" {
	run -0 make -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" TYPE=bf16
	shown=$(grep -vE '^(step [0-9]|fc-[a-z]+|mkdir -p run$|[^ ]*/fc-[a-z]+ )' <<<"$output" || true)
	[ -z "$shown" ]
	[ "$(grep -c '/fc-infer ' <<<"$output")" -eq 6 ] # three that are checked, three that run
}

@test "another setting makes anew what depends on it and nothing else" {
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	[[ $output == *"step 1 of 9: check models and options"*"step 9 of 9: merge the targets"* ]]
	check="check models and options" merge="merge the targets"
	tune=$(printf '%s\n' "fine-tune the pivot towards facts" "fine-tune the pivot towards strings")
	captured=$(stat -c %Y.%y run/*.fcs)
	for set in LAMBDA=0.5 RULE=average LOSS=jsd LOSS=published "TRAIN=-q --epochs 2 --dtype f32"; do
		[ "$(steps fusechat "${args[@]}" "$set")" = "$(sort <<<"$check"$'\n'"$tune"$'\n'"$merge")" ]
	done
	[ "$(steps fusechat "${args[@]}" METHOD=linear)" = "$(sort <<<"$check"$'\n'"$merge")" ]
	[ "$(steps fusechat "${args[@]}" K=5 | wc -l)" -eq 9 ]
	[ "$(steps fusechat "${args[@]}" INFER=)" = "" ] # -q decides nothing
	[ "$(steps fusechat "${args[@]}" TYPE=bf16)" = "the result in bf16" ]
	# another way to write a model's name, another order, a source less
	[ "$(steps fusechat "${args[@]}" SOURCES="$(kit ../kit/strings)/ $(kit facts)/")" = "" ]
	[ "$(steps fusechat "${args[@]}" SOURCES="$(kit facts)")" = "$(sort <<<"$check"$'\n'"$merge")" ]
	# a source that is another model under the same name, a pivot of other weights
	mkdir other && cp -r "$(kit arithmetic)" other/facts && cp -r "$(kit pivot)" pivot
	[ "$(steps fusechat "${args[@]}" SOURCES="other/facts $(kit strings)")" = "$(sort <<<"$check
distributions of facts
distributions of facts over the tokens of the pivot
fine-tune the pivot towards facts
$merge")" ]
	[ "$(steps fusechat "${args[@]}" PIVOT=pivot | wc -l)" -eq 9 ]
	# done, not only planned; then nothing is left to do
	before=$(sha256sum <run/fusechat/model.safetensors)
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" LAMBDA=0.2 TYPE=bf16
	[[ $output != *distributions* ]]
	[ "$before" != "$(sha256sum <run/fusechat/model.safetensors)" ]
	[ "$captured" = "$(stat -c %Y.%y run/*.fcs)" ]
	run -0 make -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" LAMBDA=0.2 TYPE=bf16
	[[ $output == *"Nothing to be done"* ]]
	# the targets are unrounded, the last step alone is not
	for m in target-facts fusechat; do [ "$(jq -r .torch_dtype run/$m/config.json)" = float32 ]; done
	[ "$(jq -r .torch_dtype run/fusechat-bf16/config.json)" = bfloat16 ]
}

@test "RULE=mixture fits weights to DEV, by source or of all, and says what they gain" {
	python3 "$talk" --set train -n 40 --seed 9 >dev.jsonl
	run make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" RULE=mixture
	[ "$status" -eq 2 ] && [[ $output == *"set DEV"* ]]
	run make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" RULE=mixture DEV=chats.jsonl
	[ "$status" -eq 2 ] && [[ $output == *"DEV is DATA"* ]]
	run make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" RULE=mixture DEV=dev.jsonl VERDICT="--least x"
	[ "$status" -eq 2 ] && [ -z "$(compgen -G 'run/*.fcs')" ]
	mix=(RULE=mixture DEV=dev.jsonl BY=skill)
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" "${mix[@]}"
	[[ $output == *"whether fusion can help"*"Fusion can gain at most"* ]]
	[[ $output != *"ADAPT=1"* ]]
	[ "$(cut -f2 run/dev/weights.tsv | sed -n 2,4p | paste -sd' ')" = "pivot facts strings" ]
	[ "$(fc-view --jsonl run/dev/pivot.fcs | wc -l)" = 40 ]
	# each specialist has the most to say in its own skill
	heaviest() { awk -F'\t' -v g="$1" '$1 == g && $3 > most { most = $3; who = $2 } END { print who }' run/dev/weights.tsv; }
	[ "$(heaviest facts) $(heaviest strings) $(heaviest arithmetic)" = "facts strings pivot" ]
	# an answer no stops nothing
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" "${mix[@]}" VERDICT="--least 50"
	[[ $output == *"not worth training"*"fine-tuned on DATA first"*"ADAPT=1"*"merge the targets"* ]]
	for n in facts strings; do [ "$(cut -f2 run/dev/weights-$n.tsv | sed -n 2,3p | paste -sd' ')" = "pivot $n" ]; done
	run -0 make -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" "${mix[@]}" VERDICT="--least 50"
	[[ $output == *"Nothing to be done"* ]]
	# other conversations of DEV make anew what depends on them, and nothing of DATA
	head -n 30 dev.jsonl >less.jsonl
	[ "$(steps fusellm "${args[@]}" "${mix[@]}" DEV=less.jsonl)" = "$(sort <<-'END'
		check models and options
		distributions of the pivot on DEV
		distributions of facts on DEV
		distributions of facts on DEV over the tokens of the pivot
		distributions of strings on DEV
		distributions of strings on DEV over the tokens of the pivot
		whether fusion can help
		fine-tune the pivot towards the sources
	END
	)" ]
}

# killed FILE: kills a run once this much of the capture is there.
killed() {
	setsid make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" >log 2>&1 &
	for ((i = 0; i < 6000; i++)); do
		[ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -lt 20000 ] || break
		sleep 0.01
	done
	kill -KILL -- -$!
	wait $! 2>/dev/null || true
	[ -s "$1" ]
}

@test "a capture that is killed half-way goes on, to the same bytes; with other settings it begins anew" {
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 1500 --seed 4 >chats.jsonl
	args=("${args[@]/#INFER=*/INFER=--batch-tokens 200 -j 1}")
	args+=(SOURCES="$(kit facts)")
	streams=(pivot.fcs facts.aligned.fcs)
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" OUT=whole "${streams[@]/#/whole/}"
	killed run/.pivot.fcs.partial
	[ ! -e run/pivot.fcs ]
	killed run/.facts.own.fcs.partial
	grep 'pivot.fcs.partial: going on behind [1-9]' log
	[ -e run/pivot.fcs ] && [ ! -e run/facts.own.fcs ] && [ ! -e run/facts.aligned.fcs ]
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" "${streams[@]/#/run/}"
	[[ $output == *".facts.own.fcs.partial: going on behind "[1-9]* ]]
	for s in "${streams[@]}"; do cmp "whole/$s" "run/$s"; done
	[ -z "$(find run -name '*.partial' -o -name '*.own.fcs')" ]
	# a source that is captured, but not yet carried over
	rm run/facts.aligned.fcs
	fc-infer -q -k 10 --batch-tokens 200 -j 1 -m "$(kit facts)" -p "$(kit pivot)" -o run/facts.own.fcs chats.jsonl
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" "${streams[@]/#/run/}"
	cmp whole/facts.aligned.fcs run/facts.aligned.fcs
	[[ $output != *conversations* ]] && [ ! -e run/facts.own.fcs ]
	# other settings
	cp whole/pivot.fcs run/.pivot.fcs.partial
	cp whole/facts.aligned.fcs run/facts.own.fcs
	cp whole/facts.aligned.fcs run/.facts.own.fcs.partial
	sleep 0.1
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" K=3 "${streams[@]/#/run/}"
	[[ $output != *"going on behind"* ]]
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" K=3 OUT=three "${streams[@]/#/three/}"
	for s in "${streams[@]}"; do cmp "three/$s" "run/$s"; done
	# a stream without history is made in one go
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]/#INFER=/INFER=--no-history }" OUT=bare bare/pivot.fcs
	[ -e bare/pivot.fcs ]
}

@test "a training that is killed half-way goes on, to the same bytes" {
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 150 --seed 4 >chats.jsonl
	args=("${args[@]/#TRAIN=*/TRAIN=-q --epochs 4 --lr 1e-3 --batch-tokens 256 --dtype f32 -j 1}")
	args+=(CHECKPOINT=0.01 SOURCES="$(kit facts)")
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" OUT=whole CHECKPOINT=1000
	setsid make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" >log 2>&1 &
	for ((i = 0; i < 600; i++)); do
		[ ! -e run/target-facts.state/state.json ] || break
		sleep 0.1
	done
	kill -KILL -- -$!
	wait $! 2>/dev/null || true
	[ -e run/target-facts.state/state.json ] && [ ! -e run/target-facts ]
	mkdir run/.target-facts.99999.tmp run/.target-facts.state.99999.tmp
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]/#TRAIN=-q /TRAIN=}"
	[[ $output == *"fc-train target-facts: going on after step "* ]]
	[[ $output != *"distributions of"* ]]
	cmp whole/target-facts/model.safetensors run/target-facts/model.safetensors
	cmp whole/target-facts.log.jsonl run/target-facts.log.jsonl
	[ ! -e run/target-facts.state ]
	[ -z "$(find run -name '.*.tmp')" ]
	# a checkpoint of other settings is no beginning
	mkdir run/target-facts.state && echo '{}' >run/target-facts.state/state.json
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]/#TRAIN=*/TRAIN=-q --epochs 1 --dtype f32}"
	[ ! -e run/target-facts.state ]
}

@test "what would fail late fails before the first model runs" {
	fc-convert -q -o strings.gguf "$(kit strings)"
	bad() { # bad WORDS VARIABLE=VALUE...
		run make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" "${@:2}"
		[ "$status" -eq 2 ] && [[ $output == *"$1"* ]] && [ -z "$(compgen -G 'run/*.fcs')" ]
	}
	bad "fc-convert --type bf16 -o FOLDER strings.gguf" PIVOT=strings.gguf
	bad "SOURCES: there is no 'nowhere'" "SOURCES=$(kit facts) nowhere"
	bad "PIVOT is one name, but 'my pivot' are 2" "PIVOT=my pivot"
	bad "DATA: there is no 'none.jsonl'" DATA=none.jsonl
	bad "two have the same name: facts facts" "SOURCES=$(kit facts) $(kit ../kit/facts)/"
	bad "--nonsense" TRAIN="--nonsense 1"
	bad "--lambda" LAMBDA=7
	bad "RULE is one of mince average avgce mixture, not 'best-of-all'" RULE=best-of-all
	bad "RULE is one of mince average avgce mixture, not 'category'" RULE=category
	bad "DEV is for RULE=mixture, not for mince" DEV=heldout.jsonl
	bad "BY is for RULE=mixture, not for avgce" RULE=avgce BY=skill
	bad "VERDICT is for RULE=mixture, not for mince" VERDICT="--least 1"
	bad "FOLDS is for ADAPT=1" FOLDS=3
	bad "ADAPTING is for ADAPT=1" ADAPTING="--lr 1e-4"
	bad "SAMPLE: rows of draws have no tail, so LOSS is kl, ce or published, not 'reverse-kl'" SAMPLE=8 LOSS=reverse-kl
	bad "SAMPLE: --temperature" SAMPLE=8 TRAIN="--temperature 2"
	bad "SAMPLE: the published alignments are for rows of likeliest entries" SAMPLE=8 ALIGN=published
	bad "nonsense" MERGE="--nonsense 1"
	bad "method" METHOD=nonsense
	mkdir broken && cp "$(kit facts)"/*.json broken
	bad "broken" "SOURCES=$(kit strings) broken"
	# names without a slash or .gguf
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}" SOURCES="strings.gguf $(kit facts)/"
	[ -e run/strings.aligned.fcs ] && [ -e run/facts.aligned.fcs ]
}

@test "real.mk: a new source is fused, a table over the same bytes with paired differences" {
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set train -n 200 --seed 5 |
		jq -c '{question: .messages[0].content, answer: .messages[1].content}' >gsm.jsonl
	real=("${args[@]:0:1}" CHATS=gsm.jsonl WORK=real N=60 HELD=10 "${args[@]:4}")
	for bad in EVAL="--dtype f65" LENGTH=many TRAIN="--nonsense 1"; do
		run -2 make -s -f "$FC_ROOT/pipelines/real/real.mk" "${real[@]}" SOURCES="$(kit facts)/" "$bad"
		[ -z "$(compgen -G 'real/*.fcs')" ]
	done
	ln -s "$(kit facts)" a=b
	run -2 make -s -f "$FC_ROOT/pipelines/real/real.mk" "${real[@]}" SOURCES=a=b
	[[ $output == *"SOURCES: fc-eval cannot have = in the name 'a=b'; give a link to it"* ]]
	run -0 make -s -f "$FC_ROOT/pipelines/real/real.mk" "${real[@]}" SOURCES="$(kit facts)/"
	[[ $output == *"bits/byte"*"pivot "*"sft "*"fusechat "*"facts "*" conversations, "*" bytes that all have"* ]]
	[[ $output == *"fusechat is "*" than pivot"*" bits a byte"* || $output == *"Between fusechat and pivot no difference"* ]]
	[[ $output == *"fusechat is "*" than sft"*" bits a byte"* || $output == *"Between fusechat and sft no difference"* ]]
	[ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' real/table.txt)" -le 80 ]
	first=$(sha256sum <real/fusechat/model.safetensors)
	# the figure of fc-eval on the conversations that are in the table: all of them
	bits=$(fc-eval ppl -q --format json real/sft.heldout.fcs | jq -r '.. | .bits_per_byte? // empty' | head -n 1)
	bits=$(printf '%.4f' "$bits")
	[[ $output == *"sft "*"$bits"* ]]
	run -0 make -s -f "$FC_ROOT/pipelines/real/real.mk" "${real[@]}" SOURCES="$(kit facts)/"
	[[ $output != *"fine-tune"* && $output != *"held-out conversations"* ]]
	for call in "the result in f16*fusechat-f16 on held-out" ": FuseChat*bits/byte"; do
		run -0 make -s -f "$FC_ROOT/pipelines/real/real.mk" "${real[@]}" SOURCES="$(kit facts)/" TYPE=f16
		[[ $output == *$call*"fusechat-f16 "* && $output != *"fine-tune"* && $output != *"fusechat on held-out"* ]]
	done
	[[ $output != *"held-out conversations"* && $output != *": table"* ]]
	run -0 make -s -f "$FC_ROOT/pipelines/real/real.mk" "${real[@]}" SOURCES="$(kit strings)" LAMBDA=0.5
	[[ $output == *"fine-tune the pivot towards strings"*"fusechat on held-out"*"strings on held-out"* ]]
	[[ $output != *"sft on held-out"* ]]
	[ "$first" != "$(sha256sum <real/fusechat/model.safetensors)" ]
}

@test "the README's one-liner: everything through pipes" {
	P=$(kit pivot) A=$(kit facts)
	export P A
	run -0 pipe 'fc-align fuse -q <(fc-infer -q -m "$P" chats.jsonl) \
		<(fc-infer -q -m "$A" -p "$P" chats.jsonl | fc-align apply -q -p "$P" -s "$A") |
		fc-train -q -m "$P" --epochs 1 -o target-A'
	run -0 fc-varm -q -b "$P" target-A -o fused
	run -0 pipe 'fc-infer -q -m fused heldout.jsonl | fc-eval ppl'
	[[ $output == *"bits"* ]]
}

@test "the memory of the whole pipe does not grow with the corpus" {
	! sanitized || skip "no memory to measure"
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set train -n 8000 --seed 3 >many.jsonl
	head -n 400 many.jsonl >few.jsonl
	# of models that take little time
	for m in pivot facts; do
		jq '.hidden_size = 32 | .intermediate_size = 32 | .num_hidden_layers = 1 | .num_attention_heads = 2 |
			.num_key_value_heads = 1 | del(.head_dim)' "$(kit $m)/config.json" >$m.json
		fc-infer -q --tokens -m "$(kit $m)" few.jsonl |
			fc-train -q --init $m.json --tokenizer "$(kit $m)" --steps 1 --examples 400 -o small-$m
	done
	python3 - small-pivot small-facts <<-'END'
		import os, subprocess, sys
		pivot, source = sys.argv[1:]
		def run(chats, n):
		    """The most memory of each program of the pipe, in KiB."""
		    start = lambda *args, **more: subprocess.Popen(args, stdout=subprocess.PIPE, **more)
		    own = start("fc-infer", "-q", "-j", "1", "-m", pivot, chats)
		    other = start("fc-infer", "-q", "-j", "1", "-m", source, "-p", pivot, chats)
		    apply = start("fc-align", "apply", "-q", "-p", pivot, "-s", source, stdin=other.stdout)
		    fuse = start("fc-align", "fuse", "-q", "/dev/fd/%d" % own.stdout.fileno(), "-",
		                 stdin=apply.stdout, pass_fds=[own.stdout.fileno()])
		    train = start("fc-train", "-q", "-j", "1", "-m", pivot, "--epochs", "1", "--examples", str(n),
		                  "--batch-tokens", "2048", "--lr", "1e-4", "--force", "-o", "target",
		                  "--shuffle", "256", stdin=fuse.stdout) # a buffer that few fill, too
		    for p in (own, other, apply, fuse):
		        p.stdout.close()
		    used = {}
		    for name, p in zip(("fc-infer", "fc-infer -p", "apply", "fuse", "train"),
		                       (own, other, apply, fuse, train)):
		        _, status, usage = os.wait4(p.pid, 0)
		        assert status == 0, (name, status)
		        used[name] = usage.ru_maxrss
		    return used
		few, many = run("few.jsonl", 400), run("many.jsonl", 8000)
		for name in few:
		    print(name, few[name], many[name])
		    # the longest conversation and what is buffered vary a little
		    assert many[name] < 1.25 * few[name] + 2048, name
	END
}

@test "a program that dies upstream stops the ones below it, and no model appears" {
	P=$(kit pivot)
	export P
	head -c 300 chats.jsonl >cut.jsonl
	run -1 bash -c 'fc-infer -q -m "$P" cut.jsonl | fc-train -q -m "$P" --epochs 1 -o target'
	[ ! -e target ]
	[[ $output == *"cut.jsonl:"* ]]
}

@test "aligning the pivot with itself and fusing changes nothing" {
	P=$(kit pivot)
	fc-infer -q -m "$P" -o p.fcs chats.jsonl
	fc-align map -q -p "$P" -s "$P" chats.jsonl -o self.map.fcs
	fc-align apply -q -p "$P" -m self.map.fcs -o again.fcs p.fcs
	diff <(fc-view --jsonl p.fcs) <(fc-view --jsonl again.fcs)
	fc-align fuse -q -o fused.fcs p.fcs again.fcs
	diff <(fc-view --jsonl p.fcs | jq -c '[.id, .rows]') <(fc-view --jsonl fused.fcs | jq -c '[.id, .rows]')
}
