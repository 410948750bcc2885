#!/usr/bin/env python3
"""Writes NAME.sums: for the texts that `tokenizer_oracle texts` prints, sums over the ids that other
programs give, one for every 40 texts.  usage: oracle.py TOKENIZERS TEXTS [NAME...]; TOKENIZERS is the folder
with the published vocabularies.  Needs PyPI tokenizers, sentencepiece,
llama_cpp_python and gguf.

tokenizer.json: Hugging Face tokenizers.  llama2: the text is cut at <s> and </s> and every part goes through
sentencepiece, as in the slow LlamaTokenizer with legacy rules.  GGUF: llama.cpp, special tokens recognized; for falcon, whose
vocabulary lacks some bytes, Hugging Face's model of the same vocabulary with Falcon's pre-tokenizer: llama.cpp
leaves the bytes out as it does, but does not merge over the gap."""
import json
import lzma
import re
import sys

FOLDER = sys.argv[1] + "/"
TEXTS = [json.loads(x) for x in open(sys.argv[2], encoding="utf-8").read().split("\n") if x]


def hugging(name):
    from tokenizers import Tokenizer
    t = Tokenizer.from_str(lzma.open(FOLDER + name + ".tokenizer.json.xz").read().decode())
    return lambda s: t.encode(s, add_special_tokens=False).ids


def llama2(_):
    import sentencepiece
    t = sentencepiece.SentencePieceProcessor(model_file=FOLDER + "llama2.tokenizer.model")
    special = {"<s>": 1, "</s>": 2}

    def encode(s):
        ids = []
        for part in re.split("(</?s>)", s):
            ids += [special[part]] if part in special else t.encode(part) if part else []
        return ids
    return encode


def gguf(name):
    import llama_cpp
    t = llama_cpp.Llama(FOLDER + "ggml-vocab-" + name + ".gguf", vocab_only=True, verbose=False)
    return lambda s: t.tokenize(s.encode(), add_bos=False, special=True) if s else []


def falcon(_):
    from gguf import GGUFReader
    from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers
    field = GGUFReader(FOLDER + "ggml-vocab-falcon.gguf").fields
    tokens, kinds, merges = (field["tokenizer.ggml." + k].contents() for k in ("tokens", "token_type", "merges"))
    t = Tokenizer(models.BPE({p: i for i, p in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    t.add_special_tokens([AddedToken(p, normalized=False, special=True) for p, k in zip(tokens, kinds) if k == 3])
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
        pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])
    return lambda s: t.encode(s, add_special_tokens=False).ids


OF = {"gpt2": (hugging, "gpt2"), "llama3": (hugging, "llama3"), "qwen3": (hugging, "qwen3"),
      "mistral": (hugging, "mistral-7b-v0.1"), "gemma3": (hugging, "gemma3"), "llama2": (llama2, ""),
      "gguf-gpt2": (gguf, "gpt-2"), "gguf-falcon": (falcon, ""), "gguf-phi3": (gguf, "phi-3")}
for name in sys.argv[3:] or OF:
    make, arg = OF[name]
    encode = make(arg)
    with open(sys.path[0] + "/" + name + ".sums", "w") as f:
        for g in range(0, len(TEXTS), 40):
            h = 0
            for s in TEXTS[g:g + 40]:
                for i in encode(s) + [0xffffffff]:
                    h = ((h + i + 1) * 0x9e3779b97f4a7c15 + 7) & 0xffffffffffffffff
            f.write("%016x\n" % h)
