#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load train

# One tiny model, its tokenizer, and streams of short conversations for all tests.
setup_file() {
	train_setup 60 20
	python3 "$D/talk.py" --set heldout -n 20 --seed 1 >"$F/heldout.jsonl"
	python3 "$D/vocab.py" --kind gpt2 --size 290 --eos '<|end|>' -o "$F/other" <"$F/talk.jsonl"
	fc-infer -q --tokens -m "$F/other" -o "$F/other.fcs" "$F/talk.jsonl"
	fc-infer -q --tokens -m "$F/tok" -o "$F/heldout.fcs" "$F/heldout.jsonl"
}

# A light run, the same in all tests but for what they add.
train() {
	fc-train -m "$F/pivot" --dtype f32 --epochs 2 --batch-tokens 400 --lr 1e-3 "$@"
}

same_model() { cmp "$1/model.safetensors" "$2/model.safetensors"; }

@test "the result is a model folder, with the pivot's other files" {
	touch "$F/pivot/README.md"
	train -q -o out "$F/dists.fcs"
	[ "$(cd out && echo *)" = "$(cd "$F/pivot" && echo *)" ]
	cp -r "$F/pivot" with
	echo '{}' >with/adapter_config.json
	touch with/adapter_model.safetensors
	run fc-train -m with -o two --dtype f32 --steps 1 "$F/dists.fcs"
	[ "$status" -eq 0 ]
	[[ $output == *"with: adapter_config.json beside the weights is ignored"* ]]
	[ "$(cd two && echo *)" = "$(cd "$F/pivot" && echo *)" ]
	for f in config.json tokenizer.json tokenizer_config.json chat_template.jinja; do
		cmp "$F/pivot/$f" "out/$f"
	done
	run ! same_model "$F/pivot" out
	[ "$(stat -c %s out/model.safetensors)" -eq "$(stat -c %s "$F/pivot/model.safetensors")" ]
	fc-infer -q -m out --dtype f32 "$F/heldout.jsonl" >/dev/null
	[ -z "$(find . -name '.*.tmp')" ]
}

@test "training lowers the loss, in the log and on held-out conversations" {
	train -q --epochs 10 --lr 5e-3 --eval "$F/heldout.fcs" --eval-every 8 --log log -o out "$F/tokens.fcs"
	jq -es 'map(select(.lr)) | length > 10 and .[-1].loss < 0.8 * .[0].loss and
		([.[].step] == [range(1; length + 1)]) and .[0].fusion == null' log
	jq -es 'map(select(.eval)) | length > 2 and .[0].step == 0 and
		.[-1].eval.nll < .[0].eval.nll and .[-1].eval.accuracy > .[0].eval.accuracy' log
}

@test "the same command gives the same bytes, with fewer layers kept, too; another seed others" {
	train -q --log a.log -o a "$F/dists.fcs"
	train -q --log b.log --layers-kept 1 -o b "$F/dists.fcs"
	train -q --seed 2 -o c "$F/dists.fcs"
	same_model a b
	cmp a.log b.log
	run ! same_model a c
}

@test "any number of threads gives the same bytes" {
	for dtype in f32 bf16; do
		train -q --dtype $dtype -j 1 --log a.log --force -o a "$F/dists.fcs"
		train -q --dtype $dtype -j 3 --log b.log --force -o b "$F/dists.fcs"
		same_model a b
		cmp a.log b.log
	done
}

@test "file, standard input and pipe train the same, with and without the length" {
	train -q -o a "$F/dists.fcs"
	train -q -o b <"$F/dists.fcs"
	cat "$F/dists.fcs" | train -q -o c
	cat "$F/dists.fcs" | train -q --examples 60 -o d -
	same_model a b
	same_model a c
	same_model a d
	cat "$F/dists.fcs" | train -o e 2>err
	grep "reading the whole stream first" err
	cat "$F/dists.fcs" | train --examples 50 -o f 2>err
	grep "60 examples to train on, not 50" err
}

@test "lambda 1 on a distribution stream is training on its tokens" {
	train -q --lambda 1 -o a "$F/dists.fcs"
	train -q -o b "$F/tokens.fcs"
	train -q -o c "$F/dists.fcs"
	same_model a b
	run ! same_model a c
}

# Trains out with a checkpoint every 8th step, killed three times on the way: as soon as the log, a
# pipe here, has $1 more lines.  $2: the command that feeds it, or nothing for a file.
killed_three_times() {
	local from=$F/dists.fcs i
	[ -z "$2" ] || from=-
	cmd="${2:+$2 |} { echo \$BASHPID >pid; exec fc-train -q -m $F/pivot --dtype f32 --epochs 16
		--examples 60 --batch-tokens 400 --lr 1e-3 --checkpoint state --checkpoint-every 8 --resume
		-o out --log log $from; }"
	cmd=${cmd//[$'\n\t']/ }
	mkfifo log
	for _ in 1 2 3; do
		bash -c "$cmd" &
		{
			for ((i = 0; i < $1; i++)); do read -r _ || break; done # fewer: it is at its end
			kill -KILL "$(cat pid)" 2>/dev/null || :
		} <log
		wait $! || :
		[ ! -e out ] || return 0 # faster than the kill
	done
	[ -e state/state.json ]
	rm log
	bash -c "$cmd"
}

@test "a resumed run gives the bytes of an uninterrupted one" {
	train -q --epochs 4 --log whole.log -o whole "$F/dists.fcs"
	fc-train -m "$F/pivot" --dtype f32 --epochs 4 --batch-tokens 400 --lr 1e-3 -q --log log \
		--checkpoint state --checkpoint-every 7 -o out "$F/dists.fcs"
	same_model whole out
	cmp whole.log log
	rm -r out
	# from the last checkpoint on, which is not the end
	[ "$(jq .step state/state.json)" -lt "$(wc -l <log)" ]
	cp -r state other
	cp log other.log
	fc-train -m "$F/pivot" --dtype f32 --epochs 4 --batch-tokens 400 --lr 1e-3 -q --log log \
		--checkpoint state --checkpoint-every 7 --resume -o out "$F/dists.fcs"
	same_model whole out
	cmp whole.log log
	# what is reported on decides nothing, and may be another
	train -q --epochs 4 --checkpoint other --resume --eval "$F/tokens.fcs" --eval-every 3 --log other.log -o eval "$F/dists.fcs"
	same_model whole eval
	[ "$(jq -c 'select(.eval) | .step' other.log | wc -l)" -ge 1 ]
}

@test "a run can be killed at any time and resumed: file" {
	train -q --epochs 16 -o whole "$F/dists.fcs"
	killed_three_times 13 ""
	same_model whole out
}

@test "a run can be killed at any time and resumed: pipe" {
	train -q --epochs 16 -o whole "$F/dists.fcs"
	killed_three_times 19 "cat $F/dists.fcs"
	same_model whole out
}

@test "a checkpoint of another run is refused" {
	train -q --checkpoint state --checkpoint-every 4 -o out "$F/dists.fcs"
	run train -q --checkpoint state --resume -o out2 "$F/dists.fcs"
	[ "$status" -eq 0 ]
	run train -q --checkpoint state -o out3 "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"--resume"* ]]
	run train -q --checkpoint state --resume --lr 2e-3 -o out3 "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"lr 0.001, this run has 0.002"* ]]
	run train -q --checkpoint state --resume -o out3 "$F/tokens.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"not the stream"* ]]
	run fc-train -m out --dtype f32 --epochs 2 --batch-tokens 400 --lr 1e-3 --checkpoint state \
		--resume -o out3 "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"model"* ]]
	truncate -s -4 state/model.safetensors
	run train -q --checkpoint state --resume -o out3 "$F/dists.fcs"
	[ "$status" -eq 1 ]
	[ ! -e out3 ]
	train -q --checkpoint state --force -o out3 "$F/dists.fcs"
	same_model out out3
}

@test "another stream is refused wherever the checkpoint lies, and in what was not read yet" {
	fc-infer -q -m "$F/pivot" -k 4 --dtype f32 -o other.fcs <(sed '60s/"content": *"/&Well. /' "$F/talk.jsonl")
	again() { train -q --shuffle 1 --examples 60 --checkpoint state --checkpoint-every 1 --resume "$@"; }
	again -o whole "$F/dists.fcs" # the last checkpoint is that of the last step, where no pass has begun
	[ "$(jq .taken state/state.json)" -eq 0 ]
	for stream in other.fcs "$F/tokens.fcs"; do
		run -1 again -o none "$stream"
		[[ $output == *"$stream: not the stream that the checkpoint's training read"* ]]
		run -1 again -o none < <(cat "$stream")
		[[ $output == *"not the stream"* ]]
	done
	again -o same "$F/dists.fcs"
	same_model whole same
	cat "$F/dists.fcs" | again -o piped
	same_model whole piped
	# in the middle of the first pass: what is read later is another conversation than it was
	rm -r state
	again() { train -q --shuffle 1 --examples 60 --epochs 1 --checkpoint state --checkpoint-every 5 --resume "$@"; }
	again -o once "$F/dists.fcs"
	[ "$(jq '.pass == 0 and .taken > 0 and .taken < 60' state/state.json)" = true ]
	run -1 again -o none other.fcs
	[[ $output == *"not the stream"* ]]
	run -1 again -o none < <(cat other.fcs) # seen when the pass ends
	[[ $output == *"not the stream"* ]] && [ ! -e none ]
	again -o on "$F/dists.fcs"
	same_model once on
}

@test "a stream of another tokenizer is refused" {
	run train -o out "$F/other.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"fc-align apply"* ]]
	[ ! -e out ]
	run train -q --eval "$F/other.fcs" -o out "$F/tokens.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"other.fcs"* ]]
	[ ! -e out ]
}

@test "a cut-off or damaged stream leaves no model" {
	size=$(stat -c %s "$F/dists.fcs")
	for cut in 10 $((size / 2)) $((size - 9)); do
		head -c "$cut" "$F/dists.fcs" >cut.fcs
		run train -q -o out cut.fcs
		[ "$status" -eq 1 ]
		[ ! -e out ]
		[ "${#lines[@]}" -eq 1 ]
		run pipe "cat cut.fcs | fc-train -q -m $F/pivot --epochs 1 --examples 60 -o out"
		[ "$status" -eq 1 ]
		[ ! -e out ]
	done
	: >empty
	run train -q -o out empty
	[ "$status" -eq 1 ]
	[ ! -e out ]
	[ -z "$(find . -name '.*.tmp')" ]
}

@test "a full disk leaves no model" {
	run bash -c "trap '' XFSZ; ulimit -f 40; exec fc-train -q -m $F/pivot --steps 1 -o out $F/tokens.fcs"
	[ "$status" -eq 1 ]
	[ ! -e out ]
	[ -z "$(find . -name '.*.tmp')" ]
	run train -q --log /dev/full -o out "$F/tokens.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"/dev/full"* ]]
	[ ! -e out ]
	run bash -c "trap '' XFSZ; ulimit -f 4; cat $F/dists.fcs |
		fc-train -q -m $F/pivot --epochs 2 -o out"
	[ "$status" -eq 1 ]
	[[ $output == *spool* ]]
	[ ! -e out ]
}

@test "an existing output is kept, or replaced with --force" {
	mkdir out && touch out/config.json out/mine
	run train -q -o out "$F/tokens.fcs"
	[ "$status" -eq 1 ]
	[ -e out/mine ]
	run -1 train -q --force -o out "$F/tokens.fcs"
	[[ $output == *"out: is not replaced, since it holds mine"* ]]
	[ -e out/mine ]
	rm out/mine
	touch out/added_tokens.json
	train -q --force -o out "$F/tokens.fcs"
	[ ! -e out/added_tokens.json ]
	[ -e out/model.safetensors ]
}

@test "--force empties no folder behind a link, and never the model that is read" {
	cp -r "$F/pivot" mine
	cp -r mine before
	ln -s mine link
	for out in mine mine/ link; do
		run fc-train -q -f -m mine -o "$out" "$F/tokens.fcs"
		[ "$status" -eq 2 ]
		[[ $output == *"--output $out: is mine, which is read (--model)"* ]]
	done
	run train -q -f -o link "$F/tokens.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"link: is a link"* ]]
	diff -r before mine
}

@test "the type of the saved weights" {
	train -q --steps 1 --save-dtype f32 -o out "$F/tokens.fcs"
	[ "$(jq -r .torch_dtype out/config.json)" = float32 ]
	[ "$(jq -r .torch_dtype "$F/pivot/config.json")" = bfloat16 ]
	# of the two names of the type Transformers takes dtype
	cp -r "$F/pivot" both
	jq '.dtype = "bfloat16"' "$F/pivot/config.json" >both/config.json
	fc-train -q -m both --dtype f32 --steps 1 --save-dtype f32 -o wide "$F/tokens.fcs"
	[ "$(jq -r '.dtype, .torch_dtype' wide/config.json)" = $'float32\nfloat32' ]
	[ "$(stat -c %s out/model.safetensors)" -gt $((19 * $(stat -c %s "$F/pivot/model.safetensors") / 10)) ]
}

# The pivot is bfloat16: what of the change is left is counted here in numbers of 2 bytes.
@test "what saving leaves of the change is told, with a warning where it is little" {
	train -q --lr 1e-6 --save-dtype f32 -o f32 "$F/dists.fcs"
	run -0 train --lr 1e-6 -o bf16 "$F/dists.fcs"
	said=$(sed -n 's/.*warning: saved as BF16: only \(.*\) % of the squared change and \(.*\) % of the changed.*/\1 \2/p' <<<"$output")
	[[ $output == *"--save-dtype f32 keeps all of it"* ]]
	python3 - "$said" "$F/pivot" f32 bf16 <<-'EOF'
		import struct, sys
		def load(folder):
		    raw = open(folder + "/model.safetensors", "rb").read()
		    n = struct.unpack("<Q", raw[:8])[0]
		    raw = raw[8 + n:]
		    return raw
		pivot, exact, saved = (load(d) for d in sys.argv[2:])
		wide = lambda raw: [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0] for i in range(0, len(raw), 2)]
		b, w, s = wide(pivot), struct.unpack("<%df" % (len(exact) // 4), exact), wide(saved)
		change = sum((x - y) ** 2 for x, y in zip(w, b))
		error = sum((x - y) ** 2 for x, y in zip(w, s))
		changed = sum(x != y for x, y in zip(w, b))
		left = sum(x != y and z != y for x, y, z in zip(w, b, s))
		want = "%.1f %.1f" % (100 * max(0, 1 - error / change), 100 * left / changed)
		assert sys.argv[1] == want, (sys.argv[1], want)
	EOF
	run -0 train -q --lr 1e-6 -o quiet "$F/dists.fcs"
	[[ $output == *"saved as BF16: only"* ]]
	run -0 train --lr 1e-6 --save-dtype f32 -o again "$F/dists.fcs"
	[[ $output == *"saved as F32: 100.0 % of the squared change and 100.0 % of the changed"* ]]
	run -0 train --lr 0 -o none "$F/dists.fcs"
	[[ $output == *"no weight has changed"* ]]
}

@test "stochastic rounding: the same bytes again, by the seed, and the change on average" {
	run -0 train --lr 1e-6 --rounding stochastic -o a "$F/dists.fcs"
	[[ $output != *"saved as BF16: only"* ]]
	share=$(sed -n 's/.*on average \([0-9.]*\) % of the change survives.*/\1/p' <<<"$output")
	awk -v x="$share" 'BEGIN { exit !(x > 80 && x < 120) }'
	train -q -j 1 --lr 1e-6 --rounding stochastic -o b "$F/dists.fcs"
	same_model a b
	train -q --lr 1e-6 -o nearest "$F/dists.fcs"
	run ! same_model a nearest
	train -q --lr 1e-6 --save-dtype f32 --rounding stochastic -o c "$F/dists.fcs"
	train -q --lr 1e-6 --save-dtype f32 -o d "$F/dists.fcs"
	same_model c d
}

@test "a run of few steps is warned of, one of many is not" {
	run -0 train --steps 3 -o a "$F/tokens.fcs"
	[[ $output == *"warning: a run of 3 steps changes a model little"* ]]
	run -0 train --batch-tokens 65536 --epochs 1 -o b "$F/tokens.fcs"
	[[ $output == *"warning: a run of about 1 step "*"--batch-tokens (65536 now)"* ]]
	cat "$F/tokens.fcs" >pipe.fcs
	run -0 pipe "cat pipe.fcs | fc-train -q -m $F/pivot --epochs 1 --examples 60 -o c"
	[[ $output == *"warning: a run of 1 step changes"* ]]
	run -0 train --steps 20 -o d "$F/tokens.fcs"
	[[ $output != *"changes a model little"* ]]
}

@test "the last line compares means of a tenth of the steps" {
	run -0 train --steps 40 --log log -o a "$F/tokens.fcs"
	said=$(sed -n 's/.*mean loss of the first 4 steps \(.*\), of the last 4 \(.*\)/\1 \2/p' <<<"$output")
	[ "$said" = "$(jq -rs 'map(.loss) | [(.[:4] | add / 4), (.[-4:] | add / 4)] | @tsv' log |
		awk '{ printf "%.4f %.4f\n", $1, $2 }')" ]
}

@test "notes name the output, and rows that lambda 1 leaves out" {
	run -0 train --lambda 1 -o target-x/ "$F/dists.fcs"
	rows=$(fc-view --jsonl "$F/dists.fcs" | jq -s 'map(.rows | length) | add')
	[[ $output == *"fc-train target-x: $F/dists.fcs: 60 examples"*"$rows rows of the teacher not used (lambda 1)"* ]]
	run -0 train -o b "$F/dists.fcs"
	[[ $output == *"fc-train b: "*" $rows rows of the teacher"* ]]
	[[ $output != *"not used"* ]]
	run -0 train -o c "$F/tokens.fcs"
	[[ $output == *"labels, no teacher"* ]]
	run -0 pipe "fc-train -m $F/pivot --steps 1 --update - $F/tokens.fcs | cat >u.fcs"
	[[ $output == *"fc-train: "* ]]
}

@test "--dry-run checks and makes nothing" {
	run -0 train --dry-run -o out nowhere.fcs
	[ ! -e out ] && [[ $output == *"memory of cpu: "*" steps of up to "* ]] && [ "${#lines[@]}" -eq 2 ]
	run -2 train --dry-run -o out --lambda 3
	mkdir there && touch there/file
	run -1 train --dry-run -o there
	[[ $output == *"exists"* ]]
	run -1 fc-train --dry-run -m nowhere -o out
	mkdir broken && cp "$F"/pivot/*.json broken
	run -1 fc-train --dry-run -m broken -o out
	fc-convert -q -o pivot.gguf "$D/kit/strings"
	run -1 fc-train --dry-run -m pivot.gguf -o out
	[[ $output == *"fc-convert"* ]]
	[ -z "$(find . -name '.*.tmp')" ]
}

@test "--checkpoint-seconds: by time instead of steps" {
	train -q --steps 30 --checkpoint by-steps --checkpoint-every 1000 -o a "$F/tokens.fcs"
	[ ! -e by-steps ]
	train -q --steps 30 --checkpoint by-time --checkpoint-every 1000 --checkpoint-seconds 1e-6 -o b "$F/tokens.fcs"
	[ "$(jq .step by-time/state.json)" -ge 1 ]
	same_model a b
}

@test "--steps ends a run, longer or shorter than the stream" {
	for n in 1 3 50; do
		train -q --steps "$n" --log log -o "out$n" "$F/tokens.fcs"
		[ "$(wc -l <log)" -eq "$n" ]
	done
	jq -es 'map(.lr) | .[2] > .[20] and .[20] > .[49] and .[49] > 0' log
}

@test "long examples are truncated, with their number" {
	run train --max-length 30 -o out "$F/tokens.fcs"
	[ "$status" -eq 0 ]
	[[ $output == *"longer than the limit"* ]]
	run train --max-length 2 -o out2 "$F/tokens.fcs"
	[ "$status" -eq 1 ]
	[[ $output == *"no conversation has a token to train on"* ]]
}

@test "the model is at the optimum of its own rows, by every divergence but without their tail" {
	for loss in kl reverse-kl jsd skew-kl skew-reverse-kl "kl --temperature 2" "jsd --skew 0.2"; do
		# shellcheck disable=SC2086 # words
		train -q --lambda 0 --loss $loss --steps 1 --log log -f -o out "$F/dists.fcs"
		jq -es '.[0] | .fusion > -1e-5 and .fusion < 2e-4 and .grad_norm < 5e-3' log
	done
	train -q --lambda 0 --loss kl --unlisted renormalise --steps 1 --log log -f -o out "$F/dists.fcs"
	jq -es '.[0] | .fusion > 0.1 and .grad_norm > 0.05' log
}

@test "what rows list is told, and a temperature warned of where that is little" {
	train --steps 1 -f -o out "$F/dists.fcs" 2>err
	grep -qE 'rows list [0-9.]+ % of their probability and [0-9.]+ % of the tokens that follow' err
	run ! grep -q temperature err
	listed=$(sed -n 's/.*rows list \([0-9.]*\) .*/\1/p' err)
	fc-view --stats "$F/dists.fcs" | awk -v have="$listed" '
		/^mass of a row/ { n++; d = 100 * $5 - have }
		END { exit !(n == 1 && d < 0.1 && d > -0.1) }'
	train --steps 1 --temperature 2 -f -o out "$F/dists.fcs" 2>err
	grep -q -- '--temperature 2: rows leave' err
	# where what is not listed is no category, nothing is taken for one
	train --steps 1 --temperature 2 --loss ce --unlisted renormalise -f -o out "$F/dists.fcs" 2>err
	run ! grep -q 'rows leave' err
}

@test "wrong command lines end with 2" {
	for bad in "" "-o out" "-m $F/pivot" "-m $F/pivot --init x -o out" "--init x -o out" \
		"-m $F/pivot -o out --nonsense" "-m $F/pivot -o out --lambda 2" "-m $F/pivot -o out a b" \
		"-m $F/pivot -o out --resume" "-m $F/pivot -o out --epochs 0" "-m $F/pivot -o out --loss mse" \
		"-m $F/pivot -o out --loss jsd --unlisted renormalise" "-m $F/pivot -o out --skew 0.3" \
		"-m $F/pivot -o out --lora r=2 --layers-kept 2"; do
		# shellcheck disable=SC2086 # words
		run -2 fc-train $bad
		[ ! -e out ]
	done
	# where a divergence with a skew is one without
	while read -r loss skew instead; do
		run -2 fc-train -m "$F/pivot" -o out --loss "$loss" --skew "$skew"
		[[ $output == *"--skew $skew: --loss $loss is $instead"* ]]
	done <<-'END'
		jsd 0 0 there; divided by the skew it comes near --loss kl
		jsd 1 0 there; divided by 1 - skew it comes near --loss reverse-kl
		skew-kl 0 --loss kl there
		skew-kl 1 0 there, whatever the model
		skew-reverse-kl 0 --loss reverse-kl there
		skew-reverse-kl 1 0 there, whatever the model
	END
	echo '{"prompt": "a", "chosen": "b", "rejected": "c"}' >pairs.jsonl
	run -1 fc-train -m "$F/pivot" --preference dpo -o out pairs.jsonl
	[[ $output == *"pairs.jsonl: byte 0: not a stream of the fc tools but JSON: fc-infer makes streams of conversations and pairs"* ]]
	run -0 fc-train --help
	run -1 fc-train -m nowhere -o out "$F/tokens.fcs"
	[ "${#lines[@]}" -eq 1 ]
}

@test "a GGUF pivot is refused with what helps, and that does help" {
	fc-convert -q -o pivot.gguf "$D/kit/strings"
	mkdir alone && cp pivot.gguf alone
	for model in pivot.gguf alone; do
		run -1 fc-train -q -m $model -o out "$F/tokens.fcs"
		[ "${#lines[@]}" -eq 1 ]
		[[ "$output" == *"fc-convert --type bf16 -o DIR $model"* ]]
		[ ! -e out ]
	done
	fc-convert -q --type bf16 -o folder pivot.gguf
	fc-infer -q --tokens -m folder -o tokens.fcs "$F/talk.jsonl"
	fc-train -q --steps 2 --batch-tokens 400 -m folder -o out tokens.fcs
	fc-infer -q -m out "$F/talk.jsonl" | fc-view --verify
}

@test "--update: the change alone, which fc-varm merges like the target" {
	train -q --force --eval-every 3 --save-dtype f32 --update a.fcs -o a "$F/dists.fcs"
	made=$(fc-view --header a.fcs | sed -n 's/^program *fc-train//p')
	[[ $made == *' --save-dtype f32'* && $made != *--force* && $made != *--eval-every* ]]
	train -q --seed 5 --lambda 0.5 --save-dtype f32 -o b "$F/dists.fcs"
	train -q --seed 5 --lambda 0.5 --update - "$F/dists.fcs" >b.fcs
	[ "$(fc-view --header a.fcs | sed -n 's/^kind *//p')" = "model update" ]
	fc-view --verify a.fcs b.fcs
	for args in "--method linear" "" "--granularity layer" "--method ties --density 0.5"; do
		# shellcheck disable=SC2086 # a list of words
		fc-varm -q --force --dtype f32 -b "$F/pivot" -o folders $args a b
		# shellcheck disable=SC2086
		fc-varm -q --force --dtype f32 -b "$F/pivot" -o updates $args a.fcs - <b.fcs
		python3 - folders updates "$F/pivot" <<-'EOF'
			import struct, sys
			a, b = (open(d + "/model.safetensors", "rb").read() for d in sys.argv[1:3])
			n = struct.unpack("<Q", a[:8])[0]
			assert a[:8 + n] == b[:8 + n]
			x, y = (struct.unpack("<%df" % ((len(v) - 8 - n) // 4), v[8 + n:]) for v in (a, b))
			most = max(abs(p - q) for p, q in zip(x, y))
			assert most < 1e-6, most
			assert len(set(x)) > 1000
		EOF
	done
	# in a recipe, beside a folder
	fc-varm -q --recipe - -o mixed <<-EOF
		models: [{model: a.fcs}, {model: b}]
		merge_method: varm
		base_model: $F/pivot
		dtype: float32
	EOF
	fc-varm -q --force --dtype f32 -b "$F/pivot" -o updates a.fcs b
	cmp mixed/model.safetensors updates/model.safetensors
	# nothing trained, nothing changed
	train -q --lr 0 --update none.fcs "$F/dists.fcs"
	fc-varm -q -b "$F/pivot" -o same none.fcs
	same_model same "$F/pivot"
}

@test "--update: what it cannot be used for" {
	train -q --steps 1 --update a.fcs -o a "$F/dists.fcs"
	run fc-varm -q -b a -o out a.fcs
	[ "$status" -eq 1 ]
	[[ $output == *"a.fcs: the update of the model with fingerprint "*", but a has "* ]]
	run fc-varm -q -b a.fcs -o out a
	[[ $output == *"a.fcs: the update of a model: the base must be that model"* ]]
	run fc-varm -q --recipe - -o out <<<'{models: [{model: a.fcs}], merge_method: passthrough}'
	[[ $output == *"a.fcs: the update of a model: the base must be that model"* ]]
	run fc-convert -q -o out a.fcs
	[ "$status" -eq 1 ]
	[ ! -e out ]
	run fc-train -q --init "$F/config.json" --tokenizer "$F/tok" --update u.fcs "$F/tokens.fcs"
	[ "$status" -eq 2 ]
	run train -q --update - --log - "$F/dists.fcs"
	[ "$status" -eq 2 ]
	run train -q "$F/dists.fcs"
	[ "$status" -eq 2 ]
}
