"""From the DC to the shops: review, pick wave, truck, and receipt in the store.

Every night ERP reviews the shops by (R, s, nQ): where on-hand and on-order together are at or below
s, whole packs are ordered until they are above it. The DC promises what its WMS book holds, picks
what is really there, and sends one truck a shop. A store receives by handheld: its own book knows
at once, ERP and OMS by message; where that confirmation is late, the goods are sold while everyone
else takes them to be on the road.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, MINUTE, SECOND
from sim.draws import Kind
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, NULL, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region, Unconfirmed
from sim.systems.erp import store_needs
from sim.systems.store import serve
from sim.systems.tms import comes_unconfirmed, delay, delay_fault, expect, lane_times, service_level, truck_row

#: When shops are reviewed each night; time from there to the pick, and to the truck's earliest departure. Assumptions.
_REVIEW_HOUR, _PICK_AFTER, _DEPART_AFTER = 22, 2 * HOUR, 7 * HOUR
#: Packing of a transfer line's key: destination | day | line.
_DESTINATION_SHIFT, _DAY_SHIFT = 24, 13
#: How long a truck that is traced still takes at most, and what unloading takes. Assumptions.
_TRACED, _UNLOADED = 3 * HOUR, 30 * MINUTE


class Replenishing:
    """Transfers of a region."""

    def __init__(self, region: Region, mending: Mending, manual: Manual) -> None:
        self._region, self._mending, self._manual = region, mending, manual
        room = region.room
        self._scratch = np.zeros(room.items, np.int32)
        self._service = np.array([service_level(room, 0, location) for location in range(room.locations)])

    def review(self) -> Generator[simpy.Event, Any, None]:
        """The nightly run."""
        room = self._region.room
        yield room.env.timeout(_REVIEW_HOUR * HOUR)
        while True:
            room.env.process(self._wave(room.day_of(room.now)))
            yield room.env.timeout(DAY)

    def _wave(self, day: int) -> Generator[simpy.Event, Any, None]:
        """One night: what the shops need, what the DC gives, and the trucks."""
        room = self._region.room
        cell, units = store_needs(room, day, self._mending.hurried)
        self._mending.hurried.clear()
        if not len(cell):
            return
        location, item = room.split(cell)
        promised = serve(item, units, room.ledger.belief[Belief.SITE_ON_HAND, : room.items], self._scratch)
        kept = promised > 0
        cell, units, location, item = cell[kept], promised[kept].astype(np.int32), location[kept], item[kept]
        if not len(cell):
            return
        line = np.arange(len(cell)) - np.searchsorted(location, location)
        body = (location.astype(np.int64) << _DESTINATION_SHIFT) | np.int64(day << _DAY_SHIFT)
        transfer = room.ids.of(Kind.HEADER, (location.astype(np.int64) << 12 | day) + (1 << 37), 0)
        key = body | line
        room.ledger.tell(StockKind.ON_ORDER, cell, units, posted=(Belief.ERP_ON_ORDER,))
        room.rules.touch(cell)
        at, due = room.now + np.arange(len(cell)) * (SECOND // 50), room.now + self._service
        room.stream.emit(
            "ordering", len(cell), event_id=room.ids.of(Kind.TRANSFER, key, 0), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=due[location], source=SOURCE["ERP"], location=location,
            partner=0, item=item, quantity=units, document_type=DOCUMENT_TYPE["transfer"], document_id=transfer,
            correlation_id=transfer,
        )
        yield room.env.timeout(_PICK_AFTER)
        picked = self._pick(cell, item, units, transfer, key)
        went = np.flatnonzero(picked)
        if not len(went):
            # The book promised what was not there: no truck leaves.
            return
        cell, location, units, key, transfer = cell[went], location[went], picked[went], key[went], transfer[went]
        starts = np.flatnonzero(np.concatenate([[True], location[1:] != location[:-1]]))
        for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(cell)], strict=True):
            rows = slice(first, last)
            load = (cell[rows], units[rows], key[rows], int(transfer[first]), int(due[location[first]]))
            room.env.process(self._drive(day, *load))

    def _pick(self, cell: np.ndarray, item: np.ndarray, units: np.ndarray, transfer: np.ndarray,
              key: np.ndarray) -> np.ndarray:
        """The DC picks what is there; what is not is taken off the order."""
        region, room = self._region, self._region.room
        ledger = room.ledger
        picked = serve(item, units, ledger.place[Place.BACKROOM, : room.items], self._scratch).astype(np.int32)
        short = units - picked
        if short.any():
            ledger.tell(StockKind.ON_ORDER, cell, -short, posted=(Belief.ERP_ON_ORDER,))
        went = np.flatnonzero(picked)
        item, amount, document = item[went], picked[went], transfer[went]
        ledger.tell(StockKind.ON_HAND, item, -amount, place=Place.BACKROOM, posted=(Belief.SITE_ON_HAND,))
        ledger.load(cell[went], amount)
        at = room.now + np.arange(len(went)) * (SECOND // 50)
        row_key = key[went] + np.int64(room.ids.prefix(Kind.TRANSFER, 1))
        sequence = region.channels["wms"].send(Messages(
            location=np.zeros(len(went), np.int32), cell=item, on_hand=-amount, key=row_key, sent_at=at,
            document_id=document, document_type=DOCUMENT_TYPE["transfer"], code=CODE["303"], document_grain=True,
        ))
        location, _ = room.split(cell[went])
        room.stream.emit(
            "shipping", len(went), event_id=room.ids.scramble(row_key), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=at + region.channels["wms"].erp.service, source=SOURCE["WMS"],
            interface=INTERFACE["wms_erp"], sequence=sequence, location=0, partner=location, item=item,
            quantity=amount, code=CODE["303"], document_type=DOCUMENT_TYPE["transfer"], document_id=document,
            correlation_id=document, status=STATUS["in_transit"],
        )
        room.rules.touch(item)
        return picked

    # -- transport -------------------------------------------------------------------------------

    def _drive(self, day: int, cell: np.ndarray, units: np.ndarray, key: np.ndarray, transfer: int,
               due: int) -> Generator[simpy.Event, Any, None]:
        """One truck to one shop."""
        room = self._region.room
        location = int(cell[0]) // room.items
        departure, arrival = lane_times(room, 0, location, day, room.now + _DEPART_AFTER - _PICK_AFTER, transfer)
        yield room.env.timeout(departure - room.now)
        self._header("departing", 1, day, location, transfer, due)
        fault = delay_fault(room, location, day, transfer, int(units.sum()))
        row_key = key + np.int64(room.ids.prefix(Kind.TRANSFER, 2))
        if fault >= 0:
            late = max(arrival, due) + delay(room, location, day)
            missed = self._miss(fault, day, transfer, cell, units, due)
            if comes_unconfirmed(room, location, day):
                expect(room, 0, location, day, transfer, due, arrival, arrival)
                load = cell, units, row_key
                yield from self._confirm_late(fault, day, transfer, load, (arrival, late, due), missed)
                return
            expect(room, 0, location, day, transfer, due, arrival, late, fault)
            yield from self._come_late(fault, arrival, late, missed)
        else:
            expect(room, 0, location, day, transfer, due, arrival, arrival)
            yield room.env.timeout(max(0, arrival - room.now))
        self._header("arriving", 2, day, location, transfer, due)
        yield room.env.timeout(_UNLOADED)
        self.receive(location, cell, units, row_key, transfer, 0)
        if fault >= 0:
            self._mending.trucks.pop(transfer, None)

    def _miss(self, fault: int, day: int, transfer: int, cell: np.ndarray, units: np.ndarray,
              due: int) -> tuple[simpy.Event, int]:
        """A transfer will be missed when due; the event of its being traced, and the ticket of what it holds up."""
        room = self._region.room
        location = int(cell[0]) // room.items
        traced = room.env.event()
        self._mending.trucks[transfer] = traced
        ticket = room.rules.hold_up(fault, cell)
        stake = float(room.economy.margin[cell] @ units)

        def breach() -> None:
            if transfer not in self._mending.trucks:
                return
            room.truth.open_exception("transfer_delay", (location, day), "transfer_delay", [fault], due,
                                      location=location, document_id=transfer, first_evidence_at=due,
                                      loss_at_stake=stake)
            self._manual.truck_missing(transfer, location)

        room.at(due, breach)
        return traced, ticket

    def _come_late(self, fault: int, planned: int, arrival: int,
                   missed: tuple[simpy.Event, int]) -> Generator[simpy.Event, Any, None]:
        """A truck that went astray comes when its delay ends, or soon after it was traced."""
        room = self._region.room
        traced, ticket = missed
        yield traced | room.env.timeout(arrival - room.now)
        by = self._asker(traced, fault)
        if traced.triggered:
            yield room.env.timeout(max(0, planned - room.now, min(arrival - room.now, _TRACED)))
        room.rules.let_go(ticket, by)

    def _confirm_late(self, fault: int, day: int, transfer: int, load: tuple[np.ndarray, np.ndarray, np.ndarray],
                      times: tuple[int, int, int],
                      missed: tuple[simpy.Event, int]) -> Generator[simpy.Event, Any, None]:
        """A truck comes in time, and its confirmation late, or when someone asks for it.

        That the truck has come is told with the confirmation, or as soon as someone has the carrier look.

        Args:
            fault: of the confirmation.
            day: of the truck's key.
            transfer: its document.
            load: cells, units, and keys of the receipt's rows; shapes (n,).
            times: when it comes, when that is confirmed if nobody asks, and when it was due.
            missed: see :meth:`_miss`.
        """
        region, room = self._region, self._region.room
        (cell, units, row_key), (arrival, late, due), (traced, ticket) = load, times, missed
        location = int(cell[0]) // room.items
        yield room.env.timeout(max(0, arrival - room.now))
        arrived_at = room.now
        yield room.env.timeout(_UNLOADED)
        self._take_in(cell, units)
        asked, over = room.env.event(), room.env.timeout(max(0, late - room.now))
        region.unconfirmed[transfer] = Unconfirmed(cell, units, asked)
        yield traced | asked | over
        room.truth.lineage(self._header("arriving", 2, day, location, transfer, due, arrived_at), fault)
        self._asker(traced, fault)
        if not (asked.triggered or over.processed):
            yield asked | over
        del region.unconfirmed[transfer], self._mending.trucks[transfer]
        self._confirm(location, cell, units, row_key, transfer, 0)
        room.truth.lineage(room.ids.scramble(row_key), fault)
        room.rules.let_go(ticket, self._asker(asked, fault))

    def _asker(self, asked: simpy.Event, fault: int) -> int:
        """Who asked for something about a transfer with a fault: an action's id, or -1 for people and nobody."""
        by: int = asked.value if asked.triggered else -1  # type: ignore[assignment]
        if by >= 0:
            self._region.room.truth.lineage(by, fault)
        return by

    def _header(self, event_type: str, step: int, day: int, location: int, transfer: int, due: int,
                occurred_at: int = NULL) -> int:
        """A row of the TMS about a whole truck; its id."""
        room = self._region.room
        event = room.ids.one(Kind.HEADER, (location << 12 | day) + (1 << 37), 7 + step)
        truck_row(room, event_type, event, 0, location, transfer, due, occurred_at)
        return event

    def receive(self, location: int, cell: np.ndarray, units: np.ndarray, row_key: np.ndarray, transfer: int,
                source: int) -> None:
        """A store books a truck from the DC, or from another store, by handheld."""
        self._take_in(cell, units)
        self._confirm(location, cell, units, row_key, transfer, source)

    def _take_in(self, cell: np.ndarray, units: np.ndarray) -> None:
        """The goods stand in the backroom, and the store's own book knows."""
        room = self._region.room
        room.ledger.unload(cell, units)
        room.ledger.tell(StockKind.ON_HAND, cell, units, place=Place.BACKROOM, posted=(Belief.SITE_ON_HAND,))
        room.ledger.tell(StockKind.ON_ORDER, cell, -units)
        room.rules.touch(cell)
        self._region.refill.append(cell)

    def _confirm(self, location: int, cell: np.ndarray, units: np.ndarray, row_key: np.ndarray, transfer: int,
                 source: int) -> None:
        """The store tells ERP and OMS what it took in."""
        region, room, n = self._region, self._region.room, len(cell)
        at = room.now + np.arange(n) * SECOND
        where = np.full(n, location, np.int32)
        sequence = region.channels["store"].send(Messages(
            location=where, cell=cell, on_hand=units, on_order=-units, key=row_key, sent_at=at,
            document_id=np.full(n, transfer), document_type=DOCUMENT_TYPE["transfer"], code=CODE["305"],
            document_grain=True,
        ))
        room.stream.emit(
            "receiving", n, event_id=room.ids.scramble(row_key), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=at + region.channels["store"].erp.service,
            source=SOURCE["STORE"], interface=INTERFACE["store_erp"], sequence=sequence, location=where, partner=source,
            item=cell % room.items, quantity=units, code=CODE["305"], document_type=DOCUMENT_TYPE["transfer"],
            document_id=np.full(n, transfer), correlation_id=transfer, status=STATUS["accepted"],
        )
