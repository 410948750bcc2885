#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# libfcstream, compiled against as it is installed: what fc-view --jsonl has of the same streams.

load ../helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	make -s -C "$FC_ROOT" -o all B="$B" DESTDIR="$PWD/root" PREFIX=/opt/fc install
	if [[ $B == build-* ]]; then return 0; fi
	compile dump "$FC_ROOT/tests/cli/dump_stream.c"
	sed -n '/^\.Bd -literal$/,/^\.Ed/p' "$FC_ROOT/man/fc-stream.3" | sed '/^\.[BE]d/d; s/\\e/\\/g' >example.c
	compile example example.c
}

setup() {
	# The sanitizer's own library has to be the program's first one.
	if [[ $B == build-* ]]; then skip 'for the plain build'; fi
	cd "$BATS_FILE_TMPDIR" || return 1
	export LD_LIBRARY_PATH=$PWD/root/opt/fc/lib
}

flags() {
	PKG_CONFIG_PATH=$BATS_FILE_TMPDIR/root/opt/fc/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$BATS_FILE_TMPDIR/root \
		pkg-config "$@" fc-stream
}
compile() { # OUT FILE [COMPILER]
	# shellcheck disable=SC2046 # options
	${3:-cc} -Wall -Wextra -Werror -o "$1" "$2" $(flags --cflags --libs)
}

# The lines are alike; log-probabilities have five digits in the second file.
same_lines() {
	python3 - "$1" "$2" <<-'END'
		import json, sys
		def near(x, y):
		    if isinstance(x, dict): return x.keys() == y.keys() and all(near(x[k], y[k]) for k in x)
		    if isinstance(x, list): return len(x) == len(y) and all(map(near, x, y))
		    if isinstance(x, float) or isinstance(y, float): return abs(x - y) <= 1e-4 * abs(y) + 1e-12
		    return x == y
		a, b = ([json.loads(s) for s in open(f)] for f in sys.argv[1:])
		assert b
		for x, y in zip(a, b, strict=True):
		    assert near(x, y), (x, y)
	END
}

streams() { # a few, by the tools
	local kit=$FC_ROOT/pipelines/demo/kit/pivot
	[ ! -e dists.fcs ] || return 0
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 12 --seed 3 >chats.jsonl
	fc-infer -q -m "$kit" --sample 16 -o draws.fcs chats.jsonl
	fc-infer -q -m "$kit" --tokens -o tokens.fcs chats.jsonl
	fc-infer -q -m "$kit" --shard 2/3 -o part.fcs chats.jsonl
	fc-infer -q -m "$kit" --name a -o a.fcs chats.jsonl
	fc-infer -q -m "$kit" --name b -o b.fcs chats.jsonl
	cat a.fcs b.fcs >two.fcs
	cp "$FC_ROOT/tests/data/stream/dists.fcs" vector.fcs
	cp a.fcs dists.fcs
}

@test "every example of every kind is what fc-view has" {
	streams
	for s in vector dists draws tokens part two; do
		fc-view --jsonl $s.fcs >want
		./dump $s.fcs >got
		same_lines got want
		cat $s.fcs | ./dump - | cmp - got
	done
	[ "$(./dump two.fcs | tail -n 1 | jq -r .source)" = b ]
}

@test "what a header says" {
	streams
	[ "$(./dump vector.fcs header)" = '2 1 0123456789abcdef 0000000000000000 00000000000000ff 70000 70016 3 0 0 0/0 2 1
source a 0000000000000000
source b 000000000000002a
program by hand ' ]
	[[ "$(./dump part.fcs header | head -n 1)" == *' 2/3 1 1' ]]
	[[ "$(./dump draws.fcs header | head -n 1)" == *' 16 1 0/0 '* ]]
	[[ "$(./dump "$FC_ROOT/tests/data/stream/map.fcs" header)" == '4 0 '* ]]
}

why() { # the error of a dump, whose output is not looked at
	run -1 bash -c './dump "$1" 2>&1 >/dev/null' - "$1"
}

@test "what is damaged, cut off or of another kind is told, and no file is a missing one" {
	streams
	head -c "$(($(stat -c %s dists.fcs) - 200))" dists.fcs >cut.fcs
	why cut.fcs
	[[ $output == 'cut.fcs: '*'cut off'* ]]
	{ head -c 3000 dists.fcs && printf x && tail -c +3002 dists.fcs; } >bad.fcs
	why bad.fcs
	[[ $output == 'bad.fcs: byte '*'damaged frame'* ]]
	why "$FC_ROOT/tests/data/stream/map.fcs"
	[[ $output == *'map.fcs: this is a vocabulary map, which has no examples; see fc-view(1)' ]]
	why missing.fcs
	[ "$output" = 'open missing.fcs: No such file or directory' ]
	why .
	[ "$output" = '.: is a folder, where a stream should be' ]
	run -1 bash -c 'echo text | ./dump -'
	[[ $output == 'the pipe: byte 0: not a stream of the fc tools'* ]]
	run -1 bash -c './dump - <&-'
	[[ $output == 'read the pipe: '* ]]
	mkdir -p dash # a file of this name is one like others
	cp dists.fcs dash/-
	(cd dash && ../example - </dev/null) | cmp - <(./example dists.fcs)
}

@test "when memory is out, it is an error and not the end of the program" {
	streams
	./dump dists.fcs >all
	failed=0
	for n in $(seq 80); do
		rc=0
		FAIL_AT=$n ./dump dists.fcs >out 2>why || rc=$?
		if [ $rc -eq 0 ]; then cmp out all; else
			[ $rc -eq 1 ] && [ "$(wc -l <why)" -eq 1 ]
			failed=$((failed + 1))
		fi
	done
	[ $failed -gt 20 ]
	grep -q 'out of memory' <(FAIL_AT=1 ./dump dists.fcs 2>&1)
}

@test "the manual's program, compiled as it says" {
	streams
	./example dists.fcs >got
	fc-view --jsonl dists.fcs | jq -r '.id as $id | .rows[] | "\($id) \(.token) \(.ids[0]) \(.logprobs[0]) \(1 - ([.logprobs[] | exp] | add))"' |
		awk 'NR == FNR { want[FNR] = $0; n = FNR; next }
			{ split(want[FNR], w); bad += $1 != w[1] || $2 != w[2] || $3 != w[3] || ($4 - w[4])^2 > 1e-7 || ($5 - w[5])^2 > 1e-7 }
			END { exit bad || FNR != n || !n }' - got
	./example <dists.fcs | cmp - got
	[ -z "$(./example tokens.fcs)" ]
	run -1 ./example chats.jsonl
	[[ $output == 'chats.jsonl: byte 0: not a stream'* ]]
	# every function of the header is in the manual
	grep -oE 'fc_stream_[a-z_]+\(' root/opt/fc/include/fc/stream.h | sort -u | tr -d '(' | while read -r f; do
		grep -q "^\.Fn $f" "$FC_ROOT/man/fc-stream.3"
	done
}

@test "the header is C++, too, and the library shows nothing but the interface" {
	echo '#include <fc/stream.h>
		int main() { return fc_stream_open("none", 0, 0) != 0 || !fc_stream_version()[0]; }' >plus.cc
	compile plus plus.cc g++
	./plus
	lib=root/opt/fc/lib/libfcstream.so.1
	[ -z "$(nm -D --defined-only $lib | awk '$2 != "A"' | grep -v ' fc_stream_')" ]
	[ "$(nm -D --defined-only $lib | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort)" = \
		"$(grep -v '^static' root/opt/fc/include/fc/stream.h | grep -oE 'fc_stream_[a-z_]+\(' | tr -d '(' |
			grep -vxE 'fc_stream_(is_trained|role|part)' | sort -u)" ]
	readelf -d $lib | grep -q 'SONAME.*libfcstream.so.1'
	# nothing heavy comes with it
	[ -z "$(readelf -d $lib | grep -E 'NEEDED.*(gomp|blas|curl|pcre)')" ]
	[ "$(flags --modversion)" = "$(cat "$FC_ROOT/VERSION")" ]
}
