#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fc-eval chart: trainings' logs, and scores with intervals.
load ../helper

# log N [FIRST]: the lines of a training from a step on, with a held-out loss every fifth
log() {
	python3 - "$@" <<-'END'
		import json, sys
		last, first = int(sys.argv[1]), int((sys.argv[2:] or [0])[0])
		for s in range(first, last + 1):
		    if s:
		        print(json.dumps({"step": s, "examples": 8 * s, "tokens": 100 * s, "labels": 5, "rows": 0, "lr": 0.001 * s,
		                          "loss": 4 - 0.1 * s, "sft": None, "fusion": None, "grad_norm": 1.0}))
		    if s % 5 == 0:
		        print(json.dumps({"step": s, "eval": {"labels": 9, "nll": 4 - 0.05 * s, "accuracy": 0.5}}))
	END
}
# points FILE.svg: of every curve its points, and of every dot its place, as JSON: [{"m", "curves", "dots"}]
points() {
	python3 - "$1" <<-'END'
		import json, sys, xml.dom.minidom as m
		out = []
		for g in m.parse(sys.argv[1]).getElementsByTagName("g"):
		    curves = [[[float(x) for x in p.split(",")] for p in e.getAttribute("points").split()]
		              for e in g.getElementsByTagName("polyline")]
		    dots = [[float(e.getAttribute("cx")), float(e.getAttribute("cy")), float(e.getAttribute("r")),
		             e.getAttribute("class")] for e in g.getElementsByTagName("circle")]
		    bars = [[float(e.getAttribute(a)) for a in ("x1", "x2", "y1", "y2")] for e in g.getElementsByTagName("line")]
		    out.append({"m": int(g.getAttribute("data-m")), "curves": curves, "dots": dots, "bars": bars})
		print(json.dumps(out))
	END
}
texts() { python3 -c 'import sys, xml.dom.minidom as m
for t in m.parse(sys.argv[1]).getElementsByTagName("text"): print(t.firstChild.data)' "$1"; }

@test "a training's log: losses, held-out losses and the learning rate where they belong" {
	log 20 >a.log
	fc-eval chart -o a.svg a.log
	points a.svg >p
	# the plot is as wide as steps 0 to 20; straight lines stay straight, and evenly spaced
	jq -e 'map(select(.curves | length > 0)) | length == 1 and (.[0].curves | map(length) == [20, 5, 20])' p
	jq -e 'map(select(.curves | length > 0))[0].curves | .[0] as $loss | .[1] as $held | .[2] as $rate |
		([range(1; 20)] | all(. as $i | ($loss[$i][0] - $loss[$i - 1][0] - 32) | fabs < 1)) and
		$loss[0][1] < $loss[19][1] and $held[0][1] < $held[4][1] and $rate[0][1] > $rate[19][1] and
		($held[4][0] - $loss[19][0] | fabs < 0.2) and $held[0][0] < $loss[0][0] and
		# half as steep
		(($held[4][1] - $held[0][1]) / ($loss[19][1] - $loss[0][1]) * 19 / 20 - 0.5 | fabs < 0.02)' p
	[ "$(jq '[.[] | select(.curves | length > 0) | .dots[]] | length' p)" -eq 5 ]
	texts a.svg >t
	grep -qx Training t && grep -qx a.log t && grep -qx 'learning rate' t && grep -qx steps t && grep -q 'dots: held-out' t
	run ! grep -qi smooth t
	# packed, or written again by another program
	gzip -c a.log >a.gz
	jq -c . a.log >again.log
	jq -s . a.log >array.log
	for f in a.gz again.log array.log; do fc-eval chart "$f" | sed "s/$f/a.log/g" | cmp - a.svg; done
	# neither a log nor a table
	for text in '' '{"name":1}'; do
		echo "$text" >other.log
		run -2 fc-eval chart -o other.svg other.log
		[[ $output == *"other.log: neither a log of fc-train nor a table of scores; ratings need --questions"* ]]
	done
	# over tokens, with a title
	fc-eval chart --over tokens --title 'To <b> & "c"' -o b.svg a.log
	texts b.svg >t
	grep -qx tokens t && grep -qx 'To <b> & "c"' t && grep -qx 2000 t
}

@test "what is smoothed says so, with how much" {
	log 40 >a.log
	fc-eval chart --smooth 10 -o a.svg a.log
	texts a.svg | grep -q 'smoothed: mean of the 10 steps up to each'
	fc-eval chart -o plain.svg a.log
	points a.svg >p
	points plain.svg >q
	# of a straight line the mean of the last ten steps is its value 4.5 steps before; the axes differ, its slope is
	# that of the held-out losses' axis: they fall half as fast
	slope() { jq -e '.[-1].curves | ((.[0][39][1] - .[0][19][1]) / 20) / ((.[1][8][1] - .[1][4][1]) / 20)' "$1"; }
	python3 -c 'import sys; a, b = map(float, sys.argv[1:]); assert abs(a - 2) < .05 and abs(b - 2) < .05, (a, b)' \
		"$(slope p)" "$(slope q)"
	level() { jq -e '.[-1].curves | (.[0][39][1] - .[1][8][1]) / ((.[1][8][1] - .[1][4][1]) / 20)' "$1"; }
	# it lies 4.5 steps of its own slope higher, 9 of the held-out one's
	python3 -c 'import sys; a, b = map(float, sys.argv[1:]); assert abs(b - a - 9) < .3, (a, b)' "$(level p)" "$(level q)"
	fc-eval chart --smooth 1 -o one.svg a.log
	cmp plain.svg one.svg
	run ! cmp -s plain.svg a.svg
	run fc-eval chart --smooth 0 -o x.svg a.log
	[ "$status" -eq 2 ]
	[ "$(jq '.[-1].curves[0] | length' p)" -eq "$(jq '.[-1].curves[0] | length' q)" ]
}

@test "several trainings: a colour each, and of alike ones both are seen" {
	log 20 >a.log
	cp a.log b.log
	fc-eval chart -o two.svg a.log b.log
	points two.svg >p
	jq -e 'map(select(.curves | length > 0)) | map(.m) == [0, 1] and .[0].curves == .[1].curves and
		.[0].dots[0][2] > .[1].dots[0][2]' p
	texts two.svg | grep -x 'a.log\|b.log' | wc -l | grep -qx 2
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	fc-eval chart -o two.png a.log b.log
	[ "$(head -c 4 two.png | tail -c 3)" = PNG ]
}

@test "a point without a value is a gap; one point alone is a dot; a resumed log counts once" {
	log 20 | sed '/"step": 1[01]/s/"loss": [0-9.]*/"loss": null/' >gap.log
	fc-eval chart -o gap.svg gap.log
	points gap.svg | jq -e 'map(select(.curves | length > 0))[0].curves | map(length) == [9, 9, 5, 20]'
	log 1 | head -n 2 | tail -n 1 >one.log
	fc-eval chart -o one.svg one.log
	points one.svg | jq -e 'map(select(.dots | length > 0)) | length == 1 and (.[0].dots | length == 2)'
	log 1 | sed 's/"loss": [0-9.]*/"loss": null/; s/"lr": [0-9.]*/"lr": null/; s/"nll": [0-9.]*/"nll": null/' >none.log
	grep -c '"lr": null' none.log
	fc-eval chart -o none.svg none.log
	python3 -c 'import sys, xml.dom.minidom as m; m.parse("none.svg")'
	run ! grep -qi 'nan\|inf' none.svg
	log 9 | sed 's/"loss": 3.5/"loss": 1e300/; s/"nll": 3.75/"nll": -1e308/' >huge.log
	fc-eval chart -o huge.svg huge.log
	points huge.svg | jq -e 'map(select(.curves | length > 0))[0].curves | map(length) == [4, 4, 9]'
	{ log 13; log 20 11; } >again.log
	log 20 >a.log
	run fc-eval chart -o again.svg again.log
	[[ $output == *"again.log: 3 lines of steps that were done again are left out"* ]]
	fc-eval chart -o a.svg a.log
	diff <(sed 's/again.log/a.log/' again.svg | sed 's/x[12]*="[0-9.]*"//g') <(sed 's/x[12]*="[0-9.]*"//g' a.svg)
	for wrong in '{"step": 1, "lr": "x"}' '{"step": 1' '[]'; do
		{ log 3; echo "$wrong"; } >wrong.log
		run fc-eval chart -o wrong.svg wrong.log
		[ "$status" -eq 1 ]
		[[ $output == *wrong.log:* ]]
		[ ! -e wrong.svg ]
	done
}

@test "the step that was kept has a ring" {
	{ log 20; echo '{"step": 20, "kept": {"step": 15, "loss": 3.25}}'; } >a.log
	fc-eval chart -o a.svg a.log
	points a.svg | jq -e 'map(select(.curves | length > 0))[0].dots | map(select(.[3] == "ring")) | length == 1 and
		.[0][2] > 5'
	texts a.svg | grep -q 'ring: the step that was kept'
}

table() {
	printf 'model\tgroup\tn\taccuracy\taccuracy_low\taccuracy_high\tdifference\tdifference_low\tdifference_high\n'
	for m in "a${TAB}x" twin; do
		printf '%s\tall\t9\t0.5\t0.4\t0.6\t\t\t\n%s\tskill\t9\t0.2\t0.1\t0.4\t0\t0\t0\n' "${m%$TAB*}" "${m%$TAB*}"
	done
	printf 'third\tall\t9\t1\t\t\t\t\t\n'
}

@test "scores with intervals, of a table: a row each, so that equal models do not hide each other" {
	TAB=$'\t'
	table >scores.tsv
	fc-eval chart --title 'Right answers' -o s.svg scores.tsv
	points s.svg >p
	# after the legend's dots: three models, the last one without an interval and only in one group
	jq -e '.[3:] | map(.dots | length) == [2, 2, 1] and map(.bars | length) == [2, 2, 0]' p
	# 0 to 1 is the axis; the interval is centred where the figures are
	jq -e '.[3:] | .[0].dots[0][0] == .[1].dots[0][0] and .[0].dots[0][1] != .[1].dots[0][1] and
		((.[0].bars[0][0] + .[0].bars[0][1]) / 2 - .[0].dots[0][0] | fabs < 0.2) and
		(.[2].dots[0][0] - .[0].dots[0][0]) / (.[0].dots[0][0] - .[0].dots[1][0]) * 0.3 - 0.5 < 0.01' p
	texts s.svg >t
	for want in 'Right answers' a twin third all skill "accuracy; lines: the table's intervals"; do grep -qx "$want" t; done
	run fc-eval chart -o x.svg <(cut -f 1-4 scores.tsv)
	[ "$status" -ne 0 ]
	cut -f 1-4 scores.tsv >bare.tsv
	run fc-eval chart -o x.svg bare.tsv
	[ "$status" -eq 1 ]
	[[ $output == *"bare.tsv: no column has an interval"* ]]
	sed 's/0\.5/inf/' scores.tsv >odd.tsv
	run fc-eval chart -o x.svg odd.tsv
	[[ $output == *"odd.tsv:2: 'inf' is no number"* ]]
	sed 's/0\.5/half/' scores.tsv >odd.tsv
	run fc-eval chart -o x.svg odd.tsv
	[[ $output == *"odd.tsv:2: 'half' is no number"* ]]
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	fc-eval chart -o s.png scores.tsv
	[ "$(head -c 4 s.png | tail -c 3)" = PNG ]
}

@test "ratings: dots by category, with the means and intervals of fc-eval show" {
	python3 - <<-'END'
		import json, random
		r = random.Random(3)
		with open("q.jsonl", "w") as q, open("j.jsonl", "w") as j:
		    for i in range(24):
		        q.write(json.dumps({"question_id": i, "category": ["math", "writing"][i % 2], "turns": ["a"]}) + "\n")
		        score = {m: r.randint(1, 10) for m in ("pivot", "fused")}
		        score["twin"] = score["fused"]
		        for m, s in score.items():
		            j.write(json.dumps({"question_id": i, "model": m, "judge": ["gpt-4", "single-v1"], "user_prompt": "x",
		                                "judgment": f"[[{s}]]", "score": s, "turn": 1, "tstamp": 1.0}) + "\n")
	END
	fc-eval chart -q --questions q.jsonl -o c.svg j.jsonl
	points c.svg >p
	fc-eval show -q -t categories --questions q.jsonl --format json j.jsonl >want 2>/dev/null ||
		fc-eval show -q -t categories --questions q.jsonl --format tsv j.jsonl >want.tsv
	fc-eval show -q -t categories --questions q.jsonl --format tsv j.jsonl >want.tsv
	python3 - <<-'END'
		import csv, json
		p = json.load(open("p"))[3:]
		rows = list(csv.DictReader(open("want.tsv"), delimiter="\t"))
		names = list(dict.fromkeys(r["model"] for r in rows))
		assert len(names) == 3 and [len(g["dots"]) for g in p] == [3, 3, 3] # all, math, writing
		left, right = 150, 720 - 24
		for m, g in zip(names, p):
		    of = {r["category"]: r for r in rows if r["model"] == m}
		    for k, c in enumerate(("math", "writing"), 1):
		        x = lambda v: left + (right - left) * float(v) / 10
		        assert abs(g["dots"][k][0] - x(of[c]["score"])) < 0.2, (m, c)
		        assert abs(g["bars"][k][0] - x(of[c]["score_low"])) < 0.2 and abs(g["bars"][k][1] - x(of[c]["score_high"])) < 0.2
	END
	fc-eval chart -q --resamples 0 --questions q.jsonl -o none.svg j.jsonl
	points none.svg | jq -e '.[3:] | all(.bars == [] and (.dots | length == 3))'
	# two categories make no radar, and dots
	run fc-eval chart -q --form radar --questions q.jsonl -o r.svg j.jsonl
	[ "$status" -eq 1 ]
	run fc-eval chart -o x.svg j.jsonl
	[ "$status" -eq 2 ]
}
