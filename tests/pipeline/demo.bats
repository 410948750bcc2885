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
# What ends on the screen: what is better, and the result in a sentence.
ends() { tail -n "$(cat run/verdict.txt run/outcome.txt | wc -l)" <(grep . "$1") | diff - <(cat run/verdict.txt run/outcome.txt); }
width() { cat "$1"/{table,verdict,outcome}.txt | awk '{ if (length($0) > m) m = length($0) } END { print m }'; }

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
	ends log
	[[ "$(cat log)" == *"$(cat run/table.txt)"* ]]
	[ -s run/radar.svg ] && [ -s run/chart.svg ] && [ -s run/chart.png ]

	touch mark
	demo >log 2>notes
	[ "$(find run -type f -newer mark)" = "" ]
	ends log
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

	# one conversation of a kind has no interval
	awk -F'\t' -v OFS='\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "difference_low") c = i } NR > 1 { $c = "" } 1' run/seed-1/bits.tsv >t
	mv t run/seed-1/bits.tsv
	run -1 table run 1
	[[ $output == *"take a larger HELDOUT"* ]]
}

@test "the sentence at the end says what the interval says: better, worse, or not known" {
	# outcome DIFFERENCE LOW HIGH...: of a seed for each three numbers
	outcome() {
		python3 - "$FC_ROOT/pipelines/demo" "$@" <<-'END'
			import sys
			sys.path.insert(0, sys.argv[1])
			sys.dont_write_bytecode = True
			from table import outcome
			class Seed:
			    def __init__(self, mid, low, high):
			        # fc-eval says how the other model differs from the fused one, which is the baseline
			        self.right = {("sft", "all"): {"accuracy": 0.6, "difference": -mid, "difference_low": -high,
			                                       "difference_high": -low},
			                      ("fused", "all"): {"accuracy": 0.6 + mid}}
			x = [float(a) for a in sys.argv[2:]]
			print(outcome([Seed(*x[i:i + 3]) for i in range(0, len(x), 3)], 300))
		END
	}
	[ "$(outcome 0.201 0.153 0.25)" = "The fused model is right in 80.1 % of the held-out questions, fine-tuning on the 300 labels alone in 60.0 %: a difference of +20.1 points (95 % interval +15.3 to +25.0), so fusion is better." ]
	[[ "$(outcome -0.1 -0.2 -0.01)" == *"a difference of -10.0 points (95 % interval -20.0 to -1.0), so fusion is worse." ]]
	[[ "$(outcome 0.01 -0.02 0.04)" == *"+1.0 points (95 % interval -2.0 to +4.0), so this does not tell which is better." ]]
	# an end at 0 tells nothing either
	[[ "$(outcome 0.01 0 0.02)" == *"so this does not tell which is better." ]]
	[[ "$(outcome 0.1 0.05 0.15 0.2 -0.01 0.3)" == *"+15.0 points (95 % intervals of 2 seeds, from the lowest end -1.0 to the highest +30.0), so this does not tell which is better." ]]
}
