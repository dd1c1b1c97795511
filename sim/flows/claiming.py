"""Claims: what becomes of a receipt line that is not what the supplier said it sent.

A line that came short stays open in ERP by what is missing, one that came over is closed by too much; damaged
goods stand in the DC's cage; and where the ASN was mistyped nothing is wrong but the paper. Settling the
claim closes the order line, and somebody looks at what is in the cage: some of it was only badly wrapped and is
released (105), the rest is scrapped (551).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.clock import SECOND
from sim.draws import Kind, Paper, Purpose, keyed_int, uniform_int
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.purchasing import OrderStatus, PurchaseOrders
from sim.systems.wms import Delivery, carton_paper

#: Share of damaged cartons whose goods can be sold after all. Assumption.
_SOUND = 0.5


@dataclass(frozen=True)
class Claim:
    """What is open with a supplier about one carton.

    Attributes:
        fault: number of the receiving_variance fault.
        missing: units that ERP still waits for; below 0 where more came than was ordered.
        carton: a delivery of that carton alone.
    """

    fault: int
    missing: int
    carton: Delivery


class Claiming:
    """The claims of a region's DC.

    Attributes:
        open: (receipt, item) -> claims.
        settled_listeners: told of each order line that is changed by a claim.
        scrapped_listeners: told of damaged goods that were scrapped: receipt, item, units.
    """

    def __init__(self, region: Region, orders: PurchaseOrders) -> None:
        self._region, self._orders = region, orders
        self.open: dict[tuple[int, int], list[Claim]] = {}
        self.settled_listeners: list[Callable[[int], None]] = []
        self.scrapped_listeners: list[Callable[[int, int, int], None]] = []

    def raise_claim(self, carton: Delivery) -> None:
        """A carton differs from its ASN; it was just counted."""
        fault, item = int(carton.varied[0]), int(carton.item[0])
        missing = int(carton.agreed[0]) - int(carton.actual[0])
        if not missing:
            # No book is wrong: what is wrong stands in the cage, or on paper.
            self._region.room.truth.hold(fault)
        self.open.setdefault((carton.receipt, item), []).append(Claim(fault, missing, carton))

    def settle(self, receipt: int, item: int, act: int, by: int) -> int | None:
        """Close the claims of a receipt line; returns the units taken off its order, or None where none is open.

        Args:
            receipt: the document.
            item: code.
            act: id of whoever settles it, an operator's action or a keyed one for people.
            by: the operator's action, or -1.
        """
        claims = self.open.pop((receipt, item), None)
        if claims is None:
            return None
        room, orders = self._region.room, self._orders
        line = orders.line_of(claims[0].carton.purchase, item)
        owner = room.truth.repair_fault(act, room.now, 0, item)
        for claim in claims:
            if by >= 0:
                room.truth.lineage(by, claim.fault)
            if claim.missing:
                room.ledger.repair(Belief.ERP_ON_ORDER, item, -claim.missing, room.now, act, owner, claim.fault)
                room.ledger.post(Belief.ERP_ON_ORDER, np.array([item]), np.array([-claim.missing], np.int32))
                orders.write_off(line, claim.missing)
            else:
                if claim.carton.damaged[0]:
                    self._dispose(claim.carton)
                room.truth.release(claim.fault, by)
        if orders.received[line] >= orders.held[line]:
            orders.close(line, OrderStatus.CLOSED)
        missing = sum(claim.missing for claim in claims)
        if any(claim.missing for claim in claims):
            for tell in self.settled_listeners:
                tell(line)
        return -missing

    def _dispose(self, carton: Delivery) -> None:
        """Somebody looks at damaged goods in the cage: back into stock, or into the bin."""
        room, ledger = self._region.room, self._region.room.ledger
        key, cell, units = int(carton.key[0]), carton.item, carton.damaged
        sound = uniform_int(keyed_int(room.seed, Purpose.VARIANCE, room.region, key, 2)) < _SOUND
        body, step = carton_paper(Paper.DISPOSED_RECEIPT, key)
        row_key = np.array([body + room.ids.prefix(Kind.DOCUMENT, step)])
        at, code = np.array([room.now]), CODE["105" if sound else "551"]
        ledger.tell(StockKind.BLOCKED, cell, -units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        if sound:
            ledger.tell(StockKind.ON_HAND, cell, units, place=Place.BACKROOM, posted=(Belief.SITE_ON_HAND,))
        else:
            room.figures["scrapped_units"] += float(units.sum())
            for tell in self.scrapped_listeners:
                tell(carton.receipt, int(cell[0]), int(units[0]))
        sequence = self._region.channels["wms"].send(Messages(
            location=np.zeros(1, np.int32), cell=cell, on_hand=units if sound else np.zeros(1, np.int32), key=row_key,
            sent_at=at, document_id=np.array([carton.receipt]), document_type=DOCUMENT_TYPE["receipt"], code=code,
            blocked=-units,
        ))
        room.stream.emit(
            "inspecting" if sound else "destroying", 1, event_id=room.ids.scramble(row_key), occurred_at=at,
            recorded_at=at + SECOND, available_at=at + 30 * SECOND,
            due_at=at + self._region.channels["wms"].erp.service, source=SOURCE["WMS"],
            interface=INTERFACE["wms_erp"], sequence=sequence, location=0, item=cell, quantity=units.astype(np.int64),
            status=STATUS["sellable_accessible" if sound else "disposed"], code=code,
            document_type=DOCUMENT_TYPE["receipt"], document_id=carton.receipt, correlation_id=carton.purchase,
        )
        room.rules.touch(cell)
