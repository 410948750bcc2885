#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pipelines whose stages are jobs: of a Slurm with two nodes, which the tests start, and of GNU parallel.
load ../helper
load slurm

setup_file() {
	export K=$FC_ROOT/pipelines/demo/kit SLURM_MISSING
	SLURM_MISSING=$(slurm_missing)
	cd "$BATS_FILE_TMPDIR" || return
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 40 --seed 3 >chats.jsonl
	head -n 9 chats.jsonl | jq -c '{id, messages: [.messages[0]]}' >prompts.jsonl
	fuse -s OUT=local 2>local.log
	# a container may lack what slurmd asks the system for
	if [ -z "$SLURM_MISSING" ] && ! slurm_start "$BATS_FILE_TMPDIR/slurm" >slurm.log 2>&1; then
		SLURM_MISSING="Slurm does not start here: $(tail -n 1 slurm.log)"
		slurm_stop "$BATS_FILE_TMPDIR/slurm"
	fi
}

teardown_file() { if [ -z "$SLURM_MISSING" ]; then slurm_stop "$BATS_FILE_TMPDIR/slurm"; fi; }

setup() { cd "$BATS_FILE_TMPDIR" || return; }

fuse() {
	make -f "$FC_ROOT/pipelines/fusechat.mk" PIVOT="$K/pivot" SOURCES="$K/facts" DATA=chats.jsonl FC="${TOOLS:-$FC_ROOT/$B}/" \
		INFER='-q --dtype f32' TRAIN="-q --epochs 1 --lr 1e-3 --batch-tokens 512 --micro-tokens 64 --lanes 4 --dtype f32 -j 1" "$@"
}

same_as_local() { # same_as_local OUT: streams and the result, and no parts are left
	for f in pivot.fcs facts.aligned.fcs target-facts/model.safetensors fusechat/model.safetensors; do
		cmp "local/$f" "$1/$f" || return
	done
	[ -z "$(find "$1" -name '*.parts')" ]
}

# tools FOLDER: the tools, of which fc-infer notes how it is called, and once, in the second part of the pivot's
# capture, leaves what a killed run leaves and ends as $END says
tools() {
	mkdir -p "$1"
	ln -sf "$FC_ROOT/$B"/fc-* "$1"
	rm "$1/fc-infer"
	cat >"$1/fc-infer" <<-EOF
		#!/usr/bin/env bash
		echo "\${SLURMD_NODENAME:-here} \$*" >>"$BATS_FILE_TMPDIR/$1/calls"
		case "\$*" in *"--shard 2/3"*pivot.fcs.parts*)
		    if [ ! -e "$BATS_FILE_TMPDIR/$1/ended" ]; then
		        touch "$BATS_FILE_TMPDIR/$1/ended"
		        line="\$*" out=\${line##* -o } out=\${out%% *}
		        "$FC_ROOT/$B/fc-infer" \${line/-o \$out/-o \$out.whole} || exit
		        head -c \$((\$(stat -c %s \$out.whole) / 2)) \$out.whole >\${out%/*}/.\${out##*/}.partial
		        rm \$out.whole
		        $END
		    fi ;;
		esac
		exec "$FC_ROOT/$B/fc-infer" "\$@"
	EOF
	chmod +x "$1/fc-infer"
}

calls() { grep -c -- "--shard $2 .*pivot.fcs.parts\|pivot.fcs.parts.*--shard $2 " "$1/calls" || true; }

# A part that is killed is run again by itself; one that fails is run by the next make, and no other.
killed_and_failed() { # killed_and_failed HOW
	END='kill -9 $$' tools "killed-$1"
	TOOLS=$PWD/killed-$1 run -0 fuse -s -j2 OUT="out-$1-killed" SUBMIT="$1" SHARDS=3
	[[ $output == *"step 2 of 6: distributions of the pivot, part 3 of 3"* ]]
	[[ $output == *"part 2: ended by signal 9"* && $output == *"part 2 of 3 once more"* ]]
	same_as_local "out-$1-killed"
	[ "$(calls "killed-$1" 1/3)/$(calls "killed-$1" 2/3)/$(calls "killed-$1" 3/3)" = 1/2/1 ]

	END='exit 1' tools "failed-$1"
	TOOLS=$PWD/failed-$1 run ! fuse -s -k OUT="out-$1-failed" SUBMIT="$1" SHARDS=3
	[ ! -e "out-$1-failed/pivot.fcs" ] && [ ! -e "out-$1-failed/pivot.fcs.parts/2.fcs" ]
	before=$(($(calls "failed-$1" 1/3) + $(calls "failed-$1" 3/3)))
	there=$(find "out-$1-failed/pivot.fcs.parts" -name '[13].fcs' | wc -l)
	TOOLS=$PWD/failed-$1 run -0 fuse -s OUT="out-$1-failed" SUBMIT="$1" SHARDS=3
	same_as_local "out-$1-failed"
	[ "$(calls "failed-$1" 2/3)" -eq 2 ]
	[ $(($(calls "failed-$1" 1/3) + $(calls "failed-$1" 3/3))) -eq $((before + 2 - there)) ]
	run -0 fuse OUT="out-$1-failed" SUBMIT="$1" SHARDS=5
	[[ $output == *"Nothing to be done"* ]]
}

@test "a FuseChat run by Slurm has the bytes of a local one; a killed part is run again, a finished one never" {
	[ -z "$SLURM_MISSING" ] || skip "$SLURM_MISSING"
	killed_and_failed slurm
	grep -q '^n1 ' killed-slurm/calls && grep -q '^n2 ' killed-slurm/calls
	# every stage with a model was a job
	fuse -s OUT=jobs SUBMIT=slurm SRUN='-J whole'
	same_as_local jobs
	[ "$(scontrol -o show job | grep -c 'JobName=whole .*JobState=COMPLETED')" -eq 5 ]
}

@test "a FuseChat run by GNU parallel has the bytes of a local one; a killed part is run again, a finished one never" {
	command -v parallel >/dev/null || skip "parallel is not installed (pipelines/deps.sh check)"
	killed_and_failed parallel
}

@test "parts here, one after the other, and what cannot be asked for" {
	killed_and_failed local
	for wrong in "SUBMIT=pbs" "SHARDS=0" "SHARDS=x" "SUBMIT=slurm parallel"; do
		run -2 fuse -s OUT=none "$wrong"
		[[ $output == *"${wrong%%=*} is "* ]]
	done
	PATH=$(dirname "$(command -v make)"):/nowhere run ! bash "$FC_ROOT/pipelines/submit.sh" pbs true
	# parts that are older than a new setting go
	mkdir -p old/pivot.fcs.parts
	cp local/pivot.fcs old/pivot.fcs.parts/1.fcs
	echo 2 >old/pivot.fcs.parts/of
	touch -d '2020-01-01' old/pivot.fcs.parts/of
	fuse -s OUT=old SHARDS=2
	same_as_local old
}

@test "answers in parts are those of one run, in their order" {
	answers() {
		make -s -f "$FC_ROOT/pipelines/answers.mk" PIVOT="$K/pivot" SOURCES="$K/facts" PROMPTS=prompts.jsonl FUSION= \
			SAMPLES=2 REWARD=agreement GENERATE='-q --max-new 8' FC="$FC_ROOT/$B/" "$@"
	}
	answers OUT=answers-1
	[ "$(wc -l <answers-1/answers/facts.jsonl)" -eq 18 ]
	answers OUT=answers-4 SHARDS=4
	cmp answers-1/answers/facts.jsonl answers-4/answers/facts.jsonl
	cmp answers-1/best.jsonl answers-4/best.jsonl
}

@test "a mixture's weights, rounds, pairs and MT-Bench in parts: the bytes of one run" {
	tail -n 12 chats.jsonl >dev.jsonl
	for name in '' -multi-turn; do
		echo '{"name": "single-v1'$name'", "system_prompt": "", "prompt_template": "{question}{answer}", "output_format": "[[rating]]"}'
	done >judge.jsonl
	for i in 1 2 3 4 5; do echo '{"question_id": '$i', "category": "all", "turns": ["What is '$i' plus 2?", "And 3?"]}'; done >q.jsonl
	tool() { # tool MAKEFILE SHARDS ARGUMENT...
		make -s -f "$FC_ROOT/pipelines/$1.mk" FC="$FC_ROOT/$B/" SHARDS="$2" "${@:3}"
	}
	common=(PIVOT="$K/pivot" SOURCES="$K/facts" PROMPTS=prompts.jsonl INFER='-q --dtype f32' GENERATE='-q --dtype f32 --max-new 12')
	for n in 1 3; do
		tool onpolicy $n "${common[@]}" OUT=rounds-$n ROUNDS=1 RULE=mixture DEV=dev.jsonl \
			rounds-$n/dev/weights.tsv rounds-$n/round-1/{itself.fcs,facts.aligned.fcs}
		tool answers $n "${common[@]}" OUT=pairs-$n FUSION= PREFERENCE=wrpo REWARD=program CHECKER="jq '.messages | tostring | length'" \
			SAMPLES=2 pairs-$n/preference/threes.fcs
		tool answers $n "${common[@]}" OUT=pairs-$n FUSION= PREFERENCE=infifpo REWARD=program CHECKER="jq '.messages | tostring | length'" \
			SAMPLES=2 pairs-$n/preference/source-facts.fcs
		tool mtbench $n MODELS="$K/pivot" QUESTIONS=q.jsonl PROMPTS=judge.jsonl JUDGE="--command true" OUT=bench-$n \
			INFER='-q --dtype f32 --max-new 8 --tstamp 0' bench-$n/model_answer/pivot.jsonl
	done
	for f in rounds-1/dev/{pivot.fcs,facts.aligned.fcs,weights.tsv} rounds-1/round-1/{answers.jsonl,itself.fcs,facts.aligned.fcs} \
		pairs-1/{answers/facts.jsonl,preference/itself.jsonl,preference/threes.fcs,preference/source-facts.fcs} \
		bench-1/model_answer/pivot.jsonl; do
		[ -s "$f" ]
		cmp "$f" "${f/-1\//-3/}"
	done
	[ "$(fc-view -n 1 --jsonl pairs-3/preference/threes.fcs | wc -l)" -ge 1 ]
	[ -z "$(find rounds-3 pairs-3 bench-3 -name '*.parts' -o -name '*.part')" ]
	# what leaves out lines has no order in parts
	for m in onpolicy answers; do
		tool $m 1 "${common[@]}" OUT=none GENERATE='--long skip' -n >/dev/null
		run -2 tool $m 3 "${common[@]}" OUT=none GENERATE='-q --long=skip' -n
		[[ $output == *"SHARDS: GENERATE says --long skip, which leaves out prompts"* ]]
	done
	run -2 tool mtbench 2 MODELS="$K/pivot" QUESTIONS=q.jsonl PROMPTS=judge.jsonl JUDGE="--command true" OUT=none INFER='--long skip' -n
	[[ $output == *"SHARDS: INFER says --long skip"* ]]
}

# What training by Slurm needs besides, or why there is none.
ranks_by_slurm() {
	[ -z "$SLURM_MISSING" ] || skip "$SLURM_MISSING"
	command -v mpirun >/dev/null && [ -e "$FC_ROOT/$B/libfc-mpi.so" ] || skip "needs openmpi-bin, and libopenmpi-dev when the tools are built"
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PATH=$FC_ROOT/$B:$PATH
	light=(-m "$K/pivot" --dtype f32 -j 1 --lr 1e-4 --batch-tokens 400 --micro-tokens 64 --lanes 2)
	[ -e train.fcs ] || fc-infer -q --tokens -m "$K/pivot" -o train.fcs chats.jsonl
}

@test "training by srun --mpi=pmix, and by mpirun on two nodes of an allocation: the model of one process" {
	ranks_by_slurm
	fc-train -q "${light[@]}" --steps 3 -o ranks-1 train.fcs
	timeout -k 5 100 salloc -Q -N 2 -n 2 mpirun -n 2 fc-train -q "${light[@]}" --steps 3 -o ranks-2 train.fcs
	cmp ranks-1/model.safetensors ranks-2/model.safetensors
	srun --mpi=list 2>&1 | grep -q pmix || skip "this Slurm has no pmix"
	timeout -k 5 100 srun --mpi=pmix -N 1 -n 2 --overcommit fc-train "${light[@]}" --steps 3 -o ranks-3 train.fcs 2>said
	grep -q '2 ranks, 2 lanes' said
	cmp ranks-1/model.safetensors ranks-3/model.safetensors
}

@test "the batch script of fc-train(1): before its time is up it is stopped, requeued, and goes on to the same bytes" {
	ranks_by_slurm
	fc-train -q "${light[@]}" --epochs 6 --log whole.log -o whole train.fcs
	sed -n '/^#!\/bin\/bash/,/^\.Ed/p' "$FC_ROOT/man/fc-train.1" | sed "/^\.Ed/d
		s|nodes=4|nodes=2|
		s|mpirun \.\.\. fc-train|mpirun -n 2 fc-train ${light[*]} --epochs 6 --log batch.log --checkpoint-every 1000 -o batch|
		s|--resume \.\.\.|--resume train.fcs|" >job
	[ "$(grep -c 'mpirun -n 2 fc-train.*--checkpoint state --resume train.fcs & run=\$!' job)" -eq 1 ]
	job=$(sbatch --parsable -o job.log --open-mode=append job)
	state() { scontrol -o show job "$job" | grep -o "JobState=$1"; }
	for _ in $(seq 600); do [ ! -s batch.log ] || break; sleep 0.1; done
	scancel -b -s USR1 "$job" # as the scheduler sends it
	for _ in $(seq 300); do ! state PENDING || break; sleep 0.1; done
	grep -q 'stopped by a signal after step [0-9]*; --resume goes on from there' job.log
	[ ! -e batch ]
	sleep 2 # slurmd refuses a run that begins in the second in which it ended the one before
	scontrol update "job=$job" StartTime=now # it would wait two minutes
	for _ in $(seq 900); do ! state 'COMPLETED\|FAILED' || break; sleep 0.1; done
	grep -q 'going on after step' job.log
	cmp whole/model.safetensors batch/model.safetensors
	cmp whole.log batch.log
}

@test "by mpirun with 1, 2 and 4 ranks, and by hand: the same model" {
	if command -v mpirun >/dev/null && [ -e "$FC_ROOT/$B/libfc-mpi.so" ]; then
		export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
		export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
		for n in 1 2 4; do
			fuse -s OUT=ranks$n LAUNCH="timeout -k 5 150 mpirun -n $n" >/dev/null 2>&1
			same_as_local ranks$n
			rm -r ranks$n
		done
	else
		echo "# not by mpirun: needs openmpi-bin, and libopenmpi-dev when the tools are built" >&3
	fi
	tool() { "$FC_ROOT/$B/$1" "${@:2}" 2>>hand.log; }
	tool fc-infer -k 10 --dtype f32 -m "$K/pivot" chats.jsonl >hand.pivot.fcs
	tool fc-infer -k 10 --dtype f32 -m "$K/facts" -p "$K/pivot" chats.jsonl | tool fc-align apply -p "$K/pivot" -s "$K/facts" -o hand.facts.fcs
	tool fc-align fuse --rule mince -k 10 hand.pivot.fcs hand.facts.fcs |
		tool fc-train -m "$K/pivot" --lambda 0.9 --loss kl --answers any --save-dtype f32 --epochs 1 --lr 1e-3 --batch-tokens 512 \
			--micro-tokens 64 --lanes 4 --dtype f32 -j 1 -o hand.target
	tool fc-varm -b "$K/pivot" --dtype f32 hand.target -o hand.fused
	cmp hand.target/model.safetensors local/target-facts/model.safetensors
	cmp hand.fused/model.safetensors local/fusechat/model.safetensors
}
