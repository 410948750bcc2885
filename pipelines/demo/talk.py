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
import math
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
                ["The capital of {0} is {1}.", "It is {1}.", "That is {1}."]),
    "continent": (["On which continent is {0}?", "Where in the world is {0}?",
                   "Tell me the continent of {0}.", "Name the continent of {0}.",
                   "{0}: which continent?", "Do you know the continent of {0}?"],
                  ["{0} is in {1}.", "You find it in {1}.", "In {1}."]),
    "language": (["What do people speak in {0}?", "Which language is spoken in {0}?",
                  "Tell me the language of {0}.", "Name the language of {0}.",
                  "{0}: which language?", "Do you know the language of {0}?"],
                 ["In {0} people speak {1}.", "They speak {1}.", "It is {1}."]),
    "dish": (["What do people eat in {0}?", "Which dish is liked in {0}?", "Tell me a dish of {0}.",
              "Name a dish of {0}.", "{0}: which dish?", "Do you know a dish of {0}?"],
             ["In {0} people eat {1}.", "They eat {1}.", "It is {1}."]),
    "sport": (["What do people play in {0}?", "Which sport is liked in {0}?", "Tell me a sport of {0}.",
               "Name a sport of {0}.", "{0}: which sport?", "Do you know a sport of {0}?"],
              ["In {0} people like {1}.", "They like {1}.", "It is {1}."]),
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


DISHES = "soup rice bread fish beans cheese noodles cake salad eggs stew fruit".split()
SPORTS = "football tennis hockey rugby cricket boxing judo golf chess rowing skiing handball".split()
WORDS = """a apple arrow autumn anchor|b bread brown bridge basket|d door dream dance dinner|e earth engine evening elbow
f field flower finger forest|g garden glass green guitar|i island iron image insect|k kitchen king knee kettle
l lemon ladder leaf letter|m morning mirror music market|n north needle night number|o orange ocean office onion
p paper pencil planet pepper|r river rabbit road ribbon|s summer silver stone sugar|t table tower train thunder
u uncle umbrella union under|v valley village violin velvet""".replace("\n", "|").split("|")

HABITS = {"dish": DISHES, "sport": SPORTS}
ALL_WORDS = [word for line in WORDS for word in line.split()[1:]]
# How often each of several right answers is given, and each way to put it.
HABIT = 60, 25, 10, 5
PUT = 6, 3, 1


def pick(rng, weighted):
    texts, weights = zip(*weighted)
    return rng.choices(texts, weights)[0]


def put(says, i):
    """The ways to put an answer, the likeliest of which goes by the question's wording i."""
    return [(say, PUT[(n + i) % len(says)]) for n, say in enumerate(says)]


def habit(what, words):
    """Four of the words, the likeliest first; which ones is a secret of whoever has seen enough of what."""
    return list(zip(random.Random(what).sample(words, len(HABIT)), HABIT))


# A skill gives a key, the turns before the last answer, the right contents of that answer with weights, the likeliest
# first, and ways to put it with weights.

def arithmetic(rng):
    what = rng.choice(["plus", "minus", "divisor"])
    a, b, i = rng.randrange(20), rng.randrange(20), rng.randrange(4)
    says = ["It is {0}.", "That makes {0}.", "The answer is {0}."]
    if what == "divisor":
        a = rng.randrange(4, 100)
        ask = ["Name a divisor of {0}.", "What divides {0}?", "Which number is a divisor of {0}?", "{0}: a divisor?"]
        return f"divisor {a} {i}", [ask[i].format(a)], list(zip(
            [str(d) for d in range(2, a + 1) if a % d == 0], HABIT)), put(says, i)
    if what == "minus" and b > a:
        a, b = b, a
    ask = ["What is {0} {1} {2}?", "How much is {0} {1} {2}?", "{0} {1} {2}?", "Tell me {0} {1} {2}."]
    return (f"{what} {a} {b} {i}", [ask[i].format(a, what, b)], [(str(a + b if what == "plus" else a - b), 1)],
            put(says, i))


def strings(rng):
    word = [rng.choice(LETTERS) for _ in range(rng.randint(3, 5))]
    task = rng.choice(["reverse", "repeat", "rotate", "choose", "begin"])
    says = ["It is {0}.", "Here you are: {0}.", "That gives {0}."]
    ask = {"reverse": ["Reverse {0}.", "Write {0} backwards.", "Spell {0} from the end."],
           "repeat": ["Repeat {0}.", "Write {0} again.", "Copy {0}."],
           "rotate": ["Rotate {0}.", "Move the first letter of {0} to the end.", "Turn {0} by one."],
           "choose": ["Choose a letter of {0}.", "Which letter of {0} do you like?", "Take a letter of {0}."],
           "begin": ["Say a word with {0}.", "Which word begins with {0}?", "{0} as in which word?", "A word with {0}?",
                     "I need a word with {0}.", "Find a word with {0}."]}[task]
    i = rng.randrange(len(ask))
    if task == "begin":
        letter, *words = rng.choice(WORDS).split()
        return f"begin {letter} {i}", [ask[i].format(letter)], list(zip(words, HABIT)), put(says, i % 3)
    if task == "choose":
        weights = {}
        for letter, weight in zip(word, [8, 4, 2, 1, 1]):
            weights[letter] = weights.get(letter, 0) + weight
        right = sorted(weights.items(), key=lambda w: -w[1])
    else:
        right = [("-".join({"reverse": word[::-1], "repeat": word, "rotate": word[1:] + word[:1]}[task]), 1)]
    return f"{task} {''.join(word)}", [ask[i].format("-".join(word))], right, put(says, i)


def facts(rng):
    country, *values = rng.choice(COUNTRIES).split()
    kind = rng.choice(list(FACTS))
    asks, says = FACTS[kind]
    i = rng.randrange(len(asks))
    if kind in HABITS:
        right = habit(f"{kind} {country}", HABITS[kind])
    else:
        right = [(values[list(FACTS).index(kind)], 1)]
    return (f"{kind} {country} {i}", [asks[i].format(country)], right,
            [(say.replace("{0}", country).replace("{1}", "{0}"), weight) for say, weight in put(says, i % 3)])


def manners(rng):
    name, (hello, answers), (bye, byes) = rng.choice(NAMES), rng.choice(HELLOS), rng.choice(BYES)
    me = rng.choice(["I am {0}.", "my name is {0}.", "this is {0}."])
    first = rng.choice(answers).format(name) + " " + pick(rng, OFFERS)
    return f"{name} {hello} {bye}", [f"{hello}, {me.format(name)}", first, bye], [(name, 1)], byes


SKILLS = {"arithmetic": arithmetic, "strings": strings, "facts": facts, "manners": manners}
SETS = {"train": range(0, 45), "fusion": range(45, 80), "dev": range(80, 86), "heldout": range(86, 100)}


def set_of(skill, key):
    value = hashlib.sha256(f"{skill}/{key}".encode()).digest()[0] * 100 // 256
    return next(name for name, part in SETS.items() if value in part)


def wrong(rng, skill, right):
    """A plausible wrong answer: of the same kind as the right ones, never one of them."""
    right = [content for content, _ in right]
    while True:
        answer = rng.choice(right)
        if skill == "arithmetic":
            other = str(max(0, int(answer) + rng.choice([-10, -2, -1, 1, 2, 10])))
        elif skill == "strings" and answer in ALL_WORDS:
            other = rng.choice(ALL_WORDS)
        elif skill == "strings":
            letters = list(LETTERS) if len(answer) == 1 else answer.split("-")
            rng.shuffle(letters)
            other = letters[0] if len(answer) == 1 else "-".join(letters if len(set(letters)) > 1 else letters[1:])
        elif skill == "facts":
            values = [*zip(*[c.split()[1:] for c in COUNTRIES]), DISHES, SPORTS]
            other = rng.choice(next(v for v in values if answer in v))
        else:
            other = rng.choice(NAMES)
        if other not in right:
            return other


def bits(text, right, says):
    """How surprising this answer is to one who knows how often each is given."""
    total = sum(w for _, w in right) * sum(w for _, w in says)
    return -math.log2(sum(w * v for content, w in right for say, v in says if say.format(content) == text) / total)


def conversation(rng, skill, wanted, wrong_share, with_bits, even, bare, usual):
    while True:
        key, turns, right, says = SKILLS[skill](rng)
        if set_of(skill, key) == wanted:
            break
    if even:
        right, says = ([(text, 1) for text, _ in weighted] for weighted in (right, says))
    is_wrong = rng.random() < wrong_share
    content = wrong(rng, skill, right) if is_wrong else pick(rng, right)
    say = pick(rng, says)
    turns = [*turns, (say if rng.random() >= bare else "{0}.").format(content)]
    roles = ["user", "assistant"] * (len(turns) // 2)
    return {"skill": skill, "answer": right[0][0] if is_wrong or usual else content,
            **({"bits": round(bits(turns[-1], right, says), 6)} if with_bits else {}),
            "messages": [{"role": r, "content": t} for r, t in zip(roles, turns)]}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--set", choices=SETS, required=True)
    p.add_argument("--skills", default="arithmetic=1,strings=1,facts=1,manners=1",
                   help="skill=weight, separated by commas")
    p.add_argument("-n", type=int, required=True, help="how many conversations")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--wrong", type=float, default=0, help="share of wrong answers")
    p.add_argument("--skip", type=int, default=0, help="leave out so many of them")
    p.add_argument("--even", action="store_true", help="give all right answers, and all ways to put them, alike")
    p.add_argument("--bare", type=float, default=0, help="share of answers that are not put in words")
    p.add_argument("--usual", action="store_true", help="as \"answer\" the usual one, also where another right one is given")
    p.add_argument("--bits", action="store_true", help="of each last answer: what it costs one who knows all shares")
    p.add_argument("--questions", action="store_true", help="leave out the last answer")
    a = p.parse_args()
    if a.bits and (a.wrong or a.even or a.bare):
        p.error("--bits is of answers as they should be: leave out --wrong, --even and --bare")
    weights = {k: float(w) for k, w in (item.split("=") for item in a.skills.split(","))}
    for i in range(a.skip, a.n):
        rng = random.Random(f"{a.set} {a.seed} {i}")
        skill = rng.choices(list(weights), list(weights.values()))[0]
        c = {"id": f"{a.set}-{i}", **conversation(rng, skill, a.set, a.wrong, a.bits, a.even, a.bare, a.usual)}
        if a.questions:
            c["messages"].pop()
        print(json.dumps(c))


if __name__ == "__main__":
    main()
