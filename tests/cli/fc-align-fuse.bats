#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load align

@test "fuse: MinCE takes the least cross-entropy, per byte or per token; ties to the first" {
	cd "$BATS_FILE_TMPDIR" || return
	fc-align fuse -q a.fcs b.fcs >"$BATS_TEST_TMPDIR/f"
	[ "$(records "$BATS_TEST_TMPDIR/f" | jq -r .source | paste -sd' ')" = "b a" ]
	fc-align fuse -q --ce token a.fcs b.fcs >"$BATS_TEST_TMPDIR/f"
	[ "$(records "$BATS_TEST_TMPDIR/f" | jq -r .source | paste -sd' ')" = "b b" ]
	fc-align fuse -q b.fcs a.fcs >"$BATS_TEST_TMPDIR/f"
	[ "$(records "$BATS_TEST_TMPDIR/f" | jq -r .source | paste -sd' ')" = "b a" ]
	sed 's/NAME/twin/' hand.jsonl | mkstream >"$BATS_TEST_TMPDIR/twin.fcs"
	fc-align fuse -q a.fcs "$BATS_TEST_TMPDIR/twin.fcs" >"$BATS_TEST_TMPDIR/f"
	[ "$(records "$BATS_TEST_TMPDIR/f" | jq -r .source | paste -sd' ')" = "a a" ]
	fc-align fuse -q --no-pivot a.fcs b.fcs >"$BATS_TEST_TMPDIR/f"
	[ "$(records "$BATS_TEST_TMPDIR/f" | jq -r .source | paste -sd' ')" = "b b" ]
}

@test "fuse: what MinCE chose is unchanged" {
	cd "$BATS_FILE_TMPDIR" || return
	fc-align fuse -q P.fcs S.aligned.fcs Q.aligned.fcs >"$BATS_TEST_TMPDIR/f"
	records "$BATS_TEST_TMPDIR/f" >"$BATS_TEST_TMPDIR/fused"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/fused")" -eq 60 ]
	{ records P.fcs; records S.aligned.fcs; records Q.aligned.fcs; } | sort >"$BATS_TEST_TMPDIR/all"
	[ -z "$(sort "$BATS_TEST_TMPDIR/fused" | comm -23 - "$BATS_TEST_TMPDIR/all")" ]
	# against the cross-entropies themselves
	cmp <(jq -r .source "$BATS_TEST_TMPDIR/fused") <(
		paste <(records P.fcs | jq '.nll / .label_bytes') <(records S.fcs | jq '.nll / .label_bytes') \
			<(records Q.fcs | jq '.nll / .label_bytes') |
			awk '{ print $1 <= $2 && $1 <= $3 ? "P" : $2 <= $3 ? "S" : "Q" }')
}

@test "fuse: average and AvgCE" {
	fc-align fuse -q --rule average -k 3 "$(F a.fcs)" "$(F b.fcs)" >f
	records f | tail -n 1 >y
	[ "$(jq -c '.rows[0].ids' y)" = '[3,4]' ]
	near "$(jq '.rows[0].logprobs[1]' y)" "$(awk 'BEGIN { print log((exp(-0.75) + exp(-2)) / 2) }')"
	near "$(jq '.rows[0].true_logprob' y)" -1
	[ "$(jq -r .source y)" = average ]
	[ "$(jq -c '[.n_label, .label_bytes]' y)" = '[1,1]' ]
	fc-align fuse -q --rule avgce "$(F a.fcs)" "$(F b.fcs)" >f
	# y costs 3 nats a byte in a, 3.5 in b
	near "$(records f | tail -n 1 | jq '.rows[0].logprobs[1]')" "$(awk 'BEGIN {
		a = exp(exp(-3)); b = exp(exp(-3.5)); print log((a * exp(-0.75) + b * exp(-2)) / (a + b)) }')"
	fc-align fuse -q --rule average "$(F a.fcs)" "$(F a.fcs)" >f
	cmp <(records f | jq -c '.rows') <(records "$(F a.fcs)" | jq -c '.rows')
	fc-align fuse -q --rule average -k 1 "$(F a.fcs)" "$(F b.fcs)" >f
	records f | jq -es 'all(.rows[0].ids | length == 1)'
}

@test "fuse: from pipes, as from files" {
	cd "$BATS_FILE_TMPDIR" || return
	fc-align fuse -q --no-history P.fcs S.aligned.fcs Q.aligned.fcs >"$BATS_TEST_TMPDIR/a"
	fc-align fuse -q --no-history <(cat P.fcs) - <(cat Q.aligned.fcs) <S.aligned.fcs >"$BATS_TEST_TMPDIR/b"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	fc-align fuse -q --no-history P.fcs \
		<(fc-align apply -q -p P -m S.map.fcs --no-history S.fcs) \
		<(fc-align apply -q -p P -m Q.map.fcs --no-history Q.fcs) | fc-view --jsonl >"$BATS_TEST_TMPDIR/c"
	cmp "$BATS_TEST_TMPDIR/c" <(records "$BATS_TEST_TMPDIR/a")
}

@test "fuse: a conversation cut short in one stream" {
	python3 - "$(F hand.jsonl)" >long.jsonl <<-'END'
		import sys
		head, x, y = open(sys.argv[1]).read().splitlines()
		print(head.replace("NAME", "long"))
		print(x.replace('"ab"', '"abc"').replace("[1,2,1]]", "[1,2,1],[5,3,1]]").replace(
		    "[[1, -0.5]]]]", "[[1, -0.5]]], [2, -1, [[5, -1]]]]").replace('"nll": 1', '"nll": 0.1'))
		print(y)
	END
	sed 's/"ab"/"abc"/; s/NAME/cut/' "$(F hand.jsonl)" | mkstream >cut.fcs
	mkstream <long.jsonl >long.fcs
	fc-align fuse -q cut.fcs long.fcs >f
	records f | head -n 1 | jq -e '.source == "long" and (.tokens | length == 2) and (.rows | length == 1)'
	fc-align fuse -q --no-pivot long.fcs cut.fcs >f
	records f | head -n 1 | jq -e '.source == "cut" and .tokens == [0,1,5] and (.rows | length == 1)'
}

@test "fuse: streams that do not go together are refused by name" {
	cd "$BATS_FILE_TMPDIR" || return
	run -1 fc-align fuse -q a.fcs other-id.fcs
	[[ $output == *"conversation 2 is 'y' in a.fcs and 'z' in other-id.fcs"* ]]
	run -1 fc-align fuse -q a.fcs other-text.fcs
	[[ $output == *"conversation 'y': its texts differ from byte 1 on: \"ce\" in other-text.fcs, \"cd\" in a.fcs;"* ]]
	run -1 fc-align fuse -q a.fcs other-tokens.fcs
	[[ $output == *"'y'"*"tokens in other-tokens.fcs differ"* ]]
	run -1 fc-align fuse -q a.fcs other-tokenizer.fcs
	[[ $output == *"other-tokenizer.fcs is over other tokens than a.fcs"* ]]
	run -1 fc-align fuse -q a.fcs b.fcs short.fcs
	[[ $output == *"short.fcs ends before conversation 2, 'y'"* ]]
	run -1 fc-align fuse -q short.fcs a.fcs
	[[ $output == *"short.fcs ends before conversation 2, 'y'"* ]]
	run -1 fc-align fuse -q a.fcs tokens.fcs
	[[ $output == *"token stream"* ]]
	run -1 fc-align fuse -q a.fcs empty.fcs
	head -c -20 b.fcs >"$BATS_TEST_TMPDIR/cut.fcs"
	run -1 fc-align fuse -q -o "$BATS_TEST_TMPDIR/f" a.fcs "$BATS_TEST_TMPDIR/cut.fcs"
	[ ! -e "$BATS_TEST_TMPDIR/f" ]
	fc-align fuse -q a.fcs b.fcs >/dev/null
}

# Streams of conversations named by letters, over one token each.
letters() { # letters NAME LETTERS [HEADER]
	{
		echo "{\"kind\": \"dists\", \"tokenizer\": 7, \"n_vocab\": 9, \"top_k\": 2, \"sources\": [\"$1\"]$3}"
		for i in $2; do
			echo "{\"id\": \"$i\", \"text\": \"$i$i\", \"nll\": 1, \"n_label\": 1, \"label_bytes\": 1, \"tokens\": [[0,1,0],[1,2,1]], \"rows\": [[1, -0.5, [[1, -0.5]]]]}"
		done
	} | mkstream >"$1"
}
ids() { records "$@" | jq -r .id | paste -sd' '; }

@test "fuse: what is missing, doubled or in another order is named" {
	letters a 'p q r s t'
	letters b 'p r s t'
	letters c 'p q q r s t'
	letters d 'p r q s t'
	letters e 'p x q r s t'
	letters f 'u v w'
	run -1 fc-align fuse -q a b
	[[ $output == *"conversation 2 is 'q' in a and 'r' in b: the former is missing in b"* ]]
	run -1 fc-align fuse -q b a
	[[ $output == *"the latter is missing in b"* ]]
	run -1 fc-align fuse -q a c
	[[ $output == *"c: conversation 3 has the id 'q', which one before it has"* ]]
	run -1 fc-align fuse -q a d
	[[ $output == *"the order is another"* ]]
	run -1 fc-align fuse -q a e
	[[ $output == *"'x' in e: the latter is missing in a"* ]]
	run -1 fc-align fuse -q a f
	[[ $output == *"neither has the other's"* ]]
	# nothing says which belong together, whether others have it twice or not
	run -1 fc-align fuse -q c c
	[[ $output == *"c: conversation 3 has the id 'q', which one before it has"* ]]
	run -1 fc-align fuse -q --skip-missing a c
	[[ $output == *"c: conversation 3 has the id 'q'"* ]]
}

@test "fuse: conversations that not all streams have can be left out" {
	letters a 'p q r s t'
	letters b 'p r s t'
	letters c 'p q x r s t z'
	letters d 'p r q s t'
	letters f 'u v w'
	fc-align fuse --skip-missing a a >out 2>note
	[ "$(ids out)" = 'p q r s t' ]
	run -1 grep 'left out' note
	fc-align fuse --skip-missing a b c >out 2>note
	[ "$(ids out)" = 'p r s t' ]
	grep -q 'left out 1 conversations of a ' note
	grep -q 'left out 3 conversations of c ' note
	fc-align fuse -q --skip-missing a d >out 2>note
	[ "$(ids out)" = 'p q s t' ]
	fc-align fuse -q --skip-missing a f >out 2>note
	[ -z "$(ids out)" ]
	grep -q 'left out 5 conversations of a ' note
	# as long as something in common comes soon
	letters g "$(seq 1 50 | paste -sd' ') z"
	letters h 'z'
	fc-align fuse -q --skip-missing g h >out 2>note
	[ "$(ids out)" = z ]
	letters g "$(seq 1 80 | paste -sd' ') z"
	letters h "$(seq 101 180 | paste -sd' ') z"
	run -1 fc-align fuse -q --skip-missing g h
	[[ $output == *"64 conversations"*"none that all streams have"* ]]
	# what is left out is still to be whole
	head -c -10 a >cut.fcs
	run -1 fc-align fuse -q --skip-missing h cut.fcs
	[[ $output == *cut.fcs* ]]
}

@test "fuse: another template or top-k is refused by name" {
	letters a 'p' ', "template": 5'
	letters b 'p' ', "template": 6'
	sed 's/NAME/k3/; s/"top_k": 2/"top_k": 3/' "$(F hand.jsonl)" | mkstream >k3
	run -1 fc-align fuse -q a b
	[[ $output == *"b was rendered with another template"* ]]
	run -1 fc-align fuse -q "$(F a.fcs)" k3
	[[ $output == *"k3 have up to 3 entries"*"a.fcs up to 2"*"-k"* ]]
	fc-align fuse -q -k 2 "$(F a.fcs)" k3 | fc-view --verify
}

@test "fuse: MinCE by turn and by token" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	for per in turn token; do
		fc-align fuse -q --per $per P.fcs S.aligned.fcs Q.aligned.fcs -o "$d/$per"
		[ "$(records "$d/$per" | jq -r .source | sort -u)" = mince-$per ]
	done
	paste -d '\n' <(records P.fcs) <(records S.aligned.fcs) <(records Q.aligned.fcs) \
		<(records "$d/turn") <(records "$d/token") >"$d/all"
	python3 - "$d/all" <<-'END'
		import json, sys
		lines = [json.loads(l) for l in open(sys.argv[1])]
		several = 0
		for i in range(0, len(lines), 5):
		    sources, turn, token = lines[i:i + 3], lines[i + 3], lines[i + 4]
		    x = sources[0]
		    rows = [{r["token"]: r for r in s["rows"]} for s in sources]
		    size = lambda t: x["ends"][t] - x["ends"][t - 1]
		    # by token: the row that gives the true token the most
		    for r in token["rows"]:
		        here = [s[r["token"]] for s in rows if r["token"] in s]
		        assert r == max(here, key=lambda h: h["true_logprob"])
		    assert len(token["rows"]) == len(set().union(*rows))
		    # by turn
		    turns, at = [], []
		    for t, f in enumerate(x["trained"]):
		        if f:
		            at.append(t)
		            if x["parts"][t] == "turn-end":
		                turns.append(at); at = []
		    turns += [at] if at else []
		    several += len(turns) > 1
		    want = []
		    for at in turns:
		        ce = []
		        for s in rows:
		            have = [t for t in at if t in s]
		            n = sum(map(size, have))
		            ce.append(-sum(s[t]["true_logprob"] for t in have) / n if n else 1e9)
		        best = rows[ce.index(min(ce))]
		        want += [best[t] for t in at if t in best]
		    assert turn["rows"] == want, x["id"]
		assert several > 3, several
	END
	run -2 fc-align fuse --per turn --rule average a.fcs b.fcs
}

@test "fuse: the best of each category, by an earlier report" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	fc-align fuse -q --by skill --report "$d/r" a.fcs b.fcs >/dev/null
	fc-align fuse -q --rule category --by skill --best "$d/r" a.fcs b.fcs >"$d/f"
	[ "$(records "$d/f" | jq -r .source | paste -sd' ')" = "b a" ]
	# without that category, the best of all: a tie here, so the first
	grep -v '^sums' "$d/r" >"$d/part"
	fc-align fuse -q --rule category --by skill --best "$d/part" a.fcs b.fcs >"$d/f"
	[ "$(records "$d/f" | jq -r .source | paste -sd' ')" = "a a" ]
	run -1 fc-align fuse -q --rule category --by skill --best chats.jsonl a.fcs b.fcs
	[[ $output == *"no column 'group'"* ]]
	grep -v '^all' "$d/r" >"$d/part"
	run -1 fc-align fuse -q --rule category --by skill --best "$d/part" a.fcs b.fcs
	[[ $output == *"no group 'all'"* ]]
	run -2 fc-align fuse --rule category a.fcs b.fcs
	run -2 fc-align fuse --best "$d/r" --by skill a.fcs b.fcs
}

@test "fuse: empty streams give an empty one" {
	fc-align fuse -q "$(F empty.fcs)" "$(F empty.fcs)" >f
	[ -z "$(records f)" ]
	fc-view --verify f
}

@test "fuse: the report, by category" {
	cd "$BATS_FILE_TMPDIR" || return
	fc-align fuse --by skill --report "$BATS_TEST_TMPDIR/r" a.fcs b.fcs >/dev/null
	printf '%s\t%s\t%s\t%s\t%s\n' group source conversations share ce all a 1 0.5 2 all b 1 0.5 2 \
		facts a 1 1 3 facts b 0 0 3.5 sums a 0 0 1 sums b 1 1 0.5 | cmp - "$BATS_TEST_TMPDIR/r"
	fc-align fuse a.fcs b.fcs 2>"$BATS_TEST_TMPDIR/e" >/dev/null
	grep -q 'all *a *1 *0.500' "$BATS_TEST_TMPDIR/e"
	fc-align fuse -q a.fcs b.fcs 2>"$BATS_TEST_TMPDIR/e" >/dev/null
	[ ! -s "$BATS_TEST_TMPDIR/e" ]
	run -1 fc-align fuse --report /dev/full a.fcs b.fcs
}

@test "the header tells what was done to what" {
	cd "$BATS_FILE_TMPDIR" || return
	fc-align fuse -q --rule average P.fcs S.aligned.fcs >"$BATS_TEST_TMPDIR/f"
	fc-view "$BATS_TEST_TMPDIR/f" >"$BATS_TEST_TMPDIR/h"
	grep -q 'fc-align apply' "$BATS_TEST_TMPDIR/h"
	grep -q 'fc-align fuse.*--rule average' "$BATS_TEST_TMPDIR/h"
	fc-align fuse -q --no-history P.fcs S.aligned.fcs >"$BATS_TEST_TMPDIR/f"
	fc-view "$BATS_TEST_TMPDIR/f" >"$BATS_TEST_TMPDIR/h"
	run -1 grep -q 'fc-align fuse' "$BATS_TEST_TMPDIR/h"
}

@test "fuse: where two texts differ is shown, and ids cannot command the terminal" {
	text() { # text NAME TEXT ID
		python3 - "$@" <<-'END' | mkstream >"$1.fcs"
			import json, sys
			name, text, id = sys.argv[1:]
			n = len(text.encode())
			print(json.dumps({"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 2, "sources": [name]}))
			print(json.dumps({"id": id, "text": text, "tokens": [[0, 1, 0], [1, n, 1]], "rows": [[1, -0.5, [[1, -0.5]]]]}))
		END
	}
	text a $'<|im_start|>assistant\nIt is \xe2\x82\xac 5.<|im_end|>' q
	text b $'<|im_start|>assistant\nIt is \xe2\x82\xac 5.<|im_end|>\n' q
	run -1 fc-align fuse -q -o out.fcs a.fcs b.fcs
	[[ $output == *$'its texts differ from byte 44 on: ..." is \xe2\x82\xac 5.<|im_end|>\\n" in b.fcs, ..." is \xe2\x82\xac 5.<|im_end|>" in a.fcs; make both'* ]]
	text c ab $'a\e]0;pwned\a\e[2J'
	text d ab $'b\e[2J\xc2\x9b1m'
	run -1 fc-align fuse -q -o e.fcs c.fcs d.fcs # no bytes of a stream among those of the message
	[[ $output == *"is 'a\\x1b]0;pwned\\x07\\x1b[2J' in c.fcs and 'b\\x1b[2J\\xc2\\x9b1m' in d.fcs"* ]]
	[[ $output != *$'\e'* ]]
}

@test "fuse: two models of one name are refused" {
	stream() { # stream NAME TOKENIZER-OF-SOURCES NAME...
		echo "{\"kind\": \"dists\", \"tokenizer\": 7, \"n_vocab\": 9, \"top_k\": 2, \"sources\": $2}" | mkstream >"$1"
	}
	stream a '["x"]'
	stream b '["y", "x"]' # of other fingerprints than a's
	run -1 fc-align fuse -q a b
	[[ $output == *"the streams together: two sources are called 'x'"* ]]
	fc-align fuse -q a a >f # control: the same model twice
	[ "$(fc-view f | grep -c ^source)" = 1 ]
}

@test "fuse: with rows at every token, labels are the trained tokens alone" {
	kit="$FC_ROOT/pipelines/demo/kit/pivot"
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 8 --seed 3 >in.jsonl
	for m in a b; do fc-infer -q --all-rows -k 5 -m "$kit" --name $m -o $m.fcs in.jsonl; done
	fc-infer -q -k 5 -m "$kit" --name a -o plain.fcs in.jsonl
	for how in "--rule average" "--rule avgce" "--per token" "--per turn"; do
		# shellcheck disable=SC2086 # words
		fc-align fuse -q $how -o f.fcs a.fcs b.fcs
		records f.fcs >f
		records plain.fcs >plain
		python3 - <<-'END'
			import json
			fused, plain = ([json.loads(l) for l in open(n)] for n in ("f", "plain"))
			assert len(fused) == len(plain) == 8
			for x, p in zip(fused, plain):
			    rows = {r["token"]: r for r in x["rows"]}
			    assert len(rows) == len(x["tokens"]) - 1, "rows at every token"
			    starts = [0] + x["ends"][:-1]
			    label = [t for t, is_trained in enumerate(x["trained"]) if is_trained and t in rows]
			    assert x["n_label"] == len(label) == p["n_label"] < len(rows)
			    assert x["label_bytes"] == sum(x["ends"][t] - starts[t] for t in label) == p["label_bytes"]
			    nll = -sum(rows[t]["true_logprob"] for t in label)
			    assert abs(x["nll"] - nll) < 1e-3 * (1 + nll), (x["nll"], nll)
		END
	done
}
