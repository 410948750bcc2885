#!/usr/bin/env python3
"""Trains the small Unigram and WordPiece tokenizers of this folder and the SentencePiece models, and
writes what their libraries make of texts.  usage: make.py BOTCHAN.txt (needs PyPI tokenizers and
sentencepiece; the texts are those of bytes.jsonl)."""
import base64
import io
import json
import struct
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import (Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

HERE = sys.path[0] + "/"
LINES = [x for x in open(sys.argv[1], encoding="utf-8").read()[:60000].split("\n") if x.strip()]
TEXTS = [json.loads(x)["text"] for x in open(HERE + "bytes.jsonl", encoding="utf-8")] + [
    "ﬁne ＡＢＣ① A\u0302\u0300 ª\u0302\u0300 \u1100\u1161 \u2126㎏ ｱ", "foo bar  foobar<sep>foo",
    " \u200b\ufeff\u00ad\u0007x ", "中文字 and日本", "unaffable, don't you re-use 'it' ?", "qqq~qq \U0001F600\U0001F600",
]

# Rules in sentencepiece's form: what to replace and by what, as code points in hexadecimal.
RULES = [("ﬁ", "fi"), ("Ａ", "A"), ("Ｂ", "B"), ("Ｃ", "C"), ("①", "1"), ("A\u0302", "\u00c2"),
         ("A\u0302\u0300", "\u1ea6"), ("ª", "a"), ("\u2126", "\u03a9"), ("㎏", "kg"), ("\t", " "), ("\n", " "),
         ("\r", " "), ("\u3000", " "), ("\u00a0", " "), ("\u200b", ""), ("\u0007", ""), ("e\u0301", "\u00e9"),
         ("…", "..."), ("\ufeff", " ")]


def rules_file():
    path = "/tmp/fc-rules.tsv"
    with open(path, "w") as f:
        for a, b in RULES:
            f.write(" ".join("%x" % ord(c) for c in a) + "\t" + " ".join("%x" % ord(c) for c in b) + "\n")
    return path


def spans(text, offsets):
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[at[a], at[b]] for a, b in offsets]


def hugging(name, t, exact):
    t.save(HERE + name + ".json", pretty=False)
    with open(HERE + name + ".jsonl", "w") as f:
        for text in TEXTS:
            e = t.encode(text, add_special_tokens=False)
            f.write(json.dumps({
                "text": text, "ids": e.ids, "spans": spans(text, e.offsets) if exact else None,
                "decoded": t.decode(e.ids, skip_special_tokens=False),
                "skipped": t.decode(e.ids)}, separators=(",", ":")) + "\n")


def unigram(charsmap):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([
        normalizers.Precompiled(charsmap), normalizers.Strip(left=False, right=True),
        normalizers.Replace(__import__("tokenizers").Regex(" {2,}"), "▁")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    t.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    t.train_from_iterator(LINES, trainers.UnigramTrainer(
        vocab_size=350, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    t.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    hugging("unigram", t, False)
    o = json.loads(t.to_str())
    vocab = o["model"]["vocab"]
    low = min(s for _, s in vocab)
    o["model"]["vocab"] += [["<0x%02X>" % i, low] for i in range(256) if i != 0x9f]
    o["model"]["byte_fallback"] = True
    o["normalizer"]["normalizers"][1:] = [{"type": "Nmt"}]
    o["pre_tokenizer"] = None
    o["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    hugging("unigram-bytes", Tokenizer.from_str(json.dumps(o)), False)


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(LINES, trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    hugging("wordpiece", t, False)


def sp_train(**options):
    o = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=o, hard_vocab_limit=False, minloglevel=2,
        num_threads=1, **options)
    return o.getvalue()


def sp_write(name, model):
    open(HERE + name + ".model", "wb").write(model)
    s = sentencepiece.SentencePieceProcessor(model_proto=model)
    with open(HERE + name + ".model.jsonl", "w") as f:
        for text in TEXTS:
            if "\0" not in text:
                f.write(json.dumps({"text": text, "ids": s.encode(text)}, separators=(",", ":")) + "\n")


def unused(model):
    """Every 7th piece of more than two characters is to be taken apart, two letters are no pieces."""
    m = pb.ModelProto()
    m.ParseFromString(model)
    long = [p for p in m.pieces if p.type == 1 and len(p.piece) > 2]
    for p in long[::7]:
        p.type = 5
    for p in m.pieces:
        if p.piece in "qz":
            p.piece = "no" + p.piece
    return m.SerializeToString()


def main():
    rules = rules_file()
    uni = sp_train(model_type="unigram", vocab_size=400, normalization_rule_tsv=rules,
                   user_defined_symbols=["<sep>", "don't", "foobar"], control_symbols=["<ctl>"], pad_id=3)
    sp_write("sp-unigram", uni)
    sp_write("sp-bpe", sp_train(
        model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, user_defined_symbols=["<sep>", "▁▁", "foobar"]))
    sp_write("sp-unused", unused(sp_train(
        model_type="bpe", vocab_size=400, normalization_rule_name="identity",
        treat_whitespace_as_suffix=True, split_by_whitespace=False)))
    m = pb.ModelProto()
    m.ParseFromString(uni)
    unigram(m.normalizer_spec.precompiled_charsmap)
    wordpiece()


main()
