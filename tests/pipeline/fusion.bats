#!/usr/bin/env bats
# The published pipelines on the embedded models, a few conversations each.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	talk="$FC_ROOT/pipelines/demo/talk.py"
	python3 "$talk" --set fusion -n 60 --seed 3 >chats.jsonl
	python3 "$talk" --set heldout -n 40 --seed 3 >heldout.jsonl
	args=(PIVOT="$(kit pivot)" SOURCES="$(kit facts) $(kit strings)" DATA=chats.jsonl OUT=run
		FC="$FC_ROOT/$B/" INFER=-q TRAIN="-q --epochs 1 --lr 1e-3 --batch-tokens 1024 --dtype f32")
}

@test "fusechat.mk makes a model that can be run, and a second call makes nothing" {
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	for f in config.json model.safetensors tokenizer.json chat_template.jinja; do
		[ -s "run/fusechat/$f" ]
	done
	run -0 fc-infer -q -m run/fusechat -o out.fcs heldout.jsonl
	run -0 make -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	[[ $output == *"Nothing to be done"* ]]
	before=$(sha256sum <run/fusechat/model.safetensors)
	rm -rf run/fusechat
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	[ "$before" = "$(sha256sum <run/fusechat/model.safetensors)" ]
}

@test "fusellm.mk goes on from what is there, and the whole is the same bytes again" {
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}"
	first=$(sha256sum <run/fusellm/model.safetensors)
	rm -rf run/fusellm run/strings.aligned.fcs
	touch -d '2020-01-01' chats.jsonl
	run -0 make -s -f "$FC_ROOT/pipelines/fusellm.mk" "${args[@]}"
	[ "$first" = "$(sha256sum <run/fusellm/model.safetensors)" ]
}

@test "a killed run leaves nothing under a final name and is taken up again" {
	for delay in 0.3 1 2; do
		setsid make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}" >log 2>&1 &
		sleep "$delay"
		kill -KILL -- -$! 2>/dev/null || true
		wait $! 2>/dev/null || true
		for s in run/*.fcs; do
			[ ! -e "$s" ] || fc-view --verify "$s"
		done
	done
	run -0 make -s -f "$FC_ROOT/pipelines/fusechat.mk" "${args[@]}"
	run -0 fc-infer -q -m run/fusechat -o out.fcs heldout.jsonl
}

@test "the README's one-liner: everything through pipes" {
	P=$(kit pivot) A=$(kit facts)
	export P A
	run -0 pipe 'fc-align fuse -q <(fc-infer -q -m "$P" chats.jsonl) \
		<(fc-infer -q -m "$A" -p "$P" chats.jsonl | fc-align apply -q -p "$P" -s "$A") |
		fc-train -q -m "$P" --epochs 1 -o target-A'
	run -0 fc-varm -q -b "$P" target-A -o fused
	run -0 pipe 'fc-infer -q -m fused heldout.jsonl | fc-eval ppl'
	[[ $output == *"bits"* ]]
}

@test "the memory of the whole pipe does not grow with the corpus" {
	P=$(kit pivot) A=$(kit facts)
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set train -n 8000 --seed 3 >many.jsonl
	head -n 400 many.jsonl >few.jsonl
	python3 - "$P" "$A" <<-'END'
		import os, subprocess, sys
		pivot, source = sys.argv[1:]
		def run(chats, n):
		    """The most memory of each program of the pipe, in KiB."""
		    start = lambda *args, **more: subprocess.Popen(args, stdout=subprocess.PIPE, **more)
		    own = start("fc-infer", "-q", "-j", "1", "-m", pivot, chats)
		    other = start("fc-infer", "-q", "-j", "1", "-m", source, "-p", pivot, chats)
		    apply = start("fc-align", "apply", "-q", "-p", pivot, "-s", source, stdin=other.stdout)
		    fuse = start("fc-align", "fuse", "-q", "/dev/fd/%d" % own.stdout.fileno(), "-",
		                 stdin=apply.stdout, pass_fds=[own.stdout.fileno()])
		    train = start("fc-train", "-q", "-j", "1", "-m", pivot, "--epochs", "1", "--examples", str(n),
		                  "--batch-tokens", "2048", "--lr", "1e-4", "--force", "-o", "target", stdin=fuse.stdout)
		    for p in (own, other, apply, fuse):
		        p.stdout.close()
		    used = {}
		    for name, p in zip(("fc-infer", "fc-infer -p", "apply", "fuse", "train"),
		                       (own, other, apply, fuse, train)):
		        _, status, usage = os.wait4(p.pid, 0)
		        assert status == 0, (name, status)
		        used[name] = usage.ru_maxrss
		    return used
		few, many = run("few.jsonl", 400), run("many.jsonl", 8000)
		for name in few:
		    print(name, few[name], many[name])
		    # the longest conversation and what is buffered vary a little
		    assert many[name] < 1.25 * few[name] + 2048, name
	END
}

@test "a program that dies upstream stops the ones below it, and no model appears" {
	P=$(kit pivot)
	export P
	head -c 300 chats.jsonl >cut.jsonl
	run -1 bash -c 'fc-infer -q -m "$P" cut.jsonl | fc-train -q -m "$P" --epochs 1 -o target'
	[ ! -e target ]
	[[ $output == *"cut.jsonl:"* ]]
}

@test "aligning the pivot with itself and fusing changes nothing" {
	P=$(kit pivot)
	fc-infer -q -m "$P" -o p.fcs chats.jsonl
	fc-align map -q -p "$P" -s "$P" chats.jsonl -o self.map.fcs
	fc-align apply -q -p "$P" -m self.map.fcs -o again.fcs p.fcs
	diff <(fc-view --jsonl p.fcs) <(fc-view --jsonl again.fcs)
	fc-align fuse -q -o fused.fcs p.fcs again.fcs
	diff <(fc-view --jsonl p.fcs | jq -c '[.id, .rows]') <(fc-view --jsonl fused.fcs | jq -c '[.id, .rows]')
}
