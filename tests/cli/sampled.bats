#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rows of draws: fc-infer --sample, and what the other tools do with such a stream.
load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
talk() { python3 "$FC_ROOT/pipelines/demo/talk.py" --set "$1" -n "$2" --seed 5; }
draws() { jq -c '{id, rows: [.rows[] | {token, ids, logprobs}]}'; } # without what rounding may touch

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	talk heldout 60 >in.jsonl
	fc-infer -q -m "$(kit pivot)" --sample 64 -o pivot.fcs in.jsonl
	fc-infer -q -m "$(kit pivot)" -o likeliest.fcs in.jsonl
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" --sample 64 -o facts.fcs in.jsonl
}

F() { echo "$BATS_FILE_TMPDIR/$1"; }

@test "a row's entries are counts of the draws; the true tokens are those of other rows" {
	fc-view --verify "$(F pivot.fcs)"
	[[ $(fc-view "$(F pivot.fcs)") == *$'\nrows          of 64 draws at temperature 1\n'* ]]
	[[ $(fc-view --stats "$(F pivot.fcs)") == *$'\nthey are            rows of 64 draws at temperature 1\n'* ]]
	fc-view --jsonl "$(F pivot.fcs)" >a.jsonl
	fc-view --jsonl "$(F likeliest.fcs)" >b.jsonl
	jq -e -s 'all(.[]; .n_sample == 64 and .sample_temperature == 1 and
		all(.rows[]; (.logprobs | map(exp * 64 | . - round | fabs) | max < 0.05) and
			(.logprobs | map(exp * 64 | round) | add == 64)))' a.jsonl >/dev/null
	cmp <(jq -c '.rows[] | [.token, .true_logprob]' a.jsonl) <(jq -c '.rows[] | [.token, .true_logprob]' b.jsonl)
	! jq -e -s 'any(.[]; has("n_sample"))' b.jsonl >/dev/null || false
}

@test "draws are near what the likeliest rows say" {
	# sum over rows of the first entry's probability, and of the draws it got; 4 standard errors
	join -j 1 <(fc-view --jsonl "$(F likeliest.fcs)" | jq -r '.id as $i | .rows[] | "\($i):\(.token) \(.ids[0]) \(.logprobs[0] | exp)"' | sort) \
		<(fc-view --jsonl "$(F pivot.fcs)" | jq -r '.id as $i | .rows[] | "\($i):\(.token) " + ([.ids, .logprobs] | transpose | map("\(.[0])=\(.[1] | exp)") | join(" "))' | sort) |
		awk '{ p = $3; got = 0
			for (i = 4; i <= NF; i++) { split($i, e, "="); if (e[1] == $2) got = e[2] }
			sum += got - p; var += p * (1 - p) / 64; n++ }
			END { if (n < 500 || sum * sum > 16 * var + 1e-4 * n) { print n, sum, sqrt(var); exit 1 } }'
}

@test "draws depend on the seed and the conversation, not on what is beside it" {
	fc-view --jsonl "$(F pivot.fcs)" | draws >want
	fc-infer -q -j 1 --batch-tokens 150 -m "$(kit pivot)" --sample 64 "$(F in.jsonl)" | fc-view --jsonl | draws | cmp - want
	tac "$(F in.jsonl)" | fc-infer -q -m "$(kit pivot)" --sample 64 | fc-view --jsonl | draws | tac | cmp - want
	tail -n 1 "$(F in.jsonl)" | fc-infer -q -m "$(kit pivot)" --sample 64 | fc-view --jsonl | draws | cmp - <(tail -n 1 want)
	fc-infer -q -m "$(kit pivot)" --sample 64 --all-rows "$(F in.jsonl)" | fc-view --jsonl |
		jq -c '.trained as $t | {id, rows: [.rows[] | select($t[.token] == 1) | {token, ids, logprobs}]}' | cmp - want
	fc-infer -q -m "$(kit pivot)" --sample 64 --seed 1 "$(F in.jsonl)" | fc-view --jsonl | draws >other
	run -1 cmp -s other want
	jq -c '.id = "x" + .id' "$(F in.jsonl)" | fc-infer -q -m "$(kit pivot)" --sample 64 | fc-view --jsonl | draws >other
	run -1 cmp -s <(jq -c .rows other) <(jq -c .rows want)
}

@test "one draw, the most there can be, and temperatures" {
	fc-infer -q -m "$(kit pivot)" --sample 1 "$(F in.jsonl)" | fc-view --jsonl |
		jq -e -s 'all(.[].rows[]; .logprobs == [0])' >/dev/null
	fc-infer -q -m "$(kit pivot)" --sample 2048 -o most.fcs "$(F in.jsonl)"
	fc-view --verify most.fcs
	[[ $(fc-view most.fcs) == *$'\ntop-k         640\nrows          of 2048 draws at temperature 1\n'* ]]
	n() { fc-infer -q -m "$(kit pivot)" --sample 64 --sample-temperature "$1" "$(F in.jsonl)" |
		fc-view --jsonl | jq -s '[.[].rows[].ids | length] | add'; }
	local cold warm hot
	cold=$(n 0.1) warm=$(n 1) hot=$(n 3)
	((cold < warm && warm < hot))
}

@test "options that don't go with draws are refused" {
	refused() { run -2 fc-infer -m "$(kit pivot)" "${@:2}" "$(F in.jsonl)"; [[ $output == *"$1"* ]]; }
	refused '--sample and -k exclude each other' --sample 9 -k 3
	refused '--sample is for distributions' --sample 9 --generate
	refused '--sample is for distributions' --sample 9 --tokens
	refused '--sample-temperature needs --sample' --sample-temperature 1
	refused '2049 is outside [1, 2048]' --sample 2049
	refused '0 is outside [1, 2048]' --sample 0
}

@test "an interrupted capture of draws goes on, and not with others" {
	capture() { fc-infer -q -m "$(kit pivot)" --batch-tokens 200 "$@" "$(F in.jsonl)"; }
	capture --sample 20 --seed 4 -o whole.fcs
	for part in 3 5 8; do
		head -c $(($(stat -c %s whole.fcs) * part / 10)) whole.fcs >.out.fcs.partial
		capture --sample 20 --seed 4 --resume -o out.fcs
		cmp out.fcs whole.fcs
	done
	head -c $(($(stat -c %s whole.fcs) / 2)) whole.fcs >.out.fcs.partial
	cp .out.fcs.partial .out2.fcs.partial
	run -1 capture --sample 21 --seed 4 --resume -o out2.fcs
	run -1 capture --sample 20 --seed 5 --resume -o out2.fcs
	run -1 capture --resume -o out2.fcs
}

@test "both kinds don't stand in one stream" {
	run -1 fc-view --stream -o both.fcs "$(F pivot.fcs)" "$(F likeliest.fcs)"
	[[ $output == *'likeliest.fcs has the likeliest entries of rows, the one before has rows of 64 draws at temperature 1: make them alike with fc-infer --sample' ]]
	cat "$(F pivot.fcs)" "$(F likeliest.fcs)" >both.fcs
	run -1 fc-view --verify both.fcs
	[[ $output == *'the one before has rows of 64 draws at temperature 1'* ]]
	cat "$(F pivot.fcs)" "$(F pivot.fcs)" >twice.fcs
	fc-view --verify twice.fcs
}

@test "shifted rows of draws are told, others are not" {
	# rows of 4 draws: 3 of id 1 and 1 of id 2; the true token is 1, or 3, which was never drawn
	for true in 1 3; do
		{
			echo '{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 4, "n_sample": 4, "sample_temperature": 1, "sources": ["a"]}'
			for i in $(seq 60); do
				echo '{"id": "'"$i"'", "text": "ab", "nll": 1, "n_label": 1, "label_bytes": 1, "tokens": [[0,1,0],['$true',2,1]], "rows": [[1, -1, [[1, -0.28768], [2, -1.38629]]]]}'
			done
		} | "$FC_ROOT/$B/fixture/mkstream" >rows$true.fcs
	done
	run -0 fc-view --verify rows1.fcs
	[[ $output != *shifted* ]]
	# two draws of two tokens say that much is not drawn
	{
		echo '{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 2, "n_sample": 2, "sample_temperature": 1, "sources": ["a"]}'
		for i in $(seq 60); do
			echo '{"id": "'"$i"'", "text": "ab", "nll": 1, "n_label": 1, "label_bytes": 1, "tokens": [[0,1,0],[3,2,1]], "rows": [[1, -1, [[1, -0.69315], [2, -0.69315]]]]}'
		done
	} | "$FC_ROOT/$B/fixture/mkstream" >few.fcs
	run -0 fc-view --verify few.fcs
	[[ $output != *shifted* ]]
	run fc-view --verify rows3.fcs
	[[ $output == *'rows3.fcs: the true token is in no row, of 60: are the rows shifted?'* ]]
}

apply() { fc-align apply -q -p "$(kit pivot)" "$@"; }
map() { fc-align map -q -p "$(kit pivot)" -s "$(kit facts)" -o map.fcs "$(F in.jsonl)"; }

@test "drawn, carried over, trained: by a map and byte-exactly" {
	map
	apply -m map.fcs -o map.aligned.fcs "$(F facts.fcs)"
	apply -s "$(kit facts)" -o bytes.aligned.fcs "$(F facts.fcs)"
	for by in map bytes; do
		fc-view --verify $by.aligned.fcs
		[[ $(fc-view $by.aligned.fcs) == *$'\nrows          of 64 draws at temperature 1\n'* ]]
		run -0 fc-train -m "$(kit pivot)" --epochs 1 --batch-tokens 800 --lr 1e-3 --lambda 0.5 -o $by $by.aligned.fcs
		[[ $output == *" rows of the teacher, of 64 draws at temperature 1"* ]]
		[[ $output != *"rows list"* ]]
		run -1 cmp -s $by/model.safetensors "$(kit pivot)/model.safetensors"
	done
	# the pivot's own rows, from a pipe
	fc-infer -q -m "$(kit pivot)" --sample 8 "$(F in.jsonl)" | fc-train -q -m "$(kit pivot)" --epochs 1 --examples 60 -o own
}

@test "by a map shares of rows stay whole counts, but for those of a token that goes on" {
	map
	apply -m map.fcs -o aligned.fcs "$(F facts.fcs)"
	local counts divided
	read -r counts divided < <(fc-view --jsonl aligned.fcs | jq -r '.rows[].logprobs[] | exp * 64 | . - round | fabs | if . < 0.05 then 1 else 0 end' |
		awk '{ n[$1]++ } END { print n[1] + 0, n[0] + 0 }')
	((counts > 10 * divided))
	# the pivot's own tokens: nothing is divided, and nothing is lost
	apply -o same.fcs "$(F pivot.fcs)"
	cmp <(fc-view --jsonl same.fcs | jq -c '.rows[]') <(fc-view --jsonl "$(F pivot.fcs)" | jq -c '.rows[]')
}

@test "of many draws, rows are near those of the whole distribution, also inside a token" {
	local rows='.id as $i | .ends as $e | .rows[] | "\($i):\(.token) \(.true_logprob) " + ([.ids, .logprobs] | transpose | map("\(.[0])=\(.[1] | exp)") | join(" "))'
	map
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 65535 -o all.fcs "$(F in.jsonl)"
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" --sample 2048 -o drawn.fcs "$(F in.jsonl)"
	for by in "-m map.fcs" "-s $(kit facts)"; do
		# shellcheck disable=SC2086
		join <(apply $by all.fcs | fc-view --jsonl | jq -r "$rows" | sed 's/ / | /' | sort) \
			<(apply $by drawn.fcs | fc-view --jsonl | jq -r "$rows" | sed 's/ / | /' | sort) |
			awk '{ # row | true p=... | true p=...: half the sum of differences
				split("", p); part = 0; far = 0
				for (i = 2; i <= NF; i++) {
					if ($i == "|") { part++; truth[part] = $(i + 1); i++; continue }
					split($i, e, "="); p[e[1]] += part == 1 ? e[2] : -e[2]
				}
				for (id in p) far += (p[id] < 0 ? -p[id] : p[id]) / 2
				sum += far; worse += truth[2] > truth[1] + 0.3 || truth[2] < truth[1] - 1; n++ }
				END { print n, sum / n, worse; exit !(n > 300 && sum / n < 0.02 && worse < n / 50) }'
	done
}

@test "the loss of rows of draws is the cross-entropy of their shares, and of nothing else" {
	fc-infer -q --dtype f32 -m "$(kit pivot)" -k 65535 -o all.fcs "$(F in.jsonl)"
	fc-infer -q --dtype f32 -m "$(kit pivot)" --sample 3 -o drawn.fcs "$(F in.jsonl)"
	for loss in kl ce; do
		fc-train -q --dtype f32 -m "$(kit pivot)" -o $loss --steps 1 --lambda 0.5 --loss $loss --log $loss.log drawn.fcs
	done
	cmp kl.log ce.log
	jq -n --slurpfile d <(fc-view --jsonl drawn.fcs) --slurpfile a <(fc-view --jsonl all.fcs) '
		[range($d | length) as $i | range($d[$i].rows | length) as $r | $a[$i].rows[$r] as $q |
			([$q.ids, $q.logprobs] | transpose | map({(.[0] | tostring): .[1]}) | add) as $logprob |
			[$d[$i].rows[$r] | [.ids, .logprobs] | transpose[] | -(.[1] | exp) * $logprob[.[0] | tostring]] | add] |
			add / length' >want
	awk -v a="$(jq -s '.[0].fusion' kl.log)" -v b="$(<want)" 'BEGIN { d = a - b; exit !(b > 0.05 && d < 2e-4 && d > -2e-4) }'
}

@test "the distance that training closes is that to the source, whole or drawn" {
	# towards the facts model's rows: from all of its vocabulary, and from 64 draws
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 65535 -o whole.fcs "$(F in.jsonl)"
	map
	apply -m map.fcs -o whole.aligned.fcs whole.fcs
	apply -m map.fcs -o drawn.aligned.fcs "$(F facts.fcs)"
	for kind in whole drawn; do
		fc-train -q -m "$(kit pivot)" --epochs 3 --batch-tokens 400 --lr 2e-3 --lambda 0 --save-dtype f32 -o $kind $kind.aligned.fcs
		fc-infer -q -m $kind -k 65535 -o $kind.fcs "$(F in.jsonl)"
	done
	fc-infer -q -m "$(kit pivot)" -k 65535 -o pivot.fcs "$(F in.jsonl)"
	kl() { fc-eval divergence -q --format tsv --resamples 0 whole.aligned.fcs "$1" | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i } $1 == "all" { print $c["kl"] }'; }
	local before after drawn
	before=$(kl pivot.fcs) after=$(kl whole.fcs) drawn=$(kl drawn.fcs)
	echo "$before $after $drawn"
	awk -v a="$before" -v b="$after" -v c="$drawn" 'BEGIN { exit !(b < 0.7 * a && c < 0.7 * a) }'
}

@test "what needs the likeliest tokens refuses draws by name" {
	map
	run -1 apply -s "$(kit facts)" -m map.fcs --align dtw-fusechat2 "$(F facts.fcs)"
	[[ $output == *'facts.fcs has rows of 64 draws at temperature 1; the published transfers (--align dtw-*) are for the likeliest entries: leave --align out' ]]
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" --sample 9 --sample-temperature 2 -o hot.fcs "$(F in.jsonl)"
	run -1 apply -s "$(kit facts)" hot.fcs
	[[ $output == *'hot.fcs has rows of 9 draws at temperature 2; byte-exactly a row is conditional'*'go by a map (-m)' ]]
	apply -m map.fcs -o hot.aligned.fcs hot.fcs
	run -1 apply -m map.fcs --fallback pivot --own "$(F likeliest.fcs)" "$(F facts.fcs)"
	[[ $output == *"likeliest.fcs has the likeliest entries of rows, the source's stream has rows of 64 draws at temperature 1"* ]]
	apply -m map.fcs --fallback pivot --own "$(F pivot.fcs)" -o filled.fcs "$(F facts.fcs)"
	fc-view --verify filled.fcs
	run -1 fc-eval divergence "$(F likeliest.fcs)" "$(F pivot.fcs)"
	[[ $output == *'pivot.fcs has rows of 64 draws at temperature 1, which do not tell the probabilities of single tokens; make it again with fc-infer -k' ]]
	run -1 fc-eval exact "$(F pivot.fcs)"
	[[ $output == *'pivot.fcs has rows of 64 draws at temperature 1, which do not tell the likeliest token; make it again with fc-infer -k' ]]
	cmp <(fc-eval ppl -q --format tsv - <"$(F pivot.fcs)") <(fc-eval ppl -q --format tsv - <"$(F likeliest.fcs)")
	refused() { run -1 fc-train -q -m "$(kit pivot)" -o out "${@:2}" "$(F pivot.fcs)"; [[ $output == *"pivot.fcs has rows of 64 draws at temperature 1: $1" ]]; }
	refused 'a sampled row has no tail, so --loss is kl or ce' --loss reverse-kl
	refused 'their temperature is that of fc-infer --sample-temperature, so --temperature is 1' --temperature 2
	fc-train -q -m "$(kit pivot)" -o out --loss reverse-kl --lambda 1 --steps 1 "$(F pivot.fcs)"
}

@test "fuse takes draws with draws: MinCE and averages" {
	map
	apply -m map.fcs -o aligned.fcs "$(F facts.fcs)"
	run -1 fc-align fuse -q "$(F likeliest.fcs)" aligned.fcs
	[[ $output == *'aligned.fcs has rows of 64 draws at temperature 1, '*'likeliest.fcs has the likeliest entries of rows: make them alike with fc-infer --sample' ]]
	run -1 fc-align fuse -q -k 5 "$(F pivot.fcs)" aligned.fcs
	[[ $output == *'-k: the streams are of draws, of which none may be left out'* ]]
	fc-align fuse -q --no-pivot -o a.fcs "$(F likeliest.fcs)" aligned.fcs aligned.fcs
	[[ $(fc-view a.fcs) == *$'\nrows          of 64 draws at temperature 1\n'* ]]
	for rule in mince average avgce; do
		fc-align fuse -q --rule $rule -o $rule.fcs "$(F pivot.fcs)" aligned.fcs
		fc-view --verify $rule.fcs
		[[ $(fc-view $rule.fcs) == *$'\nrows          of 64 draws at temperature 1\n'* ]]
	done
	fc-align fuse -q --per token -o token.fcs "$(F pivot.fcs)" aligned.fcs
	fc-view --verify token.fcs
	# an average loses no draw: half of each one's share
	jq -n --slurpfile p <(fc-view --jsonl "$(F pivot.fcs)") --slurpfile a <(fc-view --jsonl aligned.fcs) --slurpfile m <(fc-view --jsonl average.fcs) '
		def row($x): reduce ([$x.ids, $x.logprobs] | transpose[]) as $e ({}; .[$e[0] | tostring] = ($e[1] | exp));
		[range($m | length) as $i | ($p[$i].rows | INDEX(.token)) as $pr | ($a[$i].rows | INDEX(.token)) as $ar |
			$m[$i].rows[] | select($ar[.token | tostring]) | row($pr[.token | tostring]) as $x | row($ar[.token | tostring]) as $y | row(.) as $z |
			(($x + $y | keys) - ($z | keys) | length) + ($z | to_entries | map((.value - (($x[.key] // 0) + ($y[.key] // 0)) / 2) | fabs) | max * 1000 | floor)] |
			length > 100 and max <= 1' -e >/dev/null
	fc-train -q -m "$(kit pivot)" -o fused --steps 1 average.fcs
}
