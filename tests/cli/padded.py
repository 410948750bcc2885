#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models with more rows than tokens, and what they say in double precision.

    padded.py tokenizer DIR FROM     FROM's byte-level tokenizer, its last token three ids further on
    padded.py model DIR TOK ROWS     a Llama over TOK's tokenizer with ROWS rows; "loud" behind that:
                                     ids without a token have the largest logits by far
    padded.py rows DIR [N]           checks the records of fc-view --jsonl on standard input
    padded.py nll DIR                nats a label of these records
    padded.py lost DIR               mean probability of ids without a token over their rows
    padded.py beyond DIR             the same of ids behind the last token
    padded.py kl P Q                 mean divergence of two models over their rows
    padded.py greedy DIR N           the text that greedy decoding writes behind each record, N tokens
    padded.py drawn DIR PROMPT       checks sampled answers of one token to the one record of PROMPT
                                     (fc-view --jsonl), a line of JSON each on standard input
    padded.py brier DIR              of choices, whose "mc" is in the records' meta

The layers of these models change nothing (o_proj and down_proj are 0), so the logits behind a token
are the head's rows times the token's normalized embedding, and nothing here needs a transformer."""
import array
import codecs
import json
import math
import os
import random
import struct
import sys

C, EPS = 8, 1e-6


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def tokenizer(out, source):
    os.makedirs(out)
    t = json.load(open(f"{source}/tokenizer.json"))
    last = t["added_tokens"][-1]
    t["model"]["vocab"].pop(last["content"], None)
    last["id"] += 3
    # the way to cut that both formats have a name for
    t["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    json.dump(t, open(f"{out}/tokenizer.json", "w"))
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        open(f"{out}/{name}", "w").write(open(f"{source}/{name}").read())


def text_of(folder, ids):
    """as fc-infer writes an answer; special tokens stand for nothing"""
    t = json.load(open(f"{folder}/tokenizer.json"))
    piece = {i: p for p, i in t["model"]["vocab"].items()}
    plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    byte = {chr(b): b for b in plain}
    byte |= {chr(256 + n): b for n, b in enumerate(b for b in range(256) if b not in plain)}
    raw = bytes(byte[c] for i in ids for c in piece.get(i, ""))
    return codecs.getincrementaldecoder("utf-8")("replace").decode(raw)


def ids_of(folder):
    t = json.load(open(f"{folder}/tokenizer.json"))
    return set(t["model"]["vocab"].values()) | {a["id"] for a in t["added_tokens"]}


def model(out, tok, rows, loud):
    os.makedirs(out)
    for name in os.listdir(tok):
        open(f"{out}/{name}", "w").write(open(f"{tok}/{name}").read())
    ids = ids_of(tok)
    # a row's numbers depend on its id: models with more rows have those of the ones with fewer
    row = lambda kind, i: [random.Random(f"{kind}{i}").gauss(0, 0.6) for _ in range(C)]
    embed = [[2] + row("e", i)[1:] for i in range(rows)]
    head = [row("h", i) for i in range(rows)]
    for i in range(rows):
        if i not in ids:
            head[i][0] += 20 if loud else 1
    zero = lambda r: [[0] * C] * r
    one = [1] * C
    layer = "model.layers.0."
    tensors = {"model.embed_tokens.weight": embed, "lm_head.weight": head, "model.norm.weight": one}
    for name in ("input_layernorm", "post_attention_layernorm"):
        tensors[layer + name + ".weight"] = one
    for name in ("q", "k", "v", "o"):
        tensors[layer + f"self_attn.{name}_proj.weight"] = zero(C)
    for name in ("gate", "up", "down"):
        tensors[layer + f"mlp.{name}_proj.weight"] = zero(C)
    header, data = {}, b""
    for name, v in tensors.items():
        flat = [x for r in v for x in r] if isinstance(v[0], list) else v
        part = array.array("f", flat).tobytes()
        header[name] = {"dtype": "F32", "data_offsets": [len(data), len(data) + len(part)],
                        "shape": [len(v), C] if isinstance(v[0], list) else [C]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(f"{out}/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
    json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": rows, "hidden_size": C,
               "intermediate_size": C, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
               "hidden_act": "silu", "max_position_embeddings": 512, "rms_norm_eps": EPS, "rope_theta": 10000.0,
               "tie_word_embeddings": False, "torch_dtype": "float32"}, open(f"{out}/config.json", "w"))


class Model:
    def __init__(self, folder):
        raw = open(f"{folder}/model.safetensors", "rb").read()
        n = struct.unpack("<Q", raw[:8])[0]
        header = json.loads(raw[8:8 + n])

        def matrix(name):
            a, b = header[name]["data_offsets"]
            v = array.array("f", raw[8 + n + a:8 + n + b])
            return [v[i:i + C] for i in range(0, len(v), C)]

        self.embed, self.head = matrix("model.embed_tokens.weight"), matrix("lm_head.weight")
        self.ids = ids_of(folder)
        self.known = {}

    def logits(self, tok):
        e = self.embed[tok]
        scale = 1 / math.sqrt(sum(x * x for x in e) / C + EPS)
        return [scale * sum(x * y for x, y in zip(e, h)) for h in self.head]

    def logprobs(self, tok):
        """of the token behind tok, over all rows"""
        if tok not in self.known:
            z = self.logits(tok)
            lse = max(z) + math.log(sum(math.exp(x - max(z)) for x in z))
            self.known[tok] = [x - lse for x in z]
        return self.known[tok]


def records():
    return [json.loads(line) for line in sys.stdin]


def rows_of(record):
    """token before, token, row"""
    return [(record["tokens"][r["token"] - 1], record["tokens"][r["token"]], r) for r in record["rows"]]


def near(a, b, n=1):
    """as far as n roundings to float16 and five digits, and sums in float32, tell"""
    return abs(a - b) <= n * (abs(b) * (2 ** -11 + 5e-5) + 2e-5)


def check(m, top_k):
    n = 0
    for x in records():
        for before, tok, r in rows_of(x):
            want = m.logprobs(before)
            best = sorted(range(len(want)), key=lambda i: -want[i])[:top_k or len(r["ids"])]
            assert near(r["true_logprob"], want[tok]), (x["id"], r["token"], r["true_logprob"], want[tok])
            assert len(r["ids"]) == len(best), len(r["ids"])
            bad = [(p, want[i]) for i, p in zip(r["ids"], r["logprobs"]) if not near(p, want[i])]
            assert not bad, (x["id"], r["token"], bad[0])
            assert all(near(want[i], want[j], 2) for i, j in zip(r["ids"], best)), (x["id"], r["token"])
            n += 1
    print("as computed" if n else "nothing", n)


def mean(values):
    v = list(values)
    return sum(v) / len(v)


def main(what, *args):
    if what == "tokenizer":
        return tokenizer(*args)
    if what == "model":
        return model(args[0], args[1], int(args[2]), args[3:] == ("loud",))
    m = Model(args[0])
    without = [i for i in range(len(m.head)) if i not in m.ids]
    if what == "rows":
        check(m, int(args[1]) if args[1:] else 0)
    elif what == "nll":
        print("%.6f" % mean(-m.logprobs(a)[b] for x in records() for a, b, _ in rows_of(x)))
    elif what in ("lost", "beyond"):
        without = [i for i in without if what == "lost" or i > max(m.ids)]
        print("%.6f" % mean(sum(math.exp(m.logprobs(a)[i]) for i in without) for x in records() for a, _, _ in rows_of(x)))
    elif what == "kl":
        q = Model(args[1])
        kl = lambda a: sum(math.exp(x) * (x - y) for x, y in zip(m.logprobs(a), q.logprobs(a)))
        print("%.6f" % mean(kl(a) for x in records() for a, _, _ in rows_of(x)))
    elif what == "greedy":
        for x in records():
            text = [x["tokens"][-1]]
            for _ in range(int(args[1])):
                z = m.logits(text[-1])
                text.append(max(m.ids, key=lambda i: z[i]))
            print(json.dumps(text_of(args[0], text[1:]), ensure_ascii=False))
    elif what == "drawn":
        before = json.loads(open(args[1]).read())["tokens"][-1]
        drawn = [json.loads(line) for line in sys.stdin]
        p = [math.exp(x) for x in m.logprobs(before)]
        total, share = sum(p[i] for i in m.ids), {}
        for i in m.ids:
            text = text_of(args[0], [i])
            share[text] = share.get(text, 0) + p[i] / total
        for text in set(drawn) | set(share):
            q, n = share.get(text, 0), len(drawn)
            assert abs(drawn.count(text) - n * q) <= 5 * math.sqrt(n * q) + 3, (text, drawn.count(text), n * q)
        print("as computed" if drawn else "nothing")
    elif what == "brier":
        tasks = {}
        for x in records():
            mc = x["meta"]["mc"]
            ll = sum(m.logprobs(a)[b] for a, b, _ in rows_of(x))
            tasks.setdefault(mc["task"], []).append((ll, mc["choice"] == mc["gold"]))
        scores = []
        for choices in tasks.values():
            total = sum(math.exp(ll) for ll, _ in choices)
            scores.append(sum((math.exp(ll) / total - right) ** 2 for ll, right in choices))
        print("%.6f" % mean(scores))


main(*sys.argv[1:])
