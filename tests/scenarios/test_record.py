"""The run folder: written whole or not at all, read back as it was, damage found."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from scenarios import tables
from scenarios.manifest import digest_of, files_below
from scenarios.record import RunFolderError, RunReader, RunWriter, TableError, check_free, replace_file
from sim import events


def _alerts(count: int = 3) -> pa.Table:
    return pa.table(
        {
            "arm": ["unmanaged"] * count,
            "region": ["R1"] * count,
            "alert_id": list(range(count)),
            "raised_at": pa.array(range(count), pa.timestamp("us")),
            "detector": ["rules"] * count,
            "document_id": [2**52 - 1] + [None] * (count - 1),
            "evidence": [[1, 2]] * count,
        }
    )


def _write(folder: Path, seed: int = 1, overwrite: bool = False) -> None:
    with RunWriter(folder, overwrite) as writer:
        writer.write("alerts", _alerts())
        writer.write_missing()
        writer.write_config({"seed": seed})
        writer.write_text("audit.jsonl", "")
        writer.write_scorecard({"schema": 1, "measures": {}})
        writer.identify(version="0", seed=seed, config_hash="c", arms={"unmanaged": "u"})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    _write(tmp_path / "run")
    reader = RunReader(tmp_path / "run")
    assert reader.table("alerts").schema == tables.TABLES["alerts"]
    frame = reader.frame("alerts")
    assert frame["document_id"].tolist() == [2**52 - 1, pd.NA, pd.NA]
    assert [list(ids) for ids in frame["evidence"]] == [[1, 2]] * 3
    assert reader.table("alerts", arm="managed").num_rows == 0
    assert reader.table("alerts", columns=["score"], arm="unmanaged").column_names == ["score"]
    assert reader.table("truth/faults").num_rows == 0
    assert reader.config == {"seed": 1}
    assert reader.manifest["event_hash"] == "u"
    assert reader.manifest["digest"] == digest_of(reader.manifest)
    assert sorted(reader.manifest["files"]) == list(files_below(tmp_path / "run"))


def test_the_stream_schema_is_that_of_the_simulator() -> None:
    assert list(events.COLUMNS) == tables.EVENTS.names
    kinds = {"id": pa.int64(), "int": pa.int64(), "carton": pa.string(), "time": tables.TIME, "float": pa.float64()}
    for field in tables.EVENTS:
        assert field.type == kinds.get(events.COLUMNS[field.name], tables.NAME), field.name


def test_a_failed_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TableError), RunWriter(tmp_path / "deep" / "run") as writer:
        writer.write("alarms", _alerts())
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_complete_run_is_kept_unless_overwritten(tmp_path: Path) -> None:
    _write(tmp_path / "run", seed=1)
    with pytest.raises(RunFolderError, match="overwrite=true"):
        _write(tmp_path / "run", seed=2)
    assert RunReader(tmp_path / "run").manifest["seed"] == 1
    _write(tmp_path / "run", seed=2, overwrite=True)
    assert RunReader(tmp_path / "run").manifest["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_failed_overwrite_keeps_the_old_run(tmp_path: Path) -> None:
    _write(tmp_path / "run", seed=1)
    with pytest.raises(ZeroDivisionError), RunWriter(tmp_path / "run", overwrite=True):
        raise ZeroDivisionError
    assert RunReader(tmp_path / "run").manifest["seed"] == 1


def test_a_folder_that_is_no_run_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(RunFolderError, match="no run folder"):
        check_free(tmp_path / "mine", overwrite=True)
    with pytest.raises(RunFolderError, match="is a file"):
        check_free(tmp_path / "mine" / "thesis.txt")
    check_free(tmp_path / "new")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with (
        RunWriter(tmp_path / "run"),
        pytest.raises(RunFolderError, match=f"process {os.getpid()}"),
        RunWriter(tmp_path / "run"),
    ):
        pass


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    (tmp_path / ".run.lock").write_text("999999999")
    _write(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="out: cannot write"):
        _write(tmp_path / "run")
    tmp_path.chmod(0o700)


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="out: cannot write"):
        _write(tmp_path / "file" / "run")


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"schema": 99, "files": {}}', "\x00\xff"])
def test_a_folder_that_is_no_run_is_one_clear_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(RunFolderError) as found:
        RunReader(tmp_path)
    assert "\n" not in str(found.value)


def test_columns_are_those_of_the_schema(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        with pytest.raises(TableError, match="unknown column 'colour'"):
            writer.write("alerts", _alerts().append_column("colour", pa.array([1, 2, 3])))
        with pytest.raises(TableError, match="'detector' is missing"):
            writer.write("alerts", _alerts().drop_columns(["detector"]))
        with pytest.raises(TableError, match="no table 'alarms'"):
            writer.write("alarms", _alerts())
        with pytest.raises(TableError, match="score"):
            writer.write("alerts", _alerts().append_column("score", pa.array(["high"] * 3)))


def test_chunks_with_other_dictionaries_are_one_table(tmp_path: Path) -> None:
    other = _alerts().set_column(0, "arm", pa.array(["managed"] * 3).dictionary_encode())
    with RunWriter(tmp_path / "run") as writer:
        writer.write("alerts", [_alerts(), other])
        assert writer.reader().frame("alerts")["arm"].tolist() == ["unmanaged"] * 3 + ["managed"] * 3


def test_a_flipped_bit_is_found_on_reading(tmp_path: Path) -> None:
    _write(tmp_path / "run")
    path = tmp_path / "run" / "alerts.parquet"
    data = bytearray(path.read_bytes())
    seen = 0
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        try:
            if RunReader(tmp_path / "run").table("alerts").equals(tables.conform(_alerts(), tables.TABLES["alerts"])):
                seen += 1
        except RunFolderError:
            seen += 1
    # the footer has no checksum of its own, so a few flips there read as other data: verify finds those
    assert seen / len(data) > 0.97


def test_a_part_file_short_of_rows_is_found(tmp_path: Path) -> None:
    _write(tmp_path / "run")
    tables.write_table(
        tmp_path / "run" / "alerts.parquet",
        tables.conform(_alerts(2), tables.TABLES["alerts"]),
        tables.TABLES["alerts"],
    )
    with pytest.raises(RunFolderError, match="holds 2 rows, the manifest says 3"):
        RunReader(tmp_path / "run").table("alerts")


def test_rewriting_the_page_renews_the_manifest(tmp_path: Path) -> None:
    _write(tmp_path / "run")
    before = RunReader(tmp_path / "run").manifest
    replace_file(tmp_path / "run", "report.html", "<p>new</p>")
    after = RunReader(tmp_path / "run").manifest
    assert after["digest"] != before["digest"] == digest_of(before)
    assert after["digest"] == digest_of(after)
    assert set(after["files"]) - set(before["files"]) == {"report.html"}


def test_replications_are_runs_of_their_own(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for seed in (10, 9):
            _write(writer.path(f"replications/{seed}"), seed=seed)
        writer.identify(version="0", seed=9, config_hash="c", arms={})
    reader = RunReader(tmp_path / "run")
    assert [run.manifest["seed"] for run in reader.replications()] == [9, 10]
    assert "replications/9/alerts.parquet" in reader.manifest["files"]
    assert json.loads((tmp_path / "run" / "manifest.json").read_text()) == reader.manifest
