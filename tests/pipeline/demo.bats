#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The whole demo at a tiny size: every step, the tables and what the sentence below them says.

load ../helper

light='--lr 1e-3 --epochs 1'
demo() {
	make -j2 -f "$FC_ROOT/pipelines/demo/demo.mk" FC="$FC_ROOT/$B/" WORK=run FIRST=1 LABELS=24 PROMPTS=60 DEV=24 HELDOUT=24 \
		SFT='--lr 1e-4 --epochs 1' TRAIN="$light" ANSWERED="$light" PART="$light" "$@"
}
check() { python3 "$FC_ROOT/tests/pipeline/demo_table.py" "$1"; }
table() { python3 "$FC_ROOT/pipelines/demo/table.py" --work "$1" --seeds "$2" --skills 'arithmetic strings facts' --labels 24; }
width() { cat "$1"/{table,verdict}.txt | awk '{ if (length($0) > m) m = length($0) } END { print m }'; }

# shifted FILE BY...: the columns named become larger by a number, in the lines of models that are compared
shifted() {
	python3 - "$@" <<-'END'
		import csv, sys
		with open(sys.argv[1]) as f:
		    rows = list(csv.DictReader(f, delimiter="\t"))
		for row in rows:
		    for by in sys.argv[2:]:
		        column, x = by.split("=")
		        if row["against"]:
		            row[column] = float(row[column]) + float(x)
		with open(sys.argv[1], "w") as f:
		    w = csv.DictWriter(f, rows[0].keys(), delimiter="\t")
		    w.writeheader()
		    w.writerows(rows)
	END
}

@test "all steps run, once; the tables fit a terminal and end in a sentence that their figures bear out" {
	demo >log 2>notes
	n=$(sed -n 's/^step 1 of \([0-9]*\): .*/\1/p' log)
	diff <(sed -n "s/^step \([0-9]*\) of $n: .*/\1/p" log | sort -n) <(seq "$n")
	for made in labels/fusellm fused/fusellm target-{arithmetic,strings,facts}/fusellm sft sft-answers linear sce varm; do
		[ -s "run/seed-1/$made/model.safetensors" ]
	done
	[ "$(wc -l <run/seed-1/heldout.jsonl)" -eq 24 ]
	[ "$(width run)" -le 80 ]
	check run
	# what ends on the screen are both
	tail -n "$(cat run/verdict.txt | wc -l)" log | diff - run/verdict.txt
	[[ "$(cat log)" == *"$(cat run/table.txt)"* ]]
	[ -s run/radar.svg ]

	touch mark
	demo >log 2>notes
	[ "$(find run -type f -newer mark)" = "" ]
	tail -n "$(cat run/verdict.txt | wc -l)" log | diff - run/verdict.txt
	# other held-out questions train nothing
	demo HELDOUT=30 >log 2>notes
	[ "$(wc -l <run/seed-1/fused.answers.jsonl)" -eq 30 ]
	[ "$(find run -newer mark '(' -name model.safetensors -o -name 'answers-*' ')')" = "" ]

	# a seed in which all is better, and both together
	cp -r run/seed-1 run/seed-2
	for t in bits merged-bits; do
		shifted run/seed-2/$t.tsv bits_per_byte=2 difference=2 difference_low=2 difference_high=2
	done
	for t in right merged-right; do
		shifted run/seed-2/$t.tsv accuracy=-2 difference=-2 difference_low=-2 difference_high=-2
	done
	table run 2
	[ "$(check run)" = "fused: arithmetic facts pivot sft strings; 
varm: target-arithmetic target-facts target-strings; " ]
	grep -q "better than fine-tuning on the labels" run/verdict.txt
	table run "1 2"
	check run
	grep -q "seed 1" run/verdict.txt && [ "$(width run)" -le 80 ]
	# the check sees a claim that is too much
	sed -i 's/ pivot ([a-z ]*, seed 1),//' run/verdict.txt
	run -1 check run
}
