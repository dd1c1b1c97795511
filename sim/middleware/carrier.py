"""What every interface has that carries documents: a door, a contract, retries, dead letters and telemetry.

Flights wait by the tick in which they are due. What is due knocks at the door at the end of its tick:

- in announced maintenance it waits until the door opens;
- an outage turns it away (a throttled interface only some), and it is retried with exponential backoff and given up
  to the dead-letter queue after the last attempt;
- what the interface no longer understands since a release is a dead letter at once.

What an interface does with what it has let in is its own: a feed books lines (:mod:`sim.middleware.feed`), a mailbox
hands documents over (:mod:`sim.middleware.mailbox`).
"""

from __future__ import annotations

from sim.clock import MINUTE, TICK
from sim.draws import WORLD_IDS
from sim.middleware.contracts import Contract
from sim.middleware.door import Door
from sim.middleware.flights import Flight
from sim.middleware.letters import DeadLetters
from sim.middleware.monitor import Monitor
from sim.room import Room


class Carrier:
    """One interface of a region.

    Args:
        room: the region.
        interface: its code.
        by_document: its lines belong to documents; else a place's lines of a tick belong together.

    Attributes:
        door: whether anything is let through.
        contract: what is understood.
        dead: flights given up.
        monitor: its telemetry.
    """

    def __init__(self, room: Room, interface: int, *, by_document: bool) -> None:
        self.room, self.interface, self.by_document = room, interface, by_document
        self._pending: dict[int, list[Flight]] = {}
        self.door = Door(room, interface)
        self.dead = DeadLetters(room, interface, by_document=by_document)
        self.contract = Contract(room, interface, self.dead, by_document=by_document)
        self.monitor = Monitor(room, interface)

    def pend(self, flight: Flight, due: int) -> None:
        """Let a flight wait until ``due``."""
        self._pending.setdefault(due // TICK, []).append(flight)

    def admit(self, tick: int) -> list[Flight]:
        """What is due in the tick with absolute number ``tick`` and is let in at its end."""
        flights = self._pending.pop(tick, None)
        if not flights:
            return []
        if self.door.is_shut(tick * TICK):
            for flight in flights:
                flight.due = None
                self.pend(flight, self.door.shut_until)
            return []
        if self.door.outage is not None:
            flights = self._knock(flights, tick)
        if self.contract.is_broken:
            flights = self.contract.sift(flights)
        return flights

    def _knock(self, flights: list[Flight], tick: int) -> list[Flight]:
        """Flights that an outage lets in; the others try again later, or are given up."""
        outage, middleware = self.door.outage, self.room.config.middleware
        assert outage is not None
        turned_away = [f for f in flights if self.door.refuses(int(f.messages.key[0]), f.attempt)]
        for flight in turned_away:
            flight.attempt += 1
            flight.turned_away_by = outage.fault
            if flight.attempt == 1:
                flight.tickets.append(self.room.rules.hold_up(outage.fault, flight.awaited))
            if flight.attempt > middleware.retry_max_attempts:
                self.dead.bury(flight, "timeout", "unavailable")
                continue
            wait = middleware.retry_base_minutes * MINUTE * 2.0**flight.attempt
            self._pending.setdefault(tick + max(1, round(wait / TICK)), []).append(flight)
        if turned_away:
            self.door.tell(outage.code, "unavailable", max(f.attempt for f in turned_away),
                           sum(len(f.messages) for f in turned_away))
        away = set(turned_away)
        return [f for f in flights if f not in away]

    def redrive(self, by: int) -> tuple[str, int]:
        """Put the dead letters back on the wire."""
        if self.door.outage is not None:
            return "the interface is down", 0
        flights = self.dead.take_all()
        if not flights:
            return "no dead letters", 0
        for flight in flights:
            flight.by = by
            self._link(by, [self.room.rules.fault_of(ticket) for ticket in flight.tickets])
            self.pend(flight, self.room.now + TICK)
        return "", len(flights)

    def _settle(self, flight: Flight) -> None:
        """What a flight held up is held up no longer: it has arrived."""
        for ticket in flight.tickets:
            self.room.rules.let_go(ticket, flight.by)
        flight.tickets.clear()

    def _link(self, by: int, faults: list[int]) -> None:
        """An operator's action cleared something of these faults."""
        if by >= WORLD_IDS:
            for fault in dict.fromkeys(faults):
                self.room.truth.lineage(by, fault)

    def report_hour(self, now: int) -> None:
        """At the end of an hour: the telemetry."""
        self.monitor.report_hour(now, available=self.door.outage is None, version=self.contract.version)
