"""What the dock does not take: of a carton that holds more than its order asked for, all past the tolerance.

What is refused goes back on the truck that brought it, and never was ours. Too little is taken, with a warning:
the receipt says that it differs.
"""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND
from sim.draws import Kind, Paper
from sim.events import CODE, DOCUMENT_TYPE, SOURCE, STATUS
from sim.room import Room
from sim.systems.finance import Tolerance, accepted_units
from sim.systems.wms import Delivery, carton_paper


def refuse_excess(room: Room, delivery: Delivery) -> None:
    """Take of each carton no more than its tolerance allows; the delivery is changed to what is taken.

    A carton that no ASN knows is parked as it is: nobody can tell yet what it should hold.
    """
    ordered, came = delivery.agreed.astype(np.int64), delivery.actual.astype(np.int64)
    taken = accepted_units(Tolerance.of(room.config.finance), ordered, came)
    rows = np.flatnonzero((taken < came) & (delivery.unknown < 0))
    if not len(rows):
        return
    refused = (came - taken)[rows]
    delivery.refused = True
    delivery.actual[rows] = taken[rows]
    at = np.full(len(rows), room.now) + rows * SECOND
    papers = [carton_paper(Paper.REFUSED_RECEIPT, key) for key in delivery.key[rows].tolist()]
    event = np.array([room.ids.one(Kind.DOCUMENT, body, step) for body, step in papers])
    room.stream.emit(
        "receiving", len(rows), event_id=event, occurred_at=at, recorded_at=at + SECOND, available_at=at + 30 * SECOND,
        source=SOURCE["WMS"], location=0, partner=room.locations + delivery.supplier, item=delivery.item[rows],
        quantity=refused, status=STATUS["refused"], code=CODE["101"], document_type=DOCUMENT_TYPE["receipt"],
        document_id=delivery.receipt, parent_document_id=delivery.shipment, carton=delivery.sscc[rows],
        correlation_id=delivery.purchase,
    )
    for row, act in zip(rows.tolist(), event.tolist(), strict=True):
        fault, left = int(delivery.varied[row]), int(delivery.agreed[row]) - int(delivery.good[row])
        if fault < 0:
            continue
        room.truth.faults.units[fault] = left
        room.truth.lineage(act, fault)
        if not left:
            # What is taken is what was agreed: the refusal has put it right.
            delivery.varied[row] = -1
            room.truth.end(fault, room.now)
