#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the conversations of the skills that a source is best in: of all sources it has the largest weight there in
the mixture that fc-align verdict --by skill fitted to a dev set.  The pivot, the first stream, is no source.
"""
import argparse
import csv
import json


def best(path):
    """skill -> the source of the largest weight; weights are those of the columns group, stream, weight"""
    most, pivot = {}, None
    with open(path, encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            group, source, weight = list(row.values())[:3]
            pivot = pivot or source
            if source != pivot and float(weight) > most.get(group, (-1, ""))[0]:
                most[group] = float(weight), source
    return {group: source for group, (_, source) in most.items()}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--weights", required=True, help="TSV of fc-align verdict")
    p.add_argument("--source", required=True)
    p.add_argument("conversations", nargs="+", help="JSONL")
    a = p.parse_args()
    of = best(a.weights)
    for path in a.conversations:
        with open(path, encoding="utf-8") as f:
            for line in f:
                skill = json.loads(line)["skill"]
                if skill not in of:
                    p.error(f"{path}: {a.weights} has no weights for '{skill}'")
                if of[skill] == a.source:
                    print(line, end="")


if __name__ == "__main__":
    main()
