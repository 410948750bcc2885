#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The makefile, on a tree of two files.
load ../helper

tree() {
	mkdir -p "$1"/tools/{lib/base,fc-x/room} "$1/proto"
	cp "$FC_ROOT/Makefile" "$FC_ROOT/VERSION" "$1"
	echo 'int fc_a(void); int fc_a(void) { return 0; }' >"$1/tools/lib/base/a.c"
	echo 'int x_b(void); int x_b(void) { return 0; }' >"$1/tools/fc-x/room/b.c"
	printf '%s\n' '#include <stdio.h>' 'extern const char fc_version[]; int x_b(void); int fc_a(void);' \
		'int main(void) { puts(fc_version); return fc_a() + x_b(); }' >"$1/tools/fc-x/main.c"
}
build() { make --no-print-directory LDLIBS= PKGS=zlib "$@"; }

@test "short lines; V=1 shows the commands; a second make does nothing" {
	tree .
	build >out
	grep -qx 'CC   tools/fc-x/room/b.c' out
	grep -qx 'LINK fc-x' out
	[ "$(wc -L <out)" -le 80 ]
	[ "$(build | grep -c '^[A-Z]')" -eq 0 ]
	touch tools/fc-x/main.c
	[ "$(build | paste -sd,)" = 'CC   tools/fc-x/main.c,LINK fc-x' ]
	touch tools/fc-x/main.c
	build V=1 | grep -q -- '-c -o build/tools/fc-x/main.o tools/fc-x/main.c'
}

@test "what was compiled is made anew when a header of it changes, whatever it belongs to" {
	cd "$FC_ROOT"
	make -s B="$B" --eval 'list: ; @printf "%s\n" $(MAKEFILE_LIST)' list | sort >"$BATS_TEST_TMPDIR/known"
	find "$B" -name '*.d' | sort >"$BATS_TEST_TMPDIR/written"
	[ -s "$BATS_TEST_TMPDIR/written" ]
	for d in $(comm -13 "$BATS_TEST_TMPDIR/known" "$BATS_TEST_TMPDIR/written"); do
		# of a source that is gone: nothing is made of it
		source=$(tr -d '\\\n' <"$d" | sed 's/^[^:]*: *//; s/ .*//')
		[ ! -e "$source" ] || { echo "$d is not read"; false; }
	done
}

@test "make -j N cuda runs N compilers at once" {
	tree .
	mkdir -p tools/lib/nn/cuda begun
	touch tools/lib/nn/cuda/{a,b}.cu
	# one that ends when the other has begun
	cat >nvcc <<-'END'
		#!/bin/sh
		for x; do [ "$last" != -o ] || : >"$x"; last=$x; done
		touch "begun/$$"
		for i in 1 2 3 4 5 6 7 8 9; do [ "$(ls begun | wc -l)" -lt 2 ] || exit 0; sleep 1; done
		exit 1
	END
	chmod +x nvcc
	build -j2 cuda NVCC="$PWD/nvcc" MODOBJ= CXX=true >out 2>&1
	! grep jobserver out
}

@test "objects follow the flags and the compiler" {
	tree .
	build >/dev/null
	[ "$(build CFLAGS=-O0 | grep -c ^CC)" -eq 4 ]
	[ "$(build CFLAGS=-O0 | grep -c ^CC)" -eq 0 ]
	[ "$(build CFLAGS="-O0 -DTEXT=\"'a b'\"" | grep -c ^CC)" -eq 4 ]
	[ "$(build | grep -c ^CC)" -eq 4 ]
}

# A repository of the two files in the present folder.
commit() {
	git init -q .
	git add .
	git -c user.name=x -c user.email=x commit -q -m x
}

@test "the version: the release, and the commit only where the top folder is a repository" {
	git init -q outer
	git -C outer -c user.name=x -c user.email=x commit -q --allow-empty -m x
	tree outer/inner
	cd outer/inner
	build >/dev/null
	[ "$(build/fc-x)" = "$(cat VERSION)" ]
	echo /build >.gitignore
	commit
	build >/dev/null
	[ "$(build/fc-x)" = "$(cat VERSION)+$(git rev-parse --short=8 HEAD)" ]
	git tag "v$(cat VERSION)"
	build >/dev/null
	[ "$(build/fc-x)" = "$(cat VERSION)" ]
	echo >>tools/lib/base/a.c
	build >/dev/null
	[[ "$(build/fc-x)" == *-dirty ]]
}

@test "make dist: the commit's bytes and version, by whomever; not of a repository around" {
	tree src
	cd src
	echo /build >.gitignore
	commit
	version=$(cat VERSION)+$(git rev-parse --short=8 HEAD)
	build dist >/dev/null
	cp "build/fc-tools-$version.tar.gz" ..
	git clone -q . ../clone
	touch Makefile
	echo 'int left_out;' >>tools/lib/base/a.c
	(cd ../clone && umask 077 && TZ=Asia/Tokyo git config tar.umask 0 && TZ=Asia/Tokyo build dist >/dev/null)
	[[ "$(build dist)" == *'note: it has the last commit'* ]]
	for d in . ../clone; do cmp "../fc-tools-$version.tar.gz" "$d/build/fc-tools-$version.tar.gz"; done
	tar -xzf "../fc-tools-$version.tar.gz" -C "$BATS_TEST_TMPDIR"
	cd "../fc-tools-$version"
	git init -q .. # no repository of this folder
	build >/dev/null
	[ "$(build/fc-x)" = "$version" ]
	run -2 build dist
	[[ $output == *'no git repository'* ]]
}
