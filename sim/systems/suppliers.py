"""Suppliers: how long they take, what they pack, and what their ASN says of it.

A supplier ships after a lognormal lead time. Its ASN (856) lists cartons by SSCC and should come
before the truck. What is in a carton may differ from what the ASN says, and an SSCC may be one that
no ASN knows.
"""

from __future__ import annotations

import numpy as np

from sim.clock import DAY, HOUR
from sim.draws import Kind, Purpose, keyed, keyed_int, lognormal_int, uniform_int
from sim.events import INTERFACE
from sim.room import Room
from sim.systems.wms import DAY_SHIFT, LINE_SHIFT, SUPPLIER_SHIFT, Delivery

_ASN_LEAD = 20 * HOUR
#: Steps of a carton's key that its codes are made of; no event has them.
_ON_CARTON, _ON_ASN_BY_MISTAKE = 13, 12
_CASES_PER_CARTON = 6


def order_body(supplier: int, day: int) -> int:
    """The key of the order that a supplier got on a day."""
    return (supplier << SUPPLIER_SHIFT) | (day << DAY_SHIFT)


def arrival_time(room: Room, supplier: int, day: int) -> int:
    """When the truck of an order that is placed now stands in the yard."""
    replenishment = room.config.replenishment
    bits = keyed_int(room.seed, Purpose.LEAD_TIME, room.region, supplier, day)
    days = lognormal_int(bits, replenishment.lead_days_median, replenishment.lead_sigma)
    arrival = room.now + round(days * DAY)
    # Yards take trucks between six and eighteen o'clock.
    clock = arrival % DAY
    if 6 * HOUR <= clock < 18 * HOUR:
        return arrival
    # Who comes by night is let in one by one: a whole hour would be the mark of a truck that was on time.
    gate = 6 * HOUR + round(uniform_int(keyed_int(bits, Purpose.LEAD_TIME)) * 2 * HOUR)
    return arrival - clock + gate + (DAY if clock >= 18 * HOUR else 0)


def pack(room: Room, supplier: int, day: int, purchase: int, item: np.ndarray, units: np.ndarray) -> Delivery:
    """Cartons of one order: what the ASN will say, and what is really in them."""
    truth = room.truth
    per_carton = room.catalogue.case[item] * _CASES_PER_CARTON
    cartons = np.minimum(-(-units // per_carton), 1 << LINE_SHIFT)
    line = np.repeat(np.arange(len(item)), cartons)
    ordinal = np.arange(len(line)) - np.repeat(np.cumsum(cartons) - cartons, cartons)
    share = units[line] // cartons[line] + (ordinal < units[line] % cartons[line])
    advised = share.astype(np.int32)
    body = order_body(supplier, day)
    key = body + (line.astype(np.int64) << LINE_SHIFT) + ordinal
    n, shipment = len(line), room.ids.one(Kind.HEADER, body, 3)
    receipt = room.ids.one(Kind.HEADER, body, 4)
    plan = room.plan
    actual = advised.copy()
    varied, unknown = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    bits = keyed(room.seed, Purpose.VARIANCE, room.region, key)
    for row in np.flatnonzero(bits < plan.below("receiving_variance")).tolist():
        fault_id = truth.fault_id("receiving_variance", int(key[row]))
        if not plan.strikes("receiving_variance", fault_id, room.now, location=0, item=int(item[line[row]]),
                            supplier=supplier):
            continue
        actual[row] = _varied(int(advised[row]), keyed_int(int(bits[row]), Purpose.VARIANCE))
        units_wrong = int(advised[row]) - int(actual[row])
        if units_wrong:
            varied[row] = truth.fault("receiving_variance", fault_id, room.now, location=0,
                                      item=int(item[line[row]]), document_id=receipt,
                                      magnitude=abs(units_wrong), units=units_wrong, acting=True)
    bits = keyed(room.seed, Purpose.CARTON, room.region, key)
    for row in np.flatnonzero(bits < plan.below("carton_mismatch")).tolist():
        fault_id = truth.fault_id("carton_mismatch", int(key[row]))
        if plan.strikes("carton_mismatch", fault_id, room.now, location=0, item=int(item[line[row]]),
                        supplier=supplier):
            unknown[row] = truth.fault("carton_mismatch", fault_id, room.now, location=0,
                                       item=int(item[line[row]]), document_id=receipt,
                                       magnitude=float(actual[row]), units=int(actual[row]), acting=True)
    sscc = _sscc(room.ids.of(Kind.PURCHASE, key, _ON_CARTON))
    # An ASN may name another carton's code, as well formed as any: nothing but the arrival tells.
    advised_sscc = np.where(unknown >= 0, _sscc(room.ids.of(Kind.PURCHASE, key, _ON_ASN_BY_MISTAKE)), sscc)
    return Delivery(supplier, purchase, shipment, receipt, item[line], key, sscc, advised_sscc, advised, actual,
                    unknown, varied, room.env.event(), room.env.event())


def advice_time(room: Room, supplier: int, day: int, arrival: int, delivery: Delivery) -> int | None:
    """When the ASN reaches the WMS; None for never."""
    spec = room.config.faults.late_asn
    bits = keyed_int(room.seed, Purpose.ASN, room.region, supplier, day)
    fault_id = room.truth.fault_id("late_asn", supplier, day)
    earliest = room.now + round((1.0 + uniform_int(keyed_int(bits, Purpose.ASN, 1))) * HOUR)
    on_time = max(earliest, arrival - _ASN_LEAD)
    below = int(room.plan.below("late_asn"))
    if bits >= below or not room.plan.strikes("late_asn", fault_id, room.now, location=0, supplier=supplier):
        return on_time
    more = keyed_int(bits, Purpose.ASN)
    delivery.late_fault = room.truth.fault("late_asn", fault_id, on_time, location=0,
                                           document_id=delivery.shipment, interface=INTERFACE["edi_wms"],
                                           units=int(delivery.advised.sum()), acting=True)
    if uniform_int(more) < 0.3:
        return None
    return arrival + round(max(1.0, lognormal_int(keyed_int(more, Purpose.ASN), spec.hours, spec.sigma)) * HOUR)


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
