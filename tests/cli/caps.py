#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""caps.py stream A B | log A B: what two instruction sets computed with one model is as near as
rounding allows; prints "near", or the first difference.

N: roundings after each other on the way through the demo's pivot (4 layers, width C = 128,
feed-forward F = 320, at most T = 64 tokens here): sums of C four times a layer, of F and of T, and 40
of norms, rotations and activations.  Norms keep the sizes, so two orders of these sums leave hidden
states apart by at most 2 N u of the largest component, u = 2^-24.  A logit is a product of C such
components; the sizes of its terms add up to less than LOGIT."""
import json
import sys

LAYERS, C, F, T, LOGIT = 4, 128, 320, 64, 64
ORDERS = 2 * LAYERS * (4 * C + F + T + 40) * 2**-24 * LOGIT


def values(kind, line):
    """Numbers of a line, and what each may be off by."""
    if kind == "log":
        # From the second step on the weights differ too: by less than lr in each, but only where the
        # gradient, by which the loss changes, is lost in its rounding.
        return [(line[k], ORDERS * line["step"]) for k in ("loss", "sft", "fusion")]
    # Probabilities by rank, as ids of nearly equal ones may change places.  The stream holds them as
    # float16: half a step each, 2^-11.
    all_of = [p for r in line["rows"] for p in [r["true_logprob"], *r["logprobs"]]]
    return [(p, ORDERS + 2 * 2**-11 * max(1, abs(p))) for p in all_of]


kind = sys.argv[1]
a, b = ([json.loads(text) for text in open(path, encoding="utf-8")] for path in sys.argv[2:4])
if not a or len(a) != len(b):
    sys.exit(f"{len(a)} lines and {len(b)}")
worst = 0
for i, (one, two) in enumerate(zip(a, b)):
    x, y = values(kind, one), values(kind, two)
    if not x or len(x) != len(y):
        sys.exit(f"line {i + 1}: {len(x)} numbers and {len(y)}")
    for (p, most), (q, _) in zip(x, y):
        worst = max(worst, abs(p - q) / most)
        if not abs(p - q) <= most:
            sys.exit(f"line {i + 1}: {p} and {q} are apart by more than {most:.2g}")
print(f"near ({worst:.2g} of the bound)", file=sys.stderr)
print("near")
