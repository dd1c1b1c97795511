"""Random cases, a thousand a measure, made anew from a seed wherever they are needed.

Only whole numbers and uniform draws are used, so that every version of NumPy gives the same ones. The
script that asks the references and the test that asks our measures both read them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

CASES = 1000
LABELS = ("drop", "lag", "theft", "unknown")
Case = dict[str, Any]


def _draws(number: int) -> Iterator[np.random.Generator]:
    """A stream of draws for each case of one measure."""
    for case in range(CASES):
        yield np.random.Generator(np.random.PCG64([2026, number, case]))


def shares() -> Iterator[Case]:
    for draw in _draws(1):
        total = int(draw.integers(1, 400))
        yield {"hits": int(draw.integers(0, total + 1)), "total": total}


def rates() -> Iterator[Case]:
    for draw in _draws(2):
        yield {"count": int(draw.integers(1, 300)), "exposure": 0.1 + 500 * draw.random()}


def means() -> Iterator[Case]:
    for draw in _draws(3):
        yield {"values": 100 * draw.random(int(draw.integers(2, 60))) - 20}


def grouped() -> Iterator[Case]:
    for draw in _draws(4):
        count = int(draw.integers(1, 80))
        yield {"hits": draw.random(count) < draw.random(), "groups": draw.integers(0, 6, count),
               "weights": 0.1 + draw.random(count)}


def ratios() -> Iterator[Case]:
    for draw in _draws(5):
        count = int(draw.integers(2, 40))
        yield {"above": 3 * draw.random(count) - 1, "below": 0.2 + draw.random(count)}


def _censored(draw: np.random.Generator, least: int) -> Case:
    count = int(draw.integers(least, 60))
    # coarse, so that events and censorings fall together
    moments = draw.integers(1, 40, count).astype(float)
    observed = draw.random(count) < 0.2 + 0.8 * draw.random()
    return {"times": moments, "observed": observed, "until": float(draw.integers(1, 45))}


def times() -> Iterator[Case]:
    for draw in _draws(6):
        yield _censored(draw, 1)


def diagnoses() -> Iterator[Case]:
    for draw in _draws(7):
        count = int(draw.integers(1, 60))
        truth = [LABELS[number] for number in draw.integers(0, 3, count)]
        said = [LABELS[number] for number in draw.integers(0, 4, count)]
        yield {"truth": truth, "said": said, "confidence": draw.random(count)}


def scored() -> Iterator[Case]:
    for draw in _draws(8):
        count = int(draw.integers(2, 80))
        positive = draw.random(count) < 0.05 + 0.6 * draw.random()
        positive[0] = True
        unscored = int(draw.integers(0, 30))
        yield {"positive": positive, "score": draw.integers(0, 25, count).astype(float), "unscored": unscored,
               "unscored_positive": int(draw.integers(0, unscored + 1))}


def tails() -> Iterator[Case]:
    for draw in _draws(9):
        yield {"values": draw.random(int(draw.integers(1, 80))), "level": 0.5 + 0.49 * draw.random()}


def quantiles() -> Iterator[Case]:
    for draw in _draws(10):
        yield {"values": 100 * draw.random(int(draw.integers(1, 200))), "level": 0.05 + 0.9 * draw.random()}


def matchings() -> Iterator[Case]:
    for draw in _draws(11):
        left, right = int(draw.integers(1, 9)), int(draw.integers(1, 9))
        edges = [(mine, other) for mine in range(left) for other in range(right) if draw.random() < 0.45] or [(0, 0)]
        yield {"edges": edges, "agree": draw.random(len(edges)) < 0.5, "delay": draw.integers(0, 1000, len(edges))}


def windows() -> Iterator[Case]:
    """Times of exceptions and of alerts, and how long after an exception an alert still counts."""
    for draw in _draws(12):
        yield {"opened": np.sort(draw.integers(0, 400, int(draw.integers(1, 25)))),
               "raised": np.sort(draw.integers(0, 400, int(draw.integers(1, 25)))), "window": int(draw.integers(1, 60))}


def adjusted() -> Iterator[Case]:
    """p-values of up to twelve comparisons, equal ones and ones that were not made among them."""
    for draw in _draws(13):
        count = int(draw.integers(1, 13))
        # coarse in every other case, so that some are equal
        coarse = draw.integers(0, 11, count) / 10
        values = coarse if draw.random() < 0.5 else draw.random(count) ** 3
        yield {"pvalues": [None if draw.random() < 0.1 else float(p) for p in values]}


def pairs() -> Iterator[Case]:
    """Values of two runs on the same seeds; in every other case whole numbers, so that pairs tie and do not differ."""
    for draw in _draws(14):
        count = int(draw.integers(30, 70))
        whole, shift = draw.random() < 0.5, int(draw.integers(0, 3))
        first, second = ((draw.integers(0, 8, count).astype(float) for _ in range(2)) if whole
                         else (10 * draw.random(count) for _ in range(2)))  # fmt: skip
        yield {"a": first, "b": second + shift, "margin": 0.05 + draw.random()}


def samples() -> Iterator[Case]:
    """Values of two runs on seeds of their own."""
    for draw in _draws(15):
        first, second = (draw.random(int(draw.integers(30, 70))) * (1 + 9 * draw.random()) for _ in range(2))
        yield {"a": first, "b": second, "margin": 0.05 + draw.random()}


def restricted() -> Iterator[Case]:
    """Censored times as in :func:`times`, of no fewer than two rows."""
    for draw in _draws(16):
        yield _censored(draw, 2)


def _stretches(draw: np.random.Generator, count: int, rate: float) -> Any:
    """Flags that keep their value for some days; neither all alike."""
    flags = np.repeat(draw.random(count) < rate, draw.integers(1, 7, count))[:count]
    flags[0], flags[-1] = flags[1:-1].all(), not flags[1:-1].any()
    return flags


def ranges() -> Iterator[Case]:
    """Several series of one length: on which days something was wrong, and on which it was said."""
    for draw in _draws(17):
        shape = int(draw.integers(1, 6)), int(draw.integers(6, 40))
        true, said = (np.stack([_stretches(draw, shape[1], 0.3) for _ in range(shape[0])]) for _ in range(2))
        yield {"true": true, "said": said}


def volumes() -> Iterator[Case]:
    """One series with scores, some of them equal: no longer than what the reference takes every threshold of."""
    for draw in _draws(18):
        count = int(draw.integers(6, 120))
        score = draw.integers(0, 40, count).astype(float)
        score[:2] = 40, 41
        yield {"true": _stretches(draw, count, 0.2)[None], "score": score[None],
               "buffer_max": int(draw.integers(0, 12))}  # fmt: skip


def affiliations() -> Iterator[Case]:
    """One series: on which days something was wrong, and on which it was said."""
    for draw in _draws(19):
        count = int(draw.integers(6, 60))
        yield {"true": _stretches(draw, count, 0.2)[None], "said": _stretches(draw, count, 0.3)[None]}
