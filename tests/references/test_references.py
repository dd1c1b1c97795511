"""Every statistic of ours against the reference that people trust, on a thousand random cases each.

``golden.npz`` holds what the references said (``make_golden.py``, in an environment of its own). What has
no answer is infinite or not a number on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scenarios import match, statistics
from scenarios.measures.classification import _pair
from scenarios.measures.paired import Paired, holm, paired
from scenarios.measures.ranges import affiliation, overlap_rewards, volume
from scenarios.measures.unpaired import unpaired
from tests.references import cases

GOLDEN = np.load(Path(__file__).parent / "golden.npz")
LIMIT = 1e-9
Answer = tuple[float, ...]


def ends(found: statistics.Estimate | None) -> Answer:
    assert found is not None
    return (-math.inf if found.low is None else found.low, math.inf if found.high is None else found.high)


def value(found: Any) -> float:
    return math.nan if found is None or isinstance(found, str) else float(found.value)


def shares(case: cases.Case) -> Answer:
    return ends(statistics.share(case["hits"], case["total"]))


def rates(case: cases.Case) -> Answer:
    return ends(statistics.rate(case["count"], case["exposure"]))


def means(case: cases.Case) -> Answer:
    found = statistics.mean(case["values"])
    return value(found), *ends(found)


def grouped(case: cases.Case) -> Answer:
    hits = case["hits"].astype(float)
    return (value(statistics.mean_share(hits, case["groups"])),
            value(statistics.weighted_share(hits, case["weights"])))  # fmt: skip


def ratios(case: cases.Case) -> Answer:
    found = statistics.ratio_of_sums(case["above"], case["below"])
    return value(found), *ends(found)


def times(case: cases.Case) -> Answer:
    mean = value(statistics.restricted_mean(case["times"], case["observed"], case["until"]))
    median = statistics.median(case["times"], case["observed"])
    if median is None:
        return mean, math.inf, math.nan, math.nan
    low, high = ends(median)
    return mean, median.value, math.inf if low == -math.inf else low, high


def diagnoses(case: cases.Case) -> Answer:
    right = np.array([a == b for a, b in zip(case["truth"], case["said"], strict=True)])
    told = pd.DataFrame({"fault_type_true": case["truth"], "fault_type_said": case["said"]})
    return (
        value(statistics.macro_f1(case["truth"], case["said"])),
        value(statistics.calibration_error(case["confidence"], right)),
        value(statistics.mean((case["confidence"] - right) ** 2)),
        value(_pair(told, "drop", "lag")),
    )


def scored(case: cases.Case) -> Answer:
    return (value(statistics.average_precision(**case)),)


def tails(case: cases.Case) -> Answer:
    return (value(statistics.tail_mean(case["values"], case["level"])),)


def quantiles(case: cases.Case) -> Answer:
    found = statistics.quantile(case["values"], case["level"])
    return value(found), *ends(found)


def matchings(case: cases.Case) -> Answer:
    pairs = pd.DataFrame(case["edges"], columns=["incident", "exception"])
    chosen = match.match(pairs.assign(agree=case["agree"], delay=case["delay"]))
    return float(len(chosen)), float(chosen["agree"].sum()), float(chosen["delay"].sum())


def windows(case: cases.Case) -> Answer:
    waits = case["raised"][:, None] - case["opened"][None, :]
    mine, other = np.nonzero((waits >= 0) & (waits <= case["window"]))
    pairs = pd.DataFrame({"incident": mine, "exception": other, "agree": True, "delay": waits[mine, other]})
    return (float(len(match.match(pairs))),)


def adjusted(case: cases.Case) -> Answer:
    found = holm(case["pvalues"])
    return tuple(math.nan if p is None else p for p in [*found, *[None] * (12 - len(found))])


def gap(found: Paired) -> Answer:
    return tuple(math.nan if one is None else one for one in (found.difference, found.low, found.high))


def tail(found: Paired) -> Answer:
    return tuple(math.nan if one is None else one for one in (found.p_below, found.p_above))


def pairs(case: cases.Case) -> Answer:
    found = paired(**case)
    return *gap(found), math.nan if found.p is None else found.p, *tail(found)


def samples(case: cases.Case) -> Answer:
    found = unpaired(**case)
    return *gap(found), *tail(found)


def restricted(case: cases.Case) -> Answer:
    found = statistics.restricted_mean(**case)
    return value(found), *ends(found)


def ranges(case: cases.Case) -> Answer:
    sums = [overlap_rewards(case[mine], case[other]) for mine, other in (("said", "true"), ("true", "said"))]
    return tuple(float(rewards.sum() / count.sum()) for rewards, count in sums)


def volumes(case: cases.Case) -> Answer:
    return (volume(**case),)


def affiliations(case: cases.Case) -> Answer:
    precision, recall, _ = affiliation(**case)
    return float(np.nanmean(precision)), float(recall.mean())


OURS: tuple[Callable[[cases.Case], Answer], ...] = (
    shares, rates, means, grouped, ratios, times, diagnoses, scored, tails, quantiles, matchings, windows, adjusted,
    pairs, samples, restricted, ranges, volumes, affiliations,
)  # fmt: skip


@pytest.mark.parametrize("measure", OURS, ids=lambda measure: measure.__name__)
def test_ours_is_what_the_reference_says(measure: Callable[[cases.Case], Answer]) -> None:
    ours = np.array([measure(case) for case in getattr(cases, measure.__name__)()])
    golden = GOLDEN[measure.__name__]
    if measure is times:
        # where the median is infinite there is no interval of ours; the reference may still bound it from below
        golden = np.where(np.isnan(ours), np.nan, golden)
    assert ours.shape == golden.shape == (cases.CASES, ours.shape[1])
    assert (np.isfinite(ours) == np.isfinite(golden)).all()
    open_ended = ~np.isfinite(ours)
    assert np.array_equal(ours[open_ended], golden[open_ended], equal_nan=True)
    largest = float(np.abs(ours - golden)[~open_ended].max())
    print(f"{measure.__name__}: largest difference {largest:.1e} on {cases.CASES} cases")  # noqa: T201
    assert largest < LIMIT


def test_every_golden_answer_is_compared() -> None:
    assert set(GOLDEN.files) == {measure.__name__ for measure in OURS}
