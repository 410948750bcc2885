#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load align

# What the numbers are to be, from the streams as text: labels that all have, bits a byte, and for
# weights in a file the mixture.
cat_streams() { for s in "$@"; do records "$s" | jq -c --arg s "$s" '. + {stream: $s}'; done; }
check_verdict() { # check_verdict TABLE WEIGHTS STREAM...
	python3 - "$1" "$2" <(cat_streams "${@:3}") <<-'END'
		import csv, json, math, sys
		table, weights, lines = sys.argv[1:]
		convs, names = {}, []
		for line in open(lines):
		    x = json.loads(line)
		    convs.setdefault(x["id"], []).append(x)
		rows = [r for r in csv.DictReader(open(table), delimiter="\t") if r["group"] == "all"]
		w = [float(r["weight"]) for r in csv.DictReader(open(weights), delimiter="\t") if r["group"] == "all"]
		n = len(w)
		labels, size, stat = [], [], [[0] * 6 for _ in range(n)]
		trained = 0
		for xs in convs.values():
		    assert len(xs) == n
		    at = [{r["token"]: r for r in x["rows"]} for x in xs]
		    x = xs[0]
		    for i in range(n):
		        stat[i][3] += xs[i]["nll"]; stat[i][4] += xs[i]["label_bytes"]
		    for t in range(1, len(x["tokens"])):
		        if not x["trained"][t]:
		            continue
		        trained += 1
		        for i in range(n):
		            if t in at[i]:
		                r = at[i][t]
		                stat[i][0] += 1
		                stat[i][1] += sum(map(math.exp, r["logprobs"]))
		                stat[i][2] += x["tokens"][t] not in r["ids"]
		        if all(t in a for a in at):
		            labels.append([a[t]["true_logprob"] for a in at])
		            size.append(x["ends"][t] - x["ends"][t - 1])
		near = lambda a, b, tol=1e-4: abs(float(a) - b) < tol
		bits = 1 / math.log(2) / sum(size)
		for i in range(n):
		    r, s = rows[i], stat[i]
		    assert int(r["labels"]) == s[0] and near(r["rows"], s[0] / trained), r
		    assert near(r["mass"], s[1] / s[0]) and near(r["outside"], s[2] / s[0]), r
		    assert near(r["own"], s[3] / s[4] / math.log(2), 1e-3), r
		    assert near(r["bits"], -sum(l[i] for l in labels) * bits), r
		    assert near(r["weight"], w[i], 1e-6), r
		mix = [sum(w[i] * math.exp(l[i]) for i in range(n)) for l in labels]
		fresh, fitted = rows[n], rows[n + 1]
		assert fresh["model"] == "(mixture)" and fitted["model"] == "(mixture, fitted here)"
		assert int(fresh["labels"]) == len(labels)
		assert near(fitted["bits"], -sum(map(math.log, mix)) * bits), (fitted, -sum(map(math.log, mix)) * bits)
		assert float(fitted["bits"]) < float(fresh["bits"]) < float(fitted["bits"]) + .05
		# the weights are the best there are: Kuhn and Tucker's conditions, on labels of float16
		for i in range(n):
		    h = sum(math.exp(l[i]) / m for l, m in zip(labels, mix)) / len(labels)
		    assert h < 1 + 1e-4 and (w[i] < 1e-6 or h > 1 - 1e-4), (i, h)
		for i in range(n):
		    gain = float(rows[i]["bits"]) - float(fresh["bits"])
		    assert near(rows[i]["gain"], gain, 1e-6), rows[i]
		    assert float(rows[i]["gain_low"]) < gain < float(rows[i]["gain_high"])
	END
}

@test "verdict: every figure of the table, from the streams themselves" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	fc-align verdict -q --format tsv --weights "$d/w" P.fcs S.bytes.fcs Q.bytes.fcs >"$d/t"
	check_verdict "$d/t" "$d/w" P.fcs S.bytes.fcs Q.bytes.fcs
	# by a map fewer labels have a row, and the true token's probability is another
	fc-align verdict -q --format tsv --weights "$d/w" Q.aligned.fcs P.fcs S.aligned.fcs >"$d/t"
	check_verdict "$d/t" "$d/w" Q.aligned.fcs P.fcs S.aligned.fcs
	# a copy under another name changes nothing for the others
	[ "$(jq -s 'length' <(fc-align verdict -q --format json P.fcs S.bytes.fcs))" = 4 ]
}

@test "verdict: the answer is in words, and the exit status" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	run -0 fc-align verdict P.fcs S.bytes.fcs
	[[ ${lines[0]} == "group  model "* ]]
	[[ ${lines[-1]} =~ ^'Fusion can gain at most '[0-9.]+' ['[0-9.]+', '[0-9.]+'] bits a byte over P, the pivot, and '[0-9.]+' ['.*'over S, the best member: worth trying.'$ ]]
	run -0 fc-align verdict --over best P.fcs S.bytes.fcs
	[[ ${lines[-1]} == *"most "*" bits a byte over S, the best member, and "*" over P, the pivot: worth trying." ]]
	run -0 fc-align verdict S.bytes.fcs P.fcs
	[[ ${lines[-1]} == *"] bits a byte over S, the pivot and best member: worth trying." ]]
	# the same model twice gains nothing
	sed 's/NAME/twin/' hand.jsonl | mkstream >"$d/twin.fcs"
	run -3 fc-align verdict a.fcs "$d/twin.fcs"
	[[ ${lines[-1]} == "Fusion can gain at most 0.0000 [0.0000, 0.0000] bits a byte over a, the pivot and best member: not worth training, for which it would be 0.005 or more." ]]
	[[ $output == *"all    twin"*" 0.500 "* ]]
	run -0 fc-align verdict --least 0.3 P.fcs S.bytes.fcs
	run -3 fc-align verdict --least 30 P.fcs S.bytes.fcs
	[[ ${lines[-1]} == *"not worth training, for which it would be 30 or more." ]]
	# what conversations so few cannot say
	gain=$(fc-align verdict -q --format json P.fcs S.bytes.fcs | jq -s '.[0] | (.gain + .gain_high) / 2')
	run -3 fc-align verdict --least "$gain" P.fcs S.bytes.fcs
	[[ ${lines[-1]} == *"not shown to be worth training; these conversations leave open whether it is $(printf %.3s "$gain")"* ]]
	# tables for programs stay tables
	fc-align verdict --format tsv P.fcs S.bytes.fcs >"$d/t" 2>"$d/e"
	[ "$(awk -F'\t' 'NF != 12' "$d/t" | wc -l)" = 0 ]
	grep -q 'worth trying' "$d/e"
	fc-align verdict -q --format tsv P.fcs S.bytes.fcs 2>"$d/e" | cmp - "$d/t"
	[ ! -s "$d/e" ]
}

@test "verdict: intervals, draws and seeds" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	fc-align verdict P.fcs S.bytes.fcs >"$d/1"
	fc-align verdict -j 1 P.fcs <(cat S.bytes.fcs) | cmp - "$d/1"
	fc-align verdict --seed 5 P.fcs S.bytes.fcs >"$d/2"
	run -1 cmp -s "$d/1" "$d/2"
	run -0 fc-align verdict --resamples 0 P.fcs S.bytes.fcs
	[[ ${lines[-1]} != *"["* ]]
}

@test "verdict: by category, drawn to the common weights" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	far() { # of a category's weights from the common ones, at most
		awk -F'\t' 'NR > 1 && $1 == "all" { w[$2] = $3 } NR > 1 && $1 != "all" { d = $3 - w[$2]; d = d < 0 ? -d : d; m = d > m ? d : m } END { print m }' "$1"
	}
	fc-align verdict --by skill --prior 100 --weights "$d/w" P.fcs S.bytes.fcs Q.bytes.fcs >"$d/t"
	grep -q '^Weights by skill are drawn to the common ones as by 100 labels of known source.' "$d/t"
	[ "$(cut -f1 "$d/w" | sed 1d | uniq | paste -sd' ')" = "all arithmetic facts manners strings" ]
	[ "$(grep -c '(mixture)' "$d/t")" = 5 ]
	awk -F'\t' 'NR > 1 { s[$1] += $3 } END { for (g in s) if (s[g] < .999999 || s[g] > 1.000001) exit 1 }' "$d/w"
	fc-align verdict -q --by skill --prior 0 --weights "$d/own" P.fcs S.bytes.fcs Q.bytes.fcs >"$d/t"
	fc-align verdict -q --by skill --prior 1e9 --weights "$d/common" P.fcs S.bytes.fcs Q.bytes.fcs >"$d/t"
	awk -v own="$(far "$d/own")" -v some="$(far "$d/w")" -v common="$(far "$d/common")" \
		'BEGIN { exit !(own > 1.3 * some && some > 1000 * common && common < 1e-4) }'
	sed 's/"sums"/"all"/; s/NAME/x/' hand.jsonl | mkstream >"$d/x.fcs"
	run -1 fc-align verdict --by skill "$d/x.fcs" b.fcs
	[[ $output == *"a category (\"skill\") is called 'all'"* ]]
}

# Every row of a mixture, from the members' rows.
check_rows() { # check_rows FUSED WEIGHTS STREAM...
	python3 - "$2" <(records "$1") <(cat_streams "${@:3}") <<-'END'
		import csv, json, math, sys
		weights, fused, lines = sys.argv[1:]
		w, groups = {}, set()
		for r in csv.DictReader(open(weights), delimiter="\t"):
		    w.setdefault(r["group"], []).append(float(r["weight"]))
		members = {}
		for line in open(lines):
		    x = json.loads(line)
		    members.setdefault(x["id"], []).append({r["token"]: r for r in x["rows"]})
		n_one = n_more = n_listed = n_new = 0
		for line in open(fused):
		    x = json.loads(line)
		    at = members[x["id"]]
		    use = w.get(x["meta"]["skill"], w["all"])
		    assert {r["token"] for r in x["rows"]} == set().union(*at)
		    nll = 0
		    for r in x["rows"]:
		        t, true = r["token"], x["tokens"][r["token"]]
		        here = [(use[i], a[t]) for i, a in enumerate(at) if t in a]
		        whole = sum(v for v, _ in here)
		        p = sum(v / whole * math.exp(m["true_logprob"]) for v, m in here)
		        assert abs(math.exp(r["true_logprob"]) - p) < 2e-3 * p + 1e-9, (r, p)
		        nll -= r["true_logprob"] if x["trained"][t] else 0
		        assert len(set(r["ids"])) == len(r["ids"])
		        if len(here) == 1:
		            assert r == here[0][1]
		            n_one += 1
		            continue
		        n_more += 1
		        mean = {}
		        for v, m in here:
		            for i, lp in zip(m["ids"], m["logprobs"]):
		                mean[i] = mean.get(i, 0) + v / whole * math.exp(lp)
		        n_new += true not in mean and true in r["ids"]
		        mean[true] = p
		        others = sum(mean.values()) - p
		        scale = min(1, (1 - p) / others)
		        for i, lp in zip(r["ids"], r["logprobs"]):
		            want = p if i == true else mean[i] * scale
		            assert abs(math.exp(lp) - want) < 2e-3 * want + 1e-6, (i, math.exp(lp), want)
		        if true in r["ids"]:
		            assert r["logprobs"][r["ids"].index(true)] == r["true_logprob"]
		            n_listed += 1
		        else:
		            assert len(r["ids"]) == 12 and p <= math.exp(r["logprobs"][-1]) * 1.002
		    assert abs(nll - x["nll"]) < .1 and x["source"] == "mixture"
		assert n_one > 0 and n_more > 1000 and n_listed > 1000 and n_new > 0, (n_one, n_more, n_listed, n_new)
	END
}

@test "fuse: a mixture's rows, by fitted weights" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR streams=(P.fcs S.aligned.fcs Q.aligned.fcs)
	fc-align verdict -q --by skill --weights "$d/w" "${streams[@]}" >/dev/null
	fc-align fuse -q --rule mixture --weights "$d/w" --by skill -k 12 -o "$d/f" --report "$d/r" "${streams[@]}"
	fc-view --verify "$d/f"
	check_rows "$d/f" "$d/w" "${streams[@]}"
	# the report has the mixture's own cross-entropy
	[ "$(cut -f2 "$d/r" | sed -n 2,5p | paste -sd' ')" = "P S Q mixture" ]
	near "$(awk -F'\t' '$1 == "all" && $2 == "mixture" { print $5 }' "$d/r")" \
		"$(records "$d/f" | jq -s '(map(.nll) | add) / (map(.label_bytes) | add)')"
	near "$(awk -F'\t' '$1 == "facts" && $2 == "S" { print $4 }' "$d/r")" \
		"$(awk -F'\t' '$1 == "facts" && $2 == "S" { print $3 }' "$d/w")"
	# without the field the common weights, and it is said
	fc-align fuse --rule mixture --weights "$d/w" -k 12 -o "$d/f" "${streams[@]}" 2>"$d/e"
	grep -q 'the mixture: [0-9.]* nats, [0-9.]* bits a byte' "$d/e"
	grep -q 'without --by the common ones are used' "$d/e"
	grep -E '^group|^all' "$d/w" >"$d/all"
	check_rows "$d/f" "$d/all" "${streams[@]}"
	fc-align fuse --rule mixture --weights "$d/all" --by skill -k 12 -o "$d/g" "${streams[@]}" 2>"$d/e"
	grep -q '60 conversations are of categories that .* has no weights for' "$d/e"
	cmp <(records "$d/f") <(records "$d/g")
	# weights 1, 0, 0 are the first stream
	printf 'group\tsource\tweight\nall\tP\t1\nall\tS\t0\nall\tQ\t0\n' >"$d/one"
	fc-align fuse -q --rule mixture --weights "$d/one" -o "$d/f" "${streams[@]}"
	cmp <(records "$d/f" | jq -c .rows) <(records P.fcs | jq -c .rows)
	# order and names, not places, tell whose a weight is
	fc-align fuse -q --rule mixture --weights "$d/one" -o "$d/f" Q.aligned.fcs P.fcs S.aligned.fcs
	cmp <(records "$d/f" | jq -c .rows) <(records P.fcs | jq -c .rows)
	# without the pivot, fitted so
	fc-align verdict -q --no-pivot --weights "$d/w" "${streams[@]}" >/dev/null
	[ "$(cut -f2 "$d/w" | paste -sd' ')" = "source S Q" ]
	fc-align fuse -q --rule mixture --no-pivot --weights "$d/w" -o "$d/f" "${streams[@]}"
	fc-view --verify "$d/f"
}

@test "fuse: a mixture only by weights that belong to the streams" {
	cd "$BATS_FILE_TMPDIR" || return
	local d=$BATS_TEST_TMPDIR
	run -2 fc-align fuse --rule mixture a.fcs b.fcs
	[[ $output == *"--rule mixture needs --weights"*"trusted too much"* ]]
	fc-align verdict -q --weights "$d/w" a.fcs b.fcs >/dev/null || [ $? -eq 3 ]
	run -2 fc-align fuse --rule average --weights "$d/w" a.fcs b.fcs
	fc-align fuse -q --rule mixture --weights "$d/w" a.fcs b.fcs >/dev/null
	run -1 fc-align fuse -q --rule mixture --weights "$d/w" P.fcs S.bytes.fcs
	[[ $output == *"'a' has weight "*", but is none of the streams"* ]]
	run -1 fc-align fuse -q --rule mixture --weights chats.jsonl a.fcs b.fcs
	[[ $output == *"no column 'group'; expected what fc-align verdict --weights writes"* ]]
	run -1 fc-align fuse -q --rule mixture --weights "$d/w" --no-pivot a.fcs b.fcs
	[[ $output == *"'a' has weight "* ]]
	run -1 fc-align fuse -q --rule mixture --weights "$d/w" a.fcs a.fcs
	[[ $output == *"two streams are called 'a'"* ]]
	run -1 fc-align verdict a.fcs a.fcs
	[[ $output == *"two streams are called 'a'"* ]]
	run -2 fc-align verdict a.fcs
	run -1 fc-align verdict a.fcs other-text.fcs
	run -1 fc-align verdict empty.fcs empty.fcs
	run -1 fc-align verdict -o /dev/full P.fcs S.bytes.fcs
}

@test "fuse: what all members think impossible stays a finite number" {
	for i in a b; do
		mkstream >$i <<-END
			{"kind": "dists", "tokenizer": 7, "n_vocab": 9, "top_k": 2, "sources": ["$i"]}
			{"id": "y", "text": "cd", "nll": 65504, "n_label": 1, "label_bytes": 1, "tokens": [[0,1,0],[3,2,1]], "rows": [[1, -70000, [[4, -0.75]]]]}
		END
	done
	fc-align fuse -q --rule average a b >f
	fc-view --verify f
	[ "$(records f | jq '.rows[0].true_logprob')" = -65504 ]
}
