"""``verify`` finds one flipped byte in any file, and numbers that do not add up."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.audit import AuditLog
from scenarios import tables
from scenarios.record import RunFolderError, RunWriter, replace_file
from scenarios.stream_check import hash_stream
from scenarios.verify import verify
from sim.hashing import NULL, StreamHash, combine_digests

DAY = 24 * 3600 * 1_000_000


def stream(rows: int = 40, seed: int = 0) -> pa.Table:
    """A small ordered stream with nulls in places."""
    draw = np.random.default_rng(seed)
    times = np.sort(draw.integers(0, 20, rows))
    ids = np.arange(rows) + 100
    table = pa.table(
        {
            "event_id": ids,
            "available_at": pa.array(times, pa.timestamp("us")),
            "event_type": draw.choice(["posting", "receiving"], rows),
            "location": pa.array([None if x < 0.3 else "S0001" for x in draw.random(rows)], pa.string()),
            "quantity": pa.array([None if x < 0.3 else 3 for x in draw.random(rows)], pa.int64()),
            "unit_price": pa.array([None if x < 0.3 else x for x in draw.random(rows)]),
            "carton": pa.array([None if x < 0.5 else "123456789012345675" for x in draw.random(rows)], pa.string()),
        }
    )
    return tables.conform(table, tables.EVENTS)


def build(folder: Path, *, belief: int = 10, placed: int = 60, named: int = 3, swap: bool = False, twice: bool = False,
          debit: int = 500, balance: int = 500) -> None:
    """A sound run folder by default; the arguments put it wrong."""
    events = stream()
    if twice:
        # Two rows of one id, at two times: in order, and with the hash that the manifest says.
        ids = np.where(np.arange(len(events)) == len(events) - 1, 100, np.arange(len(events)) + 100)
        events = events.set_column(events.schema.get_field_index("event_id"), "event_id", pa.array(ids))
        events = tables.conform(events, tables.EVENTS)
    digest = combine_digests([hash_stream(iter(events.to_batches()))[0]])
    if swap:
        events = pa.concat_tables([events.slice(1, 1), events.slice(0, 1), events.slice(2)])
    log = AuditLog()
    log.append(1, "decided", case=7)
    log.append(2, "acted", case=7)
    with RunWriter(folder) as writer:
        part = writer.events_folder("unmanaged", "R1") / "part-0000.parquet"
        tables.write_table(part, events, tables.EVENTS)
        day = pa.array([0], pa.timestamp("us"))
        key: dict[str, Any] = {"arm": ["unmanaged"], "region": ["R1"]}
        units = {"opening_units": [70], "supplied_units": [20], "returned_units": [1], "placed_units": [placed]}
        units |= {"transit_units": [20], "sold_units_physical": [8], "lost_units_physical": [1]}
        units |= {"scrapped_units": [1], "sent_back_units": [1]}
        writer.write("arms/unmanaged", pa.table({**key, "day": day, **units}))
        sums = {"belief": [belief], "fact": [4], "in_flight": [1], "error": [5], "ambient": [2]}
        belief_key = {**key, "system": ["ERP"], "kind": ["on_hand"]}
        writer.write("truth/ledger", pa.table({**belief_key, "day": day, **sums}))
        money = {"account": ["stock", "opening_balance"], "debit_cents": [debit, 0], "credit_cents": [0, 500]}
        money |= {"balance_cents": [balance, -500], "day": pa.array([0, 0], pa.timestamp("us"))}
        writer.write("accounts", pa.table({**{name: values * 2 for name, values in key.items()}, **money}))
        errors = {"error_id": [1, 2], "fault_id": [1, 1], "units": [named, 50]}
        errors |= {name: values * 2 for name, values in belief_key.items()}
        times = {"opened_at": [5, 5], "cleared_at": [None, DAY - 1]}
        errors |= {name: pa.array(values, pa.timestamp("us")) for name, values in times.items()}
        writer.write("truth/errors", pa.table(errors))
        writer.write_missing()
        writer.write_text("audit.jsonl", "".join(line + "\n" for line in log.lines()))
        writer.write_config({"seed": 1})
        writer.write_text("report.html", "<p>page</p>")
        arms = {"unmanaged": digest, "clean": "0" * 64}
        writer.identify(version="0", seed=1, config_hash="c", arms=arms)


def test_a_sound_run_passes_and_says_what_it_could_not_check(tmp_path: Path) -> None:
    build(tmp_path / "run")
    report = verify(tmp_path / "run")
    assert report.findings == []
    assert report.unchecked == [
        "stream of arm clean: not recorded (record=full keeps unmanaged and managed, summary none)"
    ]
    assert len(report.passed) == 9
    assert report.ok


def test_one_flipped_byte_in_any_file_is_found(tmp_path: Path) -> None:
    build(tmp_path / "run")
    draw = np.random.default_rng(1)
    for path in sorted(tmp_path.rglob("*")):
        if not path.is_file() or not path.stat().st_size:
            continue
        sound = path.read_bytes()
        places = range(len(sound)) if path.name == "manifest.json" else draw.integers(0, len(sound), 8)
        for place in places:
            damaged = bytearray(sound)
            damaged[place] ^= 1 << int(draw.integers(8))
            path.write_bytes(damaged)
            assert not verify(tmp_path / "run").ok, f"{path} at {place}"
        path.write_bytes(sound)
    assert verify(tmp_path / "run").ok


def test_space_for_newline_in_the_manifest_is_found(tmp_path: Path) -> None:
    build(tmp_path / "run")
    path = tmp_path / "run" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b" ", 1))
    assert any("bytes" in finding for finding in verify(tmp_path / "run").findings)


def test_a_file_more_or_less_is_found(tmp_path: Path) -> None:
    build(tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert verify(tmp_path / "run").findings == ["notes.txt: not in the manifest"]
    (tmp_path / "run" / "notes.txt").unlink()
    (tmp_path / "run" / "cases.parquet").unlink()
    assert verify(tmp_path / "run").findings == ["cases.parquet: missing"]


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no run folder"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ({"belief": 11}, "identity: arm unmanaged"),
        ({"placed": 61}, "conservation: arm unmanaged"),
        ({"named": 4}, "named errors: unmanaged R1 ERP on_hand, day 0: 4 units open, the ledger has 3"),
        ({"debit": 501, "balance": 501}, "trial balance: arm unmanaged, R1 on 1970-01-01: debits 5.01, credits 5.00"),
        ({"balance": 501}, "accounts: unmanaged R1 stock on 1970-01-01: balance 5.01, the days before say 5.00"),
        ({"swap": True}, "rows out of order"),
        ({"twice": True}, "region R1: 1 event ids are borne by two rows"),
        ({"swap": True}, "its hash is not the manifest's"),
    ],
)
def test_numbers_that_do_not_add_up_are_found(tmp_path: Path, wrong: dict[str, Any], finding: str) -> None:
    build(tmp_path / "run", **wrong)
    assert any(finding in line for line in verify(tmp_path / "run").findings)


def test_a_rewritten_audit_line_is_found_even_under_a_renewed_manifest(tmp_path: Path) -> None:
    build(tmp_path / "run")
    audit = (tmp_path / "run" / "audit.jsonl").read_text()
    replace_file(tmp_path / "run", "audit.jsonl", audit.replace('"case":7', '"case":8', 1))
    assert verify(tmp_path / "run").findings == ["audit.jsonl: chain 0 is broken at its line 1"]
    replace_file(tmp_path / "run", "audit.jsonl", audit.splitlines()[0] + "\n")
    assert "broken" in verify(tmp_path / "run").findings[0]
    replace_file(tmp_path / "run", "audit.jsonl", "")
    assert "0 chains" in verify(tmp_path / "run").findings[0]
    replace_file(tmp_path / "run", "audit.jsonl", audit)
    assert verify(tmp_path / "run").ok


def test_chains_of_several_regions_may_stand_in_one_log(tmp_path: Path) -> None:
    logs = [AuditLog(), AuditLog()]
    for number, log in enumerate(logs):
        log.append(number, "decided")
    with RunWriter(tmp_path / "run") as writer:
        writer.write_text("audit.jsonl", "".join(line + "\n" for log in logs for line in log.lines()))
        writer.identify(version="0", seed=1, config_hash="c", arms={})
    assert verify(tmp_path / "run").ok
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["audit_head"] == [log.head for log in logs]


def test_damage_in_a_replication_is_found(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        build(writer.path("replications/1"), belief=11)
        writer.identify(version="0", seed=1, config_hash="c", arms={})
    assert any(line.startswith("replication 1: identity") for line in verify(tmp_path / "run").findings)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=4))
def test_the_hash_does_not_see_batches_or_dictionaries(cuts: list[int]) -> None:
    table = stream()
    whole = hash_stream(iter(table.to_batches()))
    edges = [0, *sorted(cuts), 40]
    # each piece gets a dictionary of its own, in its own order
    pieces = [
        tables.conform(pa.Table.from_pylist(table.slice(a, b - a).to_pylist()), tables.EVENTS)
        for a, b in itertools.pairwise(edges)
        if b > a
    ]
    assert hash_stream(batch for piece in pieces for batch in piece.to_batches()) == whole
    assert whole[1]


def test_the_hash_of_codes_is_the_hash_of_the_strings_in_the_file() -> None:
    table = stream()
    strings = ["receiving", "unused", "posting"]
    codes = np.array([strings.index(name) for name in table["event_type"].to_pylist()])
    place = np.array([-1 if name is None else 0 for name in table["location"].to_pylist()])
    world = StreamHash({"event_type": strings, "location": ["S0001"], "status": ["ok"]})
    quantity = table["quantity"].fill_null(NULL).to_numpy()
    carton = table["carton"].cast(pa.int64()).fill_null(NULL).to_numpy()
    for start in range(0, 40, 16):
        stop = min(start + 16, 40)
        rows = slice(start, stop)
        columns: dict[str, Any] = {
            "event_id": table["event_id"].to_numpy()[rows],
            "available_at": table["available_at"].cast(pa.int64()).to_numpy()[rows],
            "event_type": codes[rows],
            "location": place[rows],
            "status": -1,
            "attempt": NULL,
            "quantity": quantity[rows],
            "carton": carton[rows],
            "unit_price": table["unit_price"].fill_null(np.nan).to_numpy()[rows],
        }
        world.update(columns, stop - start)
    assert world.hexdigest() == hash_stream(iter(table.to_batches()))[0]


@pytest.mark.parametrize("column", ["event_id", "available_at", "event_type", "location", "quantity", "unit_price"])
def test_the_hash_sees_any_changed_value(column: str) -> None:
    rows = stream().to_pylist()
    before = hash_stream(iter(stream().to_batches()))[0]
    changed: dict[str, Any] = {"event_type": "storing", "location": "S0002", "quantity": 4, "unit_price": 2.0}
    row = next(row for row in rows if row[column] is not None)
    row[column] = changed.get(column, row[column])
    if column == "event_id":
        row[column] = 7
    if column == "available_at":
        row[column] = row[column].replace(microsecond=row[column].microsecond + 1)
    after = tables.conform(pa.Table.from_pylist(rows), tables.EVENTS)
    assert hash_stream(iter(after.to_batches()))[0] != before


def test_codes_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(IndexError, match="'status'"):
        StreamHash({"status": ["ok"]}).update({"status": np.array([1])}, 1)


def test_the_page_of_a_replication_may_be_rewritten(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        build(writer.path("replications/1"))
        writer.identify(version="0", seed=1, config_hash="c", arms={})
    replace_file(tmp_path / "run" / "replications" / "1", "report.html", "<p>new</p>")
    assert verify(tmp_path / "run").ok
    (tmp_path / "run" / "replications" / "1" / "report.html").write_text("<p>old</p>")
    assert not verify(tmp_path / "run").ok
