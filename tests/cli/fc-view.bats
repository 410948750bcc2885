# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # stderr is set by run
load ../helper

# 60 examples q0 to q59, with rows of up to 7 entries over 70,000 ids.
random_stream() {
	[ -x "$FC_ROOT/$B/unit/stream" ] || skip 'the unit tests are not built'
	"$FC_ROOT/$B/unit/stream" a.fcs
}

ids() { python3 -c 'import json, sys; print(*(json.loads(s)["id"] for s in sys.stdin))'; }

@test "without a mode: what the stream says of itself" {
	random_stream
	run -0 fc-view a.fcs
	[[ $output == *'kind          distribution stream'* ]]
	[[ $output == *'vocabulary    70000'* ]]
	[[ $output == *'top-k         7'* ]]
	[[ $output == *'tokenizer     1122334455667788'* ]]
	[[ $output == *'source        pivot, model 000000000000002a, tokenizer 0000000000000007'* ]]
	[[ $output == *'program       fc-infer 1.0 --top-k 10'* ]]
	run -0 pipe 'fc-view <a.fcs'
	[[ $output == 'stream        standard input'* ]]
}

@test "--stream: the history names what decides about the records, not what is said or how fast" {
	random_stream
	last() { fc-view --header "$1" | sed -n 's/^program *fc-view [^ ]* *//p' | tail -n 1; }
	fc-view -q -j 1 --stream --id q7 --id=q50 --ski 1 -o s.fcs a.fcs
	[ "$(last s.fcs)" = '--stream --id q7 --id q50 --skip 1' ]
}

@test "--jsonl: -n, --skip and --id choose the records" {
	random_stream
	[ "$(fc-view --jsonl a.fcs | wc -l)" -eq 60 ]
	[ "$(fc-view --jsonl -n 3 a.fcs | ids)" = 'q0 q1 q2' ]
	[ "$(fc-view --jsonl --skip 58 a.fcs | ids)" = 'q58 q59' ]
	[ "$(fc-view --jsonl --skip 60 a.fcs | ids)" = '' ]
	[ "$(fc-view --jsonl --id q7 --id q50 a.fcs | ids)" = 'q7 q50' ]
	[ "$(fc-view --jsonl --id q7 --id q50 --skip 1 a.fcs | ids)" = 'q50' ]
	run -1 fc-view --jsonl --id none a.fcs
	[[ $output == *"no record has the id 'none'" ]]
	[ "$(fc-view --jsonl --skip 59 -n 3 a.fcs a.fcs | ids)" = 'q59 q0 q1' ]
}

@test "--shard takes every Nth record, --in-turn puts the shards together again" {
	random_stream
	[ "$(fc-view --jsonl --shard 2/25 a.fcs | ids)" = 'q1 q26 q51' ]
	[ "$(fc-view --jsonl --shard 2/25 --skip 1 -n 1 a.fcs | ids)" = 'q26' ]
	[ "$(fc-view --jsonl --shard 61/100 a.fcs | ids)" = '' ]
	fc-view --stream --no-history a.fcs >whole.fcs
	for n in 1 2 7 60 61; do
		for i in $(seq "$n"); do fc-view --stream --no-history --shard "$i/$n" -o "$i.fcs" a.fcs; done
		fc-view --stream --no-history --in-turn $(seq -f %.0f.fcs "$n") | cmp - whole.fcs
	done
	for i in 1 2 3; do fc-view --stream --shard "$i/3" -o "$i.fcs" a.fcs; done
	fc-view --stream -n 13 -o begin.fcs a.fcs
	fc-view --stream --shard 1/3 -o short.fcs begin.fcs
	run -1 fc-view --stream --in-turn -o out.fcs short.fcs 2.fcs 3.fcs
	[[ $output == *"short.fcs has ended"*"not all shards"* ]]
	[ ! -e out.fcs ]
	for bad in 0/3 4/3 1/0 1 / 1/ 1/3x -1/3 "1/ 3" "+1/3" 1234567890123/3; do
		run -2 fc-view --jsonl --shard "$bad" a.fcs
		[[ $output == *"not I/N with 1 <= I <= N"* ]]
	done
	run -2 fc-view --jsonl --in-turn a.fcs
	run -2 fc-view --stream --in-turn -n 3 a.fcs
}

# p1 to p7, of two answers, p3 of three; c, which is no pair; p1
pairs() {
	for i in 1 2 3 4 5 6 7; do
		jq -cn --arg i "p$i" '{id: $i, prompt: "Is it \($i)?", chosen: " Yes.", rejected: " No.", source_chosen: " Sure."}
			| if $i == "p3" then . else del(.source_chosen) end'
	done >pairs.jsonl
	jq -cn '{id: "c", messages: [{role: "user", content: "a"}, {role: "assistant", content: "b"}]}' >>pairs.jsonl
	jq -cn '{id: "p1", prompt: "Is it p1?", chosen: " Yes.", rejected: " No."}' >>pairs.jsonl
	fc-infer -q --tokens --no-history -m "$FC_ROOT/pipelines/demo/kit/pivot" -o whole.fcs pairs.jsonl
}

@test "a pair of answers is not parted by --shard and --in-turn" {
	pairs
	[ "$(fc-view --jsonl whole.fcs | wc -l)" -eq 18 ]
	for n in 1 2 3 4; do
		for i in $(seq "$n"); do
			# fc-infer, which sees lines, parts none
			fc-infer -q --tokens --no-history --shard "$i/$n" -m "$FC_ROOT/pipelines/demo/kit/pivot" -o "$i.fcs" pairs.jsonl
			fc-view --stream --no-history --shard "$i/$n" whole.fcs | cmp - "$i.fcs"
		done
		fc-view --stream --no-history --in-turn $(seq -f %.0f.fcs "$n") | cmp - whole.fcs
	done
	[ "$(fc-view --jsonl --shard 3/4 whole.fcs | ids)" = "p3/chosen p3/rejected p3/source_chosen p7/chosen p7/rejected" ]
	# of those that are let through, each by itself
	[ "$(fc-view --jsonl --id p1/rejected --id p2/chosen --id c --shard 2/2 whole.fcs | ids)" = "p2/chosen p1/rejected" ]
}

@test "a stream with a part of a pair is not written, wherever it would begin or end" {
	pairs
	all=$(fc-view --jsonl whole.fcs | ids)
	ends='0 2 4 7 9 11 13 15 16 18' # where a pair ends, or c
	for n in $(seq 18); do
		for from in "--skip $n" "-n $n" "--skip 2 -n $((n - 2))" "--skip 2 --id p2/chosen --id p2/rejected --id p3/chosen"; do
			[[ $from != *" -n "* || $n -gt 2 ]] || continue
			status=0
			fc-view --stream -o part.fcs $from whole.fcs 2>err || status=$?
			if [[ $from == *--id* || " $ends " == *" $n "* ]]; then [ "$status" -eq 0 ]; else
				[ "$status" -eq 1 ]
				grep -qE "fc-view: (-n|--skip) [0-9]+ parts the pair 'p[1-7]'" err
			fi
			# from a pipe as from a file, and what is shown is what was asked for
			fc-view --stream -o piped.fcs $from <whole.fcs 2>/dev/null || [ "$status" -eq 1 ]
		done
		[ "$(fc-view --jsonl -n "$n" whole.fcs | ids)" = "$(cut -d' ' -f"-$n" <<<"$all")" ]
	done
	fc-view --stream --skip 4 -n 3 -o three.fcs whole.fcs
	[ "$(fc-view --jsonl three.fcs | ids)" = "p3/chosen p3/rejected p3/source_chosen" ]
	run -1 fc-view --stream -n 1 -o half.fcs --shard 2/2 whole.fcs
	[[ $output == *"-n 1 parts the pair 'p2'"* ]] && [ ! -e half.fcs ]
}

@test "--name: the sources of all streams under one name" {
	for n in a b; do
		printf '{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "%s"}]}\n' $n |
			fc-infer -q -m "$FC_ROOT/pipelines/demo/kit/pivot" --name $n -o $n.fcs
	done
	fc-view --stream --name one -o joined.fcs a.fcs b.fcs
	fc-view --verify joined.fcs
	[ "$(fc-view joined.fcs | grep -c '^source')" -eq 1 ]
	[[ $(fc-view joined.fcs) == *"source        one, model $(fc-view a.fcs | sed -n 's/^source.*model \([0-9a-f]*\),.*/\1/p')"* ]]
	diff <(fc-view --jsonl a.fcs b.fcs | jq -c 'del(.source)') <(fc-view --jsonl joined.fcs | jq -c 'del(.source)')
	run -2 fc-view --jsonl --name one a.fcs
}

@test "--skip on a file goes to the frame, and gives what a plain read gives" {
	random_stream
	for skip in 0 1 2 3 7 19 20 21 40 58 59 60 61 1000; do
		fc-view --jsonl --skip $skip a.fcs >file.jsonl
		fc-view --jsonl --skip $skip <a.fcs | cmp - file.jsonl
		fc-view --stream --skip $skip -n 3 a.fcs >file.fcs
		fc-view --stream --skip $skip -n 3 <a.fcs | cmp - file.fcs
	done
	[ "$(fc-view --jsonl --skip 61 a.fcs a.fcs | ids)" = "$(fc-view --jsonl --skip 1 a.fcs | ids)" ]
	# put together with cat: the table is the last one's
	cat a.fcs a.fcs >two.fcs
	[ "$(fc-view --jsonl --skip 100 two.fcs | ids)" = "$(fc-view --jsonl --skip 40 a.fcs | ids)" ]
	# that it does: damage before the place is passed by
	python3 -c '
import sys
b = bytearray(open("a.fcs", "rb").read())
b[3000] ^= 255
open("damaged.fcs", "wb").write(b)'
	[ "$(fc-view --jsonl --skip 55 -n 3 damaged.fcs | ids)" = 'q55 q56 q57' ]
	run -1 pipe 'fc-view --jsonl --skip 55 -n 3 <damaged.fcs'
	run -1 fc-view --verify damaged.fcs
}

@test "--skip: a seek table or a trailer that is damaged is as none, or an error" {
	random_stream
	fc-view --jsonl --skip 50 a.fcs >expect
	python3 - <<-'END' >result
		import subprocess
		good = open("a.fcs", "rb").read()
		expect = open("expect", "rb").read()
		table = good.rindex(bytes.fromhex("5e2a4d18"))
		trailer = good.rindex(bytes.fromhex("28b52ffd"), 0, table)
		n_same = n_error = 0
		for at in [*range(trailer, table + 40), *range(len(good) - 40, len(good))]:
		    for flip in 1, 128:
		        b = bytearray(good)
		        b[at] ^= flip
		        open("b.fcs", "wb").write(b)
		        def view(**to):
		            return subprocess.run(["fc-view", "--jsonl", "--skip", "50"] + (["b.fcs"] if not to else []),
		                capture_output=True, **to)
		        a, p = view(), view(stdin=open("b.fcs", "rb"))
		        assert a.returncode == p.returncode, (at, a, p)
		        if a.returncode == 0:
		            assert a.stdout == expect, at
		            n_same += 1
		        else:
		            n_error += 1
		print(n_same > 100, n_error > 50)
	END
	[ "$(cat result)" = 'True True' ]
}

@test "--skip: streams without a table or a list, from a pipe, cut off" {
	random_stream
	python3 - <<-'END'
		import struct, subprocess
		b = open("a.fcs", "rb").read()
		n = struct.unpack("<I", b[-9:-5])[0]
		sizes = list(struct.iter_unpack("<II", b[-9 - 8 * n:-9]))
		frames, at = [], 0
		for size, _ in sizes:
		    frames.append(b[at:at + size])
		    at += size
		open("no-table.fcs", "wb").write(b[:at])
		# before 1.2 a trailer had no list of the records in each frame, its field 3
		open("frame.zst", "wb").write(frames[-1])
		trailer = subprocess.run(["zstd", "-dcq", "frame.zst"], capture_output=True, check=True).stdout
		assert trailer[0] == 0x0a and trailer[2 if trailer[1] < 128 else 3] == 0x2a
		fields = trailer[trailer.index(b"\x09"):][:18]
		assert fields[9] == 0x11
		open("plain", "wb").write(b"\x0a\x14\x2a\x12" + fields)
		old = subprocess.run(["zstd", "-cq", "plain"], capture_output=True, check=True).stdout
		sizes[-1] = len(old), 22
		table = b"".join(struct.pack("<II", *s) for s in sizes) + struct.pack("<IBI", n, 0, 0x8F92EAB1)
		open("no-list.fcs", "wb").write(b"".join(frames[:-1]) + old + struct.pack("<II", 0x184D2A5E, len(table)) + table)
		open("cut.fcs", "wb").write(b[:sum(len(f) for f in frames[:-2]) + 100])
	END
	"$FC_ROOT/tests/cli/seek_table.py" no-list.fcs
	fc-view --verify no-table.fcs no-list.fcs
	for skip in 0 1 20 59 60 1000; do
		fc-view --jsonl --skip $skip a.fcs >expect
		for other in no-table no-list; do
			fc-view --jsonl --skip $skip $other.fcs | cmp - expect
			fc-view --jsonl --skip $skip <$other.fcs | cmp - expect
		done
		run -1 fc-view --jsonl --skip $skip cut.fcs
		[[ $output == *'cut off'* ]]
	done
}

@test "--tsv: a line a row, with a fixed number of columns" {
	random_stream
	fc-view --tsv a.fcs >rows.tsv
	[ "$(awk -F '\t' '{ print NF }' rows.tsv | sort -u)" = 12 ]
	rows=$(fc-view --jsonl a.fcs | python3 -c '
import json, sys
print(sum(len(json.loads(s)["rows"]) for s in sys.stdin))')
	[ "$(wc -l <rows.tsv)" -eq $((rows + 1)) ]
}

@test "tensors and maps are printed, sliced and joined too" {
	random_stream
	"$FC_ROOT/$B/unit/stream" t.fcs tensors
	"$FC_ROOT/$B/unit/stream" m.fcs map
	run -0 fc-view --tsv t.fcs
	[ "${lines[1]}" = $'model.w\tBF16\t[700, 1000]\t1400000' ]
	[ "${lines[2]}" = $'scalar\tF32\t[]\t4' ]
	run -0 fc-view --jsonl --id scalar t.fcs
	[ "$output" = '{"name":"scalar","dtype":"F32","shape":[],"bytes":4}' ]
	fc-view --stream --no-history t.fcs | cmp - t.fcs
	[ "$(fc-view --stream --id scalar t.fcs | fc-view --tsv | tail -n +2 | cut -f 1)" = scalar ]
	fc-view --tsv m.fcs >m.tsv
	[ "$(wc -l <m.tsv)" -eq 40001 ]
	[ "$(fc-view --tsv --skip 20000 -n 3 m.fcs | tail -n 3)" = "$(sed -n 20002,20004p m.tsv)" ]
	[ "$(fc-view --jsonl --skip 20000 -n 3 m.fcs | wc -l)" -eq 3 ]
	fc-view --stream --skip 7 m.fcs m.fcs | fc-view --tsv | tail -n 40000 | cmp - <(tail -n +2 m.tsv)
	[[ $(fc-view --stats m.fcs) == *$'entries             40000\n'* ]]
	run -1 fc-view --jsonl --id q1 m.fcs
	run -1 fc-view --jsonl t.fcs m.fcs
	[[ $output == *'m.fcs: this is a vocabulary map, not a tensor stream' ]]
	run -1 fc-view --stream t.fcs m.fcs
	# no stream that every reader refuses is written
	run -1 fc-view --stream -o tt.fcs t.fcs t.fcs
	[[ $output == *'tt.fcs: tensor model.w comes twice' ]]
}

@test "--tokenizer: tokens are spelled out, and another tokenizer is refused" {
	need_shared
	command -v xz >/dev/null || skip "no xz(1)"
	xz -dc "$FC_SHARED/data/tokenizers/gpt2.tokenizer.json.xz" >tokenizer.json
	random_stream
	run -1 fc-view --jsonl -t tokenizer.json a.fcs
	[[ $output == *'its tokens are of another tokenizer than tokenizer.json' ]]
	"$FC_ROOT/$B/unit/stream" p.fcs plain
	fc-view --jsonl -t tokenizer.json p.fcs >p.jsonl
	python3 -c '
import json
e = json.loads(open("p.jsonl").readline())
vocab = json.load(open("tokenizer.json"))["model"]["vocab"]
assert e["tokens"] == [vocab[p] for p in e["pieces"]]
assert all(r["ids"] == [vocab[p] for p in r["pieces"]] for r in e["rows"])'
	[ "$(fc-view --tsv -t tokenizer.json p.fcs | awk -F '\t' '{ print NF }' | sort -u)" = 13 ]
}

@test "--verify -t: tokens of all kinds of tokenizers spell their texts" {
	data=$FC_ROOT/tests/data/tokenizer
	python3 - >texts.jsonl <<-'END'
		import json
		for text in ("Hello world!  two  spaces\tand\ttabs\r\nCRLF\n\n\nnewlines ", " leading",
		    "caf\u00e9 cafe\u0301 \u00c5 A\u030a \ufb01 \u2460 \uff21\uff22 \ufdfa", "\u65e5\u672c\u8a9e \ud55c",
		    "\U0001f642\U0001f469\u200d\U0001f469 done", "<|im_end|> </s> <s> <unk> [UNK]",
		    "UPPER \u0130 \u00df \u1e9e", "a\u00a0b\u2003c\u200bd\u3000e", "  \n \t  x", " "):
		    print(json.dumps({"text": text}))
	END
	sed 's/{"text": \(.*\)}/{"messages": [{"role": "user", "content": \1}, {"role": "assistant", "content": \1}]}/' \
		texts.jsonl | head -n 9 >chats.jsonl
	for file in "$data"/*.json "$data"/*.model; do
		mkdir -p "m/$(basename "$file")"
		cp "$file" "m/$(basename "$file")/tokenizer.${file##*.}"
		m=m/$(basename "$file")
		fc-infer -q --tokens -m "$m" texts.jsonl | fc-view --verify -t "$m"
		fc-infer -q --tokens --template chatml -m "$m" chats.jsonl | fc-view --verify -t "$m"
	done
	[ "$(find m -name 'tokenizer.*' | wc -l)" -ge 9 ]
}

@test "--fingerprint: the page's definition gives the same" {
	# template and model: from model.safetensors and the template, by a program written from the page
	# (Python, xxhash 3)
	run -0 fc-view --fingerprint "$FC_ROOT/pipelines/demo/kit/pivot"
	[[ "$output" == tokenizer=????????????????$'\nn_vocab=640\ntemplate=18c8ca0771318e57\nmodel=2ef2454315091557' ]]
	pivot=${lines[0]}
	run -0 fc-view --fingerprint "$FC_ROOT/pipelines/demo/kit/facts"
	[[ "$output" == tokenizer=????????????????$'\nn_vocab=704\ntemplate=23c964006615942d\nmodel=b4f702e9154c3e11' ]]
	[ "${lines[0]}" != "$pivot" ]
	run -0 --separate-stderr fc-view --fingerprint "$FC_ROOT/tests/data/tokenizer/spm.json"
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[2]} == template=0000000000000000 && $stderr == *'spm.json has no chat template' ]]
	# a template that is there and no good is not said to be none
	cp -r "$FC_ROOT/pipelines/demo/kit/pivot" p
	echo '{% if %}' >p/chat_template.jinja
	run -1 --separate-stderr fc-view --fingerprint p
	[[ $output == '' && $stderr == *'p/chat_template.jinja:1: '* ]]
	run -1 fc-view --fingerprint no-such
	run -2 fc-view --fingerprint
}

@test "--stats: totals agree with what --jsonl prints" {
	random_stream
	fc-view --stats a.fcs >stats
	fc-view --jsonl a.fcs | python3 -c '
import json, math, sys
x = [json.loads(s) for s in sys.stdin]
rows = [(e, r) for e in x for r in e["rows"]]
length = sorted(len(e["tokens"]) for e in x)
mass = sorted(math.fsum(map(math.exp, r["logprobs"])) for _, r in rows)
print("examples", len(x))
print("tokens", sum(length))
print("trained tokens", sum(sum(e["trained"]) for e in x))
print("text bytes", sum(len(e["text"].encode()) for e in x))
print("rows", len(rows))
print("labels", sum(e["n_label"] for e in x))
print("nats a token %.5g" % (sum(e["nll"] for e in x) / sum(e["n_label"] for e in x)))
print("bits a byte %.5g" % (sum(e["nll"] for e in x) / math.log(2) / sum(e["label_bytes"] for e in x)))
print("mass of a row %.4g" % (sum(mass) / len(mass)))
print("entries a row %.5g" % (sum(len(r["ids"]) for _, r in rows) / len(rows)))
print("true token in row %.5g" % (sum(e["tokens"][r["token"]] in r["ids"] for e, r in rows) / len(rows)))
print("tokens an example %.5g (%d %d %d %d %d)" %
    (sum(length) / len(length), *(length[59 * q // 4] for q in range(5))))
' >expect
	[ "$(wc -l <expect)" -eq 12 ]
	tr -s ' ' <stats >got
	while read -r line; do
		grep -qF "$line" got || { echo "no line '$line' in:"; cat got; return 1; }
	done <expect
}

@test "--stream: a slice has the records and the bytes depend on nothing else" {
	random_stream
	fc-view --stream --skip 10 -n 20 -o b.fcs a.fcs
	fc-view --jsonl b.fcs >b.jsonl
	fc-view --jsonl --skip 10 -n 20 a.fcs | cmp - b.jsonl
	run -0 fc-view --verify b.fcs
	fc-view --stream --skip 10 -n 20 <a.fcs | cmp - b.fcs
	[[ $(fc-view b.fcs) == *'program       fc-view '*'--stream --skip 10 --records 20' ]]
	fc-view --stream --no-history a.fcs | cmp - a.fcs
}

@test "--stream: joining gives all records, as cat does" {
	random_stream
	fc-view --stream -n 20 -o b.fcs a.fcs
	fc-view --stream --skip 20 -o c.fcs a.fcs
	fc-view --stream b.fcs - <c.fcs >d.fcs
	fc-view --jsonl a.fcs >a.jsonl
	fc-view --jsonl d.fcs | cmp - a.jsonl
	cat b.fcs c.fcs | fc-view --jsonl | cmp - a.jsonl
	fc-view --stream <(cat b.fcs c.fcs) | fc-view --jsonl | cmp - a.jsonl
	cat b.fcs c.fcs >cat.fcs
	run -0 fc-view --verify b.fcs c.fcs cat.fcs d.fcs
	[ "$(grep -c ': good: ' <<<"$output")" -eq 4 ]
}

@test "an empty slice is a stream" {
	random_stream
	fc-view --stream --skip 60 -o b.fcs a.fcs
	run -0 fc-view --verify b.fcs
	[[ $output == *' of 0 records '* ]]
	[ "$(fc-view --jsonl b.fcs)" = '' ]
	run -0 fc-view --stats b.fcs
}

@test "--verify: names the bad ones and goes on" {
	random_stream
	head -c 3000 a.fcs >cut.fcs
	echo text >text.fcs
	run -1 fc-view --verify cut.fcs a.fcs text.fcs
	[[ $output == *'cut.fcs: cut off: '* ]]
	[[ $output == *'a.fcs: good: '* ]]
	[[ $output == *'text.fcs: byte 0: not a stream'* ]]
	[[ $output == *'2 of 3 streams are not good' ]]
}

@test "damage: one line that says where, and exit status 1, in every mode" {
	random_stream
	head -c -400 a.fcs >cut.fcs
	for mode in --stats --jsonl --tsv --stream; do
		run -1 --separate-stderr pipe "fc-view $mode cut.fcs | cat"
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == 'fc-view: cut.fcs: cut off'* ]]
	done
	run -1 fc-view no-such.fcs
	[[ $output == 'fc-view: open no-such.fcs: No such file or directory' ]]
	run -1 pipe ': | fc-view --jsonl'
	[[ $output == 'fc-view: standard input: empty, where a stream should be' ]]
	run -1 fc-view .
	[[ $output == 'fc-view: .: is a folder, where a stream should be' ]]
}

@test "damage: the header of a file that was cut off comes with a warning" {
	random_stream
	fc-view a.fcs >expect
	for n in 3000 "-$(($(stat -c %s a.fcs) / 3))" -1 -500; do
		head -c "$n" a.fcs >cut.fcs
		run -0 --separate-stderr fc-view cut.fcs
		[ "$(tail -n +2 <<<"$output")" = "$(tail -n +2 expect)" ]
		[[ $stderr == 'fc-view: warning: cut.fcs: cut off'* ]]
	done
	cat a.fcs a.fcs >two.fcs
	run -0 --separate-stderr fc-view a.fcs two.fcs
	[ "$stderr" = '' ]
	fc-view - <cut.fcs | diff - <(sed 's/a.fcs/standard input/' expect) # a pipe is not read on
}

@test "damage: what is cut off is no output either" {
	random_stream
	head -c -400 a.fcs >cut.fcs
	run -1 fc-view --stream -o out.fcs cut.fcs
	[ ! -e out.fcs ]
	fc-view --stream cut.fcs >pipe.fcs 2>/dev/null || true
	run -1 fc-view --verify pipe.fcs
	[ "$(find . -name '.*.tmp' | wc -l)" -eq 0 ]
}

@test "a killed process leaves no file under the final name" {
	random_stream
	mkfifo slow
	fc-view --stream -o out.fcs slow &
	pid=$!
	exec 5>slow
	head -c 3000 a.fcs >&5
	begun() { # it has written something, to a file that may have no name
		local f
		for f in /proc/$pid/fd/*; do
			[[ $(readlink "$f") != "$PWD"/[#.]* ]] || [ "$(stat -Lc %s "$f")" -eq 0 ] || return 0
		done
		return 1
	}
	for _ in $(seq 100); do
		begun && break
		sleep 0.05
	done
	begun
	kill -9 $pid
	wait $pid || true
	exec 5>&-
	[ ! -e out.fcs ]
}

@test "a full disk is an error" {
	random_stream
	for mode in --header --stats --jsonl --tsv --stream; do
		run -1 pipe "fc-view $mode a.fcs >/dev/full"
		[[ $output == *'No space left on device' ]]
		run -1 fc-view $mode -o /dev/full a.fcs
		[[ $output == *'No space left on device' ]]
	done
}

@test "a closed pipe is quiet" {
	random_stream
	cat a.fcs a.fcs a.fcs a.fcs a.fcs a.fcs a.fcs a.fcs >many.fcs
	for mode in --jsonl --tsv --stream; do
		run -0 --separate-stderr bash -c "fc-view $mode many.fcs | head -c 10 >/dev/null"
		[ "$stderr" = '' ]
	done
}

@test "records come out while the writer is still at work" {
	random_stream
	mkfifo slow
	fc-view --jsonl -n 2 slow >out &
	pid=$!
	exec 5>slow
	head -c 3000 a.fcs >&5 # not whole, and not closed
	wait $pid
	exec 5>&-
	[ "$(ids <out)" = 'q0 q1' ]
}

@test "a stream is not written to a terminal" {
	script -qec true /dev/null >/dev/null 2>&1 || skip "no terminal to be had here"
	random_stream
	run script -qec 'fc-view --stream a.fcs' /dev/null
	[ "$status" -eq 2 ]
	[[ $output == *'is not written to a terminal'* ]]
}

@test "the command line: one mode, known options, exit status 2" {
	run -2 fc-view --jsonl --tsv a.fcs
	run -2 fc-view --verify -n 3 a.fcs
	run -2 fc-view --nonsense
	run -2 fc-view -n many a.fcs
	run -2 fc-view --stats -t . a.fcs
	run -0 fc-view --help
}
