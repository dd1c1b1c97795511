"""The dock of a DC: unloading, receiving by carton against the ASN, putaway, and what gets stuck.

A truck waits for a door; its goods are ours when they touch the dock. A carton is received when its
SSCC is on the ASN; an unknown one is parked until someone relinks it. A truck without its ASN is
parked whole until the ASN comes or someone receives it blind. Parked goods are on hand and in no
book: their message stays in flight and counts as its fault's.

The WMS counts what is in a carton. Where that differs from the ASN, the order line is closed in
truth and stays open in ERP by the difference, until a claim closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import simpy

from sim.clock import MINUTE, SECOND
from sim.draws import Kind
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.erp import PurchaseBook
from sim.systems.wms import Delivery

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

_MINUTES_PER_CARTON = 0.4
_PUTAWAY = 90 * MINUTE
#: When ERP usually shows what it made of a receipt.
_POSTED = 5 * MINUTE
#: Steps of a carton's event key: received 0, stored 1, parked 2, received and stored after relinking 3 and 4.
PARKED_STEP, RELINKED_STEP = 2, 3


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

    def __init__(self, region: Region) -> None:
        self._region = region
        self._doors = simpy.PriorityResource(region.room.env, region.room.config.replenishment.dock_doors)
        self.parked: dict[tuple[int, int], list[tuple[Delivery, int]]] = {}
        self.waiting: dict[int, Delivery] = {}
        self.claims: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.conversions: dict[int, tuple[int, int]] = {}
        self.wrong_conversion: dict[int, int] = {}
        self.manual: Noticing | None = None
        #: ERP's orders; and who is told of each truck whose goods were taken over.
        self.purchases = PurchaseBook(region.room.catalogue.cost)
        self.received_listeners: list[Callable[[Delivery], None]] = []

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
        ledger.tell(StockKind.ON_HAND, cells, delivery.actual, place=Place.DOCK)
        ledger.tell(StockKind.ON_ORDER, cells, -delivery.advised)
        self._region.room.figures["supplied_units"] += float(delivery.actual.sum())
        for row in np.flatnonzero(delivery.varied >= 0).tolist():
            ledger.distort(Belief.ERP_ON_ORDER, int(cells[row]), -int(delivery.advised[row]),
                           -int(delivery.actual[row]), int(delivery.varied[row]), self._region.room.now)
            self._region.room.truth.end(int(delivery.varied[row]), self._region.room.now)
        self.purchases.link(delivery.receipt, delivery.purchase)
        for listener in self.received_listeners:
            listener(delivery)

    def _accept_late(self, delivery: Delivery) -> None:
        """The truck that came before its ASN can be received now."""
        room, blind = self._region.room, delivery.blind
        by = int(blind.value) if blind.triggered and blind.value is not None else -1
        room.rules.let_go(delivery.late_ticket, by)
        room.truth.end(delivery.late_fault, room.now)

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
        ledger.post(Belief.SITE_ON_HAND, delivery.item, delivery.actual)
        told = self._converted(delivery)
        step = RELINKED_STEP if relinked else 0
        key = delivery.key + np.int64(room.ids.prefix(Kind.PURCHASE, step))
        sequence = self._region.channels["wms"].send(Messages(
            location=np.zeros(n, np.int32), cell=delivery.item, on_hand=told, on_order=-delivery.actual, key=key,
            sent_at=at, document_id=np.full(n, delivery.receipt), document_type=DOCUMENT_TYPE["receipt"],
            code=CODE["101"],
            # A document is one message; what is relinked comes after it, and must not share its draws.
            document_grain=not relinked,
        ))
        event = room.ids.scramble(key)
        status = "blind" if not delivery.advice.triggered else "accepted"
        self._emit_receiving(delivery, event, at, status, sequence, delivery.actual)
        self._open_variances(delivery, event, at)
        room.rules.touch(delivery.item)
        yield room.env.timeout(_PUTAWAY)
        ledger.move(Place.DOCK, Place.BACKROOM, delivery.item, delivery.actual)
        at = np.full(n, room.now) + np.arange(n) * SECOND
        room.stream.emit(
            "storing", n, event_id=room.ids.scramble(key + np.int64(1 << 47)), occurred_at=at, recorded_at=at,
            available_at=at + 10 * SECOND, source=SOURCE["WMS"], location=0, item=delivery.item,
            quantity=delivery.actual, document_type=DOCUMENT_TYPE["receipt"], document_id=delivery.receipt,
            status=STATUS["ok"], correlation_id=delivery.purchase,
        )

    def _emit_receiving(self, delivery: Delivery, event: I64, at: I64, status: str, sequence: I64 | None,
                        quantity: I32 | None) -> None:
        room, n = self._region.room, len(delivery.item)
        code = np.full(n, STATUS[status], np.int32)
        if status == "accepted":
            code[delivery.varied >= 0] = STATUS["variance"]
        columns: dict[str, Any] = {}
        if quantity is not None:
            columns = {"quantity": quantity, "sequence": sequence, "interface": INTERFACE["wms_erp"],
                       "due_at": at + self._region.channels["wms"].feeds[0].service}
        room.stream.emit(
            "receiving", n, event_id=event, occurred_at=at, recorded_at=at + SECOND, available_at=at + 30 * SECOND,
            source=SOURCE["WMS"], location=0, partner=room.locations + delivery.supplier, item=delivery.item,
            status=code, code=CODE["101"], document_type=DOCUMENT_TYPE["receipt"], document_id=delivery.receipt,
            parent_document_id=delivery.shipment, carton=delivery.sscc, correlation_id=delivery.purchase, **columns,
        )

    def _open_variances(self, delivery: Delivery, event: I64, at: I64) -> None:
        room = self._region.room
        for row in np.flatnonzero(delivery.varied >= 0).tolist():
            fault, item = int(delivery.varied[row]), int(delivery.item[row])
            missing = int(delivery.advised[row]) - int(delivery.actual[row])
            room.truth.lineage(int(event[row]), fault)
            self.claims.setdefault((delivery.receipt, item), []).append((fault, missing))
            room.truth.open_exception(
                "receiving_variance", (int(delivery.key[row]),), "receiving_variance", [fault], int(at[row]),
                location=0, item=item, document_id=delivery.receipt, first_evidence_at=int(at[row]) + 30 * SECOND,
                loss_at_stake=abs(missing) * room.unit_margin(item),
            )
            if self.manual is not None:
                self.manual.variance_received(delivery.receipt, item)

    def _converted(self, delivery: Delivery) -> I32:
        """Units as ERP and OMS will read them: cases for eaches where a conversion is wrong."""
        if not self.wrong_conversion:
            return delivery.actual
        room, told = self._region.room, delivery.actual.copy()
        for row, item in enumerate(delivery.item.tolist()):
            fault = self.wrong_conversion.get(item)
            if fault is None:
                continue
            actual = int(told[row])
            wrong = max(1, actual // int(room.catalogue.case[item]))
            if wrong == actual:
                continue
            told[row] = wrong
            self.purchases.misread(delivery.receipt, item, actual - wrong)
            for b in (Belief.ERP_ON_HAND, Belief.OMS_ON_HAND):
                room.ledger.distort(b, item, actual, wrong, fault, room.now)
            room.truth.lineage(int(room.ids.of(Kind.PURCHASE, delivery.key[row : row + 1])[0]), fault)
            if item not in self.conversions:
                key = (item, room.truth.faults.fault_id[fault])
                exception = room.truth.open_exception(
                    "unit_of_measure", key, "unit_of_measure", [fault], room.now, location=0, item=item,
                    first_evidence_at=room.now + _POSTED, loss_at_stake=actual * room.unit_margin(item),
                )
                self.conversions[item] = (fault, exception)
        return told


