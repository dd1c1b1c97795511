"""Suppliers: how long they take, what they promise, and how they change their minds.

A supplier confirms an order (855), perhaps for less than was ordered, may change a line's quantity or
price until it packs, and ships after a lognormal lead time. Most trade by EDI; a *portal* supplier keys
by hand, later and with more errors. Orders go well or badly as a whole: what goes wrong with cartons,
quantities and prices does so in *troubled* orders, at so much higher a rate that the share of all holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR, MINUTE
from sim.draws import Purpose, keyed, keyed_int, lognormal_int, threshold, uniform, uniform_int
from sim.room import Room
from sim.systems.wms import DAY_SHIFT, SUPPLIER_SHIFT

I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

#: Goods are packed so long before they arrive, or after this share of a shorter lead time. Assumptions.
_PACKED_BEFORE, _PACKED_AFTER = 24 * HOUR, 0.4
#: Share of quantity changes by which the supplier takes a line back. Assumption.
_TAKEN_BACK = 0.08
#: What a paper takes from the supplier's system to ERP. Assumption.
ON_ITS_WAY = 2 * MINUTE
#: Median and sigma of how long an overtaken version comes after the one that overtook it. Assumptions.
_OVERTAKEN_HOURS, _OVERTAKEN_SIGMA = 2.0, 0.7


def order_body(supplier: int, day: int) -> int:
    """The key of the order that a supplier got on a day."""
    return (supplier << SUPPLIER_SHIFT) | (day << DAY_SHIFT)


def by_portal(room: Room, supplier: int) -> bool:
    """Whether a supplier keys its papers into the portal; the same in every region."""
    return uniform_int(keyed_int(room.seed, Purpose.PORTAL, supplier)) < room.config.suppliers.portal_share


def rate_of(room: Room, supplier: int, name: str) -> float:
    """The rate of a mechanism at one supplier: higher by portal, such that the chain's is as configured."""
    spec = room.config.suppliers
    share = room.plan.rate(name) / (1.0 + spec.portal_share * (spec.portal_factor - 1.0))
    return min(1.0, share * (spec.portal_factor if by_portal(room, supplier) else 1.0))


def bound_in_order(room: Room, supplier: int, day: int, rate: float) -> np.uint64:
    """The bound of a draw in one order: none in a good one, and in a troubled one so much more."""
    troubled = max(room.config.suppliers.troubled_share, rate)
    luck = uniform_int(keyed_int(room.seed, Purpose.CONFIRMATION, room.region, supplier, day, 1))
    return threshold(rate / troubled) if rate > 0.0 and luck < troubled else np.uint64(0)


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


@dataclass(frozen=True)
class Revision:
    """One version of an order line, as the supplier sends it.

    Attributes:
        version: 1 is the confirmation.
        sent_at, arrives_at: simulated time.
        units, price: what the version says.
        due_at: when it would have arrived; later than that it was overtaken by the next version.
        overwrites: id of the out_of_order fault by which it overwrites the next one, or -1.
    """

    version: int
    sent_at: int
    arrives_at: int
    units: int
    price: float
    due_at: int
    overwrites: int = -1


@dataclass(frozen=True)
class Terms:
    """All that a supplier will say of an order before it ships.

    Attributes:
        acknowledged_at: when its system has the order (997).
        confirmed_at: when it confirms all lines (855).
        packed_at: from then on nothing changes.
        offered: units that it confirms, by line.
        changed: line -> its versions, from the confirmation on, for lines that change later.
    """

    acknowledged_at: int
    confirmed_at: int
    packed_at: int
    offered: I32
    changed: dict[int, tuple[Revision, ...]]


def terms(room: Room, supplier: int, day: int, item: I32, units: I32, arrival: int) -> Terms:
    """What a supplier will say of an order that is placed now.

    Args:
        room: the region.
        supplier: its number.
        day: of the run.
        item: codes by line.
        units: ordered by line.
        arrival: when the goods will be there.
    """
    spec, lead = room.config.suppliers, arrival - room.now
    window = max(round(_PACKED_AFTER * lead), lead - _PACKED_BEFORE)
    bits = keyed_int(room.seed, Purpose.CONFIRMATION, room.region, supplier, day, 2)
    acknowledged = round(window * 0.02 * (1.0 + uniform_int(bits)))
    confirmed = round(window * (0.1 + 0.2 * uniform_int(keyed_int(bits, Purpose.CONFIRMATION))))
    offered = units.copy()
    short = _chosen(room, supplier, day, item, 3, spec.shortage_rate)
    offered[short] = np.maximum(1, units[short] * (0.3 + 0.6 * _luck(room, supplier, day, item[short], 4)))
    quantity = set(_chosen(room, supplier, day, item, 5, spec.quantity_change_rate).tolist())
    price = set(_chosen(room, supplier, day, item, 6, spec.price_change_rate).tolist())
    changed: dict[int, tuple[Revision, ...]] = {}
    for line in sorted(quantity | price):
        kinds = [name for name, lines in (("quantity", quantity), ("price", price)) if line in lines]
        first = _revision(1, room.now + confirmed, int(offered[line]), float(room.catalogue.cost[item[line]]))
        key = (room.region, supplier, day, int(item[line]))
        changed[line] = _overtake(room, key, _history(room, key, first, kinds, room.now + round(0.9 * window)))
    return Terms(room.now + acknowledged, room.now + confirmed, room.now + window, offered, changed)


def _luck(room: Room, supplier: int, day: int, item: I32, salt: int) -> F64:
    """Uniform numbers of order lines."""
    return uniform(keyed(room.seed, Purpose.CONFIRMATION, room.region, supplier, day, salt, item.astype(np.int64)))


def _chosen(room: Room, supplier: int, day: int, item: I32, salt: int, rate: float) -> npt.NDArray[np.intp]:
    """The lines to which something happens at a rate, all of them in troubled orders."""
    bits = keyed(room.seed, Purpose.CONFIRMATION, room.region, supplier, day, salt, item.astype(np.int64))
    return np.flatnonzero(bits < bound_in_order(room, supplier, day, rate))


def _revision(version: int, sent_at: int, units: int, price: float) -> Revision:
    arrives_at = sent_at + ON_ITS_WAY
    return Revision(version, sent_at, arrives_at, units, price, arrives_at)


def _history(room: Room, key: tuple[int, ...], first: Revision, kinds: list[str], until: int) -> list[Revision]:
    """The versions of a line, from the confirmation on; the last change is sent before ``until``."""
    versions = [first]
    moments = sorted((keyed_int(room.seed, Purpose.REORDERING, *key, salt), kind)
                     for salt, kind in enumerate(kinds))
    for bits, kind in moments:
        before = versions[-1]
        sent_at = first.sent_at + ON_ITS_WAY + round(uniform_int(bits) * (until - first.sent_at))
        more = keyed_int(bits, Purpose.REORDERING)
        units, price = before.units, before.price
        if kind == "price":
            price = round(price * (1.0 + (0.02 + 0.08 * uniform_int(more)) * (1 if more & 1 else -1)), 2)
            price = price if price != before.price else round(price + 0.01, 2)
        else:
            units = _requoted(units, more)
        versions.append(_revision(len(versions) + 1, sent_at, units, price))
        if units == 0:
            break
    return versions


def _requoted(units: int, bits: int) -> int:
    """Another quantity: less (three in five) or more, or none at all."""
    luck, size = uniform_int(bits), uniform_int(keyed_int(bits, Purpose.REORDERING, 1))
    if luck < _TAKEN_BACK:
        return 0
    step = max(1, round(units * (0.1 + 0.4 * size)))
    return units - step if luck < 0.6 and units > step else units + step


def _overtake(room: Room, key: tuple[int, ...], versions: list[Revision]) -> tuple[Revision, ...]:
    """Let versions arrive after the one that follows them: ERP ignores such a one, or a fault lets it overwrite."""
    late = np.uint64(0xFFFFFFFFFFFFFFFF) - threshold(room.config.suppliers.overtaken_rate)
    _, supplier, _, item = key
    for n in range(len(versions) - 1, 0, -1):
        change, before = versions[n], versions[n - 1]
        bits = keyed_int(room.seed, Purpose.REORDERING, *key, 16 + change.version)
        fault_id = room.truth.fault_id("out_of_order", *key, change.version)
        wrong = bits < int(room.plan.below("out_of_order")) and room.plan.strikes(
            "out_of_order", fault_id, before.due_at, location=0, item=item, supplier=supplier)
        if not wrong and bits <= int(late):
            continue
        lag = lognormal_int(keyed_int(bits, Purpose.REORDERING), _OVERTAKEN_HOURS, _OVERTAKEN_SIGMA)
        versions[n - 1] = replace(before, arrives_at=change.arrives_at + round(lag * HOUR),
                                  overwrites=fault_id if wrong else -1)
    return tuple(versions)
