"""Every statistic against the reference that people trust."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, f1_score

from scenarios import statistics

LABELS = ["drop", "lag", "theft"]


def known(estimate: statistics.Estimate | None) -> Any:
    """An estimate that is there, with its ends."""
    assert estimate is not None
    return estimate


@given(st.integers(1, 60).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_a_share_has_the_exact_interval(pair: tuple[int, int]) -> None:
    hits, total = pair
    interval = stats.binomtest(hits, total).proportion_ci(0.95, method="exact")
    found = known(statistics.share(hits, total))
    assert (found.value, found.n) == (hits / total, total)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_nothing_is_no_share() -> None:
    assert statistics.share(0, 0) is None
    assert statistics.mean([]) is None
    assert statistics.rate(3, 0.0) is None
    assert statistics.mean_share(np.array([]), np.array([])) is None
    assert statistics.weighted_share(np.array([1.0]), np.array([0.0])) is None
    assert statistics.restricted_mean(np.array([]), np.array([], bool), 5.0) is None
    assert statistics.median(np.array([]), np.array([], bool)) is None
    assert statistics.macro_f1([], []) is None
    assert statistics.calibration_error(np.array([]), np.array([], bool)) is None
    assert statistics.average_precision(np.array([False]), np.array([1.0])) is None
    assert statistics.tail_mean([]) is None


def test_a_rate_has_the_exact_poisson_interval() -> None:
    found = known(statistics.rate(7, 3.5))
    # P(X >= 7) at the low end and P(X <= 7) at the high end are 2.5% each
    assert stats.poisson.sf(6, found.low * 3.5) == pytest.approx(0.025)
    assert stats.poisson.cdf(7, found.high * 3.5) == pytest.approx(0.025)
    none = known(statistics.rate(0, 100.0))
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(3 / 100, rel=0.01)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20).filter(lambda values: np.std(values) > 1e-3))
def test_a_mean_has_the_t_interval(values: list[float]) -> None:
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    found = known(statistics.mean(values))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)


def test_one_value_has_no_interval() -> None:
    assert statistics.mean([3.0]) == statistics.Estimate(3.0, None, None, 1)


def test_a_mean_over_types_is_not_ruled_by_the_many() -> None:
    hits = np.array([1.0] * 99 + [0.0])
    groups = np.array(["many"] * 99 + ["grave"])
    found = known(statistics.mean_share(hits, groups))
    assert found.value == 0.5
    assert 0 < found.low < 0.5 < found.high < 1


def test_a_jackknife_of_a_mean_is_the_t_interval() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0])
    assert statistics.ratio_of_sums(values, np.ones(4)) == statistics.mean(values)


def test_a_ratio_of_sums_covers_the_truth() -> None:
    draw = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        below = draw.gamma(4.0, size=12)
        above = below * 0.6 + draw.normal(0, 0.5, 12)
        found = known(statistics.ratio_of_sums(above, below))
        covered += found.low <= 0.6 <= found.high
    assert 0.91 < covered / 300 < 0.98


def test_a_ratio_needs_a_denominator() -> None:
    assert statistics.ratio_of_sums(np.array([1.0]), np.array([0.0])) is None
    assert statistics.ratio_of_sums(np.array([1.0]), np.array([2.0])) == statistics.Estimate(0.5, None, None, 1)
    assert statistics.is_above_zero([1.0])
    assert not statistics.is_above_zero([5.0, -4.0, 6.0])
    assert not statistics.is_above_zero([])


times_seen = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


@given(times_seen, st.integers(1, 25))
def test_a_restricted_mean_is_the_area_below_scipys_survival(rows: list[tuple[int, bool]], until: int) -> None:
    times = np.array([time for time, _ in rows], dtype=float)
    seen = np.array([observed for _, observed in rows])
    data = stats.CensoredData(uncensored=times[seen], right=times[~seen])
    alive = stats.ecdf(data).sf
    steps = np.arange(0, until)
    # whole numbers only, so the area is a sum of unit columns
    assert known(statistics.restricted_mean(times, seen, float(until))).value == pytest.approx(
        float(np.sum(alive.evaluate(steps)))
    )


@given(times_seen)
def test_a_median_is_where_scipys_survival_crosses_one_half(rows: list[tuple[int, bool]]) -> None:
    times = np.array([time for time, _ in rows], dtype=float)
    seen = np.array([observed for _, observed in rows])
    alive = stats.ecdf(stats.CensoredData(uncensored=times[seen], right=times[~seen])).sf
    crossed = [time for time in sorted(times[seen]) if alive.evaluate(time) <= 0.5 + 1e-9]
    found = statistics.median(times, seen)
    assert (found.value if found else None) == (crossed[0] if crossed else None)


def test_greenwood_covers_the_truth() -> None:
    draw = np.random.default_rng(5)
    truth = 10 * (1 - math.exp(-1.0))
    covered = 0
    for _ in range(300):
        lives, ends = draw.exponential(10, 80), draw.exponential(20, 80)
        found = known(statistics.restricted_mean(np.minimum(lives, ends), lives <= ends, 10.0))
        covered += found.low <= truth <= found.high
    assert 0.91 < covered / 300 < 0.98


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=30))
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, said = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert known(statistics.macro_f1(truth, said)).value == pytest.approx(f1_score(truth, said, average="macro"))


def test_unknown_costs_recall_and_no_precision() -> None:
    assert known(statistics.macro_f1(["drop", "drop"], ["drop", "unknown"])).value == pytest.approx(2 / 3)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_average_precision_is_that_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    positive = np.array([hit for hit, _ in rows])
    score = np.array([value for _, value in rows], dtype=float)
    found = statistics.average_precision(positive, score)
    if not positive.any():
        assert found is None
    else:
        assert known(found).value == pytest.approx(average_precision_score(positive, score))


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.9, 0.9, 0.1, 1.0])
    right = np.array([True, False, False, True])
    # bins of width 1/15: two at 0.9 with accuracy 0.5, one at 0.1 with 0, one at 1.0 with 1
    assert known(statistics.calibration_error(confidence, right)).value == pytest.approx((2 * 0.4 + 0.1 + 0) / 4)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_the_tail_lies_between_mean_and_worst(values: list[float]) -> None:
    tail = known(statistics.tail_mean(values)).value
    assert np.mean(values) - 1e-9 <= tail <= max(values) + 1e-9


def test_the_tail_takes_the_boundary_in_part() -> None:
    # 5% of 30 values are one and a half of them
    assert known(statistics.tail_mean(list(range(30)))).value == pytest.approx((29 + 0.5 * 28) / 1.5)
