"""Paired comparison against scipy, Holm against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from scenarios.measures.paired import holm, paired


def _draws(seed: int, count: int = 40, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    world = rng.normal(10, 5, count)
    return world, world + shift + rng.normal(0, 1, count)


@pytest.mark.parametrize("seed", range(5))
def test_difference_interval_and_p_are_those_of_scipy(seed: int) -> None:
    a, b = _draws(seed, shift=0.3)
    found = paired(a, b, margin=0.1, level=0.9)
    interval = stats.ttest_rel(b, a).confidence_interval(0.9)
    assert found.difference == pytest.approx((b - a).mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(stats.wilcoxon(b, a).pvalue)
    assert (found.n, found.reason) == (40, None)


@pytest.mark.parametrize("seed", range(3))
def test_practical_equality_is_the_posterior_mass_within_the_margin(seed: int) -> None:
    a, b = _draws(seed, shift=0.2)
    gaps = b - a
    # flat prior on mean and log deviation: the likelihood of the mean with the deviation integrated out
    spread = ((gaps - gaps.mean()) ** 2).sum()

    def density(mean: float) -> float:
        return float((1 + len(gaps) * (gaps.mean() - mean) ** 2 / spread) ** (-len(gaps) / 2))

    whole = integrate.quad(density, -3, 3, points=[gaps.mean()])[0]
    inside = integrate.quad(density, -0.25, 0.25)[0]
    found = paired(a, b, margin=0.25)
    assert found.p_equal == pytest.approx(inside / whole, rel=1e-6)
    assert found.p_above == pytest.approx(integrate.quad(density, 0.25, 3)[0] / whole, rel=1e-6)
    assert (found.p_below or 0) + (found.p_equal or 0) + (found.p_above or 0) == pytest.approx(1)


def test_the_interval_covers_at_its_level() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(2000):
        gaps = rng.normal(0.4, 1, 30)
        found = paired(np.zeros(30), gaps, margin=0)
        covered += bool(found.low is not None and found.high is not None and found.low <= 0.4 <= found.high)
    assert stats.binomtest(covered, 2000, 0.95).pvalue > 1e-3


def test_fewer_than_thirty_pairs_make_no_claim() -> None:
    a, b = _draws(1, count=29, shift=5.0)
    found = paired(a, b, margin=0.1)
    assert (found.p, found.p_equal, found.p_below, found.p_above) == (None, None, None, None)
    assert found.reason == "29 pairs of seeds; a claim needs 30"
    assert found.difference == pytest.approx((b - a).mean())
    assert found.low is not None
    one = paired(a[:1], b[:1], margin=0.1)
    assert (one.low, one.high, one.n) == (None, None, 1)
    assert one.reason == "1 pair of seeds; a claim needs 30"
    assert paired([], [], margin=0.1).difference is None


def test_a_pair_with_a_missing_side_is_no_pair() -> None:
    a, b = _draws(2, count=31)
    whole = paired(a[2:], b[2:], margin=0.1, pairs_min=20)
    holes = paired([None, *a[1:]], [b[0], float("nan"), *b[2:]], margin=0.1, pairs_min=20)
    assert holes == whole
    told = paired([None, *a[1:]], [b[0], None, *b[2:]], margin=0.1).reason
    assert told == "29 pairs of seeds (2 more have a value on one side only or on none); a claim needs 30"


def test_the_same_twice_is_certainly_equal() -> None:
    a, _ = _draws(3)
    found = paired(a, a + 1e-15, margin=0.0)
    assert (found.difference, found.low, found.high, found.p, found.p_equal) == (0.0, 0.0, 0.0, 1.0, 1.0)


def test_a_constant_shift_is_certain() -> None:
    a = np.zeros(30)
    far = paired(a, a + 0.5, margin=0.1)
    assert (far.low, far.high, far.p_equal, far.p_above) == (0.5, 0.5, 0.0, 1.0)
    assert paired(a, a - 0.5, margin=1.0).p_equal == 1.0


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_the_other_way_round_is_the_mirror(seed: int, shift: float) -> None:
    a, b = _draws(seed, shift=shift)
    there, back = paired(a, b, margin=0.2), paired(b, a, margin=0.2)
    assert back.difference == pytest.approx(-(there.difference or 0.0))
    assert (back.p, back.p_equal, back.p_below) == pytest.approx((there.p, there.p_equal, there.p_above))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2"):
        paired([1, 2, 3], [1, 2], margin=0)
    with pytest.raises(ValueError, match="below 0"):
        paired([1.0], [1.0], margin=-1)


def test_holm_by_hand() -> None:
    # Sorted 0.005 0.01 0.03 0.04 times 4 3 2 1 is 0.02 0.03 0.06 0.04, and none below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert holm([]) == []


def test_holm_keeps_the_rate_over_all_comparisons() -> None:
    rng = np.random.default_rng(11)
    wrong = sum(any(p <= 0.05 for p in holm(list(rng.uniform(size=20))) if p is not None) for _ in range(4000))
    assert stats.binomtest(wrong, 4000, 0.05, alternative="greater").pvalue > 1e-3
    assert wrong > 0
