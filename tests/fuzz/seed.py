#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes first inputs for the fuzzers to OUT/TARGET/, from the embedded models and the test data.

    seed.py BUILD OUT        from the repository's root; BUILD has the fixtures"""
import glob
import gzip
import json
import os
import random
import struct
import subprocess
import sys

build, out = sys.argv[1:]
number = 0


def put(target, data):
    global number
    number += 1
    os.makedirs(f"{out}/{target}", exist_ok=True)
    with open(f"{out}/{target}/seed-{number:03}", "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def put_stream(stream):
    put("stream", b"\0" + stream)
    put("stream", b"\1" + subprocess.run(["zstd", "-dcq"], input=stream, check=True,
                                         stdout=subprocess.PIPE).stdout)


def safetensors(header, n_data):
    text = json.dumps(header).encode()
    put("safetensors", struct.pack("<I", n_data) + struct.pack("<Q", len(text)) + text)


def field(number, data):
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(v):
    return (bytes([v & 127 | 128]) + varint(v >> 7)) if v > 127 else bytes([v])


def gguf(keys, tensors, n_data):
    """keys: (name, type, bytes of the value); tensors: (name, dims, type, offset)."""
    def text(t):
        return struct.pack("<Q", len(t)) + t.encode()
    b = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for name, kind, value in keys:
        b += text(name) + struct.pack("<I", kind) + value
    for name, dims, kind, at in tensors:
        b += text(name) + struct.pack("<I%dQ" % len(dims), len(dims), *dims) + struct.pack("<IQ", kind, at)
    put("gguf", struct.pack("<I", n_data + -len(b) % 32) + b)


def gguf_model(arch, layer_norm=False, matrix=0):
    def text(t):
        return struct.pack("<Q", len(t)) + t.encode()
    eps = "layer_norm_epsilon" if layer_norm else "layer_norm_rms_epsilon"
    keys = [("general.architecture", 8, text(arch))]
    keys += [(f"{arch}.{k}", 4, struct.pack("<I", v)) for k, v in (
        ("context_length", 64), ("embedding_length", 32), ("block_count", 1),
        ("feed_forward_length", 64), ("attention.head_count", 4), ("attention.sliding_window", 8))]
    keys += [(f"{arch}.attention.{eps}", 6, struct.pack("<f", 1e-5)),
             ("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("<s>"))]
    names = ["token_embd.weight", "output.weight", "blk.0.attn_q.weight", "blk.0.attn_k.weight",
             "blk.0.attn_qkv.weight", "blk.0.ffn_up.weight"]
    vectors = ["output_norm.weight", "blk.0.attn_norm.weight", "rope_freqs.weight"]
    tensors = [(n, (32, 96), matrix, 16384 * i) for i, n in enumerate(names)]
    tensors += [(n, (32,), 0, 16384 * len(names) + 128 * i) for i, n in enumerate(vectors)]
    gguf(keys, tensors, 16384 * len(names) + 128 * len(vectors))


for arch in "llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "internlm2":
    gguf_model(arch, matrix={"llama": 2, "qwen2": 8}.get(arch, 0))
for arch in "gpt2", "gptneox", "mpt":
    gguf_model(arch, layer_norm=True, matrix=1)
for kind in 3, 6, 7, 10, 11, 12, 13, 14, 20, 30:
    gguf([("a.b", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 3) + b"abc")],
         [("t", (256, 2), kind, 0)], 2048)


def gguf_value(v):
    """Type number and bytes."""
    if isinstance(v, bool):
        return 7, bytes([v])
    if isinstance(v, int):
        return 5, struct.pack("<i", v)
    if isinstance(v, float):
        return 6, struct.pack("<f", v)
    if isinstance(v, str):
        return 8, struct.pack("<Q", len(v.encode())) + v.encode()
    return 9, struct.pack("<IQ", gguf_value(v[0])[0], len(v)) + b"".join(gguf_value(x)[1] for x in v)


def gguf_vocab(metadata):
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(metadata))
    for key, v in metadata.items():
        number, data = gguf_value(v)
        out += struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", number) + data
    return out


for kit in sorted(glob.glob("pipelines/demo/kit/*")):
    weights = read(kit + "/model.safetensors")
    n = 8 + struct.unpack_from("<Q", weights)[0]
    put("safetensors", struct.pack("<I", len(weights) - n) + weights[:n])
    put("tokenizer", read(kit + "/tokenizer.json"))
    put("config", read(kit + "/config.json"))
    put("jinja", read(kit + "/chat_template.jinja"))
safetensors({}, 0)
safetensors({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
             "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
             "__metadata__": {"format": "pt"}}, 26)
for name in "bytes", "metaspace", "spm", "suffix", "unigram", "unigram-bytes", "wordpiece":
    put("tokenizer", read(f"tests/data/tokenizer/{name}.json"))
for name in "sp-bpe", "sp-unigram", "sp-unused":
    put("sentencepiece", read(f"tests/data/tokenizer/{name}.model"))
for model, tokens, more in (
        ("llama", [f"<0x{i:02X}>" for i in range(256)] + list("aehlot\u2581") + ["he", "\u2581t", "\u2581the"], {}),
        ("t5", list("aehlot\u2581") + ["he", "\u2581t", "\u2581the"], {
            "add_space_prefix": False, "precompiled_charsmap": list(struct.pack("<3I", 8, 1 << 10, 0) + b"x\0")}),
        ("gpt2", [chr(i) for i in range(33, 127)] + ["\u0120", "he", "\u0120t"], {
            "merges": ["h e", "\u0120 t"], "pre": "llama-bpe", "add_bos_token": True})):
    n = len(tokens) + 3
    put("ggufvocab", gguf_vocab({
        "general.name": "phi-3", "tokenizer.chat_template": "{{ bos_token }}{{ messages[0].content }}",
        "tokenizer.ggml.model": model, "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>"] + tokens,
        "tokenizer.ggml.token_type": [2, 3, 4] + [6 if len(t) == 6 else 1 for t in tokens],
        "tokenizer.ggml.scores": [float(-i) for i in range(n)], "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
        **{"tokenizer.ggml." + k: v for k, v in more.items()}}))
for path in glob.glob("tests/data/model/*.json"):
    put("config", json.dumps(json.loads(read(path))["config"]))
for case in json.loads(read("tests/data/chat/jinja.json"))["cases"]:
    put("jinja", case["t"])

for path in glob.glob("tests/data/recipe/*.yml") + glob.glob("pipelines/recipes/*.yml"):
    put("recipe", read(path))
adapter = json.loads(read("tests/data/merge/lora_config.json"))["defaults"]
put("adapter", json.dumps(adapter))
for more in ({"r": 2, "lora_alpha": 16}, {"r": 2, "use_rslora": True, "use_dora": True},
             {"alpha_pattern": {"x": 4, "^(.*[.])?y$": 2.5, "l\\.[0-9]+|z": 1}, "rank_pattern": {"x": 2}},
             {"init_lora_weights": "pissa_niter_4"}, {"fan_in_fan_out": True}, {"brand_new": []},
             {"ensure_weight_tying": True, "peft_type": "LORA", "target_modules": ["x"]}):
    put("adapter", json.dumps(adapter | more))
    put("adapter", json.dumps({"lora_alpha": 1} | more))
put("recipe", "a: &a [x, 'y', \"\\u00e9\\n\", ~]\nb: {<<: {c: *a}, d: |\n  text\n}\n")

chats = [{"id": "q1", "domain": "x", "messages": [
    {"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2+3?"},
    {"role": "assistant", "content": "5"}]},
    {"question_id": 7, "conversations": [
        {"from": "human", "value": "H\u00e9 <b>"}, {"from": "gpt", "value": "one two"}]}]
lines = "".join(json.dumps(c) + "\n" for c in chats)
put("conversation", lines)
for line in (
        {"instruction": "i", "input": "j", "output": "o", "system": "s", "history": [["a", "b"]]},
        {"prompt": "p", "completion": "c"},
        {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]},
        {"instruction": "i", "chosen": "a", "rejected": "b"},
        {"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"},
         "rejected": {"from": "gpt", "value": "b"}},
        {"conversations": [{"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
                           {"from": "observation", "value": "1"}], "tools": '[{"name": "f"}]', "system": "s"},
        {"turns": ["a", "b"]}, {"uid": "u", "prompt": "p"}, {"text": "t", "context": "c"}):
    text = json.dumps(line)
    for n in range(8):  # the length says what is accepted
        put("conversation", text + " " * n)
    put("conversation", json.dumps([line, line], indent=1))
for text in ('{"a":1}\n\n{"b":2}\n', '[{"a": "]"}, 2, [3]\n]\n', "[]", "\ufeff[1]", '["\\\"", {}]'):
    put("records", text)
    put("records", gzip.compress(text.encode()) * 2)
    put("records", subprocess.run(["zstd", "-cq"], input=text.encode() * 2, check=True, stdout=subprocess.PIPE).stdout)
put("conversation", json.dumps({"messages": [
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}))
put("conversation", json.dumps({
    "id": "m", "tools": [{"function": {"name": "add"}}], "messages": [
        {"role": "user", "name": "ann", "content": "2+2?"},
        {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [
            {"id": "c", "function": {"name": "add", "arguments": {"a": 2, "b": [2, None]}}}]},
        {"role": "tool", "tool_call_id": "c", "content": {"sum": 4}},
        {"role": "assistant", "content": "4", "weight": 0, "unknown": {"x": [1.5, True]}}]}))
put("conversation", json.dumps({"system": "s", "tools": '[{"x": 1}]', "conversations": [
    {"from": "human", "value": "q", "extra": "<s>"}, {"from": "observation", "value": "o"},
    {"from": "gpt", "value": "a", "loss": 0}]}))

# Folders and sets of paths (door.c): any bytes are some.
draw = random.Random(1)
for _ in range(200):
    put("door", bytes(draw.randrange(256) for _ in range(120)))

os.makedirs(f"{out}/chats", exist_ok=True)
with open(f"{out}/chats/chats.jsonl", "w", encoding="utf-8") as f:
    f.write(lines.splitlines()[0] + "\n")
for kit in "pivot", "facts":
    kit = "pipelines/demo/kit/" + kit
    put_stream(subprocess.run([f"{build}/fixture/fakemodel", kit, kit, "1", f"{out}/chats/chats.jsonl"],
                              check=True, stdout=subprocess.PIPE).stdout)
for text in ('{"kind": "tokens", "tokenizer": 5, "n_vocab": 9}\n'
             '{"id": "a", "text": "abcd", "tokens": [[1, 2, 0], [2, 4, 1]], "segments": [[4, 1]]}\n',
             '{"kind": "map", "tokenizer": 5, "n_vocab": 9, "source_tokenizer": 6,'
             ' "source_n_vocab": 9}\n{"map": [[0, 1, 3], [2, 2, 300]]}\n'):
    put_stream(subprocess.run([f"{build}/fixture/mkstream"], input=text.encode(), check=True,
                              stdout=subprocess.PIPE).stdout)
for text in ('{"header": {"kind": "dists", "n_vocab": 9, "top_k": 2, "sources": [{"name": "a"}]}}\n'
             '{"id": "a", "meta": {"b": 1}, "text": "abcd", "segments": [{"end": 4, "role": "user", "trained": true}],'
             ' "tokens": [1, 2], "ends": [2, 4], "trained": [0, 1], "roles": ["user", "user"], "parts": ["content",'
             ' "content"], "rows": [{"token": 1, "ids": [2, 8], "logprobs": [-1, -2], "true_logprob": -1}],'
             ' "nll": 1, "n_label": 1, "label_bytes": 2, "source": "a", "unknown": "oAYB"}\n',
             '{"header": {"kind": "dists", "n_vocab": 9, "top_k": 2, "n_sample": 4, "sample_temperature": 1}}\n'
             '{"id": 1, "text": "ab", "tokens": [1, 2], "ends": [1, 2], "rows": [{"token": 1, "ids": [2, 3],'
             ' "logprobs": [-0.2876820724517809, -1.386294361119891]}]}\n',
             '{"header": {"kind": "update", "model": "00000000000000ff"}}\n'
             '{"name": "w", "dtype": "F32", "shape": [2], "bytes": 8, "offset": 0, "data": "AACAPw=="}\n'
             '{"name": "w", "dtype": "F32", "shape": [2], "bytes": 8, "offset": 4, "data": "AAAAQA=="}\n',
             '{"header": {"kind": "map", "n_vocab": 5, "source_n_vocab": 3}}\n'
             '{"source": 1, "pivot": 4, "count": 3, "rule": "count", "chosen": true}\n'):
    put("lines", text)
talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
for request, response in (
        ({"messages": talk}, {"prompt_logprobs": [None, *[{str(i): {"logprob": -1, "rank": 1, "decoded_token": "a"},
                              "7": {"logprob": -2}} for i in (266, 58, 10, 97, 639, 264, 58, 10, 98, 639)]]}),
        ({"prompt": "ab"}, {"choices": [{"text": "ab", "logprobs": {"tokens": ["a", "token_id:98"], "token_logprobs": [None, -1],
                            "top_logprobs": [None, {"b": -1, "\ufffd": -2}], "text_offset": [0, 1]}}]}),
        ({"messages": talk[:1]}, {"choices": [{"message": {"content": "b"}, "finish_reason": "stop", "logprobs": {"content": [
            {"token": "b", "bytes": [98], "logprob": -1, "top_logprobs": [{"token": "c", "bytes": [99], "logprob": -2}]}]}}]}),
        ({"inputs": "ab"}, {"generated_text": "c", "details": {"prefill": [], "tokens": [{"id": 99, "text": "c", "logprob": -1}],
                            "top_tokens": [[{"id": 98, "text": "b", "logprob": -2}]]}}),
        ({"text": "ab"}, {"text": "c", "meta_info": {"prompt_tokens": 3, "input_token_logprobs": [[None, 97, None], [-1, 98, "b"]],
                          "input_top_logprobs": [None, [[-1, 98, "b"]]]}})):
    put("served", json.dumps({"id": "a", "request": request, "response": response}))
header = field(1, b"fc-stream") + b"\x10\1\x20\3"
parts = [field(1, b"t") + field(2, b"F32") + field(3, b"\2\3") + b"\x20" + varint(at) +
         field(5, bytes(12)) for at in (0, 12)]
put("stream", b"\1" + field(1, field(1, header)) + b"".join(field(1, field(3, p)) for p in parts))
