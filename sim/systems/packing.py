"""What suppliers pack, and what their ASN says of it, carton by carton.

A carton should hold its share of the order line, undamaged, under the SSCC that the ASN (856) names. It
may hold less or more, hold goods that are damaged, or bear a code that no ASN knows. A portal supplier's
ASN may also be mistyped while the carton is right.
"""

from __future__ import annotations

import numpy as np

from sim.clock import HOUR
from sim.draws import Kind, Purpose, keyed, keyed_int, lognormal_int, threshold, uniform_int
from sim.events import INTERFACE
from sim.room import Room
from sim.systems.suppliers import bound_in_order, by_portal, order_body, rate_of
from sim.systems.wms import LINE_SHIFT, Delivery

#: A supplier's system sends its ASN so long before the truck comes. Assumption.
_ASN_LEAD = 20 * HOUR
#: A portal supplier keys its ASN so long before the truck comes. Assumption.
_KEYED_BEFORE = (4 * HOUR, 12 * HOUR)
#: Steps of a carton's key that its codes are made of; no event has them.
_ON_CARTON, _ON_ASN_BY_MISTAKE = 13, 12
#: Cases of an item that a carton holds. Assumption.
_CASES_PER_CARTON = 6
#: A carton that differs is short up to the first share, damaged up to the second, else over. Assumptions.
_SHORT, _DAMAGED = 0.45, 0.75


def pack(room: Room, supplier: int, day: int, purchase: int, item: np.ndarray, units: np.ndarray) -> Delivery:
    """Cartons of one order: what was agreed, what the ASN will say, and what is really in them.

    Args:
        room: the region.
        supplier: its number.
        day: of the run on which it was ordered.
        purchase: the order.
        item: codes by order line.
        units: agreed by order line; lines of 0 have no carton.
    """
    per_carton = room.catalogue.case[item] * _CASES_PER_CARTON
    cartons = np.minimum(-(-units // per_carton), 1 << LINE_SHIFT)
    line = np.repeat(np.arange(len(item)), cartons)
    ordinal = np.arange(len(line)) - np.repeat(np.cumsum(cartons) - cartons, cartons)
    agreed = (units[line] // cartons[line] + (ordinal < units[line] % cartons[line])).astype(np.int32)
    body = order_body(supplier, day)
    key = body + (line.astype(np.int64) << LINE_SHIFT) + ordinal
    n = len(line)
    sscc = _sscc(room.ids.of(Kind.PURCHASE, key, _ON_CARTON))
    delivery = Delivery(
        supplier, day, purchase, shipment_of(room, supplier, day), receipt_of(room, supplier, day), item[line], key,
        sscc, sscc.copy(), agreed, agreed.copy(), agreed.copy(), np.zeros(n, np.int32), np.full(n, -1, np.int64),
        np.full(n, -1, np.int64), room.env.event(), room.env.event(),
    )
    _fill_wrongly(room, delivery)
    _label_wrongly(room, delivery)
    room.gauges.add("shipped_in_error", _units_in_error(delivery), float(delivery.actual.sum()))
    return delivery


def shipment_of(room: Room, supplier: int, day: int) -> int:
    """The id of an order's shipment, and of its ASN."""
    return room.ids.one(Kind.HEADER, order_body(supplier, day), 3)


def receipt_of(room: Room, supplier: int, day: int) -> int:
    """The id of the document by which an order is received."""
    return room.ids.one(Kind.HEADER, order_body(supplier, day), 4)


def _fill_wrongly(room: Room, delivery: Delivery) -> None:
    """Put less, more or damaged goods into some cartons; or mistype what is in them."""
    supplier, truth = delivery.supplier, room.truth
    bits = keyed(room.seed, Purpose.VARIANCE, room.region, delivery.key)
    bound = bound_in_order(room, supplier, delivery.day, rate_of(room, supplier, "receiving_variance"))
    for row in np.flatnonzero(bits < bound).tolist():
        item = int(delivery.item[row])
        fault_id = truth.fault_id("receiving_variance", int(delivery.key[row]))
        if not room.plan.strikes("receiving_variance", fault_id, room.now, location=0, item=item, supplier=supplier):
            continue
        units = _vary(room, delivery, row, keyed_int(int(bits[row]), Purpose.VARIANCE))
        delivery.varied[row] = truth.fault(
            "receiving_variance", fault_id, room.now, location=0, item=item, document_id=delivery.receipt,
            magnitude=abs(units), units=units, acting=True)


def _vary(room: Room, delivery: Delivery, row: int, bits: int) -> int:
    """Make one carton differ from its ASN; returns the units advised less those received as good."""
    agreed = int(delivery.agreed[row])
    kind, size = uniform_int(bits), uniform_int(keyed_int(bits, Purpose.VARIANCE))
    units = max(1, round(agreed * (0.1 + 0.7 * size)))
    # Of a portal supplier's errors all that come on top of the usual ones are slips of the keyboard.
    factor = room.config.suppliers.portal_factor
    if by_portal(room, delivery.supplier) and uniform_int(keyed_int(bits, Purpose.PORTAL)) > 1.0 / factor:
        delivery.advised[row] = agreed - units if kind < 0.5 and agreed > units else agreed + units
        return int(delivery.advised[row]) - agreed
    if agreed <= units or kind >= _DAMAGED:
        delivery.actual[row] = agreed + units
    elif kind >= _SHORT:
        delivery.damaged[row] = units
    else:
        delivery.actual[row] = agreed - units
    return agreed - int(delivery.actual[row] - delivery.damaged[row])


def _label_wrongly(room: Room, delivery: Delivery) -> None:
    """Name the code of another carton on the ASN, as well formed as any: nothing but the arrival tells."""
    supplier, truth = delivery.supplier, room.truth
    bits = keyed(room.seed, Purpose.CARTON, room.region, delivery.key)
    bound = bound_in_order(room, supplier, delivery.day, rate_of(room, supplier, "carton_mismatch"))
    for row in np.flatnonzero(bits < bound).tolist():
        item, units = int(delivery.item[row]), int(delivery.actual[row])
        fault_id = truth.fault_id("carton_mismatch", int(delivery.key[row]))
        if room.plan.strikes("carton_mismatch", fault_id, room.now, location=0, item=item, supplier=supplier):
            delivery.unknown[row] = truth.fault("carton_mismatch", fault_id, room.now, location=0, item=item,
                                                document_id=delivery.receipt, magnitude=float(units), units=units,
                                                acting=True)
    wrong = delivery.unknown >= 0
    if wrong.any():
        mistaken = _sscc(room.ids.of(Kind.PURCHASE, delivery.key[wrong], _ON_ASN_BY_MISTAKE))
        delivery.advised_sscc[wrong] = mistaken


def _units_in_error(delivery: Delivery) -> float:
    """Units of which the ASN says what is not so."""
    good = delivery.actual - delivery.damaged
    wrong = np.where(delivery.unknown >= 0, delivery.actual, np.abs(delivery.advised - good))
    return float(wrong.sum())


def advice_time(room: Room, supplier: int, day: int, arrival: int, delivery: Delivery) -> int | None:
    """When the ASN of goods that are packed now reaches the WMS; None for never."""
    spec = room.config.faults.late_asn
    bits = keyed_int(room.seed, Purpose.ASN, room.region, supplier, day)
    fault_id = room.truth.fault_id("late_asn", supplier, day)
    luck = uniform_int(keyed_int(bits, Purpose.ASN, 1))
    first, last = _KEYED_BEFORE
    lead = first + round(luck * (last - first)) if by_portal(room, supplier) else _ASN_LEAD
    on_time = max(room.now + round((0.1 + 0.2 * luck) * HOUR), arrival - lead)
    below = threshold(rate_of(room, supplier, "late_asn"))
    if bits >= int(below) or not room.plan.strikes("late_asn", fault_id, room.now, location=0, supplier=supplier):
        return on_time
    more = keyed_int(bits, Purpose.ASN)
    delivery.late_fault = room.truth.fault("late_asn", fault_id, on_time, location=0, document_id=delivery.shipment,
                                           interface=interface_of(room, supplier),
                                           units=int(delivery.advised.sum()), acting=True)
    if uniform_int(more) < 0.3:
        return None
    return arrival + round(max(1.0, lognormal_int(keyed_int(more, Purpose.ASN), spec.hours, spec.sigma)) * HOUR)


def interface_of(room: Room, supplier: int) -> int:
    """The interface by which a supplier's ASNs come."""
    return INTERFACE["portal_wms" if by_portal(room, supplier) else "edi_wms"]


def _sscc(ids: np.ndarray) -> np.ndarray:
    """Serial shipping container codes: 17 digits of an opaque number and the GS1 check digit."""
    body = 30_000_000_000_000_000 + ids % 10_000_000_000_000_000
    total, rest = np.zeros(len(ids), np.int64), body.copy()
    for position in range(17):
        total += (rest % 10) * (3 if position % 2 == 0 else 1)
        rest //= 10
    return body * 10 + (-total) % 10
