#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pipelines/fcstream.py, the reader and writer for Python, against fc-view.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
# The Python that has the two packages, which the system's has where another one comes first.
need_python() {
	for PYTHON in python3 /usr/bin/python3; do
		if "$PYTHON" -c 'import xxhash, zstandard' 2>/dev/null; then return; fi
	done
	skip 'no zstandard or xxhash for Python (pipelines/deps.sh check)'
}
py() { "$PYTHON" "$FC_ROOT/pipelines/fcstream.py" "$@"; }

# Lines are alike but for the digits of log-probabilities.
same_lines() {
	python3 - "$1" "$2" <<-'END'
		import json, sys
		def near(x, y):
		    if isinstance(x, dict): return x.keys() == y.keys() and all(near(x[k], y[k]) for k in x)
		    if isinstance(x, list): return len(x) == len(y) and all(map(near, x, y))
		    if isinstance(x, float) or isinstance(y, float): return abs(x - y) <= 1e-4 * abs(y) + 1e-12
		    return x == y
		a, b = ([json.loads(s) for s in open(f)] for f in sys.argv[1:])
		for x, y in zip(a, b, strict=True):
		    x.pop("bytes", None), y.pop("bytes", None)
		    assert near(x, y), (x, y)
	END
}

@test "the published vectors: what fc-view reads and makes" {
	for v in dists map update; do
		fc-view --jsonl --whole "$FC_ROOT/tests/data/stream/$v.fcs" | cmp - "$FC_ROOT/tests/data/stream/$v.jsonl"
		fc-view --from-jsonl --no-history "$FC_ROOT/tests/data/stream/$v.jsonl" | fc-view --jsonl --whole |
			cmp - "$FC_ROOT/tests/data/stream/$v.jsonl"
	done
}

@test "fcstream.py reads what the tools write, and they read what it writes" {
	need_python
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 12 --seed 3 >chats.jsonl
	fc-infer -q -m "$(kit pivot)" -o dists.fcs chats.jsonl
	fc-infer -q -m "$(kit pivot)" --sample 16 -o draws.fcs chats.jsonl
	fc-infer -q -m "$(kit pivot)" --tokens -o tokens.fcs chats.jsonl
	fc-align map -q -p "$(kit pivot)" -s "$(kit strings)" -o map.fcs chats.jsonl
	fc-train -q -m "$(kit pivot)" --steps 1 --update update.fcs dists.fcs
	cat tokens.fcs tokens.fcs >twice.fcs
	cp "$FC_ROOT/tests/data/stream/dists.fcs" vector.fcs
	for s in dists draws tokens map update vector; do
		fc-view --jsonl --whole $s.fcs >want.jsonl
		py cat $s.fcs >got.jsonl
		same_lines got.jsonl want.jsonl
		py make want.jsonl >made.fcs
		fc-view --jsonl --whole made.fcs | cmp - want.jsonl
	done
	[ "$(py cat twice.fcs | wc -l)" -eq 26 ]
}

@test "fcstream.py: parts, and a meta in another spelling, come out the same; what is no probability is refused" {
	need_python
	fc-infer -q -m "$(kit pivot)" --no-history -o whole.fcs <<<'{"text": "a b c"}'
	fc-view --jsonl --whole whole.fcs | jq -c 'if .header then .header += {part: 2, parts: 3}
		else .meta = "{\"a\": 1.10, \"b\":[ ]}" end' >lines.jsonl
	fc-view --from-jsonl --no-history -o want.fcs lines.jsonl
	py make lines.jsonl >made.fcs
	for s in want made; do
		fc-view --jsonl --whole $s.fcs | cmp - <(fc-view --jsonl --whole want.fcs)
		py cat $s.fcs >again.jsonl
		same_lines again.jsonl <(fc-view --jsonl --whole want.fcs)
		py make again.jsonl | cmp - made.fcs
	done
	[[ $(fc-view made.fcs) == *$'\npart          2 of 3\n'* ]]
	for bad in NaN 0.5; do
		sed "0,/\"true_logprob\":[^,]*/s//\"true_logprob\":$bad/" lines.jsonl >bad.jsonl
		run -1 py make bad.jsonl
		[[ $output == *"is no logarithm of a probability"* ]]
	done
}

@test "fcstream.py refuses a stream that was cut off or changed" {
	need_python
	fc-infer -q -m "$(kit pivot)" -o s.fcs <<<'{"text": "a b c"}'
	py cat s.fcs >/dev/null
	zstd -dcq s.fcs >plain
	for cut in 1 20 40; do
		head -c -$cut plain | zstd -q --content-size -c >cut.fcs
		run -1 py cat cut.fcs
		[[ $output == *"the stream was cut off"* ]]
	done
	# at each byte of the file: inside a frame, a frame of no data, or between them
	cat s.fcs s.fcs >two.fcs
	"$PYTHON" - <<-END
		import io, sys
		sys.path.insert(0, "$FC_ROOT/pipelines")
		import fcstream
		two = open("two.fcs", "rb").read()
		whole = []
		for n in range(len(two) + 1):
		    try:
		        list(fcstream.read(io.BytesIO(two[:n])))
		        whole.append(n)
		    except ValueError:
		        pass
		# without a seek table, as a pipe has it, or with the sign of a section that does not come
		assert len(two) // 2 in whole and len(two) in whole and len(whole) == 5, whole
		for n in whole:
		    open("whole-%d.fcs" % n, "wb").write(two[:n])
	END
	fc-view --verify whole-*.fcs
	LC_ALL=C sed 's/a b c/a b d/' plain | zstd -qc >changed.fcs
	run -1 py cat changed.fcs
	[[ $output == *"the trailer's checksum is another"* ]]
}
