"""What a fault's data says of where it strikes is what the middleware is built from."""

from __future__ import annotations

from sim.events import INTERFACES
from sim.faults.types import TYPES
from sim.middleware.routing import MAPPINGS, ROUTES


def test_the_interfaces_of_message_faults_are_those_of_the_routes():
    direct = {route.interface for route in ROUTES if not route.is_nightly}
    mapped = {interface for interface, _ in MAPPINGS}
    posting = {route.interface for route in ROUTES if route.by_document and route.consumer == "erp"}
    nightly = {route.interface for route in ROUTES if route.is_nightly}
    assert {entry.name: set(entry.interfaces) for entry in TYPES if entry.interfaces} == {
        "posting_lag": posting, "dropped_message": direct, "duplicate_message": direct, "schema_drift": mapped,
        "api_outage": {*mapped, "web_oms"}, "batch_failure": nightly,
    }
    assert {name for entry in TYPES for name in entry.interfaces} <= set(INTERFACES)


def test_who_can_be_confined_to_an_interface_says_to_which():
    for entry in TYPES:
        assert ("interface" in entry.confined_to) == bool(entry.interfaces)
