#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make deb, and what is in the package.

load ../helper

setup_file() {
	for p in dpkg-deb dpkg-gencontrol dpkg-shlibdeps; do
		command -v $p >/dev/null || skip 'no dpkg-dev here'
	done
	if [[ $B == build-* ]]; then skip 'for the plain build'; fi
	# Compressing takes longer than all else.
	export DPKG_DEB_COMPRESSOR_TYPE=none DEBFULLNAME='A Maintainer' DEBEMAIL=a@example.org
	deb >/dev/null
	cp "$FC_ROOT/$B/deb"/*.deb "$BATS_FILE_TMPDIR"
	dpkg-deb -x "$FC_ROOT/$B/deb"/*.deb "$BATS_FILE_TMPDIR/root"
}
deb() { make -s -C "$FC_ROOT" -o all B="$B" deb; }

setup() { cd "$BATS_FILE_TMPDIR" || return 1; }

@test "the fields: version, what programs and modules need" {
	version=$(dpkg-deb -f ./*.deb Version)
	[[ $version =~ ^"$(cat "$FC_ROOT/VERSION")"(\+[0-9]{14}\.[0-9a-f]{8,}(\.dirty)?)?-0local1$ ]]
	[ "$(dpkg-deb -f ./*.deb Maintainer)" = 'A Maintainer <a@example.org>' ]
	field() { dpkg-deb -f ./*.deb "$1" | tr ',' '\n' | sed 's/ *(.*//; s/^ *//; s/ *|.*//' | grep . | sort -u; }
	# The packages of the libraries that the programs ask for by name; Debian has some under two names.
	for f in root/usr/bin/* root/usr/lib/*/libfcstream.so.1; do readelf -d "$f"; done | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
		sort -u | grep -v ld-linux | while read -r lib; do
		path=$(ldconfig -p | awk -v lib="$lib" '$1 == lib { print $NF; exit }')
		package=$(dpkg -S "$(readlink -f "$path")" "*/$lib" 2>/dev/null | sed 's/:.*//' | sort -u)
		grep -qxF "$package" <(field Depends) || [[ $lib == libopenblas* ]] || { echo "$lib of $package"; false; }
	done
	dpkg-deb -f ./*.deb Depends | grep -q 'libopenblas0-openmp | libopenblas0,'
	if [ -e root/usr/lib/fc/libfc-mpi.so ]; then
		field Recommends | grep -qx libopenmpi3
		[ -z "$(field Depends | grep openmpi)" ]
	fi
	field Recommends | grep -qx python3
}

@test "its files: where Debian has them, owned by root, no scripts" {
	[ -z "$(dpkg-deb -c ./*.deb | awk '$2 != "root/root"')" ]
	[ -z "$(dpkg-deb -c ./*.deb | awk '$6 !~ /^\.\/(usr\/|$)/')" ]
	[ -z "$(dpkg-deb -c ./*.deb | grep -E '^-(..x......|.{3}.w)' | grep -vE ' \./usr/(bin|share/fusechat)/')" ]
	[ "$(dpkg-deb --ctrl-tarfile ./*.deb | tar -t | grep -v '/$' | sort | paste -sd' ')" = './control ./md5sums ./shlibs ./triggers' ]
	(cd root && dpkg-deb --ctrl-tarfile ../*.deb | tar -xO ./md5sums | md5sum -c --quiet)
	cmp <(dpkg-deb --ctrl-tarfile ./*.deb | tar -xO ./md5sums | sed 's/^[^ ]* *//' | sort) <(cd root && find . -type f | sed 's|^./||' | sort)
	for p in "$FC_ROOT"/man/*.[1-9]; do zcat "root/usr/share/man/man${p##*.}/${p##*/}.gz" | cmp - "$p"; done
	[ -s root/usr/share/zsh/vendor-completions/_fc-infer ] && [ -s root/usr/share/bash-completion/completions/fc-infer ]
	[ "$(readlink root/usr/lib/*/libfcstream.so)" = libfcstream.so.1 ]
	grep -q "^libdir=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)$" root/usr/lib/*/pkgconfig/fc-stream.pc
	[ -z "$(nm root/usr/bin/fc-view 2>/dev/null)" ]
}

@test "its changelog is CHANGES.md as Debian has it" {
	zcat root/usr/share/doc/fc-tools/changelog.gz | cmp - "$FC_ROOT/CHANGES.md"
	zcat root/usr/share/doc/fc-tools/changelog.Debian.gz >log
	[ "$(wc -L <log)" -le 80 ]
	dpkg-parsechangelog -l log >parsed 2>warned
	[ ! -s warned ]
	grep -qx "Version: $(dpkg-deb -f ./*.deb Version)" parsed
	# every word of the section, and none of the next
	awk -v v="$(cat "$FC_ROOT/VERSION")" '/^## / { here = $2 == v; next } here' "$FC_ROOT/CHANGES.md" |
		tr -s '[:space:]' '\n' | grep -vxE -- '-|' >want
	sed '1d; /^ -- /d' log | sed 's/^  \[ \(.*\) \]$/\1/; s/^  \* //' | tr -s '[:space:]' '\n' | grep . | cmp - want
}

@test "its programs and makefiles work where they are unpacked" {
	export PATH=$PWD/root/usr/bin:$PATH
	[ "$(fc-view --version)" = "$(root/usr/bin/fc-view --version)" ]
	fc-view --jsonl "$FC_ROOT/tests/data/stream/dists.fcs" | grep -q '"id":"x"'
	make -s -f root/usr/share/fusechat/demo/demo.mk WORK="$PWD/demo" "$PWD/demo/seed-4/labelled.jsonl" >/dev/null
	[ "$(wc -l <demo/seed-4/labelled.jsonl)" -eq 300 ]
}

@test "the same build gives the same bytes" {
	(umask 077 && TZ=Asia/Tokyo deb >/dev/null)
	cmp ./*.deb "$FC_ROOT/$B/deb"/*.deb
}

@test "lintian finds nothing" {
	command -v lintian >/dev/null || skip 'lintian is not installed'
	# as root it says that it should not be; compression was left out
	run -0 lintian --fail-on error,warning \
		--suppress-tags uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball ./*.deb
	[ -z "$(grep -v 'root privileges' <<<"$output")" ]
}
