"""Shipments: trucks and advance notices, by document.

A transfer departs with the time by which it must arrive, and arrives or does not. A supplier's
shipment arrives at the dock, announced by an advance ship notice (ASN) or not. Documents are headers,
some hundred a day, and so are held as plain records; cartons are held by number for as long as they
are on the way, to tell what a receipt should have found. A truck received blind has no notice; its
receipt is held against the purchase order instead, item by item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import integers
from sim.clock import DAY, HOUR, MINUTE
from sim.events import CODE, DOCUMENT_TYPE, NO_CODE, NULL, STATUS, Block

_FORGET_DAYS = 30
#: Unloading takes half an hour: a truck is overdue at the handheld so long after its arrival was told.
_RECEIVED_HOURS = 2
_ASN = DOCUMENT_TYPE["asn"]
_EXCEPTIONAL = (STATUS["unknown_carton"], STATUS["variance"])


@dataclass(frozen=True, slots=True)
class Transfer:
    """A truck on the road.

    Attributes:
        document_id: the transfer.
        location: the store it goes to.
        departed_at, due_at: simulated time.
        event_id: its departure.
    """

    document_id: int
    location: int
    departed_at: int
    due_at: int
    event_id: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt line that did not go as advised.

    Attributes:
        document_id, item, carton: what was received.
        shipment: the shipment it belongs to.
        quantity, advised: units counted and announced; 0 where unknown.
        is_unknown: whether the carton is on no notice.
        event_id: the row.
    """

    document_id: int
    item: int
    carton: int
    shipment: int
    quantity: int
    advised: int
    is_unknown: bool
    event_id: int


class Shipments:
    """Trucks on the road, notices, and shipments on the dock.

    Attributes:
        travelling: transfers that departed and did not arrive.
        unreceived: transfers that arrived and were not received, with when that was told.
        received, unconfirmed: what this step brought: transfers received after they arrived; transfers of which
            that is overdue.
        late, arrived, unannounced, exceptional: what this step brought: overdue transfers, transfer
            documents that arrived, (shipment, supplier's partner code, event id) at the dock without a notice,
            and receipt lines that went wrong.
        waiting: shipments on the dock without a notice or a receipt.
        parked: (receipt, item) -> carton of unknown cartons that are not yet received.
        resolved: (document, item) of shipments and receipts that left ``waiting`` or ``parked`` in this step.
        mailboxes: interface by which each supplier's notices come, by its partner code.
        transit: (number, mean, variance) of the travel times of each store, microseconds.
    """

    def __init__(self, locations: int, grace_minutes: float) -> None:
        self._grace = int(grace_minutes * MINUTE)
        self.travelling: dict[int, Transfer] = {}
        self.unreceived: dict[int, int] = {}
        self.transit = np.zeros((locations, 3))
        self._warned: set[int] = set()
        self._advised: dict[int, int] = {}
        self._cartons: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._ordered: tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]] = ({}, {})
        self._ever_parked: tuple[set[tuple[int, int]], set[tuple[int, int]]] = (set(), set())
        self._dock: list[tuple[int, int, int]] = []
        self.waiting: dict[int, int] = {}
        self.mailboxes: dict[int, int] = {}
        self.parked: dict[tuple[int, int], int] = {}
        self._parked_cartons: dict[int, tuple[int, int]] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.late: list[Transfer] = []
        self.arrived: list[int] = []
        self.received: list[int] = []
        self.unconfirmed: list[int] = []
        self.unannounced: list[tuple[int, int, int]] = []
        self.exceptional: list[Receipt] = []
        self.resolved: list[tuple[int, int]] = []
        self._dock = []

    def order(self, block: Block) -> None:
        """Lines of purchase orders."""
        rows = np.flatnonzero(integers(block, "code") == CODE["850"])
        order, item, units = (integers(block, name)[rows].tolist() for name in ("document_id", "item", "quantity"))
        self._ordered[0].update(zip(zip(order, item, strict=True), units, strict=True))

    def revise(self, block: Block) -> None:
        """Lines of purchase orders that the supplier confirmed or changed: what ERP goes by from then on."""
        rows = np.flatnonzero(integers(block, "status") != STATUS["late"])
        order, item, units = (integers(block, name)[rows].tolist() for name in ("document_id", "item", "quantity"))
        self._ordered[0].update(zip(zip(order, item, strict=True), units, strict=True))

    def depart(self, block: Block) -> None:
        """Trucks that left."""
        names = ("document_id", "partner", "occurred_at", "due_at", "event_id")
        for values in zip(*(integers(block, name).tolist() for name in names), strict=True):
            self.travelling[values[0]] = Transfer(*values)

    def advise(self, now: int, block: Block) -> None:
        """Notices: which shipments are announced, and what is in their cartons."""
        shipments = np.unique(integers(block, "document_id")).tolist()
        self._advised.update(dict.fromkeys(shipments, now))
        cartons = integers(block, "carton").tolist()
        self._resolve(shipments)
        senders = np.unique(np.stack([integers(block, name) for name in ("partner", "interface")]), axis=1)
        self.mailboxes.update(zip(*senders.tolist(), strict=True))
        self._cartons[0].update(zip(cartons, integers(block, "quantity").tolist(), strict=True))

    def is_unconfirmed(self, document: int, now: int) -> bool:
        """Whether a transfer arrived so long ago that it should have been received."""
        told_at = self.unreceived.get(document)
        return told_at is not None and now >= told_at + _RECEIVED_HOURS * HOUR

    def arrive(self, now: int, block: Block) -> None:
        """Trucks at the gate."""
        names = ("document_id", "document_type", "occurred_at", "partner", "event_id")
        for document, kind, at, partner, event in zip(*(integers(block, n).tolist() for n in names), strict=True):
            if kind == _ASN:
                self._dock.append((document, partner, event))
                continue
            self.arrived.append(document)
            self.unreceived[document] = now
            self._warned.discard(document)
            transfer = self.travelling.pop(document, None)
            if transfer is not None:
                self._learn(transfer.location, at - transfer.departed_at)

    def receive(self, block: Block) -> None:
        """Receipt lines of trucks, those that differ from their notice, and those that put one right."""
        if self.unreceived:
            came = self.unreceived.keys() & set(np.unique(integers(block, "document_id")).tolist())
            self.received.extend(sorted(came))
            for document in came:
                del self.unreceived[document]
        if "parent_document_id" not in block.columns:
            return  # stores book their trucks: there is no notice to differ from
        noticed = integers(block, "parent_document_id") != NULL
        if not noticed.all():
            block = block.take(noticed)
        status = integers(block, "status")
        if self.waiting:
            self._resolve(np.unique(integers(block, "parent_document_id")).tolist())
        if self.parked:
            self._unpark(block)
        blind = np.flatnonzero(status == STATUS["blind"])
        if len(blind):
            self._compare_with_order(block.take(blind))
        wrong = np.flatnonzero(np.isin(status, _EXCEPTIONAL))
        names = ("document_id", "item", "carton", "parent_document_id", "quantity", "event_id")
        columns = [integers(block, name)[wrong].tolist() for name in names]
        for state, document, item, carton, parent, quantity, event in zip(
            status[wrong].tolist(), *columns, strict=True
        ):
            advised = self._cartons[0].get(carton, self._cartons[1].get(carton, 0))
            unknown = state == STATUS["unknown_carton"]
            self.exceptional.append(
                Receipt(document, item, carton, parent, max(0, quantity), advised, unknown, event)
            )
            if unknown:
                self.parked[document, item] = carton
                self._parked_cartons[carton] = (document, item)
                self._ever_parked[0].add((document, item))

    def finish(self, now: int) -> None:
        """Find the transfers that are due and the shipments that came unannounced."""
        for document, transfer in self.travelling.items():
            if document not in self._warned and transfer.due_at != NULL and transfer.due_at + self._grace <= now:
                self.late.append(transfer)
        self._warned.update(transfer.document_id for transfer in self.late)
        self.unconfirmed = [document for document in self.unreceived if self.is_unconfirmed(document, now)]
        self.unannounced = [entry for entry in self._dock if entry[0] not in self._advised]
        self.waiting.update((shipment, now) for shipment, _, _ in self.unannounced)

    def end_day(self, now: int) -> None:
        """Forget what left the road and the dock long ago."""
        horizon = now - _FORGET_DAYS * DAY
        self._advised = {document: at for document, at in self._advised.items() if at > horizon}
        self.unreceived = {document: at for document, at in self.unreceived.items() if at > horizon}
        lost = [document for document, transfer in self.travelling.items() if transfer.departed_at < horizon]
        for document in lost:
            del self.travelling[document]
            self._warned.discard(document)
        if (now // DAY) % _FORGET_DAYS == 0:
            self._cartons = ({}, self._cartons[0])
            self._ordered = ({}, self._ordered[0])
            self._ever_parked = (set(), self._ever_parked[0])

    def _compare_with_order(self, block: Block) -> None:
        """A receipt without a notice: what came of an item against what was ordered of it.

        Items of which a carton was set aside are left out: what is missing of them is known.
        """
        names = ("document_id", "correlation_id", "item", "parent_document_id", "quantity", "event_id")
        received: dict[tuple[int, int, int, int], tuple[int, int]] = {}
        for *key, quantity, event in zip(*(integers(block, name).tolist() for name in names), strict=True):
            line = (key[0], key[1], key[2], key[3])
            received[line] = (received.get(line, (0, event))[0] + quantity, event)
        for (document, order, item, shipment), (quantity, event) in received.items():
            ordered = self._ordered[0].get((order, item), self._ordered[1].get((order, item), quantity))
            was_parked = any((document, item) in parked for parked in self._ever_parked)
            if quantity != ordered and not was_parked:
                self.exceptional.append(
                    Receipt(document, item, NULL, shipment, quantity, ordered, is_unknown=False, event_id=event)
                )

    def _resolve(self, shipments: list[int]) -> None:
        found = [shipment for shipment in shipments if shipment in self.waiting]
        for shipment in found:
            del self.waiting[shipment]
        self.resolved.extend((shipment, NO_CODE) for shipment in found)

    def _unpark(self, block: Block) -> None:
        """Unknown cartons that were received after all."""
        good = integers(block, "status") != STATUS["unknown_carton"]
        cartons = integers(block, "carton")
        for carton in cartons[good & np.isin(cartons, list(self._parked_cartons))].tolist():
            key = self._parked_cartons.pop(carton, None)
            if key is not None and self.parked.pop(key, None) is not None:
                self.resolved.append(key)

    def _learn(self, location: int, duration: int) -> None:
        """Running mean and variance of a lane's travel time (Welford)."""
        number, mean, variance = self.transit[location]
        delta = duration - mean
        mean += delta / (number + 1)
        self.transit[location] = (number + 1, mean, (variance * number + delta * (duration - mean)) / (number + 1))
