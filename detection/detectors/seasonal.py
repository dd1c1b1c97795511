"""Traffic that is missing for its hour: what an interface delivers, against the same hour of the days before.

Each hour of the day has a moving mean and variance of its own, since trade grows and falls within weeks; what is
expected is that mean, lowered where today has been a quieter day up to then (never raised: the hour after a peak would
seem empty). The residual is in standard deviations, at least a Poisson's. Only a fall is strange: a peak brings more
traffic, and no interface fails by it alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.clock import DAY, HOUR
from sim.events import INTERFACES, Rows

#: Days of an hour before it is judged, and messages that it must be expected to bring.
WARM_UP_DAYS = 3
EXPECTED_MIN = 20.0
_HOURS = 24


class SeasonalResidual:
    """Reports interfaces that deliver far less than they do at that hour."""

    def __init__(self, context: DetectorContext) -> None:
        self._limit = context.spec.parameter("seasonal_limit", 3.5)
        self._weight = context.spec.parameter("seasonal_weight", 0.3)
        shape = (len(INTERFACES), _HOURS)
        self._mean, self._variance = np.zeros(shape), np.zeros(shape)
        self._days = np.zeros(shape, dtype=np.int64)
        self._before = np.zeros(len(INTERFACES))
        self._today, self._usual = np.zeros(len(INTERFACES)), np.zeros(len(INTERFACES))
        self._day = -1
        self._was_low = np.zeros(len(INTERFACES), dtype=np.bool_)

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Interfaces whose latest hour is too low, once until an hour is as usual again."""
        del rows
        if not views.channels.hour_closed:
            return
        total = views.channels.lines().astype(np.float64)
        fresh, self._before = total - self._before, total
        # Telemetry of an hour comes once the hour is over.
        day, hour = divmod(max(0, views.now - HOUR) // HOUR, DAY // HOUR)
        if day != self._day:
            self._day = day
            self._today[:], self._usual[:] = 0.0, 0.0
        mean, variance, days = self._mean[:, hour], self._variance[:, hour], self._days[:, hour]
        level = np.where(self._usual >= EXPECTED_MIN, self._today / np.maximum(self._usual, 1.0), 1.0)
        expected = mean * np.clip(level, 0.25, 1.0)
        residual = (expected - fresh) / np.sqrt(np.maximum(np.maximum(variance, expected), 1.0))
        is_low = (days >= WARM_UP_DAYS) & (expected >= EXPECTED_MIN) & (residual > self._limit)
        for interface in np.flatnonzero(is_low & ~self._was_low).tolist():
            yield Finding("api_outage", interface=interface, score=float(residual[interface]))
        self._was_low = is_low
        usual = np.flatnonzero(~is_low)
        self._today[usual] += fresh[usual]
        self._usual[usual] += mean[usual]
        weight, delta = np.maximum(self._weight, 1.0 / (days[usual] + 1)), (fresh - mean)[usual]
        self._mean[usual, hour] += weight * delta
        self._variance[usual, hour] = (1.0 - weight) * (variance[usual] + weight * delta * delta)
        self._days[usual, hour] += 1
