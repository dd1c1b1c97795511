"""loky, Dask and Ray: one event hash for each scenario and seed, and one leaderboard."""

import pytest
from benches import finish, hashes, table

ONE = ("seeds.dev=[]", "scored=[]", "entrants.silence=[detector=book]", "scenarios.calm=[world.days=2,faults.scale=2]")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    out = tmp_path_factory.mktemp("engines") / "here"
    finish(out, "workers=1", *ONE)
    return out


@pytest.mark.campaign
@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_local_cluster_gives_the_same(here, engine, tmp_path):
    there = tmp_path / "there"
    finish(there, "workers=2", f"engine={engine}", *ONE)
    assert hashes(there) == hashes(here)
    assert table(there) == table(here)


HOWS = [("workers=2",), ("workers=4",), ("workers=2", "engine=dask"), ("workers=2", "engine=ray")]


@pytest.mark.campaign
@pytest.mark.parametrize("how", HOWS)
def test_any_number_of_workers_and_any_engine_give_the_same(how, tmp_path):
    one, many = tmp_path / "one", tmp_path / "many"
    words = ("suite=smoke",)
    finish(one, "workers=1", *words)
    finish(many, *how, *words)
    assert hashes(many) == hashes(one)
    assert table(many) == table(one)
