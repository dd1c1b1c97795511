"""Control charts of latency: interfaces that slow down before they fail.

Each interface's hourly p95 latency, median over locations and on a log scale, has a moving mean and variance
(West 1979), learned from hours that no rule found strange; an hour is scored before it is learned from. Two rules
stand on that: the chart of Roberts (1959), by which several hours in a row beyond a limit are an alert, and the
cumulative sum of Page (1954), by which many hours each a little slow are one too.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import INTERFACES, Rows

#: Hours of traffic before a chart speaks.
WARM_UP_HOURS = 48
#: Hours beyond the limit of the moving average before it alerts.
RUN_HOURS = 2


@dataclass
class _Chart:
    """What is known of one interface.

    Attributes:
        mean, variance: of the log latency.
        hours: learned from.
        sign: what the rule remembers: hours in a row, or a sum; 0 while nothing is strange.
    """

    mean: float = 0.0
    variance: float = 0.0
    hours: int = 0
    sign: float = 0.0

    def score(self, value: float) -> float:
        """Standard deviations above the mean; 0 while warming up."""
        if self.hours < WARM_UP_HOURS:
            return 0.0
        return (value - self.mean) / math.sqrt(max(self.variance, 1e-4))

    def learn(self, value: float, weight: float) -> None:
        """Move the mean and the variance."""
        weight = max(weight, 1.0 / (self.hours + 1))
        delta = value - self.mean
        self.mean += weight * delta
        self.variance = (1.0 - weight) * (self.variance + weight * delta * delta)
        self.hours += 1


class _LatencyCharts:
    """Everything but the rule.

    Args:
        weight: least weight of an hour in the moving mean and variance.
    """

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._charts = [_Chart() for _ in INTERFACES]

    @abstractmethod
    def is_alert(self, chart: _Chart, score: float) -> bool:
        """Whether this hour raises an alert; moves ``chart.sign``."""

    @abstractmethod
    def is_strange(self, chart: _Chart, score: float) -> bool:
        """Whether the hour must not be learned from."""

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Interfaces that have become too slow, once each time."""
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
            if self.is_alert(chart, score):
                yield Finding("api_outage", interface=interface, score=score)
            if not self.is_strange(chart, score):
                chart.learn(value, self._weight)


class MovingAverage(_LatencyCharts):
    """Reports interfaces that were beyond the limit of their chart for :data:`RUN_HOURS` hours."""

    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context.spec.parameter("ewma_weight", 0.05))
        self._limit = context.spec.parameter("ewma_limit", 6.0)

    def is_alert(self, chart: _Chart, score: float) -> bool:
        """See :class:`_LatencyCharts`."""
        chart.sign = chart.sign + 1.0 if score > self._limit else 0.0
        return chart.sign == RUN_HOURS

    def is_strange(self, chart: _Chart, score: float) -> bool:
        """See :class:`_LatencyCharts`."""
        del score
        return chart.sign > 0.0


class CumulativeSum(_LatencyCharts):
    """Reports interfaces whose hours, each above the mean by more than an allowance, add up to a limit."""

    def __init__(self, context: DetectorContext) -> None:
        # A mean that follows within a day what is to be told from it would leave nothing to add up.
        super().__init__(context.spec.parameter("cusum_weight", 0.005))
        self._allowance = context.spec.parameter("cusum_allowance", 1.0)
        self._limit = context.spec.parameter("cusum_limit", 10.0)

    def is_alert(self, chart: _Chart, score: float) -> bool:
        """See :class:`_LatencyCharts`."""
        before = chart.sign
        # A sum far beyond its limit would take days to come back from: what has been said is not added to.
        chart.sign = min(max(0.0, before + score - self._allowance), 2.0 * self._limit)
        return before <= self._limit < chart.sign

    def is_strange(self, chart: _Chart, score: float) -> bool:
        """See :class:`_LatencyCharts`."""
        return chart.sign > self._limit or score > self._limit
