#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load align

@test "map: a tokenizer to itself is the identity" {
	fc-align map -q -p "$(F P)" -s "$(F P)" "$(F chats.jsonl)" >map.fcs
	records map.fcs | jq -es 'length == 300 and all(.source == .pivot and .chosen)'
	for kind in exact mined bytes; do
		fc-align map -q --kind $kind -p "$(F P)" -s "$(F P)" | records | jq -es 'length == 300 and all(.source == .pivot)'
	done
}

@test "map: bytes, roles and what tokens start with" {
	cd "$BATS_FILE_TMPDIR" || return
	id() { jq --arg t "$2" '.model.vocab[$t] // (.added_tokens[] | select(.content == $t) | .id)' "$1/tokenizer.json"; }
	to() { records S.map.fcs | jq "select(.source == $1 and .chosen) | .pivot"; }
	[ "$(to "$(id S '</s>')")" -eq "$(id P '<|eot|>')" ]
	[ "$(to "$(id S '<0x41>')")" -eq "$(id P A)" ]
	[ "$(to "$(id S '<0x0A>')")" -eq "$(id P Ċ)" ]
	[ -z "$(to "$(id S '<s>')")" ]
	# of every other token the pivot's begins with the same byte
	records S.map.fcs | jq -r 'select(.chosen) | "\(.source) \(.pivot)"' >pairs
	python3 - <<-'END'
		import json
		def words(folder, space):
		    t = json.load(open(folder + "/tokenizer.json"))
		    special = {a["id"] for a in t["added_tokens"]}
		    return {i: p.replace(space, " ") for p, i in t["model"]["vocab"].items() if i not in special}
		s, p = words("S", "▁"), words("P", "Ġ")
		n = 0
		for line in open("pairs"):
		    a, b = map(int, line.split())
		    if a in s and not s[a].startswith("<0x"):
		        assert s[a].startswith(p[b]) or p[b].startswith(s[a]), (s[a], p[b])
		        n += 1
		assert n > 100
	END
}

@test "map: the same from conversations and from streams of either tokenizer" {
	cd "$BATS_FILE_TMPDIR" || return
	fc-align map -q --no-history -p P -s S <chats.jsonl >"$BATS_TEST_TMPDIR/a"
	fc-align map -q --no-history --tokens -p P -s S S.fcs >"$BATS_TEST_TMPDIR/b"
	fc-align map -q --no-history --tokens -p P -s S P.fcs >"$BATS_TEST_TMPDIR/c"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/c"
	fc-align map -q --no-history -j 1 -n 2 -p P -s S chats.jsonl >"$BATS_TEST_TMPDIR/d"
	head -n 2 chats.jsonl | fc-align map -q --no-history -j 2 -p P -s S - >"$BATS_TEST_TMPDIR/e"
	cmp "$BATS_TEST_TMPDIR/d" "$BATS_TEST_TMPDIR/e"
	run -1 cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/d"
}

@test "map: maps of shards add up" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	fc-align map -q --no-history -p P -s S -o "$d/whole" chats.jsonl
	split -n r/3 chats.jsonl "$d/shard."
	for i in aa ab ac; do
		fc-align map -q --no-history -p P -s S -o "$d/$i" "$d/shard.$i"
	done
	fc-align map -q --no-history --merge -p P -s S -o "$d/merged" "$d/aa" "$d/ab" "$d/ac"
	cmp "$d/whole" "$d/merged"
	run -1 cmp "$d/whole" "$d/aa"
	# put together with cat they decide in the same way
	cat "$d/aa" "$d/ab" "$d/ac" >"$d/cat"
	fc-align apply -q --no-history -p P -m "$d/whole" -o "$d/a" S.fcs
	fc-align apply -q --no-history -p P -m "$d/cat" -o "$d/b" S.fcs
	cmp "$d/a" "$d/b"
	run -1 fc-align map -q --merge -p P -s S "$d/aa" Q.map.fcs
	[[ $output == *"Q.map.fcs maps from another tokenizer"* ]]
}

@test "map: kinds that need no conversations" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	for kind in exact mined bytes; do
		fc-align map --kind $kind -p P -s S -o "$d/$kind" 2>"$d/note"
		grep -q 'source tokens' "$d/note"
		records "$d/$kind" >"$d/$kind.jsonl"
	done
	jq -es 'all(.rule == "role" or .rule == "bytes")' "$d/exact.jsonl"
	jq -es 'any(.rule == "near")' "$d/mined.jsonl"
	jq -es 'any(.rule == "first")' "$d/bytes.jsonl"
	# the nearest by brute force
	python3 - "$d/mined.jsonl" <<-'END'
		import json, sys
		def lev(a, b):
		    row = list(range(len(b) + 1))
		    for i, x in enumerate(a, 1):
		        new = [i]
		        for j, y in enumerate(b, 1):
		            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
		        row = new
		    return row[-1]
		def words(folder, space):
		    t = json.load(open(folder + "/tokenizer.json"))
		    special = {a["id"] for a in t["added_tokens"]}
		    return {i: p.replace(space, " ").replace("Ċ", "\n") for p, i in t["model"]["vocab"].items()
		            if i not in special}
		s, p = words("S", "▁"), words("P", "Ġ")
		n = 0
		for line in open(sys.argv[1]):
		    e = json.loads(line)
		    if e["rule"] != "near" or s[e["source"]].startswith("<0x"):
		        continue
		    word = s[e["source"]]
		    assert (lev(word, p[e["pivot"]]), e["pivot"]) == min((lev(word, t), i) for i, t in p.items()), e
		    n += 1
		assert n > 5, n
	END
	fc-align map -q --kind mined --spelling raw -p P -s S -o "$d/raw"
	run -1 cmp <(records "$d/mined") <(records "$d/raw")
	run -2 fc-align map --kind mined -p P -s S chats.jsonl
	run -2 fc-align map --kind bytes --spelling raw -p P -s S
	run -2 fc-align map --merge -p P -s S
	run -2 fc-align map --kind exact --merge -p P -s S S.map.fcs
	# what would be ignored is refused
	for kind in exact mined bytes; do
		run -2 fc-align map --kind $kind --template chatml -p P -s S
		[[ $output == *"--template, --tokens and -n are for conversations, which --kind but stats reads none of"* ]]
		run -2 fc-align map --kind $kind --tokens -p P -s S
		run -2 fc-align map --kind $kind -n 5 -p P -s S
	done
	run -2 fc-align map --merge --template chatml -p P -s S S.map.fcs
	[[ $output == *"which --merge reads none of"* ]]
}

@test "map: bad input is named" {
	run -1 fc-align map -p nowhere -s "$(F S)" "$(F chats.jsonl)"
	[[ $output == *nowhere* ]]
	{ head -n 1 "$(F chats.jsonl)"; echo '{"messages": 1}'; } >bad.jsonl
	run -1 fc-align map -p "$(F P)" -s "$(F S)" -o out bad.jsonl
	[[ $output == *"bad.jsonl:2"* ]]
	[ ! -e out ]
	run -1 fc-align map --tokens -p "$(F P)" -s "$(F S)" -o out "$(F S.map.fcs)"
	[[ $output == *"vocabulary map"* ]]
}

@test "apply: a tokenizer onto itself changes nothing, with and without a map" {
	fc-align apply -q -p "$(F P)" <"$(F P.fcs)" >same.fcs
	cmp <(records same.fcs) <(records "$(F P.fcs)")
	fc-align map -q -p "$(F P)" -s "$(F P)" -o map.fcs "$(F chats.jsonl)"
	fc-align apply -q -p "$(F P)" -m map.fcs "$(F P.fcs)" >same.fcs
	cmp <(records same.fcs) <(records "$(F P.fcs)")
}

@test "apply: tokens are the pivot's own, rows stand where both begin a token" {
	cd "$BATS_FILE_TMPDIR" || return
	local part='{id, text, tokens, ends, trained, roles, parts, segments}'
	cmp <(records S.aligned.fcs | jq -c "$part") <(records P.fcs | jq -c "$part")
	cmp <(records Q.aligned.fcs | jq -c "$part") <(records P.fcs | jq -c "$part")
	cmp <(records S.aligned.fcs | jq -c '{nll, n_label, label_bytes, source}') \
		<(records S.fcs | jq -c '{nll, n_label, label_bytes, source}')
	for s in S Q; do
		paste -d '\n' <(records $s.fcs) <(records $s.aligned.fcs) >both
		python3 - <<-'END'
			import json
			n = 0
			lines = [json.loads(l) for l in open("both")]
			for s, p in zip(lines[::2], lines[1::2]):
			    start = lambda x, t: x["ends"][t - 1] if t else 0
			    at = {start(s, r["token"]) for r in s["rows"]}
			    rows = {start(p, r["token"]) for r in p["rows"]}
			    trained = {start(p, t) for t, f in enumerate(p["trained"]) if f}
			    assert rows == at & trained, s["id"]
			    n += len(rows)
			assert n > 500
		END
	done
}

@test "apply: byte-exact, rows stand inside the source's tokens too" {
	cd "$BATS_FILE_TMPDIR" || return
	local part='{id, meta, text, tokens, ends, trained, roles, parts, segments}'
	for s in S Q; do
		cmp <(records $s.bytes.fcs | jq -c "$part") <(records P.fcs | jq -c "$part")
		cmp <(records $s.bytes.fcs | jq -c '{nll, n_label, label_bytes, source}') \
			<(records $s.fcs | jq -c '{nll, n_label, label_bytes, source}')
		fc-align apply -q --known 0 -p P -s $s $s.fcs >"$BATS_TEST_TMPDIR/all.fcs"
		# no trained token is without a row, and what rows hold is a distribution
		records "$BATS_TEST_TMPDIR/all.fcs" | jq -es 'all((.trained | add) == (.rows | length) and
			all(.rows[]; (.logprobs | map(exp) | add) < 1.002))'
		[ "$(records $s.bytes.fcs | jq -s 'map(.rows | length) | add')" -gt \
			"$(records $s.aligned.fcs | jq -s 'map(.rows | length) | add')" ]
	done
}

@test "apply: byte-exact needs the source's own tokenizer" {
	cd "$BATS_FILE_TMPDIR" || return
	run -1 fc-align apply -p P -s Q S.fcs
	[[ $output == *"S.fcs is over the tokens of another tokenizer than Q"* ]]
	run -1 fc-align apply -p P -s nowhere S.fcs
	[[ $output == *nowhere* ]]
	run -2 fc-align apply -p P -s S -m S.map.fcs S.fcs
	run -2 fc-align apply -p P -s S --known 2 S.fcs
	run -2 fc-align apply -p P -m S.map.fcs --known 0 S.fcs
	[[ $output == *"--known is for a byte-exact transfer"* ]]
	fc-align apply -p P -s S S.fcs 2>&1 >/dev/null | grep -q 'probability arrived'
}

@test "apply: the published alignments and transfers" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	fc-align map -q --align dtw-fusechat2 --choose published -p P -s S -o "$d/ms" chats.jsonl
	records "$d/ms" | jq -es 'all(.rule == "published" or (.chosen | not))'
	fc-align map -q --kind mined --spelling raw -p P -s S -o "$d/mined"
	fc-align apply -q --align dtw-fusechat2 -p P -s S -m "$d/ms" S.fcs -o "$d/two"
	fc-align apply -q --align dtw-fusechat1 -p P -s S -m "$d/ms" S.fcs -o "$d/one"
	fc-align apply -q --align dtw-fusellm --match soft -p P -s S -m "$d/mined" S.fcs -o "$d/soft"
	fc-align apply -q --align dtw-fusellm --match hard -p P -s S S.fcs -o "$d/hard"
	for x in two one soft hard; do
		fc-view --verify "$d/$x"
		records "$d/$x" | jq -es 'all(.[].rows[]; (.logprobs | map(exp) | add) < 1.002) and
			(map(.rows | length) | add) > 100'
	done
	run -1 cmp <(records "$d/two") <(records "$d/one")
	run -1 cmp <(records "$d/soft") <(records "$d/hard")
	# a tokenizer with itself: every row where it was
	for align in dtw-fusechat2 dtw-fusechat1; do
		fc-align apply -q --align $align -p P -s P -m <(fc-align map -q --kind exact -p P -s P) P.fcs -o "$d/self"
		cmp <(records P.fcs | jq -c '[.rows[] | {token, ids, logprobs}]') \
			<(records "$d/self" | jq -c '[.rows[] | {token, ids, logprobs}]')
	done
	# maps of shards by the published formula: merged, or refused
	head -n 30 chats.jsonl | fc-align map -q --align dtw-fusechat2 --choose published -p P -s S -o "$d/1"
	tail -n 30 chats.jsonl | fc-align map -q --align dtw-fusechat2 --choose published -p P -s S -o "$d/2"
	fc-align map -q --merge --choose published -p P -s S -o "$d/12" "$d/1" "$d/2"
	cmp <(records "$d/12") <(records "$d/ms")
	cat "$d/1" "$d/2" >"$d/cat"
	run -1 fc-align apply -q --align dtw-fusechat2 -p P -s S -m "$d/cat" S.fcs
	[[ $output == *"--merge"* ]]
	run -2 fc-align apply --align dtw-fusechat2 -p P -s S S.fcs
	run -2 fc-align apply --align dtw-fusellm -p P -s S -m "$d/ms" S.fcs
	run -2 fc-align apply --match hard -p P -s S S.fcs
	run -2 fc-align map --kind mined --align dtw-fusellm -p P -s S
}

@test "apply: what stands at tokens without a row" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	fill() { fc-align apply -q -p P -m S.map.fcs "$@" S.fcs -o "$d/$1$2"; records "$d/$1$2" >"$d/filled.jsonl"; }
	records S.aligned.fcs >"$d/bare.jsonl"
	check() { paste -d '\n' "$d/bare.jsonl" "$d/filled.jsonl" | python3 -c '
import json, sys
lines = [json.loads(l) for l in sys.stdin]
n = 0
for bare, x in zip(lines[::2], lines[1::2]):
    own = {r["token"]: r for r in bare["rows"]}
    assert [r["token"] for r in x["rows"]] == [t for t, f in enumerate(x["trained"]) if f]
    for r in x["rows"]:
        t = r["token"]
        if t in own:
            assert r == own[t]
        elif sys.argv[1] != "own":
            want = x["tokens"][t if sys.argv[1] == "next" else t - 1]
            assert (r["ids"], r["logprobs"]) == ([want], [0]), r
            n += 1
assert n > 20 or sys.argv[1] == "own"' "$1"; }
	fill --fallback onehot-next && check next
	fill --fallback onehot-current && check current
	fc-align apply -q -p P -m S.map.fcs --fallback pivot --own P.fcs S.fcs -o "$d/x"
	records "$d/x" >"$d/filled.jsonl"
	check own
	fc-align apply -q -p P -m S.map.fcs --fallback pivot --own <(fc-view --stream -n 3 P.fcs) S.fcs -o "$d/y" || status=$?
	[ "$status" -eq 1 ]
	run -1 fc-align apply -q -p P -m S.map.fcs --fallback pivot --own S.fcs S.fcs
	[[ $output == *"S.fcs is over other tokens"* ]]
	# longer rows of the pivot's are cut to the stream's length; no longer ones with --fallback onehot
	kit=$FC_ROOT/pipelines/demo/kit
	head -n 8 chats.jsonl >few.jsonl
	fc-infer -q -k 9 -m "$kit/pivot" -o "$d/own.fcs" few.jsonl
	for k in 0 2; do
		fc-infer -q -k $k -m "$kit/facts" -p "$kit/pivot" -o "$d/src.fcs" few.jsonl
		fc-align map -q -p "$kit/pivot" -s "$kit/facts" --kind exact -o "$d/map.fcs"
		fc-align apply -q -p "$kit/pivot" -m "$d/map.fcs" --fallback pivot --own "$d/own.fcs" -o "$d/z.fcs" "$d/src.fcs"
		fc-align apply -q -p "$kit/pivot" -m "$d/map.fcs" -o "$d/bare.fcs" "$d/src.fcs"
		python3 - $k <(records "$d/own.fcs") <(records "$d/bare.fcs") <(records "$d/z.fcs") <<-'END'
			import json, sys
			k, n = int(sys.argv[1]), 0
			for own, bare, x in zip(*([json.loads(l) for l in open(f)] for f in sys.argv[2:])):
			    own, bare = ({r["token"]: r for r in y["rows"]} for y in (own, bare))
			    for r in x["rows"]:
			        if r["token"] in bare:
			            assert r == bare[r["token"]]
			            continue
			        o = own[r["token"]]
			        assert (r["ids"], r["logprobs"], r["true_logprob"]) == (o["ids"][:k], o["logprobs"][:k], o["true_logprob"])
			        n += 1
			assert n > 3, n
		END
		fc-align apply -q -p "$kit/pivot" -m "$d/map.fcs" --fallback onehot-next -o "$d/z.fcs" "$d/src.fcs"
		fc-view -q --verify "$d/z.fcs"
	done
	run -2 fc-align apply -p P -m S.map.fcs --fallback pivot S.fcs
	run -2 fc-align apply -p P -m S.map.fcs --own P.fcs S.fcs
}

@test "apply: maps of other tokenizers and other kinds of streams are refused" {
	cd "$BATS_FILE_TMPDIR" || return
	run -1 fc-align apply -p P S.fcs
	[[ $output == *"another tokenizer"*"-s"*"-m"* ]]
	run -1 fc-align apply -p P -m Q.map.fcs S.fcs
	[[ $output == *"Q.map.fcs maps from another tokenizer"* ]]
	run -1 fc-align apply -p Q -m S.map.fcs S.fcs
	[[ $output == *"S.map.fcs maps to another tokenizer"* ]]
	run -1 fc-align apply -p P -m S.fcs S.fcs
	[[ $output == *"S.fcs"* ]]
	run -1 fc-align apply -p P -m S.map.fcs S.map.fcs
	[[ $output == *"vocabulary map"* ]]
	run -1 fc-align apply -p P -m S.map.fcs tokens.fcs
	[[ $output == *"token stream"* ]]
	run -1 fc-align apply -p P -m S.map.fcs </dev/null
	fc-align apply -q -p P -m S.map.fcs S.fcs >/dev/null
}

@test "apply: joined streams come out joined; more entries than there are tokens" {
	cd "$BATS_FILE_TMPDIR" || return
	cat S.fcs S.fcs | fc-align apply -q -p P -m S.map.fcs >"$BATS_TEST_TMPDIR/twice"
	cmp <(records "$BATS_TEST_TMPDIR/twice") <(records S.aligned.fcs S.aligned.fcs)
	fc-align fuse -q --rule average -k 65535 P.fcs S.aligned.fcs | fc-view --verify
}

@test "apply: a cut-off stream ends it, and nothing gets the output's name" {
	cd "$BATS_TEST_TMPDIR" || return
	head -c -30 "$(F S.fcs)" >cut.fcs
	run -1 fc-align apply -q -p "$(F P)" -m "$(F S.map.fcs)" -o out.fcs cut.fcs
	[[ $output == *cut.fcs* ]]
	[ "$(echo *)" = cut.fcs ]
	run -1 bash -c 'fc-align apply -q -p "$1" -m "$2" cut.fcs >half.fcs' - "$(F P)" "$(F S.map.fcs)"
	run -1 fc-view --verify half.fcs
}

@test "apply: a stream without segments is refused" {
	echo '{"id": "q", "text": "ab", "tokens": [[1, 2, 0]]}' >x
	fc-view "$(F P.fcs)" >header
	tokenizer=$(awk '$1 == "tokenizer" { print $2 }' header)
	python3 - "$tokenizer" >x.jsonl <<-'END'
		import sys
		print('{"kind": "dists", "n_vocab": 300, "top_k": 1, "tokenizer": %d}' % (
		    (int(sys.argv[1], 16) + 2**63) % 2**64 - 2**63))
	END
	cat x >>x.jsonl
	mkstream <x.jsonl >x.fcs
	run -1 fc-align apply -p "$(F P)" x.fcs
	[[ $output == *"'q'"*fc-infer* ]]
}

@test "a wrong command line is status 2" {
	run -2 fc-align
	run -2 fc-align merge
	run -2 fc-align map -p P
	run -2 fc-align map -s S
	run -2 fc-align apply x.fcs
	run -2 fc-align apply -p P a b
	run -2 fc-align fuse a.fcs
	run -2 fc-align fuse --rule best a.fcs b.fcs
	run -2 fc-align fuse -k -1 a.fcs b.fcs
	run -0 fc-align --help
	run -0 fc-align fuse --version
}

@test "full disk, closed pipe" {
	cd "$BATS_FILE_TMPDIR" || return
	run -1 bash -c 'fc-align fuse -q a.fcs b.fcs >/dev/full'
	run -1 bash -c 'fc-align apply -q -p P -m S.map.fcs S.fcs >/dev/full'
	run -1 bash -c 'fc-align map -q -p P -s S chats.jsonl >/dev/full'
	run -1 bash -c 'fc-align apply -q -p P -s S S.fcs >/dev/full'
	run -0 bash -c 'fc-align apply -q -p P -m S.map.fcs S.fcs | true'
	run -0 bash -c 'fc-align fuse -q P.fcs S.aligned.fcs | head -c 10 >/dev/null'
}

# number FILE ITEM: of a report as TSV
number() { awk -F '\t' -v item="$2" '$1 == item { print $3; exit }' "$1"; }

@test "apply, report: what was truncated in the source's conversations is told" {
	kit=$FC_ROOT/pipelines/demo/kit
	head -n 20 "$BATS_FILE_TMPDIR/chats.jsonl" >chats.jsonl
	fc-infer -q --tokens -m "$kit/pivot" chats.jsonl | fc-view --jsonl >pivot
	for most in 20 256; do
		fc-infer -q -k 4 -m "$kit/facts" -p "$kit/pivot" --long truncate --max-length $most -o s.fcs chats.jsonl
		cut=$(python3 - 3<<<"$(fc-view --jsonl s.fcs)" <<-'END'
			import json
			pivot = [json.loads(line) for line in open("pivot")]
			source = [json.loads(line) for line in open(3)]
			assert [x["text"] for x in pivot] == [x["text"] for x in source]
			print(sum(trained and start >= s["ends"][-1] for p, s in zip(pivot, source)
			          for start, trained in zip([0] + p["ends"], p["trained"])))
		END
		)
		run -0 fc-align apply -p "$kit/pivot" -s "$kit/facts" -o out.fcs s.fcs
		if [ $most -eq 20 ]; then
			[ "$cut" -gt 0 ]
			[[ $output == *"fc-align apply: $cut of those without stand where the source's conversations were truncated"* ]]
		else
			[ "$cut" -eq 0 ] && [[ $output != *"were truncated"* ]]
		fi
		fc-align report -q --format tsv -p "$kit/pivot" -s "$kit/facts" s.fcs >table
		[ "$(awk -F '\t' '$1 == "of these, truncated in the source" { print $3 }' table)" = "$([ "$cut" -eq 0 ] || echo "$cut")" ]
	done
}

@test "report: of distributions, of tokens alone, of what was carried over" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR rows trained
	trained=$(records P.fcs | jq -s 'map(.trained | add) | add')
	rows=$(records S.aligned.fcs | jq -s 'map(.rows | length) | add')
	fc-align report -q --format tsv -p P -m S.map.fcs S.fcs >"$d/map"
	fc-align report -q --format tsv -p P S.aligned.fcs -o "$d/applied"
	fakemodel --tokens S P 2 chats.jsonl >"$d/tokens.fcs"
	fc-align report -q --format tsv -p P -m S.map.fcs "$d/tokens.fcs" >"$d/tokens"
	for x in map applied tokens; do
		[ "$(number "$d/$x" 'trained tokens')" -eq "$trained" ]
		[ "$(number "$d/$x" 'with a row')" -eq "$rows" ]
		[ "$(number "$d/$x" 'without a row')" -eq $((trained - rows)) ]
		# which ones: the same by each of them
		cmp <(grep '^token without' "$d/map") <(grep '^token without' "$d/$x")
	done
	run -1 grep -q probability "$d/tokens"
	# what arrived and what was lost is all there was
	awk -F '\t' '$1 ~ /^(probability|lost)/ { sum += $4 } END { exit !(sum > 0.9999 && sum < 1.0001) }' "$d/map"
	[ "$(grep -c '^token without' "$d/map")" -eq 10 ]
	[ "$(fc-align report -q --format tsv --top 3 -p P -m S.map.fcs S.fcs | grep -c '^token without')" -eq 3 ]
	fc-align report -q --format tsv -p P -s S S.fcs >"$d/bytes"
	[ "$(number "$d/bytes" 'with a row')" -gt "$rows" ]
	# candidates that an exact map does not know
	fc-align map -q --kind exact -p P -s S -o "$d/exact"
	fc-align report -q --format tsv -p P -m "$d/exact" S.fcs | grep -q '^candidate without a token'
	fc-align apply -q --fallback onehot-next -p P -m S.map.fcs S.fcs |
		fc-align report -q --format tsv -p P >"$d/filled"
	[ "$(number "$d/filled" one-hot)" -eq $((trained - rows)) ]
	run -1 fc-align report -p P S.map.fcs
	[[ $output == *"vocabulary map"* ]]
	run -1 fc-align report -p P S.fcs
	[[ $output == *"another tokenizer"* ]]
	run -2 fc-align report S.fcs
	run -1 bash -c 'fc-align report -q -p P -m S.map.fcs S.fcs >/dev/full'
}

@test "apply: a stream put together from captures of several models" {
	cd "$BATS_FILE_TMPDIR" || return
	cp -r S S9 # another model of the same tokenizer
	fakemodel S9 P 9 chats.jsonl >S9.fcs
	cat S.fcs S9.fcs >both.fcs
	fc-align apply -q -p P -s S -o both.bytes.fcs both.fcs
	fc-view --verify both.bytes.fcs
	fc-view --jsonl both.bytes.fcs >got
	fc-align apply -q -p P -s S S9.fcs | fc-view --jsonl | cat <(fc-view --jsonl S.bytes.fcs) - | cmp - got
}
