"""What the stream may look like: its columns, its ids, its numbers, and who works when."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sim.clock import DAY, HOUR
from sim.draws import WORLD_IDS
from sim.events import COLUMNS, DOCUMENT_TYPE, EVENT_TYPES, INTERFACE, INTERFACES, NULL, SOURCE, STATUS
from sim.stream import arrow_schema
from sim.world import RegionWorld
from tests.sim.small_world import Played, play, quiet_config, small_config

GOLDEN = Path(__file__).parent.parent / "golden" / "stream_columns.json"
#: The journals: rows of each get their numbers from one sequence per location.
_RETURNS = ("returning", "inspecting", "destroying")
JOURNALS = {"pos": ("retail_selling",), "store": ("receiving", "shipping", "adjusting", *_RETURNS),
            "wms": ("receiving", "shipping", "adjusting", *_RETURNS)}


@pytest.fixture(scope="module")
def worlds() -> list[Played]:
    """Four small worlds in which everything happens."""
    config = small_config(stores=4, items=40, days=9, unit_of_measure=0.3, api_outage=20.0, shrink=0.1)
    config.faults.scale = 3.0
    # Goods go back to their vendors within the nine days, and customers take what they are offered.
    config.online.substitute_rate, config.returns.vendor_share, config.returns.credit_days = 0.5, 0.5, 1
    config.middleware.retry_max_attempts = 4
    config.counting.per_year = [20.0, 20.0, 20.0]
    config.finance.payment_days = 4
    config.demand.peak_from_day, config.demand.online_share = 3, 0.3
    return [play(config, seed) for seed in range(4)]


def test_the_columns_are_those_of_the_contract(tmp_path: Path):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert list(COLUMNS) == golden["columns"]
    assert arrow_schema().names == golden["columns"]
    path = tmp_path / "part-0000.parquet"
    RegionWorld(small_config(stores=1, items=5, days=2), 1, 0, path).run()
    assert pq.read_schema(path).names == golden["columns"]


def test_each_event_type_fills_its_columns_and_no_other(worlds: list[Played]):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))["of_type"]
    seen: dict[str, set[str]] = {}
    for played in worlds:
        for block in played.watcher.blocks:
            assert set(block.columns) <= set(COLUMNS), "a column that no file holds"
        for name, rows in played.rows.groupby("event_type"):
            filled = {c for c in COLUMNS if c != "event_type" and not _null(rows[c]).all()}
            seen.setdefault(str(name), set()).update(filled)
    assert {name: sorted(columns) for name, columns in seen.items()} == {
        name: columns for name, columns in golden.items() if name in seen}
    # What an operator does is in the golden file and needs an operator.
    assert set(golden) - set(seen) == {"acting"}
    assert set(golden) == set(EVENT_TYPES)


def _null(column: pd.Series) -> pd.Series:
    if column.dtype.kind == "f":
        return column.isna()
    return column.isin([NULL, -1])


def test_the_order_is_by_time_and_id(worlds: list[Played]):
    for played in worlds:
        blocks = [b for b in played.watcher.blocks if len(b) > 1]
        for block in blocks:
            available, event = block.get("available_at"), block.get("event_id")
            later = (np.diff(available) > 0) | ((np.diff(available) == 0) & (np.diff(event) > 0))
            assert later.all()
        rows = played.rows
        # A till stamps by its own clock, which may be ahead; the arrival is stamped by the middleware.
        ahead = rows.event_type.isin(["retail_selling", "returning"]) & rows.location.isin(
            played.faults("clock_skew").location)
        assert (rows.occurred_at <= rows.recorded_at)[~ahead].all()
        assert (rows.recorded_at <= rows.available_at).all()


def test_ids_are_unique_opaque_and_the_worlds_own(worlds: list[Played]):
    for played in worlds:
        rows = played.rows
        assert not rows.event_id.duplicated().any()
        assert (rows.event_id >= 0).all()
        assert (rows.event_id < WORLD_IDS).all()
        for name in ("document_id", "parent_document_id", "correlation_id"):
            known = rows[name][rows[name] != NULL]
            assert ((known >= 0) & (known < WORLD_IDS)).all()
            assert not set(known) & set(rows.event_id)
        # Spread over the whole space, whatever the type.
        for _, ids in rows.groupby("event_type").event_id:
            if len(ids) > 200:
                assert abs((ids / WORLD_IDS).mean() - 0.5) < 5 * (1 / 12 / len(ids)) ** 0.5


def test_fault_ids_and_exception_ids_are_unique(worlds: list[Played]):
    for played in worlds:
        faults = played.faults()
        assert not faults[faults.type != "repair"].fault_id.duplicated().any()
        assert not played.exceptions().exception_id.duplicated().any()


def test_nothing_is_named_after_a_fault(worlds: list[Played]):
    vocabulary = worlds[0].world.room.vocabulary
    kinds = ("source", "interface", "event_type", "status", "code", "document_type", "uom")
    words = [word for kind in kinds for word in vocabulary.strings(kind)]
    assert not [word for word in words if any(hint in word for hint in ("fault", "drop", "dupl", "shrink", "phantom"))]


def test_sequences_have_no_hole(worlds: list[Played]):
    """Every number of a journal is a row: what is missing at the other end was lost on the way, not at the source."""
    for played in worlds:
        rows = _with_waiting(played)
        numbered = rows[rows.sequence != NULL]
        for name, types in JOURNALS.items():
            interface = -1 if name == "pos" else INTERFACE[f"{name}_erp"]
            mine = numbered[numbered.event_type.isin(types) & (numbered.interface == interface)]
            assert len(mine) > 20, name
            for _, sequence in mine.groupby("location").sequence:
                assert sorted(sequence) == list(range(len(sequence)))
        advised = numbered[numbered.event_type == "advising"]
        for interface, sequence in advised.groupby("interface").sequence:
            box = played.world.region.mailboxes[interface]
            letters = [*box.dead.flights, *(letter for flights in box._pending.values() for letter in flights)]
            unread = [number for letter in letters for number in letter.messages.sequence.tolist()]
            assert sorted([*sequence, *unread]) == list(range(len(sequence) + len(unread)))


def _with_waiting(played: Played) -> pd.DataFrame:
    """The rows, and those that the end of the run came too early for."""
    waiting = played.world.room.stream._waiting
    names = ["location", "interface", "sequence", "partner"]
    late = [pd.DataFrame({name: block.get(name) for name in names}).assign(event_type=EVENT_TYPES[block.event_type])
            for block in waiting]
    return pd.concat([played.rows[[*names, "event_type"]], *late], ignore_index=True)


def test_everyone_keeps_their_hours(worlds: list[Played]):
    for played in worlds:
        calendar, rows = played.world.room.calendar, played.rows
        clock = rows.occurred_at % DAY
        trading = rows.event_type.isin(["retail_selling", "returning"])
        assert (clock[trading] >= calendar.opens * HOUR).all()
        assert (clock[trading] < calendar.closes * HOUR).all()
        picking = clock[rows.event_type == "picking"]
        assert (picking >= calendar.opens * HOUR).all()
        assert (picking < (calendar.closes + 1) * HOUR).all()
        dock = rows[(rows.event_type == "arriving") & (rows.location == 0)]
        assert (dock.occurred_at % DAY >= 6 * HOUR).all()
        assert (dock.occurred_at % DAY <= 18 * HOUR).all()
        assert (clock[rows.event_type == "reconciling"] // HOUR == 23).all()
        counts = clock[rows.event_type == "cycle_counting"]
        assert ((counts >= 7 * HOUR) & (counts <= 8 * HOUR)).all()


def test_everything_is_where_it_belongs(worlds: list[Played]):
    at_shops = {"retail_selling"}
    at_dc = {"storing", "advising", "departing"}
    for played in worlds:
        rows, room = played.rows, played.world.room
        assert (rows.location[rows.event_type.isin(at_shops)] > 0).all()
        assert (rows.location[rows.event_type.isin(at_dc)] == 0).all()
        assert (rows.location < room.locations).all()
        assert (rows["item"] < room.items).all()
        assert (rows.source[rows.event_type == "posting"] == SOURCE["ERP"]).all()
        site = rows[rows.event_type.isin(["receiving", "shipping", "picking", "cycle_counting", "adjusting"])]
        assert ((site.source == SOURCE["WMS"]) == (site.location == 0)).all()
        goods = rows[rows.event_type.isin(["retail_selling", "returning", "shipping", "posting"])]
        assert (goods.quantity > 0).all()


def test_documents_follow_each_other(worlds: list[Played]):
    for played in worlds:
        rows = played.rows
        orders = set(rows.document_id[rows.event_type == "ordering"])
        assert set(rows.parent_document_id[rows.event_type == "advising"]) <= orders
        assert set(rows.correlation_id[(rows.event_type == "receiving") & (rows.location == 0)]) <= orders
        assert set(rows.document_id[rows.event_type == "departing"]) <= orders
        sold = set(rows.document_id[rows.event_type.isin(["retail_selling", "shipping"])])
        assert set(rows.parent_document_id[rows.event_type == "returning"]) <= sold
        sent_back = set(rows.document_id[rows.document_type == DOCUMENT_TYPE["vendor_return"]])
        crediting = rows[rows.event_type == "crediting"]
        charged = crediting.correlation_id.isin(orders)
        assert set(crediting.parent_document_id[~charged]) <= sent_back
        trucks = set(rows.document_id[(rows.event_type == "arriving") & (rows.document_type == DOCUMENT_TYPE["asn"])])
        assert set(crediting.parent_document_id[charged]) <= trucks
        counts = set(rows.document_id[rows.event_type == "cycle_counting"])
        assert set(rows.parent_document_id[rows.event_type == "adjusting"]) <= counts
        promised = set(rows.document_id[(rows.event_type == "reserving") & (rows.status == STATUS["promised"])])
        assert set(rows.document_id[rows.event_type == "picking"]) <= promised


def test_a_line_comes_back_at_most_once():
    """Quiet days too: what came back yesterday must not come again."""
    config = quiet_config(stores=1, items=8, days=14)
    config.world.daily_units, config.demand.return_rate = 0.5, 0.3
    returned = play(config).of("returning")
    assert len(returned) > 3
    assert (returned.occurred_at // DAY).nunique() < 11
    assert not returned.event_id.duplicated().any()
    assert not returned.document_id.duplicated().any()


def test_the_telemetry_counts_what_arrived(worlds: list[Played]):
    """Hour by hour the counts of a document interface add up to its postings."""
    for played in worlds:
        rows = played.rows
        counted = rows[rows.event_type == "telemetry"]
        posted = rows[rows.event_type == "posting"]
        for name in ("wms_erp", "store_erp"):
            total = counted["count"][counted.interface == INTERFACES.index(name)].sum()
            lines = (posted.interface == INTERFACES.index(name)).sum()
            assert total == pytest.approx(lines, abs=max(30, 0.05 * lines))
