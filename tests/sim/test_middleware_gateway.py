"""The API gateway: who is answered, who is told to come back, and what the hour's row says."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from sim.clock import HOUR, MINUTE, TICK
from sim.config import Config
from sim.events import CODE, INTERFACE, SOURCE
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, quiet_config

WEB = INTERFACE["web_oms"]


def _called(config: Config, calls: Callable[[int], int]) -> tuple[Played, dict[int, int]]:
    """A world whose web shop makes ``calls(tick of the day)`` calls a tick, and what was answered by time."""
    world = RegionWorld(config, 1, 0)
    answered: dict[int, int] = {}

    def after(now: int) -> list[dict[str, object]]:
        # Each step comes at the end of a tick, after the world's own calls.
        answered[now] = world.region.gateway.admit(calls(now // TICK % 96), now)
        return []

    watcher = Watcher(after=after)
    world.run(watcher.step)
    return Played(world, watcher), answered


def _config(days: int = 3, **rates: float) -> Config:
    config = quiet_config(stores=1, items=5, days=days, **rates)
    config.demand.online_share = 0.0
    return config


def _turned_away(played: Played, code: str) -> pd.DataFrame:
    rows = played.of("retrying")
    return rows[(rows.interface == WEB) & (rows.code == CODE[code])]


def test_every_call_is_answered_on_a_quiet_day_and_counted_by_the_hour():
    played, answered = _called(_config(), lambda tick: 10 + tick)
    assert answered == {now: 10 + now // TICK % 96 for now in answered}
    hours = played.of("telemetry")
    hours = hours[hours.interface == WEB]
    assert set(hours.source) == {SOURCE["GATEWAY"]}
    assert (hours.latency_p95_ms > 50).all()
    # The rows of the last hour are seen only after the end.
    assert sum(hours["count"]) >= sum(n for now, n in answered.items() if now <= played.end - 2 * HOUR)


def test_expired_tokens_are_refused_once_and_called_again():
    played, answered = _called(_config(), lambda _: 100)
    stale = _turned_away(played, "401")
    assert len(stale) == 5
    assert set(stale["count"]) == {20}
    assert set(answered.values()) == {100}


def test_the_bucket_throttles_a_burst_and_lets_the_saved_up_rate_through():
    config = _config()
    config.online.calls_per_minute = 10.0
    # 150 calls a tick are covered; the bucket holds 200.
    played, answered = _called(config, lambda tick: 400 if tick in {40, 41} else 50)
    start = played.world.room.calendar.start
    first, second = answered[start + 40 * TICK], answered[start + 41 * TICK]
    assert (first, second) == (200, 150)
    throttled = _turned_away(played, "429")
    assert throttled["count"].tolist() == [200, 250] * 2 + ([200, 250] if len(throttled) == 6 else [])
    assert not len(played.exceptions())


def test_an_outage_of_the_gateway_refuses_and_says_so():
    config = _config(days=8, api_outage=60.0)
    played, answered = _called(config, lambda _: 40)
    exceptions = played.exceptions("api_outage")
    mine = exceptions[exceptions.interface == WEB]
    assert len(mine) >= 2
    faults, links = played.faults("api_outage").set_index("number"), played.lineage()
    for exception in mine.itertuples():
        fault = faults.loc[exception.faults[0]]
        ended = fault.ended_at if fault.ended_at != -1 else played.end
        down = [n for now, n in answered.items() if fault.onset < now <= ended - MINUTE]
        assert all(n < 40 for n in down)
        rows = pd.concat([_turned_away(played, "503"), _turned_away(played, "429")])
        rows = rows[(rows.available_at >= fault.onset) & (rows.available_at < ended)]
        assert exception.first_evidence_at == rows.available_at.min()
        assert {(event, fault.fault_id) for event in rows.event_id} <= links
        if fault.ended_at != -1 and fault.ended_at < played.end - TICK:
            assert exception.restored_at != -1
    assert len(set(_turned_away(played, "429").occurred_at) | set(_turned_away(played, "503").occurred_at)) > 5


def test_the_gateway_tells_whether_it_is_open():
    world = RegionWorld(_config(), 1, 0)
    gateway, now = world.region.gateway, world.room.now + 10 * TICK
    assert gateway.is_open(now)
    gateway.door.shut(now, now + 2 * TICK)
    assert not gateway.is_open(now + TICK)
    assert gateway.admit(5, now + TICK) == 0
    assert gateway.is_open(now + 3 * TICK)
    assert gateway.admit(5, now + 3 * TICK) == 5
