#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_judgments.py QUESTIONS PROMPTS REFERENCE JUDGMENTS ANSWERS...: are prompts and scores what Python's
str.format and the test server's rule (judge_server.py) make of them?"""
import hashlib
import json
import os
import sys


def rows(path):
    return [json.loads(line) for line in open(path)]


def number(text):
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


questions = {x["question_id"]: x for x in rows(sys.argv[1])}
prompts = {x["name"]: x["prompt_template"] for x in rows(sys.argv[2])}
reference = {x["question_id"]: x["choices"][0]["turns"] for x in rows(sys.argv[3])}
answers = {os.path.basename(p)[:-6]: {x["question_id"]: x["choices"][0]["turns"] for x in rows(p)} for p in sys.argv[5:]}


def fields(q, turns, suffix):
    f = {"question": q["turns"][0]}
    for i, t in enumerate(q["turns"], 1):
        f["question_%d" % i] = t
    for i, t in enumerate(reference.get(q["question_id"], []), 1):
        f["ref_answer_%d" % i] = t
    for letter, t in zip(suffix, turns):
        f["answer" + letter] = t[0]
        for i, text in enumerate(t, 1):
            f["answer%s_%d" % (letter, i)] = text
    return f


n = 0
for x in rows(sys.argv[4]):
    q = questions[x["question_id"]]
    template = prompts[x["judge"][1]]
    if "model" in x:
        want = template.format(**fields(q, [answers[x["model"]][x["question_id"]]], [""]))
        assert x["user_prompt"] == want, (x["user_prompt"], want)
        assert x["score"] == number(want) % 10 + 1, x
    else:
        pair = [answers[x[m]][x["question_id"]] for m in ("model_1", "model_2")]
        for g, order in (("g1", pair), ("g2", pair[::-1])):
            want = template.format(**fields(q, order, ["_a", "_b"]))
            assert x[g + "_user_prompt"] == want
            letter = "ABC"[number(want) % 3]
            winner = {"A": "model_1", "B": "model_2", "C": "tie"}[letter]
            if g == "g2" and letter != "C":
                winner = {"A": "model_2", "B": "model_1"}[letter]
            assert x[g + "_winner"] == winner, x
    n += 1
assert n
