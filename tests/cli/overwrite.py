#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tries every output of every tool on every input of it: the file itself, another spelling of its
name, a hard link, a symbolic link, a file in an input folder, a new name in it, a folder around it.
In every cell the tool ends with status 2 and names both, and all bytes are as before.

The options come from --help; one with a path that is not in TABLE, or one in TABLE that is not
there, fails.  Usage: overwrite.py (in an empty folder, tools in PATH); prints TAP."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

IN, PLACE, OUT, OUT_DIR = "input", "place", "output file", "output folder"
CARRY = {"pivot": IN, "source": IN, "map": IN}
TABLE_OUT = {"output": OUT}
JUDGED = {"questions": IN, "output": OUT}
TABLE = {
    "fc-infer": {"model": IN, "pivot": IN, "template": IN, "key-file": IN, "ca-file": IN, "output": OUT, "log": OUT,
                 "make-tokenizer": OUT, "invalid-file": OUT},
    "fc-align map": {"pivot": IN, "source": IN, "template": IN, "invalid-file": OUT, "output": OUT},
    "fc-align apply": {**CARRY, "own": IN, "output": OUT},
    "fc-align fuse": {"best": IN, "weights": IN, "report": OUT, "output": OUT},
    "fc-align verdict": {"weights": OUT, "output": OUT},
    "fc-align report": {**CARRY, "output": OUT},
    "fc-train": {"model": IN, "init": IN, "tokenizer": IN, "eval": IN, "reference": IN, "lora-from": IN,
                 "output": OUT_DIR,
                 "update": OUT, "checkpoint": OUT_DIR, "log": OUT},
    "fc-varm": {"base": IN, "recipe": IN, "models": PLACE, "output": OUT_DIR, "report": OUT},
    "fc-convert": {"output": OUT_DIR},
    "fc-view": {"tokenizer": IN, "output": OUT},
    "fc-eval ppl": TABLE_OUT,
    "fc-eval accuracy": {"references": IN, "invalid-file": OUT, "output": OUT},
    "fc-eval exact": TABLE_OUT,
    "fc-eval mc-questions": TABLE_OUT,
    "fc-eval mc": TABLE_OUT,
    "fc-eval divergence": TABLE_OUT,
    "fc-eval select": {"stream": IN, "judgments": IN, "pairs": OUT, "questions": OUT, "answers": OUT,
                       "invalid-file": OUT, "output": OUT},
    "fc-eval oracle": {"references": IN, "invalid-file": OUT, "output": OUT},
    "fc-eval judge": {"questions": IN, "prompts": IN, "reference": IN, "local": IN, "key-file": IN,
                      "ca-file": IN, "output": OUT},
    "fc-eval show": JUDGED,
    "fc-eval chart": JUDGED,
    "fc-eval report": {**JUDGED, "answers": IN, "reference": IN},
    "fc-eval alpaca": {"difficulty": IN, "gamed": IN, "instructions": IN, "output": OUT},
}
# What an option's value is called in --help when it is no path.
NO_PATH = {"SECONDS", "TEXT", "NAME", "LABEL", "ID", "TOKEN", "URL", "JSON", "CMD", "BYTES", "FIELD", "MODEL",
           "LIST", "DEVICE", "I/N", "SOURCE", "SPEC"}

count = failures = 0


def ok(good, what):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")


def options(tool):
    """Long names with a value, as --help has them: {name: value's name}; and all names."""
    text = subprocess.run([*tool.split(), "--help"], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^  (?:-\w, |    )--([\w-]+)(?: (\S+))?", text, re.M)
    return {name: value for name, value in rows if value}, {name for name, _ in rows}


def is_path(value):
    number = re.fullmatch(r"([A-Z])(,\1\.\.\.)?", value)
    choice = re.fullmatch(r"[a-z0-9_|-]+", value)
    return not number and not choice and value not in NO_PATH


def commands():
    text = ""
    for tool in ("fc-align", "fc-eval"):
        help_ = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
        text += "".join(f"{tool} {c}\n" for c in re.findall(rf"^(?:Usage:)? *{tool} ([a-z-]+) ", help_, re.M))
    return set(text.split("\n")) - {""} | {"fc-infer", "fc-train", "fc-varm", "fc-convert", "fc-view"}


def state(top):
    """All names with what they are and hold."""
    found = {}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[path] = os.readlink(path)
            elif os.path.isdir(path):
                found[path] = "folder"
            else:
                with open(path, "rb") as f:
                    found[path] = hashlib.sha256(f.read()).hexdigest()
    return found


def put(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def lay_out():
    """up/file, up/model/{config.json, model.safetensors, sub/extra}, and links to them."""
    shutil.rmtree("t", ignore_errors=True)
    put("t/up/file", '{"a": 1}\n')
    put("t/up/model/config.json", "{}\n")
    put("t/up/model/model.safetensors", "weights\n")
    put("t/up/model/sub/extra", "more\n")
    put("t/split/m-00001-of-00002.gguf", "GGUF first\n")
    put("t/split/m-00002-of-00002.gguf", "GGUF second\n")
    os.link("t/up/file", "t/hard")
    os.symlink("up/file", "t/soft")
    os.link("t/up/model/model.safetensors", "t/hard.weights")
    os.symlink("up/model/model.safetensors", "t/soft.weights")
    os.symlink("up/model", "t/soft.model")
    os.symlink("file", "t/up/link")  # an input by another name


# input, then outputs that are it, lie in it or hold it
CELLS = [
    ("t/up/file", ["t/up/file", "t/./up/../up/file", "t/hard", "t/soft", "t/up"]),
    ("t/soft", ["t/up/file", "t/soft", "t/hard"]),
    ("t/up/link", ["t/up/file", "t/up"]),
    ("t/up/model", ["t/up/model", "t/up/model/", "t/soft.model", "t/up/model/model.safetensors",
                    "t/hard.weights", "t/soft.weights", "t/up/model/new", "t/up/model/sub",
                    "t/up/model/sub/new", "t/up", "t"]),
    ("t/soft.model", ["t/up/model", "t/up/model/new", "t/hard.weights", "t/up"]),
    ("t/split/m-00001-of-00002.gguf", ["t/split/m-00002-of-00002.gguf", "t/split"]),
    ("t/up/model/model.safetensors", ["t/up/model", "t/up", "t/soft.weights", "t/hard.weights"]),
]


def run(tool, args):
    return subprocess.run([*tool.split(), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", check=False, timeout=60)


def refused(tool, args, out, names):
    """What is wrong, or None.  names: one of them is in the message, as out is."""
    got = run(tool, args)
    if got.returncode != 2:
        return f"status {got.returncode}: {got.stderr.strip()}"
    said = got.stderr.split("\n", 1)[0]
    words = [w.rstrip("/").removeprefix("./") for w in re.split(r"[:, ]+", said)]
    if out.rstrip("/") not in words or not set(words) & set(names):
        return f"does not name both: {said}"
    return None


def try_cells(tool, label, make, outputs, force):
    """make(input): arguments that name it."""
    cells = [(given, out, [*force, f"--{option}", out, *make(given)])
             for given, others in CELLS for out in others for option in outputs]

    def cell(c):
        given, out, args = c
        why = refused(tool, args, out, [given, *laid_out])
        return f"{' '.join([tool, *args])}: {why}" if why else None

    bad = [x for x in pool.map(cell, cells) if x]
    if state("t") != laid_out:
        bad.append(f"{tool}: something has changed: {state('t').items() ^ laid_out.items()}")
    for option in outputs:  # the control: elsewhere it is not refused for this
        got = run(tool, [*force, f"--{option}", "t/free", *make("t/up/file")])
        if "which is read" in got.stderr or "is written, too" in got.stderr:
            bad.append(f"{tool} {label}: a free place is refused: {got.stderr}")
        lay_out()
    ok(not bad, f"{tool}: {label} is kept")
    for line in bad[:5]:
        print("#", line)


def try_outputs(tool, outputs, force):
    """Two outputs are not the same, nor in each other."""
    pairs = [("t/new", "t/new"), ("t/new", "t/./new"), ("t/up/file", "t/hard"), ("t/new", "t/new/x"),
             ("t/up", "t/up/new")]
    cells = [(tool, [*force, f"--{a}", x, f"--{b}", y], x, [y])
             for a in outputs for b in outputs if a != b for x, y in pairs]
    bad = [f"{c}: {why}" for c, why in zip(cells, pool.map(lambda c: refused(*c), cells)) if why]
    ok(not bad, f"{tool}: two outputs are kept apart")
    for line in bad[:5]:
        print("#", line)


laid_out = {}
pool = ThreadPoolExecutor(os.cpu_count())


def recipe_for(given):
    """Every cell gets a file of its own, beside the tree."""
    name = "recipe." + given.replace("/", ".")
    put(name, f"models: [{{model: ./{given}}}]\nmerge_method: passthrough\n")
    return ["--recipe", name]


def lora_for(given):
    name = "lora." + given.replace("/", ".")
    put(name, f"models: [{{model: {{model: {{path: ./none}}, lora: {{path: ./{given}}}}}}}]\n"
              "merge_method: passthrough\n")
    return ["--recipe", name]


def models_for(given):
    name = "below." + given.replace("/", ".")
    put(name, f"models: [{{model: {given[2:]}}}]\nmerge_method: passthrough\n")
    return ["--recipe", name, "--models", "t"]


def main():
    lay_out()
    laid_out.update(state("t"))
    ok(commands() == set(TABLE), f"every command is in the table {commands() ^ set(TABLE) or ''}")
    for tool, roles in TABLE.items():
        with_value, names = options(tool)
        paths = {n for n, value in with_value.items() if is_path(value)}
        ok(paths == set(roles), f"{tool}: every path is in the table {paths ^ set(roles) or ''}")
        outputs = [o for o, role in roles.items() if role in (OUT, OUT_DIR)]
        force = ["--force"] if "force" in names else []
        for name, role in roles.items():
            if role == IN:
                try_cells(tool, f"--{name}", lambda x, n=name: [f"--{n}", x], outputs, force)
        try_cells(tool, "an operand", lambda x: [x], outputs, force)
        if force:
            try_cells(tool, "an operand without --force", lambda x: [x], outputs, [])
        if len(outputs) > 1:
            try_outputs(tool, outputs, force)
    force = ["--force"]
    try_cells("fc-varm", "a model with an adapter", lambda x: ["-b", "t/none", x + "+t/none"], ["output"], force)
    try_cells("fc-varm", "an adapter", lambda x: ["-b", "t/none+" + x, "t/none"], ["output"], force)
    try_cells("fc-varm", "a recipe's model", recipe_for, ["output"], force)
    try_cells("fc-varm", "a recipe's adapter", lora_for, ["output"], force)
    try_cells("fc-varm", "a model below --models", models_for, ["output"], force)
    shutil.rmtree("t")
    print(f"1..{count}")
    return failures > 0


sys.exit(main())
