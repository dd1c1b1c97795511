"""Trucks, notices and cartons: what the dock can tell without being told."""

import numpy as np
import pytest

from detection.views.shipments import Shipments
from sim.clock import HOUR
from sim.events import CODE, DOCUMENT_TYPE, EVENT_TYPE, STATUS, Block


def block(name, size, **columns):
    columns = {key: np.asarray(value) if np.ndim(value) else value for key, value in columns.items()}
    return Block(EVENT_TYPE[name], {"event_id": np.arange(size) + 1, **columns}, size)


@pytest.fixture
def dock():
    made = Shipments(locations=3, grace_minutes=15.0)
    made.order(block("ordering", 3, code=CODE["850"], document_id=7, item=[1, 2, 3], quantity=[48, 24, 12]))
    return made


def receive(dock, status, item, quantity, carton):
    dock.begin()
    size = len(item)
    dock.receive(
        block(
            "receiving", size, document_id=70, parent_document_id=700, correlation_id=7, item=item, carton=carton,
            quantity=quantity, status=STATUS[status],
        )
    )  # fmt: skip
    return [(receipt.item, receipt.quantity, receipt.advised) for receipt in dock.exceptional]


def test_a_blind_receipt_is_held_against_its_order(dock):
    assert receive(dock, "blind", [1, 1, 2, 3], [24, 24, 20, 12], [11, 12, 13, 14]) == [(2, 20, 24)]


def test_an_item_with_a_carton_set_aside_is_not_held_against_the_order(dock):
    assert receive(dock, "unknown_carton", [1], [0], [11]) == [(1, 0, 0)]
    assert receive(dock, "blind", [1, 2, 3], [24, 24, 12], [12, 13, 14]) == []
    assert (70, 1) in dock.parked
    assert receive(dock, "blind", [1], [24], [11]) == []
    assert dock.parked == {}


def test_a_variance_names_what_was_advised(dock):
    dock.advise(0, block("advising", 2, document_id=700, item=[1, 2], quantity=[48, 24], carton=[11, 12]))
    assert receive(dock, "variance", [1], [40], [11]) == [(1, 40, 48)]


def test_a_truck_without_its_notice_is_reported_once_and_resolved_by_the_notice(dock):
    arrival = block("arriving", 1, document_id=[700], document_type=DOCUMENT_TYPE["asn"], parent_document_id=[7])
    dock.arrive(0, arrival)
    dock.finish(10)
    assert [shipment for shipment, _, _ in dock.unannounced] == [700]
    dock.begin()
    dock.advise(20, block("advising", 1, document_id=700, item=[1], quantity=[48], carton=[11]))
    dock.finish(20)
    assert dock.resolved == [(700, -1)]
    assert dock.waiting == {}


def test_a_truck_is_late_once_and_gone_when_it_arrives(dock):
    header = {"document_id": [9], "document_type": DOCUMENT_TYPE["transfer"]}
    dock.depart(block("departing", 1, partner=2, occurred_at=[0], due_at=[8 * HOUR], **header))
    for hour, late in ((8, 0), (9, 1), (10, 0)):
        dock.begin()
        dock.finish(hour * HOUR)
        assert len(dock.late) == late, hour
    dock.arrive(11 * HOUR, block("arriving", 1, location=2, occurred_at=[11 * HOUR], **header))
    assert dock.arrived == [9]
    assert dock.transit[2].tolist() == [1.0, 11.0 * HOUR, 0.0]


def test_a_truck_that_came_is_missed_at_the_handheld_until_it_is_received(dock):
    header = {"document_id": [9], "document_type": DOCUMENT_TYPE["transfer"]}
    dock.depart(block("departing", 1, partner=2, occurred_at=[0], due_at=[8 * HOUR], **header))
    dock.arrive(9 * HOUR, block("arriving", 1, location=2, occurred_at=[5 * HOUR], **header))
    for hour, missed in ((9, []), (10, []), (11, [9]), (12, [9])):
        dock.begin()
        dock.finish(hour * HOUR)
        assert dock.unconfirmed == missed, hour
    dock.begin()
    dock.receive(block("receiving", 2, document_id=[9, 9], item=[1, 2], quantity=[5, 6]))
    dock.finish(13 * HOUR)
    assert (dock.received, dock.unconfirmed, dock.unreceived) == ([9], [], {})
