#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes one set of conversations (JSONL) made from what comes with Python, for effect.mk.

  train, dev, prompts, test   signature and docstring of a function of the standard library, answered by its body,
                              with the body's own indentation; prompts has no answers
  form                        functions of another package under another prompt, answered with fences
  text                        sections of Python's reference manual: their title, answered by their text
  short                       questions as in test, with the answer apart: bodies so short that one can be compared as a whole

A file's path decides by its hash which of the sets it belongs to, so that no two sets share a file.  An answer that
occurs in several files counts once, in the first of them, so that no two sets share an answer either.  The order is
that of a hash, too: the first N lines are a sample of all files.

With --check it reads answers instead (JSONL of fc-infer --generate, to questions of these sets but form and text) and
writes 1 or 0 for each, as fc-eval accuracy --match program takes them: 1 for a whole body.  That is, signature and
docstring with the answer behind them compile as one function and nothing beside it, the answer has a statement other
than pass and bare constants (... and docstrings are such), and it was not cut off.  It says nothing of what the code
does, and executes none of it.
"""
import argparse
import ast
import hashlib
import importlib.util
import json
import os
import re
import sys
import sysconfig
import warnings

# Shares of the files; what is left is train.
PARTS = [("test", 0.2), ("dev", 0.15), ("prompts", 0.35)]
TASK = "Write the body of this function of the Python module {module}:\n\n{head}"
FORM = "Here is the beginning of a Python function. Show the code that follows, in a block.\n\n```python\n{head}\n```"
TEXT = 'Python\'s reference manual has a section "{title}" in its chapter "{chapter}". What does it say?'
# Characters of an answer, at least and at most, and of what is shown of a function at most.
ANSWER, SHORT, HEAD = (60, 1200), (8, 59), 1200
# Not code that people would ask for: tests, generated tables, another version's grammar.
LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "__pycache__", "pydoc_data", "encodings"}

ASKED = re.compile(re.escape(TASK).replace(r"\{module\}", "[^\n]+").replace(r"\{head\}", "(.*)"), re.S)
# finish_reason of an answer that was cut off, in OpenAI's interface and those like it.
# Reasons that fc-infer(1) takes for no end.
CUT = {"length", "model_length", "max_tokens", "content_filter", "abort", "error", "insufficient_system_resource"}


def fraction(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def set_of(path):
    at = fraction(path)
    for name, share in PARTS:
        if at < share:
            return name
        at -= share
    return "train"


def sources(top):
    """(path under top, text) of the Python files of a folder, in the order of their names"""
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(d for d in folders if d not in LEFT_OUT)
        for name in sorted(f for f in files if f.endswith(".py")):
            path = os.path.join(folder, name)
            try:
                with open(path, encoding="utf-8") as f:
                    yield os.path.relpath(path, top), f.read()
            except UnicodeDecodeError:
                pass  # old encodings are not what is asked for


def statements(node):
    """All that are in one, at any depth; expressions, which have no functions with a body in them, are not gone through"""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, part, ()):
            yield child
            yield from statements(child)


def functions(text):
    """(name with line, head up to the docstring's end, body) of the functions that have both; as in the file"""
    lines = text.split("\n")
    for node in statements(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef) or not ast.get_docstring(node) or len(node.body) < 2:
            continue
        # a body on the docstring's own last line cannot be cut by lines
        if node.body[1].lineno > node.body[0].end_lineno:
            head, body = lines[node.lineno - 1:node.body[0].end_lineno], lines[node.body[0].end_lineno:node.end_lineno]
            yield f"{node.name}:{node.lineno}", "\n".join(head), "\n".join(body).strip("\n")


def code(top, form, a):
    seen = set()
    for path, text in sources(top):
        if "\0" in text:
            continue
        try:
            found = list(functions(text))
        except (SyntaxError, RecursionError):
            continue  # templates and files for other versions
        kept = 0
        for name, head, body in sorted(found, key=lambda f: fraction(f[0])):
            known = " ".join(body.split())
            if kept == a.per_file or known in seen or not a.least <= len(body) <= a.most or len(head) > max(a.most, HEAD):
                continue
            seen.add(known)
            kept += 1
            module = path[:-3].replace(os.sep, ".").removesuffix(".__init__")
            answer = f"```python\n{body}\n```" if form is FORM else body
            yield path, f"{module}.{name}", form.format(module=module, head=head), answer


def manual(a):
    """Underlined titles cut the manual's chapters into sections."""
    topics = importlib.import_module("pydoc_data.topics").topics
    seen = set()
    for chapter in sorted(topics):
        parts = re.split(r"^(\S.*)\n([*=~^-])\2{3,}\n", topics[chapter], flags=re.M)
        for title, body in zip(parts[1::3], parts[3::3]):
            paragraphs, answer = body.strip().split("\n\n"), ""
            for p in paragraphs:  # whole ones, as many as are not too long
                if len(answer) + len(p) > a.most:
                    break
                answer += ("\n\n" if answer else "") + p
            if len(answer) >= a.least and answer not in seen:
                seen.add(answer)
                yield chapter, f"{chapter}.{title}", TEXT.format(title=title.strip(), chapter=chapter), answer


def other_package(name):
    spec = importlib.util.find_spec(name)
    if not spec or not spec.submodule_search_locations:
        sys.exit(f"functions.py: there is no package {name} here; name one with --package, or a folder with --code")
    return list(spec.submodule_search_locations)[0]


def does_nothing(statement):
    return isinstance(statement, ast.Pass) or isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def makes_function(head, answer):
    """Are these one function, nothing beside it, and is there something in it?"""
    indent, code = re.match(r"[ \t]*", head).group(), f"{head}\n{answer}\n"
    # An indented head stays as it is, so that lines of strings keep their columns.
    around = "def around():\n" if indent else ""
    found = ast.parse(around + code).body
    if around and len(found) == 1:
        found = found[0].body
    if len(found) != 1:
        return False
    # Beyond the grammar: break outside of a loop, await in a plain function, ...  The function around binds what only the
    # function's surroundings in its file would.
    free = {name for n in ast.walk(found[0]) if around and isinstance(n, ast.Nonlocal) for name in n.names}
    compile(around + "".join(f"{indent}{name} = 0\n" for name in sorted(free)) + code, "answer", "exec", dont_inherit=True)
    return not all(map(does_nothing, found[0].body))


def is_whole(head, answer):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes, and of comparisons with literals
            return makes_function(head, answer)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):  # not Python; bytes that are not; too deep
        return False


def check(lines):
    for number, line in enumerate(lines, 1):
        try:
            question, answer = json.loads(line)["messages"][-2:]
            asked, text, why = ASKED.fullmatch(question["content"]), answer["content"], answer.get("finish_reason")
            if (question["role"], answer["role"]) != ("user", "assistant") or not isinstance(text, str):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            sys.exit(f"functions.py: line {number} is no conversation that ends with an answer; run fc-infer --generate on it")
        if not asked:
            sys.exit(f"functions.py: line {number} does not ask for the body of a function, as the sets train, dev, prompts, "
                     "test and short do")
        print(int(str(why).lower() not in CUT and is_whole(asked[1], text)))


def options(words=None):
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--set", choices=["train", *[n for n, _ in PARTS], "form", "text", "short"])
    what.add_argument("--check", action="store_true", help="read answers, write for each whether it is a whole body: 1 or 0")
    p.add_argument("-n", type=int, default=0, help="at most so many (0: all)")
    p.add_argument("--least", type=int, help="characters of an answer at least (%d; short: %d)" % (ANSWER[0], SHORT[0]))
    p.add_argument("--most", type=int, help="characters of an answer at most (%d; short: %d)" % (ANSWER[1], SHORT[1]))
    p.add_argument("--per-file", type=int, default=12, help="functions of a file at most (12)")
    p.add_argument("--package", default="pip", help="of the set form (pip)")
    p.add_argument("--code", help="a folder, instead of the standard library or the package")
    a = p.parse_args(words)
    least, most = SHORT if a.set == "short" else ANSWER
    a.least, a.most = least if a.least is None else a.least, most if a.most is None else a.most
    return a


def main():
    a = options()
    if a.check:
        check(sys.stdin.buffer)
        return
    if a.set == "text":
        found = list(manual(a))
    elif a.set == "form":
        found = list(code(a.code or other_package(a.package), FORM, a))
    else:
        top = a.code or sysconfig.get_paths()["stdlib"]
        part = "test" if a.set == "short" else a.set
        found = [f for f in code(top, TASK, a) if set_of(f[0]) == part]
    found.sort(key=lambda f: fraction(f[1] + f[3]))
    if a.n and len(found) < a.n:
        sys.exit(f"functions.py: the set {a.set} has {len(found)} conversations, not {a.n}; ask for fewer, or take more with "
                 "--per-file or --most")
    kind = {"form": "form", "text": "text"}.get(a.set, "task")
    for _, name, question, answer in found[:a.n or None]:
        line = {"id": name, "category": kind, "messages": [{"role": "user", "content": question}]}
        if a.set == "short":
            line["answer"] = answer
        elif a.set != "prompts":
            line["messages"].append({"role": "assistant", "content": answer})
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
