# SPDX-License-Identifier: Apache-2.0
# The format as others see it: zstd, protoc, file, and a reader written from the man page.
load ../helper

page() { echo "$FC_ROOT/man/fc-stream.5"; }

# The Nth literal block of the page's example.
block() {
	awk -v want="$1" '/^\.Bd -literal -offset 4n/ { n++; take = n == want; next }
		/^\.Ed/ { take = 0 } take' "$(page)"
}

example() {
	block 1 | cut -c 11- | tr -d ' \n' | python3 -c \
		'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >example.fcs
}

same_json() { "$FC_ROOT/tests/cli/same_json.py" "$@"; }

random_stream() {
	[ -x "$FC_ROOT/$B/unit/stream" ] || skip 'the unit tests are not built'
	"$FC_ROOT/$B/unit/stream" random.fcs
}

@test "fc-stream(5): the example is a stream, and says what the page says" {
	example
	run -0 fc-view --verify example.fcs
	[[ $output == *'good: a distribution stream of 1 records in 304 bytes' ]]
	block 2 | tr -d '\n' >expect.json
	fc-view --jsonl example.fcs >got.json
	same_json expect.json got.json
	sed s/299/298/ expect.json >wrong.json # control: the comparison sees a difference
	! same_json wrong.json got.json || false
}

@test "fc-stream(5): the page's offsets and bytes are those of the dump" {
	example
	[ "$(od -An -tx1 -j 0x1d -N 2 example.fcs | tr -d ' ')" = 0a44 ]
	[ "$(od -An -tx1 -j 0x70 -N 4 example.fcs | tr -d ' ')" = 0a661264 ]
	for at in 0x14 0x67 0xdc; do
		[ "$(od -An -tx1 -j $at -N 4 example.fcs | tr -d ' ')" = 28b52ffd ]
	done
	[ "$(od -An -tx1 -j 0xff -N 4 example.fcs | tr -d ' ')" = 5e2a4d18 ]
	dump=$(od -An -v -tx1 example.fcs | tr -d ' \n')
	sed -n 's/^\.It \(\([0-9A-F][0-9A-F] \)*[0-9A-F][0-9A-F]\) .*Ta .*/\1/p' "$(page)" |
		tr -d ' ' | tr A-F a-f >bytes
	[ "$(wc -l <bytes)" -ge 15 ]
	while read -r bytes; do [[ $dump == *"$bytes"* ]]; done <bytes
}

@test "fc-stream(5): file(1) knows a stream by the page's lines" {
	command -v file >/dev/null || skip 'no file(1)'
	example
	sed -n '/^0.lelong/,/^\.Ed/p' "$(page)" | sed '$d; s/\\e/\\/' >magic
	run -0 file -m magic example.fcs
	[ "$output" = 'example.fcs: FuseChat stream, version 1' ]
}

@test "a reader written from the page reads the same" {
	example
	"$FC_ROOT/tests/cli/stream_reader.py" <example.fcs >stranger.jsonl
	fc-view --jsonl example.fcs >ours.jsonl
	same_json stranger.jsonl ours.jsonl
}

@test "a reader written from the page reads random streams the same" {
	random_stream
	"$FC_ROOT/tests/cli/stream_reader.py" <random.fcs >stranger.jsonl
	fc-view --jsonl random.fcs >ours.jsonl
	[ "$(wc -l <ours.jsonl)" -eq 60 ]
	same_json stranger.jsonl ours.jsonl
}

@test "zstd and protoc open a stream" {
	command -v protoc >/dev/null || skip 'no protoc'
	example
	zstd -dc example.fcs | protoc --decode fc.Stream -I "$FC_ROOT/proto" \
		"$FC_ROOT/proto/fc.proto" >text
	grep -q 'magic: "fc-stream"' text
	grep -q 'text: "Hi you!"' text
	grep -q 'n_record: 1' text
	zstd -qt example.fcs
}

@test "the seek table fits the frames" {
	random_stream
	"$FC_ROOT/tests/cli/seek_table.py" random.fcs
}
