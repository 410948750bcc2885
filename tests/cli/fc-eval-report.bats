#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../helper

# Six questions of three categories; model names, answers, judgments and categories that would rather be code.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	python3 - <<-'END'
		import json
		evil = ["</textarea></div></details></main><script>window.hacked = 1</script>",
		        "\" onmouseover=\"window.hacked = 2\" x=\"", "<img src=x onerror='window.hacked = 3'>",
		        "nul \0 escape \x1b[31m bidi \u202eabc\u2066 \ufeff", "]]>--><!--<svg onload=window.hacked=4>",
		        "x" * 200000 + " needle & thread"]
		cats = ["writing", "<b>math</b>", "\"quoted\"", "writing", "<b>math</b>", "\"quoted\""]
		models = ["<i>alpha</i>", "beta \"q\" & co"]
		with open("q.jsonl", "w") as f:
		    for i in range(6):
		        print(json.dumps({"question_id": 80 + i, "category": cats[i], "turns": ["Question %d? " % i + evil[i % 5], "And then?"]}), file=f)
		for k, m in enumerate(models):
		    with open("answers%d.jsonl" % k, "w") as f:
		        for i in range(6):
		            print(json.dumps({"question_id": 80 + i, "choices": [{"turns": ["%s answers %d: " % (m, i) + evil[(i + k) % 6], ""]}]}), file=f)
		with open("j.jsonl", "w") as f:
		    for i in range(6):
		        for t in (1, 2):
		            for k, m in enumerate(models):
		                print(json.dumps({"question_id": 80 + i, "model": m, "judge": ["<judge>", "p"], "turn": t,
		                    "score": -1 if (i, t, k) == (5, 2, 1) else (3 * i + 2 * t + k) % 10 + 1, "judgment": "because " + evil[(i + t) % 6]}), file=f)
		            print(json.dumps({"question_id": 80 + i, "model_1": models[0], "model_2": models[1], "judge": ["<judge>", "q"], "turn": t,
		                "g1_winner": "model_1", "g2_winner": ["model_1", "model_2", "tie"][i % 3], "g1_judgment": evil[i], "g2_judgment": "B!"}), file=f)
	END
	mkdir a
	mv answers0.jsonl 'a/<i>alpha<%2fi>.jsonl'
	mv answers1.jsonl 'a/beta "q" & co.jsonl'
	sed -i 's,<i>alpha</i>,<i>alpha<%2fi>,g' j.jsonl
	fc-eval report --questions q.jsonl -a 'a/<i>alpha<%2fi>.jsonl' -a 'a/beta "q" & co.jsonl' \
		--title 'A <title> & more' --resamples 200 -o page.html j.jsonl
}
page() { echo "$BATS_FILE_TMPDIR/page.html"; }
browse() {
	python3 "$FC_ROOT/tests/cli/browser.py" "$(page)" "$@" || {
		s=$?
		[ $s -ne 77 ] || skip "no Chromium here"
		return $s
	}
}

@test "report: the same bytes again; nothing of the models is markup" {
	cd "$BATS_FILE_TMPDIR"
	fc-eval report --questions q.jsonl -a 'a/<i>alpha<%2fi>.jsonl' -a 'a/beta "q" & co.jsonl' \
		--title 'A <title> & more' --resamples 200 -j 1 j.jsonl | cmp - page.html
	[ "$(grep -c '<script' page.html)" -eq 1 ]
	! grep -qE '<img|<svg onload|<i>alpha|<b>math|onmouseover="window' page.html || false
	! LC_ALL=C grep -qP '\x00|\x1b|\xe2\x80\xae' page.html || false
	! grep -qE 'https?://|\(null\)' page.html || false
	grep -q 'window.hacked = 1' page.html # it is there, as text
	python3 - <<-'END'
		import html.parser
		class P(html.parser.HTMLParser):
		    void = {"meta", "link", "input", "br", "line", "circle"}
		    def __init__(self):
		        super().__init__()
		        self.open, self.ids = [], set()
		    def handle_starttag(self, tag, attrs):
		        assert not any(k.startswith("on") for k, _ in attrs), attrs
		        for k, v in attrs:
		            if k == "id":
		                assert v not in self.ids, v
		                self.ids.add(v)
		        if tag not in self.void:
		            self.open.append(tag)
		    def handle_endtag(self, tag):
		        if tag not in self.void:
		            assert self.open.pop() == tag, tag
		p = P()
		p.feed(open("page.html", encoding="utf-8").read())
		p.close()
		assert not p.open and {"list", "find", "q-80", "scores", "pairs"} <= p.ids
	END
}

@test "report: rows of several judges say whose they are, in every table that has such" {
	cd "$BATS_FILE_TMPDIR"
	of() { sed -n "/<section id=\"$2\"/,/<\/section>/p" "$1" | grep -c "$3" || :; }
	sed 's/"judge": \["<judge>"/"judge": ["second"/' j.jsonl | cat j.jsonl - >two.jsonl
	fc-eval report -q --questions q.jsonl --resamples 20 -o two.html two.jsonl
	for section in scores differences pairs; do
		[ "$(of two.html $section '<th scope="col">Judge<')" -eq 1 ]
		rows=$(of two.html $section '^<tr><td class="dim">second<')
		[ "$rows" -gt 0 ]
		[ "$(of two.html $section '^<tr><td class="dim">&lt;judge&gt;<')" -eq "$rows" ]
		[ "$(of page.html $section 'Judge<')" -eq 0 ] # of one it need not be said
	done
}

@test "report: works in a browser, without errors and requests" {
	cat >s.js <<-'END'
		const $ = (s) => document.querySelector(s), all = (s) => [...document.querySelectorAll(s)];
		const wait = (ms) => new Promise((r) => setTimeout(r, ms));
		const shown = () => all(".q").filter((q) => !q.hidden).map((q) => q.id).join();
		const say = (s, v) => { $(s).value = v; $(s).dispatchEvent(new Event(s === "#find" ? "input" : "change")); };
		const out = [document.title, $("h1").textContent, shown(), $("#found").value];
		say("#find", "NEEDLE & thread"); await wait(300); out.push(shown());
		say("#find", "question 3"); await wait(300); out.push(shown());
		say("#find", ""); say("#category", "<b>math</b>"); await wait(300); out.push(shown());
		say("#category", ""); say("#order", "low"); out.push(all(".q")[0].id);
		say("#order", "gap"); say("#order", ""); out.push(shown());
		$("#all").click(); out.push(all(".q[open]").length, $("#all").textContent);
		out.push(all(".answer").filter((e) => e.offsetParent).length);
		$("[data-toggle='1']").click(); out.push(all(".answer").filter((e) => e.offsetParent).length);
		$("[data-toggle='1']").click(); $("#all").click(); out.push(all(".q[open]").length);
		document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true}));
		out.push(document.activeElement.id); document.activeElement.blur();
		document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
		out.push(document.activeElement.parentNode.id);
		location.hash = "#q-83"; await wait(50); out.push($("#q-83").open);
		out.push(all("script").length, window.hacked === undefined, all("main img, main b b, .text *:not(em)").length);
		out.push(all("input, select, button").every((e) => e.labels?.length || e.textContent));
		out.push(all(".model").some((e) => e.textContent === "<i>alpha<%2fi>"), all("svg.radar .series").length);
		return out;
	END
	browse --script s.js >got
	cat >want <<-'END'
		["A <title> & more", "A <title> & more", "q-80,q-81,q-82,q-83,q-84,q-85", "6 of 6", "q-83,q-84,q-85", "q-83", "q-81,q-84", "q-83", "q-80,q-81,q-82,q-83,q-84,q-85", 6, "Close all", 24, 12, 0, "find", "q-80", true, 1, true, 0, true, true, 2]
	END
	diff want got
	# and the test sees what is wrong
	sed 's,<script ,<img src="http://127.0.0.1:1/x.png"><script ,' "$(page)" >bad.html
	run python3 "$FC_ROOT/tests/cli/browser.py" bad.html
	[ "$status" -eq 1 ]
}

@test "report: fits a phone and a narrow window, also in the dark and without scripts" {
	cat >s.js <<-'END'
		document.querySelectorAll("details").forEach((d) => { d.open = true; });
		return document.documentElement.scrollWidth <= innerWidth;
	END
	browse --script s.js --width 390 --height 800 --dark >got
	[ "$(<got)" = true ]
	browse --script s.js --width 320 --height 600 >got
	[ "$(<got)" = true ]
	browse --script s.js --width 700 --height 600 >got
	[ "$(<got)" = true ]
	browse --no-js
}

@test "report: judgments alone, one model, few categories" {
	grep '"model"' "$BATS_FILE_TMPDIR/j.jsonl" | grep beta | head -n 2 >one.jsonl
	fc-eval report --questions "$BATS_FILE_TMPDIR/q.jsonl" one.jsonl >p.html
	grep -q 'was not given to this report' p.html
	! grep -q 'id="differences"\|id="pairs"\|class="radar"' p.html || false
	run fc-eval report one.jsonl
	[ "$status" -eq 2 ]
	run fc-eval report --questions "$BATS_FILE_TMPDIR/q.jsonl" -o p.html /dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"no judgment"* ]]
}

@test "chart: a radar as SVG and PNG; three categories at least" {
	cd "$BATS_FILE_TMPDIR"
	fc-eval chart --form radar --questions q.jsonl -o c.svg j.jsonl
	python3 -c 'import sys, xml.dom.minidom as m
d = m.parse("c.svg")
p = [e for e in d.getElementsByTagName("polygon") if e.getAttribute("class") != "grid"]
assert len(p) == 2 and all(len(e.getAttribute("points").split()) == 3 for e in p)
# the first axis points up: 250, 200 - 150 * mean / 10
y = {float(e.getAttribute("points").split()[0].split(",")[1]) for e in p}
assert all(e.getAttribute("points").startswith("250.0,") for e in p), y'
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	fc-eval chart --form radar --questions q.jsonl -o c.png j.jsonl
	python3 -c 'import struct
b = open("c.png", "rb").read()
assert b[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", b[16:24]) == (1440, 800) and b[-8:-4] == b"IEND"'
	# names with gnuplot's own characters are text
	python3 - q.jsonl j.jsonl <<-'END'
		import json, sys
		for f, key in ((sys.argv[1], "category"), (sys.argv[2], "model")):
		    lines = [json.loads(line) for line in open(f)]
		    new = {}
		    for line in lines:
		        if key in line:
		            line[key] = new.setdefault(line[key], "'%d'' `touch x` \\\"" % len(new))
		    open("odd-" + f, "w").writelines(json.dumps(line) + "\n" for line in lines)
	END
	fc-eval chart --form radar --questions odd-q.jsonl -o odd.png odd-j.jsonl
	[ ! -e x ]
	grep -v math q.jsonl >two.jsonl
	run fc-eval chart --form radar --questions two.jsonl -o d.svg j.jsonl
	[ "$status" -eq 1 ]
	[ ! -e d.svg ]
	PATH=$(dirname "$(command -v fc-eval)") run fc-eval chart --form radar --questions q.jsonl -o d.png j.jsonl
	[ "$status" -eq 1 ]
	[ ! -e d.png ]
}

# pixels FILE COLOUR...: how many pixels left of the legend have that colour, a number a line
pixels() {
	python3 - "$@" <<-'END'
		import struct, sys, zlib
		b = open(sys.argv[1], "rb").read()
		at, data = 8, b""
		while at < len(b):
		    n, kind = struct.unpack(">I4s", b[at:at + 8])
		    if kind == b"IHDR":
		        width, height, depth, form, _, _, interlaced = struct.unpack(">IIBBBBB", b[at + 8:at + 21])
		    data += b[at + 8:at + 8 + n] if kind == b"IDAT" else b""
		    at += 12 + n
		assert depth == 8 and form in (2, 6) and not interlaced
		step, raw = (3 if form == 2 else 4), zlib.decompress(data)
		above, count = bytearray(width * step), {}
		for y in range(height):
		    start = y * (width * step + 1)
		    rule, row = raw[start], bytearray(raw[start + 1:start + 1 + width * step])
		    for i in range(len(row)):
		        a, c = (row[i - step], above[i - step]) if i >= step else (0, 0)
		        p = a + above[i] - c
		        paeth = min((abs(p - a), 0, a), (abs(p - above[i]), 1, above[i]), (abs(p - c), 2, c))[2]
		        row[i] = (row[i] + (0, a, above[i], (a + above[i]) // 2, paeth)[rule]) & 255
		    for x in range(min(width, 1100)):
		        colour = row[x * step:x * step + 3].hex()
		        count[colour] = count.get(colour, 0) + 1
		    above = row
		print("\n".join(str(count.get(c, 0)) for c in sys.argv[2:]))
	END
}

@test "chart: in a radar of models with the same ratings all can be seen" {
	python3 - "$BATS_FILE_TMPDIR/j.jsonl" >twins.jsonl <<-'END'
		import json, sys
		for line in open(sys.argv[1]):
		    o = json.loads(line)
		    if "model" in o:
		        first = globals().setdefault("first", o["model"])
		        for name in "abc" if o["model"] == first else "":
		            print(json.dumps({**o, "model": name}))
	END
	[ -s twins.jsonl ]
	fc-eval chart --form radar -q --questions "$BATS_FILE_TMPDIR/q.jsonl" -o twins.svg twins.jsonl
	python3 - <<-'END'
		import xml.dom.minidom as m
		series = [g for g in m.parse("twins.svg").getElementsByTagName("g") if "series" in g.getAttribute("class")]
		lines = [g.getElementsByTagName("polygon")[0] for g in series]
		assert len({p.getAttribute("points") for p in lines}) == 1 and len(lines) == 3
		assert not lines[0].getAttribute("stroke-dasharray") # below the others
		assert len({p.getAttribute("stroke-dasharray") for p in lines}) == 3
		radii = [float(g.getElementsByTagName("circle")[0].getAttribute("r")) for g in series]
		assert radii[0] > radii[1] > radii[2]
	END
	command -v gnuplot >/dev/null || skip "no gnuplot here"
	fc-eval chart --form radar -q --questions "$BATS_FILE_TMPDIR/q.jsonl" -o twins.png twins.jsonl
	pixels twins.png 0072b2 d55e00 009e73 >seen
	[ "$(wc -l <seen)" -eq 3 ]
	while read -r n; do [ "$n" -gt 100 ]; done <seen
}
