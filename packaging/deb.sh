#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deb.sh ROOT OUT VERSION: the Debian package OUT/fc-tools_*.deb of what `make install-strip PREFIX=/usr` put into ROOT.
# `make deb` calls it.  It is no root's work, and the same sources and compiler give the same bytes.
#
# VERSION is a program's, 0.5.0 or 0.5.0+COMMIT[-dirty]; the package of a commit has its time, too, so that the later one
# is the newer one.  The revision is older than any of Debian's.  DEBFULLNAME and DEBEMAIL say who made it; without
# them git's user does.
set -euo pipefail
umask 022
root=$1 out=$2 version=$3
here=$(dirname "$0")
name=fc-tools
doc=$root/usr/share/doc/$name
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

# In an archive of make dist, files have the time of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(if [ -e .git ]; then git log -1 --format=%ct; else stat -c %Y VERSION; fi)}
export SOURCE_DATE_EPOCH

full=${DEBFULLNAME:-$(git config user.name 2>/dev/null || id -un)}
mail=${DEBEMAIL:-$(git config user.email 2>/dev/null || echo "$(id -un)@$(uname -n)")}
if [ -z "${DEBEMAIL:-$(git config user.email 2>/dev/null)}" ]; then
	echo "note: the package's maintainer is $full <$mail>, since neither DEBEMAIL nor git says who makes it"
fi
commit=${version#*+}
if [ "$commit" != "$version" ]; then
	commit=${commit//-/.}
	version=${version%%+*}+$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$commit
fi
version+=-0local1

# The section of CHANGES.md of this release: its items as Debian has them.
changes() {
	awk -v release="${version%%[+-]*}" '
		function flush() { if (item != "") print item; item = "" }
		/^## / { flush(); here = $2 == release; next }
		!here { next }
		/^$/ { flush(); next }
		/^- / { flush(); item = "* " substr($0, 3); next }
		/^ / { sub(/^ +/, ""); item = item " " $0; next }
		{ flush(); print "[ " $0 " ]" }
		END { flush() }' CHANGES.md |
		while IFS= read -r line; do
			fmt -w 76 <<<"$line" | case $line in
			'*'*) sed '1s/^/  /; 2,$s/^/    /' ;;
			*) sed 's/^/  /' ;;
			esac
		done
}

write_changelog() {
	printf '%s (%s) unstable; urgency=medium\n\n' "$name" "$version"
	changes | grep . || echo '  * CHANGES.md has nothing of this version.'
	printf '\n -- %s <%s>  %s\n' "$full" "$mail" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

work=$out/debian
rm -rf "$work" "$root/DEBIAN"
mkdir -p "$work" "$root/DEBIAN"
sed "s|@MAINTAINER@|$full <$mail>|" "$here/control" >"$work/control"
write_changelog >"$work/changelog"

# What Debian has in other places, or under other names.
rm "$doc/LICENSE"
mv "$doc/CHANGES.md" "$doc/changelog"
cp "$work/changelog" "$doc/changelog.Debian"
cp "$here/copyright" "$doc/copyright"
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/$name"
find "$root/usr/share/man" "$doc/changelog" "$doc/changelog.Debian" -type f -exec gzip -9nf {} +

find "$root/usr" -type f \( -path '*/usr/bin/*' -o -name '*.so*' \) -exec strip --remove-section=.comment --remove-section=.note {} +

# What the programs cannot do without, and what only one of their options needs.
root=$(cd "$root" && pwd)
modules=()
if [ -e "$root/usr/lib/fc/libfc-mpi.so" ]; then modules+=(-dRecommends -e"$root/usr/lib/fc/libfc-mpi.so"); fi
if [ -e "$root/usr/lib/fc/libfc-cuda.so" ]; then modules+=(--ignore-missing-info -dSuggests -e"$root/usr/lib/fc/libfc-cuda.so"); fi
(
	cd "$out"
	programs=()
	for f in "$root"/usr/bin/* "$root/usr/lib/$multiarch"/*.so.*; do programs+=(-e"$f"); done
	dpkg-shlibdeps -Tdebian/substvars -dDepends "${programs[@]}" "${modules[@]}"
	# Of OpenBLAS's variants the one that shares the programs' threads first, where Debian's own first one does not.
	sed -i '/^shlibs:Depends=/s/\blibopenblas0\b[^,|]*/libopenblas0-openmp | &/' debian/substvars
	dpkg-gencontrol -p$name -Tdebian/substvars -P"$root" 2>&1 | { grep -v 'unused substitution\|substitution variable.*shlibs:Suggests' || true; }
)
echo "libfcstream 1 $name (>= ${version%%[+-]*})" >"$root/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"$root/DEBIAN/triggers"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
chmod -R u=rwX,go=rX "$root"
file=$out/${name}_${version}_$(dpkg-architecture -qDEB_HOST_ARCH).deb
dpkg-deb --root-owner-group --build "$root" "$file"
