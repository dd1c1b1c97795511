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


def _assumed_in_code() -> set[tuple[str, str]]:
    """(module, name) of the constants of ``sim`` that a comment right above calls assumptions."""
    found = set()
    root = Path(__file__).parents[2]
    for path in (root / "sim").rglob("*.py"):
        source = path.read_text(encoding="utf-8").splitlines()
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for node in ast.parse("\n".join(source)).body:
            if not isinstance(node, (ast.Assign, ast.AnnAssign)):
                continue
            above = node.lineno - 1
            while above and source[above - 1].startswith("#"):
                above -= 1
            if "ssumption" in " ".join(source[above : node.lineno - 1]):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {(module, name.id) for target in targets for name in ast.walk(target)
                          if isinstance(name, ast.Name)}
    return found


def test_every_assumption_in_the_code_is_declared() -> None:
    in_code = _assumed_in_code()
    assert len(in_code) > 60
    assert in_code - {entry.place for entry in fixed()} == set()


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
