#!/usr/bin/env bats
# The experiment on real models, at a small size on the embedded ones.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
talk() { python3 "$FC_ROOT/pipelines/demo/talk.py" --skills arithmetic=1,strings=1,facts=1 "$@"; }
# What fc-eval calls conversations without the member.
none() {
	printf '%s\n' '{"id":"x","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"answer":"b"}' >none.jsonl
	fc-eval accuracy -q --by g --format tsv none.jsonl | tail -n 1 | cut -f1
}
functions() { python3 "$FC_ROOT/pipelines/real/functions.py" "$@"; }
effect() { make -f "$FC_ROOT/pipelines/real/effect.mk" "${args[@]}" "$@"; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	# a base model has no chat template: sources read the pivot's text, wherever they are
	cp -r "$(kit facts)" .
	rm facts/chat_template.jinja
	args=(PIVOT="$(kit pivot)" SOURCES=facts WORK=run FC="$FC_ROOT/$B/" DATA=labels.jsonl DEV=dev.jsonl
		PROMPTS=prompts.jsonl TESTS='near=near.jsonl far=far.jsonl' QUESTIONS=questions.jsonl ASK="--max-new 30"
		INFER='-q -j 1' EVAL='--dtype f32 -j 1'
		LABELS='10 20' ANSWERS=8 LRS='1e-4 1e-2' EPOCHS=1 SEEDS=1 K=10 TRAIN='-q --batch-tokens 512 -j 1'
		ADAPTING='-q --lr 1e-3 --epochs 1 --batch-tokens 512 -j 1')
	talk --set fusion -n 30 --seed 3 >labels.jsonl
	talk --set fusion -n 10 --seed 4 | jq -c '.messages |= .[:-1]' >prompts.jsonl
	talk --set heldout -n 90 --seed 5 | jq -c -s 'unique_by(.messages[0].content) | .[]' >held.jsonl
	awk 'NR % 3 == 0' held.jsonl | head -n 12 >dev.jsonl
	awk 'NR % 3 == 1' held.jsonl | head -n 12 >near.jsonl
	awk 'NR % 3 == 2' held.jsonl | head -n 12 >far.jsonl
	talk --set heldout -n 6 --seed 9 --questions >questions.jsonl
}

@test "every way is trained and compared; what is there is not made again" {
	effect >log 2>&1
	# every step once, in its order
	sed -n "s/^step \([0-9]*\) of .*/\1/p" log >told
	diff told <(seq "$(sed -n 's/^step [0-9]* of \([0-9]*\): .*/\1/p' log | head -n 1)")
	# no test set before all is chosen
	[ "$(grep -n '^step .*the best of' log | tail -n 1 | cut -d: -f1)" -lt "$(grep -n '^step .* on test' log | head -n 1 | cut -d: -f1)" ]
	[ -z "$(find run/*/grid run/*/final -name '*.safetensors')" ]

	# the setting is that of the least bits a byte on dev
	for way in sft ours fusechat-facts; do
		for g in 1e-4_1 1e-2_1; do
			echo "$(fc-eval ppl -q --format json run/10/grid/$way/$g.fcs | jq '[.. | .bits_per_byte? // empty][0]') $g"
		done | sort -g | head -n 1 | cut -d' ' -f2 | diff - <(cut -d' ' -f1 run/10/best/$way)
	done
	# and the result what these options alone give
	fc-infer -q --tokens -m "$(kit pivot)" <(head -n 10 labels.jsonl) -o own.fcs
	fc-train -q -m run/models/pivot --lambda 1 --batch-tokens 512 --lr "$(sed 's/_.*//' run/10/best/sft)" --epochs 1 --seed 1 \
		--save-dtype f32 -o own own.fcs
	fc-infer -q -k 1 --dtype f32 -m own near.jsonl -o near.fcs
	bits=$(fc-eval ppl -q --format json near.fcs | jq '[.. | .bits_per_byte? // empty][0] * 10000 | round')
	[ "$(awk -F'\t' '$1 == 10 && $2 == "near" && $3 == "sft" { printf "%.0f", $5 * 10000 }' <(cut -f1-4,6- run/table.tsv))" = "$bits" ]

	for m in pivot source-facts adapted-facts adapted-self itself sft texts raw-facts taught-facts mixture ours fusellm \
		fusechat-facts fusechat merged; do
		[ "$(awk -F'\t' -v m="$m" '$2 != "right" && $3 == m' run/table.tsv | wc -l)" -eq 4 ]
	done
	# all models that can answer are asked, and a right answer is what a plain comparison says
	for m in pivot source-facts adapted-facts adapted-self sft ours merged; do
		[ "$(awk -F'\t' -v m="$m" '$2 == "right" && $3 == m' run/table.tsv | wc -l)" -eq 2 ]
	done
	n=$(paste <(jq -r '.messages[-1].content' run/10/test/right/ours.1.jsonl | awk '{ sub("[.]$", ""); print $NF }') <(jq -r .answer questions.jsonl) |
		awk '$1 == $2' | wc -l)
	[ "$(awk -F'\t' '$1 == 10 && $2 == "right" && $3 == "ours" { printf "%.0f", $9 * 6 }' <(sed 's/\t\t/\t-\t/g; s/\t\t/\t-\t/g' run/table.tsv))" = "$n" ]
	grep -q '^What was possible, on dev: the mixture gains' run/table.txt
	grep -q '^10 labels: right answers to 6 questions$' run/table.txt
	grep -q '^Labels saved on near: against sft with 20 labels, ours with 10 ' run/table.txt
	[ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' run/table.txt)" -le 100 ]

	trained='at 1e-\|at its best\|on test\|fine-tune '
	effect >log 2>&1
	run ! grep "^step .*\($trained\)" log
	# a program that checks the answers makes the tables of right ones anew, and only these
	odd='.messages[-1].content | length % 2'
	effect MATCH=program CHECKER="echo ran >>runs; jq '$odd'" >log 2>&1
	run ! grep "^step .*\($trained\)" log
	n=$(jq "$odd" run/10/test/right/ours.1.jsonl | grep -cx 1)
	for t in table 10/right.seed-1; do
		awk -F'\t' -v n="$n" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
			("labels" in at ? $at["labels"] == 10 && $at["test"] == "right" : 1) && $at["model"] == "ours" && sprintf("%.0f", $at["accuracy"] * 6) == n { ok = 1 }
			END { exit !ok }' run/$t.tsv
	done
	# another seed and one size trains this seed alone
	effect SEEDS='1 2' LABELS=10 >log 2>&1
	[ "$(grep -c '^step .*at its best, seed 2' log)" -eq 8 ]
	run ! grep "^step .*\(at 1e-\|seed 1, on test\)" log
	grep -q '  [012]/2  ' run/table.txt
}

@test "dev and test sets hold what no model finds too long" {
	for m in pivot facts; do
		fc-infer -q --tokens -m "$(kit $m)" -p "$(kit pivot)" dev.jsonl | fc-view -q --jsonl | jq -r 'select((.tokens | length) <= 23) | .id' >$m.ids
	done
	# one that is too long for the source only, one for the pivot only
	[ -n "$(comm -23 <(sort pivot.ids) <(sort facts.ids))" ]
	[ -n "$(comm -13 <(sort pivot.ids) <(sort facts.ids))" ]
	effect LENGTH=23 run/data/dev.jsonl >log 2>&1
	jq -r .id run/data/dev.jsonl | diff - <(grep -xFf facts.ids pivot.ids)
	run -2 effect LENGTH=5 run/data/dev.jsonl
	[[ $output == *"run/data/dev.all.jsonl: no conversation is within LENGTH for every model"* ]]
}

@test "SAMPLE: rows of draws, of the fine-tuned sources and over the answers" {
	effect LABELS=10 WAYS='texts taught-facts raw-facts' SAMPLE=8 run/10/streams/ours.fcs run/10/streams/taught-facts.fcs \
		run/10/streams/raw-facts.fcs >log 2>&1
	for way in ours taught-facts; do
		[[ $(fc-view run/10/streams/$way.fcs) == *"rows          of 8 draws at temperature 1"* ]]
	done
	[ "$(fc-view --jsonl run/10/streams/ours.fcs | wc -l)" -eq 18 ]
	# published ways take the likeliest
	[[ $(fc-view run/10/streams/raw-facts.fcs) != *"draws"* ]]
}

@test "BY: weights and answers by a member of the lines; WAYS: only what is asked for" {
	args+=(SOURCES="$(kit facts) $(kit strings)" LABELS=10 BY=skill)
	effect WAYS=texts -n >log 2>&1
	[ "$(grep -o 'labels: what [^ ]* is trained on' log | cut -d' ' -f3 | xargs)" = "sft texts ours" ]
	run ! grep 'rows of the sources as they are\|fc-varm' log
	effect WAYS=merged -n >log 2>&1
	[ "$(grep -o 'labels: what [^ ]* is trained on' log | cut -d' ' -f3 | xargs)" = "sft taught-facts taught-strings ours" ]
	grep -q 'fc-varm .* run/10/final/merged/1 run/10/final/taught-facts/1 run/10/final/taught-strings/1' log
	run -2 effect WAYS='texts fuselm'
	[[ $output == *"WAYS: there is no way 'fuselm'; there are sft texts raw-facts"* ]]

	effect WAYS= run/10/streams/ours.fcs
	groups=$(jq -r .skill dev.jsonl | sort -u)
	[ "$(wc -w <<<"$groups")" -gt 1 ]
	for file in weights.tsv verdict.tsv; do
		[ "$(tail -n +2 run/10/$file | cut -f1 | sort -u)" = "$(sort <(echo all) - <<<"$groups")" ]
	done
	# each skill's prompts have gone to the source with the least bits on dev
	for g in $groups; do
		for s in facts strings; do
			echo "$(fc-eval ppl -q --by skill --format json run/10/dev/$s.aligned.fcs | jq --arg g "$g" '.. | select(.group? == $g) | .bits_per_byte') $s"
		done | sort -g | head -n 1 | cut -d' ' -f2 >best
		jq -r --arg g "$g" 'select(.skill == $g) | .id' prompts.jsonl | sed "s/^/$(cat best) /" >>expected
	done
	for s in facts strings; do jq -r .id run/10/answers/by-$s.jsonl | sed "s/^/$s /"; done | sort | diff - <(head -n 8 prompts.jsonl | jq -r .id | grep -F -f - expected | sort)
	jq -e -s 'all(.[]; .messages[-1].role == "assistant")' run/10/answers.jsonl
}

@test "a prompt's group is named as the tools name it" {
	printf '%s\n' 'b.aligned 0.5 all' 'a 0.4 7' 'a 0.4 true' 'a 0.4 two words' 'a 0.4 '"$(none)" >answerer
	printf '%s\n' '{"id":1,"g":7}' '{"id":2,"g":true}' '{"id":3,"g":"two words"}' '{"id":4}' '{"id":5,"g":[]}' \
		'{"id":6,"g":"not on dev"}' '{"id":7,"g":8}' >prompts
	[ "$(python3 "$FC_ROOT/pipelines/real/effect.py" prompts --by g answerer a <prompts | jq .id | xargs)" = "1 2 3 4 5" ]
	[ "$(python3 "$FC_ROOT/pipelines/real/effect.py" prompts --by g answerer b <prompts | jq .id | xargs)" = "6 7" ]
	[ "$(python3 "$FC_ROOT/pipelines/real/effect.py" prompts answerer b <prompts | wc -l)" -eq 7 ]
}

@test "effect.mk refuses what would make its table untrue" {
	run -2 effect DEVSEED=1
	[[ $output == *"DEVSEED is 1, which chose the settings"* ]]
	run -2 effect DEV=
	[[ $output == *"own data are DATA, DEV, PROMPTS and TESTS together"* ]]
	run -2 effect MATCH=program
	[[ $output == *"MATCH=program needs CHECKER"* ]]
	run -2 effect CHECKER='jq 1'
	[[ $output == *"CHECKER is for MATCH=program"* ]]
	run -2 effect MATCH=last
	[[ $output == *"MATCH is exact, last-word, last-number or program, not 'last'"* ]]
	while IFS='|' read -r given told; do
		run -2 effect "$given"
		[[ $output == *"$told"* ]]
	done <<-'END'
		LABELS=10 x|LABELS is whole numbers from 1 on, not '10 x'
		LABELS=10 0|LABELS is whole numbers from 1 on
		LABELS=10 10|LABELS: two have the same name: 10 10
		LABELS=|LABELS is whole numbers from 1 on, not ''
		SEEDS=1 -1|SEEDS is whole numbers
		EPOCHS=1.5|EPOCHS is whole numbers from 1 on
		LRS=1e-4 1e--2|LRS is numbers such as 5e-5, not '1e-4 1e--2'
		LRS=$(true) 'x|LRS is numbers such as 5e-5
		K=0|K is a whole number from 1 on
		SAMPLE=many|SAMPLE is a whole number from 1 on
		LENGTH=20 30|LENGTH is a whole number from 1 on, not '20 30'
		LAMBDA=1.5|LAMBDA is a number from 0 to 1
		DEVSEED=a|DEVSEED is a whole number
	END
	effect -n LRS='.5 1e-4 2.5e-05' LAMBDA=1 SEEDS=0 LABELS=10 >log 2>&1
	head -n 1 near.jsonl >>dev.jsonl
	run -2 effect
	[[ $output == *"run/data/test-near.all.jsonl, line 1: asks what run/data/dev.all.jsonl, line 13 asks"* ]]
	run -2 effect LABELS=31 DEV=far.jsonl
	[[ $output == *"run/data/train.jsonl has 30 conversations, and LABELS asks for 31"* ]]
	[ -z "$(compgen -G 'run/*/*.fcs')" ]
}

@test "functions.py: bodies as the files have them, no file in two sets" {
	mkdir code
	for i in $(seq 30); do
		printf 'def f%d(a):\n    """Says %d."""\n    b = a + %d  # the sum\n    if b:\n        return [b, "the same length for all"]\n    return %d\n' \
			"$i" "$i" "$i" "$i" >"code/m$i.py"
	done
	printf 'class A:\n    def g(self):\n        """Of a class."""\n        return self.something_that_is(long_enough, for_the_least)\n' >code/a.py
	cp code/m1.py code/same.py
	for s in train dev prompts test; do
		functions --set $s --code code >$s.jsonl
		[ -s $s.jsonl ]
	done
	cat train.jsonl dev.jsonl prompts.jsonl test.jsonl >all.jsonl
	# one of the two files that are the same is left out
	[ "$(jq -r .id all.jsonl | sed 's/\..*//' | sort -u | wc -l)" -eq 31 ]
	[ "$(wc -l <all.jsonl)" -eq 31 ]
	jq -e -s 'all(.[]; .messages | length == 1)' prompts.jsonl
	for s in train dev test; do
		while read -r line; do
			file=code/$(jq -r .id <<<"$line" | sed 's/\..*//').py
			at=$(grep -n '"""' "$file" | cut -d: -f1)
			diff <(jq -r '.messages[1].content' <<<"$line") <(tail -n +$((at + 1)) "$file")
			jq -r '.messages[0].content' <<<"$line" | grep -qF "$(grep 'def ' "$file")"
		done <$s.jsonl
	done
	functions --set train --code code | cmp - train.jsonl
	run -1 functions --set train --code code -n 100
	[[ $output == *"the set train has "*" conversations, not 100"* ]]
	run -1 functions --set form --package no_such_package
	[[ $output == *"there is no package no_such_package here"* ]]
	functions --set form --code code | jq -e -s 'all(.[]; .messages[1].content | startswith("```python\n    "))'
	# short ones: of the test set's files, and no other's
	for i in $(seq 30); do printf 'def g%d(a):\n    """Adds %d."""\n    return a + %d\n' "$i" "$i" "$i" >>"code/m$i.py"; done
	functions --set short --code code >short.jsonl
	diff <(jq -r .id short.jsonl | sed 's/\..*//' | sort) <(jq -r .id test.jsonl | sed 's/\..*//' | sort)
	jq -e -s 'all(.[]; (.messages | length == 1) and (.answer | test("^    return a [+] [0-9]+$")))' short.jsonl
	# what every machine has is enough for the defaults
	[ "$(functions --set short -n 100 | wc -l)" -eq 100 ]
	[ "$(functions --set text -n 100 | wc -l)" -eq 100 ]
	PYTHONPATH=$FC_ROOT/pipelines/real python3 -B - <<-'END'
		import sysconfig
		import functions
		a = functions.options(["--set", "train"])
		sets = [functions.set_of(f[0]) for f in functions.code(sysconfig.get_paths()["stdlib"], functions.TASK, a)]
		enough = {"train": 400, "prompts": 300, "dev": 100, "test": 100}
		assert all(sets.count(name) >= n for name, n in enough.items()), sets
	END
}

@test "functions.py --check: a whole body, and nothing else, is 1" {
	cat >cases.py <<-'END'
		import json, sys
		plain = 'def f(a):\n    """Says."""'
		method = '    def f(self):\n        """Says.\n\nAt the margin.\n        """'
		tab = '\tdef f(self):\n\t\t"""Says."""'
		cases = [
		    (1, plain, "    return a"),
		    (1, plain, "\n    b = a\n    if b:\n        return b\n\n    return a\n\n"),
		    (1, plain, "  # indented less\n    return a\n# at the margin"),
		    (1, plain, '    return """\nat the margin\n"""'),
		    (1, plain, "    def g():\n        nonlocal a\n        a = 1\n    return g"),
		    (1, plain, "    yield from a"),
		    (1, plain, "    async def g():\n        await a\n    return g"),
		    (1, plain, "    return '\\d' is 1"),  # two warnings of the compiler
		    (1, plain, '    """More."""\n    pass\n    ...\n    a()'),
		    (1, method, "        return self"),
		    (1, method, '        return """\nat the margin\n"""'),
		    (1, method, "        nonlocal b, c\n        b = c = 1"),
		    (1, tab, "\t\treturn self"),
		    (0, plain, "return a"),
		    (0, plain, "  return a"),
		    (0, plain, "        return a"),
		    (0, plain, "    b = a\n  return b"),
		    (0, method, "    return self"),
		    (0, tab, "        return self"),
		    (0, plain, ""),
		    (0, plain, "    # nothing"),
		    (0, plain, "    pass"),
		    (0, plain, "    ..."),
		    (0, plain, '    """More."""\n    pass'),
		    (0, plain, "    return a\n\nThis says what was asked."),
		    (0, plain, "    return a\n\nprint(f(1))"),
		    (0, plain, "    return a\n\ndef g():\n    return f"),
		    (0, method, "        return self\n\n    def g(self):\n        return self"),
		    (0, method, "        return self\nelse:\n    pass"),
		    (0, method, "        return self\n\ndef g():\n    return f"),
		    (0, plain, "```python\n    return a\n```"),
		    (0, plain, "    if a:\n"),
		    (0, plain, "    return (a"),
		    (0, plain, "    return a \\"),
		    (0, plain, "    break"),
		    (0, plain, "    await a"),
		    (0, plain, "    nonlocal b\n    b = 1"),
		    (0, plain, "    from a import *"),
		    (0, plain, "    return '\0'"),
		    (0, plain, "    return '\ud800'"),
		    (0, plain, "    return " + "(" * 5000 + ")" * 5000),
		    (0, plain, "    return " + "-" * 20000 + "a"),
		    (0, plain, "    return a" + ".b" * 50000),
		    (0, plain, "    return " + "9" * 5000),
		    (0, plain, "    return a", "length"),
		    (0, plain, "    return a", "MAX_TOKENS"),
		    (1, plain, "    return a", "stop"),
		    # nothing is executed
		    (1, plain, "    import os\n    os._exit(3)"),
		    (1, 'def f(a=print("ran")):\n    """Says."""', "    return a"),
		]
		for i, (want, head, body, *why) in enumerate(cases):
		    ask = "Write the body of this function of the Python module a.b:\n\n" + head
		    answer = {"role": "assistant", "content": body, **({"finish_reason": why[0]} if why else {})}
		    print(json.dumps({"id": str(i), "messages": [{"role": "system", "content": "?"},
		        {"role": "user", "content": ask}, answer]}))
		    print(want, file=sys.stderr)
	END
	python3 cases.py >cases.jsonl 2>want
	functions --check <cases.jsonl >got 2>err
	diff <(cat -n want) <(cat -n got)
	[ ! -s err ]
	# what the files have is whole, as sets ask for it, and as fc-eval asks
	email=$(python3 -c 'import email; print(email.__path__[0])')
	functions --set short --code "$email" | jq -c '.messages += [{role: "assistant", content: .answer}]' >short.jsonl
	functions --set train --code "$email" >train.jsonl
	for f in short train; do
		fc-eval accuracy --match program --program "python3 '$FC_ROOT/pipelines/real/functions.py' --check" --format tsv $f.jsonl >t
		[ "$(tail -n 1 t | cut -f2,3)" = "$(wc -l <$f.jsonl | awk '{ print $1 "\t" $1 }')" ] && [ -s $f.jsonl ]
	done
	# other questions, and what is not answered
	run -1 functions --check < <(functions --set form --code "$email" -n 1)
	[[ $output == *"line 1 does not ask for the body of a function"* ]]
	run -1 functions --check < <(head -n 2 train.jsonl; functions --set prompts --code "$email" -n 1)
	[[ $output == *"line 3 is no conversation that ends with an answer"* ]]
	run -2 functions --check --set dev
	run -2 functions
}
