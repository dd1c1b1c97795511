"""A control chart of latency: interfaces that slow down before they fail.

Each interface's hourly p95 latency, median over locations and on a log scale, is charted by an
exponentially weighted moving average with its variance (Roberts 1959). An hour beyond the limits on
several charts in a row is an alert on the interface. The chart learns only from hours it does not
find strange, and scores an hour before it learns from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import INTERFACES, Rows

#: Hours of traffic before a chart speaks, and hours beyond its limit before it alerts.
WARM_UP_HOURS = 48
RUN_HOURS = 2


@dataclass
class _Chart:
    """The moving mean and variance of one interface."""

    mean: float = 0.0
    variance: float = 0.0
    hours: int = 0
    strange: int = 0

    def score(self, value: float) -> float:
        """Standard deviations above the mean; 0 while warming up."""
        if self.hours < WARM_UP_HOURS:
            return 0.0
        return (value - self.mean) / math.sqrt(max(self.variance, 1e-4))

    def learn(self, value: float, weight: float) -> None:
        """Move the mean and the variance (West 1979)."""
        weight = max(weight, 1.0 / (self.hours + 1))
        delta = value - self.mean
        self.mean += weight * delta
        self.variance = (1.0 - weight) * (self.variance + weight * delta * delta)
        self.hours += 1


class LatencyChart:
    """Reports interfaces whose latency leaves its chart."""

    def __init__(self, context: DetectorContext) -> None:
        self._limit = context.spec.parameter("ewma_limit", 6.0)
        self._weight = context.spec.parameter("ewma_weight", 0.05)
        self._charts = [_Chart() for _ in INTERFACES]

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Interfaces that have been too slow for :data:`RUN_HOURS` hours."""
        del rows
        if not views.channels.hour_closed:
            return
        for interface, chart in enumerate(self._charts):
            slow = views.channels.latency_p95[interface]
            slow = slow[slow > 0]
            if not len(slow):
                continue
            value = math.log(float(np.median(slow)))
            score = chart.score(value)
            chart.strange = chart.strange + 1 if score > self._limit else 0
            if chart.strange == RUN_HOURS:
                yield Finding("api_outage", interface=interface, score=score)
            if not chart.strange:
                chart.learn(value, self._weight)
