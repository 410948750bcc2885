#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Responses of servers as their projects write them, made of a stream's own distributions.

  served.py FORM STREAM.jsonl CONVERSATIONS.jsonl TOKENIZER >RESPONSES.jsonl

STREAM.jsonl is what fc-view --jsonl -t prints of a capture with --all-rows.  Field names: vLLM 0.1x
(entrypoints/openai/{completion,chat_completion}), openai-openapi's CreateChatCompletionResponse and
CreateCompletionResponse, SGLang (srt/managers/tokenizer_manager.py), text-generation-inference
(router/src/lib.rs; flat: its _build_flat_input_top_logprobs_fields), DistillKit (compression/compressor.py), TRL (scripts/vllm_serve.py); llama.cpp's as its server of October 2026 gave them (tests/cli/real-server.bats asks it).
"""
import json
import sys

form, stream, conversations, tokenizer = sys.argv[1:]
model = json.load(open(tokenizer + "/tokenizer.json"))
added = {a["id"]: a["content"] for a in model["added_tokens"]}
spelled = {i: p for p, i in model["model"]["vocab"].items()}
spelled.update(added)


def alphabet():
    """GPT-2's characters for bytes."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    back, n = {}, 0
    for b in range(256):
        if b in keep:
            back[chr(b)] = b
        else:
            back[chr(256 + n)] = b
            n += 1
    return back


byte_of = alphabet()
is_level = "ByteLevel" in json.dumps(model["decoder"])


def raw(i):
    """The bytes of a token inside a text; of a special one its name."""
    p = spelled[i]
    if i in added:
        return p.encode()
    if is_level:
        return bytes(byte_of[c] for c in p)
    if len(p) == 6 and p.startswith("<0x"):
        return bytes([int(p[3:5], 16)])
    return p.replace("\u2581", " ").encode()


def string(i):
    """What decode([i]) gives."""
    return raw(i).decode(errors="replace")


def escaped(i):
    """As OpenAI's completions write it: a part of a character is "bytes:" and its bytes (gpt-3.5-turbo-instruct)."""
    p = raw(i)
    try:
        return p.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(chr(b) if 32 <= b < 127 else "\\x%02x" % b for b in p)


def rows(x):
    """For each token its own log-probability and the entries, or None."""
    out = [None] * len(x["tokens"])
    for r in x["rows"]:
        out[r["token"]] = (r["true_logprob"], list(zip(r["ids"], r["logprobs"])))
    return out


def vllm_rows(x):
    """The token's own first, then the likeliest, by rank."""
    out = []
    for i, r in zip(x["tokens"], rows(x)):
        if r is None:
            out.append(None)
            continue
        d = {str(i): {"logprob": r[0], "rank": 99, "decoded_token": string(i)}}
        for rank, (j, p) in enumerate(r[1], 1):
            d[str(j)] = {"logprob": p, "rank": rank, "decoded_token": string(j)}
        out.append(d)
    return out


def answer_of(x):
    """Tokens of the last answer: first, end of its content, end."""
    end = len(x["tokens"])
    while not x["trained"][end - 1]:
        end -= 1
    first = end
    while first and x["trained"][first - 1]:
        first -= 1
    content = end
    while x["parts"][content - 1] != "content":
        content -= 1
    return first, content, end


def openai_token(i, p):
    return {"token": string(i), "logprob": p, "bytes": list(raw(i))}


def ollama_token(i, p):
    """The bytes of the replacement character for a part of one (ollama, issue 13497)."""
    return {"token": string(i), "logprob": p, "bytes": list(string(i).encode())}


def llama_token(i, p, top=None):
    """A special token has no text there."""
    word = {"id": i, "token": "" if i in added else string(i), "bytes": [] if i in added else list(raw(i)), "logprob": p}
    return word if top is None else dict(word, top_logprobs=[llama_token(j, q) for j, q in top])


def choice(**more):
    return {"index": 0, "finish_reason": "stop", **more}


def respond(x, c):
    text = x["text"]
    first, content, end = answer_of(x)
    all_rows = rows(x)
    ids = x["tokens"]
    messages = c.get("messages")
    prompt_end = x["ends"][first - 1]
    prompt, answer = text.encode()[:prompt_end].decode(), text.encode()[prompt_end:x["ends"][content - 1]].decode()
    if form == "vllm-chat":
        return ({"model": "m", "messages": messages, "add_generation_prompt": False, "prompt_logprobs": 5},
                {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice(message={"role": "assistant",
                 "content": "x", "tool_calls": []}, logprobs=None)], "prompt_logprobs": vllm_rows(x)})
    if form == "vllm-generation-prompt":  # the default: what asks for an answer is scored, too
        more = [{"7": {"logprob": -1, "rank": 3, "decoded_token": "?"}}] * 3
        return ({"messages": messages, "prompt_logprobs": 5},
                {"choices": [], "prompt_logprobs": vllm_rows(x) + more})
    if form in ("vllm-completion", "vllm-tokens"):
        return ({"prompt": ids if form == "vllm-tokens" else text, "max_tokens": 1, "prompt_logprobs": 5},
                {"object": "text_completion", "choices": [choice(text="x", logprobs=None, stop_reason=None,
                 prompt_logprobs=vllm_rows(x), prompt_token_ids=ids)]})
    if form in ("openai-chat", "ollama"):
        token = openai_token if form == "openai-chat" else ollama_token
        items = [dict(token(i, r[0]), top_logprobs=[token(j, p) for j, p in r[1]])
                 for i, r in zip(ids[first:content], all_rows[first:content])]
        return ({"messages": messages[:-1], "logprobs": True, "top_logprobs": 5},
                {"object": "chat.completion", "choices": [choice(message={"role": "assistant", "content": answer,
                 "refusal": None}, logprobs={"content": items, "refusal": None})]})
    if form == "distillkit":  # with the padding token that it adds; without a value: -inf, of an id that is none
        rest = [[list(column) for column in zip(*r[1])] for r in all_rows[1:]] + [[[1, 2], [-1, -2]]]
        return (None, {"input_ids": ids + [0], "token_ids": [r[0] + [4000000000] for r in rest],
                       "top_values": [r[1] + [None] for r in rest]})
    if form in ("trl", "trl-chat"):
        rest = [[*r[1], *([] if i in dict(r[1]) else [(i, r[0])])] for i, r in zip(ids[first:], all_rows[first:])]
        said = {"logprobs": [[[p for _, p in r] for r in rest]], "logprob_token_ids": [[[i for i, _ in r] for r in rest]]}
        if form == "trl":
            return {"sequences": [ids], "prompt_lengths": [first], "top_logprobs": 5, "temperature": 1.0}, said
        return {"messages": [messages[:-1]]}, {"prompt_ids": [ids[:first]], "completion_ids": [ids[first:]], **said}
    if form in ("llama-chat", "llama-completion"):  # with the end of the turn
        items = [llama_token(i, *r) for i, r in zip(ids[first:end], all_rows[first:end])]
        if form == "llama-chat":
            return ({"messages": messages[:-1], "logprobs": True, "top_logprobs": 5},
                    {"object": "chat.completion", "choices": [choice(message={"role": "assistant", "content": answer},
                     logprobs={"content": items})], "timings": {"cache_n": 0}})
        return ({"prompt": prompt, "n_predict": 64, "n_probs": 5},
                {"index": 0, "content": answer, "tokens": [], "stop": True, "stop_type": "eos", "stopping_word": "",
                 "tokens_evaluated": first, "completion_probabilities": items})
    if form in ("completion-echo", "completion-bytes", "completion-ids", "echo-tokens"):
        name = {"completion-echo": string, "completion-bytes": escaped}.get(form, lambda i: "token_id:%d" % i)
        offset, at = [], 0
        for i in ids:
            offset.append(at)
            at += len(string(i))
        return ({"prompt": ids if form == "echo-tokens" else text, "echo": True, "logprobs": 5, "max_tokens": 1},
                {"choices": [choice(text=text, logprobs={
                    "tokens": [name(i) for i in ids], "text_offset": offset,
                    "token_logprobs": [None if r is None else r[0] for r in all_rows],
                    "top_logprobs": [None if r is None else {name(j): p for j, p in r[1]
                                      if name(j) != "\0"} for r in all_rows]})]})  # no key for jansson
    if form == "completion":
        part = slice(first, content)
        return ({"prompt": prompt, "logprobs": 5},
                {"choices": [choice(text=answer, logprobs={
                    "tokens": [string(i) for i in ids[part]], "text_offset": list(range(content - first)),
                    "token_logprobs": [r[0] for r in all_rows[part]],
                    "top_logprobs": [{string(j): p for j, p in r[1]} for r in all_rows[part]]})]})
    if form == "sglang":
        own = [[None if r is None else r[0], i, None] for i, r in zip(ids, all_rows)]
        top = [None if r is None else [[p, j, string(j)] for j, p in r[1]] for r in all_rows]
        return ({"text": text, "return_logprob": True, "logprob_start_len": 0, "top_logprobs_num": 5},
                {"text": "x", "meta_info": {"prompt_tokens": len(ids), "input_token_logprobs": own,
                 "input_top_logprobs": top, "output_token_logprobs": [[-1.0, 7, None]]}})
    if form in ("sglang-flat", "sglang-flat-prefix"):  # versions differ in what the shape counts
        own = [[None if r is None else r[0], i, None] for i, r in zip(ids, all_rows)]
        n_null = sum(r is None for r in all_rows)
        return ({"text": text, "return_logprob": True, "logprob_start_len": 0, "top_logprobs_num": 5,
                 "return_flat_raw_top_logprobs": True},
                {"text": "x", "meta_info": {"prompt_tokens": len(ids), "input_token_logprobs": own,
                 "input_top_logprobs_val_flat": [p for r in all_rows if r for _, p in r[1]],
                 "input_top_logprobs_idx_flat": [j for r in all_rows if r for j, _ in r[1]],
                 "input_top_logprobs_shape": [len(ids) - (n_null if form == "sglang-flat" else 0), 5],
                 "input_top_logprobs_null_prefix": n_null}})
    if form == "sglang-late":  # from the answer on
        own = [[r[0] if i else None, ids[first + i], None] for i, r in enumerate(all_rows[first:])]
        top = [None if not i else [[p, j, None] for j, p in r[1]] for i, r in enumerate(all_rows[first:])]
        return ({"text": text}, {"text": "x", "meta_info": {"prompt_tokens": len(ids), "input_token_logprobs": own,
                                                            "input_top_logprobs": top}})
    if form == "sglang-answer":
        part = slice(first, content)
        return ({"text": prompt, "return_logprob": True, "top_logprobs_num": 5},
                {"text": answer, "meta_info": {"prompt_tokens": first, "input_token_logprobs": [],
                 "output_token_logprobs": [[r[0], i, None] for i, r in zip(ids[part], all_rows[part])],
                 "output_top_logprobs": [[[p, j, None] for j, p in r[1]] for r in all_rows[part]]}})
    if form == "tgi":
        return ({"inputs": text, "parameters": {"decoder_input_details": True}},
                {"generated_text": "x", "details": {"finish_reason": "length", "generated_tokens": 1,
                 "prefill": [{"id": i, "text": string(i), "logprob": None if r is None else r[0]}
                             for i, r in zip(ids, all_rows)],
                 "tokens": [{"id": 7, "text": "x", "logprob": -1, "special": False}]}})
    if form == "tgi-answer":
        part = slice(first, end)
        return ({"inputs": prompt, "parameters": {"top_n_tokens": 5}},
                [{"generated_text": answer, "details": {"finish_reason": "eos_token", "prefill": [],
                  "tokens": [{"id": i, "text": string(i), "logprob": r[0], "special": i in added}
                             for i, r in zip(ids[part], all_rows[part])],
                  "top_tokens": [[{"id": j, "text": string(j), "logprob": p, "special": j in added}
                                  for j, p in r[1]] for r in all_rows[part]]}}])
    raise SystemExit("no such form: " + form)


for line, talk in zip(open(stream), open(conversations)):
    c = json.loads(talk)
    request, response = respond(json.loads(line), c)
    print(json.dumps(dict(c, request=request, response=response) if request else dict(c, **response)))
