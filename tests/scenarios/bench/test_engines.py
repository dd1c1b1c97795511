"""loky, Dask and Ray: one event hash for each scenario and seed, and one leaderboard."""

import pytest
from benches import finish, hashes, table


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
