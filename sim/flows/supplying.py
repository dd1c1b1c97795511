"""Suppliers: purchase orders from ERP's review, what is shipped, and what the ASN says of it.

ERP reviews each supplier's items every few days: order up to a level from on-hand and on-order. An
overdue order counts as inbound only once an ASN confirms it, so a missing ASN makes ERP order twice.
Suppliers ship after a lognormal lead time; the ASN (856) lists cartons by SSCC and should come
before the truck.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, MINUTE, SECOND
from sim.draws import Kind, Purpose, keyed, keyed_int, lognormal_int, threshold, uniform_int
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.receiving import DAY_SHIFT, LINE_SHIFT, SUPPLIER_SHIFT, Delivery, Receiving
from sim.ledger import Belief
from sim.ledger import Kind as StockKind
from sim.region import Region

#: Step of a carton's event key that the ASN row has.
ADVISED_STEP = 14
_REVIEW_HOUR = 6
_ASN_LEAD = 20 * HOUR
_CASES_PER_CARTON = 6
#: Promise of the supplier over the median lead time.
_PROMISE = 1.3


class Supplying:
    """Purchase orders of a region's DC."""

    def __init__(self, region: Region, receiving: Receiving, manual: Manual) -> None:
        self._region, self._receiving, self._manual = region, receiving, manual
        room = region.room
        rate = room.economy.rate.reshape(room.locations, room.items)[1:].sum(axis=0)
        review = room.config.replenishment.dc_review_days
        self._level = room.economy.reorder_point[: room.items] + np.ceil(rate * review).astype(np.int32)
        self._unconfirmed = np.zeros(room.items, np.int64)
        self._advices = np.zeros(room.config.world.suppliers, np.int64)

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
        catalogue, ledger = room.catalogue, room.ledger
        mine = np.flatnonzero(catalogue.supplier == supplier)
        position = ledger.belief[Belief.ERP_ON_HAND, mine] + ledger.belief[Belief.ERP_ON_ORDER, mine]
        position = position - self._unconfirmed[mine]
        short = position <= room.economy.reorder_point[mine]
        item = mine[short].astype(np.int32)
        if not len(item):
            return
        case = catalogue.case[item]
        cases = -(-(self._level[item] - position[short]) // case)
        units = (np.maximum(cases, 1) * case).astype(np.int32)
        body = (supplier << SUPPLIER_SHIFT) | (day << DAY_SHIFT)
        purchase = room.ids.one(Kind.HEADER, body, 2)
        ledger.tell(StockKind.ON_ORDER, item, units, posted=(Belief.ERP_ON_ORDER,))
        n = len(item)
        at = np.full(n, room.now) + np.arange(n) * SECOND // 10
        key = body + (np.arange(n, dtype=np.int64) << LINE_SHIFT)
        median = room.config.replenishment.lead_days_median
        due = room.now + round(median * _PROMISE * DAY)
        room.stream.emit(
            "ordering", n, event_id=room.ids.of(Kind.HEADER, key, 6), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=due, source=SOURCE["ERP"], location=0,
            partner=room.locations + supplier, item=item, quantity=units, code=CODE["850"],
            document_type=DOCUMENT_TYPE["purchase_order"], document_id=purchase, correlation_id=purchase,
        )
        room.env.process(self._ship(supplier, day, purchase, item, units, due))

    def _ship(self, supplier: int, day: int, purchase: int, item: np.ndarray, units: np.ndarray,
              due: int) -> Generator[simpy.Event, Any, None]:
        """One order at the supplier: packed, advised, driven to the DC."""
        room = self._region.room
        replenishment = room.config.replenishment
        bits = keyed_int(room.seed, Purpose.LEAD_TIME, room.region, supplier, day)
        days = lognormal_int(bits, replenishment.lead_days_median, replenishment.lead_sigma)
        arrival = room.now + round(days * DAY)
        # Yards take trucks between six and eighteen o'clock.
        clock = arrival % DAY
        arrival += max(0, 6 * HOUR - clock) if clock < 18 * HOUR else DAY - clock + 6 * HOUR
        delivery = self._pack(supplier, day, purchase, item, units)
        advised_at = self._advice_time(supplier, day, arrival, delivery)
        if advised_at is not None:
            room.at(advised_at, lambda: self._advise(delivery, arrival))
        room.at(due, lambda: self._overdue(delivery))
        yield room.env.timeout(arrival - room.now)
        at = np.array([room.now])
        room.stream.emit(
            "arriving", 1, event_id=np.array([room.ids.one(Kind.HEADER, self._body(supplier, day), 5)]),
            occurred_at=at, recorded_at=at, available_at=at + 60 * SECOND, source=SOURCE["TMS"], location=0,
            partner=room.locations + supplier, document_type=DOCUMENT_TYPE["asn"], document_id=delivery.shipment,
            parent_document_id=purchase, correlation_id=purchase, status=STATUS["ok"],
        )
        if not delivery.advice.triggered and delivery.late_fault >= 0:
            delivery.late_ticket = room.rules.hold_up(delivery.late_fault, delivery.item)
            delivery.late_exception = room.truth.open_exception(
                "late_asn", (supplier, day), "late_asn", [delivery.late_fault], room.now, location=0,
                document_id=delivery.shipment, first_evidence_at=room.now + 60 * SECOND,
                loss_at_stake=float((room.catalogue.price - room.catalogue.cost)[delivery.item] @ delivery.actual),
            )
            self._manual.truck_without_advice(delivery)
        yield from self._receiving.unload(delivery)

    @staticmethod
    def _body(supplier: int, day: int) -> int:
        return (supplier << SUPPLIER_SHIFT) | (day << DAY_SHIFT)

    def _pack(self, supplier: int, day: int, purchase: int, item: np.ndarray, units: np.ndarray) -> Delivery:
        """Cartons of one order: what the ASN will say, and what is really in them."""
        room, truth = self._region.room, self._region.room.truth
        per_carton = room.catalogue.case[item] * _CASES_PER_CARTON
        cartons = np.minimum(-(-units // per_carton), 1 << LINE_SHIFT)
        line = np.repeat(np.arange(len(item)), cartons)
        ordinal = np.arange(len(line)) - np.repeat(np.cumsum(cartons) - cartons, cartons)
        share = units[line] // cartons[line] + (ordinal < units[line] % cartons[line])
        advised = share.astype(np.int32)
        body = self._body(supplier, day)
        key = body + (line.astype(np.int64) << LINE_SHIFT) + ordinal
        n, shipment = len(line), room.ids.one(Kind.HEADER, body, 3)
        receipt = room.ids.one(Kind.HEADER, body, 4)
        faults, scale = room.config.faults, room.config.faults.scale
        actual = advised.copy()
        varied, unknown = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        bits = keyed(room.seed, Purpose.VARIANCE, room.region, key)
        for row in np.flatnonzero(bits < threshold(faults.receiving_variance.rate * scale)).tolist():
            fault_id = truth.fault_id("receiving_variance", int(key[row]))
            if truth.is_excluded(fault_id):
                continue
            actual[row] = _varied(int(advised[row]), keyed_int(int(bits[row]), Purpose.VARIANCE))
            units_wrong = int(advised[row]) - int(actual[row])
            if units_wrong:
                varied[row] = truth.fault("receiving_variance", fault_id, room.now, location=0,
                                          item=int(item[line[row]]), document_id=receipt,
                                          magnitude=abs(units_wrong), units=units_wrong, acting=True)
        bits = keyed(room.seed, Purpose.CARTON, room.region, key)
        for row in np.flatnonzero(bits < threshold(faults.carton_mismatch.rate * scale)).tolist():
            fault_id = truth.fault_id("carton_mismatch", int(key[row]))
            if not truth.is_excluded(fault_id):
                unknown[row] = truth.fault("carton_mismatch", fault_id, room.now, location=0,
                                           item=int(item[line[row]]), document_id=receipt,
                                           magnitude=float(actual[row]), units=int(actual[row]), acting=True)
        sscc = _sscc(room.ids.of(Kind.PURCHASE, key, 4))
        return Delivery(supplier, purchase, shipment, receipt, item[line], key, sscc, advised, actual, unknown, varied,
                        room.env.event(), room.env.event())

    def _advice_time(self, supplier: int, day: int, arrival: int, delivery: Delivery) -> int | None:
        """When the ASN reaches the WMS; None for never."""
        room, spec = self._region.room, self._region.room.config.faults.late_asn
        bits = keyed_int(room.seed, Purpose.ASN, room.region, supplier, day)
        fault_id = room.truth.fault_id("late_asn", supplier, day)
        on_time = max(room.now + HOUR, arrival - _ASN_LEAD)
        if bits >= int(threshold(spec.rate * room.config.faults.scale)) or room.truth.is_excluded(fault_id):
            return on_time
        more = keyed_int(bits, Purpose.ASN)
        delivery.late_fault = room.truth.fault("late_asn", fault_id, on_time, location=0,
                                               document_id=delivery.shipment, interface=INTERFACE["edi_wms"],
                                               units=int(delivery.advised.sum()), acting=True)
        if uniform_int(more) < 0.3:
            return None
        return arrival + round(max(1.0, lognormal_int(keyed_int(more, Purpose.ASN), spec.hours, spec.sigma)) * HOUR)

    def _advise(self, delivery: Delivery, arrival: int) -> None:
        """The ASN comes in by EDI, one row a carton."""
        room, n = self._region.room, len(delivery.item)
        at = np.full(n, room.now) + np.arange(n) * SECOND // 10
        sequence = self._advices[delivery.supplier] + np.arange(n)
        self._advices[delivery.supplier] += n
        item, sscc, units = delivery.item, delivery.sscc, delivery.advised
        room.stream.emit(
            "advising", n, event_id=room.ids.of(Kind.PURCHASE, delivery.key, ADVISED_STEP), occurred_at=at,
            recorded_at=at + MINUTE, available_at=at + 2 * MINUTE, due_at=arrival, source=SOURCE["EDI"],
            interface=INTERFACE["edi_wms"], sequence=sequence, location=0,
            partner=room.locations + delivery.supplier, item=item, quantity=units, code=CODE["856"],
            document_type=DOCUMENT_TYPE["asn"], document_id=delivery.shipment, parent_document_id=delivery.purchase,
            carton=np.where(delivery.unknown >= 0, sscc + 10, sscc), correlation_id=delivery.purchase,
        )
        if delivery.late_fault >= 0:
            room.truth.lineage(room.ids.of(Kind.PURCHASE, delivery.key, ADVISED_STEP), delivery.late_fault)
        delivery.advice.succeed()
        self._confirm(delivery)

    def _overdue(self, delivery: Delivery) -> None:
        """An order past its promise and unconfirmed no longer counts as inbound."""
        if not delivery.advice.triggered and not delivery.blind.triggered:
            np.add.at(self._unconfirmed, delivery.item, delivery.advised)
            delivery.advised_late_at = self._region.room.now
            delivery.blind.callbacks.append(lambda _: self._confirm(delivery))

    def _confirm(self, delivery: Delivery) -> None:
        if delivery.advised_late_at:
            np.subtract.at(self._unconfirmed, delivery.item, delivery.advised)
            delivery.advised_late_at = 0


def _varied(advised: int, bits: int) -> int:
    """What is really in a carton that differs: short (three in five), over, or part of it damaged."""
    kind, size = uniform_int(bits), uniform_int(keyed_int(bits, Purpose.VARIANCE))
    units = max(1, round(advised * (0.1 + 0.5 * size)))
    return advised + units if kind >= 0.75 else max(0, advised - units)


def _sscc(ids: np.ndarray) -> np.ndarray:
    """Serial shipping container codes: 17 digits of an opaque number and the GS1 check digit."""
    body = 30_000_000_000_000_000 + ids % 10_000_000_000_000_000
    total, rest = np.zeros(len(ids), np.int64), body.copy()
    for position in range(17):
        total += (rest % 10) * (3 if position % 2 == 0 else 1)
        rest //= 10
    return body * 10 + (-total) % 10


