#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What make install puts where, and that it works there; reading streams from C is in libfcstream.bats.

load ../helper

install_to() { # ROOT [GOAL]: of the programs as they are built
	make -s -C "$FC_ROOT" -o all B="$B" DESTDIR="$PWD/$1" PREFIX=/opt/fc "${2:-install}"
}

@test "uninstall removes what install made, and nothing else" {
	mkdir -p root/opt/fc/{bin,share/{man/man1,fusechat/recipes}}
	touch root/opt/fc/bin/other root/opt/fc/share/man/man1/other.1 root/opt/fc/share/fusechat/recipes/own.yml
	find root -type f | sort >before
	install_to root
	[ "$(find root -type f | wc -l)" -gt 100 ]
	install_to root uninstall
	find root -type f | sort | cmp - before
	[ -z "$(find root -type l)" ]
	# of the folders only those that others use, too, and the one with a file of somebody's
	[ ! -e root/opt/fc/lib/fc ] && [ ! -e root/opt/fc/include/fc ] && [ ! -e root/opt/fc/share/doc/fc-tools ]
	[ "$(cd root/opt/fc/share/fusechat && find . | sort | paste -sd' ')" = '. ./recipes ./recipes/own.yml' ]
}

@test "what was written in the tree is all there, for all to read" {
	(umask 077 && install_to root)
	cd root/opt/fc
	[ -z "$(find . -type f ! -perm -444)" ] && [ -z "$(find bin share -type d ! -perm -555)" ]
	for f in "$FC_ROOT"/man/*.[1-9]; do cmp "$f" "share/man/man${f##*.}/${f##*/}"; done
	for f in README.md CHANGES.md LICENSE; do cmp "$FC_ROOT/$f" "share/doc/fc-tools/$f"; done
	for f in "$FC_ROOT"/pipelines/*.md; do cmp "$f" "share/doc/fc-tools/${f##*/}"; done
	# but for deps.sh, which is for building, a picture and those texts
	(cd "$FC_ROOT/pipelines" && if [ -e ../.git ]; then git ls-files .; else find . -type f ! -name '*.pyc'; fi) | sed 's|^\./||' |
		grep -vxE 'deps.sh|[^/]*\.md|demo/[a-z]*.svg' >files
	[ "$(wc -l <files)" -gt 40 ]
	while read -r f; do cmp "$FC_ROOT/pipelines/$f" "share/fusechat/$f"; done <files
	[ "$(cd bin && printf '%s ' *)" = "$(cd "$FC_ROOT/tools" && printf '%s ' fc-*)" ]
	[ -x share/fusechat/submit.sh ] && [ -x share/fusechat/weights.sh ] && [ -x share/fusechat/fcstream.py ]
}

@test "install-strip: programs and libraries without symbols that work" {
	install_to root install-strip
	for f in root/opt/fc/bin/* root/opt/fc/lib/*.so.1 root/opt/fc/lib/fc/*; do
		[ ! -e "$f" ] || [ -z "$(nm "$f" 2>/dev/null)" ]
	done
	cmp root/opt/fc/share/fusechat/submit.sh "$FC_ROOT/pipelines/submit.sh"
	[ "$(root/opt/fc/bin/fc-view --version)" = "$(fc-view --version)" ]
	[ "$(root/opt/fc/bin/fc-view --jsonl "$FC_ROOT/tests/data/stream/dists.fcs" | wc -l)" -eq 2 ]
}

@test "installed pipelines find their parts and the programs" {
	install_to root
	share=$PWD/root/opt/fc/share/fusechat
	mkdir work
	cd work
	PATH=${share%/share/fusechat}/bin:$PATH
	[ "$(command -v fc-infer)" -ef "$share/../../bin/fc-infer" ]
	python3 "$share/demo/talk.py" --set fusion -n 4 --seed 3 >chats.jsonl
	make -s -f "$share/fusellm.mk" PIVOT="$share/demo/kit/pivot" SOURCES="$share/demo/kit/facts" DATA=chats.jsonl \
		OUT=run SHARDS=2 K=4 TRAIN='--steps 1 -q' INFER=-q >/dev/null 2>&1
	[ -s run/fusellm/model.safetensors ]
	# the others: every part is found before the first step
	make -n -f "$share/demo/demo.mk" >/dev/null
	make -n -f "$share/fusechat.mk" PIVOT="$share/demo/kit/pivot" SOURCES="$share/demo/kit/facts" DATA=chats.jsonl \
		OUT=other >/dev/null
}

@test "installed programs find the module for several processes" {
	command -v mpirun >/dev/null || skip 'needs mpirun (openmpi-bin)'
	[ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip 'built without Open MPI (libopenmpi-dev)'
	if sanitized; then export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0; fi
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
	install_to root
	kit=$PWD/root/opt/fc/share/fusechat/demo/kit
	python3 "$kit/../talk.py" --set fusion -n 8 --seed 3 | root/opt/fc/bin/fc-infer -q --tokens -m "$kit/pivot" -o tokens.fcs
	train() { timeout -k 5 100 mpirun -n 2 root/opt/fc/bin/fc-train -j 1 -m "$kit/pivot" --lambda 1 --steps 1 -o "$1" tokens.fcs; }
	run -0 train one
	[[ $output == *'2 ranks, 2 lanes'* ]]
	rm root/opt/fc/lib/fc/libfc-mpi.so
	run -1 train two
	[[ $output == *'no libfc-mpi.so in '* ]]
}
