"""The dock of a DC: unloading, receiving by carton against the ASN, putaway, and what gets stuck.

A counted carton waits on the dock, where nobody picks from it, for a lognormal while: some wait for hours. What is
put away in one tick is put away together.

A truck waits for a door; its goods are ours when they touch the dock. A carton is received when its
SSCC is on the ASN; an unknown one is parked until someone relinks it. A truck without its ASN is
parked whole until the ASN comes or someone receives it blind. Parked goods are on hand and in no
book: their message stays in flight and counts as its fault's.

The WMS counts what is in a carton. Where that differs from what was agreed, the order line is closed in
truth and stays open in ERP by the difference, until a claim closes it. Damaged goods go into the cage,
and what comes past the tolerance of an over-delivery is refused at the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import simpy

from sim.clock import HOUR, MINUTE, SECOND, TICK
from sim.draws import STEP_SHIFT, Kind, Paper, Purpose, keyed, lognormal
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.claiming import Claiming
from sim.flows.converting import Converting
from sim.flows.refusing import refuse_excess
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.erp import PurchaseBook
from sim.systems.purchasing import PurchaseOrders
from sim.systems.wms import LINE_SHIFT, Delivery, carton_paper

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Minutes that the dock takes for a carton. Assumption.
_MINUTES_PER_CARTON = 0.4
#: From the count at the dock until a carton is put away: median, and sigma of the lognormal. Assumptions.
_PUTAWAY, _PUTAWAY_SIGMA = 90 * MINUTE, 0.5
#: Steps of a carton's event key: received 0, stored 1, parked 2, received and stored after relinking 3 and 4, brought
#: from a wrong location 6; 5, 8, 10 and 13 are those of postings.
PARKED_STEP, RELINKED_STEP, MOVED_STEP = 2, 3, 6


class Noticing(Protocol):
    """Whoever works at the dock and sees what is announced there."""

    def unknown_cartons(self, receipt: int, items: list[int]) -> None:
        """Cartons were parked."""
        ...

    def variance_received(self, receipt: int, item: int) -> None:
        """A receipt differs from its ASN."""
        ...


class Receiving:
    """The inbound dock of a region."""

    def __init__(self, region: Region, orders: PurchaseOrders) -> None:
        self._region, self.orders = region, orders
        self.claiming = Claiming(region, orders)
        self._doors = simpy.PriorityResource(region.room.env, region.room.config.replenishment.dock_doors)
        self.parked: dict[tuple[int, int], list[tuple[Delivery, int]]] = {}
        self.waiting: dict[int, Delivery] = {}
        self.manual: Noticing | None = None
        #: ERP's orders; and who is told of each truck whose goods were taken over.
        self.purchases = PurchaseBook(region.room.catalogue.cost)
        self.converting = Converting(region, orders, self.purchases)
        self.received_listeners: list[Callable[[Delivery], None]] = []
        #: Told of each truck that is received although its supplier's ASN is not there.
        self.blind_listeners: list[Callable[[Delivery], None]] = []
        #: Told of cartons that were counted together, and the batch: 0 for a truck's, from 1 for one relinked.
        self.counted_listeners: list[Callable[[Delivery, int], None]] = []
        #: Told of cartons that were just put away.
        self.stored_listeners: list[Callable[[Delivery], None]] = []

    def unload(self, delivery: Delivery) -> Generator[simpy.Event, Any, None]:
        """A truck from its arrival until its last carton is put away or parked."""
        room = self._region.room
        # From the gate on, whoever misses the advice may decide to do without it.
        self.waiting[delivery.shipment] = delivery
        with self._doors.request(priority=(room.now, delivery.shipment)) as door:  # type: ignore[arg-type]
            yield door
            yield room.env.timeout(30 * MINUTE)
            self._take_over(delivery)
            if not delivery.advice.triggered and not delivery.blind.triggered:
                # Nothing can be received against an ASN that is not there.
                yield delivery.advice | delivery.blind
            del self.waiting[delivery.shipment]
            if delivery.late_ticket >= 0:
                self._accept_late(delivery)
            minutes = _MINUTES_PER_CARTON * len(delivery.item)
            yield room.env.timeout(round(minutes / max(1, self._region.people.heads["dc"]) * MINUTE))
        known = delivery.unknown < 0
        if not known.all():
            self._park(delivery.take(~known))
            delivery = delivery.take(known)
        if len(delivery.item):
            yield from self.receive(delivery)

    def _take_over(self, delivery: Delivery) -> None:
        """The goods touch the dock: facts change, and every book is told, though none knows yet."""
        ledger, cells = self._region.room.ledger, delivery.item
        refuse_excess(self._region.room, delivery)
        ledger.tell(StockKind.ON_HAND, cells, delivery.actual, place=Place.DOCK)
        ledger.tell(StockKind.ON_ORDER, cells, -delivery.agreed)
        self._region.room.figures["supplied_units"] += float(delivery.actual.sum())
        for row in np.flatnonzero(delivery.varied >= 0).tolist():
            ledger.distort(Belief.ERP_ON_ORDER, int(cells[row]), -int(delivery.agreed[row]),
                           -int(delivery.actual[row]), int(delivery.varied[row]), self._region.room.now)
            self._region.room.truth.end(int(delivery.varied[row]), self._region.room.now)
        self._measure(delivery)
        self.purchases.link(delivery.receipt, delivery.purchase)
        for listener in self.received_listeners:
            listener(delivery)

    def _accept_late(self, delivery: Delivery) -> None:
        """The truck that came before its ASN can be received now."""
        room, blind = self._region.room, delivery.blind
        by = int(blind.value) if blind.triggered and blind.value is not None else -1
        room.rules.let_go(delivery.late_ticket, by)
        if delivery.late_fault < 0:
            # The supplier had sent it, and the interface kept it.
            return
        room.truth.end(delivery.late_fault, room.now)
        if not delivery.advice.triggered:
            for listener in self.blind_listeners:
                listener(delivery)

    def _park(self, delivery: Delivery) -> None:
        """Cartons that no ASN knows: set aside, on hand and in no book."""
        room, n = self._region.room, len(delivery.item)
        at = np.full(n, room.now) + np.arange(n) * SECOND
        event = room.ids.of(Kind.PURCHASE, delivery.key, PARKED_STEP)
        self._emit_receiving(delivery, event, at, "unknown_carton", None, None)
        for row in range(n):
            fault, item = int(delivery.unknown[row]), int(delivery.item[row])
            ticket = room.rules.hold_up(fault, delivery.item[row : row + 1])
            self.parked.setdefault((delivery.receipt, item), []).append((delivery.take(np.array([row])), ticket))
            room.truth.end(fault, room.now)
            room.truth.lineage(int(event[row]), fault)
            room.truth.open_exception(
                "carton_mismatch", (int(delivery.key[row]),), "carton_mismatch", [fault], int(at[row]), location=0,
                item=item, document_id=delivery.receipt, first_evidence_at=int(at[row]) + 30 * SECOND,
                loss_at_stake=float(delivery.actual[row]) * room.unit_margin(item),
            )

        if self.manual is not None:
            self.manual.unknown_cartons(delivery.receipt, sorted(set(delivery.item.tolist())))

    def receive(self, delivery: Delivery, *, relinked: bool = False) -> Generator[simpy.Event, Any, None]:
        """Book cartons into the WMS, tell ERP and OMS, and put them away."""
        room, ledger = self._region.room, self._region.room.ledger
        n = len(delivery.item)
        order = np.argsort(delivery.key, kind="stable")
        delivery = delivery.take(order)
        at = np.full(n, room.now) + np.arange(n) * SECOND
        self._cage(delivery, at)
        good = delivery.good
        ledger.post(Belief.SITE_ON_HAND, delivery.item, good)
        told = self.converting.convert(delivery)
        step = RELINKED_STEP if relinked else 0
        key = delivery.key + np.int64(room.ids.prefix(Kind.PURCHASE, step))
        sequence = self._region.channels["wms"].send(Messages(
            location=np.zeros(n, np.int32), cell=delivery.item, on_hand=told, on_order=-good, key=key,
            sent_at=at, document_id=np.full(n, delivery.receipt), document_type=DOCUMENT_TYPE["receipt"],
            code=CODE["101"],
            # A document is one message; what is relinked comes after it, and must not share its draws.
            document_grain=not relinked,
        ))
        event = room.ids.scramble(key)
        status = "blind" if not delivery.advice.triggered else "accepted"
        self._emit_receiving(delivery, event, at, status, sequence, good)
        self._open_variances(delivery, event, at)
        for tell in self.counted_listeners:
            tell(delivery, 1 + int(delivery.key[0]) % (1 << LINE_SHIFT) if relinked else 0)
        room.rules.touch(delivery.item)
        bits = keyed(room.seed, Purpose.PUTAWAY, room.region, delivery.key)
        ticks = np.maximum(1, np.rint(lognormal(bits, _PUTAWAY, _PUTAWAY_SIGMA) / TICK)).astype(np.int64)
        counted_at = room.now
        for due in np.unique(ticks).tolist():
            rows = np.flatnonzero(ticks == due)
            yield room.env.timeout(counted_at + due * TICK - room.now)
            self._put_away(delivery.take(rows), key[rows] + np.int64(1 << STEP_SHIFT))

    def _put_away(self, delivery: Delivery, key: I64) -> None:
        """Cartons go to their places, and whoever brings them scans the location that the WMS names."""
        room, n = self._region.room, len(delivery.item)
        room.ledger.move(Place.DOCK, Place.BACKROOM, delivery.item, delivery.good)
        at = np.full(n, room.now) + np.arange(n) * SECOND
        room.stream.emit(
            "storing", n, event_id=room.ids.scramble(key), occurred_at=at, recorded_at=at,
            available_at=at + 10 * SECOND, source=SOURCE["WMS"], location=0, item=delivery.item,
            quantity=delivery.good, document_type=DOCUMENT_TYPE["receipt"], document_id=delivery.receipt,
            status=STATUS["ok"], correlation_id=delivery.purchase,
        )
        for tell in self.stored_listeners:
            tell(delivery)

    def _emit_receiving(self, delivery: Delivery, event: I64, at: I64, status: str, sequence: I64 | None,
                        quantity: I32 | None, movement: str = "101") -> None:
        room, n = self._region.room, len(delivery.item)
        code = np.full(n, STATUS[status], np.int32)
        if status == "accepted":
            code[delivery.varied >= 0] = STATUS["variance"]
        columns: dict[str, Any] = {}
        if quantity is not None:
            columns = {"quantity": quantity, "sequence": sequence, "interface": INTERFACE["wms_erp"],
                       "due_at": at + self._region.channels["wms"].erp.service}
        room.stream.emit(
            "receiving", n, event_id=event, occurred_at=at, recorded_at=at + SECOND, available_at=at + 30 * SECOND,
            source=SOURCE["WMS"], location=0, partner=room.locations + delivery.supplier, item=delivery.item,
            status=code, code=CODE[movement], document_type=DOCUMENT_TYPE["receipt"], document_id=delivery.receipt,
            parent_document_id=delivery.shipment, carton=delivery.sscc, correlation_id=delivery.purchase, **columns,
        )

    def _cage(self, delivery: Delivery, at: I64) -> None:
        """Damaged goods go into the cage, and ERP is told of a blocked receipt (103)."""
        hurt = np.flatnonzero(delivery.damaged)
        if not len(hurt):
            return
        room, ledger, cartons, n = self._region.room, self._region.room.ledger, delivery.take(hurt), len(hurt)
        cells, units, zero = cartons.item, cartons.damaged, np.zeros(n, np.int32)
        ledger.tell(StockKind.ON_HAND, cells, -units, place=Place.DOCK)
        ledger.tell(StockKind.BLOCKED, cells, units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        papers = [carton_paper(Paper.BLOCKED_RECEIPT, key) for key in cartons.key.tolist()]
        key = np.array([body + room.ids.prefix(Kind.DOCUMENT, step) for body, step in papers])
        sequence = self._region.channels["wms"].send(Messages(
            location=zero, cell=cells, on_hand=zero, on_order=-units, blocked=units, key=key, sent_at=at[hurt],
            document_id=np.full(n, delivery.receipt), document_type=DOCUMENT_TYPE["receipt"], code=CODE["103"],
        ))
        self._emit_receiving(cartons, room.ids.scramble(key), at[hurt], "blocked", sequence, units, "103")

    def _measure(self, delivery: Delivery) -> None:
        """How well the supplier did, as a buyer would see it."""
        room, orders = self._region.room, self.orders
        lines = orders.lines_of(delivery.purchase)
        cases = orders.ordered[lines] / room.catalogue.case[orders.item[lines]]
        came = np.zeros(len(lines))
        np.add.at(came, orders.lines_for(delivery.receipt, delivery.item) - lines[0], delivery.good)
        room.gauges.add("in_full", float(cases[came >= orders.ordered[lines]].sum()), float(cases.sum()))
        wrong = (delivery.late_fault >= 0 or delivery.refused
                 or bool((delivery.varied >= 0).any()) or bool((delivery.unknown >= 0).any())
                 or bool((orders.sent[lines] > 1).any()) or bool((orders.agreed[lines] != orders.ordered[lines]).any()))
        room.gauges.add("inbound_order_any_error", float(wrong))
        hours = (room.now - orders.placed_at[lines]) // HOUR
        room.gauges.tally("receipt_delay_hours", hours)

    def _open_variances(self, delivery: Delivery, event: I64, at: I64) -> None:
        room = self._region.room
        for row in np.flatnonzero(delivery.varied >= 0).tolist():
            fault, item = int(delivery.varied[row]), int(delivery.item[row])
            room.truth.lineage(int(event[row]), fault)
            self.claiming.raise_claim(delivery.take(np.array([row])))
            room.truth.open_exception(
                "receiving_variance", (int(delivery.key[row]),), "receiving_variance", [fault], int(at[row]),
                location=0, item=item, document_id=delivery.receipt, first_evidence_at=int(at[row]) + 30 * SECOND,
                loss_at_stake=abs(int(delivery.advised[row] - delivery.good[row])) * room.unit_margin(item),
            )
            if self.manual is not None:
                self.manual.variance_received(delivery.receipt, item)
