"""What the middleware tells of an interface every hour: traffic, slowness, and missing numbers.

Healthy traffic is counts and a latency quantile per location. A line that is overtaken shows as a
``sequence_gap`` at the end of the hour, and again, closed, when it is filled; one that was applied
twice shows with count -1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.draws import Kind
from sim.events import NULL, SOURCE, STATUS
from sim.middleware.flights import BOOKING, GAP_CLOSED, GAP_OPEN, TRAFFIC, Address, channel_key
from sim.room import Room

I64 = npt.NDArray[np.int64]


class Monitor:
    """The telemetry of one interface.

    Args:
        room: the region.
        interface: its code.

    Attributes:
        is_probed: an hour in which nothing was delivered shows too, at the region's first location.
    """

    def __init__(self, room: Room, interface: int) -> None:
        self.room, self.interface = room, interface
        self.is_probed = False
        self._gaps: dict[Address, list[int]] = {}
        self._unreported: list[Address] = []
        self._closed: list[tuple[int, int, int]] = []
        self._delivered = np.zeros(room.locations, np.int64)
        self._high = np.full(room.locations, -1, np.int64)
        self._latencies: list[tuple[I64, I64, I64]] = []

    def sent(self, location: I64, latency: I64, count: I64) -> None:
        """Batches that left: where, how long each will take (microseconds), and how many lines it has."""
        self._latencies.append((location, latency, count))

    def delivered(self, location: npt.NDArray[np.int32], sequence: I64) -> None:
        """Lines that arrived."""
        np.add.at(self._delivered, location, 1)
        np.maximum.at(self._high, location, sequence)

    def open_gap(self, address: Address, count: int, since: int) -> None:
        """Lines from ``address`` on are missing (or, with count -1, seen twice) since ``since``."""
        self._gaps[address] = [count, since, 0]
        self._unreported.append(address)

    def fill(self, address: Address) -> None:
        """The gap at ``address`` is filled."""
        gap = self._gaps.pop(address, None)
        if gap is not None and gap[2]:
            self._closed.append((*address, gap[0]))

    def report_hour(self, now: int, *, available: bool, version: int) -> None:
        """At the end of an hour: what was delivered, how slow it was, and which numbers are missing."""
        self._report_traffic(now, available=available, version=version)
        self._report_gaps(now)

    def _report_traffic(self, now: int, *, available: bool, version: int) -> None:
        room = self.room
        slowest = self._slowest()
        places = np.flatnonzero(self._delivered)
        if self.is_probed and not len(places):
            places = np.zeros(1, np.intp)
        if len(places):
            at = np.full(len(places), now + BOOKING)
            high = np.where(self._high[places] < 0, NULL, self._high[places])
            body = channel_key(self.interface, places.astype(np.int64), room.tick_of(now))
            room.stream.emit(
                "telemetry", len(places), event_id=room.ids.of(Kind.CHANNEL, body, TRAFFIC), occurred_at=at - BOOKING,
                recorded_at=at, available_at=at, source=SOURCE["MIDDLEWARE"], interface=self.interface,
                location=places.astype(np.int32), count=self._delivered[places], sequence=high,
                latency_p95_ms=slowest[places], status=STATUS["ok" if available else "unavailable"],
                version=version,
            )
        self._delivered[:] = 0

    def _slowest(self) -> I64:
        """The latency that 95% of an hour's lines kept, per location, in milliseconds."""
        out = np.full(self.room.locations, NULL, np.int64)
        if not self._latencies:
            return out
        location, latency, count = (np.concatenate(part) for part in zip(*self._latencies, strict=True))
        self._latencies = []
        order = np.lexsort((latency, location))
        location, latency, count = location[order], latency[order], count[order]
        total = np.bincount(location, count, minlength=len(out))
        running = np.cumsum(count)
        before = np.cumsum(total) - total
        reached = running - before[location] >= 0.95 * total[location]
        # The first row of each location that reaches the share: written last, so walk backwards.
        rows = np.flatnonzero(reached)[::-1]
        out[location[rows]] = latency[rows] // 1000
        return out

    def _report_gaps(self, now: int) -> None:
        rows: list[tuple[int, int, int, int]] = []
        later = []
        for place in self._unreported:
            gap = self._gaps.get(place)
            if gap is None or gap[2]:
                continue
            if gap[1] < now:
                gap[2] = 1
                rows.append((*place, gap[0], 1))
            else:
                later.append(place)
        self._unreported = later
        rows += [(*closed, 0) for closed in self._closed]
        self._closed = []
        if not rows:
            return
        room = self.room
        location, sequence, count, opened = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        body = channel_key(self.interface, location, sequence, (count < 0).astype(np.int64))
        event = np.where(opened == 1, room.ids.of(Kind.CHANNEL, body, GAP_OPEN),
                         room.ids.of(Kind.CHANNEL, body, GAP_CLOSED))
        at = np.full(len(rows), now + BOOKING)
        room.stream.emit(
            "sequence_gap", len(rows), event_id=event, occurred_at=at - BOOKING,
            recorded_at=at, available_at=at, source=SOURCE["MIDDLEWARE"], interface=self.interface,
            location=location.astype(np.int32), sequence=sequence, count=count,
            status=np.where(opened == 1, STATUS["open"], STATUS["closed"]).astype(np.int32),
        )
