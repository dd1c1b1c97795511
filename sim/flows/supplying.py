"""Suppliers: purchase orders from ERP's review, what is shipped, and what the ASN says of it.

ERP reviews each supplier's items every few days: order up to a level from on-hand and on-order. An
overdue order counts as inbound only once an ASN confirms it, so a missing ASN makes ERP order twice.
What supplier and buyer write to each other is :mod:`sim.flows.conversing`. Suppliers ship after a lognormal
lead time; the ASN (856) lists cartons by SSCC and should be read before the truck comes: it may be sent late
or never, or wait in the mailbox of an interface that is down or no longer understands it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, MINUTE, SECOND
from sim.draws import Kind
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.conversing import Conversing
from sim.flows.manual import Manual
from sim.flows.receiving import Receiving
from sim.middleware.mailbox import Letter
from sim.region import Region
from sim.systems.erp import purchase_needs
from sim.systems.packing import advice_time, interface_of, pack, receipt_of
from sim.systems.purchasing import Lines
from sim.systems.suppliers import arrival_time, order_body, terms
from sim.systems.wms import LINE_SHIFT, Delivery

#: Step of a carton's event key that the ASN row has.
ADVISED_STEP = 14
#: When the DC is reviewed. Assumption.
_REVIEW_HOUR = 6


class Supplying:
    """Purchase orders of a region's DC."""

    def __init__(self, region: Region, receiving: Receiving, conversing: Conversing, manual: Manual) -> None:
        self._region, self._receiving, self._conversing, self._manual = region, receiving, conversing, manual
        self._orders = receiving.orders
        self._relist()
        region.relisting.append(self._relist)
        #: ASNs that were not read at once, by shipment.
        self._letters: dict[int, Letter] = {}
        #: Orders that an ASN, or a blind receipt, has confirmed.
        self._confirmed: set[int] = set()

    def _relist(self) -> None:
        """What an order lifts each item's position to."""
        room = self._region.room
        rate = room.economy.rate.reshape(room.locations, room.items)[1:].sum(axis=0)
        review = room.config.replenishment.dc_review_days
        self._level = room.economy.reorder_point[: room.items] + np.ceil(rate * review).astype(np.int32)

    def review(self) -> Generator[simpy.Event, Any, None]:
        """ERP's daily purchasing run."""
        room = self._region.room
        yield room.env.timeout(_REVIEW_HOUR * HOUR)
        while True:
            day = room.day_of(room.now)
            every = room.config.replenishment.dc_review_days
            for supplier in range(room.config.world.suppliers):
                if (day + supplier) % every == 0:
                    self._order(supplier, day)
            yield room.env.timeout(DAY)

    def _order(self, supplier: int, day: int) -> None:
        room = self._region.room
        item, units = purchase_needs(room, supplier, self._level, self._orders.unconfirmed)
        if not len(item):
            return
        body = order_body(supplier, day)
        purchase = room.ids.one(Kind.HEADER, body, 2)
        n = len(item)
        key = body + (np.arange(n, dtype=np.int64) << LINE_SHIFT)
        lines = self._orders.create(purchase, receipt_of(room, supplier, day), supplier, item, units, key >> LINE_SHIFT)
        self._receiving.purchases.open(purchase, supplier, day, item, units)
        at = np.full(n, room.now) + np.arange(n) * SECOND // 10
        promised = room.config.replenishment.lead_days_median * room.config.suppliers.promise_factor
        due = room.now + round(promised * DAY)
        room.stream.emit(
            "ordering", n, event_id=room.ids.of(Kind.HEADER, key, 6), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=due, source=SOURCE["ERP"], interface=INTERFACE["edi_out"], location=0,
            partner=room.locations + supplier, item=item, quantity=units, unit_price=room.catalogue.cost[item],
            version=0, code=CODE["850"], status=STATUS["created"], document_type=DOCUMENT_TYPE["purchase_order"],
            document_id=purchase, correlation_id=purchase,
        )
        room.env.process(self._ship(supplier, day, lines, due))

    def _ship(self, supplier: int, day: int, lines: Lines, due: int) -> Generator[simpy.Event, Any, None]:
        """One order at the supplier: agreed, packed, advised, driven to the DC."""
        room, orders = self._region.room, self._orders
        purchase, item, arrival = int(orders.purchase[lines[0]]), orders.item[lines], arrival_time(room, supplier, day)
        said = terms(room, supplier, day, item, orders.ordered[lines], arrival)
        self._conversing.begin(lines, supplier, day, said)
        room.at(due, lambda: self._overdue(purchase))
        yield room.env.timeout(said.packed_at - room.now)
        self._conversing.packed.add(purchase)
        delivery = pack(room, supplier, day, purchase, item, orders.agreed[lines])
        if not len(delivery.item):
            # Every line was taken back: nothing comes, and nothing is waited for.
            self._confirm(purchase)
            return
        advised_at = advice_time(room, supplier, day, arrival, delivery)
        if advised_at is not None:
            room.at(advised_at, lambda: self._send_advice(delivery, arrival))
        delivery.blind.callbacks.append(lambda _: self._confirm(purchase))
        yield room.env.timeout(arrival - room.now)
        cases = float((delivery.agreed / room.catalogue.case[delivery.item]).sum())
        room.gauges.add("on_time", cases if arrival <= due else 0.0, cases)
        at = np.array([room.now])
        room.stream.emit(
            "arriving", 1, event_id=np.array([room.ids.one(Kind.HEADER, order_body(supplier, day), 5)]),
            occurred_at=at, recorded_at=at, available_at=at + 60 * SECOND, source=SOURCE["TMS"], location=0,
            partner=room.locations + supplier, document_type=DOCUMENT_TYPE["asn"], document_id=delivery.shipment,
            parent_document_id=purchase, correlation_id=purchase, status=STATUS["ok"],
        )
        if not delivery.advice.triggered:
            self._miss_advice(delivery)
        yield from self._receiving.unload(delivery)

    def _miss_advice(self, delivery: Delivery) -> None:
        """A truck stands in the yard and no ASN tells of it: the supplier is late, or the middleware keeps it."""
        room, letter = self._region.room, self._letters.get(delivery.shipment)
        fault = delivery.late_fault if delivery.late_fault >= 0 or letter is None else letter.turned_away_by
        if fault < 0:
            # It waits for the end of announced maintenance, and so does the truck.
            return
        delivery.late_ticket = room.rules.hold_up(fault, delivery.item)
        room.truth.open_exception(
            "late_asn", (delivery.supplier, delivery.day), room.truth.faults.type[fault], [fault], room.now, location=0,
            document_id=delivery.shipment, first_evidence_at=room.now + 60 * SECOND,
            loss_at_stake=float((room.catalogue.price - room.catalogue.cost)[delivery.item] @ delivery.actual),
        )
        self._manual.truck_without_advice(delivery)

    def _send_advice(self, delivery: Delivery, arrival: int) -> None:
        """The supplier sends its ASN."""
        box = self._region.mailboxes[interface_of(self._region.room, delivery.supplier)]
        letter = box.put(
            supplier=delivery.supplier, document_type=DOCUMENT_TYPE["asn"], code=CODE["856"],
            document_id=delivery.shipment, key=delivery.key, item=delivery.item, units=delivery.advised,
            read=lambda letter: self._advise(delivery, arrival, letter))
        if not delivery.advice.triggered:
            self._letters[delivery.shipment] = letter

    def _advise(self, delivery: Delivery, arrival: int, letter: Letter) -> None:
        """The ASN is read, one row a carton."""
        room, n = self._region.room, len(delivery.item)
        at = np.full(n, room.now) + np.arange(n) * SECOND // 10
        item, units = delivery.item, delivery.advised
        room.stream.emit(
            "advising", n, event_id=room.ids.of(Kind.PURCHASE, delivery.key, ADVISED_STEP), occurred_at=at,
            recorded_at=at + MINUTE, available_at=at + 2 * MINUTE, due_at=arrival, source=SOURCE["EDI"],
            interface=interface_of(room, delivery.supplier), sequence=letter.messages.sequence, location=0,
            partner=room.locations + delivery.supplier, item=item, quantity=units, code=CODE["856"],
            document_type=DOCUMENT_TYPE["asn"], document_id=delivery.shipment, parent_document_id=delivery.purchase,
            carton=delivery.advised_sscc, correlation_id=delivery.purchase,
        )
        event = room.ids.of(Kind.PURCHASE, delivery.key, ADVISED_STEP)
        self._letters.pop(delivery.shipment, None)
        for fault in (delivery.late_fault, letter.turned_away_by):
            if fault >= 0:
                room.truth.lineage(event, fault)
        delivery.advice.succeed()
        self._confirm(delivery.purchase)

    def _overdue(self, purchase: int) -> None:
        """An order past its promise and unconfirmed no longer counts as inbound."""
        if purchase not in self._confirmed:
            self._orders.miss(purchase)

    def _confirm(self, purchase: int) -> None:
        """The goods of an order are known to be on their way, or here."""
        self._confirmed.add(purchase)
        self._orders.find(purchase)
