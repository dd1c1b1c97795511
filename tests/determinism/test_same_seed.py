"""The same seed gives the same run, whatever the machine does differently: hash seeds, processes, neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.compose import compose
from sim.clock import DAY
from sim.region import stores_of_region
from sim.world import RegionWorld
from tests.conftest import Command
from tests.determinism.experiments import TWO_REGIONS, before, manifest, rows, run
from tests.sim.small_world import play, small_config


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("first") / "run"
    return folder, run(folder, *TWO_REGIONS, "seed=7")


def _same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert other["event_hash"] == one["event_hash"]
    assert other["arms"] == one["arms"]
    assert other["config_hash"] == one["config_hash"]
    # More than the hashes: every file, but the page and the configuration, which name the folder and the workers.
    for name, digest in one["files"].items():
        if name not in {"report.html", "config.yaml"}:
            assert other["files"][name] == digest, f"{name} differs"


def test_again_in_another_process_with_another_hash_seed(first: tuple[Path, dict[str, Any]], command: Command,
                                                          tmp_path: Path):
    done = command("run", *TWO_REGIONS, "seed=7", "out=run", cwd=tmp_path, PYTHONHASHSEED="4242")
    assert done.returncode == 0, done.stderr
    _same(first[1], manifest(tmp_path / "run"))


def test_again_with_two_workers(first: tuple[Path, dict[str, Any]], tmp_path: Path):
    _same(first[1], run(tmp_path / "run", *TWO_REGIONS, "seed=7", "workers=2"))


@pytest.mark.campaign
def test_another_seed_is_another_run(first: tuple[Path, dict[str, Any]], tmp_path: Path):
    other = run(tmp_path / "run", *TWO_REGIONS, "seed=8")
    assert set(other["arms"]) == set(first[1]["arms"])
    assert all(other["arms"][arm] != digest for arm, digest in first[1]["arms"].items())


def test_a_region_does_not_know_whether_others_run():
    # Two regions of two stores; the second is the same whether it runs first, last, or alone.
    config = small_config(stores=4, items=30, days=6)
    config.world.regions = 2
    config.faults.scale = 4.0
    alone = play(config, seed=3, region=1).world.stream_hash
    neighbour = play(config, seed=3, region=0).world.stream_hash
    assert play(config, seed=3, region=1).world.stream_hash == alone != neighbour


def test_a_region_does_not_know_how_many_others_there_are():
    # Region 1 holds two stores in both chains; their names differ only by how many stores stand before them.
    two, three = small_config(stores=4, items=30, days=6), small_config(stores=6, items=30, days=6)
    two.world.regions, three.world.regions = 2, 3
    assert stores_of_region(two, 1) == stores_of_region(three, 1) == (2, 2)
    assert play(two, region=1).world.stream_hash == play(three, region=1).world.stream_hash


def test_the_stream_as_written_is_the_stream_as_seen(tmp_path: Path):
    config = small_config(stores=2, items=20, days=5)
    config.faults.scale = 4.0
    written = RegionWorld(config, 5, 0, tmp_path / "events" / "arm=x" / "region=R1" / "part-0000.parquet")
    written.run()
    played = play(config, seed=5)
    assert played.world.stream_hash == written.stream_hash
    table = rows(tmp_path, "x")
    assert table["event_id"].to_pylist() == played.rows.event_id.tolist()
    assert table["available_at"].cast("int64").to_pylist() == played.rows.available_at.tolist()


def test_a_longer_run_begins_like_a_shorter_one(tmp_path: Path):
    words = ("world.stores=3", "world.items=40", "world.suppliers=6", "faults.scale=4", "oracle=false", "record=full")
    run(tmp_path / "short", *words, "world.days=10")
    run(tmp_path / "long", *words, "world.days=13")
    cut = RegionWorld(compose([*words, "world.days=10"]), 1, 0).room.calendar.start + 10 * DAY
    for arm in ("unmanaged", "managed"):
        short, long = before(rows(tmp_path / "short", arm), cut), before(rows(tmp_path / "long", arm), cut)
        assert short.num_rows > 2_000
        assert short.equals(long)
