#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What exists is never destroyed by a slip: outputs are no inputs, --force replaces only what a tool
# made, and a run that ends early leaves nothing behind.
load train

setup_file() {
	train_setup 40 2
	fc-train -q -m "$F/pivot" --dtype f32 --steps 2 --batch-tokens 400 -o "$F/target" "$F/dists.fcs"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cp -r "$F/pivot" pivot
	cp -r "$F/target" target
	cp "$F/dists.fcs" d.fcs
	cp "$F/talk.jsonl" talk.jsonl
}

train() { fc-train -q --dtype f32 --epochs 1 --batch-tokens 400 "$@"; }

# A command that may not change anything here: `kept STATUS PATTERN COMMAND...`.
kept() {
	local status_wanted=$1 pattern=$2 before
	shift 2
	before=$(find . | LC_ALL=C sort && find . -type f -exec sha256sum {} + | LC_ALL=C sort)
	run "$@"
	[ "$status" -eq "$status_wanted" ] || { echo "$*: status $status: $output"; return 1; }
	[[ $output == *"$pattern"* ]] || { echo "$*: $output"; return 1; }
	[ "$before" = "$(find . | LC_ALL=C sort && find . -type f -exec sha256sum {} + | LC_ALL=C sort)" ] ||
		{ echo "$*: something has changed"; return 1; }
}

@test "every output of every tool against every input" {
	mkdir table
	cd table
	run python3 "$FC_ROOT/tests/cli/overwrite.py"
	echo "$output" | grep -v '^ok'
	[ "$status" -eq 0 ]
}

@test "a checkpoint takes the place of a checkpoint only" {
	mkdir notes && echo keep >notes/notes.txt
	cp -r target model
	for more in "" --resume --force; do
		kept 1 "notes: is not replaced, since it holds notes.txt" \
			train -m pivot --checkpoint notes $more -o out d.fcs
		kept 1 "model: is not replaced, since it holds " train -m pivot --checkpoint model $more -o out d.fcs
	done
	kept 2 "--checkpoint pivot: is pivot, which is read (--model)" \
		train -m pivot --checkpoint pivot -f -o out d.fcs
	kept 2 "--checkpoint t8: is t8, which is written, too (--output)" \
		train -m pivot --checkpoint t8 -o t8 d.fcs
	mkdir empty
	train -m pivot --checkpoint empty --checkpoint-every 1 -o out d.fcs
	[ -f empty/state.json ]
	kept 1 "empty: holds a checkpoint; go on with --resume" train -m pivot --checkpoint empty -o out2 d.fcs
	mkdir empty/mine
	kept 1 "empty: is not replaced, since it holds mine" \
		train -m pivot --checkpoint empty --force -o out2 d.fcs
}

@test "--force replaces a model, and nothing else" {
	mkdir -p home/models && touch home/.bashrc home/models/thesis
	for cmd in "fc-varm -q -f -b pivot -o home target" "train -f -m pivot -o home d.fcs" \
		"fc-convert -q -f -o home pivot"; do
		# shellcheck disable=SC2086 # a list of words
		kept 1 "home: is not replaced, since it holds " $cmd
	done
	kept 2 "--output .: holds pivot" fc-convert -f -o . pivot
	for cmd in "fc-varm -q -f -b pivot -o out target" "train -f -m pivot -o out d.fcs" \
		"fc-convert -q -f -o out pivot"; do
		rm -rf out && cp -r target out
		touch out/added_tokens.json
		# shellcheck disable=SC2086
		$cmd
		[ -f out/model.safetensors ] && [ ! -e out/added_tokens.json ]
	done
	[ "$(find . -name '.*' ! -name .)" = ./home/.bashrc ]
}

@test "a file is replaced by one of its kind" {
	cp talk.jsonl other.jsonl
	kept 1 "other.jsonl: exists and is no stream" fc-infer -q --tokens -m pivot -o other.jsonl talk.jsonl
	kept 1 "other.jsonl: exists and is no stream" fc-view --stream -o other.jsonl d.fcs
	kept 1 "other.jsonl: exists and is no stream" train -m pivot --update other.jsonl d.fcs
	cp d.fcs e.fcs
	kept 1 "e.fcs: exists and is no text" fc-view --jsonl -o e.fcs d.fcs
	kept 1 "e.fcs: exists and is no text" fc-varm -q -b pivot --report e.fcs -o out target
	kept 1 "e.fcs: exists and is no file of JSON lines" train -m pivot --log e.fcs -o out d.fcs
	kept 1 "no/e.fcs" train -m pivot --update no/e.fcs d.fcs
	fc-infer -q --tokens -m pivot -o e.fcs talk.jsonl
	fc-view --verify e.fcs
}

@test "standard output takes one output" {
	run -2 --separate-stderr fc-infer -q -m pivot --tokens --invalid skip --invalid-file - d.jsonl
	[ -z "$output" ]
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *"--invalid-file -: standard output is where --output goes"* ]]
	run -2 fc-align fuse --report - -o - d.fcs d.fcs
	[[ $output == *"--output -: standard output is where --report goes"* ]]
	run -2 fc-align verdict --weights - d.fcs d.fcs
	[[ $output == *"--weights -: standard output is where --output goes"* ]]
	run -2 fc-train -m pivot --update - --log - d.fcs
	[[ $output == *"--log -: standard output is where --update goes"* ]]
	run -2 fc-varm -b pivot -o - --report - target
	[[ $output == *"--report -: standard output is where --output goes"* ]]
}

@test "leftovers with subfolders enter no result" {
	mkdir -p .h.part/x && echo secret >.h.part/x/t
	kept 1 ".h.part: holds x" fc-varm -q -b pivot -o h target
	kept 1 ".h.part: holds x" fc-varm -q --resume -b pivot -o h target
}

@test "a stream is refused by a terminal, and a wrong device, before any work" {
	script -qec true /dev/null >/dev/null 2>&1 || skip "no terminal to be had here"
	for cmd in "fc-train -m none --update - none.fcs" "fc-infer -m none" "fc-infer -m none --tokens -o -" \
		"fc-align map -p none -s none" "fc-align apply -p none -s none none.fcs" \
		"fc-align fuse none.fcs none.fcs" "fc-view --stream none.fcs" "fc-varm -b none -o - none" \
		"fc-varm --recipe none -o -"; do
		run script -qec "$cmd" /dev/null
		[ "$status" -eq 2 ] || { echo "$cmd: $status $output"; false; }
		[[ $output == *"is not written to a terminal"* ]] || { echo "$cmd: $output"; false; }
	done
	run -2 fc-infer -m none --device cpux
	[[ $output == *"--device: no compute device is named cpux (there are: auto, cpu, cuda, cuda:N)"* ]]
	run -2 fc-train -m none --device cpux -o out none.fcs
	[[ $output == *"--device: no compute device is named cpux (there are: auto, cpu, cuda, cuda:N)"* ]]
}

@test "a launcher that starts a tool several times is told so" {
	for names in OMPI_COMM_WORLD_SIZE=4 PMI_SIZE=4 "PMI_RANK=0 SLURM_NTASKS=4" \
		"PMIX_RANK=2 SLURM_NTASKS=1 SLURM_STEP_NUM_TASKS=4"; do
		# shellcheck disable=SC2086 # a list of words
		kept 2 "a launcher has started this 4 times" env $names fc-view --stream -o out.fcs d.fcs
	done
	for names in OMPI_COMM_WORLD_SIZE=1 "OMPI_COMM_WORLD_SIZE=1 PMIX_RANK=0 SLURM_NTASKS=4" \
		SLURM_NTASKS=4 "PMIX_RANK=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1"; do
		# shellcheck disable=SC2086
		env $names fc-view d.fcs >/dev/null
	done
}

@test "fc-convert says what it makes" {
	kept 2 "a model is no stream" fc-convert -o - pivot
	kept 2 "name folders" train -m pivot -o - d.fcs
	kept 2 "name folders" train -m pivot --checkpoint - -o out d.fcs
	run fc-convert -o x.bin pivot
	[ "$status" -eq 0 ]
	[[ $output == *"making a folder with a Hugging Face model, x.bin"* ]]
	[ -d x.bin ]
}

@test "what is no regular file in a model is refused at once" {
	for name in model.safetensors config.json tokenizer.json; do
		rm -rf m && cp -r pivot m && rm m/$name && mkfifo m/$name
		run timeout 20 fc-infer -q -m m talk.jsonl
		[ "$status" -eq 1 ]
		[[ $output == *"m/$name: is a pipe, where a regular file is needed"* ]]
		rm m/$name && ln -s /dev/zero m/$name
		run timeout 20 fc-infer -q -m m talk.jsonl
		[ "$status" -eq 1 ]
		[[ $output == *"m/$name: is a device, where a regular file is needed"* ]]
	done
	run timeout 20 fc-infer -q --tokens -m pivot -o x.fcs /dev/zero
	[ "$status" -eq 1 ]
	[[ $output == *"/dev/zero:1: a line of more than"* ]]
	[ ! -e x.fcs ]
}

# What is there besides the inputs: nothing, or what is named.
left() {
	find . -mindepth 1 -maxdepth 1 ! -name pivot ! -name target ! -name d.fcs ! -name talk.jsonl \
		! -name slow ! -name '*.err' | LC_ALL=C sort | tr '\n' ' '
}

# Waits for COMMAND to have begun its output, sends it SIGNAL: `interrupted FEED SIGNAL COMMAND...`.
# It finds FEED's first bytes in "slow", a pipe that does not end.
interrupted() {
	local feed=$1 signal=$2 pid code=0
	shift 2
	rm -f slow
	mkfifo slow
	exec 7<>slow
	head -c 4000 "$feed" >&7
	env --default-signal="$signal" "$@" 2>run.err 3>&- 7>&- &
	pid=$!
	for _ in $(seq 200); do
		! begun $pid || break
		sleep 0.05
	done
	begun $pid || { echo "$*: nothing begun"; kill -9 $pid; cat run.err; return 1; }
	kill "-$signal" $pid || { echo "$*: ended by itself"; cat run.err; return 1; }
	for _ in $(seq 400); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.05
	done
	! kill -9 $pid 2>/dev/null || echo "$*: does not end"
	wait $pid 2>/dev/null || code=$?
	exec 7>&-
	[ "$code" -eq $((128 + $(kill -l "$signal"))) ] || { echo "$*: status $code"; cat run.err; return 1; }
	[ ! -s run.err ] || { cat run.err; return 1; }
}

# It has an output of ours open or has made a hidden one.
begun() {
	local f
	[ -n "$(find . -maxdepth 1 -name '.*' ! -name .)" ] && return 0
	for f in /proc/"$1"/fd/*; do
		[[ $(readlink "$f") != "$PWD"/[#.]* ]] || return 0
	done
	return 1
}

@test "a signal ends a run as it would any, and leaves nothing" {
	for s in INT TERM HUP; do
		interrupted talk.jsonl $s fc-infer -q --tokens -m pivot -o x.fcs slow
		interrupted talk.jsonl $s fc-infer -q --dtype f32 -m pivot -o x.fcs slow
		interrupted talk.jsonl $s fc-infer -q --dtype f32 --generate -m pivot -o x.jsonl slow
		interrupted d.fcs $s fc-view --stream -o x.fcs slow
		interrupted d.fcs $s fc-view --jsonl -o x.jsonl slow
		interrupted d.fcs $s fc-align apply -q -p pivot -s pivot -o x.fcs slow
		interrupted d.fcs $s fc-align fuse -q -o x.fcs slow d.fcs
		interrupted d.fcs $s fc-train -q --dtype f32 -m pivot --steps 20 -o out slow
		[ -z "$(left)" ] || { left; false; }
	done
}

@test "signals in the midst of long work: folders go, what is documented stays" {
	echo '{models: [{model: pivot}, {model: target, parameters: {weight: 1}}], base_model: pivot, merge_method: task_arithmetic}' >r.yml
	mkfifo slow.report
	for s in INT TERM HUP; do
		interrupted d.fcs $s fc-train -q --dtype f32 --epochs 100000 --checkpoint c \
			--checkpoint-every 2 --batch-tokens 400 -m pivot -o out d.fcs
		[ ! -e out ]
		[ -z "$(find . -name '.*' ! -name .)" ]
		[ ! -e c ] || [ -f c/state.json ]
		rm -rf c
		# the report goes to a pipe that nobody reads, when the folder is nearly made
		interrupted d.fcs $s fc-varm -q --recipe r.yml --report slow.report -o out
		[ "$(left)" = "./r.yml ./slow.report " ]
		interrupted d.fcs $s fc-varm -q --resume --recipe r.yml --report slow.report -o out
		[ "$(left)" = "./.out.part ./r.yml ./slow.report " ]
		rm -rf .out.part
	done
}

@test "a model that is cut off while it is read is named" {
	mkfifo slow
	cp -r pivot m
	fc-infer -q --dtype f32 -m m -o x.fcs slow 2>run.err 3>&- &
	pid=$!
	exec 7>slow
	# it has opened the model, too, when it waits for what comes through the pipe
	for ((waits = 0; waits < 3;)); do
		sleep 0.02
		read -r _ _ state _ <"/proc/$pid/stat"
		[ "$state" != Z ]
		if [ "$state" = S ] && grep -q /m/model.safetensors "/proc/$pid/maps"; then waits=$((waits + 1)); else waits=0; fi
	done
	truncate -s 4096 m/model.safetensors
	cat talk.jsonl >&7 || true
	exec 7>&-
	code=0
	wait $pid || code=$?
	[ "$code" -eq 1 ] || { echo "$code"; cat run.err; false; }
	[ "$(cat run.err)" = "fc-infer: m/model.safetensors: was cut off while it was read" ]
	rm -rf m
	[ -z "$(left)" ]
}

@test "a model's file that leads nowhere ends a run at its start, and goes into no result without a word" {
	for file in config.json tokenizer.json generation_config.json chat_template.jinja; do
		rm -rf m && cp -r pivot m && rm -f "m/$file"
		ln -s nowhere "m/$file"
		for cmd in "fc-varm -q -b m -o out target" "fc-convert -q -o out m" \
			"train -m m --checkpoint c --checkpoint-every 1 -o out d.fcs"; do
			# shellcheck disable=SC2086 # a list of words
			kept 1 "m/$file: No such file or directory" $cmd
		done
		rm "m/$file"
		mkfifo "m/$file"
		# shellcheck disable=SC2086 # a list of words
		for cmd in "fc-varm -q -b m -o out target" "fc-convert -q -o out m" "train -m m -o out d.fcs"; do
			run timeout 20 bash -c "$(declare -f train); $cmd"
			[ "$status" -eq 1 ]
			[[ $output == *"m/$file: is a pipe, where a regular file is needed"* ]]
			[ ! -e out ]
		done
	done
	rm -rf m && cp -r pivot m
	for file in tokenizer_config.json chat_template.jinja; do
		mv "m/$file" gone
		ln -s nowhere "m/$file"
		run fc-infer -q -m m talk.jsonl
		[ "$status" -eq 1 ]
		[[ $output == *"m/$file: No such file or directory"* ]]
		rm "m/$file"
		mv gone "m/$file"
	done
	# control: a folder of that name is none of the model's files
	mkdir m/LICENSES
	fc-convert -q -o out m
	[ ! -e out/LICENSES ]
}
