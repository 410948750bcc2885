#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A server that people run, where a Python has it: FC_SERVER_PYTHON, else python3.  What the program itself makes of the
# same weights is the oracle.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }
teardown() { [ ! -d srv ] || touch srv/stop; }

# start PACKAGE MODEL: the server's address is in $url.
start() {
	local python=${FC_SERVER_PYTHON:-python3}
	"$python" -c "import $1" 2>/dev/null || skip "no Python package $1 (FC_SERVER_PYTHON names a Python that has it)"
	mkdir -p srv
	"$python" "$FC_ROOT/tests/cli/real_server.py" "$1" "$2" srv >srv.log 2>&1 3>&- &
	for _ in $(seq 3000); do
		if [ -f srv/url ]; then
			url=$(cat srv/url)
			return
		fi
		kill -0 $! 2>/dev/null || break
		sleep 0.1
	done
	cat srv.log
	return 1
}

talk() { python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 6 --seed 3; }

# near GOT WANT: streams have the same tokens, and GOT's rows, of the last answers, are WANT's within rounding: logarithms
# are kept in 16 bits, and the server's keys and values are.
near() {
	fc-view --jsonl "$1" >got.jsonl
	fc-view --jsonl "$2" >want.jsonl
	python3 - <<-'END'
		import json
		n = 0
		for x, y in zip(*([json.loads(s) for s in open(f)] for f in ("got.jsonl", "want.jsonl")), strict=True):
		    assert (x["id"], x["text"], x["tokens"], x["trained"]) == (y["id"], y["text"], y["tokens"], y["trained"])
		    want = {r["token"]: r for r in y["rows"]}
		    have = {r["token"]: r for r in x["rows"]}
		    assert max(want) in have  # the end of the answer's turn
		    for t, r in have.items():
		        s = want[t]
		        other = dict(zip(s["ids"], s["logprobs"]))
		        assert abs(r["true_logprob"] - s["true_logprob"]) < 0.02, (x["id"], t, r, s)
		        assert len(r["ids"]) == len(s["ids"]), (r, s)
		        for i, p in zip(r["ids"], r["logprobs"]):
		            assert abs(other.get(i, min(s["logprobs"])) - p) < 0.02, (x["id"], t, i, r, s)
		        n += 1
		assert n > 50, n
	END
}

# Asks as a client of OpenAI's does, and keeps what was asked and said.
chat() {
	python3 - "$url" "$1" <<-'END'
		import json, sys, urllib.request
		for line in open(sys.argv[2]):
		    c = json.loads(line)
		    q = {"model": "m", "messages": c["messages"][:-1], "max_tokens": 40, "temperature": 0, "logprobs": True,
		         "top_logprobs": 5}
		    r = urllib.request.Request(sys.argv[1] + "/v1/chat/completions", json.dumps(q).encode(),
		                               {"Content-Type": "application/json"})
		    print(json.dumps({"id": c["id"], "request": q, "response": json.load(urllib.request.urlopen(r, timeout=200))}))
	END
}

generate() { fc-infer -q --generate --max-new 40 -m "$model" --dtype f32 "$@"; }
ask() { fc-infer --endpoint "$url/v1" --served-model m "$@"; }

@test "llama.cpp's server answers as the model does, and its log-probabilities are the model's" {
	model=pivot.gguf
	fc-convert -q --type f32 --pre gpt-2 -o pivot.gguf "$(kit pivot)"
	start xllamacpp pivot.gguf
	talk >chats.jsonl
	jq -c '.messages |= map(select(.role == "user"))' chats.jsonl >open.jsonl
	generate open.jsonl | jq -c '[.id, .messages]' >want
	ask -q --generate --max-new 40 open.jsonl | jq -c '[.id, .messages]' | cmp - want
	chat chats.jsonl >said.jsonl
	fc-infer -q --logprobs -m pivot.gguf -k 5 -o got.fcs said.jsonl
	jq -c '{id, messages: (.request.messages + [.response.choices[0].message])}' said.jsonl |
		fc-infer -q -m pivot.gguf --dtype f32 -k 5 -o want.fcs
	near got.fcs want.fcs
	# it has none of a text that it is given
	run -1 ask -m pivot.gguf --ask echo -o none.fcs chats.jsonl
	[[ $output == *"it does not know \"echo\" (llama.cpp's own server does not)"* ]]
	run -1 ask -m pivot.gguf -o none.fcs chats.jsonl
	[[ $output == *"prompt_logprobs is vLLM's"* ]]
}
