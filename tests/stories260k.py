#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts stories260K from llama2.c's formats to a Hugging Face folder.

    stories260k.py stories260K.bin tok512.bin DIRECTORY

llama2.c rotates neighbouring components (2i, 2i+1) of a head, Hugging Face's LLaMA components
(i, i + D/2): the rows of the query and key projections are put in that order.  tok512.bin lists
SentencePiece's pieces with their scores; two pieces merge before others if the result scores higher."""
import json
import os
import struct
import sys


def read_weights(path):
    data = open(path, "rb").read()
    dim, hidden, layers, heads, kv_heads, vocab, seq = struct.unpack_from("<7i", data)
    tied, vocab, d = vocab > 0, abs(vocab), dim // heads
    shapes = [("embed", 1, vocab, dim), ("norm1", layers, dim, 1), ("q", layers, dim, dim),
              ("k", layers, kv_heads * d, dim), ("v", layers, kv_heads * d, dim),
              ("o", layers, dim, dim), ("norm2", layers, dim, 1), ("gate", layers, hidden, dim),
              ("down", layers, dim, hidden), ("up", layers, hidden, dim), ("norm", 1, dim, 1),
              ("cos", 1, seq, d // 2), ("sin", 1, seq, d // 2)]
    if not tied:
        shapes.append(("head", 1, vocab, dim))
    weights, at = {}, 28
    for name, n, rows, cols in shapes:
        size = 4 * rows * cols
        weights[name] = [(data[at + i * size:at + (i + 1) * size], rows, cols) for i in range(n)]
        at += n * size
    if at != len(data):
        sys.exit(f"{path}: {len(data)} bytes, expected {at}")
    config = dict(architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=vocab,
                  hidden_size=dim, intermediate_size=hidden, num_hidden_layers=layers,
                  num_attention_heads=heads, num_key_value_heads=kv_heads,
                  max_position_embeddings=seq, rms_norm_eps=1e-5, rope_theta=10000.0,
                  hidden_act="silu", tie_word_embeddings=tied, torch_dtype="float32",
                  bos_token_id=1, eos_token_id=2)
    return config, weights


def half_split(tensor, head_dim):
    data, rows, cols = tensor
    row = [data[4 * cols * r:4 * cols * (r + 1)] for r in range(rows)]
    order = [h + i for h in range(0, rows, head_dim)
             for i in [*range(0, head_dim, 2), *range(1, head_dim, 2)]]
    return b"".join(row[i] for i in order), rows, cols


def tensors(config, w):
    d = config["hidden_size"] // config["num_attention_heads"]
    out = {"model.embed_tokens.weight": w["embed"][0], "model.norm.weight": w["norm"][0]}
    if "head" in w:
        out["lm_head.weight"] = w["head"][0]
    for i in range(config["num_hidden_layers"]):
        for name, key in [("input_layernorm", "norm1"), ("post_attention_layernorm", "norm2"),
                          ("self_attn.v_proj", "v"), ("self_attn.o_proj", "o"),
                          ("mlp.gate_proj", "gate"), ("mlp.up_proj", "up"),
                          ("mlp.down_proj", "down")]:
            out[f"model.layers.{i}.{name}.weight"] = w[key][i]
        out[f"model.layers.{i}.self_attn.q_proj.weight"] = half_split(w["q"][i], d)
        out[f"model.layers.{i}.self_attn.k_proj.weight"] = half_split(w["k"][i], d)
    return out


def write_safetensors(path, named):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (data, rows, cols) in sorted(named.items()):
        header[name] = dict(dtype="F32", shape=[rows] if cols == 1 else [rows, cols],
                            data_offsets=[at, at + len(data)])
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(named):
            f.write(named[name][0])


def read_pieces(path, n):
    data, at, pieces = open(path, "rb").read(), 4, []
    for _ in range(n):
        score, size = struct.unpack_from("<fi", data, at)
        pieces.append((data[at + 8:at + 8 + size].decode(), score))
        at += 8 + size
    # llama2.c wrote the control tokens with line breaks and U+2581 as a space
    names = ["<unk>", "<s>", "</s>"] + [p.replace(" ", "\u2581") for p, _ in pieces[3:]]
    return [(name, score) for name, (_, score) in zip(names, pieces)]


def tokenizer(pieces):
    vocab = {p: i for i, (p, _) in enumerate(pieces)}
    score = {p: s for p, s in pieces[259:]}  # below: control tokens and bytes, never merged
    merges = [(score[a + b], len(a), len(b), a, b) for p in score
              for a, b in ((p[:i], p[i:]) for i in range(1, len(p))) if a in vocab and b in vocab]
    merges.sort(key=lambda m: m[:3], reverse=True)
    added = [dict(id=i, content=pieces[i][0], single_word=False, lstrip=False, rstrip=False,
                  normalized=False, special=True) for i in range(3)]
    return dict(
        version="1.0", truncation=None, padding=None, added_tokens=added,
        normalizer=dict(type="Sequence", normalizers=[
            dict(type="Prepend", prepend="\u2581"),
            dict(type="Replace", pattern=dict(String=" "), content="\u2581")]),
        pre_tokenizer=None,
        post_processor=dict(
            type="TemplateProcessing",
            single=[dict(SpecialToken=dict(id="<s>", type_id=0)),
                    dict(Sequence=dict(id="A", type_id=0))],
            pair=[dict(Sequence=dict(id="A", type_id=0)), dict(Sequence=dict(id="B", type_id=1))],
            special_tokens={"<s>": dict(id="<s>", ids=[1], tokens=["<s>"])}),
        decoder=dict(type="Sequence", decoders=[
            dict(type="Replace", pattern=dict(String="\u2581"), content=" "),
            dict(type="ByteFallback"), dict(type="Fuse"),
            dict(type="Strip", content=" ", start=1, stop=0)]),
        model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None,
                   end_of_word_suffix=None, fuse_unk=True, byte_fallback=True, vocab=vocab,
                   merges=[f"{a} {b}" for *_, a, b in merges]))


def main(weights_path, pieces_path, out):
    config, weights = read_weights(weights_path)
    pieces = read_pieces(pieces_path, config["vocab_size"])
    settings = dict(tokenizer_class="LlamaTokenizer", bos_token="<s>", eos_token="</s>",
                    unk_token="<unk>", add_bos_token=True, add_eos_token=False,
                    # a story is continued, not answered
                    chat_template="{{ bos_token }}{% for m in messages %}{{ m['content'] }}"
                                  "{% endfor %}")
    os.makedirs(out, exist_ok=True)
    write_safetensors(os.path.join(out, "model.safetensors"), tensors(config, weights))
    for name, value in [("config.json", config), ("tokenizer.json", tokenizer(pieces)),
                        ("tokenizer_config.json", settings)]:
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            json.dump(value, f, ensure_ascii=False, indent=1)


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
