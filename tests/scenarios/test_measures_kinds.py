"""What the measures know of the world by name is what the world knows."""

from __future__ import annotations

from scenarios.measures.classification import COSTS, DECOY_PAIRS, PAIRS
from scenarios.measures.detection import RECONCILIATION_HOUR
from scenarios.measures.repair import REPAIRS
from sim import actions
from sim.faults.types import TYPES
from sim.flows import manual


def test_kinds_causes_and_hours_are_the_worlds() -> None:
    assert REPAIRS == actions.REPAIRS
    assert RECONCILIATION_HOUR == manual._RECONCILE_HOUR
    names = {entry.name for entry in TYPES}
    assert set(COSTS) == {entry.cause for entry in TYPES if entry.cause}
    assert {name for pair in PAIRS for name in pair} | {name for name, _ in DECOY_PAIRS} <= names
