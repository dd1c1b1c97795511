"""One interface: messages of a channel on their way to ERP or OMS.

A feed delays, loses, repeats and retries. Latency is drawn per store and tick for tills and per
document for documents; loss and duplication always per line (:mod:`sim.middleware.mishaps`). What is sent
in a tick goes on the wire together at its end, and flights wait by the tick in which they are due, so a feed
with nothing sent and nothing due does no work.

- Outages, maintenance and releases act as on every interface (:mod:`sim.middleware.carrier`).
- What comes through to ERP is booked through its queue (:mod:`sim.middleware.postings`).
- Idempotency: a line that was applied is known for ``idempotency_days``; a later replay applies again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.draws import BODY_BITS, STEP_SHIFT, Kind, Purpose, fold, fold_many, keyed, keyed_int, lognormal
from sim.events import SOURCE, UNIT
from sim.ledger import Belief
from sim.middleware.carrier import Carrier
from sim.middleware.enrichment import envelope
from sim.middleware.flights import BOOKING, Address, Flight, Register
from sim.middleware.messages import Journal, Messages, join
from sim.middleware.mishaps import Mishaps
from sim.middleware.postings import PostingQueue
from sim.room import Room

I64 = npt.NDArray[np.int64]

#: Steps of an event key that a posting adds to its source row's step (see :class:`sim.draws.Ids`).
POSTING_STEP, SECOND_POSTING_STEP = 5, 10
#: Longest latency of a healthy interface. Assumption.
_LATENCY_MOST = 0.9 * HOUR


class Feed(Carrier):
    """One interface of a region.

    Args:
        room: the region.
        interface: its code.
        beliefs: which books it feeds.
        journal: of the source.
        by_document: its lines belong to documents, and ERP shows a posting row for each.
        queue: of ERP, where that is the consumer; else what is let in is booked at once.

    Attributes:
        late: batches held up, by the address of their first line.
        lost, doubled: lines that were dropped or applied twice.
        service: microseconds within which a message must post.
    """

    def __init__(self, room: Room, interface: int, beliefs: tuple[Belief, ...], journal: Journal,
                 *, by_document: bool, queue: PostingQueue | None = None) -> None:
        super().__init__(room, interface, by_document=by_document)
        self.beliefs, self._queue = beliefs, queue
        self.posts_rows = by_document and Belief.ERP_ON_HAND in beliefs
        self._journal = journal
        self._outbox: list[Messages] = []
        self.late: dict[Address, Flight] = {}
        self.lost = Register()
        self.doubled = Register()
        #: Told of every batch that was booked, second postings and reversals too, for whoever keeps books beside
        #: the stock (ERP's accounts).
        self.listeners: list[Callable[[Messages], None]] = []
        self._mishaps = Mishaps(self, room)
        #: The part of a latency's key that never changes, folded once.
        self._latency = keyed_int(room.seed, Purpose.LATENCY, room.region, interface)
        self.service = round(room.config.middleware.service_hours * HOUR)

    # -- sending ---------------------------------------------------------------------------------

    def send(self, messages: Messages) -> None:
        """Take lines over; their in-flight is already in the ledger."""
        self._outbox.append(messages)

    def _dispatch(self) -> None:
        """Put on the wire what was taken over since the last tick, all of a kind at once."""
        kinds: dict[object, list[Messages]] = {}
        for messages in self._outbox:
            tick = -1 if messages.document_grain else self.room.tick_of(int(messages.sent_at[0]))
            kinds.setdefault((tick, *messages.kind), []).append(messages)
        self._outbox = []
        for parts in kinds.values():
            self._wire(join(parts))

    def _wire(self, messages: Messages) -> None:
        """Put lines of one kind on the wire."""
        room = self.room
        group_of = messages.document_id if messages.document_grain else messages.location
        first = np.flatnonzero(np.concatenate([[True], group_of[1:] != group_of[:-1]]))
        counts = np.diff(np.append(first, len(messages)))
        # Lines of a store and tick share a latency, as long as they are of one kind of document.
        tick = room.tick_of(int(messages.sent_at[0]))
        slot = 0 if messages.document_grain else (tick << 4) + messages.document_type + 1
        key = group_of[first].astype(np.int64)
        bits = fold_many(fold(self._latency, slot), key)
        middleware = room.config.middleware
        minutes = lognormal(bits, middleware.latency_minutes_median, middleware.latency_sigma)
        latency = np.minimum(minutes * MINUTE, _LATENCY_MOST).astype(np.int64)
        self.monitor.sent(messages.location[first].astype(np.int64), latency, counts)
        due = messages.sent_at + np.repeat(latency, counts)
        normal = np.ones(len(messages), np.bool_)
        for row in self._mishaps.slow_down(messages, first, counts, latency, slot, key):
            normal[first[row] : first[row] + counts[row]] = False
        self._mishaps.lose_and_repeat(messages, due, normal)
        if normal.all():
            self._schedule(messages, due)
        elif normal.any():
            self._schedule(messages.take(normal), due[normal])

    def _schedule(self, messages: Messages, due: I64) -> None:
        """Let lines wait by the tick in which they are due."""
        ticks = due // TICK
        low = int(ticks.min())
        if low == int(ticks.max()):
            self._pending.setdefault(low, []).append(Flight(messages, due=due))
            return
        relative = (ticks - low).astype(np.uint8)
        order = np.argsort(relative, kind="stable")
        at = 0
        for offset, size in enumerate(np.bincount(relative).tolist()):
            if size:
                rows = order[at : at + size]
                self._pending.setdefault(low + offset, []).append(Flight(messages.take(rows), due=due[rows]))
            at += size

    # -- arriving --------------------------------------------------------------------------------

    def post_due(self, tick: int) -> None:
        """Deliver what is due in the tick with absolute number ``tick`` (called at its end)."""
        if self._outbox:
            self._dispatch()
        for flight in self.admit(tick):
            if self._queue is None:
                self.arrive(flight)
            else:
                self._queue.take(self, flight)

    def arrive(self, flight: Flight) -> None:
        """Book what was let in."""
        room, messages = self.room, flight.messages
        for b in self.beliefs:
            units = messages.units(b)
            if isinstance(units, np.ndarray) or units:
                room.ledger.post(b, messages.cell, units)
        self.tell(messages)
        if self.by_document:
            room.rules.touch(messages.cell)
        else:
            room.rules.lowered(messages.cell, self.beliefs[0])
        assert messages.sequence is not None
        self.monitor.delivered(messages.location, messages.sequence)
        if self.posts_rows:
            at = flight.due
            if at is None or flight.attempt:
                moment = keyed_int(room.seed, Purpose.ARRIVAL, int(messages.key[0]), flight.attempt) % TICK
                at = np.full(len(messages), room.now - TICK + moment)
            self.emit_postings(messages, at, attempt=flight.attempt + 1, second=flight.second, by=flight.by)
        if flight.gap is not None:
            self.fill(flight.gap)
        self._settle(flight)
        if flight.fault >= 0:
            room.truth.release(flight.fault, flight.by)

    def tell(self, messages: Messages) -> None:
        """Tell the listeners what the books of this interface's consumer have just taken in."""
        for listener in self.listeners:
            listener(messages)

    def fill(self, address: Address) -> None:
        """The lines from ``address`` on are no longer missing."""
        self.late.pop(address, None)
        self.monitor.fill(address)

    def emit_postings(
        self, messages: Messages, at: I64, *, attempt: int = 1, second: bool = False, by: int = -1
    ) -> I64:
        """ERP's rows of document lines; returns their ids. A line can post again for each action that replays it."""
        room = self.room
        location, item = room.split(messages.cell)
        step = SECOND_POSTING_STEP if second else POSTING_STEP
        event = room.ids.scramble(messages.key + np.int64(step << STEP_SHIFT))
        if second and by >= 0:
            bits = keyed(room.seed, Purpose.IDS, 7000, by, messages.key)
            event = room.ids.of(Kind.REPAIR, (bits >> np.uint64(64 - BODY_BITS)).astype(np.int64))
        units = messages.on_hand
        if isinstance(messages.blocked, np.ndarray):
            units = np.where(units != 0, units, messages.blocked)
        room.stream.emit(
            "posting", len(messages), event_id=event, occurred_at=at, recorded_at=at, available_at=at + BOOKING,
            source=SOURCE["ERP"], interface=self.interface, location=location, item=item,
            quantity=np.abs(units).astype(np.int64), uom=UNIT["EA"], code=messages.code,
            document_type=messages.document_type, attempt=attempt + second, version=self.contract.version,
            **envelope(messages, at),
        )
        return event

    # -- repairs ---------------------------------------------------------------------------------

    def replay(self, location: int, sequence: int, by: int) -> tuple[str, int]:
        """Send one line again from the source.

        Returns:
            "" or why it was refused, and the units it changes.
        """
        room, place = self.room, (location, sequence)
        if place in self.late:
            return self.expedite(location, sequence, by)
        if self.dead.holds(location, sequence):
            return "it lies with the dead letters", 0
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
        paid: list[int] = []
        for b in self.beliefs:
            paid += room.ledger.repair(b, cell, line.units_of(0, b), room.now, by, owner, fault)[0]
        self._link(by, paid)
        room.truth.hold(fault)
        gap = place if trouble else None
        self.pend(Flight(line, gap=gap, by=by, fault=fault, second=trouble is None), room.now + TICK)
        return "", int(line.on_hand[0])

    def suppress(self, location: int, sequence: int, by: int) -> tuple[str, int]:
        """Reverse the second posting of one line; refused where the log shows only one."""
        room, place = self.room, (location, sequence)
        trouble = self.doubled.pop(place, None)
        if trouble is None:
            return "the log shows one posting", 0
        line = trouble.line
        owner = room.truth.repair_fault(by, room.now, location, int(line.cell[0]) % room.items)
        paid: list[int] = []
        for b in self.beliefs:
            units = line.units_of(0, b)
            if units:
                paid += room.ledger.repair(b, int(line.cell[0]), -units, room.now, by, owner, trouble.fault)[0]
                room.ledger.post(b, line.cell, np.array([-units], np.int32))
        self.tell(line.reversed())
        self._link(by, paid)
        room.rules.touch(line.cell)
        self.fill(place)
        return "", -int(line.on_hand[0])

    def expedite(self, location: int, sequence: int, by: int) -> tuple[str, int]:
        """Push the late batch that holds a line to the front."""
        flight = next((f for (place, first), f in self.late.items()
                       if place == location and first <= sequence < first + len(f.messages)), None)
        if flight is None:
            return "nothing of it is waiting", 0
        for waiting in (*self._pending.values(), self.dead.flights):
            if flight in waiting:
                waiting.remove(flight)
                break
        if self._queue is not None:
            self._queue.drop(self, flight)
        flight.by, flight.is_urgent = by, True
        self._link(by, [self.room.rules.fault_of(ticket) for ticket in flight.tickets])
        self.pend(flight, self.room.now + TICK)
        return "", 0

    def in_flight(self, belief: Belief) -> npt.NDArray[np.int32]:
        """In-flight of one belief as the waiting messages have it, shape (cells,): belief - told."""
        out = np.zeros(self.room.ledger.cells, np.int32)
        flights = [f for waiting in self._pending.values() for f in waiting] + self.dead.flights
        if self._queue is not None:
            flights += self._queue.of(self)
        for messages in (*self._outbox, *(flight.messages for flight in flights)):
            np.subtract.at(out, messages.cell, messages.units(belief))
        return out
