#!/bin/sh
# deps.sh [build|demo|check|deb]...: installs the Debian packages that building, the demo, the tests and
# the package of Debian need and that are missing; all without arguments.
set -eu

build='gcc g++ make pkg-config git libzstd-dev zlib1g-dev libprotobuf-c-dev protobuf-c-compiler
libjansson-dev libpcre2-dev libutf8proc-dev libyaml-dev libxxhash-dev libopenblas-openmp-dev
libcurl4-openssl-dev'
demo='python3 gnuplot-nox'
check='bats mandoc shellcheck zstd xz-utils procps binutils jq zsh fish libopenmpi-dev openmpi-bin
iproute2 slurm-wlm slurmctld slurmd munge parallel python3-zstandard python3-xxhash python3-numpy'
deb='dpkg-dev libopenmpi-dev'

[ $# -gt 0 ] || set -- build demo check deb
wanted=
for group; do
	case $group in
	build) wanted="$wanted $build" ;;
	demo) wanted="$wanted $demo" ;;
	check) wanted="$wanted $check" ;;
	deb) wanted="$wanted $deb" ;;
	*) echo "deps.sh: no group '$group'" >&2; exit 2 ;;
	esac
done

missing=
for package in $wanted; do
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
echo "Installing packages, which takes a minute or two:" >&2
# shellcheck disable=SC2086 # a list of words
echo $missing | fold -s -w 78 | sed 's/^/  /' >&2
$sudo apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
