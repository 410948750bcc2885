#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../helper

mkstream() { "$FC_ROOT/$B/fixture/mkstream"; }
kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
F() { echo "$BATS_FILE_TMPDIR/$1"; }

# stream ID=BYTES:NATS...: one label a conversation, of that many bytes; odd ids are of skill x
stream() {
	{
		echo '{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 1, "sources": ["a"]}'
		local c id bytes nats
		for c; do
			id=${c%%=*} bytes=${c#*=} nats=${c#*:}
			bytes=${bytes%:*}
			printf '{"id": "%s", "meta": {"skill": "%s"}, "text": "%s%0*d", "nll": %s, "n_label": 1, "label_bytes": %d, "tokens": [[0,0,0],[1,%d,1]], "rows": [[1, -%s, [[1, -%s]]]]}\n' \
				"$id" "$([ $((${id#c} % 2)) = 1 ] && echo x || echo y)" "${text:-}" "$bytes" 0 "$nats" "$bytes" "$bytes" "$nats" "$nats"
		done
	} | mkstream
}

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	stream c1=10:8 c2=20:12 c3=30:30 c4=40:24 c5=10:9 c6=20:16 >a.fcs
	stream c1=10:6 c2=20:11 c3=30:31 c4=40:20 c5=10:7 c6=20:16 >b.fcs
	stream c6=20:15 c5=10:8 c4=40:22 c3=30:28 c2=20:10 c1=10:7 >c.fcs
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n 80 --seed 4 >talk.jsonl
	for m in pivot strings facts; do
		fc-infer -q -m "$(kit $m)" -p "$(kit pivot)" -k 1 --dtype f32 -o $m.fcs talk.jsonl
	done
}

cell() { # cell FILE MODEL COLUMN [GROUP]
	awk -F'\t' -v m="$2" -v c="$3" -v g="${4:-all}" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next }
		$1 == m && $2 == g { print $k; exit }' "$1"
}
near() { awk -v a="$1" -v b="$2" -v d="${3:-1e-8}" 'BEGIN { e = a - b; exit !(a != "" && e < d && e > -d) }'; }

@test "ppl: a difference by hand, wins, order of conversations" {
	cd "$BATS_FILE_TMPDIR"
	fc-eval ppl --format tsv a.fcs b.fcs new=c.fcs >"$BATS_TEST_TMPDIR/t"
	cd "$BATS_TEST_TMPDIR"
	# nats 99, 91, 90 over 130 bytes
	near "$(cell t a.fcs bits_per_byte)" 1.098667762
	near "$(cell t b.fcs difference)" -0.0887812333
	near "$(cell t new difference)" -0.0998788874
	[ "$(cell t b.fcs against),$(cell t a.fcs against)" = "a.fcs," ]
	[ "$(cell t b.fcs better),$(cell t b.fcs worse),$(cell t b.fcs equal)" = 4,1,1 ]
	[ "$(cell t new better),$(cell t new worse)" = 6,0 ]
	[ "$(cell t a.fcs better),$(cell t a.fcs p)" = , ]
	[ "$(cell t a.fcs conversations),$(cell t a.fcs bytes),$(cell t new left_out),$(cell t new bytes_left_out)" = 6,130,0,0 ]
	# Holm of two: the smaller p doubled, the larger at least that
	python3 - t <<-'END'
		import csv, sys
		p, h = zip(*[(float(r["p"]), float(r["p_holm"])) for r in csv.DictReader(open(sys.argv[1]), delimiter="\t") if r["p"]])
		assert len(p) == 2 and abs(min(h) - min(1, 2 * min(p))) < 1e-8 and max(h) >= max(p), (p, h)
	END
	# linearized error of d = nats_b - nats_a, here from the formula: (t(.975) + t(.8)) sqrt(n/(n-1) sum z^2), 5 degrees
	python3 - "$(cell t b.fcs detectable)" <<-'END'
		import math, sys
		d, b = [-2, -1, 1, -4, -2, 0], [10, 20, 30, 40, 10, 20]
		r = sum(d) / sum(b)
		v = 6 / 5 * sum(((x - r * y) / sum(b)) ** 2 for x, y in zip(d, b)) / math.log(2) ** 2
		want = (2.5705818356363155 + 0.9195437801522386) * math.sqrt(v)
		assert abs(float(sys.argv[1]) / want - 1) < 1e-6, want
	END
}

@test "ppl: what it means in words, within 80 columns" {
	fc-eval ppl pivot="$(F pivot.fcs)" facts="$(F facts.fcs)" model-of-longer-name22="$(F strings.fcs)" >t
	[ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' t)" -le 80 ]
	tr '\n' ' ' <t | grep -qE 'facts is worse than pivot by 0\.[0-9]{4} \[0\.[0-9]{4}, 0\.[0-9]{4}\] bits a byte; this set shows differences from 0\.[0-9]{4} on\.'
	tr '\n' ' ' <t | grep -q '80 conversations, [0-9]* bytes that all have scored. Brackets: 95 % of 10000 draws of conversations.'
	fc-eval ppl facts="$(F facts.fcs)" pivot="$(F pivot.fcs)" | tr '\n' ' ' | grep -qE 'pivot is better than facts by 0\.'
	fc-eval ppl --baseline pivot facts="$(F facts.fcs)" pivot="$(F pivot.fcs)" | tr '\n' ' ' | grep -q 'facts is worse than pivot'
	fc-eval ppl x="$(F a.fcs)" y="$(F b.fcs)" | tr '\n' ' ' | grep -q 'Between y and x no difference shows: -0.0888 \[-0'
	cp "$(F a.fcs)" copy.fcs
	fc-eval ppl x="$(F a.fcs)" y=copy.fcs | grep -q '^y is as good as x on each of 6 conversations\.$'
	fc-eval ppl --resamples 0 x="$(F a.fcs)" y="$(F c.fcs)" | tr '\n' ' ' | grep -q 'y is better than x by 0.0999 bits a byte; how much of that is chance is not known; this set'
}

@test "ppl: the same figures in all formats, for any number of threads, from a pipe" {
	for j in 1 2 5; do fc-eval ppl -j $j --by skill --format tsv p="$(F pivot.fcs)" f="$(F facts.fcs)" >t$j; done
	cmp t1 t2
	cmp t1 t5
	fc-eval ppl --by skill --format tsv p=- f=<(cat "$(F facts.fcs)") <"$(F pivot.fcs)" | cmp - t1
	fc-eval ppl --by skill --format json p="$(F pivot.fcs)" f="$(F facts.fcs)" >j
	[ "$(jq -r 'select(.model == "f" and .group == "facts") | .difference_low' j)" = "$(cell t1 f difference_low facts)" ]
	[ "$(jq -r 'select(.model == "p" and .group == "all") | .difference' j)" = null ]
	fc-eval ppl --by skill --format tsv --seed 1 p="$(F pivot.fcs)" f="$(F facts.fcs)" >s
	[ "$(cell s f difference)" = "$(cell t1 f difference)" ]
	[ "$(cell s f difference_low)" != "$(cell t1 f difference_low)" ]
	# one stream alone says the same of itself
	fc-eval ppl --by skill --format tsv "$(F facts.fcs)" >one
	near "$(cell t1 f bits_per_byte strings)" "$(awk -F'\t' '$2 == "strings" { print $22 }' one)"
}

@test "ppl: seeds of one model" {
	A=$(F a.fcs) B1=$(F b.fcs) C=$(F c.fcs)
	fc-eval ppl --format tsv base="$A" new="$B1,$C" >t
	fc-eval ppl --format tsv new="$B1" base="$A" new="$C" --baseline base | grep '^new' | cmp - <(grep '^new' t)
	near "$(cell t new difference)" -0.0943300604 # the mean of both
	[ "$(cell t new streams),$(cell t base streams)" = 2,1 ]
	# more is not known of two seeds than of one, whose spread nobody sees
	fc-eval ppl --format tsv base="$A" b="$B1" c="$C" >one
	awk -v two="$(cell t new detectable)" -v one="$(cell one c detectable)" 'BEGIN { exit !(two > one) }'
	fc-eval ppl base="$A" new="$B1,$C" | tr '\n' ' ' | grep -q 'draws of conversations and of seeds\.'
	# seeds of one model alone
	fc-eval ppl --format tsv new="$B1,$C" >alone
	[ "$(wc -l <alone)" -eq 2 ]
	near "$(cell alone new bits_per_byte)" 1.0043377015
	[ -n "$(cell alone new bits_per_byte_low)" ]
}

@test "ppl: only bytes count that all have scored" {
	# the same model, cut: on what is left of it the same figure, but for float16
	fc-infer -q -m "$(kit pivot)" -k 1 --dtype f32 --long truncate --max-length 24 -o cut.fcs "$(F talk.jsonl)"
	fc-eval ppl --format tsv whole="$(F pivot.fcs)" cut=cut.fcs >t
	fc-eval ppl --format tsv cut.fcs >own
	[ "$(cell t whole bytes_left_out)" -gt 100 ]
	[ "$(cell t cut bytes_left_out)" = 0 ]
	[ "$(cell t cut bytes)" = "$(cell own cut.fcs bytes)" ]
	near "$(cell t cut bits_per_byte)" "$(cell own cut.fcs bits_per_byte)"
	near "$(cell t cut difference)" 0 1e-4
	fc-eval ppl whole="$(F pivot.fcs)" cut=cut.fcs | tr '\n' ' ' | grep -q "Left out: $(cell t whole bytes_left_out) bytes of whole"
	# another tokenizer, cut elsewhere
	fc-infer -q -m "$(kit strings)" -p "$(kit pivot)" -k 1 --dtype f32 --long truncate --max-length 24 -o other.fcs "$(F talk.jsonl)"
	fc-eval ppl --format tsv cut=cut.fcs other=other.fcs >t
	[ "$(cell t cut bytes)" -gt 0 ]
	[ "$(cell t cut bytes_left_out)" -gt 0 ]
	# a conversation that one of them lacks
	head -n 70 "$(F talk.jsonl)" | fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 1 --dtype f32 -o less.fcs
	fc-eval ppl --format tsv p="$(F pivot.fcs)" f=less.fcs >t
	[ "$(cell t f conversations),$(cell t f left_out),$(cell t f bytes_left_out)" = 70,10,0 ]
	[ "$(cell t p bytes_left_out)" -gt 0 ]
	fc-eval ppl p="$(F pivot.fcs)" f=less.fcs | tr '\n' ' ' | grep -q ' bytes of p, with 10 conversations\.'
}

@test "ppl: categories are strata, and have their own lines" {
	fc-eval ppl --by skill --format tsv a="$(F a.fcs)" b="$(F b.fcs)" >t
	[ "$(cut -f2 t | paste -sd' ')" = "group all all x x y y" ]
	near "$(cell t b difference x)" -0.0865617025 # (-2 + 1 - 2) / 50 bytes
	[ "$(cell t b conversations y)" = 3 ]
	fc-eval ppl --format tsv a="$(F a.fcs)" b="$(F b.fcs)" >u
	[ "$(cell t b difference)" = "$(cell u b difference)" ]
	[ "$(cell t b difference_low)" != "$(cell u b difference_low)" ]
	fc-eval ppl --by skill a="$(F a.fcs)" b="$(F b.fcs)" >text
	[ "$(grep -cE '^(all|x|y)$' text)" -eq 3 ]
}

@test "ppl: one conversation, none in common, doubled, another text, no labels" {
	stream c1=10:8 >one.fcs
	stream c1=10:9 >two.fcs
	fc-eval ppl --format tsv a=one.fcs b=two.fcs >t
	near "$(cell t b difference)" 0.1442695041
	[ "$(cell t b difference_low),$(cell t b p),$(cell t b detectable)" = ,, ]
	fc-eval ppl a=one.fcs b=two.fcs | grep -q 'b is worse than a by 0.1443 bits a byte; how much of that is chance is'
	stream c7=10:8 >seven.fcs
	run -1 fc-eval ppl one.fcs seven.fcs
	[[ $output == *"one.fcs, seven.fcs have no conversations in common by their ids"* ]]
	fc-eval ppl --each --format tsv one.fcs seven.fcs | cut -f1 | paste -sd' ' | grep -qx 'stream one.fcs seven.fcs'
	stream c1=10:8 c1=10:9 >twice.fcs
	run -1 fc-eval ppl one.fcs twice.fcs
	[[ $output == *"twice.fcs: 'c1' comes twice"* ]]
	text=z stream c1=10:9 >text.fcs
	run -1 fc-eval ppl one.fcs text.fcs
	[[ $output == *"text.fcs: 'c1' has another text"*"fc-infer -p"*"than in one.fcs"* ]]
	# labels elsewhere in the same text
	echo '{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 1, "sources": ["a"]}
		{"id": "c1", "text": "0123456789", "nll": 1, "n_label": 1, "label_bytes": 4, "tokens": [[0,0,0],[1,4,1],[2,10,0]], "rows": [[1, -1, [[1, -1]]]]}' | mkstream >left.fcs
	echo '{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 1, "sources": ["a"]}
		{"id": "c1", "text": "0123456789", "nll": 1, "n_label": 1, "label_bytes": 6, "tokens": [[0,0,0],[1,4,0],[2,10,1]], "rows": [[2, -1, [[2, -1]]]]}' | mkstream >right.fcs
	run -1 fc-eval ppl left.fcs right.fcs
	[[ $output == *"left.fcs, right.fcs have scored no byte in common"* ]]
	[ ! -e t2 ]
	run -1 fc-eval ppl -o t2 left.fcs right.fcs
	[ ! -e t2 ]
}

@test "exact: right and wrong answers in pairs" {
	for m in pivot facts; do
		fc-eval exact --match last-word --format json "$(F $m.fcs)" | jq -r .right >$m.right
	done
	fc-eval exact --match last-word --by skill --format tsv p="$(F pivot.fcs)" f="$(F facts.fcs)" >t
	near "$(cell t p accuracy)" "$(awk '{ print $1 / 80 }' pivot.right)"
	near "$(cell t f accuracy)" "$(awk '{ print $1 / 80 }' facts.right)"
	# better - worse is the difference, and p is the binomial test's
	python3 - t <<-'END'
		import csv, math, sys
		for r in csv.DictReader(open(sys.argv[1]), delimiter="\t"):
		    if not r["p"]:
		        continue
		    n, b, c = (int(r[k]) for k in ("conversations", "better", "worse"))
		    assert abs((b - c) / n - float(r["difference"])) < 1e-8 and b + c + int(r["equal"]) == n
		    p = min(1, 2 * sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c))
		    assert abs(p - float(r["p"])) < 1e-7, (p, r)
		    low, high = float(r["difference_low"]), float(r["difference_high"])
		    x, y = (b + 1) / (n + 2), (c + 1) / (n + 2)
		    half = 1.959963984540054 * math.sqrt((x + y - (x - y) ** 2) / (n + 2))
		    assert abs(low - max(-1, x - y - half)) < 1e-7 and abs(high - min(1, x - y + half)) < 1e-7, r
	END
	fc-eval exact --match last-word p="$(F pivot.fcs)" f="$(F facts.fcs)" | tr '\n' ' ' | grep -qE ' in accuracy; this set shows differences from 0\.[0-9]{3} on\.'
}

@test "mc: choices in pairs, by the measure that is asked for" {
	for i in $(seq 1 12); do
		echo '{"id": "'"$i"'", "question": "Reverse a-b-'"$i"'.", "choices": ["It is '"$i"'-b-a.", "It is a-b-'"$i"'."], "gold": '$((i % 2))'}'
	done >tasks.jsonl
	fc-eval mc-questions tasks.jsonl >q.jsonl
	for m in pivot facts; do fc-infer -q -m "$(kit $m)" -p "$(kit pivot)" -k 1 -o $m.fcs q.jsonl; done
	for measure in acc acc_norm brier_score; do
		for m in pivot facts; do fc-eval mc --format json $m.fcs | jq .$measure >$m.$measure; done
		fc-eval mc --measure $measure --format tsv p=pivot.fcs f=facts.fcs >t
		near "$(cell t p $measure)" "$(cat pivot.$measure)"
		near "$(cell t f $measure)" "$(cat facts.$measure)"
	done
	[ "$(cell t f tasks)" = 12 ]
	fc-eval mc --measure brier_score p=pivot.fcs f=facts.fcs | tr '\n' ' ' | grep -q ' in brier_score'
	run -1 fc-eval mc --measure acc_mutual_info pivot.fcs facts.fcs
	[[ $output == *"its acc_mutual_info is not known; fc-eval mc-questions --unconditional"* ]]
	jq -c '.gold = 1 - .gold' tasks.jsonl | fc-eval mc-questions | fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 1 -o turned.fcs
	run -1 fc-eval mc pivot.fcs turned.fcs
	[[ $output == *"has other choices than in pivot.fcs"* ]]
}

@test "mc: of an average, a choice that has a token without a row has no likelihood" {
	echo '{"id": "1", "question": "Where does Ana live?", "choices": ["Ana lives in Oslo.", "Ana lives in Rome."], "gold": 0}' |
		fc-eval mc-questions --chat >q.jsonl
	fc-infer -q -m "$(kit pivot)" -o pivot.fcs q.jsonl
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" q.jsonl |
		fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" -o facts.fcs
	fc-align fuse -q --rule average --no-pivot -o average.fcs pivot.fcs facts.fcs
	[ "$(fc-view --jsonl average.fcs | jq -s 'map((.rows | length) < (.trained | add)) | any')" = true ]
	run -1 fc-eval mc average.fcs
	[[ $output == *"average.fcs: conversation '1/1': tokens of the choice have no row, so its likelihood is not known"* ]]
	# what was carried over has its own model's
	fc-eval mc facts.fcs
}

answers() { # ID=ANSWER...: the right answer is the id
	local a
	for a; do
		echo '{"id": "'"${a%=*}"'", "answer": "'"${a%=*}"'", "skill": "s", "messages": [{"role": "user", "content": "'"${ask:-}${a%=*}"'?"}, {"role": "assistant", "content": "'"${a#*=}"'"}]}'
	done
}

@test "accuracy --compare: answers in pairs, with references inside or beside" {
	answers 1=1 2=2 3=0 4=0 5=5 6=0 7=0 8=0 >a
	answers 8=8 7=7 6=6 5=5 4=4 3=3 2=0 1=1 >b
	fc-eval accuracy --compare --format tsv a b >t
	[ "$(cell t a accuracy),$(cell t b accuracy),$(cell t b difference)" = 0.375,0.875,0.5 ]
	[ "$(cell t b better),$(cell t b worse),$(cell t b p)" = 5,1,0.21875 ]
	fc-eval accuracy --format tsv a | tail -n 1 | cut -f4 | grep -qx 0.375
	answers 1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 | jq -c 'del(.answer)' >refs
	for f in a b; do jq -c 'del(.answer)' $f >$f.bare; done
	fc-eval accuracy --compare --references refs --format tsv a=a.bare b=b.bare | cmp - t
	# a model's two samples are seeds: no exact test of means
	cp b b2
	fc-eval accuracy --compare --format tsv a b=b,b2 >u
	[ "$(cell u b streams),$(cell u b difference)" = 2,0.5 ]
	[ "$(cell u b p)" != "$(cell t b p)" ]
	# one answer is missing; another question; another reference
	tail -n 7 b >short
	fc-eval accuracy --compare --format tsv a short >t
	[ "$(cell t a conversations),$(cell t a left_out)" = 7,1 ]
	ask=why answers 1=1 >other
	run -1 fc-eval accuracy --compare a other
	[[ $output == *"other: '1' has another question or reference than in a"* ]]
	run -2 fc-eval accuracy --compare a
	run -2 fc-eval accuracy --references refs a
	run -2 fc-eval accuracy --baseline a a b
}

@test "accuracy --compare: what a program says of each file's answers" {
	answers 1=1 2=2 3=0 4=0 5=5 6=0 7=0 8=0 >a
	answers 8=8 7=7 6=6 5=5 4=4 3=3 2=0 1=1 >b
	fc-eval accuracy --compare --by skill --format tsv a b >t
	for f in a b; do jq -c 'del(.answer)' $f >$f.bare; done
	answers 1= 2= 3= 4= 5= 6= 7= 8= | jq -c '.messages |= .[:1] | del(.answer)' >questions
	check='echo run >>runs; jq "if .messages[-1].content == .id then 1 else 0.5 end"'
	fc-eval accuracy --compare --match program --program "$check" --by skill --format tsv a=a.bare b=b.bare | cmp - t
	# once a file
	[ "$(wc -l <runs)" -eq 2 ]
	fc-eval accuracy --compare --match program --program "$check" --references questions --by skill --format tsv a=a.bare b=b.bare | cmp - t
	run -1 fc-eval accuracy --compare --match program --program 'head -n 1 | jq 1' a b
	[[ $output == *"--program on a writes 1 numbers for 8 answers"* ]]
	run -1 fc-eval accuracy --compare --match program --program 'jq -r "if .messages[-1].content == \"7\" then \"?\" else 1 end"' a b
	[[ $output == *"--program on b: line 2, of the answer at b:2: '?' is no number"* ]]
	ask=why answers 1=1 >other
	run -1 fc-eval accuracy --compare --match program --program "$check" a other
	[[ $output == *"other: '1' has another question or reference than in a"* ]]
}

@test "operands: names of models, files with an equals sign, what is wrong" {
	cp "$(F a.fcs)" x=y.fcs
	cp "$(F b.fcs)" b.fcs
	fc-eval ppl --format tsv ./x=y.fcs b.fcs | cut -f1 | paste -sd' ' | grep -qx 'model ./x=y.fcs b.fcs'
	# one stream may have a name
	fc-eval ppl --format tsv n=b.fcs | cut -f1 | paste -sd' ' | grep -qx 'stream n'
	run -2 fc-eval ppl =b.fcs ./x=y.fcs
	[[ $output == *"has no name before its \"=\""*"./=b.fcs"* ]]
	run -2 fc-eval ppl n=b.fcs, ./x=y.fcs
	[[ $output == *"'n=b.fcs,' has an empty name of a file"* ]]
	run -2 fc-eval ppl b.fcs n=b.fcs
	[[ $output == *"b.fcs is given twice"* ]]
	run -2 fc-eval ppl a=- b=-
	[[ $output == *"can be read only once"* ]]
	run -2 fc-eval ppl --baseline c a=b.fcs ./x=y.fcs
	[[ $output == *"--baseline c: none of what is compared has that name"* ]]
	answers 1=1 >one
	answers 1=2 >two
	run -2 fc-eval accuracy --compare -o one n=one two
	[[ $output == *"--output one: is one, which is read"* ]]
	fc-eval accuracy --compare one two | grep -q '^1 conversation that all have scored'
	fc-eval accuracy --compare one two | tr '\n' ' ' | grep -q 'this set is too small to show any difference'
	run -1 fc-eval ppl n=none.fcs b.fcs
	[[ $output == *none.fcs* ]]
}
