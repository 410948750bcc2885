#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../helper

mkstream() { "$FC_ROOT/$B/fixture/mkstream"; }

# Two conversations of 2 and 6 bytes of labels: 1 and 3 nats.  A row at one label of two, and at all.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	cat >dists.jsonl <<-'END'
		{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 2, "sources": ["a"]}
		{"id": "x", "meta": {"skill": "sums", "n": 1}, "text": "ab", "nll": 1, "n_label": 2, "label_bytes": 2, "tokens": [[0,0,0],[1,1,1],[2,2,1]], "rows": [[2, -0.25, [[2, -0.25]]]]}
		{"id": "y", "meta": {"skill": "facts"}, "text": "abcdef", "nll": 3, "n_label": 2, "label_bytes": 6, "tokens": [[0,0,0],[3,2,1],[4,6,1]], "rows": [[1, -1.5, [[3, -1.5]]], [2, -0.5, [[4, -0.5]]]]}
	END
	mkstream <dists.jsonl >dists.fcs
	sed 1q dists.jsonl | mkstream >empty.fcs
	echo '{"kind": "tokens", "n_vocab": 9}' | mkstream >tokens.fcs
	cat >answers.jsonl <<-'END'
		{"id": "a", "skill": "sums", "answer": "4", "messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "It is 4."}]}
		{"id": "b", "skill": "sums", "answer": 5, "messages": [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": " 5\n"}]}
		{"id": "c", "skill": "facts", "answer": "Rome", "messages": [{"role": "user", "content": "Capital?"}, {"role": "assistant", "content": "rome"}]}
		{"id": "d", "answer": "x", "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "y"}]}
	END
}

cell() { # cell FILE GROUP COLUMN
	awk -F'\t' -v g="$2" -v c="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next }
		$2 == g || $1 == g { print $k; exit }' "$1"
}
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 1e-6 && d > -1e-6) }'; }

F() { echo "$BATS_FILE_TMPDIR/$1"; }

@test "a category called as all of them together is refused by every table" {
	refused() { run -1 "$@"; [[ $output == *"a category (\"skill\") is called 'all', as tables call all of them together; give it another name" ]]; }
	sed 's/"sums"/"all"/' "$(F dists.jsonl)" | mkstream >a.fcs
	sed 's/"facts"/"all"/' "$(F answers.jsonl)" >a.jsonl
	refused fc-eval ppl --by skill a.fcs
	sed 's/"sums"/"all"/; s/\["a"\]/["b"]/' "$(F dists.jsonl)" | mkstream >b.fcs
	cp a.jsonl b.jsonl
	refused fc-eval ppl --by skill a.fcs b.fcs
	refused fc-eval exact --by skill a.fcs
	refused fc-eval divergence --by skill a.fcs b.fcs
	refused fc-eval accuracy --by skill a.jsonl
	[[ $output == *"a.jsonl:3: "* ]]
	refused fc-eval accuracy --compare --by skill a.jsonl b.jsonl
	refused fc-eval oracle --by skill a.jsonl b.jsonl
	echo '{"context": "a", "choices": ["b", "c"], "gold": 0, "skill": "all"}' | fc-eval mc-questions |
		fc-infer -q -m "$FC_ROOT/pipelines/demo/kit/pivot" -o mc.fcs
	refused fc-eval mc --by skill mc.fcs
	refused fc-align fuse --by skill -o x.fcs a.fcs b.fcs
	refused fc-align verdict --by skill a.fcs b.fcs
}

@test "ppl: the three measures, overall and by category" {
	fc-eval ppl --by skill --format tsv "$(F dists.fcs)" >t
	near "$(cell t all cross_entropy)" 1
	near "$(cell t all perplexity)" 2.718281828
	near "$(cell t all bits_per_byte)" 0.7213475204
	near "$(cell t sums bits_per_byte)" 0.7213475204
	near "$(cell t sums cross_entropy)" 0.5
	near "$(cell t facts cross_entropy)" 1.5
	[ "$(cell t all conversations)" = 2 ]
	[ "$(cell t all tokens)" = 4 ]
	[ "$(cell t all bytes)" = 8 ]
	[ "$(cell t all coverage)" = 0.75 ]
	[ "$(cut -f2 t | paste -sd' ')" = "group all facts sums" ]
}

@test "ppl: per word, byte and conversation" {
	fc-eval ppl --format tsv "$(F dists.fcs)" >t
	[ "$(cell t all words)" = 2 ]
	near "$(cell t all word_perplexity)" 7.38905610
	near "$(cell t all byte_perplexity)" 1.64872127
	near "$(cell t all conversation_perplexity)" 7.38905610
	near "$(cell t all conversation_perplexity_high)" 20.0855369
	fc-eval ppl --per byte "$(F dists.fcs)" | grep -q '1\.649'
	fc-eval ppl --per word "$(F dists.fcs)" | grep -q 'word_perplexity'
}

@test "ppl: long texts in windows, against transformers" {
	want="$FC_ROOT/tests/data/eval/perplexity.json"
	jq -c '.texts[] | {text}' "$want" >in.jsonl
	for w in rolling "rolling20 --stride 20" "strided --stride 32" chunks; do
		name=${w%% *}
		# shellcheck disable=SC2086 # two words
		fc-infer -q --dtype f32 -m "$FC_ROOT/pipelines/demo/kit/pivot" --max-length 64 \
			--long ${w/20 / } in.jsonl >s.fcs 2>err
		fc-eval ppl --format tsv s.fcs >t
		[ "$(cell t all tokens)" = "$(jq "[.texts[].$name.tokens] | add" "$want")" ]
		awk -v a="$(cell t all cross_entropy)" -v b="$(jq "[.texts[].$name] |
			(map(.nll) | add) / (map(.tokens) | add)" "$want")" 'BEGIN { exit !((a / b - 1)^2 < 1e-11) }'
	done
	grep -q "295 tokens are in no window's scored part" err
	[ "$(cell t all words)" = "$(jq '[.texts[].words] | add' "$want")" ]
	run -2 fc-infer --generate -m "$FC_ROOT/pipelines/demo/kit/pivot" --long rolling in.jsonl
}

@test "ppl: a text needs no template, a conversation does" {
	cp -r "$FC_ROOT/pipelines/demo/kit/pivot" m
	rm m/chat_template.jinja
	echo '{"text": "Hello"}' | fc-infer -q -m m | fc-eval ppl >t
	grep -q all t
	echo '{"messages": [{"role": "user", "content": "Hello"}]}' >c.jsonl
	run -1 fc-infer -q -m m -o x.fcs c.jsonl
	[[ $output == *template* ]]
	run -1 fc-infer -q --generate -m m c.jsonl
	[[ $output == *template* ]]
}

@test "ppl: intervals of two conversations are their extremes, and one has none" {
	fc-eval ppl --by skill --format tsv "$(F dists.fcs)" >t
	near "$(cell t all cross_entropy_low)" 0.5
	near "$(cell t all cross_entropy_high)" 1.5
	[ -z "$(cell t facts cross_entropy_low)$(cell t facts perplexity_high)" ]
	fc-eval ppl --resamples 0 --format tsv "$(F dists.fcs)" >t
	[ -z "$(cell t all cross_entropy_low)" ]
}

@test "ppl: the same from standard input and a pipe; seeds repeat" {
	fc-eval ppl --format tsv "$(F dists.fcs)" | cut -f2- >a
	fc-eval ppl --format tsv <"$(F dists.fcs)" | cut -f2- >b
	cat "$(F dists.fcs)" | fc-eval ppl -j 2 --format tsv - | cut -f2- >c
	cmp a b
	cmp a c
}

@test "ppl: from the rows" {
	fc-eval ppl --from rows --by skill --format tsv "$(F dists.fcs)" >t
	near "$(cell t all cross_entropy)" 0.75
	near "$(cell t sums bits_per_byte)" 0.3606737602
	[ "$(cell t all tokens)" = 3 ]
	[ "$(cell t all bytes)" = 7 ]
}

@test "ppl: a category by number, a missing one" {
	fc-eval ppl --by n --format tsv "$(F dists.fcs)" >t
	[ "$(cut -f2 t | paste -sd' ')" = "group all (none) 1" ]
}

@test "ppl: several streams, each with its name" {
	fc-eval ppl --each --format tsv "$(F dists.fcs)" "$(F empty.fcs)" >t
	[ "$(wc -l <t)" -eq 3 ]
	[ "$(tail -n 1 t | cut -f3)" = 0 ]
	[ -z "$(tail -n 1 t | cut -f7)" ]
}

@test "ppl: streams of different text are told, those of other tokens not" {
	kit=$FC_ROOT/pipelines/demo/kit
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 8 --seed 1 >c.jsonl
	capture() { fc-infer -q -k 1 -m "$kit/$1" -p "$kit/pivot" "${@:2}" c.jsonl; }
	capture pivot >pivot.fcs
	capture facts >facts.fcs
	capture pivot --long truncate --max-length 20 2>pivot.err >cut.fcs
	run -0 fc-eval ppl --each pivot.fcs facts.fcs
	[[ $output != *warning* ]]
	bytes() { fc-eval ppl --each -q --format json "$1" | jq -r '.. | .bytes? // empty' | head -1; }
	[ "$(bytes pivot.fcs)" -eq "$(bytes facts.fcs)" ]
	run -0 fc-eval ppl --each facts.fcs pivot.fcs cut.fcs cut.fcs
	[[ $output == *"warning: facts.fcs ($(bytes facts.fcs) bytes) and cut.fcs ($(bytes cut.fcs) bytes) are of different text"* ]]
	[ "$(grep -c warning <<<"$output")" -eq 1 ]
	head -n 7 c.jsonl >less && mv less c.jsonl
	capture pivot >less.fcs
	run -0 fc-eval ppl --each pivot.fcs less.fcs
	[[ $output == *"are of different text"* ]]
}

@test "ppl: formats" {
	fc-eval ppl "$(F dists.fcs)" >t
	[ "$(wc -l <t)" -eq 2 ]
	grep -q '2\.718' t
	fc-eval ppl --each --format json "$(F dists.fcs)" "$(F empty.fcs)" >j
	[ "$(jq -c '[.group, .tokens, .bytes]' j | paste -sd' ')" = '["all",4,8] ["all",0,0]' ]
	[ "$(jq -r .perplexity j | tail -n 1)" = null ]
}

@test "ppl: a stream of another kind, a cut-off one and a missing one are refused" {
	run -1 fc-eval ppl "$(F tokens.fcs)"
	[[ $output == *"token stream"* ]]
	head -c -20 "$(F dists.fcs)" >cut.fcs
	run -1 fc-eval ppl cut.fcs
	[[ $output == *cut.fcs* ]]
	[[ $output != *all* ]]
	run -1 fc-eval ppl nowhere.fcs
	[[ $output == *"nowhere.fcs"* ]]
	run -1 fc-eval ppl </dev/null
	fc-eval ppl "$(F dists.fcs)" >/dev/null
}

@test "exact: right, wrong, unknown and both bounds, by category" {
	fc-eval exact --by skill --format tsv "$(F dists.fcs)" >t
	# x lacks a row and is right where it has one; y has both, right
	[ "$(cell t all right)" = 1 ]
	[ "$(cell t all wrong)" = 0 ]
	[ "$(cell t all unknown)" = 1 ]
	near "$(cell t all accuracy)" 0.5
	near "$(cell t all at_most)" 1
	near "$(cell t all accuracy_low)" 0.0945312
	near "$(cell t all accuracy_high)" 0.9054688
	[ "$(cell t sums unknown)" = 1 ]
	[ "$(cell t facts right)" = 1 ]
	sed '2s/2, -0.25/7, -0.25/2' "$(F dists.jsonl)" | mkstream | fc-eval exact --format tsv >t
	[ "$(cell t all wrong)" = 1 ]
	[ "$(cell t all unknown)" = 0 ]
	fc-eval exact --format tsv "$(F empty.fcs)" >t
	[ -z "$(cell t all accuracy)" ]
}

@test "exact: what teacher forcing says is what generation writes" {
	kit="$FC_ROOT/pipelines/demo/kit"
	for set in "" --questions; do
		python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 200 --seed 9 $set >h$set
	done
	jq -c 'del(.answer)' h >refs
	for m in pivot facts; do
		fc-infer -q --dtype f32 -k 1 -m "$kit/$m" -p "$kit/pivot" h |
			fc-eval exact --by skill --format tsv | cut -f2-4 >forced
		fc-infer -q --dtype f32 --generate --max-new 40 -m "$kit/$m" -p "$kit/pivot" h--questions |
			jq -c 'del(.answer)' | fc-eval accuracy --by skill --format tsv - refs | cut -f1-3 >written
		cmp forced written
		[ "$(cell forced all right)" -gt 20 ]
	done
}

@test "exact: what is no answer is named" {
	run -1 fc-eval exact --match last-word "$(F dists.fcs)"
	[[ $output == *"dists.fcs: conversation 'x' has no member \"answer\""* ]]
	sed 's/0,1\]/0,0]/; s/"tokens": .*"rows"/"tokens": [[0,0,0],[1,1,0],[2,2,0]], "rows"/' "$(F dists.jsonl)" |
		mkstream >none.fcs
	run -1 fc-eval exact none.fcs
	[[ $output == *"conversation 'x' has no answer"* ]]
	run -1 fc-eval exact "$(F tokens.fcs)"
	[[ $output == *"token stream"* ]]
}

@test "mc: likelihoods of choices, against transformers" {
	want="$FC_ROOT/tests/data/eval/perplexity.json"
	model="$FC_ROOT/pipelines/demo/kit/pivot"
	jq -c '.tasks[] | del(.ll) + {kind: .id}' "$want" >tasks.jsonl
	fc-eval mc-questions --delimiter '' tasks.jsonl >q.jsonl
	[ "$(wc -l <q.jsonl)" -eq 7 ]
	fc-infer -q --dtype f32 -m "$model" -o s.fcs q.jsonl
	fc-view --jsonl s.fcs | jq -s 'map(-.nll)' >got
	jq -c '[.tasks[].ll[]]' "$want" >ll
	jq -ne --slurpfile a got --slurpfile b ll \
		'[$a[0], $b[0]] | transpose | all(((.[0] - .[1]) / .[1] | fabs) < 1e-5)'
	fc-eval mc --by kind --format tsv s.fcs >t
	near "$(cell t all acc)" 0.5
	near "$(cell t a acc)" 1
	near "$(cell t a acc_norm)" 1
	near "$(cell t b acc)" 0
	[ -z "$(cell t all acc_mutual_info)" ]
	brier=$(jq '.tasks[0] | (.ll | map(exp)) as $p | ($p | add) as $s |
		[range($p | length) as $i | $p[$i] / $s - (if $i == 0 then 1 else 0 end) | . * .] | add' "$want")
	awk -v a="$(cell t a brier_score)" -v b="$brier" 'BEGIN { exit !((a / b - 1)^2 < 1e-8) }'
	# a space, the default delimiter, goes to the choice; the other way gives the same tokens
	fc-eval mc-questions tasks.jsonl | fc-infer -q --dtype f32 -m "$model" | fc-view --jsonl | jq .nll >a
	jq -c '.context += " "' tasks.jsonl | fc-eval mc-questions --delimiter '' |
		fc-infer -q --dtype f32 -m "$model" | fc-view --jsonl | jq .nll >b
	head -n 4 a | cmp - <(head -n 4 b)
	fc-eval mc-questions --unconditional tasks.jsonl | fc-infer -q -m "$model" | fc-eval mc --format json >j
	[ "$(jq .acc_mutual_info j)" != null ]
	fc-eval mc-questions --chat tasks.jsonl | fc-infer -q -m "$model" | fc-eval mc >t
	grep -q all t
}

@test "mc: what is missing, doubled or no task is named" {
	jq -c '.tasks[] | del(.ll)' "$FC_ROOT/tests/data/eval/perplexity.json" >tasks.jsonl
	model="$FC_ROOT/pipelines/demo/kit/pivot"
	fc-eval mc-questions tasks.jsonl >q.jsonl
	head -n 3 q.jsonl | fc-infer -q -m "$model" -o s.fcs
	run -1 fc-eval mc s.fcs
	[[ $output == *"s.fcs: task 'a': choice 3 of 4 is missing"* ]]
	head -n 1 q.jsonl | cat - q.jsonl | fc-infer -q -m "$model" -o s.fcs
	run -1 fc-eval mc s.fcs
	[[ $output == *"conversation 'a/0' does not fit to others of task 'a'"* ]]
	run -1 fc-eval mc "$(F dists.fcs)"
	[[ $output == *"conversation 'x' is no choice of a task"* ]]
	echo '{"context": "x"}' >bad.jsonl
	run -1 fc-eval mc-questions bad.jsonl
	[[ $output == *"bad.jsonl:1: expected a list"* ]]
	run -2 fc-eval mc-questions --chat --unconditional bad.jsonl
}

@test "divergence: bounds around the whole, by category; 0 of a model against itself" {
	kit="$FC_ROOT/pipelines/demo/kit"
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 30 --seed 9 >h.jsonl
	for k in 4 640; do
		fc-infer -q --dtype f32 -k $k -m "$kit/pivot" -o p$k.fcs h.jsonl
		# another model over the same tokens: the pivot at half of its weights' precision
		fc-infer -q --dtype bf16 -k $k -m "$kit/pivot" -o q$k.fcs h.jsonl
		fc-eval divergence --by skill --format tsv p$k.fcs q$k.fcs >t$k
	done
	[ "$(cut -f1 t4 | paste -sd' ')" = "group all arithmetic facts manners strings" ]
	awk -v a="$(cell t4 all kl_at_least)" -v m="$(cell t640 all kl)" -v b="$(cell t4 all kl)" \
		'BEGIN { exit !(a <= m + 1e-5 && m <= b + 1e-5 && m < 0.01) }'
	near "$(cell t640 all kl)" "$(cell t640 all kl_at_least)"
	[ "$(cell t4 all agreement)" = "$(cell t640 all agreement)" ]
	fc-eval divergence --format tsv p4.fcs p4.fcs >t
	near "$(cell t all kl)" 0
	[ "$(cell t all agreement)" = 1 ]
	[ "$(cell t all unmatched)" = 0 ]
	fc-infer -q --dtype f32 --all-rows -m "$kit/pivot" -o all.fcs h.jsonl
	fc-eval divergence --format tsv p4.fcs all.fcs >t
	[ "$(cell t all unmatched)" -gt 0 ]
	[ "$(cell t all rows)" = "$(cell t4 all rows)" ]
	fc-infer -q -m "$kit/facts" -p "$kit/pivot" -o other.fcs h.jsonl
	run -1 fc-eval divergence p4.fcs other.fcs
	[[ $output == *other.fcs* ]]
	run -2 fc-eval divergence p4.fcs
}

@test "oracle: the best source for each question" {
	answers() { for x in "$@"; do
		echo "{\"id\": \"${x%=*}\", \"skill\": \"s\", \"messages\": [{\"role\": \"user\", \"content\": \"?\"}, {\"role\": \"assistant\", \"content\": \"${x#*=}\"}]}"
	done; }
	answers a=1 b=2 c=3 d=4 >refs
	answers a=1 b=2 c=0 d=0 >x
	answers d=0 c=0 b=2 a=9 >y
	answers a=0 b=0 c=3 d=0 >z
	fc-eval oracle --references refs --by skill --format tsv x y z >t
	[ "$(awk -F'\t' '$2 == "all" { print $1, $4, $5, $6 }' t | paste -sd';')" = \
		"x 2 1 0.5;y 1 0 0.25;z 1 1 0.25;(best source) 3 2 0.75" ]
	# one source: what accuracy says
	fc-eval accuracy --format tsv x refs | tail -n 1 | cut -f2-6 >want
	fc-eval oracle --references refs --format tsv x | tail -n 1 | cut -f3,4,6-8 | cmp - want
	head -n 3 z >short
	run -1 fc-eval oracle --references refs x short
	[[ $output == *"'d' has no answer"* ]]
	jq -c '.answer = "1"' short >s
	jq -c '.answer = "1"' x >w
	run -1 fc-eval oracle w s
	[[ $output == *"w and s do not answer the same conversations: 'd' is at w:4"* ]]
	run -2 fc-eval oracle
}

@test "accuracy: exact, last word, ignoring case" {
	fc-eval accuracy --by skill --format tsv "$(F answers.jsonl)" >t
	[ "$(cell t all right)" = 1 ]
	[ "$(cell t all accuracy)" = 0.25 ]
	[ "$(cell t sums accuracy)" = 0.5 ]
	[ "$(cut -f1 t | paste -sd' ')" = "group all (none) facts sums" ]
	fc-eval accuracy --match last-word --format tsv "$(F answers.jsonl)" >t
	[ "$(cell t all right)" = 2 ]
	fc-eval accuracy --match last-word --ignore-case --format tsv <"$(F answers.jsonl)" >t
	[ "$(cell t all right)" = 3 ]
}

@test "accuracy: the last number, as GSM8K has it" {
	need_shared
	head -n 4 "$FC_SHARED/data/chat/gsm8k_test.jsonl" >g.jsonl
	fc-infer -q --generate --max-new 3 -m "$FC_ROOT/pipelines/demo/kit/pivot" g.jsonl >a.jsonl
	fc-eval accuracy --match last-number --format tsv a.jsonl >t
	[ "$(cell t all conversations)" = 4 ]
	[ "$(cell t all right)" = 0 ]
	right() { jq -c --arg n "$1" '.messages[-1].content = "So it is $" + $n + " in all."' a.jsonl |
		fc-eval accuracy --match last-number --format tsv | cut -f3 | tail -n 1; }
	[ "$(right 18)" = 1 ]
	[ "$(right 70,000.00)" = 1 ]
	[ "$(right 7)" = 0 ]
	run -2 fc-eval exact --match last-number
}

@test "accuracy, oracle: a program's number of 1 or more is a right answer" {
	# lengths 8, 3, 4, 1; two answers are a number
	length='jq ".messages[-1].content | length"'
	number='jq ".messages[-1].content | if test(\"[0-9]\") then 1 else 0 end"'
	right() { fc-eval accuracy --match program --format tsv "$@" | tail -n 1 | cut -f2,3 | paste -sd' '; }
	[ "$(right --program "$number" "$(F answers.jsonl)")" = $'4\t2' ]
	# each answer its own number, whatever the order of the file; by category
	tac "$(F answers.jsonl)" >tac.jsonl
	fc-eval accuracy --match program --program "$length | awk '{ print \$1 == 4 }'" --by skill --format tsv tac.jsonl >t
	[ "$(cut -f1-3 t | paste -sd' ')" = $'group\tconversations\tright all\t4\t1 (none)\t1\t0 facts\t1\t1 sums\t2\t0' ]
	# a share of what was tested is not right, more than all is
	[ "$(right --program "printf '1\n1.5\n1e3 \n0.999\n'" "$(F answers.jsonl)")" = $'4\t3' ]
	[ "$(right --program "printf '0.5\n0\n-1\n+1.0\n'" "$(F answers.jsonl)")" = $'4\t1' ]
	# no right answer is needed; references say only what is to be there
	jq -c 'del(.answer)' "$(F answers.jsonl)" >bare.jsonl
	jq -c '{id, skill, messages: .messages[:1]}' "$(F answers.jsonl)" >questions.jsonl
	[ "$(right --program "$number" <bare.jsonl)" = $'4\t2' ]
	[ "$(right --program "$number" bare.jsonl questions.jsonl)" = $'4\t2' ]
	jq -c 'del(.skill)' bare.jsonl | fc-eval accuracy --match program --program "$number" --by skill --format tsv - questions.jsonl |
		cut -f1-3 | paste -sd' ' | grep -qxF $'group\tconversations\tright all\t4\t2 (none)\t1\t0 facts\t1\t0 sums\t2\t2'
	run -1 fc-eval accuracy --match program --program "$number" bare.jsonl <(head -n 3 questions.jsonl)
	[[ $output == *"conversation 'd' is not in"* ]]
	# the program reads the lines with all their members, and only those that count
	jq -c '.messages[-1].finish_reason = "length"' "$(F answers.jsonl)" >cut.jsonl
	[ "$(right --program 'tee seen | jq "if .messages[-1].finish_reason == \"length\" then 0 else 1 end"' <(head -n 1 cut.jsonl; tail -n 3 bare.jsonl))" = $'4\t3' ]
	jq -S . seen | diff - <(jq -S . <(head -n 1 cut.jsonl; tail -n 3 bare.jsonl))
	for c in 0 1; do jq -c ".choice = $c | .messages[-1].content = \"$c\"" "$(F answers.jsonl)"; done >two.jsonl
	[ "$(right --choice 1 --program 'jq ".messages[-1].content | tonumber"' two.jsonl)" = $'4\t4' ]
	[ "$(right --choice 0 --program 'jq ".messages[-1].content | tonumber"' two.jsonl)" = $'4\t0' ]
	[ "$(right --invalid skip --program "$number" <(echo '{"id": "e"}'; cat bare.jsonl))" = $'4\t2' ]
	# nothing to ask about, no run
	[ "$(right --program 'touch ran' </dev/null)" = $'0\t0' ] && [ ! -e ran ]
	fc-eval oracle --match program --program "$number" --format tsv "$(F answers.jsonl)" bare.jsonl |
		awk -F'\t' '$1 == "(best source)" { print $4 }' | grep -qx 2
}

@test "accuracy: what a program may do wrong" {
	program() { run "-$1" fc-eval accuracy --match program --program "$2" -o t "${3:-$(F answers.jsonl)}"
		if [ "$1" = 0 ]; then [ -s t ] && rm t; else [ ! -e t ]; fi; }
	program 0 'jq 1'
	program 1 'head -n 3 | jq 1'
	[[ $output == *"--program on $(F answers.jsonl) writes 3 numbers for 4 answers"* ]]
	program 1 'jq "1, 1"'
	[[ $output == *"writes more than 4 lines, one an answer"* ]]
	program 1 'yes 1'
	[[ $output == *"writes more than a number for each answer"* ]]
	for bad in nan inf x '1 2' '' 1e999; do
		program 1 "printf '1\n$bad\n1\n1\n'"
		[[ $output == *"line 2, of the answer at $(F answers.jsonl):2: '$bad' is no number"* ]]
	done
	program 1 'jq 1; exit 3'
	[[ $output == *"--program on $(F answers.jsonl) ended with status 3"* ]]
	# shellcheck disable=SC2016 # of the program
	program 1 'kill -9 $$'
	[[ $output == *"was ended by signal 9"* ]]
	# a program that does not read on is no error by itself, however much there is to read
	jq -c '.id as $i | range(3000) | {id: "\($i)\(.)", messages: [{role: "user", content: "?"}, {role: "assistant", content: ("x" * 100)}]}' \
		"$(F answers.jsonl)" >many.jsonl
	program 1 'exec <&-; echo 1' many.jsonl
	[[ $output == *"writes 1 numbers for 12000 answers"* ]]
	program 0 'exec <&-; seq 12000' many.jsonl
	program 1 'jq 1' <(jq -c '.messages |= .[:1]' "$(F answers.jsonl)")
	[[ $output == *"does not end with an answer"* ]]
	run -2 fc-eval accuracy --match program "$(F answers.jsonl)"
	[[ $output == *"--match program needs --program"* ]]
	run -2 fc-eval accuracy --program 'jq 1' "$(F answers.jsonl)"
	[[ $output == *"--match program needs --program, and nothing else does"* ]]
	run -2 fc-eval oracle --program 'jq 1' "$(F answers.jsonl)"
	for match in "program --program true" last-number; do
		run -2 fc-eval accuracy --ignore-case --match $match "$(F answers.jsonl)"
		[[ $output == *"--ignore-case is for --match exact and last-word"* ]]
	done
	# texts alone tell what is worth something to select and exact
	run -2 fc-eval select --reward right --match program "$(F answers.jsonl)"
	run -2 fc-eval exact --match program "$(F dists.fcs)"
}

@test "accuracy: Wilson intervals" {
	fc-eval accuracy --match last-word --format tsv "$(F answers.jsonl)" >t
	near "$(cell t all accuracy_low)" 0.1500389
	near "$(cell t all accuracy_high)" 0.8499611
}

@test "accuracy: references in another file, in any order" {
	cat >refs.jsonl <<-'END'
		{"id": "d", "skill": "other", "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "y"}]}
		{"id": "c", "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "rome"}]}
		{"id": "b", "answer": "6", "messages": [{"role": "user", "content": "?"}]}
		{"id": "a", "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "It is 4."}]}
	END
	fc-eval accuracy --by skill --format tsv "$(F answers.jsonl)" refs.jsonl >t
	[ "$(cell t all right)" = 3 ]
	[ "$(cell t other right)" = 1 ]
	[ "$(cell t sums right)" = 1 ]
}

@test "accuracy: a missing, doubled or left-over conversation is named" {
	head -n 3 "$(F answers.jsonl)" >three.jsonl
	run -1 fc-eval accuracy three.jsonl "$(F answers.jsonl)"
	[[ $output == *"answers.jsonl:4"*"'d' has no answer"* ]]
	run -1 fc-eval accuracy "$(F answers.jsonl)" three.jsonl
	[[ $output == *"'d' is not in three.jsonl"* ]]
	cat three.jsonl three.jsonl >six.jsonl
	run -1 fc-eval accuracy six.jsonl
	[[ $output == *"six.jsonl:4"*"'a' was already at"*"six.jsonl:1"* ]]
	fc-eval accuracy three.jsonl three.jsonl >/dev/null
}

@test "accuracy, oracle: one of several answers to a conversation" {
	printf '%s\n' '{"question": "2+2?", "answer": "4"}' '{"question": "3+4?", "answer": "7"}' |
		fc-infer -q --generate --choices 2 --max-new 3 -m "$FC_ROOT/pipelines/demo/kit/pivot" >a.jsonl
	jq -c '.messages[-1].content = if .choice == 1 and .answer == "7" then "7" else "-" end' a.jsonl >b.jsonl
	run -1 fc-eval accuracy b.jsonl
	[[ $output == *"b.jsonl:2: conversation 'line-1' was already at b.jsonl:1; --choice takes one of several answers"* ]]
	[ "$(fc-eval accuracy --choice 0 --format tsv b.jsonl | tail -n 1 | cut -f2,3)" = $'2\t0' ]
	[ "$(fc-eval accuracy --choice 1 --format tsv b.jsonl | tail -n 1 | cut -f2,3)" = $'2\t1' ]
	[ "$(fc-eval oracle --choice 1 --format tsv b.jsonl b.jsonl | tail -n 1 | cut -f3-5)" = $'2\t1\t0' ]
	[ "$(fc-eval accuracy --choice 2 --format tsv b.jsonl | tail -n 1 | cut -f2)" = 0 ]
	# what has one answer is as it was
	fc-eval accuracy --choice 5 "$(F answers.jsonl)" | cmp - <(fc-eval accuracy "$(F answers.jsonl)")
}

@test "accuracy: no answer, no reference, no JSON" {
	echo '{"id": "q", "answer": "1", "messages": [{"role": "user", "content": "?"}]}' >q.jsonl
	run -1 fc-eval accuracy q.jsonl
	[[ $output == *"q.jsonl:1"*"does not end with an answer"* ]]
	echo '{"id": "q", "messages": [{"role": "assistant", "content": "?"}]}' >q.jsonl
	run -1 fc-eval accuracy q.jsonl
	[[ $output == *"no reference"* ]]
	echo '{' >q.jsonl
	run -1 fc-eval accuracy q.jsonl
	[[ $output == *"q.jsonl:1"* ]]
}

@test "accuracy: no conversation at all" {
	fc-eval accuracy --format tsv </dev/null >t
	[ "$(cell t all conversations)" = 0 ]
	[ -z "$(cell t all accuracy)" ]
}

@test "a wrong command line is status 2" {
	run -2 fc-eval
	run -2 fc-eval judge
	run -2 fc-eval ppl --form tsv --nonsense
	run -2 fc-eval ppl --from else
	run -2 fc-eval ppl --resamples -1
	run -2 fc-eval accuracy a b c
	run -0 fc-eval --help
	run -0 fc-eval ppl --help
	run -0 fc-eval accuracy --version
}

@test "output: file, full disk, closed pipe" {
	fc-eval ppl --format tsv -o t "$(F dists.fcs)"
	[ "$(wc -l <t)" -eq 2 ]
	run -1 bash -c 'fc-eval ppl "$1" >/dev/full' - "$(F dists.fcs)"
	run -1 fc-eval ppl -o nowhere/t "$(F dists.fcs)"
	run bash -c '(trap "" PIPE; fc-eval ppl "$1"; echo $? >&2) | true' - "$(F dists.fcs)"
	run -0 bash -c 'fc-eval ppl "$1" | true' - "$(F dists.fcs)"
}

@test "commands: one declaration in one file, and a place in the page" {
	fc-eval --help | sed -n 's/^[Usage: ]*fc-eval \([a-z-]*\) .*/\1/p' >names
	[ "$(wc -l <names)" = "$(grep -rl '^EVAL_COMMAND(' "$FC_ROOT/tools/fc-eval" | wc -l)" ]
	grep -qx ppl names
	while read -r name; do
		grep -qE "^\.Cm (.* )?$name( |$)" "$FC_ROOT/man/fc-eval.1" || { echo "no .Cm $name"; return 1; }
		fc-eval "$name" --help | grep -q "^Usage: fc-eval $name "
	done <names
}
