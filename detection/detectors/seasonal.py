"""Traffic that is missing for its hour: what an interface delivers, against the same hour of earlier days.

The expected number of an hour is the mean of that hour of the day so far, lowered where today has been a quieter day up
to then (never raised: the hour after a peak would seem empty); what is left is a Poisson residual, widened by how far
the hour usually is off (Farrington et al. 1996 judge counts of reports so). Only a fall is strange: a peak brings more
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
        self._limit = context.spec.parameter("seasonal_limit", 6.0)
        shape = (len(INTERFACES), _HOURS)
        self._sum, self._squares = np.zeros(shape), np.zeros(shape)
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
        days = np.maximum(self._days[:, hour], 1)
        mean = self._sum[:, hour] / days
        level = np.where(self._usual >= EXPECTED_MIN, self._today / np.maximum(self._usual, 1.0), 1.0)
        expected = mean * np.clip(level, 0.25, 1.0)
        spread = np.maximum(expected, self._squares[:, hour] / days)
        residual = (expected - fresh) / np.sqrt(np.maximum(spread, 1.0))
        is_low = (self._days[:, hour] >= WARM_UP_DAYS) & (expected >= EXPECTED_MIN) & (residual > self._limit)
        for interface in np.flatnonzero(is_low & ~self._was_low).tolist():
            yield Finding("api_outage", interface=interface, score=float(residual[interface]))
        usual = ~is_low
        self._was_low = is_low
        self._squares[usual, hour] += (fresh - expected)[usual] ** 2 * (self._days[usual, hour] > 0)
        self._sum[usual, hour] += fresh[usual]
        self._days[usual, hour] += 1
        self._today[usual] += fresh[usual]
        self._usual[usual] += mean[usual]
