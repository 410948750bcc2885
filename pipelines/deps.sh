#!/bin/sh
# Installs the Debian packages that building, testing and the demo need and that are missing.
set -eu

build='gcc g++ make pkg-config git libzstd-dev libprotobuf-c-dev protobuf-c-compiler libjansson-dev
libpcre2-dev libutf8proc-dev libyaml-dev libxxhash-dev libopenblas-openmp-dev libdnnl-dev
libcurl4-openssl-dev'
check='bats mandoc shellcheck zstd xz-utils procps python3 jq'
demo='gnuplot-nox'

missing=
for package in $build $check $demo; do
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "These Debian packages, or your system's equivalents, are needed:$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "Installing:$missing" >&2
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
