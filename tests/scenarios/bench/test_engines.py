"""loky, Dask and Ray: one event hash for each scenario and seed, and one leaderboard."""

import pytest
from benches import finish, hashes, start, table


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("engines") / "smoke"
    finish(out, "suite=smoke", "workers=1")
    return out


HOWS = [("workers=2",), ("workers=4",), ("workers=2", "engine=dask"), ("workers=2", "engine=ray")]


@pytest.mark.campaign
@pytest.mark.parametrize("how", HOWS)
def test_any_number_of_workers_and_any_engine_give_the_same(smoke, how, tmp_path):
    many = tmp_path / "many"
    finish(many, *how, "suite=smoke")
    assert hashes(many) == hashes(smoke)
    assert table(many) == table(smoke)


@pytest.mark.parametrize("engine", ["dask", pytest.param("ray", marks=pytest.mark.campaign)])
def test_a_cluster_that_does_not_answer_is_one_clear_line_and_nothing_is_written(engine, tmp_path):
    # Port 9 of this machine: nobody listens there.
    address = {"dask": "tcp://127.0.0.1:9", "ray": "ray://127.0.0.1:9"}[engine]
    words = (f"engine={engine}", f"engine.address={address}", "entrants={never: []}", "scored=[]")
    process = start(tmp_path / "dead", *words)
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 2, told
    assert told.splitlines()[-1].startswith(f"stocktwin: engine.address={address}: no {engine} cluster answers there")
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "dead").exists()
