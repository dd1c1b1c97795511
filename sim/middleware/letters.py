"""Letters that an interface could not deliver: they wait until someone puts them back on the wire.

A letter dies when its retries are used up (code ``timeout``), or at once when the interface
understands it no longer (code ``schema``). Either way the middleware shows a row.
"""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND
from sim.draws import BODY_BITS, Kind, Purpose, keyed_int
from sim.events import CODE, NULL, SOURCE, STATUS
from sim.middleware.flights import DEAD, Flight, channel_key
from sim.room import Room


class DeadLetters:
    """The dead-letter queue of one interface.

    Args:
        room: the region.
        interface: its code.
        by_document: its letters belong to documents.
    """

    def __init__(self, room: Room, interface: int, *, by_document: bool) -> None:
        self._room, self._interface, self._by_document = room, interface, by_document
        self._deaths: dict[int, int] = {}
        self.flights: list[Flight] = []

    def bury(self, flight: Flight, code: str, status: str) -> None:
        """Give a flight up, and say so."""
        self.flights.append(flight)
        room, m = self._room, flight.messages
        assert m.sequence is not None
        at = np.array([room.now - 1 - SECOND])
        event = self._event(int(m.location[0]), int(m.sequence[0]))
        for ticket in flight.tickets:
            room.truth.lineage(event, room.rules.fault_of(ticket))
        document = int(m.document_id[0]) if self._by_document else NULL
        room.stream.emit(
            "dead_letter", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at, available_at=at + SECOND,
            source=SOURCE["MIDDLEWARE"], interface=self._interface, location=int(m.location[0]), code=CODE[code],
            status=STATUS[status], sequence=int(m.sequence[0]), count=len(m), attempt=flight.attempt,
            document_type=m.document_type, document_id=document,
        )

    def _event(self, location: int, sequence: int) -> int:
        """The id of the row: a letter that was redriven and dies again is another row."""
        room = self._room
        body = channel_key(self._interface, location, sequence)
        deaths = self._deaths.get(body, 0)
        self._deaths[body] = deaths + 1
        if not deaths:
            return room.ids.one(Kind.CHANNEL, body, DEAD)
        bits = keyed_int(room.seed, Purpose.IDS, 7001, room.region, body, deaths)
        return room.ids.one(Kind.REPAIR, bits >> (64 - BODY_BITS))

    def holds(self, location: int, sequence: int) -> bool:
        """Whether a line lies here."""
        for flight in self.flights:
            numbers = flight.messages.sequence
            if numbers is not None and ((flight.messages.location == location) & (numbers == sequence)).any():
                return True
        return False

    def take_all(self) -> list[Flight]:
        """Empty the queue; its letters start afresh, with no attempt behind them."""
        flights, self.flights = self.flights, []
        for flight in flights:
            flight.attempt, flight.due = 0, None
        return flights
