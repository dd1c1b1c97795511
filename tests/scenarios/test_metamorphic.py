"""What must not change a scorecard: other dates, other names, another order of rows, an alert said twice.

Whole run folders are changed as they are read, and scored again; the two regions of one run have to add
up to it. No number is known here beforehand: each test compares a run with itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios.measures import score
from scenarios.measures.card import Scorecard
from scenarios.reader import RunReader
from tests.conftest import Command

DAY = 24 * 3600 * 1_000_000
#: Two regions, and enough that goes wrong for every part of the scorecard to have something to say.
WORLD = ("world.stores=4", "world.items=60", "world.days=6", "world.regions=2", "faults.scale=4", "seed=5")
NAMES = ("location", "item", "partner")
Change = Callable[[str, pa.Table], pa.Table]
few = settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Changed(RunReader):
    """A run folder whose tables are changed as they are read."""

    def __init__(self, folder: Path, change: Change) -> None:
        super().__init__(folder)
        self._change = change

    def table(self, name: str, columns: Sequence[str] | None = None, arm: str | None = None) -> pa.Table:
        return self._change(name, super().table(name, columns, arm))

    def events(
        self, arm: str, region: str | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        for batch in super().events(arm, region, columns):
            yield from self._change("events", pa.Table.from_batches([batch])).to_batches()


@pytest.fixture(scope="session")
def folder(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of two regions; tests must not change it."""
    place = tmp_path_factory.mktemp("metamorphic")
    done = command("run", *WORLD, "out=run", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "run"


@pytest.fixture(scope="session")
def card(folder: Path) -> Scorecard:
    """The scorecard of the run as it is."""
    found = score(RunReader(folder))
    for name in ("detection.recall", "detection.precision", "detection.loop.coincident", "repair.wrongful",
                 "classification.fault_macro_f1", "case.routing_accuracy"):  # fmt: skip
        assert found.measures[name].value is not None, name
    return found


def set_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def assert_same(changed: Scorecard, card: Scorecard, renamed: Callable[[str], str] = str) -> None:
    """Every measure and every line of every breakdown: value, ends and what it rests on."""
    for name, measure in card.measures.items():
        other = changed.measures[name]
        assert (other.reason, other.n) == (measure.reason, measure.n), name
        for field in ("value", "low", "high"):
            mine, was = getattr(other, field), getattr(measure, field)
            assert (mine is None) == (was is None), (name, field)
            assert was is None or mine == pytest.approx(was, rel=1e-9, abs=1e-9), (name, field)
    parts = {(part.measure, part.by, renamed(part.key) if part.by == "location" else part.key): part.estimate
             for part in card.parts}  # fmt: skip
    others = {(part.measure, part.by, part.key): part.estimate for part in changed.parts}
    assert set(parts) == set(others)
    for key, estimate in parts.items():
        assert others[key].n == estimate.n, key
        assert others[key].value == pytest.approx(estimate.value, rel=1e-9, abs=1e-9), key


@few
@given(st.integers(-3000, 3000))
def test_other_dates_change_nothing(folder: Path, card: Scorecard, days: int) -> None:
    """By whole days: reconciliation and score grid keep the hours of the day."""

    def shift(name: str, table: pa.Table) -> pa.Table:
        del name
        for field in table.schema:
            if pa.types.is_timestamp(field.type):
                moved = pc.add(table.column(field.name).cast(pa.int64()), days * DAY)
                table = set_column(table, field.name, moved.cast(field.type))
        return table

    assert_same(score(Changed(folder, shift)), card)


def other_name(name: str, salt: int) -> str:
    """Another name for the same, in another order of the alphabet."""
    return f"{random.Random(f'{salt}{name}').getrandbits(48):x}-{name}" if name else name


def is_id(field: pa.Field) -> bool:
    return field.name.endswith("_id") or field.name in {"restored_by", "cleared_by"} or pa.types.is_list(field.type)


def other_ids(column: pa.ChunkedArray, mask: int) -> pa.Array:
    """Ids by a bijection that keeps them positive and loses their order; null stays null."""
    if pa.types.is_list(column.type):
        flat = column.combine_chunks()
        flat = flat.chunk(0) if isinstance(flat, pa.ChunkedArray) else flat
        lists = [None if ids is None else [one ^ mask for ids_ in (ids,) for one in ids_] for ids in flat.to_pylist()]
        return pa.array(lists, column.type)
    return pc.bit_wise_xor(column, pa.scalar(mask, pa.int64()))


@few
@given(st.integers(1, 2**50))
def test_other_names_and_ids_change_nothing(folder: Path, card: Scorecard, mask: int) -> None:
    def relabel(name: str, table: pa.Table) -> pa.Table:
        del name
        for field in table.schema:
            column = table.column(field.name)
            if field.name in NAMES:
                words = [word and other_name(word, mask) for word in column.cast(pa.string()).to_pylist()]
                table = set_column(table, field.name, pa.array(words, pa.string()))
            elif is_id(field):
                table = set_column(table, field.name, other_ids(column, mask))
        return table

    assert_same(score(Changed(folder, relabel)), card, lambda key: other_name(key, mask) if key != "none" else key)


@few
@given(st.integers(0, 2**32 - 1))
def test_another_order_of_rows_changes_nothing(folder: Path, card: Scorecard, seed: int) -> None:
    def shuffle(name: str, table: pa.Table) -> pa.Table:
        if not table.num_rows:
            return table
        draw = np.random.default_rng([seed, len(name)])
        return table.take(pa.array(draw.permutation(table.num_rows)))

    assert_same(score(Changed(folder, shuffle)), card)


@few
@given(st.integers(1, 3))
def test_an_alert_said_again_is_no_other_incident(folder: Path, card: Scorecard, times: int) -> None:
    def repeat(name: str, table: pa.Table) -> pa.Table:
        if name != "alerts":
            return table
        pieces = [table]
        for number in range(1, times + 1):
            fresh = pc.add(table.column("alert_id"), number * 2**55)
            pieces.append(set_column(table, "alert_id", fresh).cast(table.schema))
        return pa.concat_tables(pieces)

    assert_same(score(Changed(folder, repeat)), card)


def test_regions_add_up(folder: Path, card: Scorecard) -> None:
    def only(region: str) -> Change:
        def keep(name: str, table: pa.Table) -> pa.Table:
            mine = table if name == "events" else pc.equal(table.column("region").cast(pa.string()), region)
            return mine if name == "events" else table.filter(mine)

        return keep

    cards = [score(Changed(folder, only(region))) for region in ("R1", "R2")]
    counted = ("repair.false_closures", "repair.reopened", "repair.prevented", "repair.wrongful_value")
    totals = [name for name in card.measures if name.startswith(counted)
              or name.endswith((".loss_value", ".lost_sales_value", ".lost_sales_units", ".shrink_value"))]  # fmt: skip
    assert len(totals) >= 20
    for name in totals:
        both: list[Any] = [other.measures[name].value or 0.0 for other in cards]
        assert sum(both) == pytest.approx(card.measures[name].value, rel=1e-9), name
    for name in ("detection.recall", "detection.precision", "detection.loop.precision", "repair.wrongful",
                 "repair.auto_resolution", "classification.brier", "case.compression"):  # fmt: skip
        assert sum(other.measures[name].n or 0 for other in cards) == card.measures[name].n, name
