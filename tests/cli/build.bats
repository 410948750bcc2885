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

@test "objects follow the flags and the compiler" {
	tree .
	build >/dev/null
	[ "$(build CFLAGS=-O0 | grep -c ^CC)" -eq 4 ]
	[ "$(build CFLAGS=-O0 | grep -c ^CC)" -eq 0 ]
	[ "$(build CFLAGS="-O0 -DTEXT=\"'a b'\"" | grep -c ^CC)" -eq 4 ]
	[ "$(build | grep -c ^CC)" -eq 4 ]
}

@test "the version: the release, and the commit only where the top folder is a repository" {
	git init -q outer
	git -C outer -c user.name=x -c user.email=x commit -q --allow-empty -m x
	tree outer/inner
	cd outer/inner
	build >/dev/null
	[ "$(build/fc-x)" = "$(cat VERSION)" ]
	git init -q .
	git add .
	git -c user.name=x -c user.email=x commit -q -m x
	build >/dev/null
	[ "$(build/fc-x)" = "$(cat VERSION)+$(git rev-parse --short HEAD)" ]
	echo >>tools/lib/base/a.c
	build >/dev/null
	[[ "$(build/fc-x)" == *-dirty ]]
	build dist >/dev/null
	tar -xzf "build/fc-tools-$(cat VERSION).tar.gz" -C ../..
	cd "../../fc-tools-$(cat VERSION)"
	build >/dev/null
	[ "$(build/fc-x)" = "$(cat VERSION)" ]
}
