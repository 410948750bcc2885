#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Models whose matrices have more rows than the tokenizer has tokens.  Their softmax runs over all
# rows (fc-models(7), "Vocabulary"); padded.py computes the same in double precision.  Numbers of
# transformers 5.24 for the shared models stand at their tests.
load ../helper

padded() { python3 "$FC_ROOT/tests/cli/padded.py" "$@"; }
infer() { fc-infer -q --dtype f32 "$@"; }
near() { awk -v a="$1" -v b="$2" -v d="$3" 'BEGIN { x = a - b; exit !(x <= d && -x <= d) }'; }

# A tokenizer of 303 with a gap of three ids; models of 320, 303 and 320 rows over it, of which the
# last would say nothing but ids without a token; another tokenizer that cuts alike, and one that
# does not.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	local demo=$FC_ROOT/pipelines/demo
	python3 "$demo/talk.py" --set train -n 6 --seed 1 >chats.jsonl
	python3 "$demo/vocab.py" --kind gpt2 --size 300 --eos '<|end|>' -o made <chats.jsonl
	padded tokenizer T made
	padded tokenizer same T
	python3 "$demo/vocab.py" --kind gpt2 --size 270 --eos '<|end|>' -o other <chats.jsonl
	sed 's/if add_generation_prompt/if true/' T/chat_template.jinja >open.jinja
	padded model pad T 320
	padded model plain T 303
	padded model loud T 320 loud
	fc-convert -q -o pad.gguf pad
	infer -k 320 -m pad -o pad.fcs chats.jsonl
	infer -k 320 -m pad.gguf -o gguf.fcs chats.jsonl
	infer -k 320 -m plain -o plain.fcs chats.jsonl
	fc-view --jsonl pad.fcs >pad.jsonl
	echo '{"id":"q","messages":[{"role":"user","content":"Good evening, I am Bruno."}]}' >q.jsonl
}

setup() { cd "$BATS_FILE_TMPDIR" || return; }

@test "rows are of the softmax over all rows of the matrix, from a folder and from GGUF" {
	[ "$(padded rows pad 320 <pad.jsonl)" = "as computed 120" ]
	[ "$(fc-view --jsonl gguf.fcs | padded rows pad 320)" = "as computed 120" ]
	[ "$(fc-view --jsonl plain.fcs | padded rows plain 303)" = "as computed 120" ]
	[ "$(infer -m pad chats.jsonl | fc-view --jsonl | padded rows pad 10)" = "as computed 120" ]
	# what the models have in common says something else in each
	run -1 --separate-stderr bash -c 'fc-view --jsonl plain.fcs | python3 "$FC_ROOT/tests/cli/padded.py" rows pad'
}

@test "the header tells both numbers, the same for a folder and its GGUF file" {
	for f in pad gguf; do
		fc-view --header $f.fcs | grep -E '^(tokenizer|vocabulary|outputs)' >$f.head
	done
	cmp pad.head gguf.head
	[[ $(<pad.head) == *$'\nvocabulary    303\noutputs       320' ]]
	run fc-view --header plain.fcs
	[[ $output == *"vocabulary    303"* && $output != *outputs* ]]
}

@test "so do those of vocabularies with scores" {
	python3 "$FC_ROOT/pipelines/demo/vocab.py" --kind spm-prefix --size 400 --unk '<unk>' --bos '<s>' \
		--eos '</s>' -o S <chats.jsonl
	padded model scored S 448
	fc-convert -q -o scored.gguf scored
	for m in scored scored.gguf; do
		infer -k 448 -m $m -o $m.fcs chats.jsonl
		[ "$(fc-view --jsonl $m.fcs | padded rows scored 448)" = "as computed 80" ]
		fc-view --header $m.fcs | grep -E '^(tokenizer|vocabulary|outputs)' >$m.head
	done
	cmp scored.head scored.gguf.head
	cat scored.fcs scored.gguf.fcs | fc-view --verify
	# and one of the world's, whose pieces have several merges
	need_shared
	mkdir mistral
	xz -dc "$FC_SHARED/data/tokenizers/mistral-7b-v0.1.tokenizer.json.xz" >mistral/tokenizer.json
	cp "$FC_SHARED/data/tokenizers/mistral-7b-v0.1.tokenizer_config.json" mistral/tokenizer_config.json
	padded model world mistral 32064
	fc-convert -q -o world.gguf world
	for m in world world.gguf; do
		infer -k 3 -m $m --template chatml q.jsonl | fc-view --header - |
			grep -E '^(tokenizer|vocabulary|outputs)' >$m.head
	done
	cmp world.head world.gguf.head
	grep -q 'outputs *32064' world.head
}

@test "streams of a folder and of its GGUF file go together" {
	[ "$(cat pad.fcs gguf.fcs | fc-view --jsonl | padded rows pad)" = "as computed 240" ]
	[ "$(fc-view --stream pad.fcs gguf.fcs | fc-view --jsonl | padded rows pad)" = "as computed 240" ]
	[ "$(fc-align fuse -q --rule average pad.fcs gguf.fcs | fc-view --jsonl | padded rows pad)" = "as computed 120" ]
}

@test "a padded and an unpadded model's streams are joined and fused" {
	[[ $(fc-view --stream plain.fcs pad.fcs | fc-view --header -) == *"outputs       320"* ]]
	cat pad.fcs plain.fcs | fc-view --verify
	infer -k 5 -m plain chats.jsonl >grows.fcs
	infer -k 5 -m pad chats.jsonl >>grows.fcs
	run fc-view --verify grows.fcs
	[ "$status" -eq 1 ]
	[[ $output == *"a model of 320 outputs comes after one of 303: put it first or join them with fc-view"* ]]
	fc-align fuse -q -k 320 --rule average -o mean.fcs plain.fcs pad.fcs
	[[ $(fc-view --header mean.fcs) == *"outputs       320"* ]]
	# half of what the padded model says at ids behind the last token, the other has none there
	fc-view --jsonl mean.fcs | jq -s '[.[].rows[] | [range(.ids | length) as $i |
		select(.ids[$i] >= 303) | .logprobs[$i] | exp] | add] | add / length' >share
	near "$(<share)" "$(padded beyond pad <pad.jsonl | jq '. / 2')" 2e-4
}

@test "training takes the same softmax" {
	fc-train -q -m pad --dtype f32 --lambda 1 --steps 1 --lr 0 --eval pad.fcs --log log -o trained pad.fcs
	nll=$(padded nll pad <pad.jsonl)
	near "$(jq -s '.[0].eval.nll' log)" "$nll" 2e-5
	near "$(jq -s '.[1].sft' log)" "$nll" 2e-5
	near "$(fc-eval ppl --format json pad.fcs | jq .cross_entropy)" "$nll" 1e-3
	# the teacher's ids without a token count too: a model taught by itself has no divergence
	fc-train -q -m pad --dtype f32 --lambda 0 --loss kl --steps 1 --log kl -o taught pad.fcs
	near "$(jq -s '.[0].fusion' kl)" 0 1e-4
}

@test "training refuses an id beyond the model's rows by name" {
	run fc-train -q -m plain --dtype f32 --lambda 0 --steps 1 -o refused pad.fcs
	[ "$status" -eq 1 ]
	[[ $output == *"holds id 3"*", the model has 303 outputs; fc-align apply -p of the model leaves such ids out" ]]
	fc-align apply -q -p plain -o fit.fcs pad.fcs
	fc-train -q -m plain --dtype f32 --lambda 0 --steps 1 -o fit fit.fcs
}

@test "an answer has no id without a token, whatever its logit" {
	for m in loud pad; do
		infer --tokens -m $m --template open.jinja q.jsonl | fc-view --jsonl >prompt.jsonl
		padded greedy $m 8 <prompt.jsonl >expect
		fc-infer -q --dtype f32 --generate --max-new 8 -m $m q.jsonl | jq '.messages[1].content' >answer
		cmp expect answer
	done
	infer -k 1 --all-rows -m loud q.jsonl | fc-view --jsonl | jq -c '[.rows[].ids[]] | min' >top
	[ "$(<top)" -ge 299 ]
}

@test "sampling renormalises without them" {
	infer --tokens -m loud --template open.jinja q.jsonl | fc-view --jsonl >prompt.jsonl
	infer --generate --max-new 1 --choices 600 --temperature 1 -m loud q.jsonl |
		jq '.messages[1].content' >drawn
	[ "$(padded drawn loud prompt.jsonl <drawn)" = "as computed" ]
}

@test "multiple choice weighs the same probabilities" {
	cat >tasks.jsonl <<-'END'
		{"id":"a","context":"Good evening","choices":["?","!",",","."],"gold":1}
		{"id":"b","context":"Thank you","choices":["a","e","o"],"gold":2}
	END
	fc-eval mc-questions --delimiter '' tasks.jsonl | infer -m pad -o mc.fcs
	near "$(fc-eval mc --format json mc.fcs | jq .brier_score)" \
		"$(fc-view --jsonl mc.fcs | padded brier pad)" 2e-3
}

@test "divergence is over all rows" {
	near "$(fc-eval divergence --format json plain.fcs pad.fcs | jq .kl)" \
		"$(fc-view --jsonl plain.fcs | padded kl plain pad)" 1e-3
}

# Share of the rows' probability that fc-align report names.
share() { fc-align report --format tsv "$@" | awk -F '\t' -v item="$item" '$1 == item { print $4 }'; }

@test "alignment counts ids without a token as not carried" {
	lost=$(padded lost pad <pad.jsonl)
	beyond=$(padded beyond pad <pad.jsonl)
	item='lost: ids without a token'
	# the pivot has the same tokens, without the padding
	fc-align apply -q -p plain -s plain -o fit.fcs pad.fcs
	[[ $(fc-view --header fit.fcs) != *outputs* ]]
	near "$(share -p plain -s plain pad.fcs)" "$beyond" 2e-4
	# its tokens have other ids: by bytes, where a gap is known, and by a map, where it is not
	near "$(share -p same -s T pad.fcs)" "$lost" 2e-3
	fc-align map -q -p same -s T -o map.fcs chats.jsonl
	near "$(share -p same -m map.fcs pad.fcs)" "$beyond" 2e-4
	fc-align apply -p same -m map.fcs -o mapped.fcs pad.fcs 2>note
	[[ $(<note) == *"stood at ids of the source without a token"* ]]
	# nothing gets lost unseen
	for how in '-s T' '-m map.fcs' '-s T -m map.fcs --align dtw-fusechat2'; do
		fc-align report --format tsv -p same $how pad.fcs | awk -F '\t' -v how="$how" '
			/^probability that|^lost:/ { sum += $4 }
			END { if (sum < 0.999 || sum > 1.001) { print how, sum; exit 1 } }'
	done
	run share -p plain -s plain plain.fcs
	[ -z "$output" ]
}

@test "alignment at other borders, to a padded pivot, and fusion with its own rows" {
	padded model pivot other 300
	infer -k 200 -m pivot -o own.fcs chats.jsonl
	fc-align apply -q -p pivot -s pad -o carried.fcs pad.fcs
	[[ $(fc-view --header carried.fcs) == *"vocabulary    270"* ]]
	[[ $(fc-view --header carried.fcs) != *outputs* ]]
	fc-align fuse -q -k 200 --rule average -o fused.fcs own.fcs carried.fcs
	[[ $(fc-view --header fused.fcs) == *"outputs       300"* ]]
	fc-train -q -m pivot --dtype f32 --steps 1 -o tuned fused.fcs
	# its own rows where the source has none
	fc-align apply -q -p pivot -s pad --known 1 --fallback pivot --own own.fcs -o filled.fcs pad.fcs
	[[ $(fc-view --header filled.fcs) == *"outputs       300"* ]]
	fc-view --verify filled.fcs
}

@test "transformers' numbers: rows beyond the tokenizer, and fc-varm's padding" {
	need_shared
	local faults=$FC_SHARED/faults
	[ -d "$faults/padded_rows" ] || skip "no padded models"
	# transformers 5.24, float32, loss over the labels: 6.86962 and 7.32650
	fc-convert -q -o rows.gguf "$faults/padded_rows"
	cp -r "$faults/base" base
	cp -r "$faults/target" target
	fc-varm -q --recipe "$faults/pad64.yml" -o pad64
	for at in "$faults/padded_rows 6.86962" "rows.gguf 6.86962" "pad64 7.32650"; do
		infer -m "${at% *}" -o at.fcs "$faults/chat.jsonl"
		near "$(fc-eval ppl --format json at.fcs | jq .cross_entropy)" "${at#* }" 6e-4
		[ "${at% *}" = rows.gguf ] && continue
		rm -rf at
		fc-train -q -m "${at% *}" --dtype f32 --lambda 1 --steps 1 --eval at.fcs --log log -o at at.fcs
		near "$(jq -s '.[0].eval.nll' log)" "${at#* }" 1e-5
	done
}

@test "more tokens than rows are refused by name" {
	padded model short T 301
	run fc-infer -q -m short chats.jsonl
	[ "$status" -eq 1 ]
	[[ $output == *"short: the tokenizer has ids up to 302, the model only 301 rows of embeddings" ]]
}

@test "draws are from all rows of the matrix; fc-align leaves out the ids without a token" {
	infer --sample 2048 -m pad -o drawn.fcs chats.jsonl
	fc-view --verify drawn.fcs
	fc-view --jsonl drawn.fcs >drawn.jsonl
	share() { jq -s --argjson from "$1" '[.[].rows[] | [.ids, .logprobs] | transpose | map(select(.[0] >= $from) | .[1] | exp) | add // 0] | add / length'; }
	# 176 rows of 2048 draws: a standard error of at most 0.0009
	near "$(share 303 <drawn.jsonl)" "$(padded beyond pad <pad.jsonl)" 0.004
	fc-align apply -p T -o apart.fcs drawn.fcs 2>note
	fc-view --verify apart.fcs
	[ "$(fc-view --jsonl apart.fcs | share 303)" = 0 ]
	near "$(sed -n 's/.*and \([0-9.]*\) % stood at ids of the source without a token.*/\1/p' note)" \
		"$(share 303 <drawn.jsonl | awk '{ print 100 * $1 }')" 0.02
	cmp <(fc-view --jsonl apart.fcs | jq -c '.rows[] | [.ids, .logprobs]') \
		<(jq -c '.rows[] | [.ids, .logprobs] | transpose | map(select(.[0] < 303)) | transpose' drawn.jsonl)
}
