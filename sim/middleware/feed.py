"""One interface: messages of a channel on their way to ERP or OMS.

A feed delays, loses, repeats and retries. Latency is drawn per store and tick for tills and per
document for documents; loss and duplication always per line. Flights wait by the tick in which
they are due, so a feed with nothing due does no work.

- An outage fails every delivery while it lasts; the flight is retried with exponential backoff and
  given up to the dead-letter queue after the last attempt.
- Idempotency: a line that was applied is known for ``idempotency_days``; a later replay applies again.
- Sequence numbers: a line that is overtaken shows as a ``sequence_gap`` at the end of the hour, and
  again, closed, when it is filled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import Kind, Purpose, keyed, keyed_int, lognormal, lognormal_int, threshold, uniform_int
from sim.events import CODE, INTERFACE, NULL, SOURCE, STATUS, UNIT
from sim.ledger import Belief
from sim.middleware.messages import Journal, Messages
from sim.room import Room

I64 = npt.NDArray[np.int64]

#: Steps of an event key that a posting adds to its source row's step (see :class:`sim.draws.Ids`).
POSTING_STEP, SECOND_POSTING_STEP = 5, 10
#: A batch later than this behind its send shows as a gap.
_OVERTAKEN = HOUR
#: What the consumer needs until its book shows a message, and the stream its row.
_BOOKING = 20 * SECOND


@dataclass(eq=False)
class Flight:
    """Messages that travel together.

    Attributes:
        attempt: deliveries that failed so far.
        tickets: what the rules hold up because of a fault, let go on arrival.
        gap: (location, first sequence) of the gap it fills, or None.
        by: action that sent or hastened it, or -1.
        fault: of a repair under way, released on arrival; -1 for none.
    """

    messages: Messages
    attempt: int = 0
    tickets: list[int] = field(default_factory=list)
    gap: tuple[int, int] | None = None
    by: int = -1
    fault: int = -1
    second: bool = False


@dataclass(frozen=True)
class Trouble:
    """A line that was lost or applied twice."""

    line: Messages
    fault: int
    exception: int


@dataclass
class Outage:
    """An interface that answers nothing."""

    fault: int
    exception: int
    until: int


class Register(dict[tuple[int, int], Trouble]):
    """Troubles by (location, sequence), and by fault."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[int, tuple[int, int]] = {}

    def __setitem__(self, place: tuple[int, int], trouble: Trouble) -> None:
        super().__setitem__(place, trouble)
        self._places[trouble.fault] = place

    def place_of(self, fault: int) -> tuple[int, int] | None:
        """Where the trouble of a fault stands, or None where it is no longer open."""
        place = self._places.get(fault)
        return place if place in self else None


class Feed:
    """One interface of a region.

    Args:
        room: the region.
        interface: its code.
        beliefs: which books it feeds.
        journal: of the source.
        by_document: latency per document (else per store and tick), and a posting row a line.
    """

    def __init__(self, room: Room, interface: int, beliefs: tuple[Belief, ...], journal: Journal,
                 *, by_document: bool) -> None:
        self.room, self.interface, self.beliefs = room, interface, beliefs
        self.by_document = by_document
        self._journal = journal
        self._posts_rows = by_document and Belief.ERP_ON_HAND in beliefs
        self._pending: dict[int, list[Flight]] = {}
        self._late: dict[tuple[int, int], Flight] = {}
        self.lost = Register()
        self.doubled = Register()
        self.dead: list[Flight] = []
        self.outage: Outage | None = None
        self._gaps: dict[tuple[int, int], list[int]] = {}
        self._unreported: list[tuple[int, int]] = []
        self._closed: list[tuple[int, int, int]] = []
        self._delivered = np.zeros(room.locations, np.int64)
        self._high = np.full(room.locations, -1, np.int64)
        self._latencies: list[tuple[I64, I64, I64]] = []
        faults, scale = room.config.faults, room.config.faults.scale
        self._drop_below = threshold(faults.dropped_message.rate * scale)
        self._double_below = threshold(faults.duplicate_message.rate * scale)
        self._lag_below = threshold(faults.posting_lag.rate * scale) if self._posts_rows else np.uint64(0)
        self._valid_late_below = threshold(room.config.middleware.valid_late_rate)
        self.service = round(room.config.middleware.service_hours * HOUR)

    # -- sending ---------------------------------------------------------------------------------

    def send(self, messages: Messages) -> None:
        """Put lines on the wire; their in-flight is already in the ledger."""
        room = self.room
        group_of = messages.document_id if messages.document_grain else messages.location
        first = np.flatnonzero(np.concatenate([[True], group_of[1:] != group_of[:-1]]))
        counts = np.diff(np.append(first, len(messages)))
        slot = 0 if messages.document_grain else (room.tick_of(int(messages.sent_at[0])) << 4) + messages.document_type + 1
        key = group_of[first].astype(np.int64)
        bits = keyed(room.seed, Purpose.LATENCY, room.region, self.interface, slot, key)
        middleware = room.config.middleware
        minutes = lognormal(bits, middleware.latency_minutes_median, middleware.latency_sigma)
        latency = np.minimum(minutes * MINUTE, 0.9 * HOUR).astype(np.int64)
        self._latencies.append((messages.location[first].astype(np.int64), latency, counts))
        late = self._slow_groups(messages, first, counts, latency, slot, key)
        due = messages.sent_at + np.repeat(latency, counts)
        normal = np.ones(len(messages), np.bool_)
        for row in late:
            normal[first[row] : first[row] + counts[row]] = False
        self._lose_and_repeat(messages, due, normal)
        if normal.all():
            self._schedule(messages, due)
        elif normal.any():
            self._schedule(messages.take(normal), due[normal])

    def _slow_groups(self, messages: Messages, first: npt.NDArray[np.intp], counts: I64, latency: I64, slot: int,
                     key: I64) -> list[int]:
        """Send the groups that come late on a flight of their own; returns their rows."""
        room = self.room
        bits = keyed(room.seed, Purpose.VALID_LATE, room.region, self.interface, slot, key)
        chosen = bits < self._valid_late_below
        may_lag = messages.document_grain and bool(self._lag_below)
        if may_lag:
            lag_bits = keyed(room.seed, Purpose.LAG, room.region, self.interface, key)
            chosen |= lag_bits < self._lag_below
        if not chosen.any():
            return []
        rows: list[int] = []
        for row in np.flatnonzero(chosen).tolist():
            part = messages.take(slice(int(first[row]), int(first[row] + counts[row])))
            nominal = int(part.sent_at[0]) + int(latency[row])
            lagging = may_lag and bool(lag_bits[row] < self._lag_below)
            flight = self._lagging(part, nominal) if lagging else None
            if flight is None:
                if not bits[row] < self._valid_late_below:
                    continue
                flight = self._valid_late(part, nominal, int(bits[row]))
            rows.append(row)
            sequence = part.sequence
            assert sequence is not None
            flight.gap = (int(part.location[0]), int(sequence[0]))
            self._open_gap(flight.gap, len(part), nominal)
            self._late[flight.gap] = flight
        return rows

    def _valid_late(self, part: Messages, nominal: int, bits: int) -> Flight:
        """A batch that is late and inside its service level: no fault, a decoy."""
        room = self.room
        spread = self.service - _OVERTAKEN - HOUR // 2
        due = nominal + _OVERTAKEN + int(uniform_int(keyed_int(bits, Purpose.VALID_LATE)) * max(0, spread))
        due = min(due, int(part.sent_at[0]) + self.service - TICK)
        room.truth.decoy("valid_late_update", (self.interface, int(part.key[0])), int(part.sent_at[0]), due,
                         location=int(part.location[0]), document_id=int(part.document_id[0]))
        flight = Flight(part)
        self._pend(flight, due)
        return flight

    def _lagging(self, part: Messages, nominal: int) -> Flight | None:
        """A document that ERP posts long after its service level, or None where it was left out."""
        room = self.room
        document = int(part.document_id[0])
        fault_id = room.truth.fault_id("posting_lag", self.interface, document)
        if room.truth.is_excluded(fault_id):
            return None
        spec = room.config.faults.posting_lag
        hours = lognormal_int(keyed_int(room.seed, Purpose.LAG, document, 1), spec.hours, spec.sigma)
        sent = int(part.sent_at[0])
        due = sent + self.service + int(max(hours, 0.5) * HOUR)
        units = int(np.abs(part.on_hand).sum())
        fault = room.truth.fault("posting_lag", fault_id, sent, location=int(part.location[0]), document_id=document,
                                 interface=self.interface, magnitude=hours, units=units)
        flight = Flight(part, tickets=[room.rules.hold_up(fault, part.cell)])
        self._pend(flight, due)
        room.truth.lineage(room.ids.scramble(part.key), fault)
        room.at(sent + self.service, lambda: self._breach(flight, fault, document))
        return flight

    def _breach(self, flight: Flight, fault: int, document: int) -> None:
        """A lagging document passes its service level: the exception opens unless it was hastened."""
        if not flight.tickets:
            return
        room, part = self.room, flight.messages
        stake = float((np.abs(part.on_hand) * room.economy.margin[part.cell]).sum())
        room.truth.open_exception("posting_lag", (self.interface, document), "posting_lag", [fault], room.now,
                                  location=int(part.location[0]), document_id=document, interface=self.interface,
                                  sequence=self._place_of(part)[1], first_evidence_at=room.now, loss_at_stake=stake)

    def _schedule(self, messages: Messages, due: I64) -> None:
        """Let lines wait by the tick in which they are due."""
        ticks = due // TICK
        low = int(ticks.min())
        if low == int(ticks.max()):
            self._pending.setdefault(low, []).append(Flight(messages))
            return
        relative = (ticks - low).astype(np.uint8)
        order = np.argsort(relative, kind="stable")
        sizes = np.bincount(relative)
        at = 0
        for offset, size in enumerate(sizes.tolist()):
            if size:
                rows = order[at : at + size]
                self._pending.setdefault(low + offset, []).append(Flight(messages.take(rows)))
            at += size

    def _pend(self, flight: Flight, due: int) -> None:
        self._pending.setdefault(due // TICK, []).append(flight)

    # -- loss and repetition -----------------------------------------------------------------------

    def _lose_and_repeat(self, messages: Messages, due: I64, normal: npt.NDArray[np.bool_]) -> None:
        room = self.room
        bits = keyed(room.seed, Purpose.DROP, room.region, self.interface, messages.key)
        lost = bits < self._drop_below
        twice = bits > np.uint64(0xFFFFFFFFFFFFFFFF) - self._double_below
        if lost.any():
            for row in np.flatnonzero(lost & normal).tolist():
                if self._lose(messages.take(slice(row, row + 1)), int(due[row])):
                    normal[row] = False
        if self._double_below and twice.any():
            for row in np.flatnonzero(twice & normal).tolist():
                self._repeat(messages.take(slice(row, row + 1)), int(due[row]), int(bits[row]))

    def _lose(self, line: Messages, due: int) -> bool:
        room = self.room
        fault_id = room.truth.fault_id("dropped_message", self.interface, int(line.key[0]))
        if room.truth.is_excluded(fault_id):
            return False
        cell = int(line.cell[0])
        event = int(room.ids.scramble_int(int(line.key[0])))
        fault = self._line_fault("dropped_message", fault_id, line, int(line.sent_at[0]))
        room.truth.lineage(event, fault)
        for b in self.beliefs:
            room.ledger.drop(b, cell, line.units_of(0, b), fault, room.now)
        room.rules.touch(line.cell)
        place = self._place_of(line)
        self._open_gap(place, 1, due)
        hour_end = (due // HOUR + 1) * HOUR
        exception = self._line_exception("dropped_message", line, fault, due, hour_end + _BOOKING)
        self.lost[place] = Trouble(line, fault, exception)
        return True

    def _repeat(self, line: Messages, due: int, bits: int) -> None:
        room = self.room
        fault_id = room.truth.fault_id("duplicate_message", self.interface, int(line.key[0]))
        if room.truth.is_excluded(fault_id):
            return
        again = due + HOUR // 4 + int(uniform_int(keyed_int(bits, Purpose.DUPLICATE)) * 6 * HOUR)
        room.at(again, lambda: self._apply_again(line, fault_id))

    def _apply_again(self, line: Messages, fault_id: int) -> None:
        """A redelivery that the consumer does not recognise."""
        room = self.room
        place = self._place_of(line)
        if self.outage is not None or place in self.lost or place in self._late:
            return
        fault = self._line_fault("duplicate_message", fault_id, line, room.now)
        cell = int(line.cell[0])
        for b in self.beliefs:
            units = line.units_of(0, b)
            if units:
                room.ledger.post_again(b, cell, units, fault, room.now)
        room.rules.touch(line.cell)
        room.truth.lineage(room.ids.scramble_int(int(line.key[0])), fault)
        np.add.at(self._delivered, line.location, 1)
        evidence = (room.now // HOUR + 1) * HOUR + _BOOKING
        if self._posts_rows:
            event = self._emit_postings(line, np.array([room.now]), second=True)
            room.truth.lineage(event, fault)
            evidence = room.now + _BOOKING
        exception = self._line_exception("duplicate_message", line, fault, room.now, evidence)
        self._open_gap(place, -1, room.now)
        self.doubled[place] = Trouble(line, fault, exception)

    def _line_fault(self, name: str, fault_id: int, line: Messages, onset: int) -> int:
        location, item = divmod(int(line.cell[0]), self.room.items)
        units = int(line.on_hand[0])
        return self.room.truth.fault(name, fault_id, onset, location=location, item=item,
                                     document_id=int(line.document_id[0]), interface=self.interface,
                                     magnitude=abs(units), units=units)

    def _line_exception(self, name: str, line: Messages, fault: int, opened: int, evidence: int) -> int:
        room = self.room
        location, item = divmod(int(line.cell[0]), room.items)
        return room.truth.open_exception(
            name, (self.interface, int(line.key[0])), name, [fault], opened, location=location, item=item,
            document_id=int(line.document_id[0]), interface=self.interface, sequence=self._place_of(line)[1],
            first_evidence_at=evidence,
            loss_at_stake=abs(int(line.on_hand[0])) * room.unit_margin(item),
        )

    @staticmethod
    def _place_of(line: Messages) -> tuple[int, int]:
        assert line.sequence is not None
        return int(line.location[0]), int(line.sequence[0])

    # -- arriving --------------------------------------------------------------------------------

    def post_due(self, tick: int) -> None:
        """Deliver what is due in the tick with absolute number ``tick`` (called at its end)."""
        flights = self._pending.pop(tick, None)
        if not flights:
            return
        if self.outage is not None:
            self._fail(flights, tick)
            return
        for flight in flights:
            self._arrive(flight)

    def _arrive(self, flight: Flight) -> None:
        room, messages = self.room, flight.messages
        for b in self.beliefs:
            units = messages.units(b)
            if isinstance(units, np.ndarray) or units:
                room.ledger.post(b, messages.cell, units)
        if self.by_document:
            room.rules.touch(messages.cell)
        else:
            room.rules.lowered(messages.cell, self.beliefs[0])
        assert messages.sequence is not None
        np.add.at(self._delivered, messages.location, 1)
        np.maximum.at(self._high, messages.location, messages.sequence)
        if self._posts_rows:
            arrival = np.full(len(messages), room.now - TICK // 2) if flight.attempt or flight.gap else messages.sent_at
            self._emit_postings(messages, np.maximum(arrival, room.now - TICK), second=flight.second)
        if flight.gap is not None:
            self._fill(flight.gap)
        for ticket in flight.tickets:
            room.rules.let_go(ticket, flight.by)
        flight.tickets.clear()
        if flight.fault >= 0:
            room.truth.release(flight.fault, flight.by)

    def _emit_postings(self, messages: Messages, at: I64, *, second: bool) -> I64:
        """ERP's rows of document lines; returns their ids."""
        room = self.room
        location, item = room.split(messages.cell)
        step = SECOND_POSTING_STEP if second else POSTING_STEP
        event = room.ids.scramble(messages.key + np.int64(step << 47))
        units = messages.on_hand
        if isinstance(messages.blocked, np.ndarray):
            units = np.where(units != 0, units, messages.blocked)
        room.stream.emit(
            "posting", len(messages), event_id=event, occurred_at=at, recorded_at=at, available_at=at + _BOOKING,
            source=SOURCE["ERP"], interface=self.interface, sequence=messages.sequence, location=location, item=item,
            quantity=np.abs(units).astype(np.int64), uom=UNIT["EA"], code=messages.code,
            document_type=messages.document_type, document_id=messages.document_id,
            correlation_id=messages.document_id, latency_ms=(at - messages.sent_at) // 1000, attempt=2 if second else 1,
        )
        return event

    def _open_gap(self, place: tuple[int, int], count: int, since: int) -> None:
        """Lines from ``place`` on are missing (or, with count -1, seen twice) since ``since``."""
        self._gaps[place] = [count, since, 0]
        self._unreported.append(place)

    def _fill(self, place: tuple[int, int]) -> None:
        """The gap at ``place`` is filled."""
        self._late.pop(place, None)
        gap = self._gaps.pop(place, None)
        if gap is not None and gap[2]:
            self._closed.append((*place, gap[0]))

    # -- outages ---------------------------------------------------------------------------------

    def fail_from_now(self, fault: int, exception: int, until: int) -> None:
        """The interface goes down."""
        self.outage = Outage(fault, exception, until)

    def recover(self) -> None:
        """The interface answers again; flights come in as their retries find it up."""
        outage, room = self.outage, self.room
        if outage is None:
            return
        self.outage = None
        room.truth.end(outage.fault, room.now)
        at = room.now
        room.stream.emit(
            "recovered", 1, event_id=np.array([room.ids.one(Kind.CHANNEL, (self.interface << 35) | room.tick_of(at), 1)]),
            occurred_at=np.array([at]), recorded_at=np.array([at]), available_at=np.array([at + _BOOKING]),
            source=SOURCE["MIDDLEWARE"], interface=self.interface, status=STATUS["ok"],
        )

    def _fail(self, flights: list[Flight], tick: int) -> None:
        """Deliveries that found the interface down: wait and try again, or give up."""
        room, outage = self.room, self.outage
        assert outage is not None
        middleware = room.config.middleware
        for flight in flights:
            flight.attempt += 1
            if flight.attempt == 1:
                flight.tickets.append(room.rules.hold_up(outage.fault, flight.messages.cell))
            if flight.attempt > middleware.retry_max_attempts:
                self.dead.append(flight)
                self._emit_dead(flight)
                continue
            wait = middleware.retry_base_minutes * MINUTE * 2.0**flight.attempt
            self._pending.setdefault(tick + max(1, round(wait / TICK)), []).append(flight)
        at = room.now - 1 - SECOND
        waiting = sum(len(f.messages) for f in flights)
        row = np.array([at])
        event = room.ids.one(Kind.CHANNEL, (self.interface << 35) | room.tick_of(at), 2)
        room.truth.lineage(event, outage.fault)
        room.truth.evidence(outage.exception, at + SECOND)
        room.stream.emit(
            "retrying", 1, event_id=np.array([event]), occurred_at=row, recorded_at=row, available_at=row + SECOND,
            source=SOURCE["MIDDLEWARE"], interface=self.interface, code=CODE["503"], status=STATUS["unavailable"],
            attempt=max(f.attempt for f in flights), count=waiting,
        )

    def _emit_dead(self, flight: Flight) -> None:
        room, m = self.room, flight.messages
        assert m.sequence is not None
        at = np.array([room.now - 1 - SECOND])
        body = (self.interface << 35) | (int(m.location[0]) << 24) | (int(m.sequence[0]) & 0xFFFFFF)
        event = room.ids.one(Kind.CHANNEL, body, 3)
        for ticket in flight.tickets:
            room.truth.lineage(event, room.rules.fault_of(ticket))
        document = int(m.document_id[0]) if self.by_document else NULL
        room.stream.emit(
            "dead_letter", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at, available_at=at + SECOND,
            source=SOURCE["MIDDLEWARE"], interface=self.interface, location=int(m.location[0]), code=CODE["timeout"],
            sequence=int(m.sequence[0]), count=len(m), attempt=flight.attempt, document_id=document,
        )

    # -- repairs ---------------------------------------------------------------------------------

    def replay(self, location: int, sequence: int, by: int) -> tuple[str, int]:
        """Send one line again from the source.

        Returns:
            "" or why it was refused, and the units it changes.
        """
        room, place = self.room, (location, sequence)
        if place in self._late:
            return self.expedite(location, sequence, by)
        trouble = self.lost.pop(place, None)
        line = trouble.line if trouble else self._journal.find(location, sequence)
        if line is None:
            return "not in the journal", 0
        if trouble is None and room.now - int(line.sent_at[0]) < room.config.middleware.idempotency_days * DAY:
            return "", 0
        cell = int(line.cell[0])
        item = cell % room.items
        owner = room.truth.repair_fault(by, room.now, location, item)
        fault = trouble.fault if trouble else owner
        for b in self.beliefs:
            room.ledger.repair(b, cell, line.units_of(0, b), room.now, by, owner, fault)
        if trouble:
            room.truth.lineage(by, fault)
        room.truth.hold(fault)
        gap = place if trouble else None
        self._pend(Flight(line, gap=gap, by=by, fault=fault, second=trouble is None), room.now + TICK)
        return "", int(line.on_hand[0])

    def suppress(self, location: int, sequence: int, by: int) -> tuple[str, int]:
        """Reverse the second posting of one line; refused where the log shows only one."""
        room, place = self.room, (location, sequence)
        trouble = self.doubled.pop(place, None)
        if trouble is None:
            return "the log shows one posting", 0
        line = trouble.line
        owner = room.truth.repair_fault(by, room.now, location, int(line.cell[0]) % room.items)
        room.truth.lineage(by, trouble.fault)
        for b in self.beliefs:
            units = line.units_of(0, b)
            if units:
                room.ledger.repair(b, int(line.cell[0]), -units, room.now, by, owner, trouble.fault)
                room.ledger.post(b, line.cell, np.array([-units], np.int32))
        room.rules.touch(line.cell)
        self._fill(place)
        return "", -int(line.on_hand[0])

    def expedite(self, location: int, sequence: int, by: int) -> tuple[str, int]:
        """Push the late batch that holds a line to the front."""
        flight = next((f for (place, first), f in self._late.items()
                       if place == location and first <= sequence < first + len(f.messages)), None)
        if flight is None:
            return "nothing of it is waiting", 0
        for waiting in (*self._pending.values(), self.dead):
            if flight in waiting:
                waiting.remove(flight)
                break
        flight.by = by
        for ticket in flight.tickets:
            self.room.truth.lineage(by, self.room.rules.fault_of(ticket))
        self._pend(flight, self.room.now + TICK)
        return "", 0

    def redrive(self, by: int) -> tuple[str, int]:
        """Put the dead letters back on the wire."""
        if self.outage is not None:
            return "the interface is down", 0
        if not self.dead:
            return "no dead letters", 0
        for flight in self.dead:
            flight.by = by
            for ticket in flight.tickets:
                self.room.truth.lineage(by, self.room.rules.fault_of(ticket))
            self._pend(flight, self.room.now + TICK)
        count = len(self.dead)
        self.dead = []
        return "", count

    # -- telemetry -------------------------------------------------------------------------------

    def report_hour(self, now: int) -> None:
        """At the end of an hour: what was delivered, how slow it was, and which numbers are missing."""
        self._report_traffic(now)
        self._report_gaps(now)

    def _report_traffic(self, now: int) -> None:
        room = self.room
        slowest = self._slowest()
        places = np.flatnonzero(self._delivered)
        if len(places):
            at = np.full(len(places), now + _BOOKING)
            body = (np.int64(self.interface) << 35) | (places.astype(np.int64) << 24) | np.int64(room.tick_of(now))
            room.stream.emit(
                "telemetry", len(places), event_id=room.ids.of(Kind.HEADER, body, 1), occurred_at=at - _BOOKING,
                recorded_at=at, available_at=at, source=SOURCE["MIDDLEWARE"], interface=self.interface,
                location=places.astype(np.int32), count=self._delivered[places], sequence=self._high[places],
                latency_p95_ms=slowest[places], status=STATUS["unavailable" if self.outage else "ok"],
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
        body = (np.int64(self.interface) << 35) | (location << 26) | ((sequence & 0xFFFFFF) << 2) | (opened << 1)
        body |= (count < 0).astype(np.int64)
        at = np.full(len(rows), now + _BOOKING)
        room.stream.emit(
            "sequence_gap", len(rows), event_id=room.ids.of(Kind.CHANNEL, body, 4), occurred_at=at - _BOOKING,
            recorded_at=at, available_at=at, source=SOURCE["MIDDLEWARE"], interface=self.interface,
            location=location.astype(np.int32), sequence=sequence, count=count,
            status=np.where(opened == 1, STATUS["open"], STATUS["closed"]).astype(np.int32),
        )

    @property
    def waiting(self) -> int:
        """Lines on their way or dead, for the check that in-flight is exactly what waits."""
        return sum(len(f.messages) for flights in self._pending.values() for f in flights) + sum(
            len(f.messages) for f in self.dead
        )

    def in_flight(self, belief: Belief) -> npt.NDArray[np.int32]:
        """In-flight of one belief as the waiting messages have it, shape (cells,): belief - told."""
        out = np.zeros(self.room.ledger.cells, np.int32)
        flights = [f for waiting in self._pending.values() for f in waiting] + self.dead
        for flight in flights:
            np.subtract.at(out, flight.messages.cell, flight.messages.units(belief))
        return out


INTERFACE_BELIEFS: dict[str, tuple[Belief, ...]] = {
    "erp": (Belief.ERP_ON_HAND, Belief.ERP_ON_ORDER, Belief.ERP_BLOCKED),
    "oms": (Belief.OMS_ON_HAND,),
}


class Channel:
    """A source's journal and its two consumers.

    Args:
        room: the region.
        name: ``pos``, ``store`` or ``wms``.
    """

    def __init__(self, room: Room, name: str) -> None:
        self.room = room
        by_document = name != "pos"
        days = room.config.middleware.idempotency_days + 7
        self.journal = Journal(room.locations, days * DAY // TICK)
        self.feeds = tuple(
            Feed(room, INTERFACE[f"{name}_{consumer}"], beliefs, self.journal, by_document=by_document)
            for consumer, beliefs in INTERFACE_BELIEFS.items()
        )

    def send(self, messages: Messages) -> I64:
        """Number lines and put them on both wires; returns their sequence numbers."""
        if not len(messages):
            return np.zeros(0, np.int64)
        numbered = self.journal.number(messages, self.room.now // TICK)
        for feed in self.feeds:
            feed.send(numbered)
        assert numbered.sequence is not None
        return numbered.sequence

