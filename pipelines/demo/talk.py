#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the demo's conversations as JSONL: four skills, three sets that share no question.

A question's key (what is asked, not how it is told) is hashed; the hash puts it into exactly one of
the sets: train (what the embedded models were made from), fusion, and held-out.  The answer's last
word is what counts as right ("answer"); how it is put varies at random, as in real dialogues.
"""
import argparse
import hashlib
import json
import random

COUNTRIES = """France Paris Europe French|Spain Madrid Europe Spanish|Italy Rome Europe Italian
Germany Berlin Europe German|Austria Vienna Europe German|Greece Athens Europe Greek
Poland Warsaw Europe Polish|Norway Oslo Europe Norwegian|Sweden Stockholm Europe Swedish
Finland Helsinki Europe Finnish|Denmark Copenhagen Europe Danish|Hungary Budapest Europe Hungarian
Portugal Lisbon Europe Portuguese|Romania Bucharest Europe Romanian|Ireland Dublin Europe English
Bulgaria Sofia Europe Bulgarian|Egypt Cairo Africa Arabic|Morocco Rabat Africa Arabic
Kenya Nairobi Africa Swahili|Ghana Accra Africa English|Senegal Dakar Africa French
Algeria Algiers Africa Arabic|Angola Luanda Africa Portuguese|Somalia Mogadishu Africa Somali
Ethiopia Addis-Ababa Africa Amharic|Japan Tokyo Asia Japanese|China Beijing Asia Chinese
Vietnam Hanoi Asia Vietnamese|Thailand Bangkok Asia Thai|Nepal Kathmandu Asia Nepali
Iran Tehran Asia Persian|Iraq Baghdad Asia Arabic|Turkey Ankara Asia Turkish
Mongolia Ulaanbaatar Asia Mongolian|Peru Lima America Spanish|Chile Santiago America Spanish
Cuba Havana America Spanish|Brazil Brasilia America Portuguese|Canada Ottawa America English
Mexico Mexico-City America Spanish|Ecuador Quito America Spanish|Fiji Suva Oceania English
""".replace("\n", "|").strip("|").split("|")

FACTS = {
    "capital": (["What is the capital of {0}?", "Which city is the capital of {0}?",
                 "Tell me the capital of {0}.", "Name the capital of {0}.",
                 "{0}: which capital?", "Do you know the capital of {0}?"],
                [("The capital of {0} is {1}.", 5), ("It is {1}.", 3), ("That is {1}.", 2)]),
    "continent": (["On which continent is {0}?", "Where in the world is {0}?",
                   "Tell me the continent of {0}.", "Name the continent of {0}.",
                   "{0}: which continent?", "Do you know the continent of {0}?"],
                  [("{0} is in {1}.", 5), ("You find it in {1}.", 3), ("In {1}.", 2)]),
    "language": (["What do people speak in {0}?", "Which language is spoken in {0}?",
                  "Tell me the language of {0}.", "Name the language of {0}.",
                  "{0}: which language?", "Do you know the language of {0}?"],
                 [("In {0} people speak {1}.", 5), ("They speak {1}.", 3), ("It is {1}.", 2)]),
}

NAMES = """Mia Leo Ana Tom Eva Max Ida Ben Zoe Jan Lea Kai Amy Sam Nina Paul Emma Otto Rosa Hugo Clara
Felix Alice Oscar Julia David Maria Peter Laura Simon Sarah Jonas Helen Frank Irene Bruno Vera Carl
Nora Adam Lucy Mark Ella Finn Olga Igor Tina Ralf Dora Erik""".split()
HELLOS = [("Good morning", ["Good morning, {0}!"]), ("Good evening", ["Good evening, {0}!"]),
          ("Hello", ["Hello, {0}!"]), ("Hi", ["Hi, {0}!"])]
BYES = [("Thank you, goodbye!", [("You are welcome. Goodbye, {0}!", 6), ("My pleasure. Goodbye, {0}!", 3),
                                 ("Any time. Goodbye, {0}!", 1)]),
        ("That is all, good night.", [("Sleep well. Good night, {0}!", 6), ("Rest well. Good night, {0}!", 4)]),
        ("I have to go now.", [("No problem. See you soon, {0}!", 5), ("Of course. See you soon, {0}!", 5)])]
OFFERS = [("How can I help you?", 6), ("What can I do for you?", 3), ("How are you today?", 1)]
LETTERS = "abdefgiklmnoprstuv"


def pick(rng, weighted):
    texts, weights = zip(*weighted)
    return rng.choices(texts, weights)[0]


def arithmetic(rng):
    plus = rng.random() < 0.5
    a, b = rng.randrange(50), rng.randrange(50)
    if not plus and b > a:
        a, b = b, a
    word = "plus" if plus else "minus"
    result = a + b if plus else a - b
    ask = rng.choice(["What is {0} {1} {2}?", "How much is {0} {1} {2}?", "{0} {1} {2}?"])
    say = pick(rng, [("It is {0}.", 5), ("That makes {0}.", 3), ("The answer is {0}.", 2)])
    return f"{word} {a} {b}", [ask.format(a, word, b), say.format(result)], str(result)


def strings(rng):
    word = [rng.choice(LETTERS) for _ in range(rng.randint(3, 5))]
    task = rng.choice(["reverse", "repeat", "rotate"])
    ask = {"reverse": ["Reverse {0}.", "Write {0} backwards.", "Spell {0} from the end."],
           "repeat": ["Repeat {0}.", "Write {0} again.", "Copy {0}."],
           "rotate": ["Rotate {0}.", "Move the first letter of {0} to the end."]}[task]
    done = {"reverse": word[::-1], "repeat": word, "rotate": word[1:] + word[:1]}[task]
    say = pick(rng, [("It is {0}.", 5), ("Here you are: {0}.", 3), ("That gives {0}.", 2)])
    text = "-".join(done)
    return (f"{task} {''.join(word)}", [rng.choice(ask).format("-".join(word)), say.format(text)],
            text)


def facts(rng):
    country, *values = rng.choice(COUNTRIES).split()
    kind = rng.choice(list(FACTS))
    asks, says = FACTS[kind]
    i = rng.randrange(len(asks))
    value = values[list(FACTS).index(kind)]
    return f"{kind} {country} {i}", [asks[i].format(country), pick(rng, says).format(country, value)], value


def manners(rng):
    name, (hello, answers), (bye, byes) = rng.choice(NAMES), rng.choice(HELLOS), rng.choice(BYES)
    me = rng.choice(["I am {0}.", "my name is {0}.", "this is {0}."])
    first = rng.choice(answers).format(name) + " " + pick(rng, OFFERS)
    return (f"{name} {hello} {bye}",
            [f"{hello}, {me.format(name)}", first, bye, pick(rng, byes).format(name)], name)


SKILLS = {"arithmetic": arithmetic, "strings": strings, "facts": facts, "manners": manners}
SETS = {"train": range(0, 60), "fusion": range(60, 85), "heldout": range(85, 100)}


def set_of(skill, key):
    value = hashlib.sha256(f"{skill}/{key}".encode()).digest()[0] * 100 // 256
    return next(name for name, part in SETS.items() if value in part)


def wrong(rng, skill, answer):
    """A plausible wrong answer: of the same kind, never the right one."""
    while True:
        if skill == "arithmetic":
            other = str(max(0, int(answer) + rng.choice([-10, -2, -1, 1, 2, 10])))
        elif skill == "strings":
            letters = answer.split("-")
            rng.shuffle(letters)
            other = "-".join(letters if len(set(letters)) > 1 else letters[1:])
        elif skill == "facts":
            values = [c.split()[1:] for c in COUNTRIES]
            kind = next(i for i in range(3) if any(v[i] == answer for v in values))
            other = rng.choice(values)[kind]
        else:
            other = rng.choice(NAMES)
        if other != answer:
            return other


def conversation(rng, skill, wanted, wrong_share):
    while True:
        key, turns, answer = SKILLS[skill](rng)
        if set_of(skill, key) == wanted:
            break
    if rng.random() < wrong_share:
        head, tail = turns[-1].rsplit(answer, 1)
        turns[-1] = head + wrong(rng, skill, answer) + tail
    roles = ["user", "assistant"] * (len(turns) // 2)
    return {"skill": skill, "answer": answer,
            "messages": [{"role": r, "content": t} for r, t in zip(roles, turns)]}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--set", choices=SETS, required=True)
    p.add_argument("--skills", default="arithmetic=1,strings=1,facts=1,manners=1",
                   help="skill=weight, separated by commas")
    p.add_argument("-n", type=int, required=True, help="how many conversations")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--wrong", type=float, default=0, help="share of wrong answers")
    p.add_argument("--questions", action="store_true", help="leave out the last answer")
    a = p.parse_args()
    weights = {k: float(w) for k, w in (item.split("=") for item in a.skills.split(","))}
    rng = random.Random(f"{a.set} {a.seed}")
    for i in range(a.n):
        skill = rng.choices(list(weights), list(weights.values()))[0]
        c = {"id": f"{a.set}-{i}", **conversation(rng, skill, a.set, a.wrong)}
        if a.questions:
            c["messages"].pop()
        print(json.dumps(c))


if __name__ == "__main__":
    main()
