"""The least score that is frozen is the smallest within the budget, and never a kinder figure than the truth."""

import numpy as np
import pytest

from scenarios.bench.thresholds import Curve, choose


def curve_of(scores, days):
    """Every score its own candidate: the exact curve."""
    found = np.unique(scores)
    return Curve(tuple(found.tolist()), tuple(int((scores >= least).sum()) for least in found), days)


@pytest.mark.parametrize("seed", range(20))
def test_on_one_recording_it_is_the_smallest_within_the_budget(seed):
    draws = np.random.default_rng(seed)
    scores = np.round(draws.exponential(size=draws.integers(1, 60)), 2)
    days, budget = 10.0, float(draws.uniform(0.05, 3.0))
    found = choose([curve_of(scores, days)], budget)
    within = [least for least in np.unique(scores) if (scores >= least).sum() <= budget * days]
    if len(scores) <= budget * days:
        assert found.score_min is None
        return
    assert found.score_min == pytest.approx(min(within, default=np.nextafter(scores.max(), np.inf)))
    assert found.false_alarms_per_location_day == pytest.approx((scores >= found.score_min).sum() / days)


@pytest.mark.parametrize("seed", range(20))
def test_over_several_recordings_what_is_told_is_never_kinder_than_the_truth_and_within_the_budget(seed):
    draws = np.random.default_rng(seed)
    scores = [np.round(draws.exponential(size=draws.integers(1, 60)), 2) for _ in range(3)]
    days, budget = (10.0, 20.0, 5.0), float(draws.uniform(0.05, 2.0))
    found = choose([curve_of(one, day) for one, day in zip(scores, days, strict=True)], budget)
    least = -np.inf if found.score_min is None else found.score_min
    true = sum(int((one >= least).sum()) for one in scores) / sum(days)
    assert true <= found.false_alarms_per_location_day <= budget


def test_between_two_points_of_a_grid_the_worse_one_counts():
    curve = Curve((1.0, 5.0), (10, 2), 10.0)
    assert [curve.at(score) for score in (0.5, 1.0, 4.9, 5.0, 5.1)] == [10, 10, 10, 2, 0]


def test_without_any_alert_no_bound_is_needed():
    found = choose([Curve((), (), 10.0)], 0.1)
    assert (found.score_min, found.false_alarms_per_location_day) == (None, 0.0)
