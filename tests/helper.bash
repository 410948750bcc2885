# Sourced by every bats file: `load ../helper`.
bats_require_minimum_version 1.5.0

# A test calls make as a user does, not as a part of the make that runs the tests: its -j would change the order.
unset MAKEFLAGS MFLAGS MAKELEVEL

# A pipeline whose status is that of its last failing part, for `run pipe '...'`.
pipe() { bash -o pipefail -c "$1"; }

# Ends the test with a message when the shared inputs are not there.
need_shared() {
	[ -n "${FC_SHARED:-}" ] || skip "no shared inputs"
}

# A sanitizer takes memory of its own, so that none can be measured.
sanitized() { [[ $B == build-address* || $B == build-thread* ]]; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}
