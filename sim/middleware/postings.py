"""ERP's posting queue: what the interfaces of a region deliver to ERP is booked in order, so many lines a tick.

Capacity is ``middleware.posting_headroom`` times what the shops sell in a mean tick. What comes when it is used up
waits in order, and the books and posting rows come later: after the night's documents and files, at a peak, and after
an outage, when the retries find ERP up all at once. A batch is booked whole, and what it takes beyond a tick's capacity
is missing from the next, so that no more than the capacity is booked in the long run.

What waits behind the retries of an outage waits because of it: the outage's fault holds it up too, as it does the
retries themselves, and the outage is over when all are booked. A wait with no fault behind it is no exception, however
long. What was expedited goes ahead.
"""

from __future__ import annotations

from collections import deque
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
        #: Faults whose retries have come since the queue was empty.
        self._behind: dict[int, None] = {}

    def work(self) -> None:
        """A tick ends: book what its capacity allows of what waits. Comes before what the tick delivers."""
        self._left = min(self.capacity, self._left + self.capacity)
        while self.waiting and self._left > 0.0:
            poster, flight = self.waiting.popleft()
            self._left -= len(flight.messages)
            poster.arrive(flight)
        if not self.waiting:
            self._behind.clear()

    def take(self, poster: Poster, flight: Flight) -> None:
        """Book what an interface has just let in, at once if there is capacity left."""
        rules = self._room.rules
        faults = [rules.fault_of(ticket) for ticket in flight.tickets]
        if flight.attempt:
            self._behind.update(dict.fromkeys(faults))
        if flight.is_urgent or (not self.waiting and self._left > 0.0):
            self._left -= len(flight.messages)
            poster.arrive(flight)
            return
        flight.due = None
        flight.tickets += [rules.hold_up(fault, flight.messages.cell) for fault in self._behind
                           if fault not in faults and self._room.truth.holds(fault)]
        self.waiting.append((poster, flight))

    def of(self, poster: Poster) -> list[Flight]:
        """What waits of one interface."""
        return [flight for whose, flight in self.waiting if whose is poster]

    def drop(self, poster: Poster, flight: Flight) -> None:
        """Take something out, if it is there."""
        if (poster, flight) in self.waiting:
            self.waiting.remove((poster, flight))

    def report_hour(self, now: int) -> None:
        """At the end of an hour: how many lines wait, told for the interface of the oldest; nothing where none do."""
        if not self.waiting:
            return
        room, interface, at = self._room, self.waiting[0][0].interface, np.array([now + BOOKING])
        # The flag tells it from the traffic of the interface.
        event = room.ids.one(Kind.CHANNEL, channel_key(interface, 0, room.tick_of(now)) | 1, TRAFFIC)
        room.stream.emit(
            "telemetry", 1, event_id=np.array([event]), occurred_at=at - BOOKING, recorded_at=at, available_at=at,
            source=SOURCE["ERP"], interface=interface, status=STATUS["pending"],
            count=sum(len(flight.messages) for _, flight in self.waiting),
        )
