#!/usr/bin/env bats
load ../helper
load varm

@test "VaRM: weights by mean square, the pivot's other files, a record" {
	three_models
	run --separate-stderr fc-varm -b pivot -o out ta tb --report w.tsv
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"mean weights"* ]]
	# by hand: mean squares 0.125 and 0.5, so 0.2 and 0.8; n was moved by ta alone
	diff <(values out) <(printf 'a=1.1,0.8,0.8,1.1\nn=1,2\n')
	# norms sqrt(0.5), sqrt(2) and 1, 0; no entry was moved by both
	diff w.tsv <(printf 'tensor\telements\tta\ttb\tnorm ta\tnorm tb\tcosine ta, tb\tagreement ta, tb
a\t4\t0.2\t0.8\t0.707107\t1.41421\t0\t-
n\t2\t1\t0\t1\t0\t-\t-\n')
	cmp pivot/config.json out/config.json
	cmp pivot/tokenizer.json out/tokenizer.json
	[ ! -e out/pytorch_model.bin ]
	python3 -c '
import json
r = json.load(open("out/fc-varm.json"))
assert r["method"] == "varm" and r["weights"]["a"] == [0.2, 0.8], r
assert len(r["pivot"]) == 16 and len(set(r["targets"])) == 2, r'
	run ! grep -q "$PWD" out/fc-varm.json
}

@test "the table of means has the models' whole names" {
	three_models
	mv ta target-of-a-long-name
	run fc-varm -b pivot -o out target-of-a-long-name tb
	[[ $output == *"count  target-of-a-long-name         tb"* ]]
	[[ $output == *" 0.6000     0.4000"* ]]
}

@test "the table goes to standard output with -" {
	three_models
	fc-varm -q -b pivot -o out ta tb --report - >table
	[[ "$(head -n 1 table)" == "$(printf 'tensor\telements\tta\ttb\t')"* ]]
	[ "$(wc -l <table)" -eq 3 ]
}

@test "linear: weights 1,0 give the first target's file; equal by default" {
	three_models
	fc-varm -q -b pivot -o one --method linear --weight 1,0 ta tb
	diff <(values one) <(values ta)
	fc-varm -q -b pivot -o mean --method linear ta tb
	diff <(values mean) <(printf 'a=1.25,0.5,0.5,1.25\nn=1,1.5\n')
	fc-varm -q -b pivot -o sum --method linear --normalize no --weight 1,1 ta tb
	diff <(values sum) <(printf 'a=2.5,1,1,2.5\nn=2,3\n')
	fc-varm -q -b pivot -o half --method linear --normalize no --weight 0.5,0 ta tb
	diff <(values half) <(printf 'a=0.75,0,0,0.75\nn=0.5,1\n')
}

@test "sce: disjoint changes are not averaged" {
	three_models
	fc-varm -q -b pivot -o out --method fusechat-sce --select-topk 1 ta tb
	diff <(values out) <(printf 'a=1.5,1,1,1.5\nn=1,2\n')
}

@test "--dtype rounds and says so in config.json" {
	three_models
	fc-varm -q -b pivot -o out --dtype bf16 ta tb
	# 1.1 and 0.8 in bfloat16 are 3f8d and 3f4d
	diff <(values out) <(printf 'a=8d3f4d3f4d3f8d3f\nn=803f0040\n')
	python3 -c '
import json
c = json.load(open("out/config.json"))
assert c == {"model_type": "llama", "torch_dtype": "bfloat16", "rms_norm_eps": 1e-06}, c'
}

@test "--dtype is entered under each name that config.json has for it, also in the text's part" {
	three_models
	echo '{"model_type": "gemma3", "torch_dtype": "float32", "dtype": "float32", "text_config": {"dtype": "float32"}}' >pivot/config.json
	fc-varm -q -b pivot -o out --dtype bf16 ta tb
	[ "$(jq -c . out/config.json)" = '{"model_type":"gemma3","torch_dtype":"bfloat16","dtype":"bfloat16","text_config":{"dtype":"bfloat16"}}' ]
}

@test "sharded output opens again and merges to the same" {
	three_models
	fc-varm -q -b pivot -o shards --shard-bytes 16 ta tb
	[ -f shards/model-00002-of-00002.safetensors ]
	fc-varm -q -b pivot -o whole shards
	fc-varm -q -b pivot -o direct ta tb
	cmp whole/model.safetensors direct/model.safetensors
}

@test "usage errors end with 2 and write nothing" {
	three_models
	mkdir there
	for args in "" "-b pivot" "-b pivot -o out" "-o out ta" "-b pivot -o out ta --method none" \
		"-b pivot -o out ta --weight 1" "-b pivot -o out ta --method linear --weight 1,2" \
		"-b pivot -o out ta --method linear --weight x" \
		"-b pivot -o out ta tb --method linear --weight 1,-1" \
		"-b pivot -o out ta --method fusechat-sce --select-topk 1.5" "-b pivot -o out ta --select-topk 0.5" "-b pivot -f -o ta ta" "-b pivot -f -o pivot ta"; do
		# shellcheck disable=SC2086 # a list of words
		run fc-varm $args
		[ "$status" -eq 2 ]
		[ ! -e out ]
	done
	run fc-varm -b pivot -o there ta
	[ "$status" -eq 1 ]
	[[ $output == *"there: exists already; --force replaces it"* ]]
}

@test "models that do not fit are refused with the tensor's name" {
	three_models
	check() { # check WORDS, then nothing is left behind
		run fc-varm -b pivot -o out ta tc
		[ "$status" -eq 1 ]
		[[ $output == *"$1"* ]]
		[ -z "$(find . -name 'out*' -o -name '.out*')" ]
	}
	models 'tc a=1,2,3,4'
	check "tc: tensor n is missing"
	models 'tc a=1,2,3,4 n=1,2 z=1'
	check "tc: tensor z: pivot has no z"
	models 'tc a=1,2,3 n=1,2'
	check "tc: tensor a has shape [3], in pivot it is [4]"
	models 'tc a=1,2,3,nan n=1,2'
	check "tc: tensor a: value 3 is nan"
	models 'tc a=1,2,inf,4 n=1,2'
	check "tc: tensor a: value 2 is inf"
	truncate -s -1 tc/model.safetensors
	check "tc/model.safetensors"
	rm tc/model.safetensors
	touch tc/pytorch_model.bin
	check "convert"
	models 'tc a=1,2,3,4 n=1,2'
	run fc-varm -q -b pivot -o out ta tc
	[ "$status" -eq 0 ]
}

@test "a value too large for the type is refused" {
	models 'pivot a=0'
	models 'ta a=65519'
	fc-varm -q -b pivot -o fits --dtype f16 ta
	diff <(values fits) <(echo a=ff7b)
	models 'ta a=65520'
	run fc-varm -q -b pivot -o out --dtype f16 ta
	[ "$status" -eq 1 ]
	[[ $output == *"tensor a: a merged value is too large"* ]]
	[ ! -e out ]
}

@test "warnings: copies, one takes all, no weight" {
	three_models
	cp -r ta tc
	run fc-varm -q -b pivot -o o1 ta tc
	[[ $output == *"all weights are equal"* ]]
	cp -r pivot td
	run fc-varm -q -b pivot -o o2 ta td
	[[ $output == *"ta takes all the weight"* && $output == *"td has no weight"* ]]
	run fc-varm -q -b pivot -o o3 td pivot
	[[ $output == *"no target differs"* ]]
	cmp o3/model.safetensors <(fc-varm -q -b pivot -o o4 pivot && cat o4/model.safetensors)
	run fc-varm -q -b pivot -o o5 ta tb
	[ -z "$output" ]
}

@test "--force replaces a folder, if it is a model's" {
	three_models
	mkdir out
	touch out/config.json out/added_tokens.json out/thesis
	run -1 fc-varm -q -f -b pivot -o out ta tb
	[[ $output == *"out: is not replaced, since it holds thesis"* ]]
	[ "$(ls out)" = $'added_tokens.json\nconfig.json\nthesis' ]
	rm out/thesis
	fc-varm -q -f -b pivot -o out ta tb
	[ -f out/model.safetensors ]
	[ ! -e out/added_tokens.json ]
}

@test "a tied head: a target may keep an equal copy, not one of its own" {
	models 'pivot model.embed_tokens.weight=1,2' \
		'ta model.embed_tokens.weight=1,3 lm_head.weight=1,3' \
		'tb model.embed_tokens.weight=1,3 lm_head.weight=1,4' \
		'pivot2 model.embed_tokens.weight=1,2 lm_head.weight=5,5' \
		'tc model.embed_tokens.weight=1,3'
	fc-varm -q -b pivot -o out ta
	diff <(values out) <(echo model.embed_tokens.weight=1,3)
	run fc-varm -q -b pivot -o out2 tb
	[ "$status" -eq 1 ]
	[[ $output == *"lm_head.weight differs"* ]]
	# an untied pivot takes a tied target's embedding for its head
	fc-varm -q -b pivot2 -o out3 tc
	diff <(values out3) <(printf 'lm_head.weight=1,3\nmodel.embed_tokens.weight=1,3\n')
	# nor may a pivot that says they are tied keep another head, which no model has then
	sed -i 's/{/{"tie_word_embeddings": true, /' pivot2/config.json
	run -1 fc-varm -q -b pivot2 -o out4 tc
	[[ $output == "fc-varm: pivot2: tensor lm_head.weight differs from model.embed_tokens.weight, but pivot2 has them tied" ]]
	[ ! -e out4 ]
}

# Models of a few MiB in several tensors, so that several threads and units take part.
large_models() {
	python3 - <<-'EOF'
		import json, os, random, struct
		random.seed(5)
		shapes = {"w%d" % i: n for i, n in enumerate([300001, 65536, 65537, 1, 4096])}
		for d in ["pivot", "ta", "tb", "tc"]:
		    os.makedirs(d)
		    head, data = {}, b""
		    for name, n in shapes.items():
		        b = random.randbytes(2 * n)
		        # bfloat16 of magnitude 2^-8 to 2^8
		        v = bytearray(b)
		        for i in range(1, 2 * n, 2):
		            v[i] = (v[i] & 0x80) | 0x3c + (v[i] & 7)
		        head[name] = {"dtype": "BF16", "shape": [n], "data_offsets": [len(data), len(data) + 2 * n]}
		        data += bytes(v)
		    text = json.dumps(head).encode()
		    open(d + "/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
	EOF
}

@test "one thread and several give the same bytes" {
	large_models
	for method in varm linear fusechat-sce; do
		fc-varm -q -j 1 -b pivot -o "$method-1" --method $method ta tb tc
		fc-varm -q -j 3 -b pivot -o "$method-3" --method $method ta tb tc
		diff -r "$method-1" "$method-3"
	done
	run ! cmp -s varm-1/model.safetensors fusechat-sce-1/model.safetensors
	for method in ties dare_ties della breadcrumbs; do
		fc-varm -q -j 1 -b pivot -o "$method-1" --method $method --density 0.4 --seed 5 ta tb tc
		fc-varm -q -j 3 -b pivot -o "$method-3" --method $method --density 0.4 --seed 5 ta tb tc
		diff -r "$method-1" "$method-3"
	done
	fc-varm -q -b pivot -o other --method dare_ties --density 0.4 --seed 6 ta tb tc
	run ! cmp -s other/model.safetensors dare_ties-1/model.safetensors
}

@test "every method from the command line; options that a method does not read are refused" {
	three_models
	for method in varm fusechat-sce mergekit-sce linear task_arithmetic ties dare_linear dare_ties della \
		della_linear breadcrumbs breadcrumbs_ties nuslerp multislerp karcher model_stock; do
		fc-varm -q -b pivot -o "m-$method" --method $method ta tb
	done
	fc-varm -q -b pivot -o m-slerp --method slerp --t 1 ta
	diff <(values m-slerp) <(values ta)
	fc-varm -q -b pivot -o m-nearswap --method nearswap --t 0.25 ta
	# by hand: w = 0.25 / 0.5 for a, 0.25 / 1 for n
	diff <(values m-nearswap) <(printf 'a=1.25,0,0,1.25\nn=1,1.25\n')
	fc-varm -q -b pivot -o m-arcee --method arcee_fusion ta
	# by hand: trimmed to the largest change of each, then the mean of those that agree in sign
	fc-varm -q -b pivot -o m-ties --force --method ties --density 0.5 --lambda 2 ta tb
	diff <(values m-ties) <(printf 'a=2,2,2,2\nn=1,3\n')
	run fc-varm -b pivot -o out --method model_stock ta
	[ "$status" -eq 2 ]
	for args in "--method ties --gamma 0.1" "--method linear --density 0.5" "--method fusechat-sce --t 1" \
		"--method slerp" "--method nearswap" "--granularity layer --method fusechat-sce" "--method ties --density 2" \
		"--method della --density 0.9" "--method ties --density 1,1,1"; do
		# shellcheck disable=SC2086 # a list of words
		run fc-varm -b pivot -o out $args ta tb
		[ "$status" -eq 2 ]
		[ ! -e out ]
	done
}

@test "tol, max_iter, eps, RAM's parameters and a model as it is, from the command line" {
	models 'pivot a=0,0,0,1' 'ta a=1,0,2,1' 'tb a=0,1,2,1'
	parameters() { fc-varm -q -b pivot --dry-run "$@" | tail -n 1 | cut -f 5; }
	[ "$(parameters --method karcher --max-iter 3 --tol 0.001 ta tb)" = "max_iter=3 tol=0.001" ]
	[ "$(parameters --method multislerp --eps 0.1 --normalize no ta tb)" = "weight=1 normalize=no eps=0.1" ]
	[ "$(parameters --method ramplus_tl --epsilon 0.1 --r 0.3 --alpha 0.4 ta tb)" = "epsilon=0.1 r=0.3 alpha=0.4" ]
	# by hand: 1.5 is what both moved by more, and no change of 1
	fc-varm -q -b pivot -o ram --method ram --epsilon 1.5 ta tb
	diff <(values ram) <(echo a=0,0,2,1)
	fc-varm -q -b pivot -o half --method passthrough --scale 0.5 ta
	diff <(values half) <(echo a=0.5,0,1,0.5)
	run fc-varm -b pivot -o out --method ram --epsilon 0.1,0.2 ta tb
	[ "$status" -eq 2 ]
	[[ $output == *"--epsilon: '0.1,0.2' is not a number"* ]]
}

@test "VaRM by module, layer and model" {
	models 'pivot model.layers.0.mlp.up.weight=0,0 model.layers.0.mlp.down.weight=0 model.norm.weight=0' \
		'ta model.layers.0.mlp.up.weight=1,1 model.layers.0.mlp.down.weight=0 model.norm.weight=1' \
		'tb model.layers.0.mlp.up.weight=0,0 model.layers.0.mlp.down.weight=2 model.norm.weight=1'
	check() { # check BY DOWN UP NORM: weights of ta
		fc-varm -q -b pivot -o "$1" --granularity "$1" ta tb --report "$1.tsv"
		diff <(tail -n +2 "$1.tsv" | cut -f 3) <(printf '%s\n' "${@:2}")
	}
	check matrix 0 1 0.5
	# mean squares: up 1 and 0, down 0 and 4, norm 1 and 1
	check module 0.2 0.2 0.5
	check layer 0.2 0.2 0.5
	# sums of squares over 4 entries: 3 and 5
	check model 0.375 0.375 0.375
	check parameter - - -
	diff <(values parameter) <(printf 'model.layers.0.mlp.%s\n' down.weight=2 up.weight=1,1
		echo model.norm.weight=1)
	fc-varm -q -b pivot -o soft --granularity module --temperature 1.5 ta tb --report soft.tsv
	# softmax of 1/1.5 and 4/1.5
	[ "$(grep -P 'up' soft.tsv | cut -f 3)" = 0.119203 ]
}

@test "memory stays below the size of one model" {
	! sanitized || skip "no memory to measure"
	python3 - <<-'EOF'
		import json, os, struct
		n = 24 << 20
		head = json.dumps({"w": {"dtype": "F32", "shape": [n], "data_offsets": [0, 4 * n]}}).encode()
		for d in ["pivot", "ta", "tb"]: # files with holes: zeros, but for the last value
		    os.makedirs(d)
		    with open(d + "/model.safetensors", "wb") as f:
		        f.write(struct.pack("<Q", len(head)) + head)
		        f.truncate(8 + len(head) + 4 * n)
		        f.seek(-4, 2)
		        f.write(struct.pack("<f", len(d)))
	EOF
	for method in varm fusechat-sce; do
		python3 - $method <<-'EOF'
			import resource, subprocess, sys
			subprocess.run(["fc-varm", "-q", "-j", "2", "-b", "pivot", "-o", sys.argv[1],
			    "--method", sys.argv[1], "ta", "tb"], check=True)
			mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
			sys.exit(mib > 90 and "%d MiB for models of 96 MiB" % mib)
		EOF
	done
}

@test "a file that may not grow, a folder that cannot be made, a full report" {
	large_models
	run bash -c 'trap "" XFSZ; ulimit -f 100; fc-varm -q -b pivot -o out ta tb'
	[ "$status" -eq 1 ]
	[[ $output == *"File too large"* ]]
	[ -z "$(find . -name '*out*')" ]
	run fc-varm -q -b pivot -o none/out ta tb
	[ "$status" -eq 1 ]
	run fc-varm -q -b pivot -o out --report /dev/full ta tb
	[ "$status" -eq 1 ]
	[[ $output == *"No space left"* ]]
}

@test "a full disk leaves nothing" {
	large_models
	mkdir small
	mount -t tmpfs -o size=200k none small 2>/dev/null || skip "may not mount"
	run fc-varm -q -b pivot -o small/out ta tb
	left=$(ls -A small)
	umount small
	[ "$status" -eq 1 ]
	[[ $output == *"No space left"* ]]
	[ -z "$left" ]
}

# Reads its own journal: how many tensors are finished in .out.part.
finished() { grep -c ' \.$' .out.part/.fc-varm.journal; }

@test "--report: cosine and agreement of signs" {
	models 'pivot a=0,0,0,0,0' 'ta a=1,2,0,-1,3' 'tb a=2,-1,5,-1,0' 'tc a=-1,0,0,1,-3'
	fc-varm -q -b pivot -o out ta tb tc --report w.tsv
	# by hand: norms^2 15, 31, 11; products 1, -11, -3; of 3, 3 and 2 entries moved by both 2, 0 and 0
	tail -n 1 w.tsv | cut -f 6- | diff - <(printf '3.87298\t5.56776\t3.31662\t0.0463739\t0.666667\t-0.856349\t0\t-0.162459\t0\n')
}

@test "a heat map of the weights" {
	command -v gnuplot >/dev/null || skip "no gnuplot"
	models 'pivot model.layers.0.mlp.up.weight=0,0 model.layers.1.mlp.up.weight=0,0 model.norm.weight=0' \
		'ta model.layers.0.mlp.up.weight=1,1 model.layers.1.mlp.up.weight=1,0 model.norm.weight=1' \
		'tb model.layers.0.mlp.up.weight=0,0 model.layers.1.mlp.up.weight=2,0 model.norm.weight=1'
	fc-varm -q -b pivot -o out ta tb --report w.tsv
	"$FC_ROOT/pipelines/weights.sh" w.tsv w.svg
	grep -q '>mlp.up<' w.svg
	[ "$(grep -cE '>(ta|tb)<' w.svg)" -eq 2 ]
	# no share is blue, all of it red, half of it white
	grep -qE "fill = 'rgb\( *33, *102, *172\)'" w.svg
	grep -qE "fill = 'rgb\( *178, *24, *43\)'" w.svg
	grep -qE "fill = 'rgb\( *255, *255, *255\)'" w.svg
	fc-varm -q -b pivot -o one ta --report one.tsv
	"$FC_ROOT/pipelines/weights.sh" one.tsv one.svg
	[ -s one.svg ]
	echo nothing >no.tsv
	run "$FC_ROOT/pipelines/weights.sh" no.tsv no.svg
	[ "$status" -eq 1 ]
	[[ $output == *"no.tsv: no table of weights"* ]]
}

@test "--dry-run prints the plan and makes nothing" {
	three_models
	run fc-varm -b pivot --dry-run --method ties --density 0.5,0.25 --dtype f16 ta tb
	[ "$status" -eq 0 ]
	[[ $output == *"would merge 2 tensors"* ]]
	fc-varm -q -b pivot -o out --dry-run --method ties --density 0.5,0.25 --dtype f16 ta tb |
		diff - <(printf 'tensor\ttype\tshape\tmethod\tparameters\tmodels
a\tF16\t[4]\tties\tweight=1 density=0.5,0.25 normalize=yes rescale=no lambda=1\t(pivot) ta tb
n\tF16\t[2]\tties\tweight=1 density=0.5,0.25 normalize=yes rescale=no lambda=1\t(pivot) ta tb\n')
	run ls -A
	[[ $output != *out* ]]
	models 'tc a=1,2,3'
	run fc-varm -b pivot --dry-run tc
	[ "$status" -eq 1 ]
}

@test "tokenizers that give an id another token are refused, unless asked for" {
	three_models
	vocabulary() { # vocabulary DIR TOKEN...: a tokenizer.json
		python3 - "$@" <<-'EOF'
			import json, sys
			vocab = {t: i for i, t in enumerate(sys.argv[2:])}
			json.dump({"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
			    "post_processor": None, "decoder": None,
			    "model": {"type": "BPE", "vocab": vocab, "merges": []}},
			    open(sys.argv[1] + "/tokenizer.json", "w"))
		EOF
	}
	vocabulary pivot a b c
	vocabulary ta a b c
	echo >>ta/tokenizer.json
	vocabulary tb a c b
	fc-varm -q -b pivot -o one ta
	run fc-varm -q -b pivot -o out ta tb
	[ "$status" -eq 1 ]
	[[ $output == *"tb: token 1 is 'c', in pivot it is 'b'"* ]]
	[ ! -e out ]
	fc-varm -q -b pivot -o out --any-tokenizer ta tb
	vocabulary tb a b c d
	run fc-varm -q -b pivot -o other ta tb
	[[ $output == *"tb: token 3 is 'd', in pivot it is '' (4 tokens and 3)"* ]]
	echo '{' >tb/tokenizer.json
	run fc-varm -q -b pivot -o other ta tb
	[[ $output == *"comparing their vocabularies"* ]]
}

# Kills a merge at several moments of its run; each time it must go on to the bytes of WHOLE.
kill_and_resume() { # kill_and_resume WHOLE OPTION...
	local n=0 try part us whole=$1 parts=(95 90 85 80 70 60 50 40 30 20 95 90 85 80 75)
	shift
	us=$(date +%s%N)
	fc-varm -q "$@" -o out
	us=$((($(date +%s%N) - us) / 1000))
	rm -r out
	# on a busy machine many a kill comes too early or too late
	for try in {0..74}; do
		[ $n -lt 6 ] || break
		part=${parts[try % 15]}
		fc-varm -q "$@" -o out &
		pid=$!
		sleep "$(printf '%d.%06d' $((us * part / 100 / 1000000)) $((us * part / 100 % 1000000)))"
		kill -KILL $pid 2>/dev/null || true
		wait $pid || true
		[ ! -e out ] || { rm -r out; continue; }
		[ -d .out.part ] || continue
		n=$((n + 1))
		fc-varm -q "$@" -o out --resume
		diff -r "$whole" out
		[ ! -e .out.part ]
		rm -r out
	done
	[ $n -gt 1 ]
}

@test "killed and resumed: the bytes of an uninterrupted run" {
	large_models
	set -- -b pivot --method ties --density 0.5 --shard-bytes 500000 ta tb tc
	fc-varm -q "$@" -o whole
	kill_and_resume whole "$@"
}

@test "killed and resumed with a recipe of two steps" {
	large_models
	cat >r.yml <<-EOF
		name: first
		models: [{model: ta}, {model: tb}]
		merge_method: sce
		base_model: pivot
		---
		models:
		  - {model: first, parameters: {weight: 0.5, density: 0.5}}
		  - {model: tc, parameters: {weight: 1, density: 0.7}}
		merge_method: dare_ties
		base_model: pivot
		random_seed: 3
	EOF
	fc-varm -q --recipe r.yml -o whole
	kill_and_resume whole --recipe r.yml
}

@test "--resume: finished tensors are verified, another merge starts over, failures keep the work" {
	large_models
	fc-varm -q -b pivot -o whole ta tb
	# a run that fails in the end: the last tensor has a value that is not finite
	cp -r tb bad
	printf '\377\377' | dd of=bad/model.safetensors bs=1 seek=$(($(stat -c %s bad/model.safetensors) - 2)) conv=notrunc status=none
	run fc-varm -q -b pivot -o out --resume ta bad
	[ "$status" -eq 1 ]
	[[ $output == *"nan" ]]
	[ ! -e out ]
	[ "$(finished)" -ge 1 ]
	# the repaired model is another one: everything again
	run fc-varm -q -b pivot -o out --resume ta tb
	[ "$status" -eq 0 ]
	[[ $output == *"starting over"* ]]
	diff -r whole out
	rm -r out
	run fc-varm -q -b pivot -o out --resume ta bad
	# a finished tensor whose bytes have changed is merged again
	printf 'x' | dd of=.out.part/model.safetensors bs=1 seek=5000 conv=notrunc status=none
	run fc-varm -q -b pivot -o out --resume ta bad
	[[ $output == *"1 tensors have changed"* ]]
	# without --resume nothing of it is used, and nothing stays
	run fc-varm -q -b pivot -o out ta bad
	[ "$status" -eq 1 ]
	[ ! -e .out.part ]
	fc-varm -q -b pivot -o out ta tb
	diff -r whole out
}

@test "two programs do not write one folder" {
	three_models
	mkdir .out.part
	flock .out.part sleep 5 &
	pid=$!
	sleep 0.2
	run fc-varm -q -b pivot -o out ta
	kill $pid
	[ "$status" -eq 1 ]
	[[ $output == *".out.part: another process is writing it"* ]]
}

@test "killed at any moment, there is no folder under the final name" {
	large_models
	for ms in 1 3 6 10 15 25 40; do
		fc-varm -q -b pivot -o out ta tb tc &
		pid=$!
		sleep "$(printf '0.%03d' $ms)"
		kill -KILL $pid 2>/dev/null || true
		wait $pid || true
		if [ -e out ]; then # it was done before
			fc-varm -q -b pivot -o again out
			rm -r out again
		fi
		rm -rf .out.*
	done
}
