"""The contract of an interface: the version of its messages, and what it no longer understands.

A release raises the version. One that breaks the mapping of a kind of document makes the interface
reject that kind, from some or from all places: each document is a dead letter at once, with the
code ``schema``, until someone mends the mapping. Mending delivers nothing: the letters must be redriven.

Under one canonical event model a message is validated where it is made, so a release that would
break a mapping is refused there and never comes into force.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sim.clock import DAY
from sim.events import NO_CODE
from sim.middleware.flights import Flight
from sim.middleware.letters import DeadLetters
from sim.room import Room

#: The version with which the canonical model starts, on all interfaces alike.
CANONICAL_VERSION = 100


class Contract:
    """What one interface understands.

    Args:
        room: the region.
        interface: its code.
        dead: where it leaves what it rejects.
        by_document: a letter is a document; else it is what a place sent.

    Attributes:
        version: of its messages.
        fault: of the mapping that broke last; -1 before any did.
        listeners: told when it rejects something for the first time since a release.
    """

    def __init__(self, room: Room, interface: int, dead: DeadLetters, *, by_document: bool) -> None:
        self._room, self._interface, self._dead, self._by_document = room, interface, dead, by_document
        self.version = 1
        self.listeners: list[Callable[[], None]] = []
        self._rejects, self.fault, self._exception = NO_CODE, -1, -1
        self._places = np.zeros(room.locations, np.bool_)

    @property
    def is_broken(self) -> bool:
        """Whether a kind of document is rejected."""
        return self._rejects != NO_CODE

    def break_map(self, document_type: int, places: npt.NDArray[np.bool_], fault: int) -> None:
        """From now on reject documents of one kind from some places."""
        self._rejects, self._places, self.fault, self._exception = document_type, places, fault, -1

    def mend(self) -> int:
        """The mapping is right again; returns the number of the fault, or -1 where nothing was broken."""
        if not self.is_broken:
            return -1
        self._rejects = NO_CODE
        self._room.truth.end(self.fault, self._room.now)
        return self.fault

    def sift(self, flights: list[Flight]) -> list[Flight]:
        """Bury what is rejected; returns what is understood."""
        understood: list[Flight] = []
        for flight in flights:
            messages = flight.messages
            bad = self._places[messages.location]
            if messages.document_type != self._rejects or not bad.any():
                understood.append(flight)
            elif bad.all() or flight.tickets or flight.gap is not None or flight.fault >= 0:
                self._reject(flight)
            else:
                understood.append(_part(flight, ~bad))
                self._reject(_part(flight, bad))
        return understood

    def _reject(self, flight: Flight) -> None:
        """Every document, or every place's lines, is a letter of its own."""
        group = flight.messages.document_id if self._by_document else flight.messages.location
        names = np.unique(group)
        is_fresh = not flight.tickets and flight.gap is None and flight.fault < 0
        if len(names) > 1 and is_fresh:
            for name in names.tolist():
                self._bury(_part(flight, group == name))
        else:
            self._bury(flight)

    def _bury(self, flight: Flight) -> None:
        room, cells = self._room, flight.messages.cell
        flight.turned_away_by = self.fault
        if not any(room.rules.fault_of(ticket) == self.fault for ticket in flight.tickets):
            flight.tickets.append(room.rules.hold_up(self.fault, flight.awaited))
        self._dead.bury(flight, "schema", "rejected")
        if self._exception < 0:
            stake = float((np.abs(flight.messages.on_hand) * room.economy.margin[cells]).sum())
            onset = room.truth.faults.onset[self.fault]
            self._exception = room.truth.open_exception(
                "schema_drift", (self._interface, onset // DAY), "schema_drift", [self.fault], room.now - 1,
                interface=self._interface, first_evidence_at=room.now - 1, loss_at_stake=stake,
            )
            for tell in self.listeners:
                tell()


def _part(flight: Flight, rows: npt.NDArray[np.bool_]) -> Flight:
    """Some lines of a flight that nothing holds up."""
    due = None if flight.due is None else flight.due[rows]
    return Flight(flight.messages.take(rows), attempt=flight.attempt, by=flight.by, second=flight.second, due=due)
