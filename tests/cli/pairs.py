#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes preference pairs, in TRL's form, of the demo's conversations on standard input: the chosen
answer is theirs, the rejected one the same sentence with the answer of another conversation of that
skill.  --source adds as a source's answer the right one, alone."""
import argparse
import json
import sys

p = argparse.ArgumentParser()
p.add_argument("--source", action="store_true")
o = p.parse_args()
talks = [t for t in map(json.loads, sys.stdin) if t["answer"] in t["messages"][-1]["content"]]
for i, t in enumerate(talks):
    *prompt, answer = t["messages"]
    others = [u["answer"] for u in talks[i + 1:] + talks[:i] if u["skill"] == t["skill"]]
    wrong = next(a for a in others if a != t["answer"])
    say = lambda text: [{"role": "assistant", "content": text}]
    line = {
        "id": t["id"],
        "prompt": prompt,
        "chosen": say(answer["content"]),
        "rejected": say(answer["content"].replace(t["answer"], wrong)),
    }
    if line["chosen"] == line["rejected"]:
        continue
    if o.source:
        line["source_chosen"] = say(t["answer"])
    print(json.dumps(line))
