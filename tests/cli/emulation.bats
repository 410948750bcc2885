#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whole programs on the emulated GPU (tools/lib/nn/cuda) against the processor, with the embedded
# models and stories260K.  MODELS and CONVERSATIONS may be set: `make check-emu` has all of them, more
# text and more orders of lanes.
load ../helper

MODELS=${MODELS:-pivot facts}
N=${CONVERSATIONS:-8}

setup_file() {
	[ -e "$FC_ROOT/$B/libfc-emu.so" ] || skip "the emulation is not built"
	export F=$BATS_FILE_TMPDIR K=$FC_ROOT/pipelines/demo/kit
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set heldout -n "$N" --seed 5 >"$F/heldout.jsonl"
	jq -c '{id, messages: [.messages[0]]}' "$F/heldout.jsonl" | head -n 6 >"$F/ask.jsonl"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export FC_EMU_ORDER=${FC_EMU_ORDER:-shuffle:7}
}

capture() { # capture DEVICE MODEL DTYPE
	fc-infer -q -m "$K/$2" --dtype "$3" --device "$1" --batch-tokens 200 -k 10 -o "$1.fcs" "$F/heldout.jsonl" &&
		fc-view --jsonl "$1.fcs" >"$1.jsonl"
}

rows() { python3 "$FC_ROOT/tests/cli/rows.py" "$@"; }

# In float32, rounding moves a logit of these models by 1e-5 at most, and a log-probability across a
# step of the type that it is stored in, 2^-11 of its size, now and then.
@test "capture in float32: hardly a number differs, none by more than a stored step" {
	for m in $MODELS; do
		for d in cpu emu; do capture $d "$m" f32; done
		[ "$(rows cpu.jsonl emu.jsonl 0x1p-10 0x1p-6)" = close ]
	done
}

@test "the parts of a capture have the rows of the whole" {
	for part in 1/1 1/2 2/2; do
		fc-infer -q -m "$K/pivot" --dtype bf16 --device emu -k 10 --shard $part -o part.fcs "$F/heldout.jsonl"
		fc-view --jsonl part.fcs >"${part/\//-}.jsonl"
	done
	[ "$(wc -l <1-2.jsonl)" -eq $(((N + 1) / 2)) ]
	cmp <(sort 1-1.jsonl) <(sort 1-2.jsonl 2-2.jsonl)
}

# Four operands of a layer are rounded to 2^-9 of their size, in 3 to 6 layers, and a sum's other
# order moves some by a whole step, which goes on through the layers.
@test "capture in bfloat16" {
	for m in $MODELS; do
		for d in cpu emu; do capture $d "$m" bf16; done
		[ "$(rows cpu.jsonl emu.jsonl 0x1p-4 1)" = close ]
	done
}

@test "a barrier that is left out is seen" {
	for d in cpu emu; do FC_EMU_DROP=rmsnorm_fwd_k:2 capture $d pivot f32; done
	run -0 rows cpu.jsonl emu.jsonl 0x1p-10 0x1p-6
	[[ $output == "of "*" numbers "*" differ, by up to "* ]]
	# what is read before it is written is no number
	FC_EMU_DROP=attn_fwd_k:2 run -1 capture emu pivot f32
	[[ $output == *"no finite logits"* ]]
	for d in cpu emu; do
		FC_EMU_DROP=rmsnorm_bwd_x_k:4 fc-train -q -m "$K/pivot" --dtype f32 --device $d --steps 1 --batch-tokens 400 \
			--lr 1 --eps 1 --warmup 0 --save-dtype f32 -o $d cpu.fcs
	done
	off=$(python3 "$FC_ROOT/tests/cli/changes.py" "$K/pivot/model.safetensors" {cpu,emu}/model.safetensors)
	awk -v off="$off" 'BEGIN { exit !(off > 2e-4) }'
}

@test "greedy and sampled answers are the processor's, whoever else is answered" {
	for m in $MODELS; do
		for t in 0 0.8; do
			for run in cpu.3 emu.3 emu.1; do
				fc-infer -q --generate -m "$K/$m" --dtype f32 --device "${run%.*}" --temperature "$t" --seed 3 \
					--max-new 12 --slots "${run#*.}" -o "$run.jsonl" "$F/ask.jsonl"
			done
			[ "$(wc -l <cpu.3.jsonl)" -eq 6 ]
			cmp cpu.3.jsonl emu.3.jsonl
			cmp emu.1.jsonl emu.3.jsonl
		done
	done
}

@test "answers in bfloat16 do not depend on who else is answered" {
	for slots in 1 3; do
		fc-infer -q --generate -m "$K/pivot" --dtype bf16 --device emu --max-new 12 --slots $slots \
			-o $slots.jsonl "$F/ask.jsonl"
	done
	cmp 1.jsonl 3.jsonl
}

# With so large an --eps, AdamW's steps are in proportion to the gradient, so that two trainings are
# as far apart as their gradients: by the sums of a layer's four widths and its keys, forward and
# backward, of rounding 2^-24 each; in bfloat16 by its four operands of 2^-9.
@test "three steps of training" {
	for m in $MODELS; do
		fc-infer -q -m "$K/$m" -k 6 --dtype f32 -o dists.fcs "$F/heldout.jsonl"
		for dtype in f32=2e-4 bf16=5e-2; do
			for d in cpu emu; do
				fc-train -q -f -m "$K/$m" --dtype "${dtype%=*}" --device $d --steps 3 --batch-tokens 400 \
					--micro-tokens 150 --lambda 0.5 --lr 1 --eps 1 --schedule constant --warmup 0 \
					--save-dtype f32 --log $d.log -o $d dists.fcs
			done
			off=$(python3 "$FC_ROOT/tests/cli/changes.py" "$K/$m/model.safetensors" {cpu,emu}/model.safetensors)
			echo "$m ${dtype%=*}: changes are $off apart"
			awk -v off="$off" -v most="${dtype#*=}" 'BEGIN { exit !(off <= most) }'
			[ "$(jq -s 'map(select(.loss)) | length' emu.log)" -ge 3 ]
		done
	done
}

@test "stories260K: the story is llama2.c's, and its rows are the processor's" {
	need_shared
	"$FC_ROOT/tests/stories260k.py" "$FC_SHARED"/data/weights/{stories260K,tok512}.bin stories
	K=. F=.
	echo '{"id":"a","messages":[{"role":"user","content":"Once upon a time"}]}' >ask.jsonl
	# tests/unit/stories.c derives this text from llama2.c's own file.
	fc-infer --generate -q -m stories --dtype f32 --device emu --max-new 30 ask.jsonl >heldout.jsonl
	run jq -r '.messages[1].content' heldout.jsonl
	[[ $output == ", there was a little girl named Lily. She loved to play outside"* ]]
	for d in cpu emu; do capture $d stories f32; done
	[ "$(rows cpu.jsonl emu.jsonl 0x1p-10 0x1p-6)" = close ]
}
