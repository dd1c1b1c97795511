"""Channels: what the middleware says of its interfaces.

Healthy traffic shows as one telemetry row per interface, location and hour. A *gap* is a run of
sequence numbers that did not come while later ones did; most are late batches that fill themselves
within the service level, so a gap is only *due* once that has passed. An *outage* begins with a
retry of a whole interface and ends with its recovery; for as long as it lasts, and while its backlog
drains, gaps on it tell nothing new. A *rejection* is a dead letter that the interface no longer
understands: it dies at once, and no retry helps until the mapping is mended.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np

from detection.views.columns import IntArray, integers
from sim.clock import HOUR
from sim.events import CODE, INTERFACES, NO_CODE, NULL, STATUS, Block

#: Locations that must retry within one step before a local failure counts as an outage.
RETRY_LOCATIONS_MIN = 3
#: Attempts after which even one location's retries count as an outage.
RETRY_ATTEMPTS_MIN = 5
#: Hours after a recovery within which missing numbers tell nothing yet.
DRAIN_HOURS = 2
#: Hours after a recovery by which the last of its backlog has found the interface up.
BACKLOG_HOURS = 9
_FORGET_HOURS = 24 * 14
#: Refusals that are no outage: an expired token is renewed, a client has yet to leave a retired version, or has used
#: up its quota.
_HARMLESS = frozenset(CODE[code] for code in ("401", "410", "quota"))
#: No outage by itself either, where nobody feeds the interface: a burst of demand is throttled. Where it is the
#: interface that throttles, its telemetry says at the end of the hour that it is unavailable.
_THROTTLED = CODE["429"]
GapKey = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers that did not come.

    Attributes:
        interface, location, first, count: which.
        seen_at: when the gap was reported.
        event_id: the row that reported it.
        is_line: whether it is one line of a batch whose other lines are no part of it.
    """

    interface: int
    location: int
    first: int
    count: int
    seen_at: int
    event_id: int
    is_line: bool = False

    @property
    def key(self) -> GapKey:
        """Interface, location, first missing number."""
        return (self.interface, self.location, self.first)


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of the middleware that concerns a single message or interface."""

    interface: int
    location: int
    sequence: int
    document_id: int
    event_id: int


class Channels:
    """The state of every interface.

    Attributes:
        delivered, latency_p95: of the latest hour, shape (interfaces, locations).
        high: highest sequence number delivered, same shape.
        rises: (interface, location, lines) that were delivered beyond what their numbers explain, found in this step.
        outage_spans: (begin, end) of the latest outages of each interface, end null while it lasts.
        down_since: when each interface's outage began; null where it is up.
        recovered_at: when it last came back.
        dead: dead letters of each interface that wait for a redrive.
        gaps: open gaps by key.
        rejected_since: when the first letter of a kind that each interface rejects came; null where it rejects none.
        gaps_opened, gaps_due, gaps_closed, doubled, dead_letters, rejections, outages, recoveries: what this step
            brought; of rejections the first of an interface only.
        hour_closed: whether telemetry came in this step.
    """

    def __init__(self, locations: int) -> None:
        shape = (len(INTERFACES), locations)
        self.delivered = np.zeros(shape, dtype=np.int64)
        self.latency_p95 = np.zeros(shape, dtype=np.int64)
        self.high = np.full(shape, -1, dtype=np.int64)
        self._total = np.zeros(shape, dtype=np.int64)
        self._surplus = np.zeros(shape, dtype=np.int64)
        self.down_since = [NULL] * len(INTERFACES)
        self.recovered_at = [NULL] * len(INTERFACES)
        self.outage_spans: list[list[tuple[int, int]]] = [[] for _ in INTERFACES]
        self.dead = [0] * len(INTERFACES)
        self.rejected_since = [NULL] * len(INTERFACES)
        self._buried: list[set[int]] = [set() for _ in INTERFACES]
        self.gaps: dict[GapKey, Gap] = {}
        self._firsts: dict[tuple[int, int], dict[int, None]] = {}
        self._waiting: list[tuple[int, GapKey]] = []
        self._maintenance: list[tuple[int, int, int]] = []
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.gaps_opened: list[Gap] = []
        self.gaps_due: list[Gap] = []
        self.gaps_closed: list[Gap] = []
        self.doubled: list[Signal] = []
        self.dead_letters: list[Signal] = []
        self.rejections: list[Signal] = []
        self.outages: list[Signal] = []
        self.recoveries: list[int] = []
        self.rises: list[tuple[int, int, int]] = []
        self.hour_closed = False

    def measure(self, now: int, block: Block) -> None:
        """Telemetry of an hour; what a gateway counts has no location."""
        unavailable = integers(block, "status") == STATUS["unavailable"]
        for interface in np.unique(integers(block, "interface")[~unavailable]).tolist():
            if self.is_down(interface):
                # Nobody said that it is back, and it is.
                self._come_back(now, interface)
        for signal in _signals(block.take(unavailable)) if unavailable.any() else ():
            self._go_down(now, signal)
        placed = integers(block, "location") >= 0
        if not placed.all():
            block = block.take(placed)
        interface, location = integers(block, "interface"), integers(block, "location")
        count = integers(block, "count")
        self.delivered[interface, location] = count
        np.add.at(self._total, (interface, location), count)
        self.latency_p95[interface, location] = np.maximum(integers(block, "latency_p95_ms"), 0)
        # Rows of one interface and location come in order, so the last is the highest.
        self.high[interface, location] = np.maximum(self.high[interface, location], integers(block, "sequence"))
        self.hour_closed = True

    def gap(self, now: int, block: Block) -> None:
        """Gaps that opened or were filled, and numbers that came twice."""
        counts = integers(block, "count").tolist()
        closed = (integers(block, "status") == STATUS["closed"]).tolist()
        for signal, count, is_closed in zip(_signals(block), counts, closed, strict=True):
            if is_closed:
                self._fill(signal, count)
            elif count < 0 and count != NULL:
                self.doubled.append(signal)
            else:
                gap = Gap(signal.interface, signal.location, signal.sequence, max(1, count), now, signal.event_id)
                self._open(gap)

    def await_gap(self, gap: Gap, due_at: int, *, is_line: bool) -> None:
        """Say when an open gap is past excuse, and whether it is a single line of a batch."""
        self.gaps[gap.key] = replace(gap, is_line=is_line)
        heapq.heappush(self._waiting, (due_at, gap.key))

    def retry(self, now: int, block: Block) -> None:
        """Retries; those of a whole interface are an outage."""
        attempts = integers(block, "attempt").tolist()
        by_interface: dict[int, set[int]] = {}
        codes = integers(block, "code").tolist()
        for signal, attempt, code in zip(_signals(block), attempts, codes, strict=True):
            if signal.location < 0 and (code in _HARMLESS or (code == _THROTTLED and not _is_fed(signal))):
                continue
            places = by_interface.setdefault(signal.interface, set())
            places.add(signal.location)
            if signal.location < 0 or attempt >= RETRY_ATTEMPTS_MIN or len(places) >= RETRY_LOCATIONS_MIN:
                self._go_down(now, signal)

    def die(self, now: int, block: Block) -> None:
        """Messages that were given up, or rejected at once."""
        rejected = (integers(block, "code") == CODE["schema"]).tolist()
        for signal, is_rejected in zip(_signals(block), rejected, strict=True):
            self.dead[signal.interface] += 1
            self._buried[signal.interface].add(signal.document_id)
            if not is_rejected:
                self.dead_letters.append(signal)
            elif self.rejected_since[signal.interface] == NULL:
                self.rejected_since[signal.interface] = now
                self.rejections.append(replace(signal, location=NO_CODE))

    def redriven(self, interface: int) -> None:
        """Dead letters were put back on the wire."""
        self.dead[interface] = 0
        self._buried[interface].clear()
        self.rejected_since[interface] = NULL

    def is_buried(self, interface: int, document: int) -> bool:
        """Whether a document lies with the dead letters of an interface."""
        return document != NULL and document in self._buried[interface]

    def recover(self, now: int, block: Block) -> None:
        """Interfaces that are back."""
        for interface in dict.fromkeys(integers(block, "interface").tolist()):
            self._come_back(now, interface)

    def announce(self, block: Block) -> None:
        """Announced maintenance: the interface is down on purpose."""
        rows = np.flatnonzero(integers(block, "status") == STATUS["maintenance"])
        columns = (integers(block, name)[rows].tolist() for name in ("interface", "occurred_at", "due_at"))
        self._maintenance.extend(zip(*columns, strict=True))

    def finish(self, now: int) -> None:
        """Find the gaps whose service level has passed; on a disturbed interface they wait on."""
        if self.hour_closed:
            self._find_rises()
        while self._waiting and self._waiting[0][0] <= now:
            _, key = heapq.heappop(self._waiting)
            gap = self.gaps.get(key)
            if gap is None:
                continue
            if self.is_disturbed(now, gap.interface):
                heapq.heappush(self._waiting, (now + HOUR, key))
            else:
                self.gaps_due.append(gap)

    def end_day(self, now: int) -> None:
        """Forget gaps that nobody filled for a fortnight, and maintenance that is over."""
        horizon = now - _FORGET_HOURS * HOUR
        for gap in [gap for gap in self.gaps.values() if gap.seen_at < horizon]:
            self._drop(gap)
        self._maintenance = [window for window in self._maintenance if window[2] > now]

    def lines(self) -> IntArray:
        """How many lines each interface has delivered so far, as its telemetry says; shape (interfaces,)."""
        delivered: IntArray = self._total.sum(axis=1)
        return delivered

    def is_down(self, interface: int) -> bool:
        """Whether an interface is in an outage."""
        return 0 <= interface < len(self.down_since) and self.down_since[interface] != NULL

    def is_disturbed(self, now: int, interface: int) -> bool:
        """Whether an interface is down, or came back so lately that its backlog still drains."""
        return self.is_down(interface) or now - self.recovered_at[interface] < DRAIN_HOURS * HOUR

    def is_explained(self, interface: int, sent_at: int) -> bool:
        """Whether a message sent at that time met an outage, and so waits in its backlog."""
        return any(
            begin - HOUR <= sent_at and (end == NULL or sent_at <= end) for begin, end in self.outage_spans[interface]
        )

    def gap_over(self, interface: int, location: int, sequence: int) -> Gap | None:
        """The open gap that holds a sequence number."""
        for first in self._firsts.get((interface, location), ()):
            gap = self.gaps[interface, location, first]
            if 0 <= sequence - first < gap.count:
                return gap
        return None

    def _find_rises(self) -> None:
        """More lines were delivered than numbers were used: what is on its way can only make them fewer."""
        surplus = self._total - self.high - 1
        for gap in self.gaps.values():
            # Of a gap only what lies below the highest number was passed over.
            passed = int(self.high[gap.interface, gap.location]) + 1 - gap.first
            surplus[gap.interface, gap.location] += min(max(0, passed), gap.count)
        rose = surplus > self._surplus
        if rose.any():
            where = np.nonzero(rose)
            lines = (surplus - self._surplus)[where]
            self.rises = list(zip(where[0].tolist(), where[1].tolist(), lines.tolist(), strict=True))
            np.maximum(self._surplus, surplus, out=self._surplus)

    def _open(self, gap: Gap) -> None:
        if gap.key not in self.gaps:
            self.gaps[gap.key] = gap
            self._firsts.setdefault((gap.interface, gap.location), {})[gap.first] = None
            self.gaps_opened.append(gap)

    def _drop(self, gap: Gap) -> None:
        del self.gaps[gap.key]
        del self._firsts[gap.interface, gap.location][gap.first]

    def _go_down(self, now: int, signal: Signal) -> None:
        if self.is_down(signal.interface) or self._is_maintained(now, signal.interface):
            return
        self.down_since[signal.interface] = now
        self.outage_spans[signal.interface] = [*self.outage_spans[signal.interface][-3:], (now, NULL)]
        self.outages.append(replace(signal, location=NO_CODE))

    def _come_back(self, now: int, interface: int) -> None:
        if self.is_down(interface):
            self.outage_spans[interface][-1] = (self.down_since[interface], now)
        self.down_since[interface] = NULL
        self.recovered_at[interface] = now
        self.recoveries.append(interface)

    def _is_maintained(self, now: int, interface: int) -> bool:
        return any(begin <= now <= end and which in {NO_CODE, interface} for which, begin, end in self._maintenance)

    def _fill(self, signal: Signal, count: int) -> None:
        gap = self.gaps.get((signal.interface, signal.location, signal.sequence))
        if gap is None:
            return
        self._drop(gap)
        if 0 < count < gap.count:
            self._open(replace(gap, first=gap.first + count, count=gap.count - count))
            gap = replace(gap, count=count)
        self.gaps_closed.append(gap)


def _is_fed(signal: Signal) -> bool:
    """Whether messages wait at an interface; calls that are refused do not."""
    return not INTERFACES[signal.interface].startswith("web_")


def _signals(block: Block) -> list[Signal]:
    names = ("interface", "location", "sequence", "document_id", "event_id")
    return [Signal(*values) for values in zip(*(integers(block, name).tolist() for name in names), strict=True)]
