"""Every number of a world has a source, or is declared an assumption, or is what a scenario chooses."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scenarios.assumptions import Assumption, Fixed, assumptions, chosen, fixed, published
from scenarios.compose import compose, resolved
from scenarios.keys import kind_of
from sim.config import Config, Fault
from sim.faults.types import BY_NAME

#: What every fault has and no default uses: when and where it strikes.
WHEN_AND_WHERE = ("from_day", "until_day", "only")

#: Constants of the code with a published source, and the words of it in the comment above them.
SOURCED = {
    ("sim.flows.losing", "CAUSE_SHARES"): "NRF 2023",
}
#: Constants of the code that say nothing about a chain, by module: packings, ids, steps, shifts and masks; time units
#: and days of the week; slots in which faults are drawn, and the units of their rates; nulls; cut-offs of a table or a
#: loop that bear on speed or on rounding alone; what other constants give; facts of the journey's own log; when the
#: truth is looked at. What a type of fault says of itself has its own basis (:mod:`sim.faults.types`).
NO_ASSUMPTIONS = {
    "sim.clock": "DAY HOUR MINUTE SECOND TICK TICKS_PER_DAY TICKS_PER_HOUR _EPOCH",
    "sim.demand": "_LINES_MAX _QUANTITY_MAX",
    "sim.draws": "BODY_BITS STEP_BITS STEP_SHIFT WORLD_IDS _GOLDEN _MASK64 _MIX_A _MIX_B _NORMAL_STEPS _ONE _S27 _S30 "
    "_S31",
    "sim.events": "NO_CODE NULL",
    "sim.faults.documents": "DOCUMENTS",
    "sim.faults.goods": "GOODS",
    "sim.faults.messages": "MESSAGES",
    "sim.faults.records": "RECORDS",
    "sim.flows.bargains": "_FIRST _MOST _PLACES",
    "sim.flows.cancelling": "_CANCEL_STEP _MONDAY",
    "sim.flows.cataloguing": "LAUNCHED_STEP RETIRED_STEP _AGAIN _GTIN _MERGED _SECOND _UPDATE",
    "sim.flows.closing": "_ARRIVES _BETWEEN_SHOPS _DAY_SHIFT _DEPARTS _DOCUMENT _FROM_SHIFT _SAYS",
    "sim.flows.conversing": "_AGAIN",
    "sim.flows.counting": "_CELL_SHIFT _DAY_SHIFT _NONE",
    "sim.flows.disturbing": "_CONVERSION_SLOT _OUTAGE_SLOT _SLOTS_A_MONTH",
    "sim.flows.losing": "_BEHIND _CAUSE_CUT _CAUSE_STEPS _SWEEP_MEAN",
    "sim.flows.maintaining": "_DAYS",
    "sim.flows.misplacing": "_DAY_SHIFT _LOCATION_SHIFT",
    "sim.flows.charging": "_DOCUMENT_STEP _ROW_STEP",
    "sim.flows.paying": "_DAY_SHIFT _DOCUMENT_STEP _SUPPLIER_SHIFT",
    "sim.flows.picking": "_PICK_STEPS _SHIP_STEPS",
    "sim.flows.receiving": "MOVED_STEP PARKED_STEP RELINKED_STEP",
    "sim.flows.replenishing": "_DAY_SHIFT _DESTINATION_SHIFT",
    "sim.flows.returning": "_DOCUMENT_STEP _INSPECTED_STEP _SCRAPPED_STEP _TAKEN_STEP",
    "sim.flows.shopping": "STORE_SHIFT TICK_SHIFT _BODY _U16",
    "sim.flows.short_picks": "_CANCEL_STEP",
    "sim.flows.skewing": "_SLOT",
    "sim.flows.supplying": "ADVISED_STEP",
    "sim.flows.surveying": "_EVERY",
    "sim.flows.undecided": "_LOOKED_STEP _MONDAY",
    "sim.flows.vendor_returns": "_FRIDAY _SENT_STEP _SUPPLIER_SHIFT",
    "sim.hashing": "CHUNK_ROWS NULL",
    "sim.journey": "MEASURE_FROM WEEKDAYS _SUMMER_FROM _SUMMER_UNTIL",
    "sim.ledger": "_FEW",
    "sim.middleware.clients": "_NEVER",
    "sim.middleware.contracts": "CANONICAL_VERSION",
    "sim.middleware.door": "_CLIENT_SHIFT",
    "sim.middleware.feed": "POSTING_STEP SECOND_POSTING_STEP",
    "sim.middleware.flights": "ACCEPTED DEAD GAP_CLOSED GAP_OPEN RECOVERED REJECTED RETRYING TRAFFIC",
    "sim.middleware.mishaps": "_MIDDLE",
    "sim.rules": "NEVER _ON_HAND",
    "sim.stream": "ROW_GROUP _GROUPS_AHEAD",
    "sim.systems.accounts": "_DAY_SHIFT",
    "sim.systems.ecommerce": "_LINES_MAX _ORDER_SHIFT _SHARES_SUMMED _TICK_SHIFT",
    "sim.systems.packing": "_ON_ASN_BY_MISTAKE _ON_CARTON",
    "sim.systems.pos": "_BITS",
    "sim.systems.store": "PARTS",
    "sim.systems.tms": "FROM_SHIFT TO_SHIFT",
    "sim.systems.valuation": "PRICE_STEPS",
    "sim.systems.wms": "DAY_SHIFT LINE_SHIFT SUPPLIER_SHIFT _CARTONS",
    "sim.truth": "NOT_YET _FEW",
}
#: Names that stand for a number of microseconds.
TIMES = {"SECOND", "MINUTE", "HOUR", "DAY", "TICK"}


def _numbers(node: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Keys of the world that hold a number or several, with those of faults that mean something."""
    for entry in dataclasses.fields(node):
        value, key = getattr(node, entry.name), f"{prefix}{entry.name}"
        if isinstance(value, Fault):
            kept = {"rate": value.rate, "hours": value.hours}
            if BY_NAME[entry.name].magnitude_unit:
                kept["magnitude"] = value.magnitude
            yield from ((f"{key}.{name}", number) for name, number in kept.items() if number > 0)
        elif dataclasses.is_dataclass(value):
            yield from _numbers(value, f"{key}.")
        elif key != "faults.exclude" and not isinstance(value, str) and value is not None:
            yield key, value


@pytest.fixture(scope="module")
def usual() -> Config:
    return compose()


def test_every_key_exists_and_is_declared_once() -> None:
    keys = [entry.key for entry in assumptions()]
    everything = [*keys, *published(), *chosen()]
    assert len(set(everything)) == len(everything)
    assert [key for key in everything if kind_of(key) is None] == []
    assert all(entry.meaning for entry in assumptions())
    assert all(published().values())


@pytest.mark.parametrize("entry", assumptions(), ids=lambda entry: entry.key)
def test_low_and_high_enclose_the_value_and_are_allowed(usual: Any, entry: Assumption) -> None:
    assert entry.low <= entry.value(usual) <= entry.high
    assert entry.low < entry.high
    whole = kind_of(entry.key) is int
    for bound in (entry.low, entry.high):
        assert not whole or bound == int(bound)


def test_a_low_and_a_high_can_be_run() -> None:
    for bound in ("low", "high"):
        compose([f"{entry.key}={getattr(entry, bound)}" for entry in assumptions()])


def test_every_number_is_an_assumption_or_has_a_source_or_is_chosen(usual: Config) -> None:
    told = {entry.key for entry in assumptions()} | set(published()) | chosen()
    world = {entry.name for entry in dataclasses.fields(Config)}
    assert [key for key, _ in _numbers(usual) if key.split(".")[0] in world and key not in told] == []


def test_a_fault_said_to_have_a_source_has_one_in_the_list_too() -> None:
    for name, entry in BY_NAME.items():
        if entry.rate_unit:
            assert (f"faults.{name}.rate" in published()) == (entry.basis != "declared assumption"), name


def _numbers_in_code() -> dict[tuple[str, str], str]:
    """(module, name) of every constant of ``sim`` that a number is written in, with the comment right above it."""
    found: dict[tuple[str, str], str] = {}
    root = Path(__file__).parents[2]
    for path in (root / "sim").rglob("*.py"):
        source = path.read_text(encoding="utf-8").splitlines()
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for node in ast.parse("\n".join(source)).body:
            if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
                continue
            above = node.lineno - 1
            while above and source[above - 1].startswith("#"):
                above -= 1
            comment = " ".join(line.removeprefix("#:").strip() for line in source[above : node.lineno - 1])
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found |= dict.fromkeys(((module, name) for name in _written(target, node.value)), comment)
    return found


def _written(target: ast.expr, value: ast.expr) -> Iterator[str]:
    """Names of an assignment in whose value a number, or a unit of time, is written."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=True):
            yield from _written(one, part)
    elif any(type(getattr(part, "value", None)) in (int, float) or getattr(part, "id", "") in TIMES
             for part in ast.walk(value)):
        yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def test_every_number_in_the_code_is_declared_or_has_a_source_or_is_none_of_the_world() -> None:
    in_code = _numbers_in_code()
    declared = {entry.place for entry in fixed()}
    sourced = {place for place in in_code if place in SOURCED}
    none_of_the_world = {(module, name) for module, names in NO_ASSUMPTIONS.items() for name in names.split()}
    assert len(in_code) > 200
    assert sorted(set(in_code) - declared - sourced - none_of_the_world) == []
    assert sorted((none_of_the_world | set(SOURCED)) - set(in_code)) == [], "an exception for what is no longer there"
    assert declared & (sourced | none_of_the_world) == set(), "declared, and excepted too"


def test_a_number_with_a_source_names_it_in_the_code() -> None:
    in_code = _numbers_in_code()
    assert {place for place, source in SOURCED.items() if source not in in_code[place]} == set()


def test_a_comment_that_speaks_of_an_assumption_is_of_a_declared_one() -> None:
    declared = {entry.place for entry in fixed()}
    called_so = {place for place, comment in _numbers_in_code().items() if "ssumption" in comment}
    assert called_so - declared == set()


@pytest.mark.parametrize("entry", fixed(), ids=lambda entry: entry.key)
def test_what_stands_in_the_code_lies_between_its_low_and_high(entry: Fixed) -> None:
    assert entry.low <= entry.value <= entry.high
    assert entry.low < entry.high
    assert entry.meaning
    assert not entry.fault or "F" in BY_NAME[entry.fault].kind


def test_a_run_folder_names_its_assumptions(usual: Any) -> None:
    declared = resolved(usual)["assumptions"]
    assert declared["costs.expedite"] == {"meaning": "cost of expediting once", "low": 15.0, "high": 100.0}
    assert declared["sim.flows.paying._PATIENCE"]["value"] == 2.0
    assert len(declared) == len(assumptions()) + len(fixed())
