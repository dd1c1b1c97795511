"""ERP's posting queue: what the interfaces of a region deliver to ERP is booked in order, so many lines a tick.

Capacity is ``middleware.posting_headroom`` times what the shops sell in a mean tick. What comes when it is used up
waits in order, and the books and posting rows come later: after the night's documents and files, at a peak, and after
an outage, when the retries find ERP up all at once. A batch is booked whole, and what it takes beyond a tick's capacity
is missing from the next, so that no more than the capacity is booked in the long run.

What was turned away by an outage, or by a mapping that broke, comes at once when it is let in again. What waits
behind that waits because of it: the same fault holds it up too, and is over when all are booked; from the tick on whose
work leaves ERP time to spare nobody waits for it any more. A wait with no fault behind it is no exception, however
long; where it lasts past the service level it is told as benign. What was expedited goes ahead.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Protocol

import numpy as np

from sim.clock import TICKS_PER_DAY
from sim.draws import Kind
from sim.events import SOURCE, STATUS
from sim.middleware.flights import BOOKING, TRAFFIC, Flight, channel_key
from sim.room import Room

#: Lines a tick that the ERP of even a very small chain can post. Assumption.
_LEAST = 100.0


class Poster(Protocol):
    """An interface whose consumer is ERP."""

    interface: int
    by_document: bool
    #: How long its consumer may take, microseconds.
    service: int

    def arrive(self, flight: Flight) -> None:
        """Book what has come."""
        ...


class PostingQueue:
    """The queue of a region's ERP.

    Args:
        room: the region.

    Attributes:
        capacity: lines a tick.
        waiting: what came and is not booked, the oldest first.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        sold = float(room.economy.rate.sum()) / TICKS_PER_DAY
        self.capacity = max(_LEAST, room.config.middleware.posting_headroom * sold)
        self.waiting: deque[tuple[Poster, Flight]] = deque()
        self._left = self.capacity
        #: Faults whose backlog has come since ERP last had time to spare.
        self._behind: dict[int, None] = {}

    def work(self) -> None:
        """A tick ends: book what its capacity allows of what waits. Comes before what the tick delivers."""
        self._left = min(self.capacity, self._left + self.capacity)
        while self.waiting and self._left > 0.0:
            poster, flight = self.waiting.popleft()
            self._left -= len(flight.messages)
            self._tell_late(poster, flight)
            poster.arrive(flight)
        if self._behind and not self.waiting and self._left > 0.0:
            for fault in self._behind:
                self._room.truth.release(fault)
            self._behind.clear()

    def take(self, poster: Poster, flight: Flight) -> None:
        """Book what an interface has just let in, at once if there is capacity left."""
        rules = self._room.rules
        faults = [rules.fault_of(ticket) for ticket in flight.tickets]
        behind = list(self._behind)
        at_once = flight.is_urgent or (not self.waiting and self._left > 0.0)
        if at_once:
            self._left -= len(flight.messages)
        if flight.turned_away_by >= 0 and (not at_once or self._left < 0.0):
            self._hold(flight.turned_away_by)
        flight.turned_away_by = -1
        if at_once:
            poster.arrive(flight)
            return
        flight.due = None
        flight.tickets += [rules.hold_up(fault, flight.messages.cell) for fault in behind if fault not in faults]
        self.waiting.append((poster, flight))

    def _hold(self, fault: int) -> None:
        """A fault lasts until ERP has time to spare again."""
        if fault not in self._behind:
            self._room.truth.hold(fault)
            self._behind[fault] = None

    def _tell_late(self, poster: Poster, flight: Flight) -> None:
        """Documents that waited past their service level with no fault behind them: slow, and nothing is wrong."""
        room, messages = self._room, flight.messages
        if flight.tickets or flight.fault >= 0 or not poster.by_document:
            return
        late = room.now - messages.sent_at > poster.service
        for document in np.unique(messages.document_id[late]).tolist():
            first = int(np.flatnonzero(messages.document_id == document)[0])
            room.truth.decoy("posting_backlog", (poster.interface, int(messages.key[first])),
                             int(messages.sent_at[first]), room.now, location=int(messages.location[first]),
                             document_id=document)

    @property
    def is_busy(self) -> bool:
        """Whether what came now would have to wait."""
        return bool(self.waiting) or self._left <= 0.0

    def of(self, poster: Poster) -> list[Flight]:
        """What waits of one interface."""
        return [flight for whose, flight in self.waiting if whose is poster]

    def drop(self, poster: Poster, flight: Flight) -> None:
        """Take something out, if it is there."""
        if (poster, flight) in self.waiting:
            self.waiting.remove((poster, flight))

    def report_hour(self, now: int) -> None:
        """At the end of an hour: how many lines of each interface wait; nothing where none do."""
        lines: Counter[int] = Counter()
        for poster, flight in self.waiting:
            lines[poster.interface] += len(flight.messages)
        if not lines:
            return
        room, at = self._room, np.full(len(lines), now + BOOKING)
        interface = np.array(sorted(lines), np.int64)
        # The flag tells it from the traffic of the interface.
        key = channel_key(interface, np.zeros_like(interface), room.tick_of(now), 1)
        event = room.ids.of(Kind.CHANNEL, key, TRAFFIC)
        room.stream.emit(
            "telemetry", len(lines), event_id=event, occurred_at=at - BOOKING, recorded_at=at, available_at=at,
            source=SOURCE["ERP"], interface=interface, status=STATUS["pending"],
            count=np.array([lines[one] for one in interface.tolist()]),
        )
