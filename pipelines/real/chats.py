#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns published conversation sets into one JSONL file of conversations, cut into two sets.

Read are, told apart by what a record holds: Open-Assistant message trees ("prompt" with "replies";
the best ranked reply at each step), ShareGPT arrays ("conversations"), self-instruct tasks
("instruction" with "instances") and GSM8K ("question", "answer").  A conversation's question decides
by its hash whether it belongs to the held-out set, so that no question is in both.
"""
import argparse
import hashlib
import json
import os
import re
import sys


def talk(source, number, turns):
    roles = ["user", "assistant"] * (len(turns) // 2)
    messages = [{"role": r, "content": t.strip()} for r, t in zip(roles, turns)]
    return {"id": f"{source}-{number}", "category": source, "messages": messages}


def tree(record):
    turns, node = [], record["prompt"]
    while node:
        turns.append(node["text"])
        node = min(node["replies"], key=lambda r: r.get("rank") or 0, default=None)
    return turns


def task(record):
    case = record["instances"][0]
    return ["\n\n".join(filter(None, [record["instruction"], case["input"]])), case["output"]]


def gsm8k(record):
    return [record["question"], re.sub(r"<<.*?>>", "", record["answer"])]


def sharegpt(record):
    return [m["value"] for m in record["conversations"]]


KINDS = {"prompt": tree, "instances": task, "question": gsm8k, "conversations": sharegpt}


def records(path):
    with open(path, encoding="utf-8") as f:
        if f.read(1) == "[":
            f.seek(0)
            yield from json.load(f)
        else:
            f.seek(0)
            yield from (json.loads(line) for line in f if line.strip())


def conversations(path):
    source = os.path.basename(path).split(".")[0]
    for number, record in enumerate(records(path), 1):
        kind = next((k for k in KINDS if k in record), None)
        if kind is None:
            sys.exit(f"{path}: record {number}: none of {', '.join(KINDS)} in it")
        turns = KINDS[kind](record)
        turns = turns[: len(turns) // 2 * 2]
        if turns and all(t.strip() for t in turns):
            yield talk(source, number, turns)


def held_out(c, part):
    h = hashlib.sha256(c["messages"][0]["content"].encode()).digest()
    return int.from_bytes(h[:4], "big") < part * 2**32


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("files", nargs="+")
    p.add_argument("--set", choices=["fusion", "heldout"], required=True)
    p.add_argument("--part", type=float, default=0.15, help="share of the questions held out (0.15)")
    p.add_argument("-n", type=int, default=0, help="at most so many a file (0: all)")
    p.add_argument("--max-chars", type=int, default=6000, help="leave out longer conversations (6000)")
    a = p.parse_args()
    for path in a.files:
        n = 0
        for c in conversations(path):
            long = sum(len(m["content"]) for m in c["messages"]) > a.max_chars
            if long or held_out(c, a.part) != (a.set == "heldout"):
                continue
            if a.n and n == a.n:
                break
            n += 1
            print(json.dumps(c, ensure_ascii=False))


if __name__ == "__main__":
    main()
