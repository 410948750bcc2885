#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Teachers that are no files: log-probabilities that a server gave.

load ../helper

kit() { echo "$FC_ROOT/pipelines/demo/kit/$1"; }

# chats.jsonl, and the capture of $1 of it: all.fcs and all.jsonl with a row for every token, want.jsonl for
# those that are learned.  Emoji and accents have tokens that are parts of characters.
capture() {
	local k=${2:-5}
	python3 "$FC_ROOT/pipelines/demo/talk.py" --set fusion -n 6 --seed 3 >chats.jsonl
	jq -cn '{id: "emoji", messages: [{role: "user", content: "caf\u00e9 \ud83d\ude42?"},
		{role: "assistant", content: "na\u00efve \ud83d\ude42\u4e2d  x"}]}' >>chats.jsonl
	fc-infer -q -m "$(kit "$1")" -k "$k" --all-rows --no-history -o all.fcs chats.jsonl
	fc-view --jsonl -t "$(kit "$1")" all.fcs >all.jsonl
	fc-infer -q -m "$(kit "$1")" -k "$k" --no-history chats.jsonl | fc-view --jsonl >want.jsonl
}

served() { python3 "$FC_ROOT/tests/cli/served.py" "$1" all.jsonl chats.jsonl "$(kit "$2")"; }

# Cross-entropies are summed up before and after rounding.
same_rows() {
	python3 - "$1" "$2" "${3:-}" <<-'END'
		import json, sys
		a, b = ([json.loads(s) for s in open(f)] for f in sys.argv[1:3])
		assert len(a) == len(b) and a, (len(a), len(b))
		for x, y in zip(a, b):
		    assert abs(x.pop("nll") - y.pop("nll")) < 1e-3 * (1 + x["n_label"]), x["id"]
		    if sys.argv[3] == "conversation":
		        x.pop("meta"), y.pop("meta")
		    x.pop("source"), y.pop("source")
		    for r, s in zip(x["rows"], y["rows"]):
		        assert r == s, (x["id"], r, s)
		    assert x == y, (x, y)
	END
}

@test "--logprobs: what servers say of whole texts is what the model itself says" {
	for model in pivot facts; do
		capture $model
		for form in vllm-chat vllm-completion vllm-generation-prompt sglang sglang-flat sglang-flat-prefix \
			completion-ids; do
			echo "$model $form"
			served $form $model >said.jsonl
			run -0 fc-infer --logprobs -m "$(kit $model)" -k 5 -o got.fcs said.jsonl
			[[ $output == *"trained tokens have a distribution"* ]]
			fc-view --jsonl got.fcs >got.jsonl
			same_rows want.jsonl got.jsonl
			run -0 fc-view --verify -t "$(kit $model)" got.fcs
			fc-infer -q --logprobs -m "$(kit $model)" -k 5 --all-rows said.jsonl | fc-view --jsonl >got.jsonl
			same_rows <(fc-view --jsonl all.fcs) got.jsonl
		done
	done
}

@test "--logprobs: tokens as strings, where they tell which token is meant" {
	capture pivot 400
	served completion-echo pivot >said.jsonl
	run -0 fc-infer --logprobs -m "$(kit pivot)" -k 400 -o got.fcs said.jsonl
	[[ $output == *"entries were left out: their strings are no token's (parts of characters)"* ]]
	fc-view --jsonl got.fcs >got.jsonl
	python3 - <<-'END'
		import json
		for x, y in zip(*([json.loads(s) for s in open(f)] for f in ("want.jsonl", "got.jsonl"))):
		    assert x["tokens"] == y["tokens"] and x["ends"] == y["ends"]
		    for r, s in zip(x["rows"], y["rows"], strict=True):
		        assert r["token"] == s["token"] and r["true_logprob"] == s["true_logprob"]
		        have = dict(zip(r["ids"], r["logprobs"]))
		        assert all(have[i] == p for i, p in zip(s["ids"], s["logprobs"])), (r, s)
	END
	# what is whole characters is there
	[ "$(jq -c '.rows[].ids | length' got.jsonl | sort -n | head -n 1)" -gt 200 ]
	# and all, where parts of characters are spelled as OpenAI's completions do
	capture pivot
	served completion-bytes pivot >said.jsonl
	grep -q '"bytes:\\\\x' said.jsonl
	run -0 fc-infer --logprobs -m "$(kit pivot)" -k 5 -o got.fcs said.jsonl
	[[ $output != *"entries were left out"* ]]
	fc-view --jsonl got.fcs >got.jsonl
	same_rows want.jsonl got.jsonl
	# a text that looks so, and is none
	for s in 'bytes:\\x4' 'bytes:\\xzz' 'bytes:' 'bytes:\\q'; do
		jq -cn --arg s "$s" '{request: {prompt: $s}, response: {choices: [{logprobs: {
			tokens: [$s], token_logprobs: [null], top_logprobs: [null]}}]}}' >odd.jsonl
		run -1 fc-infer --logprobs -m "$(kit pivot)" -o odd.fcs odd.jsonl
		[[ $output == *"token 0 of the response, \"$s\", is no token of the vocabulary"* ]]
	done
}

@test "--logprobs: answers alone, and what they leave out is told" {
	for model in pivot facts; do
		capture $model
		for form in openai-chat ollama completion tgi-answer sglang-late llama-chat llama-completion; do
			echo "$model $form"
			served $form $model >said.jsonl
			run -0 fc-infer --logprobs -m "$(kit $model)" -k 5 -o got.fcs said.jsonl
			[[ $output == *"trained tokens have no distribution: the server gave none there"* ]]
			fc-view --jsonl got.fcs >got.jsonl
			python3 - $form <<-'END'
				import json, sys
				n = 0
				for x, y in zip(*([json.loads(s) for s in open(f)] for f in ("want.jsonl", "got.jsonl"))):
				    assert x["tokens"] == y["tokens"] and x["ends"] == y["ends"] and x["trained"] == y["trained"]
				    want = {r["token"]: r for r in x["rows"]}
				    for s in y["rows"]:
				        r = want[s["token"]]
				        n += 1
				        if sys.argv[1] in ("completion", "ollama"):  # strings: parts of characters are missing
				            have = dict(zip(r["ids"], r["logprobs"]))
				            assert s["true_logprob"] == r["true_logprob"]
				            assert all(have[i] == p for i, p in zip(s["ids"], s["logprobs"])), (r, s)
				        else:
				            assert r == s, (r, s)
				    # the last answer's content at least, but for its first token where the server can't
				    tail = x["tokens"].__len__() - 1
				    while not x["trained"][tail] or x["parts"][tail] != "content": tail -= 1
				    assert tail in {s["token"] for s in y["rows"]}, x["id"]
				assert n > 30, n
			END
		done
	done
}

@test "--logprobs: a token beyond OpenAI's 20 likeliest, whose logarithm is not told, is left out" {
	capture pivot
	served openai-chat pivot >said.jsonl
	jq -c '.response.choices[0].logprobs.content[1] |=
		(.token as $t | .logprob = -9999.0 | .top_logprobs |= map(select(.token != $t)))' said.jsonl >rare.jsonl
	for f in said rare; do
		run -0 fc-infer --logprobs -m "$(kit pivot)" -k 5 -o $f.fcs $f.jsonl
		fc-view --jsonl $f.fcs >$f
	done
	[[ $output == *"of these, "*" are not among the entries that are there"* ]]
	jq -es --slurpfile said said '[.[].nll, $said[].nll] | [_nwise(length / 2)] | transpose | all(.[0] < .[1])' rare
	[ "$(jq -s 'map(.rows | length) | add' rare)" -eq $(($(jq -s 'map(.rows | length) | add' said) - $(wc -l <said))) ]
}

@test "--logprobs: rows that DistillKit stored, and what TRL's server says" {
	capture pivot 640
	served distillkit pivot >said.jsonl
	run -0 fc-infer --logprobs -m "$(kit pivot)" -k 640 -o got.fcs said.jsonl
	[[ $output == *"all "*" trained tokens have a distribution"* ]]
	fc-view --jsonl got.fcs >got.jsonl
	same_rows want.jsonl got.jsonl
	[ "$(jq -c .meta got.jsonl | sort -u)" = "$(jq -c .meta want.jsonl | sort -u)" ]
	# a data set has nothing else: the text is that of the ids, and all of it is learned
	jq -c 'del(.id, .messages, .skill, .answer)' said.jsonl | gzip -c >bare.gz
	fc-infer -q --logprobs -m "$(kit pivot)" -k 640 bare.gz | fc-view --jsonl >got.jsonl
	diff <(jq -c '[(.text | ltrimstr("<s>")), .tokens]' all.jsonl) <(jq -c '[.text, .tokens]' got.jsonl)
	diff <(jq -c '[.rows[] | {token, ids, logprobs}]' all.jsonl) <(jq -c '[.rows[] | {token, ids, logprobs}]' got.jsonl)
	zcat bare.gz | jq -s . >bare.json
	fc-infer -q --logprobs -m "$(kit pivot)" -k 640 bare.json | fc-view --jsonl | cmp - got.jsonl
	# entries without the token that follows do not tell how likely it is
	jq -c '.token_ids |= map(.[:2]) | .top_values |= map(.[:2])' said.jsonl >few.jsonl
	run -0 fc-infer --logprobs -m "$(kit pivot)" -o few.fcs few.jsonl
	[[ $output == *" trained tokens have no distribution"*"of these, "*" are not among the entries that are there"* ]]
	for form in trl trl-chat; do
		served $form pivot >said.jsonl
		fc-infer -q --logprobs -m "$(kit pivot)" -k 640 said.jsonl | fc-view --jsonl >got.jsonl
		python3 - <<-'END'
			import json
			n = 0
			for x, y in zip(*([json.loads(s) for s in open(f)] for f in ("want.jsonl", "got.jsonl")), strict=True):
			    assert x["tokens"] == y["tokens"] and x["trained"] == y["trained"]
			    rows = y["rows"]
			    assert rows == [r for r in x["rows"] if r["token"] >= rows[0]["token"]]
			    n += len(rows)
			assert n > 30, n
		END
		# without a conversation: what is behind the prompt is learned
		jq -c '{request: (.request | del(.messages)), response}' said.jsonl >bare.jsonl
		fc-infer -q --logprobs -m "$(kit pivot)" -k 640 bare.jsonl | fc-view --jsonl >bare
		diff <(jq -c '[(.text | ltrimstr("<s>")), .tokens, [.rows[].logprobs]]' got.jsonl) <(jq -c '[.text, .tokens, [.rows[].logprobs]]' bare)
	done
	refused() {
		run -1 fc-infer --logprobs -m "$(kit pivot)" -o bad.fcs bad.jsonl
		echo "$output"
		[[ $output == *"bad.jsonl:1: $1"* ]]
		[ ! -e bad.fcs ]
	}
	first() { served "$1" pivot | head -n 1 | jq -c "$2" >bad.jsonl; }
	first trl '.request.temperature = 0.5'
	refused 'request: temperature 0.5; the model'"'"'s own'
	first trl '.response.logprobs += .response.logprobs'
	refused 'several sequences in one response (TRL); OTHER FORMS'
	first trl 'del(.request)'
	refused 'sequences and prompt_lengths of the request, or prompt_ids'
	first trl '.response.logprobs[0] |= .[1:]'
	refused 'response: logprobs and logprob_token_ids of '
	first trl '.response = {"logprobs_b64": "", "shape": [1, 2, 3]}'
	refused 'response: logprobs_b64 is TRL'"'"'s binary form'
	first distillkit '.token_ids[3] |= .[1:]'
	refused 'top_values[3]: a list as long as that of token_ids'
	first distillkit '.attention_mask = [1, 1, 2]'
	refused 'several texts in one line, as attention_mask numbers them (DistillKit)'
	first distillkit '{input_ids, compressed_logprobs: [[1]], bytepacked_indices: [[1]]}'
	refused 'compressed_logprobs is compressed (DistillKit); OTHER FORMS'
	first distillkit '{input_ids, packed_indices: [[1]], exact_values: [[1]], coeffs: [[1]]}'
	refused 'packed_indices is compressed (DistillKit); OTHER FORMS'
	first distillkit '.top_values[2][0] = 3'
	refused 'top_values[2]: a natural logarithm'
}

@test "--logprobs: answers of servers that tell what was drawn from are the model's own, or refused" {
	capture pivot
	refused() { # FORM SETTING WORDS
		served "$1" pivot | jq -c "$2" >bad.jsonl
		run -1 fc-infer --logprobs -m "$(kit pivot)" -o bad.fcs bad.jsonl
		echo "$2: $output"
		[[ $output == *"bad.jsonl:1: request: $3; the model's own log-probabilities are those "* ]]
	}
	taken() {
		served "$1" pivot | jq -c "$2" >good.jsonl
		echo "$2"
		fc-infer -q --logprobs -m "$(kit pivot)" good.jsonl >good.fcs
	}
	# both divide logits by the temperature before they take logarithms; TGI leaves tokens out first, too
	refused tgi-answer '.request.parameters.temperature = 0.7' 'temperature 0.7'
	refused tgi-answer '.request.parameters.top_k = 50' 'top_k 50'
	refused tgi-answer '.request.parameters.top_p = 0.9' 'top_p 0.9'
	refused tgi-answer '.request.parameters.typical_p = 0.9' 'typical_p 0.9'
	refused tgi-answer '.request.parameters.repetition_penalty = 1.1' 'repetition_penalty 1.1'
	refused tgi-answer '.request.parameters.frequency_penalty = 0.5' 'frequency_penalty 0.5'
	refused tgi-answer '.request.parameters.watermark = true' 'watermark true'
	refused sglang-answer '.request.sampling_params.temperature = 0.7' 'temperature 0.7'
	refused sglang-answer '.request.sampling_params.repetition_penalty = 1.1' 'repetition_penalty 1.1'
	refused sglang-answer '.request.sampling_params.frequency_penalty = 0.5' 'frequency_penalty 0.5'
	refused sglang-answer '.request.sampling_params.presence_penalty = -0.5' 'presence_penalty -0.5'
	refused sglang-answer '.request.sampling_params.logit_bias = {"7": 1}' 'logit_bias {"7":1}'
	refused sglang-answer '.request.sampling_params.regex = "[a-z]+"' 'regex "[a-z]+"'
	taken tgi-answer '.request.parameters += {temperature: 1, top_p: 1, repetition_penalty: 1.0, watermark: false}'
	taken tgi-answer '.request.parameters += {temperature: null, do_sample: true, max_new_tokens: 64, seed: 3}'
	taken sglang-answer '.request.sampling_params = {temperature: 0, top_p: 0.9, top_k: 50, logit_bias: {}}'
	taken sglang-answer '.request.sampling_params = {temperature: 1.0, presence_penalty: 0}'
	# what is said of prompts is not of what was drawn
	taken tgi '.request.parameters.temperature = 0.7'
	taken sglang '.request.sampling_params.temperature = 0.7'
}

@test "--logprobs: of a prompt TGI says no more than its own tokens" {
	capture pivot
	served tgi pivot >said.jsonl
	run -0 fc-infer --logprobs -m "$(kit pivot)" -k 5 -o got.fcs said.jsonl
	fc-view --jsonl got.fcs >got.jsonl
	[[ $output == *"of these, $(jq -s 'map(.rows | length) | add' got.jsonl) have nothing but their own log-probability"* ]]
	[ "$(jq -c '.rows[].ids | length' got.jsonl | sort -u)" -eq 1 ]
	diff <(jq -c '[.rows[].true_logprob]' want.jsonl) <(jq -c '[.rows[].true_logprob]' got.jsonl)
}

@test "--logprobs: the conversation is the request's where the line has none" {
	capture pivot
	for form in vllm-chat openai-chat; do
		served $form pivot | jq -c '{id, request, response}' >said.jsonl
		fc-infer -q --logprobs -m "$(kit pivot)" -k 5 said.jsonl | fc-view --jsonl >got.jsonl
		diff <(jq -c '[.id, .text, .tokens]' want.jsonl) <(jq -c '[.id, .text, .tokens]' got.jsonl)
	done
	# texts: all is learned, or what was answered
	served vllm-completion pivot | jq -c '{id, request, response}' >said.jsonl
	fc-infer -q --logprobs -m "$(kit pivot)" -k 5 said.jsonl | fc-view --jsonl >got.jsonl
	diff <(jq -c '[.text, .tokens]' want.jsonl) <(jq -c '[.text, .tokens]' got.jsonl)
	[ "$(jq -c '.rows | length' got.jsonl | head -n 1)" -eq "$(jq -c '.rows | length' all.jsonl | head -n 1)" ]
	served tgi-answer pivot | jq -c '{id, request, response}' >said.jsonl
	fc-infer -q --logprobs -m "$(kit pivot)" -k 5 said.jsonl | fc-view --jsonl >got.jsonl
	[ "$(jq -r '.text' got.jsonl | head -n 1)" = "$(jq -r '.text | sub("<.eot.>$"; "")' want.jsonl | head -n 1)" ]
}

@test "--logprobs: prompts in lists, as text or as ids" {
	capture pivot
	served vllm-completion pivot | jq -c 'del(.messages)' >said.jsonl
	fc-infer -q --logprobs -m "$(kit pivot)" -k 5 said.jsonl | fc-view --jsonl >want.jsonl
	jq -c '.request.prompt |= [.]' said.jsonl >list.jsonl
	fc-infer -q --logprobs -m "$(kit pivot)" -k 5 list.jsonl | fc-view --jsonl | cmp - want.jsonl
	# the ids tell what the text is, and which token the first one is
	served vllm-tokens pivot | jq -c 'del(.messages)' >ids.jsonl
	for change in . '.request.prompt |= [.]' 'del(.response.choices[0].prompt_token_ids)'; do
		jq -c "$change" ids.jsonl >list.jsonl
		fc-infer -q --logprobs -m "$(kit pivot)" -k 5 list.jsonl | fc-view --jsonl >got.jsonl
		[ "$(jq -c '[.tokens, .rows, .nll]' got.jsonl)" = "$(jq -c '[.tokens, .rows, .nll]' want.jsonl)" ]
		[ "$(jq -c .text got.jsonl)" = "$(jq -c '.text | ltrimstr("<s>")' want.jsonl)" ] # which a text has by itself
	done
	jq -c '.request.prompt[3] = 7' ids.jsonl >bad.jsonl
	run -1 fc-infer --logprobs -m "$(kit pivot)" -o bad.fcs bad.jsonl
	[[ $output == *"bad.jsonl:1: response: token 3 has the id "*", in the prompt of the request it is 7"* ]]
	# several prompts have several choices, each with its index
	jq -cs '{request: {prompt: map(.request.prompt)},
		response: {choices: ([.[].response.choices[0]] | to_entries | map(.value + {index: .key}))}}' said.jsonl >several.jsonl
	run -1 fc-infer --logprobs -m "$(kit pivot)" -o bad.fcs several.jsonl
	[[ $output == *"several.jsonl:1: request: several prompts; OTHER FORMS of fc-infer(1) has the line of jq"* ]]
	# by which they are parted
	mandoc -Tascii -O width=200 "$FC_ROOT/man/fc-infer.1" | sed 's/.\x08//g' | sed -n "/^OTHER FORMS/,/^ENVIRONMENT/p" |
		sed -n '/Several prompts of one request/,/Batches of/p' | sed -n '/jq -c/,/^$/p' >part.sh
	bash part.sh <several.jsonl >parted.jsonl
	[ "$(wc -l <parted.jsonl)" = "$(wc -l <said.jsonl)" ]
	fc-infer -q --logprobs -m "$(kit pivot)" -k 5 parted.jsonl | fc-view --jsonl >got.jsonl
	[ "$(jq -c '[.text, .rows]' got.jsonl)" = "$(jq -c '[.text, .rows]' want.jsonl)" ]
}

@test "--logprobs: batches of OpenAI's and vLLM's form, and errors in them" {
	capture pivot
	served vllm-chat pivot | jq -c '{custom_id: .id, method: "POST", url: "/v1/chat/completions", body: .request,
		id: "batch_req_\(input_line_number)", response: {status_code: 200, request_id: "r", body: .response}, error: null}' >batch.jsonl
	fc-infer -q --logprobs -m "$(kit pivot)" -k 5 batch.jsonl | fc-view --jsonl >got.jsonl
	diff <(jq -c 'del(.meta, .nll, .source)' want.jsonl) <(jq -c 'del(.meta, .nll, .source)' got.jsonl)
	[ "$(jq -c '.meta' got.jsonl | sort -u)" = null ]
	jq -c 'if .custom_id == "fusion-2" then .error = {message: "too long"} | .response = null
		elif .custom_id == "fusion-3" then .response.status_code = 500 else . end' batch.jsonl >errors.jsonl
	run -0 fc-infer --logprobs -m "$(kit pivot)" -k 5 -o got.fcs errors.jsonl
	[[ $output == *"2 of 7 lines are errors of the server and were left out; the first: too long"* ]]
	[ "$(fc-view --jsonl got.fcs | wc -l)" -eq 5 ]
	fc-infer -q --logprobs -m "$(kit pivot)" --shard 2/3 batch.jsonl | fc-view --jsonl | jq -r .id >ids
	[ "$(paste -sd ' ' ids)" = "$(jq -r .id chats.jsonl | sed -n '2p;5p' | paste -sd ' ')" ]
}

@test "--logprobs: the header says what is known, and fc-align goes on with it" {
	capture facts
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 5 --all-rows -o p.fcs chats.jsonl
	fc-view --jsonl -t "$(kit facts)" p.fcs >all.jsonl
	served vllm-completion facts >said.jsonl
	mkdir tok
	cp "$(kit facts)"/tokenizer*.json "$(kit facts)"/chat_template* tok/ 2>/dev/null || true
	fc-infer -q --logprobs -m tok -p "$(kit pivot)" -k 5 --name facts -o said.fcs said.jsonl
	fc-view p.fcs | sed -n '/^tokenizer\|^vocab\|^template\|^cut\|^top-k/p' >want
	fc-view said.fcs | sed -n '/^tokenizer\|^vocab\|^template\|^cut\|^top-k/p' | diff want -
	[ -z "$(fc-view said.fcs | grep '^model')" ]
	[[ $(fc-view said.fcs) == *"source        facts, model 0000000000000000, tokenizer $(fc-view --fingerprint tok | sed -n 's/^tokenizer=//p')"* ]]
	fc-align apply -q -p "$(kit pivot)" -s tok -o a.fcs said.fcs
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 5 chats.jsonl |
		fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" | fc-view --jsonl >want.jsonl
	fc-view --jsonl a.fcs >got.jsonl
	same_rows want.jsonl got.jsonl
	fc-infer -q -m "$(kit pivot)" -k 5 -o pivot.fcs chats.jsonl
	fc-align fuse -q --top-k 10 -o fused.fcs pivot.fcs a.fcs
	fc-view --verify fused.fcs
	fc-train -q -m "$(kit pivot)" --steps 1 -o out fused.fcs
}

@test "--logprobs: a response that is not of the text, or of another model, is refused with its place" {
	capture pivot
	served vllm-completion pivot >said.jsonl
	refused() {
		run -1 fc-infer --logprobs -m "$(kit pivot)" -o bad.fcs bad.jsonl
		echo "$1: $output"
		[[ $output == *"bad.jsonl:$2"* && $output == *"${3:-}"* ]]
		[ ! -e bad.fcs ]
	}
	first() { jq -c "if input_line_number == 1 then $1 else . end" said.jsonl >bad.jsonl; }
	first '.messages[1].content = "Goodbye, all of you."'
	refused text '1: conversation fusion-0: token 16 of the response, id 331, does not stand at byte 43 of the text: "Goodbye, '
	first 'del(.response)'
	refused 'no response' '1: there is no "response"'
	first '.response = {}'
	refused 'no log-probabilities' '1: response: it has no log-probabilities: none of prompt_logprobs (vLLM), '
	first '.response.choices[0].prompt_logprobs[3] = 7'
	refused item '1: prompt_logprobs[3]: an object or null is expected'
	first '.response.choices[0].prompt_logprobs[3] = {"7": {"rank": 1}}'
	refused logprob '1: prompt_logprobs[3]: a number is expected as logprob'
	first '.response.choices[0].prompt_logprobs[3] = {"x": {"logprob": -1}}'
	refused id '1: prompt_logprobs[3]: "x" is no token'"'"'s id'
	first '.response.choices[0].prompt_logprobs[3] = {"7": {"logprob": 1}}'
	refused positive '1: prompt_logprobs[3]: a natural logarithm'
	first '.response.choices[0].prompt_logprobs |= .[1:]'
	refused shifted '1: prompt_logprobs has ' ' items, prompt_token_ids '
	first '.response.choices[0].prompt_logprobs[-1]["640"] = {"logprob": -0.1}'
	refused 'another model' '1: conversation fusion-0: an entry has the id 640, the tokenizer'"'"'s are below 640'
	served llama-completion pivot | head -n 1 >llama.jsonl
	jq -c '.response.completion_probabilities[0] |= (.prob = 1 | del(.logprob))' llama.jsonl >bad.jsonl
	refused sampled '1: completion_probabilities[0]: probabilities after the sampling (post_sampling_probs)'
	first '.response.choices[0] |= (del(.prompt_token_ids) | .prompt_logprobs[2] = {"331": {"logprob": -1}})'
	refused 'the first that does not fit' '1: conversation fusion-0: token 2 of the response, id 331, does not stand at byte '
	first '.response.choices[0] |= (del(.prompt_token_ids) | .prompt_logprobs[2] = {"5639": {"logprob": -1}})'
	refused 'no id' '1: conversation fusion-0: token 2 of the response, id 5639, is no token of the vocabulary'
	# what is no distribution of the model
	last() { first ".response.choices[0].prompt_logprobs[-1] |= $1"; }
	last '(to_entries[0].key as $k | {($k): {logprob: -0.1}, "7": {logprob: -0.1}})'
	refused 'more than 1' '1: conversation fusion-0: the distribution of token ' 'its 2 entries have a probability of 1.8'
	last '(to_entries[0].key as $k | {($k): {logprob: -1}, "7": {logprob: -2}, "07": {logprob: -3}})'
	refused 'twice' '1: conversation fusion-0: the distribution of token ' 'the id 7 stands there twice'
	served sglang pivot | head -n 1 >sglang.jsonl
	jq -c '.response.meta_info |= (.input_top_logprobs[-1] = [[-3, .input_token_logprobs[-1][1], null]])' sglang.jsonl >bad.jsonl
	refused 'two of itself' '1: conversation fusion-0: the distribution of token ' ', and -3 among the likeliest'
	jq -c '.response.meta_info.input_top_logprobs |= .[1:]' sglang.jsonl >bad.jsonl
	refused 'shifted rows' '1: response: input_token_logprobs has ' ' items, input_top_logprobs '
	served sglang-flat pivot | head -n 1 >flat.jsonl
	jq -c '.response.meta_info.input_top_logprobs_val_flat |= .[1:]' flat.jsonl >bad.jsonl
	refused 'shifted flat' '1: response: the lists input_top_logprobs_val_flat and _idx_flat are not as long as'
	jq -c '.response.meta_info |= (.input_top_logprobs_val_flat_b64 = "" | del(.input_top_logprobs_val_flat))' flat.jsonl >bad.jsonl
	refused 'flat in base64' '1: response: input_top_logprobs_val_flat_b64 is SGLang'
	# a probability of 0, as llama.cpp writes its logarithm
	first '(.response.choices[0].prompt_logprobs[-1] |= with_entries(.value.logprob = -3.4028234663852886e38))'
	run -0 fc-infer --logprobs -m "$(kit pivot)" -o got.fcs bad.jsonl
	[ "$(fc-view --jsonl got.fcs | head -n 1 | jq '.rows[-1].true_logprob')" = -65504 ]
	# positions that are missing are counted
	first '.response.choices[0].prompt_logprobs[-2:] = [null, null]'
	run -0 fc-infer --logprobs -m "$(kit pivot)" -k 5 -o got.fcs bad.jsonl
	[[ $output == *"2 of "*" trained tokens have no distribution"* ]] || [[ $output == *"1 of "*" trained tokens have no distribution"* ]]
	# strings that have lost their spaces
	capture facts
	served completion-echo facts | jq -c '.response.choices[0].logprobs |= (.tokens |= map(ltrimstr(" "))
		| .top_logprobs |= map(if . then with_entries(.key |= ltrimstr(" ")) else . end))' >bad.jsonl
	run -1 fc-infer --logprobs -m "$(kit facts)" -o bad.fcs bad.jsonl
	[[ $output == *"the strings of tokens have lost the spaces that they begin with"*"return_tokens_as_token_ids"* ]]
}

@test "--logprobs: a teacher whose tokenizer is not known, by the bytes of its tokens" {
	capture facts
	fc-infer -q -m "$(kit facts)" -p "$(kit pivot)" -k 5 --all-rows -o p.fcs chats.jsonl
	fc-view --jsonl -t "$(kit facts)" p.fcs >all.jsonl
	served openai-chat facts >said.jsonl
	run -0 fc-infer --logprobs --make-tokenizer made.json --name gpt -p "$(kit pivot)" -k 5 -o made.fcs said.jsonl
	[[ $output == *"trained tokens have no distribution"* ]]
	# 256 bytes and what stands in the responses, as Python finds it
	python3 - <<-'END'
		import json
		seen = set()
		for line in open("said.jsonl"):
		    for t in json.loads(line)["response"]["choices"][0]["logprobs"]["content"]:
		        seen |= {bytes(w["bytes"]) for w in [t, *t["top_logprobs"]] if len(w["bytes"]) > 1}
		assert len(json.load(open("made.json"))["model"]["vocab"]) == 256 + len(seen)
	END
	[[ $(fc-view made.fcs) == *"tokenizer     $(fc-view --fingerprint made.json | sed -n 's/^tokenizer=//p')"* ]]
	[[ $(fc-view made.fcs) == *"source        gpt, model 0000000000000000"* ]]
	fc-view --verify -t made.json made.fcs
	# aligned with the pivot it says what it says with its own tokenizer
	fc-infer -q --logprobs -m "$(kit facts)" -p "$(kit pivot)" -k 5 said.jsonl |
		fc-align apply -q -p "$(kit pivot)" -s "$(kit facts)" | fc-view --jsonl >want.jsonl
	fc-align apply -q -p "$(kit pivot)" -s made.json made.fcs | fc-view --jsonl >got.jsonl
	python3 - <<-'END'
		import json
		n = 0
		for x, y in zip(*([json.loads(s) for s in open(f)] for f in ("want.jsonl", "got.jsonl")), strict=True):
		    assert x["tokens"] == y["tokens"] and x["trained"] == y["trained"]
		    have = {r["token"]: r for r in y["rows"]}
		    for r in x["rows"]:
		        s = have[r["token"]]
		        assert s["true_logprob"] == r["true_logprob"]
		        # a special token, here the end of a turn, is its name as text where nobody says that it is one
		        of = dict(zip(s["ids"], s["logprobs"]))
		        assert all(of.get(i) == p for i, p in zip(r["ids"], r["logprobs"]) if i not in (60, 639)), (r, s)
		        n += 1
		assert n > 30, n
	END
	# ids beside bytes are those of a tokenizer that is not there
	served llama-chat facts >llama.jsonl
	fc-infer -q --logprobs --make-tokenizer llama.json --name gpt -p "$(kit pivot)" -k 5 -o llama.fcs llama.jsonl
	fc-view --verify -t llama.json llama.fcs
	[ "$(fc-view --jsonl llama.fcs | jq '.rows | length' | paste -sd ' ')" = \
		"$(fc-view --jsonl made.fcs | jq '.rows | length' | paste -sd ' ')" ]
	# ids and strings need the tokenizer
	for form in vllm-chat completion; do
		served $form facts >said.jsonl
		run -1 fc-infer --logprobs --make-tokenizer no.json --name gpt -p "$(kit pivot)" -o no.fcs said.jsonl
		[[ $output == *"said.jsonl:1: response: token "*"and no bytes; -m, a folder with the model's tokenizer, tells what it is"* ]]
		[ ! -e no.json ]
	done
	run -2 fc-infer --logprobs --make-tokenizer no.json -o no.fcs said.jsonl
}

@test "--logprobs: options of a model that runs are refused" {
	for o in --generate --tokens '--sample 3' '--dtype f32' '--long truncate' '--max-length 5'; do
		# shellcheck disable=SC2086 # words
		run -2 fc-infer --logprobs -m "$(kit pivot)" $o /dev/null
		[[ $output == *"--logprobs runs no model"* ]]
	done
	run -2 fc-infer --logprobs /dev/null
}
