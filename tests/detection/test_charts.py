"""Charts of interfaces: against the recursion of the textbook, and against traffic whose fall is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from detection.detectors.base import DetectorContext
from detection.detectors.charts import WARM_UP_HOURS, CumulativeSum, MovingAverage
from detection.detectors.seasonal import SeasonalResidual
from detection.layout import Layout
from detection.spec import OperatorSpec
from sim.clock import HOUR
from sim.events import INTERFACES, Rows, Vocabulary

CONTEXT = DetectorContext(Layout(Vocabulary(("DC1", "S0001"), ("I00001",))), OperatorSpec(), 1)


def hours(values):
    """Steps in which one interface's hourly figure is told; other interfaces are silent."""
    total = np.zeros((len(INTERFACES), 2), dtype=np.int64)
    for hour, value in enumerate(values):
        latency = np.zeros((len(INTERFACES), 2), dtype=np.int64)
        latency[3, 1] = value
        total[3, 1] += int(value)
        channels = SimpleNamespace(hour_closed=True, latency_p95=latency, lines=total.sum(axis=1).copy)
        yield SimpleNamespace(now=(hour + 1) * HOUR, channels=channels)


def said(detector, values):
    return [(hour, finding.interface) for hour, views in enumerate(hours(values))
            for finding in detector.detect(views, Rows())]


def test_a_cumulative_sum_is_page_s():
    draw = np.random.default_rng(2)
    values = np.exp(draw.normal(6.0, 0.1, 300)).astype(int)
    values[200:] = (values[200:] * 1.3).astype(int)  # about 2.6 standard deviations slower, hour after hour
    # The recursion by itself: moments of the past, then S = max(0, S + z - k), and nothing learned beyond the limit.
    mean = variance = total = 0.0
    learned, expected = 0, []
    for hour, value in enumerate(np.log(values)):
        z = 0.0 if learned < WARM_UP_HOURS else (value - mean) / np.sqrt(max(variance, 1e-4))
        before, total = total, min(max(0.0, total + z - 1.0), 20.0)
        if before <= 10.0 < total:
            expected.append((hour, 3))
        if total <= 10.0 and z <= 10.0:
            weight = max(0.005, 1.0 / (learned + 1))
            delta = value - mean
            mean, variance = mean + weight * delta, (1 - weight) * (variance + weight * delta**2)
            learned += 1
    assert said(CumulativeSum(CONTEXT), values) == expected
    assert expected
    assert all(200 <= hour < 212 for hour, _ in expected)


def test_small_slowness_is_seen_by_the_sum_and_not_by_the_average():
    values = np.exp(np.random.default_rng(3).normal(6.0, 0.1, 240)).astype(int)
    values[180:] = (values[180:] * 1.3).astype(int)
    assert said(CumulativeSum(CONTEXT), values)
    assert not said(MovingAverage(CONTEXT), values)


@pytest.mark.parametrize("change", [0.0, 0.2, 3.0])
def test_missing_traffic_is_a_fall_against_its_own_hour_and_a_peak_is_none(change):
    day = np.array([0] * 8 + [100, 200, 400, 300, 200, 300, 500, 600, 500, 400, 300, 100] + [0] * 4)
    values = np.random.default_rng(4).poisson(np.tile(day, 10)).astype(float)
    at = 7 * 24 + 14
    values[at : at + 2] *= change
    assert said(SeasonalResidual(CONTEXT), values) == ([(at, 3)] if change < 1.0 else [])


def test_a_busy_day_is_no_fall_on_the_next():
    day = np.array([0] * 8 + [300] * 12 + [0] * 4)
    values = np.random.default_rng(5).poisson(np.concatenate([np.tile(day, 6), 2.5 * day, np.tile(day, 3)]))
    assert said(SeasonalResidual(CONTEXT), values) == []
