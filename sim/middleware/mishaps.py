"""What goes wrong with a message: late, lost, or applied twice.

Each mishap is drawn by the key of the line or document below its fault's rate, so that leaving one
out moves no other. A batch that is late and still inside its service level is no fault but a decoy.

A consumer knows what it has applied by its idempotency key. What comes again under the same key is recognised and
dropped, and that is a decoy; what its sender sends again under a new key is applied twice, and that is the fault.
Either can only come after the first of it was applied: what is lost, late or dead has not been.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR, TICK
from sim.draws import Purpose, fold, fold_many, keyed_int, lognormal_int, threshold, uniform_int
from sim.ledger import Belief
from sim.middleware.door import Door
from sim.middleware.flights import BOOKING, Address, Flight, Register, Trouble, address_of
from sim.middleware.letters import DeadLetters
from sim.middleware.messages import Messages
from sim.middleware.monitor import Monitor
from sim.room import Room

I64 = npt.NDArray[np.int64]

#: A batch later than this behind its send shows as a gap. Assumption.
_OVERTAKEN = HOUR


#: Where the band of harmless redeliveries starts in a line's draw.
_MIDDLE = np.uint64(1 << 63)


def _second_time(due: int, bits: int) -> int:
    """When a message comes again: a quarter of an hour to some hours later."""
    return due + HOUR // 4 + int(uniform_int(keyed_int(bits, Purpose.DUPLICATE)) * 6 * HOUR)


class Wire(Protocol):
    """What mishaps need of the interface they happen to."""

    interface: int
    beliefs: tuple[Belief, ...]
    posts_rows: bool
    service: int
    monitor: Monitor
    late: dict[Address, Flight]
    lost: Register
    doubled: Register
    door: Door
    dead: DeadLetters

    def pend(self, flight: Flight, due: int) -> None:
        """Let a flight wait until ``due``."""
        ...

    def tell(self, messages: Messages) -> None:
        """Tell the listeners what was booked."""
        ...

    def emit_postings(
        self, messages: Messages, at: I64, *, attempt: int = 1, second: bool = False, by: int = -1
    ) -> I64:
        """Show ERP's rows of document lines."""
        ...


class Mishaps:
    """The message faults of one interface.

    Args:
        feed: the interface.
        room: the region.
    """

    def __init__(self, feed: Wire, room: Room) -> None:
        self._feed, self._room = feed, room
        # The parts of the keys that never change, folded once.
        self._late_key, self._lag_key, self._line_key = (
            keyed_int(room.seed, purpose, room.region, feed.interface)
            for purpose in (Purpose.VALID_LATE, Purpose.LAG, Purpose.DROP)
        )
        self._drop_below = room.plan.below("dropped_message")
        self._double_below = room.plan.below("duplicate_message")
        self._again_below = threshold(room.config.middleware.redelivery_rate)
        self._lag_below = room.plan.below("posting_lag") if feed.posts_rows else np.uint64(0)
        self._valid_late_below = threshold(room.config.middleware.valid_late_rate)

    def slow_down(self, messages: Messages, first: npt.NDArray[np.intp], counts: I64, latency: I64, slot: int,
                     key: I64) -> list[int]:
        """Send the groups that come late on a flight of their own; returns their rows."""
        bits = fold_many(fold(self._late_key, slot), key)
        chosen = bits < self._valid_late_below
        may_lag = messages.document_grain and bool(self._lag_below)
        if may_lag:
            lag_bits = fold_many(self._lag_key, key)
            chosen |= lag_bits < self._lag_below
        if not chosen.any():
            return []
        rows: list[int] = []
        for row in np.flatnonzero(chosen).tolist():
            part = messages.take(slice(int(first[row]), int(first[row] + counts[row])))
            nominal = int(part.sent_at[0]) + int(latency[row])
            lagging = may_lag and bool(lag_bits[row] < self._lag_below)
            flight = self._lagging(part) if lagging else None
            if flight is None:
                if not bits[row] < self._valid_late_below:
                    continue
                flight = self._valid_late(part, nominal, int(bits[row]))
            rows.append(row)
            sequence = part.sequence
            assert sequence is not None
            flight.gap = (int(part.location[0]), int(sequence[0]))
            self._feed.monitor.open_gap(flight.gap, len(part), nominal)
            self._feed.late[flight.gap] = flight
        return rows

    def _valid_late(self, part: Messages, nominal: int, bits: int) -> Flight:
        """A batch that is late and inside its service level: no fault, a decoy."""
        room = self._room
        spread = self._feed.service - _OVERTAKEN - HOUR // 2
        due = nominal + _OVERTAKEN + int(uniform_int(keyed_int(bits, Purpose.VALID_LATE)) * max(0, spread))
        due = min(due, int(part.sent_at[0]) + self._feed.service - TICK)
        room.truth.decoy("valid_late_update", (self._feed.interface, int(part.key[0])), int(part.sent_at[0]), due,
                         location=int(part.location[0]), document_id=int(part.document_id[0]))
        flight = Flight(part)
        self._feed.pend(flight, due)
        return flight

    def _lagging(self, part: Messages) -> Flight | None:
        """A document that ERP posts long after its service level, or None where it was left out."""
        room = self._room
        document = int(part.document_id[0])
        fault_id = room.truth.fault_id("posting_lag", self._feed.interface, document)
        if not room.plan.strikes("posting_lag", fault_id, int(part.sent_at[0]), location=int(part.location[0]),
                                 interface=self._feed.interface):
            return None
        spec = room.config.faults.posting_lag
        hours = lognormal_int(keyed_int(room.seed, Purpose.LAG, document, 1), spec.hours, spec.sigma)
        sent = int(part.sent_at[0])
        due = sent + self._feed.service + int(max(hours, 0.5) * HOUR)
        units = int(np.abs(part.on_hand).sum())
        fault = room.truth.fault("posting_lag", fault_id, sent, location=int(part.location[0]), document_id=document,
                                 interface=self._feed.interface, magnitude=hours, units=units)
        flight = Flight(part, tickets=[room.rules.hold_up(fault, part.cell)])
        self._feed.pend(flight, due)
        room.truth.lineage(room.ids.scramble(part.key), fault)
        room.at(sent + self._feed.service, lambda: self._breach(flight, fault, document))
        return flight

    def _breach(self, flight: Flight, fault: int, document: int) -> None:
        """A lagging document passes its service level: the exception opens unless it was hastened."""
        if not flight.tickets:
            return
        room, part = self._room, flight.messages
        stake = float((np.abs(part.on_hand) * room.economy.margin[part.cell]).sum())
        room.truth.open_exception("posting_lag", (self._feed.interface, document), "posting_lag", [fault], room.now,
                                  location=int(part.location[0]), document_id=document, interface=self._feed.interface,
                                  sequence=address_of(part)[1], first_evidence_at=room.now, loss_at_stake=stake)

    def lose_and_repeat(self, messages: Messages, due: I64, normal: npt.NDArray[np.bool_]) -> None:
        """Lose some lines and repeat others.

        Args:
            messages: the lines.
            due: when each should arrive.
            normal: rows that travel as they should; the lost ones are taken out.
        """
        bits = fold_many(self._line_key, messages.key)
        lost = bits < self._drop_below
        twice = bits > np.uint64(0xFFFFFFFFFFFFFFFF) - self._double_below
        if lost.any():
            for row in np.flatnonzero(lost & normal).tolist():
                if self._lose(messages.take(slice(row, row + 1)), int(due[row])):
                    normal[row] = False
        if self._double_below and twice.any():
            for row in np.flatnonzero(twice & normal).tolist():
                self._repeat(messages.take(slice(row, row + 1)), int(due[row]), int(bits[row]))
        if self._again_below:
            # Another band of the same draw, far from the others.
            again = (bits - _MIDDLE < self._again_below) & ~twice
            for row in np.flatnonzero(again & normal).tolist():
                self._redeliver(messages.take(slice(row, row + 1)), int(due[row]), int(bits[row]))

    def _lose(self, line: Messages, due: int) -> bool:
        room = self._room
        fault_id = room.truth.fault_id("dropped_message", self._feed.interface, int(line.key[0]))
        if not self._strikes("dropped_message", fault_id, line) or not self._says_something(line):
            return False
        cell = int(line.cell[0])
        event = int(room.ids.scramble_int(int(line.key[0])))
        fault = self._line_fault("dropped_message", fault_id, line, int(line.sent_at[0]))
        room.truth.lineage(event, fault)
        for b in self._feed.beliefs:
            room.ledger.drop(b, cell, line.units_of(0, b), fault, room.now)
        room.rules.touch(line.cell)
        place = address_of(line)
        self._feed.monitor.open_gap(place, 1, due)
        hour_end = (due // HOUR + 1) * HOUR
        exception = self._line_exception("dropped_message", line, fault, due, hour_end + BOOKING)
        self._feed.lost[place] = Trouble(line, fault, exception)
        return True

    def _strikes(self, name: str, fault_id: int, line: Messages) -> bool:
        location, item = divmod(int(line.cell[0]), self._room.items)
        return self._room.plan.strikes(name, fault_id, int(line.sent_at[0]), location=location, item=item,
                                       interface=self._feed.interface)

    def _says_something(self, line: Messages) -> bool:
        """Whether the line changes a book of this interface: losing one that does not harms nobody."""
        return any(line.units_of(0, b) for b in self._feed.beliefs)

    def _repeat(self, line: Messages, due: int, bits: int) -> None:
        room = self._room
        fault_id = room.truth.fault_id("duplicate_message", self._feed.interface, int(line.key[0]))
        if not self._strikes("duplicate_message", fault_id, line) or not self._says_something(line):
            return
        room.at(_second_time(due, bits), lambda: self._apply_again(line, fault_id))

    def _redeliver(self, line: Messages, due: int, bits: int) -> None:
        """A redelivery under the same key, which the consumer recognises: one number twice, and harmless."""
        if self._says_something(line):
            again = _second_time(due, bits)
            self._room.at(again, lambda: self._recognise(line))

    def _recognise(self, line: Messages) -> None:
        room, place, item = self._room, address_of(line), int(line.cell[0]) % self._room.items
        if not self._is_applied(place):
            return
        self._feed.monitor.open_gap(place, -1, room.now)
        room.truth.decoy("redelivery", (self._feed.interface, int(line.key[0])), room.now, room.now + DAY,
                         location=place[0], item=item, document_id=int(line.document_id[0]))

    def _is_applied(self, place: Address) -> bool:
        """Whether a second delivery can come through now, after a first that was applied."""
        feed = self._feed
        waits = place in feed.lost or place in feed.late or feed.dead.holds(*place)
        return feed.door.is_open(self._room.now) and not waits

    def _apply_again(self, line: Messages, fault_id: int) -> None:
        """A redelivery under a new key, that the consumer does not recognise."""
        room = self._room
        place = address_of(line)
        if not self._is_applied(place):
            return
        fault = self._line_fault("duplicate_message", fault_id, line, room.now)
        cell = int(line.cell[0])
        for b in self._feed.beliefs:
            units = line.units_of(0, b)
            if units:
                room.ledger.post_again(b, cell, units, fault, room.now)
        self._feed.tell(line)
        room.rules.touch(line.cell)
        room.truth.lineage(room.ids.scramble_int(int(line.key[0])), fault)
        assert line.sequence is not None
        self._feed.monitor.delivered(line.location, line.sequence)
        evidence = (room.now // HOUR + 1) * HOUR + BOOKING
        if self._feed.posts_rows:
            event = self._feed.emit_postings(line, np.array([room.now]), second=True)
            room.truth.lineage(event, fault)
            evidence = room.now + BOOKING
        exception = self._line_exception("duplicate_message", line, fault, room.now, evidence)
        self._feed.monitor.open_gap(place, -1, room.now)
        self._feed.doubled[place] = Trouble(line, fault, exception)

    def _line_fault(self, name: str, fault_id: int, line: Messages, onset: int) -> int:
        location, item = divmod(int(line.cell[0]), self._room.items)
        units = int(line.on_hand[0])
        return self._room.truth.fault(name, fault_id, onset, location=location, item=item,
                                     document_id=int(line.document_id[0]), interface=self._feed.interface,
                                     magnitude=abs(units), units=units)

    def _line_exception(self, name: str, line: Messages, fault: int, opened: int, evidence: int) -> int:
        room = self._room
        location, item = divmod(int(line.cell[0]), room.items)
        return room.truth.open_exception(
            name, (self._feed.interface, int(line.key[0])), name, [fault], opened, location=location, item=item,
            document_id=int(line.document_id[0]), interface=self._feed.interface, sequence=address_of(line)[1],
            first_evidence_at=evidence,
            loss_at_stake=abs(int(line.on_hand[0])) * room.unit_margin(item),
        )
