#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What effect.mk needs besides the tools: a check of its data, the best of a grid, and the tables.

  check   refuses sets that share a question: what models are trained on, dev, and every test set
  fit     those lines of a set that are in all lists of records
  best    the stream of the table on standard input that has the least bits a byte, and these; a line for each group
  prompts those conversations of standard input whose group a source is the best of
  table   WORK/table.txt and table.tsv from fc-eval's comparisons
"""
import argparse
import csv
import json
import os
import sys
import textwrap

WIDTH = 100
A_LINE = 3  # test sets side by side
RIGHT = "right"  # among the tests: right answers by generation


def rows(path):
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def questions(path, most):
    """question -> its line; the question is all that the user's first message says"""
    found, n = {}, 0
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            if most and n > most:
                break
            said = [m["content"] for m in json.loads(line)["messages"] if m["role"] == "user"]
            if not said:
                sys.exit(f"effect.py: {path}, line {n}: nobody asks in this conversation; leave it out")
            found.setdefault(said[0], n)
    if most and n < most:
        sys.exit(f"effect.py: {path} has {n} conversations, and LABELS asks for {most}; ask for fewer")
    return found


def check(a):
    owners = {}
    for path in a.files:
        name = os.path.basename(path).removesuffix(".jsonl").removesuffix(".all")
        group = "training" if name in ("train", "prompts") else name
        for question, line in questions(path, a.labels if name == "train" else 0).items():
            other = owners.setdefault(question, (group, path, line))
            if other[0] != group:
                sys.exit(f"effect.py: {path}, line {line}: asks what {other[1]}, line {other[2]} asks; take it out of one of "
                         "them, else a model is tested on what it was trained on or chosen by")


def name_of(line, n):
    """the id that the tools call a conversation by"""
    for key in ("id", "uid", "conversation_id", "question_id", "uuid", "prompt_id"):
        if line.get(key) is not None:
            return str(line[key])
    return f"line-{n}"


def fit(a):
    read = []
    for path in a.lists:
        with open(path, encoding="utf-8") as f:
            read.append({json.loads(line)["id"] for line in f})
    kept = 0
    with open(a.set, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            o = json.loads(line) if line.strip() else None
            if o is None or any(name_of(o, n) not in ids for ids in read):
                continue
            o.setdefault("id", name_of(o, n))
            print(json.dumps(o, ensure_ascii=False))
            kept += 1
    if not kept:
        sys.exit(f"effect.py: {a.set}: no conversation is within LENGTH for every model; a larger LENGTH may help")


def best(_):
    groups = {}
    for r in csv.DictReader(sys.stdin, delimiter="\t"):
        groups.setdefault(r["group"], []).append(r)
    if not groups:
        sys.exit("effect.py: no table on standard input")
    for group, table in groups.items():
        first = min(table, key=lambda r: float(r["bits_per_byte"]))  # of equals the first
        name = first.get("stream") or first["model"]  # of one file by itself, and of files that are compared
        print(os.path.basename(name).removesuffix(".fcs"), first["bits_per_byte"], group)


def answerers(path):
    """group -> source; a group that dev does not have is answered by the best of all"""
    with open(path, encoding="utf-8") as f:
        return {group: name.removesuffix(".aligned") for name, _, group in (line.rstrip("\n").split(" ", 2) for line in f)}


def group_of(line, by):
    """as the tools name it"""
    value = json.loads(line).get(by)
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (bool, int, float)) else "(none)"


def prompts(a):
    of = answerers(a.answerer)
    for line in sys.stdin:
        group = group_of(line, a.by) if a.by else "all"
        if of.get(group, of["all"]) == a.name:
            sys.stdout.write(line)


def by_model(path):
    return {r["model"]: r for r in rows(path) if r["group"] == "all"}


class Size:
    """The results with one number of labels."""

    def __init__(self, work, labels, tests, seeds):
        self.labels, self.seeds = labels, seeds
        folder = os.path.join(work, labels)
        asked = [RIGHT] if os.path.exists(os.path.join(folder, RIGHT + ".tsv")) else []
        self.all = {t: by_model(os.path.join(folder, t + ".tsv")) for t in tests + asked}
        self.one = {t: [by_model(os.path.join(folder, f"{t}.seed-{s}.tsv")) for s in seeds] for t in tests + asked}
        self.verdict = rows(os.path.join(folder, "verdict.tsv"))
        self.models = list(self.all[tests[0]])
        self.best = {}
        for m in self.models:
            path = os.path.join(folder, "best", m)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as f:
                    self.best[m] = f.read().split()[0]
        of = answerers(os.path.join(folder, "answerer"))
        self.answerer = ", ".join(f"{name} ({group})" for group, name in of.items() if group != "all") or of["all"]

    def beyond(self, test, model):
        """in how many seeds a trained model is better than sft beyond that seed's own interval"""
        one = [s[model] for s in self.one[test] if model in s and s[model]["difference"]]
        return sum(sign(r, test == RIGHT) == "*" for r in one) if one else None


def sign(row, more_is_better=False):
    """whether the interval of the difference leaves 0 out, and on which side"""
    if not row["difference"]:
        return " "
    less, more = float(row["difference_high"]) < 0, float(row["difference_low"]) > 0
    better, worse = (more, less) if more_is_better else (less, more)
    return "*" if better else "!" if worse else " "


def signed(text):
    return f"{round(float(text), 4) + 0.0:+.4f}"  # no -0.0000


def cell(size, test, model):
    row = size.all[test][model]
    text = f"{float(row['bits_per_byte']):.4f}"
    text += f" {signed(row['difference'])}{sign(row)}" if row["difference"] else " " * 9
    n = size.beyond(test, model)
    return text + (f" {n}/{len(size.seeds)}" if n is not None and row["difference"] else " " * 4)


def grid(lines):
    widths = [max(len(r[i]) for r in lines) for i in range(len(lines[0]))]
    return ["  ".join([r[0].ljust(widths[0]), *[c.rjust(w) for c, w in zip(r[1:], widths[1:])]]).rstrip() for r in lines]


def bits(size, tests):
    for at in range(0, len(tests), A_LINE):
        part = tests[at:at + A_LINE]
        last = at + A_LINE >= len(tests)
        head = ["", "setting", *[t.ljust(20) for t in part], *(["mean"] if last else [])]
        body = []
        for m in size.models:
            mean = sum(float(size.all[t][m]["bits_per_byte"]) for t in tests) / len(tests)
            body.append([m, size.best.get(m, ""), *[cell(size, t, m) for t in part], *([f"{mean:.4f}"] if last else [])])
        yield from grid([head, *body])
        yield ""


def percent(row, what, plus=""):
    mid, low, high = (f"{100 * float(row[what + p]) + 0.0:{plus}.1f}" for p in ("", "_low", "_high"))
    return f"{mid} [{low}, {high}]"


def right(size):
    yield ["", "right, %", "against sft", "", ""]
    for m, r in size.all[RIGHT].items():
        n = size.beyond(RIGHT, m)
        yield [m, percent(r, "accuracy"), percent(r, "difference", "+") if r["difference"] else "", sign(r, True),
               "" if n is None else f"{n}/{len(size.seeds)}"]


def count(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def gap(row, what="difference"):
    mid, low, high = (signed(row[what + p]) for p in ("", "_low", "_high"))
    return f"{mid} [{low}, {high}]"


def possible(size):
    """The verdict on dev: what the mixture is better than the pivot, than the pivot that was fine-tuned as the sources were,
    and than its best member."""
    members = {r["model"]: r for r in size.verdict if r["group"] == "all" and r["gain"]}
    top = min(members, key=lambda m: float(members[m]["bits"]))
    over = [f"{gap(members['pivot'], 'gain')} bits a byte over the pivot",
            f"{gap(members['self'], 'gain')} over the pivot fine-tuned as the sources are",
            *([] if top in ("pivot", "self") else [f"{gap(members[top], 'gain')} over {top}, its best member"])]
    return "What was possible, on dev: the mixture gains " + ", ".join(over) + "."


def said(size, tests):
    for m in (m for m in ("ours", "merged", "fusechat") if m in size.models):
        against = [f"{t} {gap(size.all[t][m])}, better beyond chance in {size.beyond(t, m)} of {count(len(size.seeds), 'seed')}"
                   for t in tests]
        yield f"{m} against sft, bits a byte: " + "; ".join(against) + "."
    mean = {m: sum(float(size.all[t][m]["bits_per_byte"]) for t in tests) / len(tests) for m in size.models}
    top = min((m for m in mean if m.startswith("source-")), key=mean.get)
    yield f"Mean of the test sets: ours {mean['ours']:.4f}; the best source as it is, {top.removeprefix('source-')}, {mean[top]:.4f}."
    yield possible(size)
    if RIGHT not in size.all:
        yield "Right answers by generation: not asked; QUESTIONS would."


def saved(work, tests, most):
    """Ours with fewer labels against fine-tuning with the most."""
    for t in tests:
        ours = [r for r in rows(os.path.join(work, t + ".labels.tsv")) if r["model"].startswith("ours-")]
        yield (f"Labels saved on {t}: against sft with {most} labels, "
               + "; ".join(f"ours with {r['model'].removeprefix('ours-')} {gap(r)}" for r in ours) + ".")


COLUMNS = ["bits_per_byte", "bits_per_byte_low", "bits_per_byte_high", "accuracy", "accuracy_low", "accuracy_high",
           "difference", "difference_low", "difference_high", "better", "worse", "p", "p_holm", "detectable",
           "conversations", "left_out"]


def table(a):
    labels, tests, seeds = a.labels.split(), a.tests.split(), a.seeds.split()
    sizes = [Size(a.work, n, tests, seeds) for n in labels]
    out = []
    for size in sizes:
        out += [f"{size.labels} labels, {a.answers} prompts answered by {size.answerer}: bits a byte, and against sft", "",
                *bits(size, tests)]
        if RIGHT in size.all:
            n = next(iter(size.all[RIGHT].values()))["conversations"]
            out += [f"{size.labels} labels: right answers to {n} questions", "", *grid(list(right(size))), ""]
        for sentence in said(size, tests):
            out += textwrap.wrap(sentence, WIDTH)
        out.append("")
    for sentence in saved(a.work, tests, max(labels, key=int)):
        out += textwrap.wrap(sentence, WIDTH)
    out += ["", *textwrap.wrap(
        "setting: learning rate and epochs, chosen on dev.  * better and ! worse than sft beyond the 95 % interval, which is paired "
        f"over conversations and seeds; n/{len(seeds)}: seeds in which a model is better beyond that seed's own interval.  mean: over "
        "the test sets.  Intervals and p are in table.tsv.", WIDTH)]
    with open(os.path.join(a.work, "table.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
    with open(os.path.join(a.work, "table.tsv"), "w", encoding="utf-8") as f:
        f.write("\t".join(["labels", "test", "model", "setting", "seeds_better", *COLUMNS]) + "\n")
        for size in sizes:
            for t, models in size.all.items():
                for m, row in models.items():
                    n = size.beyond(t, m)
                    f.write("\t".join([size.labels, t, m, size.best.get(m, ""), "" if n is None else str(n),
                                       *[row.get(c, "") for c in COLUMNS]]) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    sub = p.add_subparsers(required=True)
    s = sub.add_parser("check")
    s.add_argument("--labels", type=int, required=True)
    s.add_argument("files", nargs="+")
    s.set_defaults(run=check)
    s = sub.add_parser("fit")
    s.add_argument("set")
    s.add_argument("lists", nargs="+")
    s.set_defaults(run=fit)
    sub.add_parser("best").set_defaults(run=best)
    s = sub.add_parser("prompts")
    s.add_argument("--by")
    s.add_argument("answerer")
    s.add_argument("name")
    s.set_defaults(run=prompts)
    s = sub.add_parser("table")
    for name in ("work", "labels", "tests", "seeds", "answers"):
        s.add_argument("--" + name, required=True)
    s.set_defaults(run=table)
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
