"""What an operator reads from postings with and without the envelope of their message, row by row."""

from __future__ import annotations

from typing import Any

from sim.clock import HOUR
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, STATUS
from tests.detection.test_rules import ITEMS, START, Tape

#: What the middleware adds to a posting.
ENVELOPE = {"correlation_id": [70] * ITEMS, "sequence": list(range(ITEMS))}


def post_lines(tape: Tape, **posting: Any) -> None:
    """The lines of a transfer that are sent, and what ERP posts of them."""
    line = {"location": 0, "item": list(range(ITEMS)), "code": CODE["303"], "interface": INTERFACE["wms_erp"],
            "document_type": DOCUMENT_TYPE["transfer"], "quantity": [3] * ITEMS}
    tape.row("shipping", 10.0, due_at=START + 14 * HOUR, document_id=[70] * ITEMS, sequence=list(range(ITEMS)), **line)
    tape.row("posting", 10.5, **(line | posting))


def test_a_posting_is_joined_by_its_envelope():
    tape = Tape()
    post_lines(tape, **ENVELOPE)
    assert not tape.play("transfer")


def test_without_its_envelope_a_posting_is_told_by_its_looks():
    tape = Tape()
    post_lines(tape)
    assert not tape.play("transfer")


def test_a_posting_of_another_quantity_is_known_by_its_envelope_and_without_it_only_missed():
    tape = Tape()
    post_lines(tape, **ENVELOPE, quantity=[1] * ITEMS)
    assert {alert["type"] for alert in tape.play("transfer")} == {"unit_of_measure"}
    blind = Tape()
    post_lines(blind, quantity=[1] * ITEMS)
    assert {alert["type"] for alert in blind.play("transfer")} == {"posting_lag"}


def test_a_second_posting_is_known_by_its_envelope_and_by_nothing_else():
    for envelope, found in (({"correlation_id": [70], "sequence": [4]}, [("duplicate_message", 70)]), ({}, [])):
        tape = Tape()
        post_lines(tape, **ENVELOPE)
        tape.row("posting", 12.0, location=0, item=[4], code=CODE["303"], interface=INTERFACE["wms_erp"],
                 quantity=[3], document_type=DOCUMENT_TYPE["transfer"], **envelope)
        assert [(alert["type"], alert["document_id"]) for alert in tape.play("transfer")] == found


def test_that_an_interface_is_back_is_read_from_its_traffic_where_nobody_says_so():
    tape = Tape()
    interface = INTERFACE["store_erp"]
    tape.row("retrying", 10.0, interface=interface, code=CODE["503"], status=STATUS["unavailable"], attempt=1)
    for hour, status in ((11.0, "unavailable"), (12.0, "ok")):
        tape.row("telemetry", hour, interface=interface, location=[1], count=[5], status=STATUS[status])
    tape.row("retrying", 15.0, interface=interface, code=CODE["503"], status=STATUS["unavailable"], attempt=1)
    assert [alert["type"] for alert in tape.play("channel")] == ["api_outage", "api_outage"]
